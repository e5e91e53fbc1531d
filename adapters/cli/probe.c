/* A blocking HTTP GET over a plain socket: all that a health check needs, without the network engines. */
#include "probe.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../core/base/buf.h"

#define POST_MS 10000

bool probe_parse(const char *url, struct probe *out)
{
	static const struct {
		const char *scheme;
		bool tls;
	} schemes[] = { { "http://", false }, { "https://", true }, { "ws://", false }, { "wss://", true } };
	*out = (struct probe){ 0 };
	const char *p = NULL;
	for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
		if (strncmp(url, schemes[i].scheme, strlen(schemes[i].scheme)) == 0) {
			p = url + strlen(schemes[i].scheme);
			out->tls = schemes[i].tls;
		}
	if (p == NULL)
		return false;
	size_t n = strcspn(p, "/?#"), host = n;
	const char *colon = NULL;
	for (size_t i = n; i > 0 && p[i - 1] != ']'; i--)
		if (p[i - 1] == ':') {
			colon = p + i - 1;
			break;
		}
	out->port = out->tls ? 443 : 80;
	if (colon != NULL) {
		host = (size_t)(colon - p);
		out->port = atoi(colon + 1);
	}
	if (host >= 2 && p[0] == '[' && p[host - 1] == ']') {
		snprintf(out->host, sizeof out->host, "%.*s", (int)(host - 2), p + 1);
	} else {
		snprintf(out->host, sizeof out->host, "%.*s", (int)host, p);
	}
	snprintf(out->path, sizeof out->path, "%s", p[n] == '/' ? p + n : "/");
	return out->host[0] != '\0' && out->port > 0 && out->port < 65536;
}

bool probe_from_listen(const char *listen, struct probe *out)
{
	char url[300];
	snprintf(url, sizeof url, "http://%s", listen[0] == ':' ? "0.0.0.0" : "");
	strncat(url, listen, sizeof url - strlen(url) - 1);
	if (!probe_parse(url, out))
		return false;
	/* What listens everywhere is asked here. */
	if (strcmp(out->host, "0.0.0.0") == 0)
		strcpy(out->host, "127.0.0.1");
	else if (strcmp(out->host, "::") == 0)
		strcpy(out->host, "::1");
	return true;
}

static bool wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = events };
	return poll(&p, 1, timeout_ms) == 1;
}

static int dial(const struct probe *p, int timeout_ms, char *why, size_t why_n)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM }, *all = NULL;
	char port[12];
	snprintf(port, sizeof port, "%d", p->port);
	int e = getaddrinfo(p->host, port, &hints, &all), fd = -1;
	if (e != 0) {
		snprintf(why, why_n, "%s: %s", p->host, gai_strerror(e));
		return -1;
	}
	for (struct addrinfo *a = all; a != NULL && fd < 0; a = a->ai_next) {
		fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (fd < 0)
			continue;
		int err = 0;
		socklen_t n = sizeof err;
		if (connect(fd, a->ai_addr, a->ai_addrlen) != 0 && errno != EINPROGRESS)
			err = errno;
		else if (!wait_for(fd, POLLOUT, timeout_ms))
			err = ETIMEDOUT;
		else
			getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &n);
		if (err != 0) {
			snprintf(why, why_n, "%s port %d: %s", p->host, p->port, strerror(err));
			close(fd);
			fd = -1;
		}
	}
	freeaddrinfo(all);
	return fd;
}

int probe_get(const struct probe *p, const char *path, int timeout_ms, char *why, size_t why_n)
{
	char text[512], unused[256];
	if (why == NULL) {
		why = unused;
		why_n = sizeof unused;
	}
	int fd = dial(p, timeout_ms, why, why_n), status = 0;
	if (fd < 0)
		return 0;
	int n = snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nConnection: close\r\n\r\n", path, p->port);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL) != n || !wait_for(fd, POLLIN, timeout_ms)) {
		snprintf(why, why_n, "no answer within %d ms", timeout_ms);
	} else {
		ssize_t got = recv(fd, text, sizeof text - 1, 0);
		text[got < 0 ? 0 : got] = '\0';
		if (sscanf(text, "HTTP/1.%*d %d", &status) != 1) {
			status = 0;
			snprintf(why, why_n, "what listens there does not speak HTTP");
		}
	}
	close(fd);
	return status;
}

int probe_post(const struct probe *p, const char *path, const char *bearer, const char *json, size_t n, size_t max, struct buf *out,
    char *why, size_t why_n)
{
	int fd = dial(p, POST_MS, why, why_n), status = 0;
	if (fd < 0)
		return 0;
	struct buf b = BUF_INIT;
	buf_addf(&b,
	    "POST %s HTTP/1.1\r\nHost: localhost:%d\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
	    "Connection: close\r\n\r\n",
	    path, p->port, bearer, n);
	buf_add(&b, json, n);
	bool sent = send(fd, b.p, b.len, MSG_NOSIGNAL) == (ssize_t)b.len;
	explicit_bzero(b.p, b.len);
	buf_reset(&b);
	ssize_t got = sent ? 1 : 0;
	while (got > 0 && b.len < max && wait_for(fd, POLLIN, POST_MS)) {
		char part[2048];
		got = recv(fd, part, sizeof part, 0);
		if (got > 0)
			buf_add(&b, part, (size_t)got);
	}
	close(fd);
	const char *body = b.len == 0 ? NULL : strstr(b.p, "\r\n\r\n");
	if (body == NULL || sscanf(b.p, "HTTP/1.%*d %d", &status) != 1) {
		status = 0;
		snprintf(why, why_n, b.len == 0 ? "no answer" : "what listens there does not speak HTTP");
	} else {
		buf_add_str(out, body + 4);
	}
	if (b.p != NULL)
		explicit_bzero(b.p, b.len);
	buf_done(&b);
	return status;
}
