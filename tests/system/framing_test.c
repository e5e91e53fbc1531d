/*
 * Websocket frames, byte by byte, against the real daemon: every length in every form, fragments with control frames between, what is
 * masked, reserved, too long, not UTF-8, and every way to say good-bye.  After each case a new client must be served as before.
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

enum { FIN = 0x80, CONT = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10 };
enum { SHORT = 0, MIDDLE = 126, LONG = 127, BARE = 0x100 /* not masked */ };
static char token[80];

static void open_link(struct ws *w)
{
	if (!ws_open(w, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"))
		rig_fail(&rig, "no connection");
}

static void enter(struct ws *w)
{
	open_link(w);
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\"}", token);
	const char *t = ws_hear(w, 10000);
	if (t == NULL || strcmp(t, "welcome") != 0)
		rig_fail(&rig, "not let in");
}

static int serve(void **state)
{
	int e = rig_set_up(state);
	rig_serve(&rig, 0, NULL);
	rig_local_token(&rig, 0, token);
	return e;
}

/* One frame with its length in any form, right or wrong. */
static void put(struct buf *b, unsigned first, unsigned form, const void *p, size_t n)
{
	static const unsigned char key[4] = { 0xa1, 0x00, 0xff, 0x3c };
	unsigned mask = form & BARE ? 0 : 0x80;
	form &= 0xff;
	if (form == SHORT && n > 125)
		form = n > 65535 ? LONG : MIDDLE;
	buf_add_char(b, (char)first);
	buf_add_char(b, (char)(mask | (form == SHORT ? (unsigned)n : form)));
	if (form != SHORT)
		for (int i = form == LONG ? 7 : 1; i >= 0; i--)
			buf_add_char(b, (char)((uint64_t)n >> (8 * i)));
	if (mask != 0)
		buf_add(b, key, 4);
	for (size_t i = 0; i < n; i++)
		buf_add_char(b, (char)(((const unsigned char *)p)[i] ^ (mask != 0 ? key[i % 4] : 0)));
}

static void put_str(struct buf *b, unsigned first, const char *s)
{
	put(b, first, SHORT, s, strlen(s));
}

/* Sends all, ${piece} bytes at a time; the other end may have hung up before. */
static void flush(struct ws *w, struct buf *b, size_t piece)
{
	for (size_t at = 0; at < b->len;) {
		size_t n = b->len - at < piece ? b->len - at : piece;
		ssize_t k = send(w->fd, b->p + at, n, MSG_NOSIGNAL);
		if (k <= 0)
			break;
		at += (size_t)k;
	}
	buf_reset(b);
}

static void hear_pong(struct ws *w, int n, const char *name)
{
	const char *t = ws_hear(w, 10000);
	if (t == NULL || strcmp(t, "pong") != 0 || json_int(w->frame, "n", -1) != n)
		rig_fail(&rig, "%s: got %s (close %d) instead of pong %d", name, t == NULL ? "nothing" : t, w->close_code, n);
}

/* The server hangs up, with ${code} (0: with any, or none), and soon. */
static void hear_end(struct ws *w, int code, const char *name)
{
	struct buf b = BUF_INIT;
	int64_t t0 = now_ms();
	int op, got = 0;
	while ((op = ws_next_raw(w, &b, 30000)) != -1 && op != CLOSE)
		if (op == TEXT)
			rig_fail(&rig, "%s was answered: %.*s", name, (int)b.len, b.p);
	if (op == CLOSE && b.len >= 2)
		got = (unsigned char)b.p[0] << 8 | (unsigned char)b.p[1];
	buf_done(&b);
	if (now_ms() - t0 > 29000)
		rig_fail(&rig, "%s: left open", name);
	if (code != 0 && got != code)
		rig_fail(&rig, "%s: closed with %d instead of %d", name, got, code);
}

static void lengths__in_their_shortest_form__are_taken(void **state)
{
	(void)state;
	static const size_t sizes[] = { 22, 124, 125, 126, 127, 128, 4095, 4096, 4097, 65535, 65536, 65537, 262143, 262144 };
	char *text = malloc(300000);
	struct buf b = BUF_INIT;
	struct ws w;
	enter(&w);
	for (int i = 0; i < (int)(sizeof sizes / sizeof *sizes); i++) {
		int n = snprintf(text, 300000, "{\"type\":\"ping\",\"n\":%d}", i);
		memset(text + n, ' ', 300000 - (size_t)n);
		for (size_t piece = 997; piece <= 997 * 997; piece *= 997) {
			put(&b, FIN | TEXT, SHORT, text, sizes[i]);
			flush(&w, &b, piece);
			char name[40];
			snprintf(name, sizeof name, "%zu bytes", sizes[i]);
			hear_pong(&w, i, name);
		}
	}
	/* One byte more, in one frame or in two. */
	put(&b, FIN | TEXT, SHORT, text, 262145);
	flush(&w, &b, SIZE_MAX);
	hear_end(&w, 1009, "262145 bytes");
	ws_done(&w);
	enter(&w);
	put(&b, TEXT, SHORT, text, 200000);
	put(&b, FIN | CONT, SHORT, text, 62145);
	flush(&w, &b, SIZE_MAX);
	hear_end(&w, 1009, "262145 bytes in two fragments");
	ws_done(&w);
	buf_done(&b);
	free(text);
}

static void lengths__that_are_wrong__end_the_connection(void **state)
{
	(void)state;
	static const struct {
		const char *name, *head;
		size_t n;
	} bad[] = {
		{ "2^63 bytes", "\x81\xff\x80\0\0\0\0\0\0\0abcd", 14 },
		{ "2^64 - 1 bytes",
		    "\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff"
		    "abcd",
		    14 },
		{ "2^62 bytes", "\x81\xff\x40\0\0\0\0\0\0\0abcdefgh", 18 },
		{ "2^32 + 2 bytes", "\x81\xff\0\0\0\1\0\0\0\2abcd{}", 16 },
		{ "a ping of 126 bytes",
		    "\x89\xfe\0\x7e"
		    "abcd",
		    8 },
		{ "a ping of 65536 bytes", "\x89\xff\0\0\0\0\0\1\0\0abcd", 14 },
		{ "a close of 126 bytes",
		    "\x88\xfe\0\x7e"
		    "abcd",
		    8 },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct ws w;
		struct buf b = BUF_INIT;
		enter(&w);
		buf_add(&b, bad[i].head, bad[i].n);
		char filling[1000];
		memset(filling, 'x', sizeof filling);
		for (int k = 0; k < 400; k++) /* what an endless frame would hold: it must not all be kept */
			buf_add(&b, filling, sizeof filling);
		flush(&w, &b, 65536);
		hear_end(&w, 0, bad[i].name);
		ws_done(&w);
		buf_done(&b);
	}
}

/* A length in a longer form than needed: taken as it is, or the end; never anything else. */
static void lengths__longer_than_needed__are_read_as_they_are_or_end(void **state)
{
	(void)state;
	static const unsigned forms[] = { MIDDLE, LONG };
	for (size_t i = 0; i < 2; i++) {
		struct ws w;
		struct buf b = BUF_INIT;
		const char *text = "{\"type\":\"ping\",\"n\":5}";
		enter(&w);
		put(&b, FIN | TEXT, forms[i], text, strlen(text));
		flush(&w, &b, SIZE_MAX);
		const char *t = ws_hear(&w, 10000);
		if (t != NULL)
			assert_int_equal(json_int(w.frame, "n", 0), 5);
		else
			assert_true(w.close_code == 1002 || w.close_code == 0);
		ws_done(&w);
		buf_done(&b);
	}
}

static void heads__with_reserved_bits_or_opcodes_or_no_mask__end(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct ws w;
	char name[60];
	for (unsigned bits = 0x10; bits <= 0x70; bits += 0x10) {
		enter(&w);
		put_str(&b, FIN | bits | TEXT, "{\"type\":\"ping\"}");
		flush(&w, &b, SIZE_MAX);
		snprintf(name, sizeof name, "reserved bits %02x", bits);
		hear_end(&w, 1002, name);
		ws_done(&w);
	}
	for (unsigned op = 3; op < 16; op++) {
		if (op >= 8 && op <= 10)
			continue;
		enter(&w);
		put_str(&b, FIN | op, "x");
		flush(&w, &b, SIZE_MAX);
		snprintf(name, sizeof name, "opcode %u", op);
		hear_end(&w, 1002, name);
		ws_done(&w);
	}
	static const unsigned ops[] = { TEXT, CONT, BINARY }; /* the library lets control frames pass, which carry nothing */
	for (size_t i = 0; i < 3; i++) {
		enter(&w);
		put(&b, FIN | ops[i], BARE, "\x03\xe8", 2);
		flush(&w, &b, SIZE_MAX);
		snprintf(name, sizeof name, "opcode %u without a mask", ops[i]);
		hear_end(&w, 0, name);
		ws_done(&w);
	}
	enter(&w);
	put(&b, FIN | BINARY, SHORT, "{}", 2);
	flush(&w, &b, SIZE_MAX);
	hear_end(&w, 1003, "binary");
	ws_done(&w);
	buf_done(&b);
}

static void expect_raw(struct ws *w, int op, const void *p, size_t n, const char *name)
{
	struct buf b = BUF_INIT;
	int got = ws_next_raw(w, &b, 10000);
	if (got != op || b.len != n || (n > 0 && memcmp(b.p, p, n) != 0))
		rig_fail(&rig, "%s: got opcode %d with %zu bytes", name, got, b.len);
	buf_done(&b);
}

static void pings__of_every_size__are_echoed(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct ws w;
	unsigned char filling[125];
	for (size_t i = 0; i < sizeof filling; i++)
		filling[i] = (unsigned char)(255 - i);
	enter(&w);
	for (size_t n = 0; n <= 125; n += n == 1 ? 123 : n == 0 ? 1 : 1) {
		put(&b, FIN | PING, SHORT, filling, n);
		flush(&w, &b, n == 125 ? 1 : SIZE_MAX);
		expect_raw(&w, PONG, filling, n, "a ping");
	}
	/* Pongs that nobody asked for mean nothing. */
	put(&b, FIN | PONG, SHORT, "", 0);
	put(&b, FIN | PONG, SHORT, filling, 125);
	put_str(&b, FIN | TEXT, "{\"type\":\"ping\",\"n\":1}");
	flush(&w, &b, SIZE_MAX);
	hear_pong(&w, 1, "pongs");
	ws_done(&w);
	static const unsigned ops[] = { PING, PONG, CLOSE };
	for (size_t i = 0; i < 3; i++) {
		enter(&w);
		put_str(&b, ops[i], "x");
		put_str(&b, FIN | CONT, "y");
		flush(&w, &b, SIZE_MAX);
		hear_end(&w, 1002, "a control frame in pieces");
		ws_done(&w);
	}
	buf_done(&b);
}

static void fragments__with_anything_between__are_put_together(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct ws w;
	enter(&w);
	for (size_t piece = 1; piece < 100000; piece *= 50) {
		put_str(&b, TEXT, "{\"type\":");
		put_str(&b, CONT, "");
		put_str(&b, FIN | PING, "between");
		put_str(&b, CONT, "\"ping\",\"n\":");
		put_str(&b, FIN | PONG, "");
		put_str(&b, FIN | CONT, "77}");
		flush(&w, &b, piece);
		struct buf got = BUF_INIT; /* what answers the ping may come behind what answers the message */
		int op = ws_next_raw(&w, &got, 10000);
		if (op == PONG) {
			assert_int_equal(got.len, 7);
			hear_pong(&w, 77, "fragments");
		} else {
			assert_int_equal(op, TEXT);
			assert_non_null(strstr(got.p, "77"));
			expect_raw(&w, PONG, "between", 7, "a ping between fragments");
		}
		buf_done(&got);
		put_str(&b, TEXT, "");
		put_str(&b, CONT, "");
		put_str(&b, CONT, "{\"type\":\"ping\",\"n\":78}");
		put_str(&b, FIN | CONT, "");
		flush(&w, &b, piece);
		hear_pong(&w, 78, "fragments that begin and end empty");
	}
	/* A thousand fragments of one byte. */
	const char *text = "{\"type\":\"ping\",\"n\":79}";
	for (size_t i = 0; i < 1000; i++)
		put(&b, (i == 0 ? TEXT : CONT) | (i == 999 ? FIN : 0), SHORT, i < strlen(text) ? text + i : " ", 1);
	flush(&w, &b, SIZE_MAX);
	hear_pong(&w, 79, "a thousand fragments");
	ws_done(&w);
	static const struct {
		const char *name;
		unsigned first, second;
		int code;
	} bad[] = {
		{ "a continuation of nothing", FIN | CONT, FIN | CONT, 1002 },
		{ "an open continuation of nothing", CONT, FIN | CONT, 1002 },
		{ "a message within a message", TEXT, FIN | TEXT, 1002 },
		{ "a first fragment within a message", TEXT, TEXT, 1002 },
		{ "a binary message within a message", TEXT, FIN | BINARY, 1002 },
		{ "a binary message in fragments", BINARY, FIN | CONT, 1003 },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		enter(&w);
		put_str(&b, bad[i].first, "{}");
		put_str(&b, bad[i].second, " ");
		flush(&w, &b, SIZE_MAX);
		hear_end(&w, bad[i].code, bad[i].name);
		ws_done(&w);
	}
	buf_done(&b);
}

static void text__that_is_no_utf8__closes_with_1007(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"\xff",
		"\xfe\xfe\xff\xff",
		"\x80",
		"\xbf",
		"\xc0\xaf",
		"\xc1\xbf",
		"\xe0\x80\xaf",
		"\xe0\x9f\xbf",
		"\xf0\x80\x80\xaf",
		"\xf0\x8f\xbf\xbf",
		"\xf8\x88\x80\x80\x80",
		"\xfc\x84\x80\x80\x80\x80",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xed\xa0\x80\xed\xb0\x80",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xc3",
		"\xe2\x82",
		"\xf0\x9f\x98",
		"\xc3(",
		"\xe2\x28\xa1",
	};
	struct buf b = BUF_INIT, text = BUF_INIT;
	struct ws w;
	char name[60];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		for (int cut = 0; cut < 3; cut++) {
			buf_reset(&text);
			buf_add_str(&text, cut == 2 ? "{\"type\":\"ping\",\"x\":\"\\u0041" : "{\"type\":\"ping\",\"x\":\"");
			size_t at = text.len + 1;
			buf_add_str(&text, bad[i]);
			buf_add_str(&text, "\"}");
			enter(&w);
			if (cut == 1) { /* within the bad bytes, or behind them */
				put(&b, TEXT, SHORT, text.p, at);
				put_str(&b, FIN | PING, "");
				put(&b, FIN | CONT, SHORT, text.p + at, text.len - at);
			} else {
				put(&b, FIN | TEXT, SHORT, text.p, text.len);
			}
			flush(&w, &b, SIZE_MAX);
			snprintf(name, sizeof name, "bad text %zu, cut %d", i, cut);
			hear_end(&w, 1007, name);
			ws_done(&w);
		}
	}
	/* A NUL hides nothing. */
	enter(&w);
	put(&b, FIN | TEXT, SHORT, "{\"\0\xff\":1}", 8);
	flush(&w, &b, SIZE_MAX);
	hear_end(&w, 1007, "bad text behind a NUL");
	ws_done(&w);
	/* Good characters, cut anywhere. */
	const char *good = "{\"type\":\"ping\",\"n\":3,\"x\":\"κόσμε \xf0\x9f\x98\x80 \xef\xbf\xbf \xf4\x8f\xbf\xbf\"}";
	enter(&w);
	for (size_t at = 20; at < strlen(good); at++) {
		put(&b, TEXT, SHORT, good, at);
		put(&b, FIN | CONT, SHORT, good + at, strlen(good) - at);
		flush(&w, &b, SIZE_MAX);
		hear_pong(&w, 3, "good text in two fragments");
		sleep_ms(52); /* twenty frames a second */
	}
	ws_done(&w);
	buf_done(&b);
	buf_done(&text);
}

static void closing__by_each_code__is_answered_as_the_rules_say(void **state)
{
	(void)state;
	static const int good[] = { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999 };
	static const int bad[] = { 0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535 };
	struct buf b = BUF_INIT;
	struct ws w;
	char name[60], body[130];
	memset(body, 'r', sizeof body);
	for (size_t i = 0; i < sizeof good / sizeof *good + sizeof bad / sizeof *bad; i++) {
		bool is_good = i < sizeof good / sizeof *good;
		int code = is_good ? good[i] : bad[i - sizeof good / sizeof *good];
		body[0] = (char)(code >> 8);
		body[1] = (char)code;
		for (size_t n = 2; n <= 125; n += 123) {
			enter(&w);
			put(&b, FIN | CLOSE, SHORT, body, n);
			put_str(&b, FIN | TEXT, "{\"type\":\"ping\"}"); /* means nothing any more */
			flush(&w, &b, SIZE_MAX);
			snprintf(name, sizeof name, "close %d with %zu bytes", code, n);
			hear_end(&w, is_good ? code : code >= 5000 ? 0 : 1002, name); /* from 5000 on nothing is said */
			ws_done(&w);
		}
	}
	enter(&w);
	put(&b, FIN | CLOSE, SHORT, "", 0);
	flush(&w, &b, SIZE_MAX);
	hear_end(&w, 0, "an empty close");
	ws_done(&w);
	enter(&w);
	put(&b, FIN | CLOSE, SHORT, "\x03", 1);
	flush(&w, &b, SIZE_MAX);
	hear_end(&w, 0, "half a code");
	ws_done(&w);
	enter(&w);
	put(&b, FIN | CLOSE, SHORT, "\x03\xe8\xce\xba\xe1\xbd\xb9\xcf\x83\xed\xa0\x80", 12);
	flush(&w, &b, SIZE_MAX);
	hear_end(&w, 0, "a reason that is no UTF-8");
	ws_done(&w);
	/* In the middle of a message. */
	enter(&w);
	put_str(&b, TEXT, "{\"type\":");
	put(&b, FIN | CLOSE, SHORT, "\x03\xe8", 2);
	flush(&w, &b, SIZE_MAX);
	hear_end(&w, 1000, "a close within a message");
	ws_done(&w);
	buf_done(&b);
}

static void sender__that_takes_its_time__is_waited_for(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct ws w, quick;
	enter(&w);
	enter(&quick);
	char text[120];
	for (int i = 0; i < 3; i++) {
		snprintf(text, sizeof text, "{\"type\":\"ping\",\"n\":%d}", i);
		put_str(&b, FIN | TEXT, text);
	}
	for (size_t i = 0; i < b.len; i++) {
		assert_int_equal(send(w.fd, b.p + i, 1, MSG_NOSIGNAL), 1);
		sleep_ms(5);
		if (i % 30 == 0) {
			ws_say(&quick, "{\"type\":\"ping\",\"n\":9}");
			hear_pong(&quick, 9, "another client meanwhile");
		}
	}
	for (int i = 0; i < 3; i++)
		hear_pong(&w, i, "byte by byte");
	ws_done(&w);
	ws_done(&quick);
	buf_done(&b);
}

/* A hundred thousand pings from one who does not read what comes back: others are served, and nothing piles up. */
static void flood__of_pings__harms_nobody(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct ws w, other;
	char filling[125];
	memset(filling, 'p', sizeof filling);
	enter(&w);
	enter(&other);
	for (int i = 0; i < 1000; i++)
		put(&b, FIN | PING, SHORT, filling, 125);
	int64_t worst = 0;
	for (int i = 0; i < 100; i++) {
		for (size_t at = 0; at < b.len;) {
			ssize_t k = send(w.fd, b.p + at, b.len - at, MSG_NOSIGNAL | MSG_DONTWAIT);
			if (k <= 0)
				break;
			at += (size_t)k;
		}
		int64_t t0 = now_ms();
		if (i % 10 == 0) {
			ws_say(&other, "{\"type\":\"ping\",\"n\":%d}", i);
			hear_pong(&other, i, "another client in the flood");
			worst = now_ms() - t0 > worst ? now_ms() - t0 : worst;
		}
	}
	print_message("# slowest pong of another client %d ms\n", (int)worst);
	if (worst > 20000)
		rig_fail(&rig, "another client waited %d ms", (int)worst);
	ws_done(&w);
	ws_done(&other);
	buf_done(&b);
}

int main(void)
{
#define SYSTEM_TEST(t) cmocka_unit_test_setup_teardown(t, serve, rig_tear_down)
	const struct CMUnitTest tests[] = {
		SYSTEM_TEST(lengths__in_their_shortest_form__are_taken),
		SYSTEM_TEST(lengths__that_are_wrong__end_the_connection),
		SYSTEM_TEST(lengths__longer_than_needed__are_read_as_they_are_or_end),
		SYSTEM_TEST(heads__with_reserved_bits_or_opcodes_or_no_mask__end),
		SYSTEM_TEST(pings__of_every_size__are_echoed),
		SYSTEM_TEST(fragments__with_anything_between__are_put_together),
		SYSTEM_TEST(text__that_is_no_utf8__closes_with_1007),
		SYSTEM_TEST(closing__by_each_code__is_answered_as_the_rules_say),
		SYSTEM_TEST(sender__that_takes_its_time__is_waited_for),
		SYSTEM_TEST(flood__of_pings__harms_nobody),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
