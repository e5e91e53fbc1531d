#ifndef EDDY_MEMORY_WHOLE_H
#define EDDY_MEMORY_WHOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"
#include "forget.h"
#include "hold.h"

/*
 * Erasing a whole workspace (docs/adr/106-erasing-a-workspace.md): an erasure of kind ERASED_WORKSPACE, worked off by forget_work().  Ordering it takes the
 * workspace away from its name on the platform, so that whatever comes from there afterwards belongs to nobody, or to a new, empty one.
 */
extern const struct pg_statement whole_statements[];

struct whole {
	struct id ws;
	struct id erasure; /* of one that is being erased; else none */
	bool home;         /* what Eddy itself lives in: never erased */
	char adapter[40], key[256], name[256];
};
/**
 * The workspaces that ${name} names: the platform's id, the tenant's id or what people call it; and those that are being erased and were ordered by that name, which
 * come first.  At most ${max} into ${out}.  Outside a transaction.
 */
enum err whole_find(struct pg *pg, const char *name, struct whole *out, size_t max, size_t *n);
/** ${fn} with each kind of data, as receipts count it, and how many rows of it there are.  Reads all of them.  Inside a tenant transaction. */
enum err whole_count(struct pg *pg, struct id ws, void (*fn)(void *arg, const char *kind, int64_t rows), void *arg);

enum whole_answer {
	WHOLE_ORDERED,
	WHOLE_AT_WORK, /* was ordered before; erasure says which */
	WHOLE_GONE,    /* there is no such workspace (any more) */
	WHOLE_HOME,
	WHOLE_HELD,    /* a legal hold stands over something in it; hold says which */
	WHOLE_NOT_DUE, /* of FORGET_ASKED_TIME: the app was added again */
};
struct whole_order {
	struct id ws;
	const char *name;        /* as whoever asks calls it; found by it until it is done */
	enum forget_asked asked; /* FORGET_ASKED_OPERATOR, or FORGET_ASKED_TIME: only if installs.erase_at has come */
	uint64_t ahead_ms;       /* how much later than now it is */
	bool dry;                /* only say what the answer would be */
	/* the answer */
	enum whole_answer answer;
	struct id erasure, hold;
	enum hold_kind held; /* what the hold covers */
	int holds;
};
/** Order it, in a tenant transaction of its own.  ERR_RETRY: the database is away, or somebody writes there for longer than a lock is waited for. */
enum err whole_order(struct pg *pg, struct whole_order *o);

/** Order all that have waited long enough since the app was taken away; ${fn} with what came of each.  Outside a transaction. */
enum err whole_due(struct pg *pg, uint64_t ahead_ms, void (*fn)(void *arg, const struct whole_order *o), void *arg);

struct whole_waiting {
	struct id ws;
	const char *key, *name; /* borrowed */
	int64_t at_ms;          /* when it is erased; of one at work since when */
	bool at_work, held;
};
/** For doctor: what waits to be erased and what is being erased.  Outside a transaction. */
enum err whole_report(struct pg *pg, void (*fn)(void *arg, const struct whole_waiting *w), void *arg);
/** The receipts of all workspaces that were or are being erased, or of ${id} alone.  Outside a transaction. */
enum err whole_receipts(struct pg *pg, struct id id, void (*fn)(void *arg, const struct forget_receipt *r), void *arg);

/** True in a tenant transaction, with the workspace's row locked until its end: it was or is being erased, and nothing may begin there any more. */
enum err whole_ended(struct pg *pg, struct id ws, bool *ended);

#endif
