/*
 * The main road: a person writes in Slack, the daemon answers in the thread, through all the real parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness.h"
#include "people.h"

static void eddy__answers__mentions_direct_messages_and_follow_ups(void **state)
{
	(void)state;
	char thread[32];
	rig_serve(&rig, 0, NULL);
	snprintf(thread, sizeof thread, "%s", rig_say(&rig, "C1", NULL, 1, "what is up with the deploy?"));
	rig_say(&rig, "D1", NULL, 2, "and just between us?");
	rig_wait_answers(&rig, 1, 2, 10000);
	/* A follow-up in the thread needs no mention. */
	fake_tell(&rig.slack, "say", "{s:s, s:s, s:s, s:b}", "channel", "C1", "text", "why? #3", "thread_ts", thread, "mention", 0);
	rig_wait_answers(&rig, 3, 3, 10000);
	assert_int_equal(rig_answers(&rig, "C1", thread, 0), 2);
	rig_check(&rig, 1, 3);
}

static void eddy__answers__once_though_mention_and_message_are_twins(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	for (int n = 1; n <= 20; n++) /* say() sends the app_mention and its message twin */
		rig_say(&rig, n % 2 ? "C1" : "C2", NULL, n, "twins");
	rig_wait_answers(&rig, 1, 20, 15000);
	rig_check(&rig, 1, 20);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 1"), 20);
}

static void eddy__answers__messages_of_one_thread_in_order(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 150);
	char thread[32];
	snprintf(thread, sizeof thread, "%s", rig_say(&rig, "C1", NULL, 1, "first"));
	for (int n = 2; n <= 8; n++)
		rig_say(&rig, "C1", thread, n, "next");
	rig_wait_answers(&rig, 1, 8, 20000);
	rig_check(&rig, 1, 8);
	/* Who came first is answered first. */
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM (SELECT message_seq, lag(message_seq) OVER (ORDER BY finished_at) AS before FROM runs "
	        "WHERE state = 3) x WHERE before > message_seq"),
	    0);
}

static void eddy__ignores__itself_bots_and_people_among_themselves(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.slack, "say", "{s:s, s:s, s:b}", "channel", "C1", "text", "lunch? #1", "mention", 0);
	fake_tell(&rig.slack, "event", "{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s}, s:s}", "event", "type", "message", "bot_id",
	    "B0OTHER", "subtype", "bot_message", "text", "build 7 is green", "channel", "C1", "channel_type", "channel", "ts",
	    "1790000000.000100", "channel", "C1");
	rig_say(&rig, "C1", NULL, 2, "are you there?");
	rig_wait_answers(&rig, 2, 2, 10000);
	rig_settle(&rig, 5000);
	assert_int_equal(rig_answers(&rig, "C1", NULL, 0), 1);
}

static void eddy__streams__into_one_message_that_ends_exact(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_SLACK_STREAM=auto");
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i, s:i}", "match", "#1", "answer",
	    "Answer #1: the deploy waits for **one** review.\n\n| step | state |\n|---|---|\n| build | done |\n\n```\nmake test\n```\n",
	    "pace_ms", 120, "piece", 6);
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "tell me");
	rig_wait_answers(&rig, 1, 1, 20000);
	rig_check(&rig, 1, 1);
	const char *text = rig_last_text(&rig, "C1");
	assert_non_null(strstr(text, "make test"));
	assert_non_null(strstr(text, "review"));
}

static void eddy__answers__without_a_model_as_builtin(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_MODEL_PROVIDER=builtin");
	rig_env(&rig, "EDDY_MODEL_BASE_URL=");
	rig_env(&rig, "EDDY_MODEL_API_KEY=");
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.slack, "say", "{s:s, s:s}", "channel", "C1", "text", "help");
	rig_wait(&rig, 10000, "an answer without a model", rig_answers(&rig, "C1", NULL, 0) == 1);
	rig_settle(&rig, 5000);
}

static void eddy__answers__a_slash_command_through_its_response_url(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.slack, "slash", "{s:s}", "text", "status");
	int64_t until = now_ms() + rig_patience(0);
	size_t answers = 0;
	while (answers == 0 && now_ms() < until) {
		json_t *s = fake_control(&rig.slack, "state", NULL);
		answers = json_object_size(json_object_get(s, "responses")) + json_array_size(json_object_get(s, "ephemerals"));
		json_decref(s);
		sleep_ms(30);
	}
	assert_int_equal(answers, 1);
}

static void eddy__drains__after_sigterm_and_answers_what_runs(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 1500);
	for (int n = 1; n <= 5; n++)
		rig_say(&rig, "C1", NULL, n, "before the end");
	rig_wait(&rig, 20000, "the runs to begin", rig_sql(&rig, "SELECT count(*) FROM runs") == 5);
	rig_signal(&rig, 0, SIGTERM);
	int status = rig_wait_end(&rig, 0, 45000);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	rig_check(&rig, 1, 5);
}

/* What somebody was told, and what an operator makes of it. */
static void refusal__in_a_channel__is_found_by_its_reference(void **state)
{
	(void)state;
	char ref[13] = "", command[700], line[4000];
	const char *build = getenv("EDDY_BUILD"), *p;
	rig_serve(&rig, 0, NULL);
	people_say("C1", NULL, "U0ADA", "allow here", true, NULL);
	rig_wait(&rig, 10000, "a refusal",
	    strstr(rig_last_text(&rig, "C1"), "Only an admin of this workspace can allow that. (forbidden, ref ") != NULL);
	p = strstr(rig_last_text(&rig, "C1"), "ref ");
	snprintf(ref, sizeof ref, "%s", p != NULL ? p + 4 : "");
	snprintf(command, sizeof command, "EDDY_DATABASE_ADMIN_URL='%s' EDDY_DATA_DIR='%s' %s/eddy audit find %s 2>&1",
	    rig.database, rig.d[0].dir, build != NULL ? build : "build", ref);
	bool found = false;
	int64_t until = now_ms() + rig_patience(10000);
	while (!found && now_ms() < until) { /* it is linked within a second or so */
		FILE *f = popen(command, "r");
		assert_non_null(f);
		while (fgets(line, sizeof line, f) != NULL)
			found |= strstr(line, "\"refused\":\"forbidden\"") != NULL;
		found &= pclose(f) == 0;
	}
	if (!found)
		rig_fail(&rig, "%s: %s", command, line);
	FILE *log = fopen(rig.d[0].log, "r");
	bool logged = false;
	while (log != NULL && fgets(line, sizeof line, log) != NULL)
		logged |= strstr(line, "\"run.finish\"") != NULL && strstr(line, ref) != NULL &&
		    strstr(line, "\"refused\":\"forbidden\"") != NULL;
	if (log != NULL)
		fclose(log);
	assert_true(logged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(eddy__answers__mentions_direct_messages_and_follow_ups, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    eddy__answers__once_though_mention_and_message_are_twins, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(eddy__answers__messages_of_one_thread_in_order, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(eddy__ignores__itself_bots_and_people_among_themselves, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(eddy__streams__into_one_message_that_ends_exact, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(eddy__answers__without_a_model_as_builtin, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(eddy__answers__a_slash_command_through_its_response_url, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(eddy__drains__after_sigterm_and_answers_what_runs, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(refusal__in_a_channel__is_found_by_its_reference, rig_set_up, rig_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
