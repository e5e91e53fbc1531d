/*
 * Shortcuts, buttons and forms: what people press, what an app may open then, and the response_url that comes along.  A trigger opens one
 * form within three seconds; a form is refused for whatever a real one would be refused for, as far as that is known.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slack.h"

enum { TRIGGERS = 64, URLS = 512, TRIGGER_US = 3000000 };
static struct {
	char id[ID_ROOM];
	uint64_t at_us;
	bool used;
} triggers[TRIGGERS];
static struct {
	unsigned n;
	char channel[ID_ROOM], ts[TS_ROOM];
} urls[URLS];
static unsigned triggers_made, urls_made;

const char *trigger_new(void)
{
	unsigned i = triggers_made++ % TRIGGERS;
	snprintf(triggers[i].id, sizeof triggers[i].id, "%u.2.fake", triggers_made);
	triggers[i].at_us = kit_now_us();
	triggers[i].used = false;
	return triggers[i].id;
}

/* ---- what blocks may hold ---- */
static bool known_keys(const json_t *o, const char *const *keys)
{
	const char *key;
	json_t *v;
	json_object_foreach ((json_t *)(uintptr_t)o, key, v) {
		bool known = false;
		for (size_t i = 0; keys[i] != NULL && !known; i++)
			known = strcmp(key, keys[i]) == 0;
		if (!known)
			return false;
	}
	return json_is_object(o);
}

static bool plain_text(const json_t *o, size_t most)
{
	static const char *const keys[] = { "type", "text", "emoji", NULL };
	const char *text = kit_str(o, "text", "");
	return known_keys(o, keys) && strcmp(kit_str(o, "type", ""), "plain_text") == 0 && *text != '\0' &&
	    text_units(text) <= most;
}

const char *check_actions(const json_t *block)
{
	static const char *const keys[] = { "type", "block_id", "elements", NULL },
	                         *const button[] = { "type", "text", "action_id", "value", "style", "url", "confirm",
		                         "accessibility_label", NULL };
	const json_t *list = json_object_get(block, "elements");
	size_t n = json_array_size(list);
	if (!known_keys(block, keys) || n == 0 || n > 25)
		return "invalid_blocks";
	for (size_t i = 0; i < n; i++) {
		const json_t *e = json_array_get(list, i);
		const char *id = kit_str(e, "action_id", ""), *style = kit_str(e, "style", "primary"),
		           *value = kit_str(e, "value", "-");
		if (strcmp(kit_str(e, "type", ""), "button") != 0 || !known_keys(e, button) ||
		    !plain_text(json_object_get(e, "text"), 75) || *id == '\0' || text_units(id) > 255 || *value == '\0' ||
		    text_units(value) > 2000 || (strcmp(style, "primary") != 0 && strcmp(style, "danger") != 0) ||
		    text_units(kit_str(e, "url", "")) > 3000)
			return "invalid_blocks";
		for (size_t k = 0; k < i; k++)
			if (strcmp(kit_str(json_array_get(list, k), "action_id", ""), id) == 0)
				return "invalid_blocks";
	}
	return NULL;
}

static const char *check_input(const json_t *b)
{
	static const char *const keys[] = { "type", "block_id", "label", "element", "hint", "optional", "dispatch_action", NULL },
	                         *const field[] = { "type", "action_id", "initial_value", "multiline", "min_length", "max_length",
		                         "placeholder", "focus_on_load", NULL };
	const json_t *e = json_object_get(b, "element");
	int64_t most = kit_int(e, "max_length", 3000);
	if (!known_keys(b, keys) || !plain_text(json_object_get(b, "label"), 2000) || !known_keys(e, field) ||
	    strcmp(kit_str(e, "type", ""), "plain_text_input") != 0 || *kit_str(e, "action_id", "") == '\0')
		return "invalid input block";
	if (most < 1 || most > 3000 || (int64_t)text_units(kit_str(e, "initial_value", "")) > most)
		return "initial_value is longer than max_length";
	return NULL;
}

static const char *check_view(const json_t *v)
{
	static const char *const keys[] = { "type", "callback_id", "title", "submit", "close", "private_metadata", "blocks",
		"clear_on_close", "notify_on_close", "external_id", "submit_disabled", NULL };
	const json_t *blocks = json_object_get(v, "blocks");
	if (!known_keys(v, keys))
		return "unknown field";
	if (strcmp(kit_str(v, "type", ""), "modal") != 0 || !plain_text(json_object_get(v, "title"), 24))
		return "invalid title";
	if (json_array_size(blocks) == 0 || json_array_size(blocks) > 100)
		return "invalid blocks";
	if (text_units(kit_str(v, "private_metadata", "")) > 3000 || text_units(kit_str(v, "callback_id", "")) > 255)
		return "private_metadata or callback_id is too long";
	for (size_t i = 0; i < json_array_size(blocks); i++) {
		const json_t *b = json_array_get(blocks, i);
		const char *why = strcmp(kit_str(b, "type", ""), "input") == 0 ? check_input(b) : NULL;
		if (why == NULL && strcmp(kit_str(b, "type", ""), "input") == 0 && !plain_text(json_object_get(v, "submit"), 24))
			why = "a form with a field needs a submit button";
		if (why != NULL)
			return why;
	}
	return json_object_get(v, "close") == NULL || plain_text(json_object_get(v, "close"), 24) ? NULL : "invalid close";
}

json_t *views_open(struct call *c)
{
	const char *trigger = kit_str(c->args, "trigger_id", ""), *why;
	const json_t *view = json_object_get(c->args, "view");
	size_t i = 0;
	while (i < TRIGGERS && (*trigger == '\0' || strcmp(triggers[i].id, trigger) != 0))
		i++;
	if (i == TRIGGERS)
		return fail("invalid_trigger_id");
	if (triggers[i].used)
		return fail("exchanged_trigger_id");
	if (kit_now_us() - triggers[i].at_us > TRIGGER_US)
		return fail("expired_trigger_id");
	if ((why = check_view(view)) != NULL) {
		violation("invalid_view", why);
		return json_pack(
		    "{s:b, s:s, s:{s:[s]}}", "ok", 0, "error", "invalid_arguments", "response_metadata", "messages", why);
	}
	triggers[i].used = true;
	json_t *kept = json_deep_copy(view);
	char id[ID_ROOM];
	snprintf(id, sizeof id, "V%zu", json_array_size(fake.modals) + 1);
	json_object_set_new(kept, "id", json_string(id));
	json_array_append_new(fake.modals, kept);
	return json_pack("{s:b, s:{s:s}}", "ok", 1, "view", "id", id);
}

/* ---- response_url ---- */
const char *response_url(const char *channel, const char *ts)
{
	static char url[96];
	unsigned i = urls_made++ % URLS;
	urls[i].n = urls_made;
	snprintf(urls[i].channel, sizeof urls[i].channel, "%s", channel);
	snprintf(urls[i].ts, sizeof urls[i].ts, "%s", ts);
	snprintf(url, sizeof url, "http://127.0.0.1:%d/response/%u", fake.port, urls_made);
	return url;
}

/* The message under the button is replaced or deleted; false: it is not there. */
static bool replaced(const char *id, const json_t *body)
{
	unsigned n = (unsigned)strtoul(id, NULL, 10), i = (n + URLS - 1) % URLS;
	struct channel *ch = channel_find(urls[i].channel);
	struct message *m = urls[i].n == n && ch != NULL ? message_find(ch, urls[i].ts) : NULL;
	const json_t *blocks = json_object_get(body, "blocks");
	if (m == NULL || m->deleted)
		return false;
	if (kit_bool(body, "delete_original", false)) {
		m->deleted = true;
		return true;
	}
	if (check_blocks(blocks) != NULL)
		return false;
	m->text.n = 0;
	kit_adds(&m->text, kit_str(body, "text", ""));
	json_decref(m->blocks);
	m->blocks = json_incref((json_t *)(uintptr_t)blocks);
	return true;
}

void response_request(const struct kit_request *r, const char *id)
{
	json_t *body = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, NULL);
	json_t *list = json_object_get(fake.responses, id);
	bool original = kit_bool(body, "replace_original", false) || kit_bool(body, "delete_original", false);
	if (list == NULL) {
		list = json_array();
		json_object_set_new(fake.responses, id, list);
	}
	if (body == NULL || json_array_size(list) >= 5) {
		kit_reply(r->conn, 404, "text/plain", NULL, "expired_url", 11);
	} else if (original && !replaced(id, body)) {
		violation("response_url_replaces_nothing", id);
		kit_reply(r->conn, 404, "text/plain", NULL, "message_not_found", 17);
	} else {
		json_array_append(list, body);
		journal("\"response_url\":\"%s\"", id);
		kit_reply(r->conn, 200, "text/plain", NULL, "ok", 2);
	}
	json_decref(body);
}

/* ---- what people press ---- */
static json_t *interactive(const char *type, const char *channel, const char *user)
{
	const struct channel *c = channel_get(channel);
	return json_pack("{s:s, s:s, s:{s:s, s:s}, s:{s:s, s:s, s:s}, s:s, s:s, s:{s:s, s:s}, s:n, s:b}", "type", type, "token",
	    "fake-verification-token", "team", "id", fake.team, "domain", "acme", "user", "id", user, "username", "person",
	    "team_id", fake.team, "api_app_id", fake.app, "trigger_id", trigger_new(), "channel", "id", channel, "name",
	    strcmp(c->type, "im") == 0 ? "directmessage"
	        : c->private           ? "privategroup"
	                               : c->name,
	    "enterprise", "is_enterprise_install", 0);
}

static json_t *push(json_t *payload_taken, const char *channel)
{
	char *s = json_dumps(payload_taken, JSON_COMPACT);
	json_t *out =
	    json_pack("{s:b, s:s}", "ok", 1, "event_id", event_push("interactive", new_event_id(), s, channel, "", false)->id);
	json_object_set(out, "trigger_id", json_object_get(payload_taken, "trigger_id"));
	json_decref(payload_taken);
	return out;
}

/* As Slack gives it back: every block has its id. */
static json_t *message_pressed(const struct channel *c, const struct message *m)
{
	json_t *o = message_json(c, m, false), *blocks = json_deep_copy(json_object_get(o, "blocks")), *b;
	size_t i;
	json_array_foreach (blocks, i, b)
		if (json_object_get(b, "block_id") == NULL)
			json_object_set_new(b, "block_id", json_sprintf("b%zu", i));
	if (blocks != NULL)
		json_object_set_new(o, "blocks", blocks);
	return o;
}

json_t *press_shortcut(const json_t *a)
{
	const char *channel = kit_str(a, "channel", "C0GENERAL"), *ts = kit_str(a, "ts", "");
	struct channel *c = channel_get(channel);
	const struct message *m = message_find(c, ts);
	if (m == NULL)
		return fail("message_not_found");
	json_t *p = interactive("message_action", channel, kit_str(a, "user", "U0PERSON"));
	json_object_set_new(p, "callback_id", json_string(kit_str(a, "callback_id", "eddy_fork")));
	json_object_set_new(p, "message_ts", json_string(ts));
	json_object_set_new(p, "action_ts", json_string(ts));
	json_object_set_new(p, "message", message_pressed(c, m));
	json_object_set_new(p, "response_url", json_string(response_url(channel, ts)));
	return push(p, channel);
}

/* The button of ${m} that says ${label}; NULL: none. */
static const json_t *button_of(const json_t *message, const char *label, const char **block)
{
	const json_t *blocks = json_object_get(message, "blocks");
	for (size_t i = 0; i < json_array_size(blocks); i++) {
		const json_t *b = json_array_get(blocks, i), *list = json_object_get(b, "elements");
		*block = kit_str(b, "block_id", "");
		for (size_t k = 0; strcmp(kit_str(b, "type", ""), "actions") == 0 && k < json_array_size(list); k++)
			if (strcmp(kit_str(json_object_get(json_array_get(list, k), "text"), "text", ""), label) == 0)
				return json_array_get(list, k);
	}
	return NULL;
}

static json_t *press_on(const json_t *a, struct channel *c, const struct message *m, json_t *message_taken)
{
	const char *block = "", *label = kit_str(a, "label", "");
	const json_t *button = button_of(message_taken, label, &block);
	if (button == NULL) {
		json_decref(message_taken);
		return NULL;
	}
	char now[TS_ROOM];
	next_ts(now);
	json_t *p = interactive("block_actions", c->id, kit_str(a, "user", "U0PERSON"));
	json_t *container =
	    json_pack("{s:s, s:s, s:s, s:b}", "type", "message", "message_ts", m->ts, "channel_id", c->id, "is_ephemeral", 0);
	if (*m->thread_ts != '\0')
		json_object_set_new(container, "thread_ts", json_string(m->thread_ts));
	json_object_set_new(p, "container", container);
	json_t *act = json_deep_copy(button);
	json_object_set_new(act, "block_id", json_string(block));
	json_object_set_new(act, "action_ts", json_string(now));
	json_object_set_new(p, "actions", json_pack("[o]", act));
	json_object_set_new(p, "message", message_taken);
	json_object_set_new(p, "response_url", json_string(response_url(c->id, m->ts)));
	json_t *out = push(p, c->id);
	json_object_set_new(out, "ts", json_string(m->ts));
	json_object_set_new(out, "value", json_string(kit_str(button, "value", "")));
	return out;
}

/* The newest message of the channel, or the one named by ts, with a button of that label. */
json_t *press_button(const json_t *a)
{
	struct channel *c = channel_get(kit_str(a, "channel", "C0GENERAL"));
	const char *ts = kit_str(a, "ts", NULL), *thread = kit_str(a, "thread_ts", NULL);
	for (size_t i = c->len; i > 0; i--) {
		const struct message *m = c->list[i - 1];
		if (!m->bot || m->deleted || m->blocks == NULL || (ts != NULL && strcmp(m->ts, ts) != 0) ||
		    (thread != NULL && strcmp(m->thread_ts, thread) != 0 && strcmp(m->ts, thread) != 0))
			continue;
		json_t *out = press_on(a, c, m, message_pressed(c, m));
		if (out != NULL)
			return out;
	}
	return fail("no_such_button");
}

/* The newest form is sent off with ${value} in its field. */
json_t *press_submit(const json_t *a)
{
	size_t n = json_array_size(fake.modals);
	if (n == 0)
		return fail("no_form");
	const json_t *modal = json_array_get(fake.modals, n - 1), *input = json_array_get(json_object_get(modal, "blocks"), 0);
	const json_t *field = json_object_get(input, "element");
	json_t *view = json_deep_copy(modal), *value = json_object_get(a, "value"),
	       *p = interactive("view_submission", "C0NONE", kit_str(a, "user", "U0PERSON"));
	json_object_del(p, "channel");
	json_object_set_new(view, "team_id", json_string(fake.team));
	json_object_set_new(view, "state",
	    json_pack("{s:{s:{s:{s:s, s:O}}}}", "values", kit_str(input, "block_id", ""), kit_str(field, "action_id", ""), "type",
	        "plain_text_input", "value", value != NULL ? value : json_null()));
	json_object_set_new(p, "view", view);
	json_object_set_new(p, "response_urls", json_array());
	return push(p, "");
}

/* What an acknowledgement says to a form: errors beside its own fields, or nothing. */
void form_answered(const struct event *e, const json_t *payload)
{
	const char *action = kit_str(payload, "response_action", "");
	if (json_object_size(payload) == 0)
		return;
	if (e->payload == NULL || strstr(e->payload, "\"view_submission\"") == NULL || strcmp(action, "errors") != 0) {
		violation("ack_payload", action);
		return;
	}
	const char *field;
	json_t *v;
	json_object_foreach (json_object_get(payload, "errors"), field, v)
		if (strstr(e->payload, field) == NULL)
			violation("error_beside_no_field", field);
	json_object_set(fake.answers, e->id, (json_t *)(uintptr_t)payload);
}
