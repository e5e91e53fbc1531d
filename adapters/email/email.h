#ifndef EDDY_EMAIL_H
#define EDDY_EMAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/err.h"
#include "../../core/engine/engine.h"
#include "../../core/settings/settings.h"

struct http;
struct metrics;

/* The mail adapter: mails in over IMAP, answers out over SMTP.  docs/adapters/email.md tells how it works. */
extern const struct setting email_settings[];
extern const struct adapter_ops email_ops;

struct email_options { /* all borrowed; they outlive the adapter */
	const struct settings *settings;
	struct metrics *metrics;
	struct engine *engine;
	struct http *http;      /* its timers */
	const char *public_url; /* of this server's page; NULL: none */
};
bool email_configured(const struct settings *s);
/** Are the settings such that email_open() can take them?  Asks nobody.  ERR_INPUT: ${why} names the setting and the mending. */
enum err email_check_settings(const struct settings *s, char *why, size_t n);
enum err email_open(struct adapter **out, const struct email_options *o, char *why, size_t why_n);
/** Starts to watch the mailboxes, in the background: a mail server being away stops nothing.  After engine_start(). */
void email_start(struct adapter *a);
/** No new mails from here on; what was taken is still stored and answered.  Twice is fine. */
void email_stop(struct adapter *a);
/** Ends what is still going out, each with its outcome: after engine_drain(), before engine_free().  Twice is fine. */
void email_leave(struct adapter *a);
/** After the engine and the http thread have stopped.  NULL is fine. */
void email_free(struct adapter *a);
#endif
