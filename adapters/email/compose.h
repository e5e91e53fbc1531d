#ifndef EDDY_EMAIL_COMPOSE_H
#define EDDY_EMAIL_COMPOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/buf.h"
#include "../../core/base/err.h"
#include "../../core/engine/reply.h"

/*
 * From a reply to the bytes of a mail: headers, multipart/alternative (plain text first, then HTML without anything remote), everything in 7-bit
 * lines with CR LF.  The same draft gives the same bytes, always: no clock, no chance, no settings but what the draft holds.  Pure.
 */
struct draft_address {
	const char *name, *addr; /* name may be NULL */
};
struct draft {
	struct draft_address from; /* ours */
	const char *reply_to;      /* with the thread's token; NULL: none */
	const struct draft_address *to, *cc;
	size_t to_len, cc_len;
	const char *subject;                  /* as it is to be; encoded here */
	const char *message_id, *in_reply_to; /* without <>; in_reply_to NULL: a new thread */
	const char *const *references; /* oldest first; cut to first and last ones here (RFC 5322 3.6.4, 998 octets a line) */
	size_t references_len;
	int64_t date;                                   /* Unix seconds, written in UTC */
	bool automatic;                                 /* Auto-Submitted: auto-replied (RFC 3834) */
	bool unattended;                                /* a receipt or notice: auto-generated, X-Auto-Response-Suppress: All */
	const char *loop_mark;                          /* X-Eddy-Id */
	const char *unsubscribe_url, *unsubscribe_mail; /* RFC 2369, RFC 8058; NULL none */
	const char *markdown;                           /* the answer */
	size_t markdown_len;
	const struct component *components; /* choices become numbered options: "1. Ask again" (answer with the number) */
	size_t components_len;
	const char *footer;   /* plain text below "-- "; NULL none */
	const char *language; /* BCP 47 for the HTML, NULL: none */
};
/** ERR_INPUT: an address or header that must not leave; ${why} says which. */
enum err compose_mail(const struct draft *d, struct buf *out, char *why, size_t why_n);
/** "<left@domain>" without the brackets: from the delivery's id alone, so that anybody can compute it again. */
void compose_message_id(struct id delivery, const char *domain, char out[320]);
/** The delivery of one of our Message-IDs; false: not ours. */
bool compose_delivery_of(const char *message_id, const char *domain, struct id *delivery);
/** The component that "${number}" in an answer stands for: buttons with a label are counted from 1 in their order.  NULL: none. */
const struct component *compose_option(const struct component *c, size_t n, size_t number);
/* The two bodies, for tests and `eddy mail`: lines end in LF.  The plain one is format=flowed (RFC 3676): a line ending in a blank goes on. */
void compose_plain(const struct draft *d, struct buf *out);
void compose_html(const struct draft *d, struct buf *out);
#endif
