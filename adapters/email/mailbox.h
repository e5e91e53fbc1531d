#ifndef EDDY_EMAIL_MAILBOX_H
#define EDDY_EMAIL_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "imap.h"

struct metrics;
struct oauth;

/*
 * The watch over one mailbox: a thread that holds the duty for it (one process at a time), connects, reads what is above the cursor, oldest
 * first, hands it in and waits for more.  It reconnects with growing waits; the state that counts is the cursor, which the taker stores
 * together with the mail.
 */
struct mailbox;
/* What it asks of its owner; all called on the mailbox's thread, may block. */
struct mailbox_port {
	void *arg;
	/** Try to hold the duty for another ${lease_ms}; false: another process has it. */
	bool (*hold)(void *arg, uint32_t lease_ms);
	void (*leave)(void *arg); /* give it back */
	/** The stored cursor: UIDVALIDITY and the last UID that is done, 0 and 0 when there is none yet; ERR_RETRY: the database is away. */
	enum err (*cursor)(void *arg, uint32_t *uid_validity, uint32_t *uid);
	/**
	 * Take one mail.  Returns at once or after a while (it may block to let earlier ones commit); ${done} is called once, any thread, after
	 * COMMIT: ERR_NONE stored (the cursor with it), ERR_INPUT kept aside (quarantine, the cursor with it), ERR_RETRY not stored: it comes again
	 * in its order, and so must all that were handed in after it and are not stored (they come again too): the cursor never passes a mail that
	 * is not done.  The raw bytes are borrowed for the call.  A mail that the server fails to give out six times in a row comes without any
	 * (raw.len 0, cut), to be kept aside.
	 */
	void (*take)(
	    void *arg, uint32_t uid_validity, const struct imap_mail *m, void (*done)(void *done_arg, enum err e), void *done_arg);
	/** Cursor to here without a mail: the newest UID of a mailbox that is seen for the first time, or UIDVALIDITY has changed. */
	enum err (*set_cursor)(void *arg, uint32_t uid_validity, uint32_t uid);
};
enum mailbox_mark { MARK_KEYWORD /* falls back to SEEN */, MARK_SEEN, MARK_MOVE, MARK_NONE };
struct mailbox_options {  /* strings borrowed, outlive it */
	const char *name; /* for logs and metrics: the address */
	struct mail_login login;
	struct oauth *oauth; /* NULL: by password */
	const char *folder;  /* "INBOX" */
	enum mailbox_mark mark;
	const char *keyword; /* "$Eddy" */
	const char *move_to;
	bool from_start;  /* first time: read what is there already (else only what comes from now on) */
	size_t max_bytes; /* of one mail that are fetched */
	size_t window;    /* mails handed in and not yet done, at most; 0: 32 */
	/* idle_ms: IDLE is renewed, and looked beside it, that often; poll_ms: the same without IDLE, and a bound for idle_ms. */
	uint32_t idle_ms, poll_ms, timeout_ms, lease_ms, retry_min_ms, retry_max_ms; /* 0: sane defaults */
	struct metrics *metrics;
	struct mailbox_port port;
};
struct mailbox *mailbox_new(const struct mailbox_options *o);
void mailbox_start(struct mailbox *b);
void mailbox_stop(struct mailbox *b); /* asks and joins; what was handed in may still be done() later */
void mailbox_free(struct mailbox *b);
/** "watching INBOX by IDLE, 12 mails read", "log-in refused: …"; any thread. */
void mailbox_describe(struct mailbox *b, char *out, size_t n);
#endif
