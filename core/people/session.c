/*
 * A refresh secret names its session, so that an old one, or a wrong one for a session that exists, is known for what it is: a copy that
 * somebody kept.  Then the session ends for all who hold a part of it.  What decides is read under the row's lock, so of two requests with the
 * same secret one goes first and the other sees what it did.
 */
#include "session.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "../base/encode.h"
#include "../base/id.h"

const struct pg_statement session_statements[] = {
	{ "session_sweep_codes", "DELETE FROM login_codes WHERE ws = $1 AND expires_at < now() - interval '1 day'" },
	{ "session_sweep", "DELETE FROM sessions WHERE ws = $1 AND expires_at < now() - interval '1 day'" },
	{ "session_code",
	    "INSERT INTO login_codes (ws, code_hash, subject, name, expires_at)"
	    " VALUES ($1, $2, $3, $4, now() + $5::int8 * interval '1 s')" },
	{ "session_begin",
	    "WITH c AS (UPDATE login_codes SET used_at = now() WHERE ws = $1 AND code_hash = $2 AND used_at IS NULL AND expires_at > now()"
	    " RETURNING subject, name)"
	    " INSERT INTO sessions (ws, id, subject, name, refresh_hash, expires_at)"
	    " SELECT $1, $3, subject, name, $4, now() + $5::int8 * interval '1 day' FROM c RETURNING id, subject, name" },
	{ "session_find",
	    "SELECT id, subject, name, refresh_hash = $3, former_hash IS NOT DISTINCT FROM $3,"
	    " extract(epoch FROM now() - rotated_at)::int8 FROM sessions"
	    " WHERE ws = $1 AND id = $2 AND ended_at IS NULL AND expires_at > now() FOR UPDATE" },
	{ "session_rotate",
	    "UPDATE sessions SET former_hash = $3, refresh_hash = $4, rotated_at = now(), expires_at = now() + $5::int8 * interval '1 day'"
	    " WHERE ws = $1 AND id = $2" },
	{ "session_end",
	    "UPDATE sessions SET ended_at = now() WHERE ws = $1 AND ended_at IS NULL AND (id = $2 OR subject = $3) RETURNING id" },
	{ NULL, NULL },
};

/* ${out} has SESSION_CODE bytes. */
static void make_random(char *out)
{
	unsigned char raw[32];
	random_bytes(raw, sizeof raw);
	base64url_encode(out, raw, sizeof raw);
	explicit_bzero(raw, sizeof raw);
}

static void make_secret(char out[SESSION_SECRET], struct id session)
{
	id_format(session, out);
	out[ID_TEXT - 1] = '.';
	make_random(out + ID_TEXT);
}
_Static_assert(ID_TEXT + SESSION_CODE == SESSION_SECRET, "an id, a dot and 32 bytes");

static bool secret_session(const char *secret, struct id *out)
{
	char text[ID_TEXT];
	if (strlen(secret) != SESSION_SECRET - 1 || secret[ID_TEXT - 1] != '.')
		return false;
	memcpy(text, secret, ID_TEXT - 1);
	text[ID_TEXT - 1] = '\0';
	return id_parse(text, out);
}

static void arg_hash(struct pg_args *a, const char *secret)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	SHA256((const unsigned char *)secret, strlen(secret), hash);
	pg_arg_bytes(a, hash, sizeof hash);
}

static void read_session(const PGresult *r, struct session *out)
{
	out->id = pg_get_id(r, 0, 0);
	snprintf(out->subject, sizeof out->subject, "%s", pg_get_str(r, 0, 1));
	snprintf(out->name, sizeof out->name, "%s", pg_get_str(r, 0, 2));
}

enum err session_code(struct pg *pg, struct id ws, const char *subject, const char *name, char code[SESSION_CODE])
{
	make_random(code);
	struct pg_args *a = pg_args_new();
	enum err e = pg_begin(pg, ws);
	pg_arg_id(a, ws);
	if (e == ERR_NONE)
		e = pg_query(pg, "session_sweep_codes", a, NULL);
	if (e == ERR_NONE)
		e = pg_query(pg, "session_sweep", a, NULL);
	if (e == ERR_NONE) {
		arg_hash(a, code);
		pg_arg_str(a, subject);
		pg_arg_str(a, name);
		pg_arg_int8(a, SESSION_CODE_S);
		e = pg_query(pg, "session_code", a, NULL);
	}
	pg_args_free(a);
	return pg_end(pg, e);
}

enum err session_begin(struct pg *pg, struct id ws, const char *code, struct session *out, char refresh[SESSION_SECRET])
{
	struct pg_args *a = pg_args_new();
	struct id id = id_new();
	PGresult *r = NULL;
	*out = (struct session){ 0 };
	make_secret(refresh, id);
	pg_arg_id(a, ws);
	arg_hash(a, code);
	pg_arg_id(a, id);
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
	e = pg_end(pg, e);
	return e != ERR_NONE ? e : found ? ERR_NONE : ERR_DENIED;
}

/* Whose secret this is.  ERR_DENIED: nobody's. */
enum standing { CURRENT, JUST_REPLACED, ANSWER_LOST, OLD };
static enum err find(struct pg *pg, struct id ws, const char *refresh, struct session *out, enum standing *standing)
{
	struct id id;
	if (!secret_session(refresh, &id))
		return ERR_DENIED;
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	arg_hash(a, refresh);
	enum err e = pg_query(pg, "session_find", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = ERR_DENIED;
	if (e == ERR_NONE) {
		read_session(r, out);
		int64_t age = pg_get_bool(r, 0, 4) ? pg_get_int8(r, 0, 5) : INT64_MAX;
		*standing = pg_get_bool(r, 0, 3) ? CURRENT
		    : age <= SESSION_GRACE_S     ? JUST_REPLACED
		    : age <= SESSION_LOST_S      ? ANSWER_LOST
		                                 : OLD;
	}
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err end_sessions(struct pg *pg, struct id ws, struct id id, const char *subject, PGresult **r)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	pg_arg_str(a, subject);
	enum err e = pg_query(pg, "session_end", a, r);
	pg_args_free(a);
	return e;
}

enum err session_refresh(struct pg *pg, struct id ws, const char *refresh, struct session *out, char next[SESSION_SECRET])
{
	enum standing standing = OLD;
	bool copied = false;
	*out = (struct session){ 0 };
	next[0] = '\0';
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = find(pg, ws, refresh, out, &standing);
	if (e == ERR_NONE && (standing == CURRENT || standing == ANSWER_LOST)) {
		struct pg_args *a = pg_args_new();
		make_secret(next, out->id);
		pg_arg_id(a, ws);
		pg_arg_id(a, out->id);
		arg_hash(a, refresh);
		arg_hash(a, next);
		pg_arg_int8(a, SESSION_DAYS);
		e = pg_query(pg, "session_rotate", a, NULL);
		pg_args_free(a);
	} else if (e == ERR_NONE && standing == OLD) {
		e = end_sessions(pg, ws, out->id, NULL, NULL);
		copied = true;
	}
	e = pg_end(pg, e);
	return e == ERR_NONE && copied ? ERR_DENIED : e;
}

enum err session_end(
    struct pg *pg, struct id ws, const char *refresh, bool everywhere, void (*ended)(void *arg, struct id session), void *arg)
{
	struct session s = { 0 };
	enum standing standing = OLD;
	PGresult *r = NULL;
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = find(pg, ws, refresh, &s, &standing);
	if (e == ERR_NONE) /* an old secret is good enough to end its own session, not those of others */
		e = end_sessions(pg, ws, s.id, everywhere && standing != OLD ? s.subject : NULL, &r);
	e = pg_end(pg, e);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		ended(arg, pg_get_id(r, i, 0));
	PQclear(r);
	return e;
}
