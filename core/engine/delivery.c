/*
 * Deliveries: what happens to a stored reply on its way out.
 *
 *   stream   a mark before a stream is opened and its name after, so that a crash can find it
 *   sent     the outcome of a delivery; the thread's lease goes back when nothing is left to do in it
 *   held     the platform said when it may be tried again: for the next process, this one's adapter waits by itself
 *   again    a delivery that failed for now is due again
 */
#include <stdlib.h>

#include "../base/clock.h"
#include "../base/fault.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "engine_internal.h"

#define CERTAIN_MS \
	5000 /* below the ten seconds after which writer_fence() ends a session; a process at work commits every second */

const struct pg_statement delivery_statements[] = {
	{ "stream_mark",
	    "UPDATE runs SET state = CASE WHEN state <= 2 THEN 2 ELSE state END, stream_state = $3, stream_ref = coalesce($4::text, stream_ref)"
	    " WHERE ws = $1 AND id = $2 AND token = $5 AND (state <= 2 OR $4::text IS NOT NULL) RETURNING id" },
	{ "sent_rows",
	    "UPDATE outbox SET state = ($3::int2[])[array_position($2, id)],"
	    " external_ref = coalesce(($4::text[])[array_position($2, id)], external_ref),"
	    " error = ($5::text[])[array_position($2, id)], attempts = attempts + 1,"
	    " due = greatest(due, now() + ($6::int8[])[array_position($2, id)] * interval '1 ms'),"
	    " sent_at = CASE WHEN ($3::int2[])[array_position($2, id)] = 3 THEN now() END,"
	    " body = CASE WHEN ($3::int2[])[array_position($2, id)] = 3 AND body IS NOT NULL THEN '' ELSE body END"
	    " WHERE ws = $1 AND id = ANY($2::uuid[]) AND state <= 2 RETURNING thread_id, state, id, run_id IS NULL" },
	{ "outbox_held",
	    "UPDATE outbox SET due = greatest(due, now() + $3::int8 * interval '1 ms') WHERE ws = $1 AND id = $2 AND state <= 2" },
	/* As finish_reads and claim_withhold: one that waited long. */
	{ "again_withhold",
	    "UPDATE messages m SET body = $3, whole = NULL, components = NULL FROM runs r WHERE r.ws = $1 AND r.id = $2 AND r.reads IS NOT NULL"
	    " AND r.error IS DISTINCT FROM 'readers' AND m.ws = r.ws AND m.id = (SELECT message_id FROM outbox WHERE ws = $1 AND id = $2 AND state <= 2)"
	    " AND m.state <> 2 AND NOT coalesce(may_still_say(r.id, r.reads), false) RETURNING m.id" },
	/* Also when it says so already (a COMMIT whose outcome was lost), but only while the thread is ours. */
	{ "outbox_again",
	    "UPDATE outbox SET state = 2 WHERE ws = $1 AND id = $2 AND state <= 2 AND EXISTS (SELECT 1 FROM dispatch d WHERE d.ws = $1"
	    " AND d.thread_id = outbox.thread_id AND d.owner = $3) RETURNING id, passes IS NOT NULL AND adapter = '" RELAY_ADAPTER
	    "'"
	    " AND coalesce((SELECT p.guest FROM messages m JOIN people p ON p.ws = m.ws AND p.id = m.author_id WHERE m.ws = outbox.ws"
	    " AND m.id = outbox.message_id), false),"
	    " (CASE WHEN run_id IS NOT NULL THEN 0 WHEN passes IS NULL THEN (body IS NULL AND message_id IS NULL)::int"
	    " WHEN (SELECT m.state FROM messages m WHERE m.ws = outbox.ws AND m.id = outbox.message_id) = 2 THEN 2 ELSE 0 END)::int4,"
	    " run_id IS NULL AND message_id IS NULL AND passes IS NULL AND NOT approval_may_go(id)" },
	{ NULL, NULL },
};

/* Threads and what is still pending in them, read after COMMIT by the lanes. */
struct settled {
	struct id thread;
	int64_t pending;
	bool told;
};

struct group {
	struct write_op **ops;
	size_t n;
};

static struct group *group(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct group *g = writer_alloc(tx, sizeof(*g));
	*g = (struct group){ ops, n };
	return g;
}

/* ---- streams ---- */

struct stream_op {
	struct write_op op;
	struct engine *e;
	struct id delivery;
	int64_t token;
	char *ref;
	void (*ready)(void *arg, bool go);
	void *arg;
	bool ours;
};

static void on_stream(void *ctx, const PGresult *res)
{
	((struct stream_op *)ctx)->ours = PQntuples(res) == 1;
}

static void stream_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct stream_op *s = (struct stream_op *)ops[i];
		struct run *r = map_get(s->e->runs, s->delivery.b, sizeof(s->delivery.b));
		if (r == NULL)
			continue;
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, s->op.ws);
		pg_arg_id(g, s->delivery);
		pg_arg_int2(g, s->ref ? 2 : 1);
		pg_arg_str(g, s->ref);
		pg_arg_int8(g, r->token);
		writer_exec(tx, "stream_mark", on_stream, s);
	}
}

static void stream_done(struct write_op *op, enum err result)
{
	struct stream_op *s = (struct stream_op *)op;
	if (s->ready != NULL)
		s->ready(s->arg, result == ERR_NONE && s->ours);
	free(s->ref);
	free(s);
}

static const struct write_kind stream_kind = { .name = "stream", .rank = 4, .round = { stream_first }, .done = stream_done };

static void stream_put(struct engine *e, struct id ws, struct id delivery, const char *ref, void (*ready)(void *, bool), void *arg)
{
	struct stream_op *s = xcalloc(1, sizeof(*s));
	s->op.kind = &stream_kind;
	s->op.ws = ws;
	s->e = e;
	s->delivery = delivery;
	s->ref = xstrdup(ref);
	s->ready = ready;
	s->arg = arg;
	writer_put(e->writer, &s->op);
}

void engine_stream_opened(struct engine *e, struct id ws, struct id delivery, const char *external_ref)
{
	stream_put(e, ws, delivery, external_ref, NULL, NULL);
}

void engine_stream_opening(struct engine *e, struct id ws, struct id delivery, void (*ready)(void *arg, bool go), void *arg)
{
	stream_put(e, ws, delivery, NULL, ready, arg);
}

/* ---- sent ---- */

struct sent_op {
	struct write_op op;
	struct engine *e;
	struct id delivery;
	enum err result;
	uint32_t retry_ms;
	char *ref, *why;
	bool ends, notice, more;
	struct relay_end *relay; /* of a notice, while the transaction lasts */
	struct fork_end *fork;
	struct settled settled;
};

static enum outbox_state sent_state(const struct sent_op *s)
{
	return s->result == ERR_NONE ? OUT_SENT : s->result == ERR_RETRY ? OUT_PENDING : OUT_FAILED;
}

static void on_sent(void *ctx, const PGresult *res)
{
	struct group *g = ctx;
	for (int i = 0; i < PQntuples(res); i++) {
		if (pg_get_int8(res, i, 1) < OUT_SENT)
			continue;
		struct id id = pg_get_id(res, i, 2);
		for (size_t k = 0; k < g->n; k++) {
			struct sent_op *s = (struct sent_op *)g->ops[k];
			if (!s->ends && id_equal(s->delivery, id)) {
				s->settled.thread = pg_get_id(res, i, 0);
				s->ends = true;
				s->notice = pg_get_bool(res, i, 3);
				break;
			}
		}
	}
}

static void on_sent_pending(void *ctx, const PGresult *res)
{
	struct group *g = ctx;
	for (int i = 0; i < PQntuples(res); i++) {
		struct id thread = pg_get_id(res, i, 0);
		for (size_t k = 0; k < g->n; k++) {
			struct sent_op *s = (struct sent_op *)g->ops[k];
			if (s->ends && id_equal(s->settled.thread, thread)) {
				s->settled.pending = pg_get_int8(res, i, 1);
				s->settled.told = true;
			}
		}
	}
}

static int sent_by_thread(const void *x, const void *y)
{
	return id_compare((*(struct sent_op *const *)x)->settled.thread, (*(struct sent_op *const *)y)->settled.thread);
}

/* The threads in which a delivery ended, each once, with how many. */
static void sent_pending(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	struct sent_op **ends = writer_alloc(tx, (n + 1) * sizeof(struct sent_op *));
	size_t m = 0;
	for (size_t i = 0; i < n; i++)
		if (((struct sent_op *)ops[i])->ends)
			ends[m++] = (struct sent_op *)ops[i];
	if (m == 0)
		return;
	qsort(ends, m, sizeof(struct sent_op *), sent_by_thread);
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
	pg_array_begin(g, 2950);
	for (size_t i = 0; i < m; i++)
		if (i == 0 || !id_equal(ends[i]->settled.thread, ends[i - 1]->settled.thread))
			pg_array_id(g, ends[i]->settled.thread);
	pg_array_end(g);
	pg_array_begin(g, 23);
	for (size_t i = 0, j; i < m; i = j) {
		for (j = i + 1; j < m && id_equal(ends[j]->settled.thread, ends[i]->settled.thread);)
			j++;
		pg_array_int4(g, (int32_t)(j - i));
	}
	pg_array_end(g);
	writer_exec(tx, "finish_pending", on_sent_pending, group(tx, ops, n));
}

static bool any_notice(struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((struct sent_op *)ops[i])->notice)
			return true;
	return false;
}

/* What a notice leads to may add to what is pending, so that is counted after it. */
static void sent_second(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	if (!any_notice(ops, n)) {
		sent_pending(tx, ops, n);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct sent_op *s = (struct sent_op *)ops[i];
		if (!s->notice)
			continue;
		s->relay = writer_alloc(tx, sizeof(*s->relay));
		*s->relay = (struct relay_end){ .e = s->e,
			.ws = s->op.ws,
			.delivery = s->delivery,
			.thread = s->settled.thread,
			.sent = s->result == ERR_NONE,
			.ref = s->ref };
		relay_send_look(tx, s->relay);
		s->fork = fork_send_look(tx, s->e, s->op.ws, s->delivery);
	}
}

static void sent_third(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	if (!any_notice(ops, n))
		return;
	for (size_t i = 0; i < n; i++) {
		struct sent_op *s = (struct sent_op *)ops[i];
		if (s->relay == NULL)
			continue;
		relay_send_ended(tx, s->relay);
		s->more = s->relay->more;
		s->more |= fork_send_ended(tx, s->fork, s->result == ERR_NONE, s->ref);
		if (s->result != ERR_NONE)
			act_send_lost(tx, s->op.ws, s->delivery);
	}
	sent_pending(tx, ops, n);
}

static void sent_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct sent_op *s = (struct sent_op *)ops[i];
		s->settled = (struct settled){ 0 };
		s->ends = s->notice = s->more = false;
		s->relay = NULL;
		s->fork = NULL;
	}
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ops[0]->ws);
#define EACH(oid, put) \
	pg_array_begin(g, oid); \
	for (size_t i = 0; i < n; i++) { \
		struct sent_op *s = (struct sent_op *)ops[i]; \
		put; \
	} \
	pg_array_end(g)
	EACH(2950, pg_array_id(g, s->delivery));
	EACH(21, pg_array_int2(g, (int16_t)sent_state(s)));
	EACH(25, pg_array_str(g, s->ref));
	EACH(25, pg_array_str(g, s->why));
	EACH(20, pg_array_int8(g, s->retry_ms));
#undef EACH
	writer_exec(tx, "sent_rows", on_sent, group(tx, ops, n));
}

static void sent_done(struct write_op *op, enum err result)
{
	struct sent_op *s = (struct sent_op *)op;
	struct engine *e = s->e;
	if ((result == ERR_INPUT || result == ERR_BROKEN) && (s->ref != NULL || s->why != NULL)) {
		/* The platform's words cannot be stored; what became of the delivery still can. */
		free(s->ref);
		free(s->why);
		s->ref = s->why = NULL;
		writer_put(e->writer, op);
		return;
	}
	struct run *r = map_get(e->runs, s->delivery.b, sizeof(s->delivery.b));
	metric_add(e->m.deliveries[s->result], 1);
	if (s->result != ERR_NONE)
		log_warn(
		    "delivery.outcome", LF_ID("run", s->delivery), LF_STR("why", s->why), LF_STR("result", err_name(s->result)));
	else
		log_debug("delivery.outcome", LF_ID("run", s->delivery), LF_STR("result", "ok"));
	if (r != NULL && r->delivering && result == ERR_NONE) {
		if (s->result == ERR_RETRY) {
			outbox_again(r, s->retry_ms);
		} else {
			struct lane *l = r->lane;
			struct id thread = r->thread;
			r->delivering = false;
			if (l != NULL)
				l->delivering--;
			map_remove(e->runs, r->id.b, sizeof(r->id.b));
			atomic_store_explicit(&e->runs_count, map_count(e->runs), memory_order_relaxed);
			run_free(r);
			if (s->settled.told)
				lane_settle(e, thread, s->settled.pending);
		}
	}
	if (s->notice && result == ERR_NONE) {
		struct lane *l = lane_find(e, s->settled.thread);
		if (l != NULL && s->settled.pending > 0 && (l->active != NULL || l->head != NULL || l->delivering > 0))
			claim_load(e, op->ws, s->settled.thread); /* the next one waited for this */
		if (s->more)
			claim_now(e);
	}
	free(s->ref);
	free(s->why);
	free(s);
}

static const struct write_kind sent_kind = {
	.name = "sent", .rank = 5, .round = { sent_first, sent_second, sent_third }, .done = sent_done
};

static uint32_t back_off_ms(const struct run *r)
{
	uint32_t n = r->deliveries < 8 ? r->deliveries : 8;
	return 500u << n;
}

void outbox_bar(struct run *r)
{
	log_warn("act.withheld", LF_ID("act", r->id), LF_STR("result", "it may not go there any more"));
	engine_sent(r->e, &(struct sent){ .ws = r->ws, .delivery = r->id, .result = ERR_DENIED, .why = "readers" });
}

void engine_sent(struct engine *e, const struct sent *sent)
{
	fault_point("post.after");
	struct sent_op *s = xcalloc(1, sizeof(*s));
	s->op.kind = &sent_kind;
	s->op.ws = sent->ws;
	s->e = e;
	s->delivery = sent->delivery;
	s->result = sent->result;
	s->retry_ms = sent->retry_after_ms;
	s->ref = xstrdup(sent->external_ref);
	s->why = xstrdup(sent->why);
	writer_put(e->writer, &s->op);
}

bool engine_certain(struct engine *e)
{
	uint32_t limit = e->o.lease_ms < CERTAIN_MS ? e->o.lease_ms : CERTAIN_MS;
	return clock_ms() - writer_proved_ms(e->writer) < limit;
}

/* ---- held ---- */

struct held_op {
	struct write_op op;
	struct id delivery;
	uint32_t ms;
};

static void held_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct held_op *h = (struct held_op *)ops[i];
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, h->op.ws);
		pg_arg_id(g, h->delivery);
		pg_arg_int8(g, h->ms);
		writer_exec(tx, "outbox_held", NULL, NULL);
	}
}

static void held_done(struct write_op *op, enum err result)
{
	(void)result; /* ERR_BROKEN: then the next process asks too early and is told again */
	free(op);
}

static const struct write_kind held_kind = { .name = "held", .rank = 5, .round = { held_first }, .done = held_done };

void engine_held(struct engine *e, struct id ws, struct id delivery, uint32_t ms)
{
	struct held_op *h = xcalloc(1, sizeof(*h));
	h->op.kind = &held_kind;
	h->op.ws = ws;
	h->delivery = delivery;
	h->ms = ms;
	writer_put(e->writer, &h->op);
}

/* ---- a delivery whose time has come again ---- */

struct again_op {
	struct write_op op;
	struct engine *e;
	struct id delivery;
	bool ours, guest, withheld, barred;
	int gone; /* 1: the words of a notice, 2: of the message that it passes on */
};

static void on_again(void *ctx, const PGresult *res)
{
	struct again_op *a = ctx;
	a->ours = PQntuples(res) == 1;
	a->guest = a->ours && pg_get_bool(res, 0, 1);
	a->gone = a->ours ? (int)pg_get_int8(res, 0, 2) : 0;
	a->barred = a->ours && pg_get_bool(res, 0, 3);
}

static void on_again_withhold(void *ctx, const PGresult *res)
{
	((struct again_op *)ctx)->withheld = PQntuples(res) == 1;
}

static void again_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct again_op *a = (struct again_op *)ops[i];
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, a->op.ws);
		pg_arg_id(g, a->delivery);
		pg_arg_str(g, WITHHELD);
		writer_exec(tx, "again_withhold", on_again_withhold, a);
		g = writer_args(tx);
		pg_arg_id(g, a->op.ws);
		pg_arg_id(g, a->delivery);
		pg_arg_id(g, a->e->process);
		writer_exec(tx, "outbox_again", on_again, a);
	}
}

static void again_done(struct write_op *op, enum err result)
{
	struct again_op *a = (struct again_op *)op;
	struct run *r = map_get(a->e->runs, a->delivery.b, sizeof(a->delivery.b));
	if (r != NULL && r->delivering && r->waits_again && result == ERR_NONE && a->ours) {
		r->waits_again = false;
		if (a->withheld) {
			run_withhold(r);
			transcripts_forget(a->e->transcripts, r->thread);
		}
		if (a->gone)
			relay_gone(r, a->gone == 1);
		if (a->barred)
			outbox_bar(r);
		else if (a->guest && r->deliveries++ < DELIVERY_TRIES)
			outbox_wait(r, back_off_ms(r)); /* perhaps not described yet */
		else if (a->guest)
			engine_sent(r->e, &(struct sent){ .ws = r->ws, .delivery = r->id, .result = ERR_DENIED, .why = "guest" });
		else
			run_deliver(r, r->answer.p, r->answer.len);
	}
	free(a);
}

static const struct write_kind again_kind = { .name = "again", .rank = 6, .round = { again_first }, .done = again_done };

static void again_due(void *arg)
{
	struct again_op *a = arg;
	writer_put(a->e->writer, &a->op);
}

void outbox_wait(struct run *r, uint32_t ms)
{
	r->waits_again = true;
	struct again_op *a = xcalloc(1, sizeof(*a));
	a->op.kind = &again_kind;
	a->op.ws = r->ws;
	a->e = r->e;
	a->delivery = r->id;
	timers_after_owned(r->e->timers, ms, again_due, a);
}

void outbox_again(struct run *r, uint32_t least_ms)
{
	metric_add(r->e->m.retries, 1);
	if (r->deliveries >= DELIVERY_TRIES) {
		/* Out of patience: kept as failed, with its reason, for `history` and the operator. */
		engine_sent(r->e, &(struct sent){ .ws = r->ws, .delivery = r->id, .result = ERR_BROKEN, .why = "gave_up" });
		return;
	}
	outbox_wait(r, back_off_ms(r) > least_ms ? back_off_ms(r) : least_ms);
}
