/*
 * A ring of messages behind a mutex.  Looking happens on a worker, one job for each thread that has something to look at; most threads have
 * nothing, and then it costs one load.
 */
#include "buttons.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/talk/doc.h"
#include "api.h"
#include "out.h"
#include "render.h"
#include "slack_internal.h"

#define SEEN_MAX 256
#define LOOK_MAX 16

struct seen {
	struct id ws, thread;
	char channel[64], ts[TS_MAX]; /* ts "": empty */
};
struct slack_buttons {
	struct slack *s;
	pthread_mutex_t mtx;
	struct seen seen[SEEN_MAX];
	size_t next;
	atomic_size_t len;
};
struct look {
	struct slack_buttons *b;
	struct seen seen[LOOK_MAX];
	size_t len;
};

struct slack_buttons *buttons_new(struct slack *s)
{
	struct slack_buttons *b = xcalloc(1, sizeof(*b));
	b->s = s;
	pthread_mutex_init(&b->mtx, NULL);
	return b;
}

void buttons_free(struct slack_buttons *b)
{
	if (!b)
		return;
	pthread_mutex_destroy(&b->mtx);
	free(b);
}

static struct seen *find(struct slack_buttons *b, struct id thread, const char *ts)
{
	for (size_t i = 0; i < SEEN_MAX; i++)
		if (b->seen[i].ts[0] && id_equal(b->seen[i].thread, thread) && strcmp(b->seen[i].ts, ts) == 0)
			return &b->seen[i];
	return NULL;
}

void buttons_seen(struct slack_buttons *b, struct id ws, struct id thread, const char *channel, const char *ts)
{
	if (!ts[0] || strlen(ts) >= TS_MAX || strlen(channel) >= sizeof(b->seen[0].channel))
		return;
	pthread_mutex_lock(&b->mtx);
	if (!find(b, thread, ts)) {
		struct seen *to = &b->seen[b->next];
		b->next = (b->next + 1) % SEEN_MAX;
		if (!to->ts[0])
			atomic_fetch_add(&b->len, 1);
		*to = (struct seen){ .ws = ws, .thread = thread };
		snprintf(to->channel, sizeof(to->channel), "%s", channel);
		snprintf(to->ts, sizeof(to->ts), "%s", ts);
	}
	pthread_mutex_unlock(&b->mtx);
}

void buttons_pressed(struct slack_buttons *b, struct id ws, const char *channel, const char *thread_key, const char *ts)
{
	buttons_seen(b, ws, engine_thread_id(engine_place_id(ws, "slack", channel), thread_key), channel, ts);
}

static void forget(struct slack_buttons *b, const struct seen *what)
{
	pthread_mutex_lock(&b->mtx);
	struct seen *at = find(b, what->thread, what->ts);
	if (at) {
		at->ts[0] = '\0';
		atomic_fetch_sub(&b->len, 1);
	}
	pthread_mutex_unlock(&b->mtx);
}

static void changed(void *arg, const struct slack_result *r)
{
	(void)arg;
	if (r->outcome != SLACK_OK)
		log_info("slack.buttons", LF_STR("call", "chat.update"), LF_STR("error", r->error));
}

static void field(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s\"%s\":", b->len ? "," : "{", name);
	buf_add_json_str(b, value);
}

/* The same words, nothing to press.  Words that do not fit into blocks stay as they are: text alone may hold less. */
static void take_away(struct slack_buttons *b, const struct seen *what, const char *md)
{
	struct doc *d = doc_parse(md, strlen(md));
	struct buf text = BUF_INIT, blocks = BUF_INIT;
	slack_render_mrkdwn(d, &text);
	size_t n = slack_render_blocks(d, &blocks);
	doc_free(d);
	if (n > 0 && text.len > 0) {
		struct slack_call c = { .method = "chat.update",
			.channel = what->channel,
			.priority = SLACK_STATUS,
			.again = true,
			.on_done = changed };
		clip_text(&text, SLACK_TEXT_UNITS);
		field(&c.args, "channel", what->channel);
		field(&c.args, "ts", what->ts);
		field(&c.args, "text", text.p);
		buf_addf(&c.args, ",\"blocks\":[%s]}", blocks.p);
		slack_api_call(b->s->api, &c);
	}
	buf_done(&text);
	buf_done(&blocks);
}

/* A worker. */
static void look_job(void *arg)
{
	struct look *l = arg;
	for (size_t i = 0; i < l->len; i++) {
		const struct seen *at = &l->seen[i];
		struct said_message said = { 0 };
		enum err e = engine_find_said(l->b->s->engine, at->ws, at->thread, at->ts, &said);
		if (e == ERR_NONE && !said.offers)
			take_away(l->b, at, said.text);
		if (e == ERR_INPUT || (e == ERR_NONE && !said.offers))
			forget(l->b, at);
		free(said.text);
	}
	free(l);
}

void buttons_answered(struct slack_buttons *b, struct id ws, struct id thread, const char *ts)
{
	if (atomic_load_explicit(&b->len, memory_order_relaxed) == 0)
		return;
	struct look *l = NULL;
	pthread_mutex_lock(&b->mtx);
	for (size_t i = 0; i < SEEN_MAX; i++) {
		const struct seen *at = &b->seen[i];
		if (!at->ts[0] || !id_equal(at->thread, thread) || !id_equal(at->ws, ws) || strcmp(at->ts, ts) == 0)
			continue;
		if (!l)
			l = xcalloc(1, sizeof(*l));
		if (l->len < LOOK_MAX)
			l->seen[l->len++] = *at;
	}
	pthread_mutex_unlock(&b->mtx);
	if (!l)
		return;
	l->b = b;
	if (!engine_submit(b->s->engine, look_job, l))
		free(l);
}
