/*
 * What people type up to the first empty line, and after it what a tool gave back: command, question, tool call and answer must
 * stay whole whatever the bytes are.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/model/builtin_internal.h"
#include "../../core/base/buf.h"
#include "../../core/base/json.h"
#include "../../core/engine/command.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 20000)
		return 0;
	char *text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';
	char *gap = memmem(text, size, "\n\n", 2);
	size_t n = gap != NULL ? (size_t)(gap - text) : size;
	const char *result = gap != NULL ? gap + 2 : "{}";
	command_recognise(text, n);
	struct ask ask;
	builtin_ask(text, n, &ask);
	struct buf args = BUF_INIT, md = BUF_INIT;
	if (builtin_next(&ask, NULL, 0, &args) != NULL) {
		json_t *root = NULL;
		if (json_parse(args.p, args.len, 16384, &root, NULL) != ERR_NONE)
			abort(); /* a tool call is always valid JSON */
		json_decref(root);
	}
	buf_reset(&args);
	builtin_next(&ask, &result, 1, &args);
	builtin_say(&ask, &result, 1, &md);
	buf_done(&args);
	buf_done(&md);
	free(text);
	return 0;
}
