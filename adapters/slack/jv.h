#ifndef EDDY_SLACK_JV_H
#define EDDY_SLACK_JV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"

/*
 * JSON read in place ("JSON view"): one pass checks the whole text and notes where each value lies; strings are unescaped inside the
 * text only when somebody asks for them.  No allocation per value: a Slack envelope costs some 2 microseconds where a tree costs 18.
 */
#define JV_DEPTH_MAX 64
#define JV_VALUES_MAX 65536
enum jv_type { JV_NONE, JV_NULL, JV_BOOL, JV_NUMBER, JV_STRING, JV_ARRAY, JV_OBJECT };
struct jv_value {
	uint8_t type;
	uint8_t cooked;   /* STRING: already unescaped and terminated in place; BOOL: its value */
	uint8_t plain;    /* STRING: ASCII without escapes */
	uint32_t at, len; /* where it lies in the text (a string without its quotes) */
	uint32_t next;    /* index of the value after this one and all it holds */
};
struct jv {
	char *text;
	struct jv_value *v; /* v[0] is the whole */
	uint32_t n, cap;
};
#define JV_INIT ((struct jv){ 0 })
typedef uint32_t jv_ref; /* index of a value; JV_ABSENT where there is none: every reader accepts it */
#define JV_ABSENT UINT32_MAX

/**
 * Reads ${n} bytes, which ${d} borrows and changes when strings are asked for.  ${d} is reused from text to text.  On ERR_INPUT
 * ${text} is as it was and ${why} says what is wrong and where.
 */
enum err jv_parse(struct jv *d, char *text, size_t n, char why[160]);
void jv_done(struct jv *d);

enum jv_type jv_type(const struct jv *d, jv_ref r);
/** The value of ${key} in an object; JV_ABSENT when it is missing, null, or there twice. */
jv_ref jv_get(const struct jv *d, jv_ref object, const char *key);
/** The first element of an array, and the one after ${r} inside ${array}; JV_ABSENT at the end. */
jv_ref jv_first(const struct jv *d, jv_ref array);
jv_ref jv_next(const struct jv *d, jv_ref array, jv_ref r);
/** A string, terminated, valid UTF-8 without NUL (what is not becomes '?' or U+FFFD); NULL for anything else. */
const char *jv_text(struct jv *d, jv_ref r);
const char *jv_str(struct jv *d, jv_ref object, const char *key);
bool jv_bool(const struct jv *d, jv_ref object, const char *key, bool fallback);
int64_t jv_int(const struct jv *d, jv_ref object, const char *key, int64_t fallback);

#endif
