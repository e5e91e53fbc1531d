/*
 * Tokens and keys that are kept sealed in the database instead of in the environment: a daemon that is told none of them uses those, what the environment says is
 * stronger, and what does not open is no silent absence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../adapters/web/ws_client.c"
#include "../support/http_peer.h"
#include "harness.h"

#define KEY "the-key-that-is-sealed"
#define CLIENT "the-secret-of-a-client"
#define BASIC "Basic ZWRkeTp0aGUtc2VjcmV0LW9mLWEtY2xpZW50" /* "eddy:" and it */

static struct http_peer *issuer;
static atomic_int asked, rightly;

static int answer(const struct http_peer_request *r)
{
	struct buf body = BUF_INIT;
	int port = http_peer_port(issuer);
	if (strstr(r->path, "openid-configuration") != NULL)
		buf_addf(&body,
		    "{\"issuer\":\"http://127.0.0.1:%d\",\"authorization_endpoint\":\"http://127.0.0.1:%d/a\",\"token_endpoint\":\"http://127.0.0.1:%d/"
		    "token\",\"jwks_uri\":\"http://127.0.0.1:%d/keys\"}",
		    port, port, port, port);
	else
		buf_add_str(&body, "{\"keys\":[]}");
	bool token = strcmp(r->path, "/token") == 0;
	if (token) {
		atomic_fetch_add(&asked, 1);
		atomic_fetch_add(&rightly, strstr(r->head, BASIC) != NULL);
	}
	http_peer_answer(r->fd, token ? "400 Bad Request" : "200 OK", "Content-Type: application/json\r\n", body.p);
	buf_done(&body);
	return 1;
}

static int set_up(void **state)
{
	static char line[100];
	(void)state;
	rig_open(&rig, NULL, (const char *const[]){ "--key=" KEY, NULL });
	issuer = http_peer_new(answer, NULL);
	snprintf(line, sizeof line, "EDDY_LOGIN_OIDC_ISSUER=http://127.0.0.1:%d", http_peer_port(issuer));
	rig_env(&rig, line);
	rig_env(&rig, "EDDY_LOGIN_OIDC_CLIENT_ID=eddy");
	rig_env(&rig, "EDDY_WEB_PUBLIC_URL=http://127.0.0.1:1");
	rig_env(&rig, "EDDY_SLACK_APP_TOKEN=");
	rig_env(&rig, "EDDY_SLACK_BOT_TOKEN=");
	rig_env(&rig, "EDDY_MODEL_API_KEY=");
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	rig_close(&rig);
	http_peer_free(issuer);
	return 0;
}

/* `eddy secret set ${name}`; it has to say ${words} and end with ${status}. */
static void set(const char *name, const char *value, int status, const char *words)
{
	char *out = NULL;
	size_t n;
	int got = rig_eddy(&rig, 0, (const char *const[]){ "secret", "set", name, NULL }, value, &out, &n);
	if (!WIFEXITED(got) || WEXITSTATUS(got) != status || strstr(out, words) == NULL || strstr(out, value) != NULL)
		rig_fail(&rig, "eddy secret set %s ends with %d: %s", name, WEXITSTATUS(got), out);
	free(out);
}

static void begin(void)
{
	rig_spawn(&rig, 0, NULL);
	rig_wait(&rig, 90000, "a daemon without Slack",
	    rig_lives(&rig, 0) && http_do(rig.d[0].port, "GET", "/readyz", NULL, NULL, 0, 1000, NULL) == 200);
}

static void refused(const char *words)
{
	rig_spawn(&rig, 1, NULL);
	int status = rig_wait_end(&rig, 1, 60000);
	char command[600];
	snprintf(command, sizeof command, "grep -qF -- '%s' %s", words, rig.d[1].log);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 3 || system(command) != 0)
		rig_fail(&rig, "the daemon is not refused with \"%s\"", words);
}

/* As far as the exchange of a code that the service does not know. */
static void log_in(void)
{
	char room[6000], request[2000], cookie[1500] = "", state[300] = "";
	for (int i = 0; i < 2; i++) {
		size_t len = 0;
		struct pollfd p = { .fd = tcp_open(rig.d[0].port), .events = POLLIN };
		if (i == 0)
			snprintf(request, sizeof request,
			    "GET /api/login/oidc HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n\r\n", rig.d[0].port);
		else
			snprintf(request, sizeof request,
			    "GET /api/login/oidc/callback?code=x&state=%s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nCookie: %s\r\nConnection: close\r\n\r\n",
			    state, rig.d[0].port, cookie);
		assert_int_equal(send(p.fd, request, strlen(request), MSG_NOSIGNAL), (ssize_t)strlen(request));
		for (ssize_t n; poll(&p, 1, rig_patience(0)) == 1 && (n = recv(p.fd, room + len, sizeof room - 1 - len, 0)) > 0;)
			len += (size_t)n;
		room[len] = '\0';
		close(p.fd);
		const char *at = strcasestr(room, "\r\nset-cookie: "), *s = strstr(room, "state=");
		if (i == 0 && (at == NULL || s == NULL))
			rig_fail(&rig, "no way to the service: %s", room);
		if (i == 0) {
			snprintf(cookie, sizeof cookie, "%.*s", (int)strcspn(at + 14, ";\r"), at + 14);
			snprintf(state, sizeof state, "%.*s", (int)strcspn(s + 6, "&\r"), s + 6);
		}
	}
	if (atomic_load(&asked) == 0)
		rig_fail(&rig, "the code was not exchanged: %s", room);
}

static void settings__sealed_in_the_database__are_used(void **state)
{
	(void)state;
	begin(); /* makes the workspace */
	rig_env(&rig, "EDDY_SLACK_APP_TOKEN=xapp-fake");
	refused("slack.bot_token is missing"); /* it might have been sealed, but is not */
	set("slack.bot_token", "xoxb-fake", 0, "Eddy uses it from its next start on");
	set("model.api_key", KEY "\n", 0, "");
	set("login.oidc.client_secret", CLIENT, 0, "");
	set("a.value.of.mine", "anything\nat all", 0, "");
	set("database.url", "postgresql://x/y", 1, "is not kept in the database");
	set("secrets.master_key", "abc-def", 1, "is not kept in the database");
	set("slack.api_url", "https://x.test.example", 1, "is not kept in the database");
	set("slack.signing_secret", "two\nlines", 1, "more than one line");
	rig_kill(&rig, 0);
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "with which key?");
	rig_wait_answers(&rig, 1, 1, 60000);
	log_in();
	assert_true(atomic_load(&asked) > 0);
	assert_int_equal(atomic_load(&asked), atomic_load(&rightly));
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(DISTINCT facts ->> 'name') FROM audit WHERE verb = 'secret.read' AND facts ->> 'for' = 'setting'"),
	    3);
	assert_int_equal(
	    rig_sql(&rig, "SELECT count(*) FROM audit WHERE facts ->> 'name' = 'a.value.of.mine' AND verb = 'secret.read'"), 0);
	/* The doctor knows them as well. */
	char *out = NULL;
	size_t n;
	rig_eddy(&rig, 0, (const char *const[]){ "doctor", NULL }, NULL, &out, &n);
	if (strstr(out, "ok   slack     slack.bot_token") == NULL || strstr(out, "not connected; set SLACK") != NULL)
		rig_fail(&rig, "doctor: %s", out);
	free(out);
}

static void settings__of_the_environment__are_stronger(void **state)
{
	(void)state;
	begin();
	set("model.api_key", "a-key-that-is-wrong", 0, "");
	rig_env(&rig, "EDDY_MODEL_API_KEY=" KEY);
	set("model.api_key", "a-key-that-is-wrong", 0, "also set by EDDY_MODEL_API_KEY, which is stronger");
	rig_kill(&rig, 0);
	rig_env(&rig, "EDDY_SLACK_APP_TOKEN=xapp-fake");
	rig_env(&rig, "EDDY_SLACK_BOT_TOKEN=xoxb-fake");
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "with which key?");
	rig_wait_answers(&rig, 1, 1, 60000);
}

static void settings__sealed_with_a_key_that_is_lost__are_no_silent_absence(void **state)
{
	(void)state;
	begin();
	set("model.api_key", KEY, 0, "");
	rig_env(&rig, "EDDY_MASTER_KEY=ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100");
	refused("model.api_key is sealed in the database with a master key that is not here");
}

int main(void)
{
	rig_filter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(settings__sealed_in_the_database__are_used, set_up, tear_down),
		cmocka_unit_test_setup_teardown(settings__of_the_environment__are_stronger, set_up, tear_down),
		cmocka_unit_test_setup_teardown(settings__sealed_with_a_key_that_is_lost__are_no_silent_absence, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
