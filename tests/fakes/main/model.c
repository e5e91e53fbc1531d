/*
 * A fake model server: Anthropic Messages (/v1/messages) and OpenAI chat completions (/v1/chat/completions), streamed or whole.
 * Prints "model listening on PORT".  Without a script it answers "Answer to #1 #2 …" with the numbers that the newest user messages
 * hold, so that a test can tell whose answer it sees.
 *
 *	/control/script {match, times, answer, tool, arguments, status, retry_after, first_ms, pace_ms, piece, fault, after, stop}
 *	    match: text that the request must hold ("": any); times: how often (-1: always); fault: none, error (an error event inside the
 *	    stream), cut (the connection is reset), silence (nothing more comes), garbage (not JSON), all after that many deltas; cut and
 *	    silence also cut tool arguments in the middle; piece: letters per delta; stop: the reason to end with
 *	/control/options {first_ms, pace_ms, words, p429, p529, p500, pcut, perror, window, key, stamp}     /control/clear      /control/state
 *	/control/requests?from=N  the bodies that were asked
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kit.h"

enum { SCRIPTS_MAX = 256, REQUESTS_KEPT = 20000 };
enum fault { FAULT_NONE, FAULT_ERROR, FAULT_CUT, FAULT_SILENCE, FAULT_GARBAGE };
struct script {
	char match[128], tool[64], stop[32];
	char *answer, *arguments;
	int64_t times, status, retry_after, first_ms, pace_ms, piece, after;
	enum fault fault;
};
struct answer {
	kit_id conn;
	bool openai, stream, usage, tool;
	struct kit_buf text; /* or the tool's arguments */
	size_t at, piece;
	char tool_name[64], stop[32];
	int64_t pace_ms, deltas, after;
	enum fault fault;
	size_t input_tokens;
	unsigned long number;
	bool begun;
};
static struct script scripts[SCRIPTS_MAX];
static size_t scripts_len;
static struct {
	int64_t first_ms, pace_ms, words, window, piece;
	double p429, p529, p500, pcut, perror;
	bool keep,
	    stamp; /* stamp: parts of answers are the moment of the monotonic clock at which they are sent, "t=NANOSECONDS. " */
	char key[128];
} option = { .piece = 12, .keep = true };
static unsigned long number, calls, answered, failed, tools, gone, open_now, open_most;
static char **requests;
static size_t requests_len;

static void say_error(kit_id c, bool openai, int status, const char *type, const char *message, int64_t retry_after)
{
	char extra[96] = "request-id: req_fake\r\n";
	failed++;
	if (retry_after >= 0)
		snprintf(extra, sizeof extra, "request-id: req_fake\r\nretry-after: %lld\r\n", (long long)retry_after);
	json_t *e = json_pack("{s:s, s:s}", "type", type, "message", message);
	if (openai) {
		json_object_set_new(e, "param", json_null());
		json_object_set_new(e, "code", strcmp(type, "context_length_exceeded") == 0 ? json_string(type) : json_null());
		kit_reply_json(c, status, extra, json_pack("{s:o}", "error", e));
	} else {
		kit_reply_json(
		    c, status, extra, json_pack("{s:s, s:o, s:s}", "type", "error", "error", e, "request_id", "req_fake"));
	}
}

/* ---- the forms of the two services ---- */
static void event(struct answer *a, struct kit_buf *out, const char *name, json_t *take)
{
	char *s = json_dumps(take, JSON_COMPACT);
	if (!a->openai)
		kit_addf(out, "event: %s\n", name);
	kit_addf(out, "data: %s\n\n", s);
	free(s);
	json_decref(take);
}

static json_t *openai_chunk(const struct answer *a, json_t *delta, const char *finish)
{
	char id[40];
	snprintf(id, sizeof id, "chatcmpl-fake%lu", a->number);
	return json_pack("{s:s, s:s, s:i, s:s, s:[{s:i, s:o, s:o}]}", "id", id, "object", "chat.completion.chunk", "created",
	    1790000000, "model", "fake-model", "choices", "index", 0, "delta", delta, "finish_reason",
	    finish != NULL ? json_string(finish) : json_null());
}

static void begin(struct answer *a, struct kit_buf *out)
{
	char id[40];
	if (a->openai) {
		event(a, out, "", openai_chunk(a, json_pack("{s:s, s:s}", "role", "assistant", "content", ""), NULL));
		if (a->tool) {
			snprintf(id, sizeof id, "call_fake%lu", a->number);
			event(a, out, "",
			    openai_chunk(a,
			        json_pack("{s:[{s:i, s:s, s:s, s:{s:s, s:s}}]}", "tool_calls", "index", 0, "id", id, "type",
			            "function", "function", "name", a->tool_name, "arguments", ""),
			        NULL));
		}
		return;
	}
	snprintf(id, sizeof id, "msg_fake%lu", a->number);
	event(a, out, "message_start",
	    json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:[], s:n, s:n, s:{s:i, s:i, s:i, s:i}}}", "type", "message_start", "message",
	        "id", id, "type", "message", "role", "assistant", "model", "fake-model", "content", "stop_reason", "stop_sequence",
	        "usage", "input_tokens", (int)a->input_tokens, "cache_creation_input_tokens", 0, "cache_read_input_tokens", 0,
	        "output_tokens", 1));
	snprintf(id, sizeof id, "toolu_fake%lu", a->number);
	json_t *block = a->tool ? json_pack("{s:s, s:s, s:s, s:{}}", "type", "tool_use", "id", id, "name", a->tool_name, "input")
	                        : json_pack("{s:s, s:s}", "type", "text", "text", "");
	event(a, out, "content_block_start",
	    json_pack("{s:s, s:i, s:o}", "type", "content_block_start", "index", 0, "content_block", block));
	event(a, out, "ping", json_pack("{s:s}", "type", "ping"));
}

static void delta(struct answer *a, struct kit_buf *out, const char *s, size_t n)
{
	if (a->openai && a->tool)
		event(a, out, "",
		    openai_chunk(
		        a, json_pack("{s:[{s:i, s:{s:s%}}]}", "tool_calls", "index", 0, "function", "arguments", s, n), NULL));
	else if (a->openai)
		event(a, out, "", openai_chunk(a, json_pack("{s:s%}", "content", s, n), NULL));
	else
		event(a, out, "content_block_delta",
		    json_pack("{s:s, s:i, s:{s:s, s:s%}}", "type", "content_block_delta", "index", 0, "delta", "type",
		        a->tool ? "input_json_delta" : "text_delta", a->tool ? "partial_json" : "text", s, n));
}

static int output_tokens(const struct answer *a)
{
	return (int)(a->text.n / 4 + 1);
}

static void end(struct answer *a, struct kit_buf *out)
{
	if (a->openai) {
		event(a, out, "", openai_chunk(a, json_object(), *a->stop != '\0' ? a->stop : a->tool ? "tool_calls" : "stop"));
		if (a->usage)
			event(a, out, "",
			    json_pack("{s:s, s:s, s:i, s:s, s:[], s:{s:i, s:i, s:i}}", "id", "chatcmpl-fake", "object",
			        "chat.completion.chunk", "created", 1790000000, "model", "fake-model", "choices", "usage",
			        "prompt_tokens", (int)a->input_tokens, "completion_tokens", output_tokens(a), "total_tokens",
			        (int)a->input_tokens + output_tokens(a)));
		kit_adds(out, "data: [DONE]\n\n");
		return;
	}
	event(a, out, "content_block_stop", json_pack("{s:s, s:i}", "type", "content_block_stop", "index", 0));
	event(a, out, "message_delta",
	    json_pack("{s:s, s:{s:s, s:n}, s:{s:i}}", "type", "message_delta", "delta", "stop_reason",
	        *a->stop != '\0' ? a->stop
	            : a->tool    ? "tool_use"
	                         : "end_turn",
	        "stop_sequence", "usage", "output_tokens", output_tokens(a)));
	event(a, out, "message_stop", json_pack("{s:s}", "type", "message_stop"));
}

static void whole(struct answer *a)
{
	char id[40];
	json_t *o;
	snprintf(id, sizeof id, "%s_fake%lu", a->openai ? "chatcmpl" : "msg", a->number);
	if (a->openai) {
		json_t *m = a->tool
		    ? json_pack("{s:s, s:n, s:[{s:s, s:s, s:{s:s, s:s}}]}", "role", "assistant", "content", "tool_calls", "id",
		          "call_fake", "type", "function", "function", "name", a->tool_name, "arguments", a->text.p)
		    : json_pack("{s:s, s:s}", "role", "assistant", "content", a->text.p);
		o = json_pack("{s:s, s:s, s:i, s:s, s:[{s:i, s:o, s:s}], s:{s:i, s:i, s:i}}", "id", id, "object", "chat.completion",
		    "created", 1790000000, "model", "fake-model", "choices", "index", 0, "message", m, "finish_reason",
		    *a->stop != '\0' ? a->stop
		        : a->tool    ? "tool_calls"
		                     : "stop",
		    "usage", "prompt_tokens", (int)a->input_tokens, "completion_tokens", output_tokens(a), "total_tokens",
		    (int)a->input_tokens + output_tokens(a));
	} else {
		json_t *args = a->tool ? json_loads(a->text.p, 0, NULL) : NULL;
		json_t *block = a->tool ? json_pack("{s:s, s:s, s:s, s:o}", "type", "tool_use", "id", "toolu_fake", "name",
		                              a->tool_name, "input", args != NULL ? args : json_object())
		                        : json_pack("{s:s, s:s}", "type", "text", "text", a->text.p);
		o = json_pack("{s:s, s:s, s:s, s:s, s:[o], s:s, s:n, s:{s:i, s:i}}", "id", id, "type", "message", "role",
		    "assistant", "model", "fake-model", "content", block, "stop_reason",
		    *a->stop != '\0' ? a->stop
		        : a->tool    ? "tool_use"
		                     : "end_turn",
		    "stop_sequence", "usage", "input_tokens", (int)a->input_tokens, "output_tokens", output_tokens(a));
	}
	kit_reply_json(a->conn, 200, "request-id: req_fake\r\n", o);
}

/* ---- one answer in time ---- */
static void answer_free(struct answer *a, bool good)
{
	answered += good;
	failed += !good;
	open_now--;
	kit_buf_done(&a->text);
	free(a);
}

static void fault(struct answer *a, struct kit_buf *out)
{
	switch (a->fault) {
	case FAULT_ERROR:
		if (a->openai)
			kit_adds(out,
			    "data: {\"error\":{\"message\":\"The server is overloaded\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n");
		else
			kit_adds(out,
			    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n");
		kit_stream_write(a->conn, out->p, out->n);
		kit_stream_end(a->conn);
		break;
	case FAULT_GARBAGE:
		kit_adds(out, "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",,,\n\n");
		kit_stream_write(a->conn, out->p, out->n);
		kit_stream_end(a->conn);
		break;
	case FAULT_SILENCE:
		kit_stream_write(a->conn, out->p, out->n);
		break;
	case FAULT_CUT:
	case FAULT_NONE:
		kit_stream_write(a->conn, out->p, out->n);
		kit_cut(a->conn, false); /* what was written arrives, the end of the chunked body does not */
		break;
	}
	kit_buf_done(out);
	answer_free(a, false);
}

static size_t next_piece(const struct answer *a)
{
	size_t n = a->text.n - a->at < a->piece ? a->text.n - a->at : a->piece;
	while (a->at + n < a->text.n && ((unsigned char)a->text.p[a->at + n] & 0xc0) == 0x80)
		n++;
	return n;
}

static void step(void *arg)
{
	struct answer *a = arg;
	struct kit_buf out = { 0 };
	if (!kit_alive(a->conn)) {
		gone++;
		answer_free(a, false);
		return;
	}
	if (!a->stream) {
		whole(a);
		answer_free(a, true);
		return;
	}
	if (!a->begun) {
		kit_stream_begin(a->conn, 200, "text/event-stream; charset=utf-8", "request-id: req_fake\r\n");
		begin(a, &out);
		a->begun = true;
	}
	do {
		if (a->fault != FAULT_NONE && a->deltas >= a->after) {
			fault(a, &out);
			return;
		}
		if (a->at < a->text.n) {
			size_t n = next_piece(a);
			char now[40];
			if (option.stamp)
				delta(a, &out, now,
				    (size_t)snprintf(now, sizeof now, "t=%llu. ", (unsigned long long)kit_now_us() * 1000));
			else
				delta(a, &out, a->text.p + a->at, n);
			a->at += n;
			a->deltas++;
		}
	} while (a->pace_ms == 0 && (a->at < a->text.n || (a->fault != FAULT_NONE && a->deltas >= a->after)));
	if (a->at < a->text.n || (a->fault != FAULT_NONE && a->deltas >= a->after)) {
		kit_stream_write(a->conn, out.p, out.n);
		kit_buf_done(&out);
		kit_after((uint64_t)a->pace_ms * 1000, step, a);
		return;
	}
	end(a, &out);
	kit_stream_write(a->conn, out.p, out.n);
	kit_stream_end(a->conn);
	kit_buf_done(&out);
	answer_free(a, true);
}

/* ---- what is asked ---- */
static void add_numbers(struct kit_buf *out, const char *s)
{
	for (; (s = strchr(s, '#')) != NULL; s++)
		if (isdigit((unsigned char)s[1]))
			kit_addf(out, " #%lu", strtoul(s + 1, NULL, 10));
}

static void add_user_text(struct kit_buf *out, const json_t *content)
{
	size_t i;
	json_t *block;
	if (json_is_string(content))
		add_numbers(out, json_string_value(content));
	json_array_foreach (content, i, block)
		if (strcmp(kit_str(block, "type", ""), "text") == 0)
			add_numbers(out, kit_str(block, "text", ""));
}

static bool has_tool_call(const json_t *message)
{
	size_t i;
	json_t *block;
	if (json_array_size(json_object_get(message, "tool_calls")) > 0)
		return true;
	json_array_foreach (json_object_get(message, "content"), i, block)
		if (strcmp(kit_str(block, "type", ""), "tool_use") == 0)
			return true;
	return false;
}

/*
 * The number that was asked last before the assistant began to work on it, and all that came in while it used tools: what one run
 * covers.  Earlier questions are other runs' business.
 */
static void default_answer(const json_t *messages, struct kit_buf *out)
{
	size_t n = json_array_size(messages), tools_from = n;
	for (size_t i = n; i > 0; i--) {
		const json_t *m = json_array_get(messages, i - 1);
		if (strcmp(kit_str(m, "role", ""), "assistant") != 0)
			continue;
		if (!has_tool_call(m))
			break;
		tools_from = i - 1;
	}
	struct kit_buf asked = { 0 };
	kit_adds(out, "Answer to");
	for (size_t i = 0; i < n; i++) {
		const json_t *m = json_array_get(messages, i);
		if (strcmp(kit_str(m, "role", ""), "user") == 0)
			add_user_text(i < tools_from ? &asked : out, json_object_get(m, "content"));
		if (i + 1 == tools_from || (i + 1 == n && tools_from == n))
			kit_adds(out, asked.n > 0 ? strrchr(asked.p, ' ') : "");
	}
	kit_buf_done(&asked);
	kit_adds(out, ".");
	static const char *const filler[] = { " The", " deploy", " waits", " for", " one", " review;", " then", " it", " goes",
		" out." };
	for (int64_t i = 0; i < option.words; i++)
		kit_adds(out, filler[i % 10]);
}

static bool is_tool_result(const json_t *messages)
{
	const json_t *last = json_array_get(messages, json_array_size(messages) - 1);
	size_t i;
	json_t *block;
	if (strcmp(kit_str(last, "role", ""), "tool") == 0)
		return true;
	json_array_foreach (json_object_get(last, "content"), i, block)
		if (strcmp(kit_str(block, "type", ""), "tool_result") == 0)
			return true;
	return false;
}

static struct script *script_for(const char *body, bool after_tool)
{
	for (size_t i = 0; i < scripts_len; i++) {
		struct script *s = &scripts[i];
		if (s->times == 0 || strstr(body, s->match) == NULL || (*s->tool != '\0' && after_tool))
			continue;
		if (s->times > 0)
			s->times--;
		return s;
	}
	return NULL;
}

static void keep_request(const struct kit_request *r)
{
	if (!option.keep || requests_len >= REQUESTS_KEPT)
		return;
	requests = realloc(requests, (requests_len + 1) * sizeof *requests);
	if (requests == NULL || (requests[requests_len] = strdup(r->body)) == NULL)
		abort();
	requests_len++;
}

static const char *check(const json_t *body, bool openai)
{
	const json_t *messages = json_object_get(body, "messages");
	size_t i;
	json_t *m;
	const char *before = "";
	if (!json_is_array(messages) || json_array_size(messages) == 0)
		return "messages: field required";
	if (!openai && kit_int(body, "max_tokens", 0) < 1)
		return "max_tokens: field required";
	json_array_foreach (messages, i, m) {
		const char *role = kit_str(m, "role", "");
		bool known = strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0 ||
		    (openai && (strcmp(role, "system") == 0 || strcmp(role, "tool") == 0 || strcmp(role, "developer") == 0));
		if (!known)
			return "messages: unexpected role";
		const json_t *content = json_object_get(m, "content");
		if (!openai && (content == NULL || (json_is_string(content) && json_string_length(content) == 0)))
			return "messages: text content blocks must be non-empty";
		if (openai && strcmp(role, "tool") == 0 && strcmp(before, "assistant") != 0 && strcmp(before, "tool") != 0)
			return "messages with role 'tool' must be a response to a preceding message with 'tool_calls'";
		before = role;
	}
	if (!openai && strcmp(kit_str(json_array_get(messages, 0), "role", ""), "user") != 0)
		return "messages: first message must use the \"user\" role";
	return NULL;
}

static void ask(const struct kit_request *r, bool openai)
{
	char key[200];
	const char *why;
	calls++;
	keep_request(r);
	bool given = kit_header(r, openai ? "authorization" : "x-api-key", key, sizeof key) ||
	    kit_header(r, "authorization", key, sizeof key);
	if ((*option.key != '\0' && strstr(key, option.key) == NULL) || (!openai && !given)) {
		say_error(r->conn, openai, 401, openai ? "invalid_request_error" : "authentication_error", "invalid x-api-key", -1);
		return;
	}
	json_t *body = json_loadb(r->body, r->body_len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *messages = json_object_get(body, "messages");
	if ((why = check(body, openai)) != NULL) {
		say_error(r->conn, openai, 400, "invalid_request_error", why, -1);
		json_decref(body);
		return;
	}
	if (option.window > 0 && r->body_len / 4 > (size_t)option.window) {
		char text[128];
		snprintf(text, sizeof text,
		    openai ? "This model's maximum context length is %lld tokens."
		           : "prompt is too long: 999999 tokens > %lld maximum",
		    (long long)option.window);
		say_error(r->conn, openai, 400, openai ? "context_length_exceeded" : "invalid_request_error", text, -1);
		json_decref(body);
		return;
	}
	struct script *s = script_for(r->body, is_tool_result(messages));
	int status = s != NULL && s->status > 0 ? (int)s->status
	    : kit_random() < option.p429        ? 429
	    : kit_random() < option.p529        ? 529
	    : kit_random() < option.p500        ? 500
	                                        : 200;
	if (status != 200) {
		say_error(r->conn, openai, openai && status == 529 ? 503 : status,
		    status == 429       ? "rate_limit_error"
		        : status == 529 ? "overloaded_error"
		        : status == 500 ? "api_error"
		                        : "invalid_request_error",
		    status == 429       ? "Too many requests"
		        : status == 529 ? "Overloaded"
		                        : "Error on request",
		    s != NULL ? s->retry_after : -1);
		json_decref(body);
		return;
	}
	struct answer *a = calloc(1, sizeof *a);
	if (a == NULL)
		abort();
	a->conn = r->conn;
	a->openai = openai;
	a->number = ++number;
	a->stream = kit_bool(body, "stream", false);
	a->usage = kit_bool(json_object_get(body, "stream_options"), "include_usage", false);
	a->input_tokens = r->body_len / 4;
	a->piece = (size_t)(s != NULL && s->piece > 0 ? s->piece : option.piece);
	a->pace_ms = s != NULL && s->pace_ms >= 0 ? s->pace_ms : option.pace_ms;
	int64_t first_ms = s != NULL && s->first_ms >= 0 ? s->first_ms : option.first_ms;
	if (s != NULL) {
		a->fault = s->fault;
		a->after = s->after;
		memcpy(a->stop, s->stop, sizeof a->stop);
	} else if (a->stream && (kit_random() < option.pcut || kit_random() < option.perror)) {
		a->fault = option.pcut > 0 ? FAULT_CUT : FAULT_ERROR;
		a->after = 2;
	}
	if (s != NULL && *s->tool != '\0') {
		a->tool = true;
		tools++;
		memcpy(a->tool_name, s->tool, sizeof a->tool_name);
		kit_adds(&a->text, s->arguments != NULL ? s->arguments : "{}");
	} else if (s != NULL && s->answer != NULL) {
		kit_adds(&a->text, s->answer);
	} else {
		default_answer(messages, &a->text);
	}
	json_decref(body);
	if (++open_now > open_most)
		open_most = open_now;
	if (first_ms > 0)
		kit_after((uint64_t)first_ms * 1000, step, a);
	else
		step(a);
}

static bool script_add(const json_t *o)
{
	static const char *const names[] = { "none", "error", "cut", "silence", "garbage" };
	if (scripts_len == SCRIPTS_MAX)
		return false;
	struct script *s = &scripts[scripts_len];
	*s = (struct script){ .times = kit_int(o, "times", 1),
		.status = kit_int(o, "status", 0),
		.retry_after = kit_int(o, "retry_after", -1),
		.first_ms = kit_int(o, "first_ms", -1),
		.pace_ms = kit_int(o, "pace_ms", -1),
		.piece = kit_int(o, "piece", 0),
		.after = kit_int(o, "after", 0) };
	bool found = false;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], kit_str(o, "fault", "none")) == 0) {
			s->fault = (enum fault)i;
			found = true;
		}
	if (!found)
		return false;
	snprintf(s->match, sizeof s->match, "%s", kit_str(o, "match", ""));
	snprintf(s->tool, sizeof s->tool, "%s", kit_str(o, "tool", ""));
	snprintf(s->stop, sizeof s->stop, "%s", kit_str(o, "stop", ""));
	s->answer = kit_str(o, "answer", NULL) != NULL ? strdup(kit_str(o, "answer", "")) : NULL;
	const json_t *arguments = json_object_get(o, "arguments");
	s->arguments = json_is_string(arguments) ? strdup(json_string_value(arguments))
	    : arguments != NULL                  ? json_dumps(arguments, JSON_COMPACT)
	                                         : NULL;
	scripts_len++;
	return true;
}

static void options(const json_t *o)
{
	option.first_ms = kit_int(o, "first_ms", option.first_ms);
	option.pace_ms = kit_int(o, "pace_ms", option.pace_ms);
	option.piece = kit_int(o, "piece", option.piece);
	option.words = kit_int(o, "words", option.words);
	option.window = kit_int(o, "window", option.window);
	option.p429 = kit_num(o, "p429", option.p429);
	option.p529 = kit_num(o, "p529", option.p529);
	option.p500 = kit_num(o, "p500", option.p500);
	option.pcut = kit_num(o, "pcut", option.pcut);
	option.perror = kit_num(o, "perror", option.perror);
	option.keep = kit_bool(o, "keep", option.keep);
	option.stamp = kit_bool(o, "stamp", option.stamp);
	if (kit_str(o, "key", NULL) != NULL)
		snprintf(option.key, sizeof option.key, "%s", kit_str(o, "key", ""));
}

static json_t *kept_requests(const struct kit_request *r)
{
	char from[24];
	kit_query(r, "from", from, sizeof from);
	json_t *a = json_array();
	for (size_t i = strtoul(from, NULL, 10); i < requests_len; i++) {
		json_t *o = json_loads(requests[i], 0, NULL);
		json_array_append_new(a, o != NULL ? o : json_null());
	}
	return a;
}

static void control(const struct kit_request *r, const char *what)
{
	json_t *a = r->body_len > 0 ? json_loadb(r->body, r->body_len, 0, NULL) : json_object(), *out = NULL;
	bool ok = a != NULL;
	if (ok && strcmp(what, "script") == 0)
		ok = script_add(a);
	else if (ok && strcmp(what, "options") == 0)
		options(a);
	else if (ok && strcmp(what, "clear") == 0)
		scripts_len = 0;
	else if (ok && strcmp(what, "requests") == 0)
		out = kept_requests(r);
	else if (ok && strcmp(what, "state") == 0)
		out = json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "calls", (int)calls, "answered", (int)answered, "failed",
		    (int)failed, "tools", (int)tools, "gone", (int)gone, "open", (int)open_now, "open_most", (int)open_most);
	else
		ok = false;
	json_decref(a);
	kit_reply_json(r->conn, ok ? 200 : 400, NULL, out != NULL ? out : json_pack("{s:b}", "ok", ok));
}

static void on_request(const struct kit_request *r)
{
	size_t n = strlen(r->path);
	bool messages = n >= 9 && strcmp(r->path + n - 9, "/messages") == 0;
	bool chat = n >= 17 && strcmp(r->path + n - 17, "/chat/completions") == 0;
	if (strncmp(r->path, "/control/", 9) == 0)
		control(r, r->path + 9);
	else if (messages || chat)
		ask(r, chat);
	else if (n >= 7 && strcmp(r->path + n - 7, "/models") == 0) {
		json_t *m = json_pack(
		    "{s:s, s:s, s:i, s:s}", "id", "fake-model", "object", "model", "created", 1790000000, "owned_by", "fake");
		if (option.window > 0)
			json_object_set_new(m, "max_model_len", json_integer(option.window));
		kit_reply_json(r->conn, 200, NULL, json_pack("{s:s, s:[o]}", "object", "list", "data", m));
	} else
		kit_reply_json(
		    r->conn, 404, NULL, json_pack("{s:{s:s, s:s}}", "error", "type", "not_found_error", "message", "not here"));
}

int main(int argc, char **argv)
{
	json_t *o = kit_options(argc, argv, "model [--port=N] [--OPTION=VALUE ...]");
	int port = kit_listen((int)kit_int(o, "port", 0), on_request);
	options(o);
	kit_announce("model", port);
	kit_run();
	return 0;
}
