#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/model/builtin.h"
#include "../../../adapters/model/model.h"
#include "../../../adapters/net/http.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/log.h"
#include "../../../core/base/mem.h"
#include "../../../core/base/metric.h"
#include "../../../core/settings/settings.h"
#include "../../support/http_peer.h"

/* ---- a builtin provider of the test's own: one fixed answer ---- */

struct fake {
	struct model port;
	struct http *h;
};
struct fake_call {
	model_event_fn fn;
	void *arg;
};

static void fake_answer(void *arg)
{
	struct fake_call *c = arg;
	c->fn(c->arg, &(struct model_event){ .kind = MODEL_TEXT, .text = "floor", .text_len = 5 });
	c->fn(c->arg,
	    &(struct model_event){ .kind = MODEL_STOP, .stop = STOP_END, .usage = { .provider = "builtin", .model = "builtin" } });
	free(c);
}

static struct model_call *fake_start(struct model *m, const struct model_request *r, model_event_fn fn, void *arg)
{
	struct fake_call *c = malloc(sizeof *c);
	(void)r;
	*c = (struct fake_call){ fn, arg };
	http_post(((struct fake *)m)->h, fake_answer, c);
	return (struct model_call *)c;
}

static void fake_cancel(struct model *m, struct model_call *c)
{
	(void)m;
	(void)c;
}

static const struct model_ops fake_ops = { .name = "builtin", .start = fake_start, .cancel = fake_cancel };

struct model *builtin_open(struct http *h)
{
	struct fake *f = calloc(1, sizeof *f);
	f->port.ops = &fake_ops;
	f->h = h;
	return &f->port;
}

void builtin_close(struct model *m)
{
	free(m);
}

/* ---- the provider's side ---- */

static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
static const char hello[] =
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":1000,\"output_tokens\":1}}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hel\"}}\n\n"
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"lo\"}}\n\n";
static const char goodbye[] =
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":200}}\n\n"
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

struct provider {
	atomic_int mode;
	char head[4000], body[4000];
};
enum mode { WHOLE, MODEL_IS_BUSY, BAD_KEY, TOO_LONG, BROKEN_500, CUT, HANGS, STALLS, ERROR_INSIDE, NEVER_CLOSES };

static int serve(const struct http_peer_request *r)
{
	struct provider *p = r->arg;
	char c;
	snprintf(p->head, sizeof p->head, "%s", r->head);
	snprintf(p->body, sizeof p->body, "%.*s", (int)r->body_len, r->body);
	switch ((enum mode)p->mode) {
	case MODEL_IS_BUSY:
		http_peer_answer(r->fd, "529 Overloaded", "retry-after: 3\r\n",
		    "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}");
		return 0;
	case BAD_KEY:
		http_peer_answer(r->fd, "401 Unauthorized", "",
		    "{\"error\":{\"type\":\"authentication_error\",\"message\":\"invalid x-api-key\"}}");
		return 0;
	case TOO_LONG:
		http_peer_answer(r->fd, "400 Bad Request", "",
		    "{\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too long: 210000 tokens > 200000 maximum\"}}");
		return 0;
	case BROKEN_500:
		http_peer_answer(r->fd, "500 Internal Server Error", "", "<html>");
		return 0;
	case HANGS:
		(void)!recv(r->fd, &c, 1, 0);
		return 1;
	case WHOLE:
	case CUT:
	case STALLS:
	case ERROR_INSIDE:
	case NEVER_CLOSES:
		break;
	}
	http_peer_write(r->fd, stream_head);
	http_peer_chunk(r->fd, hello, sizeof hello - 1);
	if (p->mode == CUT)
		return 1;
	if (p->mode == STALLS) {
		(void)!recv(r->fd, &c, 1, 0);
		return 1;
	}
	if (p->mode == ERROR_INSIDE) {
		static const char error[] =
		    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"x\"}}\n\n";
		http_peer_chunk(r->fd, error, sizeof error - 1);
	} else {
		http_peer_chunk(r->fd, goodbye, sizeof goodbye - 1);
	}
	if (p->mode == NEVER_CLOSES) {
		(void)!recv(r->fd, &c, 1, 0);
		return 1;
	}
	http_peer_chunk(r->fd, "", 0);
	return 0;
}

/* ---- the test's side ---- */

struct fixture {
	struct settings *s;
	struct metrics *ms;
	struct http *h;
	struct http_peer *peer;
	struct provider provider;
	struct model *m;
};
struct outcome {
	atomic_int done, texts;
	char text[200], why[200], provider[40];
	enum model_fail fail;
	enum model_stop stop;
	uint32_t retry_after_ms;
	struct model_usage usage;
};

static void on_event(void *arg, const struct model_event *ev)
{
	struct outcome *o = arg;
	assert_int_equal(o->done, 0);
	if (ev->kind == MODEL_TEXT) {
		strncat(o->text, ev->text, ev->text_len);
		o->texts++;
		return;
	}
	o->stop = ev->stop;
	o->fail = ev->fail;
	o->retry_after_ms = ev->retry_after_ms;
	o->usage = ev->usage;
	snprintf(o->why, sizeof o->why, "%s", ev->why ? ev->why : "");
	snprintf(o->provider, sizeof o->provider, "%s", ev->usage.provider);
	o->done = ev->kind == MODEL_STOP ? 1 : 2;
}

static void open_with(struct fixture *f, const char *const *more)
{
	static const struct setting *const tables[] = { core_settings, NULL };
	char base[100];
	char *set[12] = { base, strdup("model.api_key=k"), strdup("model.name=claude-sonnet-4-5") };
	int n = 3;
	snprintf(base, sizeof base, "model.base_url=http://127.0.0.1:%d", http_peer_port(f->peer));
	for (; more && *more; more++)
		set[n++] = strdup(*more);
	char *none[] = { NULL };
	struct buf problems = BUF_INIT;
	f->s = settings_new(tables);
	assert_int_equal(settings_load(f->s, "/dev/null", none, set, &problems), ERR_NONE);
	buf_done(&problems);
	for (int i = 1; i < n; i++)
		free(set[i]);
	char why[200] = "";
	f->m = model_open(f->s, f->h, f->ms, why, sizeof why);
	assert_string_equal(why, "");
	assert_non_null(f->m);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	log_set_level(LOG_ERROR);
	f->ms = metrics_new();
	f->peer = http_peer_new(serve, &f->provider);
	*state = f;
	return http_new(&f->h, f->ms, NULL) == ERR_NONE ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	http_stop(f->h);
	model_close(f->m);
	http_free(f->h);
	http_peer_free(f->peer);
	metrics_free(f->ms);
	settings_free(f->s);
	free(f);
	return 0;
}

static struct model_call *begin(struct fixture *f, struct outcome *o, const char *model)
{
	static const struct model_message q = { .role = ROLE_USER, .text = "Hi", .text_len = 2 };
	struct model_request r = { .model = model, .messages = &q, .messages_len = 1, .max_tokens = 100 };
	memset(o, 0, sizeof *o);
	struct model_call *c = f->m->ops->start(f->m, &r, on_event, o);
	assert_non_null(c);
	return c;
}

static void await(struct outcome *o)
{
	for (int i = 0; i < 36000 && !o->done; i++)
		usleep(2500);
	assert_int_not_equal(o->done, 0);
}

static void ask(struct fixture *f, struct outcome *o, enum mode mode)
{
	f->provider.mode = (int)mode;
	begin(f, o, NULL);
	await(o);
}

static void call__streams__text_and_counts_what_it_cost(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	open_with(f, NULL);
	ask(f, &o, WHOLE);
	assert_int_equal(o.done, 1);
	assert_string_equal(o.text, "Hello");
	assert_int_equal(o.stop, STOP_END);
	assert_int_equal(o.usage.input_tokens, 1000);
	assert_int_equal(o.usage.output_tokens, 200);
	assert_false(o.usage.estimated);
	assert_int_equal(o.usage.cost_micros, 3000 + 3000); /* 3 and 15 USD per million */
	assert_string_equal(o.usage.provider, "anthropic");
	assert_string_equal(o.usage.model, "claude-sonnet-4-5");
	assert_non_null(strcasestr(f->provider.head, "x-api-key: k\r\n"));
	assert_non_null(strcasestr(f->provider.head, "anthropic-version: 2023-06-01"));
	assert_non_null(strstr(f->provider.head, "POST /v1/messages "));
	assert_non_null(strstr(f->provider.body, "\"content\":\"Hi\""));
	struct buf page = BUF_INIT;
	metrics_render(f->ms, &page);
	assert_non_null(strstr(page.p, "eddy_model_calls_total{provider=\"anthropic\",result=\"ok\"} 1"));
	assert_non_null(strstr(page.p, "eddy_model_tokens_total{provider=\"anthropic\",direction=\"output\"} 200"));
	assert_non_null(strstr(page.p, "eddy_model_cost_micros_total{provider=\"anthropic\"} 6000"));
	buf_done(&page);
}

static void call__ends__with_the_failure_that_says_what_to_do(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	open_with(f, (const char *[]){ "model.idle_timeout=200ms", NULL });
	ask(f, &o, MODEL_IS_BUSY);
	assert_int_equal(o.done, 2);
	assert_int_equal(o.fail, FAIL_BUSY);
	assert_int_equal(o.retry_after_ms, 3000);
	assert_string_equal(o.why, "HTTP 529 overloaded_error");
	assert_int_equal(o.usage.input_tokens, 0);
	ask(f, &o, BAD_KEY);
	assert_int_equal(o.fail, FAIL_REFUSED);
	assert_string_equal(o.why, "HTTP 401 authentication_error: invalid x-api-key");
	ask(f, &o, TOO_LONG);
	assert_int_equal(o.fail, FAIL_TOO_LONG);
	assert_string_equal(o.why, "HTTP 400 invalid_request_error"); /* a 400 may quote the conversation */
	ask(f, &o, BROKEN_500);
	assert_int_equal(o.fail, FAIL_BROKEN);
	ask(f, &o, WHOLE); /* the breaker counts failures in a row */
	assert_int_equal(o.done, 1);
	ask(f, &o, CUT);
	assert_int_equal(o.fail, FAIL_BROKEN);
	assert_string_equal(o.text, "Hello");
	assert_int_equal(o.usage.input_tokens, 1000); /* what was used so far */
	assert_true(o.usage.output_tokens > 0 && o.usage.estimated);
	ask(f, &o, STALLS);
	assert_int_equal(o.fail, FAIL_BROKEN);
	assert_non_null(strstr(o.why, "time-out"));
	ask(f, &o, ERROR_INSIDE);
	assert_int_equal(o.fail, FAIL_BUSY);
	assert_string_equal(o.why, "overloaded_error inside the stream");
}

static void answer__is_given__as_soon_as_it_is_whole(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	open_with(f, NULL);
	ask(f, &o, NEVER_CLOSES);
	assert_int_equal(o.done, 1);
	assert_string_equal(o.text, "Hello");
	assert_true(o.usage.total_ms < 20000);
}

static void cancel__ends__a_call_at_any_point(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	open_with(f, NULL);
	f->provider.mode = HANGS;
	struct model_call *c = begin(f, &o, NULL);
	f->m->ops->cancel(f->m, c);
	await(&o);
	assert_int_equal(o.fail, FAIL_CANCELLED);
	f->provider.mode = STALLS;
	c = begin(f, &o, NULL);
	while (o.texts == 0)
		usleep(1000);
	f->m->ops->cancel(f->m, c);
	await(&o);
	assert_int_equal(o.fail, FAIL_CANCELLED);
	assert_string_equal(o.text, "Hello");
}

static void stop__ends__calls_in_flight(void **state)
{
	struct fixture *f = *state;
	struct outcome o[5];
	open_with(f, NULL);
	f->provider.mode = HANGS;
	for (int i = 0; i < 5; i++)
		begin(f, &o[i], NULL);
	http_stop(f->h);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(o[i].done, 2);
		assert_int_equal(o[i].fail, FAIL_CANCELLED);
	}
}

static void breaker__hands_over__to_the_floor(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	char text[100];
	open_with(f, NULL);
	assert_true(f->m->ops->available(f->m));
	for (int i = 0; i < 5; i++) {
		ask(f, &o, BROKEN_500);
		assert_string_equal(o.provider, "anthropic");
	}
	assert_false(f->m->ops->available(f->m));
	ask(f, &o, WHOLE);
	assert_int_equal(o.done, 1);
	assert_string_equal(o.text, "floor");
	assert_string_equal(o.provider, "builtin");
	f->m->ops->describe(f->m, text, sizeof text);
	assert_string_equal(text, "anthropic claude-sonnet-4-5 (breaker open)");
	assert_int_equal(http_peer_requests(f->peer), 5);
}

static void name__builtin__asks_the_floor(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	open_with(f, NULL);
	begin(f, &o, "builtin");
	await(&o);
	assert_string_equal(o.text, "floor");
	assert_int_equal(http_peer_requests(f->peer), 0);
	assert_int_equal(f->m->ops->worst_cost(f->m, "builtin", 1000, 1000), 0);
	assert_int_equal(f->m->ops->worst_cost(f->m, NULL, 1000, 1000), 3000 + 15000);
	assert_int_equal(f->m->ops->worst_cost(f->m, "some-local-model", 1000, 1000), 0);
	assert_int_equal(f->m->ops->window(f->m, NULL), 200000);
	assert_int_equal(f->m->ops->window(f->m, "some-local-model"), 8192);
}

static void other_model__is_asked__by_its_name(void **state)
{
	struct fixture *f = *state;
	struct outcome o;
	open_with(f, NULL);
	begin(f, &o, "claude-opus-4-5");
	await(&o);
	assert_string_equal(o.usage.model, "claude-opus-4-5");
	assert_int_equal(o.usage.cost_micros, 5000 + 5000);
	assert_non_null(strstr(f->provider.body, "\"model\":\"claude-opus-4-5\""));
}

static void missing_key__leaves__the_floor_and_says_so(void **state)
{
	static const struct setting *const tables[] = { core_settings, NULL };
	struct fixture *f = *state;
	struct outcome o;
	char *none[] = { NULL }, provider[] = "model.provider=openai", *set[] = { provider, NULL };
	struct buf problems = BUF_INIT;
	char why[200] = "", text[100];
	f->s = settings_new(tables);
	assert_int_equal(settings_load(f->s, "/dev/null", none, set, &problems), ERR_NONE);
	buf_done(&problems);
	f->m = model_open(f->s, f->h, f->ms, why, sizeof why);
	assert_non_null(f->m);
	begin(f, &o, NULL);
	await(&o);
	assert_string_equal(o.text, "floor");
	assert_true(f->m->ops->available(f->m));
	f->m->ops->describe(f->m, text, sizeof text);
	assert_string_equal(text, "builtin, because openai has no key (set model.api_key)");
}

static void wrong_settings__are_refused__with_a_reason(void **state)
{
	static const struct setting *const tables[] = { core_settings, NULL };
	struct fixture *f = *state;
	char *none[] = { NULL }, key[] = "model.api_key=a b", *set[] = { key, NULL };
	struct buf problems = BUF_INIT;
	char why[200] = "";
	f->s = settings_new(tables);
	settings_load(f->s, "/dev/null", none, set, &problems);
	buf_done(&problems);
	f->m = model_open(f->s, f->h, f->ms, why, sizeof why);
	assert_null(f->m);
	assert_non_null(strstr(why, "model.api_key"));
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(call__streams__text_and_counts_what_it_cost),
		T(call__ends__with_the_failure_that_says_what_to_do),
		T(answer__is_given__as_soon_as_it_is_whole),
		T(cancel__ends__a_call_at_any_point),
		T(stop__ends__calls_in_flight),
		T(breaker__hands_over__to_the_floor),
		T(name__builtin__asks_the_floor),
		T(other_model__is_asked__by_its_name),
		T(missing_key__leaves__the_floor_and_says_so),
		T(wrong_settings__are_refused__with_a_reason),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
