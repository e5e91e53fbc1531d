/*
 * auth.test goes straight through the http thread and not through the API client, because the scopes stand in a header.  The tenant
 * is looked up on a worker, which may block; then the loop publishes the whole.
 */
#include "answer.h"
#include "login.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../net/http.h"
#include "../net/loop.h"
#include "slack_internal.h"
#include "socket.h"

struct slack_login {
	struct slack *s;
	void (*ready)(struct slack *s);
	struct loop_timer *retry;
	unsigned failures;
	struct slack_self *found; /* on its way to a worker and back */
	pthread_mutex_t mtx;      /* guards ${why} */
	char why[240];
};

struct slack_login *login_new(struct slack *s, void (*ready)(struct slack *s))
{
	struct slack_login *l = xcalloc(1, sizeof(*l));
	l->s = s;
	l->ready = ready;
	pthread_mutex_init(&l->mtx, NULL);
	return l;
}

static void self_free(struct slack_self *f)
{
	if (!f)
		return;
	self_free(f->before);
	free(f->user_id);
	free(f->bot_id);
	free(f->team_id);
	free(f->team_name);
	free(f->team_url);
	free(f->user_name);
	free(f->scopes);
	free(f);
}

void login_free(struct slack_login *l)
{
	if (!l)
		return;
	self_free(l->found);
	self_free(atomic_exchange(&l->s->self, NULL));
	pthread_mutex_destroy(&l->mtx);
	free(l);
}

static void login_say(struct slack_login *l, const char *why)
{
	pthread_mutex_lock(&l->mtx);
	snprintf(l->why, sizeof(l->why), "%s", why);
	pthread_mutex_unlock(&l->mtx);
}

void login_why(struct slack_login *l, char *out, size_t n)
{
	pthread_mutex_lock(&l->mtx);
	snprintf(out, n, "%s", l->why);
	pthread_mutex_unlock(&l->mtx);
}

static void login_ask(void *arg);

static void login_again(struct slack_login *l, const char *why, uint32_t at_least_ms)
{
	uint32_t random;
	random_bytes(&random, sizeof(random));
	uint32_t wait = sock_backoff_ms(++l->failures, random);
	if (wait < at_least_ms)
		wait = at_least_ms;
	login_say(l, why);
	if (l->failures == 1)
		log_warn("slack.away", LF_STR("call", "auth.test"), LF_STR("why", why), LF_INT("retry_ms", wait));
	loop_timer_stop(l->retry);
	l->retry = loop_timer_new(l->s->loop, wait, 0, login_ask, l);
}

/* ---- worker and back ---- */

static void login_publish(void *arg)
{
	struct slack_login *l = arg;
	struct slack *s = l->s;
	struct slack_self *f = l->found;
	if (id_is_none(f->ws)) {
		login_again(l, "the database is away", 0);
		return;
	}
	l->found = NULL;
	login_say(l, "");
	log_info("slack.login", LF_STR("team", f->team_id), LF_STR("user", f->user_id), LF_STR("result", "ok"));
	f->before = atomic_exchange(&s->self, f); /* of an earlier grant; pointers to it may be out */
	l->ready(s);
}

static void login_install(void *arg)
{
	struct slack_login *l = arg;
	struct slack_self *f = l->found;
	if (l->s->key) /* the grant has made the tenant */
		f->ws = l->s->granted_ws;
	else if (engine_install(l->s->engine, "slack", f->team_id, f->team_name, true, &f->ws) != ERR_NONE)
		f->ws = ID_NONE;
	loop_post(l->s->loop, login_publish, l);
}

static void login_submit(void *arg)
{
	struct slack_login *l = arg;
	if (atomic_load(&l->s->stopping))
		return;
	if (!engine_submit(l->s->engine, login_install, l))
		login_again(l, "too much is waiting", 0);
}

/* ---- auth.test ---- */

struct refusal {
	struct slack_login *l;
	char error[200];
	uint32_t retry_after_ms;
};

static void login_refused(void *arg)
{
	struct refusal *r = arg;
	struct slack_login *l = r->l;
	if (sock_error_fatal(r->error)) {
		char why[240];
		snprintf(why, sizeof(why), "%s for %s", r->error, l->s->key ? l->s->key : "slack.bot_token");
		login_say(l, why);
		if (l->s->key)
			log_error("slack.refused", LF_STR("team", l->s->key), LF_STR("error", r->error),
			    LF_STR("mend", "somebody there is to add the app once more"));
		else
			log_error("slack.refused", LF_STR("setting", "slack.bot_token"), LF_STR("error", r->error),
			    LF_STR("mend", "install the app and copy its bot token, then restart"));
		if (l->s->app && l->s->app->refused)
			l->s->app->refused(l->s, r->error);
	} else if (!atomic_load(&l->s->stopping)) {
		login_again(l, r->error, r->retry_after_ms);
	}
	free(r);
}

static char *text_of(const json_t *o, const char *key)
{
	return xstrdup(json_str(o, key, ""));
}

static void login_on_answer(void *arg, const struct http_result *r)
{
	struct slack_login *l = arg;
	json_t *o = NULL;
	const char *error = NULL;
	char http[48];
	if (r->fail != HTTP_OK) {
		error = r->why ? r->why : "no connection";
	} else if (json_parse(r->body, r->body_len, 65536, &o, NULL) != ERR_NONE || !json_is_object(o)) {
		snprintf(http, sizeof(http), "HTTP %ld without an answer", r->status);
		error = http;
	} else if (!json_bool(o, "ok", false)) {
		error = slack_word(json_str(o, "error", "no answer"));
	} else if (!json_str(o, "user_id", NULL) || !json_str(o, "team_id", json_str(o, "enterprise_id", NULL))) {
		error = "auth.test names no user and team";
	}
	if (error) {
		struct refusal *f = xcalloc(1, sizeof(*f));
		f->l = l;
		f->retry_after_ms = r->retry_after_ms;
		snprintf(f->error, sizeof(f->error), "%s", error);
		if (!loop_post(l->s->loop, login_refused, f))
			free(f);
		json_decref(o);
		return;
	}
	struct slack_self *f = xcalloc(1, sizeof(*f));
	f->user_id = text_of(o, "user_id");
	f->bot_id = text_of(o, "bot_id");
	f->team_id = xstrdup(l->s->key ? l->s->key : json_str(o, "team_id", json_str(o, "enterprise_id", "")));
	f->team_name = text_of(o, "team");
	f->team_url = text_of(o, "url");
	f->user_name = text_of(o, "user");
	f->scopes = xstrdup(r->header ? r->header : "");
	f->org_install = l->s->org || json_bool(o, "is_enterprise_install", false);
	json_decref(o);
	self_free(l->found); /* of an attempt that ended without a database */
	l->found = f;
	loop_post(l->s->loop, login_submit, l);
}

static void login_ask(void *arg)
{
	struct slack_login *l = arg;
	loop_timer_stop(l->retry);
	l->retry = NULL;
	if (atomic_load(&l->s->stopping) || atomic_load(&l->s->gone))
		return;
	if (l->found) { /* known to Slack, only the database was away */
		login_submit(l);
		return;
	}
	struct buf url = BUF_INIT, auth = BUF_INIT;
	buf_addf(&url, "%sauth.test", l->s->api_url);
	buf_addf(&auth, "Authorization: Bearer %s", l->s->bot_token);
	const char *const headers[] = { auth.p, "Content-Type: application/x-www-form-urlencoded", NULL };
	struct http_request r = { .method = "POST",
		.url = url.p,
		.headers = headers,
		.body = xstrdup(""),
		.total_ms = 10000,
		.connect_ms = 5000,
		.max_body = 65536,
		.want_header = "x-oauth-scopes",
		.on_done = login_on_answer,
		.arg = l };
	if (http_start(l->s->http, &r) != ERR_NONE)
		login_again(l, "too much is waiting", 0);
	buf_done(&url);
	explicit_bzero(auth.p, auth.len);
	buf_done(&auth);
}

void login_start(struct slack_login *l)
{
	loop_post(l->s->loop, login_ask, l);
}
