/*
 * The group-commit writer.  Producers push onto a queue under a mutex; the thread takes all of it, sorts by tenant, kind
 * and arrival, and runs one transaction through libpq's pipeline mode.  Expected results are kept in a list in the order of
 * sending, each with the function that reads it.  After an error the server skips to the sync point; the batch is then
 * rolled back and its operations are run again one by one, which finds the one that the database refuses.
 *
 * Wherever a batch would wait for a result it waits for an eventfd too, and meanwhile runs small transactions of others on the second
 * session, from BEGIN to done().  Rows of different tenants are different rows, so neither waits for the other's locks; should it still come to
 * that (a third session between them), the short time-outs of the second one end it.
 */
#include "writer.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "../base/clock.h"
#include "../base/fault.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "write_queue.h"

#define BATCH_MAX 256
#define BESIDE_MAX 16          /* operations at a time: the batch waits meanwhile */
#define BESIDE_AGAIN_MS 10000u /* after the second session was lost, or could not be opened: twice as long each time … */
#define BESIDE_AGAIN_MAX_MS 640000u
#define TABLES_MAX 15
#define RECONNECT_MAX_MS 1000
#define SEALED_LOOK_MS 20
#define LOCK_NOT_AVAILABLE "55P03"

struct expect {
	void (*fn)(void *ctx, const PGresult *r);
	void *ctx;
};

struct chunk {
	struct chunk *next;
	max_align_t data[];
};

struct writer_tx {
	struct writer *others; /* whoever may go beside it while it waits; NULL: nobody */
	struct pg *pg;
	PGconn *conn;
	struct pg_args *args;
	struct expect *expect;
	size_t expect_len, expect_cap, expect_at;
	struct id ws;
	bool ws_set;
	enum err failed;
	char state[8];
	struct chunk *chunks;
};

struct writer {
	const struct pg_statement *tables[TABLES_MAX + 1]; /* borrowed by ${pg} for its reconnects */
	char *url;
	struct pg *pg;
	struct writer_tx tx, beside; /* beside.pg: NULL while there is no second session */
	uint64_t beside_at_ms;       /* when opening it may be tried again */
	uint64_t beside_wait_ms;     /* how long after a failure */
	int event;                   /* somebody may go beside the batch */
	enum err (*on_connect)(void *arg, struct pg *pg, bool beside);
	void *arg;
	size_t batch_max;
	pthread_t thread;
	bool started;
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct write_queue *queue;
	struct write_op **committed; /* the last batch, not told yet */
	size_t committed_len;
	struct write_op **running; /* the batch that others may go beside */
	size_t running_len;
	struct id only; /* the one tenant so far ... */
	bool several;   /* ... unless there were more */
	bool called;    /* ${event} was written and not read */
	bool stopping, idle;
	uint64_t stop_at_ms;
	atomic_bool connected;
	atomic_uint_least64_t proved_ms;
	uint64_t order;
	struct writer_stats stats; /* under the mutex */
};

struct pg_args *writer_args(struct writer_tx *tx)
{
	pg_args_reset(tx->args);
	return tx->args;
}

void *writer_alloc(struct writer_tx *tx, size_t n)
{
	struct chunk *c = xcalloc(1, sizeof(*c) + n);
	c->next = tx->chunks;
	tx->chunks = c;
	return c->data;
}

static void free_chunks(struct writer_tx *tx)
{
	while (tx->chunks != NULL) {
		struct chunk *c = tx->chunks;
		tx->chunks = c->next;
		free(c);
	}
}

static void expect(struct writer_tx *tx, void (*fn)(void *, const PGresult *), void *ctx)
{
	if (tx->expect_len == tx->expect_cap) {
		tx->expect_cap = tx->expect_cap ? tx->expect_cap * 2 : 64;
		tx->expect = xrealloc(tx->expect, tx->expect_cap * sizeof(*tx->expect));
	}
	tx->expect[tx->expect_len++] = (struct expect){ fn, ctx };
}

static void send_prepared(
    struct writer_tx *tx, const char *statement, const struct pg_args *a, void (*fn)(void *, const PGresult *), void *ctx)
{
	if (tx->failed != ERR_NONE)
		return;
	if (!PQsendQueryPrepared(
	        tx->conn, statement, pg_args_count(a), pg_args_values(a), pg_args_lengths(a), pg_args_formats(a), 1)) {
		tx->failed = ERR_RETRY;
		return;
	}
	expect(tx, fn, ctx);
	/* Out with it: the server executes this one while the arrays of the next are made. */
	if (PQflush(tx->conn) < 0)
		tx->failed = ERR_RETRY;
}

void writer_exec(struct writer_tx *tx, const char *statement, void (*fn)(void *, const PGresult *), void *ctx)
{
	send_prepared(tx, statement, tx->args, fn, ctx);
}

void writer_set_tenant(struct writer_tx *tx, struct id ws)
{
	if (tx->ws_set && id_equal(tx->ws, ws))
		return;
	char text[ID_TEXT];
	struct pg_args *a = writer_args(tx);
	pg_arg_str(a, id_format(ws, text));
	writer_exec(tx, "writer_tenant", NULL, NULL);
	tx->ws = ws;
	tx->ws_set = true;
}

static void on_fenced(void *ctx, const PGresult *r)
{
	(void)ctx;
	if (PQntuples(r) > 0)
		log_warn("writer.fenced", LF_INT("sessions", PQntuples(r)), LF_STR("result", "ok"));
}

void writer_fence(struct writer_tx *tx)
{
	pg_args_reset(tx->args);
	writer_exec(tx, "writer_fence", on_fenced, NULL);
}

static bool run_beside(struct writer *w);

/* PQgetResult() in which others need not wait as well. */
static PGresult *next_result(struct writer_tx *tx)
{
	struct writer *w = tx->others;
	while (w != NULL && PQstatus(tx->conn) == CONNECTION_OK && PQisBusy(tx->conn)) {
		if (run_beside(w)) { /* then what has come of the batch, or those who keep coming would hold it up for ever */
			if (!PQconsumeInput(tx->conn))
				break;
			continue;
		}
		int unsent = PQflush(tx->conn);
		struct pollfd fds[2] = { { .fd = PQsocket(tx->conn), .events = (short)(unsent > 0 ? POLLIN | POLLOUT : POLLIN) },
			{ .fd = w->event, .events = POLLIN } };
		/* Of a long TLS record a part may wait where poll() does not see it (libpq looks there itself when it waits). */
		bool sealed = PQsslInUse(tx->conn) || PQgssEncInUse(tx->conn);
		if (unsent < 0 || poll(fds, 2, sealed ? SEALED_LOOK_MS : -1) < 0)
			break; /* libpq finds out what it is */
		if ((sealed || fds[0].revents != 0) && !PQconsumeInput(tx->conn))
			break;
	}
	return PQgetResult(tx->conn);
}

/* Read the results of all that was sent, handing each to its reader; the first bad one decides how the batch failed. */
static void read_results(struct writer_tx *tx)
{
	for (int ends = 0; tx->expect_at < tx->expect_len;) {
		PGresult *r = next_result(tx);
		if (r == NULL) {
			if (PQstatus(tx->conn) != CONNECTION_OK || ++ends > 2) {
				tx->failed = ERR_RETRY;
				return;
			}
			continue; /* the end of one statement's results */
		}
		ends = 0;
		ExecStatusType s = PQresultStatus(r);
		struct expect *e = &tx->expect[tx->expect_at];
		if (s == PGRES_COMMAND_OK || s == PGRES_TUPLES_OK) {
			if (e->fn != NULL && tx->failed == ERR_NONE)
				e->fn(e->ctx, r);
		} else if (tx->failed == ERR_NONE) {
			tx->failed = pg_class(tx->conn, r);
			if (tx->failed == ERR_NONE)
				tx->failed = ERR_BROKEN;
			snprintf(tx->state, sizeof(tx->state), "%s", pg_state(r));
		}
		PQclear(r);
		tx->expect_at++;
		if (tx->failed != ERR_NONE)
			return;
	}
}

/* After an error the server skips to here; when it went away in the middle libpq may never tell of it. */
static void read_sync(struct writer_tx *tx)
{
	for (size_t left = 2 * (tx->expect_len - tx->expect_at) + 8; left > 0 && PQstatus(tx->conn) == CONNECTION_OK; left--) {
		PGresult *r = PQgetResult(tx->conn);
		bool synced = r != NULL && PQresultStatus(r) == PGRES_PIPELINE_SYNC;
		PQclear(r);
		if (synced)
			return;
	}
	tx->failed = ERR_RETRY;
}

static void tx_begin(struct writer_tx *tx)
{
	free_chunks(tx);
	tx->expect_len = tx->expect_at = 0;
	tx->failed = ERR_NONE;
	tx->state[0] = 0;
	tx->ws_set = false;
	if (!PQenterPipelineMode(tx->conn)) {
		tx->failed = ERR_RETRY;
		return;
	}
	pg_args_reset(tx->args);
	writer_exec(tx, "writer_begin", NULL, NULL);
	if (pg_replan_due(tx->pg))
		writer_exec(tx, "pg_replan", NULL, NULL);
}

/* Let the server work on what was sent so far and answer it. */
static void tx_flush(struct writer_tx *tx)
{
	if (tx->failed == ERR_NONE && (!PQsendFlushRequest(tx->conn) || PQflush(tx->conn) < 0))
		tx->failed = ERR_RETRY;
}

/* COMMIT, or ROLLBACK after an error.  The connection is out of pipeline mode afterwards unless it was lost. */
static void tx_end(struct writer_tx *tx)
{
	enum err failed = tx->failed;
	if (failed == ERR_NONE) {
		pg_args_reset(tx->args);
		writer_exec(tx, "writer_commit", NULL, NULL);
	}
	if (PQstatus(tx->conn) != CONNECTION_OK || !PQpipelineSync(tx->conn)) {
		tx->failed = ERR_RETRY;
		return;
	}
	if (failed == ERR_NONE) {
		read_results(tx);
		failed = tx->failed;
	}
	tx->failed = ERR_NONE;
	read_sync(tx);
	if (tx->failed != ERR_NONE)
		return;
	if (!PQexitPipelineMode(tx->conn)) {
		tx->failed = ERR_RETRY;
		return;
	}
	if (failed != ERR_NONE && PQtransactionStatus(tx->conn) != PQTRANS_IDLE)
		PQclear(PQexec(tx->conn, "ROLLBACK"));
	tx->failed = failed;
}

static int by_tenant_kind_order(const void *a, const void *b)
{
	const struct write_op *x = *(struct write_op *const *)a, *y = *(struct write_op *const *)b;
	int c = id_compare(x->ws, y->ws);
	if (c == 0)
		c = (x->kind->rank > y->kind->rank) - (x->kind->rank < y->kind->rank);
	return c ? c : (x->order > y->order) - (x->order < y->order);
}

static void run_round(struct writer_tx *tx, struct write_op **ops, size_t n, int round)
{
	for (size_t i = 0, j; i < n && tx->failed == ERR_NONE; i = j) {
		for (j = i + 1; j < n && ops[j]->kind == ops[i]->kind && id_equal(ops[j]->ws, ops[i]->ws);)
			j++;
		void (*fn)(struct writer_tx *, struct write_op **, size_t) = ops[i]->kind->round[round];
		if (fn == NULL)
			continue;
		if (!id_is_none(ops[i]->ws))
			writer_set_tenant(tx, ops[i]->ws);
		fn(tx, ops + i, j - i);
	}
}

/* "accept.before_commit", "sent.after_commit" …: one passing per operation of the kind. */
static void fault_kinds(struct write_op **ops, size_t n, const char *when)
{
	if (__builtin_expect(__atomic_load_n(&fault_state, __ATOMIC_RELAXED) == 1, 1))
		return;
	for (size_t i = 0; i < n; i++) {
		char name[64];
		snprintf(name, sizeof(name), "%s.%s", ops[i]->kind->name, when);
		fault_hit(name);
	}
}

static void finish_ops(struct writer *w, struct write_op **ops, size_t n, enum err e)
{
	pthread_mutex_lock(&w->mutex);
	w->stats.operations += n;
	w->stats.commits += e == ERR_NONE;
	pthread_mutex_unlock(&w->mutex);
	for (size_t i = 0; i < n; i++)
		ops[i]->kind->done(ops[i], e);
}

/* What the last COMMIT has promised is told here: while the server already works on the next batch, or at once when there is none. */
static void tell_committed(struct writer *w)
{
	size_t n = w->committed_len;
	w->committed_len = 0;
	if (n > 0)
		finish_ops(w, w->committed, n, ERR_NONE);
}

/* From here on others may go beside ${ops}, sorted by tenant; none: nobody may. */
static void let_beside(struct writer *w, struct write_op **ops, size_t n)
{
	pthread_mutex_lock(&w->mutex);
	w->running = ops;
	w->running_len = w->beside.pg != NULL && write_queue_lets_beside(ops, n) ? n : 0;
	pthread_mutex_unlock(&w->mutex);
}

static enum err run_tx(struct writer *w, struct writer_tx *tx, struct write_op **ops, size_t n)
{
	bool batch = tx == &w->tx;
	uint64_t begun_ms = clock_ms();
	for (size_t i = 0; i < n; i++)
		if (ops[i]->kind->reset != NULL)
			ops[i]->kind->reset(ops[i]);
	tx->conn = pg_conn(tx->pg);
	tx_begin(tx);
	for (int round = 0; round < WRITER_ROUNDS; round++) {
		size_t before = tx->expect_len;
		run_round(tx, ops, n, round);
		if (round == WRITER_ROUNDS - 1 || tx->expect_len == before)
			continue;
		tx_flush(tx);
		if (batch) {
			tell_committed(w);
			run_beside(w); /* even if its results are there already: else who has few would never have a turn */
		}
		if (tx->failed == ERR_NONE)
			read_results(tx);
	}
	if (batch)
		tell_committed(w);
	fault_kinds(ops, n, "before_commit");
	tx_end(tx);
	if (tx->failed == ERR_NONE) {
		if (batch)
			atomic_store(&w->proved_ms, begun_ms);
		fault_kinds(ops, n, "after_commit");
	}
	return tx->failed;
}

/*
 * The first ${n} of the ${len} that are still to be done of a batch, sorted by tenant.  Nobody of those ${len} goes beside it: what came later would
 * be done before what came first.
 */
static enum err run_first(struct writer *w, struct write_op **ops, size_t n, size_t len)
{
	let_beside(w, ops, len);
	enum err e = run_tx(w, &w->tx, ops, n);
	let_beside(w, NULL, 0);
	return e;
}

/* The one operation that the database refuses: kept aside by its kind in a transaction of its own. */
static enum err refuse(struct writer *w, struct write_op *op, enum err e)
{
	struct writer_tx *tx = &w->tx;
	char state[8];
	memcpy(state, tx->state, sizeof(state));
	log_error("writer.refused", LF_STR("operation", op->kind->name), LF_ID("ws", op->ws), LF_STR("sqlstate", state),
	    LF_STR("result", err_name(e)));
	if (op->kind->reject != NULL) {
		tx_begin(tx);
		if (!id_is_none(op->ws))
			writer_set_tenant(tx, op->ws);
		op->kind->reject(tx, op, state);
		tx_end(tx);
		if (tx->failed == ERR_RETRY)
			return ERR_RETRY;
	}
	pthread_mutex_lock(&w->mutex);
	w->stats.rejected++;
	pthread_mutex_unlock(&w->mutex);
	op->kind->done(op, e == ERR_BROKEN ? ERR_BROKEN : ERR_INPUT);
	return ERR_NONE;
}

static bool must_give_up(struct writer *w)
{
	pthread_mutex_lock(&w->mutex);
	bool stop = w->stopping && clock_ms() >= w->stop_at_ms;
	pthread_mutex_unlock(&w->mutex);
	return stop;
}

static bool reconnect(struct writer *w)
{
	uint64_t since = clock_ms(), wait = 50;
	atomic_store(&w->connected, false);
	log_warn("writer.database_away", LF_STR("result", "waiting"));
	if (w->beside.pg != NULL) {
		/* After a change of primary it may be one with the former: it never outlives that of the batches. */
		pg_close(w->beside.pg);
		w->beside.pg = NULL;
		w->beside_at_ms = 0;
	}
	for (;;) {
		if (must_give_up(w))
			return false;
		if (pg_reconnect(w->pg) == ERR_NONE && (w->on_connect == NULL || w->on_connect(w->arg, w->pg, false) == ERR_NONE))
			break;
		struct timespec t = { .tv_sec = (time_t)(wait / 1000), .tv_nsec = (long)(wait % 1000) * 1000000 };
		nanosleep(&t, NULL);
		wait = wait * 2 > RECONNECT_MAX_MS ? RECONNECT_MAX_MS : wait * 2;
	}
	atomic_store(&w->connected, true);
	log_info("writer.database_back", LF_INT("ms", clock_ms() - since), LF_STR("result", "ok"));
	return true;
}

/* Serialisation failures, lock time-outs and the like pass by themselves; a lost connection needs a new one. */
static bool again(struct writer *w)
{
	struct writer_tx *tx = &w->tx;
	if (PQstatus(pg_conn(w->pg)) == CONNECTION_OK && strcmp(tx->state, LOCK_NOT_AVAILABLE) == 0) {
		tx_begin(tx);
		writer_fence(tx);
		tx_end(tx);
	}
	if (PQstatus(pg_conn(w->pg)) == CONNECTION_OK && PQpipelineStatus(pg_conn(w->pg)) == PQ_PIPELINE_OFF) {
		struct timespec t = { .tv_nsec = 20 * 1000000 };
		nanosleep(&t, NULL);
		return !must_give_up(w);
	}
	return reconnect(w);
}

/* The first of the ${len} that are left of a batch that was refused. */
static void run_single(struct writer *w, struct write_op **ops, size_t len)
{
	struct write_op *op = ops[0];
	for (;;) {
		enum err e = run_first(w, ops, 1, len);
		if (e == ERR_NONE) {
			finish_ops(w, &op, 1, ERR_NONE);
			return;
		}
		if (e != ERR_RETRY && refuse(w, op, e) == ERR_NONE)
			return;
		if (!again(w)) {
			op->kind->done(op, ERR_RETRY);
			return;
		}
	}
}

/* ---- beside a batch ---- */

static void close_beside(struct writer *w)
{
	pg_close(w->beside.pg);
	w->beside.pg = NULL;
	w->beside_at_ms = clock_ms() + w->beside_wait_ms;
	w->beside_wait_ms = w->beside_wait_ms * 2 > BESIDE_AGAIN_MAX_MS ? BESIDE_AGAIN_MAX_MS : w->beside_wait_ms * 2;
}

/* Between batches: it may take some milliseconds.  One tenant alone needs no second session. */
static void open_beside(struct writer *w)
{
	static const char limits[] = "SET lock_timeout = '100ms'; SET statement_timeout = '2s'";
	char why[256];
	pthread_mutex_lock(&w->mutex);
	bool several = w->several && !w->stopping;
	pthread_mutex_unlock(&w->mutex);
	if (!several || w->beside.pg != NULL || clock_ms() < w->beside_at_ms || !pg_alive(w->pg))
		return;
	tell_committed(w);
	enum err e = pg_open(&w->beside.pg, w->url, w->tables, why, sizeof(why));
	if (e == ERR_NONE && w->on_connect != NULL && (e = w->on_connect(w->arg, w->beside.pg, true)) != ERR_NONE)
		snprintf(why, sizeof(why), "the database refused the session");
	if (e == ERR_NONE) {
		PGresult *r = PQexec(pg_conn(w->beside.pg), limits);
		if (PQresultStatus(r) != PGRES_COMMAND_OK) {
			e = ERR_RETRY;
			snprintf(why, sizeof(why), "the database refused its limits");
		}
		PQclear(r);
	}
	if (e == ERR_NONE)
		return;
	log_warn("writer.beside", LF_STR("why", why), LF_STR("result", "later"));
	close_beside(w);
}

/* A small transaction of others while the server works on the batch.  False: nobody waits who may. */
static bool run_beside(struct writer *w)
{
	struct write_op *ops[BESIDE_MAX];
	size_t n = 0;
	uint64_t calls;
	pthread_mutex_lock(&w->mutex);
	if (w->called && read(w->event, &calls, sizeof(calls)) > 0)
		w->called = false;
	if (w->beside.pg != NULL)
		n = write_queue_pick_beside(w->queue, w->running, w->running_len, ops, BESIDE_MAX);
	pthread_mutex_unlock(&w->mutex);
	if (n == 0)
		return false;
	qsort(ops, n, sizeof(*ops), by_tenant_kind_order);
	enum err e = run_tx(w, &w->beside, ops, n);
	pthread_mutex_lock(&w->mutex);
	if (e == ERR_NONE) {
		w->stats.beside += n;
		w->beside_wait_ms = BESIDE_AGAIN_MS;
	} else {
		w->stats.replays++;
		write_queue_put_back(w->queue, ops, n);
	}
	pthread_mutex_unlock(&w->mutex);
	if (e == ERR_NONE)
		finish_ops(w, ops, n, ERR_NONE);
	else if (!pg_alive(w->beside.pg) || PQpipelineStatus(pg_conn(w->beside.pg)) != PQ_PIPELINE_OFF)
		close_beside(w);
	return true;
}

static void run_batch(struct writer *w, struct write_op **ops, size_t n)
{
	qsort(ops, n, sizeof(*ops), by_tenant_kind_order);
	uint64_t t0 = clock_us();
	for (;;) {
		enum err e = run_first(w, ops, n, n);
		if (e == ERR_NONE) {
			memcpy(w->committed, ops, n * sizeof(struct write_op *));
			w->committed_len = n;
			break;
		}
		pthread_mutex_lock(&w->mutex);
		w->stats.replays++;
		pthread_mutex_unlock(&w->mutex);
		if (e != ERR_RETRY) {
			for (size_t i = 0; i < n; i++)
				run_single(w, ops + i, n - i);
			break;
		}
		if (!again(w)) {
			finish_ops(w, ops, n, ERR_RETRY);
			break;
		}
	}
	pthread_mutex_lock(&w->mutex);
	w->stats.busy_us += clock_us() - t0;
	pthread_mutex_unlock(&w->mutex);
}

static void *writer_main(void *arg)
{
	struct writer *w = arg;
	struct write_op **ops = xcalloc(w->batch_max, sizeof(struct write_op *));
	for (;;) {
		size_t n = 0;
		pthread_mutex_lock(&w->mutex);
		if (write_queue_count(w->queue) == 0 && w->committed_len > 0) {
			pthread_mutex_unlock(&w->mutex);
			tell_committed(w);
			pthread_mutex_lock(&w->mutex);
		}
		while (write_queue_count(w->queue) == 0 && !w->stopping) {
			w->idle = true;
			pthread_cond_wait(&w->cond, &w->mutex);
			w->idle = false;
		}
		n = write_queue_pick(w->queue, w->beside.pg != NULL, ops, w->batch_max);
		bool stop = w->stopping && n == 0;
		pthread_mutex_unlock(&w->mutex);
		if (stop)
			break;
		run_batch(w, ops, n);
		open_beside(w);
	}
	tell_committed(w);
	free(ops);
	return NULL;
}

static const struct pg_statement writer_statements[] = {
	{ "writer_begin", "BEGIN ISOLATION LEVEL READ COMMITTED" },
	{ "writer_commit", "COMMIT" },
	{ "writer_tenant", "SELECT set_config('app.ws', $1, true)" },
	{ "writer_fence",
	    "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a WHERE a.datname = current_database() AND a.usename = current_user"
	    " AND a.pid <> pg_backend_pid() AND a.state = 'active' AND a.wait_event = 'ClientRead' AND a.xact_start IS NOT NULL"
	    " AND a.state_change < now() - interval '10 s'" },
	{ NULL, NULL },
};

enum err writer_open(struct writer **out, const struct writer_options *o, char *why, size_t why_n)
{
	struct writer *w = xcalloc(1, sizeof(*w));
	size_t n = 0;
	w->tables[n++] = writer_statements;
	for (size_t i = 0; o->statements[i] != NULL && n < TABLES_MAX; i++)
		w->tables[n++] = o->statements[i];
	enum err e = pg_open(&w->pg, o->url, w->tables, why, why_n);
	if (e == ERR_NONE && o->on_connect != NULL && (e = o->on_connect(o->arg, w->pg, false)) != ERR_NONE)
		snprintf(why, why_n, "the database refused the writer's session");
	if (e != ERR_NONE) {
		pg_close(w->pg);
		free(w);
		return e;
	}
	w->url = xstrdup(o->url);
	w->tx.pg = w->pg;
	w->tx.others = w;
	w->tx.args = pg_args_new();
	w->beside.args = pg_args_new();
	w->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	w->queue = write_queue_new();
	w->beside_wait_ms = BESIDE_AGAIN_MS;
	w->on_connect = o->on_connect;
	w->arg = o->arg;
	w->batch_max = o->batch_max ? o->batch_max : BATCH_MAX;
	w->committed = xcalloc(w->batch_max, sizeof(struct write_op *));
	pthread_mutex_init(&w->mutex, NULL);
	pthread_cond_init(&w->cond, NULL);
	atomic_init(&w->connected, true);
	*out = w;
	return ERR_NONE;
}

enum err writer_start(struct writer *w)
{
	if (pthread_create(&w->thread, NULL, writer_main, w) != 0)
		return ERR_BROKEN;
	pthread_setname_np(w->thread, "writer");
	w->started = true;
	return ERR_NONE;
}

void writer_put(struct writer *w, struct write_op *op)
{
	uint64_t one = 1;
	pthread_mutex_lock(&w->mutex);
	op->order = w->order++;
	op->never_beside = false;
	write_queue_put(w->queue, op);
	if (!w->several && !id_is_none(op->ws)) {
		w->several = !id_is_none(w->only) && !id_equal(w->only, op->ws);
		w->only = op->ws;
	}
	bool wake = w->idle;
	w->idle = false;
	if (w->running_len > 0 && !w->called && !write_queue_among(w->running, w->running_len, op->ws))
		w->called = write(w->event, &one, sizeof(one)) > 0;
	pthread_mutex_unlock(&w->mutex);
	if (wake)
		pthread_cond_signal(&w->cond);
}

size_t writer_backlog(struct writer *w)
{
	pthread_mutex_lock(&w->mutex);
	size_t n = write_queue_count(w->queue);
	pthread_mutex_unlock(&w->mutex);
	return n;
}

uint64_t writer_proved_ms(struct writer *w)
{
	return atomic_load(&w->proved_ms);
}

bool writer_connected(struct writer *w)
{
	return atomic_load(&w->connected);
}

void writer_stats(struct writer *w, struct writer_stats *out)
{
	pthread_mutex_lock(&w->mutex);
	*out = w->stats;
	pthread_mutex_unlock(&w->mutex);
}

void writer_stop(struct writer *w, uint32_t ms)
{
	if (!w->started)
		return;
	pthread_mutex_lock(&w->mutex);
	w->stopping = true;
	w->stop_at_ms = clock_ms() + ms;
	pthread_mutex_unlock(&w->mutex);
	pthread_cond_signal(&w->cond);
	pthread_join(w->thread, NULL);
	w->started = false;
}

void writer_free(struct writer *w)
{
	if (w == NULL)
		return;
	pg_close(w->pg);
	pg_close(w->beside.pg);
	pg_args_free(w->tx.args);
	pg_args_free(w->beside.args);
	free_chunks(&w->tx);
	free_chunks(&w->beside);
	free(w->tx.expect);
	free(w->beside.expect);
	free(w->committed);
	/* Handed in after the end: nobody is there to commit it.  done() may hand in more. */
	for (struct write_op *op; (op = write_queue_take(w->queue)) != NULL;)
		op->kind->done(op, ERR_RETRY);
	write_queue_free(w->queue);
	close(w->event);
	explicit_bzero(w->url, strlen(w->url)); /* it may hold a password */
	free(w->url);
	pthread_mutex_destroy(&w->mutex);
	pthread_cond_destroy(&w->cond);
	free(w);
}
