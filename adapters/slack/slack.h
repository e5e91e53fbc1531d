#ifndef EDDY_SLACK_H
#define EDDY_SLACK_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/err.h"
#include "../../core/engine/engine.h"
#include "../../core/settings/settings.h"

struct buf;
struct guests;
struct http;
struct loop;
struct metrics;

/* The Slack adapter: events in over Socket Mode, answers out over the Web API.  docs/slack.md tells how it works. */
extern const struct setting slack_settings[];
extern const struct adapter_ops slack_ops;

struct slack_options { /* all borrowed; they outlive the adapter */
	const struct settings *settings;
	struct metrics *metrics;
	struct engine *engine;
	struct loop *loop;
	struct http *http;
	struct guests *guests; /* where requests of Slack and people who add the app come in; NULL: nowhere */
};
/** True when there is a way in (a link or HTTP) and a token or a way to get them; with less slack_check_settings() says what is missing. */
bool slack_configured(const struct settings *s);
/** Are the Slack settings such that slack_open() can take them?  Asks nobody.  ERR_INPUT: ${why} names the setting and the mending. */
enum err slack_check_settings(const struct settings *s, char *why, size_t n);
/** Checks the settings and registers the link's protocol: before loop_start() and engine_start().  ERR_INPUT: ${why} says what is wrong. */
enum err slack_open(struct adapter **out, const struct slack_options *o, char *why, size_t why_n);
/** Starts to connect, in the background: Slack being away stops nothing.  After loop_start() and engine_start(). */
void slack_start(struct adapter *a);
/** No new events from here on; what was accepted is still acknowledged and delivered.  Any thread but loop and http; twice is fine. */
void slack_stop(struct adapter *a);
/** Ends what is still going out, each with its outcome: after engine_drain(), before http_stop() and engine_free().  Twice is fine. */
void slack_leave(struct adapter *a);
/** After the engine, the loop and the http thread have stopped.  NULL is fine. */
void slack_free(struct adapter *a);

/** The app manifest with the configured names (YAML), for api.slack.com/apps. */
void slack_manifest_print(const struct settings *s, struct buf *out);
/**
 * For `eddy doctor`: are the tokens good, are the scopes of the manifest there, is Socket Mode on?  Appends a line for each finding,
 * "ok ..." or "bad ... (how to mend)".  Blocking, up to 20 s; ${http} may be private to the caller.  ERR_NONE: all good.
 */
enum err slack_check(const struct settings *s, struct http *http, struct buf *out);

#endif
