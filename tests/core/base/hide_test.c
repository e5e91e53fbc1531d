/* What must never be written is not, wherever it stands in a text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/hide.h"
#include "../../../core/base/log.h"

static const char *const secrets[] = { "xoxb-12345678", "xoxb-12345678-longer", "short", "quo\"ted\\one" };

static void hides(const char *in, const char *out)
{
	struct buf b = BUF_INIT;
	buf_add_str(&b, "> ");
	hide_add(&b, in, strlen(in));
	assert_string_equal(b.p + 2, out);
	buf_done(&b);
	buf_add_str(&b, in);
	hide_in(&b, 0);
	assert_string_equal(b.len > 0 ? b.p : "", out);
	buf_done(&b);
}

static void secret__anywhere_in_a_text__is_hidden(void **state)
{
	(void)state;
	hide_secrets(secrets, 4);
	hides("xoxb-12345678", "[hidden]");
	hides("a xoxb-12345678 b xoxb-12345678", "a [hidden] b [hidden]");
	hides("xoxb-12345678xoxb-12345678!", "[hidden][hidden]!");
	hides("xoxb-12345678-longer", "[hidden]");
	hides("xoxb-1234567", "xoxb-1234567");
	hides("short words stay", "short words stay");
	hides("", "");
	hide_secrets(NULL, 0);
	hides("xoxb-12345678", "xoxb-12345678");
}

static void log__a_field_with_a_secret__is_written_without_it(void **state)
{
	(void)state;
	int ends[2];
	char line[600];
	assert_int_equal(pipe(ends), 0);
	hide_secrets(secrets, 4);
	log_set_fd(ends[1]);
	log_error("test", LF_STR("why", "they said quo\"ted\\one, didn't they?"), LF_STR("other", "plain"));
	log_set_fd(2);
	ssize_t n = read(ends[0], line, sizeof line - 1);
	assert_true(n > 0);
	line[n] = '\0';
	assert_non_null(strstr(line, "\"why\":\"they said [hidden], didn't they?\",\"other\":\"plain\""));
	hide_secrets(NULL, 0);
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(secret__anywhere_in_a_text__is_hidden),
		cmocka_unit_test(log__a_field_with_a_secret__is_written_without_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
