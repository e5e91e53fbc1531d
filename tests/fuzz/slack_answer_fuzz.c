/* Web API answers: whatever comes, the fields are terminated; and what a real parser calls an object with ok, we read the same. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/slack/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slack_answer a;
	bool read = slack_answer_read((const char *)data, size, &a);
	if (!memchr(a.error, 0, sizeof a.error) || !memchr(a.warning, 0, sizeof a.warning) || !memchr(a.ts, 0, sizeof a.ts))
		abort();
	json_t *o = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *ok = json_object_get(o, "ok");
	/* Keys with escapes are the one difference that we accept; Slack has none. */
	if (json_is_boolean(ok) && !memchr(data, '\\', size) && (!read || a.ok != json_is_true(ok)))
		abort();
	json_decref(o);
	return 0;
}
