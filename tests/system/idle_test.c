/*
 * What Eddy takes while nothing happens: CPU time from the scheduler's own books and resident memory, with Slack linked, a model set and the
 * web server open.  20 s; 60 s under EDDY_TEST_LONG.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "harness.h"

enum { CPU_PER_MILLION = 5000 /* 0.5 % of a core, ten times what is seen */, RESIDENT_KB = 24 * 1024 };

static double task_number(const char *task, const char *file, const char *key)
{
	char path[300], line[200];
	double v = 0;
	snprintf(path, sizeof path, "/proc/%d/task/%s/%s", (int)rig.d[0].pid, task, file);
	FILE *f = fopen(path, "re");
	while (f != NULL && fgets(line, sizeof line, f) != NULL) {
		size_t n = strlen(key);
		if (strncmp(line, key, n) == 0 && sscanf(line + n, "%lf", &v) == 1)
			break;
	}
	if (f != NULL)
		fclose(f);
	return v;
}

/* The sum over all threads. */
static double sum(const char *file, const char *key)
{
	char path[64];
	double v = 0;
	snprintf(path, sizeof path, "/proc/%d/task", (int)rig.d[0].pid);
	DIR *d = opendir(path);
	assert_non_null(d);
	for (struct dirent *e; (e = readdir(d)) != NULL;)
		if (*e->d_name != '.')
			v += task_number(e->d_name, file, key);
	closedir(d);
	return v;
}

static void eddy__at_rest__takes_next_to_nothing(void **state)
{
	(void)state;
	int seconds = rig_rounds(3) * 20;
	rig_env(&rig, "EDDY_ENGINE_LEASE="); /* the clocks as they are outside tests */
	rig_env(&rig, "EDDY_ENGINE_HEARTBEAT=");
	rig_env(&rig, "EDDY_ENGINE_SCAN=");
	rig_serve(&rig, 0, NULL);
	sleep_ms(3000); /* what a start leaves to be done */
	double cpu = sum("schedstat", ""), wakes = sum("status", "voluntary_ctxt_switches:");
	int64_t t0 = now_ms();
	sleep_ms(seconds * 1000);
	double ms = (double)(now_ms() - t0);
	cpu = (sum("schedstat", "") - cpu) / ms; /* nanoseconds a millisecond: millionths of a core */
	wakes = (sum("status", "voluntary_ctxt_switches:") - wakes) * 1000 / ms;
	char main_thread[24];
	snprintf(main_thread, sizeof main_thread, "%d", (int)rig.d[0].pid);
	double kb = task_number(main_thread, "status", "VmRSS:");
	print_message(
	    "# over %d s: %.3f %% of a core, %.1f wake-ups a second, %.1f MB resident\n", seconds, cpu / 10000, wakes, kb / 1024);
	if (cpu <= 0)
		rig_fail(&rig, "the scheduler's books are not readable");
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	if (cpu > CPU_PER_MILLION || kb > RESIDENT_KB)
		rig_fail(&rig, "at rest %.3f %% of a core and %.1f MB", cpu / 10000, kb / 1024);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(eddy__at_rest__takes_next_to_nothing, rig_set_up, rig_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
