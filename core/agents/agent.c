/*
 * Agent definitions: shipped ones from the files inside the binary, live ones from the table.  The digest in a row is that of the
 * fields as they were seeded, so a row whose fields no longer give its digest was changed by somebody, whether or not they said
 * so, and is theirs from then on.
 */
#include "agent.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/embed.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "tools.h"

#define DIR_AGENTS "prompts/agents/"

const struct pg_statement agent_statements[] = {
	{ "agent_get",
	    "SELECT id, slug, name, model, prompt, array_to_string(tools, ','), max_tokens, max_turns, active, seed_digest,"
	    " array_to_string(sub_agents, ','), description FROM agents"
	    " WHERE ws = $1 AND slug = $2" },
	{ "agent_insert",
	    "INSERT INTO agents (ws, id, slug, name, model, prompt, tools, max_tokens, max_turns, sub_agents, description, seed_digest)"
	    " VALUES ($1, $2, $3, $4, $5, $6, string_to_array($7, ','), $8, $9, string_to_array($10, ','), $11, $12) ON CONFLICT DO NOTHING" },
	{ "agent_refresh",
	    "UPDATE agents SET name = $3, model = $4, prompt = $5, tools = string_to_array($6, ','), max_tokens = $7, max_turns = $8,"
	    " sub_agents = string_to_array($9, ','), description = $10, seed_digest = $11 WHERE ws = $1 AND slug = $2 AND seed_digest = $12" },
	{ "agent_reset",
	    "UPDATE agents SET name = $3, model = $4, prompt = $5, tools = string_to_array($6, ','), max_tokens = $7, max_turns = $8,"
	    " sub_agents = string_to_array($9, ','), description = $10, seed_digest = $11 WHERE ws = $1 AND slug = $2" },
	{ NULL, NULL },
};

void agent_free(struct agent *a)
{
	if (a == NULL)
		return;
	free(a->slug);
	free(a->name);
	free(a->description);
	free(a->model);
	free(a->prompt);
	for (size_t i = 0; i < a->tools_len; i++)
		free(a->tools[i]);
	for (size_t i = 0; i < a->subs_len; i++)
		free(a->subs[i]);
	free(a);
}

struct agent *agent_copy(const struct agent *a)
{
	struct agent *c = xmalloc(sizeof *c);
	*c = *a;
	c->slug = xstrdup(a->slug);
	c->name = xstrdup(a->name);
	c->description = xstrdup(a->description);
	c->model = xstrdup(a->model);
	c->prompt = xstrdup(a->prompt);
	for (size_t i = 0; i < a->tools_len; i++)
		c->tools[i] = xstrdup(a->tools[i]);
	for (size_t i = 0; i < a->subs_len; i++)
		c->subs[i] = xstrdup(a->subs[i]);
	return c;
}

void agent_add_sub(struct agent *a, const char *slug, size_t n)
{
	if (n == 0 || a->subs_len == AGENT_SUBS_MAX)
		return;
	for (size_t i = 0; i < a->subs_len; i++)
		if (strlen(a->subs[i]) == n && memcmp(a->subs[i], slug, n) == 0)
			return;
	a->subs[a->subs_len++] = xstrndup(slug, n);
}

void agent_tool_name(const char *slug, char out[AGENT_TOOL_NAME])
{
	snprintf(out, AGENT_TOOL_NAME, "ask_%s", slug);
	for (char *p = out; *p != '\0'; p++)
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-", *p) == NULL)
			*p = '_';
}

static void add_field(struct buf *b, const char *s)
{
	buf_addf(b, "%d %zu ", s != NULL, s == NULL ? 0 : strlen(s));
	buf_add_str(b, s);
}

static void names_join(char *const *names, size_t n, struct buf *out)
{
	buf_reserve(out, 1);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(out, ',');
		buf_add_str(out, names[i]);
	}
}

/*
 * ${tool_names}, ${sub_names}: the names between commas, as the table has them (a load drops names that this binary does not know).  What is empty and
 * came later is left out, so that rows of older versions keep their digest.
 */
static void digest(const struct agent *a, const char *tool_names, const char *sub_names, uint8_t out[32])
{
	struct buf b = BUF_INIT;
	add_field(&b, a->name);
	add_field(&b, a->model);
	add_field(&b, a->prompt);
	add_field(&b, tool_names);
	buf_addf(&b, "%u %u", a->max_tokens, a->max_turns);
	if (a->description != NULL || (sub_names != NULL && sub_names[0] != '\0')) {
		add_field(&b, a->description);
		add_field(&b, sub_names);
	}
	SHA256((const unsigned char *)b.p, b.len, out);
	buf_done(&b);
}

static void tools_split(struct agent *a, const char *names)
{
	while (names != NULL && *names != '\0') {
		size_t n = strcspn(names, ",");
		char *one = xstrndup(names, n);
		if (tool_find(one) != NULL && a->tools_len < AGENT_TOOLS_MAX)
			a->tools[a->tools_len++] = one;
		else
			free(one);
		names += n + (names[n] == ',');
	}
}

static void subs_split(struct agent *a, const char *names)
{
	while (names != NULL && *names != '\0') {
		size_t n = strcspn(names, ",");
		agent_add_sub(a, names, n);
		names += n + (names[n] == ',');
	}
}

static uint32_t bounded(int64_t v, uint32_t low, uint32_t high)
{
	return v < low ? low : v > high ? high : (uint32_t)v;
}

struct row {
	struct agent *agent;
	uint8_t seed[32], now[32];
	bool seeded;
};

/* ${out}->agent stays NULL when there is no such row. */
static enum err row_get(struct pg *pg, struct id ws, const char *slug, struct row *out)
{
	struct pg_args *args = pg_args_new();
	pg_arg_id(args, ws);
	pg_arg_str(args, slug);
	PGresult *r = NULL;
	enum err e = pg_query(pg, "agent_get", args, &r);
	pg_args_free(args);
	if (e != ERR_NONE)
		return e;
	memset(out, 0, sizeof *out);
	if (PQntuples(r) == 1) {
		struct agent *a = xcalloc(1, sizeof *a);
		a->id = pg_get_id(r, 0, 0);
		a->slug = xstrdup(pg_get_str(r, 0, 1));
		a->name = xstrdup(pg_get_str(r, 0, 2));
		a->model = xstrdup(pg_get_str(r, 0, 3));
		a->prompt = xstrdup(pg_get_str(r, 0, 4));
		tools_split(a, pg_get_str(r, 0, 5));
		a->max_tokens = (uint32_t)pg_get_int8(r, 0, 6);
		a->max_turns = (uint32_t)pg_get_int8(r, 0, 7);
		a->active = pg_get_bool(r, 0, 8);
		subs_split(a, pg_get_str(r, 0, 10));
		a->description = xstrdup(pg_get_str(r, 0, 11));
		digest(a, pg_get_str(r, 0, 5), pg_get_str(r, 0, 10), out->now);
		out->seeded = !PQgetisnull(r, 0, 9) && PQgetlength(r, 0, 9) == 32;
		if (out->seeded)
			memcpy(out->seed, PQgetvalue(r, 0, 9), 32);
		a->max_tokens = bounded(a->max_tokens, 16, 64000);
		a->max_turns = bounded(a->max_turns, 1, 50);
		out->agent = a;
	}
	PQclear(r);
	return ERR_NONE;
}

enum err agents_load(struct pg *pg, struct id ws, const char *slug, struct agent **out)
{
	struct row row;
	enum err e = row_get(pg, ws, slug, &row);
	if (e != ERR_NONE)
		return e;
	if (row.agent == NULL || !row.agent->active) {
		agent_free(row.agent);
		return ERR_INPUT;
	}
	*out = row.agent;
	return ERR_NONE;
}

static enum err run(struct pg *pg, const char *statement, const struct pg_args *args)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, args, &r);
	if (e == ERR_NONE)
		PQclear(r);
	return e;
}

static struct pg_args *shipped_args(
    struct id ws, const struct agent *a, bool fresh, const struct buf *names, const struct buf *subs, const uint8_t seed[32])
{
	struct pg_args *args = pg_args_new();
	pg_arg_id(args, ws);
	if (fresh)
		pg_arg_id(args, id_named(ws, 0, a->slug, strlen(a->slug)));
	pg_arg_str(args, a->slug);
	pg_arg_str(args, a->name);
	pg_arg_str(args, a->model);
	pg_arg_str(args, a->prompt);
	pg_arg_text(args, names->p, names->len);
	pg_arg_int4(args, (int32_t)a->max_tokens);
	pg_arg_int4(args, (int32_t)a->max_turns);
	pg_arg_text(args, subs->p, subs->len);
	pg_arg_str(args, a->description);
	pg_arg_bytes(args, seed, 32);
	return args;
}

static enum err seed_one(struct pg *pg, struct id ws, const struct agent *a)
{
	struct buf names = BUF_INIT, subs = BUF_INIT;
	uint8_t want[32];
	names_join(a->tools, a->tools_len, &names);
	names_join(a->subs, a->subs_len, &subs);
	digest(a, names.p, subs.p, want);
	struct row row;
	enum err e = row_get(pg, ws, a->slug, &row);
	if (e != ERR_NONE) {
		buf_done(&names);
		buf_done(&subs);
		return e;
	}
	bool fresh = row.agent == NULL;
	bool ours = !fresh && row.seeded && memcmp(row.seed, row.now, 32) == 0;
	if (fresh || (ours && memcmp(row.now, want, 32) != 0)) {
		struct pg_args *args = shipped_args(ws, a, fresh, &names, &subs, want);
		if (!fresh)
			pg_arg_bytes(args, row.seed, sizeof row.seed);
		e = run(pg, fresh ? "agent_insert" : "agent_refresh", args);
		pg_args_free(args);
	}
	agent_free(row.agent);
	buf_done(&names);
	buf_done(&subs);
	return e;
}

static bool is_definition(const char *path)
{
	size_t n = strlen(path);
	return strncmp(path, DIR_AGENTS, strlen(DIR_AGENTS)) == 0 && n > 5 && strcmp(path + n - 5, ".yaml") == 0;
}

static struct agent *shipped(const struct embedded *f)
{
	struct agent *a = NULL;
	char why[200];
	if (agent_parse(f->text, (size_t)(f->end - f->text), &a, why) != ERR_NONE) {
		log_error("agent.definition", LF_STR("file", f->path), LF_STR("why", why), LF_STR("result", "broken"));
		return NULL;
	}
	return a;
}

enum err agents_seed(struct pg *pg, struct id ws)
{
	for (const struct embedded *f = embedded_files; f->path != NULL; f++) {
		if (!is_definition(f->path))
			continue;
		struct agent *a = shipped(f);
		if (a == NULL)
			return ERR_BROKEN;
		enum err e = seed_one(pg, ws, a);
		agent_free(a);
		if (e != ERR_NONE)
			return e;
	}
	return ERR_NONE;
}

struct agent *agent_shipped(const char *slug)
{
	for (const struct embedded *f = embedded_files; f->path != NULL; f++) {
		if (!is_definition(f->path))
			continue;
		struct agent *a = shipped(f);
		if (a != NULL && strcmp(a->slug, slug) == 0)
			return a;
		agent_free(a);
	}
	return NULL;
}

enum err agents_reset(struct pg *pg, struct id ws, const char *slug)
{
	struct agent *a = agent_shipped(slug);
	struct buf names = BUF_INIT, subs = BUF_INIT;
	uint8_t want[32];
	if (a == NULL)
		return ERR_INPUT;
	names_join(a->tools, a->tools_len, &names);
	names_join(a->subs, a->subs_len, &subs);
	digest(a, names.p, subs.p, want);
	struct pg_args *args = shipped_args(ws, a, false, &names, &subs, want);
	enum err e = run(pg, "agent_reset", args);
	pg_args_free(args);
	buf_done(&names);
	buf_done(&subs);
	agent_free(a);
	return e;
}
