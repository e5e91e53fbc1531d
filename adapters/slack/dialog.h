#ifndef EDDY_SLACK_DIALOG_H
#define EDDY_SLACK_DIALOG_H

#include <stdbool.h>
#include <stddef.h>

struct buf;
struct slack;
struct slack_event;

/*
 * Forms (modals) that Eddy opens, and what is said to one person beside them.  Nothing here is durable: a form that was not opened is
 * opened by pressing again.  What is sent off comes as an event of its own (intents_press.c).
 */
#define DIALOG_WORDS_MAX 3000 /* characters of a field: Slack's own limit */
#define DIALOG_TOPIC_MAX 200

/** Asks for the topic of a side thread from ${ev}, a shortcut on a message that says ${text} (Markdown).  Any thread. */
void dialog_fork(struct slack *s, const struct slack_event *ev, const char *text, size_t n);
/** Offers the draft under ${ev}, a press on ACTION_EDIT, for editing.  ${raw}: the frame as it came. */
void dialog_edit(struct slack *s, const struct slack_event *ev, const char *raw, size_t n);
/** False: what was written into a form of ours cannot be taken; ${payload} gets the answer for the acknowledgement, which says why. */
bool dialog_fits(const struct slack_event *ev, struct buf *payload);
/** Says ${text} to the person of ${ev} alone, through its response_url. */
void dialog_tell(struct slack *s, const struct slack_event *ev, const char *text);
/**
 * Is Eddy in ${channel}?  Asks Slack; ${fn} comes on the http thread, within two seconds, with true when Slack does not say.  False: not
 * asked, ${fn} will not come.
 */
bool dialog_ask_member(struct slack *s, const char *channel, void (*fn)(void *arg, bool member), void *arg);

/* The views as JSON. */
void dialog_fork_view(const struct slack_event *ev, const char *text, size_t n, struct buf *out);
void dialog_edit_view(const struct slack_event *ev, const char *draft, size_t n, struct buf *out);

#endif
