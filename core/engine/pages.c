/*
 * What pages ask: the list of a person's threads, what Eddy did in one, opinions, erasing.  Small tenant transactions on a worker's
 * connection; none of it is on a message's way.  Erasing takes the thread's row first, as accepting and finishing do, so that no message
 * comes in between, and waits until no run is open, so that none writes afterwards.
 */
#include "pages.h"

#include <string.h>

#include "engine_internal.h"
#include "upkeep.h"

/* clang-format off */
#define LISTED \
	"SELECT t.id, t.external_key, coalesce(t.title, left(btrim(regexp_replace(left(coalesce((SELECT m.body FROM messages m" \
	" WHERE m.ws = t.ws AND m.thread_id = t.id AND m.author_kind = 1 AND m.state <> 2 ORDER BY m.seq LIMIT 1), f.body), 600)," \
	" '\\s+', ' ', 'g')), 120))," \
	" t.last_at, t.seq, t.state, o.external_key, k.n, k.state, k.about_id, p.adapter, p.external_id FROM threads t JOIN LATERAL" \
	" (SELECT body FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id AND m.state <> 2 ORDER BY m.seq LIMIT 1) f ON true" \
	" JOIN places p ON p.ws = t.ws AND p.id = t.place_id" \
	" LEFT JOIN forks k ON k.ws = t.ws AND k.id = t.fork_id LEFT JOIN threads o ON o.ws = k.ws AND o.id = k.parent_id"
/* clang-format on */
const struct pg_statement pages_statements[] = {
	{ "pages_threads",
	    LISTED
	    " WHERE t.ws = $1 AND t.place_id = $2 AND ($3::int8 = 0"
	    " OR (date_trunc('milliseconds', t.last_at), t.id) < (to_timestamp($3::int8 / 1000.0), coalesce($4::uuid, '00000000-0000-0000-0000-000000000000')))"
	    " AND ($6::int2 = 0 OR (t.state = 3) = ($6 = 2)) AND ($7::uuid IS NULL OR k.parent_id = $7) AND ($8::uuid IS NULL OR t.id = $8)"
	    " ORDER BY date_trunc('milliseconds', t.last_at) DESC, t.id DESC LIMIT $5" },
	{ "pages_thread", LISTED " WHERE t.ws = $1 AND t.id = $2" },
	{ "pages_runs",
	    "SELECT r.id, r.state, r.created_at, (extract(epoch FROM r.finished_at - r.created_at) * 1000)::int8, c.model, c.input, c.output,"
	    " c.cost, s.tools FROM runs r"
	    " LEFT JOIN LATERAL (SELECT max(model) AS model, sum(input_tokens)::int8 AS input, sum(output_tokens)::int8 AS output,"
	    " sum(cost_micros)::int8 AS cost FROM model_calls m WHERE m.ws = r.ws AND m.run_id = r.id) c ON true"
	    " LEFT JOIN LATERAL (SELECT json_agg(json_build_object('title', title, 'state', CASE WHEN failed THEN 'failed' ELSE 'done' END,"
	    " 'n', n) ORDER BY at)::text AS tools FROM (SELECT x.body->>'name' AS title, coalesce((y.body->>'failed')::boolean, false) AS failed,"
	    " count(*) AS n, min(x.n) AS at FROM run_steps x LEFT JOIN run_steps y ON y.ws = x.ws AND y.run_id = x.run_id AND y.kind = 3"
	    " AND y.body->>'id' = x.body->>'id' WHERE x.ws = r.ws AND x.run_id = r.id AND x.kind = 2 GROUP BY 1, 2) z) s ON true"
	    " WHERE r.ws = $1 AND r.thread_id = $2 ORDER BY r.created_at DESC, r.id DESC LIMIT $3" },
	{ "pages_opinion",
	    "INSERT INTO feedback (ws, message_id, person_id, value, reason) SELECT m.ws, m.id, i.person_id, $6, $7 FROM messages m"
	    " JOIN identities i ON i.ws = m.ws AND i.adapter = $4 AND i.external_id = $5"
	    " WHERE m.ws = $1 AND m.id = $2 AND m.thread_id = $3 AND m.author_kind = 2 AND m.state <> 2"
	    " ON CONFLICT (ws, message_id, person_id) DO UPDATE SET value = excluded.value, reason = excluded.reason, created_at = now()"
	    " RETURNING message_id" },
	{ "pages_no_opinion",
	    "WITH m AS (SELECT m.ws, m.id, i.person_id FROM messages m JOIN identities i ON i.ws = m.ws AND i.adapter = $4"
	    " AND i.external_id = $5 WHERE m.ws = $1 AND m.id = $2 AND m.thread_id = $3 AND m.author_kind = 2),"
	    " d AS (DELETE FROM feedback f USING m WHERE f.ws = m.ws AND f.message_id = m.id AND f.person_id = m.person_id)"
	    " SELECT id FROM m" },
	/* With its side threads that are in the same place, as those of a page are; rows in the order in which all take them. */
	{ "erase_thread",
	    "SELECT id FROM threads WHERE ws = $1 AND (id = $2 OR id IN (SELECT thread_id FROM forks WHERE ws = $1 AND parent_id = $2)"
	    " AND place_id = (SELECT place_id FROM threads WHERE ws = $1 AND id = $2)) ORDER BY id FOR UPDATE" },
	{ "erase_open", "SELECT 1 FROM runs WHERE ws = $1 AND thread_id = $2 AND state <= 2 LIMIT 1" },
	{ "erase_messages",
	    "UPDATE messages m SET body = '', files = NULL, components = NULL, whole = NULL, state = 2, rev = t.seq + x.n FROM threads t,"
	    " (SELECT id, row_number() OVER (ORDER BY seq) AS n FROM messages WHERE ws = $1 AND thread_id = $2 AND state <> 2) x"
	    " WHERE m.ws = $1 AND m.id = x.id AND t.ws = $1 AND t.id = $2 RETURNING m.id" },
	{ "erase_forks",
	    /* What quotes a message of this thread is found by what it is about, afterwards (core/memory/forget.c). */
	    "WITH k AS (UPDATE forks SET topic = '(erased)', about_id = CASE WHEN parent_id = $2 THEN about_id END"
	    " WHERE ws = $1 AND (parent_id = $2 OR id = (SELECT fork_id FROM threads"
	    " WHERE ws = $1 AND id = $2)) RETURNING id) UPDATE threads SET title = NULL FROM k WHERE ws = $1 AND fork_id = k.id" },
	{ "erase_seq", "UPDATE threads SET seq = seq + $3, title = NULL WHERE ws = $1 AND id = $2" },
	{ "erase_steps",
	    "DELETE FROM run_steps WHERE ws = $1 AND run_id IN (SELECT id FROM runs WHERE ws = $1 AND thread_id = $2)" },
	{ "erase_outbox", "UPDATE outbox SET body = NULL WHERE ws = $1 AND thread_id = $2 AND body IS NOT NULL" },
	{ "erase_reactions",
	    "DELETE FROM reactions WHERE ws = $1 AND message_id IN (SELECT id FROM messages WHERE ws = $1 AND thread_id = $2)" },
	{ "erase_feedback",
	    "DELETE FROM feedback WHERE ws = $1 AND message_id IN (SELECT id FROM messages WHERE ws = $1 AND thread_id = $2)" },
	{ "erase_audit",
	    "INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id) VALUES ($1, $3, (SELECT person_id FROM identities"
	    " WHERE ws = $1 AND adapter = $4 AND external_id = $5), 'thread.erased', $2, $2)" },
	{ NULL, NULL },
};

static int64_t number(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? 0 : pg_get_int8(r, row, col);
}

static void give_thread(const PGresult *r, int i, bool with_place, void (*fn)(void *arg, const struct listed_thread *t), void *arg)
{
	fn(arg,
	    &(struct listed_thread){ .key = pg_get_str(r, i, 1),
	        .title = pg_get_str(r, i, 2),
	        .at_ms = pg_get_time_ms(r, i, 3),
	        .rev = pg_get_int8(r, i, 4),
	        .state = (int)pg_get_int8(r, i, 5),
	        .parent = pg_get_str(r, i, 6),
	        .fork_n = (int)number(r, i, 7),
	        .fork_state = (int)number(r, i, 8),
	        .about = PQgetisnull(r, i, 9) ? ID_NONE : pg_get_id(r, i, 9),
	        .adapter = with_place ? pg_get_str(r, i, 10) : NULL,
	        .place = with_place ? pg_get_str(r, i, 11) : NULL });
}

enum err engine_list_threads(
    struct engine *e, struct id ws, const struct list_query *q, void (*fn)(void *arg, const struct listed_thread *t), void *arg)
{
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, q->place);
	pg_arg_int8(a, q->before_ms);
	pg_arg_id(a, q->before);
	pg_arg_int8(a, q->limit);
	pg_arg_int2(a, (int16_t)q->which);
	pg_arg_id(a, q->of);
	pg_arg_id(a, q->only);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, pg_query(pg, "pages_threads", a, &r));
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++)
		give_thread(r, i, false, fn, arg);
	PQclear(r);
	pg_args_free(a);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_show_thread(
    struct engine *e, struct id ws, struct id thread, void (*fn)(void *arg, const struct listed_thread *t), void *arg)
{
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, pg_query(pg, "pages_thread", a, &r));
	if (err == ERR_NONE && PQntuples(r) == 1)
		give_thread(r, 0, true, fn, arg);
	PQclear(r);
	pg_args_free(a);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_run_history(
    struct engine *e, struct id ws, struct id thread, int limit, void (*fn)(void *arg, const struct past_run *r), void *arg)
{
	static const char *const states[] = { "", "queued", "running", "answered", "merged", "failed", "stopped", "parked" };
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	pg_arg_int8(a, limit);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, pg_query(pg, "pages_runs", a, &r));
	for (int i = err == ERR_NONE ? PQntuples(r) - 1 : -1; i >= 0; i--) {
		int64_t state = pg_get_int8(r, i, 1);
		const char *tools = pg_get_str(r, i, 8);
		fn(arg,
		    &(struct past_run){ .run = pg_get_id(r, i, 0),
		        .state = state >= 0 && state <= RUN_PARKED ? states[state] : "",
		        .at_ms = pg_get_time_ms(r, i, 2),
		        .ms = number(r, i, 3),
		        .model = pg_get_str(r, i, 4),
		        .input_tokens = number(r, i, 5),
		        .output_tokens = number(r, i, 6),
		        .cost_micros = number(r, i, 7),
		        .tools = tools == NULL ? "[]" : tools });
	}
	PQclear(r);
	pg_args_free(a);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_give_opinion(struct engine *e, const struct opinion *o)
{
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, o->ws);
	pg_arg_id(a, o->message);
	pg_arg_id(a, o->thread);
	pg_arg_str(a, o->adapter);
	pg_arg_str(a, o->person);
	if (o->value != 0) {
		pg_arg_int2(a, (int16_t)o->value);
		pg_arg_str(a, o->reason);
	}
	enum err err = pg_begin(pg, o->ws);
	if (err == ERR_NONE)
		err = pg_end(pg, pg_query(pg, o->value != 0 ? "pages_opinion" : "pages_no_opinion", a, &r));
	if (err == ERR_NONE && PQntuples(r) == 0)
		err = ERR_INPUT;
	PQclear(r);
	pg_args_free(a);
	engine_pg_done(e, pg);
	return err;
}

/* One statement about ${thread}; gives the number of its rows. */
static enum err about(struct pg *pg, const char *statement, struct id ws, struct id thread, int *rows)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	enum err err = pg_query(pg, statement, a, &r);
	if (err == ERR_NONE && rows != NULL)
		*rows = PQntuples(r);
	PQclear(r);
	pg_args_free(a);
	return err;
}

static enum err erase_one(struct pg *pg, struct id ws, struct id thread, const char *adapter, const char *person)
{
	static const char *const statements[] = { "erase_steps", "erase_outbox", "erase_reactions", "erase_feedback",
		"erase_forks" };
	int rows = 0;
	enum err err = forget_thread(pg, ws, thread);
	if (err == ERR_NONE)
		err = about(pg, "erase_messages", ws, thread, &rows);
	for (size_t i = 0; err == ERR_NONE && i < sizeof statements / sizeof *statements; i++)
		err = about(pg, statements[i], ws, thread, NULL);
	if (err == ERR_NONE)
		err = relay_erase(pg, ws, thread);
	if (err != ERR_NONE)
		return err;
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	pg_arg_int8(a, rows);
	err = pg_query(pg, "erase_seq", a, &r);
	PQclear(r);
	r = NULL;
	pg_args_reset(a);
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	pg_arg_id(a, id_new());
	pg_arg_str(a, adapter);
	pg_arg_str(a, person);
	if (err == ERR_NONE)
		err = pg_query(pg, "erase_audit", a, &r);
	PQclear(r);
	pg_args_free(a);
	return err;
}

/* ${family}: the thread and its side threads. */
static enum err erase(struct pg *pg, struct id ws, struct id thread, const char *adapter, const char *person, PGresult **family)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	enum err err = pg_query(pg, "erase_thread", a, family);
	pg_args_free(a);
	if (err != ERR_NONE)
		return err;
	int n = PQntuples(*family), rows = 0;
	for (int i = 0; i < n && err == ERR_NONE; i++) {
		err = about(pg, "erase_open", ws, pg_get_id(*family, i, 0), &rows);
		if (err == ERR_NONE && rows > 0)
			err = ERR_RETRY;
	}
	for (int i = 0; i < n && err == ERR_NONE; i++)
		err = erase_one(pg, ws, pg_get_id(*family, i, 0), adapter, person);
	return err == ERR_NONE && n == 0 ? ERR_INPUT : err;
}

enum err engine_erase_thread(struct engine *e, struct id ws, struct id thread, const char *adapter, const char *person)
{
	struct pg *pg = engine_pg(e);
	PGresult *family = NULL;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, erase(pg, ws, thread, adapter, person, &family));
	engine_pg_done(e, pg);
	for (int i = 0; err == ERR_NONE && i < PQntuples(family); i++)
		transcripts_forget(e->transcripts, pg_get_id(family, i, 0));
	PQclear(family);
	if (err == ERR_NONE)
		upkeep_soon(e);
	return err;
}
