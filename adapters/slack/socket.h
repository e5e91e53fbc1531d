#ifndef EDDY_SLACK_SOCKET_H
#define EDDY_SLACK_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire.h"

struct http;
struct loop;
struct metrics;

/*
 * Socket Mode: at most two websockets to Slack, the next one opened before the old one goes.  Everything runs on the loop thread
 * except where said.  Frames go to ${on_event} with a ticket; whoever holds it settles it once the frame is durable.
 */
struct slack_sock;
/* One envelope on its way: its id, the link it came by, when.  Settled exactly once. */
struct sock_ticket;
struct sock_port {
	void *arg;
	/**
	 * An envelope came.  ${raw} and ${ev} borrow until it returns; ${raw} is the frame as it came, for reading it again later.
	 * The ticket is the callee's until sock_settle().
	 */
	void (*on_event)(void *arg, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev);
	/** A link is live (hello); ${away_ms}: how long there was none, 0 when it replaced a living one. */
	void (*on_up)(void *arg, uint64_t away_ms);
	/** Slack said which app this is. */
	void (*on_app)(void *arg, const char *app_id);
};
struct sock_options { /* borrowed, outlives it */
	struct loop *loop;
	struct http *http;
	struct metrics *metrics; /* may be NULL */
	const char *api_url;     /* ends with a slash */
	const char *app_token;
	struct sock_port port;
	uint32_t hello_ms;    /* 0: 8,000: from connecting to hello */
	uint32_t drain_ms;    /* 0: 1,000: a replaced link is closed after this much silence */
	uint32_t disabled_ms; /* 0: 300,000: between tries while Socket Mode is switched off */
};
/** Registers the websocket protocol: before loop_start(). */
struct slack_sock *sock_new(const struct sock_options *o);
void sock_start(struct slack_sock *s); /* any thread: opens the first link soon */
/** No new events; links close when their last ack is out.  Any thread but http. */
void sock_stop(struct slack_sock *s);
/** After loop and http have stopped.  NULL is fine. */
void sock_free(struct slack_sock *s);

/** Any thread.  ${ack}: acknowledge it on the link it came by; if that is gone, nothing is said and Slack sends it again. */
void sock_settle(struct sock_ticket *t, bool ack);
/** The same with an answer in the acknowledgement, for a form: ${payload} is JSON of at most SOCK_PAYLOAD_MAX bytes; copies. */
#define SOCK_PAYLOAD_MAX 512
void sock_settle_with(struct sock_ticket *t, const char *payload);
/** A ticket for what came by another way: settling it calls ${settled}, on that thread, and frees it. */
struct sock_ticket *sock_ticket_loose(
    const char *envelope_id, void (*settled)(void *arg, bool ack, const char *payload), void *arg);
const char *sock_ticket_envelope(const struct sock_ticket *t);
/** A pointer that the holder of the ticket may leave with it. */
void sock_ticket_own(struct sock_ticket *t, void *owner);
void *sock_ticket_owner(const struct sock_ticket *t);

enum sock_state { SOCK_IDLE, SOCK_CONNECTING, SOCK_LIVE, SOCK_AWAY, SOCK_DISABLED, SOCK_FATAL };
/** Any thread.  ${why}: the last trouble in a few words, "" when there is none. */
enum sock_state sock_state(struct slack_sock *s, char *why, size_t n);
/** Errors of apps.connections.open and auth.test after which trying again is useless. */
bool sock_error_fatal(const char *error);

/* Taken apart for tests. */
struct sock_url {
	bool tls;
	char host[256];
	int port;
	const char *path; /* inside the url; "/" at least */
};
/** False unless it is wss:// … or, with a loopback host, ws:// … */
bool sock_url_parse(const char *url, struct sock_url *out);
/** The wait before try number ${failures} (1: the first repetition), ${random} in 0 … 2^32-1: jittered, 0.5 … 30 s. */
uint32_t sock_backoff_ms(unsigned failures, uint32_t random);

#endif
