#include "api.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../agents/agent.h"
#include "../agents/approvals.h"
#include "../agents/schema.h"
#include "../audit/entry.h"
#include "../audit/verify.h"
#include "../base/clock.h"
#include "../base/json.h"
#include "../people/keys.h"
#include "../people/links.h"
#include "../people/passwords.h"
#include "../memory/forget.h"
#include "../memory/hold.h"
#include "../memory/retention.h"
#include "../memory/whole.h"
#include "../memory/item.h"
#include "../talk/browse.h"
#include "../talk/find.h"
#include "../talk/rejudge.h"
#include "../teams/config_store.h"
#include "../teams/dedicated.h"
#include "../teams/held.h"
#include "../teams/member.h"
#include "../teams/node.h"
#include "../teams/place.h"
#include "../teams/provision.h"
#include "../teams/roster.h"
#include "../teams/route.h"
#include "../teams/spend.h"
#include "once.h"
#include "page.h"

extern const struct api_proc api_session[], api_audit[], api_key[], api_memory[], api_thread[], api_team[], api_route[],
    api_config[], api_budget[], api_credential[], api_erasure[], api_provision[], api_place[], api_approval[], api_limits[],
    api_authority[], api_retention[], api_hold[], api_login[], api_password[], api_agent[];

const struct api_proc *const api_groups[] = { api_session, api_audit, api_key, api_memory, api_thread, api_team, api_route,
	api_config, api_budget, api_credential, api_erasure, api_provision, api_place, api_approval, api_limits, api_authority,
	api_retention, api_hold, api_login, api_password, api_agent, NULL };

const struct pg_statement api_statements[] = {
	{ "api_audit",
	    "INSERT INTO audit (ws, id, actor_id, verb, subject, detail) VALUES ($1, $2, $3, $4, $5, $6::text::jsonb) ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

const struct pg_statement *const api_tables[] = { authority_statements, api_statements, keys_statements, node_statements,
	member_statements, spend_statements, spend_layer_statements, once_statements, thread_statements, search_statements,
	browse_statements, find_statements, item_read_statements, item_write_statements, verify_statements, entry_statements,
	config_statements, route_statements, provision_statements, provision_plan_statements, provision_step_statements,
	place_statements, approval_statements, approval_write_statements, held_statements, forget_statements, rejudge_statements,
	retention_statements, hold_statements, whole_statements, session_statements, login_statements, links_statements,
	passwords_statements, agent_statements, roster_statements, dedicated_statements, NULL };

const struct api_proc *api_find(const char *name)
{
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++)
			if (strcmp(p->name, name) == 0)
				return p;
	return NULL;
}

enum api_code api_fail(struct api_call *c, enum api_code code, const char *field, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	vsnprintf(c->problem.detail, sizeof c->problem.detail, format, ap);
	va_end(ap);
	snprintf(c->problem.field, sizeof c->problem.field, "%s", field == NULL ? "" : field);
	return c->problem.code = code;
}

enum api_code api_err(struct api_call *c, enum err e)
{
	static const enum api_code codes[] = { [ERR_NONE] = API_OK,
		[ERR_RETRY] = API_UNAVAILABLE,
		[ERR_INPUT] = API_INVALID,
		[ERR_DENIED] = API_NOT_FOUND,
		[ERR_BROKEN] = API_BROKEN };
	if (e == ERR_RETRY)
		c->problem.retry_after_s = 1;
	return c->problem.code = codes[e];
}

enum api_code api_end(struct api_call *c, enum err e, const struct problem *why)
{
	if (e == ERR_NONE || why->code == API_OK)
		return api_err(c, e);
	c->problem = *why;
	return why->code;
}

static enum api_code check(struct api_call *c)
{
	const struct api_proc *p = c->proc;
	char why[200];
	json_t *schema = json_loads(p->in, 0, NULL);
	bool fits = schema != NULL && schema_check(schema, c->in, why);
	json_decref(schema);
	if (!fits)
		return api_fail(c, API_INVALID, "", "%s", why);
	if (p->needs_engine && c->engine == NULL)
		return api_fail(c, API_UNAVAILABLE, "", "This needs the running daemon.");
	if (p->open)
		return API_OK;
	const char *team = json_str(c->in, "team", "");
	/* At the organisation it is what was just asked; a team's key has no rights there. */
	bool known = team[0] == '\0' && c->fresh;
	enum role role = known && id_is_none(c->by->node) ? c->by->role : ROLE_NONE;
	c->node = c->by->ws;
	enum err e = known ? ERR_NONE : authority_there(c->pg, c->by, team, &c->node, &role);
	if (e == ERR_INPUT || (e == ERR_NONE && role == ROLE_NONE))
		return api_fail(c, API_NOT_FOUND, "team", "There is no such team, or not for you.");
	if (e != ERR_NONE)
		return api_err(c, e);
	if (role < p->role)
		return api_fail(c, API_FORBIDDEN, "", "This takes the role %s.", role_name(p->role));
	if ((c->by->scopes & p->scope) != p->scope)
		return api_fail(c, API_FORBIDDEN, "", "This key was not made for that.");
	uint32_t wait_ms;
	if (c->room != NULL && !c->room->take(c->room->arg, c->pg, c->by, c->node, &wait_ms)) {
		c->problem.retry_after_s = wait_ms / 1000 + 1;
		return api_fail(c, API_LIMITED, "", "%s", "");
	}
	return API_OK;
}

static enum err audit(struct api_call *c)
{
	char *detail = c->audit == NULL ? NULL : json_dumps(c->audit, JSON_COMPACT);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, c->by->ws);
	pg_arg_id(a, c->request);
	pg_arg_id(a, c->by->person);
	pg_arg_str(a, c->proc->name);
	pg_arg_id(a, c->subject);
	pg_arg_str(a, detail);
	enum err e = pg_query(c->pg, "api_audit", a, &r);
	pg_args_free(a);
	PQclear(r);
	free(detail);
	return e;
}

static enum api_code bad_key(struct api_call *c)
{
	return api_fail(c, API_INVALID, "", "An idempotency key has 1 to %d visible ASCII characters.", ONCE_KEY_MAX);
}

/* What to do for a call with ${key}: API_OK with ${*again} set when there is nothing to do any more. */
static enum api_code begin_once(struct api_call *c, struct id caller, const char *key, bool *again)
{
	enum once what;
	json_t *answer = NULL;
	if (!once_key_valid(key))
		return bad_key(c);
	enum err e = once_begin(c->pg, c->by->ws, caller, key, c->proc->name, c->in, c->request, &what, &answer);
	if (e != ERR_NONE)
		return api_err(c, e);
	*again = what == ONCE_AGAIN;
	if (what == ONCE_OTHER)
		return api_fail(c, API_REUSED_KEY, "", "This idempotency key was used for another call.");
	if (what == ONCE_AGAIN && answer == NULL)
		return api_fail(c, API_GONE, "", "This was done already, and what it answered is told only once.");
	if (what == ONCE_AGAIN) {
		json_decref(c->out);
		c->out = answer;
	}
	return API_OK;
}

/* Inside the transaction: all of a call that is let in. */
static enum api_code carry_out(struct api_call *c, const char *key, bool *again)
{
	const struct caller *by = c->by;
	struct id caller = id_is_none(by->key) ? by->user : by->key;
	enum api_code code = check(c);
	bool writes = c->proc->effect == API_WRITE && !c->proc->open;
	bool named = writes && key != NULL && !id_is_none(caller) && !c->proc->keeps_key;
	if (code == API_OK && c->proc->keeps_key && key != NULL && !once_key_valid(key))
		return bad_key(c);
	c->key = key;
	if (code == API_OK && named)
		code = begin_once(c, caller, key, again);
	if (code != API_OK || *again)
		return code;
	code = c->proc->run(c);
	if (code == API_OK && c->proc->pages != NULL && !page_cut(c->out, c->proc->pages, c->in))
		code = api_fail(c, API_INVALID, "cursor", "This is no cursor of ours.");
	if (code == API_OK && writes)
		code = api_err(c, audit(c));
	if (code == API_OK && named && !c->proc->tells_secret)
		code = api_err(c, once_keep(c->pg, by->ws, caller, key, c->out));
	return code;
}

/* BEGIN, and who it is.  ERR_DENIED: nobody, in a transaction. */
static enum err begin(struct api_call *c, struct caller *by, struct api_who *who)
{
	enum err e = who == NULL ? pg_begin(c->pg, by->ws) : pg_begin_steps(c->pg, by->ws, &who->step, who->take == NULL ? 0 : 1);
	if (e != ERR_NONE)
		return e == ERR_RETRY ? e : ERR_BROKEN;
	if (who != NULL)
		e = who->take == NULL ? ERR_DENIED : who->take(who->arg, c->pg, who->step.out, by, &c->wrote);
	c->fresh = who != NULL && e == ERR_NONE;
	return e;
}

/* All of a call.  ${who} (NULL: ${by} is known) finds out in the same transaction who it is. */
static enum api_code run_call(
    struct api_call *c, struct caller *by, struct api_who *who, const char *name, const char *key, bool *again)
{
	enum err e = begin(c, by, who);
	enum api_code code = API_OK;
	c->out = json_object();
	c->proc = api_find(name);
	if (e == ERR_DENIED && (c->proc == NULL || !c->proc->open || who->strict))
		code = api_fail(c, API_UNAUTHENTICATED, "", "%s", who->why);
	else if (e != ERR_NONE && e != ERR_DENIED)
		code = api_err(c, e);
	else if (c->proc == NULL)
		code = api_fail(c, API_NOT_FOUND, "", "There is no procedure of this name.");
	else
		code = carry_out(c, key, again);
	if (code != API_OK) {
		pg_rollback(c->pg);
		return code;
	}
	if (c->proc->effect == API_READ && !c->proc->open && !c->wrote)
		pg_end_read(c->pg);
	else
		code = api_err(c, pg_commit(c->pg));
	if (code == API_OK && c->after != NULL) {
		c->after(c);
		code = c->problem.code;
	}
	return code;
}

enum api_code api_run_for(struct engine *e, struct pg *pg, struct caller *by, struct api_who *who, const char *name,
    const json_t *args, struct id request, const char *key, bool *again, json_t **out, struct problem *problem)
{
	json_t *none = json_object();
	struct api_call c = { .by = by,
		.engine = e,
		.pg = pg,
		.in = args != NULL ? args : none,
		.request = request,
		.room = who != NULL ? who->room : NULL,
		.now_ms = (int64_t)clock_wall_ms() };
	bool same = false;
	enum api_code code = run_call(&c, by, who, name, key, &same);
	*out = code == API_OK ? json_incref(c.out) : NULL;
	if (again != NULL)
		*again = same && code == API_OK;
	c.problem.code = code;
	*problem = c.problem;
	json_decref(c.out);
	json_decref(c.audit);
	json_decref(none);
	if (who != NULL)
		PQclear(who->step.out);
	return code;
}

enum api_code api_run_once(struct engine *e, struct pg *pg, const struct caller *by, const char *name, const json_t *args,
    struct id request, const char *key, bool *again, json_t **out, struct problem *problem)
{
	struct caller known = *by;
	return api_run_for(e, pg, &known, NULL, name, args, request, key, again, out, problem);
}

enum api_code api_run(struct engine *e, struct pg *pg, const struct caller *by, const char *name, const json_t *args,
    struct id request, json_t **out, struct problem *problem)
{
	return api_run_once(e, pg, by, name, args, request, NULL, NULL, out, problem);
}

void api_put_id(json_t *o, const char *key, struct id id)
{
	char text[ID_TEXT];
	if (!id_is_none(id))
		json_object_set_new(o, key, json_string(id_format(id, text)));
}

void api_put_ms(json_t *o, const char *key, int64_t ms)
{
	if (ms != 0)
		json_object_set_new(o, key, json_integer(ms));
}
