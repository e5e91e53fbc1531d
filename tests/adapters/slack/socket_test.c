/*
 * Links against a small Slack of our own on a second loop: it answers apps.connections.open, takes websockets, sends what the test
 * says and remembers every frame that comes back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <libwebsockets.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../adapters/net/http.h"
#include "../../../adapters/net/loop.h"
#include "../../../adapters/slack/socket.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../../core/base/mem.h"

#define CONNS 32

struct conn {
	struct lws *wsi;
	struct buf out[16];
	int out_n;
	bool close, open, ended;
	uint64_t ended_ms;
};
static struct fake {
	pthread_mutex_t mtx;
	struct loop *loop;
	struct conn conns[CONNS];
	int conns_n, opens;
	const char *error; /* answer apps.connections.open with this */
	int limited;       /* this many answers are 429 */
	char acks[64][256];
	int acks_n, ack_conn[64];
	bool mute; /* no hello */
} F = { .mtx = PTHREAD_MUTEX_INITIALIZER };

static struct {
	struct loop *loop;
	struct http *http;
	struct slack_sock *sock;
	char url[64];
	pthread_mutex_t mtx;
	struct sock_ticket *held[256];
	int held_n, ups;
	bool hold;
	uint64_t away_ms;
} C = { .mtx = PTHREAD_MUTEX_INITIALIZER };

/* ---- the fake ---- */

static void fake_queue(struct conn *c, const char *text, size_t n)
{
	if (c->out_n == 16 || !c->wsi)
		return;
	struct buf *b = &c->out[c->out_n++];
	*b = BUF_INIT;
	char pre[LWS_PRE] = { 0 };
	buf_add(b, pre, LWS_PRE);
	buf_add(b, text, n);
}

static void fake_kick(void *arg)
{
	(void)arg;
	pthread_mutex_lock(&F.mtx);
	for (int i = 0; i < F.conns_n; i++)
		if (F.conns[i].wsi && (F.conns[i].out_n || F.conns[i].close))
			lws_callback_on_writable(F.conns[i].wsi);
	pthread_mutex_unlock(&F.mtx);
}

static void fake_send_n(int conn, const char *text, size_t n)
{
	pthread_mutex_lock(&F.mtx);
	fake_queue(&F.conns[conn], text, n);
	pthread_mutex_unlock(&F.mtx);
	loop_post(F.loop, fake_kick, NULL);
}

static void fake_send(int conn, const char *text)
{
	fake_send_n(conn, text, strlen(text));
}

static void fake_cut(int conn)
{
	pthread_mutex_lock(&F.mtx);
	F.conns[conn].close = true;
	pthread_mutex_unlock(&F.mtx);
	loop_post(F.loop, fake_kick, NULL);
}

static int fake_http(struct lws *wsi)
{
	char body[256];
	pthread_mutex_lock(&F.mtx);
	F.opens++;
	unsigned status = 200;
	if (F.limited > 0) {
		F.limited--;
		status = 429;
		snprintf(body, sizeof(body), "{\"ok\":false,\"error\":\"ratelimited\"}");
	} else if (F.error) {
		snprintf(body, sizeof(body), "{\"ok\":false,\"error\":\"%s\"}", F.error);
	} else {
		snprintf(
		    body, sizeof(body), "{\"ok\":true,\"url\":\"ws:\\/\\/127.0.0.1:%d\\/link\\/?ticket=1\"}", loop_port(F.loop));
	}
	pthread_mutex_unlock(&F.mtx);
	unsigned char head[LWS_PRE + 512], *p = head + LWS_PRE, *e = head + sizeof(head);
	size_t n = strlen(body);
	if (lws_add_http_common_headers(wsi, status, "application/json", n, &p, e) ||
	    (status == 429 &&
	        lws_add_http_header_by_name(wsi, (const unsigned char *)"retry-after:", (const unsigned char *)"1", 1, &p, e)) ||
	    lws_finalize_write_http_header(wsi, head + LWS_PRE, &p, e))
		return -1;
	unsigned char out[LWS_PRE + 256];
	memcpy(out + LWS_PRE, body, n);
	lws_write(wsi, out + LWS_PRE, n, LWS_WRITE_HTTP_FINAL);
	return lws_http_transaction_completed(wsi) ? -1 : 0;
}

static int fake_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in, size_t n)
{
	int *me = user, r = 0;
	static const char hello[] =
	    "{\"type\":\"hello\",\"num_connections\":1,\"debug_info\":{\"approximate_connection_time\":18060},"
	    "\"connection_info\":{\"app_id\":\"A1\"}}";
	switch (reason) {
	case LWS_CALLBACK_HTTP:
		return fake_http(wsi);
	case LWS_CALLBACK_ESTABLISHED:
		pthread_mutex_lock(&F.mtx);
		*me = F.conns_n++;
		F.conns[*me] = (struct conn){ .wsi = wsi, .open = true };
		if (!F.mute)
			fake_queue(&F.conns[*me], hello, sizeof(hello) - 1);
		pthread_mutex_unlock(&F.mtx);
		lws_callback_on_writable(wsi);
		return 0;
	case LWS_CALLBACK_RECEIVE:
		pthread_mutex_lock(&F.mtx);
		if (F.acks_n < 64 && lws_is_first_fragment(wsi) && lws_is_final_fragment(wsi) && !lws_frame_is_binary(wsi)) {
			F.ack_conn[F.acks_n] = *me;
			snprintf(F.acks[F.acks_n++], sizeof(F.acks[0]), "%.*s", (int)n, (const char *)in);
		}
		pthread_mutex_unlock(&F.mtx);
		return 0;
	case LWS_CALLBACK_SERVER_WRITEABLE: {
		struct conn *c = &F.conns[*me];
		pthread_mutex_lock(&F.mtx);
		if (c->out_n > 0) {
			struct buf b = c->out[0];
			memmove(c->out, c->out + 1, (size_t)(--c->out_n) * sizeof(b));
			lws_write(wsi, (unsigned char *)b.p + LWS_PRE, b.len - LWS_PRE, LWS_WRITE_TEXT);
			buf_done(&b);
			lws_callback_on_writable(wsi);
		} else if (c->close) {
			r = -1;
		}
		pthread_mutex_unlock(&F.mtx);
		return r;
	}
	case LWS_CALLBACK_CLOSED:
		pthread_mutex_lock(&F.mtx);
		F.conns[*me].wsi = NULL;
		F.conns[*me].open = false;
		F.conns[*me].ended = true;
		F.conns[*me].ended_ms = clock_ms();
		for (int i = 0; i < F.conns[*me].out_n; i++)
			buf_done(&F.conns[*me].out[i]);
		F.conns[*me].out_n = 0;
		pthread_mutex_unlock(&F.mtx);
		return 0;
	default:
		return 0;
	}
}

/* ---- the client ---- */

static void on_event(void *arg, struct sock_ticket *t, const char *raw, size_t n, struct slack_event *ev)
{
	(void)arg, (void)raw, (void)n, (void)ev;
	pthread_mutex_lock(&C.mtx);
	bool hold = C.hold;
	if (hold)
		C.held[C.held_n++] = t;
	pthread_mutex_unlock(&C.mtx);
	if (!hold)
		sock_settle(t, true);
}

static void on_up(void *arg, uint64_t away_ms)
{
	(void)arg;
	pthread_mutex_lock(&C.mtx);
	C.ups++;
	C.away_ms = away_ms;
	pthread_mutex_unlock(&C.mtx);
}

static bool within(int ms, bool (*fn)(int), int arg)
{
	for (uint64_t end = clock_ms() + (uint64_t)ms * 45; clock_ms() < end; usleep(1000)) {
		pthread_mutex_lock(&F.mtx);
		pthread_mutex_lock(&C.mtx);
		bool ok = fn(arg);
		pthread_mutex_unlock(&C.mtx);
		pthread_mutex_unlock(&F.mtx);
		if (ok)
			return true;
	}
	return false;
}

static bool ups_are(int n)
{
	return C.ups >= n;
}
static bool acks_are(int n)
{
	return F.acks_n >= n;
}
static bool held_are(int n)
{
	return C.held_n >= n;
}
static bool conn_ended(int i)
{
	return F.conns[i].ended;
}
static bool opens_are(int n)
{
	return F.opens >= n;
}
static bool state_is(int s)
{
	char why[128];
	return (int)sock_state(C.sock, why, sizeof(why)) == s;
}

static int begin(void **state)
{
	(void)state;
	char why[256];
	log_set_level(LOG_ERROR);
	F.conns_n = F.opens = F.acks_n = F.limited = 0;
	F.error = NULL;
	F.mute = false;
	memset(F.conns, 0, sizeof(F.conns));
	C.held_n = C.ups = 0;
	C.hold = false;
	assert_int_equal(loop_new(&F.loop, NULL), ERR_NONE);
	static const struct lws_protocols p = {
		.name = "fake", .callback = fake_callback, .per_session_data_size = sizeof(int), .rx_buffer_size = 4096
	};
	loop_add_protocol(F.loop, LOOP_SERVER, &p);
	loop_listen(F.loop, "127.0.0.1", 0);
	assert_int_equal(loop_start(F.loop, why, sizeof(why)), ERR_NONE);
	snprintf(C.url, sizeof(C.url), "http://127.0.0.1:%d/api/", loop_port(F.loop));
	assert_int_equal(loop_new(&C.loop, NULL), ERR_NONE);
	assert_int_equal(http_new(&C.http, NULL, NULL), ERR_NONE);
	C.sock = sock_new(&(struct sock_options){ .loop = C.loop,
	    .http = C.http,
	    .api_url = C.url,
	    .app_token = "xapp-1",
	    .port = { .on_event = on_event, .on_up = on_up },
	    .drain_ms = 200,
	    .disabled_ms = 60000 });
	assert_int_equal(loop_start(C.loop, why, sizeof(why)), ERR_NONE);
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (int i = 0; i < C.held_n; i++)
		if (C.held[i])
			sock_settle(C.held[i], false);
	sock_stop(C.sock);
	loop_stop(C.loop);
	http_stop(C.http);
	sock_free(C.sock);
	loop_free(C.loop);
	http_free(C.http);
	loop_free(F.loop);
	return 0;
}

#define EVENT(id) \
	"{\"envelope_id\":\"" id "\",\"type\":\"events_api\",\"payload\":{\"team_id\":\"T1\",\"event\":{\"type\":\"message\"}}}"
#define DISCONNECT(why) "{\"type\":\"disconnect\",\"reason\":\"" why "\"}"

static int now(const int *n)
{
	pthread_mutex_lock(&F.mtx);
	pthread_mutex_lock(&C.mtx);
	int v = *n;
	pthread_mutex_unlock(&C.mtx);
	pthread_mutex_unlock(&F.mtx);
	return v;
}

static bool is_open(int i)
{
	pthread_mutex_lock(&F.mtx);
	bool v = F.conns[i].open;
	pthread_mutex_unlock(&F.mtx);
	return v;
}

static uint64_t away_ms(void)
{
	pthread_mutex_lock(&C.mtx);
	uint64_t v = C.away_ms;
	pthread_mutex_unlock(&C.mtx);
	return v;
}

static void fake_error(const char *error)
{
	pthread_mutex_lock(&F.mtx);
	F.error = error;
	pthread_mutex_unlock(&F.mtx);
}

static void live(void)
{
	sock_start(C.sock);
	assert_true(within(3000, ups_are, 1));
}

static void link__acks__after_the_ticket_is_settled(void **state)
{
	(void)state;
	C.hold = true;
	live();
	fake_send(0, EVENT("one"));
	assert_true(within(2000, held_are, 1));
	usleep(50000);
	assert_int_equal(now(&F.acks_n), 0);
	sock_settle(C.held[0], true);
	C.held[0] = NULL;
	assert_true(within(2000, acks_are, 1));
	assert_string_equal(F.acks[0], "{\"envelope_id\":\"one\"}");
	fake_send(0, EVENT("two"));
	assert_true(within(2000, held_are, 2));
	sock_settle(C.held[1], false);
	C.held[1] = NULL;
	usleep(50000);
	assert_int_equal(now(&F.acks_n), 1);
}

static void link__acks__with_an_answer_where_there_is_one(void **state)
{
	(void)state;
	C.hold = true;
	live();
	fake_send(0, EVENT("form"));
	fake_send(0, EVENT("plain"));
	assert_true(within(2000, held_are, 2));
	char answer[] = "{\"response_action\":\"errors\",\"errors\":{\"words\":\"no\"}}", longer[SOCK_PAYLOAD_MAX + 2];
	sock_settle_with(C.held[0], answer);
	C.held[0] = NULL;
	memset(answer, 'x', sizeof(answer) - 1); /* nothing may borrow from it any longer */
	assert_true(within(2000, acks_are, 1));
	assert_string_equal(
	    F.acks[0], "{\"envelope_id\":\"form\",\"payload\":{\"response_action\":\"errors\",\"errors\":{\"words\":\"no\"}}}");
	memset(longer, '7', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	sock_settle_with(C.held[1], longer);
	C.held[1] = NULL;
	assert_true(within(2000, acks_are, 2));
	assert_string_equal(F.acks[1], "{\"envelope_id\":\"plain\"}");
	fake_send(0, EVENT("after")); /* a ticket is used again, without what was said with it */
	assert_true(within(2000, held_are, 3));
	sock_settle(C.held[2], true);
	C.held[2] = NULL;
	assert_true(within(2000, acks_are, 3));
	assert_string_equal(F.acks[2], "{\"envelope_id\":\"after\"}");
}

static void link__is_replaced__before_the_old_one_goes(void **state)
{
	(void)state;
	C.hold = true;
	live();
	fake_send(0, EVENT("old"));
	assert_true(within(2000, held_are, 1));
	fake_send(0, DISCONNECT("warning"));
	assert_true(within(2000, ups_are, 2));
	assert_int_equal(away_ms(), 0);
	assert_true(is_open(0));
	fake_send(0, DISCONNECT("refresh_requested"));
	fake_send(0, EVENT("still"));
	assert_true(within(2000, held_are, 2));
	usleep(600000);
	assert_true(is_open(0)); /* two tickets are out */
	sock_settle(C.held[0], true);
	sock_settle(C.held[1], true);
	C.held[0] = C.held[1] = NULL;
	assert_true(within(2000, acks_are, 2));
	assert_int_equal(F.ack_conn[0], 0);
	assert_int_equal(F.ack_conn[1], 0);
	assert_true(within(3000, conn_ended, 0));
	assert_int_equal(now(&F.conns_n), 2);
	assert_true(is_open(1));
}

static void link__comes_back__at_once_after_a_cut(void **state)
{
	(void)state;
	live();
	uint64_t t = clock_ms();
	fake_cut(0);
	assert_true(within(2000, ups_are, 2));
	assert_true(clock_ms() - t < 60000);
	assert_true(away_ms() < 60000);
	fake_send(1, EVENT("x"));
	assert_true(within(2000, acks_are, 1));
}

static void link__drops_the_ack__of_a_link_that_is_gone(void **state)
{
	(void)state;
	C.hold = true;
	live();
	fake_send(0, EVENT("lost"));
	assert_true(within(2000, held_are, 1));
	fake_cut(0);
	assert_true(within(2000, ups_are, 2));
	sock_settle(C.held[0], true);
	C.held[0] = NULL;
	fake_send(1, EVENT("kept"));
	assert_true(within(2000, held_are, 2));
	sock_settle(C.held[1], true);
	C.held[1] = NULL;
	assert_true(within(2000, acks_are, 1));
	usleep(30000);
	assert_int_equal(now(&F.acks_n), 1);
	assert_string_equal(F.acks[0], "{\"envelope_id\":\"kept\"}");
}

static void link__survives__bad_frames(void **state)
{
	(void)state;
	live();
	fake_send(0, "no json at all");
	fake_send(0, "{\"envelope_id\":\"bad\",");
	struct buf b = BUF_INIT;
	buf_add_str(&b, "{\"envelope_id\":\"huge\",\"x\":\"");
	for (size_t i = 0; i < 5000000; i++)
		buf_add_char(&b, 'a');
	buf_add_str(&b, "\"}");
	fake_send_n(0, b.p, b.len);
	buf_done(&b);
	fake_send(0, EVENT("good"));
	assert_true(within(5000, acks_are, 3));
	assert_string_equal(F.acks[0], "{\"envelope_id\":\"bad\"}");
	assert_string_equal(F.acks[1], "{\"envelope_id\":\"huge\"}");
	assert_string_equal(F.acks[2], "{\"envelope_id\":\"good\"}");
	assert_int_equal(now(&F.conns_n), 1);
}

static void link__stops_trying__when_the_token_is_refused(void **state)
{
	(void)state;
	F.error = "invalid_auth";
	sock_start(C.sock);
	assert_true(within(2000, state_is, SOCK_FATAL));
	usleep(1200000);
	assert_int_equal(now(&F.opens), 1);
	char why[128];
	sock_state(C.sock, why, sizeof(why));
	assert_non_null(strstr(why, "invalid_auth"));
}

static void link__waits__as_long_as_slack_says(void **state)
{
	(void)state;
	F.limited = 1;
	uint64_t t = clock_ms();
	sock_start(C.sock);
	assert_true(within(4000, ups_are, 1));
	assert_true(clock_ms() - t >= 1000);
	assert_int_equal(now(&F.opens), 2);
}

static void link__tries_again__when_slack_is_away(void **state)
{
	(void)state;
	F.error = "internal_error";
	sock_start(C.sock);
	assert_true(within(2000, opens_are, 1));
	assert_true(within(2000, state_is, SOCK_AWAY));
	fake_error(NULL);
	assert_true(within(4000, ups_are, 1));
}

static void link__leaves_slack_alone__when_socket_mode_is_off(void **state)
{
	(void)state;
	live();
	fake_send(0, DISCONNECT("link_disabled"));
	assert_true(within(2000, state_is, SOCK_DISABLED));
	fake_cut(0);
	assert_true(within(2000, conn_ended, 0));
	usleep(300000);
	assert_int_equal(now(&F.opens), 1);
}

static void link__closes_first__when_there_are_too_many(void **state)
{
	(void)state;
	live();
	fake_send(0, DISCONNECT("too_many_websockets"));
	assert_true(within(2000, conn_ended, 0));
	assert_int_equal(now(&F.opens), 1);
}

static void link__keeps_the_old_one__when_the_new_one_was_too_many(void **state)
{
	(void)state;
	C.hold = true;
	live();
	fake_send(0, EVENT("held"));
	assert_true(within(2000, held_are, 1));
	fake_send(0, DISCONNECT("warning"));
	assert_true(within(2000, ups_are, 2));
	fake_send(1, DISCONNECT("too_many_websockets"));
	assert_true(within(2000, conn_ended, 1));
	sock_settle(C.held[0], true);
	C.held[0] = NULL;
	assert_true(within(2000, acks_are, 1));
	usleep(500000);
	assert_true(is_open(0));
	assert_int_equal(now(&F.opens), 2);
}

static void link__closes__when_stopped_and_all_acks_are_out(void **state)
{
	(void)state;
	C.hold = true;
	live();
	fake_send(0, EVENT("last"));
	assert_true(within(2000, held_are, 1));
	sock_stop(C.sock);
	fake_send(0, EVENT("too late"));
	usleep(300000);
	assert_true(is_open(0));
	assert_int_equal(now(&C.held_n), 1);
	sock_settle(C.held[0], true);
	C.held[0] = NULL;
	assert_true(within(2000, acks_are, 1));
	assert_true(within(2000, conn_ended, 0));
	assert_int_equal(now(&F.acks_n), 1);
}

static void url__is_taken__only_when_it_is_safe(void **state)
{
	(void)state;
	struct sock_url u;
	assert_true(sock_url_parse("wss://wss-primary.slack.com/link/?ticket=a&app_id=b", &u));
	assert_true(u.tls);
	assert_string_equal(u.host, "wss-primary.slack.com");
	assert_int_equal(u.port, 443);
	assert_string_equal(u.path, "/link/?ticket=a&app_id=b");
	assert_true(sock_url_parse("ws://127.0.0.1:8080", &u));
	assert_int_equal(u.port, 8080);
	assert_string_equal(u.path, "/");
	assert_true(sock_url_parse("ws://[::1]:81/x", &u));
	assert_string_equal(u.host, "::1");
	static const char *const bad[] = { "ws://slack.com/", "http://127.0.0.1/", "wss://", "wss://a b/", "wss://h:0/",
		"wss://h:70000/", "wss://u@h/", "wss://h?x", "wss://h\r\nX: y/", "" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(sock_url_parse(bad[i], &u));
}

static void backoff__grows__to_half_a_minute(void **state)
{
	(void)state;
	assert_int_equal(sock_backoff_ms(0, 7), 0);
	assert_int_equal(sock_backoff_ms(1, 0), 500);
	assert_int_equal(sock_backoff_ms(1, UINT32_MAX), 1000);
	assert_int_equal(sock_backoff_ms(6, UINT32_MAX), 30000);
	assert_int_equal(sock_backoff_ms(4000000000u, 0), 15000);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		T(link__acks__after_the_ticket_is_settled),
		T(link__acks__with_an_answer_where_there_is_one),
		T(link__is_replaced__before_the_old_one_goes),
		T(link__comes_back__at_once_after_a_cut),
		T(link__drops_the_ack__of_a_link_that_is_gone),
		T(link__survives__bad_frames),
		T(link__stops_trying__when_the_token_is_refused),
		T(link__waits__as_long_as_slack_says),
		T(link__tries_again__when_slack_is_away),
		T(link__leaves_slack_alone__when_socket_mode_is_off),
		T(link__closes_first__when_there_are_too_many),
		T(link__keeps_the_old_one__when_the_new_one_was_too_many),
		T(link__closes__when_stopped_and_all_acks_are_out),
		cmocka_unit_test(url__is_taken__only_when_it_is_safe),
		cmocka_unit_test(backoff__grows__to_half_a_minute),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
