/*
 * One statement decides each question, so two requests with the same code or secret cannot both win: the code's row is taken by an
 * UPDATE that only an unused one matches, the secret by an UPDATE that compares its hash.
 */
#include "session.h"

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "../base/id.h"

const struct pg_statement session_statements[] = {
	{ "session_code",
	    "INSERT INTO login_codes (ws, code_hash, subject, name, expires_at)"
	    " VALUES ($1, $2, $3, $4, now() + $5::int8 * interval '1 s')" },
	{ "session_sweep", "DELETE FROM login_codes WHERE ws = $1 AND expires_at < now() - interval '1 day'" },
	{ "session_begin",
	    "WITH c AS (UPDATE login_codes SET used_at = now() WHERE ws = $1 AND code_hash = $2 AND used_at IS NULL AND expires_at > now()"
	    " RETURNING subject, name)"
	    " INSERT INTO sessions (ws, id, subject, name, refresh_hash, expires_at)"
	    " SELECT $1, $3, subject, name, $4, now() + $5::int8 * interval '1 day' FROM c RETURNING id, subject, name" },
	{ "session_rotate",
	    "UPDATE sessions SET former_hash = refresh_hash, refresh_hash = $3, rotated_at = now(),"
	    " expires_at = now() + $4::int8 * interval '1 day'"
	    " WHERE ws = $1 AND refresh_hash = $2 AND ended_at IS NULL AND expires_at > now() RETURNING id, subject, name" },
	/* What is shown again after its time ends the session; within it, it is only late. */
	{ "session_former",
	    "UPDATE sessions SET ended_at = CASE WHEN rotated_at < now() - $3::int8 * interval '1 s' THEN now() END"
	    " WHERE ws = $1 AND former_hash = $2 AND ended_at IS NULL AND expires_at > now() RETURNING id, subject, name, ended_at IS NOT NULL" },
	{ "session_end",
	    "UPDATE sessions SET ended_at = now() WHERE ws = $1 AND ended_at IS NULL AND (refresh_hash = $2 OR former_hash = $2 OR ($3 AND"
	    " subject = (SELECT subject FROM sessions WHERE ws = $1 AND (refresh_hash = $2 OR former_hash = $2) AND ended_at IS NULL LIMIT 1)))"
	    " RETURNING id" },
	{ NULL, NULL },
};

static void make_secret(char out[SESSION_SECRET])
{
	unsigned char raw[32];
	random_bytes(raw, sizeof raw);
	char text[48];
	EVP_EncodeBlock((unsigned char *)text, raw, sizeof raw);
	text[SESSION_SECRET - 1] = '\0'; /* the padding */
	for (char *p = text; *p; p++)
		*p = *p == '+' ? '-' : *p == '/' ? '_' : *p;
	memcpy(out, text, SESSION_SECRET);
	explicit_bzero(raw, sizeof raw);
	explicit_bzero(text, sizeof text);
}

static void arg_hash(struct pg_args *a, const char *secret)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)secret, strlen(secret), hash);
	pg_arg_bytes(a, hash, sizeof hash);
}

static enum err end(struct pg *pg, enum err e)
{
	if (e == ERR_NONE)
		return pg_commit(pg);
	pg_rollback(pg);
	return e;
}

static void read_session(const PGresult *r, struct session *out)
{
	out->id = pg_get_id(r, 0, 0);
	snprintf(out->subject, sizeof out->subject, "%s", pg_get_str(r, 0, 1));
	snprintf(out->name, sizeof out->name, "%s", pg_get_str(r, 0, 2));
}

enum err session_code(struct pg *pg, struct id ws, const char *subject, const char *name, char code[SESSION_SECRET])
{
	make_secret(code);
	struct pg_args *a = pg_args_new();
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE) {
		pg_arg_id(a, ws);
		e = pg_query(pg, "session_sweep", a, NULL);
	}
	if (e == ERR_NONE) {
		arg_hash(a, code);
		pg_arg_str(a, subject);
		pg_arg_str(a, name);
		pg_arg_int8(a, SESSION_CODE_S);
		e = pg_query(pg, "session_code", a, NULL);
	}
	pg_args_free(a);
	return end(pg, e);
}

enum err session_begin(struct pg *pg, struct id ws, const char *code, struct session *out, char refresh[SESSION_SECRET])
{
	make_secret(refresh);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	arg_hash(a, code);
	pg_arg_id(a, id_new());
	arg_hash(a, refresh);
	pg_arg_int8(a, SESSION_DAYS);
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_query(pg, "session_begin", a, &r);
	bool found = e == ERR_NONE && PQntuples(r) == 1;
	if (found)
		read_session(r, out);
	PQclear(r);
	pg_args_free(a);
	e = end(pg, e);
	return e != ERR_NONE ? e : found ? ERR_NONE : ERR_DENIED;
}

enum err session_refresh(struct pg *pg, struct id ws, const char *refresh, struct session *out, char next[SESSION_SECRET])
{
	*out = (struct session){ 0 };
	make_secret(next);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	arg_hash(a, refresh);
	arg_hash(a, next);
	pg_arg_int8(a, SESSION_DAYS);
	enum err e = pg_begin(pg, ws), answer = ERR_NONE;
	if (e == ERR_NONE)
		e = pg_query(pg, "session_rotate", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 0) {
		PQclear(r);
		r = NULL;
		next[0] = '\0';
		pg_args_reset(a);
		pg_arg_id(a, ws);
		arg_hash(a, refresh);
		pg_arg_int8(a, SESSION_GRACE_S);
		e = pg_query(pg, "session_former", a, &r);
		if (e == ERR_NONE && (PQntuples(r) == 0 || pg_get_bool(r, 0, 3)))
			answer = ERR_DENIED;
	}
	if (e == ERR_NONE && PQntuples(r) == 1)
		read_session(r, out);
	PQclear(r);
	pg_args_free(a);
	e = end(pg, e);
	return e != ERR_NONE ? e : answer;
}

enum err session_end(
    struct pg *pg, struct id ws, const char *refresh, bool everywhere, void (*ended)(void *arg, struct id session), void *arg)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	arg_hash(a, refresh);
	pg_arg_bool(a, everywhere);
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_query(pg, "session_end", a, &r);
	e = end(pg, e);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		ended(arg, pg_get_id(r, i, 0));
	PQclear(r);
	pg_args_free(a);
	return e;
}
