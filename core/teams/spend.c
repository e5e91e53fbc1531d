/* Rows of budgets and sums of what was spent, as JSON.  Money is in USD there and in micro-USD in the tables. */
#include "spend.h"

#include <string.h>

#include "refuse.h"

#define BELOW \
	"WITH RECURSIVE below AS (SELECT ws, id, 1 AS depth FROM nodes WHERE ws = $1 AND id = $2 UNION ALL SELECT n.ws, n.id, below.depth + 1" \
	" FROM below JOIN nodes n ON n.ws = below.ws AND n.parent_id = below.id WHERE below.depth < 32)"
#define NAME \
	" CASE WHEN b.kind = 2 THEN (SELECT n.slug FROM nodes n WHERE n.ws = b.ws AND n.id = b.subject)" \
	" WHEN b.kind = 3 THEN (SELECT p.name FROM people p WHERE p.ws = b.ws AND p.id = b.subject) END"

const struct pg_statement spend_statements[] = {
	{ "spend_put",
	    "INSERT INTO budgets (ws, kind, subject, period, cap_micros, cap_tokens, set_by) VALUES ($1, $2, $3, $4, $5, $6, $7)"
	    " ON CONFLICT (ws, kind, subject, period) DO UPDATE SET cap_micros = excluded.cap_micros, cap_tokens = excluded.cap_tokens,"
	    " set_by = excluded.set_by, set_at = now()" },
	{ "spend_drop", "DELETE FROM budgets WHERE ws = $1 AND kind = $2 AND subject = $3 AND period = $4" },
	{ "spend_old",
	    "SELECT cap_micros, cap_tokens FROM budgets WHERE ws = $1 AND kind = $2 AND subject IN ($3, $1) AND period = $4"
	    " ORDER BY subject = $1 LIMIT 1" },
	{ "spend_parent", "SELECT parent_id FROM nodes WHERE ws = $1 AND id = $2" },
	{ "spend_list",
	    BELOW
	    " SELECT b.kind, b.subject, b.period, b.cap_micros, b.cap_tokens," NAME
	    ", coalesce(u.spent, 0)::int8, coalesce(u.tokens, 0)::int8 FROM budgets b LEFT JOIN LATERAL (SELECT sum(d.spent_micros) AS spent,"
	    " sum(d.input_tokens + d.output_tokens) AS tokens FROM budget_days d WHERE d.ws = b.ws AND d.kind = b.kind"
	    " AND d.subject = b.subject AND d.day >= CASE WHEN b.period = 1 THEN (now() AT TIME ZONE 'UTC')::date"
	    " ELSE date_trunc('month', now() AT TIME ZONE 'UTC')::date END) u ON true"
	    " WHERE b.ws = $1 AND ($2 = $1 OR (b.kind = 2 AND b.subject IN (SELECT id FROM below)))"
	    " AND ($3::int2 IS NULL OR (b.kind = $3 AND b.subject = $4))"
	    " ORDER BY b.kind, b.subject <> $1, 6, b.subject, b.period LIMIT 1000" },
	{ "spend_days",
	    "SELECT day::text, spent_micros, input_tokens, output_tokens, calls FROM budget_days WHERE ws = $1 AND kind = $2 AND subject = $3"
	    " AND day > (now() AT TIME ZONE 'UTC')::date - $4::int4 ORDER BY day DESC" },
	{ "spend_by",
	    BELOW
	    " SELECT b.subject, sum(b.spent_micros)::int8, sum(b.input_tokens)::int8, sum(b.output_tokens)::int8, sum(b.calls)::int8,"
	    " min(" NAME ") FROM budget_days b WHERE b.ws = $1 AND b.kind = $3"
	    " AND b.day > (now() AT TIME ZONE 'UTC')::date - $4::int4 AND ($3 = 3 OR b.subject IN (SELECT id FROM below))"
	    " GROUP BY b.subject ORDER BY 2 DESC, 3 DESC, 1 LIMIT 1000" },
	{ NULL, NULL },
};

static struct pg_args *subject_args(struct id ws, struct budget_subject s, enum budget_period period)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int2(a, (int16_t)s.kind);
	pg_arg_id(a, s.id);
	pg_arg_int2(a, (int16_t)period);
	return a;
}

static void arg_cap(struct pg_args *a, int64_t cap)
{
	if (cap < 0)
		pg_arg_null(a);
	else
		pg_arg_int8(a, cap);
}

static bool is_tighter(int64_t cap, const PGresult *r, int col)
{
	return PQgetisnull(r, 0, col) || (cap >= 0 && cap <= pg_get_int8(r, 0, col));
}

/* Who is an admin at the team but not above it may only take from what it has. */
static enum err may_set(struct pg *pg, const struct caller *by, struct budget_subject s, enum budget_period period,
    struct budget_amount cap, struct problem *why)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	enum role above = ROLE_NONE;
	pg_arg_id(a, by->ws);
	pg_arg_id(a, s.id);
	enum err e = pg_ask(pg, "spend_parent", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 1 && !PQgetisnull(r, 0, 0))
		e = authority_at(pg, by, pg_get_id(r, 0, 0), &above);
	PQclear(r);
	if (e != ERR_NONE || above >= ROLE_ADMIN)
		return e;
	r = NULL;
	e = pg_ask(pg, "spend_old", subject_args(by->ws, s, period), &r);
	bool tighter = e == ERR_NONE &&
	    (PQntuples(r) == 0 ? cap.micros >= 0 || cap.tokens >= 0 : is_tighter(cap.micros, r, 0) && is_tighter(cap.tokens, r, 1));
	PQclear(r);
	if (e == ERR_NONE && !tighter)
		e = team_refuse(
		    why, API_FORBIDDEN, "", "An admin of the team alone can only make its budget tighter; ask an admin above it.");
	return e;
}

enum err spend_set(struct pg *pg, const struct caller *by, struct budget_subject s, enum budget_period period,
    struct budget_amount cap, struct problem *why)
{
	enum err e = s.kind == BUDGET_NODE && !id_equal(s.id, by->ws) ? may_set(pg, by, s, period, cap, why) : ERR_NONE;
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = subject_args(by->ws, s, period);
	if (cap.micros < 0 && cap.tokens < 0)
		return pg_ask(pg, "spend_drop", a, NULL);
	arg_cap(a, cap.micros);
	arg_cap(a, cap.tokens);
	pg_arg_id(a, by->person);
	return pg_ask(pg, "spend_put", a, NULL);
}

static json_t *usd(int64_t micros)
{
	return json_real((double)micros / 1e6);
}

static void set_subject(json_t *o, struct id ws, enum budget_kind kind, struct id subject, const char *name)
{
	static const char *const kinds[] = { "", "workspace", "team", "person" };
	char id[ID_TEXT];
	json_object_set_new(o, "of", json_string(kinds[kind]));
	if (kind == BUDGET_WORKSPACE)
		return;
	if (id_equal(subject, ws)) {
		json_object_set_new(o, "each", json_true());
		return;
	}
	json_object_set_new(o, "id", json_string(id_format(subject, id)));
	if (name != NULL)
		json_object_set_new(o, "name", json_string(name));
}

struct pg_args *spend_list_args(struct id ws, struct id node, const struct budget_subject *s)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	if (s != NULL) {
		pg_arg_int2(a, (int16_t)s->kind);
		pg_arg_id(a, s->id);
	} else {
		pg_arg_null(a);
		pg_arg_null(a);
	}
	return a;
}

json_t *spend_list_of(const PGresult *r, struct id ws)
{
	json_t *out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		json_t *o = json_object();
		set_subject(o, ws, (enum budget_kind)pg_get_int8(r, i, 0), pg_get_id(r, i, 1), pg_get_str(r, i, 5));
		json_object_set_new(o, "period", json_string(pg_get_int8(r, i, 2) == BUDGET_DAY ? "day" : "month"));
		if (!PQgetisnull(r, i, 3))
			json_object_set_new(o, "usd", usd(pg_get_int8(r, i, 3)));
		if (!PQgetisnull(r, i, 4))
			json_object_set_new(o, "tokens", json_integer(pg_get_int8(r, i, 4)));
		if (json_object_get(o, "each") == NULL) {
			json_object_set_new(o, "spent_usd", usd(pg_get_int8(r, i, 6)));
			json_object_set_new(o, "spent_tokens", json_integer(pg_get_int8(r, i, 7)));
		}
		json_array_append_new(out, o);
	}
	return out;
}

enum err spend_list(struct pg *pg, struct id ws, struct id node, const struct budget_subject *s, json_t **out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "spend_list", spend_list_args(ws, node, s), &r);
	if (e == ERR_NONE)
		*out = spend_list_of(r, ws);
	PQclear(r);
	return e;
}

static json_t *use_of(const PGresult *r, int i)
{
	json_t *o = json_object();
	json_object_set_new(o, "usd", usd(pg_get_int8(r, i, 1)));
	json_object_set_new(o, "input_tokens", json_integer(pg_get_int8(r, i, 2)));
	json_object_set_new(o, "output_tokens", json_integer(pg_get_int8(r, i, 3)));
	json_object_set_new(o, "calls", json_integer(pg_get_int8(r, i, 4)));
	return o;
}

enum err spend_days(struct pg *pg, struct id ws, struct budget_subject s, int days, json_t **out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_int2(a, (int16_t)s.kind);
	pg_arg_id(a, s.id);
	pg_arg_int4(a, days);
	enum err e = pg_ask(pg, "spend_days", a, &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		json_t *o = use_of(r, i);
		json_object_set_new(o, "day", json_string(pg_get_str(r, i, 0)));
		json_array_append_new(*out, o);
	}
	PQclear(r);
	return ERR_NONE;
}

enum err spend_by(struct pg *pg, struct id ws, struct id node, enum budget_kind kind, int days, json_t **out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	pg_arg_int2(a, (int16_t)kind);
	pg_arg_int4(a, days);
	enum err e = pg_ask(pg, "spend_by", a, &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		json_t *o = use_of(r, i);
		set_subject(o, ws, kind, pg_get_id(r, i, 0), pg_get_str(r, i, 5));
		json_array_append_new(*out, o);
	}
	PQclear(r);
	return ERR_NONE;
}
