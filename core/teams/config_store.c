/*
 * A layer's current document is its highest version.  Everything that writes holds the lock of the tree, so what was checked against the
 * layers above and below is still so when it is written.
 */
#include "config_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../settings/settings.h"
#include "node.h"
#include "refuse.h"

#define DOC_MAX (256u << 10)
#define CHAIN_MAX (NODE_DEPTH_MAX + 3)
#define LATEST \
	" LEFT JOIN LATERAL (SELECT c.version, c.doc FROM node_configs c WHERE c.ws = $1 AND c.layer = x.layer AND c.subject = x.id" \
	" ORDER BY c.version DESC LIMIT 1) c ON true"

const struct pg_statement config_statements[] = {
	{ "config_chain", /* from the template down to the node, then the person */
	    "WITH RECURSIVE up AS (SELECT ws, id, parent_id, slug, kind, 1 AS depth FROM nodes WHERE ws = $1 AND id = $2 AND archived_at IS NULL"
	    " UNION ALL SELECT n.ws, n.id, n.parent_id, n.slug, n.kind, up.depth + 1 FROM up JOIN nodes n ON n.ws = up.ws AND n.id = up.parent_id"
	    " WHERE up.depth < 32), x AS (SELECT 2::int2 AS layer, $1::uuid AS id, 'template' AS slug, 1000 AS depth UNION ALL"
	    " SELECT (kind + 2)::int2, id, slug, depth FROM up UNION ALL SELECT 6::int2, $3::uuid, 'you', 0 WHERE $3::uuid IS NOT NULL)"
	    " SELECT x.layer, x.slug, c.version, c.doc::text FROM x" LATEST " ORDER BY x.depth DESC" },
	{ "config_below", /* the node and what is below it, parents first */
	    "WITH RECURSIVE down AS (SELECT id, slug, kind, 1 AS depth, ARRAY[slug] AS at FROM nodes WHERE ws = $1 AND id = $2 UNION ALL"
	    " SELECT n.id, n.slug, n.kind, d.depth + 1, d.at || n.slug FROM down d JOIN nodes n ON n.ws = $1 AND n.parent_id = d.id"
	    " AND n.archived_at IS NULL WHERE d.depth < 32), x AS (SELECT id, slug, (kind + 2)::int2 AS layer, depth, at FROM down)"
	    " SELECT x.depth, x.layer, x.slug, c.doc::text, x.id FROM x" LATEST " ORDER BY x.at" },
	{ "config_layer", "SELECT (kind + 2)::int2 FROM nodes WHERE ws = $1 AND id = $2 AND archived_at IS NULL" },
	{ "config_current",
	    "SELECT version, doc::text FROM node_configs WHERE ws = $1 AND layer = $2 AND subject = $3 AND version = coalesce($4::int4, version)"
	    " ORDER BY version DESC LIMIT 1" },
	{ "config_insert",
	    "INSERT INTO node_configs (ws, layer, subject, version, doc, diff, author_id, approved_by, restored_from)"
	    " VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb, $7, $8, nullif($9::int4, 0))" },
	{ "config_history",
	    "SELECT c.version, c.created_at, coalesce(a.name, ''), coalesce(b.name, ''), coalesce(c.restored_from, 0), c.diff::text, c.author_id"
	    " FROM node_configs c LEFT JOIN people a ON a.ws = c.ws AND a.id = c.author_id LEFT JOIN people b ON b.ws = c.ws AND b.id = c.approved_by"
	    " WHERE c.ws = $1 AND c.layer = $2 AND c.subject = $3 ORDER BY c.version DESC LIMIT 100" },
	{ "config_agents",
	    "SELECT slug, active, array_to_string(tools, ','), array_to_string(sub_agents, ',') FROM agents WHERE ws = $1" },
	/* Which processes a thread waits for is judged anew: dispatch.pool. */
	{ "config_notify",
	    "WITH p AS (UPDATE dispatch SET pool = NULL WHERE ws = (SELECT nullif(current_setting('app.ws', true), '')::uuid)"
	    " AND pool IS NOT NULL) SELECT pg_notify('eddy_config', '')" },
	{ "change_insert",
	    "INSERT INTO pending_changes (ws, id, layer, node_id, patch, keys, author_id) VALUES ($1, $2, $3, $4, $5::text::jsonb, $6, $7)"
	    " ON CONFLICT (ws, id) DO NOTHING" },
	{ "change_list",
	    "WITH RECURSIVE down AS (SELECT id, slug, 1 AS depth FROM nodes WHERE ws = $1 AND id = $2 UNION ALL SELECT n.id, n.slug, d.depth + 1"
	    " FROM down d JOIN nodes n ON n.ws = $1 AND n.parent_id = d.id AND n.archived_at IS NULL WHERE d.depth < 32),"
	    " c AS (SELECT p.*, d.slug FROM pending_changes p JOIN down d ON d.id = p.node_id WHERE p.ws = $1 AND ($3 OR p.state = 1)"
	    " ORDER BY p.created_at DESC LIMIT 100)"
	    " SELECT c.id, c.slug, c.layer, c.state, c.patch::text, coalesce(a.name, ''), coalesce(b.name, ''), coalesce(c.reason, ''), c.created_at,"
	    " array_to_string(c.keys, ',') FROM c LEFT JOIN people a ON a.ws = c.ws AND a.id = c.author_id LEFT JOIN people b ON b.ws = c.ws"
	    " AND b.id = c.decided_by ORDER BY c.created_at" },
	{ "change_get",
	    "SELECT layer, node_id, patch::text, author_id, state FROM pending_changes WHERE ws = $1 AND id = $2 FOR UPDATE" },
	{ "change_decide",
	    "UPDATE pending_changes SET state = $3, decided_by = $4, decided_at = now(), reason = nullif($5::text, '') WHERE ws = $1 AND id = $2" },
	{ NULL, NULL },
};

/* ---- the platform ---- */

static _Atomic(json_t *) platform;
/* No keys of layers, and no less a word of the platform's.  0 says nothing, but in the first. */
static const char *const cap_settings[] = { "model.daily_cap", "budget.monthly_cap", "budget.daily_tokens", "budget.monthly_tokens",
	"budget.run_cap" };

void config_platform(const struct settings *s)
{
	json_t *set = json_object();
	for (const struct config_key *k = config_keys; k->name != NULL; k++) {
		const char *const *items;
		if (k->setting == NULL)
			continue;
		int64_t n_here = k->type == CONFIG_INT ? settings_int(s, k->setting) : 0;
		if (k->type == CONFIG_INT && (n_here > k->max || (n_here == 0 && k->min > 0)))
			n_here = k->max; /* there 0 says that there is no limit */
		json_t *v = k->type == CONFIG_INT ? json_integer(n_here) : json_array();
		for (size_t i = 0, n = k->type == CONFIG_LIST ? settings_list(s, k->setting, &items) : 0; i < n; i++)
			json_array_append_new(v, json_string(items[i]));
		json_object_set_new(set, k->name, v);
	}
	json_t *caps = json_object();
	for (size_t i = 0; i < sizeof cap_settings / sizeof *cap_settings; i++) {
		int64_t cap = settings_int(s, cap_settings[i]);
		if (cap > 0 || i == 0)
			json_object_set_new(caps, cap_settings[i], json_integer(cap));
	}
	json_t *fresh = json_pack("{s:o, s:o}", "set", set, "caps", caps), *was = platform;
	if (was != NULL && json_equal(json_object_get(was, "set"), set) && json_equal(json_object_get(was, "caps"), caps)) {
		json_decref(fresh);
		return;
	}
	if (was != NULL)
		json_object_set_new(fresh, "before", was); /* somebody may be reading it */
	platform = fresh;
}

/* ---- reading ---- */

struct chain {
	struct config_says says[CHAIN_MAX + 1];
	char names[CHAIN_MAX + 1][NODE_SLUG_MAX + 1];
	size_t n;
};

static json_t *doc_of(const char *text)
{
	json_t *doc = NULL;
	if (text != NULL)
		json_parse(text, strlen(text), 2 * DOC_MAX, &doc, NULL);
	return doc;
}

static void chain_add(struct chain *c, enum config_layer layer, const char *name, json_t *doc)
{
	if (c->n > CHAIN_MAX) {
		json_decref(doc);
		return;
	}
	snprintf(c->names[c->n], sizeof c->names[0], "%s", name);
	c->says[c->n] = (struct config_says){ layer, c->names[c->n], doc };
	c->n++;
}

static void chain_cut(struct chain *c, size_t n)
{
	while (c->n > n)
		json_decref((json_t *)(uintptr_t)c->says[--c->n].doc);
}

static void chain_args(struct pg_args *a, struct id ws, struct id node, struct id person)
{
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	pg_arg_id(a, person);
}

static void chain_read(struct chain *c, const PGresult *r)
{
	c->n = 0;
	/* A copy: jansson looks at a count of references without a lock, and this one belongs to all threads. */
	const json_t *top = platform;
	chain_add(c, LAYER_PLATFORM, "platform",
	    json_pack("{s:o*, s:o*}", "set", json_deep_copy(json_object_get(top, "set")), "caps",
	        json_deep_copy(json_object_get(top, "caps"))));
	for (int i = 0; r != NULL && i < PQntuples(r); i++)
		chain_add(c, (enum config_layer)pg_get_int8(r, i, 0), pg_get_str(r, i, 1), doc_of(pg_get_str(r, i, 3)));
}

static enum err chain_load(struct pg *pg, struct id ws, struct id node, struct id person, struct chain *c)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	chain_args(a, ws, node, person);
	enum err e = pg_ask(pg, "config_chain", a, &r);
	chain_read(c, r);
	PQclear(r);
	return e;
}

enum err config_effective(struct pg *pg, struct id ws, struct id node, struct id person, json_t **out)
{
	struct chain c;
	enum err e = chain_load(pg, ws, node, person, &c);
	if (e == ERR_NONE)
		*out = config_merge(c.says, c.n);
	chain_cut(&c, 0);
	return e;
}

void config_walk_steps(struct id ws, struct id node, struct pg_args *const args[CONFIG_WALK], struct pg_step steps[CONFIG_WALK])
{
	chain_args(args[0], ws, node, ID_NONE);
	steps[0].statement = "config_chain";
	pg_arg_id(args[1], ws);
	pg_arg_id(args[1], node);
	steps[1].statement = "config_below";
}

void config_walk(const struct pg_step steps[CONFIG_WALK],
    void (*at)(void *arg, struct id node, const struct config_says *says, size_t n), void *arg)
{
	struct chain c;
	const PGresult *below = steps[1].out;
	chain_read(&c, steps[0].out);
	size_t top = c.n - 1; /* what is above the node */
	for (int i = 0; i < PQntuples(below); i++) {
		chain_cut(&c, top + (size_t)pg_get_int8(below, i, 0) - 1);
		chain_add(
		    &c, (enum config_layer)pg_get_int8(below, i, 1), pg_get_str(below, i, 2), doc_of(pg_get_str(below, i, 3)));
		at(arg, pg_get_id(below, i, 4), c.says, c.n);
	}
	chain_cut(&c, 0);
}

/* One layer, found. */
struct place {
	enum config_layer layer;
	struct id subject;
	int64_t version;
	json_t *doc;
};

static struct pg_args *place_args(struct id ws, const struct place *p)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int2(a, (int16_t)p->layer);
	pg_arg_id(a, p->subject);
	return a;
}

/* ${version} 0: the one in force; that there is none is no error. */
static enum err version_load(struct pg *pg, struct id ws, struct place *p, int64_t version)
{
	PGresult *r = NULL;
	struct pg_args *a = place_args(ws, p);
	if (version == 0)
		pg_arg_null(a);
	else
		pg_arg_int4(a, (int32_t)version);
	enum err e = pg_ask(pg, "config_current", a, &r);
	p->version = 0;
	p->doc = NULL;
	if (e == ERR_NONE && PQntuples(r) == 1) {
		p->version = pg_get_int8(r, 0, 0);
		p->doc = doc_of(pg_get_str(r, 0, 1));
	}
	PQclear(r);
	return e;
}

static enum err place_load(struct pg *pg, struct id ws, const struct config_whose *w, struct place *p, struct problem *why)
{
	PGresult *r = NULL;
	*p = (struct place){ w->layer, w->layer == LAYER_PERSON ? w->person : w->node, 0, NULL };
	if (w->layer == LAYER_TEMPLATE)
		p->subject = ws;
	if (w->layer != LAYER_TEMPLATE && w->layer != LAYER_PERSON) {
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, ws);
		pg_arg_id(a, w->node);
		enum err e = pg_ask(pg, "config_layer", a, &r);
		if (e != ERR_NONE)
			return e;
		bool there = PQntuples(r) == 1;
		if (there)
			p->layer = (enum config_layer)pg_get_int8(r, 0, 0);
		PQclear(r);
		if (!there)
			return team_refuse(why, API_NOT_FOUND, "team", "There is no such team, or not for you.");
	}
	return version_load(pg, ws, p, 0);
}

enum err config_get(struct pg *pg, struct id ws, const struct config_whose *w, json_t **out, struct problem *why)
{
	struct place p;
	enum err e = place_load(pg, ws, w, &p, why);
	if (e != ERR_NONE)
		return e;
	*out = json_pack("{s:I, s:s, s:o}", "version", (json_int_t)p.version, "layer", config_layer_name(p.layer), "doc",
	    p.doc != NULL ? p.doc : json_object());
	return ERR_NONE;
}

/* ---- changing ---- */

/* "a,b" as a list. */
static json_t *names_of(const char *s)
{
	json_t *list = json_array();
	while (s != NULL && *s != '\0') {
		size_t n = strcspn(s, ",");
		json_array_append_new(list, json_stringn(s, n));
		s += n + (s[n] == ',');
	}
	return list;
}

static enum err agents_of(struct pg *pg, struct id ws, json_t **out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	enum err e = pg_ask(pg, "config_agents", a, &r);
	*out = json_object();
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		json_object_set_new(*out, pg_get_str(r, i, 0),
		    json_pack("{s:o, s:o, s:b}", "tools", names_of(pg_get_str(r, i, 2)), "sub_agents",
		        names_of(pg_get_str(r, i, 3)), "active", (int)pg_get_bool(r, i, 1)));
	PQclear(r);
	return e;
}

static bool touches(const json_t *diff, const char *key)
{
	size_t i;
	json_t *one;
	json_array_foreach (diff, i, one)
		if (strcmp(json_str(one, "key", ""), key) == 0)
			return true;
	return false;
}

/* What layers below say in vain, as far as it is they who say it; and whether what depends on each other still goes together there. */
static enum err look_below(struct pg *pg, struct id ws, const struct place *p, const json_t *doc, struct chain *above,
    const json_t *diff, json_t *overrides, struct problem *why)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	json_t *agents = NULL;
	size_t base = above->n;
	bool template = p->layer == LAYER_TEMPLATE,
	     dependent = touches(diff, "tools") || touches(diff, "agents") || touches(diff, "agent.default");
	pg_arg_id(a, ws);
	pg_arg_id(a, p->subject);
	enum err e = pg_ask(pg, "config_below", a, &r);
	if (e == ERR_NONE)
		e = agents_of(pg, ws, &agents);
	if (template)
		chain_add(above, LAYER_TEMPLATE, "template", json_deep_copy(doc));
	size_t top = above->n;
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		bool self = i == 0 && !template;
		json_t *own = self ? json_deep_copy(doc) : doc_of(pg_get_str(r, i, 3));
		bool says = own != NULL || i == 0;
		const char *slug = pg_get_str(r, i, 2);
		chain_cut(above, top + (size_t)pg_get_int8(r, i, 0) - 1);
		chain_add(above, (enum config_layer)pg_get_int8(r, i, 1), slug, own);
		if (!says)
			continue;
		json_t *merged = config_merge(above->says, above->n), *one;
		size_t k;
		json_array_foreach (json_object_get(merged, "passed_over"), k, one)
			if (!self && strcmp(json_str(one, "layer", ""), slug) == 0 && touches(diff, json_str(one, "key", "")) &&
			    json_array_size(overrides) < 100)
				json_array_append_new(
				    overrides, json_pack("{s:s, s:s}", "team", slug, "key", json_str(one, "key", "")));
		if (dependent)
			e = config_depends(merged, agents, slug, why);
		json_decref(merged);
	}
	chain_cut(above, base);
	json_decref(agents);
	PQclear(r);
	return e;
}

enum err config_agents_fit(struct pg *pg, struct id ws, struct problem *why)
{
	struct place p = { .layer = LAYER_TEMPLATE, .subject = ws };
	struct chain c = { .n = 0 };
	json_t *diff = json_pack("[{s:s}]", "key", "agents"), *overrides = json_array();
	enum err e = version_load(pg, ws, &p, 0);
	if (e == ERR_NONE)
		e = chain_load(pg, ws, ws, ID_NONE, &c);
	if (e == ERR_NONE) {
		chain_cut(&c, 1); /* the platform */
		e = look_below(pg, ws, &p, p.doc, &c, diff, overrides, why);
	}
	chain_cut(&c, 0);
	json_decref(p.doc);
	json_decref(diff);
	json_decref(overrides);
	return e;
}

/* The keys of ${diff} that another must look at, by what is in force now. */
static json_t *to_review(const struct chain *now, const json_t *diff)
{
	json_t *merged = config_merge(now->says, now->n), *keys = json_array(), *one;
	const json_t *review = json_object_get(json_object_get(merged, "values"), "governance.review");
	size_t i;
	json_array_foreach (review, i, one)
		if (touches(diff, json_string_value(one)))
			json_array_append(keys, one);
	if (json_array_size(review) > 0 && touches(diff, "governance.review") && json_array_size(keys) == 0)
		json_array_append_new(keys, json_string("governance.review"));
	json_decref(merged);
	return keys;
}

/* Who stands behind a change. */
struct hands {
	struct id author, approver; /* approver: none, it was not needed or is missing */
	bool approved;
	int64_t restored_from;
};

static enum err put_version(
    struct pg *pg, struct id ws, const struct place *p, const json_t *doc, const json_t *diff, const struct hands *h)
{
	char *text = json_dumps(doc, JSON_COMPACT), *what = json_dumps(diff, JSON_COMPACT);
	struct pg_args *a = place_args(ws, p);
	pg_arg_int4(a, (int32_t)p->version + 1);
	pg_arg_str(a, text);
	pg_arg_str(a, what);
	pg_arg_id(a, h->author);
	pg_arg_id(a, h->approver);
	pg_arg_int4(a, (int32_t)h->restored_from);
	enum err e = pg_ask(pg, "config_insert", a, NULL);
	free(text);
	free(what);
	return e == ERR_NONE ? config_changed(pg) : e;
}

static enum err put_pending(
    struct pg *pg, struct id ws, const struct place *p, const json_t *patch, const json_t *keys, struct id author, struct id change)
{
	char *text = json_dumps(patch, JSON_COMPACT);
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, change);
	pg_arg_int2(a, (int16_t)p->layer);
	pg_arg_id(a, p->subject);
	pg_arg_str(a, text);
	pg_array_begin(a, PG_TEXT);
	for (size_t i = 0; i < json_array_size(keys); i++)
		pg_array_str(a, json_string_value(json_array_get(keys, i)));
	pg_array_end(a);
	pg_arg_id(a, author);
	enum err e = pg_ask(pg, "change_insert", a, NULL);
	free(text);
	return e;
}

static enum err fits_there(const struct place *p, const json_t *doc, const struct chain *above, struct problem *why)
{
	char *text = json_dumps(doc, JSON_COMPACT);
	size_t n = strlen(text);
	free(text);
	if (n > DOC_MAX)
		return team_refuse(why, API_TOO_LARGE, "set", "The settings of one layer have at most %u bytes.", DOC_MAX);
	json_t *merged = config_merge(above->says, above->n);
	enum err e = config_fits(p->layer, doc, merged, why);
	json_decref(merged);
	return e;
}

static enum err change(struct pg *pg, struct id ws, const struct config_whose *w, const json_t *patch, struct hands h,
    struct id request, bool dry, json_t **out, struct problem *why)
{
	struct place p;
	struct chain c;
	json_t *diff = NULL, *doc = NULL, *keys = NULL, *overrides = json_array();
	enum err e = dry ? ERR_NONE : node_lock(pg, ws);
	c.n = 0;
	p.doc = NULL;
	if (e == ERR_NONE)
		e = place_load(pg, ws, w, &p, why);
	if (e == ERR_NONE && json_object_get(patch, "base_version") != NULL && json_int(patch, "base_version", 0) != p.version)
		e = team_refuse(
		    why, API_CONFLICT, "base_version", "It has changed meanwhile: version %lld is in force.", (long long)p.version);
	if (e == ERR_NONE)
		e = chain_load(pg, ws, w->layer == LAYER_PERSON ? ws : w->node, w->layer == LAYER_PERSON ? w->person : ID_NONE, &c);
	if (e != ERR_NONE)
		goto done;
	doc = config_patch(p.doc, patch, &diff);
	keys = w->layer == LAYER_PERSON || h.approved ? json_array() : to_review(&c, diff);
	chain_cut(&c, p.layer == LAYER_TEMPLATE ? 1 : c.n - 1); /* what is above */
	e = fits_there(&p, doc, &c, why);
	if (e == ERR_NONE && p.layer != LAYER_PERSON)
		e = look_below(pg, ws, &p, doc, &c, diff, overrides, why);
	if (e != ERR_NONE)
		goto done;
	if (json_array_size(keys) > 0) {
		char text[ID_TEXT];
		struct id id = id_named(request, 0, "change", 6);
		*out = json_pack("{s:O, s:O, s:O}", "keys", keys, "changed", diff, "overrides", overrides);
		if (!dry)
			json_object_set_new(*out, "pending", json_string(id_format(id, text)));
		e = dry ? ERR_NONE : put_pending(pg, ws, &p, patch, keys, h.author, id);
	} else {
		bool changes = json_array_size(diff) > 0 && !dry;
		e = changes ? put_version(pg, ws, &p, doc, diff, &h) : ERR_NONE;
		*out = json_pack(
		    "{s:I, s:O, s:O}", "version", (json_int_t)(p.version + changes), "changed", diff, "overrides", overrides);
	}
done:
	chain_cut(&c, 0);
	json_decref(p.doc);
	json_decref(doc);
	json_decref(diff);
	json_decref(keys);
	json_decref(overrides);
	if (e != ERR_NONE) {
		json_decref(*out);
		*out = NULL;
	}
	return e;
}

enum err config_set(struct pg *pg, const struct caller *by, const struct config_whose *w, const json_t *patch, struct id request,
    bool dry, json_t **out, struct problem *why)
{
	*out = NULL;
	return change(pg, by->ws, w, patch, (struct hands){ .author = by->user }, request, dry, out, why);
}

enum err config_changed(struct pg *pg)
{
	return pg_ask(pg, "config_notify", pg_args_new(), NULL);
}

/* ---- versions ---- */

static enum err version_of(
    struct pg *pg, struct id ws, const struct config_whose *w, int64_t version, struct place *p, struct problem *why)
{
	enum err e = place_load(pg, ws, w, p, why);
	if (e != ERR_NONE)
		return e;
	json_decref(p->doc);
	p->doc = NULL;
	if (version == 0)
		return ERR_NONE;
	e = version_load(pg, ws, p, version);
	if (e == ERR_NONE && p->version == 0)
		return team_refuse(why, API_NOT_FOUND, "version", "There is no version %lld.", (long long)version);
	return e;
}

enum err config_between(
    struct pg *pg, struct id ws, const struct config_whose *w, int64_t from, int64_t to, json_t **out, struct problem *why)
{
	struct place a = { .doc = NULL }, b = { .doc = NULL };
	enum err e = version_of(pg, ws, w, from, &a, why);
	if (e == ERR_NONE)
		e = version_of(pg, ws, w, to, &b, why);
	if (e == ERR_NONE)
		*out = config_diff(a.doc, b.doc);
	json_decref(a.doc);
	json_decref(b.doc);
	return e;
}

/* The patch that makes what ${diff} says. */
static json_t *patch_of(const json_t *diff)
{
	json_t *set = json_object(), *unset = json_array(), *bounds = json_object(), *lock = json_array(), *unlock = json_array(),
	       *require = json_array(), *unrequire = json_array(), *one;
	size_t i;
	json_array_foreach (diff, i, one) {
		const char *part = json_str(one, "part", ""), *key = json_str(one, "key", "");
		json_t *after = json_object_get(one, "after");
		if (strcmp(part, "set") == 0 && after != NULL)
			json_object_set(set, key, after);
		else if (strcmp(part, "set") == 0)
			json_array_append_new(unset, json_string(key));
		else if (strcmp(part, "bounds") == 0)
			json_object_set_new(bounds, key, after != NULL ? json_incref(after) : json_null());
		else if (strcmp(part, "locked") == 0)
			json_array_append_new(json_is_true(after) ? lock : unlock, json_string(key));
		else
			json_array_append_new(json_is_true(after) ? require : unrequire, json_string(key));
	}
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "set", set, "unset", unset, "bounds", bounds, "lock", lock,
	    "unlock", unlock, "require", require, "unrequire", unrequire);
}

enum err config_restore(struct pg *pg, const struct caller *by, const struct config_whose *w, int64_t version, struct id request,
    json_t **out, struct problem *why)
{
	struct place now = { .doc = NULL }, then = { .doc = NULL };
	*out = NULL;
	enum err e = node_lock(pg, by->ws);
	if (e == ERR_NONE)
		e = place_load(pg, by->ws, w, &now, why);
	if (e == ERR_NONE)
		e = version_of(pg, by->ws, w, version, &then, why);
	if (e == ERR_NONE) {
		json_t *diff = config_diff(now.doc, then.doc), *patch = patch_of(diff);
		e = change(
		    pg, by->ws, w, patch, (struct hands){ .author = by->user, .restored_from = version }, request, false, out, why);
		json_decref(patch);
		json_decref(diff);
	}
	json_decref(now.doc);
	json_decref(then.doc);
	return e;
}

enum err config_history(struct pg *pg, struct id ws, const struct config_whose *w, json_t **out, struct problem *why)
{
	struct place p;
	PGresult *r = NULL;
	enum err e = place_load(pg, ws, w, &p, why);
	if (e != ERR_NONE)
		return e;
	json_decref(p.doc);
	e = pg_ask(pg, "config_history", place_args(ws, &p), &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++)
		json_array_append_new(*out,
		    json_pack("{s:I, s:I, s:s, s:s, s:I, s:o}", "version", (json_int_t)pg_get_int8(r, i, 0), "at_ms",
		        (json_int_t)pg_get_time_ms(r, i, 1), "author", PQgetisnull(r, i, 6) ? "a key" : pg_get_str(r, i, 2),
		        "approved_by", pg_get_str(r, i, 3), "restored_from", (json_int_t)pg_get_int8(r, i, 4), "changed",
		        doc_of(pg_get_str(r, i, 5))));
	PQclear(r);
	return ERR_NONE;
}

/* ---- changes that wait ---- */

enum err change_list(struct pg *pg, struct id ws, struct id node, bool all, json_t **out)
{
	static const char *const states[] = { "", "waits", "approved", "rejected" };
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	pg_arg_bool(a, all);
	enum err e = pg_ask(pg, "change_list", a, &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		char id[ID_TEXT];
		json_array_append_new(*out,
		    json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:s, s:s, s:I, s:s}", "id", id_format(pg_get_id(r, i, 0), id), "team",
		        pg_get_str(r, i, 1), "layer", config_layer_name((enum config_layer)pg_get_int8(r, i, 2)), "state",
		        states[pg_get_int8(r, i, 3) & 3], "patch", doc_of(pg_get_str(r, i, 4)), "author", pg_get_str(r, i, 5),
		        "decided_by", pg_get_str(r, i, 6), "reason", pg_get_str(r, i, 7), "at_ms",
		        (json_int_t)pg_get_time_ms(r, i, 8), "keys", pg_get_str(r, i, 9)));
	}
	PQclear(r);
	return ERR_NONE;
}

static enum err may_decide(const struct caller *by, enum role role, struct id author, int64_t state, struct problem *why)
{
	if (role < ROLE_ADMIN)
		return team_refuse(why, API_NOT_FOUND, "change", "There is no such change, or not for you.");
	if (state != 1)
		return team_refuse(why, API_GONE, "change", "That was decided already.");
	if (id_is_none(by->user))
		return team_refuse(why, API_FORBIDDEN, "change", "A person must look at it; keys cannot.");
	if (id_equal(by->user, author))
		return team_refuse(why, API_FORBIDDEN, "change", "Another admin must look at it, not its author.");
	return ERR_NONE;
}

enum err change_decide(
    struct pg *pg, const struct caller *by, struct id id, bool approve, const char *reason, json_t **out, struct problem *why)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	enum role role = ROLE_NONE;
	struct config_whose w = { 0 };
	struct id author = ID_NONE;
	json_t *patch = NULL;
	int64_t state = 0;
	*out = NULL;
	pg_arg_id(a, by->ws);
	pg_arg_id(a, id);
	enum err e = node_lock(pg, by->ws);
	if (e == ERR_NONE)
		e = pg_ask(pg, "change_get", a, &r);
	else
		pg_args_free(a);
	bool there = e == ERR_NONE && PQntuples(r) == 1;
	if (there) {
		w.layer = pg_get_int8(r, 0, 0) == LAYER_TEMPLATE ? LAYER_TEMPLATE : LAYER_ORGANISATION;
		w.node = pg_get_id(r, 0, 1);
		patch = doc_of(pg_get_str(r, 0, 2));
		author = pg_get_id(r, 0, 3);
		state = pg_get_int8(r, 0, 4);
	}
	PQclear(r);
	/* Asked for one that is not there as well, so that the time tells nobody which of both it is. */
	if (e == ERR_NONE)
		e = authority_at(pg, by, there ? w.node : by->ws, &role);
	role = there ? role : ROLE_NONE;
	if (e == ERR_NONE)
		e = may_decide(by, role, author, state, why);
	if (e == ERR_NONE && approve) {
		json_object_del(patch, "base_version"); /* it is put on what is in force now, and checked again */
		e = change(pg, by->ws, &w, patch, (struct hands){ .author = author, .approver = by->user, .approved = true }, id,
		    false, out, why);
	}
	json_decref(patch);
	if (e != ERR_NONE)
		return e;
	a = pg_args_new();
	pg_arg_id(a, by->ws);
	pg_arg_id(a, id);
	pg_arg_int2(a, approve ? 2 : 3);
	pg_arg_id(a, by->user);
	pg_arg_str(a, reason);
	return pg_ask(pg, "change_decide", a, NULL);
}
