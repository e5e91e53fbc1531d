/* Secrets pass through here: nothing but the output holds them afterwards. */
#include "encode.h"

#include <string.h>

void hex_encode(char *out, const void *p, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *b = p;
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[b[i] >> 4];
		*out++ = digits[b[i] & 15];
	}
	*out = '\0';
}

static const char base64url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(char *out, const void *p, size_t n)
{
	const unsigned char *b = p;
	unsigned bits = 0, held = 0;
	for (size_t i = 0; i < n; i++) {
		bits = (bits & 0x3f) << 8 | b[i];
		for (held += 8; held >= 6; held -= 6)
			*out++ = base64url[bits >> (held - 6) & 63];
	}
	if (held > 0)
		*out++ = base64url[bits << (6 - held) & 63];
	*out = '\0';
}

bool base64url_decode(const char *s, size_t n, unsigned char *out, size_t *out_n)
{
	unsigned bits = 0, held = 0;
	size_t len = 0;
	if (n % 4 == 1)
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *at = s[i] == '\0' ? NULL : strchr(base64url, s[i]);
		if (at == NULL)
			return false;
		held = (held << 6 | (unsigned)(at - base64url)) & 0xfffu;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[len++] = (unsigned char)(held >> bits);
		}
	}
	*out_n = len;
	return (held & ((1u << bits) - 1)) == 0;
}
