/*
 * One websocket to Slack over libwebsockets.  Names are resolved by libuv first, because libwebsockets would block the loop on it;
 * the name itself goes along as the host, which is what the certificate is checked against.  Every address is tried in turn.
 *
 * Acks are written straight from the loop's turn that brought them while the socket has room, else when it becomes writable.  Each ack
 * is one unfragmented text frame.
 */
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/clock.h"
#include "../../core/base/log.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"
#include "../net/trust.h"
#include "socket_internal.h"

#define LINK_RX_BUFFER 8192
#define LINK_KEEP_RX 65536
#define LINK_BURST 16      /* acks written between two looks at the socket */
#define LINK_CLOSE_MS 1000 /* Slack may leave TCP open after a close handshake */

static int link_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n);
const struct lws_protocols link_protocol = { .name = "slack-link", .callback = link_callback, .rx_buffer_size = LINK_RX_BUFFER };
/* Our own ping after 5 s without a sign of life, the end after 12. */
static const lws_retry_bo_t link_policy = { .secs_since_valid_ping = 5, .secs_since_valid_hangup = 12 };

void link_free(struct sock_link *l)
{
	loop_timer_stop(l->timer);
	for (struct sock_ticket *t = l->out; t;)
		t = sock_ticket_done(l->s, t);
	buf_done(&l->rx);
	free(l->url);
	free(l);
}

static void link_connect_next(struct sock_link *l);

/* The websocket is no more (or never was): try the next address, or tell. */
static void link_end(struct sock_link *l, const char *why)
{
	l->wsi = NULL;
	if (l->connecting) {
		l->gone = true;
		return;
	}
	if (l->state == LINK_CONNECTING && !l->abandoned && l->address + 1 < l->addresses_len) {
		l->address++;
		link_connect_next(l);
		return;
	}
	sock_link_ended(l, why);
}

static void link_deadline(void *arg)
{
	struct sock_link *l = arg;
	loop_timer_stop(l->timer);
	l->timer = NULL;
	if (l->wsi)
		lws_set_timeout(l->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
}

static void link_arm(struct sock_link *l, uint32_t ms)
{
	loop_timer_stop(l->timer);
	l->timer = loop_timer_new(l->s->o.loop, ms, 0, link_deadline, l);
}

static void link_connect_now(struct sock_link *l)
{
	struct lws_context *context = loop_lws(l->s->o.loop);
	struct lws_client_connect_info ci = {
		.context = context,
		.address = l->addresses[l->address],
		.port = l->to.port,
		.ssl_connection = l->to.tls ? LCCSCF_USE_SSL : 0,
		.path = l->to.path,
		.host = l->to.host,
		.ietf_version_or_minus_one = -1,
		.userdata = l,
		.pwsi = &l->wsi,
		.local_protocol_name = link_protocol.name,
		.alpn = "http/1.1",
		.retry_and_idle_policy = &link_policy,
	};
	l->state = LINK_CONNECTING;
	l->gone = false;
	l->connecting = true;
	struct lws *wsi = context ? lws_client_connect_via_info(&ci) : NULL;
	l->connecting = false;
	if (!wsi || l->gone) {
		link_end(l, "no connection");
		return;
	}
	link_arm(l, l->s->o.hello_ms);
}

static void link_connect_later(void *arg)
{
	struct sock_link *l = arg;
	loop_timer_stop(l->timer);
	l->timer = NULL;
	if (l->abandoned)
		sock_link_ended(l, "stopping");
	else
		link_connect_now(l);
}

/* From a timer, so that libwebsockets is done with what has just ended. */
static void link_connect_next(struct sock_link *l)
{
	loop_timer_stop(l->timer);
	l->timer = loop_timer_new(l->s->o.loop, 0, 0, link_connect_later, l);
}

static void link_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *list)
{
	struct sock_link *l = req->data;
	for (struct addrinfo *a = list; status == 0 && a && l->addresses_len < LINK_ADDRESSES; a = a->ai_next) {
		char *to = l->addresses[l->addresses_len];
		if ((a->ai_family == AF_INET &&
		        uv_ip4_name((struct sockaddr_in *)(void *)a->ai_addr, to, sizeof(l->addresses[0])) == 0) ||
		    (a->ai_family == AF_INET6 &&
		        uv_ip6_name((struct sockaddr_in6 *)(void *)a->ai_addr, to, sizeof(l->addresses[0])) == 0))
			l->addresses_len++;
	}
	uv_freeaddrinfo(list);
	if (l->addresses_len == 0 || l->abandoned)
		sock_link_ended(l, "the link's host name was not found");
	else
		link_connect_now(l);
}

void link_connect(struct sock_link *l)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	size_t n = strlen(l->to.host);
	if (n < sizeof(l->addresses[0]) &&
	    (uv_ip4_addr(l->to.host, l->to.port, &v4) == 0 || uv_ip6_addr(l->to.host, l->to.port, &v6) == 0)) {
		memcpy(l->addresses[0], l->to.host, n + 1);
		l->addresses_len = 1;
		link_connect_next(l);
		return;
	}
	struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	l->state = LINK_RESOLVING;
	l->resolve.data = l;
	if (uv_getaddrinfo(loop_uv(l->s->o.loop), &l->resolve, link_resolved, l->to.host, NULL, &hints) != 0)
		link_connect_next(l); /* with no address: fails in its own turn */
}

void link_close(struct sock_link *l, const char *why)
{
	if (!l->wsi || l->state == LINK_CLOSING)
		return;
	log_debug("slack.link_close", LF_INT("link", l->id), LF_STR("why", why));
	l->state = LINK_CLOSING;
	link_arm(l, LINK_CLOSE_MS);
	lws_callback_on_writable(l->wsi);
}

/* False: the link is broken. */
static bool link_write_ack(struct sock_link *l, const struct sock_ticket *t)
{
	unsigned char frame[LWS_PRE + sizeof(t->envelope_id) + SOCK_PAYLOAD_MAX + 48];
	int n = snprintf((char *)frame + LWS_PRE, sizeof(frame) - LWS_PRE, "{\"envelope_id\":\"%s\"%s%s}", t->envelope_id,
	    t->payload ? ",\"payload\":" : "", t->payload ? t->payload : "");
	return lws_write(l->wsi, frame + LWS_PRE, (size_t)n, LWS_WRITE_TEXT) >= n;
}

void link_flush(struct sock_link *l)
{
	while (l->out && l->wsi && l->state != LINK_CLOSING) {
		if (lws_send_pipe_choked(l->wsi)) {
			lws_callback_on_writable(l->wsi);
			return;
		}
		for (int i = 0; i < LINK_BURST && l->out; i++) {
			struct sock_ticket *t = l->out;
			if (!link_write_ack(l, t)) {
				lws_set_timeout(l->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
				return;
			}
			if (l->s->m_ack)
				metric_observe_ms(l->s->m_ack, (double)(clock_us() - t->rx_us) / 1000.0);
			l->out = sock_ticket_done(l->s, t);
			l->inflight--;
			if (lws_partial_buffered(l->wsi))
				break;
		}
	}
	if (!l->out)
		l->out_last = NULL;
}

static void link_receive(struct sock_link *l, const char *p, size_t n)
{
	struct lws *wsi = l->wsi;
	uint64_t now = clock_ms();
	l->rx_ms = now;
	if (now - l->valid_ms >= 1000) { /* any byte proves that the peer lives, not only a pong */
		l->valid_ms = now;
		lws_validity_confirmed(wsi);
	}
	size_t room = WIRE_FRAME_MAX - l->rx.len;
	if (n > room)
		l->too_long = true;
	buf_add(&l->rx, p, n < room ? n : room);
	if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi))
		return;
	sock_link_frame(l, lws_frame_is_binary(wsi));
	l->too_long = false;
	if (l->rx.cap > LINK_KEEP_RX)
		buf_done(&l->rx);
	else
		buf_reset(&l->rx);
}

/* libwebsockets only logs why a certificate was refused; the connection itself still knows. */
static void link_failure(const struct sock_link *l, struct lws *wsi, const char *said, char *why, size_t n)
{
	SSL *ssl = l->to.tls ? lws_get_ssl(wsi) : NULL;
	long verdict = ssl ? SSL_get_verify_result(ssl) : X509_V_OK;
	if (verdict != X509_V_OK)
		trust_explain(X509_verify_cert_error_string(verdict), l->to.host, why, n);
	else if (strncmp(said, "connect SSL err", 15) == 0)
		snprintf(why, n, "%s does not agree on TLS with us", l->to.host);
	else
		snprintf(why, n, "%s", said);
}

static int link_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
	struct sock_link *l = user;
	switch (reason) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		l->wsi = wsi;
		l->state = LINK_OPEN;
		l->rx_ms = l->valid_ms = clock_ms();
		sock_link_open(l);
		return 0;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		if (l->state != LINK_CLOSING)
			link_receive(l, in, n);
		return 0;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		if (l->state == LINK_CLOSING) { /* all that we owe is acknowledged: Slack needs no reason */
			lws_close_reason(wsi, LWS_CLOSE_STATUS_NORMAL, NULL, 0);
			return -1;
		}
		link_flush(l);
		return 0;
	case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
		if (l) {
			char why[320];
			link_failure(l, wsi, in ? (const char *)in : "no connection", why, sizeof(why));
			link_end(l, why);
		}
		return 0;
	case LWS_CALLBACK_CLIENT_CLOSED:
		if (l)
			link_end(l, "closed");
		return 0;
	default:
		return 0;
	}
}
