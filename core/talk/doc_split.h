#ifndef EDDY_TALK_DOC_SPLIT_H
#define EDDY_TALK_DOC_SPLIT_H

#include <stddef.h>

struct doc;

/* The smallest limit that is kept; a smaller one counts as this. */
#define DOC_SPLIT_MIN 256

/**
 * Split ${d} into parts whose canonical Markdown is at most ${units} UTF-16 code units each, in order.  No text is lost.  A part ends
 * between blocks where it can, else between lines of code, rows of a table, words of a text; only a word that alone is too long is
 * cut, between what a reader sees as characters.  A code block goes on in a block of the same language, a table below its header row
 * again, a list with its next number.  Links are never cut; one that fits nowhere becomes its text and its address.
 * Gives an array of ${count} documents, at least one, for doc_parts_free().  ${d} may be freed before them.
 */
struct doc **doc_split(const struct doc *d, size_t units, size_t *count);
void doc_parts_free(struct doc **parts, size_t count);

#endif
