/*
 * Posting under trouble: told to wait, errors after the act, lost answers, slow channels beside quick ones, long texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static void post__answered_429__waits_and_holds_up_no_other_channel(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C0", NULL, 99, "warm up");
	rig_wait_answers(&rig, 99, 99, 10000);
	fake_tell(&rig.slack, "fault", "{s:s, s:s, s:i, s:i}", "channel", "C1", "do", "429", "retry_after", 15, "times", 1);
	int64_t t0 = now_ms();
	rig_say(&rig, "C1", NULL, 1, "slow channel");
	sleep_ms(200);
	rig_say(&rig, "C2", NULL, 2, "quick channel");
	rig_wait_answers(&rig, 2, 2, 20000);
	assert_int_equal(rig_answers(&rig, "C1", NULL, 1), 0);
	rig_wait_answers(&rig, 1, 1, 40000);
	assert_true(now_ms() - t0 >= 14900);
	rig_check(&rig, 1, 2);
}

static void fails_then_once(const char *what, int ms)
{
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.slack, "fault", "{s:s, s:i}", "do", what, "times", 2);
	for (int n = 1; n <= 6; n++)
		rig_say(&rig, n % 2 ? "C1" : "C2", NULL, n, "trouble");
	rig_wait_answers(&rig, 1, 6, ms);
	rig_check(&rig, 1, 6);
}

static void post__answered_500_after_the_act__is_found_and_not_doubled(void **state)
{
	(void)state;
	fails_then_once("500_after", 30000);
}

static void post__whose_answer_is_lost__is_found_and_not_doubled(void **state)
{
	(void)state;
	fails_then_once("lost_after", 30000);
}

static void post__answered_500_before_the_act__is_sent_again(void **state)
{
	(void)state;
	fails_then_once("500", 30000);
}

static void post__answered_with_a_page_of_html__is_sent_again(void **state)
{
	(void)state;
	fails_then_once("html", 30000);
}

static void post__whose_connection_is_cut__is_sent_again(void **state)
{
	(void)state;
	fails_then_once("cut", 30000);
}

static void post__into_a_black_hole__ends_at_its_time_out_and_is_not_doubled(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.slack, "fault", "{s:s, s:i}", "do", "blackhole_after", "times", 1);
	int64_t t0 = now_ms();
	rig_say(&rig, "C1", NULL, 1, "gone?");
	sleep_ms(100);
	rig_say(&rig, "C2", NULL, 2, "others go on");
	rig_wait_answers(&rig, 2, 2, 20000);
	assert_true(now_ms() - t0 < 14000); /* the first request is given up after 15 s, and was not waited for */
	rig_check(&rig, 1, 2);
}

static void post__refused_for_ever__is_given_up_without_harm(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(
	    &rig.slack, "fault", "{s:s, s:s, s:s, s:i}", "channel", "C1", "do", "error", "error", "not_in_channel", "times", -1);
	rig_say(&rig, "C1", NULL, 1, "nobody hears this");
	rig_say(&rig, "C2", NULL, 2, "this one yes");
	rig_wait_answers(&rig, 2, 2, 10000);
	rig_settle(&rig, 15000);
	assert_int_equal(rig_answers(&rig, "C1", NULL, 0), 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM outbox WHERE state = 4"), 1);
}

static void stream__told_to_wait_and_cut__ends_as_one_exact_message(void **state)
{
	(void)state;
	static const char *const faults[] = { "429", "500_after", "lost_after" };
	static const char *const methods[] = { "chat.startStream", "chat.appendStream", "chat.stopStream" };
	rig_env(&rig, "EDDY_SLACK_STREAM=auto");
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i, s:i, s:i}", "words", 60, "pace_ms", 60, "piece", 10);
	int n = 0;
	for (size_t m = 0; m < 3; m++)
		for (size_t f = 0; f < 3; f++) {
			char channel[16];
			n++;
			snprintf(channel, sizeof channel, "C%d", n);
			fake_tell(
			    &rig.slack, "fault", "{s:s, s:s, s:s}", "method", methods[m], "channel", channel, "do", faults[f]);
			rig_say(&rig, channel, NULL, n, "stream it");
		}
	rig_wait_answers(&rig, 1, n, 60000);
	rig_check(&rig, 1, n);
	for (int i = 1; i <= n; i++) {
		char channel[16];
		snprintf(channel, sizeof channel, "C%d", i);
		const char *text = rig_last_text(&rig, channel), *first = strstr(text, "deploy waits");
		assert_non_null(first);
	}
}

static void stream__longer_than_five_minutes__goes_on_in_a_new_message(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_SLACK_STREAM=auto");
	rig_serve(&rig, 0, NULL);
	/* Slack ends a stream early here: what comes after must still be said, and the end must be there once. */
	fake_tell(&rig.slack, "options", "{s:i}", "stream_end_ms", 1500);
	fake_tell(&rig.model, "options", "{s:i, s:i, s:i}", "words", 80, "pace_ms", 100, "piece", 10);
	rig_say(&rig, "C1", NULL, 1, "a long story");
	rig_wait_answers(&rig, 1, 1, 30000);
	rig_settle(&rig, 30000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM outbox WHERE state = 3"), 1);
	assert_int_equal(rig_answers(&rig, "C1", NULL, 1), 1);
}

static void post__longer_than_a_message_may_be__loses_nothing(void **state)
{
	(void)state;
	char *story = malloc(60000), *at = story;
	for (int i = 0; at - story < 30000; i++)
		at += sprintf(at, "Line %d of the long answer has its own words.\n\n", i);
	sprintf(at, "The end of #1.");
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "#1", "answer", story, "piece", 500);
	rig_env(&rig, "EDDY_ANSWERS_FOLD_WORDS=0"); /* all of a long answer */
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "everything, please");
	rig_wait_answers(&rig, 1, 1, 20000);
	rig_settle(&rig, 20000);
	json_t *all = fake_control(&rig.slack, "messages", "{s:s}", "channel", "C1");
	char *dump = json_dumps(all, 0);
	for (int i = 0; i < 600; i += 37) {
		char line[40];
		snprintf(line, sizeof line, "Line %d of", i);
		if (strstr(story, line) != NULL)
			assert_non_null(strstr(dump, line));
	}
	free(dump);
	free(story);
	json_decref(all);
}

static void person__stops_a_run__and_it_ends(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_SLACK_STREAM=auto");
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i, s:i}", "words", 10000, "pace_ms", 50); /* eight minutes */
	char ts[32];
	snprintf(ts, sizeof ts, "%s", rig_say(&rig, "C1", NULL, 1, "never ending"));
	rig_wait(&rig, 15000, "the stream", rig_answers(&rig, "C1", ts, 1) == 1);
	fake_tell(&rig.slack, "stop", "{s:s, s:s}", "channel", "C1", "thread_ts", ts);
	rig_settle(&rig, 10000); /* long before the model has said all */
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM runs WHERE state IN (1, 2)"), 0);
	rig_wait(&rig, 5000, "the model call to be given up", ({
		json_t *s = fake_control(&rig.model, "state", NULL);
		bool none = json_integer_value(json_object_get(s, "open")) == 0;
		json_decref(s);
		none;
	}));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(post__answered_429__waits_and_holds_up_no_other_channel),
		TEST(post__answered_500_after_the_act__is_found_and_not_doubled),
		TEST(post__whose_answer_is_lost__is_found_and_not_doubled),
		TEST(post__answered_500_before_the_act__is_sent_again),
		TEST(post__answered_with_a_page_of_html__is_sent_again),
		TEST(post__whose_connection_is_cut__is_sent_again),
		TEST(post__into_a_black_hole__ends_at_its_time_out_and_is_not_doubled),
		TEST(post__refused_for_ever__is_given_up_without_harm),
		TEST(stream__told_to_wait_and_cut__ends_as_one_exact_message),
		TEST(stream__longer_than_five_minutes__goes_on_in_a_new_message),
		TEST(post__longer_than_a_message_may_be__loses_nothing),
		TEST(person__stops_a_run__and_it_ends),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
