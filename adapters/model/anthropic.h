#ifndef EDDY_MODEL_ANTHROPIC_H
#define EDDY_MODEL_ANTHROPIC_H

#include "../../core/ports.h"

struct answer;
struct buf;

/* The Anthropic Messages API (version 2023-06-01), streaming. */
#define ANTHROPIC_VERSION "2023-06-01"
void anthropic_body(struct buf *out, const struct model_request *r, const char *model);
void anthropic_url(struct buf *out, const char *base_url);
/** One event of the stream; the JSON names itself, so the event's name is not needed. */
void anthropic_event(struct answer *a, const char *data, size_t n);

#endif
