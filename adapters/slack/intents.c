/*
 * Each kind of event has a small function that fills an intent.  Source keys are made from what stays the same over redeliveries and
 * over the two events of one mention: the channel and the message's own timestamp, never the envelope or event id.
 *
 * Visibility comes from the event where it says so, else from what is known about the channel, else it stays unknown, which the core
 * reads as closed.
 */
#include "intents_internal.h"

#include <string.h>

#include "../../core/base/utf8.h"
#include "intext.h"

void intents_done(struct intents *c)
{
	buf_done(&c->text);
	buf_done(&c->key);
	buf_done(&c->detail);
	buf_done(&c->thread_key);
}

static bool same(const char *a, const char *b)
{
	return a && b && a[0] && strcmp(a, b) == 0;
}

bool intents_is_self(const struct intents *c, const struct slack_event *ev, const struct wire_message *m)
{
	return same(m->user, c->self_user) || same(m->user, ev->authorized_user) || same(m->bot_id, c->self_bot) ||
	    same(m->app_id, ev->api_app_id);
}

bool intents_wants_text(const struct wire_file *f)
{
	static const char *const types[] = { "text", "snippet", "markdown", "csv", "tsv", "json", "yaml", "xml", "log", "diff",
		"sql", "shell", "c", "cpp", "python", "go", "rust", "java", "javascript", "typescript", "ruby", "php", "toml" };
	if (!f->url || f->size == 0 || f->size > INTENTS_FILE_TEXT_MAX)
		return false;
	if (f->mode && strcmp(f->mode, "snippet") == 0)
		return true;
	if (!f->mode || strcmp(f->mode, "hosted") != 0)
		return false;
	if (f->mime && strncmp(f->mime, "text/", 5) == 0 && strcmp(f->mime, "text/html") != 0)
		return true;
	for (size_t i = 0; f->filetype && i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(f->filetype, types[i]) == 0)
			return true;
	return false;
}

/* ---- who and where ---- */

void intents_person(struct intents *c, const struct slack_event *ev, const char *user, const char *user_team,
    const char *inline_name, struct intent *in)
{
	in->person.external_id = user;
	in->verified = VERIFIED_PLATFORM;
	if (!user)
		return;
	const struct known_person *known = c->person ? c->person(c->arg, user) : NULL;
	if (known) {
		in->person.name = known->name;
		in->person.tz = known->tz;
		in->person.is_bot = known->is_bot;
		in->person.is_guest = known->is_guest;
		in->person.kind = known->kind;
	} else {
		in->person.name = inline_name;
		in->person.is_undescribed = true;
	}
	/* Somebody from another company in a shared channel is a guest here, whatever they are at home. */
	if (user_team && user_team[0] && c->team_id && strcmp(user_team, c->team_id) != 0 && !ev->enterprise_id) {
		in->person.kind = PERSON_STRANGER;
		in->person.is_guest = true;
		in->person.is_undescribed = false;
	}
}

static enum visibility intents_visibility(const struct slack_event *ev, const struct known_place *known)
{
	const char *type = ev->channel_type;
	if (ev->ext_shared || (known && known->visibility == VIS_EXTERNAL))
		return VIS_EXTERNAL;
	if (type && strcmp(type, "im") == 0)
		return VIS_DIRECT;
	if (type && (strcmp(type, "mpim") == 0 || strcmp(type, "group") == 0 || strcmp(type, "G") == 0))
		return VIS_PRIVATE;
	if (known && known->visibility != VIS_UNKNOWN)
		return known->visibility;
	/* member_joined_channel says "C" for private channels too. */
	return type && strcmp(type, "channel") == 0 && ev->kind == FRAME_EVENT ? VIS_PUBLIC : VIS_UNKNOWN;
}

void intents_place(struct intents *c, const struct slack_event *ev, bool member, struct intent *in)
{
	const struct known_place *known = c->place && ev->channel ? c->place(c->arg, ev->channel) : NULL;
	in->place.external_id = ev->channel;
	in->place.visibility = intents_visibility(ev, known);
	if (in->person.kind == PERSON_STRANGER) /* whatever Slack calls it: outsiders are there */
		in->place.visibility = VIS_EXTERNAL;
	in->place.name = known && known->name ? known->name : ev->channel_name;
	in->place.eddy_is_member = member;
}

bool intents_origin(struct intents *c, const struct slack_event *ev, enum origin_surface surface, const char *thread_ts,
    const char *message_ts, const struct intents_extra *x, struct intent *in)
{
	const char *from = ev->team_id ? ev->team_id : c->team_id ? c->team_id : "";
	const char *team =
	    c->team_id && c->team_id[0] ? c->team_id : from; /* of the installation, by which the answer finds its token */
	const char *user_team = ev->msg.user_team && ev->msg.user_team[0] ? ev->msg.user_team : from;
	const char *url = surface == ORIGIN_COMMAND ? ev->response_url : NULL;
	struct origin o = {
		.surface = surface,
		.team = team,
		.channel = ev->channel,
		.thread_ts = thread_ts,
		.message_ts = message_ts,
		.user = in->person.external_id,
		.user_team = user_team,
		.response_url = url,
		.response_until_ms = url ? x->now_ms + 29 * 60 * 1000 : 0, /* Slack allows 30 minutes */
	};
	in->origin_len = origin_pack(&o, c->origin);
	in->origin = c->origin;
	return in->origin_len > 0;
}

const char *intents_key(struct buf *b, const char *kind, const char *a, const char *d, const char *e)
{
	buf_reset(b);
	buf_add_str(b, kind);
	buf_add_char(b, ':');
	buf_add_str(b, a);
	buf_add_char(b, ':');
	buf_add_str(b, d);
	if (e) {
		buf_add_char(b, ':');
		buf_add_str(b, e);
	}
	return b->p;
}

/* ---- text ---- */

const char *intents_person_name(void *arg, const char *id)
{
	struct intents *c = arg;
	const struct known_person *p = c->person ? c->person(c->arg, id) : NULL;
	return p ? p->name : NULL;
}

const char *intents_place_name(void *arg, const char *id)
{
	struct intents *c = arg;
	const struct known_place *p = c->place ? c->place(c->arg, id) : NULL;
	return p ? p->name : NULL;
}

static struct intext intents_convert(struct intents *c, const struct slack_event *ev, const char *text)
{
	struct intext t = { .self_user = c->self_user ? c->self_user : ev->authorized_user,
		.self_name = c->self_name,
		.person = intents_person_name,
		.place = intents_place_name,
		.arg = c };
	if (text)
		intext_convert(&t, text, &c->text);
	if (c->text.len > INTENT_TEXT_MAX)
		buf_truncate(&c->text, utf8_clip(c->text.p, c->text.len, INTENT_TEXT_MAX));
	return t;
}

void intents_text(struct intents *c, const struct slack_event *ev, const char *text, struct intent *in)
{
	buf_reset(&c->text);
	struct intext t = intents_convert(c, ev, text);
	in->text = c->text.p;
	in->text_len = c->text.len;
	in->mentions_us = t.mentions_us;
	in->mentions_others = t.mentions_others;
}

void intents_files(const struct wire_message *m, const struct intents_extra *x, struct intent *in)
{
	for (size_t i = 0; i < m->files_len && in->files_len < INTENT_FILES_MAX; i++) {
		const struct wire_file *f = &m->files[i];
		struct intent_file *to = &in->files[in->files_len++];
		*to = (struct intent_file){ .external_id = f->id, .name = f->name, .mime = f->mime, .size_bytes = f->size };
		for (size_t k = 0; k < x->texts_len; k++) {
			if (strcmp(x->texts[k].file_id, f->id) == 0) {
				to->text = x->texts[k].text;
				to->text_len = x->texts[k].len;
			}
		}
	}
}

/* ---- messages ---- */

bool intents_is_bot(const struct intents *c, const struct wire_message *m)
{
	if (m->bot_id || m->bot_profile || (m->subtype && strcmp(m->subtype, "bot_message") == 0) || m->streaming)
		return true;
	if (!m->user || strcmp(m->user, "USLACKBOT") == 0)
		return true;
	const struct known_person *p = c->person ? c->person(c->arg, m->user) : NULL;
	return p && p->is_bot;
}

static bool intents_bot_allowed(const struct intents *c, const struct wire_message *m)
{
	for (size_t i = 0; i < c->bots_len; i++)
		if (same(m->app_id, c->bots[i]) || same(m->bot_id, c->bots[i]))
			return true;
	return false;
}

/* Only these subtypes are somebody speaking; all others are Slack's own words, which may even contain our mention. */
bool intents_speaks(const char *subtype)
{
	return !subtype || strcmp(subtype, "thread_broadcast") == 0 || strcmp(subtype, "file_share") == 0 ||
	    strcmp(subtype, "me_message") == 0 || strcmp(subtype, "bot_message") == 0;
}

static bool intents_posted(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	const struct wire_message *m = &ev->msg;
	if (!intents_speaks(m->subtype) || !m->ts || !ev->channel || intents_is_self(c, ev, m))
		return false;
	const char *thread = m->thread_ts ? m->thread_ts : m->ts;
	bool bot = intents_is_bot(c, m);
	const char *who = m->user ? m->user : m->bot_id;
	if (!who)
		return false;
	if (bot && !intents_bot_allowed(c, m)) {
		c->unheard = ev->type == EVENT_APP_MENTION;
		return false;
	}
	in->kind = INTENT_MESSAGE_POSTED;
	intents_person(c, ev, who, m->user_team, m->user_name, in);
	intents_place(c, ev, true, in);
	intents_text(c, ev, m->text, in);
	intents_files(m, x, in);
	if (in->text_len == 0 && in->files_len == 0 && !in->mentions_us)
		return false;
	if (bot) {
		if (!in->mentions_us)
			return false;
		in->person.is_bot = in->person.is_guest = in->person.may_ask = true;
		in->person.is_undescribed = false;
	}
	if (ev->type == EVENT_APP_MENTION)
		in->mentions_us = true;
	in->source_key = intents_key(&c->key, "m", ev->channel, m->ts, NULL);
	in->message_key = m->ts;
	in->thread_key = thread;
	in->is_thread_root = strcmp(thread, m->ts) == 0;
	in->platform_ms = wire_ts_ms(m->ts);
	bool dm = in->place.visibility == VIS_DIRECT;
	return intents_origin(c, ev, dm ? ORIGIN_DM : ORIGIN_CHANNEL, thread, m->ts, x, in);
}

const char *intents_deleted_ts(const struct slack_event *ev)
{
	const char *subtype = ev->type == EVENT_SLACK_MESSAGE ? ev->msg.subtype : NULL;
	if (subtype && strcmp(subtype, "message_deleted") == 0)
		return ev->deleted_ts ? ev->deleted_ts : ev->before.ts;
	/* The first message of a thread leaves a mark. */
	bool mark =
	    subtype && strcmp(subtype, "message_changed") == 0 && ev->inner.subtype && strcmp(ev->inner.subtype, "tombstone") == 0;
	return mark ? ev->inner.ts : NULL;
}

static bool intents_deleted(
    struct intents *c, const struct slack_event *ev, const char *ts, const struct wire_message *was, struct intent *in)
{
	/* Of ours only what somebody has deleted and the core knows: we take back what was shown while it grew. */
	if (!ts || !ev->channel || (intents_is_self(c, ev, was) && !(ev->about && id_parse(ev->about, &in->about_id))))
		return false;
	in->kind = INTENT_MESSAGE_DELETED;
	intents_place(c, ev, true, in);
	in->source_key = intents_key(&c->key, "d", ev->channel, ts, NULL);
	in->message_key = ts;
	in->thread_key = was->thread_ts ? was->thread_ts : ts;
	in->platform_ms = wire_ts_ms(ts);
	in->verified = VERIFIED_PLATFORM;
	return true;
}

/* message_changed also comes for unfurls, for our own updates and for a thread's growing root: only a new text is an edit. */
static bool intents_edited(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	const struct wire_message *m = &ev->inner;
	if (m->subtype && strcmp(m->subtype, "tombstone") == 0)
		return intents_deleted(c, ev, m->ts, &ev->before, in);
	if (!m->ts || !m->user || !ev->channel || !m->text || !intents_speaks(m->subtype) || intents_is_self(c, ev, m) ||
	    intents_is_bot(c, m))
		return false;
	if (ev->before.text ? strcmp(ev->before.text, m->text) == 0 : !m->edited_ts)
		return false;
	in->kind = INTENT_MESSAGE_EDITED;
	intents_person(c, ev, m->user, m->user_team, m->user_name, in);
	intents_place(c, ev, true, in);
	intents_text(c, ev, m->text, in);
	in->source_key = intents_key(&c->key, "e", ev->channel, m->ts,
	    m->edited_ts       ? m->edited_ts
	        : ev->event_ts ? ev->event_ts
	                       : ev->event_id);
	in->message_key = m->ts;
	in->thread_key = m->thread_ts ? m->thread_ts : m->ts;
	in->is_thread_root = strcmp(in->thread_key, m->ts) == 0;
	in->platform_ms = wire_ts_ms(m->ts);
	return intents_origin(c, ev, in->place.visibility == VIS_DIRECT ? ORIGIN_DM : ORIGIN_CHANNEL, in->thread_key, m->ts, x, in);
}

static bool intents_message(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	if (ev->msg.subtype && strcmp(ev->msg.subtype, "message_changed") == 0)
		return intents_edited(c, ev, x, in);
	if (ev->msg.subtype && strcmp(ev->msg.subtype, "message_deleted") == 0)
		return intents_deleted(c, ev, ev->deleted_ts ? ev->deleted_ts : ev->before.ts, &ev->before, in);
	return intents_posted(c, ev, x, in);
}

/* ---- other events ---- */

static bool intents_reaction(struct intents *c, const struct slack_event *ev, struct intent *in)
{
	if (!ev->item_ts || !ev->channel || !ev->user || !ev->reaction || same(ev->user, c->self_user) ||
	    same(ev->user, ev->authorized_user))
		return false;
	in->kind = ev->type == EVENT_REACTION_ADDED ? INTENT_REACTION_ADDED : INTENT_REACTION_REMOVED;
	intents_person(c, ev, ev->user, NULL, NULL, in);
	intents_place(c, ev, true, in);
	in->text = ev->reaction;
	in->text_len = strlen(ev->reaction);
	buf_reset(&c->detail);
	buf_add_str(&c->detail, ev->user);
	buf_add_char(&c->detail, ':');
	buf_add_str(&c->detail, ev->reaction);
	buf_add_char(&c->detail, ':');
	buf_add_str(&c->detail, ev->event_ts ? ev->event_ts : ev->event_id ? ev->event_id : "");
	in->source_key = intents_key(&c->key, in->kind == INTENT_REACTION_ADDED ? "r" : "R", ev->channel, ev->item_ts, c->detail.p);
	in->message_key = ev->item_ts;
	in->thread_key = ev->item_ts;
	in->platform_ms = wire_ts_ms(ev->item_ts);
	return true;
}

static bool intents_stopped(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	if (!ev->channel || !ev->msg.thread_ts)
		return false;
	in->kind = INTENT_RUN_STOPPED;
	intents_person(c, ev, ev->user, NULL, NULL, in);
	intents_place(c, ev, true, in);
	in->source_key = intents_key(&c->key, "s", ev->channel, ev->msg.thread_ts, ev->event_ts ? ev->event_ts : ev->event_id);
	in->thread_key = ev->msg.thread_ts;
	return intents_origin(c, ev, ORIGIN_CHANNEL, ev->msg.thread_ts, NULL, x, in);
}

static bool intents_opened(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	bool legacy = ev->type == EVENT_ASSISTANT_STARTED;
	if (!ev->channel || !ev->user || (legacy ? !ev->msg.thread_ts : !same(ev->tab, "messages")))
		return false;
	in->kind = INTENT_THREAD_OPENED;
	intents_person(c, ev, ev->user, NULL, NULL, in);
	intents_place(c, ev, true, in);
	in->place.visibility = VIS_DIRECT; /* the messages tab and the assistant view are the conversation with one person */
	in->source_key = intents_key(&c->key, "o", ev->channel,
	    legacy             ? ev->msg.thread_ts
	        : ev->event_ts ? ev->event_ts
	                       : ev->event_id,
	    NULL);
	in->thread_key = legacy ? ev->msg.thread_ts : "";
	return intents_origin(c, ev, legacy ? ORIGIN_ASSISTANT : ORIGIN_DM, legacy ? ev->msg.thread_ts : "", NULL, x, in);
}

static bool intents_joined(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	if (!ev->channel || !ev->user)
		return false;
	bool ours = same(ev->user, c->self_user) || same(ev->user, ev->authorized_user);
	if (!ours)
		return false; /* who is in a channel is asked for when it matters */
	in->kind = INTENT_PLACE_JOINED;
	in->verified = VERIFIED_PLATFORM;
	intents_place(c, ev, true, in);
	in->source_key = intents_key(&c->key, "j", ev->channel, ev->event_ts ? ev->event_ts : ev->event_id, NULL);
	in->message_key = "joined";
	in->thread_key = "joined";
	in->is_thread_root = true;
	return intents_origin(c, ev, ORIGIN_CHANNEL, "", NULL, x, in);
}

static bool intents_place_event(struct intents *c, const struct slack_event *ev, struct intent *in)
{
	if (!ev->channel)
		return false;
	bool left = ev->type == EVENT_CHANNEL_LEFT;
	if (ev->type == EVENT_MEMBER_LEFT) {
		if (!same(ev->user, c->self_user) && !same(ev->user, ev->authorized_user))
			return false;
		left = true;
	}
	in->kind = left ? INTENT_PLACE_LEFT : INTENT_PLACE_CHANGED;
	in->verified = VERIFIED_PLATFORM;
	intents_place(c, ev, !left, in);
	if (ev->type == EVENT_CHANNEL_RENAME && ev->channel_name)
		in->place.name = ev->channel_name;
	if (ev->type == EVENT_CHANNEL_PRIVATE)
		in->place.visibility = VIS_PRIVATE;
	if (ev->type == EVENT_CHANNEL_SHARED)
		in->place.visibility = VIS_EXTERNAL; /* until somebody has looked */
	if (ev->type == EVENT_CHANNEL_ARCHIVE)
		in->place.eddy_is_member = false;
	in->source_key = intents_key(&c->key, "p", ev->channel, ev->type_name, ev->event_ts ? ev->event_ts : ev->event_id);
	return true;
}

static bool intents_uninstalled(struct intents *c, const struct slack_event *ev, struct intent *in)
{
	if (ev->type == EVENT_TOKENS_REVOKED && !ev->revoked_bot)
		return false; /* somebody's own token, not ours */
	in->kind = INTENT_UNINSTALLED;
	in->verified = VERIFIED_PLATFORM;
	in->source_key =
	    intents_key(&c->key, "u", ev->team_id ? ev->team_id : "", ev->event_id ? ev->event_id : ev->event_ts, NULL);
	return true;
}

static bool intents_event(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	switch (ev->type) {
	case EVENT_APP_MENTION:
	case EVENT_SLACK_MESSAGE:
		return intents_message(c, ev, x, in);
	case EVENT_REACTION_ADDED:
	case EVENT_REACTION_REMOVED:
		return intents_reaction(c, ev, in);
	case EVENT_SESSION_STOPPED:
		return intents_stopped(c, ev, x, in);
	case EVENT_APP_HOME_OPENED:
	case EVENT_ASSISTANT_STARTED:
		return intents_opened(c, ev, x, in);
	case EVENT_MEMBER_JOINED:
		return intents_joined(c, ev, x, in);
	case EVENT_MEMBER_LEFT:
	case EVENT_CHANNEL_LEFT:
	case EVENT_CHANNEL_RENAME:
	case EVENT_CHANNEL_ARCHIVE:
	case EVENT_CHANNEL_UNARCHIVE:
	case EVENT_CHANNEL_PRIVATE:
	case EVENT_CHANNEL_SHARED:
		return intents_place_event(c, ev, in);
	case EVENT_TOKENS_REVOKED:
	case EVENT_APP_UNINSTALLED:
		return intents_uninstalled(c, ev, in);
	default:
		return false;
	}
}

bool intents_build(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	memset(in, 0, sizeof(*in));
	in->ws = c->ws;
	in->adapter = "slack";
	in->received_ms = x->now_ms;
	in->late = x->late;
	c->unheard = false;
	switch (ev->kind) {
	case FRAME_EVENT:
		return intents_event(c, ev, x, in);
	case FRAME_SLASH:
		return intents_slash(c, ev, x, in);
	case FRAME_INTERACTIVE:
		return intents_interactive(c, ev, x, in);
	default:
		return false;
	}
}
