/*
 * Fan-out: one speaks, N hear it.  Servers and one load client for all of them, so that the figures differ by the server alone:
 *   fanout serve            the web adapter with its real sockets, connections and hub; behind it an engine in memory (the peers store nothing either)
 *   fanout floor            the least there can be: raw epoll, one send() per listener, a frame that was encoded once
 *   fanout load PORT KIND TOKEN N ROUNDS PID     KIND raw (floor, npm ws), sio (socket.io), eddy (eddy.v1)
 * scripts/bench-fanout runs them beside npm ws and socket.io (tests/bench/peers).
 *
 * The client opens N websockets, lets them take turns at speaking with four messages in the air, and counts what arrives: deliveries per second,
 * the server's processor time for each, its memory per socket before anybody speaks, and the time from speaking to hearing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "../adapters/web/fake_engine.c"
#include "../adapters/web/server_fixture.c"
#include "../support/ws_load.h"

#define DEPTH 4
#define ALONE 50 /* rounds with one message in the air, for the time */
#define WAIT_S 60
#define SAY_PAD "the deploy failed again and the log says that the disk is full on the second node, which nobody had on the list"

/* ---- the web adapter ---- */

static int serve(void)
{
	void *state = NULL;
	char dir[] = "/tmp/eddy-fanout.XXXXXX";
	static const char *const o[] = { "web.listen=127.0.0.1:0", "web.connections=20000", "web.idle_timeout=600s", NULL };
	assert_non_null(mkdtemp(dir));
	log_set_level(LOG_ERROR);
	server_up_in(dir, o);
	printf("listening %d %s\n", server.port, server.token);
	fflush(stdout);
	while (getchar() != EOF)
		;
	server_down(&state);
	return 0;
}

/* ---- the floor ---- */

static int listen_any(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		load_die("listen");
	*port = ntohs(a.sin_port);
	return fd;
}

static struct ws_peer *listeners[20000];
static size_t listeners_len;

/* A client of the floor: its handshake, or a message that goes to all.  False: it has gone. */
static bool floor_hear(struct ws_peer *p)
{
	char part[65536];
	ssize_t k = recv(p->fd, part, sizeof part, MSG_DONTWAIT);
	if (k == 0 || (k < 0 && errno != EAGAIN))
		return false;
	if (k > 0)
		buf_add(&p->in, part, (size_t)k);
	if (!p->up) {
		char *end = p->in.p == NULL ? NULL : strstr(p->in.p, "\r\n\r\n");
		if (end == NULL)
			return true;
		/* The client sends one fixed key and does not look at the answer to it. */
		static const char yes[] = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		                          "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
		(void)!send(p->fd, yes, sizeof yes - 1, MSG_NOSIGNAL);
		buf_drop(&p->in, (size_t)(end + 4 - p->in.p));
		p->up = true;
		listeners[listeners_len++] = p;
	}
	/* Its masks are zeros and its messages longer than 125 bytes and shorter than 64 kB: the load's are. */
	while (p->in.len >= 8) {
		unsigned char *f = (unsigned char *)p->in.p;
		size_t n = (size_t)f[2] << 8 | f[3], h;
		if ((f[1] & 0x7f) != 126)
			load_die("the floor knows one length only");
		if (p->in.len < 8 + n)
			break;
		unsigned char *out = f + 4; /* the header without a mask is four bytes shorter */
		h = ws_frame_head(out, 0x81, n, false);
		for (size_t j = 0; j < listeners_len; j++)
			if (send(listeners[j]->fd, out, h + n, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(h + n))
				load_die("the floor has no room for a message");
		buf_drop(&p->in, 8 + n);
	}
	return true;
}

static int run_floor(void)
{
	int port, door = listen_any(&port), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN }, got[512];
	epoll_ctl(ep, EPOLL_CTL_ADD, door, &ev);
	printf("listening %d -\n", port);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, got, 512, -1);
		for (int i = 0; i < n; i++) {
			struct ws_peer *p = got[i].data.ptr;
			int fd, on = 1;
			if (p != NULL && !floor_hear(p))
				return 0; /* the load has ended: so do we */
			while (p == NULL && (fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
				struct ws_peer *new = xcalloc(1, sizeof *new);
				setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
				new->fd = fd;
				ev = (struct epoll_event){ .events = EPOLLIN, .data.ptr = new };
				epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
			}
		}
	}
}

/* ---- the load ---- */

enum kind { RAW, SIO, EDDY };
enum { NEW, GREETING, READY };
static struct {
	enum kind kind;
	const char *token;
	int port, pid, epoll;
	struct ws_peer *peers;
	size_t n, opened, ready;
	size_t rounds, sent, heard_all, *left;
	uint64_t *alone_ns; /* of each delivery while one message is in the air; NULL: not yet */
	size_t alone_len;
	uint64_t deliveries;
} load;
#define THREAD "6f1d0c2e-0000-4000-8000-000000000001"

/* Listeners take turns, so that nobody speaks more often than a person could. */
static void speak(void)
{
	static const char *const before[] = {
		[RAW] = "{", [SIO] = "42[\"m\",{", [EDDY] = "{\"type\":\"send\",\"thread\":\"" THREAD "\","
	};
	char text[900];
	size_t k = load.sent++;
	load.left[k] = load.n;
	snprintf(text, sizeof text, "%s\"text\":\"t=%llu s=%zu " SAY_PAD "\",\"client_id\":\"m%zu\"}%s", before[load.kind],
	    (unsigned long long)load_now_ns(), k, k, load.kind == SIO ? "]" : "");
	ws_peer_say(&load.peers[k % load.n], text);
}

static void hear(const char *p, size_t n)
{
	const char *t = memmem(p, n, "\"text\":\"t=", 10);
	if (t == NULL)
		return;
	char *rest;
	uint64_t said = strtoull(t + 10, &rest, 10);
	size_t k = (size_t)strtoull(rest + 3, NULL, 10);
	if (k >= load.sent || load.left[k] == 0)
		load_die("heard something twice, or what nobody said");
	load.deliveries++;
	if (load.alone_ns != NULL)
		load.alone_ns[load.alone_len++] = load_now_ns() - said;
	if (--load.left[k] == 0)
		load.heard_all++;
}

static void get_ready(struct ws_peer *p)
{
	p->stage = READY;
	load.ready++;
}

static void on_text(struct ws_peer *p, const char *text, size_t n)
{
	if (load.kind == SIO && n == 1 && text[0] == '2')
		ws_peer_say(p, "3");
	else if (p->stage == READY)
		hear(text, n);
	else if (load.kind == SIO && n > 0 && text[0] == '0')
		ws_peer_say(p, "40");
	else if (load.kind == SIO && n > 1 && text[0] == '4' && text[1] == '0')
		get_ready(p);
	else if (load.kind == EDDY && memmem(text, n, "\"welcome\"", 9) != NULL)
		ws_peer_say(p, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":0}");
	else if (load.kind == EDDY && memmem(text, n, "\"subscribed\"", 12) != NULL)
		get_ready(p);
	else if (load.kind == EDDY)
		load_die("refused");
}

static void on_data(struct ws_peer *p)
{
	const char *text;
	size_t n;
	if (!ws_peer_fill(p))
		return;
	if (p->stage == NEW && load.kind == RAW) {
		get_ready(p);
	} else if (p->stage == NEW) {
		p->stage = GREETING;
		if (load.kind == EDDY) {
			char hello[300];
			snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"token\":\"%s\"}", load.token);
			ws_peer_say(p, hello);
		}
	}
	while (ws_peer_next(p, &text, &n))
		on_text(p, text, n);
	ws_peer_read(p);
}

static void turn(uint64_t end_ns)
{
	struct epoll_event got[512];
	int n = epoll_wait(load.epoll, got, 512, 100);
	for (int i = 0; i < n; i++)
		on_data(got[i].data.ptr);
	if (load_now_ns() > end_ns) {
		fprintf(stderr, "%zu of %zu are ready, %zu of %zu rounds were heard by all\n", load.ready, load.n, load.heard_all,
		    load.sent);
		load_die("too slow");
	}
}

static int run_load(char **arg)
{
	load.port = atoi(arg[0]);
	load.kind = strcmp(arg[1], "raw") == 0 ? RAW : strcmp(arg[1], "sio") == 0 ? SIO : EDDY;
	load.token = arg[2];
	load.n = (size_t)atoi(arg[3]);
	load.rounds = (size_t)atoi(arg[4]);
	load.pid = atoi(arg[5]);
	load.peers = xcalloc(load.n, sizeof *load.peers);
	load.left = xcalloc(load.rounds + ALONE + 1, sizeof *load.left);
	load.epoll = epoll_create1(EPOLL_CLOEXEC);
	double before = load_memory_kb(load.pid);
	uint64_t end = load_now_ns() + WAIT_S * 1000000000ull;
	while (load.ready < load.n) {
		while (load.opened < load.n && load.opened - load.ready < 100)
			ws_peer_open(&load.peers[load.opened++], load.epoll, load.port,
			    load.kind == SIO ? "/socket.io/?EIO=4&transport=websocket" : "/",
			    load.kind == EDDY ? "Sec-WebSocket-Protocol: eddy.v1\r\n" : "");
		turn(end);
	}
	for (uint64_t quiet = load_now_ns() + 1000000000u; load_now_ns() < quiet;)
		turn(end);
	double after = load_memory_kb(load.pid), cpu = load_cpu_us(load.pid);
	uint64_t from = load_now_ns();
	end = from + WAIT_S * 1000000000ull;
	while (load.heard_all < load.rounds) {
		while (load.sent < load.rounds && load.sent - load.heard_all < DEPTH)
			speak();
		turn(end);
	}
	double seconds = (double)(load_now_ns() - from) / 1e9;
	cpu = load_cpu_us(load.pid) - cpu;
	uint64_t deliveries = load.deliveries;
	load.alone_ns = xcalloc(load.n * ALONE, sizeof *load.alone_ns);
	end = load_now_ns() + WAIT_S * 1000000000ull;
	for (int i = 0; i < ALONE; i++) {
		speak();
		while (load.heard_all < load.sent)
			turn(end);
		usleep(2000);
	}
	printf("{\"n\":%zu,\"per_s\":%.0f,\"cpu_us\":%.3f,\"kb_per_socket\":%.2f,\"p50_ms\":%.2f,\"p95_ms\":%.2f}\n", load.n,
	    (double)deliveries / seconds, cpu / (double)deliveries, (after - before) / (double)load.n,
	    load_quantile_ms(load.alone_ns, load.alone_len, 0.5), load_quantile_ms(load.alone_ns, load.alone_len, 0.95));
	return 0;
}

int main(int argc, char **argv)
{
	load_raise_files();
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	if (argc == 2 && strcmp(argv[1], "floor") == 0)
		return run_floor();
	if (argc == 8 && strcmp(argv[1], "load") == 0)
		return run_load(argv + 2);
	fprintf(stderr, "fanout serve | floor | load PORT raw|sio|eddy TOKEN N ROUNDS PID\n");
	return 2;
}
