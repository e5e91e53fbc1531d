/*
 * What reading one streamed answer costs: the scanner the adapters use against building a tree (jansson) of each event and taking the
 * text out of it.  No network: the bytes of a typical answer are fed again and again.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../adapters/model/anthropic.h"
#include "../../adapters/model/answer.h"
#include "../../adapters/model/openai.h"
#include "../../adapters/model/sse.h"
#include "../../core/base/clock.h"

#define ROUNDS 20000
#define DELTAS 16

static size_t seen;

static void on_event(void *arg, const struct model_event *ev)
{
	(void)arg;
	seen += ev->text_len;
}

static bool by_scan(void *arg, const char *event, const char *data, size_t n)
{
	(void)event;
	anthropic_event(arg, data, n);
	return true;
}

static bool by_scan_openai(void *arg, const char *event, const char *data, size_t n)
{
	(void)event;
	openai_event(arg, data, n);
	return true;
}

static bool by_tree(void *arg, const char *event, const char *data, size_t n)
{
	(void)event;
	(void)arg;
	json_t *o = json_loadb(data, n, JSON_REJECT_DUPLICATES, NULL);
	const char *text = json_string_value(json_object_get(json_object_get(o, "delta"), "text"));
	if (text && strcmp(json_string_value(json_object_get(o, "type")), "content_block_delta") == 0)
		seen += strlen(text);
	json_decref(o);
	return true;
}

static double run(const struct buf *stream, sse_fn fn)
{
	uint64_t t = clock_us();
	for (int i = 0; i < ROUNDS; i++) {
		struct answer a = { .fn = on_event };
		struct sse s = { 0 };
		sse_feed(&s, stream->p, stream->len, fn, &a);
		if (fn != by_tree) {
			answer_flush(&a);
			answer_finish(&a, &(struct model_usage){ 0 });
		}
		answer_done(&a);
		sse_done(&s);
	}
	return (double)(clock_us() - t) / ROUNDS;
}

int main(void)
{
	struct buf a = BUF_INIT, o = BUF_INIT;
	buf_add_str(&a,
	    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
	    "\"m\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":900,\"output_tokens\":1}}}\n\n");
	for (int i = 0; i < DELTAS; i++) {
		buf_add_str(&a,
		    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
		    "\"the deploy failed because a migration \"}}\n\n");
		buf_add_str(&o,
		    "data: {\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"m\",\"choices\":[{\"index\":0,"
		    "\"delta\":{\"content\":\"the deploy failed because a migration \"},\"finish_reason\":null}]}\n\n");
	}
	buf_add_str(&a,
	    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\nevent: message_delta\ndata: {\"type\":\"message_delta\","
	    "\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":60}}\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
	buf_add_str(&o, "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
	double scan = run(&a, by_scan), openai = run(&o, by_scan_openai), tree = run(&a, by_tree);
	printf("one answer of %d deltas: anthropic %.1f us, openai %.1f us; anthropic with a tree per event %.1f us (%.1f times)\n",
	    DELTAS, scan, openai, tree, tree / scan);
	buf_done(&a);
	buf_done(&o);
	return seen > 0 ? 0 : 1;
}
