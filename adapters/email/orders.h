#ifndef EDDY_EMAIL_ORDERS_H
#define EDDY_EMAIL_ORDERS_H

#include <stdbool.h>

#include "../../core/engine/command.h"
#include "text.h"

/* Commands in mails, which come between a salutation and a closing, and above a quoted mail.  Pure. */
struct orders_from {
	const char *name, *address; /* of who wrote: what may stand below as a signature */
	bool in_fork;               /* a side thread */
};
/**
 * What of the text is a command, as the core reads it (command_parse()): nothing else may be said in the mail.  An edited draft comes
 * without the marks of a quote and without what stood around it.  CMD_NONE: it is a message like others.
 */
enum command orders_read(const struct mail_text *t, const struct orders_from *from, struct buf *out);
#endif
