#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/fault.h"

/* Passes ${name} ${times} in a child that was armed with ${spec}; gives its wait status. */
static int pass(const char *spec, const char *name, int times)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (!fault_arm(spec))
			_exit(1);
		for (int i = 0; i < times; i++)
			fault_point(name);
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, WUNTRACED), pid);
	if (WIFSTOPPED(status)) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
	return status;
}

static void fault_point__kills__at_the_named_passing_only(void **state)
{
	(void)state;
	assert_int_equal(pass("a.b=kill@3", "a.b", 2), 0);
	int status = pass("a.b=kill@3", "a.b", 3);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGKILL);
	assert_int_equal(pass("a.b=kill@3", "a.c", 9), 0);
}

static void fault_point__stops__and_exits(void **state)
{
	(void)state;
	int status = pass("x=sleep:1,a=stop", "a", 1);
	assert_true(WIFSTOPPED(status));
	status = pass("a=exit@2+", "a", 4);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 70);
}

static void fault_point__sleeps__each_time(void **state)
{
	(void)state;
	assert_true(fault_arm("slow=sleep:20"));
	uint64_t t0 = clock_ms();
	fault_point("slow");
	fault_point("slow");
	assert_true(clock_ms() - t0 >= 38);
	assert_true(fault_arm(NULL));
	assert_int_equal(fault_state, 1);
}

static void fault_arm__refuses__what_it_cannot_read(void **state)
{
	(void)state;
	static const char *const bad[] = { "a", "=kill", "a=boom", "a=sleep:", "a=kill@", "a=kill@0", "a=killx", "a=kill,,b" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_false(fault_arm(bad[i]));
		assert_int_equal(fault_state, 1);
	}
	assert_true(fault_arm(""));
}

static void fault_point__reads__the_environment_at_its_first_call(void **state)
{
	(void)state;
	setenv("EDDY_FAULT", "env.point=exit", 1);
	pid_t pid = fork();
	if (pid == 0) {
		fault_state = 0;
		fault_point("env.point");
		_exit(0);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 70);
	unsetenv("EDDY_FAULT");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fault_point__kills__at_the_named_passing_only),
		cmocka_unit_test(fault_point__stops__and_exits),
		cmocka_unit_test(fault_point__sleeps__each_time),
		cmocka_unit_test(fault_arm__refuses__what_it_cannot_read),
		cmocka_unit_test(fault_point__reads__the_environment_at_its_first_call),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
