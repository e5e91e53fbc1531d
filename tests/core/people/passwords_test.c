/* Whose password a name means, with the real database: names, roles, tenants, links, and tries of who is logged in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../../core/people/links.h"
#include "../../../core/people/passwords.h"
#include "../../support/db.h"

static const struct pg_statement *const tables[] = { passwords_statements, session_statements, login_statements, links_statements,
	NULL };
static struct pg *pg;
static struct id ws, other_ws, ana, page, lone, stranger, lookalike;

/* A person with identities "ADAPTER NAME VERIFIED" by spaces; ${user}: whom they are one user with. */
static struct id person(struct id of, const char *adapter, const char *name, int verified, struct id user)
{
	struct id id = id_new();
	char sql[900], w[ID_TEXT], p[ID_TEXT], u[ID_TEXT];
	id_format(of, w);
	id_format(id, p);
	id_format(user, u);
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.people (ws, id, name, user_id) VALUES ('%s', '%s', 'Ana', %s%s%s); INSERT INTO eddy.identities (ws, adapter, external_id,"
	    " person_id, verified) VALUES ('%s', '%s', '%s', '%s', %d)",
	    w, p, id_is_none(user) ? "" : "'", id_is_none(user) ? "NULL" : u, id_is_none(user) ? "" : "'", w, adapter, name, p,
	    verified);
	assert_true(test_db_exec(sql));
	return id;
}

static int set_up(void **state)
{
	char why[256] = "";
	(void)state;
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	ws = test_db_workspace("a");
	other_ws = test_db_workspace("b");
	ana = person(ws, "email", "ana@example.org", 2, ID_NONE);
	page = person(ws, "web", "id:ana", 2, ana);
	lone = person(ws, "web", "as:lone", 2, ID_NONE);
	stranger = person(ws, "email", "?bob@example.org", 0, ID_NONE);
	lookalike = person(other_ws, "email", "ana@example.org", 2, ID_NONE);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static void begin(void)
{
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
}

static void end(void)
{
	assert_int_equal(pg_commit(pg), ERR_NONE);
}

static struct password_account find_in(struct id of, const char *address, const char *name, const char *network)
{
	struct password_account a;
	const struct password_name n = { .adapter = address == NULL ? NULL : "email", .address = address, .page = name };
	assert_int_equal(pg_begin(pg, of), ERR_NONE);
	assert_int_equal(password_find(pg, of, &n, network, &a), ERR_NONE);
	end();
	return a;
}

static struct password_account find(const char *address, const char *name)
{
	return find_in(ws, address, name, NULL);
}

static void put(struct id who, const char *hash)
{
	begin();
	assert_int_equal(password_put(pg, ws, who, hash), ERR_NONE);
	end();
}

static void name__of_an_account_that_is_theirs__finds_the_password_of_the_page(void **state)
{
	(void)state;
	assert_true(id_is_none(find("ana@example.org", "ana@example.org").person)); /* without one nobody is found */
	put(page, "h1");
	struct password_account a = find("ana@example.org", "ana@example.org");
	assert_true(id_equal(a.person, page));
	assert_string_equal(a.subject, "id:ana");
	assert_string_equal(a.hash, "h1");
	assert_true(a.may);
	assert_false(a.known);
	put(page, "h2");
	assert_string_equal(find("ana@example.org", "x").hash, "h2");
	put(lone, "h3");
	assert_true(id_equal(find(NULL, "lone").person, lone));
	assert_true(id_equal(find("lone", "lone").person, lone));
	/* Names that look alike, in parts, of another kind or of nobody. */
	static const char *const others[] = { "", "as:lone", "Lone", "lon_", "lone ", "id:ana", "ana", "%", "bob@example.org",
		"?bob@example.org", "ana@example.org'--" };
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		if (!id_is_none(find(others[i], others[i]).person))
			fail_msg("found by %s", others[i]);
	/* A name that is longer than any is not cut into another one. */
	char longest[LOGIN_SUBJECT + 40];
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = '\0';
	assert_true(id_is_none(find(NULL, longest).person));
}

static void address__of_another_workspace__is_another_matter(void **state)
{
	(void)state;
	put(page, "h1");
	assert_true(id_is_none(find_in(other_ws, "ana@example.org", "ana@example.org", NULL).person));
	struct id theirs = person(other_ws, "web", "as:ana", 2, lookalike);
	assert_int_equal(pg_begin(pg, other_ws), ERR_NONE);
	assert_int_equal(password_put(pg, other_ws, theirs, "theirs"), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_string_equal(find_in(other_ws, "ana@example.org", "ana@example.org", NULL).hash, "theirs");
	assert_string_equal(find("ana@example.org", "ana@example.org").hash, "h1");
	assert_true(id_is_none(find(NULL, "ana").person));
}

static void person__who_lost_what_it_takes__may_not(void **state)
{
	(void)state;
	char sql[300], text[ID_TEXT], w[ID_TEXT];
	put(page, "h1");
	snprintf(sql, sizeof sql, "UPDATE eddy.people SET guest = true WHERE id = '%s'", id_format(ana, text));
	assert_true(test_db_exec(sql));
	struct password_account a = find("ana@example.org", "x");
	assert_true(id_equal(a.person, page)); /* found, and hashed as any other */
	assert_false(a.may);
	/* A role that was given by name is enough for a guest. */
	snprintf(sql, sizeof sql, "INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('%s', '%s', '%s', 1)",
	    id_format(ws, w), w, text);
	assert_true(test_db_exec(sql));
	assert_true(find("ana@example.org", "x").may);
	assert_true(test_db_exec("UPDATE eddy.members SET role = 0"));
	assert_false(find("ana@example.org", "x").may);
	assert_true(test_db_exec("DELETE FROM eddy.members"));
	snprintf(sql, sizeof sql, "UPDATE eddy.people SET guest = false WHERE id = '%s'", text);
	assert_true(test_db_exec(sql));
	/* What nothing vouches for any more is no name. */
	assert_true(test_db_exec("UPDATE eddy.identities SET verified = 0 WHERE external_id = 'ana@example.org'"));
	assert_true(id_is_none(find("ana@example.org", "x").person));
	assert_true(test_db_exec("UPDATE eddy.identities SET verified = 2 WHERE external_id = 'ana@example.org'"));
	/* Parted accounts: the address is not the page's any more. */
	snprintf(sql, sizeof sql, "UPDATE eddy.people SET user_id = NULL WHERE id = '%s'", id_format(page, text));
	assert_true(test_db_exec(sql));
	assert_true(id_is_none(find("ana@example.org", "x").person));
	snprintf(sql, sizeof sql, "UPDATE eddy.people SET user_id = '%s' WHERE id = '%s'", id_format(ana, w), text);
	assert_true(test_db_exec(sql));
	assert_true(test_db_exec("UPDATE eddy.people SET bot = true"));
	assert_true(id_is_none(find("ana@example.org", "x").person));
	assert_true(test_db_exec("UPDATE eddy.people SET bot = false"));
}

static void network__of_an_earlier_session__is_known(void **state)
{
	(void)state;
	struct session s = { .subject = "id:ana", .name = "Ana" };
	char refresh[SESSION_SECRET];
	put(page, "h1");
	begin();
	assert_int_equal(
	    session_start(pg, ws, "password", ID_NONE, &(struct session_client){ .network = "192.0.2.x" }, &s, refresh), ERR_NONE);
	end();
	assert_true(find_in(ws, "ana@example.org", "x", "192.0.2.x").known);
	assert_false(find_in(ws, "ana@example.org", "x", "192.0.3.x").known);
	assert_false(find_in(ws, "ana@example.org", "x", NULL).known);
	assert_false(find_in(ws, NULL, "lone", "192.0.2.x").known);
}

static void hash__is_written_anew_only_over_the_one_it_is_of(void **state)
{
	(void)state;
	put(page, "h1");
	begin();
	assert_int_equal(password_anew(pg, ws, page, "another", "h9"), ERR_NONE);
	end();
	assert_string_equal(find("ana@example.org", "x").hash, "h1"); /* it was changed meanwhile */
	begin();
	assert_int_equal(password_anew(pg, ws, page, "h1", "h9"), ERR_NONE);
	end();
	assert_string_equal(find("ana@example.org", "x").hash, "h9");
}

static void password__taken_away__is_none(void **state)
{
	(void)state;
	put(page, "h1");
	assert_int_equal(pg_begin(pg, other_ws), ERR_NONE);
	assert_int_equal(password_remove(pg, other_ws, page), ERR_INPUT);
	end();
	begin();
	assert_int_equal(password_remove(pg, ws, ana), ERR_NONE); /* by whichever account */
	assert_int_equal(password_remove(pg, ws, ana), ERR_INPUT);
	assert_int_equal(password_remove(pg, ws, stranger), ERR_INPUT);
	assert_int_equal(password_remove(pg, ws, id_new()), ERR_INPUT);
	end();
	assert_true(id_is_none(find("ana@example.org", "x").person));
}

static void state__says_what_can_be_typed(void **state)
{
	(void)state;
	struct password_state s;
	put(page, "h1");
	begin();
	assert_int_equal(password_state(pg, ws, page, ID_NONE, &s), ERR_NONE);
	assert_true(s.may_have && s.has && s.proved && s.set_ms > 0);
	assert_int_equal(json_array_size(s.names), 1);
	assert_string_equal(json_string_value(json_array_get(s.names, 0)), "ana@example.org");
	json_decref(s.names);
	assert_int_equal(password_state(pg, ws, page, id_new(), &s), ERR_NONE); /* a session that nobody began */
	assert_false(s.proved);
	json_decref(s.names);
	assert_int_equal(password_state(pg, ws, ana, ID_NONE, &s), ERR_NONE); /* no person of the page */
	assert_false(s.may_have);
	assert_false(s.has);
	json_decref(s.names);
	assert_int_equal(password_state(pg, ws, lone, ID_NONE, &s), ERR_NONE);
	assert_true(s.may_have);
	assert_string_equal(json_string_value(json_array_get(s.names, 0)), "lone");
	json_decref(s.names);
	assert_int_equal(password_state(pg, ws, lookalike, ID_NONE, &s), ERR_NONE); /* of another workspace */
	assert_false(s.may_have);
	assert_int_equal(json_array_size(s.names), 0);
	json_decref(s.names);
	end();
}

static void tries__of_the_present_one__wait_longer_each_time(void **state)
{
	(void)state;
	char hash[PASSWORD_HASH] = "";
	int wait_s = 0, last = 0;
	put(page, "h1");
	for (int i = 0; i < 6; i++) {
		begin();
		assert_int_equal(password_try(pg, ws, page, hash, &wait_s), ERR_NONE);
		assert_string_equal(hash, "h1");
		end();
		begin();
		enum err e = password_try(pg, ws, page, hash, &wait_s);
		if (i == 0 && e == ERR_NONE) { /* the first one is free */
			last = 0;
		} else {
			assert_int_equal(e, ERR_DENIED);
			assert_true(wait_s > last);
			last = wait_s;
		}
		end();
		assert_true(test_db_exec("UPDATE eddy.passwords SET next_at = now()"));
	}
	for (int i = 0; i < 40; i++) {
		begin();
		assert_int_equal(password_try(pg, ws, page, hash, &wait_s), ERR_NONE);
		end();
		assert_true(test_db_exec("UPDATE eddy.passwords SET next_at = now()"));
	}
	begin();
	assert_int_equal(password_try(pg, ws, page, hash, &wait_s), ERR_NONE);
	end();
	begin();
	assert_int_equal(password_try(pg, ws, page, hash, &wait_s), ERR_DENIED);
	assert_in_range(wait_s, 890, 900);
	assert_int_equal(password_try(pg, ws, lookalike, hash, &wait_s), ERR_DENIED); /* who has none */
	end();
	put(page, "h2"); /* a new one begins anew */
	begin();
	assert_int_equal(password_try(pg, ws, page, hash, &wait_s), ERR_NONE);
	end();
}

static enum err link_of(const char *code, bool use, struct id *who)
{
	struct login_account a;
	begin();
	enum err e = password_link_of(pg, ws, code, use, &a, who);
	return pg_end(pg, e);
}

static void link__is_good_once_and_the_last_one_counts(void **state)
{
	(void)state;
	char first[SESSION_CODE], second[SESSION_CODE], sql[200], text[ID_TEXT];
	struct id who;
	begin();
	assert_int_equal(password_link(pg, ws, ana, first), ERR_NONE);
	assert_int_equal(password_link(pg, ws, ana, second), ERR_NONE);
	assert_int_equal(password_link(pg, ws, stranger, sql), ERR_DENIED);
	end();
	assert_int_equal(link_of(first, false, &who), ERR_DENIED);
	assert_int_equal(link_of("", false, &who), ERR_DENIED);
	assert_int_equal(link_of(second, false, &who), ERR_NONE); /* looking uses nothing up */
	assert_int_equal(link_of(second, true, &who), ERR_NONE);
	assert_true(id_equal(who, page));
	assert_int_equal(link_of(second, true, &who), ERR_DENIED);
	assert_int_equal(link_of(second, false, &who), ERR_DENIED);
	/* Too old; and of somebody who may not any more. */
	begin();
	assert_int_equal(password_link(pg, ws, ana, first), ERR_NONE);
	end();
	assert_true(test_db_exec("UPDATE eddy.login_codes SET expires_at = now()"));
	assert_int_equal(link_of(first, true, &who), ERR_DENIED);
	begin();
	assert_int_equal(password_link(pg, ws, ana, second), ERR_NONE);
	end();
	snprintf(sql, sizeof sql, "UPDATE eddy.people SET guest = true WHERE id = '%s'", id_format(ana, text));
	assert_true(test_db_exec(sql));
	assert_int_equal(link_of(second, true, &who), ERR_DENIED);
	snprintf(sql, sizeof sql, "UPDATE eddy.people SET guest = false WHERE id = '%s'", text);
	assert_true(test_db_exec(sql));
	/* A code of another kind is none of this one. */
	begin();
	session_code_make(first);
	assert_int_equal(
	    session_code_put(pg, ws, "id:ana", "Ana", first, &(struct session_vouch){ .via = "terminal", .seconds = 60 }),
	    ERR_NONE);
	end();
	assert_int_equal(link_of(first, true, &who), ERR_DENIED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(name__of_an_account_that_is_theirs__finds_the_password_of_the_page),
		cmocka_unit_test(address__of_another_workspace__is_another_matter),
		cmocka_unit_test(person__who_lost_what_it_takes__may_not),
		cmocka_unit_test(network__of_an_earlier_session__is_known),
		cmocka_unit_test(hash__is_written_anew_only_over_the_one_it_is_of),
		cmocka_unit_test(password__taken_away__is_none),
		cmocka_unit_test(state__says_what_can_be_typed),
		cmocka_unit_test(tries__of_the_present_one__wait_longer_each_time),
		cmocka_unit_test(link__is_good_once_and_the_last_one_counts),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
