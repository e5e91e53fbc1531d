/*
 * Reading for others.  What may be read is decided once, by allowed_audiences() in the database (migrations/017, docs/authority.md) from what it
 * says about the thread, not from what a caller believes; every statement below repeats the filter on audience, thread and state on the message rows
 * themselves, although the search function has applied it: it is the last door.
 *
 * Matches come from eddy.search_messages() (docs/search.md), with words or without; names of authors and places become ids before, so that its
 * bounds do not lose what was asked for.
 */
#include "search.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "../engine/intent.h"
#include "highlight.h"
#include "search_internal.h"
#include "transcript.h"

#define OID_INT2 21
#define OID_TEXT 25
#define OID_UUID 2950
/* So many readers are looked for in the index, each by itself: where a place was named, and where there are hardly any. */
#define FEW_NAMED 16
#define FEW_AT_ALL 4
#define NAME_MAX_BYTES 100

#define COLUMNS \
	"m.id, m.thread_id, t.place_id, m.author_id, m.seq, m.created_at, m.author_kind, m.state, p.visibility, pe.name, p.name," \
	" left(m.body, 6000), m.files::text, p.adapter, p.external_id, t.external_key, m.message_key, m.audience_id"
#define JOINS \
	" JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id JOIN places p ON p.ws = t.ws AND p.id = t.place_id" \
	" LEFT JOIN people pe ON pe.ws = m.ws AND pe.id = m.author_id"
/* $1 ws, $2 audiences, $3 only this thread or NULL, $4 the thread that asks, $5 its limit */
#define MAY_READ \
	"m.ws = $1 AND m.audience_id = ANY ($2::uuid[]) AND m.state <> 2 AND ($3::uuid IS NULL OR m.thread_id = $3)" \
	" AND NOT ($5::int8 > 0 AND m.thread_id = $4::uuid AND m.seq >= $5)"
#define MOMENT(n) "CASE WHEN " n "::int8 <> 0 THEN to_timestamp(" n "::int8 / 1000.0) END"

#define OF_TEAM(ids) \
	"ARRAY(SELECT p.audience_id FROM places p WHERE p.ws = $7 AND p.audience_id = ANY (" ids \
	") AND p.team_id IN (SELECT id FROM below))"

const struct pg_statement search_statements[] = {
	{ "search_allowed", /* $1 thread, $2 place, $3 asker or NULL, $4 a guest, $5 alone, $6 own place */
	    "SELECT place_id, only_thread, ids, own FROM allowed_audiences($1, $2, $3, $4, $5, $6)" },
	{ "search_team_allowed", /* $7 ws, $8 a node: of that what is said in places of its own */
	    "WITH RECURSIVE below AS (SELECT id FROM nodes WHERE ws = $7 AND id = $8 UNION ALL SELECT n.id FROM below b JOIN nodes n ON n.ws = $7"
	    " AND n.parent_id = b.id) SELECT NULL::uuid, a.only_thread, " OF_TEAM("a.ids") ", " OF_TEAM(
	        "a.own") " FROM allowed_audiences($1, $2, $3, $4, $5, $6) a" },
	{ "search_people",
	    "SELECT id FROM people p WHERE ws = $1 AND strpos(lower(name), lower($2::text)) > 0 AND (lower(name) = lower($2)"
	    " OR NOT EXISTS (SELECT 1 FROM people x WHERE x.ws = $1 AND lower(x.name) = lower($2)))"
	    " ORDER BY lower(split_part(name, ' ', 1)) = lower($2) DESC,"
	    " strpos(' ' || lower(name), ' ' || lower($2)) > 0 DESC, id LIMIT $3::int4" },
	{ "search_places",
	    "SELECT audience_id FROM places WHERE ws = $1 AND audience_id = ANY ($2::uuid[]) AND (id = $4::uuid OR ($4 IS NULL"
	    " AND strpos(lower(name), lower($3::text)) > 0 AND (lower(name) = lower($3) OR NOT EXISTS (SELECT 1 FROM places x WHERE x.ws = $1"
	    " AND x.audience_id = ANY ($2) AND lower(x.name) = lower($3))))) ORDER BY id LIMIT 50" },
	/* $6 kinds of authors, $7 enum search_has; $8 after, $9 before; $10 enum search_order; $11 limit, $12 skip; $13 authors; $14, $15 words; $16 few */
	/* OFFSET 0: each of a page's few messages is looked up by its id, whatever the planner makes of it */
	{ "search_found",
	    "SELECT f.*, (u.rank * 1e6)::int8, s.total, s.edge FROM search_messages($14::text, $15::text, $2::uuid[], $16::bool, $3::uuid, $13::uuid[],"
	    " $6::int2[], $7::int4, " MOMENT("$8") ", " MOMENT(
	        "$9") ", $4::uuid, $5::int8, $10::int4, $11::int4, $12::int4) s"
	              " LEFT JOIN LATERAL unnest(s.ids, s.ranks) WITH ORDINALITY AS u (id, rank, n) ON true"
	              " LEFT JOIN LATERAL (SELECT " COLUMNS " FROM messages m" JOINS " WHERE m.id = u.id AND " MAY_READ
	              " OFFSET 0) f ON true ORDER BY u.n" },
	/* Other forms of words: endings put on the stem, kept where the dictionary gives the same stem again; NULL: too common to be looked for. */
	{ "search_listed", /* $6 the messages */
	    "SELECT f.* FROM unnest($6::uuid[]) WITH ORDINALITY AS u (id, n) CROSS JOIN LATERAL (SELECT " COLUMNS
	    " FROM messages m" JOINS " WHERE m.id = u.id AND " MAY_READ " OFFSET 0) f ORDER BY u.n" },
	{ "search_forms",
	    "WITH d AS (SELECT e.dictionary, array_agg(e.ending) AS endings FROM unnest($2::text[], $3::text[]) AS e (dictionary, ending) GROUP BY 1),"
	    " s AS MATERIALIZED (SELECT w.n, w.word, d.dictionary::regdictionary AS dictionary, d.endings, ts_lexize(d.dictionary::regdictionary, w.word)"
	    " AS stem FROM unnest($1::text[]) WITH ORDINALITY AS w (word, n), d)"
	    " SELECT s.n::int4, f.form FROM s, unnest(s.endings) AS e (ending), LATERAL (VALUES (s.stem[1] || e.ending),"
	    " (CASE WHEN s.stem[1] ~ '[bdfglmnprt]$' THEN s.stem[1] || right(s.stem[1], 1) || e.ending END),"
	    " (CASE WHEN s.stem[1] LIKE '%i' THEN left(s.stem[1], -1) || 'y' || e.ending END)) AS f (form)"
	    " WHERE f.form <> s.word AND ts_lexize(s.dictionary, f.form) = s.stem UNION SELECT s.n::int4, NULL FROM s WHERE s.stem = '{}'" },
	{ "search_around", /* $6 the message, $7 neighbours on both sides */
	    "WITH hit AS (SELECT m.thread_id, m.seq FROM messages m WHERE m.id = $6::uuid AND " MAY_READ "), near AS ("
	    "(SELECT m.id FROM hit JOIN messages m ON m.thread_id = hit.thread_id AND m.seq < hit.seq WHERE " MAY_READ
	    " ORDER BY m.seq DESC LIMIT $7::int4) UNION ALL"
	    " (SELECT m.id FROM hit JOIN messages m ON m.thread_id = hit.thread_id AND m.seq >= hit.seq WHERE " MAY_READ
	    " ORDER BY m.seq LIMIT $7::int4 + 1))"
	    " SELECT " COLUMNS " FROM near JOIN messages m ON m.ws = $1 AND m.id = near.id" JOINS " WHERE " MAY_READ
	    " ORDER BY m.seq" },
	{ "search_keys", /* $6, $7: possible keys of places and messages in a link */
	    "SELECT m.id FROM places p JOIN threads t ON t.ws = p.ws AND t.place_id = p.id JOIN messages m ON m.ws = t.ws AND m.thread_id = t.id"
	    " WHERE p.ws = $1 AND p.external_id = ANY ($6::text[]) AND t.external_key = ANY ($7::text[]) AND m.message_key = ANY ($7) AND " MAY_READ
	    " ORDER BY array_position($7::text[], m.message_key) LIMIT 1" },
	{ NULL, NULL },
};

void search_allowed_done(struct search_allowed *a)
{
	free(a->audiences);
	memset(a, 0, sizeof *a);
}

void search_args_id(struct pg_args *args, struct id id)
{
	if (id_is_none(id))
		pg_arg_null(args);
	else
		pg_arg_id(args, id);
}

void search_reads_add(struct search_reads *r, struct id audience)
{
	for (size_t i = 0; i < r->len; i++)
		if (id_equal(r->audiences[i], audience))
			return;
	r->audiences = xrealloc(r->audiences, (r->len + 1) * sizeof *r->audiences);
	r->audiences[r->len++] = audience;
}

void search_reads_done(struct search_reads *r)
{
	free(r->audiences);
	*r = (struct search_reads){ .len = 0 };
}

void search_note(const struct search_allowed *a, struct id audience)
{
	if (a->scope.reads == NULL || id_is_none(audience))
		return;
	for (size_t i = 0; i < a->here_len && i < a->len; i++)
		if (id_equal(a->audiences[i], audience))
			return;
	search_reads_add(a->scope.reads, audience);
}

static bool has_audience(const struct search_allowed *a, struct id audience)
{
	for (size_t i = 0; i < a->len; i++)
		if (id_equal(a->audiences[i], audience))
			return true;
	return false;
}

/* The place itself may be among the public ones, and what is the asker's own among what is everybody's there. */
static void take_allowed(const PGresult *r, struct search_allowed *out)
{
	size_t ids_len = pg_get_ids(r, 0, 2, NULL, 0), own_len = pg_get_ids(r, 0, 3, NULL, 0);
	ids_len = ids_len < SEARCH_AUDIENCES_MAX ? ids_len : SEARCH_AUDIENCES_MAX;
	own_len = own_len < SEARCH_OWN_MAX ? own_len : SEARCH_OWN_MAX;
	struct id *ids = xcalloc(ids_len + 1, sizeof *ids), *own = xcalloc(own_len + 1, sizeof *own);
	(void)pg_get_ids(r, 0, 2, ids, ids_len);
	(void)pg_get_ids(r, 0, 3, own, own_len);
	out->audiences = xcalloc(ids_len + own_len + 1, sizeof *out->audiences);
	for (size_t i = 0; i < ids_len; i++)
		if ((out->len < 1 || !id_equal(ids[i], out->audiences[0])) &&
		    (out->len < 2 || !id_equal(ids[i], out->audiences[1])))
			out->audiences[out->len++] = ids[i];
	if (!PQgetisnull(r, 0, 0))
		out->here_len = ids_len > 1 && !id_equal(ids[0], ids[1]) ? 2 : 1;
	out->own_from = out->len;
	for (size_t i = 0; i < own_len; i++)
		if (!has_audience(out, own[i]))
			out->audiences[out->len++] = own[i];
	free(ids);
	free(own);
}

void search_allowed_take(const PGresult *r, const struct search_scope *scope, struct search_allowed *out)
{
	*out = (struct search_allowed){ .scope = *scope };
	if (PQntuples(r) != 1)
		return;
	take_allowed(r, out);
	if (!PQgetisnull(r, 0, 0))
		out->scope.place = pg_get_id(r, 0, 0);
	if (!PQgetisnull(r, 0, 1))
		out->only_thread = pg_get_id(r, 0, 1);
}

enum err search_allowed_audiences(struct pg *pg, const struct search_scope *scope, struct search_allowed *out)
{
	struct pg_args *args = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(args, scope->thread);
	pg_arg_id(args, scope->place);
	search_args_id(args, scope->person);
	pg_arg_bool(args, scope->guest);
	pg_arg_bool(args, scope->alone);
	pg_arg_bool(args, scope->own_place);
	bool of_team = !id_is_none(scope->team);
	if (of_team) {
		pg_arg_id(args, scope->ws);
		pg_arg_id(args, scope->team);
	}
	enum err e = pg_query(pg, of_team ? "search_team_allowed" : "search_allowed", args, &r);
	pg_args_free(args);
	if (e != ERR_NONE)
		return e;
	search_allowed_take(r, scope, out);
	PQclear(r);
	return ERR_NONE;
}

enum err search_allowed_own(struct pg *pg, const struct search_allowed *a, struct search_allowed *out)
{
	struct search_allowed all;
	struct search_scope scope = a->scope;
	memset(out, 0, sizeof *out);
	out->scope = scope;
	scope.alone = true;
	if (scope.guest || id_is_none(scope.person))
		return ERR_NONE;
	enum err e = search_allowed_audiences(pg, &scope, &all);
	if (e != ERR_NONE)
		return e;
	out->scope = all.scope;
	out->scope.reads = NULL; /* whether there is anything is all that is told of it */
	out->audiences = xcalloc(all.len + 1, sizeof *out->audiences);
	for (size_t i = all.own_from; i < all.len; i++)
		if (!has_audience(a, all.audiences[i]))
			out->audiences[out->len++] = all.audiences[i];
	search_allowed_done(&all);
	return ERR_NONE;
}

/* $1 .. $5 of every statement that reads messages. */
static void args_may_read(
    struct pg_args *args, const struct search_allowed *a, const struct id *audiences, size_t len, struct id thread)
{
	pg_arg_id(args, a->scope.ws);
	pg_array_begin(args, OID_UUID);
	for (size_t i = 0; i < len; i++)
		pg_array_id(args, audiences[i]);
	pg_array_end(args);
	search_args_id(args, thread);
	pg_arg_id(args, a->scope.thread);
	pg_arg_int8(args, a->scope.before_seq);
}

static void row_found(const struct search_allowed *a, const PGresult *r, int i, struct found_message *m)
{
	*m = (struct found_message){
		.id = pg_get_id(r, i, 0),
		.thread = pg_get_id(r, i, 1),
		.place = pg_get_id(r, i, 2),
		.author = PQgetisnull(r, i, 3) ? ID_NONE : pg_get_id(r, i, 3),
		.seq = pg_get_int8(r, i, 4),
		.at_ms = pg_get_time_ms(r, i, 5),
		.author_kind = (int)pg_get_int8(r, i, 6),
		.edited = pg_get_int8(r, i, 7) == 1,
		.visibility = (int)pg_get_int8(r, i, 8),
		.author_name = pg_get_str(r, i, 9),
		.place_name = pg_get_str(r, i, 10),
		.text = pg_get_str(r, i, 11),
		.files = pg_get_str(r, i, 12),
		.adapter = pg_get_str(r, i, 13),
		.place_key = pg_get_str(r, i, 14),
		.thread_key = pg_get_str(r, i, 15),
		.message_key = pg_get_str(r, i, 16),
	};
	m->in_this_thread = id_equal(m->thread, a->scope.thread);
	search_note(a, pg_get_id(r, i, 17));
}

/* The people that ${q}->from means. */
static enum err authors_of(struct pg *pg, const struct search_allowed *a, const struct search_query *q, struct search_filter *f)
{
	if (q->from == NULL || q->from[0] == '\0' || strcasecmp(q->from, "eddy") == 0)
		return ERR_NONE;
	if (strcasecmp(q->from, "me") == 0) {
		f->no_person = id_is_none(q->me);
		f->authors[0] = q->me;
		f->authors_len = 1;
		return ERR_NONE;
	}
	const char *name = q->from + (q->from[0] == '@');
	struct pg_args *args = pg_args_new();
	pg_arg_id(args, a->scope.ws);
	pg_arg_text(args, name, strnlen(name, NAME_MAX_BYTES));
	pg_arg_int4(args, SEARCH_AUTHORS_MAX);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "search_people", args, &r);
	pg_args_free(args);
	if (e != ERR_NONE)
		return e;
	f->authors_len = (size_t)PQntuples(r);
	for (size_t i = 0; i < f->authors_len; i++)
		f->authors[i] = pg_get_id(r, (int)i, 0);
	f->no_person = f->authors_len == 0;
	PQclear(r);
	return ERR_NONE;
}

/* The allowed audiences that ${q}->in leaves; ${out} borrows or is allocated as ${*mine}. */
static enum err audiences_of(struct pg *pg, const struct search_allowed *a, const struct search_query *q, const struct id **out,
    size_t *len, struct id **mine)
{
	*out = a->audiences;
	*len = a->len;
	*mine = NULL;
	if (q->in == NULL || q->in[0] == '\0' || strcasecmp(q->in, "thread") == 0)
		return ERR_NONE;
	bool here = strcasecmp(q->in, "here") == 0;
	const char *name = q->in + (q->in[0] == '#');
	struct pg_args *args = pg_args_new();
	pg_arg_id(args, a->scope.ws);
	pg_array_begin(args, OID_UUID);
	for (size_t i = 0; i < a->len; i++)
		pg_array_id(args, a->audiences[i]);
	pg_array_end(args);
	pg_arg_text(args, here ? "" : name, here ? 0 : strnlen(name, NAME_MAX_BYTES));
	search_args_id(args, here ? a->scope.place : ID_NONE);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "search_places", args, &r);
	pg_args_free(args);
	if (e != ERR_NONE)
		return e;
	*len = (size_t)PQntuples(r);
	*mine = xcalloc(*len + 1, sizeof **mine);
	for (size_t i = 0; i < *len; i++)
		(*mine)[i] = pg_get_id(r, (int)i, 0);
	*out = *mine;
	PQclear(r);
	return ERR_NONE;
}

void search_args_kinds(struct pg_args *args, const struct search_query *q)
{
	bool eddy = q->from != NULL && strcasecmp(q->from, "eddy") == 0;
	pg_array_begin(args, OID_INT2);
	if (eddy || q->with_eddy)
		pg_array_int2(args, AUTHOR_EDDY);
	if (!eddy) {
		pg_array_int2(args, AUTHOR_PERSON);
		pg_array_int2(args, AUTHOR_BOT);
	}
	pg_array_end(args);
}

static void args_wanted(struct pg_args *args, const struct search_query *q)
{
	search_args_kinds(args, q);
	pg_arg_int4(args, (int32_t)q->has);
	pg_arg_int8(args, q->after_ms);
	pg_arg_int8(args, q->before_ms);
	pg_arg_int4(args, (int32_t)q->order);
	pg_arg_int4(args, q->limit < 1 ? 1 : q->limit > SEARCH_LIMIT_MAX ? SEARCH_LIMIT_MAX : q->limit);
	pg_arg_int4(args, q->skip < 0 ? 0 : q->skip > SEARCH_SKIP_MAX ? SEARCH_SKIP_MAX : q->skip);
}

void search_args_authors(struct pg_args *args, const struct search_filter *f)
{
	if (f->authors_len == 0) {
		pg_arg_null(args);
		return;
	}
	pg_array_begin(args, OID_UUID);
	for (size_t i = 0; i < f->authors_len; i++)
		pg_array_id(args, f->authors[i]);
	pg_array_end(args);
}

enum err search_filter_read(struct pg *pg, const struct search_allowed *a, const struct search_query *q, struct search_filter *out)
{
	*out = (struct search_filter){ .thread = a->only_thread };
	if (id_is_none(out->thread) && q->in != NULL && strcasecmp(q->in, "thread") == 0)
		out->thread = a->scope.thread;
	enum err e = authors_of(pg, a, q, out);
	if (e == ERR_NONE)
		e = audiences_of(pg, a, q, &out->audiences, &out->len, &out->mine);
	out->no_place = out->len == 0;
	return e;
}

void search_filter_done(struct search_filter *f)
{
	free(f->mine);
}

void search_args_words(struct pg_args *args, const struct search_words *words)
{
	struct buf broad = BUF_INIT, exactly = BUF_INIT;
	search_words_query(words, &broad, &exactly);
	pg_arg_text(args, broad.p, broad.len);
	pg_arg_text(args, exactly.p, exactly.len);
	buf_done(&broad);
	buf_done(&exactly);
}

static bool is_empty(const char *s)
{
	return s == NULL || s[strspn(s, " \t\r\n")] == '\0';
}

enum err search_messages(struct pg *pg, const struct search_allowed *a, const struct search_query *q,
    void (*fn)(void *arg, const struct found_message *m), void *arg, struct search_totals *totals)
{
	struct search_totals unwanted;
	if (totals == NULL)
		totals = &unwanted;
	*totals = (struct search_totals){ 0 };
	struct search_filter f;
	enum err e = search_filter_read(pg, a, q, &f);
	if (e != ERR_NONE)
		return e;
	totals->no_person = f.no_person;
	totals->no_place = f.no_place;
	struct search_words read = { .len = 0 };
	const struct search_words *words = q->words != NULL ? q->words : &read;
	if (q->words == NULL && (e = search_words_of(pg, q, &read)) != ERR_NONE) {
		search_filter_done(&f);
		return e;
	}
	struct pg_args *args = pg_args_new();
	PGresult *r = NULL;
	if (!f.no_place && !f.no_person && (words->len > 0 || is_empty(q->text))) {
		args_may_read(args, a, f.audiences, f.len, f.thread);
		args_wanted(args, q);
		search_args_authors(args, &f);
		search_args_words(args, words);
		pg_arg_bool(args, f.len <= (f.mine != NULL ? FEW_NAMED : FEW_AT_ALL));
		e = pg_query(pg, "search_found", args, &r);
	}
	search_words_done(&read);
	for (int i = 0; r != NULL && i < PQntuples(r); i++) {
		struct found_message m;
		totals->matches = pg_get_int8(r, i, 19);
		totals->capped = !PQgetisnull(r, i, 20);
		totals->edge_ms = totals->capped ? pg_get_time_ms(r, i, 20) : 0;
		if (PQgetisnull(r, i, 0)) /* none, or it has just been deleted */
			continue;
		row_found(a, r, i, &m);
		m.rank = (float)pg_get_int8(r, i, 18) / 1e6f;
		fn(arg, &m);
	}
	PQclear(r);
	pg_args_free(args);
	search_filter_done(&f);
	return e;
}

enum err search_listed(struct pg *pg, const struct search_allowed *a, const struct id *messages, size_t n,
    void (*fn)(void *arg, const struct found_message *m), void *arg)
{
	struct pg_args *args = pg_args_new();
	PGresult *r = NULL;
	args_may_read(args, a, a->audiences, a->len, a->only_thread);
	pg_array_begin(args, OID_UUID);
	for (size_t i = 0; i < n; i++)
		pg_array_id(args, messages[i]);
	pg_array_end(args);
	enum err e = pg_query(pg, "search_listed", args, &r);
	pg_args_free(args);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct found_message m;
		row_found(a, r, i, &m);
		fn(arg, &m);
	}
	PQclear(r);
	return e;
}

enum err search_read(struct pg *pg, const struct search_allowed *a, struct id message, int around,
    void (*fn)(void *arg, const struct found_message *m), void *arg)
{
	struct pg_args *args = pg_args_new();
	PGresult *r = NULL;
	args_may_read(args, a, a->audiences, a->len, a->only_thread);
	pg_arg_id(args, message);
	pg_arg_int4(args, around < 0 ? 0 : around > 20 ? 20 : around);
	enum err e = pg_query(pg, "search_around", args, &r);
	pg_args_free(args);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct found_message m;
		row_found(a, r, i, &m);
		fn(arg, &m);
	}
	PQclear(r);
	return e;
}

#define KEYS_MAX 24
#define KEY_MAX_BYTES 100

static void add_key(char keys[KEYS_MAX][KEY_MAX_BYTES], size_t *len, const char *s, size_t n)
{
	if (*len == KEYS_MAX || n == 0 || n + 2 >= KEY_MAX_BYTES)
		return;
	memcpy(keys[*len], s, n);
	keys[(*len)++][n] = '\0';
}

static bool is_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
	}
	return n > 0;
}

/*
 * What in a link could be the key of a place or a message: its parts between separators.  A moment with a fraction ("1760.000100")
 * is often written as one number with a letter in front, so that form is undone as well.
 */
static size_t link_keys(const char *link, char keys[KEYS_MAX][KEY_MAX_BYTES])
{
	size_t len = 0, total = strnlen(link, 1000);
	for (size_t i = 0; i < total;) {
		size_t n = strcspn(link + i, "/?&=#<>|: \n");
		if (i + n > total)
			n = total - i;
		add_key(keys, &len, link + i, n);
		size_t letter = n > 0 && ((link[i] >= 'a' && link[i] <= 'z') || (link[i] >= 'A' && link[i] <= 'Z'));
		const char *digits = link + i + letter;
		size_t d = n - letter;
		if (d > 12 && d < KEY_MAX_BYTES - 2 && is_digits(digits, d)) {
			char dotted[KEY_MAX_BYTES];
			memcpy(dotted, digits, d - 6);
			dotted[d - 6] = '.';
			memcpy(dotted + d - 5, digits + d - 6, 6);
			add_key(keys, &len, dotted, d + 1);
		}
		i += n + 1;
	}
	return len;
}

enum err search_resolve_link(struct pg *pg, const struct search_allowed *a, const char *link, struct id *message)
{
	char keys[KEYS_MAX][KEY_MAX_BYTES];
	size_t len = link_keys(link, keys);
	*message = ID_NONE;
	struct pg_args *args = pg_args_new();
	args_may_read(args, a, a->audiences, a->len, a->only_thread);
	for (int array = 0; array < 2; array++) {
		pg_array_begin(args, OID_TEXT);
		for (size_t i = 0; i < len; i++)
			pg_array_str(args, keys[i]);
		pg_array_end(args);
	}
	PGresult *r = NULL;
	enum err e = pg_query(pg, "search_keys", args, &r);
	pg_args_free(args);
	if (e == ERR_NONE && PQntuples(r) == 1)
		*message = pg_get_id(r, 0, 0);
	PQclear(r);
	return e;
}
