#ifndef EDDY_BASE_HTML_H
#define EDDY_BASE_HTML_H

#include "buf.h"

/**
 * Append ${s} as text of an HTML element or of a quoted attribute: what means something there is a character reference.
 * https://html.spec.whatwg.org/multipage/parsing.html#escapingString
 */
void html_add_text(struct buf *b, const char *s);

#endif
