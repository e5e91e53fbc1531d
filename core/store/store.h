#ifndef EDDY_STORE_STORE_H
#define EDDY_STORE_STORE_H

#include <stddef.h>

#include "../base/err.h"

struct buf;
struct cluster;

/*
 * From settings to a database that is ready: the private cluster or the given server, roles, schema, and the address
 * under which the program works.  Blocking: start-up and commands.
 */
struct store;
struct store_options {
	const char *url;       /* database.url or NULL */
	const char *admin_url; /* database.admin_url or NULL */
	const char *data_dir;
};

/**
 * Neither address: the private cluster under data_dir.  An administrator's address (also a database.url whose role may
 * make roles): makes database, roles and schema where missing.  Any other database.url must be a plain runtime role on
 * a schema of exactly this program's level.  Takes a few milliseconds when everything is in place. ERR_RETRY: the
 * server is not reachable.  Others: ${why} says what is wrong and how to mend it, in one line without password.
 */
enum err store_open(struct store **out, const struct store_options *o, char *why, size_t why_n);
/**
 * From now on a thread looks after the database once a second: it merges new messages into the search index, so that the writer need not,
 * starts a private server that was killed again (logs store.revive), and clears the private server's files of what was erased (logs
 * store.purge; ${purge}, copied, says how; NULL: it does not).  Ends with store_close().
 */
struct purge_options;
void store_watch(struct store *s, const struct purge_options *purge);
/**
 * Ends the use of the private cluster too (the last process stops it), so close every connection before.  NULL is
 * fine.
 */
void store_close(struct store *s);
/** The runtime role's address, for pg_open().  It holds a password. */
const char *store_url(const struct store *s);
/** One line for the start-up summary: "private cluster in /var/lib/eddy, PostgreSQL 15.20, schema 1". */
const char *store_describe(const struct store *s);
/** One line that the operator should read, or NULL: "database.url may make roles: used as database.admin_url". */
const char *store_note(const struct store *s);
/** The private cluster in use, or NULL. */
struct cluster *store_cluster(const struct store *s);
/** The administrator's address, or NULL without one.  It may hold a password. */
const char *store_admin_url(const struct store *s);

/** `eddy migrate`: ${out} gets the lines to print. */
enum store_migrate { STORE_UP, STORE_DOWN, STORE_STATUS };
enum err store_migrate(const struct store_options *o, enum store_migrate what, int steps, struct buf *out, char *why, size_t why_n);

#endif
