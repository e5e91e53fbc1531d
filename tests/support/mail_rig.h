#ifndef EDDY_SUPPORT_MAIL_RIG_H
#define EDDY_SUPPORT_MAIL_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * Real mail servers on loopback for one test: Dovecot (IMAP and submission) in front of Exim (mx.test.example), with a certificate of a test authority,
 * ports, mailboxes and a folder of their own.  They run as this user, or as "nobody" when that is root; nothing of the machine's own mail is touched.
 *
 * Exim is the border: it delivers to the maildirs, writes Return-Path, Envelope-To and, on top, "Authentication-Results: mx.test.example": dmarc=pass
 * where somebody had logged in and the domain of From is the domain of the envelope, dmarc=fail for what came from outside.  Who is not known is refused
 * at RCPT TO; "gone…@" is taken and bounced later.  name+tag@ goes to name@.
 */
struct mail_rig {
	pid_t dovecot, exim;
	int imaps_port;       /* IMAP, TLS from the start */
	int imap_port;        /* IMAP with STARTTLS */
	int submissions_port; /* submission, TLS from the start; log-in needed */
	int submission_port;  /* submission with STARTTLS */
	int smtp_port;        /* Exim as the world sees it: no log-in, no TLS */
	int relay_port;       /* Exim as Dovecot sees it */
	char dir[200];        /* conf, logs, spool, mailboxes */
	char ca[260];         /* PEM of the authority; certificates are for 127.0.0.1 and localhost */
};
#define MAIL_RIG_HOST "mx.test.example" /* authserv-id */

/** Starts both.  False: Dovecot or Exim cannot be had here, ${why} tells; then the test is skipped.  Whatever else fails stops the process. */
bool mail_rig_start(struct mail_rig *m, char *why, size_t why_n);
void mail_rig_stop(struct mail_rig *m);
/** A mailbox with a log-in; ${addr} is the user name too.  Folders: INBOX, Sent, Drafts, Junk, Trash. */
void mail_rig_add_user(struct mail_rig *m, const char *addr, const char *password);
/** An access token (JWT) for XOAUTH2 and OAUTHBEARER, good for ${seconds}, may be negative (static). */
const char *mail_rig_token(struct mail_rig *m, const char *addr, int seconds);

/** Where the mails of ${folder} (NULL: INBOX) lie: a maildir (static). */
const char *mail_rig_maildir(struct mail_rig *m, const char *addr, const char *folder);
/** Puts a mail into INBOX (as delivered by nobody: no header is added). */
void mail_rig_drop(struct mail_rig *m, const char *addr, const char *raw, size_t n);
size_t mail_rig_count(struct mail_rig *m, const char *addr, const char *folder);
/** The ${i}th mail, oldest first, or NULL; the caller's to free. */
char *mail_rig_mail(struct mail_rig *m, const char *addr, const char *folder, size_t i);
/** Waits until there are ${n} mails and gives the newest; NULL after ${ms}. */
char *mail_rig_wait(struct mail_rig *m, const char *addr, const char *folder, size_t n, int ms);

/**
 * Writes a mail as a person's program does: logged in as ${user} at the submission service, or, with ${password} NULL, as a stranger at the border.  ${raw}
 * has LF or CR LF line ends.  Gives the code of the last reply (250: accepted; 0: no connection).
 */
int mail_rig_send(struct mail_rig *m, const char *user, const char *password, const char *from, const char *to, const char *raw);

/** Ends all IMAP and submission connections of ${addr} at once. */
void mail_rig_kick(struct mail_rig *m, const char *addr);
void mail_rig_dovecot_stop(struct mail_rig *m);
void mail_rig_dovecot_start(struct mail_rig *m);
void mail_rig_exim_stop(struct mail_rig *m);
void mail_rig_exim_start(struct mail_rig *m);
/**
 * From now on Exim answers ${what} with ${reply} ("451 4.3.0 later"): "CONNECT", "MAIL", "DATA" (after the dot), "*" (any recipient) or a
 * recipient's address.  NULL ends all refusals.
 */
void mail_rig_refuse(struct mail_rig *m, const char *what, const char *reply);

#endif
