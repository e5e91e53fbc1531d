/*
 * Tails of threads in memory: a hash table of entries in order of use, each a ring of the last TRANSCRIPT_MAX messages.  The
 * whole cache is bounded by bytes; the entry unused for longest goes first.  One mutex: what happens under it is copying a few
 * kilobytes.
 */
#include "transcript.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/map.h"
#include "../base/mem.h"
#include "../store/pg.h"

struct held {
	int64_t seq;
	enum author_kind kind;
	struct id author;
	char *text;
	size_t text_len;
};
struct entry {
	struct id thread;
	struct entry *prev, *next; /* order of use, newest first */
	int64_t last_seq;          /* the thread's sequence when this was right */
	bool from_start;           /* holds everything since the first message */
	size_t first, len, bytes;
	char *earlier; /* what was said before all of it, in short; NULL: not made */
	size_t earlier_len;
	int64_t earlier_before;
	uint64_t earlier_ms;
	struct held ring[TRANSCRIPT_MAX];
};
struct transcripts {
	pthread_mutex_t mutex;
	struct map *map;
	struct entry *newest, *oldest;
	size_t bytes, max_bytes;
	uint64_t changes; /* edits and deletes seen: what was read before one is not kept after it */
};

#define ENTRY_COST (sizeof(struct entry) + 64)

struct transcripts *transcripts_new(size_t max_bytes)
{
	struct transcripts *c = xcalloc(1, sizeof(*c));
	pthread_mutex_init(&c->mutex, NULL);
	c->map = map_new();
	c->max_bytes = max_bytes;
	return c;
}

static void unlink_entry(struct transcripts *c, struct entry *e)
{
	*(e->prev ? &e->prev->next : &c->newest) = e->next;
	*(e->next ? &e->next->prev : &c->oldest) = e->prev;
	e->prev = e->next = NULL;
}

static void link_newest(struct transcripts *c, struct entry *e)
{
	e->prev = NULL;
	e->next = c->newest;
	*(c->newest ? &c->newest->prev : &c->oldest) = e;
	c->newest = e;
}

static void drop_entry(struct transcripts *c, struct entry *e)
{
	map_remove(c->map, e->thread.b, sizeof(e->thread.b));
	unlink_entry(c, e);
	for (size_t i = 0; i < e->len; i++)
		free(e->ring[(e->first + i) % TRANSCRIPT_MAX].text);
	free(e->earlier);
	c->bytes -= e->bytes + ENTRY_COST;
	free(e);
}

void transcripts_free(struct transcripts *c)
{
	if (c == NULL)
		return;
	while (c->oldest != NULL)
		drop_entry(c, c->oldest);
	map_free(c->map, NULL);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

static struct entry *find(struct transcripts *c, struct id thread)
{
	return map_get(c->map, thread.b, sizeof(thread.b));
}

static struct entry *make_entry(struct transcripts *c, struct id thread)
{
	struct entry *e = xcalloc(1, sizeof(*e));
	e->thread = thread;
	map_put(c->map, thread.b, sizeof(thread.b), e);
	link_newest(c, e);
	c->bytes += ENTRY_COST;
	return e;
}

static void push(
    struct transcripts *c, struct entry *e, int64_t seq, enum author_kind kind, struct id author, const char *text, size_t n)
{
	struct held *h;
	if (e->len == TRANSCRIPT_MAX) {
		h = &e->ring[e->first];
		e->first = (e->first + 1) % TRANSCRIPT_MAX;
		e->from_start = false;
		e->bytes -= h->text_len;
		c->bytes -= h->text_len;
		free(h->text);
	} else {
		h = &e->ring[(e->first + e->len++) % TRANSCRIPT_MAX];
	}
	*h = (struct held){ .seq = seq, .kind = kind, .author = author, .text = xstrndup(text, n), .text_len = n };
	e->bytes += n;
	c->bytes += n;
}

static void trim(struct transcripts *c)
{
	while (c->bytes > c->max_bytes && c->oldest != NULL && c->oldest != c->newest)
		drop_entry(c, c->oldest);
}

void transcripts_append(
    struct transcripts *c, struct id thread, int64_t seq, enum author_kind kind, struct id author, const char *text, size_t n)
{
	pthread_mutex_lock(&c->mutex);
	struct entry *e = find(c, thread);
	if (e != NULL && e->last_seq != seq - 1) {
		drop_entry(c, e);
		e = NULL;
	} else if (e == NULL && seq == 1) {
		e = make_entry(c, thread);
		e->from_start = true;
	}
	if (e != NULL) {
		unlink_entry(c, e);
		link_newest(c, e);
		push(c, e, seq, kind, author, text, n);
		e->last_seq = seq;
		trim(c);
	}
	pthread_mutex_unlock(&c->mutex);
}

void transcripts_forget(struct transcripts *c, struct id thread)
{
	pthread_mutex_lock(&c->mutex);
	struct entry *e = find(c, thread);
	if (e != NULL)
		drop_entry(c, e);
	c->changes++;
	pthread_mutex_unlock(&c->mutex);
}

void transcripts_clear(struct transcripts *c)
{
	pthread_mutex_lock(&c->mutex);
	while (c->oldest != NULL)
		drop_entry(c, c->oldest);
	c->changes++;
	pthread_mutex_unlock(&c->mutex);
}

bool transcripts_earlier(struct transcripts *c, struct id thread, struct buf *text, int64_t *before, uint64_t *at_ms)
{
	pthread_mutex_lock(&c->mutex);
	struct entry *e = find(c, thread);
	bool held = e != NULL && e->earlier != NULL;
	if (held) {
		*before = e->earlier_before;
		*at_ms = e->earlier_ms;
		if (text != NULL)
			buf_add(text, e->earlier, e->earlier_len);
	}
	pthread_mutex_unlock(&c->mutex);
	return held;
}

void transcripts_keep_earlier(
    struct transcripts *c, struct id thread, int64_t before, uint64_t at_ms, uint64_t changes, const char *text, size_t n)
{
	pthread_mutex_lock(&c->mutex);
	struct entry *e = find(c, thread);
	if (e != NULL && c->changes == changes) {
		e->bytes += n - e->earlier_len;
		c->bytes += n - e->earlier_len;
		free(e->earlier);
		e->earlier = xstrndup(text, n);
		e->earlier_len = n;
		e->earlier_before = before;
		e->earlier_ms = at_ms;
		trim(c);
	}
	pthread_mutex_unlock(&c->mutex);
}

size_t transcripts_bytes(struct transcripts *c)
{
	pthread_mutex_lock(&c->mutex);
	size_t n = c->bytes;
	pthread_mutex_unlock(&c->mutex);
	return n;
}

static void question_last(struct transcript *t, int64_t upto)
{
	for (size_t i = 0; i + 1 < t->len; i++) {
		if (t->items[i].seq != upto)
			continue;
		struct transcript_item question = t->items[i];
		memmove(&t->items[i], &t->items[i + 1], (t->len - i - 1) * sizeof(question));
		t->items[t->len - 1] = question;
		return;
	}
}

bool transcripts_get(struct transcripts *c, struct id thread, int64_t upto, struct transcript *out)
{
	pthread_mutex_lock(&c->mutex);
	struct entry *e = find(c, thread);
	bool held = e != NULL && e->last_seq >= upto, asked = false;
	size_t n = 0, bytes = 0;
	if (held) {
		for (size_t i = 0; i < e->len; i++) {
			const struct held *h = &e->ring[(e->first + i) % TRANSCRIPT_MAX];
			if (h->seq > upto && h->kind != AUTHOR_EDDY)
				continue;
			asked = asked || h->seq == upto;
			n++;
			bytes += h->text_len + 1;
		}
		/*
		 * Later messages may have pushed out what belongs in front, in a long queue even the question itself: good enough only when
		 * that is here, and nothing was pushed out, or little came.
		 */
		held = asked && (e->from_start || n >= TRANSCRIPT_MAX / 2);
	}
	if (held) {
		memset(out, 0, sizeof(*out));
		out->memory = xmalloc(bytes);
		char *p = out->memory;
		for (size_t i = 0; i < e->len; i++) {
			const struct held *h = &e->ring[(e->first + i) % TRANSCRIPT_MAX];
			if (h->seq > upto && h->kind != AUTHOR_EDDY)
				continue;
			memcpy(p, h->text, h->text_len);
			p[h->text_len] = 0;
			out->items[out->len++] = (struct transcript_item){ h->seq, h->kind, h->author, p, h->text_len };
			p += h->text_len + 1;
		}
		question_last(out, upto);
	}
	pthread_mutex_unlock(&c->mutex);
	return held;
}

void transcript_done(struct transcript *t)
{
	free(t->memory);
	memset(t, 0, sizeof(*t));
}

const struct pg_statement transcript_statements[] = {
	{ "transcript_load",
	    /* The question itself, whatever number of answers came after it, and what else there is room for. */
	    "SELECT m.seq, m.author_kind, m.author_id, m.body, t.seq FROM threads t JOIN LATERAL ("
	    " (SELECT seq, author_kind, author_id, coalesce(whole, body) AS body FROM messages"
	    " WHERE ws = $1 AND thread_id = $2 AND (seq < $3 OR author_kind = 2 AND seq > $3) AND state <> 2 ORDER BY seq DESC LIMIT 49)"
	    " UNION ALL SELECT seq, author_kind, author_id, coalesce(whole, body) FROM messages WHERE ws = $1 AND thread_id = $2 AND seq = $3 AND state <> 2) m ON true"
	    " WHERE t.ws = $1 AND t.id = $2 ORDER BY m.seq" },
	{ NULL, NULL },
};

uint64_t transcripts_changes(struct transcripts *c)
{
	pthread_mutex_lock(&c->mutex);
	uint64_t n = c->changes;
	pthread_mutex_unlock(&c->mutex);
	return n;
}

static void keep(struct transcripts *c, struct id thread, int64_t last_seq, uint64_t changes, const struct transcript *t)
{
	pthread_mutex_lock(&c->mutex);
	struct entry *e = find(c, thread);
	if (e == NULL && c->changes == changes) {
		e = make_entry(c, thread);
		e->from_start = t->len < TRANSCRIPT_MAX;
		for (size_t i = 0; i < t->len; i++)
			push(c, e, t->items[i].seq, t->items[i].kind, t->items[i].author, t->items[i].text, t->items[i].text_len);
		e->last_seq = last_seq;
		trim(c);
	}
	pthread_mutex_unlock(&c->mutex);
}

enum err transcript_load(struct pg *pg, struct transcripts *c, struct id ws, struct id thread, int64_t upto, struct transcript *out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	pg_arg_int8(a, upto);
	PGresult *r = NULL;
	uint64_t changes = c ? transcripts_changes(c) : 0;
	enum err e = pg_query(pg, "transcript_load", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	memset(out, 0, sizeof(*out));
	int n = PQntuples(r);
	size_t bytes = 0;
	for (int i = 0; i < n; i++)
		bytes += (size_t)PQgetlength(r, i, 3) + 1;
	out->memory = xmalloc(bytes ? bytes : 1);
	char *p = out->memory;
	int64_t thread_seq = 0;
	for (int i = 0; i < n && i < TRANSCRIPT_MAX; i++) {
		size_t len = (size_t)PQgetlength(r, i, 3);
		memcpy(p, PQgetvalue(r, i, 3), len);
		p[len] = 0;
		out->items[out->len++] = (struct transcript_item){
			.seq = pg_get_int8(r, i, 0),
			.kind = (enum author_kind)pg_get_int8(r, i, 1),
			.author = PQgetisnull(r, i, 2) ? ID_NONE : pg_get_id(r, i, 2),
			.text = p,
			.text_len = len,
		};
		p += len + 1;
		thread_seq = pg_get_int8(r, i, 4);
	}
	PQclear(r);
	if (c != NULL && out->len > 0 && thread_seq == upto)
		keep(c, thread, thread_seq, changes, out);
	question_last(out, upto);
	return ERR_NONE;
}
