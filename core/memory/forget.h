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

enum forget_asked {
	FORGET_ASKED_THERE,
	FORGET_ASKED_SELF,
	FORGET_ASKED_OTHER,
	FORGET_ASKED_OPERATOR,
	FORGET_ASKED_AGAIN,
	FORGET_ASKED_TIME
}; /* erasures.asked */
struct forget_order {
	struct id ws, id; /* id: computed from what asked for it */
	struct id person;
	enum forget_asked asked;
	struct id asked_by;     /* of FORGET_ASKED_OTHER */
	struct id run, message; /* its answer is the receipt; the message goes when that is over.  None: nobody waits for one */
};
/** The persons that are one user with this one, itself first; at most ${max}.  Inside a tenant transaction. */
enum err forget_same_user(struct pg *pg, struct id ws, struct id person, struct id *out, size_t max, size_t *n);
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
	FORGET_LATER, /* call again, when nothing else waits: a sweep, a whole workspace */
	FORGET_WAITS, /* for runs of the person to end: call again later */
	FORGET_HELD,  /* hidden; a legal hold has to end before it is erased for good (hold.h) */
	FORGET_DONE,
	FORGET_QUOTES, /* an edited message that side threads quote: fork_requote() is to do it */
};
struct erased;
/* What it needs from outside. */
struct forget_ends {
	/** Before anything of an erasure is erased: have it in the ledger (erased.h).  An error: it waits.  NULL: nobody keeps one. */
	enum err (*note)(void *arg, const struct erased *line);
	void (*told)(void *arg, const struct forgotten *f); /* with each message after COMMIT */
	void (*gone)(void *arg); /* a whole workspace: what is remembered of it is void, when it begins and when it is done */
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

struct forget_receipt {
	struct id id;
	int kind, state, asked; /* as in erasures */
	struct id asked_by;
	int messages, answers, items, threads;
	int64_t created_ms, done_ms, purged_ms; /* 0: not yet */
	const char *counts;                     /* JSON: values by kind of data */
};
/** One, or with no ${id} all behind the first ${skip}, newest first, at most ${max}.  Inside a tenant transaction. */
enum err forget_receipts(struct pg *pg, struct id ws, struct id id, int32_t skip, int32_t max,
    void (*fn)(void *arg, const struct forget_receipt *r), void *arg);

struct forget_counts {
	int messages, answers, items, threads;
	bool held;  /* FORGET_HELD */
	bool waits; /* all but what can only be done when the receipt is out is done */
};
/** Inside a tenant transaction.  ERR_INPUT: there is no such erasure. */
enum err forget_read(struct pg *pg, struct id ws, struct id id, struct forget_counts *out);

#endif
