/*
 * The real port against people who do not keep to HTTP: each gets a refusal or a closed door, and the next good request is answered.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "harness.h"
#include "../adapters/web/ws_client.c"

static int set_up(void **state)
{
	(void)state;
	rig_open(&rig, NULL, NULL);
	rig_serve(&rig, 0, NULL);
	return 0;
}

static void expect_well(const char *after)
{
	if (http_do(rig.d[0].port, "GET", "/healthz", NULL, NULL, 0, 3000, NULL) != 200 || !rig_lives(&rig, 0))
		rig_fail(&rig, "not well after: %s", after);
}

/* All that comes back until the connection ends or ${ms} have passed without a byte; ${out} is reset. */
static bool read_to_end(int fd, struct buf *out, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char room[4096];
	while (poll(&p, 1, ms) == 1) {
		ssize_t n = recv(fd, room, sizeof room, 0);
		if (n <= 0)
			return true;
		buf_add(out, room, (size_t)n);
	}
	return false;
}

static int count(const char *text, const char *what)
{
	int n = 0;
	for (const char *p = text; p != NULL && (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

#define SMUGGLED "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n"
static void http__smuggling_forms__are_refused_and_closed(void **state)
{
	(void)state;
	static const struct {
		const char *name, *bytes;
	} forms[] = {
		{ "two lengths",
		    "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello" SMUGGLED },
		{ "length and chunks",
		    "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SMUGGLED },
		{ "chunks",
		    "POST /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" SMUGGLED },
		{ "strange chunks",
		    "POST /healthz HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SMUGGLED },
		{ "a negative length", "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n" SMUGGLED },
		{ "a length with a plus", "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nhello" SMUGGLED },
		{ "a length beyond 64 bits",
		    "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18446744073709551621\r\n\r\nhello" SMUGGLED },
		{ "a hexadecimal length",
		    "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0x5\r\n\r\nhello" SMUGGLED },
		{ "no host", "GET /healthz HTTP/1.1\r\n\r\n" SMUGGLED },
		{ "two hosts", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n" SMUGGLED },
		{ "a host that is none", "GET /healthz HTTP/1.1\r\nHost: a b/c\r\n\r\n" SMUGGLED },
	};
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct buf got = BUF_INIT;
		int fd = tcp_open(rig.d[0].port), status = 0;
		(void)!send(fd, forms[i].bytes, strlen(forms[i].bytes), MSG_NOSIGNAL);
		bool ended = read_to_end(fd, &got, 3000);
		if (got.len > 0)
			sscanf(got.p, "HTTP/1.%*d %d", &status);
		if (!ended || (got.len > 0 && (status < 400 || status >= 600)) || count(got.p, "HTTP/1.") > 1 ||
		    count(got.p, "eddy_loop") > 0)
			rig_fail(&rig, "%s: %s, answered %.300s", forms[i].name, ended ? "closed" : "left open",
			    got.len > 0 ? got.p : "nothing");
		close(fd);
		buf_done(&got);
		expect_well(forms[i].name);
	}
}

static void http__slow_heads__are_dropped_and_keep_nobody_out(void **state)
{
	(void)state;
	enum { SLOW = 40 };
	int fds[SLOW];
	for (int i = 0; i < SLOW; i++) {
		fds[i] = tcp_open(rig.d[0].port);
		assert_true(fds[i] >= 0);
		(void)!send(fds[i], "GET /healthz HTTP/1.1\r\nX-Slow: ", 32, MSG_NOSIGNAL);
	}
	expect_well("slow heads");
	int64_t until = now_ms() + rig_patience(0);
	int open = SLOW;
	while (open > 0 && now_ms() < until) {
		sleep_ms(500);
		for (int i = 0; i < SLOW; i++) {
			char c[256];
			if (fds[i] < 0)
				continue;
			ssize_t n = recv(fds[i], c, sizeof c, MSG_DONTWAIT);
			if (n == 0 || (n < 0 && errno != EAGAIN) || send(fds[i], "x", 1, MSG_NOSIGNAL) < 0) {
				close(fds[i]);
				fds[i] = -1;
				open--;
			}
		}
		expect_well("slow heads");
	}
	if (open > 0)
		rig_fail(&rig, "%d connections may send their heads for ever", open);
}

static void http__huge_heads_and_bodies__are_refused(void **state)
{
	(void)state;
	static const char *const begins[] = { "POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000000\r\n\r\n",
		"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ", "GET /" };
	static char block[65536];
	memset(block, 'a', sizeof block);
	for (size_t i = 0; i < sizeof begins / sizeof *begins; i++) {
		struct buf got = BUF_INIT;
		int fd = tcp_open(rig.d[0].port), status = 0;
		size_t sent = 0;
		(void)!send(fd, begins[i], strlen(begins[i]), MSG_NOSIGNAL);
		struct timeval patience = { .tv_sec = 2 };
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
		for (ssize_t n; sent < 64u << 20 && (n = send(fd, block, sizeof block, MSG_NOSIGNAL)) > 0; sent += (size_t)n)
			;
		(void)read_to_end(fd, &got, 1000);
		if (got.len > 0)
			sscanf(got.p, "HTTP/1.%*d %d", &status);
		if (sent >= 64u << 20 || (status != 0 && status < 400))
			rig_fail(&rig, "%.20s…: took %zu bytes, answered %d", begins[i], sent, status);
		close(fd);
		buf_done(&got);
		expect_well(begins[i]);
	}
}

static void websocket__bad_frames__are_refused(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned first;
		const char *bytes;
		size_t n;
	} bad[] = {
		{ "not UTF-8", 0x81, "\"\xff\xfe\"", 4 },
		{ "binary", 0x82, "\x00\x01", 2 },
		{ "a continuation of nothing", 0x80, "x", 1 },
		{ "a control frame in pieces", 0x09, "x", 1 },
		{ "reserved bits", 0xf1, "x", 1 },
		{ "a reserved opcode", 0x83, "x", 1 },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ws w;
		assert_true(ws_open(&w, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
		ws_raw(&w, bad[i].first, bad[i].bytes, bad[i].n);
		int64_t t0 = now_ms();
		while (ws_hear(&w, 30000) != NULL)
			;
		if (now_ms() - t0 > 29000)
			rig_fail(&rig, "left open after %s", bad[i].name);
		ws_done(&w);
		expect_well(bad[i].name);
	}
}

/* The answer to an upgrade with these headers: its status; ${got} is all that came until the door was shut. */
static int upgrade(const char *headers, struct buf *got)
{
	struct buf b = BUF_INIT;
	int fd = tcp_open(rig.d[0].port), status = 0;
	buf_reset(got);
	buf_addf(&b,
	    "GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
	    headers);
	(void)!send(fd, b.p, b.len, MSG_NOSIGNAL);
	if (!read_to_end(fd, got, 5000))
		rig_fail(&rig, "left open after %.200s", headers);
	close(fd);
	buf_done(&b);
	if (got->len > 0)
		sscanf(got->p, "HTTP/1.1 %d", &status);
	return status;
}

static void websocket__bad_upgrades__are_told_why_and_closed(void **state)
{
	(void)state;
#define PROTOCOL "Sec-WebSocket-Protocol: eddy.v1\r\n"
#define HERE "Host: localhost\r\n" PROTOCOL
	static char oversized[9100] = HERE "Origin: http://";
	size_t n = strlen(oversized);
	memset(oversized + n, 'a', 9000);
	memcpy(oversized + n + 9000, "\r\n", 3);
	const struct {
		const char *name, *headers;
		int status;
		const char *code;
	} bad[] = {
		{ "another origin", HERE "Origin: http://evil.example\r\n", 403, "forbidden" },
		{ "a page without an origin", HERE "Origin: null\r\n", 403, "forbidden" },
		{ "an origin that begins like ours", HERE "Origin: http://localhost.evil.example\r\n", 403, "forbidden" },
		{ "an origin with a user", HERE "Origin: http://localhost@evil.example\r\n", 403, "forbidden" },
		{ "another scheme", HERE "Origin: ftp://localhost\r\n", 403, "forbidden" },
		{ "no scheme", HERE "Origin: localhost\r\n", 403, "forbidden" },
		{ "an empty origin", HERE "Origin:\r\n", 403, "forbidden" },
		{ "two origins", HERE "Origin: http://localhost\r\nOrigin: http://localhost\r\n", 403, "forbidden" },
		{ "an oversized origin", oversized, 403, "forbidden" },
		{ "a name that was bent to this address", "Host: evil.example\r\n" PROTOCOL "Origin: http://evil.example\r\n", 403,
		    "forbidden" },
		{ "no host", PROTOCOL, 400, "invalid" },
		{ "an empty host", PROTOCOL "Host:\r\n", 400, "invalid" },
		{ "a host that is none", PROTOCOL "Host: a b\r\n", 400, "invalid" },
		{ "two hosts", HERE "Host: localhost\r\n", 400, "invalid" },
		{ "a body", HERE "Content-Length: 5\r\n", 400, "invalid" },
		{ "no protocol", "Host: localhost\r\n", 400, "invalid" },
	};
	struct buf got = BUF_INIT, code = BUF_INIT;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		int status = upgrade(bad[i].headers, &got);
		buf_reset(&code);
		buf_addf(&code, "\"code\":\"%s\",\"request_id\":\"", bad[i].code);
		if (status != bad[i].status || strstr(got.p, code.p) == NULL || count(got.p, "HTTP/1.") != 1)
			rig_fail(&rig, "%s: answered %.600s", bad[i].name, got.len > 0 ? got.p : "nothing");
		expect_well(bad[i].name);
	}
	buf_done(&got);
	buf_done(&code);
	/* Who says none is no browser; who says ours is at home. */
	for (int ours = 0; ours < 2; ours++) {
		struct ws w;
		char headers[200];
		size_t at = (size_t)snprintf(headers, sizeof headers, PROTOCOL);
		if (ours)
			snprintf(headers + at, sizeof headers - at, "Origin: http://127.0.0.1:%d\r\n", rig.d[0].port);
		if (!ws_open(&w, rig.d[0].port, headers))
			rig_fail(&rig, "%s: %d", headers, w.status);
		ws_done(&w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(http__smuggling_forms__are_refused_and_closed, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(http__slow_heads__are_dropped_and_keep_nobody_out, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(http__huge_heads_and_bodies__are_refused, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(websocket__bad_frames__are_refused, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(websocket__bad_upgrades__are_told_why_and_closed, set_up, rig_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
