#ifndef EDDY_ENGINE_KEY_ENDS_H
#define EDDY_ENGINE_KEY_ENDS_H

#include "engine_internal.h"

/**
 * Tell the admins, and whoever made it, of each API key of ${ws} that ends in a week and in a day, once each for all processes: what is told and that it is told
 * is one transaction.  As if it were ${ahead_ms} later.  On a worker, ${pg} idle.  ERR_RETRY: the database is away; what was not told is told in the next round.
 */
enum err key_ends_round(struct engine *e, struct pg *pg, struct id ws, uint64_t ahead_ms);

#endif
