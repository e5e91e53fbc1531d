#ifndef EDDY_MEMORY_HOLD_H
#define EDDY_MEMORY_HOLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * Legal holds (docs/adr/102-legal-holds.md).  While one stands, what it covers and somebody erases, deletes or edits leaves messages, memory and
 * search as always, but into held_rows, by triggers of the tables; erasures of it wait (FORGET_HELD) and are worked off when it has ended.
 */
extern const struct pg_statement hold_statements[];
enum hold_kind { HOLD_PERSON = 1, HOLD_THREAD, HOLD_PLACE, HOLD_WORKSPACE }; /* holds.kind */

struct hold {
	struct id id;
	enum hold_kind kind;
	const struct id *subjects; /* of a person all linked accounts; of the workspace itself */
	size_t subjects_len;
	const char *reason;
	struct id by; /* none: the terminal, or a key */
	int64_t placed_ms, end_asked_ms, ended_ms;
	struct id end_asked_by;
	int64_t rows; /* that are held because of it, and perhaps of others */
};
/* Inside a tenant transaction. */
enum err hold_place(struct pg *pg, struct id ws, const struct hold *h);
/** Is there such a thread?  ERR_INPUT: no. */
enum err hold_thread(struct pg *pg, struct id ws, struct id thread);
/**
 * End one.  ${two}: that takes two people, who are named; the first call asks, ${ended} is false.  ERR_INPUT: there is none that stands.
 * ERR_DENIED: it takes somebody else.
 */
enum err hold_end(struct pg *pg, struct id ws, struct id id, struct id by, bool two, bool *ended);
/** Those that stand, with ${all} the others as well; newest first, at most ${max}. */
enum err hold_list(struct pg *pg, struct id ws, bool all, int32_t max, void (*fn)(void *arg, const struct hold *h), void *arg);

/**
 * Take away, in pieces, what no hold covers any more, and let the erasures go on that waited for it; ${woken}: some do.  In tenant transactions
 * of its own.
 */
enum err hold_release(struct pg *pg, struct id ws, bool *woken);

struct hold_report {
	long standing, asked; /* of those, somebody wants ended */
	long rows, waiting;   /* rows that are held; erasures that wait */
	int64_t oldest_ms;    /* the oldest that stands; 0: none */
};
/** Over all workspaces, for doctor.  Outside a transaction. */
enum err hold_report(struct pg *pg, struct hold_report *out);

#endif
