/*
 * The copy of a request and what is kept of its answer.  Everything a call copies lies in one block behind it: the nodes of curl's
 * header list first, then the strings.
 */
#include "httpcall.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../../core/base/clock.h"
#include "../../core/base/mem.h"

#define MAX_BODY ((size_t)1024 * 1024)
#define HEADER_VALUE_MAX 2048
#define RETRY_AFTER_MAX_MS 86400000.0

static char *put(char **at, const char *s)
{
	size_t n = strlen(s) + 1;
	char *p = memcpy(*at, s, n);
	*at += n;
	return p;
}

struct http_call *http_call_new(struct http *h, const struct http_request *r)
{
	static const char no_expect[] = "Expect:";
	size_t headers = 1, bytes = sizeof no_expect + strlen(r->method) + 1 + strlen(r->url) + 1;
	bytes += r->want_header ? strlen(r->want_header) + 1 : 0;
	for (const char *const *p = r->headers; p && *p; p++, headers++)
		bytes += strlen(*p) + 1;
	struct http_call *c = xmalloc(sizeof *c + headers * sizeof(struct curl_slist) + bytes);
	*c = (struct http_call){
		.h = h,
		.body = r->body,
		.body_len = r->body ? r->body_len : 0,
		.max_body = r->max_body ? r->max_body : MAX_BODY,
		.connect_ms = r->connect_ms ? r->connect_ms : 10000,
		.idle_ms = r->idle_ms,
		.total_ms = r->total_ms ? r->total_ms : 30000,
		.follow = r->follow,
		.fresh = r->fresh,
		.on_data = r->on_data,
		.on_done = r->on_done,
		.arg = r->arg,
		.started_ms = clock_ms(),
	};
	struct curl_slist *list = c->block;
	char *at = (char *)(list + headers);
	c->header_list = list;
	list[0] = (struct curl_slist){ .data = put(&at, no_expect), .next = headers > 1 ? &list[1] : NULL };
	for (size_t i = 1; i < headers; i++)
		list[i] = (struct curl_slist){ .data = put(&at, r->headers[i - 1]), .next = i + 1 < headers ? &list[i + 1] : NULL };
	c->method = put(&at, r->method);
	c->url = put(&at, r->url);
	c->want_header = r->want_header ? put(&at, r->want_header) : NULL;
	c->idempotent = strcmp(c->method, "GET") == 0 || strcmp(c->method, "HEAD") == 0;
	return c;
}

void http_call_free(struct http_call *c)
{
	free(c->own_url);
	free(c->header);
	free(c->body);
	buf_done(&c->in);
	free(c);
}

/* ${p} begins with ${name} and a colon: the value without blanks around it. */
static const char *value_of(const char *p, size_t n, const char *name, size_t *len)
{
	size_t k = strlen(name);
	if (n <= k || p[k] != ':' || strncasecmp(p, name, k) != 0)
		return NULL;
	p += k + 1;
	n -= k + 1;
	while (n > 0 && (*p == ' ' || *p == '\t'))
		p++, n--;
	while (n > 0 && (p[n - 1] == '\r' || p[n - 1] == '\n' || p[n - 1] == ' ' || p[n - 1] == '\t'))
		n--;
	*len = n;
	return p;
}

static uint32_t wait_of(const char *v, size_t n, double unit_ms)
{
	char text[48], *end;
	if (n == 0 || n >= sizeof text)
		return 0;
	memcpy(text, v, n);
	text[n] = '\0';
	double ms = 0;
	if (text[0] >= '0' && text[0] <= '9') {
		ms = strtod(text, &end) * unit_ms;
		if (*end != '\0')
			return 0;
	} else {
		time_t at = curl_getdate(text, NULL);
		if (at == (time_t)-1)
			return 0;
		ms = (double)at * 1000.0 - (double)clock_wall_ms();
	}
	return ms <= 0 ? 0 : (uint32_t)(ms < RETRY_AFTER_MAX_MS ? ms : RETRY_AFTER_MAX_MS);
}

void http_call_header(struct http_call *c, const char *p, size_t n)
{
	size_t len;
	const char *v;
	if (n > 5 && memcmp(p, "HTTP/", 5) == 0) {
		const char *space = memchr(p, ' ', n);
		size_t left = space ? n - (size_t)(space - p) : 0;
		c->status = left > 3 ? (space[1] - '0') * 100 + (space[2] - '0') * 10 + (space[3] - '0') : 0;
		c->retry_after_ms = 0;
		c->content_type[0] = '\0';
		free(c->header);
		c->header = NULL;
		return;
	}
	if (c->want_header && !c->header && (v = value_of(p, n, c->want_header, &len)) != NULL && len <= HEADER_VALUE_MAX)
		c->header = xstrndup(v, len);
	switch (n > 0 ? p[0] | 0x20 : 0) {
	case 'r':
		if ((v = value_of(p, n, "retry-after-ms", &len)) != NULL)
			c->retry_after_ms = wait_of(v, len, 1.0);
		else if (c->retry_after_ms == 0 && (v = value_of(p, n, "retry-after", &len)) != NULL)
			c->retry_after_ms = wait_of(v, len, 1000.0);
		break;
	case 'c':
		if ((v = value_of(p, n, "content-type", &len)) != NULL && len < sizeof c->content_type) {
			memcpy(c->content_type, v, len);
			c->content_type[len] = '\0';
		}
		break;
	default:
		break;
	}
}

bool http_call_body(struct http_call *c, const char *p, size_t n)
{
	if (c->cancelled)
		return false;
	if (c->first_ms == 0)
		c->first_ms = c->last_ms;
	if (c->on_data && c->status == 200) {
		c->stopped = !c->on_data(c->arg, p, n);
		return !c->stopped && !c->cancelled;
	}
	if (n > c->max_body - c->in.len) {
		c->too_large = true;
		return false;
	}
	buf_add(&c->in, p, n);
	return true;
}

/* True if both have the same host and port; ${same_scheme} if the schemes agree. */
static bool same_host(const char *a, const char *b, bool *same_scheme)
{
	CURLU *u[2] = { curl_url(), curl_url() };
	const char *text[2] = { a, b };
	char *scheme[2] = { NULL }, *host[2] = { NULL }, *port[2] = { NULL };
	bool ok = true;
	for (int i = 0; i < 2; i++)
		ok = ok && u[i] && curl_url_set(u[i], CURLUPART_URL, text[i], 0) == CURLUE_OK &&
		    curl_url_get(u[i], CURLUPART_SCHEME, &scheme[i], 0) == CURLUE_OK &&
		    curl_url_get(u[i], CURLUPART_HOST, &host[i], 0) == CURLUE_OK &&
		    curl_url_get(u[i], CURLUPART_PORT, &port[i], CURLU_DEFAULT_PORT) == CURLUE_OK;
	*same_scheme = ok && strcmp(scheme[0], scheme[1]) == 0;
	bool same = ok && strcasecmp(host[0], host[1]) == 0 && strcmp(port[0], port[1]) == 0;
	for (int i = 0; i < 2; i++) {
		curl_free(scheme[i]);
		curl_free(host[i]);
		curl_free(port[i]);
		curl_url_cleanup(u[i]);
	}
	return same;
}

bool http_call_redirect(struct http_call *c, const char *to)
{
	bool same_scheme, keep = c->status == 307 || c->status == 308;
	if (!keep && c->status > 303)
		return false;
	bool same = same_host(c->url, to, &same_scheme);
	if (!same_scheme)
		return false;
	if (!keep && !c->idempotent) { /* 301, 302, 303: what browsers made of them */
		free(c->body);
		c->body = NULL;
		c->body_len = 0;
		c->method = "GET";
		c->idempotent = true;
	}
	if (!same)
		c->header_list->next = NULL; /* all but our first, "Expect:" */
	char *url = xstrdup(to);
	free(c->own_url);
	c->own_url = url;
	c->url = url;
	c->redirects++;
	c->sent = 0;
	buf_reset(&c->in);
	return true;
}
