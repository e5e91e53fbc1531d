/*
 * One libpq connection.  The session's limits and every prepared statement go out in one pipeline, so opening costs two
 * round trips however many statements there are; BEGIN and the tenant go out in another.  A failed transaction never
 * comes back to a caller as usable: pg_commit() tells a COMMIT that Postgres turned into ROLLBACK from a real one.
 */
#include "pg.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "trip.h"

struct pg {
	PGconn *conn;
	char *url;
	const struct pg_statement *const *tables;
	bool lost;                      /* in a state that only a new connection ends, whatever libpq says of it */
	bool leaving;                   /* the answer to a COMMIT was not taken yet */
	unsigned long begun, replan_at; /* transactions on this connection; at which of them plans are thrown away next */
	struct pg_spent spent;
};

enum { REPLAN_FIRST = 8, REPLAN_GROWTH = 4, REPLAN_LAST = 1 << 20 };

/*
 * Limits of every session (a hung statement, lock or forgotten transaction ends by itself) and a search path that no
 * other schema can slip into.  No JIT: our statements are short, compiling one takes longer than a day of running it.  Set as a statement, not as start-up options, which poolers refuse.
 */
static const char session_sql[] =
    "SELECT set_config('statement_timeout', '30s', false), set_config('lock_timeout', '5s', false), "
    "set_config('idle_in_transaction_session_timeout', '10s', false), set_config('search_path', 'eddy', false), "
    "set_config('client_min_messages', 'warning', false), set_config('timezone', 'UTC', false), "
    "set_config('default_transaction_isolation', 'read committed', false), set_config('jit', 'off', false)";

static const struct pg_statement own[] = {
	{ "pg_begin", "BEGIN" },
	{ "pg_tenant", "SELECT set_config('app.ws', $1, true)" },
	{ "pg_commit", "COMMIT" },
	{ "pg_rollback", "ROLLBACK" },
	{ "pg_replan", "DISCARD PLANS" },
	{ NULL, NULL },
};

/* Copy a libpq message as one line. */
static void one_line(char *out, size_t n, const char *what, const char *message)
{
	if (n == 0)
		return;
	snprintf(out, n, "%s%s%s", what, *what ? ": " : "", message ? message : "");
	size_t len = strlen(out);
	while (len > 0 && (out[len - 1] == '\n' || out[len - 1] == ' '))
		out[--len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)out[i] < ' ')
			out[i] = ' ';
	}
}

/* A NOTICE may quote data; nothing of it is needed. */
static void drop_notice(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

static enum err prepare_all(struct pg *p, char *why, size_t why_n)
{
	PGconn *c = p->conn;
	if (!PQenterPipelineMode(c) || !PQsendQueryParams(c, session_sql, 0, NULL, NULL, NULL, NULL, 0))
		goto lost;
	const struct pg_statement *const none = NULL;
	const struct pg_statement *const *tables = p->tables ? p->tables : &none;
	int sent = 0;
	for (const struct pg_statement *s = own; s->name; s++, sent++) {
		if (!PQsendPrepare(c, s->name, s->sql, 0, NULL))
			goto lost;
	}
	for (const struct pg_statement *const *t = tables; *t; t++) {
		for (const struct pg_statement *s = *t; s->name; s++, sent++) {
			if (!s->sql || !*s->sql) {
				snprintf(why, why_n, "statement %s is empty", s->name);
				return ERR_BROKEN;
			}
			if (!PQsendPrepare(c, s->name, s->sql, 0, NULL))
				goto lost;
		}
	}
	if (!PQpipelineSync(c))
		goto lost;

	/* Results come in the order of the requests; walk the same tables again to name the one that failed. */
	enum err e = ERR_NONE;
	const struct pg_statement *s = NULL;
	const struct pg_statement *const *t = NULL;
	for (int i = -1; i < sent; i++) {
		if (i == 0)
			s = own;
		else if (i > 0)
			s++;
		while (s && !s->name) {
			t = t ? t + 1 : tables;
			s = *t;
		}
		PGresult *r = PQgetResult(c);
		ExecStatusType st = PQresultStatus(r);
		if (e == ERR_NONE && st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK) {
			e = pg_class(c, r);
			char what[96];
			snprintf(what, sizeof(what), "%s %s", s ? "statement" : "session", s ? s->name : "settings");
			one_line(why, why_n, what, r ? PQresultErrorMessage(r) : PQerrorMessage(c));
		}
		PQclear(r);
		while ((r = PQgetResult(c)))
			PQclear(r);
		if (PQstatus(c) == CONNECTION_BAD)
			goto lost;
	}
	PGresult *sync = PQgetResult(c);
	if (PQresultStatus(sync) != PGRES_PIPELINE_SYNC) {
		PQclear(sync);
		goto lost;
	}
	PQclear(sync);
	if (!PQexitPipelineMode(c))
		goto lost;
	return e;
lost:
	one_line(why, why_n, "", PQerrorMessage(c));
	return ERR_RETRY;
}

static enum err dial(struct pg *p, char *why, size_t why_n)
{
	/* What the address says itself stands behind ours in the list and so wins. */
	static const char *const keys[] = { "fallback_application_name", "connect_timeout", "keepalives", "keepalives_idle",
		"keepalives_interval", "keepalives_count", "tcp_user_timeout", "dbname", "client_encoding", NULL };
	const char *const values[] = { "eddy", "5", "1", "10", "5", "3", "15000", p->url, "UTF8", NULL };
	p->lost = false;
	p->begun = 0;
	p->replan_at = REPLAN_FIRST;
	p->conn = PQconnectdbParams(keys, values, 1);
	if (!p->conn) {
		snprintf(why, why_n, "out of memory");
		return ERR_RETRY;
	}
	if (PQstatus(p->conn) != CONNECTION_OK) {
		one_line(why, why_n, "", PQerrorMessage(p->conn));
		return ERR_RETRY;
	}
	PQsetNoticeReceiver(p->conn, drop_notice, NULL);
	return prepare_all(p, why, why_n);
}

bool pg_url_valid(const char *url)
{
	if (!url || !strpbrk(url, "=/"))
		return true; /* a plain database name */
	PQconninfoOption *o = PQconninfoParse(url, NULL);
	PQconninfoFree(o);
	return o != NULL;
}

enum err pg_open(struct pg **out, const char *url, const struct pg_statement *const *tables, char *why, size_t why_n)
{
	if (!pg_url_valid(url)) {
		snprintf(why, why_n, "the database address is malformed");
		return ERR_INPUT;
	}
	struct pg *p = xcalloc(1, sizeof(*p));
	p->url = xstrdup(url ? url : "");
	p->tables = tables;
	enum err e = dial(p, why, why_n);
	if (e != ERR_NONE) {
		pg_close(p);
		return e;
	}
	*out = p;
	return ERR_NONE;
}

void pg_close(struct pg *p)
{
	if (!p)
		return;
	if (p->conn)
		PQfinish(p->conn);
	if (p->url)
		explicit_bzero(p->url, strlen(p->url)); /* it may hold a password */
	free(p->url);
	free(p);
}

/* Take the answer that pg_end_read() did not wait for. */
static void settle(struct pg *p)
{
	if (!p->leaving)
		return;
	p->leaving = false;
	for (PGresult *r; (r = PQgetResult(p->conn)) != NULL;)
		PQclear(r);
}

PGconn *pg_conn(struct pg *p)
{
	settle(p);
	return p->conn;
}

struct pg_spent pg_spent(const struct pg *p)
{
	return p->spent;
}

bool pg_alive(struct pg *p)
{
	return p->conn && !p->lost && PQstatus(p->conn) == CONNECTION_OK;
}

enum err pg_reconnect(struct pg *p)
{
	char why[256];
	if (p->conn)
		PQfinish(p->conn);
	p->conn = NULL;
	p->leaving = false;
	enum err e = dial(p, why, sizeof(why));
	if (e != ERR_NONE && p->conn) {
		/* Half open is closed: pg_alive() must not say yes to a session without its limits. */
		PQfinish(p->conn);
		p->conn = NULL;
	}
	return e;
}

static bool is_state(const PGresult *r, const char *prefix)
{
	return strncmp(pg_state(r), prefix, strlen(prefix)) == 0;
}

enum err pg_class(PGconn *c, const PGresult *r)
{
	const char *state = pg_state(r);
	if (*state == '\0') {
		/* Without SQLSTATE the error is libpq's own: a lost connection, or no memory. */
		return !c || PQstatus(c) == CONNECTION_BAD || !r || PQresultStatus(r) != PGRES_PIPELINE_ABORTED ? ERR_RETRY
		                                                                                                : ERR_BROKEN;
	}
	/*
	 * Lost connection, serialisation and deadlock, out of resources, lock not available, shutdown or cancelled by a
	 * limit, I/O error, session time-outs, a read-only server during a change of primary.
	 */
	if (is_state(r, "08P01"))
		return ERR_BROKEN; /* an argument of another type than the statement's: a mistake of ours, not of the network */
	static const char *const retry[] = { "08", "40", "53", "55P03", "57", "58", "25P03", "25006", "25P02" };
	for (size_t i = 0; i < sizeof(retry) / sizeof(retry[0]); i++) {
		if (is_state(r, retry[i]))
			return ERR_RETRY;
	}
	if (is_state(r, "22") || is_state(r, "23") || is_state(r, "54"))
		return ERR_INPUT;
	if (is_state(r, "42501") || is_state(r, "28"))
		return ERR_DENIED;
	return ERR_BROKEN;
}

const char *pg_state(const PGresult *r)
{
	const char *s = r ? PQresultErrorField(r, PG_DIAG_SQLSTATE) : NULL;
	return s ? s : "";
}

/* Run one of the own statements without parameters. */
static enum err simple(struct pg *p, const char *name, const char *tag)
{
	if (!pg_alive(p))
		return ERR_RETRY;
	settle(p);
	p->spent.trips++;
	p->spent.statements++;
	PGresult *r = PQexecPrepared(p->conn, name, 0, NULL, NULL, NULL, 0);
	enum err e = ERR_NONE;
	if (PQresultStatus(r) != PGRES_COMMAND_OK)
		e = pg_class(p->conn, r);
	else if (strcmp(PQcmdStatus(r), tag) != 0)
		e = ERR_RETRY; /* COMMIT of a failed transaction answers ROLLBACK */
	PQclear(r);
	return e;
}

bool pg_replan_due(struct pg *p)
{
	if (++p->begun != p->replan_at)
		return false;
	p->replan_at = p->replan_at < REPLAN_LAST ? p->replan_at * REPLAN_GROWTH : 0;
	return true;
}

static void failed(const char *statement, const PGresult *r, enum err e)
{
	log_warn("pg.statement", LF_STR("statement", statement), LF_STR("sqlstate", pg_state(r)), LF_STR("result", err_name(e)));
}

static bool send_steps(PGconn *c, const struct pg_step *steps, size_t n)
{
	bool sent = true;
	for (size_t i = 0; sent && i < n; i++) {
		const struct pg_args *a = steps[i].args;
		sent = a == NULL ? PQsendQueryPrepared(c, steps[i].statement, 0, NULL, NULL, NULL, 1)
		                 : PQsendQueryPrepared(c, steps[i].statement, pg_args_count(a), pg_args_values(a),
		                       pg_args_lengths(a), pg_args_formats(a), 1);
	}
	return sent;
}

/* One pipeline: BEGIN and the tenant where ${ws} is given, then ${steps}. */
static enum err go(struct pg *p, const struct id *ws, struct pg_step *steps, size_t n)
{
	for (size_t i = 0; i < n; i++)
		steps[i].out = NULL;
	if (!pg_alive(p))
		return ERR_RETRY;
	settle(p);
	PGconn *c = p->conn;
	char text[ID_TEXT];
	const char *const values[] = { ws == NULL ? NULL : id_format(*ws, text) };
	bool replan = ws != NULL && pg_replan_due(p);
	size_t first = ws == NULL ? 0 : replan ? 3 : 2, total = first + n, at = 0;
	p->lost = true; /* until the pipeline was left in good order */
	p->spent.trips++;
	p->spent.statements += total - replan;
	if (!PQenterPipelineMode(c) || (ws != NULL && !PQsendQueryPrepared(c, "pg_begin", 0, NULL, NULL, NULL, 0)) ||
	    (replan && !PQsendQueryPrepared(c, "pg_replan", 0, NULL, NULL, NULL, 0)) ||
	    (ws != NULL && !PQsendQueryPrepared(c, "pg_tenant", 1, values, NULL, NULL, 0)) || !send_steps(c, steps, n) ||
	    !PQpipelineSync(c))
		return ERR_RETRY;
	enum err e = ERR_NONE;
	bool synced = false;
	/* Each result with an end, then the sync point.  A server that went away in the middle can leave libpq without any of them. */
	for (size_t i = 0; i < 2 * total + 4 && !synced && PQstatus(c) == CONNECTION_OK; i++) {
		PGresult *r = PQgetResult(c);
		ExecStatusType st = PQresultStatus(r);
		synced = r != NULL && st == PGRES_PIPELINE_SYNC;
		if (r == NULL || synced) {
			PQclear(r);
			continue;
		}
		bool fine = st == PGRES_COMMAND_OK || st == PGRES_TUPLES_OK, step = at >= first && at < total;
		if (!fine && e == ERR_NONE) {
			e = pg_class(c, r);
			failed(step ? steps[at - first].statement : "pg_begin", r, e);
		}
		if (fine && step)
			steps[at - first].out = r;
		else
			PQclear(r);
		at++;
	}
	if (!synced || !PQexitPipelineMode(c))
		return ERR_RETRY;
	p->lost = false;
	return e;
}

enum err pg_steps(struct pg *p, struct pg_step *steps, size_t n)
{
	return n == 0 ? ERR_NONE : go(p, NULL, steps, n);
}

enum err pg_begin_steps(struct pg *p, struct id ws, struct pg_step *steps, size_t n)
{
	enum err e = go(p, &ws, steps, n);
	if (e != ERR_NONE)
		pg_rollback(p);
	return e;
}

enum err pg_begin(struct pg *p, struct id ws)
{
	return pg_begin_steps(p, ws, NULL, 0);
}

void pg_end_read(struct pg *p)
{
	if (pg_alive(p) && !p->leaving)
		p->leaving = PQsendQueryPrepared(p->conn, "pg_commit", 0, NULL, NULL, NULL, 0);
	p->spent.statements++;
}

enum err pg_begin_plain(struct pg *p)
{
	return simple(p, "pg_begin", "BEGIN");
}

enum err pg_commit(struct pg *p)
{
	return simple(p, "pg_commit", "COMMIT");
}

void pg_rollback(struct pg *p)
{
	if (pg_alive(p))
		settle(p);
	if (pg_alive(p) && PQtransactionStatus(p->conn) != PQTRANS_IDLE)
		(void)simple(p, "pg_rollback", "ROLLBACK");
}

enum err pg_end(struct pg *p, enum err e)
{
	if (e == ERR_NONE)
		return pg_commit(p);
	pg_rollback(p);
	return e;
}

enum err pg_query(struct pg *p, const char *statement, const struct pg_args *a, PGresult **out)
{
	if (!pg_alive(p))
		return ERR_RETRY;
	settle(p);
	p->spent.trips++;
	p->spent.statements++;
	PGresult *r = a
	    ? PQexecPrepared(p->conn, statement, pg_args_count(a), pg_args_values(a), pg_args_lengths(a), pg_args_formats(a), 1)
	    : PQexecPrepared(p->conn, statement, 0, NULL, NULL, NULL, 1);
	ExecStatusType st = PQresultStatus(r);
	if (st != PGRES_TUPLES_OK && st != PGRES_COMMAND_OK) {
		enum err e = pg_class(p->conn, r);
		failed(statement, r, e);
		PQclear(r);
		return e;
	}
	if (out)
		*out = r;
	else
		PQclear(r);
	return ERR_NONE;
}

enum err pg_ask(struct pg *p, const char *statement, struct pg_args *a, PGresult **out)
{
	enum err e = pg_query(p, statement, a, out);
	pg_args_free(a);
	return e;
}

struct id pg_get_id(const PGresult *r, int row, int col)
{
	struct id v = ID_NONE;
	if (!PQgetisnull(r, row, col) && PQgetlength(r, row, col) == (int)sizeof(v.b))
		memcpy(v.b, PQgetvalue(r, row, col), sizeof(v.b));
	return v;
}

int64_t pg_get_int8(const PGresult *r, int row, int col)
{
	if (PQgetisnull(r, row, col))
		return 0;
	const char *at = PQgetvalue(r, row, col);
	uint16_t v2;
	uint32_t v4;
	uint64_t v8;
	switch (PQgetlength(r, row, col)) {
	case 2:
		memcpy(&v2, at, sizeof(v2));
		return (int16_t)be16toh(v2);
	case 4:
		memcpy(&v4, at, sizeof(v4));
		return (int32_t)be32toh(v4);
	case 8:
		memcpy(&v8, at, sizeof(v8));
		return (int64_t)be64toh(v8);
	default:
		return 0;
	}
}

/* Dimensions, whether there are NULLs, type, then of the one dimension its length and first index, then each with its length. */
size_t pg_get_ids(const PGresult *r, int row, int col, struct id *out, size_t max)
{
	const char *p = PQgetvalue(r, row, col), *end = p + PQgetlength(r, row, col);
	uint32_t head[5], len;
	size_t n = 0;
	if (PQgetisnull(r, row, col) || end - p < (ptrdiff_t)sizeof(head))
		return 0;
	memcpy(head, p, sizeof(head));
	if (be32toh(head[0]) != 1 || be32toh(head[2]) != PG_UUID)
		return 0;
	for (p += sizeof(head); end - p >= (ptrdiff_t)(sizeof(len) + sizeof(out->b)) && n < be32toh(head[3]); n++) {
		memcpy(&len, p, sizeof(len));
		if (be32toh(len) != sizeof(out->b))
			break;
		if (n < max)
			memcpy(out[n].b, p + sizeof(len), sizeof(out->b));
		p += sizeof(len) + sizeof(out->b);
	}
	return n;
}

bool pg_get_bool(const PGresult *r, int row, int col)
{
	return !PQgetisnull(r, row, col) && PQgetlength(r, row, col) == 1 && *PQgetvalue(r, row, col) != 0;
}

const char *pg_get_str(const PGresult *r, int row, int col)
{
	return PQgetisnull(r, row, col) ? NULL : PQgetvalue(r, row, col);
}

int64_t pg_get_time_ms(const PGresult *r, int row, int col)
{
	if (PQgetisnull(r, row, col))
		return 0;
	int64_t us = pg_get_int8(r, row, col); /* since 2000-01-01 */
	if (us == INT64_MAX || us == INT64_MIN)
		return us; /* infinity stays as far away as it is */
	int64_t ms = us / 1000 - (us % 1000 < 0 ? 1 : 0);
	return ms + INT64_C(946684800000);
}
