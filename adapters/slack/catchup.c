/*
 * A list of places to look at is made first (active threads from the core, then the other direct messages Slack knows of), then they
 * are read one call at a time behind all deliveries.  Nothing here needs to know what was stored before the gap: the inbox knows
 * every message by its channel and timestamp and drops what it has.
 */
#include "catchup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../net/loop.h"
#include "api.h"
#include "inlet.h"
#include "slack_internal.h"

#define CATCHUP_THREADS 60
#define CATCHUP_TASKS 120
#define CATCHUP_PAGES 3
#define CATCHUP_ACTIVE_MS (7 * 86400000ull)
#define CATCHUP_MARGIN_MS 60000u
#define CATCHUP_BUSY_MS 200

struct task {
	char *channel;
	char *thread_ts; /* NULL: the channel's own history */
	enum visibility visibility;
};
struct page {
	struct slack_catchup *c;
	char **messages; /* JSON texts, oldest first */
	size_t len, at;
	char *cursor;       /* of the next page, or NULL */
	struct task *found; /* the list of direct messages: more to look at */
	size_t found_len;
	bool list;
};
struct slack_catchup {
	struct slack *s;
	bool running;
	uint64_t since_ms, next_since_ms; /* 0: none waits */
	struct task tasks[CATCHUP_TASKS];
	size_t len, at;
	int page;
	unsigned seen;
	char oldest[32];
	struct wire wire;
	struct page *held; /* waits for room in the engine's queue */
	struct loop_timer *timer;
};

static void catchup_step(struct slack_catchup *c, const char *cursor);

struct slack_catchup *catchup_new(struct slack *s)
{
	struct slack_catchup *c = xcalloc(1, sizeof(*c));
	c->s = s;
	return c;
}

static void page_free(struct page *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->len; i++)
		free(p->messages[i]);
	for (size_t i = 0; i < p->found_len; i++)
		free(p->found[i].channel);
	free(p->messages);
	free(p->found);
	free(p->cursor);
	free(p);
}

static void catchup_clear(struct slack_catchup *c)
{
	for (size_t i = 0; i < c->len; i++) {
		free(c->tasks[i].channel);
		free(c->tasks[i].thread_ts);
	}
	c->len = c->at = 0;
}

void catchup_free(struct slack_catchup *c)
{
	if (!c)
		return;
	catchup_clear(c);
	page_free(c->held);
	wire_done(&c->wire);
	free(c);
}

static void catchup_add(struct slack_catchup *c, const char *channel, const char *thread_ts, enum visibility v)
{
	for (size_t i = 0; i < c->len; i++)
		if (strcmp(c->tasks[i].channel, channel) == 0 && !c->tasks[i].thread_ts == !thread_ts &&
		    (!thread_ts || strcmp(c->tasks[i].thread_ts, thread_ts) == 0))
			return;
	if (c->len < CATCHUP_TASKS)
		c->tasks[c->len++] = (struct task){ xstrdup(channel), xstrdup(thread_ts), v };
}

static void catchup_end(struct slack_catchup *c)
{
	log_info("slack.catchup", LF_INT("places", c->len), LF_INT("messages", c->seen), LF_STR("result", "ok"));
	catchup_clear(c);
	c->running = false;
	if (c->next_since_ms) {
		uint64_t since = c->next_since_ms;
		c->next_since_ms = 0;
		catchup_run(c, since);
	}
}

/* ---- a page has come ---- */

static bool catchup_hand_in(struct slack_catchup *c, char *json)
{
	const struct task *t = &c->tasks[c->at];
	static const char *const types[] = {
		[VIS_DIRECT] = "im", [VIS_PRIVATE] = "group", [VIS_EXTERNAL] = "channel", [VIS_PUBLIC] = "channel"
	};
	struct slack_event ev;
	char *copy = xstrdup(json); /* decoding changes the text, and a full queue brings us here again */
	bool done = true;
	if (wire_decode_history(
	        &c->wire, copy, strlen(copy), atomic_load(&c->s->self)->team_id, t->channel, types[t->visibility], &ev)) {
		ev.ext_shared = t->visibility == VIS_EXTERNAL;
		if (strcmp(ev.msg.ts, c->oldest) > 0)
			done = inlet_late(c->s->inlet, &ev);
	}
	free(copy);
	return done;
}

static void catchup_again(void *arg);

static void catchup_take(struct page *p)
{
	struct slack_catchup *c = p->c;
	if (p->list) {
		for (size_t i = 0; i < p->found_len; i++)
			catchup_add(c, p->found[i].channel, NULL, VIS_DIRECT);
		page_free(p);
		catchup_step(c, NULL);
		return;
	}
	for (; p->at < p->len; p->at++) {
		if (!catchup_hand_in(c, p->messages[p->at])) {
			c->held = p;
			c->timer = loop_timer_new(c->s->loop, CATCHUP_BUSY_MS, 0, catchup_again, c);
			return;
		}
		c->seen++;
	}
	if (p->cursor && ++c->page < CATCHUP_PAGES) {
		catchup_step(c, p->cursor);
	} else {
		c->at++;
		c->page = 0;
		catchup_step(c, NULL);
	}
	page_free(p);
}

static void catchup_again(void *arg)
{
	struct slack_catchup *c = arg;
	struct page *p = c->held;
	loop_timer_stop(c->timer);
	c->timer = NULL;
	c->held = NULL;
	catchup_take(p);
}

static void catchup_on_loop(void *arg)
{
	catchup_take(arg);
}

static int by_ts(const void *a, const void *b)
{
	return strcmp(json_str(*(json_t *const *)a, "ts", ""), json_str(*(json_t *const *)b, "ts", ""));
}

static void catchup_on_page(void *arg, const struct slack_result *r)
{
	struct page *p = arg;
	const json_t *list = r->outcome == SLACK_OK ? json_arr(r->body, p->list ? "channels" : "messages") : NULL;
	size_t n = json_array_size(list);
	if (r->outcome != SLACK_OK)
		log_info("slack.catchup", LF_STR("error", r->error));
	if (p->list) {
		p->found = n ? xcalloc(n, sizeof(*p->found)) : NULL;
		for (size_t i = 0; i < n; i++) {
			const char *id = json_str(json_array_get(list, i), "id", NULL);
			if (id)
				p->found[p->found_len++].channel = xstrdup(id);
		}
	} else if (n > 0) {
		json_t **sorted = xcalloc(n, sizeof(*sorted));
		for (size_t i = 0; i < n; i++)
			sorted[i] = json_array_get(list, i);
		qsort(sorted, n, sizeof(*sorted), by_ts);
		p->messages = xcalloc(n, sizeof(*p->messages));
		for (size_t i = 0; i < n; i++) {
			char *text = json_dumps(sorted[i], JSON_COMPACT);
			if (text)
				p->messages[p->len++] = text;
		}
		free(sorted);
		const char *cursor = json_str(json_obj(r->body, "response_metadata"), "next_cursor", "");
		if (json_bool(r->body, "has_more", false) && cursor[0])
			p->cursor = xstrdup(cursor);
	}
	if (!loop_post(p->c->s->loop, catchup_on_loop, p))
		page_free(p);
}

/* ---- asking for one ---- */

static void catchup_step(struct slack_catchup *c, const char *cursor)
{
	if (atomic_load(&c->s->stopping)) {
		c->running = false;
		return;
	}
	if (c->at >= c->len) {
		catchup_end(c);
		return;
	}
	const struct task *t = &c->tasks[c->at];
	struct page *p = xcalloc(1, sizeof(*p));
	p->c = c;
	struct slack_call call = { .method = t->thread_ts ? "conversations.replies" : "conversations.history",
		.form = true,
		.priority = SLACK_NAMES,
		.want_body = true,
		.again = true,
		.on_done = catchup_on_page,
		.arg = p };
	slack_form(&call.args, "channel", t->channel);
	slack_form(&call.args, "ts", t->thread_ts);
	slack_form(&call.args, "oldest", c->oldest);
	slack_form(&call.args, "limit", "100");
	slack_form(&call.args, "cursor", cursor);
	if (slack_api_call(c->s->api, &call) != ERR_NONE) {
		page_free(p);
		catchup_end(c);
	}
}

/* ---- what to look at ---- */

struct survey {
	struct slack_catchup *c;
	uint64_t since_ms;
	struct task tasks[CATCHUP_THREADS * 2];
	size_t len;
};

static void survey_add(void *arg, const struct active_thread *a)
{
	struct survey *v = arg;
	if (v->len >= CATCHUP_THREADS)
		return;
	v->tasks[v->len++] = (struct task){ xstrdup(a->place_key), xstrdup(a->thread_key), a->visibility };
}

static void survey_done(void *arg)
{
	struct survey *v = arg;
	struct slack_catchup *c = v->c;
	for (size_t i = 0; i < v->len; i++) {
		const struct task *t = &v->tasks[i];
		if (t->visibility == VIS_DIRECT)
			catchup_add(c, t->channel, NULL, VIS_DIRECT);
		if (wire_ts_valid(t->thread_ts)) /* not the thread of a command, which Slack does not know */
			catchup_add(c, t->channel, t->thread_ts, t->visibility);
		free(t->channel);
		free(t->thread_ts);
	}
	free(v);
	struct page *p = xcalloc(1, sizeof(*p));
	p->c = c;
	p->list = true;
	struct slack_call call = { .method = "users.conversations",
		.form = true,
		.priority = SLACK_NAMES,
		.want_body = true,
		.again = true,
		.on_done = catchup_on_page,
		.arg = p };
	slack_form(&call.args, "types", "im");
	slack_form(&call.args, "limit", "100");
	if (slack_api_call(c->s->api, &call) != ERR_NONE) {
		page_free(p);
		catchup_end(c);
	}
}

static void survey_worker(void *arg)
{
	struct survey *v = arg;
	const struct slack_self *self = atomic_load(&v->c->s->self);
	uint64_t from = v->since_ms > CATCHUP_ACTIVE_MS ? v->since_ms - CATCHUP_ACTIVE_MS : 0;
	if (engine_active_threads(v->c->s->engine, self->ws, "slack", (int64_t)from, CATCHUP_THREADS, survey_add, v) != ERR_NONE)
		log_warn("slack.catchup", LF_STR("why", "the database is away: only direct messages are read back"));
	if (!loop_post(v->c->s->loop, survey_done, v)) {
		for (size_t i = 0; i < v->len; i++) {
			free(v->tasks[i].channel);
			free(v->tasks[i].thread_ts);
		}
		free(v);
	}
}

void catchup_run(struct slack_catchup *c, uint64_t since_ms)
{
	if (c->running) {
		if (!c->next_since_ms || since_ms < c->next_since_ms)
			c->next_since_ms = since_ms;
		return;
	}
	uint64_t from = since_ms > CATCHUP_MARGIN_MS ? since_ms - CATCHUP_MARGIN_MS : 0;
	snprintf(c->oldest, sizeof(c->oldest), "%llu.%06llu", (unsigned long long)(from / 1000),
	    (unsigned long long)(from % 1000 * 1000));
	log_info("slack.catchup", LF_INT("gap_ms", clock_wall_ms() - since_ms), LF_STR("result", "begun"));
	struct survey *v = xcalloc(1, sizeof(*v));
	v->c = c;
	v->since_ms = since_ms;
	c->running = true;
	c->seen = 0;
	c->page = 0;
	if (!engine_submit(c->s->engine, survey_worker, v)) {
		free(v);
		c->running = false;
		log_warn("slack.catchup", LF_STR("why", "no worker is free"), LF_STR("result", "skipped"));
	}
}
