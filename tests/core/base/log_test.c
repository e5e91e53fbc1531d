/* Log lines are JSON, one per write, clipped and without surprises; and the small words of errors and memory. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/err.h"
#include "../../../core/base/json.h"
#include "../../../core/base/log.h"
#include "../../../core/base/mem.h"

static int ends[2];

static int set_up(void **state)
{
	(void)state;
	if (pipe(ends))
		return -1;
	log_set_fd(ends[1]);
	log_set_level(LOG_INFO);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	log_set_fd(2);
	close(ends[0]);
	close(ends[1]);
	return 0;
}

static json_t *read_line(char *text, size_t size)
{
	ssize_t n = read(ends[0], text, size);
	assert_true(n > 1);
	assert_int_equal(text[n - 1], '\n');
	assert_null(memchr(text, '\n', (size_t)n - 1));
	json_t *j = NULL;
	assert_int_equal(json_parse(text, (size_t)n, size, &j, NULL), ERR_NONE);
	return j;
}

static void log_info__writes__one_json_line(void **state)
{
	(void)state;
	char text[4096];
	struct id id = id_new();
	char id_text[ID_TEXT];
	log_info("run.finish", LF_ID("run", id), LF_STR("name", "a\"\nb"), LF_INT("ms", -12), LF_NUM("load", 0.25),
	    LF_NUM("bad", NAN), LF_STR("none", NULL));
	json_t *j = read_line(text, sizeof text);
	assert_string_equal(json_str(j, "event", ""), "run.finish");
	assert_string_equal(json_str(j, "level", ""), "info");
	assert_string_equal(json_str(j, "run", ""), id_format(id, id_text));
	assert_string_equal(json_str(j, "name", ""), "a\"\nb");
	assert_int_equal(json_int(j, "ms", 0), -12);
	assert_true(json_is_null(json_object_get(j, "bad")));
	assert_true(json_is_null(json_object_get(j, "none")));
	const char *at = json_str(j, "at", "");
	assert_int_equal(strlen(at), 24);
	assert_true(at[10] == 'T' && at[19] == '.' && at[23] == 'Z');
	json_decref(j);
}

static void log_write__clips__long_values_between_characters(void **state)
{
	(void)state;
	char text[4096], value[4000];
	for (size_t i = 0; i < sizeof value - 2; i += 2)
		memcpy(value + i, "\xc3\xab", 2);
	value[sizeof value - 2] = '\0';
	log_warn("x", LF_STR("v", value));
	json_t *j = read_line(text, sizeof text);
	assert_int_equal(strlen(json_str(j, "v", "")), 1024 + 3);
	json_decref(j);
}

static void log_level__keeps_back__what_is_less_important(void **state)
{
	(void)state;
	char text[512];
	enum log_level level = LOG_DEBUG;
	log_debug("hidden");
	log_set_level(LOG_ERROR);
	log_warn("hidden");
	log_error("shown");
	json_t *j = read_line(text, sizeof text);
	assert_string_equal(json_str(j, "event", ""), "shown");
	json_decref(j);
	assert_true(log_level_parse("warn", &level));
	assert_int_equal(level, LOG_WARN);
	assert_false(log_level_parse("loud", &level));
	assert_int_equal(level, LOG_WARN);
}

static void err_name__names__every_error(void **state)
{
	(void)state;
	static const char *const names[] = { "ok", "retry", "input", "denied", "broken" };
	for (int e = ERR_NONE; e <= ERR_BROKEN; e++)
		assert_string_equal(err_name((enum err)e), names[e]);
}

static void mem__gives__terminated_copies(void **state)
{
	(void)state;
	char *a = xstrdup("abc"), *b = xstrndup("abcdef", 2), *c = xstrndup("ab", 10), *d = xcalloc(4, 2);
	assert_string_equal(a, "abc");
	assert_string_equal(b, "ab");
	assert_string_equal(c, "ab");
	assert_memory_equal(d, (char[8]){ 0 }, 8);
	assert_null(xstrdup(NULL));
	d = xrealloc(d, 100);
	free(a);
	free(b);
	free(c);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(log_info__writes__one_json_line, set_up, tear_down),
		cmocka_unit_test_setup_teardown(log_write__clips__long_values_between_characters, set_up, tear_down),
		cmocka_unit_test_setup_teardown(log_level__keeps_back__what_is_less_important, set_up, tear_down),
		cmocka_unit_test(err_name__names__every_error),
		cmocka_unit_test(mem__gives__terminated_copies),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
