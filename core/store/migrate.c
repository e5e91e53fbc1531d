/*
 * Applying migrations/.  A step runs as the owner role inside one transaction together with its row in
 * schema_migrations, so it is there completely or not at all; the advisory lock keeps two starting processes from doing
 * it at once.
 */
#include "migrate.h"

#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/embed.h"
#include "../base/encode.h"
#include "../base/mem.h"

#define LOCK_SQL_ARGS "1162101849, 1" /* "EDDY" as a number: advisory locks are per database */

#define STEPS_MAX 999
static pthread_once_t steps_once = PTHREAD_ONCE_INIT;
static struct migration *embedded;

/* "migrations/NNN_name.up.sql" and its ".down.sql" become one entry; the files come in the order of their names. */
static void collect_steps(void)
{
	int n = 0;
	embedded = xcalloc(STEPS_MAX + 1, sizeof(*embedded));
	for (const struct embedded *f = embedded_files; f->path; f++) {
		static const char folder[] = "migrations/";
		if (strncmp(f->path, folder, sizeof(folder) - 1) != 0)
			continue;
		const char *base = f->path + sizeof(folder) - 1;
		const char *dot = strchr(base, '.');
		char *end;
		int number = (int)strtol(base, &end, 10);
		if (!dot || *end != '_' || number <= 0 || n == STEPS_MAX)
			continue;
		if (n == 0 || embedded[n - 1].number != number) {
			embedded[n].number = number;
			embedded[n++].name = xstrndup(end + 1, (size_t)(dot - end - 1));
		}
		if (strcmp(dot, ".up.sql") == 0)
			embedded[n - 1].up = f->text;
		else
			embedded[n - 1].down = f->text;
	}
}

const struct migration *migrate_steps(void)
{
	pthread_once(&steps_once, collect_steps);
	return embedded;
}

int migrate_target(const struct migration *steps)
{
	int last = 0;
	for (const struct migration *m = steps; m->number; m++)
		last = m->number;
	return last;
}

static void digest(const struct migration *m, char out[2 * SHA256_DIGEST_LENGTH + 1])
{
	unsigned char h[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)m->up, strlen(m->up), h);
	hex_encode(out, h, sizeof(h));
}

static const struct migration *step(const struct migration *steps, int number)
{
	for (const struct migration *m = steps; m->number; m++) {
		if (m->number == number)
			return m;
	}
	return NULL;
}

enum err migrate_lock(struct admin *a, char *why, size_t why_n)
{
	char detail[200];
	enum err e = admin_exec(a, "SELECT pg_catalog.pg_advisory_lock(" LOCK_SQL_ARGS ")", detail, sizeof(detail));
	if (e != ERR_NONE)
		snprintf(why, why_n, "another eddy is changing the schema of database %s: %s", a->database, detail);
	return e;
}

void migrate_unlock(struct admin *a)
{
	char ignored[64];
	(void)admin_exec(a, "SELECT pg_catalog.pg_advisory_unlock(" LOCK_SQL_ARGS ")", ignored, sizeof(ignored));
}

enum err migrate_read(struct admin *a, const struct migration *steps, struct migrate_state *out, char *why, size_t why_n)
{
	PGresult *r = NULL;
	enum err e = admin_query(a, "SELECT pg_catalog.to_regclass('eddy.schema_migrations') IS NOT NULL", 0, NULL, &r, why, why_n);
	if (e != ERR_NONE)
		return e;
	bool there = *PQgetvalue(r, 0, 0) == 't';
	PQclear(r);
	*out = (struct migrate_state){ .target = migrate_target(steps) };
	if (!there)
		return ERR_NONE;
	e = admin_query(
	    a, "SELECT version, encode(digest, 'hex') FROM eddy.schema_migrations ORDER BY version", 0, NULL, &r, why, why_n);
	if (e != ERR_NONE)
		return e;
	for (int i = 0; i < PQntuples(r) && e == ERR_NONE; i++) {
		char want[2 * SHA256_DIGEST_LENGTH + 1];
		int number = atoi(PQgetvalue(r, i, 0));
		const struct migration *m = step(steps, number);
		if (!m) {
			snprintf(why, why_n,
			    "the schema of database %s is at step %s, this eddy knows only %d: install the newer eddy, "
			    "or go back "
			    "with its `eddy migrate down`",
			    a->database, PQgetvalue(r, PQntuples(r) - 1, 0), out->target);
			e = ERR_INPUT;
			break;
		}
		digest(m, want);
		if (strcmp(want, PQgetvalue(r, i, 1)) != 0) {
			snprintf(why, why_n,
			    "step %03d_%s was applied to database %s in another version than this eddy has: use the "
			    "eddy that "
			    "made it, or restore a backup",
			    m->number, m->name, a->database);
			e = ERR_INPUT;
		}
		out->level = number;
	}
	PQclear(r);
	return e;
}

/* The text of a step with the roles' names in place. */
static void add_text(struct admin *a, struct buf *sql, const char *text, const struct role_names *n)
{
	static const char *const marks[] = { ":\"owner\"", ":\"eddy\"", ":\"search\"", ":\"maint\"" };
	const char *const names[] = { n->owner, n->eddy, n->search, n->maint };
	while (*text) {
		size_t plain = strcspn(text, ":");
		buf_add(sql, text, plain);
		text += plain;
		if (!*text)
			break;
		size_t i = 0;
		while (i < 4 && strncmp(text, marks[i], strlen(marks[i])) != 0)
			i++;
		if (i < 4) {
			admin_add_ident(a, sql, names[i]);
			text += strlen(marks[i]);
		} else {
			buf_add_char(sql, *text++);
		}
	}
}

static enum err run(
    struct admin *a, const struct migration *m, const char *text, bool up, const struct role_names *n, char *why, size_t why_n)
{
	struct buf sql = BUF_INIT;
	char detail[300];
	/*
	 * The schemas of extensions stand in the path too: an administrator may have put them elsewhere before us.  The
	 * roles an administrator without SUPERUSER may become are those it is a member of, which roles_prepare() has
	 * seen to.
	 */
	buf_add_str(&sql,
	    "BEGIN; SELECT pg_catalog.set_config('search_path', 'eddy' || coalesce((SELECT ', ' || "
	    "string_agg(DISTINCT pg_catalog.quote_ident(s.nspname), ', ') FROM pg_catalog.pg_extension x JOIN "
	    "pg_catalog.pg_namespace s "
	    "ON s.oid = x.extnamespace WHERE s.nspname NOT IN ('eddy', 'pg_catalog')), ''), true); SET LOCAL ROLE ");
	admin_add_ident(a, &sql, n->owner);
	buf_add_str(&sql, ";\n");
	add_text(a, &sql, text, n);
	buf_add_str(&sql, "\n;SET LOCAL ROLE ");
	admin_add_ident(a, &sql, n->owner);
	if (up) {
		char hex[2 * SHA256_DIGEST_LENGTH + 1];
		digest(m, hex);
		buf_addf(&sql, "; INSERT INTO eddy.schema_migrations (version, name, digest) VALUES (%d, ", m->number);
		admin_add_literal(a, &sql, m->name);
		buf_addf(&sql, ", '\\x%s'); COMMIT", hex);
	} else {
		buf_addf(&sql, "; DELETE FROM eddy.schema_migrations WHERE version = %d; COMMIT", m->number);
	}
	enum err e = admin_exec(a, sql.p, detail, sizeof(detail));
	buf_done(&sql);
	if (e != ERR_NONE) {
		char ignored[64];
		snprintf(
		    why, why_n, "step %03d_%s (%s) failed and was taken back: %s", m->number, m->name, up ? "up" : "down", detail);
		(void)admin_exec(a, "ROLLBACK", ignored, sizeof(ignored));
	}
	return e;
}

enum err migrate_up(
    struct admin *a, const struct migration *steps, const struct role_names *roles, int *applied, char *why, size_t why_n)
{
	struct migrate_state st;
	enum err e = migrate_read(a, steps, &st, why, why_n);
	*applied = 0;
	for (const struct migration *m = steps; e == ERR_NONE && m->number; m++) {
		if (m->number <= st.level)
			continue;
		if ((e = run(a, m, m->up, true, roles, why, why_n)) == ERR_NONE)
			++*applied;
	}
	return e;
}

enum err migrate_down(
    struct admin *a, const struct migration *steps, const struct role_names *roles, int n, int *undone, char *why, size_t why_n)
{
	struct migrate_state st;
	enum err e = migrate_read(a, steps, &st, why, why_n);
	*undone = 0;
	for (int number = st.level; e == ERR_NONE && number > 0 && *undone < n; number--) {
		const struct migration *m = step(steps, number);
		if (m && (e = run(a, m, m->down, false, roles, why, why_n)) == ERR_NONE)
			++*undone;
	}
	return e;
}

enum err migrate_status(struct admin *a, const struct migration *steps, struct buf *out, char *why, size_t why_n)
{
	struct migrate_state st;
	enum err e = migrate_read(a, steps, &st, why, why_n);
	if (e != ERR_NONE)
		return e;
	PGresult *r = NULL;
	if (st.level > 0) {
		e = admin_query(a,
		    "SELECT version, to_char(applied_at, 'YYYY-MM-DD HH24:MI:SS') FROM eddy.schema_migrations ORDER BY "
		    "version",
		    0, NULL, &r, why, why_n);
		if (e != ERR_NONE)
			return e;
	}
	for (const struct migration *m = steps; m->number; m++) {
		const char *at = NULL;
		for (int i = 0; r && i < PQntuples(r); i++) {
			if (atoi(PQgetvalue(r, i, 0)) == m->number)
				at = PQgetvalue(r, i, 1);
		}
		buf_addf(out, "%03d %-24s %s%s\n", m->number, m->name, at ? "applied " : "pending", at ? at : "");
	}
	PQclear(r);
	return ERR_NONE;
}
