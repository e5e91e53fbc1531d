#ifndef EDDY_BASE_BUCKET_H
#define EDDY_BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A token bucket: ${burst} things at once, then one every ${every_us}; up to ${queue} more may be promised for later.  Arithmetic only, no clock: times
 * are microseconds of any clock that does not stop.  A zeroed bucket is full.
 */
struct bucket_rule {
	int64_t every_us; /* 0: no limit */
	int64_t burst;    /* at least 1 */
	int64_t queue;    /* 0: nothing is promised */
};
struct bucket {
	int64_t next_us; /* when all that was taken has been earned again: the bucket is full from then on */
};
#define BUCKET_NEVER INT64_MAX

/** So many a minute, and so many at once; 0: no limit. */
struct bucket_rule bucket_per_minute(int64_t n, int64_t queue);
/** How long whoever takes one now has to wait: 0, some microseconds, or BUCKET_NEVER: more are promised already than may be.  Takes nothing. */
int64_t bucket_wait(struct bucket *b, const struct bucket_rule *r, int64_t now_us);
/** Take one, which has to wait for as long as bucket_wait() said; not after BUCKET_NEVER. */
void bucket_take(struct bucket *b, const struct bucket_rule *r, int64_t now_us);
/** How many that were promised are still to come. */
int64_t bucket_promised(const struct bucket *b, const struct bucket_rule *r, int64_t now_us);
/** Says it no more than a new one would? */
bool bucket_is_full(const struct bucket *b, int64_t now_us);

#endif
