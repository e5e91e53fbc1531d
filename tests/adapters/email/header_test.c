/* Header fields: found, unfolded, decoded (RFC 5322, 2047, 2231), with all that mail programs get wrong. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/mail_internal.h"
#include "../../../core/base/utf8.h"

#define SLICE(s) ((struct mail_slice){ (s), sizeof(s) - 1 })

static void decodes(struct mail_slice in, const char *want)
{
	struct buf b = BUF_INIT;
	mail_header_add(&b, in);
	assert_string_equal(b.p == NULL ? "" : b.p, want);
	buf_done(&b);
}

static void mail_field_next__finds__fields_and_folds(void **state)
{
	(void)state;
	struct mail_slice raw = SLICE("From someone Mon\nA: one\r\n two\r\nB :x\n\tlast\n\nbody: none\n");
	struct mail_field f;
	size_t at = 0;
	assert_true(mail_field_next(raw, &at, &f));
	assert_true(mail_slice_is(f.name, "a"));
	decodes(f.value, "one two");
	assert_true(mail_field_next(raw, &at, &f));
	assert_true(mail_slice_is(f.name, "b"));
	decodes(f.value, "x last");
	assert_false(mail_field_next(raw, &at, &f));
	assert_string_equal(raw.p + at, "body: none\n");
}

static void mail_field_next__ends__at_a_line_that_is_no_field(void **state)
{
	(void)state;
	struct mail_slice raw = SLICE("A: one\nthis is text\nB: two\n");
	struct mail_field f;
	size_t at = 0;
	assert_true(mail_field_next(raw, &at, &f));
	assert_false(mail_field_next(raw, &at, &f));
	assert_int_equal(at, 7);
}

static void mail_field_next__joins__a_parameter_that_lost_its_indent(void **state)
{
	(void)state;
	struct mail_slice raw = SLICE("Content-Type: multipart/mixed;\nboundary=\"x\"\n\n");
	struct mail_field f;
	size_t at = 0;
	assert_true(mail_field_next(raw, &at, &f));
	struct buf b = BUF_INIT;
	assert_true(mail_param(f.value, "boundary", &b));
	assert_string_equal(b.p, "x");
	buf_done(&b);
}

static void mail_header_add__decodes__encoded_words(void **state)
{
	(void)state;
	decodes(SLICE("=?utf-8?Q?Gr=C3=BC=C3=9Fe?="), "Grüße");
	decodes(SLICE("=?ISO-8859-1?q?a_b=E9?= and =?utf-8?b?w6k=?="), "a bé and é");
	decodes(SLICE("=?utf-8?B?w6k=?=\r\n =?utf-8?B?w6k=?="), "éé"); /* white space between two is no text */
	decodes(SLICE("=?utf-8?Q?=E2=82?= =?utf-8?Q?=AC?="), "€");     /* a character cut in two */
	decodes(SLICE("=?utf-8?B?4oI=?= =?UTF-8?Q?=AC?="), "€");       /* by two encodings */
	decodes(SLICE("\"=?utf-8?q?quoted?=\""), "\"quoted\"");
	decodes(SLICE("x=?utf-8?q?glued?=y"), "xgluedy");
	decodes(SLICE("=?utf-8*de?q?lang?="), "lang");
	decodes(SLICE("=?utf-8?q?with blanks in it?="), "with blanks in it");
	decodes(SLICE("=?shift_jis?B?h0A=?="), "①"); /* cp932 has more than its name says */
}

static void mail_header_add__keeps__what_is_no_encoded_word(void **state)
{
	(void)state;
	decodes(SLICE("=?utf-8?Q?never closed"), "=?utf-8?Q?never closed");
	decodes(SLICE("=?utf-8?X?abc?="), "=?utf-8?X?abc?=");
	decodes(SLICE("=?a b?q?x?= =? =?="), "=?a b?q?x?= =? =?=");
	decodes(SLICE("1 =? 2 ?= 3"), "1 =? 2 ?= 3");
	decodes(SLICE("=?none?q?caf=E9?="), "café"); /* an unknown charset is read all the same */
}

static void mail_header_add__takes_out__controls_and_bidi(void **state)
{
	(void)state;
	decodes(SLICE("=?utf-8?Q?a=0D=0ABcc:_x@example.org?="), "a Bcc: x@example.org");
	decodes(SLICE("a\0b\001c\rd"), "abcd");
	decodes(SLICE("evil\xe2\x80\xae"
	              "fdp.exe"),
	    "evilfdp.exe");
	decodes(SLICE("\xff raw \xc3\xa9"), "\xef\xbf\xbd raw é");
	decodes(SLICE("raw \xe9"), "raw é"); /* not UTF-8: windows-1252 */
	decodes(SLICE("raw \xc3\xa9"), "raw é");
}

static void param_is(const char *value, const char *name, const char *want)
{
	struct buf b = BUF_INIT;
	bool there = mail_param((struct mail_slice){ value, strlen(value) }, name, &b);
	assert_int_equal(there, want != NULL);
	if (want != NULL)
		assert_string_equal(b.p, want);
	buf_done(&b);
}

static void mail_param__reads__what_programs_write(void **state)
{
	(void)state;
	param_is("text/plain; charset=utf-8", "charset", "utf-8");
	param_is("text/plain;charset=\"utf-8\"; format=flowed", "format", "flowed");
	param_is("text/plain; CHARSET = utf-8", "charset", "utf-8");
	param_is("attachment; filename=\"a \\\"b\\\".txt\"", "filename", "a \"b\".txt");
	param_is("attachment; filename=two words.txt", "filename", "two words.txt");
	param_is("attachment; filename=\"semi;colon.txt\"; size=1", "filename", "semi;colon.txt");
	param_is("attachment; filename==?utf-8?Q?r=C3=A9sum=C3=A9.pdf?=", "filename", "résumé.pdf");
	param_is("attachment; filename*=utf-8'en'r%C3%A9sum%C3%A9.pdf", "filename", "résumé.pdf");
	param_is("attachment; filename*0*=utf-8''r%C3%A9; filename*1=sum; filename*2*=%C3%A9.pdf", "filename", "résumé.pdf");
	param_is("attachment; filename*1=b; filename*0=a", "filename", "ab");
	param_is("attachment; filename*0*=utf-8''%E2%82; filename*1*=%AC", "filename", "€");
	param_is("attachment; filename*0=plain; filename=\"other\"", "filename", "plain");
	param_is("attachment; filename*=broken%ZZ", "filename", "broken%ZZ");
	param_is("attachment; filename*99999999999=x", "filename", NULL);
	param_is("attachment; xfilename=x", "filename", NULL);
	param_is("attachment; filename=\"never closed", "filename", "never closed");
	param_is("multipart/mixed; boundary=\"x\" charset=y", "charset", "y");
}

static void ids_are(struct mail_arena *a, const char *value, size_t n, const char *first)
{
	struct mail_ids ids = { 0 };
	mail_ids_read(a, (struct mail_slice){ value, strlen(value) }, &ids);
	assert_int_equal(ids.len, n);
	if (n > 0)
		assert_string_equal(ids.items[0], first);
}

static void mail_ids_read__is__lenient(void **state)
{
	(void)state;
	struct mail_arena *a = mail_arena_new(0);
	ids_are(a, "<a@b>", 1, "a@b");
	ids_are(a, "<a@b> (was: x) <C@d>\r\n\t<e@f>", 3, "a@b");
	ids_are(a, "a@b c@d", 2, "a@b");
	ids_are(a, "<a@\r\n b>", 1, "a@b");
	ids_are(a, "<cut <whole@x>", 2, "cut");
	ids_are(a, "<no-at>", 1, "no-at");
	ids_are(a, "<>", 0, NULL);
	ids_are(a, "", 0, NULL);
	mail_arena_free(a);
}

static void mail_ids_read__keeps__both_ends_of_a_long_list(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	for (int i = 0; i < 5000; i++)
		buf_addf(&b, "<%d@x>\n ", i);
	struct mail_arena *a = mail_arena_new(0);
	struct mail_ids ids = { 0 };
	mail_ids_read(a, (struct mail_slice){ b.p, b.len }, &ids);
	assert_int_equal(ids.len, MAIL_IDS_MAX);
	assert_string_equal(ids.items[0], "0@x");
	assert_string_equal(ids.items[ids.len - 1], "4999@x");
	assert_string_equal(ids.items[1], "4801@x");
	mail_arena_free(a);
	buf_done(&b);
}

static void mail_date_read__knows__old_and_new_forms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t want;
	} t[] = { { "Mon, 06 May 2024 09:30:00 +0000", 1714987800 }, { "6 May 2024 11:30 +0200", 1714987800 },
		{ "Mon,  6 May 24 04:30:00 EST (Eastern)", 1714987800 }, { "Mon May  6 09:30:00 2024", 1714987800 },
		{ "06-May-2024 09:30:00 GMT", 1714987800 }, { "Fri, 21 Nov 97 09:55:06 -0600", 880127706 },
		{ "01 Jan 1970 00:00:01 +0000", 1 }, { "29 Feb 2000 00:00:00 +0000", 951782400 }, { "", 0 }, { "yesterday", 0 },
		{ "99 May 2024 10:00:00", 0 }, { "1 May 2024 10:99:00", 0 }, { "1 May 99999999999999999999 10:00", 0 } };
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		assert_int_equal(mail_date_read((struct mail_slice){ t[i].text, strlen(t[i].text) }), t[i].want);
}

static void charset_is(const char *name, const char *bytes, size_t n, const char *want)
{
	struct buf b = BUF_INIT;
	mail_charset_add(&b, bytes, n, (struct mail_slice){ name, strlen(name) });
	assert_string_equal(b.p == NULL ? "" : b.p, want);
	assert_true(utf8_valid(b.p == NULL ? "" : b.p, b.len));
	buf_done(&b);
}

static void mail_charset_add__reads__what_labels_mean(void **state)
{
	(void)state;
	charset_is("us-ascii",
	    "Gr\xc3\xbc\xc3\x9f"
	    "e",
	    7, "Grüße");                                        /* the label lies */
	charset_is("iso-8859-1", "\x80 \x93x\x94", 5, "€ “x”"); /* means windows-1252 */
	charset_is("", "caf\xe9", 4, "café");
	charset_is("x-unheard-of", "caf\xe9", 4, "café");
	charset_is("\"utf-8\" ; junk", "\xc3\xbc", 2, "ü");
	charset_is("koi8-r", "\xcd\xc9\xd2", 3, "мир");
	charset_is("windows-1251", "\xec\xe8\xf0", 3, "мир");
	charset_is("cp1251", "\xec\xe8\xf0", 3, "мир");
	charset_is("gb2312", "\xc4\xe3\xba\xc3", 4, "你好");
	charset_is("ks_c_5601-1987", "\x8c\x63", 2, "똠");
	charset_is("iso-2022-jp", "\x1b$B$\"\x1b(B", 8, "あ");
	charset_is("utf-16",
	    "\xff\xfe"
	    "a\0\xac\x20",
	    6, "a€");
	charset_is("utf-16le", "a\0b\0", 4, "ab");
	charset_is("utf-7", "+AOk-", 5, "é");
	charset_is("utf-8", "\xef\xbb\xbfmark", 7, "mark");
	charset_is("utf-8", "ok \xc3\xa9 \xff end", 11, "ok é \xef\xbf\xbd end");
	charset_is("utf-8", "caf\xe9", 4, "café"); /* nothing in it is UTF-8 */
	charset_is("utf-8", "a\0b", 3, "ab");
	charset_is("shift_jis", "ok\xff\xff", 4, "ok\xef\xbf\xbd\xef\xbf\xbd");
	charset_is("iso-2022-jp", "\x1b$B\xff\xff", 5, "\xef\xbf\xbd\xef\xbf\xbd");
}

static void mail_base64__skips__what_is_none(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} t[] = { { "aGVsbG8=", "hello" }, { "aGVs\r\nbG8=", "hello" }, { "aGVs!!bG8", "hello" },
		{ "aGVsbG8=aGVsbG8=", "hellohello" }, { "a", "" }, { "aG", "h" }, { "====", "" }, { "", "" } };
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct buf b = BUF_INIT;
		struct mail_slice s = { t[i].in, strlen(t[i].in) };
		mail_decode(&b, s, MAIL_ENC_BASE64);
		assert_string_equal(b.p, t[i].out);
		assert_int_equal(mail_decoded_size(s, MAIL_ENC_BASE64), b.len);
		buf_reset(&b);
		mail_decode_some(&b, s, MAIL_ENC_BASE64, 3);
		assert_true(b.len <= 3);
		buf_done(&b);
	}
}

static void mail_qp__keeps__broken_escapes(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} t[] = { { "a=3Db", "a=b" }, { "soft=\r\nbreak", "softbreak" }, { "soft=  \nbreak", "softbreak" },
		{ "bad =ZZ = x", "bad =ZZ = x" }, { "end=", "end" }, { "=c3=A9", "é" } };
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct buf b = BUF_INIT;
		struct mail_slice s = { t[i].in, strlen(t[i].in) };
		mail_decode(&b, s, MAIL_ENC_QP);
		assert_string_equal(b.p, t[i].out);
		assert_int_equal(mail_decoded_size(s, MAIL_ENC_QP), b.len);
		buf_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_field_next__finds__fields_and_folds),
		cmocka_unit_test(mail_field_next__ends__at_a_line_that_is_no_field),
		cmocka_unit_test(mail_field_next__joins__a_parameter_that_lost_its_indent),
		cmocka_unit_test(mail_header_add__decodes__encoded_words),
		cmocka_unit_test(mail_header_add__keeps__what_is_no_encoded_word),
		cmocka_unit_test(mail_header_add__takes_out__controls_and_bidi),
		cmocka_unit_test(mail_param__reads__what_programs_write),
		cmocka_unit_test(mail_ids_read__is__lenient),
		cmocka_unit_test(mail_ids_read__keeps__both_ends_of_a_long_list),
		cmocka_unit_test(mail_date_read__knows__old_and_new_forms),
		cmocka_unit_test(mail_charset_add__reads__what_labels_mean),
		cmocka_unit_test(mail_base64__skips__what_is_none),
		cmocka_unit_test(mail_qp__keeps__broken_escapes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
