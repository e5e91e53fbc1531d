#ifndef EDDY_TALK_HIGHLIGHT_H
#define EDDY_TALK_HIGHLIGHT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "search_words.h"

/*
 * A piece of a text around the words that were looked for, and where they are in it.  Words are compared without case and accents.  Pure;
 * any thread; takes any bytes.
 */
#define HIGHLIGHT_HITS_MAX 16
struct highlight {
	size_t from, to;    /* the piece, in bytes of the text; cut between characters and, where there are any, between words */
	bool before, after; /* there is more of it */
	struct {
		size_t from, to;
	} hits[HIGHLIGHT_HITS_MAX]; /* whole words inside the piece, in order, never overlapping */
	size_t len;
};
/** At most ${max} bytes (at least 16) of ${text}: where the most different words are near each other, else its beginning. */
void highlight_find(const char *text, size_t n, const struct search_words *w, size_t max, struct highlight *out);

/** One letter without case and accents, as up to three: returns how many, 0 for marks and what is no part of a word. */
size_t highlight_fold(uint32_t c, uint32_t out[3]);
/** A word as highlight_fold() makes it, in UTF-8; at most ${max} bytes with its NUL.  Returns its length; 0: no word, or too long. */
size_t highlight_fold_word(const char *s, size_t n, char *out, size_t max);

#endif
