/* What kind of mail it is: who may be answered, what a report says of whom. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/mail.h"
#include "../../../core/base/buf.h"

static struct mail *m;

static int begin(void **state)
{
	(void)state;
	m = NULL;
	return 0;
}

static int end(void **state)
{
	(void)state;
	mail_free(m);
	m = NULL;
	return 0;
}

static void reads(const char *raw)
{
	static const char *const own[] = { "bot@example.org" };
	const struct mail_context ctx = { .own_addresses = own, .own_len = 1, .loop_mark = "mark-1" };
	mail_free(m);
	assert_int_equal(mail_read(raw, strlen(raw), &ctx, &m), ERR_NONE);
}

static void is(const char *raw, const char *kind)
{
	reads(raw);
	assert_string_equal(mail_kind_name(m->kind), kind);
	assert_int_equal(m->may_reply, m->kind == MAIL_HUMAN);
	assert_true(m->why[0] != '\0');
}

#define HEAD "From: Pat <pat@example.com>\nTo: bot@example.org\nMessage-ID: <1@example.com>\n"
#define WITH(field) HEAD field "\nSubject: Numbers\n\nHello.\n"

static void mail_kind__is__human_for_people(void **state)
{
	(void)state;
	is(WITH("X-A: b"), "human");
	is(WITH("Auto-Submitted: no"), "human");
	is(WITH("Auto-Submitted: (made by hand) No; owner=\"x\""), "human");
	is(HEAD "Subject: Automatic reply rules need a review\n\nSee.\n", "human");
	is(HEAD "Subject: Fwd: Automatic reply: Numbers\n\nPat is away.\n", "human");
	is(HEAD "Subject: Undeliverable: our mails to Ana\n\nMails could not be delivered, 550 5.1.1 user unknown. Why?\n",
	    "human");
	is(WITH("X-Auto-Response-Suppress: All"), "human");
	assert_true(m->looks_automatic);
	is(WITH("X-Priority: 1"), "human");
	assert_false(m->looks_automatic);
	/* A forwarded report is an attached mail. */
	is(HEAD "Subject: why?\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nLook.\n--b\nContent-Type: message/rfc822\n\n"
	        "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n<a@x.example>:\n550 no\n--b--\n",
	    "human");
}

static void mail_kind__is__automatic_for_what_says_so(void **state)
{
	(void)state;
	is(HEAD "AUTO-SUBMITTED: Auto-Replied\nSubject: Away\n\nI am out of the office until May.\n", "vacation");
	is(WITH("Auto-Submitted: auto-replied; x=y"), "autoresponse");
	is(WITH("Auto-Submitted: auto-generated"), "notification");
	is(WITH("X-Autoreply: yes"), "autoresponse");
	is(WITH("Delivered-To: Autoresponder"), "autoresponse");
	is(WITH("Precedence: auto_reply"), "autoresponse");
	is(WITH("Precedence: bulk"), "bulk");
	is(WITH("Precedence: list"), "list");
	is(WITH("List-Id: <team.example.net>"), "list");
	is(WITH("List-Unsubscribe: <https://example.net/u>"), "bulk");
	is(WITH("Feedback-ID: 1:2"), "bulk");
	is(WITH("X-RT-Loop-Prevention: x"), "notification");
	is(WITH("Content-Type: text/calendar; method=REPLY"), "notification");
	is(WITH("Return-Path: <>"), "notification");
	is(HEAD "Subject: =?utf-8?Q?R=C3=A9ponse_automatique_:_x?=\n\nAbsent.\n", "vacation");
	is(HEAD "Subject: Abwesenheitsnotiz: x\n\nWeg.\n", "vacation");
	is(HEAD "Subject: \xe4\xb8\x8d\xe5\x9c\xa8\xe9\x80\x9a\xe7\x9f\xa5\n\n.\n", "vacation");
	is("From: No-Reply <no-reply@example.net>\nTo: bot@example.org\nSubject: receipt\n\nThanks.\n", "notification");
	is("From: donotreply+7@example.net\nSubject: x\n\nx\n", "notification");
	is("From: Reply Nora <nora-reply@example.net>\nTo: bot@example.org\nSubject: x\n\nx\n", "human");
}

static void mail_kind__is__self_for_our_own(void **state)
{
	(void)state;
	is("From: Bot+x@Example.org\nTo: pat@example.com\nSubject: x\n\nx\n", "self");
	is(WITH("X-Eddy-Id: mark-1"), "self");
	is(WITH("X-Eddy-Id: another"), "autoresponse");
	is(WITH("X-Loop: Bot@example.org"), "self");
	is(WITH("X-Loop: ana@example.net"), "human");
	assert_true(m->looks_automatic);
}

static void mail_kind__stops__a_loop_by_its_length(void **state)
{
	(void)state;
	char raw[6000] = "";
	for (int i = 0; i < 31; i++)
		strcat(raw, "Received: from a by b; Mon, 06 May 2024 09:30:00 +0000\n");
	strcat(raw, WITH("X-A: b"));
	is(raw, "notification");
}

static void mail_kind__refuses__an_answer_to_nobody(void **state)
{
	(void)state;
	reads("From: Whomever\nSubject: x\n\nx\n");
	assert_int_equal(m->kind, MAIL_HUMAN);
	assert_false(m->may_reply);
	assert_null(m->sender);
}

#define REPORT(type) \
	"From: MAILER-DAEMON@mx.example\nTo: bot@example.org\nSubject: status\nReturn-Path: <>\n" \
	"Content-Type: multipart/report; report-type=" type "; boundary=b\n\n--b\n\nIn words.\n--b\nContent-Type: message/" type \
	"\n\n"
#define RETURNED "\n--b\nContent-Type: message/rfc822\n\nMessage-ID: <sent-1@example.org>\nSubject: our mail\n\nx\n--b--\n"

static void mail_report__reads__delivery_status(void **state)
{
	(void)state;
	is(REPORT(
	       "delivery-status") "Reporting-MTA: dns; mx\n\nFinal-Recipient: rfc822; <a@x.example>\nAction: Failed (now)\nStatus: 5.1.1 (no)\n"
	                          "Diagnostic-Code: smtp; 550 5.1.1\n no such user\n\nFinal-Recipient: rfc822;b@x.example\nAction: delayed\nStatus: 4.2.2\n" RETURNED,
	    "bounce");
	assert_int_equal(m->recipients_len, 2);
	assert_string_equal(m->recipients[0].address, "a@x.example");
	assert_string_equal(m->recipients[0].action, "failed");
	assert_string_equal(m->recipients[0].status, "5.1.1");
	assert_string_equal(m->recipients[0].reason, "550 5.1.1 no such user");
	assert_true(m->recipients[0].from_fields);
	assert_string_equal(m->recipients[1].action, "delayed");
	assert_string_equal(m->original_message_id, "sent-1@example.org");
	is(REPORT("delivery-status") "Final-Recipient: rfc822; a@x.example\nAction: delayed\nStatus: 4.0.0\n" RETURNED, "delayed");
	is(REPORT("delivery-status") "Final-Recipient: rfc822; a@x.example\nAction: delivered\nStatus: 2.0.0\n" RETURNED,
	    "delivered");
	is(REPORT("delivery-status") "Final-Recipient: rfc822; a@x.example\nAction: relayed\n" RETURNED, "delivered");
	is(REPORT("delivery-status") "Original-Recipient: rfc822; a@x.example\nStatus: 5.5.0\n" RETURNED, "bounce");
	assert_int_equal(m->recipients_len, 1);
}

static void mail_report__reads__complaints_and_receipts(void **state)
{
	(void)state;
	is(REPORT("feedback-report") "Feedback-Type: abuse\nOriginal-Rcpt-To: <a@x.example>\n" RETURNED, "complaint");
	assert_string_equal(m->recipients[0].address, "a@x.example");
	assert_string_equal(m->original_message_id, "sent-1@example.org");
	is(REPORT(
	       "disposition-notification") "Original-Message-ID: <sent-2@example.org>\nDisposition: manual-action/MDN-sent-manually; displayed\n" RETURNED,
	    "mdn");
	assert_string_equal(m->disposition, "displayed");
	assert_string_equal(m->original_message_id, "sent-2@example.org");
}

static void one_failed(const char *raw, const char *kind, const char *address, const char *status)
{
	is(raw, kind);
	assert_int_equal(m->recipients_len, 1);
	assert_string_equal(m->recipients[0].address, address);
	assert_string_equal(m->recipients[0].status, status);
	assert_false(m->recipients[0].from_fields);
}

#define DAEMON "From: MAILER-DAEMON@mx.example\nTo: bot@example.org\n"

static void mail_report__reads__mail_systems_words(void **state)
{
	(void)state;
	one_failed(DAEMON
	    "Subject: failure notice\n\nHi. This is a mail program at mx.example.\n\n<a@x.example>:\n192.0.2.1 does not like recipient.\n"
	    "Remote host said: 550 5.1.1 unknown (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nFrom: bot@example.org\n"
	    "To: z@z.example\nMessage-ID: <sent-3@example.org>\n\n<y@y.example>:\n",
	    "bounce", "a@x.example", "5.1.1");
	assert_string_equal(m->original_message_id, "sent-3@example.org");
	one_failed(
	    "X-Failed-Recipients: a@x.example\nFrom: Mail Delivery System <daemon@mx.example>\nTo: bot@example.org\nSubject: Mail delivery failed\n\n"
	    "  a@x.example\n    host mx: 550 5.7.1 refused\n",
	    "bounce", "a@x.example", "5.7.1");
	one_failed(
	    "From: postmaster@x.example\nTo: bot@example.org\nSubject: Undeliverable: x\n\nYour message did not reach the following recipient(s):\n\n"
	    "a@x.example on Mon\n    The recipient name is not recognized\n",
	    "bounce", "a@x.example", "");
	one_failed(
	    DAEMON "Subject: x\n\n>>> RCPT TO:<a@x.example>\n<<< 554 5.4.4 no\nwas rejected\n", "bounce", "a@x.example", "5.4.4");
	one_failed(DAEMON
	    "Subject: Delayed Mail (still being retried)\n\nYour message could not be delivered for more than 2 hours.\n\n"
	    "<a@x.example>: connect to mx: no route to host\n",
	    "delayed", "a@x.example", "");
	is("From: <>\nReturn-Path: <>\nSubject: failure notice\n\na@x.example\n550 no such user\n", "bounce");
}

static void mail_report__needs__a_mail_system(void **state)
{
	(void)state;
	is(HEAD "Subject: failure notice\n\n<a@x.example>:\n550 5.1.1 user unknown. What is that?\n", "human");
	is("From: Postmaster <postmaster@x.example>\nTo: bot@example.org\nSubject: Lunch\n\nAt twelve?\n", "human");
}

static void mail_report__is__bounded(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	buf_add_str(&b, REPORT("delivery-status"));
	for (int i = 0; i < 20000; i++)
		buf_addf(&b, "Final-Recipient: rfc822; a%d@x.example\nAction: failed\n\n", i);
	buf_add_str(&b, RETURNED);
	is(b.p, "bounce");
	assert_int_equal(m->recipients_len, 500);
	buf_done(&b);
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
int main(void)
{
	mail_library_init();
	const struct CMUnitTest tests[] = {
		T(mail_kind__is__human_for_people),
		T(mail_kind__is__automatic_for_what_says_so),
		T(mail_kind__is__self_for_our_own),
		T(mail_kind__stops__a_loop_by_its_length),
		T(mail_kind__refuses__an_answer_to_nobody),
		T(mail_report__reads__delivery_status),
		T(mail_report__reads__complaints_and_receipts),
		T(mail_report__reads__mail_systems_words),
		T(mail_report__needs__a_mail_system),
		T(mail_report__is__bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
