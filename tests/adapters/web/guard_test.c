/* The gate by itself: which heads pass, which origins may connect. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../adapters/web/guard.h"

static int ask(const char *method, const char *host, const char *length, bool coding, bool websocket)
{
	struct web_head h = {
		.method = method, .host = host, .content_length = length, .transfer_encoding = coding, .websocket = websocket
	};
	struct web_request r;
	const char *why = NULL;
	int status = web_guard(&h, &r, &why);
	assert_true((status == 0) == (why == NULL));
	return status;
}

static void guard__lets_plain_requests_in(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "localhost", NULL, false, false), 0);
	assert_int_equal(ask("HEAD", "localhost:8080", NULL, false, false), 0);
	assert_int_equal(ask("GET", "[::1]:8080", "0", false, false), 0);
	assert_int_equal(ask("POST", "eddy.example", "1048576", false, false), 0);
	assert_int_equal(ask("GET", "127.0.0.1", NULL, false, true), 0);
}

static void guard__refuses_what_can_be_read_in_two_ways(void **state)
{
	(void)state;
	assert_int_equal(ask("POST", "a", NULL, true, false), 400);     /* chunked */
	assert_int_equal(ask("POST", "a", "5", true, false), 400);      /* both */
	assert_int_equal(ask("GET", NULL, NULL, false, false), 400);    /* no host */
	assert_int_equal(ask("POST", "a", "5,  6", false, false), 400); /* two lengths */
	assert_int_equal(ask("POST", "a", "+5", false, false), 400);
	assert_int_equal(ask("POST", "a", "0x5", false, false), 400);
	assert_int_equal(ask("POST", "a", "", false, false), 400);
	assert_int_equal(ask("POST", "a", "9999999999", false, false), 400); /* ten digits */
	assert_int_equal(ask("POST", "a", NULL, false, false), 400);         /* no length */
	assert_int_equal(ask("PUT", "a", NULL, false, false), 400);
	assert_int_equal(ask("POST", "a", "1048577", false, false), 413);
	assert_int_equal(ask("GET", "a", "5", false, true), 400); /* a websocket with a body */
	assert_int_equal(ask("POST", "a", "0", false, true), 400);
}

static void host__must_be_a_name_or_an_address_with_a_port(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "a b", "a,  b", "a:", "a:x", "a:123456", "a/b", "a@b", "[::1", "[]", "[x]", "a\tb" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (web_host_valid(bad[i]))
			fail_msg("\"%s\" passed", bad[i]);
}

static void origin__must_be_ours_or_allowed(void **state)
{
	(void)state;
	static const char *const allowed[] = { "https://www.example.com" };
	static const struct {
		const char *origin, *host;
		bool in;
	} cases[] = {
		{ NULL, "evil.example", true },
		{ "https://www.example.com", "x", true },
		{ "https://www.example.com.evil.example", "x", false },
		{ "http://www.example.com", "x", false },
		{ "http://localhost:8080", "localhost:8080", true },
		{ "http://127.0.0.1:8080", "127.0.0.1:8080", true },
		{ "http://[::1]:8080", "[::1]:8080", true },
		{ "http://127.0.0.1:8080", "127.0.0.1:8081", false },
		{ "http://rebound.example:8080", "rebound.example:8080", false }, /* a foreign name that resolves to us */
		{ "http://127.evil.example", "127.evil.example", false },
		{ "null", "localhost", false },
		{ "file://localhost", "localhost", false },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (web_origin_allowed(cases[i].origin, cases[i].host, allowed, 1) != cases[i].in)
			fail_msg("case %zu", i);
}

static void loopback__is_this_machine_only(void **state)
{
	(void)state;
	assert_true(web_is_loopback("127.0.0.1"));
	assert_true(web_is_loopback("::1"));
	assert_true(web_is_loopback("::ffff:127.0.0.1"));
	assert_false(web_is_loopback("10.0.0.1"));
	assert_false(web_is_loopback("::ffff:10.0.0.1"));
	assert_false(web_is_loopback(""));
}

static void host__of_another_name__is_not_known(void **state)
{
	(void)state;
	static const char *const origins[] = { "https://eddy.example.com", "http://shop.example:8443" };
	static const struct {
		const char *host;
		bool known;
	} cases[] = { { "localhost", true }, { "LOCALHOST:8080", true }, { "127.0.0.1:1", true }, { "10.0.0.7", true },
		{ "[::1]:80", true }, { "[2001:db8::1]", true }, { "eddy.example.com", true }, { "EDDY.example.com:443", true },
		{ "shop.example", true }, { "shop.example:1", true }, { "eddy.example.co", false },
		{ "eddy.example.com.evil.example", false }, { "evil.example", false }, { "example.com", false },
		{ "localhost.evil.example", false }, { "127.0.0.1.evil.example", false }, { "1.2.3.4x", false },
		{ "eddy", false } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		if (web_host_known(cases[i].host, origins, 2) != cases[i].known)
			fail_msg("%s", cases[i].host);
	assert_false(web_host_known("eddy.example.com", NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host__of_another_name__is_not_known),
		cmocka_unit_test(guard__lets_plain_requests_in),
		cmocka_unit_test(guard__refuses_what_can_be_read_in_two_ways),
		cmocka_unit_test(host__must_be_a_name_or_an_address_with_a_port),
		cmocka_unit_test(origin__must_be_ours_or_allowed),
		cmocka_unit_test(loopback__is_this_machine_only),
	};
	return cmocka_run_group_tests_name("web guard", tests, NULL, NULL);
}
