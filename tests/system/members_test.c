/*
 * Members who lose what it takes to be one, through the real daemon: what of theirs is open ends at once, in each process, and with the role they may come back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "harness.h"
#include "../adapters/web/ws_client.c"

#define WORDS "four words of no story"

static char local[80];
static json_t *told; /* the last answer */

static int post(int daemon, const char *path, const char *head, const char *format, ...) __attribute__((format(printf, 4, 5)));
static int post(int daemon, const char *path, const char *head, const char *format, ...)
{
	char body[600], headers[500], *text = NULL;
	va_list ap;
	va_start(ap, format);
	vsnprintf(body, sizeof body, format, ap);
	va_end(ap);
	snprintf(headers, sizeof headers, "Content-Type: application/json\r\n%s", head);
	int status = http_do(rig.d[daemon].port, "POST", path, headers, body, strlen(body), rig_patience(0), &text);
	json_decref(told);
	told = text == NULL ? NULL : json_loads(text, 0, NULL);
	free(text);
	return status;
}

static int call(int daemon, const char *token, const char *name, const char *args)
{
	char path[80], head[300];
	snprintf(path, sizeof path, "/api/v1/%s", name);
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", token);
	return post(daemon, path, head, "%s", args);
}

static int page(int daemon, const char *path, const char *body)
{
	char head[120];
	snprintf(head, sizeof head, "X-Eddy: 1\r\nOrigin: http://127.0.0.1:%d\r\n", rig.d[daemon].port);
	return post(daemon, path, head, "%s", body);
}

static void keep_token(char token[80])
{
	snprintf(token, 80, "%s", json_str(told, "token", ""));
	assert_int_equal(strlen(token), 64);
}

/* Ann by the terminal's link, at one daemon of several. */
static void log_in(int daemon, char token[80])
{
	char head[200], body[100];
	snprintf(head, sizeof head, "Authorization: Bearer %s\r\n", local);
	assert_int_equal(post(0, "/api/code", head, "{\"person\":\"ann\",\"name\":\"Ann\"}"), 200);
	snprintf(body, sizeof body, "{\"code\":\"%.43s\"}", strstr(json_str(told, "url", "login="), "login=") + 6);
	assert_int_equal(page(daemon, "/api/login", body), 200);
	keep_token(token);
	assert_int_equal(call(daemon, token, "session.get", "{}"), 200);
}

static void open_socket(int daemon, struct ws *w, const char *token)
{
	memset(w, 0, sizeof *w);
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

/* `eddy ${command}` ends with ${code}. */
static void eddy(const char *command, int code)
{
	const char *args[8] = { NULL };
	char room[200], *out = NULL;
	size_t n = 0, len;
	snprintf(room, sizeof room, "%s", command);
	for (char *rest = room, *one; (one = strsep(&rest, " ")) != NULL && n < 7;)
		args[n++] = one;
	int status = rig_eddy(&rig, 0, args, NULL, &out, &len);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code)
		rig_fail(&rig, "eddy %s ends with %d: %s", command, WEXITSTATUS(status), out);
	free(out);
}

static void begin(void)
{
	rig_env(&rig, "EDDY_LOGIN_PASSWORD=yes");
	rig_serve(&rig, 0, NULL);
	rig_local_token(&rig, 0, local);
}

static void member__whose_role_is_taken_away__is_out_at_once(void **state)
{
	(void)state;
	char here[80], there[80], key[200];
	struct ws a, b;
	begin();
	rig_serve(&rig, 1, NULL);
	log_in(0, here);
	log_in(1, there);
	assert_int_equal(call(0, here, "password.set", "{\"password\":\"" WORDS "\"}"), 200);
	log_in(1, there);
	eddy("member put web:as:ann admin", 0);
	assert_int_equal(
	    call(0, here, "key.issue", "{\"name\":\"mine\",\"role\":\"viewer\",\"scopes\":[\"config:read\"],\"own\":true}"), 200);
	snprintf(key, sizeof key, "%s", json_str(told, "key", ""));
	assert_int_equal(call(0, key, "org.list", "{}"), 200);
	open_socket(0, &a, here);
	open_socket(1, &b, there);
	/* What leaves them a member leaves them alone. */
	eddy("member put web:as:ann viewer", 0);
	eddy("member remove web:as:ann", 0);
	assert_int_equal(call(0, here, "session.get", "{}"), 200);
	assert_int_equal(call(1, there, "session.get", "{}"), 200);
	eddy("member put web:as:ann none", 0);
	wait_closed(&a);
	wait_closed(&b);
	assert_int_equal(call(0, here, "session.get", "{}"), 401);
	assert_int_equal(call(1, there, "session.get", "{}"), 401);
	assert_int_equal(call(0, key, "org.list", "{}"), 401);
	assert_int_equal(call(1, key, "org.list", "{}"), 401);
	assert_int_equal(page(0, "/api/login/password", "{\"name\":\"ann\",\"password\":\"" WORDS "\"}"), 401);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM sessions WHERE ended_at IS NULL"), 0);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT (d.detail::jsonb ->> 'sessions_ended')::int FROM audit a JOIN audit_details d ON d.ws = a.ws AND d.entry_id = a.id"
	        " WHERE a.verb = 'member.put' AND d.detail::text LIKE '%sessions_ended%'"),
	    2);
	/* With the role they may come back; what has ended stays ended. */
	eddy("member remove web:as:ann", 0);
	assert_int_equal(page(0, "/api/login/password", "{\"name\":\"ann\",\"password\":\"" WORDS "\"}"), 200);
	assert_int_equal(call(0, here, "session.get", "{}"), 401);
	assert_int_equal(call(0, key, "org.list", "{}"), 200);
}

static void owner__that_is_the_last__stays(void **state)
{
	(void)state;
	char token[80];
	begin();
	log_in(0, token);
	eddy("member put web:local none", 1);
	eddy("member put web:local admin", 1);
	eddy("member put web:as:ann owner", 0);
	eddy("member put web:local admin", 0);
	assert_int_equal(call(0, token, "member.put", "{\"person\":\"web:as:ann\",\"role\":\"none\"}"), 409);
	assert_int_equal(call(0, token, "member.put", "{\"person\":\"web:as:ann\",\"role\":\"member\"}"), 409);
	assert_int_equal(call(0, token, "member.remove", "{\"person\":\"web:as:ann\"}"), 409);
	assert_string_equal(json_str(told, "code", ""), "conflict");
	/* A change that is refused ends nothing. */
	assert_int_equal(call(0, token, "session.get", "{}"), 200);
	assert_string_equal(json_str(told, "role", ""), "owner");
	eddy("member put web:as:ann none", 1); /* the terminal is an admin now */
}

int main(void)
{
#define one(t) cmocka_unit_test_setup_teardown(t, rig_set_up, rig_tear_down)
	const struct CMUnitTest tests[] = {
		one(member__whose_role_is_taken_away__is_out_at_once),
		one(owner__that_is_the_last__stays),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
