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
#include "login.h"

/* $1 ws, $2 a person: how the page names those who are one user with it. */
#define SUBJECTS \
	"SELECT i.external_id FROM identities i WHERE i.ws = $1 AND i.adapter = 'web' AND i.person_id IN (SELECT same_user($2))"

const struct pg_statement session_statements[] = {
	{ "session_sweep_codes",
	    "WITH gone AS (DELETE FROM login_codes c WHERE ws = $1 AND expires_at < now() - interval '1 day'"
	    " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.ws = $1 AND o.id = c.letter AND o.state <= 2) RETURNING letter)"
	    " UPDATE outbox SET origin = '', body = NULL FROM gone WHERE outbox.ws = $1 AND outbox.id = gone.letter" },
	{ "session_sweep", "DELETE FROM sessions WHERE ws = $1 AND expires_at < now() - interval '1 day'" },
	{ "session_code",
	    "INSERT INTO login_codes (ws, code_hash, subject, name, expires_at, via, person_id, letter)"
	    " VALUES ($1, $2, $3, $4, now() + $5::int8 * interval '1 s', $6, $7, $8)" },
	{ "session_take",
	    "UPDATE login_codes SET used_at = now() WHERE ws = $1 AND code_hash = $2 AND used_at IS NULL AND expires_at > now()"
	    " AND via <> 'password' RETURNING subject, name, person_id, via" },
	{ "session_begin",
	    "INSERT INTO sessions (ws, id, subject, name, refresh_hash, expires_at, via, agent, network)"
	    " VALUES ($1, $2, $3, $4, $5, now() + $6::int8 * interval '1 day', $7, $8, $9)" },
	{ "session_find",
	    "SELECT id, subject, name, refresh_hash = $3, former_hash IS NOT DISTINCT FROM $3,"
	    " extract(epoch FROM now() - rotated_at)::int8 FROM sessions"
	    " WHERE ws = $1 AND id = $2 AND ended_at IS NULL AND expires_at > now() FOR UPDATE" },
	{ "session_rotate",
	    "UPDATE sessions SET former_hash = $3, refresh_hash = $4, rotated_at = now(), expires_at = now() + $5::int8 * interval '1 day',"
	    " agent = CASE WHEN $6::text IS NULL THEN agent ELSE $6 END, network = CASE WHEN $7::text IS NULL THEN network ELSE $7 END"
	    " WHERE ws = $1 AND id = $2" },
	{ "session_end",
	    "UPDATE sessions SET ended_at = now() WHERE ws = $1 AND ended_at IS NULL AND (id = $2 OR subject = $3) RETURNING id" },
	{ "session_tell", "SELECT pg_notify('" SESSION_CHANNEL "', '')" },
	{ "session_list",
	    "SELECT s.id, s.agent, s.network, s.via, s.created_at, CASE WHEN s.rotated_at IS NULL THEN s.created_at ELSE s.rotated_at END AS used"
	    " FROM sessions s WHERE s.ws = $1 AND s.ended_at IS NULL AND s.expires_at > now() AND s.subject IN (" SUBJECTS ")"
	    " ORDER BY used DESC, s.id LIMIT $3::int4" },
	{ "session_end_of",
	    "UPDATE sessions s SET ended_at = now() WHERE s.ws = $1 AND s.ended_at IS NULL AND s.subject IN (" SUBJECTS ")"
	    " AND ($3::uuid IS NULL OR s.id = $3) AND ($4::uuid IS NULL OR s.id <> $4) RETURNING s.id" },
	{ "session_ended", "SELECT id FROM sessions WHERE ws = $1 AND ended_at > now() - $2::int8 * interval '1 s'" },
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

void session_code_make(char code[SESSION_CODE])
{
	make_random(code);
}

enum err session_code_put(
    struct pg *pg, struct id ws, const char *subject, const char *name, const char *code, const struct session_vouch *v)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	enum err e = pg_query(pg, "session_sweep_codes", a, NULL);
	if (e == ERR_NONE)
		e = pg_query(pg, "session_sweep", a, NULL);
	if (e == ERR_NONE) {
		arg_hash(a, code);
		pg_arg_str(a, subject);
		pg_arg_str(a, name);
		pg_arg_int8(a, v->seconds);
		pg_arg_str(a, v->via);
		pg_arg_id(a, v->person);
		pg_arg_id(a, v->letter);
		e = pg_query(pg, "session_code", a, NULL);
	}
	pg_args_free(a);
	return e;
}

enum err session_code(struct pg *pg, struct id ws, const char *subject, const char *name, char code[SESSION_CODE])
{
	make_random(code);
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = session_code_put(
		    pg, ws, subject, name, code, &(struct session_vouch){ .via = "terminal", .seconds = SESSION_CODE_S });
	return pg_end(pg, e);
}

struct taken {
	struct login_account account;
	char via[16];
};

/* ERR_DENIED: ${why} is a word for the audit log. */
static enum err take(struct pg *pg, struct id ws, const char *code, struct taken *t, const char **why)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	arg_hash(a, code);
	enum err e = pg_query(pg, "session_take", a, &r);
	pg_args_free(a);
	*why = "code";
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = ERR_DENIED;
	if (e == ERR_NONE) {
		snprintf(t->account.subject, sizeof t->account.subject, "%s", pg_get_str(r, 0, 0));
		snprintf(t->account.name, sizeof t->account.name, "%s", pg_get_str(r, 0, 1));
		t->account.person = PQgetisnull(r, 0, 2) ? ID_NONE : pg_get_id(r, 0, 2);
		snprintf(t->via, sizeof t->via, "%s", pg_get_str(r, 0, 3));
	}
	PQclear(r);
	if (e == ERR_NONE && !id_is_none(t->account.person)) {
		*why = "account";
		e = login_join(pg, ws, &t->account);
	}
	return e;
}

static void arg_client(struct pg_args *a, const struct session_client *at)
{
	pg_arg_str(a, at == NULL ? NULL : at->agent);
	pg_arg_str(a, at == NULL ? NULL : at->network);
}

enum err session_start(struct pg *pg, struct id ws, const char *via, struct id request, const struct session_client *at,
    struct session *out, char refresh[SESSION_SECRET])
{
	struct pg_args *a = pg_args_new();
	out->id = id_new();
	make_secret(refresh, out->id);
	pg_arg_id(a, ws);
	pg_arg_id(a, out->id);
	pg_arg_str(a, out->subject);
	pg_arg_str(a, out->name);
	arg_hash(a, refresh);
	pg_arg_int8(a, SESSION_DAYS);
	pg_arg_str(a, via);
	arg_client(a, at);
	enum err e = pg_query(pg, "session_begin", a, NULL);
	pg_args_free(a);
	return e == ERR_NONE ? login_audit(pg, ws, request, "login.done", out->subject, out->id, via, NULL) : e;
}

enum err session_begin(struct pg *pg, struct id ws, const char *code, struct id request, const struct session_client *at,
    struct session *out, char refresh[SESSION_SECRET])
{
	struct taken t = { 0 };
	const char *why = NULL;
	*out = (struct session){ 0 };
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = take(pg, ws, code, &t, &why);
	bool denied = e == ERR_DENIED;
	snprintf(out->subject, sizeof out->subject, "%s", t.account.subject);
	snprintf(out->name, sizeof out->name, "%s", t.account.name);
	if (e == ERR_NONE)
		e = session_start(pg, ws, t.via, request, at, out, refresh);
	else if (denied) /* the code is used up all the same */
		e = login_audit(pg, ws, request, "login.refused", NULL, t.account.person, t.via[0] != '\0' ? t.via : NULL, why);
	e = pg_end(pg, e);
	return e == ERR_NONE && denied ? ERR_DENIED : e;
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

static enum err tell(struct pg *pg)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	enum err e = pg_query(pg, "session_tell", a, &r);
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
	return e == ERR_NONE ? tell(pg) : e;
}

enum err session_refresh(struct pg *pg, struct id ws, const char *refresh, const struct session_client *at, struct session *out,
    char next[SESSION_SECRET])
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
		arg_client(a, at);
		e = pg_query(pg, "session_rotate", a, NULL);
		pg_args_free(a);
	} else if (e == ERR_NONE && standing == OLD) {
		e = end_sessions(pg, ws, out->id, NULL, NULL);
		if (e == ERR_NONE)
			e = login_audit(pg, ws, ID_NONE, "login.copied", out->subject, out->id, NULL, NULL);
		copied = true;
	}
	e = pg_end(pg, e);
	return e == ERR_NONE && copied ? ERR_DENIED : e;
}

enum err session_end(struct pg *pg, struct id ws, const char *refresh, bool everywhere, struct id request,
    void (*ended)(void *arg, struct id session), void *arg)
{
	struct session s = { 0 };
	enum standing standing = OLD;
	PGresult *r = NULL;
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = find(pg, ws, refresh, &s, &standing);
	bool all = everywhere && standing != OLD;
	if (e == ERR_NONE) /* an old secret is good enough to end its own session, not those of others */
		e = end_sessions(pg, ws, s.id, all ? s.subject : NULL, &r);
	if (e == ERR_NONE)
		e = login_audit(pg, ws, request, "logout", s.subject, s.id, NULL, all ? "everywhere" : NULL);
	e = pg_end(pg, e);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		ended(arg, pg_get_id(r, i, 0));
	PQclear(r);
	return e;
}

enum err session_list(
    struct pg *pg, struct id ws, struct id person, void (*row)(void *arg, const struct session_info *s), void *arg)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, person);
	pg_arg_int4(a, SESSIONS_SHOWN);
	enum err e = pg_query(pg, "session_list", a, &r);
	pg_args_free(a);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		row(arg,
		    &(struct session_info){ .id = pg_get_id(r, i, 0),
		        .agent = PQgetisnull(r, i, 1) ? NULL : pg_get_str(r, i, 1),
		        .network = PQgetisnull(r, i, 2) ? NULL : pg_get_str(r, i, 2),
		        .via = pg_get_str(r, i, 3),
		        .begun_ms = pg_get_time_ms(r, i, 4),
		        .used_ms = pg_get_time_ms(r, i, 5) });
	PQclear(r);
	return e;
}

enum err session_end_of(struct pg *pg, struct id ws, struct id person, struct id only, struct id except, int *ended)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, person);
	pg_arg_id(a, only);
	pg_arg_id(a, except);
	enum err e = pg_query(pg, "session_end_of", a, &r);
	pg_args_free(a);
	*ended = e == ERR_NONE ? PQntuples(r) : 0;
	PQclear(r);
	return e == ERR_NONE && *ended > 0 ? tell(pg) : e;
}

enum err session_ended(struct pg *pg, struct id ws, int64_t seconds, void (*ended)(void *arg, struct id session), void *arg)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int8(a, seconds);
	enum err e = pg_query(pg, "session_ended", a, &r);
	pg_args_free(a);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		ended(arg, pg_get_id(r, i, 0));
	PQclear(r);
	return e;
}
