/*
 * A request is short and its caller is a worker that has nothing else to do: it waits on a condition for the http thread's on_done, which comes within
 * the request's time limit or when the engine stops.  Redirects are not followed: the token is for the host that was meant.
 */
#include "fetch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "../net/http.h"

#define CONNECT_MS 5000u

struct http_fetcher {
	struct fetcher port; /* first */
	struct http *http;
};
struct waiting {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
	long status;
	struct buf *body;
};

static void on_done(void *arg, const struct http_result *r)
{
	struct waiting *w = arg;
	pthread_mutex_lock(&w->mutex);
	w->status = r->fail == HTTP_OK ? r->status : 0;
	if (w->status != 0 && r->body != NULL)
		buf_add(w->body, r->body, r->body_len);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

static void get(struct fetcher *f, const char *url, const char *token, uint32_t ms, size_t max, long *status, struct buf *body)
{
	struct http_fetcher *x = (struct http_fetcher *)(void *)f;
	struct waiting w = { .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER, .body = body };
	struct buf auth = BUF_INIT;
	buf_addf(&auth, "Authorization: Bearer %s", token);
	const char *const headers[] = { auth.p, "Accept: application/json, text/plain;q=0.9", NULL };
	const struct http_request h = { .method = "GET",
		.url = url,
		.headers = headers,
		.connect_ms = ms < CONNECT_MS ? ms : CONNECT_MS,
		.total_ms = ms,
		.max_body = max,
		.on_done = on_done,
		.arg = &w };
	*status = 0;
	if (http_start(x->http, &h) == ERR_NONE) {
		pthread_mutex_lock(&w.mutex);
		while (!w.done)
			pthread_cond_wait(&w.cond, &w.mutex);
		pthread_mutex_unlock(&w.mutex);
		*status = w.status;
	}
	explicit_bzero(auth.p, auth.len);
	buf_done(&auth);
	pthread_cond_destroy(&w.cond);
	pthread_mutex_destroy(&w.mutex);
}

struct fetcher *fetch_open(struct http *h)
{
	struct http_fetcher *x = xcalloc(1, sizeof *x);
	*x = (struct http_fetcher){ .port = { .get = get }, .http = h };
	return &x->port;
}

void fetch_close(struct fetcher *f)
{
	free(f);
}
