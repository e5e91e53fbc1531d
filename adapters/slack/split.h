#ifndef EDDY_SLACK_SPLIT_H
#define EDDY_SLACK_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

/**
 * Cut Markdown into pieces of at most ${units} (at least 500) UTF-16 units, in order and without losing a character: between paragraphs
 * where possible, else between lines, words, characters.  A code block that is cut is closed and opened again, a table gets its header
 * again.  ${fn} is called for each piece; it borrows.
 */
void slack_split(const char *md, size_t n, size_t units, void (*fn)(void *arg, const char *md, size_t n), void *arg);
/** Is a code fence open at the end of these bytes?  Then ${line} is the line that opened it. */
bool slack_fence_open(const char *s, size_t n, const char **line, size_t *line_n);

#endif
