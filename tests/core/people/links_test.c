/* Codes that link two identities, and everything that must not: each test names one way to come by somebody else's account. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/people/links.h"
#include "../../support/db.h"

#define WS "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"

static const struct pg_statement own[] = {
	{ "role", "SELECT role_at($1, $2)" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { links_statements, own, NULL };
static struct pg *pg;
static struct id ws, other_ws;

enum { SLACK = 1, MAIL, WEB, SECOND, GUEST, BOT, STRANGER, VISITOR, MALLORY };

static struct id person(int n)
{
	char text[ID_TEXT];
	struct id id;
	snprintf(text, sizeof text, "00000000-0000-4000-8000-00000000000%u", (unsigned)n % 10u);
	assert_true(id_parse(text, &id));
	return id;
}

static const char *adapter_of(int n)
{
	static const char *const names[] = { "", "slack", "email", "web", "slack", "slack", "slack", "email", "web", "email" };
	return names[n];
}

static int set_up(void **state)
{
	char why[200];
	(void)state;
	if (!id_parse(WS, &ws) || !id_parse(OTHER, &other_ws) || pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE)
		return -1;
	return test_db_exec(
	           "INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one'), ('" OTHER "', 'two');"
	           "INSERT INTO eddy.people (ws, id, name, guest, bot, created_at) SELECT w, ('00000000-0000-4000-8000-00000000000' || n)::uuid,"
	           " 'p' || n, n = 5, n = 6, now() + n * interval '1 s' FROM generate_series(1, 9) n, unnest(ARRAY['" WS
	           "'::uuid, '" OTHER "']) w;"
	           "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) SELECT ws, (ARRAY['slack', 'email', 'web',"
	           " 'slack', 'slack', 'slack', 'email', 'web', 'email'])[right(name, 1)::int], 'x' || name, id,"
	           " CASE WHEN name IN ('p7', 'p8') THEN 0 WHEN name = 'p3' THEN 1 ELSE 2 END FROM eddy.people")
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	return test_db_exec(
	           "UPDATE eddy.people SET user_id = NULL, private = false; DELETE FROM eddy.link_codes; DELETE FROM eddy.link_tries")
	    ? 0
	    : -1;
}

static enum link_answer code_in(struct id tenant, int who, char code[LINK_CODE])
{
	enum link_answer answer;
	assert_int_equal(pg_begin(pg, tenant), ERR_NONE);
	assert_int_equal(link_code(pg, tenant, person(who), adapter_of(who), code, &answer), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return answer;
}

static enum link_answer code_of(int who, char code[LINK_CODE])
{
	return code_in(ws, who, code);
}

static enum link_answer take(int who, const char *code)
{
	enum link_answer looked, answer;
	struct link_person other;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(link_look(pg, ws, person(who), adapter_of(who), code, strlen(code), &other, &looked), ERR_NONE);
	pg_rollback(pg); /* looking links nobody */
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(link_take(pg, ws, person(who), adapter_of(who), code, strlen(code), &other, &answer), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(looked, answer);
	return answer;
}

static bool undo(int who)
{
	bool was = false;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(link_undo(pg, ws, person(who), &was), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return was;
}

static size_t linked(int who)
{
	struct link_person all[LINK_PERSONS];
	size_t n = 0;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(link_list(pg, ws, person(who), all, &n), ERR_NONE);
	pg_rollback(pg);
	return n;
}

static long role(int who)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, person(who));
	pg_arg_id(a, ws);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_query(pg, "role", a, &r), ERR_NONE);
	long n = (long)pg_get_int8(r, 0, 0);
	PQclear(r);
	pg_args_free(a);
	pg_rollback(pg);
	return n;
}

static void code__named_on_the_other_side__links_both(void **state)
{
	(void)state;
	char code[LINK_CODE], typed[40];
	assert_int_equal(code_of(SLACK, code), LINK_DONE);
	assert_int_equal(strlen(code), LINK_CODE - 1);
	/* as people write it */
	snprintf(typed, sizeof typed, "%s", code);
	for (char *c = typed; *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c + 32) : *c == '0' ? 'o' : *c == '1' ? 'l' : *c;
	assert_int_equal(take(MAIL, typed), LINK_DONE);
	assert_int_equal(linked(SLACK), 2);
	assert_int_equal(linked(MAIL), 2);
	assert_int_equal(linked(WEB), 1);
	/* the other way round, and a third: one step long, whoever stands for them */
	assert_int_equal(code_of(MAIL, code), LINK_DONE);
	assert_int_equal(take(WEB, code), LINK_DONE);
	assert_int_equal(linked(SLACK), 3);
	assert_string_equal(
	    test_db_value(
	        "SELECT count(*) FROM eddy.people p JOIN eddy.people u ON u.ws = p.ws AND u.id = p.user_id WHERE u.user_id IS NOT NULL"),
	    "0");
	assert_string_equal(
	    test_db_value("SELECT count(*) FROM eddy.people WHERE user_id = '00000000-0000-4000-8000-000000000001'"), "2");
}

static void code__used_twice_or_replayed__is_void(void **state)
{
	(void)state;
	char code[LINK_CODE];
	code_of(SLACK, code);
	assert_int_equal(take(MAIL, code), LINK_DONE);
	assert_int_equal(take(WEB, code), LINK_WRONG); /* by another */
	assert_int_equal(take(MALLORY, code), LINK_WRONG);
	assert_int_equal(take(MAIL, code), LINK_DONE); /* said again after a crash: nothing changes */
	assert_int_equal(linked(SLACK), 2);
	assert_true(undo(MAIL));
	assert_int_equal(take(MAIL, code), LINK_WRONG); /* what was taken back does not come again with the old code */
	assert_int_equal(linked(MAIL), 1);
}

static void code__of_before__is_void_when_there_is_a_new_one(void **state)
{
	(void)state;
	char first[LINK_CODE], second[LINK_CODE];
	code_of(SLACK, first);
	code_of(SLACK, second);
	assert_int_equal(take(MAIL, first), LINK_WRONG);
	assert_int_equal(take(MAIL, second), LINK_DONE);
}

static void code__expired__is_void(void **state)
{
	(void)state;
	char code[LINK_CODE];
	code_of(SLACK, code);
	assert_true(test_db_exec("UPDATE eddy.link_codes SET expires_at = expires_at - interval '601 s'"));
	assert_int_equal(take(MAIL, code), LINK_WRONG);
}

static void code__guessed__is_not_looked_at_after_five(void **state)
{
	(void)state;
	char code[LINK_CODE];
	enum link_answer answer;
	struct link_person other;
	code_of(SLACK, code);
	for (int i = 0; i < LINK_TRIES; i++) {
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		assert_int_equal(link_look(pg, ws, person(MALLORY), "email", "AAAAA-AAAAA", 11, &other, &answer), ERR_NONE);
		assert_int_equal(pg_commit(pg), ERR_NONE);
		assert_int_equal(answer, LINK_WRONG);
	}
	assert_int_equal(take(MALLORY, code), LINK_TOO_OFTEN); /* the right one now */
	assert_int_equal(take(MAIL, code), LINK_DONE);         /* nobody else is kept out */
	assert_true(test_db_exec("UPDATE eddy.link_tries SET since = since - interval '601 s'"));
	code_of(SECOND, code);
	assert_int_equal(take(MALLORY, code), LINK_DONE);
}

static void code__of_another_workspace__is_unknown(void **state)
{
	(void)state;
	char code[LINK_CODE];
	code_in(other_ws, SLACK, code);
	assert_int_equal(take(MAIL, code), LINK_WRONG);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.people WHERE user_id IS NOT NULL"), "0");
}

static void code__of_oneself_or_of_the_same_side__links_nobody(void **state)
{
	(void)state;
	char code[LINK_CODE];
	code_of(SLACK, code);
	assert_int_equal(take(SLACK, code), LINK_WRONG);
	assert_int_equal(take(SECOND, code), LINK_SAME_WAY); /* two people of one Slack */
	assert_int_equal(linked(SLACK), 1);
	assert_int_equal(linked(SECOND), 1);
}

static void strangers_and_bots__neither_ask_nor_take(void **state)
{
	(void)state;
	char code[LINK_CODE];
	assert_int_equal(code_of(STRANGER, code), LINK_STRANGER);
	assert_int_equal(code_of(VISITOR, code), LINK_STRANGER);
	assert_int_equal(code_of(BOT, code), LINK_STRANGER);
	assert_string_equal(code, "");
	code_of(SLACK, code);
	assert_int_equal(take(STRANGER, code), LINK_STRANGER);
	assert_int_equal(take(VISITOR, code), LINK_STRANGER);
	code_of(MAIL, code);
	assert_int_equal(take(BOT, code), LINK_STRANGER);
	/* somebody who comes through an adapter that does not know them */
	enum link_answer answer;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(link_code(pg, ws, person(SLACK), "email", code, &answer), ERR_NONE);
	assert_int_equal(answer, LINK_STRANGER);
	pg_rollback(pg);
}

static void address__alike__links_nobody(void **state)
{
	(void)state;
	assert_true(test_db_exec(
	    "UPDATE eddy.people SET name = 'Ana Ruiz'; UPDATE eddy.identities SET external_id = 'ana@example.org' WHERE adapter IN ('email', 'web')"
	    " AND person_id::text LIKE '%_2' OR person_id::text LIKE '%_3'"));
	for (int i = SLACK; i <= MALLORY; i++)
		assert_int_equal(linked(i), 1);
}

static void guest__linked__makes_nobody_more_than_a_guest(void **state)
{
	(void)state;
	char code[LINK_CODE];
	assert_int_equal(role(GUEST), 1);
	assert_int_equal(role(MAIL), 2);
	code_of(GUEST, code);
	assert_int_equal(take(MAIL, code), LINK_DONE);
	assert_int_equal(role(GUEST), 1);
	assert_int_equal(role(MAIL), 1);
	assert_true(undo(MAIL));
	assert_int_equal(role(GUEST), 1);
	assert_int_equal(role(MAIL), 2);
}

static void role__given_to_one__is_lost_to_the_other_with_the_link(void **state)
{
	(void)state;
	char code[LINK_CODE];
	assert_true(test_db_exec("INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('" WS "', '" WS
	                         "', '00000000-0000-4000-8000-000000000001', 3)"));
	code_of(SLACK, code);
	take(MAIL, code);
	assert_int_equal(role(MAIL), 3);
	assert_true(undo(SLACK)); /* either side can */
	assert_int_equal(role(MAIL), 2);
	assert_int_equal(role(SLACK), 3);
	assert_true(test_db_exec("DELETE FROM eddy.members"));
}

static void undo__of_whom_stands_for_all__leaves_the_others_together(void **state)
{
	(void)state;
	char code[LINK_CODE];
	code_of(SLACK, code);
	take(MAIL, code);
	code_of(SLACK, code);
	take(WEB, code);
	assert_true(undo(SLACK));
	assert_int_equal(linked(SLACK), 1);
	assert_int_equal(linked(MAIL), 2);
	assert_int_equal(linked(WEB), 2);
	assert_false(undo(SLACK));
	assert_true(undo(WEB));
	assert_int_equal(linked(MAIL), 1);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.people WHERE user_id IS NOT NULL"), "0");
}

static void private_mode__of_one__is_that_of_the_user(void **state)
{
	(void)state;
	char code[LINK_CODE];
	assert_true(test_db_exec(
	    "UPDATE eddy.people SET private = true WHERE ws = '" WS "' AND id = '00000000-0000-4000-8000-000000000002'"));
	code_of(SLACK, code);
	take(MAIL, code);
	assert_string_equal(
	    test_db_value("SELECT private FROM eddy.people WHERE ws = '" WS "' AND id = '00000000-0000-4000-8000-000000000001'"),
	    "t");
}

static void code__is_nowhere_in_the_database(void **state)
{
	(void)state;
	char code[LINK_CODE], plain[LINK_CODE];
	code_of(SLACK, code);
	snprintf(plain, sizeof plain, "%.5s%.5s", code, code + 6);
	const char *all = test_db_value("SELECT string_agg(row_to_json(c)::text, ' ') FROM eddy.link_codes c");
	assert_null(strstr(all, code));
	assert_null(strstr(all, plain));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, clean)
	const struct CMUnitTest tests[] = {
		TEST(code__named_on_the_other_side__links_both),
		TEST(code__used_twice_or_replayed__is_void),
		TEST(code__of_before__is_void_when_there_is_a_new_one),
		TEST(code__expired__is_void),
		TEST(code__guessed__is_not_looked_at_after_five),
		TEST(code__of_another_workspace__is_unknown),
		TEST(code__of_oneself_or_of_the_same_side__links_nobody),
		TEST(strangers_and_bots__neither_ask_nor_take),
		TEST(address__alike__links_nobody),
		TEST(guest__linked__makes_nobody_more_than_a_guest),
		TEST(role__given_to_one__is_lost_to_the_other_with_the_link),
		TEST(undo__of_whom_stands_for_all__leaves_the_others_together),
		TEST(private_mode__of_one__is_that_of_the_user),
		TEST(code__is_nowhere_in_the_database),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
