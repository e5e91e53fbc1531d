/*
 * The registry and the gate in front of every tool: size, JSON, schema, then the run.  What a tool gives back is capped here once
 * more, at a character's edge; tools that write JSON keep below the cap themselves.
 */
#include "tools.h"

#include <string.h>

#include "../base/buf.h"
#include "../base/json.h"
#include "../base/utf8.h"
#include "schema.h"

const struct tool *const tools[] = { &tool_search_messages, &tool_read_message, &tool_propose_memory, &tool_tracker, NULL };

const struct tool *tool_find(const char *name)
{
	for (size_t i = 0; name != NULL && tools[i] != NULL; i++) {
		if (strcmp(tools[i]->name, name) == 0)
			return tools[i];
	}
	return NULL;
}

enum err tool_run(const struct tool *t, const struct tool_context *ctx, const char *args, size_t n, struct buf *out)
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
	} else {
		e = t->run(ctx, args, n, out);
	}
	json_decref(schema);
	json_decref(value);
	buf_reserve(out, 1);
	if (out->len - start > TOOL_RESULT_MAX)
		buf_truncate(out, start + utf8_clip(out->p + start, out->len - start, TOOL_RESULT_MAX));
	return e;
}
