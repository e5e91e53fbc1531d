#ifndef EDDY_TALK_REJUDGE_H
#define EDDY_TALK_REJUDGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * Past answers before the rule about readers as it is now (docs/authority.md).  What an answer rests on is stored with its run (runs.reads), and so is what the
 * rule said then: it was said, or left out.  What it says now is asked of may_still_say(), as when an answer goes out, and what it says of the readers of then of
 * may_have_said() (docs/adr/109-the-readers-of-then.md); nothing here decides.
 */
#define REJUDGE_PAGE_MAX 500
#define REJUDGE_READS_MAX 20 /* of one answer that are told, those that may not be told first */

extern const struct pg_statement rejudge_statements[];

struct rejudge_query {
	struct id before; /* runs with smaller ids than this one, which go from new to old; none: all */
	struct id person; /* asked by this user, with whichever account; none: anybody */
	struct id thread; /* answers in it; none: anywhere */
	struct id run;    /* this one alone; none: all */
	int64_t since_us; /* Unix microseconds; 0: no bound */
	int32_t limit;    /* runs that are looked at, at most REJUDGE_PAGE_MAX, whether or not they fit */
};
struct rejudge_counts {
	int64_t looked_at;
	int64_t answers;  /* of them: that fit the query and were answered */
	int64_t own;      /* of these: rest on nothing but their own thread and place, which the rule always lets be told */
	int64_t said;     /* said then, and might be said now: with the readers of then and with those of now */
	int64_t left_out; /* left out then, and would be now, in the same way */
};
/**
 * Append to ${differences} an object for each answer of which the rule says something else now (api_authority.c has its schema).  ${next}: where to go on; none: there is
 * no more.  In a tenant transaction, not a read-only one; changes nothing, but locks what has changed since for some milliseconds.
 */
enum err rejudge(struct pg *pg, struct id ws, const struct rejudge_query *q, struct rejudge_counts *counts, json_t *differences,
    struct id *next);

#endif
