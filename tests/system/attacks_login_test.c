/* What is tried at log-ins by password and at sessions, at the real port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/json.h"
#include "../support/attacks.h"
#include "harness.h"

#define GOOD "four words of no story"
#define WRONG "another lamp, a ferry"
#define CODE43 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQ"
#define KEPT "passwords login_codes members sessions"

static char local[80], ann[80], admin[80], key[120];
static json_t *told;
static int from; /* each attack comes from an address of its own */

static int post(const char *path, const char *head, const char *body)
{
	char headers[600], *text = NULL;
	snprintf(headers, sizeof headers, "%s%sX-Forwarded-For: 198.51.%d.7\r\n",
	    strstr(head, "Content-Type") == NULL ? "Content-Type: application/json\r\n" : "", head, from);
	int status = http_do(rig.d[0].port, "POST", path, headers, body, strlen(body), 30000, &text);
	json_decref(told);
	told = text == NULL ? NULL : json_loads(text, 0, NULL);
	free(text);
	return status;
}

static int page(const char *path, const char *body)
{
	char head[120];
	snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", rig.d[0].port);
	return post(path, head, body);
}

static int call(const char *token, const char *name, const char *args)
{
	char path[80], head[200];
	snprintf(path, sizeof path, "/api/v1/%s", name);
	/* This machine's own token counts only where no proxy speaks for another. */
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", token);
	if (token != local)
		return post(path, head, args);
	char *text = NULL, headers[300];
	snprintf(headers, sizeof headers, "Content-Type: application/json\r\n%s", head);
	int status = http_do(rig.d[0].port, "POST", path, headers, args, strlen(args), 30000, &text);
	json_decref(told);
	told = text == NULL ? NULL : json_loads(text, 0, NULL);
	free(text);
	return status;
}

static int enter(const char *name, const char *password)
{
	json_t *o = json_pack("{s:s, s:s}", "name", name, "password", password);
	char *body = json_dumps(o, JSON_COMPACT);
	int status = page("/api/login/password", body);
	free(body);
	json_decref(o);
	return status;
}

static void expect(const struct attack *a, int status)
{
	char code[64] = "";
	int wanted = 0;
	if (sscanf(a->refusal, "%d %63[a-z_]", &wanted, code) < 1)
		fail_msg("\"%s\" names no status", a->refusal);
	if (status != wanted || (*code != '\0' && strcmp(json_str(told, "code", ""), code) != 0))
		fail_msg("wanted %s, got %d %s %s", a->refusal, status, json_str(told, "code", ""), json_str(told, "detail", ""));
}

/* A person of the terminal; the token of a session. */
static void log_in(const char *person, char token[80])
{
	char head[200], body[200], *text = NULL;
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\nContent-Type: application/json\r\n", local);
	snprintf(body, sizeof body, "{\"person\":\"%s\",\"name\":\"%s\"}", person, person);
	assert_int_equal(http_do(rig.d[0].port, "POST", "/api/code", head, body, strlen(body), 30000, &text), 200);
	snprintf(body, sizeof body, "{\"code\":\"%.43s\"}", strstr(text, "login=") + 6);
	free(text);
	assert_int_equal(page("/api/login", body), 200);
	snprintf(token, 80, "%s", json_str(told, "token", ""));
	assert_int_equal(call(token, "session.get", "{}"), 200);
}

static void link_for(const char *person, char code[60])
{
	char args[100];
	snprintf(args, sizeof args, "{\"person\":\"%s\"}", person);
	assert_int_equal(call(local, "password.link", args), 200);
	snprintf(code, 60, "%s", strstr(json_str(told, "path", ""), "=") + 1);
}

static int use_link(const char *code)
{
	char body[200];
	snprintf(body, sizeof body, "{\"code\":\"%s\",\"password\":\"" GOOD "\"}", code);
	return page("/api/login/password-link", body);
}

/* with: name, password */
static void by_password(const struct attack *a)
{
	from++;
	expect(a, enter(a->with[0], a->with[1]));
}

/* with: procedure, arguments, who */
static void by_call(const struct attack *a)
{
	from++;
	const char *who = a->with[2];
	expect(a,
	    call(strcmp(who, "ann") == 0        ? ann
	            : strcmp(who, "admin") == 0 ? admin
	            : strcmp(who, "key") == 0   ? key
	                                        : who,
	        a->with[0], a->with[1]));
}

static void who_is_known(const struct attack *a)
{
	char sentence[300];
	int known, unknown;
	from++;
	known = enter("ann", WRONG);
	snprintf(sentence, sizeof sentence, "%s", json_str(told, "detail", ""));
	unknown = enter("somebody", WRONG);
	assert_int_equal(known, unknown);
	assert_string_equal(json_str(told, "detail", "?"), sentence);
	expect(a, unknown);
}

static void tried_again(const struct attack *a)
{
	int status = 401;
	from++;
	for (int i = 0; i < 12 && status == 401; i++)
		status = enter("ann", WRONG);
	expect(a, status);
}

static void tried_from_everywhere(const struct attack *a)
{
	int status = 401;
	for (int i = 0; i < 60 && status == 401; i++) {
		from++;
		status = enter("carl", WRONG);
	}
	expect(a, status);
}

static void locked_out(const struct attack *a)
{
	int owner = ++from, status;
	assert_int_equal(enter("ann", GOOD), 200); /* she is known here */
	for (int i = 0; i < 45; i++) {
		from++;
		status = enter("ann", WRONG);
		assert_true(status == 401 || status == 429);
	}
	int now = from;
	from = owner;
	expect(a, enter("ann", GOOD));
	from = now;
}

static void from_other_page(const struct attack *a)
{
	from++;
	expect(a,
	    post("/api/login/password", "X-Eddy: 1\r\nOrigin: https://evil.example\r\n",
	        "{\"name\":\"ann\",\"password\":\"" GOOD "\"}"));
}

static void as_a_form(const struct attack *a)
{
	char head[200];
	from++;
	snprintf(head, sizeof head, "Origin: http://127.0.0.1:%d\r\nContent-Type: text/plain\r\n", rig.d[0].port);
	expect(a, post("/api/login/password", head, "{\"name\":\"ann\",\"password\":\"" GOOD "\"}"));
}

static void too_long(const struct attack *a)
{
	char body[3000];
	from++;
	snprintf(body, sizeof body, "{\"name\":\"ann\",\"password\":\"%02500d\"}", 1);
	expect(a, page("/api/login/password", body));
}

static void after_it_was_removed(const struct attack *a)
{
	char code[60];
	from++;
	link_for("web:as:bea", code);
	assert_int_equal(use_link(code), 200);
	assert_int_equal(call(local, "password.remove", "{\"person\":\"web:as:bea\"}"), 200);
	expect(a, enter("bea", GOOD));
}

static void after_the_role_went(const struct attack *a)
{
	char code[60];
	from++;
	link_for("web:as:bea", code);
	assert_int_equal(use_link(code), 200);
	assert_int_equal(call(local, "member.put", "{\"person\":\"web:as:bea\",\"role\":\"none\"}"), 200);
	int status = enter("bea", GOOD);
	assert_int_equal(call(local, "member.remove", "{\"person\":\"web:as:bea\"}"), 200);
	assert_int_equal(enter("bea", GOOD), 200);
	assert_int_equal(call(local, "password.remove", "{\"person\":\"web:as:bea\"}"), 200);
	told = json_pack("{s:s}", "code", "unauthenticated");
	expect(a, status);
}

static void link_twice(const struct attack *a)
{
	char code[60];
	from++;
	link_for("web:as:bea", code);
	assert_int_equal(use_link(code), 200);
	expect(a, use_link(code));
}

static void link_too_old(const struct attack *a)
{
	char code[60];
	from++;
	link_for("web:as:carl", code);
	rig_sql(&rig,
	    "WITH x AS (UPDATE login_codes SET expires_at = now() - interval '1 s' WHERE via = 'password' RETURNING 1) SELECT count(*) FROM x");
	expect(a, use_link(code));
}

static void link_guessed(const struct attack *a)
{
	from++;
	expect(a, use_link(CODE43));
}

static void link_as_a_login(const struct attack *a)
{
	char code[60], body[100];
	from++;
	link_for("web:as:carl", code);
	snprintf(body, sizeof body, "{\"code\":\"%s\"}", code);
	expect(a, page("/api/login", body));
}

static void login_as_a_link(const struct attack *a)
{
	char head[200], code[60], *text = NULL;
	static const char body[] = "{\"person\":\"ann\"}";
	from++;
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\nContent-Type: application/json\r\n", local);
	assert_int_equal(http_do(rig.d[0].port, "POST", "/api/code", head, body, strlen(body), 30000, &text), 200);
	snprintf(code, sizeof code, "%.43s", strstr(text, "login=") + 6);
	free(text);
	expect(a, use_link(code));
}

/* A page that somebody left open, which began with the password. */
static void on_an_open_page(const struct attack *a)
{
	char token[80];
	int now = from;
	from = 1; /* where she is known: others are made to wait */
	assert_int_equal(enter("ann", GOOD), 200);
	from = now + 1;
	snprintf(token, sizeof token, "%s", json_str(told, "token", ""));
	expect(a, call(token, "password.set", "{\"password\":\"" WRONG "\"}"));
}

static void anothers_session(const struct attack *a)
{
	char id[40], args[60];
	from++;
	snprintf(id, sizeof id, "%s",
	    rig_sql_text(&rig, "SELECT id::text FROM sessions WHERE subject = 'as:admin' AND ended_at IS NULL LIMIT 1"));
	snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
	expect(a, call(ann, "login.end", args));
}

static void after_it_was_ended(const struct attack *a)
{
	char token[80];
	int status = 0;
	from++;
	log_in("bea", token);
	assert_int_equal(call(local, "login.end_of", "{\"person\":\"web:as:bea\"}"), 200);
	rig_wait(&rig, 10000, "the session to end", (status = call(token, "session.get", "{}")) != 200);
	expect(a, status);
}

static const struct attack attacks[] = {
	{ "password: guessed", "401 unauthenticated", KEPT, by_password, { "ann", WRONG } },
	{ "password: an empty one of somebody who has none", "401 unauthenticated", KEPT, by_password, { "carl", " " } },
	{ "password: SQL instead of a name", "401 unauthenticated", KEPT, by_password, { "' OR true --", GOOD } },
	{ "password: the right one, with the name of another", "401 unauthenticated", KEPT, by_password, { "admin", GOOD } },
	{ "password: who is known here?", "401, and the same sentence for everybody", KEPT, who_is_known, { NULL } },
	{ "password: tried again and again", "429 rate_limited", KEPT, tried_again, { NULL } },
	{ "password: tried from many addresses", "429 rate_limited", KEPT, tried_from_everywhere, { NULL } },
	{ "password: wrong ones from everywhere, so that its owner is locked out", "200: where they were logged in, they get in",
	    "passwords members", locked_out, { NULL } },
	{ "password: typed by a page of others (log-in CSRF)", "403 forbidden", KEPT, from_other_page, { NULL } },
	{ "password: sent by a form", "415", KEPT, as_a_form, { NULL } },
	{ "password: of 2,500 bytes, so that its hash takes long", "400 invalid", KEPT, too_long, { NULL } },
	{ "password: after it was taken away", "401 unauthenticated", "passwords members", after_it_was_removed, { NULL } },
	{ "password: after the role was taken away", "401 unauthenticated", "passwords members", after_the_role_went, { NULL } },
	{ "password: changed on a page that was left open", "400 invalid", "passwords members", on_an_open_page, { NULL } },
	{ "password: an admin's link used twice", "401 unauthenticated", "members", link_twice, { NULL } },
	{ "password: an admin's link that is too old", "401 unauthenticated", "passwords members sessions", link_too_old,
	    { NULL } },
	{ "password: an admin's link guessed", "401 unauthenticated", KEPT, link_guessed, { NULL } },
	{ "password: an admin's link used to log in", "401 unauthenticated", "passwords members sessions", link_as_a_login,
	    { NULL } },
	{ "password: a log-in link used to set one", "401 unauthenticated", "passwords members sessions", login_as_a_link,
	    { NULL } },
	{ "password: a member makes a link for the owner", "403 forbidden", KEPT, by_call,
	    { "password.link", "{\"person\":\"web:local\"}", "ann" } },
	{ "password: an admin makes a link for the owner", "404 not_found", KEPT, by_call,
	    { "password.link", "{\"person\":\"web:local\"}", "admin" } },
	{ "password: an admin takes that of the owner away", "404 not_found", KEPT, by_call,
	    { "password.remove", "{\"person\":\"web:local\"}", "admin" } },
	{ "password: a key makes a link, to become somebody", "400 invalid", KEPT, by_call,
	    { "password.link", "{\"person\":\"web:as:ann\"}", "key" } },
	{ "password: a key sets one", "400 invalid", KEPT, by_call, { "password.set", "{\"password\":\"" GOOD "\"}", "key" } },
	{ "session: somebody ends that of another", "404 not_found", KEPT, anothers_session, { NULL } },
	{ "session: a member ends those of the owner", "403 forbidden", KEPT, by_call,
	    { "login.end_of", "{\"person\":\"web:local\"}", "ann" } },
	{ "session: an admin ends those of the owner", "404 not_found", KEPT, by_call,
	    { "login.end_of", "{\"person\":\"web:local\"}", "admin" } },
	{ "session: its token, after it was ended elsewhere", "401 unauthenticated", "passwords members", after_it_was_ended,
	    { NULL } },
};

static int up(void **state)
{
	if (rig_set_up(state) != 0)
		return -1;
	char code[60], token[80];
	rig_env(&rig, "EDDY_LOGIN_PASSWORD=yes");
	rig_env(&rig, "EDDY_WEB_FORWARDED=true");
	rig_serve(&rig, 0, NULL);
	rig_local_token(&rig, 0, local);
	from = 1;
	log_in("ann", token);
	link_for("web:as:ann", code);
	assert_int_equal(use_link(code), 200);
	log_in("ann", ann);
	from++;
	log_in("bea", token);
	log_in("carl", token);
	log_in("admin", admin);
	assert_int_equal(call(local, "member.put", "{\"person\":\"web:as:admin\",\"role\":\"admin\"}"), 200);
	assert_int_equal(call(local, "key.issue", "{\"name\":\"x\",\"role\":\"owner\",\"scopes\":[\"keys\"],\"own\":true}"), 200);
	snprintf(key, sizeof key, "%s", json_str(told, "key", ""));
	return 0;
}

static const char *admin_text(const char *query)
{
	return rig_sql_text(&rig, query);
}

int main(void)
{
	return attacks_run("log-ins", attacks, sizeof attacks / sizeof *attacks, admin_text, NULL, up, rig_tear_down);
}
