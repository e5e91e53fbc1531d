/* docs/data-dictionary.md says what the schema is: compared with what scripts/dictionary prints for a fresh database.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../support/db.h"

#define FILE_NAME "docs/data-dictionary.md"

static bool read_all(FILE *f, struct buf *out)
{
	char chunk[4096];
	size_t n;
	if (!f)
		return false;
	buf_add_str(out, "");
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(out, chunk, n);
	return true;
}

/* The first line that differs. */
static void show_difference(const char *a, const char *b)
{
	int line = 1;
	while (*a && *a == *b) {
		line += *a == '\n';
		a++;
		b++;
	}
	print_error("line %d: committed \"%.60s\", schema \"%.60s\"; EDDY_WRITE=1 writes the file\n", line, a, b);
}

static void dictionary__committed_file__is_what_the_schema_says(void **state)
{
	(void)state;
	struct buf want = BUF_INIT;
	struct buf have = BUF_INIT;
	struct buf cmd = BUF_INIT;
	test_db_fresh();
	buf_addf(&cmd, "scripts/dictionary \"%s\"", test_db_admin());
	FILE *p = popen(cmd.p, "r");
	assert_true(read_all(p, &want));
	assert_int_equal(pclose(p), 0);
	assert_non_null(strstr(want.p, "### messages"));
	if (getenv("EDDY_WRITE")) {
		FILE *f = fopen(FILE_NAME, "w");
		assert_non_null(f);
		assert_int_equal(fwrite(want.p, 1, want.len, f), want.len);
		assert_int_equal(fclose(f), 0);
	}
	FILE *f = fopen(FILE_NAME, "r");
	assert_non_null(f);
	assert_true(read_all(f, &have));
	fclose(f);
	if (strcmp(have.p, want.p) != 0)
		show_difference(have.p, want.p);
	assert_int_equal(strcmp(have.p, want.p), 0);
	buf_done(&want);
	buf_done(&have);
	buf_done(&cmd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(dictionary__committed_file__is_what_the_schema_says),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
