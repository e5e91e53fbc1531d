#include "breaker.h"

#define IN_A_ROW 5u
#define QUIET_MS 2000u
#define BUCKET_MS 10000u
#define CALLS_MIN 20u
#define WAIT_MS 15000u
#define WAIT_MAX_MS 120000u

void breaker_init(struct breaker *b)
{
	*b = (struct breaker){ .wait_ms = WAIT_MS };
	pthread_mutex_init(&b->mtx, NULL);
}

bool breaker_allow(struct breaker *b, uint64_t now_ms, bool *probe)
{
	pthread_mutex_lock(&b->mtx);
	bool ok = !b->open;
	*probe = false;
	if (b->open && !b->probing && now_ms >= b->next_probe_ms) {
		b->probing = ok = *probe = true;
	}
	pthread_mutex_unlock(&b->mtx);
	return ok;
}

static void count(struct breaker *b, uint64_t now_ms, bool bad)
{
	uint64_t slot = now_ms / BUCKET_MS;
	size_t i = slot % BREAKER_BUCKETS;
	if (b->buckets[i].slot != slot) {
		b->buckets[i].slot = slot;
		b->buckets[i].all = b->buckets[i].bad = 0;
	}
	b->buckets[i].all++;
	b->buckets[i].bad += bad;
}

static bool half_failed(const struct breaker *b, uint64_t now_ms)
{
	uint64_t slot = now_ms / BUCKET_MS;
	uint32_t all = 0, bad = 0;
	for (size_t i = 0; i < BREAKER_BUCKETS; i++) {
		if (b->buckets[i].slot + BREAKER_BUCKETS > slot) {
			all += b->buckets[i].all;
			bad += b->buckets[i].bad;
		}
	}
	return all >= CALLS_MIN && bad * 2 >= all;
}

static void open_for(struct breaker *b, uint64_t now_ms, uint32_t retry_after_ms)
{
	uint32_t wait = retry_after_ms > b->wait_ms ? retry_after_ms : b->wait_ms;
	b->open = true;
	b->next_probe_ms = now_ms + (wait < WAIT_MAX_MS ? wait : WAIT_MAX_MS);
	b->wait_ms = b->wait_ms * 2 < WAIT_MAX_MS ? b->wait_ms * 2 : WAIT_MAX_MS;
}

bool breaker_tell(struct breaker *b, uint64_t now_ms, enum breaker_outcome o, bool probe, uint32_t retry_after_ms)
{
	pthread_mutex_lock(&b->mtx);
	bool was = b->open;
	if (probe)
		b->probing = false;
	if (o == BREAKER_GOOD) {
		b->in_a_row = 0;
		b->last_good_ms = now_ms;
		if (probe || !b->open) {
			b->open = false;
			b->wait_ms = WAIT_MS;
		}
		if (was && !b->open) /* a new beginning */
			for (size_t i = 0; i < BREAKER_BUCKETS; i++)
				b->buckets[i].all = b->buckets[i].bad = 0;
	}
	if (o != BREAKER_NEITHER)
		count(b, now_ms, o == BREAKER_BAD);
	if (o == BREAKER_BAD) {
		b->in_a_row++;
		bool quiet = b->last_good_ms == 0 || now_ms - b->last_good_ms >= QUIET_MS;
		if (probe || (!b->open && ((b->in_a_row >= IN_A_ROW && quiet) || half_failed(b, now_ms))))
			open_for(b, now_ms, retry_after_ms);
	}
	bool changed = was != b->open;
	pthread_mutex_unlock(&b->mtx);
	return changed;
}

const char *breaker_state(struct breaker *b, uint64_t now_ms)
{
	pthread_mutex_lock(&b->mtx);
	const char *s = !b->open ? "closed" : b->probing || now_ms >= b->next_probe_ms ? "half-open" : "open";
	pthread_mutex_unlock(&b->mtx);
	return s;
}
