#ifndef EDDY_NET_GUEST_H
#define EDDY_NET_GUEST_H

#include <stdbool.h>
#include <stddef.h>

struct loop;

/*
 * Addresses on the HTTP server that belong to another adapter than the one that serves: a platform's requests, the way of a log-in.  They are added
 * before loop_start(); the server guards heads and sizes, and hands over what it has read.
 */
#define GUEST_VALUES 4
#define GUEST_VALUE_MAX 2048
struct guest_request {                     /* borrowed until guest.serve() returns */
	const char *address;               /* who asks, as the socket or the proxy before it names them */
	const char *headers[GUEST_VALUES]; /* NULL: the request has none; of one that comes twice, both with a comma */
	const char *params[GUEST_VALUES];  /* of the address, decoded; NULL: none */
	const char *body;                  /* terminated, exactly as it came */
	size_t body_len;
};
struct guest_reply { /* copied */
	unsigned status;
	const char *type;     /* NULL: no body */
	const char *location; /* NULL: none */
	const char *cookie;   /* Set-Cookie; NULL: none */
	const char *body;
	size_t body_len;
	unsigned retry_after_s; /* 0: none */
};
struct guest_call;
struct guest {
	const char *path;
	bool post; /* else GET */
	const char *headers[GUEST_VALUES],
	    *params[GUEST_VALUES]; /* those that it wants, "x-slack-signature:", "code="; NULL: no more */
	size_t body_max;
	/** Loop thread.  ${c} is answered exactly once, now or later. */
	void (*serve)(void *arg, const struct guest_request *q, struct guest_call *c);
	void *arg;
};
struct guests;
struct guests *guests_new(struct loop *loop);
void guests_free(struct guests *g); /* after the loop has stopped; NULL is fine */
void guests_add(struct guests *g, const struct guest *guest);
const struct guest *guests_find(const struct guests *g, const char *path); /* ${g} may be NULL */
/** Any thread. */
void guest_answer(struct guest_call *c, const struct guest_reply *r);

/* For the server, on the loop thread. */
struct guest_call *guest_call_new(struct guests *g, const struct guest *guest, const char *address);
void guest_call_header(struct guest_call *c, int i, const char *value);
void guest_call_param(struct guest_call *c, int i, const char *value);
bool guest_call_body(struct guest_call *c, const void *p, size_t n); /* false: more than the guest takes */
/** All of it was read: ${done} is called later, unless guest_call_left() came first. */
void guest_call_serve(struct guest_call *c, void (*done)(void *arg), void *arg);
const struct guest_reply *guest_call_reply(const struct guest_call *c); /* NULL: not yet */
void guest_call_left(struct guest_call *c);                             /* nobody waits for it any more; NULL is fine */

#endif
