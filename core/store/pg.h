#ifndef EDDY_STORE_PG_H
#define EDDY_STORE_PG_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"

/*
 * One connection with its prepared statements, used by one thread at a time.  SQL lives in tables of named statements
 * (struct pg_statement[], ending with a NULL name), prepared at connect, parameters always $n in binary form built with
 * pg_args. Everything a tenant owns is read between pg_begin(ws) and pg_commit(): the only way to set the tenant
 * outside the writer.
 */
struct pg_statement {
	const char *name;
	const char *sql;
};
struct pg;
/** False when libpq would refuse ${url} with a message that quotes all of it, the password too. */
bool pg_url_valid(const char *url);
/** Connects (blocking, up to 5 s), sets the session's limits, prepares ${tables}.  ${why}: one line, no password. */
enum err pg_open(struct pg **out, const char *url, const struct pg_statement *const *tables, char *why, size_t why_n);
void pg_close(struct pg *p);
PGconn *pg_conn(struct pg *p); /* for the writer's pipeline */
bool pg_alive(struct pg *p);   /* false after a lost connection: pg_reconnect() */
enum err pg_reconnect(struct pg *p);

/* Parameters in binary format.  A builder is reused: pg_args_reset() keeps its memory. */
struct pg_args;
struct pg_args *pg_args_new(void);
void pg_args_free(struct pg_args *a);
void pg_args_reset(struct pg_args *a);
void pg_arg_id(struct pg_args *a, struct id v);               /* none is SQL NULL, here and in arrays */
void pg_arg_text(struct pg_args *a, const char *s, size_t n); /* NULL: SQL NULL */
void pg_arg_str(struct pg_args *a, const char *s);
void pg_arg_int8(struct pg_args *a, int64_t v);
void pg_arg_int4(struct pg_args *a, int32_t v);
void pg_arg_int2(struct pg_args *a, int16_t v);
void pg_arg_bool(struct pg_args *a, bool v);
void pg_arg_bytes(struct pg_args *a, const void *p, size_t n); /* bytea */
void pg_arg_null(struct pg_args *a);
/* Arrays for unnest(): open with the element's type (its number in pg_type), add elements, close. */
enum { PG_BOOL = 16, PG_BYTES = 17, PG_INT8 = 20, PG_INT2 = 21, PG_INT4 = 23, PG_TEXT = 25, PG_UUID = 2950 };
void pg_array_begin(struct pg_args *a, Oid element);
void pg_array_id(struct pg_args *a, struct id v);
void pg_array_text(struct pg_args *a, const char *s, size_t n); /* NULL: SQL NULL */
void pg_array_str(struct pg_args *a, const char *s);
void pg_array_int8(struct pg_args *a, int64_t v);
void pg_array_int4(struct pg_args *a, int32_t v);
void pg_array_int2(struct pg_args *a, int16_t v);
void pg_array_bool(struct pg_args *a, bool v);
void pg_array_bytes(struct pg_args *a, const void *p, size_t n);
void pg_array_end(struct pg_args *a);
int pg_args_count(const struct pg_args *a);
const char *const *pg_args_values(const struct pg_args *a);
const int *pg_args_lengths(const struct pg_args *a);
const int *pg_args_formats(const struct pg_args *a); /* all 1 */

/* A tenant transaction: BEGIN and set_config in one round trip. */
enum err pg_begin(struct pg *p, struct id ws);
enum err pg_begin_plain(struct pg *p); /* dispatch and installs only */
/**
 * Counts a transaction of this connection and says whether "pg_replan" is to be sent within it, which pg_begin() does by itself: at the
 * 8th, the 32nd, the 128th and so on.  Postgres keeps the plan of a prepared statement until the table is analysed next, by default up to
 * a minute later; a plan made for an empty table reads all that a busy workspace has written since.
 * https://www.postgresql.org/docs/15/sql-prepare.html
 */
bool pg_replan_due(struct pg *p);
enum err pg_commit(struct pg *p);
void pg_rollback(struct pg *p);
/** Ends the transaction as ${e} says: commits it, or rolls it back and gives ${e} again. */
enum err pg_end(struct pg *p, enum err e);
/**
 * Run a prepared statement; ${out} (binary format) is the caller's on success, PQclear() it.  ERR_RETRY: connection
 * lost.
 */
enum err pg_query(struct pg *p, const char *statement, const struct pg_args *a, PGresult **out);
/** The same, and frees ${a}; ${out} may be NULL in both. */
enum err pg_ask(struct pg *p, const char *statement, struct pg_args *a, PGresult **out);
/**
 * The class of a failed result: RETRY (connection, serialisation, lock, out of resources), INPUT (data), DENIED,
 * BROKEN.
 */
enum err pg_class(PGconn *c, const PGresult *r);
/** SQLSTATE or "" ; never the message, which may hold data. */
const char *pg_state(const PGresult *r);

/* Reading binary columns. */
struct id pg_get_id(const PGresult *r, int row, int col);
int64_t pg_get_int8(const PGresult *r, int row, int col); /* int2, int4 and int8 */
/** The ids of a uuid[] (NULLs and what is no such array: none), at most ${max} of them, into ${out}; how many there are. */
size_t pg_get_ids(const PGresult *r, int row, int col, struct id *out, size_t max);
bool pg_get_bool(const PGresult *r, int row, int col);
const char *pg_get_str(const PGresult *r, int row, int col); /* NULL for SQL NULL */
int64_t pg_get_time_ms(const PGresult *r, int row, int col); /* timestamptz as Unix milliseconds */

#endif
