/*
 * Virtual scheduling: of a bucket is kept only when it will be full.  Everything it can hold lies within (burst + queue) * every_us of now; where that is
 * further off, because the clock was set back or the rule was made tighter, the bucket is empty and nothing is promised.
 */
#include "bucket.h"

#define EVERY_MAX (INT64_C(86400) * 1000000) /* one a day */
#define COUNT_MAX INT64_C(1000000)
#define NOW_MAX (INT64_MAX / 4)

static int64_t within(int64_t x, int64_t low, int64_t high)
{
	return x < low ? low : x > high ? high : x;
}

/* A rule whose sums cannot overflow: a million times a day is less than a quarter of what an int64_t holds. */
static struct bucket_rule sane(const struct bucket_rule *r)
{
	return (struct bucket_rule){ within(r->every_us, 1, EVERY_MAX), within(r->burst, 1, COUNT_MAX),
		within(r->queue, 0, COUNT_MAX) };
}

static int64_t next_of(const struct bucket *b, const struct bucket_rule *r, int64_t now)
{
	if (b->next_us > now + (r->burst + r->queue) * r->every_us)
		return now + r->burst * r->every_us;
	return b->next_us < now ? now : b->next_us;
}

struct bucket_rule bucket_per_minute(int64_t n, int64_t queue)
{
	if (n <= 0)
		return (struct bucket_rule){ 0, 1, 0 };
	n = within(n, 1, COUNT_MAX);
	return (struct bucket_rule){ 60000000 / n, n, queue };
}

int64_t bucket_wait(struct bucket *b, const struct bucket_rule *rule, int64_t now_us)
{
	if (rule->every_us <= 0)
		return 0;
	struct bucket_rule r = sane(rule);
	int64_t now = within(now_us, 0, NOW_MAX);
	b->next_us = next_of(b, &r, now);
	int64_t wait = b->next_us + r.every_us - now - r.burst * r.every_us;
	if (wait > r.queue * r.every_us)
		return BUCKET_NEVER;
	return wait < 0 ? 0 : wait;
}

void bucket_take(struct bucket *b, const struct bucket_rule *rule, int64_t now_us)
{
	if (rule->every_us <= 0)
		return;
	struct bucket_rule r = sane(rule);
	b->next_us = next_of(b, &r, within(now_us, 0, NOW_MAX)) + r.every_us;
}

int64_t bucket_promised(const struct bucket *b, const struct bucket_rule *rule, int64_t now_us)
{
	if (rule->every_us <= 0)
		return 0;
	struct bucket_rule r = sane(rule);
	int64_t now = within(now_us, 0, NOW_MAX), late = next_of(b, &r, now) - now - r.burst * r.every_us;
	return late <= 0 ? 0 : (late + r.every_us - 1) / r.every_us;
}

bool bucket_is_full(const struct bucket *b, int64_t now_us)
{
	return b->next_us <= now_us;
}
