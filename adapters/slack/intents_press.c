/*
 * Slash commands, shortcuts, buttons and forms.  A slash command and the shortcut that asks about a message are between Eddy and one
 * person: they stand in a thread of their own.  What a shortcut or a form does to a thread (a side thread, a pin, a new draft) is said in
 * that thread, as if it had been typed there.
 */
#include "intents_internal.h"

#include <stdio.h>
#include <string.h>

#include "../../core/base/utf8.h"
#include "intext.h"

#define CLOCKS_APART_S 600

static bool is(const char *a, const char *b)
{
	return a && strcmp(a, b) == 0;
}

static void intents_at(struct intents *c, const struct slack_event *ev, bool member, struct intent *in)
{
	intents_place(c, ev, member, in);
	if (in->place.visibility == VIS_UNKNOWN && is(ev->channel_name, "directmessage"))
		in->place.visibility = VIS_DIRECT;
}

/* Where an answer under ${thread} goes.  ${message_ts} NULL: no message asked; from when on it may be there, if the clocks agree. */
static bool intents_within(struct intents *c, const struct slack_event *ev, const char *thread, const char *message_ts,
    const struct intents_extra *x, struct intent *in)
{
	char from[40];
	uint64_t now_s = x->now_ms / 1000;
	snprintf(from, sizeof(from), "%llu.000000", (unsigned long long)(now_s > CLOCKS_APART_S ? now_s - CLOCKS_APART_S : 0));
	return intents_origin(
	    c, ev, in->place.visibility == VIS_DIRECT ? ORIGIN_DM : ORIGIN_CHANNEL, thread, message_ts ? message_ts : from, x, in);
}

/* ---- for one person's eyes ---- */

static bool intents_command(struct intents *c, const struct slack_event *ev, struct intent *in)
{
	if (!ev->user || !ev->channel || !ev->trigger_id)
		return false;
	in->kind = INTENT_COMMAND_GIVEN;
	in->is_command = true;
	in->private_reply = true;
	intents_person(c, ev, ev->user, ev->msg.user_team, NULL, in);
	const struct known_place *known = c->place ? c->place(c->arg, ev->channel) : NULL;
	intents_place(c, ev, known && known->member, in);
	in->source_key = intents_key(&c->key, "c", ev->channel, ev->trigger_id, NULL);
	in->message_key = ev->trigger_id;
	/* What is typed into a command only its author sees: one thread for each person in a place, never shared. */
	buf_reset(&c->thread_key);
	buf_addf(&c->thread_key, "command:%s", ev->user);
	in->thread_key = c->thread_key.p;
	return true;
}

bool intents_slash(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	if (!intents_command(c, ev, in))
		return false;
	intents_text(c, ev, ev->msg.text, in);
	in->mentions_us = true;
	return intents_origin(c, ev, ORIGIN_COMMAND, "", NULL, x, in);
}

/*
 * The message shortcut: the message it was used on comes along as a quotation, of which the beginning is enough to answer when it does
 * not fit (escapes and the marks of many lines make more of a text than Slack's own limit).
 */
static bool intents_ask(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	const struct wire_message *m = &ev->inner;
	if (!m->ts || !intents_command(c, ev, in))
		return false;
	buf_reset(&c->text);
	struct intext t = { .person = intents_person_name, .place = intents_place_name, .arg = c };
	struct buf quoted = BUF_INIT;
	if (m->text)
		intext_convert(&t, m->text, &quoted);
	const char *author = m->user ? intents_person_name(c, m->user) : NULL;
	buf_addf(&c->text, "Explain this message%s%s and help with it:\n\n> ", author ? " from " : "", author ? author : "");
	for (size_t i = 0; i < quoted.len && c->text.len <= INTENT_TEXT_MAX; i++) {
		buf_add_char(&c->text, quoted.p[i]);
		if (quoted.p[i] == '\n')
			buf_add_str(&c->text, "> ");
	}
	buf_done(&quoted);
	if (c->text.len > INTENT_TEXT_MAX) {
		static const char more[] = "\n\n(The message is longer than this.)";
		buf_truncate(&c->text, utf8_clip(c->text.p, c->text.len, INTENT_TEXT_MAX - strlen(more)));
		buf_add_str(&c->text, more);
	}
	in->text = c->text.p;
	in->text_len = c->text.len;
	in->mentions_us = true;
	return intents_origin(c, ev, ORIGIN_COMMAND, "", m->ts, x, in);
}

/* ---- what points at a message ---- */

bool intents_points(const struct slack_event *ev)
{
	return ev->kind == FRAME_INTERACTIVE && is(ev->interactive, "message_action") &&
	    (is(ev->callback_id, SHORTCUT_FORK) || is(ev->callback_id, SHORTCUT_PIN));
}

bool intents_pointed(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	const struct wire_message *m = &ev->inner;
	const char *who = m->user ? m->user : m->bot_id;
	memset(in, 0, sizeof(*in));
	intents_text(c, ev, m->text, in);
	if (!m->ts || !ev->channel || !who || !intents_speaks(m->subtype) || intents_is_self(c, ev, m))
		return false;
	in->kind = INTENT_MESSAGE_POSTED;
	in->ws = c->ws;
	in->adapter = "slack";
	in->received_ms = x->now_ms;
	in->no_answer = true;
	intents_person(c, ev, who, m->user_team, m->user_name, in);
	in->person.is_bot = intents_is_bot(c, m);
	intents_at(c, ev, true, in);
	intents_files(m, x, in);
	if (in->text_len == 0 && in->files_len == 0)
		return false;
	in->source_key = intents_key(&c->key, "m", ev->channel, m->ts, NULL);
	in->message_key = m->ts;
	in->thread_key = m->thread_ts ? m->thread_ts : m->ts;
	in->is_thread_root = strcmp(in->thread_key, m->ts) == 0;
	in->platform_ms = wire_ts_ms(m->ts);
	return intents_within(c, ev, in->thread_key, m->ts, x, in);
}

/* A command that ${ev}'s person gives in the thread of the message it was pointed at. */
static bool intents_given(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, const char *key,
    const char *begin, const char *words, bool about, struct intent *in)
{
	const struct wire_message *m = &ev->inner;
	if (!ev->user || !ev->channel || !m->ts || !key || !words)
		return false;
	in->kind = INTENT_COMMAND_GIVEN;
	in->is_command = true;
	intents_person(c, ev, ev->user, ev->msg.user_team, NULL, in);
	intents_at(c, ev, true, in);
	buf_reset(&c->text);
	buf_add_str(&c->text, begin);
	buf_add_str(&c->text, words);
	in->text = c->text.p;
	in->text_len = c->text.len;
	in->source_key = intents_key(&c->key, "c", ev->channel, key, NULL);
	in->message_key = key;
	in->thread_key = m->thread_ts ? m->thread_ts : m->ts;
	if (about && !(ev->about && id_parse(ev->about, &in->about_id))) {
		in->about_key = m->ts;
		in->about_ms = wire_ts_ms(m->ts);
	}
	return intents_within(c, ev, in->thread_key, NULL, x, in);
}

/* ---- buttons ---- */

/* The id of a component, without the "#2" that sets equal ones of a message apart. */
static const char *intents_action(struct intents *c, const char *action_id)
{
	buf_reset(&c->detail);
	const char *mark = strrchr(action_id, '#');
	bool numbered = mark && mark > action_id && mark[1] && mark[1 + strspn(mark + 1, "0123456789")] == '\0';
	buf_add(&c->detail, action_id, numbered ? (size_t)(mark - action_id) : strlen(action_id));
	return c->detail.p;
}

static bool intents_button(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	const char *ts = ev->inner.ts, *thread = ev->inner.thread_ts ? ev->inner.thread_ts : ts;
	if (!ev->user || !ev->channel || !ts || !ev->action_id || !ev->action_ts)
		return false;
	in->kind = INTENT_ACTION_PRESSED;
	intents_person(c, ev, ev->user, ev->msg.user_team, NULL, in);
	const struct known_place *known = c->place ? c->place(c->arg, ev->channel) : NULL;
	intents_at(c, ev, known ? known->member : true, in);
	in->source_key = intents_key(&c->key, "a", ev->channel, ts, ev->action_ts);
	in->message_key = ts;
	in->thread_key = thread;
	in->platform_ms = wire_ts_ms(ts);
	in->action = intents_action(c, ev->action_id);
	in->text = ev->action_value ? ev->action_value : "";
	in->text_len = strlen(in->text);
	if (ev->ephemeral) { /* only this person saw the button, so only this person sees what comes of it */
		in->private_reply = true;
		return intents_origin(c, ev, ORIGIN_COMMAND, "", ts, x, in);
	}
	in->private_reply = strcmp(in->action, ACTION_COMMAND_PRIVATE) == 0;
	if (ev->about)
		(void)id_parse(ev->about, &in->about_id);
	return intents_within(c, ev, thread, ts, x, in);
}

bool intents_commands(const struct slack_event *ev)
{
	return ev->kind == FRAME_INTERACTIVE && is(ev->interactive, "block_actions") && !ev->ephemeral && ev->action_id &&
	    strncmp(ev->action_id, ACTION_COMMAND, strlen(ACTION_COMMAND)) == 0;
}

bool intents_interactive(struct intents *c, const struct slack_event *ev, const struct intents_extra *x, struct intent *in)
{
	if (is(ev->interactive, "block_actions"))
		return intents_button(c, ev, x, in);
	if (is(ev->interactive, "message_action")) {
		if (is(ev->callback_id, SHORTCUT_PIN))
			return intents_given(c, ev, x, ev->trigger_id, "pin that", "", true, in);
		return !is(ev->callback_id, SHORTCUT_FORK) && intents_ask(c, ev, x, in);
	}
	if (is(ev->interactive, "view_submission")) {
		if (is(ev->callback_id, VIEW_FORK))
			return intents_given(c, ev, x, ev->view_id, "fork: ", ev->view_words, true, in);
		if (is(ev->callback_id, VIEW_EDIT))
			return intents_given(c, ev, x, ev->view_id, "edit:\n", ev->view_words, false, in);
	}
	return false;
}
