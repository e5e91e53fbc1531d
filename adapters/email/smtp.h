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
};
struct smtp_result {
	enum smtp_fate fate;
	int code;        /* last reply */
	char reply[300]; /* what the server said; its queue id may be in it */
	size_t accepted; /* recipients */
};
struct smtp *smtp_new(const struct smtp_options *o);
void smtp_free(struct smtp *s);
/**
 * Send ${raw} (CR LF, 7-bit lines).  ${from} is the envelope sender ("" null).  Refused recipients do not stop the others; each is told in ${to}.
 * ACCEPTED when at least one was.  Refuses addresses that mail_address_ok() refuses before a byte goes out.
 */
void smtp_send(struct smtp *s, const char *token, const char *from, struct smtp_recipient *to, size_t n, const char *raw,
    size_t raw_n, struct smtp_result *out);
#endif
