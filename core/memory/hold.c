/*
 * Legal holds.  What is put apart, and what covers it, is decided in the database (migration 038), so that no way of erasing passes it by.  Here: who
 * placed and ended them, and taking away what nothing covers any more: from the end of a hold until some minutes
 * after it each row is asked of again.
 */
#include "hold.h"

#include "whole.h"

#define RELEASE 500 /* rows in one transaction */

const struct pg_statement hold_statements[] = {
	{ "hold_place",
	    "INSERT INTO holds (ws, id, kind, subjects, reason, placed_by) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING" },
	{ "hold_thread", "SELECT 1 FROM threads WHERE ws = $1 AND id = $2" },
	{ "hold_lock", "SELECT end_asked_by, end_asked_at FROM holds WHERE ws = $1 AND id = $2 AND ended_at IS NULL FOR UPDATE" },
	{ "hold_ask", "UPDATE holds SET end_asked_by = $3, end_asked_at = now() WHERE ws = $1 AND id = $2" },
	{ "hold_end", "UPDATE holds SET ended_by = $3, ended_at = now() WHERE ws = $1 AND id = $2" },
	{ "hold_list", /* $2 those that have ended as well, $3 the most */
	    "SELECT h.id, h.kind, h.subjects, h.reason, h.placed_by, (extract(epoch FROM h.placed_at) * 1000)::int8,"
	    " (extract(epoch FROM h.end_asked_at) * 1000)::int8, (extract(epoch FROM h.ended_at) * 1000)::int8, h.end_asked_by, (SELECT count(*)"
	    " FROM held_rows r WHERE r.ws = $1 AND h.ended_at IS NULL AND CASE h.kind WHEN 1 THEN h.subjects && r.persons WHEN 2 THEN"
	    " r.thread_id = ANY (h.subjects) WHEN 3 THEN r.place_id = ANY (h.subjects) ELSE true END) FROM holds h WHERE h.ws = $1"
	    " AND ($2 OR h.ended_at IS NULL) ORDER BY h.placed_at DESC, h.id LIMIT $3::int4" },
	{ "upkeep_hold_tenants", "SELECT DISTINCT ws FROM installs ORDER BY ws" },
	/* Some minutes more: a transaction from before the end may still put something there. */
	{ "upkeep_hold_ended", "SELECT 1 FROM holds WHERE ws = $1 AND ended_at IS NOT NULL AND released_at IS NULL LIMIT 1" },
	{ "upkeep_hold_released",
	    "UPDATE holds SET released_at = now() WHERE ws = $1 AND released_at IS NULL AND ended_at < now() - interval '10 minutes'" },
	{ "upkeep_hold_release",
	    "DELETE FROM held_rows WHERE ws = $1 AND id IN (SELECT r.id FROM held_rows r WHERE r.ws = $1 AND NOT hold_covers($1, r.persons, r.thread_id,"
	    " r.place_id) ORDER BY r.id LIMIT $2::int4) RETURNING 1" },
	{ "upkeep_hold_wake",
	    "UPDATE erasures SET state = 1 WHERE ws = $1 AND state = 3 AND NOT hold_keeps($1, id, kind, subject) RETURNING 1" },
	{ "upkeep_hold_report",
	    "SELECT count(*), count(end_asked_at), (extract(epoch FROM min(placed_at)) * 1000)::int8, (SELECT count(*) FROM held_rows WHERE ws = $1),"
	    " (SELECT count(*) FROM erasures WHERE ws = $1 AND state = 3) FROM holds WHERE ws = $1 AND ended_at IS NULL" },
	{ NULL, NULL },
};

static enum err one(struct pg *pg, const char *statement, struct pg_args *a, PGresult **out)
{
	*out = NULL;
	enum err e = pg_query(pg, statement, a, out);
	pg_args_free(a);
	return e;
}

static struct pg_args *of(struct id ws, struct id id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	if (!id_is_none(id))
		pg_arg_id(a, id);
	return a;
}

enum err hold_place(struct pg *pg, struct id ws, const struct hold *h)
{
	PGresult *r;
	bool ended;
	enum err e = whole_ended(pg, ws, &ended);
	if (e != ERR_NONE || ended)
		return e != ERR_NONE ? e : ERR_DENIED;
	struct pg_args *a = of(ws, h->id);
	pg_arg_int2(a, (int16_t)h->kind);
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < h->subjects_len; i++)
		pg_array_id(a, h->subjects[i]);
	pg_array_end(a);
	pg_arg_str(a, h->reason);
	pg_arg_id(a, h->by);
	e = one(pg, "hold_place", a, &r);
	PQclear(r);
	return e;
}

enum err hold_thread(struct pg *pg, struct id ws, struct id thread)
{
	PGresult *r;
	enum err e = one(pg, "hold_thread", of(ws, thread), &r);
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = ERR_INPUT;
	PQclear(r);
	return e;
}

enum err hold_end(struct pg *pg, struct id ws, struct id id, struct id by, bool two, bool *ended)
{
	PGresult *r;
	enum err e = one(pg, "hold_lock", of(ws, id), &r);
	*ended = false;
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = ERR_INPUT;
	bool asked = e == ERR_NONE && !PQgetisnull(r, 0, 0);
	if (e == ERR_NONE && two && (id_is_none(by) || (asked && id_equal(pg_get_id(r, 0, 0), by))))
		e = ERR_DENIED;
	PQclear(r);
	if (e != ERR_NONE)
		return e;
	*ended = !two || asked;
	struct pg_args *a = of(ws, id);
	pg_arg_id(a, by);
	e = one(pg, *ended ? "hold_end" : "hold_ask", a, &r);
	PQclear(r);
	return e;
}

enum err hold_list(struct pg *pg, struct id ws, bool all, int32_t max, void (*fn)(void *arg, const struct hold *h), void *arg)
{
	PGresult *r;
	struct pg_args *a = of(ws, ID_NONE);
	pg_arg_bool(a, all);
	pg_arg_int4(a, max);
	enum err e = one(pg, "hold_list", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id subjects[32];
		fn(arg,
		    &(struct hold){ .id = pg_get_id(r, i, 0),
		        .kind = (enum hold_kind)pg_get_int8(r, i, 1),
		        .subjects = subjects,
		        .subjects_len = pg_get_ids(r, i, 2, subjects, sizeof subjects / sizeof *subjects),
		        .reason = pg_get_str(r, i, 3),
		        .by = pg_get_id(r, i, 4),
		        .placed_ms = pg_get_int8(r, i, 5),
		        .end_asked_ms = PQgetisnull(r, i, 6) ? 0 : pg_get_int8(r, i, 6),
		        .ended_ms = PQgetisnull(r, i, 7) ? 0 : pg_get_int8(r, i, 7),
		        .end_asked_by = pg_get_id(r, i, 8),
		        .rows = pg_get_int8(r, i, 9) });
	}
	PQclear(r);
	return e;
}

static enum err piece(struct pg *pg, struct id ws, int *rows, bool *woken)
{
	PGresult *r;
	enum err e = one(pg, "upkeep_hold_ended", of(ws, ID_NONE), &r);
	bool none = e == ERR_NONE && PQntuples(r) == 0;
	PQclear(r);
	*rows = 0;
	if (e != ERR_NONE || none)
		return e;
	struct pg_args *a = of(ws, ID_NONE);
	pg_arg_int4(a, RELEASE);
	e = one(pg, "upkeep_hold_release", a, &r);
	*rows = e == ERR_NONE ? PQntuples(r) : 0;
	PQclear(r);
	if (e != ERR_NONE || *rows == RELEASE)
		return e;
	e = one(pg, "upkeep_hold_wake", of(ws, ID_NONE), &r);
	*woken |= e == ERR_NONE && PQntuples(r) > 0;
	PQclear(r);
	if (e == ERR_NONE) {
		e = one(pg, "upkeep_hold_released", of(ws, ID_NONE), &r);
		PQclear(r);
	}
	return e;
}

enum err hold_release(struct pg *pg, struct id ws, bool *woken)
{
	int rows = RELEASE;
	enum err e = ERR_NONE;
	*woken = false;
	while (e == ERR_NONE && rows == RELEASE) {
		e = pg_begin(pg, ws);
		if (e == ERR_NONE)
			e = pg_end(pg, piece(pg, ws, &rows, woken));
	}
	return e;
}

enum err hold_report(struct pg *pg, struct hold_report *out)
{
	PGresult *r, *one_ws = NULL;
	*out = (struct hold_report){ 0 };
	enum err e = one(pg, "upkeep_hold_tenants", pg_args_new(), &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id ws = pg_get_id(r, i, 0);
		e = pg_begin(pg, ws);
		if (e == ERR_NONE)
			e = pg_end(pg, one(pg, "upkeep_hold_report", of(ws, ID_NONE), &one_ws));
		if (e == ERR_NONE) {
			int64_t at = PQgetisnull(one_ws, 0, 2) ? 0 : pg_get_int8(one_ws, 0, 2);
			out->standing += pg_get_int8(one_ws, 0, 0);
			out->asked += pg_get_int8(one_ws, 0, 1);
			out->oldest_ms = out->oldest_ms == 0 || (at != 0 && at < out->oldest_ms) ? at : out->oldest_ms;
			out->rows += pg_get_int8(one_ws, 0, 3);
			out->waiting += pg_get_int8(one_ws, 0, 4);
		}
		PQclear(one_ws);
		one_ws = NULL;
	}
	PQclear(r);
	return e;
}
