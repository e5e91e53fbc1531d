#ifndef EDDY_ENGINE_TRACK_H
#define EDDY_ENGINE_TRACK_H

#include "../agents/tools.h"
#include "../agents/tracker.h"
#include "engine_internal.h"

/*
 * Looking into a team's tracker with the asker's own account, before the tools of a turn run.
 */
extern const struct pg_statement track_statements[];
struct track;
/** Ask for each call of the tracker among the steps from ${first} on; ${pg} is idle, blocking: a worker.  NULL: there is none. */
struct track *track_ask(struct run *r, struct pg *pg, size_t first);
/** For struct tool_context. */
enum err track_take(void *track, const char *args, size_t n, struct buf *out);
void track_free(struct track *t); /* NULL is fine */

#endif
