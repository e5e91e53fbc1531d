#ifndef EDDY_EMAIL_BODY_H
#define EDDY_EMAIL_BODY_H

#include <stdbool.h>

#include "../../core/base/buf.h"
#include "../../core/engine/reply.h"

/* What the two bodies of a mail share: body_text.c, body_html.c. */
#define BODY_HOW_ONE "To choose this, answer with 1."
#define BODY_HOW_MANY "To choose, answer with the number."
#define BODY_HOW_EDIT "To change it, answer with edit: and below that the text as you want it."
#define BODY_EDIT_ACTION "fork.edit"            /* no choice by number: what it offers needs words */
bool body_is_option(const struct component *c); /* a button: a numbered line */
bool body_is_link(const struct component *c);   /* ${value} is a web address that may be shown */
const char *body_words(const struct component *c);
/** How to change what is offered; NULL: it is not to be changed. */
const char *body_how_edit(const struct component *c, size_t n);
/** ${s} with line ends and tabs as blanks. */
void body_one_line(const char *s, struct buf *out);
#endif
