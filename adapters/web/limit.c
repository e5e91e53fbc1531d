/* Buckets that are full again say nothing that a new one would not: the sweep forgets them, so the table holds who was here lately. */
#include "limit.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/base/bucket.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"

struct holder {
	struct bucket bucket;
	struct holder *next, **link;
	size_t key_len;
	unsigned char key[];
};

struct limit {
	struct bucket_rule rule; /* one may be promised, so that it says when; nothing is taken then */
	size_t keys_max;
	struct map *by_key;
	struct holder *all, *shared;
	uint64_t now_ms; /* the latest: a clock that jumps back gives nothing */
};

static struct holder *holder_new(const void *key, size_t n)
{
	struct holder *h = xcalloc(1, sizeof *h + n);
	h->key_len = n;
	if (n > 0)
		memcpy(h->key, key, n);
	return h;
}

struct limit *limit_new(double per_s, double burst, size_t keys_max)
{
	struct limit *l = xcalloc(1, sizeof *l);
	double every = 1e6 / per_s;
	every = every < 1 ? 1 : every > 86400e6 ? 86400e6 : every;
	l->rule = (struct bucket_rule){ (int64_t)every, burst < 1 ? 1 : (int64_t)burst, 1 };
	l->keys_max = keys_max;
	l->by_key = map_new();
	l->shared = holder_new(NULL, 0);
	return l;
}

static void drop(struct limit *l, struct holder *h)
{
	map_remove(l->by_key, h->key, h->key_len);
	*h->link = h->next;
	if (h->next != NULL)
		h->next->link = h->link;
	free(h);
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

static int64_t now_us(struct limit *l, uint64_t now_ms)
{
	if (now_ms > l->now_ms)
		l->now_ms = now_ms;
	return (int64_t)l->now_ms * 1000;
}

uint32_t limit_take(struct limit *l, const void *key, size_t n, uint64_t now_ms)
{
	int64_t now = now_us(l, now_ms);
	struct holder *h = map_get(l->by_key, key, n);
	if (h == NULL && map_count(l->by_key) >= l->keys_max)
		limit_sweep(l, now_ms);
	if (h == NULL && map_count(l->by_key) < l->keys_max) {
		h = holder_new(key, n);
		h->next = l->all;
		h->link = &l->all;
		if (h->next != NULL)
			h->next->link = &h->next;
		l->all = h;
		map_put(l->by_key, h->key, n, h);
	}
	if (h == NULL)
		h = l->shared;
	int64_t wait = bucket_wait(&h->bucket, &l->rule, now);
	if (wait == 0) {
		bucket_take(&h->bucket, &l->rule, now);
		return 0;
	}
	return (uint32_t)((wait + 999) / 1000);
}

void limit_sweep(struct limit *l, uint64_t now_ms)
{
	int64_t now = now_us(l, now_ms);
	for (struct holder *h = l->all, *next; h != NULL; h = next) {
		next = h->next;
		if (bucket_is_full(&h->bucket, now))
			drop(l, h);
	}
}
