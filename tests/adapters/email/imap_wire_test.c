#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/email/imap_wire.h"

struct seen {
	struct buf text;
	size_t replies, numbers;
	uint64_t last;
};

static void number(void *arg, uint64_t n)
{
	struct seen *s = arg;
	s->numbers++;
	s->last = n;
}

static void value(struct buf *b, const struct imap_reply *r, uint32_t *i)
{
	const struct imap_value *v = &r->values[*i];
	uint32_t end = v->next;
	(*i)++;
	if (v->kind == IMAP_LIST) {
		buf_add_char(b, '(');
		for (bool first = true; *i < end; first = false) {
			if (!first)
				buf_add_char(b, ' ');
			value(b, r, i);
		}
		buf_add_char(b, ')');
	} else if (v->kind == IMAP_NIL) {
		buf_add_str(b, "NIL");
	} else if (v->kind == IMAP_STRING) {
		buf_addf(b, "'%s'", v->s);
	} else {
		buf_add_str(b, v->s);
	}
}

/* One reply as a line: kind, number, name, values, "|", text. */
static void tell(struct seen *s, const struct imap_reply *r)
{
	struct buf *b = &s->text;
	static const char *const statuses[] = { "", "OK ", "NO ", "BAD ", "PREAUTH ", "BYE " };
	buf_addf(b, "%s %s", r->tag, statuses[r->status]);
	if (r->has_number)
		buf_addf(b, "%llu ", (unsigned long long)r->number);
	buf_add_str(b, r->name);
	for (uint32_t i = 0; i < r->len;) {
		buf_add_char(b, ' ');
		value(b, r, &i);
	}
	if (*r->text)
		buf_addf(b, " | %s", r->text);
	buf_add_char(b, '\n');
	s->replies++;
}

/* Fed in chunks of ${step}; false when it broke. */
static bool feed(struct seen *s, size_t literal_max, const char *p, size_t n, size_t step)
{
	struct imap_wire w;
	bool ok = true;
	imap_wire_init(&w);
	w.literal_max = literal_max;
	w.number = number;
	w.number_arg = s;
	while (n > 0 && ok) {
		size_t used, k = n < step ? n : step;
		enum imap_feed f = imap_wire_feed(&w, p, k, &used);
		ok = f != IMAP_BROKEN;
		if (f == IMAP_READY)
			tell(s, &w.r);
		p += used;
		n -= used;
	}
	imap_wire_done(&w);
	return ok;
}

static void expect_n(const char *in, size_t n, const char *out)
{
	static const size_t steps[] = { 1, 2, 3, 7, 4096 };
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		struct seen s = { .text = BUF_INIT };
		assert_true(feed(&s, 100, in, n, steps[i]));
		buf_add_str(&s.text, "");
		assert_string_equal(s.text.p, out);
		buf_done(&s.text);
	}
}
#define expect(in, out) expect_n(in, sizeof(in) - 1, out)

static void refuse(const char *in)
{
	struct seen s = { .text = BUF_INIT };
	assert_false(feed(&s, 100, in, strlen(in), 1));
	assert_int_equal(s.replies, 0);
	buf_done(&s.text);
}

static void wire__reads__statuses_with_codes_and_free_text(void **state)
{
	(void)state;
	expect("* OK [UIDVALIDITY 17] UIDs \"valid ( {5}\r\n", "* OK UIDVALIDITY 17 | UIDs \"valid ( {5}\n");
	expect("t1 NO [AUTHENTICATIONFAILED] no\r\n", "t1 NO AUTHENTICATIONFAILED | no\n");
	expect("t1 OK\r\n* BYE\r\n", "t1 OK \n* BYE \n");
	expect("* OK [PERMANENTFLAGS (\\Seen \\*)] ok\r\n", "* OK PERMANENTFLAGS (\\Seen \\*) | ok\n");
	expect("* OK [BADURL \"a]b\"] x\r\n", "* OK BADURL 'a]b' | x\n");
	expect("* OK [never closed\r\n", "* OK  | [never closed\n");
	expect("+ go on\r\n+\r\n+ \r\n", "+  | go on\n+ \n+ \n");
	expect("* ok [alert] x\n", "* OK ALERT | x\n");
}

static void wire__reads__data(void **state)
{
	(void)state;
	expect("* 12 EXISTS\r\n* 3 expunge\r\n", "* 12 EXISTS\n* 3 EXPUNGE\n");
	expect("* FLAGS (\\Seen $Eddy)\r\n", "* FLAGS (\\Seen $Eddy)\n");
	expect("* LIST (\\Sent) \"/\" \"a \\\"b\\\" \\\\c\"\r\n", "* LIST (\\Sent) '/' 'a \"b\" \\c'\n");
	expect("* LIST () nil INBOX\r\n", "* LIST () NIL INBOX\n");
	expect("* X ((a (b)) ()) c\r\n", "* X ((a (b)) ()) c\n");
	expect("* LIST () \"/\" ~user\r\n", "* LIST () '/' ~user\n");
}

static void wire__keeps__lines_of_a_literal_out_of_the_dialogue(void **state)
{
	(void)state;
	expect("* 1 FETCH (UID 5 BODY[]<0> {26}\r\nt4 OK done\r\n* BYE\r\n\r\n)))\r\n FLAGS (\\Seen))\r\nt4 OK done\r\n",
	    "* 1 FETCH (UID 5 BODY[]<0> 't4 OK done\r\n* BYE\r\n\r\n)))\r\n' FLAGS (\\Seen))\nt4 OK  | done\n");
	expect("* 1 FETCH (BODY[] {0}\r\n UID 1)\r\n", "* 1 FETCH (BODY[] '' UID 1)\n");
	expect("* 1 FETCH (BINARY[] ~{2}\r\nab UID 1)\r\n", "* 1 FETCH (BINARY[] 'ab' UID 1)\n");
	expect("* 1 FETCH (BODY[HEADER.FIELDS (A \"B\")] {1}\r\nx)\r\n", "* 1 FETCH (BODY[HEADER.FIELDS (A \"B\")] 'x')\n");
}

static void wire__drains__a_literal_beyond_what_was_asked_for(void **state)
{
	(void)state;
	struct imap_wire w;
	size_t used, sent = 0, total = 5000000;
	static const char head[] = "* 1 FETCH (BODY[] {5000000}\r\n", chunk[4096] = { 0 };
	imap_wire_init(&w);
	w.literal_max = 1000;
	assert_int_equal(imap_wire_feed(&w, head, sizeof head - 1, &used), IMAP_MORE);
	while (sent < total) {
		size_t k = total - sent < sizeof chunk ? total - sent : sizeof chunk;
		assert_int_equal(imap_wire_feed(&w, chunk, k, &used), IMAP_MORE);
		assert_int_equal(used, k);
		sent += k;
	}
	assert_int_equal(imap_wire_feed(&w, ")\r\n", 3, &used), IMAP_READY);
	assert_int_equal(w.r.values[2].len, 1000);
	assert_int_equal(w.r.values[2].size, total);
	char *p = imap_value_take(&w.r.values[2]);
	assert_non_null(p);
	assert_null(imap_value_take(&w.r.values[2]));
	free(p);
	imap_wire_done(&w);
}

static void wire__holds__no_more_than_asked_for_in_many_literals(void **state)
{
	(void)state;
	struct imap_wire w;
	size_t used, held = 0;
	imap_wire_init(&w);
	w.literal_max = 10;
	static const char in[] = "* 1 FETCH (a {8}\r\n12345678 b {8}\r\n12345678 c {8}\r\n12345678)\r\n";
	assert_int_equal(imap_wire_feed(&w, in, sizeof in - 1, &used), IMAP_READY);
	for (uint32_t i = 0; i < w.r.len; i++)
		held += w.r.values[i].literal ? w.r.values[i].len : 0;
	assert_int_equal(held, 10);
	imap_wire_done(&w);
}

static void wire__refuses__what_is_no_reply(void **state)
{
	(void)state;
	refuse("* 1 FETCH (UID 1\r\n");
	refuse("* 1 FETCH (UID 1))\r\n");
	refuse("* LIST () \"/\" \"abc\r\n");
	refuse("* 1 FETCH (BODY[] {9223372036854775808}\r\n");
	refuse("* 1 FETCH (BODY[] {99999999999999999999}\r\n");
	refuse("* 1 FETCH (BODY[] {}\r\n");
	refuse("* 1 FETCH (BODY[] {-1}\r\n");
	refuse("* 1 FETCH (BODY[] {3} \r\n");
	refuse("HTTP/1.1 400 Bad Request\r\n");
	refuse("tag\r\n");
	refuse("* \r\n");
	refuse("\x16\x03\x01");
	refuse("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa OK\r\n");
}

static void wire__bounds__lines_values_and_depth(void **state)
{
	(void)state;
	struct imap_wire w;
	size_t used;
	struct buf b = BUF_INIT;
	buf_add_str(&b, "* X ");
	for (unsigned i = 0; i <= IMAP_DEPTH_MAX; i++)
		buf_add_char(&b, '(');
	refuse(b.p);
	buf_reset(&b);
	buf_add_str(&b, "* X");
	for (unsigned i = 0; i <= IMAP_VALUES_MAX; i++)
		buf_add_str(&b, " a");
	buf_add_str(&b, "\r\n");
	refuse(b.p);
	buf_reset(&b);
	buf_add_str(&b, "* OK ");
	while (b.len <= IMAP_LINE_MAX)
		buf_add_str(&b, "0123456789");
	imap_wire_init(&w);
	assert_int_equal(imap_wire_feed(&w, b.p, b.len, &used), IMAP_BROKEN);
	assert_int_equal(imap_wire_feed(&w, "\r\n", 2, &used), IMAP_BROKEN);
	imap_wire_done(&w);
	buf_done(&b);
}

static void wire__streams__numbers_of_a_search_of_any_length(void **state)
{
	(void)state;
	struct seen s = { .text = BUF_INIT };
	struct buf b = BUF_INIT;
	buf_add_str(&b, "* SEARCH");
	for (unsigned i = 1; i <= 500000; i++)
		buf_addf(&b, " %u", i);
	buf_add_str(&b, " (MODSEQ 9)\r\n* 2 EXISTS\r\n");
	assert_true(b.len > 3 * IMAP_LINE_MAX);
	assert_true(feed(&s, 0, b.p, b.len, 4096));
	assert_int_equal(s.numbers, 500001);
	assert_int_equal(s.replies, 2);
	buf_done(&s.text);
	buf_done(&b);
}

static void value__reads__numbers_up_to_63_bits(void **state)
{
	(void)state;
	uint64_t n = 0;
	struct imap_value v = { .kind = IMAP_ATOM, .s = "9223372036854775807", .len = 19 };
	assert_true(imap_value_number(&v, &n));
	assert_true(n == IMAP_NUMBER_MAX);
	v.s = "9223372036854775808";
	assert_false(imap_value_number(&v, &n));
	v.s = "12x";
	v.len = 3;
	assert_false(imap_value_number(&v, &n));
	v.kind = IMAP_STRING;
	v.s = "123";
	assert_false(imap_value_number(&v, &n));
}

static void date__is__unix_seconds(void **state)
{
	(void)state;
	int64_t at = 0;
	assert_true(imap_date("17-Jul-1996 02:44:25 -0700", &at));
	assert_int_equal(at, 837596665);
	assert_true(imap_date(" 1-Jan-1970 00:00:00 +0000", &at));
	assert_int_equal(at, 0);
	assert_true(imap_date("29-Feb-2024 23:59:59 +0100", &at));
	assert_int_equal(at, 1709247599);
	assert_false(imap_date("", &at));
	assert_false(imap_date("17-Xxx-1996 02:44:25 -0700", &at));
	assert_false(imap_date("99-Jul-1996 02:44:25 -0700", &at));
	assert_false(imap_date("17-Jul-1996 02:44:25 *0700", &at));
}

static void folder__is__encoded_and_decoded(void **state)
{
	(void)state;
	static const char *const pairs[][2] = { { "INBOX", "\"INBOX\"" }, { "a & b", "\"a &- b\"" },
		{ "a\"b\\c", "\"a\\\"b\\\\c\"" }, { "Entwürfe", "\"Entw&APw-rfe\"" }, { "台北", "\"&U,BTFw-\"" },
		{ "☺!", "\"&Jjo-!\"" }, { "😀x", "\"&2D3eAA-x\"" } };
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct buf b = BUF_INIT;
		assert_true(imap_add_folder(&b, pairs[i][0]));
		assert_string_equal(b.p, pairs[i][1]);
		buf_done(&b);
	}
	struct buf b = BUF_INIT;
	imap_folder_decode("Entw&APw-rfe &- &2D3eAA-", 24, &b);
	assert_string_equal(b.p, "Entwürfe & 😀");
	buf_reset(&b);
	imap_folder_decode("&2D0-x&AAA-&Jjo", 15, &b); /* half a pair, a NUL, no end: as they are */
	assert_string_equal(b.p, "&2D0-x&AAA-&Jjo");
	assert_false(imap_add_folder(&b, "a\r\nb"));
	assert_false(imap_add_folder(&b, "\xff"));
	assert_false(imap_add_folder(&b, ""));
	buf_done(&b);
}

static void quoted__refuses__line_ends_and_other_octets(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	assert_true(imap_add_quoted(&b, "a\"b\\"));
	assert_string_equal(b.p, "\"a\\\"b\\\\\"");
	assert_false(imap_add_quoted(&b, "a\r\nb"));
	assert_false(imap_add_quoted(&b, "ä"));
	assert_string_equal(b.p, "\"a\\\"b\\\\\"");
	buf_done(&b);
	assert_true(imap_flag_ok("\\Seen"));
	assert_true(imap_flag_ok("$Eddy"));
	assert_false(imap_flag_ok(""));
	assert_false(imap_flag_ok("\\"));
	assert_false(imap_flag_ok("a b"));
	assert_false(imap_flag_ok("a)"));
	assert_false(imap_flag_ok("a\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire__reads__statuses_with_codes_and_free_text),
		cmocka_unit_test(wire__reads__data),
		cmocka_unit_test(wire__keeps__lines_of_a_literal_out_of_the_dialogue),
		cmocka_unit_test(wire__drains__a_literal_beyond_what_was_asked_for),
		cmocka_unit_test(wire__holds__no_more_than_asked_for_in_many_literals),
		cmocka_unit_test(wire__refuses__what_is_no_reply),
		cmocka_unit_test(wire__bounds__lines_values_and_depth),
		cmocka_unit_test(wire__streams__numbers_of_a_search_of_any_length),
		cmocka_unit_test(value__reads__numbers_up_to_63_bits),
		cmocka_unit_test(date__is__unix_seconds),
		cmocka_unit_test(folder__is__encoded_and_decoded),
		cmocka_unit_test(quoted__refuses__line_ends_and_other_octets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
