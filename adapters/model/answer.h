#ifndef EDDY_MODEL_ANSWER_H
#define EDDY_MODEL_ANSWER_H

#include "../../core/base/buf.h"
#include "../../core/ports.h"

struct scan_str;

/*
 * An answer in the making: what the readers of both provider dialects fill in and the caller of a model port gets to see.
 * Text is gathered and handed on by answer_flush(), so one packet with many small deltas is one MODEL_TEXT event.  Tool calls are
 * kept back until the answer is known to be whole, so nobody acts on half an answer.
 */
#define ANSWER_TEXT_MAX ((size_t)256 * 1024)
#define ANSWER_ARGS_MAX ((size_t)64 * 1024)
#define ANSWER_TOOLS_MAX 32

struct answer_tool {
	int64_t index; /* the provider's */
	char id[96], name[72];
	struct buf args;
};
struct answer {
	model_event_fn fn;
	void *arg;
	struct buf text;   /* not handed on yet */
	size_t text_bytes; /* in all */
	struct answer_tool *tools;
	size_t tools_len;
	bool stop_known, whole; /* the provider said why it stopped; said that this was all */
	enum model_stop stop;
	bool failed;
	enum model_fail fail;
	char why[200];
	uint32_t retry_after_ms;
	uint32_t input_tokens, cached_tokens, written_tokens, output_tokens;
	bool input_known, output_known;
};
void answer_text(struct answer *a, const struct scan_str *s);
/** The tool call with this index; made when new.  NULL: too many (the answer has failed then). */
struct answer_tool *answer_tool(struct answer *a, int64_t index);
void answer_args(struct answer *a, struct answer_tool *t, const struct scan_str *s);
void answer_args_raw(struct answer *a, struct answer_tool *t, const char *p, size_t n);
void answer_stop(struct answer *a, enum model_stop stop);
/** The first failure counts. */
void answer_fail(struct answer *a, enum model_fail fail, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/** Hands on the text gathered so far. */
void answer_flush(struct answer *a);
/** True: no more bytes are wanted (failed, whole, or as long as an answer may be). */
bool answer_over(const struct answer *a);
/**
 * The last event(s): tool calls and STOP, or FAILED.  ${usage} with provider, model, times, cost and the estimate for what the
 * provider did not say is the caller's to fill.
 */
void answer_finish(struct answer *a, const struct model_usage *usage);
void answer_done(struct answer *a);

#endif
