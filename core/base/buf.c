/*
 * Growth doubles, so appending byte by byte stays linear.  Escapers copy runs of bytes that need nothing in one go: the scan for
 * the end of a run looks at eight bytes at a time, because most of what is escaped here is plain prose.
 */
#include "buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mem.h"
#include "utf8.h"

#define EACH_BYTE(x) (UINT64_C(0x0101010101010101) * (x))
#define HIGH_BITS EACH_BYTE(UINT64_C(0x80))

void buf_done(struct buf *b)
{
	free(b->p);
	*b = BUF_INIT;
}

static void grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 64;
	while (cap < need) {
		if (cap > SIZE_MAX / 2)
			abort();
		cap *= 2;
	}
	b->p = xrealloc(b->p, cap);
	b->p[b->len] = '\0';
	b->cap = cap;
}

void buf_reserve(struct buf *b, size_t more)
{
	if (more >= SIZE_MAX - b->len)
		abort();
	if (b->len + more + 1 > b->cap)
		grow(b, b->len + more + 1);
}

void buf_reset(struct buf *b)
{
	buf_reserve(b, 0);
	b->len = 0;
	b->p[0] = '\0';
}

void buf_add(struct buf *b, const void *p, size_t n)
{
	buf_reserve(b, n);
	if (n)
		memcpy(b->p + b->len, p, n);
	b->len += n;
	b->p[b->len] = '\0';
}

void buf_add_str(struct buf *b, const char *s)
{
	buf_add(b, s, s ? strlen(s) : 0);
}

void buf_add_char(struct buf *b, char c)
{
	buf_reserve(b, 1);
	b->p[b->len++] = c;
	b->p[b->len] = '\0';
}

void buf_add_int(struct buf *b, int64_t v)
{
	char digits[20];
	size_t i = sizeof digits;
	uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
	do {
		digits[--i] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (v < 0)
		digits[--i] = '-';
	buf_add(b, digits + i, sizeof digits - i);
}

void buf_addf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	buf_vaddf(b, fmt, ap);
	va_end(ap);
}

void buf_vaddf(struct buf *b, const char *fmt, va_list ap)
{
	buf_reserve(b, 64);
	va_list again;
	va_copy(again, ap);
	int n = vsnprintf(b->p + b->len, b->cap - b->len, fmt, ap);
	if (n < 0)
		abort();
	if ((size_t)n >= b->cap - b->len) {
		buf_reserve(b, (size_t)n);
		vsnprintf(b->p + b->len, b->cap - b->len, fmt, again);
	}
	va_end(again);
	b->len += (size_t)n;
}

/* True where some byte of ${w} is a control character, a quote, a backslash or not ASCII. */
static bool json_special(uint64_t w)
{
	uint64_t quote = w ^ EACH_BYTE((uint64_t)'"'), slash = w ^ EACH_BYTE((uint64_t)'\\');
	uint64_t hit = (w - EACH_BYTE(UINT64_C(0x20))) | (quote - EACH_BYTE(UINT64_C(1))) | (slash - EACH_BYTE(UINT64_C(1))) | w;
	return (hit & HIGH_BITS) != 0;
}

static bool json_plain(char c)
{
	return (signed char)c >= 0x20 && c != '"' && c != '\\';
}

void buf_add_json(struct buf *b, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	buf_reserve(b, n);
	size_t from = 0, i = 0;
	while (i < n) {
		while (n - i >= 8) {
			uint64_t w;
			memcpy(&w, s + i, 8);
			if (json_special(w))
				break;
			i += 8;
		}
		while (i < n && json_plain(s[i]))
			i++;
		if (i == n)
			break;
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x80) {
			uint32_t cp;
			size_t k = utf8_decode(s + i, n - i, &cp);
			if (k) {
				i += k;
				continue;
			}
		}
		buf_add(b, s + from, i - from);
		switch (c) {
		case '"':
		case '\\':
			buf_add(b, (char[]){ '\\', (char)c }, 2);
			break;
		case '\n':
			buf_add(b, "\\n", 2);
			break;
		case '\t':
			buf_add(b, "\\t", 2);
			break;
		case '\r':
			buf_add(b, "\\r", 2);
			break;
		default:
			/* NUL too becomes U+FFFD: neither Postgres nor our own parser takes its escape. */
			if (c == 0 || c >= 0x80)
				buf_add(b, "\xef\xbf\xbd", 3);
			else
				buf_add(b, (char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
		}
		from = ++i;
	}
	buf_add(b, s + from, n - from);
}

void buf_add_json_str(struct buf *b, const char *s)
{
	if (!s) {
		buf_add(b, "null", 4);
		return;
	}
	buf_add_char(b, '"');
	buf_add_json(b, s, strlen(s));
	buf_add_char(b, '"');
}

void buf_add_form(struct buf *b, const char *s, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	buf_reserve(b, n * 3);
	char *out = b->p + b->len;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
		    c == '_' || c == '*') {
			*out++ = (char)c;
		} else if (c == ' ') {
			*out++ = '+';
		} else {
			*out++ = '%';
			*out++ = hex[c >> 4];
			*out++ = hex[c & 15];
		}
	}
	*out = '\0';
	b->len = (size_t)(out - b->p);
}

void buf_truncate(struct buf *b, size_t len)
{
	buf_reserve(b, 0);
	if (len > b->len)
		abort();
	b->len = len;
	b->p[len] = '\0';
}

void buf_drop(struct buf *b, size_t n)
{
	buf_reserve(b, 0);
	if (n > b->len)
		abort();
	b->len -= n;
	memmove(b->p, b->p + n, b->len + 1);
}

char *buf_detach(struct buf *b, size_t *len)
{
	buf_reserve(b, 0);
	char *p = b->p;
	if (len)
		*len = b->len;
	*b = BUF_INIT;
	return p;
}
