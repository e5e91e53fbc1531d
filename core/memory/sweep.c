/*
 * A sweep: the erasure of what was kept long enough.  It goes through messages by their time and through runs and deliveries by their ids, which
 * begin with the time, a few thousand rows a piece, and takes those that are older than their place's team keeps them (erasures.plan).  What
 * Eddy said later is a message of its own and stays for its own time, so no words are looked for; what rests on a message goes with it as with
 * any erasure, and in the end what resolutions, side threads and tools have of it (the last steps of forget.c).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "forget_piece.h"
#include "retention.h"
#include "sweep.h"

#define STEP_END "15"
_Static_assert(PIECE_STEP_END == 15, "forget_sweep_planned goes there");

enum sweep_step {
	SWEEP_AGAIN = -1, /* after a restore */
	SWEEP_PLAN,
	SWEEP_MESSAGES,
	SWEEP_RUNS,
	SWEEP_OUTBOX,
	SWEEP_THREADS,
	SWEEP_ROWS,
};

#define ERASURE "e AS MATERIALIZED (SELECT * FROM erasures WHERE ws = $1 AND id = $2)"
/* A moment of the plan, by its key. */
#define UNTIL(x) "to_timestamp((" x ")::float8 / 1000)"
#define OF_TEAM(what, team) UNTIL("e.plan -> '" what "' ->> coalesce(" team ", $1)::text")
#define AT(what) UNTIL("e.plan ->> '" what "'")
/* The least id of what was made after a moment in milliseconds; a minute more, since ids are made before rows are written. */
#define ID_AFTER(ms) "(lpad(to_hex((" ms ")::int8 + 60000), 12, '0') || repeat('0', 20))::uuid"
#define NEXT \
	" u AS (UPDATE erasures SET cursor = n.last, step = step + (n.k < $3)::int FROM (SELECT count(*) AS k," \
	" CASE WHEN count(*) = $3 THEN (SELECT id FROM c ORDER BY id DESC LIMIT 1) END AS last FROM c) n WHERE ws = $1 AND erasures.id = $2)"
#define TEAM_OF "JOIN threads t ON t.ws = $1 AND t.id = c.thread_id JOIN places p ON p.ws = $1 AND p.id = t.place_id"

const struct pg_statement sweep_statements[] = {
	{ "forget_sweep_planned", /* $3 the plan; a later one takes it all */
	    "UPDATE erasures e SET plan = $3::text::jsonb, walked = '-infinity', cursor = NULL, step = CASE WHEN EXISTS (SELECT 1 FROM erasures x"
	    " WHERE x.ws = $1 AND x.kind = 5 AND x.created_at > e.created_at) THEN " STEP_END
	    " ELSE 1 END WHERE e.ws = $1 AND e.id = $2" },
	{ "forget_sweep_step", "UPDATE erasures SET step = $3::int4, cursor = NULL WHERE ws = $1 AND id = $2" },
	{ "forget_sweep_at", "SELECT (extract(epoch FROM created_at) * 1000)::int8 FROM erasures WHERE ws = $1 AND id = $2" },
	{ "forget_sweep_messages",
	    "WITH " ERASURE
	    ", c AS MATERIALIZED (SELECT m.id, m.thread_id, m.created_at, m.state FROM e, messages m WHERE m.ws = $1"
	    " AND m.created_at > e.walked AND m.created_at <= " AT(
	        "messages_until") " ORDER BY m.created_at FETCH FIRST 2000 ROWS WITH TIES),"
	                          " x AS MATERIALIZED (SELECT c.id, c.created_at, c.state, p.team_id FROM c " TEAM_OF "),"
	                          " g AS MATERIALIZED (SELECT x.id, x.created_at FROM x, e WHERE x.state <> 2 AND x.created_at <= " OF_TEAM(
	                              "messages",
	                              "x.team_id") "),"
	                                           " u AS (UPDATE erasures SET walked = coalesce(n.last, walked), since = least(since, (SELECT min(created_at) FROM g)),"
	                                           " step = step + (n.k < $3)::int FROM (SELECT count(*) AS k, max(created_at) AS last FROM c) n WHERE ws = $1 AND erasures.id = $2)"
	                                           " SELECT g.id FROM g" },
	{ "forget_sweep_runs",
	    "WITH " ERASURE
	    ", c AS MATERIALIZED (SELECT r.id, r.thread_id, r.state, r.created_at, r.person_id IS NOT NULL OR r.origin <> '' AS known"
	    " FROM runs r, e WHERE r.ws = $1 AND (e.cursor IS NULL OR r.id > e.cursor) AND r.id < " ID_AFTER(
	        "e.plan ->> 'work_until'") " ORDER BY r.id LIMIT $3::int8)," NEXT
	                                   ", x AS MATERIALIZED (SELECT c.*, p.team_id FROM c " TEAM_OF " WHERE c.state > 2),"
	                                   " h AS MATERIALIZED (SELECT x.id FROM x, e WHERE x.created_at <= " OF_TEAM("work",
	                                       "x.team_id") "),"
	                                                    " a AS (DELETE FROM approvals USING h WHERE approvals.ws = $1 AND approvals.run_id = h.id AND approvals.state <> 1 RETURNING 1),"
	                                                    " s AS (DELETE FROM run_steps USING h WHERE run_steps.ws = $1 AND run_steps.run_id = h.id RETURNING 1),"
	                                                    " r AS (UPDATE runs SET person_id = NULL, origin = '', stream_ref = NULL, given = NULL, about_id = NULL FROM x, e WHERE runs.ws = $1"
	                                                    " AND runs.id = x.id AND x.known AND x.created_at <= " OF_TEAM(
	                                                        "messages",
	                                                        "x.team_id") " RETURNING 1)"
	                                                                     " SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM s) + (SELECT count(*) FROM r)" },
	{ "forget_sweep_outbox",
	    "WITH " ERASURE
	    ", c AS MATERIALIZED (SELECT o.id, o.thread_id, o.state, o.created_at, o.body IS NOT NULL OR o.origin <> ''"
	    " OR o.external_ref IS NOT NULL AS full_ FROM outbox o, e WHERE o.ws = $1 AND (e.cursor IS NULL OR o.id > e.cursor) AND o.id < " ID_AFTER(
	        "e.plan ->> 'messages_until'") " ORDER BY o.id LIMIT $3::int8)," NEXT
	                                       ", x AS MATERIALIZED (SELECT c.*, p.team_id FROM c " TEAM_OF
	                                       " WHERE c.state > 2 AND c.full_),"
	                                       " o AS (UPDATE outbox SET body = NULL, origin = '', external_ref = NULL FROM x, e WHERE outbox.ws = $1 AND outbox.id = x.id"
	                                       " AND x.created_at <= " OF_TEAM(
	                                           "messages", "x.team_id") " RETURNING 1) SELECT count(*) FROM o" },
	/* Of threads where nobody has said anything since: titles, topics, the ids of mails. */
	{ "forget_sweep_threads",
	    "WITH " ERASURE ", c AS MATERIALIZED (SELECT t.id, t.place_id, t.fork_id, t.last_at FROM threads t, e WHERE t.ws = $1"
	    " AND (e.cursor IS NULL OR t.id > e.cursor) AND t.created_at <= " AT(
	        "messages_until") " ORDER BY t.id LIMIT $3::int8)," NEXT
	                          ", h AS MATERIALIZED (SELECT c.id, c.fork_id FROM c JOIN places p ON p.ws = $1 AND p.id = c.place_id, e WHERE c.last_at <= " OF_TEAM(
	                              "messages",
	                              "p.team_id") "),"
	                                           " a AS (DELETE FROM aliases USING h WHERE aliases.ws = $1 AND aliases.thread_id = h.id RETURNING 1),"
	                                           " k AS (UPDATE forks SET topic = '(erased)' FROM h WHERE forks.ws = $1 AND forks.id = h.fork_id AND forks.state > 2"
	                                           " AND forks.topic <> '(erased)' RETURNING 1),"
	                                           " t AS (UPDATE threads SET title = NULL FROM h WHERE threads.ws = $1 AND threads.id = h.id AND threads.title IS NOT NULL RETURNING 1)"
	                                           " SELECT (SELECT count(*) FROM a) + (SELECT count(*) FROM k) + (SELECT count(*) FROM t)" },
	/* $3 the most */
	{ "forget_sweep_sessions",
	    "WITH " ERASURE ", s AS (DELETE FROM sessions WHERE ws = $1 AND id IN (SELECT s.id FROM sessions s, e WHERE s.ws = $1"
	    " AND least(s.ended_at, s.expires_at) <= " AT(
	        "sessions") " LIMIT $3::int8) RETURNING 1),"
	                    " c AS (DELETE FROM login_codes WHERE ws = $1 AND code_hash IN (SELECT c.code_hash FROM login_codes c, e WHERE c.ws = $1"
	                    " AND least(c.used_at, c.expires_at) <= " AT(
	                        "sessions") " LIMIT $3::int8) RETURNING 1),"
	                                    " l AS (DELETE FROM link_codes WHERE ws = $1 AND code_hash IN (SELECT l.code_hash FROM link_codes l, e WHERE l.ws = $1"
	                                    " AND least(l.used_at, l.expires_at) <= " AT(
	                                        "sessions") " LIMIT $3::int8) RETURNING 1)"
	                                                    " SELECT (SELECT count(*) FROM s) + (SELECT count(*) FROM c) + (SELECT count(*) FROM l)" },
	{ "forget_sweep_audit",
	    "WITH " ERASURE
	    ", d AS (DELETE FROM audit_details WHERE ws = $1 AND entry_id IN (SELECT d.entry_id FROM audit_details d, e"
	    " WHERE d.ws = $1 AND d.at <= " AT("audit") " LIMIT $3::int8) RETURNING 1) SELECT count(*) FROM d" },
	{ "forget_sweep_provision_steps",
	    "WITH " ERASURE
	    ", h AS MATERIALIZED (SELECT v.id FROM provisions v, e WHERE v.ws = $1 AND v.state > 2 AND v.ended_at <= " AT(
	        "provisions") " ORDER BY v.id LIMIT $3::int8), s AS (DELETE FROM provision_steps USING h WHERE provision_steps.ws = $1"
	                      " AND provision_steps.provision_id = h.id RETURNING 1) SELECT count(*) FROM s" },
	{ "forget_sweep_provisions",
	    "WITH " ERASURE
	    ", h AS MATERIALIZED (SELECT v.id FROM provisions v, e WHERE v.ws = $1 AND v.state > 2 AND v.ended_at <= " AT(
	        "provisions") " AND NOT EXISTS (SELECT 1 FROM provision_steps s WHERE s.ws = $1 AND s.provision_id = v.id) ORDER BY v.id"
	                      " LIMIT $3::int8), d AS (DELETE FROM provisions USING h WHERE provisions.ws = $1 AND provisions.id = h.id RETURNING 1)"
	                      " SELECT count(*) FROM d" },
	/* A budget of a month looks back for as long. */
	{ "forget_sweep_usage",
	    "WITH " ERASURE
	    ", m AS (DELETE FROM model_calls WHERE ws = $1 AND id IN (SELECT m.id FROM model_calls m, e WHERE m.ws = $1"
	    " AND m.created_at <= " AT(
	        "usage") " LIMIT $3::int8) RETURNING 1), d AS (DELETE FROM budget_days USING e WHERE budget_days.ws = $1"
	                 " AND e.plan ->> 'usage' IS NOT NULL"
	                 " AND budget_days.day < least(" AT(
	                     "usage") ", e.created_at - interval '62 days')::date RETURNING 1)"
	                              " SELECT (SELECT count(*) FROM m) + (SELECT count(*) FROM d)" },
	/* What was answered before is nobody's any more, so nothing is asked about it. */
	{ "forget_sweep_reader_changes",
	    "WITH " ERASURE
	    ", c AS (DELETE FROM reader_changes WHERE ws = $1 AND id IN (SELECT c.id FROM reader_changes c, e WHERE c.ws = $1"
	    " AND c.at <= " AT(
	        "messages_until") " LIMIT $3::int8) RETURNING at),"
	                          " w AS (UPDATE workspaces SET readers_since = greatest(readers_since, (SELECT max(at) FROM c)) WHERE ws = $1 AND EXISTS (SELECT 1 FROM c))"
	                          " SELECT count(*) FROM c" },
	{ "forget_sweep_drop", "DELETE FROM erasures WHERE ws = $1 AND id = $2" },
	{ NULL, NULL },
};

/* What is not kept by team, in the order in which it goes. */
static const struct taking rows[] = { { "forget_sweep_sessions", "sessions" }, { "forget_sweep_audit", "audit" },
	{ "forget_sweep_provision_steps", "identity" }, { "forget_sweep_provisions", "identity" },
	{ "forget_sweep_usage", "money" }, { "forget_sweep_reader_changes", "identity" } };

static enum err number(struct piece *p, const char *statement, int64_t limit, int64_t *n)
{
	PGresult *r = NULL;
	enum err e = piece_rows(p, statement, limit, &r);
	*n = e == ERR_NONE ? pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	return e;
}

static enum err to_step(struct piece *p, int step)
{
	PGresult *r = NULL;
	struct pg_args *a = piece_args(p);
	pg_arg_int4(a, step);
	enum err e = pg_query(p->pg, "forget_sweep_step", a, &r);
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err plan(struct piece *p)
{
	PGresult *r = NULL;
	json_t *made = NULL;
	struct pg_args *a = piece_args(p);
	enum err e = pg_query(p->pg, "forget_sweep_at", a, &r);
	if (e == ERR_NONE)
		e = retention_plan(p->pg, p->ws, pg_get_int8(r, 0, 0), &made);
	PQclear(r);
	if (e == ERR_NONE) {
		char *text = json_dumps(made, JSON_COMPACT);
		r = NULL;
		pg_arg_str(a, text);
		e = pg_query(p->pg, "forget_sweep_planned", a, &r);
		PQclear(r);
		free(text);
	}
	pg_args_free(a);
	json_decref(made);
	return e;
}

/* A piece that only looked is undone by nobody, so the line in the ledger may be written when the first rows are found. */
static enum err messages(struct piece *p)
{
	PGresult *r = NULL;
	enum err e = piece_rows(p, "forget_sweep_messages", FORGET_ROWS, &r);
	if (e == ERR_NONE && PQntuples(r) > 0) {
		size_t n;
		struct id *ids = piece_ids(r, &n);
		e = piece_note(p);
		if (e == ERR_NONE)
			e = piece_empty(p, ids, n, true);
		free(ids);
	}
	PQclear(r);
	return e;
}

/* In this transaction rows are gone, but nobody sees that before the line is in the ledger. */
static enum err took(struct piece *p, const char *kind, int64_t n)
{
	if (n == 0)
		return ERR_NONE;
	piece_count(p, kind, n);
	return piece_note(p);
}

static enum err next(struct piece *p, const char *statement, const char *kind)
{
	int64_t n = 0;
	enum err e = number(p, statement, FORGET_ROWS, &n);
	return e == ERR_NONE ? took(p, kind, n) : e;
}

static enum err others(struct piece *p)
{
	bool more = false;
	enum err e = ERR_NONE;
	for (size_t i = 0; i < sizeof rows / sizeof *rows && e == ERR_NONE; i++) {
		int64_t n = 0;
		e = number(p, rows[i].statement, FORGET_ROWS, &n);
		if (e == ERR_NONE)
			e = took(p, rows[i].kind, n);
		more |= n >= FORGET_ROWS;
	}
	return e != ERR_NONE || more ? e : to_step(p, p->noted ? PIECE_STEP_RESTS : PIECE_STEP_END);
}

enum err sweep_piece(struct piece *p, enum forget_state *state)
{
	*state = FORGET_LATER;
	/* While a hold stands words leave what is seen; the rest waits for a sweep after it. */
	if (p->holds && p->step > SWEEP_MESSAGES)
		return to_step(p, p->noted ? PIECE_STEP_RESTS : PIECE_STEP_END);
	switch ((enum sweep_step)p->step) {
	case SWEEP_AGAIN:
	case SWEEP_PLAN:
		return plan(p);
	case SWEEP_MESSAGES:
		return messages(p);
	case SWEEP_RUNS:
		return next(p, "forget_sweep_runs", "work");
	case SWEEP_OUTBOX:
		return next(p, "forget_sweep_outbox", "addresses");
	case SWEEP_THREADS:
		return next(p, "forget_sweep_threads", "messages");
	case SWEEP_ROWS:
		break;
	}
	return others(p);
}

enum err sweep_end(struct piece *p, bool *something)
{
	*something = p->noted;
	return *something ? ERR_NONE : piece_plain(p, "forget_sweep_drop", NULL);
}
