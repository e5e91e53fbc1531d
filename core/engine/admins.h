#ifndef EDDY_ENGINE_ADMINS_H
#define EDDY_ENGINE_ADMINS_H

#include "engine_internal.h"

/*
 * Word to admins: what they should hear without having asked, privately, in the conversation that each of them last had with Eddy alone.  It goes into the
 * transaction that notes that it was said, so it is said once or not at all.  On a worker.
 */
extern const struct pg_statement admins_statements[];
struct admins_word;
/** For a transaction of ${ws} on ${pg}, which is open; admins_told() ends it. */
struct admins_word *admins_word(struct engine *e, struct pg *pg, struct id ws);
/**
 * Say ${md} to the admins of ${node} and above it, and to ${also} (may be none) while they are a member there; with none above, to whoever sits at the
 * terminal.  ${name}: names this word; the same again is said once.  ${reached}: grows by how many have such a conversation.
 */
enum err admins_tell(
    struct admins_word *w, struct id node, struct id also, const char *name, const char *md, size_t n, int *reached);
/** The transaction has ended: live views and senders hear of it, or nobody does.  Frees ${w}; NULL is fine. */
void admins_told(struct admins_word *w, bool committed);

#endif
