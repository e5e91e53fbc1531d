#ifndef EDDY_EMAIL_SMTP_H
#define EDDY_EMAIL_SMTP_H

#include "imap.h"

/*
 * One mail out through a submission server (RFC 5321, 6409), by libcurl.  Blocking, one call at a time per struct.
 */
struct smtp;
struct smtp_options {
	struct mail_login login;
	const char *helo;    /* our name in EHLO */
	uint32_t timeout_ms; /* for connecting and each reply; after the data 600 s at least (RFC 5321 4.5.3.2.6) */
	uint32_t keep_ms;    /* how long a line waits for the next mail; 0: a line for each */
};
enum smtp_fate {
	SMTP_ACCEPTED,
	SMTP_LATER,   /* 4xx, not reachable: nothing was sent */
	SMTP_REFUSED, /* 5xx: final */
	SMTP_DENIED,  /* log-in refused */
	SMTP_UNKNOWN, /* the line broke after the data: it may have been accepted */
};
struct smtp_recipient {
	const char *addr;
	int code;        /* of the reply to RCPT TO, 0: not asked */
	char reply[200]; /* text of the server, cleaned */
	bool copy;       /* our own copy: no mail is sent for it alone, and it is not counted */
};
struct smtp_result {
	enum smtp_fate fate;
	int code;        /* last reply */
	char reply[300]; /* what the server said; its queue id may be in it */
	size_t accepted; /* recipients */
	bool connected;  /* logged in: what came after that was about this mail */
};
struct smtp *smtp_new(const struct smtp_options *o);
void smtp_free(struct smtp *s);
/** May ${addr} be written to and into a header: a dot-atom or quoted local part and a domain, all ASCII, at most 254 octets (RFC 5321 4.5.3). */
bool smtp_address_ok(const char *addr);
/**
 * Send ${raw} (CR LF, 7-bit lines).  ${from} is the envelope sender ("" null).  Refused recipients do not stop the others; each is told in ${to}.
 * ACCEPTED when at least one was; LATER when none was and one of them may be later.  Before a byte goes out it refuses addresses that are not
 * smtp_address_ok(), and text that is not 7-bit, has a lone CR or LF or a line over 998 octets.
 */
void smtp_send(struct smtp *s, const char *token, const char *from, struct smtp_recipient *to, size_t n, const char *raw,
    size_t raw_n, struct smtp_result *out);
/** Connects, encrypts, logs in and takes leave: ACCEPTED, or why no mail could be sent now.  Nothing is sent. */
void smtp_check(struct smtp *s, const char *token, struct smtp_result *out);
/** Says good-bye on a line that has waited for ${keep_ms}; returns in how many ms to come again, 0: there is none. */
uint32_t smtp_rest(struct smtp *s);
/** Any thread: what is being sent ends soon, as if the line had been cut, and so does all that comes after it. */
void smtp_cancel(struct smtp *s);
#endif
