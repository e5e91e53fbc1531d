/* The argument checker, a table of schema, value and verdict; the verdicts are those of a complete JSON Schema validator. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/agents/schema.h"
#include "../../../core/agents/tools.h"
#include "../../../core/base/buf.h"

struct row {
	const char *schema, *value;
	bool ok;
	const char *why; /* part of the reason, or NULL */
};
static const struct row rows[] = {
	{ "{}", "7", true, NULL },
	{ "{\"type\":\"string\"}", "\"a\"", true, NULL },
	{ "{\"type\":\"string\"}", "1", false, "must be of type string" },
	{ "{\"type\":\"integer\"}", "1", true, NULL },
	{ "{\"type\":\"integer\"}", "1.0", true, NULL },
	{ "{\"type\":\"integer\"}", "1.5", false, NULL },
	{ "{\"type\":\"number\"}", "1", true, NULL },
	{ "{\"type\":\"number\"}", "\"1\"", false, NULL },
	{ "{\"type\":\"boolean\"}", "true", true, NULL },
	{ "{\"type\":\"boolean\"}", "0", false, NULL },
	{ "{\"type\":\"null\"}", "null", true, NULL },
	{ "{\"type\":[\"string\",\"null\"]}", "null", true, NULL },
	{ "{\"type\":[\"string\",\"null\"]}", "[]", false, "wrong type" },
	{ "{\"type\":\"array\"}", "{}", false, NULL },
	{ "{\"type\":\"object\"}", "[]", false, NULL },
	{ "{\"enum\":[\"a\",\"b\"]}", "\"b\"", true, NULL },
	{ "{\"enum\":[\"a\",\"b\"]}", "\"c\"", false, "one of: a, b" },
	{ "{\"enum\":[1]}", "1.0", true, NULL },
	{ "{\"enum\":[null]}", "null", true, NULL },
	{ "{\"minimum\":1,\"maximum\":3}", "3", true, NULL },
	{ "{\"minimum\":1,\"maximum\":3}", "0", false, "at least 1" },
	{ "{\"minimum\":1,\"maximum\":3}", "3.01", false, "at most 3" },
	{ "{\"minimum\":1}", "\"x\"", true, NULL },
	{ "{\"minLength\":2,\"maxLength\":3}", "\"ab\"", true, NULL },
	{ "{\"minLength\":2,\"maxLength\":3}", "\"a\"", false, NULL },
	{ "{\"minLength\":2,\"maxLength\":3}", "\"\\u00e4\\u00f6\\u00fc\"", true, NULL },
	{ "{\"maxLength\":3}", "\"abcd\"", false, "longer than 3" },
	{ "{\"minItems\":1,\"maxItems\":2}", "[1]", true, NULL },
	{ "{\"minItems\":1}", "[]", false, NULL },
	{ "{\"maxItems\":2}", "[1,2,3]", false, NULL },
	{ "{\"items\":{\"type\":\"string\"}}", "[\"a\",\"b\"]", true, NULL },
	{ "{\"items\":{\"type\":\"string\"}}", "[\"a\",2]", false, "[1]: must be" },
	{ "{\"required\":[\"a\"]}", "{\"a\":null}", true, NULL },
	{ "{\"required\":[\"a\"]}", "{\"b\":1}", false, "is missing a" },
	{ "{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":1,\"b\":2}", true, NULL },
	{ "{\"properties\":{\"a\":{\"type\":\"integer\"}}}", "{\"a\":\"x\"}", false, "a: must be of type integer" },
	{ "{\"properties\":{\"a\":{}},\"additionalProperties\":false}", "{\"b\":2}", false, "does not know b" },
	{ "{\"properties\":{\"a\":{\"properties\":{\"b\":{\"maximum\":1}}}}}", "{\"a\":{\"b\":2}}", false,
	    "a.b: must be at most 1" },
};

static void schema_check__agrees__with_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		json_t *schema = json_loads(rows[i].schema, JSON_DECODE_ANY, NULL),
		       *value = json_loads(rows[i].value, JSON_DECODE_ANY, NULL);
		assert_non_null(schema);
		assert_non_null(value);
		char why[200];
		bool ok = schema_check(schema, value, why);
		if (ok != rows[i].ok || (rows[i].why != NULL && strstr(why, rows[i].why) == NULL))
			fail_msg("%s with %s: %d \"%s\"", rows[i].schema, rows[i].value, ok, why);
		assert_int_equal(ok, why[0] == '\0');
		json_decref(schema);
		json_decref(value);
	}
}

static void schema_check__refuses__deep_nesting(void **state)
{
	(void)state;
	json_t *schema = json_object(), *value = json_integer(1);
	for (int i = 0; i < 40; i++) {
		schema = json_pack("{s:o}", "items", schema);
		value = json_pack("[o]", value);
	}
	char why[200];
	assert_false(schema_check(schema, value, why));
	assert_non_null(strstr(why, "too deeply"));
	json_decref(schema);
	json_decref(value);
}

static void tools__schemas__are_valid_and_closed(void **state)
{
	(void)state;
	for (size_t i = 0; tools[i] != NULL; i++) {
		json_t *schema = json_loads(tools[i]->schema, JSON_REJECT_DUPLICATES, NULL);
		assert_non_null(schema);
		assert_true(json_is_false(json_object_get(schema, "additionalProperties")));
		assert_string_equal(json_string_value(json_object_get(schema, "type")), "object");
		assert_ptr_equal(tool_find(tools[i]->name), tools[i]);
		assert_int_equal(tools[i]->effect,
		    tools[i] == &tool_propose_memory     ? TOOL_REPLY
		        : tools[i] == &tool_send_message ? TOOL_OUTWARD
		                                         : TOOL_SCOPED_READ);
		json_decref(schema);
	}
	assert_null(tool_find("rm"));
	assert_null(tool_find(NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(schema_check__agrees__with_the_table),
		cmocka_unit_test(schema_check__refuses__deep_nesting),
		cmocka_unit_test(tools__schemas__are_valid_and_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
