#ifndef EDDY_ENGINE_OFFER_H
#define EDDY_ENGINE_OFFER_H

#include <stddef.h>

#include "../base/err.h"
#include "reply.h"

struct buf;

/*
 * What a message offers to press, stored with it (messages.components): a JSON list of {"kind","action","value","label","fallback",
 * "style"}.  Pure; any thread.
 */
void offer_write(struct buf *json, const struct component *components, size_t n);
/** ERR_INPUT: no such list.  On success ${out} is the caller's: offer_free(). */
enum err offer_read(const char *json, size_t n, struct component **out, size_t *len);
struct component *offer_copy(const struct component *components, size_t n);
void offer_free(struct component *components, size_t n); /* NULL is fine */

#endif
