#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/slack/answer.h"
#include "../../../adapters/slack/api.h"

static bool read_answer(const char *s, struct slack_answer *a)
{
	return slack_answer_read(s, strlen(s), a);
}

static void answer_read__takes__the_top_level_only(void **state)
{
	(void)state;
	struct slack_answer a;
	assert_true(read_answer(
	    " {\"message\":{\"ok\":false,\"ts\":\"9.9\",\"text\":\"\\\"ts\\\":\\\"8.8\\\\\"},\"ok\" : true , \"ts\":\"1.2\", \"n\":[1,{}]}",
	    &a));
	assert_true(a.ok);
	assert_string_equal(a.ts, "1.2");
	assert_true(read_answer("{\"ok\":false,\"error\":\"x\\/y\",\"warning\":\"w\"}", &a));
	assert_false(a.ok);
	assert_string_equal(a.error, "x/y");
	assert_string_equal(a.warning, "w");
	assert_true(read_answer("{\"ok\":true,\"message_ts\":\"3.4\"}", &a));
	assert_string_equal(a.ts, "3.4");
}

static void answer_read__refuses__what_is_no_answer(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "ok", "[]", "{}", "{\"ok\":true", "{\"ok\":tru}", "{\"ok\":\"true\"}",
		"{\"ok\":true,\"m\":{\"a\":\"}", "<html>", "{\"ok\" true}", "{\"a\":1 \"ok\":true}", "null" };
	struct slack_answer a;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (read_answer(bad[i], &a))
			fail_msg("%s", bad[i]);
}

static void answer_read__cuts__what_is_too_long(void **state)
{
	(void)state;
	char s[400] = "{\"ok\":false,\"error\":\"";
	memset(s + strlen(s), 'e', 300);
	strcat(s, "\"}");
	struct slack_answer a;
	assert_true(read_answer(s, &a));
	assert_int_equal(strlen(a.error), sizeof a.error - 1);
}

static void word__of_slacks__stays_and_no_other_does(void **state)
{
	(void)state;
	assert_string_equal(slack_word("invalid_auth"), "invalid_auth");
	assert_string_equal(slack_word(""), "");
	assert_null(strstr(slack_word("xoxb-1-AbCd"), "xoxb"));
	assert_null(strstr(slack_word("client_secret=abc"), "abc"));
}

static void error_kind__names__what_to_do(void **state)
{
	(void)state;
	assert_int_equal(slack_error_kind("ratelimited"), SLACK_ERROR_LIMITED);
	assert_int_equal(slack_error_kind("fatal_error"), SLACK_ERROR_INTERNAL);
	assert_int_equal(slack_error_kind("token_revoked"), SLACK_ERROR_TOKEN);
	assert_int_equal(slack_error_kind("is_archived"), SLACK_ERROR_PLACE);
	assert_int_equal(slack_error_kind("msg_blocks_too_long"), SLACK_ERROR_SIZE);
	assert_int_equal(slack_error_kind("stopped_by_user"), SLACK_ERROR_STREAM);
	assert_int_equal(slack_error_kind("unknown_method"), SLACK_ERROR_METHOD);
	assert_int_equal(slack_error_kind("never_heard_of"), SLACK_ERROR_OTHER);
}

static void form__encodes__and_joins(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	slack_form(&b, "a", "1 & 2");
	slack_form(&b, "b", NULL);
	slack_form(&b, "c", "x=y");
	assert_true(strcmp(b.p, "a=1+%26+2&c=x%3Dy") == 0 || strcmp(b.p, "a=1%20%26%202&c=x%3Dy") == 0);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answer_read__takes__the_top_level_only),
		cmocka_unit_test(answer_read__refuses__what_is_no_answer),
		cmocka_unit_test(answer_read__cuts__what_is_too_long),
		cmocka_unit_test(word__of_slacks__stays_and_no_other_does),
		cmocka_unit_test(error_kind__names__what_to_do),
		cmocka_unit_test(form__encodes__and_joins),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
