#ifndef EDDY_EMAIL_ORIGIN_H
#define EDDY_EMAIL_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/engine/intent.h"

/* What a mail was and to whom an answer goes.  Opaque to the core, stored with the run, at most INTENT_ORIGIN_MAX bytes. */
enum email_say { /* the adapter's own words; the numbers are stored: add at the end */
	SAY_NOTHING = 0,
	SAY_STRANGER = 1,
	SAY_OUTSIDER = 2,
	SAY_PGP = 3,
	SAY_SMIME = 4,
	SAY_EMPTY = 5,
	SAY_FILES = 6,
	SAY_TNEF = 7,
	SAY_LOGIN = 8,  /* not to a mail: a letter with a link that logs in */
	SAY_INVITE = 9, /* the same, and somebody else has asked for it */
};
struct email_origin { /* strings are never NULL: "" where there is none */
	enum email_say say;
	bool left_out;      /* some of those on copy did not fit */
	bool minted;        /* nothing came in: Eddy began this conversation, with ${to} alone */
	int64_t received_s; /* Unix seconds */
	const char *box;    /* our address that it came to */
	const char *to, *to_name;
	const char *subject;     /* of the answer */
	const char *in_reply_to; /* Message-ID of the mail; "" begins a thread */
	const char *references;  /* ids between blanks, oldest first, the mail's own included */
	const char *cc;          /* addresses between commas */
	const char *beside; /* a side thread: the subject of the conversation that it left; "" it is none, or that is not known */
};
/**
 * Writes the stored form.  What does not fit is left out in this order: ids from the middle of the references, the name, people on copy from the
 * end (then ${left_out} is stored).  Returns its length, 0 when the rest does not fit either.
 */
size_t email_origin_pack(const struct email_origin *o, char out[INTENT_ORIGIN_MAX]);
/** Reads it back; strings borrow from ${p}.  False when it is not one of ours. */
bool email_origin_unpack(const void *p, size_t n, struct email_origin *out);
/** The mail that begins a side thread. */
bool email_origin_opens(const struct email_origin *o);
#define EMAIL_SUBJECT_MAX 230
/** Where a side thread called ${topic} begins: with the same people, under a subject of its own.  0: not beside this conversation. */
size_t email_origin_beside(const struct email_origin *o, const char *topic, char out[INTENT_ORIGIN_MAX]);
/** The external name of its place: the mailbox and the delivery that opens it. */
void email_beside_place(const char *box, struct id delivery, char *out, size_t n);
/** The conversation that ${o}'s first mail has begun, whose Message-ID is ${thread_key}.  0: ${o} began none. */
size_t email_origin_within(const struct email_origin *o, const char *thread_key, char out[INTENT_ORIGIN_MAX]);

/** The same without its subjects: where an answer goes once they are to be forgotten.  0: ${o} has none but Eddy's own. */
size_t email_origin_plain(const struct email_origin *o, char out[INTENT_ORIGIN_MAX]);

/* ---- the token in a reply address: names a thread, and nobody ---- */
#define EMAIL_TOKEN 48
enum { TOKEN_THREAD = 't', TOKEN_UNSUBSCRIBE = 'u' /* names a place */ };
/** "t." and 42 characters a-z2-7: an id and 80 bits of an HMAC under ${secret}. */
void email_token_make(const unsigned char secret[32], char kind, struct id id, char out[EMAIL_TOKEN]);
bool email_token_read(const unsigned char secret[32], char kind, const char *tag, struct id *id);
#endif
