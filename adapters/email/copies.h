#ifndef EDDY_EMAIL_COPIES_H
#define EDDY_EMAIL_COPIES_H

#include <stdbool.h>
#include <stddef.h>

#include "imap.h"

struct oauth;

/*
 * Where sent mails are kept on the server: the Sent folder, and the own mailbox where a copy may have come back to.  One IMAP connection, opened when
 * it is needed and closed when it rests; a server that does not answer is left alone for growing times.  One thread.
 */
struct copies;
struct copies_options {          /* borrowed */
	struct mail_login login; /* host NULL: there is none */
	struct oauth *oauth;
	const char *sent_folder; /* NULL: the one with \Sent, else "Sent" */
	const char *inbox;       /* NULL: "INBOX" */
	uint32_t timeout_ms, retry_min_ms, retry_max_ms;
};
enum copies_found { COPIES_FOUND, COPIES_NOT_FOUND, COPIES_AWAY /* cannot be asked now */ };
struct copies *copies_new(const struct copies_options *o);
void copies_free(struct copies *c);
enum copies_found copies_find(struct copies *c, const char *message_id);
/** Into the Sent folder, as read. */
enum err copies_append(struct copies *c, const char *raw, size_t n);
/** Closes a connection that nobody has used for a while; returns in how many ms to come again, 0: nothing is open. */
uint32_t copies_rest(struct copies *c);
/** When the server may be asked again, in ms from now; 0: now. */
uint32_t copies_wait_ms(const struct copies *c);
#endif
