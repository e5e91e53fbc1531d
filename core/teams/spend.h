#ifndef EDDY_TEAMS_SPEND_H
#define EDDY_TEAMS_SPEND_H

#include <jansson.h>

#include "../agents/budget.h"
#include "../api/problem.h"
#include "../people/authority.h"

/*
 * Budgets as people set them and see them.  A budget of a team is set by who is an admin above it; its own admins may only make it tighter.
 * Inside a tenant transaction; ERR_INPUT comes with ${why}.
 */
extern const struct pg_statement spend_statements[], spend_layer_statements[];

/** ${cap}: BUDGET_NO_CAP in both takes the row away.  ${s} with the workspace's own id and kind BUDGET_NODE or BUDGET_PERSON: each of them. */
enum err spend_set(struct pg *pg, const struct caller *by, struct budget_subject s, enum budget_period period,
    struct budget_amount cap, struct problem *why);
/** Rows at ${node} and below (the organisation: all, persons too), or of ${s} alone if it is not NULL, as an array. */
enum err spend_list(struct pg *pg, struct id ws, struct id node, const struct budget_subject *s, json_t **out);
/** The same for who asks "spend_list" together with other things: its arguments (the caller's), and its answer as an array. */
struct pg_args *spend_list_args(struct id ws, struct id node, const struct budget_subject *s);
json_t *spend_list_of(const PGresult *r, struct id ws);
/**
 * spend_list() of all at ${node}, and what may be spent there and below, as an array: each cap with where it comes from, and all that was said about it from
 * the platform down.  What people chose for themselves is theirs to see and not in it.
 */
enum err spend_layers(struct pg *pg, struct id ws, struct id node, json_t **rows, json_t **caps);
/** What ${s} has used on each of the last ${days} days, as an array. */
enum err spend_days(struct pg *pg, struct id ws, struct budget_subject s, int days, json_t **out);
/** What each node below ${node}, or each person, has used in the last ${days} days, the most first. */
enum err spend_by(struct pg *pg, struct id ws, struct id node, enum budget_kind kind, int days, json_t **out);

#endif
