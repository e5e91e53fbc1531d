#ifndef EDDY_MODEL_BREAKER_H
#define EDDY_MODEL_BREAKER_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * A circuit breaker for one provider.  It opens after 5 failures in a row with no success in the last 2 s (at high rates five in a
 * row say little), or when at least half of 20 or more calls of the last minute failed.  Open, it lets one call through after
 * 15 s (longer if the provider asked for it); that call closes it or doubles the wait, up to 2 minutes.  Any thread; time is passed in.
 */
#define BREAKER_BUCKETS 6
struct breaker {
	pthread_mutex_t mtx;
	bool open, probing;
	uint32_t wait_ms, in_a_row;
	uint64_t next_probe_ms, last_good_ms;
	struct {
		uint64_t slot; /* now / 10 s */
		uint32_t all, bad;
	} buckets[BREAKER_BUCKETS];
};
enum breaker_outcome { BREAKER_GOOD, BREAKER_BAD, BREAKER_NEITHER };
void breaker_init(struct breaker *b);
/** May a call be made now?  ${probe}: it is the one that decides; its outcome must be told with the same flag. */
bool breaker_allow(struct breaker *b, uint64_t now_ms, bool *probe);
/** ${retry_after_ms}: what the provider asked for.  True when the state changed. */
bool breaker_tell(struct breaker *b, uint64_t now_ms, enum breaker_outcome o, bool probe, uint32_t retry_after_ms);
/** "closed", "open" or "half-open". */
const char *breaker_state(struct breaker *b, uint64_t now_ms);

#endif
