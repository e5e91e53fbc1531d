#ifndef EDDY_TEAMS_NODE_H
#define EDDY_TEAMS_NODE_H

#include <jansson.h>
#include <stdbool.h>

#include "../api/problem.h"
#include "../people/authority.h"

/*
 * The tree of a workspace: one organisation, units in it and in each other, teams as leaves; and which team owns which place.  All of it runs
 * inside a tenant transaction.  Whatever changes the tree first takes its lock (node_lock), so that two changes that are each right cannot be
 * wrong together.  ERR_INPUT comes with ${why}; then the caller rolls back.
 */
#define NODE_DEPTH_MAX 8    /* the organisation is 1 */
#define NODE_COUNT_MAX 5000 /* in a workspace */
#define NODE_SLUG_MAX 63
extern const struct pg_statement node_statements[];

/** Until the end of the transaction nobody else changes the tree, its members, its settings or its routes. */
enum err node_lock(struct pg *pg, struct id ws);

struct node_new {
	struct id id; /* named by the call: the same again makes nothing new */
	struct id parent;
	enum node_kind kind; /* a unit or a team */
	const char *slug;    /* NULL or "": from the name */
	const char *name;
};
enum err node_create(struct pg *pg, struct id ws, const struct node_new *n, struct problem *why);
/** Rename; NULL leaves a thing as it is. */
enum err node_rename(struct pg *pg, struct id ws, struct id node, const char *name, const char *slug, struct problem *why);
/** ${by} must be an admin where ${node} stands now and where it goes. */
enum err node_move(struct pg *pg, const struct caller *by, struct id node, struct id parent, struct problem *why);
/**
 * Give ${node} up.  What it owns (places, routes, nodes below it) goes to ${heir}, where ${by} must be an admin too; with ${heir} none it must
 * own nothing.  Its short name is free again.  ${by} must be an admin above it.
 */
enum err node_archive(struct pg *pg, const struct caller *by, struct id node, struct id heir, struct problem *why);
/** ${node} as an object: id, slug, name, kind, parent, path, places, members, children. */
enum err node_get(struct pg *pg, struct id ws, struct id node, json_t **out);
/** ${node} and what is below it, as an array in the order of a tree: id, slug, name, kind, parent, depth, places, members. */
enum err node_list(struct pg *pg, struct id ws, struct id node, json_t **out);
const char *node_kind_name(enum node_kind k); /* "organisation", "unit", "team" */

/**
 * A place by its id or by ADAPTER:KEY goes to ${team} (the organisation: nobody's).  ${by} must be an admin of whoever owns it now; else it
 * is not found.  ${place}: which one it was.
 */
enum err node_assign(
    struct pg *pg, const struct caller *by, const char *name, struct id team, struct id *place, struct problem *why);
/** The places that ${node} and what is below it own, as an array: id, adapter, key, name, team. */
enum err node_places(struct pg *pg, struct id ws, struct id node, json_t **out);

#endif
