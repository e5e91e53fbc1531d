#ifndef EDDY_WEB_API_H
#define EDDY_WEB_API_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/buf.h"

/*
 * The addresses below /api that a page calls to log in, stay logged in and log out (docs/websocket.md), and the one that makes codes for
 * `eddy login`.  No sockets here: server.c says what a request carried and writes what came out.  Loop thread only.
 */
struct web;
struct api_head { /* NULL: the request has none */
	const char *path, *host, *origin, *content_type, *marker /* X-Eddy */, *cookie, *authorization;
	const char *address; /* who asks, as the socket names it */
	unsigned long long body_bytes;
};
struct api_answer {
	unsigned status;
	const char *code, *message; /* of an error, static; NULL: none */
	unsigned retry_after_s;     /* 0: none */
	char cookie[256];           /* Set-Cookie; "": none */
	struct buf body;
};

struct api_call;
#define API_BODY_MAX 4096
bool api_has(const char *path);
bool api_unsubscribes(const char *path);
/** A new call, or NULL when it is refused at once: ${out} says how. */
struct api_call *api_new(struct web *w, const struct api_head *head, struct api_answer *out);
/** A part of the body.  False: longer than was announced. */
bool api_body(struct api_call *c, const void *p, size_t n);
/**
 * The body is complete: do it.  ${done} is called on the loop thread, later, unless api_free() came first.
 */
void api_run(struct api_call *c, void (*done)(void *arg), void *arg);
/** NULL until ${done} was called. */
const struct api_answer *api_answer(const struct api_call *c);
void api_free(struct api_call *c); /* NULL is fine; at any time */

#endif
