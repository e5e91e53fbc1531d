/*
 * Who calls is looked up in a transaction of its own, before the one of the call: a page whose person has never written is known from its log-in, and
 * stays known even if the call is refused.
 */
#include "serve.h"

#include <stdio.h>
#include <string.h>

#include "../engine/intent.h"
#include "../people/directory.h"
#include "../people/keys.h"

const struct pg_statement serve_statements[] = {
	{ "serve_person", "SELECT person_id FROM identities WHERE ws = $1 AND adapter = $2 AND external_id = $3" },
	{ "serve_new_person", "INSERT INTO people (ws, id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING" },
	{ "serve_new_identity",
	    "INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

/* ${person} none: there is none. */
static enum err find_person(struct pg *pg, const struct api_request *q, struct id *person)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, q->ws);
	pg_arg_str(a, q->adapter);
	pg_arg_str(a, q->person);
	enum err e = pg_query(pg, "serve_person", a, &r);
	pg_args_free(a);
	*person = e == ERR_NONE && PQntuples(r) == 1 ? pg_get_id(r, 0, 0) : ID_NONE;
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

static enum err find_caller(struct pg *pg, const struct api_request *q, struct caller *by)
{
	struct id person = ID_NONE;
	enum err e = pg_begin(pg, q->ws);
	if (e != ERR_NONE)
		return e;
	e = find_person(pg, q, &person);
	if (e == ERR_NONE && id_is_none(person) && q->name != NULL) {
		e = make_person(pg, q);
		if (e == ERR_NONE)
			e = find_person(pg, q, &person);
	}
	if (e == ERR_NONE)
		e = id_is_none(person) ? ERR_DENIED : authority_of(pg, q->ws, person, q->via, by);
	return pg_end(pg, e);
}

void api_serve(struct engine *e, struct pg *pg, const struct api_request *q, struct api_reply *out)
{
	const struct api_proc *p = api_find(q->procedure);
	struct caller by = { .ws = q->ws, .via = q->via };
	memset(out, 0, sizeof *out);
	enum err err = q->secret != NULL ? key_caller(pg, q->secret, &by)
	    : q->person == NULL          ? ERR_DENIED
	                                 : find_caller(pg, q, &by);
	if (err == ERR_DENIED && q->secret == NULL && p != NULL && p->open) {
		by = (struct caller){ .ws = q->ws, .via = q->via };
		err = ERR_NONE;
	}
	if (err != ERR_NONE) {
		out->code = err == ERR_DENIED ? API_UNAUTHENTICATED : err == ERR_RETRY ? API_UNAVAILABLE : API_BROKEN;
		out->problem = (struct problem){ .code = out->code, .retry_after_s = err == ERR_RETRY };
		return;
	}
	if (q->address != NULL)
		snprintf(by.address, sizeof by.address, "%s", q->address);
	out->code = api_run_once(e, pg, &by, q->procedure, q->args, q->id, q->key, &out->again, &out->out, &out->problem);
}
