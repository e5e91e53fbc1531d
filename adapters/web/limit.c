/* Buckets that are full again say nothing that a new one would not: the sweep forgets them, so the table holds who was here lately. */
#include "limit.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/base/map.h"
#include "../../core/base/mem.h"

struct bucket {
	double tokens;
	uint64_t at_ms;
	struct bucket *next, **link;
	size_t key_len;
	unsigned char key[];
};

struct limit {
	double per_ms, burst;
	size_t keys_max;
	struct map *by_key;
	struct bucket *all, *shared;
};

static struct bucket *bucket_new(const struct limit *l, const void *key, size_t n, uint64_t now_ms)
{
	struct bucket *b = xcalloc(1, sizeof *b + n);
	b->tokens = l->burst;
	b->at_ms = now_ms;
	b->key_len = n;
	if (n > 0)
		memcpy(b->key, key, n);
	return b;
}

struct limit *limit_new(double per_s, double burst, size_t keys_max)
{
	struct limit *l = xcalloc(1, sizeof *l);
	l->per_ms = per_s / 1000;
	l->burst = burst;
	l->keys_max = keys_max;
	l->by_key = map_new();
	l->shared = bucket_new(l, NULL, 0, 0);
	return l;
}

static void drop(struct limit *l, struct bucket *b)
{
	map_remove(l->by_key, b->key, b->key_len);
	*b->link = b->next;
	if (b->next != NULL)
		b->next->link = b->link;
	free(b);
}

void limit_free(struct limit *l)
{
	if (l == NULL)
		return;
	while (l->all != NULL)
		drop(l, l->all);
	map_free(l->by_key, NULL);
	free(l->shared);
	free(l);
}

static void fill(const struct limit *l, struct bucket *b, uint64_t now_ms)
{
	if (now_ms > b->at_ms)
		b->tokens += (double)(now_ms - b->at_ms) * l->per_ms;
	if (b->tokens > l->burst)
		b->tokens = l->burst;
	b->at_ms = now_ms;
}

uint32_t limit_take(struct limit *l, const void *key, size_t n, uint64_t now_ms)
{
	struct bucket *b = map_get(l->by_key, key, n);
	if (b == NULL && map_count(l->by_key) >= l->keys_max)
		limit_sweep(l, now_ms);
	if (b == NULL && map_count(l->by_key) < l->keys_max) {
		b = bucket_new(l, key, n, now_ms);
		b->next = l->all;
		b->link = &l->all;
		if (b->next != NULL)
			b->next->link = &b->next;
		l->all = b;
		map_put(l->by_key, b->key, n, b);
	}
	if (b == NULL)
		b = l->shared;
	fill(l, b, now_ms);
	if (b->tokens >= 1) {
		b->tokens -= 1;
		return 0;
	}
	return (uint32_t)((1 - b->tokens) / l->per_ms) + 1;
}

void limit_sweep(struct limit *l, uint64_t now_ms)
{
	for (struct bucket *b = l->all, *next; b != NULL; b = next) {
		next = b->next;
		fill(l, b, now_ms);
		if (b->tokens >= l->burst)
			drop(l, b);
	}
}
