/*
 * A websocket client by hand, for the tests: it sends exactly the bytes that it is told to, also wrong ones.  Included by tests.
 */
#pragma GCC diagnostic ignored "-Wunused-function" /* not every test needs all of it */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/socket.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"
#include "../../support/patience.h"

struct ws {
	int fd;
	struct buf in;
	int close_code; /* after the peer's close frame */
	int status;     /* of the handshake */
	json_t *frame;  /* the last one read */
};

static int tcp_open(int port)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static bool tcp_fill(int fd, struct buf *b, int timeout_ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	char room[65536];
	if (poll(&p, 1, timeout_ms) != 1)
		return false;
	ssize_t n = recv(fd, room, sizeof room, 0);
	if (n <= 0)
		return false;
	buf_add(b, room, (size_t)n);
	return true;
}

/* A frame with any opcode and flags; clients mask. */
static void ws_raw(struct ws *w, unsigned first, const void *p, size_t n)
{
	struct buf b = BUF_INIT;
	static const unsigned char mask[4] = { 0x12, 0x34, 0x56, 0x78 };
	buf_add_char(&b, (char)first);
	if (n < 126) {
		buf_add_char(&b, (char)(0x80 | n));
	} else if (n < 65536) {
		buf_add_char(&b, (char)(0x80 | 126));
		buf_add_char(&b, (char)(n >> 8));
		buf_add_char(&b, (char)n);
	} else {
		buf_add_char(&b, (char)(0x80 | 127));
		for (int i = 7; i >= 0; i--)
			buf_add_char(&b, (char)((uint64_t)n >> (8 * i)));
	}
	buf_add(&b, mask, 4);
	for (size_t i = 0; i < n; i++)
		buf_add_char(&b, (char)(((const unsigned char *)p)[i] ^ mask[i % 4]));
	size_t at = 0;
	while (at < b.len) {
		ssize_t k = send(w->fd, b.p + at, b.len - at, MSG_NOSIGNAL);
		if (k <= 0)
			break;
		at += (size_t)k;
	}
	buf_done(&b);
}

static void ws_say(struct ws *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void ws_say(struct ws *w, const char *fmt, ...)
{
	struct buf b = BUF_INIT;
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	ws_raw(w, 0x81, b.p, b.len);
	buf_done(&b);
}

static bool ws_open(struct ws *w, int port, const char *more_headers)
{
	*w = (struct ws){ .fd = tcp_open(port) };
	if (w->fd < 0)
		return false;
	struct buf b = BUF_INIT;
	buf_addf(&b,
	    "GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n",
	    port, more_headers);
	(void)!send(w->fd, b.p, b.len, MSG_NOSIGNAL);
	buf_done(&b);
	char *end = NULL;
	while ((end = w->in.p == NULL ? NULL : strstr(w->in.p, "\r\n\r\n")) == NULL)
		if (!tcp_fill(w->fd, &w->in, (int)patience_ms(3000)))
			return false;
	sscanf(w->in.p, "HTTP/1.1 %d", &w->status);
	buf_drop(&w->in, (size_t)(end - w->in.p) + 4);
	return w->status == 101;
}

/* The next frame's opcode and payload; -1: the connection ended or nothing came. */
static int ws_next_raw(struct ws *w, struct buf *out, int timeout_ms)
{
	for (;;) {
		if (w->in.len >= 2) {
			const unsigned char *p = (const unsigned char *)w->in.p;
			size_t n = p[1] & 0x7f, head = 2;
			if (n == 126 && w->in.len >= 4) {
				n = (size_t)p[2] << 8 | p[3];
				head = 4;
			} else if (n == 127 && w->in.len >= 10) {
				n = (size_t)p[6] << 24 | (size_t)p[7] << 16 | (size_t)p[8] << 8 | p[9];
				head = 10;
			} else if (n >= 126) {
				head = SIZE_MAX;
			}
			if (head != SIZE_MAX && w->in.len >= head + n) {
				int op = p[0] & 0x0f;
				buf_reset(out);
				buf_add(out, w->in.p + head, n);
				buf_drop(&w->in, head + n);
				return op;
			}
		}
		if (!tcp_fill(w->fd, &w->in, (int)patience_ms((uint32_t)timeout_ms)))
			return -1;
	}
}

/* The next JSON frame into w->frame; NULL when the connection closed (then close_code) or nothing came in time. */
static const char *ws_hear(struct ws *w, int timeout_ms)
{
	struct buf b = BUF_INIT;
	const char *type = NULL;
	json_decref(w->frame);
	w->frame = NULL;
	for (;;) {
		int op = ws_next_raw(w, &b, timeout_ms);
		if (op == 9) {
			ws_raw(w, 0x8a, b.p, b.len);
			continue;
		}
		if (op == 8 && b.len >= 2)
			w->close_code = (unsigned char)b.p[0] << 8 | (unsigned char)b.p[1];
		if (op == 1 && json_parse(b.p, b.len, 4u << 20, &w->frame, NULL) == ERR_NONE)
			type = json_str(w->frame, "type", "");
		break;
	}
	buf_done(&b);
	return type;
}

static void ws_done(struct ws *w)
{
	if (w->fd >= 0)
		close(w->fd);
	json_decref(w->frame);
	buf_done(&w->in);
	*w = (struct ws){ .fd = -1 };
}
