/*
 * The model is slow, busy, broken or silent: only its own answers wait, each message ends in an answer or in one plain error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

/* Lines of the daemon's log that name ${event}. */
static int logged(const char *event)
{
	char line[4000], mark[80];
	int n = 0;
	snprintf(mark, sizeof mark, "\"event\":\"%s\"", event);
	FILE *f = fopen(rig.d[0].log, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		n += strstr(line, mark) != NULL;
	fclose(f);
	return n;
}

/* The model fails once in the given way; the answer comes all the same, once, and each call is logged once. */
static void recovers(const char *provider, const char *stream, json_t *script)
{
	rig_env(&rig, provider);
	rig_env(&rig, stream);
	fake_tell(&rig.model, "script", "o", script);
	fake_tell(&rig.model, "options", "{s:i, s:i}", "words", 60, "piece", 4);
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "does it still work?");
	rig_wait_answers(&rig, 1, 1, 40000);
	rig_check(&rig, 1, 1);
	assert_non_null(strstr(rig_last_text(&rig, "C1"), "it goes out"));
	json_t *s = fake_control(&rig.model, "state", NULL);
	json_int_t calls = json_integer_value(json_object_get(s, "calls"));
	assert_true(calls >= 2);
	assert_int_equal(logged("model.call"), calls);
	json_decref(s);
}

static json_t *status(int code)
{
	return json_pack("{s:i, s:i, s:i}", "status", code, "retry_after", 1, "times", 1);
}

static json_t *broken(const char *how, int after)
{
	return json_pack("{s:s, s:i, s:s, s:i, s:i}", "fault", how, "after", after, "answer",
	    "A half answer that will never see its end because the line breaks in the middle of everything that was to be said about it, and then "
	    "some more words follow so that there are enough parts to break after forty of them, as the promise has it.",
	    "piece", 4, "pace_ms", 5);
}

#define ANTHROPIC "EDDY_MODEL_PROVIDER=anthropic"
#define OPENAI "EDDY_MODEL_PROVIDER=openai"
#define POSTED "EDDY_SLACK_STREAM=off"
#define STREAMED "EDDY_SLACK_STREAM=auto"
#define RECOVERS(name, provider, stream, script) \
	static void name(void **state) \
	{ \
		(void)state; \
		recovers(provider, stream, script); \
	}
RECOVERS(model__says_429__is_asked_again, ANTHROPIC, POSTED, status(429))
RECOVERS(model__says_529__is_asked_again, ANTHROPIC, POSTED, status(529))
RECOVERS(model__says_500__is_asked_again, OPENAI, POSTED, status(500))
RECOVERS(model__errs_after_40_deltas__is_asked_again_into_the_same_message, ANTHROPIC, STREAMED, broken("error", 40))
RECOVERS(model__is_cut_after_40_deltas__is_asked_again_into_the_same_message, OPENAI, STREAMED, broken("cut", 40))
RECOVERS(model__sends_garbage__is_asked_again, ANTHROPIC, POSTED, broken("garbage", 3))

static void model__is_cut_inside_tool_arguments__runs_no_half_call(void **state)
{
	(void)state;
	fake_tell(&rig.model, "script", "{s:s, s:{s:s}, s:s, s:i, s:i}", "tool", "search_messages", "arguments", "query",
	    "a query long enough to be cut in its middle", "fault", "cut", "after", 4, "piece", 4);
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "look it up");
	rig_wait_answers(&rig, 1, 1, 40000);
	rig_check(&rig, 1, 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM run_steps WHERE kind = 2"), 0);
}

static void model__calls_a_tool__gets_its_result_and_answers(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "the rollout of kraken is on friday");
	rig_wait_answers(&rig, 1, 1, 10000);
	fake_tell(
	    &rig.model, "script", "{s:s, s:s, s:{s:s}}", "match", "#2", "tool", "search_messages", "arguments", "query", "kraken");
	rig_say(&rig, "C1", NULL, 2, "when is the rollout?");
	rig_wait_answers(&rig, 2, 2, 15000);
	rig_check(&rig, 1, 2);
	json_t *requests = fake_control(&rig.model, "requests", NULL);
	char *last = json_dumps(json_array_get(requests, json_array_size(requests) - 1), JSON_COMPACT);
	assert_non_null(strstr(last, "tool_result"));
	assert_non_null(strstr(last, "friday"));
	free(last);
	json_decref(requests);
}

static void model__is_silent__is_given_up_and_asked_again(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_MODEL_IDLE_TIMEOUT=2s");
	recovers(ANTHROPIC, POSTED, broken("silence", 2));
}

static void model__stays_broken__ends_in_one_plain_error_and_others_go_on(void **state)
{
	(void)state;
	fake_tell(&rig.model, "script", "{s:s, s:i, s:i}", "match", "#1", "status", 500, "times", -1);
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "no luck");
	rig_say(&rig, "C2", NULL, 2, "luck");
	rig_wait_answers(&rig, 2, 2, 30000);
	rig_settle(&rig, 60000);
	assert_int_equal(rig_answers(&rig, "C1", NULL, 0), 1);
	assert_int_equal(rig_answers(&rig, "C2", NULL, 0), 1);
}

static void model__is_slow__delays_no_canonical_answer(void **state)
{
	(void)state;
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 12000);
	rig_serve(&rig, 0, NULL);
	for (int n = 1; n <= 100; n++) {
		char channel[16];
		snprintf(channel, sizeof channel, "C%d", n);
		rig_say(&rig, channel, NULL, n, "think hard");
	}
	fake_tell(&rig.slack, "say", "{s:s, s:s}", "channel", "C999", "text", "help");
	rig_wait(&rig, 30000, "the canonical answer", rig_answers(&rig, "C999", NULL, 0) == 1);
	assert_int_equal(rig_answers(&rig, "C1", NULL, 0), 0); /* before the first of the others */
	rig_wait_answers(&rig, 1, 100, 60000);
	rig_check(&rig, 1, 100);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(model__says_429__is_asked_again),
		TEST(model__says_529__is_asked_again),
		TEST(model__says_500__is_asked_again),
		TEST(model__errs_after_40_deltas__is_asked_again_into_the_same_message),
		TEST(model__is_cut_after_40_deltas__is_asked_again_into_the_same_message),
		TEST(model__sends_garbage__is_asked_again),
		TEST(model__is_cut_inside_tool_arguments__runs_no_half_call),
		TEST(model__calls_a_tool__gets_its_result_and_answers),
		TEST(model__is_silent__is_given_up_and_asked_again),
		TEST(model__stays_broken__ends_in_one_plain_error_and_others_go_on),
		TEST(model__is_slow__delays_no_canonical_answer),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
