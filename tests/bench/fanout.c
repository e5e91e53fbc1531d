/*
 * Fan-out: one speaks, N hear it.  Servers and one load client for all of them, so that the figures differ by the server alone:
 *   fanout serve            the web adapter with its real sockets, connections and hub; behind it an engine in memory (the peers store nothing either)
 *   fanout floor            the least there can be: raw epoll, one send() per listener, a frame that was encoded once
 *   fanout load PORT KIND TOKEN N ROUNDS PID     KIND raw (floor, npm ws), sio (socket.io), eddy (eddy.v1)
 * scripts/bench-fanout runs them beside npm ws and socket.io (tests/node/fanout.mjs).
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
#include <sys/resource.h>
#include <sys/socket.h>

#include "../adapters/web/fake_engine.c"
#include "../adapters/web/server_fixture.c"

#define DEPTH 4
#define ALONE 50 /* rounds with one message in the air, for the time */
#define WAIT_S 60
#define SAY_PAD "the deploy failed again and the log says that the disk is full on the second node, which nobody had on the list"

static _Noreturn void die(const char *what)
{
	fprintf(stderr, "fanout: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void raise_files(void)
{
	struct rlimit l;
	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

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

struct peer {
	int fd;
	bool up;
	struct buf in;
	/* of the client */
	int stage;
};

static size_t frame_head(unsigned char *out, size_t n, bool mask)
{
	size_t head = 2;
	out[0] = 0x81;
	if (n < 126) {
		out[1] = (unsigned char)n;
	} else {
		out[1] = 126;
		out[2] = (unsigned char)(n >> 8);
		out[3] = (unsigned char)n;
		head = 4;
	}
	if (mask) { /* a mask of zeros: the payload stays as it is */
		out[1] |= 0x80;
		memset(out + head, 0, 4);
		head += 4;
	}
	return head;
}

/* The next frame in ${b} from ${at} on: its payload and end; false: not complete. */
static bool next_frame(const struct buf *b, size_t at, unsigned char **payload, size_t *n, size_t *end, int *op)
{
	unsigned char *p = (unsigned char *)b->p + at;
	size_t left = b->len - at, head = 2;
	if (left < 2)
		return false;
	size_t len = p[1] & 0x7f;
	if (len == 126) {
		head = 4;
		if (left < head)
			return false;
		len = (size_t)p[2] << 8 | p[3];
	} else if (len == 127) {
		head = 10;
		if (left < head)
			return false;
		len = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
	}
	bool masked = p[1] & 0x80;
	if (left < head + (masked ? 4 : 0) + len)
		return false;
	unsigned char *mask = p + head;
	*payload = p + head + (masked ? 4 : 0);
	if (masked)
		for (size_t i = 0; i < len; i++)
			(*payload)[i] ^= mask[i % 4];
	*op = p[0] & 15;
	*n = len;
	*end = (size_t)(*payload - (unsigned char *)b->p) + len;
	return true;
}

static int listen_any(int *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 4096) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &n) != 0)
		die("listen");
	*port = ntohs(a.sin_port);
	return fd;
}

static ssize_t fill(struct peer *p)
{
	char part[65536];
	ssize_t n = recv(p->fd, part, sizeof part, MSG_DONTWAIT);
	if (n > 0)
		buf_add(&p->in, part, (size_t)n);
	return n;
}

static int run_floor(void)
{
	static struct peer *peers[20000];
	size_t len = 0;
	int port, door = listen_any(&port), ep = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ev = { .events = EPOLLIN }, got[512];
	epoll_ctl(ep, EPOLL_CTL_ADD, door, &ev);
	printf("listening %d -\n", port);
	fflush(stdout);
	for (;;) {
		int n = epoll_wait(ep, got, 512, -1);
		for (int i = 0; i < n; i++) {
			struct peer *p = got[i].data.ptr;
			if (p == NULL) {
				int fd, on = 1;
				while ((fd = accept4(door, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
					setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
					p = xcalloc(1, sizeof *p);
					p->fd = fd;
					ev = (struct epoll_event){ .events = EPOLLIN, .data.ptr = p };
					epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
				}
				continue;
			}
			ssize_t k = fill(p);
			if (k == 0 || (k < 0 && errno != EAGAIN))
				return 0; /* the client has gone: so do we */
			if (!p->up) {
				char *end = p->in.p == NULL ? NULL : strstr(p->in.p, "\r\n\r\n");
				if (end == NULL)
					continue;
				/* The client sends one fixed key and does not look at the answer to it. */
				static const char yes[] =
				    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
				    "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
				(void)!send(p->fd, yes, sizeof yes - 1, MSG_NOSIGNAL);
				buf_drop(&p->in, (size_t)(end + 4 - p->in.p));
				p->up = true;
				peers[len++] = p;
			}
			unsigned char *payload;
			size_t m, end, at = 0;
			int op;
			while (next_frame(&p->in, at, &payload, &m, &end, &op)) {
				unsigned char head[14];
				size_t h = frame_head(head, m, false);
				memcpy(payload - h, head, h);
				for (size_t j = 0; j < len; j++)
					if (send(peers[j]->fd, payload - h, h + m, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)(h + m))
						die("the floor has no room for a message");
				at = end;
			}
			buf_drop(&p->in, at);
		}
	}
}

/* ---- the load ---- */

enum kind { RAW, SIO, EDDY };
static struct {
	enum kind kind;
	const char *token;
	int port, pid;
	struct peer *peers;
	size_t n, opened, ready;
	size_t rounds, sent, heard_all, *left;
	uint64_t *hist; /* nanoseconds of each delivery while alone */
	size_t hist_len;
	bool alone;
	uint64_t deliveries;
} load;
#define THREAD "6f1d0c2e-0000-4000-8000-000000000001"

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double memory_kb(void)
{
	char path[64], line[256];
	double v = 0;
	snprintf(path, sizeof path, "/proc/%d/status", load.pid);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmRSS: %lf", &v) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return v;
}

static double cpu_us(void)
{
	char path[64], line[1024] = "";
	unsigned long user = 0, sys = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", load.pid);
	FILE *f = fopen(path, "re");
	if (f != NULL && fgets(line, sizeof line, f) != NULL && strrchr(line, ')') != NULL)
		sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
	if (f != NULL)
		fclose(f);
	return (double)(user + sys) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static void say(struct peer *p, const char *text)
{
	unsigned char frame[1024];
	size_t n = strlen(text), h = frame_head(frame, n, true);
	assert_true(h + n < sizeof frame);
	memcpy(frame + h, text, n);
	if (send(p->fd, frame, h + n, MSG_NOSIGNAL) != (ssize_t)(h + n))
		die("send");
}

/* Listeners take turns, so that nobody speaks more often than a person could. */
static void speak(void)
{
	char text[900];
	size_t k = load.sent++;
	load.left[k] = load.n;
	if (load.kind == EDDY)
		snprintf(text, sizeof text,
		    "{\"type\":\"send\",\"thread\":\"" THREAD "\",\"client_id\":\"m%zu\",\"text\":\"t=%llu s=%zu " SAY_PAD "\"}", k,
		    (unsigned long long)now_ns(), k);
	else if (load.kind == SIO)
		snprintf(text, sizeof text, "42[\"m\",{\"text\":\"t=%llu s=%zu " SAY_PAD "\"}]", (unsigned long long)now_ns(), k);
	else
		snprintf(text, sizeof text, "{\"text\":\"t=%llu s=%zu " SAY_PAD "\"}", (unsigned long long)now_ns(), k);
	say(&load.peers[k % load.n], text);
}

static void hear(const unsigned char *p, size_t n)
{
	const char *t = memmem(p, n, "\"text\":\"t=", 10);
	if (t == NULL)
		return;
	char *rest;
	uint64_t said = strtoull(t + 10, &rest, 10);
	size_t k = (size_t)strtoull(rest + 3, NULL, 10);
	if (k >= load.sent || load.left[k] == 0)
		die("heard something twice, or what nobody said");
	load.deliveries++;
	if (load.alone)
		load.hist[load.hist_len++] = now_ns() - said;
	if (--load.left[k] == 0)
		load.heard_all++;
}

static void on_frame(struct peer *p, unsigned char *payload, size_t n)
{
	/* 2: it is ready to hear. */
	if (p->stage == 2) {
		if (load.kind == SIO && n == 1 && payload[0] == '2')
			say(p, "3");
		else
			hear(payload, n);
	} else if (load.kind == SIO && n > 0 && payload[0] == '0') {
		say(p, "40");
	} else if (load.kind == SIO && n > 1 && payload[0] == '4' && payload[1] == '0') {
		p->stage = 2;
		load.ready++;
	} else if (load.kind == EDDY && memmem(payload, n, "\"welcome\"", 9) != NULL) {
		say(p, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":0}");
	} else if (load.kind == EDDY && memmem(payload, n, "\"subscribed\"", 12) != NULL) {
		p->stage = 2;
		load.ready++;
	} else if (load.kind == EDDY) {
		fprintf(stderr, "%.*s\n", (int)n, payload);
		die("refused");
	}
}

static void on_data(struct peer *p)
{
	ssize_t k = fill(p);
	if (k == 0 || (k < 0 && errno != EAGAIN))
		die("the server has closed a connection");
	if (p->stage == 0) {
		char *end = p->in.p == NULL ? NULL : strstr(p->in.p, "\r\n\r\n");
		if (end == NULL)
			return;
		if (strncmp(p->in.p, "HTTP/1.1 101", 12) != 0) {
			fprintf(stderr, "%s\n", p->in.p);
			die("no websocket");
		}
		buf_drop(&p->in, (size_t)(end + 4 - p->in.p));
		p->stage = 1;
		if (load.kind == RAW) {
			p->stage = 2;
			load.ready++;
		} else if (load.kind == EDDY) {
			char hello[300];
			snprintf(hello, sizeof hello, "{\"type\":\"hello\",\"token\":\"%s\"}", load.token);
			say(p, hello);
		}
	}
	unsigned char *payload;
	size_t n, end, at = 0;
	int op;
	while (next_frame(&p->in, at, &payload, &n, &end, &op)) {
		if (op == 1)
			on_frame(p, payload, n);
		at = end;
	}
	buf_drop(&p->in, at);
	if (p->in.len == 0)
		buf_done(&p->in); /* what listeners hold is not what is measured, but ten thousand of them share this machine */
}

static void open_one(int ep)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)load.port)
	};
	struct peer *p = &load.peers[load.opened++];
	char head[400];
	int on = 1;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&a, sizeof a) != 0)
		die("connect");
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	snprintf(head, sizeof head,
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
	    load.kind == SIO ? "/socket.io/?EIO=4&transport=websocket" : "/", load.port,
	    load.kind == EDDY ? "Sec-WebSocket-Protocol: eddy.v1\r\n" : "");
	(void)!send(p->fd, head, strlen(head), MSG_NOSIGNAL);
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };
	epoll_ctl(ep, EPOLL_CTL_ADD, p->fd, &ev);
}

static void turn(int ep, uint64_t end_ns)
{
	struct epoll_event got[512];
	int n = epoll_wait(ep, got, 512, 100);
	for (int i = 0; i < n; i++)
		on_data(got[i].data.ptr);
	if (now_ns() > end_ns) {
		fprintf(stderr, "%zu of %zu are ready, %zu of %zu rounds were heard by all\n", load.ready, load.n, load.heard_all,
		    load.sent);
		die("too slow");
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
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
	load.hist = xcalloc(load.n * ALONE, sizeof *load.hist);
	int ep = epoll_create1(EPOLL_CLOEXEC);
	double before = memory_kb();
	uint64_t end = now_ns() + WAIT_S * 1000000000ull;
	while (load.ready < load.n) {
		while (load.opened < load.n && load.opened - load.ready < 100)
			open_one(ep);
		turn(ep, end);
	}
	for (uint64_t quiet = now_ns() + 1000000000u; now_ns() < quiet;)
		turn(ep, end);
	double after = memory_kb(), cpu = cpu_us();
	uint64_t from = now_ns();
	end = from + WAIT_S * 1000000000ull;
	while (load.heard_all < load.rounds) {
		while (load.sent < load.rounds && load.sent - load.heard_all < DEPTH)
			speak();
		turn(ep, end);
	}
	double seconds = (double)(now_ns() - from) / 1e9;
	cpu = cpu_us() - cpu;
	uint64_t deliveries = load.deliveries;
	load.alone = true;
	end = now_ns() + WAIT_S * 1000000000ull;
	for (int i = 0; i < ALONE; i++) {
		speak();
		while (load.heard_all < load.sent)
			turn(ep, end);
		usleep(2000);
	}
	qsort(load.hist, load.hist_len, sizeof *load.hist, compare);
	printf("{\"n\":%zu,\"per_s\":%.0f,\"cpu_us\":%.3f,\"kb_per_socket\":%.2f,\"p50_ms\":%.2f,\"p95_ms\":%.2f}\n", load.n,
	    (double)deliveries / seconds, cpu / (double)deliveries, (after - before) / (double)load.n,
	    (double)load.hist[load.hist_len / 2] / 1e6, (double)load.hist[load.hist_len * 95 / 100] / 1e6);
	return 0;
}

int main(int argc, char **argv)
{
	raise_files();
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		return serve();
	if (argc == 2 && strcmp(argv[1], "floor") == 0)
		return run_floor();
	if (argc == 8 && strcmp(argv[1], "load") == 0)
		return run_load(argv + 2);
	fprintf(stderr, "fanout serve | floor | load PORT raw|sio|eddy TOKEN N ROUNDS PID\n");
	return 2;
}
