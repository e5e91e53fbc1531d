/*
 * One statement works out who may read (allowed_audiences(), as everywhere), gathers what is near (this thread, the one it left, its place, the
 * workspace, the asker and people whom the question names) and what matches the question's words, ranks it, takes what fits, and notes with the run what was taken.
 * Noting must not make a run wait for a disk: that transaction does not wait for its COMMIT to be flushed.  Should the note be lost, an
 * answer can name fewer reasons; that is all.
 */
#include "inject.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../agents/template.h"
#include "../base/buf.h"
#include "../base/clock.h"
#include "../base/embed.h"
#include "../base/map.h"
#include "../base/mem.h"
#include "../base/tz.h"
#include "../base/utf8.h"
#include "../talk/search.h"
#include "item.h"
#include "words.h"

#define WORKSPACES_MAX 100000
#define NAME_BYTES 40
#define FILE_NAME "prompts/memory.md"
/* Tokens that the frame takes, and at most a line besides its text: kind, day, names, attribute. */
#define FRAME_TOKENS 120
#define LINE_TOKENS "40"

const struct pg_statement inject_statements[] = {
	{ "inject_has", "SELECT EXISTS (SELECT 1 FROM context_items WHERE ws = $1 AND state = 2)" },
	/* Rows are found by = ANY(keys) and names by sub-queries: with a join the planner may walk the whole tenant. */
	{ "inject_items", /* $1 ws, $2 thread, $3 run, $4 who asks, $5 a guest, $6 query, $7 words, $8 tokens */
	    "WITH own AS MATERIALIZED (SELECT t.id, t.place_id, t.audience_id, p.audience_id AS place_audience, p.visibility, f.parent_id"
	    " FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id LEFT JOIN forks f ON f.ws = t.ws AND f.id = t.fork_id"
	    " WHERE t.ws = $1 AND t.id = $2),"
	    " allowed AS MATERIALIZED (SELECT a.ids FROM allowed_audiences($2, NULL, NULL, $5::bool, false, false) a),"
	    " named AS (SELECT pe.id FROM people pe WHERE pe.ws = $1 AND pe.id = ANY (ARRAY(SELECT DISTINCT about_id FROM context_items i"
	    " WHERE i.ws = $1 AND i.about_id IS NOT NULL)) AND lower(split_part(pe.name, ' ', 1)) = ANY ($7::text[])),"
	    " near AS ((SELECT i.id, 0::real AS rank FROM context_items i WHERE i.ws = $1 AND i.scope = 2 AND i.state = 2"
	    " AND i.scope_id IN (SELECT id FROM own UNION ALL SELECT parent_id FROM own) ORDER BY i.created_at DESC LIMIT 60)"
	    " UNION ALL (SELECT i.id, 0 FROM context_items i WHERE i.ws = $1 AND i.scope = 3 AND i.scope_id = (SELECT place_id FROM own)"
	    " AND i.state = 2 ORDER BY i.created_at DESC LIMIT 60)"
	    " UNION ALL (SELECT i.id, 0 FROM context_items i WHERE i.ws = $1 AND i.scope = 5 AND i.state = 2 ORDER BY i.created_at DESC LIMIT 60)"
	    " UNION ALL (SELECT i.id, 0 FROM context_items i WHERE i.ws = $1 AND i.about_id = $4::uuid AND i.state = 2"
	    " ORDER BY i.created_at DESC LIMIT 30)"
	    " UNION ALL (SELECT i.id, 0.1 FROM context_items i WHERE i.ws = $1 AND i.about_id = ANY (ARRAY(SELECT id FROM named)) AND i.state = 2"
	    " ORDER BY i.created_at DESC LIMIT 30)"
	    " UNION ALL (SELECT f.item_id, f.rank FROM allowed, search_items($6::text, allowed.ids, 60) f)),"
	    " best AS MATERIALIZED (SELECT id, max(rank) AS rank FROM near GROUP BY id),"
	    " ranked AS (SELECT i.id, i.kind, i.body, i.attribute, i.author_id, i.about_id, i.created_at, i.tags,"
	    " CASE WHEN i.audience_id NOT IN (own.audience_id, own.place_audience) THEN i.audience_id END AS audience,"
	    " CASE WHEN i.scope = 2 AND i.scope_id = own.id THEN 3 WHEN i.scope = 2 AND i.scope_id = own.parent_id THEN 2.5"
	    " WHEN i.scope = 3 AND i.scope_id = own.place_id THEN 2 WHEN i.about_id = $4 THEN 2 WHEN i.scope >= 4 THEN 1 ELSE 0 END"
	    " + least(best.rank * 30, 4) + (SELECT count(*) FROM unnest(i.tags) g WHERE g = ANY ($7::text[])) * 0.5"
	    " + 1.0 / (1 + extract(epoch FROM now() - i.created_at) / 2592000) + i.confidence AS score"
	    " FROM own, allowed, best JOIN context_items i ON i.id = best.id"
	    " WHERE i.ws = $1 AND i.id = ANY (ARRAY(SELECT id FROM best)) AND i.state = 2 AND i.audience_id = ANY (allowed.ids) AND (i.expires_at IS NULL OR i.expires_at > now())"
	    " AND (NOT $5::bool OR (i.scope = 2 AND i.scope_id = own.id))),"
	    " counted AS (SELECT ranked.*, sum(octet_length(body) / 4 + " LINE_TOKENS
	    ") OVER (ORDER BY score DESC, id) AS upto FROM ranked),"
	    " taken AS MATERIALIZED (SELECT * FROM counted WHERE upto <= $8::int8 ORDER BY score DESC, id LIMIT 100),"
	    " noted AS (UPDATE runs r SET given = (SELECT array_agg(id) FROM taken) FROM (SELECT set_config('synchronous_commit', 'off', true)) soft"
	    " WHERE r.ws = $1 AND r.id = $3 AND EXISTS (SELECT 1 FROM taken))"
	    " SELECT k.id, k.kind, k.body, k.attribute, (SELECT name FROM people WHERE ws = $1 AND id = k.author_id),"
	    " (SELECT name FROM people WHERE ws = $1 AND id = k.about_id), k.created_at, k.tags = '{}', k.audience FROM taken k"
	    " ORDER BY k.score DESC, k.id" },
	{ "inject_given",
	    "SELECT k.id, k.kind, k.body, k.attribute, au.name, ab.name, k.created_at FROM runs r"
	    " CROSS JOIN LATERAL unnest(r.given) WITH ORDINALITY AS g(id, n) JOIN context_items k ON k.ws = r.ws AND k.id = g.id"
	    " LEFT JOIN people au ON au.ws = $1 AND au.id = k.author_id LEFT JOIN people ab ON ab.ws = $1 AND ab.id = k.about_id"
	    " WHERE r.ws = $1 AND r.id = $2 ORDER BY g.n" },
	{ NULL, NULL },
};

struct known {
	bool has;
	uint64_t touched; /* grows with each write here: who asked before it does not know better */
	uint64_t asked_ms;
};
struct memory {
	pthread_mutex_t mutex;
	uint32_t look_again_ms;
	struct map *known; /* by workspace: struct known */
};

struct memory *memory_new(uint32_t look_again_ms)
{
	struct memory *m = xcalloc(1, sizeof(*m));
	pthread_mutex_init(&m->mutex, NULL);
	m->known = map_new();
	m->look_again_ms = look_again_ms;
	return m;
}

void memory_free(struct memory *m)
{
	if (m == NULL)
		return;
	map_free(m->known, free);
	pthread_mutex_destroy(&m->mutex);
	free(m);
}

static struct known *known_of(struct memory *m, struct id ws)
{
	struct known *k = map_get(m->known, ws.b, sizeof(ws.b));
	if (k != NULL)
		return k;
	if (map_count(m->known) >= WORKSPACES_MAX) {
		map_free(m->known, free);
		m->known = map_new();
	}
	k = xcalloc(1, sizeof(*k));
	map_put(m->known, ws.b, sizeof(ws.b), k);
	return k;
}

bool memory_may_have(struct memory *m, struct id ws)
{
	uint64_t now = clock_ms();
	pthread_mutex_lock(&m->mutex);
	struct known *k = known_of(m, ws);
	bool may = k->has || k->asked_ms == 0 || now - k->asked_ms > m->look_again_ms;
	pthread_mutex_unlock(&m->mutex);
	return may;
}

void memory_touched(struct memory *m, struct id ws)
{
	pthread_mutex_lock(&m->mutex);
	struct known *k = known_of(m, ws);
	k->has = true;
	k->touched++;
	pthread_mutex_unlock(&m->mutex);
}

/* Is it known to have items, without asking?  ${stale}: that should be asked again some time. */
static bool has_items(struct memory *m, struct id ws, bool *stale)
{
	pthread_mutex_lock(&m->mutex);
	struct known *k = known_of(m, ws);
	bool has = k->has;
	*stale = clock_ms() - k->asked_ms > m->look_again_ms;
	pthread_mutex_unlock(&m->mutex);
	return has;
}

static uint64_t touches(struct memory *m, struct id ws)
{
	pthread_mutex_lock(&m->mutex);
	uint64_t n = known_of(m, ws)->touched;
	pthread_mutex_unlock(&m->mutex);
	return n;
}

static enum err ask_has(struct memory *m, struct pg *pg, struct id ws, bool *has)
{
	uint64_t before = touches(m, ws);
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "inject_has", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	*has = pg_get_bool(r, 0, 0);
	PQclear(r);
	pthread_mutex_lock(&m->mutex);
	struct known *k = known_of(m, ws);
	if (k->touched == before)
		k->has = *has;
	k->asked_ms = clock_ms();
	pthread_mutex_unlock(&m->mutex);
	return ERR_NONE;
}

static enum err read_items(struct pg *pg, const struct memory_ask *q, PGresult **out)
{
	struct buf query = BUF_INIT, words = BUF_INIT;
	size_t count = 0;
	if (q->text != NULL)
		count = memory_words(q->text, utf8_clip(q->text, q->text_len, 4000), 16, &words);
	memory_query_of(words.p, count, &query);
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, q->ws);
	pg_arg_id(a, q->thread);
	pg_arg_id(a, q->run);
	pg_arg_id(a, q->person);
	pg_arg_bool(a, q->guest);
	pg_arg_text(a, query.p ? query.p : "", query.len);
	pg_array_begin(a, PG_TEXT);
	const char *w = words.p;
	for (size_t i = 0; i < count; i++, w += strlen(w) + 1)
		pg_array_str(a, w);
	pg_array_end(a);
	pg_arg_int8(a, (int64_t)q->tokens - FRAME_TOKENS);
	enum err e = pg_query(pg, "inject_items", a, out);
	pg_args_free(a);
	buf_done(&query);
	buf_done(&words);
	return e;
}

static void add_name(struct buf *out, const char *before, const char *name)
{
	if (name == NULL || name[0] == '\0')
		return;
	buf_add_str(out, before);
	template_add_line(out, name, NAME_BYTES);
}

static void add_item(struct buf *out, const PGresult *r, int row)
{
	struct tz_time t;
	const char *body = pg_get_str(r, row, 2);
	/* Its message was edited since: derived.c took the new words, and the tags of the old ones away. */
	if (pg_get_bool(r, row, 7) && memory_is_instruction(body, strlen(body)))
		return;
	tz_local(NULL, (uint64_t)pg_get_time_ms(r, row, 6), &t);
	enum item_kind kind = (enum item_kind)pg_get_int8(r, row, 1);
	const char *attribute = pg_get_str(r, row, 3);
	buf_addf(out, "- %s", item_kind_word(kind));
	add_name(out, " about ", pg_get_str(r, row, 5));
	buf_addf(out, ", %04d-%02d-%02d", t.year, t.month, t.day);
	add_name(out, ", ", pg_get_str(r, row, 4));
	buf_add_str(out, ": ");
	if (attribute != NULL) {
		template_add_line(out, attribute, ITEM_ATTRIBUTE_MAX);
		buf_add_str(out, ": ");
	}
	template_add_line(out, body, ITEM_BODY_MAX);
	buf_add_char(out, '\n');
}

void memory_prompt(const char *lines, size_t n, struct buf *out)
{
	struct buf fenced = BUF_INIT;
	template_add_fenced(&fenced, "memory", lines, n);
	const struct template_value values[] = { { "items", fenced.p, fenced.len }, { NULL, NULL, 0 } };
	for (const struct embedded *f = embedded_files; f->path != NULL; f++)
		if (strcmp(f->path, FILE_NAME) == 0)
			template_render(f->text, (size_t)(f->end - f->text), values, out);
	buf_done(&fenced);
}

static void render(const PGresult *r, uint32_t tokens, struct buf *out)
{
	struct buf lines = BUF_INIT, part = BUF_INIT;
	for (int i = 0; i < PQntuples(r); i++)
		add_item(&lines, r, i);
	if (lines.len == 0)
		return;
	lines.p[--lines.len] = '\0';
	memory_prompt(lines.p, lines.len, &part);
	/* The statement has counted generously; what a fence adds to a text that is full of tags may still be too much. */
	if (part.len / 4 < tokens)
		buf_add(out, part.p, part.len);
	buf_done(&lines);
	buf_done(&part);
}

enum err memory_inject(struct memory *m, struct pg *pg, const struct memory_ask *q, struct buf *out)
{
	if (q->tokens <= FRAME_TOKENS || !memory_may_have(m, q->ws))
		return ERR_NONE;
	bool stale, has = has_items(m, q->ws, &stale);
	enum err e = ERR_NONE;
	if (!has)
		e = ask_has(m, pg, q->ws, &has);
	PGresult *r = NULL;
	if (e == ERR_NONE && has)
		e = read_items(pg, q, &r);
	if (e != ERR_NONE || r == NULL)
		return e;
	for (int i = 0; q->reads != NULL && i < PQntuples(r); i++)
		if (!PQgetisnull(r, i, 8))
			search_reads_add(q->reads, pg_get_id(r, i, 8));
	if (PQntuples(r) > 0)
		render(r, q->tokens, out);
	else if (stale)
		e = ask_has(m, pg, q->ws, &has); /* perhaps the last one has gone */
	PQclear(r);
	return e;
}

enum err memory_given(struct pg *pg, struct id ws, struct id run, struct buf *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, run);
	enum err e = pg_query(pg, "inject_given", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE && PQntuples(r) > 0)
		render(r, UINT32_MAX, out);
	PQclear(r);
	return e;
}
