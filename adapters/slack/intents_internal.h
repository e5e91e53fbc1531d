#ifndef EDDY_SLACK_INTENTS_INTERNAL_H
#define EDDY_SLACK_INTENTS_INTERNAL_H

#include "intents.h"
#include "origin.h"

/* What intents.c and intents_press.c share; ${in} gets what each one fills in, borrowed as intents_build() says. */
void intents_person(struct intents *c, const struct slack_event *ev, const char *user, const char *user_team,
    const char *inline_name, struct intent *in);
void intents_place(struct intents *c, const struct slack_event *ev, bool member, struct intent *in);
/** After the person.  False: it does not fit. */
bool intents_origin(struct intents *c, const struct slack_event *ev, enum origin_surface surface, const char *thread_ts,
    const char *message_ts, const struct intents_extra *x, struct intent *in);
/** "KIND:A:D:E" in ${b}; ${e} may be NULL. */
const char *intents_key(struct buf *b, const char *kind, const char *a, const char *d, const char *e);
const char *intents_person_name(void *arg, const char *id);
const char *intents_place_name(void *arg, const char *id);
void intents_text(struct intents *c, const struct slack_event *ev, const char *text, struct intent *in);
void intents_files(const struct wire_message *m, const struct intents_extra *x, struct intent *in);
bool intents_is_bot(const struct intents *c, const struct wire_message *m);
/** True for the subtypes that are somebody speaking. */
bool intents_speaks(const char *subtype);
/* intents_press.c */
bool intents_slash(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in);
bool intents_interactive(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in);

#endif
