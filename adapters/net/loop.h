#ifndef EDDY_NET_LOOP_H
#define EDDY_NET_LOOP_H

#include <stdbool.h>
#include <stddef.h>
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
/** The one libwebsockets context; NULL before loop_start() made it and while the loop ends. */
struct lws_context *loop_lws(struct loop *l);
/**
 * Two vhosts share the context, so that a page cannot name a protocol that is meant for our own outgoing links: LOOP_CLIENT
 * protocols (a vhost without listener, the default of lws_client_connect_via_info()) and LOOP_SERVER ones.  Add all of them before
 * loop_start(); the structs are copied, names, callbacks and users must outlive the loop.  The first LOOP_SERVER protocol gets plain
 * HTTP requests and websockets that name no protocol.  Set rx_buffer_size in each: 0 costs LOOP_SERV_BUF per websocket.
 */
#define LOOP_SERV_BUF 65536
enum loop_side { LOOP_CLIENT, LOOP_SERVER };
void loop_add_protocol(struct loop *l, enum loop_side side, const struct lws_protocols *p);
/** Certificates that outgoing links trust instead of the system's (NULL: the system's); before loop_start(). */
void loop_trust(struct loop *l, const char *ca_file);
/** Listen on host:port when the loop starts (port 0: any, see loop_port()); without this call nothing listens. */
void loop_listen(struct loop *l, const char *host, int port);
int loop_port(const struct loop *l);
/**
 * Call ${fn} on the loop thread in each turn of the loop, after what has come in was looked at and before the loop waits again; for one user, before
 * loop_start().  It must be quick when there is nothing to do.
 */
void loop_each_turn(struct loop *l, void (*fn)(void *arg), void *arg);
/** Creates the context and the thread.  ERR_BROKEN: ${why} says what (port in use …). */
enum err loop_start(struct loop *l, char *why, size_t why_n);
/** Run ${fn} on the loop thread soon, in order.  Any thread.  false: the loop is stopping. */
bool loop_post(struct loop *l, void (*fn)(void *arg), void *arg);
bool loop_is_current(const struct loop *l);
/**
 * One-shot or repeating (${every_ms} > 0) timer; create and stop on the loop thread only.  A one-shot timer must still be stopped to
 * be freed (stopping it inside ${fn} is fine).  Timers that live when the loop ends are freed by it.
 */
struct loop_timer;
struct loop_timer *loop_timer_new(struct loop *l, uint64_t after_ms, uint64_t every_ms, void (*fn)(void *arg), void *arg);
void loop_timer_stop(struct loop_timer *t); /* frees it; NULL is fine */
/** Runs what was posted, closes all sockets (their CLOSED callbacks come), ends the thread.  Any thread but the loop's; twice is fine. */
void loop_stop(struct loop *l);
void loop_free(struct loop *l); /* stops it if need be; NULL is fine */

#endif
