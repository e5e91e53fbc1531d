/* What a model says, on its way out: each kind of thing that is taken out or made harmless, and all that has to stay as it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/talk/spoken.h"

#define Z "\xe2\x80\x8b"
#define CUT " (link left out)"
#define SECRET "(secret left out)"

static struct spoken_links *links;
static const char *const secrets[] = { "hunter2-hunter2", "short" };

static int setup(void **state)
{
	static const char told[] = "see https://once.example/a/b?c=1 and <https://slash.example/x|here>, https://böse.example/";
	static const char named[] =
	    "it is on https://wiki.acme.example/start (and www.acme.example).\n> they say https://quoted.example/x\n  > and https://deep.example/y";
	(void)state;
	links = spoken_links_new();
	spoken_learn(links, told, strlen(told), false);
	spoken_learn(links, named, strlen(named), true);
	spoken_allow(links, "docs.example");
	spoken_allow(links, "*.wild.example");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	spoken_links_free(links);
	return 0;
}

/* In pieces of ${step} bytes; 0: all at once. */
static char *through(const struct spoken_links *l, const char *text, size_t n, size_t step)
{
	struct spoken *o = spoken_new(l, secrets, 2);
	struct buf out = BUF_INIT;
	for (size_t i = 0; i < n; i += step ? step : n)
		spoken_feed(o, text + i, step && i + step < n ? step : n - i, &out);
	spoken_end(o, &out);
	spoken_free(o);
	buf_reserve(&out, 1);
	return buf_detach(&out, NULL);
}

static const struct {
	const char *in, *out; /* ${out} NULL: as it is */
} cases[] = {
	/* what stays */
	{ "", NULL },
	{ "as quoted: https://quoted.example/x", NULL },
	{ "Hello *there*, 3 < 4 & 5 > 2; a@b.example wrote `x[i](y)` and arr[0]!", NULL },
	{ "see [the wiki](https://wiki.acme.example/page?q=1#top), (https://wiki.acme.example/a_(b)) and https://wiki.acme.example.",
	    NULL },
	{ "https://once.example/a/b?c=1", NULL },
	{ "<https://docs.example/>, https://a.wild.example/b and https://a.b.wild.example", NULL },
	{ "[wiki.acme.example](https://wiki.acme.example/start)", NULL },
	{ "[acme.example](https://www.acme.example/)", NULL },
	{ "[version 1.2](https://docs.example/) and [notes.v2](https://docs.example/2)", NULL },
	{ "[mail](mailto:ana@acme.example) [there](#part) [up](../x.md)", NULL },
	{ "a\ttab and\n\nlines\n    code  with   blanks\n", NULL },
	{ "family \xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9 and \xe0\xa4\x95\xe0\xa5\x8d\xe2\x80\x8c\xe0\xa4\xb7", NULL },
	{ "mail@here.example, me@channel-one.example, @hereby, @channels, #channel, here", NULL },
	{ "sk-learn, sk-short, ghp_x, eyJhbGci, AKIA, xoxb-", NULL },
	{ "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\nafter", NULL },
	{ "-----BEGIN", NULL },
	{ "if (/https?:\\/\\/[^ ]+/.test(x))", NULL },
	{ "&amp; &lt;b&gt; &#39; &copy;", NULL },
	/* links */
	{ "https://evil.example/?q=salary", "`evil.example`" CUT },
	{ "https://quoted.example/?q=salary", "`quoted.example`" CUT },
	{ "https://deep.example/?q=salary", "`deep.example`" CUT },
	{ "go to https://evil.example/x, now", "go to `evil.example`" CUT ", now" },
	{ "[here](https://evil.example/?q=salary) it is", "[here]() it is" },
	{ "[here](<https://evil.example/a b>)", "[here]( b>)" },
	{ "[here]( https://evil.example/ )", "[here]( `evil.example`" CUT " )" },
	{ "[x]: https://evil.example/", "[x]: `evil.example`" CUT },
	{ "<https://evil.example/|the wiki>", "<`evil.example`" CUT "|the wiki>" },
	{ "HTTP://EVIL.example", "`evil.example`" CUT },
	{ "www.evil.example/x", "`www.evil.example`" CUT },
	{ "https://wiki.acme.example@evil.example/", "(link left out)" },
	{ "https://wiki.acme.example:pass@evil.example/", "(link left out)" },
	{ "https://wiki.acme.example\\@evil.example/", "(link left out)" },
	{ "https://wiki.acme.example.evil.example/", "`wiki.acme.example.evil.example`" CUT },
	{ "https://wild.example/ https://xwild.example/", "`wild.example`" CUT " `xwild.example`" CUT },
	{ "https://once.example/a/b?c=2", "`once.example`" CUT },
	{ "https://b\xc3\xb6se.example/more", "(link left out)" },
	{ "https://1.2.3.4/x https://[::1]/", "`1.2.3.4`" CUT " (link left out)]/" },
	{ "[a](javascript:alert(1)) [b](data:text/html,x) [c](//evil.example/x)", "[a]() [b]() [c]()" },
	{ "[a](https&#58;//evil.example) [b](h&#116;tps://evil.example) [c](https&colon;//evil.example)", "[a]() [b]() [c]()" },
	{ "https&#58;//evil.example", "https&amp;#58;//evil.example" },
	{ "https\\:\\/\\/evil.example/x", "`evil.example`" CUT },
	{ "[a](https:\\//evil.example/x)", "[a]()" },
	{ "ht*t*ps://evil.example/x", "`evil.example`" CUT },
	{ "https:*/*/evil.example/x", "`evil.example`" CUT },
	{ "https://evil" Z ".example/x", "`evil.example`" CUT },
	{ "[mail](mailto:ana@acme.example?body=salary)", "[mail](mailto:ana@acme.example)" },
	/* a link that says another host than it leads to */
	{ "[https://docs.example/](https://wiki.acme.example/x)", "[https://docs.example/]()" },
	{ "[docs.example](https://wiki.acme.example/x)", "[docs.example]()" },
	{ "[**docs.example**](https://wiki.acme.example/x)", "[**docs.example**]()" },
	/* images */
	{ "![a cat](https://wiki.acme.example/cat.png)", "[a cat](https://wiki.acme.example/cat.png)" },
	{ "oh!![a](https://wiki.acme.example/a.png)", "oh[a](https://wiki.acme.example/a.png)" },
	{ "![](https://evil.example/p.png?d=salary)", "[]()" },
	{ "<img src=\"https://evil.example/p.png\">", "<img src=\"`evil.example`" CUT "\">" },
	/* everybody */
	{ "@channel look", "@" Z "channel look" },
	{ "(@here) @everyone! @All.", "(@" Z "here) @" Z "everyone! @" Z "All." },
	{ "<!channel> <!here|here> <!subteam^S1> <@everyone>",
	    "<" Z "!channel> <" Z "!here|here> <" Z "!subteam^S1> <" Z "@" Z "everyone>" },
	{ "@cha"
	  "\xe2\x80\x8e"
	  "nnel",
	    "@" Z "channel" },
	{ "&commat;channel &#64;here", "&amp;commat;channel &amp;#64;here" },
	/* secrets */
	{ "the token is xoxb-123456789012-abcdefghijkl.", "the token is " SECRET "." },
	{ "key=sk-ant-api03-AbCdEfGhIjKlMnOpQrSt", "key=" SECRET },
	{ "ghp_0123456789abcdefghij0123 AKIA0123456789ABCDEF", SECRET " " SECRET },
	{ "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc123", SECRET },
	{ "it is hunter2-hunter2!", "it is " SECRET "!" },
	{ "https://wiki.acme.example/?t=hunter2-hunter2", "https://wiki.acme.example/?t=" SECRET },
	{ "https://hunter2-hunter2.evil.example/", "(link left out)" },
	{ "[a](https://docs.example/hunter2-hunter2) [b](mailto:hunter2-hunter2@docs.example)", "[a]() [b]()" },
	{ "short is short", NULL },
	{ "a -----BEGIN RSA PRIVATE KEY-----\nMIIEow\nxyz\n-----END RSA PRIVATE KEY-----\nb", "a " SECRET "\nb" },
	{ "-----BEGIN PRIVATE KEY-----\nMIIEow and it never ends", SECRET },
	/* characters */
	{ "a\xe2\x80\xae"
	  "b\xe2\x81\xa6"
	  "c\x1b[31md\x07\xc2\x85",
	    "abc[31md" },
	{ "tag\xf3\xa0\x81\xa1s \xef\xbb\xbf!", "tags !" },
};

static void spoken__each_case__in_pieces_of_every_size(void **state)
{
	(void)state;
	int wrong = 0;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		for (size_t step = 0; step < 12; step++) {
			char *got = through(links, cases[i].in, strlen(cases[i].in), step);
			const char *want = cases[i].out != NULL ? cases[i].out : cases[i].in;
			if (strcmp(got, want) != 0)
				print_error("%s\nin pieces of %zu became: %s\nnot: %s\n", cases[i].in, step, got, want);
			wrong += strcmp(got, want) != 0;
			free(got);
		}
	assert_int_equal(wrong, 0);
}

static void spoken__no_rule_about_links__every_link_stays(void **state)
{
	(void)state;
	static const char text[] = "[here](https://any.example/?q=1), http://x.example and ![p](https://any.example/p.png) @here";
	char *got = through(NULL, text, strlen(text), 3);
	assert_string_equal(
	    got, "[here](https://any.example/?q=1), http://x.example and [p](https://any.example/p.png) @" Z "here");
	free(got);
}

static void spoken__all_hosts_allowed__but_none_that_lies(void **state)
{
	(void)state;
	struct spoken_links *all = spoken_links_new();
	spoken_allow(all, "*");
	static const char text[] = "https://any.example [good.example](https://bad.example/)";
	char *got = through(all, text, strlen(text), 0);
	assert_string_equal(got, "https://any.example [good.example]()");
	free(got);
	spoken_links_free(all);
}

static void spoken__a_word_without_end__goes_out_in_parts(void **state)
{
	(void)state;
	size_t n = 5 * SPOKEN_WORD_MAX + 7;
	char *text = malloc(n + 1);
	memset(text, 'x', n);
	text[n] = '\0';
	struct spoken *o = spoken_new(links, NULL, 0);
	struct buf out = BUF_INIT;
	spoken_feed(o, text, n, &out);
	assert_int_equal(out.len, 5 * SPOKEN_WORD_MAX);
	spoken_end(o, &out);
	assert_int_equal(out.len, n);
	assert_memory_equal(out.p, text, n);
	buf_done(&out);
	spoken_free(o);
	free(text);
}

static void spoken__reset__what_was_held_is_void(void **state)
{
	(void)state;
	struct spoken *o = spoken_new(links, NULL, 0);
	struct buf out = BUF_INIT;
	static const char begun[] = "a [docs.example -----BEGIN RSA PRIVATE KEY-----\nMII @chan";
	spoken_feed(o, begun, strlen(begun), &out);
	spoken_reset(o);
	buf_reset(&out);
	spoken_feed(o, "nel again", 9, &out);
	spoken_end(o, &out);
	buf_reserve(&out, 1);
	assert_string_equal(out.p, "nel again");
	assert_int_equal(spoken_counted(o).secrets, 1);
	buf_done(&out);
	spoken_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spoken__each_case__in_pieces_of_every_size),
		cmocka_unit_test(spoken__no_rule_about_links__every_link_stays),
		cmocka_unit_test(spoken__all_hosts_allowed__but_none_that_lies),
		cmocka_unit_test(spoken__a_word_without_end__goes_out_in_parts),
		cmocka_unit_test(spoken__reset__what_was_held_is_void),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
