/* Markdown to tree, tree to Markdown and text: the normal form, the limits, and that writing and reading again changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/utf8.h"
#include "../../../core/talk/doc_internal.h"
#include "doc_random.h"

static void assert_tree(const char *md, const char *tree)
{
	struct doc *d = doc_parse(md, strlen(md));
	struct buf b = BUF_INIT;
	dump_tree(doc_root(d), &b);
	assert_string_equal(b.p, tree);
	buf_done(&b);
	doc_free(d);
}

static void assert_markdown(const char *md, const char *canonical)
{
	struct doc *d = doc_parse(md, strlen(md));
	struct buf b = BUF_INIT;
	doc_write_markdown(d, &b);
	assert_string_equal(b.p, canonical);
	buf_done(&b);
	doc_free(d);
}

static void assert_text(const char *md, const char *text)
{
	struct doc *d = doc_parse(md, strlen(md));
	struct buf b = BUF_INIT;
	doc_write_text(d, &b);
	assert_string_equal(b.p, text);
	buf_done(&b);
	doc_free(d);
}

static void doc_parse__builds__blocks_and_inlines(void **state)
{
	(void)state;
	assert_tree("# Hi *you*\n\nA **b** ~~c~~ `d` [e](https://e.org)\nf\\\ng",
	    "(root(h 1(text \"Hi \")(emph(text \"you\")))(p(text \"A \")(strong(text \"b\"))(text \" \")(strike(text \"c\"))(text \" \")"
	    "(span \"d\")(text \" \")(link href:https://e.org(text \"e\"))(soft)(text \"f\")(br)(text \"g\")))");
	assert_tree("1. a\n2. b\n   - [x] c\n\n> q\n\n```py\nx = 1\n\n```\n---\n",
	    "(root(list 1 ordered tight(item(p(text \"a\")))(item(p(text \"b\"))(list tight(item task2(p(text \"c\"))))))"
	    "(quote(p(text \"q\")))(code info:py \"x = 1\\n\")(rule))");
	assert_tree("| a | b |\n|:--|--:|\n| 1 | **2** |\n",
	    "(root(table(row header(cell align1(text \"a\"))(cell align3(text \"b\")))(row(cell align1(text \"1\"))"
	    "(cell align3(strong(text \"2\"))))))");
}

static void doc_parse__keeps__only_links_to_allowed_targets(void **state)
{
	(void)state;
	assert_tree("[a](javascript:alert(1)) [b](data:x) [c](/etc) [d](HTTPS://E.org)",
	    "(root(p(text \"a b c \")(link href:HTTPS://E.org(text \"d\"))))");
	assert_tree("![alt *x*](https://e.org/i.png) ![](https://e.org/j.png) ![z](file:///x)",
	    "(root(p(link href:https://e.org/i.png(text \"alt \")(emph(text \"x\")))(text \" \")"
	    "(link href:https://e.org/j.png(text \"https://e.org/j.png\"))(text \" z\")))");
	assert_tree("[![badge](https://e.org/b.svg)](https://e.org)", "(root(p(link href:https://e.org(text \"badge\"))))");
	assert_tree("[a](<https://e.org/a b|c>)", "(root(p(link href:https://e.org/a%20b%7Cc(text \"a\"))))");
	assert_tree("see https://e.org/a_b and j@e.org",
	    "(root(p(text \"see \")(link href:https://e.org/a_b(text \"https://e.org/a_b\"))"
	    "(text \" and \")(link href:mailto:j@e.org(text \"j@e.org\"))))");
}

static void doc_parse__shows__html_as_text_and_entities_as_characters(void **state)
{
	(void)state;
	assert_tree("<b onclick=x>hi</b> &amp; &eacute; &#128512; &unknown; &#0;",
	    "(root(p(text \"<b onclick=x>hi</b> & é 😀 &unknown; \uFFFD\")))");
	assert_tree("<script>\nx\n</script>", "(root(p(text \"<script>\")(soft)(text \"x\")(soft)(text \"</script>\")))");
}

static void doc_parse__replaces__bad_bytes_and_control_characters(void **state)
{
	(void)state;
	assert_tree("a\x1b[31m \xff\xc3 \xc2\x9b b&#27;", "(root(p(text \"a\uFFFD[31m \uFFFD\uFFFD \uFFFD b\uFFFD\")))");
	struct doc *d = doc_parse("a\0b", 3);
	assert_string_equal(doc_root(d)->first->first->text,
	    "a\xef\xbf\xbd"
	    "b");
	doc_free(d);
	assert_tree("```\n\x07\n```", "(root(code \"\uFFFD\"))");
}

static void doc_parse__brings__equal_documents_into_one_form(void **state)
{
	(void)state;
	assert_tree("**a **b** c**", "(root(p(strong(text \"a b c\"))))");
	assert_tree("***x***", "(root(p(emph(strong(text \"x\")))))");
	assert_tree("**_x_**", "(root(p(emph(strong(text \"x\")))))");
	assert_tree("*a*_b_", "(root(p(emph(text \"ab\"))))");
	assert_tree("#\n\n>\n\na", "(root(p(text \"a\")))");
	assert_tree("a\nb\n===", "(root(h 1(text \"a b\")))");
	assert_tree(
	    "1. a\n2.\n3. c", "(root(list 1 ordered tight(item(p(text \"a\"))))(list 3 ordered tight(item(p(text \"c\")))))");
}

static void doc_parse__keeps__tabs_of_code(void **state)
{
	(void)state;
	assert_tree("```make\nall:\n\tcc x\n\t  y\n```", "(root(code info:make \"all:\\n\\tcc x\\n\\t  y\"))");
	assert_tree("- ```\n  \tx\n  ```", "(root(list tight(item(code \"\\tx\"))))");
	assert_tree("    a\n    \tb", "(root(code \"a\\n\\tb\"))");
}

static void doc_parse__survives__spans_that_md4c_leaves_open(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	const char md[] = "~word]```[x](https://e.org/a_b)~**>\n\nnext";
	struct doc *d = doc_parse(md, strlen(md));
	dump_tree(doc_root(d), &b);
	assert_non_null(strstr(b.p, "(p(text \"next\"))"));
	buf_done(&b);
	doc_free(d);
}

static size_t count_nodes(const struct doc_node *n)
{
	size_t count = 1;
	for (const struct doc_node *c = n->first; c; c = c->next)
		count += count_nodes(c);
	return count;
}

static void assert_plain_fallback(const struct buf *md)
{
	struct doc *d = doc_parse(md->p, md->len);
	struct buf out = BUF_INIT;
	if (!doc_is_plain(d))
		fail_msg("%.40s is not plain", md->p);
	assert_true(count_nodes(doc_root(d)) <= 3 * (size_t)DOC_NODES_MAX);
	doc_write_text(d, &out);
	assert_true(out.len >= md->len / 2 && out.len <= md->len + 1024);
	buf_reset(&out);
	doc_write_markdown(d, &out);
	assert_true(out.len <= 3 * md->len + 1024);
	buf_done(&out);
	doc_free(d);
}

static void doc_parse__turns__blown_up_input_into_plain_text(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	/* 3,600 columns and 10,000 short rows would be 36 million cells. */
	for (int i = 0; i < 3600; i++)
		buf_add_str(&b, "|a");
	buf_add_char(&b, '\n');
	for (int i = 0; i < 3600; i++)
		buf_add_str(&b, "|---");
	for (int i = 0; i < 10000; i++)
		buf_add_str(&b, "\n|x");
	assert_plain_fallback(&b);
	/* One long target used 2,000 times would be 8 MB. */
	buf_reset(&b);
	buf_add_str(&b, "[r]: https://e.org/");
	for (int i = 0; i < 3900; i++)
		buf_add_char(&b, 'x');
	buf_add_str(&b, "\n\n");
	for (int i = 0; i < 2000; i++)
		buf_add_str(&b, "[r] ");
	assert_plain_fallback(&b);
	/* Too long and too deep. */
	buf_reset(&b);
	while (b.len < 300 * 1024)
		buf_add_str(&b, "some words *that* go on\n\n");
	assert_plain_fallback(&b);
	buf_reset(&b);
	for (int i = 0; i < 3000; i++)
		buf_add_str(&b, "> ");
	buf_add_char(&b, 'x');
	assert_plain_fallback(&b);
	buf_reset(&b);
	for (int i = 0; i < 200000; i++)
		buf_add_str(&b, "a\n");
	assert_plain_fallback(&b);
	buf_done(&b);
}

static void doc_parse__takes__many_addresses_in_good_time(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	while (b.len < 250000)
		buf_add_str(&b, "www.a.b ");
	uint64_t before = clock_ms();
	doc_free(doc_parse(b.p, b.len));
	assert_true(clock_ms() - before < 10000);
	buf_done(&b);
}

static void doc_is_plain__tells__rich_from_plain(void **state)
{
	(void)state;
	static const struct {
		const char *md;
		bool plain;
	} cases[] = { { "", true }, { "a\nb\n\nc https://e.org", true }, { "a *b*", false }, { "- a", false }, { "`a`", false } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct doc *d = doc_parse(cases[i].md, strlen(cases[i].md));
		assert_int_equal(doc_is_plain(d), cases[i].plain);
		doc_free(d);
	}
}

static void doc_write_markdown__writes__the_canonical_form(void **state)
{
	(void)state;
	assert_markdown("", "");
	assert_markdown("Setext\n===\n\n* a\n* b\n\n+ c", "# Setext\n\n- a\n- b\n\n* c\n");
	assert_markdown("    indented\n", "```\nindented\n```\n");
	assert_markdown("````\n```\n````", "````\n```\n````\n");
	assert_markdown("1) a\n1) b", "1. a\n2. b\n");
	assert_markdown("foo*bar*baz and *this* __that__", "foo*bar*baz and _this_ **that**\n");
	assert_markdown("5 * 3 < 4 [x] snake_case _a", "5 \\* 3 \\< 4 \\[x\\] snake_case \\_a\n");
	assert_markdown("a\n\\- b\n\\1. c\n1\\. d", "a\n\\- b\n\\\\1. c\n1\\. d\n");
	assert_markdown("`` a`b `` and ` ` `", "``a`b`` and ` ` \\`\n");
	assert_markdown("|a|b|\n|---|:-:|\n|`x`|c\\|d|", "| a | b |\n| --- | :-: |\n| `x` | c\\|d |\n");
	assert_markdown("> a\n> - b\n>\n>   c", "> a\n>\n> - b\n>\n>   c\n");
	assert_markdown("<https://e.org/?a=1&b=2> [t](https://e.org/(x))", "<https://e.org/?a=1&b=2> [t](<https://e.org/(x)>)\n");
}

static void assert_stable(const struct buf *md)
{
	struct buf first = BUF_INIT, second = BUF_INIT, canonical = BUF_INIT, text = BUF_INIT;
	struct doc *d = doc_parse(md->p, md->len);
	doc_write_markdown(d, &canonical);
	struct doc *again = doc_parse(canonical.p, canonical.len);
	dump_tree(doc_root(d), &first);
	dump_tree(doc_root(again), &second);
	if (strcmp(first.p, second.p) != 0)
		fail_msg("source:\n%s\ncanonical:\n%s\ntrees:\n%s\n%s", md->p, canonical.p, first.p, second.p);
	doc_write_text(d, &text);
	assert_true(utf8_valid(canonical.p, canonical.len) && utf8_valid(text.p, text.len));
	doc_free(d);
	doc_free(again);
	buf_done(&first);
	buf_done(&second);
	buf_done(&canonical);
	buf_done(&text);
}

static void doc_write_markdown__reads_back__as_the_same_tree(void **state)
{
	(void)state;
	size_t rounds = getenv("EDDY_TEST_LONG") ? 300000 : 15000;
	for (uint64_t i = 1; i <= rounds; i++) {
		uint64_t seed = i * 7919;
		struct buf md = BUF_INIT;
		buf_reset(&md);
		random_markdown(&seed, 2 + rnd(&seed, (uint32_t)(i % 60) + 2), &md);
		assert_stable(&md);
		buf_done(&md);
	}
}

static void doc_write_text__shows__structure_without_markup(void **state)
{
	(void)state;
	assert_text(
	    "# T\n\na **b** [c](https://e.org) <https://e.org>\n\n- x\n  1. y\n- [ ] z\n\n> q\n> r\n\n```\ncode\n\nend\n```",
	    "T\n\na b c (https://e.org) https://e.org\n\n- x\n  1. y\n- [ ] z\n\n> q\n> r\n\n    code\n\n    end\n");
	assert_text("| n | 数 |\n|--:|:-:|\n| 10 | 日本語 |\n| 7 | a |", " n |   数\n---+-------\n10 | 日本語\n 7 |   a\n");
	assert_text("[x](mailto:j@e.org) j@e.org", "x (mailto:j@e.org) j@e.org\n");
}

static void doc_write_text__does_not_pad__beyond_a_readable_width(void **state)
{
	(void)state;
	struct buf md = BUF_INIT, out = BUF_INIT;
	buf_add_str(&md, "| a | b |\n|---|---|\n| ");
	for (int i = 0; i < 60000; i++)
		buf_add_char(&md, 'x');
	buf_add_str(&md, " | y |\n");
	for (int i = 0; i < 2000; i++)
		buf_add_str(&md, "| a | b |\n");
	struct doc *d = doc_parse(md.p, md.len);
	doc_write_text(d, &out);
	assert_true(out.len < 400000);
	doc_free(d);
	buf_done(&md);
	buf_done(&out);
}

static void doc_entity__knows__names_and_numbers(void **state)
{
	(void)state;
	assert_int_equal(doc_entity("&amp;", 5), '&');
	assert_int_equal(doc_entity("&AMP;", 5), '&');
	assert_int_equal(doc_entity("&zwnj;", 6), 0x200c);
	assert_int_equal(doc_entity("&#x1F600;", 9), 0x1f600);
	assert_int_equal(doc_entity("&#xD800;", 8), 0xfffd);
	assert_int_equal(doc_entity("&#99999999;", 11), 0);
	assert_int_equal(doc_entity("&am;", 4), 0);
	assert_int_equal(doc_entity("&ampx;", 6), 0);
	/* Every name that the binary search must find: a table out of order loses some. */
	static const char *const names[] = { "AMP", "raquo", "larr", "laquo", "GT", "Gamma", "LT", "QUOT", "alpha", "apos", "bull",
		"copy", "hellip", "le", "lt", "mdash", "nbsp", "ne", "quot", "rarr", "rsquo", "semi", "sum", "szlig", "times",
		"uarr", "yuml", "zwj" };
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char text[16];
		snprintf(text, sizeof text, "&%s;", names[i]);
		if (!doc_entity(text, strlen(text)))
			fail_msg("%s", text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doc_parse__builds__blocks_and_inlines),
		cmocka_unit_test(doc_parse__keeps__only_links_to_allowed_targets),
		cmocka_unit_test(doc_parse__shows__html_as_text_and_entities_as_characters),
		cmocka_unit_test(doc_parse__replaces__bad_bytes_and_control_characters),
		cmocka_unit_test(doc_parse__brings__equal_documents_into_one_form),
		cmocka_unit_test(doc_parse__keeps__tabs_of_code),
		cmocka_unit_test(doc_parse__survives__spans_that_md4c_leaves_open),
		cmocka_unit_test(doc_parse__turns__blown_up_input_into_plain_text),
		cmocka_unit_test(doc_parse__takes__many_addresses_in_good_time),
		cmocka_unit_test(doc_is_plain__tells__rich_from_plain),
		cmocka_unit_test(doc_write_markdown__writes__the_canonical_form),
		cmocka_unit_test(doc_write_markdown__reads_back__as_the_same_tree),
		cmocka_unit_test(doc_write_text__shows__structure_without_markup),
		cmocka_unit_test(doc_write_text__does_not_pad__beyond_a_readable_width),
		cmocka_unit_test(doc_entity__knows__names_and_numbers),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
