/*
 * One installation and its parts: a client with a token, deliveries, names, the way in, read-back.  The list of them only grows, and an entry is used again when
 * the same workspace grants it anew, so that any thread may keep a pointer to one; what was removed is marked as gone, and its client
 * refuses every call.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../net/loop.h"
#include "api.h"
#include "buttons.h"
#include "catchup.h"
#include "inlet.h"
#include "login.h"
#include "names.h"
#include "send.h"
#include "slack_internal.h"
#include "socket.h"

#define ALIVE_EVERY_MS 25000

void slack_set_app(struct slack *s, const char *app_id)
{
	const char *known = atomic_load(&s->app_id);
	if (known && strcmp(known, app_id) == 0)
		return;
	if (known) {
		log_warn("slack.app", LF_STR("was", known), LF_STR("is", app_id));
		return; /* one app per token: the first word counts, pointers to it are out */
	}
	atomic_store(&s->app_id, (const char *)xstrdup(app_id));
}

static void workspace_gap(void *arg, uint64_t since_ms)
{
	catchup_run(((struct slack *)arg)->catchup, since_ms);
}

/* ---- once we know who we are ---- */

struct alive {
	struct slack *s;
	uint64_t last_ms;
};

static void slack_note_alive(void *arg)
{
	struct slack *s = arg;
	char why[8], value[24];
	const struct slack_self *self = atomic_load(&s->self);
	if (!self || atomic_load(&s->stopping) || atomic_load(&s->gone) ||
	    (s->app->sock && sock_state(s->app->sock, why, sizeof(why)) != SOCK_LIVE))
		return;
	snprintf(value, sizeof(value), "%llu", (unsigned long long)clock_wall_ms());
	engine_note_put(s->engine, self->ws, "slack", "alive", value);
}

static void slack_after_stop(void *arg)
{
	struct alive *a = arg;
	uint64_t now = clock_wall_ms();
	if (a->last_ms && now > a->last_ms + a->s->gap_ms && !atomic_load(&a->s->stopping))
		catchup_run(a->s->catchup, a->last_ms);
	if (!atomic_load(&a->s->stopping))
		loop_timer_new(a->s->loop, 1000, ALIVE_EVERY_MS, slack_note_alive, a->s);
	free(a);
}

/* Worker: when was this workspace last linked? */
static void slack_read_alive(void *arg)
{
	struct alive *a = arg;
	char *value = NULL;
	const struct slack_self *self = atomic_load(&a->s->self);
	if (engine_note_get(a->s->engine, self->ws, "slack", "alive", &value) == ERR_NONE && value)
		a->last_ms = strtoull(value, NULL, 10);
	free(value);
	if (!loop_post(a->s->loop, slack_after_stop, a))
		free(a);
}

/* What is found after a restart is said before the log-in has answered, and its links must lead somewhere: to the one address there was. */
struct last_url {
	struct slack *s;
	unsigned found;
};

static void slack_last_url(void *arg, struct id ws, const char *external_id)
{
	(void)external_id;
	struct last_url *l = arg;
	char *url = NULL;
	if (engine_note_get(l->s->engine, ws, "slack", "team_url", &url) != ERR_NONE || !url)
		return;
	l->found += l->found == 0 || strcmp(l->s->last_url, url) != 0;
	free(l->s->last_url);
	l->s->last_url = url;
}

static void slack_know_url(struct slack *s)
{
	struct last_url l = { .s = s };
	if (engine_installs(s->engine, "slack", slack_last_url, &l) != ERR_NONE)
		log_info("slack.links", LF_STR("result", "none before the log-in"));
	if (l.found > 1)
		s->last_url[0] = '\0';
}

void workspace_ready(struct slack *s)
{
	if (atomic_load(&s->stopping))
		return;
	const struct slack_self *self = atomic_load(&s->self);
	if (self->team_url[0] && strcmp(self->team_url, s->last_url) != 0)
		engine_note_put(s->engine, self->ws, "slack", "team_url", self->team_url);
	inlet_begin(s->inlet);
	if (s->app->sock && !s->app->many)
		sock_start(s->app->sock);
	names_warm(s->names);
	if (s->begun)
		return;
	s->begun = true;
	struct alive *a = xcalloc(1, sizeof(*a));
	a->s = s;
	if (!engine_submit(s->engine, slack_read_alive, a))
		slack_after_stop(a);
}

/* ---- making and finding ---- */

struct slack *workspace_new(struct slack_app *app, const char *key, bool org, const char *token)
{
	struct slack *s = xcalloc(1, sizeof(*s));
	s->settings = app->settings;
	s->metrics = app->metrics;
	s->engine = app->engine;
	s->loop = app->loop;
	s->http = app->http;
	s->app = app;
	s->key = xstrdup(key);
	s->org = org;
	if (key)
		s->own_token = xstrdup(token);
	s->bot_token = key ? s->own_token : token;
	s->command = settings_str(app->settings, "slack.command");
	s->limits_adaptive = strcmp(settings_str(app->settings, "slack.limits"), "adaptive") == 0;
	s->stream_auto = strcmp(settings_str(app->settings, "slack.stream"), "auto") == 0;
	s->gap_ms = (uint64_t)settings_int(app->settings, "slack.gap");
	s->api_url = app->api_url;
	s->last_url = xstrdup("");
	s->api = slack_api_new(&(struct slack_api_options){
	    .http = s->http, .metrics = s->metrics, .base_url = s->api_url, .token = token, .adaptive = s->limits_adaptive });
	s->buttons = buttons_new(s);
	s->out = slack_out_new(&(struct slack_out_options){
	    .http = s->http, .api = s->api, .metrics = s->metrics, .port = slack_out_engine(s), .stream = s->stream_auto });
	s->names = names_new(s);
	s->inlet = inlet_new(s);
	s->catchup = catchup_new(s);
	inlet_on_gap(s->inlet, workspace_gap, s);
	s->login = login_new(s, workspace_ready);
	if (!key)
		slack_know_url(s);
	s->next = atomic_load(&app->all);
	atomic_store(&app->all, s);
	return s;
}

void workspace_start(struct slack *s)
{
	login_start(s->login);
}

static void forget_token(struct slack *s)
{
	if (s->own_token)
		explicit_bzero(s->own_token, strlen(s->own_token));
	free(s->own_token);
	s->own_token = NULL;
}

void workspace_free(struct slack *s)
{
	slack_out_free(s->out);
	slack_api_free(s->api);
	catchup_free(s->catchup);
	inlet_free(s->inlet);
	names_free(s->names);
	login_free(s->login);
	buttons_free(s->buttons);
	free((void *)(uintptr_t)atomic_load(&s->app_id));
	forget_token(s);
	free(s->last_url);
	free(s->key);
	free(s);
}

static bool is_named(const struct slack *s, const char *key)
{
	if (s->key)
		return strcmp(s->key, key) == 0;
	const struct slack_self *self = atomic_load(&s->self);
	return self && strcmp(self->team_id, key) == 0;
}

struct slack *workspace_find(const struct slack_app *app, const char *key)
{
	/* The token of the settings goes before one that was granted for the same workspace. */
	if (app->home && is_named(app->home, key))
		return app->home;
	for (struct slack *s = atomic_load(&app->all); s; s = s->next)
		if (is_named(s, key))
			return s;
	return NULL;
}

struct slack *workspace_of(const struct slack_app *app, struct id ws)
{
	for (struct slack *s = atomic_load(&app->all); s; s = s->next) {
		const struct slack_self *self = atomic_load(&s->self);
		if (self && id_equal(self->ws, ws))
			return s;
	}
	return NULL;
}

struct slack *workspace_for(const struct slack_app *app, const struct slack_event *ev)
{
	if (!app->many)
		return app->home;
	const char *team = ev->install_team ? ev->install_team : ev->team_id;
	const char *org = ev->install_enterprise ? ev->install_enterprise : ev->enterprise_id;
	struct slack *s = team && !ev->install_org ? workspace_find(app, team) : NULL;
	return s || !org ? s : workspace_find(app, org);
}

void workspace_token(struct slack *s, const char *token)
{
	char *was = s->own_token;
	s->own_token = xstrdup(token);
	s->bot_token = s->own_token ? s->own_token : "";
	slack_api_token(s->api, token);
	atomic_store(&s->gone, !token);
	if (was)
		explicit_bzero(was, strlen(was));
	free(was);
}

/* ---- for people ---- */

void workspace_describe(struct slack *s, char *out, size_t n)
{
	const struct slack_self *self = atomic_load(&s->self);
	char why[240];
	if (atomic_load(&s->gone)) {
		snprintf(out, n, "removed from %s", s->key);
		return;
	}
	if (!self) {
		login_why(s->login, why, sizeof(why));
		if (why[0])
			snprintf(out, n, "not connected: %s", why);
		else
			snprintf(out, n, "connecting");
		return;
	}
	const char *team = self->team_name[0] ? self->team_name : self->team_id;
	switch (s->app->sock ? sock_state(s->app->sock, why, sizeof(why)) : SOCK_LIVE) {
	case SOCK_LIVE:
		snprintf(out, n, "connected to %s as @%s", team, self->user_name);
		break;
	case SOCK_AWAY:
		snprintf(out, n, "no link to %s (%s), trying again", team, why);
		break;
	case SOCK_DISABLED:
		snprintf(out, n, "no link to %s: %s", team, why);
		break;
	case SOCK_FATAL:
		snprintf(out, n, "refused by Slack: %s", why);
		break;
	default:
		snprintf(out, n, "connecting to %s", team);
		break;
	}
}
