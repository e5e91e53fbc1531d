#ifndef EDDY_TEAMS_PLACE_H
#define EDDY_TEAMS_PLACE_H

#include <jansson.h>
#include <stdbool.h>

#include "../api/problem.h"
#include "../people/authority.h"

/*
 * Places that outsiders read.  Where another organisation can come in by itself (a shared channel of Slack), Eddy says nothing until an admin
 * has said yes once; the engine reads that with every message, so a change holds for the next one.  A place that becomes shared again is closed
 * again.  Inside a tenant transaction.
 */
extern const struct pg_statement place_statements[];

/** The id of a place by its id or ADAPTER:KEY.  ERR_INPUT: ${why}. */
enum err place_find(struct pg *pg, struct id ws, const char *name, struct id *place, struct problem *why);
/**
 * Let Eddy answer in ${place}, or no more; the caller writes the audit entry.  ${changed}: it was not so before.  ERR_INPUT: nobody
 * from outside reads there, ${why}.
 */
enum err place_set_allowed(struct pg *pg, struct id ws, struct id place, bool allow, bool *changed, struct problem *why);
/** All shared places: id, adapter, key, name, team, state ("open", "closed"), since. */
enum err place_shared(struct pg *pg, struct id ws, json_t **out);

#endif
