#ifndef EDDY_EMAIL_POLICY_H
#define EDDY_EMAIL_POLICY_H

#include <stdbool.h>
#include <stddef.h>

#include "mail.h"

struct settings;

/* Who may have what done by mail.  Pure. */
enum email_door { DOOR_IGNORE, DOOR_TEXT, DOOR_AGENT };
struct email_policy {
	const char *const *members; /* "ada@example.org", "@example.org" */
	size_t members_len;
	enum email_door outsiders, strangers;
	int answers_per_hour, stranger_answers_per_hour;
	bool reply_all;
};
enum email_who {
	WHO_NOBODY,   /* no single sender */
	WHO_STRANGER, /* says who it is, and nothing proves it */
	WHO_OUTSIDER, /* proved, and not one of ours */
	WHO_MEMBER,
};
enum email_do {
	EMAIL_DO_ANSWER,
	EMAIL_DO_WORDS,     /* the fixed text */
	EMAIL_DO_OWN,       /* our own mail, come back */
	EMAIL_DO_AUTOMATIC, /* vacation, ticket system, notification … */
	EMAIL_DO_LIST,
	EMAIL_DO_REPORT, /* bounces and complaints */
	EMAIL_DO_NOBODY,
	EMAIL_DO_SHUT_OUT, /* the door is closed for this kind of sender */
	EMAIL_DO_STOPPED,  /* complained */
	EMAIL_DO_TOO_MANY,
	EMAIL_DO_OLD, /* from before the mailbox was ours */
	EMAIL_DO_UNREADABLE,
	EMAIL_DO_COUNT
};
/** The words of metrics and logs. */
const char *email_do_name(enum email_do d);
enum email_who email_who(const struct email_policy *p, const struct mail *m);
bool email_is_member(const struct email_policy *p, const char *address);
/** What is to be done with a mail that is nobody's of ours, by what it is and who sent it. */
enum email_do email_judge(const struct email_policy *p, const struct mail *m, enum email_who who);
/** Whose results count, by the settings: fills ${ctx}, whose lists lead into ${s}. */
void email_trust(const struct settings *s, struct mail_context *ctx);
/** How the core knows who is at an address: in lower case, ASCII only. */
void email_key(const char *address, char *out, size_t n);
/** How the core knows a sender: the address in lower case; with a "?" in front when nothing proves it. */
void email_person_key(const struct mail *m, enum email_who who, char out[330]);
/** Is the answer to "1. … 2. …" a bare number?  0: no. */
int email_choice(const char *text, size_t n);
/** Does the text speak to ${name}: begins with it, or has it after an @? */
bool email_names_us(const char *text, size_t n, const char *name);
#endif
