/*
 * What strangers, guests and other tenants try at the real port: forged identities of the widget, log-ins and API keys of others, pages that are not ours, ids of
 * other workspaces, words that want to be more than words.  One daemon bears them all.
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

#include "../support/attacks.h"
#include "attacked.h"
#include "harness.h"
#include "../adapters/web/ws_client.c"
#include "../adapters/web/token.c"

#define AUD "https://eddy.example.org"
#define SITE "https://www.example.org"
#define BOB_TOKEN "a-shared-token-of-forty-eight-characters-0123456"
#define ONE "11111111-2222-4333-8444-555555555551"
#define TWO "11111111-2222-4333-8444-555555555552"
#define NOT_THERE "01a1fec9-38b8-7000-9bc5-10164d908cfd"
static char local[80], ours[40];
static struct buf got;

/* ---- over HTTP ---- */
static int send_raw(const char *bytes, size_t n)
{
	int status = 0, fd = tcp_open(rig.d[0].port);
	assert_true(fd >= 0);
	(void)!send(fd, bytes, n, MSG_NOSIGNAL);
	buf_reset(&got);
	buf_reserve(&got, 1);
	while (tcp_fill(fd, &got, got.len > 0 ? 2000 : 15000))
		;
	close(fd);
	sscanf(got.p, "HTTP/1.%*c %d", &status);
	return status;
}

/* ${head}: further header lines; those that are not in it are as they should be. */
static int request(const char *method, const char *path, const char *head, const char *body)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "%s %s HTTP/1.1\r\nContent-Length: %zu\r\nConnection: close\r\n", method, path, strlen(body));
	if (strstr(head, "Host:") == NULL)
		buf_addf(&b, "Host: 127.0.0.1:%d\r\n", rig.d[0].port);
	if (strstr(head, "Content-Type:") == NULL)
		buf_add_str(&b, "Content-Type: application/json\r\n");
	buf_addf(&b, "%s\r\n%s", head, body);
	int status = send_raw(b.p, b.len);
	buf_done(&b);
	return status;
}

static int call_as(const char *token, const char *name, const char *args)
{
	char path[80], head[300];
	snprintf(path, sizeof path, "/api/v1/%s", name);
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", token);
	return request("POST", path, head, args);
}

static json_t *answer(void)
{
	const char *p = strstr(got.p, "\r\n\r\n");
	json_t *o = NULL;
	if (p == NULL || json_parse(p + 4, strlen(p + 4), 1u << 20, &o, NULL) != ERR_NONE)
		fail_msg("no JSON: %.600s", got.p);
	return o;
}

/* The last answer is what the row says: "404 not_found …". */
static void expect(const struct attack *a, int status)
{
	char code[64] = "";
	int wanted = 0;
	if (sscanf(a->refusal, "%d %63[a-z_]", &wanted, code) < 1)
		fail_msg("\"%s\" names no status", a->refusal);
	if (status != wanted || (*code != '\0' && strstr(got.p, code) == NULL))
		fail_msg("wanted %s, got %.600s", a->refusal, got.p);
	if (strstr(got.p, "kraken") != NULL || strstr(got.p, "salaries") != NULL)
		fail_msg("it is told: %.600s", got.p);
}

/* with: the procedure, its arguments, the token (absent: Bob's, a member). */
static void by_call(const struct attack *a)
{
	const char *token = a->with[2] == NULL ? BOB_TOKEN : strcmp(a->with[2], "owner") == 0 ? local : a->with[2];
	expect(a, call_as(token, a->with[0], a->with[1]));
}

/* with: method, path, header lines, body.  $LOCAL and $PORT in the lines stand for what they say. */
static void by_request(const struct attack *a)
{
	struct buf head = BUF_INIT;
	for (const char *p = a->with[2]; *p != '\0';)
		if (strncmp(p, "$LOCAL", 6) == 0) {
			buf_add_str(&head, local);
			p += 6;
		} else if (strncmp(p, "$PORT", 5) == 0) {
			buf_addf(&head, "%d", rig.d[0].port);
			p += 5;
		} else {
			buf_add_char(&head, *p++);
		}
	buf_reserve(&head, 1);
	expect(a, request(a->with[0], a->with[1], head.p, a->with[3]));
	buf_done(&head);
}

static void fill(const char *text, const char *word, char *out, size_t n)
{
	const char *at = strstr(text, "%s");
	snprintf(out, n, "%.*s%s%s", (int)(at - text), text, word, at + 2);
}

/* Word for word the same as for what does not exist at all, but for the name of the request. */
static void by_guessing(const struct attack *a)
{
	char args[200], first[1000];
	fill(a->with[1], a->with[2], args, sizeof args);
	expect(a, call_as(local, a->with[0], args));
	json_t *o = answer();
	json_object_del(o, "request_id");
	char *text = json_dumps(o, JSON_SORT_KEYS);
	snprintf(first, sizeof first, "%s", text);
	free(text);
	json_decref(o);
	fill(a->with[1], NOT_THERE, args, sizeof args);
	expect(a, call_as(local, a->with[0], args));
	o = answer();
	json_object_del(o, "request_id");
	text = json_dumps(o, JSON_SORT_KEYS);
	assert_string_equal(text, first);
	free(text);
	json_decref(o);
}

/* ---- keys ---- */
/* A key of the team "payments"; ${id} is its own. */
static void new_key(const char *role, const char *scopes, char text[100], char id[40])
{
	char args[300];
	snprintf(args, sizeof args, "{\"team\":\"payments\",\"name\":\"a program\",\"role\":\"%s\",\"scopes\":[%s]}", role, scopes);
	if (call_as(local, "key.issue", args) != 200)
		fail_msg("no key: %.600s", got.p);
	json_t *o = answer();
	snprintf(text, 100, "%s", json_str(o, "key", ""));
	snprintf(id, 40, "%s", json_str(o, "id", ""));
	json_decref(o);
}

static char team_key[100], team_key_id[40], read_key[100], read_key_id[40];

static void by_team_key(const struct attack *a)
{
	expect(a, call_as(team_key, a->with[0], a->with[1]));
}

static void by_reading_key(const struct attack *a)
{
	expect(a, call_as(read_key, a->with[0], a->with[1]));
}

static void key_prefix(const struct attack *a)
{
	char text[100];
	snprintf(text, sizeof text, "%.38s", team_key);
	expect(a, call_as(text, "org.get", "{\"team\":\"payments\"}"));
}

static void key_with_other_secret(const struct attack *a)
{
	char text[100];
	snprintf(text, sizeof text, "%.38s" SECRET43, team_key);
	expect(a, call_as(text, "org.get", "{\"team\":\"payments\"}"));
}

static void key_in_capitals(const struct attack *a)
{
	char text[100];
	snprintf(text, sizeof text, "%s", team_key);
	for (int i = 5; i < 37; i++)
		text[i] = (char)(text[i] >= 'a' && text[i] <= 'f' ? text[i] - 32 : text[i]);
	if (strcmp(text, team_key) == 0)
		text[37] = '-';
	expect(a, call_as(text, "org.get", "{\"team\":\"payments\"}"));
}

static void key_expired(const struct attack *a)
{
	char query[200];
	snprintf(query, sizeof query, "UPDATE api_keys SET expires_at = now() - interval '1 s' WHERE id = '%s' RETURNING 1",
	    read_key_id);
	rig_sql(&rig, query);
	expect(a, call_as(read_key, "org.get", "{\"team\":\"payments\"}"));
	snprintf(query, sizeof query, "UPDATE api_keys SET expires_at = now() + interval '9 days' WHERE id = '%s' RETURNING 1",
	    read_key_id);
	rig_sql(&rig, query);
	assert_int_equal(call_as(read_key, "org.get", "{\"team\":\"payments\"}"), 200);
}

static void key_revoked(const struct attack *a)
{
	char text[100], id[40], args[100];
	new_key("viewer", "\"config:read\"", text, id);
	assert_int_equal(call_as(text, "org.get", "{\"team\":\"payments\"}"), 200);
	snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
	assert_int_equal(call_as(local, "key.revoke", args), 200);
	expect(a, call_as(text, "org.get", "{\"team\":\"payments\"}"));
}

static void key_in_the_address(const struct attack *a)
{
	char path[400];
	snprintf(path, sizeof path, "/api/v1/session.get?token=%s&access_token=%s&key=%s", team_key, team_key, team_key);
	expect(a, request("POST", path, "", "{}"));
}

static void key_in_a_cookie(const struct attack *a)
{
	char head[400];
	snprintf(
	    head, sizeof head, "Cookie: token=%s; eddy_refresh_%.8s=%s; Authorization=Bearer %s\r\n", local, ours, local, local);
	expect(a, request("POST", "/api/v1/session.get", head, "{}"));
}

static void key_on_a_page(const struct attack *a)
{
	char head[300];
	snprintf(
	    head, sizeof head, "Authorization: Bearer %s\r\nX-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", local, rig.d[0].port);
	expect(a, request("POST", "/api/v1/session.get", head, "{}"));
}

/* What another did under the same idempotency key is neither told nor taken for one's own. */
static void others_idempotency_key(const struct attack *a)
{
	char head[300];
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\nIdempotency-Key: shared\r\n", local);
	int status = request("POST", "/api/v1/org.create", head, "{\"name\":\"kraken\",\"slug\":\"kraken\",\"kind\":\"team\"}");
	if (status != 200)
		fail_msg("%.600s", got.p);
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\nIdempotency-Key: shared\r\n", BOB_TOKEN);
	status = request("POST", "/api/v1/org.create", head, "{\"name\":\"kraken\",\"slug\":\"kraken\",\"kind\":\"team\"}");
	assert_null(strstr(got.p, "idempotency-replayed"));
	expect(a, status);
}

/* ---- log-ins ---- */
static void new_code(char code[60])
{
	char head[200];
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", local);
	assert_int_equal(request("POST", "/api/code", head, "{\"person\":\"ana\"}"), 200);
	json_t *o = answer();
	snprintf(code, 60, "%s", strstr(json_str(o, "url", ""), "#login=") + 7);
	json_decref(o);
}

/* with a page's own headers, and ${cookie} ("": none) */
static int from_page(const char *path, const char *cookie, const char *body)
{
	char head[500];
	snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n%s%s%s", rig.d[0].port,
	    *cookie != '\0' ? "Cookie: " : "", cookie, *cookie != '\0' ? "\r\n" : "");
	return request("POST", path, head, body);
}

static int log_in_with(const char *code)
{
	char body[100];
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	return from_page("/api/login", "", body);
}

/* Of the last answer. */
static void take_login(char cookie[200], char token[80])
{
	const char *set = strcasestr(got.p, "set-cookie: ");
	if (set == NULL)
		fail_msg("no cookie: %.600s", got.p);
	snprintf(cookie, 200, "%.*s", (int)strcspn(set + 12, ";"), set + 12);
	json_t *o = answer();
	snprintf(token, 80, "%s", json_str(o, "token", ""));
	json_decref(o);
}

static void log_in(char cookie[200], char token[80])
{
	char code[60];
	new_code(code);
	if (log_in_with(code) != 200)
		fail_msg("%.600s", got.p);
	take_login(cookie, token);
}

static void code_used_twice(const struct attack *a)
{
	char code[60];
	new_code(code);
	assert_int_equal(log_in_with(code), 200);
	expect(a, log_in_with(code));
}

static void code_too_old(const struct attack *a)
{
	char code[60];
	new_code(code);
	rig_sql(&rig, "WITH x AS (UPDATE login_codes SET expires_at = now() - interval '1 s' RETURNING 1) SELECT count(*) FROM x");
	expect(a, log_in_with(code));
}

static void code_guessed(const struct attack *a)
{
	expect(a, log_in_with(SECRET43));
}

static void code_from_other_page(const struct attack *a)
{
	char code[60], body[100];
	new_code(code);
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	expect(a, request("POST", "/api/login", "X-Eddy: 1\r\nOrigin: https://evil.example\r\n", body));
	expect(a, request("POST", "/api/login", "X-Eddy: 1\r\nOrigin: " SITE "\r\n", body)); /* may embed the widget, no more */
}

static void code_as_a_form(const struct attack *a)
{
	char code[60], body[100], head[200];
	new_code(code);
	snprintf(body, sizeof body, "code=%s", code);
	snprintf(head, sizeof head, "Origin: http://127.0.0.1:%d\r\nContent-Type: text/plain\r\n", rig.d[0].port);
	expect(a, request("POST", "/api/login", head, body));
}

static void code_made_by_a_page(const struct attack *a)
{
	expect(a, from_page("/api/code", "", "{\"person\":\"local\"}"));
}

/* Whoever has a copy of an old secret ends the session: for both. */
static void refresh_stolen(const struct attack *a)
{
	char first[200], second[200], token[80];
	log_in(first, token);
	assert_int_equal(from_page("/api/refresh", first, "{}"), 200);
	take_login(second, token);
	assert_int_equal(from_page("/api/refresh", second, "{}"), 200);
	expect(a, from_page("/api/refresh", first, "{}"));
	expect(a, from_page("/api/refresh", second, "{}"));
}

static void refresh_of_other_session(const struct attack *a)
{
	char one[200], two[200], mixed[300], token[80];
	log_in(one, token);
	log_in(two, token);
	const char *dot = strrchr(one, '.'), *other = strrchr(two, '.');
	assert_non_null(dot);
	snprintf(mixed, sizeof mixed, "%.*s%s", (int)(dot - one), one, other);
	expect(a, from_page("/api/refresh", mixed, "{}"));
}

static void refresh_from_other_page(const struct attack *a)
{
	char cookie[200], token[80], head[400];
	log_in(cookie, token);
	snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: https://evil.example\r\nCookie: %s\r\n", cookie);
	expect(a, request("POST", "/api/refresh", head, "{}"));
}

static void token_after_logout(const struct attack *a)
{
	char cookie[200], token[80], head[300];
	log_in(cookie, token);
	assert_int_equal(from_page("/api/logout", cookie, "{}"), 200);
	snprintf(
	    head, sizeof head, "Authorization: Bearer %s\r\nX-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", token, rig.d[0].port);
	expect(a, request("POST", "/api/v1/session.get", head, "{}"));
	expect(a, from_page("/api/refresh", cookie, "{}"));
}

/* ---- the widget ---- */
static struct ws line;

static void hello(const char *headers, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void hello(const char *headers, const char *format, ...)
{
	char text[5000];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	assert_true(ws_open(&line, rig.d[0].port, headers));
	ws_raw(&line, 0x81, text, strlen(text));
}
#define PROTOCOL "Sec-WebSocket-Protocol: eddy.v1\r\n"
#define WIDGET PROTOCOL "Origin: " SITE "\r\n"

static void hear(const char *type)
{
	for (const char *t; (t = ws_hear(&line, 20000)) != NULL;)
		if (strcmp(t, type) == 0)
			return;
	fail_msg("closed (%d) before %s", line.close_code, type);
}

/* "error denied": and then the connection ends. */
static void expect_denied(const struct attack *a)
{
	const char *t = ws_hear(&line, 20000);
	if (t == NULL || strcmp(t, "error") != 0 || strstr(a->refusal, json_str(line.frame, "code", "?")) == NULL)
		fail_msg("wanted %s, got %s %s", a->refusal, t != NULL ? t : "nothing", json_str(line.frame, "code", ""));
	assert_null(ws_hear(&line, 20000));
	ws_done(&line);
}

static int64_t now_s(void)
{
	return (int64_t)time(NULL);
}

static void identity_refused(const struct attack *a, const char *token)
{
	hello(WIDGET, "{\"type\":\"hello\",\"identity\":\"%s\",\"device\":\"tab1\"}", token);
	expect_denied(a);
}

/* with: the header, claims (of which %lld is now), the key */
static void identity_made(const struct attack *a)
{
	char claims[600];
	/* rows are literals of this file */
	int n = 0;
	for (const char *p = a->with[1]; *p != '\0' && n < 500; p++)
		if (*p == '@') {
			long long shift = strtoll(p + 1, (char **)(uintptr_t)&p, 10);
			n += snprintf(claims + n, sizeof claims - (size_t)n, "%lld", (long long)now_s() + shift);
			p--;
		} else {
			claims[n++] = *p;
		}
	claims[n] = '\0';
	identity_refused(a, token_make(a->with[2] != NULL ? a->with[2] : TOKEN_KEY, a->with[0], claims));
}

static void identity_unsigned(const struct attack *a)
{
	char token[1000];
	snprintf(token, sizeof token, "%s",
	    token_make(TOKEN_KEY, "{\"alg\":\"none\"}", "{\"sub\":\"ann\",\"aud\":\"" AUD "\",\"iat\":1,\"exp\":9999999999}"));
	strrchr(token, '.')[1] = '\0';
	identity_refused(a, token);
	*strrchr(token, '.') = '\0';
	identity_refused(a, token);
}

static void identity_with_other_signature(const struct attack *a)
{
	char one[1000], two[1000];
	snprintf(one, sizeof one, "%s", token_of("ann", AUD, now_s(), ""));
	snprintf(two, sizeof two, "%s", token_of("eve", AUD, now_s(), ""));
	snprintf(strrchr(one, '.'), 100, "%s", strrchr(two, '.'));
	identity_refused(a, one);
}

static void identity_cut(const struct attack *a)
{
	char token[1000];
	snprintf(token, sizeof token, "%s", token_of("ann", AUD, now_s(), ""));
	size_t n = strlen(token);
	token[n - 1] = '\0';
	identity_refused(a, token);
	token[n - 20] = '\0';
	identity_refused(a, token);
	strchr(token, '.')[0] = '\0';
	identity_refused(a, token);
}

static void identity_replayed(const struct attack *a)
{
	char token[1000];
	snprintf(token, sizeof token, "%s", token_of("ann", AUD, now_s(), ",\"jti\":\"once\""));
	hello(WIDGET, "{\"type\":\"hello\",\"identity\":\"%s\",\"device\":\"tab0\"}", token);
	hear("welcome");
	ws_done(&line);
	identity_refused(a, token);
	/* Another token under the same name. */
	identity_refused(a, token_of("ann", AUD, now_s(), ",\"jti\":\"once\",\"role\":\"member\""));
}

static void visitor_guessed(const struct attack *a)
{
	hello(WIDGET, "{\"type\":\"hello\",\"visitor\":\"" SECRET43 "\"}");
	const char *t = ws_hear(&line, 20000);
	if (t != NULL && strcmp(t, "error") == 0) {
		assert_non_null(strstr(a->refusal, json_str(line.frame, "code", "?")));
	} else {
		fail_msg("let in");
	}
	ws_done(&line);
}

static void as_visitor(void)
{
	hello(WIDGET, "{\"type\":\"hello\",\"visitor\":\"\"}");
	hear("welcome");
}

/* with: a frame; the answer is an error or a problem of the row's code. */
static void by_visitor(const struct attack *a)
{
	as_visitor();
	ws_raw(&line, 0x81, a->with[0], strlen(a->with[0]));
	const char *t = ws_hear(&line, 20000);
	char code[64] = "";
	sscanf(a->refusal, "%63[a-z_]", code);
	const char *said = t == NULL    ? "nothing"
	    : strcmp(t, "problem") == 0 ? json_str(json_obj(line.frame, "problem"), "code", "?")
	                                : json_str(line.frame, "code", "?");
	if (strcmp(said, code) != 0)
		fail_msg("wanted %s, got %s %s", a->refusal, t != NULL ? t : "", said);
	ws_done(&line);
}

/* ---- the websocket ---- */
/* with: headers; the handshake has the row's status. */
static void handshake(const struct attack *a)
{
	assert_false(ws_open(&line, rig.d[0].port, a->with[0]));
	int wanted = atoi(a->refusal);
	if (line.status != wanted)
		fail_msg("wanted %s, got %d", a->refusal, line.status);
	ws_done(&line);
}

static void token_in_the_url(const struct attack *a)
{
	struct buf b = BUF_INIT;
	line = (struct ws){ .fd = tcp_open(rig.d[0].port) };
	buf_addf(&b,
	    "GET /?token=%s&access_token=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" PROTOCOL "\r\n",
	    local, local, rig.d[0].port, local);
	(void)!send(line.fd, b.p, b.len, MSG_NOSIGNAL);
	buf_done(&b);
	char *end = NULL;
	while ((end = line.in.p == NULL ? NULL : strstr(line.in.p, "\r\n\r\n")) == NULL)
		if (!tcp_fill(line.fd, &line.in, 15000))
			fail_msg("no handshake");
	buf_drop(&line.in, (size_t)(end - line.in.p) + 4);
	ws_say(&line, "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
	expect_denied(a);
}

static void local_token_through_a_proxy(const struct attack *a)
{
	hello(PROTOCOL "X-Forwarded-For: 203.0.113.9\r\n", "{\"type\":\"hello\",\"token\":\"%s\"}", local);
	expect_denied(a);
}

/* Bob names Ann's thread in every frame that takes one: he has an empty one of that name. */
static void anothers_thread(const struct attack *a)
{
	(void)a;
	hello(PROTOCOL, "{\"type\":\"hello\",\"token\":\"" BOB_TOKEN "\",\"features\":[\"threads\"]}");
	hear("welcome");
	ws_say(&line, "{\"type\":\"subscribe\",\"thread\":\"" ONE "\"}");
	const char *t = ws_hear(&line, 20000);
	assert_string_equal(t, "subscribed");
	assert_int_equal(json_int(line.frame, "rev", -1), 0);
	ws_say(&line, "{\"type\":\"history\",\"thread\":\"" ONE "\"}");
	hear("history");
	assert_int_equal(json_array_size(json_arr(line.frame, "runs")), 0);
	ws_say(&line, "{\"type\":\"threads\",\"only\":\"" ONE "\"}");
	hear("threads");
	assert_int_equal(json_array_size(json_arr(line.frame, "items")), 0);
	ws_say(&line, "{\"type\":\"search\",\"text\":\"kraken\",\"thread\":\"" ONE "\"}");
	hear("found");
	assert_int_equal(json_array_size(json_arr(line.frame, "items")), 0);
	ws_say(&line, "{\"type\":\"delete\",\"thread\":\"" ONE "\",\"client_id\":\"d1\",\"key\":\"a1\"}");
	(void)ws_hear(&line, 20000);
	ws_say(&line, "{\"type\":\"edit\",\"thread\":\"" ONE "\",\"client_id\":\"d2\",\"key\":\"a1\",\"text\":\"mine\"}");
	(void)ws_hear(&line, 20000);
	ws_say(&line, "{\"type\":\"stop\",\"thread\":\"" ONE "\"}");
	ws_say(&line, "{\"type\":\"ping\"}");
	hear("pong");
	ws_done(&line);
}

static void second_hello(const struct attack *a)
{
	as_visitor();
	ws_say(&line, "{\"type\":\"hello\",\"token\":\"%s\"}", local);
	const char *t = ws_hear(&line, 20000);
	if (t == NULL || strcmp(t, "error") != 0 || strstr(a->refusal, json_str(line.frame, "code", "?")) == NULL)
		fail_msg("wanted %s, got %s %s", a->refusal, t != NULL ? t : "nothing", json_str(line.frame, "code", ""));
	ws_done(&line);
}

/* ---- words that want to be more ---- */
#define QUOTE "'); DELETE FROM eddy.messages; --"
/* with: the procedure, arguments with %s for the words; it is taken as words, or as nothing that can be. */
static void injected(const struct attack *a)
{
	static const char *const words[] = { QUOTE, "\\\"}; DROP TABLE eddy.messages CASCADE; --", "$1::text || chr(0)",
		"{{ secrets }} ${HOME} %s%n", "<script>alert(1)</script>", "\\u202egnp.exe", "__proto__", "*:* | ! & <->",
		"%' OR '1'='1", "../../../../etc/passwd", "' UNION SELECT secret_hash FROM eddy.api_key_homes --" };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		struct buf args = BUF_INIT;
		const char *at = strstr(a->with[1], "%s");
		buf_add(&args, a->with[1], (size_t)(at - a->with[1]));
		buf_add_str(&args, words[i]);
		buf_add_str(&args, at + 2);
		int status = call_as(local, a->with[0], args.p);
		if (status >= 500 || status == 0 || strstr(got.p, "syntax") != NULL || strstr(got.p, "ERROR:") != NULL)
			fail_msg("%s: %.600s", words[i], got.p);
		if (strstr(got.p, "root:") != NULL || strstr(got.p, "kraken") != NULL)
			fail_msg("%s is told: %.600s", words[i], got.p);
		buf_done(&args);
	}
}

/* A private channel by every way in which a search can name it. */
static void search_of_the_board(const struct attack *a)
{
	static const char *const texts[] = { "in:board salaries", "in:#board salaries", "in:" BOARD " salaries", "salaries",
		"in:\\\"board\\\" salaries", "from:Ben salaries", "in:board after:2000-01-01", "in:board* has:number",
		"in:board OR salaries", "\\\"the salaries are\\\"" };
	(void)a;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char args[300];
		snprintf(args, sizeof args, "{\"text\":\"%s\"}", texts[i]);
		int status = call_as(BOB_TOKEN, "search.messages", args);
		if (status == 200) {
			json_t *o = answer();
			if (json_int(o, "total", -1) != 0 || json_array_size(json_arr(o, "hits")) != 0)
				fail_msg("%s: %.600s", texts[i], got.p);
			json_decref(o);
		} else if (status != 400) {
			fail_msg("%s: %.600s", texts[i], got.p);
		}
		assert_null(strstr(got.p, "ninelamas"));
	}
}

/* with: a request as it stands, with what it smuggles behind it. */
static void smuggled(const struct attack *a)
{
	struct buf b = BUF_INIT;
	buf_addf(&b,
	    "POST /healthz HTTP/1.1\r\nHost: localhost\r\n%sPOST /api/v1/session.get HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}",
	    a->with[0], local);
	int status = send_raw(b.p, b.len);
	if (status != 0 && status < 400)
		fail_msg("%.300s", got.p);
	assert_null(strstr(got.p, "\"workspace\""));
	buf_done(&b);
}

/* ---- the catalogue ---- */
#define KEYS "api_key_homes members nodes"
#define HS "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define CLAIMS "{\"sub\":\"ann\",\"aud\":\"" AUD "\",\"iat\":@0,\"exp\":@300}"
#define WIDGET_KEPT ATTACKED_TALK " people identities"

static const struct attack attacks[] = {
	/* widget identities */
	{ "widget: an identity that is not signed (alg none)", "error denied, closed", WIDGET_KEPT, identity_unsigned, { NULL } },
	{ "widget: alg None, signed with the right key", "error denied, closed", WIDGET_KEPT, identity_made,
	    { "{\"alg\":\"None\"}", CLAIMS } },
	{ "widget: alg RS256, signed with a public key as if it were the secret", "error denied, closed", WIDGET_KEPT,
	    identity_made, { "{\"alg\":\"RS256\"}", CLAIMS, "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n" } },
	{ "widget: signed with another key, as another workspace's page would", "error denied, closed", WIDGET_KEPT, identity_made,
	    { HS, CLAIMS, "another-key-that-is-as-long-as-the-others" } },
	{ "widget: signed with an empty key", "error denied, closed", WIDGET_KEPT, identity_made, { HS, CLAIMS, "" } },
	{ "widget: somebody else's claims under a good signature", "error denied, closed", WIDGET_KEPT,
	    identity_with_other_signature, { NULL } },
	{ "widget: an identity cut short", "error denied, closed", WIDGET_KEPT, identity_cut, { NULL } },
	{ "widget: an identity that has ended", "error denied, closed", WIDGET_KEPT, identity_made,
	    { HS, "{\"sub\":\"ann\",\"aud\":\"" AUD "\",\"iat\":@-900,\"exp\":@-600}" } },
	{ "widget: an identity from the future", "error denied, closed", WIDGET_KEPT, identity_made,
	    { HS, "{\"sub\":\"ann\",\"aud\":\"" AUD "\",\"iat\":@900,\"exp\":@1000}" } },
	{ "widget: an identity that would live for a year", "error denied, closed", WIDGET_KEPT, identity_made,
	    { HS, "{\"sub\":\"ann\",\"aud\":\"" AUD "\",\"iat\":@0,\"exp\":@31536000}" } },
	{ "widget: an identity for another site", "error denied, closed", WIDGET_KEPT, identity_made,
	    { HS, "{\"sub\":\"ann\",\"aud\":\"https://eddy.example.com\",\"iat\":@0,\"exp\":@300}" } },
	{ "widget: an identity for no site", "error denied, closed", WIDGET_KEPT, identity_made,
	    { HS, "{\"sub\":\"ann\",\"iat\":@0,\"exp\":@300}" } },
	{ "widget: a role that pages cannot give", "error denied, closed", WIDGET_KEPT, identity_made,
	    { HS, "{\"sub\":\"ann\",\"aud\":\"" AUD "\",\"iat\":@0,\"exp\":@300,\"role\":\"owner\"}" } },
	{ "widget: a claim said twice", "error denied, closed", WIDGET_KEPT, identity_made,
	    { HS, "{\"sub\":\"eve\",\"aud\":\"" AUD "\",\"iat\":@0,\"exp\":@300,\"sub\":\"ann\"}" } },
	{ "widget: a header that asks for what we do not know (crit)", "error denied, closed", WIDGET_KEPT, identity_made,
	    { "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", CLAIMS } },
	{ "widget: an identity replayed in another tab, and another one of its name", "error denied, closed", ATTACKED_TALK,
	    identity_replayed, { NULL } },
	{ "widget: a visitor's secret guessed", "error denied", WIDGET_KEPT, visitor_guessed, { NULL } },
	{ "widget: a visitor calls a procedure", "forbidden", WIDGET_KEPT, by_visitor,
	    { "{\"type\":\"call\",\"id\":\"1\",\"name\":\"thread.list\",\"args\":{}}" } },
	{ "widget: a visitor asks what a run took", "refused", WIDGET_KEPT, by_visitor,
	    { "{\"type\":\"history\",\"thread\":\"" ONE "\"}" } },
	{ "widget: a visitor rates an answer that is not theirs", "refused", WIDGET_KEPT, by_visitor,
	    { "{\"type\":\"feedback\",\"thread\":\"" ONE "\",\"client_id\":\"f\",\"message\":\"" NOT_THERE
	      "\",\"value\":\"up\"}" } },
	{ "widget: a visitor says hello again, with the owner's token", "error bad_frame", WIDGET_KEPT, second_hello, { NULL } },
	/* the websocket */
	{ "websocket: opened by a page of others", "403", ATTACKED_TALK, handshake,
	    { PROTOCOL "Origin: https://evil.example\r\n" } },
	{ "websocket: opened by a page whose name begins like ours", "403", ATTACKED_TALK, handshake,
	    { PROTOCOL "Origin: https://www.example.org.evil.example\r\n" } },
	{ "websocket: opened by a page without an origin of its own (null)", "403", ATTACKED_TALK, handshake,
	    { PROTOCOL "Origin: null\r\n" } },
	{ "websocket: no protocol named, as a plain form would", "400", ATTACKED_TALK, handshake, { "" } },
	{ "websocket: the token in the address", "error hello_first, closed", ATTACKED_TALK, token_in_the_url, { NULL } },
	{ "websocket: this machine's token through a proxy", "error denied, closed", ATTACKED_TALK, local_token_through_a_proxy,
	    { NULL } },
	{ "websocket: another's thread, by every frame that names one", "an empty thread of one's own",
	    "messages runs outbox context_items", anothers_thread, { NULL } },
	/* log-ins */
	{ "log-in: a link used twice", "401", ATTACKED_TALK, code_used_twice, { NULL } },
	{ "log-in: a link that is too old", "401", ATTACKED_TALK " sessions", code_too_old, { NULL } },
	{ "log-in: a link guessed", "401", ATTACKED_TALK " sessions login_codes", code_guessed, { NULL } },
	{ "log-in: a link followed by a page of others (log-in CSRF)", "403", ATTACKED_TALK " sessions", code_from_other_page,
	    { NULL } },
	{ "log-in: a link followed by a form", "415", ATTACKED_TALK " sessions", code_as_a_form, { NULL } },
	{ "log-in: a page makes itself a link", "403", ATTACKED_TALK " sessions login_codes", code_made_by_a_page, { NULL } },
	{ "log-in: a refresh secret that was stolen and replaced", "401 for thief and owner", ATTACKED_TALK, refresh_stolen,
	    { NULL } },
	{ "log-in: one session's name with another's secret", "401", ATTACKED_TALK, refresh_of_other_session, { NULL } },
	{ "log-in: a refresh cookie in another browser's page", "403", ATTACKED_TALK, refresh_from_other_page, { NULL } },
	{ "log-in: an access token after logging out", "401", ATTACKED_TALK, token_after_logout, { NULL } },
	/* API keys */
	{ "key: only its beginning", "401 unauthenticated", KEYS, key_prefix, { NULL } },
	{ "key: a known id with a guessed secret", "401 unauthenticated", KEYS, key_with_other_secret, { NULL } },
	{ "key: its id in capitals", "401 unauthenticated", KEYS, key_in_capitals, { NULL } },
	{ "key: expired", "401 unauthenticated", "members nodes api_key_homes", key_expired, { NULL } },
	{ "key: revoked", "401 unauthenticated", "members nodes", key_revoked, { NULL } },
	{ "key: in the address", "401 unauthenticated", KEYS, key_in_the_address, { NULL } },
	{ "key: in a cookie", "401 unauthenticated", KEYS, key_in_a_cookie, { NULL } },
	{ "key: this machine's token shown by a page", "401 unauthenticated", KEYS, key_on_a_page, { NULL } },
	{ "key: of another workspace reads a thread of ours", "404 not_found", ATTACKED_TALK, by_call,
	    { "thread.get", "{\"id\":\"" BOARD_THREAD "\"}", "eddy_0f0f0f0f000040008000000000000007_" SECRET43 } },
	{ "key: a reading one writes", "403 forbidden", KEYS " " ATTACKED_TALK, by_reading_key,
	    { "thread.rename", "{\"team\":\"payments\",\"id\":\"" NOT_THERE "\",\"title\":\"x\"}" } },
	{ "key: reaches for another scope", "403 forbidden", KEYS, by_reading_key, { "key.list", "{\"team\":\"payments\"}" } },
	{ "key: makes itself a higher one", "403 forbidden", KEYS, by_team_key,
	    { "key.issue", "{\"team\":\"payments\",\"name\":\"x\",\"role\":\"owner\",\"scopes\":[\"keys\"]}" } },
	{ "key: makes one with scopes that it lacks", "403 forbidden", KEYS, by_team_key,
	    { "key.issue", "{\"team\":\"payments\",\"name\":\"x\",\"role\":\"viewer\",\"scopes\":[\"audit:read\"]}" } },
	{ "key: of a team lists those of another team", "404 not_found", KEYS, by_team_key,
	    { "key.list", "{\"team\":\"billing\"}" } },
	{ "key: of a team acts on the organisation", "404 not_found", KEYS, by_team_key,
	    { "member.put", "{\"person\":\"web:shared\",\"role\":\"owner\"}" } },
	/* the API */
	{ "API: nobody at all", "401 unauthenticated", KEYS " " ATTACKED_TALK, by_request,
	    { "POST", "/api/v1/thread.list", "", "{}" } },
	{ "API: a member does an admin's work", "403 forbidden", KEYS, by_call,
	    { "member.put", "{\"person\":\"web:shared\",\"role\":\"owner\"}" } },
	{ "API: a member reads the audit log", "403 forbidden", KEYS, by_call, { "audit.list", "{}" } },
	{ "API: the workspace named in the arguments", "400 invalid", ATTACKED_TALK, by_call,
	    { "thread.list", "{\"ws\":\"" WS2 "\"}", "owner" } },
	{ "API: the person named in the arguments", "400 invalid", ATTACKED_TALK, by_call,
	    { "usage.mine", "{\"person\":\"" PERSON2 "\"}" } },
	{ "API: a thread of another workspace", "404 not_found, word for word as for none", ATTACKED_TALK, by_guessing,
	    { "thread.get", "{\"id\":\"%s\"}", THREAD2 } },
	{ "API: messages of another workspace", "404 not_found, word for word as for none", ATTACKED_TALK, by_guessing,
	    { "message.list", "{\"thread\":\"%s\"}", THREAD2 } },
	{ "API: another workspace's thread renamed", "404 not_found, word for word as for none", ATTACKED_TALK, by_guessing,
	    { "thread.rename", "{\"title\":\"mine\",\"id\":\"%s\"}", THREAD2 } },
	{ "API: another workspace's key revoked", "404 not_found, word for word as for none", KEYS, by_guessing,
	    { "key.revoke", "{\"id\":\"%s\"}", KEY2 } },
	{ "API: another workspace's memory forgotten", "404 not_found, word for word as for none", ATTACKED_TALK, by_guessing,
	    { "memory.forget", "{\"id\":\"%s\"}", ITEM2 } },
	{ "API: a thread of a private channel", "404 not_found, word for word as for none", ATTACKED_TALK, by_guessing,
	    { "thread.get", "{\"id\":\"%s\"}", BOARD_THREAD } },
	{ "API: side threads of a private channel's thread", "404 not_found, word for word as for none", ATTACKED_TALK, by_guessing,
	    { "fork.list", "{\"thread\":\"%s\"}", BOARD_THREAD } },
	{ "API: a role for a person of another workspace", "404 not_found", KEYS, by_call,
	    { "member.put", "{\"person\":\"" PERSON2 "\",\"role\":\"owner\"}", "owner" } },
	{ "API: a private channel searched by every filter", "nothing found", ATTACKED_TALK, search_of_the_board, { NULL } },
	{ "API: a cursor that was tampered with", "400 invalid", ATTACKED_TALK, by_call,
	    { "thread.list", "{\"cursor\":\"ffffffffffffffffffffffffffffffffffff\"}" } },
	{ "API: a cursor that is SQL", "400 invalid", ATTACKED_TALK, by_call, { "thread.list", "{\"cursor\":\"" QUOTE "\"}" } },
	{ "API: another's idempotency key", "403 forbidden, and nothing of the first answer", ATTACKED_TALK, others_idempotency_key,
	    { NULL } },
	{ "API: words with SQL, templates and controls in a search", "taken as words", ATTACKED_TALK, injected,
	    { "search.messages", "{\"text\":\"%s\"}" } },
	{ "API: the same in the name of a team", "taken as words", ATTACKED_TALK, injected, { "org.get", "{\"team\":\"%s\"}" } },
	{ "API: the same in a thread's title", "taken as words", ATTACKED_TALK, injected,
	    { "thread.rename", "{\"id\":\"" NOT_THERE "\",\"title\":\"%s\"}" } },
	{ "API: the same where an id is wanted", "taken as words", ATTACKED_TALK, injected, { "thread.get", "{\"id\":\"%s\"}" } },
	{ "API: the same as a person", "taken as words", KEYS, injected, { "member.remove", "{\"person\":\"%s\"}" } },
	{ "API: the same as what a route claims", "taken as words", KEYS " routes", injected,
	    { "route.lookup", "{\"channel\":\"%s\"}" } },
	/* HTTP */
	{ "HTTP: a page of others calls with a token", "403 forbidden", KEYS, by_request,
	    { "POST", "/api/v1/session.get", "Authorization: Bearer " BOB_TOKEN "\r\nX-Eddy: 1\r\nOrigin: https://evil.example\r\n",
	        "{}" } },
	{ "HTTP: our own page without the header that no other can send", "403 forbidden", KEYS, by_request,
	    { "POST", "/api/v1/session.get", "Authorization: Bearer " BOB_TOKEN "\r\nOrigin: " SITE "\r\n", "{}" } },
	{ "HTTP: a preflight from a page of others", "403", KEYS, by_request,
	    { "OPTIONS", "/api/v1/session.get", "Origin: https://evil.example\r\nAccess-Control-Request-Method: POST\r\n", "" } },
	{ "HTTP: a name that was pointed at this machine (DNS rebinding)", "403 forbidden", KEYS, by_request,
	    { "POST", "/api/v1/session.get",
	        "Host: evil.example:$PORT\r\nAuthorization: Bearer " BOB_TOKEN
	        "\r\nX-Eddy: 1\r\nOrigin: http://evil.example:$PORT\r\n",
	        "{}" } },
	{ "HTTP: a form posted to a procedure", "415 unsupported_media_type", KEYS, by_request,
	    { "POST", "/api/v1/session.get",
	        "Authorization: Bearer " BOB_TOKEN "\r\nContent-Type: application/x-www-form-urlencoded\r\n", "a=b" } },
	{ "HTTP: a procedure by GET, as an image's address would", "405 method_not_allowed", KEYS, by_request,
	    { "GET", "/api/v1/session.get", "Authorization: Bearer " BOB_TOKEN "\r\n", "" } },
	{ "HTTP: the method overridden", "405 method_not_allowed", KEYS, by_request,
	    { "GET", "/api/v1/session.get", "Authorization: Bearer " BOB_TOKEN "\r\nX-HTTP-Method-Override: POST\r\n", "" } },
	{ "HTTP: this machine's token from elsewhere, with the address forged", "401 unauthenticated", KEYS, by_request,
	    { "POST", "/api/v1/session.get", "Authorization: Bearer $LOCAL\r\nX-Forwarded-For: 127.0.0.1, 203.0.113.9\r\n",
	        "{}" } },
	{ "HTTP: two lengths, and a call behind the shorter one", "refused, closed", KEYS, smuggled,
	    { "Content-Length: 0\r\nContent-Length: 4\r\n\r\n" } },
	{ "HTTP: a length and chunks, and a call behind them", "refused, closed", KEYS, smuggled,
	    { "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" } },
	{ "HTTP: strange chunks, and a call behind them", "refused, closed", KEYS, smuggled,
	    { "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" } },
	{ "HTTP: a name with a path in it", "404 not_found", KEYS, by_request,
	    { "POST", "/api/v1/..%2f..%2fetc%2fpasswd", "Authorization: Bearer " BOB_TOKEN "\r\n", "{}" } },
};

/* ---- set-up ---- */
static const char *admin_text(const char *query)
{
	return rig_sql_text(&rig, query);
}

static void settle(void)
{
	rig_settle(&rig, 20000);
}

static int up(void **state)
{
	if (rig_set_up(state) != 0)
		return -1;
	rig_env(&rig, "EDDY_WEB_TOKEN=" BOB_TOKEN);
	rig_env(&rig, "EDDY_WEB_FORWARDED=true");
	rig_env(&rig, "EDDY_WEB_ALLOWED_ORIGINS=" SITE);
	rig_env(&rig, "EDDY_WEB_WIDGET_ENABLED=true");
	rig_env(&rig, "EDDY_WEB_WIDGET_AUDIENCE=" AUD);
	rig_env(&rig, "EDDY_WEB_WIDGET_IDENTITY_KEY=" TOKEN_KEY);
	rig_env(&rig, "EDDY_WEB_API_RATE=1000");
	rig_serve(&rig, 0, NULL);
	rig_local_token(&rig, 0, local);
	/* Ann, the owner at this machine, has a thread of her own, and so has Bob. */
	for (int bob = 0; bob < 2; bob++) {
		hello(PROTOCOL, "{\"type\":\"hello\",\"token\":\"%s\"}", bob ? BOB_TOKEN : local);
		hear("welcome");
		ws_say(&line, "{\"type\":\"subscribe\",\"thread\":\"%s\"}", bob ? TWO : ONE);
		hear("subscribed");
		ws_say(&line, "{\"type\":\"send\",\"thread\":\"%s\",\"client_id\":\"%s\",\"text\":\"%s #1\"}", bob ? TWO : ONE,
		    bob ? "b1" : "a1", bob ? "hello" : "the kraken sleeps");
		do
			hear("message");
		while (strcmp(json_str(json_obj(line.frame, "author"), "kind", ""), "eddy") != 0);
		ws_done(&line);
	}
	snprintf(ours, sizeof ours, "%s", rig_sql_text(&rig, "SELECT ws::text FROM workspaces"));
	attacked_seed();
	static const char *const teams[] = { "payments", "billing" };
	for (int i = 0; i < 2; i++) {
		char args[200];
		snprintf(args, sizeof args, "{\"name\":\"%s\",\"slug\":\"%s\",\"kind\":\"team\"}", teams[i], teams[i]);
		if (call_as(local, "org.create", args) != 200)
			rig_fail(&rig, "no team: %.600s", got.p);
	}
	new_key("admin", "\"keys\",\"config:read\",\"config:write\"", team_key, team_key_id);
	new_key("viewer", "\"config:read\",\"talk:read\"", read_key, read_key_id);
	return 0;
}

int main(void)
{
	return attacks_run("web", attacks, sizeof attacks / sizeof *attacks, admin_text, settle, up, rig_tear_down);
}
