/*
 * Who calls is looked up in the transaction of the call, in one statement that leaves with its BEGIN: a call that reads waits for the database once, and
 * for what it reads.  So a role or a key that is taken away is gone with the next call, and nothing has to be remembered or told.  A page whose person has
 * never written is known from its log-in.
 */
#include "serve.h"

#include <stdio.h>
#include <string.h>

#include "../base/tz.h"
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

/* $1 to $3 of "serve_person". */
static struct pg_args *person_args(const struct api_request *q)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, q->ws);
	pg_arg_str(a, q->adapter);
	pg_arg_str(a, q->person);
	return a;
}

/* ${by->person} stays none: there is none. */
static void take_person(const PGresult *r, struct caller *by)
{
	if (PQntuples(r) != 1)
		return;
	by->person = pg_get_id(r, 0, 0);
	by->user = pg_get_id(r, 0, 1);
	by->role = (enum role)pg_get_int8(r, 0, 2);
	by->scopes = SCOPE_ALL;
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

static enum err take_caller(void *arg, struct pg *pg, const PGresult *r, struct caller *by, bool *wrote)
{
	const struct api_request *q = arg;
	enum err e = ERR_NONE;
	take_person(r, by);
	if (id_is_none(by->person) && q->name != NULL) {
		struct pg_args *a = person_args(q);
		PGresult *now = NULL;
		*wrote = true;
		e = make_person(pg, q);
		if (e == ERR_NONE)
			e = pg_query(pg, "serve_person", a, &now);
		if (e == ERR_NONE)
			take_person(now, by);
		PQclear(now);
		pg_args_free(a);
	}
	return e == ERR_NONE && id_is_none(by->person) ? ERR_DENIED : e;
}

struct shown {
	struct id key;
	struct api_who who;
};

/* Its secret was right: whoever has it may know that its time is over, which a key with another secret never says. */
static enum err take_key(void *arg, struct pg *pg, const PGresult *r, struct caller *by, bool *wrote)
{
	struct shown *s = arg;
	int64_t expired_ms;
	enum err e = key_take(pg, by->ws, s->key, r, by, &expired_ms, wrote);
	if (e == ERR_DENIED && expired_ms != 0) {
		struct tz_time t;
		tz_local(NULL, (uint64_t)expired_ms, &t);
		snprintf(s->who.why, sizeof s->who.why,
		    "This API key has expired: it ended on %d %s %d at %02d:%02d UTC. Ask an admin of its team for a new one.",
		    t.day, tz_month(t.month), t.year, t.hour, t.minute);
	}
	return e;
}

static void refuse(struct api_reply *out, enum err e)
{
	out->code = e == ERR_DENIED ? API_UNAUTHENTICATED : e == ERR_RETRY ? API_UNAVAILABLE : API_BROKEN;
	out->problem = (struct problem){ .code = out->code, .retry_after_s = e == ERR_RETRY };
}

void api_serve(struct engine *e, struct pg *pg, const struct api_request *q, struct api_reply *out)
{
	struct caller by = { .ws = q->ws, .via = q->via, .session = q->session };
	struct api_request copy = *q;
	struct shown s = { .who = { .arg = &copy } };
	struct pg_args *a = NULL;
	memset(out, 0, sizeof *out);
	api_ends(api_find(q->procedure), &out->ends);
	if (q->address != NULL)
		snprintf(by.address, sizeof by.address, "%s", q->address);
	if (q->secret != NULL) {
		enum err err = key_home(pg, q->secret, &s.key, &by.ws);
		if (err != ERR_NONE) {
			refuse(out, err);
			return;
		}
		a = pg_args_new();
		pg_arg_id(a, by.ws);
		pg_arg_id(a, s.key);
		s.who = (struct api_who){ .arg = &s, .step = { "key_read", a, NULL }, .take = take_key, .strict = true };
	} else if (q->person != NULL) {
		a = person_args(q);
		s.who = (struct api_who){ .arg = &copy, .step = { "serve_person", a, NULL }, .take = take_caller };
	}
	s.who.room = q->room;
	out->code = api_run_for(e, pg, &by, &s.who, q->procedure, q->args, q->id, q->key, &out->again, &out->out, &out->problem);
	pg_args_free(a);
}
