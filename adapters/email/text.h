#ifndef EDDY_EMAIL_TEXT_H
#define EDDY_EMAIL_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/buf.h"

/*
 * What somebody has written in a mail, apart from what a mail program put around it: quoted mails and their header lines, forwarded
 * mails, signatures, "sent from my phone", disclaimers, list footers.  General rules for many languages and programs; docs/adapters/email.md.
 */
struct mail;
struct mail_text {
	struct buf visible;   /* what the sender wrote now; inline answers with the quoted lines ("> ") they answer */
	struct buf forwarded; /* a forwarded mail below it, as text; empty: none */
	struct buf quoted;    /* the quoted history, as text, without marks; empty: none */
	bool has_inline;      /* ${visible} holds quoted lines with answers under them */
};
/**
 * From a whole mail: chooses between plain text and HTML.  ${visible} is empty only where the mail has no text, nothing but a signature, or
 * nothing but a forwarded mail that HTML marks as such (then ${forwarded} is not empty).  Time is linear in its size.  Pure.
 */
void mail_text(const struct mail *m, struct mail_text *out);
void mail_text_done(struct mail_text *t);

/** Plain text (lines end in LF or CR LF, valid UTF-8). */
void mail_text_plain(const char *text, size_t n, struct mail_text *out);
/** HTML (UTF-8): client markup of quotes and signatures is understood, hidden text is dropped. */
void mail_text_html(const char *html, size_t n, struct mail_text *out);
/** All of the HTML as text, nothing cut: block ends become line ends, lists "- ", tables line by line, quotes "> ". */
void mail_html_to_text(const char *html, size_t n, struct buf *out);
/** format=flowed undone (RFC 3676): soft breaks joined per quote depth, stuffing removed. */
void mail_unflow(const char *text, size_t n, bool delsp, struct buf *out);
#endif
