/*
 * Log-ins of pages, for adapters: core/people/session.h and login.h on a connection of the engine's.
 *
 * A letter's code is an HMAC of the letter's id under a sealed secret, so the link is written nowhere: the outbox has the words, the database SHA-256 of the
 * code, and the adapter asks for the code when it writes the letter, again after a crash.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "../base/encode.h"
#include "../people/directory.h"
#include "../people/links.h"
#include "../people/login.h"
#include "../people/session.h"
#include "../settings/settings.h"
#include "../teams/config_store.h"
#include "engine_internal.h"

enum err engine_login_code(struct engine *e, struct id ws, const char *subject, const char *name, char *code)
{
	struct pg *pg = engine_pg(e);
	enum err err = session_code(pg, ws, subject, name, code);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_login(struct engine *e, struct id ws, const char *code, struct id request, const struct session_client *at,
    struct session *out, char *refresh)
{
	struct pg *pg = engine_pg(e);
	enum err err = session_begin(pg, ws, code, request, at, out, refresh);
	engine_pg_done(e, pg);
	if (err == ERR_NONE) /* perhaps it was a first log-in, and two persons are one user now */
		directory_clear(e->directory);
	return err;
}

enum err engine_login_refresh(
    struct engine *e, struct id ws, const char *refresh, const struct session_client *at, struct session *out, char *next)
{
	struct pg *pg = engine_pg(e);
	enum err err = session_refresh(pg, ws, refresh, at, out, next);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_logout(struct engine *e, struct id ws, const char *refresh, bool everywhere, struct id request,
    void (*ended)(void *arg, struct id session), void *arg)
{
	struct pg *pg = engine_pg(e);
	enum err err = session_end(pg, ws, refresh, everywhere, request, ended, arg);
	engine_pg_done(e, pg);
	return err;
}

static enum err code_of(enum err err, unsigned char secret[32], struct id letter, char *code)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int n = 0;
	if (err == ERR_NONE && HMAC(EVP_sha256(), secret, 32, letter.b, sizeof letter.b, mac, &n) == NULL)
		err = ERR_BROKEN;
	if (err == ERR_NONE)
		base64url_encode(code, mac, 32);
	explicit_bzero(secret, 32);
	explicit_bzero(mac, sizeof mac);
	return err;
}

enum err engine_login_link(struct engine *e, struct id ws, struct id letter, char *code)
{
	unsigned char secret[32];
	enum err err = engine_secret(e, ws, "engine", "login", secret);
	return code_of(err, secret, letter, code);
}

struct letter {
	struct id id;
	char code[SESSION_CODE];
	const struct adapter_slot *via;
	size_t origin_len;
	char origin[INTENT_ORIGIN_MAX], person[PLACE_KEY_MAX];
};

static enum err send_letter(struct pg *pg, struct id ws, const struct letter *l, const struct login_account *to)
{
	static const char text[] =
	    "Somebody, most likely you, asked for a link that logs you in. It works once, within 15 minutes.";
	const struct session_vouch v = { .via = "mail", .person = to->person, .letter = l->id, .seconds = LOGIN_LETTER_S };
	enum err err = login_letter_due(pg, ws, to->person);
	if (err == ERR_NONE)
		err = session_code_put(pg, ws, to->subject, to->name, l->code, &v);
	if (err == ERR_NONE)
		err = login_letter_put(pg, ws, l->id, l->via->ops->name, l->origin, l->origin_len, text);
	return err;
}

enum err engine_login_mail(struct engine *e, struct id ws, const char *adapter, const char *address, struct id request)
{
	struct letter l = { .id = id_new(), .via = engine_adapter(e, adapter, strlen(adapter)) };
	struct login_account to = { 0 };
	if (l.via == NULL || l.via->ops->origin_login == NULL)
		return ERR_DENIED;
	l.origin_len = l.via->ops->origin_login(l.via->a, ws, address, false, l.origin, l.person);
	if (l.origin_len == 0)
		return ERR_DENIED;
	enum err err = engine_login_link(e, ws, l.id, l.code);
	if (err != ERR_NONE)
		return err;
	struct pg *pg = engine_pg(e);
	const char *why = "unknown";
	err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = login_account(pg, ws, adapter, l.person, &to);
	if (err == ERR_NONE) {
		why = "often";
		err = send_letter(pg, ws, &l, &to);
	}
	bool denied = err == ERR_DENIED;
	if (err == ERR_NONE || denied)
		err = login_audit(
		    pg, ws, request, denied ? "login.refused" : "login.letter", NULL, to.person, "mail", denied ? why : NULL);
	err = pg_end(pg, err);
	engine_pg_done(e, pg);
	explicit_bzero(l.code, sizeof l.code);
	if (err == ERR_NONE && !denied)
		claim_now(e);
	return err == ERR_NONE && denied ? ERR_DENIED : err;
}

/* ---- an invitation ---- */

static const struct adapter_slot *inviter(struct engine *e)
{
	const struct settings *s = e->o.settings;
	if (settings_known(s, "login.mail") && !settings_bool(s, "login.mail"))
		return NULL;
	for (size_t i = 0; i < e->adapters_len; i++)
		if (e->adapters[i].ops->origin_login != NULL)
			return &e->adapters[i];
	return NULL;
}

const char *engine_invites_by(struct engine *e)
{
	const struct adapter_slot *via = inviter(e);
	return via == NULL ? NULL : via->ops->name;
}

enum err engine_invitation(struct engine *e, struct id ws, const char *address, struct engine_invitation *out)
{
	const struct adapter_slot *via = inviter(e);
	if (via == NULL)
		return ERR_INPUT;
	out->adapter = via->ops->name;
	out->origin_len = via->ops->origin_login(via->a, ws, address, true, out->origin, out->person);
	return out->origin_len == 0 ? ERR_INPUT : ERR_NONE;
}

enum err engine_invite(struct engine *e, struct pg *pg, struct id ws, struct id letter, const struct engine_invitation *i,
    const struct login_account *to, const char *text)
{
	unsigned char secret[32];
	char code[SESSION_CODE];
	const struct session_vouch v = { .via = "mail", .person = to->person, .letter = letter, .seconds = LOGIN_INVITE_S };
	enum err err = login_letter_due(pg, ws, to->person);
	if (err != ERR_NONE)
		return err;
	err = edges_secret(e, pg, ws, "engine", "login", secret);
	err = code_of(err, secret, letter, code);
	if (err == ERR_NONE)
		err = session_code_put(pg, ws, to->subject, to->name, code, &v);
	if (err == ERR_NONE)
		err = login_letter_put(pg, ws, letter, i->adapter, i->origin, i->origin_len, text);
	explicit_bzero(code, sizeof code);
	return err == ERR_DENIED ? ERR_BROKEN : err; /* no key opens the secret: that is not the brake */
}

void engine_invited(struct engine *e)
{
	claim_now(e);
}

/* ---- a log-in service ---- */

#define SERVICE_CODE_S 60 /* the browser is on its way already */

/* Is the platform's workspace this tenant? */
static enum err check_tenant(struct pg *pg, struct id ws, const char *adapter, const char *tenant)
{
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	pg_arg_str(g, adapter);
	pg_arg_str(g, tenant);
	enum err err = pg_query(pg, "install_get", g, &r);
	if (err == ERR_NONE && (PQntuples(r) != 1 || !id_equal(pg_get_id(r, 0, 0), ws)))
		err = ERR_DENIED;
	PQclear(r);
	pg_args_free(g);
	return err;
}

static enum err service_account(struct pg *pg, struct id ws, const struct login_claim *c, struct login_account *a)
{
	if (c->adapter != NULL) {
		enum err e = check_tenant(pg, ws, c->adapter, c->tenant);
		return e != ERR_NONE ? e : login_account(pg, ws, c->adapter, c->external_id, a);
	}
	enum err err = login_find(pg, ws, c->subject, a);
	snprintf(a->name, sizeof a->name, "%s", c->name);
	if (err == ERR_INPUT && c->newcomers != ROLE_NONE) {
		err = login_make(pg, ws, c->newcomers, a);
		if (err == ERR_NONE)
			err = login_audit(pg, ws, ID_NONE, "login.new_person", a->subject, a->person, c->via, NULL);
	}
	return err;
}

static enum err service_code(struct pg *pg, struct id ws, const struct login_claim *c, const struct login_account *a, char *code)
{
	session_code_make(code);
	return session_code_put(pg, ws, a->subject, a->name, code,
	    &(struct session_vouch){ .via = c->via, .person = a->person, .seconds = SERVICE_CODE_S });
}

enum err engine_login_service(struct engine *e, struct id ws, const struct login_claim *c, struct id request, char *code)
{
	struct login_account a = { 0 };
	struct pg *pg = engine_pg(e);
	enum err err = pg_begin(pg, ws), end;
	if (err == ERR_NONE)
		err = service_account(pg, ws, c, &a);
	enum err found = err;
	if (err == ERR_NONE)
		err = service_code(pg, ws, c, &a, code);
	else if (err == ERR_DENIED || err == ERR_INPUT)
		err = login_audit(
		    pg, ws, request, "login.refused", NULL, a.person, c->via, found == ERR_INPUT ? "unlinked" : "account");
	end = pg_end(pg, err);
	engine_pg_done(e, pg);
	return end != ERR_NONE ? end : found;
}

enum err engine_login_refused(struct engine *e, struct id ws, const char *via, const char *why, struct id request)
{
	struct pg *pg = engine_pg(e);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, login_audit(pg, ws, request, "login.refused", NULL, ID_NONE, via, why));
	engine_pg_done(e, pg);
	return err;
}

/* All of it is undone unless it ends well: nobody is made for a wrong code. */
static enum err link_inside(struct pg *pg, struct id ws, const struct login_claim *c, const char *link, bool take,
    struct id request, struct link_person *other, enum link_answer *answer, char *code)
{
	struct login_account a = { 0 };
	snprintf(a.subject, sizeof a.subject, "%s", c->subject);
	snprintf(a.name, sizeof a.name, "%s", c->name);
	enum err err = login_make(pg, ws, ROLE_NONE, &a);
	if (err == ERR_NONE)
		err = (take ? link_take : link_look)(pg, ws, a.person, "web", link, strlen(link), other, answer);
	if (err != ERR_NONE || !take || *answer != LINK_DONE)
		return err;
	err = login_linked(pg, ws, a.person);
	if (err == ERR_NONE)
		err = config_changed(pg);
	if (err == ERR_NONE)
		err = login_audit(pg, ws, request, "user.link", a.subject, other->id, c->via, NULL);
	return err == ERR_NONE ? service_code(pg, ws, c, &a, code) : err;
}

enum err engine_login_take(struct engine *e, struct id ws, const struct login_claim *c, const char *link, bool take,
    struct id request, struct link_person *other, int *answer, char *code)
{
	enum link_answer said = LINK_WRONG;
	struct pg *pg = engine_pg(e);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = link_inside(pg, ws, c, link, take, request, other, &said, code);
	if (err == ERR_NONE && take && said == LINK_DONE) {
		err = pg_end(pg, err);
		if (err == ERR_NONE)
			directory_clear(e->directory);
	} else {
		pg_rollback(pg);
		if (err == ERR_NONE && said != LINK_DONE && (err = pg_begin(pg, ws)) == ERR_NONE)
			err = pg_end(pg, login_audit(pg, ws, request, "user.link_refused", NULL, ID_NONE, c->via, NULL));
	}
	engine_pg_done(e, pg);
	*answer = (int)said;
	return err;
}
