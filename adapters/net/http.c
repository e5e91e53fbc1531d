/*
 * A call is one block of memory with copies of all its strings, posted to the thread.  There it gets a slot: an easy handle with its
 * fixed options, reused for ever, of which only what differs from the last call is set.  Time-outs are ours, not curl's: one timer
 * looks at all calls when the earliest could be due, so a byte that arrives only stores the time.  curl is never re-entered: what a
 * callback asks for (cancel, new calls) happens in settle(), after curl has returned.
 *
 * Redirects are ours too: curl would carry own headers such as x-api-key to another host.  And curl silently sends a request again
 * when a kept connection dies before the answer; the first copy may have been acted upon, so only GET and HEAD may do that
 * (PREREQFUNCTION counts the sendings), the rest ends as HTTP_CUT.
 */
#include "http.h"

#include <curl/curl.h>
#include <dirent.h>
#include <errno.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "evloop.h"
#include "httpcall.h"
#include "mux.h"
#include "trust.h"

#define CALLS_MAX 4096
#define CONNECTS_MAX 2500L
#define CONNECT_IDLE_S 60L     /* a connection kept longer is not used again */
#define FORGET_AFTER_MS 65000u /* without calls: close what is kept, give the memory back */
#define SLOTS_KEPT 8u          /* of the unused ones of a lane, beyond twice what runs */
#define LANE_BUSY 32u          /* calls of a lane before another one is used */
#define BUFFER_BYTES 2048L
#define REDIRECTS_MAX 3
#define MUXES 8 /* see lane_for() */

struct lane;
struct slot {
	CURL *easy;
	struct lane *lane;
	struct http_call *call;
	struct slot *next; /* in the free list */
	char *url;         /* what the handle is set to */
	long connect_ms;
	bool https, custom, head, fresh;
	char why[CURL_ERROR_SIZE];
};
struct lane {
	struct mux mux;
	struct slot *slots; /* free */
	unsigned running, slots_free;
};
struct http {
	struct evloop ev;
	struct lane lanes[MUXES];
	pthread_t thread;
	bool joined;
	char *ca_file, *no_proxy;
	const char *ca_folder;
	atomic_int inflight;     /* queued and running */
	struct http_call *calls; /* running */
	struct http_call *cancels, **cancels_end;
	unsigned running;
	uv_timer_t sweep;
	uint64_t sweep_at; /* 0: not armed */
	struct evtimer *forget;
	uint64_t idle_since;
	struct metric *active, *refused, *opened;
};

static void count(struct metric *m, int64_t n)
{
	if (m)
		metric_add(m, n);
}

/* ---- curl's callbacks: nothing here may call curl_multi ---- */

static size_t on_header(char *p, size_t size, size_t n, void *arg)
{
	(void)size;
	http_call_header(((struct slot *)arg)->call, p, n);
	return n;
}

static size_t on_body(char *p, size_t size, size_t n, void *arg)
{
	(void)size;
	struct http_call *c = ((struct slot *)arg)->call;
	c->last_ms = clock_ms();
	return http_call_body(c, p, n) ? n : 0;
}

static int on_send(void *arg, char *a, char *b, int c, int d)
{
	(void)a;
	(void)b;
	(void)c;
	(void)d;
	struct http_call *call = ((struct slot *)arg)->call;
	return call->sent++ > 0 && !call->idempotent ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

/* ---- slots ---- */

static bool is_https(const char *url)
{
	return strncasecmp(url, "https:", 6) == 0;
}

/*
 * libcurl looks for a free connection by walking all those to the same host, which costs more than the rest of a call when a
 * thousand are busy.  Plain HTTP therefore spreads over several multi handles, each with connections of its own; https stays on one,
 * where HTTP/2 keeps them few.
 */
static struct lane *lane_for(struct http *h, const char *url)
{
	struct lane *best = &h->lanes[0];
	if (is_https(url))
		return best;
	for (int i = 1; i < MUXES && best->running >= LANE_BUSY; i++)
		if (h->lanes[i].running < best->running)
			best = &h->lanes[i];
	return best;
}

static struct slot *slot_get(struct http *h, struct lane *l)
{
	struct slot *s = l->slots;
	if (s) {
		l->slots = s->next;
		l->slots_free--;
		return s;
	}
	s = xcalloc(1, sizeof *s);
	s->lane = l;
	s->easy = curl_easy_init();
	if (!s->easy)
		abort();
	CURL *e = s->easy;
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER_BYTES);
	curl_easy_setopt(e, CURLOPT_MAXAGE_CONN, CONNECT_IDLE_S);
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_NOPROGRESS, 1L);
	if (h->no_proxy)
		curl_easy_setopt(e, CURLOPT_NOPROXY, h->no_proxy);
	else
		curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_USERAGENT, "Eddy");
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_send);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, s);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, s->why);
	curl_easy_setopt(e, CURLOPT_PRIVATE, s);
	if (h->ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, h->ca_file);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
		curl_easy_setopt(e, CURLOPT_PROXY_CAINFO, h->ca_file);
		curl_easy_setopt(e, CURLOPT_PROXY_CAPATH, NULL);
	} else if (h->ca_folder) {
		curl_easy_setopt(e, CURLOPT_CAINFO, NULL);
		curl_easy_setopt(e, CURLOPT_CAPATH, h->ca_folder);
	}
	mux_prepare(&l->mux, e);
	return s;
}

static void slot_free(struct slot *s)
{
	curl_easy_cleanup(s->easy);
	free(s->url);
	free(s);
}

static void slot_put(struct slot *s)
{
	struct lane *l = s->lane;
	s->call = NULL;
	if (l->slots_free > SLOTS_KEPT + 2 * l->running) {
		slot_free(s);
		return;
	}
	s->next = l->slots;
	l->slots = s;
	l->slots_free++;
}

static void slots_drop(struct lane *l)
{
	while (l->slots) {
		struct slot *s = l->slots;
		l->slots = s->next;
		slot_free(s);
	}
	l->slots_free = 0;
}

static void slot_aim(struct slot *s, struct http_call *c)
{
	CURL *e = s->easy;
	s->why[0] = '\0';
	if (!s->url || strcmp(s->url, c->url) != 0) {
		free(s->url);
		s->url = xstrdup(c->url);
		curl_easy_setopt(e, CURLOPT_URL, c->url);
		bool https = is_https(c->url);
		if (https != s->https)
			curl_easy_setopt(e, CURLOPT_PIPEWAIT, https ? 1L : 0L);
		s->https = https;
	}
	if (s->custom) {
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, NULL);
		s->custom = false;
	}
	if (s->head) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 0L);
		s->head = false;
	}
	if (c->body || strcmp(c->method, "POST") == 0) {
		curl_easy_setopt(e, CURLOPT_POSTFIELDS, c->body ? c->body : "");
		curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body_len);
		s->custom = strcmp(c->method, "POST") != 0;
	} else if (strcmp(c->method, "HEAD") == 0) {
		curl_easy_setopt(e, CURLOPT_NOBODY, 1L);
		s->head = true;
	} else {
		curl_easy_setopt(e, CURLOPT_HTTPGET, 1L);
		s->custom = strcmp(c->method, "GET") != 0;
	}
	if (s->custom)
		curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, c->method);
	curl_easy_setopt(e, CURLOPT_HTTPHEADER, c->header_list);
	if (s->fresh != c->fresh)
		curl_easy_setopt(e, CURLOPT_FRESH_CONNECT, c->fresh ? 1L : 0L);
	s->fresh = c->fresh;
	if (s->connect_ms != (long)c->connect_ms) {
		s->connect_ms = (long)c->connect_ms;
		curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, s->connect_ms);
	}
}

/* ---- time-outs ---- */

static void on_sweep(uv_timer_t *t);

static void sweep_by(struct http *h, uint64_t at)
{
	if (h->sweep_at != 0 && h->sweep_at <= at)
		return;
	uint64_t now = clock_ms();
	h->sweep_at = at;
	uv_update_time(&h->ev.uv);
	uv_timer_start(&h->sweep, on_sweep, at > now ? at - now : 1, 0);
}

static uint64_t call_due(const struct http_call *c)
{
	uint64_t at = c->started_ms + c->total_ms;
	return c->idle_ms && c->last_ms + c->idle_ms < at ? c->last_ms + c->idle_ms : at;
}

/* ---- the life of a call ---- */

static void call_launch(struct http_call *c)
{
	c->slot->call = c;
	slot_aim(c->slot, c);
	if (!mux_add(&c->slot->lane->mux, c->slot->easy))
		abort(); /* the handle was in use: a bug */
}

static void call_unlist(struct http *h, struct http_call *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		h->calls = c->next;
	if (c->next)
		c->next->prev = c->prev;
	h->running--;
}

static void on_forget(void *arg);

static void call_finish(struct http *h, struct http_call *c, enum http_fail fail, const char *why)
{
	struct slot *s = c->slot;
	mux_remove(&s->lane->mux, s->easy);
	call_unlist(h, c);
	s->lane->running--;
	uint64_t now = clock_ms();
	struct http_result r = {
		.fail = fail,
		.status = c->status,
		.body = c->in.p ? c->in.p : "",
		.body_len = c->in.len,
		.retry_after_ms = c->retry_after_ms,
		.header = c->header ? c->header : "",
		.content_type = c->content_type,
		.first_ms = c->first_ms ? (uint32_t)(c->first_ms - c->started_ms) : 0,
		.total_ms = (uint32_t)(now - c->started_ms),
		.why = fail == HTTP_OK ? "" : why,
	};
	if (c->queued_cancel) { /* its real end came first; take it out of the list */
		struct http_call **p = &h->cancels;
		while (*p != c)
			p = &(*p)->next_cancel;
		*p = c->next_cancel;
		if (h->cancels_end == &c->next_cancel)
			h->cancels_end = p;
	}
	c->on_done(c->arg, &r);
	slot_put(s);
	http_call_free(c);
	count(h->active, -1);
	atomic_fetch_sub(&h->inflight, 1);
	if (h->running == 0) {
		h->idle_since = now;
		if (!h->forget)
			h->forget = evtimer_new(&h->ev, FORGET_AFTER_MS, 0, on_forget, h);
	}
}

static void call_begin(void *arg)
{
	struct http_call *c = arg;
	struct http *h = c->h;
	struct lane *l = lane_for(h, c->url);
	c->slot = slot_get(h, l);
	l->running++;
	c->last_ms = clock_ms();
	c->next = h->calls;
	c->prev = NULL;
	if (c->next)
		c->next->prev = c;
	h->calls = c;
	h->running++;
	call_launch(c);
	sweep_by(h, call_due(c));
	if (c->cancelled)
		http_cancel(h, c); /* asked for before we had it */
}

static enum http_fail fail_of(CURLcode code, const struct http_call *c)
{
	if (code == CURLE_OK)
		return HTTP_OK;
	if (c->too_large)
		return HTTP_TOO_LARGE;
	if (c->stopped || c->cancelled)
		return HTTP_CANCELLED;
	if (c->sent == 0)
		return HTTP_CONNECT;
	return code == CURLE_OPERATION_TIMEDOUT ? HTTP_TIMEOUT : HTTP_CUT;
}

static void on_transfer(void *arg, CURL *easy, CURLcode code)
{
	struct http *h = arg;
	char *p = NULL;
	curl_easy_getinfo(easy, CURLINFO_PRIVATE, &p);
	struct slot *s = (struct slot *)(void *)p;
	struct http_call *c = s->call;
	long connects = 0;
	curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects);
	count(h->opened, connects);
	if (code == CURLE_OK && c->follow && !c->cancelled && c->status >= 301 && c->status <= 308 &&
	    c->redirects < REDIRECTS_MAX) {
		char *to = NULL;
		curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &to);
		if (to && http_call_redirect(c, to)) {
			mux_remove(&s->lane->mux, easy);
			call_launch(c);
			return;
		}
	}
	const char *why = code == CURLE_ABORTED_BY_CALLBACK ? "the connection was cut before the answer"
	    : c->too_large                                  ? "the answer is larger than allowed"
	    : s->why[0]                                     ? s->why
	                                                    : curl_easy_strerror(code);
	char plain[CURL_ERROR_SIZE + 128];
	if (code == CURLE_PEER_FAILED_VERIFICATION && strncmp(why, "SSL certificate", 15) == 0) {
		trust_explain(why, NULL, plain, sizeof plain);
		why = plain;
	}
	call_finish(h, c, fail_of(code, c), why);
}

static void on_sweep(uv_timer_t *t)
{
	struct http *h = t->data;
	uint64_t now = clock_ms(), next = UINT64_MAX;
	h->sweep_at = 0;
	for (struct http_call *c = h->calls, *after; c; c = after) {
		after = c->next; /* on_done cannot end another call: that waits for settle() */
		uint64_t at = call_due(c);
		if (at > now) {
			next = at < next ? at : next;
			continue;
		}
		bool idle = at < c->started_ms + c->total_ms;
		call_finish(
		    h, c, c->sent == 0 ? HTTP_CONNECT : HTTP_TIMEOUT, idle ? "no byte came for too long" : "it took too long");
	}
	if (next != UINT64_MAX)
		sweep_by(h, next);
	evloop_settle(&h->ev);
}

static void on_forget(void *arg)
{
	struct http *h = arg;
	evtimer_stop(h->forget);
	h->forget = NULL;
	uint64_t now = clock_ms();
	if (h->running > 0)
		return; /* the next end arms it again */
	if (now - h->idle_since + 1000 < FORGET_AFTER_MS) {
		h->forget = evtimer_new(&h->ev, FORGET_AFTER_MS - (now - h->idle_since), 0, on_forget, h);
		return;
	}
	for (int i = 0; i < MUXES; i++) {
		mux_forget(&h->lanes[i].mux);
		slots_drop(&h->lanes[i]);
	}
	malloc_trim(0);
}

static void settle(void *arg)
{
	struct http *h = arg;
	bool again;
	do {
		while (h->cancels)
			call_finish(h, h->cancels, HTTP_CANCELLED, "cancelled");
		again = false;
		for (int i = 0; i < MUXES; i++)
			again = mux_kick(&h->lanes[i].mux) || again;
	} while (again || h->cancels);
}

void http_cancel(struct http *h, void *handle)
{
	struct http_call *c = handle;
	c->cancelled = true;
	if (c->queued_cancel || !c->slot)
		return;
	c->queued_cancel = true;
	c->next_cancel = NULL;
	*h->cancels_end = c;
	h->cancels_end = &c->next_cancel;
}

/* ---- thread ---- */

/* curl looks at the proxy variables at each transfer; with none set it need not.  Loopback never goes through a proxy. */
static char *proxy_exceptions(void)
{
	static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY" };
	const char *except = getenv("no_proxy");
	bool any = false;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		any = any || (getenv(names[i]) && *getenv(names[i]));
	if (!any)
		return NULL;
	if (!except)
		except = getenv("NO_PROXY");
	struct buf b = BUF_INIT;
	buf_addf(&b, "%s%s127.0.0.1,localhost,::1", except ? except : "", except && *except ? "," : "");
	return buf_detach(&b, NULL);
}

/* A folder of certificates by hash is read as needed; the bundle beside it would be 140 parsed certificates in memory. */
static const char *certificate_folder(void)
{
	static const char folder[] = "/etc/ssl/certs";
	DIR *d = opendir(folder);
	bool hashed = false;
	for (struct dirent *e; d && !hashed && (e = readdir(d));) {
		size_t n = strlen(e->d_name);
		hashed = n == 10 && strcmp(e->d_name + n - 2, ".0") == 0;
	}
	if (d)
		closedir(d);
	return hashed ? folder : NULL;
}

static void *http_main(void *arg)
{
	struct http *h = arg;
	pthread_setname_np(pthread_self(), "eddy-http");
	evloop_enter(&h->ev);
	evloop_run(&h->ev);
	while (h->calls)
		call_finish(h, h->calls, HTTP_CANCELLED, "the program stops");
	for (int i = 0; i < MUXES; i++) {
		mux_done(&h->lanes[i].mux);
		slots_drop(&h->lanes[i]);
	}
	evloop_close(&h->ev);
	return NULL;
}

enum err http_new(struct http **out, struct metrics *ms, const char *ca_file)
{
	signal(SIGPIPE, SIG_IGN);
	evloop_fit_descriptors();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return ERR_BROKEN;
	struct http *h = xcalloc(1, sizeof *h);
	evloop_init(&h->ev, ms, "http");
	h->ev.settle = settle;
	h->ev.settle_arg = h;
	h->cancels_end = &h->cancels;
	h->ca_file = ca_file ? xstrdup(ca_file) : NULL;
	h->ca_folder = h->ca_file ? NULL : certificate_folder();
	h->no_proxy = proxy_exceptions();
	uv_timer_init(&h->ev.uv, &h->sweep);
	h->sweep.data = h;
	for (int i = 0; i < MUXES; i++)
		mux_init(&h->lanes[i].mux, &h->ev, i == 0 ? CONNECTS_MAX : CONNECTS_MAX / MUXES, on_transfer, h);
	if (ms) {
		h->active = metric_gauge(ms, "eddy_http_active", NULL, "Outgoing requests queued or running.");
		h->refused =
		    metric_counter(ms, "eddy_http_refused_total", NULL, "Outgoing requests refused because too many were running.");
		h->opened = metric_counter(ms, "eddy_http_connects_total", NULL, "Connections opened for outgoing requests.");
	}
	if (pthread_create(&h->thread, NULL, http_main, h) != 0) {
		log_error("http.start", LF_STR("why", strerror(errno)));
		abort();
	}
	*out = h;
	return ERR_NONE;
}

enum err http_start(struct http *h, const struct http_request *r)
{
	if (atomic_fetch_add(&h->inflight, 1) >= CALLS_MAX) {
		atomic_fetch_sub(&h->inflight, 1);
		count(h->refused, 1);
		free(r->body);
		return ERR_RETRY;
	}
	struct http_call *c = http_call_new(h, r);
	if (r->handle)
		*r->handle = c;
	count(h->active, 1);
	if (evloop_post(&h->ev, call_begin, c))
		return ERR_NONE;
	count(h->active, -1);
	atomic_fetch_sub(&h->inflight, 1);
	http_call_free(c);
	return ERR_RETRY;
}

bool http_post(struct http *h, void (*fn)(void *arg), void *arg)
{
	return evloop_post(&h->ev, fn, arg);
}

bool http_is_current(const struct http *h)
{
	return evloop_is_current(&h->ev);
}

struct http_timer *http_timer_new(struct http *h, uint64_t after_ms, uint64_t every_ms, void (*fn)(void *arg), void *arg)
{
	return (struct http_timer *)evtimer_new(&h->ev, after_ms, every_ms, fn, arg);
}

void http_timer_stop(struct http_timer *t)
{
	evtimer_stop((struct evtimer *)t);
}

void http_stop(struct http *h)
{
	if (h->joined)
		return;
	evloop_stop(&h->ev);
	pthread_join(h->thread, NULL);
	h->joined = true;
}

void http_free(struct http *h)
{
	if (!h)
		return;
	http_stop(h);
	evloop_done(&h->ev);
	free(h->ca_file);
	free(h->no_proxy);
	free(h);
}
