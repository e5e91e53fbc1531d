#ifndef EDDY_TALK_NEVER_H
#define EDDY_TALK_NEVER_H

#include <stddef.h>

/*
 * Values that are never said, known again without being kept: by a keyed digest of each (docs/adr/101-sealed-secrets-are-never-said.md).  Filled once, then shared and counted; any thread.
 *
 *   a word                  counts as it is, from 8 bytes on; one of letters alone, which may be a word of everybody's, from 16 on
 *   several words or lines  each of its words from 16 bytes on that has letters and digits: the lines of a key, a token in a file
 *   bytes that are no text  in hexadecimal and in base64
 */
#define NEVER_MIN 8
#define NEVER_MAX 8192 /* bytes of a word; a longer one is none */
#define NEVER_KEY 32

struct never;
/** ${key}: NEVER_KEY random bytes, borrowed; they outlive it. */
struct never *never_new(const unsigned char *key);
void never_add(struct never *v, const char *value, size_t n);
struct never *never_keep(struct never *v);
void never_release(struct never *v); /* NULL is fine */
size_t never_count(const struct never *v);
/** How many bytes at ${s} are such a value: the longest; 0: none begins there.  ${v} may be NULL. */
size_t never_at(const struct never *v, const char *s, size_t n);

#endif
