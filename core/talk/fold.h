#ifndef EDDY_TALK_FOLD_H
#define EDDY_TALK_FOLD_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * Long answers in short: a headline of at most FOLD_HEADLINE_MAX characters and three to five points, all words of the answer itself.  Pure; any
 * thread.  Words are what stands between blanks; where a language has none, two characters count as one.  Code and tables are not counted: an
 * answer is not long because it shows a file.
 */
#define FOLD_HEADLINE_MAX 100
#define FOLD_POINTS_MAX 5

/** True when ${md} has more than ${words} words (0: never); then its short form is appended as Markdown. */
bool fold_answer(const char *md, size_t n, size_t words, struct buf *short_form);

/* While an answer grows: what of it will stay to be seen.  Start with FOLD_COUNT_INIT. */
struct fold_count {
	size_t halves; /* words, times two */
	int ticks;     /* signs of a fence at the beginning of this line; -1: something else stands there */
	char fence;    /* what the open fence is made of; 0: none is open */
	bool in_word, table;
};
#define FOLD_COUNT_INIT ((struct fold_count){ 0 })
/**
 * Count the next piece of an answer.  Returns how many bytes of it come before the word that is one too many: ${n} while there is none, later
 * always 0.
 */
size_t fold_feed(struct fold_count *c, const char *text, size_t n, size_t words);

#endif
