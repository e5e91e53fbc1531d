/*
 * Something that tells in every column of a workspace's rows that takes words, bytes or JSON, whatever the column is for; what a constraint refuses stays
 * as it is, and so do the numbers of receipts.  public.tell(ws) does it and says how many columns it did; public.left_of(ws) counts the rows of a workspace in each table that has some.
 */
"CREATE FUNCTION public.tell(w uuid) RETURNS int LANGUAGE plpgsql AS $$ DECLARE c record; n int; done int := 0; BEGIN"
    " FOR c IN SELECT k.relname, a.attname, a.atttypid::regtype::text AS ty FROM pg_class k JOIN pg_attribute a ON a.attrelid = k.oid AND a.attnum > 0"
    "  AND NOT a.attisdropped AND a.attgenerated = '' WHERE k.relnamespace = 'eddy'::regnamespace AND k.relkind = 'r' AND k.relname NOT IN"
    "  ('schema_migrations', 'audit', 'audit_chain', 'audit_seals') AND a.attname <> 'counts' AND a.atttypid::regtype::text IN ('text', 'text[]', 'jsonb', 'bytea', 'tsvector') LOOP"
    "  BEGIN EXECUTE format('UPDATE eddy.%I SET %I = %s WHERE ws = $1', c.relname, c.attname, CASE c.ty WHEN 'text' THEN '''canary-'' || left(md5(random()::text), 9)'"
    "   WHEN 'text[]' THEN 'ARRAY[''canary-array'']' WHEN 'jsonb' THEN '''{\"canary\": \"canary\"}''' WHEN 'tsvector' THEN '''canary:1''::tsvector'"
    "   ELSE '''canary-bytes''::bytea' END) USING w; GET DIAGNOSTICS n = ROW_COUNT; done := done + (n > 0)::int;"
    "  EXCEPTION WHEN OTHERS THEN NULL; END; END LOOP; RETURN done; END $$;"
    "CREATE FUNCTION public.left_of(w uuid) RETURNS text LANGUAGE plpgsql AS $$ DECLARE t text; n bigint; out text := ''; BEGIN"
    " FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'eddy'::regnamespace AND relkind = 'r' AND relname <> 'schema_migrations' ORDER BY 1 LOOP"
    "  EXECUTE format('SELECT count(*) FROM eddy.%I WHERE ws = $1', t) INTO n USING w;"
    "  IF n > 0 THEN out := out || t || ' '; END IF; END LOOP; RETURN out; END $$;"
