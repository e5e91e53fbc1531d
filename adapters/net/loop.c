/*
 * The context lives on the loop's own thread from birth to end: loop_start() waits until that thread says whether it could be made.
 * A listener that cannot be had is found by binding once ourselves first, because libwebsockets only logs the reason.  The client
 * vhost comes first, which makes it the default for outgoing links; it is made only when a client protocol exists, so that a
 * process without them does not build a TLS context.
 */
#include "loop.h"

#include <errno.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "evloop.h"

#define PROTOCOLS_MAX 8
#define HEADER_MAX 16384
#define HEADERS_AT_ONCE 1024 /* requests whose headers are being read; more wait in the listen queue */
#define DRAIN_MS 2000

struct loop {
	struct evloop ev;
	struct lws_context *ctx;
	struct lws_vhost *server;
	struct lws_protocols protocols[2][PROTOCOLS_MAX + 1];
	int count[2];
	bool listens;
	char *host, *ca_file;
	char address[64];
	int port;
	bool v6;
	pthread_t thread;
	bool started, joined;
	pthread_mutex_t mtx; /* guards ${state} and ${why} during the start */
	pthread_cond_t cond;
	enum { STARTING, RUNS, FAILED } state;
	char why[256];
	uv_check_t after_io;
	uv_prepare_t before_wait;
	void (*each_turn)(void *arg);
	void *each_turn_arg;
};

static const lws_retry_bo_t server_policy = { .secs_since_valid_ping = 30, .secs_since_valid_hangup = 60 };

static void on_lws_log(int level, const char *line)
{
	(void)level;
	char text[200];
	size_t n = strcspn(line, "\n");
	snprintf(text, sizeof text, "%.*s", (int)(n < sizeof text ? n : sizeof text - 1), line);
	log_warn("net.lws", LF_STR("why", text));
}

enum err loop_new(struct loop **out, struct metrics *ms)
{
	struct loop *l = xcalloc(1, sizeof *l);
	signal(SIGPIPE, SIG_IGN);
	evloop_fit_descriptors();
	lws_set_log_level(LLL_ERR, on_lws_log);
	evloop_init(&l->ev, ms, "loop");
	pthread_mutex_init(&l->mtx, NULL);
	pthread_cond_init(&l->cond, NULL);
	*out = l;
	return ERR_NONE;
}

uv_loop_t *loop_uv(struct loop *l)
{
	return &l->ev.uv;
}

struct lws_context *loop_lws(struct loop *l)
{
	return l->ctx;
}

void loop_add_protocol(struct loop *l, enum loop_side side, const struct lws_protocols *p)
{
	if (l->started || l->count[side] == PROTOCOLS_MAX) {
		log_error("net.protocol", LF_STR("name", p->name), LF_STR("why", "too late or too many"));
		abort();
	}
	l->protocols[side][l->count[side]++] = *p;
}

void loop_trust(struct loop *l, const char *ca_file)
{
	free(l->ca_file);
	l->ca_file = ca_file ? xstrdup(ca_file) : NULL;
}

void loop_listen(struct loop *l, const char *host, int port)
{
	free(l->host);
	l->host = xstrdup(host);
	l->port = port;
	l->listens = true;
}

static void on_after_io(uv_check_t *h)
{
	struct loop *l = h->data;
	l->each_turn(l->each_turn_arg);
}

static void on_before_wait(uv_prepare_t *h)
{
	struct loop *l = h->data;
	l->each_turn(l->each_turn_arg);
}

/* Twice a turn: behind the sockets and posts, and before waiting, for what timers have done. */
void loop_each_turn(struct loop *l, void (*fn)(void *arg), void *arg)
{
	l->each_turn = fn;
	l->each_turn_arg = arg;
	l->after_io.data = l->before_wait.data = l;
	uv_check_init(&l->ev.uv, &l->after_io);
	uv_prepare_init(&l->ev.uv, &l->before_wait);
	uv_check_start(&l->after_io, on_after_io);
	uv_prepare_start(&l->before_wait, on_before_wait);
	uv_unref((uv_handle_t *)&l->after_io);
	uv_unref((uv_handle_t *)&l->before_wait);
}

int loop_port(const struct loop *l)
{
	return l->port;
}

/* Resolve the listen address and bind it once, for an error in words. */
static bool try_bind(struct loop *l)
{
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *a = NULL;
	char port[12];
	snprintf(port, sizeof port, "%d", l->port);
	int e = getaddrinfo(l->host, port, &hints, &a);
	if (e != 0 || !a) {
		snprintf(l->why, sizeof l->why, "cannot listen on %s: %s", l->host, gai_strerror(e));
		return false;
	}
	bool ok = false;
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	l->v6 = a->ai_family == AF_INET6;
	if (getnameinfo(a->ai_addr, a->ai_addrlen, l->address, sizeof l->address, NULL, 0, NI_NUMERICHOST) != 0)
		snprintf(l->why, sizeof l->why, "cannot listen on %s: not an address", l->host);
	else if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
	    bind(fd, a->ai_addr, a->ai_addrlen) != 0)
		snprintf(l->why, sizeof l->why, "cannot listen on %s port %d: %s", l->host, l->port,
		    errno == EADDRINUSE ? "another program has this port" : strerror(errno));
	else
		ok = true;
	if (fd >= 0)
		close(fd);
	freeaddrinfo(a);
	return ok;
}

static int on_nothing(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	return lws_callback_http_dummy(wsi, reason, user, in, len);
}

static bool make_context(struct loop *l)
{
	static const struct lws_protocols none = { .name = "none", .callback = on_nothing };
	if (l->listens && !try_bind(l))
		return false;
	void *loops[] = { &l->ev.uv };
	bool client = l->count[LOOP_CLIENT] > 0;
	struct lws_context_creation_info info = {
		.port = CONTEXT_PORT_NO_LISTEN,
		.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
		    LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN | (client ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0),
		.foreign_loops = loops,
		.alpn = "http/1.1",
		.server_string = "eddy",
		.max_http_header_data = HEADER_MAX,
		.max_http_header_pool = HEADERS_AT_ONCE,
		.pt_serv_buf_size = LOOP_SERV_BUF,
		.user = l,
		.pcontext = &l->ctx,
		.gid = -1,
		.uid = -1,
	};
	l->ctx = lws_create_context(&info);
	if (!l->ctx) {
		snprintf(l->why, sizeof l->why, "cannot start libwebsockets (is the package libwebsockets-evlib-uv installed?)");
		return false;
	}
	for (int side = 0; side < 2; side++)
		if (l->count[side] == 0)
			l->protocols[side][0] = none;
	if (client || !l->listens) {
		struct lws_context_creation_info v = info;
		v.vhost_name = "client";
		v.protocols = l->protocols[LOOP_CLIENT];
		v.client_ssl_ca_filepath = l->ca_file;
		if (l->ca_file)
			v.options |= LWS_SERVER_OPTION_DISABLE_OS_CA_CERTS;
		if (!lws_create_vhost(l->ctx, &v)) {
			snprintf(l->why, sizeof l->why, "cannot prepare outgoing links (certificates in net.ca_file?)");
			return false;
		}
	}
	if (l->listens) {
		struct lws_context_creation_info v = info;
		v.vhost_name = "server";
		v.protocols = l->protocols[LOOP_SERVER];
		v.port = l->port;
		v.iface = l->address;
		v.options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_FAIL_UPON_UNABLE_TO_BIND | LWS_SERVER_OPTION_VALIDATE_UTF8 |
		    (l->v6 ? 0 : LWS_SERVER_OPTION_DISABLE_IPV6);
		v.keepalive_timeout = 30;
		v.timeout_secs = 10;
		v.retry_and_idle_policy = &server_policy;
		l->server = lws_create_vhost(l->ctx, &v);
		if (!l->server) {
			snprintf(l->why, sizeof l->why, "cannot listen on %s port %d", l->host, l->port);
			return false;
		}
		l->port = lws_get_vhost_listen_port(l->server);
	}
	return true;
}

static void destroy_context(struct loop *l)
{
	if (!l->ctx)
		return;
	lws_context_destroy(l->ctx); /* begins to close its handles on our loop; the last of them may free it (pcontext) */
	evloop_drain(&l->ev, DRAIN_MS);
	if (l->ctx)
		lws_context_destroy(l->ctx);
	evloop_drain(&l->ev, DRAIN_MS);
	l->ctx = NULL;
}

static void *loop_main(void *arg)
{
	struct loop *l = arg;
	pthread_setname_np(pthread_self(), "eddy-loop");
	evloop_enter(&l->ev);
	bool ok = make_context(l);
	pthread_mutex_lock(&l->mtx);
	l->state = ok ? RUNS : FAILED;
	pthread_cond_signal(&l->cond);
	pthread_mutex_unlock(&l->mtx);
	if (ok)
		evloop_run(&l->ev);
	destroy_context(l);
	evloop_close(&l->ev);
	return NULL;
}

enum err loop_start(struct loop *l, char *why, size_t why_n)
{
	if (pthread_create(&l->thread, NULL, loop_main, l) != 0) {
		snprintf(why, why_n, "cannot start a thread: %s", strerror(errno));
		return ERR_BROKEN;
	}
	l->started = true;
	pthread_mutex_lock(&l->mtx);
	while (l->state == STARTING)
		pthread_cond_wait(&l->cond, &l->mtx);
	bool ok = l->state == RUNS;
	pthread_mutex_unlock(&l->mtx);
	if (ok)
		return ERR_NONE;
	pthread_join(l->thread, NULL);
	l->joined = true;
	snprintf(why, why_n, "%s", l->why);
	return ERR_BROKEN;
}

bool loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	return evloop_post(&l->ev, fn, arg);
}

bool loop_is_current(const struct loop *l)
{
	return evloop_is_current(&l->ev);
}

struct loop_timer *loop_timer_new(struct loop *l, uint64_t after_ms, uint64_t every_ms, void (*fn)(void *arg), void *arg)
{
	return (struct loop_timer *)evtimer_new(&l->ev, after_ms, every_ms, fn, arg);
}

void loop_timer_stop(struct loop_timer *t)
{
	evtimer_stop((struct evtimer *)t);
}

void loop_stop(struct loop *l)
{
	if (!l->started || l->joined)
		return;
	evloop_stop(&l->ev);
	pthread_join(l->thread, NULL);
	l->joined = true;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	loop_stop(l);
	if (!l->started)
		evloop_close(&l->ev);
	evloop_done(&l->ev);
	free(l->host);
	free(l->ca_file);
	pthread_mutex_destroy(&l->mtx);
	pthread_cond_destroy(&l->cond);
	free(l);
}
