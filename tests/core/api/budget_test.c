/* budget.* and usage.get against a real database: what they do, and who may. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../core/api/api.h"
#include "../../../core/base/json.h"
#include "../../../core/settings/settings.h"
#include "../../../core/teams/config_store.h"
#include "../../support/db.h"

#define WS "11111111-1111-4111-8111-111111111111"
#define OWNER "00000000-0000-4000-8000-000000000001"
#define LEAD "00000000-0000-4000-8000-000000000002"
#define MEMBER "00000000-0000-4000-8000-000000000003"
#define UNIT "aaaaaaaa-0000-4000-8000-000000000001"
#define TEAM "aaaaaaaa-0000-4000-8000-000000000002"
static struct pg *pg;
static struct id ws;
static json_t *result;

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
	if (pg_open(&pg, test_db_fresh(), api_tables, why, sizeof why) != ERR_NONE)
		return -1;
	return test_db_exec(
	           "INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one');"
	           "INSERT INTO eddy.people (ws, id, name) VALUES ('" WS "', '" OWNER "', 'owner'), ('" WS "', '" LEAD "', 'lead'),"
	           " ('" WS "', '" MEMBER "', 'member');"
	           "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('" WS
	           "', 'web', 'local', '" OWNER "', 1), ('" WS "', 'slack', 'U2', '" LEAD "', 2), ('" WS
	           "', 'slack', 'U3', '" MEMBER "', 2);"
	           "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES ('" WS "', '" UNIT "', '" WS
	           "', 2, 'unit', 'Unit'),"
	           " ('" WS "', '" TEAM "', '" UNIT "', 3, 'team', 'Team');"
	           "INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('" WS "', '" TEAM "', '" LEAD "', 3);"
	           "INSERT INTO eddy.budget_days (ws, kind, subject, day, spent_micros, input_tokens, output_tokens, calls) SELECT '" WS
	           "', k, s::uuid, (now() AT TIME ZONE 'UTC')::date - back, m, 100, 10, 1 FROM (VALUES (1, '" WS
	           "', 0, 1250000), (2, '" TEAM "', 0, 750000), (3, '" MEMBER "', 0, 500000), (3, '" LEAD
	           "', 40, 7)) AS x (k, s, back, m)")
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(result);
	pg_close(pg);
	return 0;
}

static enum api_code call(const char *person, const char *name, const char *args)
{
	struct caller by;
	json_t *in = NULL;
	struct problem p;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, id_of(person), "cli", &by), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(json_parse(args, strlen(args), 1000, &in, NULL), ERR_NONE);
	json_decref(result);
	result = NULL;
	enum api_code code = api_run(NULL, pg, &by, name, in, id_new(), &result, &p);
	json_decref(in);
	return code;
}

static const json_t *row(const char *list, size_t i)
{
	return json_array_get(json_arr(result, list), i);
}

static double number(const json_t *o, const char *key)
{
	return json_number_value(json_object_get(o, key));
}

static void budget__is_set_shown_and_taken_away(void **state)
{
	(void)state;
	assert_int_equal(call(OWNER, "budget.set", "{\"team\":\"team\",\"period\":\"month\",\"usd\":1.5,\"tokens\":1000}"), API_OK);
	assert_int_equal(call(OWNER, "budget.set", "{\"each\":\"person\",\"period\":\"day\",\"usd\":1}"), API_OK);
	assert_int_equal(call(OWNER, "budget.set", "{\"person\":\"slack:U3\",\"period\":\"day\",\"tokens\":0}"), API_OK);
	assert_int_equal(call(OWNER, "budget.set", "{\"period\":\"month\",\"usd\":100}"), API_OK);
	assert_int_equal(call(OWNER, "budget.list", "{}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "budgets")), 4);
	assert_string_equal(json_str(row("budgets", 0), "of", ""), "workspace");
	assert_true(number(row("budgets", 0), "spent_usd") == 1.25);
	assert_string_equal(json_str(row("budgets", 1), "name", ""), "team");
	assert_true(number(row("budgets", 1), "usd") == 1.5 && number(row("budgets", 1), "spent_usd") == 0.75);
	assert_int_equal(json_int(row("budgets", 1), "spent_tokens", 0), 110);
	assert_true(json_bool(row("budgets", 2), "each", false));
	assert_string_equal(json_str(row("budgets", 3), "name", ""), "member");
	assert_int_equal(call(OWNER, "budget.get", "{\"person\":\"slack:U3\"}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "budgets")), 1);
	assert_int_equal(call(OWNER, "budget.set", "{\"person\":\"slack:U3\",\"period\":\"day\"}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "budgets")), 0);
	assert_int_equal(call(OWNER, "budget.list", "{\"team\":\"unit\"}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "budgets")), 1);
	assert_int_equal(
	    call(OWNER, "budget.set", "{\"team\":\"team\",\"each\":\"team\",\"period\":\"day\",\"usd\":1}"), API_INVALID);
	assert_int_equal(call(OWNER, "budget.set", "{\"period\":\"year\",\"usd\":1}"), API_INVALID);
	assert_int_equal(call(OWNER, "budget.set", "{\"period\":\"day\",\"usd\":-1}"), API_INVALID);
	assert_int_not_equal(call(OWNER, "budget.set", "{\"person\":\"slack:NOBODY\",\"period\":\"day\",\"usd\":1}"), API_OK);
}

static void budget__of_a_team__its_own_admin_only_makes_tighter(void **state)
{
	(void)state;
	assert_int_equal(call(LEAD, "budget.set", "{\"team\":\"team\",\"period\":\"month\",\"usd\":1,\"tokens\":1000}"), API_OK);
	assert_int_equal(
	    call(LEAD, "budget.set", "{\"team\":\"team\",\"period\":\"month\",\"usd\":2,\"tokens\":1000}"), API_FORBIDDEN);
	assert_int_equal(call(LEAD, "budget.set", "{\"team\":\"team\",\"period\":\"month\",\"usd\":1}"), API_FORBIDDEN);
	assert_int_equal(call(LEAD, "budget.set", "{\"team\":\"team\",\"period\":\"month\"}"), API_FORBIDDEN);
	assert_int_equal(call(LEAD, "budget.set", "{\"team\":\"team\",\"period\":\"day\",\"usd\":5}"), API_OK); /* there was none */
	assert_int_not_equal(call(LEAD, "budget.set", "{\"team\":\"unit\",\"period\":\"day\",\"usd\":1}"), API_OK);
	assert_int_not_equal(call(LEAD, "budget.set", "{\"period\":\"day\",\"usd\":1}"), API_OK);
	assert_int_not_equal(call(LEAD, "budget.set", "{\"each\":\"person\",\"period\":\"day\",\"usd\":9}"), API_OK);
	assert_int_not_equal(call(LEAD, "budget.list", "{}"), API_OK);
	assert_int_equal(call(LEAD, "budget.list", "{\"team\":\"team\"}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "budgets")), 2);
	assert_int_not_equal(call(MEMBER, "budget.list", "{\"team\":\"team\"}"), API_OK);
	assert_int_not_equal(call(MEMBER, "budget.set", "{\"person\":\"slack:U3\",\"period\":\"day\",\"usd\":9}"), API_OK);
}

static void usage__is_for_admins_and_ones_own_for_all(void **state)
{
	(void)state;
	assert_int_equal(call(OWNER, "usage.get", "{}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "usage")), 1);
	assert_true(number(row("usage", 0), "usd") == 1.25);
	assert_int_equal(call(OWNER, "usage.get", "{\"by\":\"person\"}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "usage")), 1);
	assert_string_equal(json_str(row("usage", 0), "name", ""), "member");
	assert_int_equal(call(OWNER, "usage.get", "{\"by\":\"person\",\"days\":60}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "usage")), 2);
	assert_int_equal(call(OWNER, "usage.get", "{\"by\":\"team\"}"), API_OK);
	assert_string_equal(json_str(row("usage", 0), "name", ""), "team");
	assert_int_equal(call(LEAD, "usage.get", "{\"team\":\"team\"}"), API_OK);
	assert_true(number(row("usage", 0), "usd") == 0.75);
	assert_int_not_equal(call(LEAD, "usage.get", "{\"by\":\"person\"}"), API_OK);
	assert_int_equal(call(LEAD, "usage.get", "{\"team\":\"team\",\"by\":\"person\"}"), API_INVALID);
	assert_int_equal(call(LEAD, "usage.get", "{\"team\":\"team\",\"person\":\"slack:U3\"}"), API_INVALID);
	assert_int_equal(call(MEMBER, "usage.mine", "{}"), API_OK);
	assert_true(number(row("usage", 0), "usd") == 0.5);
	assert_int_equal(call(MEMBER, "usage.get", "{}"), API_FORBIDDEN);
	assert_int_equal(call(MEMBER, "usage.get", "{\"person\":\"slack:U2\"}"), API_FORBIDDEN);
}

/* What the only cap of ${of} in ${list} for ${period} says: "usd layer name by; …", what counts with a star before it. */
static const char *cap_of(const char *of, const char *name, bool each, const char *period, const char *unit)
{
	static char text[600];
	size_t i, k, n = 0;
	const json_t *o, *said;
	text[0] = '\0';
	json_array_foreach (json_arr(result, "caps"), i, o) {
		if (strcmp(json_str(o, "of", ""), of) != 0 || strcmp(json_str(o, "name", ""), name) != 0 ||
		    json_bool(o, "each", false) != each || strcmp(json_str(o, "period", ""), period) != 0 ||
		    json_object_get(o, unit) == NULL)
			continue;
		assert_int_equal(n, 0);
		assert_true(number(o, unit) == number(json_object_get(o, "from"), unit));
		json_array_foreach (json_arr(o, "says"), k, said)
			n += (size_t)snprintf(text + n, sizeof text - n, "%s%s%g %s %s %s", n > 0 ? "; " : "",
			    json_equal(said, json_object_get(o, "from")) ? "*" : "", number(said, unit),
			    json_str(said, "layer", ""), json_str(said, "name", ""), json_str(said, "by", ""));
	}
	return text;
}

static void list__says__which_layer_each_cap_is_from_and_what_the_others_say(void **state)
{
	(void)state;
	assert_true(test_db_exec("DELETE FROM eddy.budgets"));
	assert_int_equal(call(OWNER, "budget.list", "{\"team\":\"team\"}"), API_OK);
	assert_string_equal(cap_of("team", "team", false, "day", "usd"), "");
	assert_int_equal(
	    call(OWNER, "config.set", "{\"set\":{\"budget.team_day_cents\":900,\"budget.person_day_cents\":70}}"), API_OK);
	assert_int_equal(call(OWNER, "config.set", "{\"template\":true,\"set\":{\"budget.person_day_cents\":300}}"), API_OK);
	assert_int_equal(
	    call(OWNER, "config.set", "{\"team\":\"unit\",\"set\":{\"budget.team_day_cents\":500,\"budget.run_cents\":40}}"),
	    API_OK);
	assert_int_equal(call(OWNER, "budget.set", "{\"each\":\"team\",\"period\":\"day\",\"usd\":7}"), API_OK);
	assert_int_equal(call(OWNER, "budget.set", "{\"team\":\"unit\",\"period\":\"day\",\"usd\":20}"), API_OK);
	assert_int_equal(call(OWNER, "budget.set", "{\"each\":\"person\",\"period\":\"day\",\"usd\":0.5}"), API_OK);
	assert_int_equal(call(OWNER, "budget.set", "{\"person\":\"slack:U3\",\"period\":\"day\",\"usd\":2}"), API_OK);
	assert_int_equal(call(OWNER, "budget.list", "{\"team\":\"team\"}"), API_OK);
	assert_string_equal(cap_of("team", "team", false, "day", "usd"),
	    "9 organisation org settings; *5 unit unit settings; 7 organisation each team budget");
	assert_string_equal(cap_of("answer", "", false, "answer", "usd"), "*0.4 unit unit settings");
	assert_int_equal(call(OWNER, "budget.set", "{\"team\":\"team\",\"period\":\"day\",\"usd\":3}"), API_OK);
	assert_int_equal(call(OWNER, "budget.list", "{}"), API_OK);
	/* its own takes the place of the one for each, which is seen all the same */
	assert_string_equal(cap_of("team", "team", false, "day", "usd"),
	    "9 organisation org settings; 5 unit unit settings; 7 organisation each team budget; *3 team team budget");
	/* the unit: what all of it spends is one thing, what each team in it may another */
	assert_string_equal(cap_of("team", "unit", false, "day", "usd"), "7 organisation each team budget; *20 unit unit budget");
	assert_string_equal(cap_of("team", "unit", true, "day", "usd"),
	    "9 organisation org settings; *5 unit unit settings; 7 organisation each team budget");
	assert_string_equal(
	    cap_of("team", "", true, "day", "usd"), "9 organisation org settings; *7 organisation each team budget");
	assert_string_equal(cap_of("person", "", true, "day", "usd"),
	    "3 template template settings; 0.7 organisation org settings; *0.5 organisation each person budget");
	assert_string_equal(cap_of("person", "member", false, "day", "usd"),
	    "3 template template settings; *0.7 organisation org settings; 0.5 organisation each person budget; 2 person member budget");
	/* what eddy.yaml says, and a bound without a value */
	static const struct setting *const tables[] = { core_settings, NULL };
	char *const none[] = { NULL };
	struct buf problems = BUF_INIT;
	struct settings *s = settings_new(tables);
	assert_int_equal(settings_load(s, NULL, none, none, &problems), ERR_NONE);
	config_platform(s);
	assert_int_equal(call(OWNER, "budget.set", "{\"period\":\"day\",\"usd\":100}"), API_OK);
	assert_int_equal(call(OWNER, "config.set", "{\"bounds\":{\"budget.team_month_tokens\":{\"max\":1000}}}"), API_OK);
	assert_int_equal(call(LEAD, "budget.list", "{\"team\":\"team\"}"), API_OK);
	assert_string_equal(cap_of("workspace", "", false, "day", "usd"),
	    "*5 platform model.daily_cap eddy.yaml; 100 organisation workspace budget");
	assert_string_equal(cap_of("team", "team", false, "month", "tokens"), "*1000 organisation org settings");
	assert_string_equal(
	    cap_of("answer", "", false, "answer", "usd"), "2 platform budget.run_cap eddy.yaml; *0.4 unit unit settings");
	assert_string_equal(cap_of("person", "member", false, "day", "usd"), ""); /* not an admin of one team's to see */
	settings_free(s);
	buf_done(&problems);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget__is_set_shown_and_taken_away),
		cmocka_unit_test(budget__of_a_team__its_own_admin_only_makes_tighter),
		cmocka_unit_test(list__says__which_layer_each_cap_is_from_and_what_the_others_say),
		cmocka_unit_test(usage__is_for_admins_and_ones_own_for_all),
	};
	return cmocka_run_group_tests_name("budget", tests, set_up, tear_down);
}
