#ifndef EDDY_ENGINE_VECTORS_H
#define EDDY_ENGINE_VECTORS_H

#include "../talk/recall.h"
#include "engine_internal.h"

/*
 * Semantic recall: asking the model for vectors, of messages in the background and of what somebody looks for.  Off (everything here then does
 * nothing) unless recall.model is set and the model port can do it.
 */
struct vectors;
struct vectors *vectors_new(const struct engine *e); /* NULL: off */
void vectors_free(struct vectors *v);
/** One round over all workspaces, of some seconds at most.  Blocks: workers and tests, outside a transaction; one process of all. */
enum err vectors_round(struct engine *e, struct pg *pg);
/**
 * ${words} as a question; false: off, away, too slow, or they ask for letters ("phrases", -without).  Outside a transaction; ${out}->v is the
 * caller's: free().
 */
bool vectors_question(struct engine *e, struct pg *pg, struct id ws, const char *words, struct recall_question *out);
/** The same for what was asked a moment ago, without asking anybody.  Any thread. */
bool vectors_asked(struct engine *e, struct id ws, const char *words, struct recall_question *out);
/** Before the transaction of a tool's call: ask what it is going to look for. */
void vectors_prepare(struct engine *e, struct pg *pg, struct id ws, const char *tool, const char *args, size_t n);

#endif
