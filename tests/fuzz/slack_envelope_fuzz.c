/* A Socket Mode frame from outside: decoded, turned into an intent, its origin read back. */
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/slack/dialog.h"
#include "../../adapters/slack/intents.h"
#include "../../adapters/slack/origin.h"
#include "../../core/base/utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok)
{
	if (!ok)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static struct wire w;
	static struct intents c = { .team_id = "T1", .self_user = "UEDDY", .self_bot = "BEDDY", .self_name = "eddy" };
	struct slack_event ev;
	struct intent in;
	struct intents_extra x = { .now_ms = 1760000000000 };
	struct origin o;
	char *frame = malloc(n + 1);
	if (!frame)
		return 0;
	memcpy(frame, data, n);
	frame[n] = '\0';
	wire_decode(&w, frame, n, &ev);
	if (ev.kind != FRAME_BAD && intents_build(&c, &ev, &x, &in)) {
		must(in.source_key != NULL);
		must(in.text_len == 0 || utf8_valid(in.text, in.text_len));
		must(in.text_len <= INTENT_TEXT_MAX && in.files_len <= INTENT_FILES_MAX);
		must(in.origin_len == 0 || origin_unpack(in.origin, in.origin_len, &o));
	}
	memcpy(frame, data, n);
	wire_decode(&w, frame, n, &ev);
	if (intents_points(&ev) && intents_pointed(&c, &ev, &x, &in)) {
		struct buf view = BUF_INIT;
		must(in.text_len == 0 || utf8_valid(in.text, in.text_len));
		dialog_fork_view(&ev, in.text, in.text_len, &view);
		json_t *o2 = json_loadb(view.p, view.len, JSON_REJECT_DUPLICATES, NULL);
		must(o2 != NULL);
		json_decref(o2);
		buf_done(&view);
	}
	struct buf wrong = BUF_INIT;
	(void)dialog_fits(&ev, &wrong);
	buf_done(&wrong);
	(void)intents_deleted_ts(&ev);
	memcpy(frame, data, n);
	wire_decode_history(&w, frame, n, "T1", "C1", "im", &ev);
	memcpy(frame, data, n);
	(void)origin_unpack(frame, n, &o);
	free(frame);
	return 0;
}
