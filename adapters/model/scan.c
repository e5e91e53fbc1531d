/*
 * One pass, no allocation.  scan_skip() keeps its nesting in the bits of one word, so depth costs no stack.  Strings are only
 * checked while reading; what they say is made by scan_text(), for the few that are wanted.
 */
#include "scan.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/utf8.h"

static void blanks(struct scan *s)
{
	while (s->p < s->end && (*s->p == ' ' || *s->p == '\n' || *s->p == '\r' || *s->p == '\t'))
		s->p++;
}

static bool fail(struct scan *s)
{
	s->bad = true;
	s->p = s->end;
	return false;
}

static bool take(struct scan *s, char c)
{
	if (s->p < s->end && *s->p == c) {
		s->p++;
		return true;
	}
	return fail(s);
}

void scan_begin(struct scan *s, const char *p, size_t n)
{
	*s = (struct scan){ .p = p, .end = p + n };
	blanks(s);
}

static bool read_string(struct scan *s, struct scan_str *out)
{
	if (!take(s, '"'))
		return false;
	const char *p = s->p, *end = s->end;
	bool escaped = false;
	for (; p < end && *p != '"'; p++) {
		if ((unsigned char)*p < 0x20)
			return fail(s);
		if (*p != '\\')
			continue;
		escaped = true;
		if (++p == end)
			return fail(s);
		if (*p == 'u') {
			for (int i = 0; i < 4; i++) {
				if (++p == end || !((*p >= '0' && *p <= '9') || ((*p | 0x20) >= 'a' && (*p | 0x20) <= 'f')))
					return fail(s);
			}
		} else if (!memchr("\"\\/bfnrt", *p, 8)) {
			return fail(s);
		}
	}
	if (p == end)
		return fail(s);
	*out = (struct scan_str){ .p = s->p, .n = (size_t)(p - s->p), .escaped = escaped };
	s->p = p + 1;
	return true;
}

static bool digits(struct scan *s)
{
	const char *from = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return s->p > from || fail(s);
}

static bool read_number(struct scan *s)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0')
		s->p++;
	else if (!digits(s))
		return false;
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (!digits(s))
			return false;
	}
	if (s->p < s->end && (*s->p | 0x20) == 'e') {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		return digits(s);
	}
	return true;
}

static bool read_word(struct scan *s, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return fail(s);
	s->p += n;
	return true;
}

static bool read_scalar(struct scan *s)
{
	struct scan_str str;
	if (s->p == s->end)
		return fail(s);
	switch (*s->p) {
	case '"':
		return read_string(s, &str);
	case 't':
		return read_word(s, "true");
	case 'f':
		return read_word(s, "false");
	case 'n':
		return read_word(s, "null");
	default:
		return *s->p == '-' || (*s->p >= '0' && *s->p <= '9') ? read_number(s) : fail(s);
	}
}

static bool read_member(struct scan *s)
{
	struct scan_str key;
	if (!read_string(s, &key))
		return false;
	blanks(s);
	if (!take(s, ':'))
		return false;
	blanks(s);
	return true;
}

void scan_skip(struct scan *s)
{
	uint64_t objects = 0; /* bit i: level i is an object */
	int depth = 0;
	for (;;) {
		if (s->p == s->end) {
			fail(s);
			return;
		}
		char c = *s->p;
		if (c == '{' || c == '[') {
			if (depth == SCAN_DEPTH) {
				fail(s);
				return;
			}
			objects = (objects & ~(1ull << depth)) | ((uint64_t)(c == '{') << depth);
			depth++;
			s->p++;
			blanks(s);
			if (s->p < s->end && *s->p == (c == '{' ? '}' : ']')) {
				s->p++;
				depth--;
			} else {
				if (c == '{' && !read_member(s))
					return;
				continue;
			}
		} else if (!read_scalar(s)) {
			return;
		}
		for (;;) { /* after a value */
			blanks(s);
			if (depth == 0)
				return;
			bool object = objects >> (depth - 1) & 1;
			if (s->p < s->end && *s->p == ',') {
				s->p++;
				blanks(s);
				if (object && !read_member(s))
					return;
				break;
			}
			if (!take(s, object ? '}' : ']'))
				return;
			depth--;
		}
	}
}

static bool enter(struct scan *s, char c)
{
	if (s->p == s->end)
		return fail(s);
	if (*s->p != c) {
		scan_skip(s);
		return false;
	}
	s->p++;
	blanks(s);
	s->first = true;
	return true;
}

/* True if another member or element follows. */
static bool more(struct scan *s, char close)
{
	if (s->p == s->end)
		return fail(s);
	if (*s->p == close) {
		s->p++;
		blanks(s);
		s->first = false;
		return false;
	}
	if (!s->first) {
		if (!take(s, ','))
			return false;
		blanks(s);
	}
	s->first = false;
	return true;
}

bool scan_object(struct scan *s)
{
	return enter(s, '{');
}

bool scan_array(struct scan *s)
{
	return enter(s, '[');
}

bool scan_key(struct scan *s, struct scan_str *key)
{
	if (!more(s, '}') || !read_string(s, key))
		return false;
	blanks(s);
	if (!take(s, ':'))
		return false;
	blanks(s);
	return true;
}

bool scan_item(struct scan *s)
{
	return more(s, ']');
}

bool scan_string(struct scan *s, struct scan_str *out)
{
	if (s->p < s->end && *s->p != '"') {
		scan_skip(s);
		return false;
	}
	bool ok = read_string(s, out);
	blanks(s);
	return ok;
}

bool scan_int(struct scan *s, int64_t *out)
{
	if (s->p == s->end)
		return fail(s);
	if (*s->p != '-' && !(*s->p >= '0' && *s->p <= '9')) {
		scan_skip(s);
		return false;
	}
	const char *from = s->p;
	if (!read_number(s))
		return false;
	bool minus = *from == '-';
	int64_t v = 0;
	for (const char *p = from + minus; p < s->p && *p >= '0' && *p <= '9'; p++)
		v = v > (INT64_MAX - 9) / 10 ? INT64_MAX / 10 : v * 10 + (*p - '0');
	*out = minus ? -v : v;
	blanks(s);
	return true;
}

bool scan_raw(struct scan *s, const char **p, size_t *n)
{
	const char *from = s->p;
	scan_skip(s);
	if (s->bad)
		return false;
	const char *to = s->p;
	while (to > from && (to[-1] == ' ' || to[-1] == '\n' || to[-1] == '\r' || to[-1] == '\t'))
		to--;
	size_t len = (size_t)(to - from);
	if (len == 4 && memcmp(from, "null", 4) == 0)
		return false;
	*p = from;
	*n = len;
	return true;
}

bool scan_end(struct scan *s)
{
	blanks(s);
	return !s->bad && s->p == s->end;
}

bool scan_is(const struct scan_str *a, const char *text)
{
	return strlen(text) == a->n && memcmp(a->p, text, a->n) == 0;
}

bool scan_is_object(const char *p, size_t n)
{
	struct scan s;
	scan_begin(&s, p, n);
	if (s.p == s.end || *s.p != '{')
		return false;
	scan_skip(&s);
	return scan_end(&s);
}

static uint32_t hex4(const char *p)
{
	uint32_t v = 0;
	for (int i = 0; i < 4; i++)
		v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
	return v;
}

static void add_code(struct buf *out, uint32_t cp)
{
	char text[4];
	if (cp == 0)
		return;
	if (cp >= 0xd800 && cp <= 0xdfff)
		cp = 0xfffd;
	buf_add(out, text, utf8_encode(cp, text));
}

static void add_plain(struct buf *out, const char *p, size_t n)
{
	if (utf8_valid(p, n)) {
		buf_add(out, p, n);
		return;
	}
	while (n > 0) {
		uint32_t cp;
		size_t k = utf8_decode(p, n, &cp);
		if (k == 0)
			add_code(out, 0xfffd);
		else if (cp != 0)
			buf_add(out, p, k);
		k = k ? k : 1;
		p += k;
		n -= k;
	}
}

void scan_text(const struct scan_str *a, struct buf *out)
{
	const char *p = a->p, *end = a->p + a->n;
	while (p < end) {
		const char *back = a->escaped ? memchr(p, '\\', (size_t)(end - p)) : NULL;
		size_t n = back ? (size_t)(back - p) : (size_t)(end - p);
		if (n > 0)
			add_plain(out, p, n);
		if (!back)
			return;
		static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
		p = back + 2;
		if (back[1] != 'u') {
			const char *at = strchr(from, back[1]);
			buf_add_char(out, at ? to[at - from] : back[1]);
			continue;
		}
		uint32_t cp = hex4(p);
		p += 4;
		if (cp >= 0xd800 && cp <= 0xdbff && end - p >= 6 && p[0] == '\\' && p[1] == 'u') {
			uint32_t low = hex4(p + 2);
			if (low >= 0xdc00 && low <= 0xdfff) {
				cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
				p += 6;
			}
		}
		add_code(out, cp);
	}
}

void scan_copy(const struct scan_str *a, char *out, size_t n)
{
	struct buf b = BUF_INIT;
	scan_text(a, &b);
	size_t k = b.len ? utf8_clip(b.p, b.len, n - 1) : 0;
	if (k > 0)
		memcpy(out, b.p, k);
	out[k] = '\0';
	buf_done(&b);
}
