#ifndef EDDY_EMAIL_TEXT_SIGNS_H
#define EDDY_EMAIL_TEXT_SIGNS_H

#include "text_lines.h"

/*
 * Signs that the mail of somebody else begins at a line: attributions, header blocks, markers.  Each looks at a bounded number of lines.
 */
enum mail_strength { NO_ATTRIBUTION, WEAK_ATTRIBUTION /* with ">" below, which it has */, STRONG_ATTRIBUTION /* without it too */ };
/** An attribution from line ${i} on; the line after it into ${end}.  Not if a sentence of the sender stands in its first line. */
enum mail_strength mail_sign_attribution(const struct text_lines *l, size_t i, size_t *end);
/** The same whatever its first line says. */
enum mail_strength mail_sign_attribution_at(const struct text_lines *l, size_t i, size_t *end);
/** "ok On Mon, May 6, 2024 at 9:12, Bot <b@e.org> wrote:": where it starts in the line; 0: none. */
size_t mail_sign_attribution_inside(const struct text_lines *l, size_t i);
/** A block of header lines of a mail; the line after it, 0: none.  ${sure}: what stands above says so already. */
size_t mail_sign_headers(const struct text_lines *l, size_t i, bool sure);
/** Lines like "Word: …" in a language that nobody knows, where HTML says that headers are. */
bool mail_sign_like_headers(const struct text_lines *l, size_t i);
/** "-----Original Message-----", "Begin forwarded message:". */
enum mail_marker mail_sign_marker(const struct text_lines *l, size_t i);
bool mail_sign_reply_above(const struct text_lines *l, size_t i);
/** The next line from ${i} on that is not blank. */
size_t mail_text_next(const struct text_lines *l, size_t i);
bool mail_text_quote_follows(const struct text_lines *l, size_t i);
/** Nothing but at least ${min} dashes, underscores and their like. */
bool mail_text_is_rule(const struct text_lines *l, size_t i, size_t min);
#endif
