#ifndef EDDY_SYSTEM_POST_H
#define EDDY_SYSTEM_POST_H

#include "../support/mail_rig.h"
#include "harness.h"

/*
 * Tests of mail: the daemon of the rig watches a mailbox of a real Dovecot and sends through its submission service, behind which a real Exim
 * delivers.  Ann and Bob have mailboxes there; with their log-ins the border vouches for them.
 */
extern struct mail_rig post;
extern bool post_there;                                /* false: no mail servers here, tests are skipped */
extern char post_ann[80], post_bob[80], post_eddy[80]; /* addresses of the test that runs */
extern char post_env[8][400];                          /* the first four are in use; the others are for rig_env() */
enum { POST_ANSWER_MS = 90000 };

/* For the group: start and stop the servers. */
int post_up(void **state);
int post_down(void **state);
/* For each test: new mailboxes, rig_open() with the settings for them; the daemon is not started.  Then rig_close(). */
int post_set_up(void **state);
int post_tear_down(void **state);
#define post_needs_servers() \
	do { \
		if (!post_there) \
			skip(); \
	} while (0)

/** The value of a header field, unfolded (static, good for four calls); "" none. */
const char *post_field(const char *mail, const char *name);
/** What `eddy mail show` makes of it; the caller's. */
json_t *post_shown(const char *mail);
/** The words of a mail, without quotes and footer (static). */
const char *post_words(const char *mail);

struct letter {
	const char *from, *to, *cc, *subject, *id, *in_reply_to, *references, *more, *text;
};
/** The bytes; the caller's to free. */
char *post_mail(const struct letter *l);
/** Sends it logged in as ${user}, or from outside with ${password} NULL. */
void post_write(const char *user, const char *password, const struct letter *l);
/** A new conversation of Ann's. */
void post_ann_writes(const char *id, const char *text);
/** As a mail program answers: to Reply-To, with everything quoted below. */
void post_reply(const char *user, const char *password, const char *mail, const char *id, const char *text);
/** The ${n}th mail in INBOX; the caller's to free. */
char *post_awaits(const char *who, size_t n);
/** How many mails the daemons have passed over, by their logs. */
int64_t post_passed_over(void);

#endif
