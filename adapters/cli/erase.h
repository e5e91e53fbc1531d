#ifndef EDDY_CLI_ERASE_H
#define EDDY_CLI_ERASE_H

#include <jansson.h>

#include "../../core/store/pg.h"
#include "cli.h"

struct store;
/** The database of the settings, which are loaded, with all that erasing asks of it; both are the caller's.  Else ${why}. */
enum err cli_erase_open(struct cli *c, struct store **store, struct pg **pg, char *why, size_t why_n);
/** Print a receipt as the procedures erasure.get and erasure.list say it. */
void cli_erase_print(const json_t *receipt);
/** Print the receipts of workspaces that were erased, or the one with ${id}; ${n}: how many.  EXIT_OK, or the problem was said.  whole.c */
int cli_whole_receipts(struct cli *c, const char *id, int *n);
/** For doctor: appends what waits to be erased because the app was taken away, and what is being erased.  whole.c */
enum err cli_whole_doctor(struct pg *pg, struct buf *out);

#endif
