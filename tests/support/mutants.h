#ifndef EDDY_TEST_MUTANTS_H
#define EDDY_TEST_MUTANTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Is each condition of a rule in SQL there for a reason?  Conditions stand between a comment with their number and the comment "|"; one after the other
 * is replaced in the test database, and the cases have to notice.
 */
/** How many of the cases are not as they should be; ${loud}: says which. */
typedef int (*mutant_cases)(bool loud);
/** The definition of a function of schema eddy; the caller's to free. */
char *mutant_definition(const char *function);
/** Replaces text[at, end) by ${instead}; fails the test when no case notices.  The function stays so. */
void mutant_check(const char *text, size_t at, size_t end, const char *instead, const char *name, mutant_cases cases);
/** Each condition of ${function} as true and as false; then the function is whole again.  Gives a bit for each number. */
unsigned mutants_run(const char *function, mutant_cases cases);

#endif
