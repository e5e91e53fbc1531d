/*
 * Open addressing with linear probing; removal shifts the followers back, so there are no tombstones and a table that lives for
 * weeks does not slow down.  Keys up to 16 bytes (every struct id) lie in the slot, longer ones in memory of their own.  The hash
 * is SipHash-1-3 (Aumasson and Bernstein) under a seed that the kernel gives once per process.
 */
#include "map.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "id.h"
#include "mem.h"

#define INLINE_KEY 16
#define START_SLOTS 16

struct slot {
	uint64_t hash; /* 0: the slot is free */
	void *value;
	size_t len;
	union {
		uint8_t inside[INLINE_KEY];
		uint8_t *outside;
	} key;
};

struct map {
	struct slot *slots;
	size_t count, mask; /* mask + 1 slots, a power of two */
};

static uint64_t seed[2];

static void make_seed(void)
{
	random_bytes(seed, sizeof seed);
}

static inline uint64_t rotate(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotate(v[1], 13) ^ v[0];
	v[0] = rotate(v[0], 32);
	v[2] += v[3];
	v[3] = rotate(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotate(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotate(v[1], 17) ^ v[2];
	v[2] = rotate(v[2], 32);
}

static uint64_t hash_key(const void *key, size_t n)
{
	uint64_t v[4] = {
		seed[0] ^ UINT64_C(0x736f6d6570736575),
		seed[1] ^ UINT64_C(0x646f72616e646f6d),
		seed[0] ^ UINT64_C(0x6c7967656e657261),
		seed[1] ^ UINT64_C(0x7465646279746573),
	};
	const uint8_t *p = key;
	size_t left = n;
	uint64_t word;
	for (; left >= 8; p += 8, left -= 8) {
		memcpy(&word, p, 8);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = (uint64_t)n << 56;
	for (size_t i = 0; i < left; i++)
		word |= (uint64_t)p[i] << 8 * i;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	for (int i = 0; i < 3; i++)
		sip_round(v);
	uint64_t h = v[0] ^ v[1] ^ v[2] ^ v[3];
	return h ? h : 1;
}

static const uint8_t *slot_key(const struct slot *s)
{
	return s->len <= INLINE_KEY ? s->key.inside : s->key.outside;
}

/* The slot that holds the key, or the free one where it would go. */
static struct slot *find(const struct map *m, uint64_t hash, const void *key, size_t n)
{
	for (size_t i = hash & m->mask;; i = (i + 1) & m->mask) {
		struct slot *s = &m->slots[i];
		if (!s->hash || (s->hash == hash && s->len == n && (n == 0 || memcmp(slot_key(s), key, n) == 0)))
			return s;
	}
}

struct map *map_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_seed);
	struct map *m = xcalloc(1, sizeof *m);
	m->slots = xcalloc(START_SLOTS, sizeof *m->slots);
	m->mask = START_SLOTS - 1;
	return m;
}

void map_free(struct map *m, void (*free_value)(void *))
{
	if (!m)
		return;
	for (size_t i = 0; i <= m->mask; i++) {
		struct slot *s = &m->slots[i];
		if (!s->hash)
			continue;
		if (s->len > INLINE_KEY)
			free(s->key.outside);
		if (free_value)
			free_value(s->value);
	}
	free(m->slots);
	free(m);
}

void *map_get(const struct map *m, const void *key, size_t n)
{
	const struct slot *s = find(m, hash_key(key, n), key, n);
	return s->hash ? s->value : NULL;
}

static void grow(struct map *m)
{
	struct slot *old = m->slots;
	size_t old_slots = m->mask + 1;
	m->slots = xcalloc(old_slots * 2, sizeof *m->slots);
	m->mask = old_slots * 2 - 1;
	for (size_t i = 0; i < old_slots; i++) {
		if (!old[i].hash)
			continue;
		size_t at = old[i].hash & m->mask;
		while (m->slots[at].hash)
			at = (at + 1) & m->mask;
		m->slots[at] = old[i];
	}
	free(old);
}

void *map_put(struct map *m, const void *key, size_t n, void *value)
{
	uint64_t hash = hash_key(key, n);
	struct slot *s = find(m, hash, key, n);
	if (s->hash) {
		void *before = s->value;
		s->value = value;
		return before;
	}
	if ((m->count + 1) * 4 > (m->mask + 1) * 3) {
		grow(m);
		s = find(m, hash, key, n);
	}
	s->hash = hash;
	s->len = n;
	s->value = value;
	if (n > INLINE_KEY) {
		s->key.outside = xmalloc(n);
		memcpy(s->key.outside, key, n);
	} else if (n) {
		memcpy(s->key.inside, key, n);
	}
	m->count++;
	return NULL;
}

void *map_remove(struct map *m, const void *key, size_t n)
{
	struct slot *s = find(m, hash_key(key, n), key, n);
	if (!s->hash)
		return NULL;
	void *value = s->value;
	if (s->len > INLINE_KEY)
		free(s->key.outside);
	/* Close the gap: move back each follower whose home is not between the gap and itself. */
	size_t gap = (size_t)(s - m->slots);
	for (size_t i = (gap + 1) & m->mask; m->slots[i].hash; i = (i + 1) & m->mask) {
		size_t home = m->slots[i].hash & m->mask;
		if (((i - home) & m->mask) >= ((i - gap) & m->mask)) {
			m->slots[gap] = m->slots[i];
			gap = i;
		}
	}
	m->slots[gap] = (struct slot){ 0 };
	m->count--;
	return value;
}

size_t map_count(const struct map *m)
{
	return m->count;
}

void map_each(const struct map *m, void (*fn)(const void *key, size_t n, void *value, void *arg), void *arg)
{
	for (size_t i = 0; i <= m->mask; i++) {
		const struct slot *s = &m->slots[i];
		if (s->hash)
			fn(slot_key(s), s->len, s->value, arg);
	}
}
