#ifndef EDDY_ENGINE_CONTEXT_H
#define EDDY_ENGINE_CONTEXT_H

#include "../people/directory.h"
#include "engine_internal.h"
#include "sub.h"

/* What one model call is told: prompt, the thread up to the question, what tools have said, and which tools there are. */
struct context {
	struct agent *agent;
	uint32_t run_turns; /* the most of the whole run */
	char *parent;       /* the name of the agent that has asked it; NULL: a person has */
	struct buf system;
	struct model_message *messages;
	size_t messages_len;
	struct sub_offers offers; /* agents that may be asked */
	char *task;               /* of a conversation inside the run */
	struct model_tool tools[AGENT_TOOLS_MAX + AGENT_SUBS_MAX];
	size_t tools_len;
	struct person_card card; /* who asks */
	uint32_t input_tokens;   /* estimated */
	struct transcript transcript;
	struct buf fork;    /* of a side thread: what it is about */
	struct buf earlier; /* of a long thread: what was said before the messages, in short */
	int64_t earlier_before;
	struct buf names; /* the memory of texts with names in front */
};
/**
 * Build it; on a worker, outside a transaction.  What is in memory costs no statement.  On success context_done() is the
 * caller's.  ERR_INPUT, inside a conversation with another agent: that agent is not there any more.
 */
enum err context_build(struct run *r, struct pg *pg, struct context *out);
void context_done(struct context *c);

extern const struct pg_statement context_statements[];
/** The card of a person, from memory or (inside a tenant transaction) from the table. */
enum err context_card(struct engine *e, struct pg *pg, struct id ws, struct id person, struct person_card *out);
enum err context_place(struct engine *e, struct pg *pg, struct id ws, struct id place, char *name, size_t n, enum visibility *v);

#endif
