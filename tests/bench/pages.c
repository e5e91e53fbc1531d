/*
 * Pages of the real daemon, with its database and a fake model:
 *   pages sent     a message sent on one page, shown on another: 100 a second in 50 conversations, each of them also answered
 *   pages delta    a part of an answer, from the model's socket to the page, at 200 streams with a part every 50 ms each
 *   pages idle N   memory for each of N (10000) pages that are open and do nothing
 * Without arguments all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "../../core/base/mem.h"
#include "../support/ws_load.h"
#include "../system/harness.h"

#define SECONDS(n) ((uint64_t)(n)*1000000000u)

static struct rig r;
static struct {
	int epoll;
	char token[80];
	const char *features;
	struct ws_peer *peers;
	size_t len, ready, answered;
	uint64_t *ns;
	size_t ns_len, ns_cap, lost;
	uint64_t *sent_at;
	size_t sent, seen;
} load;

static void note(uint64_t ns)
{
	if (load.ns_len < load.ns_cap)
		load.ns[load.ns_len++] = ns;
}

static void on_text(struct ws_peer *p, const char *text, size_t n)
{
	uint64_t now = load_now_ns();
	char say[300];
	if (p->stage == 0 && memmem(text, n, "\"type\":\"welcome\"", 16) != NULL) {
		snprintf(say, sizeof say, "{\"type\":\"subscribe\",\"thread\":\"6f1d0c2e-0000-4000-8000-%012u\",\"after\":0}",
		    p->number);
		ws_peer_say(p, say);
		p->stage = 1;
	} else if (p->stage == 1 && memmem(text, n, "\"type\":\"subscribed\"", 19) != NULL) {
		p->stage = 2;
		load.ready++;
	} else if (memmem(text, n, "\"type\":\"error\"", 14) != NULL) {
		fprintf(stderr, "%.*s\n", (int)n, text);
		load_die("refused");
	} else if (p->stage == 3 && memmem(text, n, "\"type\":\"message\"", 16) != NULL) { /* one that looks on */
		const char *k = memmem(text, n, "\"text\":\"s=", 10);
		if (k == NULL)
			return;
		size_t which = strtoul(k + 10, NULL, 10);
		note(now - load.sent_at[which]);
		load.seen++;
	} else if (p->stage == 4) {
		/* The newest moment in this frame: what it says came just now, the rest was there before. */
		const char *t =
		    memmem(text, n, "\"type\":\"delta\"", 14) != NULL || memmem(text, n, "\"type\":\"blocks\"", 15) != NULL ? text
		                                                                                                            : NULL;
		uint64_t newest = 0;
		const char *end = text + n;
		for (; t != NULL && (t = memmem(t, (size_t)(end - t), "t=", 2)) != NULL; t += 2) {
			uint64_t v = strtoull(t + 2, NULL, 10);
			/* Each moment that this page has not seen yet. */
			if (v > p->mark && v <= now) {
				note(now - v);
				newest = v > newest ? v : newest;
				p->mark = v;
			}
		}
		if (memmem(text, n, "\"type\":\"message\"", 16) != NULL && memmem(text, n, "{\"kind\":\"eddy\"", 14) != NULL)
			load.answered++;
	}
}

static void turn(int ms)
{
	struct epoll_event got[512];
	int n = epoll_wait(load.epoll, got, 512, ms);
	for (int i = 0; i < n; i++) {
		struct ws_peer *p = got[i].data.ptr;
		const char *text;
		size_t len;
		bool first = !p->up;
		if (!ws_peer_fill(p))
			continue;
		if (first) {
			char hello[300];
			snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"token\":\"%s\"%s}", load.token, load.features);
			ws_peer_say(p, hello);
		}
		while (ws_peer_next(p, &text, &len))
			on_text(p, text, len);
		ws_peer_read(p);
	}
}

/* ${n} pages, each two neighbours in one conversation if ${pairs}. */
static void open_pages(size_t n, bool pairs, unsigned first, const char *features)
{
	uint64_t end = load_now_ns() + SECONDS(120);
	load.features = features;
	load.peers = xcalloc(n, sizeof *load.peers);
	load.ready = 0;
	for (load.len = 0; load.len < n || load.ready < n;) {
		for (; load.len < n && load.len - load.ready < 100; load.len++) {
			struct ws_peer *p = &load.peers[load.len];
			ws_peer_open(p, load.epoll, r.d[0].port, "/", "Sec-WebSocket-Protocol: eddy.v1\r\n");
			p->number = first + (unsigned)(pairs ? load.len / 2 : load.len);
		}
		turn(100);
		if (load_now_ns() > end)
			load_die("the pages do not get ready");
	}
}

static void close_pages(void)
{
	for (size_t i = 0; i < load.len; i++)
		ws_peer_close(&load.peers[i]);
	free(load.peers);
	load.peers = NULL;
	load.len = 0;
}

static void set_noting(size_t cap)
{
	load.ns = xcalloc(cap, sizeof *load.ns);
	load.ns_cap = cap;
	load.ns_len = 0;
}

static void report(const char *what)
{
	size_t n = load.ns_len;
	printf("%-42s %6zu measured: p50 %6.2f ms, p95 %6.2f ms, p99 %6.2f ms\n", what, n, load_quantile_ms(load.ns, n, 0.5),
	    load_quantile_ms(load.ns, n, 0.95), load_quantile_ms(load.ns, n, 0.99));
	free(load.ns);
	load.ns = NULL;
}

static void measure_sent(void)
{
	enum { TALKS = 50, MESSAGES = 1500, WARM = 200 };
	open_pages(TALKS * 2, true, 1, ",\"features\":[\"blocks\"]");
	for (size_t i = 1; i < load.len; i += 2)
		load.peers[i].stage = 3;
	set_noting(MESSAGES);
	load.sent_at = xcalloc(MESSAGES, sizeof *load.sent_at);
	load.sent = load.seen = 0;
	uint64_t begin = load_now_ns();
	while (load.seen < MESSAGES) {
		uint64_t now = load_now_ns();
		if (load.sent < MESSAGES && now >= begin + load.sent * 10000000u) {
			char text[300];
			size_t k = load.sent++;
			struct ws_peer *p = &load.peers[k % TALKS * 2];
			load.sent_at[k] = now;
			snprintf(text, sizeof text,
			    "{\"type\":\"send\",\"thread\":\"6f1d0c2e-0000-4000-8000-%012u\",\"client_id\":\"m%zu\",\"text\":\"s=%zu what is going on?\"}",
			    p->number, k, k);
			ws_peer_say(p, text);
			if (k == WARM)
				load.ns_len = 0;
		}
		turn(1);
		if (now > begin + SECONDS(60))
			load_die("not all were shown");
	}
	report("sent on one page, shown on another, 100/s");
	close_pages();
	free(load.sent_at);
}

static void measure_delta(const char *what, const char *features, unsigned first)
{
	enum { STREAMS = 200 };
	json_decref(
	    fake_control(&r.model, "options", "{s:i, s:b, s:i, s:i}", "pace_ms", 50, "stamp", 1, "words", 120, "piece", 12));
	open_pages(STREAMS, false, first, features);
	set_noting(STREAMS * 200);
	load.answered = 0;
	uint64_t begin = load_now_ns();
	for (size_t sent = 0; load.answered < STREAMS;) {
		if (sent < STREAMS && load_now_ns() >= begin + sent * 3000000u) { /* spread, so that they are not in step */
			char text[300];
			struct ws_peer *p = &load.peers[sent];
			p->stage = 4;
			snprintf(text, sizeof text,
			    "{\"type\":\"send\",\"thread\":\"6f1d0c2e-0000-4000-8000-%012u\",\"client_id\":\"d%u\",\"text\":\"tell me all of it\"}",
			    p->number, p->number);
			ws_peer_say(p, text);
			sent++;
		}
		turn(1);
		if (load_now_ns() > begin + SECONDS(60))
			load_die("not all were answered");
	}
	report(what);
	close_pages();
}

static void measure_idle(size_t n)
{
	rig_settle(&r, 30000);
	double before = load_memory_kb(r.d[0].pid);
	open_pages(n, false, 100000, ",\"features\":[\"blocks\",\"threads\"]");
	for (uint64_t quiet = load_now_ns() + SECONDS(3); load_now_ns() < quiet;)
		turn(100);
	double after = load_memory_kb(r.d[0].pid), cpu = load_cpu_us(r.d[0].pid);
	for (uint64_t quiet = load_now_ns() + SECONDS(10); load_now_ns() < quiet;)
		turn(100);
	printf("%zu idle pages: %.1f MB before, %.1f MB with them, %.2f kB each; %.2f %% of a core\n", n, before / 1024,
	    after / 1024, (after - before) / (double)n, (load_cpu_us(r.d[0].pid) - cpu) / 1e5);
	close_pages();
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	load_raise_files();
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	rig_open(&r, NULL, NULL);
	rig_env(&r, "EDDY_WEB_CONNECTIONS=20000");
	rig_serve(&r, 0, NULL);
	rig_local_token(&r, 0, load.token);
	if (*what == '\0' || strcmp(what, "sent") == 0)
		measure_sent();
	if (*what == '\0' || strcmp(what, "delta") == 0) {
		measure_delta("from the model to the page, as text", "", 1000);
		measure_delta("from the model to the page, as blocks", ",\"features\":[\"blocks\"]", 2000);
	}
	if (*what == '\0' || strcmp(what, "idle") == 0)
		measure_idle(argc > 2 ? (size_t)atoi(argv[2]) : 10000);
	rig_close(&r);
	return 0;
}
