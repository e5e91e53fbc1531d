/*
 * What the head of a token asks for only picks among what the key set has: the algorithm must be one of three, the key one of that algorithm's kind, by its
 * name or, where the token names none, the only one.  Nothing of the claims is looked at before the signature held.  A key set's secrets ("oct") are
 * never keys here, so a public key can't be taken for one.
 */
#include "idtoken.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>
#include <string.h>

#include "../base/encode.h"
#include "../base/json.h"
#include "../base/mem.h"
#include "../base/utf8.h"

#define KEYS_MAX 64
#define KID_MAX 256
#define RSA_MIN 256 /* bytes */
#define RSA_MAX 1024
#define SIGNATURE_MAX RSA_MAX

enum alg { ALG_NONE, ALG_RS256, ALG_ES256, ALG_EDDSA };
struct key {
	enum alg alg;
	char kid[KID_MAX];
	EVP_PKEY *pkey;
};
struct idtoken_keys {
	size_t len;
	struct key keys[KEYS_MAX];
};

const char *idtoken_fault_name(enum idtoken_fault f)
{
	static const char *const names[] = { "ok", "form", "alg", "key", "signature", "issuer", "audience", "nonce", "time",
		"subject" };
	_Static_assert(sizeof names / sizeof *names == IDTOKEN_FAULTS, "each has a name");
	return names[f];
}

static enum alg alg_of(const char *name)
{
	static const char *const names[] = { [ALG_RS256] = "RS256", [ALG_ES256] = "ES256", [ALG_EDDSA] = "EdDSA" };
	for (int i = ALG_RS256; i <= ALG_EDDSA; i++)
		if (strcmp(names[i], name) == 0)
			return (enum alg)i;
	return ALG_NONE;
}

/* ---- keys ---- */

/* The bytes of a field, at most ${max}; 0: not there or not base64url. */
static size_t field(const json_t *o, const char *name, unsigned char *out, size_t max)
{
	const json_t *v = json_object_get(o, name);
	size_t n = json_string_length(v), len = 0;
	if (!json_is_string(v) || n == 0 || n * 3 / 4 > max || !base64url_decode(json_string_value(v), n, out, &len))
		return 0;
	return len <= max ? len : 0;
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM_BLD *b)
{
	OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
	EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *k = NULL;
	if (params == NULL || c == NULL || EVP_PKEY_fromdata_init(c) != 1 ||
	    EVP_PKEY_fromdata(c, &k, EVP_PKEY_PUBLIC_KEY, params) != 1)
		k = NULL;
	EVP_PKEY_CTX_free(c);
	OSSL_PARAM_free(params);
	return k;
}

static EVP_PKEY *rsa_key(const json_t *o)
{
	unsigned char n[RSA_MAX + 8], e[16];
	size_t n_len = field(o, "n", n, sizeof n), e_len = field(o, "e", e, sizeof e);
	EVP_PKEY *k = NULL;
	if (n_len == 0 || e_len == 0)
		return NULL;
	BIGNUM *bn = BN_bin2bn(n, (int)n_len, NULL), *be = BN_bin2bn(e, (int)e_len, NULL);
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	/* Small ones are broken, large ones and odd exponents are work that somebody else makes for us. */
	if (bn != NULL && be != NULL && b != NULL && BN_num_bytes(bn) >= RSA_MIN && BN_num_bytes(bn) <= RSA_MAX && BN_is_odd(bn) &&
	    BN_is_odd(be) && !BN_is_one(be) && BN_num_bits(be) <= 32 && OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, bn) == 1 &&
	    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, be) == 1)
		k = from_params("RSA", b);
	OSSL_PARAM_BLD_free(b);
	BN_free(bn);
	BN_free(be);
	return k;
}

static EVP_PKEY *ec_key(const json_t *o)
{
	unsigned char point[65] = { 4 };
	EVP_PKEY *k = NULL;
	if (strcmp(json_str(o, "crv", ""), "P-256") != 0 || field(o, "x", point + 1, 32) != 32 ||
	    field(o, "y", point + 33, 32) != 32)
		return NULL;
	OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
	if (b != NULL && OSSL_PARAM_BLD_push_utf8_string(b, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) == 1 &&
	    OSSL_PARAM_BLD_push_octet_string(b, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) == 1)
		k = from_params("EC", b);
	OSSL_PARAM_BLD_free(b);
	return k;
}

static EVP_PKEY *ed_key(const json_t *o)
{
	unsigned char x[32];
	if (strcmp(json_str(o, "crv", ""), "Ed25519") != 0 || field(o, "x", x, sizeof x) != sizeof x)
		return NULL;
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, x, sizeof x);
}

static void add_key(struct idtoken_keys *k, const json_t *o)
{
	const char *kty = json_str(o, "kty", ""), *use = json_str(o, "use", "sig"), *kid = json_str(o, "kid", "");
	struct key *key = &k->keys[k->len];
	if (strcmp(use, "sig") != 0 || strlen(kid) >= KID_MAX)
		return;
	key->alg = strcmp(kty, "RSA") == 0 ? ALG_RS256
	    : strcmp(kty, "EC") == 0       ? ALG_ES256
	    : strcmp(kty, "OKP") == 0      ? ALG_EDDSA
	                                   : ALG_NONE;
	/* A key that is meant for another algorithm of its kind is not for this one. */
	if (key->alg == ALG_NONE || (json_object_get(o, "alg") != NULL && alg_of(json_str(o, "alg", "")) != key->alg))
		return;
	key->pkey = key->alg == ALG_RS256 ? rsa_key(o) : key->alg == ALG_ES256 ? ec_key(o) : ed_key(o);
	if (key->pkey == NULL)
		return;
	memcpy(key->kid, kid, strlen(kid) + 1);
	k->len++;
}

struct idtoken_keys *idtoken_keys_parse(const char *json, size_t n)
{
	json_t *root = NULL, *o;
	size_t i;
	if (json_parse(json, n, IDTOKEN_KEYS_MAX, &root, NULL) != ERR_NONE)
		return NULL;
	const json_t *list = json_arr(root, "keys");
	if (list == NULL) {
		json_decref(root);
		return NULL;
	}
	struct idtoken_keys *k = xcalloc(1, sizeof *k);
	json_array_foreach (list, i, o)
		if (k->len < KEYS_MAX && json_is_object(o))
			add_key(k, o);
	json_decref(root);
	return k;
}

void idtoken_keys_free(struct idtoken_keys *k)
{
	for (size_t i = 0; k != NULL && i < k->len; i++)
		EVP_PKEY_free(k->keys[i].pkey);
	free(k);
}

size_t idtoken_keys_len(const struct idtoken_keys *k)
{
	return k == NULL ? 0 : k->len;
}

/* The one key that can be meant; NULL: none, or it could be several. */
static const struct key *find_key(const struct idtoken_keys *k, enum alg alg, const char *kid)
{
	const struct key *found = NULL;
	for (size_t i = 0; k != NULL && i < k->len; i++) {
		if (k->keys[i].alg != alg || (kid != NULL && strcmp(k->keys[i].kid, kid) != 0))
			continue;
		if (found != NULL)
			return NULL;
		found = &k->keys[i];
	}
	return found;
}

/* ---- the signature ---- */

/* RFC 7518, section 3.4: two numbers of 32 bytes; OpenSSL wants them as ASN.1. */
static size_t to_der(const unsigned char *sig, size_t n, unsigned char **der)
{
	ECDSA_SIG *s = n == 64 ? ECDSA_SIG_new() : NULL;
	BIGNUM *r = s == NULL ? NULL : BN_bin2bn(sig, 32, NULL), *t = s == NULL ? NULL : BN_bin2bn(sig + 32, 32, NULL);
	int len = 0;
	*der = NULL;
	if (r != NULL && t != NULL && ECDSA_SIG_set0(s, r, t) == 1)
		len = i2d_ECDSA_SIG(s, der);
	else
		BN_free(r), BN_free(t);
	ECDSA_SIG_free(s);
	return len > 0 ? (size_t)len : 0;
}

static bool verify(const struct key *k, const char *text, size_t n, const unsigned char *sig, size_t sig_len)
{
	unsigned char *der = NULL;
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c != NULL && EVP_DigestVerifyInit(c, NULL, k->alg == ALG_EDDSA ? NULL : EVP_sha256(), NULL, k->pkey) == 1;
	if (ok && k->alg == ALG_ES256) {
		sig_len = to_der(sig, sig_len, &der);
		sig = der;
		ok = sig_len > 0;
	}
	ok = ok && EVP_DigestVerify(c, sig, sig_len, (const unsigned char *)text, n) == 1;
	OPENSSL_free(der);
	EVP_MD_CTX_free(c);
	return ok;
}

/* ---- claims ---- */

static bool take_time(const json_t *claims, const char *name, int64_t *out)
{
	const json_t *v = json_object_get(claims, name);
	double d = json_number_value(v);
	if (!json_is_number(v) || !(d >= 0 && d < 1e11))
		return false;
	*out = (int64_t)d;
	return true;
}

static bool times_hold(const json_t *c, int64_t now)
{
	int64_t iat, exp, nbf = 0;
	if (!take_time(c, "iat", &iat) || !take_time(c, "exp", &exp) ||
	    (json_object_get(c, "nbf") != NULL && !take_time(c, "nbf", &nbf)))
		return false;
	return now < exp + IDTOKEN_LEEWAY_S && iat <= now + IDTOKEN_LEEWAY_S && nbf <= now + IDTOKEN_LEEWAY_S &&
	    iat >= now - IDTOKEN_AGE_S - IDTOKEN_LEEWAY_S;
}

static bool same(const json_t *v, const char *text)
{
	return json_is_string(v) && json_string_length(v) == strlen(text) &&
	    CRYPTO_memcmp(json_string_value(v), text, strlen(text)) == 0;
}

/* For us and, where it is for others too, given to us. */
static bool is_ours(const json_t *c, const char *client_id)
{
	const json_t *aud = json_object_get(c, "aud"), *azp = json_object_get(c, "azp"), *a;
	size_t i, n = json_is_array(aud) ? json_array_size(aud) : 1;
	bool ours = same(aud, client_id);
	json_array_foreach (aud, i, a)
		ours = same(a, client_id) || ours;
	return ours && (azp == NULL ? n == 1 : same(azp, client_id));
}

/* A text without control characters that fits, else "". */
static void take_text(const json_t *c, const char *name, char *out, size_t n)
{
	const json_t *v = json_object_get(c, name);
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	out[0] = '\0';
	if (!json_is_string(v) || !utf8_valid(s, len))
		return;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return;
	if (len >= n)
		return;
	memcpy(out, s, len + 1);
}

static json_t *part(const char *s, size_t n)
{
	unsigned char room[IDTOKEN_MAX];
	size_t len = 0;
	json_t *o = NULL;
	if (n == 0 || n > IDTOKEN_MAX || !base64url_decode(s, n, room, &len) ||
	    json_parse((char *)room, len, sizeof room, &o, NULL) != ERR_NONE)
		return NULL;
	if (!json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static enum idtoken_fault check_head(const struct idtoken_keys *k, const json_t *head, const struct key **key)
{
	const json_t *kid = json_object_get(head, "kid"), *typ = json_object_get(head, "typ");
	enum alg alg = alg_of(json_str(head, "alg", ""));
	if (alg == ALG_NONE)
		return IDTOKEN_ALG;
	if (json_object_get(head, "crit") != NULL || (typ != NULL && !same(typ, "JWT")) ||
	    (kid != NULL && (!json_is_string(kid) || strlen(json_string_value(kid)) != json_string_length(kid))))
		return IDTOKEN_FORM;
	*key = find_key(k, alg, json_string_value(kid));
	return *key == NULL ? IDTOKEN_KEY : IDTOKEN_OK;
}

static enum idtoken_fault check_claims(const json_t *c, const struct idtoken_rules *r, struct idtoken *out)
{
	if (!same(json_object_get(c, "iss"), r->issuer))
		return IDTOKEN_ISSUER;
	if (!is_ours(c, r->client_id))
		return IDTOKEN_AUDIENCE;
	if (!same(json_object_get(c, "nonce"), r->nonce))
		return IDTOKEN_NONCE;
	if (!times_hold(c, r->now_s))
		return IDTOKEN_TIME;
	take_text(c, "sub", out->sub, sizeof out->sub);
	if (out->sub[0] == '\0')
		return IDTOKEN_SUBJECT;
	take_text(c, "name", out->name, sizeof out->name);
	if (out->name[0] == '\0')
		take_text(c, "preferred_username", out->name, sizeof out->name);
	take_text(c, "https://slack.com/team_id", out->slack_team, sizeof out->slack_team);
	take_text(c, "https://slack.com/user_id", out->slack_user, sizeof out->slack_user);
	return IDTOKEN_OK;
}

enum idtoken_fault idtoken_check(
    const struct idtoken_keys *k, const char *token, size_t n, const struct idtoken_rules *r, struct idtoken *out)
{
	unsigned char sig[SIGNATURE_MAX + 4];
	size_t sig_len = 0;
	const struct key *key = NULL;
	memset(out, 0, sizeof *out);
	if (n > IDTOKEN_MAX)
		return IDTOKEN_FORM;
	const char *dot = memchr(token, '.', n), *second = dot == NULL ? NULL : memchr(dot + 1, '.', n - (size_t)(dot + 1 - token));
	if (second == NULL)
		return IDTOKEN_FORM;
	size_t given = n - (size_t)(second + 1 - token);
	json_t *head = part(token, (size_t)(dot - token)), *claims = NULL;
	enum idtoken_fault f = head == NULL ? IDTOKEN_FORM : check_head(k, head, &key);
	if (f == IDTOKEN_OK && (given > BASE64URL_ROOM(SIGNATURE_MAX) || !base64url_decode(second + 1, given, sig, &sig_len)))
		f = IDTOKEN_FORM;
	if (f == IDTOKEN_OK && !verify(key, token, (size_t)(second - token), sig, sig_len))
		f = IDTOKEN_SIGNATURE;
	if (f == IDTOKEN_OK && (claims = part(dot + 1, (size_t)(second - dot - 1))) == NULL)
		f = IDTOKEN_FORM;
	if (f == IDTOKEN_OK)
		f = check_claims(claims, r, out);
	if (f != IDTOKEN_OK)
		memset(out, 0, sizeof *out);
	json_decref(head);
	json_decref(claims);
	return f;
}
