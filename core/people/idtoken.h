#ifndef EDDY_PEOPLE_IDTOKEN_H
#define EDDY_PEOPLE_IDTOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * ID tokens of log-in services (OpenID Connect Core 1.0, section 3.1.3.7; RFC 7515, 7517, 8725) and the keys that sign them.  Pure: no network, no
 * database.  RS256, ES256 and EdDSA (Ed25519), and a key serves only the algorithm of its kind.
 */
#define IDTOKEN_MAX 16384
#define IDTOKEN_KEYS_MAX 65536 /* bytes of a key set */
#define IDTOKEN_LEEWAY_S 60
#define IDTOKEN_AGE_S 600 /* it was made for this very log-in */

struct idtoken_keys;
/** Of a JWK Set: the public keys that can sign here; others are passed over.  NULL: it is no key set. */
struct idtoken_keys *idtoken_keys_parse(const char *json, size_t n);
void idtoken_keys_free(struct idtoken_keys *k); /* NULL is fine */
size_t idtoken_keys_len(const struct idtoken_keys *k);

enum idtoken_fault {
	IDTOKEN_OK,
	IDTOKEN_FORM,      /* no token at all */
	IDTOKEN_ALG,       /* "none", HS256, or whatever else is not ours */
	IDTOKEN_KEY,       /* no key of its name and kind, perhaps a new one: the set may be fetched again */
	IDTOKEN_SIGNATURE, /* signed by another, or changed */
	IDTOKEN_ISSUER,    /* made by another service */
	IDTOKEN_AUDIENCE,  /* made for another client */
	IDTOKEN_NONCE,     /* made for another log-in */
	IDTOKEN_TIME,      /* ended, too old, from the future, or does not say */
	IDTOKEN_SUBJECT,   /* names nobody */
	IDTOKEN_FAULTS,
};
/** A word for the audit log. */
const char *idtoken_fault_name(enum idtoken_fault f);

struct idtoken_rules {
	const char *issuer, *client_id, *nonce; /* must be as they stand here */
	int64_t now_s;
};
struct idtoken {
	char sub[256], name[128];            /* name "": it does not say */
	char slack_team[64], slack_user[64]; /* https://slack.com/team_id and user_id; "": none */
};
/** ${out} is all empty but for IDTOKEN_OK. */
enum idtoken_fault idtoken_check(
    const struct idtoken_keys *k, const char *token, size_t n, const struct idtoken_rules *r, struct idtoken *out);

#endif
