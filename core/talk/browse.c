/*
 * What may be shown comes from allowed_audiences(), with the person's own page as the place of the answer; every statement filters on it, on threads and on
 * messages, since one of a thread may have readers of its own.  The rule is asked for inside the statement that it is for, so that nobody waits for it.
 */
#include "browse.h"

#include <string.h>

#include "../store/trip.h"

#define MICROS(c) "(extract(epoch FROM " c ") * 1000000)::int8"
#define MOMENT(n) "timestamptz 'epoch' + " n "::int8 * interval '1 microsecond'"

/* clang-format off */
#define OWN_PLACE(person, adapter) "(SELECT p.id FROM own_places($1::uuid, " person ") p WHERE p.adapter = " adapter " ORDER BY p.id LIMIT 1)"
/* $2 the person, $3 the adapter */
#define MAY \
	"may AS MATERIALIZED (SELECT ids || own AS ids FROM allowed_audiences(NULL, " OWN_PLACE("$2::uuid", "$3::text") ", $2, false, true, true))"
#define MAY_IDS "((SELECT ids FROM may)::uuid[])"
#define FIRST(which) \
	"(SELECT m.body FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id AND m.state <> 2 AND m.audience_id = ANY " MAY_IDS which \
	" ORDER BY m.seq LIMIT 1)"
#define BELOW \
	"below AS (SELECT id FROM nodes WHERE ws = $1 AND id = $4::uuid UNION ALL SELECT n.id FROM below b JOIN nodes n ON n.ws = $1 AND n.parent_id = b.id)"
#define EVERYWHERE "$4::uuid IS NULL"
#define OF_TEAM "p.team_id IN (SELECT id FROM below)"
#define THREADS(where, which) \
	" SELECT t.id, p.id, p.adapter, p.name, coalesce(nullif(btrim(t.title), ''), left(btrim(regexp_replace(left(f.body, 600), '\\s+', ' ', 'g')), 120))," \
	" t.created_at, t.last_at, t.state, k.parent_id, k.n, k.state, " MICROS("t.created_at") " FROM threads t" \
	" JOIN places p ON p.ws = t.ws AND p.id = t.place_id" \
	" CROSS JOIN LATERAL (SELECT coalesce(" FIRST(" AND m.author_kind = 1") ", " FIRST("") ") AS body OFFSET 0) f" \
	" LEFT JOIN LATERAL (SELECT x.id, x.parent_id, x.n, x.state FROM forks x WHERE x.ws = t.ws AND x.id = t.fork_id OFFSET 0) k ON true" \
	" WHERE t.ws = $1 AND t.audience_id = ANY " MAY_IDS " AND " where " AND f.body IS NOT NULL AND " which
#define LISTED \
	"t.state = ANY ($5::int2[]) AND ($6::uuid IS NULL OR k.parent_id = $6) AND (NOT $7::bool OR k.id IS NOT NULL)" \
	" AND ($8::int8 = 0 OR (t.created_at, t.id) < (" MOMENT("$8") ", $9::uuid)) ORDER BY t.created_at DESC, t.id DESC LIMIT $10::int4"
#define NAMED "t.id = $5::uuid"
/* A message of the thread, or the thread alone when it has none after $6. */
#define MESSAGES(where) \
	" SELECT x.* FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id LEFT JOIN LATERAL (" \
	"SELECT m.id, m.author_id, m.seq, m.created_at, m.author_kind, pe.name, left(m.body, $8::int4), m.state = 1, length(m.body) > $8" \
	" FROM messages m LEFT JOIN people pe ON pe.ws = m.ws AND pe.id = m.author_id WHERE m.ws = t.ws AND m.audience_id = ANY " MAY_IDS \
	" AND m.thread_id = t.id AND m.seq > $6 AND m.state <> 2 ORDER BY m.seq LIMIT $7::int4) x ON true" \
	" WHERE t.ws = $1 AND t.id = $5::uuid AND t.audience_id = ANY " MAY_IDS " AND " where \
	" AND EXISTS (SELECT 1 FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id AND m.state <> 2 AND m.audience_id = ANY " MAY_IDS ")"
/* clang-format on */

const struct pg_statement browse_statements[] = {
	{ "browse_allowed", /* $1 ws, $2 person or NULL, $3 adapter: as "search_allowed" */
	    "SELECT place_id, only_thread, ids, own FROM allowed_audiences(NULL, " OWN_PLACE(
	        "$2::uuid", "$3::text") ", $2, false, true, true)" },
	/* One plan for any cursor, and one that follows the index of what is newest: to sort would be to look at every thread first. */
	{ "browse_plan",
	    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_sort', 'off', true)" },
	/* $1 ws, $2 person, $3 adapter, $4 node, $5 states, $6 parent, $7 forks, $8 and $9 the cursor, $10 limit */
	{ "browse_threads", "WITH " MAY THREADS(EVERYWHERE, LISTED) },
	{ "browse_team_threads", "WITH RECURSIVE " BELOW ", " MAY THREADS(OF_TEAM, LISTED) },
	/* $1 to $4 the same, $5 the thread */
	{ "browse_thread", "WITH " MAY THREADS(EVERYWHERE, NAMED) },
	{ "browse_team_thread", "WITH RECURSIVE " BELOW ", " MAY THREADS(OF_TEAM, NAMED) },
	/* $1 to $4 the same, $5 the thread, $6 after, $7 limit, $8 characters */
	{ "browse_messages", "WITH " MAY MESSAGES(EVERYWHERE) },
	{ "browse_team_messages", "WITH RECURSIVE " BELOW ", " MAY MESSAGES(OF_TEAM) },
	{ NULL, NULL },
};

static void arg_viewer(struct pg_args *g, const struct browse_viewer *v)
{
	pg_arg_id(g, v->ws);
	pg_arg_id(g, v->person);
	pg_arg_str(g, v->adapter);
}

enum err browse_allowed(struct pg *pg, const struct browse_viewer *v, struct id node, struct search_allowed *out)
{
	const struct search_scope scope = { .ws = v->ws, .person = v->person, .alone = true, .own_place = true };
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	arg_viewer(a, v);
	enum err e = pg_query(pg, "browse_allowed", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE)
		search_allowed_take(r, &scope, out);
	PQclear(r);
	if (e != ERR_NONE || id_is_none(node))
		return e;
	struct search_scope of_team = out->scope;
	search_allowed_done(out);
	of_team.team = node;
	return search_allowed_audiences(pg, &of_team, out);
}

static struct id id_or_none(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? ID_NONE : pg_get_id(r, row, col);
}

static int number_or_0(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? 0 : (int)pg_get_int8(r, row, col);
}

static void take_threads(const PGresult *r, int rows, void (*fn)(void *arg, const struct browse_thread *t), void *arg)
{
	for (int i = 0; i < rows; i++) {
		const char *title = pg_get_str(r, i, 4);
		fn(arg,
		    &(struct browse_thread){ .id = pg_get_id(r, i, 0),
		        .place = pg_get_id(r, i, 1),
		        .adapter = pg_get_str(r, i, 2),
		        .place_name = pg_get_str(r, i, 3),
		        .title = title == NULL ? "" : title,
		        .created_ms = pg_get_time_ms(r, i, 5),
		        .last_ms = pg_get_time_ms(r, i, 6),
		        .state = (enum thread_state)pg_get_int8(r, i, 7),
		        .parent = id_or_none(r, i, 8),
		        .fork_n = number_or_0(r, i, 9),
		        .fork_state = number_or_0(r, i, 10),
		        .cursor = { pg_get_int8(r, i, 11), pg_get_id(r, i, 0) } });
	}
}

enum err browse_thread(struct pg *pg, const struct browse_viewer *v, struct id node, struct id thread,
    void (*fn)(void *arg, const struct browse_thread *t), void *arg)
{
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	arg_viewer(g, v);
	pg_arg_id(g, node);
	pg_arg_id(g, thread);
	enum err e = pg_query(pg, id_is_none(node) ? "browse_thread" : "browse_team_thread", g, &r);
	pg_args_free(g);
	if (e == ERR_NONE)
		take_threads(r, PQntuples(r), fn, arg);
	PQclear(r);
	return e;
}

enum err browse_threads(struct pg *pg, const struct browse_viewer *v, const struct browse_query *q,
    void (*fn)(void *arg, const struct browse_thread *t), void *arg, bool *more)
{
	struct pg_args *g = pg_args_new();
	arg_viewer(g, v);
	pg_arg_id(g, q->node);
	pg_array_begin(g, PG_INT2);
	for (int s = THREAD_ACTIVE; s <= THREAD_ARCHIVED; s++)
		if (q->states & 1u << (s - 1))
			pg_array_int2(g, (int16_t)s);
	pg_array_end(g);
	pg_arg_id(g, q->parent);
	pg_arg_bool(g, q->forks);
	pg_arg_int8(g, q->before.created_us);
	pg_arg_id(g, q->before.thread);
	pg_arg_int4(g, q->limit + 1);
	struct pg_step steps[] = { { "browse_plan", NULL, NULL },
		{ id_is_none(q->node) ? "browse_threads" : "browse_team_threads", g, NULL } };
	enum err e = pg_steps(pg, steps, 2);
	pg_args_free(g);
	int rows = e == ERR_NONE ? PQntuples(steps[1].out) : 0;
	*more = rows > q->limit;
	take_threads(steps[1].out, *more ? q->limit : rows, fn, arg);
	PQclear(steps[0].out);
	PQclear(steps[1].out);
	return e;
}

enum err browse_messages(struct pg *pg, const struct browse_viewer *v, struct id node, struct id thread, int64_t after, int limit,
    void (*fn)(void *arg, const struct browse_message *m), void *arg, bool *there, bool *more)
{
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	arg_viewer(g, v);
	pg_arg_id(g, node);
	pg_arg_id(g, thread);
	pg_arg_int8(g, after);
	pg_arg_int4(g, limit + 1);
	pg_arg_int4(g, BROWSE_TEXT_MAX);
	enum err e = pg_query(pg, id_is_none(node) ? "browse_messages" : "browse_team_messages", g, &r);
	pg_args_free(g);
	*there = e == ERR_NONE && PQntuples(r) > 0;
	*more = e == ERR_NONE && PQntuples(r) > limit;
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && i < limit && !PQgetisnull(r, i, 0); i++)
		fn(arg,
		    &(struct browse_message){ .id = pg_get_id(r, i, 0),
		        .author = id_or_none(r, i, 1),
		        .seq = pg_get_int8(r, i, 2),
		        .at_ms = pg_get_time_ms(r, i, 3),
		        .author_kind = (int)pg_get_int8(r, i, 4),
		        .author_name = pg_get_str(r, i, 5),
		        .text = pg_get_str(r, i, 6),
		        .edited = pg_get_bool(r, i, 7),
		        .cut = pg_get_bool(r, i, 8) });
	PQclear(r);
	return e;
}
