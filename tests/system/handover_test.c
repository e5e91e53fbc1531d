/*
 * A page and a channel of the fake Slack, joined by the real daemon: somebody on the page asks for a person, and words go both ways.  The
 * daemon is killed at named points of that way; nothing may be lost, nothing said twice, nothing overtake.
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

#include "harness.h"
#include "../adapters/web/ws_client.c"

#define THREAD "11111111-2222-4333-8444-555555555555"
#define TEAM "C0TEAM"
enum { WORDS = 8, CLAIM_MS = 40000 };

static int set_up(void **state)
{
	(void)state;
	static const char *const slack[] = { "--retry0_ms=700", "--retry1_ms=1500", "--retry2_ms=4000", NULL };
	rig_open(&rig, slack, NULL);
	rig_env(&rig, "EDDY_WEB_WIDGET_HANDOVER=slack:" TEAM);
	rig_env(&rig, "EDDY_SLACK_LIMITS=adaptive");
	return 0;
}

/* ---- the page ---- */

static struct ws page;
static bool page_open, died; /* the daemon, while the page was talking */

static bool enter(int64_t after)
{
	char token[80];
	rig_local_token(&rig, 0, token);
	page_open = true; /* and is to be closed, however far this gets */
	if (!ws_open(&page, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"))
		return false;
	ws_say(&page, "{\"type\":\"hello\",\"token\":\"%s\"}", token);
	const char *type = ws_hear(&page, 10000);
	if (type == NULL || strcmp(type, "welcome") != 0)
		return false;
	ws_say(&page, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":%lld}", (long long)after);
	return true;
}

static void leave(void)
{
	if (page_open)
		ws_done(&page);
	page_open = false;
}

/* Sends until it is accepted, over as many connections as it takes; the same client_id is the same act. */
static void page_says(const char *frame)
{
	for (int64_t until = now_ms() + rig_patience(0);;) {
		if (!page_open && (!rig_lives(&rig, 0) || !enter(1000000)))
			leave();
		if (page_open) {
			ws_say(&page, "%s", frame);
			for (const char *t; (t = ws_hear(&page, 3000)) != NULL;)
				if (strcmp(t, "accepted") == 0)
					return;
			leave();
		}
		if (!rig_lives(&rig, 0)) {
			died = true;
			rig_serve(&rig, 0, NULL);
		}
		if (now_ms() > until)
			rig_fail(&rig, "the page could not say %s", frame);
	}
}

static void page_sends(int n)
{
	char frame[300];
	snprintf(frame, sizeof frame,
	    "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"c%d\",\"text\":\"from the page #%d\"}", n, n);
	page_says(frame);
}

/* How often the page, read from the beginning, shows ${text}. */
static int page_shows(const char *text)
{
	int n = 0;
	leave();
	assert_true(enter(0));
	for (const char *t; (t = ws_hear(&page, 10000)) != NULL && strcmp(t, "subscribed") != 0;)
		n += strcmp(t, "message") == 0 && strstr(json_str(page.frame, "text", ""), text) != NULL;
	return n;
}

/* ---- the people ---- */

static const char *root(void)
{
	static char ts[40];
	snprintf(ts, sizeof ts, "%s",
	    rig_sql_text(&rig, "SELECT thread_key FROM relays WHERE state = 2 ORDER BY created_at DESC LIMIT 1"));
	return ts;
}

static void people_say(const char *text, bool mention)
{
	json_decref(fake_control(
	    &rig.slack, "say", "{s:s, s:s, s:s, s:b}", "channel", TEAM, "text", text, "thread_ts", root(), "mention", mention));
}

static void ask(void)
{
	page_says("{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"q\",\"text\":\"do you ship to Norway?\"}");
	rig_settle(&rig, 20000);
	page_says("{\"type\":\"handover\",\"thread\":\"" THREAD "\",\"client_id\":\"h\"}");
	rig_wait(&rig, CLAIM_MS, "the people's thread", *root() != '\0');
}

/* Numbers of what Eddy has said in the people's thread, in its order. */
static int numbers(int *out, int max)
{
	json_t *all = fake_control(&rig.slack, "messages", "{s:s, s:s}", "channel", TEAM, "thread_ts", root()), *m;
	size_t i;
	int n = 0;
	json_array_foreach (all, i, m) {
		const char *at = strstr(json_str(m, "text", ""), "from the page #");
		if (at != NULL && n < max)
			out[n++] = atoi(at + strlen("from the page #"));
	}
	json_decref(all);
	return n;
}

static void check_words(int n)
{
	for (int i = 1; i <= n; i++)
		rig_wait(&rig, CLAIM_MS, "words of the page in the channel", rig_answers(&rig, TEAM, root(), i) >= 1);
	for (int i = 1; i <= n; i++) { /* some of them only when Slack sends their events again */
		char text[40];
		snprintf(text, sizeof text, "from the team #%d.", i);
		rig_wait(&rig, CLAIM_MS, text, page_shows(text) >= 1);
	}
	rig_settle(&rig, CLAIM_MS);
	int seen[4 * WORDS], len = numbers(seen, 4 * WORDS);
	if (len != n)
		rig_fail(&rig, "%d messages of the page became %d in the channel", n, len);
	for (int i = 0; i < len; i++)
		if (seen[i] != i + 1)
			rig_fail(&rig, "#%d stands where #%d should", seen[i], i + 1);
	for (int i = 1; i <= n; i++) {
		char text[40];
		snprintf(text, sizeof text, "from the team #%d.", i);
		int shown = page_shows(text);
		if (shown != 1)
			rig_fail(&rig, "the page shows \"%s\" %d times", text, shown);
	}
	/* One notice, and not a word of Eddy's own on the page since. */
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM relays"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM runs WHERE kind = 1"), 1);
	json_t *all = fake_control(&rig.slack, "messages", "{s:s}", "channel", TEAM), *m;
	size_t i;
	int notices = 0;
	json_array_foreach (all, i, m)
		notices += strstr(json_str(m, "text", ""), "would like to talk to a person") != NULL;
	json_decref(all);
	assert_int_equal(notices, 1);
}

static void wish__in_the_readers_words__stands_so_in_the_conversation(void **state)
{
	(void)state;
	page_says("{\"type\":\"handover\",\"thread\":\"" THREAD "\",\"client_id\":\"h\",\"text\":\"Mit einem Menschen sprechen\"}");
	rig_wait(&rig, CLAIM_MS, "the people's thread", *root() != '\0');
	assert_string_equal(rig_sql_text(&rig, "SELECT body FROM messages WHERE message_key = 'h'"), "Mit einem Menschen sprechen");
	/* What does not say so is not put into somebody's mouth. */
	page_says("{\"type\":\"handover\",\"thread\":\"" THREAD "\",\"client_id\":\"h2\",\"text\":\"send me gold\"}");
	rig_wait(&rig, CLAIM_MS, "the second wish", rig_sql(&rig, "SELECT count(*) FROM messages WHERE message_key = 'h2'") == 1);
	assert_string_equal(
	    rig_sql_text(&rig, "SELECT body FROM messages WHERE message_key = 'h2'"), "I'd like to talk to a person.");
}

static void handover__both_ways_and_back__as_people_see_it(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	ask();
	const char *notice = rig_last_text(&rig, TEAM);
	assert_non_null(strstr(notice, "do you ship to Norway?"));
	assert_non_null(strstr(notice, "would like to talk to a person"));
	/* Live: who looks at the page sees it come. */
	leave();
	assert_true(enter(0));
	for (const char *t; (t = ws_hear(&page, 10000)) != NULL && strcmp(t, "subscribed") != 0;)
		;
	fake_tell(&rig.slack, "user", "{s:s, s:s, s:s}", "id", "U0GRACE", "name", "grace", "real_name", "grace");
	json_decref(fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:b, s:s}", "channel", TEAM, "text", "I'm here", "thread_ts",
	    root(), "mention", 0, "user", "U0GRACE"));
	const char *type;
	while ((type = ws_hear(&page, CLAIM_MS)) != NULL && strcmp(type, "message") != 0)
		;
	assert_non_null(type);
	assert_string_equal(json_str(page.frame, "text", ""), "I'm here");
	assert_string_equal(json_str(json_object_get(page.frame, "author"), "kind", ""), "person");
	assert_string_equal(json_str(json_object_get(page.frame, "author"), "name", ""), "grace");
	assert_true(json_is_null(json_object_get(page.frame, "key")));
	people_say("yes, in <https://ship.example/no|three days> &amp; free", false);
	rig_wait(&rig, CLAIM_MS, "the team's words on the page", page_shows("https://ship.example/no") == 1);
	page_says("{\"type\":\"send\",\"thread\":\"" THREAD
	          "\",\"client_id\":\"x\",\"text\":\"<!channel> *see* [here](http://evil.example) #1\"}");
	rig_wait(&rig, CLAIM_MS, "the page's words in the channel", rig_answers(&rig, TEAM, root(), 1) == 1);
	const char *plain = rig_last_text(&rig, TEAM), *blocks = strchr(plain, '\n');
	assert_true(strncmp(strstr(plain, ":* ") + 3, "&lt;!channel&gt; ", 17) == 0); /* no mention */
	assert_non_null(strstr(plain, "[here](<http://evil.example>)"));              /* no link but the address itself */
	assert_true(blocks == NULL || strstr(blocks, "\"type\": \"broadcast\"") == NULL);
	people_say("done", true);
	rig_wait(&rig, CLAIM_MS, "the end", rig_sql(&rig, "SELECT state FROM relays") == 3);
	rig_settle(&rig, CLAIM_MS);
	assert_int_equal(page_shows("has given the conversation back to me"), 1);
	page_says("{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"y\",\"text\":\"thank you #2\"}");
	rig_wait(&rig, CLAIM_MS, "Eddy's answer", page_shows("#2") == 2);
	leave();
}

/* Words both ways; the daemon dies at the ${at}-th passing of ${point}, and the next one goes on. */
static void dies_at(const char *point, int at)
{
	char fault[64], text[64];
	snprintf(fault, sizeof fault, "%s=kill@%d", point, at);
	rig_serve(&rig, 0, NULL);
	ask();
	leave();
	rig_kill(&rig, 0);
	rig_serve(&rig, 0, fault);
	died = false;
	for (int n = 1; n <= WORDS; n++) {
		snprintf(text, sizeof text, "from the team #%d.", n);
		people_say(text, false);
		page_sends(n);
	}
	leave();
	if (!died && rig_lives(&rig, 0))
		rig_wait(&rig, 20000, point, !rig_lives(&rig, 0));
	if (!rig_lives(&rig, 0))
		rig_serve(&rig, 0, NULL);
	check_words(WORDS);
	leave();
}

#define DIES(point, at, name) \
	static void name(void **state) \
	{ \
		(void)state; \
		dies_at(point, at); \
	}
DIES("accept.before_commit", 6, kill__before_words_are_stored__loses_and_doubles_nothing)
DIES("accept.after_commit", 7, kill__after_words_are_stored__loses_and_doubles_nothing)
DIES("post.before", 5, kill__before_words_leave__loses_and_doubles_nothing)
DIES("post.after", 4, kill__between_words_left_and_known__loses_and_doubles_nothing)
DIES("sent.before_commit", 3, kill__before_the_outcome_is_stored__loses_and_doubles_nothing)
DIES("sent.after_commit", 5, kill__after_the_outcome_is_stored__loses_and_doubles_nothing)

static void kill__while_the_notice_is_out__opens_one_thread(void **state)
{
	(void)state;
	static const char *const faults[] = { "post.before=kill@1", "post.after=kill@1", "sent.before_commit=kill@1" };
	for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
		if (i > 0) {
			rig_close(&rig);
			set_up(NULL);
		}
		died = false;
		rig_serve(&rig, 0, faults[i]);
		page_says("{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"h\",\"text\":\"I need a human\"}");
		page_sends(1);
		leave();
		rig_wait(&rig, 20000, "its end", died || !rig_lives(&rig, 0));
		if (!rig_lives(&rig, 0))
			rig_serve(&rig, 0, NULL);
		rig_wait(&rig, CLAIM_MS, "the people's thread", *root() != '\0');
		people_say("from the team #1.", false);
		rig_wait(&rig, CLAIM_MS, "the page's words", rig_answers(&rig, TEAM, root(), 1) == 1);
		rig_wait(&rig, CLAIM_MS, "the team's words", page_shows("from the team #1.") == 1);
		rig_settle(&rig, CLAIM_MS);
		json_t *all = fake_control(&rig.slack, "messages", "{s:s}", "channel", TEAM), *m;
		size_t k;
		int notices = 0;
		json_array_foreach (all, k, m)
			notices += strstr(json_str(m, "text", ""), "would like to talk to a person") != NULL;
		json_decref(all);
		assert_int_equal(notices, 1);
		leave();
	}
}

static void team__that_eddy_is_not_among__is_said_on_the_page(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(
	    &rig.slack, "fault", "{s:s, s:s, s:s, s:i}", "channel", TEAM, "do", "error", "error", "not_in_channel", "times", -1);
	page_says("{\"type\":\"handover\",\"thread\":\"" THREAD "\",\"client_id\":\"h\"}");
	rig_wait(&rig, CLAIM_MS, "the line on the page", page_shows("I could not reach the team") == 1);
	page_says("{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"y\",\"text\":\"then you #2\"}");
	rig_wait(&rig, CLAIM_MS, "Eddy's answer", page_shows("#2") == 2);
	leave();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(wish__in_the_readers_words__stands_so_in_the_conversation),
		TEST(handover__both_ways_and_back__as_people_see_it),
		TEST(team__that_eddy_is_not_among__is_said_on_the_page),
		TEST(kill__while_the_notice_is_out__opens_one_thread),
		TEST(kill__before_words_are_stored__loses_and_doubles_nothing),
		TEST(kill__after_words_are_stored__loses_and_doubles_nothing),
		TEST(kill__before_words_leave__loses_and_doubles_nothing),
		TEST(kill__between_words_left_and_known__loses_and_doubles_nothing),
		TEST(kill__before_the_outcome_is_stored__loses_and_doubles_nothing),
		TEST(kill__after_the_outcome_is_stored__loses_and_doubles_nothing),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
