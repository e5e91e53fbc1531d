#ifndef EDDY_PEOPLE_KEYS_H
#define EDDY_PEOPLE_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "../base/buf.h"
#include "authority.h"

/*
 * API keys: "eddy_", the key's id, "_", 32 random bytes.  The text is shown once and kept nowhere, the database has its SHA-256.  A key belongs to
 * a node of the tree, or to a person at one, and carries a role and scopes of its own, never more than those of whoever made it.
 */
#define KEY_TEXT 82 /* with its NUL */
#define KEY_NAME_MAX 80
#define KEY_DAYS 90 /* unless another span is asked for */
#define KEY_DAYS_MAX 366
#define KEYS_MAX 200 /* that work, of one node */

extern const struct pg_statement keys_statements[];

/**
 * Who comes with ${key}; ${pg} is idle, the transactions are this function's own.  ERR_DENIED: not the text of a key, or one that is unknown, wrong, expired or
 * revoked, or whose person or team has no rights left; nobody can tell which.
 */
enum err key_caller(struct pg *pg, const char *key, struct caller *out);

/**
 * The same for who begins the transaction: the workspace of ${key} (${pg} is idle), if it has this secret ...
 */
enum err key_home(struct pg *pg, const char *key, struct id *id, struct id *ws);
/**
 * ... and inside its transaction the statement "key_read" with ${ws} and ${id}, whose answer this reads.  ERR_DENIED: it is void; ${expired_ms}: when its
 * time was over (0: it is something else), for nobody but who has shown its secret.
 */
enum err key_take(
    struct pg *pg, struct id ws, struct id id, const PGresult *r, struct caller *out, int64_t *expired_ms, bool *wrote);
/** The caller that ${key} is now, its text aside.  Inside a tenant transaction.  ERR_DENIED: it is void. */
enum err key_of(struct pg *pg, struct id ws, struct id key, struct caller *out);

struct key_new {
	struct id id;
	const char *name;
	struct id node;
	bool own; /* belongs to the caller and not to the node */
	enum role role;
	unsigned scopes; /* SCOPE_* */
	int days;
};
/**
 * Make a key as ${by}.  Inside a tenant transaction.  ERR_INPUT, ERR_DENIED: ${why} is a sentence.
 */
enum err key_issue(struct pg *pg, const struct caller *by, const struct key_new *k, char text[KEY_TEXT], const char **why);

struct key_info {
	struct id id, node, person, issued_by;
	const char *name, *node_slug;
	enum role role;
	unsigned scopes;
	int64_t created_ms, expires_ms, used_ms, revoked_ms; /* 0: never */
	bool works, expires_soon;
	bool last_word; /* key_warn() alone: it is the day before, by the database's clock, and not the week */
};
/** Keys at ${node} and below, newest first, at most ${limit}; ${soon}: those that end within a week.  ${row}'s strings are borrowed.  Inside a tenant transaction. */
enum err key_list(
    struct pg *pg, struct id ws, struct id node, bool soon, int limit, void (*row)(void *arg, const struct key_info *k), void *arg);
/**
 * Take back ${key} (none: every one) at ${node} or below, with all that it has made.  Inside a tenant transaction.  ERR_INPUT: there is no such key
 * there.  Taking it back again changes nothing.
 */
enum err key_revoke(struct pg *pg, struct id ws, struct id node, struct id key, int *revoked);
/**
 * Keys that end within a week, or within a day, ${ahead_ms} later than now, and of which that was not said yet: of one that lives for less than eight days only
 * the second is said.  At most ${max}, those that end first.  Inside a tenant transaction.
 */
enum err key_due(struct pg *pg, struct id ws, uint64_t ahead_ms, struct id *out, size_t max, size_t *n);
/** Note that it is said of ${key}; ${row} is called if it was still to be said, which one transaction of all gets to hear.  Inside a tenant transaction. */
enum err key_warn(
    struct pg *pg, struct id ws, uint64_t ahead_ms, struct id key, void (*row)(void *arg, const struct key_info *k), void *arg);
/** "eddy_01a1fec938b8…": by which people tell a key from another, and which opens nothing. */
#define KEY_BEGINNING 12
void key_put_beginning(struct buf *out, struct id key);

/** "config:read" … for each bit; NULL: none such. */
const char *scope_name(unsigned bit);
/** 0: there is none of this name. */
unsigned scope_from_name(const char *name);

#endif
