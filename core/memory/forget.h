#ifndef EDDY_MEMORY_FORGET_H
#define EDDY_MEMORY_FORGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../engine/intent.h"
#include "../store/pg.h"

/*
 * Deleted messages, erased threads and forgotten people: until nothing of them is left (docs/adr/073-erasure.md).  Each is a row of
 * erasures with the step it is at; forget_work() does one bounded piece of it in a transaction of its own, so that a crash costs one piece.
 */

/* ---- what rests on messages, in the transaction that changes them: each statement has $1 ws, $2 uuid[] ---- */
extern const struct pg_statement derived_statements[];            /* of the writer and of workers */
extern const char *const derived_gone[], *const derived_edited[]; /* names, ending with NULL */

#define FORGET_STEP_WORDS "11" /* where the work on a message or a thread begins: accept.c */
#define FORGET_FILE_WORDS(m) "to_tsvector('eddy.plain', coalesce(jsonb_path_query_array(" m ".files, '$[*].name')::text, ''))"

extern const struct pg_statement forget_statements[]; /* of workers */

struct forget_order {
	struct id ws, id; /* id: computed from what asked for it */
	struct id person;
	struct id run, message; /* its answer is the receipt; the message goes when that is over.  None: nobody waits for one */
};
/** Note that a person is to be forgotten; the same order again changes nothing.  Inside a tenant transaction. */
enum err forget_person(struct pg *pg, const struct forget_order *o);
/** Inside the transaction that empties a thread, before it does: what Eddy said elsewhere with its words is to follow. */
enum err forget_thread(struct pg *pg, struct id ws, struct id thread);

/* A message that was emptied or, of a resolution, cut. */
struct forgotten {
	struct id thread, message;
	int64_t seq, rev;
	bool cut;         /* the text that is left, else nothing is */
	const char *text; /* borrowed */
};
enum forget_state {
	FORGET_MORE,  /* call again */
	FORGET_WAITS, /* for runs of the person to end: call again later */
	FORGET_DONE,
	FORGET_QUOTES, /* an edited message that side threads quote: fork_requote() is to do it */
};
/* What it needs from outside. */
struct forget_ends {
	void (*told)(void *arg, const struct forgotten *f); /* with each message after COMMIT */
	/** Of an origin of ${adapter}: the same without words of people (adapter_ops.origin_plain).  0: it has none. */
	size_t (*plain)(void *arg, const char *adapter, const void *origin, size_t n, char out[INTENT_ORIGIN_MAX]);
	const char *adapters[16]; /* whose origins may have such words */
	size_t adapters_len;
	void *arg;
};
/**
 * One piece of the work on ${id}, in a tenant transaction of its own.  Two processes at one erasure are in order: one waits for the other.
 * ERR_RETRY: the database is away or busy.
 */
enum err forget_work(struct pg *pg, struct id ws, struct id id, const struct forget_ends *ends, enum forget_state *state);
/** The workspaces that have something to erase; ${fn} is called with each.  Outside of transactions. */
enum err forget_tenants(struct pg *pg, void (*fn)(void *arg, struct id ws), void *arg);
/** Up to ${max} open erasures of a workspace, oldest first. */
enum err forget_open(struct pg *pg, struct id ws, struct id *out, size_t max, size_t *n);

struct forget_counts {
	int messages, answers, items, threads;
	bool waits; /* all but what can only be done when the receipt is out is done */
};
/** Inside a tenant transaction.  ERR_INPUT: there is no such erasure. */
enum err forget_read(struct pg *pg, struct id ws, struct id id, struct forget_counts *out);

#endif
