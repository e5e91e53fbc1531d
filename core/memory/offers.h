#ifndef EDDY_MEMORY_OFFERS_H
#define EDDY_MEMORY_OFFERS_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * Questions of Eddy that wait for a yes or a no (table offers): open, then accepted, declined or expired, and nothing after that.
 * The numbers are stored.  Inside a tenant transaction, on a thread that may wait.
 */
enum offer_kind { OFFER_SUM_UP = 1, OFFER_REPLACE = 2, OFFER_KEEP = 3, OFFER_FORGET = 4 };
enum offer_state { OFFER_OPEN = 1, OFFER_ACCEPTED = 2, OFFER_DECLINED = 3, OFFER_EXPIRED = 4 };
enum offer_act { OFFER_ACCEPT, OFFER_DECLINE, OFFER_EXPIRE };
/** The state after ${act}; false: not from there. */
bool offer_next(enum offer_state from, enum offer_act act, enum offer_state *to);

struct offer_new {
	struct id id; /* computed from what asks: the same offer is made once */
	enum offer_kind kind;
	struct id thread;
	struct id person;  /* who may answer; none: anyone there */
	struct id subject; /* none: the thread */
	uint32_t hours;    /* until it expires */
};
extern const struct pg_statement offers_statements[];
enum err offers_open(struct pg *pg, struct id ws, const struct offer_new *o);
/**
 * Answer the newest open offer of this kind about ${subject} (none: about ${thread}) that ${person} may answer.  ERR_INPUT: there is
 * none, or its time is over.  ERR_DENIED: there is one, and somebody else has to answer it.
 */
enum err offers_close(
    struct pg *pg, struct id ws, enum offer_kind kind, struct id thread, struct id subject, struct id person, enum offer_act act);
/** Those whose time is over; ${gone}: how many.  What was offered about items stays a proposal until that expires. */
enum err offers_expire(struct pg *pg, struct id ws, int limit, int64_t *gone);

/** Those that ended more than a month ago are removed; ${gone}: how many. */
enum err offers_tidy(struct pg *pg, struct id ws, int limit, int64_t *gone);

#endif
