#ifndef EDDY_EMAIL_PASSAGE_H
#define EDDY_EMAIL_PASSAGE_H

#include "../../core/engine/command.h"
#include "box.h"
#include "text.h"

/* One mail on its way through the inlet. */
struct passage {
	struct email_box *box;
	const struct imap_mail *raw;
	struct mail *mail;
	struct mail_text text;
	enum email_who who;
	enum email_do what;
	char person[330];
	char source[ID_TEXT + 4]; /* the same for the same mail, whichever copy of it */
	char cursor[32];
	struct found_thread thread;
	bool found;       /* ${thread} is theirs */
	bool begun_by_us; /* a conversation with people: what speaks to Eddy there says so */
	struct email_origin origin;
	enum command command; /* what ${body} is; CMD_NONE: words */
	bool to_sender_alone; /* the answer is for nobody else: neither for those on copy nor for whom Reply-To names */
	struct buf subject, references, cc, body;
};

bool passage_is_own(const struct email_box *b, const char *addr);
bool passage_any_own(const struct email_box *b, const struct mail_addresses *list);
/** Fills ${p}->body and ${p}->command: the message as the engine gets it. */
void passage_write_body(struct passage *p);
/** The adapter's own words for a mail without readable text; SAY_NOTHING: it has some. */
enum email_say passage_say(const struct passage *p);
/** Fills ${p}->origin and packs it; gives its length. */
size_t passage_origin(struct passage *p, char out[INTENT_ORIGIN_MAX]);
#define PASSAGE_KEY 330
/** Who sees the thread from now on: the sender, and whom a proved sender has named.  ${outsiders}: how many are no members. */
size_t passage_readers(struct passage *p, char (*keys)[PASSAGE_KEY], const char **list, size_t *outsiders);
size_t passage_files(struct passage *p, struct intent_file *out, char (*ids)[80]);
#endif
