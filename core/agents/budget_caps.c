/*
 * Whose caps count, who pays, and the words for it.  All rows of a workspace are read at once (there are few: one for each exception, and "each
 * team", "each person"), so that asking for the caps of a payer costs no query.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"
#include "../base/tz.h"
#include "budget.h"

#define DAY_MS (24 * 60 * 60 * 1000ull)

const struct pg_statement budget_cap_statements[] = {
	{ "budget_rows", "SELECT kind, subject, period, cap_micros, cap_tokens FROM budgets WHERE ws = $1" },
	/* One snapshot: what is booked leaves the holds in the same transaction. */
	{ "budget_use",
	    "SELECT coalesce(sum(b.spent_micros) FILTER (WHERE b.day = d.today), 0)::int8,"
	    " coalesce(sum(b.input_tokens + b.output_tokens) FILTER (WHERE b.day = d.today), 0)::int8,"
	    " coalesce(sum(b.spent_micros), 0)::int8, coalesce(sum(b.input_tokens + b.output_tokens), 0)::int8,"
	    " max(h.others_micros), max(h.others_tokens), max(h.mine_micros), max(h.mine_tokens), max(d.today)::text, max(d.first)::text,"
	    " coalesce(bool_or(h.mine), false)"
	    " FROM (SELECT (now() AT TIME ZONE 'UTC')::date AS today, date_trunc('month', now() AT TIME ZONE 'UTC')::date AS first) d"
	    " CROSS JOIN (SELECT coalesce(sum(held_micros) FILTER (WHERE owner <> $4), 0)::int8 AS others_micros,"
	    " coalesce(sum(held_tokens) FILTER (WHERE owner <> $4), 0)::int8 AS others_tokens,"
	    " coalesce(sum(held_micros) FILTER (WHERE owner = $4), 0)::int8 AS mine_micros,"
	    " coalesce(sum(held_tokens) FILTER (WHERE owner = $4), 0)::int8 AS mine_tokens, bool_or(owner = $4) AS mine"
	    " FROM budget_holds WHERE ws = $1 AND kind = $2 AND subject = $3 AND until > now()) h"
	    " LEFT JOIN budget_days b ON b.ws = $1 AND b.kind = $2 AND b.subject = $3 AND b.day BETWEEN d.first AND d.today" },
	{ NULL, NULL },
};

struct row {
	struct budget_subject who;
	enum budget_period period;
	struct budget_amount cap;
};
struct budget_rows {
	size_t len;
	struct row rows[];
};

enum err budget_rows_load(struct pg *pg, struct id ws, struct budget_rows **out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	enum err e = pg_query(pg, "budget_rows", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	size_t n = (size_t)PQntuples(r);
	struct budget_rows *list = xcalloc(1, sizeof *list + n * sizeof(struct row));
	list->len = n;
	for (size_t i = 0; i < n; i++) {
		int row = (int)i;
		list->rows[i] = (struct row){ .who = { (enum budget_kind)pg_get_int8(r, row, 0), pg_get_id(r, row, 1) },
			.period = (enum budget_period)pg_get_int8(r, row, 2),
			.cap = { PQgetisnull(r, row, 3) ? BUDGET_NO_CAP : pg_get_int8(r, row, 3),
			    PQgetisnull(r, row, 4) ? BUDGET_NO_CAP : pg_get_int8(r, row, 4) } };
	}
	PQclear(r);
	*out = list;
	return ERR_NONE;
}

void budget_rows_free(struct budget_rows *r)
{
	free(r);
}

static const struct row *find(const struct budget_rows *r, enum budget_kind kind, struct id subject, enum budget_period period)
{
	for (size_t i = 0; i < r->len; i++)
		if (r->rows[i].who.kind == kind && r->rows[i].period == period && id_equal(r->rows[i].who.id, subject))
			return &r->rows[i];
	return NULL;
}

static int64_t lower(int64_t a, int64_t b)
{
	return a < 0 ? b : b < 0 ? a : a < b ? a : b;
}

struct budget_caps budget_caps_of(
    const struct budget_rows *r, struct id ws, struct budget_subject s, const struct budget_options *o)
{
	const struct budget_amount none = { BUDGET_NO_CAP, BUDGET_NO_CAP };
	struct budget_caps c = { { none, none, none } };
	for (enum budget_period p = BUDGET_DAY; p <= BUDGET_MONTH; p++) {
		const struct row *x = r != NULL ? find(r, s.kind, s.id, p) : NULL;
		if (x == NULL && r != NULL && s.kind != BUDGET_WORKSPACE)
			x = find(r, s.kind, ws, p);
		if (x != NULL)
			c.period[p] = x->cap;
		if (s.kind == BUDGET_WORKSPACE && o != NULL) {
			const struct budget_amount *all = p == BUDGET_DAY ? &o->day : &o->month;
			c.period[p].micros = lower(c.period[p].micros, all->micros);
			c.period[p].tokens = lower(c.period[p].tokens, all->tokens);
		}
	}
	return c;
}

enum err budget_use(struct pg *pg, struct id ws, struct budget_subject s, struct id process, struct budget_use *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	memset(out, 0, sizeof *out);
	pg_arg_id(a, ws);
	pg_arg_int2(a, (int16_t)s.kind);
	pg_arg_id(a, s.id);
	pg_arg_id(a, process);
	enum err e = pg_query(pg, "budget_use", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	out->spent[BUDGET_DAY] = (struct budget_amount){ pg_get_int8(r, 0, 0), pg_get_int8(r, 0, 1) };
	out->spent[BUDGET_MONTH] = (struct budget_amount){ pg_get_int8(r, 0, 2), pg_get_int8(r, 0, 3) };
	out->others = (struct budget_amount){ pg_get_int8(r, 0, 4), pg_get_int8(r, 0, 5) };
	out->mine = (struct budget_amount){ pg_get_int8(r, 0, 6), pg_get_int8(r, 0, 7) };
	snprintf(out->since[BUDGET_DAY], sizeof out->since[0], "%s", pg_get_str(r, 0, 8));
	snprintf(out->since[BUDGET_MONTH], sizeof out->since[0], "%s", pg_get_str(r, 0, 9));
	out->holds = pg_get_bool(r, 0, 10);
	PQclear(r);
	return ERR_NONE;
}

size_t budget_subjects(const struct budget_payer *p, struct budget_subject out[BUDGET_PAYERS_MAX])
{
	size_t n = 0;
	out[n++] = (struct budget_subject){ BUDGET_WORKSPACE, p->ws };
	for (size_t i = 0; i < p->nodes_len; i++)
		out[n++] = (struct budget_subject){ BUDGET_NODE, p->nodes[i] };
	if (!id_is_none(p->user))
		out[n++] = (struct budget_subject){ BUDGET_PERSON, p->user };
	return n;
}

/* ---- words ---- */

void budget_put_amount(struct buf *out, int64_t amount, bool tokens)
{
	if (!tokens && amount % 1000000 == 0)
		buf_addf(out, "%lld USD", (long long)(amount / 1000000));
	else if (!tokens && amount % 10000 == 0)
		buf_addf(out, "%lld.%02lld USD", (long long)(amount / 1000000), (long long)(amount % 1000000 / 10000));
	else if (!tokens)
		buf_addf(out, "%.4f USD", (double)amount / 1e6);
	if (!tokens)
		return;
	char digits[32];
	int n = snprintf(digits, sizeof digits, "%lld", (long long)amount);
	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			buf_add_char(out, ',');
		buf_add_char(out, digits[i]);
	}
	buf_add_str(out, " tokens");
}

static void put_back(struct buf *out, enum budget_period period, uint64_t wall_ms)
{
	if (period == BUDGET_DAY) {
		uint64_t left = DAY_MS - wall_ms % DAY_MS, hours = left / 3600000, minutes = left / 60000;
		buf_add_str(out, "it comes back at midnight UTC, in ");
		if (hours >= 2)
			buf_addf(out, "%llu hours", (unsigned long long)hours);
		else
			buf_addf(out, minutes <= 1 ? "a minute" : "%llu minutes", (unsigned long long)minutes);
		return;
	}
	struct tz_time t;
	tz_local(NULL, wall_ms, &t);
	buf_addf(out, "it comes back on 1 %s", tz_month(t.month % 12 + 1));
}

void budget_put_refusal(struct buf *out, const struct budget_refusal *r, const char *name, uint64_t wall_ms)
{
	if (r->kind == BUDGET_RUN) {
		buf_add_str(out, "This question has reached what one answer may use of the language model (");
		budget_put_amount(out, r->cap, r->tokens);
		buf_add_str(out, "); asked in smaller parts it may fit");
		return;
	}
	buf_addf(out, "%s ", r->period == BUDGET_DAY ? "Today's" : "This month's");
	if (r->kind == BUDGET_PERSON)
		buf_add_str(out, "budget of yours");
	else if (r->kind == BUDGET_NODE && name != NULL && name[0] != '\0')
		buf_addf(out, "budget of the team %s", name);
	else
		buf_addf(out, "budget of this %s", r->kind == BUDGET_NODE ? "team" : "workspace");
	buf_add_str(out, " for the language model (");
	budget_put_amount(out, r->cap, r->tokens);
	buf_add_str(out, ") is used up; ");
	put_back(out, r->period, wall_ms);
}
