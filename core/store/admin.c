/*
 * Text-mode connection for roles, migrations and checks.  No statement time-out here: building an index on years of
 * messages may take long, and nobody waits for it but the operator.
 */
#include "admin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "pg.h"

#define CREATE_LOCK "1162101849, 2" /* beside that of the migrations; in the database "postgres" */

static void say(char *why, size_t n, const char *what, const char *message)
{
	if (!why || n == 0)
		return;
	snprintf(why, n, "%s%s", what, message ? message : "");
	size_t len = strlen(why);
	while (len > 0 && (why[len - 1] == '\n' || why[len - 1] == ' '))
		why[--len] = '\0';
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)why[i] < ' ')
			why[i] = ' ';
	}
}

static void drop_notice(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

static enum err read_self(struct admin *a, char *why, size_t why_n)
{
	PGresult *r = NULL;
	enum err e = admin_query(a,
	    "SELECT current_database(), current_user, rolsuper, rolcreaterole, rolcreatedb, rolbypassrls "
	    "FROM pg_catalog.pg_roles WHERE rolname = current_user",
	    0, NULL, &r, why, why_n);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(r) == 1) {
		snprintf(a->database, sizeof(a->database), "%s", PQgetvalue(r, 0, 0));
		snprintf(a->user, sizeof(a->user), "%s", PQgetvalue(r, 0, 1));
		a->superuser = *PQgetvalue(r, 0, 2) == 't';
		a->create_role = a->superuser || *PQgetvalue(r, 0, 3) == 't';
		a->create_db = a->superuser || *PQgetvalue(r, 0, 4) == 't';
		a->bypass_rls = a->superuser || *PQgetvalue(r, 0, 5) == 't';
		a->version = PQserverVersion(a->conn);
	}
	PQclear(r);
	return ERR_NONE;
}

enum err admin_open(struct admin *a, const char *url, char *why, size_t why_n)
{
	static const char *const keys[] = { "fallback_application_name", "connect_timeout", "keepalives", "keepalives_idle",
		"dbname", "client_encoding", NULL };
	const char *const values[] = { "eddy admin", "5", "1", "10", url, "UTF8", NULL };
	*a = (struct admin){ 0 };
	if (!pg_url_valid(url)) {
		snprintf(why, why_n, "the database address is malformed");
		return ERR_INPUT;
	}
	a->conn = PQconnectdbParams(keys, values, 1);
	if (!a->conn || PQstatus(a->conn) != CONNECTION_OK) {
		say(why, why_n, "", a->conn ? PQerrorMessage(a->conn) : "out of memory");
		admin_close(a);
		return ERR_RETRY;
	}
	PQsetNoticeReceiver(a->conn, drop_notice, NULL);
	enum err e = admin_exec(a,
	    "SET search_path = pg_catalog; SET lock_timeout = '60s'; SET client_min_messages = warning; "
	    "SET timezone = 'UTC'; SET statement_timeout = 0",
	    why, why_n);
	if (e == ERR_NONE)
		e = read_self(a, why, why_n);
	if (e != ERR_NONE)
		admin_close(a);
	return e;
}

/* The database that ${url} names; false when it names none or is malformed. */
static bool url_database(const char *url, struct buf *out)
{
	PQconninfoOption *o = PQconninfoParse(url, NULL);
	const char *user = NULL;
	const char *db = NULL;
	for (PQconninfoOption *at = o; at && at->keyword; at++) {
		if (strcmp(at->keyword, "dbname") == 0)
			db = at->val;
		else if (strcmp(at->keyword, "user") == 0)
			user = at->val;
	}
	if (!db || !*db)
		db = user;
	if (db)
		buf_add_str(out, db);
	PQconninfoFree(o);
	return out->len > 0;
}

enum err admin_open_create(struct admin *a, const char *url, char *why, size_t why_n)
{
	enum err e = admin_open(a, url, why, why_n);
	struct buf name = BUF_INIT;
	struct buf other = BUF_INIT;
	if (e != ERR_RETRY || !url_database(url, &name))
		goto done;

	/*
	 * libpq gives no SQLSTATE for a refused connection, so ask the catalogue next door whether the database is
	 * there.
	 */
	char ignored[256];
	struct admin next = { 0 };
	if (admin_rewrite_url(url, NULL, NULL, "postgres", &other, ignored, sizeof(ignored)) != ERR_NONE ||
	    admin_open(&next, other.p, ignored, sizeof(ignored)) != ERR_NONE)
		goto done;
	/* Of several that start at once one makes it, and the others wait here until it is there. */
	PGresult *r = NULL;
	const char *const values[] = { name.p };
	enum err e2 = admin_exec(&next, "SELECT pg_catalog.pg_advisory_lock(" CREATE_LOCK ")", ignored, sizeof(ignored));
	if (e2 == ERR_NONE)
		e2 = admin_query(
		    &next, "SELECT 1 FROM pg_catalog.pg_database WHERE datname = $1", 1, values, &r, ignored, sizeof(ignored));
	bool known = e2 == ERR_NONE, missing = known && PQntuples(r) == 0;
	PQclear(r);
	if (missing) {
		struct buf sql = BUF_INIT;
		buf_add_str(&sql, "CREATE DATABASE ");
		admin_add_ident(&next, &sql, name.p);
		buf_add_str(&sql, " TEMPLATE template0 ENCODING 'UTF8'");
		e = admin_exec(&next, sql.p, why, why_n);
		buf_done(&sql);
	}
	admin_close(&next); /* with it goes the lock */
	if (known && (!missing || e == ERR_NONE))
		e = admin_open(a, url, why, why_n);
done:
	buf_done(&name);
	buf_done(&other);
	return e;
}

void admin_close(struct admin *a)
{
	if (a->conn)
		PQfinish(a->conn);
	a->conn = NULL;
}

enum err admin_exec(struct admin *a, const char *sql, char *why, size_t why_n)
{
	PGresult *r = PQexec(a->conn, sql);
	ExecStatusType st = PQresultStatus(r);
	enum err e = ERR_NONE;
	if (st != PGRES_COMMAND_OK && st != PGRES_TUPLES_OK && st != PGRES_EMPTY_QUERY) {
		const char *first = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
		e = pg_class(a->conn, r);
		say(why, why_n, "", first ? first : PQerrorMessage(a->conn));
	}
	PQclear(r);
	return e;
}

enum err admin_query(struct admin *a, const char *sql, int n, const char *const *values, PGresult **out, char *why, size_t why_n)
{
	PGresult *r = PQexecParams(a->conn, sql, n, NULL, values, NULL, NULL, 0);
	if (PQresultStatus(r) != PGRES_TUPLES_OK && PQresultStatus(r) != PGRES_COMMAND_OK) {
		const char *first = r ? PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY) : NULL;
		enum err e = pg_class(a->conn, r);
		say(why, why_n, "", first ? first : PQerrorMessage(a->conn));
		PQclear(r);
		return e;
	}
	*out = r;
	return ERR_NONE;
}

void admin_add_ident(struct admin *a, struct buf *b, const char *name)
{
	char *q = PQescapeIdentifier(a->conn, name, strlen(name));
	buf_add_str(b, q ? q : "\"\"");
	PQfreemem(q);
}

void admin_add_literal(struct admin *a, struct buf *b, const char *text)
{
	char *q = PQescapeLiteral(a->conn, text, strlen(text));
	buf_add_str(b, q ? q : "''");
	PQfreemem(q);
}

enum err admin_judge_server(
    int version, const char *encoding, const char *fsync_on, const char *pages_on, const char *commit_on, char *why, size_t why_n)
{
	if (version < 150000) {
		snprintf(why, why_n, "the database server is PostgreSQL %d, Eddy needs 15 or newer: upgrade the server",
		    version / 10000);
		return ERR_INPUT;
	}
	if (strcmp(encoding, "UTF8") != 0) {
		snprintf(why, why_n,
		    "the database's encoding is %s, Eddy needs UTF8: make it with CREATE DATABASE … TEMPLATE template0 "
		    "ENCODING 'UTF8'",
		    encoding);
		return ERR_INPUT;
	}
	const char *off = NULL;
	if (strcmp(fsync_on, "on") != 0)
		off = "fsync";
	else if (strcmp(pages_on, "on") != 0)
		off = "full_page_writes";
	else if (strcmp(commit_on, "off") == 0)
		off = "synchronous_commit";
	if (off) {
		snprintf(why, why_n,
		    "the database server runs with %s = off, so acknowledged messages could be lost: set %s = on in "
		    "postgresql.conf (also look at ALTER ROLE and ALTER DATABASE settings) and reload",
		    off, off);
		return ERR_INPUT;
	}
	return ERR_NONE;
}

const char *admin_wanted_minor(int version)
{
	static const struct {
		int major, minor;
		const char *name;
	} fixed[] = { { 15, 14, "15.14" }, { 16, 10, "16.10" }, { 17, 6, "17.6" } };
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (version / 10000 == fixed[i].major && version % 10000 < fixed[i].minor)
			return fixed[i].name;
	}
	return NULL;
}

enum err admin_check_server(struct admin *a, char *why, size_t why_n)
{
	PGresult *r = NULL;
	enum err e = admin_query(a,
	    "SELECT current_setting('server_encoding'), current_setting('fsync'), "
	    "current_setting('full_page_writes'), current_setting('synchronous_commit')",
	    0, NULL, &r, why, why_n);
	if (e != ERR_NONE)
		return e;
	e = admin_judge_server(
	    a->version, PQgetvalue(r, 0, 0), PQgetvalue(r, 0, 1), PQgetvalue(r, 0, 2), PQgetvalue(r, 0, 3), why, why_n);
	PQclear(r);
	return e;
}

static void add_pair(struct buf *out, const char *key, const char *value)
{
	if (out->len)
		buf_add_char(out, ' ');
	buf_addf(out, "%s='", key);
	for (const char *s = value; *s; s++) {
		if (*s == '\'' || *s == '\\')
			buf_add_char(out, '\\');
		buf_add_char(out, *s);
	}
	buf_add_char(out, '\'');
}

enum err admin_rewrite_url(
    const char *url, const char *user, const char *password, const char *database, struct buf *out, char *why, size_t why_n)
{
	char *message = NULL;
	PQconninfoOption *o = PQconninfoParse(url, &message);
	if (!o) {
		/* libpq's message quotes the address, which may hold the password. */
		snprintf(why, why_n, "the database address is malformed");
		PQfreemem(message);
		return ERR_INPUT;
	}
	buf_reset(out);
	for (PQconninfoOption *at = o; at->keyword; at++) {
		bool ours = (user && strcmp(at->keyword, "user") == 0) || (database && strcmp(at->keyword, "dbname") == 0) ||
		    (user && strcmp(at->keyword, "password") == 0);
		if (at->val && *at->val && !ours)
			add_pair(out, at->keyword, at->val);
	}
	if (user)
		add_pair(out, "user", user);
	if (password)
		add_pair(out, "password", password);
	if (database)
		add_pair(out, "dbname", database);
	PQconninfoFree(o);
	return ERR_NONE;
}
