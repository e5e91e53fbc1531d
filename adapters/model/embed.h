#ifndef EDDY_MODEL_EMBED_H
#define EDDY_MODEL_EMBED_H

#include <stdbool.h>
#include <stddef.h>

#include "../../core/ports.h"
#include "prices.h"

struct http;
struct metrics;
struct settings;

/* Vectors of texts from a server that speaks OpenAI's /embeddings, whoever answers questions. */
struct embedder;
/** False: a recall.* setting is wrong, ${why} says which. */
bool embedder_check(const struct settings *s, char *why, size_t why_n);
/** NULL: recall.model is not set.  ${prices} must outlive it. */
struct embedder *embedder_open(const struct settings *s, struct http *h, struct metrics *ms, const struct prices *prices);
void embedder_close(struct embedder *e); /* NULL is fine */
const char *embedder_model(const struct embedder *e);
/** As model_ops.embed. */
enum err embedder_run(
    struct embedder *e, const char *const *texts, size_t n, uint32_t ms, float **vectors, size_t *dims, struct model_usage *usage);
/** An answer to ${n} texts.  False: it makes no sense; nothing is given.  ${tokens}: -1 where it does not say. */
bool embedding_read(const char *p, size_t len, size_t n, float **vectors, size_t *dims, int64_t *tokens);

#endif
