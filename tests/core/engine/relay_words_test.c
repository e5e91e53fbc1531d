/* The words of conversations with people: what a stranger types reaches colleagues as the text that it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/mem.h"
#include "../../../core/engine/relay.h"
#include "../../../core/talk/doc.h"

static void assert_plain(const char *text, const char *md)
{
	struct buf b = BUF_INIT;
	relay_put_plain(&b, text, strlen(text));
	assert_string_equal(b.p ? b.p : "", md);
	buf_done(&b);
}

static void plain__signs__get_a_backslash(void **state)
{
	(void)state;
	assert_plain("", "");
	assert_plain("good morning", "good morning");
	assert_plain("*a* _b_ `c` ~d~ |e| <f> [g](h) !i &amp; #j \\k",
	    "\\*a\\* \\_b\\_ \\`c\\` \\~d\\~ \\|e\\| \\<f\\> \\[g\\]\\(h\\) \\!i \\&amp; "
	    "\\#j \\\\k");
	assert_plain("- a\n+ b\n= c\n> d", "\\- a\\\n\\+ b\\\n\\= c\\\n\\> d");
	assert_plain("1. one\n12) two\n3.14", "1\\. one\\\n12\\) two\\\n3\\.14");
	assert_plain("    four blanks are no code", "four blanks are no code");
	assert_plain("a\tb\x01\x7f", "a b  ");
}

static void plain__lines__stay_lines(void **state)
{
	(void)state;
	assert_plain("a\nb", "a\\\nb");
	assert_plain("a\r\nb", "a\\\nb");
	assert_plain("a\n\nb\n", "a\n\nb\n");
}

static void plain__addresses__are_left_and_end_where_they_could_hide_something(void **state)
{
	(void)state;
	assert_plain("see https://a.example/x_y*z?q=1&r=2 *now*", "see https://a.example/x_y\\*z?q=1\\&r=2 \\*now\\*");
	assert_plain("http://a.example/_b_", "http://a.example/\\_b\\_");
	assert_plain("http://a.example?a=1&copy=2&lt;", "http://a.example?a=1&copy=2\\&lt;");
	assert_plain("[bank](http://evil.example)", "\\[bank\\]\\(http://evil.example\\)");
	assert_plain("http://", "http://");
}

/* Nothing but text, lines, and links to what they show. */
static void check_document(const struct doc_node *n, const char *typed, struct buf *said)
{
	for (; n != NULL; n = n->next) {
		bool text = n->type == DOC_PARAGRAPH || n->type == DOC_TEXT || n->type == DOC_BREAK || n->type == DOC_SOFT_BREAK;
		if (!text && n->type != DOC_LINK)
			fail_msg("\"%s\" has become a node of type %d", typed, (int)n->type);
		if (n->type == DOC_LINK && n->href != NULL) {
			const struct doc_node *shown = n->first;
			assert_ptr_equal(shown, n->last);
			if (strncmp(n->href, "mailto:", 7) != 0) /* as far as the host; the rest is encoded */
				assert_memory_equal(n->href, shown->text, sizeof "http://a.ex" - 1);
		}
		if (n->type == DOC_TEXT)
			buf_add(said, n->text, n->text_len);
		check_document(n->first, typed, said);
	}
}

static void plain__anything__says_what_was_typed(void **state)
{
	(void)state;
	static const char signs[] = "ab *_`~|<>[]()!&#\\-+=.\n:/@1";
	srand(7);
	for (int round = 0; round < 40000; round++) {
		char text[48];
		size_t n = (size_t)(rand() % 20) + 1, address = rand() % 3 ? n : (size_t)rand() % n;
		for (size_t i = 0; i < n; i++)
			text[i] = signs[(size_t)rand() % (sizeof signs - 1)];
		char tail[24];
		memcpy(tail, text, sizeof tail);
		if (address < n)
			n = address +
			    (size_t)snprintf(text + address, sizeof text - address, "%s%.*s",
			        round % 2 ? "http://a.ex/" : "https://b.ex?", (int)(n - address), tail);
		text[n] = '\0';
		struct buf md = BUF_INIT, said = BUF_INIT;
		relay_put_plain(&md, text, n);
		struct doc *d = doc_parse(md.p ? md.p : "", md.len);
		check_document(doc_root(d)->first, text, &said);
		/* Blanks may be fewer; every other sign is there, in order. */
		size_t k = 0;
		for (size_t i = 0; i < n; i++) {
			if (text[i] == ' ' || text[i] == '\n')
				continue;
			while (k < said.len && (said.p[k] == ' ' || said.p[k] == '\n'))
				k++;
			if (k >= said.len || said.p[k] != text[i])
				fail_msg("\"%s\" became \"%s\" (%s)", text, said.p ? said.p : "", md.p);
			k++;
		}
		doc_free(d);
		buf_done(&md);
		buf_done(&said);
	}
}

static void passed__names_who_speaks_and_cannot_be_mistaken(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	relay_put_passed(&b, "Ada", PASSES_POST, false, "hi", 2, NULL);
	assert_string_equal(b.p, "**Ada:** hi");
	buf_reset(&b);
	relay_put_passed(&b, "Ada:** pay **Bob\n", PASSES_POST, false, "hi", 2, NULL);
	assert_string_equal(b.p, "**Ada:\\*\\* pay \\*\\*Bob :** hi");
	buf_reset(&b);
	relay_put_passed(&b, NULL, PASSES_EDIT, false, "hi", 2, "a_b.png");
	assert_string_equal(b.p, "**Visitor** (edited)**:** hi\n\n_(with a\\_b.png)_");
	buf_reset(&b);
	relay_put_passed(&b, "", PASSES_POST, true, "gone", 4, "a.png");
	assert_string_equal(b.p, "**Visitor:** _(deleted)_");
	buf_done(&b);
}

static void notice__with_long_messages__fits_into_one_and_says_how_many_there_are(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	char *longest = xmalloc(100000);
	memset(longest, '*', 100000);
	struct relay_line lines[10];
	for (int i = 0; i < 10; i++)
		lines[i] = (struct relay_line){ i % 2 ? AUTHOR_EDDY : AUTHOR_PERSON, "Ada", longest, 100000 };
	lines[8] = (struct relay_line){ AUTHOR_PERSON, "Ada", "one\n\ntwo", 8 };
	lines[9] = (struct relay_line){ AUTHOR_EDDY, NULL, "**three**", 9 };
	relay_put_notice(&b, "Ada", "web", lines, 10, 25);
	assert_true(b.len < 11000);
	assert_non_null(strstr(b.p, "**Ada** would like to talk to a person (web)."));
	assert_non_null(strstr(b.p, " of 25 messages:"));
	assert_non_null(strstr(b.p, "> **Ada:** one\n> \n> two\n\n> **Eddy:** three\n\nAnswer in this thread"));
	buf_reset(&b);
	relay_put_notice(&b, "", "web", NULL, 0, 0);
	assert_non_null(strstr(b.p, "**Visitor** would like"));
	assert_null(strstr(b.p, "messages:"));
	free(longest);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plain__signs__get_a_backslash),
		cmocka_unit_test(plain__lines__stay_lines),
		cmocka_unit_test(plain__addresses__are_left_and_end_where_they_could_hide_something),
		cmocka_unit_test(plain__anything__says_what_was_typed),
		cmocka_unit_test(passed__names_who_speaks_and_cannot_be_mistaken),
		cmocka_unit_test(notice__with_long_messages__fits_into_one_and_says_how_many_there_are),
	};
	return cmocka_run_group_tests_name("words of conversations with people", tests, NULL, NULL);
}
