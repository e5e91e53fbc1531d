#ifndef EDDY_WEB_LIMIT_H
#define EDDY_WEB_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/*
 * How often somebody may do something: a token bucket for each key (an address, a visitor), which fills with ${per_s} and holds ${burst}.  Memory is
 * bounded: beyond ${keys_max} keys in use newcomers share one bucket.  One thread.
 */
struct limit;
struct limit *limit_new(double per_s, double burst, size_t keys_max);
void limit_free(struct limit *l); /* NULL is fine */
/** Take one: 0, or how many milliseconds to wait for it (nothing was taken then). */
uint32_t limit_take(struct limit *l, const void *key, size_t n, uint64_t now_ms);
/** Forget the keys whose buckets are full again. */
void limit_sweep(struct limit *l, uint64_t now_ms);

#endif
