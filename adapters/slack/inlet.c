/*
 * The usual frame passes through in one go: decode, intent, engine_accept, and the ticket is settled after COMMIT on the writer's
 * thread.  Three kinds wait first: an event of a workspace that has no tenant yet (a worker makes it), a message with a small text file, and
 * a shortcut on a message of a channel that we know nothing about (both within two seconds, so that the acknowledgement still comes
 * within Slack's three).  For those the frame is kept as it came and read again.
 */
#include "inlet_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../../core/base/utf8.h"
#include "../net/http.h"
#include "../net/loop.h"
#include "buttons.h"
#include "home.h"
#include "names.h"
#include "slack_internal.h"
#include "socket.h"

static const struct known_person *inlet_person(void *arg, const char *id)
{
	return names_person(((struct slack_inlet *)arg)->s->names, id);
}

static const struct known_place *inlet_place(void *arg, const char *id)
{
	return names_place(((struct slack_inlet *)arg)->s->names, id);
}

struct slack_inlet *inlet_new(struct slack *s)
{
	struct slack_inlet *in = xcalloc(1, sizeof(*in));
	in->s = s;
	if (s->metrics)
		in->refused = metric_counter(s->metrics, "eddy_slack_unacknowledged_total", NULL,
		    "Events left for Slack to send again: the database was away or the queue full");
	return in;
}

void inlet_begin(struct slack_inlet *in)
{
	struct slack *s = in->s;
	const struct slack_self *self = atomic_load(&s->self);
	struct intents *c = &in->intents;
	c->ws = self->ws;
	c->team_id = self->team_id;
	c->self_user = self->user_id;
	c->self_bot = self->bot_id;
	c->self_name = self->user_name;
	c->person = inlet_person;
	c->place = inlet_place;
	c->arg = in;
	c->bots_len = settings_list(s->settings, "slack.bots", &c->bots);
}

void inlet_free(struct slack_inlet *in)
{
	if (!in)
		return;
	intents_done(&in->intents);
	wire_done(&in->again);
	free(in);
}

void inlet_on_gap(struct slack_inlet *in, void (*fn)(void *arg, uint64_t since_ms), void *arg)
{
	in->on_gap = fn;
	in->on_gap_arg = arg;
}

/* ---- after COMMIT ---- */

struct gap {
	struct slack_inlet *in;
	uint64_t since_ms;
};

static void inlet_tell_gap(void *arg)
{
	struct gap *g = arg;
	if (g->in->on_gap)
		g->in->on_gap(g->in->on_gap_arg, g->since_ms);
	free(g);
}

/* Any thread: has the database been away for longer than Slack repeats what it has to say? */
void inlet_note_database(struct slack_inlet *in, enum err e)
{
	if (e == ERR_RETRY) {
		uint64_t none = 0;
		atomic_compare_exchange_strong(&in->away_since_ms, &none, clock_wall_ms());
		return;
	}
	if (atomic_load_explicit(&in->away_since_ms, memory_order_relaxed) == 0)
		return;
	uint64_t since = atomic_exchange(&in->away_since_ms, 0), now = clock_wall_ms();
	if (since == 0 || now < since + in->s->gap_ms)
		return;
	struct gap *g = xmalloc(sizeof(*g));
	*g = (struct gap){ in, since };
	if (!loop_post(in->s->loop, inlet_tell_gap, g))
		free(g);
}

void inlet_accepted(void *arg, const struct accepted *a)
{
	struct sock_ticket *t = arg;
	struct slack_inlet *in = sock_ticket_owner(t);
	bool ack = a->result == ERR_NONE || a->result == ERR_INPUT;
	inlet_note_database(in, a->result);
	if (!ack && in->refused)
		metric_add(in->refused, 1);
	sock_settle(t, ack);
}

/* ---- what waits ---- */

static void inlet_take(
    struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev, struct held *h);

void held_free(struct held *h)
{
	for (size_t i = 0; i < h->files_len; i++) {
		free(h->files[i].file_id);
		free(h->files[i].text);
	}
	free(h->raw);
	free(h->team);
	free(h);
}

struct held *held_new(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n)
{
	struct held *h = xcalloc(1, sizeof(*h));
	h->in = in;
	h->ticket = t;
	h->raw = xmalloc(n + 1);
	memcpy(h->raw, raw, n);
	h->raw[n] = '\0';
	h->n = n;
	in->held++;
	return h;
}

/* Loop thread: what it waited for is there, or will not come. */
static void held_resume(void *arg)
{
	struct held *h = arg;
	struct slack_inlet *in = h->in;
	struct slack_event ev;
	in->held--;
	char *copy = xmalloc(h->n + 1);
	memcpy(copy, h->raw, h->n + 1);
	wire_decode(&in->again, copy, h->n, &ev);
	inlet_take(in, h->ticket, h->raw, h->n, &ev, h);
	free(copy);
	held_free(h);
}

void held_back(struct held *h)
{
	if (!loop_post(h->in->s->loop, held_resume, h)) {
		sock_settle(h->ticket, false);
		held_free(h);
	}
}

static void held_install(void *arg)
{
	struct held *h = arg;
	struct id ws;
	if (engine_install(h->in->s->engine, "slack", h->team, h->team, false, &ws) != ERR_NONE)
		log_warn("slack.install", LF_STR("team", h->team), LF_STR("result", "retry"));
	held_back(h);
}

/* A bot token may only go to Slack's own file hosts, or to where a loopback API address points. */
static bool inlet_file_url(const struct slack *s, const char *url)
{
	static const char *const hosts[] = { "https://files.slack.com/", "https://slack-files.com/" };
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		if (strncmp(url, hosts[i], strlen(hosts[i])) == 0)
			return true;
	if (strncmp(s->api_url, "http://", 7) != 0)
		return false;
	size_t host = 7 + strcspn(s->api_url + 7, "/");
	return strncmp(url, s->api_url, host) == 0 && url[host] == '/';
}

static void fetch_done(void *arg, const struct http_result *r)
{
	struct fetch *f = arg;
	struct held *h = f->h;
	bool html =
	    r->content_type && strncmp(r->content_type, "text/html", 9) == 0; /* a log-in page: the scope files:read is missing */
	if (r->fail == HTTP_OK && r->status == 200 && !html && r->body_len > 0 && utf8_valid(r->body, r->body_len)) {
		f->text = xmalloc(r->body_len + 1);
		memcpy(f->text, r->body, r->body_len);
		f->text[r->body_len] = '\0';
		f->len = r->body_len;
	} else {
		log_info("slack.file", LF_STR("file", f->file_id), LF_INT("status", r->status),
		    LF_STR("result", html ? "needs files:read" : "by reference only"));
	}
	if (atomic_fetch_sub(&h->fetching, 1) == 1)
		held_back(h);
}

/* True if the message waits for its files now. */
static bool inlet_fetch(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, const struct slack_event *ev)
{
	const struct wire_message *m = &ev->msg;
	if (ev->kind != FRAME_EVENT || (ev->type != EVENT_SLACK_MESSAGE && ev->type != EVENT_APP_MENTION) || m->files_len == 0 ||
	    in->held >= HELD_MAX || intents_is_self(&in->intents, ev, m) || m->bot_id)
		return false;
	struct held *h = NULL;
	const char *urls[FETCH_FILES];
	for (size_t i = 0; i < m->files_len; i++) {
		if (!intents_wants_text(&m->files[i]) || !inlet_file_url(in->s, m->files[i].url) ||
		    (h && h->files_len == FETCH_FILES))
			continue;
		if (!h)
			h = held_new(in, t, raw, n);
		urls[h->files_len] = m->files[i].url;
		h->files[h->files_len++] = (struct fetch){ .h = h, .file_id = xstrdup(m->files[i].id) };
	}
	if (!h)
		return false;
	struct buf auth = BUF_INIT;
	buf_addf(&auth, "Authorization: Bearer %s", in->s->bot_token);
	const char *const headers[] = { auth.p, NULL };
	atomic_store(&h->fetching, (unsigned)h->files_len + 1);
	for (size_t i = 0; i < h->files_len; i++) {
		struct http_request r = { .method = "GET",
			.url = urls[i],
			.headers = headers,
			.total_ms = FETCH_MS,
			.max_body = INTENTS_FILE_TEXT_MAX,
			.follow = true,
			.on_done = fetch_done,
			.arg = &h->files[i] };
		if (http_start(in->s->http, &r) != ERR_NONE)
			atomic_fetch_sub(&h->fetching, 1);
	}
	explicit_bzero(auth.p, auth.len);
	buf_done(&auth);
	if (atomic_fetch_sub(&h->fetching, 1) == 1)
		held_back(h);
	return true;
}

/* The tenant of an event; false: it waits until a worker has made it. */
static bool inlet_tenant(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, const struct slack_event *ev,
    bool waited, struct id *ws)
{
	const struct slack_self *self = atomic_load(&in->s->self);
	*ws = self->ws;
	/* One app can be installed by others too: what came for their installation is not ours, whoever's channel it happened in. */
	if (!self->org_install && ev->event_id && ev->install_team && !ev->install_org &&
	    strcmp(ev->install_team, self->team_id) != 0) {
		sock_settle(t, true);
		return false;
	}
	if (!self->org_install || !ev->team_id || strcmp(ev->team_id, self->team_id) == 0)
		return true;
	if (engine_workspace(in->s->engine, "slack", ev->team_id, ws))
		return true;
	if (waited || in->held >= HELD_MAX) {
		sock_settle(t, false);
		return false;
	}
	struct held *h = held_new(in, t, raw, n);
	h->team = xstrdup(ev->team_id);
	if (!engine_submit(in->s->engine, held_install, h)) {
		in->held--;
		sock_settle(t, false);
		held_free(h);
	}
	return false;
}

/* ---- the usual way ---- */

/* What an event means besides its intent. */
static void inlet_aside(struct slack_inlet *in, const struct slack_event *ev)
{
	struct slack *s = in->s;
	switch (ev->type) {
	case EVENT_APP_HOME_OPENED:
		if (ev->user && ev->tab && strcmp(ev->tab, "home") == 0)
			home_publish(s, ev->user);
		else if (ev->channel && ev->tab && strcmp(ev->tab, "messages") == 0)
			home_suggest(s, ev->channel, NULL);
		break;
	case EVENT_ASSISTANT_STARTED:
		if (ev->channel && ev->msg.thread_ts)
			home_suggest(s, ev->channel, ev->msg.thread_ts);
		break;
	case EVENT_CHANNEL_RENAME:
	case EVENT_CHANNEL_ARCHIVE:
	case EVENT_CHANNEL_UNARCHIVE:
	case EVENT_CHANNEL_PRIVATE:
	case EVENT_CHANNEL_SHARED:
	case EVENT_CHANNEL_LEFT:
		if (ev->channel)
			names_forget_place(s->names, ev->channel);
		break;
	case EVENT_MEMBER_JOINED:
	case EVENT_MEMBER_LEFT:
		if (ev->channel && ev->user && strcmp(ev->user, in->intents.self_user) == 0)
			names_forget_place(s->names, ev->channel);
		break;
	case EVENT_USER_CHANGED:
		if (ev->user)
			names_forget_person(s->names, ev->user);
		break;
	case EVENT_RATE_LIMITED:
		log_warn("slack.events_limited", LF_STR("why", "over 30,000 events in an hour: Slack holds deliveries back"));
		break;
	default:
		break;
	}
}

static void inlet_take(
    struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev, struct held *h)
{
	struct slack *s = in->s;
	struct id ws;
	if (ev->kind == FRAME_OTHER || ev->kind == FRAME_BAD) {
		sock_settle(t, true);
		return;
	}
	if (ev->why && ev->kind == FRAME_EVENT)
		log_warn("slack.frame", LF_STR("envelope", sock_ticket_envelope(t)), LF_STR("why", ev->why),
		    LF_STR("result", "ignored"));
	if (!inlet_tenant(in, t, raw, n, ev, h && h->team, &ws))
		return;
	if (!h && inlet_fetch(in, t, raw, n, ev))
		return;
	inlet_aside(in, ev);
	struct intents_file_text texts[FETCH_FILES];
	struct intents_extra x = { .now_ms = clock_wall_ms(), .texts = texts };
	for (size_t i = 0; h && i < h->files_len; i++)
		if (h->files[i].text)
			texts[x.texts_len++] = (struct intents_file_text){ h->files[i].file_id, h->files[i].text, h->files[i].len };
	struct intent intent;
	in->intents.ws = ws;
	if (inlet_press(in, t, raw, n, ev, h, &x))
		return;
	if (!intents_build(&in->intents, ev, &x, &intent)) {
		if (in->intents.unheard)
			log_info("bot.unheard", LF_ID("ws", ws), LF_STR("bot", ev->msg.app_id ? ev->msg.app_id : ev->msg.bot_id),
			    LF_STR("channel", ev->channel), LF_STR("why", "not in slack.bots"), LF_STR("result", "ignored"));
		sock_settle(t, true);
		return;
	}
	bool pressed = intent.kind == INTENT_ACTION_PRESSED && !intent.private_reply && strcmp(intent.action, ACTION_COMMAND) == 0;
	if (pressed || (ev->view_id && ev->callback_id && strcmp(ev->callback_id, VIEW_EDIT) == 0))
		buttons_pressed(s->buttons, ws, intent.place.external_id, intent.thread_key, ev->inner.ts);
	if (engine_accept(s->engine, &intent, inlet_accepted, t))
		return;
	uint64_t now = clock_ms();
	if (now - in->busy_ms >= 1000) {
		in->busy_ms = now;
		log_warn("slack.busy", LF_STR("why", "the engine takes no more; Slack will send it again"));
	}
	if (in->refused)
		metric_add(in->refused, 1);
	inlet_note_database(in, ERR_RETRY); /* full for long means that the database is away */
	sock_settle(t, false);
}

void inlet_event(struct slack_inlet *in, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev)
{
	struct slack *s = in->s;
	sock_ticket_own(t, in);
	if (!atomic_load(&s->app_id) && ev->api_app_id)
		slack_set_app(s, ev->api_app_id);
	inlet_take(in, t, raw, n, ev, NULL);
}

static void inlet_late_done(void *arg, const struct accepted *a)
{
	inlet_note_database(arg, a->result);
}

bool inlet_late(struct slack_inlet *in, const struct slack_event *ev)
{
	struct intents_extra x = { .now_ms = clock_wall_ms(), .late = true };
	struct intent intent;
	in->intents.ws = atomic_load(&in->s->self)->ws;
	if (!intents_build(&in->intents, ev, &x, &intent))
		return true;
	return engine_accept(in->s->engine, &intent, inlet_late_done, in);
}
