#include "ws_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

_Noreturn void load_die(const char *what)
{
	fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
	exit(1);
}

uint64_t load_now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void load_raise_files(void)
{
	struct rlimit l;
	getrlimit(RLIMIT_NOFILE, &l);
	l.rlim_cur = l.rlim_max;
	setrlimit(RLIMIT_NOFILE, &l);
}

void ws_peer_open(struct ws_peer *p, int epoll, int port, const char *path, const char *headers)
{
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)port)
	};
	char head[600];
	int on = 1;
	*p = (struct ws_peer){ .fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) };
	if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&a, sizeof a) != 0)
		load_die("connect");
	setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	int n = snprintf(head, sizeof head,
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
	    path, port, headers);
	if (send(p->fd, head, (size_t)n, MSG_NOSIGNAL) != n)
		load_die("handshake");
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = p };
	epoll_ctl(epoll, EPOLL_CTL_ADD, p->fd, &ev);
}

void ws_peer_close(struct ws_peer *p)
{
	close(p->fd);
	buf_done(&p->in);
}

bool ws_peer_fill(struct ws_peer *p)
{
	char part[65536];
	ssize_t k = recv(p->fd, part, sizeof part, MSG_DONTWAIT);
	if (k == 0 || (k < 0 && errno != EAGAIN))
		load_die("the server has closed a connection");
	if (k > 0)
		buf_add(&p->in, part, (size_t)k);
	if (p->up)
		return true;
	char *end = p->in.p == NULL ? NULL : strstr(p->in.p, "\r\n\r\n");
	if (end == NULL)
		return false;
	if (strncmp(p->in.p, "HTTP/1.1 101", 12) != 0) {
		fprintf(stderr, "%s\n", p->in.p);
		load_die("no websocket");
	}
	buf_drop(&p->in, (size_t)(end + 4 - p->in.p));
	return p->up = true;
}

size_t ws_frame_head(unsigned char *out, unsigned first, size_t n, bool mask)
{
	size_t head = 2;
	out[0] = (unsigned char)first;
	if (n < 126) {
		out[1] = (unsigned char)n;
	} else {
		out[1] = 126;
		out[2] = (unsigned char)(n >> 8);
		out[3] = (unsigned char)n;
		head = 4;
	}
	if (mask) {
		out[1] |= 0x80;
		memset(out + head, 0, 4);
		head += 4;
	}
	return head;
}

static void send_frame(struct ws_peer *p, unsigned first, const void *payload, size_t n)
{
	unsigned char frame[4096];
	size_t h = ws_frame_head(frame, first, n, true);
	if (h + n > sizeof frame)
		load_die("too long to say");
	memcpy(frame + h, payload, n);
	if (send(p->fd, frame, h + n, MSG_NOSIGNAL) != (ssize_t)(h + n))
		load_die("send");
}

void ws_peer_say(struct ws_peer *p, const char *text)
{
	send_frame(p, 0x81, text, strlen(text));
}

bool ws_peer_next(struct ws_peer *p, const char **text, size_t *n)
{
	for (;;) {
		unsigned char *f = (unsigned char *)p->in.p + p->at;
		size_t left = p->in.len - p->at, head = 2;
		if (left < head)
			return false;
		size_t len = f[1] & 0x7f;
		if (len >= 126) {
			head = len == 126 ? 4 : 10;
			if (left < head)
				return false;
			len = head == 4 ? (size_t)f[2] << 8 | f[3]
			                : (size_t)f[6] << 24 | (size_t)f[7] << 16 | (size_t)f[8] << 8 | f[9];
		}
		if (left < head + len)
			return false;
		p->at += head + len;
		*text = (const char *)f + head;
		*n = len;
		if ((f[0] & 15) == 1)
			return true;
		if ((f[0] & 15) == 9)
			send_frame(p, 0x8a, f + head, len);
		if ((f[0] & 15) == 8)
			load_die("the server says good-bye");
	}
}

void ws_peer_read(struct ws_peer *p)
{
	buf_drop(&p->in, p->at);
	p->at = 0;
	if (p->in.len == 0)
		buf_done(&p->in); /* thousands of listeners share this machine with the server */
}

double load_memory_kb(int pid)
{
	char path[64], line[256];
	double v = 0;
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmRSS: %lf", &v) == 1)
			break;
	if (f != NULL)
		fclose(f);
	return v;
}

double load_cpu_us(int pid)
{
	char path[64], line[1024] = "";
	unsigned long user = 0, sys = 0;
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "re");
	if (f != NULL && fgets(line, sizeof line, f) != NULL && strrchr(line, ')') != NULL)
		sscanf(strrchr(line, ')') + 2, "%*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys);
	if (f != NULL)
		fclose(f);
	return (double)(user + sys) * 1e6 / (double)sysconf(_SC_CLK_TCK);
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
	return (x > y) - (x < y);
}

double load_quantile_ms(uint64_t *ns, size_t n, double part)
{
	if (n == 0)
		return -1;
	qsort(ns, n, sizeof *ns, compare);
	size_t at = (size_t)((double)n * part);
	return (double)ns[at < n ? at : n - 1] / 1e6;
}
