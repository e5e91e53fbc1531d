#ifndef EDDY_TALK_SEARCH_WORDS_H
#define EDDY_TALK_SEARCH_WORDS_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * What somebody looks for: words that all have to be there, "phrases", -without, a OR b.  Pure; any thread; takes any bytes.
 */
#define SEARCH_TEXT_MAX 1000
#define SEARCH_TERMS_MAX 32
#define SEARCH_FORMS_MAX 24
struct search_term {
	char *text; /* a word, or a phrase with blanks */
	bool phrase, negated;
	bool prefix;                   /* a word that may go on */
	bool optional;                 /* so common that it need not be there */
	int group;                     /* of alternatives: OR begins the next one */
	char *forms[SEARCH_FORMS_MAX]; /* other forms of the word, any of which will do */
	size_t forms_len;
};
struct search_words {
	struct search_term terms[SEARCH_TERMS_MAX];
	size_t len;
	bool loose; /* any one of the words is enough */
};

/** Read at most SEARCH_TEXT_MAX bytes; ${unfinished}: the last word is a prefix.  ${out} is the caller's: search_words_done(). */
void search_words_parse(const char *text, size_t n, bool unfinished, struct search_words *out);
void search_words_done(struct search_words *w);
/** A further form of term ${i}; copies; none is added beyond SEARCH_FORMS_MAX. */
void search_words_add_form(struct search_words *w, size_t i, const char *form);
/** True if something is looked for that can be there (not only what must not). */
bool search_words_any(const struct search_words *w);
/**
 * Append it in the language of to_tsquery(): ${exactly} is all of it, ${broad} at least what an index can answer without reading messages; ""
 * where that is nothing.
 */
void search_words_query(const struct search_words *w, struct buf *broad, struct buf *exactly);

#endif
