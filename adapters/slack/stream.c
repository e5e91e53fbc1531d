/*
 * The growing answer.  ${text} is what the model has said in this attempt, ${shown} what Slack shows of it, both in bytes of Markdown.
 * A stream may be appended to while ${shown} is a prefix of ${text}, and may take the final document while it is a prefix of that;
 * in any other case the message is stopped and edited.  So a new attempt that repeats what was shown simply goes on.
 *
 * Streaming must pay: an answer that is complete within a quarter of a second is one post.  One call at a time per stream; Slack ends a
 * stream about five minutes after its start, so before that, or when a message is full, the answer goes on in a new message, at a
 * paragraph if there is one.
 */
#include "out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "render.h"

#define OPEN_BYTES 200u /* this much text opens a stream at once */
#define TEXT_MAX (256u * 1024u)
#define ROLL_SOFT_UNITS 9000u /* from here on the next paragraph goes into a new message */
#define ROLL_HARD_UNITS 10600u
#define ROLL_GRACE_MS 25000u /* how long after its time a message may wait for a paragraph's end */
#define WORD_MAX 400u

static bool prefix(const struct buf *of, const struct buf *what)
{
	return what->len <= of->len && (what->len == 0 || memcmp(of->p, what->p, what->len) == 0);
}

void stream_grow(struct answer *a, const struct reply *r, uint64_t now)
{
	if (r->attempt != a->attempt && a->text.len > 0)
		stream_reset(a, r->attempt);
	a->attempt = r->attempt;
	/* Something is, or may be, visible from before a restart: the whole completes that; a second message would be one too many. */
	if (a->stream == STREAM_NONE && a->messages_len == 0 && (r->external_ref || r->maybe_sent))
		a->stream = STREAM_NEVER;
	if (a->gap || a->stream == STREAM_NEVER || a->text.len + r->text_len > TEXT_MAX)
		return;
	if (r->offset > a->text.len) {
		a->gap = true; /* something was refused on its way; the whole will tell */
		return;
	}
	size_t known = a->text.len - r->offset;
	if (known < r->text_len)
		buf_add(&a->text, r->text + known, r->text_len - known);
	if (a->text.len > 0 && !a->first_text_ms)
		a->first_text_ms = now;
	answer_list(a);
	if (a->stream == STREAM_NONE && a->text.len >= OPEN_BYTES)
		stream_tick(a, now);
}

void stream_reset(struct answer *a, uint32_t attempt)
{
	buf_reset(&a->text);
	a->attempt = attempt;
	a->gap = false;
}

/* ---- what may be shown next ---- */
/* Without a sequence that is still incomplete. */
static size_t whole_utf8(const char *s, size_t n)
{
	for (size_t back = 1; back <= 3 && back <= n; back++) {
		unsigned char c = (unsigned char)s[n - back];
		if ((c & 0xc0) == 0x80)
			continue;
		size_t need = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : c >= 0xc0 ? 2 : 1;
		return need > back ? n - back : n;
	}
	return n;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

/*
 * Where the next chunk ends: before a word, because blanks at the start of a chunk can vanish.  ${from} is its start.
 */
static size_t chunk_end(const struct buf *text, size_t from)
{
	size_t n = whole_utf8(text->p, text->len);
	for (size_t p = n; p-- > from + 1;)
		if (is_blank(text->p[p - 1]) && !is_blank(text->p[p]))
			return p;
	return n - from > WORD_MAX ? n : from;
}

/* Is a code fence open at the end of these bytes?  Then ${line} is the line that opened it. */
static bool fence_open(const char *s, size_t n, const char **line, size_t *line_n)
{
	size_t fence = 0;
	char mark = 0;
	for (size_t at = 0; at < n;) {
		const char *nl = memchr(s + at, '\n', n - at);
		size_t end = nl ? (size_t)(nl - s) : n, p = at;
		while (p < end && p < at + 3 && s[p] == ' ')
			p++;
		size_t run = 0;
		char c = p < end ? s[p] : 0;
		while ((c == '`' || c == '~') && p + run < end && s[p + run] == c)
			run++;
		if (run >= 3 && fence == 0 && !(c == '`' && memchr(s + p + run, '`', end - p - run))) {
			fence = run;
			mark = c;
			*line = s + p;
			*line_n = end - p;
		} else if (fence > 0 && run >= fence && c == mark) {
			size_t q = p + run;
			while (q < end && (s[q] == ' ' || s[q] == '\t' || s[q] == '\r'))
				q++;
			if (q == end)
				fence = 0;
		}
		at = end + 1;
	}
	return fence > 0;
}

/* The last place in (from, to] where a new message may begin without cutting a paragraph; 0: none. */
static size_t paragraph_end(const struct answer *a, size_t from, size_t to)
{
	const char *s = a->text.p;
	for (size_t p = to; p > from + 1; p--) {
		const char *line;
		size_t n;
		if (s[p - 1] == '\n' && s[p - 2] == '\n' && !fence_open(s + a->message_from, p - a->message_from, &line, &n))
			return p;
	}
	return 0;
}

/* ---- calls ---- */
static void add_place(struct buf *b, const char *channel)
{
	buf_add_str(b, "{\"channel\":");
	buf_add_json_str(b, channel);
}

/* The text of [from, to) as a field, or as chunks when there are tasks to tell. */
static void add_growth(struct answer *a, struct buf *b, size_t from, size_t to, const char *more)
{
	struct buf md = BUF_INIT;
	a->guard_sent = a->guard;
	slack_stream_text(&a->guard_sent, a->text.p ? a->text.p + from : "", to - from, &md);
	buf_add_str(&md, more);
	a->tasks_sent = a->tasks.len > 0;
	if (a->tasks_sent) {
		buf_add_str(b, ",\"chunks\":[");
		if (md.len > 0) {
			buf_add_str(b, "{\"type\":\"markdown_text\",\"text\":\"");
			buf_add_json(b, md.p, md.len);
			buf_add_str(b, "\"},");
		}
		buf_add(b, a->tasks.p, a->tasks.len);
		buf_add_char(b, ']');
		buf_reset(&a->tasks);
	} else if (md.len > 0) {
		buf_add_str(b, ",\"markdown_text\":\"");
		buf_add_json(b, md.p, md.len);
		buf_add_char(b, '"');
	}
	buf_done(&md);
}

/* A stream call has ended while the whole waits for it. */
static void go_on(struct answer *a)
{
	a->busy = false;
	if (a->whole && !a->ended && a->whole->then == stream_settled) {
		a->whole->then = NULL;
		if (!stream_close(a))
			place_begin(a);
	}
}

static void stream_lost(struct answer *a, const char *why)
{
	log_info(
	    "slack.stream", LF_ID("run", a->run), LF_STR("channel", a->to.channel), LF_STR("error", why), LF_STR("result", "lost"));
	a->stream = STREAM_LOST;
}

static void message_add(struct answer *a, const char *ts)
{
	a->messages = xrealloc(a->messages, (a->messages_len + 1) * sizeof *a->messages);
	strncpy(a->messages[a->messages_len].ts, ts, TS_MAX - 1);
	a->messages[a->messages_len++].ts[TS_MAX - 1] = '\0';
}

static void shown_to(struct answer *a, size_t to)
{
	if (to > a->shown.len && to <= a->text.len)
		buf_add(&a->shown, a->text.p + a->shown.len, to - a->shown.len);
	a->guard = a->guard_sent;
}

static void on_started(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	struct slack_out *o = a->out;
	if (r->outcome == SLACK_OK && r->ts[0]) {
		if (a->messages_len == 0 && o->streams)
			metric_add(o->streams, 1);
		message_add(a, r->ts);
		a->stream = STREAM_OPEN;
		a->opened_ms = a->appended_ms = clock_ms();
		shown_to(a, a->sending_to);
		struct buf ref = BUF_INIT;
		for (size_t i = 0; i < a->messages_len && ref.len < 900; i++)
			buf_addf(&ref, "%s%s", i ? "," : "", a->messages[i].ts);
		o->port.stream_opened(o->port.arg, a->ws, a->delivery, ref.p);
		buf_done(&ref);
		a->status_shown = a->status_mode == 0 && a->status_shown; /* a message ends the other kind by itself */
	} else if (r->outcome == SLACK_REFUSED || r->outcome == SLACK_NOT_SENT) {
		enum slack_error kind = slack_error_kind(r->error);
		bool here_only = strcmp(r->error, "method_not_supported_for_channel_type") == 0;
		if (r->outcome == SLACK_REFUSED && (kind == SLACK_ERROR_METHOD || kind == SLACK_ERROR_SCOPE) && !here_only)
			o->no_streams = true;
		/* Nothing is visible unless earlier messages of this answer are. */
		if (a->messages_len > 0)
			stream_lost(a, r->error);
		else
			a->stream = STREAM_NEVER;
	} else {
		/* It may be there, with an id that we do not know: only a look can tell. */
		a->unsure = true;
		stream_lost(a, r->error);
	}
	if (a->ended && a->stream == STREAM_OPEN)
		stream_abandon(a);
	else
		go_on(a);
	answer_call_done(a);
}

static void stream_start(struct answer *a)
{
	size_t from = a->shown.len, to = chunk_end(&a->text, from);
	to = from + utf8_utf16_clip(a->text.p + from, to - from, ROLL_HARD_UNITS);
	struct buf b = BUF_INIT;
	add_place(&b, a->to.channel);
	buf_add_str(&b, ",\"thread_ts\":");
	buf_add_json_str(&b, a->to.thread_ts);
	buf_add_str(&b, ",\"recipient_user_id\":");
	buf_add_json_str(&b, a->to.user);
	buf_add_str(&b, ",\"recipient_team_id\":");
	buf_add_json_str(&b, a->to.user_team[0] ? a->to.user_team : a->to.team);
	/* A message that goes on inside a code block opens it again. */
	const char *line = NULL;
	size_t line_n = 0;
	a->guard_sent = a->guard;
	struct buf md = BUF_INIT;
	if (from > 0 && fence_open(a->text.p, from, &line, &line_n)) {
		buf_add(&md, line, line_n);
		buf_add_char(&md, '\n');
	}
	slack_stream_text(&a->guard_sent, a->text.p + from, to - from, &md);
	buf_add_str(&b, ",\"markdown_text\":\"");
	buf_add_json(&b, md.p ? md.p : "", md.len);
	buf_add_str(&b, "\"}");
	buf_done(&md);
	a->message_from = from;
	a->sending_to = to;
	a->stream = STREAM_STARTING;
	a->busy = true;
	struct slack_call c = { .method = "chat.startStream",
		.args = b,
		.channel = a->to.channel,
		.priority = SLACK_DELIVER,
		.no_wait = true,
		.on_done = on_started };
	if (!answer_call(a, &c)) {
		a->stream = a->messages_len > 0 ? STREAM_LOST : STREAM_NEVER;
		a->busy = false;
	}
}

void stream_ready(struct answer *a, bool go)
{
	if (a->stream != STREAM_ASKING)
		return;
	a->stream = go ? STREAM_NONE : STREAM_NEVER;
	if (!go || a->closing || a->gap || a->text.len == 0)
		return;
	if (chunk_end(&a->text, 0) == 0) { /* a reset came in between, or not one whole word */
		a->first_text_ms = clock_ms();
		return;
	}
	stream_start(a);
}

static void on_appended(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	if (r->outcome == SLACK_OK) {
		shown_to(a, a->sending_to);
	} else if (r->outcome == SLACK_NOT_SENT) {
		/* Limited: the text goes with the next one.  Tasks that were in it are not worth a repetition. */
	} else if (r->outcome == SLACK_REFUSED && a->tasks_sent && slack_error_kind(r->error) == SLACK_ERROR_OTHER) {
		a->out->no_tasks = true; /* no such chunks here; the text alone will do */
	} else {
		stream_lost(a, r->error);
	}
	go_on(a);
	answer_call_done(a);
}

static void stream_append(struct answer *a, size_t to, uint64_t now)
{
	struct buf b = BUF_INIT;
	add_place(&b, a->to.channel);
	buf_addf(&b, ",\"ts\":\"%s\"", a->messages[a->messages_len - 1].ts);
	a->sending_to = to;
	add_growth(a, &b, a->shown.len, to, "");
	buf_add_char(&b, '}');
	a->busy = true;
	a->appended_ms = now;
	struct slack_call c = { .method = "chat.appendStream",
		.args = b,
		.channel = a->to.channel,
		.priority = SLACK_DELIVER,
		.no_wait = true,
		.on_done = on_appended };
	if (!answer_call(a, &c))
		a->busy = false;
}

static void on_rolled(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	if (r->outcome == SLACK_OK) {
		shown_to(a, a->sending_to);
		a->busy = false;
		if (!a->closing && !a->ended && chunk_end(&a->text, a->shown.len) > a->shown.len)
			stream_start(a);
		else if (!a->closing)
			a->stream = STREAM_ROLLING; /* nothing to say yet; the tick starts it */
		else
			a->stream = STREAM_LOST; /* closed, so the rest is placed */
	} else {
		stream_lost(a, r->error);
	}
	if (!a->busy)
		go_on(a);
	answer_call_done(a);
}

/* End the open message at ${to}; the answer goes on in another one. */
static void stream_roll(struct answer *a, size_t to)
{
	const char *line;
	size_t n;
	char part[24];
	bool fence = fence_open(a->text.p + a->message_from, to - a->message_from, &line, &n);
	struct buf b = BUF_INIT;
	add_place(&b, a->to.channel);
	buf_addf(&b, ",\"ts\":\"%s\"", a->messages[a->messages_len - 1].ts);
	a->sending_to = to;
	buf_reset(&a->tasks);
	add_growth(a, &b, a->shown.len, to, fence ? "\n```" : "");
	(void)snprintf(part, sizeof part, "s%zu", a->messages_len - 1);
	place_metadata(a, part, &b);
	buf_add_char(&b, '}');
	a->busy = true;
	a->stream = STREAM_ROLLING;
	struct slack_call c = {
		.method = "chat.stopStream", .args = b, .channel = a->to.channel, .priority = SLACK_DELIVER, .on_done = on_rolled
	};
	if (!answer_call(a, &c)) {
		a->busy = false;
		stream_lost(a, "queue_full");
	}
}

void stream_tick(struct answer *a, uint64_t now)
{
	struct slack_out *o = a->out;
	if (a->busy || a->gap || a->closing)
		return;
	if (a->stream == STREAM_NONE) {
		if (a->text.len == 0 || o->no_streams || (now < a->first_text_ms + o->grow_wait_ms && a->text.len < OPEN_BYTES))
			return;
		if (!a->to.thread_ts[0] || !a->to.user[0]) {
			a->stream = STREAM_NEVER;
			return;
		}
		if (chunk_end(&a->text, 0) > 0)
			answer_ask_stream(a);
		return;
	}
	if ((a->stream != STREAM_OPEN && a->stream != STREAM_ROLLING) || !prefix(&a->text, &a->shown))
		return;
	size_t from = a->shown.len, to = chunk_end(&a->text, from);
	if (a->stream == STREAM_ROLLING) {
		if (to > from)
			stream_start(a);
		return;
	}
	size_t units = utf8_utf16_len(a->text.p + a->message_from, to - a->message_from);
	uint64_t age = now - a->opened_ms;
	if (units > ROLL_SOFT_UNITS || age > o->stream_life_ms) {
		size_t room =
		    a->message_from + utf8_utf16_clip(a->text.p + a->message_from, a->text.len - a->message_from, ROLL_HARD_UNITS);
		size_t cut = paragraph_end(a, from > 0 ? from - 1 : 0, to < room ? to : room);
		if (cut == 0 && (units > ROLL_HARD_UNITS || age > o->stream_life_ms + ROLL_GRACE_MS))
			cut = to < room ? to : room;
		if (cut >= from && cut > 0) {
			stream_roll(a, cut);
			return;
		}
	}
	if (now < a->appended_ms + o->append_ms || (to <= from && a->tasks.len == 0))
		return;
	stream_append(a, to > from ? to : from, now);
}

void stream_task(struct answer *a, const struct reply *r)
{
	/* One that is on its way opens in a moment, and tells it then. */
	if (a->out->no_tasks || !r->step_id || a->stream == STREAM_NONE || a->stream == STREAM_LOST || a->stream == STREAM_NEVER)
		return;
	static const char *const states[] = { "in_progress", "complete", "error" };
	if (a->tasks.len > 8000)
		return;
	if (a->tasks.len > 0)
		buf_add_char(&a->tasks, ',');
	buf_add_str(&a->tasks, "{\"type\":\"task_update\",\"id\":");
	buf_add_json_str(&a->tasks, r->step_id);
	buf_add_str(&a->tasks, ",\"title\":\"");
	buf_add_json(&a->tasks, r->text, utf8_utf16_clip(r->text, r->text_len, 250));
	buf_addf(&a->tasks, "\",\"status\":\"%s\"}", states[r->step_state <= STEP_FAILED ? r->step_state : STEP_RUNNING]);
	answer_list(a);
}

/* ---- the end ---- */
static void on_closed(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	if (r->outcome == SLACK_OK) {
		struct whole *w = a->whole;
		w->parts = xcalloc(a->messages_len, sizeof *w->parts);
		w->parts_len = a->messages_len;
		for (size_t i = 0; i < a->messages_len; i++)
			memcpy(w->parts[i].ts, a->messages[i].ts, TS_MAX);
		a->stream = STREAM_NEVER;
		whole_sent(a, ERR_NONE, "", 0);
	} else {
		stream_lost(a, r->error);
		place_begin(a);
	}
	answer_call_done(a);
}

void stream_settled(struct answer *a)
{
	/* Only a name for "waits for the running stream call": go_on() takes it before the tick would. */
	a->whole->then = stream_settled;
}

bool stream_close(struct answer *a)
{
	struct whole *w = a->whole;
	if (a->stream == STREAM_ASKING)
		a->stream = STREAM_NEVER; /* nothing is visible yet, and now nothing will be opened */
	if (a->busy) {
		w->wait_until_ms = UINT64_MAX;
		w->then = stream_settled;
		return true;
	}
	struct buf md = { .p = w->md, .len = w->md_len };
	if (a->stream != STREAM_OPEN || !prefix(&md, &a->shown) || w->level > 0)
		return false;
	size_t rest = w->md_len - a->shown.len;
	if (utf8_utf16_len(w->md + a->message_from, w->md_len - a->message_from) > MESSAGE_UNITS)
		return false;
	struct buf b = BUF_INIT, out = BUF_INIT;
	unsigned guard = a->guard;
	slack_stream_text(&guard, w->md + a->shown.len, rest, &out);
	slack_stream_text(&guard, NULL, 0, &out);
	add_place(&b, a->to.channel);
	buf_addf(&b, ",\"ts\":\"%s\"", a->messages[a->messages_len - 1].ts);
	if (out.len > 0) {
		buf_add_str(&b, ",\"markdown_text\":\"");
		buf_add_json(&b, out.p, out.len);
		buf_add_char(&b, '"');
	}
	buf_done(&out);
	if (w->blocks)
		buf_addf(&b, ",\"blocks\":[%s]", w->blocks);
	char part[24];
	(void)snprintf(part, sizeof part, "s%zu", a->messages_len - 1);
	place_metadata(a, part, &b);
	buf_add_char(&b, '}');
	w->visible = true;
	struct slack_call c = {
		.method = "chat.stopStream", .args = b, .channel = a->to.channel, .priority = SLACK_DELIVER, .on_done = on_closed
	};
	return answer_call(a, &c);
}

/* May come again when a message opens after the end: answer_end() does its work once. */
static void on_abandoned(void *arg, const struct slack_result *r)
{
	(void)r;
	answer_call_done(arg);
}

void stream_abandon(struct answer *a)
{
	if (a->stream == STREAM_OPEN) {
		struct buf b = BUF_INIT;
		add_place(&b, a->to.channel);
		buf_addf(&b, ",\"ts\":\"%s\"}", a->messages[a->messages_len - 1].ts);
		struct slack_call c = { .method = "chat.stopStream",
			.args = b,
			.channel = a->to.channel,
			.priority = SLACK_DELIVER,
			.on_done = on_abandoned };
		(void)answer_call(a, &c);
	}
	a->stream = STREAM_NEVER;
	answer_end(a);
}
