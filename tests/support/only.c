/*
 * EDDY_TEST_ONLY: a pattern (* and ?) of test names, to run those alone.  Linked into every test program; it acts before main().
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void __attribute__((constructor)) run_only(void)
{
	const char *names = getenv("EDDY_TEST_ONLY");
	if (names != NULL && *names != '\0')
		cmocka_set_test_filter(names);
}
