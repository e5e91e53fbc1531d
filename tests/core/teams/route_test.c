/* Routes: how values are written, who may claim them, which counts, and that places go where their routes go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../core/teams/route.h"
#include "tree.h"

static const struct {
	enum route_kind kind;
	const char *value, *stored; /* NULL: none of this kind */
} values[] = {
	{ ROUTE_SLACK_CHANNEL, " C024BE91L\n", "c024be91l" },
	{ ROUTE_SLACK_CHANNEL, "<#C024BE91L|general>", "c024be91l" },
	{ ROUTE_SLACK_CHANNEL, "#general", NULL },
	{ ROUTE_SLACK_CHANNEL, "general", NULL },
	{ ROUTE_SLACK_CHANNEL, "", NULL },
	{ ROUTE_SLACK_CHANNEL, "U024BE7LH", NULL },
	{ ROUTE_MAIL_ADDRESS, "Support@Example.ORG", "support@example.org" },
	{ ROUTE_MAIL_ADDRESS, "Support <support@example.org>", "support@example.org" },
	{ ROUTE_MAIL_ADDRESS, "mailto:support@example.org", "support@example.org" },
	{ ROUTE_MAIL_ADDRESS, "support", NULL },
	{ ROUTE_MAIL_ADDRESS, "@example.org", NULL },
	{ ROUTE_MAIL_ADDRESS, "a b@example.org", NULL },
	{ ROUTE_GITHUB_REPO, "https://github.com/Acme/Payments.git", "acme/payments" },
	{ ROUTE_GITHUB_REPO, "git@github.com:Acme/Payments.git", "acme/payments" },
	{ ROUTE_GITHUB_REPO, "acme/payments/", "acme/payments" },
	{ ROUTE_GITHUB_REPO, "payments", NULL },
	{ ROUTE_GITHUB_REPO, "acme/payments/issues", NULL },
	{ ROUTE_PAGERDUTY_SERVICE, "  Payments   API_gateway ", "payments-api-gateway" },
	{ ROUTE_PAGERDUTY_SERVICE, "payments-api-gateway", "payments-api-gateway" },
	{ ROUTE_INCIDENTIO_TEAM, "On Call", "on-call" },
	{ ROUTE_INCIDENTIO_SOURCE, "__Data--dog__", "data-dog" },
	{ ROUTE_SERVICE, "Zahlungen Köln", "zahlungen-köln" },
	{ ROUTE_SERVICE, " - ", NULL },
	{ ROUTE_SERVICE,
	    "a\x01"
	    "b",
	    NULL },
};

static void route_normalise__writes__one_form(void **state)
{
	(void)state;
	char out[ROUTE_VALUE_MAX + 1], again[ROUTE_VALUE_MAX + 1], big[ROUTE_VALUE_MAX + 8];
	for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
		struct problem why = { 0 };
		enum err e = route_normalise(values[i].kind, values[i].value, out, &why);
		if ((e == ERR_NONE) != (values[i].stored != NULL) || (e == ERR_NONE && strcmp(out, values[i].stored) != 0))
			fail_msg("case %zu: %s", i, e == ERR_NONE ? out : why.detail);
		if (e == ERR_NONE) { /* what is stored stays as it is */
			assert_int_equal(route_normalise(values[i].kind, out, again, &why), ERR_NONE);
			assert_string_equal(again, out);
		} else {
			assert_true(why.detail[0] != '\0');
		}
	}
	memset(big, 'x', sizeof big - 1);
	big[sizeof big - 1] = '\0';
	struct problem why = { 0 };
	assert_int_equal(route_normalise(ROUTE_SERVICE, big, out, &why), ERR_INPUT);
	for (int k = 1; k < ROUTE_KINDS; k++) {
		enum route_kind found;
		assert_true(route_kind_from_name(route_kind_name((enum route_kind)k), &found) && (int)found == k);
	}
}

static int teams(void **state)
{
	if (fresh(state) != 0)
		return -1;
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"pay\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"fin\"}");
	expect(API_OK, TERMINAL, "member.put", "{\"team\":\"pay\",\"person\":\"slack:U2\",\"role\":\"admin\"}");
	expect(API_OK, TERMINAL, "member.put", "{\"team\":\"fin\",\"person\":\"slack:U3\",\"role\":\"admin\"}");
	return 0;
}

static void route_put__claims__once(void **state)
{
	json_t *out = NULL;
	assert_int_equal(teams(state), 0);
	expect(API_OK, ANA, "route.put", "{\"team\":\"pay\",\"kind\":\"service\",\"value\":\"Payments API\"}");
	expect(API_OK, ANA, "route.put", "{\"team\":\"pay\",\"kind\":\"service\",\"value\":\"payments-api\"}"); /* its own */
	expect(API_CONFLICT, BEN, "route.put", "{\"team\":\"fin\",\"kind\":\"service\",\"value\":\"payments_api\"}");
	expect(API_OK, BEN, "route.put", "{\"team\":\"fin\",\"kind\":\"github_repo\",\"value\":\"acme/payments-api\"}");
	expect(API_FORBIDDEN, BEN, "route.put", "{\"team\":\"pay\",\"kind\":\"service\",\"value\":\"other\"}");
	expect(API_NOT_FOUND, BEN, "route.remove", "{\"kind\":\"service\",\"value\":\"payments api\"}");
	expect(API_NOT_FOUND, BEN, "route.remove", "{\"kind\":\"service\",\"value\":\"nothing\"}");
	expect(API_INVALID, ANA, "route.put", "{\"team\":\"pay\",\"kind\":\"telephone\",\"value\":\"1\"}");
	expect(API_INVALID, ANA, "route.put", "{\"team\":\"pay\",\"kind\":\"mail_address\",\"value\":\"nowhere\"}");
	expect(API_OK, TERMINAL, "route.put",
	    "{\"team\":\"fin\",\"kind\":\"service\",\"value\":\"payments-api\"}"); /* an admin of both */
	assert_int_equal(run(pg, TERMINAL, id_new(), "route.list", &out, "{}"), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "routes")), 2);
	json_decref(out);
	assert_int_equal(run(pg, ANA, id_new(), "route.list", &out, "{\"team\":\"pay\"}"), API_OK);
	assert_int_equal(json_array_size(json_arr(out, "routes")), 0);
	json_decref(out);
	expect(API_OK, BEN, "route.remove", "{\"kind\":\"service\",\"value\":\"Payments API\"}");
	/* with the team: its routes go first */
	expect(API_CONFLICT, TERMINAL, "org.archive", "{\"team\":\"fin\"}");
	expect(API_OK, TERMINAL, "org.archive", "{\"team\":\"fin\",\"move_to\":\"pay\"}");
	assert_string_equal(test_db_value("SELECT n.slug FROM eddy.routes r JOIN eddy.nodes n ON n.id = r.node_id"), "pay");
}

static const char *owner_of(const char *key)
{
	char sql[200];
	snprintf(sql, sizeof sql,
	    "SELECT coalesce(n.slug, 'org') FROM eddy.places p LEFT JOIN eddy.nodes n ON n.id = p.team_id"
	    " WHERE p.external_id = '%s'",
	    key);
	return test_db_value(sql);
}

static void same_as_lookup(const char *kind, const char *value)
{
	char args[200], sql[400];
	json_t *o = NULL;
	snprintf(args, sizeof args, "{\"names\":[{\"kind\":\"%s\",\"value\":\"%s\"}]}", kind, value);
	assert_int_equal(run(pg, TERMINAL, id_new(), "route.lookup", &o, args), API_OK);
	snprintf(sql, sizeof sql,
	    "SELECT coalesce(n.slug, 'org') FROM eddy.places p LEFT JOIN eddy.nodes n ON n.id = p.team_id"
	    " WHERE p.adapter <> 'web' AND split_part(p.external_id, '/', 1) = '%s'",
	    value);
	assert_string_equal(json_str(o, "team", "org"), test_db_value(sql));
	json_decref(o);
}

static void route_put__and_places__agree(void **state)
{
	assert_int_equal(teams(state), 0);
	/* nobody takes a channel from the organisation */
	expect(API_FORBIDDEN, ANA, "route.put", "{\"team\":\"pay\",\"kind\":\"slack_channel\",\"value\":\"C1\"}");
	expect(API_FORBIDDEN, ANA, "route.put", "{\"team\":\"pay\",\"kind\":\"slack_channel\",\"value\":\"C99\"}");
	expect(API_OK, TERMINAL, "route.put", "{\"team\":\"pay\",\"kind\":\"slack_channel\",\"value\":\"C1\"}");
	assert_string_equal(owner_of("C1"), "pay");
	expect(API_CONFLICT, BEN, "route.put", "{\"team\":\"fin\",\"kind\":\"slack_channel\",\"value\":\"C1\"}");
	/* the other way round */
	expect(API_OK, TERMINAL, "place.assign", "{\"team\":\"fin\",\"place\":\"slack:C2\"}");
	assert_string_equal(
	    test_db_value("SELECT n.slug FROM eddy.routes r JOIN eddy.nodes n ON n.id = r.node_id WHERE r.value = 'c2'"), "fin");
	expect(API_OK, TERMINAL, "place.assign", "{\"team\":\"fin\",\"place\":\"slack:C1\"}");
	assert_string_equal(
	    test_db_value("SELECT n.slug FROM eddy.routes r JOIN eddy.nodes n ON n.id = r.node_id WHERE r.value = 'c1'"), "fin");
	expect(API_OK, TERMINAL, "place.assign", "{\"place\":\"slack:C1\"}");
	assert_null(test_db_value("SELECT 1 FROM eddy.routes WHERE value = 'c1'"));
	expect(API_OK, BEN, "route.remove", "{\"kind\":\"slack_channel\",\"value\":\"C2\"}");
	assert_string_equal(owner_of("C2"), "org");
	/* what is seen for the first time */
	expect(API_OK, TERMINAL, "route.put", "{\"team\":\"pay\",\"kind\":\"slack_channel\",\"value\":\"C77\"}");
	expect(API_OK, TERMINAL, "route.put", "{\"team\":\"fin\",\"kind\":\"mail_address\",\"value\":\"Help@example.org\"}");
	assert_true(test_db_exec("INSERT INTO eddy.places (ws, id, adapter, external_id, visibility, member, audience_id) VALUES"
	                         " ('" WS "', '" P "d', 'slack', 'C77', 4, true, '" P "a'),"
	                         " ('" WS "', '" P "e', 'email', 'help@example.org/list', 2, true, '" P "a'),"
	                         " ('" WS "', '" P "f', 'web', 'C77', 4, true, '" P "a')"));
	assert_string_equal(
	    test_db_value(
	        "SELECT n.slug FROM eddy.places p JOIN eddy.nodes n ON n.id = p.team_id WHERE p.adapter = 'slack' AND p.external_id = 'C77'"),
	    "pay");
	assert_string_equal(owner_of("help@example.org/list"), "fin");
	/* whoever tests a route is told what happened */
	same_as_lookup("slack_channel", "C77");
	same_as_lookup("slack_channel", "C2");
	same_as_lookup("mail_address", "help@example.org");
	assert_null(test_db_value("SELECT team_id FROM eddy.places WHERE adapter = 'web'"));
	assert_true(test_db_exec(
	    "UPDATE eddy.places SET team_id = NULL; INSERT INTO eddy.places (ws, id, adapter, external_id, visibility, member,"
	    " audience_id) VALUES ('" WS "', '" P "d', 'slack', 'C77', 4, true, '" P "a') ON CONFLICT (ws, id) DO UPDATE SET"
	    " name = 'known'"));
	assert_string_equal(
	    test_db_value("SELECT coalesce(team_id::text, 'org') FROM eddy.places WHERE adapter = 'slack' AND external_id = 'C77'"),
	    "org");
}

static void route_lookup__explains__who_and_why(void **state)
{
	json_t *o = NULL;
	assert_int_equal(teams(state), 0);
	expect(API_OK, ANA, "route.put", "{\"team\":\"pay\",\"kind\":\"service\",\"value\":\"payments-api\"}");
	expect(API_OK, BEN, "route.put", "{\"team\":\"fin\",\"kind\":\"pagerduty_service\",\"value\":\"ledger\"}");
	/* the order of the kinds counts, not that of the question */
	assert_int_equal(
	    run(pg, ANA, id_new(), "route.lookup", &o,
	        "{\"names\":[{\"kind\":\"service\",\"value\":\"Payments API\"},{\"kind\":\"github_repo\",\"value\":\"nonsense\"},"
	        "{\"kind\":\"pagerduty_service\",\"value\":\"Ledger\"},{\"kind\":\"incidentio_team\",\"value\":\"x\"}]}"),
	    API_OK);
	assert_string_equal(json_str(o, "team", ""), "fin");
	assert_string_equal(json_str(json_obj(o, "matched_by"), "kind", ""), "pagerduty_service");
	assert_string_equal(json_str(json_array_get(json_arr(o, "tried"), 0), "result", ""), "claimed by pay, but comes later");
	assert_non_null(strstr(json_str(json_array_get(json_arr(o, "tried"), 1), "result", ""), "not one: "));
	assert_string_equal(json_str(json_array_get(json_arr(o, "tried"), 2), "result", ""), "matched");
	assert_string_equal(json_str(json_array_get(json_arr(o, "tried"), 3), "result", ""), "nobody");
	assert_null(json_object_get(o, "hint"));
	json_decref(o);
	static const struct {
		const char *args, *hint;
	} hints[] = {
		{ "{\"names\":[{\"kind\":\"incidentio_team\",\"value\":\"ledger\"}]}", "There is pagerduty_service=ledger" },
		{ "{\"names\":[{\"kind\":\"service\",\"value\":\"payments\"}]}", "There is service=payments-api" },
		{ "{\"names\":[{\"kind\":\"service\",\"value\":\"zebra\"}]}", "eddy route put TEAM service=zebra" },
		{ "{\"names\":[{\"kind\":\"github_repo\",\"value\":\"zebra\"}]}", "is a value of its kind" },
	};
	for (size_t i = 0; i < sizeof hints / sizeof *hints; i++) {
		assert_int_equal(run(pg, ANA, id_new(), "route.lookup", &o, hints[i].args), API_OK);
		assert_null(json_object_get(o, "team"));
		if (strstr(json_str(o, "hint", ""), hints[i].hint) == NULL)
			fail_msg("%s: %s", hints[i].args, json_str(o, "hint", ""));
		json_decref(o);
	}
	expect(API_FORBIDDEN, GUEST, "route.lookup", hints[0].args);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(route_normalise__writes__one_form),
		cmocka_unit_test(route_put__claims__once),
		cmocka_unit_test(route_put__and_places__agree),
		cmocka_unit_test(route_lookup__explains__who_and_why),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
