#ifndef EDDY_ENGINE_RESOLVE_H
#define EDDY_ENGINE_RESOLVE_H

#include "ask.h"
#include "fork.h"

/* What comes back from a side thread: handlers of ask_resolve.c, in the table of ask_forks.c. */
extern const struct pg_statement ask_resolve_statements[];
enum err resolve_answer(struct ask *a);
enum err resolve_complete(struct ask *a, const char *said, size_t n);
enum err accept_answer(struct ask *a);
enum err edit_answer(struct ask *a);
enum err discard_answer(struct ask *a);

/* Of ask_forks.c. */
enum err fork_audit(struct ask *a, const char *verb, struct id fork, struct id thread);
enum err fork_end(struct ask *a, const struct fork_row *f, enum fork_state to);
void fork_say_state(struct ask *a, const struct fork_row *f);

#endif
