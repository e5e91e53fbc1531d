#ifndef EDDY_MEMORY_WORDS_H
#define EDDY_MEMORY_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* Looking at what people have written, without a model.  All pure; any thread. */

/**
 * True when ${s} tells an assistant what to do rather than what is so: "ignore previous instructions", "you must always answer …", talk of
 * system prompts and tools, in several languages.  Such a text is never stored as memory, whoever wrote it.
 */
bool memory_is_instruction(const char *s, size_t n);

/**
 * Append up to ${max} words of ${s} that say something, in small letters, longest first, each followed by a NUL; gives how many.  Words that
 * every text has are left out, #words come first.
 */
size_t memory_words(const char *s, size_t n, size_t max, struct buf *out);
/** ${word}, in small letters, is one of the words of ${s}, or the beginning of one, or one begins it ("deploys", "deploy"). */
bool memory_has_word(const char *s, size_t n, const char *word);
/** The same as a query for search_items(): the words with OR between them. */
void memory_query(const char *s, size_t n, struct buf *out);
void memory_query_of(const char *words, size_t count, struct buf *out); /* of what memory_words() gave */

/* "my time zone is CET", "I prefer tea", "Ann's phone is 12" */
struct memory_fact {
	const char *who; /* the name before 's; NULL: the speaker */
	size_t who_len;
	char attribute[64]; /* in small letters: "time zone", "prefers" */
	const char *value;
	size_t value_len;
};
/** False: it says nothing of that form.  Strings borrow from ${s}. */
bool memory_fact_read(const char *s, size_t n, struct memory_fact *out);

#endif
