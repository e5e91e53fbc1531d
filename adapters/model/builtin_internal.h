#ifndef EDDY_MODEL_BUILTIN_INTERNAL_H
#define EDDY_MODEL_BUILTIN_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/* The inside of the builtin provider: question → search → words.  All of it pure. */

/* What a question wants to hear; the searches differ by kind, and so does the wording of the answer. */
enum ask_kind {
	ASK_WORDS,   /* none of the fixed kinds: the best messages for its words */
	ASK_NOTHING, /* no words to look for */
	ASK_WHO_SAID,
	ASK_WHO_TALKED, /* everybody who did */
	ASK_WHO_ASKED,
	ASK_WHEN,
	ASK_WHY,
	ASK_WHERE,
	ASK_DECIDED,
	ASK_SAID_ABOUT, /* a person about a topic */
	ASK_SAID_WHEN,  /* when a person said it */
	ASK_I_SAID,
	ASK_YOU_SAID,  /* Eddy's own words */
	ASK_LAST_OF,   /* a person's last message */
	ASK_LAST_SEEN, /* when that was */
	ASK_FIRST,
	ASK_LATEST,
	ASK_COUNT,
	ASK_LINKS,
	ASK_FILES,
	ASK_NUMBERS,
	ASK_HAPPENED,
	ASK_UNANSWERED,
	ASK_DID_ANYONE,
	ASK_DID_PERSON,
	ASK_SHOW,
	ASK_AROUND, /* what stood before and after */
	ASK_IN_PLACE,
	ASK_PARTICIPANTS,
	ASK_THREAD_START,
	ASK_KINDS,
};

struct ask {
	enum ask_kind kind;
	char topic[300]; /* as it was typed, for the answer */
	char query[400]; /* its words, for the search */
	char person[100];
	char place[100];
	char after[24], before[24];
};

struct ask_pattern {
	enum ask_kind kind;
	const char *form;
};
extern const struct ask_pattern ask_patterns[]; /* ends with a NULL form */

/** Read the question. */
void builtin_ask(const char *text, size_t n, struct ask *out);
/**
 * The ${attempt}th tool call (from 0) that the question needs after ${results} (what the calls before it said, in order).
 * Returns the tool's name with its arguments appended to ${args}, or NULL when it is time to answer.
 */
const char *builtin_next(const struct ask *a, const char *const *results, size_t results_len, struct buf *args);
/** Append the answer. */
void builtin_say(const struct ask *a, const char *const *results, size_t results_len, struct buf *md);
/** What can be said without any search. */
void builtin_say_nothing(struct buf *md);

#define BUILTIN_SIGNATURE "Built-in search, not a model"
#define BUILTIN_NO_MODEL "No model is connected"

#endif
