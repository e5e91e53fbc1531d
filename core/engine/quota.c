/* Two maps, of buckets and of threads that were told.  What says nothing any more is swept when a map is full, so memory is bounded. */
#include "quota.h"

#include <stdlib.h>
#include <string.h>

#include "../base/map.h"
#include "../base/mem.h"

#define ENTRIES_MAX 65536
#define WAIT_MAX_MS (3600u * 1000)

struct entry {
	unsigned char key[1 + sizeof(((struct id *)0)->b)];
	struct bucket bucket; /* of a thread that was told: until when */
};
struct quota {
	struct map *buckets, *told;
	int64_t start_us;
};

struct quota *quota_new(int64_t now_us)
{
	struct quota *q = xcalloc(1, sizeof *q);
	q->buckets = map_new();
	q->told = map_new();
	q->start_us = now_us;
	return q;
}

void quota_free(struct quota *q)
{
	if (q == NULL)
		return;
	map_free(q->buckets, free);
	map_free(q->told, free);
	free(q);
}

struct sweep {
	struct map *kept;
	int64_t now_us;
};

static void sweep_one(const void *key, size_t n, void *value, void *arg)
{
	struct sweep *s = arg;
	struct entry *e = value;
	if (bucket_is_full(&e->bucket, s->now_us) || map_count(s->kept) >= ENTRIES_MAX / 2)
		free(e);
	else
		map_put(s->kept, key, n, e);
}

static struct entry *obtain(struct map **m, unsigned char kind, struct id id, int64_t now_us, bool *fresh)
{
	struct entry new = { .key = { kind } };
	memcpy(new.key + 1, id.b, sizeof id.b);
	struct entry *e = map_get(*m, new.key, sizeof new.key);
	*fresh = e == NULL;
	if (e != NULL)
		return e;
	if (map_count(*m) >= ENTRIES_MAX) {
		struct sweep s = { map_new(), now_us };
		map_each(*m, sweep_one, &s);
		map_free(*m, NULL);
		*m = s.kept;
	}
	e = xmalloc(sizeof *e);
	*e = new;
	map_put(*m, e->key, sizeof e->key, e);
	return e;
}

/* The buckets of ${w}, NULL where there is no limit. */
static void buckets_of(
    struct quota *q, const struct quota_who *w, const struct bucket_rule *const rules[3], int64_t now_us, struct bucket *out[3])
{
	const struct id ids[] = { w->ws, w->team, w->person };
	for (unsigned char i = 0; i < 3; i++) {
		bool fresh;
		out[i] = NULL;
		if (id_is_none(ids[i]) || rules[i]->every_us == 0)
			continue;
		out[i] = &obtain(&q->buckets, i, ids[i], now_us, &fresh)->bucket;
		if (fresh)
			out[i]->next_us = q->start_us + rules[i]->burst * rules[i]->every_us / 4 * 3;
	}
}

bool quota_take(struct quota *q, const struct quota_who *w, const struct quota_rules *r, int64_t now_us, uint32_t *wait_ms)
{
	/* All that may be promised is looked at, and nothing is. */
	struct bucket_rule patient[] = { r->workspace, r->team, r->person };
	const struct bucket_rule *rules[] = { &patient[0], &patient[1], &patient[2] };
	struct bucket *b[3];
	int64_t wait = 0;
	buckets_of(q, w, rules, now_us, b);
	for (int i = 0; i < 3; i++) {
		patient[i].queue = 1;
		int64_t one = b[i] != NULL ? bucket_wait(b[i], &patient[i], now_us) : 0;
		wait = one > wait ? one : wait;
	}
	*wait_ms = wait / 1000 >= WAIT_MAX_MS ? WAIT_MAX_MS : (uint32_t)((wait + 999) / 1000);
	for (int i = 0; i < 3 && wait == 0; i++)
		if (b[i] != NULL)
			bucket_take(b[i], &patient[i], now_us);
	return wait == 0;
}

enum quota_answer quota_ask(
    struct quota *q, const struct quota_who *w, const struct quota_rules *r, int64_t now_us, uint32_t *wait_ms)
{
	const struct bucket_rule *rules[] = { &r->workspace, &r->team, &r->person };
	struct bucket *taken[3];
	int64_t wait = 0;
	buckets_of(q, w, rules, now_us, taken);
	for (int i = 0; i < 3; i++) {
		if (taken[i] == NULL)
			continue;
		int64_t one = bucket_wait(taken[i], rules[i], now_us);
		if (one == BUCKET_NEVER)
			return QUOTA_FULL;
		wait = one > wait ? one : wait;
	}
	for (int i = 0; i < 3; i++)
		if (taken[i] != NULL)
			bucket_take(taken[i], rules[i], now_us);
	int64_t ms = (wait + 999) / 1000;
	*wait_ms = ms > WAIT_MAX_MS ? WAIT_MAX_MS : (uint32_t)ms;
	return ms == 0 ? QUOTA_NOW : QUOTA_LATER;
}

bool quota_say(struct quota *q, struct id thread, int64_t now_us, int64_t until_us)
{
	bool fresh;
	struct entry *e = obtain(&q->told, 3, thread, now_us, &fresh);
	bool say = fresh || bucket_is_full(&e->bucket, now_us);
	if (say || e->bucket.next_us < until_us)
		e->bucket.next_us = until_us;
	return say;
}
