/*
 * Postgres goes away under load and comes back; two processes share the work; one of them is stopped until its lease is gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "harness.h"

static int set_up(void **state)
{
	(void)state;
	static const char *const slack[] = { "--retry0_ms=3000", "--retry1_ms=20000", "--retry2_ms=60000", NULL };
	rig_open(&rig, slack, NULL);
	return 0;
}

static int say_many(int from, int count, int gap_ms)
{
	for (int i = 0; i < count; i++) {
		char channel[16];
		snprintf(channel, sizeof channel, "C%d", (from + i) % 15);
		rig_say(&rig, channel, NULL, from + i, "keep going");
		sleep_ms(gap_ms);
	}
	return from + count;
}

static void postgres__away_for_a_minute_under_load__loses_and_doubles_nothing(void **state)
{
	(void)state;
	rig_own_postgres(&rig);
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 200);
	int n = say_many(1, 60, 20);
	rig_postgres_stop(&rig);
	int64_t t0 = now_ms();
	n = say_many(n, 100, 300);
	const char *shorter = getenv("EDDY_TEST_OUTAGE_MS"); /* for a look at the same thing in less time */
	int64_t outage_ms = shorter != NULL ? strtol(shorter, NULL, 10) : 60000;
	while (now_ms() - t0 < outage_ms)
		sleep_ms(100);
	assert_true(rig_lives(&rig, 0));
	rig_postgres_start(&rig);
	n = say_many(n, 20, 20);
	rig_wait_answers(&rig, 1, n - 1, 90000);
	rig_check(&rig, 1, n - 1);
}

static void processes__two_at_once__answer_each_message_once(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	rig_serve(&rig, 1, NULL);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 100);
	char thread[32];
	snprintf(thread, sizeof thread, "%s", rig_say(&rig, "C99", NULL, 1, "one thread for both"));
	int n = 2;
	for (int i = 0; i < 30; i++) { /* one busy thread that both hear of, and many others */
		rig_say(&rig, "C99", thread, n++, "more");
		n = say_many(n, 3, 5);
	}
	rig_wait_answers(&rig, 1, n - 1, 60000);
	rig_check(&rig, 1, n - 1);
	assert_int_equal(rig_unleased(&rig), 0);
}

static void processes__one_dies__the_other_takes_over(void **state)
{
	(void)state;
	/* The real lease, not the short one of the other tests. */
	rig_env(&rig, "EDDY_ENGINE_LEASE=");
	rig_env(&rig, "EDDY_ENGINE_HEARTBEAT=");
	rig_env(&rig, "EDDY_ENGINE_SCAN=");
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 9000);
	int n = say_many(1, 12, 20);
	rig_wait(&rig, 20000, "the runs to begin", rig_sql(&rig, "SELECT count(*) FROM runs WHERE state <= 2") >= 8);
	rig_spawn(&rig, 1, NULL);
	sleep_ms(500);
	rig_kill(&rig, 0);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 0);
	rig_wait_answers(&rig, 1, n - 1, 75000);
	rig_check(&rig, 1, n - 1);
}

static void process__stopped_until_its_lease_is_gone__says_nothing_twice_when_it_wakes(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 6000);
	int n = say_many(1, 12, 20);
	rig_wait(&rig, 20000, "the runs to begin", rig_sql(&rig, "SELECT count(*) FROM runs WHERE state <= 2") >= 6);
	rig_signal(&rig, 0, SIGSTOP);
	rig_serve(&rig, 1, NULL);
	rig_wait_answers(&rig, 1, n - 1, rig_rescue_ms(&rig));
	rig_signal(&rig, 0, SIGCONT);
	sleep_ms(5000);
	n = say_many(n, 12, 20);
	rig_wait_answers(&rig, 1, n - 1, 60000);
	rig_check(&rig, 1, n - 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(processes__two_at_once__answer_each_message_once),
		TEST(processes__one_dies__the_other_takes_over),
		TEST(process__stopped_until_its_lease_is_gone__says_nothing_twice_when_it_wakes),
		TEST(postgres__away_for_a_minute_under_load__loses_and_doubles_nothing),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
