/*
 * A code has 50 random bits and lives ten minutes; the database has its SHA-256.  Guessing is bounded by person and not by code, for one who guesses names
 * a new one each time: after five wrong ones nothing that person says is looked at for a while.  A code that exists but is not for this person
 * counts and answers like one that does not.
 */
#include "links.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "../base/utf8.h"

/* $1 ws, $2 the person: those that are one user with it */
#define MINE "mine AS MATERIALIZED (SELECT same_user($2::uuid) AS id)"
/* Who stands for them: whom a platform vouches for before others, members before guests, the oldest. */
#define STANDS(of) \
	"(SELECT p.id FROM " of \
	" g JOIN people p ON p.ws = $1 AND p.id = g.id ORDER BY (SELECT max(i.verified) FROM identities i WHERE i.ws = $1" \
	" AND i.person_id = p.id) DESC NULLS LAST, p.guest, p.created_at, p.id LIMIT 1)"

const struct pg_statement links_statements[] = {
	{ "link_known",
	    "SELECT 1 FROM people p WHERE p.ws = $1 AND p.id = $2 AND NOT p.bot AND p.kind NOT IN (5, 6, 7) AND EXISTS (SELECT 1 FROM identities i WHERE i.ws = $1"
	    " AND i.person_id = $2 AND i.adapter = $3::text AND i.verified >= 1)" },
	{ "link_lock", "SELECT pg_advisory_xact_lock(hashtextextended('link ' || $1::uuid::text, 0))" },
	{ "link_sweep", "DELETE FROM link_codes WHERE ws = $1 AND expires_at < now() - interval '1 day'" },
	{ "link_void_own", "UPDATE link_codes SET used_at = now() WHERE ws = $1 AND person_id = $2 AND used_at IS NULL" },
	{ "link_new",
	    "INSERT INTO link_codes (ws, person_id, adapter, code_hash, expires_at) VALUES ($1, $2, $3, $4, now() + $5::int4 * interval '1 s')" },
	{ "link_tries",
	    "SELECT tries FROM link_tries WHERE ws = $1 AND person_id = $2 AND since > now() - $3::int4 * interval '1 s'" },
	{ "link_tried",
	    "INSERT INTO link_tries AS t (ws, person_id, tries) VALUES ($1, $2, 1) ON CONFLICT (ws, person_id) DO UPDATE SET"
	    " tries = CASE WHEN t.since > now() - $3::int4 * interval '1 s' THEN t.tries + 1 ELSE 1 END,"
	    " since = CASE WHEN t.since > now() - $3::int4 * interval '1 s' THEN t.since ELSE now() END" },
	/* open, or used by this very person and still so */
	{ "link_find",
	    "SELECT c.person_id, c.adapter, i.external_id, p.name, p.guest, c.used_at IS NOT NULL FROM link_codes c"
	    " JOIN people p ON p.ws = c.ws AND p.id = c.person_id AND NOT p.bot"
	    " JOIN LATERAL (SELECT x.external_id FROM identities x WHERE x.ws = c.ws AND x.person_id = c.person_id AND x.adapter = c.adapter"
	    " AND x.verified >= 1 ORDER BY x.created_at LIMIT 1) i ON true"
	    " WHERE c.ws = $1 AND c.code_hash = $3 AND c.person_id <> $2 AND c.expires_at > now()"
	    " AND (c.used_at IS NULL OR c.used_by = $2 AND c.person_id IN (SELECT same_user($2)))" },
	{ "link_use", "UPDATE link_codes SET used_at = now(), used_by = $2 WHERE ws = $1 AND code_hash = $3 AND used_at IS NULL" },
	{ "link_kill", "UPDATE link_codes SET used_at = now() WHERE ws = $1 AND code_hash = $2 AND used_at IS NULL" },
	{ "link_size", "SELECT count(*) FROM (SELECT same_user($1::uuid) UNION SELECT same_user($2::uuid)) x" },
	{ "link_join",
	    "WITH mine AS MATERIALIZED (SELECT same_user($2::uuid) AS id UNION SELECT same_user($3::uuid)), r AS MATERIALIZED (SELECT " STANDS(
	        "mine") " AS id,"
	                " (SELECT bool_or(p.private) FROM mine g JOIN people p ON p.ws = $1 AND p.id = g.id) AS private)"
	                " UPDATE people SET user_id = nullif(r.id, people.id), private = r.private FROM mine, r WHERE people.ws = $1 AND people.id = mine.id" },
	{ "link_part",
	    "WITH " MINE ", rest AS MATERIALIZED (SELECT id FROM mine WHERE id <> $2), r AS MATERIALIZED (SELECT " STANDS(
	        "rest") " AS id)"
	                " UPDATE people SET user_id = CASE WHEN people.id = $2 THEN NULL ELSE nullif(r.id, people.id) END FROM mine, r"
	                " WHERE people.ws = $1 AND people.id = mine.id AND r.id IS NOT NULL RETURNING people.id" },
	/* A page that only another account vouched for (login.c) has no rights of its own: it is logged out, and a guest's until it is linked again. */
	{ "link_orphans",
	    "WITH own AS MATERIALIZED (SELECT w.id, i.external_id FROM unnest($2::uuid[]) w (id) JOIN LATERAL (SELECT x.external_id FROM identities x"
	    " WHERE x.ws = $1 AND x.person_id = w.id AND x.adapter = 'web' LIMIT 8) i ON i.external_id ~ '^(id|oidc):'"
	    " WHERE NOT (SELECT coalesce(bool_or(y.stands), false) FROM same_user(w.id) u (id) JOIN LATERAL (SELECT NOT (z.adapter = 'web' AND z.external_id"
	    " ~ '^(id|oidc):') AS stands FROM identities z WHERE z.ws = $1 AND z.person_id = u.id LIMIT 100) y ON true)),"
	    " g AS (UPDATE people SET guest = true FROM own WHERE people.ws = $1 AND people.id = own.id)"
	    " UPDATE sessions s SET ended_at = now() FROM own WHERE s.ws = $1 AND s.ended_at IS NULL AND s.subject = own.external_id" },
	{ "link_list",
	    "WITH " MINE
	    " SELECT p.id, i.adapter, i.external_id, p.name, p.guest FROM mine JOIN people p ON p.ws = $1 AND p.id = mine.id"
	    " LEFT JOIN LATERAL (SELECT x.adapter, x.external_id FROM identities x WHERE x.ws = $1 AND x.person_id = p.id"
	    " ORDER BY x.verified DESC, x.created_at LIMIT 1) i ON true ORDER BY i.adapter, i.external_id LIMIT $3::int4" },
	{ NULL, NULL },
};

/* Letters and digits that are not mistaken for each other. */
static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void make_code(char code[LINK_CODE])
{
	unsigned char raw[10];
	random_bytes(raw, sizeof raw);
	for (size_t i = 0, k = 0; i < sizeof raw; i++) {
		if (i == 5)
			code[k++] = '-';
		code[k++] = letters[raw[i] & 31];
	}
	code[LINK_CODE - 1] = '\0';
	explicit_bzero(raw, sizeof raw);
}

/* The hash of what somebody has typed, however they wrote it. */
static void hash_code(const char *s, size_t n, unsigned char hash[SHA256_DIGEST_LENGTH])
{
	char plain[LINK_CODE] = "";
	size_t k = 0;
	for (size_t i = 0; i < n && k < sizeof plain - 1; i++) {
		char c = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 32) : s[i];
		if (c == '-' || c == ' ')
			continue;
		plain[k++] = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
	}
	SHA256((const unsigned char *)plain, k, hash);
	explicit_bzero(plain, sizeof plain);
}

static struct pg_args *args(struct id ws, struct id person)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, person);
	return a;
}

/* Runs and frees ${a}; ${n}: the rows. */
static enum err run(struct pg *pg, const char *statement, struct pg_args *a, int *n)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	if (e == ERR_NONE && n != NULL)
		*n = PQntuples(r);
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err is_known(struct pg *pg, struct id ws, struct id person, const char *adapter, bool *known)
{
	int n = 0;
	struct pg_args *a = args(ws, person);
	pg_arg_str(a, adapter);
	enum err e = run(pg, "link_known", a, &n);
	*known = n == 1;
	return e;
}

static enum err lock(struct pg *pg, struct id ws)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	return run(pg, "link_lock", a, NULL);
}

enum err link_code(
    struct pg *pg, struct id ws, struct id person, const char *adapter, char code[LINK_CODE], enum link_answer *answer)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	bool known = false;
	code[0] = '\0';
	*answer = LINK_STRANGER;
	enum err e = is_known(pg, ws, person, adapter, &known);
	if (e != ERR_NONE || !known)
		return e;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	e = run(pg, "link_sweep", a, NULL);
	if (e == ERR_NONE)
		e = run(pg, "link_void_own", args(ws, person), NULL);
	if (e != ERR_NONE)
		return e;
	make_code(code);
	hash_code(code, LINK_CODE - 1, hash);
	a = args(ws, person);
	pg_arg_str(a, adapter);
	pg_arg_bytes(a, hash, sizeof hash);
	pg_arg_int4(a, LINK_CODE_S);
	e = run(pg, "link_new", a, NULL);
	*answer = LINK_DONE;
	return e;
}

static void copy(char *out, size_t n, const PGresult *r, int row, int col)
{
	size_t len = PQgetisnull(r, row, col) ? 0 : utf8_clip(PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col), n - 1);
	memcpy(out, PQgetvalue(r, row, col), len);
	out[len] = '\0';
}

static void read_person(const PGresult *r, int row, struct link_person *out)
{
	out->id = pg_get_id(r, row, 0);
	copy(out->adapter, sizeof out->adapter, r, row, 1);
	copy(out->external_id, sizeof out->external_id, r, row, 2);
	copy(out->name, sizeof out->name, r, row, 3);
	out->guest = pg_get_bool(r, row, 4);
}

/* ${used}: by this person, and they are one user since. */
static enum err find(
    struct pg *pg, struct id ws, struct id person, const unsigned char *hash, struct link_person *other, bool *found, bool *used)
{
	PGresult *r = NULL;
	struct pg_args *a = args(ws, person);
	pg_arg_bytes(a, hash, SHA256_DIGEST_LENGTH);
	enum err e = pg_query(pg, "link_find", a, &r);
	pg_args_free(a);
	*found = e == ERR_NONE && PQntuples(r) == 1;
	if (*found) {
		read_person(r, 0, other);
		*used = pg_get_bool(r, 0, 5);
	}
	PQclear(r);
	return e;
}

static enum err number(struct pg *pg, const char *statement, struct pg_args *a, int64_t *out)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	*out = e == ERR_NONE && PQntuples(r) == 1 ? pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	pg_args_free(a);
	return e;
}

static struct pg_args *tries_args(struct id ws, struct id person)
{
	struct pg_args *a = args(ws, person);
	pg_arg_int4(a, LINK_CODE_S);
	return a;
}

static enum err look(struct pg *pg, struct id ws, struct id person, const char *adapter, const unsigned char *hash,
    struct link_person *other, enum link_answer *answer, bool *used)
{
	bool known = false, found = false;
	int64_t n = 0;
	memset(other, 0, sizeof *other);
	*used = false;
	*answer = LINK_STRANGER;
	enum err e = is_known(pg, ws, person, adapter, &known);
	if (e != ERR_NONE || !known)
		return e;
	*answer = LINK_TOO_OFTEN;
	e = lock(pg, ws);
	if (e == ERR_NONE)
		e = number(pg, "link_tries", tries_args(ws, person), &n);
	if (e != ERR_NONE || n >= LINK_TRIES)
		return e;
	*answer = LINK_WRONG;
	e = find(pg, ws, person, hash, other, &found, used);
	if (e == ERR_NONE && !found)
		return run(pg, "link_tried", tries_args(ws, person), NULL);
	if (e != ERR_NONE)
		return e;
	*answer = strcmp(other->adapter, adapter) == 0 ? LINK_SAME_WAY : LINK_DONE;
	if (*answer != LINK_DONE)
		return ERR_NONE;
	struct pg_args *a = args(person, other->id);
	e = number(pg, "link_size", a, &n);
	if (e == ERR_NONE && n > LINK_PERSONS)
		*answer = LINK_FULL;
	return e;
}

enum err link_look(struct pg *pg, struct id ws, struct id person, const char *adapter, const char *code, size_t n,
    struct link_person *other, enum link_answer *answer)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	bool used;
	hash_code(code, n, hash);
	return look(pg, ws, person, adapter, hash, other, answer, &used);
}

enum err link_take(struct pg *pg, struct id ws, struct id person, const char *adapter, const char *code, size_t n,
    struct link_person *other, enum link_answer *answer)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	bool used;
	hash_code(code, n, hash);
	enum err e = look(pg, ws, person, adapter, hash, other, answer, &used);
	if (e != ERR_NONE || *answer != LINK_DONE || used)
		return e;
	struct pg_args *a = args(ws, person);
	pg_arg_bytes(a, hash, sizeof hash);
	e = run(pg, "link_use", a, NULL);
	if (e != ERR_NONE)
		return e;
	a = args(ws, person);
	pg_arg_id(a, other->id);
	return run(pg, "link_join", a, NULL);
}

enum err link_void(struct pg *pg, struct id ws, const char *code, size_t n)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct pg_args *a = pg_args_new();
	hash_code(code, n, hash);
	pg_arg_id(a, ws);
	pg_arg_bytes(a, hash, sizeof hash);
	return run(pg, "link_kill", a, NULL);
}

enum err link_undo(struct pg *pg, struct id ws, struct id person, bool *was)
{
	PGresult *r = NULL;
	struct pg_args *a = args(ws, person);
	enum err e = lock(pg, ws);
	if (e == ERR_NONE)
		e = pg_query(pg, "link_part", a, &r);
	pg_args_free(a);
	*was = e == ERR_NONE && PQntuples(r) > 0;
	if (*was) {
		a = pg_args_new();
		pg_arg_id(a, ws);
		pg_array_begin(a, PG_UUID);
		for (int i = 0; i < PQntuples(r); i++)
			pg_array_id(a, pg_get_id(r, i, 0));
		pg_array_end(a);
		e = run(pg, "link_orphans", a, NULL);
	}
	PQclear(r);
	return e;
}

enum err link_list(struct pg *pg, struct id ws, struct id person, struct link_person out[LINK_PERSONS], size_t *len)
{
	struct pg_args *a = args(ws, person);
	PGresult *r = NULL;
	*len = 0;
	pg_arg_int4(a, LINK_PERSONS);
	enum err e = pg_query(pg, "link_list", a, &r);
	pg_args_free(a);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		read_person(r, i, &out[(*len)++]);
	PQclear(r);
	return e;
}
