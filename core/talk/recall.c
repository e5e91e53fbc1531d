/*
 * Nearest by comparing: an index over vectors would be an extension to install, and of what one person may read the newest 5,000 are compared
 * in a few milliseconds.  The database says first which these are, by the filters of full text, and then gives their vectors in pieces, so
 * that a search never holds more than a piece.  Readers are filtered on the vector, on the message, and once more when the
 * messages that are shown are read (search_listed).
 *
 * A vector is stored under a lock on its message, taken only if it can be had at once: an edit or a deletion either comes first, and then the
 * text has another rev, or after it, and then its DELETE (memory/derived.c) sees the vector.
 */
#include "recall.h"

#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"
#include "../base/utf8.h"
#include "search_internal.h"
#include "vector.h"

#define PIECE 250
#define FEW_AUDIENCES 16

#define MOMENT(n) "CASE WHEN " n "::int8 <> 0 THEN to_timestamp(" n "::int8 / 1000.0) END"
#define CANDIDATES(from) \
	"SELECT e.message_id FROM " from " e CROSS JOIN LATERAL (SELECT 1 FROM messages m WHERE m.ws = $1 AND m.id = e.message_id" \
	" AND m.audience_id = ANY ($2::uuid[]) AND m.state <> 2 AND m.author_kind = ANY ($8::int2[])" \
	" AND ($9::uuid[] IS NULL OR m.author_id = ANY ($9)) AND NOT ($5::int8 > 0 AND m.thread_id = $4::uuid AND m.seq >= $5)" \
	" AND (" MOMENT("$10") " IS NULL OR m.created_at >= " MOMENT("$10") ") AND (" MOMENT( \
	    "$11") " IS NULL OR m.created_at < " MOMENT("$11") ") OFFSET 0) m ORDER BY e.message_id DESC LIMIT $12::int4"
#define VECTOR_FITS "model = $6::text AND dims = $7::int4 AND ($3::uuid IS NULL OR thread_id = $3)"

const struct pg_statement recall_statements[] = {
	{ "recall_window",
	    "SELECT id FROM messages WHERE ws = $1 AND ($2::uuid IS NULL OR id < $2) ORDER BY id DESC OFFSET $3::int4 LIMIT 1" },
	/* $3 and $4: between these, neither included */
	{ "recall_missing",
	    "SELECT m.id, m.rev, left(m.body, 8000) FROM messages m LEFT JOIN runs r ON r.ws = m.ws AND r.id = m.run_id"
	    " LEFT JOIN people p ON p.ws = m.ws AND p.id = CASE WHEN m.author_id IS NOT NULL THEN m.author_id ELSE r.person_id END"
	    " WHERE m.ws = $1"
	    " AND ($3::uuid IS NULL OR m.id < $3) AND ($4::uuid IS NULL OR m.id > $4) AND m.state <> 2 AND m.author_kind IN (1, 2)"
	    " AND m.body ~ '\\S' AND NOT coalesce(p.private, false) AND NOT EXISTS (SELECT 1 FROM embeddings e WHERE e.ws = m.ws"
	    " AND e.message_id = m.id AND e.model = $2::text) ORDER BY m.id DESC LIMIT $5::int4" },
	/* Of a deletion that came while a vector was being stored. */
	{ "recall_orphans",
	    "DELETE FROM embeddings e USING messages m WHERE e.ws = $1 AND m.ws = $1 AND m.id = e.message_id AND m.state = 2"
	    " AND ($2::uuid IS NULL OR m.id < $2) AND ($3::uuid IS NULL OR m.id > $3)" },
	{ "recall_keep",
	    "INSERT INTO embeddings (ws, message_id, model, dims, v, audience_id, thread_id, created_at) SELECT $1, m.id, $2::text, $3::int4, m.v,"
	    " m.audience_id, m.thread_id, m.created_at FROM (SELECT m.*, x.v FROM unnest($4::uuid[], $5::int8[], $6::bytea[]) AS x (id, rev, v)"
	    " JOIN messages m ON m.ws = $1 AND m.id = x.id AND m.rev = x.rev AND m.state <> 2 WHERE NOT EXISTS (SELECT 1 FROM people p WHERE p.ws = $1"
	    " AND p.private AND p.id = m.author_id) AND NOT EXISTS (SELECT 1 FROM runs r JOIN people p ON p.ws = r.ws AND p.id = r.person_id"
	    " AND p.private WHERE m.author_id IS NULL AND r.ws = $1 AND r.id = m.run_id)"
	    " FOR SHARE OF m SKIP LOCKED) m"
	    " ON CONFLICT (ws, message_id) DO UPDATE SET model = excluded.model, dims = excluded.dims, v = excluded.v" },
	{ "recall_book",
	    "WITH h AS (UPDATE budget_holds SET held_micros = greatest(0, held_micros - $3::int8), held_tokens = greatest(0, held_tokens - $4::int8)"
	    " WHERE ws = $1 AND kind = 1 AND subject = $1 AND owner = $2) INSERT INTO budget_days (ws, kind, subject, day, spent_micros, calls,"
	    " input_tokens) VALUES ($1, 1, $1, (now() AT TIME ZONE 'UTC')::date, $3::int8, 1, $4::int8) ON CONFLICT (ws, kind, subject, day) DO UPDATE SET"
	    " spent_micros = budget_days.spent_micros + excluded.spent_micros, calls = budget_days.calls + 1,"
	    " input_tokens = budget_days.input_tokens + excluded.input_tokens" },
	/* $1 ws, $2 audiences, $3 thread or NULL, $4 the thread that asks, $5 its limit, $6 model, $7 dims, $8 kinds, $9 authors, $10 after,
	 * $11 before, $12 limit; few audiences: each by itself */
	{ "recall_ids_few",
	    CANDIDATES(
	        "(SELECT x.message_id FROM unnest($2::uuid[]) AS a (id) CROSS JOIN LATERAL (SELECT message_id FROM embeddings"
	        " WHERE ws = $1 AND audience_id = a.id AND " VECTOR_FITS
	        " ORDER BY message_id DESC LIMIT 10000) x ORDER BY x.message_id DESC)") },
	{ "recall_ids",
	    CANDIDATES("(SELECT n.message_id FROM (SELECT * FROM embeddings WHERE ws = $1 ORDER BY message_id DESC LIMIT 50000) n"
	               " WHERE n.audience_id = ANY ($2::uuid[]) AND " VECTOR_FITS " ORDER BY n.message_id DESC)") },
	{ "recall_vectors",
	    "SELECT message_id, v FROM embeddings WHERE ws = $1 AND message_id = ANY ($2::uuid[]) AND audience_id = ANY ($3::uuid[])"
	    " AND model = $4::text" },
	{ NULL, NULL },
};

static void arg_ids(struct pg_args *a, const struct id *ids, size_t n)
{
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < n; i++)
		pg_array_id(a, ids[i]);
	pg_array_end(a);
}

/* ---- making them ---- */

static void take(struct recall_batch *b, const PGresult *r)
{
	for (int i = 0; i < PQntuples(r) && b->len < RECALL_BATCH; i++) {
		const char *text = pg_get_str(r, i, 2);
		size_t n = utf8_clip(text, strlen(text), RECALL_TEXT_BYTES);
		if (b->bytes + n > RECALL_BATCH_BYTES)
			break;
		b->rows[b->len].id = pg_get_id(r, i, 0);
		b->rows[b->len].rev = pg_get_int8(r, i, 1);
		b->rows[b->len++].text = xstrndup(text, n);
		b->bytes += n;
	}
}

enum err recall_missing(struct pg *pg, struct id ws, const char *model, struct id before, struct recall_batch *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *edge = NULL, *gone = NULL, *r = NULL;
	memset(out, 0, sizeof *out);
	pg_arg_id(a, ws);
	pg_arg_id(a, before);
	pg_arg_int4(a, RECALL_WINDOW);
	enum err e = pg_query(pg, "recall_window", a, &edge);
	if (e == ERR_NONE && PQntuples(edge) == 1)
		out->from = pg_get_id(edge, 0, 0);
	pg_args_reset(a);
	pg_arg_id(a, ws);
	pg_arg_id(a, before);
	pg_arg_id(a, out->from);
	if (e == ERR_NONE)
		e = pg_query(pg, "recall_orphans", a, &gone);
	pg_args_reset(a);
	pg_arg_id(a, ws);
	pg_arg_str(a, model);
	pg_arg_id(a, before);
	pg_arg_id(a, out->from);
	pg_arg_int4(a, RECALL_BATCH);
	if (e == ERR_NONE)
		e = pg_query(pg, "recall_missing", a, &r);
	if (e == ERR_NONE)
		take(out, r);
	PQclear(edge);
	PQclear(gone);
	PQclear(r);
	pg_args_free(a);
	return e;
}

void recall_batch_done(struct recall_batch *b)
{
	for (size_t i = 0; i < b->len; i++)
		free(b->rows[i].text);
	b->len = 0;
}

enum err recall_keep(
    struct pg *pg, struct id ws, const char *model, const struct recall_batch *b, const float *vectors, size_t dims)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	unsigned char *bytes = xcalloc(4, dims + 1);
	pg_arg_id(a, ws);
	pg_arg_str(a, model);
	pg_arg_int4(a, vectors == NULL ? 0 : (int32_t)dims);
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < b->len; i++)
		pg_array_id(a, b->rows[i].id);
	pg_array_end(a);
	pg_array_begin(a, PG_INT8);
	for (size_t i = 0; i < b->len; i++)
		pg_array_int8(a, b->rows[i].rev);
	pg_array_end(a);
	pg_array_begin(a, PG_BYTES);
	for (size_t i = 0; i < b->len; i++) {
		if (vectors != NULL)
			vector_put(vectors + i * dims, dims, bytes);
		pg_array_bytes(a, bytes, vectors == NULL ? 0 : 4 * dims);
	}
	pg_array_end(a);
	enum err e = pg_query(pg, "recall_keep", a, &r);
	PQclear(r);
	pg_args_free(a);
	free(bytes);
	return e;
}

enum err recall_book(struct pg *pg, struct id ws, struct id process, int64_t micros, int64_t tokens)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, process);
	pg_arg_int8(a, micros);
	pg_arg_int8(a, tokens);
	enum err e = pg_query(pg, "recall_book", a, &r);
	PQclear(r);
	pg_args_free(a);
	return e;
}

/* ---- asking ---- */

static enum err candidates(struct pg *pg, const struct search_allowed *a, const struct search_query *q,
    const struct search_filter *f, const struct recall_question *question, PGresult **out)
{
	struct pg_args *args = pg_args_new();
	pg_arg_id(args, a->scope.ws);
	arg_ids(args, f->audiences, f->len);
	search_args_id(args, f->thread);
	pg_arg_id(args, a->scope.thread);
	pg_arg_int8(args, a->scope.before_seq);
	pg_arg_str(args, question->model);
	pg_arg_int4(args, (int32_t)question->dims);
	search_args_kinds(args, q);
	search_args_authors(args, f);
	pg_arg_int8(args, q->after_ms);
	pg_arg_int8(args, q->before_ms);
	pg_arg_int4(args, RECALL_CANDIDATES);
	enum err e = pg_query(pg, f->len <= FEW_AUDIENCES ? "recall_ids_few" : "recall_ids", args, out);
	pg_args_free(args);
	return e;
}

/* Among equals the newer one. */
static bool is_nearer(const struct recall_near *a, const struct recall_near *b)
{
	if (a->score > b->score || a->score < b->score)
		return a->score > b->score;
	return id_compare(a->id, b->id) > 0;
}

static void offer(struct recall_near *out, size_t *n, struct recall_near x)
{
	if (*n == RECALL_NEAREST && !is_nearer(&x, &out[*n - 1]))
		return;
	size_t at = *n < RECALL_NEAREST ? (*n)++ : *n - 1;
	for (; at > 0 && is_nearer(&x, &out[at - 1]); at--)
		out[at] = out[at - 1];
	out[at] = x;
}

static enum err compare(struct pg *pg, const struct search_allowed *a, const struct search_filter *f,
    const struct recall_question *question, const PGresult *ids, int from, float *v, struct recall_near *out, size_t *n)
{
	struct pg_args *args = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(args, a->scope.ws);
	pg_array_begin(args, PG_UUID);
	for (int i = from; i < PQntuples(ids) && i < from + PIECE; i++)
		pg_array_id(args, pg_get_id(ids, i, 0));
	pg_array_end(args);
	arg_ids(args, f->audiences, f->len);
	pg_arg_str(args, question->model);
	enum err e = pg_query(pg, "recall_vectors", args, &r);
	pg_args_free(args);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		if (!vector_get((const unsigned char *)PQgetvalue(r, i, 1), (size_t)PQgetlength(r, i, 1), v, question->dims))
			continue;
		struct recall_near x = { pg_get_id(r, i, 0), vector_dot(v, question->v, question->dims) };
		if (x.score >= question->floor)
			offer(out, n, x);
	}
	PQclear(r);
	return e;
}

enum err recall_nearest(struct pg *pg, const struct search_allowed *a, const struct search_query *q,
    const struct recall_question *question, struct recall_near out[RECALL_NEAREST], size_t *n)
{
	struct search_filter f;
	PGresult *ids = NULL;
	*n = 0;
	if (q->has != SEARCH_ANY) /* a matter of letters, not of meaning */
		return ERR_NONE;
	enum err e = search_filter_read(pg, a, q, &f);
	if (e != ERR_NONE)
		return e;
	if (!f.no_person && !f.no_place)
		e = candidates(pg, a, q, &f, question, &ids);
	float *v = xcalloc(question->dims + 1, sizeof *v);
	for (int from = 0; ids != NULL && e == ERR_NONE && from < PQntuples(ids); from += PIECE)
		e = compare(pg, a, &f, question, ids, from, v, out, n);
	free(v);
	PQclear(ids);
	search_filter_done(&f);
	return e;
}
