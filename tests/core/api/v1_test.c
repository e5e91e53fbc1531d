/*
 * What v1 has promised: tests/golden/api/v1.json holds every procedure with its role, scopes and schemas.  Additions are written there by
 * EDDY_WRITE=1; what is taken away or changed so that a client of yesterday would notice is refused, then too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/agents/schema.h"
#include "../../../core/api/api.h"
#include "../../../core/api/ends.h"
#include "../../../core/base/json.h"

#define GOLDEN "tests/golden/api/v1.json"

/* What to do instead. */
#define PROPERLY \
	"\nv1 only grows: leave it as it is, put another beside it, and let the old one end as docs/api.md says (\"What changes\"), not before the date in its Sunset header"

static char why[400];

static bool broken(const char *path, const char *what)
{
	snprintf(why, sizeof why, "%s: %s", path, what);
	return false;
}

static bool has_string(const json_t *list, const char *s)
{
	size_t i;
	json_t *v;
	json_array_foreach (list, i, v)
		if (strcmp(json_string_value(v), s) == 0)
			return true;
	return false;
}

/* Every string of ${a} is in ${b}. */
static bool within(const json_t *a, const json_t *b)
{
	size_t i;
	json_t *v;
	json_array_foreach (a, i, v)
		if (json_is_string(v) && !has_string(b, json_string_value(v)))
			return false;
	return true;
}

/* ${lower}: a lower bound, which may only sink; else an upper one, which may only rise. */
static bool bound(const json_t *old, const json_t *new, const char *key, bool lower)
{
	const json_t *o = json_object_get(old, key), *n = json_object_get(new, key);
	if (n == NULL || o == NULL)
		return n == NULL;
	return lower ? json_number_value(n) <= json_number_value(o) : json_number_value(n) >= json_number_value(o);
}

/* Would who was written for ${old} get along with ${new}?  ${in}: of what clients send; else of what they get. */
static bool compatible(const json_t *old, const json_t *new, bool in, const char *path)
{
	static const struct {
		const char *key;
		bool lower;
	} bounds[] = { { "minimum", true }, { "minLength", true }, { "minItems", true }, { "maximum", false },
		{ "maxLength", false }, { "maxItems", false } };
	char at[200];
	const char *key;
	json_t *value;
	if (!json_is_object(new))
		return broken(path, "is gone");
	if (!json_equal(json_object_get(old, "type"), json_object_get(new, "type")))
		return broken(path, "is of another type");
	json_object_foreach (json_obj(old, "properties"), key, value) {
		snprintf(at, sizeof at, "%s.%s", path, key);
		if (!compatible(value, json_object_get(json_obj(new, "properties"), key), in, at))
			return false;
	}
	json_t *was = json_arr(old, "required"), *is = json_arr(new, "required");
	if (in ? !within(is, was) : !within(was, is))
		return broken(path, in ? "needs more than it did" : "has less for sure than it did");
	/* A client ignores values that it does not know, but still sends those that it does. */
	if (in && json_object_get(new, "enum") != NULL && !within(json_arr(old, "enum"), json_arr(new, "enum")))
		return broken(path, "takes fewer values");
	if (in && json_object_get(old, "enum") == NULL && json_object_get(new, "enum") != NULL)
		return broken(path, "takes fewer values");
	for (size_t i = 0; in && i < sizeof bounds / sizeof *bounds; i++)
		if (!bound(old, new, bounds[i].key, bounds[i].lower))
			return broken(path, "has a narrower bound");
	const json_t *items = json_object_get(old, "items");
	snprintf(at, sizeof at, "%s[]", path);
	return items == NULL || compatible(items, json_object_get(new, "items"), in, at);
}

static json_t *parse(const char *text)
{
	json_t *o = NULL;
	char problem[160];
	if (json_parse(text, strlen(text), 1u << 20, &o, problem) != ERR_NONE)
		fail_msg("%s in %.100s", problem, text);
	return o;
}

static json_t *now(void)
{
	json_t *all = json_object();
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++) {
			if (json_object_get(all, p->name) != NULL)
				fail_msg("%s is there twice", p->name);
			json_object_set_new(all, p->name,
			    json_pack("{s:s, s:i, s:b, s:b, s:o, s:o}", "role", p->open ? "open" : role_name(p->role), "scopes",
			        (int)p->scope, "writes", p->effect == API_WRITE, "tells_secret", p->tells_secret, "in",
			        parse(p->in), "out", parse(p->out)));
		}
	return all;
}

static json_t *golden(void)
{
	json_t *o = json_load_file(GOLDEN, 0, NULL);
	return o != NULL ? o : json_object();
}

static bool less(const json_t *old, const json_t *new)
{
	enum role was = ROLE_NONE, is = ROLE_NONE;
	bool was_open = !role_from_name(json_str(old, "role", ""), &was), is_open = !role_from_name(json_str(new, "role", ""), &is);
	return (was_open && !is_open) || (!is_open && is > was);
}

static void v1__takes__nothing_away(void **state)
{
	(void)state;
	json_t *was = golden(), *is = now(), *old;
	const char *name;
	json_object_foreach (was, name, old) {
		const json_t *new = json_object_get(is, name);
		if (new == NULL)
			fail_msg("%s is gone" PROPERLY, name);
		if (less(old, new))
			fail_msg("%s takes a higher role than it did" PROPERLY, name);
		if ((json_int(new, "scopes", 0) & ~json_int(old, "scopes", 0)) != 0)
			fail_msg("%s takes scopes that it did not" PROPERLY, name);
		if (json_bool(new, "writes", false) != json_bool(old, "writes", false))
			fail_msg("%s reads where it wrote, or the other way round" PROPERLY, name);
		if (!compatible(json_obj(old, "in"), json_obj(new, "in"), true, "in") ||
		    !compatible(json_obj(old, "out"), json_obj(new, "out"), false, "out"))
			fail_msg("%s: %s" PROPERLY, name, why);
	}
	if (getenv("EDDY_WRITE") != NULL)
		assert_int_equal(json_dump_file(is, GOLDEN, JSON_INDENT(1)), 0);
	else if (!json_equal(was, is))
		fail_msg("there is more than " GOLDEN " has: EDDY_WRITE=1 scripts/test build core/api/v1, and look at the diff");
	json_decref(was);
	json_decref(is);
}

static void v1__notices__what_clients_would(void **state)
{
	(void)state;
	static const struct {
		const char *old, *new;
		bool in, fine;
	} cases[] = {
		{ "{\"type\":\"object\",\"properties\":{}}", "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}",
		    true, true },
		{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"type\":\"object\",\"properties\":{}}",
		    true, false },
		{ "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}}}", "{\"type\":\"object\",\"properties\":{}}",
		    false, false },
		{ "{\"type\":\"object\",\"required\":[]}", "{\"type\":\"object\",\"required\":[\"a\"]}", true, false },
		{ "{\"type\":\"object\",\"required\":[]}", "{\"type\":\"object\",\"required\":[\"a\"]}", false, true },
		{ "{\"type\":\"object\",\"required\":[\"a\"]}", "{\"type\":\"object\"}", false, false },
		{ "{\"type\":\"string\"}", "{\"type\":\"integer\"}", true, false },
		{ "{\"type\":\"string\",\"maxLength\":9}", "{\"type\":\"string\",\"maxLength\":8}", true, false },
		{ "{\"type\":\"string\",\"maxLength\":9}", "{\"type\":\"string\",\"maxLength\":10}", true, true },
		{ "{\"type\":\"string\"}", "{\"type\":\"string\",\"maxLength\":10}", true, false },
		{ "{\"type\":\"integer\",\"minimum\":1}", "{\"type\":\"integer\",\"minimum\":2}", true, false },
		{ "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}", "{\"type\":\"string\",\"enum\":[\"a\"]}", true, false },
		{ "{\"type\":\"string\",\"enum\":[\"a\"]}", "{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}", true, true },
		{ "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}", "{\"type\":\"array\",\"items\":{\"type\":\"integer\"}}",
		    false, false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		json_t *old = parse(cases[i].old), *new = parse(cases[i].new);
		if (compatible(old, new, cases[i].in, "x") != cases[i].fine)
			fail_msg("%s -> %s", cases[i].old, cases[i].new);
		json_decref(old);
		json_decref(new);
	}
}

/* What every procedure owes its callers. */
static void procedures__are__complete(void **state)
{
	(void)state;
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++) {
			char problem[200];
			json_t *in = parse(p->in), *out = parse(p->out), *example = parse(p->example);
			size_t dot = strcspn(p->name, ".");
			if (p->name[dot] == '\0' || p->name[strspn(p->name, "abcdefghijklmnopqrstuvwxyz_.")] != '\0' ||
			    strlen(p->name) > 64)
				fail_msg("%s: no name", p->name);
			if (p->summary == NULL || strlen(p->summary) < 8 || p->run == NULL)
				fail_msg("%s: not complete", p->name);
			if (!p->open && p->role == ROLE_NONE)
				fail_msg("%s: takes no role", p->name);
			if (!schema_check(in, example, problem))
				fail_msg("%s: its example does not fit: %s", p->name, problem);
			if (!json_is_false(json_object_get(in, "additionalProperties")) ||
			    !json_is_false(json_object_get(out, "additionalProperties")))
				fail_msg("%s: takes or gives what is not named", p->name);
			json_decref(in);
			json_decref(out);
			json_decref(example);
		}
}

static bool has_property(const json_t *schema, const char *name, const char *type)
{
	return strcmp(json_str(json_object_get(json_obj(schema, "properties"), name), "type", ""), type) == 0;
}

/* Whoever can page through one list can page through all. */
static void lists__page__the_same_way(void **state)
{
	(void)state;
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++) {
			const char *verb = strchr(p->name, '.') + 1;
			if (strcmp(verb, "list") != 0 && strcmp(verb, "history") != 0)
				continue;
			json_t *in = parse(p->in), *out = parse(p->out);
			const json_t *limit = json_object_get(json_obj(in, "properties"), "limit");
			json_int_t most = json_int(limit, "maximum", 0);
			if (!has_property(in, "limit", "integer") || json_int(limit, "minimum", 0) != 1 ||
			    (most != 50 && most != 500))
				fail_msg("%s: \"limit\" is 1 to 500, or to 50 where there are texts: PAGE_IN of core/api/page.h",
				    p->name);
			if (!has_property(in, "cursor", "string") || !has_property(out, "cursor", "string"))
				fail_msg("%s: has no cursor: .pages, PAGE_IN and PAGE_OUT of core/api/page.h", p->name);
			if (p->pages != NULL && !has_property(out, p->pages, "array"))
				fail_msg("%s: has no list %s", p->name, p->pages);
			json_decref(in);
			json_decref(out);
		}
}

/* One that ends says for how long it goes on, which is a year at the least, and what is there instead. */
static bool ends_well(const struct api_proc *p)
{
	if (p->ends_s == 0)
		return p->since_s == 0 && p->instead == NULL;
	return p->since_s > 0 && p->ends_s - p->since_s >= API_ENDS_LEAST && p->instead != NULL && api_find(p->instead) != NULL;
}

static void procedures__that_end__go_on_for_a_year(void **state)
{
	(void)state;
	static const struct api_proc good = { .since_s = 1767225600, .ends_s = 1798761600, .instead = "session.get" },
	                             soon = { .since_s = 1767225600, .ends_s = 1798761599, .instead = "session.get" },
	                             none = { .since_s = 1767225600, .ends_s = 1798761600, .instead = "session.gone" };
	struct api_ends ends;
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++)
			if (!ends_well(p))
				fail_msg("%s: since_s, ends_s and instead belong together, a year apart", p->name);
	assert_true(ends_well(&good));
	assert_false(ends_well(&soon));
	assert_false(ends_well(&none));
	api_ends(&good, &ends);
	assert_string_equal(ends.since, "@1767225600");
	assert_string_equal(ends.until, "Fri, 01 Jan 2027 00:00:00 GMT");
	api_ends(api_find("session.get"), &ends);
	assert_string_equal(ends.since, "");
	api_ends(NULL, &ends);
	assert_string_equal(ends.until, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(v1__takes__nothing_away),
		cmocka_unit_test(v1__notices__what_clients_would),
		cmocka_unit_test(procedures__are__complete),
		cmocka_unit_test(lists__page__the_same_way),
		cmocka_unit_test(procedures__that_end__go_on_for_a_year),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
