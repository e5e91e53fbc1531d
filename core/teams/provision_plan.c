/*
 * What it takes to make a team as it is asked for: the difference to what is there, as steps.  All of them are tried inside a savepoint, in order,
 * so that what would be refused is refused before anything is written down; then they are taken back.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../agents/tools.h"
#include "../base/buf.h"
#include "../base/json.h"
#include "config_store.h"
#include "member.h"
#include "node.h"
#include "provision_internal.h"
#include "refuse.h"
#include "route.h"

#define STEPS_MAX 200

const struct pg_statement provision_plan_statements[] = {
	{ "provision_node", "SELECT id, parent_id, kind, name FROM nodes WHERE ws = $1 AND slug = $2 AND archived_at IS NULL" },
	{ "provision_has_key",
	    "SELECT 1 FROM api_keys WHERE ws = $1 AND node_id = $2 AND name = $3 AND revoked_at IS NULL AND expires_at > now() LIMIT 1" },
	{ "provision_try", "SAVEPOINT provision" },
	{ "provision_tried", "ROLLBACK TO SAVEPOINT provision" },
	{ NULL, NULL },
};

static struct pg_args *args_of(struct id ws, struct id id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	return a;
}

static void add(struct provision_plan *p, const char *verb, json_t *args, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void add(struct provision_plan *p, const char *verb, json_t *args, const char *format, ...)
{
	struct buf what = BUF_INIT;
	va_list ap;
	va_start(ap, format);
	buf_vaddf(&what, format, ap);
	va_end(ap);
	json_array_append_new(p->steps, json_pack("{s:s, s:s, s:o}", "step", verb, "what", what.p, "args", args));
	buf_done(&what);
}

static enum err plan_team(struct provision_plan *p)
{
	const char *slug = json_str(p->ask->doc, "slug", ""), *name = json_str(p->ask->doc, "name", "");
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, p->by->ws);
	pg_arg_str(a, slug);
	enum err e = pg_ask(p->pg, "provision_node", a, &r);
	if (e != ERR_NONE)
		return e;
	p->fresh = PQntuples(r) == 0;
	p->node = p->fresh ? id_named(p->ask->request, 0, "team", 4) : pg_get_id(r, 0, 0);
	bool here = !p->fresh && pg_get_int8(r, 0, 2) == NODE_TEAM && id_equal(pg_get_id(r, 0, 1), p->ask->parent);
	if (p->fresh)
		add(p, "team", json_pack("{s:s, s:s}", "slug", slug, "name", name), "make the team %s (%s)", slug, name);
	else if (!here)
		e = team_refuse(p->why, API_CONFLICT, "slug", "The short name %s is taken.", slug);
	else if (strcmp(pg_get_str(r, 0, 3), name) != 0)
		add(p, "rename", json_pack("{s:s}", "name", name), "call it %s instead of %s", name, pg_get_str(r, 0, 3));
	PQclear(r);
	return e;
}

static enum err agent_known(struct provision_plan *p, const char *slug, json_t **row)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, p->by->ws);
	pg_arg_str(a, slug);
	enum err e = pg_ask(p->pg, "provision_agent", a, &r);
	*row = e == ERR_NONE && PQntuples(r) == 1 ? json_loads(pg_get_str(r, 0, 0), 0, NULL) : NULL;
	PQclear(r);
	return e;
}

/* ${settings} gets the agent as the one that answers. */
static enum err plan_agent(struct provision_plan *p, json_t *settings)
{
	const json_t *doc = json_obj(p->ask->doc, "agent"), *names = json_arr(doc, "tools"), *subs = json_arr(doc, "sub_agents");
	const char *slug = json_str(doc, "slug", ""), *prompt = json_str(doc, "prompt", NULL),
	           *model = json_str(doc, "model", NULL);
	json_t *row = NULL, *one;
	size_t i;
	if (doc == NULL)
		return ERR_NONE;
	enum err e = agent_known(p, slug, &row);
	if (e != ERR_NONE)
		return e;
	json_object_set_new(settings, "agent.default", json_string(slug));
	if (prompt == NULL) {
		bool there = json_bool(row, "active", false);
		json_decref(row);
		return there
		    ? ERR_NONE
		    : team_refuse(p->why, API_INVALID, "agent", "There is no agent %s: give it a prompt, and it is made.", slug);
	}
	json_array_foreach (names, i, one)
		if (tool_find(json_string_value(one)) == NULL) {
			json_decref(row);
			return team_refuse(p->why, API_INVALID, "agent", "There is no tool %s.", json_string_value(one));
		}
	json_array_foreach (subs, i, one) {
		json_t *other = NULL;
		e = agent_known(p, json_string_value(one), &other);
		bool there = json_bool(other, "active", false) && strcmp(json_string_value(one), slug) != 0;
		json_decref(other);
		if (e == ERR_NONE && !there)
			e = team_refuse(
			    p->why, API_INVALID, "agent", "There is no agent %s that %s could ask.", json_string_value(one), slug);
		if (e != ERR_NONE) {
			json_decref(row);
			return e;
		}
	}
	json_t *agent = json_pack("{s:s, s:s, s:o, s:s, s:o, s:I, s:I, s:b}", "slug", slug, "name", json_str(doc, "name", slug),
	    "model", model == NULL ? json_null() : json_string(model), "prompt", prompt, "tools",
	    names == NULL ? json_array() : json_deep_copy(names), "max_tokens", (json_int_t)json_int(doc, "max_tokens", 2000),
	    "max_turns", (json_int_t)json_int(doc, "max_turns", 8), "active", 1);
	if (json_array_size(subs) > 0)
		json_object_set_new(agent, "sub_agents", json_deep_copy(subs));
	if (json_object_get(doc, "description") != NULL)
		json_object_set(agent, "description", json_object_get(doc, "description"));
	if (row == NULL || !json_equal(row, agent))
		add(p, "agent", json_pack("{s:O}", "agent", agent), "%s the agent %s", row == NULL ? "make" : "change", slug);
	json_decref(row);
	json_decref(agent);
	return ERR_NONE;
}

static enum err plan_settings(struct provision_plan *p, const json_t *settings)
{
	const struct config_whose whose = { .layer = LAYER_TEAM, .node = p->node };
	json_t *was = NULL, *set = json_object(), *value;
	struct buf keys = BUF_INIT;
	const char *key;
	enum err e = p->fresh ? ERR_NONE : config_get(p->pg, p->by->ws, &whose, &was, p->why);
	const json_t *now = json_obj(json_obj(was, "doc"), "set");
	json_object_foreach ((json_t *)(uintptr_t)settings, key, value)
		if (!json_equal(json_object_get(now, key), value)) {
			json_object_set(set, key, value);
			buf_addf(&keys, "%s%s", keys.len > 0 ? ", " : "", key);
		}
	if (e == ERR_NONE && json_object_size(set) > 0)
		add(p, "settings", json_pack("{s:O}", "set", set), "set %s", keys.p);
	buf_done(&keys);
	json_decref(was);
	json_decref(set);
	return e;
}

static enum err plan_admin(struct provision_plan *p, const char *name)
{
	struct id user = ID_NONE;
	PGresult *r = NULL;
	char text[ID_TEXT];
	enum err e = member_find(p->pg, p->by->ws, name, &user, p->why);
	if (e != ERR_NONE) {
		snprintf(p->why->field, sizeof p->why->field, "admins");
		return e;
	}
	struct pg_args *a = args_of(p->by->ws, p->node);
	pg_arg_id(a, user);
	e = pg_ask(p->pg, "provision_given", a, &r);
	if (e == ERR_NONE && (PQntuples(r) == 0 || pg_get_int8(r, 0, 0) < ROLE_ADMIN))
		add(p, "admin", json_pack("{s:s}", "person", id_format(user, text)), "make %s an admin of it", text);
	PQclear(r);
	return e;
}

static enum err plan_route(struct provision_plan *p, const char *text)
{
	enum route_kind k;
	char name[40], value[ROUTE_VALUE_MAX + 1];
	const char *equals = strchr(text, '=');
	PGresult *r = NULL;
	snprintf(name, sizeof name, "%.*s", equals == NULL ? 0 : (int)(equals - text), text);
	if (!route_kind_from_name(name, &k))
		return team_refuse(p->why, API_INVALID, "routes", "A route is KIND=VALUE, as in github_repo=acme/payments.");
	enum err e = route_normalise(k, equals + 1, value, p->why);
	if (e != ERR_NONE) {
		snprintf(p->why->field, sizeof p->why->field, "routes");
		return e;
	}
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, p->by->ws);
	pg_arg_int2(a, (int16_t)k);
	pg_arg_str(a, value);
	e = pg_ask(p->pg, "route_get", a, &r);
	if (e == ERR_NONE && (PQntuples(r) == 0 || !id_equal(pg_get_id(r, 0, 0), p->node)))
		add(p, "route", json_pack("{s:s, s:s}", "kind", name, "value", value), "send it %s=%s", name, value);
	PQclear(r);
	return e;
}

static enum err plan_key(struct provision_plan *p)
{
	const json_t *doc = json_obj(p->ask->doc, "key"), *names = json_arr(doc, "scopes");
	enum role role = ROLE_NONE;
	unsigned scopes = 0;
	PGresult *r = NULL;
	json_t *one;
	size_t i;
	if (doc == NULL)
		return ERR_NONE;
	json_array_foreach (names, i, one) {
		unsigned bit = scope_from_name(json_string_value(one));
		if (bit == 0)
			return team_refuse(p->why, API_INVALID, "key", "There is no scope %s.", json_string_value(one));
		scopes |= bit;
	}
	role_from_name(json_str(doc, "role", ""), &role);
	if ((p->by->scopes & SCOPE_KEYS) == 0)
		return team_refuse(p->why, API_FORBIDDEN, "key", "This key was not made for making others.");
	struct pg_args *a = args_of(p->by->ws, p->node);
	pg_arg_str(a, json_str(doc, "name", ""));
	enum err e = pg_ask(p->pg, "provision_has_key", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 0)
		add(p, "key",
		    json_pack("{s:s, s:i, s:i, s:I}", "name", json_str(doc, "name", ""), "role", (int)role, "scopes", (int)scopes,
		        "days", (json_int_t)json_int(doc, "days", KEY_DAYS)),
		    "make the key %s", json_str(doc, "name", ""));
	PQclear(r);
	return e;
}

static enum err each(struct provision_plan *p, const char *member, enum err (*one)(struct provision_plan *p, const char *text))
{
	enum err e = ERR_NONE;
	size_t i;
	json_t *v;
	json_array_foreach (json_arr(p->ask->doc, member), i, v)
		if (e == ERR_NONE)
			e = one(p, json_string_value(v));
	return e;
}

static enum err plan_all(struct provision_plan *p)
{
	const json_t *given = json_obj(p->ask->doc, "settings");
	json_t *settings = given == NULL ? json_object() : json_copy((json_t *)(uintptr_t)given);
	enum err e = plan_team(p);
	if (e == ERR_NONE)
		e = plan_agent(p, settings);
	if (e == ERR_NONE)
		e = plan_settings(p, settings);
	if (e == ERR_NONE)
		e = each(p, "admins", plan_admin);
	if (e == ERR_NONE)
		e = each(p, "routes", plan_route);
	if (e == ERR_NONE)
		e = plan_key(p);
	if (e == ERR_NONE && json_array_size(p->steps) > STEPS_MAX)
		e = team_refuse(p->why, API_TOO_LARGE, "", "That would take more than %d steps.", STEPS_MAX);
	json_decref(settings);
	return e;
}

/* All of it, so that what would be refused is refused before anything is written down; then it is taken back. */
static enum err rehearse(struct provision_plan *p)
{
	char key[KEY_TEXT];
	size_t i;
	json_t *step;
	enum err e = pg_ask(p->pg, "provision_try", pg_args_new(), NULL);
	json_array_foreach (p->steps, i, step) {
		json_t *undo = json_object();
		struct provision_step_work w = { .pg = p->pg,
			.by = p->by,
			.ws = p->by->ws,
			.run = p->ask->request,
			.node = p->node,
			.parent = p->ask->parent,
			.key = key,
			.why = p->why };
		if (e == ERR_NONE)
			e = provision_verb(json_str(step, "step", ""))->act(&w, json_obj(step, "args"), &undo);
		json_decref(undo);
	}
	explicit_bzero(key, sizeof key);
	return e == ERR_NONE ? pg_ask(p->pg, "provision_tried", pg_args_new(), NULL) : e;
}

enum err provision_work_out(struct provision_plan *p)
{
	enum err e = node_lock(p->pg, p->by->ws);
	if (e == ERR_NONE)
		e = plan_all(p);
	return e == ERR_NONE ? rehearse(p) : e;
}
