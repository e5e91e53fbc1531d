/*
 * One frame in, one struct out.  Fields are read by name wherever Slack has been seen to put them; a field of the wrong type
 * counts as absent, and an event that lacks what its kind needs becomes EVENT_NONE, which is acknowledged and forgotten.  A payload
 * that is a string of JSON (SDKs guard for it) is read by a second reader inside the first one's text.
 */
#include "wire.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

const char *const wire_frame_names[FRAME_KINDS] = { "hello", "disconnect", "events_api", "slash_commands", "interactive", "other",
	"bad" };

static const struct {
	const char *name;
	enum event_type type;
} event_names[] = {
	{ "message", EVENT_SLACK_MESSAGE },
	{ "app_mention", EVENT_APP_MENTION },
	{ "reaction_added", EVENT_REACTION_ADDED },
	{ "reaction_removed", EVENT_REACTION_REMOVED },
	{ "app_home_opened", EVENT_APP_HOME_OPENED },
	{ "agent_session_stopped", EVENT_SESSION_STOPPED },
	{ "assistant_thread_started", EVENT_ASSISTANT_STARTED },
	{ "member_joined_channel", EVENT_MEMBER_JOINED },
	{ "member_left_channel", EVENT_MEMBER_LEFT },
	{ "channel_left", EVENT_CHANNEL_LEFT },
	{ "group_left", EVENT_CHANNEL_LEFT },
	{ "channel_deleted", EVENT_CHANNEL_LEFT },
	{ "group_deleted", EVENT_CHANNEL_LEFT },
	{ "channel_rename", EVENT_CHANNEL_RENAME },
	{ "group_rename", EVENT_CHANNEL_RENAME },
	{ "channel_archive", EVENT_CHANNEL_ARCHIVE },
	{ "group_archive", EVENT_CHANNEL_ARCHIVE },
	{ "channel_unarchive", EVENT_CHANNEL_UNARCHIVE },
	{ "group_unarchive", EVENT_CHANNEL_UNARCHIVE },
	{ "channel_convert_to_private", EVENT_CHANNEL_PRIVATE },
	{ "channel_shared", EVENT_CHANNEL_SHARED },
	{ "channel_unshared", EVENT_CHANNEL_SHARED },
	{ "tokens_revoked", EVENT_TOKENS_REVOKED },
	{ "app_uninstalled", EVENT_APP_UNINSTALLED },
	{ "app_rate_limited", EVENT_RATE_LIMITED },
	{ "user_change", EVENT_USER_CHANGED },
};

void wire_done(struct wire *w)
{
	jv_done(&w->outer);
	jv_done(&w->inner);
}

bool wire_ts_valid(const char *ts)
{
	if (!ts)
		return false;
	size_t whole = strspn(ts, "0123456789");
	if (whole == 0 || whole > 12 || ts[whole] != '.')
		return false;
	size_t part = strspn(ts + whole + 1, "0123456789");
	return part > 0 && part < 20 && ts[whole + 1 + part] == '\0';
}

uint64_t wire_ts_ms(const char *ts)
{
	if (!wire_ts_valid(ts))
		return 0;
	uint64_t s = 0, ms = 0;
	for (; *ts != '.'; ts++)
		s = s * 10 + (uint64_t)(*ts - '0');
	ts++;
	for (int i = 0; i < 3; i++)
		ms = ms * 10 + (uint64_t)(*ts ? *ts++ - '0' : 0);
	return s * 1000 + ms;
}

/* The characters an envelope id may have: it goes back into JSON as it is. */
static size_t wire_id_span(const char *p, size_t n)
{
	size_t len = 0;
	while (len < n && (isalnum((unsigned char)p[len]) || p[len] == '-' || p[len] == '_' || p[len] == '.' || p[len] == ':'))
		len++;
	return len;
}

bool wire_salvage_envelope(const char *p, size_t n, char out[WIRE_ENVELOPE_ID_MAX + 1])
{
	static const char name[] = "\"envelope_id\"";
	const char *end = p + n, *at = n ? memmem(p, n, name, sizeof(name) - 1) : NULL;
	if (!at)
		return false;
	at += sizeof(name) - 1;
	while (at < end && isspace((unsigned char)*at))
		at++;
	if (at >= end || *at++ != ':')
		return false;
	while (at < end && isspace((unsigned char)*at))
		at++;
	if (at >= end || *at++ != '"')
		return false;
	size_t len = wire_id_span(at, (size_t)(end - at));
	if (len == 0 || len > WIRE_ENVELOPE_ID_MAX || at + len >= end || at[len] != '"')
		return false;
	memcpy(out, at, len);
	out[len] = '\0';
	return true;
}

/* An id that may also come as an object with an id: user_change, channel_rename. */
static const char *wire_id(struct jv *d, jv_ref o, const char *key)
{
	jv_ref r = jv_get(d, o, key);
	return jv_type(d, r) == JV_OBJECT ? jv_str(d, r, "id") : jv_text(d, r);
}

static const char *wire_ts(struct jv *d, jv_ref o, const char *key)
{
	const char *ts = jv_str(d, o, key);
	return wire_ts_valid(ts) ? ts : NULL;
}

static const char *wire_either(const char *a, const char *b)
{
	return a && a[0] ? a : b;
}

static void wire_read_files(struct jv *d, jv_ref list, struct wire_message *m)
{
	for (jv_ref f = jv_first(d, list); f != JV_ABSENT && m->files_len < WIRE_FILES_MAX; f = jv_next(d, list, f)) {
		const char *id = jv_str(d, f, "id");
		if (!id)
			continue;
		int64_t size = jv_int(d, f, "size", 0);
		m->files[m->files_len++] = (struct wire_file){
			.id = id,
			.name = wire_either(jv_str(d, f, "name"), jv_str(d, f, "title")),
			.mime = jv_str(d, f, "mimetype"),
			.filetype = jv_str(d, f, "filetype"),
			.mode = jv_str(d, f, "mode"),
			.url = wire_either(jv_str(d, f, "url_private_download"), jv_str(d, f, "url_private")),
			.size = size > 0 ? (uint64_t)size : 0,
		};
	}
}

/*
 * All fields of a message in one walk over its members: a message has some twenty, and this is the hot path.  A member that comes
 * twice is an ambiguity nobody should act on: false.
 */
static bool wire_read_message(struct jv *d, jv_ref o, struct wire_message *m)
{
	if (jv_type(d, o) != JV_OBJECT)
		return false;
	enum {
		USER,
		BOT_ID,
		APP_ID,
		SUBTYPE,
		TEXT,
		TS,
		THREAD_TS,
		USER_TEAM,
		TEAM,
		SOURCE_TEAM,
		EDITED,
		PROFILE,
		BOT_PROFILE,
		FILES,
		STREAMING,
		N
	};
	static const struct {
		const char *name;
		size_t len;
	} keys[N] = {
#define K(s) { s, sizeof(s) - 1 }
		K("user"),
		K("bot_id"),
		K("app_id"),
		K("subtype"),
		K("text"),
		K("ts"),
		K("thread_ts"),
		K("user_team"),
		K("team"),
		K("source_team"),
		K("edited"),
		K("user_profile"),
		K("bot_profile"),
		K("files"),
		K("streaming_state"),
#undef K
	};
	jv_ref at[N];
	for (int i = 0; i < N; i++)
		at[i] = JV_ABSENT;
	uint32_t end = d->v[o].next;
	for (uint32_t k = o + 1; k < end; k = d->v[k + 1].next) {
		for (int i = 0; i < N; i++) {
			if (d->v[k].len != keys[i].len || memcmp(d->text + d->v[k].at, keys[i].name, keys[i].len) != 0)
				continue;
			if (at[i] != JV_ABSENT)
				return false;
			at[i] = k + 1;
			break;
		}
	}
	m->user = jv_type(d, at[USER]) == JV_OBJECT ? jv_str(d, at[USER], "id") : jv_text(d, at[USER]);
	m->bot_id = jv_text(d, at[BOT_ID]);
	m->app_id = jv_text(d, at[APP_ID]);
	m->subtype = jv_text(d, at[SUBTYPE]);
	m->text = jv_text(d, at[TEXT]);
	m->ts = jv_text(d, at[TS]);
	if (!wire_ts_valid(m->ts))
		m->ts = NULL;
	m->thread_ts = jv_text(d, at[THREAD_TS]);
	if (!wire_ts_valid(m->thread_ts))
		m->thread_ts = NULL;
	m->user_team = wire_either(jv_text(d, at[USER_TEAM]), wire_either(jv_text(d, at[SOURCE_TEAM]), jv_text(d, at[TEAM])));
	m->edited_ts = jv_str(d, at[EDITED], "ts");
	m->user_name = wire_either(jv_str(d, at[PROFILE], "display_name"), jv_str(d, at[PROFILE], "real_name"));
	m->bot_profile = jv_type(d, at[BOT_PROFILE]) == JV_OBJECT;
	const char *streaming = jv_text(d, at[STREAMING]);
	m->streaming = streaming && strcmp(streaming, "in_progress") == 0;
	wire_read_files(d, at[FILES], m);
	return true;
}

static enum event_type wire_event_type(const char *name)
{
	for (size_t i = 0; i < sizeof(event_names) / sizeof(event_names[0]); i++)
		if (strcmp(event_names[i].name, name) == 0)
			return event_names[i].type;
	return EVENT_NONE;
}

static void wire_read_event(struct jv *d, jv_ref e, struct slack_event *ev)
{
	ev->type_name = jv_str(d, e, "type");
	ev->type = ev->type_name ? wire_event_type(ev->type_name) : EVENT_NONE;
	if (ev->type == EVENT_NONE)
		return;
	ev->event_ts = jv_str(d, e, "event_ts");
	jv_ref channel = jv_get(d, e, "channel");
	ev->channel = jv_type(d, channel) == JV_OBJECT ? jv_str(d, channel, "id") : jv_text(d, channel);
	ev->channel_name = jv_str(d, channel, "name");
	switch (ev->type) {
	case EVENT_APP_MENTION:
	case EVENT_SLACK_MESSAGE:
		ev->channel_type = jv_str(d, e, "channel_type");
		if (!wire_read_message(d, e, &ev->msg)) {
			ev->type = EVENT_NONE;
			ev->why = "a field comes twice";
			break;
		}
		ev->user = ev->msg.user;
		if (ev->msg.subtype && strcmp(ev->msg.subtype, "message_changed") == 0) {
			wire_read_message(d, jv_get(d, e, "message"), &ev->inner);
			wire_read_message(d, jv_get(d, e, "previous_message"), &ev->before);
		} else if (ev->msg.subtype && strcmp(ev->msg.subtype, "message_deleted") == 0) {
			ev->deleted_ts = wire_ts(d, e, "deleted_ts");
			wire_read_message(d, jv_get(d, e, "previous_message"), &ev->before);
		}
		break;
	case EVENT_REACTION_ADDED:
	case EVENT_REACTION_REMOVED: {
		jv_ref item = jv_get(d, e, "item");
		ev->channel = jv_str(d, item, "channel");
		ev->item_ts = wire_ts(d, item, "ts");
		ev->reaction = jv_str(d, e, "reaction");
		ev->user = wire_id(d, e, "user");
		break;
	}
	case EVENT_ASSISTANT_STARTED: {
		jv_ref t = jv_get(d, e, "assistant_thread");
		ev->user = jv_str(d, t, "user_id");
		ev->channel = jv_str(d, t, "channel_id");
		ev->msg.thread_ts = wire_ts(d, t, "thread_ts");
		break;
	}
	case EVENT_APP_HOME_OPENED:
		ev->tab = jv_str(d, e, "tab");
		ev->user = wire_id(d, e, "user");
		break;
	case EVENT_SESSION_STOPPED:
		ev->user = wire_id(d, e, "user");
		ev->msg.thread_ts = wire_ts(d, e, "thread_ts");
		break;
	case EVENT_TOKENS_REVOKED: {
		jv_ref bots = jv_get(d, jv_get(d, e, "tokens"), "bot");
		ev->revoked_bot = jv_first(d, bots) != JV_ABSENT;
		break;
	}
	default:
		ev->user = wire_id(d, e, "user");
		ev->channel_type = jv_str(d, e, "channel_type");
		break;
	}
}

/* events_api: the outer envelope of an event.  app_rate_limited has no inner event. */
static void wire_read_callback(struct jv *d, jv_ref p, struct slack_event *ev)
{
	ev->team_id = jv_str(d, p, "team_id");
	ev->enterprise_id = jv_str(d, p, "enterprise_id");
	ev->api_app_id = jv_str(d, p, "api_app_id");
	ev->event_id = jv_str(d, p, "event_id");
	ev->ext_shared = jv_bool(d, p, "is_ext_shared_channel", false);
	jv_ref auth = jv_first(d, jv_get(d, p, "authorizations"));
	if (jv_type(d, auth) == JV_OBJECT) {
		if (jv_bool(d, auth, "is_bot", true))
			ev->authorized_user = jv_str(d, auth, "user_id");
		if (!ev->team_id)
			ev->team_id = jv_str(d, auth, "team_id");
		ev->install_team = jv_str(d, auth, "team_id");
		ev->install_enterprise = jv_str(d, auth, "enterprise_id");
		ev->install_org = jv_bool(d, auth, "is_enterprise_install", false);
	}
	jv_ref e = jv_get(d, p, "event");
	wire_read_event(d, jv_type(d, e) == JV_OBJECT ? e : p, ev);
}

static void wire_read_install(struct slack_event *ev, bool org)
{
	ev->install_team = ev->team_id;
	ev->install_enterprise = ev->enterprise_id;
	ev->install_org = org;
}

static void wire_read_slash(struct jv *d, jv_ref p, struct slack_event *ev)
{
	ev->team_id = jv_str(d, p, "team_id");
	ev->enterprise_id = jv_str(d, p, "enterprise_id");
	const char *org = jv_str(d, p, "is_enterprise_install"); /* a form has no other kind of value */
	wire_read_install(ev, org && strcmp(org, "true") == 0);
	ev->api_app_id = jv_str(d, p, "api_app_id");
	ev->channel = jv_str(d, p, "channel_id");
	ev->channel_name = jv_str(d, p, "channel_name");
	ev->user = jv_str(d, p, "user_id");
	ev->command = jv_str(d, p, "command");
	ev->msg.text = jv_str(d, p, "text");
	ev->response_url = jv_str(d, p, "response_url");
	ev->trigger_id = jv_str(d, p, "trigger_id");
}

/* What was chosen stands in a different place for each kind of element. */
static const char *wire_action_value(struct jv *d, jv_ref a)
{
	static const char *const plain[] = { "value", "selected_date", "selected_time", "selected_user", "selected_conversation",
		"selected_channel" };
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const char *v = jv_str(d, a, plain[i]);
		if (v)
			return v;
	}
	const char *v = jv_str(d, jv_get(d, a, "selected_option"), "value");
	return v ? v : jv_str(d, jv_first(d, jv_get(d, a, "selected_options")), "value");
}

/* A form of ours that was sent off: what it is about, and what was written into its field. */
static void wire_read_view(struct wire *w, struct jv *d, jv_ref view, struct slack_event *ev)
{
	ev->view_id = jv_str(d, view, "id");
	ev->callback_id = jv_str(d, view, "callback_id");
	jv_ref field = jv_get(d, jv_get(d, jv_get(d, jv_get(d, view, "state"), "values"), WIRE_VIEW_FIELD), WIRE_VIEW_FIELD);
	ev->view_words = jv_str(d, field, "value");
	const char *about = jv_str(d, view, "private_metadata");
	if (!about || strlen(about) > WIRE_VIEW_PLACE_MAX)
		return;
	snprintf(w->view_place, sizeof(w->view_place), "%s", about);
	char *save = NULL, *channel = strtok_r(w->view_place, " ", &save), *thread = strtok_r(NULL, " ", &save),
	     *ts = strtok_r(NULL, " ", &save), *stored = strtok_r(NULL, " ", &save);
	if (!wire_ts_valid(thread) || !wire_ts_valid(ts))
		return;
	ev->channel = channel;
	ev->inner.thread_ts = thread;
	ev->inner.ts = ts;
	ev->about = stored;
}

static void wire_read_interactive(struct wire *w, struct jv *d, jv_ref p, struct slack_event *ev)
{
	ev->interactive = jv_str(d, p, "type");
	ev->team_id = jv_str(d, jv_get(d, p, "team"), "id");
	ev->enterprise_id = jv_str(d, jv_get(d, p, "enterprise"), "id");
	wire_read_install(ev, jv_bool(d, p, "is_enterprise_install", false));
	ev->api_app_id = jv_str(d, p, "api_app_id");
	jv_ref user = jv_get(d, p, "user");
	ev->user = jv_str(d, user, "id");
	ev->msg.user_team = jv_str(d, user, "team_id");
	jv_ref container = jv_get(d, p, "container"), channel = jv_get(d, p, "channel");
	ev->ephemeral = jv_bool(d, container, "is_ephemeral", false);
	ev->channel = wire_either(jv_str(d, channel, "id"), jv_str(d, container, "channel_id"));
	ev->channel_name = jv_str(d, channel, "name");
	ev->response_url = jv_str(d, p, "response_url");
	ev->trigger_id = jv_str(d, p, "trigger_id");
	if (ev->interactive && strcmp(ev->interactive, "view_submission") == 0) {
		wire_read_view(w, d, jv_get(d, p, "view"), ev);
		return;
	}
	ev->callback_id = jv_str(d, p, "callback_id");
	wire_read_message(d, jv_get(d, p, "message"), &ev->inner);
	if (!ev->inner.ts)
		ev->inner.ts = wire_ts(d, container, "message_ts");
	if (!ev->inner.thread_ts)
		ev->inner.thread_ts = wire_ts(d, container, "thread_ts");
	jv_ref a = jv_first(d, jv_get(d, p, "actions"));
	if (jv_type(d, a) == JV_OBJECT) {
		ev->action_id = jv_str(d, a, "action_id");
		ev->action_value = wire_action_value(d, a);
		ev->action_ts = jv_str(d, a, "action_ts");
	}
	if (!ev->action_ts)
		ev->action_ts = jv_str(d, p, "action_ts");
}

/* The payload: an object, or a string that holds one. */
static jv_ref wire_payload(struct wire *w, struct jv **d, jv_ref root)
{
	jv_ref p = jv_get(*d, root, "payload");
	if (jv_type(*d, p) != JV_STRING)
		return p;
	const char *text = jv_text(*d, p);
	char *in_place = (*d)->text + (text - (*d)->text);
	if (jv_parse(&w->inner, in_place, (*d)->v[p].len, w->why) != ERR_NONE)
		return JV_ABSENT;
	*d = &w->inner;
	return 0;
}

void wire_decode(struct wire *w, char *frame, size_t n, struct slack_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = FRAME_BAD;
	ev->envelope_id = w->envelope_id;
	w->envelope_id[0] = '\0';
	struct jv *d = &w->outer;
	if (n > WIRE_FRAME_MAX) {
		ev->why = "longer than 1 MiB";
		wire_salvage_envelope(frame, n, w->envelope_id);
		return;
	}
	if (jv_parse(d, frame, n, w->why) != ERR_NONE) {
		ev->why = w->why;
		wire_salvage_envelope(frame, n, w->envelope_id);
		return;
	}
	const char *type = jv_str(d, 0, "type");
	if (type && strcmp(type, "hello") == 0) {
		ev->kind = FRAME_HELLO;
		ev->app_id = jv_str(d, jv_get(d, 0, "connection_info"), "app_id");
		ev->num_connections = jv_int(d, 0, "num_connections", 0);
		ev->lifetime_s = jv_int(d, jv_get(d, 0, "debug_info"), "approximate_connection_time", 0);
		return;
	}
	if (type && strcmp(type, "disconnect") == 0) {
		ev->kind = FRAME_DISCONNECT;
		ev->reason = jv_str(d, 0, "reason");
		return;
	}
	const char *id = jv_str(d, 0, "envelope_id");
	if (!id || !id[0] || strlen(id) > WIRE_ENVELOPE_ID_MAX || id[wire_id_span(id, strlen(id))]) {
		ev->why = "no envelope_id";
		return;
	}
	snprintf(w->envelope_id, sizeof(w->envelope_id), "%s", id);
	ev->retry_attempt = jv_int(d, 0, "retry_attempt", 0);
	if (!type) {
		ev->why = "no type";
		return;
	}
	enum frame_kind kind = strcmp(type, "events_api") == 0 ? FRAME_EVENT
	    : strcmp(type, "slash_commands") == 0              ? FRAME_SLASH
	    : strcmp(type, "interactive") == 0                 ? FRAME_INTERACTIVE
	                                                       : FRAME_OTHER;
	w->why[0] = '\0';
	jv_ref p = kind == FRAME_OTHER ? JV_ABSENT : wire_payload(w, &d, 0);
	if (kind != FRAME_OTHER && jv_type(d, p) != JV_OBJECT) {
		ev->why = w->why[0] ? w->why : "the payload is not an object";
		return;
	}
	ev->kind = kind;
	if (kind == FRAME_EVENT)
		wire_read_callback(d, p, ev);
	else if (kind == FRAME_SLASH)
		wire_read_slash(d, p, ev);
	else if (kind == FRAME_INTERACTIVE)
		wire_read_interactive(w, d, p, ev);
}

bool wire_decode_history(struct wire *w, char *json, size_t n, const char *team_id, const char *channel, const char *channel_type,
    struct slack_event *ev)
{
	memset(ev, 0, sizeof(*ev));
	ev->kind = FRAME_EVENT;
	ev->envelope_id = "";
	ev->team_id = team_id;
	ev->channel = channel;
	ev->channel_type = channel_type;
	ev->type = EVENT_SLACK_MESSAGE;
	ev->type_name = "message";
	if (n > WIRE_FRAME_MAX || jv_parse(&w->outer, json, n, w->why) != ERR_NONE)
		return false;
	const char *type = jv_str(&w->outer, 0, "type");
	if (type && strcmp(type, "message") != 0)
		return false;
	if (!wire_read_message(&w->outer, 0, &ev->msg))
		return false;
	ev->user = ev->msg.user;
	return ev->msg.ts != NULL;
}
