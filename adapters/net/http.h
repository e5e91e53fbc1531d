#ifndef EDDY_NET_HTTP_H
#define EDDY_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"

struct metrics;

/*
 * The http thread: every outgoing request, curl_multi_socket_action on a libuv loop of its own, connections kept and
 * multiplexed.  All callbacks run on this thread, so state that only they touch needs no lock.
 */
struct http;
struct http_call;
enum http_fail {
	HTTP_OK,
	HTTP_CANCELLED,
	HTTP_CONNECT /* nothing was sent */,
	HTTP_CUT /* outcome unknown */,
	HTTP_TIMEOUT /* outcome unknown */,
	HTTP_TOO_LARGE
};
struct http_result {
	enum http_fail fail;
	long status;      /* 0 unless a status line came */
	const char *body; /* the whole body unless ${on_data} took it; terminated; borrowed */
	size_t body_len;
	uint32_t retry_after_ms; /* Retry-After of the answer (seconds or date), 0: none */
	const char *content_type;
	const char *header; /* value of ${want_header}, at most 2 kB; "" when the answer had none; borrowed */
	uint32_t first_ms, total_ms;
	const char *why; /* curl's words for a failure, for the log */
};
struct http_request {
	const char *method;         /* "GET", "POST" */
	const char *url;            /* http or https only */
	const char *const *headers; /* "Name: value", NULL-terminated; copied */
	char *body;                 /* taken (freed with free()), also on refusal; NULL: none */
	size_t body_len;
	uint32_t connect_ms;     /* 0: 10,000 */
	uint32_t idle_ms;        /* no byte for this long: HTTP_TIMEOUT; 0: none */
	uint32_t total_ms;       /* 0: 30,000 */
	size_t max_body;         /* 0: 1 MiB; larger: HTTP_TOO_LARGE */
	const char *want_header; /* NULL, or the name of one more answer header to keep: "x-oauth-scopes"; copied */
	bool
	    fresh; /* over a new connection: for a POST that cannot be made again, where one that was kept may be closed in that very moment */
	bool follow; /* up to 3 redirects, same scheme; to another host without our headers (credentials) */
	/** Body bytes as they come (status 200 only, no limit; other bodies are collected).  false: stop, HTTP_CANCELLED. */
	bool (*on_data)(void *arg, const char *p, size_t n);
	void (*on_done)(void *arg, const struct http_result *r); /* exactly once for each accepted call */
	void *arg;
	void **handle; /* if set: receives a handle for http_cancel() before http_start() returns, valid until on_done returned */
};
/** Starts the thread.  ${ca_file}: certificates to trust instead of the system's (NULL: the system's); see trust_check(). */
enum err http_new(struct http **out, struct metrics *ms, const char *ca_file);
/** Starts a call.  Any thread; copies what it needs.  ERR_RETRY: the queue is full or the engine stops; on_done will not come. */
enum err http_start(struct http *h, const struct http_request *r);
/** Ends a call: on_done comes soon, not from inside this function (HTTP_CANCELLED, or its real end if that was there).  http thread only. */
void http_cancel(struct http *h, void *handle);
/** Run ${fn} on the http thread soon, in order; from that thread itself: after the bytes at hand are read.  Any thread.  false: stopping. */
bool http_post(struct http *h, void (*fn)(void *arg), void *arg);
bool http_is_current(const struct http *h);
struct http_timer;
/**
 * One-shot or repeating (${every_ms} > 0) timer; http thread only.  A one-shot timer must still be stopped to be freed (inside
 * ${fn} is fine).  Timers that live when the thread ends are freed by it.
 */
struct http_timer *http_timer_new(struct http *h, uint64_t after_ms, uint64_t every_ms, void (*fn)(void *arg), void *arg);
void http_timer_stop(struct http_timer *t);
/** Runs what was posted, ends all calls as HTTP_CANCELLED, joins the thread.  Any thread but the http thread; twice is fine. */
void http_stop(struct http *h);
void http_free(struct http *h); /* stops it if need be; NULL is fine */

#endif
