/*
 * Roles, schema and extensions.  Everything is written so that an ordinary managed-Postgres administrator (CREATEROLE
 * and CREATE on the database) can do it: such a role makes itself a member of the roles it makes, which is what lets it
 * hand over ownership.
 */
#include "roles.h"

#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/encode.h"
#include "../base/id.h"

enum err roles_name(const char *database, struct role_names *out, char *why, size_t why_n)
{
	if (strlen(database) + strlen("_search") > 63) {
		snprintf(why, why_n, "the database name %s is too long: at most 56 characters, because roles are named after it",
		    database);
		return ERR_INPUT;
	}
	snprintf(out->owner, sizeof(out->owner), "%.56s_owner", database);
	snprintf(out->eddy, sizeof(out->eddy), "%.56s_eddy", database);
	snprintf(out->search, sizeof(out->search), "%.56s_search", database);
	snprintf(out->maint, sizeof(out->maint), "%.56s_maint", database);
	return ERR_NONE;
}

bool roles_ready(struct admin *a, const struct role_names *n)
{
	PGresult *r = NULL;
	char ignored[128];
	const char *const values[] = { n->owner, n->eddy, n->search, n->maint };
	enum err e = admin_query(a,
	    "SELECT (SELECT count(*) FROM pg_catalog.pg_roles WHERE NOT rolsuper AND NOT rolbypassrls AND NOT "
	    "rolcreaterole AND ("
	    " (rolname = $1 AND NOT rolcanlogin) OR (rolname = $2 AND rolcanlogin) OR (rolname = $3 AND NOT "
	    "rolcanlogin)"
	    " OR (rolname = $4 AND rolcanlogin))) = 4"
	    " AND EXISTS (SELECT 1 FROM pg_catalog.pg_namespace s JOIN pg_catalog.pg_roles o ON o.oid = s.nspowner"
	    "  WHERE s.nspname = 'eddy' AND o.rolname = $1)"
	    " AND (SELECT count(*) FROM pg_catalog.pg_extension WHERE extname IN ('btree_gin', 'unaccent')) = 2",
	    4, values, &r, ignored, sizeof(ignored));
	bool ready = e == ERR_NONE && PQntuples(r) == 1 && *PQgetvalue(r, 0, 0) == 't';
	if (e == ERR_NONE)
		PQclear(r);
	return ready;
}

static bool exists(struct admin *a, const char *role)
{
	PGresult *r = NULL;
	char ignored[128];
	const char *const values[] = { role };
	if (admin_query(a, "SELECT 1 FROM pg_catalog.pg_roles WHERE rolname = $1", 1, values, &r, ignored, sizeof(ignored)) !=
	    ERR_NONE)
		return false;
	bool found = PQntuples(r) == 1;
	PQclear(r);
	return found;
}

/* Without SUPERUSER nobody may even write NOSUPERUSER; a new role has none of the dangerous attributes anyway. */
static enum err make_role(struct admin *a, const char *name, bool login, char *why, size_t why_n)
{
	struct buf sql = BUF_INIT;
	enum err e = ERR_NONE;
	if (!exists(a, name)) {
		buf_add_str(&sql, "CREATE ROLE ");
		admin_add_ident(a, &sql, name);
		buf_add_str(&sql, login ? " LOGIN" : " NOLOGIN");
	} else if (a->superuser) {
		buf_add_str(&sql, "ALTER ROLE ");
		admin_add_ident(a, &sql, name);
		buf_addf(&sql, " NOSUPERUSER NOBYPASSRLS NOCREATEROLE NOCREATEDB NOREPLICATION %s", login ? "LOGIN" : "NOLOGIN");
	} else {
		buf_add_str(&sql, "ALTER ROLE ");
		admin_add_ident(a, &sql, name);
		buf_addf(&sql, " NOCREATEROLE NOCREATEDB %s", login ? "LOGIN" : "NOLOGIN");
	}
	if ((e = admin_exec(a, sql.p, why, why_n)) != ERR_NONE)
		goto done;
	if (!a->superuser) {
		PGresult *r = NULL;
		const char *const values[] = { name };
		e = admin_query(a, "SELECT pg_catalog.pg_has_role(current_user, $1, 'USAGE')", 1, values, &r, why, why_n);
		if (e != ERR_NONE)
			goto done;
		bool member = *PQgetvalue(r, 0, 0) == 't';
		PQclear(r);
		if (!member && !login) {
			buf_reset(&sql);
			buf_add_str(&sql, "GRANT ");
			admin_add_ident(a, &sql, name);
			buf_add_str(&sql, " TO CURRENT_USER");
			e = admin_exec(a, sql.p, why, why_n);
		}
	}
done:
	buf_done(&sql);
	return e;
}

/* ${text} with %O %E %S %M %D replaced by the quoted owner, runtime, search, maintenance roles and the database. */
static enum err exec_named(struct admin *a, const struct role_names *n, const char *text, char *why, size_t why_n)
{
	struct buf sql = BUF_INIT;
	for (const char *s = text; *s; s++) {
		if (*s != '%') {
			buf_add_char(&sql, *s);
			continue;
		}
		s++;
		admin_add_ident(a, &sql,
		    *s == 'O'       ? n->owner
		        : *s == 'E' ? n->eddy
		        : *s == 'S' ? n->search
		        : *s == 'M' ? n->maint
		                    : a->database);
	}
	enum err e = admin_exec(a, sql.p, why, why_n);
	buf_done(&sql);
	return e;
}

enum err roles_make(struct admin *a, const struct role_names *n, char *why, size_t why_n)
{
	enum err e;
	if ((e = make_role(a, n->owner, false, why, why_n)) != ERR_NONE ||
	    (e = make_role(a, n->search, false, why, why_n)) != ERR_NONE ||
	    (e = make_role(a, n->eddy, true, why, why_n)) != ERR_NONE || (e = make_role(a, n->maint, true, why, why_n)) != ERR_NONE)
		return e;
	return ERR_NONE;
}

enum err roles_prepare(struct admin *a, const struct role_names *n, char *why, size_t why_n)
{
	char detail[256] = "";
	enum err e = roles_make(a, n, detail, sizeof(detail));
	if (e != ERR_NONE)
		goto done;
	/*
	 * The limits also stand on the role, so a session opened by hand has them too.  In one transaction: a schema
	 * without its extensions is never seen.
	 */
	e = exec_named(a, n,
	    "BEGIN;"
	    "CREATE SCHEMA IF NOT EXISTS eddy AUTHORIZATION %O;"
	    "GRANT USAGE ON SCHEMA eddy TO %E, %S, %M;"
	    "GRANT CONNECT ON DATABASE %D TO %E, %M;"
	    "CREATE EXTENSION IF NOT EXISTS btree_gin SCHEMA eddy;"
	    "CREATE EXTENSION IF NOT EXISTS unaccent SCHEMA eddy;"
	    /* Where an administrator has put them before, the owner must be able to name them. */
	    "DO $do$ DECLARE s text; BEGIN FOR s IN SELECT DISTINCT n.nspname FROM pg_catalog.pg_extension x"
	    " JOIN pg_catalog.pg_namespace n ON n.oid = x.extnamespace WHERE x.extname IN ('btree_gin', 'unaccent')"
	    " AND n.nspname NOT IN ('eddy', 'public', 'pg_catalog') LOOP"
	    " EXECUTE 'GRANT USAGE ON SCHEMA ' || pg_catalog.quote_ident(s) || $g$ TO %O$g$; END LOOP; END $do$;"
	    "CREATE TABLE IF NOT EXISTS eddy.schema_migrations ("
	    " version integer PRIMARY KEY, name text NOT NULL, digest bytea NOT NULL, applied_at timestamptz NOT NULL "
	    "DEFAULT now());"
	    "COMMENT ON TABLE eddy.schema_migrations IS 'Which steps of migrations/ are applied; written by eddy "
	    "migrate only.';"
	    "COMMENT ON COLUMN eddy.schema_migrations.version IS 'Number of the step.';"
	    "COMMENT ON COLUMN eddy.schema_migrations.name IS 'Name of the step.';"
	    "COMMENT ON COLUMN eddy.schema_migrations.digest IS 'SHA-256 of the text that was applied: a changed step "
	    "is noticed.';"
	    "COMMENT ON COLUMN eddy.schema_migrations.applied_at IS 'When it was applied.';"
	    "ALTER TABLE eddy.schema_migrations OWNER TO %O;"
	    "GRANT SELECT ON eddy.schema_migrations TO %E, %M;"
	    "ALTER ROLE %E IN DATABASE %D SET search_path = eddy;"
	    "ALTER ROLE %E IN DATABASE %D SET statement_timeout = '30s';"
	    "ALTER ROLE %E IN DATABASE %D SET lock_timeout = '5s';"
	    "ALTER ROLE %E IN DATABASE %D SET idle_in_transaction_session_timeout = '10s';"
	    "ALTER ROLE %M IN DATABASE %D SET search_path = eddy;"
	    "ALTER ROLE %M IN DATABASE %D SET lock_timeout = '5s';"
	    "ALTER ROLE %M IN DATABASE %D SET idle_in_transaction_session_timeout = '60s';"
	    "COMMIT",
	    detail, sizeof(detail));
	if (e != ERR_NONE) {
		char ignored[64];
		(void)admin_exec(a, "ROLLBACK", ignored, sizeof(ignored));
	}
done:
	if (e != ERR_NONE)
		snprintf(why, why_n,
		    "cannot prepare roles and schema of database %s as %s: %s (the administrator needs CREATEROLE and "
		    "must own "
		    "the database)",
		    a->database, a->user, detail);
	return e;
}

enum err roles_set_password(struct admin *a, const char *role, char password[65], char *why, size_t why_n)
{
	uint8_t raw[32];
	random_bytes(raw, sizeof(raw));
	hex_encode(password, raw, sizeof(raw));
	OPENSSL_cleanse(raw, sizeof(raw));
	char *verifier = PQencryptPasswordConn(a->conn, password, role, "scram-sha-256");
	if (!verifier) {
		snprintf(why, why_n, "cannot make a password for %s", role);
		return ERR_BROKEN;
	}
	struct buf sql = BUF_INIT;
	buf_add_str(&sql, "ALTER ROLE ");
	admin_add_ident(a, &sql, role);
	buf_add_str(&sql, " PASSWORD ");
	admin_add_literal(a, &sql, verifier);
	PQfreemem(verifier);
	enum err e = admin_exec(a, sql.p, why, why_n);
	buf_done(&sql);
	return e;
}

enum err roles_check_runtime(struct admin *a, const struct role_names *n, char *why, size_t why_n)
{
	PGresult *r = NULL;
	const char *const values[] = { n->owner };
	enum err e = admin_query(a,
	    "SELECT CASE WHEN rolsuper THEN 'is a superuser'"
	    " WHEN rolbypassrls THEN 'has BYPASSRLS'"
	    " WHEN rolcreaterole THEN 'may make roles'"
	    " WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_roles o WHERE (o.rolsuper OR o.rolbypassrls) AND o.oid <> me.oid"
	    "  AND pg_catalog.pg_has_role(me.oid, o.oid, 'MEMBER')) THEN 'is a member of a role that bypasses row "
	    "security'"
	    " WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_roles o WHERE o.rolname = $1"
	    "  AND pg_catalog.pg_has_role(me.oid, o.oid, 'MEMBER')) THEN 'is a member of the owner role ' || $1"
	    " WHEN EXISTS (SELECT 1 FROM pg_catalog.pg_namespace s WHERE s.nspname = 'eddy' AND s.nspowner = me.oid)"
	    "  OR EXISTS (SELECT 1 FROM pg_catalog.pg_class t JOIN pg_catalog.pg_namespace s ON s.oid = t.relnamespace"
	    "   WHERE s.nspname = 'eddy' AND t.relowner = me.oid) THEN 'owns tables of Eddy'"
	    " END FROM pg_catalog.pg_roles me WHERE rolname = current_user",
	    1, values, &r, why, why_n);
	if (e != ERR_NONE)
		return e;
	if (!PQgetisnull(r, 0, 0)) {
		snprintf(why, why_n,
		    "role %s %s, so row security would not bind it: set database.admin_url to the administrator and "
		    "leave "
		    "database.url unset (Eddy makes its own role), or point database.url at role %s",
		    a->user, PQgetvalue(r, 0, 0), n->eddy);
		e = ERR_DENIED;
	}
	PQclear(r);
	return e;
}
