/*
 * The steps one by one.  Doing one goes the way that the procedure for it goes, with the rights of whoever asked; taking it back asks nobody: it
 * only puts what was there before where it was, and leaves alone what somebody has changed since.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "config_store.h"
#include "member.h"
#include "node.h"
#include "provision_internal.h"
#include "refuse.h"
#include "route.h"

#define THREADS_AT_ONCE 500

const struct pg_statement provision_step_statements[] = {
	{ "provision_unmake_node", "DELETE FROM nodes WHERE ws = $1 AND id = $2" },
	{ "provision_name", "SELECT name FROM nodes WHERE ws = $1 AND id = $2" },
	{ "provision_agent",
	    "SELECT (jsonb_build_object('slug', slug, 'name', name, 'model', model, 'prompt', prompt, 'tools', tools, 'max_tokens', max_tokens,"
	    " 'max_turns', max_turns, 'active', active) || CASE WHEN sub_agents <> '{}' THEN jsonb_build_object('sub_agents', sub_agents) ELSE '{}' END"
	    " || CASE WHEN description IS NOT NULL THEN jsonb_build_object('description', description) ELSE '{}' END)::text FROM agents WHERE ws = $1 AND slug = $2" },
	{ "provision_agent_whole", "SELECT to_jsonb(a)::text FROM agents a WHERE ws = $1 AND slug = $2" },
	{ "provision_restore_agent",
	    "UPDATE agents a SET name = x.name, model = x.model, prompt = x.prompt, tools = x.tools, max_tokens = x.max_tokens,"
	    " max_turns = x.max_turns, seed_digest = x.seed_digest, active = x.active, sub_agents = coalesce(x.sub_agents, '{}'),"
	    " description = x.description FROM jsonb_populate_record(NULL::agents, $3::text::jsonb) x"
	    " WHERE a.ws = $1 AND a.slug = $2" },
	{ "provision_put_agent",
	    "INSERT INTO agents (ws, id, slug, name, model, prompt, tools, max_tokens, max_turns, active, sub_agents, description) SELECT $1, $2, a.slug,"
	    " a.name, a.model, a.prompt, a.tools, a.max_tokens, a.max_turns, a.active, coalesce(a.sub_agents, '{}'), a.description FROM jsonb_to_record($3::text::jsonb) AS a (slug text, name text, model text,"
	    " prompt text, tools text[], max_tokens integer, max_turns integer, active boolean, sub_agents text[], description text) ON CONFLICT (ws, slug) DO UPDATE SET"
	    " name = excluded.name, model = excluded.model, prompt = excluded.prompt, tools = excluded.tools, max_tokens = excluded.max_tokens,"
	    " max_turns = excluded.max_turns, active = excluded.active, sub_agents = excluded.sub_agents,"
	    " description = excluded.description, seed_digest = NULL" },
	{ "provision_unmake_agent",
	    "DELETE FROM agents a WHERE a.ws = $1 AND a.slug = $2 AND NOT EXISTS (SELECT 1 FROM runs r WHERE r.ws = $1 AND r.agent_id = a.id)" },
	{ "provision_agent_off", "UPDATE agents SET active = false WHERE ws = $1 AND slug = $2" },
	{ "provision_unset",
	    "DELETE FROM node_configs WHERE ws = $1 AND subject = $2 AND layer BETWEEN 3 AND 5 AND version > $3::int4 AND NOT EXISTS"
	    " (SELECT 1 FROM node_configs c WHERE c.ws = $1 AND c.subject = $2 AND c.layer BETWEEN 3 AND 5 AND c.version > $4::int4)" },
	{ "provision_given", "SELECT role FROM members WHERE ws = $1 AND node_id = $2 AND person_id = $3" },
	{ "provision_unmake_key", "DELETE FROM api_keys WHERE ws = $1 AND id = $2" },
	/* ---- giving up ---- */
	{ "provision_archive_threads",
	    "WITH d AS (UPDATE threads SET state = 3 WHERE ws = $1 AND id IN (SELECT t.id FROM places p JOIN threads t ON t.ws = p.ws"
	    " AND t.place_id = p.id WHERE p.ws = $1 AND p.team_id = $2 AND t.state <> 3 AND t.relay = 0 ORDER BY t.id LIMIT $3::int4 FOR UPDATE OF t)"
	    " RETURNING 1) SELECT count(*) FROM d" },
	{ "provision_free_routes", "DELETE FROM routes WHERE ws = $1 AND node_id = $2" },
	{ "provision_free_places", "UPDATE places SET team_id = NULL WHERE ws = $1 AND team_id = $2" },
	{ "provision_free_members", "DELETE FROM members WHERE ws = $1 AND node_id = $2" },
	{ "provision_agents_off", /* those that a provisioning has made for this team and that no other layer names */
	    "UPDATE agents a SET active = false FROM provisions p JOIN provision_steps s ON s.ws = p.ws AND s.provision_id = p.id"
	    " WHERE p.ws = $1 AND p.node_id = $2 AND p.kind = 1 AND p.state = 3 AND s.verb = 'agent' AND s.state = 2 AND s.undo->'row' = 'null'"
	    " AND a.ws = $1 AND a.slug = s.args->'agent'->>'slug' AND NOT EXISTS (SELECT 1 FROM (SELECT DISTINCT ON (c.layer, c.subject) c.subject,"
	    " c.doc FROM node_configs c WHERE c.ws = $1 ORDER BY c.layer, c.subject, c.version DESC) c LEFT JOIN nodes n ON n.ws = $1"
	    " AND n.id = c.subject WHERE c.subject <> $2 AND n.archived_at IS NULL AND c.doc->'set'->>'agent.default' = a.slug)" },
	{ "provision_forget_settings", "DELETE FROM node_configs WHERE ws = $1 AND node_id = $2" },
	{ NULL, NULL },
};

static struct pg_args *args_of(const struct provision_step_work *w, struct id id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, w->ws);
	pg_arg_id(a, id);
	return a;
}

static enum err on_node(struct provision_step_work *w, const char *statement)
{
	return pg_ask(w->pg, statement, args_of(w, w->node), NULL);
}

static struct id id_in(const json_t *o, const char *key)
{
	struct id id = ID_NONE;
	id_parse(json_str(o, key, ""), &id);
	return id;
}

static json_t *id_json(struct id id)
{
	char text[ID_TEXT];
	return id_is_none(id) ? json_null() : json_string(id_format(id, text));
}

/* ---- the team ---- */

/* What it owns by now goes to what is above it, and it is archived. */
static enum err archive(struct provision_step_work *w)
{
	static const char *const hand[] = { "node_hand_places", "node_hand_routes", "node_hand_nodes" };
	enum err e = node_lock(w->pg, w->ws);
	for (size_t i = 0; i < sizeof hand / sizeof *hand && e == ERR_NONE; i++) {
		struct pg_args *a = args_of(w, w->node);
		pg_arg_id(a, w->parent);
		e = pg_ask(w->pg, hand[i], a, NULL);
	}
	if (e == ERR_NONE)
		e = on_node(w, "node_archive");
	return e == ERR_NONE ? config_changed(w->pg) : e;
}

static enum err team_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	(void)undo;
	return node_create(w->pg, w->ws,
	    &(struct node_new){ .id = w->node,
	        .parent = w->parent,
	        .kind = NODE_TEAM,
	        .slug = json_str(args, "slug", ""),
	        .name = json_str(args, "name", "") },
	    w->why);
}

static enum err team_back(struct provision_step_work *w, const json_t *args, const json_t *undo, bool anyhow)
{
	(void)args;
	(void)undo;
	if (anyhow)
		return archive(w);
	enum err e = node_lock(w->pg, w->ws);
	if (e == ERR_NONE)
		e = on_node(w, "provision_unmake_node");
	return e == ERR_NONE ? config_changed(w->pg) : e;
}

static enum err rename_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	PGresult *r = NULL;
	enum err e = pg_ask(w->pg, "provision_name", args_of(w, w->node), &r);
	if (e == ERR_NONE && PQntuples(r) == 1)
		json_object_set_new(*undo, "name", json_string(pg_get_str(r, 0, 0)));
	PQclear(r);
	return e == ERR_NONE ? node_rename(w->pg, w->ws, w->node, json_str(args, "name", ""), NULL, w->why) : e;
}

static enum err rename_back(struct provision_step_work *w, const json_t *args, const json_t *undo, bool anyhow)
{
	PGresult *r = NULL;
	(void)anyhow;
	enum err e = pg_ask(w->pg, "provision_name", args_of(w, w->node), &r);
	bool same = e == ERR_NONE && PQntuples(r) == 1 && strcmp(pg_get_str(r, 0, 0), json_str(args, "name", "")) == 0;
	PQclear(r);
	return same ? node_rename(w->pg, w->ws, w->node, json_str(undo, "name", ""), NULL, w->why) : e;
}

/* ---- its agent ---- */

static struct pg_args *agent_args(const struct provision_step_work *w, const json_t *agent)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, w->ws);
	pg_arg_str(a, json_str(agent, "slug", ""));
	return a;
}

/* ${out} NULL: there is none of this name. */
static enum err agent_row(struct provision_step_work *w, const char *statement, const json_t *agent, json_t **out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(w->pg, statement, agent_args(w, agent), &r);
	*out = e == ERR_NONE && PQntuples(r) == 1 ? json_loads(pg_get_str(r, 0, 0), 0, NULL) : NULL;
	PQclear(r);
	return e;
}

static enum err agent_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	const json_t *agent = json_obj(args, "agent");
	json_t *row = NULL;
	enum role role = ROLE_NONE;
	enum err e = node_lock(w->pg, w->ws);
	if (e == ERR_NONE)
		e = agent_row(w, "provision_agent_whole", agent, &row);
	if (e == ERR_NONE && row != NULL) /* others may use it */
		e = authority_at(w->pg, w->by, w->ws, &role);
	bool may = row == NULL || role >= ROLE_ADMIN;
	json_object_set_new(*undo, "row", row != NULL ? row : json_null());
	if (e == ERR_NONE && !may)
		return team_refuse(w->why, API_CONFLICT, "agent",
		    "There is an agent %s already; changing it takes an admin of the organisation.", json_str(agent, "slug", ""));
	if (e != ERR_NONE)
		return e;
	char *text = json_dumps(agent, JSON_COMPACT);
	struct pg_args *a = args_of(w, id_named(w->run, 0, "agent", 5));
	pg_arg_str(a, text);
	free(text);
	return pg_ask(w->pg, "provision_put_agent", a, NULL);
}

static enum err agent_back(struct provision_step_work *w, const json_t *args, const json_t *undo, bool anyhow)
{
	const json_t *agent = json_obj(args, "agent"), *before = json_obj(undo, "row");
	json_t *row = NULL;
	(void)anyhow;
	enum err e = agent_row(w, "provision_agent", agent, &row);
	bool same = row != NULL && json_equal(row, agent);
	json_decref(row);
	if (e != ERR_NONE || !same)
		return e;
	if (before != NULL) {
		char *text = json_dumps(before, JSON_COMPACT);
		struct pg_args *a = agent_args(w, agent);
		pg_arg_str(a, text);
		free(text);
		return pg_ask(w->pg, "provision_restore_agent", a, NULL);
	}
	e = pg_ask(w->pg, "provision_unmake_agent", agent_args(w, agent), NULL);
	/* One that has answered stays, switched off. */
	return e == ERR_NONE ? pg_ask(w->pg, "provision_agent_off", agent_args(w, agent), NULL) : e;
}

/* ---- its settings ---- */

static enum err settings_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	const struct config_whose whose = { .layer = LAYER_TEAM, .node = w->node };
	json_t *was = NULL, *out = NULL;
	enum err e = node_lock(w->pg, w->ws);
	if (e == ERR_NONE)
		e = config_get(w->pg, w->ws, &whose, &was, w->why);
	if (e == ERR_NONE)
		e = config_set(w->pg, w->by, &whose, args, w->run, false, &out, w->why);
	if (e == ERR_NONE && json_object_get(out, "pending") != NULL)
		e = team_refuse(w->why, API_LOCKED, "settings",
		    "Some of these settings wait for another admin: leave them out, and change them when the team is there.");
	if (e == ERR_NONE) {
		json_object_set_new(*undo, "before", json_integer(json_int(was, "version", 0)));
		json_object_set_new(*undo, "after", json_integer(json_int(out, "version", 0)));
	}
	json_decref(was);
	json_decref(out);
	return e;
}

static enum err settings_back(struct provision_step_work *w, const json_t *args, const json_t *undo, bool anyhow)
{
	(void)args;
	(void)anyhow;
	enum err e = node_lock(w->pg, w->ws);
	struct pg_args *a = args_of(w, w->node);
	pg_arg_int4(a, (int32_t)json_int(undo, "before", 0));
	pg_arg_int4(a, (int32_t)json_int(undo, "after", 0));
	if (e == ERR_NONE)
		e = pg_ask(w->pg, "provision_unset", a, NULL);
	else
		pg_args_free(a);
	return e == ERR_NONE ? config_changed(w->pg) : e;
}

/* ---- its admins ---- */

static struct pg_args *member_args(const struct provision_step_work *w, struct id user)
{
	struct pg_args *a = args_of(w, w->node);
	pg_arg_id(a, user);
	return a;
}

static enum err given(struct provision_step_work *w, struct id user, int64_t *role)
{
	PGresult *r = NULL;
	enum err e = pg_ask(w->pg, "provision_given", member_args(w, user), &r);
	*role = e == ERR_NONE && PQntuples(r) == 1 ? pg_get_int8(r, 0, 0) : -1;
	PQclear(r);
	return e;
}

static enum err admin_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	int64_t role = -1;
	struct id user = id_in(args, "person");
	enum err e = node_lock(w->pg, w->ws);
	if (e == ERR_NONE)
		e = given(w, user, &role);
	json_object_set_new(*undo, "role", json_integer(role));
	return e == ERR_NONE ? member_put(w->pg, w->by, w->node, user, ROLE_ADMIN, w->why) : e;
}

static enum err admin_back(struct provision_step_work *w, const json_t *args, const json_t *undo, bool anyhow)
{
	int64_t now = -1, before = json_int(undo, "role", -1);
	struct id user = id_in(args, "person");
	(void)anyhow;
	enum err e = node_lock(w->pg, w->ws);
	if (e == ERR_NONE)
		e = given(w, user, &now);
	if (e != ERR_NONE || now != ROLE_ADMIN)
		return e;
	struct pg_args *a = member_args(w, user);
	if (before >= 0)
		pg_arg_int2(a, (int16_t)before);
	return pg_ask(w->pg, before >= 0 ? "member_put" : "member_remove", a, NULL);
}

/* ---- its routes ---- */

static struct pg_args *route_args(const struct provision_step_work *w, const json_t *args)
{
	enum route_kind k = ROUTE_KINDS;
	struct pg_args *a = pg_args_new();
	route_kind_from_name(json_str(args, "kind", ""), &k);
	pg_arg_id(a, w->ws);
	pg_arg_int2(a, (int16_t)k);
	pg_arg_str(a, json_str(args, "value", ""));
	return a;
}

static enum err route_owner(struct provision_step_work *w, const json_t *args, struct id *out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(w->pg, "route_get", route_args(w, args), &r);
	*out = e == ERR_NONE && PQntuples(r) == 1 ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	return e;
}

static enum err route_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	enum route_kind k = ROUTE_KINDS;
	struct id owner = ID_NONE;
	enum err e = node_lock(w->pg, w->ws);
	if (e == ERR_NONE)
		e = route_owner(w, args, &owner);
	json_object_set_new(*undo, "owner", id_json(owner));
	if (e != ERR_NONE)
		return e;
	if (!route_kind_from_name(json_str(args, "kind", ""), &k))
		return team_refuse(w->why, API_INVALID, "routes", "There is no such kind of route.");
	return route_put(w->pg, w->by, w->node, k, json_str(args, "value", ""), w->why);
}

static enum err route_back(struct provision_step_work *w, const json_t *args, const json_t *undo, bool anyhow)
{
	struct id owner = ID_NONE, before = id_in(undo, "owner");
	(void)anyhow;
	enum err e = node_lock(w->pg, w->ws);
	if (e == ERR_NONE)
		e = route_owner(w, args, &owner);
	if (e != ERR_NONE || !id_equal(owner, w->node))
		return e;
	struct pg_args *a = route_args(w, args);
	if (!id_is_none(before))
		pg_arg_id(a, before);
	e = pg_ask(w->pg, id_is_none(before) ? "route_remove" : "route_put", a, NULL);
	if (e != ERR_NONE)
		return e;
	a = route_args(w, args);
	pg_arg_id(a, before);
	e = pg_ask(w->pg, "route_places", a, NULL);
	return e == ERR_NONE ? config_changed(w->pg) : e;
}

/* ---- its key ---- */

struct id provision_key_id(struct id run)
{
	return id_named(run, 0, "key", 3);
}

static enum err key_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	const char *why = "";
	(void)undo;
	const struct key_new k = { .id = provision_key_id(w->run),
		.name = json_str(args, "name", ""),
		.node = w->node,
		.role = (enum role)json_int(args, "role", 0),
		.scopes = (unsigned)json_int(args, "scopes", 0),
		.days = (int)json_int(args, "days", KEY_DAYS) };
	enum err e = key_issue(w->pg, w->by, &k, w->key, &why);
	return e != ERR_NONE && *why != '\0' ? team_refuse(w->why, e == ERR_DENIED ? API_FORBIDDEN : API_INVALID, "key", "%s", why)
	                                     : e;
}

static enum err key_back(struct provision_step_work *w, const json_t *args, const json_t *undo, bool anyhow)
{
	int revoked;
	(void)args;
	(void)undo;
	return anyhow ? key_revoke(w->pg, w->ws, w->node, provision_key_id(w->run), &revoked)
	              : pg_ask(w->pg, "provision_unmake_key", args_of(w, provision_key_id(w->run)), NULL);
}

/* ---- giving up ---- */

static enum err keys_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	int revoked = 0;
	(void)args;
	enum err e = key_revoke(w->pg, w->ws, w->node, ID_NONE, &revoked);
	json_object_set_new(*undo, "revoked", json_integer(revoked));
	return e;
}

static enum err threads_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	PGresult *r = NULL;
	struct pg_args *a = args_of(w, w->node);
	(void)args;
	(void)undo;
	pg_arg_int4(a, THREADS_AT_ONCE);
	enum err e = pg_ask(w->pg, "provision_archive_threads", a, &r);
	w->more = e == ERR_NONE && pg_get_int8(r, 0, 0) == THREADS_AT_ONCE;
	PQclear(r);
	return e;
}

static enum err routes_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	(void)args;
	(void)undo;
	enum err e = node_lock(w->pg, w->ws);
	return e == ERR_NONE ? on_node(w, "provision_free_routes") : e;
}

static enum err places_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	(void)args;
	(void)undo;
	enum err e = node_lock(w->pg, w->ws);
	if (e == ERR_NONE)
		e = on_node(w, "provision_free_places");
	return e == ERR_NONE ? config_changed(w->pg) : e;
}

static enum err members_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	(void)args;
	(void)undo;
	enum err e = node_lock(w->pg, w->ws);
	return e == ERR_NONE ? on_node(w, "provision_free_members") : e;
}

static enum err agents_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	(void)args;
	(void)undo;
	return on_node(w, "provision_agents_off");
}

static enum err archive_act(struct provision_step_work *w, const json_t *args, json_t **undo)
{
	(void)undo;
	enum err e = json_bool(args, "erase", false) ? on_node(w, "provision_forget_settings") : ERR_NONE;
	return e == ERR_NONE ? archive(w) : e;
}

/* "erase" is not one transaction: provision.c does it. */
static const struct provision_verb verbs[] = {
	{ "team", team_act, team_back },
	{ "rename", rename_act, rename_back },
	{ "agent", agent_act, agent_back },
	{ "settings", settings_act, settings_back },
	{ "admin", admin_act, admin_back },
	{ "route", route_act, route_back },
	{ "key", key_act, key_back },
	{ "keys", keys_act, NULL },
	{ "threads", threads_act, NULL },
	{ "routes", routes_act, NULL },
	{ "places", places_act, NULL },
	{ "members", members_act, NULL },
	{ "agents", agents_act, NULL },
	{ "archive", archive_act, NULL },
};

const struct provision_verb *provision_verb(const char *name)
{
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}
