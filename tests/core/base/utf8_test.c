/* UTF-8: what is well-formed, and counting in code points and UTF-16 units. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "../../../core/base/utf8.h"

static void utf8_decode__is_the_inverse_of__encode(void **state)
{
	(void)state;
	for (uint32_t cp = 1; cp <= 0x10ffff; cp++) {
		if (cp >= 0xd800 && cp <= 0xdfff)
			continue;
		char bytes[4];
		uint32_t back = 0;
		size_t n = utf8_encode(cp, bytes);
		if (utf8_decode(bytes, n, &back) != n || back != cp || !utf8_valid(bytes, n))
			fail_msg("U+%04X", cp);
		if (n > 1 && utf8_decode(bytes, n - 1, &back) != 0)
			fail_msg("U+%04X cut short", cp);
	}
	char bytes[4];
	assert_int_equal(utf8_encode(0xd800, bytes), 3);
	assert_memory_equal(bytes, "\xef\xbf\xbd", 3);
}

static void utf8_valid__refuses__ill_formed_text(void **state)
{
	(void)state;
	static const char *const bad[] = { "\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xed\xa0\x80",
		"\xed\xbf\xbf", "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xe2\x28\xa1",
		"long enough text \xc3(" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(utf8_valid(bad[i], strlen(bad[i])));
	assert_true(utf8_valid("", 0));
	static const char good[] = "plain and Zo\xc3\xab \xf0\x9f\x99\x82 all of it";
	assert_true(utf8_valid(good, sizeof good - 1));
	assert_false(utf8_valid("has a NUL\0 inside", 17));
	assert_false(utf8_valid("\0", 1));
}

static void utf8_clip__ends__between_code_points(void **state)
{
	(void)state;
	static const char text[] = "a\xc3\xab\xe2\x82\xac\xf0\x9f\x99\x82z"; /* 1 + 2 + 3 + 4 + 1 bytes */
	static const size_t want[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };
	for (size_t max = 0; max < sizeof want / sizeof *want; max++)
		assert_int_equal(utf8_clip(text, 11, max), want[max]);
	assert_int_equal(utf8_clip("\x80\x80\x80\x80\x80\x80", 6, 5), 5);
}

static void utf8_utf16__counts__as_platforms_do(void **state)
{
	(void)state;
	static const char text[] = "a\xc3\xab\xe2\x82\xac\xf0\x9f\x99\x82z";
	assert_int_equal(utf8_utf16_len(text, 11), 6);
	static const size_t want[] = { 0, 1, 3, 6, 6, 10, 11, 11 };
	for (size_t units = 0; units < sizeof want / sizeof *want; units++)
		assert_int_equal(utf8_utf16_clip(text, 11, units), want[units]);
	assert_int_equal(utf8_utf16_len("\xff\xc3", 2), 2);
	assert_int_equal(utf8_utf16_clip("\xff\xc3", 2, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(utf8_decode__is_the_inverse_of__encode),
		cmocka_unit_test(utf8_valid__refuses__ill_formed_text),
		cmocka_unit_test(utf8_clip__ends__between_code_points),
		cmocka_unit_test(utf8_utf16__counts__as_platforms_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
