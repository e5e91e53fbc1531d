#ifndef EDDY_ENGINE_UPKEEP_H
#define EDDY_ENGINE_UPKEEP_H

#include "../memory/forget.h"
#include "engine_internal.h"

/*
 * What the clock does, every engine.upkeep, in bounded steps: erases what was deleted (every process; the rows say who is at it), and, in
 * one process of all, archives threads that nobody writes in, offers to sum up those that have fallen silent, lets offers and items expire
 * says which API keys end soon, closes side threads that could not be opened and goes on with teams that are set up or given up.
 */
extern const struct pg_statement upkeep_statements[];
void upkeep_start(struct engine *e);
/** Erase again what the ledger has and the database, put back from a backup, does not.  Before anybody is served; blocks. */
enum err upkeep_again(struct engine *e);
/** Something was deleted: look within the second.  Any thread. */
void upkeep_soon(struct engine *e);
/** One round, now, as if it were ${ahead_ms} later; with ${all} what only one process does as well.  Blocks: workers and tests. */
enum err upkeep_round(struct engine *e, uint64_t ahead_ms, bool all);
/** Work on one erasure until it is done or waits; live views and caches hear of it.  On a worker, outside a transaction. */
enum err upkeep_erase(struct engine *e, struct pg *pg, struct id ws, struct id erasure, enum forget_state *state);

#endif
