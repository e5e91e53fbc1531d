#ifndef EDDY_SLACK_NAMES_H
#define EDDY_SLACK_NAMES_H

#include <stdbool.h>

#include "intents.h"

struct slack;

/*
 * What is known about people and channels.  Loop thread.  Asking for something unknown queues a question to Slack, in the background, one
 * per id, behind all deliveries; what comes back is kept here and told to the core.  Nothing waits for it.
 */
struct slack_names;
struct slack_names *names_new(struct slack *s);
void names_free(struct slack_names *n); /* after loop and http have stopped; NULL is fine */
/** Reads the first pages of our channels and of the workspace's people, so that most are known before they speak. */
void names_warm(struct slack_names *n);
/** NULL: not known yet.  Borrowed until the loop's next turn. */
const struct known_person *names_person(struct slack_names *n, const char *id);
const struct known_place *names_place(struct slack_names *n, const char *id);
/** Something about it has changed: ask again when it comes up. */
void names_forget_person(struct slack_names *n, const char *id);
void names_forget_place(struct slack_names *n, const char *id);

#endif
