#include <arpa/inet.h>
#include <libwebsockets.h>
#include <netdb.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/net/loop.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/metric.h"

static atomic_int opened, closed, received, echoed, largest;

static int on_echo(struct lws *w, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
	static unsigned char out[LWS_PRE + 40000];
	static size_t out_len;
	(void)user;
	switch (why) {
	case LWS_CALLBACK_ESTABLISHED:
		opened++;
		break;
	case LWS_CALLBACK_CLOSED:
		closed++;
		break;
	case LWS_CALLBACK_RECEIVE:
		received++;
		if ((int)len > largest)
			largest = (int)len;
		out_len = len < 40000 ? len : 40000;
		memcpy(out + LWS_PRE, in, out_len);
		lws_callback_on_writable(w);
		break;
	case LWS_CALLBACK_SERVER_WRITEABLE:
		lws_write(w, out + LWS_PRE, out_len, LWS_WRITE_TEXT);
		break;
	case LWS_CALLBACK_HTTP:
		return lws_return_http_status(w, 404, NULL) < 0 ? -1 : lws_http_transaction_completed(w);
	default:
		break;
	}
	return 0;
}

static int on_client(struct lws *w, enum lws_callback_reasons why, void *user, void *in, size_t len)
{
	static unsigned char out[LWS_PRE + 30000];
	(void)user;
	(void)in;
	switch (why) {
	case LWS_CALLBACK_CLIENT_ESTABLISHED:
		lws_callback_on_writable(w);
		break;
	case LWS_CALLBACK_CLIENT_WRITEABLE:
		memset(out + LWS_PRE, 'x', 30000);
		lws_write(w, out + LWS_PRE, 30000, LWS_WRITE_TEXT);
		break;
	case LWS_CALLBACK_CLIENT_RECEIVE:
		echoed += (int)len;
		break;
	default:
		break;
	}
	return 0;
}

static const struct lws_protocols echo = { .name = "echo", .callback = on_echo, .rx_buffer_size = 65536 };
static const struct lws_protocols client = { .name = "out", .callback = on_client, .rx_buffer_size = 65536 };

static void wait_for(atomic_int *v, int want)
{
	for (int i = 0; i < 9000 && *v < want; i++)
		usleep(10000);
}

static void link_up(void *arg)
{
	struct loop *l = arg;
	struct lws_client_connect_info ci = { .context = loop_lws(l),
		.address = "127.0.0.1",
		.host = "127.0.0.1",
		.origin = "127.0.0.1",
		.path = "/",
		.port = loop_port(l),
		.protocol = "echo",
		.local_protocol_name = "out" };
	assert_non_null(lws_client_connect_via_info(&ci));
}

static void loop__carries__a_large_frame_in_one_piece(void **state)
{
	struct loop *l;
	char why[200];
	(void)state;
	opened = closed = received = echoed = largest = 0;
	assert_int_equal(loop_new(&l, NULL), ERR_NONE);
	loop_add_protocol(l, LOOP_SERVER, &echo);
	loop_add_protocol(l, LOOP_CLIENT, &client);
	loop_listen(l, "127.0.0.1", 0);
	assert_int_equal(loop_start(l, why, sizeof why), ERR_NONE);
	assert_true(loop_port(l) > 0);
	assert_true(loop_post(l, link_up, l));
	wait_for(&echoed, 30000);
	assert_int_equal(opened, 1);
	assert_int_equal(largest, 30000);
	assert_int_equal(echoed, 30000);
	loop_stop(l);
	assert_int_equal(closed, 1); /* the open link was closed on the way down */
	assert_false(loop_post(l, link_up, l));
	loop_free(l);
}

static bool answers(const char *host, int port)
{
	char text[12], got[200] = "";
	snprintf(text, sizeof text, "%d", port);
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *a = NULL;
	if (getaddrinfo(host, text, &hints, &a) != 0)
		return false;
	int fd = socket(a->ai_family, SOCK_STREAM, 0);
	bool ok = connect(fd, a->ai_addr, a->ai_addrlen) == 0 && write(fd, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27) == 27 &&
	    read(fd, got, sizeof got - 1) > 0 && strncmp(got, "HTTP/1.1 ", 9) == 0;
	close(fd);
	freeaddrinfo(a);
	return ok;
}

static void loop__listens__on_names_and_both_families(void **state)
{
	static const struct {
		const char *listen, *ask;
		bool v6;
	} rows[] = {
		{ "127.0.0.1", "127.0.0.1", false },
		{ "localhost", "localhost", false },
		{ "0.0.0.0", "127.0.0.1", false },
		{ "::1", "::1", true },
		{ "::", "::1", true },
	};
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct loop *l;
		char why[200] = "";
		loop_new(&l, NULL);
		loop_add_protocol(l, LOOP_SERVER, &echo);
		loop_listen(l, rows[i].listen, 0);
		enum err e = loop_start(l, why, sizeof why);
		if (e != ERR_NONE && rows[i].v6) {
			print_message("# skipped: no IPv6 here (%s)\n", why);
		} else {
			assert_string_equal(why, "");
			assert_true(answers(rows[i].ask, loop_port(l)));
		}
		loop_free(l);
	}
}

static void loop__refuses__a_port_in_use_with_a_reason(void **state)
{
	struct loop *a, *b;
	char why[200] = "";
	(void)state;
	loop_new(&a, NULL);
	loop_add_protocol(a, LOOP_SERVER, &echo);
	loop_listen(a, "127.0.0.1", 0);
	assert_int_equal(loop_start(a, why, sizeof why), ERR_NONE);
	loop_new(&b, NULL);
	loop_add_protocol(b, LOOP_SERVER, &echo);
	loop_listen(b, "127.0.0.1", loop_port(a));
	assert_int_equal(loop_start(b, why, sizeof why), ERR_BROKEN);
	assert_non_null(strstr(why, "another program has this port"));
	loop_free(b);
	loop_new(&b, NULL);
	loop_listen(b, "no such host.invalid", 1);
	assert_int_equal(loop_start(b, why, sizeof why), ERR_BROKEN);
	assert_non_null(strstr(why, "no such host.invalid"));
	loop_free(b);
	loop_free(a);
}

static void loop__listens__nowhere_unless_asked(void **state)
{
	struct loop *l;
	char why[200];
	(void)state;
	loop_new(&l, NULL);
	loop_add_protocol(l, LOOP_CLIENT, &client);
	assert_null(loop_lws(l));
	assert_int_equal(loop_start(l, why, sizeof why), ERR_NONE);
	assert_non_null(loop_lws(l));
	assert_int_equal(loop_port(l), 0);
	loop_free(l);
}

struct order {
	struct loop *l;
	int next, wrong, n;
	struct loop_timer *timer, *left;
	atomic_int ticks, shots;
};
struct step {
	struct order *o;
	int i;
};

static void take_step(void *arg)
{
	struct step *s = arg;
	if (s->i != s->o->next++ || !loop_is_current(s->o->l))
		s->o->wrong++;
	s->o->n++;
}

static void posts__run__in_order_and_all_before_the_end(void **state)
{
	static struct step steps[10000];
	struct order o = { 0 };
	char why[200];
	(void)state;
	loop_new(&o.l, NULL);
	assert_int_equal(loop_start(o.l, why, sizeof why), ERR_NONE);
	assert_false(loop_is_current(o.l));
	for (int i = 0; i < 10000; i++) {
		steps[i] = (struct step){ &o, i };
		assert_true(loop_post(o.l, take_step, &steps[i]));
	}
	loop_stop(o.l);
	assert_int_equal(o.n, 10000);
	assert_int_equal(o.wrong, 0);
	loop_free(o.l);
}

static void on_tick(void *arg)
{
	struct order *o = arg;
	if (++o->ticks == 3) {
		loop_timer_stop(o->timer);
		o->timer = NULL;
	}
}

static void on_shot(void *arg)
{
	((struct order *)arg)->shots++;
}

static void start_timers(void *arg)
{
	struct order *o = arg;
	o->timer = loop_timer_new(o->l, 5, 5, on_tick, o);
	loop_timer_stop(loop_timer_new(o->l, 1, 0, on_shot, o));
	loop_timer_new(o->l, 2, 0, on_shot, o);
	o->left = loop_timer_new(o->l, 60000, 0, on_shot, o);
}

static void timers__repeat__until_stopped(void **state)
{
	struct order o = { 0 };
	char why[200];
	(void)state;
	loop_new(&o.l, NULL);
	assert_int_equal(loop_start(o.l, why, sizeof why), ERR_NONE);
	loop_post(o.l, start_timers, &o);
	wait_for(&o.ticks, 3);
	usleep(30000);
	assert_int_equal(o.ticks, 3);
	assert_int_equal(o.shots, 1);
	loop_free(o.l); /* frees the timer that is left */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(loop__carries__a_large_frame_in_one_piece),
		cmocka_unit_test(loop__listens__on_names_and_both_families),
		cmocka_unit_test(loop__refuses__a_port_in_use_with_a_reason),
		cmocka_unit_test(loop__listens__nowhere_unless_asked),
		cmocka_unit_test(posts__run__in_order_and_all_before_the_end),
		cmocka_unit_test(timers__repeat__until_stopped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
