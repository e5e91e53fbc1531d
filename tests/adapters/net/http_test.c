#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/net/http.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/metric.h"
#include "../../support/http_peer.h"

static int answer(const struct http_peer_request *r)
{
	static const char chunked[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
	char text[600];
	if (strcmp(r->path, "/ok") == 0) {
		http_peer_answer(r->fd, "200 OK", "Content-Type: application/json\r\n", "{\"ok\":true}");
		return 0;
	}
	if (strcmp(r->path, "/echo") == 0 && strcmp(r->method, "HEAD") == 0) {
		http_peer_write(r->fd, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n");
		return 0;
	}
	if (strcmp(r->path, "/echo") == 0) {
		const char *auth = strcasestr(r->head, "authorization:"), *key = strcasestr(r->head, "x-api-key:");
		snprintf(text, sizeof text, "%s %s%s %zu %.200s", r->method, auth ? "auth" : "-", key ? "+key" : "", r->body_len,
		    r->body);
		http_peer_answer(r->fd, "200 OK", "", text);
		return 0;
	}
	if (strcmp(r->path, "/slow") == 0) {
		usleep(150000);
		http_peer_answer(r->fd, "200 OK", "", "late");
		return 0;
	}
	if (strcmp(r->path, "/busy") == 0) {
		http_peer_answer(r->fd, "429 Too Many Requests", "Retry-After: 7\r\n", "{\"error\":1}");
		return 0;
	}
	if (strcmp(r->path, "/busy-ms") == 0) {
		http_peer_answer(r->fd, "429 Too Many Requests", "retry-after-ms: 250\r\nRetry-After: 7\r\n", "");
		return 0;
	}
	if (strcmp(r->path, "/busy-date") == 0) {
		http_peer_answer(r->fd, "503 Unavailable", "Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n", "");
		return 0;
	}
	if (strcmp(r->path, "/cut") == 0) {
		http_peer_write(r->fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n0123456789");
		return 1;
	}
	if (strcmp(r->path, "/cut-at-once") == 0)
		return 1;
	if (strcmp(r->path, "/once") == 0) { /* a kept connection that dies with the second request */
		if (r->nth > 0)
			return 1;
		http_peer_answer(r->fd, "200 OK", "", "first");
		return 0;
	}
	if (strcmp(r->path, "/silent") == 0) {
		char c;
		(void)!recv(r->fd, &c, 1, 0);
		return 1;
	}
	if (strcmp(r->path, "/stalls") == 0) {
		char c;
		http_peer_write(r->fd, chunked);
		http_peer_chunk(r->fd, "one", 3);
		(void)!recv(r->fd, &c, 1, 0);
		return 1;
	}
	if (strcmp(r->path, "/drips") == 0) {
		http_peer_write(r->fd, chunked);
		for (int i = 0; i < 6; i++) {
			usleep(300000);
			http_peer_chunk(r->fd, "drip", 4);
		}
		http_peer_chunk(r->fd, "", 0);
		return 0;
	}
	if (strcmp(r->path, "/big") == 0) {
		static char block[65536];
		memset(block, 'x', sizeof block);
		http_peer_write(r->fd, chunked);
		for (int i = 0; i < 80; i++)
			http_peer_chunk(r->fd, block, sizeof block);
		http_peer_chunk(r->fd, "", 0);
		return 0;
	}
	if (strncmp(r->path, "/to/", 4) == 0) {
		int code = atoi(r->path + 4);
		const char *where = strchr(r->path + 4, '/');
		char head[400];
		snprintf(head, sizeof head, "Location: %s\r\n", strstr(where, "abs=") ? strstr(where, "abs=") + 4 : where);
		snprintf(text, sizeof text, "%d Moved", code);
		http_peer_answer(r->fd, text, head, "");
		return 0;
	}
	http_peer_answer(r->fd, "404 Not Found", "", "");
	return 0;
}

struct fixture {
	struct http *h;
	struct http_peer *peer, *other;
	struct metrics *ms;
};

struct outcome {
	atomic_int done;
	struct fixture *f;
	enum http_fail fail;
	long status;
	char body[700];
	size_t body_len, seen;
	uint32_t retry_after_ms, total_ms;
	atomic_int pieces;
	int stop_after;
	void *handle;
	char content_type[64], why[200];
};

static void on_done(void *arg, const struct http_result *r)
{
	struct outcome *o = arg;
	o->fail = r->fail;
	o->status = r->status;
	o->body_len = r->body_len;
	snprintf(o->body, sizeof o->body, "%s", r->body);
	o->retry_after_ms = r->retry_after_ms;
	o->total_ms = r->total_ms;
	snprintf(o->content_type, sizeof o->content_type, "%s", r->content_type);
	snprintf(o->why, sizeof o->why, "%s", r->why);
	o->done++;
}

static bool on_data(void *arg, const char *p, size_t n)
{
	struct outcome *o = arg;
	(void)p;
	o->pieces++;
	o->seen += n;
	return o->stop_after == 0 || o->pieces < o->stop_after;
}

static enum err go(struct fixture *f, struct outcome *o, const char *method, const char *path, struct http_request r)
{
	char url[1200];
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", http_peer_port(f->peer), path);
	o->f = f;
	r.method = method;
	r.url = url;
	r.on_done = on_done;
	r.arg = o;
	r.handle = &o->handle;
	return http_start(f->h, &r);
}

static void await(struct outcome *o)
{
	for (int i = 0; i < 16000 && !o->done; i++)
		usleep(2500);
	assert_int_equal(o->done, 1);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	f->ms = metrics_new();
	f->peer = http_peer_new(answer, NULL);
	f->other = http_peer_new(answer, NULL);
	*state = f;
	return http_new(&f->h, f->ms, NULL) == ERR_NONE ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	http_free(f->h);
	http_peer_free(f->peer);
	http_peer_free(f->other);
	metrics_free(f->ms);
	free(f);
	return 0;
}

static void call__keeps__its_connection(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 5; i++) {
		struct outcome o = { 0 };
		assert_int_equal(go(f, &o, "GET", "/ok", (struct http_request){ 0 }), ERR_NONE);
		await(&o);
		assert_int_equal(o.fail, HTTP_OK);
		assert_int_equal(o.status, 200);
		assert_string_equal(o.body, "{\"ok\":true}");
		assert_string_equal(o.content_type, "application/json");
	}
	assert_int_equal(http_peer_connections(f->peer), 1);
	assert_int_equal(http_peer_requests(f->peer), 5);
}

static void call__sends__method_headers_and_body_of_this_call_only(void **state)
{
	struct fixture *f = *state;
	struct {
		const char *method, *body;
		bool auth;
		const char *want;
	} rows[] = {
		{ "POST", "abc", true, "POST auth 3 abc" },
		{ "GET", NULL, false, "GET - 0 " },
		{ "DELETE", NULL, false, "DELETE - 0 " },
		{ "PUT", "xy", false, "PUT - 2 xy" },
		{ "HEAD", NULL, true, "" },
		{ "POST", "abc", false, "POST - 3 abc" },
		{ "POST", NULL, false, "POST - 0 " },
	};
	static const char *const auth[] = { "Authorization: Bearer x", "Content-Type: text/plain", NULL };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct outcome o = { 0 };
		struct http_request r = { .body = rows[i].body ? strdup(rows[i].body) : NULL,
			.headers = rows[i].auth ? auth : NULL };
		r.body_len = rows[i].body ? strlen(rows[i].body) : 0;
		go(f, &o, rows[i].method, "/echo", r);
		await(&o);
		assert_int_equal(o.fail, HTTP_OK);
		assert_string_equal(o.body, rows[i].want);
	}
	assert_int_equal(http_peer_connections(f->peer), 1);
}

static void call__reports__when_to_come_back(void **state)
{
	struct fixture *f = *state;
	struct outcome a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	go(f, &a, "GET", "/busy", (struct http_request){ 0 });
	await(&a);
	assert_int_equal(a.status, 429);
	assert_int_equal(a.retry_after_ms, 7000);
	go(f, &b, "GET", "/busy-ms", (struct http_request){ 0 });
	await(&b);
	assert_int_equal(b.retry_after_ms, 250);
	go(f, &c, "GET", "/busy-date", (struct http_request){ 0 });
	await(&c);
	assert_int_equal(c.retry_after_ms, 86400000);
	go(f, &d, "GET", "/ok", (struct http_request){ 0 });
	await(&d);
	assert_int_equal(d.retry_after_ms, 0);
}

static void call__tells__what_happened_to_the_request(void **state)
{
	struct fixture *f = *state;
	struct outcome cut = { 0 }, at_once = { 0 }, refused = { 0 }, scheme = { 0 };
	go(f, &cut, "POST", "/cut", (struct http_request){ 0 });
	await(&cut);
	assert_int_equal(cut.fail, HTTP_CUT);
	assert_int_equal(cut.status, 200);
	go(f, &at_once, "POST", "/cut-at-once", (struct http_request){ 0 });
	await(&at_once);
	assert_int_equal(at_once.fail, HTTP_CUT);
	struct http_request r = { .method = "POST", .url = "http://127.0.0.1:1/", .on_done = on_done, .arg = &refused };
	assert_int_equal(http_start(f->h, &r), ERR_NONE);
	await(&refused);
	assert_int_equal(refused.fail, HTTP_CONNECT);
	assert_true(refused.why[0] != '\0');
	r.url = "file:///etc/hostname";
	r.method = "GET";
	r.arg = &scheme;
	http_start(f->h, &r);
	await(&scheme);
	assert_int_equal(scheme.fail, HTTP_CONNECT);
	assert_int_equal(scheme.body_len, 0);
}

static void post__is_not_repeated__on_a_connection_that_died(void **state)
{
	struct fixture *f = *state;
	struct outcome a = { 0 }, b = { 0 };
	go(f, &a, "POST", "/once", (struct http_request){ 0 });
	await(&a);
	assert_string_equal(a.body, "first");
	go(f, &b, "POST", "/once", (struct http_request){ 0 });
	await(&b);
	assert_int_equal(b.fail, HTTP_CUT);
	assert_int_equal(http_peer_requests(f->peer), 2);
}

static void post__that_cannot_be_made_again__takes_no_connection_that_was_kept(void **state)
{
	struct fixture *f = *state;
	for (int i = 0; i < 3; i++) {
		struct outcome a = { 0 };
		go(f, &a, "POST", "/once", (struct http_request){ .fresh = true });
		await(&a);
		assert_int_equal(a.fail, HTTP_OK);
		assert_string_equal(a.body, "first");
	}
	/* And only that one. */
	struct outcome b = { 0 }, c = { 0 };
	int connections = http_peer_connections(f->peer);
	go(f, &b, "GET", "/echo", (struct http_request){ 0 });
	await(&b);
	go(f, &c, "GET", "/echo", (struct http_request){ 0 });
	await(&c);
	assert_in_range(http_peer_connections(f->peer), connections, connections + 1);
}

static void get__is_repeated__on_a_connection_that_died(void **state)
{
	struct fixture *f = *state;
	struct outcome a = { 0 }, b = { 0 };
	go(f, &a, "GET", "/once", (struct http_request){ 0 });
	await(&a);
	go(f, &b, "GET", "/once", (struct http_request){ 0 });
	await(&b);
	assert_int_equal(b.fail, HTTP_OK);
	assert_string_equal(b.body, "first");
}

static void silence__ends__by_the_right_time_out(void **state)
{
	struct fixture *f = *state;
	struct outcome silent = { 0 }, stalls = { 0 }, drips = { 0 }, total = { 0 };
	go(f, &silent, "POST", "/silent", (struct http_request){ .idle_ms = 400 });
	go(f, &stalls, "POST", "/stalls", (struct http_request){ .idle_ms = 400, .on_data = on_data });
	go(f, &drips, "POST", "/drips", (struct http_request){ .idle_ms = 1500, .on_data = on_data });
	go(f, &total, "POST", "/drips", (struct http_request){ .total_ms = 150, .on_data = on_data });
	await(&silent);
	await(&stalls);
	await(&drips);
	await(&total);
	assert_int_equal(silent.fail, HTTP_TIMEOUT);
	assert_in_range(silent.total_ms, 390, 20000);
	assert_int_equal(stalls.fail, HTTP_TIMEOUT);
	assert_int_equal(stalls.seen, 3);
	assert_int_equal(drips.fail, HTTP_OK); /* 1,800 ms in all, never 1,500 without a byte */
	assert_int_equal(drips.seen, 24);
	assert_int_equal(total.fail, HTTP_TIMEOUT);
	assert_true(total.total_ms >= 145);
}

static void body__is_refused__beyond_its_limit(void **state)
{
	struct fixture *f = *state;
	struct outcome o = { 0 }, whole = { 0 }, streamed = { 0 };
	go(f, &o, "GET", "/big", (struct http_request){ 0 });
	await(&o);
	assert_int_equal(o.fail, HTTP_TOO_LARGE);
	assert_true(o.body_len <= 1024 * 1024);
	go(f, &whole, "GET", "/big", (struct http_request){ .max_body = 80 * 65536 });
	await(&whole);
	assert_int_equal(whole.fail, HTTP_OK);
	assert_int_equal(whole.body_len, 80 * 65536);
	go(f, &streamed, "GET", "/big", (struct http_request){ .on_data = on_data });
	await(&streamed);
	assert_int_equal(streamed.fail, HTTP_OK);
	assert_int_equal(streamed.seen, 80 * 65536);
	assert_int_equal(streamed.body_len, 0);
}

static void stream__stops__when_its_reader_says_so(void **state)
{
	struct fixture *f = *state;
	struct outcome o = { .stop_after = 2 };
	go(f, &o, "GET", "/drips", (struct http_request){ .on_data = on_data });
	await(&o);
	assert_int_equal(o.fail, HTTP_CANCELLED);
	assert_int_equal(o.pieces, 2);
}

static void cancel_it(void *arg)
{
	struct outcome *o = arg;
	http_cancel(o->f->h, o->handle);
	http_cancel(o->f->h, o->handle);
	o->stop_after = o->done ? -1 : o->stop_after; /* on_done must not come from inside */
}

static void cancel__ends__a_call_at_any_point(void **state)
{
	struct fixture *f = *state;
	struct outcome soon = { 0 }, late = { 0 };
	go(f, &soon, "POST", "/silent", (struct http_request){ 0 });
	assert_true(http_post(f->h, cancel_it, &soon));
	await(&soon);
	assert_int_equal(soon.fail, HTTP_CANCELLED);
	assert_int_equal(soon.stop_after, 0);
	go(f, &late, "POST", "/stalls", (struct http_request){ .on_data = on_data });
	while (late.pieces == 0)
		usleep(1000);
	assert_true(http_post(f->h, cancel_it, &late));
	await(&late);
	assert_int_equal(late.fail, HTTP_CANCELLED);
}

/* A listener whose queue is full: a connection to it is neither made nor refused. */
static int full_listener(int *port, int fill[8])
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t n = sizeof a;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*port = ntohs(a.sin_port);
	for (int i = 0; i < 8; i++) {
		fill[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		(void)!connect(fill[i], (struct sockaddr *)&a, n);
	}
	return fd;
}

/* curl closes a socket that never got connected without telling; the next one has the same number. */
static void connection__that_was_never_made__does_no_harm_to_the_next(void **state)
{
	struct fixture *f = *state;
	int port, fill[8], fd = full_listener(&port, fill);
	char url[60];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", port);
	uint32_t best_ms = UINT32_MAX;
	for (int i = 0; i < 5 || (i < 50 && best_ms >= 150); i++) {
		struct outcome lost = { .f = f }, next = { 0 };
		struct http_request r = { .method = "GET", .url = url, .connect_ms = 100, .on_done = on_done, .arg = &lost };
		assert_int_equal(http_start(f->h, &r), ERR_NONE);
		await(&lost);
		assert_int_not_equal(lost.fail, HTTP_OK);
		assert_int_equal(go(f, &next, "GET", "/cut-at-once", (struct http_request){ 0 }), ERR_NONE);
		await(&next);
		best_ms = next.total_ms < best_ms ? next.total_ms : best_ms;
	}
	assert_true(best_ms < 150); /* unwatched, each would be found out by a timer of 200 ms */
	for (int i = 0; i < 8; i++)
		close(fill[i]);
	close(fd);
}

static void two_hundred__run__at_once(void **state)
{
	struct fixture *f = *state;
	static struct outcome o[200];
	memset(o, 0, sizeof o);
	uint64_t t = clock_ms();
	for (int i = 0; i < 200; i++)
		assert_int_equal(go(f, &o[i], "POST", "/slow", (struct http_request){ 0 }), ERR_NONE);
	for (int i = 0; i < 200; i++) {
		await(&o[i]);
		assert_int_equal(o[i].fail, HTTP_OK);
		assert_string_equal(o[i].body, "late");
	}
	assert_true(clock_ms() - t < 20000); /* one after the other would be 30 s */
}

static void redirects__are_followed__without_giving_credentials_away(void **state)
{
	struct fixture *f = *state;
	static const char *const headers[] = { "Authorization: Bearer x", "x-api-key: k", NULL };
	struct outcome same = { 0 }, other = { 0 }, never = { 0 }, loop = { 0 }, kept = { 0 }, scheme = { 0 };
	struct http_request r = { .follow = true, .headers = headers };
	char path[300];
	go(f, &same, "GET", "/to/302/echo", r);
	await(&same);
	assert_string_equal(same.body, "GET auth+key 0 ");
	snprintf(path, sizeof path, "/to/302/abs=http://127.0.0.1:%d/echo", http_peer_port(f->other));
	go(f, &other, "GET", path, r);
	await(&other);
	assert_string_equal(other.body, "GET - 0 ");
	go(f, &never, "GET", "/to/302/echo", (struct http_request){ 0 });
	await(&never);
	assert_int_equal(never.status, 302);
	go(f, &loop, "GET", "/to/302/to/302/to/302/to/302/echo", r);
	await(&loop);
	assert_int_equal(loop.status, 302);
	r.body = strdup("data");
	r.body_len = 4;
	go(f, &kept, "POST", "/to/307/echo", r);
	await(&kept);
	assert_string_equal(kept.body, "POST auth+key 4 data");
	r.body = NULL;
	go(f, &scheme, "GET", "/to/302/abs=https://127.0.0.1:1/", r);
	await(&scheme);
	assert_int_equal(scheme.status, 302);
}

static void stop__ends__calls_in_flight(void **state)
{
	struct fixture *f = *state;
	static struct outcome o[20];
	memset(o, 0, sizeof o);
	for (int i = 0; i < 20; i++)
		go(f, &o[i], "POST", i % 2 ? "/silent" : "/stalls",
		    (struct http_request){ .on_data = on_data, .body = strdup("x"), .body_len = 1 });
	usleep(20000);
	http_stop(f->h);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(o[i].done, 1);
		assert_int_equal(o[i].fail, HTTP_CANCELLED);
	}
	struct outcome refused = { 0 };
	assert_int_equal(go(f, &refused, "POST", "/ok", (struct http_request){ .body = strdup("x"), .body_len = 1 }), ERR_RETRY);
	assert_int_equal(refused.done, 0);
	assert_false(http_post(f->h, cancel_it, &refused));
}

struct many {
	struct fixture *f;
	atomic_int ended;
};

static void count_end(void *arg, const struct http_result *r)
{
	(void)r;
	((struct many *)arg)->ended++;
}

static void hold(void *arg)
{
	atomic_int *go_on = arg;
	while (!*go_on)
		usleep(1000);
}

static void queue__refuses__what_is_too_much(void **state)
{
	struct fixture *f = *state;
	struct many m = { .f = f };
	atomic_int go_on = 0;
	http_post(f->h, hold, &go_on);
	int accepted = 0;
	for (int i = 0; i < 4200; i++) {
		struct http_request r = { .method = "POST",
			.url = "http://127.0.0.1:1/",
			.on_done = count_end,
			.arg = &m,
			.body = strdup("x"),
			.body_len = 1 };
		accepted += http_start(f->h, &r) == ERR_NONE;
	}
	assert_int_equal(accepted, 4096);
	go_on = 1;
	for (int i = 0; i < 36000 && m.ended < accepted; i++)
		usleep(2500);
	assert_int_equal(m.ended, accepted); /* and there is room again */
	struct outcome o = { 0 };
	assert_int_equal(go(f, &o, "GET", "/ok", (struct http_request){ 0 }), ERR_NONE);
	await(&o);
}

struct ticker {
	struct fixture *f;
	struct http_timer *t;
	atomic_int ticks;
};

static void tick(void *arg)
{
	struct ticker *k = arg;
	assert_true(http_is_current(k->f->h));
	if (++k->ticks == 3)
		http_timer_stop(k->t);
}

static void begin_ticking(void *arg)
{
	struct ticker *k = arg;
	k->t = http_timer_new(k->f->h, 2, 2, tick, k);
}

static void timers__run__on_the_http_thread(void **state)
{
	struct fixture *f = *state;
	struct ticker k = { .f = f };
	assert_false(http_is_current(f->h));
	http_post(f->h, begin_ticking, &k);
	for (int i = 0; i < 18000 && k.ticks < 3; i++)
		usleep(5000);
	usleep(20000);
	assert_int_equal(k.ticks, 3);
}

static void chain(void *arg, const struct http_result *r)
{
	struct many *m = arg;
	assert_int_equal(r->fail, HTTP_OK);
	if (++m->ended < 50) {
		char url[60];
		snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", http_peer_port(m->f->peer));
		struct http_request q = { .method = "GET", .url = url, .on_done = chain, .arg = m };
		assert_int_equal(http_start(m->f->h, &q), ERR_NONE);
	}
}

static void call__may_start__the_next_one_when_done(void **state)
{
	struct fixture *f = *state;
	struct many m = { .f = f };
	char url[60];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/ok", http_peer_port(f->peer));
	struct http_request q = { .method = "GET", .url = url, .on_done = chain, .arg = &m };
	http_start(f->h, &q);
	for (int i = 0; i < 45000 && m.ended < 50; i++)
		usleep(2000);
	assert_int_equal(m.ended, 50);
	assert_int_equal(http_peer_connections(f->peer), 1);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(call__keeps__its_connection),
		T(call__sends__method_headers_and_body_of_this_call_only),
		T(call__reports__when_to_come_back),
		T(call__tells__what_happened_to_the_request),
		T(post__is_not_repeated__on_a_connection_that_died),
		T(post__that_cannot_be_made_again__takes_no_connection_that_was_kept),
		T(get__is_repeated__on_a_connection_that_died),
		T(silence__ends__by_the_right_time_out),
		T(body__is_refused__beyond_its_limit),
		T(stream__stops__when_its_reader_says_so),
		T(cancel__ends__a_call_at_any_point),
		T(connection__that_was_never_made__does_no_harm_to_the_next),
		T(two_hundred__run__at_once),
		T(redirects__are_followed__without_giving_credentials_away),
		T(stop__ends__calls_in_flight),
		T(queue__refuses__what_is_too_much),
		T(timers__run__on_the_http_thread),
		T(call__may_start__the_next_one_when_done),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
