#ifndef EDDY_TEAMS_PROVISION_H
#define EDDY_TEAMS_PROVISION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../api/problem.h"
#include "../people/authority.h"
#include "../people/keys.h"

/*
 * Teams that are set up, and given up, in steps: the team, its agent, its settings, its admins, its routes, its key.  A step is done in one
 * transaction with the row that says so, so that a crash leaves it done or not; whoever comes next goes on.  A step that fails is followed by
 * those that take back what was done before it, last first.  Two that work on one team wait for each other.
 */
extern const struct pg_statement provision_statements[], provision_plan_statements[], provision_step_statements[];

enum provision_kind { PROVISION_SET_UP = 1, PROVISION_GIVE_UP = 2 };
enum provision_state { PROVISION_GOES_ON = 1, PROVISION_UNDOING = 2, PROVISION_DONE = 3, PROVISION_UNDONE = 4 };

struct provision_ask {
	struct id parent;  /* what the team stands in; ${by} is an admin there */
	const json_t *doc; /* arguments of team.provision (core/api/api_provision.c) */
	const char *key;   /* an idempotency key; NULL: none */
	struct id request; /* names what is made */
};
/**
 * Note what is to be done.  Inside a tenant transaction.  All of it was tried, and taken back, before this succeeds.  ${run}: whose steps
 * provision_work() does next; none: everything is as asked for already.  The same again while it is at work, or with its key, is the same run.
 * ${node}: the team.  ERR_INPUT: ${why}.
 */
enum err provision_begin(
    struct pg *pg, const struct caller *by, const struct provision_ask *ask, struct id *run, struct id *node, struct problem *why);
/** What provision_begin() would do, as an array of {"step", "what"}; the caller rolls back. */
enum err provision_plan(struct pg *pg, const struct caller *by, const struct provision_ask *ask, json_t **out, struct problem *why);
/**
 * Note that ${node} is to be given up: keys revoked, routes and places freed, agents made for it switched off, its threads archived; with ${erase}
 * what was said in them and its settings are erased.  ${by} must be an admin above it; units and teams in it must go first.
 */
enum err provision_leave(
    struct pg *pg, const struct caller *by, struct id node, bool erase, struct id request, struct id *run, struct problem *why);

enum provision_point { PROVISION_BEFORE, PROVISION_INSIDE /* done, not committed */, PROVISION_AFTER };
struct provision_with {
	bool attended; /* somebody is told the key: without, the step "key" waits */
	/** Erases one thread, in a transaction of its own; ERR_RETRY: not now.  NULL: cannot be done here, the step waits. */
	enum err (*erase)(void *arg, struct id ws, struct id thread);
	/** Watches the steps; NULL: nobody.  Anything but ERR_NONE makes the step fail. */
	enum err (*look)(void *arg, const char *verb, int n, enum provision_point at, bool back);
	void *arg;
};
struct provision_end {
	enum provision_state state;
	struct id node;
	bool waits; /* for somebody who is told the key, or for the daemon */
	char key[KEY_TEXT];
	struct id key_id;
	struct problem why; /* of what is undone */
};
/**
 * Do the steps of ${run}, or undo them, to the end.  ${pg} is idle; each step is a transaction.  ERR_RETRY, ERR_BROKEN: call again later.
 * ERR_INPUT: there is no such run.
 */
enum err provision_work(struct pg *pg, struct id ws, struct id run, const struct provision_with *with, struct provision_end *out);
/** All runs of ${ws} that are at work, each as far as it goes.  ${pg} is idle. */
enum err provision_resume(struct pg *pg, struct id ws, const struct provision_with *with);

/** The newest 100 at ${node} and below, as an array: id, team, kind, state, why, at_ms, steps: [{step, what, state}].  Inside a tenant transaction. */
enum err provision_list(struct pg *pg, struct id ws, struct id node, bool open, json_t **out);

#endif
