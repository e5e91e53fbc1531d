/*
 * Log-ins by password, and sessions that end.  A hash is never computed inside a transaction: what is looked up before it is looked at again after it,
 * so that a password or a role that went meanwhile lets nobody in.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "../people/directory.h"
#include "../people/passwords.h"
#include "../store/listen.h"
#include "engine_internal.h"

/* As mail calls them, where it is set up. */
static void name_of(
    struct engine *e, struct id ws, const struct password_login *p, char address[PLACE_KEY_MAX], struct password_name *out)
{
	char origin[INTENT_ORIGIN_MAX];
	const struct adapter_slot *via = p->adapter == NULL ? NULL : engine_adapter(e, p->adapter, strlen(p->adapter));
	*out = (struct password_name){ .page = p->name };
	if (via == NULL || via->ops->origin_login == NULL || strchr(p->name, '@') == NULL)
		return;
	if (via->ops->origin_login(via->a, ws, p->name, false, origin, address) == 0) {
		snprintf(address, PLACE_KEY_MAX, "%s", p->name);
		for (char *c = address; *c != '\0'; c++)
			*c = (char)tolower((unsigned char)*c);
	}
	out->adapter = p->adapter;
	out->address = address;
}

/* What all processes know of this name from there. */
struct tries {
	unsigned char key[PASSWORD_TRY_KEY];
	bool noted;
};

static enum err find(struct pg *pg, struct id ws, const struct password_login *p, const struct password_name *n, struct tries *t,
    struct password_account *a, uint32_t *wait_ms)
{
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = password_tries_look(pg, ws, t->key, wait_ms, &t->noted);
	if (err == ERR_NONE && *wait_ms == 0)
		err = password_find(pg, ws, n, p->at->network, a);
	return pg_end(pg, err);
}

/* ${wrong}: whose try it was, NULL: none that counts. */
static enum err refuse(struct pg *pg, struct id ws, struct id request, struct id person, const char *why, const struct tries *wrong)
{
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = login_audit(pg, ws, request, "login.refused", NULL, person, "password", why);
	if (err == ERR_NONE && wrong != NULL)
		err = password_tries_wrong(pg, ws, wrong->key);
	return pg_end(pg, err);
}

/* Is it still so?  Then they are in. */
static enum err let_in(struct pg *pg, struct id ws, const struct password_login *p, const struct password_name *n,
    const struct tries *t, const struct password_account *a, const char *anew, struct id request, struct session *out,
    char *refresh)
{
	struct password_account now = { 0 };
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = password_find(pg, ws, n, p->at->network, &now);
	bool same = err == ERR_NONE && id_equal(now.person, a->person) && strcmp(now.hash, a->hash) == 0 && now.may;
	explicit_bzero(&now, sizeof now);
	if (err == ERR_NONE && !same)
		err = ERR_DENIED;
	if (err == ERR_NONE && anew[0] != '\0')
		err = password_anew(pg, ws, a->person, a->hash, anew);
	if (err == ERR_NONE && t->noted)
		err = password_tries_right(pg, ws, t->key);
	snprintf(out->subject, sizeof out->subject, "%s", a->subject);
	snprintf(out->name, sizeof out->name, "%s", a->name);
	if (err == ERR_NONE)
		err = session_start(pg, ws, "password", request, p->at, out, refresh);
	return pg_end(pg, err);
}

enum err engine_login_password(struct engine *e, struct id ws, const struct password_login *p, struct id request,
    struct session *out, char *refresh, uint32_t *wait_ms)
{
	char address[PLACE_KEY_MAX], anew[PASSWORD_HASH] = "";
	struct password_name n;
	struct password_account a;
	struct tries t = { .noted = false };
	bool old = false;
	*out = (struct session){ 0 };
	*wait_ms = 0;
	name_of(e, ws, p, address, &n);
	password_try_key(p->name, p->at->network, t.key);
	struct pg *pg = engine_pg(e);
	enum err err = find(pg, ws, p, &n, &t, &a, wait_ms);
	if (err == ERR_NONE && *wait_ms > 0) {
		engine_pg_done(e, pg);
		return ERR_INPUT;
	}
	if (err == ERR_NONE && p->only_known && !a.known) {
		err = refuse(pg, ws, request, a.person, "often", NULL);
		engine_pg_done(e, pg);
		return err == ERR_NONE ? ERR_INPUT : err;
	}
	engine_pg_done(e, pg); /* others may have it while the hash is computed */
	if (err != ERR_NONE)
		return err;
	err = password_verify(id_is_none(a.person) ? NULL : a.hash, p->password, &old);
	if (err == ERR_NONE && old)
		(void)password_hash(p->password, anew);
	pg = engine_pg(e);
	if (err == ERR_NONE)
		err = let_in(pg, ws, p, &n, &t, &a, anew, request, out, refresh);
	if (err == ERR_DENIED) {
		enum err said = refuse(pg, ws, request, a.person, a.may || id_is_none(a.person) ? "password" : "account", &t);
		err = said == ERR_NONE ? ERR_DENIED : said;
	}
	engine_pg_done(e, pg);
	explicit_bzero(&a, sizeof a);
	explicit_bzero(anew, sizeof anew);
	return err;
}

/* ---- by the link of an admin ---- */

static enum err look(struct pg *pg, struct id ws, const char *code, const char *password, const char **why)
{
	struct login_account a;
	struct password_state s = { 0 };
	struct id person;
	const char *own[24] = { NULL };
	size_t n = 0, i;
	const json_t *one;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = password_link_of(pg, ws, code, false, &a, &person);
	if (err == ERR_NONE)
		err = password_state(pg, ws, a.person, ID_NONE, &s);
	err = pg_end(pg, err);
	if (err == ERR_NONE) {
		own[n++] = a.name;
		json_array_foreach (s.names, i, one)
			if (n < sizeof own / sizeof *own)
				own[n++] = json_string_value(one);
		*why = password_bad(password, own, n);
	}
	json_decref(s.names);
	return err == ERR_NONE && *why != NULL ? ERR_INPUT : err;
}

static enum err take(struct pg *pg, struct id ws, const char *code, const char *hash, const struct session_client *at,
    struct id request, struct session *out, char *refresh)
{
	struct login_account a = { 0 };
	struct id person;
	int ended = 0;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = password_link_of(pg, ws, code, true, &a, &person);
	if (err == ERR_NONE)
		err = password_put(pg, ws, person, hash);
	if (err == ERR_NONE)
		err = session_end_of(pg, ws, person, ID_NONE, ID_NONE, &ended);
	if (err == ERR_NONE)
		err = login_audit(pg, ws, ID_NONE, "password.changed", a.subject, person, "link", NULL);
	snprintf(out->subject, sizeof out->subject, "%s", a.subject);
	snprintf(out->name, sizeof out->name, "%s", a.name);
	if (err == ERR_NONE)
		err = session_start(pg, ws, "password", request, at, out, refresh);
	return pg_end(pg, err);
}

enum err engine_password_link(struct engine *e, struct id ws, const char *code, const char *password,
    const struct session_client *at, struct id request, struct session *out, char *refresh, const char **why)
{
	char hash[PASSWORD_HASH];
	*out = (struct session){ 0 };
	*why = NULL;
	struct pg *pg = engine_pg(e);
	enum err err = look(pg, ws, code, password, why);
	engine_pg_done(e, pg);
	if (err == ERR_NONE)
		err = password_hash(password, hash);
	pg = engine_pg(e);
	if (err == ERR_NONE)
		err = take(pg, ws, code, hash, at, request, out, refresh);
	if (err == ERR_DENIED) {
		enum err said = refuse(pg, ws, request, ID_NONE, "code", NULL);
		err = said == ERR_NONE ? ERR_DENIED : said;
	}
	engine_pg_done(e, pg);
	explicit_bzero(hash, sizeof hash);
	if (err == ERR_NONE)
		directory_clear(e->directory);
	return err;
}

/* ---- sessions that end ---- */

struct listener *engine_sessions_listen(struct engine *e, void (*fn)(void *arg), void *arg)
{
	return listener_new(e->database_url, SESSION_CHANNEL, fn, arg);
}

void engine_sessions_unlisten(struct listener *l)
{
	listener_free(l);
}

enum err engine_sessions_ended(
    struct engine *e, struct id ws, int64_t seconds, void (*ended)(void *arg, struct id session), void *arg)
{
	struct pg *pg = engine_pg(e);
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, session_ended(pg, ws, seconds, ended, arg));
	engine_pg_done(e, pg);
	return err;
}
