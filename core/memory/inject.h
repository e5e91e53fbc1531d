#ifndef EDDY_MEMORY_INJECT_H
#define EDDY_MEMORY_INJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

struct buf;
struct search_reads;

/*
 * What a run is told of what is remembered: confirmed items that everyone who sees its thread may read, the nearest and best matching
 * first, as many as fit.  A workspace without items costs nothing: whether it has any is known here, is asked again after ${look_again_ms} (another
 * process may have stored some) and set at once by what this process stores.  Any thread.
 */
struct memory;
struct memory *memory_new(uint32_t look_again_ms);
void memory_free(struct memory *m); /* NULL is fine */
/** False: ${ws} is known to have no items, nothing has to be asked. */
bool memory_may_have(struct memory *m, struct id ws);
/** An item was stored or confirmed in ${ws}. */
void memory_touched(struct memory *m, struct id ws);

struct memory_ask {
	struct id ws, thread, run, person;
	bool guest;
	const char *text; /* the question; NULL: none */
	size_t text_len;
	struct search_reads *reads; /* whose items were told, if not the place's own; may be NULL */
	uint32_t tokens;            /* most that may be added, as context.c counts; 0: nothing */
};
extern const struct pg_statement inject_statements[];
/**
 * Append them as a part of the system prompt, and note with the run (runs.given) which they were.  Inside a tenant transaction.  Nothing is
 * added when nothing fits or there is nothing.
 */
enum err memory_inject(struct memory *m, struct pg *pg, const struct memory_ask *q, struct buf *out);

/** What the prompt says of items: prompts/memory.md around ${lines}, fenced.  Pure. */
void memory_prompt(const char *lines, size_t n, struct buf *out);
/** The same of the items that were told ${run} (runs.given), as they are now. */
enum err memory_given(struct pg *pg, struct id ws, struct id run, struct buf *out);

#endif
