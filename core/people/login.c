/*
 * An account that vouches is found by what its platform calls it, never by a name or an address that looks alike.  The page's person is a
 * person of its own, linked to it as `link` would (links.h): a log-in shows both sides.  So rights, readers, export and erasure need to know nothing of log-ins.
 * The role is asked when the link is sent and again when it is used.
 */
#include "login.h"

#include <stdio.h>
#include <string.h>

#include "../base/utf8.h"
#include "../engine/intent.h"
#include "directory.h"
#include "links.h"
#include "rows.h"

#define PAGE "web"
#define OWN "id:" /* and the person that vouches: the page's person where there was none */

/* $1 ws, $2 the person: the role member, or one that was given. */
#define MAY \
	"(role_at($2, $1) >= 2 OR role_at($2, $1) = 1 AND EXISTS (SELECT 1 FROM members m WHERE m.ws = $1 AND m.role >= 1" \
	" AND m.person_id IN (SELECT same_user($2))))"

const struct pg_statement login_statements[] = {
	{ "login_person",
	    "SELECT p.id FROM identities i JOIN people p ON p.ws = i.ws AND p.id = i.person_id AND NOT p.bot"
	    " WHERE i.ws = $1 AND i.adapter = $2 AND i.external_id = $3 AND i.verified >= 1" },
	{ "login_may", "SELECT " MAY ", (SELECT name FROM people WHERE ws = $1 AND id = $2)" },
	/* Not the visitors of a widget: a host page vouches for those. */
	{ "login_page",
	    "SELECT i.external_id, p.name FROM identities i JOIN people p ON p.ws = i.ws AND p.id = i.person_id WHERE i.ws = $1 AND i.adapter = '" PAGE
	    "'"
	    " AND i.person_id IN (SELECT same_user($2)) AND i.verified >= 1 AND (i.external_id = 'local' OR i.external_id ~ '^(as|id|oidc):')"
	    " ORDER BY p.created_at, i.external_id LIMIT 1" },
	{ "login_whose", "SELECT person_id FROM identities WHERE ws = $1 AND adapter = '" PAGE "' AND external_id = $2" },
	{ "login_same",
	    "SELECT $2::uuid IN (SELECT same_user($3)), (SELECT count(*) FROM (SELECT same_user($2)) x) = 1,"
	    " (SELECT count(*) FROM (SELECT same_user($3)) x) FROM people WHERE ws = $1 AND id = $2" },
	{ "login_new_person", /* without rights until it is linked */
	    "INSERT INTO people (ws, id, name, guest) VALUES ($1, $2, $3, true) ON CONFLICT DO NOTHING" },
	{ "login_new_identity",
	    "INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ($1, '" PAGE
	    "', $2, $3, $4) ON CONFLICT DO NOTHING" },
	{ "login_link",
	    "UPDATE people SET user_id = r.id, private = r.private, guest = false FROM (SELECT coalesce(u.id, p.id) AS id, coalesce(u.private, p.private) AS private"
	    " FROM people p LEFT JOIN people u ON u.ws = p.ws AND u.id = p.user_id WHERE p.ws = $1 AND p.id = $3) r"
	    " WHERE people.ws = $1 AND people.id = $2" },
	{ "login_alone", /* and no role was given or taken by name */
	    "SELECT (SELECT count(*) FROM (SELECT same_user($2)) x) = 1 AND NOT EXISTS (SELECT 1 FROM members WHERE ws = $1 AND person_id = $2)" },
	{ "login_member", "UPDATE people SET guest = false WHERE ws = $1 AND id = $2" },
	{ "login_role", "INSERT INTO members (ws, node_id, person_id, role) VALUES ($1, $1, $2, $3) ON CONFLICT DO NOTHING" },
	{ "login_letters",
	    "SELECT count(*) FROM login_codes WHERE ws = $1 AND person_id = $2 AND letter IS NOT NULL AND created_at > now() - $3::int4 * interval '1 s'" },
	{ "login_invitee",
	    "INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING" },
	{ "login_address",
	    "SELECT i.external_id FROM identities i WHERE i.ws = $1 AND i.adapter = $3 AND i.verified >= 1 AND i.person_id IN (SELECT same_user($2))"
	    " ORDER BY i.created_at, i.external_id LIMIT 1" },
	/* Only an invitation lives longer than a day; one that was made void does not. */
	{ "login_invited",
	    "SELECT EXISTS (SELECT 1 FROM login_codes WHERE ws = $1 AND person_id = $2 AND letter IS NOT NULL AND created_at > now() - interval '1 day'"
	    " AND expires_at > created_at + interval '1 day')" },
	{ "login_void", /* kept until it is swept: the brake counts it */
	    "UPDATE login_codes SET expires_at = now() WHERE ws = $1 AND letter IS NOT NULL AND used_at IS NULL AND expires_at > now()"
	    " AND person_id IN (SELECT same_user($2))" },
	{ "login_letter",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state) VALUES ($1, $2, $2, $3, $4, $5, 1) RETURNING thread_id)"
	    " INSERT INTO dispatch (ws, thread_id, pending, due, token) SELECT $1, thread_id, 1, now(), 0 FROM o" },
	{ "login_audit",
	    "INSERT INTO audit (ws, id, actor_id, verb, subject, facts) SELECT $1, $2, (SELECT person_id FROM identities WHERE ws = $1 AND adapter = '" PAGE
	    "'"
	    " AND external_id = $4), $3, $5, jsonb_strip_nulls(jsonb_build_object('via', $6::text, 'why', $7::text)) ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

static enum err may(struct pg *pg, struct id ws, struct id person, char name[LOGIN_NAME])
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "login_may", rows_args(ws, person), &r);
	if (e != ERR_NONE)
		return e;
	rows_copy(name, LOGIN_NAME, r, 0, 1);
	e = pg_get_bool(r, 0, 0) ? ERR_NONE : ERR_DENIED;
	PQclear(r);
	return e;
}

enum err login_account(struct pg *pg, struct id ws, const char *adapter, const char *external_id, struct login_account *out)
{
	PGresult *r = NULL;
	*out = (struct login_account){ 0 };
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	pg_arg_str(a, external_id);
	enum err e = pg_ask(pg, "login_person", a, &r);
	if (e != ERR_NONE)
		return e;
	struct id person = PQntuples(r) == 1 ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	return login_account_of(pg, ws, person, out);
}

enum err login_account_of(struct pg *pg, struct id ws, struct id person, struct login_account *out)
{
	PGresult *r = NULL;
	char id[ID_TEXT];
	*out = (struct login_account){ .person = person };
	/* For nobody the same is asked: what it takes tells nothing. */
	enum err e = may(pg, ws, out->person, out->name);
	enum err page = e == ERR_NONE || e == ERR_DENIED ? pg_ask(pg, "login_page", rows_args(ws, out->person), &r) : e;
	if (page != ERR_NONE)
		return page;
	if (PQntuples(r) == 1) {
		rows_copy(out->subject, sizeof out->subject, r, 0, 0);
		if (!PQgetisnull(r, 0, 1))
			rows_copy(out->name, sizeof out->name, r, 0, 1);
	} else {
		snprintf(out->subject, sizeof out->subject, OWN "%s", id_format(out->person, id));
	}
	PQclear(r);
	if (out->name[0] == '\0')
		snprintf(out->name, sizeof out->name, "you");
	return e;
}

static enum err make(struct pg *pg, struct id ws, const struct login_account *a, struct id *person)
{
	*person = identity_id(ws, PAGE, a->subject);
	struct pg_args *g = rows_args(ws, *person);
	pg_arg_str(g, a->name);
	enum err e = pg_ask(pg, "login_new_person", g, NULL);
	g = pg_args_new();
	pg_arg_id(g, ws);
	pg_arg_str(g, a->subject);
	pg_arg_id(g, *person);
	pg_arg_int2(g, VERIFIED_SESSION);
	if (e == ERR_NONE)
		return pg_ask(pg, "login_new_identity", g, NULL);
	pg_args_free(g);
	return e;
}

/* ${own}: the page's person is named after the one that vouches, so that it is nobody else's whatever was unlinked since. */
static enum err link_up(struct pg *pg, struct id ws, struct id page, struct id person, bool own)
{
	PGresult *r = NULL;
	struct pg_args *g = rows_args(ws, page);
	pg_arg_id(g, person);
	enum err e = pg_ask(pg, "login_same", g, &r);
	if (e != ERR_NONE)
		return e;
	bool same = pg_get_bool(r, 0, 0), alone = pg_get_bool(r, 0, 1), full = pg_get_int8(r, 0, 2) >= LINK_PERSONS;
	PQclear(r);
	if (same)
		return ERR_NONE;
	if (!own || !alone || full)
		return ERR_DENIED;
	g = rows_args(ws, page);
	pg_arg_id(g, person);
	return pg_ask(pg, "login_link", g, NULL);
}

enum err login_join(struct pg *pg, struct id ws, const struct login_account *a)
{
	PGresult *r = NULL;
	char name[LOGIN_NAME], id[ID_TEXT], subject[LOGIN_SUBJECT];
	struct id page;
	struct pg_args *g = pg_args_new();
	snprintf(subject, sizeof subject, OWN "%s", id_format(a->person, id));
	bool own = strcmp(subject, a->subject) == 0;
	pg_arg_id(g, ws);
	enum err e = pg_ask(pg, "link_lock", g, NULL);
	if (e == ERR_NONE)
		e = may(pg, ws, a->person, name);
	if (e != ERR_NONE)
		return e;
	g = pg_args_new();
	pg_arg_id(g, ws);
	pg_arg_str(g, a->subject);
	e = pg_ask(pg, "login_whose", g, &r);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1;
	page = there ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	if (!there && !own)
		return ERR_DENIED;
	if (!there)
		e = make(pg, ws, a, &page);
	return e == ERR_NONE ? link_up(pg, ws, page, a->person, own) : e;
}

enum err login_find(struct pg *pg, struct id ws, const char *subject, struct login_account *out)
{
	PGresult *r = NULL;
	char name[LOGIN_NAME];
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, ws);
	pg_arg_str(g, subject);
	enum err e = pg_ask(pg, "login_whose", g, &r);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1;
	out->person = there ? pg_get_id(r, 0, 0) : ID_NONE;
	snprintf(out->subject, sizeof out->subject, "%s", subject);
	PQclear(r);
	/* Who was parted from the account that they were linked to is as good as new. */
	e = there ? may(pg, ws, out->person, name) : ERR_INPUT;
	if (e == ERR_DENIED) {
		r = NULL;
		e = pg_ask(pg, "login_alone", rows_args(ws, out->person), &r);
		if (e == ERR_NONE)
			e = pg_get_bool(r, 0, 0) ? ERR_INPUT : ERR_DENIED;
		PQclear(r);
	}
	return e;
}

enum err login_make(struct pg *pg, struct id ws, enum role role, struct login_account *a)
{
	enum err e = make(pg, ws, a, &a->person);
	if (e != ERR_NONE || role == ROLE_NONE)
		return e;
	struct pg_args *g = rows_args(ws, a->person);
	pg_arg_int2(g, (int16_t)role);
	e = pg_ask(pg, "login_role", g, NULL);
	return e == ERR_NONE && role >= ROLE_MEMBER ? pg_ask(pg, "login_member", rows_args(ws, a->person), NULL) : e;
}

enum err login_linked(struct pg *pg, struct id ws, struct id person)
{
	return pg_ask(pg, "login_member", rows_args(ws, person), NULL);
}

enum err login_letter_due(struct pg *pg, struct id ws, struct id person)
{
	PGresult *r = NULL;
	struct pg_args *g = rows_args(ws, person);
	pg_arg_int4(g, LOGIN_LETTER_S);
	enum err e = pg_ask(pg, "login_letters", g, &r);
	if (e == ERR_NONE && pg_get_int8(r, 0, 0) >= LOGIN_LETTERS)
		e = ERR_DENIED;
	PQclear(r);
	return e;
}

enum err login_invitee(struct pg *pg, struct id ws, const char *adapter, const char *external_id, struct id *person)
{
	PGresult *r = NULL;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, ws);
	pg_arg_str(g, adapter);
	pg_arg_str(g, external_id);
	enum err e = pg_ask(pg, "login_person", g, &r);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1;
	*person = there ? pg_get_id(r, 0, 0) : identity_id(ws, adapter, external_id);
	PQclear(r);
	if (there)
		return ERR_NONE;
	g = rows_args(ws, *person);
	pg_arg_str(g, external_id);
	e = pg_ask(pg, "login_new_person", g, NULL);
	if (e != ERR_NONE)
		return e;
	g = pg_args_new();
	pg_arg_id(g, ws);
	pg_arg_str(g, adapter);
	pg_arg_str(g, external_id);
	pg_arg_id(g, *person);
	pg_arg_int2(g, VERIFIED_SESSION);
	return pg_ask(pg, "login_invitee", g, NULL);
}

enum err login_address(struct pg *pg, struct id ws, const char *adapter, struct id user, char *out, size_t n)
{
	PGresult *r = NULL;
	struct pg_args *g = rows_args(ws, user);
	pg_arg_str(g, adapter);
	enum err e = pg_ask(pg, "login_address", g, &r);
	if (e != ERR_NONE)
		return e;
	e = PQntuples(r) == 1 ? ERR_NONE : ERR_INPUT;
	if (e == ERR_NONE)
		rows_copy(out, n, r, 0, 0);
	PQclear(r);
	return e;
}

enum err login_invited(struct pg *pg, struct id ws, struct id person, bool *out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "login_invited", rows_args(ws, person), &r);
	*out = e == ERR_NONE && pg_get_bool(r, 0, 0);
	PQclear(r);
	return e;
}

enum err login_void(struct pg *pg, struct id ws, struct id person)
{
	return pg_ask(pg, "login_void", rows_args(ws, person), NULL);
}

enum err login_letter_put(
    struct pg *pg, struct id ws, struct id letter, const char *adapter, const void *origin, size_t origin_len, const char *text)
{
	struct pg_args *g = rows_args(ws, letter);
	pg_arg_str(g, text);
	pg_arg_str(g, adapter);
	pg_arg_bytes(g, origin, origin_len);
	return pg_ask(pg, "login_letter", g, NULL);
}

enum err login_audit(struct pg *pg, struct id ws, struct id request, const char *verb, const char *subject, struct id about,
    const char *via, const char *why)
{
	struct pg_args *g = rows_args(ws, id_is_none(request) ? id_new() : request);
	pg_arg_str(g, verb);
	pg_arg_str(g, subject);
	pg_arg_id(g, about);
	pg_arg_str(g, via);
	pg_arg_str(g, why);
	return pg_ask(pg, "login_audit", g, NULL);
}
