#ifndef EDDY_TEAMS_DEDICATED_H
#define EDDY_TEAMS_DEDICATED_H

#include <jansson.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

extern const struct pg_statement dedicated_statements[];
/**
 * The nodes of ${ws} whose agents answer in processes of their own (runtime.mode), as an array: team, name, served (there is such a process now),
 * waiting (threads that wait for one).  Inside a tenant transaction.
 */
enum err dedicated_list(struct pg *pg, struct id ws, json_t **out);

#endif
