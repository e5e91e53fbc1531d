#ifndef EDDY_NET_MUX_H
#define EDDY_NET_MUX_H

#include <curl/curl.h>
#include <uv.h>

#include "evloop.h"

/*
 * curl_multi on a libuv loop.  Internal to adapters/net; all on the http thread.  Sockets of kept connections stay registered for
 * reading between transfers, so a transfer on a kept connection costs no epoll_ctl at all.
 */
struct mux_socket;
struct mux {
	struct evloop *e;
	CURLM *m;
	uv_timer_t timer;
	bool due;                    /* curl wants to be called at once: mux_kick() */
	struct mux_socket **sockets; /* by descriptor */
	size_t sockets_len;
	long connects; /* kept connections at most */
	void (*done)(void *arg, CURL *easy, CURLcode code);
	void *done_arg;
};
void mux_init(struct mux *x, struct evloop *e, long connects, void (*done)(void *arg, CURL *easy, CURLcode code), void *arg);
/** The options every easy handle of this mux needs. */
void mux_prepare(struct mux *x, CURL *easy);
bool mux_add(struct mux *x, CURL *easy);
void mux_remove(struct mux *x, CURL *easy); /* not from a curl callback */
/** Lets curl do what is due now and reports finished transfers; true when it did anything. */
bool mux_kick(struct mux *x);
/** Closes all kept connections; nothing may be running. */
void mux_forget(struct mux *x);
void mux_done(struct mux *x);

#endif
