#ifndef EDDY_WEB_SIGNIN_H
#define EDDY_WEB_SIGNIN_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/api/problem.h"
#include "../../core/base/buf.h"
#include "../../core/base/id.h"

/*
 * The addresses below /api that a page calls to log in, stay logged in and log out (docs/websocket.md), and the one that makes codes for
 * `eddy login`.  No sockets here: server.c says what a request carried and writes what came out.  Loop thread only.
 */
struct web;
struct signin_head { /* NULL: the request has none */
	const char *path, *host, *origin, *content_type, *marker /* X-Eddy */, *cookie, *authorization, *user_agent;
	const char *address; /* who asks, as the socket names it */
	unsigned long long body_bytes;
};
struct signin_answer {
	unsigned status;
	enum api_code code;     /* API_OK: no problem */
	const char *message;    /* of a problem, static */
	const char *field;      /* which it is about, static; NULL: none */
	unsigned retry_after_s; /* 0: none */
	struct id request;      /* names it in the audit log; none: nothing is there */
	char cookie[256];       /* Set-Cookie; "": none */
	struct buf body;
};

/** The value of cookie ${name} in a Cookie header (NULL: none) into ${out}, which is left alone when there is none that fits. */
void web_cookie(const char *header, const char *name, char *out, size_t n);

/** Can people log in with a password? */
bool signin_passwords(const struct web *w);
/** Calls that wait for a worker are let go; nobody is told.  When loop and engine are at rest. */
void signin_stop(struct web *w);
/** Sessions may have ended: look, and close what is open of them.  Loop thread. */
void signin_sessions_changed(void *web);

struct signin_call;
#define SIGNIN_BODY_MAX 4096
bool signin_has(const char *path);
bool signin_unsubscribes(const char *path);
/** Can people have a link by mail? */
bool signin_mails(const struct web *w);
/** A new call, or NULL when it is refused at once: ${out} says how. */
struct signin_call *signin_new(struct web *w, const struct signin_head *head, struct signin_answer *out);
/** A part of the body.  False: longer than was announced. */
bool signin_body(struct signin_call *c, const void *p, size_t n);
/**
 * The body is complete: do it.  ${done} is called on the loop thread, later, unless signin_free() came first.
 */
void signin_run(struct signin_call *c, void (*done)(void *arg), void *arg);
/** NULL until ${done} was called. */
const struct signin_answer *signin_answer(const struct signin_call *c);
void signin_free(struct signin_call *c); /* NULL is fine; at any time */

#endif
