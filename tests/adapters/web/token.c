/* Makes signed tokens for tests, right and wrong ones.  Included by tests. */
#pragma GCC diagnostic ignored "-Wunused-function" /* not every test needs all of it */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "../../../core/base/buf.h"

#define TOKEN_KEY "a-key-of-the-host-page-for-tests-only"
#define TOKEN_KEY_OLD "the-key-before-it-which-is-going-away"

static void token_add(struct buf *b, const void *p, size_t n)
{
	char text[8192];
	int len = EVP_EncodeBlock((unsigned char *)text, p, (int)n);
	while (len > 0 && text[len - 1] == '=')
		len--;
	for (int i = 0; i < len; i++)
		buf_add_char(b, (char)(text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i]));
}

/* Borrowed until the next call. */
static const char *token_make(const char *key, const char *head, const char *claims)
{
	static struct buf b;
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	buf_reset(&b);
	token_add(&b, head, strlen(head));
	buf_add_char(&b, '.');
	token_add(&b, claims, strlen(claims));
	HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)b.p, b.len, mac, &n);
	buf_add_char(&b, '.');
	token_add(&b, mac, n);
	return b.p;
}

#define TOKEN_HEAD "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
/* ${more}: further claims, with a comma before each. */
static const char *token_of(const char *sub, const char *aud, int64_t iat, const char *more)
{
	char claims[4096];
	snprintf(claims, sizeof claims, "{\"sub\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,\"exp\":%lld%s}", sub, aud, (long long)iat,
	    (long long)iat + 300, more);
	return token_make(TOKEN_KEY, TOKEN_HEAD, claims);
}
