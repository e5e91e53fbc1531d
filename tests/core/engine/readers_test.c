/* Readers asked again before an answer goes out: what a run has found in other places is not said where meanwhile not everybody may know it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define ANSWER "found: where is the deploy?"
#define LEFT_OUT "who reads here has changed meanwhile"

static struct fixture *f;

static int teardown(void **state)
{
	(void)state;
	fixture_free(f);
	f = NULL;
	return 0;
}

/* A question in a private place whose answer rests on a public one. */
static void begin(const struct fixture_options *o)
{
	f = fixture_new(o);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "The deploy is at noon.", false));
	assert_true(fixture_say_in(f, "board", VIS_PRIVATE, "Ada", "t2", "k2", "good morning", false));
	assert_true(db_settles(20000));
}

static void ask(void)
{
	assert_true(fixture_say_in(f, "board", VIS_PRIVATE, "Ada", "t2", "k3", "where is the deploy?", true));
}

static const char *newest_answer(void)
{
	return test_db_value("SELECT body FROM eddy.messages WHERE author_kind = 2 ORDER BY created_at DESC, seq DESC LIMIT 1");
}

static void assert_left_out(size_t reply)
{
	const struct noted *n = fixture_reply(f, reply);
	assert_non_null(n);
	assert_non_null(strstr(n->text, LEFT_OUT));
	assert_null(strstr(n->text, "deploy"));
	assert_non_null(strstr(newest_answer(), LEFT_OUT));
}

static void reads__noted__with_the_run(void **state)
{
	(void)state;
	begin(&(struct fixture_options){ .scan_ms = 100 });
	fixture_script(f, SCRIPT_TOOL);
	ask();
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(db_settles(20000));
	assert_string_equal(fixture_reply(f, 0)->text, ANSWER);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs r JOIN eddy.places p ON p.external_id = 'C1'"
	                          " AND r.reads = ARRAY[p.audience_id] AND r.error IS NULL"),
	    1);
	/* What is asked of the own place alone costs nothing and is nothing to ask again. */
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k4", "where is the deploy?", true));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_true(db_settles(20000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE reads IS NOT NULL"), 1);
}

/* ${change} happens between what the tool has found and the answer. */
static void change_while_thinking(const char *change, bool allowed)
{
	begin(&(struct fixture_options){ .scan_ms = 100 });
	fixture_script(f, SCRIPT_TOOL);
	fixture_after_tool(f, SCRIPT_HANG);
	ask();
	assert_true(fixture_wait_calls(f, 2, 30000));
	assert_true(test_db_exec(change));
	fixture_release_as(f, SCRIPT_ANSWER);
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(db_settles(20000));
	if (allowed)
		assert_non_null(strstr(fixture_reply(f, 0)->text, ANSWER));
	else
		assert_left_out(0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE error = 'readers'"), allowed ? 0 : 1);
}

static void answer__place_shared_meanwhile__left_out(void **state)
{
	(void)state;
	change_while_thinking("UPDATE eddy.places SET visibility = 3 WHERE external_id = 'board'", false);
}

static void answer__kind_of_place_not_known_any_more__left_out(void **state)
{
	(void)state;
	change_while_thinking("UPDATE eddy.places SET visibility = 0 WHERE external_id = 'board'", false);
}

static void answer__source_left_meanwhile__left_out(void **state)
{
	(void)state;
	change_while_thinking("UPDATE eddy.places SET member = false WHERE external_id = 'C1'", false);
}

static void answer__source_closed_meanwhile__left_out(void **state)
{
	(void)state;
	change_while_thinking("UPDATE eddy.places SET visibility = 2 WHERE external_id = 'C1'", false);
}

static void answer__asker_a_guest_meanwhile__left_out(void **state)
{
	(void)state;
	change_while_thinking("UPDATE eddy.people SET guest = true", false);
}

static void answer__place_opened_to_the_house__said(void **state)
{
	(void)state;
	change_while_thinking("UPDATE eddy.places SET visibility = 4 WHERE external_id = 'board'", true);
}

static void delivery__place_shared_before_it_comes_again__left_out(void **state)
{
	(void)state;
	begin(&(struct fixture_options){ .scan_ms = 100 });
	fixture_script(f, SCRIPT_TOOL);
	fixture_sent_results(f, ERR_RETRY);
	ask();
	assert_true(fixture_wait_replies(f, 1, 30000) >= 1);
	assert_string_equal(fixture_reply(f, 0)->text, ANSWER);
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 3 WHERE external_id = 'board'"));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_true(db_settles(20000));
	assert_left_out(1);
}

static void delivery__place_shared_before_another_process_takes_it__left_out(void **state)
{
	(void)state;
	begin(&(struct fixture_options){ .scan_ms = 100, .mute = true, .lease_ms = 2000, .heartbeat_ms = 500 });
	char *url = strdup(fixture_url(f));
	fixture_script(f, SCRIPT_TOOL);
	ask();
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_string_equal(fixture_reply(f, 0)->text, ANSWER);
	fixture_free(f); /* it never heard what became of its answer */
	assert_true(test_db_exec("UPDATE eddy.places SET visibility = 3 WHERE external_id = 'board'"));
	f = fixture_new(&(struct fixture_options){ .url = url, .scan_ms = 100 });
	free(url);
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(db_settles(20000));
	assert_left_out(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(reads__noted__with_the_run, teardown),
		cmocka_unit_test_teardown(answer__place_shared_meanwhile__left_out, teardown),
		cmocka_unit_test_teardown(answer__kind_of_place_not_known_any_more__left_out, teardown),
		cmocka_unit_test_teardown(answer__source_left_meanwhile__left_out, teardown),
		cmocka_unit_test_teardown(answer__source_closed_meanwhile__left_out, teardown),
		cmocka_unit_test_teardown(answer__asker_a_guest_meanwhile__left_out, teardown),
		cmocka_unit_test_teardown(answer__place_opened_to_the_house__said, teardown),
		cmocka_unit_test_teardown(delivery__place_shared_before_it_comes_again__left_out, teardown),
		cmocka_unit_test_teardown(delivery__place_shared_before_another_process_takes_it__left_out, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
