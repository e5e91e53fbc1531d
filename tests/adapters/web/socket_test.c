/* eddy.v1 over real sockets: the log-in, sending, live events, resuming, limits, and what breaks the rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.c"
#include "ws_client.c"
#include "server_fixture.c"

#define THREAD "11111111-2222-4333-8444-555555555555"
#define EDDY_V1 "Sec-WebSocket-Protocol: eddy.v1\r\n"

static struct id thread_id(const char *key)
{
	struct id ws = { { 7 } };
	return engine_thread_id(engine_place_id(ws, "web", "local:local"), key);
}

static void expect(struct ws *w, const char *type)
{
	const char *got = ws_hear(w, 3000);
	if (got == NULL || strcmp(got, type) != 0)
		fail_msg("wanted %s, got %s (close %d)", type, got ? got : "nothing", w->close_code);
}

static void enter(struct ws *w)
{
	assert_true(ws_open(w, server.port, EDDY_V1));
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\",\"client\":\"test/1\",\"tz\":\"Europe/Berlin\"}", server.token);
	expect(w, "welcome");
}

static void subscribe(struct ws *w, int64_t after)
{
	ws_say(w, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":%lld}", (long long)after);
}

static void hello__gives__session_person_and_limits(void **state)
{
	(void)state;
	struct ws w;
	enter(&w);
	assert_string_equal(json_str(json_obj(w.frame, "person"), "id", ""), "local");
	assert_int_equal(json_int(json_obj(w.frame, "limits"), "frame_bytes", 0), 256 * 1024);
	assert_int_equal(strlen(json_str(w.frame, "session", "")), 36);
	ws_done(&w);
}

static void hello__with_a_wrong_token__is_denied_and_closed(void **state)
{
	(void)state;
	struct ws w;
	assert_true(ws_open(&w, server.port, EDDY_V1));
	ws_say(&w, "{\"type\":\"hello\",\"token\":\"%.47sx\"}", server.token);
	expect(&w, "error");
	assert_string_equal(json_str(w.frame, "code", ""), "denied");
	assert_null(ws_hear(&w, 3000));
	assert_int_equal(w.close_code, 4003);
	ws_done(&w);
}

static void frames__before_hello__close(void **state)
{
	(void)state;
	struct ws w;
	assert_true(ws_open(&w, server.port, EDDY_V1));
	subscribe(&w, 0);
	expect(&w, "error");
	assert_null(ws_hear(&w, 3000));
	assert_int_equal(w.close_code, 4001);
	ws_done(&w);
}

static void token__file__is_for_its_owner_only(void **state)
{
	(void)state;
	struct stat st;
	char path[128];
	snprintf(path, sizeof path, "%s/" WEB_TOKEN_FILE, server.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(strlen(server.token), 48);
}

static void token__of_an_earlier_start__is_kept_unless_others_could_read_it(void **state)
{
	char before[128], path[128];
	strcpy(before, server.token);
	static const char *const o[] = { "web.listen=127.0.0.1:0", NULL };
	for (int i = 0; i < 2; i++) {
		char dir[64];
		strcpy(dir, server.dir);
		snprintf(path, sizeof path, "%s/" WEB_TOKEN_FILE, dir);
		loop_stop(server.loop);
		web_free(server.web);
		loop_free(server.loop);
		metrics_free(server.metrics);
		settings_free(server.settings);
		if (i == 1)
			chmod(path, 0644);
		server_up_in(dir, o);
		assert_true((strcmp(before, server.token) == 0) == (i == 0));
	}
	(void)state;
}

static void send__is_accepted_after_it_was_stored_and_shown_once(void **state)
{
	(void)state;
	struct ws w;
	enter(&w);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	for (int i = 0; i < 3; i++) {
		ws_say(&w, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"c1\",\"text\":\"hé\"}");
		if (i == 0) {
			expect(&w, "message");
			assert_string_equal(json_str(w.frame, "text", ""), "hé");
			assert_string_equal(json_str(w.frame, "key", ""), "c1");
			assert_int_equal(json_int(w.frame, "rev", 0), 1);
		}
		expect(&w, "accepted");
		assert_int_equal(json_int(w.frame, "seq", 0), 1);
		assert_true(json_bool(w.frame, "duplicate", false) == (i > 0));
	}
	assert_int_equal(fake.len, 1);
	assert_string_equal(fake.last_tz, "Europe/Berlin");
	ws_done(&w);
}

static void send__when_the_queue_is_full_or_the_database_away__says_so_with_its_client_id(void **state)
{
	(void)state;
	struct ws w;
	enter(&w);
	for (int i = 0; i < 2; i++) {
		fake.full = i == 0;
		fake.store_result = i == 0 ? ERR_NONE : ERR_RETRY;
		ws_say(&w, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"c%d\",\"text\":\"x\"}", i);
		expect(&w, "error");
		assert_string_equal(json_str(w.frame, "code", ""), "busy");
		assert_string_equal(json_str(w.frame, "client_id", ""), i == 0 ? "c0" : "c1");
		assert_true(json_int(w.frame, "retry_after_ms", 0) > 0);
	}
	ws_done(&w);
}

static void edit_and_delete__change_the_message_named_by_its_key(void **state)
{
	(void)state;
	struct ws w;
	enter(&w);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	ws_say(&w, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"c1\",\"text\":\"one\"}");
	expect(&w, "message");
	expect(&w, "accepted");
	ws_say(&w, "{\"type\":\"edit\",\"thread\":\"" THREAD "\",\"client_id\":\"c2\",\"key\":\"c1\",\"text\":\"two\"}");
	expect(&w, "edited");
	assert_string_equal(json_str(w.frame, "text", ""), "two");
	assert_int_equal(json_int(w.frame, "rev", 0), 2);
	assert_int_equal(json_int(w.frame, "seq", 0), 1);
	expect(&w, "accepted");
	ws_say(&w, "{\"type\":\"delete\",\"thread\":\"" THREAD "\",\"client_id\":\"c3\",\"key\":\"c1\"}");
	expect(&w, "deleted");
	expect(&w, "accepted");
	ws_done(&w);
}

static void answer__streams_as_deltas_and_ends_as_a_message(void **state)
{
	(void)state;
	struct ws w;
	struct buf text = BUF_INIT;
	const char *whole = "Grüße aus dem Strom: ein Satz, der in Stücken kommt.";
	enter(&w);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	fake_answer(thread_id(THREAD), THREAD, whole, 3); /* cuts characters in two */
	for (;;) {
		const char *type = ws_hear(&w, 3000);
		assert_non_null(type);
		if (strcmp(type, "delta") == 0) {
			assert_int_equal(json_int(w.frame, "offset", -1), text.len);
			buf_add_str(&text, json_str(w.frame, "text", ""));
		} else if (strcmp(type, "open") == 0) {
			buf_add_str(&text, json_str(w.frame, "text", ""));
		} else if (strcmp(type, "message") == 0) {
			break;
		}
	}
	assert_string_equal(json_str(w.frame, "text", ""), whole);
	assert_string_equal(text.p, whole);
	buf_done(&text);
	ws_done(&w);
}

static void enter_with_blocks(struct ws *w)
{
	assert_true(ws_open(w, server.port, EDDY_V1));
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\",\"features\":[\"blocks\",\"of tomorrow\"]}", server.token);
	expect(w, "welcome");
	assert_int_equal(json_array_size(json_object_get(w->frame, "features")), 1);
}

/* What the client shows becomes what the frame says. */
static void follow_blocks(json_t *shown, json_t *frame, size_t *final)
{
	json_t *list = json_object_get(frame, "blocks"), *v;
	size_t i, from = (size_t)json_int(frame, "from", 0);
	assert_non_null(list);
	assert_true(from >= *final && from <= json_array_size(shown));
	while (json_array_size(shown) > from)
		json_array_remove(shown, from);
	json_array_foreach (list, i, v)
		json_array_append(shown, v);
	*final = (size_t)json_int(frame, "final", (int64_t)*final);
	assert_true(*final <= json_array_size(shown));
}

static void answer__for_those_who_asked__grows_in_blocks(void **state)
{
	(void)state;
	struct ws w, late, plain;
	struct id run = id_new();
	const char *whole = "# Grüße\n\nErster *Absatz*.\n\n- a\n- b\n\n```c\nint x;\n\nint y;\n```\n\nEnde.\n\nWirklich.";
	enter_with_blocks(&w);
	enter(&plain);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	subscribe(&plain, 0);
	expect(&plain, "subscribed");
	json_t *shown = json_array(), *joined = json_array();
	size_t final = 0, joined_final = 0, parts = 0;
	for (size_t at = 0; at < strlen(whole); at += 5) {
		char part[8];
		snprintf(part, sizeof part, "%.5s", whole + at);
		fake_reply(thread_id(THREAD), THREAD, REPLY_GROW, run, 1, at, part);
		usleep(4000);
		if (at == 40) {
			enter_with_blocks(&late);
			subscribe(&late, 0);
			expect(&late, "subscribed");
			expect(&late, "open");
			assert_true(json_array_size(json_object_get(late.frame, "blocks")) > 1);
			follow_blocks(joined, late.frame, &joined_final);
		}
	}
	fake_post(thread_id(THREAD), AUTHOR_EDDY, run, whole, true);
	for (const char *t; (t = ws_hear(&w, 3000)) != NULL && strcmp(t, "message") != 0; parts++)
		follow_blocks(shown, w.frame, &final);
	for (const char *t; (t = ws_hear(&late, 3000)) != NULL && strcmp(t, "message") != 0;)
		follow_blocks(joined, late.frame, &joined_final);
	assert_true(parts > 3 && final >= 4);
	assert_string_equal(json_str(w.frame, "text", ""), whole);
	assert_true(json_equal(json_object_get(w.frame, "blocks"), shown));
	assert_true(json_equal(json_object_get(late.frame, "blocks"), joined));
	/* Read from what is stored they are the same; who did not ask has none. */
	ws_done(&late);
	enter_with_blocks(&late);
	subscribe(&late, 0);
	expect(&late, "message");
	assert_true(json_equal(json_object_get(late.frame, "blocks"), shown));
	for (const char *t; (t = ws_hear(&plain, 3000)) != NULL && strcmp(t, "message") != 0;)
		assert_null(json_object_get(plain.frame, "blocks"));
	assert_null(json_object_get(plain.frame, "blocks"));
	json_decref(shown);
	json_decref(joined);
	ws_done(&w);
	ws_done(&late);
	ws_done(&plain);
}

static void blocks__of_an_attempt_that_died__begin_anew(void **state)
{
	(void)state;
	struct ws w;
	struct id run = id_new();
	enter_with_blocks(&w);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	fake_reply(thread_id(THREAD), THREAD, REPLY_GROW, run, 1, 0, "one\n\ntwo\n\nthree");
	expect(&w, "open");
	expect(&w, "blocks");
	assert_int_equal(json_int(w.frame, "final", 0), 1);
	fake_reply(thread_id(THREAD), THREAD, REPLY_RESET, run, 2, 0, "");
	fake_reply(thread_id(THREAD), THREAD, REPLY_GROW, run, 2, 0, "again");
	expect(&w, "stream.reset");
	expect(&w, "blocks");
	assert_int_equal(json_int(w.frame, "attempt", 0), 2);
	assert_int_equal(json_int(w.frame, "from", 9), 0);
	assert_int_equal(json_int(w.frame, "final", 9), 0);
	assert_int_equal(json_array_size(json_object_get(w.frame, "blocks")), 1);
	ws_done(&w);
}

static void components__come_behind_their_message_with_words_instead(void **state)
{
	(void)state;
	struct ws w;
	struct id run = id_new();
	char text[ID_TEXT];
	enter(&w);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	fake_post(thread_id(THREAD), AUTHOR_EDDY, run, "no", true);
	fake_end(run, thread_id(THREAD), THREAD, "failed", "Ask again.");
	expect(&w, "message");
	expect(&w, "run");
	expect(&w, "components");
	assert_string_equal(json_str(w.frame, "thread", ""), THREAD);
	assert_string_equal(json_str(w.frame, "run", ""), id_format(run, text));
	assert_int_equal(strlen(json_str(w.frame, "message", "")), 36);
	json_t *list = json_object_get(w.frame, "components"), *one = json_array_get(list, 0);
	assert_int_equal(json_array_size(list), 2);
	assert_string_equal(json_str(one, "kind", ""), "button");
	assert_string_equal(json_str(one, "label", ""), "Try \"again\"");
	assert_string_equal(json_str(one, "action", ""), "run.retry");
	assert_string_equal(json_str(one, "value", ""), "v1");
	assert_string_equal(json_str(one, "style", ""), "primary");
	assert_string_equal(json_str(one, "fallback", ""), "Ask again.");
	one = json_array_get(list, 1);
	assert_string_equal(json_str(one, "kind", ""), "link");
	assert_true(json_is_null(json_object_get(one, "action")));
	assert_string_equal(json_str(one, "fallback", ""), "The log");
	ws_done(&w);
}

static void subscribe__in_the_middle_of_an_answer__gets_the_text_so_far(void **state)
{
	(void)state;
	struct ws a, b;
	struct id run = id_new();
	enter(&a);
	fake_reply(thread_id(THREAD), THREAD, REPLY_STATUS, run, 1, 0, "thinking");
	fake_reply(thread_id(THREAD), THREAD, REPLY_GROW, run, 1, 0, "one two ");
	subscribe(&a, 0);
	expect(&a, "subscribed");
	expect(&a, "open");
	assert_string_equal(json_str(a.frame, "text", ""), "one two ");
	assert_string_equal(json_str(a.frame, "status", ""), "thinking");
	fake_reply(thread_id(THREAD), THREAD, REPLY_GROW, run, 1, 8, "three");
	expect(&a, "delta");
	assert_int_equal(json_int(a.frame, "offset", 0), 8);
	enter(&b);
	subscribe(&b, 0);
	expect(&b, "subscribed");
	expect(&b, "open");
	assert_string_equal(json_str(b.frame, "text", ""), "one two three");
	/* The attempt dies and begins anew. */
	fake_reply(thread_id(THREAD), THREAD, REPLY_RESET, run, 2, 0, "");
	fake_reply(thread_id(THREAD), THREAD, REPLY_GROW, run, 2, 0, "again");
	expect(&b, "stream.reset");
	expect(&b, "delta");
	assert_int_equal(json_int(b.frame, "attempt", 0), 2);
	assert_int_equal(json_int(b.frame, "offset", 9), 0);
	assert_string_equal(json_str(b.frame, "text", ""), "again");
	ws_done(&a);
	ws_done(&b);
}

static void events__of_another_process__are_read_when_the_next_one_shows_the_gap(void **state)
{
	(void)state;
	struct ws w;
	enter(&w);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, "one", true);
	fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, "two", false);
	fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, "three", false);
	fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, "four", true);
	for (int64_t rev = 1; rev <= 4; rev++) {
		expect(&w, "message");
		assert_int_equal(json_int(w.frame, "rev", 0), rev);
	}
	ws_done(&w);
}

/* Every event exactly once and in order, however often and wherever the connection is cut. */
static void resume__after_cuts_at_every_frame__loses_and_doubles_nothing(void **state)
{
	(void)state;
	enum { N = 40 };
	int64_t seen = 0;
	fake.read_delay_ms = 2;
	int posted = 0;
	for (int cut = 0; seen < N; cut++) {
		struct ws w;
		enter(&w);
		subscribe(&w, seen);
		int budget = cut % 5 + 1; /* frames until the cut */
		while (budget-- > 0 && seen < N) {
			if (posted < N) {
				char text[32];
				snprintf(text, sizeof text, "m%d", ++posted);
				fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, text, posted % 3 != 0);
				if (posted % 3 == 0 && posted < N) {
					snprintf(text, sizeof text, "m%d", ++posted);
					fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, text, true);
				}
			}
			const char *type = ws_hear(&w, 3000);
			if (type == NULL)
				fail_msg("nothing after rev %lld of %d posted", (long long)seen, posted);
			if (strcmp(type, "message") != 0)
				continue;
			char want[32];
			snprintf(want, sizeof want, "m%lld", (long long)++seen);
			assert_int_equal(json_int(w.frame, "rev", 0), seen);
			assert_string_equal(json_str(w.frame, "text", ""), want);
		}
		ws_done(&w);
		assert_true(cut < 200);
	}
}

static void subscribe__beyond_what_there_is__starts_from_the_beginning(void **state)
{
	(void)state;
	struct ws w;
	fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, "one", false);
	enter(&w);
	subscribe(&w, 99);
	expect(&w, "message");
	assert_int_equal(json_int(w.frame, "rev", 0), 1);
	expect(&w, "subscribed");
	ws_done(&w);
}

static void subscribe__while_the_database_is_away__comes_when_it_is_back(void **state)
{
	(void)state;
	struct ws w;
	fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, "one", false);
	fake_database(ERR_RETRY);
	enter(&w);
	subscribe(&w, 0);
	assert_null(ws_hear(&w, 300));
	fake_database(ERR_NONE);
	expect(&w, "message");
	expect(&w, "subscribed");
	ws_done(&w);
}

static void reader__that_does_not_read__is_dropped_and_can_resume(void **state)
{
	(void)state;
	struct ws w;
	int small = 4096;
	char *big = malloc(60001);
	memset(big, 'x', 60000);
	big[60000] = '\0';
	enter(&w);
	setsockopt(w.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	for (int i = 0; i < 200; i++) /* 12 MB: more than the sockets hold */
		fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, big, true);
	usleep(3500 * 1000);
	int64_t seen = 0;
	int frames = 0;
	while (ws_hear(&w, 500) != NULL && frames++ < 250)
		seen = json_int(w.frame, "rev", seen);
	assert_true(frames < 200);
	ws_done(&w);
	enter(&w);
	subscribe(&w, seen);
	for (int64_t rev = seen + 1; rev <= 200; rev++) {
		expect(&w, "message");
		assert_int_equal(json_int(w.frame, "rev", 0), rev);
	}
	expect(&w, "subscribed");
	ws_done(&w);
	free(big);
}

/* Frames that the kernel takes only in part, with answers to pings in between: nothing lands inside another frame. */
static void frames__half_written__are_finished_before_a_pong(void **state)
{
	(void)state;
	enum { MESSAGES = 200 };
	struct ws w;
	struct buf b = BUF_INIT;
	int small = 65536, pongs = 0;
	int64_t rev = 0;
	char *big = malloc(60001);
	memset(big, 'x', 60000);
	big[60000] = '\0';
	enter(&w);
	setsockopt(w.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	subscribe(&w, 0);
	expect(&w, "subscribed");
	uint64_t last = clock_ms();
	for (int i = 0; i < MESSAGES; i++) {
		char name[8];
		/* Who takes nothing for a second is let go of: where that is soon over, a part is read in between. */
		for (int op; clock_ms() - last > 300 && rev < i && (op = ws_next_raw(&w, &b, 1000)) > 0;) {
			pongs += op == 10;
			rev += op == 1;
			last = op == 1 ? clock_ms() : last;
		}
		fake_post(thread_id(THREAD), AUTHOR_PERSON, ID_NONE, big, true);
		snprintf(name, sizeof name, "p%02d", i % 100);
		ws_raw(&w, 0x89, name, 3);
		usleep(2000);
	}
	while (rev < MESSAGES || pongs == 0) {
		int op = ws_next_raw(&w, &b, 15000);
		if (op == 10) {
			assert_int_equal(b.len, 3);
			assert_memory_equal(b.p, "p", 1);
			pongs++;
			continue;
		}
		assert_int_equal(op, 1);
		json_t *o = NULL;
		assert_int_equal(json_parse(b.p, b.len, 1u << 20, &o, NULL), ERR_NONE);
		assert_string_equal(json_str(o, "type", ""), "message");
		assert_int_equal(json_int(o, "rev", 0), ++rev);
		assert_int_equal(strlen(json_str(o, "text", "")), 60000);
		json_decref(o);
	}
	ws_done(&w);
	buf_done(&b);
	free(big);
}

static void messages__in_fragments_with_pings_between__are_put_together(void **state)
{
	(void)state;
	struct ws w;
	enter(&w);
	const char *text = "{\"type\":\"ping\",\"n\":42}";
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < strlen(text); i++) {
		bool last = i + 1 == strlen(text);
		ws_raw(&w, (i == 0 ? 1u : 0u) | (last ? 0x80u : 0u), text + i, 1);
		if (i % 5 == 0) {
			ws_raw(&w, 0x89, "hi", 2);
			assert_int_equal(ws_next_raw(&w, &b, 2000), 10);
			assert_int_equal(b.len, 2);
		}
	}
	expect(&w, "pong");
	assert_int_equal(json_int(w.frame, "n", 0), 42);
	buf_done(&b);
	ws_done(&w);
}

static void close_with(const void *p, size_t n, unsigned first, int code)
{
	struct ws w;
	enter(&w);
	ws_raw(&w, first, p, n);
	const char *type = ws_hear(&w, 3000);
	if (type != NULL)
		fail_msg("got %s instead of close %d", type, code);
	assert_int_equal(w.close_code, code);
	ws_done(&w);
}

static void frames__that_break_the_rules__close_with_the_right_code(void **state)
{
	(void)state;
	char *big = malloc(300000);
	memset(big, ' ', 300000);
	close_with("{}", 2, 0x82, 1003);         /* binary */
	close_with("\xff\xfe{}", 4, 0x81, 1007); /* not UTF-8 */
	close_with("{\"a\":\"\xc3\x28\"}", 8, 0x81, 1007);
	close_with(big, 300000, 0x81, 1009); /* too large */
	close_with("x", 1, 0x83, 1002);      /* an opcode that does not exist */
	close_with("x", 1, 0xc1, 1002);      /* a reserved bit without an extension */
	free(big);
}

static void frames__that_are_no_commands__get_an_error_and_stay_connected(void **state)
{
	(void)state;
	char deep[1000];
	memset(deep, '[', sizeof deep);
	deep[sizeof deep - 1] = '\0';
	const struct {
		const char *text, *code;
	} bad[] = {
		{ "hello", "bad_json" },
		{ deep, "bad_json" },
		{ "{\"type\":\"ping\",\"type\":\"ping\"}", "bad_json" },
		{ "[1]", "bad_frame" },
		{ "{}", "bad_frame" },
		{ "{\"type\":7}", "bad_frame" },
		{ "{\"type\":\"dance\"}", "unknown_type" },
		{ "{\"type\":\"subscribe\"}", "bad_frame" },
		{ "{\"type\":\"subscribe\",\"thread\":\"../etc\"}", "bad_frame" },
		{ "{\"type\":\"ping\",\"n\":\"1\"}", "bad_frame" },
	};
	struct ws w;
	enter(&w);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ws_raw(&w, 0x81, bad[i].text, strlen(bad[i].text));
		expect(&w, "error");
		assert_string_equal(json_str(w.frame, "code", ""), bad[i].code);
	}
	ws_say(&w, "{\"type\":\"ping\",\"n\":1}");
	expect(&w, "pong");
	ws_done(&w);
}

static void questions__beyond_eight_at_a_time__wait(void **state)
{
	(void)state;
	struct ws w;
	int answered = 0, busy = 0;
	fake.read_delay_ms = 400;
	enter(&w);
	for (int i = 0; i < 12; i++)
		ws_say(&w, "{\"type\":\"threads\"}");
	for (int i = 0; i < 12; i++) {
		const char *t = ws_hear(&w, 3000);
		assert_non_null(t);
		if (strcmp(t, "threads") == 0) {
			answered++;
		} else {
			assert_string_equal(json_str(w.frame, "code", ""), "busy");
			assert_true(json_int(w.frame, "retry_after_ms", 0) > 0);
			busy++;
		}
	}
	assert_int_equal(answered, 8);
	assert_int_equal(busy, 4);
	ws_say(&w, "{\"type\":\"threads\"}"); /* those have been answered: there is room again */
	expect(&w, "threads");
	ws_done(&w);
}

static void flood__is_slowed_and_then_closed(void **state)
{
	(void)state;
	struct ws w;
	int rate = 0;
	enter(&w);
	for (int i = 0; i < 400; i++)
		ws_say(&w, "{\"type\":\"ping\",\"n\":1}");
	const char *type;
	while ((type = ws_hear(&w, 3000)) != NULL)
		if (strcmp(type, "error") == 0 && strcmp(json_str(w.frame, "code", ""), "rate") == 0)
			rate++;
	assert_true(rate >= 90);
	assert_int_equal(w.close_code, 1008);
	ws_done(&w);
}

static void origin__of_a_foreign_page__is_refused(void **state)
{
	(void)state;
	const struct {
		const char *header;
		bool welcome;
	} cases[] = {
		{ EDDY_V1 "Origin: https://evil.example\r\n", false },
		{ EDDY_V1 "Origin: null\r\n", false },
		{ EDDY_V1 "Origin: http://127.0.0.1:1\r\n", false },
		{ EDDY_V1 "", true },
		{ "", false },
		{ "Sec-WebSocket-Protocol: other\r\n", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct ws w;
		bool in = ws_open(&w, server.port, cases[i].header);
		if (in != cases[i].welcome)
			fail_msg("case %zu: status %d", i, w.status);
		ws_done(&w);
	}
	char own[100];
	struct ws w;
	snprintf(own, sizeof own, EDDY_V1 "Origin: http://127.0.0.1:%d\r\n", server.port);
	assert_true(ws_open(&w, server.port, own));
	ws_done(&w);
}

static void stop__reaches_the_engine(void **state)
{
	(void)state;
	struct ws w;
	enter(&w);
	ws_say(&w, "{\"type\":\"stop\",\"thread\":\"" THREAD "\"}");
	ws_say(&w, "{\"type\":\"ping\",\"n\":1}");
	expect(&w, "pong");
	assert_int_equal(fake.stops, 1);
	ws_done(&w);
}

static void server__that_stops__says_so_to_its_clients(void **state)
{
	(void)state;
	struct ws w;
	enter(&w);
	web_stop(server.web);
	ws_say(&w, "{\"type\":\"ping\",\"n\":7}");
	expect(&w, "pong"); /* still served until the engine has drained */
	web_leave(server.web);
	assert_null(ws_hear(&w, 3000));
	assert_int_equal(w.close_code, 1012);
	ws_done(&w);
}

#define T(f) cmocka_unit_test_setup_teardown(f, server_up, server_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(hello__gives__session_person_and_limits),
		T(hello__with_a_wrong_token__is_denied_and_closed),
		T(frames__before_hello__close),
		T(token__file__is_for_its_owner_only),
		T(token__of_an_earlier_start__is_kept_unless_others_could_read_it),
		T(send__is_accepted_after_it_was_stored_and_shown_once),
		T(send__when_the_queue_is_full_or_the_database_away__says_so_with_its_client_id),
		T(edit_and_delete__change_the_message_named_by_its_key),
		T(answer__streams_as_deltas_and_ends_as_a_message),
		T(answer__for_those_who_asked__grows_in_blocks),
		T(blocks__of_an_attempt_that_died__begin_anew),
		T(components__come_behind_their_message_with_words_instead),
		T(subscribe__in_the_middle_of_an_answer__gets_the_text_so_far),
		T(events__of_another_process__are_read_when_the_next_one_shows_the_gap),
		T(resume__after_cuts_at_every_frame__loses_and_doubles_nothing),
		T(subscribe__beyond_what_there_is__starts_from_the_beginning),
		T(subscribe__while_the_database_is_away__comes_when_it_is_back),
		T(reader__that_does_not_read__is_dropped_and_can_resume),
		T(frames__half_written__are_finished_before_a_pong),
		T(messages__in_fragments_with_pings_between__are_put_together),
		T(frames__that_break_the_rules__close_with_the_right_code),
		T(frames__that_are_no_commands__get_an_error_and_stay_connected),
		T(questions__beyond_eight_at_a_time__wait),
		T(flood__is_slowed_and_then_closed),
		T(origin__of_a_foreign_page__is_refused),
		T(stop__reaches_the_engine),
		T(server__that_stops__says_so_to_its_clients),
	};
	return cmocka_run_group_tests_name("web socket", tests, NULL, NULL);
}
