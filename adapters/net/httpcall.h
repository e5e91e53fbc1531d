#ifndef EDDY_NET_HTTPCALL_H
#define EDDY_NET_HTTPCALL_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "../../core/base/buf.h"
#include "http.h"

/* One call, apart from curl's side of it.  Internal to adapters/net. */
struct slot;
struct http_call {
	struct http *h;
	struct slot *slot; /* NULL until the http thread has taken it */
	struct http_call *prev, *next, *next_cancel;
	const char *method, *url; /* ${url} is in ${block} or, after a redirect, in ${own_url} */
	char *own_url;
	struct curl_slist *header_list;
	char *body;
	size_t body_len, max_body;
	uint32_t connect_ms, idle_ms, total_ms;
	bool follow, fresh, idempotent;
	bool (*on_data)(void *arg, const char *p, size_t n);
	void (*on_done)(void *arg, const struct http_result *r);
	void *arg;
	uint64_t started_ms, last_ms, first_ms;
	long status;
	uint32_t retry_after_ms;
	char content_type[64];
	const char *want_header; /* in ${block}, or NULL */
	char *header;            /* its value, or NULL */
	struct buf in;
	int redirects;
	unsigned sent; /* how often curl has sent the request */
	bool cancelled, queued_cancel, stopped, too_large;
	struct curl_slist block[]; /* the header list's nodes, then all strings */
};
struct http_call *http_call_new(struct http *h, const struct http_request *r); /* takes the body */
void http_call_free(struct http_call *c);
/** One header line, the status line included. */
void http_call_header(struct http_call *c, const char *p, size_t n);
/** Body bytes; false: stop the transfer. */
bool http_call_body(struct http_call *c, const char *p, size_t n);
/** Aim the call at ${to}; false: this redirect is not followed. */
bool http_call_redirect(struct http_call *c, const char *to);

#endif
