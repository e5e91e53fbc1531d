/* Offers: a compare-and-set on the state of a row. */
#include "offers.h"

#include <stddef.h>

const struct pg_statement offers_statements[] = {
	{ "offers_open",
	    "INSERT INTO offers (ws, id, kind, thread_id, person_id, subject, state, until)"
	    " VALUES ($1, $2, $3::int2, $4, $5, $6, 1, now() + $7::int4 * interval '1 hour') ON CONFLICT DO NOTHING" },
	{ "offers_find",
	    "SELECT id, state, person_id IS NULL OR person_id = $5::uuid OR person_id IN (SELECT same_user($5)), until > now() FROM offers WHERE ws = $1 AND kind = $2::int2"
	    " AND CASE WHEN $4::uuid IS NULL THEN subject IS NULL AND thread_id = $3::uuid ELSE subject = $4 END"
	    " ORDER BY state = 1 DESC, created_at DESC LIMIT 1 FOR UPDATE" },
	{ "offers_state", "UPDATE offers SET state = $3::int2, closed_at = now() WHERE ws = $1 AND id = $2 AND state = 1" },
	{ "offers_expire",
	    "UPDATE offers SET state = 4, closed_at = now() WHERE ws = $1 AND id IN (SELECT id FROM offers WHERE ws = $1 AND state = 1"
	    " AND until <= now() LIMIT $2::int4) RETURNING 1" },
	/* A month: longer than anybody looks for one, also where a thread is not to be offered a summary twice. */
	{ "offers_tidy",
	    "DELETE FROM offers WHERE ws = $1 AND id IN (SELECT id FROM offers WHERE ws = $1 AND state > 1 AND closed_at < now() - interval '30 days'"
	    " LIMIT $2::int4) RETURNING 1" },
	{ NULL, NULL },
};

bool offer_next(enum offer_state from, enum offer_act act, enum offer_state *to)
{
	static const enum offer_state after[] = {
		[OFFER_ACCEPT] = OFFER_ACCEPTED, [OFFER_DECLINE] = OFFER_DECLINED, [OFFER_EXPIRE] = OFFER_EXPIRED
	};
	if (from != OFFER_OPEN)
		return false;
	*to = after[act];
	return true;
}

enum err offers_open(struct pg *pg, struct id ws, const struct offer_new *o)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, o->id);
	pg_arg_int2(a, (int16_t)o->kind);
	pg_arg_id(a, o->thread);
	pg_arg_id(a, o->person);
	pg_arg_id(a, o->subject);
	pg_arg_int4(a, (int32_t)o->hours);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "offers_open", a, &r);
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err offers_close(
    struct pg *pg, struct id ws, enum offer_kind kind, struct id thread, struct id subject, struct id person, enum offer_act act)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int2(a, (int16_t)kind);
	pg_arg_id(a, thread);
	pg_arg_id(a, subject);
	pg_arg_id(a, person);
	PGresult *r = NULL;
	enum offer_state to;
	enum err e = pg_query(pg, "offers_find", a, &r);
	if (e == ERR_NONE &&
	    (PQntuples(r) == 0 || !pg_get_bool(r, 0, 3) || !offer_next((enum offer_state)pg_get_int8(r, 0, 1), act, &to)))
		e = ERR_INPUT;
	else if (e == ERR_NONE && !pg_get_bool(r, 0, 2))
		e = ERR_DENIED;
	if (e == ERR_NONE) {
		pg_args_reset(a);
		pg_arg_id(a, ws);
		pg_arg_id(a, pg_get_id(r, 0, 0));
		pg_arg_int2(a, (int16_t)to);
		PGresult *done = NULL;
		e = pg_query(pg, "offers_state", a, &done);
		PQclear(done);
	}
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err some(struct pg *pg, const char *statement, struct id ws, int limit, int64_t *gone)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int4(a, limit);
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	if (gone != NULL)
		*gone = e == ERR_NONE ? PQntuples(r) : 0;
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err offers_expire(struct pg *pg, struct id ws, int limit, int64_t *gone)
{
	return some(pg, "offers_expire", ws, limit, gone);
}

enum err offers_tidy(struct pg *pg, struct id ws, int limit, int64_t *gone)
{
	return some(pg, "offers_tidy", ws, limit, gone);
}
