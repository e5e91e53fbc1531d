/* Log-ins with the real database: codes that work once, secrets that change, copies that end it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/people/links.h"
#include "../../../core/people/login.h"
#include "../../../core/people/session.h"
#include "../../support/db.h"

static const struct pg_statement *const tables[] = { session_statements, login_statements, links_statements, NULL };
static struct pg *pg;
static struct id ws, other_ws;

static int setup(void **state)
{
	char why[256] = "";
	(void)state;
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	ws = test_db_workspace("a");
	other_ws = test_db_workspace("b");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static void begin(const char *subject, struct session *s, char secret[SESSION_SECRET])
{
	char code[SESSION_CODE];
	assert_int_equal(session_code(pg, ws, subject, "Ana Ruiz", code), ERR_NONE);
	assert_int_equal(strlen(code), SESSION_CODE - 1);
	assert_int_equal(session_begin(pg, ws, code, ID_NONE, NULL, s, secret), ERR_NONE);
	assert_string_equal(s->subject, subject);
	assert_string_equal(s->name, "Ana Ruiz");
	assert_int_equal(strlen(secret), SESSION_SECRET - 1);
}

static enum err refresh(const char *secret, struct session *s, char next[SESSION_SECRET])
{
	return session_refresh(pg, ws, secret, NULL, s, next);
}

static void code__used_once__is_void(void **state)
{
	(void)state;
	char code[SESSION_CODE], secret[SESSION_SECRET];
	struct session s;
	assert_int_equal(session_code(pg, ws, "local", "Somebody", code), ERR_NONE);
	assert_int_equal(session_begin(pg, other_ws, code, ID_NONE, NULL, &s, secret), ERR_DENIED); /* of another tenant */
	assert_int_equal(session_begin(pg, ws, code, ID_NONE, NULL, &s, secret), ERR_NONE);
	assert_int_equal(session_begin(pg, ws, code, ID_NONE, NULL, &s, secret), ERR_DENIED);
	assert_int_equal(session_begin(pg, ws, "", ID_NONE, NULL, &s, secret), ERR_DENIED);
	assert_int_equal(session_begin(pg, ws, "' OR true --", ID_NONE, NULL, &s, secret), ERR_DENIED);
}

/* A link to set a password comes with a code too, but not with a session: whoever uses it chooses a password first. */
static void code__to_set_a_password__begins_no_session(void **state)
{
	(void)state;
	static const char *const ways[] = { "mail", "password" };
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		char code[SESSION_CODE], secret[SESSION_SECRET];
		struct session s;
		session_code_make(code);
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		const struct session_vouch vouch = { .via = ways[i], .seconds = 60 };
		assert_int_equal(pg_end(pg, session_code_put(pg, ws, "local", "Somebody", code, &vouch)), ERR_NONE);
		assert_int_equal(session_begin(pg, ws, code, ID_NONE, NULL, &s, secret), i == 0 ? ERR_NONE : ERR_DENIED);
	}
}

static void code__after_ten_minutes__is_void(void **state)
{
	(void)state;
	char code[SESSION_CODE], secret[SESSION_SECRET];
	struct session s;
	assert_int_equal(session_code(pg, ws, "local", "Somebody", code), ERR_NONE);
	assert_true(test_db_exec("UPDATE eddy.login_codes SET expires_at = expires_at - interval '599 s' WHERE used_at IS NULL"));
	assert_int_equal(session_begin(pg, ws, code, ID_NONE, NULL, &s, secret), ERR_NONE);
	assert_int_equal(session_code(pg, ws, "local", "Somebody", code), ERR_NONE);
	assert_true(test_db_exec("UPDATE eddy.login_codes SET expires_at = expires_at - interval '601 s' WHERE used_at IS NULL"));
	assert_int_equal(session_begin(pg, ws, code, ID_NONE, NULL, &s, secret), ERR_DENIED);
}

static void secrets__are_nowhere_in_the_database(void **state)
{
	(void)state;
	char secret[SESSION_SECRET], query[300];
	struct session s;
	begin("local", &s, secret);
	snprintf(query, sizeof query,
	    "SELECT count(*) FROM eddy.sessions s, eddy.login_codes c WHERE s::text || c::text LIKE '%%%s%%'", secret + ID_TEXT);
	assert_string_equal(test_db_value(query), "0");
	assert_string_equal(test_db_value("SELECT min(length(refresh_hash)) FROM eddy.sessions"), "32");
}

static void refresh__gives_a_new_secret_each_time(void **state)
{
	(void)state;
	char a[SESSION_SECRET], b[SESSION_SECRET], c[SESSION_SECRET];
	struct session s, t;
	begin("local", &s, a);
	assert_int_equal(refresh(a, &t, b), ERR_NONE);
	assert_true(id_equal(s.id, t.id));
	assert_string_not_equal(a, b);
	/* Another tab, a moment late: fine, and it has nothing new to keep. */
	assert_int_equal(refresh(a, &t, c), ERR_NONE);
	assert_string_equal(c, "");
	assert_int_equal(refresh(b, &t, c), ERR_NONE);
	assert_string_not_equal(c, "");
}

static void refresh__whose_answer_got_lost__may_be_tried_again(void **state)
{
	(void)state;
	char a[SESSION_SECRET], lost[SESSION_SECRET], b[SESSION_SECRET], c[SESSION_SECRET];
	struct session s, t;
	begin("local", &s, a);
	assert_int_equal(refresh(a, &t, lost), ERR_NONE);
	assert_true(test_db_exec("UPDATE eddy.sessions SET rotated_at = rotated_at - interval '3000 s'"));
	assert_int_equal(refresh(a, &t, b), ERR_NONE);
	assert_string_not_equal(b, "");
	assert_int_equal(refresh(b, &t, c), ERR_NONE);
	/* The lost one was not lost but taken: whoever shows it ends the session. */
	assert_int_equal(refresh(lost, &t, b), ERR_DENIED);
	assert_true(id_equal(s.id, t.id));
	assert_int_equal(refresh(c, &t, b), ERR_DENIED);
	assert_true(id_is_none(t.id));
}

static void refresh__with_an_old_secret__ends_the_session(void **state)
{
	(void)state;
	char a[SESSION_SECRET], b[SESSION_SECRET], c[SESSION_SECRET];
	struct session s, t;
	begin("local", &s, a);
	assert_int_equal(refresh(a, &t, b), ERR_NONE);
	assert_true(test_db_exec("UPDATE eddy.sessions SET rotated_at = rotated_at - interval '2 h'"));
	assert_int_equal(refresh(a, &t, c), ERR_DENIED);
	assert_true(id_equal(s.id, t.id));
	assert_int_equal(refresh(b, &t, c), ERR_DENIED);
}

static void refresh__with_nonsense__is_denied_and_ends_nothing(void **state)
{
	(void)state;
	char a[SESSION_SECRET], c[SESSION_SECRET];
	struct session s, t;
	begin("local", &s, a);
	static const char *const bad[] = { "", ".", "x",
		"00000000-0000-0000-0000-000000000000.0123456789012345678901234567890123456789abc",
		"01a1fd62-6477-7000-a718-f510d9c23ae6.0123456789012345678901234567890123456789abc", "'; DROP TABLE sessions; --" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(refresh(bad[i], &t, c), ERR_DENIED);
		assert_true(id_is_none(t.id));
	}
	assert_int_equal(session_refresh(pg, other_ws, a, NULL, &t, c), ERR_DENIED);
	assert_int_equal(refresh(a, &t, c), ERR_NONE);
}

static void session__unused_for_thirty_days__has_ended(void **state)
{
	(void)state;
	char a[SESSION_SECRET], b[SESSION_SECRET], code[SESSION_CODE];
	struct session s, t;
	begin("late", &s, a);
	assert_true(
	    test_db_exec("UPDATE eddy.sessions SET expires_at = expires_at - interval '30 days 1 s' WHERE subject = 'late'"));
	assert_int_equal(refresh(a, &t, b), ERR_DENIED);
	/* And is forgotten by and by. */
	assert_true(test_db_exec("UPDATE eddy.sessions SET expires_at = expires_at - interval '2 days' WHERE subject = 'late'"));
	assert_int_equal(session_code(pg, ws, "local", "Somebody", code), ERR_NONE);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.sessions WHERE subject = 'late'"), "0");
}

struct ended {
	size_t len;
	struct id ids[8];
};

static void note(void *arg, struct id session)
{
	struct ended *e = arg;
	assert_true(e->len < 8);
	e->ids[e->len++] = session;
}

static void logout__ends_one_or_all_of_a_person(void **state)
{
	(void)state;
	char phone[SESSION_SECRET], desk[SESSION_SECRET], third[SESSION_SECRET], bob[SESSION_SECRET], next[SESSION_SECRET];
	struct session s, t;
	struct ended e = { 0 };
	begin("ana", &s, phone);
	struct id phone_id = s.id;
	begin("ana", &s, desk);
	begin("ana", &s, third);
	begin("bob", &s, bob);
	assert_int_equal(session_end(pg, ws, phone, false, ID_NONE, note, &e), ERR_NONE);
	assert_int_equal(e.len, 1);
	assert_true(id_equal(e.ids[0], phone_id));
	assert_int_equal(refresh(phone, &t, next), ERR_DENIED);
	assert_int_equal(refresh(desk, &t, next), ERR_NONE);
	assert_int_equal(session_end(pg, ws, next, true, ID_NONE, note, &e), ERR_NONE);
	assert_int_equal(e.len, 3);
	assert_int_equal(refresh(third, &t, next), ERR_DENIED);
	assert_int_equal(refresh(bob, &t, next), ERR_NONE);
	assert_int_equal(session_end(pg, ws, "nonsense", true, ID_NONE, note, &e), ERR_DENIED);
	assert_int_equal(e.len, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(code__used_once__is_void),
		cmocka_unit_test(code__to_set_a_password__begins_no_session),
		cmocka_unit_test(code__after_ten_minutes__is_void),
		cmocka_unit_test(secrets__are_nowhere_in_the_database),
		cmocka_unit_test(refresh__gives_a_new_secret_each_time),
		cmocka_unit_test(refresh__whose_answer_got_lost__may_be_tried_again),
		cmocka_unit_test(refresh__with_an_old_secret__ends_the_session),
		cmocka_unit_test(refresh__with_nonsense__is_denied_and_ends_nothing),
		cmocka_unit_test(session__unused_for_thirty_days__has_ended),
		cmocka_unit_test(logout__ends_one_or_all_of_a_person),
	};
	return cmocka_run_group_tests_name("sessions", tests, setup, teardown);
}
