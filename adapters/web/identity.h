#ifndef EDDY_WEB_IDENTITY_H
#define EDDY_WEB_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../../core/base/err.h"

/*
 * Who the server of a host page says its visitor is: a JSON web token (RFC 7519) signed with HS256 by a key that only that server and we know.
 * docs/embedding.md tells how to make one, docs/adr/053-visitors.md why it is as it is.
 */
#define IDENTITY_TOKEN_MAX 4096
#define IDENTITY_KEY_MIN 32  /* RFC 7518, 3.2: as long as the hash */
#define IDENTITY_LIFE_S 600  /* a token may live so long, */
#define IDENTITY_LEEWAY_S 60 /* and clocks be so far apart */

struct identity_rules {
	const char *keys[2]; /* the one in use and the one before it; NULL: none */
	const char *audience;
	int64_t now_s;
};
struct identity {
	char subject[256], name[121];
	char jti[129]; /* "": none */
	bool member;   /* else a guest */
	int64_t until_s;
};
/** ERR_DENIED: ${why} (static) says what is wrong with it, in words for the one who makes such tokens; ${out} is empty then. */
enum err identity_verify(const char *token, size_t n, const struct identity_rules *rules, struct identity *out, const char **why);

/*
 * Tokens that name themselves (jti) are bound to the browser tab that shows them first: it may show them again as long as they live,
 * since it comes back after every cut, and nobody else.  Bounded; in memory only.  One thread.
 */
struct identity_uses;
struct identity_uses *identity_uses_new(size_t max);
void identity_uses_free(struct identity_uses *u); /* NULL is fine */
/** ERR_DENIED: somebody else has shown it, or another token of that name.  ERR_RETRY: too many are alive to remember this one. */
enum err identity_use(
    struct identity_uses *u, const char *token, size_t n, const struct identity *id, const char *device, int64_t now_s);
void identity_uses_sweep(struct identity_uses *u, int64_t now_s);

#endif
