#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/slack/limits.h"

#define POST "chat.postMessage"

struct thing {
	struct limits_item item; /* first */
	int channel, number;
	uint64_t went_ms;
};

static void limits_take__gives__at_once_without_limits(void **state)
{
	(void)state;
	struct limits *l = limits_new(true);
	struct thing t[200] = { 0 };
	for (int i = 0; i < 200; i++)
		assert_true(limits_put(l, &t[i].item, POST, "C1", 0, 1000));
	for (int i = 0; i < 200; i++)
		assert_ptr_equal(limits_take(l, 1000), &t[i].item);
	assert_null(limits_take(l, 1000));
	assert_int_equal(limits_due(l, 1000), LIMITS_NEVER);
	for (int i = 0; i < 200; i++)
		limits_done(l, &t[i].item, LIMITS_GOOD, 0, 1001);
	limits_free(l);
}

static void limits_again__closes__only_the_lane_that_was_hit(void **state)
{
	(void)state;
	struct limits *l = limits_new(true);
	struct thing a = { 0 }, b = { 0 }, c = { 0 }, d = { 0 };
	limits_put(l, &a.item, POST, "C1", 0, 0);
	limits_put(l, &b.item, POST, "C2", 0, 0);
	limits_put(l, &c.item, "chat.update", "C1", 0, 0);
	assert_ptr_equal(limits_take(l, 0), &a.item);
	limits_again(l, &a.item, LIMITS_HIT, 3000, 0);
	assert_ptr_equal(limits_take(l, 0), &b.item);
	assert_ptr_equal(limits_take(l, 0), &c.item);
	assert_null(limits_take(l, 2999));
	assert_int_equal(limits_due(l, 2999), 3000);
	assert_false(limits_free_now(l, POST, "C1", 2999));
	assert_true(limits_free_now(l, POST, "C2", 2999));
	limits_put(l, &d.item, POST, "C1", 0, 2999);
	assert_ptr_equal(limits_take(l, 3000), &a.item);
	assert_null(limits_take(l, 3000)); /* one at a time after a 429 */
	limits_done(l, &a.item, LIMITS_GOOD, 0, 3001);
	assert_ptr_equal(limits_take(l, 3001), &d.item);
	limits_done(l, &b.item, LIMITS_GOOD, 0, 3001);
	limits_done(l, &c.item, LIMITS_GOOD, 0, 3001);
	limits_done(l, &d.item, LIMITS_GOOD, 0, 3001);
	limits_free(l);
}

static void limits_again__keeps__the_order_of_a_lane(void **state)
{
	(void)state;
	struct limits *l = limits_new(true);
	struct thing t[5] = { 0 };
	for (int i = 0; i < 5; i++)
		limits_put(l, &t[i].item, POST, "C1", 0, 0);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(limits_take(l, 0), &t[i].item);
	/* Three ran at once and come back in the wrong order. */
	limits_again(l, &t[1].item, LIMITS_HIT, 1000, 5);
	limits_again(l, &t[2].item, LIMITS_HIT, 1000, 6);
	limits_again(l, &t[0].item, LIMITS_HIT, 1000, 7);
	uint64_t now = 1007;
	for (int i = 0; i < 5; i++) {
		struct limits_item *it;
		while (!(it = limits_take(l, now)))
			now++;
		assert_ptr_equal(it, &t[i].item);
		limits_done(l, it, LIMITS_OTHER, 0, now);
	}
	limits_free(l);
}

static void limits_take__paces__posts_of_a_channel_when_documented(void **state)
{
	(void)state;
	struct limits *l = limits_new(false);
	struct thing t[30] = { 0 };
	for (int i = 0; i < 30; i++)
		limits_put(l, &t[i].item, POST, "C1", 0, 0);
	int went = 0;
	for (uint64_t now = 0; now < 60000 && went < 30; now += 10) {
		struct limits_item *it;
		while ((it = limits_take(l, now))) {
			assert_ptr_equal(it, &t[went].item);
			t[went++].went_ms = now;
			limits_done(l, it, LIMITS_GOOD, 0, now);
		}
	}
	assert_int_equal(went, 30);
	assert_int_equal(t[4].went_ms, 0); /* the burst */
	for (int i = 5; i < 30; i++)
		assert_true(t[i].went_ms >= (uint64_t)(i - 4) * 1000 && t[i].went_ms <= (uint64_t)(i - 4) * 1000 + 60);
	limits_free(l);
}

static void limits_take__shares__a_tier_between_channels_in_order(void **state)
{
	(void)state;
	struct limits *l = limits_new(false);
	static struct thing t[100];
	memset(t, 0, sizeof t);
	char channel[16];
	for (int i = 0; i < 100; i++) {
		snprintf(channel, sizeof channel, "C%d", i);
		limits_put(l, &t[i].item, "chat.startStream", channel, 0, 0);
	}
	int went = 0;
	uint64_t now = 0;
	for (; now < 600000 && went < 100; now += 25) {
		struct limits_item *it;
		while ((it = limits_take(l, now))) {
			assert_ptr_equal(it, &t[went].item);
			t[went++].went_ms = now;
			limits_done(l, it, LIMITS_GOOD, 0, now);
		}
	}
	assert_int_equal(went, 100);
	assert_int_equal(t[9].went_ms, 0);
	assert_true(t[10].went_ms >= 3000);
	/* 20 a minute after the burst of ten */
	assert_true(t[99].went_ms >= 90 * 3000 && t[99].went_ms <= 90 * 3000 + 3000);
	limits_free(l);
}

static void limits_take__serves__by_priority(void **state)
{
	(void)state;
	struct limits *l = limits_new(true);
	struct thing names = { 0 }, status = { 0 }, post = { 0 };
	limits_put(l, &names.item, "users.info", NULL, 2, 0);
	limits_put(l, &status.item, "assistant.threads.setStatus", "C1", 1, 0);
	limits_put(l, &post.item, POST, "C1", 0, 0);
	assert_ptr_equal(limits_take(l, 0), &post.item);
	assert_ptr_equal(limits_take(l, 0), &status.item);
	assert_ptr_equal(limits_take(l, 0), &names.item);
	limits_done(l, &post.item, LIMITS_GOOD, 0, 0);
	limits_done(l, &status.item, LIMITS_GOOD, 0, 0);
	limits_done(l, &names.item, LIMITS_GOOD, 0, 0);
	limits_free(l);
}

static void limits_put__refuses__beyond_its_bounds(void **state)
{
	(void)state;
	struct limits *l = limits_new(true);
	struct thing *t = calloc(LIMITS_LANE_MAX + 1, sizeof *t);
	for (size_t i = 0; i < LIMITS_LANE_MAX; i++)
		assert_true(limits_put(l, &t[i].item, POST, "C1", 0, 0));
	assert_false(limits_put(l, &t[LIMITS_LANE_MAX].item, POST, "C1", 0, 0));
	assert_true(limits_put(l, &t[LIMITS_LANE_MAX].item, POST, "C2", 0, 0));
	size_t n = 0;
	for (struct limits_item *it = limits_drop(l); it; it = it->next)
		n++;
	assert_int_equal(n, LIMITS_LANE_MAX + 1);
	assert_int_equal(limits_waiting(l), 0);
	assert_null(limits_take(l, 1));
	limits_free(l);
	free(t);
}

static void limits_put__forgets__idle_lanes(void **state)
{
	(void)state;
	struct limits *l = limits_new(true);
	struct thing t = { 0 };
	char channel[16];
	for (int i = 0; i < 20000; i++) {
		snprintf(channel, sizeof channel, "C%d", i);
		limits_put(l, &t.item, POST, channel, 0, (uint64_t)i);
		assert_ptr_equal(limits_take(l, (uint64_t)i), &t.item);
		limits_done(l, &t.item, LIMITS_GOOD, 0, (uint64_t)i);
	}
	assert_true(limits_lanes(l) <= 4200);
	limits_free(l);
}

/*
 * Random traffic with a server that says 429 at random.  What must hold: each channel's things end in order, nothing goes before the time
 * that a 429 named for its lane, a lane that was not hit goes at once (adaptive), and everything ends.
 */
static void random_traffic(bool adaptive, unsigned seed)
{
	enum { N = 3000, CHANNELS = 12 };
	struct limits *l = limits_new(adaptive);
	struct thing *t = calloc(N, sizeof *t);
	int next[CHANNELS] = { 0 }, count[CHANNELS] = { 0 };
	uint64_t closed[CHANNELS] = { 0 };
	struct thing *running[64];
	size_t n_running = 0, put = 0, ended = 0;
	uint64_t now = 0;
	srand(seed);
	while (ended < N) {
		now += (uint64_t)(rand() % 20);
		while (put < N && rand() % 3) {
			struct thing *x = &t[put++];
			char channel[16];
			x->channel = rand() % CHANNELS;
			x->number = count[x->channel]++;
			x->went_ms = now;
			snprintf(channel, sizeof channel, "C%d", x->channel);
			assert_true(limits_put(l, &x->item, POST, channel, 0, now));
		}
		struct limits_item *it;
		while (n_running < 64 && (it = limits_take(l, now))) {
			struct thing *x = (struct thing *)(void *)it;
			assert_true(now >= closed[x->channel]);
			if (adaptive && x->channel >= 3 && n_running < 50)
				assert_true(now <= x->went_ms + 20); /* nobody else's 429 held it up */
			running[n_running++] = x;
		}
		if (n_running == 0 && put == N) {
			uint64_t due = limits_due(l, now);
			assert_true(due != LIMITS_NEVER);
			now = due > now ? due : now + 1;
			continue;
		}
		size_t k = n_running ? (size_t)rand() % n_running : 0;
		for (size_t i = 0; i < n_running && i <= k; i++) {
			struct thing *x = running[i];
			running[i] = running[--n_running];
			if (x->channel < 3 && rand() % 4 == 0) {
				uint32_t wait = (uint32_t)(1 + rand() % 300);
				if (closed[x->channel] < now + wait)
					closed[x->channel] = now + wait;
				limits_again(l, &x->item, LIMITS_HIT, wait, now);
			} else {
				ended++;
				next[x->channel]++;
				limits_done(l, &x->item, LIMITS_GOOD, 0, now);
			}
		}
	}
	for (int i = 0; i < CHANNELS; i++)
		assert_int_equal(next[i], count[i]);
	assert_int_equal(limits_waiting(l), 0);
	limits_free(l);
	free(t);
}

static void limits__holds__under_random_traffic(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		random_traffic(true, seed);
		random_traffic(false, seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(limits_take__gives__at_once_without_limits),
		cmocka_unit_test(limits_again__closes__only_the_lane_that_was_hit),
		cmocka_unit_test(limits_again__keeps__the_order_of_a_lane),
		cmocka_unit_test(limits_take__paces__posts_of_a_channel_when_documented),
		cmocka_unit_test(limits_take__shares__a_tier_between_channels_in_order),
		cmocka_unit_test(limits_take__serves__by_priority),
		cmocka_unit_test(limits_put__refuses__beyond_its_bounds),
		cmocka_unit_test(limits_put__forgets__idle_lanes),
		cmocka_unit_test(limits__holds__under_random_traffic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
