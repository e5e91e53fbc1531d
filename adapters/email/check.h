#ifndef EDDY_EMAIL_CHECK_H
#define EDDY_EMAIL_CHECK_H

#include "../../core/base/err.h"

struct buf;
struct http;
struct settings;

/**
 * For `eddy doctor`: log-in, folder, IDLE, sending, and whether senders can be proved.  Appends a line for each finding, "ok ..." or
 * "bad ... (how to mend)".  Blocking; sends no mail and marks none.  ${http} is not used.  ERR_NONE: all good.
 */
enum err email_check(const struct settings *s, struct http *http, struct buf *out);
#endif
