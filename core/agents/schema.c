/*
 * A walk over schema and value together.  Both are shallow: values come through json_parse() and its depth cap, schemas are our
 * own; the walk has its own cap as well, and what lies deeper is refused.
 */
#include "schema.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct walk {
	char *why;
	char path[100];
};

static bool fail(struct walk *w, const char *what, const char *detail)
{
	snprintf(w->why, 200, "%s%s%s%s", w->path, w->path[0] != '\0' ? ": " : "", what, detail);
	return false;
}

static bool fail_number(struct walk *w, const char *what, double number)
{
	char detail[40];
	snprintf(detail, sizeof detail, "%.15g", number);
	return fail(w, what, detail);
}

static bool is_type(const char *type, const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return strcmp(type, "object") == 0;
	case JSON_ARRAY:
		return strcmp(type, "array") == 0;
	case JSON_STRING:
		return strcmp(type, "string") == 0;
	case JSON_INTEGER:
		return strcmp(type, "integer") == 0 || strcmp(type, "number") == 0;
	case JSON_REAL:
		/* 2.0 is an integer to JSON Schema */
		return strcmp(type, "number") == 0 ||
		    (strcmp(type, "integer") == 0 && floor(json_real_value(v)) == json_real_value(v));
	case JSON_TRUE:
	case JSON_FALSE:
		return strcmp(type, "boolean") == 0;
	case JSON_NULL:
		return strcmp(type, "null") == 0;
	}
	return false;
}

static bool check_type(struct walk *w, const json_t *type, const json_t *v)
{
	if (json_is_string(type))
		return is_type(json_string_value(type), v) || fail(w, "must be of type ", json_string_value(type));
	size_t i;
	json_t *one;
	json_array_foreach (type, i, one) {
		if (json_is_string(one) && is_type(json_string_value(one), v))
			return true;
	}
	return fail(w, "has the wrong type", "");
}

static bool check_enum(struct walk *w, const json_t *values, const json_t *v)
{
	size_t i;
	json_t *one;
	json_array_foreach (values, i, one) {
		if (json_equal(one, v) ||
		    (json_is_number(one) && json_is_number(v) && json_number_value(one) == json_number_value(v)))
			return true;
	}
	char list[120] = "";
	json_array_foreach (values, i, one) {
		size_t n = strlen(list);
		if (json_is_string(one) && n + json_string_length(one) + 3 < sizeof list)
			snprintf(list + n, sizeof list - n, "%s%s", n > 0 ? ", " : "", json_string_value(one));
	}
	return fail(w, "must be one of: ", list);
}

static size_t characters(const json_t *v)
{
	const char *s = json_string_value(v);
	size_t count = 0;
	for (size_t i = 0; i < json_string_length(v); i++)
		count += ((unsigned char)s[i] & 0xc0) != 0x80;
	return count;
}

/* minX and maxX with a measured size. */
static bool check_range(struct walk *w, const json_t *schema, const char *low_key, const char *high_key, double size,
    const char *low_words, const char *high_words)
{
	const json_t *low = json_object_get(schema, low_key), *high = json_object_get(schema, high_key);
	if (json_is_number(low) && size < json_number_value(low))
		return fail_number(w, low_words, json_number_value(low));
	if (json_is_number(high) && size > json_number_value(high))
		return fail_number(w, high_words, json_number_value(high));
	return true;
}

static bool check(struct walk *w, const json_t *schema, const json_t *v, int depth);

static bool descend(struct walk *w, const json_t *schema, const json_t *v, int depth, const char *name)
{
	size_t n = strlen(w->path);
	snprintf(w->path + n, sizeof w->path - n, "%s%s", n > 0 && name[0] != '[' ? "." : "", name);
	bool ok = check(w, schema, v, depth + 1);
	w->path[n] = '\0';
	return ok;
}

static bool check_object(struct walk *w, const json_t *schema, const json_t *v, int depth)
{
	const json_t *properties = json_object_get(schema, "properties"), *required = json_object_get(schema, "required");
	size_t i;
	json_t *one;
	json_array_foreach (required, i, one) {
		if (json_is_string(one) && json_object_get(v, json_string_value(one)) == NULL)
			return fail(w, "is missing ", json_string_value(one));
	}
	bool closed = json_is_false(json_object_get(schema, "additionalProperties"));
	void *at = json_object_iter((json_t *)(uintptr_t)v);
	for (; at != NULL; at = json_object_iter_next((json_t *)(uintptr_t)v, at)) {
		const char *key = json_object_iter_key(at);
		const json_t *sub = json_object_get(properties, key);
		if (sub == NULL) {
			if (closed)
				return fail(w, "does not know ", key);
			continue;
		}
		char name[48];
		snprintf(name, sizeof name, "%.47s", key);
		if (!descend(w, sub, json_object_iter_value(at), depth, name))
			return false;
	}
	return true;
}

static bool check(struct walk *w, const json_t *schema, const json_t *v, int depth)
{
	if (depth > SCHEMA_DEPTH_MAX)
		return fail(w, "is nested too deeply", "");
	const json_t *part;
	if ((part = json_object_get(schema, "type")) != NULL && !check_type(w, part, v))
		return false;
	if (json_is_array(part = json_object_get(schema, "enum")) && !check_enum(w, part, v))
		return false;
	if (json_is_number(v))
		return check_range(w, schema, "minimum", "maximum", json_number_value(v), "must be at least ", "must be at most ");
	if (json_is_string(v))
		return check_range(
		    w, schema, "minLength", "maxLength", (double)characters(v), "is shorter than ", "is longer than ");
	if (json_is_array(v)) {
		if (!check_range(w, schema, "minItems", "maxItems", (double)json_array_size(v), "has fewer items than ",
		        "has more items than "))
			return false;
		const json_t *items = json_object_get(schema, "items");
		size_t i;
		json_t *one;
		if (json_is_object(items)) {
			json_array_foreach (v, i, one) {
				char name[24];
				snprintf(name, sizeof name, "[%zu]", i);
				if (!descend(w, items, one, depth, name))
					return false;
			}
		}
		return true;
	}
	return !json_is_object(v) || check_object(w, schema, v, depth);
}

bool schema_check(const json_t *schema, const json_t *value, char why[200])
{
	struct walk w = { .why = why };
	why[0] = '\0';
	return check(&w, schema, value, 0);
}
