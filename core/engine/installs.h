#ifndef EDDY_ENGINE_INSTALLS_H
#define EDDY_ENGINE_INSTALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"

struct buf;
struct engine;
struct listener;

/*
 * Workspaces of a platform that were added by somebody there who granted it (OAuth), each with a token of its own: sealed in its tenant, gone the
 * moment that it is removed.  All of it blocking: workers and the terminal.
 */
struct install_grant {
	const char *adapter, *external_id, *name;
	const char *scopes; /* NULL: not told */
	bool org;           /* ${external_id} is an organisation's, the token is for all of its workspaces */
	const char *by;     /* who granted it, as the adapter names people: becomes an owner.  NULL: nobody is known */
	const char *token;  /* as the adapter writes and reads it; at most SECRET_MAX bytes */
	size_t token_len;
};
/** A new tenant, or the old one again with a new token.  ERR_DENIED: this workspace is served with the tokens of the settings. */
enum err engine_grant(struct engine *e, const struct install_grant *g, struct id *ws, bool *again);
/** The token was renewed.  ERR_INPUT: it is not installed any more. */
enum err engine_grant_renew(struct engine *e, const char *adapter, const char *external_id, const char *token, size_t n);
/** Appends the token; the caller overwrites ${out}.  ERR_INPUT: not installed.  ERR_DENIED: no key of ours opens it. */
enum err engine_grant_token(struct engine *e, const char *adapter, const char *external_id, struct buf *out);
/**
 * Removed there (${why}: "uninstalled", "revoked", "operator"): the token is gone with the COMMIT, what is being answered there is stopped, the
 * data stays: with ${erase_after_ms} above 0 only for so long, unless it is granted again.  Audited.  ERR_INPUT: it was not installed.
 */
enum err engine_grant_end(struct engine *e, const char *adapter, const char *external_id, const char *why, int64_t erase_after_ms);
/** What was removed there is kept after all, with ${external_id} NULL all of ${adapter}. */
enum err engine_grant_keep(struct engine *e, const char *adapter, const char *external_id);
/** A grant has changed: which workspace is which tenant is asked for again.  Any thread. */
void engine_grants_heard(struct engine *e);

struct install_row {
	struct id ws;
	const char *external_id, *name, *scopes, *removed_why; /* NULL where there is none */
	bool org, granted, removed;
	int64_t changed_us, created_ms, removed_ms;
};
/** All that there is of ${adapter}, those that were removed too. */
enum err engine_grants(struct engine *e, const char *adapter, void (*fn)(void *arg, const struct install_row *r), void *arg);
/** Calls ${fn}, on a thread of its own, when grants may have changed, here or in another process; until engine_grants_unlisten() (NULL is fine). */
struct listener *engine_grants_listen(struct engine *e, void (*fn)(void *arg), void *arg);
void engine_grants_unlisten(struct listener *l);

/** What is signed into the state of a grant: 32 bytes that stay the same, for every process of this database. */
enum err engine_grant_key(struct engine *e, const char *adapter, unsigned char out[32]);
/** Uses ${state} up.  ERR_DENIED: it was used before. */
enum err engine_grant_use(struct engine *e, struct id state, uint32_t ms);

#endif
