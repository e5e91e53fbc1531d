/*
 * Passwords and sessions through the real daemon: set by an admin's link, changed, taken away; what everybody is told, what ends with it, what stands
 * nowhere, and what it costs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"
#include "../adapters/web/ws_client.c"

#define FIREFOX "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
#define FIRST "four words of no story"
#define SECOND "another lamp, a ferry"

static char local[80];
static json_t *told; /* the last answer */

static int post(int daemon, const char *path, const char *head, const char *format, ...) __attribute__((format(printf, 4, 5)));
static int post(int daemon, const char *path, const char *head, const char *format, ...)
{
	char body[1000], headers[500], *text = NULL;
	va_list ap;
	va_start(ap, format);
	vsnprintf(body, sizeof body, format, ap);
	va_end(ap);
	snprintf(headers, sizeof headers, "Content-Type: application/json\r\n" FIREFOX "%s", head);
	int status = http_do(rig.d[daemon].port, "POST", path, headers, body, strlen(body), 30000, &text);
	json_decref(told);
	told = text == NULL ? NULL : json_loads(text, 0, NULL);
	free(text);
	return status;
}

/* As our own page, at one daemon of several. */
static int page(int daemon, const char *path, const char *name, const char *a, const char *password)
{
	char head[120];
	snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", rig.d[daemon].port);
	return post(daemon, path, head, "{\"%s\":\"%s\",\"password\":\"%s\"}", name, a, password);
}

static int call(int daemon, const char *token, const char *name, const char *args)
{
	char path[80], head[200];
	snprintf(path, sizeof path, "/api/v1/%s", name);
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", token);
	return post(daemon, path, head, "%s", args);
}

static void keep_token(char token[80])
{
	snprintf(token, 80, "%s", json_str(told, "token", ""));
	assert_int_equal(strlen(token), 64);
}

/* Ann by the terminal's link: she is known from now on. */
static void terminal(int daemon, char token[80])
{
	char head[200], code[100];
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", local);
	assert_int_equal(post(daemon, "/api/code", head, "{\"person\":\"ann\",\"name\":\"Ann\"}"), 200);
	snprintf(code, sizeof code, "%s", strstr(json_str(told, "url", ""), "login=") + 6);
	snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", rig.d[daemon].port);
	assert_int_equal(post(daemon, "/api/login", head, "{\"code\":\"%s\"}", code), 200);
	keep_token(token);
	assert_int_equal(call(daemon, token, "session.get", "{}"), 200);
}

static void admin_link(char code[64])
{
	assert_int_equal(call(0, local, "password.link", "{\"person\":\"web:as:ann\"}"), 200);
	snprintf(code, 64, "%s", strstr(json_str(told, "path", "/#password="), "password=") + 9);
	assert_int_equal(strlen(code), 43);
}

static int enter(const char *name, const char *password)
{
	return page(0, "/api/login/password", "name", name, password);
}

static void begin(void)
{
	rig_env(&rig, "EDDY_LOGIN_PASSWORD=yes");
	rig_serve(&rig, 0, NULL);
	rig_local_token(&rig, 0, local);
}

static void set_first(void)
{
	char code[64];
	admin_link(code);
	assert_int_equal(page(0, "/api/login/password-link", "code", code, FIRST), 200);
}

/* A websocket of ${token}. */
static void open_socket(int daemon, struct ws *w, const char *token)
{
	assert_true(ws_open(w, rig.d[daemon].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(w, "{\"type\":\"hello\",\"token\":\"%s\"}", token);
	const char *type = ws_hear(w, 20000);
	assert_non_null(type);
	assert_string_equal(type, "welcome");
}

static void wait_closed(struct ws *w)
{
	while (ws_hear(w, rig_patience(10000)) != NULL)
		;
	assert_int_equal(w->close_code, 4003);
	ws_done(w);
}

static void passwords__that_nobody_switched_on__are_not_there(void **state)
{
	(void)state;
	rig_serve(&rig, 0, NULL);
	rig_local_token(&rig, 0, local);
	char token[80];
	terminal(0, token);
	assert_int_equal(enter("ann", FIRST), 404);
	assert_int_equal(page(0, "/api/login/password-link", "code", "0123456789012345678901234567890123456789abc", FIRST), 404);
	assert_int_equal(call(0, local, "password.link", "{\"person\":\"web:as:ann\"}"), 400);
	assert_int_equal(call(0, token, "password.set", "{\"password\":\"" FIRST "\"}"), 400);
	assert_int_equal(call(0, token, "password.get", "{}"), 200);
	assert_false(json_bool(told, "possible", true));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM passwords"), 0);
}

static void link__of_an_admin__sets_one_once_and_ends_what_was_open(void **state)
{
	(void)state;
	char old[80], code[64], another[64], token[80];
	struct ws w = { 0 };
	begin();
	terminal(0, old);
	open_socket(0, &w, old);
	admin_link(another);
	admin_link(code);
	/* What is refused uses nothing up. */
	assert_int_equal(page(0, "/api/login/password-link", "code", code, "short"), 400);
	assert_string_equal(json_str(told, "field", ""), "password");
	assert_int_equal(page(0, "/api/login/password-link", "code", code, "Password1234"), 400);
	assert_int_equal(page(0, "/api/login/password-link", "code", another, FIRST), 401); /* the later one counts */
	char head[120];
	snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", rig.d[0].port);
	assert_int_equal(post(0, "/api/login", head, "{\"code\":\"%s\"}", code), 401); /* it logs nobody in */
	assert_int_equal(page(0, "/api/login/password-link", "code", code, FIRST), 200);
	keep_token(token);
	assert_int_equal(page(0, "/api/login/password-link", "code", code, SECOND), 401);
	wait_closed(&w);
	assert_int_equal(call(0, old, "session.get", "{}"), 401);
	assert_int_equal(call(0, token, "session.get", "{}"), 200);
	assert_int_equal(enter("ann", FIRST), 200);
	assert_int_equal(enter("ANN", FIRST), 401); /* names of the page are as they are */
	assert_int_equal(enter("ann", SECOND), 401);
	assert_string_equal(json_str(told, "code", ""), "unauthenticated");
	char sentence[200], request[60], query[600];
	snprintf(sentence, sizeof sentence, "%s", json_str(told, "detail", ""));
	assert_int_equal(enter("nobody.at.all", SECOND), 401);
	assert_string_equal(json_str(told, "detail", "?"), sentence);
	snprintf(request, sizeof request, "%s", json_str(told, "request_id", ""));
	snprintf(query, sizeof query,
	    "SELECT count(*) FROM audit WHERE id = '%s' AND verb = 'login.refused' AND facts->>'why' = 'password'", request);
	assert_int_equal(rig_sql(&rig, query), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM passwords WHERE hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb IN ('password.link', 'password.changed')"), 3);
	assert_int_equal(
	    rig_sql(&rig, "SELECT count(*) FROM audit a WHERE a::text LIKE '%four words%' OR a::text LIKE '%nobody.at%'"), 0);
	snprintf(query, sizeof query, "! grep -q -e 'four words' -e 'another lamp' -e nobody.at -e %s '%s'", code, rig.d[0].log);
	assert_int_equal(system(query), 0);
}

static void password__that_is_changed__needs_the_present_one_and_ends_other_sessions(void **state)
{
	(void)state;
	char terminals[80], one[80], two[80];
	struct ws w = { 0 };
	begin();
	terminal(0, terminals);
	assert_int_equal(
	    call(0, terminals, "password.set", "{\"password\":\"" FIRST "\"}"), 200); /* it began by another way just now */
	assert_int_equal(enter("ann", FIRST), 200);
	keep_token(one);
	assert_int_equal(enter("ann", FIRST), 200);
	keep_token(two);
	open_socket(0, &w, two);
	assert_int_equal(call(0, one, "password.get", "{}"), 200);
	assert_true(json_bool(told, "has", false) && json_bool(told, "needs_current", false) && json_bool(told, "possible", false));
	assert_int_equal(call(0, one, "password.set", "{\"password\":\"" SECOND "\"}"), 400);
	assert_string_equal(json_str(told, "field", ""), "current");
	assert_int_equal(call(0, one, "password.set", "{\"password\":\"" SECOND "\",\"current\":\"" SECOND "\"}"), 400);
	assert_int_equal(call(0, two, "session.get", "{}"), 200);
	assert_int_equal(call(0, one, "password.set", "{\"password\":\"a ferry, two lamps\",\"current\":\"" FIRST "\"}"), 200);
	assert_int_equal(json_int(told, "ended", 0), 2);
	wait_closed(&w);
	assert_int_equal(call(0, one, "session.get", "{}"), 200);
	assert_int_equal(enter("ann", FIRST), 401);
	/* Whoever has found a page open does not get to guess for long. */
	int status = 400;
	for (int i = 0; i < 8 && status == 400; i++)
		status = call(0, one, "password.set", "{\"password\":\"" SECOND "\",\"current\":\"" FIRST "\"}");
	assert_int_equal(status, 429);
	assert_true(json_int(told, "retry_after", 0) > 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'password.changed'"), 2);
	/* Taken away: everything ends, and it lets nobody in any more. */
	assert_int_equal(call(0, local, "password.remove", "{\"person\":\"web:as:ann\"}"), 200);
	assert_int_equal(enter("ann", "a ferry, two lamps"), 401);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM passwords"), 0);
	rig_wait(&rig, 10000, "the session to end", call(0, one, "session.get", "{}") == 401);
}

static void tries__that_are_wrong__wait_longer_and_longer_and_only_theirs(void **state)
{
	(void)state;
	begin();
	char token[80];
	terminal(0, token);
	set_first();
	int status = 401, tried = 0;
	for (; tried < 12 && status == 401; tried++)
		status = enter("ann", SECOND);
	assert_int_equal(status, 429);
	assert_true(json_int(told, "retry_after", 0) > 0);
	assert_true(tried >= 5);
	assert_int_equal(enter("ann", FIRST), 429); /* from here, as her: not even the right one */
	/* The same as nobody: nothing tells who is known. */
	int same = 0;
	for (status = 401; same < 12 && status == 401; same++)
		status = enter("nobody", SECOND);
	assert_int_equal(status, 429);
	assert_true(same >= 5 && same <= tried + 1 && tried <= same + 1); /* a second may have passed meanwhile */
	/* She still gets in by another way. */
	terminal(0, token);
}

/* The same in two processes on one database: what was wrong in one counts in the other, and what was right ends it in both. */
static void tries__that_are_wrong__count_in_every_process(void **state)
{
	(void)state;
	char token[80];
	int status = 0, wrong = 0;
	begin();
	rig_serve(&rig, 1, NULL);
	terminal(0, token);
	set_first();
	for (int i = 0; i < 4; i++)
		assert_int_equal(page(0, "/api/login/password", "name", "ann", "wrong wrong wrong"), 401);
	assert_int_equal(rig_sql(&rig, "SELECT tries FROM password_tries"), 4);
	/* Alone the other would let five be looked at; together with the first it is one, and one more for each second that passes. */
	while ((status = page(1, "/api/login/password", "name", "ANN", "wrong wrong wrong")) == 401)
		wrong++;
	assert_int_equal(status, 429);
	assert_in_range(wrong, 1, 4);
	assert_int_equal(rig_sql(&rig, "SELECT tries FROM password_tries"), 4 + wrong);
	rig_sql(&rig, "UPDATE password_tries SET next_at = now() + interval '100 s' RETURNING 1");
	for (int i = 0; i < 2; i++) { /* not even the right one, in neither, and nothing is counted for it */
		assert_int_equal(page(i, "/api/login/password", "name", "ann", FIRST), 429);
		assert_in_range(json_int(told, "retry_after", 0), 20, 101);
	}
	assert_int_equal(page(1, "/api/login/password", "name", "bob", "wrong wrong wrong"), 401);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM password_tries"), 2);
	rig_sql(&rig, "UPDATE password_tries SET next_at = now() - interval '1 s' RETURNING 1");
	assert_int_equal(page(1, "/api/login/password", "name", "ann", FIRST), 200);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM password_tries"), 1); /* bob's */
	assert_int_equal(page(0, "/api/login/password", "name", "ann", FIRST), 200);
	/* half an hour after its wait it is forgotten */
	rig_sql(&rig, "UPDATE password_tries SET tries = 30, next_at = now() - interval '31 minutes' RETURNING 1");
	assert_int_equal(page(1, "/api/login/password", "name", "bob", "wrong wrong wrong"), 401);
	assert_int_equal(rig_sql(&rig, "SELECT tries FROM password_tries"), 1);
}

static void sessions__of_a_person__are_seen_and_ended(void **state)
{
	(void)state;
	char one[80], two[80], three[80], id[40], args[80];
	struct ws w = { 0 };
	begin();
	terminal(0, one);
	set_first();
	keep_token(one);
	assert_int_equal(enter("ann", FIRST), 200);
	keep_token(two);
	assert_int_equal(enter("ann", FIRST), 200);
	keep_token(three);
	open_socket(0, &w, two);
	assert_int_equal(call(0, two, "login.list", "{}"), 200);
	json_t *list = json_object_get(told, "logins"), *l;
	size_t i;
	int these = 0;
	assert_int_equal(json_array_size(list), 3);
	json_array_foreach (list, i, l) {
		assert_string_equal(json_str(l, "agent", ""), "Firefox, Linux");
		assert_string_equal(json_str(l, "network", ""), "127.0.0.x");
		assert_string_equal(json_str(l, "via", ""), "password");
		these += json_bool(l, "this", false);
		if (json_bool(l, "this", false))
			snprintf(id, sizeof id, "%s", json_str(l, "id", ""));
	}
	assert_int_equal(these, 1);
	/* Not by somebody else. */
	snprintf(args, sizeof args, "{\"id\":\"%s\"}", id);
	assert_int_equal(call(0, local, "login.end", args), 404);
	assert_int_equal(call(0, three, "login.end", args), 200);
	wait_closed(&w);
	assert_int_equal(call(0, three, "login.end", args), 404);
	assert_int_equal(call(0, three, "login.end", "{}"), 200); /* all but this one */
	assert_int_equal(json_int(told, "ended", -1), 1);
	rig_wait(&rig, 10000, "the other to end", call(0, one, "session.get", "{}") == 401);
	memset(&w, 0, sizeof w);
	open_socket(0, &w, three);
	assert_int_equal(call(0, three, "login.end_of", "{\"person\":\"web:local\"}"), 403);
	assert_int_equal(call(0, local, "login.end_of", "{\"person\":\"web:as:ann\"}"), 200);
	wait_closed(&w);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"), 0);
}

/* ---- in the words of the terminal ---- */

#define UNKNOWN "Nobody is known by that name"

/* `eddy ${command}` with ${input}: it has to end with ${code} and say ${words}.  What it said (static). */
static const char *eddy(const char *command, const char *input, int code, const char *words)
{
	static char *out;
	const char *args[8] = { NULL };
	char room[200];
	size_t n = 0, len;
	snprintf(room, sizeof room, "%s", command);
	for (char *rest = room, *one; (one = strsep(&rest, " ")) != NULL && n < 7;)
		args[n++] = one;
	free(out);
	out = NULL;
	int status = rig_eddy(&rig, 0, args, input, &out, &len);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code || strstr(out, words) == NULL)
		rig_fail(&rig, "eddy %s ends with %d instead of %d and \"%s\": %s", command, WEXITSTATUS(status), code, words, out);
	return out;
}

/* Whoever sits at the terminal, on the page. */
static void page_of_terminal(char token[80])
{
	char head[200], code[100];
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", local);
	assert_int_equal(post(0, "/api/code", head, "{}"), 200);
	snprintf(code, sizeof code, "%s", strstr(json_str(told, "url", "login="), "login=") + 6);
	snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", rig.d[0].port);
	assert_int_equal(post(0, "/api/login", head, "{\"code\":\"%s\"}", code), 200);
	keep_token(token);
}

#define ELSEWHERE_PERSON "22222222-2222-4222-8222-222222222222"
#define ELSEWHERE_SESSION "33333333-3333-4333-8333-333333333333"

/* Another workspace of the same database, where Ann is logged in and has a password. */
static void make_another_workspace(void)
{
	static const char query[] =
	    "WITH w AS (INSERT INTO workspaces (ws, name) VALUES ('11111111-1111-4111-8111-111111111111', 'two') RETURNING ws),"
	    " p AS (INSERT INTO people (ws, id, name) SELECT ws, '" ELSEWHERE_PERSON "', 'Ann of two' FROM w RETURNING ws, id),"
	    " i AS (INSERT INTO identities (ws, adapter, external_id, person_id, verified) SELECT ws, 'web', 'as:ann.of.two', id, 2 FROM p RETURNING 1),"
	    " s AS (INSERT INTO sessions (ws, id, subject, name, refresh_hash, expires_at, via) SELECT ws, '" ELSEWHERE_SESSION
	    "', 'as:ann.of.two', 'Ann', decode(repeat('00', 32), 'hex'), now() + interval '1 day', 'terminal' FROM w RETURNING 1),"
	    " k AS (INSERT INTO passwords (ws, person_id, hash) SELECT ws, id, 'x' FROM p RETURNING 1) SELECT count(*) FROM i, s, k";
	assert_int_equal(rig_sql(&rig, query), 1);
}

static void terminal__lists_and_ends_sessions__of_its_person_and_of_others(void **state)
{
	(void)state;
	char one[80], two[80], ann[80], id[40], command[120], *said;
	begin();
	eddy("session list", NULL, 0, "You are not logged in on any page.");
	eddy("session end", NULL, 0, "Sessions ended: 0.");
	page_of_terminal(one);
	page_of_terminal(two);
	terminal(0, ann);
	make_another_workspace();
	const char *list = eddy("session list", NULL, 0, "Firefox, Linux");
	int lines = 0;
	for (const char *p = list; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 2);
	assert_non_null(strstr(list, "127.0.0.x"));
	assert_int_equal(call(0, two, "login.list", "{}"), 200);
	const json_t *l;
	size_t i;
	id[0] = '\0';
	json_array_foreach (json_object_get(told, "logins"), i, l)
		if (json_bool(l, "this", false))
			snprintf(id, sizeof id, "%s", json_str(l, "id", ""));
	assert_non_null(strstr(list, id));
	snprintf(command, sizeof command, "session end %s", id);
	eddy(command, NULL, 0, "Sessions ended: 1.");
	rig_wait(&rig, 10000, "the session to end", call(0, two, "session.get", "{}") == 401);
	assert_int_equal(call(0, one, "session.get", "{}"), 200);
	/* It has ended; nobody's; another person's; another workspace's: one answer. */
	said = strdup(eddy(command, NULL, 1, "There is no such session of yours"));
	*strstr(said, "request") = '\0';
	eddy("session end 33333333-3333-4333-8333-333333333334", NULL, 1, said);
	snprintf(command, sizeof command, "session end %s", rig_sql_text(&rig, "SELECT id FROM sessions WHERE subject = 'as:ann'"));
	eddy(command, NULL, 1, said);
	eddy("session end " ELSEWHERE_SESSION, NULL, 1, said);
	free(said);
	eddy("session end 33333333-3333-4333-8333-33333333333x", NULL, 1, "This is not the id of a session.");
	eddy("session end mine", NULL, 1, "id");
	eddy("session end a b", NULL, 2, "try: eddy");
	eddy("session list all", NULL, 2, "try: eddy");
	eddy("session", NULL, 2, "needs one of its own words");
	assert_int_equal(call(0, ann, "session.get", "{}"), 200);
	/* Of others. */
	eddy("session end-of", NULL, 2, "try: eddy");
	said = strdup(eddy("session end-of nobody", NULL, 1, UNKNOWN));
	*strstr(said, "request") = '\0';
	eddy("session end-of " ELSEWHERE_PERSON, NULL, 1, said);
	eddy("session end-of ann.of.two", NULL, 1, said);
	eddy("session end-of nobody@test.example", NULL, 1, said);
	free(said);
	eddy("session end-of ann", NULL, 0, "Sessions ended: 1.");
	rig_wait(&rig, 10000, "Ann's to end", call(0, ann, "session.get", "{}") == 401);
	eddy("session end-of ann", NULL, 0, "Sessions ended: 0.");
	eddy("session end", NULL, 0, "Sessions ended: 1.");
	rig_wait(&rig, 10000, "the last one to end", call(0, one, "session.get", "{}") == 401);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"), 1); /* the other workspace's */
}

static void terminal__sets_and_takes_away_passwords(void **state)
{
	(void)state;
	char token[80], code[64], *said;
	begin();
	terminal(0, token);
	page_of_terminal(token);
	make_another_workspace();
	eddy("password set", "", 1, "no password was read");
	eddy("password set", "short\n", 1, "password: ");
	eddy("password set", "\xff\xfe is no text at all\n", 1, "UTF-8");
	char most[400];
	memset(most, 'x', sizeof most);
	most[sizeof most - 1] = '\0';
	eddy("password set", most, 1, "at most 256 bytes");
	eddy("password set " FIRST, "", 2, "try: eddy");
	assert_int_equal(enter("local", FIRST), 401);
	const char *out = eddy("password set", FIRST "\nand more\n", 0, "Set. Sessions ended: 1.");
	assert_null(strstr(out, "four words"));
	rig_wait(&rig, 10000, "the session to end", call(0, token, "session.get", "{}") == 401);
	assert_int_equal(enter("local", FIRST), 200);
	keep_token(token);
	eddy("password set", SECOND, 0, "Set. Sessions ended: 1."); /* no present one is asked for here */
	assert_int_equal(enter("local", FIRST), 401);
	assert_int_equal(enter("local", SECOND), 200);
	keep_token(token);
	/* Those of others: a link, which an operator hands over. */
	eddy("password link ann", NULL, 0, "Whoever has it can log in as them");
	out = eddy("password link web:as:ann", NULL, 0, "/#password=");
	snprintf(code, sizeof code, "%.43s", strstr(out, "#password=") + 10);
	assert_int_equal(page(0, "/api/login/password-link", "code", code, FIRST), 200);
	assert_int_equal(enter("ann", FIRST), 200);
	said = strdup(eddy("password link nobody", NULL, 1, UNKNOWN));
	*strstr(said, "request") = '\0';
	eddy("password link " ELSEWHERE_PERSON, NULL, 1, said);
	eddy("password link ann.of.two", NULL, 1, said);
	eddy("password remove nobody", NULL, 1, said);
	eddy("password remove " ELSEWHERE_PERSON, NULL, 1, said);
	eddy("password remove ann.of.two", NULL, 1, said);
	eddy("password remove nobody@test.example", NULL, 1, said);
	free(said);
	eddy("password remove ann", NULL, 0, "Taken away. Sessions ended: 2.");
	eddy("password remove ann", NULL, 1, "They have no password.");
	assert_int_equal(enter("ann", FIRST), 401);
	eddy("password remove local", NULL, 0, "Taken away. Sessions ended: 1.");
	assert_int_equal(enter("local", SECOND), 401);
	rig_wait(&rig, 10000, "the session to end", call(0, token, "session.get", "{}") == 401);
	eddy("password remove", NULL, 2, "try: eddy");
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM passwords"), 1); /* the other workspace's */
	assert_int_equal(
	    rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'password.changed' AND facts ->> 'via' = 'cli'"), 2);
	rig_env(&rig, "EDDY_LOGIN_PASSWORD=no");
	eddy("password set", FIRST, 1, "set login.password: yes");
	eddy("password link ann", NULL, 1, "set login.password: yes");
	rig_env(&rig, "EDDY_LOGIN_PASSWORD=perhaps");
	eddy("password set", FIRST, 3, "login.password");
	eddy("session list", NULL, 3, "login.password");
}

/* Of another process of the same database. */
static void session__that_ends_elsewhere__ends_here_at_once(void **state)
{
	(void)state;
	char token[80];
	struct ws w = { 0 };
	begin();
	rig_serve(&rig, 1, NULL);
	terminal(0, token);
	set_first();
	assert_int_equal(page(1, "/api/login/password", "name", "ann", FIRST), 200);
	keep_token(token);
	open_socket(1, &w, token);
	assert_int_equal(call(0, local, "login.end_of", "{\"person\":\"web:as:ann\"}"), 200);
	wait_closed(&w);
	assert_int_equal(call(1, token, "session.get", "{}"), 401);
}

static void *log_in(void *arg)
{
	char body[] = "{\"name\":\"nobody\",\"password\":\"" SECOND "\"}", head[200];
	snprintf(
	    head, sizeof head, "Content-Type: application/json\r\nX-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", rig.d[0].port);
	*(int *)arg = http_do(rig.d[0].port, "POST", "/api/login/password", head, body, strlen(body), 60000, NULL);
	return NULL;
}

static void tries__of_many_at_once__stay_within_the_memory(void **state)
{
	(void)state;
	pthread_t t[40];
	int status[40];
	begin();
	for (int i = 0; i < 40; i++)
		assert_int_equal(pthread_create(&t[i], NULL, log_in, &status[i]), 0);
	for (int i = 0; i < 40; i++) {
		pthread_join(t[i], NULL);
		if (status[i] != 401 && status[i] != 429 && status[i] != 503)
			rig_fail(&rig, "answered with %d", status[i]);
	}
	char path[60], line[200];
	long kib = 0;
	snprintf(path, sizeof path, "/proc/%d/status", (int)rig.d[0].pid);
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (sscanf(line, "VmHWM: %ld", &kib) == 1)
			break;
	fclose(f);
	printf("# %ld KiB at most\n", kib);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
	assert_true(kib < 64 * 1024);
#endif
}

int main(void)
{
#define one(t) cmocka_unit_test_setup_teardown(t, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		one(passwords__that_nobody_switched_on__are_not_there),
		one(link__of_an_admin__sets_one_once_and_ends_what_was_open),
		one(password__that_is_changed__needs_the_present_one_and_ends_other_sessions),
		one(tries__that_are_wrong__wait_longer_and_longer_and_only_theirs),
		one(tries__that_are_wrong__count_in_every_process),
		one(sessions__of_a_person__are_seen_and_ended),
		one(terminal__lists_and_ends_sessions__of_its_person_and_of_others),
		one(terminal__sets_and_takes_away_passwords),
		one(session__that_ends_elsewhere__ends_here_at_once),
		one(tries__of_many_at_once__stay_within_the_memory),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
