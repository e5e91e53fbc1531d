/*
 * Who calls is looked up in the transaction of the call, in one statement: a call that reads is three round trips and what it reads.  A page whose person
 * has never written is known from its log-in.
 */
#include "serve.h"

#include <stdio.h>
#include <string.h>

#include "../engine/intent.h"
#include "../people/directory.h"
#include "../people/keys.h"

const struct pg_statement serve_statements[] = {
	{ "serve_person",
	    "SELECT p.id, coalesce(p.user_id, p.id), role_at(p.id, i.ws) FROM identities i JOIN people p ON p.ws = i.ws AND p.id = i.person_id"
	    " WHERE i.ws = $1 AND i.adapter = $2 AND i.external_id = $3" },
	{ "serve_new_person", "INSERT INTO people (ws, id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING" },
	{ "serve_new_identity",
	    "INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

/* ${by->person} none: there is none. */
static enum err find_person(struct pg *pg, const struct api_request *q, struct caller *by)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, q->ws);
	pg_arg_str(a, q->adapter);
	pg_arg_str(a, q->person);
	enum err e = pg_query(pg, "serve_person", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		by->person = pg_get_id(r, 0, 0);
		by->user = pg_get_id(r, 0, 1);
		by->role = (enum role)pg_get_int8(r, 0, 2);
		by->scopes = SCOPE_ALL;
	}
	PQclear(r);
	return e;
}

/* As accept.c would at a first message. */
static enum err make_person(struct pg *pg, const struct api_request *q)
{
	struct pg_args *a = pg_args_new();
	struct id id = identity_id(q->ws, q->adapter, q->person);
	PGresult *r = NULL;
	pg_arg_id(a, q->ws);
	pg_arg_id(a, id);
	pg_arg_str(a, q->name);
	enum err e = pg_query(pg, "serve_new_person", a, &r);
	PQclear(r);
	r = NULL;
	pg_args_reset(a);
	pg_arg_id(a, q->ws);
	pg_arg_str(a, q->adapter);
	pg_arg_str(a, q->person);
	pg_arg_id(a, id);
	pg_arg_int2(a, VERIFIED_SESSION);
	if (e == ERR_NONE)
		e = pg_query(pg, "serve_new_identity", a, &r);
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err find_caller(void *arg, struct pg *pg, struct caller *by)
{
	const struct api_request *q = arg;
	enum err e = q->person == NULL ? ERR_DENIED : find_person(pg, q, by);
	if (e == ERR_NONE && id_is_none(by->person) && q->name != NULL) {
		e = make_person(pg, q);
		if (e == ERR_NONE)
			e = find_person(pg, q, by);
	}
	return e == ERR_NONE && id_is_none(by->person) ? ERR_DENIED : e;
}

void api_serve(struct engine *e, struct pg *pg, const struct api_request *q, struct api_reply *out)
{
	struct caller by = { .ws = q->ws, .via = q->via };
	struct api_request copy = *q;
	memset(out, 0, sizeof *out);
	enum err err = q->secret != NULL ? key_caller(pg, q->secret, &by) : ERR_NONE;
	if (err != ERR_NONE) {
		out->code = err == ERR_DENIED ? API_UNAUTHENTICATED : err == ERR_RETRY ? API_UNAVAILABLE : API_BROKEN;
		out->problem = (struct problem){ .code = out->code, .retry_after_s = err == ERR_RETRY };
		return;
	}
	if (q->address != NULL)
		snprintf(by.address, sizeof by.address, "%s", q->address);
	out->code = api_run_for(e, pg, &by, q->secret != NULL ? NULL : find_caller, &copy, q->procedure, q->args, q->id, q->key,
	    &out->again, &out->out, &out->problem);
}
