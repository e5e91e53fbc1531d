#ifndef EDDY_NET_LOOP_H
#define EDDY_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "../../core/base/err.h"

struct lws_context;
struct lws_protocols;
struct metrics;

/*
 * The loop thread: every server socket, every websocket, their timers.  libwebsockets runs on this libuv loop.  Nothing
 * here may block.  loop_post() is the only function that other threads may call.
 */
struct loop;
enum err loop_new(struct loop **out, struct metrics *ms);
uv_loop_t *loop_uv(struct loop *l);
/**
 * The one libwebsockets context; made by loop_listen() or at the first loop_lws() without a listener.  ${protocols} must
 * outlive the loop.
 */
struct lws_context *loop_lws(struct loop *l);
/** Protocols must all be added before loop_start(); client protocols (Slack) and server protocols (web) share the context. */
void loop_add_protocol(struct loop *l, const struct lws_protocols *p);
/** Listen on host:port when the loop starts (port 0: any, see loop_port()). */
void loop_listen(struct loop *l, const char *host, int port);
int loop_port(const struct loop *l);
/** Creates the context and the thread.  ERR_BROKEN: ${why} says what (port in use …). */
enum err loop_start(struct loop *l, char *why, size_t why_n);
/** Run ${fn} on the loop thread soon, in order.  Any thread.  false: the loop is stopping. */
bool loop_post(struct loop *l, void (*fn)(void *arg), void *arg);
bool loop_is_current(const struct loop *l);
/** One-shot or repeating timer owned by the loop thread; create and stop on the loop thread only. */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, uint64_t after_ms, uint64_t every_ms, void (*fn)(void *arg), void *arg);
void loop_timer_stop(struct loop_timer *t); /* frees it; NULL is fine */
void loop_stop(struct loop *l);  /* any thread: ends the loop and joins it */
void loop_free(struct loop *l);

#endif
