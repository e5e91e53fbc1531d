#ifndef EDDY_STORE_WRITER_H
#define EDDY_STORE_WRITER_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "pg.h"

/*
 * Group commit.  One thread, one connection, one transaction for whatever is waiting: callers hand in typed operations from any
 * thread, the writer sorts them by tenant and kind, runs each kind's statements once per tenant over arrays, commits, and only
 * then calls done().  Only this module sets the tenant more than once in a transaction.
 *
 * A transaction has up to three rounds, because some rows depend on what the database says about others: the statements of a round
 * are sent for all tenants and kinds and their results read before the next round; COMMIT goes with the last one.  A round that no kind has
 * statements for costs nothing.
 *
 * A batch that fails on its content is rolled back and replayed one operation per transaction; the operation that still fails gets
 * reject() (to keep it aside) and done(ERR_INPUT).  While the database is away operations wait here and are replayed when
 * it is back, so every kind must be safe to replay when the outcome of a COMMIT was lost.
 *
 * Beside.  Once there were operations of several tenants the writer keeps a second session.  While the server works on a batch, what comes in
 * of a tenant that is not in it, and has little waiting, is committed on that one, so that it waits neither for the end of the batch nor in the
 * next (ADR 108).  It is the same thread: kinds need no locks, and see done() of other tenants' operations between their rounds.  What fails
 * there goes into a batch after all.
 */
#define WRITER_ROUNDS 3
struct writer;
struct writer_tx;
struct write_op;

struct write_kind {
	const char *name;
	int rank; /* order of the kinds inside one tenant */
	/** Queue statements for ${n} operations of one tenant (already set).  Any may be NULL.  ${ops} stays valid to the end. */
	void (*round[WRITER_ROUNDS])(struct writer_tx *tx, struct write_op **ops, size_t n);
	/** Own transaction, tenant set: keep a refused operation aside.  May be NULL. */
	void (*reject)(struct writer_tx *tx, struct write_op *op, const char *sqlstate);
	/** After COMMIT (ERR_NONE), or refused (ERR_INPUT, ERR_BROKEN), or given up at stop (ERR_RETRY).  Owns ${op} from here. */
	void (*done)(struct write_op *op, enum err e);
	/** Forget what an earlier try of the batch has written into ${op}.  May be NULL. */
	void (*reset)(struct write_op *op);
};

/* Embedded as the first member of each operation. */
struct write_op {
	struct write_op *next;
	const struct write_kind *kind;
	struct id ws; /* none: an operation on tables without tenant */
	uint64_t order;
	bool never_beside; /* it failed beside a batch once: only in a batch from now on */
};

struct writer_options {
	const char *url;
	const struct pg_statement *const *statements; /* NULL-terminated list of tables */
	size_t batch_max;                             /* 0: 256 operations */
	/**
	 * Run on the writer's thread after each (re)connect, outside a transaction; an error is treated as a lost connection.  ${beside}: it is the
	 * second session.
	 */
	enum err (*on_connect)(void *arg, struct pg *pg, bool beside);
	void *arg;
};
enum err writer_open(struct writer **out, const struct writer_options *o, char *why, size_t why_n);
enum err writer_start(struct writer *w);
/** Takes ${op}.  Never refuses: callers bound what they hand in (engine_accept counts, runs are limited).  Any thread. */
void writer_put(struct writer *w, struct write_op *op);
size_t writer_backlog(struct writer *w);
/** Where operations wait because the database does not answer. */
bool writer_connected(struct writer *w);
/** When (clock_ms()) the last transaction that has committed was begun: then, at least, this session was alive.  0: never.  Any thread. */
uint64_t writer_proved_ms(struct writer *w);
/** Ends the thread.  What is queued is committed first if the database answers within ${ms}, else done(ERR_RETRY). */
void writer_stop(struct writer *w, uint32_t ms);
void writer_free(struct writer *w);
struct writer_stats {
	uint64_t commits, operations, replays, rejected;
	uint64_t beside; /* of the operations, those beside a batch */
	uint64_t busy_us;
};
void writer_stats(struct writer *w, struct writer_stats *out);

/* ---- for the kinds' functions ---- */
/** Arguments to fill for the next writer_exec(); reset at each call. */
struct pg_args *writer_args(struct writer_tx *tx);
/** Send a prepared statement with the filled arguments; ${fn} (may be NULL) reads its result before the round ends. */
void writer_exec(struct writer_tx *tx, const char *statement, void (*fn)(void *ctx, const PGresult *r), void *ctx);
/** Zeroed memory that lives until the transaction's last result was read. */
void *writer_alloc(struct writer_tx *tx, size_t n);
/** Set the tenant for the statements that follow: for operations without a tenant of their own (claims). */
void writer_set_tenant(struct writer_tx *tx, struct id ws);
/**
 * End sessions of this role that have been waiting for their client in the middle of a transaction for ten seconds: a process that was
 * frozen there holds locks that others need.  Within a pipeline the server counts such a session as active, so neither
 * idle_in_transaction_session_timeout nor statement_timeout ends it.  The process finds a lost connection when it thaws.
 * https://www.postgresql.org/docs/15/monitoring-stats.html#MONITORING-PG-STAT-ACTIVITY-VIEW
 */
void writer_fence(struct writer_tx *tx);

#endif
