#ifndef EDDY_WEB_CALL_H
#define EDDY_WEB_CALL_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/api/ends.h"
#include "../../core/base/buf.h"

/*
 * Procedures of the API (core/api/api.h) from outside: POST /api/v1/NAME and the websocket's "call".  No sockets here: server.c says what a request
 * carried and writes what came out.  Loop thread only.
 */
struct web;
struct conn;
struct web_command;
struct call_head { /* NULL: the request has none */
	const char *method, *path, *host, *origin, *content_type, *marker /* X-Eddy */, *authorization;
	const char *request_id, *key; /* X-Request-Id, Idempotency-Key */
	const char *address;          /* who asks; ${peer}: at the other end of the socket */
	const char *peer;
	unsigned long long body_bytes;
};
#define CALL_REQUEST_ID 64
struct call_answer {
	unsigned status;
	struct api_ends ends;
	bool problem, replayed, preflight, allow, challenge; /* which headers it has */
	unsigned retry_after_s;                              /* 0: none */
	char request_id[CALL_REQUEST_ID + 1];
	char origin[300]; /* who may read it on a page; "": no other page */
	struct buf body;
};

struct web_call;
#define CALL_BODY_MAX (256u * 1024u)
bool call_has(const char *path);
/** A new call, or NULL when it is answered at once: ${out} says how, and its body is the caller's. */
struct web_call *call_new(struct web *w, const struct call_head *head, struct call_answer *out);
/** A part of the body.  False: longer than was announced. */
bool call_body(struct web_call *c, const void *p, size_t n);
/** The body is complete: do it.  ${done} is called on the loop thread, now or later, unless call_free() came first. */
void call_run(struct web_call *c, void (*done)(void *arg), void *arg);
/** NULL until ${done} was called. */
const struct call_answer *call_answer(const struct web_call *c);
void call_free(struct web_call *c); /* NULL is fine; at any time */

/** A frame "call": its answer is a frame of the connection, now or later. */
void call_frame(struct conn *c, const struct web_command *cmd);

#endif
