/* Bytes as text: the vectors of RFC 4648, section 10, and what differs in base64url. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/encode.h"

static void hex__has_two_digits_for_each_byte(void **state)
{
	(void)state;
	char out[16];
	hex_encode(out, "\x00\x0f\xa5\xff", 4);
	assert_string_equal(out, "000fa5ff");
	hex_encode(out, "", 0);
	assert_string_equal(out, "");
}

static void base64url__is_as_the_rfc_says(void **state)
{
	(void)state;
	static const char *const cases[][2] = { { "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff\xfe", "-__-" }, { "\xff\xff\xff\xff", "_____w" } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char out[16];
		memset(out, 'x', sizeof out);
		base64url_encode(out, cases[i][0], strlen(cases[i][0]));
		assert_string_equal(out, cases[i][1]);
		assert_true(strlen(out) < BASE64URL_ROOM(strlen(cases[i][0])));
		unsigned char back[16];
		size_t n = 99;
		assert_true(base64url_decode(out, strlen(out), back, &n));
		assert_int_equal(n, strlen(cases[i][0]));
		assert_memory_equal(back, cases[i][0], n);
	}
	assert_int_equal(BASE64URL_ROOM(32), 44);
	static const char *const bad[] = { "Z", "Zm9v=", "Zm+v", "Zh", "Zm9", "Zm 9v", "Zm/v" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		unsigned char back[16];
		size_t n;
		assert_false(base64url_decode(bad[i], strlen(bad[i]), back, &n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex__has_two_digits_for_each_byte),
		cmocka_unit_test(base64url__is_as_the_rfc_says),
	};
	return cmocka_run_group_tests_name("bytes as text", tests, NULL, NULL);
}
