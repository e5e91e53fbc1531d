/*
 * A side thread over eddy.v1, from the message that it leaves to what comes back: five messages with a correction, a draft, an edit, an acceptance.  Then
 * the same while the daemon is killed at each step, with a client that does what the protocol asks of it: it comes back and sends again
 * what was not accepted, with the same client_id.
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
#include "../../core/base/id.h"
#include "../adapters/web/ws_client.c"

#define PARENT "11111111-2222-4333-8444-555555555551"
#define EDITED "We take Postgres 15, from May on"
enum { STEP_MS = 120000, ACCEPTED_MS = 4000 };

static char draft_json[] =
    "{\"headline\":\"We take Postgres 14\",\"points\":[{\"text\":\"Postgres runs here already\",\"sources\":[2]},{\"text\":\"SQLite "
    "would need a second writer\",\"sources\":[4]},{\"text\":\"Moving takes three "
    "days\",\"sources\":[6]}],\"decisions\":[{\"text\":\"Postgres 15, not 14\",\"sources\":[8]}],\"open_questions\":[],\"deferred\":[]}";
static struct ws line;
static bool up;
static char side[ID_TEXT], about[ID_TEXT];
static int serial, deaths, due; /* of deaths: how many there must have been by now */
static bool each;               /* of the armed daemons dies */

static int set_up(void **state)
{
	int e = rig_set_up(state);
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "Topic of the side thread", "answer", draft_json, "times", -1);
	up = false;
	serial = deaths = due = 0;
	each = false;
	return e;
}

static int tear_down(void **state)
{
	if (up)
		ws_done(&line);
	up = false;
	return rig_tear_down(state);
}

static void leave(void)
{
	if (up)
		ws_done(&line);
	up = false;
}

/* Start the daemon again if it is dead. */
static void revive(void)
{
	if (rig_lives(&rig, 0))
		return;
	deaths++;
	rig_serve(&rig, 0, NULL);
}

/* A connection that has said hello; the daemon is started again if it is dead. */
static void come(void)
{
	char token[80];
	int64_t until = now_ms() + STEP_MS;
	while (!up) {
		revive();
		rig_local_token(&rig, 0, token);
		up = ws_open(&line, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n");
		if (up) {
			ws_say(&line, "{\"type\":\"hello\",\"token\":\"%s\",\"features\":[\"threads\",\"forks\"]}", token);
			const char *t = ws_hear(&line, ACCEPTED_MS);
			up = t != NULL && strcmp(t, "welcome") == 0;
		}
		if (!up)
			ws_done(&line);
		if (now_ms() > until)
			rig_fail(&rig, "the daemon takes no connection");
	}
}

/* True once it was accepted; false: the line is gone or the answer did not come. */
static bool hear_accepted(const char *client_id)
{
	for (const char *t; (t = ws_hear(&line, ACCEPTED_MS)) != NULL;) {
		if (strcmp(json_str(line.frame, "client_id", ""), client_id) != 0)
			continue;
		if (strcmp(t, "accepted") == 0)
			return true;
		if (strcmp(json_str(line.frame, "code", ""), "busy") != 0)
			rig_fail(&rig, "%s: %s", json_str(line.frame, "code", ""), json_str(line.frame, "message", ""));
		return false;
	}
	leave();
	return false;
}

/* Sends a frame until it is accepted; ${rest} is what it has besides thread and client_id. */
static void act(const char *type, const char *thread, const char *rest)
{
	char client_id[20];
	snprintf(client_id, sizeof client_id, "act-%d", ++serial);
	do {
		come();
		ws_say(&line, "{\"type\":\"%s\",\"thread\":\"%s\",\"client_id\":\"%s\",%s}", type, thread, client_id, rest);
	} while (!hear_accepted(client_id));
}

static void say(const char *thread, const char *text)
{
	char rest[1200];
	snprintf(rest, sizeof rest, "\"text\":\"%s\"", text);
	act("send", thread, rest);
}

static void press(const char *thread, const char *command, const char *more)
{
	char rest[1600];
	snprintf(rest, sizeof rest, "\"action\":\"command\",\"value\":\"%s\"%s", command, more);
	act("act", thread, rest);
}

/* Waits until ${query} gives ${n} and nothing is left to do; the daemon may die on the way. */
static void reach(const char *what, const char *query, int64_t n)
{
	int64_t until = now_ms() + STEP_MS, got;
	while ((got = rig_sql(&rig, query)) != n ||
	    rig_sql(&rig, "SELECT (SELECT count(*) FROM runs WHERE state <= 2) + (SELECT count(*) FROM outbox WHERE state <= 2)") !=
	        0) {
		revive();
		if (now_ms() > until)
			rig_fail(&rig, "%s: %lld", what, (long long)got);
		sleep_ms(30);
	}
}

/* Messages of Eddy in the side thread or the one that it left that hold ${text}. */
static int64_t eddy_says(bool in_side, const char *text)
{
	char query[500];
	snprintf(query, sizeof query,
	    "SELECT count(*) FROM messages m JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id WHERE m.author_kind = 2"
	    " AND (t.fork_id IS NOT NULL) = %s AND m.body LIKE '%%%s%%'",
	    in_side ? "true" : "false", text);
	return rig_sql(&rig, query);
}

/* What is stored may be seen a moment before the daemon dies of it. */
static void meet_death(void)
{
	if (deaths < due)
		rig_wait(&rig, STEP_MS, "its death", !rig_lives(&rig, 0));
	revive();
}

/* The next step is done by a daemon that dies at ${fault}. */
static void arm(const char *fault)
{
	if (fault == NULL)
		return;
	leave();
	meet_death();
	rig_settle(&rig, STEP_MS);
	rig_kill(&rig, 0);
	rig_serve(&rig, 0, fault);
	due = each ? deaths + 1 : 0;
}

static void discuss(void)
{
	static const char *const said[] = { "Postgres runs here already. #2", "SQLite would need a second writer. #3",
		"Moving takes three days. #4", "We decided: Postgres 14. #5", "Correction: Postgres 15, not 14. #6" };
	snprintf(side, sizeof side, "%s", rig_sql_text(&rig, "SELECT external_key FROM threads WHERE fork_id IS NOT NULL"));
	for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
		char query[160];
		say(side, said[i]);
		snprintf(
		    query, sizeof query, "SELECT count(*) FROM messages WHERE author_kind = 2 AND body LIKE '%%#%zu.%%'", i + 2);
		reach("an answer", query, 1);
	}
}

/* What somebody reads who opens the thread now: how many messages hold ${text}, and what the last one of them offers. */
static int reads(const char *thread, const char *text, char action[60])
{
	int n = 0;
	char message[ID_TEXT] = "";
	action[0] = '\0';
	leave();
	come();
	ws_say(&line, "{\"type\":\"subscribe\",\"thread\":\"%s\"}", thread);
	for (const char *t; (t = ws_hear(&line, 20000)) != NULL && strcmp(t, "subscribed") != 0;) {
		if (strcmp(t, "message") == 0 && strcmp(json_str(json_obj(line.frame, "author"), "kind", ""), "eddy") == 0 &&
		    strstr(json_str(line.frame, "text", ""), text) != NULL) {
			n++;
			snprintf(message, sizeof message, "%s", json_str(line.frame, "message", ""));
		} else if (strcmp(t, "components") == 0 && strcmp(json_str(line.frame, "message", ""), message) == 0) {
			snprintf(
			    action, 60, "%s", json_str(json_array_get(json_object_get(line.frame, "components"), 0), "action", ""));
		}
	}
	return n;
}

static void check_end(void)
{
	char action[60];
	meet_death();
	rig_settle(&rig, STEP_MS);
	assert_int_equal(eddy_says(true, "Side thread #1: which database"), 1);
	assert_int_equal(eddy_says(false, "Side thread #1 is open"), 1);
	assert_int_equal(eddy_says(true, "A draft of what goes back"), 1);
	assert_int_equal(eddy_says(true, "The draft as you want it"), 1);
	assert_int_equal(eddy_says(false, EDITED), 1);
	assert_int_equal(eddy_says(false, "Postgres 14"), 0);
	assert_int_equal(eddy_says(true, "Posted in"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM forks WHERE state = 3"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM forks"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM resolutions WHERE state = 2 AND message_id IS NOT NULL"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM resolutions WHERE edited"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM context_items WHERE kind = 2"), 1);
	/* What a person has done stands there once: one question, five words, four commands. */
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 1"), 1 + 5 + 4);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM dispatch WHERE pending <> 0"), 0);
	assert_int_equal(rig_unleased(&rig), 0);
	assert_int_equal(reads(PARENT, EDITED, action), 1);
	assert_string_equal(action, "fork.resolution");
	assert_int_equal(reads(side, "The draft as you want it", action), 1);
	assert_string_equal(action, ""); /* nothing is left to decide */
}

static void story(const char *fault)
{
	char more[80];
	rig_serve(&rig, 0, NULL);
	say(PARENT, "Where shall it keep its data? #1");
	reach("the first answer", "SELECT count(*) FROM messages WHERE author_kind = 2 AND body LIKE '%#1.%'", 1);
	snprintf(about, sizeof about, "%s", rig_sql_text(&rig, "SELECT id FROM messages WHERE author_kind = 1"));
	snprintf(more, sizeof more, ",\"about\":\"%s\"", about);
	arm(fault);
	press(PARENT, "fork: which database", more);
	reach("the side thread",
	    "SELECT count(*) FROM forks WHERE state = 2 AND about_id = (SELECT id FROM messages ORDER BY seq LIMIT 1)", 1);
	reach("the word about it", "SELECT count(*) FROM messages WHERE body LIKE '%Side thread #1 is open%'", 1);
	discuss();
	arm(fault);
	press(side, "resolve", "");
	reach("the draft", "SELECT count(*) FROM messages WHERE body LIKE '%A draft of what goes back%'", 1);
	arm(fault);
	press(side,
	    "edit:\\n**" EDITED "**\\n\\n- Postgres runs here already [2]\\n- Moving takes three days [6]\\n- Nothing else "
	    "changes\\n\\n**Decisions**\\n\\n- Postgres 15, not 14 [8]",
	    "");
	reach("the edited draft", "SELECT count(*) FROM messages WHERE body LIKE '%The draft as you want it%'", 1);
	arm(fault);
	press(side, "accept", "");
	reach("the resolution", "SELECT count(*) FROM messages WHERE body LIKE '%Posted in%'", 1);
	check_end();
}

static void forks__a_question__comes_back_as_it_was_edited(void **state)
{
	(void)state;
	story(NULL);
}

/* Two pages of one person: what comes back stands on both at once, and the list hears of it. */
static void pages__that_are_open__hear_of_the_fork_and_of_its_resolution(void **state)
{
	(void)state;
	static const char *const wanted[] = { "fork.created", "fork.resolved" };
	char token[80];
	struct ws page;
	int heard[2] = { 0 }, resolution = 0, offered = 0;
	bool asked = false;
	rig_serve(&rig, 0, NULL);
	rig_local_token(&rig, 0, token);
	assert_true(ws_open(&page, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(&page, "{\"type\":\"hello\",\"token\":\"%s\",\"features\":[\"threads\",\"forks\"]}", token);
	ws_say(&page, "{\"type\":\"subscribe\",\"thread\":\"" PARENT "\"}");
	story(NULL);
	for (const char *t; (t = ws_hear(&page, 20000)) != NULL && strcmp(t, "pong") != 0;) {
		for (int i = 0; i < 2; i++)
			heard[i] += strcmp(t, wanted[i]) == 0 && strcmp(json_str(page.frame, "thread", ""), side) == 0 &&
			    strcmp(json_str(json_obj(page.frame, "fork"), "of", ""), PARENT) == 0 &&
			    strcmp(json_str(json_obj(page.frame, "fork"), "about", ""), about) == 0;
		resolution += strcmp(t, "message") == 0 && strstr(json_str(page.frame, "text", ""), EDITED) != NULL;
		const json_t *first = json_array_get(json_object_get(page.frame, "components"), 0);
		offered += strcmp(t, "components") == 0 && strcmp(json_str(first, "action", ""), "fork.resolution") == 0;
		if (!asked && heard[0] > 0 && heard[1] > 0 && resolution > 0 && offered > 0) {
			asked = true;
			sleep_ms(500); /* for what comes twice */
			ws_say(&page, "{\"type\":\"ping\"}");
		}
	}
	ws_done(&page);
	assert_int_equal(heard[0], 1);
	assert_int_equal(heard[1], 1);
	assert_int_equal(resolution, 1);
	assert_int_equal(offered, 1);
}

#define DIES(point, times, name) \
	static void name(void **state) \
	{ \
		(void)state; \
		each = times == 4; \
		story(point); \
		assert_true(deaths >= times); \
	}
DIES("accept.before_commit=kill@1", 4, kill__before_a_step_is_stored__ends_the_same)
DIES("accept.after_commit=kill@1", 4, kill__after_a_step_is_stored__ends_the_same)
DIES("ack.before=kill@1", 4, kill__before_the_acknowledgement__ends_the_same)
DIES("ack.after=kill@1", 4, kill__after_the_acknowledgement__ends_the_same)
DIES("ask.done=kill@1", 4, kill__when_a_command_has_stored_its_work__ends_the_same)
DIES("model.end=kill@1", 1, kill__when_the_model_has_spoken__ends_the_same)
DIES("finish.before_commit=kill@1", 4, kill__before_the_answer_is_stored__ends_the_same)
DIES("finish.after_commit=kill@1", 4, kill__after_the_answer_is_stored__ends_the_same)

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(forks__a_question__comes_back_as_it_was_edited),
		TEST(pages__that_are_open__hear_of_the_fork_and_of_its_resolution),
		TEST(kill__before_a_step_is_stored__ends_the_same),
		TEST(kill__after_a_step_is_stored__ends_the_same),
		TEST(kill__before_the_acknowledgement__ends_the_same),
		TEST(kill__after_the_acknowledgement__ends_the_same),
		TEST(kill__when_a_command_has_stored_its_work__ends_the_same),
		TEST(kill__when_the_model_has_spoken__ends_the_same),
		TEST(kill__before_the_answer_is_stored__ends_the_same),
		TEST(kill__after_the_answer_is_stored__ends_the_same),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
