/*
 * Connections live in a table indexed by their descriptor; an id is the descriptor and a generation, so a stale id finds nothing.
 * What is to be written gathers in the connection's buffer and is flushed once per round of the loop.  A request is parsed whole (head
 * and body) and handed to the listener's handler; the next one of the same connection waits until it was answered.
 */
#include "kit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNS_MAX = 16384, INPUT_MAX = 64 << 20, HEAD_MAX = 64 << 10 };

struct conn {
	bool open;
	bool listener, websocket, frozen, busy, chunked, dirty, want_out, close_after, close_sent;
	int fd;
	uint32_t generation;
	kit_handler handler;
	struct kit_buf in, out, message;
	size_t out_off;
	int fragments;
	void *user;
	const struct kit_ws *ws;
};

struct kit_timer {
	uint64_t at;
	size_t place;
	void (*fn)(void *);
	void *arg;
};

static struct conn conns[CONNS_MAX];
static int epfd = -1;
static volatile sig_atomic_t stopping;
static int dirty[CONNS_MAX];
static size_t dirty_len;
static struct kit_timer **heap;
static size_t heap_len, heap_room;

static void *must(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

static void buf_drop(struct kit_buf *b, size_t n)
{
	if (n == 0)
		return;
	memmove(b->p, b->p + n, b->n - n + 1);
	b->n -= n;
}

static void heap_put(size_t place, struct kit_timer *t)
{
	heap[place] = t;
	t->place = place;
}

static void heap_up(size_t i)
{
	struct kit_timer *t = heap[i];
	for (; i > 0 && heap[(i - 1) / 2]->at > t->at; i = (i - 1) / 2)
		heap_put(i, heap[(i - 1) / 2]);
	heap_put(i, t);
}

static void heap_down(size_t i)
{
	struct kit_timer *t = heap[i];
	for (size_t c; (c = 2 * i + 1) < heap_len; i = c) {
		if (c + 1 < heap_len && heap[c + 1]->at < heap[c]->at)
			c++;
		if (heap[c]->at >= t->at)
			break;
		heap_put(i, heap[c]);
	}
	heap_put(i, t);
}

struct kit_timer *kit_after(uint64_t us, void (*fn)(void *arg), void *arg)
{
	struct kit_timer *t = must(malloc(sizeof *t));
	*t = (struct kit_timer){ .at = kit_now_us() + us, .fn = fn, .arg = arg };
	if (heap_len == heap_room) {
		heap_room = heap_room * 2 + 64;
		heap = must(realloc(heap, heap_room * sizeof *heap));
	}
	heap_put(heap_len, t);
	heap_len++;
	heap_up(t->place);
	return t;
}

static void heap_take(struct kit_timer *t)
{
	size_t i = t->place;
	heap_len--;
	if (i == heap_len)
		return;
	heap_put(i, heap[heap_len]);
	heap_up(i);
	heap_down(heap[i]->place);
}

void kit_cancel(struct kit_timer *t)
{
	if (t == NULL)
		return;
	heap_take(t);
	free(t);
}

/* ---- connections ---- */
static kit_id id_of(const struct conn *c)
{
	return (uint64_t)c->generation << 32 | (uint32_t)(c - conns);
}

static struct conn *find(kit_id id)
{
	size_t i = (uint32_t)id;
	if (id == 0 || i >= CONNS_MAX)
		return NULL;
	struct conn *c = &conns[i];
	return c->open && c->generation == id >> 32 ? c : NULL;
}

static void watch(struct conn *c, int op)
{
	struct epoll_event ev = { .data.fd = c->fd };
	ev.events = c->frozen ? 0 : EPOLLIN | (c->want_out ? (uint32_t)EPOLLOUT : 0u);
	epoll_ctl(epfd, op, c->fd, &ev);
}

static void conn_close(struct conn *c)
{
	if (!c->open)
		return;
	kit_id id = id_of(c);
	c->open = false;
	close(c->fd);
	kit_buf_done(&c->in);
	kit_buf_done(&c->out);
	kit_buf_done(&c->message);
	if (c->ws != NULL && c->ws->closed != NULL)
		c->ws->closed(id, c->user);
}

static void mark_dirty(struct conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	dirty[dirty_len++] = c->fd;
}

static void flush_conn(struct conn *c)
{
	while (c->out_off < c->out.n && !c->frozen) {
		ssize_t n = send(c->fd, c->out.p + c->out_off, c->out.n - c->out_off, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN) {
			if (!c->want_out) {
				c->want_out = true;
				watch(c, EPOLL_CTL_MOD);
			}
			return;
		}
		if (n < 0) {
			conn_close(c);
			return;
		}
		c->out_off += (size_t)n;
	}
	if (c->frozen)
		return;
	c->out.n = c->out_off = 0;
	if (c->want_out) {
		c->want_out = false;
		watch(c, EPOLL_CTL_MOD);
	}
	if (c->close_after)
		conn_close(c);
}

static void flush_all(void)
{
	for (size_t i = 0; i < dirty_len; i++) {
		struct conn *c = &conns[dirty[i]];
		c->dirty = false;
		if (c->open)
			flush_conn(c);
	}
	dirty_len = 0;
}

static struct conn *conn_new(int fd)
{
	if (fd >= CONNS_MAX) {
		close(fd);
		return NULL;
	}
	struct conn *c = &conns[fd];
	uint32_t generation = c->generation + 1;
	bool was_dirty = c->dirty;
	*c = (struct conn){ .open = true, .fd = fd, .generation = generation, .dirty = was_dirty };
	fcntl(fd, F_SETFL, O_NONBLOCK);
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	watch(c, EPOLL_CTL_ADD);
	return c;
}

static void on_term(int signo)
{
	(void)signo;
	stopping = 1;
}

int kit_listen(int port, kit_handler fn)
{
	if (epfd < 0) {
		epfd = epoll_create1(EPOLL_CLOEXEC);
		struct sigaction sa = { .sa_handler = on_term };
		sigaction(SIGTERM, &sa, NULL);
		sigaction(SIGINT, &sa, NULL);
	}
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in a = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)
	};
	socklen_t len = sizeof a;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(fd, 1024) != 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
		perror("listen");
		exit(1);
	}
	struct conn *c = conn_new(fd);
	if (c == NULL)
		exit(1);
	c->listener = true;
	c->handler = fn;
	return ntohs(a.sin_port);
}

bool kit_alive(kit_id id)
{
	return find(id) != NULL;
}

void **kit_user(kit_id id)
{
	struct conn *c = find(id);
	return c != NULL ? &c->user : NULL;
}

void kit_cut(kit_id id, bool reset)
{
	struct conn *c = find(id);
	if (c == NULL)
		return;
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &(struct linger){ .l_onoff = 1 }, sizeof(struct linger));
	else
		flush_conn(c);
	conn_close(c);
}

void kit_freeze(kit_id id, bool frozen)
{
	struct conn *c = find(id);
	if (c == NULL)
		return;
	c->frozen = frozen;
	watch(c, EPOLL_CTL_MOD);
	if (!frozen)
		mark_dirty(c);
}

/* ---- HTTP ---- */
bool kit_query(const struct kit_request *r, const char *name, char *out, size_t n)
{
	json_t *o = kit_form(r->query, strlen(r->query));
	const char *v = kit_str(o, name, NULL);
	snprintf(out, n, "%s", v != NULL ? v : "");
	bool found = v != NULL;
	json_decref(o);
	return found;
}

static bool header_in(const char *headers, const char *name, char *out, size_t n)
{
	size_t len = strlen(name);
	*out = '\0';
	for (const char *p = headers; p != NULL && *p != '\0' && *p != '\r'; p = (p = strstr(p, "\r\n")) != NULL ? p + 2 : NULL) {
		if (strncasecmp(p, name, len) != 0 || p[len] != ':')
			continue;
		p += len + 1;
		p += strspn(p, " \t");
		size_t value = strcspn(p, "\r\n");
		snprintf(out, n, "%.*s", (int)value, p);
		return true;
	}
	return false;
}

bool kit_header(const struct kit_request *r, const char *name, char *out, size_t n)
{
	return header_in(r->headers, name, out, n);
}

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 401:
		return "Unauthorized";
	case 404:
		return "Not Found";
	case 429:
		return "Too Many Requests";
	case 500:
		return "Internal Server Error";
	case 503:
		return "Service Unavailable";
	case 529:
		return "Overloaded";
	default:
		return "Status";
	}
}

static void parse_more(struct conn *c);

static void answered(struct conn *c)
{
	c->busy = false;
	mark_dirty(c);
	if (c->in.n > 0)
		parse_more(c);
}

void kit_reply(kit_id id, int status, const char *type, const char *extra, const char *body, size_t n)
{
	struct conn *c = find(id);
	if (c == NULL)
		return;
	kit_addf(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s\r\n", status, reason(status), type, n,
	    c->close_after ? "Connection: close\r\n" : "", extra != NULL ? extra : "");
	kit_add(&c->out, body, n);
	answered(c);
}

void kit_reply_json(kit_id id, int status, const char *extra, json_t *take)
{
	char *s = must(json_dumps(take, JSON_COMPACT | JSON_REAL_PRECISION(15)));
	kit_reply(id, status, "application/json; charset=utf-8", extra, s, strlen(s));
	free(s);
	json_decref(take);
}

void kit_stream_begin(kit_id id, int status, const char *type, const char *extra)
{
	struct conn *c = find(id);
	if (c == NULL)
		return;
	kit_addf(&c->out, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nCache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n%s\r\n",
	    status, reason(status), type, extra != NULL ? extra : "");
	mark_dirty(c);
}

void kit_stream_write(kit_id id, const char *s, size_t n)
{
	struct conn *c = find(id);
	if (c == NULL || n == 0)
		return;
	kit_addf(&c->out, "%zx\r\n", n);
	kit_add(&c->out, s, n);
	kit_add(&c->out, "\r\n", 2);
	mark_dirty(c);
}

void kit_stream_end(kit_id id)
{
	struct conn *c = find(id);
	if (c == NULL)
		return;
	kit_add(&c->out, "0\r\n\r\n", 5);
	answered(c);
}

/* Takes the chunks of a body out of their frames; gives the bytes used, 0: more is needed. */
static size_t dechunk(const char *s, size_t n, struct kit_buf *body)
{
	for (size_t i = 0;;) {
		const char *nl = memmem(s + i, n - i, "\r\n", 2);
		if (nl == NULL)
			return 0;
		size_t len = strtoul(s + i, NULL, 16);
		i = (size_t)(nl - s) + 2;
		if (n - i < len + 2)
			return 0;
		kit_add(body, s + i, len);
		i += len + 2;
		if (len == 0)
			return i;
	}
}

/* Hands one complete request to the handler; false when more bytes are needed. */
static bool parse_request(struct conn *c)
{
	char *end = c->in.n > 0 ? memmem(c->in.p, c->in.n, "\r\n\r\n", 4) : NULL;
	if (end == NULL) {
		if (c->in.n > HEAD_MAX)
			conn_close(c);
		return false;
	}
	size_t head = (size_t)(end - c->in.p) + 4;
	char *line_end = strstr(c->in.p, "\r\n");
	const char *headers = line_end + 2;
	char value[64];
	struct kit_buf body = { 0 };
	size_t used = head;
	kit_add(&body, "", 0);
	if (header_in(headers, "transfer-encoding", value, sizeof value)) {
		size_t n = dechunk(c->in.p + head, c->in.n - head, &body);
		if (n == 0) {
			kit_buf_done(&body);
			return false;
		}
		used += n;
	} else if (header_in(headers, "content-length", value, sizeof value)) {
		size_t n = strtoul(value, NULL, 10);
		if (n > INPUT_MAX) {
			conn_close(c);
			kit_buf_done(&body);
			return false;
		}
		if (c->in.n - head < n) {
			kit_buf_done(&body);
			return false;
		}
		kit_add(&body, c->in.p + head, n);
		used += n;
	}
	char *raw = must(malloc(head + 1));
	memcpy(raw, c->in.p, head);
	raw[head] = '\0';
	buf_drop(&c->in, used);
	char *method = raw, *target = strchr(raw, ' ');
	char *version = target != NULL ? strchr(target + 1, ' ') : NULL;
	if (version == NULL || version > strstr(raw, "\r\n")) {
		conn_close(c);
		goto done;
	}
	*target++ = '\0';
	*version++ = '\0';
	char *query = strchr(target, '?');
	if (query != NULL)
		*query++ = '\0';
	kit_url_decode(target, strlen(target), false, target);
	if (header_in(strstr(version, "\r\n") + 2, "connection", value, sizeof value) && strcasecmp(value, "close") == 0)
		c->close_after = true;
	struct kit_request r = { .conn = id_of(c),
		.method = method,
		.path = target,
		.query = query != NULL ? query : "",
		.body = body.p,
		.body_len = body.n,
		.headers = strstr(version, "\r\n") + 2 };
	c->busy = true;
	bool closing = c->close_after;
	c->close_after = false;
	kit_id id = id_of(c);
	c->handler(&r);
	if ((c = find(id)) != NULL && closing)
		c->close_after = true;
done:
	free(raw);
	kit_buf_done(&body);
	return true;
}

/* ---- websocket ---- */
bool kit_ws_accept(const struct kit_request *r, const struct kit_ws *ops)
{
	struct conn *c = find(r->conn);
	char key[64], text[128];
	if (c == NULL)
		return false;
	if (!kit_header(r, "sec-websocket-key", key, sizeof key)) {
		kit_reply(r->conn, 400, "text/plain", NULL, "not a websocket\n", 16);
		return false;
	}
	unsigned char digest[SHA_DIGEST_LENGTH], accept[64];
	snprintf(text, sizeof text, "%s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key);
	SHA1((const unsigned char *)text, strlen(text), digest);
	EVP_EncodeBlock(accept, digest, SHA_DIGEST_LENGTH);
	kit_addf(&c->out,
	    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
	    (char *)accept);
	c->websocket = true;
	c->ws = ops;
	c->busy = false;
	mark_dirty(c);
	return true;
}

static void ws_frame(struct conn *c, int first, const void *p, size_t n)
{
	unsigned char head[10] = { (unsigned char)first };
	size_t len = 2;
	if (n < 126) {
		head[1] = (unsigned char)n;
	} else if (n < 65536) {
		head[1] = 126;
		head[2] = (unsigned char)(n >> 8);
		head[3] = (unsigned char)n;
		len = 4;
	} else {
		head[1] = 127;
		for (int i = 0; i < 8; i++)
			head[2 + i] = (unsigned char)((uint64_t)n >> (56 - 8 * i));
		len = 10;
	}
	kit_add(&c->out, head, len);
	kit_add(&c->out, p, n);
	mark_dirty(c);
}

void kit_ws_text(kit_id id, const char *s, size_t n)
{
	struct conn *c = find(id);
	if (c != NULL && c->websocket)
		ws_frame(c, 0x81, s, n);
}

void kit_ws_binary(kit_id id, const char *s, size_t n)
{
	struct conn *c = find(id);
	if (c != NULL && c->websocket)
		ws_frame(c, 0x82, s, n);
}

void kit_ws_fragments(kit_id id, const char *s, size_t n, size_t piece)
{
	struct conn *c = find(id);
	if (c == NULL || !c->websocket)
		return;
	for (size_t at = 0; at < n; at += piece) {
		size_t len = n - at < piece ? n - at : piece;
		ws_frame(c, (at == 0 ? 1 : 0) | (at + len == n ? 0x80 : 0), s + at, len);
	}
}

void kit_ws_ping(kit_id id)
{
	struct conn *c = find(id);
	if (c != NULL && c->websocket)
		ws_frame(c, 0x89, "eddy?", 5);
}

void kit_ws_close(kit_id id, int code)
{
	struct conn *c = find(id);
	if (c == NULL || !c->websocket || c->close_sent)
		return;
	c->close_sent = true;
	ws_frame(c, 0x88, (unsigned char[]){ (unsigned char)(code >> 8), (unsigned char)code }, 2);
}

/* One frame; false when more bytes are needed or the connection has gone. */
static bool parse_frame(struct conn *c)
{
	unsigned char *p = (unsigned char *)c->in.p;
	if (c->in.n < 2)
		return false;
	uint64_t n = p[1] & 0x7f;
	size_t head = 2;
	if (n == 126) {
		if (c->in.n < 4)
			return false;
		n = (uint64_t)p[2] << 8 | p[3];
		head = 4;
	} else if (n == 127) {
		if (c->in.n < 10)
			return false;
		n = 0;
		for (int i = 0; i < 8; i++)
			n = n << 8 | p[2 + i];
		head = 10;
	}
	bool masked = (p[1] & 0x80) != 0;
	if (!masked || n > INPUT_MAX) {
		kit_ws_close(id_of(c), 1002);
		c->close_after = true;
		return false;
	}
	if (c->in.n < head + 4 + n)
		return false;
	unsigned char *mask = p + head, *data = p + head + 4;
	for (uint64_t i = 0; i < n; i++)
		data[i] ^= mask[i & 3];
	int op = p[0] & 0x0f;
	bool fin = (p[0] & 0x80) != 0;
	kit_id id = id_of(c);
	switch (op) {
	case 0:
	case 1:
	case 2:
		if (op != 0) {
			c->message.n = 0;
			c->fragments = 0;
		}
		kit_add(&c->message, data, n);
		c->fragments++;
		if (fin && c->ws->text != NULL)
			c->ws->text(id, c->message.p, c->message.n, c->fragments);
		break;
	case 8:
		if (!c->close_sent) {
			c->close_sent = true;
			ws_frame(c, 0x88, data, n < 2 ? n : 2);
		}
		c->close_after = true;
		mark_dirty(c);
		return false;
	case 9:
		ws_frame(c, 0x8a, data, n);
		break;
	case 10:
		if (c->ws->pong != NULL)
			c->ws->pong(id);
		break;
	default:
		break;
	}
	if (find(id) == NULL)
		return false;
	buf_drop(&c->in, head + 4 + n);
	return true;
}

static void parse_more(struct conn *c)
{
	static int depth;
	if (depth > 0)
		return; /* an answer given inside the handler: the outer loop goes on */
	depth++;
	kit_id id = id_of(c);
	while (find(id) != NULL && c->in.n > 0 && !c->busy && (c->websocket ? parse_frame(c) : parse_request(c)))
		;
	depth--;
}

static void conn_read(struct conn *c)
{
	char chunk[65536];
	for (int rounds = 0; rounds < 4; rounds++) {
		ssize_t n = recv(c->fd, chunk, sizeof chunk, 0);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			break;
		if (n <= 0) {
			conn_close(c);
			return;
		}
		kit_add(&c->in, chunk, (size_t)n);
		if (c->in.n > INPUT_MAX + HEAD_MAX) {
			conn_close(c);
			return;
		}
		if ((size_t)n < sizeof chunk)
			break;
	}
	parse_more(c);
}

static void conn_accept(struct conn *l)
{
	for (int i = 0; i < 256; i++) {
		int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
		struct conn *c = conn_new(fd);
		if (c != NULL)
			c->handler = l->handler;
	}
}

static int run_timers(void)
{
	for (int i = 0; heap_len > 0 && i < 10000; i++) {
		uint64_t now = kit_now_us();
		struct kit_timer *t = heap[0];
		if (t->at > now) {
			uint64_t ms = (t->at - now + 999) / 1000;
			return ms > 1000 ? 1000 : (int)ms;
		}
		void (*fn)(void *) = t->fn;
		void *arg = t->arg;
		heap_take(t);
		free(t);
		fn(arg);
	}
	return heap_len > 0 ? 0 : 1000;
}

void kit_run(void)
{
	struct epoll_event events[256];
	while (!stopping) {
		int wait = run_timers();
		flush_all();
		int n = epoll_wait(epfd, events, 256, wait);
		for (int i = 0; i < n; i++) {
			struct conn *c = &conns[events[i].data.fd];
			if (!c->open)
				continue;
			if (c->listener) {
				conn_accept(c);
				continue;
			}
			if ((events[i].events & (EPOLLHUP | EPOLLERR)) != 0 && c->frozen) {
				conn_close(c);
				continue;
			}
			if ((events[i].events & EPOLLOUT) != 0)
				flush_conn(c);
			if (c->open && (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
				conn_read(c);
		}
	}
	flush_all();
}

void kit_stop(void)
{
	stopping = 1;
}
