#ifndef EDDY_SLACK_ADMIN_H
#define EDDY_SLACK_ADMIN_H

#include "../../core/base/err.h"

struct buf;
struct engine;
struct http;
struct settings;

/* For the terminal of the server; the engine is open and need not be started. */
/** Appends a line for each workspace that there is or was. */
enum err slack_workspaces(struct engine *e, struct buf *out);
/** Takes the app away from workspace or organisation ${id}: Slack is told, the token is gone.  ERR_INPUT: there is none; ${out}: what to know. */
enum err slack_remove(const struct settings *s, struct engine *e, struct http *http, const char *id, struct buf *out);
/** For `eddy doctor`: the token of each; a line for each, "ok ..." or "bad ... (how to mend)".  ERR_INPUT: one is bad. */
enum err slack_check_workspaces(const struct settings *s, struct engine *e, struct http *http, struct buf *out);

#endif
