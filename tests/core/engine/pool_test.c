/*
 * A team with processes of its own: two engines at one database, one of all and one of the team.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/api/api.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/json.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define OWNER "00000000-0000-4000-8000-000000000001"
#define OTHER "00000000-0000-4000-8000-0000000000ff"
#define WAIT_MS 60000

static struct pg *pg;
static json_t *result;

static void call(struct fixture *f, const char *name, const char *args)
{
	struct caller c;
	struct id person;
	struct problem p = { 0 };
	json_t *in = json_loads(args, 0, NULL);
	assert_true(id_parse(OWNER, &person));
	assert_int_equal(pg_begin(pg, fixture_ws(f)), ERR_NONE);
	assert_int_equal(authority_of(pg, fixture_ws(f), person, "cli", &c), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	json_decref(result);
	result = NULL;
	assert_int_equal(api_run(NULL, pg, &c, name, in, id_new(), &result, &p), API_OK);
	json_decref(in);
}

/* C1 is the place of team pay, C2 nobody's. */
static struct fixture *begin(const char *settings)
{
	char why[200], sql[500], ws[ID_TEXT];
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .heartbeat_ms = 300, .settings = settings });
	id_format(fixture_ws(f), ws);
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.people (ws, id) VALUES ('%s', '" OWNER "'); INSERT INTO eddy.members (ws, node_id, person_id, role)"
	    " VALUES ('%s', '%s', '" OWNER "', 4)",
	    ws, ws, ws);
	assert_true(test_db_exec(sql));
	assert_int_equal(pg_open(&pg, fixture_url(f), api_tables, why, sizeof why), ERR_NONE);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t", "k", "hello all", false));
	call(f, "org.create", "{\"name\":\"pay\"}");
	call(f, "place.assign", "{\"place\":\"test:C1\",\"team\":\"pay\"}");
	call(f, "config.set", "{\"team\":\"pay\",\"set\":{\"runtime.mode\":\"dedicated\"}}");
	return f;
}

static struct fixture *beside(struct fixture *f, const char *settings)
{
	return fixture_new(
	    &(struct fixture_options){ .url = fixture_url(f), .scan_ms = 100, .heartbeat_ms = 300, .settings = settings });
}

static void end(struct fixture *f)
{
	json_decref(result);
	result = NULL;
	pg_close(pg);
	fixture_free(f);
}

static void ask(struct fixture *f, const char *place, const char *key, const char *text)
{
	assert_true(fixture_say_in(f, place, VIS_PUBLIC, "Ada", key, key, text, true));
}

static bool waits(const char *more)
{
	char sql[300];
	snprintf(sql, sizeof sql, "SELECT (count(*) = 1)::int FROM eddy.dispatch WHERE pending > 0 AND owner IS NULL AND %s", more);
	return db_comes_true(sql, WAIT_MS);
}

static void question__of_a_team_with_its_own_process__is_answered_there_alone(void **state)
{
	(void)state;
	struct fixture *all = begin(NULL);
	ask(all, "C1", "q1", "a question of pay"); /* nobody is there for it yet */
	ask(all, "C2", "q2", "a question of others");
	assert_int_equal(fixture_wait_replies(all, 1, WAIT_MS), 1);
	assert_string_equal(fixture_reply(all, 0)->text, "re: a question of others");
	assert_true(waits("pool = (SELECT id FROM eddy.nodes WHERE slug = 'pay')"));
	call(all, "runtime.list", "{}");
	const json_t *team = json_array_get(json_arr(result, "teams"), 0);
	assert_int_equal(json_array_size(json_arr(result, "teams")), 1);
	assert_string_equal(json_str(team, "team", ""), "pay");
	assert_int_equal(json_int(team, "waiting", 0), 1);
	assert_false(json_bool(team, "served", true));
	struct fixture *own = beside(all, "runtime.team=pay\0");
	assert_int_equal(fixture_wait_replies(own, 1, WAIT_MS), 1);
	assert_string_equal(fixture_reply(own, 0)->text, "re: a question of pay");
	ask(all, "C1", "q3", "another of pay"); /* taken in by one, answered by the other */
	assert_int_equal(fixture_wait_replies(own, 2, WAIT_MS), 2);
	ask(own, "C2", "q4", "another of others"); /* and the other way around */
	assert_int_equal(fixture_wait_replies(all, 2, WAIT_MS), 2);
	ask(own, "C1", "q5", "straight to it");
	assert_int_equal(fixture_wait_replies(own, 3, WAIT_MS), 3);
	assert_true(db_settles(WAIT_MS));
	assert_int_equal(fixture_model_calls(all), 2);
	assert_int_equal(fixture_model_calls(own), 3);
	assert_int_equal(fixture_count(all, REPLY_WHOLE), 2);
	assert_int_equal(fixture_count(own, REPLY_WHOLE), 3);
	call(all, "runtime.list", "{}");
	team = json_array_get(json_arr(result, "teams"), 0);
	assert_true(json_bool(team, "served", false));
	assert_int_equal(json_int(team, "waiting", 9), 0);
	fixture_free(own);
	end(all);
}

static void command__of_such_a_team__needs_no_process_of_its_own(void **state)
{
	(void)state;
	struct fixture *all = begin(NULL);
	ask(all, "C1", "h", "help");
	assert_int_equal(fixture_wait_replies(all, 1, WAIT_MS), 1);
	assert_true(db_settles(WAIT_MS));
	end(all);
}

static void team__that_shares_again__is_answered_by_all(void **state)
{
	(void)state;
	struct fixture *all = begin(NULL);
	ask(all, "C1", "q1", "a question of pay");
	assert_true(waits("pool IS NOT NULL"));
	call(all, "config.set", "{\"team\":\"pay\",\"set\":{\"runtime.mode\":\"shared\"}}");
	assert_int_equal(fixture_wait_replies(all, 1, WAIT_MS), 1);
	assert_true(db_settles(WAIT_MS));
	end(all);
}

static void place__that_goes_to_another_team__is_answered_by_all(void **state)
{
	(void)state;
	struct fixture *all = begin(NULL);
	ask(all, "C1", "q1", "a question of pay");
	assert_true(waits("pool IS NOT NULL"));
	call(all, "place.assign", "{\"place\":\"test:C1\"}");
	assert_int_equal(fixture_wait_replies(all, 1, WAIT_MS), 1);
	end(all);
}

static void process__of_a_team_that_is_not_there__answers_nobody(void **state)
{
	(void)state;
	struct fixture *all = begin(NULL), *other = beside(all, "runtime.team=nobody\0");
	ask(other, "C2", "q1", "a question of others");
	assert_int_equal(fixture_wait_replies(all, 1, WAIT_MS), 1);
	assert_int_equal(fixture_model_calls(other), 0);
	/* Made later, it is found. */
	call(all, "org.create", "{\"name\":\"Nobody\",\"slug\":\"nobody\"}");
	call(all, "config.set", "{\"team\":\"nobody\",\"set\":{\"runtime.mode\":\"dedicated\"}}");
	call(all, "place.assign", "{\"place\":\"test:C2\",\"team\":\"nobody\"}");
	ask(all, "C2", "q2", "a question of nobody");
	assert_int_equal(fixture_wait_replies(other, 1, WAIT_MS), 1);
	fixture_free(other);
	end(all);
}

/* Somebody else's team of the same name does not share a process that was started for this one. */
static void process__of_a_name_that_two_workspaces_have__answers_nobody_until_it_has_the_id(void **state)
{
	(void)state;
	struct fixture *all = begin(NULL);
	char settings[80] = "";
	assert_true(
	    test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" OTHER "', 'other');"
	                 "INSERT INTO eddy.installs (adapter, external_id, ws) VALUES ('test', 'other', '" OTHER "');"
	                 "INSERT INTO eddy.nodes (ws, id, kind, slug, name) VALUES ('" OTHER "', '" OTHER "', 1, 'other', 'other')"
	                 " ON CONFLICT DO NOTHING;"
	                 "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES ('" OTHER
	                 "', gen_random_uuid(), '" OTHER "', 3, 'pay', 'pay')"));
	struct fixture *own = beside(all, "runtime.team=pay\0");
	ask(all, "C1", "q1", "a question of pay");
	assert_true(waits("pool = (SELECT id FROM eddy.nodes WHERE slug = 'pay' AND ws <> '" OTHER "')"));
	usleep(1000000);
	assert_int_equal(fixture_model_calls(own), 0);
	fixture_free(own);
	snprintf(settings, sizeof settings - 1, "runtime.team=%s",
	    test_db_value("SELECT id FROM eddy.nodes WHERE slug = 'pay' AND ws <> '" OTHER "'"));
	settings[strlen(settings) + 1] = '\0';
	own = beside(all, settings);
	assert_int_equal(fixture_wait_replies(own, 1, WAIT_MS), 1);
	fixture_free(own);
	end(all);
}

static void process__of_a_team_that_stops__leaves_its_work_to_the_next(void **state)
{
	(void)state;
	struct fixture *all = begin(NULL), *own = beside(all, "runtime.team=pay\0");
	fixture_script(own, SCRIPT_HANG);
	ask(all, "C1", "q1", "a question of pay");
	assert_true(fixture_wait_calls(own, 1, WAIT_MS));
	engine_drain(fixture_engine(own), 0);
	fixture_free(own);
	assert_true(waits("pool IS NOT NULL"));
	assert_int_equal(fixture_model_calls(all), 0);
	own = beside(all, "runtime.team=pay\0");
	assert_int_equal(fixture_wait_replies(own, 1, WAIT_MS), 1);
	assert_true(db_settles(WAIT_MS));
	assert_int_equal(fixture_count(all, REPLY_WHOLE), 0);
	fixture_free(own);
	end(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(question__of_a_team_with_its_own_process__is_answered_there_alone),
		cmocka_unit_test(command__of_such_a_team__needs_no_process_of_its_own),
		cmocka_unit_test(team__that_shares_again__is_answered_by_all),
		cmocka_unit_test(place__that_goes_to_another_team__is_answered_by_all),
		cmocka_unit_test(process__of_a_team_that_is_not_there__answers_nobody),
		cmocka_unit_test(process__of_a_name_that_two_workspaces_have__answers_nobody_until_it_has_the_id),
		cmocka_unit_test(process__of_a_team_that_stops__leaves_its_work_to_the_next),
	};
	cmocka_set_test_filter(getenv("EDDY_TEST_ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
