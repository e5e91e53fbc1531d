/*
 * The reader is a loop with a stack of open containers, never recursive.  Values stand in the order of the text; a container's next
 * says where its content ends, so skipping one costs nothing and finding a key is a walk over the direct children.  The first
 * pass changes nothing in the text, which lets the caller look into the text of a frame that turned out to be broken.
 */
#include "jv.h"

#include <stdio.h>
#include <string.h>
#include <stdlib.h>

#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"

#define JV_KEEP 4096 /* values kept from text to text */

struct reader {
	struct jv *d;
	const char *s;
	uint32_t at, n;
	const char *wrong;
};

static uint32_t jv_add(struct reader *r, enum jv_type type, uint32_t at, uint32_t len)
{
	struct jv *d = r->d;
	if (d->n == d->cap) {
		if (d->cap >= JV_VALUES_MAX) {
			r->wrong = "too many values";
			return JV_ABSENT;
		}
		d->cap = d->cap ? d->cap * 2 : 256;
		d->v = xrealloc(d->v, d->cap * sizeof(*d->v));
	}
	d->v[d->n] = (struct jv_value){ .type = (uint8_t)type, .at = at, .len = len, .next = d->n + 1 };
	return d->n++;
}

static void jv_space(struct reader *r)
{
	while (r->at < r->n && (r->s[r->at] == ' ' || r->s[r->at] == '\n' || r->s[r->at] == '\r' || r->s[r->at] == '\t'))
		r->at++;
}

static int jv_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* At the opening quote; leaves behind the closing one. */
static bool jv_read_string(struct reader *r)
{
	const unsigned char *s = (const unsigned char *)r->s;
	uint32_t at = r->at + 1, start = at;
	unsigned seen = 0;
	for (;;) {
		while (at < r->n && s[at] >= 0x20 && s[at] != '"' && s[at] != '\\')
			seen |= s[at++];
		if (at >= r->n) {
			r->wrong = "unfinished string";
			return false;
		}
		if (s[at] == '"')
			break;
		if (s[at] < 0x20) {
			r->at = at;
			r->wrong = "control character in a string";
			return false;
		}
		seen |= 0x80;
		uint32_t left = r->n - at;
		char e = left > 1 ? r->s[at + 1] : '\0';
		bool ok = e && strchr("\"\\/bfnrt", e);
		uint32_t step = 2;
		if (e == 'u' && left > 5) {
			ok = jv_hex(r->s[at + 2]) >= 0 && jv_hex(r->s[at + 3]) >= 0 && jv_hex(r->s[at + 4]) >= 0 &&
			    jv_hex(r->s[at + 5]) >= 0;
			step = 6;
		}
		if (!ok) {
			r->at = at;
			r->wrong = "bad escape in a string";
			return false;
		}
		at += step;
	}
	uint32_t v = jv_add(r, JV_STRING, start, at - start);
	if (v == JV_ABSENT)
		return false;
	r->d->v[v].plain = seen < 0x80;
	r->at = at + 1;
	return true;
}

static bool jv_digits(struct reader *r)
{
	uint32_t start = r->at;
	while (r->at < r->n && r->s[r->at] >= '0' && r->s[r->at] <= '9')
		r->at++;
	return r->at > start;
}

static bool jv_read_number(struct reader *r)
{
	uint32_t start = r->at;
	if (r->s[r->at] == '-')
		r->at++;
	bool zero = r->at < r->n && r->s[r->at] == '0';
	uint32_t first = r->at;
	bool ok = jv_digits(r) && !(zero && r->at - first > 1);
	if (ok && r->at < r->n && r->s[r->at] == '.') {
		r->at++;
		ok = jv_digits(r);
	}
	if (ok && r->at < r->n && (r->s[r->at] == 'e' || r->s[r->at] == 'E')) {
		r->at++;
		if (r->at < r->n && (r->s[r->at] == '+' || r->s[r->at] == '-'))
			r->at++;
		ok = jv_digits(r);
	}
	if (!ok) {
		r->wrong = "not a value";
		return false;
	}
	return jv_add(r, JV_NUMBER, start, r->at - start) != JV_ABSENT;
}

static bool jv_read_word(struct reader *r, const char *word, enum jv_type type, bool value)
{
	size_t n = strlen(word);
	if (r->n - r->at < n || memcmp(r->s + r->at, word, n) != 0) {
		r->wrong = "not a value";
		return false;
	}
	uint32_t v = jv_add(r, type, r->at, (uint32_t)n);
	if (v == JV_ABSENT)
		return false;
	r->d->v[v].cooked = value;
	r->at += (uint32_t)n;
	return true;
}

static bool jv_read_scalar(struct reader *r)
{
	switch (r->s[r->at]) {
	case '"':
		return jv_read_string(r);
	case 't':
		return jv_read_word(r, "true", JV_BOOL, true);
	case 'f':
		return jv_read_word(r, "false", JV_BOOL, false);
	case 'n':
		return jv_read_word(r, "null", JV_NULL, false);
	default:
		return jv_read_number(r);
	}
}

/* The key of a pair and its colon. */
static bool jv_read_key(struct reader *r)
{
	jv_space(r);
	if (r->at >= r->n || r->s[r->at] != '"') {
		r->wrong = "a name was expected";
		return false;
	}
	if (!jv_read_string(r))
		return false;
	jv_space(r);
	if (r->at >= r->n || r->s[r->at] != ':') {
		r->wrong = "a colon was expected";
		return false;
	}
	r->at++;
	return true;
}

static bool jv_read(struct reader *r)
{
	uint32_t open[JV_DEPTH_MAX];
	int depth = 0;
	for (;;) {
		/* a value starts here */
		jv_space(r);
		if (r->at >= r->n) {
			r->wrong = "the text ends early";
			return false;
		}
		char c = r->s[r->at];
		if (c == '{' || c == '[') {
			if (depth == JV_DEPTH_MAX) {
				r->wrong = "nested too deep";
				return false;
			}
			uint32_t v = jv_add(r, c == '{' ? JV_OBJECT : JV_ARRAY, r->at, 0);
			if (v == JV_ABSENT)
				return false;
			open[depth++] = v;
			r->at++;
			jv_space(r);
			if (r->at < r->n && r->s[r->at] == (c == '{' ? '}' : ']')) {
				/* empty: falls into the closing below */
			} else {
				if (c == '{' && !jv_read_key(r))
					return false;
				continue;
			}
		} else if (!jv_read_scalar(r)) {
			return false;
		}
		/* a value has ended: close containers until one goes on */
		for (;;) {
			if (depth == 0)
				return true;
			jv_space(r);
			struct jv_value *top = &r->d->v[open[depth - 1]];
			bool object = top->type == JV_OBJECT;
			c = r->at < r->n ? r->s[r->at] : '\0';
			if (c == (object ? '}' : ']')) {
				r->at++;
				top->len = r->at - top->at;
				top->next = r->d->n;
				depth--;
				continue;
			}
			if (c != ',') {
				r->wrong = r->at < r->n ? "a comma or a closing bracket was expected" : "the text ends early";
				return false;
			}
			r->at++;
			if (object && !jv_read_key(r))
				return false;
			break;
		}
	}
}

enum err jv_parse(struct jv *d, char *text, size_t n, char why[160])
{
	if (d->cap > JV_KEEP) {
		free(d->v);
		d->v = NULL;
		d->cap = 0;
	}
	d->text = text;
	d->n = 0;
	struct reader r = { .d = d, .s = text, .n = (uint32_t)n };
	if (n > UINT32_MAX / 2) {
		r.wrong = "too long";
	} else if (jv_read(&r)) {
		jv_space(&r);
		if (r.at < r.n)
			r.wrong = "something follows the value";
	}
	if (!r.wrong)
		return ERR_NONE;
	if (why)
		snprintf(why, 160, "%s at byte %u", r.wrong, r.at);
	d->n = 0;
	return ERR_INPUT;
}

void jv_done(struct jv *d)
{
	free(d->v);
	*d = JV_INIT;
}

enum jv_type jv_type(const struct jv *d, jv_ref r)
{
	return r < d->n ? (enum jv_type)d->v[r].type : JV_NONE;
}

jv_ref jv_get(const struct jv *d, jv_ref object, const char *key)
{
	if (jv_type(d, object) != JV_OBJECT)
		return JV_ABSENT;
	size_t n = strlen(key);
	jv_ref found = JV_ABSENT;
	uint32_t end = d->v[object].next;
	for (uint32_t k = object + 1; k < end; k = d->v[k + 1].next) {
		if (d->v[k].len != n || memcmp(d->text + d->v[k].at, key, n) != 0)
			continue;
		if (found != JV_ABSENT)
			return JV_ABSENT;
		found = k + 1;
	}
	return found != JV_ABSENT && d->v[found].type != JV_NULL ? found : JV_ABSENT;
}

jv_ref jv_first(const struct jv *d, jv_ref array)
{
	if (jv_type(d, array) != JV_ARRAY || d->v[array].next == array + 1)
		return JV_ABSENT;
	return array + 1;
}

jv_ref jv_next(const struct jv *d, jv_ref array, jv_ref r)
{
	if (jv_type(d, array) != JV_ARRAY || r >= d->n)
		return JV_ABSENT;
	uint32_t next = d->v[r].next;
	return next < d->v[array].next ? next : JV_ABSENT;
}

static uint32_t jv_hex4(const char *s)
{
	return (uint32_t)(jv_hex(s[0]) << 12 | jv_hex(s[1]) << 8 | jv_hex(s[2]) << 4 | jv_hex(s[3]));
}

/* One escape at ${s} (the backslash); writes what it means and returns how many bytes it took. */
static size_t jv_unescape(const char *s, const char *end, char **out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (s[1] != 'u') {
		*(*out)++ = to[strchr(from, s[1]) - from];
		return 2;
	}
	uint32_t cp = jv_hex4(s + 2);
	size_t took = 6;
	if (cp >= 0xd800 && cp < 0xdc00 && end - s >= 12 && s[6] == '\\' && s[7] == 'u') {
		uint32_t low = jv_hex4(s + 8);
		if (low >= 0xdc00 && low < 0xe000) {
			cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
			took = 12;
		}
	}
	if (cp == 0 || (cp >= 0xd800 && cp < 0xe000))
		cp = 0xfffd;
	*out += utf8_encode(cp, *out);
	return took;
}

static void jv_cook(char *text, struct jv_value *v)
{
	char *s = text + v->at, *end = s + v->len, *out = s;
	while (s < end) {
		if (*s == '\\') {
			s += jv_unescape(s, end, &out);
		} else if ((unsigned char)*s < 0x80) {
			*out++ = *s++;
		} else {
			uint32_t cp;
			size_t n = utf8_decode(s, (size_t)(end - s), &cp);
			if (n == 0) {
				*out++ = '?';
				s++;
				continue;
			}
			memmove(out, s, n);
			out += n;
			s += n;
		}
	}
	v->len = (uint32_t)(out - (text + v->at));
}

const char *jv_text(struct jv *d, jv_ref r)
{
	if (jv_type(d, r) != JV_STRING)
		return NULL;
	struct jv_value *v = &d->v[r];
	if (!v->cooked) {
		if (!v->plain)
			jv_cook(d->text, v);
		d->text[v->at + v->len] = '\0'; /* the closing quote or what the unescaping freed */
		v->cooked = true;
	}
	return d->text + v->at;
}

const char *jv_str(struct jv *d, jv_ref object, const char *key)
{
	return jv_text(d, jv_get(d, object, key));
}

bool jv_bool(const struct jv *d, jv_ref object, const char *key, bool fallback)
{
	jv_ref r = jv_get(d, object, key);
	return jv_type(d, r) == JV_BOOL ? d->v[r].cooked != 0 : fallback;
}

int64_t jv_int(const struct jv *d, jv_ref object, const char *key, int64_t fallback)
{
	jv_ref r = jv_get(d, object, key);
	if (jv_type(d, r) != JV_NUMBER || d->v[r].len > 18)
		return fallback;
	char digits[20];
	memcpy(digits, d->text + d->v[r].at, d->v[r].len);
	digits[d->v[r].len] = '\0';
	char *end;
	long long v = strtoll(digits, &end, 10);
	return *end == '\0' ? v : fallback;
}
