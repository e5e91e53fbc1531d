#ifndef EDDY_MEMORY_RETENTION_H
#define EDDY_MEMORY_RETENTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * What is kept how long (docs/retention.md): the keys retention.* of the teams' settings, as moments, and the sweeps that erase what is older.
 * A sweep is an erasure (forget.h) of kind 5; forget_work() does it.
 */
extern const struct pg_statement retention_statements[];

/**
 * Until when what is to go was written, at ${now_ms}: {"messages": {team: ms}, "messages_until": the latest of them, "work" and "work_until" the
 * same, "sessions", "audit", "provisions", "usage": ms}; what is kept for ever is left out.  Inside a tenant transaction.
 */
enum err retention_plan(struct pg *pg, struct id ws, int64_t now_ms, json_t **out);
/**
 * Order a sweep if the last one was begun a day ago, or other times hold since; ${ordered}: it did.  In a tenant transaction of its own.
 * ${ahead_ms}: how much later than now it is.
 */
enum err retention_order(struct pg *pg, struct id ws, uint64_t ahead_ms, bool *ordered);

struct retention_next {
	int64_t messages, runs, sessions, details, provisions, calls;
};
/** What a sweep by ${plan} would take now.  Reads all that is older.  Inside a tenant transaction. */
enum err retention_count(struct pg *pg, struct id ws, const json_t *plan, struct retention_next *out);

struct retention_state {
	int64_t looked_ms; /* when it was last seen to that nothing is due; 0: never */
	int64_t begun_ms, done_ms;
	struct id at_work; /* a sweep that goes on, since at_work_ms; none: there is none */
	int64_t at_work_ms;
};
/** Inside a tenant transaction. */
enum err retention_state(struct pg *pg, struct id ws, struct retention_state *out);

/* For doctor: over all workspaces. */
struct retention_report {
	long workspaces, sweeping; /* in all; with a sweep at work */
	int64_t looked_ms;         /* the workspace that was looked at longest ago; 0: one never was */
	int64_t begun_ms;          /* the newest sweep; 0: none */
	int64_t oldest_ms;         /* since when the oldest sweep is at work; 0: none */
};
/** Outside a transaction. */
enum err retention_report(struct pg *pg, struct retention_report *out);

#endif
