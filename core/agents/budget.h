#ifndef EDDY_AGENTS_BUDGET_H
#define EDDY_AGENTS_BUDGET_H

#include <stdint.h>

#include "../base/id.h"
#include "../store/pg.h"

/*
 * Money is reserved before a call.  A process takes a small part of a workspace's daily cap from the database (a hold, void
 * after some minutes if the process dies) and reserves single calls from it in memory; what was really spent is booked in
 * the transaction that stores the answer.  Days are UTC.  Any thread; reserving may block in Postgres.
 */
struct budget;
enum budget_answer {
	BUDGET_OK,
	BUDGET_SPENT, /* the day's cap leaves no room for this call */
	BUDGET_AWAY,  /* the database does not answer */
};
extern const struct pg_statement budget_statements[];

struct budget *budget_new(int64_t daily_cap_micros, struct id process);
void budget_free(struct budget *b);
/** Reserve ${micros}; outside a transaction (it opens its own when the hold is used up). */
enum budget_answer budget_reserve(struct budget *b, struct pg *pg, struct id ws, int64_t micros);
/** A reserved call ended and has cost ${spent}, which was booked. */
void budget_settle(struct budget *b, struct id ws, int64_t reserved, int64_t spent);

#endif
