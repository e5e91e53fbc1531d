#ifndef EDDY_SLACK_LIMITS_H
#define EDDY_SLACK_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Who may call Slack now.  Calls wait in lanes, one per method and channel, in order; a lane that was told to wait never
 * holds up another.  Pure logic: time comes in, items come out; one thread.
 *
 * documented: each method has the rate of its tier, posts have about one a second in each channel, both with bursts.
 * adaptive: no limit until a 429.  In both, a 429 closes exactly its lane for as long as Slack said; then the lane opens with one call at a
 * time and doubles with every good answer until it is free again.
 */
#define LIMITS_LANE_MAX 1000u
#define LIMITS_TOTAL_MAX 20000u
#define LIMITS_PRIORITIES 3
#define LIMITS_NEVER UINT64_MAX

struct limits;
struct limits_lane;
struct limits_item { /* embed it in what waits */
	struct limits_item *next;
	struct limits_lane *lane;
	uint64_t seq;
	unsigned priority; /* 0 is served first */
};
enum limits_end { LIMITS_GOOD, LIMITS_HIT /* 429 */, LIMITS_OTHER };

struct limits *limits_new(bool adaptive);
/** Items that still wait are the caller's: limits_drop() before.  Items that run must have ended. */
void limits_free(struct limits *l);
/** ${it} waits from now on.  ${method} is kept, so a literal; ${channel} may be NULL.  False: too many wait. */
bool limits_put(
    struct limits *l, struct limits_item *it, const char *method, const char *channel, unsigned priority, uint64_t now_ms);
/** Would a call put now be taken at once? */
bool limits_free_now(struct limits *l, const char *method, const char *channel, uint64_t now_ms);
/** The next item that may go, NULL: none now.  It counts as running until limits_done() or limits_again(). */
struct limits_item *limits_take(struct limits *l, uint64_t now_ms);
/** When limits_take() may have something again without any other call; LIMITS_NEVER: nothing is waiting for time. */
uint64_t limits_due(struct limits *l, uint64_t now_ms);
/** ${it} has ended and leaves.  ${wait_ms} belongs to LIMITS_HIT. */
void limits_done(struct limits *l, struct limits_item *it, enum limits_end end, uint32_t wait_ms, uint64_t now_ms);
/** ${it} ran and must run again, first in its lane, not before ${wait_ms} from now. */
void limits_again(struct limits *l, struct limits_item *it, enum limits_end end, uint32_t wait_ms, uint64_t now_ms);
/** Takes out all that wait, as a list by ${next}; for the end of a life. */
struct limits_item *limits_drop(struct limits *l);
size_t limits_waiting(const struct limits *l);
size_t limits_lanes(const struct limits *l);

#endif
