#ifndef EDDY_WEB_OIDC_H
#define EDDY_WEB_OIDC_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/buf.h"
#include "../../core/base/err.h"

/*
 * Log-in by a service (OpenID Connect, authorization code with PKCE): /api/login/NAME sends the browser there, /api/login/NAME/callback takes what
 * it brings back, /api/login/NAME/link takes a code of `link` from whom nobody knows yet.  NAME is "oidc" or "slack".  Loop thread only, but for oidc_new().
 */
struct web;
struct http;
struct settings;
struct oidc;
struct oidc_call;
/** ERR_INPUT: ${why} says which setting is wrong. */
enum err oidc_check(const struct settings *s, char *why, size_t why_n);
/** ${out} NULL: no service is set up.  Blocking: asks for a secret of the workspace. */
enum err oidc_new(struct oidc **out, struct web *w, struct http *http, char *why, size_t why_n);
void oidc_free(struct oidc *o); /* NULL is fine */
/** For the page: [{"name":…,"label":…}] */
void oidc_describe(const struct oidc *o, struct buf *out);
void oidc_sweep(struct oidc *o, uint64_t now_ms);

struct oidc_told { /* what a service says of itself; the strings are the caller's */
	char *authorize, *token, *jwks;
	bool by_post; /* the client's secret goes into the body */
};
/** Its discovery document.  False: of another issuer, without PKCE, or with addresses that secrets must not go to; ${out} is empty. */
bool oidc_read_discovery(const char *text, size_t n, const char *issuer, struct oidc_told *out);

/** For `eddy doctor`: is each service that is set up there, what it should be, and of our time?  Blocking. */
void oidc_doctor(const struct settings *s, struct http *http, struct buf *out);

struct oidc_head { /* NULL: the request has none */
	bool post;
	const char *path, *host, *origin, *cookie, *address;
	const char *code, *state, *error, *iss; /* of the query */
	unsigned long long body_bytes;
};
struct oidc_answer {
	unsigned status;
	struct buf location, cookies[2], body; /* empty: none; the body is a page */
};
#define OIDC_BODY_MAX 1024
bool oidc_has(const struct oidc *o, const char *path); /* ${o} may be NULL */
/** Never NULL: what is refused is so at its end. */
struct oidc_call *oidc_begin(struct oidc *o, const struct oidc_head *head);
bool oidc_body(struct oidc_call *c, const void *p, size_t n); /* false: too long */
/** ${done} is called on the loop thread, now or later, unless oidc_drop() came first. */
void oidc_run(struct oidc_call *c, void (*done)(void *arg), void *arg);
const struct oidc_answer *oidc_answer(const struct oidc_call *c); /* NULL until then */
void oidc_drop(struct oidc_call *c);                              /* NULL is fine */

#endif
