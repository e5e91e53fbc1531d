/*
 * Leases.  Every few seconds the process renews those of the threads it works on, and looks for work that nobody works on: rows
 * without an owner that are due, rows whose lease has run out, and rows of owners that are gone.  A living process holds a session
 * advisory lock named after it on the writer's connection, so after kill -9 its work is taken over at the next look and
 * not only when the lease ends.  All of it is judged by the database's clock.
 *
 * A stop, an edit or a deletion may reach a process that does not work on the thread: it marks the row, and the owner looks every second
 * while it has runs.
 *
 * A claim raises the thread's token and writes it into the open runs, in one transaction: what the former owner still tries to write
 * carries the old token and changes nothing.
 */
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "engine_internal.h"
#include "offer.h"
#include "pool.h"

#define CLAIM_MAX 200
#define CLAIM_WINDOW 1000 /* rows of one workspace that are weighed against each other */
#define LOOK_MS 1000

/* A session lock shows up in pg_locks by the two halves of its key. */
#define OWNER_ALIVE \
	" EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted" \
	" AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())" \
	" AND l.classid = ('x' || substr(d.owner::text, 20, 4) || substr(d.owner::text, 25, 4))::bit(32)::int8::oid" \
	" AND l.objid = ('x' || substr(d.owner::text, 29, 8))::bit(32)::int8::oid AND l.objsubid = 1)"

#define CLAIMABLE \
	"d.pending > 0 AND ((d.owner IS NULL AND d.due <= now()) OR d.lease_until < now() OR (d.owner IS NOT NULL AND d.owner <> $1 AND NOT" OWNER_ALIVE \
	"))"
/* $6: the teams that this process runs for, NULL: it is one of all.  A team that waits for its own processes is passed over by the others. */
#define OURS " AND CASE WHEN $6::uuid[] IS NULL THEN d.pool IS NULL ELSE d.pool = ANY ($6) END"

const struct pg_statement claim_statements[] = {
	{ "claim_renew",
	    "UPDATE dispatch SET lease_until = now() + $5::int8 * interval '1 ms'"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::int8[]) AS s(ws, thread_id, token)"
	    " WHERE dispatch.ws = s.ws AND dispatch.thread_id = s.thread_id AND dispatch.owner = $1 AND dispatch.token = s.token"
	    " RETURNING dispatch.thread_id" },
	/*
	 * A turn for each workspace after the other: a long backlog of one does not stand before the others, nor costs a look more than
	 * CLAIM_WINDOW rows of it: what is looked at begins anywhere and goes around (the ids of threads are random), the oldest of it come first.
	 * No index helps here: what it would have to hold changes with every message.
	 */
	{ "claim_due",
	    "WITH RECURSIVE w (ws) AS ((SELECT d.ws FROM dispatch d ORDER BY d.ws LIMIT 1) UNION ALL"
	    " SELECT (SELECT d.ws FROM dispatch d WHERE d.ws > w.ws ORDER BY d.ws LIMIT 1) FROM w WHERE w.ws IS NOT NULL),"
	    " q AS MATERIALIZED (SELECT x.ws, x.thread_id, x.due, row_number() OVER (PARTITION BY x.ws ORDER BY x.due) AS turn FROM w, LATERAL ("
	    "SELECT y.* FROM ("
	    "(SELECT d.ws, d.thread_id, d.due FROM dispatch d WHERE d.ws = w.ws AND d.thread_id >= $4 AND " CLAIMABLE OURS
	    " ORDER BY d.thread_id LIMIT $5) UNION ALL "
	    "(SELECT d.ws, d.thread_id, d.due FROM dispatch d WHERE d.ws = w.ws AND d.thread_id < $4 AND " CLAIMABLE OURS
	    " ORDER BY d.thread_id LIMIT $5)) y LIMIT $5) x)"
	    " UPDATE dispatch SET owner = $1, token = dispatch.token + 1, lease_until = now() + $2::int8 * interval '1 ms'"
	    " FROM (SELECT r.ws, r.thread_id, r.owner FROM (SELECT q.ws, q.thread_id FROM q ORDER BY q.turn, q.due) o, LATERAL ("
	    "SELECT d.ws, d.thread_id, d.owner FROM dispatch d WHERE d.ws = o.ws AND d.thread_id = o.thread_id AND " CLAIMABLE OURS
	    " FOR UPDATE SKIP LOCKED) r LIMIT $3) c"
	    " WHERE dispatch.ws = c.ws AND dispatch.thread_id = c.thread_id"
	    " RETURNING dispatch.ws, dispatch.thread_id, dispatch.token, c.owner IS NOT NULL" },
	{ "claim_runs",
	    "UPDATE runs SET token = ($3::int8[])[array_position($2, thread_id)],"
	    " attempt = attempt + (($4::bool[])[array_position($2, thread_id)] AND adapter = ANY($5::text[]) AND id = (SELECT f.id FROM runs f"
	    " WHERE f.ws = $1 AND f.thread_id = runs.thread_id AND f.state <= 2 ORDER BY f.message_seq, f.id LIMIT 1))::int"
	    " WHERE ws = $1 AND thread_id = ANY($2::uuid[]) AND state <= 2" },
	{ "claim_open_runs",
	    "SELECT r.id, r.thread_id, r.message_id, r.message_seq, r.person_id, r.kind, r.command, r.attempt, r.adapter, r.origin,"
	    " r.private_reply, r.stream_state, r.stream_ref, t.place_id, r.token, m.audience_id, m.rev, m.state, r.stop_asked, r.about_id, t.fork_id, r.reads, r.untrusted FROM runs r"
	    " JOIN threads t ON t.ws = r.ws AND t.id = r.thread_id JOIN messages m ON m.ws = r.ws AND m.id = r.message_id"
	    " WHERE r.ws = $1 AND r.thread_id = ANY($2::uuid[]) AND r.state <= 2 AND (r.due IS NULL OR r.due <= now())"
	    " ORDER BY r.thread_id, r.message_seq, r.id" },
	/* What waits to be posted and rests on what not all may read any more who read there now (finish_reads). */
	{ "claim_withhold",
	    "UPDATE messages m SET body = $3, whole = NULL, components = NULL FROM outbox o JOIN runs r ON r.ws = o.ws AND r.id = o.run_id"
	    " WHERE o.ws = $1 AND o.thread_id = ANY($2::uuid[]) AND o.state <= 2 AND r.reads IS NOT NULL AND m.ws = o.ws AND m.id = o.message_id"
	    " AND m.state <> 2 AND r.error IS DISTINCT FROM 'readers' AND NOT coalesce(may_still_say(r.id, r.reads), false)" },
	{ "claim_open_outbox",
	    "SELECT o.id, o.thread_id, o.message_id, coalesce(m.body, o.body), m.seq, o.adapter, o.origin, o.private_reply, o.state,"
	    " o.attempts, coalesce(o.external_ref, r.stream_ref),"
	    " greatest(0, least(extract(epoch FROM o.due - now()) * 1000, 86400000))::int8,"
	    /* notices: relay_load(); each waits for those before it */
	    " o.run_id IS NULL AND (o.message_id IS NULL OR o.passes IS NOT NULL OR o.adapter = '" RELAY_ADAPTER
	    "'), o.passes, m.state, m.author_id, p.name,"
	    " CASE WHEN o.passes IS NOT NULL THEN (SELECT string_agg(f->>'name', ', ') FROM jsonb_array_elements(m.files) f) END,"
	    " m.components, coalesce(m.created_at, o.created_at),"
	    " o.run_id IS NULL AND o.message_id IS NULL AND o.passes IS NULL AND NOT approval_may_go(o.id)"
	    " FROM outbox o LEFT JOIN messages m ON m.ws = o.ws AND m.id = o.message_id"
	    " LEFT JOIN runs r ON r.ws = o.ws AND r.id = o.run_id"
	    " LEFT JOIN people p ON o.passes IS NOT NULL AND p.ws = m.ws AND p.id = m.author_id"
	    " WHERE o.ws = $1 AND o.thread_id = ANY($2::uuid[]) AND o.state <= 2 AND NOT (o.turn IS NOT NULL AND EXISTS (SELECT 1 FROM"
	    " outbox b WHERE b.ws = o.ws AND b.thread_id = o.thread_id AND b.adapter = o.adapter AND b.turn < o.turn AND b.state <= 2))"
	    " ORDER BY o.thread_id, m.seq" },
	{ "claim_release",
	    "UPDATE dispatch SET owner = NULL, lease_until = NULL, due = now()"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::int8[]) AS s(ws, thread_id, token)"
	    " WHERE dispatch.ws = s.ws AND dispatch.thread_id = s.thread_id AND dispatch.owner = $1 AND dispatch.token = s.token" },
	{ "claim_token", "SELECT token FROM dispatch WHERE ws = $1 AND thread_id = $2 AND owner = $3" },
	{ "claim_look", "UPDATE dispatch SET look = false WHERE owner = $1 AND look RETURNING ws, thread_id" },
	{ "claim_lock", "SELECT 1 FROM dispatch WHERE ws = $1 AND thread_id = $2 AND owner = $3 FOR UPDATE" },
	/* Counts what is open under the row's lock, so nothing can be added meanwhile; what this process cannot do waits for another. */
	{ "claim_give_back",
	    "UPDATE dispatch SET owner = NULL, lease_until = NULL, due = least(now() + interval '30 s',"
	    " (SELECT min(due) FROM runs WHERE ws = $1 AND thread_id = $2 AND state <= 2 AND due > now())), pending ="
	    " (SELECT count(*) FROM runs WHERE ws = $1 AND thread_id = $2 AND state <= 2)"
	    " + (SELECT count(*) FROM outbox WHERE ws = $1 AND thread_id = $2 AND state <= 2)"
	    " WHERE ws = $1 AND thread_id = $2 AND owner = $3" },
	{ "claim_forget_idle", "DELETE FROM dispatch WHERE pending = 0 AND owner IS NULL AND due < now() - interval '1 hour'" },
	{ NULL, NULL },
};

int64_t process_lock_key(struct id process)
{
	uint64_t k;
	memcpy(&k, process.b + 8, sizeof(k));
	return (int64_t)be64toh(k);
}

struct thread_ref {
	struct id ws, thread;
	int64_t token;
	bool rescued;
};

struct claim_op {
	struct write_op op;
	struct engine *e;
	bool scan; /* look for due work; else load one thread of ours */
	struct thread_ref *threads;
	size_t threads_len;
	struct run **runs; /* made from rows, entered into lanes after COMMIT */
	size_t runs_len, runs_cap;
	char **texts; /* of deliveries; NULL for runs to do */
	size_t *text_lens;
};

static struct claim_op *of(struct write_op *op)
{
	return (struct claim_op *)op;
}

static void drop_rows(struct claim_op *c)
{
	for (size_t i = 0; i < c->runs_len; i++) {
		run_free(c->runs[i]);
		free(c->texts[i]);
	}
	c->runs_len = 0;
	if (c->scan) {
		free(c->threads);
		c->threads = NULL;
		c->threads_len = 0;
	}
}

static void reset(struct write_op *op)
{
	drop_rows(of(op));
}

static struct run *add_row(struct claim_op *c, struct id id, const PGresult *r, int row, int adapter, int origin)
{
	const struct adapter_slot *via = engine_adapter(c->e, PQgetvalue(r, row, adapter), (size_t)PQgetlength(r, row, adapter));
	if (via == NULL)
		return NULL; /* an adapter that this process does not have: its own processes will take it */
	if (c->runs_len == c->runs_cap) {
		c->runs_cap = c->runs_cap ? c->runs_cap * 2 : 64;
		c->runs = xrealloc(c->runs, c->runs_cap * sizeof(struct run *));
		c->texts = xrealloc(c->texts, c->runs_cap * sizeof(char *));
		c->text_lens = xrealloc(c->text_lens, c->runs_cap * sizeof(size_t));
	}
	struct run *run = run_new(c->e, ID_NONE, id, via, PQgetvalue(r, row, origin), (size_t)PQgetlength(r, row, origin));
	c->texts[c->runs_len] = NULL;
	c->text_lens[c->runs_len] = 0;
	c->runs[c->runs_len++] = run;
	return run;
}

struct claim_tenant {
	struct claim_op *c;
	struct id ws;
};

static void on_open_runs(void *ctx, const PGresult *r)
{
	struct claim_tenant *t = ctx;
	for (int i = 0; i < PQntuples(r); i++) {
		struct run *run = add_row(t->c, pg_get_id(r, i, 0), r, i, 8, 9);
		if (run == NULL)
			continue;
		run->ws = t->ws;
		run->thread = pg_get_id(r, i, 1);
		run->message = pg_get_id(r, i, 2);
		run->message_seq = pg_get_int8(r, i, 3);
		run->person = PQgetisnull(r, i, 4) ? ID_NONE : pg_get_id(r, i, 4);
		run->kind = (enum run_kind)pg_get_int8(r, i, 5);
		run->command = (enum command)pg_get_int8(r, i, 6);
		run->attempt = (int)pg_get_int8(r, i, 7);
		run->private_reply = pg_get_bool(r, i, 10);
		run->maybe_sent = pg_get_int8(r, i, 11) != 0; /* a stream may be open */
		run->stream_ref = PQgetisnull(r, i, 12) ? NULL : xstrdup(pg_get_str(r, i, 12));
		run->place = pg_get_id(r, i, 13);
		run->token = pg_get_int8(r, i, 14);
		run->audience = pg_get_id(r, i, 15);
		run->message_rev = pg_get_int8(r, i, 16);
		run->about = PQgetisnull(r, i, 19) ? ID_NONE : pg_get_id(r, i, 19);
		run->fork = PQgetisnull(r, i, 20) ? ID_NONE : pg_get_id(r, i, 20);
		run->reads.len = pg_get_ids(r, i, 21, NULL, 0);
		run->reads.audiences = xcalloc(run->reads.len + 1, sizeof(struct id));
		pg_get_ids(r, i, 21, run->reads.audiences, run->reads.len);
		run->untrusted = (unsigned)pg_get_int8(r, i, 22);
		run->resumed = true;
		if (pg_get_int8(r, i, 17) == 2) /* deleted */
			atomic_store(&run->stop, STOP_DELETED);
		else if (pg_get_bool(r, i, 18))
			atomic_store(&run->stop, STOP_BY_PERSON);
	}
}

static void on_open_outbox(void *ctx, const PGresult *r)
{
	struct claim_tenant *t = ctx;
	for (int i = 0; i < PQntuples(r); i++) {
		struct run *run = add_row(t->c, pg_get_id(r, i, 0), r, i, 5, 6);
		if (run == NULL)
			continue;
		run->ws = t->ws;
		run->thread = pg_get_id(r, i, 1);
		run->reply_message = PQgetisnull(r, i, 2) ? ID_NONE : pg_get_id(r, i, 2);
		run->reply_seq = PQgetisnull(r, i, 4) ? 0 : pg_get_int8(r, i, 4);
		run->private_reply = pg_get_bool(r, i, 7);
		run->maybe_sent = pg_get_int8(r, i, 8) == OUT_SENDING;
		run->deliveries = (uint32_t)pg_get_int8(r, i, 9);
		run->stream_ref = PQgetisnull(r, i, 10) ? NULL : xstrdup(pg_get_str(r, i, 10));
		run->due_ms = (uint32_t)pg_get_int8(r, i, 11);
		run->reply_at_ms = pg_get_time_ms(r, i, 19);
		run->barred = pg_get_bool(r, i, 20);
		size_t k = t->c->runs_len - 1;
		t->c->text_lens[k] = (size_t)PQgetlength(r, i, 3);
		t->c->texts[k] = xstrndup(PQgetvalue(r, i, 3), t->c->text_lens[k]);
		if (!PQgetisnull(r, i, 18)) /* jsonb in binary form starts with a version byte */
			offer_read(
			    PQgetvalue(r, i, 18) + 1, (size_t)PQgetlength(r, i, 18) - 1, &run->components, &run->components_len);
		if (pg_get_bool(r, i, 12))
			relay_load(run, r, i, &t->c->texts[k], &t->c->text_lens[k]);
	}
}

static void on_claimed(void *ctx, const PGresult *r)
{
	struct claim_op *c = ctx;
	c->threads_len = (size_t)PQntuples(r);
	c->threads = xcalloc(c->threads_len + 1, sizeof(*c->threads));
	for (int i = 0; i < PQntuples(r); i++)
		c->threads[i] =
		    (struct thread_ref){ pg_get_id(r, i, 0), pg_get_id(r, i, 1), pg_get_int8(r, i, 2), pg_get_bool(r, i, 3) };
}

static void on_token(void *ctx, const PGresult *r)
{
	struct claim_op *c = ctx;
	c->threads[0].token = PQntuples(r) == 1 ? pg_get_int8(r, 0, 0) : 0;
}

static void first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct claim_op *c = of(ops[i]);
		struct pg_args *g = writer_args(tx);
		if (!c->scan) {
			pg_arg_id(g, c->threads[0].ws);
			pg_arg_id(g, c->threads[0].thread);
			pg_arg_id(g, c->e->process);
			writer_exec(tx, "claim_token", on_token, c);
			continue;
		}
		pg_arg_id(g, c->e->process);
		pg_arg_int8(g, c->e->o.lease_ms);
		pg_arg_int8(g, CLAIM_MAX);
		struct id from = ID_NONE;
		random_bytes(from.b, sizeof from.b);
		pg_arg_id(g, from);
		pg_arg_int8(g, CLAIM_WINDOW);
		pool_arg(c->e, g);
		writer_exec(tx, "claim_due", on_claimed, c);
		pool_here(c->e, tx);
	}
}

static int by_ws(const void *x, const void *y)
{
	return id_compare(((const struct thread_ref *)x)->ws, ((const struct thread_ref *)y)->ws);
}

static void load_tenant(struct writer_tx *tx, struct claim_op *c, size_t from, size_t to)
{
	struct id ws = c->threads[from].ws;
	struct claim_tenant *t = writer_alloc(tx, sizeof(*t));
	*t = (struct claim_tenant){ c, ws };
	writer_set_tenant(tx, ws);
	struct pg_args *g;
	if (c->scan) {
		g = writer_args(tx);
		pg_arg_id(g, ws);
		pg_array_begin(g, 2950);
		for (size_t i = from; i < to; i++)
			pg_array_id(g, c->threads[i].thread);
		pg_array_end(g);
		pg_array_begin(g, 20);
		for (size_t i = from; i < to; i++)
			pg_array_int8(g, c->threads[i].token);
		pg_array_end(g);
		pg_array_begin(g, 16);
		for (size_t i = from; i < to; i++)
			pg_array_bool(g, c->threads[i].rescued);
		pg_array_end(g);
		pg_array_begin(g, 25);
		for (size_t i = 0; i < c->e->adapters_len; i++)
			pg_array_str(g, c->e->adapters[i].ops->name);
		pg_array_end(g);
		writer_exec(tx, "claim_runs", NULL, NULL);
	}
	for (int k = 0; k < 3; k++) {
		static const char *const statements[] = { "claim_withhold", "claim_open_outbox", "claim_open_runs" };
		g = writer_args(tx);
		pg_arg_id(g, ws);
		pg_array_begin(g, 2950);
		for (size_t i = from; i < to; i++)
			pg_array_id(g, c->threads[i].thread);
		pg_array_end(g);
		if (k == 0)
			pg_arg_str(g, WITHHELD);
		writer_exec(tx, statements[k], k == 0 ? NULL : k == 1 ? on_open_outbox : on_open_runs, t);
	}
}

static void second(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct claim_op *c = of(ops[i]);
		qsort(c->threads, c->threads_len, sizeof(*c->threads), by_ws);
		for (size_t a = 0, b; a < c->threads_len; a = b) {
			for (b = a + 1; b < c->threads_len && id_equal(c->threads[b].ws, c->threads[a].ws);)
				b++;
			load_tenant(tx, c, a, b);
		}
	}
}

/* ---- a lane with nothing to do ---- */

struct idle_op {
	struct write_op op;
	struct engine *e;
	struct id thread;
	bool idle;
};

static bool is_idle(const struct lane *l)
{
	return l != NULL && l->active == NULL && l->head == NULL && l->delivering == 0;
}

static void idle_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct idle_op *x = (struct idle_op *)ops[i];
		x->idle = is_idle(lane_find(x->e, x->thread));
		if (!x->idle)
			continue;
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, x->op.ws);
		pg_arg_id(g, x->thread);
		pg_arg_id(g, x->e->process);
		writer_exec(tx, "claim_lock", NULL, NULL);
	}
}

static void idle_second(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct idle_op *x = (struct idle_op *)ops[i];
		/* Once more: what the batch before has stored was told to the lanes since the first round. */
		x->idle = x->idle && is_idle(lane_find(x->e, x->thread));
		if (!x->idle)
			continue;
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, x->op.ws);
		pg_arg_id(g, x->thread);
		pg_arg_id(g, x->e->process);
		writer_exec(tx, "claim_give_back", NULL, NULL);
	}
}

static void idle_done(struct write_op *op, enum err result)
{
	struct idle_op *x = (struct idle_op *)op;
	struct lane *l = lane_find(x->e, x->thread);
	if (result == ERR_NONE && x->idle && is_idle(l))
		lane_close(x->e, l);
	else if (l != NULL)
		l->leaving = false;
	free(x);
}

static const struct write_kind idle_kind = { .name = "idle", .rank = 0, .round = { idle_first, idle_second }, .done = idle_done };

/* We have the lease but found nothing that we can do: let it go and put the count of what is open right. */
static void give_back(struct engine *e, struct lane *l)
{
	if (!is_idle(l) || l->leaving)
		return;
	l->leaving = true;
	struct idle_op *x = xcalloc(1, sizeof(*x));
	x->op.kind = &idle_kind;
	x->op.ws = l->ws;
	x->e = e;
	x->thread = l->thread;
	writer_put(e->writer, &x->op);
}

/* Deliveries stand before runs in the list, so what was said first goes out first. */
static void enter(struct claim_op *c, size_t i)
{
	struct engine *e = c->e;
	struct run *r = c->runs[i];
	struct lane *l = lane_find(e, r->thread);
	if (l == NULL || map_get(e->runs, r->id.b, sizeof(r->id.b)) != NULL) {
		free(c->texts[i]);
		run_free(r);
		return;
	}
	if (c->texts[i] != NULL) {
		r->lane = l;
		r->delivering = true;
		l->delivering++;
		map_put(e->runs, r->id.b, sizeof(r->id.b), r);
		if (r->barred) {
			free(c->texts[i]);
			outbox_bar(r);
			return;
		}
		if (!r->maybe_sent) { /* the row says sending before it leaves; and when, the platform may have told the process before us */
			buf_add(&r->answer, c->texts[i], c->text_lens[i]);
			free(c->texts[i]);
			outbox_wait(r, r->due_ms);
			return;
		}
		run_resume_delivery(r, c->texts[i], c->text_lens[i]);
		return;
	}
	lane_push(l, r);
}

static void done(struct write_op *op, enum err result)
{
	struct claim_op *c = of(op);
	struct engine *e = c->e;
	if (result == ERR_NONE) {
		size_t rescued = 0;
		for (size_t i = 0; i < c->threads_len && c->scan; i++) {
			struct thread_ref *t = &c->threads[i];
			struct lane *old = lane_find(e, t->thread);
			if (old != NULL && old->token != t->token)
				lane_lost(e, old); /* our own lease had run out (a long stop): start over from what is stored */
			lane_open(e, t->ws, t->thread, t->token);
			rescued += t->rescued;
		}
		if (!c->scan && c->threads[0].token > 0 && lane_find(e, c->threads[0].thread) == NULL)
			lane_open(e, c->threads[0].ws, c->threads[0].thread, c->threads[0].token);
		for (size_t i = 0; i < c->runs_len; i++)
			enter(c, i);
		c->runs_len = 0;
		if (rescued > 0) {
			metric_add(e->m.rescued, (int64_t)rescued);
			log_info("claim.rescued", LF_INT("threads", rescued), LF_STR("result", "ok"));
		}
		bool more = c->scan && c->threads_len == CLAIM_MAX;
		for (size_t i = 0; i < c->threads_len; i++)
			give_back(e, lane_find(e, c->threads[i].thread));
		if (more)
			claim_now(e);
	}
	drop_rows(c);
	free(c->threads);
	free(c->runs);
	free(c->texts);
	free(c->text_lens);
	free(c);
}

static const struct write_kind claim_kind = {
	.name = "claim", .rank = 20, .round = { first, second }, .done = done, .reset = reset
};

void claim_now(struct engine *e)
{
	if (atomic_load(&e->draining) || atomic_load(&e->lanes_count) >= LANES_MAX)
		return;
	struct claim_op *c = xcalloc(1, sizeof(*c));
	c->op.kind = &claim_kind;
	c->e = e;
	c->scan = true;
	writer_put(e->writer, &c->op);
}

void claim_load(struct engine *e, struct id ws, struct id thread)
{
	struct claim_op *c = xcalloc(1, sizeof(*c));
	c->op.kind = &claim_kind;
	c->e = e;
	c->threads = xcalloc(1, sizeof(*c->threads));
	c->threads[0] = (struct thread_ref){ .ws = ws, .thread = thread };
	c->threads_len = 1;
	writer_put(e->writer, &c->op);
}

/* ---- what other processes were told about our threads ---- */

struct look_row {
	struct id thread, run;
	int64_t rev;
	bool deleted, stop;
};

struct look_op {
	struct write_op op;
	struct engine *e;
	struct thread_ref *threads;
	size_t threads_len;
	struct look_row *rows;
	size_t rows_len;
};

static void look_reset(struct write_op *op)
{
	struct look_op *x = (struct look_op *)op;
	free(x->threads);
	free(x->rows);
	x->threads = NULL;
	x->rows = NULL;
	x->threads_len = x->rows_len = 0;
}

static void on_look(void *ctx, const PGresult *r)
{
	struct look_op *x = ctx;
	x->threads_len = (size_t)PQntuples(r);
	x->threads = xcalloc(x->threads_len + 1, sizeof(*x->threads));
	for (int i = 0; i < PQntuples(r); i++)
		x->threads[i] = (struct thread_ref){ .ws = pg_get_id(r, i, 0), .thread = pg_get_id(r, i, 1) };
}

static void on_look_runs(void *ctx, const PGresult *r)
{
	struct look_op *x = ctx;
	size_t n = (size_t)PQntuples(r);
	x->rows = xrealloc(x->rows, (x->rows_len + n + 1) * sizeof(*x->rows));
	for (int i = 0; i < PQntuples(r); i++)
		x->rows[x->rows_len++] = (struct look_row){ .run = pg_get_id(r, i, 0),
			.thread = pg_get_id(r, i, 1),
			.rev = pg_get_int8(r, i, 16),
			.deleted = pg_get_int8(r, i, 17) == 2,
			.stop = pg_get_bool(r, i, 18) };
}

static void look_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct look_op *x = (struct look_op *)ops[i];
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, x->e->process);
		writer_exec(tx, "claim_look", on_look, x);
	}
}

static void look_second(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct look_op *x = (struct look_op *)ops[i];
		qsort(x->threads, x->threads_len, sizeof(*x->threads), by_ws);
		for (size_t a = 0, b; a < x->threads_len; a = b) {
			for (b = a + 1; b < x->threads_len && id_equal(x->threads[b].ws, x->threads[a].ws);)
				b++;
			writer_set_tenant(tx, x->threads[a].ws);
			struct pg_args *g = writer_args(tx);
			pg_arg_id(g, x->threads[a].ws);
			pg_array_begin(g, PG_UUID);
			for (size_t k = a; k < b; k++)
				pg_array_id(g, x->threads[k].thread);
			pg_array_end(g);
			writer_exec(tx, "claim_open_runs", on_look_runs, x);
		}
	}
}

static void look_done(struct write_op *op, enum err result)
{
	struct look_op *x = (struct look_op *)op;
	struct engine *e = x->e;
	for (size_t i = 0; i < x->threads_len && result == ERR_NONE; i++)
		transcripts_forget(e->transcripts, x->threads[i].thread);
	for (size_t i = 0; i < x->rows_len && result == ERR_NONE; i++) {
		const struct look_row *row = &x->rows[i];
		struct run *r = map_get(e->runs, row->run.b, sizeof(row->run.b));
		struct lane *l = lane_find(e, row->thread);
		if (r == NULL && l != NULL)
			claim_load(e, l->ws, l->thread); /* added by somebody else */
		if (r == NULL || r->delivering)
			continue;
		bool changed = row->deleted || row->rev > r->message_rev;
		r->message_rev = row->rev;
		if (changed)
			lane_message_changed(r, row->deleted);
		if (row->stop)
			run_request_stop(r, STOP_BY_PERSON);
	}
	look_reset(op);
	free(x);
}

static const struct write_kind look_kind = {
	.name = "look", .rank = 21, .round = { look_first, look_second }, .done = look_done, .reset = look_reset
};

static void look_now(struct engine *e)
{
	if (atomic_load(&e->runs_count) == 0)
		return;
	struct look_op *x = xcalloc(1, sizeof(*x));
	x->op.kind = &look_kind;
	x->e = e;
	writer_put(e->writer, &x->op);
}

void claim_all_now(struct engine *e)
{
	if (atomic_load(&e->draining))
		return;
	claim_now(e);
	look_now(e);
}

static void look_due(void *arg)
{
	struct engine *e = arg;
	look_now(e);
	timers_after(e->timers, e->o.scan_ms < LOOK_MS ? e->o.scan_ms : LOOK_MS, look_due, e);
}

/* ---- heartbeat and release ---- */

struct renew_op {
	struct write_op op;
	struct engine *e;
	bool release;
	uint64_t generation;
};

struct renew_list {
	struct pg_args *g;
	int part;
};

static void each_lane(const void *key, size_t n, void *value, void *arg)
{
	(void)key;
	(void)n;
	struct renew_list *x = arg;
	struct lane *l = value;
	if (x->part == 0)
		pg_array_id(x->g, l->ws);
	else if (x->part == 1)
		pg_array_id(x->g, l->thread);
	else
		pg_array_int8(x->g, l->token);
}

static void on_renewed(void *ctx, const PGresult *r)
{
	struct renew_op *x = ctx;
	for (int i = 0; i < PQntuples(r); i++) {
		struct lane *l = lane_find(x->e, pg_get_id(r, i, 0));
		if (l != NULL)
			l->generation = x->generation;
	}
}

static void renew_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct renew_op *x = (struct renew_op *)ops[i];
		x->generation = ++x->e->generation;
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, x->e->process);
		struct renew_list list = { .g = g };
		for (list.part = 0; list.part < 3; list.part++) {
			pg_array_begin(g, list.part == 2 ? 20 : 2950);
			map_each(x->e->lanes, each_lane, &list);
			pg_array_end(g);
		}
		if (x->release) {
			writer_exec(tx, "claim_release", NULL, NULL);
			continue;
		}
		pg_arg_int8(g, x->e->o.lease_ms);
		writer_exec(tx, "claim_renew", on_renewed, x);
		pg_args_reset(writer_args(tx));
		writer_exec(tx, "claim_forget_idle", NULL, NULL);
		writer_fence(tx); /* what a frozen process has locked is passed over by every look */
	}
}

struct lost_list {
	uint64_t generation;
	struct lane **lost;
	size_t len;
	struct lane **idle;
	size_t idle_len;
};

static void find_lost(const void *key, size_t n, void *value, void *arg)
{
	(void)key;
	(void)n;
	struct lost_list *x = arg;
	struct lane *l = value;
	if (l->generation < x->generation)
		x->lost[x->len++] = l;
	else if (is_idle(l) && !l->leaving)
		x->idle[x->idle_len++] = l;
}

static void renew_done(struct write_op *op, enum err result)
{
	struct renew_op *x = (struct renew_op *)op;
	struct engine *e = x->e;
	if (result == ERR_NONE && !x->release) {
		/* Lanes opened by this very batch carry the new generation already. */
		size_t most = map_count(e->lanes) + 1;
		struct lost_list list = { .generation = x->generation,
			.lost = xcalloc(most, sizeof(struct lane *)),
			.idle = xcalloc(most, sizeof(struct lane *)) };
		map_each(e->lanes, find_lost, &list);
		for (size_t i = 0; i < list.len; i++)
			lane_lost(e, list.lost[i]);
		/* Leased, but with nothing to do here: look once more at what is stored, then let it go. */
		for (size_t i = 0; i < list.idle_len; i++)
			claim_load(e, list.idle[i]->ws, list.idle[i]->thread);
		free(list.lost);
		free(list.idle);
	}
	free(x);
}

static const struct write_kind renew_kind = { .name = "renew", .rank = 10, .round = { renew_first }, .done = renew_done };

static void renew(struct engine *e, bool release)
{
	struct renew_op *x = xcalloc(1, sizeof(*x));
	x->op.kind = &renew_kind;
	x->e = e;
	x->release = release;
	writer_put(e->writer, &x->op);
}

void claim_release(struct engine *e)
{
	renew(e, true);
}

static void heartbeat_due(void *arg)
{
	struct engine *e = arg;
	renew(e, false);
	timers_after(e->timers, e->o.heartbeat_ms, heartbeat_due, e);
}

static void scan_due(void *arg)
{
	struct engine *e = arg;
	pool_look_soon(e);
	claim_now(e);
	timers_after(e->timers, e->o.scan_ms, scan_due, e);
}

void claim_start(struct engine *e)
{
	claim_now(e);
	timers_after(e->timers, e->o.scan_ms < LOOK_MS ? e->o.scan_ms : LOOK_MS, look_due, e);
	timers_after(e->timers, e->o.heartbeat_ms, heartbeat_due, e);
	timers_after(e->timers, e->o.scan_ms, scan_due, e);
}
