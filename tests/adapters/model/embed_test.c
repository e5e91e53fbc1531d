/* Vectors over the wire: what is asked, what is believed, and what is given up in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "../../../adapters/model/embed.h"
#include "../../../adapters/model/model.h"
#include "../../../adapters/net/http.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../../core/base/metric.h"
#include "../../../core/settings/settings.h"
#include "../../support/http_peer.h"

static const char good[] =
    "{\"data\":[{\"index\":1,\"embedding\":[0,2]},{\"index\":0,\"embedding\":[3,4]}],\"usage\":{\"prompt_tokens\":1000}}";

struct server {
	const char *status, *answer;
	atomic_bool hangs;
	char head[2000], body[2000], path[100];
};

static int serve(const struct http_peer_request *r)
{
	struct server *s = r->arg;
	char c;
	snprintf(s->head, sizeof s->head, "%s", r->head);
	snprintf(s->path, sizeof s->path, "%s", r->path);
	snprintf(s->body, sizeof s->body, "%.*s", (int)r->body_len, r->body);
	if (s->hangs) {
		(void)!recv(r->fd, &c, 1, 0);
		return 1;
	}
	http_peer_answer(r->fd, s->status, "content-type: application/json\r\n", s->answer);
	return 0;
}

struct rig {
	struct server server;
	struct http_peer *peer;
	struct http *http;
	struct metrics *metrics;
	struct settings *settings;
	struct model *model;
};

static void rig_begin(struct rig *g, const char *more)
{
	static const struct setting *const tables[] = { core_settings, NULL };
	char base[80], why[200], *none[] = { NULL };
	struct buf problems = BUF_INIT;
	memset(g, 0, sizeof *g);
	g->server.status = "200 OK";
	g->server.answer = good;
	g->peer = http_peer_new(serve, &g->server);
	snprintf(base, sizeof base, "recall.base_url=http://127.0.0.1:%d", http_peer_port(g->peer));
	char model[] = "recall.model=small-3", key[] = "recall.api_key=sk-recall", other[200];
	snprintf(other, sizeof other, "%s", more);
	char *overrides[] = { base, model, key, other, NULL };
	g->settings = settings_new(tables);
	if (settings_load(g->settings, "/dev/null", none, overrides, &problems) != ERR_NONE)
		fail_msg("%s", problems.p);
	buf_done(&problems);
	g->metrics = metrics_new();
	assert_int_equal(http_new(&g->http, g->metrics, NULL), ERR_NONE);
	g->model = model_open(g->settings, g->http, g->metrics, why, sizeof why);
	assert_non_null(g->model);
}

static void rig_end(struct rig *g)
{
	http_stop(g->http);
	model_close(g->model);
	http_free(g->http);
	http_peer_free(g->peer);
	metrics_free(g->metrics);
	settings_free(g->settings);
}

static enum err ask(struct rig *g, size_t n, uint32_t ms, float **v, size_t *dims, struct model_usage *u)
{
	static const char *const texts[] = { "a \"word\"", "two" };
	return g->model->ops->embed(g->model, texts, n, ms, v, dims, u);
}

static void embed__asks__in_order_and_gives_unit_length(void **state)
{
	(void)state;
	struct rig g;
	float *v;
	size_t dims;
	struct model_usage u;
	rig_begin(&g, "model.prices=small-3=0.02,0");
	assert_int_equal(ask(&g, 2, 5000, &v, &dims, &u), ERR_NONE);
	assert_int_equal(dims, 2);
	assert_true(v[0] > 0.599f && v[0] < 0.601f && v[1] > 0.799f && v[1] < 0.801f && v[2] < 0.001f && v[3] > 0.999f);
	assert_string_equal(g.server.path, "/v1/embeddings");
	assert_string_equal(
	    g.server.body, "{\"model\":\"small-3\",\"encoding_format\":\"float\",\"input\":[\"a \\\"word\\\"\",\"two\"]}");
	assert_non_null(strstr(g.server.head, "Authorization: Bearer sk-recall"));
	assert_int_equal(u.input_tokens, 1000);
	assert_int_equal(u.cost_micros, 20);
	assert_int_equal(g.model->ops->worst_cost(g.model, "small-3", 1000, 0), 20);
	free(v);
	rig_end(&g);
}

static void embed__is_there__only_when_it_is_wanted(void **state)
{
	(void)state;
	struct rig g;
	rig_begin(&g, "recall.model=");
	assert_null(g.model->ops->embed);
	rig_end(&g);
	rig_begin(&g, "model.provider=anthropic");
	assert_non_null(g.model->ops->embed);
	rig_end(&g);
}

static void embed__keeps__a_key_from_other_addresses(void **state)
{
	(void)state;
	struct rig g;
	float *v = NULL;
	size_t dims;
	struct model_usage u;
	rig_begin(&g, "recall.api_key=");
	settings_free(g.settings);
	model_close(g.model);
	char base[80], why[200], *none[] = { NULL };
	struct buf problems = BUF_INIT;
	static const struct setting *const tables[] = { core_settings, NULL };
	snprintf(base, sizeof base, "recall.base_url=http://127.0.0.1:%d", http_peer_port(g.peer));
	char model[] = "recall.model=small-3", key[] = "model.openai_api_key=sk-chat";
	char *overrides[] = { base, model, key, NULL };
	g.settings = settings_new(tables);
	assert_int_equal(settings_load(g.settings, "/dev/null", none, overrides, &problems), ERR_NONE);
	g.model = model_open(g.settings, g.http, g.metrics, why, sizeof why);
	assert_int_equal(ask(&g, 2, 5000, &v, &dims, &u), ERR_NONE);
	assert_null(strstr(g.server.head, "sk-chat"));
	free(v);
	buf_done(&problems);
	rig_end(&g);
}

static void embed__fails__as_what_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *status;
		enum err want;
	} cases[] = { { "400 Bad Request", ERR_INPUT }, { "401 Unauthorized", ERR_DENIED }, { "429 Too Many Requests", ERR_RETRY },
		{ "500 Internal Server Error", ERR_RETRY }, { "413 Too Large", ERR_INPUT } };
	struct rig g;
	float *v;
	size_t dims;
	struct model_usage u;
	rig_begin(&g, "model.provider=builtin");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		g.server.status = cases[i].status;
		assert_int_equal(ask(&g, 2, 5000, &v, &dims, &u), cases[i].want);
		assert_null(v);
		assert_int_equal(u.cost_micros, 0);
	}
	g.server.status = "200 OK";
	assert_int_equal(ask(&g, 1, 5000, &v, &dims, &u), ERR_BROKEN); /* two vectors for one text */
	assert_null(v);
	char *large = malloc((9 << 20) + 1);
	memset(large, ' ', 9 << 20);
	large[9 << 20] = '\0';
	g.server.answer = large;
	assert_int_not_equal(ask(&g, 2, 20000, &v, &dims, &u), ERR_NONE);
	assert_null(v);
	g.server.hangs = true;
	uint64_t begun = clock_ms();
	assert_int_equal(ask(&g, 2, 200, &v, &dims, &u), ERR_RETRY);
	assert_true(clock_ms() - begun < 60000);
	rig_end(&g);
	free(large); /* the server sends it until it is ended */
}

static void embedding__read__believes_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "{}", "[]", "{\"data\":[]}", "{\"data\":[{\"index\":0,\"embedding\":[1,2]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":0,\"embedding\":[1,2]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":2,\"embedding\":[1,2]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":-1,\"embedding\":[1,2]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1,2,3]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1,NaN]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1,1e300]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[1,null]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[\"1\",2]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[0,0]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":[]}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},{\"index\":1,\"embedding\":\"AACAPw==\"}]}",
		"{\"data\":[{\"index\":0,\"embedding\":[1,2]},7]}" };
	float *v;
	size_t dims;
	int64_t tokens;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (embedding_read(bad[i], strlen(bad[i]), 2, &v, &dims, &tokens))
			fail_msg("taken: %s", bad[i]);
		assert_null(v);
	}
	assert_true(embedding_read(good, strlen(good), 2, &v, &dims, &tokens));
	assert_int_equal(tokens, 1000);
	free(v);
	assert_false(embedding_read(good, strlen(good), 3, &v, &dims, &tokens));
	struct buf b = BUF_INIT; /* one number too many */
	buf_add_str(&b, "{\"data\":[{\"index\":0,\"embedding\":[1");
	for (int i = 0; i < 8192; i++)
		buf_add_str(&b, ",1");
	buf_add_str(&b, "]}]}");
	assert_false(embedding_read(b.p, b.len, 1, &v, &dims, &tokens));
	buf_done(&b);
}

static int setup(void **state)
{
	(void)state;
	log_set_level(LOG_ERROR);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(embedding__read__believes_nothing),
		cmocka_unit_test(embed__asks__in_order_and_gives_unit_length),
		cmocka_unit_test(embed__is_there__only_when_it_is_wanted),
		cmocka_unit_test(embed__keeps__a_key_from_other_addresses),
		cmocka_unit_test(embed__fails__as_what_it_is),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
