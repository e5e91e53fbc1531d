/*
 * The signature is checked before anything that it covers is read, with the one algorithm we know: what the head of the token asks for is
 * compared, never obeyed, so neither "none" nor a public key taken for a secret gets anywhere.  Base64 has one form only (no padding, no
 * stray bits), so that a token cannot be written in two ways.
 */
#include "identity.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/encode.h"
#include "../../core/base/json.h"
#include "../../core/base/map.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"

static enum err denied(const char **why, const char *text)
{
	*why = text;
	return ERR_DENIED;
}

static bool signed_by(const char *key, const char *text, size_t n, const unsigned char mac[SHA256_DIGEST_LENGTH])
{
	unsigned char ours[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	return key != NULL && strlen(key) >= IDENTITY_KEY_MIN &&
	    HMAC(EVP_sha256(), key, (int)strlen(key), (const unsigned char *)text, n, ours, &len) != NULL &&
	    len == SHA256_DIGEST_LENGTH && CRYPTO_memcmp(ours, mac, SHA256_DIGEST_LENGTH) == 0;
}

static json_t *parse_part(const char *s, size_t n)
{
	unsigned char room[IDENTITY_TOKEN_MAX];
	size_t len;
	json_t *o = NULL;
	if (!base64url_decode(s, n, room, &len) || json_parse((char *)room, len, sizeof room, &o, NULL) != ERR_NONE)
		return NULL;
	if (!json_is_object(o)) {
		json_decref(o);
		return NULL;
	}
	return o;
}

static enum err check_head(const json_t *head, const char **why)
{
	const char *typ = json_str(head, "typ", NULL);
	if (strcmp(json_str(head, "alg", ""), "HS256") != 0)
		return denied(why, "alg must be HS256");
	if (json_object_get(head, "typ") != NULL && (typ == NULL || strcmp(typ, "JWT") != 0))
		return denied(why, "typ must be JWT");
	if (json_object_get(head, "crit") != NULL)
		return denied(why, "crit is not understood");
	return ERR_NONE;
}

static bool is_for(const json_t *aud, const char *us)
{
	size_t i;
	const json_t *a;
	if (us == NULL)
		return false;
	if (json_is_string(aud))
		return strcmp(json_string_value(aud), us) == 0;
	json_array_foreach (aud, i, a)
		if (json_is_string(a) && strcmp(json_string_value(a), us) == 0)
			return true;
	return false;
}

/* Seconds since 1970; fractions are allowed by the standard and of no use. */
static bool take_time(const json_t *claims, const char *key, int64_t *out)
{
	const json_t *v = json_object_get(claims, key);
	double d = json_number_value(v);
	if (!json_is_number(v) || !(d >= 0 && d < 1e11))
		return false;
	*out = (int64_t)d;
	return true;
}

static enum err check_times(const json_t *claims, int64_t now, int64_t *until, const char **why)
{
	int64_t iat, exp, nbf;
	if (!take_time(claims, "iat", &iat) || !take_time(claims, "exp", &exp))
		return denied(why, "iat and exp must be there, as seconds since 1970");
	if (exp <= iat || exp - iat > IDENTITY_LIFE_S)
		return denied(why, "exp must be at most 600 seconds after iat");
	if (iat > now + IDENTITY_LEEWAY_S)
		return denied(why, "iat is in the future: is the clock of the server that signed it right?");
	if (now >= exp + IDENTITY_LEEWAY_S)
		return denied(why, "the token has ended (or the clock of the server that signed it is slow)");
	if (json_object_get(claims, "nbf") != NULL && (!take_time(claims, "nbf", &nbf) || nbf > now + IDENTITY_LEEWAY_S))
		return denied(why, "nbf is in the future");
	*until = exp + IDENTITY_LEEWAY_S;
	return ERR_NONE;
}

/* A text claim without control characters; false: too long or of another type.  Absent is "". */
static bool take_text(const json_t *claims, const char *key, char *out, size_t n)
{
	const json_t *v = json_object_get(claims, key);
	out[0] = '\0';
	if (v == NULL)
		return true;
	if (!json_is_string(v) || json_string_length(v) >= n)
		return false;
	const char *s = json_string_value(v);
	size_t len = json_string_length(v);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] < 0x20 || s[i] == 0x7f)
			return false;
	if (!utf8_valid(s, len))
		return false;
	memcpy(out, s, len + 1);
	return true;
}

static enum err take_claims(const json_t *claims, const struct identity_rules *r, struct identity *out, const char **why)
{
	char role[16];
	enum err e;
	if (!is_for(json_object_get(claims, "aud"), r->audience))
		return denied(why, "aud must be web.widget.audience, or the origin of web.public_url where that is not set");
	if ((e = check_times(claims, r->now_s, &out->until_s, why)) != ERR_NONE)
		return e;
	if (!take_text(claims, "sub", out->subject, sizeof out->subject) || out->subject[0] == '\0')
		return denied(why, "sub must be 1 to 255 bytes of text");
	if (!take_text(claims, "name", out->name, sizeof out->name))
		return denied(why, "name must be at most 120 bytes of text");
	if (!take_text(claims, "jti", out->jti, sizeof out->jti))
		return denied(why, "jti must be at most 128 bytes of text");
	if (!take_text(claims, "role", role, sizeof role) ||
	    (role[0] != '\0' && strcmp(role, "guest") != 0 && strcmp(role, "member") != 0))
		return denied(why, "role must be guest or member");
	out->member = strcmp(role, "member") == 0;
	return ERR_NONE;
}

enum err identity_verify(const char *token, size_t n, const struct identity_rules *r, struct identity *out, const char **why)
{
	unsigned char mac[IDENTITY_TOKEN_MAX];
	size_t mac_n;
	*out = (struct identity){ 0 };
	*why = "";
	if (r->keys[0] == NULL && r->keys[1] == NULL)
		return denied(why, "this server takes no identities: web.widget.identity_key is not set");
	if (n > IDENTITY_TOKEN_MAX)
		return denied(why, "longer than 4096 bytes");
	const char *dot = memchr(token, '.', n);
	const char *dot2 = dot == NULL ? NULL : memchr(dot + 1, '.', n - (size_t)(dot + 1 - token));
	const char *end = token + n;
	if (dot2 == NULL || dot == token || dot2 == dot + 1 || dot2 + 1 == end ||
	    memchr(dot2 + 1, '.', (size_t)(end - dot2 - 1)) != NULL)
		return denied(why, "a token has three parts");
	if (!base64url_decode(dot2 + 1, (size_t)(end - dot2 - 1), mac, &mac_n) || mac_n != SHA256_DIGEST_LENGTH)
		return denied(why, "the signature is not 32 bytes of base64url");
	bool first = signed_by(r->keys[0], token, (size_t)(dot2 - token), mac);
	bool second = signed_by(r->keys[1], token, (size_t)(dot2 - token), mac);
	if (!first && !second)
		return denied(why, "the signature is wrong");
	json_t *head = parse_part(token, (size_t)(dot - token)), *claims = parse_part(dot + 1, (size_t)(dot2 - dot - 1));
	enum err e = head == NULL || claims == NULL ? denied(why, "not JSON in base64url") : check_head(head, why);
	if (e == ERR_NONE)
		e = take_claims(claims, r, out, why);
	json_decref(head);
	json_decref(claims);
	if (e != ERR_NONE)
		*out = (struct identity){ 0 };
	return e;
}

/* ---- who showed which token ---- */

struct use {
	unsigned char name[SHA256_DIGEST_LENGTH];  /* of subject and jti */
	unsigned char shown[SHA256_DIGEST_LENGTH]; /* of token and device */
	int64_t until_s;
	struct use *next;
};

struct identity_uses {
	struct map *by_name;
	struct use *all;
	size_t max;
};

struct identity_uses *identity_uses_new(size_t max)
{
	struct identity_uses *u = xcalloc(1, sizeof *u);
	u->by_name = map_new();
	u->max = max;
	return u;
}

void identity_uses_sweep(struct identity_uses *u, int64_t now_s)
{
	for (struct use **at = &u->all; *at != NULL;) {
		struct use *x = *at;
		if (now_s < x->until_s) {
			at = &x->next;
			continue;
		}
		*at = x->next;
		map_remove(u->by_name, x->name, sizeof x->name);
		free(x);
	}
}

void identity_uses_free(struct identity_uses *u)
{
	if (u == NULL)
		return;
	identity_uses_sweep(u, INT64_MAX);
	map_free(u->by_name, NULL);
	free(u);
}

/* Of two texts and where one ends. */
static void hash_pair(const char *a, size_t a_n, const char *b, size_t b_n, unsigned char out[SHA256_DIGEST_LENGTH])
{
	unsigned char both[2 * SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)a, a_n, both);
	SHA256((const unsigned char *)b, b_n, both + SHA256_DIGEST_LENGTH);
	SHA256(both, sizeof both, out);
}

enum err identity_use(
    struct identity_uses *u, const char *token, size_t n, const struct identity *id, const char *device, int64_t now_s)
{
	unsigned char name[SHA256_DIGEST_LENGTH], shown[SHA256_DIGEST_LENGTH];
	if (id->jti[0] == '\0')
		return ERR_NONE;
	hash_pair(id->subject, strlen(id->subject), id->jti, strlen(id->jti), name);
	hash_pair(token, n, device, strlen(device), shown);
	struct use *x = map_get(u->by_name, name, sizeof name);
	if (x != NULL && now_s < x->until_s)
		return CRYPTO_memcmp(x->shown, shown, sizeof shown) == 0 ? ERR_NONE : ERR_DENIED;
	if (x != NULL || map_count(u->by_name) >= u->max)
		identity_uses_sweep(u, now_s);
	if (map_count(u->by_name) >= u->max)
		return ERR_RETRY;
	x = xcalloc(1, sizeof *x);
	memcpy(x->name, name, sizeof name);
	memcpy(x->shown, shown, sizeof shown);
	x->until_s = id->until_s;
	x->next = u->all;
	u->all = x;
	map_put(u->by_name, x->name, sizeof x->name, x);
	return ERR_NONE;
}
