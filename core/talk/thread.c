/*
 * Threads as people handle them: lists, numbers, titles, states.
 *
 * A thread's number is its rank by (created_at, id) among those that may be seen from where it is asked: threads are never removed, so it
 * stays.  A page of a list counts once how many lie before its oldest row (an index scan over one place) and ranks only from there.
 * Changes lock the thread's row, check the table of states and write the audit entry under an id made from the caller's key: found
 * again, it says what the first call did.
 */
#include "thread.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/encode.h"
#include "../base/mem.h"
#include "../base/tz.h"
#include "../base/utf8.h"
#include "../engine/intent.h"

/* ---- states ---- */

static const struct {
	int to; /* 0: may not be */
	const char *why;
} table[4][THREAD_ACTS] = {
	[THREAD_ACTIVE] = {
		[THREAD_SETTLE] = { THREAD_RESOLVED, NULL },
		[THREAD_ARCHIVE] = { THREAD_ARCHIVED, NULL },
		[THREAD_REOPEN] = { 0, "This thread is open." },
		[THREAD_MESSAGE] = { THREAD_ACTIVE, NULL },
		[THREAD_IDLE] = { THREAD_ARCHIVED, NULL },
	},
	[THREAD_RESOLVED] = {
		[THREAD_SETTLE] = { 0, "This thread is marked as resolved already." },
		[THREAD_ARCHIVE] = { THREAD_ARCHIVED, NULL },
		[THREAD_REOPEN] = { THREAD_ACTIVE, NULL },
		[THREAD_MESSAGE] = { THREAD_RESOLVED, NULL }, /* a thank-you does not open the question again */
		[THREAD_IDLE] = { THREAD_ARCHIVED, NULL },
	},
	[THREAD_ARCHIVED] = {
		[THREAD_SETTLE] = { 0, "This thread is archived: reopen it first." },
		[THREAD_ARCHIVE] = { 0, "This thread is archived already." },
		[THREAD_REOPEN] = { THREAD_ACTIVE, NULL },
		[THREAD_MESSAGE] = { THREAD_ACTIVE, NULL },
		[THREAD_IDLE] = { 0, "This thread is archived already." },
	},
};

bool thread_step(enum thread_state from, enum thread_act act, enum thread_state *to, const char **why)
{
	bool known = from >= THREAD_ACTIVE && from <= THREAD_ARCHIVED && act >= THREAD_SETTLE && act < THREAD_ACTS;
	int next = known ? table[from][act].to : 0;
	if (next == 0) {
		if (why != NULL)
			*why = known ? table[from][act].why : "This thread is in a state that I do not know.";
		return false;
	}
	*to = (enum thread_state)next;
	return true;
}

const char *thread_state_word(enum thread_state s)
{
	static const char *const words[] = { "", "active", "resolved", "archived" };
	return s >= THREAD_ACTIVE && s <= THREAD_ARCHIVED ? words[s] : "";
}

/* ---- statements ---- */

/* Of ${t} joined with places ${p}: the columns of struct thread_row but its number. */
#define MICROS(c) "(extract(epoch FROM " c ") * 1000000)::int8"
#define COLUMNS \
	"t.id, t.place_id, coalesce(nullif(btrim(t.title), ''), left(btrim(regexp_replace(left(f.body, 600), '\\s+', ' ', 'g')), 120)), " \
	"t.last_at, t.state, p.adapter, p.external_id, t.external_key, f.message_key, " MICROS("t.created_at") ", k.n, k.state"
/* Its first message that is left: a thread without one is not shown. */
#define FIRST \
	" JOIN places p ON p.ws = t.ws AND p.id = t.place_id" \
	" JOIN LATERAL (SELECT m.body, m.message_key FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id AND m.state <> 2" \
	" ORDER BY m.author_kind <> 1, m.seq LIMIT 1) f ON true" \
	" LEFT JOIN forks k ON k.ws = t.ws AND k.id = t.fork_id"
/* $1 ws, $2 places, $3 audiences, $4 only this thread or NULL */
#define SEEN(t) \
	t ".ws = $1 AND " t ".place_id = ANY ($2::uuid[]) AND " t ".audience_id = ANY ($3::uuid[]) AND ($4::uuid IS NULL OR " t \
	  ".id = $4)"
#define MOMENT(n) "timestamptz 'epoch' + " n "::int8 * interval '1 microsecond'"

const struct pg_statement thread_statements[] = {
	{ "thread_here",
	    "SELECT p.id, p.visibility FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id WHERE t.ws = $1 AND t.id = $2" },
	/* Conversations with just the same people: of mail each is a place of its own. */
	{ "thread_places",
	    "WITH mine AS (SELECT array_agg(external_id ORDER BY external_id) AS who FROM place_people WHERE ws = $1 AND place_id = $2)"
	    " SELECT p.id, p.audience_id FROM mine JOIN place_people r ON r.ws = $1 AND r.external_id = mine.who[1]"
	    " JOIN places p ON p.ws = $1 AND p.id = r.place_id AND p.visibility = $3"
	    " JOIN places own ON own.ws = $1 AND own.id = $2 AND own.adapter = p.adapter"
	    " WHERE p.id <> $2 AND (SELECT array_agg(o.external_id ORDER BY o.external_id) FROM place_people o WHERE o.ws = $1"
	    " AND o.place_id = p.id) = mine.who ORDER BY p.id DESC LIMIT 1000" },
	/* $5 states, $6 author, $7 and $8 the cursor, $9 limit */
	{ "thread_list",
	    "WITH page AS MATERIALIZED (SELECT " COLUMNS ", t.created_at FROM threads t" FIRST " WHERE " SEEN(
	        "t") " AND t.state = ANY ($5::int2[]) AND ($6::uuid IS NULL OR EXISTS (SELECT 1 FROM messages w WHERE w.ws = t.ws"
	             " AND w.thread_id = t.id AND w.author_id = $6 AND w.state <> 2))"
	             " AND ($7::int8 = 0 OR (t.created_at, t.id) < (" MOMENT(
	                 "$7") ", $8::uuid))"
	                       " ORDER BY t.created_at DESC, t.id DESC LIMIT $9::int4),"
	                       " ends AS (SELECT min(created_at) AS lo, max(created_at) AS hi FROM page),"
	                       " before AS (SELECT count(*) AS n FROM threads x, ends WHERE " SEEN(
	                           "x") " AND x.created_at < ends.lo),"
	                                " ranked AS (SELECT x.id, row_number() OVER (ORDER BY x.created_at, x.id) AS n FROM threads x, ends WHERE " SEEN(
	                                    "x") " AND x.created_at BETWEEN ends.lo AND ends.hi)"
	                                         " SELECT page.*, before.n + ranked.n FROM page JOIN ranked ON ranked.id = page.id, before"
	                                         " ORDER BY page.created_at DESC, page.id DESC" },
	{ "thread_numbered",
	    "SELECT " COLUMNS ", t.created_at, $5::int8 FROM (SELECT x.* FROM threads x WHERE " SEEN(
	        "x") " ORDER BY x.created_at, x.id OFFSET $5::int8 - 1 LIMIT 1) t" FIRST },
	{ "thread_called",
	    "SELECT * FROM (SELECT " COLUMNS ", t.created_at, 0::int8 FROM (SELECT x.* FROM threads x WHERE " SEEN(
	        "x") " ORDER BY x.created_at DESC, x.id DESC LIMIT 2000) t" FIRST ") y (id, place, title, at)"
	             " WHERE strpos(lower(y.title), lower($5::text)) > 0"
	             " ORDER BY lower(y.title) = lower($5) DESC, strpos(lower(y.title), lower($5)) = 1 DESC, y.at DESC LIMIT 1" },
	{ "thread_of_fork",
	    "SELECT " COLUMNS ", t.created_at, 0::int8 FROM forks s JOIN threads t ON t.ws = s.ws AND t.id = s.thread_id" FIRST
	    " WHERE s.ws = $1 AND s.parent_id = $2 AND s.n = $3 AND t.audience_id = ANY ($4::uuid[])" },
	{ "thread_lines",
	    "SELECT * FROM (SELECT m.id, m.seq, m.created_at, m.author_kind, m.author_id, pe.name, left(m.body, 2000) FROM messages m"
	    " JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id LEFT JOIN people pe ON pe.ws = m.ws AND pe.id = m.author_id"
	    " WHERE m.ws = $1 AND m.thread_id = $5 AND m.state <> 2 AND m.audience_id = ANY ($3::uuid[]) AND t.place_id = ANY ($2::uuid[])"
	    " AND ($4::uuid IS NULL OR m.thread_id = $4) ORDER BY m.seq DESC LIMIT $6::int4) x ORDER BY x.seq" },
	{ "thread_lock",
	    "SELECT t.state, t.fork_id IS NOT NULL AND k.state <= 2, a.facts->>'from', a.facts->>'to' FROM threads t"
	    " LEFT JOIN forks k ON k.ws = t.ws AND k.id = t.fork_id LEFT JOIN audit a ON a.ws = t.ws AND a.id = $3"
	    " WHERE t.ws = $1 AND t.id = $2 FOR UPDATE OF t" },
	{ "thread_set",
	    "WITH u AS (UPDATE threads SET state = $3::int2 WHERE ws = $1 AND id = $2 RETURNING id)"
	    " INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id, facts) SELECT $1, $4, $5, $6, id, id,"
	    " jsonb_build_object('from', $7::int2, 'to', $3::int2) FROM u ON CONFLICT DO NOTHING" },
	{ "thread_title",
	    "WITH u AS (UPDATE threads SET title = $3 WHERE ws = $1 AND id = $2 RETURNING id)"
	    " INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id) SELECT $1, $4, $5, 'thread.renamed', id, id FROM u"
	    " ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

/* ---- cursors ---- */

struct packed {
	uint8_t us[8];
	struct id thread;
};

void thread_cursor_write(const struct thread_cursor *c, char out[THREAD_CURSOR])
{
	struct packed p = { .thread = c->thread };
	for (int i = 0; i < 8; i++)
		p.us[i] = (uint8_t)((uint64_t)c->created_us >> (56 - 8 * i));
	base64url_encode(out, &p, sizeof p);
}

bool thread_cursor_read(const char *s, size_t n, struct thread_cursor *out)
{
	struct packed p;
	size_t len = 0;
	if (n != THREAD_CURSOR - 1 || !base64url_decode(s, n, (unsigned char *)&p, &len) || len != sizeof p)
		return false;
	uint64_t us = 0;
	for (int i = 0; i < 8; i++)
		us = us << 8 | p.us[i];
	if (us == 0 || us > (uint64_t)INT64_MAX / 2)
		return false;
	*out = (struct thread_cursor){ (int64_t)us, p.thread };
	return true;
}

/* ---- reading ---- */

/* What can be seen from the asker's thread: its place, further places, and their audiences beside those allowed. */
struct view {
	struct id *places, *audiences;
	size_t places_len, audiences_len;
};

static void view_done(struct view *v)
{
	free(v->places);
	free(v->audiences);
}

static enum err view_of(struct pg *pg, const struct search_allowed *a, struct view *v)
{
	*v = (struct view){ 0 };
	PGresult *here = NULL, *same = NULL;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->scope.ws);
	pg_arg_id(g, a->scope.thread);
	enum err e = pg_query(pg, "thread_here", g, &here);
	if (e != ERR_NONE || PQntuples(here) != 1)
		goto done;
	if (pg_get_int8(here, 0, 1) == VIS_DIRECT && id_is_none(a->only_thread)) {
		pg_args_reset(g);
		pg_arg_id(g, a->scope.ws);
		pg_arg_id(g, pg_get_id(here, 0, 0));
		pg_arg_int2(g, VIS_DIRECT);
		if ((e = pg_query(pg, "thread_places", g, &same)) != ERR_NONE)
			goto done;
	}
	size_t more = same != NULL ? (size_t)PQntuples(same) : 0;
	v->places = xcalloc(more + 1, sizeof *v->places);
	v->audiences = xcalloc(a->len + more + 1, sizeof *v->audiences);
	v->places[v->places_len++] = pg_get_id(here, 0, 0);
	memcpy(v->audiences, a->audiences, a->len * sizeof *v->audiences);
	v->audiences_len = a->len;
	for (size_t i = 0; i < more; i++) {
		v->places[v->places_len++] = pg_get_id(same, (int)i, 0);
		v->audiences[v->audiences_len++] = pg_get_id(same, (int)i, 1);
	}
done:
	PQclear(here);
	PQclear(same);
	pg_args_free(g);
	return e;
}

static struct pg_args *view_args(const struct search_allowed *a, const struct view *v)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->scope.ws);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < v->places_len; i++)
		pg_array_id(g, v->places[i]);
	pg_array_end(g);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < v->audiences_len; i++)
		pg_array_id(g, v->audiences[i]);
	pg_array_end(g);
	pg_arg_id(g, a->only_thread);
	return g;
}

static void row_of(const PGresult *r, int i, struct thread_row *t)
{
	const char *title = pg_get_str(r, i, 2);
	*t = (struct thread_row){
		.id = pg_get_id(r, i, 0),
		.place = pg_get_id(r, i, 1),
		.title = title != NULL && title[0] != '\0' ? title : "(no words)",
		.at_ms = pg_get_time_ms(r, i, 3),
		.state = (enum thread_state)pg_get_int8(r, i, 4),
		.adapter = pg_get_str(r, i, 5),
		.place_key = pg_get_str(r, i, 6),
		.thread_key = pg_get_str(r, i, 7),
		.first_key = pg_get_str(r, i, 8),
		.cursor = { pg_get_int8(r, i, 9), pg_get_id(r, i, 0) },
		.is_fork = !PQgetisnull(r, i, 10),
		.fork_n = PQgetisnull(r, i, 10) ? 0 : (int)pg_get_int8(r, i, 10),
		.fork_state = PQgetisnull(r, i, 11) ? 0 : (int)pg_get_int8(r, i, 11),
		.n = pg_get_int8(r, i, 13),
	};
}

enum err thread_list(struct pg *pg, const struct search_allowed *a, const struct thread_query *q,
    void (*fn)(void *arg, const struct thread_row *t), void *arg, bool *more)
{
	struct view v;
	*more = false;
	enum err e = view_of(pg, a, &v);
	if (e == ERR_NONE && v.places_len > 0) {
		unsigned states = q->states ? q->states : THREADS_OPEN | THREADS_RESOLVED;
		int limit = q->limit < 1 ? 1 : q->limit > THREAD_PAGE_MAX ? THREAD_PAGE_MAX : q->limit;
		struct pg_args *g = view_args(a, &v);
		pg_array_begin(g, PG_INT2);
		for (int s = THREAD_ACTIVE; s <= THREAD_ARCHIVED; s++)
			if (states & 1u << (s - 1))
				pg_array_int2(g, (int16_t)s);
		pg_array_end(g);
		pg_arg_id(g, q->author);
		pg_arg_int8(g, q->before.created_us);
		pg_arg_id(g, q->before.thread);
		pg_arg_int4(g, limit + 1);
		PGresult *r = NULL;
		e = pg_query(pg, "thread_list", g, &r);
		pg_args_free(g);
		for (int i = 0; e == ERR_NONE && i < PQntuples(r) && i < limit; i++) {
			struct thread_row t;
			row_of(r, i, &t);
			fn(arg, &t);
		}
		*more = e == ERR_NONE && PQntuples(r) > limit;
		PQclear(r);
	}
	view_done(&v);
	return e;
}

/* At most one row, from a statement over what can be seen from here. */
static enum err one(
    struct pg *pg, const char *statement, struct pg_args *g, void (*fn)(void *arg, const struct thread_row *t), void *arg)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, g, &r);
	if (e == ERR_NONE && PQntuples(r) > 0) {
		struct thread_row t;
		row_of(r, 0, &t);
		fn(arg, &t);
	}
	PQclear(r);
	pg_args_free(g);
	return e;
}

enum err thread_numbered(
    struct pg *pg, const struct search_allowed *a, int64_t n, void (*fn)(void *arg, const struct thread_row *t), void *arg)
{
	struct view v;
	enum err e = n < 1 ? ERR_NONE : view_of(pg, a, &v);
	if (n < 1)
		return ERR_NONE;
	if (e == ERR_NONE && v.places_len > 0) {
		struct pg_args *g = view_args(a, &v);
		pg_arg_int8(g, n);
		e = one(pg, "thread_numbered", g, fn, arg);
	}
	view_done(&v);
	return e;
}

enum err thread_called(struct pg *pg, const struct search_allowed *a, const char *title, size_t n,
    void (*fn)(void *arg, const struct thread_row *t), void *arg)
{
	struct view v;
	enum err e = view_of(pg, a, &v);
	if (e == ERR_NONE && v.places_len > 0) {
		struct pg_args *g = view_args(a, &v);
		pg_arg_text(g, title, utf8_clip(title, n, 4 * THREAD_TITLE_MAX));
		e = one(pg, "thread_called", g, fn, arg);
	}
	view_done(&v);
	return e;
}

enum err thread_of_fork(struct pg *pg, const struct search_allowed *a, struct id parent, int n,
    void (*fn)(void *arg, const struct thread_row *t), void *arg)
{
	struct view v;
	enum err e = view_of(pg, a, &v);
	if (e == ERR_NONE && v.places_len > 0) {
		struct pg_args *g = pg_args_new();
		pg_arg_id(g, a->scope.ws);
		pg_arg_id(g, parent);
		pg_arg_int4(g, n);
		pg_array_begin(g, PG_UUID);
		for (size_t i = 0; i < v.audiences_len; i++)
			pg_array_id(g, v.audiences[i]);
		pg_array_end(g);
		e = one(pg, "thread_of_fork", g, fn, arg);
	}
	view_done(&v);
	return e;
}

enum err thread_last_lines(struct pg *pg, const struct search_allowed *a, struct id thread, int n,
    void (*fn)(void *arg, const struct found_message *m), void *arg)
{
	struct view v;
	enum err e = view_of(pg, a, &v);
	if (e == ERR_NONE && v.places_len > 0) {
		struct pg_args *g = view_args(a, &v);
		pg_arg_id(g, thread);
		pg_arg_int4(g, n);
		PGresult *r = NULL;
		e = pg_query(pg, "thread_lines", g, &r);
		pg_args_free(g);
		for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
			fn(arg,
			    &(struct found_message){ .id = pg_get_id(r, i, 0),
			        .thread = thread,
			        .seq = pg_get_int8(r, i, 1),
			        .at_ms = pg_get_time_ms(r, i, 2),
			        .author_kind = (int)pg_get_int8(r, i, 3),
			        .author = PQgetisnull(r, i, 4) ? ID_NONE : pg_get_id(r, i, 4),
			        .author_name = pg_get_str(r, i, 5),
			        .text = pg_get_str(r, i, 6) });
		PQclear(r);
	}
	view_done(&v);
	return e;
}

/* ---- changes ---- */

static struct id entry_id(const struct thread_change *c)
{
	return id_named(c->key, 0, "thread.change", strlen("thread.change"));
}

static enum err lock(struct pg *pg, const struct thread_change *c, PGresult **out)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, c->ws);
	pg_arg_id(g, c->thread);
	pg_arg_id(g, entry_id(c));
	enum err e = pg_query(pg, "thread_lock", g, out);
	pg_args_free(g);
	if (e == ERR_NONE && PQntuples(*out) != 1) {
		PQclear(*out);
		*out = NULL;
		return ERR_INPUT;
	}
	return e;
}

enum err thread_change(struct pg *pg, const struct thread_change *c, enum thread_act act, enum thread_state *from,
    enum thread_state *to, const char **why)
{
	static const char *const verbs[] = { "thread.settled", "thread.archived", "thread.reopened", "thread.opened",
		"thread.idle" };
	PGresult *r = NULL;
	enum err e = lock(pg, c, &r);
	if (e != ERR_NONE)
		return e;
	const char *was = pg_get_str(r, 0, 2), *is = pg_get_str(r, 0, 3);
	*from = (enum thread_state)pg_get_int8(r, 0, 0);
	bool open_fork = !PQgetisnull(r, 0, 1) && pg_get_bool(r, 0, 1), done = was != NULL && is != NULL;
	if (done) {
		*from = (enum thread_state)atoi(was);
		*to = (enum thread_state)atoi(is);
	}
	PQclear(r);
	if (done)
		return ERR_NONE;
	if (act == THREAD_SETTLE && open_fork) {
		*why = "This is a side thread: say `resolve` and its result goes back to where it came from, or `abandon`.";
		return ERR_DENIED;
	}
	if (!thread_step(*from, act, to, why))
		return ERR_DENIED;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, c->ws);
	pg_arg_id(g, c->thread);
	pg_arg_int2(g, (int16_t)*to);
	pg_arg_id(g, entry_id(c));
	pg_arg_id(g, c->person);
	pg_arg_str(g, verbs[act]);
	pg_arg_int2(g, (int16_t)*from);
	r = NULL;
	e = pg_query(pg, "thread_set", g, &r);
	PQclear(r);
	pg_args_free(g);
	return e;
}

/* One line without what only layout needs. */
static bool clean_title(const char *s, size_t n, struct buf *out)
{
	size_t chars = 0;
	for (size_t i = 0; i < n;) {
		uint32_t cp;
		size_t step = utf8_decode(s + i, n - i, &cp);
		if (step == 0)
			return false;
		bool blank = cp <= ' ' || cp == 0x7f || cp == 0xa0 || cp == 0x3000;
		if (blank && (out->len == 0 || out->p[out->len - 1] == ' ')) {
			i += step;
			continue;
		}
		if (++chars > THREAD_TITLE_MAX + (blank ? 1 : 0))
			return false;
		if (blank)
			buf_add_char(out, ' ');
		else
			buf_add(out, s + i, step);
		i += step;
	}
	while (out->len > 0 && out->p[out->len - 1] == ' ')
		buf_truncate(out, out->len - 1);
	return out->len > 0;
}

enum err thread_rename(struct pg *pg, const struct thread_change *c, const char *title, size_t n, const char **why)
{
	struct buf clean = BUF_INIT;
	PGresult *r = NULL;
	enum err e = ERR_DENIED;
	if (!clean_title(title, n, &clean)) {
		*why = "A title is one line of at most 120 characters.";
		goto done;
	}
	if ((e = lock(pg, c, &r)) != ERR_NONE)
		goto done;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, c->ws);
	pg_arg_id(g, c->thread);
	pg_arg_text(g, clean.p, clean.len);
	pg_arg_id(g, entry_id(c));
	pg_arg_id(g, c->person);
	PQclear(r);
	r = NULL;
	e = pg_query(pg, "thread_title", g, &r);
	pg_args_free(g);
done:
	PQclear(r);
	buf_done(&clean);
	return e;
}

/* ---- for people ---- */

void thread_age(struct buf *out, int64_t at_ms, int64_t now_ms)
{
	int64_t minutes = (now_ms - at_ms) / 60000;
	if (minutes < 1) {
		buf_add_str(out, "just now");
	} else if (minutes < 60) {
		buf_addf(out, "%lld minute%s ago", (long long)minutes, minutes == 1 ? "" : "s");
	} else if (minutes < 48 * 60) {
		buf_addf(out, "%lld hour%s ago", (long long)(minutes / 60), minutes / 60 == 1 ? "" : "s");
	} else if (minutes < 14 * 24 * 60) {
		buf_addf(out, "%lld days ago", (long long)(minutes / 1440));
	} else {
		struct tz_time t;
		tz_local(NULL, (uint64_t)at_ms, &t);
		buf_addf(out, "%04d-%02d-%02d", t.year, t.month, t.day);
	}
}
