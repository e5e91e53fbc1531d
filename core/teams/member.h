#ifndef EDDY_TEAMS_MEMBER_H
#define EDDY_TEAMS_MEMBER_H

#include <jansson.h>

#include "../api/problem.h"
#include "../people/authority.h"

/*
 * Roles that were given.  One at a node holds below it too; the highest counts; "none" takes away what the platform implies.  Nobody gives or
 * takes a role above their own at that node, and the organisation keeps an owner.  Inside a tenant transaction; ERR_INPUT comes with ${why}.
 */
extern const struct pg_statement member_statements[];

/** The user behind a person's id or ADAPTER:ID.  ERR_INPUT: nobody. */
enum err member_find(struct pg *pg, struct id ws, const char *name, struct id *user, struct problem *why);
enum err member_put(struct pg *pg, const struct caller *by, struct id node, struct id user, enum role role, struct problem *why);
/** Takes what was given at ${node}; what the platform implies or a node above gives holds again. */
enum err member_remove(struct pg *pg, const struct caller *by, struct id node, struct id user, struct problem *why);
/** Who has a role at ${node}, given there or above, as an array: person, name, role, at (short name of the node that gives it). */
enum err member_list(struct pg *pg, struct id ws, struct id node, json_t **out);

#endif
