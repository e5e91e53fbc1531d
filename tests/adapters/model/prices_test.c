#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../adapters/model/prices.h"

static const char *const items[] = { "gpt-4o=2.50,10", "gpt-4o-mini=0.15,0.60", "bad", "x=1", "=1,2", "y=1,2z", "free=0,0",
	"odd=1=3,4" };

static void price__is__that_of_the_longest_name(void **state)
{
	struct prices p;
	(void)state;
	prices_init(&p, items, sizeof items / sizeof items[0]);
	assert_int_equal(prices_find(&p, "gpt-4o-2024-08-06")->in, 2500000);
	assert_int_equal(prices_find(&p, "gpt-4o-mini-2024")->out, 600000);
	assert_int_equal(prices_find(&p, "free-model")->in, 0);
	assert_int_equal(prices_find(&p, "odd=1")->in, 3000000);
	assert_null(prices_find(&p, "gpt-4"));
	assert_null(prices_find(&p, "bad"));
	assert_null(prices_find(&p, "y"));
	prices_done(&p);
}

static void cost__is_rounded_up__and_counts_the_cache(void **state)
{
	struct prices p;
	(void)state;
	prices_init(&p, items, sizeof items / sizeof items[0]);
	const struct price *mini = prices_find(&p, "gpt-4o-mini");
	assert_int_equal(prices_cost(NULL, 1000000, 0, 0, 1000000, 50), 0);
	assert_int_equal(prices_cost(mini, 1000000, 0, 0, 1000000, 50), 750000);
	assert_int_equal(prices_cost(mini, 1, 0, 0, 0, 50), 1);
	assert_int_equal(prices_cost(mini, 0, 0, 0, 0, 50), 0);
	assert_int_equal(prices_cost(mini, 1000000, 1000000, 0, 0, 50), 75000);
	assert_int_equal(prices_cost(mini, 1000000, 0, 1000000, 0, 50), 187500);
	assert_int_equal(prices_cost(mini, 10, 20, 0, 0, 50), 2); /* nonsense from a provider stays finite */
	assert_true(prices_cost(prices_find(&p, "gpt-4o"), 100000000, 0, 0, 100000000, 50) == 1250000000);
	prices_done(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(price__is__that_of_the_longest_name),
		cmocka_unit_test(cost__is_rounded_up__and_counts_the_cache),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
