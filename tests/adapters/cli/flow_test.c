/* Growing Markdown in a terminal: whatever the pieces, what was printed in all is the plain text of the whole. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/cli/flow.h"
#include "../../../core/talk/doc.h"

static const char *const texts[] = {
	"One short answer.",
	"Two paragraphs, the first with **bold words in it** and `code`.\n\nThe second has a [link](https://example.com/a) and *an emphasis*.",
	"# A heading\n\nText below it.\n\n- one\n- two with **bold**\n- three\n\n1. first\n2. second\n\n> a quote\n> over two lines\n\nThe end.",
	"Code:\n\n```c\nint main(void)\n{\n\n\treturn 0;\n}\n```\n\nand after.",
	"| name | value |\n|------|------:|\n| one | 1 |\n| longer name | 1000 |\n\nAfter the table.",
	"A star * that opens nothing, an under_score_word, 2 < 3 and a [bracket] alone.",
	"Grüße 👋 an alle, *überall*.",
	"",
};

static void flow__in_pieces_of_any_size__prints_the_text_of_the_whole(void **state)
{
	(void)state;
	for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
		struct doc *d = doc_parse(texts[t], strlen(texts[t]));
		struct buf want = BUF_INIT;
		doc_write_text(d, &want);
		doc_free(d);
		while (want.len > 0 && want.p[want.len - 1] == '\n')
			buf_truncate(&want, want.len - 1);
		for (size_t piece = 1; piece < 20; piece++) {
			struct flow s = { 0 };
			struct buf out = BUF_INIT;
			buf_reserve(&s.source, 1);
			for (size_t at = 0; at < strlen(texts[t]); at += piece) {
				size_t left = strlen(texts[t]) - at;
				buf_add(&s.source, texts[t] + at, left < piece ? left : piece);
				flow_print(&s, false, &out);
			}
			flow_print(&s, true, &out);
			if (want.len > 0 && (out.len != want.len || memcmp(out.p, want.p, want.len) != 0))
				fail_msg("text %zu in pieces of %zu:\n%s\n--- instead of\n%s", t, piece, out.p, want.p);
			flow_done(&s);
			buf_done(&out);
		}
		buf_done(&want);
	}
}

static void flow__shows_words_before_the_paragraph_ends(void **state)
{
	(void)state;
	struct flow s = { 0 };
	struct buf out = BUF_INIT;
	buf_add_str(&s.source, "Several plain words are here and **bold that is ");
	flow_print(&s, false, &out);
	assert_string_equal(out.p, "Several plain words are here and");
	flow_done(&s);
	buf_done(&out);
}

static void flow__when_the_text_turns_out_differently__shows_it_whole_below(void **state)
{
	(void)state;
	struct flow s = { 0 };
	struct buf out = BUF_INIT;
	buf_add_str(&s.source, "The first attempt said this ");
	flow_print(&s, false, &out);
	buf_reset(&s.source);
	buf_add_str(&s.source, "Another answer.");
	flow_print(&s, true, &out);
	assert_string_equal(out.p, "The first attempt said this\n\nAnother answer.");
	flow_done(&s);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flow__in_pieces_of_any_size__prints_the_text_of_the_whole),
		cmocka_unit_test(flow__shows_words_before_the_paragraph_ends),
		cmocka_unit_test(flow__when_the_text_turns_out_differently__shows_it_whole_below),
	};
	return cmocka_run_group_tests_name("flow", tests, NULL, NULL);
}
