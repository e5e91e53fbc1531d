/*
 * The HTTP side of the server and the doors of the websocket.  Every head passes web_guard() before anything reads it.  An answer is
 * written in one go: they are all small; with an announced body it waits until that was read (and thrown away), so that the connection can
 * be used again.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/engine/engine.h"
#include "../../core/version.h"
#include "../net/guest.h"
#include "signin.h"
#include "assets.h"
#include "call.h"
#include "guard.h"
#include "limit.h"
#include "oidc.h"
#include "state.h"
#include "widget.h"

#define BODY_SECONDS 30
#define SERVICE_ARG 2049 /* a query's field that a log-in service sends back */

struct http_session {
	struct web_request req;
	char path[96];
	uint64_t read;
	bool upgrade;     /* asks for a websocket */
	bool running;     /* its call is at work, or done */
	bool gzip, fresh; /* of a file: may come compressed; the client has it already */
	struct signin_call *call;
	struct web_call *rest; /* below /api/v1 */
	struct oidc_call *service;
	struct guest_call *guest; /* an address of another adapter */
};
_Static_assert(sizeof(struct http_session) <= WEB_HTTP_SESSION, "room for a session");

static struct web *web_of(struct lws *wsi)
{
	return lws_get_protocol(wsi)->user;
}

/* ---- answers ---- */

struct header {
	const char *name, *value; /* NULL name: ends a list */
};
/* With every answer. */
static const struct header safe_headers[] = {
	{ "x-content-type-options:", "nosniff" },
	{ "x-frame-options:", "DENY" },
	{ "referrer-policy:", "no-referrer" },
	{ "cross-origin-opener-policy:", "same-origin" },
	{ 0 },
};
/* What is made for this one request. */
static const struct header own_headers[] = {
	{ "content-security-policy:", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "cross-origin-resource-policy:", "same-origin" },
	{ "cache-control:", "no-store" },
	{ 0 },
};
/* The page: nothing from elsewhere, nothing inline, and no string ever becomes markup or a script. */
static const struct header page_headers[] = {
	{ "content-security-policy:",
	    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self'; base-uri 'none'; "
	    "form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'" },
	{ "cross-origin-resource-policy:", "same-origin" },
	{ "cache-control:", "no-cache" },
	{ "vary:", "accept-encoding" },
	{ 0 },
};
/* What pages of others may load too: the widget and what it is made of.  Public, without credentials. */
static const struct header loader_headers[] = {
	{ "content-security-policy:", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "cross-origin-resource-policy:", "cross-origin" },
	{ "access-control-allow-origin:", "*" },
	{ "cache-control:", "public, max-age=300" },
	{ "vary:", "accept-encoding" },
	{ 0 },
};
static const struct header forever_headers[] = {
	{ "content-security-policy:", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "cross-origin-resource-policy:", "cross-origin" },
	{ "access-control-allow-origin:", "*" },
	{ "cache-control:", "public, max-age=31536000, immutable" },
	{ "vary:", "accept-encoding" },
	{ 0 },
};

/* What pages of others may ask for, made for this one request. */
static const struct header shared_headers[] = {
	{ "content-security-policy:", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "cross-origin-resource-policy:", "cross-origin" },
	{ "access-control-allow-origin:", "*" },
	{ "cache-control:", "no-store" },
	{ 0 },
};

/* A page of another adapter: it may have a form of its look, and nothing else. */
static const struct header guest_headers[] = {
	{ "content-security-policy:",
	    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'" },
	{ "cross-origin-resource-policy:", "same-origin" },
	{ "cache-control:", "no-store" },
	{ 0 },
};

static bool put_header(struct lws *wsi, const char *name, const char *value, unsigned char **p, unsigned char *end)
{
	return lws_add_http_header_by_name(
	           wsi, (const unsigned char *)name, (const unsigned char *)value, (int)strlen(value), p, end) == 0;
}

static bool put_headers(struct lws *wsi, const struct header *h, unsigned char **p, unsigned char *end)
{
	for (; h != NULL && h->name != NULL; h++)
		if (!put_header(wsi, h->name, h->value, p, end))
			return false;
	return true;
}

/*
 * -1: close the connection.  For the library a request that is still asking for a websocket has no version yet, and it would answer as
 * HTTP/1.0, which clients of websockets do not take for an answer.
 */
static int respond(struct lws *wsi, const struct http_session *h, unsigned status, const char *type, const struct header *kind,
    const struct header *extra, const char *body, size_t body_len, bool close)
{
	unsigned char head[LWS_PRE + 2048], *start = head + LWS_PRE, *p = start, *end = head + sizeof head - 1;
	char length[24];
	snprintf(length, sizeof length, "%zu", body_len);
	metric_add(web_of(wsi)->m_http, 1);
	if (lws_add_http_header_status(wsi, status | LWSAHH_FLAG_NO_SERVER_NAME, &p, end) != 0 ||
	    (status != 304 && status != 204 && /* which have no body: one speaks of what the client has */
	        (!put_header(wsi, "content-type:", type, &p, end) || !put_header(wsi, "content-length:", length, &p, end))) ||
	    !put_header(wsi, "connection:", close ? "close" : "keep-alive", &p, end))
		return -1;
	if (h->upgrade)
		memcpy(start, "HTTP/1.1", 8);
	if (!put_headers(wsi, safe_headers, &p, end) || !put_headers(wsi, kind, &p, end) || !put_headers(wsi, extra, &p, end))
		return -1;
	if (lws_finalize_http_header(wsi, &p, end) != 0)
		return -1;
	bool head_only = h->req.method == WEB_HEAD || body_len == 0;
	if (lws_write(wsi, start, (size_t)(p - start),
	        head_only ? LWS_WRITE_HTTP_HEADERS | LWS_WRITE_H2_STREAM_END : LWS_WRITE_HTTP_HEADERS) < 0)
		return -1;
	if (!head_only) {
		struct buf out = BUF_INIT;
		buf_reserve(&out, LWS_PRE + body_len);
		memset(out.p, 0, LWS_PRE);
		memcpy(out.p + LWS_PRE, body, body_len);
		int n = lws_write(wsi, (unsigned char *)out.p + LWS_PRE, body_len, LWS_WRITE_HTTP_FINAL);
		buf_done(&out);
		if (n < 0)
			return -1;
	}
	if (close || lws_http_transaction_completed(wsi) != 0)
		return -1;
	return 0;
}

/* ${request}: what names it in the audit log; none: it gets a name of its own. */
static int respond_named(struct lws *wsi, const struct http_session *h, const struct problem *p, struct id request,
    const struct header *more, bool close)
{
	char id[ID_TEXT], retry[16];
	struct header extra[5] = { { "x-request-id:", id } };
	size_t n = 1;
	struct buf b = BUF_INIT;
	id_format(id_is_none(request) ? id_new() : request, id);
	snprintf(retry, sizeof retry, "%u", p->retry_after_s);
	if (p->retry_after_s > 0)
		extra[n++] = (struct header){ "retry-after:", retry };
	for (; more != NULL && more->name != NULL && n + 1 < sizeof extra / sizeof *extra; more++)
		extra[n++] = *more;
	problem_json(p, id, &b);
	buf_add_char(&b, '\n');
	log_debug("web.http", LF_STR("request_id", id), LF_INT("status", problem_status(p->code)),
	    LF_STR("result", problem_name(p->code)));
	int r =
	    respond(wsi, h, (unsigned)problem_status(p->code), "application/problem+json", own_headers, extra, b.p, b.len, close);
	buf_done(&b);
	return r;
}

/* Of a head that was refused. */
static enum api_code code_of(int status)
{
	return status == 413 ? API_TOO_LARGE : status == 403 ? API_FORBIDDEN : API_INVALID;
}

static int refuse(struct lws *wsi, const struct http_session *h, enum api_code code, unsigned retry_after_s, const char *detail,
    const struct header *extra, bool close)
{
	struct problem p = { .code = code, .retry_after_s = retry_after_s };
	snprintf(p.detail, sizeof p.detail, "%s", detail);
	return respond_named(wsi, h, &p, ID_NONE, extra, close);
}

static int respond_api(struct lws *wsi, const struct http_session *h, const struct signin_answer *a, bool close)
{
	const struct header cookie[] = { { a->cookie[0] != '\0' ? "set-cookie:" : NULL, a->cookie }, { 0 } };
	struct problem p = { .code = a->code, .retry_after_s = a->retry_after_s };
	if (a->code == API_OK)
		return respond(wsi, h, a->status, "application/json", own_headers, cookie, a->body.p, a->body.len, close);
	snprintf(p.detail, sizeof p.detail, "%s", a->message);
	snprintf(p.field, sizeof p.field, "%s", a->field == NULL ? "" : a->field);
	return respond_named(wsi, h, &p, a->request, cookie, close);
}

static int respond_call(struct lws *wsi, const struct http_session *h, const struct call_answer *a, bool close)
{
	char retry[16];
	struct header extra[14] = { { "x-request-id:", a->request_id } };
	size_t n = 1;
	snprintf(retry, sizeof retry, "%u", a->retry_after_s);
	if (a->retry_after_s > 0)
		extra[n++] = (struct header){ "retry-after:", retry };
	if (a->replayed)
		extra[n++] = (struct header){ "idempotency-replayed:", "true" };
	if (a->ends.since[0] != '\0') {
		extra[n++] = (struct header){ "deprecation:", a->ends.since };
		extra[n++] = (struct header){ "sunset:", a->ends.until };
	}
	if (a->allow)
		extra[n++] = (struct header){ "allow:", "POST" };
	if (a->challenge)
		extra[n++] = (struct header){ "www-authenticate:", "Bearer" };
	if (a->origin[0] != '\0') {
		extra[n++] = (struct header){ "access-control-allow-origin:", a->origin };
		extra[n++] = (struct header){ "access-control-expose-headers:",
			"x-request-id, retry-after, idempotency-replayed, deprecation, sunset" };
		extra[n++] = (struct header){ "vary:", "origin" };
	}
	if (a->preflight && a->status == 204) {
		extra[n++] = (struct header){ "access-control-allow-methods:", "POST" };
		extra[n++] = (struct header){ "access-control-allow-headers:",
			"authorization, content-type, idempotency-key, x-eddy, x-request-id" };
		extra[n++] = (struct header){ "access-control-max-age:", "600" };
	}
	if (a->problem)
		log_debug("web.http", LF_STR("request_id", a->request_id), LF_INT("status", a->status));
	return respond(wsi, h, a->status, a->problem ? "application/problem+json" : "application/json", own_headers, extra,
	    a->body.p, a->body.len, close);
}

static void make_healthz(struct web *w, struct buf *b, unsigned *status)
{
	(void)w;
	(void)status;
	buf_addf(b, "{\"status\":\"ok\",\"version\":\"%s\"}\n", EDDY_VERSION);
}

static void make_readyz(struct web *w, struct buf *b, unsigned *status)
{
	char why[160] = "";
	bool ready = !w->stopping && engine_ready(w->engine, why, sizeof why);
	buf_addf(b, "{\"status\":\"%s\"", ready ? "ready" : "not ready");
	if (!ready) {
		*status = 503;
		buf_add_str(b, ",\"why\":");
		buf_add_json_str(b, w->stopping ? "shutting down" : why);
	}
	buf_add_str(b, "}\n");
}

static void make_metrics(struct web *w, struct buf *b, unsigned *status)
{
	(void)status;
	metrics_render(w->metrics, b);
}

/* What the page shows before anybody has logged in: nothing that is not meant for everybody. */
static void make_about(struct web *w, struct buf *b, unsigned *status)
{
	(void)status;
	buf_add_str(b, "{\"workspace\":");
	buf_add_json_str(b, settings_str(w->settings, "workspace.name"));
	buf_addf(b, ",\"version\":\"%s\",\"login\":{\"mail\":%s,\"password\":%s,\"services\":", EDDY_VERSION,
	    signin_mails(w) ? "true" : "false", signin_passwords(w) ? "true" : "false");
	oidc_describe(w->oidc, b);
	buf_add_str(b, "}}\n");
}

static void make_widget(struct web *w, struct buf *b, unsigned *status)
{
	if (!widget_describe(w->settings, b))
		*status = 404;
}

static const struct route {
	const char *path, *type;
	void (*make)(struct web *w, struct buf *b, unsigned *status);
	const struct header *kind;
} routes[] = {
	{ "/api/page", "application/json", make_about, own_headers },
	{ "/api/widget", "application/json", make_widget, shared_headers },
	{ "/healthz", "application/json", make_healthz, own_headers },
	{ "/readyz", "application/json", make_readyz, own_headers },
	{ "/metrics", "text/plain; version=0.0.4; charset=utf-8", make_metrics, own_headers },
};

/* For people who open the link of a mail themselves; reading it changes nothing, since programs read links too. */
static const char unsubscribe_page[] =
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'><title>No more mails</title>"
    "<form method=post><p>Should these mails stop?</p><button>Yes, no more mails</button></form></html>\n";
static const struct header form_headers[] = {
	{ "content-security-policy:", "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'" },
	{ "cache-control:", "no-store" },
	{ 0 },
};

/* A page of others may read why. */
static const struct header allow_everybody[] = { { "access-control-allow-origin:", "*" }, { 0 } };
static const struct header allow_reading[] = { { "allow:", "GET, HEAD" }, { 0 } };
static const struct header allow_posting[] = { { "allow:", "POST" }, { 0 } };

static int refuse_method(struct lws *wsi, const struct http_session *h)
{
	return refuse(wsi, h, API_METHOD, 0, "This address is only for reading.", allow_reading, false);
}

static int answer_asset(struct lws *wsi, const struct http_session *h, const struct web_asset *a)
{
	if (h->req.method != WEB_GET && h->req.method != WEB_HEAD)
		return refuse_method(wsi, h);
	const struct header *kind = a->forever ? forever_headers : strcmp(a->path, "/") == 0 ? page_headers : loader_headers;
	const struct header extra[] = { { "etag:", a->etag }, { h->gzip ? "content-encoding:" : NULL, "gzip" }, { 0 } };
	if (h->fresh)
		return respond(wsi, h, 304, a->type, kind, extra, NULL, 0, false);
	const char *text = h->gzip ? a->gz : a->text, *end = h->gzip ? a->gz_end : a->text_end;
	return respond(wsi, h, 200, a->type, kind, extra, text, (size_t)(end - text), false);
}

static int answer(struct lws *wsi, const struct http_session *h)
{
	struct web *w = web_of(wsi);
	const struct web_asset *a = web_asset_find(h->path);
	if (a != NULL)
		return answer_asset(wsi, h, a);
	if (signin_unsubscribes(h->path) && (h->req.method == WEB_GET || h->req.method == WEB_HEAD))
		return respond(wsi, h, 200, "text/html; charset=utf-8", form_headers, NULL, unsubscribe_page,
		    sizeof unsubscribe_page - 1, false);
	if (signin_has(h->path))
		return refuse(wsi, h, API_METHOD, 0, "This address takes POST.", allow_posting, false);
	for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
		if (strcmp(h->path, routes[i].path) != 0)
			continue;
		if (h->req.method != WEB_GET && h->req.method != WEB_HEAD)
			return refuse_method(wsi, h);
		struct buf b = BUF_INIT;
		unsigned status = 200;
		routes[i].make(w, &b, &status);
		int r = status == 404
		    ? refuse(wsi, h, API_NOT_FOUND, 0, "There is no widget here: see web.widget.enabled.", allow_everybody, false)
		    : respond(wsi, h, status, routes[i].type, routes[i].kind, NULL, b.p, b.len, false);
		buf_done(&b);
		return r;
	}
	return refuse(wsi, h, API_NOT_FOUND, 0, "Nothing lives at this address.", NULL, false);
}

/* ---- heads ---- */

static const char *header(struct lws *wsi, enum lws_token_indexes token, char *out, size_t n)
{
	int len = lws_hdr_total_length(wsi, token);
	if (len <= 0) {
		/* The length of an empty one is that of none; only the copy tells them apart. */
		return lws_hdr_copy_fragment(wsi, out, (int)n, token, 0) == 0 ? "" : NULL;
	}
	if (lws_hdr_copy(wsi, out, (int)n, token) < 0)
		snprintf(out, n, "?"); /* longer than anything valid: present, and wrong */
	return out;
}

static const char *method_name(struct lws *wsi, char **uri, int *uri_len)
{
	static const char *const names[] = { "GET", "POST", "OPTIONS", "PUT", "PATCH", "DELETE", "CONNECT", "HEAD" };
	int m = lws_http_get_uri_and_method(wsi, uri, uri_len);
	return m >= 0 && (size_t)m < sizeof names / sizeof *names ? names[m] : "";
}

/* 0: fine; else the status to refuse with. */
static int check_head(struct lws *wsi, struct web_request *req, bool websocket, char host[300], const char **why)
{
	char length[32], coding[64];
	char *uri = NULL;
	int uri_len = 0;
	struct web_head head = { .websocket = websocket };
	head.method = websocket ? "GET" : method_name(wsi, &uri, &uri_len);
	head.host = header(wsi, WSI_TOKEN_HOST, host, 300);
	head.content_length = header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH, length, sizeof length);
	/* A space before the colon makes it another header for this parser, and the same one for a careless proxy. */
	head.transfer_encoding = header(wsi, WSI_TOKEN_HTTP_TRANSFER_ENCODING, coding, sizeof coding) != NULL ||
	    lws_hdr_custom_length(wsi, "transfer-encoding :", 19) > 0 || lws_hdr_custom_length(wsi, "content-length :", 16) > 0;
	int refused = web_guard(&head, req, why);
	const struct web *w = web_of(wsi);
	if (refused == 0 && w->local_only && !web_host_known(host, w->origins, w->origins_len)) {
		*why = "This server is not known by that name: see web.public_url.";
		return 403;
	}
	return refused;
}

/*
 * Behind a proxy, the address that it has put at the end of X-Forwarded-For (what stands before it anybody may have written).  One that cannot be read is
 * nobody's, and above all not this machine's.
 */
static void client_address(struct lws *wsi, char out[64])
{
	char list[512], *last;
	out[0] = '\0';
	lws_get_peer_simple(wsi, out, 64);
	if (!web_of(wsi)->forwarded || !web_is_loopback(out) || header(wsi, WSI_TOKEN_X_FORWARDED_FOR, list, sizeof list) == NULL)
		return;
	out[0] = '\0';
	last = strrchr(list, ',');
	last = last == NULL ? list : last + 1;
	last += strspn(last, " \t");
	unsigned char a[16];
	if (inet_pton(strchr(last, ':') != NULL ? AF_INET6 : AF_INET, last, a) == 1)
		snprintf(out, 64, "%s", last);
}

/* What an address below /api needs to know, while the headers are here. */
static int begin_call(struct lws *wsi, struct http_session *h, const char *host)
{
	char origin[300], type[100], cookie[4096], authorization[200], agent[300], address[64] = "";
	struct signin_answer no = { 0 };
	client_address(wsi, address);
	const struct signin_head head = { .path = h->path,
		.host = host,
		.origin = header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin),
		.content_type = header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, type, sizeof type),
		.marker = lws_hdr_custom_length(wsi, "x-eddy:", 7) > 0 ? "" : NULL,
		.cookie = header(wsi, WSI_TOKEN_HTTP_COOKIE, cookie, sizeof cookie),
		.authorization = header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, authorization, sizeof authorization),
		.user_agent = header(wsi, WSI_TOKEN_HTTP_USER_AGENT, agent, sizeof agent),
		.address = address,
		.body_bytes = h->req.body_bytes };
	h->call = signin_new(web_of(wsi), &head, &no);
	explicit_bzero(cookie, sizeof cookie);
	explicit_bzero(authorization, sizeof authorization);
	if (h->call != NULL)
		return 0;
	bool unread = h->req.body_bytes > 0; /* a body that nobody will read: the connection can't be used again */
	int r = respond_api(wsi, h, &no, unread);
	return unread ? -1 : r;
}

static const char *custom(struct lws *wsi, const char *name, char *out, size_t n)
{
	int name_len = (int)strlen(name), len = lws_hdr_custom_length(wsi, name, name_len);
	if (len < 0)
		return NULL;
	/* One that is too long is wrong, not absent. */
	if ((size_t)len >= n || lws_hdr_custom_copy(wsi, out, (int)n, name, name_len) < 0)
		memset(out, '?', n - 1), out[n - 1] = '\0';
	return out;
}

static int begin_rest(struct lws *wsi, struct http_session *h, const char *host)
{
	char origin[300], type[100], authorization[600], request_id[80], key[260], address[64] = "", peer[64] = "", *uri = NULL;
	int uri_len = 0;
	struct call_answer no;
	client_address(wsi, address);
	lws_get_peer_simple(wsi, peer, sizeof peer);
	const struct call_head head = { .method = method_name(wsi, &uri, &uri_len),
		.path = h->path,
		.host = host,
		.origin = header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin),
		.content_type = header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, type, sizeof type),
		.marker = lws_hdr_custom_length(wsi, "x-eddy:", 7) > 0 ? "" : NULL,
		.authorization = header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION, authorization, sizeof authorization),
		.request_id = custom(wsi, "x-request-id:", request_id, sizeof request_id),
		.key = custom(wsi, "idempotency-key:", key, sizeof key),
		.address = address,
		.peer = peer,
		.body_bytes = h->req.body_bytes };
	h->rest = call_new(web_of(wsi), &head, &no);
	explicit_bzero(authorization, sizeof authorization);
	if (h->rest != NULL)
		return 0;
	bool unread = h->req.body_bytes > 0;
	int r = respond_call(wsi, h, &no, unread);
	buf_done(&no.body);
	return unread ? -1 : r;
}

/* A log-in by a service: the browser itself goes there and comes back. */
static void begin_service(struct lws *wsi, struct http_session *h, const char *host)
{
	struct web *w = web_of(wsi);
	char origin[300], cookie[4096], address[64] = "";
	char *arg[4];
	static const char *const names[] = { "code=", "state=", "error=", "iss=" };
	for (size_t i = 0; i < 4; i++) {
		char *room = xcalloc(1, SERVICE_ARG);
		const char *at = lws_get_urlarg_by_name(wsi, names[i], room, SERVICE_ARG - 1);
		arg[i] = at == NULL ? NULL : xstrdup(at);
		free(room);
	}
	client_address(wsi, address);
	h->service = oidc_begin(w->oidc,
	    &(struct oidc_head){ .post = h->req.method == WEB_POST,
	        .path = h->path,
	        .host = host,
	        .origin = header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin),
	        .cookie = header(wsi, WSI_TOKEN_HTTP_COOKIE, cookie, sizeof cookie),
	        .address = address,
	        .code = arg[0],
	        .state = arg[1],
	        .error = arg[2],
	        .iss = arg[3],
	        .body_bytes = h->req.body_bytes });
	explicit_bzero(cookie, sizeof cookie);
	for (size_t i = 0; i < 4; i++)
		free(arg[i]);
}

/* What the address of a guest wants to know, while the headers are here. */
static int begin_guest(struct lws *wsi, struct http_session *h, const struct guest *g)
{
	char address[64] = "", value[GUEST_VALUE_MAX];
	if (g->post ? h->req.method != WEB_POST : h->req.method != WEB_GET) {
		bool unread = h->req.body_bytes > 0;
		int r = refuse(wsi, h, API_METHOD, 0, g->post ? "This address takes POST." : "This address is only for reading.",
		    g->post ? allow_posting : allow_reading, unread);
		return unread ? -1 : r;
	}
	if (h->req.body_bytes > g->body_max) {
		(void)refuse(wsi, h, API_TOO_LARGE, 0, "The body is larger than this address takes.", NULL, true);
		return -1;
	}
	client_address(wsi, address);
	h->guest = guest_call_new(web_of(wsi)->guests, g, address);
	for (int i = 0; i < GUEST_VALUES; i++) {
		if (g->headers[i] != NULL && strcmp(g->headers[i], "cookie:") == 0) /* the parser knows it by another name */
			guest_call_header(h->guest, i, header(wsi, WSI_TOKEN_HTTP_COOKIE, value, sizeof value));
		else if (g->headers[i] != NULL && strcmp(g->headers[i], "content-type:") == 0)
			guest_call_header(h->guest, i, header(wsi, WSI_TOKEN_HTTP_CONTENT_TYPE, value, sizeof value));
		else if (g->headers[i] != NULL)
			guest_call_header(h->guest, i, custom(wsi, g->headers[i], value, sizeof value));
		const char *param = g->params[i] != NULL ? lws_get_urlarg_by_name(wsi, g->params[i], value, sizeof value) : NULL;
		if (param != NULL)
			guest_call_param(h->guest, i, param);
	}
	explicit_bzero(value, sizeof value);
	return 0;
}

static int end_guest(struct lws *wsi, struct http_session *h)
{
	const struct guest_reply *a = guest_call_reply(h->guest);
	char retry[16];
	struct header extra[4] = { 0 };
	size_t n = 0;
	if (a == NULL)
		return 0;
	struct guest_call *call = h->guest;
	h->guest = NULL;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	snprintf(retry, sizeof retry, "%u", a->retry_after_s);
	if (a->location != NULL)
		extra[n++] = (struct header){ "location:", a->location };
	if (a->cookie != NULL)
		extra[n++] = (struct header){ "set-cookie:", a->cookie };
	if (a->retry_after_s > 0)
		extra[n++] = (struct header){ "retry-after:", retry };
	int r = respond(wsi, h, a->status, a->type != NULL ? a->type : "text/plain; charset=utf-8", guest_headers, extra, a->body,
	    a->body_len, false);
	guest_call_left(call);
	return r;
}

static void on_called(void *wsi)
{
	lws_callback_on_writable(wsi);
}

/* Once: the library may tell of the end of a body that is empty as well. */
static int run_call(struct lws *wsi, struct http_session *h)
{
	if (h->running)
		return 0;
	h->running = true;
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, BODY_SECONDS);
	if (h->guest != NULL)
		guest_call_serve(h->guest, on_called, wsi);
	else if (h->service != NULL)
		oidc_run(h->service, on_called, wsi);
	else if (h->rest != NULL)
		call_run(h->rest, on_called, wsi);
	else
		signin_run(h->call, on_called, wsi);
	return 0;
}

static int end_rest(struct lws *wsi, struct http_session *h)
{
	const struct call_answer *a = call_answer(h->rest);
	if (a == NULL)
		return 0;
	struct web_call *rest = h->rest;
	h->rest = NULL;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	int r = respond_call(wsi, h, a, false);
	call_free(rest);
	return r;
}

static int end_service(struct lws *wsi, struct http_session *h)
{
	const struct oidc_answer *a = oidc_answer(h->service);
	if (a == NULL)
		return 0;
	struct oidc_call *service = h->service;
	struct header extra[5] = { { "referrer-policy:",
	    "same-origin" } }; /* the last one counts; without it a form's origin is "null" */
	size_t n = 1;
	for (size_t i = 0; i < 2; i++)
		if (a->cookies[i].len > 0)
			extra[n++] = (struct header){ "set-cookie:", a->cookies[i].p };
	if (a->location.len > 0)
		extra[n++] = (struct header){ "location:", a->location.p };
	h->service = NULL;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	int r = respond(wsi, h, a->status, "text/html; charset=utf-8", form_headers, extra, a->body.p, a->body.len, false);
	oidc_drop(service);
	return r;
}

static int end_call(struct lws *wsi, struct http_session *h)
{
	if (h->guest != NULL)
		return end_guest(wsi, h);
	if (h->service != NULL)
		return end_service(wsi, h);
	if (h->rest != NULL)
		return end_rest(wsi, h);
	const struct signin_answer *a = h->call == NULL ? NULL : signin_answer(h->call);
	if (a == NULL)
		return 0;
	struct signin_call *call = h->call;
	h->call = NULL;
	lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
	int r = respond_api(wsi, h, a, false);
	signin_free(call);
	return r;
}

static bool is_call(const struct http_session *h)
{
	return h->call != NULL || h->rest != NULL || h->service != NULL || h->guest != NULL;
}

static int on_request(struct lws *wsi, struct http_session *h, const char *path, size_t path_len)
{
	char host[300];
	const char *why = NULL;
	signin_free(h->call);
	call_free(h->rest);
	oidc_drop(h->service);
	guest_call_left(h->guest);
	*h = (struct http_session){ 0 };
	int refused = check_head(wsi, &h->req, false, host, &why);
	if (refused != 0) {
		(void)refuse(wsi, h, code_of(refused), 0, why, NULL, true);
		return -1;
	}
	if (path_len < sizeof h->path)
		memcpy(h->path, path, path_len);
	const struct web_asset *a = web_asset_find(h->path);
	if (a != NULL) { /* the headers are only here as long as the body has not begun */
		char value[256];
		h->gzip = web_accepts_gzip(header(wsi, WSI_TOKEN_HTTP_ACCEPT_ENCODING, value, sizeof value));
		h->fresh = web_etag_matches(header(wsi, WSI_TOKEN_HTTP_IF_NONE_MATCH, value, sizeof value), a->etag);
	}
	if (call_has(h->path)) {
		int r = begin_rest(wsi, h, host);
		if (h->rest == NULL)
			return r;
	}
	if (h->req.method == WEB_POST && signin_has(h->path)) {
		int r = begin_call(wsi, h, host);
		if (h->call == NULL)
			return r;
	}
	if (h->call == NULL && oidc_has(web_of(wsi)->oidc, h->path) && h->req.body_bytes <= OIDC_BODY_MAX)
		begin_service(wsi, h, host);
	const struct guest *g = guests_find(web_of(wsi)->guests, h->path);
	if (g != NULL) {
		int r = begin_guest(wsi, h, g);
		if (h->guest == NULL)
			return r;
	}
	if (h->req.body_bytes == 0)
		return is_call(h) ? run_call(wsi, h) : answer(wsi, h);
	lws_set_timeout(wsi, PENDING_TIMEOUT_HTTP_CONTENT, BODY_SECONDS);
	return 0;
}

int server_http(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct http_session *h = user;
	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return on_request(wsi, h, in, len);
	case LWS_CALLBACK_HTTP_BODY:
		h->read += len;
		if (h->read > h->req.body_bytes || (h->rest != NULL && !call_body(h->rest, in, len)) ||
		    (h->service != NULL && !oidc_body(h->service, in, len)) ||
		    (h->guest != NULL && !guest_call_body(h->guest, in, len)))
			return -1;
		return h->call != NULL && !signin_body(h->call, in, len) ? -1 : 0;
	case LWS_CALLBACK_HTTP_BODY_COMPLETION:
		lws_set_timeout(wsi, NO_PENDING_TIMEOUT, 0);
		return is_call(h) ? run_call(wsi, h) : answer(wsi, h);
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION: {
		/* A websocket that names no protocol of ours. */
		struct http_session none = { .upgrade = true };
		(void)refuse(wsi, &none, API_INVALID, 0, "Ask for the websocket protocol eddy.v1.", NULL, true);
		return -1;
	}
	case LWS_CALLBACK_ESTABLISHED:
		return -1;
	case LWS_CALLBACK_HTTP_WRITEABLE:
		return end_call(wsi, h);
	case LWS_CALLBACK_CLOSED_HTTP:
		if (h != NULL) {
			signin_free(h->call);
			h->call = NULL;
			call_free(h->rest);
			h->rest = NULL;
			oidc_drop(h->service);
			h->service = NULL;
			guest_call_left(h->guest);
			h->guest = NULL;
		}
		return 0;
	default:
		return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

/* ---- websockets ---- */

static int on_upgrade(struct lws *wsi)
{
	struct web *w = web_of(wsi);
	struct http_session h = { .upgrade = true };
	char host[300], origin[300];
	const char *why = NULL;
	int refused = check_head(wsi, &h.req, true, host, &why);
	if (refused != 0) {
		(void)refuse(wsi, &h, code_of(refused), 0, why, NULL, true);
		return -1;
	}
	const char *from = header(wsi, WSI_TOKEN_ORIGIN, origin, sizeof origin);
	if (!web_origin_allowed(from, host, w->origins, w->origins_len)) {
		log_warn("web.origin", LF_STR("origin", from), LF_STR("result", "denied"));
		(void)refuse(
		    wsi, &h, API_FORBIDDEN, 0, "Pages of this origin may not connect: see web.allowed_origins.", NULL, true);
		return -1;
	}
	/* This machine's own programs and an office behind a proxy that does not tell its clients apart may open what they like. */
	char address[64];
	client_address(wsi, address);
	uint32_t wait_ms = web_is_loopback(address) ? 0 : limit_take(w->door, address, strlen(address), clock_ms());
	if (wait_ms > 0) {
		(void)refuse(wsi, &h, API_LIMITED, wait_ms / 1000 + 1, "Too many connections from this address.", NULL, true);
		return -1;
	}
	if (w->stopping || w->conns_len >= (size_t)w->connections_max) {
		(void)refuse(wsi, &h, API_UNAVAILABLE, 2, w->stopping ? "Shutting down." : "Too many connections.", NULL, true);
		return -1;
	}
	return 0;
}

int server_eddy(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t len)
{
	struct conn **c = user;
	switch (reason) {
	case LWS_CALLBACK_FILTER_PROTOCOL_CONNECTION:
		return on_upgrade(wsi);
	case LWS_CALLBACK_ESTABLISHED: {
		char address[64] = "", from[64];
		lws_get_peer_simple(wsi, address, sizeof address);
		client_address(wsi, from);
		*c = conn_open(web_of(wsi), wsi, from, web_is_loopback(address) && web_is_loopback(from));
		return 0;
	}
	case LWS_CALLBACK_RECEIVE:
		return *c == NULL ? -1 : conn_receive(*c, in, len);
	case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
		if (*c != NULL)
			conn_left(*c);
		return 0;
	case LWS_CALLBACK_RECEIVE_PONG:
		if (*c != NULL)
			conn_heard(*c);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		return *c == NULL ? -1 : conn_writable(*c);
	case LWS_CALLBACK_CLOSED:
		if (*c != NULL)
			conn_free(*c);
		*c = NULL;
		return 0;
	default:
		return 0;
	}
}
