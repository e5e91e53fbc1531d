/* What `eddy doctor` finds out about mail, asked of real servers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/check.h"
#include "../../../adapters/email/email.h"
#include "../../../core/base/buf.h"
#include "../../support/mail_rig.h"

static struct mail_rig rig;
static char why_not[300];
static bool up;

static int start(void **state)
{
	(void)state;
	up = mail_rig_start(&rig, why_not, sizeof(why_not));
	if (up)
		mail_rig_add_user(&rig, "eddy@test.example", "pw");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	if (up)
		mail_rig_stop(&rig);
	return 0;
}

/* The findings, with ${more} ("name=value", NULL-terminated) beside the usual settings. */
static const char *findings(const char *const *more, enum err *result)
{
	static const struct setting *const tables[] = { core_settings, email_settings, NULL };
	static char *const none[] = { NULL };
	static struct buf out;
	char imap[100], smtp[100], ca[300], *overrides[16] = { (char[]){ "email.address=eddy@test.example" }, imap, smtp, ca };
	struct buf problems = BUF_INIT;
	size_t n = 4;
	if (!up) {
		fprintf(stderr, "skipped: %s\n", why_not);
		skip();
	}
	snprintf(imap, sizeof(imap), "email.imap=imaps://127.0.0.1:%d", rig.imaps_port);
	snprintf(smtp, sizeof(smtp), "email.smtp=smtp://127.0.0.1:%d", rig.submission_port);
	snprintf(ca, sizeof(ca), "net.ca_file=%s", rig.ca);
	for (; *more != NULL; more++)
		overrides[n++] = (char *)(uintptr_t)*more;
	overrides[n] = NULL;
	struct settings *s = settings_new(tables);
	if (settings_load(s, "/dev/null", none, overrides, &problems) != ERR_NONE)
		fail_msg("%s", problems.p);
	buf_reset(&out);
	*result = email_check(s, NULL, &out);
	settings_free(s);
	buf_done(&problems);
	return out.p;
}

static void assert_says(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void check__good_settings__names_everything(void **state)
{
	(void)state;
	enum err e;
	static const char mail[] =
	    "Authentication-Results: mx.test.example;\r\n dmarc=pass header.from=test.example\r\nFrom: a@test.example\r\n\r\nHi\r\n";
	const char *const more[] = { "email.password=pw", "email.authserv=MX.test.example", "email.members=@test.example", NULL };
	const char *said = findings(more, &e);
	assert_int_equal(e, ERR_NONE);
	assert_says(said, "ok reading: logged in");
	assert_says(said, "ok INBOX holds 0 mails; the server tells of new ones (IDLE)");
	assert_says(said, "no mail is there yet");
	assert_says(said, "ok sending: logged in");
	assert_says(said, "_dmarc.test.example");
	mail_rig_drop(&rig, "eddy@test.example", mail, sizeof(mail) - 1);
	said = findings(more, &e);
	assert_says(said, "ok senders are proved: 1 of the 1 newest mails");
	assert_int_equal(mail_rig_count(&rig, "eddy@test.example", NULL), 1); /* looked at, and left as it was */
}

static void check__without_authserv__says_what_to_set(void **state)
{
	(void)state;
	enum err e;
	const char *said = findings((const char *const[]){ "email.password=pw", NULL }, &e);
	assert_int_equal(e, ERR_INPUT);
	assert_says(said, "bad email.authserv is not set");
	assert_says(said, "are of mx.test.example: if that is your own server, set email.authserv to it");
	said = findings((const char *const[]){ "email.password=pw", "email.authserv=mx.elsewhere.example", NULL }, &e);
	assert_says(said, "bad none of the 1 newest mails has results of email.authserv on top; there it says mx.test.example");
}

static void check__results_below_received__name_the_setting(void **state)
{
	(void)state;
	enum err e;
	static const char mail[] =
	    "Received: from mx.test.example by mail.test.example with LMTP; Mon, 06 May 2024 09:30:00 +0000\r\n"
	    "Authentication-Results: mx.test.example; dmarc=pass header.from=test.example\r\n"
	    "From: a@test.example\r\n\r\nHi\r\n";
	const char *const alone[] = { "email.password=pw", "email.authserv=mx.test.example", NULL };
	const char *const more[] = { "email.password=pw", "email.authserv=mx.test.example", "email.relays=mail.test.example",
		NULL };
	assert_says(findings(alone, &e), "senders are proved"); /* of the mails before */
	for (int i = 0; i < 5; i++)
		mail_rig_drop(&rig, "eddy@test.example", mail, sizeof(mail) - 1);
	assert_says(findings(alone, &e), "bad the results in the newest mails stand below Received lines");
	assert_int_equal(e, ERR_INPUT);
	assert_says(findings(more, &e), "ok senders are proved: 5 of the 5 newest mails");
	assert_int_equal(e, ERR_NONE);
}

static void check__wrong_password__is_told_for_both_servers(void **state)
{
	(void)state;
	enum err e;
	const char *said = findings((const char *const[]){ "email.password=wrong", "email.authserv=mx.test.example", NULL }, &e);
	assert_int_equal(e, ERR_INPUT);
	assert_says(said, "bad reading: log-in refused");
	assert_says(said, "bad sending: ");
	assert_null(strstr(said, "wrong"));
}

static void check__unreachable__is_told(void **state)
{
	(void)state;
	enum err e;
	const char *said = findings(
	    (const char *const[]){ "email.password=pw", "email.imap=imaps://127.0.0.1:1", "email.smtp=smtps://127.0.0.1:1", NULL },
	    &e);
	assert_int_equal(e, ERR_INPUT);
	assert_says(said, "(email.imap is 127.0.0.1:1)");
	assert_says(said, "(email.smtp is 127.0.0.1:1)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(check__good_settings__names_everything),
		cmocka_unit_test(check__without_authserv__says_what_to_set),
		cmocka_unit_test(check__results_below_received__name_the_setting),
		cmocka_unit_test(check__wrong_password__is_told_for_both_servers),
		cmocka_unit_test(check__unreachable__is_told),
	};
	return cmocka_run_group_tests(tests, start, stop);
}
