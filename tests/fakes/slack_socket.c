/*
 * Socket Mode: links, the frames sent over them, and what happens to events that are not acknowledged: a new envelope with the same
 * event id after 3 s, 1 min and 5 min (retry_ms), over any one link; the attempt is used up even when no link is there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slack.h"

enum { LINKS_MAX = 64 };
struct link {
	kit_id conn;
	unsigned number;
	int app;
	bool ready, leaving, frozen, last; /* last: its time is over, only acknowledgements are waited for */
	int owed;                          /* events that went this way last and were not acknowledged yet */
	struct kit_timer *ping, *close, *refresh;
};
static struct link links[LINKS_MAX];
static unsigned links_made, turn;

static struct link *link_of(kit_id conn)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (links[i].conn == conn && conn != 0)
			return &links[i];
	return NULL;
}

int socket_count(void)
{
	int n = 0;
	for (size_t i = 0; i < LINKS_MAX; i++)
		n += links[i].conn != 0;
	return n;
}

static void on_ping(void *arg)
{
	struct link *l = arg;
	kit_ws_ping(l->conn);
	l->ping = kit_after((uint64_t)fake.ping_ms * 1000, on_ping, l);
}

static void on_close(void *arg)
{
	struct link *l = arg;
	l->close = NULL;
	kit_ws_close(l->conn, 1000);
	kit_cut(l->conn, false);
}

/* The announced end: nothing more goes this way, and what did has its time to be acknowledged.  A cut gives neither. */
static void on_last(void *arg)
{
	struct link *l = arg;
	l->close = NULL;
	l->leaving = l->last = true;
	if (l->owed > 0)
		l->close = kit_after((uint64_t)fake.owed_ms * 1000, on_close, l);
	else
		on_close(l);
}

static void link_paid(const struct event *e)
{
	for (size_t i = 0; i < LINKS_MAX && e->link != 0; i++) {
		struct link *l = &links[i];
		if (l->conn == 0 || l->number != e->link || l->owed == 0)
			continue;
		l->owed--;
		if (l->owed == 0 && l->last && l->close != NULL) {
			kit_cancel(l->close);
			l->close = kit_after(0, on_close, l); /* its reader is still at work */
		}
		return;
	}
}

static void say_disconnect(struct link *l, const char *why)
{
	char s[160];
	int n =
	    snprintf(s, sizeof s, "{\"type\":\"disconnect\",\"reason\":\"%s\",\"debug_info\":{\"host\":\"applink-fake\"}}", why);
	kit_ws_text(l->conn, s, (size_t)n);
	journal("\"link\":%u,\"disconnect\":\"%s\"", l->number, why);
}

static void tell(struct link *l, const char *what)
{
	if (strcmp(what, "cut") == 0) {
		kit_cut(l->conn, true);
	} else if (strcmp(what, "close") == 0) {
		on_close(l);
	} else if (strcmp(what, "freeze") == 0 || strcmp(what, "thaw") == 0) {
		l->frozen = *what == 'f';
		kit_freeze(l->conn, l->frozen);
		journal("\"link\":%u,\"frozen\":%s", l->number, l->frozen ? "true" : "false");
	} else if (strcmp(what, "warning") == 0) {
		say_disconnect(l, "warning");
		if (l->close == NULL)
			l->close = kit_after((uint64_t)fake.close_ms * 1000, on_last, l);
	} else if (strcmp(what, "refresh") == 0 || strcmp(what, "disable") == 0 || strcmp(what, "too_many") == 0) {
		say_disconnect(l, *what == 'r' ? "refresh_requested" : *what == 'd' ? "link_disabled" : "too_many_websockets");
		l->leaving = true;
		if (l->close == NULL)
			l->close = kit_after((uint64_t)fake.close_ms * 1000, on_last, l);
	}
}

void socket_tell(const char *what, kit_id which)
{
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (links[i].conn != 0 && (which == 0 || links[i].number == which))
			tell(&links[i], what);
}

static void on_refresh(void *arg)
{
	struct link *l = arg;
	l->refresh = NULL;
	tell(l, fake.cut_every_ms > 0 ? "cut" : "refresh");
}

static void on_gone(kit_id conn, void *user)
{
	(void)user;
	struct link *l = link_of(conn);
	if (l == NULL)
		return;
	journal("\"link\":%u,\"gone\":true", l->number);
	kit_cancel(l->ping);
	kit_cancel(l->close);
	kit_cancel(l->refresh);
	*l = (struct link){ 0 };
}

static void on_ack(const char *s, size_t n)
{
	/* "envelope_id":"AAAAAAAA-RRRR-4000-8000-NNNNNNNNNNNN": the retry and the event's number are in it. */
	json_t *o = json_loadb(s, n, JSON_REJECT_DUPLICATES, NULL);
	const char *id = kit_str(o, "envelope_id", "");
	size_t number = strlen(id) == 36 ? strtoul(id + 24, NULL, 16) : fake.events_len;
	if (number >= fake.events_len) {
		violation("ack_unknown", id);
		json_decref(o);
		return;
	}
	struct event *e = fake.events[number];
	uint64_t now = kit_now_us();
	e->acks++;
	fake.acks++;
	journal("\"ack\":\"%s\",\"event\":\"%s\",\"ms\":%llu", id, e->id, (unsigned long long)((now - e->sent_us) / 1000));
	if (json_object_size(json_object_get(o, "payload")) > 0 && strcmp(e->type, "events_api") == 0)
		violation("ack_with_payload", id);
	if (strcmp(e->type, "interactive") == 0)
		form_answered(e, json_object_get(o, "payload"));
	json_decref(o);
	if (e->acked_us != 0)
		return;
	e->acked_us = now;
	if (now - e->sent_us > 3000000)
		fake.late_acks++;
	kit_cancel(e->retry);
	e->retry = NULL;
	link_paid(e);
	load_acked(e);
	if (!fake.keep) {
		free(e->payload);
		e->payload = NULL;
	}
}

static void on_text(kit_id conn, const char *s, size_t n, int fragments)
{
	struct link *l = link_of(conn);
	if (l == NULL)
		return;
	if (n > 20480) {
		violation("frame_too_long", "socket");
		kit_ws_close(conn, 1009);
		return;
	}
	if (fragments > 1) { /* a client's continuation frames are not put together by Slack */
		violation("ack_in_fragments", "socket");
		return;
	}
	on_ack(s, n);
}

static const struct kit_ws ws_ops = { .text = on_text, .closed = on_gone };

void socket_open(const struct kit_request *r)
{
	static unsigned used_ticket;
	char ticket[32], app[ID_ROOM];
	kit_query(r, "ticket", ticket, sizeof ticket);
	kit_query(r, "app_id", app, sizeof app);
	unsigned t = (unsigned)strtoul(ticket, NULL, 10);
	if (t == 0)
		violation("link_without_ticket", "socket");
	if (t != 0 && t == used_ticket)
		violation("ticket_used_twice", "socket");
	used_ticket = t;
	struct link *l = NULL;
	for (size_t i = 0; i < LINKS_MAX && l == NULL; i++)
		if (links[i].conn == 0)
			l = &links[i];
	if (l == NULL || !kit_ws_accept(r, &ws_ops))
		return;
	*l = (struct link){ .conn = r->conn, .number = ++links_made, .app = app_of_id(app) };
	app_came(l->app);
	char s[400];
	int n = snprintf(s, sizeof s,
	    "{\"type\":\"hello\",\"num_connections\":%d,\"debug_info\":{\"host\":\"applink-fake\",\"build_number\":1,"
	    "\"approximate_connection_time\":18060},\"connection_info\":{\"app_id\":\"%s\"}}",
	    socket_count(), app_id(l->app));
	journal("\"link\":%u,\"open\":true,\"links\":%d", l->number, socket_count());
	kit_ws_text(l->conn, s, (size_t)n);
	if (socket_count() > fake.links_max) {
		violation("too_many_links", "socket");
		tell(l, "too_many");
		return;
	}
	l->ready = true;
	if (fake.ping_ms > 0)
		l->ping = kit_after((uint64_t)fake.ping_ms * 1000, on_ping, l);
	int64_t every = fake.cut_every_ms > 0 ? fake.cut_every_ms : fake.refresh_every_ms;
	if (every > 0)
		l->refresh = kit_after((uint64_t)every * 1000, on_refresh, l);
}

json_t *socket_list(void)
{
	json_t *a = json_array();
	for (size_t i = 0; i < LINKS_MAX; i++)
		if (links[i].conn != 0)
			json_array_append_new(a,
			    json_pack("{s:i, s:b, s:b, s:b}", "number", (int)links[i].number, "ready", links[i].ready, "leaving",
			        links[i].leaving, "frozen", links[i].frozen));
	return a;
}

/* Any one link that is up; Slack does not say which.  A retry does not go into a black hole again: Slack has lost that link by then. */
static struct link *pick(bool retry, int app)
{
	for (int leaving = 0; leaving < 2; leaving++)
		for (size_t i = 0; i < LINKS_MAX; i++) {
			struct link *l = &links[turn++ % LINKS_MAX];
			if (l->conn != 0 && l->ready && l->app == app && !(retry && l->frozen) && (!l->leaving || leaving == 1))
				return l;
		}
	return NULL;
}

static void on_retry(void *arg)
{
	struct event *e = arg;
	e->retry = NULL;
	event_send(e, e->attempt + 1);
}

void event_send(struct event *e, int attempt)
{
	if (e->payload == NULL)
		return;
	struct link *l = attempt == 0 && e->skip_first ? NULL : pick(attempt > 0, e->app);
	if (e->acked_us == 0)
		link_paid(e); /* the link that had it before need not wait for it */
	e->link = 0;
	e->attempt = attempt;
	e->sent_us = kit_now_us();
	kit_cancel(e->retry);
	e->retry = NULL;
	if (strcmp(e->type, "events_api") == 0 && e->acked_us == 0 && attempt < 3)
		e->retry = kit_after((uint64_t)fake.retry_ms[attempt] * 1000, on_retry, e);
	if (l == NULL) {
		journal("\"event\":\"%s\",\"attempt\":%d,\"link\":0", e->id, attempt);
		return;
	}
	e->deliveries++;
	if (e->acked_us == 0) {
		e->link = l->number;
		l->owed++;
	}
	struct kit_buf b = { 0 };
	kit_addf(&b, "{\"envelope_id\":\"%08x-%04x-4000-8000-%012zx\",\"payload\":", (unsigned)(kit_random() * 4294967295.0),
	    attempt & 0xffff, e->n);
	kit_adds(&b, e->payload);
	bool events_api = strcmp(e->type, "events_api") == 0;
	kit_addf(&b, ",\"type\":\"%s\",\"accepts_response_payload\":%s", e->type, events_api ? "false" : "true");
	if (events_api)
		kit_addf(&b, ",\"retry_attempt\":%d,\"retry_reason\":\"%s\"", attempt, attempt > 0 ? "timeout" : "");
	kit_adds(&b, "}");
	journal("\"event\":\"%s\",\"attempt\":%d,\"link\":%u", e->id, attempt, l->number);
	kit_ws_text(l->conn, b.p, b.n);
	kit_buf_done(&b);
}

struct event *event_push(
    const char *type, const char *event_id, char *payload_taken, const char *channel, const char *ts, bool skip_first)
{
	struct event *e = calloc(1, sizeof *e);
	if (e == NULL)
		abort();
	if (fake.events_len == fake.events_room) {
		fake.events_room = fake.events_room * 2 + 256;
		fake.events = realloc(fake.events, fake.events_room * sizeof *fake.events);
		if (fake.events == NULL)
			abort();
	}
	e->n = fake.events_len;
	e->type = strcmp(type, "interactive") == 0 ? "interactive"
	    : strcmp(type, "slash_commands") == 0  ? "slash_commands"
	                                           : "events_api";
	e->payload = payload_taken;
	e->skip_first = skip_first;
	e->app = fake.which;
	e->made_us = kit_now_us();
	snprintf(e->id, sizeof e->id, "%s", event_id);
	snprintf(e->channel, sizeof e->channel, "%s", channel);
	snprintf(e->ts, sizeof e->ts, "%s", ts);
	fake.events[fake.events_len++] = e;
	event_send(e, 0);
	return e;
}

const char *new_event_id(void)
{
	static char id[ID_ROOM];
	static unsigned long n;
	snprintf(id, sizeof id, "Ev%010lX", 0x1000000000 + (unsigned long)(kit_wall_us() / 1000000 % 100000) * 1000000 + n++);
	return id;
}

struct event *event_callback(json_t *inner_taken, const char *channel, const char *ts, bool skip_first)
{
	char id[ID_ROOM];
	snprintf(id, sizeof id, "%s", new_event_id());
	struct kit_buf b = { 0 };
	char *inner = json_dumps(inner_taken, JSON_COMPACT);
	const struct channel *c = channel_find(channel);
	kit_addf(&b,
	    "{\"token\":\"fake-verification-token\",\"team_id\":\"%s\",\"context_team_id\":\"%s\",\"context_enterprise_id\":null,"
	    "\"api_app_id\":\"%s\",\"event\":%s,\"type\":\"event_callback\",\"event_id\":\"%s\",\"event_time\":%llu,"
	    "\"authorizations\":[{\"enterprise_id\":null,\"team_id\":\"%s\",\"user_id\":\"%s\",\"is_bot\":true,\"is_enterprise_install\":false}],"
	    "\"is_ext_shared_channel\":%s,\"event_context\":\"4-fake-%s\"}",
	    fake.team, fake.team, fake.app, inner != NULL ? inner : "null", id, (unsigned long long)(kit_wall_us() / 1000000),
	    fake.team, fake.bot_user, c != NULL && c->external ? "true" : "false", id);
	free(inner);
	json_decref(inner_taken);
	return event_push("events_api", id, b.p, channel, ts, skip_first);
}

void socket_raw(const char *s, size_t n, bool binary, size_t piece)
{
	struct link *l = pick(false, 0);
	if (l == NULL)
		return;
	if (piece > 0)
		kit_ws_fragments(l->conn, s, n, piece);
	else if (binary)
		kit_ws_binary(l->conn, s, n);
	else
		kit_ws_text(l->conn, s, n);
}
