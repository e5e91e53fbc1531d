/*
 * authority.replay over runs that an engine has recorded: nothing changed, no difference; who reads changed, or the rule did, and each answer it is about is told,
 * with what was read and why.  Nobody sees another workspace's.
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

#include "../../../core/api/api.h"
#include "../../../core/base/json.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *f;
static struct pg *pg;
static struct caller owner;

static int teardown(void **state)
{
	(void)state;
	pg_close(pg);
	pg = NULL;
	fixture_free(f);
	f = NULL;
	return 0;
}

static struct caller caller_in(struct id ws, const char *who)
{
	struct caller by = { 0 };
	struct id person;
	char sql[600], text[ID_TEXT];
	snprintf(sql, sizeof sql,
	    "WITH p AS (INSERT INTO eddy.people (ws, id) SELECT '%s', gen_random_uuid() WHERE NOT EXISTS (SELECT 1 FROM eddy.identities WHERE ws = '%s'"
	    " AND adapter = 'web' AND external_id = '%s') RETURNING id) INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified)"
	    " SELECT '%s', 'web', '%s', id, 2 FROM p",
	    id_format(ws, text), text, who, text, who);
	assert_true(test_db_exec(sql));
	snprintf(sql, sizeof sql,
	    "SELECT person_id FROM eddy.identities WHERE ws = '%s' AND adapter = 'web' AND external_id = '%s'", text, who);
	assert_true(id_parse(test_db_value(sql), &person));
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, person, "web", &by), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return by;
}

static json_t *call(const struct caller *by, const char *args, enum api_code expected)
{
	json_t *in = json_loads(args, 0, NULL), *out = NULL;
	struct problem problem;
	assert_non_null(in);
	enum api_code code = api_run(NULL, pg, by, "authority.replay", in, id_new(), &out, &problem);
	if (code != expected)
		fail_msg("%s: %s %s", args, problem_name(code), problem.detail);
	json_decref(in);
	return out;
}

static void assert_counts(
    const struct caller *by, const char *args, int answers, int own, int said, int left_out, size_t differences)
{
	json_t *o = call(by, args, API_OK);
	assert_int_equal(json_int(o, "answers", -1), answers);
	assert_int_equal(json_int(o, "own_place", -1), own);
	assert_int_equal(json_int(o, "still_said", -1), said);
	assert_int_equal(json_int(o, "still_left_out", -1), left_out);
	assert_int_equal(json_array_size(json_arr(o, "differences")), differences);
	json_decref(o);
}

static const json_t *only(const json_t *o)
{
	assert_int_equal(json_array_size(json_arr(o, "differences")), 1);
	return json_array_get(json_arr(o, "differences"), 0);
}

/* One answer in a private place that rests on a public one, and one that rests on its own place. */
static void record(void)
{
	char why[200];
	f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "The deploy is at noon.", false));
	assert_true(fixture_say_in(f, "board", VIS_PRIVATE, "Ada", "t2", "k2", "good morning", false));
	assert_true(db_settles(20000));
	fixture_script(f, SCRIPT_TOOL);
	assert_true(fixture_say_in(f, "board", VIS_PRIVATE, "Ada", "t2", "k3", "where is the deploy?", true));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ben", "t3", "k4", "what can you do?", true));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_true(db_settles(20000));
	assert_int_equal(pg_open(&pg, fixture_url(f), api_tables, why, sizeof why), ERR_NONE);
	owner = caller_in(fixture_ws(f), "local");
}

static void replay__nothing_changed__no_difference(void **state)
{
	(void)state;
	record();
	assert_counts(&owner, "{}", 2, 1, 1, 0, 0);
}

static void replay__source_closed_since__told_with_what_was_read_and_why(void **state)
{
	(void)state;
	record();
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 2, name = 'ops' WHERE external_id = 'C1'"));
	assert_counts(&owner, "{}", 2, 1, 0, 0, 1);
	json_t *o = call(&owner, "{}", API_OK);
	const json_t *d = only(o), *read = json_array_get(json_arr(d, "reads"), 0);
	assert_string_equal(json_str(d, "run", ""), test_db_value("SELECT id FROM eddy.runs WHERE reads IS NOT NULL"));
	assert_string_equal(json_str(d, "place", ""), test_db_value("SELECT id FROM eddy.places WHERE external_id = 'board'"));
	assert_string_equal(json_str(d, "then", ""), "said");
	assert_string_equal(json_str(d, "now", ""), "left out");
	assert_string_equal(json_str(d, "cause", ""), "readers");
	assert_string_equal(json_str(d, "of_then", ""), "said");
	assert_non_null(strstr(json_str(d, "why_now", ""), "private"));
	assert_string_equal(json_str(read, "name", ""), "ops");
	assert_false(json_bool(read, "may", true));
	assert_non_null(strstr(json_str(read, "why", ""), "private"));
	json_decref(o);
	/* And back again. */
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 4 WHERE external_id = 'C1'"));
	assert_counts(&owner, "{}", 2, 1, 1, 0, 0);
}

static void replay__readers_changed_since__each_told_why(void **state)
{
	(void)state;
	record();
	static const struct {
		const char *change, *back, *why;
	} cases[] = {
		{ "UPDATE eddy.places SET visibility = 3 WHERE external_id = 'board'",
		    "UPDATE eddy.places SET visibility = 2 WHERE external_id = 'board'", "outsiders read along" },
		{ "UPDATE eddy.places SET visibility = 0 WHERE external_id = 'board'",
		    "UPDATE eddy.places SET visibility = 2 WHERE external_id = 'board'", "not known" },
		{ "UPDATE eddy.places SET member = false WHERE external_id = 'C1'",
		    "UPDATE eddy.places SET member = true WHERE external_id = 'C1'", "Eddy is not in that place" },
		{ "UPDATE eddy.people SET guest = true WHERE id = (SELECT person_id FROM eddy.runs WHERE reads IS NOT NULL)",
		    "UPDATE eddy.people SET guest = false", "guest" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(test_db_exec(cases[i].change));
		json_t *o = call(&owner, "{}", API_OK);
		assert_non_null(strstr(json_str(only(o), "why_now", ""), cases[i].why));
		assert_string_equal(json_str(only(o), "cause", ""), "readers");
		json_decref(o);
		assert_true(test_db_exec(cases[i].back));
		assert_counts(&owner, "{}", 2, 1, 1, 0, 0);
	}
}

static void replay__left_out_then_and_open_now__told(void **state)
{
	(void)state;
	record();
	assert_true(test_db_exec("UPDATE eddy.runs SET error = 'readers' WHERE reads IS NOT NULL"));
	json_t *o = call(&owner, "{}", API_OK);
	assert_string_equal(json_str(only(o), "then", ""), "left out");
	assert_string_equal(json_str(only(o), "now", ""), "said");
	assert_string_equal(json_str(only(o), "cause", ""), "rule"); /* nothing has changed since */
	json_decref(o);
	/* That it would be left out today excuses nothing. */
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 3 WHERE external_id = 'board'"));
	o = call(&owner, "{}", API_OK);
	assert_string_equal(json_str(only(o), "now", ""), "left out");
	assert_string_equal(json_str(only(o), "of_then", ""), "said");
	assert_string_equal(json_str(only(o), "cause", ""), "rule");
	json_decref(o);
	/* It was so when it was left out: */
	assert_true(test_db_exec("UPDATE eddy.runs SET finished_at = clock_timestamp() WHERE reads IS NOT NULL"));
	assert_counts(&owner, "{}", 2, 1, 0, 1, 0);
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 2 WHERE external_id = 'board'"));
	o = call(&owner, "{}", API_OK);
	assert_string_equal(json_str(only(o), "now", ""), "said");
	assert_string_equal(json_str(only(o), "of_then", ""), "left out");
	assert_string_equal(json_str(only(o), "cause", ""), "readers");
	json_decref(o);
}

/* Said while it was not to be, and today it might be: only who knows the readers of then can tell. */
static void replay__said_against_the_rule__told_though_it_might_be_said_today(void **state)
{
	(void)state;
	record();
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 2 WHERE external_id = 'C1'"));
	assert_true(test_db_exec("UPDATE eddy.runs SET finished_at = clock_timestamp() WHERE reads IS NOT NULL"));
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 3 WHERE external_id = 'C1'"));
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 4 WHERE external_id = 'C1'"));
	json_t *o = call(&owner, "{}", API_OK);
	assert_string_equal(json_str(only(o), "then", ""), "said");
	assert_string_equal(json_str(only(o), "now", ""), "said");
	assert_string_equal(json_str(only(o), "of_then", ""), "left out");
	assert_string_equal(json_str(only(o), "cause", ""), "rule");
	json_decref(o);
	/* Nothing of the world of then is left behind. */
	assert_int_equal(db_count("SELECT visibility FROM eddy.places WHERE external_id = 'C1'"), 4);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.reader_changes"), 3);
}

static void replay__readers_of_then_not_known__told_as_that(void **state)
{
	(void)state;
	record();
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 2 WHERE external_id = 'C1'"));
	assert_true(test_db_exec("UPDATE eddy.workspaces SET readers_since = clock_timestamp()"));
	json_t *o = call(&owner, "{}", API_OK);
	assert_string_equal(json_str(only(o), "cause", ""), "unknown");
	assert_null(json_object_get(only(o), "of_then"));
	json_decref(o);
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 4 WHERE external_id = 'C1'"));
	assert_counts(&owner, "{}", 2, 1, 1, 0, 0);
}

#define AT_D1 "(SELECT id FROM eddy.places WHERE external_id = 'D1')"
#define ASKER "(SELECT person_id FROM eddy.runs WHERE reads IS NOT NULL)"

/* What one wrote alone, told to them in another conversation of theirs: who else reads it now is seen as that. */
static void replay__direct_conversation__somebody_joined_since(void **state)
{
	(void)state;
	char why[200];
	f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	assert_true(fixture_say_in(f, "D1", VIS_DIRECT, "Ada", "t1", "k1", "The deploy is at noon.", true));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(db_settles(20000));
	assert_true(fixture_say_in(f, "D2", VIS_DIRECT, "Ada", "t2", "k2", "where is the deploy?", true));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_true(db_settles(20000));
	assert_true(test_db_exec("UPDATE eddy.identities SET verified = 2"));
	assert_true(test_db_exec(
	    "UPDATE eddy.runs SET finished_at = clock_timestamp(), reads = ARRAY[(SELECT audience_id FROM eddy.places WHERE external_id = 'D1')] WHERE thread_id IN"
	    " (SELECT t.id FROM eddy.threads t JOIN eddy.places p ON p.id = t.place_id WHERE p.external_id = 'D2')"));
	assert_int_equal(pg_open(&pg, fixture_url(f), api_tables, why, sizeof why), ERR_NONE);
	owner = caller_in(fixture_ws(f), "local");
	assert_counts(&owner, "{}", 2, 1, 1, 0, 0);
	static const struct {
		const char *change, *back;
	} cases[] = {
		{ "UPDATE eddy.threads SET several = true WHERE place_id = " AT_D1,
		    "UPDATE eddy.threads SET several = false WHERE place_id = " AT_D1 },
		{ "INSERT INTO eddy.place_people (ws, place_id, external_id) SELECT ws, id, x FROM eddy.places, (VALUES ('a'), ('b')) v (x) WHERE"
		  " external_id = 'D1'",
		    "DELETE FROM eddy.place_people" },
		{ "UPDATE eddy.identities SET verified = 0 WHERE person_id = " ASKER,
		    "UPDATE eddy.identities SET verified = 2 WHERE person_id = " ASKER },
		{ "UPDATE eddy.threads SET only_person = NULL WHERE place_id = " AT_D1,
		    "UPDATE eddy.threads SET only_person = " ASKER " WHERE place_id = " AT_D1 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_true(test_db_exec(cases[i].change));
		json_t *o = call(&owner, "{}", API_OK);
		if (strcmp(json_str(only(o), "cause", ""), "readers") != 0 || strcmp(json_str(only(o), "now", ""), "left out") != 0)
			fail_msg("%s: %s", cases[i].change, json_dumps(only(o), 0));
		json_decref(o);
		assert_true(test_db_exec(cases[i].back));
		assert_counts(&owner, "{}", 2, 1, 1, 0, 0);
	}
	/* Somebody else begins a thread of their own there. */
	assert_true(fixture_say_in(f, "D1", VIS_DIRECT, "Ben", "t3", "k3", "I am here too.", false));
	assert_true(db_settles(20000));
	json_t *o = call(&owner, "{}", API_OK);
	assert_string_equal(json_str(only(o), "cause", ""), "readers");
	json_decref(o);
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.threads t JOIN eddy.people p ON p.id = t.only_person WHERE p.name = 'Ben'"), 1);
}

/* Who looks into the past waits for nobody long, and says so. */
static void replay__of_what_is_being_changed__is_to_be_asked_again(void **state)
{
	(void)state;
	record();
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 2 WHERE external_id = 'C1'"));
	char sql[200], ws[ID_TEXT];
	snprintf(sql, sizeof sql, "SET app.ws = '%s'; BEGIN; UPDATE eddy.places SET name = 'ops' WHERE external_id = 'C1'",
	    id_format(fixture_ws(f), ws));
	PGconn *other = PQconnectdb(fixture_url(f));
	PGresult *r = PQexec(other, sql);
	assert_string_equal(PQcmdTuples(r), "1");
	PQclear(r);
	json_decref(call(&owner, "{}", API_UNAVAILABLE));
	PQfinish(other);
	assert_counts(&owner, "{}", 2, 1, 0, 0, 1);
}

static void replay__query__narrows(void **state)
{
	(void)state;
	char args[200], ada[40], run[40], thread[40];
	record();
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 2 WHERE external_id = 'C1'"));
	snprintf(run, sizeof run, "%s", test_db_value("SELECT id FROM eddy.runs WHERE reads IS NOT NULL"));
	snprintf(ada, sizeof ada, "%s", test_db_value("SELECT person_id FROM eddy.runs WHERE reads IS NOT NULL"));
	snprintf(thread, sizeof thread, "%s", test_db_value("SELECT thread_id FROM eddy.runs WHERE reads IS NULL"));
	snprintf(args, sizeof args, "{\"person\":\"%s\"}", ada);
	assert_counts(&owner, args, 1, 0, 0, 0, 1);
	snprintf(args, sizeof args, "{\"thread\":\"%s\"}", thread);
	assert_counts(&owner, args, 1, 1, 0, 0, 0);
	snprintf(args, sizeof args, "{\"run\":\"%s\"}", run);
	assert_counts(&owner, args, 1, 0, 0, 0, 1);
	assert_counts(&owner, "{\"since\":\"tomorrow\"}", 0, 0, 0, 0, 0);
	json_decref(call(&owner, "{\"person\":\"test:nobody\"}", API_NOT_FOUND));
	json_decref(call(&owner, "{\"since\":\"whenever\"}", API_INVALID));
	json_decref(call(&owner, "{\"cursor\":\"whenever\"}", API_INVALID));
}

static void replay__pages__see_each_run_once(void **state)
{
	(void)state;
	record();
	int looked = 0, answers = 0, pages = 0;
	char args[120] = "{\"limit\":1}";
	for (bool more = true; more; pages++) {
		json_t *o = call(&owner, args, API_OK);
		const char *cursor = json_str(o, "cursor", NULL);
		looked += (int)json_int(o, "looked_at", 0);
		answers += (int)json_int(o, "answers", 0);
		assert_true(json_int(o, "looked_at", 99) <= 1);
		more = cursor != NULL;
		if (more)
			snprintf(args, sizeof args, "{\"limit\":1,\"cursor\":\"%s\"}", cursor);
		json_decref(o);
	}
	assert_int_equal(looked, db_count("SELECT count(*) FROM eddy.runs"));
	assert_int_equal(answers, 2);
	assert_int_equal(pages, looked + 1);
}

static void replay__another_workspace__is_never_seen(void **state)
{
	(void)state;
	char args[120];
	record();
	struct id two = test_db_workspace("two");
	struct caller other = caller_in(two, "local");
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 2 WHERE external_id = 'C1'"));
	assert_counts(&other, "{}", 0, 0, 0, 0, 0);
	snprintf(args, sizeof args, "{\"run\":\"%s\"}", test_db_value("SELECT id FROM eddy.runs WHERE reads IS NOT NULL"));
	assert_counts(&other, args, 0, 0, 0, 0, 0);
	snprintf(
	    args, sizeof args, "{\"thread\":\"%s\"}", test_db_value("SELECT thread_id FROM eddy.runs WHERE reads IS NOT NULL"));
	assert_counts(&other, args, 0, 0, 0, 0, 0);
	snprintf(
	    args, sizeof args, "{\"person\":\"%s\"}", test_db_value("SELECT person_id FROM eddy.runs WHERE reads IS NOT NULL"));
	json_decref(call(&other, args, API_NOT_FOUND));
}

/* It is the rule that is asked and not a copy: each of these changes to its text is seen, where the world has something to say about it. */
static void replay__the_rule_was_another__told(void **state)
{
	(void)state;
	static const struct {
		const char *condition, *instead;
	} mutants[] = { { "/*4*/ p.visibility = 4 /*|*/", "false" }, { "/*5*/ p.member /*|*/", "NOT p.member" },
		{ "/*3*/ here.visibility IN (1, 2, 4) /*|*/", "here.visibility = 4" } };
	record();
	for (size_t i = 0; i < sizeof mutants / sizeof *mutants; i++) {
		const char *rule = test_db_value("SELECT pg_get_functiondef('eddy.allowed_audiences'::regproc)");
		char *kept = strdup(rule);
		const char *at = strstr(kept, mutants[i].condition);
		assert_non_null(at);
		char *mutant = NULL;
		assert_true(asprintf(&mutant, "%.*s%s%s", (int)(at - kept), kept, mutants[i].instead,
		                at + strlen(mutants[i].condition)) > 0);
		assert_true(test_db_exec(mutant));
		assert_counts(&owner, "{}", 2, 1, 0, 0, 1);
		json_t *o = call(&owner, "{}", API_OK);
		assert_string_equal(json_str(only(o), "cause", ""), "rule");
		json_decref(o);
		/* Both at once: it is the rule, with the readers of then. */
		assert_true(test_db_exec("UPDATE eddy.places SET visibility = 3 WHERE external_id = 'board'"));
		o = call(&owner, "{}", API_OK);
		assert_string_equal(json_str(only(o), "cause", ""), "rule");
		json_decref(o);
		assert_true(test_db_exec("UPDATE eddy.places SET visibility = 2 WHERE external_id = 'board'"));
		assert_true(test_db_exec(kept));
		assert_counts(&owner, "{}", 2, 1, 1, 0, 0);
		free(mutant);
		free(kept);
	}
}

static void replay__of_a_member__is_forbidden(void **state)
{
	(void)state;
	record();
	struct caller member = caller_in(fixture_ws(f), "as:bob");
	json_decref(call(&member, "{}", API_FORBIDDEN));
}

static void replay__each_call__leaves_a_line_and_nothing_else(void **state)
{
	(void)state;
	record();
	static const char rows[] = "SELECT md5(string_agg(r::text, ',' ORDER BY id)) FROM eddy.runs r";
	char *before = strdup(test_db_value(rows));
	json_decref(call(&owner, "{\"limit\":7}", API_OK));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'authority.replay'"), 1);
	assert_int_equal(
	    db_count("SELECT (d.detail::jsonb->>'looked_at')::int FROM eddy.audit_details d JOIN eddy.audit a ON a.id = d.entry_id"
	             " WHERE a.verb = 'authority.replay'"),
	    db_count("SELECT count(*) FROM eddy.runs"));
	assert_string_equal(test_db_value(rows), before);
	free(before);
	/* Whoever is no admin is refused, and then there is no line. */
	struct caller ben = caller_in(fixture_ws(f), "ben");
	json_decref(call(&ben, "{}", API_FORBIDDEN));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'authority.replay'"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(replay__nothing_changed__no_difference, teardown),
		cmocka_unit_test_teardown(replay__source_closed_since__told_with_what_was_read_and_why, teardown),
		cmocka_unit_test_teardown(replay__readers_changed_since__each_told_why, teardown),
		cmocka_unit_test_teardown(replay__left_out_then_and_open_now__told, teardown),
		cmocka_unit_test_teardown(replay__said_against_the_rule__told_though_it_might_be_said_today, teardown),
		cmocka_unit_test_teardown(replay__readers_of_then_not_known__told_as_that, teardown),
		cmocka_unit_test_teardown(replay__direct_conversation__somebody_joined_since, teardown),
		cmocka_unit_test_teardown(replay__of_what_is_being_changed__is_to_be_asked_again, teardown),
		cmocka_unit_test_teardown(replay__query__narrows, teardown),
		cmocka_unit_test_teardown(replay__pages__see_each_run_once, teardown),
		cmocka_unit_test_teardown(replay__another_workspace__is_never_seen, teardown),
		cmocka_unit_test_teardown(replay__the_rule_was_another__told, teardown),
		cmocka_unit_test_teardown(replay__of_a_member__is_forbidden, teardown),
		cmocka_unit_test_teardown(replay__each_call__leaves_a_line_and_nothing_else, teardown),
	};
	if (getenv("EDDY_TEST_ONLY") != NULL)
		cmocka_set_test_filter(getenv("EDDY_TEST_ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
