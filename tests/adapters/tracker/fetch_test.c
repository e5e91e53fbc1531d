/* Reading an address with a token, from a tracker on this machine that knows two of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../../adapters/net/http.h"
#include "../../../adapters/tracker/fetch.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/metric.h"
#include "../../support/http_peer.h"

static struct metrics *metrics;
static struct http *http;
static struct fetcher *fetcher;
static struct http_peer *peer, *other;

static int answer(const struct http_peer_request *r)
{
	if (strstr(r->path, "/away") != NULL)
		http_peer_answer(r->fd, "302 Found", (const char *)r->arg, "");
	else if (strstr(r->path, "/large") != NULL)
		http_peer_answer(r->fd, "200 OK", "", "0123456789012345678901234567890123456789");
	else if (strcmp(r->method, "GET") == 0 && strstr(r->head, "Authorization: Bearer ada-token\r\n") != NULL)
		http_peer_answer(r->fd, "200 OK", "", "ada's");
	else if (strcmp(r->method, "GET") == 0 && strstr(r->head, "Authorization: Bearer ben-token\r\n") != NULL)
		http_peer_answer(r->fd, "200 OK", "", "ben's");
	else
		http_peer_answer(r->fd, "401 Unauthorized", "", "no");
	return 0;
}

static char to_other[100];

static int up(void **state)
{
	(void)state;
	metrics = metrics_new();
	other = http_peer_new(answer, NULL);
	snprintf(to_other, sizeof to_other, "Location: http://127.0.0.1:%d/x\r\n", http_peer_port(other));
	peer = http_peer_new(answer, to_other);
	assert_int_equal(http_new(&http, metrics, NULL), ERR_NONE);
	fetcher = fetch_open(http);
	return 0;
}

static int down(void **state)
{
	(void)state;
	http_stop(http);
	fetch_close(fetcher);
	http_free(http);
	http_peer_free(peer);
	http_peer_free(other);
	metrics_free(metrics);
	return 0;
}

static long get(const char *path, const char *token, const char *wanted)
{
	char url[100];
	struct buf b = BUF_INIT;
	long status = -1;
	snprintf(url, sizeof url, "http://127.0.0.1:%d%s", http_peer_port(peer), path);
	fetcher->get(fetcher, url, token, 20000, 32, &status, &b);
	buf_reserve(&b, 1);
	assert_string_equal(b.p, wanted);
	buf_done(&b);
	return status;
}

static void fetch__brings_the_token_that_it_was_given(void **state)
{
	(void)state;
	assert_int_equal(get("/x", "ada-token", "ada's"), 200);
	assert_int_equal(get("/x", "ben-token", "ben's"), 200);
	assert_int_equal(get("/x", "eve-token", "no"), 401);
}

static void fetch__of_a_redirect__does_not_carry_the_token_on(void **state)
{
	(void)state;
	assert_int_equal(get("/away", "ada-token", ""), 302);
	assert_int_equal(http_peer_requests(other), 0);
}

static void fetch__of_too_much_or_of_nobody__has_no_status(void **state)
{
	(void)state;
	assert_int_equal(get("/large", "ada-token", ""), 0);
	http_stop(http);
	assert_int_equal(get("/x", "ada-token", ""), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fetch__brings_the_token_that_it_was_given),
		cmocka_unit_test(fetch__of_a_redirect__does_not_carry_the_token_on),
		cmocka_unit_test(fetch__of_too_much_or_of_nobody__has_no_status),
	};
	return cmocka_run_group_tests(tests, up, down);
}
