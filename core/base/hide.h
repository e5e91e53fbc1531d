#ifndef EDDY_BASE_HIDE_H
#define EDDY_BASE_HIDE_H

#include <stdbool.h>
#include <stddef.h>

struct buf;

/*
 * What this process must never write, whoever says it: a service that refuses a key likes to repeat it in its error.  The log and the command line write through
 * this.  It is the second line: nobody passes a secret to either.
 */
#define HIDE_MIN 8 /* shorter ones are words that may be meant */
/** From now on these ${n} texts are hidden; they are borrowed.  Before threads are made, or after they have ended; (NULL, 0): none. */
void hide_secrets(const char *const *secrets, size_t n);
bool hide_finds(const char *p, size_t n);
/** Append ${p}, with "[hidden]" in the place of each. */
void hide_add(struct buf *out, const char *p, size_t n);
/** The same for what stands in ${b} from ${from} on. */
void hide_in(struct buf *b, size_t from);

#endif
