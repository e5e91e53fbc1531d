/*
 * The probe asks one address after the other until one knows.  It starts when somebody first asks for the window of a model that is
 * not in the table, runs on the http thread, and until it has an answer the guess counts.  A failed probe is repeated after five
 * minutes, so a local server that is started later is found.
 */
#include "window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../net/http.h"

#define PROBE_AGAIN_MS 300000u
#define PROBE_BODY ((size_t)4 * 1024 * 1024) /* Ollama's answer holds the whole template and licence */
#define TOKENS_MAX 100000000
#define OLLAMA_DEFAULT 4096 /* what Ollama loads a model with unless told otherwise */

static const struct {
	const char *prefix;
	uint32_t tokens;
} known[] = {
	{ "claude-", 200000 },
	{ "gpt-4.1", 1047576 },
	{ "gpt-4o", 128000 },
	{ "gpt-4-turbo", 128000 },
	{ "gpt-4", 8192 },
	{ "gpt-3.5-turbo", 16385 },
	{ "gpt-5", 272000 },
	{ "o1", 128000 },
	{ "o3", 200000 },
	{ "o4-mini", 200000 },
};

uint32_t window_known(const char *model)
{
	uint32_t tokens = 0;
	size_t best = 0;
	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
		size_t n = strlen(known[i].prefix);
		if (n > best && strncmp(model, known[i].prefix, n) == 0) {
			best = n;
			tokens = known[i].tokens;
		}
	}
	return tokens;
}

static uint32_t tokens_of(int64_t v)
{
	return v > 0 && v <= TOKENS_MAX ? (uint32_t)v : 0;
}

uint32_t window_from_props(const char *body, size_t n)
{
	json_t *o = NULL;
	if (json_parse(body, n, PROBE_BODY, &o, NULL) != ERR_NONE)
		return 0;
	uint32_t v = tokens_of(json_int(json_obj(o, "default_generation_settings"), "n_ctx", 0));
	if (v == 0)
		v = tokens_of(json_int(o, "n_ctx", 0));
	json_decref(o);
	return v;
}

uint32_t window_from_show(const char *body, size_t n)
{
	json_t *o = NULL, *value;
	const char *key;
	uint32_t trained = 0, set = 0;
	if (json_parse(body, n, PROBE_BODY, &o, NULL) != ERR_NONE)
		return 0;
	json_object_foreach (json_obj(o, "model_info"), key, value) {
		const char *dot = strrchr(key, '.');
		if (dot && strcmp(dot, ".context_length") == 0)
			trained = tokens_of(json_integer_value(value));
	}
	const char *at = strstr(json_str(o, "parameters", ""), "num_ctx");
	if (at)
		set = tokens_of(strtol(at + strlen("num_ctx"), NULL, 10));
	json_decref(o);
	if (set)
		return set;
	return trained < OLLAMA_DEFAULT ? trained : OLLAMA_DEFAULT;
}

uint32_t window_from_models(const char *body, size_t n, const char *model)
{
	json_t *o = NULL, *row;
	size_t i;
	uint32_t v = 0;
	if (json_parse(body, n, PROBE_BODY, &o, NULL) != ERR_NONE)
		return 0;
	json_array_foreach (json_arr(o, "data"), i, row) {
		if (strcmp(json_str(row, "id", ""), model) == 0)
			v = tokens_of(json_int(row, "max_model_len", 0));
	}
	json_decref(o);
	return v;
}

static void probe_next(struct window *w);

static void on_answer(void *arg, const struct http_result *r)
{
	struct window *w = arg;
	uint32_t v = 0;
	if (r->fail == HTTP_OK && r->status == 200) {
		v = w->step == 1   ? window_from_props(r->body, r->body_len)
		    : w->step == 2 ? window_from_show(r->body, r->body_len)
		                   : window_from_models(r->body, r->body_len, w->model);
	}
	if (v > 0) {
		w->probed = v;
		w->probing = 0;
		log_info("model.window", LF_STR("model", w->model), LF_INT("tokens", v), LF_STR("result", "ok"));
		return;
	}
	if (r->fail == HTTP_CANCELLED) {
		w->probing = 0;
		return;
	}
	probe_next(w);
}

static void probe_next(struct window *w)
{
	struct buf url = BUF_INIT, auth = BUF_INIT, body = BUF_INIT;
	int step = ++w->step;
	if (step > 3) {
		w->next_ms = clock_ms() + PROBE_AGAIN_MS;
		w->probing = 0;
		return;
	}
	buf_addf(&url, "%s%s", w->root, step == 1 ? "/props" : step == 2 ? "/api/show" : "/v1/models");
	if (w->key)
		buf_addf(&auth, "Authorization: Bearer %s", w->key);
	if (step == 2) {
		buf_add_str(&body, "{\"model\":");
		buf_add_json_str(&body, w->model);
		buf_add_char(&body, '}');
	}
	const char *headers[] = { "Content-Type: application/json", w->key ? auth.p : NULL, NULL };
	struct http_request r = { .method = step == 2 ? "POST" : "GET",
		.url = url.p,
		.headers = headers,
		.connect_ms = 3000,
		.total_ms = 5000,
		.max_body = PROBE_BODY,
		.on_done = on_answer,
		.arg = w };
	if (step == 2)
		r.body = buf_detach(&body, &r.body_len);
	if (http_start(w->http, &r) != ERR_NONE) {
		w->next_ms = clock_ms() + PROBE_AGAIN_MS;
		w->probing = 0;
	}
	buf_done(&url);
	buf_done(&auth);
	buf_done(&body);
}

void window_init(struct window *w, struct http *h, const char *base_url, const char *model, const char *key, uint32_t fixed)
{
	*w = (struct window){ .http = h, .model = xstrdup(model), .key = xstrdup(key), .fixed = fixed };
	size_t n = strlen(base_url);
	while (n > 0 && base_url[n - 1] == '/')
		n--;
	if (n > 3 && strncmp(base_url + n - 3, "/v1", 3) == 0)
		n -= 3;
	w->root = xstrndup(base_url, n);
}

void window_done(struct window *w)
{
	free(w->model);
	free(w->root);
	free(w->key);
}

uint32_t window_of(struct window *w, const char *model, uint64_t now_ms)
{
	uint32_t v = w->fixed ? w->fixed : window_known(model);
	if (v > 0)
		return v;
	if (strcmp(model, w->model) != 0)
		return WINDOW_GUESS;
	v = w->probed;
	if (v > 0)
		return v;
	if (w->http && now_ms >= w->next_ms && atomic_exchange(&w->probing, 1) == 0) {
		w->step = 0;
		probe_next(w);
	}
	return WINDOW_GUESS;
}
