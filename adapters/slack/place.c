/*
 * Placing the whole: its parts go, one after the other, into the messages that are visible already (slots) by edit, then into new ones.
 * An answer that was never streamed has no slots and mostly one part: one chat.postMessage.
 *
 * Every post carries {delivery, part} as metadata.  After an outcome that nobody knows the thread is read before anything is posted again;
 * edits are simply repeated.  What Slack refuses for its form is sent plainer and in smaller parts.  Once something may be visible
 * the core gets no "retry", because it would start from the beginning: the adapter goes on by itself.
 */
#include "out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../../core/talk/doc.h"
#include "../../core/talk/doc_split.h"
#include "render.h"

#define LEVELS 3
#define PRIVATE_TRIES 3u
#define URL_POSTS 5u
static const size_t level_units[LEVELS] = { MESSAGE_UNITS, 2800, 1400 };

void whole_free(struct whole *w)
{
	if (!w)
		return;
	for (size_t i = 0; i < w->parts_len; i++)
		free(w->parts[i].md);
	free(w->parts);
	free(w->slots);
	free(w->blocks);
	free(w->md);
	free(w);
}

/* ---- parts ---- */
struct collect {
	struct part *parts;
	size_t n;
	const char *parent; /* NULL: top level */
};
static void collect_part(struct collect *c, const char *md, size_t n)
{
	c->parts = xrealloc(c->parts, (c->n + 1) * sizeof *c->parts);
	struct part *p = &c->parts[c->n];
	*p = (struct part){ .md = xstrndup(md, n), .md_len = n };
	if (c->parent)
		(void)snprintf(p->id, sizeof p->id, "%.16s.%zu", c->parent, c->n);
	else
		(void)snprintf(p->id, sizeof p->id, "%zu", c->n);
	c->n++;
}

static void split(struct collect *c, const char *md, size_t n, size_t units)
{
	if (n <= units) { /* never more units than bytes */
		collect_part(c, md, n);
		return;
	}
	struct doc *d = doc_parse(md, n);
	size_t count = 0;
	struct doc **docs = doc_split(d, units, &count);
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < count; i++) {
		buf_reset(&b);
		doc_write_markdown(docs[i], &b);
		collect_part(c, b.p, b.len);
	}
	buf_done(&b);
	doc_parts_free(docs, count);
	doc_free(d);
}

void whole_split(struct whole *w)
{
	struct collect c = { 0 };
	split(&c, w->md, w->md_len, level_units[w->level]);
	w->parts = c.parts;
	w->parts_len = c.n;
}

/* From the current part on: plainer and smaller.  What is placed already keeps its form. */
void whole_resplit(struct whole *w)
{
	struct part *parts = xcalloc(w->at + 1, sizeof *parts);
	size_t n = w->at;
	memcpy(parts, w->parts, w->at * sizeof *parts);
	w->level = w->level + 1 < LEVELS ? w->level + 1 : LEVELS - 1;
	for (size_t i = w->at; i < w->parts_len; i++) {
		struct collect c = { .parent = w->parts[i].id };
		split(&c, w->parts[i].md, w->parts[i].md_len, level_units[w->level]);
		parts = xrealloc(parts, (n + c.n) * sizeof *parts);
		memcpy(parts + n, c.parts, c.n * sizeof *parts);
		n += c.n;
		free(c.parts);
		free(w->parts[i].md);
	}
	free(w->parts);
	w->parts = parts;
	w->parts_len = n;
}

/* A notification's text must not end inside an entity or a link. */
void clip_text(struct buf *b, size_t units)
{
	size_t n = utf8_utf16_clip(b->p, b->len, units);
	if (n == b->len)
		return;
	for (size_t back = 0; back < 3000 && back < n; back++) {
		char c = b->p[n - 1 - back];
		if (c == '>' || (back > 6 && c == '&'))
			break;
		if (c == '<' || (c == '&' && !memchr(b->p + n - 1 - back, ';', back + 1))) {
			n -= back + 1;
			break;
		}
	}
	buf_truncate(b, n);
	buf_add_str(b, "\xe2\x80\xa6");
}

void part_render(const struct whole *w, const struct part *p, bool want_blocks, struct buf *text, struct buf *blocks)
{
	bool last = p == &w->parts[w->parts_len - 1];
	bool components = last && w->blocks;
	struct doc *d = doc_parse(p->md, p->md_len);
	if (w->level >= 2) {
		struct buf plain = BUF_INIT;
		doc_write_text(d, &plain);
		slack_escape(text, plain.p ? plain.p : "", plain.len);
		buf_done(&plain);
	} else {
		slack_render_mrkdwn(d, text);
	}
	bool rich = w->level == 0 &&
	    (want_blocks || components || !slack_fits_mrkdwn(d) ||
	        utf8_utf16_len(text->p ? text->p : "", text->len) > SLACK_TEXT_UNITS);
	size_t n = rich ? slack_render_blocks(d, blocks) : 0;
	doc_free(d);
	if (text->len == 0)
		buf_add_str(text, "(empty answer)");
	if (n == 0 && components && utf8_utf16_len(text->p, text->len) < 3000) {
		buf_add_str(blocks, "{\"type\":\"section\",\"text\":{\"type\":\"mrkdwn\",\"text\":");
		buf_add_json_str(blocks, text->p);
		buf_add_str(blocks, "}}");
		n = 1;
	}
	if (n == 0)
		return; /* text alone, in full; buttons have nowhere to go without it */
	if (components) {
		buf_add_char(blocks, ',');
		buf_add_str(blocks, w->blocks);
	}
	clip_text(text, SLACK_TEXT_UNITS);
}

void place_metadata(const struct answer *a, const char *part, struct buf *out)
{
	char id[ID_TEXT];
	if (a->out->no_metadata)
		return;
	buf_addf(out, ",\"metadata\":{\"event_type\":\"eddy_reply\",\"event_payload\":{\"delivery\":\"%s\",\"part\":\"%s\"}}",
	    id_format(a->delivery, id), part);
}

static void field(struct buf *b, const char *name, const char *value)
{
	buf_addf(b, "%s\"%s\":", b->len ? "," : "{", name);
	buf_add_json_str(b, value);
}

/* ---- what comes back ---- */
/* The two refusals that a message can recover from by being plainer; false: it is at its plainest. */
static bool plainer(struct answer *a, const char *why)
{
	struct whole *w = a->whole;
	if (strstr(why, "metadata") && !a->out->no_metadata) {
		log_warn("slack.place", LF_STR("error", why), LF_STR("result", "going on without metadata"));
		a->out->no_metadata = true;
		return true;
	}
	if (w->level + 1 >= LEVELS)
		return false;
	whole_resplit(w);
	return true;
}

static void refused(struct answer *a, const struct slack_result *r, void (*again)(struct answer *a))
{
	switch (slack_error_kind(r->error)) {
	case SLACK_ERROR_SIZE:
	case SLACK_ERROR_OTHER:
		if (plainer(a, r->error)) {
			again(a);
			return;
		}
		whole_sent(a, ERR_BROKEN, r->error, 0);
		return;
	case SLACK_ERROR_TOKEN:
		/* The operator can mend this; nothing is lost while the answer waits. */
		whole_sent(a, ERR_RETRY, r->error, 60000);
		return;
	default:
		whole_sent(a, ERR_DENIED, r->error, 0);
		return;
	}
}

void place_after(struct answer *a, uint32_t ms, void (*then)(struct answer *a))
{
	a->whole->wait_until_ms = clock_ms() + ms;
	a->whole->then = then;
	answer_list(a);
}

static uint32_t backoff(struct whole *w)
{
	unsigned k = w->tries < 7 ? w->tries : 7;
	w->tries++;
	return 500u << k; /* to about a minute */
}

static void not_sent(struct answer *a, const struct slack_result *r, void (*again)(struct answer *a))
{
	bool stopping = strcmp(r->error, "stopping") == 0;
	if (!a->whole->visible || stopping)
		whole_sent(a, ERR_RETRY, r->error, r->retry_after_ms);
	else
		place_after(a, backoff(a->whole), again);
}

static void look_then_go_on(struct answer *a)
{
	lookup_begin(a, place_next);
}

static void on_posted(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	struct whole *w = a->whole;
	struct part *p = &w->parts[w->at];
	switch (r->outcome) {
	case SLACK_OK:
		(void)snprintf(p->ts, sizeof p->ts, "%s", r->ts);
		p->done = true;
		w->visible = true;
		w->tries = 0;
		place_next(a);
		break;
	case SLACK_REFUSED:
		refused(a, r, place_next);
		break;
	case SLACK_NOT_SENT:
		not_sent(a, r, place_next);
		break;
	case SLACK_UNKNOWN:
		w->visible = true;
		if (strcmp(r->error, "stopping") == 0)
			whole_sent(a, ERR_RETRY, r->error, 0);
		else /* what timed out may still be on its way */
			place_after(a, strcmp(r->error, "timeout") == 0 ? 2000 + backoff(w) : backoff(w) / 2, look_then_go_on);
		break;
	}
	answer_call_done(a);
}

static void on_edited(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	struct whole *w = a->whole;
	struct part *p = &w->parts[w->at];
	enum slack_error kind = slack_error_kind(r->error);
	if (r->outcome == SLACK_OK) {
		memcpy(p->ts, w->slots[w->slot++].ts, TS_MAX);
		p->done = true;
		w->tries = 0;
		place_next(a);
	} else if (r->outcome != SLACK_REFUSED) {
		not_sent(a, r, place_next);
	} else if (strcmp(r->error, "message_not_found") == 0) {
		w->slot++; /* a person deleted it: they do not want to see it again */
		p->done = true;
		place_next(a);
	} else if (kind == SLACK_ERROR_GONE) {
		w->slot++; /* visible, but closed for edits: the answer comes as a message of its own */
		place_next(a);
	} else if (kind == SLACK_ERROR_STREAM) {
		if (w->tries > 4) {
			w->slot++;
			place_next(a);
		} else {
			w->stopped = w->slot;
			place_after(a, backoff(w), place_begin);
		}
	} else {
		refused(a, r, place_next);
	}
	answer_call_done(a);
}

static void on_ignored(void *arg, const struct slack_result *r)
{
	(void)r;
	answer_call_done(arg);
}

static void drop_slots(struct answer *a)
{
	struct whole *w = a->whole;
	for (; w->slot < w->slots_len; w->slot++) {
		struct buf b = BUF_INIT;
		field(&b, "channel", a->to.channel);
		field(&b, "ts", w->slots[w->slot].ts);
		buf_add_char(&b, '}');
		struct slack_call c = {
			.method = "chat.delete", .args = b, .channel = a->to.channel, .again = true, .on_done = on_ignored
		};
		(void)answer_call(a, &c);
	}
}

void place_next(struct answer *a)
{
	struct whole *w = a->whole;
	while (w->at < w->parts_len && w->parts[w->at].done)
		w->at++;
	if (w->at == w->parts_len) {
		drop_slots(a);
		whole_sent(a, ERR_NONE, "", 0);
		return;
	}
	const struct part *p = &w->parts[w->at];
	bool edit = w->slot < w->slots_len;
	struct buf b = BUF_INIT, text = BUF_INIT, blocks = BUF_INIT;
	part_render(w, p, edit, &text, &blocks);
	field(&b, "channel", a->to.channel);
	if (edit)
		field(&b, "ts", w->slots[w->slot].ts);
	else if (a->to.thread_ts[0])
		field(&b, "thread_ts", a->to.thread_ts);
	field(&b, "text", text.p);
	if (blocks.len > 0)
		buf_addf(&b, ",\"blocks\":[%s]", blocks.p);
	if (!edit)
		buf_add_str(&b, ",\"unfurl_links\":false,\"unfurl_media\":false");
	place_metadata(a, p->id, &b);
	buf_add_char(&b, '}');
	buf_done(&text);
	buf_done(&blocks);
	struct slack_call c = { .method = edit ? "chat.update" : "chat.postMessage",
		.args = b,
		.channel = a->to.channel,
		.priority = SLACK_DELIVER,
		.again = edit,
		.on_done = edit ? on_edited : on_posted };
	if (!answer_call(a, &c))
		not_sent(a,
		    &(struct slack_result){
		        .outcome = SLACK_NOT_SENT, .error = atomic_load(&a->out->stopping) ? "stopping" : "queue_full" },
		    place_next);
}

/* ---- for one person ---- */
static void private_next(struct answer *a);

static void on_private(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	struct whole *w = a->whole;
	if (r->outcome == SLACK_OK || (r->outcome == SLACK_UNKNOWN && w->tries + 1 >= PRIVATE_TRIES)) {
		/* Nobody can look whether a message for one person is there; three tries are enough. */
		w->parts[w->at].done = true;
		w->visible = true;
		w->tries = 0;
		w->at++;
		private_next(a);
	} else if (r->outcome == SLACK_UNKNOWN) {
		place_after(a, backoff(w), private_next);
	} else if (r->outcome == SLACK_NOT_SENT) {
		not_sent(a, r, private_next);
	} else if (!w->url_dead && a->to.response_url[0]) {
		w->url_dead = true;
		private_next(a);
	} else if (!w->in_dm && a->to.user[0] && slack_error_kind(r->error) == SLACK_ERROR_PLACE) {
		log_info("slack.private", LF_STR("error", r->error), LF_STR("result", "in the conversation with this person"));
		w->in_dm = true;
		private_next(a);
	} else {
		refused(a, r, private_next);
	}
	answer_call_done(a);
}

static void private_next(struct answer *a)
{
	struct whole *w = a->whole;
	if (w->at == w->parts_len) {
		whole_sent(a, ERR_NONE, "", 0);
		return;
	}
	struct buf b = BUF_INIT, text = BUF_INIT, blocks = BUF_INIT;
	if (w->at >= URL_POSTS || clock_wall_ms() + 5000 > a->to.response_until_ms || !a->to.response_url[0])
		w->url_dead = true;
	part_render(w, &w->parts[w->at], false, &text, &blocks);
	if (!w->url_dead) {
		field(&b, "response_type", "ephemeral");
		buf_add_str(&b, ",\"replace_original\":false");
	} else if (w->in_dm) {
		field(&b, "channel", a->to.user);
		buf_add_str(&b, ",\"unfurl_links\":false,\"unfurl_media\":false");
	} else {
		field(&b, "channel", a->to.channel);
		field(&b, "user", a->to.user);
		if (a->to.thread_ts[0])
			field(&b, "thread_ts", a->to.thread_ts);
	}
	field(&b, "text", text.p);
	if (blocks.len > 0)
		buf_addf(&b, ",\"blocks\":[%s]", blocks.p);
	buf_add_char(&b, '}');
	buf_done(&text);
	buf_done(&blocks);
	struct slack_call c = { .method = !w->url_dead ? "response_url"
		    : w->in_dm                         ? "chat.postMessage"
		                                       : "chat.postEphemeral",
		.url = w->url_dead ? NULL : a->to.response_url,
		.args = b,
		.channel = !w->url_dead ? ""
		    : w->in_dm          ? a->to.user
		                        : a->to.channel,
		.priority = SLACK_DELIVER,
		.on_done = on_private };
	if (!answer_call(a, &c))
		not_sent(a, &(struct slack_result){ .outcome = SLACK_NOT_SENT, .error = "queue_full" }, private_next);
}

/* ---- the beginning ---- */
static void stop_then_place(struct answer *a);

static void on_stopped(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	/* Refused means that it is closed already, which is what we want; anything else the edit will find out. */
	if (r->outcome == SLACK_NOT_SENT && strcmp(r->error, "stopping") == 0)
		whole_sent(a, ERR_RETRY, r->error, 0);
	else
		stop_then_place(a);
	answer_call_done(a);
}

/* Messages of ours may still be streams, and a stream cannot be edited. */
static void stop_then_place(struct answer *a)
{
	struct whole *w = a->whole;
	if (w->stopped < w->slot)
		w->stopped = w->slot;
	if (w->stopped >= w->slots_len) {
		place_next(a);
		return;
	}
	w->visible = true;
	struct buf b = BUF_INIT;
	field(&b, "channel", a->to.channel);
	field(&b, "ts", w->slots[w->stopped++].ts);
	buf_add_char(&b, '}');
	struct slack_call c = { .method = "chat.stopStream",
		.args = b,
		.channel = a->to.channel,
		.priority = SLACK_DELIVER,
		.again = true,
		.on_done = on_stopped };
	if (!answer_call(a, &c))
		place_next(a);
}

void place_begin(struct answer *a)
{
	struct whole *w = a->whole;
	if (!w->parts)
		whole_split(w);
	if (w->one_person && !answer_is_dm(a)) {
		private_next(a);
		return;
	}
	if (a->messages_len > 0) {
		size_t closed = a->messages_len - 1; /* a message that was rolled over is no stream any more */
		w->stopped = w->slots_len == 0 ? closed : 0;
		w->slots = xrealloc(w->slots, (w->slots_len + a->messages_len) * sizeof *w->slots);
		memcpy(w->slots + w->slots_len, a->messages, a->messages_len * sizeof *w->slots);
		w->slots_len += a->messages_len;
		a->messages_len = 0;
	}
	/* It may have waited here while this process was stopped, and others did its work. */
	if (a->out->port.certain != NULL && !a->out->port.certain(a->out->port.arg))
		w->maybe_sent = w->visible = true;
	/* With a message for each part by its name there is nothing to look for: completing them can be repeated. */
	bool named = w->slots_len > 0 && w->parts_len <= w->slots_len;
	if ((w->maybe_sent && !w->looked && !named) || a->unsure) {
		a->unsure = false;
		lookup_begin(a, stop_then_place);
		return;
	}
	stop_then_place(a);
}
