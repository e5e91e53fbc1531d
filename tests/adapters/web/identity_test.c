/* Tokens of host pages: the good one in its forms, and every way to be none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../../adapters/web/identity.h"
#include "token.c"

#define NOW INT64_C(1790000000)
#define AUD "https://eddy.example.org"

static const struct identity_rules rules = { .keys = { TOKEN_KEY, TOKEN_KEY_OLD }, .audience = AUD, .now_s = NOW };
static struct identity who;
static const char *why;

static enum err verify(const char *token)
{
	return identity_verify(token, strlen(token), &rules, &who, &why);
}

static void refused(const char *token, const char *because)
{
	if (verify(token) != ERR_DENIED)
		fail_msg("let in: %s", token);
	if (strstr(why, because) == NULL)
		fail_msg("wanted \"%s\", got \"%s\"", because, why);
	assert_int_equal(who.subject[0], 0);
}

/* A token whose claims are exactly these. */
static const char *claims(const char *text)
{
	return token_make(TOKEN_KEY, TOKEN_HEAD, text);
}

static void verify__takes__what_is_signed(void **state)
{
	(void)state;
	assert_int_equal(verify(token_of("ann", AUD, NOW, ",\"name\":\"Ann Ex\\u00e4mple\",\"jti\":\"j1\"")), ERR_NONE);
	assert_string_equal(who.subject, "ann");
	assert_string_equal(who.name, "Ann Ex\xc3\xa4mple");
	assert_string_equal(who.jti, "j1");
	assert_false(who.member);
	assert_int_equal(verify(token_of("ann", AUD, NOW, ",\"role\":\"member\"")), ERR_NONE);
	assert_true(who.member);
	assert_int_equal(
	    verify(claims("{\"sub\":\"a\",\"aud\":[\"x\",\"" AUD "\"],\"iat\":1790000000,\"exp\":1790000600.5}")), ERR_NONE);
	assert_int_equal(verify(token_make(TOKEN_KEY, "{\"alg\":\"HS256\"}",
	                     "{\"sub\":\"a\",\"aud\":\"" AUD "\",\"iat\":1790000000,\"exp\":1790000001}")),
	    ERR_NONE);
}

static void keys__both_work_and_short_or_missing_ones_do_not(void **state)
{
	(void)state;
	static const char good[] = "{\"sub\":\"a\",\"aud\":\"" AUD "\",\"iat\":1790000000,\"exp\":1790000300}";
	assert_int_equal(verify(token_make(TOKEN_KEY_OLD, TOKEN_HEAD, good)), ERR_NONE);
	refused(token_make("another-key-that-is-as-long-as-the-others", TOKEN_HEAD, good), "the signature is wrong");
	refused(token_make("", TOKEN_HEAD, good), "the signature is wrong");
	const char *token = token_make("short", TOKEN_HEAD, good);
	struct identity_rules r = { .keys = { "short", "" }, .audience = AUD, .now_s = NOW };
	assert_int_equal(identity_verify(token, strlen(token), &r, &who, &why), ERR_DENIED);
	token = token_make("", TOKEN_HEAD, good);
	assert_int_equal(identity_verify(token, strlen(token), &r, &who, &why), ERR_DENIED);
	r.keys[0] = r.keys[1] = NULL;
	assert_int_equal(identity_verify(token, strlen(token), &r, &who, &why), ERR_DENIED);
	assert_non_null(strstr(why, "identity_key is not set"));
	r.keys[0] = TOKEN_KEY;
	r.audience = NULL;
	token = token_make(TOKEN_KEY, TOKEN_HEAD, good);
	assert_int_equal(identity_verify(token, strlen(token), &r, &who, &why), ERR_DENIED);
}

static void forged__tokens__are_refused(void **state)
{
	(void)state;
	char token[4096];
	snprintf(token, sizeof token, "%s", token_of("ann", AUD, NOW, ""));
	assert_int_equal(verify(token), ERR_NONE);
	/* Any one character changed. */
	size_t n = strlen(token);
	for (size_t i = 0; i < n; i++) {
		char was = token[i];
		token[i] = was == 'A' ? 'B' : 'A';
		if (verify(token) == ERR_NONE)
			fail_msg("character %zu does not count", i);
		token[i] = was;
	}
	/* Cut anywhere. */
	for (size_t i = 0; i < n; i++)
		assert_int_equal(identity_verify(token, i, &rules, &who, &why), ERR_DENIED);
	/* The claims of one under the signature of another. */
	char other[4096];
	snprintf(other, sizeof other, "%s", token_of("eve", AUD, NOW, ""));
	char *mix = strrchr(other, '.');
	snprintf(mix, sizeof other - (size_t)(mix - other), "%s", strrchr(token, '.'));
	refused(other, "the signature is wrong");
}

static void algorithms__other_than_ours__are_refused(void **state)
{
	(void)state;
	static const char good[] = "{\"sub\":\"a\",\"aud\":\"" AUD "\",\"iat\":1790000000,\"exp\":1790000300}";
	static const char *const heads[] = { "{\"alg\":\"none\"}", "{\"alg\":\"None\"}", "{\"alg\":\"\"}", "{}", "{\"alg\":null}",
		"{\"alg\":\"RS256\"}", "{\"alg\":\"HS384\"}", "{\"alg\":\"HS512\"}", "{\"alg\":\"hs256\"}", "{\"alg\":\"HS256 \"}",
		"{\"alg\":[\"HS256\"]}", "{\"alg\":\"ES256\"}" };
	for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
		refused(token_make(TOKEN_KEY, heads[i], good), "alg must be HS256");
	/* Unsigned, in the forms that careless readers take. */
	char token[4096];
	snprintf(token, sizeof token, "%s", token_make(TOKEN_KEY, "{\"alg\":\"none\"}", good));
	*(strrchr(token, '.') + 1) = '\0';
	refused(token, "three parts");
	*strrchr(token, '.') = '\0';
	refused(token, "three parts");
	/* RS256 confusion: signed with a public key taken for a secret. */
	refused(token_make("-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n", "{\"alg\":\"RS256\"}", good),
	    "the signature is wrong");
	refused(token_make(TOKEN_KEY, "{\"alg\":\"HS256\",\"typ\":\"JOSE\"}", good), "typ must be JWT");
	refused(token_make(TOKEN_KEY, "{\"alg\":\"HS256\",\"typ\":1}", good), "typ must be JWT");
	refused(token_make(TOKEN_KEY, "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", good), "crit");
	refused(token_make(TOKEN_KEY, "{\"alg\":\"HS256\",\"alg\":\"HS256\"}", good), "not JSON");
	refused(token_make(TOKEN_KEY, "[]", good), "not JSON");
	refused(token_make(TOKEN_KEY, "\"HS256\"", good), "not JSON");
}

static void audience__of_others__is_refused(void **state)
{
	(void)state;
	refused(token_of("a", "https://eddy.example.com", NOW, ""), "aud");
	refused(token_of("a", AUD "/", NOW, ""), "aud");
	refused(token_of("a", "", NOW, ""), "aud");
	refused(claims("{\"sub\":\"a\",\"iat\":1790000000,\"exp\":1790000300}"), "aud");
	refused(claims("{\"sub\":\"a\",\"aud\":[],\"iat\":1790000000,\"exp\":1790000300}"), "aud");
	refused(claims("{\"sub\":\"a\",\"aud\":[[\"" AUD "\"]],\"iat\":1790000000,\"exp\":1790000300}"), "aud");
	refused(claims("{\"sub\":\"a\",\"aud\":{\"a\":\"" AUD "\"},\"iat\":1790000000,\"exp\":1790000300}"), "aud");
}

static void times__outside_their_bounds__are_refused(void **state)
{
	(void)state;
	const int64_t day = 86400;
	refused(token_of("a", AUD, NOW - day, ""), "the token has ended");
	refused(token_of("a", AUD, NOW + day, ""), "iat is in the future");
	refused(token_of("a", AUD, NOW - 360, ""), "the token has ended");
	assert_int_equal(verify(token_of("a", AUD, NOW - 359, "")), ERR_NONE); /* within the leeway */
	assert_int_equal(verify(token_of("a", AUD, NOW + 60, "")), ERR_NONE);
	refused(token_of("a", AUD, NOW + 61, ""), "iat is in the future");
	refused(token_of("a", AUD, NOW, ",\"nbf\":1790000061"), "nbf is in the future");
	refused(token_of("a", AUD, NOW, ",\"nbf\":\"soon\""), "nbf is in the future");
	assert_int_equal(verify(token_of("a", AUD, NOW, ",\"nbf\":1790000060")), ERR_NONE);
	static const char *const bad[] = { "\"iat\":1790000000,\"exp\":1790000601", "\"iat\":1790000000,\"exp\":1790000000",
		"\"iat\":1790000000,\"exp\":1789999999", "\"iat\":1790000000,\"exp\":99999999999999", "\"iat\":1790000000",
		"\"exp\":1790000300", "\"iat\":\"1790000000\",\"exp\":1790000300", "\"iat\":1790000000,\"exp\":\"1790000300\"",
		"\"iat\":-5,\"exp\":1790000300", "\"iat\":1790000000,\"exp\":1e300", "\"iat\":null,\"exp\":null",
		"\"iat\":1790000000,\"exp\":true" };
	char text[512];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		snprintf(text, sizeof text, "{\"sub\":\"a\",\"aud\":\"" AUD "\",%s}", bad[i]);
		if (verify(claims(text)) != ERR_DENIED)
			fail_msg("let in: %s", text);
	}
}

static void claims__of_the_wrong_kind__are_refused(void **state)
{
	(void)state;
	char long_name[200], more[260];
	memset(long_name, 'x', sizeof long_name);
	long_name[121] = '\0';
	snprintf(more, sizeof more, ",\"name\":\"%s\"", long_name);
	refused(token_of("a", AUD, NOW, more), "name must be");
	refused(token_of("a", AUD, NOW, ",\"name\":\"a\\nb\""), "name must be");
	refused(token_of("a", AUD, NOW, ",\"name\":7"), "name must be");
	refused(token_of("", AUD, NOW, ""), "sub must be");
	refused(token_of("a\\u0007", AUD, NOW, ""), "sub must be");
	refused(claims("{\"aud\":\"" AUD "\",\"iat\":1790000000,\"exp\":1790000300}"), "sub must be");
	refused(claims("{\"sub\":5,\"aud\":\"" AUD "\",\"iat\":1790000000,\"exp\":1790000300}"), "sub must be");
	refused(token_of("a", AUD, NOW, ",\"jti\":{}"), "jti must be");
	refused(token_of("a", AUD, NOW, ",\"role\":\"admin\""), "role must be");
	refused(token_of("a", AUD, NOW, ",\"role\":1"), "role must be");
	refused(token_of("a", AUD, NOW, ",\"sub\":\"b\""), "not JSON"); /* said twice */
	refused(token_of("a\\u0000b", AUD, NOW, ""), "not JSON");
}

static void base64__in_any_other_form__is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", ".", "..", "...", "a.b.c", "a.b.c.d", "=.=.=", " . . ", "\xff.\xff.\xff" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(verify(bad[i]), ERR_DENIED);
	char token[4096], changed[4200];
	snprintf(token, sizeof token, "%s", token_of("ann", AUD, NOW, ""));
	snprintf(changed, sizeof changed, "%s=", token);
	refused(changed, "base64url");
	snprintf(changed, sizeof changed, " %s", token);
	refused(changed, "signature is wrong");
	snprintf(changed, sizeof changed, "%s\n", token);
	refused(changed, "base64url");
	/* 32 bytes are 43 characters, the last of which has two bits too many: they must be 0. */
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	char *last = token + strlen(token) - 1;
	*last = alphabet[(strchr(alphabet, *last) - alphabet) | 1];
	refused(token, "base64url");
}

static void tokens__that_are_huge__are_refused_unread(void **state)
{
	(void)state;
	char *big = malloc(1 << 20);
	memset(big, 'A', 1 << 20);
	big[10] = big[2000] = '.';
	assert_int_equal(identity_verify(big, 1 << 20, &rules, &who, &why), ERR_DENIED);
	assert_non_null(strstr(why, "longer than 4096"));
	assert_int_equal(identity_verify(big, 4097, &rules, &who, &why), ERR_DENIED);
	assert_non_null(strstr(why, "longer than 4096"));
	assert_int_equal(identity_verify(big, 4096, &rules, &who, &why), ERR_DENIED);
	free(big);
	char deep[2048] = "", text[2200];
	for (int i = 0; i < 500; i++)
		strcat(deep, "[");
	snprintf(text, sizeof text, "{\"sub\":\"a\",\"x\":%s", deep);
	refused(claims(text), "not JSON");
}

static void use__of_a_named_token__is_for_the_tab_that_showed_it(void **state)
{
	(void)state;
	struct identity_uses *u = identity_uses_new(3);
	char a[4096], b[4096];
	snprintf(a, sizeof a, "%s", token_of("ann", AUD, NOW, ",\"jti\":\"1\""));
	snprintf(b, sizeof b, "%s", token_of("ann", AUD, NOW + 1, ",\"jti\":\"1\""));
	assert_int_equal(verify(a), ERR_NONE);
	struct identity id = who;
	assert_int_equal(identity_use(u, a, strlen(a), &id, "tab1", NOW), ERR_NONE);
	assert_int_equal(identity_use(u, a, strlen(a), &id, "tab1", NOW + 100), ERR_NONE); /* comes back after a cut */
	assert_int_equal(identity_use(u, a, strlen(a), &id, "tab2", NOW), ERR_DENIED);
	assert_int_equal(identity_use(u, a, strlen(a), &id, "", NOW), ERR_DENIED);
	assert_int_equal(identity_use(u, b, strlen(b), &id, "tab1", NOW), ERR_DENIED); /* another token of that name */
	struct identity other = id, bare = id;
	strcpy(other.subject, "bob"); /* somebody else's names are his own */
	assert_int_equal(identity_use(u, b, strlen(b), &other, "tab9", NOW), ERR_NONE);
	bare.jti[0] = '\0';
	assert_int_equal(identity_use(u, a, strlen(a), &bare, "x", NOW), ERR_NONE);
	assert_int_equal(identity_use(u, a, strlen(a), &bare, "y", NOW), ERR_NONE);
	/* Full: newcomers have to wait, those who are known need not. */
	strcpy(other.jti, "2");
	assert_int_equal(identity_use(u, b, strlen(b), &other, "t", NOW), ERR_NONE);
	strcpy(other.jti, "3");
	assert_int_equal(identity_use(u, b, strlen(b), &other, "t", NOW), ERR_RETRY);
	assert_int_equal(identity_use(u, a, strlen(a), &id, "tab1", NOW), ERR_NONE);
	assert_int_equal(identity_use(u, b, strlen(b), &other, "t", id.until_s), ERR_NONE); /* the others have ended */
	identity_uses_free(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(verify__takes__what_is_signed),
		cmocka_unit_test(keys__both_work_and_short_or_missing_ones_do_not),
		cmocka_unit_test(forged__tokens__are_refused),
		cmocka_unit_test(algorithms__other_than_ours__are_refused),
		cmocka_unit_test(audience__of_others__is_refused),
		cmocka_unit_test(times__outside_their_bounds__are_refused),
		cmocka_unit_test(claims__of_the_wrong_kind__are_refused),
		cmocka_unit_test(base64__in_any_other_form__is_refused),
		cmocka_unit_test(tokens__that_are_huge__are_refused_unread),
		cmocka_unit_test(use__of_a_named_token__is_for_the_tab_that_showed_it),
	};
	return cmocka_run_group_tests_name("identity tokens", tests, NULL, NULL);
}
