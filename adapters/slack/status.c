/*
 * What Eddy is doing, shown under the conversation while nothing of the answer is visible.  It is never worth a delay: a call that
 * meets a limit is dropped, and one that Slack does not know for this app or place is not made again.
 */
#include "out.h"

#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"

#define CHANGE_MS 2000u /* between two texts */
#define PACE_MS 100u    /* between two calls, over all conversations; 600 a minute is what Slack is said to allow */
#define PACE_BURST_MS 2000u
#define TEXT_UNITS 100u

enum { MODE_SESSION, MODE_ASSISTANT, MODE_NONE };

void status_set(struct answer *a, const char *text, size_t n, uint64_t now)
{
	free(a->status);
	a->status = NULL;
	if (n == 0) {
		if (a->status_shown)
			status_end(a);
		return;
	}
	a->status = xstrndup(text, utf8_utf16_clip(text, n, TEXT_UNITS));
	if (!a->status_since_ms)
		a->status_since_ms = now;
	a->status_changed = true;
	if (a->to.thread_ts[0] && a->out->status_mode[answer_is_dm(a)] != MODE_NONE)
		answer_list(a);
}

static void on_status(void *arg, const struct slack_result *r)
{
	struct answer *a = arg;
	struct slack_out *o = a->out;
	a->status_busy = false;
	if (r->outcome == SLACK_REFUSED) {
		enum slack_error kind = slack_error_kind(r->error);
		int *mode = &o->status_mode[answer_is_dm(a)];
		a->status_shown = false;
		if (*mode == a->status_mode && kind != SLACK_ERROR_PLACE && kind != SLACK_ERROR_TOKEN && kind != SLACK_ERROR_GONE) {
			*mode = *mode + 1;
			a->status_changed = true;
			log_info("slack.status", LF_STR("error", r->error),
			    LF_STR("result", *mode == MODE_NONE ? "not shown from now on" : "using assistant.threads.setStatus"));
		}
	} else if (r->outcome == SLACK_NOT_SENT) {
		a->status_shown = false;
	}
	if (a->ended && a->status_shown)
		status_end(a);
	answer_call_done(a);
}

static void status_send(struct answer *a, int mode, const char *text)
{
	struct buf b = BUF_INIT;
	buf_add_str(&b, "{\"channel_id\":");
	buf_add_json_str(&b, a->to.channel);
	buf_add_str(&b, ",\"thread_ts\":");
	buf_add_json_str(&b, a->to.thread_ts);
	buf_add_str(&b, ",\"status\":");
	buf_add_json_str(&b, mode == MODE_SESSION ? (text[0] ? "processing" : "active") : text);
	if (mode == MODE_SESSION && text[0] && a->to.user[0]) {
		buf_add_str(&b, ",\"initiator_user_id\":");
		buf_add_json_str(&b, a->to.user);
	}
	buf_add_char(&b, '}');
	struct slack_call c = { .method = mode == MODE_SESSION ? "agents.sessions.setStatus" : "assistant.threads.setStatus",
		.args = b,
		.channel = a->to.channel,
		.priority = SLACK_STATUS,
		.no_wait = text[0] != '\0',
		.timeout_ms = 5000,
		.on_done = on_status };
	a->status_busy = answer_call(a, &c);
}

void status_tick(struct answer *a, uint64_t now)
{
	struct slack_out *o = a->out;
	int mode = o->status_mode[answer_is_dm(a)];
	if (!a->status || !a->status_changed || a->status_busy || mode == MODE_NONE || !a->to.thread_ts[0])
		return;
	if (a->text.len > 0 || a->messages_len > 0 || now < a->status_since_ms + o->status_wait_ms)
		return;
	if (a->status_shown && (mode == MODE_SESSION || now < a->status_sent_ms + CHANGE_MS))
		return;
	if (o->status_next_ms + PACE_BURST_MS < now)
		o->status_next_ms = now - PACE_BURST_MS;
	if (o->status_next_ms > now)
		return;
	o->status_next_ms += PACE_MS;
	a->status_shown = true;
	a->status_changed = false;
	a->status_sent_ms = now;
	a->status_mode = mode;
	status_send(a, mode, a->status);
}

/*
 * Take it away.  The assistant's status goes by itself with the first message, but it costs little to be sure when the answer ended
 * without one.  While the call that shows it still runs, on_status() comes back here.
 */
void status_end(struct answer *a)
{
	if (!a->status_shown || a->status_busy)
		return;
	a->status_shown = false;
	a->status_changed = false;
	bool posted = a->whole && !a->whole->one_person && a->whole->parts_len > 0 && a->whole->parts[0].ts[0];
	if (a->status_mode == MODE_ASSISTANT && posted)
		return;
	status_send(a, a->status_mode, "");
}
