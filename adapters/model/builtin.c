/*
 * The provider's outside.  A call is copied at start, worked on in one go on the http thread and freed with its last event; there is
 * nothing to wait for.  It keeps no state between calls: the second turn of a run finds the question and the results of its own
 * tool calls (their ids begin with "builtin_") in the request.
 */
#include "builtin.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "../../core/base/utf8.h"
#include "../net/http.h"
#include "builtin_internal.h"

#define ID_PREFIX "builtin_"
#define RESULTS_MAX 4
#define QUESTION_MAX 4000

struct builtin {
	struct model port;
	struct http *http;
};
struct model_call {
	struct ask ask;
	char *results[RESULTS_MAX];
	size_t results_len;
	bool can_search, introduced;
	atomic_bool cancelled;
	model_event_fn fn;
	void *arg;
};

static void call_free(struct model_call *c)
{
	for (size_t i = 0; i < c->results_len; i++)
		free(c->results[i]);
	free(c);
}

static void end(struct model_call *c, enum model_stop stop)
{
	struct model_event ev = { .kind = MODEL_STOP, .stop = stop, .usage = { .provider = "builtin", .model = "builtin" } };
	if (atomic_load(&c->cancelled)) {
		ev.kind = MODEL_FAILED;
		ev.fail = FAIL_CANCELLED;
		ev.why = "cancelled";
	}
	c->fn(c->arg, &ev);
	call_free(c);
}

static void work(void *arg)
{
	struct model_call *c = arg;
	struct buf b = BUF_INIT;
	const char *const *results = (const char *const *)c->results;
	if (atomic_load(&c->cancelled)) {
		end(c, STOP_END);
		return;
	}
	const char *tool = c->can_search ? builtin_next(&c->ask, results, c->results_len, &b) : NULL;
	if (tool != NULL) {
		char id[32];
		snprintf(id, sizeof id, ID_PREFIX "%zu", c->results_len + 1);
		struct model_event ev = {
			.kind = MODEL_TOOL_CALL, .tool_id = id, .tool_name = tool, .text = b.p, .text_len = b.len
		};
		c->fn(c->arg, &ev);
		buf_done(&b);
		end(c, STOP_TOOLS);
		return;
	}
	builtin_say(&c->ask, results, c->results_len, &b);
	bool said = c->introduced || memmem(b.p, b.len, BUILTIN_NO_MODEL, strlen(BUILTIN_NO_MODEL)) != NULL;
	if (!said && c->results_len > 0)
		buf_add_str(&b, "\n_" BUILTIN_SIGNATURE ": I quote what people wrote._\n");
	while (b.len > 0 && b.p[b.len - 1] == '\n')
		buf_truncate(&b, b.len - 1);
	struct model_event ev = { .kind = MODEL_TEXT, .text = b.p, .text_len = b.len };
	c->fn(c->arg, &ev);
	buf_done(&b);
	end(c, STOP_END);
}

static bool can_search(const struct model_request *r)
{
	bool search = false, read = false;
	for (size_t i = 0; i < r->tools_len; i++) {
		search |= strcmp(r->tools[i].name, "search_messages") == 0;
		read |= strcmp(r->tools[i].name, "read_message") == 0;
	}
	return search && read;
}

static struct model_call *start(struct model *m, const struct model_request *r, model_event_fn fn, void *arg)
{
	struct model_call *c = xcalloc(1, sizeof *c);
	c->fn = fn;
	c->arg = arg;
	c->can_search = can_search(r);
	size_t last = r->messages_len;
	for (size_t i = 0; i < r->messages_len; i++) {
		const struct model_message *msg = &r->messages[i];
		if (msg->role == ROLE_USER)
			last = i;
		if (msg->role == ROLE_ASSISTANT &&
		    memmem(msg->text, msg->text_len, BUILTIN_SIGNATURE, strlen(BUILTIN_SIGNATURE)) != NULL)
			c->introduced = true;
	}
	if (last < r->messages_len)
		builtin_ask(
		    r->messages[last].text, utf8_clip(r->messages[last].text, r->messages[last].text_len, QUESTION_MAX), &c->ask);
	else
		c->ask.kind = ASK_NOTHING;
	for (size_t i = last + 1; i < r->messages_len && c->results_len < RESULTS_MAX; i++) {
		const struct model_message *msg = &r->messages[i];
		if (msg->role == ROLE_TOOL_RESULT && msg->tool_id != NULL &&
		    strncmp(msg->tool_id, ID_PREFIX, strlen(ID_PREFIX)) == 0)
			c->results[c->results_len++] = msg->tool_failed ? xstrdup("failed") : xstrndup(msg->text, msg->text_len);
	}
	if (!http_post(((struct builtin *)(void *)m)->http, work, c)) {
		call_free(c);
		return NULL;
	}
	return c;
}

static void cancel(struct model *m, struct model_call *c)
{
	(void)m;
	atomic_store(&c->cancelled, true);
}

static int64_t worst_cost(struct model *m, const char *model, uint32_t input_tokens, uint32_t max_tokens)
{
	(void)m, (void)model, (void)input_tokens, (void)max_tokens;
	return 0;
}

static uint32_t window(struct model *m, const char *model)
{
	(void)m, (void)model;
	return 32768;
}

static bool available(struct model *m)
{
	(void)m;
	return true;
}

static void describe(struct model *m, char *out, size_t n)
{
	(void)m;
	snprintf(out, n, "builtin search (no model connected)");
}

static const struct model_ops builtin_ops = {
	.name = "builtin",
	.start = start,
	.cancel = cancel,
	.worst_cost = worst_cost,
	.window = window,
	.available = available,
	.describe = describe,
};

struct model *builtin_open(struct http *h)
{
	struct builtin *b = xcalloc(1, sizeof *b);
	b->port.ops = &builtin_ops;
	b->http = h;
	return &b->port;
}

void builtin_close(struct model *m)
{
	free(m);
}
