#ifndef EDDY_EMAIL_ADMIN_H
#define EDDY_EMAIL_ADMIN_H

#include "../../core/base/err.h"

struct buf;
struct engine;
struct settings;

/* For the operator, from the command line; blocking.  ${e} is opened and not started. */
/** Appends a line for each address that is not written to, newest first. */
enum err email_admin_stops(const struct settings *s, struct engine *e, struct buf *out);
/** Writes to ${address} again.  ERR_INPUT: nothing was in its way, or it is no address. */
enum err email_admin_allow(const struct settings *s, struct engine *e, const char *address);
/** Never writes to ${address} again until it is allowed. */
enum err email_admin_stop(const struct settings *s, struct engine *e, const char *address);
#endif
