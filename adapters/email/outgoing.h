#ifndef EDDY_EMAIL_OUTGOING_H
#define EDDY_EMAIL_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/engine/reply.h"
#include "imap.h"
#include "smtp.h"

struct metrics;
struct oauth;

/*
 * Mails on their way out: a bounded queue and a thread of its own.  Each taken mail has exactly one outcome, through port.sent(): also at stop.
 * One whose fate is unknown (or ${maybe_sent} from before a crash) is looked for by its Message-ID, in the Sent folder and our own mailbox, and
 * sent again byte for byte only when it is not there.
 */
struct outgoing;
struct outgoing_mail { /* copied */
	struct id ws, delivery;
	const char *message_id;
	const char *envelope_from;
	const char *const *recipients;
	size_t recipients_len;
	const char *raw;
	size_t raw_len;
	bool maybe_sent;
};
struct outgoing_port {
	void *arg;
	void (*sent)(void *arg, const struct sent *s);
	void (*held)(void *arg, struct id ws, struct id delivery, uint32_t ms);
	/** A recipient was refused for good (5xx to RCPT TO): no further mail there.  May be NULL. */
	void (*refused)(void *arg, struct id ws, const char *addr, int code, const char *reply);
};
enum outgoing_copy {
	COPY_NONE,
	COPY_APPEND /* to the Sent folder, after it was accepted */,
	COPY_SELF /* our mailbox is a recipient */
};
struct outgoing_options { /* borrowed */
	struct smtp_options smtp;
	struct mail_login imap; /* host NULL: none, then nothing can be looked up */
	struct oauth *oauth;
	const char *sent_folder; /* NULL: the one with \Sent */
	const char *inbox;
	const char *own_address;
	enum outgoing_copy copy;
	size_t max_queue;    /* 0: 256 */
	uint32_t per_minute; /* 0: no limit of our own */
	uint32_t retry_min_ms,
	    retry_max_ms; /* 0: 5 s, 15 min: a server that cannot be reached or refuses our log-in is left alone */
	uint32_t look_ms; /* 0: 15,000: how long an uncertain one is looked for */
	struct metrics *metrics;
	struct outgoing_port port;
};
struct outgoing *outgoing_new(const struct outgoing_options *o);
void outgoing_start(struct outgoing *o);
/** Copies, never blocks, any thread.  ERR_RETRY: full. */
enum err outgoing_put(struct outgoing *o, const struct outgoing_mail *m);
/**
 * For one that did not find room: in how many ms its turn comes, behind all who were told so before.  The core's tries are few; whoever comes
 * back when the queue can have room again does not use them up.  Any thread.
 */
uint32_t outgoing_turn_ms(struct outgoing *o);
void outgoing_stop(
    struct outgoing *o); /* what is queued ends with ERR_RETRY; what may have left says nothing: the next process looks */
void outgoing_free(struct outgoing *o);
/** "12 sent, 2 waiting; the certificate …"; "": there is nothing to say. */
void outgoing_describe(struct outgoing *o, char *out, size_t n);
#endif
