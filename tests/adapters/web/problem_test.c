/*
 * Every address of the server with every method: each answer carries the headers that keep pages apart, and each refusal is a problem of RFC 9457 with a name
 * that its header says too.  And every address that changes something, as pages of others, nobody's and ours would call it, with all that could speak for
 * somebody.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.c"
#include "ws_client.c"
#include "server_fixture.c"

#define GOOD_KEY "eddy_00000000-0000-4000-8000-000000000001_good"

static struct buf got;

static int ask(const char *text, size_t n)
{
	int status = 0, fd = tcp_open(server.port);
	assert_true(fd >= 0);
	assert_true(send(fd, text, n, MSG_NOSIGNAL) == (ssize_t)n);
	buf_reset(&got);
	buf_reserve(&got, 1);
	while (tcp_fill(fd, &got, got.len > 0 ? 2000 : 15000))
		;
	close(fd);
	sscanf(got.p, "HTTP/1.%*c %d", &status);
	return status;
}

static bool has(const char *header)
{
	const char *end = strstr(got.p, "\r\n\r\n"), *at = strstr(got.p, header);
	return at != NULL && end != NULL && at < end;
}

static void assert_safe(const char *what)
{
	static const char *const headers[] = { "x-content-type-options: nosniff\r\n", "x-frame-options: DENY\r\n",
		"referrer-policy: no-referrer\r\n", "cross-origin-opener-policy: same-origin\r\n",
		"content-security-policy: default-src 'none'", "cross-origin-resource-policy: ", "cache-control: " };
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
		if (!has(headers[i]) && strstr(what, "unsubscribe") == NULL)
			fail_msg("%s: without %s in %.900s", what, headers[i], got.p);
	if (has("server:"))
		fail_msg("%s: says what it is", what);
}

static void assert_problem(const char *what, int status, bool head)
{
	char line[80] = "", type[90];
	const char *id = strstr(got.p, "x-request-id: "), *text = strstr(got.p, "\r\n\r\n");
	json_t *o = NULL;
	if (!has("content-type: application/problem+json\r\n") || id == NULL || sscanf(id, "x-request-id: %79[^\r]", line) != 1)
		fail_msg("%s: no problem: %.900s", what, got.p);
	if (status == 405 && !has("allow: "))
		fail_msg("%s: what is allowed is not said", what);
	if (head)
		return;
	if (json_parse(text + 4, strlen(text + 4), 4096, &o, NULL) != ERR_NONE)
		fail_msg("%s: %.900s", what, got.p);
	snprintf(type, sizeof type, "urn:eddy:problem:%s", json_str(o, "code", ""));
	assert_string_equal(json_str(o, "type", ""), type);
	assert_string_equal(json_str(o, "request_id", ""), line);
	assert_int_equal(json_int(o, "status", 0), status);
	assert_true(json_str(o, "title", "")[0] != '\0' && json_str(o, "detail", "")[0] != '\0');
	assert_null(json_object_get(o, "error"));
	/* The sentence is for people. */
	const char *detail = json_str(o, "detail", "");
	if (detail[0] < 'A' || detail[0] > 'Z' || detail[strlen(detail) - 1] != '.')
		fail_msg("%s: %s", what, detail);
	json_decref(o);
}

static void every_address__with_every_method__is_safe_and_says_what_is_wrong(void **state)
{
	(void)state;
	static const char *const paths[] = { "/", "/chat.js", "/widget.js", "/api/page", "/api/widget", "/healthz", "/readyz",
		"/metrics", "/api/login", "/api/login/mail", "/api/refresh", "/api/logout", "/api/logout-all", "/api/code",
		"/api/unsubscribe/x", "/api/login/slack", "/api/login/slack/callback", "/api/login/oidc",
		"/api/login/oidc/callback", "/api/login/oidc/link", "/api/v1/fake.get", "/api/v1/", "/api/v1/no.such", "/api/v1",
		"/api", "/api/", "/files", "/files/x", "/nowhere", "/../etc/passwd", "/%2e%2e/x", "/healthz/", "//", "/?x=1" };
	static const char *const methods[] = { "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW" };
	char request[600], what[120];
	int refused = 0, fine = 0;
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		for (size_t k = 0; k < sizeof methods / sizeof *methods; k++) {
			bool body = k >= 2 && k <= 4;
			int n = snprintf(request, sizeof request,
			    "%s %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n%s\r\n%s", methods[k], paths[i],
			    server.port, body ? "Content-Type: application/json\r\nContent-Length: 2\r\n" : "", body ? "{}" : "");
			snprintf(what, sizeof what, "%s %s", methods[k], paths[i]);
			int status = ask(request, (size_t)n);
			/* What the library takes for no HTTP it does not hand to anybody. */
			if (status == 0 || (k >= 7 && !has("x-content-type-options")))
				continue;
			assert_safe(what);
			if (status >= 400)
				assert_problem(what, status, k == 1);
			refused += status >= 400;
			fine += status < 400;
		}
	if (refused < 150 || fine < 10)
		fail_msg("%d refused, %d fine", refused, fine);
}

static void heads__that_are_refused_at_the_door__are_problems_too(void **state)
{
	(void)state;
	static const struct {
		const char *request;
		int status;
	} cases[] = {
		{ "GET / HTTP/1.1\r\n\r\n", 400 },
		{ "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400 },
		{ "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 403 },
		{ "GET / HTTP/1.1\r\nHost: 127.0.0.1.evil.example:80\r\n\r\n", 403 },
		{ "GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n", 403 },
		{ "POST /api/v1/fake.get HTTP/1.1\r\nHost: localhost\r\n\r\n", 400 },
		{ "POST /api/v1/fake.get HTTP/1.1\r\nHost: localhost\r\nContent-Length: x\r\n\r\n", 400 },
		{ "POST /api/v1/fake.get HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400 },
		{ "POST /api/v1/fake.get HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9999999\r\n\r\n", 413 },
		{ "GET /api/page HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
		  "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		    400 },
		{ "GET /api/page HTTP/1.1\r\nHost: localhost\r\nOrigin: https://evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		  "Sec-WebSocket-Protocol: eddy.v1\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
		    403 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int status = ask(cases[i].request, strlen(cases[i].request));
		if (status != cases[i].status)
			fail_msg("%d for %s", status, cases[i].request);
		assert_safe(cases[i].request);
		assert_problem(cases[i].request, status, false);
	}
}

/* ---- who may make a browser do something ---- */

enum from { NO_PAGE, FOREIGN, NOBODYS, OTHER_PORT, OURS, ORIGINS };
enum with { NOTHING, COOKIE, LOCAL_TOKEN, PAGE_TOKEN, KEY, WITHS };

static char cookie[200], page_token[80];

static int post(const char *path, const char *body, enum from from, enum with with, bool marker, const char *type)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\nConnection: close\r\nContent-Type: %s\r\n",
	    path, server.port, strlen(body), type);
	if (marker)
		buf_add_str(&b, "X-Eddy: 1\r\n");
	if (from == FOREIGN)
		buf_add_str(&b, "Origin: https://evil.example\r\n");
	else if (from == NOBODYS)
		buf_add_str(&b, "Origin: null\r\n");
	else if (from == OTHER_PORT)
		buf_addf(&b, "Origin: http://127.0.0.1:%d\r\n", server.port + 1);
	else if (from == OURS)
		buf_addf(&b, "Origin: http://127.0.0.1:%d\r\n", server.port);
	if (with == COOKIE)
		buf_addf(&b, "Cookie: %s\r\n", cookie);
	else if (with != NOTHING)
		buf_addf(&b, "Authorization: Bearer %s\r\n",
		    with == LOCAL_TOKEN      ? server.token
		        : with == PAGE_TOKEN ? page_token
		                             : GOOD_KEY);
	buf_addf(&b, "\r\n%s", body);
	int status = ask(b.p, b.len);
	buf_done(&b);
	return status;
}

static void log_in(void)
{
	char code[160] = "", body[240];
	assert_int_equal(post("/api/code", "{}", NO_PAGE, LOCAL_TOKEN, false, "application/json"), 200);
	const char *at = strstr(got.p, "#login=");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "#login=%159[^\"]", code), 1);
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	assert_int_equal(post("/api/login", body, OURS, NOTHING, true, "application/json"), 200);
	at = strstr(got.p, "set-cookie: ");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "set-cookie: %199[^;]", cookie), 1);
	at = strstr(got.p, "\"token\":\"");
	assert_non_null(at);
	assert_int_equal(sscanf(at, "\"token\":\"%79[^\"]", page_token), 1);
}

static void changing__takes_the_right_page_and_what_that_page_alone_has(void **state)
{
	(void)state;
	static const struct {
		const char *path, *body;
		enum { OF_THE_PAGE, OF_THE_TERMINAL, OF_THE_API } kind;
	} addresses[] = { { "/api/login", "{\"code\":\"no-such-code\"}", OF_THE_PAGE },
		{ "/api/login/mail", "{\"address\":\"a@b.example\"}", OF_THE_PAGE }, { "/api/refresh", "{}", OF_THE_PAGE },
		{ "/api/logout", "{}", OF_THE_PAGE }, { "/api/logout-all", "{}", OF_THE_PAGE },
		{ "/api/code", "{}", OF_THE_TERMINAL }, { "/api/v1/fake.get", "{}", OF_THE_API } };
	static const char *const types[] = { "application/json", "text/plain" };
	int seen = 0;
	for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++)
		for (int from = 0; from < ORIGINS; from++)
			for (int with = 0; with < WITHS; with++)
				for (int marker = 0; marker < 2; marker++)
					for (int type = 0; type < 2; type++) {
						bool page = from == OURS && marker, good;
						server_down(NULL);
						server_up(NULL);
						log_in();
						int before = fake.calls,
						    status = post(addresses[i].path, addresses[i].body, (enum from)from,
						        (enum with)with, marker, types[type]);
						if (addresses[i].kind == OF_THE_PAGE)
							good = page;
						else if (addresses[i].kind == OF_THE_TERMINAL)
							good = from == NO_PAGE && with == LOCAL_TOKEN;
						else
							good = (from == NO_PAGE && with >= LOCAL_TOKEN) ||
							    (page && with >= PAGE_TOKEN);
						good = good && type == 0;
						/* Past the gate a code that does not exist or a cookie that is missing is 401, mail that is not set up 404. */
						bool let_in = addresses[i].kind == OF_THE_PAGE ? status != 403 && status != 415
						                                               : status == 200;
						if (good != let_in)
							fail_msg("%s from %d with %d, header %d, %s: %d", addresses[i].path, from,
							    with, marker, types[type], status);
						if ((status == 403 || status == 415) && fake.calls != before)
							fail_msg("%s from %d with %d: refused, and carried out", addresses[i].path,
							    from, with);
						if (status >= 400)
							assert_problem(addresses[i].path, status, false);
						if (from != OURS && has("access-control-allow-origin"))
							fail_msg("%s from %d: may be read", addresses[i].path, from);
						seen++;
					}
	assert_int_equal(seen, 7 * ORIGINS * WITHS * 2 * 2);
}

static void asking_first__is_answered_for_the_api_alone_and_never_with_credentials(void **state)
{
	(void)state;
	static const char *const paths[] = { "/api/login", "/api/login/mail", "/api/refresh", "/api/logout", "/api/logout-all",
		"/api/code", "/api/page", "/metrics", "/api/v1/fake.get" };
	char request[500];
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		for (int ours = 0; ours < 2; ours++) {
			char origin[80] = "https://evil.example";
			if (ours)
				snprintf(origin, sizeof origin, "http://127.0.0.1:%d", server.port);
			int n = snprintf(request, sizeof request,
			    "OPTIONS %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: %s\r\nAccess-Control-Request-Method: POST\r\n"
			    "Access-Control-Request-Headers: authorization, content-type, x-eddy\r\nConnection: close\r\n\r\n",
			    paths[i], server.port, origin);
			int status = ask(request, (size_t)n);
			bool api = strncmp(paths[i], "/api/v1/", 8) == 0;
			assert_int_equal(status, !api ? 405 : ours ? 204 : 403);
			assert_false(has("access-control-allow-credentials"));
			assert_int_equal(has("access-control-allow-origin"), api && ours);
			assert_int_equal(has("access-control-allow-headers"), api && ours);
		}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, server_up, server_down)
	const struct CMUnitTest tests[] = {
		T(every_address__with_every_method__is_safe_and_says_what_is_wrong),
		T(heads__that_are_refused_at_the_door__are_problems_too),
		T(changing__takes_the_right_page_and_what_that_page_alone_has),
		T(asking_first__is_answered_for_the_api_alone_and_never_with_credentials),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_done(&got);
	return r;
}
