/*
 * An act that waits for a person, on the page: its owner asks over eddy.v1 for something to be said in a channel of Slack, somebody else tries the code in
 * vain, the owner presses, it is said there once, and a second press says that it is done.  Then it is decided over the API and at the terminal, by a daemon
 * that looks for nothing by itself; refused, and not decided in time; and at last the daemon is killed at each step.
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
#include "people.h"
#include "../../core/base/id.h"
#include "../adapters/web/ws_client.c"

#define ONE "11111111-2222-4333-8444-555555555551"
#define TWO "11111111-2222-4333-8444-555555555552"
#define SHARED "a-shared-token-of-forty-eight-characters-0123456"
#define NEWS "C0NEWS"
#define WORDS "release is out"
enum { ANN, BOB };
enum { STEP_MS = 120000, ACCEPTED_MS = 4000 };

static struct ws lines[2];
static bool up[2];
static int serial;
static char yes[40], no[40];

static int set_up(void **state)
{
	(void)state;
	rig_open(&rig, NULL, NULL);
	rig_env(&rig, "EDDY_SLACK_LIMITS=adaptive");
	rig_env(&rig, "EDDY_WEB_TOKEN=" SHARED);
	fake_tell(&rig.slack, "channel", "{s:s, s:s}", "id", NEWS, "name", "news");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0BOB", "name", "Bob");
	fake_tell(&rig.model, "script", "{s:s, s:i, s:s, s:{s:s, s:s}}", "match", "tell the others", "times", -1, "tool",
	    "send_message", "arguments", "to", "#news", "text", "The *" WORDS "*.");
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "", "answer", "They know it.", "times", -1);
	up[ANN] = up[BOB] = false;
	serial = 0;
	return 0;
}

static void leave(int who)
{
	if (up[who])
		ws_done(&lines[who]);
	up[who] = false;
}

static int tear_down(void **state)
{
	leave(ANN);
	leave(BOB);
	return rig_tear_down(state);
}

static void revive(void)
{
	if (!rig_lives(&rig, 0))
		rig_serve(&rig, 0, NULL);
}

/* A connection that has said hello; the daemon is started again if it is dead. */
static void come(int who)
{
	char token[80] = SHARED;
	struct ws *w = &lines[who];
	for (int64_t until = now_ms() + STEP_MS; !up[who];) {
		revive();
		if (who == ANN)
			rig_local_token(&rig, 0, token);
		up[who] = ws_open(w, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n");
		if (up[who]) {
			ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\",\"features\":[\"threads\"]}", token);
			const char *t = ws_hear(w, ACCEPTED_MS);
			up[who] = t != NULL && strcmp(t, "welcome") == 0;
		}
		if (!up[who])
			ws_done(w);
		if (now_ms() > until)
			rig_fail(&rig, "the daemon takes no connection");
	}
}

/* Sends a frame until it is accepted, with the same client_id, as the protocol wants it. */
static void act(int who, const char *type, const char *rest)
{
	char client_id[20];
	bool accepted = false;
	snprintf(client_id, sizeof client_id, "act-%d", ++serial);
	while (!accepted) {
		come(who);
		ws_say(&lines[who], "{\"type\":\"%s\",\"thread\":\"%s\",\"client_id\":\"%s\",%s}", type, who == ANN ? ONE : TWO,
		    client_id, rest);
		for (const char *t; !accepted && (t = ws_hear(&lines[who], ACCEPTED_MS)) != NULL;) {
			if (strcmp(json_str(lines[who].frame, "client_id", ""), client_id) != 0)
				continue;
			accepted = strcmp(t, "accepted") == 0;
			if (!accepted && strcmp(json_str(lines[who].frame, "code", ""), "busy") != 0)
				rig_fail(&rig, "%s", json_str(lines[who].frame, "message", t));
		}
		if (!accepted)
			leave(who);
	}
}

static void press(int who, const char *command)
{
	char rest[200];
	snprintf(rest, sizeof rest, "\"action\":\"command\",\"value\":\"%s\"", command);
	act(who, "act", rest);
}

/* Messages of Eddy to ${who} that hold ${text}. */
static int64_t says(int who, const char *text)
{
	char query[600];
	snprintf(query, sizeof query,
	    "SELECT count(*) FROM messages m JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id WHERE m.author_kind = 2"
	    " AND t.external_key = '%s' AND m.body LIKE '%%%s%%'",
	    who == ANN ? ONE : TWO, text);
	return rig_sql(&rig, query);
}

static bool quiet(void)
{
	return rig_sql(&rig,
	           "SELECT (SELECT count(*) FROM runs WHERE state <= 2) + (SELECT count(*) FROM outbox WHERE state <= 2)") == 0;
}

/* Until it is said to ${who} and nothing is left to do; the daemon may die on the way. */
static void reach(int who, const char *text, int64_t n)
{
	int64_t until = now_ms() + rig_patience(STEP_MS);
	while (says(who, text) != n || !quiet()) {
		revive();
		if (now_ms() > until)
			rig_fail(&rig, "\"%s\" is said %lld times", text, (long long)says(who, text));
		sleep_ms(30);
	}
}

/* What a page that is open sees of it, without asking. */
static void sees(int who, const char *text)
{
	for (const char *t; (t = ws_hear(&lines[who], 30000)) != NULL;)
		if (strcmp(t, "message") == 0 && strstr(json_str(lines[who].frame, "text", ""), text) != NULL)
			return;
	rig_fail(&rig, "the page does not see \"%s\"", text);
}

static void begin(void)
{
	rig_serve(&rig, 0, NULL);
	people_say(NEWS, NULL, "U0BOB", "good morning", false, NULL);
	rig_wait(&rig, STEP_MS, "the channel to be known",
	    rig_sql(&rig, "SELECT count(*) FROM places WHERE name = 'news' AND member AND visibility = 4") == 1);
}

static void arm(const char *fault)
{
	if (fault == NULL)
		return;
	leave(ANN);
	leave(BOB);
	rig_settle(&rig, STEP_MS);
	rig_kill(&rig, 0);
	rig_serve(&rig, 0, fault);
}

static void disarm(const char *fault)
{
	if (fault == NULL)
		return;
	leave(ANN);
	if (rig_lives(&rig, 0))
		rig_kill(&rig, 0);
	rig_serve(&rig, 0, NULL);
	rig_settle(&rig, STEP_MS);
}

static void ask(const char *fault)
{
	arm(fault);
	act(ANN, "send", "\"text\":\"tell the others about the release\"");
	reach(ANN, "May I send this to", 1);
	disarm(fault);
	const char *code = rig_sql_text(
	    &rig, "SELECT substring(body FROM 'approve ([0-9A-Z-]{11})') FROM messages WHERE body LIKE '%May I send%'");
	snprintf(yes, sizeof yes, "approve %s", code);
	snprintf(no, sizeof no, "refuse %s", code);
	assert_int_equal(people_see(NEWS, NULL, WORDS), 0);
}

static void check_end(int sent)
{
	rig_settle(&rig, STEP_MS);
	assert_int_equal(people_see(NEWS, NULL, WORDS), sent);
	assert_int_equal(people_see(NEWS, NULL, ""), sent);
	assert_int_equal(says(ANN, "They know it."), sent);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM approvals"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'approval.granted'"), sent);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM dispatch WHERE pending <> 0"), 0);
	people_check();
}

static void story(const char *on_ask, const char *on_grant)
{
	begin();
	ask(on_ask);
	press(BOB, yes);
	reach(BOB, "not one of those who may decide", 1);
	assert_int_equal(people_see(NEWS, NULL, WORDS), 0);
	arm(on_grant);
	press(ANN, yes);
	reach(ANN, "They know it.", 1);
	reach(ANN, "Approved: it goes to", 1);
	disarm(on_grant);
	press(ANN, yes);
	reach(ANN, "decided already: it was approved, and is done", 1);
	check_end(1);
}

static void page__asked_and_approved__is_said_once(void **state)
{
	(void)state;
	story(NULL, NULL);
}

static void page__refused__is_said_nowhere(void **state)
{
	(void)state;
	begin();
	ask(NULL);
	press(ANN, no);
	reach(ANN, "Refused: nothing goes to", 1);
	press(ANN, yes);
	reach(ANN, "decided already: it was refused", 1);
	check_end(0);
}

static void page__not_decided_in_time__hears_it_once(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_ENGINE_UPKEEP=300ms");
	begin();
	ask(NULL);
	come(ANN);
	ws_say(&lines[ANN], "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
	rig_sql_text(&rig, "SELECT set_config('session_replication_role', 'replica', false)");
	assert_int_equal(rig_sql(&rig,
	                     "WITH x AS (UPDATE approvals SET expires_at = now() - interval '1 s' RETURNING 1)"
	                     " SELECT count(*) FROM x"),
	    1);
	rig_sql_text(&rig, "SELECT set_config('session_replication_role', 'origin', false)");
	sees(ANN, "Nobody has approved it in time");
	press(ANN, yes);
	reach(ANN, "waited too long", 1);
	assert_int_equal(says(ANN, "in time"), 1);
	check_end(0);
}

/* ---- other ways of deciding, while nobody looks for work by the clock ---- */

/* The id of what waits, and the digest of what was shown. */
static void first_that_waits(char id[40], char digest[80])
{
	come(ANN);
	ws_say(&lines[ANN], "{\"type\":\"call\",\"id\":\"l\",\"name\":\"approval.list\"}");
	const json_t *one = NULL;
	for (const char *t; one == NULL && (t = ws_hear(&lines[ANN], 30000)) != NULL;)
		if (strcmp(t, "result") == 0)
			one = json_array_get(json_arr(json_obj(lines[ANN].frame, "result"), "approvals"), 0);
	snprintf(id, 40, "%s", json_str(one, "id", ""));
	snprintf(digest, 80, "%s", json_str(one, "digest", ""));
	assert_string_equal(json_str(one, "to", ""), "#news");
}

static void decide(const char *what)
{
	char id[40], digest[80];
	first_that_waits(id, digest);
	ws_say(&lines[ANN],
	    "{\"type\":\"call\",\"id\":\"d\",\"name\":\"approval.decide\",\"args\":{\"id\":\"%s\",\"digest\":\"%s\",\"decision\":\"%s\"}}",
	    id, digest, what);
}

static void at_the_terminal(const char *what)
{
	char id[40], digest[80], command[900];
	const char *build = getenv("EDDY_BUILD");
	first_that_waits(id, digest);
	snprintf(command, sizeof command, "EDDY_DATABASE_ADMIN_URL='%s' EDDY_DATA_DIR='%s' %s/eddy approval %s %s >/dev/null",
	    rig.database, rig.d[0].dir, build != NULL ? build : "build", what, id);
	assert_int_equal(system(command), 0);
}

static void no_clock(void)
{
	rig_env(&rig, "EDDY_ENGINE_SCAN=1h");
	begin();
	ask(NULL);
	come(ANN);
	ws_say(&lines[ANN], "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
}

static void api__granted__is_done_at_once(void **state)
{
	(void)state;
	no_clock();
	decide("grant");
	sees(ANN, "They know it.");
	rig_wait(&rig, STEP_MS, "it to be said", people_see(NEWS, NULL, WORDS) == 1);
	check_end(1);
}

static void api__refused__is_heard_at_once(void **state)
{
	(void)state;
	no_clock();
	decide("refuse");
	sees(ANN, "nothing goes to");
	check_end(0);
}

static void terminal__granted__is_done_at_once(void **state)
{
	(void)state;
	no_clock();
	at_the_terminal("grant");
	sees(ANN, "They know it.");
	rig_wait(&rig, STEP_MS, "it to be said", people_see(NEWS, NULL, WORDS) == 1);
	check_end(1);
}

static void terminal__refused__is_heard_at_once(void **state)
{
	(void)state;
	no_clock();
	at_the_terminal("refuse");
	sees(ANN, "nothing goes to");
	check_end(0);
}

#define DIES(on_ask, on_grant, name) \
	static void name(void **state) \
	{ \
		(void)state; \
		story(on_ask, on_grant); \
	}
DIES("accept.before_commit=kill@1", "accept.before_commit=kill@1", kill__before_a_step_is_stored__ends_the_same)
DIES("finish.before_commit=kill@1", "ask.done=kill@1", kill__when_it_is_granted_and_nobody_knows__ends_the_same)
DIES("finish.after_commit=kill@1", "finish.before_commit=kill@1", kill__before_the_answer_is_stored__ends_the_same)
DIES(NULL, "post.before=kill@1", kill__before_the_act_leaves__ends_the_same)
DIES(NULL, "post.after=kill@1", kill__after_the_act_has_left__ends_the_same)

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(page__asked_and_approved__is_said_once),
		TEST(page__refused__is_said_nowhere),
		TEST(page__not_decided_in_time__hears_it_once),
		TEST(api__granted__is_done_at_once),
		TEST(api__refused__is_heard_at_once),
		TEST(terminal__granted__is_done_at_once),
		TEST(terminal__refused__is_heard_at_once),
		TEST(kill__before_a_step_is_stored__ends_the_same),
		TEST(kill__when_it_is_granted_and_nobody_knows__ends_the_same),
		TEST(kill__before_the_answer_is_stored__ends_the_same),
		TEST(kill__before_the_act_leaves__ends_the_same),
		TEST(kill__after_the_act_has_left__ends_the_same),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
