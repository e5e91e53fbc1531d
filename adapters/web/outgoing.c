/*
 * What waits to be written to a connection: a bounded ring of frames that all who get them share, header and all (RFC 6455, section 5.2; frames of a server
 * have no mask, so they are the same for everybody).
 *
 * Nothing is written when a frame is pushed: the connection is put on a list, and once per turn of the loop (loop_each_turn) everyone on the list
 * gets all that waits with one sendmsg().  A burst of events so costs each listener one system call and not one for each event.  This goes past the
 * library, whose write path asks the kernel twice for each frame (docs/adr/051-fan-out.md).  What the kernel does not take of a frame that
 * it has begun is handed to the library as raw bytes: it keeps them and writes them before anything of its own, so a pong or a close never
 * lands inside a frame.  While it still has such bytes nothing is written here; its writeable callback goes on.
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "state.h"

#define GATHER_MAX 64 /* frames in one sendmsg() */
#define UNSENT_MAX (128 * 1024)

struct web_frame *frame_new(const struct buf *text)
{
	unsigned char head[WEB_FRAME_HEAD];
	size_t n = text->len, h = 2;
	head[0] = 0x81; /* the whole message, text */
	if (n < 126) {
		head[1] = (unsigned char)n;
	} else if (n < 65536) {
		head[1] = 126;
		head[2] = (unsigned char)(n >> 8);
		head[3] = (unsigned char)n;
		h = 4;
	} else {
		head[1] = 127;
		for (size_t i = 0; i < 8; i++)
			head[2 + i] = (unsigned char)((uint64_t)n >> (8 * (7 - i)));
		h = 10;
	}
	struct web_frame *f = xmalloc(sizeof *f + h + n);
	f->refs = 1;
	f->head = (unsigned)h;
	f->len = n;
	memcpy(f->wire, head, h);
	if (n > 0)
		memcpy(f->wire + h, text->p, n);
	return f;
}

void frame_unref(struct web_frame *f)
{
	if (--f->refs == 0)
		free(f);
}

/* What the kernel holds for a reader that does not read is memory too: without this it takes megabytes for each. */
void outgoing_open(struct conn *c)
{
	int most = UNSENT_MAX;
	(void)setsockopt(lws_get_socket_fd(c->wsi), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most, sizeof most);
}

static struct web_frame *frame_at(const struct conn *c, size_t i)
{
	return c->queue[(c->queue_head + i) % c->queue_cap];
}

static void pop(struct conn *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct web_frame *f = frame_at(c, i);
		c->queue_bytes -= f->len;
		frame_unref(f);
	}
	c->queue_head = (c->queue_head + n) % c->queue_cap;
	c->queue_len -= n;
	metric_add(c->web->m_frames_out, (int64_t)n);
	if (c->queue_len == 0) {
		free(c->queue); /* an idle connection holds no queue */
		c->queue = NULL;
		c->queue_cap = c->queue_head = 0;
	}
}

void web_outgoing_free(struct conn *c)
{
	if (c->unsent) {
		*c->unsent_link = c->next_unsent;
		if (c->next_unsent != NULL)
			c->next_unsent->unsent_link = c->unsent_link;
	}
	while (c->queue_len > 0)
		pop(c, 1);
}

static void mark_unsent(struct conn *c)
{
	struct web *w = c->web;
	if (c->unsent)
		return;
	c->unsent = true;
	c->next_unsent = w->unsent;
	c->unsent_link = &w->unsent;
	if (c->next_unsent != NULL)
		c->next_unsent->unsent_link = &c->next_unsent;
	w->unsent = c;
}

void conn_push(struct conn *c, struct web_frame *f)
{
	if (c->dead || (c->closing && c->close_code != 0))
		return;
	if (c->queue_len == 0)
		c->wrote_ms = clock_ms();
	if (c->queue_bytes + f->len > WEB_QUEUE_MAX) {
		conn_kill(c, CLOSE_SLOW, "you do not read; come back and resume");
		return;
	}
	if (c->queue_len == c->queue_cap) {
		size_t cap = c->queue_cap == 0 ? 4 : c->queue_cap * 2;
		struct web_frame **q = xmalloc(cap * sizeof(struct web_frame *));
		for (size_t i = 0; i < c->queue_len; i++)
			q[i] = frame_at(c, i);
		free(c->queue);
		c->queue = q;
		c->queue_cap = cap;
		c->queue_head = 0;
	}
	f->refs++;
	c->queue[(c->queue_head + c->queue_len++) % c->queue_cap] = f;
	c->queue_bytes += f->len;
	mark_unsent(c);
}

void conn_push_buf(struct conn *c, const struct buf *b)
{
	struct web_frame *f = frame_new(b);
	conn_push(c, f);
	frame_unref(f);
}

/* The library takes the rest of a frame that was begun. */
static bool hand_over(struct conn *c, struct web_frame *f, size_t sent)
{
	size_t rest = f->head + f->len - sent;
	/* On a websocket this kind of write is raw: no header is put in front. */
	return lws_write(c->wsi, f->wire + sent, rest, LWS_WRITE_HTTP) >= (int)rest;
}

/* Write what waits, as far as the kernel takes it.  False: the connection is broken. */
static bool write_out(struct conn *c)
{
	struct iovec io[GATHER_MAX];
	while (c->queue_len > 0 && !lws_partial_buffered(c->wsi)) {
		size_t n = c->queue_len < GATHER_MAX ? c->queue_len : GATHER_MAX, all = 0;
		for (size_t i = 0; i < n; i++) {
			struct web_frame *f = frame_at(c, i);
			io[i] = (struct iovec){ .iov_base = f->wire, .iov_len = f->head + f->len };
			all += io[i].iov_len;
		}
		const struct msghdr m = { .msg_iov = io, .msg_iovlen = n };
		ssize_t k = sendmsg(lws_get_socket_fd(c->wsi), &m, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return false;
		if (k <= 0)
			break;
		c->wrote_ms = clock_ms();
		size_t sent = (size_t)k, whole = 0;
		while (whole < n && sent >= io[whole].iov_len)
			sent -= io[whole++].iov_len;
		if (whole < n && sent > 0) {
			if (!hand_over(c, frame_at(c, whole), sent))
				return false;
			whole++;
		}
		pop(c, whole);
		if ((size_t)k < all)
			break;
	}
	if (c->queue_len > 0)
		lws_callback_on_writable(c->wsi);
	return true;
}

bool outgoing_write(struct conn *c)
{
	return write_out(c);
}

void outgoing_flush(void *web)
{
	struct web *w = web;
	while (w->unsent != NULL) {
		struct conn *c = w->unsent;
		w->unsent = c->next_unsent;
		if (w->unsent != NULL)
			w->unsent->unsent_link = &w->unsent;
		c->unsent = false;
		if (!c->dead && !write_out(c))
			conn_kill(c, CLOSE_SLOW, "write failed");
		else if (!c->dead && c->queue_bytes <= WEB_QUEUE_LOW)
			hub_drained(c);
	}
}
