#ifndef EDDY_SLACK_INTENTS_H
#define EDDY_SLACK_INTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/buf.h"
#include "../../core/engine/intent.h"
#include "wire.h"

/* What Slack says becomes what the core understands.  Pure: no clock, no network; who is who comes through functions. */

/* What is known about people and channels (names.h). */
struct known_person {
	char *name, *tz; /* NULL: not known */
	enum person_kind kind;
	bool is_bot, is_guest;
};
struct known_place {
	char *name;
	enum visibility visibility;
	bool member;
};

struct intents {
	/* set by the owner */
	struct id ws;
	const char *team_id, *self_user, *self_bot, *self_name;          /* auth.test */
	const struct known_person *(*person)(void *arg, const char *id); /* NULL: not known (and being asked for) */
	const struct known_place *(*place)(void *arg, const char *id);
	void *arg;
	const char *const *bots; /* app ids of bots that may talk to us */
	size_t bots_len;
	bool unheard; /* set by intents_build(): a bot that may not ask has named us */
	/* working memory */
	struct buf text, key, detail, thread_key;
	char origin[INTENT_ORIGIN_MAX];
};
void intents_done(struct intents *c);

/* The text of a small file, fetched before: which file of the message, and what it says. */
struct intents_file_text {
	const char *file_id;
	const char *text;
	size_t len;
};
struct intents_extra {
	uint64_t now_ms; /* wall clock */
	bool late;       /* read back from history */
	const struct intents_file_text *texts;
	size_t texts_len;
};
/**
 * Builds the intent of ${ev} into ${in}, whose strings borrow from ${ev} and ${c} until the next call.  False: there is nothing to
 * tell the core (our own echo, another bot, a system message, an unfurl, something incomplete).
 */
bool intents_build(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in);
/* Names of ours that Slack gives back: shortcuts on a message (config/slack-manifest.yaml), forms, and a button that opens one. */
#define SHORTCUT_FORK "eddy_fork"
#define SHORTCUT_PIN "eddy_pin"
#define VIEW_FORK "eddy_fork"
#define VIEW_EDIT "eddy_edit"
#define ACTION_EDIT "fork.edit" /* its value: the Markdown to edit, or nothing where it was too long to send along */
/** True for a shortcut whose command is about the message it was used on: that message is handed in first. */
bool intents_points(const struct slack_event *ev);
/** That message, to be kept without an answer.  False: there is nothing to keep (Eddy's own words, no text); ${in} has its text only. */
bool intents_pointed(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in);
/** True for a press, under a message that all can see, on a button that gives a command. */
bool intents_commands(const struct slack_event *ev);
/** The message that ${ev} says is deleted, as it was in ${ev}->before; NULL: none. */
const char *intents_deleted_ts(const struct slack_event *ev);
/** True if something we did ourselves caused this event. */
bool intents_is_self(const struct intents *c, const struct slack_event *ev, const struct wire_message *m);
/** True for a file whose text is worth fetching before the message is accepted: small and text. */
bool intents_wants_text(const struct wire_file *f);
#define INTENTS_FILE_TEXT_MAX 65536u

#endif
