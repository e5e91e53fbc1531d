#ifndef EDDY_SLACK_BUTTONS_H
#define EDDY_SLACK_BUTTONS_H

#include "../../core/base/id.h"

struct slack;
struct slack_buttons;

/*
 * Buttons that have had their day.  A message with buttons is remembered when it is shown and when one of them is pressed; whenever Eddy has
 * said something else in its thread, the core is asked whether it still offers anything, and if not the message is shown without them.  Best
 * effort: what is forgotten (a restart, too many) keeps its buttons, and pressing them gets an answer that says how things stand.
 */
struct slack_buttons *buttons_new(struct slack *s);
void buttons_free(struct slack_buttons *b); /* after http, loop and engine have stopped; NULL is fine */
/** Any thread: ${ts} in ${channel} has buttons. */
void buttons_seen(struct slack_buttons *b, struct id ws, struct id thread, const char *channel, const char *ts);
/** The same, as the thread is named in Slack: one of them was pressed. */
void buttons_pressed(struct slack_buttons *b, struct id ws, const char *channel, const char *thread_key, const char *ts);
/** Any thread: Eddy's answer ${ts} in ${thread} is visible. */
void buttons_answered(struct slack_buttons *b, struct id ws, struct id thread, const char *ts);

#endif
