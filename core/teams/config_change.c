/* Changes of one layer, what is different between two, whether what is switched off is needed by something that is on, and whether agents
 * ask each other in a circle. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agents/agent.h"
#include "../agents/tools.h"
#include "../base/buf.h"
#include "../base/json.h"
#include "config.h"
#include "refuse.h"

/* ---- patches ---- */

static json_t *part(json_t *doc, const char *name, bool list)
{
	json_t *p = json_object_get(doc, name);
	if (p == NULL) {
		p = list ? json_array() : json_object();
		json_object_set_new(doc, name, p);
	}
	return p;
}

static void mark(json_t *doc, const char *name, const json_t *add, const json_t *drop)
{
	json_t *list = part(doc, name, true), *kept = json_array();
	size_t i, j;
	json_t *one;
	for (int pass = 0; pass < 2; pass++)
		json_array_foreach (pass == 0 ? list : add, i, one) {
			bool out = pass == 0 && !json_is_string(one);
			for (j = 0; j < json_array_size(drop); j++)
				out = out || json_equal(one, json_array_get(drop, j));
			for (j = 0; j < json_array_size(kept); j++)
				out = out || json_equal(one, json_array_get(kept, j));
			if (!out)
				json_array_append(kept, one);
		}
	json_object_set_new(doc, name, kept);
}

json_t *config_patch(const json_t *doc, const json_t *patch, json_t **diff)
{
	json_t *out = doc == NULL ? json_object() : json_deep_copy(doc), *v, *set = part(out, "set", false),
	       *bounds = part(out, "bounds", false);
	const char *key;
	json_object_foreach (json_obj(patch, "set"), key, v)
		json_object_set_new(set, key, json_deep_copy(v));
	size_t i;
	json_array_foreach (json_arr(patch, "unset"), i, v)
		json_object_del(set, json_string_value(v));
	json_object_foreach (json_obj(patch, "bounds"), key, v)
		if (json_is_null(v))
			json_object_del(bounds, key);
		else
			json_object_set_new(bounds, key, json_deep_copy(v));
	mark(out, "locked", json_arr(patch, "lock"), json_arr(patch, "unlock"));
	mark(out, "required", json_arr(patch, "require"), json_arr(patch, "unrequire"));
	if (diff != NULL)
		*diff = config_diff(doc, out);
	return out;
}

static void differ(json_t *out, const char *where, const char *key, json_t *before, json_t *after)
{
	if (before == after || (before != NULL && after != NULL && json_equal(before, after)))
		return;
	json_t *o = json_pack("{s:s, s:s}", "part", where, "key", key);
	if (before != NULL)
		json_object_set(o, "before", before);
	if (after != NULL)
		json_object_set(o, "after", after);
	json_array_append_new(out, o);
}

json_t *config_diff(const json_t *before, const json_t *after)
{
	static const char *const maps[] = { "set", "bounds" }, *const lists[] = { "locked", "required" };
	json_t *out = json_array();
	for (const struct config_key *k = config_keys; k->name != NULL; k++) {
		for (size_t i = 0; i < 2; i++)
			differ(out, maps[i], k->name, json_object_get(json_object_get(before, maps[i]), k->name),
			    json_object_get(json_object_get(after, maps[i]), k->name));
		for (size_t i = 0; i < 2; i++) {
			bool was = false, is = false;
			json_t *one;
			size_t j;
			json_array_foreach (json_object_get(before, lists[i]), j, one)
				was = was || strcmp(json_string_value(one), k->name) == 0;
			json_array_foreach (json_object_get(after, lists[i]), j, one)
				is = is || strcmp(json_string_value(one), k->name) == 0;
			differ(out, lists[i], k->name, was ? json_true() : json_false(), is ? json_true() : json_false());
		}
	}
	return out;
}

/* ---- what depends on what ---- */

struct dependants {
	struct buf list; /* "tool x: agents a, b; " */
	size_t n;
};

static const json_t *of_agent(const json_t *merged, const json_t *agents, const char *slug, const char *field)
{
	const json_t *own =
	    json_object_get(json_object_get(json_object_get(json_object_get(merged, "values"), "agents"), slug), field);
	return own != NULL ? own : json_object_get(json_object_get(agents, slug), field);
}

static bool is_agent(const json_t *merged, const json_t *agents, const char *slug)
{
	const json_t *own = json_object_get(json_object_get(json_object_get(merged, "values"), "agents"), slug);
	return json_object_get(agents, slug) != NULL || json_string_length(json_object_get(own, "prompt")) > 0;
}

static bool is_on(const json_t *merged, const json_t *agents, const char *slug)
{
	return is_agent(merged, agents, slug) && !json_is_false(of_agent(merged, agents, slug, "active"));
}

static void depends(struct dependants *d, const char *agent, const char *kind, const char *name, const char *state)
{
	if (d->n++ < 20)
		buf_addf(&d->list, "%sagent %.63s names the %s %.63s, which %s", d->n > 1 ? "; " : "", agent, kind, name, state);
}

static void look_at(struct dependants *d, const json_t *merged, const json_t *agents, const char *slug)
{
	const json_t *uses = of_agent(merged, agents, slug, "tools"), *subs = of_agent(merged, agents, slug, "sub_agents");
	const json_t *switches = json_object_get(json_object_get(merged, "values"), "tools");
	bool row_tools = uses == json_object_get(json_object_get(agents, slug), "tools");
	size_t i;
	json_t *one;
	if (!is_on(merged, agents, slug))
		return;
	json_array_foreach (uses, i, one) {
		const char *name = json_string_value(one);
		if (name != NULL && json_is_false(json_object_get(switches, name)))
			depends(d, slug, "tool", name, "is off");
		else if (name != NULL && !row_tools && tool_find(name) == NULL)
			depends(d, slug, "tool", name, "does not exist");
	}
	json_array_foreach (subs, i, one) {
		const char *name = json_string_value(one);
		if (name != NULL && !is_on(merged, agents, name))
			depends(d, slug, "agent", name, is_agent(merged, agents, name) ? "is off" : "does not exist");
	}
}

/* ---- circles ---- */

/* A way from ${slug} back to itself, the shortest, told once: agents on it are in ${told} from then on. */
static void look_for_circle(struct dependants *d, const json_t *merged, const json_t *agents, const char *slug, json_t *told)
{
	if (json_object_get(told, slug) != NULL || json_array_size(of_agent(merged, agents, slug, "sub_agents")) == 0)
		return;
	json_t *next = json_pack("[s]", slug), *from = json_object(), *one;
	const char *last = NULL;
	for (size_t at = 0; at < json_array_size(next) && last == NULL; at++) {
		const char *who = json_string_value(json_array_get(next, at));
		const json_t *subs = of_agent(merged, agents, who, "sub_agents");
		size_t i;
		if (!is_on(merged, agents, who))
			continue;
		json_array_foreach (subs, i, one) {
			const char *name = json_string_value(one);
			if (name != NULL && strcmp(name, slug) == 0)
				last = who;
			if (name == NULL || json_object_get(from, name) != NULL || strcmp(name, slug) == 0)
				continue;
			json_object_set_new(from, name, json_string(who));
			json_array_append_new(next, json_string(name));
		}
	}
	if (last != NULL) {
		json_t *way = json_pack("[s]", slug);
		for (const char *who = last; strcmp(who, slug) != 0; who = json_str(from, who, slug))
			json_array_insert_new(way, 1, json_string(who));
		bool say = d->n++ < 20;
		if (say)
			buf_add_str(
			    &d->list, d->n > 1 ? "; agents ask each other in a circle: " : "agents ask each other in a circle: ");
		size_t i;
		json_array_foreach (way, i, one) {
			json_object_set_new(told, json_string_value(one), json_true());
			if (say)
				buf_addf(&d->list, "%.63s → ", json_string_value(one));
		}
		if (say)
			buf_addf(&d->list, "%.63s", slug);
		json_decref(way);
	}
	json_decref(next);
	json_decref(from);
}

enum err config_depends(const json_t *merged, const json_t *agents, const char *who, struct problem *why)
{
	struct dependants d = { .list = BUF_INIT };
	const json_t *values = json_object_get(merged, "values"), *own = json_object_get(values, "agents");
	const char *slug, *first = json_str(values, "agent.default", AGENT_DEFAULT);
	json_t *v;
	json_object_foreach ((json_t *)(uintptr_t)agents, slug, v)
		look_at(&d, merged, agents, slug);
	json_object_foreach ((json_t *)(uintptr_t)own, slug, v)
		if (json_object_get(agents, slug) == NULL)
			look_at(&d, merged, agents, slug);
	json_t *told = json_object();
	json_object_foreach ((json_t *)(uintptr_t)agents, slug, v)
		look_for_circle(&d, merged, agents, slug, told);
	json_object_foreach ((json_t *)(uintptr_t)own, slug, v)
		look_for_circle(&d, merged, agents, slug, told);
	json_decref(told);
	if (!is_on(merged, agents, first) && d.n++ < 20)
		buf_addf(&d.list, "%sagent.default is %.63s, which %s", d.n > 1 ? "; " : "", first,
		    is_agent(merged, agents, first) ? "is off" : "does not exist");
	if (d.n > 0)
		team_refuse(why, API_CONFLICT, "agents", "In %.63s %s%s.", who, d.list.p, d.n > 20 ? ", and more" : "");
	buf_done(&d.list);
	return d.n > 0 ? ERR_INPUT : ERR_NONE;
}
