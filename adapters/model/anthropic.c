/*
 * The request is written straight into its buffer: an assistant's text and the tool calls that follow it are one message, results
 * of tools that follow each other are one user message (the API wants them together and first), each text of people is a message
 * of its own.  An event is read with one walk over its members; what decides (type) may come last, so members are noted first.
 */
#include "anthropic.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "answer.h"
#include "scan.h"
#include "wire.h"

static void add_text_block(struct buf *out, const char *s, size_t n)
{
	buf_add_str(out, "{\"type\":\"text\",\"text\":\"");
	buf_add_json(out, s, n);
	buf_add_str(out, "\"}");
}

static void add_tool_use(struct buf *out, const struct model_message *m)
{
	buf_add_str(out, "{\"type\":\"tool_use\",\"id\":");
	buf_add_json_str(out, m->tool_id ? m->tool_id : "");
	buf_add_str(out, ",\"name\":");
	buf_add_json_str(out, m->tool_name ? m->tool_name : "");
	buf_add_str(out, ",\"input\":");
	if (scan_is_object(m->text, m->text_len))
		buf_add(out, m->text, m->text_len);
	else
		buf_add_str(out, "{}");
	buf_add_char(out, '}');
}

static void add_tool_result(struct buf *out, const struct model_message *m)
{
	buf_add_str(out, "{\"type\":\"tool_result\",\"tool_use_id\":");
	buf_add_json_str(out, m->tool_id ? m->tool_id : "");
	buf_add_str(out, ",\"content\":\"");
	buf_add_json(out, m->text, m->text_len);
	buf_add_str(out, m->tool_failed ? "\",\"is_error\":true}" : "\"}");
}

/* One message from ${m} on; returns how many of ours went into it. */
static size_t add_message(struct buf *out, const struct model_message *m, size_t n)
{
	size_t i = 0;
	switch (m->role) {
	case ROLE_USER:
		buf_add_str(out, "{\"role\":\"user\",\"content\":\"");
		if (m->text_len > 0)
			buf_add_json(out, m->text, m->text_len);
		else
			buf_add_str(out, WIRE_EMPTY);
		buf_add_str(out, "\"}");
		return 1;
	case ROLE_TOOL_RESULT:
		buf_add_str(out, "{\"role\":\"user\",\"content\":[");
		for (; i < n && m[i].role == ROLE_TOOL_RESULT; i++) {
			if (i > 0)
				buf_add_char(out, ',');
			add_tool_result(out, &m[i]);
		}
		buf_add_str(out, "]}");
		return i;
	case ROLE_ASSISTANT:
	case ROLE_TOOL_CALL:
		break;
	}
	if (m->role == ROLE_ASSISTANT && (n == 1 || m[1].role != ROLE_TOOL_CALL)) {
		buf_add_str(out, "{\"role\":\"assistant\",\"content\":\"");
		buf_add_json(out, m->text, m->text_len);
		buf_add_str(out, "\"}");
		return 1;
	}
	buf_add_str(out, "{\"role\":\"assistant\",\"content\":[");
	bool any = false;
	if (m->role == ROLE_ASSISTANT) {
		i = 1;
		if (m->text_len > 0) {
			add_text_block(out, m->text, m->text_len);
			any = true;
		}
	}
	for (; i < n && m[i].role == ROLE_TOOL_CALL; i++) {
		if (any)
			buf_add_char(out, ',');
		add_tool_use(out, &m[i]);
		any = true;
	}
	buf_add_str(out, "]}");
	return i;
}

/* Calls in the history are refused unless their tools are named, also in a turn that is offered none. */
static void add_closed_tools(struct buf *out, const struct model_request *r)
{
	bool any = false;
	for (size_t i = 0; i < r->messages_len; i++) {
		const struct model_message *m = &r->messages[i];
		bool known = m->role != ROLE_TOOL_CALL || m->tool_name == NULL;
		for (size_t k = 0; k < i && !known; k++)
			known = r->messages[k].role == ROLE_TOOL_CALL && r->messages[k].tool_name != NULL &&
			    strcmp(r->messages[k].tool_name, m->tool_name) == 0;
		if (known)
			continue;
		buf_add_str(out, any ? ",{\"name\":" : ",\"tools\":[{\"name\":");
		buf_add_json_str(out, m->tool_name);
		buf_add_str(out, ",\"input_schema\":{\"type\":\"object\"}}");
		any = true;
	}
	if (any)
		buf_add_str(out, "],\"tool_choice\":{\"type\":\"none\"}");
}

void anthropic_body(struct buf *out, const struct model_request *r, const char *model)
{
	buf_reserve(out, wire_size(r));
	buf_add_str(out, "{\"model\":");
	buf_add_json_str(out, model);
	buf_add_str(out, ",\"max_tokens\":");
	buf_add_int(out, r->max_tokens);
	wire_temperature(out, r, model);
	buf_add_str(out, ",\"stream\":true");
	if (r->system_len > 0) {
		buf_add_str(out, ",\"system\":\"");
		buf_add_json(out, r->system, r->system_len);
		buf_add_char(out, '"');
	}
	if (r->tools_len > 0) {
		buf_add_str(out, ",\"tools\":[");
		for (size_t i = 0; i < r->tools_len; i++) {
			buf_add_str(out, i > 0 ? ",{\"name\":" : "{\"name\":");
			buf_add_json_str(out, r->tools[i].name);
			buf_add_str(out, ",\"description\":");
			buf_add_json_str(out, r->tools[i].description);
			buf_add_str(out, ",\"input_schema\":");
			buf_add_str(out, r->tools[i].schema);
			buf_add_char(out, '}');
		}
		buf_add_char(out, ']');
	} else {
		add_closed_tools(out, r);
	}
	buf_add_str(out, ",\"messages\":[");
	bool first = true;
	if (r->messages_len == 0 || (r->messages[0].role != ROLE_USER)) {
		buf_add_str(
		    out, "{\"role\":\"user\",\"content\":\"" WIRE_EARLIER "\"}"); /* a conversation must begin with a user */
		first = false;
	}
	for (size_t i = 0; i < r->messages_len;) {
		const struct model_message *m = &r->messages[i];
		bool alone = i + 1 == r->messages_len || m[1].role != ROLE_TOOL_CALL;
		if (m->role == ROLE_ASSISTANT && m->text_len == 0 && alone) {
			i++; /* empty content is refused */
			continue;
		}
		if (!first)
			buf_add_char(out, ',');
		first = false;
		i += add_message(out, m, r->messages_len - i);
	}
	buf_add_str(out, "]}");
}

void anthropic_url(struct buf *out, const char *base_url)
{
	wire_url(out, base_url, "/messages");
}

/* ---- the stream ---- */

static void read_usage(struct answer *a, const char *p, size_t n)
{
	struct scan s;
	struct scan_str key;
	int64_t in = -1, read = -1, written = -1, out = -1;
	scan_begin(&s, p, n);
	if (!scan_object(&s))
		return;
	while (scan_key(&s, &key)) {
		if (scan_is(&key, "input_tokens"))
			scan_int(&s, &in);
		else if (scan_is(&key, "cache_read_input_tokens"))
			scan_int(&s, &read);
		else if (scan_is(&key, "cache_creation_input_tokens"))
			scan_int(&s, &written);
		else if (scan_is(&key, "output_tokens"))
			scan_int(&s, &out);
		else
			scan_skip(&s);
	}
	if (read >= 0)
		a->cached_tokens = wire_count(read);
	if (written >= 0)
		a->written_tokens = wire_count(written);
	if (in >= 0) {
		a->input_tokens = wire_count(in + a->cached_tokens + a->written_tokens);
		a->input_known = true;
	}
	if (out >= 0) {
		a->output_tokens = wire_count(out);
		a->output_known = true;
	}
}

static void read_message_start(struct answer *a, const char *p, size_t n)
{
	struct scan s;
	struct scan_str key;
	const char *usage;
	size_t len;
	scan_begin(&s, p, n);
	if (!scan_object(&s))
		return;
	while (scan_key(&s, &key)) {
		if (!scan_is(&key, "usage"))
			scan_skip(&s);
		else if (scan_raw(&s, &usage, &len))
			read_usage(a, usage, len);
	}
	a->output_known = false; /* the number here counts only what was said so far */
}

static void read_block_start(struct answer *a, int64_t index, const char *p, size_t n)
{
	struct scan s;
	struct scan_str key, type = { 0 }, id = { 0 }, name = { 0 }, text = { 0 };
	const char *input = NULL;
	size_t input_len = 0;
	scan_begin(&s, p, n);
	if (!scan_object(&s))
		return;
	while (scan_key(&s, &key)) {
		if (scan_is(&key, "type"))
			scan_string(&s, &type);
		else if (scan_is(&key, "id"))
			scan_string(&s, &id);
		else if (scan_is(&key, "name"))
			scan_string(&s, &name);
		else if (scan_is(&key, "text"))
			scan_string(&s, &text);
		else if (scan_is(&key, "input"))
			scan_raw(&s, &input, &input_len);
		else
			scan_skip(&s);
	}
	if (scan_is(&type, "text")) {
		answer_text(a, &text);
		return;
	}
	if (!scan_is(&type, "tool_use"))
		return;
	struct answer_tool *t = answer_tool(a, index);
	if (!t)
		return;
	scan_copy(&id, t->id, sizeof t->id);
	scan_copy(&name, t->name, sizeof t->name);
	if (input_len > 2) /* "{}" only announces the pieces that follow */
		answer_args_raw(a, t, input, input_len);
}

static void read_delta(struct answer *a, int64_t index, const char *p, size_t n)
{
	struct scan s;
	struct scan_str key, type = { 0 }, text = { 0 }, args = { 0 };
	scan_begin(&s, p, n);
	if (!scan_object(&s))
		return;
	while (scan_key(&s, &key)) {
		if (scan_is(&key, "type"))
			scan_string(&s, &type);
		else if (scan_is(&key, "text"))
			scan_string(&s, &text);
		else if (scan_is(&key, "partial_json"))
			scan_string(&s, &args);
		else
			scan_skip(&s);
	}
	if (scan_is(&type, "text_delta")) {
		answer_text(a, &text);
	} else if (scan_is(&type, "input_json_delta")) {
		for (size_t i = 0; i < a->tools_len; i++)
			if (a->tools[i].index == index)
				answer_args(a, &a->tools[i], &args);
	}
}

static void read_message_delta(struct answer *a, const char *p, size_t n)
{
	struct scan s;
	struct scan_str key, reason;
	scan_begin(&s, p, n);
	if (!scan_object(&s))
		return;
	while (scan_key(&s, &key)) {
		if (!scan_is(&key, "stop_reason")) {
			scan_skip(&s);
			continue;
		}
		if (!scan_string(&s, &reason))
			continue;
		answer_stop(a,
		    scan_is(&reason, "tool_use")                                                              ? STOP_TOOLS
		        : scan_is(&reason, "max_tokens") || scan_is(&reason, "model_context_window_exceeded") ? STOP_LENGTH
		        : scan_is(&reason, "refusal")                                                         ? STOP_REFUSED
		                                                                                              : STOP_END);
	}
}

void anthropic_event(struct answer *a, const char *data, size_t n)
{
	struct scan s;
	struct scan_str key, type = { 0 };
	const char *delta = NULL, *message = NULL, *block = NULL, *usage = NULL, *error = NULL;
	size_t delta_len = 0, message_len = 0, block_len = 0, usage_len = 0, error_len = 0;
	int64_t index = 0;
	scan_begin(&s, data, n);
	if (scan_object(&s)) {
		while (scan_key(&s, &key)) {
			if (scan_is(&key, "type"))
				scan_string(&s, &type);
			else if (scan_is(&key, "index"))
				scan_int(&s, &index);
			else if (scan_is(&key, "delta"))
				scan_raw(&s, &delta, &delta_len);
			else if (scan_is(&key, "message"))
				scan_raw(&s, &message, &message_len);
			else if (scan_is(&key, "content_block"))
				scan_raw(&s, &block, &block_len);
			else if (scan_is(&key, "usage"))
				scan_raw(&s, &usage, &usage_len);
			else if (scan_is(&key, "error"))
				scan_raw(&s, &error, &error_len);
			else
				scan_skip(&s);
		}
	}
	if (!scan_end(&s)) {
		answer_fail(a, FAIL_BROKEN, "an event of the stream is not JSON");
		return;
	}
	if (scan_is(&type, "content_block_delta") && delta) {
		read_delta(a, index, delta, delta_len);
	} else if (scan_is(&type, "message_start") && message) {
		read_message_start(a, message, message_len);
	} else if (scan_is(&type, "content_block_start") && block) {
		read_block_start(a, index, block, block_len);
	} else if (scan_is(&type, "message_delta")) {
		if (delta)
			read_message_delta(a, delta, delta_len);
		if (usage)
			read_usage(a, usage, usage_len);
	} else if (scan_is(&type, "message_stop")) {
		if (a->stop_known)
			a->whole = true;
		else
			answer_fail(a, FAIL_BROKEN, "the stream ended without a stop reason");
	} else if (scan_is(&type, "error")) {
		wire_error(a, 200, error ? error : "", error_len);
	} /* ping, content_block_stop and what may come in later versions: nothing to do */
}
