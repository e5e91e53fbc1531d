/* Layers of settings in the database: versions, what waits for another admin, and what is refused because of layers above and below. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "../../../core/base/id.h"
#include "tree.h"

#define GET(o, ...) json_dig(o, (const char *const[]){ __VA_ARGS__, NULL })

static const json_t *json_dig(const json_t *o, const char *const *path)
{
	for (; *path != NULL && o != NULL; path++)
		o = json_is_array(o) ? json_array_get(o, (size_t)atoi(*path)) : json_object_get(o, *path);
	return o;
}

static json_t *ask(int person, const char *name, const char *args)
{
	json_t *out = NULL;
	enum api_code code = run(pg, person, id_new(), name, &out, args);
	if (code != API_OK)
		fail_msg("%s %s: %s", name, args, problem_name(code));
	return out;
}

static int64_t number_of(int person, const char *team, const char *key)
{
	char args[100];
	snprintf(args, sizeof args, "{\"team\":\"%s\"}", team);
	json_t *o = ask(person, "config.effective", args);
	int64_t n = json_int(json_obj(o, "values"), key, -1);
	json_decref(o);
	return n;
}

static int tree(void **state)
{
	if (fresh(state) != 0 ||
	    !test_db_exec("INSERT INTO eddy.agents (ws, id, slug, name, prompt, tools, max_tokens, max_turns) VALUES ('" WS
	                  "', '" WS "', 'eddy', 'Eddy', 'x', '{search_messages,read_message}', 1000, 5)"))
		return -1;
	expect(API_OK, TERMINAL, "org.create", "{\"name\":\"unit\",\"kind\":\"unit\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"team\":\"unit\",\"name\":\"pay\"}");
	expect(API_OK, TERMINAL, "org.create", "{\"team\":\"unit\",\"name\":\"fin\"}");
	expect(API_OK, TERMINAL, "member.put", "{\"person\":\"slack:U2\",\"role\":\"admin\"}");
	expect(API_OK, TERMINAL, "member.put", "{\"team\":\"pay\",\"person\":\"slack:U3\",\"role\":\"admin\"}");
	return 0;
}

static void config_set__holds__below_and_keeps_versions(void **state)
{
	assert_int_equal(tree(state), 0);
	assert_int_equal(number_of(ANA, "pay", "forks.max_active"), 5);
	json_t *o = ask(ANA, "config.set", "{\"team\":\"unit\",\"set\":{\"forks.max_active\":7}}");
	assert_int_equal(json_int(o, "version", 0), 1);
	json_decref(o);
	assert_int_equal(number_of(BEN, "pay", "forks.max_active"), 7);
	assert_int_equal(number_of(ANA, "org", "forks.max_active"), 5);
	json_decref(ask(BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"forks.max_active\":2}}"));
	assert_int_equal(number_of(BEN, "pay", "forks.max_active"), 2);
	assert_int_equal(number_of(ANA, "fin", "forks.max_active"), 7);
	json_decref(ask(ANA, "config.set", "{\"template\":true,\"set\":{\"forks.max_active\":9}}"));
	assert_int_equal(number_of(ANA, "org", "forks.max_active"), 9);
	/* nothing that is not different makes a version */
	o = ask(BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"forks.max_active\":2}}");
	assert_int_equal(json_int(o, "version", 0), 1);
	json_decref(o);
	json_decref(ask(BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"forks.max_active\":3},\"base_version\":1}"));
	expect(API_CONFLICT, BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"forks.max_active\":4},\"base_version\":1}");
	o = ask(BEN, "config.diff", "{\"team\":\"pay\",\"from\":1,\"to\":2}");
	assert_int_equal(json_integer_value(GET(o, "changed", "0", "before")), 2);
	assert_int_equal(json_integer_value(GET(o, "changed", "0", "after")), 3);
	json_decref(o);
	o = ask(BEN, "config.restore", "{\"team\":\"pay\",\"version\":1}");
	assert_int_equal(json_int(o, "version", 0), 3);
	json_decref(o);
	assert_int_equal(number_of(BEN, "pay", "forks.max_active"), 2);
	o = ask(BEN, "config.get", "{\"team\":\"pay\"}");
	assert_int_equal(json_int(o, "version", 0), 3);
	assert_int_equal(json_integer_value(GET(o, "doc", "set", "forks.max_active")), 2);
	json_decref(o);
	o = ask(BEN, "config.history", "{\"team\":\"pay\"}");
	assert_int_equal(json_array_size(json_arr(o, "versions")), 3);
	assert_int_equal(json_integer_value(GET(o, "versions", "0", "restored_from")), 1);
	assert_string_equal(json_string_value(GET(o, "versions", "0", "author")), "Ben");
	json_decref(o);
	expect(API_NOT_FOUND, BEN, "config.restore", "{\"team\":\"pay\",\"version\":9}");
	/* who is no admin there */
	expect(API_FORBIDDEN, BEN, "config.set", "{\"team\":\"fin\",\"set\":{\"forks.max_active\":2}}");
	expect(API_FORBIDDEN, BEN, "config.set", "{\"template\":true,\"set\":{\"forks.max_active\":2}}");
	expect(API_INVALID, BEN, "config.set", "{\"team\":\"pay\",\"template\":true,\"set\":{\"forks.max_active\":2}}");
	expect(API_FORBIDDEN, GUEST, "config.effective", "{}");
	/* only the audit knows, and only the keys */
	assert_string_equal(
	    test_db_value(
	        "SELECT d.detail::jsonb->>'keys' FROM eddy.audit a JOIN eddy.audit_details d ON d.ws = a.ws AND d.entry_id = a.id WHERE a.verb = 'config.restore'"),
	    "[\"forks.max_active\"]");
}

static void config_set__refuses__what_is_decided_above(void **state)
{
	assert_int_equal(tree(state), 0);
	json_decref(ask(BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"agent.model\":\"big\",\"forks.max_active\":20}}"));
	json_t *o = ask(ANA, "config.validate", "{\"lock\":[\"agent.model\"],\"bounds\":{\"forks.max_active\":{\"max\":10}}}");
	assert_int_equal(json_array_size(json_arr(o, "overrides")), 2);
	json_decref(o);
	assert_int_equal(number_of(BEN, "pay", "forks.max_active"), 20); /* that was only a look */
	json_decref(ask(ANA, "config.set", "{\"lock\":[\"agent.model\"],\"bounds\":{\"forks.max_active\":{\"max\":10}}}"));
	assert_int_equal(number_of(BEN, "pay", "forks.max_active"), 5);
	o = ask(BEN, "config.effective", "{\"team\":\"pay\"}");
	assert_string_equal(json_str(json_obj(o, "values"), "agent.model", "?"), "");
	assert_string_equal(json_str(json_obj(o, "locked"), "agent.model", "?"), "org");
	assert_int_equal(json_array_size(json_arr(o, "passed_over")), 2);
	json_decref(o);
	expect(API_LOCKED, BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"agent.model\":\"other\"}}");
	json_decref(ask(BEN, "config.set", "{\"team\":\"pay\",\"unset\":[\"agent.model\"],\"set\":{\"forks.max_active\":10}}"));
	expect(API_INVALID, BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"forks.max_active\":11}}");
	expect(API_INVALID, BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"nothing\":11}}");
	expect(API_INVALID, BEN, "config.set", "{\"team\":\"pay\",\"sett\":{}}");
}

static void config_set__refuses__to_switch_off_what_is_needed(void **state)
{
	assert_int_equal(tree(state), 0);
	expect(API_CONFLICT, ANA, "config.set", "{\"set\":{\"tools\":{\"search_messages\":false}}}");
	json_decref(ask(ANA, "config.set",
	    "{\"set\":{\"tools\":{\"search_messages\":false},\"agents\":{\"eddy\":{\"tools\":[\"read_message\"]}}}}"));
	expect(API_CONFLICT, BEN, "config.set",
	    "{\"team\":\"pay\",\"set\":{\"agents\":{\"eddy\":{\"tools\":[\"search_messages\"]}}}}");
	/* a team below needs it */
	json_decref(ask(BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"agents\":{\"eddy\":{\"tools\":[\"read_message\"]}}}}"));
	expect(
	    API_CONFLICT, ANA, "config.set", "{\"set\":{\"tools\":{\"read_message\":false},\"agents\":{\"eddy\":{\"tools\":[]}}}}");
	expect(API_CONFLICT, ANA, "config.set", "{\"template\":true,\"set\":{\"tools\":{\"read_message\":false}}}");
	expect(API_CONFLICT, ANA, "config.set", "{\"set\":{\"agent.default\":\"nobody\"}}");
}

static void change__waits__for_another_admin(void **state)
{
	char args[200];
	assert_int_equal(tree(state), 0);
	json_decref(ask(ANA, "config.set", "{\"set\":{\"governance.review\":[\"agent.prompt\"]}}"));
	json_t *o = ask(BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"agent.prompt\":\"Be rude.\",\"forks.max_active\":4}}");
	assert_null(json_object_get(o, "version"));
	assert_string_equal(json_string_value(GET(o, "keys", "0")), "agent.prompt");
	snprintf(args, sizeof args, "{\"team\":\"pay\",\"change\":\"%s\"}", json_str(o, "pending", ""));
	json_decref(o);
	assert_int_equal(number_of(BEN, "pay", "forks.max_active"), 5);
	json_decref(ask(BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"forks.max_active\":6}}")); /* others do not wait */
	o = ask(ANA, "change.list", "{}");
	assert_int_equal(json_array_size(json_arr(o, "changes")), 1);
	assert_string_equal(json_string_value(GET(o, "changes", "0", "author")), "Ben");
	json_decref(o);
	expect(API_FORBIDDEN, BEN, "change.approve", args);
	expect(API_FORBIDDEN, BEN, "change.reject", args);
	expect(API_NOT_FOUND, GUEST, "change.approve", args);
	o = ask(ANA, "change.approve", args);
	assert_int_equal(json_int(o, "version", 0), 2);
	json_decref(o);
	expect(API_GONE, TERMINAL, "change.approve", args);
	assert_int_equal(number_of(BEN, "pay", "forks.max_active"), 4);
	o = ask(BEN, "config.history", "{\"team\":\"pay\"}");
	assert_string_equal(json_string_value(GET(o, "versions", "0", "author")), "Ben");
	assert_string_equal(json_string_value(GET(o, "versions", "0", "approved_by")), "Ana");
	json_decref(o);
	/* the rule itself cannot be taken away by one alone */
	o = ask(ANA, "config.set", "{\"set\":{\"governance.review\":[]}}");
	assert_non_null(json_object_get(o, "pending"));
	snprintf(args, sizeof args, "{\"change\":\"%s\"}", json_str(o, "pending", ""));
	json_decref(o);
	expect(API_FORBIDDEN, ANA, "change.approve", args);
	expect(API_OK, TERMINAL, "change.reject", args);
	expect(API_GONE, TERMINAL, "change.approve", args);
	o = ask(TERMINAL, "change.list", "{\"all\":true}");
	assert_int_equal(json_array_size(json_arr(o, "changes")), 2);
	json_decref(o);
	expect(API_NOT_FOUND, TERMINAL, "change.approve", "{\"change\":\"nothing\"}");
	/* what was checked when it was asked for is checked again when it is approved */
	o = ask(BEN, "config.set", "{\"team\":\"pay\",\"set\":{\"agent.prompt\":\"Be kind.\"}}");
	snprintf(args, sizeof args, "{\"change\":\"%s\"}", json_str(o, "pending", ""));
	json_decref(o);
	json_decref(ask(ANA, "config.set", "{\"lock\":[\"forks.max_active\"]}"));
	expect(API_LOCKED, ANA, "change.approve", args);
}

static void preference_set__is__ones_own(void **state)
{
	assert_int_equal(tree(state), 0);
	json_decref(ask(GUEST, "preference.set", "{\"set\":{\"display.theme\":\"dark\"}}"));
	expect(API_INVALID, GUEST, "preference.set", "{\"set\":{\"agent.prompt\":\"x\"}}");
	expect(API_INVALID, GUEST, "preference.set", "{\"set\":{\"display.theme\":\"x\"}}");
	json_t *o = ask(GUEST, "preference.get", "{}");
	assert_string_equal(json_str(json_obj(o, "values"), "display.theme", ""), "dark");
	assert_null(GET(o, "values", "agent.prompt"));
	json_decref(o);
	o = ask(ANA, "preference.get", "{}");
	assert_string_equal(json_str(json_obj(o, "values"), "display.theme", ""), "auto");
	json_decref(o);
	json_decref(ask(TERMINAL, "config.set", "{\"set\":{\"display.theme\":\"light\"},\"lock\":[\"display.theme\"]}"));
	o = ask(GUEST, "preference.get", "{}");
	assert_string_equal(json_str(json_obj(o, "values"), "display.theme", ""), "light");
	json_decref(o);
	expect(API_LOCKED, ANA, "preference.set", "{\"set\":{\"display.theme\":\"dark\"}}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_set__holds__below_and_keeps_versions),
		cmocka_unit_test(config_set__refuses__what_is_decided_above),
		cmocka_unit_test(config_set__refuses__to_switch_off_what_is_needed),
		cmocka_unit_test(change__waits__for_another_admin),
		cmocka_unit_test(preference_set__is__ones_own),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
