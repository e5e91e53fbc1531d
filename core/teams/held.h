#ifndef EDDY_TEAMS_HELD_H
#define EDDY_TEAMS_HELD_H

#include <jansson.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

extern const struct pg_statement held_statements[];
/**
 * Who waits because they ask much (docs/limits.md), as an array: person, name, waiting, until; those with most first, at most 50.  Inside a tenant
 * transaction.
 */
enum err held_list(struct pg *pg, struct id ws, json_t **out);

#endif
