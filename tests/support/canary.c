/* Each form is made once for each search: a search looks at few megabytes. */
#include "canary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#define HALF 14

static void random_letters(char *out, size_t n, bool hex)
{
	static const char all[] = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", digits[] = "0123456789abcdef";
	unsigned char raw[2 * CANARY_LETTERS];
	if (RAND_bytes(raw, (int)n) != 1)
		abort();
	for (size_t i = 0; i < n; i++)
		out[i] = hex ? digits[raw[i] % 16] : all[raw[i] % (sizeof all - 1)];
	out[n] = '\0';
}

void canary_make(struct canary *c, const char *name, enum canary_kind kind, const char *before, const char *after)
{
	*c = (struct canary){ .name = name, .kind = kind };
	random_letters(c->letters, kind == CANARY_HEX ? 2 * CANARY_LETTERS : CANARY_LETTERS, kind == CANARY_HEX);
	snprintf(c->value, sizeof c->value, "%s%s%s", before, c->letters, after);
}

void canary_of(struct canary *c, const char *name, const char *value)
{
	*c = (struct canary){ .name = name };
	size_t n = strlen(value), len = n < CANARY_LETTERS ? n : CANARY_LETTERS;
	if (n < 24)
		abort();
	snprintf(c->value, sizeof c->value, "%s", value);
	snprintf(c->letters, sizeof c->letters, "%s", value + n - len); /* what all of a kind begin with, and names, are in front */
}

/* The characters of base64 that are the same whatever stands around: of ${p} behind ${shift} other bytes. */
static size_t base64_inside(const unsigned char *p, size_t n, size_t shift, bool url, char *out)
{
	unsigned char with[200] = { 0 };
	unsigned char text[300];
	memcpy(with + shift, p, n);
	EVP_EncodeBlock(text, with, (int)(n + shift));
	size_t from = shift == 0 ? 0 : shift == 1 ? 2 : 3, to = (n + shift) / 3 * 4, len = 0;
	for (size_t i = from; i < to; i++)
		out[len++] = (char)(url && text[i] == '+' ? '-' : url && text[i] == '/' ? '_' : text[i]);
	out[len] = '\0';
	return len;
}

static const char *const names[] = { "as it is", "its beginning", "its end", "base64", "base64, shifted", "base64, shifted twice",
	"base64url", "base64url, shifted", "base64url, shifted twice", "hexadecimal", "HEXADECIMAL", "bytes", "base64 of the bytes",
	"base64 of the bytes, shifted", "base64 of the bytes, shifted twice" };
enum { FORMS = sizeof names / sizeof *names };

bool canary_form(const struct canary *c, int i, char *out, size_t out_n, size_t *n)
{
	const unsigned char *p = (const unsigned char *)c->letters;
	size_t len = strlen(c->letters);
	unsigned char raw[CANARY_LETTERS];
	if (i < 0 || i >= FORMS || out_n < 300 || (i >= 11 && c->kind != CANARY_HEX))
		return false;
	for (size_t k = 0; i >= 11 && k < CANARY_LETTERS; k++) {
		unsigned v = 0;
		if (sscanf(c->letters + 2 * k, "%2x", &v) != 1)
			return false;
		raw[k] = (unsigned char)v;
	}
	if (i == 0)
		*n = (size_t)snprintf(out, out_n, "%s", c->value);
	else if (i <= 2)
		*n = (size_t)snprintf(out, out_n, "%.*s", HALF, i == 1 ? c->letters : c->letters + len - HALF);
	else if (i <= 8)
		*n = base64_inside(p, len, (size_t)(i - 3) % 3, i > 5, out);
	else if (i <= 10) {
		for (size_t k = 0; k < len; k++)
			snprintf(out + 2 * k, out_n - 2 * k, i == 9 ? "%02x" : "%02X", p[k]);
		*n = 2 * len;
	} else if (i == 11) {
		memcpy(out, raw, sizeof raw);
		*n = sizeof raw;
	} else {
		*n = base64_inside(raw, sizeof raw, (size_t)(i - 12), false, out);
	}
	return true;
}

bool canary_in(const struct canary *c, const char *p, size_t n, const char **how)
{
	char form[400];
	size_t len;
	for (int i = 0; i < FORMS; i++)
		if (canary_form(c, i, form, sizeof form, &len) && memmem(p, n, form, len) != NULL) {
			*how = names[i];
			return true;
		}
	return false;
}
