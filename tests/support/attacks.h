#ifndef EDDY_TEST_ATTACKS_H
#define EDDY_TEST_ATTACKS_H

#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

/*
 * The catalogue of attacks (docs/attacks.md).  Each row is a test of its own: what the named tables hold is taken down, the attack is made and has to be refused as
 * the row says, and then the tables have to hold what they held.  The page is compared with the tables, and made from them with EDDY_WRITE=1.
 */
struct attack {
	const char *name;      /* of the test, and what the page calls it */
	const char *refusal;   /* what the attacker sees; for run() to look for, and for people to read */
	const char *unchanged; /* tables, with blanks between */
	void (*run)(const struct attack *a);
	const char *with[4]; /* for run() */
};
#define ATTACKED_TALK "messages threads runs outbox context_items"

/** A query's text in the database that is attacked, as the administrator; "" none; valid until the next call. */
typedef const char *(*attacks_sql)(const char *query);
/** Run the ${n} attacks of ${list}, which are the page's section ${section}.  ${settle} (may be NULL) waits until nothing is under way. */
int attacks_run(const char *section, const struct attack *list, size_t n, attacks_sql sql, void (*settle)(void),
    CMFixtureFunction up, CMFixtureFunction down);

#endif
