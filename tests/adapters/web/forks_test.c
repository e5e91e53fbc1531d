/* Side threads over eddy.v1: what a list says of them, news of threads, and commands that point at a message. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.c"
#include "ws_client.c"
#include "server_fixture.c"

#define THREAD "11111111-2222-4333-8444-555555555555"
#define FORK "11111111-2222-4333-8444-555555555556"
#define WEB_LONG 16384 /* bytes that a press may carry */
#define ABOUT "01a1fd77-c6f6-7000-b0e0-4694f88ab75c"

static void expect(struct ws *w, const char *type)
{
	const char *got = ws_hear(w, 3000);
	if (got == NULL || strcmp(got, type) != 0)
		fail_msg("wanted %s, got %s (close %d)", type, got ? got : "nothing", w->close_code);
}

static void enter(struct ws *w, const char *features)
{
	assert_true(ws_open(w, server.port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\",\"features\":[%s]}", server.token, features);
	expect(w, "welcome");
}

/* Tell the news, and wait until it was read. */
static void tell(const struct thread_event *ev)
{
	fake.on_event(fake.event_arg, ev);
	while (__atomic_load_n(&fake_jobs, __ATOMIC_SEQ_CST) > 0)
		usleep(1000);
}

static struct listed_thread a_fork(const char *place)
{
	struct id about;
	assert_true(id_parse(ABOUT, &about));
	return (struct listed_thread){ .key = FORK,
		.title = "Which database?",
		.at_ms = 1795232136471,
		.rev = 4,
		.state = 1,
		.parent = THREAD,
		.fork_n = 2,
		.fork_state = 2,
		.about = about,
		.adapter = "web",
		.place = place };
}

static void check_fork(json_t *t, const char *state)
{
	json_t *fork = json_obj(t, "fork");
	assert_string_equal(json_str(t, "thread", ""), FORK);
	assert_string_equal(json_str(t, "title", ""), "Which database?");
	assert_string_equal(json_str(t, "state", ""), "active");
	assert_int_equal(json_int(t, "rev", 0), 4);
	assert_string_equal(json_str(fork, "of", ""), THREAD);
	assert_int_equal(json_int(fork, "n", 0), 2);
	assert_string_equal(json_str(fork, "state", ""), state);
	assert_string_equal(json_str(fork, "about", ""), ABOUT);
}

static void welcome__names__the_features_that_both_know(void **state)
{
	(void)state;
	struct ws w;
	enter(&w, "\"forks\",\"nonsense\",\"blocks\"");
	json_t *f = json_object_get(w.frame, "features");
	assert_int_equal(json_array_size(f), 2);
	assert_string_equal(json_string_value(json_array_get(f, 0)), "blocks");
	assert_string_equal(json_string_value(json_array_get(f, 1)), "forks");
	ws_done(&w);
}

static void threads__of_one__are_asked_for_and_told_with_their_state(void **state)
{
	(void)state;
	struct ws w;
	enter(&w, "\"threads\"");
	fake.shown = a_fork(NULL);
	ws_say(&w, "{\"type\":\"threads\",\"which\":\"open\",\"of\":\"" THREAD "\"}");
	expect(&w, "threads");
	assert_string_equal(json_str(w.frame, "which", ""), "open");
	assert_string_equal(json_str(w.frame, "of", ""), THREAD);
	check_fork(json_array_get(json_object_get(w.frame, "items"), 0), "active");
	struct id ws = { { 7 } };
	assert_true(id_equal(fake.asked.of, engine_thread_id(fake.asked.place, THREAD)));
	assert_true(id_equal(fake.asked.place, engine_place_id(ws, "web", "local:local")));
	assert_int_equal(fake.asked.which, LIST_OPEN);
	fake.shown.parent = NULL;
	fake.shown.state = 3;
	ws_say(&w, "{\"type\":\"threads\",\"which\":\"archived\"}");
	expect(&w, "threads");
	json_t *one = json_array_get(json_object_get(w.frame, "items"), 0);
	assert_null(json_object_get(one, "fork"));
	assert_null(json_object_get(w.frame, "of"));
	assert_string_equal(json_str(one, "state", ""), "archived");
	assert_int_equal(fake.asked.which, LIST_ARCHIVED);
	assert_true(id_is_none(fake.asked.of));
	ws_say(&w, "{\"type\":\"threads\"}");
	expect(&w, "threads");
	assert_null(json_object_get(w.frame, "which"));
	assert_int_equal(fake.asked.which, LIST_ALL);
	static const char *const bad[] = { "{\"type\":\"threads\",\"which\":\"all\"}", "{\"type\":\"threads\",\"which\":1}",
		"{\"type\":\"threads\",\"of\":\"../x\"}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ws_say(&w, "%s", bad[i]);
		expect(&w, "error");
		assert_string_equal(json_str(w.frame, "code", ""), "bad_frame");
	}
	ws_done(&w);
}

static void news__of_a_thread__reach_the_pages_of_its_person_and_nobody_else(void **state)
{
	static const struct {
		enum thread_event_change change;
		int fork_state;
		const char *type, *state;
	} cases[] = { { CHANGE_FORK_CREATED, 2, "fork.created", "active" },
		{ CHANGE_FORK_RESOLVED, 3, "fork.resolved", "resolved" },
		{ CHANGE_FORK_ABANDONED, 4, "fork.abandoned", "abandoned" }, { CHANGE_UPDATED, 4, "thread.updated", "abandoned" } };
	(void)state;
	struct ws w, tab, plain;
	enter(&w, "\"threads\"");
	enter(&tab, "\"threads\",\"blocks\"");
	enter(&plain, "\"blocks\"");
	struct thread_event ev = { .kind = EVENT_THREAD, .thread = { { 9 } } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		fake.shown = a_fork("local:local");
		fake.shown.fork_state = cases[i].fork_state;
		ev.change = cases[i].change;
		tell(&ev);
		expect(&w, cases[i].type);
		check_fork(w.frame, cases[i].state);
		expect(&tab, cases[i].type);
	}
	/* Somebody else's, another adapter's, and one whose name is none of ours. */
	static const char *const places[][2] = { { "local:ann", "web" }, { "local:local", "slack" }, { "C123", "web" },
		{ "local:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "web" } };
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		fake.shown = a_fork(places[i][0]);
		fake.shown.adapter = places[i][1];
		tell(&ev);
	}
	fake.shown = a_fork("local:local");
	fake.shown.title = NULL;
	tell(&ev);
	expect(&w, "thread.updated");
	assert_true(json_is_null(json_object_get(w.frame, "title")));
	ws_say(&plain, "{\"type\":\"ping\",\"n\":1}");
	expect(&plain, "pong"); /* who shows no list hears of none */
	ws_done(&w);
	ws_done(&tab);
	ws_done(&plain);
}

/* What Eddy says where nobody has asked: its components come right behind it. */
static void messages__with_components__bring_them_at_once(void **state)
{
	(void)state;
	struct ws w, blocks;
	struct id ws = { { 7 } }, message = id_new();
	enter(&w, "");
	enter(&blocks, "\"blocks\"");
	for (int i = 0; i < 2; i++) {
		ws_say(i == 0 ? &w : &blocks, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\"}");
		expect(i == 0 ? &w : &blocks, "subscribed");
	}
	const struct component link = {
		.kind = COMPONENT_LINK, .action = "fork.resolution", .value = "http://x/#/t/" FORK, .label = "Side thread #1"
	};
	tell(&(struct thread_event){ .kind = EVENT_MESSAGE,
	    .thread = engine_thread_id(engine_place_id(ws, "web", "local:local"), THREAD),
	    .message = message,
	    .seq = 1,
	    .rev = 1,
	    .author_kind = AUTHOR_EDDY,
	    .author = "Eddy",
	    .text = "**Postgres**",
	    .text_len = 12,
	    .components = &link,
	    .components_len = 1 });
	for (int i = 0; i < 2; i++) {
		struct ws *x = i == 0 ? &w : &blocks;
		char text[ID_TEXT];
		expect(x, "message");
		expect(x, "components");
		assert_string_equal(json_str(x->frame, "message", ""), id_format(message, text));
		json_t *c = json_array_get(json_object_get(x->frame, "components"), 0);
		assert_string_equal(json_str(c, "action", ""), "fork.resolution");
		assert_string_equal(json_str(c, "value", ""), link.value);
		ws_done(x);
	}
}

static void commands__that_point_at_a_message__carry_its_id(void **state)
{
	(void)state;
	struct ws w;
	struct id about;
	enter(&w, "");
	assert_true(id_parse(ABOUT, &about));
	ws_say(&w,
	    "{\"type\":\"act\",\"thread\":\"" THREAD
	    "\",\"client_id\":\"a1\",\"action\":\"command\",\"value\":\"fork which database?\","
	    "\"about\":\"" ABOUT "\"}");
	expect(&w, "accepted");
	assert_true(id_equal(fake.last_about, about));
	assert_string_equal(fake.last_action, "command");
	assert_string_equal(fake.last_text, "fork which database?");
	assert_int_equal(fake.last_kind, INTENT_COMMAND_GIVEN); /* a message of the presser's, */
	assert_string_equal(fake.last_message_key, "a1");       /* who may change it like any other */
	ws_say(
	    &w, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"a2\",\"text\":\"pin that\",\"about\":\"" ABOUT "\"}");
	expect(&w, "accepted");
	assert_true(id_equal(fake.last_about, about));
	ws_say(&w, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"a3\",\"text\":\"pin that\"}");
	expect(&w, "accepted");
	assert_true(id_is_none(fake.last_about));
	ws_say(&w, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"a4\",\"text\":\"x\",\"about\":\"that one\"}");
	expect(&w, "error");
	assert_string_equal(json_str(w.frame, "code", ""), "bad_frame");
	/* A draft that a person has worked on may be long. */
	char *long_text = xcalloc(1, WEB_LONG + 2);
	for (int over = 0; over <= 1; over++) {
		memset(long_text, 'x', (size_t)(WEB_LONG + over));
		ws_say(&w,
		    "{\"type\":\"act\",\"thread\":\"" THREAD "\",\"client_id\":\"b%d\",\"action\":\"command\",\"value\":\"%s\"}",
		    over, long_text);
		expect(&w, over ? "error" : "accepted");
	}
	assert_int_equal(strlen(fake.last_text), WEB_LONG);
	free(long_text);
	ws_done(&w);
}

static void origin_beside__gives__a_thread_of_its_own_in_the_same_place(void **state)
{
	(void)state;
	struct id ws = { { 7 } }, id;
	char out[INTENT_ORIGIN_MAX], place[PLACE_KEY_MAX] = "?", key[PLACE_KEY_MAX] = "?";
	assert_true(id_parse(ABOUT, &id));
	assert_int_equal(web_ops.origin_beside(server.web, ws, THREAD, 36, id, "x", out, place, key), 36);
	assert_memory_equal(out, ABOUT, 36);
	assert_string_equal(key, ABOUT);
	assert_string_equal(place, "");
	assert_int_equal(web_ops.origin_beside(server.web, (struct id){ { 8 } }, THREAD, 36, id, "x", out, place, key), 0);
	assert_int_equal(web_ops.origin_beside(server.web, ws, "short", 5, id, "x", out, place, key), 0);
	assert_int_equal(
	    web_ops.origin_beside(server.web, ws, "no-uuid-at-all-of-thirty-six-letters", 36, id, "x", out, place, key), 0);
}

static void permalink__names__thread_and_message_on_the_page(void **state)
{
	(void)state;
	char out[200], want[200], small[60];
	assert_true(web_ops.permalink(server.web, ID_NONE, "local:local", THREAD, NULL, out, sizeof out));
	snprintf(want, sizeof want, "http://127.0.0.1:%d/#/t/" THREAD, server.port);
	assert_string_equal(out, want);
	assert_true(web_ops.permalink(server.web, ID_NONE, "local:ann", THREAD, "a/b+c-1", out, sizeof out));
	snprintf(want, sizeof want, "http://127.0.0.1:%d/#/t/" THREAD "/m/a%%2Fb%%2Bc-1", server.port);
	assert_string_equal(out, want);
	assert_false(web_ops.permalink(server.web, ID_NONE, "local:local", "not-a-thread", NULL, out, sizeof out));
	assert_false(web_ops.permalink(server.web, ID_NONE, "C123", THREAD, NULL, out, sizeof out));
	assert_false(web_ops.permalink(server.web, ID_NONE, "local:local", THREAD, NULL, small, sizeof small));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, server_up, server_down)
	const struct CMUnitTest tests[] = {
		T(welcome__names__the_features_that_both_know),
		T(threads__of_one__are_asked_for_and_told_with_their_state),
		T(news__of_a_thread__reach_the_pages_of_its_person_and_nobody_else),
		T(messages__with_components__bring_them_at_once),
		T(commands__that_point_at_a_message__carry_its_id),
		T(origin_beside__gives__a_thread_of_its_own_in_the_same_place),
		T(permalink__names__thread_and_message_on_the_page),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
