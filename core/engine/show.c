/*
 * What a run shows of itself, in the order of an answer's life: what it is doing, the text as it grows, and the whole.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/fault.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "../settings/settings.h"
#include "ask.h"
#include "engine_internal.h"
#include "offer.h"

static struct reply reply_of(const struct run *r, enum reply_kind kind)
{
	return (struct reply){ .kind = kind,
		.ws = r->ws,
		.run = r->id,
		.delivery = r->id,
		.thread = r->thread,
		.origin = r->origin,
		.origin_len = r->origin_len,
		.attempt = r->shows,
		.one_person_only = r->private_reply };
}

void show_status(const struct run *r, const char *text)
{
	if ((r->via->ops->caps & CAP_STATUS) == 0)
		return;
	struct reply p = reply_of(r, REPLY_STATUS);
	p.text = text;
	p.text_len = strlen(text);
	r->via->ops->send(r->via->a, &p);
}

void run_waits(const struct run *r, size_t most)
{
	char text[120];
	snprintf(text, sizeof text, "waits for its turn: this team has %zu answer%s in the making…", most, most == 1 ? "" : "s");
	show_status(r, text);
}

void show_tool(const struct run *r, const char *id, const char *title, enum reply_step state)
{
	if ((r->via->ops->caps & CAP_STATUS) == 0)
		return;
	char inner[80];
	struct reply p = reply_of(r, REPLY_TOOL);
	snprintf(inner, sizeof(inner), "%u.%.63s", r->depth, id != NULL ? id : ""); /* conversations may count their calls alike */
	p.step_id = r->depth > 0 ? inner : id;
	p.text = title;
	p.text_len = strlen(title);
	p.step_state = state;
	r->via->ops->send(r->via->a, &p);
}

static size_t fold_words(const struct run *r)
{
	if (r->kind != RUN_AGENT)
		return 0;
	return (size_t)(r->config != NULL ? config_int(r->config, "answers.fold_words")
	                                  : settings_int(r->e->o.settings, "answers.fold_words"));
}

void show_grown(struct run *r, size_t from)
{
	if ((r->via->ops->caps & CAP_STREAM) == 0 || r->private_reply || r->answer.len == from)
		return;
	struct reply p = reply_of(r, REPLY_GROW);
	if (from == 0) {
		r->counted = FOLD_COUNT_INIT;
		r->counted_out = false;
	}
	size_t n = r->answer.len - from, words = fold_words(r);
	size_t room = words > 0 ? fold_feed(&r->counted, r->answer.p + from, n, words) : n;
	char last[256];
	p.offset = from;
	p.text = r->answer.p + from;
	p.text_len = n;
	if (room < n) { /* no more than will stay; the piece that goes beyond is the last */
		if (r->counted_out)
			return;
		room = room > sizeof(last) - 4 ? sizeof(last) - 4 : room;
		p.text = last;
		p.text_len =
		    (size_t)snprintf(last, sizeof(last), "%.*s…", (int)utf8_clip(r->answer.p + from, n, room), r->answer.p + from);
	}
	r->counted_out = room < n;
	p.external_ref = r->stream_ref;
	p.maybe_sent = r->maybe_sent; /* then no second message may be opened */
	r->anything_shown = true;
	r->via->ops->send(r->via->a, &p);
}

/* What was shown of this turn is void; earlier turns stay and are shown again under the new attempt. */
void show_take_back(struct run *r)
{
	bool shown = r->anything_shown && r->answer.len > r->turn_at;
	if (r->answer.p != NULL)
		buf_truncate(&r->answer, r->turn_at);
	if (!shown)
		return;
	r->shows++;
	struct reply p = reply_of(r, REPLY_RESET);
	r->via->ops->send(r->via->a, &p);
	show_grown(r, 0);
}

struct component component_retry(struct id run, char id[ID_TEXT])
{
	return (struct component){ .kind = COMPONENT_BUTTON,
		.action = "run.retry",
		.value = id_format(run, id),
		.label = "Try again",
		.fallback = "Ask again to let me try once more.",
		.style = BUTTON_PLAIN };
}

#define UNCERTAIN_MS 250

void run_deliver(struct run *r, const char *text, size_t n)
{
	if (!engine_certain(r->e)) { /* stopped since COMMIT: whoever took over may have said it */
		/* Asked beside a batch that does not end the database proves nothing: then not again at once, and again. */
		uint32_t ms = r->maybe_sent ? UNCERTAIN_MS : 0;
		r->maybe_sent = true;
		outbox_wait(r, ms);
		return;
	}
	struct reply p = reply_of(r, REPLY_WHOLE);
	p.message = r->reply_message;
	p.seq = r->reply_seq;
	p.at_ms = r->reply_at_ms;
	p.text = text;
	p.text_len = n;
	p.maybe_sent = r->maybe_sent || r->deliveries > 0;
	p.failed = r->failed_text;
	p.external_ref = r->stream_ref;
	char id[ID_TEXT];
	struct component retry = component_retry(r->id, id);
	p.components = r->components;
	p.components_len = r->components_len;
	if (r->failed_text) {
		p.components = &retry;
		p.components_len = 1;
	}
	r->deliveries++;
	fault_point("post.before");
	enum err e = r->via->ops->send(r->via->a, &p);
	if (e != ERR_NONE && r->delivering)
		engine_sent(
		    r->e, &(struct sent){ .ws = r->ws, .delivery = r->id, .result = e, .retry_after_ms = 500, .why = "busy" });
}

void run_resume_delivery(struct run *r, char *text, size_t n)
{
	buf_add(&r->answer, text, n);
	free(text);
	run_deliver(r, r->answer.p, r->answer.len);
}

/* A long answer goes out in short; the rest is there for who asks. */
void show_folded(struct run *r)
{
	struct buf in_short = BUF_INIT;
	if (!fold_answer(r->answer.p, r->answer.len, fold_words(r), &in_short)) {
		buf_done(&in_short);
		return;
	}
	if (r->anything_shown) {
		r->shows++;
		struct reply p = reply_of(r, REPLY_RESET);
		r->via->ops->send(r->via->a, &p);
	}
	buf_done(&r->whole);
	r->whole = r->answer;
	r->answer = in_short;
	r->turn_at = 0;
	const struct component more = {
		.kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "show all", .label = "Show all", .style = BUTTON_PLAIN
	};
	offer_free(r->components, r->components_len);
	r->components = offer_copy(&more, 1);
	r->components_len = 1;
}
