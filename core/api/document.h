#ifndef EDDY_API_DOCUMENT_H
#define EDDY_API_DOCUMENT_H

#include "../base/buf.h"
#include "api.h"

/* What describes the procedures to machines and people, made from their table and from nothing else. */
/** OpenAPI 3.1 (docs/openapi.json). */
void api_openapi(struct buf *out);
/** One procedure for people: what it does, who may, arguments, result, an example.  ${p} NULL: a line for each. */
void api_help(const struct api_proc *p, struct buf *out);

#endif
