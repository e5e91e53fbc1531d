#ifndef EDDY_AGENTS_SCHEMA_H
#define EDDY_AGENTS_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>

/*
 * The part of JSON Schema that tool arguments need: type (one or a list), required, enum, minimum, maximum, minLength, maxLength,
 * minItems, maxItems, items, properties, additionalProperties: false.  Other keywords are ignored; nesting is capped.
 */
#define SCHEMA_DEPTH_MAX 16
/** True if ${value} fits.  Otherwise ${why} says where and what: "limit: must be at most 20". */
bool schema_check(const json_t *schema, const json_t *value, char why[200]);

#endif
