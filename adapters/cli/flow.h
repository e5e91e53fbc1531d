#ifndef EDDY_CLI_FLOW_H
#define EDDY_CLI_FLOW_H

#include <stdbool.h>

#include "../../core/base/buf.h"

/*
 * Markdown that grows, as plain text for a terminal: what was printed stays true.  A part is held back until it is certain what it will look
 * like: an emphasis until it closes, a table until it is complete.
 */
struct flow {
	struct buf source; /* Markdown so far */
	struct buf shown;  /* plain text that was given out */
	bool broken;       /* the final text did not begin with what was shown */
};
void flow_done(struct flow *s);
void flow_reset(struct flow *s);
/** Append the text that may be printed now; ${final}: the source is complete. */
void flow_print(struct flow *s, bool final, struct buf *out);
/** How many bytes of this Markdown can be rendered already. */
size_t flow_settled(const char *md, size_t n);

#endif
