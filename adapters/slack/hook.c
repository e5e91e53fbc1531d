/*
 * The signature is checked over the bytes as they came, before anything reads them.  Then a request becomes the frame that a link would have brought, with
 * a ticket whose settling is the answer, and goes the same way: there is one decoder and one inlet.
 */
#include "hook.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/json.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../net/guest.h"
#include "slack_internal.h"
#include "socket.h"

#define APART_S 300
#define SIGNATURES_MAX 10
#define SECRETS_MAX 4
#define FIELDS_MAX 40
enum { HEAD_SIGNATURE, HEAD_TIMESTAMP, HEAD_TYPE, HEAD_RETRY };

struct slack_hook {
	struct slack_app *app;
	struct wire wire;
	struct buf raw, scratch;
	struct metric *refused;
	uint64_t said_ms;
};

/* ---- signatures ---- */

/* Exactly 64 hexadecimal digits. */
static bool digest_of(const char *s, size_t n, unsigned char out[32])
{
	if (n != 64 || strspn(s, "0123456789abcdefABCDEF") < 64)
		return false;
	for (size_t i = 0; i < 32; i++) {
		unsigned byte;
		char two[3] = { s[2 * i], s[2 * i + 1], '\0' };
		if (sscanf(two, "%x", &byte) != 1)
			return false;
		out[i] = (unsigned char)byte;
	}
	return true;
}

static bool timely(const char *timestamp, int64_t now_s)
{
	size_t n = timestamp ? strlen(timestamp) : 0;
	if (n == 0 || n > 11 || strspn(timestamp, "0123456789") != n)
		return false;
	int64_t at = strtoll(timestamp, NULL, 10);
	return at >= now_s - APART_S && at <= now_s + APART_S;
}

static bool fits(const char *secret, size_t secret_n, const char *timestamp, const char *body, size_t n, const char *signature)
{
	unsigned char is[EVP_MAX_MD_SIZE], given[32];
	unsigned is_n = 0;
	struct buf text = BUF_INIT;
	bool found = false;
	buf_addf(&text, "v0:%s:", timestamp);
	buf_add(&text, body, n);
	if (HMAC(EVP_sha256(), secret, (int)secret_n, (const unsigned char *)text.p, text.len, is, &is_n) && is_n == 32) {
		const char *p = signature;
		for (int i = 0; i < SIGNATURES_MAX && *p && !found; i++) {
			p += strspn(p, " \t,");
			size_t len = strcspn(p, " \t,");
			found = len > 3 && strncmp(p, "v0=", 3) == 0 && digest_of(p + 3, len - 3, given) &&
			    CRYPTO_memcmp(is, given, 32) == 0;
			p += len;
		}
	}
	buf_done(&text);
	return found;
}

bool hook_signed(const char *secret, const char *timestamp, const char *signature, const char *body, size_t n, int64_t now_s)
{
	if (!signature || !timely(timestamp, now_s))
		return false;
	for (int i = 0; i < SECRETS_MAX && *secret; i++) {
		size_t len = strcspn(secret, ",");
		if (len > 0 && fits(secret, len, timestamp, body, n, signature))
			return true;
		secret += len + (secret[len] == ',');
	}
	return false;
}

/* ---- bodies ---- */

static int digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* One name or value of a form. */
static void decode(const char *p, size_t n, struct buf *out)
{
	buf_reset(out);
	for (size_t i = 0; i < n; i++) {
		if (p[i] == '%' && i + 2 < n && digit(p[i + 1]) >= 0 && digit(p[i + 2]) >= 0) {
			buf_add_char(out, (char)(digit(p[i + 1]) * 16 + digit(p[i + 2])));
			i += 2;
		} else {
			buf_add_char(out, p[i] == '+' ? ' ' : p[i]);
		}
	}
	buf_add_str(out, "");
}

static void envelope(struct buf *out, const char *type)
{
	buf_addf(out, "{\"type\":\"%s\",\"envelope_id\":\"http\",\"payload\":", type);
}

/* A slash command's fields, or the payload of something interactive. */
static bool frame_of_form(const char *body, size_t n, struct buf *out)
{
	struct buf name = BUF_INIT, value = BUF_INIT, fields = BUF_INIT;
	bool interactive = false, command = false;
	int count = 0;
	buf_add_char(&fields, '{');
	for (size_t at = 0; at < n && !interactive && count < FIELDS_MAX;) {
		const char *p = body + at;
		const char *end = memchr(p, '&', n - at);
		size_t len = end ? (size_t)(end - p) : n - at;
		const char *eq = memchr(p, '=', len);
		size_t name_n = eq ? (size_t)(eq - p) : len;
		decode(p, name_n, &name);
		decode(eq ? eq + 1 : p + len, eq ? len - name_n - 1 : 0, &value);
		if (strlen(name.p) == name.len && strcmp(name.p, "payload") == 0) {
			interactive = true;
		} else if (strlen(name.p) == name.len && strlen(value.p) == value.len) {
			command |= strcmp(name.p, "command") == 0;
			if (count++ > 0)
				buf_add_char(&fields, ',');
			buf_add_json_str(&fields, name.p);
			buf_add_char(&fields, ':');
			buf_add_json_str(&fields, value.p);
		}
		at += len + 1;
	}
	buf_add_char(&fields, '}');
	if (interactive) {
		envelope(out, "interactive");
		buf_add(out, value.p, value.len);
	} else if (command) {
		envelope(out, "slash_commands");
		buf_add(out, fields.p, fields.len);
	}
	buf_add_char(out, '}');
	buf_done(&name);
	buf_done(&value);
	buf_done(&fields);
	return interactive || command;
}

bool hook_frame(const char *content_type, const char *body, size_t n, struct buf *out)
{
	buf_reset(out);
	if (content_type && strncasecmp(content_type, "application/x-www-form-urlencoded", 33) == 0)
		return frame_of_form(body, n, out);
	if (!content_type || strncasecmp(content_type, "application/json", 16) != 0)
		return false;
	envelope(out, "events_api");
	buf_add(out, body, n);
	buf_add_char(out, '}');
	return true;
}

/* ---- requests (loop thread) ---- */

static void answer(struct guest_call *c, unsigned status)
{
	guest_answer(c, &(struct guest_reply){ .status = status, .retry_after_s = status == 503 ? 1 : 0 });
}

/* Any thread: it is durable, or it is not. */
static void settled(void *arg, bool ack, const char *payload)
{
	if (ack && payload)
		guest_answer(arg,
		    &(struct guest_reply){
		        .status = 200, .type = "application/json", .body = payload, .body_len = strlen(payload) });
	else
		answer(arg, ack ? 200 : 503);
}

/* Slack asks once whether this address is ours. */
static bool verifies(const struct guest_request *q, struct guest_call *c)
{
	json_t *o = NULL;
	bool asks = q->body_len < 4096 && strstr(q->body, "\"url_verification\"") &&
	    json_parse(q->body, q->body_len, 4096, &o, NULL) == ERR_NONE &&
	    strcmp(json_str(o, "type", ""), "url_verification") == 0;
	if (asks) {
		const char *challenge = json_str(o, "challenge", "");
		guest_answer(c,
		    &(struct guest_reply){
		        .status = 200, .type = "text/plain; charset=utf-8", .body = challenge, .body_len = strlen(challenge) });
	}
	json_decref(o);
	return asks;
}

static void refuse(struct slack_hook *h, struct guest_call *c, const char *why)
{
	uint64_t now = clock_ms();
	if (h->refused)
		metric_add(h->refused, 1);
	if (now - h->said_ms >= 1000) {
		h->said_ms = now;
		log_warn("slack.request", LF_STR("why", why), LF_STR("result", "refused"));
	}
	answer(c, 401);
}

static void serve(void *arg, const struct guest_request *q, struct guest_call *c)
{
	struct slack_hook *h = arg;
	struct slack_event ev;
	const char *secret = settings_str(h->app->settings, "slack.signing_secret");
	if (!hook_signed(secret, q->headers[HEAD_TIMESTAMP], q->headers[HEAD_SIGNATURE], q->body, q->body_len,
	        (int64_t)(clock_wall_ms() / 1000))) {
		refuse(h, c, "not signed with slack.signing_secret, or not now");
		return;
	}
	if (atomic_load(&h->app->stopping)) {
		answer(c, 503);
		return;
	}
	if (verifies(q, c))
		return;
	if (!hook_frame(q->headers[HEAD_TYPE], q->body, q->body_len, &h->raw)) {
		answer(c, strstr(q->body, "ssl_check=1") ? 200 : 400);
		return;
	}
	buf_reset(&h->scratch);
	buf_add(&h->scratch, h->raw.p, h->raw.len);
	buf_add_char(&h->scratch, '\0');
	wire_decode(&h->wire, h->scratch.p, h->raw.len, &ev);
	if (q->headers[HEAD_RETRY])
		ev.retry_attempt = strtol(q->headers[HEAD_RETRY], NULL, 10);
	slack_on_event(h->app, sock_ticket_loose("http", settled, c), h->raw.p, h->raw.len, &ev);
	if (h->scratch.cap > 131072) {
		buf_done(&h->scratch);
		buf_done(&h->raw);
	}
}

struct slack_hook *hook_new(struct slack_app *app, struct guests *guests)
{
	struct slack_hook *h = xcalloc(1, sizeof(*h));
	h->app = app;
	if (app->metrics)
		h->refused = metric_counter(app->metrics, "eddy_slack_requests_refused_total", NULL,
		    "Requests to /slack/events that were not signed by Slack");
	guests_add(guests,
	    &(struct guest){ .path = "/slack/events",
	        .post = true,
	        .headers = { [HEAD_SIGNATURE] = "x-slack-signature:",
	            [HEAD_TIMESTAMP] = "x-slack-request-timestamp:",
	            [HEAD_TYPE] = "content-type:",
	            [HEAD_RETRY] = "x-slack-retry-num:" },
	        .body_max = WIRE_FRAME_MAX - 256,
	        .serve = serve,
	        .arg = h });
	return h;
}

void hook_free(struct slack_hook *h)
{
	if (!h)
		return;
	wire_done(&h->wire);
	buf_done(&h->raw);
	buf_done(&h->scratch);
	free(h);
}
