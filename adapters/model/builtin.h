#ifndef EDDY_MODEL_BUILTIN_H
#define EDDY_MODEL_BUILTIN_H

#include "../../core/ports.h"

struct http;

/*
 * The floor: a provider without a model.  It recognises fixed kinds of questions about stored messages, asks for them through the
 * same tool calls a model would use (so the same policy holds) and quotes what was found with its link, or says that nothing was.
 * Its events come on the http thread; it never goes out to the network.  The caller's until builtin_close(), after http_stop().
 */
struct model *builtin_open(struct http *h);
void builtin_close(struct model *m); /* NULL is fine */

#endif
