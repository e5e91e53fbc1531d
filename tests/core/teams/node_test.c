/* The tree of a workspace and the roles in it, against a real database: what is refused, and what two changes at a time leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "../../../core/teams/node.h"
#include "tree.h"

static void org_create__makes__a_tree_and_names(void **state)
{
	json_t *out = NULL;
	struct id request = id_new();
	assert_int_equal(fresh(state), 0);
	assert_int_equal(
	    run(pg, TERMINAL, request, "org.create", &out, "{\"name\":\"Customer  Support & Co.\",\"kind\":\"unit\"}"), API_OK);
	assert_string_equal(json_str(out, "slug", ""), "customer-support-co");
	assert_string_equal(json_str(out, "path", ""), "org/customer-support-co");
	json_decref(out);
	/* the same call again makes nothing new */
	assert_int_equal(
	    run(pg, TERMINAL, request, "org.create", NULL, "{\"name\":\"Customer  Support & Co.\",\"kind\":\"unit\"}"), API_OK);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.nodes WHERE ws = '" WS "'"), "2");
	expect(API_OK, TERMINAL, "org.create", "{\"team\":\"customer-support-co\",\"name\":\"Chat\"}");
	expect(API_CONFLICT, TERMINAL, "org.create", "{\"name\":\"chat\"}");
	expect(API_INVALID, TERMINAL, "org.create", "{\"name\":\"\\u00e4\\u00f6\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"\\u00e4\\u00f6\",\"slug\":\"ae\"}");
	expect(API_INVALID, TERMINAL, "org.create", "{\"name\":\"x\",\"slug\":\"-x\"}");
	expect(API_INVALID, TERMINAL, "org.create", "{\"name\":\"x\",\"slug\":\"X\"}");
	expect(API_INVALID, TERMINAL, "org.create", "{\"name\":\"a\\nb\"}");
	expect(API_INVALID, TERMINAL, "org.create", "{\"name\":\" a\"}");
	expect(API_INVALID, TERMINAL, "org.create", "{\"name\":\"x\",\"kind\":\"organisation\"}");
	expect(API_INVALID, TERMINAL, "org.create", "{\"team\":\"chat\",\"name\":\"below a team\"}");
	expect(API_NOT_FOUND, TERMINAL, "org.create", "{\"team\":\"nothing\",\"name\":\"x\"}");
	assert_int_equal(run(pg, TERMINAL, id_new(), "org.list", &out, "{}"), API_OK);
	json_t *teams = json_arr(out, "teams");
	assert_int_equal(json_array_size(teams), 4);
	assert_string_equal(json_str(json_array_get(teams, 0), "kind", ""), "organisation");
	assert_string_equal(json_str(json_array_get(teams, 1), "slug", ""), "customer-support-co");
	assert_string_equal(json_str(json_array_get(teams, 2), "slug", ""), "chat");
	assert_int_equal(json_int(json_array_get(teams, 2), "depth", 0), 3);
	json_decref(out);
	/* who is no admin */
	expect(API_OK, ANA, "org.list", "{}");
	expect(API_FORBIDDEN, ANA, "org.create", "{\"name\":\"x\"}");
	expect(API_FORBIDDEN, GUEST, "org.update", "{\"team\":\"chat\",\"name\":\"x\"}");
	expect(API_NOT_FOUND, ROBOT, "org.list", "{}");
}

static void org_update__keeps__a_tree(void **state)
{
	char args[200];
	assert_int_equal(fresh(state), 0);
	for (int i = 2; i <= NODE_DEPTH_MAX; i++) {
		snprintf(args, sizeof args, "{\"team\":\"%s%.0d\",\"name\":\"u%d\",\"kind\":\"unit\"}", i == 2 ? "org" : "u",
		    i == 2 ? 0 : i - 1, i);
		expect(API_OK, TERMINAL, "org.create", args);
	}
	expect(API_INVALID, TERMINAL, "org.create", "{\"team\":\"u8\",\"name\":\"too deep\"}");
	expect(API_INVALID, TERMINAL, "org.update", "{\"team\":\"u2\",\"parent\":\"u5\"}");
	expect(API_INVALID, TERMINAL, "org.update", "{\"team\":\"u2\",\"parent\":\"u2\"}");
	expect(API_INVALID, TERMINAL, "org.update", "{\"team\":\"org\",\"parent\":\"u2\"}");
	expect(API_NOT_FOUND, TERMINAL, "org.update", "{\"team\":\"u2\",\"parent\":\"nothing\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"v2\",\"kind\":\"unit\"}");
	expect(API_INVALID, TERMINAL, "org.update", "{\"team\":\"u2\",\"parent\":\"v2\"}"); /* 9 levels */
	expect(API_OK, TERMINAL, "org.update", "{\"team\":\"u3\",\"parent\":\"v2\"}");
	expect(API_OK, TERMINAL, "org.update", "{\"team\":\"u3\",\"name\":\"renamed\",\"slug\":\"renamed\"}");
	expect(API_NOT_FOUND, TERMINAL, "org.get", "{\"team\":\"u3\"}");
	expect(API_CONFLICT, TERMINAL, "org.update", "{\"team\":\"renamed\",\"slug\":\"u2\"}");
	/* an admin of a part moves nothing out of it, nor into it from elsewhere */
	expect(API_OK, TERMINAL, "member.put", "{\"team\":\"v2\",\"person\":\"slack:U2\",\"role\":\"admin\"}");
	expect(API_FORBIDDEN, ANA, "org.update", "{\"team\":\"renamed\",\"parent\":\"org\"}");
	expect(API_FORBIDDEN, ANA, "org.update", "{\"team\":\"v2\",\"parent\":\"u2\"}");
	expect(API_OK, ANA, "org.update", "{\"team\":\"u8\",\"parent\":\"v2\"}");
	expect(API_FORBIDDEN, ANA, "org.archive", "{\"team\":\"v2\"}");
	expect(API_OK, ANA, "org.archive", "{\"team\":\"u8\"}");
}

static void org_archive__takes__nothing_with_it(void **state)
{
	assert_int_equal(fresh(state), 0);
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"pay\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"fin\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"unit\",\"kind\":\"unit\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"team\":\"unit\",\"name\":\"inner\"}");
	expect(API_OK, TERMINAL, "place.assign", "{\"team\":\"pay\",\"place\":\"slack:C1\"}");
	expect(API_CONFLICT, TERMINAL, "org.archive", "{\"team\":\"pay\"}");
	expect(API_CONFLICT, TERMINAL, "org.archive", "{\"team\":\"unit\"}");
	expect(API_INVALID, TERMINAL, "org.archive", "{\"team\":\"org\",\"move_to\":\"fin\"}");
	expect(API_INVALID, TERMINAL, "org.archive", "{\"team\":\"unit\",\"move_to\":\"fin\"}"); /* a team holds none */
	expect(API_INVALID, TERMINAL, "org.archive", "{\"team\":\"unit\",\"move_to\":\"inner\"}");
	expect(API_INVALID, TERMINAL, "org.archive", "{\"team\":\"unit\",\"move_to\":\"unit\"}");
	expect(API_NOT_FOUND, TERMINAL, "org.archive", "{\"team\":\"pay\",\"move_to\":\"nothing\"}");
	expect(API_OK, TERMINAL, "org.archive", "{\"team\":\"pay\",\"move_to\":\"fin\"}");
	assert_string_equal(test_db_value("SELECT n.slug FROM eddy.places p JOIN eddy.nodes n ON n.id = p.team_id"), "fin");
	expect(API_OK, TERMINAL, "org.archive", "{\"team\":\"unit\",\"move_to\":\"org\"}");
	expect(API_OK, TERMINAL, "org.get", "{\"team\":\"inner\"}");
	/* it is gone, and its name is free */
	expect(API_NOT_FOUND, TERMINAL, "org.get", "{\"team\":\"pay\"}");
	expect(API_NOT_FOUND, TERMINAL, "place.assign", "{\"team\":\"pay\",\"place\":\"slack:C1\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"pay\"}");
}

static void place_assign__takes__both_sides(void **state)
{
	json_t *out = NULL;
	assert_int_equal(fresh(state), 0);
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"pay\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"fin\"}");
	expect(API_OK, TERMINAL, "member.put", "{\"team\":\"pay\",\"person\":\"slack:U2\",\"role\":\"admin\"}");
	expect(API_NOT_FOUND, ANA, "place.assign", "{\"team\":\"pay\",\"place\":\"slack:C1\"}"); /* the organisation's */
	expect(API_NOT_FOUND, TERMINAL, "place.assign", "{\"team\":\"pay\",\"place\":\"slack:C9\"}");
	expect(API_NOT_FOUND, TERMINAL, "place.assign", "{\"team\":\"pay\",\"place\":\"nonsense\"}");
	expect(API_INVALID, TERMINAL, "place.assign", "{\"team\":\"pay\",\"place\":\"slack:D3\"}");
	expect(API_OK, TERMINAL, "place.assign", "{\"team\":\"pay\",\"place\":\"" P "a\"}");
	expect(API_FORBIDDEN, ANA, "place.assign", "{\"team\":\"fin\",\"place\":\"slack:C1\"}");
	expect(API_FORBIDDEN, ANA, "place.list", "{}");
	assert_int_equal(run(pg, ANA, id_new(), "place.list", &out, "{\"team\":\"pay\"}"), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "places")), 1);
	json_decref(out);
	assert_int_equal(run(pg, TERMINAL, id_new(), "place.list", &out, "{}"), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "places")), 2); /* not people's own */
	json_decref(out);
	expect(API_OK, TERMINAL, "place.assign", "{\"place\":\"slack:C1\"}");
	assert_null(test_db_value("SELECT team_id FROM eddy.places WHERE external_id = 'C1'"));
}

static void member_put__never__above_ones_own(void **state)
{
	json_t *out = NULL;
	assert_int_equal(fresh(state), 0);
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"pay\"}");
	expect(API_FORBIDDEN, ANA, "member.put", "{\"person\":\"slack:U2\",\"role\":\"owner\"}");
	expect(API_OK, TERMINAL, "member.put", "{\"person\":\"slack:U2\",\"role\":\"admin\"}");
	expect(API_FORBIDDEN, ANA, "member.put", "{\"person\":\"slack:U3\",\"role\":\"owner\"}");
	expect(API_FORBIDDEN, ANA, "member.put", "{\"person\":\"slack:U2\",\"role\":\"owner\"}");
	expect(API_OK, ANA, "member.put", "{\"team\":\"pay\",\"person\":\"slack:U3\",\"role\":\"admin\"}");
	expect(API_FORBIDDEN, ANA, "member.put", "{\"person\":\"web:local\",\"role\":\"none\"}");  /* implied, but above */
	expect(API_NOT_FOUND, ANA, "member.put", "{\"person\":\"slack:U6\",\"role\":\"member\"}"); /* of another workspace */
	expect(API_NOT_FOUND, ANA, "member.put", "{\"person\":\"" P "6\",\"role\":\"member\"}");
	expect(API_INVALID, ANA, "member.put", "{\"person\":\"slack:B4\",\"role\":\"member\"}");
	expect(API_NOT_FOUND, ANA, "member.remove", "{\"team\":\"pay\",\"person\":\"slack:U5\"}");
	/* an admin of one team only */
	expect(API_FORBIDDEN, BEN, "member.put", "{\"person\":\"slack:U5\",\"role\":\"member\"}");
	expect(API_OK, BEN, "member.put", "{\"team\":\"pay\",\"person\":\"slack:U5\",\"role\":\"member\"}");
	expect(API_OK, BEN, "member.remove", "{\"team\":\"pay\",\"person\":\"slack:U5\"}");
	assert_int_equal(run(pg, BEN, id_new(), "member.list", &out, "{\"team\":\"pay\"}"), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "members")), 2); /* Ana's role holds here too */
	assert_string_equal(json_str(json_array_get(json_arr(out, "members"), 0), "known_as", ""), "slack:U3");
	json_decref(out);
	/* owners: the terminal gives its role away, and the one who has it keeps it */
	expect(API_CONFLICT, TERMINAL, "member.put", "{\"person\":\"web:local\",\"role\":\"admin\"}");
	expect(API_OK, TERMINAL, "member.put", "{\"person\":\"slack:U2\",\"role\":\"owner\"}");
	expect(API_OK, TERMINAL, "member.put", "{\"person\":\"web:local\",\"role\":\"admin\"}");
	expect(API_CONFLICT, ANA, "member.remove", "{\"person\":\"slack:U2\"}");
	expect(API_CONFLICT, ANA, "member.put", "{\"person\":\"slack:U2\",\"role\":\"admin\"}");
	expect(API_FORBIDDEN, TERMINAL, "member.remove", "{\"person\":\"web:local\"}"); /* would own again */
	expect(API_OK, ANA, "member.remove", "{\"person\":\"web:local\"}");
	expect(API_OK, TERMINAL, "member.remove", "{\"person\":\"slack:U2\"}");
}

/* ---- two at a time ---- */

struct racer {
	pthread_t thread;
	const char *url, *procedure, *args[2];
	int person, index, rounds;
	enum api_code last;
};

static void *race(void *arg)
{
	struct racer *x = arg;
	struct pg *own = NULL;
	char why[200];
	if (pg_open(&own, x->url, api_tables, why, sizeof why) == ERR_NONE)
		for (int i = 0; i < x->rounds; i++)
			x->last = run(own, x->person, id_new(), x->procedure, NULL, x->args[i % 2]);
	pg_close(own);
	return NULL;
}

static void run_two(struct racer *a, struct racer *b)
{
	assert_int_equal(pthread_create(&a->thread, NULL, race, a), 0);
	assert_int_equal(pthread_create(&b->thread, NULL, race, b), 0);
	pthread_join(a->thread, NULL);
	pthread_join(b->thread, NULL);
}

static void moves__at_a_time__make_no_cycle(void **state)
{
	(void)state;
	char why[200];
	const char *url = test_db_fresh();
	pg_close(pg);
	assert_int_equal(pg_open(&pg, url, api_tables, why, sizeof why), ERR_NONE);
	assert_true(test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one')") &&
	    test_db_exec("INSERT INTO eddy.people (ws, id, name) VALUES ('" WS "', '" P "1', 'a'), ('" WS "', '" P "2', 'b')") &&
	    test_db_exec("INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('" WS "', '" WS "', '" P "1', 4), ('" WS
	                 "', '" WS "', '" P "2', 4)"));
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"a\",\"kind\":\"unit\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"b\",\"kind\":\"unit\"}");
	struct racer a = { .url = url,
		.procedure = "org.update",
		.person = 1,
		.rounds = 40,
		.args = { "{\"team\":\"a\",\"parent\":\"b\"}", "{\"team\":\"a\",\"parent\":\"org\"}" } };
	struct racer b = { .url = url,
		.procedure = "org.update",
		.person = 2,
		.rounds = 40,
		.args = { "{\"team\":\"b\",\"parent\":\"a\"}", "{\"team\":\"b\",\"parent\":\"org\"}" } };
	run_two(&a, &b);
	assert_string_equal(
	    test_db_value("WITH RECURSIVE d AS (SELECT id FROM eddy.nodes WHERE parent_id IS NULL UNION ALL SELECT n.id FROM d"
	                  " JOIN eddy.nodes n ON n.parent_id = d.id) SELECT count(*) FROM d"),
	    "3");
	/* two owners take each other's role: one is left */
	for (int i = 0; i < 10; i++) {
		a = (struct racer){ .url = url,
			.procedure = "member.put",
			.person = 1,
			.rounds = 1,
			.args = { "{\"person\":\"" P "2\",\"role\":\"none\"}" } };
		b = (struct racer){ .url = url,
			.procedure = "member.put",
			.person = 2,
			.rounds = 1,
			.args = { "{\"person\":\"" P "1\",\"role\":\"none\"}" } };
		run_two(&a, &b);
		assert_string_equal(test_db_value("SELECT count(*) FROM eddy.members WHERE role = 4"), "1");
		assert_true(test_db_exec("UPDATE eddy.members SET role = 4"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(org_create__makes__a_tree_and_names),
		cmocka_unit_test(org_update__keeps__a_tree),
		cmocka_unit_test(org_archive__takes__nothing_with_it),
		cmocka_unit_test(place_assign__takes__both_sides),
		cmocka_unit_test(member_put__never__above_ones_own),
		cmocka_unit_test(moves__at_a_time__make_no_cycle),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
