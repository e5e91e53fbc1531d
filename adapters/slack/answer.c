/*
 * A cursor over the top level of one JSON object: strings and nesting are stepped over, so a post's answer, which holds the whole
 * message again, costs a pass over its bytes and no allocation.
 */
#include "answer.h"

#include <string.h>

struct cursor {
	const char *p, *end;
};

static void skip_space(struct cursor *c)
{
	while (c->p < c->end && (*c->p == ' ' || *c->p == '\t' || *c->p == '\n' || *c->p == '\r'))
		c->p++;
}

/* At a quote: gives the inside, still escaped. */
static bool read_string(struct cursor *c, const char **s, size_t *n)
{
	if (c->p >= c->end || *c->p != '"')
		return false;
	const char *q = ++c->p;
	for (;;) {
		q = memchr(q, '"', (size_t)(c->end - q));
		if (!q)
			return false;
		size_t slashes = 0;
		while (q - slashes > c->p && q[-1 - (ptrdiff_t)slashes] == '\\')
			slashes++;
		if (slashes % 2 == 0)
			break;
		q++;
	}
	*s = c->p;
	*n = (size_t)(q - c->p);
	c->p = q + 1;
	return true;
}

/* Any value: a string, a scalar, or everything up to the bracket that closes it. */
static bool skip_value(struct cursor *c)
{
	const char *s;
	size_t n, depth = 0;
	do {
		skip_space(c);
		if (c->p >= c->end)
			return false;
		char ch = *c->p;
		if (ch == '"') {
			if (!read_string(c, &s, &n))
				return false;
			continue;
		}
		if (ch == '{' || ch == '[')
			depth++;
		else if ((ch == '}' || ch == ']') && depth > 0)
			depth--;
		else if (depth == 0) {
			const char *from = c->p;
			while (c->p < c->end && !strchr(",}] \t\r\n", *c->p))
				c->p++;
			return c->p > from;
		}
		c->p++;
	} while (depth > 0);
	return true;
}

/* Codes and timestamps need no escapes but "\/"; any other backslash just goes. */
static void take(char *out, size_t max, const char *s, size_t n)
{
	size_t at = 0;
	for (size_t i = 0; i < n && at + 1 < max; i++)
		if (s[i] != '\\' && (unsigned char)s[i] >= 0x20)
			out[at++] = s[i];
	out[at] = '\0';
}

static bool is(const char *s, size_t n, const char *name)
{
	return strlen(name) == n && memcmp(s, name, n) == 0;
}

const char *slack_word(const char *s)
{
	return s[strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_/.: ")] == '\0' ? s : "an error that is none of Slack's";
}

bool slack_answer_read(const char *p, size_t n, struct slack_answer *out)
{
	struct cursor c = { p, p + n };
	bool has_ok = false;
	out->ok = false;
	out->error[0] = out->warning[0] = out->ts[0] = '\0';
	skip_space(&c);
	if (c.p >= c.end || *c.p++ != '{')
		return false;
	for (;;) {
		const char *key, *s;
		size_t key_n, s_n;
		skip_space(&c);
		if (c.p < c.end && *c.p == '}')
			return has_ok;
		if (!read_string(&c, &key, &key_n))
			return false;
		skip_space(&c);
		if (c.p >= c.end || *c.p++ != ':')
			return false;
		skip_space(&c);
		if (c.p < c.end && *c.p == '"') {
			if (!read_string(&c, &s, &s_n))
				return false;
			if (is(key, key_n, "error"))
				take(out->error, sizeof out->error, s, s_n);
			else if (is(key, key_n, "warning"))
				take(out->warning, sizeof out->warning, s, s_n);
			else if (is(key, key_n, "ts") || is(key, key_n, "message_ts"))
				take(out->ts, sizeof out->ts, s, s_n);
		} else {
			const char *from = c.p;
			if (!skip_value(&c))
				return false;
			if (is(key, key_n, "ok")) {
				out->ok = is(from, (size_t)(c.p - from), "true");
				has_ok = out->ok || is(from, (size_t)(c.p - from), "false");
			}
		}
		skip_space(&c);
		if (c.p >= c.end)
			return false;
		if (*c.p == ',')
			c.p++;
		else if (*c.p != '}')
			return false;
	}
}
