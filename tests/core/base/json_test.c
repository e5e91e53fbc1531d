/* JSON from outside: what is refused, with a reason that quotes nothing, and field access that never fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"

static void json_parse__refuses__what_is_not_one_sound_text(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "line 1, column 0: '[' or '{' expected" },
		{ "{\"secret\":1,\"secret\":2}", "line 1, column 20: duplicate object key" },
		{ "{\"a\":1} x", "line 1, column 9: end of file expected" },
		{ "{\"a\":1e400}", NULL },
		{ "{\"a\":99999999999999999999}", NULL },
		{ "{\"a\":\"\\u0000\"}", NULL },
		{ "{\"a\":\"\\ud800\"}", NULL },
		{ "{\"a\":\"\xff\"}", NULL },
		{ "\xef\xbb\xbf{}", NULL },
		{ "{\"a\":\n nope}", NULL },
		{ "[1,]", NULL },
		{ "\"text\"", NULL },
		{ "{\"a\":\"unclosed", NULL },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *j = NULL;
		char why[160] = "";
		if (json_parse(cases[i].text, strlen(cases[i].text), 1000, &j, why) != ERR_INPUT)
			fail_msg("taken: %s", cases[i].text);
		assert_null(j);
		assert_true(*why);
		assert_null(strstr(why, "secret"));
		assert_null(strstr(why, "near"));
		if (cases[i].why)
			assert_string_equal(why, cases[i].why);
	}
}

static enum err parse_nested(size_t depth, const char *open, const char *close)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < depth; i++)
		buf_add_str(&b, open);
	for (size_t i = 0; i < depth; i++)
		buf_add_str(&b, i ? close : strchr(close, ']') ? "]" : "1}");
	json_t *j = NULL;
	enum err e = json_parse(b.p, b.len, b.len, &j, NULL);
	json_decref(j);
	buf_done(&b);
	return e;
}

static void json_parse__refuses__nesting_and_size_before_parsing(void **state)
{
	(void)state;
	json_t *j = NULL;
	char why[160];
	assert_int_equal(parse_nested(JSON_DEPTH_MAX, "[", "]"), ERR_NONE);
	assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, "[", "]"), ERR_INPUT);
	assert_int_equal(parse_nested(JSON_DEPTH_MAX, "{\"a\":", "}"), ERR_NONE);
	assert_int_equal(parse_nested(JSON_DEPTH_MAX + 1, "{\"a\":", "}"), ERR_INPUT);
	assert_int_equal(parse_nested(100000, "[", "]"), ERR_INPUT);
	assert_int_equal(json_parse("[1,2]", 5, 4, &j, why), ERR_INPUT);
	assert_string_equal(why, "5 bytes, at most 4 are taken");
	/* Brackets inside strings do not count. */
	struct buf b = BUF_INIT;
	buf_add_str(&b, "[\"\\\"");
	for (int i = 0; i < 200; i++)
		buf_add_char(&b, '[');
	buf_add_str(&b, "\\\\\"]");
	assert_int_equal(json_parse(b.p, b.len, b.len, &j, NULL), ERR_NONE);
	json_decref(j);
	buf_done(&b);
}

static void json_get__falls_back__on_absent_null_and_other_types(void **state)
{
	(void)state;
	json_t *j = NULL;
	static const char text[] = "{\"s\":\"x\",\"i\":-5,\"t\":true,\"n\":null,\"o\":{\"k\":1},\"a\":[1],\"r\":1.5}";
	assert_int_equal(json_parse(text, sizeof text - 1, 1000, &j, NULL), ERR_NONE);
	assert_string_equal(json_str(j, "s", "f"), "x");
	assert_string_equal(json_str(j, "i", "f"), "f");
	assert_string_equal(json_str(j, "n", "f"), "f");
	assert_null(json_str(j, "gone", NULL));
	assert_int_equal(json_int(j, "i", 9), -5);
	assert_int_equal(json_int(j, "r", 9), 9);
	assert_int_equal(json_int(j, "s", 9), 9);
	assert_true(json_bool(j, "t", false));
	assert_true(json_bool(j, "n", true));
	assert_int_equal(json_int(json_obj(j, "o"), "k", 0), 1);
	assert_null(json_obj(j, "a"));
	assert_int_equal(json_array_size(json_arr(j, "a")), 1);
	assert_null(json_arr(j, "o"));
	assert_null(json_obj(NULL, "x"));
	assert_int_equal(json_int(json_obj(j, "gone"), "k", 3), 3);
	json_decref(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(json_parse__refuses__what_is_not_one_sound_text),
		cmocka_unit_test(json_parse__refuses__nesting_and_size_before_parsing),
		cmocka_unit_test(json_get__falls_back__on_absent_null_and_other_types),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
