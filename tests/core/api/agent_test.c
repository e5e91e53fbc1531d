/* agent.* against a real database: what they do, who may, and what they refuse. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../core/agents/agent.h"
#include "../../../core/api/api.h"
#include "../../../core/base/json.h"
#include "../../support/db.h"

#define WS "11111111-1111-4111-8111-111111111111"
#define OWNER "00000000-0000-4000-8000-000000000001"
#define MEMBER "00000000-0000-4000-8000-000000000003"
#define TEAM "aaaaaaaa-0000-4000-8000-000000000002"
static struct pg *pg;
static struct id ws, request;
static json_t *result;
static struct problem problem;

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
	if (!test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one');"
	                  "INSERT INTO eddy.people (ws, id, name) VALUES ('" WS "', '" OWNER "', 'owner'), ('" WS "', '" MEMBER
	                  "', 'member');"
	                  "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('" WS
	                  "', 'web', 'local', '" OWNER "', 1), ('" WS "', 'slack', 'U3', '" MEMBER "', 2);"
	                  "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES ('" WS "', '" TEAM "', '" WS
	                  "', 3, 'team', 'Team');"))
		return -1;
	return pg_end(pg, pg_begin(pg, ws) == ERR_NONE ? agents_seed(pg, ws) : ERR_BROKEN) == ERR_NONE ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(result);
	result = NULL;
	pg_close(pg);
	return 0;
}

static enum api_code call(const char *person, const char *name, const char *args)
{
	struct caller by;
	json_t *in = NULL;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, id_of(person), "cli", &by), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(json_parse(args, strlen(args), 1000, &in, NULL), ERR_NONE);
	json_decref(result);
	result = NULL;
	request = id_new();
	enum api_code code = api_run(NULL, pg, &by, name, in, request, &result, &problem);
	json_decref(in);
	return code;
}

static const char *field(const char *agent, const char *key)
{
	char args[100];
	snprintf(args, sizeof args, "{\"agent\":\"%s\"}", agent);
	assert_int_equal(call(OWNER, "agent.get", args), API_OK);
	return json_str(result, key, "");
}

/* What a run would get. */
static bool answers(const char *slug, const char *prompt)
{
	struct agent *a = NULL;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	enum err e = agents_load(pg, ws, slug, &a);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	bool same = e == ERR_NONE && strcmp(a->prompt, prompt) == 0;
	agent_free(a);
	return same;
}

#define NIGHT "{\"slug\":\"night\",\"name\":\"Night\",\"prompt\":\"Be short.\",\"tools\":[\"search_messages\"],\"max_turns\":3}"

/* Agents that another may ask: who there is, and no circle. */
static void agent__names_whom_it_may_ask__and_nobody_in_a_circle(void **state)
{
	(void)state;
	assert_int_equal(
	    call(OWNER, "agent.create", "{\"slug\":\"books\",\"name\":\"Books\",\"prompt\":\"x\",\"description\":\"The ledger.\"}"),
	    API_OK);
	assert_string_equal(field("books", "description"), "The ledger.");
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"eddy\",\"sub_agents\":[\"books\",\"nobody\"]}"), API_CONFLICT);
	assert_non_null(strstr(problem.detail, "agent eddy names the agent nobody, which does not exist"));
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"eddy\",\"sub_agents\":[\"books\",\"books\"]}"), API_INVALID);
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"eddy\",\"sub_agents\":[\"books\"]}"), API_OK);
	field("eddy", "slug");
	assert_string_equal(json_string_value(json_array_get(json_arr(result, "sub_agents"), 0)), "books");
	assert_false(json_bool(result, "shipped", true));
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"books\",\"sub_agents\":[\"eddy\"]}"), API_CONFLICT);
	assert_non_null(strstr(problem.detail, "in a circle: books → eddy → books"));
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"books\",\"active\":false}"), API_CONFLICT);
	assert_non_null(strstr(problem.detail, "agent eddy names the agent books, which is off"));
	assert_int_equal(call(OWNER, "agent.reset", "{\"agent\":\"eddy\"}"), API_OK);
	field("eddy", "slug");
	assert_int_equal(json_array_size(json_arr(result, "sub_agents")), 0);
}

static void agent__is_made_shown_changed_and_switched_off(void **state)
{
	(void)state;
	assert_int_equal(call(OWNER, "agent.create", NIGHT), API_OK);
	assert_true(answers("night", "Be short."));
	assert_string_equal(field("night", "prompt"), "Be short.");
	assert_int_equal(json_int(result, "max_turns", 0), 3);
	assert_int_equal(json_int(result, "max_tokens", 0), 2000);
	assert_false(json_bool(result, "shipped", true));
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"night\",\"prompt\":\"Be long.\",\"max_turns\":3}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "changed")), 1); /* the turns were three already */
	assert_true(answers("night", "Be long."));
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"night\",\"active\":false}"), API_OK);
	assert_false(answers("night", "Be long."));
	assert_int_equal(call(OWNER, "agent.list", "{}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "agents")), 1);
	assert_int_equal(call(OWNER, "agent.list", "{\"all\":true}"), API_OK);
	assert_int_equal(json_array_size(json_arr(result, "agents")), 2);
	assert_null(json_object_get(json_array_get(json_arr(result, "agents"), 1), "prompt"));
	/* Who, which and what is in the log; what it says is not. */
	assert_string_equal(
	    test_db_value("SELECT count(*) FROM eddy.audit a JOIN eddy.audit_details d ON d.ws = a.ws AND d.entry_id = a.id"
	                  " JOIN eddy.audit_people p ON p.ws = a.ws AND p.tag = a.actor WHERE p.person_id = '" OWNER
	                  "' AND a.verb IN ('agent.create', 'agent.update') AND d.detail->>'agent' = 'night'"
	                  " AND d.detail->'changed' IS NOT NULL AND d.detail::text NOT LIKE '%Be %'"),
	    "3");
}

static void agent__that_was_changed_meanwhile__is_left_alone(void **state)
{
	(void)state;
	char args[200], base[100];
	snprintf(base, sizeof base, "%s", field("eddy", "digest"));
	assert_true(json_bool(result, "shipped", false));
	snprintf(args, sizeof args, "{\"agent\":\"eddy\",\"max_turns\":6,\"base\":\"%s\"}", base);
	assert_int_equal(call(OWNER, "agent.update", args), API_OK);
	assert_int_equal(call(OWNER, "agent.update", args), API_CONFLICT);
	assert_string_not_equal(field("eddy", "digest"), base);
	assert_int_equal(json_int(result, "max_turns", 0), 6);
}

static void agent__of_ours__is_theirs_once_changed_and_can_be_had_back(void **state)
{
	(void)state;
	struct agent *s = agent_shipped("eddy");
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"eddy\",\"prompt\":\"Mine.\"}"), API_OK);
	assert_int_equal(pg_end(pg, pg_begin(pg, ws) == ERR_NONE ? agents_seed(pg, ws) : ERR_BROKEN), ERR_NONE);
	assert_true(answers("eddy", "Mine.")); /* a newer Eddy does not take it away */
	assert_int_equal(call(OWNER, "agent.reset", "{\"agent\":\"eddy\"}"), API_OK);
	assert_true(answers("eddy", s->prompt));
	assert_string_equal(field("eddy", "prompt"), s->prompt);
	assert_true(json_bool(result, "shipped", false));
	agent_free(s);
	assert_int_equal(call(OWNER, "agent.create", NIGHT), API_OK);
	assert_int_equal(call(OWNER, "agent.reset", "{\"agent\":\"night\"}"), API_CONFLICT);
}

static void agent__that_settings_name__stays_on(void **state)
{
	(void)state;
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"eddy\",\"active\":false}"), API_CONFLICT); /* agent.default */
	assert_int_equal(call(OWNER, "agent.create", NIGHT), API_OK);
	assert_int_equal(call(OWNER, "config.set", "{\"team\":\"team\",\"set\":{\"agent.default\":\"night\"}}"), API_OK);
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"night\",\"active\":false}"), API_CONFLICT);
	assert_non_null(strstr(problem.detail, "In team"));
	assert_true(answers("night", "Be short."));
	assert_int_equal(call(OWNER, "config.set", "{\"team\":\"team\",\"unset\":[\"agent.default\"]}"), API_OK);
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"night\",\"active\":false}"), API_OK);
}

static void agent__under_review__is_changed_in_the_settings(void **state)
{
	(void)state;
	assert_int_equal(call(OWNER, "config.set", "{\"set\":{\"governance.review\":[\"agents\"]}}"), API_OK);
	assert_int_equal(call(OWNER, "agent.update", "{\"agent\":\"eddy\",\"prompt\":\"Mine.\"}"), API_LOCKED);
	assert_int_equal(call(OWNER, "agent.create", NIGHT), API_LOCKED);
	assert_int_equal(call(OWNER, "agent.reset", "{\"agent\":\"eddy\"}"), API_LOCKED);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.agents WHERE seed_digest IS NULL"), "0");
	assert_int_equal(call(OWNER, "agent.get", "{\"agent\":\"eddy\"}"), API_OK);
}

static void agent__that_does_not_fit__is_refused(void **state)
{
	(void)state;
	static const struct {
		const char *name, *args;
		enum api_code code;
	} bad[] = {
		{ "agent.create", "{\"slug\":\"eddy\",\"name\":\"E\",\"prompt\":\"p\"}", API_CONFLICT },
		{ "agent.create", "{\"slug\":\"Eddy\",\"name\":\"E\",\"prompt\":\"p\"}", API_INVALID },
		{ "agent.create", "{\"slug\":\"-x\",\"name\":\"E\",\"prompt\":\"p\"}", API_INVALID },
		{ "agent.create", "{\"slug\":\"x\",\"name\":\" \",\"prompt\":\"p\"}", API_INVALID },
		{ "agent.create", "{\"slug\":\"x\",\"name\":\"E\",\"prompt\":\" \\n\"}", API_INVALID },
		{ "agent.create", "{\"slug\":\"x\",\"name\":\"E\"}", API_INVALID },
		{ "agent.create", "{\"slug\":\"x\",\"name\":\"E\",\"prompt\":\"p\",\"tools\":[\"rm\"]}", API_INVALID },
		{ "agent.update", "{\"agent\":\"eddy\",\"tools\":[\"send_message\",\"send_message\"]}", API_INVALID },
		{ "agent.update", "{\"agent\":\"eddy\",\"max_turns\":51}", API_INVALID },
		{ "agent.update", "{\"agent\":\"eddy\",\"seed_digest\":\"x\"}", API_INVALID },
		{ "agent.update", "{\"agent\":\"eddy\",\"base\":\"x\"}", API_CONFLICT },
		{ "agent.update", "{\"agent\":\"nobody\"}", API_NOT_FOUND },
		{ "agent.get", "{\"agent\":\"nobody\"}", API_NOT_FOUND },
		{ "agent.reset", "{\"agent\":\"nobody\"}", API_NOT_FOUND },
	};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (call(OWNER, bad[i].name, bad[i].args) != bad[i].code)
			fail_msg("%s %s: %d", bad[i].name, bad[i].args, (int)problem.code);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.agents"), "1");
	assert_int_equal(call(MEMBER, "agent.update", "{\"agent\":\"eddy\",\"max_turns\":6}"), API_FORBIDDEN);
	assert_int_equal(call(MEMBER, "agent.get", "{\"agent\":\"eddy\"}"), API_OK);
}

static void agent__that_was_made_by_this_call__is_not_made_again(void **state)
{
	(void)state;
	json_t *in = json_loads(NIGHT, 0, NULL);
	struct caller by;
	assert_int_equal(call(OWNER, "agent.create", NIGHT), API_OK);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, id_of(OWNER), "cli", &by), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	json_decref(result);
	result = NULL;
	assert_int_equal(api_run(NULL, pg, &by, "agent.create", in, request, &result, &problem), API_OK);
	json_decref(in);
	assert_int_equal(call(OWNER, "agent.create", NIGHT), API_CONFLICT);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.agents"), "2");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(agent__is_made_shown_changed_and_switched_off),
		T(agent__names_whom_it_may_ask__and_nobody_in_a_circle),
		T(agent__that_was_changed_meanwhile__is_left_alone),
		T(agent__of_ours__is_theirs_once_changed_and_can_be_had_back),
		T(agent__that_settings_name__stays_on),
		T(agent__under_review__is_changed_in_the_settings),
		T(agent__that_does_not_fit__is_refused),
		T(agent__that_was_made_by_this_call__is_not_made_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
