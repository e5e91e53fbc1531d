/*
 * One list of what was said and what was made of it.  Messages come from search_messages(), the rest from eddy.search_made(), both ranked in
 * the same way; they are merged by rank, and a page is a cut of the merged list, which is why it asks for the messages of all pages before
 * it too.  Where there is a vector of the words, what is near it is merged by place (reciprocal rank fusion); then the list is always made
 * as deep as it can be shown, because a place counts that only a later page would show.  Both know only the audiences that were computed for this asker in this place (search.h).
 */
#include "find.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "../engine/command.h"
#include "search_internal.h"
#include "transcript.h"
#include "vector.h"

#define MADE_MAX 100
#define MORE 16 /* in the place of those that are left out */
#define TEXT_MAX 6000

const struct pg_statement find_statements[] = {
	/* $1 ws, $2 audiences, $3 thread or NULL, $4 authors or NULL, $5, $6 words, $7 after, $8 before, $9 limit */
	{ "find_made",
	    "SELECT s.kind, s.id, (s.rank * 1e6)::int8, s.at, d.* FROM search_made($5::text, $6::text, $2::uuid[], $3::uuid, $4::uuid[],"
	    " CASE WHEN $7::int8 <> 0 THEN to_timestamp($7 / 1000.0) END, CASE WHEN $8::int8 <> 0 THEN to_timestamp($8 / 1000.0) END, $9::int4) s"
	    " CROSS JOIN LATERAL (SELECT coalesce(f.topic, r.headline), left(coalesce(r.body, i.body, f.topic), 6000), who.name,"
	    " coalesce(f.state, i.kind, 0), t.id, m.id, p.id, p.visibility, p.name, p.adapter, p.external_id, t.external_key,"
	    " coalesce(m.message_key, t.external_key), coalesce(i.audience_id, CASE WHEN r.id IS NOT NULL THEN m.audience_id ELSE t.audience_id END)"
	    " FROM (SELECT s.kind, s.id) x"
	    " LEFT JOIN forks f ON x.kind = 1 AND f.ws = $1 AND f.id = x.id AND EXISTS (SELECT 1 FROM threads h WHERE h.ws = $1"
	    " AND h.id IN (f.parent_id, f.thread_id) AND h.audience_id = ANY ($2))"
	    " LEFT JOIN resolutions r ON x.kind = 2 AND r.ws = $1 AND r.id = x.id AND EXISTS (SELECT 1 FROM messages h WHERE h.ws = $1"
	    " AND h.id = r.message_id AND h.state <> 2 AND h.audience_id = ANY ($2))"
	    " LEFT JOIN forks rf ON rf.ws = $1 AND rf.id = r.fork_id"
	    " LEFT JOIN context_items i ON x.kind = 3 AND i.ws = $1 AND i.id = x.id AND i.audience_id = ANY ($2)"
	    " LEFT JOIN LATERAL (SELECT coalesce(r.message_id, (SELECT y.id FROM messages y WHERE y.ws = $1 AND y.thread_id = f.thread_id"
	    " AND y.state <> 2 ORDER BY y.seq LIMIT 1), (SELECT c.message_id FROM context_sources c WHERE c.ws = $1 AND c.item_id = i.id"
	    " ORDER BY c.message_id LIMIT 1)) AS id OFFSET 0) first ON true"
	    " LEFT JOIN LATERAL (SELECT x.id, x.thread_id, x.message_key, x.audience_id FROM messages x WHERE x.ws = $1 AND x.audience_id = ANY ($2)"
	    " AND x.state <> 2 AND x.id = first.id OFFSET 0) m ON true"
	    /* a side thread that is closed to the reader leads to the thread that it left */
	    " LEFT JOIN LATERAL (SELECT h.id, h.place_id, h.external_key, h.audience_id FROM threads h WHERE h.ws = $1 AND h.audience_id = ANY ($2)"
	    " AND h.id IN (f.thread_id, f.parent_id, rf.parent_id, m.thread_id) ORDER BY h.id = f.thread_id DESC LIMIT 1) t ON true"
	    " LEFT JOIN places p ON p.ws = $1 AND p.id = t.place_id"
	    " LEFT JOIN people who ON who.ws = $1 AND who.id = CASE WHEN f.created_by IS NOT NULL THEN f.created_by"
	    " WHEN r.closed_by IS NOT NULL THEN r.closed_by ELSE i.author_id END"
	    " WHERE coalesce(f.id, r.id, i.id) IS NOT NULL OFFSET 0) d ORDER BY 3 DESC, s.at DESC, s.id" },
	{ NULL, NULL },
};

struct gathering {
	struct find_hit *hits;
	size_t len, cap;
	int64_t left_out;
	struct buf texts; /* offsets become pointers at the end: it moves while it grows */
};

/* Strings are kept as offsets + 1 in the pointers until all are there. */
static const char *keep(struct gathering *g, const char *s)
{
	if (s == NULL)
		return NULL;
	size_t at = g->texts.len + 1;
	buf_add(&g->texts, s, strlen(s) + 1);
	return (const char *)(uintptr_t)at; /* */
}

static void settle(const char **s, const char *texts)
{
	if (*s != NULL)
		*s = texts + ((uintptr_t)*s - 1);
}

static struct find_hit *add(struct gathering *g)
{
	if (g->len == g->cap) {
		g->cap = g->cap == 0 ? 32 : g->cap * 2;
		g->hits = xrealloc(g->hits, g->cap * sizeof *g->hits);
	}
	memset(&g->hits[g->len], 0, sizeof *g->hits);
	return &g->hits[g->len++];
}

/* Who has asked for these words before is not an answer to them. */
static bool is_search(const char *text)
{
	struct command_call call;
	size_t n = strlen(text);
	return n <= FIND_TEXT_MAX + 100 && command_parse(text, n, false, &call) && call.command == CMD_SEARCH;
}

static void add_message(void *arg, const struct found_message *m)
{
	struct gathering *g = arg;
	if (is_search(m->text)) {
		g->left_out++;
		return;
	}
	struct find_hit *h = add(g);
	*h = (struct find_hit){ .kind = FIND_MESSAGE,
		.id = m->id,
		.thread = m->thread,
		.message = m->id,
		.place = m->place,
		.rank = m->rank,
		.at_ms = m->at_ms,
		.author_kind = m->author_kind,
		.visibility = m->visibility,
		.in_this_thread = m->in_this_thread,
		.author = keep(g, m->author_name),
		.place_name = keep(g, m->place_name),
		.text = keep(g, m->text),
		.adapter = keep(g, m->adapter),
		.place_key = keep(g, m->place_key),
		.thread_key = keep(g, m->thread_key),
		.message_key = keep(g, m->message_key) };
}

static struct id id_or_none(const PGresult *r, int i, int col)
{
	return PQgetisnull(r, i, col) ? ID_NONE : pg_get_id(r, i, col);
}

static void add_made(struct gathering *g, const struct search_allowed *a, const PGresult *r, int i)
{
	struct find_hit *h = add(g);
	h->kind = (enum find_kind)pg_get_int8(r, i, 0);
	h->id = pg_get_id(r, i, 1);
	h->rank = (float)pg_get_int8(r, i, 2) / 1e6f;
	h->at_ms = pg_get_time_ms(r, i, 3);
	h->title = keep(g, pg_get_str(r, i, 4));
	h->text = keep(g, pg_get_str(r, i, 5));
	h->author = keep(g, pg_get_str(r, i, 6));
	h->author_kind = h->author == NULL ? AUTHOR_EDDY : AUTHOR_PERSON;
	h->item_kind = h->kind == FIND_ITEM ? (int)pg_get_int8(r, i, 7) : 0;
	h->state = h->kind == FIND_FORK ? (int)pg_get_int8(r, i, 7) : 0;
	h->thread = id_or_none(r, i, 8);
	h->message = id_or_none(r, i, 9);
	h->place = id_or_none(r, i, 10);
	h->visibility = PQgetisnull(r, i, 11) ? 0 : (int)pg_get_int8(r, i, 11);
	h->place_name = keep(g, pg_get_str(r, i, 12));
	h->adapter = keep(g, pg_get_str(r, i, 13));
	h->place_key = keep(g, pg_get_str(r, i, 14));
	h->thread_key = keep(g, pg_get_str(r, i, 15));
	h->message_key = keep(g, pg_get_str(r, i, 16));
	h->in_this_thread = id_equal(h->thread, a->scope.thread);
	search_note(a, id_or_none(r, i, 17));
}

static enum err gather_made(struct pg *pg, const struct search_allowed *a, const struct search_query *q, struct gathering *g)
{
	struct search_filter f;
	bool eddy = q->from != NULL && strcasecmp(q->from, "eddy") == 0;
	if (q->has != SEARCH_ANY || eddy || !search_words_any(q->words))
		return ERR_NONE;
	enum err e = search_filter_read(pg, a, q, &f);
	if (e != ERR_NONE)
		return e;
	struct pg_args *args = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(args, a->scope.ws);
	pg_array_begin(args, PG_UUID);
	for (size_t i = 0; i < f.len; i++)
		pg_array_id(args, f.audiences[i]);
	pg_array_end(args);
	search_args_id(args, f.thread);
	search_args_authors(args, &f);
	search_args_words(args, q->words);
	pg_arg_int8(args, q->after_ms);
	pg_arg_int8(args, q->before_ms);
	pg_arg_int4(args, MADE_MAX);
	if (!f.no_person && !f.no_place)
		e = pg_query(pg, "find_made", args, &r);
	for (int i = 0; r != NULL && i < PQntuples(r); i++)
		add_made(g, a, r, i);
	PQclear(r);
	pg_args_free(args);
	search_filter_done(&f);
	return e;
}

static int by_rank(const void *x, const void *y)
{
	const struct find_hit *a = x, *b = y;
	if (a->rank > b->rank || a->rank < b->rank)
		return a->rank < b->rank ? 1 : -1;
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms ? 1 : -1;
	return id_compare(a->id, b->id);
}

static int by_time(const void *x, const void *y)
{
	const struct find_hit *a = x, *b = y;
	if (a->at_ms != b->at_ms)
		return a->at_ms < b->at_ms ? 1 : -1;
	return id_compare(a->id, b->id);
}

static int by_age(const void *x, const void *y)
{
	const struct find_hit *a = x, *b = y;
	if (a->at_ms != b->at_ms)
		return a->at_ms > b->at_ms ? 1 : -1;
	return id_compare(a->id, b->id);
}

static enum err gather(
    struct pg *pg, const struct search_allowed *a, const struct search_query *q, struct gathering *g, struct search_totals *totals)
{
	enum err e = search_messages(pg, a, q, add_message, g, totals);
	size_t messages = g->len;
	totals->matches -= g->left_out;
	if (e == ERR_NONE)
		e = gather_made(pg, a, q, g);
	totals->matches += (int64_t)(g->len - messages);
	return e;
}

static void finish(const struct find_request *r, const struct find_ask *a, const struct search_words *words, struct gathering *g,
    const struct search_totals *totals, struct find_result *out)
{
	if (g->len > 1) /* messages alone come in this order too */
		qsort(g->hits, g->len, sizeof *g->hits,
		    r->words[0] == '\0' && r->order == SEARCH_BEST ? by_time
		        : r->order == SEARCH_BEST                  ? by_rank
		        : r->order == SEARCH_NEWEST                ? by_time
		                                                   : by_age);
	size_t from = (size_t)(r->page - 1) * (size_t)a->limit, to = from + (size_t)a->limit;
	from = from > g->len ? g->len : from;
	to = to > g->len ? g->len : to;
	out->more = totals->matches > (int64_t)to && r->page < FIND_PAGES_MAX && to > from;
	out->total = totals->matches;
	out->at_least = totals->capped;
	out->edge_ms = totals->edge_ms;
	out->no_person = totals->no_person;
	out->no_place = totals->no_place;
	out->len = to - from;
	out->hits = xcalloc(out->len + 1, sizeof *out->hits);
	memcpy(out->hits, g->hits == NULL ? out->hits : g->hits + from, out->len * sizeof *out->hits);
	buf_reserve(&g->texts, 1);
	out->texts = buf_detach(&g->texts, NULL);
	for (size_t i = 0; i < out->len; i++) {
		struct find_hit *h = &out->hits[i];
		const char **strings[] = { &h->author, &h->place_name, &h->title, &h->text, &h->adapter, &h->place_key,
			&h->thread_key, &h->message_key };
		for (size_t k = 0; k < sizeof strings / sizeof strings[0]; k++)
			settle(strings[k], out->texts);
		if (h->text == NULL)
			h->text = "";
		highlight_find(h->text, strlen(h->text), words, a->snippet, &h->mark);
	}
}

/* ---- what is near ---- */

struct nearing {
	struct gathering *g;
	const struct recall_near *near;
	const size_t *places;
	size_t len;
};

static struct find_hit *message_in(const struct gathering *g, struct id id)
{
	for (size_t i = 0; i < g->len; i++)
		if (g->hits[i].kind == FIND_MESSAGE && id_equal(g->hits[i].id, id))
			return &g->hits[i];
	return NULL;
}

static void add_near(void *arg, const struct found_message *m)
{
	struct nearing *n = arg;
	size_t before = n->g->len;
	int64_t left_out = n->g->left_out;
	add_message(n->g, m);
	n->g->left_out = left_out;
	for (size_t i = 0; i < n->len && n->g->len > before; i++)
		if (id_equal(n->near[i].id, m->id))
			n->g->hits[before].rank = (float)rank_worth(n->places[i]);
}

/* From here on the ranks of ${g} are what the places are worth. */
static enum err merge_near(struct pg *pg, const struct search_allowed *a, const struct search_query *q,
    const struct recall_question *question, struct gathering *g, struct search_totals *totals)
{
	struct recall_near near[RECALL_NEAREST];
	float scores[RECALL_NEAREST];
	struct id others[RECALL_NEAREST];
	size_t n, others_len = 0, places[RECALL_NEAREST];
	enum err e = recall_nearest(pg, a, q, question, near, &n);
	if (e != ERR_NONE || n == 0)
		return e;
	if (g->len > 1)
		qsort(g->hits, g->len, sizeof *g->hits, by_rank);
	float *ranks = xcalloc(g->len + 1, sizeof *ranks);
	size_t *of = xcalloc(g->len + 1, sizeof *of);
	for (size_t i = 0; i < g->len; i++)
		ranks[i] = g->hits[i].rank;
	rank_places(ranks, g->len, of);
	for (size_t i = 0; i < g->len; i++)
		g->hits[i].rank = (float)rank_worth(of[i]);
	free(ranks);
	free(of);
	for (size_t i = 0; i < n; i++)
		scores[i] = near[i].score;
	rank_places(scores, n, places);
	for (size_t i = 0; i < n; i++) {
		struct find_hit *h = message_in(g, near[i].id);
		if (h != NULL)
			h->rank += (float)rank_worth(places[i]);
		else
			others[others_len++] = near[i].id;
	}
	struct nearing x = { g, near, places, n };
	size_t before = g->len;
	e = search_listed(pg, a, others, others_len, add_near, &x);
	totals->matches += (int64_t)(g->len - before);
	return e;
}

/* Whether what the asker alone may read has anything of it. */
static enum err look_at_own(struct pg *pg, const struct search_allowed *a, struct search_query *q, bool *own)
{
	struct search_allowed mine;
	struct search_totals totals;
	struct gathering g = { .len = 0 };
	enum err e = search_allowed_own(pg, a, &mine);
	if (e != ERR_NONE)
		return e;
	q->limit = MORE;
	if (mine.len > 0)
		e = gather(pg, &mine, q, &g, &totals);
	*own = e == ERR_NONE && g.len > 0;
	search_allowed_done(&mine);
	free(g.hits);
	buf_done(&g.texts);
	return e;
}

enum err find_run(struct pg *pg, const struct find_ask *a, const struct find_request *r, struct find_result *out)
{
	struct search_allowed allowed;
	struct search_totals totals;
	struct search_words words = { .len = 0 };
	struct gathering g = { .len = 0 };
	struct search_query q = { .words = &words,
		.text = r->words,
		.from = r->from,
		.me = a->scope.person,
		.in = r->in,
		.after_ms = r->after_ms,
		.before_ms = r->before_ms,
		.order = r->order,
		.has = r->has,
		.limit = r->page * a->limit + MORE,
		.prefix = a->prefix,
		.languages = a->languages,
		.languages_len = a->languages_len };
	const struct recall_question *question = r->words[0] != '\0' && r->order == SEARCH_BEST && !a->prefix ? a->question : NULL;
	if (question != NULL)
		q.limit = FIND_PAGES_MAX * a->limit + MORE;
	memset(out, 0, sizeof *out);
	enum err e = search_allowed_audiences(pg, &a->scope, &allowed);
	if (e != ERR_NONE)
		return e;
	if ((e = search_words_of(pg, &q, &words)) == ERR_NONE)
		e = gather(pg, &allowed, &q, &g, &totals);
	if (e == ERR_NONE && totals.matches == 0 && !totals.no_person && !totals.no_place && words.len > 1) {
		words.loose = true;
		g.left_out = 0;
		e = gather(pg, &allowed, &q, &g, &totals);
		out->loose = g.len > 0;
		words.loose = false;
	}
	if (e == ERR_NONE && question != NULL)
		e = merge_near(pg, &allowed, &q, question, &g, &totals);
	if (e == ERR_NONE)
		finish(r, a, &words, &g, &totals, out);
	if (e == ERR_NONE && a->look_at_own && r->page == 1 && !a->scope.alone)
		e = look_at_own(pg, &allowed, &q, &out->own);
	if (e != ERR_NONE)
		find_result_done(out);
	search_words_done(&words);
	search_allowed_done(&allowed);
	free(g.hits);
	buf_done(&g.texts);
	return e;
}

void find_result_done(struct find_result *r)
{
	free(r->hits);
	free(r->texts);
	memset(r, 0, sizeof *r);
}
