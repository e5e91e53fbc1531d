#ifndef EDDY_ENGINE_POOL_H
#define EDDY_ENGINE_POOL_H

#include "../base/id.h"
#include "../store/pg.h"
#include "../store/writer.h"

/*
 * Whose agents this process answers for.  A team with runtime.mode dedicated is answered by processes that run for it alone (runtime.team), all others
 * by those that run for nobody in particular.  Whoever takes a question in looks whose it is before it begins, and hands the thread over: its row of
 * dispatch gets the team (pool) and no owner, and those who wait for such rows are told.
 */
struct engine;
struct lane;
struct pool;

extern const struct pg_statement pool_statements[], pool_read_statements[];

/** For the team ${name} (a short name or an id); NULL or "": NULL. */
struct pool *pool_new(const char *name);
void pool_free(struct pool *p); /* NULL is fine */
/** Find out which nodes of which workspaces that is, now.  Blocking; a worker or the start. */
void pool_look(struct engine *e, struct pg *pg);
/** The same by a worker, soon.  Nothing for a process of all. */
void pool_look_soon(struct engine *e);
/** Is ${team} (none: one that shares the processes) this process's to answer?  Any thread. */
bool pool_is_ours(struct engine *e, struct id team);
/** Append who we are to a statement's arguments: an array of ids, or NULL for a process of all. */
void pool_arg(struct engine *e, struct pg_args *g);
/** In a transaction of the writer: let others see that there is a process for this team. */
void pool_here(struct engine *e, struct writer_tx *tx);
/** Give the lane's thread to the processes of ${team}, none: to those of all.  Ends with lane_moved().  The writer's thread. */
void pool_hand_over(struct engine *e, struct lane *l, struct id team);

#endif
