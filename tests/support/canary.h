#ifndef EDDY_SUPPORT_CANARY_H
#define EDDY_SUPPORT_CANARY_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Made-up secrets and the search for them.  A canary is found as it stands, in either of its halves (so that one which was cut, or whose odd
 * characters were encoded, is found too), in base64 of any alignment and alphabet, in hexadecimal, and, where it is a number in hexadecimal itself, as the
 * bytes of that number.
 */
#define CANARY_LETTERS 32
enum canary_kind { CANARY_TEXT, CANARY_HEX };
struct canary {
	const char *name;
	char value[120];
	char letters[2 * CANARY_LETTERS + 1]; /* the part that nobody can guess */
	enum canary_kind kind;
};
/** A fresh value: ${before}, letters that nobody can guess, ${after}. */
void canary_make(struct canary *c, const char *name, enum canary_kind kind, const char *before, const char *after);
/** A value that something else has made, at least 24 characters. */
void canary_of(struct canary *c, const char *name, const char *value);
/** Whether ${p} holds ${c}; ${how}: in which form. */
bool canary_in(const struct canary *c, const char *p, size_t n, const char **how);
/** Writes ${c} in form ${i} to ${out}; false: there is no such form.  For proving that it would be found. */
bool canary_form(const struct canary *c, int i, char *out, size_t out_n, size_t *n);

#endif
