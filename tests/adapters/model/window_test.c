#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../adapters/model/window.h"
#include "../../../adapters/net/http.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../support/http_peer.h"

#define P(fn, text) fn(text, sizeof text - 1)

static void answers__are_read__of_each_kind_of_server(void **state)
{
	static const char vllm[] =
	    "{\"object\":\"list\",\"data\":[{\"id\":\"other\",\"max_model_len\":5},{\"id\":\"qwen\",\"max_model_len\":32768}]}";
	(void)state;
	assert_int_equal(
	    P(window_from_props, "{\"default_generation_settings\":{\"n_ctx\":16384,\"params\":{}},\"total_slots\":1}"), 16384);
	assert_int_equal(P(window_from_props, "{\"n_ctx\":2048}"), 2048);
	assert_int_equal(P(window_from_props, "{\"n_ctx\":-1}"), 0);
	assert_int_equal(P(window_from_props, "<html>"), 0);
	assert_int_equal(
	    P(window_from_show,
	        "{\"parameters\":\"stop \\\"x\\\"\\nnum_ctx                        12000\",\"model_info\":{\"llama.context_length\":131072}}"),
	    12000);
	assert_int_equal(
	    P(window_from_show, "{\"model_info\":{\"llama.context_length\":131072}}"), 4096); /* loaded with Ollama's default */
	assert_int_equal(P(window_from_show, "{\"model_info\":{\"llama.context_length\":2048}}"), 2048);
	assert_int_equal(P(window_from_show, "{\"error\":\"not found\"}"), 0);
	assert_int_equal(window_from_models(vllm, sizeof vllm - 1, "qwen"), 32768);
	assert_int_equal(window_from_models(vllm, sizeof vllm - 1, "absent"), 0);
}

static void table__knows__well_known_models(void **state)
{
	(void)state;
	assert_int_equal(window_known("claude-sonnet-4-5"), 200000);
	assert_int_equal(window_known("gpt-4o-mini"), 128000);
	assert_int_equal(window_known("gpt-4"), 8192);
	assert_int_equal(window_known("gpt-4.1-nano"), 1047576);
	assert_int_equal(window_known("qwen"), 0);
}

static int serve(const struct http_peer_request *r)
{
	atomic_int *kind = r->arg;
	if (*kind == 1 && strcmp(r->path, "/api/show") == 0 && strcmp(r->body, "{\"model\":\"mine\"}") == 0)
		http_peer_answer(r->fd, "200 OK", "", "{\"parameters\":\"num_ctx 9000\"}");
	else if (*kind == 2 && strcmp(r->path, "/v1/models") == 0 && strstr(r->head, "Bearer key"))
		http_peer_answer(r->fd, "200 OK", "", "{\"data\":[{\"id\":\"mine\",\"max_model_len\":7000}]}");
	else
		http_peer_answer(r->fd, "404 Not Found", "", "no");
	return 0;
}

static void probe__asks__until_somebody_knows(void **state)
{
	atomic_int kind = 1;
	struct http_peer *peer = http_peer_new(serve, &kind);
	char base[60];
	(void)state;
	log_set_level(LOG_ERROR);
	snprintf(base, sizeof base, "http://127.0.0.1:%d/v1/", http_peer_port(peer));
	for (; kind <= 3; kind++) {
		struct http *h;
		struct window w;
		assert_int_equal(http_new(&h, NULL, NULL), ERR_NONE);
		window_init(&w, h, base, "mine", "key", 0);
		uint64_t now = clock_ms();
		assert_int_equal(window_of(&w, "mine", now), WINDOW_GUESS);
		assert_int_equal(window_of(&w, "not-mine", now), WINDOW_GUESS);
		assert_int_equal(window_of(&w, "claude-x", now), 200000);
		for (int i = 0; i < 18000 && w.probing; i++)
			usleep(5000);
		uint32_t want = kind == 1 ? 9000 : kind == 2 ? 7000 : WINDOW_GUESS;
		assert_int_equal(window_of(&w, "mine", now), want);
		int asked = http_peer_requests(peer);
		assert_int_equal(window_of(&w, "mine", now), want);
		usleep(20000);
		assert_int_equal(http_peer_requests(peer), asked); /* it is remembered, also that nobody knew */
		http_stop(h);
		window_done(&w);
		http_free(h);
	}
	http_peer_free(peer);
}

static void setting__wins__over_all(void **state)
{
	struct window w;
	(void)state;
	window_init(&w, NULL, "http://x", "claude-x", NULL, 1234);
	assert_int_equal(window_of(&w, "claude-x", 1), 1234);
	assert_int_equal(window_of(&w, "any", 1), 1234);
	window_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers__are_read__of_each_kind_of_server),
		cmocka_unit_test(table__knows__well_known_models),
		cmocka_unit_test(probe__asks__until_somebody_knows),
		cmocka_unit_test(setting__wins__over_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
