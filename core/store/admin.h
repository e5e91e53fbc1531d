#ifndef EDDY_STORE_ADMIN_H
#define EDDY_STORE_ADMIN_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "../base/err.h"

struct buf;

/*
 * A plain text connection for the seldom work: roles, migrations, checks, backups.  Statements here are built from our
 * own texts and from quoted role and database names, never from anything that a person or a platform sent.  One thread
 * at a time.
 */
struct admin {
	PGconn *conn;
	char database[64];
	char user[64];
	int version; /* 150020 */
	bool superuser;
	bool create_role;
	bool create_db;
	bool bypass_rls;
};

/** Connect.  ERR_RETRY: not reachable; ${why} has one line without password. */
enum err admin_open(struct admin *a, const char *url, char *why, size_t why_n);
/** The same; makes the database named in ${url} when it does not exist and the role may. */
enum err admin_open_create(struct admin *a, const char *url, char *why, size_t why_n);
void admin_close(struct admin *a);
/** Run one or several statements; rows are dropped. */
enum err admin_exec(struct admin *a, const char *sql, char *why, size_t why_n);
/** Run one statement with text parameters; ${out} is the caller's. */
enum err admin_query(struct admin *a, const char *sql, int n, const char *const *values, PGresult **out, char *why, size_t why_n);
/** Append ${name} quoted as an identifier, ${text} quoted as a literal. */
void admin_add_ident(struct admin *a, struct buf *b, const char *name);
void admin_add_literal(struct admin *a, struct buf *b, const char *text);
/**
 * The server is one that Eddy may trust its data to: version 15 or newer, UTF8, fsync, full_page_writes and
 * synchronous_commit on. ERR_INPUT: ${why} says what is wrong and how to mend it.
 */
enum err admin_check_server(struct admin *a, char *why, size_t why_n);
/** The rule of admin_check_server() on values, for which tests need no such server. */
enum err admin_judge_server(
    int version, const char *encoding, const char *fsync_on, const char *pages_on, const char *commit_on, char *why, size_t why_n);
/**
 * The oldest minor release that row security should stand on (planner statistics leaked before, CVE-2025-8713); NULL:
 * ${version} is fine.
 */
const char *admin_wanted_minor(int version);
/**
 * ${url} with user, password and database replaced (NULL: kept), as a connection string.  ERR_INPUT: ${url} is
 * malformed.
 */
enum err admin_rewrite_url(
    const char *url, const char *user, const char *password, const char *database, struct buf *out, char *why, size_t why_n);

#endif
