/*
 * What a run begins with: the settings of its place, and the agent that they make.  The settings are taken once and kept until the run ends, also
 * by a process that takes the run over (config_id of its row), so that a change in between is for the next run.  Agents are rows of the table
 * with what the settings say differently about them.
 */
#include <stdlib.h>
#include <string.h>

#include "../agents/tools.h"
#include "../base/clock.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "engine_internal.h"

#define AGENT_TTL_MS 2000

enum err run_config(struct run *r, struct pg *pg)
{
	bool begun = r->resumed || r->replay != NULL;
	enum err e = ERR_NONE;
	if (r->config != NULL || (begun && pg == NULL))
		return ERR_NONE;
	if (begun)
		e = config_of_run(pg, r->ws, r->id, &r->config);
	if (e == ERR_NONE && r->config == NULL)
		e = config_cache_get(r->e->configs, pg, r->ws, r->place, r->person, &r->config);
	return e;
}

/* ---- rows ---- */

struct agent_entry {
	struct agent *agent;
	uint64_t until_ms;
};

void engine_free_agent_entry(void *p)
{
	struct agent_entry *x = p;
	agent_free(x->agent);
	free(x);
}

static size_t key_of(struct id ws, const char *slug, char out[sizeof(struct id) + 64])
{
	size_t n = strnlen(slug, 63);
	memcpy(out, ws.b, sizeof(ws.b));
	memcpy(out + sizeof(ws.b), slug, n);
	return sizeof(ws.b) + n;
}

/* ${out} NULL: not in memory, or ${pg} is given and there is no such agent that is active. */
static enum err row(struct engine *e, struct pg *pg, struct id ws, const char *slug, struct agent **out)
{
	char key[sizeof(struct id) + 64];
	size_t n = key_of(ws, slug, key);
	*out = NULL;
	pthread_mutex_lock(&e->agents_mutex);
	struct agent_entry *x = map_get(e->agents, key, n);
	if (x != NULL && x->until_ms > clock_ms())
		*out = agent_copy(x->agent);
	pthread_mutex_unlock(&e->agents_mutex);
	if (*out != NULL || pg == NULL)
		return ERR_NONE;
	struct agent *a = NULL;
	enum err err = agents_load(pg, ws, slug, &a);
	if (err == ERR_INPUT)
		return ERR_NONE;
	if (err != ERR_NONE)
		return err;
	struct agent_entry *fresh = xcalloc(1, sizeof(*fresh));
	*fresh = (struct agent_entry){ agent_copy(a), clock_ms() + AGENT_TTL_MS };
	pthread_mutex_lock(&e->agents_mutex);
	x = map_put(e->agents, key, n, fresh);
	pthread_mutex_unlock(&e->agents_mutex);
	if (x != NULL)
		engine_free_agent_entry(x);
	*out = a;
	return ERR_NONE;
}

/* ---- what the settings say differently ---- */

static void put_text(char **field, const char *text)
{
	if (text == NULL || text[0] == '\0')
		return;
	free(*field);
	*field = xstrdup(text);
}

static bool has_tool(const struct agent *a, const char *name)
{
	for (size_t i = 0; i < a->tools_len; i++)
		if (strcmp(a->tools[i], name) == 0)
			return true;
	return false;
}

/* Where the team has a ${tracker} every agent may look into it: with the rights of the one who asks. */
static void put_tools(struct agent *a, const json_t *names, const json_t *switches, bool tracker)
{
	size_t kept = 0;
	if (names != NULL) {
		while (a->tools_len > 0)
			free(a->tools[--a->tools_len]);
		for (size_t i = 0; i < json_array_size(names) && a->tools_len < AGENT_TOOLS_MAX; i++) {
			const char *name = json_string_value(json_array_get(names, i));
			if (name != NULL && tool_find(name) != NULL)
				a->tools[a->tools_len++] = xstrdup(name);
		}
	}
	if (tracker && a->tools_len < AGENT_TOOLS_MAX && !has_tool(a, tool_tracker.name))
		a->tools[a->tools_len++] = xstrdup(tool_tracker.name);
	for (size_t i = 0; i < a->tools_len; i++)
		if ((!tracker && strcmp(a->tools[i], tool_tracker.name) == 0) ||
		    json_is_false(json_object_get(switches, a->tools[i])))
			free(a->tools[i]);
		else
			a->tools[kept++] = a->tools[i];
	a->tools_len = kept;
}

/* ${names} NULL: none. */
static void put_subs(struct agent *a, const json_t *names)
{
	while (a->subs_len > 0)
		free(a->subs[--a->subs_len]);
	for (size_t i = 0; i < json_array_size(names); i++) {
		const json_t *one = json_array_get(names, i);
		if (json_is_string(one))
			agent_add_sub(a, json_string_value(one), json_string_length(one));
	}
}

static uint32_t least(int64_t wish, uint32_t own, int64_t cap)
{
	int64_t n = wish > 0 ? wish : own;
	return (uint32_t)(n < cap ? n : cap);
}

/* ${first}: it is the one that answers. */
static void overlay(struct agent *a, const struct config *c, const json_t *own, bool first)
{
	if (a->model == NULL)
		put_text(&a->model, config_str(c, "agent.model"));
	put_text(&a->model, json_str(own, "model", NULL));
	if (first)
		put_text(&a->prompt, config_str(c, "agent.prompt"));
	put_text(&a->prompt, json_str(own, "prompt", NULL));
	put_tools(a, json_arr(own, "tools"), config_map(c, "tools"), config_str(c, "tracker.url")[0] != '\0');
	if (json_arr(own, "sub_agents") != NULL)
		put_subs(a, json_arr(own, "sub_agents"));
	put_text(&a->description, json_str(own, "description", NULL));
	a->max_tokens = least(json_int(own, "max_tokens", 0), a->max_tokens, config_int(c, "agent.max_tokens"));
	a->max_turns = least(json_int(own, "max_turns", 0), a->max_turns, config_int(c, "agent.max_turns"));
}

enum err run_agent(struct run *r, struct pg *pg, struct agent **out)
{
	*out = NULL;
	enum err err = run_config(r, pg);
	if (err != ERR_NONE || r->config == NULL)
		return err;
	const char *slug = config_str(r->config, "agent.default");
	const json_t *own = json_object_get(config_map(r->config, "agents"), slug);
	bool off = json_is_false(json_object_get(own, "active"));
	if (!off && (err = row(r->e, pg, r->ws, slug, out)) != ERR_NONE)
		return err;
	if (*out == NULL && pg == NULL)
		return ERR_NONE; /* not in memory: the caller opens a transaction and asks again */
	if (*out == NULL) {      /* one that only the settings know; or none, then the shipped one answers */
		bool defined = !off && json_str(own, "prompt", NULL) != NULL;
		if ((err = row(r->e, pg, r->ws, AGENT_DEFAULT, out)) != ERR_NONE)
			return err;
		if (*out == NULL)
			return ERR_INPUT;
		if (defined)
			put_subs(*out, NULL);
		if (!defined && strcmp(slug, AGENT_DEFAULT) != 0) {
			log_warn("run.agent", LF_ID("run", r->id),
			    LF_STR("result", "the agent of these settings is away; the usual one answers"));
			own = json_object_get(config_map(r->config, "agents"), AGENT_DEFAULT);
		}
	}
	overlay(*out, r->config, own, true);
	return ERR_NONE;
}

enum err run_sub_agent(struct run *r, struct pg *pg, const char *slug, struct agent **out, bool *known)
{
	*out = NULL;
	*known = false;
	enum err err = run_config(r, pg);
	if (err != ERR_NONE || r->config == NULL)
		return err;
	const json_t *own = json_object_get(config_map(r->config, "agents"), slug);
	bool off = json_is_false(json_object_get(own, "active"));
	if (!off && (err = row(r->e, pg, r->ws, slug, out)) != ERR_NONE)
		return err;
	*known = off || pg != NULL || *out != NULL;
	if (!off && *out == NULL && pg != NULL && json_str(own, "prompt", NULL) != NULL) { /* one that only the settings know */
		if ((err = row(r->e, pg, r->ws, AGENT_DEFAULT, out)) != ERR_NONE || *out == NULL)
			return err;
		put_subs(*out, NULL);
		put_text(&(*out)->name, slug);
		free((*out)->description);
		(*out)->description = NULL;
	}
	if (*out != NULL)
		overlay(*out, r->config, own, false);
	return ERR_NONE;
}
