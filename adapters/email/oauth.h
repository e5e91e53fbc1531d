#ifndef EDDY_EMAIL_OAUTH_H
#define EDDY_EMAIL_OAUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"

/*
 * Access tokens for a mailbox (RFC 6749 sections 4.4 and 6): refreshed over the provider's token endpoint when the old one nears its end or was refused.  Any
 * thread; one request at a time, others wait for it.  Tokens never reach logs.
 */
struct oauth;
struct oauth_options { /* borrowed */
	const char *token_url;
	const char *client_id, *client_secret; /* secret may be NULL */
	const char *refresh_token;             /* NULL: client credentials */
	const char *scope;                     /* NULL: the provider's default */
	const char *ca_file;
};
struct oauth *oauth_new(const struct oauth_options *o);
void oauth_free(struct oauth *a);
/** A token that is good for a minute at least; ${refused}: the last one was refused, get a new one.  Gives (free()). Blocking, up to 20 s. */
enum err oauth_token(struct oauth *a, bool refused, char **token, char *why, size_t why_n);
#endif
