/*
 * The websocket client of `eddy chat`: a libwebsockets context with its own small poll loop on one thread.  The other side of it is a list
 * of events under a lock.  Frames with a rev that was seen already are dropped here, so the reader gets each change once, through any
 * number of cuts.
 */
#include "client.h"

#include <libwebsockets.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "../../core/version.h"

#define FRAME_MAX (4u * 1024u * 1024u)
#define RETRY_MIN_MS 300
#define RETRY_MAX_MS 5000

struct item {
	struct item *next;
	struct client_event ev;
};
struct text {
	struct text *next;
	char *client_id; /* NULL: not kept until it is accepted */
	struct buf frame;
};

struct client {
	char *host, *path, *token, *tz, *thread;
	int port;
	bool tls;
	struct lws_context *ctx;
	struct lws_protocols protocols[2];
	pthread_t thread_id;
	atomic_bool ends;
	pthread_mutex_t lock;
	pthread_cond_t cond;
	struct item *events, **events_tail; /* under the lock */
	struct text *out, **out_tail;       /* under the lock: not yet written */
	/* The link's own thread only: */
	struct lws *wsi;
	struct text *sent; /* written, not yet accepted */
	struct buf in;
	int64_t rev;
	bool greeted, subscribed, denied, down_said;
	uint64_t next_try_ms;
	uint32_t wait_ms;
};

static void emit(struct client *l, enum client_what what, json_t *frame, const char *why)
{
	struct item *i = xcalloc(1, sizeof *i);
	i->ev.what = what;
	i->ev.frame = frame;
	snprintf(i->ev.why, sizeof i->ev.why, "%s", why == NULL ? "" : why);
	pthread_mutex_lock(&l->lock);
	*l->events_tail = i;
	l->events_tail = &i->next;
	pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->lock);
}

static void text_free(struct text *t)
{
	free(t->client_id);
	buf_done(&t->frame);
	free(t);
}

static void write_text(struct client *l, const char *p, size_t n)
{
	unsigned char *room = xmalloc(LWS_PRE + n);
	memcpy(room + LWS_PRE, p, n);
	(void)!lws_write(l->wsi, room + LWS_PRE, n, LWS_WRITE_TEXT);
	free(room);
}

static void say_hello(struct client *l)
{
	struct buf b = BUF_INIT;
	buf_add_str(&b, "{\"type\":\"hello\",\"client\":\"eddy-chat/" EDDY_VERSION "\",\"token\":");
	buf_add_json_str(&b, l->token);
	if (l->tz != NULL) {
		buf_add_str(&b, ",\"tz\":");
		buf_add_json_str(&b, l->tz);
	}
	buf_add_char(&b, '}');
	write_text(l, b.p, b.len);
	buf_done(&b);
}

static void say_subscribe(struct client *l)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "{\"type\":\"subscribe\",\"thread\":\"%s\",\"after\":%lld}", l->thread, (long long)l->rev);
	write_text(l, b.p, b.len);
	buf_done(&b);
}

/* One frame per chance to write: hello, subscribe, then what the user says. */
static void on_writable(struct client *l)
{
	if (!l->greeted) {
		l->greeted = true;
		say_hello(l);
		return;
	}
	if (!l->subscribed)
		return;
	pthread_mutex_lock(&l->lock);
	struct text *t = l->out;
	if (t != NULL) {
		l->out = t->next;
		if (l->out == NULL)
			l->out_tail = &l->out;
	}
	bool more = l->out != NULL;
	pthread_mutex_unlock(&l->lock);
	if (t == NULL)
		return;
	write_text(l, t->frame.p, t->frame.len);
	t->next = NULL;
	if (t->client_id == NULL) {
		text_free(t);
	} else {
		struct text **at = &l->sent;
		while (*at != NULL)
			at = &(*at)->next;
		*at = t;
	}
	if (more)
		lws_callback_on_writable(l->wsi);
}

/* What was written and never accepted goes out again, before anything newer. */
static void requeue(struct client *l)
{
	if (l->sent == NULL)
		return;
	struct text **end = &l->sent;
	while (*end != NULL)
		end = &(*end)->next;
	pthread_mutex_lock(&l->lock);
	if (l->out == NULL)
		l->out_tail = end;
	*end = l->out;
	l->out = l->sent;
	pthread_mutex_unlock(&l->lock);
	l->sent = NULL;
}

static void forget_sent(struct client *l, const char *client_id)
{
	for (struct text **at = &l->sent; *at != NULL; at = &(*at)->next)
		if (strcmp((*at)->client_id, client_id) == 0) {
			struct text *t = *at;
			*at = t->next;
			text_free(t);
			return;
		}
}

static void on_error_frame(struct client *l, json_t *f)
{
	const char *code = json_str(f, "code", ""), *id = json_str(f, "client_id", NULL);
	if (strcmp(code, "denied") == 0) {
		l->denied = true;
		emit(l, CLIENT_DENIED, NULL, json_str(f, "message", ""));
		json_decref(f);
		return;
	}
	if (id != NULL && json_int(f, "retry_after_ms", 0) > 0) {
		/* Not stored yet: the same again, a little later, by way of a fresh connection's resend. */
		requeue(l);
		lws_set_timer_usecs(l->wsi, (lws_usec_t)json_int(f, "retry_after_ms", 1000) * 1000);
		json_decref(f);
		return;
	}
	if (id != NULL)
		forget_sent(l, id);
	emit(l, CLIENT_FRAME, f, NULL);
}

static void on_frame(struct client *l, json_t *f)
{
	const char *type = json_str(f, "type", "");
	int64_t rev = json_int(f, "rev", 0);
	if (strcmp(type, "welcome") == 0) {
		say_subscribe(l);
		json_decref(f);
		return;
	}
	if (strcmp(type, "error") == 0) {
		on_error_frame(l, f);
		return;
	}
	if (strcmp(type, "subscribed") == 0) {
		l->rev = rev;
		l->subscribed = true;
		l->wait_ms = 0;
		l->down_said = false;
		emit(l, CLIENT_UP, NULL, NULL);
		lws_callback_on_writable(l->wsi);
		json_decref(f);
		return;
	}
	if (strcmp(type, "message") == 0 || strcmp(type, "edited") == 0 || strcmp(type, "deleted") == 0) {
		if (rev <= l->rev) {
			json_decref(f);
			return;
		}
		l->rev = rev;
	}
	if (strcmp(type, "accepted") == 0)
		forget_sent(l, json_str(f, "client_id", ""));
	emit(l, CLIENT_FRAME, f, NULL);
}

static void on_down(struct client *l, const char *why)
{
	l->wsi = NULL;
	l->greeted = l->subscribed = false;
	buf_reset(&l->in);
	requeue(l);
	l->wait_ms = l->wait_ms == 0 ? RETRY_MIN_MS : l->wait_ms * 2 > RETRY_MAX_MS ? RETRY_MAX_MS : l->wait_ms * 2;
	l->next_try_ms = clock_ms() + l->wait_ms;
	if (!l->down_said && !l->denied && !l->ends)
		emit(l, CLIENT_DOWN, NULL, why);
	l->down_said = true;
}

static int on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	(void)user;
	struct client *l = lws_context_user(lws_get_context(wsi));
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
	case LWS_CALLBACK_TIMER:
		lws_callback_on_writable(wsi);
		break;
	case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
		if (l->wsi != NULL)
			lws_callback_on_writable(l->wsi);
		break;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		if (l->ends)
			return -1;
		on_writable(l);
		break;
	case LWS_CALLBACK_CLIENT_RECEIVE: {
		if (l->in.len + len > FRAME_MAX)
			return -1;
		buf_add(&l->in, in, len);
		if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0)
			break;
		json_t *f = NULL;
		if (json_parse(l->in.p, l->in.len, FRAME_MAX, &f, NULL) == ERR_NONE)
			on_frame(l, f);
		buf_reset(&l->in);
		break;
	}
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		on_down(l, in == NULL ? "no connection" : (const char *)in);
		break;
	case LWS_CALLBACK_CLIENT_CLOSED:
		on_down(l, "the connection was cut");
		break;
	default:
		break;
	}
	return 0;
}

static void try_connect(struct client *l)
{
	struct lws_client_connect_info i = {
		.context = l->ctx,
		.address = l->host,
		.port = l->port,
		.path = l->path,
		.host = l->host,
		.protocol = "eddy.v1",
		.local_protocol_name = "eddy.v1",
		.ssl_connection = l->tls ? LCCSCF_USE_SSL : 0,
		.pwsi = &l->wsi,
		.alpn = "http/1.1",
	};
	l->next_try_ms = UINT64_MAX;
	if (lws_client_connect_via_info(&i) == NULL && l->next_try_ms == UINT64_MAX)
		on_down(l, "no connection");
}

static void *client_main(void *arg)
{
	struct client *l = arg;
	while (!l->ends) {
		if (l->wsi == NULL && !l->denied && clock_ms() >= l->next_try_ms)
			try_connect(l);
		/* 0 waits for the next event, of which there is none between two tries; -1 only looks. */
		lws_service(l->ctx, l->wsi == NULL ? -1 : 0);
		if (l->wsi == NULL && !l->ends) {
			struct timespec t = { .tv_nsec = 50 * 1000 * 1000 };
			nanosleep(&t, NULL);
		}
	}
	return NULL;
}

struct client *client_open(const struct client_options *o)
{
	struct client *l = xcalloc(1, sizeof *l);
	l->host = xstrdup(o->host);
	l->path = xstrdup(o->path);
	l->token = xstrdup(o->token);
	l->tz = xstrdup(o->tz);
	l->thread = xstrdup(o->thread);
	l->port = o->port;
	l->tls = o->tls;
	l->rev = o->after;
	l->events_tail = &l->events;
	l->out_tail = &l->out;
	pthread_mutex_init(&l->lock, NULL);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&l->cond, &attr);
	pthread_condattr_destroy(&attr);
	lws_set_log_level(0, NULL);
	l->protocols[0] = (struct lws_protocols){ .name = "eddy.v1", .callback = on_event, .rx_buffer_size = 65536 };
	static const lws_retry_bo_t policy = { .secs_since_valid_ping = 20, .secs_since_valid_hangup = 40 };
	struct lws_context_creation_info info = { .port = CONTEXT_PORT_NO_LISTEN,
		.protocols = l->protocols,
		.user = l,
		.gid = -1,
		.uid = -1,
		.retry_and_idle_policy = &policy,
		.options = l->tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0 };
	l->ctx = lws_create_context(&info);
	if (l->ctx == NULL || pthread_create(&l->thread_id, NULL, client_main, l) != 0)
		abort();
	return l;
}

void client_close(struct client *l)
{
	if (l == NULL)
		return;
	l->ends = true;
	lws_cancel_service(l->ctx);
	pthread_join(l->thread_id, NULL);
	lws_context_destroy(l->ctx);
	struct client_event ev;
	for (;;) {
		client_next(l, &ev, 0);
		if (ev.what == CLIENT_NOTHING)
			break;
		json_decref(ev.frame);
	}
	for (struct text *t = l->out, *next; t != NULL; t = next) {
		next = t->next;
		text_free(t);
	}
	for (struct text *t = l->sent, *next; t != NULL; t = next) {
		next = t->next;
		text_free(t);
	}
	buf_done(&l->in);
	pthread_cond_destroy(&l->cond);
	pthread_mutex_destroy(&l->lock);
	free(l->host);
	free(l->path);
	free(l->token);
	free(l->tz);
	free(l->thread);
	free(l);
}

static void queue_text(struct client *l, struct text *t)
{
	pthread_mutex_lock(&l->lock);
	*l->out_tail = t;
	l->out_tail = &t->next;
	pthread_mutex_unlock(&l->lock);
	lws_cancel_service(l->ctx);
}

void client_send(struct client *l, const char *client_id, const char *text, size_t n)
{
	struct text *t = xcalloc(1, sizeof *t);
	t->client_id = xstrdup(client_id);
	buf_addf(&t->frame, "{\"type\":\"send\",\"thread\":\"%s\",\"client_id\":\"%s\",\"text\":\"", l->thread, client_id);
	buf_add_json(&t->frame, text, n);
	buf_add_str(&t->frame, "\"}");
	queue_text(l, t);
}

void client_stop(struct client *l)
{
	struct text *t = xcalloc(1, sizeof *t);
	buf_addf(&t->frame, "{\"type\":\"stop\",\"thread\":\"%s\"}", l->thread);
	queue_text(l, t);
}

void client_next(struct client *l, struct client_event *out, int timeout_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	*out = (struct client_event){ .what = CLIENT_NOTHING };
	pthread_mutex_lock(&l->lock);
	while (l->events == NULL && timeout_ms > 0 && pthread_cond_timedwait(&l->cond, &l->lock, &until) == 0)
		;
	struct item *i = l->events;
	if (i != NULL) {
		l->events = i->next;
		if (l->events == NULL)
			l->events_tail = &l->events;
	}
	pthread_mutex_unlock(&l->lock);
	if (i != NULL) {
		*out = i->ev;
		free(i);
	}
}
