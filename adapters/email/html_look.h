#ifndef EDDY_EMAIL_HTML_LOOK_H
#define EDDY_EMAIL_HTML_LOOK_H

#include <libxml/tree.h>

#include "html_clean.h"
#include "text_lines.h"

enum { HTML_PENDING = 1u << 8 }; /* for the next line, and so for all after it */
/** MARKUP_… of the lines in the element, or, with HTML_PENDING, of the line after its start. */
unsigned mail_html_client_markup(const xmlNode *n);
/** Nobody sees it.  ${bright}: the background is white, in and out. */
bool mail_html_is_hidden(const xmlNode *n, const struct html_hidden *rules, bool *bright);
/** The line that Outlook draws above a quoted header block. */
bool mail_html_is_border(const xmlNode *n);
/** The value of an attribute, NULL: not there. */
const char *mail_html_attribute(const xmlNode *n, const char *name);
#endif
