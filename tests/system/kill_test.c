/*
 * kill -9 at each named point of a message's way, under a little load; then a new process finishes what the dead one had begun.
 * Nothing acknowledged is lost and nothing is said twice.  What was not acknowledged comes again from Slack.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "harness.h"

enum { CONVERSATIONS = 12 };
static int set_up(void **state)
{
	(void)state;
	static const char *const slack[] = { "--retry0_ms=1000", "--retry1_ms=2500", "--retry2_ms=6000", NULL };
	rig_open(&rig, slack, NULL);
	return 0;
}

/* Events until the armed daemon dies at ${point}, then a fresh daemon; the checker judges. */
static void die_at(const char *point, const char *stream)
{
	char fault[64];
	for (int round = 0; round < rig_rounds(8); round++) {
		if (round > 0) {
			rig_close(&rig);
			set_up(NULL);
		}
		snprintf(fault, sizeof fault, "%s=kill@%d", point, 3 + round);
		rig_env(&rig, stream);
		fake_tell(&rig.model, "options", "{s:i, s:i, s:i}", "first_ms", 60, "pace_ms", 20, "words", 12);
		rig_serve(&rig, 0, fault);
		int n = 0;
		for (int64_t until = now_ms() + rig_patience(0); rig_lives(&rig, 0);) {
			if (n < CONVERSATIONS) {
				n++;
				char channel[16];
				snprintf(channel, sizeof channel, "C%d", n);
				rig_say(&rig, channel, NULL, n, "what now?");
			}
			if (now_ms() > until)
				rig_fail(&rig, "the daemon never passed %s", point);
			sleep_ms(40);
		}
		rig_serve(&rig, 0, NULL);
		rig_wait_answers(&rig, 1, n, rig_rescue_ms(&rig));
		rig_check(&rig, 1, n);
		assert_int_equal(rig_unleased(&rig), 0);
	}
}

#define DIES(point, name) \
	static void name(void **state) \
	{ \
		(void)state; \
		die_at(point, "EDDY_SLACK_STREAM=off"); \
	}
DIES("accept.before_commit", kill__before_commit__loses_and_doubles_nothing)
DIES("accept.after_commit", kill__after_commit__loses_and_doubles_nothing)
DIES("ack.before", kill__before_ack__loses_and_doubles_nothing)
DIES("ack.after", kill__after_ack__loses_and_doubles_nothing)
DIES("model.end", kill__between_model_end_and_post__loses_and_doubles_nothing)
DIES("post.before", kill__before_post__loses_and_doubles_nothing)
DIES("post.after", kill__between_post_and_sent__loses_and_doubles_nothing)
DIES("sent.before_commit", kill__before_sent_is_committed__loses_and_doubles_nothing)

static void kill__while_streams_are_open__completes_them_in_place(void **state)
{
	(void)state;
	die_at("post.before", "EDDY_SLACK_STREAM=auto");
}

static void kill__of_a_busy_process__loses_and_doubles_nothing(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 300);
	int n = 0;
	for (int round = 0; round < rig_rounds(6) + 1; round++) {
		for (int i = 0; i < 60; i++) {
			char channel[16];
			n++;
			snprintf(channel, sizeof channel, "C%d", n % 25);
			rig_say(&rig, channel, NULL, n, "load");
			sleep_ms(8);
		}
		rig_kill(&rig, 0);
		rig_serve(&rig, 0, NULL);
	}
	rig_wait_answers(&rig, 1, n, rig_rescue_ms(&rig) + 10000);
	rig_check(&rig, 1, n);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(kill__before_commit__loses_and_doubles_nothing),
		TEST(kill__after_commit__loses_and_doubles_nothing),
		TEST(kill__before_ack__loses_and_doubles_nothing),
		TEST(kill__after_ack__loses_and_doubles_nothing),
		TEST(kill__between_model_end_and_post__loses_and_doubles_nothing),
		TEST(kill__before_post__loses_and_doubles_nothing),
		TEST(kill__between_post_and_sent__loses_and_doubles_nothing),
		TEST(kill__before_sent_is_committed__loses_and_doubles_nothing),
		TEST(kill__while_streams_are_open__completes_them_in_place),
		TEST(kill__of_a_busy_process__loses_and_doubles_nothing),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
