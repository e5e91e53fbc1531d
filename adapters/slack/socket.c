/*
 * Which links there should be.  One is live; when Slack announces its end (or its life is nearly over by hello's own word) the next
 * one is opened first and the old one serves until its last ack is out.  A link that is cut is replaced at once, repeated failures
 * wait longer and longer, and a bucket of tokens keeps us from asking for addresses without end.
 *
 * A frame gets a ticket; the writer's thread settles tickets after COMMIT into one list, which the loop empties in one turn.
 */
#include "answer.h"
#include "socket.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/id.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../net/http.h"
#include "socket_internal.h"

#define LINKS_MAX 2
#define TOKENS_MAX 10.0       /* apps.connections.open: bursts are tolerated … */
#define TOKEN_EVERY_MS 6000.0 /* … and ten a minute is the most we ask for in the long run */
#define BACKOFF_MAX_MS 30000u
#define QUICK_MS 1000u /* a link that lived shorter counts as a failure from the second time on */
#define LIFE_MARGIN_S 20
#define SWEEP_MS 200
#define DRAIN_MAX_MS 10000u
#define SPARE_MAX 512
#define ASK_MS 10000

/* ---- small things ---- */

bool sock_error_fatal(const char *error)
{
	static const char *const fatal[] = { "not_authed", "invalid_auth", "account_inactive", "user_removed_from_team",
		"team_disabled", "token_revoked", "token_expired", "not_allowed_token_type", "missing_scope", "no_permission" };
	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		if (strcmp(fatal[i], error) == 0)
			return true;
	return false;
}

static bool sock_loopback(const char *host)
{
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 || strncmp(host, "127.", 4) == 0;
}

bool sock_url_parse(const char *url, struct sock_url *out)
{
	memset(out, 0, sizeof(*out));
	for (const char *p = url; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f)
			return false;
	out->tls = strncmp(url, "wss://", 6) == 0;
	if (!out->tls && strncmp(url, "ws://", 5) != 0)
		return false;
	const char *host = url + (out->tls ? 6 : 5);
	size_t all = strcspn(host, "/?#");
	out->path = host[all] == '/' ? host + all : "/";
	if (host[all] != '/' && host[all] != '\0')
		return false;
	const char *end = host + all, *port = NULL;
	size_t n;
	if (*host == '[') {
		const char *close = memchr(host, ']', all);
		if (!close)
			return false;
		host++;
		n = (size_t)(close - host);
		port = close + 1;
	} else {
		n = strcspn(host, ":/?#");
		port = host + n;
	}
	if (n == 0 || n >= sizeof(out->host) || memchr(host, '@', n))
		return false;
	memcpy(out->host, host, n);
	out->port = out->tls ? 443 : 80;
	if (port < end) {
		char *stop;
		long v = *port == ':' ? strtol(port + 1, &stop, 10) : 0;
		if (v < 1 || v > 65535 || stop != end)
			return false;
		out->port = (int)v;
	}
	return out->tls || sock_loopback(out->host);
}

uint32_t sock_backoff_ms(unsigned failures, uint32_t random)
{
	if (failures == 0)
		return 0;
	uint32_t ms = 1000u << (failures - 1 < 5 ? failures - 1 : 5);
	if (ms > BACKOFF_MAX_MS)
		ms = BACKOFF_MAX_MS;
	return ms / 2 + (uint32_t)((uint64_t)(ms / 2) * random / UINT32_MAX);
}

static void sock_say(struct slack_sock *s, enum sock_state state, const char *why)
{
	pthread_mutex_lock(&s->mtx);
	s->state = state;
	snprintf(s->why, sizeof(s->why), "%s", why);
	pthread_mutex_unlock(&s->mtx);
}

enum sock_state sock_state(struct slack_sock *s, char *why, size_t n)
{
	pthread_mutex_lock(&s->mtx);
	enum sock_state state = s->state;
	if (n)
		snprintf(why, n, "%s", s->why);
	pthread_mutex_unlock(&s->mtx);
	return state;
}

static unsigned sock_count(const struct slack_sock *s)
{
	unsigned n = 0;
	for (const struct sock_link *l = s->links; l; l = l->next)
		n += !l->abandoned && l->state != LINK_CLOSING;
	return n;
}

static void sock_gauge(struct slack_sock *s)
{
	int64_t n = 0;
	for (const struct sock_link *l = s->links; l; l = l->next)
		n += l->state == LINK_LIVE || l->state == LINK_DRAINING;
	if (s->m_links)
		metric_set(s->m_links, n);
}

static struct sock_link *sock_find(struct slack_sock *s, uint64_t id)
{
	for (struct sock_link *l = s->links; l; l = l->next)
		if (l->id == id)
			return l;
	return NULL;
}

static void sock_remove(struct slack_sock *s, struct sock_link *l)
{
	for (struct sock_link **p = &s->links; *p; p = &(*p)->next) {
		if (*p == l) {
			*p = l->next;
			break;
		}
	}
	if (s->live == l)
		s->live = NULL;
	if (s->opening == l)
		s->opening = NULL;
	link_free(l);
	sock_gauge(s);
}

/* ---- tickets ---- */

static struct sock_ticket *sock_ticket_new(struct slack_sock *s, struct sock_link *l, const char *envelope_id)
{
	struct sock_ticket *t = s->spare;
	if (t) {
		s->spare = t->next;
		s->spare_len--;
	} else {
		t = xmalloc(sizeof(*t));
	}
	t->next = NULL;
	t->s = s;
	t->link = l->id;
	t->rx_us = clock_us();
	t->ack = false;
	t->payload = NULL;
	t->settled = NULL;
	snprintf(t->envelope_id, sizeof(t->envelope_id), "%s", envelope_id);
	l->inflight++;
	return t;
}

struct sock_ticket *sock_ticket_done(struct slack_sock *s, struct sock_ticket *t)
{
	struct sock_ticket *next = t->next;
	free(t->payload);
	t->payload = NULL;
	if (s->spare_len < SPARE_MAX) {
		t->next = s->spare;
		s->spare = t;
		s->spare_len++;
	} else {
		free(t);
	}
	return next;
}

const char *sock_ticket_envelope(const struct sock_ticket *t)
{
	return t->envelope_id;
}

void sock_ticket_own(struct sock_ticket *t, void *owner)
{
	t->owner = owner;
}

void *sock_ticket_owner(const struct sock_ticket *t)
{
	return t->owner;
}

static void sock_take_settled(void *arg)
{
	struct slack_sock *s = arg;
	pthread_mutex_lock(&s->mtx);
	struct sock_ticket *t = s->settled;
	s->settled = s->settled_last = NULL;
	pthread_mutex_unlock(&s->mtx);
	while (t) {
		struct sock_link *l = sock_find(s, t->link);
		struct sock_ticket *next = t->next;
		t->next = NULL;
		if (!l || !t->ack || !l->wsi || l->state == LINK_CLOSING) {
			if (l)
				l->inflight--;
			sock_ticket_done(s, t);
		} else {
			if (l->out_last)
				l->out_last->next = t;
			else
				l->out = t;
			l->out_last = t;
		}
		t = next;
	}
	for (struct sock_link *l = s->links; l; l = l->next)
		if (l->out)
			link_flush(l);
}

struct sock_ticket *sock_ticket_loose(const char *envelope_id, void (*settled)(void *arg, bool ack, const char *payload), void *arg)
{
	struct sock_ticket *t = xcalloc(1, sizeof(*t));
	t->settled = settled;
	t->arg = arg;
	snprintf(t->envelope_id, sizeof(t->envelope_id), "%s", envelope_id);
	return t;
}

void sock_settle(struct sock_ticket *t, bool ack)
{
	struct slack_sock *s = t->s;
	if (t->settled) {
		t->settled(t->arg, ack, t->payload);
		free(t->payload);
		free(t);
		return;
	}
	t->ack = ack;
	t->next = NULL;
	pthread_mutex_lock(&s->mtx);
	bool first = !s->settled;
	if (s->settled_last)
		s->settled_last->next = t;
	else
		s->settled = t;
	s->settled_last = t;
	pthread_mutex_unlock(&s->mtx);
	if (first)
		loop_post(s->o.loop, sock_take_settled, s); /* refused only when the loop ends: sock_free() finds them */
}

void sock_settle_with(struct sock_ticket *t, const char *payload)
{
	t->payload = strlen(payload) <= SOCK_PAYLOAD_MAX ? xstrdup(payload) : NULL;
	sock_settle(t, true);
}

/* ---- opening ---- */

static void sock_open(struct slack_sock *s, uint32_t delay_ms);

/* The answer of apps.connections.open, on its way from the http thread to the loop. */
struct sock_ask {
	struct slack_sock *s;
	uint64_t link;
	char *url;
	char error[200];
	uint32_t retry_after_ms;
};

static void sock_failed(struct slack_sock *s, const char *why, uint32_t at_least_ms)
{
	uint32_t random;
	random_bytes(&random, sizeof(random));
	s->failures++;
	uint32_t wait = sock_backoff_ms(s->failures, random);
	if (wait < at_least_ms)
		wait = at_least_ms;
	if (!s->live) {
		sock_say(s, SOCK_AWAY, why);
		if (!s->said_away)
			log_warn("slack.away", LF_STR("why", why), LF_INT("retry_ms", wait));
		s->said_away = true;
	}
	sock_open(s, wait);
}

static void sock_fatal(struct slack_sock *s, const char *error)
{
	char why[256];
	snprintf(why, sizeof(why), "%s for slack.app_token", error);
	sock_say(s, SOCK_FATAL, why);
	log_error("slack.refused", LF_STR("setting", "slack.app_token"), LF_STR("error", error),
	    LF_STR("mend", "make an app-level token with connections:write, then restart"));
}

static void sock_answered(void *arg)
{
	struct sock_ask *a = arg;
	struct slack_sock *s = a->s;
	struct sock_link *l = sock_find(s, a->link);
	if (l && (l->abandoned || s->stopping)) {
		sock_remove(s, l);
	} else if (l) {
		if (a->url && sock_url_parse(a->url, &l->to)) {
			l->url = a->url;
			a->url = NULL;
			link_connect(l);
		} else {
			sock_remove(s, l);
			if (a->url)
				snprintf(a->error, sizeof(a->error), "Slack named an address that is not wss");
			if (sock_error_fatal(a->error))
				sock_fatal(s, a->error);
			else
				sock_failed(s, a->error, a->retry_after_ms);
		}
	}
	free(a->url);
	free(a);
}

static void sock_on_answer(void *arg, const struct http_result *r)
{
	struct sock_ask *a = arg;
	json_t *o = NULL;
	a->retry_after_ms = r->retry_after_ms;
	if (r->fail != HTTP_OK) {
		snprintf(a->error, sizeof(a->error), "%s", r->why ? r->why : "no connection");
	} else if (r->status == 429) {
		snprintf(a->error, sizeof(a->error), "ratelimited");
		if (a->retry_after_ms == 0)
			a->retry_after_ms = 30000;
	} else if (json_parse(r->body, r->body_len, 65536, &o, NULL) != ERR_NONE || !json_is_object(o)) {
		snprintf(a->error, sizeof(a->error), "HTTP %ld without an answer", r->status);
	} else if (json_bool(o, "ok", false) && json_str(o, "url", NULL)) {
		a->url = xstrdup(json_str(o, "url", NULL));
	} else {
		snprintf(a->error, sizeof(a->error), "%s", slack_word(json_str(o, "error", "no url")));
		if (strcmp(a->error, "ratelimited") == 0 && a->retry_after_ms == 0)
			a->retry_after_ms = 30000;
	}
	json_decref(o);
	if (!loop_post(a->s->o.loop, sock_answered, a)) {
		free(a->url);
		free(a);
	}
}

static bool sock_ask(struct slack_sock *s, struct sock_link *l)
{
	struct buf url = BUF_INIT, auth = BUF_INIT;
	buf_addf(&url, "%sapps.connections.open", s->o.api_url);
	buf_addf(&auth, "Authorization: Bearer %s", s->o.app_token);
	const char *const headers[] = { auth.p, "Content-Type: application/x-www-form-urlencoded", NULL };
	struct sock_ask *a = xcalloc(1, sizeof(*a));
	a->s = s;
	a->link = l->id;
	struct http_request r = { .method = "POST",
		.url = url.p,
		.headers = headers,
		.body = xstrdup(""),
		.total_ms = ASK_MS,
		.connect_ms = 5000,
		.max_body = 65536,
		.on_done = sock_on_answer,
		.arg = a };
	enum err e = http_start(s->o.http, &r);
	buf_done(&url);
	explicit_bzero(auth.p, auth.len);
	buf_done(&auth);
	if (e != ERR_NONE)
		free(a);
	return e == ERR_NONE;
}

static uint32_t sock_take_token(struct slack_sock *s)
{
	uint64_t now = clock_ms();
	s->tokens += (double)(now - s->tokens_ms) / TOKEN_EVERY_MS;
	s->tokens_ms = now;
	if (s->tokens > TOKENS_MAX)
		s->tokens = TOKENS_MAX;
	if (s->tokens >= 1) {
		s->tokens -= 1;
		return 0;
	}
	return (uint32_t)((1 - s->tokens) * TOKEN_EVERY_MS) + 1;
}

static void sock_open_now(void *arg)
{
	struct slack_sock *s = arg;
	loop_timer_stop(s->retry);
	s->retry = NULL;
	if (s->stopping || s->opening)
		return;
	if (sock_count(s) >= LINKS_MAX) { /* the older of two draining links makes room */
		struct sock_link *old = NULL;
		for (struct sock_link *l = s->links; l; l = l->next)
			if (l != s->live && !l->abandoned && (!old || l->id < old->id))
				old = l;
		if (old)
			link_close(old, "room for the next");
	}
	uint32_t wait = sock_take_token(s);
	if (wait > 0) {
		sock_open(s, wait);
		return;
	}
	struct sock_link *l = xcalloc(1, sizeof(*l));
	l->s = s;
	l->id = ++s->last_id;
	l->state = LINK_ASKING;
	l->next = s->links;
	s->links = l;
	s->opening = l;
	if (!s->live)
		sock_say(s, SOCK_CONNECTING, "");
	if (!sock_ask(s, l)) {
		sock_remove(s, l);
		sock_failed(s, "too much is waiting", 0);
	}
}

static void sock_open(struct slack_sock *s, uint32_t delay_ms)
{
	if (s->stopping || s->opening)
		return;
	if (delay_ms == 0 && s->retry == NULL) {
		sock_open_now(s);
		return;
	}
	loop_timer_stop(s->retry);
	s->retry = loop_timer_new(s->o.loop, delay_ms, 0, sock_open_now, s);
}

/* ---- what links tell ---- */

void sock_link_open(struct sock_link *l)
{
	log_debug("slack.link_open", LF_INT("link", l->id));
}

static void sock_hello(struct sock_link *l, const struct slack_event *ev)
{
	struct slack_sock *s = l->s;
	if (l->state != LINK_OPEN)
		return;
	uint64_t now = clock_ms();
	loop_timer_stop(l->timer);
	l->timer = NULL;
	l->state = LINK_LIVE;
	l->hello_ms = now;
	struct sock_link *old = s->live;
	s->live = l;
	if (s->opening == l)
		s->opening = NULL;
	if (old) {
		old->state = old->state == LINK_CLOSING ? LINK_CLOSING : LINK_DRAINING;
		old->replaced_ms = now;
	}
	uint64_t away = !old && s->lost_ms ? now - s->lost_ms : 0;
	s->lost_ms = 0;
	s->failures = 0;
	s->said_away = false;
	sock_say(s, SOCK_LIVE, "");
	sock_gauge(s);
	if (s->m_reconnects && s->last_id > 1)
		metric_add(s->m_reconnects, 1);
	log_info("slack.link", LF_INT("link", l->id), LF_INT("open", ev->num_connections), LF_INT("life_s", ev->lifetime_s),
	    LF_INT("away_ms", away), LF_STR("result", "ok"));
	if (ev->app_id && s->o.port.on_app)
		s->o.port.on_app(s->o.port.arg, ev->app_id);
	if (s->o.port.on_up)
		s->o.port.on_up(s->o.port.arg, away);
	if (ev->lifetime_s > 3 * LIFE_MARGIN_S && !s->retry) /* the warning may be missing: be first */
		s->retry = loop_timer_new(s->o.loop, (uint64_t)(ev->lifetime_s - LIFE_MARGIN_S) * 1000, 0, sock_open_now, s);
}

static void sock_disconnect(struct sock_link *l, const char *reason)
{
	struct slack_sock *s = l->s;
	if (l->state != LINK_OPEN && l->state != LINK_LIVE)
		return; /* said before: refresh_requested after a warning */
	log_info("slack.disconnect", LF_INT("link", l->id), LF_STR("reason", reason ? reason : ""));
	loop_timer_stop(s->retry);
	s->retry = NULL;
	bool mine = l == s->live,
	     refused = reason && (strcmp(reason, "link_disabled") == 0 || strcmp(reason, "too_many_websockets") == 0);
	l->state = l->state == LINK_LIVE ? LINK_DRAINING : l->state;
	if (refused && s->opening == l) {
		s->opening = NULL;
		link_close(l, reason);
	}
	if (reason && strcmp(reason, "link_disabled") == 0) {
		log_error("slack.refused", LF_STR("error", "link_disabled"),
		    LF_STR("mend", "switch Socket Mode on in the app's settings"));
		sock_say(s, SOCK_DISABLED, "Socket Mode is switched off in the app's settings");
		s->said_away = true;
		sock_open(s, s->o.disabled_ms);
	} else if (reason && strcmp(reason, "too_many_websockets") == 0) {
		link_close(l, reason);
		for (struct sock_link *old = mine ? s->links : NULL; old; old = old->next) {
			if (old->state != LINK_DRAINING)
				continue;
			s->live = old; /* one fewer is what Slack wants: the old one stays until the next try */
			old->replaced_ms = 0;
			break;
		}
		sock_failed(s, reason, 5000);
	} else if (mine || !s->live) {
		sock_open(s, 0);
	}
}

void sock_link_frame(struct sock_link *l, bool binary)
{
	struct slack_sock *s = l->s;
	struct slack_event ev;
	if (l->too_long || binary) {
		memset(&ev, 0, sizeof(ev));
		ev.kind = FRAME_BAD;
		ev.why = l->too_long ? "longer than 1 MiB" : "a binary frame";
		ev.envelope_id = s->wire.envelope_id;
		s->wire.envelope_id[0] = '\0';
		wire_salvage_envelope(l->rx.p ? l->rx.p : "", l->rx.len, s->wire.envelope_id);
	} else {
		buf_reset(&s->scratch);
		buf_add(&s->scratch, l->rx.p, l->rx.len);
		wire_decode(&s->wire, s->scratch.p, s->scratch.len, &ev);
	}
	if (s->m_frames[ev.kind])
		metric_add(s->m_frames[ev.kind], 1);
	switch (ev.kind) {
	case FRAME_HELLO:
		sock_hello(l, &ev);
		break;
	case FRAME_DISCONNECT:
		sock_disconnect(l, ev.reason);
		break;
	case FRAME_BAD: {
		uint64_t now = clock_ms();
		if (now - s->bad_ms >= 1000) { /* a flood of them is one line a second; the metric counts all */
			s->bad_ms = now;
			log_warn("slack.frame", LF_STR("envelope", ev.envelope_id), LF_STR("why", ev.why),
			    LF_INT("bytes", l->rx.len), LF_STR("result", ev.envelope_id[0] ? "acknowledged" : "ignored"));
		}
		if (ev.envelope_id[0])
			sock_settle(sock_ticket_new(s, l, ev.envelope_id), true);
		break;
	}
	default:
		if (s->stopping) /* Slack sends it again, to the next process or to us after the restart */
			break;
		s->o.port.on_event(s->o.port.arg, sock_ticket_new(s, l, ev.envelope_id), l->rx.p, l->rx.len, &ev);
		break;
	}
	if (s->scratch.cap > 65536 * 2)
		buf_done(&s->scratch);
}

void sock_link_ended(struct sock_link *l, const char *why)
{
	struct slack_sock *s = l->s;
	bool was_live = s->live == l, was_opening = s->opening == l;
	bool lived = l->hello_ms != 0;
	uint64_t now = clock_ms(), age = lived ? now - l->hello_ms : 0;
	char text[96];
	snprintf(text, sizeof(text), "%s", why);
	log_info(
	    "slack.link_end", LF_INT("link", l->id), LF_STR("why", text), LF_INT("age_ms", age), LF_INT("unacked", l->inflight));
	bool asked = l->state == LINK_DRAINING || l->state == LINK_CLOSING;
	sock_remove(s, l);
	if (was_live && !s->lost_ms)
		s->lost_ms = now;
	if (s->stopping)
		return;
	if (was_opening) {
		sock_failed(s, text, 0);
	} else if (was_live && !s->opening) {
		s->quick = age < QUICK_MS ? s->quick + 1 : 0;
		uint32_t random;
		random_bytes(&random, sizeof(random));
		uint32_t wait = s->quick > 1 ? sock_backoff_ms(s->quick - 1, random) : 0;
		if (s->state != SOCK_DISABLED)
			sock_say(s, SOCK_AWAY, text);
		if (asked && s->retry)
			return; /* its successor is already planned */
		loop_timer_stop(s->retry);
		s->retry = NULL;
		sock_open(s, wait);
	}
}

/* Replaced links go when nothing has come for a while and their last ack is out; when stopping all go so. */
static void sock_sweep(void *arg)
{
	struct slack_sock *s = arg;
	uint64_t now = clock_ms();
	for (struct sock_link *l = s->links; l; l = l->next) {
		if (l->state != LINK_LIVE && l->state != LINK_DRAINING && !(s->stopping && l->state == LINK_OPEN))
			continue;
		bool replaced = l->replaced_ms != 0;
		if (!replaced && !s->stopping)
			continue;
		bool idle = l->inflight == 0 && (s->stopping || now - l->rx_ms >= s->o.drain_ms);
		if (idle || (replaced && now - l->replaced_ms > DRAIN_MAX_MS))
			link_close(l, s->stopping ? "stopping" : "replaced");
	}
}

/* ---- life ---- */

struct slack_sock *sock_new(const struct sock_options *o)
{
	struct slack_sock *s = xcalloc(1, sizeof(*s));
	s->o = *o;
	s->o.hello_ms = o->hello_ms ? o->hello_ms : 8000;
	s->o.drain_ms = o->drain_ms ? o->drain_ms : 1000;
	s->o.disabled_ms = o->disabled_ms ? o->disabled_ms : 300000;
	s->tokens = TOKENS_MAX;
	s->tokens_ms = clock_ms();
	pthread_mutex_init(&s->mtx, NULL);
	if (o->metrics) {
		s->m_links = metric_gauge(o->metrics, "eddy_slack_links", NULL, "Live Socket Mode links");
		s->m_reconnects =
		    metric_counter(o->metrics, "eddy_slack_reconnects_total", NULL, "Socket Mode links after the first");
		s->m_ack = metric_duration(
		    o->metrics, "eddy_slack_ack_seconds", NULL, "From a frame to its acknowledgement, after COMMIT");
		for (int i = 0; i < FRAME_KINDS; i++) {
			char labels[64];
			snprintf(labels, sizeof(labels), "type=\"%s\"", wire_frame_names[i]);
			s->m_frames[i] =
			    metric_counter(o->metrics, "eddy_slack_frames_total", labels, "Socket Mode frames received");
		}
	}
	loop_add_protocol(o->loop, LOOP_CLIENT, &link_protocol);
	return s;
}

static void sock_begin(void *arg)
{
	struct slack_sock *s = arg;
	if (s->stopping)
		return;
	s->sweep = loop_timer_new(s->o.loop, SWEEP_MS, SWEEP_MS, sock_sweep, s);
	s->lost_ms = clock_ms();
	sock_open(s, 0);
}

void sock_start(struct slack_sock *s)
{
	loop_post(s->o.loop, sock_begin, s);
}

static void sock_end(void *arg)
{
	struct slack_sock *s = arg;
	s->stopping = true;
	loop_timer_stop(s->retry);
	s->retry = NULL;
	for (struct sock_link *l = s->links, *next; l; l = next) {
		next = l->next;
		if (l->state == LINK_RESOLVING)
			uv_cancel((uv_req_t *)&l->resolve);
		if (l->state <= LINK_CONNECTING)
			l->abandoned = true;
	}
	sock_sweep(s);
}

void sock_stop(struct slack_sock *s)
{
	loop_post(s->o.loop, sock_end, s);
}

void sock_free(struct slack_sock *s)
{
	if (!s)
		return;
	while (s->links) {
		struct sock_link *l = s->links;
		s->links = l->next;
		l->timer = NULL; /* freed with the loop */
		link_free(l);
	}
	for (struct sock_ticket *t = s->settled, *next; t; t = next) {
		next = t->next;
		free(t->payload);
		free(t);
	}
	for (struct sock_ticket *t = s->spare, *next; t; t = next) {
		next = t->next;
		free(t);
	}
	wire_done(&s->wire);
	buf_done(&s->scratch);
	pthread_mutex_destroy(&s->mtx);
	free(s);
}
