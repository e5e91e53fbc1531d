/*
 * A call of /embeddings is short and its caller is a worker that has nothing else to do: it waits on a condition for the http thread's
 * on_done, which comes within the call's time limit or when the engine stops.  Nothing in an answer is believed: it must hold one vector
 * for each text, all of one size and of finite numbers, or it counts as no answer.
 */
#include "embed.h"

#include <float.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../../core/settings/settings.h"
#include "../../core/talk/vector.h"
#include "../net/http.h"
#include "wire.h"

#define ANSWER_MAX (8u << 20) /* 32 vectors of 8,192 numbers with ten digits and a comma each fill a third of it */
#define CONNECT_MS 5000u

struct embedder {
	struct http *http;
	const struct prices *prices;
	char *url, *model, *auth;
	const char *headers[3];
	struct metric *good, *bad, *tokens, *cost, *total;
};
struct waiting {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
	enum http_fail fail;
	long status;
	char *body;
	size_t body_len;
};

static bool clean(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return false;
	return true;
}

static const char *base_of(const struct settings *s)
{
	const char *own = settings_str(s, "recall.base_url");
	if (own)
		return own;
	const char *base = strcmp(settings_model_provider(s), "openai") == 0 ? settings_str(s, "model.base_url") : NULL;
	return base ? base : "https://api.openai.com";
}

/* A key goes only where it was given for. */
static const char *key_of(const struct settings *s)
{
	const char *own = settings_str(s, "recall.api_key");
	if (own || settings_str(s, "recall.base_url"))
		return own;
	return strcmp(settings_model_provider(s), "openai") == 0 ? settings_model_api_key(s)
	                                                         : settings_str(s, "model.openai_api_key");
}

bool embedder_check(const struct settings *s, char *why, size_t why_n)
{
	if (!settings_str(s, "recall.model"))
		return true;
	const char *key = key_of(s);
	if (key && !clean(key)) {
		snprintf(why, why_n, "recall.api_key: the key has blanks or control characters in it");
		return false;
	}
	if (!clean(base_of(s))) {
		snprintf(why, why_n, "recall.base_url: must hold no blanks");
		return false;
	}
	return true;
}

struct embedder *embedder_open(const struct settings *s, struct http *h, struct metrics *ms, const struct prices *prices)
{
	const char *model = settings_str(s, "recall.model"), *key = key_of(s);
	if (!model)
		return NULL;
	struct embedder *e = xcalloc(1, sizeof *e);
	struct buf b = BUF_INIT;
	e->http = h;
	e->prices = prices;
	e->model = xstrdup(model);
	wire_url(&b, base_of(s), "/embeddings");
	e->url = buf_detach(&b, NULL);
	e->headers[0] = "Content-Type: application/json";
	if (key) {
		buf_addf(&b, "Authorization: Bearer %s", key);
		e->auth = buf_detach(&b, NULL);
		e->headers[1] = e->auth;
	}
	static const char help[] = "Calls for vectors of texts by how they ended.";
	e->good = metric_counter(ms, "eddy_recall_calls_total", "result=\"ok\"", help);
	e->bad = metric_counter(ms, "eddy_recall_calls_total", "result=\"failed\"", help);
	e->tokens = metric_counter(ms, "eddy_recall_tokens_total", "", "Tokens that vectors were made of.");
	e->cost = metric_counter(ms, "eddy_recall_cost_micros_total", "", "What vectors cost, in millionths of a US dollar.");
	e->total = metric_duration(ms, "eddy_recall_seconds", "", "Time of calls for vectors.");
	return e;
}

void embedder_close(struct embedder *e)
{
	if (!e)
		return;
	free(e->url);
	free(e->model);
	free(e->auth);
	free(e);
}

const char *embedder_model(const struct embedder *e)
{
	return e->model;
}

static bool read_vector(const json_t *row, size_t n, float **vectors, size_t *dims, bool *there)
{
	const json_t *v = json_arr(row, "embedding");
	int64_t index = json_int(row, "index", -1);
	size_t len = json_array_size(v);
	if (index < 0 || (uint64_t)index >= n || there[index] || len == 0 || len > VECTOR_DIMS_MAX)
		return false;
	if (*vectors == NULL) {
		*dims = len;
		*vectors = xcalloc(n * len, sizeof **vectors);
	}
	if (len != *dims)
		return false;
	float *out = *vectors + (size_t)index * len;
	for (size_t i = 0; i < len; i++) {
		const json_t *x = json_array_get(v, i);
		if (!json_is_number(x) || !(fabs(json_number_value(x)) <= (double)FLT_MAX))
			return false;
		out[i] = (float)json_number_value(x);
	}
	there[index] = vector_unit(out, len);
	return there[index];
}

bool embedding_read(const char *p, size_t len, size_t n, float **vectors, size_t *dims, int64_t *tokens)
{
	bool there[MODEL_EMBED_MAX] = { false };
	json_t *root = NULL;
	*vectors = NULL;
	*dims = 0;
	*tokens = -1;
	if (n == 0 || n > MODEL_EMBED_MAX || json_parse(p, len, ANSWER_MAX, &root, NULL) != ERR_NONE)
		return false;
	const json_t *data = json_arr(root, "data");
	bool good = json_array_size(data) == n;
	for (size_t i = 0; i < n && good; i++)
		good = read_vector(json_array_get(data, i), n, vectors, dims, there);
	const json_t *usage = json_obj(root, "usage");
	*tokens = json_int(usage, "prompt_tokens", json_int(usage, "total_tokens", -1));
	json_decref(root);
	if (!good) {
		free(*vectors);
		*vectors = NULL;
		*dims = 0;
	}
	return good;
}

static void on_done(void *arg, const struct http_result *r)
{
	struct waiting *w = arg;
	pthread_mutex_lock(&w->mutex);
	w->fail = r->fail;
	w->status = r->status;
	w->body = xstrndup(r->body ? r->body : "", r->body_len);
	w->body_len = r->body_len;
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

static enum err failed(const struct waiting *w)
{
	if (w->fail == HTTP_TOO_LARGE)
		return ERR_BROKEN;
	if (w->status == 401 || w->status == 403)
		return ERR_DENIED;
	if (w->status == 400 || w->status == 404 || w->status == 413 || w->status == 422)
		return ERR_INPUT;
	return ERR_RETRY;
}

static char *body_of(const struct embedder *e, const char *const *texts, size_t n, size_t *len)
{
	struct buf b = BUF_INIT;
	buf_add_str(&b, "{\"model\":");
	buf_add_json_str(&b, e->model);
	buf_add_str(&b, ",\"encoding_format\":\"float\",\"input\":[");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			buf_add_char(&b, ',');
		buf_add_json_str(&b, texts[i]);
	}
	buf_add_str(&b, "]}");
	return buf_detach(&b, len);
}

enum err embedder_run(
    struct embedder *e, const char *const *texts, size_t n, uint32_t ms, float **vectors, size_t *dims, struct model_usage *usage)
{
	struct waiting w = { .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	struct http_request h = { .method = "POST",
		.url = e->url,
		.headers = e->headers,
		.connect_ms = ms < CONNECT_MS ? ms : CONNECT_MS,
		.total_ms = ms,
		.max_body = ANSWER_MAX,
		.on_done = on_done,
		.arg = &w };
	uint64_t begun = clock_ms();
	int64_t tokens = -1;
	*vectors = NULL;
	*dims = 0;
	*usage = (struct model_usage){ .provider = "openai", .model = e->model };
	if (n == 0 || n > MODEL_EMBED_MAX || ms == 0)
		return ERR_INPUT;
	h.body = body_of(e, texts, n, &h.body_len);
	size_t asked = h.body_len;
	if (http_start(e->http, &h) != ERR_NONE)
		return ERR_RETRY;
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	enum err err = ERR_BROKEN;
	if (w.fail != HTTP_OK || w.status != 200)
		err = failed(&w);
	else if (embedding_read(w.body, w.body_len, n, vectors, dims, &tokens))
		err = ERR_NONE;
	usage->total_ms = (uint32_t)(clock_ms() - begun);
	if (w.status == 200) {
		usage->estimated = tokens < 0;
		usage->input_tokens = wire_count(tokens >= 0 ? tokens : (int64_t)(asked + 3) / 4);
		usage->cost_micros = prices_cost(prices_find(e->prices, e->model), usage->input_tokens, 0, 0, 0, 100);
	}
	metric_add(err == ERR_NONE ? e->good : e->bad, 1);
	metric_add(e->tokens, usage->input_tokens);
	metric_add(e->cost, usage->cost_micros);
	metric_observe_ms(e->total, usage->total_ms);
	if (err != ERR_NONE)
		log_warn("recall.embed", LF_INT("status", w.status), LF_INT("texts", n), LF_INT("ms", usage->total_ms),
		    LF_STR("result", err_name(err)));
	free(w.body);
	pthread_cond_destroy(&w.cond);
	pthread_mutex_destroy(&w.mutex);
	return err;
}
