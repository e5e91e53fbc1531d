/*
 * What pages ask of the real daemon over eddy.v1: lists of threads, what Eddy did, asking again, opinions, typing, erasing.  Two people
 * are there, the one of the local token and the one of web.token: whatever one of them has, the other must not see, rate or erase.
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

#define ONE "11111111-2222-4333-8444-555555555551"
#define TWO "11111111-2222-4333-8444-555555555552"
#define SHARED "a-shared-token-of-forty-eight-characters-0123456"
enum { ANN, BOB };

static int serve(void **state)
{
	int e = rig_set_up(state);
	rig_env(&rig, "EDDY_WEB_TOKEN=" SHARED);
	rig_serve(&rig, 0, NULL);
	return e;
}

static const char *token_of(int who)
{
	static char token[80];
	if (who == BOB)
		return SHARED;
	rig_local_token(&rig, 0, token);
	return token;
}

static void hear(struct ws *w, const char *type)
{
	char seen[400] = "";
	for (const char *t; (t = ws_hear(w, 20000)) != NULL;) {
		if (strcmp(t, type) == 0)
			return;
		size_t n = strlen(seen);
		snprintf(seen + n, sizeof seen - n, " %s(%s)", t, json_str(w->frame, "code", ""));
	}
	rig_fail(&rig, "the connection ended (%d) before %s, after%s", w->close_code, type, seen);
}

static void come(struct ws *w, int who, const char *features)
{
	assert_true(ws_open(w, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\",\"features\":[%s]}", token_of(who), features);
	hear(w, "welcome");
}

static void subscribe(struct ws *w, const char *thread)
{
	ws_say(w, "{\"type\":\"subscribe\",\"thread\":\"%s\"}", thread);
	hear(w, "subscribed");
}

static void hear_answer(struct ws *w)
{
	do
		hear(w, "message");
	while (strcmp(json_str(json_obj(w->frame, "author"), "kind", ""), "eddy") != 0);
}

/* Ask in a thread that ${w} is subscribed to, and hear the answer: its frame stays. */
static void ask(struct ws *w, const char *thread, const char *client_id, const char *text)
{
	ws_say(w, "{\"type\":\"send\",\"thread\":\"%s\",\"client_id\":\"%s\",\"text\":\"%s\"}", thread, client_id, text);
	hear_answer(w);
}

static const json_t *items(struct ws *w, const char *more)
{
	ws_say(w, "{\"type\":\"threads\"%s}", more);
	hear(w, "threads");
	return json_object_get(w->frame, "items");
}

static const char *item_str(const json_t *list, size_t i, const char *key)
{
	return json_str(json_array_get(list, i), key, "");
}

static void fails(struct ws *w, const char *frame, const char *code, const char *client_id)
{
	ws_raw(w, 0x81, frame, strlen(frame));
	hear(w, "error");
	if (strcmp(json_str(w->frame, "code", ""), code) != 0 || strcmp(json_str(w->frame, "client_id", ""), client_id) != 0)
		rig_fail(
		    &rig, "%s of \"%s\" came for %s", json_str(w->frame, "code", ""), json_str(w->frame, "client_id", ""), frame);
}

static void threads__are_listed__newest_first_to_their_person_only(void **state)
{
	(void)state;
	struct ws w, tab, bob;
	come(&w, ANN, "\"threads\"");
	come(&tab, ANN, "\"threads\",\"blocks\"");
	come(&bob, BOB, "\"threads\"");
	assert_int_equal(json_array_size(items(&w, "")), 0);
	assert_false(json_bool(w.frame, "more", true));
	subscribe(&w, ONE);
	ask(&w, ONE, "a1", "  first\\n\\n thread  #1");
	hear(&tab, "thread"); /* the other tab looks at nothing, and its list moves */
	assert_string_equal(json_str(tab.frame, "thread", ""), ONE);
	assert_string_equal(json_str(tab.frame, "title", ""), "first thread #1");
	assert_int_equal(json_int(tab.frame, "rev", 0), 1);
	hear(&tab, "thread");
	assert_null(json_str(tab.frame, "title", NULL));
	assert_int_equal(json_int(tab.frame, "rev", 0), 2);
	subscribe(&w, TWO);
	ask(&w, TWO, "a2", "second thread #2");
	const json_t *list = items(&w, "");
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(item_str(list, 0, "thread"), TWO);
	assert_string_equal(item_str(list, 1, "thread"), ONE);
	assert_string_equal(item_str(list, 1, "title"), "first thread #1");
	assert_string_equal(item_str(list, 1, "state"), "active");
	assert_null(json_object_get(json_array_get(list, 1), "fork"));
	assert_int_equal(json_array_size(items(&w, ",\"which\":\"archived\"")), 0);
	assert_int_equal(json_array_size(items(&w, ",\"of\":\"" ONE "\"")), 0);
	list = items(&w, ",\"only\":\"" ONE "\"");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(item_str(list, 0, "thread"), ONE);
	assert_string_equal(json_str(w.frame, "only", ""), ONE);
	assert_int_equal(json_array_size(items(&bob, ",\"only\":\"" ONE "\"")), 0);
	list = items(&w, ",\"which\":\"open\"");
	assert_int_equal(json_array_size(list), 2);
	assert_int_equal(json_int(json_array_get(list, 1), "rev", 0), 2);
	list = items(&w, ",\"limit\":1");
	assert_int_equal(json_array_size(list), 1);
	assert_true(json_bool(w.frame, "more", false));
	char before[120];
	snprintf(before, sizeof before, ",\"limit\":1,\"before\":%lld,\"thread\":\"" TWO "\"",
	    (long long)json_int(json_array_get(list, 0), "at", 0));
	list = items(&w, before);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(item_str(list, 0, "thread"), ONE);
	assert_false(json_bool(w.frame, "more", true));
	assert_int_equal(json_array_size(items(&bob, "")), 0);
	fails(&w, "{\"type\":\"threads\",\"limit\":0}", "bad_frame", "");
	fails(&w, "{\"type\":\"threads\",\"limit\":101}", "bad_frame", "");
	fails(&w, "{\"type\":\"threads\",\"before\":-1}", "bad_frame", "");
	fails(&w, "{\"type\":\"threads\",\"before\":\"x\"}", "bad_frame", "");
	fails(&w, "{\"type\":\"threads\",\"thread\":\"x\"}", "bad_frame", "");
	/* Bob's connection, asked last, has heard nothing of all this. */
	ws_say(&bob, "{\"type\":\"ping\"}");
	assert_string_equal(ws_hear(&bob, 5000), "pong");
	ws_done(&w);
	ws_done(&tab);
	ws_done(&bob);
}

/* Tabs close in any order: those that are left hear on. */
static void threads__of_closed_tabs__move_for_the_others(void **state)
{
	(void)state;
	static const int order[] = { 1, 0, 3, 2 };
	struct ws w, tab[4];
	come(&w, ANN, "");
	subscribe(&w, ONE);
	for (int i = 0; i < 4; i++)
		come(&tab[i], ANN, "\"threads\"");
	for (int gone = 0; gone < 4; gone++) {
		char id[16];
		snprintf(id, sizeof id, "t%d", gone);
		ask(&w, ONE, id, "move #1");
		for (int i = gone; i < 4; i++)
			for (int k = 0; k < 2; k++) {
				hear(&tab[order[i]], "thread");
				assert_int_equal(json_int(tab[order[i]].frame, "rev", 0), 2 * gone + k + 1);
			}
		ws_done(&tab[order[gone]]);
	}
	ask(&w, ONE, "t4", "nobody listens #2");
	ws_done(&w);
}

/* Many threads, by pages: each once, in order. */
static void threads__by_pages__come_each_once(void **state)
{
	(void)state;
	struct ws w;
	char thread[40], more[120] = ",\"limit\":4";
	int seen = 0, last = 10;
	come(&w, ANN, "");
	for (int i = 0; i < 10; i++) {
		snprintf(thread, sizeof thread, "11111111-2222-4333-8444-%012d", i);
		subscribe(&w, thread);
		ws_say(&w, "{\"type\":\"send\",\"thread\":\"%s\",\"client_id\":\"p%d\",\"text\":\"%d #%d\"}", thread, i, i, i);
		hear_answer(&w);
	}
	for (bool go = true; go;) {
		const json_t *list = items(&w, more), *v;
		size_t i;
		json_array_foreach (list, i, v) {
			assert_int_equal(atoi(json_str(v, "title", "")), last - 1);
			last--;
			seen++;
			snprintf(more, sizeof more, ",\"limit\":4,\"before\":%lld,\"thread\":\"%s\"",
			    (long long)json_int(v, "at", 0), json_str(v, "thread", ""));
		}
		go = json_bool(w.frame, "more", false);
	}
	assert_int_equal(seen, 10);
	ws_done(&w);
}

static const json_t *runs(struct ws *w, const char *thread)
{
	ws_say(w, "{\"type\":\"history\",\"thread\":\"%s\"}", thread);
	hear(w, "history");
	assert_string_equal(json_str(w->frame, "thread", ""), thread);
	return json_object_get(w->frame, "runs");
}

static void edit__seen_live__names_message_and_author_as_a_message_does(void **state)
{
	(void)state;
	struct ws w, tab;
	come(&w, ANN, "");
	come(&tab, ANN, "\"blocks\"");
	subscribe(&tab, ONE);
	subscribe(&w, ONE);
	ask(&w, ONE, "a1", "first #1");
	char name[100];
	hear(&tab, "message");
	snprintf(name, sizeof name, "%s", json_str(json_obj(tab.frame, "author"), "name", ""));
	ws_say(&w, "{\"type\":\"edit\",\"thread\":\"" ONE "\",\"client_id\":\"e1\",\"key\":\"a1\",\"text\":\"second\"}");
	hear(&tab, "edited");
	assert_string_equal(json_str(tab.frame, "key", ""), "a1");
	assert_string_equal(json_str(json_obj(tab.frame, "author"), "name", ""), name);
	assert_string_equal(json_str(tab.frame, "text", ""), "second");
	ws_done(&tab);
	ws_done(&w);
}

static void history__says__what_was_done_to_its_person_only(void **state)
{
	(void)state;
	struct ws w, bob;
	char run[40];
	fake_tell(&rig.model, "script", "{s:s, s:{s:s}, s:s, s:i, s:i}", "tool", "search_messages", "arguments", "query", "kraken",
	    "match", "#1", "times", 1, "arguments_piece", 3);
	come(&w, ANN, "");
	come(&bob, BOB, "");
	assert_int_equal(json_array_size(runs(&w, ONE)), 0);
	subscribe(&w, ONE);
	ask(&w, ONE, "a1", "look for it #1");
	snprintf(run, sizeof run, "%s", json_str(w.frame, "run", ""));
	const json_t *list = runs(&w, ONE), *first = json_array_get(list, 0), *tools = json_object_get(first, "tools");
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_str(first, "run", ""), run);
	assert_string_equal(json_str(first, "state", ""), "answered");
	assert_true(json_int(first, "at", 0) > 0 && json_int(first, "ms", -1) >= 0);
	assert_true(strlen(json_str(first, "model", "")) > 0);
	assert_true(json_int(first, "input_tokens", 0) > 0 && json_int(first, "output_tokens", 0) > 0);
	assert_true(json_int(first, "cost_micros", -1) >= 0);
	assert_int_equal(json_array_size(tools), 1);
	assert_string_equal(item_str(tools, 0, "title"), "search_messages");
	assert_string_equal(item_str(tools, 0, "state"), "done");
	assert_int_equal(json_int(json_array_get(tools, 0), "n", 0), 1);
	assert_int_equal(json_array_size(runs(&bob, ONE)), 0);
	fails(&w, "{\"type\":\"history\"}", "bad_frame", "");
	fails(&w, "{\"type\":\"history\",\"thread\":7}", "bad_frame", "");
	ws_done(&w);
	ws_done(&bob);
}

static void retry__of_a_failed_run__is_done_once_and_by_its_person_only(void **state)
{
	(void)state;
	struct ws w, later, bob;
	char run[40], again[40];
	come(&w, ANN, "");
	subscribe(&w, ONE);
	ask(&w, ONE, "a1", "no luck #1");
	snprintf(run, sizeof run, "%s", json_str(w.frame, "run", ""));
	rig_settle(&rig, 20000);
	/* As if it had failed: the floor below every model makes that rare. */
	assert_int_equal(rig_sql(&rig, "UPDATE runs SET state = 5 RETURNING 1"), 1);
	/* Whoever reads it later is offered the same. */
	come(&later, ANN, "");
	ws_say(&later, "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
	hear_answer(&later);
	char message[40];
	snprintf(message, sizeof message, "%s", json_str(later.frame, "message", ""));
	hear(&later, "components");
	assert_string_equal(item_str(json_object_get(later.frame, "components"), 0, "action"), "run.retry");
	assert_string_equal(json_str(later.frame, "message", ""), message);
	assert_string_equal(item_str(json_object_get(later.frame, "components"), 0, "value"), run);
	ws_done(&later);
	assert_string_equal(item_str(runs(&w, ONE), 0, "state"), "failed");
	/* Not by others, not without a run. */
	come(&bob, BOB, "");
	ws_say(&bob, "{\"type\":\"retry\",\"thread\":\"" ONE "\",\"client_id\":\"b1\",\"run\":\"%s\"}", run);
	hear(&bob, "accepted");
	assert_null(json_str(bob.frame, "run", NULL));
	ws_say(
	    &bob, "{\"type\":\"act\",\"thread\":\"" ONE "\",\"client_id\":\"b2\",\"action\":\"run.retry\",\"value\":\"%s\"}", run);
	hear(&bob, "accepted");
	assert_null(json_str(bob.frame, "run", NULL));
	ws_done(&bob);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM runs"), 1);
	fails(&w, "{\"type\":\"retry\",\"thread\":\"" ONE "\",\"client_id\":\"r0\"}", "bad_frame", "r0");
	fails(&w, "{\"type\":\"retry\",\"thread\":\"" ONE "\",\"client_id\":\"r0\",\"run\":\"x\"}", "bad_frame", "r0");
	ws_say(&w, "{\"type\":\"retry\",\"thread\":\"" ONE "\",\"client_id\":\"r0\",\"run\":\"" TWO "\"}");
	hear(&w, "accepted");
	assert_null(json_str(w.frame, "run", NULL));
	/* Sent twice it is done once. */
	for (int i = 0; i < 2; i++)
		ws_say(&w, "{\"type\":\"retry\",\"thread\":\"" ONE "\",\"client_id\":\"r1\",\"run\":\"%s\"}", run);
	hear(&w, "accepted");
	snprintf(again, sizeof again, "%s", json_str(w.frame, "run", ""));
	assert_string_not_equal(again, "");
	assert_string_not_equal(again, run);
	rig_settle(&rig, 20000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM runs"), 2);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages"), 3);
	/* Answered now: nothing is offered any more. */
	come(&later, ANN, "");
	ws_say(&later, "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
	for (const char *t; (t = ws_hear(&later, 20000)) != NULL && strcmp(t, "subscribed") != 0;)
		assert_string_equal(t, "message");
	assert_int_equal(json_int(later.frame, "rev", 0), 3);
	const json_t *list = runs(&later, ONE);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(item_str(list, 1, "run"), again);
	assert_string_equal(item_str(list, 1, "state"), "answered");
	ws_done(&later);
	ws_done(&w);
}

static void act__that_is_sent_twice__is_one_press(void **state)
{
	(void)state;
	struct ws w;
	come(&w, ANN, "");
	for (int i = 0; i < 2; i++)
		ws_say(&w,
		    "{\"type\":\"act\",\"thread\":\"" ONE "\",\"client_id\":\"a1\",\"action\":\"plan.choose\",\"value\":\"b\"}");
	for (int i = 0; i < 2; i++) {
		hear(&w, "accepted");
		assert_string_equal(json_str(w.frame, "client_id", ""), "a1");
	}
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM inbox WHERE source_key LIKE 'a:%'"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages"), 0);
	char frame[16800], value[16384 + 2];
	memset(value, 'v', sizeof value - 1);
	value[sizeof value - 1] = '\0';
	snprintf(frame, sizeof frame,
	    "{\"type\":\"act\",\"thread\":\"" ONE "\",\"client_id\":\"a2\",\"action\":\"x\",\"value\":\"%s\"}", value);
	fails(&w, frame, "too_long", "a2");
	fails(&w, "{\"type\":\"act\",\"thread\":\"" ONE "\",\"client_id\":\"a2\"}", "bad_frame", "a2");
	fails(&w, "{\"type\":\"act\",\"thread\":\"" ONE "\",\"client_id\":\"a2\",\"action\":\"a b\"}", "bad_frame", "a2");
	fails(&w, "{\"type\":\"act\",\"thread\":\"" ONE "\",\"client_id\":\"a2\",\"action\":\"a\",\"value\":7}", "bad_frame", "a2");
	fails(&w, "{\"type\":\"act\",\"thread\":\"" ONE "\",\"action\":\"a\"}", "bad_frame", "");
	fails(&w, "{\"type\":\"act\",\"client_id\":\"a2\",\"action\":\"a\"}", "bad_frame", "a2");
	ws_done(&w);
}

static void rate(struct ws *w, const char *client_id, const char *message, const char *value, const char *answer)
{
	ws_say(w,
	    "{\"type\":\"feedback\",\"thread\":\"" ONE
	    "\",\"client_id\":\"%s\",\"message\":\"%s\",\"value\":\"%s\",\"reason\":\"so %s\"}",
	    client_id, message, value, value);
	hear(w, answer);
	assert_string_equal(json_str(w->frame, "client_id", ""), client_id);
}

static void feedback__is_kept_changed_and_taken_back__by_its_person_only(void **state)
{
	(void)state;
	struct ws w, bob;
	char answer[40];
	come(&w, ANN, "");
	subscribe(&w, ONE);
	ask(&w, ONE, "a1", "tell me #1");
	snprintf(answer, sizeof answer, "%s", json_str(w.frame, "message", ""));
	rate(&w, "f1", answer, "up", "accepted");
	assert_string_equal(rig_sql_text(&rig, "SELECT value || reason FROM feedback"), "1so up");
	rate(&w, "f1", answer, "up", "accepted"); /* the same again */
	rate(&w, "f2", answer, "down", "accepted");
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM feedback"), 1);
	assert_string_equal(rig_sql_text(&rig, "SELECT value || reason FROM feedback"), "-1so down");
	/* Bob has written, but not there. */
	come(&bob, BOB, "");
	subscribe(&bob, TWO);
	ask(&bob, TWO, "b0", "hello #2");
	rate(&bob, "b1", answer, "up", "error");
	assert_string_equal(json_str(bob.frame, "code", ""), "refused");
	rate(&bob, "b2", answer, "none", "error");
	assert_string_equal(rig_sql_text(&rig, "SELECT value || reason FROM feedback"), "-1so down");
	ws_done(&bob);
	/* Who reads the thread later sees it. */
	struct ws later;
	come(&later, ANN, "");
	ws_say(&later, "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
	hear_answer(&later);
	assert_string_equal(json_str(later.frame, "feedback", ""), "down");
	rate(&w, "f3", answer, "none", "accepted");
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM feedback"), 0);
	ws_say(&later, "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
	hear_answer(&later);
	assert_string_equal(json_str(later.frame, "feedback", ""), "");
	ws_done(&later);
	rate(&w, "f4", answer, "none", "accepted");
	/* Not about what people say, nor about what is not there. */
	ws_say(&w, "{\"type\":\"send\",\"thread\":\"" ONE "\",\"client_id\":\"a1\",\"text\":\"tell me #1\"}");
	hear(&w, "accepted");
	char own[40];
	snprintf(own, sizeof own, "%s", json_str(w.frame, "message", ""));
	rate(&w, "f5", own, "up", "error");
	assert_string_equal(json_str(w.frame, "code", ""), "refused");
	rate(&w, "f6", TWO, "up", "error");
	assert_string_equal(json_str(w.frame, "code", ""), "refused");
	rate(&w, "f7", answer, "great", "error");
	assert_string_equal(json_str(w.frame, "code", ""), "bad_frame");
	rate(&w, "f8", "x", "up", "error");
	assert_string_equal(json_str(w.frame, "code", ""), "bad_frame");
	fails(&w, "{\"type\":\"feedback\",\"thread\":\"" ONE "\",\"client_id\":\"f9\",\"value\":\"up\"}", "bad_frame", "f9");
	fails(&w, "{\"type\":\"feedback\",\"thread\":\"" ONE "\",\"client_id\":\"f9\",\"message\":\"" TWO "\"}", "bad_frame", "f9");
	ws_done(&w);
}

static void typing__is_told__to_the_others_there(void **state)
{
	(void)state;
	struct ws w, tab, bob;
	come(&w, ANN, "");
	come(&tab, ANN, "");
	come(&bob, BOB, "");
	subscribe(&w, ONE);
	subscribe(&tab, ONE);
	subscribe(&bob, ONE); /* his own thread of that name */
	for (int i = 0; i < 3; i++)
		ws_say(&w, "{\"type\":\"typing\",\"thread\":\"" ONE "\"}");
	ws_say(&w, "{\"type\":\"ping\"}");
	assert_string_equal(ws_hear(&w, 5000), "pong");
	assert_string_equal(ws_hear(&tab, 5000), "typing");
	assert_string_equal(json_str(tab.frame, "thread", ""), ONE);
	assert_string_equal(json_str(json_obj(tab.frame, "person"), "id", ""), "local");
	ws_say(&tab, "{\"type\":\"ping\"}");
	assert_string_equal(ws_hear(&tab, 5000), "pong"); /* once, however often */
	ws_say(&bob, "{\"type\":\"ping\"}");
	assert_string_equal(ws_hear(&bob, 5000), "pong");
	fails(&w, "{\"type\":\"typing\"}", "bad_frame", "");
	ws_done(&w);
	ws_done(&tab);
	ws_done(&bob);
}

/* How often a word stands anywhere in the text of the database. */
static int64_t traces(const char *word)
{
	char query[1000];
	snprintf(query, sizeof query,
	    "SELECT (SELECT count(*) FROM messages x WHERE x::text LIKE '%%%s%%') + (SELECT count(*) FROM run_steps x WHERE x::text"
	    " LIKE '%%%s%%') + (SELECT count(*) FROM outbox x WHERE x::text LIKE '%%%s%%') + (SELECT count(*) FROM runs x WHERE"
	    " x::text LIKE '%%%s%%') + (SELECT count(*) FROM threads x WHERE x::text LIKE '%%%s%%') + (SELECT count(*) FROM feedback x"
	    " WHERE x::text LIKE '%%%s%%') + (SELECT count(*) FROM audit x WHERE x::text LIKE '%%%s%%')",
	    word, word, word, word, word, word, word);
	return rig_sql(&rig, query);
}

static void erase(struct ws *w, const char *client_id)
{
	for (;;) {
		ws_say(w, "{\"type\":\"erase\",\"thread\":\"" ONE "\",\"client_id\":\"%s\"}", client_id);
		for (const char *t; (t = ws_hear(w, 20000)) != NULL;) {
			if (strcmp(json_str(w->frame, "client_id", ""), client_id) != 0)
				continue;
			if (strcmp(t, "accepted") == 0)
				return;
			if (strcmp(t, "error") == 0 && strcmp(json_str(w->frame, "code", ""), "busy") == 0)
				break;
			rig_fail(&rig, "erasing: %s %s", t, json_str(w->frame, "code", ""));
		}
		if (w->frame == NULL)
			rig_fail(&rig, "erasing: nothing came");
		sleep_ms((int)json_int(w->frame, "retry_after_ms", 100));
	}
}

static void erase__of_a_thread__leaves_nothing_of_it(void **state)
{
	(void)state;
	struct ws w, tab, bob, later;
	char answer[40];
	come(&w, ANN, "\"threads\"");
	come(&tab, ANN, "");
	come(&bob, BOB, "");
	subscribe(&w, ONE);
	subscribe(&tab, ONE);
	ask(&w, ONE, "a1", "the xylophone #1");
	snprintf(answer, sizeof answer, "%s", json_str(w.frame, "message", ""));
	rate(&w, "f1", answer, "up", "accepted");
	rig_settle(&rig, 20000);
	assert_true(traces("xylophone") > 0);
	erase(&bob, "e0"); /* his own, empty one */
	assert_true(traces("xylophone") > 0);
	fails(&w, "{\"type\":\"erase\",\"thread\":\"" ONE "\"}", "bad_frame", "");
	fails(&w, "{\"type\":\"erase\",\"client_id\":\"e1\"}", "bad_frame", "e1");
	erase(&w, "e1");
	hear(&w, "erased");
	assert_string_equal(json_str(w.frame, "thread", ""), ONE);
	hear(&tab, "erased");
	assert_int_equal(traces("xylophone"), 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM feedback"), 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'thread.erased' AND detail IS NULL"), 1);
	assert_int_equal(json_array_size(items(&w, "")), 0);
	erase(&w, "e1"); /* the same again harms nobody */
	/* Who was away hears that what it has is gone. */
	come(&later, ANN, "");
	ws_say(&later, "{\"type\":\"subscribe\",\"thread\":\"" ONE "\",\"after\":2}");
	for (int i = 0; i < 2; i++) {
		assert_string_equal(ws_hear(&later, 5000), "deleted");
		assert_string_equal(json_str(later.frame, "text", "?"), "");
	}
	hear(&later, "subscribed");
	/* What was erased is not sent a second time, nor brought back by an edit. */
	ws_say(&later, "{\"type\":\"send\",\"thread\":\"" ONE "\",\"client_id\":\"a1\",\"text\":\"the xylophone #1\"}");
	hear(&later, "accepted");
	assert_true(json_bool(later.frame, "duplicate", false));
	ws_say(&later,
	    "{\"type\":\"edit\",\"thread\":\"" ONE "\",\"client_id\":\"d1\",\"key\":\"a1\",\"text\":\"the xylophone again\"}");
	hear(&later, "accepted");
	rig_settle(&rig, 20000);
	assert_int_equal(traces("xylophone"), 0);
	/* The thread lives on. */
	ask(&later, ONE, "a2", "anew #2");
	assert_int_equal(json_array_size(items(&later, "")), 1);
	assert_string_equal(item_str(json_object_get(later.frame, "items"), 0, "title"), "anew #2");
	ws_done(&w);
	ws_done(&tab);
	ws_done(&bob);
	ws_done(&later);
}

static void erase__under_a_running_answer__keeps_it_from_coming_back(void **state)
{
	(void)state;
	struct ws w, tab;
	fake_tell(&rig.model, "options", "{s:i, s:i, s:i, s:i}", "first_ms", 20, "pace_ms", 40, "piece", 8, "words", 200);
	come(&w, ANN, "");
	come(&tab, ANN, "\"threads\",\"blocks\"");
	subscribe(&w, ONE);
	subscribe(&tab, ONE);
	ws_say(&w, "{\"type\":\"send\",\"thread\":\"" ONE "\",\"client_id\":\"a1\",\"text\":\"a long xylophone #1\"}");
	hear(&w, "delta");
	erase(&w, "e1");
	hear(&w, "erased");
	hear(&tab, "erased");
	rig_settle(&rig, 20000);
	assert_int_equal(traces("xylophone"), 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages WHERE body <> ''"), 0);
	sleep_ms(300);
	ws_say(&tab, "{\"type\":\"ping\"}");
	assert_string_equal(ws_hear(&tab, 5000), "pong"); /* and nothing of it since */
	ws_say(&tab, "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
	for (const char *t; (t = ws_hear(&tab, 5000)) != NULL && strcmp(t, "subscribed") != 0;)
		assert_string_equal(t, "deleted");
	assert_non_null(tab.frame);
	ws_done(&w);
	ws_done(&tab);
}

int main(void)
{
#define SYSTEM_TEST(t) cmocka_unit_test_setup_teardown(t, serve, rig_tear_down)
	const struct CMUnitTest tests[] = {
		SYSTEM_TEST(threads__are_listed__newest_first_to_their_person_only),
		SYSTEM_TEST(threads__of_closed_tabs__move_for_the_others),
		SYSTEM_TEST(threads__by_pages__come_each_once),
		SYSTEM_TEST(edit__seen_live__names_message_and_author_as_a_message_does),
		SYSTEM_TEST(history__says__what_was_done_to_its_person_only),
		SYSTEM_TEST(retry__of_a_failed_run__is_done_once_and_by_its_person_only),
		SYSTEM_TEST(act__that_is_sent_twice__is_one_press),
		SYSTEM_TEST(feedback__is_kept_changed_and_taken_back__by_its_person_only),
		SYSTEM_TEST(typing__is_told__to_the_others_there),
		SYSTEM_TEST(erase__of_a_thread__leaves_nothing_of_it),
		SYSTEM_TEST(erase__under_a_running_answer__keeps_it_from_coming_back),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
