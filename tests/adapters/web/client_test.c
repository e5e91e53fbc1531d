/* What is kept of a browser: words of a short list and an address without its end, whatever was sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../adapters/web/client.h"

static void agent__is_told_in_words_of_our_own(void **state)
{
	(void)state;
	static const struct {
		const char *sent, *kept;
	} cases[] = {
		{ "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox, Linux" },
		{ "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
		    "Chrome, Windows" },
		{ "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
		    "Edge, Windows" },
		{ "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15",
		    "Safari, macOS" },
		{ "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
		    "Safari, iPhone" },
		{ "Mozilla/5.0 (iPad; CPU OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/140.0 Mobile/15E148 Safari/604.1",
		    "Chrome, iPad" },
		{ "Mozilla/5.0 (Linux; Android 16) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/28.0 Chrome/130.0.0.0 Mobile Safari/537.36",
		    "Samsung Internet, Android" },
		{ "curl/8.5.0", "curl" },
		{ "<script>alert(1)</script> Windows", "Windows" },
		{ "\x1b]0;a title\x07", "" },
		{ "", "" },
		{ NULL, "" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct client c;
		client_read(&c, cases[i].sent, "192.0.2.7");
		assert_string_equal(c.agent, cases[i].kept);
	}
}

static void address__loses_its_end(void **state)
{
	(void)state;
	static const struct {
		const char *sent, *kept;
	} cases[] = {
		{ "192.0.2.77", "192.0.2.x" },
		{ "::ffff:192.0.2.77", "192.0.2.x" }, /* as a socket for both kinds names it */
		{ "2001:db8:1:2:3:4:5:6", "2001:db8:1::" },
		{ "2001:db8:1::", "2001:db8:1::" },
		{ "::1", "::" },
		{ "::ffff:c000:24d", "::" }, /* in hexadecimal: a network that tells nothing */
		{ "192.0.2", "" },
		{ "192.0.2.77, 198.51.100.1", "" },
		{ "::ffff:192.0.2.7.7", "" },
		{ "unix", "" },
		{ "", "" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct client c;
		client_read(&c, NULL, cases[i].sent);
		assert_string_equal(c.network, cases[i].kept);
	}
}

static void what_is_not_known__is_nothing(void **state)
{
	(void)state;
	struct client c;
	client_read(&c, "nothing that is known", "nowhere");
	struct session_client s = client_of(&c);
	assert_null(s.agent);
	assert_null(s.network);
	client_read(&c, "curl/8", "192.0.2.1");
	s = client_of(&c);
	assert_string_equal(s.agent, "curl");
	assert_string_equal(s.network, "192.0.2.x");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agent__is_told_in_words_of_our_own),
		cmocka_unit_test(address__loses_its_end),
		cmocka_unit_test(what_is_not_known__is_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
