#include "http_peer.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define PEERS_MAX 4096
#define HEAD_MAX 65536

struct http_peer {
	http_peer_fn answer;
	void *arg;
	int fd, port;
	atomic_int connections, requests;
	pthread_t thread;
	pthread_mutex_t mtx;
	struct conn {
		struct http_peer *p;
		pthread_t thread;
		int fd;
	} conns[PEERS_MAX];
	int len;
};

static ssize_t fill(int fd, char **buf, size_t *len, size_t *cap)
{
	if (*cap - *len < HEAD_MAX) {
		*cap = *len + 2 * HEAD_MAX;
		*buf = realloc(*buf, *cap);
		if (!*buf)
			abort();
	}
	ssize_t n = read(fd, *buf + *len, *cap - *len - 1);
	if (n > 0)
		*len += (size_t)n;
	(*buf)[*len] = '\0';
	return n;
}

static void *serve(void *arg)
{
	struct conn *c = arg;
	char *buf = NULL;
	size_t len = 0, cap = 0;
	bool open = true;
	for (int nth = 0; open; nth++) {
		char *end;
		while ((end = len > 0 ? memmem(buf, len, "\r\n\r\n", 4) : NULL) == NULL && open)
			open = fill(c->fd, &buf, &len, &cap) > 0;
		if (!open)
			break;
		size_t head = (size_t)(end - buf) + 4, body = 0;
		buf[head - 1] = '\0';
		const char *length = strcasestr(buf, "\r\ncontent-length:");
		if (length)
			body = strtoul(length + 17, NULL, 10);
		while (len < head + body && open)
			open = fill(c->fd, &buf, &len, &cap) > 0;
		if (!open)
			break;
		char method[16] = "", path[1024] = "";
		sscanf(buf, "%15s %1023s", method, path);
		c->p->requests++;
		struct http_peer_request r = { .fd = c->fd,
			.nth = nth,
			.method = method,
			.path = path,
			.head = buf,
			.body = buf + head,
			.body_len = body,
			.arg = c->p->arg };
		open = c->p->answer(&r) == 0;
		memmove(buf, buf + head + body, len - head - body + 1);
		len -= head + body;
	}
	free(buf);
	pthread_mutex_lock(&c->p->mtx);
	close(c->fd);
	c->fd = -1;
	pthread_mutex_unlock(&c->p->mtx);
	return NULL;
}

static void *listen_for(void *arg)
{
	struct http_peer *p = arg;
	for (int fd; (fd = accept4(p->fd, NULL, NULL, SOCK_CLOEXEC)) >= 0;) {
		int on = 1;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		pthread_mutex_lock(&p->mtx);
		if (p->len == PEERS_MAX)
			abort();
		struct conn *c = &p->conns[p->len++];
		*c = (struct conn){ .p = p, .fd = fd };
		p->connections++;
		pthread_attr_t a;
		pthread_attr_init(&a);
		pthread_attr_setstacksize(&a, 256 * 1024);
		if (pthread_create(&c->thread, &a, serve, c) != 0)
			abort();
		pthread_attr_destroy(&a);
		pthread_mutex_unlock(&p->mtx);
	}
	return NULL;
}

struct http_peer *http_peer_new(http_peer_fn answer, void *arg)
{
	struct http_peer *p = calloc(1, sizeof *p);
	if (!p)
		abort();
	p->answer = answer;
	p->arg = arg;
	pthread_mutex_init(&p->mtx, NULL);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof a;
	p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (p->fd < 0 || bind(p->fd, (struct sockaddr *)&a, n) != 0 || listen(p->fd, 1024) != 0 ||
	    getsockname(p->fd, (struct sockaddr *)&a, &n) != 0 || pthread_create(&p->thread, NULL, listen_for, p) != 0)
		abort();
	p->port = ntohs(a.sin_port);
	return p;
}

int http_peer_port(const struct http_peer *p)
{
	return p->port;
}

int http_peer_connections(struct http_peer *p)
{
	return p->connections;
}

int http_peer_requests(struct http_peer *p)
{
	return p->requests;
}

void http_peer_free(struct http_peer *p)
{
	shutdown(p->fd, SHUT_RDWR);
	pthread_join(p->thread, NULL);
	close(p->fd);
	for (int i = 0; i < p->len; i++) {
		pthread_mutex_lock(&p->mtx);
		if (p->conns[i].fd >= 0)
			shutdown(p->conns[i].fd, SHUT_RDWR);
		pthread_mutex_unlock(&p->mtx);
		pthread_join(p->conns[i].thread, NULL);
	}
	pthread_mutex_destroy(&p->mtx);
	free(p);
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t w = send(fd, p, n, MSG_NOSIGNAL);
		if (w <= 0)
			return;
		p += w;
		n -= (size_t)w;
	}
}

void http_peer_write(int fd, const char *text)
{
	write_all(fd, text, strlen(text));
}

void http_peer_chunk(int fd, const char *text, size_t n)
{
	char size[24];
	int k = snprintf(size, sizeof size, "%zx\r\n", n);
	write_all(fd, size, (size_t)k);
	write_all(fd, text, n);
	write_all(fd, "\r\n", 2);
}

void http_peer_answer(int fd, const char *status, const char *headers, const char *body)
{
	char head[2048];
	int k = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n%s\r\n", status, strlen(body), headers);
	write_all(fd, head, (size_t)k);
	write_all(fd, body, strlen(body));
}
