/* Token buckets: what a key may do, for how long it has to wait, and that strangers without end take no memory without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/web/limit.h"

static uint32_t take(struct limit *l, const char *key, uint64_t now_ms)
{
	return limit_take(l, key, strlen(key), now_ms);
}

static void key__beyond_its_burst__waits_and_goes_on(void **state)
{
	(void)state;
	struct limit *l = limit_new(2, 5, 100);
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(l, "a", 1000), 0);
	uint32_t wait = take(l, "a", 1000);
	assert_in_range(wait, 500, 502);
	assert_int_equal(take(l, "b", 1000), 0); /* another has its own */
	assert_int_not_equal(take(l, "a", 1000 + wait - 10), 0);
	assert_int_equal(take(l, "a", 1000 + wait), 0);
	assert_int_not_equal(take(l, "a", 1000 + wait), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(take(l, "a", 3600000), 0); /* no more than the burst, however long it was quiet */
	assert_int_not_equal(take(l, "a", 3600000), 0);
	assert_int_not_equal(take(l, "a", 1000), 0); /* a clock that jumps back gives nothing */
	limit_free(l);
}

static void strangers__beyond_the_room__share_one_bucket(void **state)
{
	(void)state;
	struct limit *l = limit_new(1, 2, 10);
	char key[16];
	for (int i = 0; i < 10; i++) {
		snprintf(key, sizeof key, "k%d", i);
		assert_int_equal(take(l, key, 1000), 0);
	}
	assert_int_equal(take(l, "x", 1000), 0);
	assert_int_equal(take(l, "y", 1000), 0);
	assert_int_not_equal(take(l, "z", 1000), 0);
	assert_int_equal(take(l, "k3", 1000), 0); /* who was there keeps what is left of its own */
	/* Those who were quiet long enough make room. */
	assert_int_equal(take(l, "z", 60000), 0);
	assert_int_equal(take(l, "z", 60000), 0);
	assert_int_not_equal(take(l, "z", 60000), 0);
	limit_sweep(l, 120000);
	assert_int_equal(take(l, "z", 120000), 0);
	limit_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key__beyond_its_burst__waits_and_goes_on),
		cmocka_unit_test(strangers__beyond_the_room__share_one_bucket),
	};
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
