/*
 * A grant is a row of installs, which has no tenant yet when it is looked for, and a sealed value in its tenant.  They are written in one transaction,
 * with the tenant's first node, its agents and the owner, so that a workspace is there with everything or not at all; who granted it twice
 * at once meets the row's lock.  Every change is announced (NOTIFY), and whoever hears it looks for what is different.
 */
#include "installs.h"

#include <stdio.h>
#include <string.h>

#include "../agents/agent.h"
#include "../memory/whole.h"
#include "../base/log.h"
#include "../people/directory.h"
#include "../store/listen.h"
#include "../store/seal.h"
#include "engine_internal.h"

#define CHANNEL "eddy_installs"
#define STOPS_MAX 500

const struct pg_statement install_statements[] = {
	{ "grant_get", "SELECT ws, granted, removed_at IS NULL FROM installs WHERE adapter = $1 AND external_id = $2 FOR UPDATE" },
	{ "grant_put",
	    "INSERT INTO installs (adapter, external_id, ws, name, granted, org, scopes) VALUES ($1, $2, $3, $4, true, $5, $6)"
	    " ON CONFLICT (adapter, external_id) DO UPDATE SET name = coalesce(excluded.name, installs.name), granted = true, org = excluded.org,"
	    " scopes = excluded.scopes, removed_at = NULL, removed_why = NULL, erase_at = NULL, changed_at = clock_timestamp() RETURNING ws" },
	{ "grant_workspace", "INSERT INTO workspaces (ws, name) VALUES ($1, $2) ON CONFLICT DO NOTHING" },
	{ "grant_person",
	    "INSERT INTO people (ws, id, name, guest, bot) VALUES ($1, $2, NULL, false, false) ON CONFLICT (ws, id) DO NOTHING" },
	{ "grant_identity",
	    "INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ($1, $2, $3, $4, $5)"
	    " ON CONFLICT (ws, adapter, external_id) DO NOTHING" },
	{ "grant_owner",
	    "INSERT INTO members (ws, node_id, person_id, role) SELECT $1, $1, coalesce(p.user_id, p.id), 4 FROM identities i JOIN people p"
	    " ON p.ws = i.ws AND p.id = i.person_id WHERE i.ws = $1 AND i.adapter = $2 AND i.external_id = $3"
	    " AND NOT EXISTS (SELECT 1 FROM members m WHERE m.ws = $1 AND m.node_id = $1 AND m.role = 4)"
	    " ON CONFLICT (ws, node_id, person_id) DO UPDATE SET role = 4" },
	{ "grant_renewed",
	    "UPDATE installs SET changed_at = clock_timestamp() WHERE adapter = $1 AND external_id = $2 AND granted AND removed_at IS NULL"
	    " RETURNING ws" },
	{ "grant_ended",
	    "UPDATE installs SET removed_at = now(), removed_why = $3, erase_at = CASE WHEN $4::int8 > 0 THEN now() + $4 * interval '1 ms' END,"
	    " changed_at = clock_timestamp() WHERE adapter = $1 AND external_id = $2 AND granted AND removed_at IS NULL RETURNING ws" },
	{ "grant_keep",
	    "UPDATE installs SET erase_at = NULL WHERE adapter = $1 AND ($2::text IS NULL OR external_id = $2) AND erase_at IS NOT NULL" },
	{ "grant_runs",
	    "SELECT d.thread_id FROM dispatch d JOIN threads t ON t.ws = d.ws AND t.id = d.thread_id JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " WHERE d.ws = $1 AND d.pending > 0 AND p.adapter = $2 LIMIT $3" },
	{ "grant_audit",
	    "INSERT INTO audit (ws, id, verb, facts) VALUES ($1, $2, $3, jsonb_build_object('adapter', $4::text, 'workspace', $5::text, 'why', $6::text))" },
	{ "grant_tell", "SELECT pg_notify('" CHANNEL "', '')" },
	{ "grants_all",
	    "SELECT ws, external_id, name, scopes, removed_why, org, granted, removed_at IS NOT NULL, (extract(epoch FROM changed_at) * 1000000)::int8,"
	    " created_at, removed_at FROM installs WHERE adapter = $1 ORDER BY external_id" },
	{ "grant_state_use",
	    "WITH old AS (DELETE FROM grant_states WHERE ws = $1 AND until < now())"
	    " INSERT INTO grant_states (ws, id, until) VALUES ($1, $2, now() + $3::int8 * interval '1 ms') ON CONFLICT DO NOTHING RETURNING id" },
	{ NULL, NULL },
};

static struct pg_args *named(const char *adapter, const char *external_id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_str(a, adapter);
	pg_arg_str(a, external_id);
	return a;
}

static struct pg_args *in_ws(struct id ws)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	return a;
}

/* Names of secrets have small letters only; ids of workspaces differ in more than the case of letters. */
static bool secret_name(const char *external_id, char out[SECRET_NAME_MAX + 1])
{
	int n = snprintf(out, SECRET_NAME_MAX + 1, "token:%s", external_id);
	for (char *p = out; *p != '\0'; p++)
		if (*p >= 'A' && *p <= 'Z')
			*p = (char)(*p + ('a' - 'A'));
	return n > 0 && n <= SECRET_NAME_MAX;
}

static enum err note(struct pg *pg, struct id ws, const char *verb, const char *adapter, const char *external_id, const char *why)
{
	struct pg_args *a = in_ws(ws);
	pg_arg_id(a, id_new());
	pg_arg_str(a, verb);
	pg_arg_str(a, adapter);
	pg_arg_str(a, external_id);
	pg_arg_str(a, why);
	enum err e = pg_ask(pg, "grant_audit", a, NULL);
	return e == ERR_NONE ? pg_ask(pg, "grant_tell", pg_args_new(), NULL) : e;
}

/* ---- granting ---- */

static enum err owner(struct pg *pg, struct id ws, const struct install_grant *g)
{
	struct id person = identity_id(ws, g->adapter, g->by);
	struct pg_args *a = in_ws(ws);
	pg_arg_id(a, person);
	enum err e = pg_ask(pg, "grant_person", a, NULL);
	if (e != ERR_NONE)
		return e;
	a = in_ws(ws);
	pg_arg_str(a, g->adapter);
	pg_arg_str(a, g->by);
	pg_arg_id(a, person);
	pg_arg_int2(a, VERIFIED_PLATFORM);
	if ((e = pg_ask(pg, "grant_identity", a, NULL)) != ERR_NONE)
		return e;
	a = in_ws(ws);
	pg_arg_str(a, g->adapter);
	pg_arg_str(a, g->by);
	return pg_ask(pg, "grant_owner", a, NULL);
}

/* Which tenant it is.  Two that grant at once: the second waits for the first, and finds its row. */
static enum err tenant(struct pg *pg, const struct install_grant *g, struct id *ws, bool *again)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "grant_get", named(g->adapter, g->external_id), &r);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1, granted = there && pg_get_bool(r, 0, 1), installed = there && pg_get_bool(r, 0, 2);
	*ws = there ? pg_get_id(r, 0, 0) : id_new();
	*again = there;
	PQclear(r);
	return there && installed && !granted ? ERR_DENIED : ERR_NONE;
}

static enum err put(struct pg *pg, const struct install_grant *g, struct id *ws)
{
	struct pg_args *a = named(g->adapter, g->external_id);
	PGresult *r = NULL;
	pg_arg_id(a, *ws);
	pg_arg_str(a, g->name);
	pg_arg_bool(a, g->org);
	pg_arg_str(a, g->scopes);
	enum err e = pg_ask(pg, "grant_put", a, &r);
	if (e == ERR_NONE)
		*ws = pg_get_id(r, 0, 0);
	PQclear(r);
	return e;
}

/* In the transaction of a tenant of ours, which the row may turn out not to be: then it is to be done once more in the right one. */
static enum err grant(struct engine *e, struct pg *pg, const struct install_grant *g, struct id *ws)
{
	char name[SECRET_NAME_MAX + 1];
	struct id is = *ws;
	if (!secret_name(g->external_id, name))
		return ERR_INPUT;
	bool ended = false;
	struct pg_args *a = in_ws(*ws);
	pg_arg_str(a, g->name != NULL && g->name[0] != '\0' ? g->name : "workspace");
	enum err err = pg_ask(pg, "grant_workspace", a, NULL);
	if (err == ERR_NONE)
		err = whole_ended(pg, *ws, &ended);
	if (ended) { /* it was erased meanwhile: this one begins empty */
		*ws = id_new();
		return ERR_RETRY;
	}
	if (err == ERR_NONE)
		err = put(pg, g, &is);
	if (err == ERR_NONE && !id_equal(is, *ws)) {
		*ws = is;
		return ERR_RETRY;
	}
	if (err == ERR_NONE)
		err = agents_seed(pg, is);
	if (err == ERR_NONE)
		err = secret_put(e->seal, pg, is, g->adapter, name, g->token, g->token_len);
	if (err == ERR_NONE && g->by != NULL)
		err = owner(pg, is, g);
	return err == ERR_NONE ? note(pg, is, "install.granted", g->adapter, g->external_id, NULL) : err;
}

enum err engine_grant(struct engine *e, const struct install_grant *g, struct id *ws, bool *again)
{
	if (e->seal == NULL)
		return ERR_BROKEN;
	struct pg *pg = engine_pg(e);
	enum err err = pg_begin_plain(pg);
	if (err == ERR_NONE)
		err = pg_end(pg, tenant(pg, g, ws, again));
	for (int i = 0; i < 3 && err == ERR_NONE; i++) {
		struct id meant = *ws;
		err = pg_begin(pg, *ws);
		if (err == ERR_NONE)
			err = pg_end(pg, grant(e, pg, g, ws));
		if (err == ERR_RETRY && !id_equal(meant, *ws))
			err = ERR_NONE; /* somebody else's grant of the same moment made the tenant, or it was erased */
		else
			break;
	}
	engine_pg_done(e, pg);
	if (err == ERR_NONE)
		directory_put_install(e->directory, g->adapter, g->external_id, *ws);
	return err;
}

/* ---- afterwards ---- */

/* The row of ${statement} says which tenant it is, and what else there is to do is done in it: one transaction. */
static enum err tenant_of(struct pg *pg, const char *adapter, const char *external_id, struct id *ws)
{
	PGresult *r = NULL;
	enum err e = pg_begin_plain(pg);
	if (e == ERR_NONE)
		e = pg_end(pg, pg_ask(pg, "grant_get", named(adapter, external_id), &r));
	bool there = e == ERR_NONE && PQntuples(r) == 1 && pg_get_bool(r, 0, 1) && pg_get_bool(r, 0, 2);
	*ws = there ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	return e == ERR_NONE && !there ? ERR_INPUT : e;
}

/* ERR_INPUT: there is no such row any more. */
static enum err change(struct pg *pg, const char *statement, struct pg_args *a)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, statement, a, &r);
	if (e == ERR_NONE && PQntuples(r) != 1)
		e = ERR_INPUT;
	PQclear(r);
	return e;
}

enum err engine_grant_renew(struct engine *e, const char *adapter, const char *external_id, const char *token, size_t n)
{
	char name[SECRET_NAME_MAX + 1];
	struct id ws;
	if (e->seal == NULL || !secret_name(external_id, name))
		return ERR_BROKEN;
	struct pg *pg = engine_pg(e);
	enum err err = tenant_of(pg, adapter, external_id, &ws);
	if (err == ERR_NONE && (err = pg_begin(pg, ws)) == ERR_NONE) {
		err = change(pg, "grant_renewed", named(adapter, external_id));
		if (err == ERR_NONE)
			err = secret_put(e->seal, pg, ws, adapter, name, token, n);
		if (err == ERR_NONE)
			err = note(pg, ws, "install.renewed", adapter, external_id, NULL);
		err = pg_end(pg, err);
	}
	engine_pg_done(e, pg);
	return err;
}

enum err engine_grant_token(struct engine *e, const char *adapter, const char *external_id, struct buf *out)
{
	char name[SECRET_NAME_MAX + 1];
	struct id ws;
	if (e->seal == NULL || !secret_name(external_id, name))
		return ERR_BROKEN;
	struct pg *pg = engine_pg(e);
	enum err err = tenant_of(pg, adapter, external_id, &ws);
	if (err == ERR_NONE && (err = pg_begin(pg, ws)) == ERR_NONE)
		err = pg_end(pg, secret_get(e->seal, pg, ws, adapter, name, "adapter", out));
	engine_pg_done(e, pg);
	return err;
}

enum err engine_grant_end(struct engine *e, const char *adapter, const char *external_id, const char *why, int64_t erase_after_ms)
{
	char name[SECRET_NAME_MAX + 1];
	struct id ws;
	PGresult *threads = NULL;
	bool gone;
	if (!secret_name(external_id, name))
		return ERR_INPUT;
	struct pg *pg = engine_pg(e);
	enum err err = tenant_of(pg, adapter, external_id, &ws);
	if (err == ERR_NONE && (err = pg_begin(pg, ws)) == ERR_NONE) {
		struct pg_args *a = named(adapter, external_id);
		pg_arg_str(a, why);
		pg_arg_int8(a, erase_after_ms);
		err = change(pg, "grant_ended", a);
		if (err == ERR_NONE)
			err = secret_remove(pg, ws, adapter, name, &gone);
		if (err == ERR_NONE)
			err = note(pg, ws, "install.ended", adapter, external_id, why);
		a = in_ws(ws);
		pg_arg_str(a, adapter);
		pg_arg_int8(a, STOPS_MAX);
		if (err == ERR_NONE)
			err = pg_ask(pg, "grant_runs", a, &threads);
		else
			pg_args_free(a);
		err = pg_end(pg, err);
	}
	engine_pg_done(e, pg);
	for (int i = 0; err == ERR_NONE && atomic_load(&e->started) && i < PQntuples(threads); i++)
		engine_stop_run(e, ws, pg_get_id(threads, i, 0));
	PQclear(threads);
	return err;
}

enum err engine_grant_keep(struct engine *e, const char *adapter, const char *external_id)
{
	struct pg *pg = engine_pg(e);
	enum err err = pg_ask(pg, "grant_keep", named(adapter, external_id), NULL);
	engine_pg_done(e, pg);
	return err;
}

void engine_grants_heard(struct engine *e)
{
	directory_clear(e->directory);
}

enum err engine_grants(struct engine *e, const char *adapter, void (*fn)(void *arg, const struct install_row *r), void *arg)
{
	struct pg *pg = engine_pg(e);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_str(a, adapter);
	enum err err = pg_ask(pg, "grants_all", a, &r);
	engine_pg_done(e, pg);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++)
		fn(arg,
		    &(struct install_row){ .ws = pg_get_id(r, i, 0),
		        .external_id = pg_get_str(r, i, 1),
		        .name = pg_get_str(r, i, 2),
		        .scopes = pg_get_str(r, i, 3),
		        .removed_why = pg_get_str(r, i, 4),
		        .org = pg_get_bool(r, i, 5),
		        .granted = pg_get_bool(r, i, 6),
		        .removed = pg_get_bool(r, i, 7),
		        .changed_us = pg_get_int8(r, i, 8),
		        .created_ms = pg_get_time_ms(r, i, 9),
		        .removed_ms = PQgetisnull(r, i, 10) ? 0 : pg_get_time_ms(r, i, 10) });
	PQclear(r);
	return err;
}

struct listener *engine_grants_listen(struct engine *e, void (*fn)(void *arg), void *arg)
{
	return listener_new(e->database_url, CHANNEL, fn, arg);
}

void engine_grants_unlisten(struct listener *l)
{
	listener_free(l);
}

/* ---- states ---- */

enum err engine_grant_key(struct engine *e, const char *adapter, unsigned char out[32])
{
	return engine_secret(e, e->default_ws, adapter, "grant-state", out);
}

enum err engine_grant_use(struct engine *e, struct id state, uint32_t ms)
{
	struct pg_args *a = in_ws(e->default_ws);
	PGresult *r = NULL;
	pg_arg_id(a, state);
	pg_arg_int8(a, ms);
	struct pg *pg = engine_pg(e);
	enum err err = pg_begin(pg, e->default_ws);
	if (err == ERR_NONE)
		err = pg_end(pg, pg_ask(pg, "grant_state_use", a, &r));
	else
		pg_args_free(a);
	if (err == ERR_NONE && PQntuples(r) != 1)
		err = ERR_DENIED;
	PQclear(r);
	engine_pg_done(e, pg);
	return err;
}
