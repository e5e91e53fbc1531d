/*
 * One pass from the top down.  A key's state is its value, who said it, who locked it, and the bounds so far; each layer in turn may give a
 * value (unless the key is locked above it, or the value is out of bounds), then narrow the bounds, then lock.  The value is brought into the
 * bounds after every step, so what holds for the last layer holds for every layer on the way.
 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "../agents/agent.h"
#include "../agents/tools.h"
#include "../base/json.h"
#include "../base/utf8.h"
#include "refuse.h"

#define LIST_MAX 100
#define MAP_MAX 200

/* ---- values ---- */

static bool is_choice(const char *choices, const char *text)
{
	size_t n = strlen(text);
	for (const char *c = choices; c != NULL;) {
		size_t w = strcspn(c, "|");
		if (w == n && memcmp(c, text, n) == 0)
			return true;
		c = c[w] == '\0' ? NULL : c + w + 1;
	}
	return false;
}

static enum err wrong(const struct config_key *k, struct problem *why, const char *what)
{
	return team_refuse(why, API_INVALID, k->name, "%s: %s.", k->name, what);
}

static bool text_fits(const json_t *v, int64_t least, int64_t most)
{
	return json_is_string(v) && (int64_t)json_string_length(v) >= least && (int64_t)json_string_length(v) <= most &&
	    utf8_valid(json_string_value(v), json_string_length(v));
}

static bool names_fit(const json_t *list)
{
	size_t i;
	json_t *one;
	json_array_foreach (list, i, one)
		if (!text_fits(one, 1, 63))
			return false;
	return json_is_array(list) && json_array_size(list) <= LIST_MAX;
}

/* Each once, and no more than an agent may ask. */
static bool subs_fit(const json_t *list)
{
	size_t i, j;
	json_t *one;
	if (!names_fit(list) || json_array_size(list) > AGENT_SUBS_MAX)
		return false;
	json_array_foreach (list, i, one)
		for (j = 0; j < i; j++)
			if (json_equal(json_array_get(list, j), one))
				return false;
	return true;
}

static bool agent_fits(const json_t *o, const char **what)
{
	const char *key;
	json_t *v;
	*what =
	    "an agent is an object of model, prompt, description, tools, sub_agents (at most 8, each once), max_tokens, max_turns, active";
	if (!json_is_object(o))
		return false;
	json_object_foreach ((json_t *)(uintptr_t)o, key, v) {
		bool fits = strcmp(key, "model") == 0 ? text_fits(v, 0, 200)
		    : strcmp(key, "prompt") == 0      ? text_fits(v, 0, 20000)
		    : strcmp(key, "description") == 0 ? text_fits(v, 0, 500)
		    : strcmp(key, "tools") == 0       ? names_fit(v)
		    : strcmp(key, "sub_agents") == 0  ? subs_fit(v)
		    : strcmp(key, "max_tokens") == 0
		    ? json_is_integer(v) && json_integer_value(v) >= 16 && json_integer_value(v) <= 64000
		    : strcmp(key, "max_turns") == 0
		    ? json_is_integer(v) && json_integer_value(v) >= 1 && json_integer_value(v) <= 50
		    : strcmp(key, "active") == 0 && json_is_boolean(v);
		if (!fits)
			return false;
	}
	return true;
}

static enum err map_fits(const struct config_key *k, const json_t *value, struct problem *why)
{
	const char *name, *what = NULL;
	json_t *v;
	if (!json_is_object(value) || json_object_size(value) > MAP_MAX)
		return wrong(k, why, "must be an object of at most 200 entries");
	json_object_foreach ((json_t *)(uintptr_t)value, name, v) {
		if (name[0] == '\0' || strlen(name) > 63)
			return wrong(k, why, "a name has 1 to 63 bytes");
		if (k->choices != NULL && strcmp(k->choices, "agent") == 0) {
			if (!agent_fits(v, &what))
				return wrong(k, why, what);
		} else if (!json_is_boolean(v)) {
			return wrong(k, why, "each is true or false");
		}
	}
	return ERR_NONE;
}

static enum err list_fits(const struct config_key *k, const json_t *value, struct problem *why)
{
	size_t i, j;
	json_t *one;
	if (!names_fit(value))
		return wrong(k, why, "must be a list of at most 100 words");
	json_array_foreach (value, i, one) {
		if (k->choices != NULL && !is_choice(k->choices, json_string_value(one)))
			return team_refuse(why, API_INVALID, k->name, "%s: there is no %s; it is one of %s.", k->name,
			    json_string_value(one), k->choices);
		if (strcmp(k->name, "governance.review") == 0 && config_key(json_string_value(one)) == NULL)
			return team_refuse(why, API_INVALID, k->name, "%s: there is no key %s.", k->name, json_string_value(one));
		for (j = 0; j < i; j++)
			if (json_equal(json_array_get(value, j), one))
				return wrong(k, why, "says something twice");
	}
	return ERR_NONE;
}

enum err config_value_fits(const struct config_key *k, const json_t *value, struct problem *why)
{
	switch (k->type) {
	case CONFIG_INT:
		if (!json_is_integer(value) || json_integer_value(value) < k->min || json_integer_value(value) > k->max)
			return team_refuse(why, API_INVALID, k->name, "%s: must be a whole number from %lld to %lld.", k->name,
			    (long long)k->min, (long long)k->max);
		return ERR_NONE;
	case CONFIG_BOOL:
		return json_is_boolean(value) ? ERR_NONE : wrong(k, why, "must be true or false");
	case CONFIG_STR:
		if (!text_fits(value, k->min, k->max))
			return team_refuse(why, API_INVALID, k->name, "%s: must be a text of %lld to %lld bytes.", k->name,
			    (long long)k->min, (long long)k->max);
		if (k->choices != NULL && !is_choice(k->choices, json_string_value(value)))
			return team_refuse(why, API_INVALID, k->name, "%s: is one of %s.", k->name, k->choices);
		return ERR_NONE;
	case CONFIG_LIST:
		return list_fits(k, value, why);
	case CONFIG_MAP:
		return map_fits(k, value, why);
	}
	return ERR_INPUT;
}

/* ---- bounds ---- */

static bool in_list(const json_t *list, const json_t *one)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (json_equal(json_array_get(list, i), one))
			return true;
	return false;
}

/* The narrowest of both; NULL: nothing would be left.  Either may be NULL: no bounds. */
static json_t *narrow(const json_t *a, const json_t *b)
{
	json_t *out = json_object();
	const json_t *al = json_object_get(a, "min"), *bl = json_object_get(b, "min"), *ah = json_object_get(a, "max"),
	             *bh = json_object_get(b, "max"), *aw = json_object_get(a, "allowed"), *bw = json_object_get(b, "allowed");
	if (al != NULL || bl != NULL)
		json_object_set_new(out, "min",
		    json_integer(bl == NULL || (al != NULL && json_integer_value(al) > json_integer_value(bl))
		            ? json_integer_value(al)
		            : json_integer_value(bl)));
	if (ah != NULL || bh != NULL)
		json_object_set_new(out, "max",
		    json_integer(bh == NULL || (ah != NULL && json_integer_value(ah) < json_integer_value(bh))
		            ? json_integer_value(ah)
		            : json_integer_value(bh)));
	if (aw != NULL || bw != NULL) {
		json_t *both = json_array();
		const json_t *from = aw != NULL ? aw : bw;
		for (size_t i = 0; i < json_array_size(from); i++)
			if (bw == NULL || in_list(bw, json_array_get(from, i)))
				json_array_append(both, json_array_get(from, i));
		json_object_set_new(out, "allowed", both);
	}
	const json_t *lo = json_object_get(out, "min"), *hi = json_object_get(out, "max"), *words = json_object_get(out, "allowed");
	if ((lo != NULL && hi != NULL && json_integer_value(lo) > json_integer_value(hi)) ||
	    (words != NULL && json_array_size(words) == 0)) {
		json_decref(out);
		return NULL;
	}
	return out;
}

/* Does ${v} keep within ${bounds} (NULL: none)? */
static bool within(const json_t *bounds, const json_t *v)
{
	const json_t *lo = json_object_get(bounds, "min"), *hi = json_object_get(bounds, "max"),
	             *words = json_object_get(bounds, "allowed");
	if (json_is_integer(v))
		return (lo == NULL || json_integer_value(v) >= json_integer_value(lo)) &&
		    (hi == NULL || json_integer_value(v) <= json_integer_value(hi));
	if (words == NULL)
		return true;
	if (json_is_string(v))
		return in_list(words, v);
	for (size_t i = 0; i < json_array_size(v); i++)
		if (!in_list(words, json_array_get(v, i)))
			return false;
	return true;
}

/* ${v}, taken, or the nearest to it that is within ${bounds}. */
static json_t *bring_within(json_t *v, const json_t *bounds)
{
	if (within(bounds, v))
		return v;
	const json_t *lo = json_object_get(bounds, "min"), *words = json_object_get(bounds, "allowed");
	json_t *out;
	if (json_is_integer(v)) {
		bool low = lo != NULL && json_integer_value(v) < json_integer_value(lo);
		out = json_integer(json_integer_value(low ? lo : json_object_get(bounds, "max")));
	} else if (json_is_string(v)) {
		out = json_incref(json_array_get(words, 0));
	} else {
		out = json_array();
		for (size_t i = 0; i < json_array_size(v); i++)
			if (in_list(words, json_array_get(v, i)))
				json_array_append(out, json_array_get(v, i));
		if (json_array_size(out) == 0)
			json_array_append(out, json_array_get(words, 0));
	}
	json_decref(v);
	return out;
}

static enum err bounds_fit(const struct config_key *k, const json_t *b, struct problem *why)
{
	const char *name;
	json_t *v;
	if (!json_is_object(b) || k->type == CONFIG_MAP || k->type == CONFIG_BOOL)
		return wrong(k, why, "has bounds only as a number (min, max), or as a text or list (allowed)");
	json_object_foreach ((json_t *)(uintptr_t)b, name, v) {
		bool number = strcmp(name, "min") == 0 || strcmp(name, "max") == 0;
		if (k->type == CONFIG_INT ? !number : strcmp(name, "allowed") != 0)
			return wrong(k, why, "has bounds only as a number (min, max), or as a text or list (allowed)");
		if (number && config_value_fits(k, v, why) != ERR_NONE)
			return ERR_INPUT;
		if (!number && (!json_is_array(v) || json_array_size(v) == 0 || json_array_size(v) > LIST_MAX))
			return wrong(k, why, "\"allowed\" is a list of 1 to 100 texts");
		for (size_t i = 0; i < json_array_size(v); i++) {
			json_t *one = json_array_get(v, i), *list = json_pack("[O]", one);
			enum err e = config_value_fits(k, k->type == CONFIG_LIST ? list : one, why);
			json_decref(list);
			if (e != ERR_NONE)
				return e;
		}
	}
	json_t *alone = narrow(b, NULL);
	bool empty = alone == NULL;
	json_decref(alone);
	return empty ? wrong(k, why, "leaves no value at all") : ERR_NONE;
}

/* ---- putting layers on top of each other ---- */

static json_t *combine(const struct config_key *k, const json_t *was, const json_t *says)
{
	json_t *out;
	switch (k->merge) {
	case CONFIG_MERGE:
		out = json_deep_copy(was);
		json_object_update_recursive(out, (json_t *)(uintptr_t)says);
		return out;
	case CONFIG_LEAST:
		return json_integer(
		    json_integer_value(says) < json_integer_value(was) ? json_integer_value(says) : json_integer_value(was));
	case CONFIG_SHORTEST:
		if (json_integer_value(says) == 0 ||
		    (json_integer_value(was) != 0 && json_integer_value(says) > json_integer_value(was)))
			return json_deep_copy(was);
		break;
	case CONFIG_UNION:
		out = json_deep_copy(was);
		for (size_t i = 0; i < json_array_size(says); i++)
			if (!in_list(out, json_array_get(says, i)))
				json_array_append(out, json_array_get(says, i));
		return out;
	case CONFIG_EVERY:
		return json_boolean(json_is_true(was) && json_is_true(says));
	case CONFIG_REPLACE:
		break;
	}
	return json_deep_copy(says);
}

static bool marked(const json_t *doc, const char *mark, const char *key)
{
	const json_t *list = json_object_get(doc, mark);
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *s = json_string_value(json_array_get(list, i));
		if (s != NULL && strcmp(s, key) == 0)
			return true;
	}
	return false;
}

struct merging {
	json_t *values, *from, *locked, *required, *bounds, *missing, *vain;
};

static void merge_key(struct merging *m, const struct config_key *k, const struct config_says *layers, size_t n)
{
	struct problem ignored = { 0 };
	json_t *value = json_loads(k->fallback, JSON_DECODE_ANY, NULL), *bounds = NULL;
	const char *from = NULL, *locked = NULL, *required = NULL;
	for (size_t i = 0; i < n; i++) {
		const struct config_says *l = &layers[i];
		const json_t *says = json_object_get(json_object_get(l->doc, "set"), k->name);
		const json_t *b = json_object_get(json_object_get(l->doc, "bounds"), k->name);
		bool takes = locked == NULL && (k->layers & (1u << l->layer)) != 0;
		if (says != NULL) {
			bool fits = takes && config_value_fits(k, says, &ignored) == ERR_NONE && within(bounds, says);
			if (fits) {
				json_t *next = combine(k, value, says);
				if (k->merge != CONFIG_SHORTEST || !json_equal(value, next))
					from = l->name;
				json_decref(value);
				value = next;
			} else {
				json_array_append_new(m->vain, json_pack("{s:s, s:s}", "key", k->name, "layer", l->name));
			}
		}
		json_t *narrower = locked == NULL && b != NULL && bounds_fit(k, b, &ignored) == ERR_NONE ? narrow(bounds, b) : NULL;
		if (narrower != NULL) {
			json_decref(bounds);
			bounds = narrower;
		}
		value = bring_within(value, bounds);
		if (locked == NULL && marked(l->doc, "locked", k->name))
			locked = l->name;
		if (required == NULL && marked(l->doc, "required", k->name))
			required = l->name;
	}
	json_object_set_new(m->values, k->name, value);
	if (from != NULL)
		json_object_set_new(m->from, k->name, json_string(from));
	if (locked != NULL)
		json_object_set_new(m->locked, k->name, json_string(locked));
	if (required != NULL)
		json_object_set_new(m->required, k->name, json_string(required));
	if (required != NULL && from == NULL)
		json_array_append_new(m->missing, json_string(k->name));
	if (bounds != NULL)
		json_object_set_new(m->bounds, k->name, bounds);
}

json_t *config_merge(const struct config_says *layers, size_t n)
{
	struct merging m = { json_object(), json_object(), json_object(), json_object(), json_object(), json_array(),
		json_array() };
	for (const struct config_key *k = config_keys; k->name != NULL; k++)
		merge_key(&m, k, layers, n);
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "values", m.values, "from", m.from, "locked", m.locked, "required",
	    m.required, "bounds", m.bounds, "missing", m.missing, "passed_over", m.vain);
}

/* ---- may it stand there? ---- */

static enum err known(const char *name, const struct config_key **k, struct problem *why)
{
	*k = config_key(name);
	return *k != NULL ? ERR_NONE : team_refuse(why, API_INVALID, "key", "There is no setting called %.60s.", name);
}

static enum err open_for(
    const struct config_key *k, enum config_layer layer, const json_t *above, bool new_mark, struct problem *why)
{
	const char *by = json_str(json_object_get(above, "locked"), k->name, NULL);
	if (by != NULL)
		return team_refuse(why, API_LOCKED, k->name, "%s was decided above: %s has locked it.", k->name, by);
	if (!new_mark && (k->layers & (1u << layer)) == 0)
		return team_refuse(why, API_INVALID, k->name, "%s cannot be set for a %s.", k->name, config_layer_name(layer));
	return ERR_NONE;
}

static enum err set_fits(enum config_layer layer, const json_t *set, const json_t *above, struct problem *why)
{
	const char *name;
	json_t *v;
	const struct config_key *k;
	json_object_foreach ((json_t *)(uintptr_t)set, name, v) {
		enum err e = known(name, &k, why);
		if (e == ERR_NONE)
			e = config_value_fits(k, v, why);
		if (e == ERR_NONE)
			e = open_for(k, layer, above, false, why);
		if (e != ERR_NONE)
			return e;
		const json_t *bounds = json_object_get(json_object_get(above, "bounds"), name);
		if (!within(bounds, v)) {
			char *text = json_dumps(bounds, JSON_COMPACT);
			team_refuse(why, API_INVALID, name, "%s: a layer above allows only %.200s.", name, text);
			free(text);
			return ERR_INPUT;
		}
		const json_t *was = json_object_get(json_object_get(above, "values"), name);
		if (k->merge == CONFIG_LEAST && was != NULL && json_integer_value(v) > json_integer_value(was))
			return team_refuse(why, API_INVALID, name, "%s: above it is %lld already, and only less counts.", name,
			    (long long)json_integer_value(was));
		if (k->merge == CONFIG_SHORTEST && json_integer_value(was) > 0 &&
		    (json_integer_value(v) == 0 || json_integer_value(v) > json_integer_value(was)))
			return team_refuse(why, API_INVALID, name, "%s: above it is %lld already, and only a shorter time counts.",
			    name, (long long)json_integer_value(was));
		if (k->merge == CONFIG_EVERY && json_is_false(was) && json_is_true(v))
			return team_refuse(why, API_INVALID, name, "%s: it is switched off above.", name);
	}
	return ERR_NONE;
}

static enum err bounds_tighten(
    const json_t *bounds, enum config_layer layer, const json_t *set, const json_t *above, struct problem *why)
{
	const char *name;
	json_t *b;
	const struct config_key *k;
	json_object_foreach ((json_t *)(uintptr_t)bounds, name, b) {
		enum err e = known(name, &k, why);
		if (e == ERR_NONE)
			e = bounds_fit(k, b, why);
		if (e == ERR_NONE)
			e = open_for(k, layer, above, true, why);
		if (e != ERR_NONE)
			return e;
		const json_t *outer = json_object_get(json_object_get(above, "bounds"), name);
		json_t *both = narrow(outer, b);
		const json_t *al = json_object_get(outer, "min"), *bl = json_object_get(b, "min"),
		             *ah = json_object_get(outer, "max"), *bh = json_object_get(b, "max");
		bool wider = (al != NULL && bl != NULL && json_integer_value(bl) < json_integer_value(al)) ||
		    (ah != NULL && bh != NULL && json_integer_value(bh) > json_integer_value(ah));
		const json_t *words = json_object_get(b, "allowed"), *outer_words = json_object_get(outer, "allowed");
		for (size_t i = 0; outer_words != NULL && i < json_array_size(words); i++)
			wider = wider || !in_list(outer_words, json_array_get(words, i));
		const json_t *own = json_object_get(set, name);
		bool self = own != NULL && !within(b, own);
		bool empty = both == NULL;
		json_decref(both);
		if (wider || empty)
			return team_refuse(why, API_INVALID, name, "%s: bounds can only be narrower than those above.", name);
		if (self)
			return team_refuse(why, API_INVALID, name, "%s: its own value is out of these bounds.", name);
	}
	return ERR_NONE;
}

static enum err marks_fit(const json_t *list, enum config_layer layer, const json_t *above, bool lock, struct problem *why)
{
	size_t i;
	json_t *one;
	const struct config_key *k;
	json_array_foreach (list, i, one) {
		if (!json_is_string(one))
			return team_refuse(why, API_INVALID, "key", "A mark names a key.");
		enum err e = known(json_string_value(one), &k, why);
		if (e == ERR_NONE && lock)
			e = open_for(k, layer, above, true, why);
		if (e != ERR_NONE)
			return e;
	}
	return ERR_NONE;
}

enum err config_fits(enum config_layer layer, const json_t *doc, const json_t *above, struct problem *why)
{
	const json_t *set = json_object_get(doc, "set"), *bounds = json_object_get(doc, "bounds"),
	             *locked = json_object_get(doc, "locked"), *required = json_object_get(doc, "required");
	if (layer == LAYER_PERSON && (json_object_size(bounds) > 0 || json_array_size(locked) > 0 || json_array_size(required) > 0))
		return team_refuse(why, API_INVALID, "", "Nothing is below a person that could be locked, required or bounded.");
	enum err e = set_fits(layer, set, above, why);
	if (e == ERR_NONE)
		e = bounds_tighten(bounds, layer, set, above, why);
	if (e == ERR_NONE)
		e = marks_fit(locked, layer, above, true, why);
	return e == ERR_NONE ? marks_fit(required, layer, above, false, why) : e;
}
