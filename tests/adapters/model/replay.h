#ifndef EDDY_TESTS_MODEL_REPLAY_H
#define EDDY_TESTS_MODEL_REPLAY_H

/*
 * Reads a recorded stream cut at chosen places and writes down what a caller of the port would see:
 * "text|call:id name args|stop 0 in=1 out=2" or "text|fail 2: why".  Text is one piece however it was cut.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/model/answer.h"
#include "../../../adapters/model/sse.h"

typedef void (*replay_reader)(struct answer *a, const char *data, size_t n);

struct replay {
	struct buf seen;
	struct answer answer;
	replay_reader read;
};

static inline void replay_on_event(void *arg, const struct model_event *ev)
{
	struct replay *r = arg;
	switch (ev->kind) {
	case MODEL_TEXT:
		buf_add(&r->seen, ev->text, ev->text_len);
		break;
	case MODEL_TOOL_CALL:
		buf_addf(&r->seen, "|call:%s %s %.*s", ev->tool_id, ev->tool_name, (int)ev->text_len, ev->text);
		break;
	case MODEL_STOP:
		buf_addf(&r->seen, "|stop %d", (int)ev->stop);
		break;
	case MODEL_FAILED:
		buf_addf(&r->seen, "|fail %d: %s", (int)ev->fail, ev->why);
		break;
	}
}

static inline bool replay_on_sse(void *arg, const char *event, const char *data, size_t n)
{
	struct replay *r = arg;
	(void)event;
	if (n > 0)
		r->read(&r->answer, data, n);
	return !answer_over(&r->answer);
}

/* Each piece is a copy of its own size, so that reading beyond it is seen. */
static inline void replay_feed(struct replay *r, struct sse *s, const char *p, size_t n, bool *open)
{
	if (n == 0 || !*open)
		return;
	char *copy = malloc(n);
	memcpy(copy, p, n);
	*open = sse_feed(s, copy, n, replay_on_sse, r);
	answer_flush(&r->answer);
	free(copy);
}

/* ${cut}: the first piece's length; ${every} > 0: pieces of this size instead. */
static inline char *replay_run(replay_reader read, const char *stream, size_t n, size_t cut, size_t every)
{
	struct replay r = { .read = read };
	struct sse s = { 0 };
	bool open = true;
	r.answer.fn = replay_on_event;
	r.answer.arg = &r;
	buf_add_str(&r.seen, "");
	if (every > 0) {
		for (size_t i = 0; i < n; i += every)
			replay_feed(&r, &s, stream + i, n - i < every ? n - i : every, &open);
	} else {
		replay_feed(&r, &s, stream, cut, &open);
		replay_feed(&r, &s, stream + cut, n - cut, &open);
	}
	if (!answer_over(&r.answer))
		buf_add_str(&r.seen, "|open");
	else
		answer_finish(&r.answer, &(struct model_usage){ 0 });
	if (r.answer.input_known || r.answer.output_known)
		buf_addf(&r.seen, " in=%u out=%u", r.answer.input_tokens, r.answer.output_tokens);
	answer_done(&r.answer);
	sse_done(&s);
	return buf_detach(&r.seen, NULL);
}

/* The same whatever way it is cut; with LF, CR LF and CR as line ends. */
static inline void replay_check(replay_reader read, const char *stream, const char *want)
{
	static const char *const ends[] = { "\n", "\r\n", "\r" };
	for (int e = 0; e < 3; e++) {
		struct buf b = BUF_INIT;
		for (const char *p = stream; *p; p++) {
			if (*p == '\n')
				buf_add_str(&b, ends[e]);
			else
				buf_add_char(&b, *p);
		}
		for (size_t cut = 0; cut <= b.len; cut++) {
			char *got = replay_run(read, b.p, b.len, cut, 0);
			assert_string_equal(got, want);
			free(got);
		}
		for (size_t every = 1; every < 8; every++) {
			char *got = replay_run(read, b.p, b.len, 0, every);
			assert_string_equal(got, want);
			free(got);
		}
		buf_done(&b);
	}
}

#endif
