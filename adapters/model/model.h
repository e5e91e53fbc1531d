#ifndef EDDY_MODEL_MODEL_H
#define EDDY_MODEL_MODEL_H

#include <stddef.h>

#include "../../core/ports.h"

struct http;
struct metrics;
struct settings;

/*
 * The model port of this process: the provider the settings name, with its breaker, prices, window and metrics, and under it the
 * builtin provider, which answers when there is no other: nothing configured, no key, breaker open, or asked for by the name
 * "builtin".  Events come on the http thread.
 */
/** ${s} and ${h} must outlive it.  NULL: ${why} says which setting is wrong and how to mend it. */
struct model *model_open(const struct settings *s, struct http *h, struct metrics *ms, char *why, size_t why_n);
/** After http_stop(); NULL is fine. */
void model_close(struct model *m);

#endif
