#ifndef EDDY_API_SERVE_H
#define EDDY_API_SERVE_H

#include "api.h"
#include "ends.h"

/*
 * A call as an edge hands it over: who speaks, as the edge has checked it, and what is asked.  Everything is borrowed for the length of the call.
 */
struct api_request {
	struct id ws;
	const char *adapter, *person; /* who: an adapter and its own id of the person; person NULL: nobody is known */
	const char *name;    /* makes the person known if that is new, by this name; NULL: whoever is not known is nobody */
	const char *secret;  /* or: the text of an API key, unchecked; NULL: none.  ${ws} and the person count for nothing then */
	const char *via;     /* "web", "cli"; static */
	const char *address; /* of the client; NULL: none */
	struct id session;   /* of the page that calls; none: something else does */
	const char *procedure;
	const json_t *args;          /* NULL: none */
	const char *key;             /* idempotency key; NULL: none */
	struct id id;                /* names the call */
	const struct api_room *room; /* NULL: any number of calls */
};
struct api_reply {
	enum api_code code;
	json_t *out; /* API_OK: the result, the caller's */
	bool again;  /* nothing was done: the answer of an earlier call with this key */
	struct problem problem;
	struct api_ends ends; /* of the procedure, whatever came of the call */
};
extern const struct pg_statement serve_statements[];

/** From the person to the answer, on ${pg} (idle; blocking).  ${e}: NULL outside the daemon. */
void api_serve(struct engine *e, struct pg *pg, const struct api_request *q, struct api_reply *out);

#endif
