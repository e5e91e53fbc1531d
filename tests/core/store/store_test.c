/* From an address to a ready database: roles, migrations up and down, and everything that must be refused. */
#include "../../../core/store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/mem.h"
#include "../../../core/store/admin.h"
#include "../../../core/store/migrate.h"
#include "../../../core/store/roles.h"
#include "../../support/db.h"

static int serial;

/* Statements on the server's own database. */
static bool on_server(const char *sql)
{
	struct admin a;
	char why[300] = "";
	bool ok =
	    admin_open(&a, test_db_server(), why, sizeof(why)) == ERR_NONE && admin_exec(&a, sql, why, sizeof(why)) == ERR_NONE;
	if (!ok)
		print_error("%s\n", why);
	admin_close(&a);
	return ok;
}

static bool on(const char *url, const char *sql)
{
	struct admin a;
	char why[300] = "";
	bool ok = admin_open(&a, url, why, sizeof(why)) == ERR_NONE && admin_exec(&a, sql, why, sizeof(why)) == ERR_NONE;
	if (!ok)
		print_error("%s\n", why);
	admin_close(&a);
	return ok;
}

/* A database of this test's own (not a clone: its roles are named after it) with its address. */
struct scratch {
	char name[48];
	char *admin; /* address of the administrator */
	const char *dir;
};

static char *address(const char *database, const char *user)
{
	struct buf b = BUF_INIT;
	char why[200];
	assert_int_equal(admin_rewrite_url(test_db_server(), user, user ? "pw" : NULL, database, &b, why, sizeof(why)), ERR_NONE);
	return buf_detach(&b, NULL);
}

static int make_scratch(void **state)
{
	struct scratch *s = xcalloc(1, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "eddy_s%d_%d", (int)getpid(), serial++);
	s->admin = address(s->name, NULL);
	s->dir = test_dir();
	*state = s;
	return 0;
}

static int drop_scratch(void **state)
{
	struct scratch *s = *state;
	char sql[1024];
	snprintf(sql, sizeof(sql), "DROP DATABASE IF EXISTS %s WITH (FORCE)", s->name);
	on_server(sql);
	snprintf(sql, sizeof(sql), "DROP ROLE IF EXISTS %s_owner, %s_eddy, %s_search, %s_maint, %s_boss, %s_other", s->name,
	    s->name, s->name, s->name, s->name, s->name);
	on_server(sql);
	free(s->admin);
	free(s);
	return 0;
}

static enum err open_as(
    const struct scratch *s, const char *url, const char *admin_url, struct store **out, char *why, size_t why_n)
{
	return store_open(out, &(struct store_options){ .url = url, .admin_url = admin_url, .data_dir = s->dir }, why, why_n);
}

static void expect_refused(const struct scratch *s, const char *url, const char *admin_url, enum err want, const char *word)
{
	struct store *st = NULL;
	char why[600] = "";
	enum err e = open_as(s, url, admin_url, &st, why, sizeof(why));
	if (e != want || !strstr(why, word))
		print_error("got %s: %s\n", err_name(e), why);
	assert_int_equal(e, want);
	assert_non_null(strstr(why, word));
	assert_null(strchr(why, '\n'));
	assert_null(st);
}

static void store_open__makes__database_roles_and_schema(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	char sql[256];
	assert_int_equal(open_as(s, NULL, s->admin, &st, why, sizeof(why)), ERR_NONE);
	struct admin a;
	assert_int_equal(admin_open(&a, store_url(st), why, sizeof(why)), ERR_NONE);
	snprintf(sql, sizeof(sql), "%s_eddy", s->name);
	assert_string_equal(a.user, sql);
	assert_false(a.superuser || a.create_role || a.create_db || a.bypass_rls);
	assert_int_equal(admin_exec(&a, "SELECT * FROM eddy.messages", why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_exec(&a, "TRUNCATE eddy.messages", why, sizeof(why)), ERR_DENIED);
	assert_int_equal(admin_exec(&a, "ALTER TABLE eddy.messages DISABLE ROW LEVEL SECURITY", why, sizeof(why)), ERR_DENIED);
	assert_int_equal(admin_exec(&a, "CREATE TABLE eddy.mine ()", why, sizeof(why)), ERR_DENIED);
	snprintf(sql, sizeof(sql), "SET ROLE %s_owner", s->name);
	assert_int_equal(admin_exec(&a, sql, why, sizeof(why)), ERR_DENIED);
	admin_close(&a);
	assert_null(store_note(st));

	/* Again: nothing to do, and quick. */
	struct store *again = NULL;
	uint64_t t0 = clock_us();
	assert_int_equal(open_as(s, NULL, s->admin, &again, why, sizeof(why)), ERR_NONE);
	print_message("store_open, nothing to do: %.1f ms\n", (double)(clock_us() - t0) / 1000);
	assert_string_equal(store_url(again), store_url(st));
	store_close(again);
	store_close(st);
}

static void store_open__takes__database_url_of_role_maker_as_admin(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	assert_int_equal(open_as(s, s->admin, NULL, &st, why, sizeof(why)), ERR_NONE);
	assert_non_null(store_note(st));
	assert_non_null(strstr(store_note(st), "database.admin_url"));
	assert_non_null(strstr(store_url(st), "_eddy'"));
	store_close(st);
}

static void store_open__works__with_managed_administrator(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	char sql[512];
	char boss[64];
	snprintf(boss, sizeof(boss), "%s_boss", s->name);
	snprintf(sql, sizeof(sql), "CREATE ROLE %s LOGIN CREATEROLE CREATEDB PASSWORD 'pw'", boss);
	assert_true(on_server(sql));
	char *url = address(s->name, boss);
	assert_int_equal(open_as(s, NULL, url, &st, why, sizeof(why)), ERR_NONE); /* makes the database as well */
	store_close(st);
	st = NULL;
	struct buf out = BUF_INIT;
	struct store_options o = { .admin_url = url, .data_dir = s->dir };
	assert_int_equal(store_migrate(&o, STORE_DOWN, 99, &out, why, sizeof(why)), ERR_NONE);
	assert_int_equal(open_as(s, NULL, url, &st, why, sizeof(why)), ERR_NONE);
	store_close(st);
	buf_done(&out);
	free(url);
}

static void migrate__down_and_up__leaves_same_schema(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	struct buf out = BUF_INIT;
	struct store_options o = { .admin_url = s->admin, .data_dir = s->dir };
	static const char shape[] = "SELECT md5(string_agg(x, ';' ORDER BY x)) FROM ("
	                            "SELECT format('%s.%s %s %s', c.relname, a.attname, a.atttypid::regtype, "
	                            "c.relrowsecurity) FROM pg_attribute a "
	                            "JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = "
	                            "c.relnamespace WHERE n.nspname = 'eddy' AND a.attnum > 0 "
	                            "UNION ALL SELECT format('%s %s', proname, prosrc) FROM pg_proc p JOIN "
	                            "pg_namespace n ON n.oid = p.pronamespace "
	                            "WHERE n.nspname = 'eddy' UNION ALL SELECT format('%s %s', polname, "
	                            "polrelid::regclass) FROM pg_policy) y (x)";
	struct admin a;
	PGresult *r = NULL;
	char before[64];
	assert_int_equal(open_as(s, NULL, s->admin, &st, why, sizeof(why)), ERR_NONE);
	store_close(st);
	assert_int_equal(admin_open(&a, s->admin, why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_query(&a, shape, 0, NULL, &r, why, sizeof(why)), ERR_NONE);
	snprintf(before, sizeof(before), "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	assert_int_equal(store_migrate(&o, STORE_STATUS, 0, &out, why, sizeof(why)), ERR_NONE);
	assert_non_null(strstr(out.p, "001 foundation"));
	assert_non_null(strstr(out.p, "applied"));
	assert_null(strstr(out.p, "pending"));
	buf_reset(&out);
	assert_int_equal(store_migrate(&o, STORE_DOWN, 99, &out, why, sizeof(why)), ERR_NONE);
	assert_non_null(strstr(out.p, "taken back"));
	assert_int_equal(admin_query(&a,
	                     "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE "
	                     "n.nspname = 'eddy' "
	                     "AND c.relkind IN ('r', 'v') AND c.relname <> 'schema_migrations'",
	                     0, NULL, &r, why, sizeof(why)),
	    ERR_NONE);
	assert_string_equal(PQgetvalue(r, 0, 0), "0");
	PQclear(r);
	buf_reset(&out);
	assert_int_equal(store_migrate(&o, STORE_STATUS, 0, &out, why, sizeof(why)), ERR_NONE);
	assert_non_null(strstr(out.p, "pending"));
	assert_null(strstr(out.p, "applied"));
	buf_reset(&out);
	assert_int_equal(store_migrate(&o, STORE_UP, 0, &out, why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_query(&a, shape, 0, NULL, &r, why, sizeof(why)), ERR_NONE);
	assert_string_equal(PQgetvalue(r, 0, 0), before);
	PQclear(r);
	admin_close(&a);
	buf_done(&out);
}

/* A step that fills a table from rows that are there must see them: row security is forced on the owner too. */
static void migrate_up__from_an_older_schema__keeps_what_is_there(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	struct buf out = BUF_INIT;
	struct store_options o = { .admin_url = s->admin, .data_dir = s->dir };
	struct admin a;
	PGresult *r = NULL;
	assert_int_equal(open_as(s, NULL, s->admin, &st, why, sizeof(why)), ERR_NONE);
	store_close(st);
	const int before_nodes = 14;
	assert_int_equal(
	    store_migrate(&o, STORE_DOWN, migrate_target(migrate_steps()) - before_nodes, &out, why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_open(&a, s->admin, why, sizeof(why)), ERR_NONE);
	assert_int_equal(
	    admin_exec(&a, "INSERT INTO eddy.workspaces (ws, name) VALUES (gen_random_uuid(), 'old'), (gen_random_uuid(), '')", why,
	        sizeof(why)),
	    ERR_NONE);
	assert_int_equal(store_migrate(&o, STORE_UP, 0, &out, why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_query(&a,
	                     "SELECT string_agg(n.name, ',' ORDER BY n.name), count(*) FROM eddy.workspaces w JOIN eddy.nodes n"
	                     " ON n.ws = w.ws AND n.id = w.ws AND n.kind = 1",
	                     0, NULL, &r, why, sizeof(why)),
	    ERR_NONE);
	assert_string_equal(PQgetvalue(r, 0, 0), "old,organisation");
	PQclear(r);
	admin_close(&a);
	buf_done(&out);
}

static void migrate_up__failing_step__is_taken_back_completely(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	static const struct migration steps[] = {
		{ 1, "good", "CREATE TABLE one (a integer)", "DROP TABLE one" },
		{ 2, "bad", "CREATE TABLE two (a integer); CREATE TABLE one (b integer)", "DROP TABLE two" },
		{ 0, NULL, NULL, NULL },
	};
	struct admin a;
	struct role_names n;
	struct migrate_state ms;
	int applied = 0;
	char sql[128];
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", s->name);
	assert_true(on_server(sql));
	assert_int_equal(admin_open(&a, s->admin, why, sizeof(why)), ERR_NONE);
	assert_int_equal(roles_name(a.database, &n, why, sizeof(why)), ERR_NONE);
	assert_int_equal(roles_prepare(&a, &n, why, sizeof(why)), ERR_NONE);
	assert_int_equal(migrate_up(&a, steps, &n, &applied, why, sizeof(why)), ERR_BROKEN);
	assert_non_null(strstr(why, "002_bad"));
	assert_int_equal(applied, 1);
	assert_int_equal(migrate_read(&a, steps, &ms, why, sizeof(why)), ERR_NONE);
	assert_int_equal(ms.level, 1);
	assert_int_equal(admin_exec(&a, "SELECT * FROM eddy.one", why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_exec(&a, "SELECT * FROM eddy.two", why, sizeof(why)), ERR_BROKEN);
	admin_close(&a);
	(void)st;
}

static void store_open__refuses__newer_and_changed_schema(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	assert_int_equal(open_as(s, NULL, s->admin, &st, why, sizeof(why)), ERR_NONE);
	char *runtime = xstrdup(store_url(st));
	store_close(st);
	assert_true(on(s->admin, "INSERT INTO eddy.schema_migrations (version, name, digest) VALUES (900, 'future', '')"));
	expect_refused(s, NULL, s->admin, ERR_INPUT, "is at step 900");
	expect_refused(s, runtime, NULL, ERR_INPUT, "is at step 900");
	assert_true(on(s->admin,
	    "DELETE FROM eddy.schema_migrations WHERE version = 900; "
	    "UPDATE eddy.schema_migrations SET digest = '\\x00' WHERE version = 1"));
	expect_refused(s, NULL, s->admin, ERR_INPUT, "001_foundation was applied");
	assert_true(on(s->admin, "DELETE FROM eddy.schema_migrations"));
	expect_refused(s, runtime, NULL, ERR_INPUT, "eddy migrate up");
	free(runtime);
}

static void store_open__refuses__roles_that_row_security_does_not_bind(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	char sql[512];
	char other[64];
	snprintf(other, sizeof(other), "%s_other", s->name);
	char *url = address(s->name, other);
	assert_int_equal(open_as(s, NULL, s->admin, &st, why, sizeof(why)), ERR_NONE);
	store_close(st);
	st = NULL;

	snprintf(sql, sizeof(sql), "CREATE ROLE %s LOGIN PASSWORD 'pw'", other);
	assert_true(on_server(sql));
	expect_refused(s, url, NULL, ERR_DENIED, "GRANT ");
	snprintf(sql, sizeof(sql), "GRANT %s_eddy TO %s", s->name, other);
	assert_true(on_server(sql));
	assert_int_equal(open_as(s, url, NULL, &st, why, sizeof(why)), ERR_NONE); /* an administrator's own plain role is fine */
	store_close(st);
	st = NULL;
	snprintf(sql, sizeof(sql), "ALTER ROLE %s BYPASSRLS", other);
	assert_true(on_server(sql));
	expect_refused(s, url, NULL, ERR_DENIED, "BYPASSRLS");
	expect_refused(s, url, s->admin, ERR_DENIED, "BYPASSRLS");
	snprintf(sql, sizeof(sql), "ALTER ROLE %s NOBYPASSRLS; GRANT %s_owner TO %s", other, s->name, other);
	assert_true(on_server(sql));
	expect_refused(s, url, NULL, ERR_DENIED, "member of the owner role");
	snprintf(sql, sizeof(sql), "REVOKE %s_owner FROM %s; ALTER TABLE eddy.reactions OWNER TO %s", s->name, other, other);
	assert_true(on(s->admin, sql));
	expect_refused(s, url, NULL, ERR_DENIED, "owns tables");
	snprintf(sql, sizeof(sql), "ALTER TABLE eddy.reactions OWNER TO %s_owner", s->name);
	assert_true(on(s->admin, sql));
	expect_refused(s, s->admin, s->admin, ERR_DENIED, "superuser");
	free(url);
}

static void store_open__refuses__settings_of_role_that_lose_data(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	char sql[256];
	assert_int_equal(open_as(s, NULL, s->admin, &st, why, sizeof(why)), ERR_NONE);
	store_close(st);
	snprintf(sql, sizeof(sql), "ALTER ROLE %s_eddy SET synchronous_commit = off", s->name);
	assert_true(on_server(sql));
	expect_refused(s, NULL, s->admin, ERR_INPUT, "synchronous_commit");
}

static void store_open__finds__extensions_that_lie_elsewhere(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	char sql[256];
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", s->name);
	assert_true(on_server(sql));
	assert_true(
	    on(s->admin, "CREATE SCHEMA tools; CREATE EXTENSION unaccent SCHEMA tools; CREATE EXTENSION btree_gin SCHEMA public"));
	assert_int_equal(open_as(s, NULL, s->admin, &st, why, sizeof(why)), ERR_NONE);
	assert_true(on(store_url(st),
	    "SELECT * FROM eddy.search_messages('cafÃ©', 'caf', '{}', false, NULL, NULL, '{1}', 0, NULL, NULL, NULL, 0, 0, 1, 0); "
	    "SELECT eddy.tidy_search()"));
	store_close(st);
}

static void store_open__refuses__other_encoding(void **state)
{
	struct scratch *s = *state;
	char sql[256];
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", s->name);
	assert_true(on_server(sql));
	expect_refused(s, NULL, s->admin, ERR_INPUT, "UTF8");
}

static void admin_judge_server__refuses__what_is_too_old_or_unsafe(void **state)
{
	(void)state;
	char why[300];
	assert_int_equal(admin_judge_server(150020, "UTF8", "on", "on", "on", why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_judge_server(160001, "UTF8", "on", "on", "remote_apply", why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_judge_server(140012, "UTF8", "on", "on", "on", why, sizeof(why)), ERR_INPUT);
	assert_non_null(strstr(why, "PostgreSQL 14"));
	assert_int_equal(admin_judge_server(150001, "SQL_ASCII", "on", "on", "on", why, sizeof(why)), ERR_INPUT);
	assert_non_null(strstr(why, "SQL_ASCII"));
	assert_int_equal(admin_judge_server(150001, "UTF8", "off", "on", "on", why, sizeof(why)), ERR_INPUT);
	assert_non_null(strstr(why, "fsync"));
	assert_int_equal(admin_judge_server(150001, "UTF8", "on", "off", "on", why, sizeof(why)), ERR_INPUT);
	assert_non_null(strstr(why, "full_page_writes"));
	assert_int_equal(admin_judge_server(150001, "UTF8", "on", "on", "off", why, sizeof(why)), ERR_INPUT);
	assert_non_null(strstr(why, "synchronous_commit"));
}

static void admin_wanted_minor__names__release_that_mends_the_leak(void **state)
{
	(void)state;
	assert_string_equal(admin_wanted_minor(150013), "15.14");
	assert_null(admin_wanted_minor(150014));
	assert_string_equal(admin_wanted_minor(160009), "16.10");
	assert_string_equal(admin_wanted_minor(170005), "17.6");
	assert_null(admin_wanted_minor(170006));
	assert_null(admin_wanted_minor(180000));
}

static void roles_name__refuses__name_that_is_too_long(void **state)
{
	(void)state;
	struct role_names n;
	char why[300];
	assert_int_equal(roles_name("a23456789012345678901234567890123456789012345678901234567", &n, why, sizeof(why)), ERR_INPUT);
	assert_int_equal(roles_name("a2345678901234567890123456789012345678901234567890123456", &n, why, sizeof(why)), ERR_NONE);
	assert_int_equal(strlen(n.search), 63);
}

static void store_open__unreachable_server__says_so_without_password(void **state)
{
	struct scratch *s = *state;
	struct store *st = NULL;
	char why[600] = "";
	assert_int_equal(open_as(s, NULL, "postgresql://boss:sesame@127.0.0.1:1/x", &st, why, sizeof(why)), ERR_RETRY);
	assert_null(strstr(why, "sesame"));
	assert_int_equal(open_as(s, NULL, "postgresql://boss:sesame@127.0.0.1:1/x?nonsense=1", &st, why, sizeof(why)), ERR_INPUT);
	assert_null(strstr(why, "sesame"));
	assert_int_equal(open_as(s, NULL, "postgresql://boss:sesame@[::1/x", &st, why, sizeof(why)), ERR_INPUT);
	assert_null(strstr(why, "sesame"));
}

static void store_open__several_processes__prepare_once(void **state)
{
	struct scratch *s = *state;
	pid_t pids[4];
	char sql[128];
	snprintf(sql, sizeof(sql), "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", s->name);
	assert_true(on_server(sql));
	for (size_t i = 0; i < 4; i++) {
		if ((pids[i] = fork()) == 0) {
			struct store *st = NULL;
			char why[600] = "";
			enum err e = open_as(s, NULL, s->admin, &st, why, sizeof(why));
			if (e != ERR_NONE)
				fprintf(stderr, "%s\n", why);
			store_close(st);
			_exit(e == ERR_NONE ? 0 : 1);
		}
	}
	for (size_t i = 0; i < 4; i++) {
		int status = 0;
		waitpid(pids[i], &status, 0);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	}
}

int main(void)
{
#define WITH_SCRATCH(f) cmocka_unit_test_setup_teardown(f, make_scratch, drop_scratch)
	const struct CMUnitTest tests[] = {
		WITH_SCRATCH(store_open__makes__database_roles_and_schema),
		WITH_SCRATCH(store_open__takes__database_url_of_role_maker_as_admin),
		WITH_SCRATCH(store_open__works__with_managed_administrator),
		WITH_SCRATCH(migrate__down_and_up__leaves_same_schema),
		WITH_SCRATCH(migrate_up__from_an_older_schema__keeps_what_is_there),
		WITH_SCRATCH(migrate_up__failing_step__is_taken_back_completely),
		WITH_SCRATCH(store_open__refuses__newer_and_changed_schema),
		WITH_SCRATCH(store_open__refuses__roles_that_row_security_does_not_bind),
		WITH_SCRATCH(store_open__refuses__settings_of_role_that_lose_data),
		WITH_SCRATCH(store_open__finds__extensions_that_lie_elsewhere),
		WITH_SCRATCH(store_open__refuses__other_encoding),
		WITH_SCRATCH(store_open__unreachable_server__says_so_without_password),
		WITH_SCRATCH(store_open__several_processes__prepare_once),
		cmocka_unit_test(admin_judge_server__refuses__what_is_too_old_or_unsafe),
		cmocka_unit_test(admin_wanted_minor__names__release_that_mends_the_leak),
		cmocka_unit_test(roles_name__refuses__name_that_is_too_long),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
