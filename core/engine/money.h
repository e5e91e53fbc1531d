#ifndef EDDY_ENGINE_MONEY_H
#define EDDY_ENGINE_MONEY_H

#include "../agents/budget.h"
#include "engine_internal.h"

/* What runs do with budgets. */
extern const struct pg_statement money_statements[], money_read_statements[];

/** The budgets of an engine that is being opened, by its settings. */
struct budget *money_new(struct engine *e);
/**
 * Worker, outside a transaction: put aside what a call of ${r} may use at most.  BUDGET_SPENT: r->floor_words is a clause for people that says what is
 * used up and when it comes back.
 */
enum budget_answer money_reserve(struct run *r, struct pg *pg, const char *model, uint32_t input_tokens, uint32_t max_tokens);
/** A call has ended: what it did not use is free for others at once, however long the run still takes. */
void money_ended(struct run *r, const struct model_usage *u);
/** No call was made, or none will be. */
void money_give_back(struct run *r);
/** Writer, last round: stores the calls of ${runs}, all of one tenant, and what they have used, each once. */
void money_book(struct writer_tx *tx, struct run *const *runs, size_t n);

#endif
