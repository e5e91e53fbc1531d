/*
 * The websocket of the real daemon under bad links: readers that stop reading while much is streamed, and links that are cut anywhere.
 * Every change must reach a client exactly once and in order, and nobody else may be held up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "harness.h"
#include "../adapters/web/ws_client.c"

#define THREAD "11111111-2222-4333-8444-555555555555"
#define ELSEWHERE "99999999-2222-4333-8444-555555555555"

/* Open, greeted and subscribed; false: cut before that. */
static bool enter(struct ws *w, const char *thread, int64_t after)
{
	char token[80];
	rig_local_token(&rig, 0, token);
	if (!ws_open(w, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"))
		return false;
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\"}", token);
	const char *type = ws_hear(w, 5000);
	if (type == NULL || strcmp(type, "welcome") != 0)
		return false;
	ws_say(w, "{\"type\":\"subscribe\",\"thread\":\"%s\",\"after\":%lld}", thread, (long long)after);
	return true;
}

static void hear_until(struct ws *w, const char *type, const char *author)
{
	for (const char *t; (t = ws_hear(w, 20000)) != NULL;)
		if (strcmp(t, type) == 0 &&
		    (author == NULL || strcmp(json_str(json_object_get(w->frame, "author"), "kind", ""), author) == 0))
			return;
	rig_fail(&rig, "the connection ended (%d) before %s", w->close_code, type);
}

static int64_t resident_kb(void)
{
	char path[64], line[200];
	long kb = -1;
	snprintf(path, sizeof path, "/proc/%d/status", (int)rig.d[0].pid);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmRSS: %ld", &kb) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return kb;
}

static int64_t metric(const char *name)
{
	char *text = NULL;
	if (http_do(rig.d[0].port, "GET", "/metrics", NULL, NULL, 0, 5000, &text) != 200)
		rig_fail(&rig, "no metrics");
	const char *at = strstr(text, name);
	while (at != NULL && at != text && at[-1] != '\n')
		at = strstr(at + 1, name);
	int64_t v = at != NULL ? strtoll(at + strlen(name), NULL, 10) : -1;
	free(text);
	return v;
}

static bool log_says(const char *what)
{
	FILE *f = fopen(rig.d[0].log, "re");
	char line[4000];
	bool found = false;
	while (f != NULL && !found && fgets(line, sizeof line, f) != NULL)
		found = strstr(line, what) != NULL;
	if (f != NULL)
		fclose(f);
	return found;
}

enum { SLOW = 4, QUESTIONS = 60, ANSWER_BYTES = 200000, GROWTH_KB = 24 * 1024 };

/* What the slow one finds: every message once and in order, whole.  Gives the last rev; stops at ${type} or the end. */
static int64_t read_in_order(struct ws *w, int64_t seen, const char *until)
{
	for (const char *t; (t = ws_hear(w, 5000)) != NULL && (until == NULL || strcmp(t, until) != 0);) {
		if (strcmp(t, "message") != 0)
			continue;
		int64_t rev = json_int(w->frame, "rev", 0);
		if (rev != seen + 1)
			rig_fail(&rig, "rev %lld came after %lld", (long long)rev, (long long)seen);
		if (rev % 2 == 0 && strlen(json_str(w->frame, "text", "")) < ANSWER_BYTES)
			rig_fail(&rig, "rev %lld is not whole", (long long)rev);
		seen = rev;
	}
	return seen;
}

static void reader__that_stops_reading__is_let_go_and_holds_nobody_up(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_WEB_SLOW_READER=2s");
	rig_env(&rig, "EDDY_ANSWERS_FOLD_WORDS=0"); /* all of a long answer */
	rig_serve(&rig, 0, NULL);
	char *answer = malloc(ANSWER_BYTES + 1);
	memset(answer, 'x', ANSWER_BYTES);
	for (size_t i = 79; i < ANSWER_BYTES; i += 80)
		answer[i] = ' ';
	answer[ANSWER_BYTES] = '\0';
	answer[ANSWER_BYTES - 1] = 'x';
	fake_tell(&rig.model, "script", "{s:i, s:s, s:i}", "times", QUESTIONS, "answer", answer, "piece", 4000);
	free(answer);
	struct ws slow[SLOW], quick, other;
	for (int i = 0; i < SLOW; i++) {
		int small = 4096;
		assert_true(enter(&slow[i], THREAD, 0));
		setsockopt(slow[i].fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
		hear_until(&slow[i], "subscribed", NULL);
	}
	assert_true(enter(&quick, THREAD, 0));
	hear_until(&quick, "subscribed", NULL);
	assert_true(enter(&other, ELSEWHERE, 0));
	hear_until(&other, "subscribed", NULL);
	int64_t before = resident_kb(), most = 0, worst_ms = 0, worst_pong_ms = 0;
	for (int n = 1; n <= QUESTIONS; n++) {
		int64_t t0 = now_ms();
		ws_say(&quick, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"q%d\",\"text\":\"more #%d\"}", n, n);
		hear_until(&quick, "message", "eddy");
		int64_t ms = now_ms() - t0;
		worst_ms = ms > worst_ms ? ms : worst_ms;
		assert_int_equal(json_int(quick.frame, "rev", 0), 2 * n);
		t0 = now_ms();
		ws_say(&other, "{\"type\":\"ping\",\"n\":%d}", n);
		hear_until(&other, "pong", NULL);
		ms = now_ms() - t0;
		worst_pong_ms = ms > worst_pong_ms ? ms : worst_pong_ms;
		int64_t kb = resident_kb();
		most = kb > most ? kb : most;
	}
	/* Each may be let go of while much is streamed, or two seconds after the last byte that it took. */
	rig_wait(&rig, 20000, "the slow readers to be let go of", metric("eddy_web_dropped_total ") == SLOW);
	if (!log_says("\"event\":\"web.drop\"") || !log_says("\"code\":4008"))
		rig_fail(&rig, "the log does not say why");
	if (metric("eddy_web_connections ") != 2)
		rig_fail(&rig, "%lld connections, not 2", (long long)metric("eddy_web_connections "));
	print_message("# resident %lld kB before, %lld at most; slowest answer of others %lld ms, slowest pong %lld ms\n",
	    (long long)before, (long long)most, (long long)worst_ms, (long long)worst_pong_ms);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (most - before > GROWTH_KB)
		rig_fail(&rig, "resident memory grew from %lld kB to %lld kB", (long long)before, (long long)most);
#endif
	if (worst_ms > 40000 || worst_pong_ms > 20000)
		rig_fail(
		    &rig, "others waited %lld ms for an answer, %lld ms for a pong", (long long)worst_ms, (long long)worst_pong_ms);
	for (int i = 0; i < SLOW; i++) {
		int large = 4 << 20;
		setsockopt(slow[i].fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof large);
		int64_t seen = read_in_order(&slow[i], 0, NULL);
		ws_done(&slow[i]);
		if (seen >= 2 * QUESTIONS)
			rig_fail(&rig, "nothing was left to catch up with: too little was streamed");
		struct ws back;
		assert_true(enter(&back, THREAD, seen));
		seen = read_in_order(&back, seen, "subscribed");
		assert_int_equal(seen, 2 * QUESTIONS);
		assert_int_equal(json_int(back.frame, "rev", 0), 2 * QUESTIONS);
		ws_done(&back);
	}
	ws_done(&quick);
	ws_done(&other);
}

/* One client over many cuts: what it knows. */
static struct {
	int64_t seen;
	int asked, accepted, answered;
	char run[40];
	struct buf open;
} my;

static void on_answer(const struct ws *w)
{
	char mark[32];
	const char *text = json_str(w->frame, "text", ""), *run = json_str(w->frame, "run", "");
	snprintf(mark, sizeof mark, "#%d", ++my.answered);
	if (strstr(text, mark) == NULL)
		rig_fail(&rig, "answer %d is \"%s\"", my.answered, text);
	/* What was put together from parts is how the whole begins. */
	if (strcmp(my.run, run) == 0 && my.open.len > 0 && strncmp(text, my.open.p, my.open.len) != 0)
		rig_fail(&rig, "parts \"%s\" became \"%s\"", my.open.p, text);
	my.run[0] = '\0';
	buf_reset(&my.open);
}

static void on_frame(const struct ws *w, const char *type)
{
	const char *text = json_str(w->frame, "text", ""), *run = json_str(w->frame, "run", "");
	if (strcmp(type, "message") == 0) {
		int64_t rev = json_int(w->frame, "rev", 0);
		if (rev != my.seen + 1)
			rig_fail(&rig, "rev %lld came after %lld", (long long)rev, (long long)my.seen);
		my.seen = rev;
		if (strcmp(json_str(json_object_get(w->frame, "author"), "kind", ""), "eddy") == 0)
			on_answer(w);
	} else if (strcmp(type, "accepted") == 0) {
		my.accepted = my.asked;
	} else if (strcmp(type, "open") == 0) {
		snprintf(my.run, sizeof my.run, "%s", run);
		buf_reset(&my.open);
		buf_add_str(&my.open, text);
	} else if (strcmp(type, "delta") == 0) {
		size_t offset = (size_t)json_int(w->frame, "offset", 0);
		if (strcmp(my.run, run) != 0) {
			snprintf(my.run, sizeof my.run, "%s", run);
			buf_reset(&my.open);
		}
		if (offset != my.open.len)
			rig_fail(&rig, "a part for offset %zu came at %zu", offset, my.open.len);
		buf_add_str(&my.open, text);
	} else if (strcmp(type, "stream.reset") == 0) {
		buf_reset(&my.open);
	} else if (strcmp(type, "subscribed") == 0 && json_int(w->frame, "rev", 0) < my.seen) {
		rig_fail(&rig, "subscribed at %lld after %lld", (long long)json_int(w->frame, "rev", 0), (long long)my.seen);
	} else if (strcmp(type, "error") == 0) {
		rig_fail(&rig, "%s: %s", json_str(w->frame, "code", ""), json_str(w->frame, "message", ""));
	}
}

static unsigned dice;
static unsigned roll(unsigned sides)
{
	dice = dice * 1103515245u + 12345u;
	return (dice >> 16) % sides;
}

/* Ends a connection in one of several ways: politely, hard, or in the middle of a frame of ours. */
static void cut(struct ws *w)
{
	unsigned how = roll(3);
	if (how == 1) {
		struct linger hard = { .l_onoff = 1 };
		setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
	} else if (how == 2) {
		(void)!send(w->fd, "\x81\xfe\x01\x00\x12\x34", 6, MSG_NOSIGNAL);
	}
	ws_done(w);
}

static void client__that_is_cut_anywhere__gets_everything_once(void **state)
{
	(void)state;
	const char *given = getenv("EDDY_TEST_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	int wanted = rig_rounds(100) > 1 ? 200 : 25, cuts = 0;
	dice = seed;
	print_message("# EDDY_TEST_SEED=%u\n", seed);
	my.seen = my.asked = my.accepted = my.answered = 0;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i, s:i, s:i, s:i}", "first_ms", 20, "pace_ms", 15, "piece", 8, "words", 40);
	int64_t until = now_ms() + wanted * 20000;
	while (my.answered < wanted) {
		struct ws w;
		if (now_ms() > until)
			rig_fail(&rig, "seed %u: %d of %d answered after %d cuts", seed, my.answered, wanted, cuts);
		if (!enter(&w, THREAD, my.seen))
			rig_fail(&rig, "seed %u: not let in", seed);
		buf_reset(&my.open);
		my.run[0] = '\0';
		unsigned frames = roll(14);
		bool said = false;
		for (unsigned i = 0; i < frames && my.answered < wanted; i++) {
			if (!said && my.answered == my.accepted) /* all that was accepted is answered: ask, or ask again */
			{
				if (my.asked == my.accepted)
					my.asked++;
				ws_say(&w,
				    "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"c%d\",\"text\":\"cut #%d\"}",
				    my.asked, my.asked);
				said = true;
			}
			const char *type = ws_hear(&w, 300);
			if (type != NULL)
				on_frame(&w, type);
			else if (w.close_code != 0)
				rig_fail(&rig, "seed %u: closed with %d", seed, w.close_code);
		}
		cut(&w);
		cuts++;
	}
	print_message("# %d questions over %d cuts\n", wanted, cuts);
	if (my.seen != 2 * wanted)
		rig_fail(&rig, "seed %u: %lld revs for %d questions", seed, (long long)my.seen, wanted);
	rig_settle(&rig, 20000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 1"), wanted);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM runs"), wanted);
	buf_done(&my.open);
	rig_wait(&rig, 10000, "all connections to be gone", metric("eddy_web_connections ") == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    reader__that_stops_reading__is_let_go_and_holds_nobody_up, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(client__that_is_cut_anywhere__gets_everything_once, rig_set_up, rig_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
