/* POST /api/v1/NAME and the frame "call" over real sockets: who is let in, what is refused and how it is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.c"
#include "ws_client.c"
#include "server_fixture.c"

static struct buf got;

/* One request as it stands; the status. */
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

/* POST with JSON and the local token unless ${head} brings an Authorization of its own ("" for none). */
static int post(const char *name, const char *body, const char *head)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "POST /api/v1/%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\nConnection: close\r\n", name,
	    server.port, strlen(body));
	if (head == NULL || strstr(head, "Authorization") == NULL)
		buf_addf(&b, "Authorization: Bearer %s\r\n", server.token);
	if (head == NULL || strstr(head, "Content-Type") == NULL)
		buf_add_str(&b, "Content-Type: application/json\r\n");
	buf_addf(&b, "%s\r\n%s", head == NULL ? "" : head, body);
	int status = ask(b.p, b.len);
	buf_done(&b);
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

/* The last answer is a problem of this code, in the form of RFC 9457. */
static void assert_problem(int status, const char *code)
{
	char type[80], line[80];
	const char *id = strstr(got.p, "x-request-id: ");
	assert_non_null(strstr(got.p, "content-type: application/problem+json\r\n"));
	assert_non_null(id);
	assert_int_equal(sscanf(id, "x-request-id: %79[^\r]", line), 1);
	json_t *o = body();
	snprintf(type, sizeof type, "urn:eddy:problem:%s", code);
	assert_string_equal(json_str(o, "type", ""), type);
	assert_string_equal(json_str(o, "code", ""), code);
	assert_string_equal(json_str(o, "request_id", ""), line);
	assert_int_equal(json_int(o, "status", 0), status);
	assert_true(json_str(o, "title", "")[0] != '\0' && json_str(o, "detail", "")[0] != '\0');
	json_decref(o);
}

static int calls(void)
{
	pthread_mutex_lock(&fake.lock);
	int n = fake.calls;
	pthread_mutex_unlock(&fake.lock);
	return n;
}

static void call__with_the_local_token__is_the_terminal(void **state)
{
	(void)state;
	assert_int_equal(post("fake.get", "{\"a\":[1]}", "X-Request-Id: req-1\r\n"), 200);
	json_t *o = body();
	assert_string_equal(json_str(o, "procedure", ""), "fake.get");
	assert_string_equal(json_str(o, "person", ""), "local");
	assert_string_equal(json_str(o, "via", ""), "cli");
	assert_int_equal(json_array_size(json_arr(json_obj(o, "args"), "a")), 1);
	json_decref(o);
	assert_non_null(strstr(got.p, "x-request-id: req-1\r\n"));
	assert_non_null(strstr(got.p, "content-type: application/json\r\n"));
	assert_non_null(strstr(got.p, "cache-control: no-store\r\n"));
	assert_null(strstr(got.p, "access-control-allow-origin"));
	/* Without a body there are no arguments, and it runs once all the same. */
	int before = calls();
	assert_int_equal(post("fake.get", "", NULL), 200);
	for (int i = 0; i < 20 && calls() == before + 1; i++)
		usleep(10000);
	assert_int_equal(calls(), before + 1);
}

static void call__that_fails__is_a_problem_with_its_request_id(void **state)
{
	(void)state;
	assert_int_equal(post("fake.taken", "{}", "X-Request-Id: abc\r\n"), 409);
	assert_problem(409, "conflict");
	assert_non_null(strstr(got.p, "x-request-id: abc\r\n"));
	/* What is no id is not repeated. */
	static const char *const bad[] = { "X-Request-Id: a b\r\n", "X-Request-Id: <script>\r\n",
		"X-Request-Id: 1234567890123456789012345678901234567890123456789012345678901234567890\r\n" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(post("fake.taken", "{}", bad[i]), 409);
		assert_problem(409, "conflict");
		assert_null(strstr(got.p, bad[i] + 14));
	}
}

static void call__without_a_token_that_counts__is_unauthenticated(void **state)
{
	(void)state;
	static const char *const heads[] = { "Authorization: Bearer nonsense\r\n", "Authorization: Basic YTpi\r\n",
		"Authorization: Bearer \r\n", "Authorization: Bearer\r\n", "Authorization: \r\n" };
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
		assert_int_equal(post("fake.get", "{}", heads[i]), 401);
		assert_problem(401, "unauthenticated");
		assert_non_null(strstr(got.p, "www-authenticate: Bearer\r\n"));
	}
	struct buf b = BUF_INIT;
	/* Nobody at all: only what is open to everybody would do. */
	buf_addf(&b,
	    "POST /api/v1/fake.get HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 2\r\nContent-Type: application/json\r\n"
	    "Cookie: eddy_refresh_00000000=x\r\nConnection: close\r\n\r\n{}",
	    server.port);
	assert_int_equal(ask(b.p, b.len), 401);
	assert_problem(401, "unauthenticated");
	buf_done(&b);
}

static void call__with_a_token_of_a_page__is_its_person(void **state)
{
	(void)state;
	char head[300], token[65] = "";
	struct buf b = BUF_INIT;
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", server.token);
	buf_addf(&b,
	    "POST /api/code HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: 16\r\nContent-Type: application/json\r\n%sConnection: "
	    "close\r\n\r\n{\"person\":\"ana\"}",
	    server.port, head);
	assert_int_equal(ask(b.p, b.len), 200);
	json_t *o = body();
	char code[128];
	snprintf(code, sizeof code, "{\"code\":\"%s\"}", strstr(json_str(o, "url", ""), "/#login=") + 8);
	json_decref(o);
	buf_reset(&b);
	buf_addf(&b,
	    "POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Length: %zu\r\nContent-Type: application/json\r\nX-Eddy: "
	    "1\r\nOrigin: http://127.0.0.1:%d\r\nConnection: close\r\n\r\n%s",
	    server.port, strlen(code), server.port, code);
	assert_int_equal(ask(b.p, b.len), 200);
	o = body();
	snprintf(token, sizeof token, "%s", json_str(o, "token", ""));
	json_decref(o);
	snprintf(head, sizeof head, "Authorization: bearer %s\r\nOrigin: http://127.0.0.1:%d\r\nX-Eddy: 1\r\n", token, server.port);
	assert_int_equal(post("fake.get", "{}", head), 200);
	o = body();
	assert_string_equal(json_str(o, "via", ""), "web");
	json_decref(o);
	/* The same without the header that no foreign page can send. */
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\nOrigin: http://127.0.0.1:%d\r\n", token, server.port);
	assert_int_equal(post("fake.get", "{}", head), 403);
	assert_problem(403, "forbidden");
	buf_done(&b);
}

static void call__with_an_api_key__is_handed_down_unchecked(void **state)
{
	(void)state;
	assert_int_equal(post("fake.get", "{}", "Authorization: Bearer eddy_00000000-0000-4000-8000-000000000001_good\r\n"), 200);
	json_t *o = body();
	assert_string_equal(json_str(o, "via", ""), "key");
	json_decref(o);
	static const char *const bad[] = { "Authorization: Bearer eddy_00000000-0000-4000-8000-000000000001_goods\r\n",
		"Authorization: Bearer eddy_\r\n" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(post("fake.get", "{}", bad[i]), 401);
		assert_problem(401, "unauthenticated");
	}
	struct buf b = BUF_INIT;
	buf_add_str(&b, "Authorization: Bearer eddy_00000000-0000-4000-8000-000000000001_good");
	for (int i = 0; i < 400; i++)
		buf_add_char(&b, 'x');
	buf_add_str(&b, "\r\n");
	assert_int_equal(post("fake.get", "{}", b.p), 401);
	buf_done(&b);
}

static void call__from_another_page__is_refused(void **state)
{
	(void)state;
	static const char *const origins[] = { "http://evil.example", "null", "http://127.0.0.1.evil.example", "http://127.0.0.1:1",
		"https://www.example.org.evil.example", "HTTPS://WWW.EXAMPLE.ORG", "https://www.example.org:444" };
	int before = calls();
	for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
		char head[160];
		snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: %s\r\n", origins[i]);
		assert_int_equal(post("fake.get", "{}", head), 403);
		assert_problem(403, "forbidden");
		assert_null(strstr(got.p, "access-control-allow-origin"));
	}
	/* A page never has the token of this machine's programs. */
	char own[100];
	snprintf(own, sizeof own, "X-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", server.port);
	assert_int_equal(post("fake.get", "{}", own), 401);
	assert_int_equal(calls(), before);
}

static void cors__answers__only_allowed_origins(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	for (int good = 0; good < 2; good++) {
		buf_reset(&b);
		buf_addf(&b,
		    "OPTIONS /api/v1/fake.get HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nOrigin: https://%s\r\nAccess-Control-Request-Method: POST\r\n"
		    "Connection: close\r\n\r\n",
		    server.port, good ? "www.example.org" : "evil.example");
		assert_int_equal(ask(b.p, b.len), good ? 204 : 403);
		assert_true((strstr(got.p, "access-control-allow-origin: https://www.example.org\r\n") != NULL) == good);
		assert_true((strstr(got.p, "access-control-allow-headers: ") != NULL) == good);
		assert_null(strstr(got.p, "access-control-allow-credentials"));
	}
	assert_non_null(strstr(got.p, "vary: origin\r\n"));
	char head[160];
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\nX-Eddy: 1\r\nOrigin: https://www.example.org\r\n",
	    "0123456789abcdef-shared");
	assert_int_equal(post("fake.get", "{}", head), 200);
	assert_non_null(strstr(got.p, "access-control-allow-origin: https://www.example.org\r\n"));
	assert_non_null(strstr(got.p, "access-control-expose-headers: "));
	buf_done(&b);
}

static void call__of_the_wrong_form__is_refused_before_anybody_works(void **state)
{
	(void)state;
	static const struct {
		const char *method, *type, *body;
		int status;
		const char *code;
	} bad[] = {
		{ "GET", "application/json", "", 405, "method_not_allowed" },
		{ "PUT", "application/json", "{}", 405, "method_not_allowed" },
		{ "DELETE", "application/json", "", 405, "method_not_allowed" },
		{ "OPTIONS", "application/json", "", 405, "method_not_allowed" },
		{ "POST", "text/plain", "{}", 415, "unsupported_media_type" },
		{ "POST", "application/jsonp", "{}", 415, "unsupported_media_type" },
		{ "POST", "application/x-www-form-urlencoded", "a=b", 415, "unsupported_media_type" },
		{ "POST", "application/json", "{", 400, "invalid" },
		{ "POST", "application/json", "[]", 400, "invalid" },
		{ "POST", "application/json", "1", 400, "invalid" },
		{ "POST", "application/json", "null", 400, "invalid" },
		{ "POST", "application/json", "{\"a\":1,\"a\":2}", 400, "invalid" },
		{ "POST", "application/json", "{} {}", 400, "invalid" },
		{ "POST", "application/json", "{\"a\":\"\xff\"}", 400, "invalid" },
		{ "POST", "application/json; charset=utf-8", "{\"a\":\"\\u0000\"}", 400, "invalid" },
	};
	struct buf b = BUF_INIT;
	int before = calls();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		buf_reset(&b);
		buf_addf(&b,
		    "%s /api/v1/fake.get HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: "
		    "%zu\r\nConnection: close\r\n\r\n%s",
		    bad[i].method, server.port, server.token, bad[i].type, strlen(bad[i].body), bad[i].body);
		int status = ask(b.p, b.len);
		if (status != bad[i].status)
			fail_msg("%s %s %s: %d", bad[i].method, bad[i].type, bad[i].body, status);
		assert_problem(status, bad[i].code);
		if (status == 405)
			assert_non_null(strstr(got.p, "allow: POST\r\n"));
	}
	/* Too long: as announced, and deeper than anything sensible. */
	buf_reset(&b);
	buf_addf(&b,
	    "POST /api/v1/fake.get HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
	    "Content-Length: 300000\r\n\r\n{",
	    server.port, server.token);
	assert_int_equal(ask(b.p, b.len), 413);
	assert_problem(413, "too_large");
	buf_reset(&b);
	for (int i = 0; i < 1000; i++)
		buf_add_str(&b, "{\"a\":");
	assert_int_equal(post("fake.get", b.p, NULL), 400);
	assert_problem(400, "invalid");
	assert_int_equal(calls(), before);
	buf_done(&b);
}

static void name__that_is_none__is_passed_on_as_nothing(void **state)
{
	(void)state;
	static const char *const names[] = { "..%2f..%2fetc", "SESSION.GET", "a%00b", "session.get/x", "%3Cb%3E" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		int status = post(names[i], "{}", NULL);
		if (status != 200) {
			if (status == 200 || status >= 500)
				fail_msg("%s: %d %.200s", names[i], status, got.p);
		} else {
			json_t *o = body();
			assert_string_equal(json_str(o, "procedure", "?"), "");
			json_decref(o);
		}
	}
}

static void procedure__that_ends__says_so_with_every_answer(void **state)
{
	(void)state;
	assert_int_equal(post("fake.old", "{}", ""), 200);
	assert_non_null(strstr(got.p, "deprecation: @1767225600\r\n"));
	assert_non_null(strstr(got.p, "sunset: Fri, 01 Jan 2027 00:00:00 GMT\r\n"));
}

static void key__of_idempotency__is_handed_down_and_a_repeat_is_named(void **state)
{
	(void)state;
	assert_int_equal(post("fake.get", "{}", "Idempotency-Key: k-1\r\n"), 200);
	json_t *o = body();
	assert_string_equal(json_str(o, "key", ""), "k-1");
	json_decref(o);
	assert_null(strstr(got.p, "idempotency-replayed"));
	assert_null(strstr(got.p, "deprecation: "));
	assert_null(strstr(got.p, "sunset: "));
	assert_int_equal(post("fake.get", "{}", "Idempotency-Key: again\r\n"), 200);
	assert_non_null(strstr(got.p, "idempotency-replayed: true\r\n"));
	/* One that is too long is not cut to one that would do. */
	struct buf b = BUF_INIT;
	buf_add_str(&b, "Idempotency-Key: ");
	for (int i = 0; i < 400; i++)
		buf_add_char(&b, 'k');
	buf_add_str(&b, "\r\n");
	assert_int_equal(post("fake.get", "{}", b.p), 200);
	o = body();
	assert_true(strlen(json_str(o, "key", "")) > 255);
	json_decref(o);
	buf_done(&b);
}

static void client__that_goes_away__takes_nothing_from_the_worker(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	pthread_mutex_lock(&fake.lock);
	fake.call_delay_ms = 60;
	pthread_mutex_unlock(&fake.lock);
	for (int i = 0; i < 5; i++) {
		int fd = tcp_open(server.port);
		buf_reset(&b);
		buf_addf(&b,
		    "POST /api/v1/fake.get HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
		    "Content-Length: 2\r\n\r\n{}",
		    server.port, server.token);
		assert_true(send(fd, b.p, b.len, MSG_NOSIGNAL) == (ssize_t)b.len);
		usleep(10000);
		close(fd);
	}
	pthread_mutex_lock(&fake.lock);
	fake.call_delay_ms = 0;
	pthread_mutex_unlock(&fake.lock);
	assert_int_equal(post("fake.get", "{}", NULL), 200);
	buf_done(&b);
}

static void expect(struct ws *w, const char *type)
{
	const char *got_type = ws_hear(w, 3000);
	if (got_type == NULL || strcmp(got_type, type) != 0)
		fail_msg("wanted %s, got %s (close %d)", type, got_type ? got_type : "nothing", w->close_code);
}

static void frame__call__gets_a_result_or_a_problem(void **state)
{
	(void)state;
	struct ws w;
	assert_true(ws_open(&w, server.port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(&w, "{\"type\":\"hello\",\"token\":\"%s\"}", server.token);
	expect(&w, "welcome");
	ws_say(&w, "{\"type\":\"call\",\"id\":\"7\",\"name\":\"fake.get\",\"args\":{\"x\":1},\"key\":\"again\"}");
	expect(&w, "result");
	assert_string_equal(json_str(w.frame, "id", ""), "7");
	assert_true(json_bool(w.frame, "replayed", false));
	assert_string_equal(json_str(json_obj(w.frame, "result"), "person", ""), "local");
	assert_int_equal(json_int(json_obj(json_obj(w.frame, "result"), "args"), "x", 0), 1);
	ws_say(&w, "{\"type\":\"call\",\"id\":\"8\",\"name\":\"fake.taken\"}");
	expect(&w, "problem");
	assert_string_equal(json_str(w.frame, "id", ""), "8");
	assert_string_equal(json_str(json_obj(w.frame, "problem"), "code", ""), "conflict");
	assert_int_equal(json_int(json_obj(w.frame, "problem"), "status", 0), 409);
	assert_int_equal(strlen(json_str(json_obj(w.frame, "problem"), "request_id", "")), 36);
	static const char *const bad[] = { "{\"type\":\"call\",\"name\":\"fake.get\"}", "{\"type\":\"call\",\"id\":\"1\"}",
		"{\"type\":\"call\",\"id\":\"\",\"name\":\"fake.get\"}",
		"{\"type\":\"call\",\"id\":\"1\",\"name\":\"fake.get\",\"args\":[]}",
		"{\"type\":\"call\",\"id\":1,\"name\":\"fake.get\"}",
		"{\"type\":\"call\",\"id\":\"1\",\"name\":\"fake.get\",\"key\":1}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ws_say(&w, "%s", bad[i]);
		expect(&w, "error");
		assert_string_equal(json_str(w.frame, "code", ""), "bad_frame");
	}
	/* Nine at once: one has to wait. */
	pthread_mutex_lock(&fake.lock);
	fake.call_delay_ms = 100;
	pthread_mutex_unlock(&fake.lock);
	for (int i = 0; i < 9; i++)
		ws_say(&w, "{\"type\":\"call\",\"id\":\"n%d\",\"name\":\"fake.get\"}", i);
	expect(&w, "problem");
	assert_string_equal(json_str(w.frame, "id", ""), "n8");
	assert_int_equal(json_int(json_obj(w.frame, "problem"), "retry_after", 0), 1);
	for (int i = 0; i < 8; i++)
		expect(&w, "result");
	pthread_mutex_lock(&fake.lock);
	fake.call_delay_ms = 0;
	pthread_mutex_unlock(&fake.lock);
	ws_done(&w);
}

static void frame__call_of_a_guest__is_forbidden(void **state)
{
	(void)state;
	struct ws w;
	int before = calls();
	assert_true(ws_open(&w, server.port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(&w, "{\"type\":\"hello\",\"visitor\":\"\"}");
	expect(&w, "welcome");
	ws_say(&w, "{\"type\":\"call\",\"id\":\"1\",\"name\":\"fake.get\"}");
	expect(&w, "problem");
	assert_string_equal(json_str(json_obj(w.frame, "problem"), "code", ""), "forbidden");
	assert_int_equal(calls(), before);
	ws_done(&w);
}

static void caller__that_is_too_fast__is_told_when_to_come_back(void **state)
{
	(void)state;
	int status = 200;
	for (int i = 0; i < 400 && status == 200; i++)
		status = post("fake.get", "{}", NULL);
	assert_int_equal(status, 429);
	assert_problem(429, "rate_limited");
	assert_non_null(strstr(got.p, "retry-after: "));
}

static int up(void **state)
{
	char dir[] = "/tmp/eddy-call-test.XXXXXX";
	(void)state;
	assert_non_null(mkdtemp(dir));
	static const char *const o[] = { "web.listen=127.0.0.1:0", "web.allowed_origins=https://www.example.org",
		"web.token=0123456789abcdef-shared", "web.api_rate=20", "web.widget.enabled=true", NULL };
	log_set_level(LOG_ERROR);
	server_up_in(dir, o);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(call__with_the_local_token__is_the_terminal, up, server_down),
		cmocka_unit_test_setup_teardown(call__that_fails__is_a_problem_with_its_request_id, up, server_down),
		cmocka_unit_test_setup_teardown(call__without_a_token_that_counts__is_unauthenticated, up, server_down),
		cmocka_unit_test_setup_teardown(call__with_a_token_of_a_page__is_its_person, up, server_down),
		cmocka_unit_test_setup_teardown(call__with_an_api_key__is_handed_down_unchecked, up, server_down),
		cmocka_unit_test_setup_teardown(call__from_another_page__is_refused, up, server_down),
		cmocka_unit_test_setup_teardown(cors__answers__only_allowed_origins, up, server_down),
		cmocka_unit_test_setup_teardown(call__of_the_wrong_form__is_refused_before_anybody_works, up, server_down),
		cmocka_unit_test_setup_teardown(name__that_is_none__is_passed_on_as_nothing, up, server_down),
		cmocka_unit_test_setup_teardown(key__of_idempotency__is_handed_down_and_a_repeat_is_named, up, server_down),
		cmocka_unit_test_setup_teardown(client__that_goes_away__takes_nothing_from_the_worker, up, server_down),
		cmocka_unit_test_setup_teardown(frame__call__gets_a_result_or_a_problem, up, server_down),
		cmocka_unit_test_setup_teardown(frame__call_of_a_guest__is_forbidden, up, server_down),
		cmocka_unit_test_setup_teardown(caller__that_is_too_fast__is_told_when_to_come_back, up, server_down),
	};
	int r = cmocka_run_group_tests(tests, NULL, NULL);
	buf_done(&got);
	return r;
}
