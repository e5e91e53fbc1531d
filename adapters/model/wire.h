#ifndef EDDY_MODEL_WIRE_H
#define EDDY_MODEL_WIRE_H

#include <stddef.h>
#include <stdint.h>

#include "../../core/ports.h"

struct answer;
struct buf;

/* What both provider dialects share. */
#define WIRE_EMPTY "(empty message)"
#define WIRE_EARLIER "(earlier messages are left out)"
/** About how many bytes a request's body takes. */
size_t wire_size(const struct model_request *r);
/** base_url + version + ${path}: "https://h", "https://h/", "https://h/v1" and "https://h/v1/messages" all work. */
void wire_url(struct buf *out, const char *base_url, const char *path);
uint32_t wire_count(int64_t tokens);
/** Append ,"temperature":…, if the request says one and ${model} is not known to refuse it. */
void wire_temperature(struct buf *out, const struct model_request *r, const char *model);
/**
 * What an error object ({"type","message","code"}) or an answer's status means: fails ${a}.  ${p}: the error object, "" if there is
 * none.  Status 200: it came inside a stream.
 */
void wire_error(struct answer *a, long status, const char *p, size_t n);
/** The same for the body of an answer whose status is not 200. */
void wire_refusal(struct answer *a, long status, const char *body, size_t n);

#endif
