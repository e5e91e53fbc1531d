#ifndef EDDY_ENGINE_LEDGER_H
#define EDDY_ENGINE_LEDGER_H

#include "engine_internal.h"

/*
 * Keeps the audit log linked: one process of all looks each second (less often where nothing happens, at most every eight), and writes
 * checkpoints into the data folder every hundred entries and every fifty seconds.
 */
enum err ledger_open(struct engine *e); /* the key and the file; ERR_INPUT is logged */
void ledger_start(struct engine *e);
/** A last round before the process ends, if it is this one's duty.  Blocking. */
void ledger_last(struct engine *e);
/** One round now.  ${force}: all workspaces, with a checkpoint at the end of each.  Blocks: workers and tests. */
enum err ledger_round(struct engine *e, struct pg *pg, bool force);
void ledger_free(struct ledger *l);

#endif
