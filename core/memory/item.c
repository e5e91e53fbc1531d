/*
 * Writing what is remembered.  Who may read an item is worked out here, once, from its sources: of two sets of readers the one that lies inside
 * the other counts, and where neither is known to, there is no item.  What lies inside what follows from the reading policy of talk/search.h:
 * everybody of the house may read a public place; what one person alone was told lies inside the place where it was said.
 */
#include "item.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "../engine/intent.h"
#include "../talk/resolution.h"
#include "../talk/transcript.h"
#include "words.h"

#define AUDIENCE_PLACE 1
#define AUDIENCE_PERSON 2

#define SOURCE_COLUMNS(audience) audience ", au.kind, au.subject, t.place_id, p.visibility"

const struct pg_statement item_write_statements[] = {
	{ "item_sources_of",
	    "SELECT m.id, " SOURCE_COLUMNS(
	        "m.audience_id") ", m.author_kind, coalesce(pe.private, false), coalesce(pe.guest, false),"
	                         " coalesce(pe.bot, false), m.author_id, m.files IS NOT NULL, m.body FROM messages m JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id"
	                         " JOIN places p ON p.ws = t.ws AND p.id = t.place_id JOIN audiences au ON au.ws = m.ws AND au.id = m.audience_id"
	                         " LEFT JOIN people pe ON pe.ws = m.ws AND pe.id = m.author_id"
	                         " WHERE m.ws = $1 AND m.id = ANY ($2::uuid[]) AND m.state <> 2 ORDER BY array_position($2, m.id)" },
	{ "item_thread",
	    "SELECT t.id, " SOURCE_COLUMNS(
	        "t.audience_id") " FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	                         " JOIN audiences au ON au.ws = t.ws AND au.id = t.audience_id WHERE t.ws = $1 AND t.id = $2" },
	/* The number comes from the id; where it is taken, the next of a fixed walk is looked at. */
	{ "item_insert",
	    "WITH made AS (INSERT INTO context_items (ws, id, number, kind, scope, scope_id, state, origin, body, tags, author_id, about_id,"
	    " attribute, confidence, audience_id, replaces, expires_at)"
	    " SELECT $1, $2, (SELECT x FROM (SELECT k, ($3::int4 + k * 7919) % 90000 + 10000 AS x FROM generate_series(0, 30) AS k) c"
	    " WHERE k = 30 OR NOT EXISTS (SELECT 1 FROM context_items o WHERE o.ws = $1 AND o.number = c.x) ORDER BY k LIMIT 1),"
	    " $4::int2, $5::int2, $6::uuid, $7::int2, $8::int2, $9::text, $10::text[], $11::uuid, $12::uuid, $13::text, $14::int4 / 1000.0,"
	    " $15::uuid, $16::uuid, CASE WHEN $17::int8 > 0 THEN to_timestamp($17 / 1000.0) END"
	    " WHERE NOT EXISTS (SELECT 1 FROM context_items o WHERE o.ws = $1 AND o.id = $2)"
	    " ON CONFLICT DO NOTHING RETURNING number)"
	    " SELECT number, true FROM made UNION ALL SELECT number, false FROM context_items WHERE ws = $1 AND id = $2" },
	{ "item_insert_sources",
	    "INSERT INTO context_sources (ws, item_id, message_id) SELECT $1, $2, s.id FROM unnest($3::uuid[]) AS s(id) ON CONFLICT DO NOTHING" },
	{ "item_lock", "SELECT state, replaces FROM context_items WHERE ws = $1 AND id = $2 FOR UPDATE" },
	{ "item_state",
	    "UPDATE context_items SET state = $3::int2, closed_at = CASE WHEN $3 > 2 THEN now() END,"
	    " confidence = CASE WHEN $3 = 2 THEN 1 ELSE confidence END, author_id = coalesce(author_id, $4::uuid) WHERE ws = $1 AND id = $2" },
	{ "item_delete", "DELETE FROM context_items WHERE ws = $1 AND id = $2 RETURNING id" },
	{ "item_expire",
	    "DELETE FROM context_items WHERE ws = $1 AND id IN (SELECT id FROM context_items WHERE ws = $1 AND (expires_at <= now()"
	    " OR (state = 1 AND created_at < now() - interval '30 days') OR (state IN (3, 4) AND closed_at < now() - interval '30 days'))"
	    " LIMIT $2::int4) RETURNING 1" },
	{ NULL, NULL },
};

const char *item_kind_word(enum item_kind k)
{
	static const char *const words[] = { "item", "discovery", "decision", "status", "note", "summary", "action", "fact" };
	return k >= ITEM_DISCOVERY && k <= ITEM_FACT ? words[k] : words[0];
}

bool item_next(enum item_state from, enum item_act act, enum item_state *to)
{
	static const struct {
		enum item_state from;
		enum item_act act;
		enum item_state to;
	} legal[] = {
		{ ITEM_PROPOSED, ITEM_CONFIRM, ITEM_CONFIRMED },
		{ ITEM_PROPOSED, ITEM_DECLINE, ITEM_DECLINED },
		{ ITEM_CONFIRMED, ITEM_REPLACE, ITEM_REPLACED },
		{ ITEM_CONFIRMED, ITEM_DOUBT, ITEM_PROPOSED },
	};
	for (size_t i = 0; i < sizeof(legal) / sizeof(legal[0]); i++)
		if (legal[i].from == from && legal[i].act == act) {
			*to = legal[i].to;
			return true;
		}
	return false;
}

size_t item_tags(const char *s, size_t n, struct buf *out)
{
	return memory_words(s, n, ITEM_TAGS_MAX, out);
}

/* ---- readers ---- */

struct readers {
	struct id audience, subject, place;
	int kind;
	enum visibility visibility;
};

static struct readers readers_of(const PGresult *r, int row)
{
	return (struct readers){
		.audience = pg_get_id(r, row, 1),
		.kind = (int)pg_get_int8(r, row, 2),
		.subject = pg_get_id(r, row, 3),
		.place = pg_get_id(r, row, 4),
		.visibility = (enum visibility)pg_get_int8(r, row, 5),
	};
}

/* Everybody who belongs to ${inner} is known to belong to ${outer}. */
static bool lies_inside(const struct readers *inner, const struct readers *outer)
{
	if (id_equal(inner->audience, outer->audience))
		return true;
	if (outer->kind == AUDIENCE_PERSON)
		return inner->kind == AUDIENCE_PERSON && id_equal(inner->subject, outer->subject);
	if (inner->kind == AUDIENCE_PERSON && id_equal(inner->place, outer->audience))
		return true;
	bool house = inner->visibility == VIS_DIRECT || inner->visibility == VIS_PRIVATE || inner->visibility == VIS_PUBLIC;
	return outer->visibility == VIS_PUBLIC && house;
}

static bool narrow(struct readers *now, const struct readers *next)
{
	if (lies_inside(now, next))
		return true;
	if (!lies_inside(next, now))
		return false;
	*now = *next;
	return true;
}

/* ---- storing ---- */

struct sources {
	struct id ids[ITEM_SOURCES_MAX];
	size_t len;
	struct readers readers;
};

/*
 * A message from which nothing may be remembered, in an item of this origin.  What an agent finds must come from people of the house: not from
 * guests, partners and programs, not from files.
 */
static bool is_barred(const PGresult *r, int row, enum item_origin origin)
{
	bool private = pg_get_bool(r, row, 7), guest = pg_get_bool(r, row, 8), bot = pg_get_bool(r, row, 9);
	int64_t kind = pg_get_int8(r, row, 6), visibility = pg_get_int8(r, row, 5);
	if (private || origin != ORIGIN_AGENT)
		return private;
	return guest || bot || kind == AUTHOR_BOT || kind == AUTHOR_SYSTEM || visibility == VIS_EXTERNAL ||
	    visibility == VIS_UNKNOWN || pg_get_bool(r, row, 11);
}

/* What the author of a message wrote: its lines but for quotes, up to what was forwarded. */
static void own_words(const char *s, size_t n, struct buf *out)
{
	static const char *const forwarded[] = { "---------- Forwarded", "-----Original Message", "Begin forwarded message",
		"-------- Weitergeleitete", "---------- Message transf", NULL };
	for (size_t at = 0; at < n;) {
		const char *end = memchr(s + at, '\n', n - at);
		size_t len = end != NULL ? (size_t)(end - s) - at : n - at, blank = strspn(s + at, " \t");
		for (int i = 0; forwarded[i] != NULL; i++)
			if (len >= strlen(forwarded[i]) && strncmp(s + at, forwarded[i], strlen(forwarded[i])) == 0)
				return;
		if (blank < len && s[at + blank] != '>') {
			buf_add(out, s + at, len);
			buf_add_char(out, '\n');
		}
		at += len + 1;
	}
}

/* An agent's item must share a word that says something with what its source's author wrote. */
static bool is_said(const struct item_new *n, const char *body, size_t len)
{
	struct buf own = BUF_INIT, words = BUF_INIT;
	own_words(body, len, &own);
	size_t found = memory_words(n->body, utf8_clip(n->body, n->body_len, ITEM_BODY_MAX), 16, &words);
	bool shared = false;
	const char *w = words.p;
	for (size_t i = 0; i < found && !shared; i++, w += strlen(w) + 1)
		shared = own.len > 0 && memory_has_word(own.p, own.len, w);
	buf_done(&own);
	buf_done(&words);
	return shared;
}

static enum err read_thread(struct pg *pg, struct id ws, struct id thread, struct readers *out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "item_thread", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE && PQntuples(r) != 1)
		e = ERR_INPUT;
	if (e == ERR_NONE)
		*out = readers_of(r, 0);
	PQclear(r);
	return e;
}

static enum err read_sources(struct pg *pg, struct id ws, const struct item_new *n, struct sources *out)
{
	memset(out, 0, sizeof(*out));
	bool bounded = !id_is_none(n->thread);
	enum err e = bounded ? read_thread(pg, ws, n->thread, &out->readers) : ERR_NONE;
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < n->sources_len && i < ITEM_SOURCES_MAX; i++)
		pg_array_id(a, n->sources[i]);
	pg_array_end(a);
	PGresult *r = NULL;
	e = pg_query(pg, "item_sources_of", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	int rows = PQntuples(r), barred = 0;
	bool guests = false, mixed = false, said = n->origin != ORIGIN_AGENT;
	if (rows == 0)
		e = ERR_INPUT;
	for (int i = 0; e == ERR_NONE && i < rows; i++) {
		struct readers next = readers_of(r, i);
		if (is_barred(r, i, n->origin)) {
			barred++;
			if (!n->published)
				e = ERR_DENIED;
			continue;
		}
		guests |= pg_get_bool(r, i, 8);
		if (out->len == 0 && !bounded)
			out->readers = next;
		mixed |= !id_equal(next.audience, out->readers.audience);
		if (!n->published && !narrow(&out->readers, &next))
			e = ERR_DENIED;
		if (n->origin == ORIGIN_AGENT && pg_get_int8(r, i, 6) == AUTHOR_EDDY)
			continue; /* it bounds the readers, but Eddy's own words prove nothing */
		said = said || is_said(n, PQgetvalue(r, i, 12), (size_t)PQgetlength(r, i, 12));
		out->ids[out->len++] = pg_get_id(r, i, 0);
	}
	if (e == ERR_NONE && (out->len == 0 || !said))
		e = ERR_DENIED;
	/* A guest does not read public places: what lies inside what is not known where one has spoken. */
	if (e == ERR_NONE && guests && mixed && !n->published)
		e = ERR_DENIED;
	PQclear(r);
	return e;
}

static void arg_tags(struct pg_args *a, const char *s, size_t n)
{
	struct buf tags = BUF_INIT;
	size_t count = item_tags(s, n, &tags);
	const char *w = tags.p;
	pg_array_begin(a, PG_TEXT);
	for (size_t i = 0; i < count; i++, w += strlen(w) + 1)
		pg_array_str(a, w);
	pg_array_end(a);
	buf_done(&tags);
}

static enum err insert(
    struct pg *pg, struct id ws, const struct item_new *n, const char *body, size_t len, const struct sources *s, int32_t *number)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, n->id);
	const uint8_t *b = n->id.b;
	pg_arg_int4(a, (int32_t)(((uint32_t)b[13] << 16 | (uint32_t)b[14] << 8 | b[15]) % 90000));
	pg_arg_int2(a, (int16_t)n->kind);
	pg_arg_int2(a, (int16_t)n->scope);
	pg_arg_id(a, n->scope_id);
	pg_arg_int2(a, (int16_t)n->state);
	pg_arg_int2(a, (int16_t)n->origin);
	pg_arg_text(a, body, len);
	arg_tags(a, body, len);
	pg_arg_id(a, n->author);
	pg_arg_id(a, n->about);
	pg_arg_text(a, n->attribute, n->attribute ? utf8_clip(n->attribute, strlen(n->attribute), ITEM_ATTRIBUTE_MAX) : 0);
	pg_arg_int4(a, (int32_t)(n->confidence * 1000 + 0.5));
	pg_arg_id(a, s->readers.audience);
	pg_arg_id(a, n->replaces);
	pg_arg_int8(a, n->expires_ms);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "item_insert", a, &r);
	bool made = false;
	if (e == ERR_NONE && PQntuples(r) > 0) {
		made = pg_get_bool(r, 0, 1);
		if (number != NULL)
			*number = (int32_t)pg_get_int8(r, 0, 0);
	}
	PQclear(r);
	if (e == ERR_NONE && made) {
		pg_args_reset(a);
		pg_arg_id(a, ws);
		pg_arg_id(a, n->id);
		pg_array_begin(a, PG_UUID);
		for (size_t i = 0; i < s->len; i++)
			pg_array_id(a, s->ids[i]);
		pg_array_end(a);
		r = NULL;
		e = pg_query(pg, "item_insert_sources", a, &r);
		PQclear(r);
	}
	pg_args_free(a);
	return e;
}

enum err item_put(struct pg *pg, struct id ws, const struct item_new *n, int32_t *number)
{
	const char *body = n->body;
	size_t len = n->body_len;
	while (len > 0 && (*body == ' ' || *body == '\n' || *body == '\t' || *body == '\r')) {
		body++;
		len--;
	}
	while (len > 0 && strchr(" \n\t\r", body[len - 1]) != NULL)
		len--;
	len = utf8_clip(body, len, ITEM_BODY_MAX);
	if (len == 0 || memory_is_instruction(body, len))
		return ERR_INPUT;
	struct sources s;
	enum err e = read_sources(pg, ws, n, &s);
	return e == ERR_NONE ? insert(pg, ws, n, body, len, &s, number) : e;
}

enum err memory_put_decisions(struct pg *pg, const struct item_decisions *d)
{
	for (size_t i = 0; i < d->lines->len; i++) {
		const struct resolution_line *l = &d->lines->lines[i];
		if (l->part != RESOLUTION_DECISION)
			continue;
		struct id sources[ITEM_SOURCES_MAX];
		size_t len = 0;
		for (size_t k = 0; k < l->sources_len; k++)
			if (l->sources[k] >= 1 && (size_t)l->sources[k] <= d->sources_len)
				sources[len++] = d->sources[l->sources[k] - 1];
		if (len == 0)
			sources[len++] = d->message; /* a line that a person has written: it rests on what was posted */
		char name[32];
		int name_len = snprintf(name, sizeof(name), "decision %zu", i);
		struct item_new n = {
			.id = id_named(d->resolution, 0, name, (size_t)name_len),
			.kind = ITEM_DECISION,
			.scope = SCOPE_THREAD,
			.scope_id = d->parent,
			.state = ITEM_CONFIRMED,
			.origin = ORIGIN_RESOLUTION,
			.body = l->text,
			.body_len = strlen(l->text),
			.author = d->person,
			.confidence = 1,
			.sources = sources,
			.sources_len = len,
			.thread = d->parent,
			.published = true,
		};
		enum err e = item_put(pg, d->ws, &n, NULL);
		if (e == ERR_INPUT || e == ERR_DENIED)
			continue; /* its messages are gone, or nothing may be kept of who said it: the resolution still has the line */
		if (e != ERR_NONE)
			return e;
	}
	return ERR_NONE;
}

/* ---- changing ---- */

static struct pg_args *args_two(struct id ws, struct id id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	return a;
}

static enum err run_with(struct pg *pg, const char *statement, struct pg_args *a, int *rows)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	if (e == ERR_NONE && rows != NULL)
		*rows = PQntuples(r);
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err set_state(struct pg *pg, struct id ws, struct id item, enum item_state to, struct id by)
{
	struct pg_args *a = args_two(ws, item);
	pg_arg_int2(a, (int16_t)to);
	pg_arg_id(a, by);
	return run_with(pg, "item_state", a, NULL);
}

enum err item_move(struct pg *pg, struct id ws, struct id item, enum item_act act, struct id by, enum item_state *was)
{
	struct pg_args *a = args_two(ws, item);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "item_lock", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	enum item_state from = PQntuples(r) == 1 ? (enum item_state)pg_get_int8(r, 0, 0) : 0, to;
	struct id old = from != 0 && !PQgetisnull(r, 0, 1) ? pg_get_id(r, 0, 1) : ID_NONE;
	PQclear(r);
	if (was != NULL)
		*was = from;
	if (from == 0 || !item_next(from, act, &to))
		return ERR_INPUT;
	e = set_state(pg, ws, item, to, by);
	if (e == ERR_NONE && act == ITEM_CONFIRM && !id_is_none(old)) {
		e = item_move(pg, ws, old, ITEM_REPLACE, by, NULL);
		if (e == ERR_INPUT)
			e = ERR_NONE; /* it is gone meanwhile, or somebody was quicker */
	}
	return e;
}

enum err item_delete(struct pg *pg, struct id ws, struct id item)
{
	int rows = 0;
	enum err e = run_with(pg, "item_delete", args_two(ws, item), &rows);
	return e == ERR_NONE && rows == 0 ? ERR_INPUT : e;
}

enum err item_expire(struct pg *pg, struct id ws, int limit, int64_t *gone)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int4(a, limit);
	int rows = 0;
	enum err e = run_with(pg, "item_expire", a, &rows);
	if (gone != NULL)
		*gone = rows;
	return e;
}
