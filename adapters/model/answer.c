#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/json.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "scan.h"

void answer_text(struct answer *a, const struct scan_str *s)
{
	size_t before = a->text.len;
	if (a->text_bytes >= ANSWER_TEXT_MAX)
		return;
	scan_text(s, &a->text);
	a->text_bytes += a->text.len - before;
	if (a->text_bytes <= ANSWER_TEXT_MAX)
		return;
	size_t room = ANSWER_TEXT_MAX - (a->text_bytes - (a->text.len - before));
	buf_truncate(&a->text, before + utf8_clip(a->text.p + before, a->text.len - before, room));
	a->text_bytes = ANSWER_TEXT_MAX;
	answer_stop(a, STOP_LENGTH);
	a->whole = true;
}

struct answer_tool *answer_tool(struct answer *a, int64_t index)
{
	for (size_t i = 0; i < a->tools_len; i++)
		if (a->tools[i].index == index)
			return &a->tools[i];
	if (a->tools_len == ANSWER_TOOLS_MAX) {
		answer_fail(a, FAIL_BROKEN, "more than %d tool calls in one answer", ANSWER_TOOLS_MAX);
		return NULL;
	}
	a->tools = xrealloc(a->tools, (a->tools_len + 1) * sizeof *a->tools);
	struct answer_tool *t = &a->tools[a->tools_len++];
	*t = (struct answer_tool){ .index = index };
	return t;
}

static void check_args(struct answer *a, const struct answer_tool *t)
{
	if (t->args.len > ANSWER_ARGS_MAX)
		answer_fail(a, FAIL_BROKEN, "tool arguments larger than %zu bytes", ANSWER_ARGS_MAX);
}

void answer_args(struct answer *a, struct answer_tool *t, const struct scan_str *s)
{
	if (a->failed)
		return;
	scan_text(s, &t->args);
	check_args(a, t);
}

void answer_args_raw(struct answer *a, struct answer_tool *t, const char *p, size_t n)
{
	if (a->failed)
		return;
	buf_add(&t->args, p, n);
	check_args(a, t);
}

void answer_stop(struct answer *a, enum model_stop stop)
{
	a->stop = stop;
	a->stop_known = true;
}

void answer_fail(struct answer *a, enum model_fail fail, const char *fmt, ...)
{
	va_list ap;
	if (a->failed)
		return;
	a->failed = true;
	a->fail = fail;
	va_start(ap, fmt);
	vsnprintf(a->why, sizeof a->why, fmt, ap);
	va_end(ap);
	a->why[utf8_clip(a->why, strlen(a->why), sizeof a->why - 1)] = '\0';
	for (char *p = a->why; *p; p++)
		if ((unsigned char)*p < 0x20)
			*p = ' ';
}

void answer_flush(struct answer *a)
{
	if (a->text.len == 0)
		return;
	struct model_event ev = { .kind = MODEL_TEXT, .text = a->text.p, .text_len = a->text.len };
	a->fn(a->arg, &ev);
	buf_reset(&a->text);
}

bool answer_over(const struct answer *a)
{
	return a->failed || a->whole;
}

/* Arguments must be an object; none at all means an empty one. */
static bool tool_is_whole(struct answer_tool *t)
{
	json_t *o = NULL;
	if (t->args.len == 0)
		buf_add_str(&t->args, "{}");
	bool ok =
	    t->name[0] != '\0' && json_parse(t->args.p, t->args.len, ANSWER_ARGS_MAX, &o, NULL) == ERR_NONE && json_is_object(o);
	json_decref(o);
	return ok;
}

static void check_tools(struct answer *a)
{
	size_t kept = 0;
	for (size_t i = 0; i < a->tools_len; i++) {
		struct answer_tool *t = &a->tools[i];
		if (tool_is_whole(t)) {
			if (t->id[0] == '\0') /* some local servers give none */
				snprintf(t->id, sizeof t->id, "call_%zu", i);
			struct answer_tool whole = *t;
			a->tools[i].args = BUF_INIT;
			a->tools[kept++] = whole;
		} else if (a->stop == STOP_LENGTH) {
			buf_done(&t->args); /* cut by the length: what is whole still counts */
		} else {
			answer_fail(a, FAIL_BROKEN, "the arguments of a tool call are not a JSON object");
			return;
		}
	}
	a->tools_len = kept;
	if (kept > 0 && a->stop == STOP_END)
		a->stop = STOP_TOOLS; /* llama.cpp and others say "stop" */
	if (kept == 0 && a->stop == STOP_TOOLS)
		a->stop = STOP_END;
}

void answer_finish(struct answer *a, const struct model_usage *usage)
{
	if (!a->failed)
		check_tools(a);
	answer_flush(a);
	struct model_event ev = { .usage = *usage };
	if (a->failed) {
		ev.kind = MODEL_FAILED;
		ev.fail = a->fail;
		ev.why = a->why;
		ev.retry_after_ms = a->retry_after_ms;
		a->fn(a->arg, &ev);
		return;
	}
	for (size_t i = 0; i < a->tools_len; i++) {
		struct answer_tool *t = &a->tools[i];
		struct model_event call = {
			.kind = MODEL_TOOL_CALL, .tool_id = t->id, .tool_name = t->name, .text = t->args.p, .text_len = t->args.len
		};
		a->fn(a->arg, &call);
	}
	ev.kind = MODEL_STOP;
	ev.stop = a->stop;
	a->fn(a->arg, &ev);
}

void answer_done(struct answer *a)
{
	buf_done(&a->text);
	for (size_t i = 0; i < a->tools_len; i++)
		buf_done(&a->tools[i].args);
	free(a->tools);
	a->tools = NULL;
	a->tools_len = 0;
}
