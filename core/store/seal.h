#ifndef EDDY_STORE_SEAL_H
#define EDDY_STORE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "pg.h"

struct buf;

/*
 * Secrets in the database, readable only with a key that is not in it (docs/adr/088-sealed-secrets.md).  Each value is sealed with
 * XChaCha20-Poly1305 under a key of its workspace, which is derived from the master key; workspace, kind and name are sealed with it, so that a
 * value can't be put in the place of another.
 */
#define SEAL_FILE "master.keys"
#define SEAL_KEY 32
#define SEAL_ID 16          /* characters of a key's id */
#define SECRET_MAX 16384    /* bytes of a value */
#define SECRET_NAME_MAX 120 /* characters of kind and of name: a-z, 0-9, and ._:- within */

struct seal;
/**
 * ${keys}: setting secrets.master_key (64 hexadecimal digits; several with commas, the newest first), or NULL: the file master.keys in
 * ${dir}, made when there is none and ${make}.  ERR_INPUT: ${why} says what is wrong.
 */
enum err seal_open(struct seal **out, const char *dir, const char *keys, bool make, char *why, size_t why_n);
void seal_close(struct seal *s);
/** Put a new key in front of the file.  ERR_INPUT: the keys are in the settings, or the file can't be written. */
enum err seal_new_key(struct seal *s, char *why, size_t why_n);
/** How many keys there are, and the id of the newest. */
size_t seal_keys(struct seal *s, char id[SEAL_ID + 1]);

extern const struct pg_statement secret_statements[];
/* All in a tenant transaction; what is set and removed is announced (NOTIFY eddy_config).  ERR_INPUT: kind, name or length that cannot be. */
enum err secret_put(struct seal *s, struct pg *pg, struct id ws, const char *kind, const char *name, const void *value, size_t n);
/** The same where there is none yet; ${made}: there was none. */
enum err secret_put_new(
    struct seal *s, struct pg *pg, struct id ws, const char *kind, const char *name, const void *value, size_t n, bool *made);
/**
 * Append the value to ${out}, which the caller clears with secret_wipe().  ${use}: what for, a literal that stands in the audit log
 * (docs/adr/103-reads-of-secrets.md); NULL: the caller sees to that.  ERR_INPUT: there is none.  ERR_DENIED: no key of ours opens it.
 */
enum err secret_get(
    struct seal *s, struct pg *pg, struct id ws, const char *kind, const char *name, const char *use, struct buf *out);
/** Write to the audit log what it does not know yet of how often was read; outside a transaction, when no more will be. */
enum err secret_reads_end(struct seal *s, struct pg *pg);
enum err secret_remove(struct pg *pg, struct id ws, const char *kind, const char *name, bool *gone);
/**
 * ${fn} with each value, which is overwritten behind it.  ${lost}: how many no key of ours opens.  For digests alone: it is no reading that the audit log has.  At most
 * SECRETS_MAX; ERR_INPUT: there are more.
 */
#define SECRETS_MAX 20000
enum err secret_each(
    struct seal *s, struct pg *pg, struct id ws, void (*fn)(void *arg, const char *value, size_t n), void *arg, int *lost);
struct secret_row {
	const char *kind, *name, *key;
	int64_t changed_ms;
};
enum err secret_list(struct pg *pg, struct id ws, void (*fn)(void *arg, const struct secret_row *r), void *arg);
/**
 * Wait until whoever has chosen a key by now has committed, so that what comes after knows of the newest; outside a transaction.  ERR_RETRY: somebody
 * takes longer than a lock may be waited for.
 */
enum err secret_settle(struct pg *pg);
/** Seal at most ${max} values anew that are not under the newest key; ${n}: how many were.  Those that no key opens are passed over: ${lost}. */
enum err secret_renew(struct seal *s, struct pg *pg, struct id ws, int32_t max, int *n, int *lost);
/** Overwrite and free. */
void secret_wipe(struct buf *b);

#endif
