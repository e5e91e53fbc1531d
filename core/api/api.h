#ifndef EDDY_API_API_H
#define EDDY_API_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../people/authority.h"
#include "../store/trip.h"
#include "problem.h"

/*
 * Everything that can be done to Eddy from outside is a procedure in one table: POST /api/v1/NAME, a "call" frame of the websocket and
 * `eddy call NAME` run the same code, and the documents that describe it (OpenAPI, AsyncAPI, help) are made from it.  The order of a call:
 * limits, arguments against the schema, the role at the node that is meant, the procedure in one tenant transaction, an audit entry for what
 * was written, COMMIT.
 */
struct engine;
enum api_effect { API_READ, API_WRITE };
struct api_call;
struct api_room;
typedef enum api_code (*api_fn)(struct api_call *c);
struct api_proc {
	const char *name;       /* "route.list": group, dot, verb */
	enum role role;         /* the least that it takes, at the node that argument "team" names, else at the organisation */
	unsigned scope;         /* SCOPE_* that a key must have */
	enum api_effect effect; /* API_WRITE: takes an idempotency key, is audited as its name */
	bool open;              /* before anybody is known (log-in); role and scope count for nothing */
	bool needs_engine;      /* only inside the daemon */
	bool tells_secret;      /* its answer is not kept for an idempotency key: who asks again is told that it was done */
	bool keeps_key;         /* it knows its own calls again, longer than a day, by api_call.key */
	const char *summary;    /* one line for people */
	const char *details;    /* NULL or a paragraph */
	const char *pages;      /* the list of its answer that is given in pages (page.h) without its doing; NULL: none */
	const char *in, *out;   /* JSON Schemas of arguments and result, as text: objects, additionalProperties false */
	const char *example;    /* arguments, JSON */
	api_fn run;
	/* of one that has a better one beside it (ends.h): moments in seconds since 1970, and the other's name; 0 and NULL: it goes on */
	int64_t since_s, ends_s;
	const char *instead;
};
/* A group's table ends with a NULL name.  core/api/api_<group>.c each have one; api.c lists them. */
extern const struct api_proc *const api_groups[];

struct api_call {
	const struct api_proc *proc;
	const struct caller *by;
	struct engine *engine; /* NULL outside the daemon */
	struct pg *pg;         /* in the tenant's transaction; the procedure neither begins nor ends one */
	const json_t *in;      /* fits proc->in */
	json_t *out;           /* an object; what the procedure answers */
	struct id node;        /* what "team" names; the organisation without it */
	struct id request; /* new rows take their ids from it: id_named(request, n, …), so that a repeated call makes them once */
	const char *key;   /* the call's idempotency key; NULL: none */
	int64_t now_ms;
	bool fresh; /* ${by} was asked of the database in this transaction */
	const struct api_room *room;
	bool wrote; /* a call that reads has changed something all the same */
	struct problem problem;
	/* what the audit entry says */
	struct id subject;
	json_t *audit; /* facts, never texts; NULL: none */
	/* Called after COMMIT, ${pg} idle; may still change ${out}, and fail (api_fail): then nothing of the call is left to it.  NULL: nothing more to do. */
	void (*after)(struct api_call *c);
};
/** Ends a procedure: ${code} with a sentence for people.  The transaction is rolled back. */
enum api_code api_fail(struct api_call *c, enum api_code code, const char *field, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/** The code for a failed query: ERR_RETRY is API_UNAVAILABLE, ERR_DENIED and ERR_INPUT as they stand, ERR_BROKEN API_BROKEN. */
enum api_code api_err(struct api_call *c, enum err e);
/** The same where a module has said why it refuses: ${why}, unless its code is API_OK. */
enum api_code api_end(struct api_call *c, enum err e, const struct problem *why);

const struct api_proc *api_find(const char *name); /* NULL: there is none */
/**
 * Run ${name} for ${by} on ${pg} (idle; blocking: a worker, the terminal).  ${args}: JSON object or NULL; ${request}: names the call, the same
 * again for a repeated one.  ${out}: the result, or a problem as JSON.  API_OK is committed.
 */
enum api_code api_run(struct engine *e, struct pg *pg, const struct caller *by, const char *name, const json_t *args,
    struct id request, json_t **out, struct problem *problem);

/**
 * The same for a call that names itself (once.h): ${key} is NULL, or its idempotency key, which counts for writes of somebody who is known.  ${again}
 * (may be NULL): nothing was done, ${out} is what was answered before.
 */
enum api_code api_run_once(struct engine *e, struct pg *pg, const struct caller *by, const char *name, const json_t *args,
    struct id request, const char *key, bool *again, json_t **out, struct problem *problem);

/**
 * The same for somebody who is found inside the transaction of the call: ${step} goes out with its BEGIN, and ${take} fills ${by}, of whom only the workspace is
 * known, from the answer, or gives ERR_DENIED: nobody.  ${wrote} is set when it changed something.
 */
struct api_who {
	void *arg;
	bool strict; /* nobody may not even do what is open to everybody */
	struct pg_step step;
	enum err (*take)(void *arg, struct pg *pg, const PGresult *r, struct caller *by, bool *wrote);
	const struct api_room *room;  /* NULL: any number of calls */
	char why[PROBLEM_DETAIL_MAX]; /* what a strict nobody is told; "": nothing in particular */
};
/* Whether one more call of ${by}, about the team ${node}, finds room now; else ${wait_ms} says when.  ${pg}: in the call's transaction.  Any thread. */
struct api_room {
	bool (*take)(void *arg, struct pg *pg, const struct caller *by, struct id node, uint32_t *wait_ms);
	void *arg;
};
enum api_code api_run_for(struct engine *e, struct pg *pg, struct caller *by, struct api_who *who, const char *name,
    const json_t *args, struct id request, const char *key, bool *again, json_t **out, struct problem *problem);

/** Into an answer, unless there is none: an id as text, a moment in milliseconds since 1970. */
void api_put_id(json_t *o, const char *key, struct id id);
void api_put_ms(json_t *o, const char *key, int64_t ms);

extern const struct pg_statement api_statements[];
/* What a connection that runs procedures outside the daemon has prepared; ends with NULL. */
extern const struct pg_statement *const api_tables[];

#endif
