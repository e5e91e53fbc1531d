#ifndef EDDY_STORE_TRIP_H
#define EDDY_STORE_TRIP_H

#include "pg.h"

/*
 * Statements that go to the server together: one round trip for all of them.  What each costs there stays the same, but nobody waits between them, and
 * the server is woken once.
 */
struct pg_step {
	const char *statement;
	const struct pg_args *args; /* NULL: none */
	PGresult *out;              /* as pg_query() gives it; the caller's, PQclear() it whatever the end is */
};
/** Inside a transaction.  The first that fails ends it: its class, and those after it were not carried out. */
enum err pg_steps(struct pg *p, struct pg_step *steps, size_t n);
/** pg_begin(), and the first statements of the transaction with it.  On failure there is no transaction. */
enum err pg_begin_steps(struct pg *p, struct id ws, struct pg_step *steps, size_t n);
/**
 * Ends a transaction that has only read: COMMIT leaves at once and is not waited for; the next use of the connection takes its answer.  Whatever that is,
 * nothing depends on it.
 */
void pg_end_read(struct pg *p);
/** Since the connection was opened: how often it has waited for the server, and how many statements were sent. */
struct pg_spent {
	uint64_t trips, statements;
};
struct pg_spent pg_spent(const struct pg *p);

#endif
