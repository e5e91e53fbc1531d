#ifndef EDDY_MODEL_SSE_H
#define EDDY_MODEL_SSE_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/base/buf.h"

/*
 * Server-sent events (the "event stream" of the HTML standard): bytes in, whole events out, whatever way the bytes are cut.
 * Comments, id and retry are taken and dropped.
 */
#define SSE_EVENT_MAX ((size_t)1024 * 1024) /* bytes of one event */
struct sse {
	struct buf line; /* the beginning of a line whose end has not come */
	struct buf data; /* data lines of the event so far, each with its \n */
	char event[40];
	bool began, skip_lf, over;
};
/** ${event} is "" where the stream names none; ${data} is not terminated.  false: stop parsing. */
typedef bool (*sse_fn)(void *arg, const char *event, const char *data, size_t n);
/** False: an event was larger than SSE_EVENT_MAX, or ${fn} said stop; the rest of the stream must not be fed. */
bool sse_feed(struct sse *s, const char *p, size_t n, sse_fn fn, void *arg);
void sse_done(struct sse *s);

#endif
