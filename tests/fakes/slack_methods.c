/*
 * What the Web API methods do.  Each gets the arguments of its call and gives the answer; the rules are those that a real workspace
 * has, as far as they are known: sizes, streams that end by themselves after five minutes, recipients of streams, metadata.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slack.h"

json_t *fail(const char *error)
{
	return json_pack("{s:b, s:s}", "ok", 0, "error", error);
}

static json_t *good(void)
{
	return json_pack("{s:b}", "ok", 1);
}

static const char *arg(const struct call *c, const char *name)
{
	return kit_str(c->args, name, "");
}

static bool arg_true(const struct call *c, const char *name)
{
	return kit_bool(c->args, name, false);
}

static void fill_text(struct message *m, const char *s)
{
	m->text.n = 0;
	kit_adds(&m->text, s);
}

/* ---- what a message may hold ---- */
static size_t block_units(const json_t *v)
{
	size_t n = 0, i;
	const char *key;
	json_t *sub;
	if (json_is_array(v)) {
		json_array_foreach (v, i, sub)
			n += block_units(sub);
	} else if (json_is_object(v)) {
		json_object_foreach ((json_t *)(uintptr_t)v, key, sub)
			n +=
			    strcmp(key, "text") == 0 && json_is_string(sub) ? text_units(json_string_value(sub)) : block_units(sub);
	}
	return n;
}

const char *check_blocks(const json_t *blocks)
{
	if (blocks == NULL)
		return NULL;
	if (!json_is_array(blocks))
		return "invalid_blocks_format";
	if (json_array_size(blocks) > 50)
		return "invalid_blocks";
	size_t i, markdown = 0;
	json_t *b;
	json_array_foreach (blocks, i, b) {
		const char *type = kit_str(b, "type", "");
		size_t n = block_units(b);
		if (*type == '\0' || (strcmp(type, "section") == 0 && n > 3000 && json_object_get(b, "fields") == NULL) ||
		    (strcmp(type, "header") == 0 && n > 150) ||
		    (strcmp(type, "table") == 0 && json_array_size(json_object_get(b, "rows")) > 100))
			return "invalid_blocks";
		if (strcmp(type, "markdown") == 0)
			markdown += n;
		if (strcmp(type, "actions") == 0 && check_actions(b) != NULL)
			return "invalid_blocks";
	}
	return markdown > 12000 || block_units(blocks) > 13200 ? "msg_blocks_too_long" : NULL;
}

static const char *check_metadata(const json_t *m)
{
	if (m == NULL)
		return NULL;
	const char *type = kit_str(m, "event_type", NULL), *key;
	const json_t *payload = json_object_get(m, "event_payload");
	json_t *v;
	if (type == NULL || !json_is_object(payload))
		return "invalid_metadata_format";
	for (; *type != '\0'; type++)
		if (!isalnum((unsigned char)*type) && *type != '_')
			return "invalid_metadata_format";
	json_object_foreach ((json_t *)(uintptr_t)payload, key, v)
		if (json_is_null(v))
			return "invalid_metadata_schema";
	char *s = json_dumps(m, JSON_COMPACT);
	size_t n = s != NULL ? strlen(s) : 0;
	free(s);
	return n > 4096 ? "metadata_too_large" : NULL;
}

/* The channel of the call, or the error it answers with. */
static struct channel *channel_of(const struct call *c, json_t **error)
{
	struct channel *ch = *c->channel != '\0' ? channel_get(c->channel) : NULL;
	*error = NULL;
	if (ch != NULL && strcmp(ch->team, fake.team) != 0) {
		violation("token_of_another_workspace", c->channel);
		*error = fail("channel_not_found");
		return NULL;
	}
	if (ch == NULL || strchr("CDGUW", c->channel[0]) == NULL)
		*error = fail("channel_not_found");
	else if (ch->archived)
		*error = fail("is_archived");
	else if (!ch->member && *ch->type != 'i')
		*error = fail("not_in_channel");
	return *error == NULL ? ch : NULL;
}

static const char *check_thread(struct channel *ch, const char *thread_ts)
{
	if (*thread_ts == '\0')
		return NULL;
	const struct message *root = message_find(ch, thread_ts);
	bool replies = root != NULL && !root->deleted;
	for (size_t i = 0; i < ch->len && !replies; i++)
		replies = strcmp(ch->list[i]->thread_ts, thread_ts) == 0 && !ch->list[i]->deleted;
	if (root == NULL || !replies)
		return "thread_not_found";
	if (*root->thread_ts != '\0' && strcmp(root->thread_ts, root->ts) != 0) {
		violation("reply_to_a_reply", thread_ts);
		return "cannot_reply_to_message";
	}
	return NULL;
}

/* ---- chat ---- */
static json_t *posted(struct call *c, const struct channel *ch, const struct message *m)
{
	snprintf(c->ts, sizeof c->ts, "%s", m->ts);
	return json_pack("{s:b, s:s, s:s, s:o}", "ok", 1, "channel", ch->id, "ts", m->ts, "message", message_json(NULL, m, false));
}

static json_t *chat_post(struct call *c)
{
	json_t *error, *blocks = json_object_get(c->args, "blocks"), *metadata = json_object_get(c->args, "metadata");
	struct channel *ch = channel_of(c, &error);
	if (ch == NULL)
		return error;
	const char *text = arg(c, "text"), *markdown = arg(c, "markdown_text"), *why;
	if (*text == '\0' && *markdown == '\0' && blocks == NULL && json_object_get(c->args, "attachments") == NULL)
		return fail("no_text");
	if (*markdown != '\0' && (*text != '\0' || blocks != NULL))
		return fail("markdown_text_conflict");
	if (text_units(markdown) > 12000)
		return fail("msg_too_long");
	if ((why = check_blocks(blocks)) != NULL || (why = check_metadata(metadata)) != NULL ||
	    (why = check_thread(ch, arg(c, "thread_ts"))) != NULL)
		return fail(why);
	struct message *m = message_new(ch, fake.bot_user, *arg(c, "thread_ts") != '\0' ? arg(c, "thread_ts") : NULL, true);
	fill_text(m, *markdown != '\0' ? markdown : text);
	m->blocks = json_incref(blocks);
	m->metadata = json_incref(metadata);
	load_visible(ch->id, m->thread_ts, m->text.p, m->text.n, true);
	message_echo(ch, m);
	return posted(c, ch, m);
}

static json_t *chat_ephemeral(struct call *c)
{
	if (*arg(c, "user") == '\0')
		return fail("no_user");
	json_t *e = json_deep_copy(c->args);
	json_array_append_new(fake.ephemerals, e);
	char ts[TS_ROOM];
	next_ts(ts);
	return json_pack("{s:b, s:s}", "ok", 1, "message_ts", ts);
}

/* The message that a call is about: one call at a time for each, or the order of their effects is anybody's guess. */
static struct message *own_message(struct call *c, json_t **error)
{
	struct channel *ch = channel_of(c, error);
	struct message *m = ch != NULL ? message_find(ch, arg(c, "ts")) : NULL;
	if (ch != NULL && (m == NULL || m->deleted))
		*error = fail("message_not_found");
	else if (m != NULL && !m->bot)
		*error = fail("cant_update_message");
	if (*error != NULL)
		return NULL;
	if (m->calls_open > 0)
		violation("calls_overlap", c->method);
	m->calls_open++;
	c->message = m;
	snprintf(c->ts, sizeof c->ts, "%s", m->ts);
	return m;
}

static void stream_age(struct message *m)
{
	if (m->stream == STREAM_OPEN && kit_now_us() - m->stream_from_us > (uint64_t)fake.stream_end_ms * 1000)
		m->stream = STREAM_EXPIRED;
}

static json_t *chat_update(struct call *c)
{
	json_t *error, *blocks = json_object_get(c->args, "blocks"), *metadata = json_object_get(c->args, "metadata");
	struct message *m = own_message(c, &error);
	if (m == NULL)
		return error;
	const char *text = kit_str(c->args, "text", NULL), *markdown = kit_str(c->args, "markdown_text", NULL), *why;
	stream_age(m);
	if (m->stream == STREAM_OPEN)
		return fail("streaming_state_conflict");
	if (text == NULL && markdown == NULL && blocks == NULL)
		return fail("no_text");
	if ((text != NULL && blocks == NULL && text_units(text) > (size_t)fake.update_max) ||
	    (markdown != NULL && text_units(markdown) > 12000))
		return fail("msg_too_long");
	if ((why = check_blocks(blocks)) != NULL || (why = check_metadata(metadata)) != NULL)
		return fail(why);
	if (text != NULL || markdown != NULL)
		fill_text(m, markdown != NULL ? markdown : text);
	json_decref(m->blocks);
	m->blocks = json_incref(blocks); /* text without blocks removes the old ones */
	if (metadata != NULL) {
		json_decref(m->metadata);
		m->metadata = json_incref(metadata);
	}
	m->edited = blocks == NULL;
	load_visible(c->channel, m->thread_ts, m->text.p, m->text.n, true);
	json_t *a = posted(c, channel_find(c->channel), m);
	json_object_set_new(a, "text", json_string(m->text.p));
	return a;
}

static json_t *chat_delete(struct call *c)
{
	json_t *error;
	struct message *m = own_message(c, &error);
	if (m == NULL)
		return error;
	m->deleted = true;
	return json_pack("{s:b, s:s, s:s}", "ok", 1, "channel", c->channel, "ts", m->ts);
}

/* ---- streams ---- */
static const char *stream_text(const struct call *c, struct kit_buf *out)
{
	const char *markdown = arg(c, "markdown_text");
	const json_t *chunks = json_object_get(c->args, "chunks");
	size_t i;
	json_t *k;
	if (text_units(markdown) > 12000)
		return "msg_too_long";
	kit_adds(out, markdown);
	json_array_foreach (chunks, i, k) {
		const char *type = kit_str(k, "type", "");
		if (strcmp(type, "markdown_text") == 0)
			kit_adds(out, kit_str(k, "text", ""));
		else if (strcmp(type, "task_update") == 0 && (*kit_str(k, "id", "") == '\0' || *kit_str(k, "title", "") == '\0'))
			return "invalid_chunks";
		else if (strcmp(type, "task_update") != 0 && strcmp(type, "plan_update") != 0 && strcmp(type, "blocks") != 0)
			return "invalid_chunks";
	}
	return NULL;
}

static json_t *stream_start(struct call *c)
{
	json_t *error;
	struct channel *ch = channel_of(c, &error);
	if (ch == NULL)
		return error;
	const char *thread = arg(c, "thread_ts"), *why;
	struct kit_buf b = { 0 };
	if (*thread == '\0')
		return fail("missing_thread_ts");
	if (*arg(c, "recipient_user_id") == '\0')
		return fail("missing_recipient_user_id");
	if (*arg(c, "recipient_team_id") == '\0')
		return fail("missing_recipient_team_id");
	if ((why = check_thread(ch, thread)) != NULL || (why = stream_text(c, &b)) != NULL) {
		kit_buf_done(&b);
		return fail(why);
	}
	struct message *m = message_new(ch, fake.bot_user, thread, true);
	m->stream = STREAM_OPEN;
	m->stream_from_us = kit_now_us();
	m->metadata = json_incref(json_object_get(c->args, "metadata"));
	kit_add(&m->text, b.p != NULL ? b.p : "", b.n);
	kit_buf_done(&b);
	snprintf(c->ts, sizeof c->ts, "%s", m->ts);
	if (m->text.n > 0)
		load_visible(ch->id, m->thread_ts, m->text.p, m->text.n, false);
	message_echo(ch, m);
	return json_pack("{s:b, s:s, s:s}", "ok", 1, "channel", ch->id, "ts", m->ts);
}

static json_t *stream_grow(struct call *c, bool stop)
{
	json_t *error, *blocks = json_object_get(c->args, "blocks"), *metadata = json_object_get(c->args, "metadata");
	struct message *m = own_message(c, &error);
	if (m == NULL)
		return error;
	stream_age(m);
	if (m->stream == STREAM_STOPPED)
		return fail("stopped_by_user");
	if (m->stream != STREAM_OPEN)
		return fail("message_not_in_streaming_state");
	struct kit_buf b = { 0 };
	const char *why = stream_text(c, &b);
	if (why == NULL && !stop && b.n == 0 && json_object_get(c->args, "chunks") == NULL)
		why = "no_text";
	if (why == NULL)
		why = check_blocks(blocks);
	if (why == NULL)
		why = check_metadata(metadata);
	if (why != NULL) {
		kit_buf_done(&b);
		return fail(why);
	}
	kit_add(&m->text, b.p != NULL ? b.p : "", b.n);
	kit_buf_done(&b);
	if (metadata != NULL) {
		json_decref(m->metadata);
		m->metadata = json_incref(metadata);
	}
	if (stop) {
		m->stream = STREAM_ENDED;
		m->blocks = json_incref(blocks);
	}
	load_visible(c->channel, m->thread_ts, m->text.p, m->text.n, stop);
	return stop ? posted(c, channel_find(c->channel), m)
	            : json_pack("{s:b, s:s, s:s}", "ok", 1, "channel", c->channel, "ts", m->ts);
}

static json_t *stream_append(struct call *c)
{
	return stream_grow(c, false);
}

static json_t *stream_stop(struct call *c)
{
	return stream_grow(c, true);
}

/* ---- conversations and people ---- */
static json_t *channel_json(const struct channel *ch)
{
	bool im = strcmp(ch->type, "im") == 0, mpim = strcmp(ch->type, "mpim") == 0;
	json_t *o = json_pack("{s:s, s:b, s:b, s:b, s:b, s:b, s:b, s:b, s:b}", "id", ch->id, "is_channel", !im && !mpim, "is_im",
	    im, "is_mpim", mpim, "is_private", ch->private, "is_archived", ch->archived, "is_member", ch->member, "is_ext_shared",
	    ch->external, "is_shared", ch->external);
	if (im)
		json_object_set_new(o, "user", json_string("U0PERSON"));
	else
		json_object_set_new(o, "name", json_string(ch->name));
	return o;
}

static json_t *conversations_info(struct call *c)
{
	if (*c->channel == '\0' || strstr(c->channel, "NONE") != NULL)
		return fail("channel_not_found");
	return json_pack("{s:b, s:o}", "ok", 1, "channel", channel_json(channel_get(c->channel)));
}

struct listing {
	json_t *list;
	bool all; /* those too where we are not */
};
static void list_channel(struct channel *ch, void *a)
{
	struct listing *l = a;
	if (ch->member || l->all)
		json_array_append_new(l->list, channel_json(ch));
}

static json_t *conversations_list(struct call *c)
{
	struct listing l = { .list = json_array(), .all = strcmp(c->method, "conversations.list") == 0 };
	channels_each(list_channel, &l);
	return json_pack("{s:b, s:o, s:{s:s}}", "ok", 1, "channels", l.list, "response_metadata", "next_cursor", "");
}

static json_t *page(json_t *list, size_t more_at)
{
	char cursor[32] = "";
	if (more_at > 0)
		snprintf(cursor, sizeof cursor, "at:%zu", more_at);
	return json_pack("{s:b, s:o, s:b, s:{s:s}}", "ok", 1, "messages", list, "has_more", more_at > 0, "response_metadata",
	    "next_cursor", cursor);
}

static size_t page_limit(const struct call *c)
{
	int64_t limit = kit_int(c->args, "limit", 100);
	return (size_t)(limit < 1 || limit > fake.history_max ? fake.history_max : limit);
}

static size_t page_from(const struct call *c)
{
	const char *cursor = arg(c, "cursor");
	return strncmp(cursor, "at:", 3) == 0 ? strtoul(cursor + 3, NULL, 10) : 0;
}

static bool in_range(const struct call *c, const char *ts)
{
	const char *oldest = arg(c, "oldest"), *latest = arg(c, "latest");
	bool inclusive = arg_true(c, "inclusive");
	if (*oldest != '\0' && (strcmp(ts, oldest) < 0 || (!inclusive && strcmp(ts, oldest) == 0)))
		return false;
	return *latest == '\0' || strcmp(ts, latest) < 0 || (inclusive && strcmp(ts, latest) == 0);
}

static json_t *conversations_history(struct call *c)
{
	json_t *error, *list = json_array();
	struct channel *ch = channel_of(c, &error);
	if (ch == NULL) {
		json_decref(list);
		return error;
	}
	size_t limit = page_limit(c), skip = page_from(c), seen = 0;
	for (size_t i = ch->len; i > 0; i--) {
		const struct message *m = ch->list[i - 1];
		if (m->deleted || (*m->thread_ts != '\0' && strcmp(m->thread_ts, m->ts) != 0) || !in_range(c, m->ts) ||
		    seen++ < skip)
			continue;
		if (json_array_size(list) == limit)
			return page(list, skip + limit);
		json_array_append_new(list, message_json(ch, m, arg_true(c, "include_all_metadata")));
	}
	return page(list, 0);
}

static json_t *conversations_replies(struct call *c)
{
	json_t *error;
	struct channel *ch = channel_of(c, &error);
	if (ch == NULL)
		return error;
	const char *root = arg(c, "ts");
	const struct message *parent = message_find(ch, root);
	if (parent == NULL)
		return fail("thread_not_found");
	json_t *list = json_array();
	bool metadata = arg_true(c, "include_all_metadata");
	size_t limit = page_limit(c), skip = page_from(c), seen = 0;
	json_array_append_new(list, message_json(ch, parent, metadata)); /* the parent opens each page */
	for (size_t i = 0; i < ch->len; i++) {
		const struct message *m = ch->list[i];
		if (m->deleted || strcmp(m->thread_ts, root) != 0 || m == parent || !in_range(c, m->ts) || seen++ < skip)
			continue;
		if (json_array_size(list) == limit + 1)
			return page(list, skip + limit);
		json_array_append_new(list, message_json(ch, m, metadata));
	}
	return page(list, 0);
}

static json_t *conversations_open(struct call *c)
{
	const char *user = arg(c, "users");
	if (*user == '\0')
		return fail("users_list_not_supplied");
	char id[ID_ROOM];
	snprintf(id, sizeof id, "D%s", user + 1);
	channel_get(id);
	return json_pack("{s:b, s:{s:s}}", "ok", 1, "channel", "id", id);
}

static json_t *conversations_members(struct call *c)
{
	(void)c;
	return json_pack(
	    "{s:b, s:[s, s], s:{s:s}}", "ok", 1, "members", "U0PERSON", fake.bot_user, "response_metadata", "next_cursor", "");
}

static json_t *user_json(const char *id)
{
	const json_t *own = json_object_get(fake.users, id);
	char name[80];
	snprintf(name, sizeof name, "person-%s", id + 1);
	bool bot = strcmp(id, fake.bot_user) == 0 || app_of_user(id);
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:s, s:i, s:{s:s, s:s}}", "id", id, "team_id", fake.team, "name",
	    name, "real_name", kit_str(own, "real_name", name), "deleted", kit_bool(own, "deleted", false), "is_bot",
	    kit_bool(own, "is_bot", bot), "is_restricted", kit_bool(own, "is_restricted", false), "is_ultra_restricted", 0, "tz",
	    kit_str(own, "tz", "Europe/Vienna"), "tz_offset", 3600, "profile", "display_name", kit_str(own, "name", ""),
	    "real_name", kit_str(own, "real_name", name));
}

static json_t *users_info(struct call *c)
{
	const char *id = arg(c, "user");
	if (*id == '\0' || strstr(id, "NONE") != NULL)
		return fail("user_not_found");
	return json_pack("{s:b, s:o}", "ok", 1, "user", user_json(id));
}

/* Only people that were told about by /control/user: the fake knows no others before they write. */
static json_t *users_list(struct call *c)
{
	(void)c;
	json_t *members = json_array(), *own;
	const char *id;
	json_object_foreach (fake.users, id, own)
		json_array_append_new(members, user_json(id));
	return json_pack("{s:b, s:o, s:{s:s}}", "ok", 1, "members", members, "response_metadata", "next_cursor", "");
}

/* ---- the rest ---- */
static json_t *auth_test(struct call *c)
{
	(void)c;
	char url[64];
	bool first = strcmp(fake.team, "T0FAKE") == 0;
	snprintf(url, sizeof url, "https://%s.slack.example/", first ? "acme" : fake.team);
	return json_pack("{s:b, s:s, s:s, s:s, s:s, s:s, s:s, s:b}", "ok", 1, "url", url, "team", first ? "Acme" : fake.team,
	    "user", "eddy", "team_id", fake.team, "user_id", fake.bot_user, "bot_id", fake.bot_id, "is_enterprise_install", 0);
}

static json_t *connections_open(struct call *c)
{
	(void)c;
	static unsigned ticket;
	char base[100], url[240];
	snprintf(base, sizeof base, "ws://127.0.0.1:%d", fake.port);
	snprintf(
	    url, sizeof url, "%s/link/?ticket=%u&app_id=%s", *fake.link_url != '\0' ? fake.link_url : base, ++ticket, fake.app);
	return json_pack("{s:b, s:s}", "ok", 1, "url", url);
}

static json_t *reactions_add(struct call *c)
{
	struct channel *ch = channel_find(c->channel);
	const char *ts = arg(c, "timestamp"), *name = arg(c, "name");
	if (message_find(ch, ts) == NULL)
		return fail("message_not_found");
	if (*name == '\0' || strchr(name, ':') != NULL)
		return fail("invalid_name");
	char key[128];
	snprintf(key, sizeof key, "%s %s %s", c->channel, ts, name);
	bool there = json_object_get(fake.reactions, key) != NULL, add = strcmp(c->method, "reactions.add") == 0;
	if (add == there)
		return fail(add ? "already_reacted" : "no_reaction");
	if (add)
		json_object_set_new(fake.reactions, key, json_true());
	else
		json_object_del(fake.reactions, key);
	return good();
}

static json_t *views_publish(struct call *c)
{
	const json_t *view = json_object_get(c->args, "view");
	if (*arg(c, "user_id") == '\0' || strcmp(kit_str(view, "type", ""), "home") != 0)
		return fail("invalid_arguments");
	const char *why = check_blocks(json_object_get(view, "blocks"));
	if (why != NULL && strcmp(why, "msg_blocks_too_long") != 0)
		return fail(why);
	json_object_set(fake.views, arg(c, "user_id"), (json_t *)(uintptr_t)view);
	return json_pack("{s:b, s:{s:s, s:s}}", "ok", 1, "view", "id", "V0FAKE", "hash", "1.fake");
}

static json_t *session_status(struct call *c)
{
	static const char *const known[] = { "active", "processing", "suspended", "closed" };
	const char *status = arg(c, "status");
	bool legacy = strcmp(c->method, "assistant.threads.setStatus") == 0, ok = legacy;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		ok |= strcmp(status, known[i]) == 0;
	if (*c->channel == '\0' || *arg(c, "thread_ts") == '\0')
		return fail("invalid_arguments");
	if (!ok)
		return fail("invalid_status");
	char key[64];
	snprintf(key, sizeof key, "%s %s", c->channel, arg(c, "thread_ts"));
	json_object_set_new(fake.statuses, key, json_string(status));
	return good();
}

static json_t *plain_good(struct call *c)
{
	(void)c;
	return good();
}

static json_t *permalink(struct call *c)
{
	char url[160];
	snprintf(url, sizeof url, "https://acme.slack.example/archives/%s/p%s", c->channel, arg(c, "message_ts"));
	return json_pack("{s:b, s:s, s:s}", "ok", 1, "channel", c->channel, "permalink", url);
}

static json_t *files_info(struct call *c)
{
	char url[128];
	snprintf(url, sizeof url, "http://127.0.0.1:%d/files/%s", fake.port, arg(c, "file"));
	return json_pack("{s:b, s:{s:s, s:s, s:s, s:s, s:i}}", "ok", 1, "file", "id", arg(c, "file"), "name", "notes.txt",
	    "mimetype", "text/plain", "url_private", url, "size", 11);
}

static json_t *team_info(struct call *c)
{
	(void)c;
	return json_pack("{s:b, s:{s:s, s:s, s:s}}", "ok", 1, "team", "id", fake.team, "name", "Acme", "domain", "acme");
}

static json_t *bots_info(struct call *c)
{
	return json_pack("{s:b, s:{s:s, s:s, s:s, s:b}}", "ok", 1, "bot", "id", arg(c, "bot"), "app_id",
	    app_id(app_of_user(arg(c, "bot"))), "name", "eddy", "deleted", 0);
}

static json_t *event_authorizations(struct call *c)
{
	(void)c;
	return json_pack(
	    "{s:b, s:[{s:s, s:s, s:b}]}", "ok", 1, "authorizations", "team_id", fake.team, "user_id", fake.bot_user, "is_bot", 1);
}

static const struct {
	const char *name;
	json_t *(*run)(struct call *c);
} methods[] = {
	{ "chat.postMessage", chat_post },
	{ "chat.update", chat_update },
	{ "chat.startStream", stream_start },
	{ "chat.appendStream", stream_append },
	{ "chat.stopStream", stream_stop },
	{ "chat.delete", chat_delete },
	{ "chat.postEphemeral", chat_ephemeral },
	{ "chat.getPermalink", permalink },
	{ "conversations.info", conversations_info },
	{ "conversations.list", conversations_list },
	{ "users.conversations", conversations_list },
	{ "conversations.history", conversations_history },
	{ "conversations.replies", conversations_replies },
	{ "conversations.open", conversations_open },
	{ "conversations.members", conversations_members },
	{ "conversations.join", plain_good },
	{ "users.info", users_info },
	{ "users.list", users_list },
	{ "auth.test", auth_test },
	{ "apps.connections.open", connections_open },
	{ "apps.event.authorizations.list", event_authorizations },
	{ "reactions.add", reactions_add },
	{ "reactions.remove", reactions_add },
	{ "views.publish", views_publish },
	{ "views.open", views_open },
	{ "views.update", plain_good },
	{ "agents.sessions.setStatus", session_status },
	{ "agents.sessions.rename", plain_good },
	{ "assistant.threads.setStatus", session_status },
	{ "assistant.threads.setTitle", plain_good },
	{ "assistant.threads.setSuggestedPrompts", plain_good },
	{ "files.info", files_info },
	{ "team.info", team_info },
	{ "bots.info", bots_info },
};

json_t *method_run(struct call *c)
{
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
		if (strcmp(methods[i].name, c->method) == 0) {
			team_enter(c->team);
			app_enter(c->app);
			json_t *o = methods[i].run(c);
			app_leave();
			team_leave();
			return o;
		}
	if (strcmp(c->method, "oauth.v2.access") == 0)
		return oauth_access(c->args);
	if (strcmp(c->method, "auth.revoke") == 0)
		return auth_revoke(c->token);
	if (strcmp(c->method, "apps.uninstall") == 0)
		return apps_uninstall(c);
	violation("unknown_method", c->method);
	return fail("unknown_method");
}
