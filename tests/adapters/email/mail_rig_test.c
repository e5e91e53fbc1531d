/*
 * The mail servers that other tests rely on (tests/support/mail_rig.h) do what is said of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../support/mail_rig.h"

#define ANN "ann@test.example"
#define EDDY "eddy@test.example"

static struct mail_rig rig;
static bool there;

static int set_up(void **state)
{
	char why[200];
	(void)state;
	if (!(there = mail_rig_start(&rig, why, sizeof why))) {
		print_message("skipped: %s\n", why);
		return 0;
	}
	mail_rig_add_user(&rig, ANN, "apple");
	mail_rig_add_user(&rig, EDDY, "pear");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	mail_rig_stop(&rig);
	return 0;
}

static const char mail[] =
    "From: Ann <" ANN ">\nTo: Eddy <" EDDY ">\nSubject: Hello\nMessage-ID: <1@test.example>\n\nHow are you?\n.\n..\nAnn\n";

static void border__tells_who__logged_in(void **state)
{
	(void)state;
	if (!there)
		skip();
	size_t before = mail_rig_count(&rig, EDDY, NULL);
	assert_int_equal(mail_rig_send(&rig, ANN, "apple", ANN, "eddy+t.abc@test.example", mail), 250);
	char *got = mail_rig_wait(&rig, EDDY, NULL, before + 1, 10000);
	assert_non_null(got);
	assert_non_null(strstr(got, "Authentication-Results: mx.test.example; dmarc=pass header.from=test.example; spf=pass"));
	assert_non_null(strstr(got, "Return-path: <" ANN ">"));
	assert_non_null(strstr(got, "Envelope-to: eddy+t.abc@test.example"));
	assert_non_null(strstr(got, "\nHow are you?\n.\n..\nAnn\n"));
	assert_true(strstr(got, "Authentication-Results") < strstr(got, "Received:"));
	free(got);
	assert_int_equal(mail_rig_send(&rig, NULL, NULL, "mallory@elsewhere.example", EDDY, mail), 250);
	assert_non_null(got = mail_rig_wait(&rig, EDDY, NULL, before + 2, 10000));
	assert_null(strstr(got, "dmarc=pass"));
	assert_non_null(strstr(got, "dmarc=fail"));
	free(got);
	assert_int_equal(mail_rig_send(&rig, ANN, "wrong", ANN, EDDY, mail), 535);
}

static void border__refuses__as_told(void **state)
{
	(void)state;
	if (!there)
		skip();
	size_t before = mail_rig_count(&rig, EDDY, NULL);
	assert_int_equal(mail_rig_send(&rig, ANN, "apple", ANN, "nobody@test.example", mail), 550);
	static const char *const what[] = { "MAIL", "DATA", "*", EDDY };
	for (size_t i = 0; i < 4; i++) {
		mail_rig_refuse(&rig, what[i], "451 4.3.0 later");
		assert_int_equal(mail_rig_send(&rig, NULL, NULL, ANN, EDDY, mail), 451);
		mail_rig_refuse(&rig, NULL, NULL);
		mail_rig_refuse(&rig, what[i], "552 5.2.2 full");
		assert_int_equal(mail_rig_send(&rig, NULL, NULL, ANN, EDDY, mail), 552);
		assert_int_equal(mail_rig_send(&rig, ANN, "apple", ANN, EDDY, mail), 552);
		mail_rig_refuse(&rig, NULL, NULL);
	}
	mail_rig_refuse(&rig, "CONNECT", "421 4.3.2 busy");
	int code = mail_rig_send(&rig, NULL, NULL, ANN, EDDY, mail);
	assert_true(code == 421 || code == 451);
	mail_rig_refuse(&rig, NULL, NULL);
	assert_int_equal(mail_rig_count(&rig, EDDY, NULL), before);
}

static void border__bounces__what_is_gone(void **state)
{
	(void)state;
	if (!there)
		skip();
	size_t before = mail_rig_count(&rig, ANN, NULL);
	assert_int_equal(mail_rig_send(&rig, ANN, "apple", ANN, "gone-yesterday@test.example", mail), 250);
	char *got = mail_rig_wait(&rig, ANN, NULL, before + 1, 10000);
	assert_non_null(got);
	assert_non_null(strstr(got, "Return-path: <>"));
	assert_non_null(strstr(got, "message/delivery-status"));
	assert_non_null(strstr(got, "Message-ID: <1@test.example>"));
	free(got);
}

static void servers__come_back__after_a_stop(void **state)
{
	(void)state;
	if (!there)
		skip();
	size_t before = mail_rig_count(&rig, EDDY, NULL);
	mail_rig_dovecot_stop(&rig);
	assert_int_equal(mail_rig_send(&rig, ANN, "apple", ANN, EDDY, mail), 0);
	mail_rig_dovecot_start(&rig);
	mail_rig_exim_stop(&rig);
	assert_int_not_equal(mail_rig_send(&rig, ANN, "apple", ANN, EDDY, mail), 250);
	mail_rig_exim_start(&rig);
	assert_int_equal(mail_rig_send(&rig, ANN, "apple", ANN, EDDY, mail), 250);
	mail_rig_kick(&rig, ANN);
	mail_rig_drop(&rig, EDDY, mail, sizeof mail - 1);
	char *got = mail_rig_wait(&rig, EDDY, NULL, before + 2, 10000);
	assert_string_equal(got, mail);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(border__tells_who__logged_in),
		cmocka_unit_test(border__refuses__as_told),
		cmocka_unit_test(border__bounces__what_is_gone),
		cmocka_unit_test(servers__come_back__after_a_stop),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
