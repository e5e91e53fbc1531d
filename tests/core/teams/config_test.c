/* How layers of settings come together: a table of cases, and the one rule that must hold for any layers at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"
#include "../../../core/teams/config.h"

#define DEEP 6
static const char *const names[DEEP] = { "platform", "template", "org", "unit", "team", "you" };

static json_t *json(const char *text)
{
	json_error_t e;
	json_t *o = json_loads(text, JSON_DECODE_ANY, &e);
	if (o == NULL)
		fail_msg("%s: %s", text, e.text);
	return o;
}

/* docs[i] NULL: that layer says nothing. */
static json_t *merge(const char *const docs[DEEP])
{
	struct config_says says[DEEP];
	for (int i = 0; i < DEEP; i++)
		says[i] = (struct config_says){ (enum config_layer)(i + 1), names[i], docs[i] == NULL ? NULL : json(docs[i]) };
	json_t *out = config_merge(says, DEEP);
	for (int i = 0; i < DEEP; i++)
		json_decref((json_t *)(uintptr_t)says[i].doc);
	return out;
}

static const struct {
	const char *docs[DEEP];
	const char *key, *value, *from; /* from NULL: the default */
	int passed_over;
} cases[] = {
	/* scalars: the last layer counts, at each level */
	{ { NULL }, "forks.max_active", "5", NULL, 0 },
	{ { "{\"set\":{\"forks.max_active\":7}}" }, "forks.max_active", "7", "platform", 0 },
	{ { "{\"set\":{\"forks.max_active\":7}}", "{\"set\":{\"forks.max_active\":8}}" }, "forks.max_active", "8", "template", 0 },
	{ { "{\"set\":{\"forks.max_active\":7}}", NULL, "{\"set\":{\"forks.max_active\":9}}" }, "forks.max_active", "9", "org", 0 },
	{ { NULL, NULL, "{\"set\":{\"forks.max_active\":9}}", "{\"set\":{\"forks.max_active\":2}}" }, "forks.max_active", "2",
	    "unit", 0 },
	{ { NULL, NULL, "{\"set\":{\"forks.max_active\":9}}", NULL, "{\"set\":{\"forks.max_active\":3}}" }, "forks.max_active", "3",
	    "team", 0 },
	/* who may not set it is passed over */
	{ { NULL, NULL, NULL, NULL, NULL, "{\"set\":{\"forks.max_active\":3}}" }, "forks.max_active", "5", NULL, 1 },
	{ { NULL, NULL, NULL, NULL, NULL, "{\"set\":{\"display.theme\":\"dark\"}}" }, "display.theme", "\"dark\"", "you", 0 },
	/* what is no value is passed over */
	{ { "{\"set\":{\"forks.max_active\":0}}" }, "forks.max_active", "5", NULL, 1 },
	{ { "{\"set\":{\"forks.max_active\":\"7\"}}" }, "forks.max_active", "5", NULL, 1 },
	{ { "{\"set\":{\"display.theme\":\"pink\"}}" }, "display.theme", "\"auto\"", NULL, 1 },
	{ { "{\"set\":{\"search.languages\":[\"klingon\"]}}" }, "search.languages", "[\"english\"]", NULL, 1 },
	/* lists replace */
	{ { "{\"set\":{\"search.languages\":[\"german\",\"english\"]}}", NULL, NULL, NULL,
	      "{\"set\":{\"search.languages\":[\"french\"]}}" },
	    "search.languages", "[\"french\"]", "team", 0 },
	/* but those of which all count */
	{ { NULL, NULL, "{\"set\":{\"governance.review\":[\"tools\"]}}", NULL,
	      "{\"set\":{\"governance.review\":[\"agents\",\"tools\"]}}" },
	    "governance.review", "[\"tools\",\"agents\"]", "team", 0 },
	/* maps merge by key, and maps in them */
	{ { NULL, NULL, "{\"set\":{\"features\":{\"a\":true,\"b\":true}}}", NULL, "{\"set\":{\"features\":{\"b\":false}}}" },
	    "features", "{\"a\":true,\"b\":false}", "team", 0 },
	{ { NULL, NULL, "{\"set\":{\"agents\":{\"eddy\":{\"model\":\"m\",\"tools\":[\"x\",\"y\"]}}}}", NULL,
	      "{\"set\":{\"agents\":{\"eddy\":{\"tools\":[\"z\"]}}}}" },
	    "agents", "{\"eddy\":{\"model\":\"m\",\"tools\":[\"z\"]}}", "team", 0 },
	/* the smallest counts */
	{ { NULL, NULL, "{\"set\":{\"agent.max_tokens\":1000}}", NULL, "{\"set\":{\"agent.max_tokens\":2000}}" },
	    "agent.max_tokens", "1000", "team", 0 },
	{ { NULL, NULL, "{\"set\":{\"agent.max_tokens\":1000}}", NULL, "{\"set\":{\"agent.max_tokens\":500}}" }, "agent.max_tokens",
	    "500", "team", 0 },
	/* also of those that the installation sets: its own word is where it begins, whatever the default */
	{ { "{\"set\":{\"limits.person\":5000}}" }, "limits.person", "5000", "platform", 0 },
	{ { "{\"set\":{\"retention.messages\":0}}" }, "retention.messages", "0", NULL, 0 },
	{ { NULL, NULL, "{\"set\":{\"retention.messages\":90}}", NULL, "{\"set\":{\"retention.messages\":30}}" },
	    "retention.messages", "30", "team", 0 },
	{ { NULL, NULL, "{\"set\":{\"retention.messages\":90}}", NULL, "{\"set\":{\"retention.messages\":365}}" },
	    "retention.messages", "90", "org", 0 },
	{ { NULL, NULL, "{\"set\":{\"retention.messages\":90}}", NULL, "{\"set\":{\"retention.messages\":0}}" },
	    "retention.messages", "90", "org", 0 },
	{ { "{\"set\":{\"limits.person\":5000}}", NULL, NULL, NULL, "{\"set\":{\"limits.person\":20}}" }, "limits.person", "20",
	    "team", 0 },
	{ { "{\"set\":{\"limits.queue\":500}}" }, "limits.queue", "500", "platform", 0 },
	/* locks: the layer's own value, or the one from above; what is below is passed over */
	{ { NULL, NULL, "{\"set\":{\"agent.model\":\"m\"},\"locked\":[\"agent.model\"]}", NULL,
	      "{\"set\":{\"agent.model\":\"n\"}}" },
	    "agent.model", "\"m\"", "org", 1 },
	{ { NULL, NULL, "{\"locked\":[\"agent.model\"]}", "{\"set\":{\"agent.model\":\"n\"}}" }, "agent.model", "\"\"", NULL, 1 },
	{ { NULL, NULL, NULL, NULL, "{\"set\":{\"agent.model\":\"n\"},\"locked\":[\"agent.model\"]}" }, "agent.model", "\"n\"",
	    "team", 0 },
	/* bounds: values below must keep them; what is above is brought into them */
	{ { NULL, NULL, "{\"bounds\":{\"forks.max_active\":{\"max\":3}}}" }, "forks.max_active", "3", NULL, 0 },
	{ { NULL, NULL, "{\"bounds\":{\"forks.max_active\":{\"min\":10}}}" }, "forks.max_active", "10", NULL, 0 },
	{ { NULL, NULL, "{\"bounds\":{\"forks.max_active\":{\"max\":10}}}", NULL, "{\"set\":{\"forks.max_active\":11}}" },
	    "forks.max_active", "5", NULL, 1 },
	{ { NULL, NULL, "{\"bounds\":{\"forks.max_active\":{\"max\":10}}}", NULL, "{\"set\":{\"forks.max_active\":10}}" },
	    "forks.max_active", "10", "team", 0 },
	/* wider ones below change nothing, nor do those that leave nothing */
	{ { NULL, NULL, "{\"bounds\":{\"forks.max_active\":{\"max\":10}}}", "{\"bounds\":{\"forks.max_active\":{\"max\":50}}}",
	      "{\"set\":{\"forks.max_active\":11}}" },
	    "forks.max_active", "5", NULL, 1 },
	{ { NULL, NULL, "{\"bounds\":{\"forks.max_active\":{\"max\":10}}}", "{\"bounds\":{\"forks.max_active\":{\"min\":20}}}",
	      "{\"set\":{\"forks.max_active\":21}}" },
	    "forks.max_active", "5", NULL, 1 },
	{ { NULL, NULL, "{\"bounds\":{\"agent.model\":{\"allowed\":[\"a\",\"b\"]}}}", NULL, "{\"set\":{\"agent.model\":\"b\"}}" },
	    "agent.model", "\"b\"", "team", 0 },
	{ { NULL, NULL, "{\"bounds\":{\"agent.model\":{\"allowed\":[\"a\",\"b\"]}}}", NULL, "{\"set\":{\"agent.model\":\"c\"}}" },
	    "agent.model", "\"a\"", NULL, 1 },
	{ { NULL, NULL, "{\"bounds\":{\"search.languages\":{\"allowed\":[\"german\",\"french\"]}}}", NULL,
	      "{\"set\":{\"search.languages\":[\"french\"]}}" },
	    "search.languages", "[\"french\"]", "team", 0 },
	{ { "{\"set\":{\"search.languages\":[\"german\",\"english\"]}}", NULL,
	      "{\"bounds\":{\"search.languages\":{\"allowed\":[\"german\"]}}}" },
	    "search.languages", "[\"german\"]", "platform", 0 },
	/* off where one says so */
	{ { NULL, NULL, "{\"set\":{\"threads.offers\":false}}", NULL, "{\"set\":{\"threads.offers\":true}}" }, "threads.offers",
	    "false", "team", 0 },
	{ { NULL }, "threads.offers", "true", NULL, 0 },
	/* money: people and teams only tighten */
	{ { NULL, NULL, "{\"set\":{\"budget.run_cents\":500}}", NULL, NULL, "{\"set\":{\"budget.run_cents\":300}}" },
	    "budget.run_cents", "300", "you", 0 },
	{ { NULL, NULL, NULL, NULL, "{\"set\":{\"budget.person_day_cents\":3}}" }, "budget.person_day_cents", "100000000", NULL,
	    1 },
	{ { NULL, NULL, NULL, NULL, NULL, "{\"set\":{\"budget.team_day_cents\":3}}" }, "budget.team_day_cents", "100000000", NULL,
	    1 },
	/* a lock keeps the bounds below out too */
	{ { NULL, NULL, "{\"locked\":[\"forks.max_active\"]}", NULL, "{\"bounds\":{\"forks.max_active\":{\"max\":2}}}" },
	    "forks.max_active", "5", NULL, 0 },
};

static void config_merge__puts__layers_on_top_of_each_other(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *m = merge(cases[i].docs), *want = json(cases[i].value);
		const json_t *got = json_object_get(json_object_get(m, "values"), cases[i].key);
		const char *from = json_str(json_object_get(m, "from"), cases[i].key, NULL);
		if (!json_equal(got, want))
			fail_msg("case %zu: %s is %s", i, cases[i].key, json_dumps(got, JSON_ENCODE_ANY));
		if ((from == NULL) != (cases[i].from == NULL) || (from != NULL && strcmp(from, cases[i].from) != 0))
			fail_msg("case %zu: from %s", i, from);
		if ((int)json_array_size(json_object_get(m, "passed_over")) != cases[i].passed_over)
			fail_msg("case %zu: %zu passed over", i, json_array_size(json_object_get(m, "passed_over")));
		json_decref(want);
		json_decref(m);
	}
}

static void config_merge__names__what_is_required_and_missing(void **state)
{
	(void)state;
	json_t *m = merge((const char *const[DEEP]){ NULL, NULL, "{\"required\":[\"agent.model\"]}" });
	assert_string_equal(json_str(json_object_get(m, "required"), "agent.model", ""), "org");
	assert_int_equal(json_array_size(json_object_get(m, "missing")), 1);
	json_decref(m);
	m = merge(
	    (const char *const[DEEP]){ NULL, NULL, "{\"required\":[\"agent.model\"]}", NULL, "{\"set\":{\"agent.model\":\"m\"}}" });
	assert_int_equal(json_array_size(json_object_get(m, "missing")), 0);
	json_decref(m);
}

static void config_keys__are__what_they_say(void **state)
{
	(void)state;
	for (const struct config_key *k = config_keys; k->name != NULL; k++) {
		struct problem why = { 0 };
		json_t *v = json(k->fallback);
		if (config_value_fits(k, v, &why) != ERR_NONE)
			fail_msg("the default of %s: %s", k->name, why.detail);
		assert_true(k->help != NULL && k->acts != NULL && k->layers != 0);
		assert_ptr_equal(config_key(k->name), k);
		json_decref(v);
	}
	assert_null(config_key("nothing"));
}

/* With EDDY_WRITE set the table is written anew. */
static void config_reference__is__in_the_docs(void **state)
{
	(void)state;
	static const char path[] = "docs/teams.md", head[] = "| Key | Type |";
	struct buf page = BUF_INIT, table = BUF_INIT;
	char part[4096];
	size_t n;
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while ((n = fread(part, 1, sizeof part, f)) > 0)
		buf_add(&page, part, n);
	fclose(f);
	config_reference(&table);
	const char *at = strstr(page.p, head);
	assert_non_null(at);
	const char *end = strstr(at, "\n\n") + 1;
	bool same = (size_t)(end - at) == table.len && memcmp(at, table.p, table.len) == 0;
	if (!same && getenv("EDDY_WRITE") != NULL) {
		f = fopen(path, "w");
		assert_non_null(f);
		fwrite(page.p, 1, (size_t)(at - page.p), f);
		fwrite(table.p, 1, table.len, f);
		fwrite(end, 1, strlen(end), f);
		fclose(f);
	} else if (!same) {
		fail_msg("%s is not up to date: EDDY_WRITE=1 build/tests/core/teams/config_test", path);
	}
	buf_done(&table);
	buf_done(&page);
}

/* ---- what is refused when it is written ---- */

static const struct {
	const char *above, *doc; /* above: what the organisation says */
	enum api_code code;
} fits[] = {
	{ NULL, "{\"set\":{\"forks.max_active\":3}}", API_OK },
	{ NULL, "{\"set\":{\"nothing\":3}}", API_INVALID },
	{ NULL, "{\"set\":{\"forks.max_active\":101}}", API_INVALID },
	{ NULL, "{\"set\":{\"forks.max_active\":true}}", API_INVALID },
	{ NULL, "{\"set\":{\"agents\":{\"eddy\":{\"colour\":\"red\"}}}}", API_INVALID },
	{ NULL, "{\"set\":{\"agents\":{\"eddy\":{\"max_turns\":0}}}}", API_INVALID },
	{ NULL, "{\"set\":{\"agents\":{\"eddy\":{\"max_turns\":3,\"model\":\"m\",\"tools\":[\"x\"]}}}}", API_OK },
	{ NULL, "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[\"a\",\"b\"],\"description\":\"d\"}}}}", API_OK },
	{ NULL, "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[\"a\",\"a\"]}}}}", API_INVALID },
	{ NULL, "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[1,2,3,4,5,6,7,8,9]}}}}", API_INVALID },
	{ NULL, "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"]}}}}",
	    API_INVALID },
	{ NULL, "{\"set\":{\"tools\":{\"x\":1}}}", API_INVALID },
	{ NULL, "{\"set\":{\"governance.review\":[\"nothing\"]}}", API_INVALID },
	{ NULL, "{\"set\":{\"search.languages\":[\"german\",\"german\"]}}", API_INVALID },
	{ NULL, "{\"bounds\":{\"forks.max_active\":{\"max\":3}},\"set\":{\"forks.max_active\":4}}", API_INVALID },
	{ NULL, "{\"bounds\":{\"forks.max_active\":{\"max\":3,\"min\":4}}}", API_INVALID },
	{ NULL, "{\"bounds\":{\"forks.max_active\":{\"allowed\":[3]}}}", API_INVALID },
	{ NULL, "{\"bounds\":{\"features\":{\"max\":3}}}", API_INVALID },
	{ NULL, "{\"bounds\":{\"agent.model\":{\"allowed\":[]}}}", API_INVALID },
	{ NULL, "{\"bounds\":{\"display.theme\":{\"allowed\":[\"pink\"]}}}", API_INVALID },
	{ NULL, "{\"locked\":[\"nothing\"]}", API_INVALID },
	{ "{\"locked\":[\"forks.max_active\"]}", "{\"set\":{\"forks.max_active\":3}}", API_LOCKED },
	{ "{\"locked\":[\"forks.max_active\"]}", "{\"bounds\":{\"forks.max_active\":{\"max\":3}}}", API_LOCKED },
	{ "{\"locked\":[\"forks.max_active\"]}", "{\"locked\":[\"forks.max_active\"]}", API_LOCKED },
	{ "{\"bounds\":{\"forks.max_active\":{\"max\":3}}}", "{\"set\":{\"forks.max_active\":4}}", API_INVALID },
	{ "{\"bounds\":{\"forks.max_active\":{\"max\":3}}}", "{\"bounds\":{\"forks.max_active\":{\"max\":4}}}", API_INVALID },
	{ "{\"bounds\":{\"forks.max_active\":{\"max\":3}}}", "{\"bounds\":{\"forks.max_active\":{\"max\":2}}}", API_OK },
	{ "{\"bounds\":{\"forks.max_active\":{\"max\":3}}}", "{\"bounds\":{\"forks.max_active\":{\"min\":4}}}", API_INVALID },
	{ "{\"bounds\":{\"agent.model\":{\"allowed\":[\"a\"]}}}", "{\"bounds\":{\"agent.model\":{\"allowed\":[\"a\",\"b\"]}}}",
	    API_INVALID },
	{ "{\"set\":{\"threads.offers\":false}}", "{\"set\":{\"threads.offers\":true}}", API_INVALID },
	{ "{\"set\":{\"threads.offers\":false}}", "{\"set\":{\"threads.offers\":false}}", API_OK },
	{ "{\"set\":{\"budget.team_day_cents\":100}}", "{\"set\":{\"budget.team_day_cents\":101}}", API_INVALID },
	{ "{\"set\":{\"agent.max_tokens\":100}}", "{\"set\":{\"agent.max_tokens\":101}}", API_INVALID },
	{ "{\"set\":{\"agent.max_tokens\":100}}", "{\"set\":{\"agent.max_tokens\":99}}", API_OK },
	{ "{\"set\":{\"retention.messages\":90}}", "{\"set\":{\"retention.messages\":91}}", API_INVALID },
	{ "{\"set\":{\"retention.messages\":90}}", "{\"set\":{\"retention.messages\":0}}", API_INVALID },
	{ "{\"set\":{\"retention.messages\":90}}", "{\"set\":{\"retention.messages\":1}}", API_OK },
	{ "{\"set\":{\"retention.messages\":0}}", "{\"set\":{\"retention.messages\":1}}", API_OK },
};

static void config_fits__refuses__what_is_wider(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
		struct problem why = { 0 };
		json_t *above = merge((const char *const[DEEP]){ NULL, NULL, fits[i].above }), *doc = json(fits[i].doc);
		enum err e = config_fits(LAYER_TEAM, doc, above, &why);
		if (why.code != fits[i].code || (e == ERR_NONE) != (why.code == API_OK))
			fail_msg("case %zu: %s (%s)", i, problem_name(why.code), why.detail);
		json_decref(above);
		json_decref(doc);
	}
	struct problem why = { 0 };
	json_t *doc = json("{\"set\":{\"agent.prompt\":\"x\"}}");
	assert_int_equal(config_fits(LAYER_PERSON, doc, NULL, &why), ERR_INPUT);
	json_decref(doc);
}

/* Keys that bound what a team may spend, do at a time, keep or be offered: what is said above counts, whatever is said below. */
static void config_keys__that_bound__only_tighten(void **state)
{
	(void)state;
	static const struct {
		const char *key, *above, *below;
		bool own; /* a person says it of themselves */
	} bound[] = {
		{ "limits.concurrent", "2", "3", false },
		{ "agent.max_tokens", "100", "101", false },
		{ "agent.max_turns", "3", "4", false },
		{ "budget.run_cents", "10", "11", false },
		{ "budget.run_tokens", "1000", "1001", false },
		{ "budget.person_day_cents", "10", "11", true },
		{ "budget.person_day_tokens", "1000", "1001", true },
		{ "budget.person_month_cents", "10", "11", true },
		{ "budget.person_month_tokens", "1000", "1001", true },
		{ "budget.team_day_cents", "10", "11", false },
		{ "budget.team_day_tokens", "1000", "1001", false },
		{ "budget.team_month_cents", "10", "11", false },
		{ "budget.team_month_tokens", "1000", "1001", false },
		{ "approvals.hours", "2", "3", false },
		{ "retention.messages", "30", "31", false },
		{ "retention.work", "30", "0", false },
		{ "threads.offers", "false", "true", false },
	};
	for (size_t i = 0; i < sizeof bound / sizeof *bound; i++) {
		char above[100], below[100];
		struct problem why = { 0 };
		snprintf(above, sizeof above, "{\"set\":{\"%s\":%s}}", bound[i].key, bound[i].above);
		snprintf(below, sizeof below, "{\"set\":{\"%s\":%s}}", bound[i].key, bound[i].below);
		json_t *org = merge((const char *const[DEEP]){ NULL, NULL, above }), *wider = json(below),
		       *value = json(bound[i].above);
		json_t *both = merge(
		    (const char *const[DEEP]){ NULL, NULL, above, NULL, bound[i].own ? NULL : below, bound[i].own ? below : NULL });
		if (config_fits(bound[i].own ? LAYER_PERSON : LAYER_TEAM, wider, org, &why) != ERR_INPUT)
			fail_msg("%s: %s may be written below %s", bound[i].key, bound[i].below, bound[i].above);
		if (!json_equal(json_object_get(json_object_get(both, "values"), bound[i].key), value))
			fail_msg("%s: there is more than %s", bound[i].key, bound[i].above);
		json_decref(org);
		json_decref(wider);
		json_decref(value);
		json_decref(both);
	}
}

/* ---- any layers at all ---- */

static unsigned seed;

static unsigned pick(unsigned n)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

static json_t *any_value(const struct config_key *k)
{
	static const char *const words[] = { "english", "german", "french", "eddy", "auto", "dark", "tools", "" };
	json_t *o;
	switch (k->type) {
	case CONFIG_INT:
		return json_integer((json_int_t)pick(120));
	case CONFIG_BOOL:
		return json_boolean(pick(2));
	case CONFIG_STR:
		return json_string(words[pick(8)]);
	case CONFIG_LIST:
		o = json_array();
		for (unsigned n = pick(3); n > 0; n--)
			json_array_append_new(o, json_string(words[pick(8)]));
		return o;
	case CONFIG_MAP:
		break;
	}
	return json_pack("{s:b}", words[pick(8)], (int)pick(2));
}

static json_t *any_doc(void)
{
	json_t *set = json_object(), *bounds = json_object(), *locked = json_array(), *required = json_array();
	for (const struct config_key *k = config_keys; k->name != NULL; k++) {
		if (pick(3) == 0)
			json_object_set_new(set, k->name, any_value(k));
		if (pick(5) == 0 && k->type == CONFIG_INT)
			json_object_set_new(bounds, k->name, json_pack("{s:i, s:i}", "min", (int)pick(50), "max", (int)pick(110)));
		else if (pick(5) == 0 && (k->type == CONFIG_STR || k->type == CONFIG_LIST)) {
			json_t *one = any_value(k);
			json_object_set_new(
			    bounds, k->name, json_pack("{s:o}", "allowed", k->type == CONFIG_LIST ? one : json_pack("[o]", one)));
		}
		if (pick(9) == 0)
			json_array_append_new(locked, json_string(k->name));
		if (pick(9) == 0)
			json_array_append_new(required, json_string(k->name));
	}
	return json_pack("{s:o, s:o, s:o, s:o}", "set", set, "bounds", bounds, "locked", locked, "required", required);
}

static bool holds(const json_t *bounds, const json_t *v)
{
	const json_t *words = json_object_get(bounds, "allowed");
	if (json_is_integer(v))
		return json_integer_value(v) >= json_int(bounds, "min", INT64_MIN) &&
		    json_integer_value(v) <= json_int(bounds, "max", INT64_MAX);
	if (words == NULL)
		return true;
	for (size_t i = 0; i < (json_is_array(v) ? json_array_size(v) : 1); i++) {
		const json_t *one = json_is_array(v) ? json_array_get(v, i) : v;
		bool found = false;
		for (size_t j = 0; j < json_array_size(words); j++)
			found = found || json_equal(one, json_array_get(words, j));
		if (!found)
			return false;
	}
	return true;
}

/* Whatever stands in a layer: the ones below it change nothing of what it locked, go out of no bounds, loosen none and drop no requirement. */
static void config_merge__lets__lower_layers_only_tighten(void **state)
{
	(void)state;
	for (unsigned round = 0; round < 3000; round++) {
		seed = round;
		struct config_says says[DEEP];
		for (int i = 0; i < DEEP; i++)
			says[i] = (struct config_says){ (enum config_layer)(i + 1), names[i], any_doc() };
		json_t *full = config_merge(says, DEEP);
		const json_t *fv = json_object_get(full, "values"), *fb = json_object_get(full, "bounds");
		for (size_t n = 1; n < DEEP; n++) {
			json_t *upper = config_merge(says, n);
			for (const struct config_key *k = config_keys; k->name != NULL; k++) {
				const json_t *ub = json_object_get(json_object_get(upper, "bounds"), k->name),
				             *mine = json_object_get(fb, k->name);
				const json_t *v = json_object_get(fv, k->name);
				bool locked = json_object_get(json_object_get(upper, "locked"), k->name) != NULL;
				bool ok = !locked || json_equal(v, json_object_get(json_object_get(upper, "values"), k->name));
				ok = ok && (ub == NULL || holds(ub, v)) && (ub == NULL || mine != NULL);
				ok = ok && json_int(mine, "max", INT64_MAX) <= json_int(ub, "max", INT64_MAX) &&
				    json_int(mine, "min", INT64_MIN) >= json_int(ub, "min", INT64_MIN);
				const json_t *words = json_object_get(ub, "allowed"), *narrower = json_object_get(mine, "allowed");
				for (size_t i = 0; words != NULL && i < json_array_size(narrower); i++)
					ok = ok && holds(ub, json_array_get(narrower, i));
				ok = ok && (words == NULL || narrower != NULL);
				ok = ok && (!locked || json_object_get(json_object_get(full, "locked"), k->name) != NULL);
				ok = ok &&
				    (json_object_get(json_object_get(upper, "required"), k->name) == NULL ||
				        json_object_get(json_object_get(full, "required"), k->name) != NULL);
				if (k->merge == CONFIG_LEAST && ub == NULL && json_object_get(fb, k->name) == NULL)
					ok = ok &&
					    json_integer_value(v) <=
					        json_integer_value(json_object_get(json_object_get(upper, "values"), k->name));
				int64_t now = json_integer_value(v),
				        above = json_integer_value(json_object_get(json_object_get(upper, "values"), k->name));
				if (k->merge == CONFIG_SHORTEST && ub == NULL && json_object_get(fb, k->name) == NULL)
					ok = ok && (above == 0 || (now != 0 && now <= above));
				if (!ok)
					fail_msg("seed %u, %zu layers, %s", round, n, k->name);
			}
			json_decref(upper);
		}
		json_decref(full);
		for (int i = 0; i < DEEP; i++)
			json_decref((json_t *)(uintptr_t)says[i].doc);
	}
}

/* ---- changes and dependencies ---- */

static void config_patch__changes__only_what_it_names(void **state)
{
	(void)state;
	json_t *doc = json("{\"set\":{\"agent.model\":\"m\",\"forks.max_active\":3},\"locked\":[\"agent.model\"]}"), *diff = NULL;
	json_t *patch = json(
	    "{\"set\":{\"forks.max_active\":4},\"unset\":[\"agent.model\"],\"unlock\":[\"agent.model\"],\"lock\":[\"tools\",\"tools\"],"
	    "\"require\":[\"agents\"],\"bounds\":{\"forks.max_active\":{\"max\":9}}}");
	json_t *after = config_patch(doc, patch, &diff),
	       *want = json("{\"set\":{\"forks.max_active\":4},\"locked\":[\"tools\"],\"required\":[\"agents\"],"
	                    "\"bounds\":{\"forks.max_active\":{\"max\":9}}}");
	assert_true(json_equal(after, want));
	assert_int_equal(json_array_size(diff), 6);
	json_decref(diff);
	json_t *undo = json("{\"bounds\":{\"forks.max_active\":null}}"), *again = config_patch(after, undo, &diff);
	assert_int_equal(json_array_size(diff), 1);
	assert_string_equal(json_str(json_array_get(diff, 0), "part", ""), "bounds");
	json_decref(diff);
	json_decref(again);
	json_decref(undo);
	json_decref(want);
	json_decref(after);
	json_decref(patch);
	json_decref(doc);
}

static const struct {
	const char *team, *says; /* says NULL: fits; else a part of the refusal */
} dependencies[] = {
	{ "{}", NULL },
	{ "{\"set\":{\"tools\":{\"search_messages\":false}}}", "agent eddy names the tool search_messages, which is off" },
	{ "{\"set\":{\"tools\":{\"search_messages\":false},\"agents\":{\"eddy\":{\"tools\":[\"read_message\"]}}}}", NULL },
	{ "{\"set\":{\"agents\":{\"eddy\":{\"tools\":[\"fly\"]}}}}", "agent eddy names the tool fly, which does not exist" },
	{ "{\"set\":{\"agent.default\":\"nobody\"}}", "agent.default is nobody, which does not exist" },
	{ "{\"set\":{\"agents\":{\"eddy\":{\"active\":false}}}}", "agent.default is eddy, which is off" },
	{ "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[\"helper\"]}}}}",
	    "agent eddy names the agent helper, which does not exist" },
	{ "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[\"helper\"]},\"helper\":{\"prompt\":\"Help.\"}}}}", NULL },
	{ "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[\"helper\"]},\"helper\":{\"prompt\":\"Help.\",\"active\":false}}}}",
	    "agent eddy names the agent helper, which is off" },
	{ "{\"set\":{\"agents\":{\"off\":{\"prompt\":\"x\",\"tools\":[\"fly\"],\"active\":false}}}}", NULL },
	/* circles, each once; a diamond is none, nor is one through an agent that is off (which is refused for that) */
	{ "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[\"eddy\"]}}}}", "agents ask each other in a circle: eddy → eddy." },
	{ "{\"set\":{\"agents\":{\"a\":{\"prompt\":\"x\",\"sub_agents\":[\"b\"]},\"b\":{\"prompt\":\"x\",\"sub_agents\":[\"c\"]},\"c\":{\"prompt\":\"x\",\"sub_agents\":[\"a\"]}}}}",
	    "In pay agents ask each other in a circle: a → b → c → a." },
	{ "{\"set\":{\"agents\":{\"a\":{\"prompt\":\"x\",\"sub_agents\":[\"b\",\"eddy\"]},\"b\":{\"prompt\":\"x\",\"sub_agents\":[\"eddy\"]}}}}",
	    NULL },
	{ "{\"set\":{\"agents\":{\"eddy\":{\"sub_agents\":[\"row\"]}}}}", "agents ask each other in a circle: eddy → row → eddy." },
	{ "{\"set\":{\"agents\":{\"a\":{\"prompt\":\"x\",\"sub_agents\":[\"b\"]},\"b\":{\"prompt\":\"x\",\"sub_agents\":[\"a\"]},\"c\":{\"prompt\":\"x\",\"sub_agents\":[\"d\"]},\"d\":{\"prompt\":\"x\",\"sub_agents\":[\"c\"]}}}}",
	    "a → b → a; agents ask each other in a circle: c → d → c." },
	/* each on a circle is named, also where two circles share an agent */
	{ "{\"set\":{\"agents\":{\"a\":{\"prompt\":\"x\",\"sub_agents\":[\"b\",\"c\"]},\"b\":{\"prompt\":\"x\",\"sub_agents\":[\"a\"]},\"c\":{\"prompt\":\"x\",\"sub_agents\":[\"a\"]}}}}",
	    "a → b → a; agents ask each other in a circle: c → a → c." },
	{ "{\"set\":{\"agents\":{\"a\":{\"prompt\":\"x\",\"sub_agents\":[\"b\"]},\"b\":{\"prompt\":\"x\",\"sub_agents\":[\"a\"],\"active\":false}}}}",
	    "In pay agent a names the agent b, which is off." },
};

static void config_depends__lists__what_needs_what_is_off(void **state)
{
	(void)state;
	json_t *rows = json("{\"eddy\":{\"tools\":[\"search_messages\",\"read_message\"],\"sub_agents\":[],\"active\":true},"
	                    "\"row\":{\"tools\":[],\"sub_agents\":[\"eddy\"],\"active\":true}}");
	for (size_t i = 0; i < sizeof dependencies / sizeof *dependencies; i++) {
		struct problem why = { 0 };
		json_t *m = merge((const char *const[DEEP]){ NULL, NULL, NULL, NULL, dependencies[i].team });
		enum err e = config_depends(m, rows, "pay", &why);
		const char *says = dependencies[i].says;
		if ((e == ERR_NONE) != (says == NULL) || (says != NULL && strstr(why.detail, says) == NULL))
			fail_msg("case %zu: %s", i, why.detail);
		json_decref(m);
	}
	json_decref(rows);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(config_merge__puts__layers_on_top_of_each_other),
		cmocka_unit_test(config_merge__names__what_is_required_and_missing),
		cmocka_unit_test(config_keys__are__what_they_say),
		cmocka_unit_test(config_reference__is__in_the_docs),
		cmocka_unit_test(config_fits__refuses__what_is_wider),
		cmocka_unit_test(config_keys__that_bound__only_tighten),
		cmocka_unit_test(config_merge__lets__lower_layers_only_tighten),
		cmocka_unit_test(config_patch__changes__only_what_it_names),
		cmocka_unit_test(config_depends__lists__what_needs_what_is_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
