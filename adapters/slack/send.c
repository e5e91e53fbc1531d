/*
 * The way in for replies and the life of an answer.  slack_out_send() copies a reply into the inbox and wakes the http thread
 * once per burst; all else happens there.
 *
 * An answer exists from its first part to the end of its last call.  While it grows, the tick (50 ms, only while something waits for
 * time) opens streams, appends and shows status.  When its WHOLE comes it takes its turn in its thread - one answer is posted after
 * the other - and then either the open stream takes the rest (stream.c) or messages are placed (place.c).
 */
#include "out.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"
#include "../net/http.h"
#include "render.h"

#define INBOX_MAX 20000u
#define INBOX_BYTES (32u << 20)
#define ANSWERS_MAX 20000u
#define TICK_MS 50u
#define FORGET_MS (30u * 60 * 1000) /* an answer that nobody closed */

struct inbox_item {
	struct inbox_item *next;
	size_t bytes;
	enum { ITEM_REPLY, ITEM_READY } kind;
	bool go;        /* READY */
	struct reply r; /* its pointers lead into ${block}, or are NULL */
	char block[];
};

/* ---- what it is made of ---- */
struct slack_out *slack_out_new(const struct slack_out_options *q)
{
	struct slack_out *o = xcalloc(1, sizeof *o);
	o->http = q->http;
	o->api = q->api;
	o->port = q->port;
	o->stream = q->stream;
	o->grow_wait_ms = q->grow_wait_ms ? q->grow_wait_ms : 250;
	o->status_wait_ms = q->status_wait_ms ? q->status_wait_ms : 400;
	o->append_ms = q->append_ms ? q->append_ms : 700;
	o->stream_life_ms = q->stream_life_ms ? q->stream_life_ms : 240000;
	o->status_mode[0] = 1;
	o->answers = map_new();
	o->turns = map_new();
	o->inbox_end = &o->inbox;
	pthread_mutex_init(&o->lock, NULL);
	if (q->metrics) {
		o->ended[0] = metric_counter(
		    q->metrics, "eddy_slack_deliveries_total", "result=\"ok\"", "Answers in Slack by how they ended");
		o->ended[1] = metric_counter(
		    q->metrics, "eddy_slack_deliveries_total", "result=\"retry\"", "Answers in Slack by how they ended");
		o->ended[2] = metric_counter(
		    q->metrics, "eddy_slack_deliveries_total", "result=\"failed\"", "Answers in Slack by how they ended");
		o->streams = metric_counter(q->metrics, "eddy_slack_streams_total", NULL, "Messages opened as a stream");
		o->lookups = metric_counter(
		    q->metrics, "eddy_slack_lookups_total", NULL, "Times we looked whether something was posted already");
	}
	return o;
}

size_t slack_out_open(const struct slack_out *o)
{
	return atomic_load(&o->open);
}

bool answer_is_dm(const struct answer *a)
{
	return a->to.surface == ORIGIN_DM || a->to.surface == ORIGIN_ASSISTANT;
}

/* ---- answers ---- */
static struct answer *answer_new(struct slack_out *o, const struct reply *r)
{
	struct answer *a = xcalloc(1, sizeof *a);
	a->out = o;
	a->ws = r->ws;
	a->run = r->run;
	a->delivery = r->delivery;
	a->thread = r->thread;
	memcpy(a->origin, r->origin, r->origin_len);
	(void)origin_unpack(a->origin, r->origin_len, &a->to); /* slack_out_send() has tried it */
	a->stream = !o->stream || a->to.surface == ORIGIN_COMMAND ? STREAM_NEVER : STREAM_NONE;
	map_put(o->answers, &a->delivery, sizeof a->delivery, a);
	a->all_next = o->all;
	if (o->all)
		o->all->all_prev = a;
	o->all = a;
	atomic_fetch_add(&o->open, 1);
	return a;
}

static void answer_free(struct answer *a)
{
	struct slack_out *o = a->out;
	if (a->listed) {
		if (a->prev)
			a->prev->next = a->next;
		else
			o->live = a->next;
		if (a->next)
			a->next->prev = a->prev;
	}
	if (a->all_prev)
		a->all_prev->all_next = a->all_next;
	else
		o->all = a->all_next;
	if (a->all_next)
		a->all_next->all_prev = a->all_prev;
	lookup_free(a->lookup);
	buf_done(&a->text);
	buf_done(&a->shown);
	buf_done(&a->tasks);
	free(a->messages);
	free(a->status);
	whole_free(a->whole);
	free(a);
	atomic_fetch_sub(&o->open, 1);
}

static void on_tick(void *arg)
{
	struct slack_out *o = arg;
	uint64_t now = clock_ms();
	struct answer *next;
	for (struct answer *a = o->live; a; a = next) {
		next = a->next;
		if (a->whole && a->whole->then && now >= a->whole->wait_until_ms) {
			void (*then)(struct answer *) = a->whole->then;
			a->whole->then = NULL;
			then(a);
			next = o->live; /* anything may have ended; what was seen has nothing due any more */
			continue;
		}
		if (!a->closing && !a->ended) {
			status_tick(a, now);
			stream_tick(a, now);
			if (now > a->touched_ms + FORGET_MS && a->calls == 0)
				answer_end(a);
		}
	}
	if (!o->live && o->tick) {
		http_timer_stop(o->tick);
		o->tick = NULL;
	}
}

void answer_list(struct answer *a)
{
	struct slack_out *o = a->out;
	if (!a->listed) {
		a->listed = true;
		a->prev = NULL;
		a->next = o->live;
		if (o->live)
			o->live->prev = a;
		o->live = a;
	}
	if (!o->tick && !atomic_load(&o->stopping))
		o->tick = http_timer_new(o->http, TICK_MS, TICK_MS, on_tick, o);
}

static void answer_forget(struct answer *a)
{
	if (map_get(a->out->answers, &a->delivery, sizeof a->delivery) == a)
		map_remove(a->out->answers, &a->delivery, sizeof a->delivery);
}

void answer_end(struct answer *a)
{
	if (!a->ended) {
		a->ended = true;
		answer_forget(a);
		status_end(a);
	}
	if (a->calls == 0)
		answer_free(a);
}

void answer_call_done(struct answer *a)
{
	a->calls--;
	if (a->ended && a->calls == 0)
		answer_free(a);
}

static void answer_limited(void *arg, uint32_t wait_ms)
{
	struct answer *a = arg;
	if (a->whole && !a->ended)
		a->out->port.held(a->out->port.arg, a->ws, a->delivery, wait_ms);
}

bool answer_call(struct answer *a, const struct slack_call *c)
{
	struct slack_call q = *c;
	q.arg = a;
	q.on_limited = answer_limited;
	a->calls++;
	if (slack_api_call(a->out->api, &q) == ERR_NONE)
		return true;
	a->calls--;
	return false;
}

/* ---- the whole ---- */
static void close_now(struct answer *a)
{
	struct whole *w = a->whole;
	if (w->one_person && !answer_is_dm(a))
		place_begin(a);
	else if (w->maybe_sent && !w->looked)
		place_begin(a);
	else if (!stream_close(a))
		place_begin(a);
}

/* The next answer of the same thread may go. */
static void turn_end(struct answer *a)
{
	struct slack_out *o = a->out;
	if (map_get(o->turns, &a->thread, sizeof a->thread) != a)
		return;
	struct answer *next = a->turn_next;
	a->turn_next = NULL;
	if (!next) {
		map_remove(o->turns, &a->thread, sizeof a->thread);
		return;
	}
	map_put(o->turns, &a->thread, sizeof a->thread, next);
	close_now(next);
}

void whole_sent(struct answer *a, enum err result, const char *why, uint32_t retry_after_ms)
{
	struct slack_out *o = a->out;
	struct whole *w = a->whole;
	/* What may be visible must not be sent again without a look: the row stays "sending", the next process looks. */
	bool unsure = result == ERR_RETRY && w->visible;
	struct buf ref = BUF_INIT;
	for (size_t i = 0; result == ERR_NONE && i < w->parts_len; i++)
		if (w->parts[i].ts[0] && ref.len + strlen(w->parts[i].ts) < 1000)
			buf_addf(&ref, "%s%s", ref.len ? "," : "", w->parts[i].ts);
	struct sent s = { .ws = a->ws,
		.delivery = a->delivery,
		.result = result,
		.retry_after_ms = retry_after_ms,
		.external_ref = ref.len ? ref.p : NULL,
		.why = result == ERR_NONE ? NULL : why };
	if (result == ERR_NONE && !w->one_person && o->port.shown && w->parts_len > 0)
		o->port.shown(o->port.arg, a->ws, a->thread, a->to.channel, w->parts[w->parts_len - 1].ts, w->commands);
	struct metric *m = o->ended[result == ERR_NONE ? 0 : result == ERR_RETRY ? 1 : 2];
	if (m)
		metric_add(m, 1);
	if (result == ERR_NONE)
		log_debug(
		    "slack.delivered", LF_ID("run", a->run), LF_STR("channel", a->to.channel), LF_INT("messages", w->parts_len));
	else
		log_warn("slack.delivered", LF_ID("run", a->run), LF_STR("channel", a->to.channel), LF_STR("why", why),
		    LF_STR("result", err_name(result)));
	answer_forget(a);
	if (!unsure)
		o->port.sent(o->port.arg, &s);
	buf_done(&ref);
	turn_end(a);
	answer_end(a);
}

/* What was shown by somebody before us; our own messages are no news. */
static bool slots_from(const struct answer *a, struct whole *w, const char *ref)
{
	for (const char *p = ref; p && *p;) {
		size_t n = strcspn(p, ",");
		bool own = n == 0 || n >= TS_MAX;
		for (size_t i = 0; i < a->messages_len && !own; i++)
			own = strlen(a->messages[i].ts) == n && memcmp(a->messages[i].ts, p, n) == 0;
		if (!own) {
			w->slots = xrealloc(w->slots, (w->slots_len + 1) * sizeof *w->slots);
			memcpy(w->slots[w->slots_len].ts, p, n);
			w->slots[w->slots_len++].ts[n] = '\0';
		}
		p += n + (p[n] == ',');
	}
	return w->slots_len > 0;
}

static void on_whole(struct slack_out *o, struct answer *a, const struct reply *r)
{
	struct whole *w = xcalloc(1, sizeof *w);
	struct buf md = BUF_INIT, blocks = BUF_INIT, words = BUF_INIT;
	if (r->failed)
		buf_add_str(&md, "\xe2\x9a\xa0\xef\xb8\x8f ");
	buf_add(&md, r->text ? r->text : "", r->text_len);
	if (r->components_len > 0 && slack_render_components(r->components, r->components_len, &blocks, &words) > 0)
		w->blocks = buf_detach(&blocks, NULL);
	for (size_t i = 0; w->blocks && i < r->components_len; i++)
		w->commands |= r->components[i].kind == COMPONENT_BUTTON && r->components[i].action &&
		    strcmp(r->components[i].action, ACTION_COMMAND) == 0;
	if (words.len > 0)
		buf_addf(&md, "%s%s", md.len ? "\n\n" : "", words.p);
	if (md.len == 0)
		buf_add_str(&md, "(empty answer)");
	buf_done(&blocks);
	buf_done(&words);
	w->md = buf_detach(&md, &w->md_len);
	w->one_person = r->one_person_only;
	w->maybe_sent = r->maybe_sent;
	if (slots_from(a, w, r->external_ref))
		w->maybe_sent = true;
	w->visible = w->maybe_sent;
	a->whole = w;
	a->closing = true;
	struct answer *first = map_get(o->turns, &a->thread, sizeof a->thread);
	if (first) {
		while (first->turn_next)
			first = first->turn_next;
		first->turn_next = a;
		return;
	}
	map_put(o->turns, &a->thread, sizeof a->thread, a);
	close_now(a);
}

/* ---- the inbox ---- */
static void on_reply(struct slack_out *o, const struct reply *r)
{
	struct answer *a = map_get(o->answers, &r->delivery, sizeof r->delivery);
	uint64_t now = clock_ms();
	if (a && a->closing) {
		log_warn("slack.reply", LF_ID("run", r->run), LF_STR("error", "a part after the whole"));
		return;
	}
	if (!a) {
		bool clears = r->kind == REPLY_RESET || r->kind == REPLY_ABANDON || (r->kind == REPLY_STATUS && r->text_len == 0);
		if (clears)
			return;
		a = answer_new(o, r);
	}
	a->touched_ms = now;
	switch (r->kind) {
	case REPLY_STATUS:
		status_set(a, r->text, r->text_len, now);
		break;
	case REPLY_TOOL:
		stream_task(a, r);
		if (r->step_state == STEP_RUNNING)
			status_set(a, r->text, r->text_len, now);
		break;
	case REPLY_GROW:
		stream_grow(a, r, now);
		break;
	case REPLY_RESET:
		stream_reset(a, r->attempt);
		break;
	case REPLY_ABANDON:
		stream_abandon(a);
		break;
	case REPLY_WHOLE:
		on_whole(o, a, r);
		break;
	}
}

static void out_drain(void *arg)
{
	struct slack_out *o = arg;
	pthread_mutex_lock(&o->lock);
	struct inbox_item *list = o->inbox;
	o->inbox = NULL;
	o->inbox_end = &o->inbox;
	o->inbox_len = o->inbox_bytes = 0;
	o->posted = false;
	pthread_mutex_unlock(&o->lock);
	while (list) {
		struct inbox_item *it = list;
		list = it->next;
		if (it->kind == ITEM_REPLY) {
			on_reply(o, &it->r);
		} else {
			struct answer *a = map_get(o->answers, &it->r.delivery, sizeof it->r.delivery);
			if (a)
				stream_ready(a, it->go);
		}
		free(it);
	}
}

static enum err out_put(struct slack_out *o, struct inbox_item *it, bool must)
{
	pthread_mutex_lock(&o->lock);
	if (!must && (o->inbox_len >= INBOX_MAX || o->inbox_bytes + it->bytes > INBOX_BYTES)) {
		pthread_mutex_unlock(&o->lock);
		free(it);
		return ERR_RETRY;
	}
	*o->inbox_end = it;
	o->inbox_end = &it->next;
	o->inbox_len++;
	o->inbox_bytes += it->bytes;
	bool wake = !o->posted;
	if (wake)
		o->posted = true;
	pthread_mutex_unlock(&o->lock);
	if (wake)
		(void)http_post(o->http, out_drain, o);
	return ERR_NONE;
}

struct ready_arg {
	struct slack_out *out;
	struct id delivery;
};
/* On the writer's thread. */
static void on_ready(void *arg, bool go)
{
	struct ready_arg *ra = arg;
	struct inbox_item *it = xcalloc(1, sizeof *it);
	it->kind = ITEM_READY;
	it->go = go;
	it->r.delivery = ra->delivery;
	struct slack_out *o = ra->out;
	free(ra);
	(void)out_put(o, it, true);
}

void answer_ask_stream(struct answer *a)
{
	struct ready_arg *ra = xmalloc(sizeof *ra);
	*ra = (struct ready_arg){ a->out, a->delivery };
	a->stream = STREAM_ASKING;
	a->out->port.stream_opening(a->out->port.arg, a->ws, a->delivery, on_ready, ra);
}

static const char *copy(char **at, const void *p, size_t n)
{
	char *to = *at;
	if (n > 0)
		memcpy(to, p, n);
	to[n] = '\0';
	*at += n + 1;
	return to;
}

static size_t len(const char *s)
{
	return s ? strlen(s) : 0;
}

enum err slack_out_send(struct slack_out *o, const struct reply *r)
{
	struct origin to;
	if (r->origin_len > INTENT_ORIGIN_MAX || !origin_unpack(r->origin, r->origin_len, &to))
		return ERR_INPUT;
	if (atomic_load(&o->stopping))
		return ERR_RETRY;
	if (r->kind == REPLY_GROW && !o->stream)
		return ERR_NONE; /* nobody would see it; the whole brings it all */
	if (r->kind == REPLY_WHOLE && atomic_load(&o->open) >= ANSWERS_MAX)
		return ERR_RETRY;
	size_t parts = r->components_len * sizeof *r->components;
	size_t n = parts + r->origin_len + r->text_len + len(r->step_id) + len(r->external_ref) + 4;
	for (size_t i = 0; i < r->components_len; i++) {
		const struct component *c = &r->components[i];
		n += len(c->action) + len(c->value) + len(c->label) + len(c->fallback) + 4;
	}
	struct inbox_item *it = xmalloc(sizeof *it + n);
	*it = (struct inbox_item){ .kind = ITEM_REPLY, .bytes = sizeof *it + n, .r = *r };
	char *at = it->block;
	if (parts > 0) {
		struct component *cs = (struct component *)(void *)at;
		memcpy(cs, r->components, parts);
		at += parts;
		for (size_t i = 0; i < r->components_len; i++) {
			cs[i].action = cs[i].action ? copy(&at, cs[i].action, strlen(cs[i].action)) : NULL;
			cs[i].value = cs[i].value ? copy(&at, cs[i].value, strlen(cs[i].value)) : NULL;
			cs[i].label = cs[i].label ? copy(&at, cs[i].label, strlen(cs[i].label)) : NULL;
			cs[i].fallback = cs[i].fallback ? copy(&at, cs[i].fallback, strlen(cs[i].fallback)) : NULL;
		}
		it->r.components = cs;
	}
	it->r.origin = copy(&at, r->origin, r->origin_len);
	it->r.text = copy(&at, r->text, r->text_len);
	it->r.step_id = r->step_id ? copy(&at, r->step_id, strlen(r->step_id)) : NULL;
	it->r.external_ref = r->external_ref ? copy(&at, r->external_ref, strlen(r->external_ref)) : NULL;
	return out_put(o, it, false);
}

/* ---- the end ---- */
static void out_stop(void *arg)
{
	struct slack_out *o = arg;
	out_drain(o);
	if (o->tick)
		http_timer_stop(o->tick);
	o->tick = NULL;
}

void slack_out_stop(struct slack_out *o)
{
	if (!o || atomic_exchange(&o->stopping, true))
		return;
	(void)http_post(o->http, out_stop, o);
}

void slack_out_free(struct slack_out *o)
{
	if (!o)
		return;
	map_free(o->turns, NULL);
	map_free(o->answers, NULL);
	while (o->all)
		answer_free(o->all);
	while (o->inbox) {
		struct inbox_item *it = o->inbox;
		o->inbox = it->next;
		free(it);
	}
	pthread_mutex_destroy(&o->lock);
	free(o);
}
