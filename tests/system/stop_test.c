/*
 * The end of a process: SIGTERM under load and with a reader at the websocket, SIGSTOP until the lease is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "../adapters/web/ws_client.c"

#define THREAD "11111111-2222-4333-8444-555555555555"
static int set_up(void **state)
{
	(void)state;
	static const char *const slack[] = { "--retry0_ms=2000", "--retry1_ms=4000", "--retry2_ms=8000", NULL };
	rig_open(&rig, slack, NULL);
	return 0;
}

static void enter(struct ws *w, int after)
{
	char token[80];
	rig_local_token(&rig, 0, token);
	assert_true(ws_open(w, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\"}", token);
	const char *type = ws_hear(w, 3000);
	assert_non_null(type);
	assert_string_equal(type, "welcome");
	ws_say(w, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":%d}", after);
}

/* Hears until a frame of ${type} (and of Eddy, for a message); false: the connection ended first. */
static bool hear(struct ws *w, const char *type)
{
	for (const char *t; (t = ws_hear(w, 30000)) != NULL;)
		if (strcmp(t, type) == 0 &&
		    (strcmp(t, "message") != 0 || strcmp(json_str(json_object_get(w->frame, "author"), "kind", ""), "eddy") == 0))
			return true;
	return false;
}

static void sigterm__under_load__ends_soon_and_loses_nothing(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	int n = 0;
	for (; n < 150;) {
		char channel[16];
		n++;
		snprintf(channel, sizeof channel, "C%d", n % 30);
		rig_say(&rig, channel, NULL, n, "under load");
	}
	int64_t t0 = now_ms();
	rig_signal(&rig, 0, SIGTERM);
	int status = rig_wait_end(&rig, 0, 50000);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	print_message("# ended after %d ms\n", (int)(now_ms() - t0));
	assert_int_equal(rig_unleased(&rig), 0);
	rig_serve(&rig, 0, NULL);
	rig_wait_answers(&rig, 1, n, 60000);
	rig_settle(&rig, 60000);
	rig_check(&rig, 1, n);
}

/* Posts that Slack holds up are still on their way when the drain is over: each is let go of and done by the next process. */
static void sigterm__with_posts_held_up__leaves_them_to_the_next(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.slack, "fault", "{s:s, s:s, s:i, s:i}", "method", "chat.postMessage", "do", "429", "times", 1000,
	    "retry_after", 28);
	int64_t t0 = now_ms();
	for (int n = 1; n <= 20; n++) {
		char channel[16];
		snprintf(channel, sizeof channel, "C%d", n % 5);
		rig_say(&rig, channel, NULL, n, "held up");
	}
	rig_wait(&rig, 90000, "answers to be made", rig_sql(&rig, "SELECT count(*) FROM outbox WHERE state <= 2") == 20);
	rig_signal(&rig, 0, SIGTERM);
	int status = rig_wait_end(&rig, 0, 50000);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_true(now_ms() - t0 > 20000);   /* it did wait for them */
	fake_tell(&rig.slack, "clear", NULL); /* the new process keeps to what Slack told the old one all the same */
	rig_serve(&rig, 0, NULL);
	rig_wait_answers(&rig, 1, 20, 60000);
	rig_settle(&rig, 60000);
	for (int n = 1; n <= 20; n++)
		assert_int_equal(rig_answers(&rig, NULL, NULL, n), 1);
}

static void websocket__during_the_drain__still_gets_its_answer(void **state)
{
	(void)state;
	struct ws w;
	rig_serve(&rig, 0, NULL);
	enter(&w, 0);
	assert_true(hear(&w, "subscribed"));
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 1200);
	ws_say(&w, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"c1\",\"text\":\"before the end #1\"}");
	assert_true(hear(&w, "accepted"));
	rig_signal(&rig, 0, SIGTERM);
	assert_true(hear(&w, "message"));
	assert_non_null(strstr(json_str(w.frame, "text", ""), "#1"));
	assert_false(hear(&w, "message"));
	assert_int_equal(w.close_code, 1012);
	int status = rig_wait_end(&rig, 0, 5000);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	ws_done(&w);
}

/* One message sent, the connection cut at this point of its dialogue, then the daemon restarted: each change comes once, in order. */
static void websocket__cut_anywhere_and_over_a_restart__resumes_without_loss_or_double(void **state)
{
	(void)state;
	static const char *const points[] = { "nothing", "accepted", "status", "delta", "message", "half a frame" };
	int sent = 0;
	int64_t rev = 0;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i, s:i, s:i}", "first_ms", 100, "pace_ms", 20, "words", 30);
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		struct ws w;
		enter(&w, (int)rev);
		assert_true(hear(&w, "subscribed"));
		rev = json_integer_value(json_object_get(w.frame, "rev"));
		sent++;
		char text[200];
		snprintf(text, sizeof text,
		    "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"k%d\",\"text\":\"cut at it #%d\"}", sent, sent);
		if (strcmp(points[i], "half a frame") == 0) {
			unsigned char half[] = { 0x81, 0xfe, 0x01, 0x00, 1, 2, 3, 4, 'x' };
			(void)!send(w.fd, half, sizeof half, MSG_NOSIGNAL);
		} else {
			ws_say(&w, "%s", text);
			if (strcmp(points[i], "nothing") != 0 && !hear(&w, points[i]))
				rig_fail(&rig, "no frame of type %s came", points[i]);
		}
		struct linger now = { .l_onoff = 1 };
		setsockopt(w.fd, SOL_SOCKET, SO_LINGER, &now, sizeof now); /* a reset, not an orderly end */
		ws_done(&w);
		if (i % 2 == 1) {
			rig_signal(&rig, 0, i % 4 == 1 ? SIGKILL : SIGTERM);
			rig_wait_end(&rig, 0, 10000);
			rig_serve(&rig, 0, NULL);
		}
		enter(&w, (int)rev);
		ws_say(&w, "%s", text); /* again: the same act */
		int mine = 0, answers = 0;
		while (mine == 0 || answers == 0) {
			if (ws_hear(&w, rig_rescue_ms(&rig)) == NULL)
				rig_fail(&rig, "cut at %s: %d of the message and %d answers came back", points[i], mine, answers);
			if (strcmp(json_str(w.frame, "type", ""), "message") != 0)
				continue;
			int64_t r = json_integer_value(json_object_get(w.frame, "rev"));
			if (r <= rev)
				rig_fail(&rig, "cut at %s: rev %d came after %d", points[i], (int)r, (int)rev);
			rev = r;
			bool eddy = strcmp(json_str(json_object_get(w.frame, "author"), "kind", ""), "eddy") == 0;
			answers += eddy;
			mine += !eddy;
		}
		assert_int_equal(mine, 1);
		assert_int_equal(answers, 1);
		ws_done(&w);
	}
	assert_int_equal(rev, 2 * sent);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages"), 2 * sent);
}

static void sigstop__until_the_lease_is_gone__leaves_one_answer(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 1500);
	for (int n = 1; n <= 6; n++)
		rig_say(&rig, "C1", NULL, n, "before the freeze");
	rig_wait(&rig, 5000, "the runs to begin", rig_sql(&rig, "SELECT count(*) FROM runs") == 6);
	rig_signal(&rig, 0, SIGSTOP);
	rig_spawn(&rig, 1, NULL);
	rig_wait_answers(&rig, 1, 6, rig_rescue_ms(&rig));
	rig_signal(&rig, 0, SIGCONT);
	sleep_ms(2500);
	rig_settle(&rig, 60000);
	rig_check(&rig, 1, 6);
}

/* Frozen in the middle of a transaction it holds locks on rows that all answers of the workspace need. */
static void sigstop__in_a_transaction__holds_nobody_up(void **state)
{
	(void)state;
	static const char *const steps[] = { "accept.before_commit=stop@1", "finish.before_commit=stop@1", NULL };
	int first = 1, last = 0;
	for (size_t i = 0; steps[i] != NULL; i++, first = last + 1) {
		rig_serve(&rig, 0, steps[i]);
		for (last = first; last < first + 5; last++)
			rig_say(&rig, "C1", NULL, last, "before the freeze");
		last--;
		rig_spawn(&rig, 1, NULL);
		rig_wait_answers(&rig, first, last, rig_rescue_ms(&rig));
		rig_signal(&rig, 0, SIGCONT);
		rig_settle(&rig, 60000);
		rig_check(&rig, first, last);
		rig_kill(&rig, 0);
		rig_kill(&rig, 1);
	}
}

static void two_processes__one_killed__lose_nothing(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	rig_serve(&rig, 1, NULL);
	for (int n = 1; n <= 80; n++) {
		char channel[16];
		snprintf(channel, sizeof channel, "C%d", n % 16);
		rig_say(&rig, channel, NULL, n, "to either");
		if (n == 50)
			rig_kill(&rig, 0);
	}
	rig_wait_answers(&rig, 1, 80, rig_rescue_ms(&rig) + 10000);
	rig_settle(&rig, 30000);
	rig_check(&rig, 1, 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sigterm__under_load__ends_soon_and_loses_nothing, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(sigterm__with_posts_held_up__leaves_them_to_the_next, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(websocket__during_the_drain__still_gets_its_answer, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    websocket__cut_anywhere_and_over_a_restart__resumes_without_loss_or_double, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(sigstop__until_the_lease_is_gone__leaves_one_answer, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(sigstop__in_a_transaction__holds_nobody_up, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(two_processes__one_killed__lose_nothing, set_up, rig_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
