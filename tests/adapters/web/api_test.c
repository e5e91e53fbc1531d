/* The addresses below /api over real sockets: who is let in, what is refused, and what a log-out ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.c"
#include "ws_client.c"
#include "server_fixture.c"

static struct buf got;

/* POST ${body} to ${path} as our page would; ${more} are further header lines, ${without} a header to leave out (or NULL).  The status. */
static int post(const char *path, const char *body, const char *more, const char *without)
{
	struct buf b = BUF_INIT;
	int status = 0, fd = tcp_open(server.port);
	assert_true(fd >= 0);
	buf_addf(&b, "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\nConnection: close\r\n%s", path, server.port,
	    strlen(body), more == NULL ? "" : more);
	if (without == NULL || strcmp(without, "origin") != 0)
		buf_addf(&b, "Origin: http://127.0.0.1:%d\r\n", server.port);
	if (without == NULL || strcmp(without, "marker") != 0)
		buf_add_str(&b, "X-Eddy: 1\r\n");
	if (without == NULL || strcmp(without, "type") != 0)
		buf_add_str(&b, "Content-Type: application/json\r\n");
	buf_addf(&b, "\r\n%s", body);
	assert_true(send(fd, b.p, b.len, MSG_NOSIGNAL) == (ssize_t)b.len);
	buf_done(&b);
	buf_reset(&got);
	buf_reserve(&got, 1);
	while (tcp_fill(fd, &got, got.len > 0 ? 2000 : 15000))
		;
	close(fd);
	sscanf(got.p, "HTTP/1.1 %d", &status);
	return status;
}

static json_t *body(void)
{
	json_t *o = NULL;
	const char *p = strstr(got.p, "\r\n\r\n");
	assert_non_null(p);
	assert_int_equal(json_parse(p + 4, strlen(p + 4), 8192, &o, NULL), ERR_NONE);
	return o;
}

/* A code, as `eddy login` gets it. */
static void make_code(char *out, size_t n)
{
	char more[256];
	snprintf(more, sizeof more, "Authorization: Bearer %s\r\n", server.token);
	assert_int_equal(post("/api/code", "{}", more, "origin"), 200);
	json_t *o = body();
	const char *url = json_str(o, "url", ""), *mark = strstr(url, "/#login=");
	assert_non_null(mark);
	snprintf(out, n, "{\"code\":\"%s\"}", mark + 8);
	json_decref(o);
}

/* Logs in: ${cookie} is a header line with what was set, ${token} the access token. */
static void log_in(char *cookie, size_t cookie_n, char *token, size_t token_n)
{
	char code[128], pair[160] = "";
	make_code(code, sizeof code);
	assert_int_equal(post("/api/login", code, NULL, NULL), 200);
	const char *set = strstr(got.p, "set-cookie: ");
	assert_non_null(set);
	assert_int_equal(sscanf(set, "set-cookie: %159[^;]", pair), 1);
	snprintf(cookie, cookie_n, "Cookie: a=b; %s; c=d\r\n", pair);
	json_t *o = body();
	snprintf(token, token_n, "%s", json_str(o, "token", ""));
	assert_int_equal(strlen(token), 64);
	assert_string_equal(json_str(json_obj(o, "person"), "name", ""), "Somebody");
	json_decref(o);
}

/* RFC 8058: mail programs post a form, with no header of ours.  To read the link changes nothing. */
static void unsubscribe__one_click__needs_only_the_link(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	int fd;
	const char *const form = "List-Unsubscribe=One-Click";
	for (int good = 0; good < 2; good++) {
		buf_reset(&b);
		buf_addf(&b,
		    "POST /api/unsubscribe/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\nConnection: close\r\n"
		    "Content-Type: application/x-www-form-urlencoded\r\n\r\n%s",
		    good ? "a-good-one" : "another", server.port, strlen(form), form);
		fd = tcp_open(server.port);
		assert_true(send(fd, b.p, b.len, MSG_NOSIGNAL) == (ssize_t)b.len);
		buf_reset(&got);
		buf_reserve(&got, 1);
		while (tcp_fill(fd, &got, got.len > 0 ? 2000 : 15000))
			;
		close(fd);
		assert_non_null(strstr(got.p, good ? "HTTP/1.1 200 " : "HTTP/1.1 404 "));
		assert_true((strstr(got.p, "\"unsubscribed\":true") != NULL) == good);
	}
	buf_reset(&b);
	buf_addf(&b, "GET /api/unsubscribe/a-good-one HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", server.port);
	fd = tcp_open(server.port);
	assert_true(send(fd, b.p, b.len, MSG_NOSIGNAL) == (ssize_t)b.len);
	buf_reset(&got);
	while (tcp_fill(fd, &got, got.len > 0 ? 2000 : 15000))
		;
	close(fd);
	assert_non_null(strstr(got.p, "form-action 'self'"));
	assert_non_null(strstr(got.p, "<form method=post>"));
	buf_done(&b);
}

/* This server has no mail: nobody is looked up, and the page does not offer it. */
static void letter__without_mail__is_refused_with_a_name_for_the_refusal(void **state)
{
	(void)state;
	char id[64] = "";
	assert_int_equal(post("/api/login/mail", "{\"address\":\"ana@example.com\"}", NULL, NULL), 404);
	json_t *o = body();
	assert_string_equal(json_str(o, "code", ""), "not_found");
	snprintf(id, sizeof id, "%s", json_str(o, "request_id", ""));
	assert_int_equal(strlen(id), ID_TEXT - 1);
	json_decref(o);
	assert_int_equal(fake_letters, 0);
	static const char *const bodies[] = { "", "{}", "[]", "{\"address\":\"\"}", "{\"address\":1}",
		"{\"address\":\"a\\u0000b\"}" };
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		assert_int_equal(post("/api/login/mail", bodies[i], NULL, NULL), 400);
	char *big = xcalloc(1, 400);
	snprintf(big, 400, "{\"address\":\"%0330d\"}", 1);
	assert_int_equal(post("/api/login/mail", big, NULL, NULL), 400);
	free(big);
	assert_int_equal(post("/api/login/mail", "{\"address\":\"ana@example.com\"}", NULL, "origin"), 403);
	assert_int_equal(post("/api/login/mail", "{\"address\":\"ana@example.com\"}", NULL, "marker"), 403);
}

static void login__by_code__sets_a_cookie_that_scripts_cannot_read(void **state)
{
	(void)state;
	char code[128];
	make_code(code, sizeof code);
	assert_int_equal(post("/api/login", code, NULL, NULL), 200);
	assert_non_null(strstr(got.p, "; Path=/api; Max-Age=2592000; HttpOnly; SameSite=Strict\r\n"));
	assert_non_null(strstr(got.p, "cache-control: no-store"));
	/* Once only. */
	assert_int_equal(post("/api/login", code, NULL, NULL), 401);
	assert_non_null(strstr(got.p, "eddy login"));
	assert_null(strstr(got.p, "set-cookie"));
}

static void login__from_another_page__is_refused(void **state)
{
	(void)state;
	char code[128];
	make_code(code, sizeof code);
	static const char *const origins[] = { "http://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1",
		"https://evil.example:443", "" };
	for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
		char more[128];
		snprintf(more, sizeof more, "Origin: %s\r\n", origins[i]);
		assert_int_equal(post("/api/login", code, more, "origin"), 403);
	}
	assert_int_equal(post("/api/login", code, NULL, "origin"), 403);
	assert_int_equal(post("/api/login", code, NULL, "marker"), 403);
	assert_int_equal(post("/api/login", code, NULL, "type"), 415);
	assert_int_equal(post("/api/login", code, "Content-Type: text/plain\r\n", "type"), 415);
	assert_int_equal(post("/api/login", code, "Content-Type: application/json5\r\n", "type"), 415);
	/* None of that has used it up. */
	assert_int_equal(post("/api/login", code, NULL, NULL), 200);
}

static void login__with_a_bad_body__is_refused(void **state)
{
	(void)state;
	static const char *const bodies[] = { "", "x", "[]", "{", "{\"code\":1}", "{\"code\":\"\"}", "{\"code\":null}",
		"{\"code\":\"0123456789012345678901234567890123456789abcd\"}", "{\"code\":\"a\\u0000b\"}", "\xff\xfe", "{}" };
	for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
		assert_int_equal(post("/api/login", bodies[i], NULL, NULL), 400);
	char *big = xcalloc(1, 5001);
	memset(big, ' ', 5000);
	assert_int_equal(post("/api/login", big, NULL, NULL), 413);
	free(big);
	assert_int_equal(post("/api/login", "{\"code\":\"0123456789012345678901234567890123456789xyz\"}", NULL, NULL), 401);
}

static void code__is_made_for_this_machine_only(void **state)
{
	(void)state;
	char more[400];
	assert_int_equal(post("/api/code", "{}", NULL, "origin"), 403);
	assert_int_equal(post("/api/code", "{}", "Authorization: Bearer \r\n", "origin"), 403);
	assert_int_equal(post("/api/code", "{}", "Authorization: Basic abc\r\n", "origin"), 403);
	snprintf(more, sizeof more, "Authorization: Bearer %.20s\r\n", server.token);
	assert_int_equal(post("/api/code", "{}", more, "origin"), 403);
	snprintf(more, sizeof more, "Authorization: Bearer %s\r\n", server.token);
	assert_int_equal(post("/api/code", "{}", more, NULL), 403); /* a browser has no business there */
	assert_int_equal(post("/api/code", "{\"person\":\"a b\"}", more, "origin"), 400);
	assert_int_equal(post("/api/code", "{\"person\":\"ana\",\"name\":\"\"}", more, "origin"), 400);
	assert_int_equal(post("/api/code", "{\"person\":\"ana\",\"name\":\"Ana\"}", more, "origin"), 200);
}

static void refresh__needs_the_cookie(void **state)
{
	(void)state;
	char cookie[256], token[80];
	assert_int_equal(post("/api/refresh", "{}", NULL, NULL), 401);
	log_in(cookie, sizeof cookie, token, sizeof token);
	assert_int_equal(post("/api/refresh", "{}", cookie, NULL), 200);
	json_t *o = body();
	assert_string_not_equal(json_str(o, "token", ""), token);
	json_decref(o);
	assert_int_equal(post("/api/refresh", "{}", "Cookie: eddy_refresh_x=refresh-1\r\n", NULL), 401);
	assert_int_equal(post("/api/refresh", "{}", cookie, "origin"), 403);
	/* The database is away: nothing is forgotten over it. */
	fake_database(ERR_RETRY);
	assert_int_equal(post("/api/refresh", "{}", cookie, NULL), 503);
	assert_non_null(strstr(got.p, "retry-after: "));
	assert_null(strstr(got.p, "set-cookie"));
	fake_database(ERR_NONE);
	assert_int_equal(post("/api/refresh", "{}", cookie, NULL), 200);
}

static bool greet(struct ws *w, const char *token)
{
	assert_true(ws_open(w, server.port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\"}", token);
	const char *type = ws_hear(w, 15000);
	return type != NULL && strcmp(type, "welcome") == 0;
}

static void logout__ends_token_and_open_connections(void **state)
{
	(void)state;
	char cookie[256], token[80];
	struct ws w, other;
	log_in(cookie, sizeof cookie, token, sizeof token);
	assert_true(greet(&w, token));
	assert_true(greet(&other, server.token)); /* the terminal's own */
	assert_int_equal(post("/api/logout", "{}", cookie, NULL), 200);
	assert_non_null(strstr(got.p, "Max-Age=0"));
	assert_null(ws_hear(&w, 15000));
	assert_int_equal(w.close_code, 4003);
	ws_done(&w);
	assert_false(greet(&w, token));
	assert_string_equal(json_str(w.frame, "code", ""), "denied");
	ws_done(&w);
	ws_say(&other, "{\"type\":\"ping\",\"n\":1}");
	assert_string_equal(ws_hear(&other, 15000), "pong");
	ws_done(&other);
	assert_int_equal(post("/api/refresh", "{}", cookie, NULL), 401);
	/* Without a cookie it is what it would be. */
	assert_int_equal(post("/api/logout", "{}", NULL, NULL), 200);
}

static void calls__too_many_from_an_address__wait(void **state)
{
	(void)state;
	int slowed = 0;
	for (int i = 0; i < 100 && !slowed; i++)
		slowed = post("/api/refresh", "{}", NULL, NULL) == 429;
	assert_true(slowed);
	assert_non_null(strstr(got.p, "retry-after: "));
}

static void call__by_a_client_that_goes_away__harms_nobody(void **state)
{
	(void)state;
	char code[128];
	make_code(code, sizeof code);
	for (int i = 0; i < 20; i++) {
		struct buf b = BUF_INIT;
		int fd = tcp_open(server.port);
		buf_addf(&b,
		    "POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: http://127.0.0.1:%d\r\nX-Eddy: 1\r\nContent-Type: application/json\r\n"
		    "Content-Length: %zu\r\n\r\n%.*s",
		    server.port, server.port, strlen(code), i % 2 ? (int)strlen(code) : 5, code);
		assert_true(send(fd, b.p, b.len, MSG_NOSIGNAL) == (ssize_t)b.len);
		buf_done(&b);
		close(fd);
	}
	assert_int_equal(post("/api/logout", "{}", NULL, NULL), 200);
}

static int up_behind_a_proxy(void **state)
{
	char dir[] = "/tmp/eddy-web-test.XXXXXX";
	static const char *const o[] = { "web.listen=127.0.0.1:0", "web.forwarded=true", NULL };
	(void)state;
	assert_non_null(mkdtemp(dir));
	log_set_level(LOG_ERROR);
	server_up_in(dir, o);
	return 0;
}

/* The status of a handshake by a client whose address the proxy puts at the end. */
static int knock(const char *forwarded)
{
	struct ws w;
	char more[200];
	snprintf(more, sizeof more, "Sec-WebSocket-Protocol: eddy.v1\r\n%s%s%s", forwarded[0] ? "X-Forwarded-For: " : "", forwarded,
	    forwarded[0] ? "\r\n" : "");
	(void)ws_open(&w, server.port, more);
	int status = w.status;
	ws_done(&w);
	return status;
}

static void door__too_many_from_an_address__closes_for_that_one(void **state)
{
	(void)state;
	int n = 0;
	while (n < 2000 && knock("198.51.100.9, 203.0.113.7") == 101)
		n++;
	assert_in_range(n, 400, 1999);
	assert_int_equal(knock("203.0.113.7"), 429);
	assert_int_equal(knock("203.0.113.7, 198.51.100.9"), 101); /* who only says that they come from there */
	assert_int_equal(knock(""), 101);
}

static void reading__is_told_what_to_do(void **state)
{
	(void)state;
	int fd = tcp_open(server.port);
	const char *request = "GET /api/login HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
	assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) > 0);
	buf_reset(&got);
	while (tcp_fill(fd, &got, got.len > 0 ? 2000 : 15000))
		;
	close(fd);
	assert_non_null(strstr(got.p, "HTTP/1.1 405"));
	assert_non_null(strstr(got.p, "allow: POST"));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, server_up, server_down)
	const struct CMUnitTest tests[] = {
		T(unsubscribe__one_click__needs_only_the_link),
		T(letter__without_mail__is_refused_with_a_name_for_the_refusal),
		T(login__by_code__sets_a_cookie_that_scripts_cannot_read),
		T(login__from_another_page__is_refused),
		T(login__with_a_bad_body__is_refused),
		T(code__is_made_for_this_machine_only),
		T(refresh__needs_the_cookie),
		T(logout__ends_token_and_open_connections),
		T(calls__too_many_from_an_address__wait),
		T(call__by_a_client_that_goes_away__harms_nobody),
		cmocka_unit_test_setup_teardown(
		    door__too_many_from_an_address__closes_for_that_one, up_behind_a_proxy, server_down),
		T(reading__is_told_what_to_do),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_done(&got);
	return r;
}
