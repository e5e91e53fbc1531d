/* The HTTP server over real sockets: pages, errors, and the forms that smuggle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fake_engine.c"
#include "ws_client.c"
#include "server_fixture.c"

/* Sends ${request} and reads until the end or ${quiet_ms} of silence; the first status, or 0.  ${out} gets everything. */
static int http(const char *request, struct buf *out, int quiet_ms)
{
	int fd = tcp_open(server.port), status = 0;
	assert_true(fd >= 0);
	assert_true(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
	buf_reset(out);
	buf_reserve(out, 1);
	while (tcp_fill(fd, out, out->len > 0 ? quiet_ms : 15000))
		;
	close(fd);
	sscanf(out->p, "HTTP/1.1 %d", &status);
	return status;
}

static int answers(const struct buf *b)
{
	int n = 0;
	for (const char *p = b->p; (p = strstr(p, "HTTP/1.1 ")) != NULL; p++)
		n++;
	return n;
}

static void pages__answer(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	assert_int_equal(http("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", &b, 300), 200);
	assert_non_null(strstr(b.p, "{\"status\":\"ok\""));
	assert_non_null(strstr(b.p, "x-content-type-options: nosniff"));
	assert_non_null(strstr(b.p, "content-security-policy: default-src 'none'"));
	assert_int_equal(http("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", &b, 300), 200);
	fake_database(ERR_RETRY);
	assert_int_equal(http("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n", &b, 300), 503);
	assert_non_null(strstr(b.p, "the database is away"));
	assert_int_equal(http("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", &b, 300), 200);
	assert_non_null(strstr(b.p, "eddy_web_connections 0"));
	assert_int_equal(http("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", &b, 300), 200);
	assert_non_null(strstr(b.p, "src=\"./a/app."));
	assert_int_equal(http("HEAD / HTTP/1.1\r\nHost: localhost\r\n\r\n", &b, 300), 200);
	assert_null(strstr(b.p, "<script"));
	buf_done(&b);
}

/* The value of a header of the last answer, into ${out}. */
static const char *header_of(const struct buf *b, const char *name, char out[200])
{
	const char *p = strstr(b->p, name);
	out[0] = '\0';
	if (p != NULL)
		snprintf(out, 200, "%.*s", (int)strcspn(p + strlen(name), "\r"), p + strlen(name));
	return out;
}

static void page__is_kept_until_it_changes(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	char etag[200], length[200], request[400], name[200];
	assert_int_equal(http("GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: br, gzip\r\n\r\n", &b, 300), 200);
	assert_string_equal(header_of(&b, "content-encoding: ", name), "gzip");
	assert_string_equal(header_of(&b, "cache-control: ", name), "no-cache");
	assert_string_equal(header_of(&b, "vary: ", name), "accept-encoding");
	assert_non_null(strstr(b.p, "trusted-types 'none'"));
	assert_memory_equal(strstr(b.p, "\r\n\r\n") + 4, "\x1f\x8b", 2);
	header_of(&b, "etag: ", etag);
	header_of(&b, "content-length: ", length);
	snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\nIf-None-Match: %s\r\n\r\n",
	    etag);
	assert_int_equal(http(request, &b, 300), 304);
	assert_string_equal(header_of(&b, "etag: ", name), etag);
	assert_string_equal(strstr(b.p, "\r\n\r\n"), "\r\n\r\n"); /* and no body */
	assert_int_equal(http("GET / HTTP/1.1\r\nHost: localhost\r\nIf-None-Match: \"other\"\r\n\r\n", &b, 300), 200);
	assert_null(strstr(b.p, "content-encoding"));
	const char *src = strstr(b.p, "src=\"./a/");
	assert_non_null(src);
	/* What it is made of never changes under its name. */
	snprintf(name, sizeof name, "%.*s", (int)strcspn(src + 6, "\""), src + 6);
	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n", name);
	assert_int_equal(http(request, &b, 300), 200);
	assert_string_equal(header_of(&b, "cache-control: ", etag), "public, max-age=31536000, immutable");
	assert_string_equal(header_of(&b, "content-type: ", etag), "text/javascript; charset=utf-8");
	snprintf(request, sizeof request, "HEAD %s HTTP/1.1\r\nHost: localhost\r\n\r\n", name);
	assert_int_equal(http(request, &b, 300), 200);
	assert_string_equal(strstr(b.p, "\r\n\r\n"), "\r\n\r\n");
	snprintf(request, sizeof request, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n", name);
	assert_int_equal(http(request, &b, 300), 405);
	name[strlen(name) - 5] ^= 1;
	snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", name);
	assert_int_equal(http(request, &b, 300), 404);
	buf_done(&b);
}

static void errors__have_one_shape(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	assert_int_equal(http("GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n", &b, 300), 404);
	json_t *o = NULL;
	char *body = strstr(b.p, "\r\n\r\n") + 4;
	assert_int_equal(json_parse(body, strlen(body), 4096, &o, NULL), ERR_NONE);
	assert_string_equal(json_str(o, "code", ""), "not_found");
	assert_int_equal(strlen(json_str(o, "request_id", "")), 36);
	json_decref(o);
	assert_int_equal(http("POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}", &b, 300), 405);
	assert_non_null(strstr(b.p, "allow: GET, HEAD"));
	assert_int_equal(answers(&b), 1);
	assert_int_equal(http("DELETE /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", &b, 300), 405);
	buf_done(&b);
}

static void connection__is_used_again(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	int fd = tcp_open(server.port);
	for (int i = 0; i < 3; i++) {
		const char *r = i == 1 ? "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"
		                       : "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
		assert_true(send(fd, r, strlen(r), MSG_NOSIGNAL) == (ssize_t)strlen(r));
		buf_reset(&b);
		for (int wait = 2000; tcp_fill(fd, &b, wait); wait = 200)
			;
		assert_non_null(strstr(b.p, i == 1 ? "HTTP/1.1 404" : "HTTP/1.1 200"));
	}
	close(fd);
	buf_done(&b);
}

static void forms_that_smuggle__get_400_and_the_connection_closed(void **state)
{
	(void)state;
	static const char second[] = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
	static const char *const forms[] = {
		"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcde",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nabcde",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\nabcde",
		"POST / HTTP/1.1\r\nHost: localhost\r\n\r\nabcde",
		"GET / HTTP/1.1\r\nHost: localhost\r\nHost: 127.0.0.1\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding : chunked\r\n\r\nabcde",
		"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length : 5\r\n\r\nabcde",
	};
	struct buf b = BUF_INIT, whole = BUF_INIT;
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		buf_reset(&whole);
		buf_add_str(&whole, forms[i]);
		buf_add_str(&whole, second);
		int status = http(whole.p, &b, 1500);
		if (status != 400 || answers(&b) != 1)
			fail_msg("form %zu: status %d, %d answers", i, status, answers(&b));
	}
	assert_int_equal(http("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\nabc", &b, 1500), 413);
	buf_done(&b);
	buf_done(&whole);
}

static void heads__that_are_too_large_or_too_slow__end(void **state)
{
	(void)state;
	struct buf b = BUF_INIT, out = BUF_INIT;
	buf_add_str(&b, "GET / HTTP/1.1\r\nHost: localhost\r\nX-Big: ");
	for (int i = 0; i < 20000; i++)
		buf_add_char(&b, 'a');
	buf_add_str(&b, "\r\n\r\n");
	int status = http(b.p, &out, 1500);
	assert_true(status == 0 || status >= 400);
	/* One byte each 0.4 s: after ten seconds the server has had enough. */
	int fd = tcp_open(server.port);
	(void)!send(fd, "GET / HTTP/1.1\r\nX: ", 19, MSG_NOSIGNAL);
	uint64_t from = clock_ms();
	bool open = true;
	while (open && clock_ms() - from < 90000) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		char c;
		(void)!send(fd, "G", 1, MSG_NOSIGNAL);
		if (poll(&p, 1, 400) == 1 && recv(fd, &c, 1, 0) <= 0)
			open = false;
	}
	assert_false(open);
	assert_true(clock_ms() - from >= 5000);
	close(fd);
	buf_done(&b);
	buf_done(&out);
}

static void listen__addresses_are_split(void **state)
{
	(void)state;
	char host[64];
	int port;
	assert_true(web_listen_parse("127.0.0.1:8080", host, sizeof host, &port));
	assert_string_equal(host, "127.0.0.1");
	assert_int_equal(port, 8080);
	assert_true(web_listen_parse("[::1]:0", host, sizeof host, &port));
	assert_string_equal(host, "::1");
	assert_true(web_listen_parse(":80", host, sizeof host, &port));
	assert_string_equal(host, "0.0.0.0");
	static const char *const bad[] = { "", "8080", "a:", "a:x", "a:70000", "::1:80", "a:80x" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(web_listen_parse(bad[i], host, sizeof host, &port));
}

static enum err check(const char *a, const char *b, bool insecure, char why[512])
{
	static const struct setting *const tables[] = { core_settings, web_settings, NULL };
	char *none[] = { NULL }, *overrides[] = { (char *)(uintptr_t)a, (char *)(uintptr_t)b, NULL };
	struct buf problems = BUF_INIT;
	struct settings *s = settings_new(tables);
	why[0] = '\0';
	assert_int_equal(settings_load(s, NULL, none, overrides, &problems), ERR_NONE);
	enum err e = web_check(s, insecure, why, 512);
	settings_free(s);
	buf_done(&problems);
	return e;
}

static void listen__beyond_loopback_needs_a_log_in(void **state)
{
	(void)state;
	char why[512];
	assert_int_equal(check("web.listen=127.0.0.1:1", NULL, false, why), ERR_NONE);
	assert_int_equal(check("web.listen=[::1]:1", NULL, false, why), ERR_NONE);
	assert_int_equal(check("web.listen=localhost:1", NULL, false, why), ERR_NONE);
	assert_int_equal(check("web.listen=0.0.0.0:1", NULL, false, why), ERR_INPUT);
	assert_non_null(strstr(why, "--insecure"));
	assert_non_null(strstr(why, "web.token"));
	assert_int_equal(check("web.listen=0.0.0.0:1", NULL, true, why), ERR_NONE);
	assert_int_equal(check("web.listen=0.0.0.0:1", "web.token=0123456789abcdef", false, why), ERR_NONE);
	assert_int_equal(check("web.listen=0.0.0.0:1", "web.token=short", false, why), ERR_INPUT);
	assert_null(strstr(why, "\"short\""));
	assert_int_equal(check("web.listen=nonsense", NULL, false, why), ERR_INPUT);
}

static void handover__names_an_adapter_and_a_place(void **state)
{
	(void)state;
	char why[512];
	static const char *const good[] = { "web.widget.handover=slack:C0123", "web.widget.handover=other:a:b" };
	static const char *const bad[] = { "web.widget.handover=slack", "web.widget.handover=slack:", "web.widget.handover=:C0123",
		"web.widget.handover=slack: C0123" };
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(check(good[i], NULL, false, why), ERR_NONE);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(check(bad[i], NULL, false, why), ERR_INPUT);
		assert_non_null(strstr(why, "slack:C0123"));
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, server_up, server_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pages__answer),
		T(page__is_kept_until_it_changes),
		T(errors__have_one_shape),
		T(connection__is_used_again),
		T(forms_that_smuggle__get_400_and_the_connection_closed),
		T(heads__that_are_too_large_or_too_slow__end),
		cmocka_unit_test(listen__addresses_are_split),
		cmocka_unit_test(listen__beyond_loopback_needs_a_log_in),
		cmocka_unit_test(handover__names_an_adapter_and_a_place),
	};
	return cmocka_run_group_tests_name("web server", tests, NULL, NULL);
}
