#ifndef EDDY_TALK_DIGEST_INTERNAL_H
#define EDDY_TALK_DIGEST_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "resolution.h"

/* What resolution.c, digest.c and their parts share; nothing outside core/talk includes this. */

/**
 * Append ${s} as one line of Markdown: blanks joined, control characters and signs that turn text round left out, bad UTF-8 replaced, what would
 * begin a block (heading, quote, bullet, number) taken off the front.  At most ${max} characters, then "…" after the last whole word that fits.
 */
void digest_add_line(struct buf *out, const char *s, size_t n, size_t max);
size_t digest_characters(const char *s, size_t n);
/** Bytes of a bullet, number, quote mark, heading mark or check box with its blanks at the front of a line; 0: none.  ${quote}: only quote marks. */
size_t digest_mark(const char *s, size_t n, bool quote);
/** The link of source ${k} (from 1) as [k] or [[k]](link). */
void digest_add_source(struct buf *md, int k, const struct digest_message *m, size_t n);
/**
 * The same without the references at its end ([2], [[3]](link)), which go into ${l} as far as there are such messages; ${l} may be NULL.  Returns
 * what it appended: 0 when nothing was left.
 */
size_t digest_add_text(struct buf *out, const char *s, size_t n, size_t max, size_t messages, struct resolution_line *l);
/** Append a name as plain text inside Markdown. */
void digest_add_name(struct buf *md, const char *name);

/* What the words of a sentence say about it. */
enum digest_sign {
	SIGN_DECISION = 1,
	SIGN_AGREEMENT = 2, /* "agreed": what was said before is decided */
	SIGN_PROPOSAL = 4,
	SIGN_CORRECTION = 8,
	SIGN_MAYBE_CORRECTION = 16, /* "actually": where it speaks of the same thing */
	SIGN_OPEN = 32,
	SIGN_DEFERRED = 64,
	SIGN_POLITE = 128, /* greetings, thanks, small talk: only at the beginning */
	SIGN_WEIGHT = 256, /* "important", "the cause is", "deadline" */
};
/** ${norm}: lower case, blanks joined, straight apostrophes. */
unsigned digest_signs(const char *norm, size_t n);
enum digest_word { WORD_NONE /* too common to count */, WORD_PLAIN, WORD_NUMBER, WORD_DAY, WORD_MONTH, WORD_NAME };
/** What kind of word ${w} (lower case) is, but for WORD_NAME. */
enum digest_word digest_word_kind(const char *w, size_t n);

#define SENTENCE_WORDS 24
#define SENTENCES_MAX 600
struct sentence_word {
	uint32_t hash;
	enum digest_word kind;
};
struct sentence {
	size_t message; /* index */
	const char *text;
	size_t len;
	unsigned signs;
	size_t words; /* in all */
	struct sentence_word word[SENTENCE_WORDS];
	size_t word_len; /* that count, each once */
	bool question, answered, eddy;
	bool decision; /* by its own words, or because somebody agreed, or because it corrects one */
	bool replaced; /* a later one wins */
	size_t agreed; /* 1 + the message that agreed; 0: none */
	bool has_link;
	double score;
};
struct sentences {
	struct sentence *s;
	size_t len;
	char *memory; /* their texts */
	size_t used;
};
/** Cut the messages into sentences and find out what they are to each other.  ${topic} may be NULL: what it names counts more. */
void sentences_make(const char *topic, const struct digest_message *m, size_t n, struct sentences *out);
/** The bytes of the sentence that begins at ${s}, with its closing marks. */
size_t digest_sentence_end(const char *s, size_t n);
void sentences_done(struct sentences *s);

#endif
