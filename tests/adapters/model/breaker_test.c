#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../adapters/model/breaker.h"

#define T0 1000000u

static bool allowed(struct breaker *b, uint64_t now)
{
	bool probe;
	return breaker_allow(b, now, &probe);
}

static void breaker__opens__after_five_failures_in_a_row(void **state)
{
	struct breaker b;
	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 4; i++)
		assert_false(breaker_tell(&b, T0, BREAKER_BAD, false, 0));
	assert_true(allowed(&b, T0));
	assert_true(breaker_tell(&b, T0, BREAKER_BAD, false, 0));
	assert_false(allowed(&b, T0));
	assert_string_equal(breaker_state(&b, T0), "open");
}

static void breaker__stays_closed__while_others_succeed(void **state)
{
	struct breaker b;
	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 1000; i++) { /* a tenth fails, five of them in a row, within a busy second */
		breaker_tell(&b, T0 + (uint64_t)i, i % 50 >= 45 ? BREAKER_BAD : BREAKER_GOOD, false, 0);
		assert_true(allowed(&b, T0));
	}
	breaker_tell(&b, T0 + 1000, BREAKER_GOOD, false, 0);
	for (int i = 0; i < 8; i++) /* refusals and cancelled calls say nothing about the provider */
		breaker_tell(&b, T0 + 5000, i % 2 ? BREAKER_NEITHER : BREAKER_BAD, false, 0);
	assert_true(allowed(&b, T0 + 5000));
}

static void breaker__opens__when_half_of_a_minute_failed(void **state)
{
	struct breaker b;
	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 18; i++)
		breaker_tell(&b, T0 + (uint64_t)i * 1000, i % 2 ? BREAKER_BAD : BREAKER_GOOD, false, 0);
	breaker_tell(&b, T0 + 18000, BREAKER_BAD, false, 0);
	assert_true(allowed(&b, T0 + 18000)); /* 19 calls say too little */
	breaker_tell(&b, T0 + 19000, BREAKER_BAD, false, 0);
	assert_false(allowed(&b, T0 + 19000));
	breaker_init(&b);
	for (int i = 0; i < 30; i++) /* spread over more than a minute they do not count together */
		breaker_tell(&b, T0 + (uint64_t)i * 7000, i % 2 ? BREAKER_BAD : BREAKER_GOOD, false, 0);
	assert_true(allowed(&b, T0 + 300000));
}

static void probe__decides__and_waits_longer_each_time(void **state)
{
	struct breaker b;
	bool probe;
	uint64_t now = T0;
	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 5; i++)
		breaker_tell(&b, now, BREAKER_BAD, false, 0);
	static const uint32_t waits[] = { 15000, 30000, 60000, 120000, 120000 };
	for (size_t i = 0; i < 5; i++) {
		assert_false(breaker_allow(&b, now + waits[i] - 1, &probe));
		now += waits[i];
		assert_string_equal(breaker_state(&b, now), "half-open");
		assert_true(breaker_allow(&b, now, &probe));
		assert_true(probe);
		assert_false(allowed(&b, now)); /* one at a time */
		breaker_tell(&b, now, BREAKER_BAD, true, 0);
	}
	now += 120000;
	assert_true(breaker_allow(&b, now, &probe));
	breaker_tell(&b, now, BREAKER_NEITHER, true, 0); /* cancelled: the next one may try at once */
	assert_true(breaker_allow(&b, now, &probe));
	assert_true(breaker_tell(&b, now, BREAKER_GOOD, true, 0));
	assert_string_equal(breaker_state(&b, now), "closed");
	for (int i = 0; i < 4; i++)
		breaker_tell(&b, now + 5000, BREAKER_BAD, false, 0);
	assert_true(allowed(&b, now + 5000)); /* nothing of before is left */
	breaker_tell(&b, now + 5000, BREAKER_BAD, false, 0);
	assert_false(allowed(&b, now + 19999));
	assert_true(allowed(&b, now + 20000));
}

static void provider__may_ask__for_a_longer_rest(void **state)
{
	struct breaker b;
	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 5; i++)
		breaker_tell(&b, T0, BREAKER_BAD, false, 40000);
	assert_false(allowed(&b, T0 + 39999));
	assert_true(allowed(&b, T0 + 40000));
}

static void late_success__does_not_close__what_has_opened(void **state)
{
	struct breaker b;
	(void)state;
	breaker_init(&b);
	for (int i = 0; i < 5; i++)
		breaker_tell(&b, T0, BREAKER_BAD, false, 0);
	breaker_tell(&b, T0 + 10, BREAKER_GOOD, false, 0); /* a call that was under way */
	assert_false(allowed(&b, T0 + 20));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(breaker__opens__after_five_failures_in_a_row),
		cmocka_unit_test(breaker__stays_closed__while_others_succeed),
		cmocka_unit_test(breaker__opens__when_half_of_a_minute_failed),
		cmocka_unit_test(probe__decides__and_waits_longer_each_time),
		cmocka_unit_test(provider__may_ask__for_a_longer_rest),
		cmocka_unit_test(late_success__does_not_close__what_has_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
