#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../../adapters/model/scan.h"
#include "../../../core/base/buf.h"

static bool whole(const char *text)
{
	size_t n = strlen(text);
	char *copy = malloc(n + 1); /* exactly its size: reading beyond is seen */
	memcpy(copy, text, n);
	struct scan s;
	scan_begin(&s, copy, n);
	scan_skip(&s);
	bool ok = scan_end(&s);
	free(copy);
	return ok;
}

static void skip__takes__what_jansson_takes(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"null",
		"true",
		"false",
		"0",
		"-0",
		"1.5e10",
		"-1E-2",
		"\"\"",
		"\"a\\u00e4\\n\"",
		" [ 1 , 2 ] ",
		"{\"a\":{\"b\":[{}]},\"c\":null}",
		"",
		" ",
		"nul",
		"truex",
		"01",
		"1.",
		".5",
		"+1",
		"1e",
		"--1",
		"\"",
		"\"\\x\"",
		"\"\\u12g4\"",
		"\"\x01\"",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{,}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\":1,}",
		"{a:1}",
		"{1:1}",
		"[",
		"{",
		"]",
		"}",
		"[}",
		"{]",
		"[1}",
		"{\"a\":1]",
		"1 2",
		"[1] x",
		"{\"a\" 1}",
		"\"\\",
		"\"\\u",
		"-",
		"[[[[[]]]]]",
		"[{\"a\":[{\"b\":[]}]}]",
		"[\"a\",\"b\",{\"c\":\"d\"}]",
	};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		json_t *j = json_loadb(texts[i], strlen(texts[i]), JSON_DECODE_ANY, NULL);
		if (whole(texts[i]) != (j != NULL))
			fail_msg("differs from jansson: %s", texts[i]);
		json_decref(j);
	}
}

static void skip__refuses__what_is_nested_too_deep(void **state)
{
	char text[300] = "";
	(void)state;
	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	assert_true(whole(text));
	memset(text, '[', 65);
	memset(text + 65, ']', 65);
	assert_false(whole(text));
	memset(text, '[', 290);
	assert_false(whole(text));
}

static void walk__finds__members_of_the_right_type_only(void **state)
{
	static const char text[] =
	    " {\"a\":1.9, \"b\" : \"x\\ty\" ,\"c\":[10,\"s\",{\"d\":-7}],\"e\":null,\"a\":\"twice\",\"f\":{\"g\":true}} ";
	struct scan s;
	struct scan_str key, b = { 0 }, twice = { 0 };
	int64_t a = -1, items = 0, d = 0;
	const char *raw = NULL, *none = "untouched";
	size_t raw_len = 0, none_len = 0;
	(void)state;
	scan_begin(&s, text, sizeof text - 1);
	assert_true(scan_object(&s));
	while (scan_key(&s, &key)) {
		if (scan_is(&key, "a") && a < 0) {
			assert_true(scan_int(&s, &a));
		} else if (scan_is(&key, "a")) {
			int64_t v = 5;
			struct scan at = s;
			assert_false(scan_int(&s, &v));
			assert_int_equal(v, 5);
			s = at;
			assert_true(scan_string(&s, &twice));
		} else if (scan_is(&key, "b")) {
			assert_true(scan_string(&s, &b));
		} else if (scan_is(&key, "c")) {
			assert_true(scan_array(&s));
			while (scan_item(&s)) {
				if (items++ == 2) {
					assert_true(scan_object(&s));
					while (scan_key(&s, &key))
						assert_true(scan_int(&s, &d));
				} else {
					scan_skip(&s);
				}
			}
		} else if (scan_is(&key, "e")) {
			assert_false(scan_raw(&s, &none, &none_len));
		} else if (scan_is(&key, "f")) {
			assert_true(scan_raw(&s, &raw, &raw_len));
		} else {
			scan_skip(&s);
		}
	}
	assert_true(scan_end(&s));
	assert_int_equal(a, 1);
	assert_true(b.escaped);
	assert_int_equal(b.n, 4);
	assert_int_equal(items, 3);
	assert_int_equal(d, -7);
	assert_string_equal(none, "untouched");
	assert_int_equal(raw_len, 10);
	assert_memory_equal(raw, "{\"g\":true}", 10);
	assert_true(scan_is(&twice, "twice"));
}

static void text__is__valid_utf8_without_nul(void **state)
{
	static const struct {
		const char *in, *want;
	} rows[] = {
		{ "\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\b\f\n\r\t" },
		{ "\"\\u0041\\u00e4\\u20ac\\ud83d\\ude42\"", "A\xc3\xa4\xe2\x82\xac\xf0\x9f\x99\x82" },
		{ "\"a\\u0000b\"", "ab" },
		{ "\"\\ud83dx\\ude42\"", "\xef\xbf\xbdx\xef\xbf\xbd" },
		{ "\"\\ud83d\\u0041\"",
		    "\xef\xbf\xbd"
		    "A" },
		{ "\"a\xff"
		  "b\xe2\x82\"",
		    "a\xef\xbf\xbd"
		    "b\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\"\xc3\xa4\"", "\xc3\xa4" },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct scan s;
		struct scan_str str;
		struct buf b = BUF_INIT;
		scan_begin(&s, rows[i].in, strlen(rows[i].in));
		assert_true(scan_string(&s, &str));
		scan_text(&str, &b);
		assert_string_equal(b.p, rows[i].want);
		buf_done(&b);
	}
	struct scan_str cut = { .p = "\xc3\xa4\xc3\xa4", .n = 4 };
	char out[4];
	scan_copy(&cut, out, sizeof out);
	assert_string_equal(out, "\xc3\xa4");
}

static void int__stays__in_its_range(void **state)
{
	struct scan s;
	int64_t v = 0;
	(void)state;
	scan_begin(&s, "99999999999999999999999", 23);
	assert_true(scan_int(&s, &v));
	assert_true(v > 900000000000000000);
	scan_begin(&s, "-12e5", 5);
	assert_true(scan_int(&s, &v));
	assert_int_equal(v, -12);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(skip__takes__what_jansson_takes),
		cmocka_unit_test(skip__refuses__what_is_nested_too_deep),
		cmocka_unit_test(walk__finds__members_of_the_right_type_only),
		cmocka_unit_test(text__is__valid_utf8_without_nul),
		cmocka_unit_test(int__stays__in_its_range),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
