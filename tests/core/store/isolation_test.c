/* What the runtime role can reach: nothing without a tenant, nothing of another's; and what search may do beyond that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/store/admin.h"
#include "../../../core/store/pg.h"
#include "../../support/db.h"

static const struct pg_statement statements[] = {
	{ "people", "SELECT count(*) FROM people" },
	{ "add_person", "INSERT INTO people (ws, id, name) VALUES ($1, $2, 'somebody')" },
	{ "rename", "UPDATE people SET name = 'changed' WHERE id = $1 RETURNING 1" },
	{ "move", "UPDATE people SET ws = $2 WHERE id = $1" },
	{ "inbox",
	    "INSERT INTO inbox (ws, id, kind, adapter, source_key) VALUES ($1, $2, 0, 'test', 'k') ON CONFLICT DO "
	    "NOTHING RETURNING 1" },
	{ "identity", "INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ($1, 'test', 'U1', $2, 2)" },
	{ "search",
	    "SELECT unnest(ids) FROM search_messages($1, $1, $2, cardinality($2::uuid[]) = 1, $3, CASE WHEN $4::uuid IS NOT NULL THEN ARRAY[$4::uuid] END,"
	    " '{1}'::int2[], 0, $5, $6, NULL, 0, 0, $7, 0)" },
	{ "tidy", "SELECT tidy_search()" },
	{ "statistics", "SELECT tidy_statistics()" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { statements, NULL };

static struct pg *p;
static struct id ws_a, ws_b, person_a, person_b;

static int64_t count(const char *statement, const struct pg_args *a)
{
	PGresult *r = NULL;
	if (pg_query(p, statement, a, &r) != ERR_NONE)
		return -1;
	int64_t n = PQnfields(r) && PQntuples(r) ? pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	return n;
}

static struct id add_person(struct id ws)
{
	struct pg_args *a = pg_args_new();
	struct id id = id_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	assert_int_equal(pg_begin(p, ws), ERR_NONE);
	assert_int_equal(pg_query(p, "add_person", a, NULL), ERR_NONE);
	assert_int_equal(pg_commit(p), ERR_NONE);
	pg_args_free(a);
	return id;
}

static int setup(void **state)
{
	char why[256] = "";
	(void)state;
	if (pg_open(&p, test_db_fresh(), tables, why, sizeof(why)) != ERR_NONE) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	ws_a = test_db_workspace("a");
	ws_b = test_db_workspace("b");
	person_a = add_person(ws_a);
	person_b = add_person(ws_b);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(p);
	return 0;
}

static void tenant__unset__shows_no_rows(void **state)
{
	(void)state;
	assert_int_equal(count("people", NULL), 0);
	assert_int_equal(pg_begin(p, ws_a), ERR_NONE);
	assert_int_equal(count("people", NULL), 1);
	assert_int_equal(pg_commit(p), ERR_NONE);
	assert_int_equal(count("people", NULL), 0); /* '' after the transaction, not an error */
}

static void tenant__other__is_out_of_reach(void **state)
{
	(void)state;
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	assert_int_equal(pg_begin(p, ws_a), ERR_NONE);
	pg_arg_id(a, person_b);
	assert_int_equal(pg_query(p, "rename", a, &r), ERR_NONE);
	assert_int_equal(PQntuples(r), 0);
	PQclear(r);
	pg_args_reset(a);
	pg_arg_id(a, person_a);
	assert_int_equal(pg_query(p, "rename", a, &r), ERR_NONE);
	assert_int_equal(PQntuples(r), 1);
	PQclear(r);
	pg_rollback(p);
	pg_args_free(a);
}

static void tenant__other__cannot_be_written(void **state)
{
	(void)state;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws_b);
	pg_arg_id(a, id_new());
	assert_int_equal(pg_begin(p, ws_a), ERR_NONE);
	assert_int_equal(pg_query(p, "add_person", a, NULL), ERR_DENIED);
	pg_rollback(p);
	pg_args_reset(a);
	pg_arg_id(a, person_a);
	pg_arg_id(a, ws_b);
	assert_int_equal(pg_begin(p, ws_a), ERR_NONE);
	assert_int_equal(pg_query(p, "move", a, NULL), ERR_DENIED);
	pg_rollback(p);
	pg_args_free(a);
}

static void tenant__reference__does_not_reach_across(void **state)
{
	(void)state;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws_a);
	pg_arg_id(a, person_b);
	assert_int_equal(pg_begin(p, ws_a), ERR_NONE);
	assert_int_equal(pg_query(p, "identity", a, NULL), ERR_INPUT); /* no such person here */
	pg_rollback(p);
	pg_args_free(a);
}

static void dedupe_key__same_in_two_tenants__takes_both(void **state)
{
	(void)state;
	struct pg_args *a = pg_args_new();
	struct id event = id_new();
	struct id both[] = { ws_a, ws_b, ws_a };
	int stored[3];
	for (int i = 0; i < 3; i++) {
		PGresult *r = NULL;
		pg_args_reset(a);
		pg_arg_id(a, both[i]);
		pg_arg_id(a, event);
		assert_int_equal(pg_begin(p, both[i]), ERR_NONE);
		assert_int_equal(pg_query(p, "inbox", a, &r), ERR_NONE);
		stored[i] = PQntuples(r);
		PQclear(r);
		assert_int_equal(pg_commit(p), ERR_NONE);
	}
	assert_int_equal(stored[0], 1);
	assert_int_equal(stored[1], 1);
	assert_int_equal(stored[2], 0);
	pg_args_free(a);
}

/* ---- search ---- */

static struct id place_open, place_closed, thread_open;

/* A place with its audience (the same id), a thread and messages in it. */
static struct id make_place(struct id ws, struct id author, const char *const *texts, struct id *thread)
{
	char w[ID_TEXT];
	char place[ID_TEXT];
	char t[ID_TEXT];
	char person[ID_TEXT];
	char m[ID_TEXT];
	struct id id = id_new();
	struct id thread_id = id_new();
	struct buf sql = BUF_INIT;
	id_format(ws, w);
	id_format(id, place);
	id_format(thread_id, t);
	id_format(author, person);
	buf_addf(&sql, "INSERT INTO audiences (ws, id, kind, subject) VALUES ('%s', '%s', 1, '%s');", w, place, place);
	buf_addf(&sql,
	    "INSERT INTO places (ws, id, adapter, external_id, visibility, member, audience_id) VALUES ('%s', '%s', "
	    "'test', '%s', 4, "
	    "true, '%s');",
	    w, place, place, place);
	buf_addf(&sql,
	    "INSERT INTO threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id) VALUES "
	    "('%s', '%s', "
	    "'%s', '1', 0, true, 1, '%s');",
	    w, t, place, place);
	for (int i = 0; texts[i]; i++)
		buf_addf(&sql,
		    "INSERT INTO messages (ws, id, thread_id, seq, rev, author_id, author_kind, body, audience_id, "
		    "created_at) VALUES ("
		    "'%s', '%s', '%s', %d, %d, '%s', 1, '%s', '%s', timestamptz '2026-01-01' + %d * interval '1 day');",
		    w, id_format(id_new(), m), t, i + 1, i + 1, person, texts[i], place, i);
	assert_true(test_db_exec(sql.p));
	buf_done(&sql);
	if (thread)
		*thread = thread_id;
	return id;
}

struct filter {
	const char *q;
	const struct id *audiences;
	size_t audiences_n;
	struct id thread;
	struct id author;
	int limit;
};

static int search(struct id ws, const struct filter *f)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_str(a, f->q);
	pg_array_begin(a, 2950);
	for (size_t i = 0; i < f->audiences_n; i++)
		pg_array_id(a, f->audiences[i]);
	pg_array_end(a);
	if (id_is_none(f->thread))
		pg_arg_null(a);
	else
		pg_arg_id(a, f->thread);
	if (id_is_none(f->author))
		pg_arg_null(a);
	else
		pg_arg_id(a, f->author);
	pg_arg_null(a);
	pg_arg_null(a);
	pg_arg_int4(a, f->limit ? f->limit : 20);
	assert_int_equal(pg_begin(p, ws), ERR_NONE);
	assert_int_equal(pg_query(p, "search", a, &r), ERR_NONE);
	int n = PQntuples(r);
	PQclear(r);
	assert_int_equal(pg_commit(p), ERR_NONE);
	pg_args_free(a);
	return n;
}

static void search_messages__finds__only_what_audience_and_tenant_allow(void **state)
{
	(void)state;
	static const char *const open_texts[] = { "the release is on friday", "friday it is, says Zoë in the café",
		"nothing to see", NULL };
	static const char *const closed_texts[] = { "salaries are decided on friday", NULL };
	static const char *const other_texts[] = { "friday in another house", NULL };
	place_open = make_place(ws_a, person_a, open_texts, &thread_open);
	place_closed = make_place(ws_a, person_a, closed_texts, NULL);
	struct id other = make_place(ws_b, person_b, other_texts, NULL);
	struct id all[] = { place_open, place_closed, other };

	assert_int_equal(search(ws_a, &(struct filter){ .q = "friday", .audiences = all, .audiences_n = 1 }), 2);
	assert_int_equal(search(ws_a, &(struct filter){ .q = "friday", .audiences = all, .audiences_n = 3 }), 3);
	assert_int_equal(search(ws_a, &(struct filter){ .q = "friday", .audiences = all, .audiences_n = 0 }), 0);
	assert_int_equal(search(ws_b, &(struct filter){ .q = "friday", .audiences = all, .audiences_n = 3 }), 1);
	assert_int_equal(search(id_new(), &(struct filter){ .q = "friday", .audiences = all, .audiences_n = 3 }), 0);
	assert_int_equal(search(ws_a, &(struct filter){ .q = "friday", .audiences = all, .audiences_n = 3, .limit = 1 }), 1);
	assert_int_equal(
	    search(ws_a, &(struct filter){ .q = "friday", .audiences = all, .audiences_n = 3, .thread = thread_open }), 2);
	assert_int_equal(
	    search(ws_a, &(struct filter){ .q = "friday", .audiences = all, .audiences_n = 3, .author = person_b }), 0);
	assert_int_equal(search(ws_a, &(struct filter){ .q = "friday & !release", .audiences = all, .audiences_n = 1 }), 1);
	assert_int_equal(search(ws_a, &(struct filter){ .q = "'is on friday'", .audiences = all, .audiences_n = 1 }), 1);
}

static void search_messages__ignores__accents_and_case(void **state)
{
	(void)state;
	assert_int_equal(search(ws_a, &(struct filter){ .q = "ZOE & cafe", .audiences = &place_open, .audiences_n = 1 }), 1);
	assert_int_equal(search(ws_a, &(struct filter){ .q = "Zoë", .audiences = &place_open, .audiences_n = 1 }), 1);
}

static void search_messages__answers_nothing__to_a_query_without_words(void **state)
{
	(void)state;
	static const char *const queries[] = { "'   '", "'!!! ?'", "'-'" };
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++)
		assert_int_equal(search(ws_a, &(struct filter){ .q = queries[i], .audiences = &place_open, .audiences_n = 1 }), 0);
}

static void search_messages__forgets__deleted(void **state)
{
	(void)state;
	assert_true(test_db_exec("UPDATE messages SET state = 2 WHERE body LIKE 'the release%'"));
	assert_int_equal(search(ws_a, &(struct filter){ .q = "release", .audiences = &place_open, .audiences_n = 1 }), 0);
	assert_true(test_db_exec("UPDATE messages SET state = 0 WHERE body LIKE 'the release%'"));
}

static void keep_notice(void *arg, const PGresult *r)
{
	struct buf *b = arg;
	buf_add_str(b, PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY));
	buf_add_char(b, '\n');
}

/* The plan inside the function as the runtime role gets it, through auto_explain. */
static void search_messages__uses__gin_index_as_runtime_role(void **state)
{
	(void)state;
	struct admin a;
	struct buf said = BUF_INIT;
	struct buf sql = BUF_INIT;
	char why[256] = "";
	char w[ID_TEXT];
	char place[ID_TEXT];
	char t[ID_TEXT];
	id_format(ws_a, w);
	id_format(place_open, place);
	id_format(thread_open, t);
	buf_addf(&sql,
	    "INSERT INTO messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id, created_at) SELECT '%s', "
	    "gen_random_uuid(), '%s', "
	    "100 + n, 100 + n, 1, 'filler ' || md5(n::text) || CASE WHEN n %% 500 = 0 THEN ' needle' ELSE '' END, '%s', "
	    "now() - (30000 - n) * interval '1 minute' "
	    "FROM generate_series(1, 20000) n; SELECT tidy_search(); ANALYZE messages",
	    w, t, place);
	assert_true(test_db_exec(sql.p));
	assert_int_equal(admin_open(&a, test_db_admin(), why, sizeof(why)), ERR_NONE);
	if (!a.superuser) {
		admin_close(&a);
		skip();
	}
	assert_int_equal(admin_exec(&a,
	                     "LOAD 'auto_explain'; SET auto_explain.log_min_duration = 0; SET "
	                     "auto_explain.log_nested_statements = on; "
	                     "SET client_min_messages = log; SET search_path = eddy; SET ROLE eddy_test_eddy",
	                     why, sizeof(why)),
	    ERR_NONE);
	PQsetNoticeReceiver(a.conn, keep_notice, &said);
	buf_reset(&sql);
	buf_addf(&sql, "SELECT set_config('app.ws', '%s', false)", w);
	assert_int_equal(admin_exec(&a, sql.p, why, sizeof(why)), ERR_NONE);
	static const char index[] = "Bitmap Index Scan on messages_search";
	buf_reset(&said);
	buf_reset(&sql);
	buf_addf(&sql,
	    "SELECT * FROM search_messages('needle', 'needle', ARRAY['%s']::uuid[], false, NULL, NULL, '{1}', 0, NULL, NULL, NULL, 0, 0, 20, 0)",
	    place);
	assert_int_equal(admin_exec(&a, sql.p, why, sizeof(why)), ERR_NONE);
	if (!strstr(said.p, index))
		print_error("%s", said.p);
	assert_non_null(strstr(said.p, index));
	assert_null(strstr(said.p, "Filter: (search @@"));
	/* Why the function exists: under row security the same words do not reach the index. */
	buf_reset(&said);
	assert_int_equal(admin_exec(&a, "SELECT count(*) FROM messages WHERE search @@ 'needle'", why, sizeof(why)), ERR_NONE);
	assert_non_null(strstr(said.p, "Filter: (search @@"));
	admin_close(&a);
	buf_done(&said);
	buf_done(&sql);
	assert_int_equal(
	    search(ws_a, &(struct filter){ .q = "needle", .audiences = &place_open, .audiences_n = 1, .limit = 1000 }), 40);
}

static void tidy_search__merges__what_was_written(void **state)
{
	(void)state;
	int before = search(ws_a, &(struct filter){ .q = "friday", .audiences = &place_open, .audiences_n = 1 });
	assert_true(test_db_exec("INSERT INTO messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id) "
	                         "SELECT ws, "
	                         "gen_random_uuid(), thread_id, 900000, 900000, 1, body, audience_id FROM messages "
	                         "WHERE body LIKE 'friday it is%'"));
	assert_true(count("tidy", NULL) > 0);
	assert_int_equal(count("tidy", NULL), 0);
	assert_int_equal(search(ws_a, &(struct filter){ .q = "friday", .audiences = &place_open, .audiences_n = 1 }), before + 1);
}

static void maintenance__sees__all_tenants_without_bypass(void **state)
{
	(void)state;
	assert_true(test_db_exec("SET ROLE eddy_test_maint; DO $$ BEGIN IF (SELECT count(*) FROM eddy.people) <> 2 "
	                         "THEN RAISE 'no'; END IF; END $$"));
	assert_true(test_db_exec("SET ROLE eddy_test_owner; DO $$ BEGIN IF (SELECT count(*) FROM eddy.people) <> 0 "
	                         "THEN RAISE 'no'; END IF; END $$"));
}

static void tidy_statistics__counts__what_has_doubled(void **state)
{
	(void)state;
	test_db_fresh();
	test_db_workspace("counted");
	assert_true(test_db_exec(
	    "INSERT INTO eddy.audit (ws, id, verb) SELECT w.ws, gen_random_uuid(), 'x' FROM eddy.workspaces w, generate_series(1, 2000)"));
	assert_string_equal(test_db_value("SELECT reltuples FROM pg_class WHERE relname = 'audit'"), "-1");
	assert_true(atoi(test_db_value("SELECT eddy.tidy_statistics()")) >= 1);
	assert_string_equal(test_db_value("SELECT reltuples FROM pg_class WHERE relname = 'audit'"), "2000");
	assert_string_equal(test_db_value("SELECT eddy.tidy_statistics()"), "0"); /* nothing has doubled since */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tenant__unset__shows_no_rows), cmocka_unit_test(tenant__other__is_out_of_reach),
		cmocka_unit_test(tenant__other__cannot_be_written), cmocka_unit_test(tenant__reference__does_not_reach_across),
		cmocka_unit_test(dedupe_key__same_in_two_tenants__takes_both),
		cmocka_unit_test(maintenance__sees__all_tenants_without_bypass),
		cmocka_unit_test(search_messages__finds__only_what_audience_and_tenant_allow),
		cmocka_unit_test(search_messages__ignores__accents_and_case),
		cmocka_unit_test(search_messages__answers_nothing__to_a_query_without_words),
		cmocka_unit_test(search_messages__forgets__deleted), cmocka_unit_test(tidy_search__merges__what_was_written),
		cmocka_unit_test(search_messages__uses__gin_index_as_runtime_role),
		cmocka_unit_test(tidy_statistics__counts__what_has_doubled), /* last: a database of its own */
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
