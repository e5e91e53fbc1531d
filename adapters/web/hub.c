/*
 * Who looks at which thread.  A subscription is always in one of three states.  LOADING: a worker reads the durable events after the last
 * one that was sent.  LIVE: events come from the writer as they are committed; one that does not follow directly upon the last one shows
 * that something was not seen here (another process, a dropped letter), and then it simply loads again.  BEHIND: the reader's queue is
 * full, or the database was away; it loads when there is room again.  So every path goes through the same question, "what came after rev
 * N?", and nothing can be lost or shown twice.
 *
 * The growing answer is kept as one text per thread.  Each subscription knows how far it has been told; several times in a blink
 * the difference is sent, encoded once for all who stand at the same place: as text, or as blocks to those who asked for them.  Who comes late or was behind gets the text so far as one "open" frame.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../../core/talk/transcript.h"
#include "../net/loop.h"
#include "blocks.h"
#include "state.h"

#define LOAD_MESSAGES 200
#define LOAD_BYTES (512u * 1024u)
#define LOAD_RETRY_MS 500
#define OPEN_TEXT_MAX (512u * 1024u)
#define OPEN_TOOLS_MAX 32

struct load {
	struct web *web;
	uint64_t conn, serial;
	struct id ws, thread;
	char key[ID_TEXT];
	int64_t after;
	bool blocks;
	enum err result;
	int64_t last_rev;
	bool more;
	size_t bytes, seen;
	struct web_frame *frames[2 * LOAD_MESSAGES]; /* each with what it offers */
	size_t frames_len;
};

void load_free(struct load *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->frames_len; i++)
		frame_unref(l->frames[i]);
	free(l);
}

/* ---- loading: on a worker ---- */

static void load_message(void *arg, const struct stored_message *m)
{
	struct load *l = arg;
	l->seen++;
	if (l->bytes >= LOAD_BYTES || l->frames_len >= 2 * LOAD_MESSAGES - 1) {
		l->more = true;
		return;
	}
	struct web_message out = {
		.type = m->deleted ? "deleted" : "message",
		.id = m->id,
		.run = m->run,
		.seq = m->seq,
		.rev = m->rev,
		.at_ms = m->at_ms,
		.author_kind = m->author_kind,
		.author = m->author,
		.key = m->message_key,
		.text = m->deleted ? "" : m->text,
		.text_len = m->deleted || m->text == NULL ? 0 : strlen(m->text),
		.edited = m->edited,
		.opinion = m->opinion,
	};
	if (m->edited && m->seq <= l->after)
		out.type = "edited";
	struct buf b = BUF_INIT, blocks = BUF_INIT;
	if (l->blocks) {
		buf_reserve(&blocks, 1);
		blocks_write(out.text, out.text_len, m->author_kind == AUTHOR_PERSON, &blocks);
		out.blocks = &blocks;
	}
	web_put_message(&b, l->key, &out);
	buf_done(&blocks);
	l->bytes += b.len;
	l->frames[l->frames_len++] = frame_new(&b);
	l->last_rev = m->rev;
	if (m->components_len > 0) {
		buf_reset(&b);
		web_put_components(&b, l->key, m->run, m->id, m->components, m->components_len);
		l->frames[l->frames_len++] = frame_new(&b);
	}
	buf_done(&b);
}

static void load_run(void *arg)
{
	struct load *l = arg;
	int64_t stands = 0;
	l->last_rev = l->after;
	l->result = engine_read_thread(l->web->engine, l->ws, l->thread, l->after, LOAD_MESSAGES, load_message, l, &stands);
	if (l->seen >= LOAD_MESSAGES) {
		l->more = true;
	} else if (l->result == ERR_NONE && stands < l->after) {
		l->last_rev = 0; /* the client remembers more than there is (another database): from the start */
		l->more = true;
	} else if (!l->more && stands > l->last_rev) {
		l->last_rev = stands;
	}
	mail_loaded(l->web, l);
}

/* ---- subscriptions ---- */

static void fall_behind(struct sub *s, uint32_t wait_ms)
{
	s->state = SUB_BEHIND;
	s->retry_ms = wait_ms == 0 ? 0 : clock_ms() + wait_ms;
	s->conn->behind = true;
}

static void load_start(struct sub *s)
{
	struct web *w = s->conn->web;
	struct load *l = xcalloc(1, sizeof *l);
	l->web = w;
	l->conn = s->conn->id;
	l->serial = s->serial = ++w->next_id;
	l->ws = w->ws;
	l->thread = s->topic->thread;
	memcpy(l->key, s->topic->key, sizeof l->key);
	l->after = s->rev;
	l->blocks = s->conn->features & FEATURE_BLOCKS;
	s->again = false;
	s->state = SUB_LOADING;
	s->run = ID_NONE;
	if (!engine_submit(w->engine, load_run, l)) {
		load_free(l);
		fall_behind(s, LOAD_RETRY_MS);
	}
}

static bool has_room(const struct sub *s)
{
	return s->conn->queue_bytes <= WEB_QUEUE_HIGH;
}

static struct sub *sub_find(const struct conn *c, struct id thread)
{
	for (struct sub *s = c->subs; s != NULL; s = s->next_in_conn)
		if (id_equal(s->topic->thread, thread))
			return s;
	return NULL;
}

void topic_free(void *topic)
{
	struct topic *t = topic;
	buf_done(&t->open.text);
	buf_done(&t->open.tools);
	blocks_free(t->open.blocks);
	free(t);
}

static struct topic *topic_get(struct web *w, struct id thread, const char *key)
{
	struct topic *t = map_get(w->topics, &thread, sizeof thread);
	if (t != NULL || key == NULL)
		return t;
	t = xcalloc(1, sizeof *t);
	t->thread = thread;
	strcpy(t->key, key);
	map_put(w->topics, &thread, sizeof thread, t);
	return t;
}

/* A thread that nobody looks at and in which nothing is being written is forgotten. */
static void topic_release(struct web *w, struct topic *t)
{
	if (t->subs != NULL || !id_is_none(t->open.run) || t->dirty)
		return;
	map_remove(w->topics, &t->thread, sizeof t->thread);
	topic_free(t);
}

static void sub_free(struct sub *s)
{
	struct web *w = s->conn->web;
	struct topic *t = s->topic;
	*s->link_in_topic = s->next_in_topic;
	if (s->next_in_topic != NULL)
		s->next_in_topic->link_in_topic = s->link_in_topic;
	struct sub **at = &s->conn->subs;
	while (*at != s)
		at = &(*at)->next_in_conn;
	*at = s->next_in_conn;
	s->conn->subs_len--;
	free(s);
	if (t->subs == NULL)
		mail_watch(w, t->thread, t->key, false);
	topic_release(w, t);
}

void hub_subscribe(struct conn *c, const char *thread_key, struct id thread, int64_t after)
{
	struct web *w = c->web;
	struct sub *s = sub_find(c, thread);
	if (s != NULL)
		sub_free(s); /* the same again: from the place that it names now */
	struct topic *t = topic_get(w, thread, thread_key);
	s = xcalloc(1, sizeof *s);
	s->conn = c;
	s->topic = t;
	s->rev = after;
	if (t->subs == NULL)
		mail_watch(w, thread, t->key, true); /* before the read, so that nothing falls between */
	s->next_in_topic = t->subs;
	s->link_in_topic = &t->subs;
	if (s->next_in_topic != NULL)
		s->next_in_topic->link_in_topic = &s->next_in_topic;
	t->subs = s;
	s->next_in_conn = c->subs;
	c->subs = s;
	c->subs_len++;
	load_start(s);
}

void hub_unsubscribe(struct conn *c, struct id thread)
{
	struct sub *s = sub_find(c, thread);
	if (s != NULL)
		sub_free(s);
}

void hub_drop(struct conn *c)
{
	while (c->subs != NULL)
		sub_free(c->subs);
}

void hub_drained(struct conn *c)
{
	uint64_t now = clock_ms();
	if (!c->behind)
		return;
	c->behind = false;
	for (struct sub *s = c->subs; s != NULL; s = s->next_in_conn) {
		if (s->state == SUB_BEHIND && now >= s->retry_ms)
			load_start(s);
		c->behind |= s->state == SUB_BEHIND;
	}
}

/* How much of the text ends between code points: a model may cut a character in two. */
static size_t whole_text(const struct buf *b)
{
	size_t n = b->len;
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)b->p[n - back];
		if ((c & 0xc0) == 0x80)
			continue;
		size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		return need > back ? n - back : n;
	}
	return n;
}

static bool wants_blocks(const struct sub *s)
{
	return (s->conn->features & FEATURE_BLOCKS) != 0;
}

/* Is ${s} being told the open answer, part by part? */
static bool follows(const struct sub *s, const struct web_open *o)
{
	return s->state == SUB_LIVE && id_equal(s->run, o->run) && s->attempt == o->attempt;
}

/* Bring the blocks up to the text; all who follow them hear of it, so that they all stand at the same version. */
static void blocks_refresh(struct topic *t)
{
	struct web_open *o = &t->open;
	size_t end = whole_text(&o->text), from;
	if (o->blocks == NULL)
		o->blocks = blocks_new();
	if (end == o->blocks_end)
		return;
	o->blocks_end = end;
	if (!blocks_grow(o->blocks, o->text.p, end, &from))
		return;
	o->version++;
	struct web_frame *f = NULL;
	for (struct sub *s = t->subs; s != NULL; s = s->next_in_topic) {
		if (!wants_blocks(s) || !follows(s, o))
			continue;
		if (!has_room(s)) {
			fall_behind(s, 0);
			continue;
		}
		if (f == NULL) {
			struct buf b = BUF_INIT, blocks = BUF_INIT;
			buf_reserve(&blocks, 1);
			blocks_put(o->blocks, from, &blocks);
			web_put_blocks(&b, t->key, o->run, o->attempt, from, &blocks, blocks_final(o->blocks));
			f = frame_new(&b);
			buf_done(&b);
			buf_done(&blocks);
		}
		s->version = o->version;
		conn_push(s->conn, f);
	}
	if (f != NULL)
		frame_unref(f);
}

static void open_clear(struct web_open *o)
{
	buf_reset(&o->text);
	if (o->blocks != NULL)
		blocks_reset(o->blocks);
	o->blocks_end = 0;
	o->version++;
	o->gap = false;
}

/* Tell ${s} the open answer as it stands. */
static void send_open(struct sub *s)
{
	struct web_open *o = &s->topic->open;
	if (id_is_none(o->run) || id_equal(o->run, s->run))
		return;
	struct buf b = BUF_INIT, blocks = BUF_INIT;
	if (wants_blocks(s)) {
		blocks_refresh(s->topic);
		buf_reserve(&blocks, 1);
		blocks_put(o->blocks, 0, &blocks);
	}
	s->run = o->run;
	s->attempt = o->attempt;
	s->offset = whole_text(&o->text);
	s->version = o->version;
	web_put_open(&b, s->topic->key, o->run, o->attempt, o->text.p == NULL ? "" : o->text.p, s->offset, o->status, o->tools.p,
	    wants_blocks(s) ? &blocks : NULL);
	conn_push_buf(s->conn, &b);
	buf_done(&b);
	buf_done(&blocks);
}

static void go_live(struct sub *s)
{
	s->state = SUB_LIVE;
	if (!s->announced) {
		s->announced = true;
		struct buf b = BUF_INIT;
		web_put_subscribed(&b, s->topic->key, s->rev);
		conn_push_buf(s->conn, &b);
		buf_done(&b);
	}
	send_open(s);
}

void hub_loaded(struct web *w, struct load *l)
{
	struct conn *c = map_get(w->by_id, &l->conn, sizeof l->conn);
	struct sub *s = c == NULL || c->dead ? NULL : sub_find(c, l->thread);
	if (s == NULL || s->serial != l->serial || s->state != SUB_LOADING) {
		load_free(l);
		return;
	}
	if (l->result != ERR_NONE) {
		log_warn("web.read", LF_ID("session", c->session), LF_STR("result", err_name(l->result)));
		fall_behind(s, LOAD_RETRY_MS);
		load_free(l);
		return;
	}
	for (size_t i = 0; i < l->frames_len; i++)
		conn_push(c, l->frames[i]);
	s->rev = l->last_rev;
	if (l->more || s->again) {
		fall_behind(s, 0);
		if (c->queue_bytes <= WEB_QUEUE_LOW)
			load_start(s);
	} else {
		go_live(s);
	}
	load_free(l);
}

/* ---- what the engine says ---- */

static void open_close(struct web *w, struct topic *t)
{
	t->open.run = ID_NONE;
	buf_done(&t->open.text);
	buf_done(&t->open.tools);
	blocks_free(t->open.blocks);
	t->open.blocks = NULL;
	t->open.blocks_end = 0;
	t->open.tools_len = 0;
	t->open.status[0] = '\0';
	t->open.gap = false;
	topic_release(w, t);
}

/* All subscribers that stand at the same place get the same frame. */
static void flush_topic(struct topic *t)
{
	struct web_open *o = &t->open;
	if (id_is_none(o->run) || o->gap || o->text.len == 0)
		return;
	t->told_ms = clock_ms();
	size_t end = whole_text(&o->text);
	struct web_frame *f = NULL;
	size_t from = SIZE_MAX;
	bool blocks = false;
	for (struct sub *s = t->subs; s != NULL; s = s->next_in_topic) {
		if (!follows(s, o))
			continue;
		if (wants_blocks(s)) {
			blocks = true;
			continue;
		}
		if (s->offset >= end)
			continue;
		if (!has_room(s)) {
			fall_behind(s, 0);
			continue;
		}
		if (f == NULL || from != s->offset) {
			if (f != NULL)
				frame_unref(f);
			struct buf b = BUF_INIT;
			from = s->offset;
			web_put_delta(&b, t->key, o->run, o->attempt, from, o->text.p + from, end - from);
			f = frame_new(&b);
			buf_done(&b);
		}
		s->offset = end;
		conn_push(s->conn, f);
	}
	if (f != NULL)
		frame_unref(f);
	if (blocks)
		blocks_refresh(t);
}

/* The timer runs only while somebody has something to be told. */
static void on_gather(void *arg)
{
	struct web *w = arg;
	loop_timer_stop(w->gather);
	w->gather = NULL;
	hub_flush(w);
}

void hub_flush(struct web *w)
{
	if (w->dirty == NULL)
		return;
	uint64_t now = clock_ms(), next_ms = UINT64_MAX;
	struct topic *t = w->dirty, *later = NULL;
	w->dirty = NULL;
	while (t != NULL) {
		struct topic *next = t->next_dirty;
		if (t->due_ms > now && !id_is_none(t->open.run)) {
			t->next_dirty = later;
			later = t;
			next_ms = t->due_ms < next_ms ? t->due_ms : next_ms;
		} else {
			t->dirty = false;
			t->next_dirty = NULL;
			flush_topic(t);
			topic_release(w, t);
		}
		t = next;
	}
	w->dirty = later;
	if (later == NULL || (w->gather != NULL && w->gather_ms <= next_ms))
		return;
	if (w->gather != NULL)
		loop_timer_stop(w->gather);
	w->gather = loop_timer_new(w->loop, next_ms - now, 0, on_gather, w);
	w->gather_ms = next_ms;
}

/*
 * The first part goes at once, the next ones a moment apart; a long block that is still open (a list, code) is read again each time,
 * so it is told less often.
 */
static uint64_t due(const struct topic *t)
{
	size_t again = t->open.blocks == NULL ? 0 : blocks_tail(t->open.blocks);
	return t->told_ms + WEB_GATHER_MS + again / 512;
}

/* A frame for all who are up to date; it is not stored. */
static void push_live_frame(struct topic *t, struct web_frame *f)
{
	for (struct sub *s = t->subs; s != NULL; s = s->next_in_topic)
		if (s->state == SUB_LIVE && has_room(s))
			conn_push(s->conn, f);
}

/* Who is not up to date gets what this says within "open". */
static void push_live(struct topic *t, const struct buf *b)
{
	struct web_frame *f = frame_new(b);
	push_live_frame(t, f);
	frame_unref(f);
}

/* The same message for those who asked for blocks. */
static struct web_frame *with_blocks(const struct web_event *ev)
{
	struct buf b = BUF_INIT;
	buf_add(&b, ev->frame->wire + ev->frame->head, ev->frame->len - 1);
	buf_add_str(&b, ",\"blocks\":[");
	blocks_write(ev->text, ev->text_len, ev->lines, &b);
	buf_add_str(&b, "]}");
	struct web_frame *f = frame_new(&b);
	buf_done(&b);
	return f;
}

/* ${must}: also to readers that are behind; the others ask for the list again. */
static void push_to_lists(struct web *w, const char *person, const struct buf *b, bool must)
{
	struct web_frame *f = NULL;
	for (struct conn *c = map_get(w->lists, person, strlen(person)); c != NULL; c = c->same_person) {
		if (c->closing || c->dead || (!must && c->queue_bytes > WEB_QUEUE_HIGH))
			continue;
		if (f == NULL)
			f = frame_new(b);
		conn_push(c, f);
	}
	if (f != NULL)
		frame_unref(f);
}

void hub_news(struct web *w, const char *person, const struct buf *frame)
{
	push_to_lists(w, person, frame, true);
}

/* A message came: the lists of the person whose thread it is move it up. */
static void tell_lists(struct web *w, const struct topic *t, const struct web_event *ev)
{
	if (t->subs == NULL || ev->text == NULL)
		return;
	const char *person = t->subs->conn->person->id;
	if (map_get(w->lists, person, strlen(person)) == NULL)
		return;
	struct buf b = BUF_INIT, title = BUF_INIT;
	buf_reserve(&title, 1);
	if (ev->seq == 1 && ev->lines)
		web_title(&title, ev->text, ev->text_len);
	web_put_thread(&b, t->key, title.len > 0 ? title.p : NULL, ev->at_ms, ev->rev);
	push_to_lists(w, person, &b, false);
	buf_done(&b);
	buf_done(&title);
}

void hub_typing(struct conn *c, struct id thread)
{
	struct sub *own = sub_find(c, thread);
	uint64_t now = clock_ms();
	if (own == NULL || now - c->typed_ms < WEB_TYPING_MS)
		return;
	c->typed_ms = now;
	struct buf b = BUF_INIT;
	web_put_typing(&b, own->topic->key, c->person);
	struct web_frame *f = frame_new(&b);
	for (struct sub *s = own->topic->subs; s != NULL; s = s->next_in_topic)
		if (s != own && s->state == SUB_LIVE && has_room(s))
			conn_push(s->conn, f);
	frame_unref(f);
	buf_done(&b);
}

void hub_erased(struct web *w, const char *person, struct id thread, const char *key)
{
	struct topic *t = topic_get(w, thread, NULL);
	struct buf b = BUF_INIT;
	web_put_erased(&b, key);
	if (t != NULL) {
		struct web_frame *f = frame_new(&b);
		for (struct sub *s = t->subs; s != NULL; s = s->next_in_topic)
			if (!(s->conn->features & FEATURE_THREADS))
				conn_push(s->conn, f);
		frame_unref(f);
		open_close(w, t);
		while ((t = topic_get(w, thread, NULL)) != NULL && t->subs != NULL)
			sub_free(t->subs);
	}
	push_to_lists(w, person, &b, true);
	buf_done(&b);
}

void hub_event(struct web *w, const struct web_event *ev)
{
	struct topic *t = topic_get(w, ev->thread, NULL);
	if (t == NULL)
		return;
	bool closes = ev->closes && id_equal(ev->run, t->open.run);
	struct web_frame *blocks = NULL;
	if (closes)
		flush_topic(t); /* the parts before the whole */
	for (struct sub *s = t->subs; s != NULL; s = s->next_in_topic) {
		if (s->state == SUB_LOADING) {
			s->again = s->again || !ev->ephemeral;
		} else if (s->state == SUB_LIVE && ev->ephemeral) {
			if (ev->rev == s->rev + 1)
				s->rev = ev->rev;
			if (has_room(s))
				conn_push(s->conn, ev->frame);
		} else if (s->state == SUB_LIVE && ev->rev > s->rev) {
			if (!has_room(s)) {
				fall_behind(s, 0);
			} else if (ev->rev == s->rev + 1) {
				s->rev = ev->rev;
				if (wants_blocks(s) && ev->text != NULL && blocks == NULL)
					blocks = with_blocks(ev);
				conn_push(s->conn, wants_blocks(s) && blocks != NULL ? blocks : ev->frame);
				if (ev->components != NULL)
					conn_push(s->conn, ev->components);
			} else {
				load_start(s);
			}
		}
	}
	if (blocks != NULL)
		frame_unref(blocks);
	tell_lists(w, t, ev);
	if (closes)
		open_close(w, t);
}

static const char *step_name(enum reply_step s)
{
	return s == STEP_RUNNING ? "running" : s == STEP_DONE ? "done" : "failed";
}

static void grow(struct web *w, struct topic *t, const struct reply *r)
{
	struct web_open *o = &t->open;
	if (r->attempt != o->attempt) {
		if (r->attempt < o->attempt)
			return;
		o->attempt = r->attempt;
		open_clear(o);
		struct buf b = BUF_INIT;
		web_put_reset(&b, t->key, o->run, o->attempt);
		push_live(t, &b);
		buf_done(&b);
		for (struct sub *s = t->subs; s != NULL; s = s->next_in_topic) {
			s->attempt = o->attempt;
			s->offset = 0;
			s->version = o->version;
		}
	}
	if (r->kind == REPLY_RESET || o->gap)
		return;
	if (r->offset > o->text.len || o->text.len + r->text_len > OPEN_TEXT_MAX) {
		o->gap = true;
		return;
	}
	size_t known = o->text.len - r->offset;
	if (known >= r->text_len)
		return;
	buf_add(&o->text, r->text + known, r->text_len - known);
	if (!t->dirty) {
		t->dirty = true;
		t->due_ms = due(t);
		t->next_dirty = w->dirty;
		w->dirty = t; /* told at the end of this batch of letters, if it is time */
	}
}

void hub_reply(struct web *w, const struct reply *r, struct web_frame *components)
{
	char key[ID_TEXT];
	struct id named;
	if (r->origin_len != ID_TEXT - 1)
		return;
	memcpy(key, r->origin, ID_TEXT - 1);
	key[ID_TEXT - 1] = '\0';
	if (!id_parse(key, &named))
		return;
	bool ends = r->kind == REPLY_WHOLE || r->kind == REPLY_ABANDON;
	struct topic *t = topic_get(w, r->thread, ends ? NULL : key);
	if (t == NULL)
		return;
	struct web_open *o = &t->open;
	if (components != NULL)
		push_live_frame(t, components);
	if (ends) {
		if (!id_equal(o->run, r->run))
			return;
		flush_topic(t);
		if (r->kind == REPLY_ABANDON) {
			struct buf b = BUF_INIT;
			web_put_run(&b, t->key, r->run, "abandoned");
			push_live(t, &b);
			buf_done(&b);
		}
		open_close(w, t);
		return;
	}
	if (!id_equal(o->run, r->run)) {
		open_clear(o);
		buf_reset(&o->tools);
		o->tools_len = 0;
		o->status[0] = '\0';
		o->run = r->run;
		o->attempt = r->attempt;
		for (struct sub *s = t->subs; s != NULL; s = s->next_in_topic)
			if (s->state == SUB_LIVE)
				send_open(s);
	}
	struct buf b = BUF_INIT;
	switch (r->kind) {
	case REPLY_STATUS: {
		size_t n = utf8_clip(r->text, r->text_len, sizeof o->status - 1);
		memcpy(o->status, r->text, n);
		o->status[n] = '\0';
		web_put_status(&b, t->key, r->run, r->text, r->text_len);
		push_live(t, &b);
		break;
	}
	case REPLY_TOOL:
		flush_topic(t);
		web_put_tool(&b, t->key, r->run, r->step_id, r->text, r->text_len, step_name(r->step_state));
		if (r->step_state != STEP_RUNNING && o->tools_len < OPEN_TOOLS_MAX) {
			if (o->tools_len++ > 0)
				buf_add_char(&o->tools, ',');
			buf_add(&o->tools, b.p, b.len);
		}
		push_live(t, &b);
		break;
	case REPLY_GROW:
	case REPLY_RESET:
		grow(w, t, r);
		break;
	default:
		break;
	}
	buf_done(&b);
}

static void reload_topic(const void *key, size_t n, void *value, void *arg)
{
	(void)key;
	(void)n;
	(void)arg;
	struct topic *t = value;
	for (struct sub *s = t->subs; s != NULL; s = s->next_in_topic) {
		if (s->state == SUB_LIVE)
			load_start(s);
		else if (s->state == SUB_LOADING)
			s->again = true;
	}
}

void hub_reload(struct web *w)
{
	map_each(w->topics, reload_topic, NULL);
}
