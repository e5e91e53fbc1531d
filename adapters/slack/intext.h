#ifndef EDDY_SLACK_INTEXT_H
#define EDDY_SLACK_INTEXT_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Slack's text (mrkdwn with control forms) as plain Markdown for the core. */
struct intext {
	const char *self_user; /* our own mention is taken out; NULL: nobody's */
	const char *self_name; /* what stands for it in the middle of a sentence */
	/* Names for ids; NULL where not known.  Borrowed until the next call. */
	const char *(*person)(void *arg, const char *id);
	const char *(*place)(void *arg, const char *id);
	void *arg;
	/* found while converting */
	bool mentions_us;
	bool mentions_others; /* a person, a group or a whole channel is called */
};
/**
 * Appends ${text}: control forms resolved, &amp; &lt; &gt; decoded once, blanks at both ends dropped.  "<@US> help" becomes "help",
 * "<@U2>" "@name", "<#C1|x>" "#x", "<https://a|b>" "[b](https://a)".
 */
void intext_convert(struct intext *c, const char *text, struct buf *out);

#endif
