#ifndef EDDY_EMAIL_HTML_CLEAN_H
#define EDDY_EMAIL_HTML_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/buf.h"

/*
 * HTML before its parser: comments, scripts and styles are left out, nesting, attributes and their lengths are bounded, end tags without a start are dropped, so that
 * no input makes the parser slow.  Valid UTF-8 without NUL comes out.
 */
#define HTML_MAX (4u << 20) /* what is beyond is not read */
struct html_hidden {        /* ".name" and "#name" that a style sheet hides */
	char **names;
	size_t len;
};
void mail_html_clean(const char *html, size_t n, struct buf *out, struct html_hidden *rules);
bool mail_html_hides(const struct html_hidden *rules, const char *class, const char *id);
void mail_html_hidden_done(struct html_hidden *rules);
/** ${key}: a style in lower case, without blanks, with ";" around it. */
bool mail_html_style_hides(const char *key);
#endif
