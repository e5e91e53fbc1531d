/*
 * A form is one call, views.open, with a trigger that Slack takes for three seconds: it goes before everything else and is not waited
 * for.  What it is about travels in it as private_metadata, so a form that was opened before a restart still works after it.
 */
#include "dialog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../../core/talk/doc.h"
#include "../../core/talk/resolution.h"
#include "api.h"
#include "blocktext.h"
#include "intents.h"
#include "slack_internal.h"
#include "wire.h"

#define OPEN_MS 2500
#define MEMBER_MS 1500
#define BEGINNING_UNITS 120u

/* ---- the views ---- */

static void json_clip(struct buf *out, const char *s, size_t n, size_t units)
{
	buf_add_char(out, '"');
	buf_add_json(out, s, utf8_utf16_clip(s, n, units));
	buf_add_char(out, '"');
}

static void view(const struct slack_event *ev, const char *id, const char *title, const char *submit, const char *label,
    const char *text, size_t n, size_t max, bool lines, struct buf *out)
{
	buf_addf(out,
	    "{\"type\":\"modal\",\"callback_id\":\"%s\",\"title\":{\"type\":\"plain_text\",\"text\":\"%s\"},\"submit\":{\"type\":"
	    "\"plain_text\",\"text\":\"%s\"},\"close\":{\"type\":\"plain_text\",\"text\":\"Cancel\"},\"private_metadata\":",
	    id, title, submit);
	struct buf about = BUF_INIT;
	buf_addf(&about, "%s %s %s%s%s", ev->channel, ev->inner.thread_ts ? ev->inner.thread_ts : ev->inner.ts, ev->inner.ts,
	    ev->about ? " " : "", ev->about ? ev->about : "");
	buf_add_json_str(out, about.p);
	buf_done(&about);
	buf_addf(out,
	    ",\"blocks\":[{\"type\":\"input\",\"block_id\":\"" WIRE_VIEW_FIELD
	    "\",\"label\":{\"type\":\"plain_text\",\"text\":\"%s\"},"
	    "\"element\":{\"type\":\"plain_text_input\",\"action_id\":\"" WIRE_VIEW_FIELD "\",\"multiline\":%s,\"max_length\":%zu",
	    label, lines ? "true" : "false", max);
	if (n > 0) {
		buf_add_str(out, ",\"initial_value\":");
		json_clip(out, text, n, max);
	}
	buf_add_str(out, "}}]}");
}

void dialog_fork_view(const struct slack_event *ev, const char *text, size_t n, struct buf *out)
{
	struct buf plain = BUF_INIT;
	struct doc *d = doc_parse(text, n);
	doc_write_text(d, &plain);
	doc_free(d);
	size_t line = plain.len ? strcspn(plain.p, "\n") : 0;
	view(ev, VIEW_FORK, "Fork this message", "Fork", "What is the side thread about?", plain.p,
	    line ? utf8_utf16_clip(plain.p, line, BEGINNING_UNITS) : 0, DIALOG_TOPIC_MAX, false, out);
	buf_done(&plain);
}

void dialog_edit_view(const struct slack_event *ev, const char *draft, size_t n, struct buf *out)
{
	view(ev, VIEW_EDIT, "Edit the resolution", "Save", "This is what goes back, once it is accepted", draft, n,
	    DIALOG_WORDS_MAX, true, out);
}

static const char *wrong_with(const char *words, bool edit, char why[200])
{
	struct resolution r = { 0 };
	if (words[strspn(words, " \t\r\n")] == '\0')
		return edit ? "Nothing is left of it. Close this form and press Discard to throw the draft away."
		            : "Please say in a few words what it is about.";
	if (utf8_utf16_len(words, strlen(words)) > (edit ? DIALOG_WORDS_MAX : DIALOG_TOPIC_MAX))
		return edit ? "This is longer than 3,000 characters. Please shorten it."
		            : "This is longer than 200 characters. A few words are enough.";
	bool readable = !edit || resolution_read(words, strlen(words), RESOLUTION_LINES_MAX, &r, why); /* the core reads it again */
	resolution_done(&r);
	return readable ? NULL : why;
}

bool dialog_fits(const struct slack_event *ev, struct buf *payload)
{
	char why[200];
	if (ev->kind != FRAME_INTERACTIVE || !ev->interactive || strcmp(ev->interactive, "view_submission") != 0)
		return true;
	bool edit = ev->callback_id && strcmp(ev->callback_id, VIEW_EDIT) == 0;
	const char *wrong = wrong_with(ev->view_words ? ev->view_words : "", edit, why);
	if (!wrong)
		return true;
	buf_add_str(payload, "{\"response_action\":\"errors\",\"errors\":{\"" WIRE_VIEW_FIELD "\":");
	buf_add_json_str(payload, wrong);
	buf_add_str(payload, "}}");
	return false;
}

/* ---- calls ---- */

static void told(void *arg, const struct slack_result *r)
{
	(void)arg;
	if (r->outcome != SLACK_OK)
		log_info("slack.tell", LF_STR("error", r->error));
}

static void tell(struct slack *s, const char *url, const char *text)
{
	struct slack_call c = { .method = "response_url", .url = url, .on_done = told };
	if (!url)
		return;
	buf_add_str(&c.args, "{\"response_type\":\"ephemeral\",\"replace_original\":false,\"text\":");
	buf_add_json_str(&c.args, text);
	buf_add_char(&c.args, '}');
	slack_api_call(s->api, &c);
}

void dialog_tell(struct slack *s, const struct slack_event *ev, const char *text)
{
	tell(s, ev->response_url, text);
}

struct opening {
	struct slack *s;
	const char *otherwise; /* what to write where no form came up; static */
	char *url;
};

static void opened(void *arg, const struct slack_result *r)
{
	struct opening *o = arg;
	if (r->outcome != SLACK_OK) {
		log_warn("slack.dialog", LF_STR("error", r->error), LF_STR("detail", r->detail));
		if (r->outcome != SLACK_UNKNOWN)
			tell(o->s, o->url, o->otherwise);
	}
	free(o->url);
	free(o);
}

static void dialog_open(struct slack *s, const struct slack_event *ev, const struct buf *v, const char *otherwise)
{
	if (!ev->trigger_id)
		return;
	struct opening *o = xmalloc(sizeof(*o));
	*o = (struct opening){ s, otherwise, xstrdup(ev->response_url) };
	struct slack_call c = { .method = "views.open",
		.priority = SLACK_DELIVER,
		.no_wait = true,
		.timeout_ms = OPEN_MS,
		.on_done = opened,
		.arg = o };
	buf_add_str(&c.args, "{\"trigger_id\":");
	buf_add_json_str(&c.args, ev->trigger_id);
	buf_addf(&c.args, ",\"view\":%s}", v->p);
	if (slack_api_call(s->api, &c) != ERR_NONE)
		opened(o, &(struct slack_result){ .outcome = SLACK_NOT_SENT, .error = "queue_full", .detail = "" });
}

void dialog_fork(struct slack *s, const struct slack_event *ev, const char *text, size_t n)
{
	struct buf v = BUF_INIT;
	dialog_fork_view(ev, text, n, &v);
	dialog_open(s, ev, &v, "The form did not open. Try it once more, or write *fork:* and the topic to me in that thread.");
	buf_done(&v);
}

/* What stands over a draft is not part of it: a first paragraph that ends in a colon. */
static void drop_intro(struct buf *md)
{
	const char *end = md->len ? strstr(md->p, "\n\n") : NULL;
	if (end && end > md->p && end[-1] == ':')
		buf_drop(md, (size_t)(end + 2 - md->p));
}

/* The message's blocks, as Slack sent them along. */
static void shown(const char *raw, size_t n, struct buf *out)
{
	json_t *root = NULL, *inner = NULL;
	if (json_parse(raw, n, WIRE_FRAME_MAX, &root, NULL) != ERR_NONE)
		return;
	const json_t *payload = json_object_get(root, "payload");
	if (json_is_string(payload) &&
	    json_parse(json_string_value(payload), json_string_length(payload), WIRE_FRAME_MAX, &inner, NULL) == ERR_NONE)
		payload = inner;
	blocktext_markdown(json_arr(json_obj(payload, "message"), "blocks"), out);
	drop_intro(out);
	json_decref(inner);
	json_decref(root);
}

void dialog_edit(struct slack *s, const struct slack_event *ev, const char *raw, size_t n)
{
	struct buf draft = BUF_INIT, v = BUF_INIT;
	if (!ev->channel || !ev->inner.ts)
		return;
	if (ev->action_value && ev->action_value[0])
		buf_add_str(&draft, ev->action_value);
	else
		shown(raw, n, &draft);
	if (draft.len == 0 || utf8_utf16_len(draft.p, draft.len) > DIALOG_WORDS_MAX) {
		tell(s, ev->response_url,
		    "This draft is too long for a form. Write *edit:* here, and on the next lines the text as it should be.");
	} else {
		dialog_edit_view(ev, draft.p, draft.len, &v);
		dialog_open(
		    s, ev, &v, "The form did not open. Try it once more, or write *edit:* here and the text on the next lines.");
	}
	buf_done(&draft);
	buf_done(&v);
}

/* ---- is Eddy there? ---- */

struct member {
	void (*fn)(void *arg, bool member);
	void *arg;
};

static void member_known(void *arg, const struct slack_result *r)
{
	struct member *m = arg;
	const json_t *c = json_obj(r->body, "channel");
	bool member = slack_error_kind(r->error) != SLACK_ERROR_PLACE;
	if (r->outcome == SLACK_OK)
		member = json_bool(c, "is_member", false) || json_bool(c, "is_im", false) || json_bool(c, "is_mpim", false);
	m->fn(m->arg, member);
	free(m);
}

bool dialog_ask_member(struct slack *s, const char *channel, void (*fn)(void *arg, bool member), void *arg)
{
	struct member *m = xmalloc(sizeof(*m));
	*m = (struct member){ fn, arg };
	struct slack_call c = { .method = "conversations.info",
		.form = true,
		.priority = SLACK_DELIVER, /* before the same question of names.c, which nobody waits for */
		.want_body = true,
		.timeout_ms = MEMBER_MS,
		.on_done = member_known,
		.arg = m };
	slack_form(&c.args, "channel", channel);
	if (slack_api_call(s->api, &c) == ERR_NONE)
		return true;
	free(m);
	return false;
}
