/* Nobody waits behind the backlog of somebody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "../../../core/base/log.h"
#include "../../support/fair_load.h"

static void flood__of_one_workspace__leaves_another_its_pace(void **state)
{
	(void)state;
	/* 20 slots for calls of 200 ms: room for 100/s.  First come, first served would make the quiet one wait for seconds. */
	struct fair_load *l = fair_load_new(200, "runs.max=20\0");
	fair_load_p95(l, 10, 0, 500);
	double alone = fair_load_p95(l, 10, 0, 1500);
	double beside = fair_load_p95(l, 10, 400, 3000);
	print_message("p95 alone %.1f ms, beside the flood %.1f ms\n", alone, beside);
	assert_true(alone > 0 && beside > 0);
	assert_true(fair_load_flooded(l) > 0);
	assert_true(beside < 3 * alone + 200); /* some 9 times without turns; the machine may be busy */
	fair_load_free(l);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = { cmocka_unit_test(flood__of_one_workspace__leaves_another_its_pace) };
	return cmocka_run_group_tests_name("fair", tests, NULL, NULL);
}
