/*
 * The control side: POST /control/COMMAND with a JSON object, answers are JSON.
 *
 *	options     any of the numbers and flags of struct fake
 *	say         {channel, text, user, thread_ts, mention, twin, only_retry, copies, type, quiet}: a person writes; gives ts and event
 *	    ids (quiet: where no app hears it)
 *	edit        {channel, ts, text}         delete {channel, ts}         react {channel, ts, name, user}
 *	event       {event, channel, ts}: any inner event        envelope {type, payload, response_url}
 *	slash       {command, text, user, channel}               again {event_id, times}: the same event once more
 *	shortcut    {channel, ts, callback_id, user}: on a message         press {channel, label, ts, thread_ts, user}: a button
 *	submit      {value, user}: the newest form is sent off
 *	stop        {channel, thread_ts, user}: the Stop button  raw {text, repeat, binary, piece}: one frame of anything
 *	fault       {method, channel, do, times, skip, share, retry_after, ms, error} (slack_api.c)    clear: no faults
 *	link        {do, number}: cut, close, freeze, thaw, warning, refresh, disable, too_many
 *	user        {id, name, real_name, tz, is_bot, is_restricted}     channel {id, name, type, private, external, member, archived}
 *	"team" with any of these: in that workspace; grant {code, team, name, user, org, rotate_s, scopes}: a person said yes;
 *	    uninstall {team}, tokens (slack_teams.c)
 *	state       everything that there is            journal?from=N  what happened, in order
 *	messages    {channel, thread_ts}: what is visible in a thread    load, load_result: tests/fakes/load.c
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slack.h"

static json_t *good(void)
{
	return json_pack("{s:b}", "ok", 1);
}

void options_apply(const json_t *o)
{
	fake.stream_end_ms = kit_int(o, "stream_end_ms", fake.stream_end_ms);
	fake.ping_ms = kit_int(o, "ping_ms", fake.ping_ms);
	fake.close_ms = kit_int(o, "close_ms", fake.close_ms);
	fake.owed_ms = kit_int(o, "owed_ms", fake.owed_ms);
	fake.refresh_every_ms = kit_int(o, "refresh_every_ms", fake.refresh_every_ms);
	fake.cut_every_ms = kit_int(o, "cut_every_ms", fake.cut_every_ms);
	fake.history_max = kit_int(o, "history_max", fake.history_max);
	fake.update_max = kit_int(o, "update_max", fake.update_max);
	fake.links_max = kit_int(o, "links_max", fake.links_max);
	fake.retry_ms[0] = kit_int(o, "retry0_ms", fake.retry_ms[0]);
	fake.retry_ms[1] = kit_int(o, "retry1_ms", fake.retry_ms[1]);
	fake.retry_ms[2] = kit_int(o, "retry2_ms", fake.retry_ms[2]);
	fake.echo = kit_bool(o, "echo", fake.echo);
	fake.journal = kit_bool(o, "journal", fake.journal);
	fake.keep = kit_bool(o, "keep", fake.keep);
	fake.limits = kit_bool(o, "limits", fake.limits);
	fake.chatter = kit_bool(o, "chatter", fake.chatter);
	fake.p429 = kit_num(o, "p429", fake.p429);
	fake.p500 = kit_num(o, "p500", fake.p500);
	if (kit_str(o, "link_url", NULL) != NULL)
		snprintf(fake.link_url, sizeof fake.link_url, "%s", kit_str(o, "link_url", ""));
	if (kit_str(o, "scopes", NULL) != NULL)
		snprintf(fake.scopes, sizeof fake.scopes, "%s", kit_str(o, "scopes", ""));
}

/* A person writes: the message is stored, then its event or events go out. */
static json_t *say(const json_t *a)
{
	struct channel *c = channel_get(kit_str(a, "channel", "C0GENERAL"));
	const char *thread = kit_str(a, "thread_ts", NULL), *user = kit_str(a, "user", "U0PERSON"),
	           *subtype = kit_str(a, "subtype", NULL);
	bool im = strcmp(c->type, "im") == 0, mention = kit_bool(a, "mention", !im && thread == NULL);
	bool twin = kit_bool(a, "twin", mention), only_retry = kit_bool(a, "only_retry", false);
	struct message *m = message_new(c, user, thread, false);
	if (mention)
		kit_addf(&m->text, "<@%s> ", fake.bot_user);
	kit_adds(&m->text, kit_str(a, "text", "hello"));
	m->files = json_incref(json_object_get(a, "files"));
	json_t *ids = json_array();
	for (int64_t copies = kit_bool(a, "quiet", false) ? 0 : kit_int(a, "copies", 1); copies > 0; copies--) {
		json_t *e = message_json(NULL, m, false);
		json_object_set_new(e, "channel", json_string(c->id));
		json_object_set_new(e, "event_ts", json_string(m->ts));
		json_object_set_new(e, "client_msg_id", json_sprintf("c0ffee00-0000-4000-8000-%s", m->ts + 5));
		if (subtype != NULL)
			json_object_set_new(e, "subtype", json_string(subtype));
		if (mention && !im) {
			json_t *twin_event = json_deep_copy(e);
			json_object_set_new(twin_event, "type", json_string("app_mention"));
			json_array_append_new(ids, json_string(event_callback(twin_event, c->id, m->ts, only_retry)->id));
		}
		if (twin || im || !mention) {
			json_object_set_new(e, "channel_type", json_string(c->type));
			json_array_append_new(ids, json_string(event_callback(e, c->id, m->ts, only_retry)->id));
		} else {
			json_decref(e);
		}
	}
	if (!kit_bool(a, "quiet", false))
		app_others_hear(c, m);
	return json_pack("{s:b, s:s, s:o}", "ok", 1, "ts", m->ts, "event_ids", ids);
}

static json_t *edit(const json_t *a, bool gone)
{
	struct channel *c = channel_get(kit_str(a, "channel", "C0GENERAL"));
	struct message *m = message_find(c, kit_str(a, "ts", ""));
	if (m == NULL)
		return fail("message_not_found");
	char now[TS_ROOM];
	next_ts(now);
	json_t *before = message_json(NULL, m, false);
	json_t *e = json_pack("{s:s, s:s, s:b, s:s, s:s, s:s, s:s, s:o}", "type", "message", "subtype",
	    gone ? "message_deleted" : "message_changed", "hidden", 1, "channel", c->id, "channel_type", c->type, "ts", now,
	    "event_ts", now, "previous_message", before);
	if (gone) {
		m->deleted = true;
		json_object_set_new(e, "deleted_ts", json_string(m->ts));
	} else {
		m->text.n = 0;
		kit_adds(&m->text, kit_str(a, "text", ""));
		m->edited = true;
		json_object_set_new(e, "message", message_json(NULL, m, false));
	}
	return json_pack("{s:b, s:s}", "ok", 1, "event_id", event_callback(e, c->id, m->ts, false)->id);
}

static json_t *react(const json_t *a)
{
	char now[TS_ROOM];
	next_ts(now);
	const char *channel = kit_str(a, "channel", ""), *ts = kit_str(a, "ts", "");
	json_t *e = json_pack("{s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:s}", "type", "reaction_added", "user",
	    kit_str(a, "user", "U0PERSON"), "reaction", kit_str(a, "name", "thumbsup"), "item", "type", "message", "channel",
	    channel, "ts", ts, "event_ts", now);
	return json_pack("{s:b, s:s}", "ok", 1, "event_id", event_callback(e, channel, ts, false)->id);
}

static json_t *stop_button(const json_t *a)
{
	struct channel *c = channel_get(kit_str(a, "channel", ""));
	const char *thread = kit_str(a, "thread_ts", "");
	json_t *stopped = json_array();
	for (size_t i = 0; i < c->len; i++) {
		struct message *m = c->list[i];
		if (m->stream == STREAM_OPEN && strcmp(m->thread_ts, thread) == 0) {
			m->stream = STREAM_STOPPED;
			json_array_append_new(stopped, json_string(m->ts));
		}
	}
	char now[TS_ROOM];
	next_ts(now);
	json_t *e = json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}", "type", "agent_session_stopped", "channel", c->id, "thread_ts",
	    thread, "user", kit_str(a, "user", "U0PERSON"), "streaming_message_ts", stopped, "event_ts", now);
	return json_pack("{s:b, s:s}", "ok", 1, "event_id", event_callback(e, c->id, thread, false)->id);
}

static json_t *envelope(const char *type, json_t *payload, bool with_url)
{
	if (with_url)
		json_object_set_new(payload, "response_url", json_string(response_url("", "")));
	char *s = json_dumps(payload, JSON_COMPACT);
	if (s == NULL)
		return fail("payload");
	return json_pack("{s:b, s:s}", "ok", 1, "event_id",
	    event_push(type, new_event_id(), s, kit_str(payload, "channel_id", ""), "", false)->id);
}

static json_t *slash(const json_t *a)
{
	json_t *p = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "token", "fake-verification-token",
	    "team_id", fake.team, "team_domain", "acme", "channel_id", kit_str(a, "channel", "C0GENERAL"), "channel_name",
	    "general", "user_id", kit_str(a, "user", "U0PERSON"), "user_name", "person", "command", kit_str(a, "command", "/eddy"),
	    "text", kit_str(a, "text", ""), "api_app_id", fake.app, "is_enterprise_install", "false");
	json_object_set_new(p, "trigger_id", json_string(trigger_new()));
	json_t *r = envelope("slash_commands", p, true);
	json_object_set(r, "response_url", json_object_get(p, "response_url"));
	json_decref(p);
	return r;
}

static json_t *again(const json_t *a)
{
	const char *id = kit_str(a, "event_id", "");
	int64_t times = kit_int(a, "times", 1);
	for (size_t i = 0; i < fake.events_len; i++) {
		struct event *e = fake.events[i];
		if (strcmp(e->id, id) != 0)
			continue;
		for (; times > 0; times--)
			event_send(e, e->attempt + 1);
		return good();
	}
	return fail("no_such_event");
}

static json_t *raw(const json_t *a)
{
	const char *text = kit_str(a, "text", "");
	struct kit_buf b = { 0 };
	for (int64_t n = kit_int(a, "repeat", 1); n > 0; n--)
		kit_adds(&b, text);
	kit_adds(&b, kit_str(a, "tail", ""));
	socket_raw(b.p != NULL ? b.p : "", b.n, kit_bool(a, "binary", false), (size_t)kit_int(a, "piece", 0));
	kit_buf_done(&b);
	return good();
}

static void channel_set(const json_t *a)
{
	struct channel *c = channel_get(kit_str(a, "id", "C0GENERAL"));
	snprintf(c->name, sizeof c->name, "%s", kit_str(a, "name", c->name));
	char type[sizeof c->type];
	snprintf(type, sizeof type, "%s", kit_str(a, "type", c->type));
	memcpy(c->type, type, sizeof type);
	c->private = kit_bool(a, "private", c->private);
	c->external = kit_bool(a, "external", c->external);
	c->archived = kit_bool(a, "archived", c->archived);
	c->member = kit_bool(a, "member", c->member);
}

struct wanted {
	json_t *list;
	const char *channel, *thread;
};

static void collect(struct channel *c, void *arg)
{
	static const char *const states[] = { "none", "open", "ended", "expired", "stopped" };
	struct wanted *w = arg;
	if (w->channel != NULL && strcmp(w->channel, c->id) != 0)
		return;
	for (size_t i = 0; i < c->len; i++) {
		const struct message *m = c->list[i];
		if (w->thread != NULL && strcmp(m->thread_ts, w->thread) != 0 && strcmp(m->ts, w->thread) != 0)
			continue;
		json_t *o = message_json(NULL, m, true);
		json_object_set_new(o, "channel", json_string(c->id));
		json_object_set_new(o, "bot", json_boolean(m->bot));
		json_object_set_new(o, "deleted", json_boolean(m->deleted));
		json_object_set_new(o, "stream", json_string(states[m->stream]));
		json_array_append_new(w->list, o);
	}
}

static json_t *messages(const json_t *a)
{
	struct wanted w = { .list = json_array(), .channel = kit_str(a, "channel", NULL), .thread = kit_str(a, "thread_ts", NULL) };
	channels_each(collect, &w);
	return w.list;
}

static json_t *state(void)
{
	json_t *events = json_array();
	for (size_t i = 0; i < fake.events_len; i++) {
		const struct event *e = fake.events[i];
		json_array_append_new(events,
		    json_pack("{s:s, s:s, s:s, s:i, s:i, s:i, s:b, s:I}", "id", e->id, "channel", e->channel, "ts", e->ts,
		        "attempt", e->attempt, "deliveries", e->deliveries, "acks", e->acks, "acked", e->acked_us != 0, "ack_us",
		        e->acked_us != 0 ? (json_int_t)(e->acked_us - e->sent_us) : -1));
	}
	json_t *o = json_pack("{s:o, s:o, s:o, s:I, s:I, s:I}", "events", events, "messages", messages(NULL), "links",
	    socket_list(), "calls", (json_int_t)fake.calls, "acks", (json_int_t)fake.acks, "late_acks", (json_int_t)fake.late_acks);
	json_object_set(o, "violations", fake.violations);
	json_object_set(o, "statuses", fake.statuses);
	json_object_set(o, "views", fake.views);
	json_object_set(o, "ephemerals", fake.ephemerals);
	json_object_set(o, "responses", fake.responses);
	json_object_set(o, "reactions", fake.reactions);
	json_object_set(o, "modals", fake.modals);
	json_object_set(o, "answers", fake.answers);
	return o;
}

void control_request(const struct kit_request *r, const char *what)
{
	json_error_t why;
	json_t *a = r->body_len > 0 ? json_loadb(r->body, r->body_len, 0, &why) : json_object(), *out = NULL;
	if (a == NULL) {
		kit_reply_json(r->conn, 400, NULL, json_pack("{s:b, s:s}", "ok", 0, "error", why.text));
		return;
	}
	if (load_control(r, what, a)) {
		json_decref(a);
		return;
	}
	team_enter(kit_str(a, "team", ""));
	if (team_control(what, a, &out))
		;
	else if (strcmp(what, "options") == 0)
		options_apply(a);
	else if (strcmp(what, "say") == 0)
		out = say(a);
	else if (strcmp(what, "edit") == 0 || strcmp(what, "delete") == 0)
		out = edit(a, *what == 'd');
	else if (strcmp(what, "react") == 0)
		out = react(a);
	else if (strcmp(what, "event") == 0)
		out = json_pack("{s:b, s:s}", "ok", 1, "event_id",
		    event_callback(json_incref(json_object_get(a, "event")), kit_str(a, "channel", ""), kit_str(a, "ts", ""), false)
		        ->id);
	else if (strcmp(what, "envelope") == 0)
		out =
		    envelope(kit_str(a, "type", "interactive"), json_object_get(a, "payload"), kit_bool(a, "response_url", false));
	else if (strcmp(what, "slash") == 0)
		out = slash(a);
	else if (strcmp(what, "shortcut") == 0)
		out = press_shortcut(a);
	else if (strcmp(what, "press") == 0)
		out = press_button(a);
	else if (strcmp(what, "submit") == 0)
		out = press_submit(a);
	else if (strcmp(what, "again") == 0)
		out = again(a);
	else if (strcmp(what, "stop") == 0)
		out = stop_button(a);
	else if (strcmp(what, "raw") == 0)
		out = raw(a);
	else if (strcmp(what, "fault") == 0)
		out = fault_add(a) ? good() : fail("unknown fault");
	else if (strcmp(what, "clear") == 0)
		faults_clear();
	else if (strcmp(what, "link") == 0)
		socket_tell(kit_str(a, "do", ""), (kit_id)kit_int(a, "number", 0));
	else if (strcmp(what, "user") == 0)
		json_object_set(fake.users, kit_str(a, "id", ""), a);
	else if (strcmp(what, "channel") == 0)
		channel_set(a);
	else if (strcmp(what, "state") == 0)
		out = state();
	else if (strcmp(what, "messages") == 0)
		out = messages(a);
	else if (strcmp(what, "journal") == 0) {
		char from[24];
		kit_query(r, "from", from, sizeof from);
		out = journal_read(strtoul(from, NULL, 10), 100000);
	} else
		out = fail("unknown command");
	team_leave();
	json_decref(a);
	kit_reply_json(r->conn, 200, NULL, out != NULL ? out : good());
}
