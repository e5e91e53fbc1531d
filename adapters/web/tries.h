#ifndef EDDY_WEB_TRIES_H
#define EDDY_WEB_TRIES_H

#include <stddef.h>
#include <stdint.h>

/*
 * Wrong passwords: how long whoever was wrong has to wait, by a key (who they say they are, and from where).  The first few are free, then each makes the
 * wait twice as long, up to 15 minutes; half an hour after it everything is forgotten.  Memory is bounded: the wait that ends first makes room.  One thread.
 */
#define TRIES_FREE 4
#define TRIES_WAIT_MAX_MS 900000u

struct tries;
struct tries *tries_new(size_t keys_max);
void tries_free(struct tries *t); /* NULL is fine */
/** How many milliseconds this key has to wait; 0: none. */
uint32_t tries_wait(const struct tries *t, const void *key, size_t n, uint64_t now_ms);
/** Is about to be looked at, and most likely wrong. */
void tries_count(struct tries *t, const void *key, size_t n, uint64_t now_ms);
/** It was right: all is forgotten. */
void tries_right(struct tries *t, const void *key, size_t n);
/** It could not be looked at: this one does not count. */
void tries_again(struct tries *t, const void *key, size_t n);
void tries_sweep(struct tries *t, uint64_t now_ms);

#endif
