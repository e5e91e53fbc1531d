/*
 * The rules of row security read from the catalogues: each rule is one branch of a query that returns a line per
 * offence.  The shipped schema has none; then what a bad migration would do is done inside a transaction that is taken back, a
 * test each, to see that it is noticed; no rule is without one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/store/admin.h"
#include "../../../core/store/kinds.h"
#include "../../support/db.h"

/* Tables without row security, each with its reason in its own comment. */
#define REVIEWED_TABLES "'dispatch', 'installs', 'schema_migrations', 'api_key_homes'"
/* Functions that run with the rights of their owner. */
#define REVIEWED_DEFINERS \
	"'search_messages', 'search_items', 'search_made', 'search_erasures', 'search_others', 'search_echoes', 'tidy_search', 'tidy_statistics'"

/* Open to everyone, because they read nothing but their arguments. */
#define REVIEWED_PURE "'search_word', 'search_any', 'search_strip'"
/* Tables with words of people (core/store/kinds.h) from which no hold keeps a copy, and why none has to. */
static const struct {
	const char *table, *why;
} not_held[] = {
	{ "api_answers", "the same again for a day, of what is stored elsewhere" },
	{ "approvals", "the text is in the steps of its run, which are kept" },
	{ "embeddings", "made of messages, and can be made again" },
	{ "erasure_words", "there only while an erasure is at work" },
	{ "forks", "the topic is the words of a message, or of the command that asked for it, which are kept" },
	{ "held_rows", "what holds have kept" },
	{ "holds", "its reason stands until the hold has ended" },
	{ "outbox", "on its way, of a message that is kept" },
	{ "pending_changes", "settings that wait for a second person" },
	{ "summaries", "made of messages, and can be made again" },
	{ "threads", "names; what was said there is kept" },
};
/* How the server shows (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid)). */
#define OWN_ROWS "'(ws = ( SELECT (NULLIF(current_setting(''app.ws''::text, true), ''''::text))::uuid AS \"nullif\"))'"

static const char lint[] =
    "WITH t AS (SELECT c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relowner, c.relacl, "
    "c.relispartition,"
    "  (SELECT attnum FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'ws' AND NOT a.attisdropped"
    "   AND a.atttypid = 'uuid'::regtype AND a.attnotnull) AS ws"
    "  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'eddy' AND c.relkind IN ('r', "
    "'p')),"
    " tenant AS (SELECT * FROM t WHERE relname NOT IN (" REVIEWED_TABLES ")),"
    " role AS (SELECT oid, rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication, rolcanlogin,"
    "  split_part(rolname, '_', 3) AS part FROM pg_roles WHERE rolname IN ('eddy_test_owner', 'eddy_test_eddy', "
    "'eddy_test_search',"
    "  'eddy_test_maint')),"
    " extension AS (SELECT objid AS oid FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_proc'::regclass)"
    " SELECT 'table without ws: ' || relname FROM tenant WHERE ws IS NULL"
    " UNION ALL SELECT 'row security not enabled: ' || relname FROM tenant WHERE NOT relrowsecurity"
    " UNION ALL SELECT 'row security not forced: ' || relname FROM tenant WHERE NOT relforcerowsecurity"
    /* The very expression, so that nothing can be ORed to it and it is evaluated once per query. */
    " UNION ALL SELECT 'no tenant policy: ' || relname FROM tenant WHERE (SELECT count(*) FROM pg_policy p WHERE "
    "p.polrelid = tenant.oid"
    "  AND p.polcmd = '*' AND p.polpermissive AND p.polroles = (SELECT array_agg(oid) FROM role WHERE part = 'eddy')"
    "  AND pg_get_expr(p.polqual, p.polrelid) = " OWN_ROWS " AND pg_get_expr(p.polwithcheck, p.polrelid) = " OWN_ROWS ") <> 1"
    " UNION ALL SELECT 'policy without check: ' || polname || ' on ' || relname FROM pg_policy p JOIN t ON t.oid = "
    "p.polrelid"
    "  WHERE p.polcmd IN ('*', 'a', 'w') AND p.polwithcheck IS NULL"
    " UNION ALL SELECT 'further permissive policy: ' || polname || ' on ' || relname FROM pg_policy p JOIN t ON t.oid "
    "= p.polrelid"
    "  WHERE p.polpermissive AND NOT (p.polname = 'tenant' AND p.polroles = (SELECT array_agg(oid) FROM role WHERE "
    "part = 'eddy'))"
    "  AND NOT (p.polname = 'maintenance' AND p.polroles = (SELECT array_agg(oid) FROM role WHERE part = 'maint'))"
    "  AND NOT (p.polname = 'search' AND p.polcmd = 'r' AND relname IN ('messages', 'context_items', 'forks', 'resolutions', 'threads', 'erasures')"
    "   AND p.polroles = (SELECT array_agg(oid) FROM role WHERE part = 'search'))"
    " UNION ALL SELECT 'unique key does not begin with ws: ' || i.indexrelid::regclass FROM pg_index i JOIN tenant ON "
    "tenant.oid = i.indrelid"
    "  WHERE (i.indisunique OR i.indisexclusion) AND i.indkey[0] IS DISTINCT FROM tenant.ws"
    " UNION ALL SELECT 'no primary key: ' || relname FROM t WHERE NOT EXISTS (SELECT 1 FROM pg_index i WHERE i.indrelid = t.oid AND i.indisprimary)"
    /* of plans that look equally good the planner takes the newest index (migrations/001, 014): what is looked up for every message */
    " UNION ALL SELECT 'index newer than the primary key: ' || i.indexrelid::regclass FROM pg_index i JOIN tenant ON tenant.oid = i.indrelid"
    "  JOIN pg_index k ON k.indrelid = i.indrelid AND k.indisprimary WHERE i.indexrelid > k.indexrelid AND i.indkey[0] = tenant.ws"
    "  AND relname IN ('threads', 'messages', 'runs', 'outbox', 'inbox', 'places', 'people', 'identities')"
    " UNION ALL SELECT 'foreign key without ws: ' || k.conname FROM pg_constraint k JOIN tenant ON tenant.oid = "
    "k.conrelid"
    "  LEFT JOIN t target ON target.oid = k.confrelid WHERE k.contype = 'f' AND (k.conkey[1] IS DISTINCT FROM tenant.ws"
    "   OR k.confkey[1] IS DISTINCT FROM target.ws)"
    " UNION ALL SELECT 'view without security_invoker: ' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = "
    "c.relnamespace"
    "  WHERE c.relkind = 'v' AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    "  AND NOT coalesce(c.reloptions && ARRAY['security_invoker=true', 'security_invoker=on'], false)"
    " UNION ALL SELECT 'materialised view: ' || c.relname FROM pg_class c WHERE c.relkind = 'm'"
    " UNION ALL SELECT 'security definer: ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = "
    "p.pronamespace"
    "  WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')"
    "  AND NOT (n.nspname = 'eddy' AND p.proname IN (" REVIEWED_DEFINERS "))"
    " UNION ALL SELECT 'security definer of the wrong owner: ' || p.proname FROM pg_proc p"
    "  WHERE p.prosecdef AND p.proname IN (" REVIEWED_DEFINERS ") AND p.proowner NOT IN (SELECT oid FROM role"
    "   WHERE part = CASE WHEN p.proname LIKE 'search%' THEN 'search' ELSE 'owner' END)"
    " UNION ALL SELECT 'security definer without fixed search_path: ' || p.proname FROM pg_proc p WHERE p.prosecdef"
    "  AND NOT EXISTS (SELECT 1 FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%pg_temp')"
    " UNION ALL SELECT 'security definer open to everyone: ' || p.proname FROM pg_proc p WHERE p.prosecdef"
    "  AND (p.proacl IS NULL OR EXISTS (SELECT 1 FROM aclexplode(p.proacl) x WHERE x.grantee = 0))"
    " UNION ALL SELECT 'leakproof: ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = "
    "p.pronamespace"
    "  WHERE p.proleakproof AND n.nspname <> 'pg_catalog'"
    " UNION ALL SELECT 'grant on a partition: ' || relname FROM t WHERE relispartition"
    "  AND EXISTS (SELECT 1 FROM aclexplode(relacl) x WHERE x.grantee <> relowner)"
    " UNION ALL SELECT 'grant of ' || x.privilege_type || ' on ' || relname FROM t, aclexplode(t.relacl) x"
    "  WHERE x.grantee <> t.relowner AND x.privilege_type IN ('TRUNCATE', 'REFERENCES', 'TRIGGER')"
    " UNION ALL SELECT 'grant to everyone on ' || relname FROM t, aclexplode(t.relacl) x WHERE x.grantee = 0"
    " UNION ALL SELECT 'wrong attributes of role ' || rolname FROM role WHERE rolsuper OR rolbypassrls OR "
    "rolcreaterole OR rolcreatedb"
    "  OR rolreplication OR rolcanlogin <> (part IN ('eddy', 'maint'))"
    " UNION ALL SELECT 'role is missing: ' || x FROM unnest(ARRAY['owner', 'eddy', 'search', 'maint']) x"
    "  WHERE NOT EXISTS (SELECT 1 FROM role WHERE part = x)"
    " UNION ALL SELECT 'role is a member of another: ' || role.rolname FROM role JOIN pg_auth_members m ON m.member = "
    "role.oid"
    " UNION ALL SELECT 'not owned by the owner role: ' || relname FROM t WHERE relowner NOT IN (SELECT oid FROM role "
    "WHERE part = 'owner')"
    " UNION ALL SELECT 'content in a table without row security: ' || relname || '.' || a.attname FROM t JOIN "
    "pg_attribute a"
    "  ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped WHERE (relname = 'dispatch'"
    "  OR relname = 'api_key_homes' AND a.attname <> 'secret_hash')"
    "  AND a.atttypid::regtype NOT IN ('uuid', 'integer', 'bigint', 'timestamptz', 'boolean')"
    " UNION ALL SELECT 'security definer owned by one whom policies do not bind: ' || p.proname FROM pg_proc p JOIN pg_roles o ON o.oid = p.proowner"
    "  WHERE p.prosecdef AND (o.rolsuper OR o.rolbypassrls)"
    " UNION ALL SELECT 'on the reviewed list, but not there: ' || x FROM unnest(ARRAY[" REVIEWED_TABLES "]) x"
    "  WHERE NOT EXISTS (SELECT 1 FROM t WHERE relname = x)"
    " UNION ALL SELECT 'on the reviewed list, but not there: ' || x FROM unnest(ARRAY[" REVIEWED_DEFINERS "]) x"
    "  WHERE NOT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = 'eddy' AND p.proname = x AND p.prosecdef)"
    " UNION ALL SELECT 'row security, but on the list of tables without: ' || relname FROM t WHERE relname IN (" REVIEWED_TABLES
    ") AND relrowsecurity"
    " UNION ALL SELECT 'column grant of ' || x.privilege_type || ' on ' || relname FROM t JOIN pg_attribute a ON a.attrelid = t.oid, aclexplode(a.attacl) x"
    "  WHERE x.grantee = 0 OR relispartition OR x.privilege_type = 'REFERENCES'"
    " UNION ALL SELECT 'grant that may be passed on: ' || relname FROM t, aclexplode(t.relacl) x WHERE x.grantee <> t.relowner AND x.is_grantable"
    " UNION ALL SELECT 'grant to a role that is none of ours: ' || relname FROM t, aclexplode(t.relacl) x"
    "  WHERE x.grantee NOT IN (SELECT oid FROM role) AND x.grantee <> 0"
    " UNION ALL SELECT 'function open to everyone: ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    "  WHERE n.nspname = 'eddy' AND p.oid NOT IN (SELECT oid FROM extension) AND p.proname NOT IN (" REVIEWED_PURE ")"
    "  AND (p.proacl IS NULL OR EXISTS (SELECT 1 FROM aclexplode(p.proacl) x WHERE x.grantee = 0))"
    " UNION ALL SELECT 'function without fixed search_path: ' || p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
    "  WHERE n.nspname = 'eddy' AND p.oid NOT IN (SELECT oid FROM extension) AND NOT EXISTS (SELECT 1 FROM unnest(p.proconfig) s WHERE s LIKE 'search_path=%pg_temp')"
    "  AND (p.prosecdef OR p.prolang <> (SELECT oid FROM pg_language WHERE lanname = 'sql'))" /* that would not be inlined */
    " UNION ALL SELECT 'privileges for what will be made: ' || coalesce(n.nspname, '') FROM pg_default_acl d LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace"
    " UNION ALL SELECT 'schema in which others may make things: ' || n.nspname FROM pg_namespace n, aclexplode(n.nspacl) x WHERE n.nspname IN ('eddy', 'public')"
    "  AND x.privilege_type = 'CREATE' AND x.grantee <> n.nspowner AND x.grantee NOT IN (SELECT oid FROM role WHERE part = 'owner')"
    " UNION ALL SELECT 'table in another schema: ' || c.oid::regclass FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    "  WHERE c.relkind IN ('r', 'p') AND n.nspname NOT IN ('eddy', 'pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg_t%'"
    " UNION ALL SELECT 'foreign table: ' || c.relname FROM pg_class c WHERE c.relkind = 'f'"
    " UNION ALL SELECT 'lost in a crash: ' || c.relname FROM pg_class c JOIN t ON t.oid = c.oid WHERE c.relpersistence <> 'p'"
    /* A rule is carried out with the rights of the table's owner. */
    " UNION ALL SELECT 'rule: ' || w.rulename || ' on ' || relname FROM pg_rewrite w JOIN t ON t.oid = w.ev_class"
    " UNION ALL SELECT 'sequence: ' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    "  WHERE n.nspname = 'eddy' AND c.relkind = 'S'"
    /* $1: tables with words of people, each with the event at which they go: 8 DELETE, 16 UPDATE.  2: before it; 1: for each row. */
    " UNION ALL SELECT 'words that no hold keeps: ' || split_part(w, ':', 1) FROM unnest($1::text[]) w WHERE NOT EXISTS (SELECT 1 FROM pg_trigger g"
    "  WHERE g.tgrelid = to_regclass('eddy.' || split_part(w, ':', 1)) AND g.tgfoid = to_regproc('eddy.hold_keep') AND g.tgenabled IN ('O', 'A')"
    "  AND g.tgtype & (3 | split_part(w, ':', 2)::int) = 3 | split_part(w, ':', 2)::int)"
    " UNION ALL SELECT 'no comment: ' || relname FROM t WHERE coalesce(obj_description(oid, 'pg_class'), '') = ''"
    " UNION ALL SELECT 'no comment: ' || relname || '.' || a.attname FROM t JOIN pg_attribute a ON a.attrelid = t.oid "
    "AND a.attnum > 0"
    "  AND NOT a.attisdropped WHERE coalesce(col_description(t.oid, a.attnum), '') = ''"
    " ORDER BY 1";

static struct admin db;

static bool is_not_held(const char *table)
{
	for (size_t i = 0; i < sizeof not_held / sizeof *not_held; i++)
		if (strcmp(not_held[i].table, table) == 0)
			return true;
	return false;
}

static bool has_words(const struct data_table *t, bool *row)
{
	bool any = false;
	*row = false;
	for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++)
		if (c->class == DATA_CONTENT) {
			any = true;
			*row |= c->way != DATA_EMPTY;
		}
	return any;
}

static void put_tables_with_words(struct buf *out)
{
	bool row;
	for (const struct data_table *t = data_tables; t->name != NULL; t++)
		if (has_words(t, &row) && !is_not_held(t->name))
			buf_addf(out, "%s%s:%d", out->len == 0 ? "{" : ",", t->name, row ? 8 : 16);
	buf_add_str(out, "}");
}

static void offences(struct admin *a, struct buf *out)
{
	PGresult *r = NULL;
	char why[400] = "";
	struct buf words = BUF_INIT;
	put_tables_with_words(&words);
	const char *const args[] = { words.p };
	buf_reset(out);
	buf_add_str(out, "");
	enum err e = admin_query(a, lint, 1, args, &r, why, sizeof(why));
	buf_done(&words);
	if (e != ERR_NONE) {
		buf_addf(out, "lint failed: %s", why);
		return;
	}
	for (int i = 0; i < PQntuples(r); i++)
		buf_addf(out, "%s\n", PQgetvalue(r, i, 0));
	PQclear(r);
}

static int setup(void **state)
{
	char why[256];
	(void)state;
	test_db_fresh();
	return admin_open(&db, test_db_admin(), why, sizeof(why)) != ERR_NONE ||
	        admin_exec(&db, "SET search_path = eddy", why, sizeof(why)) != ERR_NONE
	    ? -1
	    : 0;
}

static int teardown(void **state)
{
	(void)state;
	admin_close(&db);
	return 0;
}

static void catalogue__shipped_schema__breaks_no_rule(void **state)
{
	struct buf b = BUF_INIT;
	(void)state;
	offences(&db, &b);
	if (b.len)
		print_error("%s", b.p);
	assert_int_equal(b.len, 0);
	buf_done(&b);
}

/* What stands on the list is there, and has words. */
static void catalogue__words_that_no_hold_keeps__are_listed_with_a_reason(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof not_held / sizeof *not_held; i++) {
		const struct data_table *t = data_tables;
		bool row;
		while (t->name != NULL && strcmp(t->name, not_held[i].table) != 0)
			t++;
		if (t->name == NULL || !has_words(t, &row))
			fail_msg("%s has no words of people any more: take it off the list", not_held[i].table);
		assert_true(strlen(not_held[i].why) > 10);
	}
}

#define GOOD_TABLE(cols) "CREATE TABLE bad (ws uuid NOT NULL, id uuid NOT NULL" cols ", PRIMARY KEY (ws, id)); "
#define GUARD "ALTER TABLE bad ENABLE ROW LEVEL SECURITY; ALTER TABLE bad FORCE ROW LEVEL SECURITY; "

/* What a migration must not do, and what the lint says to it. */
static const struct bad_migration {
	const char *sql;
	const char *want;
} cases[] = {
	{ "CREATE TABLE bad (id uuid PRIMARY KEY)", "table without ws: bad" },
	{ "CREATE TABLE bad (ws uuid, id uuid)", "table without ws: bad" },
	{ "CREATE TABLE bad (ws text NOT NULL, id uuid)", "table without ws: bad" },
	{ GOOD_TABLE("") "ALTER TABLE bad FORCE ROW LEVEL SECURITY", "row security not enabled: bad" },
	{ GOOD_TABLE("") "ALTER TABLE bad ENABLE ROW LEVEL SECURITY", "row security not forced: bad" },
	{ "ALTER TABLE messages NO FORCE ROW LEVEL SECURITY", "row security not forced: messages" },
	{ GOOD_TABLE("") GUARD, "no tenant policy: bad" },
	{ GOOD_TABLE("") GUARD "CREATE POLICY tenant ON bad TO eddy_test_eddy USING (true) WITH CHECK (true)",
	    "no tenant policy: bad" },
	{ "DROP POLICY tenant ON runs", "no tenant policy: runs" },
	{ "ALTER POLICY tenant ON runs USING (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid) OR state = 5)",
	    "no tenant policy: runs" },
	{ "ALTER POLICY tenant ON runs USING (ws = nullif(current_setting('app.ws', true), '')::uuid)", "no tenant policy: runs" },
	{ "ALTER POLICY tenant ON runs USING (ws = (SELECT current_setting('app.ws', true)::uuid))", "no tenant policy: runs" },
	{ "ALTER POLICY tenant ON runs TO PUBLIC", "no tenant policy: runs" },
	{ "DROP POLICY tenant ON runs; CREATE POLICY tenant ON runs AS RESTRICTIVE TO eddy_test_eddy USING (ws = (SELECT "
	  "nullif(current_setting('app.ws', true), '')::uuid)) WITH CHECK (ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid))",
	    "no tenant policy: runs" },
	{ GOOD_TABLE("") GUARD "CREATE POLICY tenant ON bad TO eddy_test_eddy USING (ws = (SELECT "
	                       "nullif(current_setting('app.ws', true), '')::uuid))",
	    "policy without check: tenant on bad" },
	{ "CREATE POLICY wide ON messages TO eddy_test_eddy USING (true) WITH CHECK (true)",
	    "further permissive policy: wide on messages" },
	{ "CREATE POLICY search ON people FOR SELECT TO eddy_test_search USING (true)",
	    "further permissive policy: search on people" },
	{ GOOD_TABLE(", k text UNIQUE"), "unique key does not begin with ws: bad_k_key" },
	{ "CREATE UNIQUE INDEX bad_index ON inbox (source_key, ws)", "unique key does not begin with ws: bad_index" },
	{ "CREATE INDEX bad_index ON runs (ws, created_at)", "index newer than the primary key: bad_index" },
	{ "CREATE TABLE bad (ws uuid NOT NULL, t uuid REFERENCES pair (id))", "foreign key without ws: bad_t_fkey" },
	{ "CREATE VIEW bad AS SELECT 1 AS one", "view without security_invoker: bad" },
	{ "CREATE MATERIALIZED VIEW bad AS SELECT 1 AS one", "materialised view: bad" },
	{ "CREATE FUNCTION bad() RETURNS integer LANGUAGE sql SECURITY DEFINER SET search_path = eddy, pg_temp "
	  "AS 'SELECT 1'",
	    "security definer: bad()" },
	{ "ALTER FUNCTION search_messages OWNER TO eddy_test_owner", "security definer of the wrong owner: search_messages" },
	{ "ALTER FUNCTION search_messages RESET search_path", "security definer without fixed search_path: search_messages" },
	{ "GRANT EXECUTE ON FUNCTION search_messages TO PUBLIC", "security definer open to everyone: search_messages" },
	{ "CREATE FUNCTION bad() RETURNS integer LANGUAGE sql LEAKPROOF AS 'SELECT 1'", "leakproof: bad()" },
	{ "CREATE TABLE bad (ws uuid NOT NULL, id uuid NOT NULL, PRIMARY KEY (ws, id)) PARTITION BY HASH (ws); "
	  "CREATE TABLE bad_0 PARTITION OF bad FOR VALUES WITH (modulus 1, remainder 0); GRANT SELECT ON bad_0 "
	  "TO eddy_test_eddy",
	    "grant on a partition: bad_0" },
	{ "GRANT TRUNCATE ON messages TO eddy_test_eddy", "grant of TRUNCATE on messages" },
	{ "GRANT REFERENCES ON messages TO eddy_test_eddy", "grant of REFERENCES on messages" },
	{ "GRANT TRIGGER ON messages TO eddy_test_eddy", "grant of TRIGGER on messages" },
	{ "GRANT SELECT ON people TO PUBLIC", "grant to everyone on people" },
	{ "ALTER ROLE eddy_test_eddy BYPASSRLS", "wrong attributes of role eddy_test_eddy" },
	{ "ALTER ROLE eddy_test_maint SUPERUSER", "wrong attributes of role eddy_test_maint" },
	{ "ALTER ROLE eddy_test_owner LOGIN", "wrong attributes of role eddy_test_owner" },
	{ "ALTER ROLE eddy_test_search RENAME TO eddy_test_gone", "role is missing: search" },
	{ "GRANT eddy_test_owner TO eddy_test_eddy", "role is a member of another: eddy_test_eddy" },
	{ "ALTER TABLE reactions OWNER TO eddy_test_eddy", "not owned by the owner role: reactions" },
	{ "ALTER TABLE dispatch ADD COLUMN note text", "content in a table without row security: dispatch.note" },
	{ "ALTER TABLE api_key_homes ADD COLUMN name text", "content in a table without row security: api_key_homes.name" },
	{ GOOD_TABLE("") "ALTER TABLE bad ADD EXCLUDE USING btree (id WITH =)", "unique key does not begin with ws: bad_id_excl" },
	{ "CREATE TABLE bad (ws uuid NOT NULL, id uuid NOT NULL)", "no primary key: bad" },
	{ "ALTER TABLE people ADD UNIQUE (id, ws); CREATE TABLE bad (ws uuid NOT NULL, t uuid, FOREIGN KEY (t, ws) REFERENCES people (id, ws))",
	    "foreign key without ws: bad_t_ws_fkey" },
	{ "DO $$ BEGIN EXECUTE format('ALTER FUNCTION search_messages OWNER TO %I', current_user); END $$",
	    "security definer owned by one whom policies do not bind: search_messages" },
	{ "DROP TABLE api_key_homes", "on the reviewed list, but not there: api_key_homes" },
	{ "ALTER FUNCTION search_others SECURITY INVOKER", "on the reviewed list, but not there: search_others" },
	{ "ALTER TABLE dispatch ENABLE ROW LEVEL SECURITY", "row security, but on the list of tables without: dispatch" },
	{ "GRANT REFERENCES (id) ON messages TO eddy_test_eddy", "column grant of REFERENCES on messages" },
	{ "GRANT SELECT (name) ON people TO PUBLIC", "column grant of SELECT on people" },
	{ "GRANT SELECT ON people TO eddy_test_eddy WITH GRANT OPTION", "grant that may be passed on: people" },
	{ "GRANT SELECT ON people TO pg_monitor", "grant to a role that is none of ours: people" },
	{ "GRANT EXECUTE ON FUNCTION role_at TO PUBLIC", "function open to everyone: role_at(uuid,uuid)" },
	{ "ALTER FUNCTION role_at RESET search_path", "function without fixed search_path: role_at(uuid,uuid)" },
	{ "ALTER DEFAULT PRIVILEGES IN SCHEMA eddy GRANT SELECT ON TABLES TO eddy_test_eddy",
	    "privileges for what will be made: eddy" },
	{ "GRANT CREATE ON SCHEMA eddy TO eddy_test_eddy", "schema in which others may make things: eddy" },
	{ "CREATE TABLE public.bad (ws uuid)", "table in another schema: public.bad" },
	{ "CREATE FOREIGN DATA WRAPPER w; CREATE SERVER s FOREIGN DATA WRAPPER w; CREATE FOREIGN TABLE bad (ws uuid) SERVER s",
	    "foreign table: bad" },
	{ "ALTER TABLE reactions SET UNLOGGED", "lost in a crash: reactions" },
	{ "CREATE RULE bad AS ON INSERT TO reactions DO ALSO NOTHING", "rule: bad on reactions" },
	{ "CREATE TABLE bad () INHERITS (messages)", "row security not enabled: bad" },
	{ "CREATE SEQUENCE bad", "sequence: bad" },
	{ "DROP TRIGGER hold_keep ON feedback", "words that no hold keeps: feedback" },
	{ "ALTER TABLE reactions DISABLE TRIGGER hold_keep", "words that no hold keeps: reactions" },
	{ "DROP TRIGGER hold_keep ON run_steps; CREATE TRIGGER hold_keep BEFORE UPDATE ON run_steps FOR EACH ROW EXECUTE FUNCTION hold_keep()",
	    "words that no hold keeps: run_steps" },
	{ "DROP TRIGGER hold_keep ON resolutions; CREATE TRIGGER hold_keep AFTER UPDATE ON resolutions FOR EACH ROW EXECUTE FUNCTION hold_keep()",
	    "words that no hold keeps: resolutions" },
	{ "DROP TRIGGER hold_keep ON context_items; CREATE TRIGGER hold_keep BEFORE DELETE ON context_items FOR EACH ROW EXECUTE FUNCTION audit_apart()",
	    "words that no hold keeps: context_items" },
	{ GOOD_TABLE(""), "no comment: bad\n" },
	{ "COMMENT ON COLUMN runs.token IS NULL", "no comment: runs.token" },
};

#define CASES (sizeof cases / sizeof *cases)

static void refused(void **state)
{
	const struct bad_migration *m = *state;
	struct buf b = BUF_INIT;
	char why[256] = "";
	assert_int_equal(admin_exec(&db,
	                     "BEGIN; CREATE TABLE pair (ws uuid NOT NULL, id uuid UNIQUE); SET LOCAL "
	                     "lock_timeout = '5s'",
	                     why, sizeof(why)),
	    ERR_NONE);
	if (admin_exec(&db, m->sql, why, sizeof(why)) != ERR_NONE)
		print_error("%s: %s\n", m->sql, why);
	offences(&db, &b);
	bool said = strstr(b.p, m->want) != NULL;
	if (!said)
		print_error("after %s\nwanted: %s\ngot: %s", m->sql, m->want, b.p);
	assert_int_equal(admin_exec(&db, "ROLLBACK", why, sizeof(why)), ERR_NONE);
	buf_done(&b);
	assert_true(said);
}

/* A rule is a text before a colon in the query. */
static void catalogue__every_rule__has_a_migration_that_breaks_it(void **state)
{
	int rules = 0;
	(void)state;
	for (const char *s = lint; (s = strstr(s, "SELECT '")) != NULL; s++) {
		const char *name = s + strlen("SELECT '");
		size_t n = strcspn(name, "'"), i = 0;
		while (i < CASES && strncmp(cases[i].want, name, n) != 0)
			i++;
		if (i == CASES)
			fail_msg("nothing breaks the rule \"%.*s\"", (int)n, name);
		rules++;
	}
	assert_true(rules > 40);
}

int main(void)
{
	static struct CMUnitTest tests[CASES + 3] = {
		cmocka_unit_test(catalogue__shipped_schema__breaks_no_rule),
		cmocka_unit_test(catalogue__every_rule__has_a_migration_that_breaks_it),
		cmocka_unit_test(catalogue__words_that_no_hold_keeps__are_listed_with_a_reason),
	};
	static char names[CASES][120];
	for (size_t i = 0; i < CASES; i++) {
		snprintf(names[i], sizeof names[i], "catalogue__refuses_%02zu__%.80s", i + 1, cases[i].want);
		for (char *c = names[i]; *c != '\0'; c++)
			*c = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ? *c : '_';
		tests[i + 3] =
		    (struct CMUnitTest){ .name = names[i], .test_func = refused, .initial_state = (void *)(uintptr_t)&cases[i] };
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
