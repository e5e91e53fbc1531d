/* Those who come by the widget, over real sockets: strangers, people that a host page names, and what each of them may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.c"
#include "ws_client.c"
#include "server_fixture.c"
#include "token.c"

#include "../../../adapters/web/visitor.h"
#include "../../../core/base/utf8.h"

#define THREAD "11111111-2222-4333-8444-555555555555"
#define SITE "https://www.example.com"
#define FROM_SITE "Sec-WebSocket-Protocol: eddy.v1\r\nOrigin: " SITE "\r\n"
#define AUD "https://eddy.example.org"

static int up(void **state, const char *more)
{
	char dir[] = "/tmp/eddy-web-test.XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(dir));
	const char *const o[] = { "web.listen=127.0.0.1:0", "web.public_url=" AUD "/eddy", "web.allowed_origins=" SITE,
		"web.widget.identity_key=" TOKEN_KEY, "web.widget.identity_key_old=" TOKEN_KEY_OLD,
		"web.widget.prechat=name*,email,Order number*", "web.widget.consent=May we keep what you say?",
		"web.widget.enabled=true", more, NULL };
	log_set_level(LOG_ERROR);
	server_up_in(dir, o);
	return 0;
}

static int widget_up(void **state)
{
	return up(state, NULL);
}
static int widget_up_strict(void **state)
{
	return up(state, "web.widget.visitors=false");
}
static int widget_up_slow(void **state)
{
	return up(state, "web.widget.messages_per_minute=3");
}
static int widget_up_few(void **state)
{
	return up(state, "web.widget.visitors_per_hour=2");
}
static int widget_up_narrow(void **state)
{
	return up(state, "web.widget.connections_per_address=2");
}
static int widget_up_proxied(void **state)
{
	static const char *const o[] = { "web.listen=127.0.0.1:0", "web.widget.enabled=true", "web.forwarded=true",
		"web.widget.visitors_per_hour=1", NULL };
	char dir[] = "/tmp/eddy-web-test.XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(dir));
	log_set_level(LOG_ERROR);
	server_up_in(dir, o);
	return 0;
}

static void expect(struct ws *w, const char *type)
{
	const char *got = ws_hear(w, 3000);
	if (got == NULL || strcmp(got, type) != 0)
		fail_msg("wanted %s, got %s %s (close %d)", type, got ? got : "nothing",
		    w->frame ? json_str(w->frame, "message", "") : "", w->close_code);
}

static void denied(struct ws *w, const char *because)
{
	expect(w, "error");
	assert_string_equal(json_str(w->frame, "code", ""), "denied");
	if (strstr(json_str(w->frame, "message", ""), because) == NULL)
		fail_msg("wanted \"%s\", got \"%s\"", because, json_str(w->frame, "message", ""));
	assert_null(ws_hear(w, 3000));
	assert_int_equal(w->close_code, 4003);
	ws_done(w);
}

static void come(struct ws *w, const char *secret, const char *name)
{
	assert_true(ws_open(w, server.port, FROM_SITE));
	ws_say(w, "{\"type\":\"hello\",\"visitor\":\"%s\",\"name\":\"%s\"}", secret, name);
}

static void say(struct ws *w, const char *client_id, const char *text)
{
	ws_say(w, "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"%s\",\"text\":\"%s\"}", client_id, text);
}

static void visitor__new__gets_a_secret_and_lowest_rights(void **state)
{
	(void)state;
	struct ws w;
	come(&w, "", "  Ann\\n \\u202eEx\\u0007ample ");
	expect(&w, "welcome");
	char secret[80];
	snprintf(secret, sizeof secret, "%s", json_str(w.frame, "visitor", ""));
	assert_int_equal(strlen(secret), VISITOR_SECRET);
	assert_memory_equal(secret, "ev1_", 4);
	const char *id = json_str(json_obj(w.frame, "person"), "id", "");
	assert_memory_equal(id, "visitor:", 8);
	assert_int_equal(strlen(id), 8 + 32);
	assert_null(strstr(secret, id + 8));
	assert_string_equal(json_str(json_obj(w.frame, "person"), "name", ""), "Ann Ex ample (visitor)");
	say(&w, "c1", "hello");
	expect(&w, "accepted");
	assert_string_equal(fake.last_name, "Ann Ex ample (visitor)");
	assert_memory_equal(fake.last_person, "visitor:", 8);
	assert_true(fake.last_guest);
	assert_int_equal(fake.last_verified, VERIFIED_NONE);
	ws_done(&w);
}

static void visitor__that_comes_back__is_the_same_person_and_sees_what_was_said(void **state)
{
	(void)state;
	struct ws w;
	char secret[80], id[80];
	come(&w, "", "");
	expect(&w, "welcome");
	snprintf(secret, sizeof secret, "%s", json_str(w.frame, "visitor", ""));
	snprintf(id, sizeof id, "%s", json_str(json_obj(w.frame, "person"), "id", ""));
	assert_string_equal(json_str(json_obj(w.frame, "person"), "name", ""), "Visitor");
	say(&w, "c1", "mine");
	expect(&w, "accepted");
	ws_done(&w);
	come(&w, secret, "");
	expect(&w, "welcome");
	assert_null(json_object_get(w.frame, "visitor")); /* a secret is told once */
	assert_string_equal(json_str(json_obj(w.frame, "person"), "id", ""), id);
	ws_say(&w, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":0}");
	expect(&w, "message");
	assert_string_equal(json_str(w.frame, "text", ""), "mine");
	expect(&w, "subscribed");
	ws_done(&w);
}

static void visitor__sees__nothing_of_others(void **state)
{
	(void)state;
	struct ws a, b, local;
	come(&a, "", "");
	expect(&a, "welcome");
	say(&a, "c1", "a secret of a");
	expect(&a, "accepted");
	assert_true(ws_open(&local, server.port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(&local, "{\"type\":\"hello\",\"token\":\"%s\"}", server.token);
	expect(&local, "welcome");
	say(&local, "c1", "a secret of the team");
	expect(&local, "accepted");
	/* The same thread and client_id, named by somebody else, are others. */
	come(&b, "", "");
	expect(&b, "welcome");
	ws_say(&b, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":0}");
	expect(&b, "subscribed");
	assert_int_equal(json_int(b.frame, "rev", -1), 0);
	say(&a, "c2", "live too");
	expect(&a, "accepted");
	ws_say(&b, "{\"type\":\"edit\",\"thread\":\"" THREAD "\",\"client_id\":\"e1\",\"key\":\"c1\",\"text\":\"changed\"}");
	ws_say(&b, "{\"type\":\"delete\",\"thread\":\"" THREAD "\",\"client_id\":\"d1\",\"key\":\"c1\"}");
	ws_say(&b, "{\"type\":\"ping\",\"n\":1}");
	for (int i = 0; i < 3; i++) {
		const char *got = ws_hear(&b, 3000);
		assert_non_null(got);
		assert_string_not_equal(got, "message");
		assert_string_not_equal(got, "edited");
	}
	ws_say(&a, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":0}");
	expect(&a, "message");
	assert_string_equal(json_str(a.frame, "text", ""), "a secret of a");
	ws_done(&a);
	ws_done(&b);
	ws_done(&local);
}

static void guest__is_not_told__how_an_answer_was_made(void **state)
{
	(void)state;
	struct ws w;
	come(&w, "", "");
	expect(&w, "welcome");
	ws_say(&w, "{\"type\":\"history\",\"thread\":\"" THREAD "\"}");
	expect(&w, "error");
	assert_string_equal(json_str(w.frame, "code", ""), "refused");
	ws_say(&w, "{\"type\":\"handover\",\"thread\":\"" THREAD "\",\"client_id\":\"h1\"}");
	expect(&w, "error");
	assert_string_equal(json_str(w.frame, "code", ""), "not_offered");
	ws_done(&w);
}

static void visitor__with_a_secret_that_is_none__is_denied(void **state)
{
	(void)state;
	static const char *const bad[] = { "x", "ev1_", "ev1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"ev2_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "ev1_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "local" };
	struct ws w;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		come(&w, bad[i], "");
		denied(&w, "none of ours");
	}
}

static void hello__with_two_ways_to_log_in_or_none__is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "{\"type\":\"hello\"}", "{\"type\":\"hello\",\"visitor\":\"\",\"token\":\"x\"}",
		"{\"type\":\"hello\",\"visitor\":\"\",\"identity\":\"x\"}",
		"{\"type\":\"hello\",\"identity\":\"x\",\"token\":\"x\"}", "{\"type\":\"hello\",\"visitor\":5}",
		"{\"type\":\"hello\",\"identity\":[]}" };
	struct ws w;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_true(ws_open(&w, server.port, FROM_SITE));
		ws_say(&w, "%s", bad[i]);
		expect(&w, "error");
		assert_string_equal(json_str(w.frame, "code", ""), "bad_frame");
		ws_done(&w);
	}
}

static void visitors__where_the_page_must_name_them__are_denied(void **state)
{
	(void)state;
	struct ws w;
	come(&w, "", "");
	denied(&w, "web.widget.visitors");
	assert_true(ws_open(&w, server.port, FROM_SITE));
	ws_say(&w, "{\"type\":\"hello\",\"identity\":\"%s\"}", token_of("ann", AUD, (int64_t)(clock_wall_ms() / 1000), ""));
	expect(&w, "welcome");
	ws_done(&w);
}

static void identity__signed__is_that_person_as_a_guest_or_a_member(void **state)
{
	(void)state;
	struct ws w;
	int64_t now = (int64_t)(clock_wall_ms() / 1000);
	static const struct {
		const char *sub, *more, *id, *name;
		bool guest;
	} rows[] = {
		{ "ann@example.com", ",\"name\":\"Ann\"", "user:ann@example.com", "Ann", true },
		{ "7", ",\"role\":\"member\"", "user:7", "7", false },
		{ "Zo\xc3\xab / 1", "", NULL, "Zo\xc3\xab / 1", true },
		{ "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4"
		  "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4x",
		    "", NULL, NULL, true },
		{ "a-subject-that-is-longer-than-what-can-stand-in-an-id-as-it-is", "", NULL,
		    "a-subject-that-is-longer-than-what-can-stand-in-an-id-as-it-is", true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(ws_open(&w, server.port, FROM_SITE));
		ws_say(&w, "{\"type\":\"hello\",\"identity\":\"%s\",\"name\":\"not me\"}",
		    token_of(rows[i].sub, AUD, now, rows[i].more));
		expect(&w, "welcome");
		say(&w, "c1", "hello");
		expect(&w, "accepted");
		if (rows[i].id != NULL)
			assert_string_equal(fake.last_person, rows[i].id);
		else
			assert_int_equal(strlen(fake.last_person), strlen("user-hash:") + 32);
		if (rows[i].name != NULL)
			assert_string_equal(fake.last_name, rows[i].name);
		assert_true(utf8_valid(fake.last_name, strlen(fake.last_name)));
		assert_int_equal(fake.last_guest, rows[i].guest);
		assert_int_equal(fake.last_verified, VERIFIED_SESSION);
		ws_done(&w);
	}
}

static void identity__that_is_wrong__is_denied_with_its_reason(void **state)
{
	(void)state;
	struct ws w;
	int64_t now = (int64_t)(clock_wall_ms() / 1000);
	static const struct {
		int64_t iat;
		const char *aud, *because;
	} rows[] = { { -86400, AUD, "has ended" }, { 86400, AUD, "in the future" }, { 0, "https://other.example", "aud" } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_true(ws_open(&w, server.port, FROM_SITE));
		ws_say(&w, "{\"type\":\"hello\",\"identity\":\"%s\"}", token_of("ann", rows[i].aud, now + rows[i].iat, ""));
		denied(&w, rows[i].because);
	}
	assert_true(ws_open(&w, server.port, FROM_SITE));
	ws_say(&w, "{\"type\":\"hello\",\"identity\":\"%s\"}", server.token);
	denied(&w, "three parts");
}

static void identity__with_a_name__comes_back_in_its_tab_and_nowhere_else(void **state)
{
	(void)state;
	struct ws w;
	char token[2048];
	snprintf(token, sizeof token, "%s", token_of("ann", AUD, (int64_t)(clock_wall_ms() / 1000), ",\"jti\":\"n1\""));
	for (int i = 0; i < 3; i++) {
		assert_true(ws_open(&w, server.port, FROM_SITE));
		ws_say(&w, "{\"type\":\"hello\",\"identity\":\"%s\",\"device\":\"tab-1\"}", token);
		expect(&w, "welcome");
		ws_done(&w);
	}
	assert_true(ws_open(&w, server.port, FROM_SITE));
	ws_say(&w, "{\"type\":\"hello\",\"identity\":\"%s\",\"device\":\"tab-2\"}", token);
	denied(&w, "another browser tab");
}

static void messages__that_come_too_fast__wait_and_are_taken_later(void **state)
{
	(void)state;
	struct ws w;
	come(&w, "", "");
	expect(&w, "welcome");
	for (int i = 0; i < 3; i++) {
		char id[8];
		snprintf(id, sizeof id, "c%d", i);
		say(&w, id, "hello");
		expect(&w, "accepted");
	}
	say(&w, "c3", "hello");
	expect(&w, "error");
	assert_string_equal(json_str(w.frame, "code", ""), "rate");
	assert_string_equal(json_str(w.frame, "client_id", ""), "c3");
	assert_in_range(json_int(w.frame, "retry_after_ms", 0), 15000, 20001);
	ws_done(&w);
	/* Others of that address go on: it has more than one. */
	come(&w, "", "");
	expect(&w, "welcome");
	say(&w, "c0", "hello");
	expect(&w, "accepted");
	ws_done(&w);
	/* A member is nobody's guest. */
	assert_true(ws_open(&w, server.port, FROM_SITE));
	ws_say(&w, "{\"type\":\"hello\",\"identity\":\"%s\"}",
	    token_of("m", AUD, (int64_t)(clock_wall_ms() / 1000), ",\"role\":\"member\""));
	expect(&w, "welcome");
	for (int i = 0; i < 10; i++) {
		char id[8];
		snprintf(id, sizeof id, "c%d", i);
		say(&w, id, "hello");
		expect(&w, "accepted");
	}
	ws_done(&w);
}

static void visitors__too_many_new_ones_of_an_address__are_told_when_to_come(void **state)
{
	(void)state;
	struct ws w;
	char secret[80] = "";
	for (int i = 0; i < 2; i++) {
		come(&w, "", "");
		expect(&w, "welcome");
		snprintf(secret, sizeof secret, "%s", json_str(w.frame, "visitor", ""));
		ws_done(&w);
	}
	come(&w, "", "");
	expect(&w, "error");
	assert_string_equal(json_str(w.frame, "code", ""), "rate");
	assert_true(json_int(w.frame, "retry_after_ms", 0) > 0);
	assert_null(ws_hear(&w, 3000));
	assert_int_equal(w.close_code, 1013);
	ws_done(&w);
	come(&w, secret, ""); /* those who are known come in */
	expect(&w, "welcome");
	ws_done(&w);
}

static void connections__of_guests__are_as_many_as_an_address_may_have(void **state)
{
	(void)state;
	struct ws w[3], m;
	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 2; i++) {
			const char *got = NULL;
			for (int tries = 0; tries < 50; tries++) { /* until the server has seen those of before go */
				come(&w[i], "", "");
				got = ws_hear(&w[i], 3000);
				if (got != NULL && strcmp(got, "welcome") == 0)
					break;
				ws_done(&w[i]);
				usleep(100000);
			}
			assert_non_null(got);
			assert_int_not_equal(w[i].fd, -1);
		}
		come(&w[2], "", "");
		expect(&w[2], "error");
		assert_string_equal(json_str(w[2].frame, "code", ""), "rate");
		assert_null(ws_hear(&w[2], 3000));
		assert_int_equal(w[2].close_code, 1013);
		/* Members are not counted. */
		assert_true(ws_open(&m, server.port, FROM_SITE));
		ws_say(&m, "{\"type\":\"hello\",\"identity\":\"%s\"}",
		    token_of("m", AUD, (int64_t)(clock_wall_ms() / 1000), ",\"role\":\"member\""));
		expect(&m, "welcome");
		ws_done(&m);
		for (int i = 0; i < 3; i++)
			ws_done(&w[i]);
	}
}

static void address__of_a_proxys_client__is_the_last_one_it_names(void **state)
{
	(void)state;
	static const struct {
		const char *list;
		bool in;
	} rows[] = { { "203.0.113.1", true }, { "203.0.113.1", false }, { "203.0.113.2", true },
		{ "203.0.113.77, 203.0.113.2", false }, { "2001:db8::1", true }, { "2001:db8::2", false } /* the same network */,
		{ "2001:db8:0:1::2", true }, { "unknown", true } /* the proxy itself */, { "<script>", false } };
	struct ws w;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char headers[200];
		snprintf(headers, sizeof headers, "Sec-WebSocket-Protocol: eddy.v1\r\nX-Forwarded-For: %s\r\n", rows[i].list);
		assert_true(ws_open(&w, server.port, headers));
		ws_say(&w, "{\"type\":\"hello\",\"visitor\":\"\"}");
		const char *got = ws_hear(&w, 3000);
		if (got == NULL || strcmp(got, rows[i].in ? "welcome" : "error") != 0)
			fail_msg("%s: %s", rows[i].list, got ? got : "nothing");
		ws_done(&w);
	}
}

static void address__of_one_network__is_one(void **state)
{
	(void)state;
	char out[64];
	visitors_address("203.0.113.9", out);
	assert_string_equal(out, "203.0.113.9");
	visitors_address("::ffff:203.0.113.9", out);
	assert_string_equal(out, "203.0.113.9");
	visitors_address("2001:db8:1:2:3:4:5:6", out);
	assert_string_equal(out, "2001:db8:1:2::");
	visitors_address("", out);
	assert_string_equal(out, "");
}

/* The status, and the body in ${out}. */
static int get(const char *path, struct buf *out)
{
	char request[200];
	int fd = tcp_open(server.port), status = 0;
	snprintf(
	    request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nOrigin: %s\r\nConnection: close\r\n\r\n", path, SITE);
	assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
	buf_reset(out);
	while (tcp_fill(fd, out, out->len > 0 ? 500 : 15000))
		;
	close(fd);
	sscanf(out->p, "HTTP/1.1 %d", &status);
	return status;
}

static void widget__is_told__what_it_is(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	json_t *o = NULL;
	assert_int_equal(get("/api/widget", &b), 200);
	assert_non_null(strstr(b.p, "access-control-allow-origin: *"));
	assert_null(strstr(b.p, "access-control-allow-credentials"));
	assert_null(strstr(b.p, TOKEN_KEY));
	char *body = strstr(b.p, "\r\n\r\n") + 4;
	assert_int_equal(json_parse(body, strlen(body), 65536, &o, NULL), ERR_NONE);
	assert_string_equal(json_str(o, "consent", ""), "May we keep what you say?");
	assert_true(json_bool(o, "visitors", false));
	assert_false(json_bool(o, "handover", true));
	const json_t *fields = json_arr(o, "prechat");
	assert_int_equal(json_array_size(fields), 3);
	assert_string_equal(json_str(json_array_get(fields, 0), "name", ""), "name");
	assert_true(json_bool(json_array_get(fields, 0), "required", false));
	assert_string_equal(json_str(json_array_get(fields, 1), "name", ""), "email");
	assert_false(json_bool(json_array_get(fields, 1), "required", true));
	assert_string_equal(json_str(json_array_get(fields, 2), "name", ""), "Order number");
	json_decref(o);
	buf_done(&b);
}

static void widget__that_is_not_enabled__is_not_there(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct ws w;
	assert_int_equal(get("/api/widget", &b), 404);
	assert_non_null(strstr(b.p, "web.widget.enabled"));
	buf_done(&b);
	assert_true(ws_open(&w, server.port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(&w, "{\"type\":\"hello\",\"visitor\":\"\"}");
	denied(&w, "web.widget.enabled");
}

static void origin__that_is_not_listed__gets_no_connection(void **state)
{
	(void)state;
	static const char *const bad[] = { "https://www.example.com.evil.example", "http://www.example.com",
		"https://www.example.com:8443", "https://example.com", "null", "https://WWW.example.com",
		"https://www.example.com/" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ws w;
		char headers[200];
		snprintf(headers, sizeof headers, "Sec-WebSocket-Protocol: eddy.v1\r\nOrigin: %s\r\n", bad[i]);
		assert_false(ws_open(&w, server.port, headers));
		assert_int_equal(w.status, 403);
		ws_done(&w);
	}
}

static void settings__that_cannot_work__are_said_at_once(void **state)
{
	(void)state;
	static const struct {
		const char *set[3];
		const char *because;
	} rows[] = {
		{ { "web.widget.identity_key=too short" }, "shorter than 32" },
		{ { "web.widget.identity_key_old=too short" }, "shorter than 32" },
		{ { "web.widget.enabled=true", "web.widget.visitors=false" }, "identity_key" },
		{ { "web.widget.prechat=1,2,3,4,5,6,7,8,9" }, "more than 8" },
		{ { "web.widget.prechat=*" }, "1 to 60" },
	};
	static const struct setting *const tables[] = { core_settings, web_settings, NULL };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct settings *s = settings_new(tables);
		struct buf problems = BUF_INIT;
		char *none[] = { NULL }, why[512] = "";
		const char *o[4] = { rows[i].set[0], rows[i].set[1], rows[i].set[2], NULL };
		assert_int_equal(settings_load(s, NULL, none, (char *const *)(uintptr_t)o, &problems), ERR_NONE);
		assert_int_equal(web_check(s, false, why, sizeof why), ERR_INPUT);
		if (strstr(why, rows[i].because) == NULL)
			fail_msg("wanted \"%s\", got \"%s\"", rows[i].because, why);
		settings_free(s);
		buf_done(&problems);
	}
}

#define T(f, up) cmocka_unit_test_setup_teardown(f, up, server_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(visitor__new__gets_a_secret_and_lowest_rights, widget_up),
		T(visitor__that_comes_back__is_the_same_person_and_sees_what_was_said, widget_up),
		T(visitor__sees__nothing_of_others, widget_up),
		T(guest__is_not_told__how_an_answer_was_made, widget_up),
		T(visitor__with_a_secret_that_is_none__is_denied, widget_up),
		T(hello__with_two_ways_to_log_in_or_none__is_refused, widget_up),
		T(visitors__where_the_page_must_name_them__are_denied, widget_up_strict),
		T(identity__signed__is_that_person_as_a_guest_or_a_member, widget_up),
		T(identity__that_is_wrong__is_denied_with_its_reason, widget_up),
		T(identity__with_a_name__comes_back_in_its_tab_and_nowhere_else, widget_up),
		T(messages__that_come_too_fast__wait_and_are_taken_later, widget_up_slow),
		T(visitors__too_many_new_ones_of_an_address__are_told_when_to_come, widget_up_few),
		T(connections__of_guests__are_as_many_as_an_address_may_have, widget_up_narrow),
		T(address__of_a_proxys_client__is_the_last_one_it_names, widget_up_proxied),
		cmocka_unit_test(address__of_one_network__is_one),
		T(widget__is_told__what_it_is, widget_up),
		T(widget__that_is_not_enabled__is_not_there, server_up),
		T(origin__that_is_not_listed__gets_no_connection, widget_up),
		cmocka_unit_test(settings__that_cannot_work__are_said_at_once),
	};
	return cmocka_run_group_tests_name("visitors of the widget", tests, NULL, NULL);
}
