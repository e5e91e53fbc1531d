/* Reading what is remembered on somebody's behalf: every statement filters on the audiences that were worked out for the request. */
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "item.h"
#include "words.h"

#define COLUMNS \
	"i.id, i.author_id, i.about_id, i.number, i.kind, i.scope, i.state, i.origin, i.body, i.attribute, au.name, ab.name," \
	" (i.confidence * 1000)::int4, i.created_at, i.expires_at, coalesce(s.n, 0), s.adapter, s.place_key, s.thread_key, s.message_key," \
	" s.place_name, s.message_id, i.audience_id"
/* The newest message that it rests on. Eddy's own have no key before they are delivered, and on a page never: there the id is one. */
#define JOINS \
	" LEFT JOIN people au ON au.ws = i.ws AND au.id = i.author_id LEFT JOIN people ab ON ab.ws = i.ws AND ab.id = i.about_id" \
	" LEFT JOIN LATERAL (SELECT count(*) OVER () AS n, p.adapter, p.external_id AS place_key, t.external_key AS thread_key," \
	" coalesce(m.message_key, m.id::text) AS message_key, p.name AS place_name, m.id AS message_id FROM context_sources c" \
	" JOIN messages m ON m.ws = c.ws AND m.id = c.message_id JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id" \
	" JOIN places p ON p.ws = t.ws AND p.id = t.place_id WHERE c.ws = i.ws AND c.item_id = i.id AND m.state <> 2" \
	" AND m.audience_id = ANY ($2::uuid[]) ORDER BY m.created_at DESC, m.seq DESC LIMIT 1) s ON true"
/* $1 ws, $2 audiences, $3 only this thread or NULL */
#define MAY_READ \
	"i.ws = $1 AND i.audience_id = ANY ($2::uuid[]) AND (i.expires_at IS NULL OR i.expires_at > now())" \
	" AND ($3::uuid IS NULL OR (i.scope = 2 AND i.scope_id = $3))"
/* $4 state, $5 kind or 0, $6 about, $7 thread, $8 limit */
#define WANTED \
	" AND i.state = $4::int2 AND ($5::int2 = 0 OR i.kind = $5) AND ($6::uuid IS NULL OR i.about_id IN (SELECT same_user($6)))" \
	" AND ($7::uuid IS NULL OR (i.scope = 2 AND i.scope_id = $7))"
/* $9 the thread that asks, $10 its place, $11 how many are skipped */
#define NEAREST \
	"CASE WHEN i.scope = 2 AND i.scope_id = $9::uuid THEN 3 WHEN i.scope = 3 AND i.scope_id = $10::uuid THEN 2 WHEN i.scope = 5 THEN 1 ELSE 0 END"

const struct pg_statement item_read_statements[] = {
	{ "item_newest",
	    "SELECT " COLUMNS " FROM context_items i" JOINS " WHERE " MAY_READ WANTED " ORDER BY " NEAREST
	    " DESC, i.created_at DESC, i.id LIMIT $8::int4 OFFSET $11::int4" },
	{ "item_words",
	    "SELECT " COLUMNS
	    " FROM search_items($12::text, $2::uuid[], 300) f JOIN context_items i ON i.ws = $1 AND i.id = f.item_id" JOINS
	    " WHERE " MAY_READ WANTED " ORDER BY f.rank * (1 + " NEAREST
	    " / 3.0) DESC, i.created_at DESC, i.id LIMIT $8::int4 OFFSET $11::int4" },
	{ "item_number",
	    "SELECT " COLUMNS " FROM context_items i" JOINS " WHERE " MAY_READ
	    " AND i.number = $4::int4 ORDER BY i.created_at DESC, i.id LIMIT 1" },
	{ "item_id", "SELECT " COLUMNS " FROM context_items i" JOINS " WHERE " MAY_READ " AND i.id = $4::uuid" },
	{ "item_latest",
	    "SELECT " COLUMNS " FROM context_items i" JOINS " WHERE " MAY_READ
	    " AND i.state <= 2 AND i.author_id = $5::uuid AND EXISTS (SELECT 1"
	    " FROM context_sources c JOIN messages m ON m.ws = c.ws AND m.id = c.message_id WHERE c.ws = i.ws AND c.item_id = i.id"
	    " AND m.thread_id = $4::uuid) ORDER BY i.created_at DESC, i.id LIMIT 1" },
	{ "item_message",
	    "SELECT " COLUMNS " FROM context_items i" JOINS " WHERE " MAY_READ
	    " AND i.state <= 2 AND i.id IN (SELECT item_id FROM context_sources"
	    " WHERE ws = $1 AND message_id = $4::uuid) ORDER BY i.created_at DESC, i.id LIMIT 1" },
	{ "item_fact",
	    "SELECT " COLUMNS " FROM context_items i" JOINS " WHERE " MAY_READ
	    " AND i.state = 2 AND i.kind = 7 AND i.about_id IN (SELECT same_user($4::uuid))"
	    " AND i.attribute = $5::text ORDER BY i.created_at DESC, i.id LIMIT 1" },
	{ "item_sources",
	    "SELECT m.id, m.thread_id, t.place_id, m.author_id, m.seq, m.created_at, m.author_kind, m.state, p.visibility, pe.name, p.name,"
	    " left(m.body, 6000), p.adapter, p.external_id, t.external_key, coalesce(m.message_key, m.id::text), m.audience_id"
	    " FROM context_items i JOIN context_sources c ON c.ws = i.ws AND c.item_id = i.id JOIN messages m ON m.ws = c.ws AND m.id = c.message_id"
	    " JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " LEFT JOIN people pe ON pe.ws = m.ws AND pe.id = m.author_id"
	    " WHERE " MAY_READ
	    " AND i.id = $4::uuid AND m.audience_id = ANY ($2) AND m.state <> 2 ORDER BY m.created_at, m.seq LIMIT 16" },
	{ NULL, NULL },
};

static struct pg_args *args_may_read(const struct search_allowed *a)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->scope.ws);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < a->len; i++)
		pg_array_id(g, a->audiences[i]);
	pg_array_end(g);
	pg_arg_id(g, a->only_thread);
	return g;
}

static struct id id_or_none(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? ID_NONE : pg_get_id(r, row, col);
}

static enum err each(struct pg *pg, const struct search_allowed *a, const char *statement, struct pg_args *g, item_fn fn, void *arg)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, g, &r);
	pg_args_free(g);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct item it = {
			.id = pg_get_id(r, i, 0),
			.author = id_or_none(r, i, 1),
			.about = id_or_none(r, i, 2),
			.number = (int32_t)pg_get_int8(r, i, 3),
			.kind = (enum item_kind)pg_get_int8(r, i, 4),
			.scope = (enum item_scope)pg_get_int8(r, i, 5),
			.state = (enum item_state)pg_get_int8(r, i, 6),
			.origin = (enum item_origin)pg_get_int8(r, i, 7),
			.body = pg_get_str(r, i, 8),
			.attribute = pg_get_str(r, i, 9),
			.author_name = pg_get_str(r, i, 10),
			.about_name = pg_get_str(r, i, 11),
			.confidence = (double)pg_get_int8(r, i, 12) / 1000,
			.created_ms = pg_get_time_ms(r, i, 13),
			.expires_ms = PQgetisnull(r, i, 14) ? 0 : pg_get_time_ms(r, i, 14),
			.sources = pg_get_int8(r, i, 15),
			.adapter = pg_get_str(r, i, 16),
			.place_key = pg_get_str(r, i, 17),
			.thread_key = pg_get_str(r, i, 18),
			.message_key = pg_get_str(r, i, 19),
			.place_name = pg_get_str(r, i, 20),
			.message = id_or_none(r, i, 21),
			.audience = pg_get_id(r, i, 22),
		};
		search_note(a, it.audience);
		fn(arg, &it);
	}
	PQclear(r);
	return e;
}

enum err item_list(struct pg *pg, const struct search_allowed *a, const struct item_query *q, item_fn fn, void *arg)
{
	struct pg_args *g = args_may_read(a);
	pg_arg_int2(g, q->proposed ? ITEM_PROPOSED : ITEM_CONFIRMED);
	pg_arg_int2(g, (int16_t)q->kind);
	pg_arg_id(g, q->about);
	pg_arg_id(g, q->thread);
	pg_arg_int4(g, q->limit < 1 ? 1 : q->limit > 51 ? 51 : q->limit);
	pg_arg_id(g, a->scope.thread);
	pg_arg_id(g, a->scope.place);
	pg_arg_int4(g, q->skip);
	bool words = q->words != NULL && q->words[0] != '\0';
	if (words)
		pg_arg_text(g, q->words, strnlen(q->words, 1000));
	return each(pg, a, words ? "item_words" : "item_newest", g, fn, arg);
}

enum err item_by_number(struct pg *pg, const struct search_allowed *a, int32_t number, item_fn fn, void *arg)
{
	struct pg_args *g = args_may_read(a);
	pg_arg_int4(g, number);
	return each(pg, a, "item_number", g, fn, arg);
}

enum err item_by_id(struct pg *pg, const struct search_allowed *a, struct id id, item_fn fn, void *arg)
{
	struct pg_args *g = args_may_read(a);
	pg_arg_id(g, id);
	return each(pg, a, "item_id", g, fn, arg);
}

enum err item_of_message(struct pg *pg, const struct search_allowed *a, struct id message, item_fn fn, void *arg)
{
	struct pg_args *g = args_may_read(a);
	pg_arg_id(g, message);
	return each(pg, a, "item_message", g, fn, arg);
}

enum err item_latest(struct pg *pg, const struct search_allowed *a, struct id thread, struct id person, item_fn fn, void *arg)
{
	struct pg_args *g = args_may_read(a);
	pg_arg_id(g, thread);
	pg_arg_id(g, person);
	return each(pg, a, "item_latest", g, fn, arg);
}

enum err item_fact(struct pg *pg, const struct search_allowed *a, struct id about, const char *attribute, item_fn fn, void *arg)
{
	struct pg_args *g = args_may_read(a);
	pg_arg_id(g, about);
	pg_arg_str(g, attribute);
	return each(pg, a, "item_fact", g, fn, arg);
}

enum err item_sources(
    struct pg *pg, const struct search_allowed *a, struct id item, void (*fn)(void *arg, const struct found_message *m), void *arg)
{
	struct pg_args *g = args_may_read(a);
	pg_arg_id(g, item);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "item_sources", g, &r);
	pg_args_free(g);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct found_message m = {
			.id = pg_get_id(r, i, 0),
			.thread = pg_get_id(r, i, 1),
			.place = pg_get_id(r, i, 2),
			.author = id_or_none(r, i, 3),
			.seq = pg_get_int8(r, i, 4),
			.at_ms = pg_get_time_ms(r, i, 5),
			.author_kind = (int)pg_get_int8(r, i, 6),
			.edited = pg_get_int8(r, i, 7) == 1,
			.visibility = (int)pg_get_int8(r, i, 8),
			.author_name = pg_get_str(r, i, 9),
			.place_name = pg_get_str(r, i, 10),
			.text = pg_get_str(r, i, 11),
			.adapter = pg_get_str(r, i, 12),
			.place_key = pg_get_str(r, i, 13),
			.thread_key = pg_get_str(r, i, 14),
			.message_key = pg_get_str(r, i, 15),
			.in_this_thread = id_equal(pg_get_id(r, i, 1), a->scope.thread),
		};
		search_note(a, pg_get_id(r, i, 16));
		fn(arg, &m);
	}
	PQclear(r);
	return e;
}
