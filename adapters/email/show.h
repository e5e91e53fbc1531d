#ifndef EDDY_EMAIL_SHOW_H
#define EDDY_EMAIL_SHOW_H

#include <stddef.h>

#include "../../core/base/buf.h"
#include "../../core/base/err.h"

struct settings;

/* For people and tests: what Eddy makes of a raw mail. */
struct mail_view {
	const char *const *own_addresses;
	size_t own_len;
	const char *const *trusted_hosts;
	size_t trusted_len;
	const struct settings *settings; /* for what is empty above: email.address, email.aliases, email.authserv; NULL: none */
	bool cut;                        /* ${raw} is the beginning of a bigger mail */
};
/** One JSON object, `eddy mail show`; ERR_INPUT: it is no mail. */
enum err mail_show(const char *raw, size_t n, const struct mail_view *v, struct buf *out);
/** The visible text alone, `eddy mail text`. */
enum err mail_show_text(const char *raw, size_t n, const struct mail_view *v, struct buf *out);
#endif
