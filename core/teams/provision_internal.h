#ifndef EDDY_TEAMS_PROVISION_INTERNAL_H
#define EDDY_TEAMS_PROVISION_INTERNAL_H

#include "provision.h"

/* What a step of a provisioning works with.  For core/teams/provision*.c only. */
struct provision_step_work {
	struct pg *pg;
	const struct caller *by;
	struct id ws, run, node, parent;
	char *key; /* KEY_TEXT; where the key goes */
	struct problem *why;
	bool more; /* set by a step: it is not through, call it again */
};
struct provision_plan {
	struct pg *pg;
	const struct caller *by;
	const struct provision_ask *ask;
	struct id node;
	bool fresh;    /* the team is not there yet */
	json_t *steps; /* {step, what, args}: those that are not done yet */
	struct problem *why;
};
/** Fills in node and steps (an array of the caller's), under the lock of the tree; all of them were tried and taken back. */
enum err provision_work_out(struct provision_plan *p);

struct provision_verb {
	const char *name;
	/** ${undo}: what was there before, an object of the caller's. */
	enum err (*act)(struct provision_step_work *w, const json_t *args, json_t **undo);
	/** Takes it back.  ${anyhow}: others rest on it, so it is only put out of use.  NULL: it stays done. */
	enum err (*back)(struct provision_step_work *w, const json_t *args, const json_t *undo, bool anyhow);
};
const struct provision_verb *provision_verb(const char *name); /* NULL: none such */
struct id provision_key_id(struct id run);

#endif
