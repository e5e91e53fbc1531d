#ifndef EDDY_TESTS_SMTP_PEER_H
#define EDDY_TESTS_SMTP_PEER_H

#include <stddef.h>

/*
 * A submission server on loopback that does what a test asks of it: a thread per connection, replies out of a script, what it was told kept.
 * Whatever fails stops the process.
 */
struct smtp_script { /* replies without CR LF; NULL: the usual one, "": hang up instead */
	const char *greeting;
	const char *ehlo; /* whole, lines parted by CR LF */
	const char *auth, *mail, *data, *end;
	/** Reply to one recipient; NULL result or function: 250. */
	const char *(*rcpt)(const char *addr);
	size_t cut_text;      /* hang up after so many bytes of text; 0: never */
	int keep_though_cut;  /* with ${end} "": the mail was taken all the same */
	unsigned pause_us;    /* between the bytes of a reply */
	unsigned end_wait_ms; /* before the reply to the text */
	int mute_quit;
	int mails_max;     /* of a connection, the next MAIL gets 421; 0: any number */
	int hang_up_after; /* the reply to the text */
};
struct smtp_peer;
struct smtp_peer *smtp_peer_new(void);
int smtp_peer_port(const struct smtp_peer *p);
/** For connections from now on; ${times} of them, then the usual again (0: all). */
void smtp_peer_play(struct smtp_peer *p, const struct smtp_script *s, int times);
int smtp_peer_connections(struct smtp_peer *p);
/** Mails that were taken: text (without the doubled dots) and its length; NULL: not so many.  Valid until the peer is freed. */
size_t smtp_peer_mails(struct smtp_peer *p);
const char *smtp_peer_mail(struct smtp_peer *p, size_t i, size_t *n);
/** Texts that were sent to their end, taken or not. */
size_t smtp_peer_texts(struct smtp_peer *p);
const char *smtp_peer_text(struct smtp_peer *p, size_t i, size_t *n);
/** Every command so far, one a line; the caller frees. */
char *smtp_peer_said(struct smtp_peer *p);
void smtp_peer_free(struct smtp_peer *p); /* cuts what is open and joins all threads */
#endif
