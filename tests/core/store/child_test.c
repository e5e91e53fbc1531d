/* What a program of Postgres is started with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/store/child.h"

static void child__started__has_no_setting_of_ours(void **state)
{
	(void)state;
	struct buf said = BUF_INIT;
	int status = -1;
	const char *const argv[] = { "env", NULL };
	setenv("EDDY_SLACK_BOT_TOKEN", "xoxb-canary", 1);
	setenv("ANTHROPIC_API_KEY", "sk-canary", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	assert_int_equal(child_run(&(struct child_run){ .argv = argv, .in = -1, .out = -1, .said = &said }, &status), ERR_NONE);
	assert_int_equal(status, 0);
	assert_non_null(strstr(said.p, "PATH="));
	assert_non_null(strstr(said.p, "LC_ALL=C.UTF-8"));
	assert_null(strstr(said.p, "canary"));
	buf_done(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(child__started__has_no_setting_of_ours) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
