#ifndef EDDY_MODEL_PRICES_H
#define EDDY_MODEL_PRICES_H

#include <stddef.h>
#include <stdint.h>

#include "../../core/ports.h"

struct settings;

/* What models cost: rows "name=in,out" of the setting model.prices, USD per million tokens; the longest name a model begins with counts. */
struct price {
	char *name;
	size_t len;
	int64_t in, out; /* micro-USD per million tokens */
};
struct prices {
	struct price *rows;
	size_t len;
};
/** ${items}: rows as text; one that is not of that form is left out. */
void prices_init(struct prices *p, const char *const *items, size_t n);
void prices_done(struct prices *p);
const struct price *prices_find(const struct prices *p, const char *model); /* NULL: not in the table */
/** Rounded up.  Cached tokens are part of ${input} and cost ${cached_percent} of it, written ones 125 %. */
int64_t prices_cost(
    const struct price *row, uint32_t input, uint32_t cached, uint32_t written, uint32_t output, int cached_percent);

#endif
