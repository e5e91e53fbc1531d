/* No limit in milliseconds holds on every machine: what is compared is the same step with the same neighbours, small and large.
 * Neighbours only ever add time, so the least of several runs is the truth about both. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "cost.h"

enum { ROUNDS = 7, QUARTERS = 4, GROWTH_MAX = 11, MEASURABLE_US = 4000, HOPELESS_US = 10 * 1000 * 1000 };

int64_t cost_cpu_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void least(void (*run)(void *arg, size_t n), void *arg, size_t n, int64_t *best)
{
	int64_t start = cost_cpu_us();
	run(arg, n);
	int64_t took = cost_cpu_us() - start;
	*best = took < *best ? took : *best;
}

void cost_assert_linear(const char *what, void (*run)(void *arg, size_t n), void *arg, size_t n)
{
	int64_t quarter = INT64_MAX, whole = INT64_MAX;
	for (int i = 0; i < ROUNDS; i++) {
		least(run, arg, n / QUARTERS, &quarter);
		least(run, arg, n, &whole);
		if (whole < MEASURABLE_US || (whole <= quarter * GROWTH_MAX && whole <= HOPELESS_US))
			return;
		if (whole > HOPELESS_US && i > 0)
			break;
	}
	fail_msg("%s: %lld us for a quarter, %lld us for the whole", what, (long long)quarter, (long long)whole);
}
