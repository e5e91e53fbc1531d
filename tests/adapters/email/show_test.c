/* `eddy mail show`: the object that scripts read, and where it learns who we are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/email.h"
#include "../../../adapters/email/mail.h"
#include "../../../adapters/email/show.h"
#include "../../../core/base/json.h"
#include "../../../core/settings/settings.h"

static const char mail[] =
    "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\nReceived: from x\r\n"
    "From: J\xc3\xbcrgen <pat@b\xc3\xbc"
    "cher.example>, Ana <ana@EXAMPLE.com>\r\nTo: bot+t.9f86@example.org\r\n"
    "Subject: AW: =?utf-8?Q?Gr=C3=BC=C3=9Fe?=\r\nMessage-ID: <1@example.com>\r\nDate: Mon, 06 May 2024 09:30:00 +0000\r\n"
    "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nHello\r\n\r\n-- \r\nPat\r\n--b\r\nContent-Type: image/png; name=a.png\r\n\r\nxyz\r\n--b--\r\n";
static const char simple[] = "Authentication-Results: mx.example.org; dmarc=pass header.from=example.com\r\nReceived: from x\r\n"
                             "From: pat@example.com\r\nTo: bot@example.org\r\n\r\nHi\r\n";

static json_t *shown(const char *raw, const struct mail_view *v)
{
	struct buf out = BUF_INIT;
	json_t *o = NULL;
	assert_int_equal(mail_show(raw, strlen(raw), v, &out), ERR_NONE);
	assert_int_equal(json_parse(out.p, out.len, out.len + 1, &o, NULL), ERR_NONE);
	buf_done(&out);
	return o;
}

static void mail_show__prints__one_object(void **state)
{
	(void)state;
	const struct mail_view v = { 0 };
	json_t *o = shown(mail, &v);
	assert_string_equal(json_str(o, "kind", ""), "human");
	assert_string_equal(json_str(o, "subject", ""), "AW: Grüße");
	assert_string_equal(json_str(o, "base_subject", ""), "Grüße");
	assert_string_equal(json_str(o, "visible", ""), "Hello");
	assert_string_equal(json_str(o, "token", ""), "t.9f86");
	assert_int_equal(json_int(o, "date", 0), 1714987800);
	assert_true(json_is_null(json_object_get(o, "sender"))); /* two addresses: nobody */
	json_t *from = json_array_get(json_arr(o, "from"), 1), *file = json_array_get(json_arr(o, "attachments"), 0);
	assert_string_equal(json_str(from, "addr", ""), "ana@EXAMPLE.com"); /* as it is written */
	assert_int_equal(json_int(file, "size", 0), 3);
	assert_string_equal(json_str(file, "filename", ""), "a.png");
	json_decref(o);
}

static void mail_show__tells__that_there_is_more(void **state)
{
	(void)state;
	const struct mail_view v = { .cut = true };
	json_t *o = shown(mail, &v);
	assert_true(json_is_null(json_object_get(json_array_get(json_arr(o, "attachments"), 0), "size")));
	assert_string_equal(json_string_value(json_array_get(json_arr(o, "unreadable"), 0)), "cut");
	json_decref(o);
}

static void mail_show__refuses__what_is_no_mail(void **state)
{
	(void)state;
	const struct mail_view v = { 0 };
	struct buf out = BUF_INIT;
	assert_int_equal(mail_show("x", 1, &v, &out), ERR_INPUT);
	assert_int_equal(mail_show_text("", 0, &v, &out), ERR_INPUT);
	assert_int_equal(out.len, 0);
}

static void mail_show__takes__from_the_settings_what_is_not_said(void **state)
{
	(void)state;
	const struct setting *tables[] = { core_settings, email_settings, NULL };
	char a[] = "email.address=bot@example.org", h[] = "email.authserv=mx.example.org", *none[] = { NULL },
	     *overrides[] = { a, h, NULL };
	struct settings *s = settings_new(tables);
	struct buf problems = BUF_INIT;
	assert_int_equal(settings_load(s, NULL, none, overrides, &problems), ERR_NONE);
	struct mail_view v = { .settings = s };
	json_t *o = shown(simple, &v);
	assert_true(json_bool(o, "authenticated", false));
	assert_string_equal(json_str(o, "bot_in", ""), "to");
	json_decref(o);
	static const char *const other[] = { "mx.example.net" };
	v.trusted_hosts = other;
	v.trusted_len = 1;
	o = shown(simple, &v);
	assert_false(json_bool(o, "authenticated", true));
	json_decref(o);
	buf_done(&problems);
	settings_free(s);
}

static void mail_show_text__prints__only_what_was_written_now(void **state)
{
	(void)state;
	const struct mail_view v = { 0 };
	struct buf out = BUF_INIT;
	assert_int_equal(mail_show_text(mail, strlen(mail), &v, &out), ERR_NONE);
	assert_string_equal(out.p, "Hello\n");
	buf_done(&out);
}

int main(void)
{
	mail_library_init();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mail_show__prints__one_object),
		cmocka_unit_test(mail_show__tells__that_there_is_more),
		cmocka_unit_test(mail_show__refuses__what_is_no_mail),
		cmocka_unit_test(mail_show__takes__from_the_settings_what_is_not_said),
		cmocka_unit_test(mail_show_text__prints__only_what_was_written_now),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
