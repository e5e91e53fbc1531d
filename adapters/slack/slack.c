/*
 * The adapter object: its settings, its parts and the order in which they start and end.  Events: socket or HTTP → the installation they are for → inlet →
 * engine → ticket settled → ack.  Answers: engine → the installation that their origin names → send → API client.  An installation is the
 * workspace of the tokens in the settings, or one of those that were granted (grants.c); each has parts of its own (workspace.c).
 */
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../net/loop.h"
#include "api.h"
#include "catchup.h"
#include "grants.h"
#include "hook.h"
#include "inlet.h"
#include "origin.h"
#include "pages.h"
#include "send.h"
#include "slack_internal.h"
#include "socket.h"

#define CLOCKS_APART_S 600

const struct setting slack_settings[] = {
	{ "slack.app_token", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "SLACK_APP_TOKEN",
	    "app-level token (xapp-…) with connections:write" },
	{ "slack.bot_token", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "SLACK_BOT_TOKEN", "bot token (xoxb-…) of the installed app" },
	{ "slack.signing_secret", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "SLACK_SIGNING_SECRET",
	    "Slack sends events to /slack/events, signed with this, instead of over a link that slack.app_token opens" },
	{ "slack.client_id", SET_STR, 0, NULL, NULL, 0, 0, "SLACK_CLIENT_ID",
	    "with slack.client_secret: other workspaces add the app themselves, at /slack/install (docs/install-slack.md)" },
	{ "slack.client_secret", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "SLACK_CLIENT_SECRET", "the app's client secret" },
	{ "slack.workspaces", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "ids of the workspaces and organisations that may add the app; * alone: any; without it: none but the one of slack.bot_token" },
	{ "slack.erase_on_uninstall", SET_MS, 0, "0", NULL, 0, 366LL * 86400000, NULL,
	    "when the app is taken away in a workspace, erase all of it after this long (7d), unless it is added again; 0: never" },
	{ "slack.authorize_url", SET_STR, SET_URL | SET_LOOPBACK_PLAIN, "https://slack.com/oauth/v2/authorize", NULL, 0, 0, NULL,
	    "where people say yes to it" },
	{ "slack.api_url", SET_STR, SET_URL | SET_LOOPBACK_PLAIN, "https://slack.com/api/", NULL, 0, 0, NULL,
	    "where the Web API is; plain http only on loopback" },
	{ "slack.limits", SET_ENUM, 0, "documented", "documented|adaptive", 0, 0, NULL,
	    "keep to Slack's documented rates, or learn from its 429 answers only" },
	{ "slack.stream", SET_ENUM, 0, "auto", "auto|off", 0, 0, NULL, "show answers while they are written, or whole" },
	{ "slack.name", SET_STR, 0, "Eddy", NULL, 0, 0, NULL, "the app's name in the manifest and on its Home tab" },
	{ "slack.command", SET_STR, 0, "/eddy", NULL, 0, 0, NULL, "the slash command of the manifest" },
	{ "slack.bots", SET_LIST, 0, NULL, NULL, 0, 0, NULL,
	    "app ids of bots that may ask by mentioning us; all others are not heard" },
	{ "slack.gap", SET_MS, 0, "3m", NULL, 1000, 86400000, NULL,
	    "after this long without a link or database, direct messages and active threads are read back" },
	{ 0 },
};

bool slack_configured(const struct settings *s)
{
	bool in = settings_str(s, "slack.app_token") || settings_str(s, "slack.signing_secret");
	return in && (settings_str(s, "slack.bot_token") || settings_str(s, "slack.client_id"));
}

static bool has_prefix(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

static enum err slack_refuse(char *why, size_t n, const char *what)
{
	snprintf(why, n, "%s", what);
	return ERR_INPUT;
}

static bool has_odd(const char *token)
{
	for (const char *p = token; p && *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return true;
	return false;
}

/* What many workspaces take. */
static const char *check_many(const struct settings *s)
{
	const char *id = settings_str(s, "slack.client_id"), *secret = settings_str(s, "slack.client_secret");
	const char *url = settings_str(s, "web.public_url");
	if (!id && !secret)
		return NULL;
	if (!id || !secret)
		return id ? "slack.client_secret is missing (Basic Information, App Credentials)"
		          : "slack.client_id is missing (Basic Information, App Credentials)";
	if (has_odd(id) || has_odd(secret))
		return "slack.client_id or slack.client_secret holds a blank or a character that neither has";
	if (!url || !url[0])
		return "slack.client_id needs web.public_url: people come back from Slack to that address";
	return NULL;
}

enum err slack_check_settings(const struct settings *s, char *why, size_t n)
{
	const char *app = settings_str(s, "slack.app_token"), *bot = settings_str(s, "slack.bot_token");
	const char *signing = settings_str(s, "slack.signing_secret"), *many = check_many(s);
	if (!bot && !settings_str(s, "slack.client_id"))
		return slack_refuse(why, n, "slack.bot_token is missing (the xoxb- token of the installed app)");
	if (!app && !signing)
		return slack_refuse(why, n,
		    "slack.app_token is missing (an xapp- token with connections:write), or slack.signing_secret where Slack comes by HTTP");
	if ((app && has_prefix(app, "xoxb-")) || (bot && has_prefix(bot, "xapp-")))
		return slack_refuse(why, n,
		    "slack.app_token and slack.bot_token are swapped: the app token begins with xapp-, the bot token with xoxb-");
	if (has_odd(app))
		return slack_refuse(why, n, "slack.app_token holds a blank or a character that no token has");
	if (has_odd(bot))
		return slack_refuse(why, n, "slack.bot_token holds a blank or a character that no token has");
	if (signing && (has_odd(signing) || !signing[0]))
		return slack_refuse(why, n, "slack.signing_secret is empty or holds a character that none has");
	if (many)
		return slack_refuse(why, n, many);
	const char *command = settings_str(s, "slack.command");
	if (command[0] != '/' || !command[1] || strlen(command) > 32 || command[strcspn(command, " \t\"'\\\n")])
		return slack_refuse(why, n, "slack.command must be a slash and a word, like /eddy");
	return ERR_NONE;
}

/* ---- what Slack tells (loop thread) ---- */

void slack_on_event(void *arg, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev)
{
	struct slack_app *app = arg;
	struct slack *s = workspace_for(app, ev);
	bool ends =
	    ev->kind == FRAME_EVENT && (ev->type == EVENT_APP_UNINSTALLED || (ev->type == EVENT_TOKENS_REVOKED && ev->revoked_bot));
	if (ev->kind == FRAME_OTHER || ev->kind == FRAME_BAD) {
		sock_settle(t, true);
	} else if (!s) {
		/* Another process may have heard of it before us; what Slack says again and nobody knows is not ours. */
		bool last = ev->retry_attempt > 0;
		log_warn("slack.unknown", LF_STR("team", ev->team_id), LF_STR("result", last ? "ignored" : "looked for"));
		grants_look(app->grants);
		sock_settle(t, last);
	} else if (atomic_load(&s->gone)) {
		sock_settle(t, true);
	} else if (s->key && ends) {
		grants_end(app->grants, s, t, ev->type == EVENT_APP_UNINSTALLED ? "uninstalled" : "revoked");
	} else if (!atomic_load(&s->self)) {
		sock_settle(t, false); /* it says it again, and by then we know who we are there */
	} else {
		inlet_event(s->inlet, t, raw, n, ev);
	}
}

static void slack_on_up(void *arg, uint64_t away_ms)
{
	struct slack_app *app = arg;
	for (struct slack *s = atomic_load(&app->all); s; s = s->next)
		if (away_ms > s->gap_ms && atomic_load(&s->self) && !atomic_load(&s->gone))
			catchup_run(s->catchup, clock_wall_ms() - away_ms);
}

static void slack_on_app(void *arg, const char *app_id)
{
	for (struct slack *s = atomic_load(&((struct slack_app *)arg)->all); s; s = s->next)
		slack_set_app(s, app_id);
}

/* ---- start and end ---- */

enum err slack_open(struct adapter **out, const struct slack_options *o, char *why, size_t why_n)
{
	if (slack_check_settings(o->settings, why, why_n) != ERR_NONE)
		return ERR_INPUT;
	struct slack_app *app = xcalloc(1, sizeof(*app));
	app->settings = o->settings;
	app->metrics = o->metrics;
	app->engine = o->engine;
	app->loop = o->loop;
	app->http = o->http;
	app->many = settings_str(o->settings, "slack.client_id") != NULL;
	const char *url = settings_str(o->settings, "slack.api_url"), *token = settings_str(o->settings, "slack.app_token");
	const char *bot = settings_str(o->settings, "slack.bot_token");
	size_t n = strlen(url);
	app->api_url = xmalloc(n + 2);
	snprintf(app->api_url, n + 2, "%s%s", url, n && url[n - 1] == '/' ? "" : "/");
	if (bot)
		app->home = workspace_new(app, NULL, false, bot);
	if (token)
		app->sock = sock_new(&(struct sock_options){ .loop = app->loop,
		    .http = app->http,
		    .metrics = app->metrics,
		    .api_url = app->api_url,
		    .app_token = token,
		    .port = { .arg = app, .on_event = slack_on_event, .on_up = slack_on_up, .on_app = slack_on_app } });
	if (app->many)
		app->grants = grants_new(app);
	if (app->many && o->guests)
		app->pages = pages_new(app, o->guests);
	if (settings_str(o->settings, "slack.signing_secret") && o->guests)
		app->hook = hook_new(app, o->guests);
	*out = (struct adapter *)(void *)app;
	return ERR_NONE;
}

void slack_start(struct adapter *a)
{
	struct slack_app *app = slack_app_of(a);
	if (app->home)
		workspace_start(app->home);
	if (!app->many)
		return; /* the link opens once we know who we are */
	grants_start(app->grants);
	if (app->sock)
		sock_start(app->sock);
}

void slack_stop(struct adapter *a)
{
	struct slack_app *app = slack_app_of(a);
	if (atomic_exchange(&app->stopping, true))
		return;
	for (struct slack *s = atomic_load(&app->all); s; s = s->next)
		atomic_store(&s->stopping, true);
	grants_stop(app->grants);
	if (app->sock)
		sock_stop(app->sock);
}

void slack_leave(struct adapter *a)
{
	struct slack_app *app = slack_app_of(a);
	grants_stop(app->grants);
	for (struct slack *s = atomic_load(&app->all); s; s = s->next) {
		slack_out_stop(s->out);
		slack_api_stop(s->api);
	}
	pages_stop(app->pages);
}

void slack_free(struct adapter *a)
{
	if (!a)
		return;
	struct slack_app *app = slack_app_of(a);
	atomic_store(&app->stopping, true);
	slack_leave(a); /* one that was never started: nothing is queued, and no thread would take it */
	sock_free(app->sock);
	for (struct slack *s = atomic_load(&app->all), *next; s; s = next) {
		next = s->next;
		workspace_free(s);
	}
	hook_free(app->hook);
	pages_free(app->pages);
	grants_free(app->grants);
	free(app->api_url);
	free(app);
}

/* ---- what the engine sees ---- */

static enum err slack_send(struct adapter *a, const struct reply *r)
{
	struct slack_app *app = slack_app_of(a);
	struct origin o;
	if (!app->many)
		return slack_out_send(app->home->out, r);
	if (r->origin_len > INTENT_ORIGIN_MAX || !origin_unpack(r->origin, r->origin_len, &o))
		return ERR_INPUT;
	struct slack *s = workspace_find(app, o.team);
	if (!s)
		s = workspace_of(app, r->ws);
	if (!s)
		return app->home && !atomic_load(&app->home->self) ? ERR_RETRY : grants_unknown(app->grants, o.team);
	const struct slack_self *self = atomic_load(&s->self);
	if (atomic_load(&s->gone))
		return ERR_DENIED;
	if (!self)
		return ERR_RETRY;
	/* What belongs to one workspace never leaves with the token of another.  An organisation's token is for all of its workspaces. */
	if (!self->org_install && !id_equal(self->ws, r->ws)) {
		log_error("slack.crossed", LF_ID("delivery", r->delivery), LF_STR("team", o.team), LF_STR("result", "not sent"));
		return ERR_BROKEN;
	}
	return slack_out_send(s->out, r);
}

static void slack_describe(struct adapter *a, char *out, size_t n)
{
	struct slack_app *app = slack_app_of(a);
	char line[300] = "";
	unsigned all = 0, connected = 0;
	if (!app->many) {
		workspace_describe(app->home, out, n);
		return;
	}
	for (struct slack *s = atomic_load(&app->all); s; s = s->next) {
		if (atomic_load(&s->gone))
			continue;
		all++;
		bool known = atomic_load(&s->self) != NULL;
		connected += known;
		if (!known || all == 1)
			workspace_describe(s, line, sizeof(line));
	}
	if (all == 0)
		snprintf(out, n, "no workspace yet; add one at %s/slack/install", settings_str(app->settings, "web.public_url"));
	else if (all == 1)
		snprintf(out, n, "%s", line);
	else if (connected == all)
		snprintf(out, n, "%u workspaces, all connected", all);
	else
		snprintf(out, n, "%u workspaces, %u connected (%s)", all, connected, line);
}

/* https://acme.slack.com/archives/C1/p1760000000000100?thread_ts=1760000000.000001&cid=C1 */
static bool slack_permalink(
    struct adapter *a, struct id ws, const char *place_key, const char *thread_key, const char *message_key, char *out, size_t n)
{
	const struct slack_app *app = slack_app_of(a);
	const struct slack *s = app->many ? workspace_of(app, ws) : app->home;
	const struct slack_self *self = s ? atomic_load(&s->self) : NULL;
	const char *url = self ? self->team_url : s ? s->last_url : NULL;
	if (!url || !url[0] || !place_key || !message_key || !wire_ts_valid(message_key))
		return false;
	const char *dot = strchr(message_key, '.');
	bool in_thread = thread_key && wire_ts_valid(thread_key) && strcmp(thread_key, message_key) != 0;
	int len = snprintf(out, n, "%sarchives/%s/p%.*s%s%s%s%s%s", url, place_key, (int)(dot - message_key), message_key, dot + 1,
	    in_thread ? "?thread_ts=" : "", in_thread ? thread_key : "", in_thread ? "&cid=" : "", in_thread ? place_key : "");
	return len > 0 && (size_t)len < n;
}

/* The message that an origin answers says to a look-up from where on the answer may be there: not before now, give or take a clock that is off. */
static void slack_not_before_now(char ts[40])
{
	snprintf(ts, 40, "%llu.000000", (unsigned long long)(clock_wall_ms() / 1000 - CLOCKS_APART_S));
}

/* A new thread where nothing came in. */
static size_t slack_origin_for(
    struct adapter *a, struct id ws, const char *place_key, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	(void)subject;
	const struct slack *s = workspace_of(slack_app_of(a), ws);
	const struct slack_self *self = s && !atomic_load(&s->gone) ? atomic_load(&s->self) : NULL;
	char from[40];
	if (!self || !place_key[0])
		return 0;
	slack_not_before_now(from);
	struct origin o = { .surface = ORIGIN_CHANNEL,
		.team = self->team_id,
		.channel = place_key,
		.message_ts = from,
		.user_team = self->team_id };
	return origin_pack(&o, out);
}

static size_t slack_origin_within(
    struct adapter *a, const void *origin, size_t n, const char *thread_key, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	struct origin o;
	if (!wire_ts_valid(thread_key) || !origin_unpack(origin, n, &o))
		return 0;
	o.thread_ts = o.message_ts = thread_key;
	return origin_pack(&o, out);
}

/*
 * A side thread is a new message at the top of the same channel or conversation, and what is answered under it.  What only one person may
 * see has no place for one, and the old assistant view opens its threads itself.
 */
static size_t slack_origin_beside(struct adapter *a, struct id ws, const void *origin, size_t n, struct id id, const char *topic,
    char out[INTENT_ORIGIN_MAX], char place_key[PLACE_KEY_MAX], char thread_key[PLACE_KEY_MAX])
{
	(void)a;
	(void)ws;
	(void)id;
	(void)topic;
	struct origin o;
	char from[40];
	if (!origin_unpack(origin, n, &o) || (o.surface != ORIGIN_CHANNEL && o.surface != ORIGIN_DM) || !o.channel[0] ||
	    strlen(o.channel) >= PLACE_KEY_MAX)
		return 0;
	slack_not_before_now(from);
	o.thread_ts = "";
	o.message_ts = from;
	o.response_url = "";
	o.response_until_ms = 0;
	snprintf(place_key, PLACE_KEY_MAX, "%s", o.channel);
	thread_key[0] = '\0';
	return origin_pack(&o, out);
}

const struct adapter_ops slack_ops = {
	.name = "slack",
	.caps = CAP_EDIT | CAP_STREAM | CAP_EPHEMERAL | CAP_COMPONENTS | CAP_THREAD | CAP_STATUS | CAP_SHARED,
	.send = slack_send,
	.describe = slack_describe,
	.permalink = slack_permalink,
	.origin_for = slack_origin_for,
	.origin_within = slack_origin_within,
	.origin_beside = slack_origin_beside,
};
