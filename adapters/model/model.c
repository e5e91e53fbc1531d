/*
 * One call is one object with two references: the transfer's, which ends in on_done(), and one for each cancel() under way.  The
 * last event is given as soon as the stream says it is whole; the rest of the transfer only returns the connection to the pool.
 * A call of the builtin provider goes through a thin object of the same kind, so that cancel() and the metrics need no difference.
 */
#include "model.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../../core/settings/settings.h"
#include "../net/http.h"
#include "anthropic.h"
#include "answer.h"
#include "breaker.h"
#include "builtin.h"
#include "embed.h"
#include "openai.h"
#include "prices.h"
#include "sse.h"
#include "window.h"
#include "wire.h"

#define BUILTIN_WINDOW 100000u
#define CONNECT_MS 10000u

enum dialect { DIALECT_NONE, DIALECT_ANTHROPIC, DIALECT_OPENAI };
enum { RESULT_OK, RESULT_OF_FAIL, RESULTS = RESULT_OF_FAIL + FAIL_UNAVAILABLE + 1 };
static const char *const result_names[RESULTS] = { "ok", "cancelled", "busy", "broken", "too_long", "refused", "unavailable" };

struct name {
	struct name *next;
	char text[];
};
struct counters {
	struct metric *calls[RESULTS], *input, *output, *cost, *first, *total;
};
struct composite {
	struct model port;
	struct http *http;
	struct model *builtin;
	enum dialect dialect;
	const char *provider; /* "anthropic", "openai", "builtin" */
	const char *no_key;   /* the provider that was wanted but has no key, or NULL */
	char *url, *model, *auth;
	const char *headers[5];
	bool own;
	uint32_t idle_ms, total_ms, max_tokens;
	struct prices prices;
	struct window window;
	struct breaker breaker;
	struct embedder *embedder; /* NULL: recall is off */
	pthread_mutex_t mtx;       /* guards ${names} */
	struct name *names;
	struct counters provider_metrics, builtin_metrics;
};
struct model_call {
	struct composite *m;
	atomic_int refs;
	atomic_bool cancelled;
	model_event_fn fn;
	void *arg;
	struct model_call *inner; /* the builtin provider's, NULL for one of our own */
	bool is_builtin, ended, probe, flushing;
	void *handle;
	struct answer answer;
	struct sse sse;
	const char *model;
	struct id run;
	size_t asked_bytes;
	uint64_t started_ms, first_ms;
};

static void unref(struct model_call *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	answer_done(&c->answer);
	sse_done(&c->sse);
	free(c);
}

static const char *intern(struct composite *m, const char *text)
{
	if (strcmp(text, m->model) == 0)
		return m->model;
	pthread_mutex_lock(&m->mtx);
	struct name *n = m->names;
	while (n && strcmp(n->text, text) != 0)
		n = n->next;
	if (!n) {
		size_t len = strlen(text) + 1;
		n = xmalloc(sizeof *n + len);
		memcpy(n->text, text, len);
		n->next = m->names;
		m->names = n;
	}
	pthread_mutex_unlock(&m->mtx);
	return n->text;
}

static void measure(const struct counters *k, const struct model_event *ev)
{
	metric_add(k->calls[ev->kind == MODEL_STOP ? RESULT_OK : RESULT_OF_FAIL + (int)ev->fail], 1);
	metric_add(k->input, ev->usage.input_tokens);
	metric_add(k->output, ev->usage.output_tokens);
	metric_add(k->cost, ev->usage.cost_micros);
	if (ev->usage.first_ms > 0)
		metric_observe_ms(k->first, ev->usage.first_ms);
	metric_observe_ms(k->total, ev->usage.total_ms);
}

/* ---- the provider's calls: the http thread ---- */

static uint32_t guess(size_t bytes)
{
	return wire_count((int64_t)(bytes + 3) / 4);
}

static struct model_usage usage_of(struct model_call *c, bool began)
{
	const struct answer *a = &c->answer;
	struct model_usage u = { .provider = c->m->provider, .model = c->model };
	uint64_t now = clock_ms();
	u.total_ms = (uint32_t)(now - c->started_ms);
	u.first_ms = c->first_ms ? (uint32_t)(c->first_ms - c->started_ms) : 0;
	if (u.first_ms == 0 && c->first_ms)
		u.first_ms = 1;
	if (a->input_known || began) {
		size_t said = a->text_bytes;
		for (size_t i = 0; i < a->tools_len; i++)
			said += a->tools[i].args.len + strlen(a->tools[i].name);
		u.input_tokens = a->input_known ? a->input_tokens : guess(c->asked_bytes);
		u.output_tokens = a->output_known ? a->output_tokens : guess(said);
		u.cached_tokens = a->cached_tokens;
		u.estimated = !a->input_known || !a->output_known;
	}
	u.cost_micros = prices_cost(prices_find(&c->m->prices, c->model), u.input_tokens, u.cached_tokens, a->written_tokens,
	    u.output_tokens, c->m->dialect == DIALECT_ANTHROPIC ? 10 : 50);
	return u;
}

/* The last event.  ${began}: the provider had taken the request and answered with a stream. */
static void end_call(struct model_call *c, bool began, uint32_t retry_after_ms)
{
	struct composite *m = c->m;
	struct answer *a = &c->answer;
	c->ended = true;
	struct model_usage u = usage_of(c, began);
	a->retry_after_ms = retry_after_ms;
	answer_finish(a, &u);
	struct model_event ev = { .kind = a->failed ? MODEL_FAILED : MODEL_STOP, .fail = a->fail, .usage = u };
	measure(&m->provider_metrics, &ev);
	enum breaker_outcome o = !a->failed                  ? BREAKER_GOOD
	    : a->fail == FAIL_BROKEN || a->fail == FAIL_BUSY ? BREAKER_BAD
	    : a->fail == FAIL_CANCELLED || !c->probe         ? BREAKER_NEITHER
	                                                     : BREAKER_GOOD;
	uint64_t now = clock_ms();
	if (breaker_tell(&m->breaker, now, o, c->probe, retry_after_ms))
		log_warn("model.breaker", LF_STR("provider", m->provider), LF_STR("state", breaker_state(&m->breaker, now)),
		    LF_STR("why", a->failed ? a->why : "it works again"));
}

static bool on_sse(void *arg, const char *event, const char *data, size_t n)
{
	struct model_call *c = arg;
	(void)event;
	if (n == 0)
		return true;
	if (c->m->dialect == DIALECT_ANTHROPIC)
		anthropic_event(&c->answer, data, n);
	else
		openai_event(&c->answer, data, n);
	return !answer_over(&c->answer);
}

static void flush_now(void *arg)
{
	struct model_call *c = arg;
	c->flushing = false;
	if (!c->ended)
		answer_flush(&c->answer);
	unref(c);
}

/* A server writes each event as a chunk, and curl hands on chunk by chunk: the text of all that came in one read goes on together. */
static void flush_soon(struct model_call *c)
{
	if (c->answer.text.len == 0 || c->flushing)
		return;
	atomic_fetch_add(&c->refs, 1);
	c->flushing = http_post(c->m->http, flush_now, c);
	if (c->flushing)
		return;
	answer_flush(&c->answer);
	unref(c);
}

static bool on_data(void *arg, const char *p, size_t n)
{
	struct model_call *c = arg;
	struct answer *a = &c->answer;
	if (c->cancelled && !c->ended)
		return false;
	if (c->ended)
		return true; /* what follows the end only empties the connection */
	if (!sse_feed(&c->sse, p, n, on_sse, c) && !answer_over(a))
		answer_fail(a, FAIL_BROKEN, "an event of the stream is too large");
	if (c->first_ms == 0 && (a->text_bytes > 0 || a->tools_len > 0))
		c->first_ms = clock_ms();
	if (!answer_over(a)) {
		flush_soon(c);
		return true;
	}
	end_call(c, true, 0);
	return !a->failed && a->text_bytes < ANSWER_TEXT_MAX;
}

static void on_done(void *arg, const struct http_result *r)
{
	struct model_call *c = arg;
	struct answer *a = &c->answer;
	c->handle = NULL;
	bool began = r->status == 200;
	if (!c->ended) {
		bool all_said = c->m->dialect == DIALECT_OPENAI && a->stop_known; /* only [DONE] is missing, which says nothing */
		if (r->status != 0 && r->status != 200 && r->fail != HTTP_CANCELLED)
			wire_refusal(a, r->status, r->body, r->body_len);
		else if (r->fail == HTTP_CANCELLED)
			answer_fail(a, FAIL_CANCELLED, "cancelled");
		else if (r->fail == HTTP_CONNECT)
			answer_fail(a, FAIL_BROKEN, "cannot reach it: %s", r->why);
		else if (r->fail == HTTP_TIMEOUT)
			answer_fail(a, FAIL_BROKEN, "time-out: %s", r->why);
		else if (!all_said)
			answer_fail(a, FAIL_BROKEN, "the stream was cut%s%s", r->why[0] ? ": " : "", r->why);
		end_call(c, began, r->retry_after_ms);
	}
	unref(c);
}

static void cancel_now(void *arg)
{
	struct model_call *c = arg;
	if (!c->ended && c->handle)
		http_cancel(c->m->http, c->handle);
	unref(c);
}

/* ---- the builtin provider's calls ---- */

static void on_builtin(void *arg, const struct model_event *ev)
{
	struct model_call *c = arg;
	bool last = ev->kind == MODEL_STOP || ev->kind == MODEL_FAILED;
	if (last)
		measure(&c->m->builtin_metrics, ev);
	c->fn(c->arg, ev);
	if (last)
		unref(c);
}

static struct model_call *start_builtin(struct composite *m, struct model_call *c, const struct model_request *r)
{
	c->is_builtin = true;
	c->refs = 2; /* one for the last event, one for us: it may come before start() returns */
	c->inner = m->builtin->ops->start(m->builtin, r, on_builtin, c);
	if (!c->inner) {
		free(c);
		return NULL;
	}
	unref(c);
	return c;
}

/* ---- the port ---- */

static bool wants_builtin(const struct composite *m, const char *model)
{
	return m->dialect == DIALECT_NONE || (model && strcmp(model, "builtin") == 0);
}

static struct model_call *start(struct model *port, const struct model_request *r, model_event_fn fn, void *arg)
{
	struct composite *m = (struct composite *)port;
	struct model_call *c = xcalloc(1, sizeof *c);
	c->m = m;
	c->fn = fn;
	c->arg = arg;
	c->run = r->run;
	c->started_ms = clock_ms();
	if (wants_builtin(m, r->model) || !breaker_allow(&m->breaker, c->started_ms, &c->probe))
		return start_builtin(m, c, r);
	c->refs = 1;
	c->answer.fn = fn;
	c->answer.arg = arg;
	c->model = r->model ? intern(m, r->model) : m->model;
	struct model_request q = *r;
	if (q.max_tokens == 0)
		q.max_tokens = m->max_tokens;
	struct buf body = BUF_INIT;
	if (m->dialect == DIALECT_ANTHROPIC)
		anthropic_body(&body, &q, c->model);
	else
		openai_body(&body, &q, c->model, m->own);
	c->asked_bytes = body.len;
	struct http_request h = { .method = "POST",
		.url = m->url,
		.headers = m->headers,
		.connect_ms = CONNECT_MS,
		.idle_ms = m->idle_ms,
		.total_ms = m->total_ms,
		.on_data = on_data,
		.on_done = on_done,
		.arg = c,
		.handle = &c->handle };
	h.body = buf_detach(&body, &h.body_len);
	bool probe = c->probe;
	if (http_start(m->http, &h) == ERR_NONE)
		return c;
	if (probe)
		breaker_tell(&m->breaker, clock_ms(), BREAKER_NEITHER, true, 0);
	free(c);
	return NULL;
}

static void cancel(struct model *port, struct model_call *c)
{
	struct composite *m = (struct composite *)port;
	if (c->is_builtin) {
		m->builtin->ops->cancel(m->builtin, c->inner);
		return;
	}
	atomic_fetch_add(&c->refs, 1); /* first: the flag alone can already end the call */
	if (atomic_exchange(&c->cancelled, true) || !http_post(m->http, cancel_now, c))
		unref(c); /* asked for before, or the thread stops and ends all calls itself */
}

static int64_t worst_cost(struct model *port, const char *model, uint32_t input_tokens, uint32_t max_tokens)
{
	struct composite *m = (struct composite *)port;
	if (m->embedder && model && strcmp(model, embedder_model(m->embedder)) == 0)
		return prices_cost(prices_find(&m->prices, model), input_tokens, 0, 0, 0, 100);
	if (wants_builtin(m, model))
		return 0;
	return prices_cost(prices_find(&m->prices, model ? model : m->model), input_tokens, 0, 0, max_tokens, 100);
}

static uint32_t window(struct model *port, const char *model)
{
	struct composite *m = (struct composite *)port;
	if (wants_builtin(m, model))
		return BUILTIN_WINDOW;
	return window_of(&m->window, model ? model : m->model, clock_ms());
}

static bool available(struct model *port)
{
	struct composite *m = (struct composite *)port;
	return m->dialect == DIALECT_NONE || strcmp(breaker_state(&m->breaker, clock_ms()), "open") != 0;
}

static void describe(struct model *port, char *out, size_t n)
{
	struct composite *m = (struct composite *)port;
	if (m->dialect != DIALECT_NONE)
		snprintf(out, n, "%s %s (breaker %s)", m->provider, m->model, breaker_state(&m->breaker, clock_ms()));
	else if (m->no_key)
		snprintf(out, n, "builtin, because %s has no key (set model.api_key)", m->no_key);
	else
		snprintf(out, n, "builtin (no model is configured)");
}

static enum err embed(
    struct model *port, const char *const *texts, size_t n, uint32_t ms, float **vectors, size_t *dims, struct model_usage *usage)
{
	return embedder_run(((struct composite *)port)->embedder, texts, n, ms, vectors, dims, usage);
}

static const struct model_ops ops = {
	.name = "model",
	.start = start,
	.cancel = cancel,
	.worst_cost = worst_cost,
	.window = window,
	.available = available,
	.describe = describe,
};
static const struct model_ops ops_with_recall = {
	.name = "model",
	.start = start,
	.cancel = cancel,
	.worst_cost = worst_cost,
	.window = window,
	.available = available,
	.describe = describe,
	.embed = embed,
};

static void make_metrics(struct counters *k, struct metrics *ms, const char *provider)
{
	char label[80];
	for (int i = 0; i < RESULTS; i++) {
		snprintf(label, sizeof label, "provider=\"%s\",result=\"%s\"", provider, result_names[i]);
		k->calls[i] = metric_counter(ms, "eddy_model_calls_total", label, "Calls of a model by how they ended.");
	}
	snprintf(label, sizeof label, "provider=\"%s\",direction=\"input\"", provider);
	k->input = metric_counter(ms, "eddy_model_tokens_total", label, "Tokens that models read and wrote.");
	snprintf(label, sizeof label, "provider=\"%s\",direction=\"output\"", provider);
	k->output = metric_counter(ms, "eddy_model_tokens_total", label, "Tokens that models read and wrote.");
	snprintf(label, sizeof label, "provider=\"%s\"", provider);
	k->cost = metric_counter(ms, "eddy_model_cost_micros_total", label, "What models cost, in millionths of a US dollar.");
	k->first = metric_duration(ms, "eddy_model_first_seconds", label, "Time until a model's first words.");
	k->total = metric_duration(ms, "eddy_model_seconds", label, "Time of whole calls of a model.");
}

static bool clean(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return false;
	return true;
}

static void set_headers(struct composite *m, const char *key)
{
	struct buf b = BUF_INIT;
	int n = 0;
	m->headers[n++] = "Content-Type: application/json";
	if (m->dialect == DIALECT_ANTHROPIC)
		m->headers[n++] = "anthropic-version: " ANTHROPIC_VERSION;
	if (key) {
		buf_addf(&b, m->dialect == DIALECT_ANTHROPIC ? "x-api-key: %s" : "Authorization: Bearer %s", key);
		m->auth = buf_detach(&b, NULL);
		m->headers[n++] = m->auth;
	}
}

struct model *model_open(const struct settings *s, struct http *h, struct metrics *ms, char *why, size_t why_n)
{
	const char *provider = settings_model_provider(s), *key = settings_model_api_key(s),
	           *base = settings_str(s, "model.base_url");
	const char *name = settings_str(s, "model.name"), *const * items;
	bool anthropic = strcmp(provider, "anthropic") == 0, openai = strcmp(provider, "openai") == 0;
	if (key && !clean(key)) {
		snprintf(why, why_n, "model.api_key: the key has blanks or control characters in it");
		return NULL;
	}
	if (base && (!clean(base) || (strncmp(base, "http://", 7) != 0 && strncmp(base, "https://", 8) != 0))) {
		snprintf(why, why_n, "model.base_url: must begin with http:// or https:// and hold no blanks");
		return NULL;
	}
	if (!embedder_check(s, why, why_n))
		return NULL;
	struct composite *m = xcalloc(1, sizeof *m);
	m->port.ops = &ops;
	m->http = h;
	m->builtin = builtin_open(h);
	m->provider = "builtin";
	breaker_init(&m->breaker);
	pthread_mutex_init(&m->mtx, NULL);
	m->idle_ms = (uint32_t)settings_int(s, "model.idle_timeout");
	m->total_ms = (uint32_t)settings_int(s, "model.timeout");
	m->max_tokens = (uint32_t)settings_int(s, "model.max_tokens");
	size_t n = settings_list(s, "model.prices", &items);
	prices_init(&m->prices, items, n);
	make_metrics(&m->builtin_metrics, ms, "builtin");
	m->embedder = embedder_open(s, h, ms, &m->prices);
	if (m->embedder)
		m->port.ops = &ops_with_recall;
	if ((anthropic || openai) && !key && !base) {
		m->no_key = anthropic ? "anthropic" : "openai";
		log_warn("model.open", LF_STR("provider", m->no_key),
		    LF_STR("why", "no key: set model.api_key; the builtin provider answers"));
	} else if (anthropic || openai) {
		m->dialect = anthropic ? DIALECT_ANTHROPIC : DIALECT_OPENAI;
		m->provider = anthropic ? "anthropic" : "openai";
		base = base ? base : anthropic ? "https://api.anthropic.com" : "https://api.openai.com";
		name = name ? name : anthropic ? "claude-sonnet-4-5" : "gpt-4o-mini";
		m->own = openai && openai_is_own(base);
		struct buf url = BUF_INIT;
		if (anthropic)
			anthropic_url(&url, base);
		else
			openai_url(&url, base);
		m->url = buf_detach(&url, NULL);
		set_headers(m, key);
		make_metrics(&m->provider_metrics, ms, m->provider);
	}
	m->model = xstrdup(name ? name : "builtin");
	window_init(&m->window, m->dialect == DIALECT_OPENAI && !m->own ? h : NULL, base ? base : "", m->model, key,
	    (uint32_t)settings_int(s, "model.context_tokens"));
	if (m->dialect != DIALECT_NONE && !settings_str(s, "model.base_url") && !prices_find(&m->prices, m->model))
		log_warn("model.open", LF_STR("model", m->model),
		    LF_STR("why", "it is in no row of model.prices: the daily cap cannot count it"));
	if (m->dialect != DIALECT_NONE)
		window_of(&m->window, m->model, clock_ms()); /* so that a local server has answered before the first question */
	return &m->port;
}

void model_close(struct model *port)
{
	if (!port)
		return;
	struct composite *m = (struct composite *)port;
	builtin_close(m->builtin);
	embedder_close(m->embedder);
	prices_done(&m->prices);
	window_done(&m->window);
	while (m->names) {
		struct name *n = m->names;
		m->names = n->next;
		free(n);
	}
	pthread_mutex_destroy(&m->mtx);
	pthread_mutex_destroy(&m->breaker.mtx);
	free(m->url);
	free(m->model);
	free(m->auth);
	free(m);
}
