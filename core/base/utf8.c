/*
 * UTF-8 by the table of RFC 3629: overlong forms, surrogates and code points above U+10FFFF are ill-formed.  Everything that
 * counts walks code point by code point and takes an ill-formed byte as one unit of its own, so that no walk can stop early.
 */
#include "utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)
#define LOW_BITS UINT64_C(0x0101010101010101)

/* How many of the next bytes are ASCII without NUL; looks at eight at a time. */
static size_t ascii_run(const char *s, size_t n)
{
	size_t i = 0;
	while (n - i >= 8) {
		uint64_t w;
		memcpy(&w, s + i, 8);
		if ((w | (w - LOW_BITS)) & HIGH_BITS)
			break;
		i += 8;
	}
	while (i < n && (signed char)s[i] > 0)
		i++;
	return i;
}

size_t utf8_decode(const char *s, size_t n, uint32_t *cp)
{
	const unsigned char *u = (const unsigned char *)s;
	unsigned char c = u[0];
	if (c < 0x80) {
		*cp = c;
		return 1;
	}
	if (c < 0xc2 || c > 0xf4)
		return 0;
	size_t len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (n < len)
		return 0;
	/* Only the second byte has a range that depends on the first. */
	unsigned char low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
	unsigned char high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
	if (u[1] < low || u[1] > high)
		return 0;
	uint32_t v = c & (0x7fu >> len);
	v = v << 6 | (u[1] & 0x3fu);
	for (size_t i = 2; i < len; i++) {
		if ((u[i] & 0xc0) != 0x80)
			return 0;
		v = v << 6 | (u[i] & 0x3fu);
	}
	*cp = v;
	return len;
}

size_t utf8_encode(uint32_t cp, char out[4])
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xc0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 0x3f));
		return 2;
	}
	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		cp = 0xfffd;
	if (cp < 0x10000) {
		out[0] = (char)(0xe0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		out[2] = (char)(0x80 | (cp & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
	out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
	out[3] = (char)(0x80 | (cp & 0x3f));
	return 4;
}

bool utf8_valid(const char *s, size_t n)
{
	size_t i = 0;
	while (i < n) {
		i += ascii_run(s + i, n - i);
		if (i == n)
			break;
		uint32_t cp;
		size_t k = utf8_decode(s + i, n - i, &cp);
		if (k == 0 || cp == 0)
			return false;
		i += k;
	}
	return true;
}

size_t utf8_clip(const char *s, size_t n, size_t max)
{
	if (n <= max)
		return n;
	/* Step back over at most three continuation bytes; if what they belong to is whole, nothing needs to go. */
	size_t i = max;
	while (i > 0 && max - i < 3 && ((unsigned char)s[i] & 0xc0) == 0x80)
		i--;
	uint32_t cp;
	size_t k = utf8_decode(s + i, n - i, &cp);
	return k > 0 && i + k > max ? i : max;
}

size_t utf8_utf16_len(const char *s, size_t n)
{
	size_t units = 0, i = 0;
	while (i < n) {
		size_t run = ascii_run(s + i, n - i);
		units += run;
		i += run;
		if (i == n)
			break;
		uint32_t cp = 0;
		size_t k = utf8_decode(s + i, n - i, &cp);
		units += cp >= 0x10000 ? 2 : 1;
		i += k ? k : 1;
	}
	return units;
}

size_t utf8_utf16_clip(const char *s, size_t n, size_t units)
{
	size_t i = 0;
	while (i < n) {
		uint32_t cp = 0;
		size_t k = utf8_decode(s + i, n - i, &cp);
		size_t cost = k && cp >= 0x10000 ? 2 : 1;
		if (cost > units)
			break;
		units -= cost;
		i += k ? k : 1;
	}
	return i;
}
