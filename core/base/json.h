#ifndef EDDY_BASE_JSON_H
#define EDDY_BASE_JSON_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"

#define JSON_DEPTH_MAX 64

/**
 * Parse one JSON text from outside: at most ${max} bytes, duplicate keys refused, nesting over JSON_DEPTH_MAX refused before
 * any parsing.  On success ${out} is the caller's.  ERR_INPUT: ${why} (may be NULL) says what is wrong in one line.
 */
enum err json_parse(const char *s, size_t n, size_t max, json_t **out, char why[160]);
/* Field access that never fails: absent, null or another type gives the fallback.  Strings borrow from ${o}. */
const char *json_str(const json_t *o, const char *key, const char *fallback);
int64_t json_int(const json_t *o, const char *key, int64_t fallback);
bool json_bool(const json_t *o, const char *key, bool fallback);
json_t *json_obj(const json_t *o, const char *key); /* borrowed; NULL unless an object */
json_t *json_arr(const json_t *o, const char *key); /* borrowed; NULL unless an array */

#endif
