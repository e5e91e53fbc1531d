/*
 * Nobody chooses a name to log in with: it is an account that Eddy knows to be theirs, so nobody can take that of another, and unlinking the account
 * takes the name away.  A link of an admin is a code as any other log-in's (session.h), but lets its person do one thing only.
 */
#include "passwords.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/utf8.h"
#include "rows.h"

/* Persons of the page who may have one; not the visitors of a widget, nor who comes with the shared token. */
#define OF_PAGE "(i.external_id = 'local' OR i.external_id ~ '^(as|id|oidc):')"
#define MAY \
	"(role_at(w.person_id, $1) >= 2 OR role_at(w.person_id, $1) = 1 AND EXISTS (SELECT 1 FROM members m WHERE m.ws = $1 AND m.role >= 1" \
	" AND m.person_id IN (SELECT same_user(w.person_id))))"

const struct pg_statement passwords_statements[] = {
	{ "password_find", /* $2 $3 an address, $4 $5 what the page may call them, $6 a network */
	    "WITH named AS MATERIALIZED (SELECT person_id FROM identities WHERE ws = $1 AND adapter = $2 AND external_id = $3 AND verified >= 1"
	    " UNION SELECT person_id FROM identities WHERE ws = $1 AND adapter = 'web' AND external_id IN ($4, $5) AND verified >= 1),"
	    " whose AS MATERIALIZED (SELECT DISTINCT same_user(n.person_id) AS id FROM named n),"
	    " w AS MATERIALIZED (SELECT i.person_id, i.external_id, k.hash, k.set_at FROM whose o JOIN identities i ON i.ws = $1 AND i.person_id = o.id"
	    " AND i.adapter = 'web' AND i.verified >= 1 AND " OF_PAGE " JOIN passwords k ON k.ws = $1 AND k.person_id = i.person_id"
	    " ORDER BY k.set_at DESC, i.external_id LIMIT 1)"
	    " SELECT w.person_id, w.external_id, p.name, w.hash, " MAY ", EXISTS (SELECT 1 FROM sessions s WHERE s.ws = $1"
	    " AND s.subject = w.external_id AND s.network = $6) FROM w JOIN people p ON p.ws = $1 AND p.id = w.person_id AND NOT p.bot" },
	{ "password_put",
	    "INSERT INTO passwords (ws, person_id, hash) VALUES ($1, $2, $3) ON CONFLICT (ws, person_id) DO UPDATE SET hash = excluded.hash,"
	    " set_at = now(), tries = 0, next_at = NULL" },
	{ "password_anew", "UPDATE passwords SET hash = $4 WHERE ws = $1 AND person_id = $2 AND hash = $3" },
	{ "password_remove", "DELETE FROM passwords WHERE ws = $1 AND person_id IN (SELECT same_user($2)) RETURNING person_id" },
	{ "password_state",
	    "SELECT p.name, EXISTS (SELECT 1 FROM identities i WHERE i.ws = $1 AND i.person_id = $2 AND i.adapter = 'web' AND " OF_PAGE
	    "),"
	    " (SELECT k.set_at FROM passwords k WHERE k.ws = $1 AND k.person_id = $2),"
	    " $3::uuid IS NULL OR EXISTS (SELECT 1 FROM sessions s WHERE s.ws = $1 AND s.id = $3 AND s.via <> 'password'"
	    " AND s.created_at > now() - interval '15 minutes') FROM people p WHERE p.ws = $1 AND p.id = $2" },
	{ "password_names",
	    "SELECT CASE WHEN i.adapter = 'web' THEN replace(i.external_id, 'as:', '') ELSE i.external_id END FROM identities i WHERE i.ws = $1"
	    " AND i.person_id IN (SELECT same_user($2)) AND i.verified >= 1 AND (i.adapter = 'email' OR i.adapter = 'web'"
	    " AND (i.external_id = 'local' OR i.external_id LIKE 'as:%')) ORDER BY i.adapter, 1 LIMIT 20" },
	{ "password_try",
	    "UPDATE passwords SET tries = tries + 1, next_at = now() + least(900, power(2, least(tries, 20)) - 1) * interval '1 s'"
	    " WHERE ws = $1 AND person_id = $2 AND (next_at IS NULL OR next_at <= now()) RETURNING hash" },
	{ "password_wait",
	    "SELECT ceil(extract(epoch FROM next_at - now()))::int8 FROM passwords WHERE ws = $1 AND person_id = $2" },
	{ "password_tries",
	    "SELECT greatest(0, ceil(extract(epoch FROM next_at - now()) * 1000))::int8 FROM password_tries WHERE ws = $1 AND key_hash = $2"
	    " AND next_at > now() - interval '30 minutes'" },
	{ "password_wrong", /* $3 are free; what was forgotten begins anew */
	    "INSERT INTO password_tries AS t (ws, key_hash, tries, next_at) VALUES ($1, $2, 1, now()) ON CONFLICT (ws, key_hash) DO UPDATE SET"
	    " tries = CASE WHEN t.next_at < now() - interval '30 minutes' THEN 1 ELSE t.tries + 1 END,"
	    " next_at = now() + CASE WHEN t.next_at < now() - interval '30 minutes' OR t.tries < $3::int4 THEN 0"
	    " ELSE least(900, power(2, least(t.tries - $3::int4, 20))) END * interval '1 s'" },
	{ "password_right", "DELETE FROM password_tries WHERE ws = $1 AND key_hash = $2" },
	{ "password_tries_tidy",
	    "DELETE FROM password_tries WHERE ws = $1 AND key_hash IN (SELECT key_hash FROM password_tries WHERE ws = $1"
	    " AND next_at < now() - interval '30 minutes' LIMIT $2::int4)" },
	{ "password_code",
	    "SELECT subject, name, person_id FROM login_codes WHERE ws = $1 AND code_hash = $2 AND via = 'password' AND used_at IS NULL"
	    " AND expires_at > now() FOR UPDATE" },
	{ "password_use", "UPDATE login_codes SET used_at = now() WHERE ws = $1 AND code_hash = $2" },
	{ "password_void", /* one link at a time: an older one is void */
	    "UPDATE login_codes SET used_at = now() WHERE ws = $1 AND person_id = $2 AND via = 'password' AND used_at IS NULL" },
	{ NULL, NULL },
};

enum err password_find(
    struct pg *pg, struct id ws, const struct password_name *n, const char *network, struct password_account *out)
{
	char page[LOGIN_SUBJECT];
	PGresult *r = NULL;
	*out = (struct password_account){ 0 };
	struct pg_args *a = pg_args_new();
	snprintf(page, sizeof page, "as:%s", n->page);
	pg_arg_id(a, ws);
	pg_arg_str(a, n->adapter);
	pg_arg_str(a, n->address);
	pg_arg_str(a, strlen(n->page) + 3 < sizeof page ? page : NULL);
	pg_arg_str(a, strcmp(n->page, "local") == 0 ? n->page : NULL);
	pg_arg_str(a, network);
	enum err e = pg_ask(pg, "password_find", a, &r);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(r) == 1) {
		out->person = pg_get_id(r, 0, 0);
		rows_copy(out->subject, sizeof out->subject, r, 0, 1);
		rows_copy(out->name, sizeof out->name, r, 0, 2);
		rows_copy(out->hash, sizeof out->hash, r, 0, 3);
		out->may = pg_get_bool(r, 0, 4);
		out->known = pg_get_bool(r, 0, 5);
		if (out->name[0] == '\0')
			snprintf(out->name, sizeof out->name, "you");
	}
	PQclear(r);
	return ERR_NONE;
}

enum err password_put(struct pg *pg, struct id ws, struct id person, const char *hash)
{
	struct pg_args *a = rows_args(ws, person);
	pg_arg_str(a, hash);
	return pg_ask(pg, "password_put", a, NULL);
}

enum err password_anew(struct pg *pg, struct id ws, struct id person, const char *old, const char *hash)
{
	struct pg_args *a = rows_args(ws, person);
	pg_arg_str(a, old);
	pg_arg_str(a, hash);
	return pg_ask(pg, "password_anew", a, NULL);
}

enum err password_remove(struct pg *pg, struct id ws, struct id user)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "password_remove", rows_args(ws, user), &r);
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = ERR_INPUT;
	PQclear(r);
	return e;
}

static enum err read_names(struct pg *pg, struct id ws, struct id person, json_t **out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "password_names", rows_args(ws, person), &r);
	if (e == ERR_NONE) {
		*out = json_array();
		for (int i = 0; i < PQntuples(r); i++)
			json_array_append_new(*out, json_stringn(PQgetvalue(r, i, 0), (size_t)PQgetlength(r, i, 0)));
	}
	PQclear(r);
	return e;
}

enum err password_state(struct pg *pg, struct id ws, struct id person, struct id session, struct password_state *out)
{
	PGresult *r = NULL;
	*out = (struct password_state){ 0 };
	struct pg_args *a = rows_args(ws, person);
	pg_arg_id(a, session);
	enum err e = pg_ask(pg, "password_state", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		rows_copy(out->name, sizeof out->name, r, 0, 0);
		out->may_have = pg_get_bool(r, 0, 1);
		out->has = !PQgetisnull(r, 0, 2);
		out->set_ms = out->has ? pg_get_time_ms(r, 0, 2) : 0;
		out->proved = pg_get_bool(r, 0, 3);
	}
	PQclear(r);
	if (e == ERR_NONE)
		e = read_names(pg, ws, person, &out->names);
	out->may_have = out->may_have && json_array_size(out->names) > 0;
	return e;
}

enum err password_try(struct pg *pg, struct id ws, struct id person, char hash[PASSWORD_HASH], int *wait_s)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "password_try", rows_args(ws, person), &r);
	bool now = e == ERR_NONE && PQntuples(r) == 1;
	*wait_s = 1;
	if (now)
		rows_copy(hash, PASSWORD_HASH, r, 0, 0);
	PQclear(r);
	if (e != ERR_NONE || now)
		return e;
	r = NULL;
	e = pg_ask(pg, "password_wait", rows_args(ws, person), &r);
	if (e == ERR_NONE && PQntuples(r) == 1 && pg_get_int8(r, 0, 0) > 0)
		*wait_s = (int)pg_get_int8(r, 0, 0);
	PQclear(r);
	return e == ERR_NONE ? ERR_DENIED : e;
}

/* ---- links ---- */

enum err password_link(struct pg *pg, struct id ws, struct id user, char code[SESSION_CODE])
{
	struct login_account a;
	struct password_state s;
	code[0] = '\0';
	enum err e = login_account_of(pg, ws, user, &a);
	if (e == ERR_NONE)
		e = password_state(pg, ws, user, ID_NONE, &s);
	if (e != ERR_NONE)
		return e;
	size_t names = json_array_size(s.names);
	json_decref(s.names);
	if (names == 0)
		return ERR_INPUT;
	e = pg_ask(pg, "password_void", rows_args(ws, user), NULL);
	session_code_make(code);
	const struct session_vouch v = { .via = "password", .person = a.person, .seconds = PASSWORD_LINK_S };
	return e == ERR_NONE ? session_code_put(pg, ws, a.subject, a.name, code, &v) : e;
}

static struct pg_args *code_args(struct id ws, const char *code)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct pg_args *a = pg_args_new();
	SHA256((const unsigned char *)code, strlen(code), hash);
	pg_arg_id(a, ws);
	pg_arg_bytes(a, hash, sizeof hash);
	return a;
}

enum err password_link_of(struct pg *pg, struct id ws, const char *code, bool use, struct login_account *out, struct id *person)
{
	PGresult *r = NULL;
	*out = (struct login_account){ 0 };
	*person = ID_NONE;
	enum err e = pg_ask(pg, "password_code", code_args(ws, code), &r);
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = ERR_DENIED;
	if (e == ERR_NONE) {
		rows_copy(out->subject, sizeof out->subject, r, 0, 0);
		rows_copy(out->name, sizeof out->name, r, 0, 1);
		out->person = pg_get_id(r, 0, 2);
	}
	PQclear(r);
	if (e == ERR_NONE && use)
		e = pg_ask(pg, "password_use", code_args(ws, code), NULL);
	if (e == ERR_NONE && use)
		e = login_join(pg, ws, out);
	if (e != ERR_NONE || !use)
		return e;
	r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, out->subject);
	e = pg_ask(pg, "login_whose", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 1)
		*person = pg_get_id(r, 0, 0);
	else if (e == ERR_NONE)
		e = ERR_DENIED;
	PQclear(r);
	return e;
}

/* ---- wrong ones ---- */

void password_try_key(const char *name, const char *network, unsigned char key[PASSWORD_TRY_KEY])
{
	struct buf b = BUF_INIT;
	for (const char *p = name; *p != '\0'; p++)
		buf_add_char(&b, (char)(*p >= 'A' && *p <= 'Z' ? *p | 0x20 : *p));
	buf_add(&b, "", 1);
	buf_add_str(&b, network != NULL ? network : "");
	SHA256((const unsigned char *)b.p, b.len, key);
	buf_done(&b);
}

static struct pg_args *tries_args(struct id ws, const unsigned char key[PASSWORD_TRY_KEY])
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_bytes(a, key, PASSWORD_TRY_KEY);
	return a;
}

enum err password_tries_look(struct pg *pg, struct id ws, const unsigned char key[PASSWORD_TRY_KEY], uint32_t *wait_ms, bool *noted)
{
	PGresult *r = NULL;
	struct pg_args *a = tries_args(ws, key);
	enum err e = pg_query(pg, "password_tries", a, &r);
	pg_args_free(a);
	*noted = e == ERR_NONE && PQntuples(r) == 1;
	*wait_ms = *noted ? (uint32_t)pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	return e;
}

enum err password_tries_wrong(struct pg *pg, struct id ws, const unsigned char key[PASSWORD_TRY_KEY])
{
	struct pg_args *a = tries_args(ws, key);
	pg_arg_int4(a, PASSWORD_TRIES_FREE);
	enum err e = pg_query(pg, "password_wrong", a, NULL);
	pg_args_free(a);
	return e;
}

enum err password_tries_right(struct pg *pg, struct id ws, const unsigned char key[PASSWORD_TRY_KEY])
{
	struct pg_args *a = tries_args(ws, key);
	enum err e = pg_query(pg, "password_right", a, NULL);
	pg_args_free(a);
	return e;
}

enum err password_tries_tidy(struct pg *pg, struct id ws, int max)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int4(a, max);
	enum err e = pg_query(pg, "password_tries_tidy", a, NULL);
	pg_args_free(a);
	return e;
}
