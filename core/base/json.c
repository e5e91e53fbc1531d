/*
 * Jansson's own nesting limit is a constant far above ours, so a scan over the bytes counts brackets outside strings before any
 * tree is built.  Its messages quote the input ("near '…'"); that part is cut off, since what is wrong ends up in logs.
 */
#include "json.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

static bool too_deep(const char *s, size_t n)
{
	size_t depth = 0;
	for (size_t i = 0; i < n; i++) {
		switch (s[i]) {
		case '"':
			for (i++; i < n && s[i] != '"'; i++) {
				if (s[i] == '\\')
					i++;
			}
			break;
		case '{':
		case '[':
			if (++depth > JSON_DEPTH_MAX)
				return true;
			break;
		case '}':
		case ']':
			if (depth)
				depth--;
			break;
		}
	}
	return false;
}

enum err json_parse(const char *s, size_t n, size_t max, json_t **out, char why[160])
{
	char ignored[160];
	if (!why)
		why = ignored;
	if (n > max) {
		snprintf(why, 160, "%zu bytes, at most %zu are taken", n, max);
		return ERR_INPUT;
	}
	if (too_deep(s, n)) {
		snprintf(why, 160, "nested deeper than %d levels", JSON_DEPTH_MAX);
		return ERR_INPUT;
	}
	json_error_t e;
	json_t *root = json_loadb(s, n, JSON_REJECT_DUPLICATES, &e);
	if (!root) {
		char *quote = strstr(e.text, " near ");
		if (quote)
			*quote = '\0';
		snprintf(why, 160, "line %d, column %d: %.100s", e.line, e.column, e.text);
		return ERR_INPUT;
	}
	*out = root;
	return ERR_NONE;
}

const char *json_str(const json_t *o, const char *key, const char *fallback)
{
	const char *s = json_string_value(json_object_get(o, key));
	return s ? s : fallback;
}

int64_t json_int(const json_t *o, const char *key, int64_t fallback)
{
	const json_t *v = json_object_get(o, key);
	return json_is_integer(v) ? json_integer_value(v) : fallback;
}

bool json_bool(const json_t *o, const char *key, bool fallback)
{
	const json_t *v = json_object_get(o, key);
	return json_is_boolean(v) ? json_is_true(v) : fallback;
}

json_t *json_obj(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	return json_is_object(v) ? v : NULL;
}

json_t *json_arr(const json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	return json_is_array(v) ? v : NULL;
}
