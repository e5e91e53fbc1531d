/* Servers that repeat in an error what they were sent.  What is shown of them is cut to a length, so pieces are looked for, not the whole. */
#include "unsaid.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/mem.h"

#define SECRET_MIN 4
#define PLAIN_MIN 6
#define CODED_MIN 8

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* Stars for the words of ${text} that share ${least} bytes in a row with ${form}. */
static void cover(char *text, const char *form, size_t n, size_t least)
{
	if (n < least || n == 0)
		return;
	for (size_t i = 0; strlen(text + i) >= least; i++) {
		if (memmem(form, n, text + i, least) == NULL)
			continue;
		size_t from = i, to = i + least;
		while (from > 0 && !is_blank(text[from - 1]))
			from--;
		while (text[to] != '\0' && !is_blank(text[to]))
			to++;
		memset(text + from, '*', to - from);
		i = to - 1;
	}
}

/* Of ${s} as it stands in a longer text whose bytes before it are ${before} modulo 3: the letters that no neighbour changes. */
static char *code(const char *s, size_t n, unsigned before, size_t *len)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *out = xmalloc(n * 4 / 3 + 4);
	unsigned bits = 0, held = before * 8 % 6 == 0 ? 0 : 6 - before * 8 % 6;
	unsigned value = 0, skip = held; /* bits that end the letter which the bytes before have begun */
	*len = 0;
	for (size_t i = 0; i < n; i++) {
		value = value << 8 | (unsigned char)s[i];
		bits += 8;
		if (skip > 0) {
			bits -= skip;
			value &= (1u << bits) - 1;
			skip = 0;
		}
		while (bits >= 6) {
			bits -= 6;
			out[(*len)++] = letters[value >> bits & 63];
			value &= (1u << bits) - 1;
		}
	}
	return out;
}

void unsaid(char *text, const char *secret)
{
	size_t n = secret != NULL ? strlen(secret) : 0;
	if (n < SECRET_MIN)
		return;
	cover(text, secret, n, n < PLAIN_MIN ? n : PLAIN_MIN);
	for (unsigned before = 0; before < 3; before++) {
		size_t len;
		char *form = code(secret, n, before, &len);
		cover(text, form, len, CODED_MIN);
		memset(form, 0, len);
		free(form);
	}
}
