#ifndef EDDY_EMAIL_REPORT_H
#define EDDY_EMAIL_REPORT_H

#include "mail_internal.h"

/* Between report.c (fields) and report_text.c (words). */
/** The recipient with this address, new or known; NULL: too many. */
struct mail_recipient *mail_recipient_add(struct mail *m, const char *address);
/** An enhanced status code (RFC 3463) in a text, "5.1.1". */
bool mail_report_status(struct mail_slice s, char out[16]);
/** From the header of the returned mail: its Message-ID, and its recipient when none is known yet. */
void mail_returned_read(struct mail *m, struct mail_slice header);
/** Is it a mail system that speaks? */
bool mail_report_sender(const struct mail *m, const struct mail_source *s);
/**
 * What the text of a mail system says.  ${known}: the mail is a report for certain, whatever its words; then its kind is set unless the fields
 * have set it already.  False: it is not a report.
 */
bool mail_report_text(struct mail *m, const struct mail_source *s, bool known);
/** report_reason.c: a word for why, from the status code and the words of the far server. */
void mail_report_categories(struct mail *m);
#endif
