/*
 * What the ledger knows and the database does not is ordered again, in the words of the ledger, and worked off like any erasure; its first step
 * empties what the backup has brought back and ends the runs and deliveries that it would go on with.  A row of erasures is committed before its
 * line is written, so a database that knows the last lines knows all: only when it does not, the whole file is read.
 */
#include "erased.h"

#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "forget.h"

#define TAIL (128u << 10) /* bytes of the ledger that are looked at when nothing is missing: some 500 lines */
#define BATCH 500

const struct pg_statement again_statements[] = {
	{ "again_tenants", "SELECT DISTINCT ws FROM installs ORDER BY ws" },
	{ "again_known", "SELECT 1 FROM installs WHERE ws = $1 LIMIT 1" },
	{ "again_missing",
	    "SELECT count(*) FROM unnest($2::uuid[]) AS x (id) WHERE NOT EXISTS (SELECT 1 FROM erasures e WHERE e.ws = $1 AND e.id = x.id)" },
	{ "again_order",
	    "INSERT INTO erasures (ws, id, kind, subject, created_at, since, asked, noted_at, step) SELECT $1::uuid, x.id, x.kind, x.subject,"
	    " x.at::timestamptz, x.at::timestamptz, 4, now(), -1 FROM unnest($2::uuid[], $3::int4[], $4::uuid[], $5::text[])"
	    " AS x (id, kind, subject, at) ON CONFLICT DO NOTHING RETURNING id" },
	{ "again_open",
	    "SELECT id FROM erasures WHERE ws = $1 AND state = 1 AND asked = 4 AND ($2::uuid IS NULL OR id > $2) ORDER BY id LIMIT 100" },
	{ "again_newest", "SELECT id FROM erasures WHERE ws = $1 AND noted_at IS NOT NULL ORDER BY noted_at DESC, id LIMIT 50" },
	{ NULL, NULL },
};

struct batch {
	struct pg *pg;
	bool order; /* else: count what is missing */
	struct id ws, last;
	bool known; /* the workspace is in the database */
	struct erased lines[BATCH];
	size_t len;
	int missing;
	enum err err;
};

static enum err number(struct pg *pg, const char *statement, const struct pg_args *a, int *rows, int64_t *first)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	if (e == ERR_NONE && rows != NULL)
		*rows = PQntuples(r);
	if (e == ERR_NONE && first != NULL)
		*first = PQntuples(r) > 0 ? pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	return e;
}

static enum err send(struct batch *b)
{
	struct pg_args *a = pg_args_new();
	int64_t missing = 0;
	int rows = 0;
	pg_arg_id(a, b->ws);
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < b->len; i++)
		pg_array_id(a, b->lines[i].id);
	pg_array_end(a);
	if (b->order) {
		pg_array_begin(a, PG_INT4);
		for (size_t i = 0; i < b->len; i++)
			pg_array_int4(a, (int32_t)b->lines[i].kind);
		pg_array_end(a);
		pg_array_begin(a, PG_UUID);
		for (size_t i = 0; i < b->len; i++)
			pg_array_id(a, b->lines[i].subject);
		pg_array_end(a);
		pg_array_begin(a, PG_TEXT);
		for (size_t i = 0; i < b->len; i++)
			pg_array_str(a, b->lines[i].at);
		pg_array_end(a);
	}
	enum err e = pg_begin(b->pg, b->ws);
	if (e == ERR_NONE)
		e = pg_end(b->pg,
		    b->order ? number(b->pg, "again_order", a, &rows, NULL) : number(b->pg, "again_missing", a, NULL, &missing));
	b->missing += b->order ? rows : (int)missing;
	pg_args_free(a);
	return e;
}

static void flush(struct batch *b)
{
	if (b->len > 0 && b->err == ERR_NONE)
		b->err = send(b);
	b->len = 0;
}

static void take(void *arg, const struct erased *line)
{
	struct batch *b = arg;
	if (line->kind == ERASED_BACKUP || b->err != ERR_NONE)
		return;
	if (!id_equal(line->ws, b->ws)) {
		int rows = 0;
		struct pg_args *a = pg_args_new();
		flush(b);
		b->ws = line->ws;
		pg_arg_id(a, b->ws);
		if (b->err == ERR_NONE)
			b->err = number(b->pg, "again_known", a, &rows, NULL);
		b->known = rows > 0; /* a workspace that came after the backup has nothing in it */
		pg_args_free(a);
	}
	if (!b->known)
		return;
	b->lines[b->len++] = *line;
	if (b->len == BATCH)
		flush(b);
}

/* Those of one workspace that were ordered again. */
static enum err work(struct pg *pg, struct id ws, const struct forget_ends *ends, int *done)
{
	struct id after = ID_NONE;
	for (;;) {
		PGresult *r = NULL;
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, ws);
		pg_arg_id(a, after);
		enum err e = pg_begin(pg, ws);
		if (e == ERR_NONE)
			e = pg_end(pg, pg_query(pg, "again_open", a, &r));
		pg_args_free(a);
		int n = e == ERR_NONE ? PQntuples(r) : 0;
		for (int i = 0; i < n && e == ERR_NONE; i++) {
			enum forget_state state = FORGET_MORE;
			after = pg_get_id(r, i, 0);
			while (e == ERR_NONE && (state == FORGET_MORE || state == FORGET_LATER))
				e = forget_work(pg, ws, after, ends, &state);
			*done += e == ERR_NONE && state == FORGET_DONE;
		}
		PQclear(r);
		if (e != ERR_NONE || n == 0)
			return e;
	}
}

enum err erased_again(struct pg *pg, const char *dir, const struct forget_ends *ends, struct again_result *out)
{
	*out = (struct again_result){ 0 };
	struct batch *b = xcalloc(1, sizeof *b);
	b->pg = pg;
	enum err e = erased_read(dir, TAIL, take, b, &out->torn);
	flush(b);
	if (e == ERR_NONE && b->err == ERR_NONE && b->missing > 0) {
		*b = (struct batch){ .pg = pg, .order = true };
		e = erased_read(dir, 0, take, b, &out->torn);
		flush(b);
		out->missing = b->missing;
	}
	e = e == ERR_INPUT ? ERR_NONE : e;
	if (e == ERR_NONE)
		e = b->err;
	free(b);
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	if (e == ERR_NONE)
		e = pg_query(pg, "again_tenants", a, &r);
	pg_args_free(a);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		e = work(pg, pg_get_id(r, i, 0), ends, &out->done);
	PQclear(r);
	if (out->missing > 0 || out->done > 0 || e != ERR_NONE)
		log_warn("erase.again", LF_INT("missing", out->missing), LF_INT("done", out->done), LF_INT("torn", out->torn),
		    LF_STR("result", e == ERR_NONE ? "ok" : err_name(e)));
	return e;
}

/* ---- doctor ---- */

struct looking {
	struct erased_report *out;
	struct id *ids; /* looked for; those found are ID_NONE */
	size_t len;
};

static void see(void *arg, const struct erased *line)
{
	struct looking *l = arg;
	if (line->kind == ERASED_BACKUP) {
		memcpy(l->out->backup, line->at, sizeof line->at);
		l->out->since_backup = 0;
		return;
	}
	l->out->lines++;
	l->out->since_backup++;
	memcpy(l->out->last, line->at, sizeof line->at);
	for (size_t i = 0; i < l->len; i++)
		if (id_equal(l->ids[i], line->id))
			l->ids[i] = ID_NONE;
}

static enum err newest(struct pg *pg, struct id ws, struct looking *l)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_end(pg, pg_query(pg, "again_newest", a, &r));
	pg_args_free(a);
	int n = e == ERR_NONE ? PQntuples(r) : 0;
	l->ids = xrealloc(l->ids, (l->len + (size_t)n + 1) * sizeof *l->ids);
	for (int i = 0; i < n; i++)
		l->ids[l->len++] = pg_get_id(r, i, 0);
	PQclear(r);
	return e;
}

enum err erased_report(struct pg *pg, const char *dir, struct erased_report *out)
{
	struct looking l = { .out = out };
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	*out = (struct erased_report){ .there = true };
	enum err e = pg_query(pg, "again_tenants", a, &r);
	pg_args_free(a);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		e = newest(pg, pg_get_id(r, i, 0), &l);
	PQclear(r);
	if (e == ERR_NONE) {
		e = erased_read(dir, 0, see, &l, &out->torn);
		out->there = e != ERR_INPUT;
		e = e == ERR_INPUT ? ERR_NONE : e;
	}
	for (size_t i = 0; i < l.len; i++)
		out->lacking += !id_is_none(l.ids[i]);
	free(l.ids);
	return e;
}
