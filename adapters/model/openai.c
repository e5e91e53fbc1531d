/*
 * Servers differ in small things, and all of these are taken: usage missing or in a chunk with empty choices, finish_reason "stop"
 * beside tool calls, content null, tool calls without an index or whole in one piece, arguments as an object, an error object in the
 * stream instead of an event, no [DONE] at the end.
 */
#include "openai.h"

#include <string.h>

#include "../../core/base/buf.h"
#include "answer.h"
#include "scan.h"
#include "wire.h"

#define OWN_INDEX 1000000 /* beyond what a server counts to */

static void add_text_message(struct buf *out, const char *role, const char *s, size_t n)
{
	buf_add_str(out, "{\"role\":\"");
	buf_add_str(out, role);
	buf_add_str(out, "\",\"content\":\"");
	buf_add_json(out, s, n);
	buf_add_str(out, "\"}");
}

static void add_call(struct buf *out, const struct model_message *m)
{
	buf_add_str(out, "{\"id\":");
	buf_add_json_str(out, m->tool_id ? m->tool_id : "");
	buf_add_str(out, ",\"type\":\"function\",\"function\":{\"name\":");
	buf_add_json_str(out, m->tool_name ? m->tool_name : "");
	buf_add_str(out, ",\"arguments\":\"");
	if (m->text_len > 0)
		buf_add_json(out, m->text, m->text_len);
	else
		buf_add_str(out, "{}");
	buf_add_str(out, "\"}}");
}

static size_t add_message(struct buf *out, const struct model_message *m, size_t n)
{
	size_t i = 0;
	switch (m->role) {
	case ROLE_USER:
		if (m->text_len > 0)
			add_text_message(out, "user", m->text, m->text_len);
		else
			add_text_message(out, "user", WIRE_EMPTY, sizeof WIRE_EMPTY - 1);
		return 1;
	case ROLE_TOOL_RESULT:
		buf_add_str(out, "{\"role\":\"tool\",\"tool_call_id\":");
		buf_add_json_str(out, m->tool_id ? m->tool_id : "");
		buf_add_str(out, m->tool_failed ? ",\"content\":\"Error: " : ",\"content\":\"");
		buf_add_json(out, m->text, m->text_len);
		buf_add_str(out, "\"}");
		return 1;
	case ROLE_ASSISTANT:
	case ROLE_TOOL_CALL:
		break;
	}
	if (m->role == ROLE_ASSISTANT && (n == 1 || m[1].role != ROLE_TOOL_CALL)) {
		add_text_message(out, "assistant", m->text, m->text_len);
		return 1;
	}
	buf_add_str(out, "{\"role\":\"assistant\",\"content\":");
	if (m->role == ROLE_ASSISTANT && m->text_len > 0) {
		buf_add_char(out, '"');
		buf_add_json(out, m->text, m->text_len);
		buf_add_char(out, '"');
	} else {
		buf_add_str(out, "null");
	}
	buf_add_str(out, ",\"tool_calls\":[");
	i = m->role == ROLE_ASSISTANT;
	for (bool any = false; i < n && m[i].role == ROLE_TOOL_CALL; i++, any = true) {
		if (any)
			buf_add_char(out, ',');
		add_call(out, &m[i]);
	}
	buf_add_str(out, "]}");
	return i;
}

void openai_body(struct buf *out, const struct model_request *r, const char *model, bool own)
{
	buf_reserve(out, wire_size(r));
	buf_add_str(out, "{\"model\":");
	buf_add_json_str(out, model);
	buf_add_str(out, own ? ",\"max_completion_tokens\":" : ",\"max_tokens\":");
	buf_add_int(out, r->max_tokens);
	wire_temperature(out, r, model);
	buf_add_str(out, ",\"stream\":true,\"stream_options\":{\"include_usage\":true}");
	if (r->tools_len > 0) {
		buf_add_str(out, ",\"tools\":[");
		for (size_t i = 0; i < r->tools_len; i++) {
			buf_add_str(out,
			    i > 0 ? ",{\"type\":\"function\",\"function\":{\"name\":"
			          : "{\"type\":\"function\",\"function\":{\"name\":");
			buf_add_json_str(out, r->tools[i].name);
			buf_add_str(out, ",\"description\":");
			buf_add_json_str(out, r->tools[i].description);
			buf_add_str(out, ",\"parameters\":");
			buf_add_str(out, r->tools[i].schema);
			buf_add_str(out, "}}");
		}
		buf_add_char(out, ']');
	}
	buf_add_str(out, ",\"messages\":[");
	bool first = true;
	if (r->system_len > 0) {
		add_text_message(out, "system", r->system, r->system_len);
		first = false;
	}
	if (r->messages_len == 0 || r->messages[0].role != ROLE_USER) {
		if (!first)
			buf_add_char(out, ',');
		add_text_message(out, "user", WIRE_EARLIER, sizeof WIRE_EARLIER - 1); /* many chat templates insist on it */
		first = false;
	}
	for (size_t i = 0; i < r->messages_len;) {
		if (!first)
			buf_add_char(out, ',');
		first = false;
		i += add_message(out, &r->messages[i], r->messages_len - i);
	}
	buf_add_str(out, "]}");
}

void openai_url(struct buf *out, const char *base_url)
{
	wire_url(out, base_url, "/chat/completions");
}

bool openai_is_own(const char *base_url)
{
	return strncmp(base_url, "https://api.openai.com", 22) == 0;
}

/* ---- the stream ---- */

static void read_usage(struct answer *a, const char *p, size_t n)
{
	struct scan s;
	struct scan_str key, inner;
	int64_t in = -1, out = -1, cached = -1;
	scan_begin(&s, p, n);
	if (!scan_object(&s))
		return;
	while (scan_key(&s, &key)) {
		if (scan_is(&key, "prompt_tokens")) {
			scan_int(&s, &in);
		} else if (scan_is(&key, "completion_tokens")) {
			scan_int(&s, &out);
		} else if (scan_is(&key, "prompt_tokens_details")) {
			if (scan_object(&s)) {
				while (scan_key(&s, &inner)) {
					if (scan_is(&inner, "cached_tokens"))
						scan_int(&s, &cached);
					else
						scan_skip(&s);
				}
			}
		} else {
			scan_skip(&s);
		}
	}
	if (in >= 0) {
		a->input_tokens = wire_count(in);
		a->input_known = true;
	}
	if (out >= 0) {
		a->output_tokens = wire_count(out);
		a->output_known = true;
	}
	if (cached >= 0)
		a->cached_tokens = wire_count(cached);
}

static void read_function(struct answer *a, struct answer_tool *t, struct scan *s)
{
	struct scan_str key, v;
	const char *raw;
	size_t len;
	if (!scan_object(s))
		return;
	while (scan_key(s, &key)) {
		if (scan_is(&key, "name")) {
			if (scan_string(s, &v) && v.n > 0 && t->name[0] == '\0')
				scan_copy(&v, t->name, sizeof t->name);
		} else if (scan_is(&key, "arguments")) {
			if (!scan_raw(s, &raw, &len))
				continue;
			if (*raw == '"')
				answer_args(a, t, &(struct scan_str){ .p = raw + 1, .n = len - 2, .escaped = true });
			else
				answer_args_raw(a, t, raw, len);
		} else {
			scan_skip(s);
		}
	}
}

static void read_tool_call(struct answer *a, struct scan *s, int64_t place)
{
	struct scan_str key, id = { 0 };
	const char *function = NULL;
	size_t function_len = 0;
	int64_t index = place;
	if (!scan_object(s))
		return;
	while (scan_key(s, &key)) {
		if (scan_is(&key, "index"))
			scan_int(s, &index);
		else if (scan_is(&key, "id"))
			scan_string(s, &id);
		else if (scan_is(&key, "function"))
			scan_raw(s, &function, &function_len);
		else
			scan_skip(s);
	}
	if (s->bad)
		return;
	char name[sizeof((struct answer_tool *)0)->id];
	scan_copy(&id, name, sizeof name);
	struct answer_tool *t = answer_tool(a, index);
	if (t && name[0] && t->id[0] && strcmp(name, t->id) != 0) /* whole calls that all claim the same index */
		t = answer_tool(a, OWN_INDEX + (int64_t)a->tools_len);
	if (!t)
		return;
	if (t->id[0] == '\0')
		memcpy(t->id, name, sizeof name);
	if (function) {
		struct scan f;
		scan_begin(&f, function, function_len);
		read_function(a, t, &f);
	}
}

static void read_delta(struct answer *a, struct scan *s)
{
	struct scan_str key, text;
	if (!scan_object(s))
		return;
	while (scan_key(s, &key)) {
		if (scan_is(&key, "content")) {
			if (scan_string(s, &text))
				answer_text(a, &text);
		} else if (scan_is(&key, "refusal")) {
			if (scan_string(s, &text) && text.n > 0) {
				answer_text(a, &text);
				answer_stop(a, STOP_REFUSED);
			}
		} else if (scan_is(&key, "tool_calls")) {
			if (scan_array(s))
				for (int64_t i = 0; scan_item(s); i++)
					read_tool_call(a, s, i);
		} else {
			scan_skip(s);
		}
	}
}

static void read_choice(struct answer *a, struct scan *s)
{
	struct scan_str key, reason;
	if (!scan_object(s))
		return;
	while (scan_key(s, &key)) {
		if (scan_is(&key, "delta") || scan_is(&key, "message")) {
			read_delta(a, s);
		} else if (scan_is(&key, "finish_reason")) {
			if (!scan_string(s, &reason) || (a->stop_known && a->stop == STOP_REFUSED))
				continue;
			answer_stop(a,
			    scan_is(&reason, "tool_calls") || scan_is(&reason, "function_call") ? STOP_TOOLS
			        : scan_is(&reason, "length")                                    ? STOP_LENGTH
			        : scan_is(&reason, "content_filter")                            ? STOP_REFUSED
			                                                                        : STOP_END);
		} else {
			scan_skip(s);
		}
	}
}

void openai_event(struct answer *a, const char *data, size_t n)
{
	struct scan s;
	struct scan_str key;
	const char *usage = NULL, *error = NULL;
	size_t usage_len = 0, error_len = 0;
	if (n == 6 && memcmp(data, "[DONE]", 6) == 0) {
		if (a->stop_known)
			a->whole = true;
		else
			answer_fail(a, FAIL_BROKEN, "the stream ended without a finish reason");
		return;
	}
	scan_begin(&s, data, n);
	if (scan_object(&s)) {
		while (scan_key(&s, &key)) {
			if (scan_is(&key, "choices")) {
				if (!scan_array(&s))
					continue;
				for (int i = 0; scan_item(&s); i++) {
					if (i == 0)
						read_choice(a, &s);
					else
						scan_skip(&s);
				}
			} else if (scan_is(&key, "usage")) {
				scan_raw(&s, &usage, &usage_len);
			} else if (scan_is(&key, "error")) {
				scan_raw(&s, &error, &error_len);
			} else {
				scan_skip(&s);
			}
		}
	}
	if (!scan_end(&s)) {
		answer_fail(a, FAIL_BROKEN, "an event of the stream is not JSON");
		return;
	}
	if (usage)
		read_usage(a, usage, usage_len);
	if (error)
		wire_error(a, 200, error, error_len);
}
