#ifndef EDDY_ENGINE_SUB_H
#define EDDY_ENGINE_SUB_H

#include "../agents/agent.h"
#include "engine_internal.h"

/*
 * Conversations inside a run (docs/adr/105-sub-agents.md).  An agent asks another by a call of a tool; the steps of what comes of it have the next
 * depth, and its last words are the result of the call.  Whoever holds the run calls these.
 */
#define SUB_DEPTH_MAX 3
#define SUB_TASK_MAX 8000 /* bytes */

/* Where a run is, as its steps and r->depth tell. */
struct sub_at {
	size_t opened[SUB_DEPTH_MAX]; /* the call that opened depth 1, 2 …: a step, of those up to r->depth */
	size_t from;                  /* the first step of the innermost conversation, or where it will be */
	uint32_t turns;               /* of the innermost conversation, done */
	uint32_t all_turns;           /* of the run: done turns of all, and conversations that have ended */
	size_t answered;              /* calls of the innermost conversation that have a result */
};
void sub_look(const struct run *r, struct sub_at *out);
/** The steps of the innermost conversation are calls without a result; ${out} is the caller's, free().  In their order. */
size_t sub_pending(const struct run *r, size_t **out);
/** After steps were loaded: sets r->depth and r->turns. */
void sub_resume(struct run *r);
/** How often the model has asked for the very same now: with nothing else in between, or in this conversation. */
unsigned sub_same_calls(const struct run *r);

/**
 * The agent whose turn it is, the caller's; ${out} NULL and ERR_NONE: not in memory, and ${pg} is NULL.  ${run_turns}: the most turns of the whole run.
 * ${parent}: the name of the one that has asked it, the caller's, NULL at depth 0; may be NULL.
 * ${gone}: a conversation was opened with an agent that is not there any more; then ${out} is NULL.  Sets r->agent.
 */
enum err sub_agent(struct run *r, struct pg *pg, struct agent **out, char **parent, uint32_t *run_turns, bool *gone);

/* An agent that may be asked now. */
struct sub_offer {
	char name[AGENT_TOOL_NAME];
	char *description;
};
struct sub_offers {
	struct sub_offer of[AGENT_SUBS_MAX];
	size_t len;
	bool known; /* false: ask again with ${pg} */
};
extern const char sub_schema[];
/** Whom ${a} may ask in ${r}: those that are there and switched on, none at the last depth, none without a model.  sub_offers_done() is the caller's. */
enum err sub_offer(struct run *r, struct pg *pg, const struct agent *a, struct sub_offers *out);
void sub_offers_done(struct sub_offers *o);
/** The call that is about to be made is offered these. */
void sub_offered(struct run *r, const struct sub_offers *o);
/** Is ${name} one of them?  Else it is a name that the model has made up. */
bool sub_is_offered(const struct run *r, const char *name);

/**
 * A call, the step ${call}, in the worker's transaction.  True: a conversation was opened, and it is what goes on.  False: ${out} says why not, or,
 * with ${found} false, that is no agent that may be asked.
 */
bool sub_open(
    struct run *r, const struct sub_offers *o, size_t call, uint32_t all_turns, uint32_t run_turns, bool *found, struct buf *out);
/** The innermost conversation has ended with ${text}; calls of a turn that was not done are dropped.  What comes next is with the one that has asked. */
void sub_close(struct run *r, const char *text, size_t n, bool failed);
/** The task of the innermost conversation, NULL if there is none; the caller's. */
char *sub_task(const struct run *r, size_t *n);

#endif
