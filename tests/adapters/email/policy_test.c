/* The rules of who may write to Eddy, how a sender is named, and the small readings of a text: pure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../adapters/email/policy.h"

static const char *const members[] = { "ada@example.org", "@team.example.net" };
static struct email_policy policy = { .members = members, .members_len = 2, .outsiders = DOOR_AGENT, .strangers = DOOR_IGNORE };

static struct mail mail_of(const char *sender, bool authenticated)
{
	return (struct mail){ .kind = MAIL_HUMAN, .may_reply = true, .sender = sender, .authenticated = authenticated };
}

static void policy__who__needs_proof_and_the_list(void **state)
{
	(void)state;
	static const struct {
		const char *sender;
		bool authenticated;
		enum email_who who;
	} rows[] = {
		{ "ada@example.org", true, WHO_MEMBER },
		{ "ADA@example.org", true, WHO_MEMBER },
		{ "ada@example.org", false, WHO_STRANGER },
		{ "bob@example.org", true, WHO_OUTSIDER },
		{ "bob@team.example.net", true, WHO_MEMBER },
		{ "bob@evil-team.example.net", true, WHO_OUTSIDER },
		{ "bob@team.example.net.evil.example", true, WHO_OUTSIDER },
		{ "ada@example.org@evil.example", true, WHO_NOBODY },
		{ "?ada@example.org", true, WHO_NOBODY },
		{ NULL, true, WHO_NOBODY },
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct mail m = mail_of(rows[i].sender, rows[i].authenticated);
		assert_int_equal(email_who(&policy, &m), rows[i].who);
	}
}

/* What nothing proves is never the person it says it is. */
static void policy__key__of_a_stranger_is_another(void **state)
{
	(void)state;
	char proved[330], said[330];
	struct mail m = mail_of("Ada@example.org", true);
	email_person_key(&m, WHO_MEMBER, proved);
	email_person_key(&m, WHO_STRANGER, said);
	assert_string_equal(proved, "ada@example.org");
	assert_string_equal(said, "?ada@example.org");
}

static void policy__judge__by_kind_and_door(void **state)
{
	(void)state;
	static const enum email_do by_kind[] = {
		[MAIL_HUMAN] = EMAIL_DO_ANSWER,
		[MAIL_VACATION] = EMAIL_DO_AUTOMATIC,
		[MAIL_AUTORESPONSE] = EMAIL_DO_AUTOMATIC,
		[MAIL_NOTIFICATION] = EMAIL_DO_AUTOMATIC,
		[MAIL_MDN] = EMAIL_DO_AUTOMATIC,
		[MAIL_LIST] = EMAIL_DO_LIST,
		[MAIL_BULK] = EMAIL_DO_LIST,
		[MAIL_BOUNCE] = EMAIL_DO_REPORT,
		[MAIL_DELAYED] = EMAIL_DO_REPORT,
		[MAIL_DELIVERED] = EMAIL_DO_REPORT,
		[MAIL_COMPLAINT] = EMAIL_DO_REPORT,
		[MAIL_SELF] = EMAIL_DO_OWN,
	};
	for (size_t k = 0; k < sizeof(by_kind) / sizeof(*by_kind); k++) {
		struct mail m = mail_of("ada@example.org", true);
		m.kind = (enum mail_kind)k;
		assert_int_equal(email_judge(&policy, &m, WHO_MEMBER), by_kind[k]);
	}
	struct mail m = mail_of("bob@example.org", true);
	assert_int_equal(email_judge(&policy, &m, WHO_OUTSIDER), EMAIL_DO_ANSWER);
	assert_int_equal(email_judge(&policy, &m, WHO_STRANGER), EMAIL_DO_SHUT_OUT);
	assert_int_equal(email_judge(&policy, &m, WHO_NOBODY), EMAIL_DO_NOBODY);
	struct email_policy p = policy;
	p.strangers = DOOR_TEXT;
	p.outsiders = DOOR_IGNORE;
	assert_int_equal(email_judge(&p, &m, WHO_STRANGER), EMAIL_DO_WORDS);
	assert_int_equal(email_judge(&p, &m, WHO_OUTSIDER), EMAIL_DO_SHUT_OUT);
	m.may_reply = false;
	assert_int_equal(email_judge(&policy, &m, WHO_MEMBER), EMAIL_DO_AUTOMATIC);
}

static void policy__choice__is_a_bare_number(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int n;
	} rows[] = { { "1", 1 }, { " 2.\n", 2 }, { "3)", 3 }, { "(12)", 12 }, { "#4", 4 }, { "1 please", 0 }, { "one", 0 },
		{ "123", 0 }, { "", 0 }, { ".", 0 }, { "1.5", 0 }, { "-1", 0 }, { "(", 0 } };
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(email_choice(rows[i].text, strlen(rows[i].text)), rows[i].n);
}

static void policy__names_us__as_a_word(void **state)
{
	(void)state;
	static const char *const yes[] = { "Eddy, what is new?", "eddy: help", "Bob, ask @eddy about it",
		"Hi Eddy,\n\nhow are you?", "@Eddy", "Hallo Eddy" };
	static const char *const no[] = { "We talked about Eddy yesterday", "Eddystone is a rock", "write to bob@eddy.example", "",
		"Hi all" };
	for (size_t i = 0; i < sizeof(yes) / sizeof(*yes); i++)
		assert_true(email_names_us(yes[i], strlen(yes[i]), "Eddy"));
	for (size_t i = 0; i < sizeof(no) / sizeof(*no); i++)
		assert_false(email_names_us(no[i], strlen(no[i]), "Eddy"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(policy__who__needs_proof_and_the_list),
		cmocka_unit_test(policy__key__of_a_stranger_is_another),
		cmocka_unit_test(policy__judge__by_kind_and_door),
		cmocka_unit_test(policy__choice__is_a_bare_number),
		cmocka_unit_test(policy__names_us__as_a_word),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
