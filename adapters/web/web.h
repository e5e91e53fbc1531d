#ifndef EDDY_WEB_H
#define EDDY_WEB_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/engine/engine.h"
#include "../../core/settings/settings.h"

struct http;
struct loop;
struct metrics;

/* The web adapter: one HTTP server with health, metrics and the websocket protocol eddy.v1 (docs/websocket.md). */
extern const struct setting web_settings[];
extern const struct adapter_ops web_ops;

struct web_options { /* all borrowed; they outlive the adapter */
	const struct settings *settings;
	struct metrics *metrics;
	struct engine *engine;
	struct loop *loop;
	struct guests *guests; /* addresses of other adapters; NULL: none */
	const char *data_dir;
	struct http *http;        /* for log-in services; NULL: there are none */
	const char *mail_adapter; /* name of the adapter that brings links to people (adapter_ops.origin_login); NULL: none */
	bool insecure;            /* the operator said that listening beyond loopback without a log-in is meant */
};
/** Would these settings do?  Needs nothing started.  ERR_INPUT: ${why} says what is wrong and how to mend it. */
enum err web_check(const struct settings *s, bool insecure, char *why, size_t why_n);
/** For `eddy doctor`: the ways into the page, a line per finding, "ok …" or "bad …".  ${mail}: mail is set up. */
enum err web_login_check(const struct settings *s, bool mail, struct http *http, struct buf *out);
/**
 * Writes the local token, makes the local workspace, adds protocols and listener to the loop and listens to the engine's events.  Blocking;
 * before engine_start() and loop_start().
 */
enum err web_open(struct adapter **out, const struct web_options *o, char *why, size_t why_n);
/** Says in data_dir under which port it listens, for the terminal.  After loop_start(). */
void web_start(struct adapter *a);
/** A link that logs the person of this terminal in on the page, once and for ten minutes.  Blocking; after loop_start(). */
enum err web_login_link(struct adapter *a, struct buf *out);
/** Take no new clients; those that are there go on hearing what is being written.  Any thread. */
void web_stop(struct adapter *a);
/**
 * Tell every client that the server goes away (close code 1012), behind all that was queued for it, and wait a moment until they have it.
 * After engine_drain(), before loop_stop(); any thread but the loop's.
 */
void web_leave(struct adapter *a);
/** After the loop and the engine have stopped.  NULL is fine. */
void web_free(struct adapter *a);

/** Split "host:port", "[::1]:port" or ":port"; false when it is none of them. */
bool web_listen_parse(const char *listen, char *host, size_t host_n, int *port);
#define WEB_TOKEN_FILE "local-token"
#define WEB_PORT_FILE "local-port"

#endif
