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
		one(sessions__of_a_person__are_seen_and_ended),
		one(session__that_ends_elsewhere__ends_here_at_once),
		one(tries__of_many_at_once__stay_within_the_memory),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
