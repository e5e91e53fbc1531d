/* Waits after wrong passwords: how they grow and end, what takes them back, and that names without end take no memory without end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../../adapters/web/tries.h"

#define MINUTE UINT64_C(60000)

static void count(struct tries *t, const char *key, int n, uint64_t now_ms)
{
	for (int i = 0; i < n; i++)
		tries_count(t, key, strlen(key), now_ms);
}

static uint32_t wait(const struct tries *t, const char *key, uint64_t now_ms)
{
	return tries_wait(t, key, strlen(key), now_ms);
}

static void wrong__beyond_the_free_ones__waits_twice_as_long_each_time(void **state)
{
	(void)state;
	struct tries *t = tries_new(10);
	uint64_t now = 5 * MINUTE;
	assert_int_equal(wait(t, "ann", now), 0);
	for (int i = 0; i < TRIES_FREE; i++) {
		count(t, "ann", 1, now);
		assert_int_equal(wait(t, "ann", now), 0);
	}
	for (uint32_t expected = 1000; expected <= 512000; expected *= 2) {
		count(t, "ann", 1, now);
		assert_int_equal(wait(t, "ann", now), expected);
		assert_int_equal(wait(t, "ann", now + expected - 1), 1);
		now += expected;
		assert_int_equal(wait(t, "ann", now), 0);
	}
	for (int i = 0; i < 40; i++) { /* no further, however often */
		count(t, "ann", 1, now);
		assert_int_equal(wait(t, "ann", now), TRIES_WAIT_MAX_MS);
		now += TRIES_WAIT_MAX_MS;
	}
	assert_int_equal(wait(t, "bob", now), 0);
	tries_free(t);
}

static void many__at_once__are_not_all_the_first(void **state)
{
	(void)state;
	struct tries *t = tries_new(10);
	count(t, "ann", TRIES_FREE + 3, 1000);
	assert_int_equal(wait(t, "ann", 1000), 4000);
	tries_free(t);
}

static void wait__that_ended_long_ago__is_forgotten(void **state)
{
	(void)state;
	struct tries *t = tries_new(10);
	count(t, "ann", TRIES_FREE + 3, 1000);
	count(t, "ann", 1, 5000 + 30 * MINUTE); /* just within */
	assert_int_equal(wait(t, "ann", 5000 + 30 * MINUTE), 8000);
	count(t, "ann", 1, 13001 + 60 * MINUTE);
	assert_int_equal(wait(t, "ann", 13001 + 60 * MINUTE), 0);
	count(t, "ann", TRIES_FREE - 1, 13001 + 60 * MINUTE);
	assert_int_equal(wait(t, "ann", 13001 + 60 * MINUTE), 0);
	/* A sweep takes those, and no others. */
	count(t, "ann", 1, 13001 + 60 * MINUTE);
	tries_sweep(t, 14000 + 60 * MINUTE);
	assert_int_equal(wait(t, "ann", 13001 + 60 * MINUTE), 1000);
	tries_sweep(t, 14002 + 90 * MINUTE);
	assert_int_equal(wait(t, "ann", 13001 + 60 * MINUTE), 0);
	tries_free(t);
}

static void right__makes_all_of_it_forgotten(void **state)
{
	(void)state;
	struct tries *t = tries_new(10);
	count(t, "ann", TRIES_FREE + 5, 1000);
	tries_right(t, "ann", 3);
	assert_int_equal(wait(t, "ann", 1000), 0);
	count(t, "ann", TRIES_FREE, 1000);
	assert_int_equal(wait(t, "ann", 1000), 0);
	tries_right(t, "nobody", 6); /* never tried */
	tries_free(t);
}

/* The database was away, or there was no room: that one is no try, and those before it stay tries. */
static void again__takes_back_one_and_no_more(void **state)
{
	(void)state;
	struct tries *t = tries_new(10);
	uint64_t now = 100 * MINUTE;
	count(t, "ann", TRIES_FREE + 4, now);
	now += wait(t, "ann", now);
	for (int i = 0; i < 5; i++) {
		count(t, "ann", 1, now);
		assert_int_equal(wait(t, "ann", now), 16000);
		tries_again(t, "ann", 3);
		assert_int_equal(wait(t, "ann", now), 0);
	}
	count(t, "ann", 1, now);
	assert_int_equal(wait(t, "ann", now), 16000);
	tries_again(t, "nobody", 6);
	tries_free(t);
}

static void keys__are_bytes_of_their_length(void **state)
{
	(void)state;
	struct tries *t = tries_new(10);
	for (int i = 0; i < TRIES_FREE + 1; i++)
		tries_count(t,
		    "ann\0"
		    "192.0.2.1",
		    13, 1000);
	assert_int_equal(tries_wait(t,
	                     "ann\0"
	                     "192.0.2.1",
	                     13, 1000),
	    1000);
	assert_int_equal(tries_wait(t,
	                     "ann\0"
	                     "192.0.2.2",
	                     13, 1000),
	    0);
	assert_int_equal(tries_wait(t, "ann", 3, 1000), 0);
	tries_free(t);
}

static void names__without_end__make_room_and_leave_the_longest_waits(void **state)
{
	(void)state;
	struct tries *t = tries_new(50);
	char name[20];
	count(t, "ann", TRIES_FREE + 9, 1000);
	count(t, "bob", TRIES_FREE + 8, 1000);
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof name, "n%d", i);
		count(t, name, 1, 1000 + (uint64_t)i);
	}
	assert_int_equal(wait(t, "ann", 1000), 256000);
	assert_int_equal(wait(t, "bob", 1000), 128000);
	tries_free(t);
	tries_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong__beyond_the_free_ones__waits_twice_as_long_each_time),
		cmocka_unit_test(many__at_once__are_not_all_the_first),
		cmocka_unit_test(wait__that_ended_long_ago__is_forgotten),
		cmocka_unit_test(right__makes_all_of_it_forgotten),
		cmocka_unit_test(again__takes_back_one_and_no_more),
		cmocka_unit_test(keys__are_bytes_of_their_length),
		cmocka_unit_test(names__without_end__make_room_and_leave_the_longest_waits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
