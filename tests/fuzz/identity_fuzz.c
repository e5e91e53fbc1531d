/*
 * Tokens of host pages.  The input is taken as a whole token, which must be refused unless it is signed; then its first line as a head and the
 * rest as claims, signed well: whatever is let in then must keep the promises of identity.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/web/identity.h"
#include "../adapters/web/token.c"

#define NOW INT64_C(1790000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct identity_rules rules = { .keys = { TOKEN_KEY, NULL }, .audience = "https://eddy.example.org", .now_s = NOW };

static void check(const char *token, size_t n, const char *alg)
{
	struct identity who;
	const char *why = NULL;
	if (identity_verify(token, n, &rules, &who, &why) != ERR_NONE) {
		if (why == NULL || why[0] == '\0' || who.subject[0] != '\0')
			abort();
		return;
	}
	if (alg != NULL && strstr(alg, "HS256") == NULL && strchr(alg, '\\') == NULL)
		abort();
	if (who.subject[0] == '\0' || who.until_s <= NOW || who.until_s > NOW + IDENTITY_LIFE_S + 2 * IDENTITY_LEEWAY_S)
		abort();
	for (const char *s = who.name; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check((const char *)data, size, NULL);
	if (size > 4000)
		return 0;
	char *text = malloc(size + 1);
	if (text == NULL)
		abort();
	memcpy(text, data, size);
	text[size] = '\0';
	char *claims = strchr(text, '\n');
	if (claims != NULL) {
		*claims++ = '\0';
		const char *token = token_make(TOKEN_KEY, text, claims);
		check(token, strlen(token), text);
	}
	free(text);
	return 0;
}
