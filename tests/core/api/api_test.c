/* Calls against a real database: who may, who may not, and what is left of a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "../../../core/api/api.h"
#include "../../../core/base/json.h"
#include "../../support/db.h"

#define WS "11111111-1111-4111-8111-111111111111"
static const struct pg_statement *const tables[] = { authority_statements, api_statements, NULL };
static struct pg *pg;
static struct id ws;

static struct id id_of(const char *text)
{
	struct id id;
	assert_true(id_parse(text, &id));
	return id;
}

static int set_up(void **state)
{
	(void)state;
	char why[200];
	ws = id_of(WS);
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE)
		return -1;
	return test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one'),"
	                    " ('22222222-2222-4222-8222-222222222222', 'two')") &&
	        test_db_exec("INSERT INTO eddy.people (ws, id, name, guest, bot, user_id) VALUES"
	                     " ('" WS "', '00000000-0000-4000-8000-000000000001', 'terminal', false, false, NULL),"
	                     " ('" WS "', '00000000-0000-4000-8000-000000000002', 'mem', false, false, NULL),"
	                     " ('" WS "', '00000000-0000-4000-8000-000000000003', 'guest', true, false, NULL),"
	                     " ('" WS "', '00000000-0000-4000-8000-000000000004', 'bot', false, true, NULL),"
	                     " ('" WS "', '00000000-0000-4000-8000-000000000005', 'stranger', false, false, NULL),"
	                     " ('" WS "', '00000000-0000-4000-8000-000000000006', 'mem by mail', false, false,"
	                     " '00000000-0000-4000-8000-000000000002')") &&
	        test_db_exec("INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES"
	                     " ('" WS "', 'web', 'local', '00000000-0000-4000-8000-000000000001', 1),"
	                     " ('" WS "', 'slack', 'U2', '00000000-0000-4000-8000-000000000002', 2),"
	                     " ('" WS "', 'slack', 'U3', '00000000-0000-4000-8000-000000000003', 2),"
	                     " ('" WS "', 'slack', 'B4', '00000000-0000-4000-8000-000000000004', 2),"
	                     " ('" WS "', 'email', 'x@y.example', '00000000-0000-4000-8000-000000000005', 0)") &&
	        test_db_exec(
	            "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES"
	            " ('" WS "', 'aaaaaaaa-0000-4000-8000-000000000001', '" WS "', 2, 'unit', 'Unit'),"
	            " ('" WS
	            "', 'aaaaaaaa-0000-4000-8000-000000000002', 'aaaaaaaa-0000-4000-8000-000000000001', 3, 'team', 'Team')")
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static enum role role_of(int person, const char *node)
{
	char text[64];
	snprintf(text, sizeof text, "00000000-0000-4000-8000-00000000000%d", person);
	struct caller c;
	struct id n;
	enum role r = ROLE_NONE;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, id_of(text), "cli", &c), ERR_NONE);
	assert_int_equal(authority_node(pg, ws, node, &n), ERR_NONE);
	assert_int_equal(authority_at(pg, &c, n, &r), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return r;
}

static void authority__implies__a_role_for_each_kind_of_person(void **state)
{
	(void)state;
	const enum role implied[] = { ROLE_NONE, ROLE_OWNER, ROLE_MEMBER, ROLE_VIEWER, ROLE_NONE, ROLE_NONE, ROLE_MEMBER };
	for (int i = 1; i <= 6; i++)
		assert_int_equal(role_of(i, "team"), implied[i]);
}

static void authority__gives__roles_down_the_tree_and_to_the_user(void **state)
{
	(void)state;
	assert_true(test_db_exec("INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('" WS
	                         "', 'aaaaaaaa-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002', 3)"));
	assert_int_equal(role_of(2, "team"), ROLE_ADMIN);
	assert_int_equal(role_of(6, "team"), ROLE_ADMIN);
	assert_int_equal(role_of(2, "org"), ROLE_MEMBER);
	assert_true(test_db_exec("UPDATE eddy.members SET role = 0"));
	assert_int_equal(role_of(2, "team"), ROLE_NONE);
	assert_int_equal(role_of(2, ""), ROLE_MEMBER);
	assert_true(test_db_exec("DELETE FROM eddy.members"));
}

static enum api_code call(struct caller *by, const char *name, const char *args, char detail[PROBLEM_DETAIL_MAX])
{
	json_t *in = NULL, *out = NULL;
	struct problem p;
	assert_int_equal(json_parse(args, strlen(args), 1000, &in, NULL), ERR_NONE);
	enum api_code code = api_run(NULL, pg, by, name, in, id_new(), &out, &p);
	strcpy(detail, p.detail);
	assert_true((code == API_OK) == (out != NULL));
	json_decref(in);
	json_decref(out);
	return code;
}

static void api__refuses__the_unknown_and_what_does_not_fit(void **state)
{
	(void)state;
	char detail[PROBLEM_DETAIL_MAX];
	struct caller c = { 0 };
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, id_of("00000000-0000-4000-8000-000000000002"), "cli", &c), ERR_NONE);
	pg_rollback(pg);
	assert_int_equal(call(&c, "session.get", "{}", detail), API_OK);
	assert_int_equal(call(&c, "session.got", "{}", detail), API_NOT_FOUND);
	assert_int_equal(call(&c, "session.get", "{\"more\":1}", detail), API_INVALID);
	assert_non_null(strstr(detail, "more"));
	c.person = id_of("00000000-0000-4000-8000-000000000005");
	assert_int_equal(call(&c, "session.get", "{}", detail), API_NOT_FOUND);
	/* a key of one team: nothing of the organisation */
	c.person = ID_NONE;
	c.key = id_new();
	c.node = id_of("aaaaaaaa-0000-4000-8000-000000000002");
	c.role = ROLE_ADMIN;
	assert_int_equal(call(&c, "session.get", "{}", detail), API_NOT_FOUND);
	c.node = ID_NONE;
	assert_int_equal(call(&c, "session.get", "{}", detail), API_OK);
}

static void problem__tells__the_same_in_json_and_in_words(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct problem p = { .code = API_LIMITED, .field = "x", .retry_after_s = 7 };
	char why[160];
	json_t *o = NULL;
	problem_json(&p, "r-1", &b);
	assert_int_equal(json_parse(b.p, b.len, 1000, &o, why), ERR_NONE);
	assert_int_equal(json_int(o, "status", 0), 429);
	assert_string_equal(json_str(o, "code", ""), "rate_limited");
	assert_int_equal(json_int(o, "retry_after", 0), 7);
	json_decref(o);
	buf_reset(&b);
	problem_words(&p, "r-1", &b);
	assert_string_equal(b.p, "That was too often; please wait a moment. Try again in 7 s. (rate_limited, request r-1)");
	buf_done(&b);
	for (int i = 0; i < API_CODES; i++)
		assert_true(problem_name((enum api_code)i) != NULL && problem_status((enum api_code)i) >= 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(authority__implies__a_role_for_each_kind_of_person),
		cmocka_unit_test(authority__gives__roles_down_the_tree_and_to_the_user),
		cmocka_unit_test(api__refuses__the_unknown_and_what_does_not_fit),
		cmocka_unit_test(problem__tells__the_same_in_json_and_in_words),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
