#ifndef EDDY_MODEL_WINDOW_H
#define EDDY_MODEL_WINDOW_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct http;

/*
 * How many tokens fit into a model: from the setting, from a table of well-known models, or from what a local server says about the
 * model that is configured (llama.cpp /props, Ollama /api/show, vLLM /v1/models).  Unknown: WINDOW_GUESS.
 */
#define WINDOW_GUESS 8192u
struct window {
	struct http *http;
	char *model, *root, *key; /* the configured model; the server without "/v1"; the key or NULL */
	uint32_t fixed;           /* model.context_tokens; 0: none */
	_Atomic uint32_t probed;  /* 0: not known */
	atomic_int step;          /* of the probe; http thread */
	atomic_int probing;
	_Atomic uint64_t next_ms; /* not before this is it tried again */
};
void window_init(struct window *w, struct http *h, const char *base_url, const char *model, const char *key, uint32_t fixed);
void window_done(struct window *w); /* after http_stop() */
uint32_t window_of(struct window *w, const char *model, uint64_t now_ms);
/** From the table; 0: not in it. */
uint32_t window_known(const char *model);
/* The three answers, each 0 when it does not say. */
uint32_t window_from_props(const char *body, size_t n);
uint32_t window_from_show(const char *body, size_t n);
uint32_t window_from_models(const char *body, size_t n, const char *model);

#endif
