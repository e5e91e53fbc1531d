#ifndef EDDY_PEOPLE_ROWS_H
#define EDDY_PEOPLE_ROWS_H

#include "../store/pg.h"

/* What the statements of log-ins and passwords have in common. */

/** Arguments that begin with the tenant and a person; the caller's, until pg_ask() frees them. */
struct pg_args *rows_args(struct id ws, struct id person);
/** Copies a text, cut at a character's end so that it fits ${n} with its NUL; NULL is "". */
void rows_copy(char *out, size_t n, const PGresult *r, int row, int col);

#endif
