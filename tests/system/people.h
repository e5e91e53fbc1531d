#ifndef EDDY_SYSTEM_PEOPLE_H
#define EDDY_SYSTEM_PEOPLE_H

#include "harness.h"

/* People on the fake Slack of the running rig: what they write, press and see. */

/** Writes ${text} in ${channel}, under ${thread} unless that is NULL; the ts goes to ${ts} (may be NULL). */
void people_say(const char *channel, const char *thread, const char *user, const char *text, bool mention, char ts[40]);
/** Messages of Eddy that show ${text}: under ${thread}, at the top of the channel (""), anywhere (NULL). */
int people_see(const char *channel, const char *thread, const char *text);
/** Presses the newest button called ${label} under ${thread}.  Ends the test when there is none. */
void people_press(const char *channel, const char *thread, const char *label, const char *user);
/** Uses the shortcut ${id} on a message; the same for forms that are sent off with ${value} in their field. */
void people_point(const char *channel, const char *ts, const char *id, const char *user);
void people_submit(const char *value);
/** How many forms have come up, and a field of the newest: "initial_value", "private_metadata" … (the caller's to free). */
int people_forms(void);
char *people_form_field(const char *name);
/** What the acknowledgement of the newest press or form says (the caller's to free): "" for nothing. */
char *people_answer(void);
/** The event of the newest press or form, and whether it was acknowledged: Slack does not send it again. */
extern char people_event[40];
bool people_acked(const char *event);
/** Posts to response_urls and ephemeral messages that show ${text}. */
int people_see_alone(const char *text);
/** Ends the test if the fake Slack complains of anything. */
void people_check(void);

#endif
