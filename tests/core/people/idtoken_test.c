/* ID tokens, good ones and forged ones: each line of the table is one way to make a token that must not count, and what is said of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/encode.h"
#include "../../../core/people/idtoken.h"

#define NOW INT64_C(1790000000)
#define ISSUER "https://id.example.com"
#define CLIENT "eddy-client"
#define NONCE "nonce-of-this-log-in"

static EVP_PKEY *rsa, *ec, *ed, *other_rsa, *small_rsa;
static struct idtoken_keys *keys;
static struct buf set = BUF_INIT;

static void put_bn(struct buf *b, const char *name, const EVP_PKEY *k, const char *param, int pad)
{
	BIGNUM *n = NULL;
	unsigned char raw[600];
	char text[BASE64URL_ROOM(600)];
	assert_int_equal(EVP_PKEY_get_bn_param(k, param, &n), 1);
	int len = pad > 0 ? BN_bn2binpad(n, raw, pad) : BN_bn2bin(n, raw);
	base64url_encode(text, raw, (size_t)len);
	buf_addf(b, ",\"%s\":\"%s\"", name, text);
	BN_free(n);
}

static void put_rsa(struct buf *b, const char *kid, const EVP_PKEY *k, const char *more)
{
	buf_addf(b, "{\"kty\":\"RSA\",\"kid\":\"%s\"%s", kid, more);
	put_bn(b, "n", k, OSSL_PKEY_PARAM_RSA_N, 0);
	put_bn(b, "e", k, OSSL_PKEY_PARAM_RSA_E, 0);
	buf_add_str(b, "}");
}

static int set_up(void **state)
{
	(void)state;
	unsigned char raw[32];
	char x[BASE64URL_ROOM(32)];
	size_t n = sizeof raw;
	rsa = EVP_RSA_gen(2048);
	other_rsa = EVP_RSA_gen(2048);
	small_rsa = EVP_RSA_gen(1024);
	ec = EVP_EC_gen("P-256");
	ed = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	buf_add_str(&set, "{\"keys\":[");
	put_rsa(&set, "r1", rsa, ",\"use\":\"sig\",\"alg\":\"RS256\"");
	buf_add_str(&set, ",{\"kty\":\"EC\",\"kid\":\"e1\",\"crv\":\"P-256\"");
	put_bn(&set, "x", ec, OSSL_PKEY_PARAM_EC_PUB_X, 32);
	put_bn(&set, "y", ec, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
	EVP_PKEY_get_raw_public_key(ed, raw, &n);
	base64url_encode(x, raw, sizeof raw);
	buf_addf(&set, "},{\"kty\":\"OKP\",\"kid\":\"d1\",\"crv\":\"Ed25519\",\"x\":\"%s\"},", x);
	put_rsa(&set, "enc", other_rsa, ",\"use\":\"enc\"");
	buf_add_str(&set, ",");
	put_rsa(&set, "ps", other_rsa, ",\"alg\":\"PS256\"");
	buf_add_str(&set, ",");
	put_rsa(&set, "small", small_rsa, "");
	buf_add_str(&set,
	    ",{\"kty\":\"oct\",\"kid\":\"h1\",\"k\":\"c2VjcmV0\"},{\"kty\":\"RSA\",\"kid\":\"e-one\",\"n\":\"AQAB\",\"e\":\"AQ\"},{},1,null]}");
	keys = idtoken_keys_parse(set.p, set.len);
	return keys == NULL;
}

static int tear_down(void **state)
{
	(void)state;
	EVP_PKEY *all[] = { rsa, ec, ed, other_rsa, small_rsa };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		EVP_PKEY_free(all[i]);
	idtoken_keys_free(keys);
	buf_done(&set);
	return 0;
}

/* ---- making tokens ---- */

enum signer { BY_RSA, BY_EC, BY_ED, BY_OTHER, BY_SMALL, BY_HMAC, BY_HMAC_OF_PUBLIC_KEY, BY_NOBODY, BY_DER };

static size_t sign(enum signer by, const char *text, size_t n, unsigned char *out)
{
	size_t len = 1024;
	unsigned int mac_len = 0;
	if (by == BY_NOBODY)
		return 0;
	if (by == BY_HMAC || by == BY_HMAC_OF_PUBLIC_KEY) {
		const char *key = by == BY_HMAC ? "secret" : set.p; /* the text of the set that everybody can read */
		HMAC(EVP_sha256(), key, (int)(by == BY_HMAC ? 6 : set.len), (const unsigned char *)text, n, out, &mac_len);
		return mac_len;
	}
	EVP_PKEY *k = by == BY_EC || by == BY_DER ? ec
	    : by == BY_ED                         ? ed
	    : by == BY_OTHER                      ? other_rsa
	    : by == BY_SMALL                      ? small_rsa
	                                          : rsa;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit(c, NULL, by == BY_ED ? NULL : EVP_sha256(), NULL, k), 1);
	assert_int_equal(EVP_DigestSign(c, out, &len, (const unsigned char *)text, n), 1);
	EVP_MD_CTX_free(c);
	if (by == BY_EC) {
		const unsigned char *p = out;
		ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &p, (long)len);
		unsigned char raw[64];
		BN_bn2binpad(ECDSA_SIG_get0_r(s), raw, 32);
		BN_bn2binpad(ECDSA_SIG_get0_s(s), raw + 32, 32);
		ECDSA_SIG_free(s);
		memcpy(out, raw, len = sizeof raw);
	}
	return len;
}

static void put_part(struct buf *b, const void *p, size_t n)
{
	char *text = malloc(BASE64URL_ROOM(n));
	base64url_encode(text, p, n);
	buf_add_str(b, text);
	free(text);
}

static void make(struct buf *b, const char *head, const char *claims, enum signer by)
{
	unsigned char sig[1024];
	buf_reset(b);
	put_part(b, head, strlen(head));
	buf_add_str(b, ".");
	put_part(b, claims, strlen(claims));
	size_t n = sign(by, b->p, b->len, sig);
	buf_add_str(b, ".");
	put_part(b, sig, n);
}

static enum idtoken_fault check(const char *token, size_t n, struct idtoken *out)
{
	const struct idtoken_rules r = { .issuer = ISSUER, .client_id = CLIENT, .nonce = NONCE, .now_s = NOW };
	return idtoken_check(keys, token, n, &r, out);
}

#define GOOD \
	"\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"nonce\":\"" NONCE \
	"\",\"sub\":\"u-1\",\"iat\":1790000000,\"exp\":1790000300"
#define RS "{\"alg\":\"RS256\",\"kid\":\"r1\"}"

static const struct {
	const char *name, *head, *claims;
	enum signer by;
	enum idtoken_fault fault;
} table[] = {
	{ "RS256", RS, "{" GOOD "}", BY_RSA, IDTOKEN_OK },
	{ "ES256", "{\"alg\":\"ES256\",\"kid\":\"e1\",\"typ\":\"JWT\"}", "{" GOOD "}", BY_EC, IDTOKEN_OK },
	{ "EdDSA", "{\"alg\":\"EdDSA\",\"kid\":\"d1\"}", "{" GOOD "}", BY_ED, IDTOKEN_OK },
	{ "no kid, one key of the kind", "{\"alg\":\"ES256\"}", "{" GOOD "}", BY_EC, IDTOKEN_OK },
	{ "aud a list of us alone", RS,
	    "{\"iss\":\"" ISSUER "\",\"aud\":[\"" CLIENT "\"],\"nonce\":\"" NONCE
	    "\",\"sub\":\"u\",\"iat\":1790000000,\"exp\":1790000300}",
	    BY_RSA, IDTOKEN_OK },
	{ "several aud, given to us", RS,
	    "{\"iss\":\"" ISSUER "\",\"aud\":[\"x\",\"" CLIENT "\"],\"azp\":\"" CLIENT "\",\"nonce\":\"" NONCE
	    "\",\"sub\":\"u\",\"iat\":1790000000,\"exp\":1790000300}",
	    BY_RSA, IDTOKEN_OK },
	/* algorithms */
	{ "alg none, unsigned", "{\"alg\":\"none\"}", "{" GOOD "}", BY_NOBODY, IDTOKEN_ALG },
	{ "alg None", "{\"alg\":\"None\",\"kid\":\"r1\"}", "{" GOOD "}", BY_NOBODY, IDTOKEN_ALG },
	{ "no alg", "{\"kid\":\"r1\"}", "{" GOOD "}", BY_RSA, IDTOKEN_ALG },
	{ "alg a number", "{\"alg\":256,\"kid\":\"r1\"}", "{" GOOD "}", BY_RSA, IDTOKEN_ALG },
	{ "HS256 by a secret of the set", "{\"alg\":\"HS256\",\"kid\":\"h1\"}", "{" GOOD "}", BY_HMAC, IDTOKEN_ALG },
	{ "HS256 by the public key", "{\"alg\":\"HS256\",\"kid\":\"r1\"}", "{" GOOD "}", BY_HMAC_OF_PUBLIC_KEY, IDTOKEN_ALG },
	{ "RS256 said, HMAC done", RS, "{" GOOD "}", BY_HMAC_OF_PUBLIC_KEY, IDTOKEN_SIGNATURE },
	{ "RS512", "{\"alg\":\"RS512\",\"kid\":\"r1\"}", "{" GOOD "}", BY_RSA, IDTOKEN_ALG },
	{ "PS256", "{\"alg\":\"PS256\",\"kid\":\"r1\"}", "{" GOOD "}", BY_RSA, IDTOKEN_ALG },
	/* keys */
	{ "unknown kid", "{\"alg\":\"RS256\",\"kid\":\"r2\"}", "{" GOOD "}", BY_RSA, IDTOKEN_KEY },
	{ "kid of a key of another kind", "{\"alg\":\"RS256\",\"kid\":\"e1\"}", "{" GOOD "}", BY_RSA, IDTOKEN_KEY },
	{ "ES256 with the kid of the RSA key", "{\"alg\":\"ES256\",\"kid\":\"r1\"}", "{" GOOD "}", BY_EC, IDTOKEN_KEY },
	{ "a key for encryption", "{\"alg\":\"RS256\",\"kid\":\"enc\"}", "{" GOOD "}", BY_OTHER, IDTOKEN_KEY },
	{ "a key for another algorithm", "{\"alg\":\"RS256\",\"kid\":\"ps\"}", "{" GOOD "}", BY_OTHER, IDTOKEN_KEY },
	{ "a key that is too small", "{\"alg\":\"RS256\",\"kid\":\"small\"}", "{" GOOD "}", BY_SMALL, IDTOKEN_KEY },
	{ "a key with exponent one", "{\"alg\":\"RS256\",\"kid\":\"e-one\"}", "{" GOOD "}", BY_RSA, IDTOKEN_KEY },
	{ "kid a list", "{\"alg\":\"RS256\",\"kid\":[\"r1\"]}", "{" GOOD "}", BY_RSA, IDTOKEN_FORM },
	{ "kid with a NUL behind it", "{\"alg\":\"RS256\",\"kid\":\"r1\\u0000\"}", "{" GOOD "}", BY_RSA, IDTOKEN_FORM },
	{ "a key in the head", "{\"alg\":\"RS256\",\"kid\":\"x\",\"jwk\":{\"kty\":\"RSA\"},\"jku\":\"https://evil.example/k\"}",
	    "{" GOOD "}", BY_OTHER, IDTOKEN_KEY },
	{ "crit", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"crit\":[\"x\"]}", "{" GOOD "}", BY_RSA, IDTOKEN_FORM },
	{ "another type of token", "{\"alg\":\"RS256\",\"kid\":\"r1\",\"typ\":\"at+jwt\"}", "{" GOOD "}", BY_RSA, IDTOKEN_FORM },
	{ "alg twice", "{\"alg\":\"none\",\"alg\":\"RS256\",\"kid\":\"r1\"}", "{" GOOD "}", BY_RSA, IDTOKEN_FORM },
	/* signatures */
	{ "by another key", RS, "{" GOOD "}", BY_OTHER, IDTOKEN_SIGNATURE },
	{ "unsigned", RS, "{" GOOD "}", BY_NOBODY, IDTOKEN_SIGNATURE },
	{ "ES256 as ASN.1", "{\"alg\":\"ES256\",\"kid\":\"e1\"}", "{" GOOD "}", BY_DER, IDTOKEN_SIGNATURE },
	{ "EdDSA by the EC key", "{\"alg\":\"EdDSA\",\"kid\":\"d1\"}", "{" GOOD "}", BY_EC, IDTOKEN_SIGNATURE },
	/* claims */
	{ "no claims", RS, "[]", BY_RSA, IDTOKEN_FORM },
	{ "claims twice", RS, "{" GOOD ",\"sub\":\"u-2\"}", BY_RSA, IDTOKEN_FORM },
#define WITH(iss, aud, nonce, rest) "{\"iss\":" iss ",\"aud\":" aud ",\"nonce\":" nonce "," rest "}"
#define Q(x) "\"" x "\""
#define WHEN "\"iat\":1790000000,\"exp\":1790000300"
	{ "another issuer", RS, WITH(Q("https://evil.example"), Q(CLIENT), Q(NONCE), "\"sub\":\"u\"," WHEN), BY_RSA,
	    IDTOKEN_ISSUER },
	{ "issuer with a slash", RS, WITH(Q(ISSUER "/"), Q(CLIENT), Q(NONCE), "\"sub\":\"u\"," WHEN), BY_RSA, IDTOKEN_ISSUER },
	{ "issuer a list", RS, WITH("[" Q(ISSUER) "]", Q(CLIENT), Q(NONCE), "\"sub\":\"u\"," WHEN), BY_RSA, IDTOKEN_ISSUER },
	{ "another client", RS, WITH(Q(ISSUER), Q("another"), Q(NONCE), "\"sub\":\"u\"," WHEN), BY_RSA, IDTOKEN_AUDIENCE },
	{ "no client", RS, WITH(Q(ISSUER), "[]", Q(NONCE), "\"sub\":\"u\"," WHEN), BY_RSA, IDTOKEN_AUDIENCE },
	{ "client with more", RS, WITH(Q(ISSUER), Q(CLIENT "2"), Q(NONCE), "\"sub\":\"u\"," WHEN), BY_RSA, IDTOKEN_AUDIENCE },
	{ "several clients and no azp", RS, WITH(Q(ISSUER), "[" Q(CLIENT) "," Q("x") "]", Q(NONCE), "\"sub\":\"u\"," WHEN), BY_RSA,
	    IDTOKEN_AUDIENCE },
	{ "given to another client", RS, WITH(Q(ISSUER), Q(CLIENT), Q(NONCE), "\"azp\":\"x\",\"sub\":\"u\"," WHEN), BY_RSA,
	    IDTOKEN_AUDIENCE },
	{ "another nonce", RS, WITH(Q(ISSUER), Q(CLIENT), Q("n"), "\"sub\":\"u\"," WHEN), BY_RSA, IDTOKEN_NONCE },
	{ "no nonce", RS, "{\"iss\":\"" ISSUER "\",\"aud\":\"" CLIENT "\",\"sub\":\"u\"," WHEN "}", BY_RSA, IDTOKEN_NONCE },
#define TIMES(t) WITH(Q(ISSUER), Q(CLIENT), Q(NONCE), "\"sub\":\"u\"," t)
	{ "ended", RS, TIMES("\"iat\":1789999700,\"exp\":1789999940"), BY_RSA, IDTOKEN_TIME },
	{ "no end", RS, TIMES("\"iat\":1790000000"), BY_RSA, IDTOKEN_TIME },
	{ "no beginning", RS, TIMES("\"exp\":1790000300"), BY_RSA, IDTOKEN_TIME },
	{ "an end in words", RS, TIMES("\"iat\":1790000000,\"exp\":\"1790000300\""), BY_RSA, IDTOKEN_TIME },
	{ "from the future", RS, TIMES("\"iat\":1790000061,\"exp\":1790000300"), BY_RSA, IDTOKEN_TIME },
	{ "not yet", RS, TIMES(WHEN ",\"nbf\":1790000061"), BY_RSA, IDTOKEN_TIME },
	{ "an old one", RS, TIMES("\"iat\":1789999339,\"exp\":1790009999"), BY_RSA, IDTOKEN_TIME },
	{ "nobody", RS, WITH(Q(ISSUER), Q(CLIENT), Q(NONCE), WHEN), BY_RSA, IDTOKEN_SUBJECT },
	{ "an empty name", RS, WITH(Q(ISSUER), Q(CLIENT), Q(NONCE), "\"sub\":\"\"," WHEN), BY_RSA, IDTOKEN_SUBJECT },
	{ "a name with a NUL", RS, WITH(Q(ISSUER), Q(CLIENT), Q(NONCE), "\"sub\":\"a\\u0000b\"," WHEN), BY_RSA, IDTOKEN_FORM },
	{ "a number for a name", RS, WITH(Q(ISSUER), Q(CLIENT), Q(NONCE), "\"sub\":1," WHEN), BY_RSA, IDTOKEN_SUBJECT },
};

static void token__of_each_kind__is_taken_or_refused_for_its_own_reason(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct idtoken t;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		make(&b, table[i].head, table[i].claims, table[i].by);
		enum idtoken_fault f = check(b.p, b.len, &t);
		if (f != table[i].fault)
			fail_msg("%s: %s, not %s", table[i].name, idtoken_fault_name(f), idtoken_fault_name(table[i].fault));
		assert_int_equal(t.sub[0] != '\0', f == IDTOKEN_OK);
	}
	buf_done(&b);
}

static void token__changed_in_any_byte__is_refused(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct idtoken t;
	static const enum signer by[] = { BY_RSA, BY_EC, BY_ED };
	static const char *const heads[] = { RS, "{\"alg\":\"ES256\",\"kid\":\"e1\"}", "{\"alg\":\"EdDSA\",\"kid\":\"d1\"}" };
	for (size_t k = 0; k < 3; k++) {
		make(&b, heads[k], "{" GOOD "}", by[k]);
		for (size_t i = 0; i < b.len; i++) {
			char was = b.p[i];
			b.p[i] = was == 'A' ? 'B' : 'A';
			assert_int_not_equal(check(b.p, b.len, &t), IDTOKEN_OK);
			b.p[i] = was;
			if (i % 7 == 0)
				assert_int_not_equal(check(b.p, i, &t), IDTOKEN_OK);
		}
		assert_int_equal(check(b.p, b.len, &t), IDTOKEN_OK);
		buf_add_str(&b, "=");
		assert_int_not_equal(check(b.p, b.len, &t), IDTOKEN_OK);
	}
	buf_done(&b);
}

static void keys__of_the_same_name__count_for_nothing(void **state)
{
	(void)state;
	struct buf two = BUF_INIT, b = BUF_INIT;
	struct idtoken t;
	const struct idtoken_rules r = { .issuer = ISSUER, .client_id = CLIENT, .nonce = NONCE, .now_s = NOW };
	buf_add_str(&two, "{\"keys\":[");
	put_rsa(&two, "r1", other_rsa, "");
	buf_add_str(&two, ",");
	put_rsa(&two, "r1", rsa, "");
	buf_add_str(&two, "]}");
	struct idtoken_keys *k = idtoken_keys_parse(two.p, two.len);
	assert_int_equal(idtoken_keys_len(k), 2);
	make(&b, RS, "{" GOOD "}", BY_RSA);
	assert_int_equal(idtoken_check(k, b.p, b.len, &r, &t), IDTOKEN_KEY);
	make(&b, "{\"alg\":\"RS256\"}", "{" GOOD "}", BY_RSA);
	assert_int_equal(idtoken_check(k, b.p, b.len, &r, &t), IDTOKEN_KEY);
	assert_int_equal(idtoken_check(NULL, b.p, b.len, &r, &t), IDTOKEN_KEY);
	idtoken_keys_free(k);
	buf_done(&two);
	buf_done(&b);
}

static void keys__that_are_no_set__are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":1}", "null", "{\"keys\":[]",
		"{\"keys\":[],\"keys\":[]}" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_null(idtoken_keys_parse(bad[i], strlen(bad[i])));
	assert_int_equal(idtoken_keys_len(keys), 3); /* of eleven entries */
}

static void names__come_from_the_claims_and_never_with_signs_that_control(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct idtoken t;
	make(&b, RS, "{" GOOD ",\"name\":\"Ana Ruiz\",\"https://slack.com/team_id\":\"T1\",\"https://slack.com/user_id\":\"U1\"}",
	    BY_RSA);
	assert_int_equal(check(b.p, b.len, &t), IDTOKEN_OK);
	assert_string_equal(t.sub, "u-1");
	assert_string_equal(t.name, "Ana Ruiz");
	assert_string_equal(t.slack_team, "T1");
	assert_string_equal(t.slack_user, "U1");
	make(&b, RS, "{" GOOD ",\"name\":\"a\\nb\",\"https://slack.com/team_id\":[\"T1\"]}", BY_RSA);
	assert_int_equal(check(b.p, b.len, &t), IDTOKEN_OK);
	assert_string_equal(t.name, "");
	assert_string_equal(t.slack_team, "");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(token__of_each_kind__is_taken_or_refused_for_its_own_reason),
		cmocka_unit_test(token__changed_in_any_byte__is_refused),
		cmocka_unit_test(keys__of_the_same_name__count_for_nothing),
		cmocka_unit_test(keys__that_are_no_set__are_refused),
		cmocka_unit_test(names__come_from_the_claims_and_never_with_signs_that_control),
	};
	return cmocka_run_group_tests_name("ID tokens", tests, set_up, tear_down);
}
