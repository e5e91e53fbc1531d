#ifndef EDDY_CLI_CLIENT_H
#define EDDY_CLI_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A client of eddy.v1 for one thread: connects, logs in, subscribes, and after a cut comes back by itself where it was.  What was
 * sent and not yet accepted is sent again under its client id, so it arrives once.  It has a thread of its own; the functions here are for one
 * other thread.
 */
struct client;
struct client_options {
	const char *host, *path, *token, *tz;
	int port;
	bool tls;
	const char *thread; /* the conversation: a UUID */
	int64_t after;      /* the last rev that is known */
};
enum client_what {
	CLIENT_NOTHING, /* the time is over */
	CLIENT_FRAME,   /* ${frame} is the caller's */
	CLIENT_UP,      /* logged in and subscribed, at first and after each cut */
	CLIENT_DOWN,    /* cut, or never there; ${why}; it tries again */
	CLIENT_DENIED,  /* the server does not want this token; ${why}; it does not try again */
};
struct client_event {
	enum client_what what;
	json_t *frame;
	char why[160];
};
struct client *client_open(const struct client_options *o);
void client_close(struct client *l); /* NULL is fine */
/** Queue a message; ${client_id} as in eddy.v1. */
void client_send(struct client *l, const char *client_id, const char *text, size_t n);
/** Ask to stop what is being answered. */
void client_stop(struct client *l);
void client_next(struct client *l, struct client_event *out, int timeout_ms);

#endif
