/*
 * Every table, verb and context, from one workspace to another, as the runtime role: what is not one's own is not there, cannot be written and does
 * not change.  The rows are made from the catalogues, so a new table is crawled from its first day on; one that cannot be filled that way fails
 * until it has a line in `hints`.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../support/db.h"
#include "../../support/every_row.h"

#define A "aaaaaaaa-0000-4000-8000-00000000000a"
#define B "bbbbbbbb-0000-4000-8000-00000000000b"
/* They have no row security: work by ids, and what is known before the tenant is. */
#define OPEN_TABLES "'dispatch', 'installs', 'schema_migrations', 'api_key_homes'"

static const char *url;
static PGconn *c, *never; /* never: no tenant was ever set there */
static struct table {
	char *name, *columns, *key;
	char *rows[2]; /* one of A's, one of B's, as literals */
} tables[200];
static size_t tables_n;

static PGconn *runtime(void)
{
	PGconn *fresh = PQconnectdb(url);
	assert_int_equal(PQstatus(fresh), CONNECTION_OK);
	PQclear(PQexec(fresh, "SET search_path = eddy; SET client_min_messages = error; SET synchronous_commit = off"));
	return fresh;
}

static char *keep(const char *s)
{
	assert_non_null(s);
	return strdup(s);
}

static void describe(struct table *t)
{
	static const char *const whose[] = { A, B };
	char sql[400];
	snprintf(sql, sizeof sql, "SELECT public.columns_of('%s')", t->name);
	t->columns = keep(test_db_value(sql));
	snprintf(sql, sizeof sql,
	    "SELECT string_agg(quote_ident(a.attname), ', ') FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
	    " WHERE i.indrelid = 'eddy.%s'::regclass AND i.indisprimary",
	    t->name);
	t->key = keep(test_db_value(sql));
	for (int i = 0; i < 2; i++) {
		snprintf(sql, sizeof sql, "SELECT public.row_of('%s', '%s')", t->name, whose[i]);
		const char *row = test_db_value(sql);
		if (row == NULL)
			fail_msg("%s has no row of %s", t->name, whose[i]);
		t->rows[i] = PQescapeLiteral(c, row, strlen(row));
	}
}

static int set_up(void **state)
{
	(void)state;
	url = test_db_fresh();
	if (!test_db_exec(hints) || !test_db_exec(generator) ||
	    !test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" A "', 'a'), ('" B "', 'b')") ||
	    !test_db_exec("SELECT public.fill('" A "'); SELECT public.fill('" B "'); ANALYZE"))
		return -1;
	char list[4000];
	snprintf(list, sizeof list, "%s",
	    test_db_value("SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class WHERE relnamespace = 'eddy'::regnamespace"
	                  " AND relkind = 'r' AND relname NOT IN (" OPEN_TABLES ")"));
	for (char *t = strtok(list, " "); t != NULL; t = strtok(NULL, " "))
		tables[tables_n++].name = strdup(t);
	c = runtime();
	never = runtime();
	for (size_t i = 0; i < tables_n; i++)
		describe(&tables[i]);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	PQfinish(c);
	PQfinish(never);
	for (size_t i = 0; i < tables_n; i++) {
		free(tables[i].name);
		free(tables[i].columns);
		free(tables[i].key);
		PQfreemem(tables[i].rows[0]);
		PQfreemem(tables[i].rows[1]);
	}
	return 0;
}

/* ---- contexts and what must come of a statement in them ---- */

struct context {
	const char *what, *set; /* after BEGIN; NULL: nothing */
};

static const char *state_of(const PGresult *r)
{
	const char *s = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	return s == NULL ? "" : s;
}

/* Rows that a statement gave, touched or copied; -1: refused. */
static long outcome(PGconn *conn, PGresult *r, const char *sql, const char *foreign)
{
	long n = 0;
	ExecStatusType s = PQresultStatus(r);
	if (s == PGRES_TUPLES_OK) {
		n = PQntuples(r);
		for (int i = 0; i < PQntuples(r); i++)
			for (int k = 0; k < PQnfields(r); k++)
				if (foreign != NULL && strstr(PQgetvalue(r, i, k), foreign) != NULL)
					fail_msg("%s shows what is %s's", sql, foreign);
	} else if (s == PGRES_COMMAND_OK) {
		n = atol(PQcmdTuples(r));
	} else if (s == PGRES_COPY_OUT) {
		char *line = NULL;
		while (PQgetCopyData(conn, &line, 0) > 0) {
			if (foreign != NULL && strstr(line, foreign) != NULL)
				fail_msg("%s shows what is %s's", sql, foreign);
			n++;
			PQfreemem(line);
		}
	} else {
		/* 42501: no right, or a row that the policy does not take; 0A000: COPY FROM under row security. */
		if (strcmp(state_of(r), "42501") != 0 && strcmp(state_of(r), "0A000") != 0)
			fail_msg("%s: %s", sql, PQresultErrorMessage(r));
		n = -1;
	}
	return n;
}

static PGconn *begin(const struct context *x)
{
	char sql[200];
	PGconn *conn = x->set == NULL ? never : c;
	snprintf(sql, sizeof sql, "BEGIN; %s", x->set == NULL ? "" : x->set);
	PQclear(PQexec(conn, sql));
	return conn;
}

/* ${sql} in a transaction of its own under ${x}, committed; afterwards the connection has no tenant, and no error. */
static long run(const struct context *x, const char *table, const char *sql, const char *foreign)
{
	char after[200];
	PGconn *conn = begin(x);
	PGresult *r = PQexec(conn, sql);
	long n = outcome(conn, r, sql, foreign);
	PQclear(r);
	while ((r = PQgetResult(conn)) != NULL)
		PQclear(r);
	snprintf(after, sizeof after, "COMMIT; SELECT * FROM %s", table);
	r = PQexec(conn, after);
	if (outcome(conn, r, after, NULL) > 0)
		fail_msg("%s, after COMMIT: rows without a tenant", table);
	PQclear(r);
	return n;
}

static void none(const struct context *x, const char *table, const char *foreign, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void none(const struct context *x, const char *table, const char *foreign, const char *format, ...)
{
	struct buf sql = BUF_INIT;
	va_list ap;
	va_start(ap, format);
	buf_vaddf(&sql, format, ap);
	va_end(ap);
	long n = run(x, table, sql.p, foreign);
	if (n > 0)
		fail_msg("%s: %ld rows with %s", sql.p, n, x->what);
	buf_done(&sql);
}

/* What the runtime role may do at all, so that "0 rows" means something. */
static bool may(const char *table, const char *right)
{
	char sql[200];
	snprintf(sql, sizeof sql, "SELECT has_table_privilege('%s_eddy', 'eddy.%s', '%s')", test_db_roles(), table, right);
	return *test_db_value(sql) == 't';
}

/* Every verb on the rows of ${other}. */
static void verbs(const struct context *x, const struct table *table, const char *other)
{
	const char *t = table->name, *columns = table->columns, *row = table->rows[strcmp(other, A) == 0 ? 0 : 1];
	none(x, t, other, "SELECT * FROM %s WHERE ws = '%s'", t, other);
	none(x, t, other,
	    "SELECT ws FROM %s WHERE ws <> coalesce(nullif(current_setting('app.ws', true), '')::uuid, md5('')::uuid)", t);
	none(x, t, other, "SELECT * FROM %s WHERE ws = '%s' FOR UPDATE", t, other);
	none(x, t, other, "SELECT * FROM %s WHERE ws = '%s' FOR KEY SHARE", t, other);
	none(x, t, other, "UPDATE %s SET ws = ws WHERE ws = '%s'", t, other);
	none(x, t, other, "DELETE FROM %s WHERE ws = '%s'", t, other);
	none(x, t, other, "COPY (SELECT * FROM %s WHERE ws = '%s') TO STDOUT", t, other);
	none(x, t, other, "TRUNCATE %s", t);
	/* All that there is: only one's own, and that is put back. */
	struct buf all = BUF_INIT;
	buf_addf(&all, "COPY %s TO STDOUT", t);
	(void)run(x, t, all.p, other);
	buf_reset(&all);
	buf_addf(&all, "UPDATE %s SET ws = ws", t);
	(void)run(x, t, all.p, other);
	buf_done(&all);
	/* Their row, theirs or given to them: refused by the policy, and not by a key, which would say that it is there. */
	static const char *const conflicts[] = { "", " ON CONFLICT DO NOTHING" };
	for (size_t i = 0; i < sizeof conflicts / sizeof *conflicts; i++) {
		struct buf in = BUF_INIT;
		buf_addf(&in, "INSERT INTO %s (%s) SELECT %s FROM jsonb_populate_record(NULL::eddy.%s, %s)%s", t, columns, columns,
		    t, row, conflicts[i]);
		if (run(x, t, in.p, other) != -1)
			fail_msg("%s was not refused with %s", in.p, x->what);
		buf_done(&in);
	}
	struct buf up = BUF_INIT;
	buf_addf(&up,
	    "INSERT INTO %s (%s) SELECT %s FROM jsonb_populate_record(NULL::eddy.%s, %s) ON CONFLICT (%s) DO UPDATE SET ws = excluded.ws",
	    t, columns, columns, t, row, table->key);
	if (run(x, t, up.p, other) != -1)
		fail_msg("%s was not refused with %s", up.p, x->what);
	buf_reset(&up);
	buf_addf(&up, "UPDATE %s SET ws = '%s'", t, other);
	if (run(x, t, up.p, other) > 0)
		fail_msg("%s moved rows with %s", up.p, x->what);
	buf_reset(&up);
	buf_addf(&up, "COPY %s FROM STDIN", t);
	if (run(x, t, up.p, other) != -1)
		fail_msg("%s was not refused", up.p);
	buf_done(&up);
}

static void tables__all__have_rows_of_both_workspaces(void **state)
{
	(void)state;
	char *rows = keep(test_db_value("SELECT public.rows_of('" A "')"));
	if (strstr(rows, "=none") != NULL || strstr(rows, "=0\n") != NULL)
		fail_msg("a table without rows: %s", rows);
	free(rows);
	rows = keep(test_db_value("SELECT public.rows_of('" B "')"));
	assert_null(strstr(rows, "=none"));
	free(rows);
	assert_true(tables_n > 50);
}

static void tables__own_context__shows_all_of_ones_own(void **state)
{
	const struct context own = { "the own workspace", "SELECT set_config('app.ws', '" A "', true)" };
	(void)state;
	for (size_t i = 0; i < tables_n; i++) {
		char sql[200];
		snprintf(sql, sizeof sql, "SELECT * FROM %s", tables[i].name);
		if (may(tables[i].name, "SELECT") && run(&own, tables[i].name, sql, NULL) < 1)
			fail_msg("%s: nothing to see in the own workspace", tables[i].name);
	}
}

static void crawl(const char *own, const char *other)
{
	char set[100], sql[100];
	snprintf(set, sizeof set, "SELECT set_config('app.ws', '%s', true)", own);
	snprintf(sql, sizeof sql, "SELECT public.rows_of('%s')", other);
	char *before = keep(test_db_value(sql));
	const struct context contexts[] = { { "another workspace", set },
		{ "an empty context", "SELECT set_config('app.ws', '', true)" }, { "no context", NULL } };
	for (size_t i = 0; i < tables_n; i++)
		for (size_t k = 0; k < sizeof contexts / sizeof *contexts; k++)
			verbs(&contexts[k], &tables[i], other);
	char *after = keep(test_db_value(sql));
	if (strcmp(before, after) != 0)
		fail_msg("before: %s\nafter: %s", before, after);
	free(before);
	free(after);
}

static void crawl__from_b_to_a__finds_and_changes_nothing(void **state)
{
	(void)state;
	crawl(B, A);
}

static void crawl__from_a_to_b__finds_and_changes_nothing(void **state)
{
	(void)state;
	crawl(A, B);
}

/* ---- functions and views ---- */

/* An argument for a parameter of type ${type}: with ids of A, or with such as are nobody's. */
static char given[40][40]; /* the ids of a call */
static size_t given_n;

static void argument(struct buf *b, const char *type, const char *name, bool real)
{
	static const char *const kinds[][2] = { { "person", "people" }, { "asker", "people" }, { "thread", "threads" },
		{ "place", "places" }, { "node", "nodes" }, { "run", "runs" } };
	char sql[300];
	if (strcmp(type, "uuid") == 0) {
		const char *id = A;
		if (!real)
			id = test_db_value("SELECT gen_random_uuid()");
		for (size_t i = 0; real && i < sizeof kinds / sizeof *kinds; i++)
			if (strstr(name, kinds[i][0]) != NULL) {
				snprintf(sql, sizeof sql, "SELECT id FROM eddy.%s WHERE ws = '" A "' LIMIT 1", kinds[i][1]);
				id = test_db_value(sql);
				break;
			}
		snprintf(given[given_n++ % 40], 40, "%s", id);
		buf_addf(b, "'%s'::uuid", id);
	} else if (strcmp(type, "uuid[]") == 0) {
		const char *id = test_db_value(
		    real ? "SELECT audience_id FROM eddy.messages WHERE ws = '" A "' LIMIT 1" : "SELECT gen_random_uuid()");
		snprintf(given[given_n++ % 40], 40, "%s", id);
		buf_addf(b, "ARRAY['%s'::uuid]", id);
	} else if (strcmp(type, "text") == 0) {
		buf_add_str(b, "'needle'");
	} else if (strcmp(type, "text[]") == 0) {
		buf_add_str(b, "ARRAY['needle']");
	} else if (strcmp(type, "boolean") == 0) {
		buf_add_str(b, "true");
	} else if (strcmp(type, "smallint[]") == 0 || strcmp(type, "integer[]") == 0) {
		buf_addf(b, "'{1}'::%s", type);
	} else if (strcmp(type, "smallint") == 0 || strcmp(type, "integer") == 0 || strcmp(type, "bigint") == 0) {
		buf_addf(b, "20::%s", type);
	} else {
		buf_addf(b, "NULL::%s", type);
	}
}

/* What a call gives as text, without the ids that it was given. */
static void said(const struct context *x, const char *name, const char *params, bool real, struct buf *out)
{
	struct buf sql = BUF_INIT;
	char *list = strdup(params), *save = NULL;
	bool first = true;
	given_n = 0;
	buf_addf(&sql, "SELECT x::text FROM eddy.%s(", name);
	for (char *p = strtok_r(list, ",", &save); p != NULL; p = strtok_r(NULL, ",", &save)) {
		char *type = strchr(p, ' ');
		*type++ = '\0';
		if (!first)
			buf_add_str(&sql, ", ");
		first = false;
		argument(&sql, type, p, real);
	}
	buf_add_str(&sql, ") x");
	PGconn *conn = begin(x);
	PGresult *r = PQexec(conn, sql.p);
	buf_addf(out, "%s\n", state_of(r));
	for (int i = 0; i < PQntuples(r); i++)
		buf_addf(out, "%s\n", PQgetisnull(r, i, 0) ? "NULL" : PQgetvalue(r, i, 0));
	for (size_t i = 0; i < given_n; i++) /* what was asked may be said again */
		for (char *at; (at = strstr(out->p, given[i])) != NULL;)
			memset(at, '*', strlen(given[i]));
	PQclear(r);
	PQclear(PQexec(conn, "COMMIT"));
	free(list);
	buf_done(&sql);
}

/* It gives workspaces and numbers, by which each process knows where something is to erase. */
#define TELLS_WORKSPACES "search_erasures"

static void functions__with_ids_of_another_workspace__say_what_they_say_to_random_ones(void **state)
{
	static const struct context contexts[] = { { "another workspace", "SELECT set_config('app.ws', '" B "', true)" },
		{ "an empty context", "SELECT set_config('app.ws', '', true)" }, { "no context", NULL } };
	char list[8000];
	int n = 0;
	(void)state;
	snprintf(list, sizeof list, "%s",
	    test_db_value(
	        "SELECT string_agg(p.proname || '(' || coalesce((SELECT string_agg(coalesce(nullif(p.proargnames[o], ''), 'arg') || ' ' ||"
	        " format_type(a, NULL), ',' ORDER BY o) FROM unnest(p.proargtypes::oid[]) WITH ORDINALITY AS u (a, o)), ''), ';')"
	        " FROM pg_proc p WHERE p.pronamespace = 'eddy'::regnamespace AND p.prorettype <> 'trigger'::regtype"
	        " AND p.oid NOT IN (SELECT objid FROM pg_depend WHERE deptype = 'e' AND classid = 'pg_proc'::regclass)"
	        " AND has_function_privilege('eddy_test_eddy', p.oid, 'EXECUTE')"));
	char *before = keep(test_db_value("SELECT public.rows_of('" A "')")), *save = NULL;
	for (char *f = strtok_r(list, ";", &save); f != NULL; f = strtok_r(NULL, ";", &save)) {
		char *params = strchr(f, '(');
		*params++ = '\0';
		for (size_t i = 0; i < sizeof contexts / sizeof *contexts; i++) {
			struct buf real = BUF_INIT, random = BUF_INIT;
			said(&contexts[i], f, params, true, &real);
			said(&contexts[i], f, params, false, &random);
			if (strchr(params, ' ') != NULL &&
			    strcmp(real.p, random.p) != 0) /* without parameters it cannot be asked about anybody */
				fail_msg("%s with %s: %s instead of %s", f, contexts[i].what, real.p, random.p);
			if (strcmp(f, TELLS_WORKSPACES) != 0 && strstr(real.p, A) != NULL)
				fail_msg("%s with %s: %s", f, contexts[i].what, real.p);
			buf_done(&real);
			buf_done(&random);
			n++;
		}
	}
	assert_true(n >= 30);
	char *after = keep(test_db_value("SELECT public.rows_of('" A "')"));
	if (strcmp(before, after) != 0)
		fail_msg("before: %s\nafter: %s", before, after);
	free(before);
	free(after);
}

static void views__all__show_only_ones_own(void **state)
{
	char list[4000];
	const char *views = test_db_value(
	    "SELECT string_agg(relname, ' ') FROM pg_class WHERE relnamespace = 'eddy'::regnamespace AND relkind IN ('v', 'm')");
	const struct context other = { "another workspace", "SELECT set_config('app.ws', '" B "', true)" };
	(void)state;
	snprintf(list, sizeof list, "%s", views == NULL ? "" : views);
	for (char *v = strtok(list, " "); v != NULL; v = strtok(NULL, " ")) {
		char sql[200];
		snprintf(sql, sizeof sql, "SELECT * FROM %s", v);
		(void)run(&other, "people", sql, A);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables__all__have_rows_of_both_workspaces),
		cmocka_unit_test(tables__own_context__shows_all_of_ones_own),
		cmocka_unit_test(crawl__from_b_to_a__finds_and_changes_nothing),
		cmocka_unit_test(crawl__from_a_to_b__finds_and_changes_nothing),
		cmocka_unit_test(functions__with_ids_of_another_workspace__say_what_they_say_to_random_ones),
		cmocka_unit_test(views__all__show_only_ones_own),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
