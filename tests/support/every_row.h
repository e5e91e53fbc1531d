#ifndef EDDY_TEST_EVERY_ROW_H
#define EDDY_TEST_EVERY_ROW_H

/*
 * SQL for tests that need rows of everything: run hints, then generator, as the administrator; included once per program.  public.fill(ws) makes a row in
 * every table, parents first; public.rows_of(ws) is a digest of each table's rows; public.row_of(table, ws) is one as JSON.
 */

/* Columns whose value no type gives away: a constraint, or a row that must be of a certain kind.  An expression; $W is the workspace. */
static const char hints[] =
    "CREATE TABLE public.hints (t text, c text, v text); INSERT INTO public.hints VALUES"
    " ('nodes', 'parent_id', '$W'), ('nodes', 'kind', '3'), ('nodes', 'slug', '''team'''),"
    " ('node_configs', 'layer', '3'), ('node_configs', 'subject', '$W'),"
    " ('messages', 'body', '''needle '' || $W'), ('context_items', 'body', '''needle '' || $W'), ('resolutions', 'body', '''needle '' || $W'),"
    " ('pending_changes', 'layer', '3'), ('installs', 'external_id', '$W::text'), ('holds', 'kind', '1'), ('audit_seals', 'tx', '''1''::xid8'), ('budgets', 'cap_tokens', '1'), ('budget_told', 'level', '50'),"
    " ('secrets', 'key_id', 'repeat(''x'', 16)'), ('secrets', 'nonce', 'decode(repeat(''01'', 24), ''hex'')');";

/* Rows of everything for workspace $1, parents first; what cannot be filled is an error that names it. */
static const char generator[] =
    "CREATE FUNCTION public.fill(w uuid) RETURNS void LANGUAGE plpgsql AS $$ DECLARE todo text[]; later text[]; tbl text; col record; cols text; vals text; v text;"
    " why text; BEGIN"
    " SELECT array_agg(relname::text ORDER BY relname) INTO todo FROM pg_class WHERE relnamespace = 'eddy'::regnamespace AND relkind = 'r'"
    "  AND relname <> 'schema_migrations';"
    " WHILE todo IS NOT NULL LOOP later := NULL; why := '';"
    "  FOREACH tbl IN ARRAY todo LOOP cols := ''; vals := '';"
    "   FOR col IN SELECT a.attname, a.attnum, a.attnotnull, a.atttypid::regtype::text AS ty, (SELECT h.v FROM public.hints h WHERE h.t = tbl"
    "     AND h.c = a.attname) AS hint, (SELECT format('(SELECT %I FROM eddy.%I WHERE ws = $1 ORDER BY ctid DESC LIMIT 1)', f.attname, r.relname)"
    "      FROM pg_constraint k JOIN pg_class r ON r.oid = k.confrelid JOIN pg_attribute f ON f.attrelid = k.confrelid"
    "      AND f.attnum = k.confkey[array_position(k.conkey, a.attnum)] WHERE k.conrelid = a.attrelid AND k.contype = 'f' AND a.attnum = ANY (k.conkey)"
    "      AND a.attname <> 'ws' LIMIT 1) AS ref"
    "     FROM pg_attribute a WHERE a.attrelid = ('eddy.' || tbl)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''"
    "     AND (NOT a.atthasdef OR EXISTS (SELECT 1 FROM public.hints h WHERE h.t = tbl AND h.c = a.attname)) LOOP"
    "    CONTINUE WHEN NOT col.attnotnull AND col.hint IS NULL;"
    "    v := CASE WHEN col.attname = 'ws' THEN '$1' WHEN col.hint IS NOT NULL THEN replace(col.hint, '$W', '$1') WHEN col.ref IS NOT NULL THEN col.ref"
    "     ELSE CASE col.ty WHEN 'uuid' THEN format('md5($1::text || %L)::uuid', tbl || col.attname) WHEN 'text' THEN '''x'''"
    "     WHEN 'smallint' THEN '1' WHEN 'integer' THEN '1' WHEN 'bigint' THEN '1' WHEN 'boolean' THEN 'true' WHEN 'bytea' THEN"
    "     'decode(md5($1::text) || md5($1::text), ''hex'')' WHEN 'timestamp with time zone' THEN 'now()' WHEN 'date' THEN 'current_date'"
    "     WHEN 'jsonb' THEN '''{}''' WHEN 'text[]' THEN '''{}''' WHEN 'uuid[]' THEN '''{}''' ELSE 'NULL' END END;"
    "    cols := cols || ', ' || quote_ident(col.attname); vals := vals || ', ' || v; END LOOP;"
    "   BEGIN EXECUTE format('INSERT INTO eddy.%I (%s) SELECT %s ON CONFLICT DO NOTHING', tbl, substr(cols, 3), substr(vals, 3)) USING w;"
    "   EXCEPTION WHEN OTHERS THEN later := later || tbl; why := why || tbl || ': ' || SQLERRM || E'\\n'; END;"
    "  END LOOP;"
    "  IF later = todo THEN RAISE 'give these a line in hints: %', why; END IF; todo := later;"
    " END LOOP; END $$;"
    /* All of a workspace's rows with the transaction that wrote each. */
    "CREATE FUNCTION public.rows_of(w uuid) RETURNS text LANGUAGE plpgsql AS $$ DECLARE t text; one text; out text := ''; BEGIN"
    " FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'eddy'::regnamespace AND relkind = 'r' AND relname <> 'schema_migrations' ORDER BY 1 LOOP"
    "  EXECUTE format('SELECT left(md5(string_agg(x.xmin::text || x::text, E''\\n'' ORDER BY x.ctid)), 8) || count(*) FROM eddy.%I x WHERE ws = $1', t) INTO one USING w;"
    "  out := out || t || '=' || coalesce(one, 'none') || E'\\n'; END LOOP; RETURN out; END $$;"
    "CREATE FUNCTION public.row_of(t text, w uuid) RETURNS text LANGUAGE plpgsql AS $$ DECLARE out text; BEGIN"
    " EXECUTE format('SELECT to_jsonb(x)::text FROM eddy.%I x WHERE ws = $1 LIMIT 1', t) INTO out USING w; RETURN out; END $$;"
    "CREATE FUNCTION public.columns_of(t text) RETURNS text LANGUAGE sql AS $$ SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"
    " WHERE attrelid = ('eddy.' || t)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '' $$;";

#endif
