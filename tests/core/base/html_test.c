/* Text in HTML. */
#include "../../../core/base/html.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void html_add_text__leaves__no_sign_that_means_something(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	html_add_text(&b, "");
	assert_int_equal(b.len, 0);
	html_add_text(&b, "<a href=\"x\" title='y'>&amp; gr\xc3\xbcn</a>");
	assert_string_equal(b.p, "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;amp; gr\xc3\xbcn&lt;/a&gt;");
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(html_add_text__leaves__no_sign_that_means_something) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
