/* Which form of a file a client may have, and whether it has it already (RFC 9110, sections 12.5.3 and 13.1.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../../adapters/web/assets.h"

static void gzip__is_sent_to_who_accepts_it(void **state)
{
	(void)state;
	static const char *const yes[] = { "gzip", "gzip, deflate, br", "br;q=1.0, gzip;q=0.8", "GZIP", "deflate,gzip",
		"gzip;q=0.001", "x-gzip, gzip", " gzip ", "identity;q=0, gzip", "gzip ; q=1" };
	static const char *const no[] = { NULL, "", "br", "identity", "gzip;q=0", "gzip;q=0.0", "gzip; q=0.000",
		"deflate, gzip;q=0", "gzipped", "notgzip", "x-gzip-like" };
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!web_accepts_gzip(yes[i]))
			fail_msg("\"%s\" accepts gzip", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (web_accepts_gzip(no[i]))
			fail_msg("\"%s\" does not accept gzip", no[i] == NULL ? "nothing" : no[i]);
}

static void etag__is_compared_weakly_in_a_list(void **state)
{
	(void)state;
	static const char *const yes[] = { "\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "\"x\",W/\"abc\" , \"y\"", "*" };
	static const char *const no[] = { NULL, "", "abc", "\"ab\"", "\"abcd\"", "\"x\", \"y\"", "\"", "W/" };
	for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
		if (!web_etag_matches(yes[i], "\"abc\""))
			fail_msg("%s matches", yes[i]);
	for (size_t i = 0; i < sizeof no / sizeof *no; i++)
		if (web_etag_matches(no[i], "\"abc\""))
			fail_msg("%s does not match", no[i] == NULL ? "nothing" : no[i]);
}

static void paths__that_are_none__are_not_found(void **state)
{
	(void)state;
	static const char *const none[] = { "", "/a", "/a/", "/a/../", "//", "/index.html", "/a/socket.js", "/page" };
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		assert_null(web_asset_find(none[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gzip__is_sent_to_who_accepts_it),
		cmocka_unit_test(etag__is_compared_weakly_in_a_list),
		cmocka_unit_test(paths__that_are_none__are_not_found),
	};
	return cmocka_run_group_tests_name("files of the page", tests, NULL, NULL);
}
