/*
 * A change goes by its fields: what is not named stays.  Whoever wants to be sure that nobody else has changed the agent meanwhile gives the
 * digest of what they saw.  A row that somebody has changed follows the shipped definition no longer (agents/agent.h).
 */
#include "roster.h"

#include <stdlib.h>
#include <string.h>

#include "../agents/agent.h"
#include "../agents/tools.h"
#include "../base/json.h"
#include "config_store.h"
#include "node.h"
#include "refuse.h"

#define DIGEST "encode(sha256(convert_to(to_jsonb(a)::text, 'UTF8')), 'hex')"
#define FIELDS \
	"'slug', slug, 'name', name, 'model', coalesce(model, ''), 'tools', tools, 'max_tokens', max_tokens, 'max_turns', max_turns," \
	" 'active', active, 'description', coalesce(description, ''), 'sub_agents', sub_agents, 'shipped', seed_digest IS NOT NULL"

const struct pg_statement roster_statements[] = {
	{ "roster_list",
	    "SELECT coalesce(jsonb_agg(jsonb_build_object(" FIELDS
	    ") ORDER BY slug), '[]')::text FROM agents WHERE ws = $1 AND (active OR $2)" },
	{ "roster_get",
	    "SELECT jsonb_build_object(" FIELDS ", 'prompt', prompt, 'digest', " DIGEST
	    ")::text, id FROM agents a WHERE ws = $1 AND slug = $2" },
	{ "roster_count", "SELECT count(*) FROM agents WHERE ws = $1" },
	{ "roster_add",
	    "INSERT INTO agents (ws, id, slug, name, model, prompt, tools, max_tokens, max_turns, active, sub_agents, description) SELECT $1, $2, x.slug,"
	    " x.name, nullif(x.model, ''), x.prompt, x.tools, x.max_tokens, x.max_turns, x.active, x.sub_agents, nullif(x.description, '')"
	    " FROM jsonb_to_record($3::text::jsonb) AS x (slug text, name text, model text, prompt text, tools text[], max_tokens integer,"
	    " max_turns integer, active boolean, sub_agents text[], description text)" },
	{ "roster_change",
	    "UPDATE agents a SET name = x.name, model = nullif(x.model, ''), prompt = x.prompt, tools = x.tools, max_tokens = x.max_tokens,"
	    " max_turns = x.max_turns, active = x.active, sub_agents = x.sub_agents, description = nullif(x.description, ''),"
	    " seed_digest = CASE WHEN $4 THEN a.seed_digest END"
	    " FROM jsonb_to_record($3::text::jsonb) AS x"
	    " (name text, model text, prompt text, tools text[], max_tokens integer, max_turns integer, active boolean, sub_agents text[],"
	    " description text)"
	    " WHERE a.ws = $1 AND a.slug = $2" },
	{ NULL, NULL },
};

static struct pg_args *args_of(struct id ws, const char *slug)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	if (slug != NULL)
		pg_arg_str(a, slug);
	return a;
}

static struct pg_args *with_doc(struct pg_args *a, const json_t *doc)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	pg_arg_str(a, text);
	free(text);
	return a;
}

enum err roster_list(struct pg *pg, struct id ws, bool off, json_t **out)
{
	PGresult *r = NULL;
	struct pg_args *a = args_of(ws, NULL);
	pg_arg_bool(a, off);
	enum err e = pg_ask(pg, "roster_list", a, &r);
	if (e == ERR_NONE)
		*out = json_loads(pg_get_str(r, 0, 0), 0, NULL);
	PQclear(r);
	return e;
}

static enum err find(struct pg *pg, struct id ws, const char *slug, json_t **out, struct id *id, struct problem *why)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "roster_get", args_of(ws, slug), &r);
	bool there = e == ERR_NONE && PQntuples(r) == 1;
	*out = there ? json_loads(pg_get_str(r, 0, 0), 0, NULL) : NULL;
	*id = there ? pg_get_id(r, 0, 1) : ID_NONE;
	PQclear(r);
	return e != ERR_NONE || there ? e : team_refuse(why, API_NOT_FOUND, "agent", "There is no agent of that name.");
}

enum err roster_get(struct pg *pg, struct id ws, const char *slug, json_t **out, struct problem *why)
{
	struct id id;
	return find(pg, ws, slug, out, &id, why);
}

/* ---- changing ---- */

/* Nobody goes around the second pair of eyes: where agents are under review in the settings, the settings are the way. */
static enum err may_change(struct pg *pg, struct id ws, struct problem *why)
{
	json_t *merged = NULL, *one;
	size_t i;
	bool reviewed = false;
	enum err e = node_lock(pg, ws);
	if (e == ERR_NONE)
		e = config_effective(pg, ws, ws, ID_NONE, &merged);
	json_array_foreach (json_arr(json_object_get(merged, "values"), "governance.review"), i, one)
		reviewed |= json_is_string(one) && strncmp(json_string_value(one), "agent", 5) == 0;
	json_decref(merged);
	if (e == ERR_NONE && reviewed)
		return team_refuse(why, API_LOCKED, "agent",
		    "Changes of agents wait for a second admin here: make them in the settings, under agents.");
	return e;
}

static enum err known_tools(const json_t *names, struct problem *why)
{
	size_t i;
	json_t *one;
	json_array_foreach (names, i, one) {
		if (tool_find(json_string_value(one)) == NULL)
			return team_refuse(why, API_INVALID, "tools", "There is no tool %.63s.", json_string_value(one));
		for (size_t k = 0; k < i; k++)
			if (json_equal(one, json_array_get(names, k)))
				return team_refuse(why, API_INVALID, "tools", "%.63s stands there twice.", json_string_value(one));
	}
	return ERR_NONE;
}

/* Whether there are such agents, and no circle, config_agents_fit() sees. */
static enum err known_agents(const json_t *names, struct problem *why)
{
	size_t i;
	json_t *one;
	json_array_foreach (names, i, one)
		for (size_t k = 0; k < i; k++)
			if (json_equal(one, json_array_get(names, k)))
				return team_refuse(
				    why, API_INVALID, "sub_agents", "%.63s stands there twice.", json_string_value(one));
	return ERR_NONE;
}

/* The schema has seen to the rest. */
static enum err fits(const json_t *doc, struct problem *why)
{
	static const char *const texts[] = { "name", "prompt" };
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		const char *s = json_str(doc, texts[i], NULL);
		if (s != NULL && s[strspn(s, " \t\r\n")] == '\0')
			return team_refuse(why, API_INVALID, texts[i], "It must not be empty.");
	}
	enum err e = known_tools(json_arr(doc, "tools"), why);
	return e == ERR_NONE ? known_agents(json_arr(doc, "sub_agents"), why) : e;
}

static bool slug_fits(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return s[n] == '\0' && n > 0 && n <= NODE_SLUG_MAX && s[0] != '-' && s[n - 1] != '-';
}

enum err roster_add(struct pg *pg, struct id ws, struct id id, const json_t *doc, struct problem *why)
{
	const char *slug = json_str(doc, "slug", "");
	json_t *row = NULL;
	struct id there = ID_NONE;
	PGresult *r = NULL;
	struct problem none = { 0 };
	enum err e = slug_fits(slug) ? may_change(pg, ws, why)
	                             : team_refuse(why, API_INVALID, "slug",
	                                   "A short name has small letters, digits and - between them, at most %d.", NODE_SLUG_MAX);
	if (e == ERR_NONE)
		e = fits(doc, why);
	if (e == ERR_NONE)
		e = find(pg, ws, slug, &row, &there, &none);
	if (e == ERR_NONE) {
		json_decref(row);
		return id_equal(there, id) ? ERR_NONE
		                           : team_refuse(why, API_CONFLICT, "slug", "There is an agent %s already.", slug);
	}
	if (none.code != API_NOT_FOUND)
		return e;
	e = pg_ask(pg, "roster_count", args_of(ws, NULL), &r);
	int64_t n = e == ERR_NONE ? pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	if (e == ERR_NONE && n >= ROSTER_MAX)
		return team_refuse(why, API_CONFLICT, "slug", "There are %d agents already, which is the most.", ROSTER_MAX);
	if (e != ERR_NONE)
		return e;
	json_t *whole = json_pack("{s:s, s:s, s:s, s:s, s:s, s:[], s:[], s:i, s:i, s:b}", "slug", slug, "name", slug, "description",
	    "", "model", "", "prompt", "", "tools", "sub_agents", "max_tokens", 2000, "max_turns", 8, "active", 1);
	json_object_update_existing(whole, (json_t *)(uintptr_t)doc);
	struct pg_args *a = args_of(ws, NULL);
	pg_arg_id(a, id);
	e = pg_ask(pg, "roster_add", with_doc(a, whole), NULL);
	json_decref(whole);
	return e == ERR_NONE ? config_agents_fit(pg, ws, why) : e;
}

/* What ${doc} says otherwise than ${row}; ${row} becomes what is wanted. */
static json_t *put(json_t *row, const json_t *doc)
{
	static const char *const fields[] = { "name", "description", "model", "prompt", "tools", "sub_agents", "max_tokens",
		"max_turns", "active" };
	json_t *changed = json_array();
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		json_t *v = json_object_get(doc, fields[i]);
		if (v == NULL || json_equal(v, json_object_get(row, fields[i])))
			continue;
		json_object_set(row, fields[i], v);
		json_array_append_new(changed, json_string(fields[i]));
	}
	return changed;
}

enum err roster_change(
    struct pg *pg, struct id ws, const char *slug, const json_t *doc, struct id *agent, json_t **changed, struct problem *why)
{
	json_t *row = NULL;
	const char *base = json_str(doc, "base", NULL);
	enum err e = may_change(pg, ws, why);
	*changed = NULL;
	if (e == ERR_NONE)
		e = find(pg, ws, slug, &row, agent, why);
	if (e == ERR_NONE && base != NULL && strcmp(base, json_str(row, "digest", "")) != 0)
		e = team_refuse(why, API_CONFLICT, "base", "Somebody has changed this agent meanwhile: look at it again.");
	if (e == ERR_NONE)
		e = fits(doc, why);
	if (e == ERR_NONE) {
		*changed = put(row, doc);
		/* To switch it off and on is no change of what it is. */
		bool same = json_array_size(*changed) == 0 ||
		    (json_array_size(*changed) == 1 && strcmp(json_string_value(json_array_get(*changed, 0)), "active") == 0);
		struct pg_args *a = with_doc(args_of(ws, slug), row);
		pg_arg_bool(a, same);
		e = pg_ask(pg, "roster_change", a, NULL);
	}
	if (e == ERR_NONE)
		e = config_agents_fit(pg, ws, why);
	json_decref(row);
	if (e != ERR_NONE) {
		json_decref(*changed);
		*changed = NULL;
	}
	return e;
}

enum err roster_reset(struct pg *pg, struct id ws, const char *slug, struct id *agent, struct problem *why)
{
	json_t *row = NULL;
	enum err e = may_change(pg, ws, why);
	if (e == ERR_NONE)
		e = find(pg, ws, slug, &row, agent, why);
	json_decref(row);
	if (e == ERR_NONE)
		e = agents_reset(pg, ws, slug);
	if (e == ERR_INPUT && why->code == API_OK)
		return team_refuse(why, API_CONFLICT, "agent", "Eddy does not come with an agent of that name.");
	return e == ERR_NONE ? config_agents_fit(pg, ws, why) : e;
}
