/*
 * The registry and the gate in front of every tool: size, JSON, schema, then the run.  What a tool gives back is capped here once
 * more, at a character's edge; tools that write JSON keep below the cap themselves.
 */
#include "tools.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/json.h"
#include "../base/utf8.h"
#include "schema.h"

const struct tool *const tools[] = { &tool_search_messages, &tool_read_message, &tool_propose_memory, &tool_tracker,
	&tool_send_message, NULL };

const struct tool *tool_find(const char *name)
{
	for (size_t i = 0; name != NULL && tools[i] != NULL; i++) {
		if (strcmp(tools[i]->name, name) == 0)
			return tools[i];
	}
	return NULL;
}

/* ${act} NULL: it is run. */
static enum err call(
    const struct tool *t, const struct tool_context *ctx, const char *args, size_t n, struct tool_act *act, struct buf *out)
{
	size_t start = out->len;
	char why[200];
	json_t *schema = NULL, *value = NULL;
	enum err e = ERR_INPUT;
	if (n == 0) {
		args = "{}";
		n = 2;
	}
	if (json_parse(t->schema, strlen(t->schema), TOOL_ARGS_MAX, &schema, why) != ERR_NONE) {
		e = ERR_BROKEN;
		buf_add_str(out, "This tool is broken.");
	} else if (json_parse(args, n, TOOL_ARGS_MAX, &value, why) != ERR_NONE) {
		buf_addf(out, "The arguments are not valid JSON: %s", why);
	} else if (!schema_check(schema, value, why)) {
		buf_addf(out, "The arguments do not fit: %s", why);
	} else if (act != NULL ? t->plan == NULL : t->run == NULL) {
		buf_add_str(out, "This tool needs somebody's approval, and cannot ask for it.");
	} else {
		e = act != NULL ? t->plan(ctx, args, n, act, out) : t->run(ctx, args, n, out);
	}
	json_decref(schema);
	json_decref(value);
	buf_reserve(out, 1);
	if (out->len - start > TOOL_RESULT_MAX)
		buf_truncate(out, start + utf8_clip(out->p + start, out->len - start, TOOL_RESULT_MAX));
	return e;
}

enum err tool_run(const struct tool *t, const struct tool_context *ctx, const char *args, size_t n, struct buf *out)
{
	return call(t, ctx, args, n, NULL, out);
}

enum err tool_plan(
    const struct tool *t, const struct tool_context *ctx, const char *args, size_t n, struct tool_act *act, struct buf *out)
{
	memset(act, 0, sizeof(*act));
	enum err e = call(t, ctx, args, n, act, out);
	if (e != ERR_NONE)
		tool_act_done(act);
	return e;
}

void tool_act_done(struct tool_act *a)
{
	free(a->args);
	free(a->text);
	memset(a, 0, sizeof(*a));
}
