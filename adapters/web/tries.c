/* A try is counted before it is looked at, so that many at once are not all the first one. */
#include "tries.h"

#include <stdlib.h>

#include "../../core/base/map.h"
#include "../../core/base/mem.h"

#define FORGET_MS 1800000u

struct key {
	struct key *next, **link;
	unsigned count;
	uint64_t until_ms;  /* not before then */
	uint64_t former_ms; /* the same before the last try was counted */
	size_t n;
	unsigned char bytes[];
};

struct tries {
	struct map *keys;
	struct key *all;
	size_t max;
};

struct tries *tries_new(size_t keys_max)
{
	struct tries *t = xcalloc(1, sizeof *t);
	t->keys = map_new();
	t->max = keys_max;
	return t;
}

static void drop(struct tries *t, struct key *k)
{
	map_remove(t->keys, k->bytes, k->n);
	*k->link = k->next;
	if (k->next != NULL)
		k->next->link = k->link;
	free(k);
}

void tries_free(struct tries *t)
{
	if (t == NULL)
		return;
	while (t->all != NULL)
		drop(t, t->all);
	map_free(t->keys, NULL);
	free(t);
}

uint32_t tries_wait(const struct tries *t, const void *key, size_t n, uint64_t now_ms)
{
	const struct key *k = map_get(t->keys, key, n);
	return k == NULL || now_ms >= k->until_ms ? 0 : (uint32_t)(k->until_ms - now_ms);
}

static void make_room(struct tries *t)
{
	struct key *first = t->all;
	for (struct key *k = t->all; k != NULL; k = k->next)
		if (k->until_ms < first->until_ms)
			first = k;
	drop(t, first);
}

static struct key *add(struct tries *t, const void *key, size_t n)
{
	if (map_count(t->keys) >= t->max)
		make_room(t);
	struct key *k = xcalloc(1, sizeof *k + n);
	k->n = n;
	for (size_t i = 0; i < n; i++)
		k->bytes[i] = ((const unsigned char *)key)[i];
	k->next = t->all;
	k->link = &t->all;
	if (k->next != NULL)
		k->next->link = &k->next;
	t->all = k;
	map_put(t->keys, k->bytes, n, k);
	return k;
}

void tries_count(struct tries *t, const void *key, size_t n, uint64_t now_ms)
{
	struct key *k = map_get(t->keys, key, n);
	if (k != NULL && now_ms > k->until_ms + FORGET_MS)
		k->count = 0;
	if (k == NULL)
		k = add(t, key, n);
	k->count++;
	unsigned over = k->count <= TRIES_FREE ? 0 : k->count - TRIES_FREE;
	k->former_ms = k->until_ms;
	uint32_t wait = over == 0 ? 0 : over > 10 ? TRIES_WAIT_MAX_MS : 1000u << (over - 1);
	k->until_ms = now_ms + (wait > TRIES_WAIT_MAX_MS ? TRIES_WAIT_MAX_MS : wait);
}

void tries_right(struct tries *t, const void *key, size_t n)
{
	struct key *k = map_get(t->keys, key, n);
	if (k != NULL)
		drop(t, k);
}

void tries_again(struct tries *t, const void *key, size_t n)
{
	struct key *k = map_get(t->keys, key, n);
	if (k == NULL)
		return;
	k->count -= k->count > 0;
	k->until_ms = k->former_ms; /* and not at once forgotten, with all that was wrong before */
}

void tries_sweep(struct tries *t, uint64_t now_ms)
{
	for (struct key *k = t->all, *next; k != NULL; k = next) {
		next = k->next;
		if (now_ms > k->until_ms + FORGET_MS)
			drop(t, k);
	}
}
