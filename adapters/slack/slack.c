/*
 * The adapter object: its settings, its parts and the order in which they start and end.  Events: socket → inlet → engine → ticket
 * settled → ack.  Answers: engine → send → API client.  Who we are (login) comes before the first link, names and read-back after it.
 */
#include "slack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
#include "origin.h"
#include "send.h"
#include "slack_internal.h"
#include "socket.h"

#define ALIVE_EVERY_MS 25000
#define CLOCKS_APART_S 600

const struct setting slack_settings[] = {
	{ "slack.app_token", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "SLACK_APP_TOKEN",
	    "app-level token (xapp-…) with connections:write" },
	{ "slack.bot_token", SET_STR, SET_SECRET, NULL, NULL, 0, 0, "SLACK_BOT_TOKEN", "bot token (xoxb-…) of the installed app" },
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
	return settings_str(s, "slack.app_token") && settings_str(s, "slack.bot_token");
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

enum err slack_check_settings(const struct settings *s, char *why, size_t n)
{
	const char *app = settings_str(s, "slack.app_token"), *bot = settings_str(s, "slack.bot_token");
	if (!app || !bot)
		return slack_refuse(why, n,
		    app ? "slack.bot_token is missing (the xoxb- token of the installed app)"
		        : "slack.app_token is missing (an xapp- token with connections:write)");
	if (has_prefix(app, "xoxb-") || has_prefix(bot, "xapp-"))
		return slack_refuse(why, n,
		    "slack.app_token and slack.bot_token are swapped: the app token begins with xapp-, the bot token with xoxb-");
	for (const char *p = app; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return slack_refuse(why, n, "slack.app_token holds a blank or a character that no token has");
	for (const char *p = bot; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return slack_refuse(why, n, "slack.bot_token holds a blank or a character that no token has");
	const char *command = settings_str(s, "slack.command");
	if (command[0] != '/' || !command[1] || strlen(command) > 32 || command[strcspn(command, " \t\"'\\\n")])
		return slack_refuse(why, n, "slack.command must be a slash and a word, like /eddy");
	return ERR_NONE;
}

/* ---- what the socket tells (loop thread) ---- */

static void slack_on_event(void *arg, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev)
{
	inlet_event(((struct slack *)arg)->inlet, t, raw, n, ev);
}

static void slack_on_up(void *arg, uint64_t away_ms)
{
	struct slack *s = arg;
	if (away_ms > s->gap_ms)
		catchup_run(s->catchup, clock_wall_ms() - away_ms);
}

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

static void slack_on_app(void *arg, const char *app_id)
{
	slack_set_app(arg, app_id);
}

static void slack_on_gap(void *arg, uint64_t since_ms)
{
	catchup_run(((struct slack *)arg)->catchup, since_ms);
}

/* ---- start ---- */

struct alive {
	struct slack *s;
	uint64_t last_ms;
};

static void slack_note_alive(void *arg)
{
	struct slack *s = arg;
	char why[8], value[24];
	const struct slack_self *self = atomic_load(&s->self);
	if (!self || atomic_load(&s->stopping) || sock_state(s->sock, why, sizeof(why)) != SOCK_LIVE)
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
	s->last_url = xstrdup("");
	if (engine_installs(s->engine, "slack", slack_last_url, &l) != ERR_NONE)
		log_info("slack.links", LF_STR("result", "none before the log-in"));
	if (l.found > 1)
		s->last_url[0] = '\0';
}

/* Loop thread: we know who we are. */
static void slack_ready(struct slack *s)
{
	if (atomic_load(&s->stopping))
		return;
	const struct slack_self *self = atomic_load(&s->self);
	if (self->team_url[0] && strcmp(self->team_url, s->last_url) != 0)
		engine_note_put(s->engine, self->ws, "slack", "team_url", self->team_url);
	inlet_begin(s->inlet);
	sock_start(s->sock);
	names_warm(s->names);
	struct alive *a = xcalloc(1, sizeof(*a));
	a->s = s;
	if (!engine_submit(s->engine, slack_read_alive, a))
		slack_after_stop(a);
}

enum err slack_open(struct adapter **out, const struct slack_options *o, char *why, size_t why_n)
{
	if (slack_check_settings(o->settings, why, why_n) != ERR_NONE)
		return ERR_INPUT;
	struct slack *s = xcalloc(1, sizeof(*s));
	s->settings = o->settings;
	s->metrics = o->metrics;
	s->engine = o->engine;
	s->loop = o->loop;
	s->http = o->http;
	s->app_token = settings_str(o->settings, "slack.app_token");
	s->bot_token = settings_str(o->settings, "slack.bot_token");
	s->command = settings_str(o->settings, "slack.command");
	s->limits_adaptive = strcmp(settings_str(o->settings, "slack.limits"), "adaptive") == 0;
	s->stream_auto = strcmp(settings_str(o->settings, "slack.stream"), "auto") == 0;
	s->gap_ms = (uint64_t)settings_int(o->settings, "slack.gap");
	const char *url = settings_str(o->settings, "slack.api_url");
	size_t n = strlen(url);
	s->api_url = xmalloc(n + 2);
	snprintf(s->api_url, n + 2, "%s%s", url, n && url[n - 1] == '/' ? "" : "/");
	s->api = slack_api_new(&(struct slack_api_options){ .http = s->http,
	    .metrics = s->metrics,
	    .base_url = s->api_url,
	    .token = s->bot_token,
	    .adaptive = s->limits_adaptive });
	s->buttons = buttons_new(s);
	s->out = slack_out_new(&(struct slack_out_options){
	    .http = s->http, .api = s->api, .metrics = s->metrics, .port = slack_out_engine(s), .stream = s->stream_auto });
	s->names = names_new(s);
	s->inlet = inlet_new(s);
	s->catchup = catchup_new(s);
	inlet_on_gap(s->inlet, slack_on_gap, s);
	s->sock = sock_new(&(struct sock_options){ .loop = s->loop,
	    .http = s->http,
	    .metrics = s->metrics,
	    .api_url = s->api_url,
	    .app_token = s->app_token,
	    .port = { .arg = s, .on_event = slack_on_event, .on_up = slack_on_up, .on_app = slack_on_app } });
	s->login = login_new(s, slack_ready);
	slack_know_url(s);
	*out = (struct adapter *)(void *)s;
	return ERR_NONE;
}

void slack_start(struct adapter *a)
{
	login_start(slack_of(a)->login);
}

void slack_stop(struct adapter *a)
{
	struct slack *s = slack_of(a);
	if (!atomic_exchange(&s->stopping, true))
		sock_stop(s->sock);
}

void slack_leave(struct adapter *a)
{
	struct slack *s = slack_of(a);
	slack_out_stop(s->out);
	slack_api_stop(s->api);
}

void slack_free(struct adapter *a)
{
	if (!a)
		return;
	struct slack *s = slack_of(a);
	atomic_store(&s->stopping, true);
	slack_leave(a); /* one that was never started: nothing is queued, and no thread would take it */
	slack_out_free(s->out);
	slack_api_free(s->api);
	sock_free(s->sock);
	catchup_free(s->catchup);
	inlet_free(s->inlet);
	names_free(s->names);
	login_free(s->login);
	buttons_free(s->buttons);
	free((void *)(uintptr_t)atomic_load(&s->app_id));
	free(s->api_url);
	free(s->last_url);
	free(s);
}

/* ---- what the engine sees ---- */

static enum err slack_send(struct adapter *a, const struct reply *r)
{
	return slack_out_send(slack_of(a)->out, r);
}

static void slack_describe(struct adapter *a, char *out, size_t n)
{
	struct slack *s = slack_of(a);
	const struct slack_self *self = atomic_load(&s->self);
	char why[240];
	if (!self) {
		login_why(s->login, why, sizeof(why));
		if (why[0])
			snprintf(out, n, "not connected: %s", why);
		else
			snprintf(out, n, "connecting");
		return;
	}
	const char *team = self->team_name[0] ? self->team_name : self->team_id;
	switch (sock_state(s->sock, why, sizeof(why))) {
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

/* https://acme.slack.com/archives/C1/p1760000000000100?thread_ts=1760000000.000001&cid=C1 */
static bool slack_permalink(
    struct adapter *a, const char *place_key, const char *thread_key, const char *message_key, char *out, size_t n)
{
	const struct slack *s = slack_of(a);
	const struct slack_self *self = atomic_load(&s->self);
	const char *url = self ? self->team_url : s->last_url;
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
	const struct slack_self *self = atomic_load(&slack_of(a)->self);
	char from[40];
	if (!self || !id_equal(self->ws, ws) || !place_key[0])
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
