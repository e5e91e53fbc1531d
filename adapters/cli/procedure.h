#ifndef EDDY_CLI_PROCEDURE_H
#define EDDY_CLI_PROCEDURE_H

#include <jansson.h>

#include "cli.h"

/**
 * Run the procedure ${name} (core/api) on the database as the person of this terminal; Eddy may be running or not.  Takes ${args}.  On EXIT_OK
 * ${out} is the caller's; else the problem was said on stderr.
 */
int cli_procedure(struct cli *c, const char *name, json_t *args, json_t **out);
/** The same as the call that ${key} names (NULL: one that is made up, so that trying again while the database comes back does nothing twice). */
int cli_procedure_once(struct cli *c, const char *name, json_t *args, const char *key, json_t **out);
/**
 * A procedure that answers in pages: called again with the "cursor" of the page before until there is none, or ${page} gives false.  Takes ${args}; ${page} borrows its
 * answer and may change ${args} for the next call.
 */
int cli_procedure_pages(
    struct cli *c, const char *name, json_t *args, bool (*page)(void *arg, const json_t *out, json_t *args), void *arg);
/** Print rows of one text each per column, padded to the widest; ${columns}: names of members of the objects in ${list}, NULL at the end. */
void cli_table(const json_t *list, const char *const *columns);
/** Appends one line on what is spent of today's budget and of those that come to their end; false: somebody should look at it.  budget.c */
bool cli_money(struct cli *c, struct buf *out);
/** Appends which teams are being set up or given up, and what to do; false: there are some.  provision.c */
bool cli_provision_doctor(struct cli *c, struct buf *out);

#endif
