/* The growing string and its escapers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"

static void buf_add__grows__and_stays_terminated(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	buf_reset(&b);
	assert_string_equal(b.p, "");
	for (int i = 0; i < 1000; i++) {
		buf_add(&b, "ab", 2);
		buf_add_char(&b, 'c');
		assert_int_equal(b.len, 3 * (size_t)(i + 1));
		assert_int_equal(b.p[b.len], '\0');
	}
	buf_add(&b, NULL, 0);
	buf_add_str(&b, NULL);
	assert_int_equal(b.len, 3000);
	buf_truncate(&b, 4);
	buf_drop(&b, 1);
	assert_string_equal(b.p, "bca");
	size_t n;
	char *p = buf_detach(&b, &n);
	assert_string_equal(p, "bca");
	assert_int_equal(n, 3);
	assert_null(b.p);
	free(p);
	p = buf_detach(&b, NULL);
	assert_string_equal(p, "");
	free(p);
	buf_done(&b);
}

static void buf_add_int__writes__the_whole_range(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	buf_add_int(&b, 0);
	buf_add_int(&b, INT64_MAX);
	buf_add_int(&b, INT64_MIN);
	buf_add_int(&b, -7);
	assert_string_equal(b.p, "09223372036854775807-9223372036854775808-7");
	buf_done(&b);
}

static void buf_addf__writes__more_than_it_has_room_for(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	char big[5000];
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	buf_addf(&b, "%d-%s-%d", 1, big, 2);
	assert_int_equal(b.len, 4999 + 4);
	assert_string_equal(b.p + b.len - 3, "x-2");
	/* Every way of just fitting and just not. */
	for (int n = 0; n < 300; n++) {
		struct buf c = BUF_INIT;
		buf_addf(&c, "%.*s", n, big);
		buf_addf(&c, "%.*s|", n, big);
		assert_int_equal(c.len, 2 * (size_t)n + 1);
		assert_int_equal(strlen(c.p), c.len);
		assert_int_equal(c.p[c.len - 1], '|');
		buf_done(&c);
	}
	buf_done(&b);
}

static void assert_json(const char *s, size_t n, const char *want)
{
	struct buf b = BUF_INIT;
	buf_add_json(&b, s, n);
	assert_string_equal(b.p, want);
	buf_done(&b);
}

static void buf_add_json__escapes__what_json_needs(void **state)
{
	(void)state;
	assert_json("plain text that is longer than eight bytes", 42, "plain text that is longer than eight bytes");
	assert_json("a\"b\\c\n\t\r\x01\x1f\x7f", 11, "a\\\"b\\\\c\\n\\t\\r\\u0001\\u001f\x7f");
	assert_json("zo\xc3\xab \xf0\x9f\x99\x82", 9, "zo\xc3\xab \xf0\x9f\x99\x82");
	assert_json("a\xff\xc3", 3, "a\xef\xbf\xbd\xef\xbf\xbd");
	assert_json("\xed\xa0\x80", 3, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd");
	assert_json("a\0b", 3,
	    "a\xef\xbf\xbd"
	    "b");
	struct buf b = BUF_INIT;
	buf_add_json_str(&b, NULL);
	buf_add_json_str(&b, "x\"");
	assert_string_equal(b.p, "null\"x\\\"\"");
	buf_done(&b);
}

/* Each byte at each place of a word must be seen by the scan for plain runs. */
static void buf_add_json__reads_back__at_every_alignment(void **state)
{
	(void)state;
	for (int c = 1; c < 128; c++) {
		for (size_t at = 0; at < 20; at++) {
			char text[21] = "aaaaaaaaaaaaaaaaaaaa";
			text[at] = (char)c;
			struct buf b = BUF_INIT;
			buf_add_str(&b, "[\"");
			buf_add_json(&b, text, 20);
			buf_add_str(&b, "\"]");
			json_t *j = NULL;
			assert_int_equal(json_parse(b.p, b.len, 1000, &j, NULL), ERR_NONE);
			assert_string_equal(json_string_value(json_array_get(j, 0)), text);
			json_decref(j);
			buf_done(&b);
		}
	}
}

static void buf_add_form__encodes__as_forms_do(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	buf_add_form(&b, "a b&c=d/\xc3\xab*-._~\n", 15);
	assert_string_equal(b.p, "a+b%26c%3Dd%2F%C3%AB*-._%7E");
	buf_add_form(&b, "", 0);
	assert_int_equal(b.len, 27);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buf_add__grows__and_stays_terminated),
		cmocka_unit_test(buf_add_int__writes__the_whole_range),
		cmocka_unit_test(buf_addf__writes__more_than_it_has_room_for),
		cmocka_unit_test(buf_add_json__escapes__what_json_needs),
		cmocka_unit_test(buf_add_json__reads_back__at_every_alignment),
		cmocka_unit_test(buf_add_form__encodes__as_forms_do),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
