#ifndef EDDY_SLACK_API_H
#define EDDY_SLACK_API_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/buf.h"
#include "../../core/base/err.h"

struct http;
struct metrics;

/*
 * The Web API client: one per bot token.  Calls wait in the limiter's lanes (method + channel) until they may go, up to 100 run
 * at once; all state lives on the http thread.  The tokens are in no log line and no error.
 */
struct slack_api;
struct slack_api_options {
	struct http *http;       /* borrowed, outlives the client */
	struct metrics *metrics; /* may be NULL */
	const char *base_url;    /* ends with a slash: "https://slack.com/api/"; copied */
	const char *token;       /* bot token; copied */
	bool adaptive;           /* slack.limits = adaptive: no limit until a 429 teaches one */
	uint32_t parallel;       /* 0: 100 */
};
struct slack_api *slack_api_new(const struct slack_api_options *o);
/** Another token from now on.  NULL: none; calls with the client's own token end as refused, "uninstalled".  Any thread. */
void slack_api_token(struct slack_api *a, const char *token);
/**
 * No new calls; what waits ends with SLACK_NOT_SENT, what runs ends by itself.  Any thread.  Call before http_stop(), free after it.
 */
void slack_api_stop(struct slack_api *a);
/** After http_stop().  Calls that had not ended are forgotten without on_done: their owners free what belongs to them.  NULL is fine. */
void slack_api_free(struct slack_api *a);

enum slack_outcome {
	SLACK_OK,
	SLACK_REFUSED,  /* a definite no, nothing has happened: ${error} says why */
	SLACK_NOT_SENT, /* nothing has happened: no connection, queue full, stopping, or ${no_wait} met a limit; try later */
	SLACK_UNKNOWN,  /* it may have happened: look before doing it again */
};
struct slack_result {
	enum slack_outcome outcome;
	const char
	    *error; /* Slack's error code, or ours ("cut", "timeout", "connect", "limited", "queue_full", "stopping"); "" when OK */
	const char *detail;      /* REFUSED: response_metadata.messages[0] or needed scope, ""; for logs */
	const char *warning;     /* "" when there is none */
	const char *ts;          /* the answer's own "ts" or "message_ts"; "" when there is none */
	const json_t *body;      /* borrowed; only if ${want_body}, else NULL */
	uint32_t retry_after_ms; /* NOT_SENT by a limit: when it may work, 0 unknown */
	long status;             /* HTTP status, 0: none */
	uint32_t ms;             /* from slack_api_call() to now */
};

/* Lower is served first. */
enum slack_priority { SLACK_DELIVER, SLACK_STATUS, SLACK_NAMES };
struct slack_call {
	const char *method; /* "chat.postMessage"; a literal: the pointer is kept */
	/*
	 * The arguments: a JSON text (sent as application/json; charset=utf-8) or, with ${form}, name=value pairs made by
	 * slack_form().  Taken, on failure too.
	 */
	struct buf args;
	bool form;
	const char *channel; /* the limiter's second key; NULL or "": the method has no channel */
	const char *token;   /* NULL: the bot token; else this one (the app-level token for apps.connections.open); copied */
	const char *url;     /* NULL: base_url + method; else exactly this, without a token (response_url); copied, never logged */
	enum slack_priority priority;
	uint32_t timeout_ms; /* 0: 15,000 for one attempt */
	bool want_body;      /* parse the answer */
	bool again;          /* repeating is harmless (reads, updates): up to three more attempts when the outcome is unknown */
	bool no_wait;        /* better not at all than late: ends with NOT_SENT "limited" instead of waiting */
	void (*on_done)(void *arg, const struct slack_result *r); /* http thread, exactly once; may be NULL */
	void (*on_limited)(void *arg, uint32_t wait_ms); /* a 429 is being waited for; http thread, each time; may be NULL */
	void *arg;
};
/**
 * Make a call.  Any thread; never blocks.  A 429 is waited for as long as Slack says (only this method and channel wait) and
 * tried again; a connection that fails before anything was sent is tried four times.  ERR_RETRY: refused (stopping, too many), on_done
 * will not come.  Calls of one method and channel start in order; start the next one in on_done where they must also end in order.
 */
enum err slack_api_call(struct slack_api *a, const struct slack_call *c);
/** Append "&name=value" in form encoding (without the & at the start); NULL value: nothing. */
void slack_form(struct buf *b, const char *name, const char *value);
size_t slack_api_waiting(const struct slack_api *a); /* any thread: calls not ended yet */

/* What an error code means for whoever sees it. */
enum slack_error {
	SLACK_ERROR_OTHER,    /* a definite refusal of this call */
	SLACK_ERROR_TOKEN,    /* the token is dead: nothing will work until the operator mends it */
	SLACK_ERROR_SCOPE,    /* a scope or right is missing */
	SLACK_ERROR_PLACE,    /* the channel or thread is closed to us: not_in_channel, is_archived, channel_not_found ... */
	SLACK_ERROR_SIZE,     /* too long or blocks refused: send it plainer or in smaller parts */
	SLACK_ERROR_GONE,     /* the message is not there (any more) */
	SLACK_ERROR_STREAM,   /* the stream is closed or someone stopped it */
	SLACK_ERROR_METHOD,   /* this method does not exist for this app or plan */
	SLACK_ERROR_LIMITED,  /* ratelimited */
	SLACK_ERROR_INTERNAL, /* Slack's own trouble: the outcome is unknown */
};
enum slack_error slack_error_kind(const char *error);

#endif
