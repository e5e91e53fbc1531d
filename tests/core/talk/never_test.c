/* Values that are never said, known by their digests: which of a value counts, and where it is found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/talk/never.h"
#include "../../../core/talk/spoken.h"

#define OUT "(secret left out)"
static const unsigned char key[NEVER_KEY] = "0123456789abcdef0123456789abcde";

static struct never *of(const char *value)
{
	struct never *v = never_new(key);
	never_add(v, value, strlen(value));
	return v;
}

static void value__by_its_kind__counts(void **state)
{
	(void)state;
	static const struct {
		const char *value;
		size_t n;
	} cases[] = {
		{ "hunter7!", 1 },
		{ "swordfish", 0 },
		{ "correcthorsebattery", 1 },
		{ "short1", 0 },
		{ "8-bytes-", 1 },
		{ "", 0 },
		{ "\n \n", 0 },
		{ "  pass-word-1 \n", 1 },
		{ "correct horse battery staple", 0 },
		{ "-----BEGIN KEY-----\nMIIEowIBAAKCAQEA7\nq1w2e3r4t5y6u7i8\n-----END KEY-----", 2 },
		{ "{ \"private_key_id\": \"a1b2c3d4e5f6a7b8\",\n  \"type\": \"service_account\" }", 1 },
		{ "\x01\x02\x03\x04\x05\x06\x07\x08\x09", 2 },
		{ "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", 2 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct never *v = of(cases[i].value);
		if (never_count(v) != cases[i].n)
			fail_msg("\"%s\": %zu", cases[i].value, never_count(v));
		never_release(v);
	}
}

static void value__at_every_place__is_found_and_nothing_else(void **state)
{
	(void)state;
	struct never *v = of("hunter-seven-7");
	never_add(v, "hunter-s", 8);
	never_add(v, "hunter-seven-7", 14);
	assert_int_equal(never_count(v), 2);
	static const char text[] = "xhunter-seven-7 hunter-s hunter-";
	for (size_t i = 0; i < strlen(text); i++)
		assert_int_equal(never_at(v, text + i, strlen(text) - i), i == 1 ? 14 : i == 16 ? 8 : 0);
	assert_int_equal(never_at(v, "Hunter-seven-7", 14), 0);
	assert_int_equal(never_at(NULL, text + 1, 14), 0);
	never_release(v);
}

static void bytes__in_hexadecimal_and_base64__are_found(void **state)
{
	(void)state;
	struct never *v = never_new(key);
	never_add(v, "\x00\x01\x02\xff\xfe\xfd\x10\x20\x30", 9);
	assert_int_equal(never_at(v, "000102fffefd102030", 18), 18);
	assert_int_equal(never_at(v, "AAEC//79ECAw", 12), 12);
	never_release(v);
}

/* What is kept has none of it. */
static void value__is_not_kept(void **state)
{
	(void)state;
	struct never *a = of("one-value-1"), *b = never_keep(a);
	assert_ptr_equal(a, b);
	never_release(a);
	assert_int_equal(never_at(b, "one-value-1", 11), 11);
	never_release(b);
	static const unsigned char other[NEVER_KEY] = "another key, another digest ...";
	struct never *c = never_new(other);
	never_add(c, "one-value-1", 11);
	assert_int_equal(never_at(c, "one-value-1", 11), 11);
	never_release(c);
}

static void filter__in_pieces_of_every_size__leaves_them_out(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "It is hunter-seven-7.", "It is " OUT "." },
		{ "see https://docs.example/hunter-seven-7/x", "see https://docs.example/" OUT "/x" },
		{ "[a](https://docs.example/?q=hunter-seven-7)", "[a]()" },
		{ "in **hunter**-seven-7 and `hunter-seven-7`", "in " OUT " and `" OUT "`" },
		{ "h*u*n*t*e*r*-seven-7", OUT },
		{ "hun\xe2\x80\x8bter-seven-7", OUT },
		{ "hunter-seven-8 is **bold** and stays", "hunter-seven-8 is **bold** and stays" },
	};
	struct never *v = of("hunter-seven-7");
	struct spoken_links *links = spoken_links_new();
	spoken_allow(links, "docs.example");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		for (size_t step = 1; step < 40; step++) {
			size_t n = strlen(cases[i].in);
			struct buf out = BUF_INIT;
			struct spoken *o = spoken_new(links, NULL, 0);
			spoken_never(o, v);
			for (size_t at = 0; at < n; at += step)
				spoken_feed(o, cases[i].in + at, at + step < n ? step : n - at, &out);
			spoken_end(o, &out);
			assert_string_equal(out.p, cases[i].out);
			spoken_free(o);
			buf_done(&out);
		}
	spoken_links_free(links);
	never_release(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(value__by_its_kind__counts),
		cmocka_unit_test(value__at_every_place__is_found_and_nothing_else),
		cmocka_unit_test(bytes__in_hexadecimal_and_base64__are_found),
		cmocka_unit_test(value__is_not_kept),
		cmocka_unit_test(filter__in_pieces_of_every_size__leaves_them_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
