/* Whom a log-in is for when an account elsewhere vouches, and for whom it is not: each refusal is a test of its own. */
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

#define WS "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define MAIL_PERSON "00000000-0000-4000-8000-000000000001"

static const struct pg_statement own[] = {
	{ "role", "SELECT role_at($1, $2)" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { session_statements, login_statements, links_statements, own, NULL };
static struct pg *pg;
static struct id ws, other_ws;

static int set_up(void **state)
{
	char why[200];
	(void)state;
	return id_parse(WS, &ws) && id_parse(OTHER, &other_ws) &&
	        pg_open(&pg, test_db_fresh(), tables, why, sizeof why) == ERR_NONE &&
	        test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one'), ('" OTHER "', 'two')")
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

/* 1 member by mail, 2 guest by mail, 3 a sender whom nothing proves, 4 a bot, 5 a page of the terminal's, 6 in Slack, 7 a visitor */
static int fresh(void **state)
{
	(void)state;
	return test_db_exec(
	           "DELETE FROM eddy.sessions; DELETE FROM eddy.login_codes; DELETE FROM eddy.outbox; DELETE FROM eddy.dispatch; DELETE FROM eddy.members;"
	           "DELETE FROM eddy.identities; DELETE FROM eddy.people; TRUNCATE eddy.audit CASCADE;"
	           "INSERT INTO eddy.people (ws, id, name, guest, bot) SELECT '" WS
	           "', ('00000000-0000-4000-8000-00000000000' || n)::uuid, 'p' || n,"
	           " n = 2, n = 4 FROM generate_series(1, 7) n;"
	           "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) SELECT ws,"
	           " (ARRAY['email', 'email', 'email', 'email', 'web', 'slack', 'web'])[right(name, 1)::int],"
	           " (ARRAY['ana@x', 'guest@x', 'stranger@x', 'bot@x', 'as:ana', 'U1', 'user:v1'])[right(name, 1)::int], id,"
	           " CASE WHEN name = 'p3' THEN 0 ELSE 1 END FROM eddy.people")
	    ? 0
	    : -1;
}

static enum err account_of(struct id tenant, const char *address, struct login_account *a)
{
	assert_int_equal(pg_begin(pg, tenant), ERR_NONE);
	return pg_end(pg, login_account(pg, tenant, "email", address, a));
}

/* A code for ${a}, and what comes of using it. */
static enum err log_in(const struct login_account *a, struct session *s)
{
	char code[SESSION_CODE], secret[SESSION_SECRET];
	session_code_make(code);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(
	    pg_end(pg,
	        session_code_put(pg, ws, a->subject, a->name, code,
	            &(struct session_vouch){ .via = "mail", .person = a->person, .letter = id_new(), .seconds = LOGIN_LETTER_S })),
	    ERR_NONE);
	return session_begin(pg, ws, code, ID_NONE, NULL, s, secret);
}

static void account__of_a_member__gets_a_person_on_the_page_that_is_one_user_with_it(void **state)
{
	(void)state;
	struct login_account a;
	struct session s;
	assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
	assert_string_equal(a.subject, "id:" MAIL_PERSON);
	assert_string_equal(a.name, "p1");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.people"), "7"); /* nothing yet */
	assert_int_equal(log_in(&a, &s), ERR_NONE);
	assert_string_equal(s.subject, a.subject);
	assert_string_equal(
	    test_db_value(
	        "SELECT p.user_id FROM eddy.people p JOIN eddy.identities i ON i.person_id = p.id WHERE i.external_id = 'id:" MAIL_PERSON
	        "' AND i.adapter = 'web' AND i.verified = 1"),
	    MAIL_PERSON);
	assert_string_equal(
	    test_db_value("SELECT string_agg(verb || ' ' || facts::text, ',') FROM eddy.audit"), "login.done {\"via\": \"mail\"}");
	assert_string_equal(test_db_value("SELECT via FROM eddy.sessions"), "mail");
	/* The next time it is the same one. */
	assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
	assert_string_equal(a.subject, "id:" MAIL_PERSON);
	assert_int_equal(log_in(&a, &s), ERR_NONE);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.people"), "8");
}

static void account__with_a_page_of_its_own__is_that_person_there(void **state)
{
	(void)state;
	struct login_account a;
	struct session s;
	assert_true(test_db_exec("UPDATE eddy.people SET user_id = '" MAIL_PERSON "' WHERE name = 'p5'"));
	assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
	assert_string_equal(a.subject, "as:ana");
	assert_int_equal(log_in(&a, &s), ERR_NONE);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.people"), "7");
	/* A visitor whom a host page vouches for is not who logs in. */
	assert_true(test_db_exec("UPDATE eddy.people SET user_id = CASE WHEN name = 'p7' THEN '" MAIL_PERSON "'::uuid END"));
	assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
	assert_string_equal(a.subject, "id:" MAIL_PERSON);
}

static void account__unknown__is_refused(void **state)
{
	(void)state;
	struct login_account a;
	assert_int_equal(account_of(ws, "nobody@x", &a), ERR_DENIED);
	assert_int_equal(account_of(ws, "", &a), ERR_DENIED);
	assert_int_equal(account_of(ws, "%", &a), ERR_DENIED);
	assert_int_equal(account_of(ws, "U1", &a), ERR_DENIED); /* of another platform */
}

static void account__of_another_workspace__is_refused(void **state)
{
	(void)state;
	struct login_account a;
	assert_int_equal(account_of(other_ws, "ana@x", &a), ERR_DENIED);
}

static void account__that_nothing_proves__is_refused(void **state)
{
	(void)state;
	struct login_account a;
	assert_int_equal(account_of(ws, "stranger@x", &a), ERR_DENIED);
	/* Nor with a role given by name: whoever writes from that address may be anybody. */
	assert_true(test_db_exec("INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT '" WS "', '" WS
	                         "', id, 2 FROM eddy.people WHERE name = 'p3'"));
	assert_int_equal(account_of(ws, "stranger@x", &a), ERR_DENIED);
}

static void account__of_a_bot__is_refused(void **state)
{
	(void)state;
	struct login_account a;
	assert_int_equal(account_of(ws, "bot@x", &a), ERR_DENIED);
}

static void account__of_a_guest__takes_a_role_given_by_name(void **state)
{
	(void)state;
	struct login_account a;
	struct session s;
	assert_int_equal(account_of(ws, "guest@x", &a), ERR_DENIED);
	assert_true(test_db_exec("INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT '" WS "', '" WS
	                         "', id, 1 FROM eddy.people WHERE name = 'p2'"));
	assert_int_equal(account_of(ws, "guest@x", &a), ERR_NONE);
	assert_int_equal(log_in(&a, &s), ERR_NONE);
	/* and one that was taken by name is none */
	assert_true(test_db_exec("UPDATE eddy.members SET role = 0"));
	assert_int_equal(account_of(ws, "guest@x", &a), ERR_DENIED);
}

static void code__of_somebody_whose_role_was_taken_since__is_refused_and_used_up(void **state)
{
	(void)state;
	struct login_account a;
	struct session s;
	assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
	assert_true(test_db_exec("INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT '" WS "', '" WS
	                         "', id, 0 FROM eddy.people WHERE name = 'p1'"));
	assert_int_equal(log_in(&a, &s), ERR_DENIED);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.login_codes WHERE used_at IS NULL"), "0");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.sessions"), "0");
	assert_string_equal(test_db_value("SELECT verb || ' ' || facts::text FROM eddy.audit"),
	    "login.refused {\"via\": \"mail\", \"why\": \"account\"}");
}

/* What only another account vouched for has no rights of its own: a guest with a role could else become a member by `unlink`. */
static void unlink__on_a_page_that_logged_in__leaves_a_guest_who_is_logged_out(void **state)
{
	(void)state;
	struct login_account a;
	struct session s;
	bool was = false;
	struct id page, mail;
	for (int from_page = 0; from_page < 2; from_page++) {
		fresh(NULL);
		assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
		assert_int_equal(log_in(&a, &s), ERR_NONE);
		assert_true(id_parse(MAIL_PERSON, &mail));
		assert_true(id_parse(
		    test_db_value("SELECT person_id FROM eddy.identities WHERE external_id = 'id:" MAIL_PERSON "'"), &page));
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		assert_int_equal(pg_end(pg, link_undo(pg, ws, from_page ? page : mail, &was)), ERR_NONE);
		assert_true(was);
		assert_string_equal(
		    test_db_value(
		        "SELECT p.guest FROM eddy.identities i JOIN eddy.people p ON p.id = i.person_id WHERE i.external_id = 'id:" MAIL_PERSON
		        "'"),
		    "t");
		assert_string_equal(
		    test_db_value("SELECT count(*) FROM eddy.people WHERE guest"), "2"); /* and the one that was one */
		assert_string_equal(test_db_value("SELECT count(*) FROM eddy.sessions WHERE ended_at IS NULL"), "0");
		/* Logging in again makes it whole. */
		assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
		assert_int_equal(log_in(&a, &s), ERR_NONE);
		assert_string_equal(test_db_value("SELECT count(*) FROM eddy.people WHERE guest"), "1");
	}
}

/* Between the letter and its use somebody unlinked their page: the letter must not bring it back. */
static void code__for_a_page_that_was_unlinked_since__is_refused(void **state)
{
	(void)state;
	struct login_account a;
	struct session s;
	assert_true(test_db_exec("UPDATE eddy.people SET user_id = '" MAIL_PERSON "' WHERE name = 'p5'"));
	assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
	assert_true(test_db_exec("UPDATE eddy.people SET user_id = NULL"));
	assert_int_equal(log_in(&a, &s), ERR_DENIED);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.people WHERE user_id IS NOT NULL"), "0");
}

/* The page's person was linked to somebody else meanwhile: two users must not become one by a log-in. */
static void code__for_a_page_that_is_another_user_by_now__is_refused(void **state)
{
	(void)state;
	struct login_account a;
	struct session s;
	assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
	assert_int_equal(log_in(&a, &s), ERR_NONE);
	assert_true(
	    test_db_exec("UPDATE eddy.people SET user_id = '00000000-0000-4000-8000-000000000006' WHERE user_id IS NOT NULL"));
	assert_int_equal(log_in(&a, &s), ERR_DENIED);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.people WHERE user_id = '" MAIL_PERSON "'"), "0");
}

static void letter__is_in_the_outbox_without_its_code_and_no_more_than_three_in_a_quarter_of_an_hour(void **state)
{
	(void)state;
	struct login_account a;
	char code[SESSION_CODE], query[300];
	assert_int_equal(account_of(ws, "ana@x", &a), ERR_NONE);
	for (int i = 0; i < LOGIN_LETTERS; i++) {
		struct id letter = id_new();
		const struct session_vouch v = { .via = "mail", .person = a.person, .letter = letter, .seconds = LOGIN_LETTER_S };
		session_code_make(code);
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		assert_int_equal(login_letter_due(pg, ws, a.person), ERR_NONE);
		assert_int_equal(session_code_put(pg, ws, a.subject, a.name, code, &v), ERR_NONE);
		assert_int_equal(pg_end(pg, login_letter_put(pg, ws, letter, "email", "to", 2, "words")), ERR_NONE);
	}
	snprintf(query, sizeof query,
	    "SELECT count(*) FROM eddy.outbox o, eddy.login_codes c WHERE o::text || c::text LIKE '%%%s%%'", code);
	assert_string_equal(test_db_value(query), "0");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.outbox WHERE state = 1 AND body = 'words'"), "3");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.dispatch WHERE pending = 1"), "3");
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(login_letter_due(pg, ws, a.person), ERR_DENIED);
	pg_rollback(pg);
	assert_true(test_db_exec(
	    "UPDATE eddy.login_codes SET created_at = created_at - interval '901 s', expires_at = now() - interval '25 h'"));
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(login_letter_due(pg, ws, a.person), ERR_NONE);
	assert_int_equal(pg_end(pg, ERR_NONE), ERR_NONE);
	/* What is long over is swept with the next code, the address in the outbox too. */
	assert_int_equal(session_code(pg, ws, "local", "x", code), ERR_NONE);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.outbox WHERE origin = ''"), "0"); /* not while they wait */
	assert_true(test_db_exec("UPDATE eddy.outbox SET state = 3"));
	assert_int_equal(session_code(pg, ws, "local", "x", code), ERR_NONE);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.outbox WHERE origin <> '' OR body IS NOT NULL"), "0");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.login_codes WHERE letter IS NOT NULL"), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(account__of_a_member__gets_a_person_on_the_page_that_is_one_user_with_it, fresh),
		cmocka_unit_test_setup(account__with_a_page_of_its_own__is_that_person_there, fresh),
		cmocka_unit_test_setup(account__unknown__is_refused, fresh),
		cmocka_unit_test_setup(account__of_another_workspace__is_refused, fresh),
		cmocka_unit_test_setup(account__that_nothing_proves__is_refused, fresh),
		cmocka_unit_test_setup(account__of_a_bot__is_refused, fresh),
		cmocka_unit_test_setup(account__of_a_guest__takes_a_role_given_by_name, fresh),
		cmocka_unit_test_setup(code__of_somebody_whose_role_was_taken_since__is_refused_and_used_up, fresh),
		cmocka_unit_test_setup(unlink__on_a_page_that_logged_in__leaves_a_guest_who_is_logged_out, fresh),
		cmocka_unit_test_setup(code__for_a_page_that_was_unlinked_since__is_refused, fresh),
		cmocka_unit_test_setup(code__for_a_page_that_is_another_user_by_now__is_refused, fresh),
		cmocka_unit_test_setup(
		    letter__is_in_the_outbox_without_its_code_and_no_more_than_three_in_a_quarter_of_an_hour, fresh),
	};
	return cmocka_run_group_tests_name("log-ins that an account vouches for", tests, set_up, tear_down);
}
