/*
 * The end of a run, and the steps on its way.
 *
 *   finish   compare-and-set of the run (its token and open state are the fence: a process that has lost the lease changes
 *            nothing), the reply as a message with the thread's next number, its outbox row already in state sending, the
 *            model calls, the day's spending and the audit entry: one transaction.  Of a run that has read other places' words it is asked
 *            there whether all who read the answer now may read them; if not, a plain sentence takes its place.
 *   step     tool calls and their results, before the next turn; messages that came meanwhile join the run here
 */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/fault.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../people/directory.h"
#include "engine_internal.h"
#include "money.h"
#include "offer.h"

const struct pg_statement finish_statements[] = {
	/* Rows are found by = ANY(keys) and take their values by position: with a join the planner may walk the whole tenant. */
	{ "finish_runs",
	    "UPDATE runs SET state = ($4::int2[])[array_position($2, id)], error = ($5::text[])[array_position($2, id)], finished_at = now(),"
	    " agent_id = ($6::uuid[])[array_position($2, id)], builtin = ($7::bool[])[array_position($2, id)],"
	    " config_id = coalesce(($8::uuid[])[array_position($2, id)], config_id), untrusted = untrusted | ($9::int4[])[array_position($2, id)]"
	    " WHERE ws = $1 AND id = ANY($2::uuid[]) AND token = ($3::int8[])[array_position($2, id)] AND state <= 2"
	    " RETURNING array_position($2, id) - 1" },
	/* Are those whose words it has told still to be read by all who read the answer? */
	{ "finish_reads",
	    "UPDATE runs SET reads = $3::uuid[], error = CASE WHEN s.may THEN error ELSE 'readers' END"
	    " FROM (SELECT coalesce(may_still_say($2, $3::uuid[]), false) AS may) s WHERE ws = $1 AND id = $2 AND token = $4 RETURNING s.may" },
	{ "finish_threads",
	    "UPDATE threads SET seq = seq + 1, last_author = 2, taking_part = true, last_at = now()"
	    " WHERE ws = $1 AND id = ANY($2::uuid[]) RETURNING array_position($2, id) - 1, seq" },
	{ "finish_messages",
	    "INSERT INTO messages (ws, id, thread_id, seq, rev, author_kind, body, run_id, audience_id, components, whole)"
	    " SELECT $1::uuid, s.id, s.thread_id, s.seq, s.seq, 2, s.body, s.run_id, s.audience_id, s.components::jsonb, s.whole"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::int8[], $5::text[], $6::uuid[], $7::uuid[], $8::text[], $9::text[])"
	    " AS s(id, thread_id, seq, body, run_id, audience_id, components, whole)" },
	{ "finish_outbox",
	    "INSERT INTO outbox (ws, id, run_id, thread_id, message_id, adapter, origin, private_reply, state, external_ref, sent_at)"
	    " SELECT $1::uuid, s.run_id, s.run_id, s.thread_id, s.message_id, s.adapter, s.origin, s.private_reply, s.state, s.ref,"
	    " CASE WHEN s.state = 3 THEN now() END"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::bytea[], $7::bool[], $8::int2[], $9::text[])"
	    " AS s(run_id, thread_id, message_id, adapter, origin, private_reply, state, ref)" },
	{ "finish_audit",
	    /* A person without a tag yet is named, and the trigger makes one. */
	    "INSERT INTO audit (ws, id, verb, subject, thread_id, actor, actor_id, facts) SELECT $1::uuid, s.id, s.verb, s.subject, s.thread_id,"
	    " p.tag, CASE WHEN p.tag IS NULL THEN s.person_id END, s.facts::jsonb"
	    " FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[]) AS s(id, verb, subject, thread_id, person_id, facts)"
	    " LEFT JOIN audit_people p ON p.ws = $1 AND p.person_id = s.person_id" },
	{ "finish_merged",
	    "UPDATE runs SET state = 4, answered_by = ($3::uuid[])[array_position($2, id)], finished_at = now()"
	    " WHERE ws = $1 AND id = ANY($2::uuid[]) AND state <= 2" },
	{ "finish_pending",
	    "UPDATE dispatch SET pending = greatest(0, pending - ($3::int4[])[array_position($2, thread_id)]), due = now(),"
	    " owner = CASE WHEN pending - ($3::int4[])[array_position($2, thread_id)] <= 0 THEN NULL ELSE owner END,"
	    " lease_until = CASE WHEN pending - ($3::int4[])[array_position($2, thread_id)] <= 0 THEN NULL ELSE lease_until END"
	    " WHERE ws = $1 AND thread_id = ANY($2::uuid[]) RETURNING thread_id, pending" },
	{ "step_run",
	    "UPDATE runs SET state = 2, reads = coalesce($4::uuid[], reads), config_id = coalesce($5, config_id), untrusted = untrusted | $6::int4"
	    " WHERE ws = $1 AND id = $2 AND token = $3 AND state <= 2 RETURNING id" },
	{ "step_clear", "DELETE FROM run_steps WHERE ws = $1 AND run_id = $2" },
	{ "step_rows",
	    "INSERT INTO run_steps (ws, run_id, n, kind, body) SELECT $1::uuid, $2::uuid, s.n, s.kind, s.body::jsonb"
	    " FROM unnest($3::int4[], $4::int2[], $5::text[]) AS s(n, kind, body) ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

/* ---- finish ---- */

struct finish_op {
	struct write_op op;
	struct run *r;
	bool ours, told;
	int64_t seq, pending;
};

static struct finish_op *fin(struct write_op *op)
{
	return (struct finish_op *)op;
}

static bool speaks(const struct run *r)
{
	return r->answer.len > 0 &&
	    (r->outcome == RUN_ANSWERED || r->outcome == RUN_FAILED || r->outcome == RUN_PARKED ||
	        (r->outcome == RUN_STOPPED && r->anything_shown));
}

static bool pulled(const struct run *r)
{
	return (r->via->ops->caps & CAP_PULL) != 0;
}

/* How many open things of the thread end with this run: itself unless its delivery takes over, and what it has merged. */
static int32_t ended(const struct run *r)
{
	return (int32_t)r->merged_len + (speaks(r) && !pulled(r) ? 0 : 1);
}

struct group {
	struct write_op **ops;
	size_t n;
};

static void on_finish_runs(void *ctx, const PGresult *res)
{
	struct group *g = ctx;
	for (int i = 0; i < PQntuples(res); i++) {
		size_t ord = (size_t)pg_get_int8(res, i, 0);
		if (ord >= g->n)
			continue;
		fin(g->ops[ord])->ours = true;
	}
}

static void on_finish_threads(void *ctx, const PGresult *res)
{
	struct group *g = ctx;
	for (int i = 0; i < PQntuples(res); i++) {
		size_t ord = (size_t)pg_get_int8(res, i, 0);
		if (ord < g->n)
			fin(g->ops[ord])->seq = pg_get_int8(res, i, 1);
	}
}

static struct group *group(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct group *g = writer_alloc(tx, sizeof(*g));
	*g = (struct group){ ops, n };
	return g;
}

static void put_reads(struct pg_args *g, const struct run *r)
{
	if (r->reads.len == 0) {
		pg_arg_null(g);
		return;
	}
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < r->reads.len; i++)
		pg_array_id(g, r->reads.audiences[i]);
	pg_array_end(g);
}

void run_refuse(struct run *r, enum api_code code)
{
	r->refused = code;
	problem_mark(code, r->id, &r->answer);
}

void run_withhold(struct run *r)
{
	buf_reset(&r->answer);
	buf_reset(&r->whole);
	buf_add_str(&r->answer, WITHHELD);
	run_refuse(r, API_FORBIDDEN);
	offer_free(r->components, r->components_len);
	r->components = NULL;
	r->components_len = 0;
	act_drop(r);
	log_warn("run.withheld", LF_ID("run", r->id), LF_ID("thread", r->thread), LF_STR("result", "its readers have changed"));
}

static void on_finish_reads(void *ctx, const PGresult *res)
{
	if (PQntuples(res) == 1 && !pg_get_bool(res, 0, 0))
		run_withhold(ctx);
}

static bool by_builtin(const struct run *r)
{
	const char *provider = r->calls_len > 0 ? r->calls[r->calls_len - 1].usage.provider : NULL;
	return r->kind == RUN_AGENT && provider != NULL && strcmp(provider, "builtin") == 0;
}

static void finish_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
#define EACH(oid, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0; i < n; i++) { \
		struct run *r = fin(ops[i])->r; \
		put; \
	} \
	pg_array_end(g)
	EACH(2950, pg_array_id(g, r->id));
	EACH(20, pg_array_int8(g, r->token));
	EACH(21, pg_array_int2(g, (int16_t)r->outcome));
	EACH(25, pg_array_str(g, r->error));
	EACH(2950, pg_array_id(g, r->agent));
	EACH(16, pg_array_bool(g, by_builtin(r)));
	EACH(2950, pg_array_id(g, r->config != NULL ? r->config->id : ID_NONE));
	EACH(23, pg_array_int4(g, (int32_t)r->untrusted));
	writer_exec(tx, "finish_runs", on_finish_runs, group(tx, ops, n));
#undef EACH
	for (size_t i = 0; i < n; i++) {
		struct run *r = fin(ops[i])->r;
		if (r->reads.len == 0 || !speaks(r) || r->failed_text)
			continue;
		g = writer_args(tx);
		pg_arg_id(g, r->ws);
		pg_arg_id(g, r->id);
		put_reads(g, r);
		pg_arg_int8(g, r->token);
		writer_exec(tx, "finish_reads", on_finish_reads, r);
	}
}

#define EACH_OURS(oid, cond, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0; i < n; i++) { \
		struct finish_op *f = fin(ops[i]); \
		struct run *r = f->r; \
		(void)r; \
		if (f->ours && (cond)) \
			put; \
	} \
	pg_array_end(g)

static void finish_second(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	bool any = false;
	for (size_t i = 0; i < n; i++)
		any |= fin(ops[i])->ours && speaks(fin(ops[i])->r);
	if (!any)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
	struct group *speakers = group(tx, writer_alloc(tx, n * sizeof(struct write_op *)), 0);
	EACH_OURS(2950, speaks(r), (pg_array_id(g, r->thread), speakers->ops[speakers->n++] = ops[i]));
	writer_exec(tx, "finish_threads", on_finish_threads, speakers);
}

static void put_components(struct pg_args *g, const struct run *r)
{
	struct buf json = BUF_INIT;
	if (r->components_len > 0 && !r->failed_text)
		offer_write(&json, r->components, r->components_len);
	pg_array_text(g, json.p, json.len);
	buf_done(&json);
}

static void finish_replies(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fin(ops[i])->r->reply_message = id_new();
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
	EACH_OURS(2950, f->seq, pg_array_id(g, r->reply_message));
	EACH_OURS(2950, f->seq, pg_array_id(g, r->thread));
	EACH_OURS(20, f->seq, pg_array_int8(g, f->seq));
	EACH_OURS(25, f->seq, pg_array_text(g, r->answer.p, r->answer.len));
	EACH_OURS(2950, f->seq, pg_array_id(g, r->id));
	EACH_OURS(2950, f->seq, pg_array_id(g, r->audience));
	EACH_OURS(25, f->seq, put_components(g, r));
	EACH_OURS(25, f->seq, pg_array_text(g, r->whole.p, r->whole.len));
	writer_exec(tx, "finish_messages", NULL, NULL);
	g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
	EACH_OURS(2950, f->seq, pg_array_id(g, r->id));
	EACH_OURS(2950, f->seq, pg_array_id(g, r->thread));
	EACH_OURS(2950, f->seq, pg_array_id(g, r->reply_message));
	EACH_OURS(25, f->seq, pg_array_str(g, r->via->ops->name));
	EACH_OURS(17, f->seq, pg_array_bytes(g, r->origin, r->origin_len));
	EACH_OURS(16, f->seq, pg_array_bool(g, r->private_reply));
	EACH_OURS(21, f->seq, pg_array_int2(g, pulled(r) ? OUT_SENT : OUT_SENDING));
	EACH_OURS(25, f->seq, pg_array_str(g, r->stream_ref));
	writer_exec(tx, "finish_outbox", NULL, NULL);
}

static void finish_money(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct run **runs = writer_alloc(tx, n * sizeof(struct run *));
	/* A call was paid for even when the lease was lost meanwhile, so this does not ask whose the run is. */
	for (size_t i = 0; i < n; i++)
		runs[i] = fin(ops[i])->r;
	money_book(tx, runs, n);
}

static void on_finish_pending(void *ctx, const PGresult *res)
{
	struct group *g = ctx;
	for (int i = 0; i < PQntuples(res); i++) {
		struct id thread = pg_get_id(res, i, 0);
		for (size_t k = 0; k < g->n; k++) {
			struct finish_op *f = fin(g->ops[k]);
			if (f->ours && id_equal(f->r->thread, thread)) {
				f->pending = pg_get_int8(res, i, 1);
				f->told = true;
			}
		}
	}
}

static const char *verb(const struct run *r)
{
	switch (r->outcome) {
	case RUN_ANSWERED:
		return "reply.written";
	case RUN_STOPPED:
		return "run.stopped";
	case RUN_PARKED:
		return "run.parked";
	default:
		return "run.failed";
	}
}

static void put_ids(struct buf *b, const char *key, struct id id)
{
	char text[ID_TEXT];
	if (!id_is_none(id))
		buf_addf(b, ",\"%s\":\"%s\"", key, id_format(id, text));
}

/*
 * What the audit log says of a run: in front of whom it was done, what was read for it, which tools were called, where the answer went and what it
 * cost.  Ids and numbers; the names of tools are a model's words, so only those that are names go in.
 */
static void put_facts(struct pg_args *g, const struct finish_op *f)
{
	const struct run *r = f->r;
	struct buf b = BUF_INIT;
	buf_addf(&b, "{\"via\":\"%s\"", r->via->ops->name);
	if (r->refused != API_OK)
		buf_addf(&b, ",\"refused\":\"%s\"", problem_name(r->refused));
	put_ids(&b, "message", r->message);
	put_ids(&b, "audience", r->audience);
	put_ids(&b, "agent", r->agent);
	if (f->seq)
		put_ids(&b, "reply", r->reply_message);
	if (r->sum.calls > 0) {
		buf_addf(&b,
		    ",\"calls\":%zu,\"input_tokens\":%lld,\"output_tokens\":%lld,\"cost_micros\":%lld,\"model\":", r->sum.calls,
		    (long long)r->sum.input, (long long)r->sum.output, (long long)r->sum.micros);
		buf_add_json_str(&b, r->sum.model ? r->sum.model : "none");
		const struct prompt_mark *m = &r->sum.mark;
		buf_addf(&b, ",\"read_from\":%lld,\"read_upto\":%lld,\"memory\":%s", (long long)m->from, (long long)m->upto,
		    r->memory.len > 0 ? "true" : "false");
	}
	size_t tools = 0;
	for (size_t k = 0; k < r->steps_len; k++) {
		const char *tool = r->steps[k].role == ROLE_TOOL_CALL ? r->steps[k].tool_name : NULL;
		if (tool == NULL || strlen(tool) > 64 ||
		    tool[strspn(tool, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")] != '\0')
			continue;
		buf_addf(&b, "%s\"%s\"", tools++ == 0 ? ",\"tools\":[" : ",", tool);
	}
	buf_add_str(&b, tools > 0 ? "]}" : "}");
	pg_array_text(g, b.p, b.len);
	buf_done(&b);
}

static void finish_third(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	bool any_reply = false, any_merged = false, any_ended = false, any_ours = false;
	for (size_t i = 0; i < n; i++) {
		struct finish_op *f = fin(ops[i]);
		if (!f->ours)
			continue;
		any_ours = true;
		any_reply |= f->seq != 0;
		any_merged |= f->r->merged_len > 0;
		any_ended |= ended(f->r) > 0;
	}
	finish_money(tx, ops, n);
	if (!any_ours)
		return;
	if (any_reply)
		finish_replies(tx, ops, n);
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
	EACH_OURS(2950, true, ((void)r, pg_array_id(g, id_new())));
	EACH_OURS(25, true, pg_array_str(g, verb(r)));
	EACH_OURS(2950, true, pg_array_id(g, r->id));
	EACH_OURS(2950, true, pg_array_id(g, r->thread));
	EACH_OURS(2950, true, pg_array_id(g, r->person));
	EACH_OURS(25, true, put_facts(g, f));
	writer_exec(tx, "finish_audit", NULL, NULL);
	for (size_t i = 0; i < n; i++)
		if (fin(ops[i])->ours && fin(ops[i])->r->command == CMD_HANDOVER)
			relay_send_asked(tx, fin(ops[i])->r); /* before what is pending is counted */
	for (size_t i = 0; i < n; i++)
		if (fin(ops[i])->seq && fin(ops[i])->r->asking != NULL)
			act_send_asked(tx, fin(ops[i])->r);
	if (any_merged) {
		g = writer_args(tx);
		pg_arg_id(g, ops[0]->ws);
		EACH_OURS(2950, true, for (size_t k = 0; k < r->merged_len; k++) pg_array_id(g, r->merged[k]));
		EACH_OURS(2950, true, for (size_t k = 0; k < r->merged_len; k++) pg_array_id(g, r->id));
		writer_exec(tx, "finish_merged", NULL, NULL);
	}
	if (any_ended) {
		g = writer_args(tx);
		pg_arg_id(g, ops[0]->ws);
		EACH_OURS(2950, ended(r) > 0, pg_array_id(g, r->thread));
		EACH_OURS(23, ended(r) > 0, pg_array_int4(g, ended(r)));
		writer_exec(tx, "finish_pending", on_finish_pending, group(tx, ops, n));
	}
}

static const char *outcome_word(enum run_state s)
{
	static const char *const words[] = { "", "queued", "running", "answered", "merged", "failed", "stopped", "parked" };
	return words[s];
}

static void emit_finish(struct finish_op *f)
{
	struct run *r = f->r;
	int64_t now = (int64_t)clock_wall_ms();
	if (f->seq)
		engine_emit(r->e,
		    &(struct thread_event){ .kind = EVENT_MESSAGE,
		        .ws = r->ws,
		        .thread = r->thread,
		        .message = r->reply_message,
		        .run = r->id,
		        .seq = f->seq,
		        .rev = f->seq,
		        .author_kind = AUTHOR_EDDY,
		        .author = "Eddy",
		        .text = r->answer.p,
		        .text_len = r->answer.len,
		        .components = r->failed_text ? NULL : r->components,
		        .components_len = r->failed_text ? 0 : r->components_len,
		        .at_ms = now });
	engine_emit(r->e,
	    &(struct thread_event){ .kind = EVENT_RUN,
	        .ws = r->ws,
	        .thread = r->thread,
	        .run = r->id,
	        .run_state = outcome_word(r->outcome),
	        .at_ms = now });
}

static void log_finish(const struct run *r)
{
	log_info("run.finish", LF_ID("run", r->id), LF_ID("ws", r->ws), LF_ID("thread", r->thread),
	    LF_INT("ms", r->accepted_us ? (clock_us() - r->accepted_us) / 1000 : 0), LF_INT("calls", r->sum.calls),
	    LF_INT("input_tokens", r->sum.input), LF_INT("output_tokens", r->sum.output), LF_INT("cost_micros", r->sum.micros),
	    LF_STR("why", r->error ? r->error : ""), LF_STR("refused", r->refused != API_OK ? problem_name(r->refused) : ""),
	    LF_STR("result", outcome_word(r->outcome)));
}

static void finish_done(struct write_op *op, enum err result)
{
	struct finish_op *f = fin(op);
	struct run *r = f->r;
	struct engine *e = r->e;
	money_give_back(r); /* reserved, but no call was made */
	if ((result == ERR_INPUT || result == ERR_BROKEN) && !r->failed_text) {
		/* The database will not have this answer (bytes that are no text …): asking again would bring it again. */
		free(f);
		run_refused(r);
		return;
	}
	if (result != ERR_NONE || !f->ours) {
		/* Refused, or no longer ours: whoever holds the lease does it; nothing of this run may be seen. */
		log_warn(
		    "run.dropped", LF_ID("run", r->id), LF_STR("result", result == ERR_NONE ? "lease lost" : err_name(result)));
		struct lane *l = r->lane;
		struct id ws = r->ws, thread = r->thread;
		r->delivering = false;
		lane_run_finished(e, r);
		if (l != NULL)
			lane_lost(e, l);
		if (result == ERR_NONE && !atomic_load(&e->draining))
			claim_load(e, ws, thread); /* unless it was stored and only the answer to COMMIT was lost */
		free(f);
		return;
	}
	metric_add(e->m.finished[r->outcome], 1);
	if (r->refused != API_OK)
		metric_add(e->m.refusals[r->refused], 1);
	if (r->accepted_us)
		metric_observe_ms(e->m.total_ms, (double)(clock_us() - r->accepted_us) / 1000.0);
	log_finish(r);
	if (f->seq && !r->private_reply)
		transcripts_append(e->transcripts, r->thread, f->seq, AUTHOR_EDDY, ID_NONE, r->whole.len ? r->whole.p : r->answer.p,
		    r->whole.len ? r->whole.len : r->answer.len);
	else if (f->seq)
		transcripts_forget(e->transcripts, r->thread);
	emit_finish(f);
	r->reply_seq = f->seq;
	r->delivering = f->seq != 0 && !pulled(r);
	struct id thread = r->thread;
	bool told = f->told;
	int64_t pending = f->pending;
	if (f->seq == 0)
		r->via->ops->send(r->via->a,
		    &(struct reply){ .kind = REPLY_ABANDON,
		        .ws = r->ws,
		        .run = r->id,
		        .delivery = r->id,
		        .thread = r->thread,
		        .origin = r->origin,
		        .origin_len = r->origin_len });
	else
		run_deliver(r, r->answer.p, r->answer.len);
	lane_run_finished(e, r);
	if (told)
		lane_settle(e, thread, pending);
	free(f);
}

static void finish_reset(struct write_op *op)
{
	fin(op)->ours = fin(op)->told = false;
	fin(op)->seq = 0;
}

static const struct write_kind finish_kind = {
	.name = "finish",
	.rank = 2,
	.round = { finish_first, finish_second, finish_third },
	.done = finish_done,
	.reset = finish_reset,
};

void finish_put(struct run *r)
{
	fault_point("model.end");
	struct finish_op *f = xcalloc(1, sizeof(*f));
	f->op.kind = &finish_kind;
	f->op.ws = r->ws;
	f->r = r;
	writer_put(r->e->writer, &f->op);
}

/* ---- steps ---- */

struct step_op {
	struct write_op op;
	struct run *r;
	void (*then)(struct run *r, bool ours);
	bool ours;
};

static void on_step(void *ctx, const PGresult *res)
{
	((struct step_op *)ctx)->ours = PQntuples(res) == 1;
}

static void step_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct step_op *s = (struct step_op *)ops[i];
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, s->r->ws);
		pg_arg_id(g, s->r->id);
		pg_arg_int8(g, s->r->token);
		put_reads(g, s->r);
		pg_arg_id(g, s->r->config != NULL ? s->r->config->id : ID_NONE);
		pg_arg_int4(g, (int32_t)s->r->untrusted);
		writer_exec(tx, "step_run", on_step, s);
	}
}

static char *step_json(const struct step *st, size_t *len)
{
	struct buf b = BUF_INIT;
	buf_addf(&b, "{\"failed\":%s,", st->failed ? "true" : "false");
	if (st->depth > 0)
		buf_addf(&b, "\"depth\":%u,", st->depth);
	if (st->by_agent)
		buf_add_str(&b, "\"by_agent\":true,");
	buf_add_str(&b, "\"id\":");
	buf_add_json_str(&b, st->tool_id);
	buf_add_str(&b, ",\"name\":");
	buf_add_json_str(&b, st->tool_name);
	buf_add_str(&b, ",\"text\":\"");
	buf_add_json(&b, st->text, st->text_len);
	buf_add_str(&b, "\"}");
	return buf_detach(&b, len);
}

void finish_send_steps(struct writer_tx *tx, const struct run *r)
{
	if (r->steps_stored == r->steps_len)
		return;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, r->ws);
	pg_arg_id(g, r->id);
	if (r->steps_stored == 0) { /* the first of this run, or it has started over: what an earlier start left is void */
		writer_exec(tx, "step_clear", NULL, NULL);
		g = writer_args(tx);
		pg_arg_id(g, r->ws);
		pg_arg_id(g, r->id);
	}
	pg_array_begin(g, 23);
	for (size_t k = r->steps_stored; k < r->steps_len; k++)
		pg_array_int4(g, (int32_t)k);
	pg_array_end(g);
	pg_array_begin(g, 21);
	for (size_t k = r->steps_stored; k < r->steps_len; k++)
		pg_array_int2(g, (int16_t)r->steps[k].role);
	pg_array_end(g);
	pg_array_begin(g, 25);
	for (size_t k = r->steps_stored; k < r->steps_len; k++) {
		size_t len;
		char *json = step_json(&r->steps[k], &len);
		pg_array_text(g, json, len);
		free(json);
	}
	pg_array_end(g);
	writer_exec(tx, "step_rows", NULL, NULL);
}

static void step_second(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct step_op *s = (struct step_op *)ops[i];
		if (s->ours)
			finish_send_steps(tx, s->r);
	}
}

/* What the calls so far have cost is booked before the next one: a crash must not forget it.  In the last round, where every booking is. */
static void step_third(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct run **runs = writer_alloc(tx, n * sizeof(struct run *));
	size_t ours = 0;
	for (size_t i = 0; i < n; i++)
		if (((struct step_op *)ops[i])->ours)
			runs[ours++] = ((struct step_op *)ops[i])->r;
	money_book(tx, runs, ours);
}

/* At a tool boundary what was said meanwhile by the same conversation joins this run instead of waiting for its own. */
static void take_in_queued(struct run *r)
{
	struct lane *l = r->lane;
	if (l == NULL || r->private_reply) /* what one person alone sees answers nobody else */
		return;
	if (r->depth > 0) /* whom an agent asks sees none of it, and may be the one with whom the run ends */
		return;
	for (struct run *q = l->head; q != NULL && r->merged_len < 16; q = q->next) {
		if (q->kind != RUN_AGENT || q->private_reply || q->maybe_sent || q->stream_ref != NULL ||
		    atomic_load(&q->stop) != STOP_NONE)
			break;
		bool known = false;
		for (size_t k = 0; k < r->merged_len; k++)
			known |= id_equal(r->merged[k], q->id);
		if (known)
			continue;
		r->merged[r->merged_len++] = q->id;
		q->taken_in = true;
		r->context_upto = q->message_seq;
	}
}

static void step_done(struct write_op *op, enum err result)
{
	struct step_op *s = (struct step_op *)op;
	struct run *r = s->r;
	bool ours = result == ERR_NONE && s->ours;
	if (ours) {
		r->steps_stored = r->steps_len;
		r->calls_len = 0;
		take_in_queued(r);
	}
	s->then(r, ours);
	free(s);
}

static const struct write_kind step_kind = {
	.name = "step", .rank = 3, .round = { step_first, step_second, step_third }, .done = step_done
};

void step_put(struct run *r, void (*then)(struct run *r, bool ours))
{
	struct step_op *s = xcalloc(1, sizeof(*s));
	s->op.kind = &step_kind;
	s->op.ws = r->ws;
	s->r = r;
	s->then = then;
	writer_put(r->e->writer, &s->op);
}
