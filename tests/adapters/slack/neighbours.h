#ifndef EDDY_TEST_NEIGHBOURS_H
#define EDDY_TEST_NEIGHBOURS_H

/*
 * What stands around one part of the adapter, defined in the test program itself instead of being linked: the clock, the loop, the Web
 * API and the http thread only write down what they are asked, and a test lets things happen one by one.  For one source per program.
 */
#include <assert.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/net/http.h"
#include "../../../adapters/net/loop.h"
#include "../../../adapters/slack/api.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/mem.h"

#define NEAR_MAX 700

/* ---- time: moves when the test says so ---- */
static uint64_t near_ms = 1000000;
uint64_t clock_ms(void)
{
	return near_ms;
}
uint64_t clock_us(void)
{
	return near_ms * 1000;
}
uint64_t clock_wall_ms(void)
{
	return 1760000000000 + near_ms;
}

/* ---- queues of functions: the loop's turn and the workers' ---- */
struct near_queue {
	struct {
		void (*fn)(void *arg);
		void *arg;
	} list[NEAR_MAX];
	size_t len;
	bool full;
};
static struct near_queue near_loop, near_workers;

static inline bool near_put(struct near_queue *q, void (*fn)(void *arg), void *arg)
{
	if (q->full)
		return false;
	assert(q->len < NEAR_MAX);
	q->list[q->len].fn = fn;
	q->list[q->len++].arg = arg;
	return true;
}
static inline bool near_take(struct near_queue *q)
{
	if (q->len == 0)
		return false;
	void (*fn)(void *) = q->list[0].fn;
	void *arg = q->list[0].arg;
	memmove(q->list, q->list + 1, --q->len * sizeof(q->list[0]));
	fn(arg);
	return true;
}
/* All that is queued, and what comes of it. */
static inline void near_run(void)
{
	while (near_take(&near_loop) || near_take(&near_workers))
		;
}
bool loop_post(struct loop *l, void (*fn)(void *arg), void *arg)
{
	(void)l;
	return near_put(&near_loop, fn, arg);
}

/* ---- one-shot timers ---- */
struct loop_timer {
	void (*fn)(void *arg);
	void *arg;
	uint64_t at;
	struct loop_timer *next;
};
static struct loop_timer *near_timers;
struct loop_timer *loop_timer_new(struct loop *l, uint64_t after_ms, uint64_t every_ms, void (*fn)(void *arg), void *arg)
{
	(void)l;
	assert(every_ms == 0);
	struct loop_timer *t = xmalloc(sizeof(*t));
	*t = (struct loop_timer){ fn, arg, near_ms + after_ms, near_timers };
	near_timers = t;
	return t;
}
void loop_timer_stop(struct loop_timer *t)
{
	for (struct loop_timer **p = &near_timers; t && *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			free(t);
			return;
		}
}
/* Lets time pass; timers that are due fire, once each. */
static inline void near_pass(uint64_t ms)
{
	near_ms += ms;
	for (struct loop_timer *t = near_timers; t; t = t->next)
		if (t->at <= near_ms) {
			t->at = UINT64_MAX; /* its function stops it */
			t->fn(t->arg);
			near_run();
			return;
		}
	near_run();
}

/* ---- calls to Slack: kept until the test answers them ---- */
struct near_call {
	char *what; /* "users.info user=U1&" of the Web API; the URL of a plain request */
	char *head; /* a plain request's headers, a line each */
	void (*on_slack)(void *arg, const struct slack_result *r);
	void (*on_http)(void *arg, const struct http_result *r);
	void *arg;
};
static struct near_call near_calls[NEAR_MAX];
static size_t near_calls_len;
static bool near_refuses; /* the API client or the http thread takes nothing */

enum err slack_api_call(struct slack_api *a, const struct slack_call *c)
{
	(void)a;
	struct buf args = c->args;
	if (!near_refuses) {
		assert(near_calls_len < NEAR_MAX);
		struct near_call *n = &near_calls[near_calls_len++];
		*n = (struct near_call){ .on_slack = c->on_done, .arg = c->arg };
		if (asprintf(&n->what, "%s %s", c->method, args.len ? args.p : "") < 0)
			abort();
	}
	buf_done(&args);
	return near_refuses ? ERR_RETRY : ERR_NONE;
}
enum slack_error slack_error_kind(const char *error)
{
	return strcmp(error, "channel_not_found") == 0 || strcmp(error, "not_in_channel") == 0 ? SLACK_ERROR_PLACE
	                                                                                       : SLACK_ERROR_OTHER;
}
void slack_form(struct buf *b, const char *name, const char *value)
{
	if (value)
		buf_addf(b, "%s=%s&", name, value);
}
enum err http_start(struct http *h, const struct http_request *r)
{
	(void)h;
	free(r->body);
	if (near_refuses)
		return ERR_RETRY;
	assert(near_calls_len < NEAR_MAX);
	struct near_call *n = &near_calls[near_calls_len++];
	struct buf head = BUF_INIT;
	for (const char *const *p = r->headers; p && *p; p++)
		buf_addf(&head, "%s\n", *p);
	*n = (struct near_call){ .what = xstrdup(r->url), .head = buf_detach(&head, NULL), .on_http = r->on_done, .arg = r->arg };
	return ERR_NONE;
}
static inline struct near_call near_next(void)
{
	assert(near_calls_len > 0);
	struct near_call n = near_calls[0];
	memmove(near_calls, near_calls + 1, --near_calls_len * sizeof(*near_calls));
	return n;
}
static inline void near_call_done(struct near_call *n)
{
	free(n->what);
	free(n->head);
	near_run();
}
/* Answers the oldest call: with a body, or with an error. */
static inline void near_answer(const char *json)
{
	struct near_call n = near_next();
	json_t *body = json_loads(json, 0, NULL);
	assert(body);
	n.on_slack(
	    n.arg, &(struct slack_result){ .outcome = SLACK_OK, .error = "", .detail = "", .warning = "", .ts = "", .body = body });
	json_decref(body);
	near_call_done(&n);
}
static inline void near_fail(enum slack_outcome outcome, const char *error)
{
	struct near_call n = near_next();
	n.on_slack(n.arg, &(struct slack_result){ .outcome = outcome, .error = error, .detail = "", .warning = "", .ts = "" });
	near_call_done(&n);
}
static inline void near_http(struct http_result r)
{
	struct near_call n = near_next();
	if (!r.body)
		r.body = "";
	r.body_len = strlen(r.body);
	r.header = r.header ? r.header : "";
	n.on_http(n.arg, &r);
	near_call_done(&n);
}
static inline const char *near_waits(void)
{
	return near_calls_len ? near_calls[0].what : "";
}
/* Ends what is open, for the next test. */
static inline void near_end(void)
{
	while (near_calls_len) {
		struct near_call n = near_next();
		free(n.what);
		free(n.head);
	}
	while (near_timers)
		loop_timer_stop(near_timers);
	assert(near_loop.len == 0 && near_workers.len == 0);
	near_loop.full = near_workers.full = near_refuses = false;
}

#endif
