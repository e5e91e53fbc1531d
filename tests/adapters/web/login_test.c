/* Tokens of pages in memory: how long they work, and that an ended session gets none any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/web/login.h"

#define NOW 1000000u

static struct web_logins *all;

static int setup(void **state)
{
	(void)state;
	all = web_logins_new();
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	web_logins_free(all);
	return 0;
}

static bool issue(struct id session, const char *id, char token[65])
{
	struct web_login *l = web_login_new(session, id, "Somebody");
	bool ok = web_logins_issue(all, l, NOW, token);
	web_login_unref(l);
	return ok;
}

static void token__works_for_ten_minutes(void **state)
{
	(void)state;
	char token[65], other[65];
	assert_true(issue(id_new(), "ana", token));
	assert_true(issue(id_new(), "bob", other));
	assert_int_equal(strlen(token), 64);
	assert_string_not_equal(token, other);
	assert_string_equal(web_logins_find(all, token, NOW)->person.id, "ana");
	assert_string_equal(web_logins_find(all, other, NOW)->id, "bob");
	assert_non_null(web_logins_find(all, token, NOW + LOGIN_TOKEN_S * 1000u - 1));
	assert_null(web_logins_find(all, token, NOW + LOGIN_TOKEN_S * 1000u));
	assert_null(web_logins_find(all, "", NOW));
	token[63] = token[63] == '0' ? '1' : '0';
	assert_null(web_logins_find(all, token, NOW));
}

static void session__that_ended__has_no_token_and_gets_none(void **state)
{
	(void)state;
	char a[65], b[65], other[65];
	struct id session = id_new();
	assert_true(issue(session, "ana", a));
	assert_true(issue(session, "ana", b));
	assert_true(issue(id_new(), "ana", other));
	struct web_login *open = web_login_ref(web_logins_find(all, a, NOW)); /* a connection that is still there */
	web_logins_end(all, session, NOW);
	assert_null(web_logins_find(all, a, NOW));
	assert_null(web_logins_find(all, b, NOW));
	assert_non_null(web_logins_find(all, other, NOW));
	assert_string_equal(open->person.name, "Somebody");
	web_login_unref(open);
	/* A refresh that was decided before and is answered after. */
	assert_false(issue(session, "ana", a));
	web_logins_sweep(all, NOW + 1000);
	assert_false(issue(session, "ana", a));
	assert_non_null(web_logins_find(all, other, NOW + 1000));
}

static void sweep__forgets_what_has_ended(void **state)
{
	(void)state;
	char token[65];
	struct id session = id_new();
	assert_true(issue(session, "ana", token));
	web_logins_sweep(all, NOW + LOGIN_TOKEN_S * 1000u);
	assert_null(web_logins_find(all, token, NOW));
	web_logins_end(all, session, NOW);
	web_logins_sweep(all, NOW + 3600 * 1000u);
	assert_true(issue(session, "ana", token)); /* nobody asks so late: the database knows that it ended */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(token__works_for_ten_minutes, setup, teardown),
		cmocka_unit_test_setup_teardown(session__that_ended__has_no_token_and_gets_none, setup, teardown),
		cmocka_unit_test_setup_teardown(sweep__forgets_what_has_ended, setup, teardown),
	};
	return cmocka_run_group_tests_name("tokens of pages", tests, NULL, NULL);
}
