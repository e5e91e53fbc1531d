/* JSON from outside, and our escaper: what was read can be written and read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	json_t *j = NULL, *again = NULL;
	char why[160] = "";
	enum err e = json_parse((const char *)data, n, 1 << 20, &j, why);
	must(e == ERR_NONE ? j != NULL : e == ERR_INPUT && !j && *why);
	if (j) {
		char *text = json_dumps(j, JSON_COMPACT);
		must(text && json_parse(text, strlen(text), SIZE_MAX, &again, NULL) == ERR_NONE && json_equal(j, again));
		free(text);
		json_decref(again);
		json_decref(j);
	}
	/* Any bytes at all make a sound string. */
	struct buf b = BUF_INIT;
	buf_add_str(&b, "[\"");
	buf_add_json(&b, (const char *)data, n);
	buf_add_str(&b, "\"]");
	must(json_parse(b.p, b.len, SIZE_MAX, &j, NULL) == ERR_NONE);
	json_decref(j);
	buf_done(&b);
	return 0;
}
