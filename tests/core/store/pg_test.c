/* The connection and its binary parameters against a real server. */
#include "../../../core/store/pg.h"
#include "../../../core/store/trip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../support/db.h"

enum { OID_BOOL = 16, OID_BYTEA = 17, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_TEXT = 25, OID_UUID = 2950 };

static const struct pg_statement statements[] = {
	{ "scalars",
	    "SELECT $1::uuid, $2::text, $3::int8, $4::int4, $5::int2, $6::bool, $7::bytea, $8::text IS NULL, $9::text, "
	    "$10::bytea IS NULL" },
	{ "arrays",
	    "SELECT u, t, a, b, c, d, e FROM unnest($1::uuid[], $2::text[], $3::int8[], $4::int4[], $5::int2[], "
	    "$6::bool[], "
	    "$7::bytea[]) WITH ORDINALITY AS x (u, t, a, b, c, d, e, n) ORDER BY n" },
	{ "counts", "SELECT cardinality($1::text[]), array_ndims($1::text[])" },
	{ "times",
	    "SELECT timestamptz '2026-03-04 05:06:07.089Z', timestamptz '1999-12-31 23:59:59.9995Z', timestamptz "
	    "'infinity', "
	    "NULL::timestamptz" },
	{ "back", "SELECT $1::uuid[], NULL::uuid[], '{}'::uuid[], '{1,2}'::int4[], '{NULL}'::uuid[], '{1}'::text" },
	{ "names", "SELECT count(*) FROM workspaces" },
	{ "limits",
	    "SELECT current_setting('statement_timeout'), current_setting('lock_timeout'), "
	    "current_setting('idle_in_transaction_session_timeout'), current_setting('search_path'), "
	    "current_setting('application_name')" },
	{ "tenant", "SELECT coalesce(current_setting('app.ws', true), '')" },
	{ "divide", "SELECT 1 / $1::int4" },
	{ "forbidden", "TRUNCATE workspaces" },
	{ "die", "SELECT pg_terminate_backend(pg_backend_pid())" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { statements, NULL };

static int setup(void **state)
{
	struct pg *p = NULL;
	char why[256] = "";
	if (pg_open(&p, test_db_fresh(), tables, why, sizeof(why)) != ERR_NONE) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	pg_close(*state);
	return 0;
}

static void pg_args__round_trip__every_scalar(void **state)
{
	struct pg *p = *state;
	struct pg_args *a = pg_args_new();
	struct id id = id_new();
	PGresult *r = NULL;
	for (int round = 0; round < 2; round++) { /* a builder is used again after reset */
		pg_args_reset(a);
		pg_arg_id(a, id);
		pg_arg_text(a, "grün\xf0\x9f\x8c\x80 rest", 9);
		pg_arg_int8(a, INT64_MIN);
		pg_arg_int4(a, INT32_MIN + round);
		pg_arg_int2(a, -2);
		pg_arg_bool(a, true);
		pg_arg_bytes(a, "a\0b", 3);
		pg_arg_null(a);
		pg_arg_str(a, "");
		pg_arg_bytes(a, NULL, 0);
		assert_int_equal(pg_args_count(a), 10);
		assert_int_equal(pg_query(p, "scalars", a, &r), ERR_NONE);
		assert_true(id_equal(pg_get_id(r, 0, 0), id));
		assert_string_equal(pg_get_str(r, 0, 1), "grün\xf0\x9f\x8c\x80");
		assert_true(pg_get_int8(r, 0, 2) == INT64_MIN);
		assert_int_equal(pg_get_int8(r, 0, 3), INT32_MIN + round);
		assert_int_equal(pg_get_int8(r, 0, 4), -2);
		assert_true(pg_get_bool(r, 0, 5));
		assert_int_equal(PQgetlength(r, 0, 6), 3);
		assert_memory_equal(PQgetvalue(r, 0, 6), "a\0b", 3);
		assert_true(pg_get_bool(r, 0, 7));
		assert_string_equal(pg_get_str(r, 0, 8), "");
		assert_true(pg_get_bool(r, 0, 9));
		PQclear(r);
	}
	pg_args_free(a);
}

static void pg_args__round_trip__every_array(void **state)
{
	struct pg *p = *state;
	struct pg_args *a = pg_args_new();
	enum { N = 300 }; /* more than the first buffer holds */
	struct id ids[N];
	char text[32];
	PGresult *r = NULL;
	pg_array_begin(a, OID_UUID);
	for (int i = 0; i < N; i++)
		pg_array_id(a, ids[i] = id_new());
	pg_array_end(a);
	pg_array_begin(a, OID_TEXT);
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "row %d", i);
		pg_array_str(a, i % 3 ? text : NULL);
	}
	pg_array_end(a);
	pg_array_begin(a, OID_INT8);
	for (int i = 0; i < N; i++)
		pg_array_int8(a, (int64_t)i << 40);
	pg_array_end(a);
	pg_array_begin(a, OID_INT4);
	for (int i = 0; i < N; i++)
		pg_array_int4(a, -i);
	pg_array_end(a);
	pg_array_begin(a, OID_INT2);
	for (int i = 0; i < N; i++)
		pg_array_int2(a, (int16_t)i);
	pg_array_end(a);
	pg_array_begin(a, OID_BOOL);
	for (int i = 0; i < N; i++)
		pg_array_bool(a, i % 2);
	pg_array_end(a);
	pg_array_begin(a, OID_BYTEA);
	for (int i = 0; i < N; i++)
		pg_array_bytes(a, i % 5 ? "\0\xff" : NULL, 2);
	pg_array_end(a);
	assert_int_equal(pg_query(p, "arrays", a, &r), ERR_NONE);
	assert_int_equal(PQntuples(r), N);
	for (int i = 0; i < N; i++) {
		snprintf(text, sizeof(text), "row %d", i);
		assert_true(id_equal(pg_get_id(r, i, 0), ids[i]));
		if (i % 3)
			assert_string_equal(pg_get_str(r, i, 1), text);
		else
			assert_null(pg_get_str(r, i, 1));
		assert_true(pg_get_int8(r, i, 2) == (int64_t)i << 40);
		assert_int_equal(pg_get_int8(r, i, 3), -i);
		assert_int_equal(pg_get_int8(r, i, 4), i);
		assert_int_equal(pg_get_bool(r, i, 5), i % 2);
		assert_int_equal(PQgetisnull(r, i, 6), i % 5 == 0);
		if (i % 5)
			assert_memory_equal(PQgetvalue(r, i, 6), "\0\xff", 2);
	}
	PQclear(r);
	pg_args_free(a);
}

static void pg_args__sends__empty_array(void **state)
{
	struct pg *p = *state;
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_array_begin(a, OID_TEXT);
	pg_array_end(a);
	assert_int_equal(pg_query(p, "counts", a, &r), ERR_NONE);
	assert_int_equal(pg_get_int8(r, 0, 0), 0);
	assert_true(PQgetisnull(r, 0, 1));
	PQclear(r);
	pg_args_reset(a);
	pg_array_begin(a, OID_TEXT);
	pg_array_text(a, "", 0);
	pg_array_end(a);
	assert_int_equal(pg_query(p, "counts", a, &r), ERR_NONE);
	assert_int_equal(pg_get_int8(r, 0, 0), 1);
	PQclear(r);
	pg_args_free(a);
}

static void pg_get__reads__arrays_of_ids(void **state)
{
	struct pg *p = *state;
	struct pg_args *a = pg_args_new();
	struct id ids[40], out[40];
	PGresult *r = NULL;
	pg_array_begin(a, OID_UUID);
	for (int i = 0; i < 40; i++)
		pg_array_id(a, ids[i] = id_new());
	pg_array_end(a);
	assert_int_equal(pg_query(p, "back", a, &r), ERR_NONE);
	assert_int_equal(pg_get_ids(r, 0, 0, out, 40), 40);
	assert_memory_equal(out, ids, sizeof(ids));
	memset(out, 0, sizeof(out));
	assert_int_equal(pg_get_ids(r, 0, 0, out, 3), 40); /* what does not fit is counted */
	assert_true(id_equal(out[2], ids[2]) && id_is_none(out[3]));
	for (int col = 1; col < 6; col++)
		assert_int_equal(pg_get_ids(r, 0, col, out, 40), 0);
	PQclear(r);
	pg_args_free(a);
}

static void pg_get__reads__times(void **state)
{
	struct pg *p = *state;
	PGresult *r = NULL;
	assert_int_equal(pg_query(p, "times", NULL, &r), ERR_NONE);
	assert_true(pg_get_time_ms(r, 0, 0) == INT64_C(1772600767089));
	assert_true(pg_get_time_ms(r, 0, 1) == INT64_C(946684799999));
	assert_true(pg_get_time_ms(r, 0, 2) == INT64_MAX);
	assert_true(pg_get_time_ms(r, 0, 3) == 0);
	PQclear(r);
}

static void pg_open__sets__limits_of_session(void **state)
{
	struct pg *p = *state;
	PGresult *r = NULL;
	assert_int_equal(pg_query(p, "limits", NULL, &r), ERR_NONE);
	assert_string_equal(pg_get_str(r, 0, 0), "30s");
	assert_string_equal(pg_get_str(r, 0, 1), "5s");
	assert_string_equal(pg_get_str(r, 0, 2), "10s");
	assert_string_equal(pg_get_str(r, 0, 3), "eddy");
	assert_string_equal(pg_get_str(r, 0, 4), "eddy");
	PQclear(r);
}

static void pg_open__names__statement_that_is_wrong(void **state)
{
	static const struct pg_statement bad[] = {
		{ "good", "SELECT 1" },
		{ "wrong_column", "SELECT nothing_of_that_name FROM workspaces" },
		{ "later", "SELECT 2" },
		{ NULL, NULL },
	};
	static const struct pg_statement empty[] = { { "hollow", "" }, { NULL, NULL } };
	struct pg *p = NULL;
	char why[256] = "";
	(void)state;
	assert_int_equal(
	    pg_open(&p, test_db_fresh(), (const struct pg_statement *const[]){ statements, bad, NULL }, why, sizeof(why)),
	    ERR_BROKEN);
	assert_non_null(strstr(why, "wrong_column"));
	assert_non_null(strstr(why, "nothing_of_that_name"));
	assert_null(strchr(why, '\n'));
	assert_int_equal(
	    pg_open(&p, test_db_fresh(), (const struct pg_statement *const[]){ empty, NULL }, why, sizeof(why)), ERR_BROKEN);
	assert_non_null(strstr(why, "hollow"));
	assert_null(p);
}

static void pg_open__hides__password_of_unreachable_server(void **state)
{
	struct pg *p = NULL;
	char why[256] = "";
	(void)state;
	assert_int_equal(pg_open(&p, "postgresql://me:sesame@127.0.0.1:1/none", NULL, why, sizeof(why)), ERR_RETRY);
	assert_null(strstr(why, "sesame"));
	assert_true(strlen(why) > 0);
	assert_null(p);
}

static void pg_begin__sets__tenant_until_commit(void **state)
{
	struct pg *p = *state;
	struct id ws = test_db_workspace("one");
	struct id other = test_db_workspace("two");
	char text[ID_TEXT];
	PGresult *r = NULL;
	assert_int_equal(pg_begin(p, ws), ERR_NONE);
	assert_int_equal(pg_query(p, "tenant", NULL, &r), ERR_NONE);
	assert_string_equal(pg_get_str(r, 0, 0), id_format(ws, text));
	PQclear(r);
	assert_int_equal(pg_query(p, "names", NULL, &r), ERR_NONE);
	assert_int_equal(pg_get_int8(r, 0, 0), 1);
	PQclear(r);
	assert_int_equal(pg_commit(p), ERR_NONE);
	assert_int_equal(pg_begin_plain(p), ERR_NONE);
	assert_int_equal(pg_query(p, "names", NULL, &r), ERR_NONE);
	assert_int_equal(pg_get_int8(r, 0, 0), 0);
	PQclear(r);
	pg_rollback(p);
	assert_int_equal(pg_begin(p, other), ERR_NONE);
	assert_int_equal(pg_query(p, "names", NULL, &r), ERR_NONE);
	assert_int_equal(pg_get_int8(r, 0, 0), 1);
	PQclear(r);
	pg_rollback(p);
}

static void pg_commit__tells__failed_transaction(void **state)
{
	struct pg *p = *state;
	struct pg_args *a = pg_args_new();
	pg_arg_int4(a, 0);
	assert_int_equal(pg_begin_plain(p), ERR_NONE);
	assert_int_equal(pg_query(p, "divide", a, NULL), ERR_INPUT);
	assert_int_equal(pg_commit(p), ERR_RETRY); /* Postgres rolled back */
	assert_int_equal(PQtransactionStatus(pg_conn(p)), PQTRANS_IDLE);
	pg_args_free(a);
}

static void pg_query__refuses__what_the_role_may_not(void **state)
{
	struct pg *p = *state;
	assert_int_equal(pg_query(p, "forbidden", NULL, NULL), ERR_DENIED);
}

static void pg_reconnect__restores__session_and_statements(void **state)
{
	struct pg *p = *state;
	PGresult *r = NULL;
	assert_int_equal(pg_begin_plain(p), ERR_NONE);
	assert_int_equal(pg_query(p, "die", NULL, NULL), ERR_RETRY);
	assert_false(pg_alive(p));
	assert_int_equal(pg_begin(p, id_new()), ERR_RETRY);
	assert_int_equal(pg_query(p, "limits", NULL, NULL), ERR_RETRY);
	assert_int_equal(pg_commit(p), ERR_RETRY);
	pg_rollback(p);
	assert_int_equal(pg_reconnect(p), ERR_NONE);
	assert_true(pg_alive(p));
	assert_int_equal(pg_query(p, "limits", NULL, &r), ERR_NONE);
	assert_string_equal(pg_get_str(r, 0, 0), "30s");
	PQclear(r);
}

/* The first word of the plan that the session keeps for statement "grown_get". */
static const char *plan_of_grown(PGconn *c)
{
	static char word[32];
	PGresult *r = PQexec(c, "EXPLAIN EXECUTE grown_get(5)");
	assert_int_equal(PQresultStatus(r), PGRES_TUPLES_OK);
	assert_int_equal(sscanf(PQgetvalue(r, 0, 0), "%31s", word), 1);
	PQclear(r);
	return word;
}

static void pg_begin__a_plan_made_for_a_small_table__is_thrown_away_when_it_has_grown(void **state)
{
	struct pg *p = *state;
	struct id ws = id_new();
	assert_int_equal(pg_reconnect(p), ERR_NONE);
	PGconn *c = pg_conn(p);
	PGresult *r = PQexec(c,
	    "SET plan_cache_mode = force_generic_plan; CREATE TEMP TABLE grown (k int PRIMARY KEY, v text);"
	    "INSERT INTO grown VALUES (1, 'one'); ANALYZE grown; PREPARE grown_get AS SELECT v FROM grown WHERE k = $1");
	assert_int_equal(PQresultStatus(r), PGRES_COMMAND_OK);
	PQclear(r);
	assert_string_equal(plan_of_grown(c), "Seq");
	PQclear(PQexec(c, "INSERT INTO grown SELECT n, repeat('x', 100) FROM generate_series(2, 20000) n"));
	assert_string_equal(plan_of_grown(c), "Seq"); /* what the test is about: Postgres keeps it */
	for (int i = 0; i < 8; i++) {
		assert_int_equal(pg_begin(p, ws), ERR_NONE);
		assert_int_equal(pg_commit(p), ERR_NONE);
	}
	assert_string_equal(plan_of_grown(c), "Index");
	PQclear(PQexec(c, "DROP TABLE grown; DEALLOCATE grown_get; RESET plan_cache_mode"));
}

static struct pg_args *number(int n)
{
	struct pg_args *a = pg_args_new();
	pg_arg_int4(a, n);
	return a;
}

static void pg_steps__are__one_trip(void **state)
{
	struct pg *p = *state;
	struct id ws = id_new();
	char text[ID_TEXT];
	struct pg_args *one = number(1);
	struct pg_step first[] = { { "tenant", NULL, NULL } }, rest[] = { { "divide", one, NULL }, { "names", NULL, NULL } };
	struct pg_spent before = pg_spent(p), after;
	assert_int_equal(pg_begin_steps(p, ws, first, 1), ERR_NONE);
	assert_string_equal(pg_get_str(first[0].out, 0, 0), id_format(ws, text));
	assert_int_equal(pg_steps(p, rest, 2), ERR_NONE);
	assert_int_equal(pg_get_int8(rest[0].out, 0, 0), 1);
	assert_int_equal(PQntuples(rest[1].out), 1);
	pg_end_read(p);
	after = pg_spent(p);
	assert_int_equal(after.trips - before.trips, 2);
	assert_int_equal(after.statements - before.statements, 6);
	PQclear(first[0].out);
	PQclear(rest[0].out);
	PQclear(rest[1].out);
	pg_args_free(one);
	/* Whatever comes next finds the connection in order, and no tenant. */
	pg_rollback(p);
	assert_int_equal(pg_begin(p, id_new()), ERR_NONE);
	pg_end_read(p);
	struct pg_step none[] = { { "tenant", NULL, NULL } };
	assert_int_equal(pg_steps(p, none, 1), ERR_NONE);
	assert_string_equal(pg_get_str(none[0].out, 0, 0), "");
	PQclear(none[0].out);
}

static void pg_steps__that_fail__end_the_transaction(void **state)
{
	struct pg *p = *state;
	struct pg_args *one = number(1), *zero = number(0);
	struct pg_step steps[] = { { "divide", one, NULL }, { "divide", zero, NULL }, { "divide", one, NULL } };
	assert_int_equal(pg_begin(p, id_new()), ERR_NONE);
	assert_int_equal(pg_steps(p, steps, 3), ERR_INPUT);
	assert_non_null(steps[0].out);
	assert_null(steps[1].out);
	assert_null(steps[2].out);
	assert_int_not_equal(pg_commit(p), ERR_NONE);
	PQclear(steps[0].out);
	/* With BEGIN: there is no transaction, and the connection is fine. */
	assert_int_equal(pg_begin_steps(p, id_new(), steps + 1, 2), ERR_INPUT);
	assert_null(steps[2].out);
	assert_int_equal(PQtransactionStatus(pg_conn(p)), PQTRANS_IDLE);
	assert_int_equal(pg_query(p, "divide", one, NULL), ERR_NONE);
	/* A connection that ends in the middle is noticed. */
	struct pg_step die[] = { { "die", NULL, NULL }, { "divide", one, NULL } };
	assert_int_equal(pg_begin_steps(p, id_new(), die, 2), ERR_RETRY);
	PQclear(die[0].out);
	PQclear(die[1].out);
	assert_false(pg_alive(p));
	assert_int_equal(pg_reconnect(p), ERR_NONE);
	pg_args_free(one);
	pg_args_free(zero);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pg_args__round_trip__every_scalar),
		cmocka_unit_test(pg_args__round_trip__every_array),
		cmocka_unit_test(pg_args__sends__empty_array),
		cmocka_unit_test(pg_get__reads__arrays_of_ids),
		cmocka_unit_test(pg_get__reads__times),
		cmocka_unit_test(pg_open__sets__limits_of_session),
		cmocka_unit_test(pg_open__hides__password_of_unreachable_server),
		cmocka_unit_test(pg_begin__sets__tenant_until_commit),
		cmocka_unit_test(pg_commit__tells__failed_transaction),
		cmocka_unit_test(pg_query__refuses__what_the_role_may_not),
		cmocka_unit_test(pg_reconnect__restores__session_and_statements),
		cmocka_unit_test(pg_steps__are__one_trip),
		cmocka_unit_test(pg_steps__that_fail__end_the_transaction),
		cmocka_unit_test(pg_open__names__statement_that_is_wrong),
		cmocka_unit_test(pg_begin__a_plan_made_for_a_small_table__is_thrown_away_when_it_has_grown),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
