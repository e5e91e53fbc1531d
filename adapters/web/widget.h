#ifndef EDDY_WEB_WIDGET_H
#define EDDY_WEB_WIDGET_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/err.h"

/* What a widget is told about itself before anybody says hello: the answer of GET /api/widget. */
struct buf;
struct settings;
#define WIDGET_FIELDS_MAX 8
#define WIDGET_FIELD_MAX 60

/** Would web.widget.* do for it?  ERR_INPUT: ${why} says what is wrong. */
enum err widget_check(const struct settings *s, char *why, size_t why_n);
/** false: there is none here. */
bool widget_describe(const struct settings *s, struct buf *b);

#endif
