/*
 * Budgets at work: a run's own cap, everybody who pays for its calls (core/agents/budget.h), the rows of calls, and the word to the admins when
 * a budget comes to its end.
 *
 * Rows of what was spent are locked in one order: the workspace's first, then by kind and subject, and tenants one after the other in the last
 * round of the writer's transaction; so two processes that book at once wait for each other and never in a circle.
 */
#include "money.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/clock.h"
#include "../base/mem.h"
#include "../settings/settings.h"
#include "../teams/config.h"
#include "admins.h"
#include "command.h"

const struct pg_statement money_statements[] = {
	/* Sums grow by the calls that were not stored before: a replay after a COMMIT whose answer was lost adds nothing. */
	{ "money_calls",
	    "WITH c AS (INSERT INTO model_calls (ws, id, run_id, provider, model, input_tokens, output_tokens, cost_micros, first_ms,"
	    " total_ms, result, prompt_at, prompt_from, prompt_upto, prompt_digest, prompt_earlier)"
	    " SELECT $1::uuid, s.id, s.run_id, s.provider, s.model, s.input, s.output, s.cost, s.first_ms, s.total_ms,"
	    " s.result, to_timestamp(s.at / 1000.0), s.from_seq, s.upto, s.digest, s.earlier"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::int4[], $7::int4[], $8::int8[], $9::int4[],"
	    " $10::int4[], $11::text[], $13::int8[], $14::int8[], $15::int8[], $16::bytea[], $17::int8[])"
	    " AS s(id, run_id, provider, model, input, output, cost, first_ms, total_ms, result, at, from_seq, upto, digest, earlier)"
	    " ON CONFLICT (ws, run_id, id) DO NOTHING RETURNING id, cost_micros, CASE WHEN provider = 'builtin' THEN 0 ELSE input_tokens END AS input,"
	    " CASE WHEN provider = 'builtin' THEN 0 ELSE output_tokens END AS output),"
	    " t AS (SELECT s.kind, s.subject, sum(c.cost_micros)::int8 AS cost, count(*) AS n, sum(c.input)::int8 AS input,"
	    " sum(c.output)::int8 AS output FROM unnest($18::uuid[], $19::int2[], $20::uuid[]) AS s(call, kind, subject)"
	    " JOIN c ON c.id = s.call GROUP BY s.kind, s.subject),"
	    " h AS (UPDATE budget_holds b SET held_micros = greatest(0, held_micros - t.cost),"
	    " held_tokens = greatest(0, held_tokens - t.input - t.output) FROM t WHERE $21::bool AND b.ws = $1 AND b.kind = t.kind"
	    " AND b.subject = t.subject AND b.owner = $12)"
	    " INSERT INTO budget_days (ws, kind, subject, day, spent_micros, calls, input_tokens, output_tokens)"
	    " SELECT $1, kind, subject, (now() AT TIME ZONE 'UTC')::date, cost, n, input, output FROM t ORDER BY kind, subject"
	    " ON CONFLICT (ws, kind, subject, day) DO UPDATE SET"
	    " spent_micros = budget_days.spent_micros + excluded.spent_micros, calls = budget_days.calls + excluded.calls,"
	    " input_tokens = budget_days.input_tokens + excluded.input_tokens,"
	    " output_tokens = budget_days.output_tokens + excluded.output_tokens" },
	{ NULL, NULL },
};

const struct pg_statement money_read_statements[] = {
	{ "money_used",
	    "SELECT coalesce(sum(cost_micros), 0)::int8, coalesce(sum(input_tokens + output_tokens), 0)::int8 FROM model_calls"
	    " WHERE ws = $1 AND run_id = $2 AND provider <> 'builtin'" },
	{ "money_node", "SELECT name FROM nodes WHERE ws = $1 AND id = $2" },
	{ NULL, NULL },
};

/* ---- before and after a call ---- */

static int64_t cap_of(const struct engine *e, const char *name)
{
	int64_t v = settings_int(e->o.settings, name);
	return v > 0 ? v : BUDGET_NO_CAP;
}

/* What an earlier process has used for this run. */
static enum err load_used(struct run *r, struct pg *pg)
{
	struct pg_args *a = pg_args_new();
	PGresult *res = NULL;
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->id);
	enum err e = pg_begin(pg, r->ws);
	if (e == ERR_NONE)
		e = pg_end(pg, pg_query(pg, "money_used", a, &res));
	pg_args_free(a);
	if (e == ERR_NONE)
		r->used = (struct budget_amount){ pg_get_int8(res, 0, 0), pg_get_int8(res, 0, 1) };
	PQclear(res);
	return e;
}

#define CENT 10000 /* micros */

/* The lower of ${cap} and the run's ${key}, whose most says nothing. */
static int64_t lower_of(const struct run *r, const char *key, int64_t unit, int64_t cap)
{
	int64_t own = config_int(r->config, key);
	if (own >= config_key(key)->max || (cap >= 0 && cap <= own * unit))
		return cap;
	return own * unit;
}

static void put_caps(const struct run *r, const char *whose, struct budget_amount out[3])
{
	static const char *const periods[] = { [BUDGET_DAY] = "day", [BUDGET_MONTH] = "month" };
	char key[64];
	for (enum budget_period p = BUDGET_DAY; p <= BUDGET_MONTH; p++) {
		snprintf(key, sizeof key, "budget.%s_%s_cents", whose, periods[p]);
		out[p].micros = lower_of(r, key, CENT, BUDGET_NO_CAP);
		snprintf(key, sizeof key, "budget.%s_%s_tokens", whose, periods[p]);
		out[p].tokens = lower_of(r, key, 1, BUDGET_NO_CAP);
	}
}

static bool run_has_room(const struct run *r, struct budget_amount want, struct budget_refusal *why)
{
	struct budget_amount cap = { cap_of(r->e, "budget.run_cap"), cap_of(r->e, "budget.run_tokens") };
	if (r->config != NULL)
		cap = (struct budget_amount){ lower_of(r, "budget.run_cents", CENT, cap.micros),
			lower_of(r, "budget.run_tokens", 1, cap.tokens) };
	bool money = cap.micros < 0 || r->used.micros + want.micros <= cap.micros;
	bool tokens = cap.tokens < 0 || r->used.tokens + want.tokens <= cap.tokens;
	*why = (struct budget_refusal){ .kind = BUDGET_RUN, .tokens = money, .cap = money ? cap.tokens : cap.micros };
	return money && tokens;
}

static void node_name(struct pg *pg, struct id ws, struct id node, struct buf *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *res = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	if (pg_query(pg, "money_node", a, &res) == ERR_NONE && PQntuples(res) == 1)
		command_put_name(out, pg_get_str(res, 0, 0));
	PQclear(res);
	pg_args_free(a);
}

static void put_words(struct run *r, struct pg *pg, const struct budget_refusal *why)
{
	struct buf name = BUF_INIT, words = BUF_INIT;
	if (why->kind == BUDGET_NODE && pg_begin(pg, r->ws) == ERR_NONE) {
		node_name(pg, r->ws, why->subject, &name);
		pg_rollback(pg);
	}
	budget_put_refusal(&words, why, name.p, clock_wall_ms());
	buf_done(&name);
	free(r->floor_words);
	r->floor_words = buf_detach(&words, NULL);
}

enum budget_answer money_reserve(struct run *r, struct pg *pg, const char *model, uint32_t input_tokens, uint32_t max_tokens)
{
	struct engine *e = r->e;
	struct budget_refusal why;
	struct budget_amount want = { e->model->ops->worst_cost(e->model, model, input_tokens, max_tokens),
		(int64_t)input_tokens + max_tokens };
	if (r->payer == NULL) {
		struct budget_payer payer;
		if (r->resumed && load_used(r, pg) != ERR_NONE)
			return BUDGET_AWAY;
		if (budget_payer(e->budget, pg, r->ws, r->person, r->place, &payer) != ERR_NONE)
			return BUDGET_AWAY;
		if (r->config != NULL) {
			put_caps(r, "person", payer.person_cap);
			put_caps(r, "team", payer.team_cap);
		}
		r->payer = xmalloc(sizeof *r->payer);
		*r->payer = payer;
	}
	enum budget_answer answer =
	    run_has_room(r, want, &why) ? budget_reserve(e->budget, pg, r->payer, want, &why) : BUDGET_SPENT;
	if (answer == BUDGET_OK) {
		r->held = true;
		r->reserved.micros += want.micros;
		r->reserved.tokens += want.tokens;
	} else if (answer == BUDGET_SPENT) {
		put_words(r, pg, &why);
	}
	return answer;
}

void money_ended(struct run *r, const struct model_usage *u)
{
	r->sum.calls++;
	r->sum.micros += u->cost_micros;
	r->sum.input += u->input_tokens;
	r->sum.output += u->output_tokens;
	r->sum.model = u->model;
	r->sum.mark = r->mark;
	if (r->payer == NULL || r->floor)
		return;
	struct budget_amount used = { u->cost_micros, (int64_t)u->input_tokens + u->output_tokens };
	budget_settle(r->e->budget, r->payer, r->reserved, used);
	r->reserved = (struct budget_amount){ 0, 0 };
	r->used.micros += used.micros;
	r->used.tokens += used.tokens;
}

void money_give_back(struct run *r)
{
	if (r->payer != NULL)
		budget_settle(r->e->budget, r->payer, r->reserved, (struct budget_amount){ 0, 0 });
	r->reserved = (struct budget_amount){ 0, 0 };
}

/* ---- booking ---- */

static size_t payers(const struct run *r, struct budget_subject out[BUDGET_PAYERS_MAX])
{
	const struct budget_payer nobody = { .ws = r->ws };
	return budget_subjects(r->payer != NULL ? r->payer : &nobody, out);
}

void money_book(struct writer_tx *tx, struct run *const *runs, size_t n)
{
	size_t calls = 0;
	bool held = false;
	struct budget_subject s[BUDGET_PAYERS_MAX];
	for (size_t i = 0; i < n; i++) {
		calls += runs[i]->calls_len;
		held |= runs[i]->held;
	}
	if (calls == 0)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, runs[0]->ws);
#define EACH_CALL(oid, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0; i < n; i++) { \
		const struct run *r = runs[i]; \
		for (size_t k = 0; k < r->calls_len; k++) { \
			const struct call_record *c = &r->calls[k]; \
			put; \
		} \
	} \
	pg_array_end(g)
#define EACH_PAYER(oid, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0; i < n; i++) { \
		const struct run *r = runs[i]; \
		size_t len = r->calls_len > 0 ? payers(r, s) : 0; \
		for (size_t k = 0; k < r->calls_len; k++) \
			for (size_t x = 0; x < len; x++) \
				put; \
	} \
	pg_array_end(g)
	EACH_CALL(PG_UUID, pg_array_id(g, c->id));
	EACH_CALL(PG_UUID, ((void)c, pg_array_id(g, r->id)));
	EACH_CALL(PG_TEXT, pg_array_str(g, c->usage.provider ? c->usage.provider : "none"));
	EACH_CALL(PG_TEXT, pg_array_str(g, c->usage.model ? c->usage.model : "none"));
	EACH_CALL(PG_INT4, pg_array_int4(g, (int32_t)c->usage.input_tokens));
	EACH_CALL(PG_INT4, pg_array_int4(g, (int32_t)c->usage.output_tokens));
	EACH_CALL(PG_INT8, pg_array_int8(g, c->usage.cost_micros));
	EACH_CALL(PG_INT4, pg_array_int4(g, (int32_t)c->usage.first_ms));
	EACH_CALL(PG_INT4, pg_array_int4(g, (int32_t)c->usage.total_ms));
	EACH_CALL(PG_TEXT, pg_array_str(g, c->result));
	pg_arg_id(g, runs[0]->e->process);
	EACH_CALL(PG_INT8, pg_array_int8(g, c->mark.at_ms));
	EACH_CALL(PG_INT8, pg_array_int8(g, c->mark.from));
	EACH_CALL(PG_INT8, pg_array_int8(g, c->mark.upto));
	EACH_CALL(PG_BYTES, pg_array_bytes(g, c->mark.digest, PROMPT_DIGEST));
	EACH_CALL(PG_INT8, pg_array_int8(g, c->mark.earlier));
	EACH_PAYER(PG_UUID, pg_array_id(g, r->calls[k].id));
	EACH_PAYER(PG_INT2, pg_array_int2(g, (int16_t)s[x].kind));
	EACH_PAYER(PG_UUID, pg_array_id(g, s[x].id));
	pg_arg_bool(g, held);
#undef EACH_CALL
#undef EACH_PAYER
	writer_exec(tx, "money_calls", NULL, NULL);
}

/* ---- word to the admins ---- */

static void put_whose(struct buf *md, struct pg *pg, const struct budget_level *l)
{
	switch (l->cap.kind) {
	case BUDGET_NODE:
		buf_add_str(md, "The team **");
		node_name(pg, l->ws, l->cap.subject, md);
		buf_add_str(md, "**");
		break;
	case BUDGET_PERSON: {
		struct pg_args *a = pg_args_new();
		PGresult *res = NULL;
		pg_arg_id(a, l->ws);
		pg_arg_id(a, l->cap.subject);
		bool named = pg_query(pg, "context_card", a, &res) == ERR_NONE && PQntuples(res) == 1 && !PQgetisnull(res, 0, 0);
		buf_add_str(md, "**");
		command_put_name(md, named ? pg_get_str(res, 0, 0) : "Somebody");
		buf_add_str(md, "**");
		PQclear(res);
		pg_args_free(a);
		break;
	}
	default:
		buf_add_str(md, "This workspace");
	}
}

static void put_notice(struct buf *md, struct pg *pg, const struct budget_level *l)
{
	const char *period = l->cap.period == BUDGET_DAY ? "today" : "this month";
	put_whose(md, pg, l);
	if (l->percent < 100) {
		buf_addf(md, " has used %d %% of what it may spend on the language model %s: ", l->percent, period);
		budget_put_amount(md, l->used, l->cap.tokens);
		buf_add_str(md, " of ");
		budget_put_amount(md, l->cap.cap, l->cap.tokens);
		buf_add_str(md, ". When it is used up I go on without the model, from what was said before.");
	} else {
		buf_addf(md, " has used up what it may spend on the language model %s: ", period);
		budget_put_amount(md, l->used, l->cap.tokens);
		buf_add_str(md, " of ");
		budget_put_amount(md, l->cap.cap, l->cap.tokens);
		buf_add_str(md, ", and the next call might take more than is left. ");
		buf_add_str(md, l->cap.period == BUDGET_DAY ? "Until midnight UTC" : "Until the end of the month (UTC)");
		buf_add_str(md, " I answer from what was said before.");
	}
	buf_add_str(md, " `eddy budget list` shows all budgets, `eddy budget set` changes them.");
}

static enum err on_level(void *arg, struct pg *pg, struct budget_level *l, int *reached)
{
	struct buf md = BUF_INIT, name = BUF_INIT;
	char subject[ID_TEXT];
	struct admins_word *w = admins_word(arg, pg, l->ws);
	l->kept = w;
	put_notice(&md, pg, l);
	buf_addf(&name, "budget %d %d %s %d %s", (int)l->cap.kind, (int)l->cap.period, l->since, l->percent,
	    id_format(l->cap.subject, subject));
	enum err err = admins_tell(w, l->cap.kind == BUDGET_NODE ? l->cap.subject : l->ws, ID_NONE, name.p, md.p, md.len, reached);
	buf_done(&md);
	buf_done(&name);
	return err;
}

static void on_told(void *arg, struct budget_level *l, bool committed)
{
	(void)arg;
	admins_told(l->kept, committed);
	l->kept = NULL;
}

struct budget *money_new(struct engine *e)
{
	return budget_new(&(struct budget_options){ .process = e->process,
	    .day = { settings_int(e->o.settings, "model.daily_cap"), cap_of(e, "budget.daily_tokens") },
	    .month = { cap_of(e, "budget.monthly_cap"), cap_of(e, "budget.monthly_tokens") },
	    .tell = on_level,
	    .told = on_told,
	    .arg = e });
}
