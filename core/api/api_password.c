/*
 * Passwords of the page's log-in (docs/login.md).  A hash takes its time, so it is computed after the transaction of the call, which has counted the try;
 * what comes of it is a transaction of its own, with an entry of its own in the audit log.
 */
#include <stdio.h>
#include <string.h>

#include "../base/json.h"
#include "../engine/engine.h"
#include "../people/passwords.h"
#include "../settings/settings.h"
#include "../teams/member.h"
#include "api.h"

extern const struct api_proc api_password[];

#define OBJECT(properties, required) \
	"{\"type\":\"object\",\"properties\":{" properties "},\"required\":[" required "],\"additionalProperties\":false}"
#define TEXT "{\"type\":\"string\"}"
#define SECRET "{\"type\":\"string\",\"minLength\":1,\"maxLength\":256}"
#define PERSON \
	"{\"type\":\"string\",\"minLength\":1,\"maxLength\":300,\"description\":\"ADAPTER:ID, as the adapter names people, or a person's id\"}"

/* The terminal has its own settings, and looks at them itself. */
static bool on(const struct api_call *c)
{
	return c->engine == NULL || settings_bool(engine_settings(c->engine), "login.password");
}

static enum api_code off(struct api_call *c)
{
	return api_fail(c, API_INVALID, "", "Log-ins by password are not switched on here: see login.password.");
}

static bool a_person(const struct api_call *c)
{
	return id_is_none(c->by->key) && !id_is_none(c->by->person);
}

static enum api_code get(struct api_call *c)
{
	struct password_state s = { 0 };
	enum err e = a_person(c) ? password_state(c->pg, c->by->ws, c->by->person, c->by->session, &s) : ERR_NONE;
	if (e == ERR_NONE) {
		json_object_set_new(c->out, "possible", json_boolean(s.may_have && on(c)));
		json_object_set_new(c->out, "has", json_boolean(s.has));
		json_object_set_new(c->out, "needs_current", json_boolean(s.has && !s.proved));
		if (s.has)
			json_object_set_new(c->out, "set_ms", json_integer(s.set_ms));
		json_object_set(c->out, "names", s.names);
	}
	if (e == ERR_NONE && s.names == NULL)
		json_object_set_new(c->out, "names", json_array());
	json_decref(s.names);
	return api_err(c, e);
}

static const char *judge(const struct password_state *s, const char *password)
{
	const char *own[24] = { s->name };
	size_t n = 1, i;
	const json_t *one;
	json_array_foreach (s->names, i, one)
		if (n < sizeof own / sizeof *own)
			own[n++] = json_string_value(one);
	return password_bad(password, own, n);
}

static enum err store(struct api_call *c, const char *hash, int *ended)
{
	enum err e = pg_begin(c->pg, c->by->ws);
	if (e == ERR_NONE)
		e = password_put(c->pg, c->by->ws, c->by->person, hash);
	if (e == ERR_NONE)
		e = session_end_of(c->pg, c->by->ws, c->by->person, ID_NONE, c->by->session, ended);
	if (e == ERR_NONE)
		e = login_audit(c->pg, c->by->ws, ID_NONE, "password.changed", NULL, c->by->person, c->by->via, NULL);
	return pg_end(c->pg, e);
}

/* Of the call's own transaction: the hash that the present password has to fit; "": nothing has to. */
#define PRESENT "present"

static void change(struct api_call *c)
{
	const char *present = json_str(c->out, PRESENT, "");
	char hash[PASSWORD_HASH] = "";
	int ended = 0;
	bool old;
	enum err e = present[0] == '\0' ? ERR_NONE : password_verify(present, json_str(c->in, "current", ""), &old);
	bool wrong = e == ERR_DENIED;
	if (e == ERR_NONE)
		e = password_hash(json_str(c->in, "password", ""), hash);
	if (e == ERR_NONE)
		e = store(c, hash, &ended);
	explicit_bzero(hash, sizeof hash);
	json_object_del(c->out, PRESENT);
	json_object_set_new(c->out, "ended", json_integer(ended));
	if (wrong)
		api_fail(c, API_INVALID, "current", "The present password is another one.");
	else if (e != ERR_NONE)
		api_err(c, e);
}

static enum api_code set(struct api_call *c)
{
	struct password_state s = { 0 };
	char hash[PASSWORD_HASH] = "";
	int wait_s = 0;
	if (!on(c))
		return off(c);
	if (!a_person(c))
		return api_fail(c, API_INVALID, "", "A key has no password: log in on the page, or use the terminal.");
	enum err e = password_state(c->pg, c->by->ws, c->by->person, c->by->session, &s);
	const char *bad = e == ERR_NONE ? judge(&s, json_str(c->in, "password", "")) : NULL;
	bool named = s.may_have, needed = s.has && !s.proved;
	json_decref(s.names);
	if (e != ERR_NONE)
		return api_err(c, e);
	if (!named)
		return api_fail(c, API_INVALID, "",
		    "There is no name yet that you could log in with: link a mail address that Eddy knows (write \"link\" to Eddy by mail).");
	if (bad != NULL)
		return api_fail(c, API_INVALID, "password", "%s", bad);
	if (needed && json_object_get(c->in, "current") == NULL)
		return api_fail(
		    c, API_INVALID, "current", "The present password is needed, or a log-in by another way just before.");
	if (needed)
		e = password_try(c->pg, c->by->ws, c->by->person, hash, &wait_s);
	if (e == ERR_DENIED) {
		c->problem.retry_after_s = (unsigned)wait_s;
		return api_fail(c, API_LIMITED, "current", "The present password was wrong too often; wait a while.");
	}
	if (e != ERR_NONE)
		return api_err(c, e);
	json_object_set_new(c->out, PRESENT, json_string(hash));
	explicit_bzero(hash, sizeof hash);
	c->subject = c->by->person;
	c->after = change;
	return API_OK;
}

/* Whom an admin names; nobody touches the log-in of somebody with a higher role. */
static enum api_code whom(struct api_call *c, struct id *user)
{
	struct problem why = { 0 };
	struct caller them;
	if (!a_person(c))
		return api_fail(c, API_INVALID, "", "Keys do not do this, people do: on the page, or in the terminal.");
	enum err e = member_find(c->pg, c->by->ws, json_str(c->in, "person", ""), user, &why);
	if (e == ERR_NONE)
		e = authority_of(c->pg, c->by->ws, *user, "", &them);
	if (e != ERR_NONE)
		return api_end(c, e, &why);
	c->subject = *user;
	return them.role > c->by->role ? api_fail(c, API_NOT_FOUND, "person", "There is no such person, or not for you.") : API_OK;
}

static enum api_code link(struct api_call *c)
{
	struct id user;
	char code[SESSION_CODE], path[SESSION_CODE + 16];
	if (!on(c))
		return off(c);
	enum api_code got = whom(c, &user);
	if (got != API_OK)
		return got;
	enum err e = password_link(c->pg, c->by->ws, user, code);
	if (e == ERR_DENIED)
		return api_fail(
		    c, API_INVALID, "person", "They may not log in: that takes the role member, or one that was given by name.");
	if (e == ERR_INPUT)
		return api_fail(c, API_INVALID, "person",
		    "There is no name that they could log in with: Eddy knows no mail address of theirs.");
	if (e != ERR_NONE)
		return api_err(c, e);
	snprintf(path, sizeof path, "/#password=%s", code);
	json_object_set_new(c->out, "path", json_string(path));
	json_object_set_new(c->out, "expires_in", json_integer(PASSWORD_LINK_S));
	explicit_bzero(code, sizeof code);
	explicit_bzero(path, sizeof path);
	return API_OK;
}

static enum api_code take_away(struct api_call *c)
{
	struct id user;
	int ended = 0;
	enum api_code got = whom(c, &user);
	if (got != API_OK)
		return got;
	enum err e = password_remove(c->pg, c->by->ws, user);
	if (e == ERR_INPUT)
		return api_fail(c, API_NOT_FOUND, "person", "They have no password.");
	if (e == ERR_NONE)
		e = session_end_of(c->pg, c->by->ws, user, ID_NONE, c->by->session, &ended);
	if (e == ERR_NONE)
		json_object_set_new(c->out, "ended", json_integer(ended));
	return api_err(c, e);
}

#define ENDED OBJECT("\"ended\":{\"type\":\"integer\",\"minimum\":0}", "\"ended\"")

const struct api_proc api_password[] = {
	{ .name = "password.get",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_KEYS,
	    .effect = API_READ,
	    .summary = "Whether you have a password, and the names to log in with it",
	    .in = OBJECT("", ""),
	    .out = OBJECT(
	        "\"possible\":{\"type\":\"boolean\"},\"has\":{\"type\":\"boolean\"},\"needs_current\":{\"type\":\"boolean\"},"
	        "\"set_ms\":{\"type\":\"integer\"},\"names\":{\"type\":\"array\",\"items\":" TEXT "}",
	        "\"possible\",\"has\",\"needs_current\",\"names\""),
	    .example = "{}",
	    .run = get },
	{ .name = "password.set",
	    .role = ROLE_VIEWER,
	    .scope = SCOPE_KEYS,
	    .effect = API_WRITE,
	    .keeps_key = true, /* nothing that a password could be guessed from is kept */
	    .summary = "Set or change your password",
	    .details =
	        "At least 12 characters. Where there is one already, `current` is needed, unless this session began by another way in the last 15 "
	        "minutes. All your other sessions end.",
	    .in = OBJECT("\"password\":" SECRET ",\"current\":" SECRET, "\"password\""),
	    .out = ENDED,
	    .example = "{\"password\":\"four words of no story\"}",
	    .run = set },
	{ .name = "password.link",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_KEYS,
	    .effect = API_WRITE,
	    .tells_secret = true,
	    .summary = "Make a link by which somebody can set a password, once",
	    .details =
	        "It is good for a day; one that was made before is void. Whoever has it can log in as them: hand it over in person, or by a channel "
	        "that is theirs alone.",
	    .in = OBJECT("\"person\":" PERSON, "\"person\""),
	    .out = OBJECT("\"path\":" TEXT ",\"expires_in\":{\"type\":\"integer\"}", "\"path\",\"expires_in\""),
	    .example = "{\"person\":\"email:ana@example.com\"}",
	    .run = link },
	{ .name = "password.remove",
	    .role = ROLE_ADMIN,
	    .scope = SCOPE_KEYS,
	    .effect = API_WRITE,
	    .summary = "Take a password away; the person's sessions end",
	    .in = OBJECT("\"person\":" PERSON, "\"person\""),
	    .out = ENDED,
	    .example = "{\"person\":\"email:ana@example.com\"}",
	    .run = take_away },
	{ .name = NULL },
};
