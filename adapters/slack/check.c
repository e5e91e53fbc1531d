/* What `eddy doctor` says about Slack: two calls, one with each token, waited for. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "../net/http.h"
#include "answer.h"
#include "check.h"
#include "manifest.h"
#include "slack.h"

#define CHECK_MS 9000

static void check_done(void *arg, const struct http_result *r)
{
	struct check_answer *a = arg;
	pthread_mutex_lock(&a->mtx);
	if (r->fail != HTTP_OK)
		snprintf(a->why, sizeof(a->why), "%s", r->why ? r->why : "no connection");
	else if (json_parse(r->body, r->body_len, 65536, &a->body, NULL) != ERR_NONE)
		snprintf(a->why, sizeof(a->why), "HTTP %ld without an answer in JSON", r->status);
	a->scopes = xstrdup(r->header ? r->header : "");
	a->there = true;
	pthread_cond_signal(&a->cond);
	pthread_mutex_unlock(&a->mtx);
}

void check_call(
    struct http *http, const char *api_url, const char *method, const char *token, const char *form, struct check_answer *a)
{
	memset(a, 0, sizeof(*a));
	pthread_mutex_init(&a->mtx, NULL);
	pthread_cond_init(&a->cond, NULL);
	struct buf url = BUF_INIT, auth = BUF_INIT;
	buf_addf(&url, "%s%s%s", api_url, api_url[0] && api_url[strlen(api_url) - 1] == '/' ? "" : "/", method);
	buf_addf(&auth, "Authorization: Bearer %s", token);
	const char *const headers[] = { auth.p, "Content-Type: application/x-www-form-urlencoded", NULL };
	struct http_request r = { .method = "POST",
		.url = url.p,
		.headers = headers,
		.body = xstrdup(form),
		.body_len = strlen(form),
		.total_ms = CHECK_MS,
		.max_body = 65536,
		.want_header = "x-oauth-scopes",
		.on_done = check_done,
		.arg = a };
	bool started = http_start(http, &r) == ERR_NONE;
	buf_done(&url);
	explicit_bzero(auth.p, auth.len);
	buf_done(&auth);
	pthread_mutex_lock(&a->mtx);
	while (started && !a->there)
		pthread_cond_wait(&a->cond, &a->mtx);
	pthread_mutex_unlock(&a->mtx);
	if (!started)
		snprintf(a->why, sizeof(a->why), "the http thread takes no calls");
}

void check_answer_done(struct check_answer *a)
{
	json_decref(a->body);
	free(a->scopes);
	pthread_cond_destroy(&a->cond);
	pthread_mutex_destroy(&a->mtx);
}

bool check_has(const char *list, const char *scope)
{
	size_t n = strlen(scope);
	for (const char *p = list; *p;) {
		p += strspn(p, ", ");
		size_t len = strcspn(p, ", ");
		if (len == n && memcmp(p, scope, n) == 0)
			return true;
		p += len;
	}
	return false;
}

static bool check_bot(const struct settings *s, struct http *http, struct buf *out)
{
	struct check_answer a;
	check_call(http, settings_str(s, "slack.api_url"), "auth.test", settings_str(s, "slack.bot_token"), "", &a);
	bool good = false;
	if (!a.body) {
		buf_addf(out, "bad slack: cannot reach the Web API: %s (check slack.api_url and the network)\n", a.why);
	} else if (!json_bool(a.body, "ok", false)) {
		buf_addf(out, "bad slack.bot_token: Slack says %s (install the app and copy its bot token)\n",
		    slack_word(json_str(a.body, "error", "no")));
	} else {
		buf_addf(out, "ok slack.bot_token: @%s in %s\n", json_str(a.body, "user", "?"), json_str(a.body, "team", "?"));
		good = true;
	}
	struct buf missing = BUF_INIT;
	for (size_t i = 0; good && a.scopes[0] && manifest_scopes[i]; i++)
		if (!check_has(a.scopes, manifest_scopes[i]))
			buf_addf(&missing, "%s%s", missing.len ? ", " : "", manifest_scopes[i]);
	if (missing.len) {
		buf_addf(out,
		    "bad slack: the token lacks the scopes %s (take `eddy slack manifest` over in the app and reinstall it)\n",
		    missing.p);
		good = false;
	} else if (good && a.scopes[0]) {
		buf_add_str(out, "ok slack: the token has every scope of the manifest\n");
	} else if (good) {
		buf_add_str(out, "ok slack: Slack did not say which scopes the token has\n");
	}
	buf_done(&missing);
	check_answer_done(&a);
	return good;
}

static bool check_app(const struct settings *s, struct http *http, struct buf *out)
{
	struct check_answer a;
	check_call(http, settings_str(s, "slack.api_url"), "apps.connections.open", settings_str(s, "slack.app_token"), "", &a);
	bool good = false;
	const char *error = slack_word(json_str(a.body, "error", ""));
	if (!a.body) {
		buf_addf(out, "bad slack: cannot open a link: %s\n", a.why);
	} else if (json_bool(a.body, "ok", false)) {
		buf_add_str(out, "ok slack.app_token: Socket Mode is on\n");
		good = true;
	} else if (strcmp(error, "ratelimited") == 0) {
		buf_add_str(out, "ok slack.app_token: accepted (Slack is limiting new links just now)\n");
		good = true;
	} else if (strcmp(error, "socket_mode_disabled") == 0 || strcmp(error, "forbidden_team") == 0) {
		buf_addf(out, "bad slack: Slack says %s (switch Socket Mode on in the app's settings)\n", error);
	} else {
		buf_addf(out, "bad slack.app_token: Slack says %s (make an app-level token with connections:write)\n", error);
	}
	check_answer_done(&a);
	return good;
}

enum err slack_check(const struct settings *s, struct http *http, struct buf *out)
{
	const char *app = settings_str(s, "slack.app_token"), *bot = settings_str(s, "slack.bot_token");
	bool many = settings_str(s, "slack.client_id") != NULL, signs = settings_str(s, "slack.signing_secret") != NULL;
	if ((!app && !signs) || (!bot && !many)) {
		buf_addf(out, "bad slack.%s_token is not set (see docs/slack.md)\n", app || signs ? "bot" : "app");
		return ERR_INPUT;
	}
	bool good = !bot || check_bot(s, http, out);
	good = (!app || check_app(s, http, out)) && good;
	if (!app)
		buf_add_str(out, "ok slack: Slack comes by HTTP to /slack/events\n");
	return good ? ERR_NONE : ERR_INPUT;
}
