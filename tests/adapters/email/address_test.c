/* Addresses: lists as mail programs write them, and which ones may leave in an envelope. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/mail_internal.h"

/* "name <addr>; name <addr>" of what is read. */
static void reads(const char *value, const char *want)
{
	struct mail_arena *a = mail_arena_new(0);
	struct mail_addresses list = { 0 };
	mail_addresses_read(a, (struct mail_slice){ value, strlen(value) }, &list);
	struct buf b = BUF_INIT;
	buf_reserve(&b, 1);
	for (size_t i = 0; i < list.len; i++)
		buf_addf(&b, "%s%s<%s>", i > 0 ? "; " : "", list.items[i].name, list.items[i].addr);
	assert_string_equal(b.p, want);
	buf_done(&b);
	mail_arena_free(a);
}

static void mail_addresses_read__reads__lists(void **state)
{
	(void)state;
	reads("a@example.org", "<a@example.org>");
	reads("Ana Ruiz <ana@example.org>", "Ana Ruiz<ana@example.org>");
	reads("<ana@example.org>, bo@example.org", "<ana@example.org>; <bo@example.org>");
	reads("\"Ruiz, Ana\" <ana@example.org>, Bo <bo@example.org>", "Ruiz, Ana<ana@example.org>; Bo<bo@example.org>");
	reads("ana@example.org (Ana Ruiz)", "Ana Ruiz<ana@example.org>");
	reads("Ana (her (own) box) <ana@example.org>", "Ana<ana@example.org>");
	reads("<@relay.example,@other.example:ana@example.org>", "<ana@example.org>");
	reads("Ana <ANA@Example.ORG>", "Ana<ANA@example.org>");
	reads("ana @ example . org", "<ana@example.org>");
	reads("ana(x)@example(y).org", "y<ana@example.org>");
	reads("Ana <ana(x)@example.org(y)>", "Ana<ana@example.org>");
	reads("", "");
	reads(",, ,", "");
}

static void mail_addresses_read__reads__groups(void **state)
{
	(void)state;
	reads("Team: ana@example.org, Bo <bo@example.org>;", "<ana@example.org>; Bo<bo@example.org>");
	reads("undisclosed-recipients:;", "");
	reads("Team:;, ana@example.org", "<ana@example.org>");
	reads("A: x@example.org; , B: y@example.org;", "<x@example.org>; <y@example.org>");
}

static void mail_addresses_read__decodes__names_after_the_list_is_cut(void **state)
{
	(void)state;
	/* What is encoded is text: it can neither end a name nor add an address. */
	reads("=?utf-8?Q?Ana=2C_boss@example.org?= <eve@evil.example>", "Ana, boss@example.org<eve@evil.example>");
	reads("=?utf-8?Q?=3Cboss@example.org=3E=2C?= <eve@evil.example>", "<boss@example.org>,<eve@evil.example>");
	reads("=?utf-8?B?SsO8cmdlbg==?= <j@example.org>", "Jürgen<j@example.org>");
	reads("\"=?utf-8?B?SsO8cmdlbg==?=\" <j@example.org>", "Jürgen<j@example.org>");
	reads("\"boss@example.org\" <eve@evil.example>", "boss@example.org<eve@evil.example>");
	reads("boss@example.org <eve@evil.example>", "boss@example.org<eve@evil.example>");
}

static void mail_addresses_read__never_gives__an_address_that_could_do_harm(void **state)
{
	(void)state;
	reads("<a@example.org\r\nBcc: x@example.org>", "<>");
	reads("<a@b@example.org>", "<>");
	reads("\"a b\"@example.org", "<>");
	reads("<>", "");
	reads("Ana <ana@example.org", "Ana<ana@example.org>");
	reads("Whomever", "<>");
}

static void mail_addresses_read__turns__domains_into_ascii(void **state)
{
	(void)state;
	reads("anna@b\xc3\xbc"
	      "cher.example",
	    "<anna@xn--bcher-kva.example>");
	reads("J\xc3\xbcrgen <j\xc3\xbcrgen@b\xc3\xbc"
	      "cher.example>",
	    "Jürgen<jürgen@xn--bcher-kva.example>");
}

static void mail_addresses_read__ends__at_its_limit(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	for (int i = 0; i < 5000; i++)
		buf_addf(&b, "p%d@example.org, ", i);
	struct mail_arena *a = mail_arena_new(0);
	struct mail_addresses list = { 0 };
	mail_addresses_read(a, (struct mail_slice){ b.p, b.len }, &list);
	assert_int_equal(list.len, MAIL_ADDRESSES_MAX);
	assert_string_equal(list.items[999].addr, "p999@example.org");
	buf_done(&b);
	mail_arena_free(a);
}

static void mail_address_ok__refuses__what_must_not_leave(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "a", "a@", "@b", "a@b@c", "a b@c.example", "a@b\r\nRCPT TO:<x@y>", "a@b>", "<a@b",
		"a@b\x01", "a\"@b", "a@.b", "a@b.", "a@b..c", "a,b@c", "a@-b.c", "a@b\xff",
		"a@b\xc2\xa0"
		"c",
		"a@b(c)", "0123456789012345678901234567890123456789012345678901234567890123456789@example.org", NULL };
	for (size_t i = 0; bad[i] != NULL; i++)
		assert_false(mail_address_ok(bad[i]));
	static const char *const good[] = { "a@b", "bot+t.9f86d081@example.org", "o'neil=x@example.org",
		"j\xc3\xbcrgen@example.org", NULL };
	for (size_t i = 0; good[i] != NULL; i++)
		assert_true(mail_address_ok(good[i]));
	assert_false(mail_address_ok(NULL));
}

static void mail_address_is__ignores__case_and_plus_part(void **state)
{
	(void)state;
	assert_true(mail_address_is("Bot@Example.org", "bot@example.org"));
	assert_true(mail_address_is("bot+t.abc@example.org", "bot@example.org"));
	assert_true(mail_address_is("bot+a@example.org", "bot+a@example.org"));
	assert_false(mail_address_is("bot@example.org", "bot+a@example.org"));
	assert_false(mail_address_is("bot@example.net", "bot@example.org"));
	assert_false(mail_address_is("bots@example.org", "bot@example.org"));
	assert_true(mail_address_is("a@b\xc3\xbc"
	                            "cher.example",
	    "a@xn--bcher-kva.example"));
	char tag[65];
	mail_address_tag("bot+t.9f86@example.org", tag);
	assert_string_equal(tag, "t.9f86");
	mail_address_tag("bot@exa+mple.org", tag);
	assert_string_equal(tag, "");
	mail_address_tag("bot+01234567890123456789012345678901234567890123456789012345678901234567890@example.org", tag);
	assert_string_equal(tag, "");
}

static void mail_address_in__finds__one_in_running_text(void **state)
{
	(void)state;
	static const char *const t[][2] = { { "to <a@example.org>: no", "a@example.org" }, { "a@example.org.", "a@example.org" },
		{ "rfc822;a@example.org", "a@example.org" }, { "(a+b@Example.org)", "a+b@example.org" },
		{ "nothing @ here @@", NULL } };
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		char out[320];
		assert_int_equal(mail_address_in((struct mail_slice){ t[i][0], strlen(t[i][0]) }, out), t[i][1] != NULL);
		if (t[i][1] != NULL)
			assert_string_equal(out, t[i][1]);
	}
}

static void mail_base_subject__takes_off__prefixes(void **state)
{
	(void)state;
	static const char *const t[][2] = { { "Re: Numbers", "Numbers" }, { "AW: Re: [Team] Numbers", "Numbers" },
		{ "RE[2]: Fwd:Numbers (fwd)", "Numbers" }, { "回复：数字", "数字" }, { "Re: ", "" }, { "[Team]", "[Team]" },
		{ "Regards", "Regards" }, { "R: numeri", "numeri" }, { "rest: numbers", "rest: numbers" }, { "", "" } };
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		size_t n;
		const char *s = mail_base_subject(t[i][0], &n);
		assert_int_equal(n, strlen(t[i][1]));
		assert_memory_equal(s, t[i][1], n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_addresses_read__reads__lists),
		cmocka_unit_test(mail_addresses_read__reads__groups),
		cmocka_unit_test(mail_addresses_read__decodes__names_after_the_list_is_cut),
		cmocka_unit_test(mail_addresses_read__never_gives__an_address_that_could_do_harm),
		cmocka_unit_test(mail_addresses_read__turns__domains_into_ascii),
		cmocka_unit_test(mail_addresses_read__ends__at_its_limit),
		cmocka_unit_test(mail_address_ok__refuses__what_must_not_leave),
		cmocka_unit_test(mail_address_is__ignores__case_and_plus_part),
		cmocka_unit_test(mail_address_in__finds__one_in_running_text),
		cmocka_unit_test(mail_base_subject__takes_off__prefixes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
