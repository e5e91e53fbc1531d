/*
 * A call is one allocation that travels: from the caller's thread into the inbox, on the http thread into its lane of the limiter, from
 * there to curl and back, and again into its lane when Slack said "not now".  Only the inbox and the counter are shared.
 *
 * What a failure means decides what happens: nothing sent yet - try again; a definite answer - tell the caller; cut in between - only
 * the caller knows how to find out, unless repeating is harmless.
 */
#include "api.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../net/http.h"
#include "answer.h"
#include "limits.h"

#define PARALLEL 100u
#define ATTEMPTS 4u
#define TIMEOUT_MS 15000u
#define ANSWER_MAX (4u << 20)
#define INBOX_MAX 20000u
static const uint32_t backoff_ms[ATTEMPTS] = { 200, 600, 1800, 5000 };

struct call {
	struct limits_item item; /* first: the limiter gives it back */
	struct slack_api *api;
	struct call *next; /* inbox */
	const char *method;
	struct buf args;
	char *url, *token; /* NULL: the usual ones */
	bool form, want_body, again, no_wait, closed;
	enum slack_priority priority;
	uint32_t timeout_ms;
	unsigned attempts;
	uint64_t began_ms;
	void (*on_done)(void *arg, const struct slack_result *r);
	void (*on_limited)(void *arg, uint32_t wait_ms);
	void *arg;
	char channel[];
};

struct slack_api {
	struct http *http;
	char *base_url;
	uint32_t parallel;
	struct metric *ended[4], *limited;
	atomic_size_t waiting;
	atomic_bool stopping;
	pthread_mutex_t lock; /* inbox, posted, auth, closed */
	char *auth;           /* the whole header */
	bool closed;          /* the token is gone */
	struct call *inbox, **inbox_end;
	bool posted;
	/* http thread only */
	struct limits *limits;
	struct call *refused; /* no_wait calls that met a limit; they end in the next turn, not inside the caller */
	bool refused_posted;
	struct http_timer *timer;
	uint64_t timer_at_ms;
	uint32_t running;
	bool pumping;
};

struct slack_api *slack_api_new(const struct slack_api_options *o)
{
	struct slack_api *a = xcalloc(1, sizeof *a);
	a->http = o->http;
	a->base_url = xstrdup(o->base_url);
	struct buf b = BUF_INIT;
	buf_addf(&b, "Authorization: Bearer %s", o->token ? o->token : "");
	a->auth = buf_detach(&b, NULL);
	a->parallel = o->parallel ? o->parallel : PARALLEL;
	a->limits = limits_new(o->adaptive);
	a->inbox_end = &a->inbox;
	pthread_mutex_init(&a->lock, NULL);
	static const char *const results[] = { "ok", "refused", "not_sent", "unknown" };
	for (int i = 0; o->metrics && i < 4; i++) {
		char label[40];
		snprintf(label, sizeof label, "result=\"%s\"", results[i]);
		a->ended[i] = metric_counter(o->metrics, "eddy_slack_calls_total", label, "Slack Web API calls by how they ended");
	}
	if (o->metrics)
		a->limited =
		    metric_counter(o->metrics, "eddy_slack_limited_total", NULL, "Slack Web API answers that told us to wait");
	return a;
}

void slack_form(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	if (b->len > 0)
		buf_add_char(b, '&');
	buf_add_str(b, name);
	buf_add_char(b, '=');
	buf_add_form(b, value, strlen(value));
}

size_t slack_api_waiting(const struct slack_api *a)
{
	return atomic_load(&a->waiting);
}

static void call_free(struct call *c)
{
	buf_done(&c->args);
	free(c->url);
	free(c->token);
	free(c);
}

static void call_end(struct call *c, struct slack_result *r)
{
	struct slack_api *a = c->api;
	r->ms = (uint32_t)(clock_ms() - c->began_ms);
	if (a->ended[r->outcome])
		metric_add(a->ended[r->outcome], 1);
	if (r->outcome != SLACK_OK && !(c->no_wait && r->outcome == SLACK_NOT_SENT))
		log_warn("slack.call", LF_STR("method", c->method), LF_STR("channel", c->channel), LF_STR("error", r->error),
		    LF_STR("detail", r->detail), LF_INT("status", r->status), LF_INT("ms", r->ms), LF_INT("attempts", c->attempts));
	if (c->on_done)
		c->on_done(c->arg, r);
	atomic_fetch_sub(&a->waiting, 1);
	call_free(c);
}

static void call_end_unsent(struct call *c, const char *error, uint32_t retry_after_ms)
{
	struct slack_result r = {
		.outcome = SLACK_NOT_SENT, .error = error, .detail = "", .warning = "", .ts = "", .retry_after_ms = retry_after_ms
	};
	call_end(c, &r);
}

static void api_pump(struct slack_api *a);

static void on_timer(void *arg)
{
	struct slack_api *a = arg;
	http_timer_stop(a->timer);
	a->timer = NULL;
	api_pump(a);
}

static void api_arm(struct slack_api *a, uint64_t now)
{
	uint64_t due = limits_due(a->limits, now);
	if (due == LIMITS_NEVER || atomic_load(&a->stopping) || a->running >= a->parallel)
		return; /* an ending call pumps again */
	if (a->timer && a->timer_at_ms <= due)
		return;
	if (a->timer)
		http_timer_stop(a->timer);
	a->timer_at_ms = due;
	a->timer = http_timer_new(a->http, due > now ? due - now : 1, 0, on_timer, a);
}

/* ---- an answer ---- */
static bool is_answer(const struct call *c, const struct http_result *h, struct slack_answer *ans)
{
	if (slack_answer_read(h->body ? h->body : "", h->body_len, ans))
		return true;
	/* A response_url answers with the two letters. */
	if (c->url && h->status == 200 && h->body_len >= 2 && h->body_len < 16 && strncmp(h->body, "ok", 2) == 0) {
		*ans = (struct slack_answer){ .ok = true };
		return true;
	}
	return false;
}

/* Why a call was refused, from the parts of an answer that only a failure has. */
static void detail_of(const json_t *body, char *out, size_t n)
{
	const json_t *meta = json_obj(body, "response_metadata");
	const json_t *messages = meta ? json_arr(meta, "messages") : NULL;
	const char *first = messages ? json_string_value(json_array_get(messages, 0)) : NULL;
	snprintf(out, n, "%s", first ? first : json_str(body, "needed", ""));
}

static void on_answer(void *arg, const struct http_result *h)
{
	struct call *c = arg;
	struct slack_api *a = c->api;
	uint64_t now = clock_ms();
	struct slack_answer ans = { 0 };
	char detail[200] = "", code[32];
	json_t *body = NULL;
	struct slack_result r = {
		.outcome = SLACK_UNKNOWN, .error = "", .detail = detail, .warning = "", .ts = "", .status = h->status
	};
	bool limited = false;

	a->running--;
	if (h->fail == HTTP_CONNECT || (h->fail == HTTP_CANCELLED && h->status == 0 && atomic_load(&a->stopping))) {
		r.outcome = h->fail == HTTP_CONNECT ? SLACK_NOT_SENT : SLACK_UNKNOWN;
		r.error = h->fail == HTTP_CONNECT ? "connect" : "stopping";
	} else if (h->fail != HTTP_OK) {
		r.error = h->fail == HTTP_TIMEOUT ? "timeout" : h->fail == HTTP_TOO_LARGE ? "answer_too_large" : "cut";
	} else if (h->status == 429) {
		limited = true;
	} else if (h->status >= 500) {
		snprintf(code, sizeof code, "http_%ld", h->status);
		r.error = code;
	} else if (!is_answer(c, h, &ans)) {
		snprintf(code, sizeof code, h->status == 200 ? "not_json" : "http_%ld", h->status);
		r.error = code;
		/* Slack says no with 200; another status without its JSON comes from something in between.  A response_url is another matter. */
		if (h->status != 200)
			r.outcome = c->url ? SLACK_REFUSED : SLACK_NOT_SENT;
	} else {
		r.warning = ans.warning;
		r.ts = ans.ts;
		if (c->want_body || !ans.ok) {
			char why[160];
			if (json_parse(h->body, h->body_len, ANSWER_MAX, &body, why) != ERR_NONE)
				body = NULL;
		}
		if (ans.ok && c->want_body && !body) {
			r.error = "not_json";
		} else if (ans.ok) {
			r.outcome = SLACK_OK;
			r.body = c->want_body ? body : NULL;
		} else {
			enum slack_error kind = slack_error_kind(ans.error);
			limited = kind == SLACK_ERROR_LIMITED;
			r.error = ans.error[0] ? slack_word(ans.error) : "no_error_code";
			r.outcome = kind == SLACK_ERROR_INTERNAL ? SLACK_UNKNOWN : SLACK_REFUSED;
			r.body = c->want_body ? body : NULL;
			if (body)
				detail_of(body, detail, sizeof detail);
		}
	}

	if (limited) {
		if (a->limited)
			metric_add(a->limited, 1);
		uint32_t wait = h->retry_after_ms ? h->retry_after_ms : 1000u << (c->attempts < 6 ? c->attempts - 1 : 5);
		if (!c->no_wait && !atomic_load(&a->stopping)) {
			limits_again(a->limits, &c->item, LIMITS_HIT, wait, now);
			if (c->on_limited)
				c->on_limited(c->arg, wait);
		} else {
			limits_done(a->limits, &c->item, LIMITS_HIT, wait, now);
			call_end_unsent(c, "limited", wait);
		}
	} else if ((r.outcome == SLACK_NOT_SENT || (r.outcome == SLACK_UNKNOWN && c->again)) && c->attempts < ATTEMPTS &&
	    !c->no_wait && !atomic_load(&a->stopping)) {
		limits_again(a->limits, &c->item, LIMITS_OTHER, backoff_ms[c->attempts - 1], now);
	} else {
		limits_done(a->limits, &c->item, r.outcome == SLACK_OK ? LIMITS_GOOD : LIMITS_OTHER, 0, now);
		call_end(c, &r);
	}
	json_decref(body);
	api_pump(a);
}

static void end_refused(void *arg)
{
	struct slack_api *a = arg;
	struct call *list = a->refused;
	a->refused = NULL;
	a->refused_posted = false;
	while (list) {
		struct call *c = list;
		list = c->next;
		if (c->closed) {
			call_end(c,
			    &(struct slack_result){
			        .outcome = SLACK_REFUSED, .error = "uninstalled", .detail = "", .warning = "", .ts = "" });
			continue;
		}
		call_end_unsent(c, atomic_load(&a->stopping) ? "stopping" : c->no_wait ? "limited" : "queue_full", 0);
	}
}

/* Ends without having run: in the next turn, never inside slack_api_call().  On a stopping thread slack_api_free() does it. */
static void call_refuse(struct call *c)
{
	struct slack_api *a = c->api;
	c->next = a->refused;
	a->refused = c;
	if (!a->refused_posted)
		a->refused_posted = http_post(a->http, end_refused, a);
}

/* The header, for one request; false: the token is gone. */
static bool api_auth(struct slack_api *a, char **out)
{
	pthread_mutex_lock(&a->lock);
	bool open = !a->closed;
	*out = open ? xstrdup(a->auth) : NULL;
	pthread_mutex_unlock(&a->lock);
	return open;
}

static void auth_free(char *auth)
{
	if (auth)
		explicit_bzero(auth, strlen(auth));
	free(auth);
}

void slack_api_token(struct slack_api *a, const char *token)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "Authorization: Bearer %s", token ? token : "");
	pthread_mutex_lock(&a->lock);
	char *was = a->auth;
	a->auth = buf_detach(&b, NULL);
	a->closed = !token;
	pthread_mutex_unlock(&a->lock);
	auth_free(was);
}

static void call_start(struct call *c)
{
	struct slack_api *a = c->api;
	char *auth;
	if (!api_auth(a, &auth)) {
		limits_done(a->limits, &c->item, LIMITS_OTHER, 0, clock_ms());
		c->closed = true;
		call_refuse(c);
		return;
	}
	char url[256], *long_url = NULL;
	const char *target = c->url;
	if (!target) {
		int n = snprintf(url, sizeof url, "%s%s", a->base_url, c->method);
		target = url;
		if (n < 0 || (size_t)n >= sizeof url) {
			struct buf b = BUF_INIT;
			buf_addf(&b, "%s%s", a->base_url, c->method);
			target = long_url = buf_detach(&b, NULL);
		}
	}
	if (c->token) {
		struct buf b = BUF_INIT;
		buf_addf(&b, "Authorization: Bearer %s", c->token);
		auth_free(auth);
		auth = buf_detach(&b, NULL);
	}
	const char *headers[3] = { c->form ? "Content-Type: application/x-www-form-urlencoded"
		                           : "Content-Type: application/json; charset=utf-8",
		c->url ? NULL : auth, NULL };
	/* The arguments stay ours until the call has ended: a 429 or a broken connection needs them again. */
	char *body = xmalloc(c->args.len + 1);
	memcpy(body, c->args.len ? c->args.p : "", c->args.len);
	body[c->args.len] = '\0';
	struct http_request rq = { .method = "POST",
		.url = target,
		.headers = headers,
		.body = body,
		.body_len = c->args.len,
		.total_ms = c->timeout_ms,
		.max_body = ANSWER_MAX,
		.on_done = on_answer,
		.arg = c };
	c->attempts++;
	a->running++;
	if (http_start(a->http, &rq) != ERR_NONE) {
		a->running--;
		uint64_t now = clock_ms();
		if (c->attempts < ATTEMPTS && !atomic_load(&a->stopping)) {
			limits_again(a->limits, &c->item, LIMITS_OTHER, backoff_ms[c->attempts - 1], now);
		} else {
			limits_done(a->limits, &c->item, LIMITS_OTHER, 0, now);
			call_refuse(c);
		}
	}
	auth_free(auth);
	free(long_url);
}

static void api_drop(struct slack_api *a)
{
	struct limits_item *list = limits_drop(a->limits);
	while (list) {
		struct call *c = (struct call *)(void *)list;
		list = list->next;
		call_end_unsent(c, "stopping", 0);
	}
}

static void api_pump(struct slack_api *a)
{
	/* Not reentrant: what on_done() starts is taken by the turn that is going on. */
	if (a->pumping)
		return;
	a->pumping = true;
	uint64_t now = clock_ms();
	if (atomic_load(&a->stopping))
		api_drop(a);
	struct limits_item *it;
	while (a->running < a->parallel && (it = limits_take(a->limits, now)))
		call_start((struct call *)(void *)it);
	a->pumping = false;
	api_arm(a, now);
}

static void api_admit(struct slack_api *a, struct call *c)
{
	uint64_t now = clock_ms();
	if (!(c->no_wait && (a->running >= a->parallel || !limits_free_now(a->limits, c->method, c->channel, now))) &&
	    limits_put(a->limits, &c->item, c->method, c->channel, c->priority, now))
		return;
	call_refuse(c);
}

static void api_inbox(void *arg)
{
	struct slack_api *a = arg;
	pthread_mutex_lock(&a->lock);
	struct call *list = a->inbox;
	a->inbox = NULL;
	a->inbox_end = &a->inbox;
	a->posted = false;
	pthread_mutex_unlock(&a->lock);
	while (list) {
		struct call *c = list;
		list = c->next;
		api_admit(a, c);
	}
	api_pump(a);
}

enum err slack_api_call(struct slack_api *a, const struct slack_call *q)
{
	struct buf args = q->args;
	if (atomic_load(&a->stopping) || atomic_load(&a->waiting) >= INBOX_MAX) {
		buf_done(&args);
		return ERR_RETRY;
	}
	size_t n = q->channel ? strlen(q->channel) : 0;
	struct call *c = xmalloc(sizeof *c + n + 1);
	*c = (struct call){ .api = a,
		.method = q->method,
		.args = args,
		.form = q->form,
		.want_body = q->want_body,
		.again = q->again,
		.no_wait = q->no_wait,
		.priority = q->priority,
		.timeout_ms = q->timeout_ms ? q->timeout_ms : TIMEOUT_MS,
		.url = xstrdup(q->url),
		.token = xstrdup(q->token),
		.began_ms = clock_ms(),
		.on_done = q->on_done,
		.on_limited = q->on_limited,
		.arg = q->arg };
	memcpy(c->channel, n ? q->channel : "", n + 1);
	atomic_fetch_add(&a->waiting, 1);
	if (http_is_current(a->http)) {
		api_admit(a, c);
		api_pump(a);
		return ERR_NONE;
	}
	pthread_mutex_lock(&a->lock);
	*a->inbox_end = c;
	a->inbox_end = &c->next;
	bool wake = !a->posted;
	if (wake)
		a->posted = true;
	pthread_mutex_unlock(&a->lock);
	/* When the thread has ended already, slack_api_free() ends what lies here. */
	if (wake)
		(void)http_post(a->http, api_inbox, a);
	return ERR_NONE;
}

static void api_stop(void *arg)
{
	struct slack_api *a = arg;
	api_inbox(a);
	if (a->timer)
		http_timer_stop(a->timer);
	a->timer = NULL;
}

void slack_api_stop(struct slack_api *a)
{
	if (!a || atomic_exchange(&a->stopping, true))
		return;
	(void)http_post(a->http, api_stop, a);
}

static void forget(struct slack_api *a, struct call *list)
{
	while (list) {
		struct call *c = list;
		list = c->next;
		call_free(c);
		atomic_fetch_sub(&a->waiting, 1);
	}
}

void slack_api_free(struct slack_api *a)
{
	if (!a)
		return;
	/* The thread that would run on_done() is gone, and perhaps what it would touch. */
	for (struct limits_item *it = limits_drop(a->limits); it;) {
		struct call *c = (struct call *)(void *)it;
		it = it->next;
		c->next = NULL;
		forget(a, c);
	}
	forget(a, a->refused);
	forget(a, a->inbox);
	limits_free(a->limits);
	pthread_mutex_destroy(&a->lock);
	auth_free(a->auth);
	free(a->base_url);
	free(a);
}

enum slack_error slack_error_kind(const char *error)
{
	static const struct {
		const char *code;
		enum slack_error kind;
	} codes[] = {
		{ "ratelimited", SLACK_ERROR_LIMITED },
		{ "rate_limited", SLACK_ERROR_LIMITED },
		{ "message_limit_exceeded", SLACK_ERROR_LIMITED },
		{ "fatal_error", SLACK_ERROR_INTERNAL },
		{ "internal_error", SLACK_ERROR_INTERNAL },
		{ "service_unavailable", SLACK_ERROR_INTERNAL },
		{ "request_timeout", SLACK_ERROR_INTERNAL },
		{ "team_added_to_org", SLACK_ERROR_INTERNAL },
		{ "uninstalled", SLACK_ERROR_PLACE }, /* ours */
		{ "not_authed", SLACK_ERROR_TOKEN },
		{ "invalid_auth", SLACK_ERROR_TOKEN },
		{ "token_revoked", SLACK_ERROR_TOKEN },
		{ "token_expired", SLACK_ERROR_TOKEN },
		{ "account_inactive", SLACK_ERROR_TOKEN },
		{ "user_removed_from_team", SLACK_ERROR_TOKEN },
		{ "team_disabled", SLACK_ERROR_TOKEN },
		{ "missing_scope", SLACK_ERROR_SCOPE },
		{ "not_allowed_token_type", SLACK_ERROR_SCOPE },
		{ "no_permission", SLACK_ERROR_SCOPE },
		{ "ekm_access_denied", SLACK_ERROR_SCOPE },
		{ "not_in_channel", SLACK_ERROR_PLACE },
		{ "channel_not_found", SLACK_ERROR_PLACE },
		{ "is_archived", SLACK_ERROR_PLACE },
		{ "restricted_action", SLACK_ERROR_PLACE },
		{ "restricted_action_read_only_channel", SLACK_ERROR_PLACE },
		{ "restricted_action_thread_only_channel", SLACK_ERROR_PLACE },
		{ "restricted_action_non_threadable_channel", SLACK_ERROR_PLACE },
		{ "restricted_action_thread_locked", SLACK_ERROR_PLACE },
		{ "thread_not_found", SLACK_ERROR_PLACE },
		{ "user_not_in_channel", SLACK_ERROR_PLACE },
		{ "cannot_reply_to_message", SLACK_ERROR_PLACE },
		{ "messages_tab_disabled", SLACK_ERROR_PLACE },
		{ "user_is_bot", SLACK_ERROR_PLACE },
		{ "user_is_restricted", SLACK_ERROR_PLACE },
		{ "invalid_blocks", SLACK_ERROR_SIZE },
		{ "invalid_blocks_format", SLACK_ERROR_SIZE },
		{ "msg_blocks_too_long", SLACK_ERROR_SIZE },
		{ "msg_too_long", SLACK_ERROR_SIZE },
		{ "metadata_too_large", SLACK_ERROR_SIZE },
		{ "too_many_attachments", SLACK_ERROR_SIZE },
		{ "markdown_text_too_long", SLACK_ERROR_SIZE },
		{ "message_not_found", SLACK_ERROR_GONE },
		{ "cant_update_message", SLACK_ERROR_GONE },
		{ "edit_window_closed", SLACK_ERROR_GONE },
		{ "message_not_in_streaming_state", SLACK_ERROR_STREAM },
		{ "stopped_by_user", SLACK_ERROR_STREAM },
		{ "streaming_state_conflict", SLACK_ERROR_STREAM },
		{ "message_not_owned_by_app", SLACK_ERROR_STREAM },
		{ "unknown_method", SLACK_ERROR_METHOD },
		{ "method_not_supported_for_channel_type", SLACK_ERROR_METHOD },
		{ "not_allowed", SLACK_ERROR_METHOD },
		{ "method_deprecated", SLACK_ERROR_METHOD },
		{ "deprecated_endpoint", SLACK_ERROR_METHOD },
		{ "feature_not_enabled", SLACK_ERROR_METHOD },
		{ "access_denied", SLACK_ERROR_METHOD },
		{ "missing_recipient_team_id", SLACK_ERROR_METHOD },
		{ "missing_recipient_user_id", SLACK_ERROR_METHOD },
	};
	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		if (strcmp(codes[i].code, error) == 0)
			return codes[i].kind;
	return SLACK_ERROR_OTHER;
}
