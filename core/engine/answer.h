#ifndef EDDY_ENGINE_ANSWER_H
#define EDDY_ENGINE_ANSWER_H

#include "../agents/tools.h"
#include "engine_internal.h"

/* Canonical answers: facts are read, command_answer() words them into run.answer.  On a worker.  ERR_RETRY: the database is away. */
enum err answer_command(struct run *r, struct pg *pg);

/* What a tool of this run may know; inside the run's tenant transaction. */
struct answer_place {
	struct tool_context ctx;
	char tz[64];
};
enum err answer_tool_context(struct run *r, struct pg *pg, struct answer_place *out);
void answer_place_done(struct answer_place *p);

extern const struct pg_statement answer_statements[];

#endif
