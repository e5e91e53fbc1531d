/*
 * "Is it there already?"  Reads our own messages of the thread since the message that asked, page by page.
 *
 * A message is a part of this answer if its metadata says so, or, where it carries none (a stream that was not closed, a server that
 * keeps no metadata), if it says the same.  Comparing goes over letters and digits only, because Slack rewrites marks,
 * links and blanks.  A message without metadata that says only the beginning is a stream that was left open: it becomes a slot.
 */
#include "out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "slack_internal.h"
#include "render.h"

#define PAGES_MAX 10

struct lookup {
	struct answer *a;
	char cursor[256];
	int pages;
	bool after; /* the message that asked has been passed */
	struct stamp *orphans;
	size_t orphans_len;
	struct buf whole, *parts; /* letters and digits of the document and of each part */
	size_t parts_len;
};

/* Letters, digits and all that is not ASCII. */
static void letters(struct buf *out, const char *s, size_t n)
{
	struct buf plain = BUF_INIT;
	slack_unescape(&plain, s, n);
	for (size_t i = 0; i < plain.len; i++) {
		unsigned char c = (unsigned char)plain.p[i];
		bool zero_width = c == 0xe2 && i + 2 < plain.len && (unsigned char)plain.p[i + 1] == 0x80 &&
		    (unsigned char)plain.p[i + 2] == 0x8b;
		if (zero_width)
			i += 2;
		else if (c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
			buf_add_char(out, (char)c);
	}
	buf_done(&plain);
}

static void forget_parts(struct lookup *l)
{
	for (size_t i = 0; i < l->parts_len; i++)
		buf_done(&l->parts[i]);
	free(l->parts);
	l->parts = NULL;
	l->parts_len = 0;
}

static void compare_parts(struct lookup *l)
{
	struct whole *w = l->a->whole;
	forget_parts(l);
	l->parts_len = w->parts_len;
	l->parts = xcalloc(w->parts_len, sizeof *l->parts);
	for (size_t i = 0; i < w->parts_len; i++)
		letters(&l->parts[i], w->parts[i].md, w->parts[i].md_len);
}

void lookup_free(struct lookup *l)
{
	if (!l)
		return;
	if (l->a->lookup == l)
		l->a->lookup = NULL;
	forget_parts(l);
	free(l->orphans);
	buf_done(&l->whole);
	free(l);
}

static void lookup_end(struct lookup *l)
{
	struct answer *a = l->a;
	struct whole *w = a->whole;
	/* Streams left open come before what was named: they hold the beginning. */
	if (l->orphans_len > 0 && w->slots_len == 0) {
		w->slots = l->orphans;
		w->slots_len = l->orphans_len;
		w->slot = 0;
		w->visible = true;
		l->orphans = NULL;
	}
	w->looked = true;
	lookup_free(l);
	w->look_then(a);
}

static bool is_slot(const struct whole *w, const char *ts)
{
	for (size_t i = 0; i < w->slots_len; i++)
		if (strcmp(w->slots[i].ts, ts) == 0)
			return true;
	return false;
}

static void found(struct part *p, const char *ts)
{
	(void)snprintf(p->ts, sizeof p->ts, "%s", ts);
	p->done = true;
}

static int dots(const char *id)
{
	int n = 0;
	for (; *id; id++)
		n += *id == '.';
	return n;
}

/* By name.  An id with more dots than we have split for says that we split further before: then we do again, from that part on. */
static void found_by_id(struct lookup *l, const char *id, const char *ts)
{
	struct whole *w = l->a->whole;
	while (dots(id) > w->level && w->level < 2) {
		size_t i = 0, n = 0;
		for (; i < w->parts_len; i++) {
			n = strlen(w->parts[i].id);
			if (strncmp(w->parts[i].id, id, n) == 0 && id[n] == '.')
				break;
		}
		if (i == w->parts_len)
			return;
		size_t at = w->at;
		w->at = i;
		whole_resplit(w);
		w->at = at < i ? at : i;
		compare_parts(l);
	}
	for (size_t i = 0; i < w->parts_len; i++)
		if (!w->parts[i].done && strcmp(w->parts[i].id, id) == 0) {
			found(&w->parts[i], ts);
			return;
		}
}

static bool is_ours(const struct lookup *l, const json_t *m)
{
	const struct slack_out *o = l->a->out;
	const struct slack_self *self = o->port.self ? o->port.self(o->port.arg) : NULL;
	const char *user = json_str(m, "user", ""), *bot = json_str(m, "bot_id", "");
	if (!self)
		return bot[0] != '\0';
	return (self->user_id[0] && strcmp(user, self->user_id) == 0) || (self->bot_id[0] && strcmp(bot, self->bot_id) == 0);
}

static void look_at(struct lookup *l, const json_t *m)
{
	struct answer *a = l->a;
	struct whole *w = a->whole;
	const char *ts = json_str(m, "ts", "");
	const char *asked = a->to.message_ts;
	bool after = l->after || !asked[0] || strcmp(ts, asked) > 0;
	if (asked[0] && strcmp(ts, asked) == 0)
		l->after = true;
	if (!ts[0] || strlen(ts) >= TS_MAX || !is_ours(l, m))
		return;
	const json_t *payload = json_obj(json_obj(m, "metadata"), "event_payload");
	if (payload) {
		char id[ID_TEXT];
		if (!is_slot(w, ts) && strcmp(json_str(payload, "delivery", ""), id_format(a->delivery, id)) == 0)
			found_by_id(l, json_str(payload, "part", ""), ts);
		return;
	}
	if (!after || is_slot(w, ts))
		return;
	const char *text = json_str(m, "text", "");
	struct buf said = BUF_INIT;
	letters(&said, text, strlen(text));
	bool whole = false;
	for (size_t i = 0; i < l->parts_len && !whole; i++) {
		struct part *p = &w->parts[i];
		if (p->done || l->parts[i].len == 0 || said.len != l->parts[i].len || memcmp(said.p, l->parts[i].p, said.len) != 0)
			continue;
		found(p, ts);
		whole = true;
	}
	bool open = strcmp(json_str(m, "streaming_state", ""), "in_progress") == 0;
	bool begins = said.len > 0 && said.len < l->whole.len && memcmp(said.p, l->whole.p, said.len) == 0;
	if (!whole && a->out->stream && (open || begins)) {
		l->orphans = xrealloc(l->orphans, (l->orphans_len + 1) * sizeof *l->orphans);
		(void)snprintf(l->orphans[l->orphans_len++].ts, TS_MAX, "%s", ts);
	}
	buf_done(&said);
}

static void lookup_page(struct lookup *l);

static void lookup_again(struct answer *a)
{
	lookup_begin(a, a->whole->look_then);
}

static void on_page(void *arg, const struct slack_result *r)
{
	struct lookup *l = arg;
	struct answer *a = l->a;
	if (r->outcome == SLACK_OK) {
		const json_t *messages = json_arr(r->body, "messages");
		for (size_t i = 0; i < json_array_size(messages); i++)
			look_at(l, json_array_get(messages, i));
		const char *cursor = json_str(json_obj(r->body, "response_metadata"), "next_cursor", "");
		(void)snprintf(l->cursor, sizeof l->cursor, "%s", cursor);
		if (cursor[0] && strlen(cursor) < sizeof l->cursor && ++l->pages < PAGES_MAX)
			lookup_page(l);
		else
			lookup_end(l);
	} else if (r->outcome == SLACK_REFUSED) {
		/* We may not look (or there is no thread): a second copy is better than no answer. */
		log_warn("slack.lookup", LF_ID("run", a->run), LF_STR("channel", a->to.channel), LF_STR("error", r->error));
		lookup_end(l);
	} else if (strcmp(r->error, "stopping") == 0) {
		lookup_free(l);
		whole_sent(a, ERR_RETRY, r->error, 0);
	} else {
		uint32_t wait = r->retry_after_ms ? r->retry_after_ms : 2000;
		lookup_free(l);
		place_after(a, wait, lookup_again);
	}
	answer_call_done(a);
}

static void lookup_page(struct lookup *l)
{
	struct answer *a = l->a;
	bool thread = a->to.thread_ts[0] != '\0';
	struct buf b = BUF_INIT;
	slack_form(&b, "channel", a->to.channel);
	if (thread)
		slack_form(&b, "ts", a->to.thread_ts);
	if (a->to.message_ts[0]) {
		slack_form(&b, "oldest", a->to.message_ts);
		slack_form(&b, "inclusive", "true");
	}
	slack_form(&b, "limit", "200");
	slack_form(&b, "include_all_metadata", "true");
	if (l->cursor[0])
		slack_form(&b, "cursor", l->cursor);
	struct slack_call c = { .method = thread ? "conversations.replies" : "conversations.history",
		.args = b,
		.form = true,
		.channel = a->to.channel,
		.priority = SLACK_DELIVER,
		.want_body = true,
		.again = true,
		.on_done = on_page,
		.arg = l };
	a->calls++;
	if (slack_api_call(a->out->api, &c) == ERR_NONE)
		return;
	a->calls--;
	struct slack_result r = { .outcome = SLACK_NOT_SENT, .error = atomic_load(&a->out->stopping) ? "stopping" : "queue_full" };
	a->calls++;
	on_page(l, &r);
}

void lookup_begin(struct answer *a, void (*then)(struct answer *a))
{
	struct lookup *l = xcalloc(1, sizeof *l);
	if (a->out->lookups)
		metric_add(a->out->lookups, 1);
	l->a = a;
	a->lookup = l;
	a->whole->look_then = then;
	letters(&l->whole, a->whole->md, a->whole->md_len);
	compare_parts(l);
	lookup_page(l);
}
