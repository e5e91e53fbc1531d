/* YAML as JSON: what is taken for what, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/yaml.h"

static void yaml_read__of_a_document__gives_json(void **state)
{
	static const struct {
		const char *yaml, *json;
	} good[] = {
		{ "a: 1\nb: -20\nc: true\nd: null\ne: text\n",
		    "{\"a\": 1, \"b\": -20, \"c\": true, \"d\": null, \"e\": \"text\"}" },
		{ "a: '1'\nb: \"true\"\nc: 007\nd: 1.5\ne: 99999999999999999999\nf:\n",
		    "{\"a\": \"1\", \"b\": \"true\", \"c\": \"007\", \"d\": \"1.5\", \"e\": \"99999999999999999999\", \"f\": null}" },
		{ "list:\n  - one\n  - two: 2\n    three: [3, {x: y}]\n",
		    "{\"list\": [\"one\", {\"two\": 2, \"three\": [3, {\"x\": \"y\"}]}]}" },
		{ "text: |\n  You help\n  people.\n", "{\"text\": \"You help\\npeople.\\n\"}" },
		{ "{\"a\": {\"b\": [1, \"x\\n\", null]}}", "{\"a\": {\"b\": [1, \"x\\n\", null]}}" },
		{ "# only a comment\na: \xc3\xa9\n", "{\"a\": \"\xc3\xa9\"}" },
	};
	char why[160];
	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		json_t *out = NULL;
		if (yaml_read(good[i].yaml, strlen(good[i].yaml), &out, why) != ERR_NONE)
			fail_msg("%s: %s", good[i].yaml, why);
		char *text = json_dumps(out, 0);
		assert_string_equal(text, good[i].json);
		free(text);
		json_decref(out);
	}
}

static void yaml_read__of_what_is_not_what_it_shows__is_refused(void **state)
{
	static const char *const bad[] = { "", "# nothing\n", "a: 1\na: 2\n", "a: &x 1\nb: *x\n", "a: !!str 1\n",
		"a: 1\n---\nb: 2\n", "a: [1\n", "? [a]\n: 1\n", "a: \"\\xff\n", "\xff\xfe", "a: \"\\0\": 1", "*x",
		"'a\\0b': 1\n: 2\n  x" };
	char why[160];
	json_t *out = NULL;
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (yaml_read(bad[i], strlen(bad[i]), &out, why) == ERR_NONE)
			fail_msg("%s was taken", bad[i]);
		assert_true(strncmp(why, "line ", 5) == 0);
	}
}

static void yaml_read__of_too_much__is_refused(void **state)
{
	char why[160], *text = malloc(YAML_MAX + 1);
	json_t *out = NULL;
	(void)state;
	memset(text, 'a', YAML_MAX + 1);
	assert_int_equal(yaml_read(text, YAML_MAX + 1, &out, why), ERR_INPUT);
	memset(text, '[', 1000);
	assert_int_equal(yaml_read(text, 1000, &out, why), ERR_INPUT);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(yaml_read__of_a_document__gives_json),
		cmocka_unit_test(yaml_read__of_what_is_not_what_it_shows__is_refused),
		cmocka_unit_test(yaml_read__of_too_much__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
