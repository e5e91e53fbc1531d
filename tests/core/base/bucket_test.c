/* The arithmetic of token buckets: burst, refill, promises, clocks that are set back, numbers at the ends of their range. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../core/base/bucket.h"

#define S INT64_C(1000000)
#define NEVER BUCKET_NEVER
#define DAY (86400 * S)

struct step {
	int64_t at_us, times; /* how often one is taken then */
	int64_t first, last;  /* what the first and the last of them wait */
};
static const struct {
	const char *name;
	struct bucket_rule rule;
	struct step steps[6];
} rows[] = {
	{ "burst, then one a second", { S, 3, 0 }, { { 10 * S, 3, 0, 0 }, { 10 * S, 1, NEVER, NEVER }, { 11 * S, 1, 0, 0 } } },
	{ "no more than the burst is saved up", { S, 3, 0 },
	    { { 10 * S, 3, 0, 0 }, { 1000 * S, 3, 0, 0 }, { 1000 * S, 1, NEVER, NEVER } } },
	{ "half a token is none", { S, 1, 0 }, { { S, 1, 0, 0 }, { S + S / 2, 1, NEVER, NEVER }, { 2 * S, 1, 0, 0 } } },
	{ "promises in their order", { S, 2, 3 },
	    { { 0, 2, 0, 0 }, { 0, 3, S, 3 * S }, { 0, 1, NEVER, NEVER }, { S, 1, 3 * S, 3 * S } } },
	{ "a clock that is set back", { S, 2, 3 },
	    { { 1000 * S, 2, 0, 0 }, { 10 * S, 1, S, S }, { 11 * S, 1, S, S }, { 20 * S, 2, 0, 0 } } },
	{ "no limit", { 0, 1, 0 }, { { 0, 1000, 0, 0 } } },
	{ "a rule that makes no sense", { -5, -5, -5 }, { { 0, 5, 0, 0 } } },
	{ "no burst is one", { S, 0, -1 }, { { 5 * S, 1, 0, 0 }, { 5 * S, 1, NEVER, NEVER } } },
	{ "the end of time", { INT64_MAX, INT64_MAX, INT64_MAX }, { { INT64_MAX, 10, 0, 0 }, { INT64_MIN, 2, DAY, 2 * DAY } } },
	{ "the slowest", { INT64_MAX, 1, 0 }, { { INT64_MAX, 1, 0, 0 }, { INT64_MAX, 1, NEVER, NEVER } } },
};

static void bucket__as_in_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct bucket b = { 0 };
		for (const struct step *s = rows[i].steps; s->times > 0; s++)
			for (int64_t k = 1; k <= s->times; k++) {
				int64_t wait = bucket_wait(&b, &rows[i].rule, s->at_us);
				if ((k == 1 && wait != s->first) || (k == s->times && wait != s->last))
					fail_msg("%s: step %d, time %lld: %lld", rows[i].name, (int)(s - rows[i].steps),
					    (long long)k, (long long)wait);
				if (wait != NEVER)
					bucket_take(&b, &rows[i].rule, s->at_us);
			}
	}
}

static void bucket__whatever_the_rule__never_gives_more_than_it_may(void **state)
{
	(void)state;
	for (int64_t every = 1; every < 2000000; every = every * 7 + 3)
		for (int64_t burst = 1; burst < 200; burst = burst * 3 + 1) {
			struct bucket_rule r = { every, burst, 0 };
			struct bucket b = { 0 };
			int64_t given = 0, until = 100 * every;
			for (int64_t now = 0; now <= until; now += every / 3 + 1)
				for (int tries = 0; tries < 5 && bucket_wait(&b, &r, now) == 0; tries++) {
					bucket_take(&b, &r, now);
					given++;
				}
			assert_true(given <= burst + until / every);
			assert_true(given >= 50);
		}
}

static void bucket__tells__what_was_promised_and_when_it_is_full(void **state)
{
	(void)state;
	const struct bucket_rule r = bucket_per_minute(60, 10);
	struct bucket b = { 0 };
	assert_int_equal(r.every_us, S);
	assert_int_equal(r.burst, 60);
	assert_true(bucket_is_full(&b, 100 * S));
	for (int i = 0; i < 64; i++)
		bucket_take(&b, &r, 100 * S);
	assert_int_equal(bucket_promised(&b, &r, 100 * S), 4);
	assert_int_equal(bucket_promised(&b, &r, 102 * S), 2);
	assert_int_equal(bucket_promised(&b, &r, 104 * S), 0);
	assert_false(bucket_is_full(&b, 163 * S));
	assert_true(bucket_is_full(&b, 164 * S));
	assert_int_equal(bucket_per_minute(0, 5).every_us, 0);
	assert_int_equal(bucket_per_minute(INT64_MAX, 5).every_us, 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bucket__as_in_the_table),
		cmocka_unit_test(bucket__whatever_the_rule__never_gives_more_than_it_may),
		cmocka_unit_test(bucket__tells__what_was_promised_and_when_it_is_full) };
	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
