#ifndef EDDY_MODEL_SCAN_H
#define EDDY_MODEL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf;

/*
 * A strict JSON reader without a tree, for the small events of a model's stream.  The caller walks objects and arrays and takes
 * what it knows; whatever it does not take must be skipped.  A value of another type than asked for is skipped and reported as
 * absent.  ${bad} is set at the first byte that is not JSON; after that nothing is found any more.
 *
 *	scan_begin(&s, p, n);
 *	if (scan_object(&s))
 *		while (scan_key(&s, &key))
 *			if (scan_is(&key, "index")) scan_int(&s, &index); else scan_skip(&s);
 *	if (!scan_end(&s)) …
 */
#define SCAN_DEPTH 64
struct scan {
	const char *p, *end;
	bool first, bad;
};
/* The inside of a JSON string as it stands in the input; ${escaped}: it must go through scan_text(). */
struct scan_str {
	const char *p;
	size_t n;
	bool escaped;
};
void scan_begin(struct scan *s, const char *p, size_t n);
bool scan_object(struct scan *s);                    /* enters; then scan_key() until it says false */
bool scan_key(struct scan *s, struct scan_str *key); /* the next member; its value must be taken or skipped */
bool scan_array(struct scan *s);                     /* enters; then scan_item() until it says false */
bool scan_item(struct scan *s);                      /* there is a next element; it must be taken or skipped */
bool scan_string(struct scan *s, struct scan_str *out);
bool scan_int(struct scan *s, int64_t *out);              /* a number, cut to an integer */
bool scan_raw(struct scan *s, const char **p, size_t *n); /* any value but null, as it stands */
void scan_skip(struct scan *s);
bool scan_end(struct scan *s);                            /* nothing but blanks is left and nothing was bad */
bool scan_is(const struct scan_str *a, const char *text); /* escaped spellings never equal */
/** Append what ${a} says as valid UTF-8: NUL is dropped, ill-formed bytes and lone surrogates become U+FFFD. */
void scan_text(const struct scan_str *a, struct buf *out);
/** The same into ${out}, cut at ${n} - 1 bytes, terminated. */
void scan_copy(const struct scan_str *a, char *out, size_t n);
/** True if all of it is one JSON object. */
bool scan_is_object(const char *p, size_t n);

#endif
