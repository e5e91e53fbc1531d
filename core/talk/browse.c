/*
 * What may be shown comes from search_allowed_audiences(), with the person's own page as the place of the answer; every statement filters on it, on
 * threads and on messages, since one of a thread may have readers of its own.
 */
#include "browse.h"

#include <string.h>

#define MICROS(c) "(extract(epoch FROM " c ") * 1000000)::int8"
#define MOMENT(n) "timestamptz 'epoch' + " n "::int8 * interval '1 microsecond'"

/* clang-format off */
#define FIRST(which) \
	"(SELECT m.body FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id AND m.state <> 2 AND m.audience_id = ANY ($2)" which \
	" ORDER BY m.seq LIMIT 1)"
#define THREADS(where) \
	" SELECT t.id, p.id, p.adapter, p.name, coalesce(nullif(btrim(t.title), ''), left(btrim(regexp_replace(left(f.body, 600), '\\s+', ' ', 'g')), 120))," \
	" t.created_at, t.last_at, t.state, k.parent_id, k.n, k.state, " MICROS("t.created_at") " FROM threads t" \
	" JOIN places p ON p.ws = t.ws AND p.id = t.place_id" \
	" CROSS JOIN LATERAL (SELECT coalesce(" FIRST(" AND m.author_kind = 1") ", " FIRST("") ") AS body OFFSET 0) f" \
	" LEFT JOIN forks k ON k.ws = t.ws AND k.id = t.fork_id" \
	" WHERE t.ws = $1 AND t.audience_id = ANY ($2::uuid[]) AND " where " AND t.state = ANY ($4::int2[]) AND f.body IS NOT NULL" \
	" AND ($5::uuid IS NULL OR t.id = $5) AND ($6::uuid IS NULL OR k.parent_id = $6) AND (NOT $7::bool OR k.id IS NOT NULL)" \
	" AND ($8::int8 = 0 OR (t.created_at, t.id) < (" MOMENT("$8") ", $9::uuid))" \
	" ORDER BY t.created_at DESC, t.id DESC LIMIT $10::int4"
/* clang-format on */

const struct pg_statement browse_statements[] = {
	{ "browse_place", "SELECT p.id FROM own_places($1::uuid, $2::uuid) p WHERE p.adapter = $3 ORDER BY p.id LIMIT 1" },
	/* One plan for any cursor, and one that follows the index of what is newest: to sort would be to look at every thread first. */
	{ "browse_plan",
	    "SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_sort', 'off', true)" },
	/* $1 ws, $2 audiences, $3 node, $4 states, $5 only, $6 parent, $7 forks, $8 and $9 the cursor, $10 limit */
	{ "browse_threads", THREADS("$3::uuid IS NULL") },
	{ "browse_team_threads",
	    "WITH RECURSIVE below AS (SELECT id FROM nodes WHERE ws = $1 AND id = $3::uuid UNION ALL SELECT n.id FROM below b JOIN nodes n"
	    " ON n.ws = $1 AND n.parent_id = b.id)" THREADS("p.team_id IN (SELECT id FROM below)") },
	{ "browse_messages",
	    "SELECT m.id, m.author_id, m.seq, m.created_at, m.author_kind, pe.name, left(m.body, $6::int4), m.state = 1, length(m.body) > $6"
	    " FROM messages m LEFT JOIN people pe ON pe.ws = m.ws AND pe.id = m.author_id WHERE m.ws = $1 AND m.audience_id = ANY ($2::uuid[])"
	    " AND m.thread_id = $3 AND m.seq > $4 AND m.state <> 2 ORDER BY m.seq LIMIT $5::int4" },
	{ NULL, NULL },
};

enum err browse_allowed(struct pg *pg, struct id ws, struct id person, const char *adapter, struct search_allowed *out)
{
	struct search_scope scope = { .ws = ws, .person = person, .alone = true, .own_place = true };
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, person);
	pg_arg_str(a, adapter);
	enum err e = id_is_none(person) ? ERR_NONE : pg_query(pg, "browse_place", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE && r != NULL && PQntuples(r) == 1)
		scope.place = pg_get_id(r, 0, 0);
	PQclear(r);
	return e == ERR_NONE ? search_allowed_audiences(pg, &scope, out) : e;
}

static void arg_audiences(struct pg_args *g, const struct search_allowed *a)
{
	pg_arg_id(g, a->scope.ws);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < a->len; i++)
		pg_array_id(g, a->audiences[i]);
	pg_array_end(g);
}

static struct id id_or_none(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? ID_NONE : pg_get_id(r, row, col);
}

static int number_or_0(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? 0 : (int)pg_get_int8(r, row, col);
}

enum err browse_threads(struct pg *pg, const struct search_allowed *a, const struct browse_query *q,
    void (*fn)(void *arg, const struct browse_thread *t), void *arg, bool *more)
{
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	*more = false;
	enum err e = pg_query(pg, "browse_plan", g, &r);
	PQclear(r);
	r = NULL;
	if (e != ERR_NONE) {
		pg_args_free(g);
		return e;
	}
	arg_audiences(g, a);
	pg_arg_id(g, q->node);
	pg_array_begin(g, PG_INT2);
	for (int s = THREAD_ACTIVE; s <= THREAD_ARCHIVED; s++)
		if (q->states & 1u << (s - 1))
			pg_array_int2(g, (int16_t)s);
	pg_array_end(g);
	pg_arg_id(g, q->only);
	pg_arg_id(g, q->parent);
	pg_arg_bool(g, q->forks);
	pg_arg_int8(g, q->before.created_us);
	pg_arg_id(g, q->before.thread);
	pg_arg_int4(g, q->limit + 1);
	e = pg_query(pg, id_is_none(q->node) ? "browse_threads" : "browse_team_threads", g, &r);
	pg_args_free(g);
	*more = e == ERR_NONE && PQntuples(r) > q->limit;
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && i < q->limit; i++) {
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
	PQclear(r);
	return e;
}

enum err browse_messages(struct pg *pg, const struct search_allowed *a, struct id thread, int64_t after, int limit,
    void (*fn)(void *arg, const struct browse_message *m), void *arg, bool *more)
{
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	arg_audiences(g, a);
	pg_arg_id(g, thread);
	pg_arg_int8(g, after);
	pg_arg_int4(g, limit + 1);
	pg_arg_int4(g, BROWSE_TEXT_MAX);
	enum err e = pg_query(pg, "browse_messages", g, &r);
	pg_args_free(g);
	*more = e == ERR_NONE && PQntuples(r) > limit;
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && i < limit; i++)
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
