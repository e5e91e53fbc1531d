#ifndef EDDY_SLACK_SEND_H
#define EDDY_SLACK_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/engine/engine.h"

struct http;
struct metrics;
struct slack_api;
struct slack_self;
struct slack;

/*
 * How replies go out: from the engine's REPLY_* to posts, streams and status lines in Slack.  All state lives on the http thread;
 * docs/slack.md "How replies go out" tells the rules.
 */
struct slack_out;
/* What it needs from the engine; slack_out_engine() fills in the real one, tests their own. */
struct slack_out_port {
	void *arg;
	void (*sent)(void *arg, const struct sent *s);
	void (*stream_opening)(
	    void *arg, struct id ws, struct id delivery, void (*ready)(void *ready_arg, bool go), void *ready_arg);
	void (*stream_opened)(void *arg, struct id ws, struct id delivery, const char *external_ref);
	/** Slack said not to try this delivery for ${ms}; we wait, and whoever comes after us is to wait as well. */
	void (*held)(void *arg, struct id ws, struct id delivery, uint32_t ms);
	/** An answer is visible as ${ts}, its last message; ${buttons}: that one can be pressed.  NULL: nobody minds. */
	void (*shown)(void *arg, struct id ws, struct id thread, const char *channel, const char *ts, bool buttons);
	/** Who we are, NULL while unknown: for looking up our own messages. */
	const struct slack_self *(*self)(void *arg);
	/** engine_certain(); NULL: always. */
	bool (*certain)(void *arg);
};
struct slack_out_port slack_out_engine(struct slack *s);
struct slack_out_options { /* borrowed, outlives it */
	struct http *http;
	struct slack_api *api;
	struct metrics *metrics; /* may be NULL */
	struct slack_out_port port;
	bool stream;             /* slack.stream is auto */
	uint32_t grow_wait_ms;   /* 0: 250; tests shorten these */
	uint32_t status_wait_ms; /* 0: 400 */
	uint32_t append_ms;      /* 0: 700 */
	uint32_t stream_life_ms; /* 0: 240,000 */
};
struct slack_out *slack_out_new(const struct slack_out_options *o);
/** adapter_ops.send: copies, never blocks, any thread.  ERR_RETRY: too much is waiting; ERR_INPUT: not an origin of ours. */
enum err slack_out_send(struct slack_out *o, const struct reply *r);
/**
 * No new replies.  Open streams are left for the next process (it knows them by external_ref); what was accepted and is not sent yet
 * ends with ERR_RETRY as the API client stops, unless something of it may be visible: then nothing is said and the next process looks.
 * Any thread; call before slack_api_stop(), and both before http_stop() if the core still listens.
 */
void slack_out_stop(struct slack_out *o);
void slack_out_free(struct slack_out *o);         /* after http_stop(); NULL is fine */
size_t slack_out_open(const struct slack_out *o); /* any thread: answers that have not ended */

#endif
