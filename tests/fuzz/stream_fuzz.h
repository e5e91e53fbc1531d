#ifndef EDDY_FUZZ_STREAM_FUZZ_H
#define EDDY_FUZZ_STREAM_FUZZ_H

/* A whole streamed answer, from the bytes of the event stream to what reaches a caller.  The includer names STREAM_EVENT, the dialect's reader. */
#include <stdint.h>
#include <stdlib.h>

#include "../../adapters/model/answer.h"
#include "../../adapters/model/scan.h"
#include "../../adapters/model/sse.h"
#include "../../core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	int last;
	size_t text;
};

/* What reaches a caller is valid UTF-8, tool arguments are JSON objects, and one event ends it. */
static void on_event(void *arg, const struct model_event *ev)
{
	struct seen *s = arg;
	if (s->last)
		abort();
	if (ev->text_len > 0 && !utf8_valid(ev->text, ev->text_len))
		abort();
	if (ev->kind == MODEL_TEXT)
		s->text += ev->text_len;
	if (ev->kind == MODEL_TOOL_CALL &&
	    (!scan_is_object(ev->text, ev->text_len) || ev->tool_name[0] == '\0' || ev->tool_id[0] == '\0'))
		abort();
	if (s->text > ANSWER_TEXT_MAX)
		abort();
	s->last = ev->kind == MODEL_STOP || ev->kind == MODEL_FAILED;
}

static bool on_sse(void *arg, const char *event, const char *data, size_t n)
{
	struct answer *a = arg;
	(void)event;
	if (n > 0)
		STREAM_EVENT(a, data, n);
	return !answer_over(a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = { 0 };
	struct answer a = { .fn = on_event, .arg = &seen };
	struct sse s = { 0 };
	if (size == 0)
		return 0;
	sse_feed(&s, (const char *)data, size, on_sse, &a);
	answer_flush(&a);
	answer_finish(&a, &(struct model_usage){ 0 });
	if (!seen.last)
		abort();
	answer_done(&a);
	sse_done(&s);
	return 0;
}

#endif
