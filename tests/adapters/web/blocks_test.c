/* Markdown as blocks: every form, what is finished stays finished, pieces together say what the whole says, and bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/web/blocks.h"
#include "../../../core/base/utf8.h"
#include "../../core/talk/doc_random.h"

static void assert_blocks_as(const char *md, bool lines, const char *json)
{
	struct buf b = BUF_INIT;
	buf_reserve(&b, 1);
	blocks_write(md, strlen(md), lines, &b);
	assert_string_equal(b.p, json);
	buf_done(&b);
}

static void assert_blocks(const char *md, const char *json)
{
	assert_blocks_as(md, false, json);
}

static void blocks__have__a_form_for_every_node(void **state)
{
	(void)state;
	assert_blocks("", "");
	assert_blocks("a \"b\"", "{\"t\":\"p\",\"c\":[\"a \\\"b\\\"\"]}");
	assert_blocks("## A *b*", "{\"t\":\"h\",\"n\":2,\"c\":[\"A \",{\"t\":\"i\",\"c\":[\"b\"]}]}");
	assert_blocks("**b** ~~s~~ `c<d` [t](https://e.org/?a=1&b)\\\nx",
	    "{\"t\":\"p\",\"c\":[{\"t\":\"b\",\"c\":[\"b\"]},\" \",{\"t\":\"s\",\"c\":[\"s\"]},\" \",{\"t\":\"code\",\"s\":\"c<d\"},\" \","
	    "{\"t\":\"a\",\"href\":\"https://e.org/?a=1&b\",\"c\":[\"t\"]},{\"t\":\"br\"},\"x\"]}");
	assert_blocks("- a\n- b\n  - c",
	    "{\"t\":\"ul\",\"i\":[[{\"t\":\"p\",\"c\":[\"a\"]}],[{\"t\":\"p\",\"c\":[\"b\"]},{\"t\":\"ul\",\"i\":[[{\"t\":\"p\",\"c\":[\"c\"]}]]}]]}");
	assert_blocks("3. x", "{\"t\":\"ol\",\"start\":3,\"i\":[[{\"t\":\"p\",\"c\":[\"x\"]}]]}");
	assert_blocks("- [ ] x\n- [x] *y*",
	    "{\"t\":\"ul\",\"i\":[[{\"t\":\"p\",\"c\":[\"\xe2\x98\x90 x\"]}],[{\"t\":\"p\",\"c\":[\"\xe2\x98\x91 \","
	    "{\"t\":\"i\",\"c\":[\"y\"]}]}]]}");
	assert_blocks("```c\nint a;\n\nb\n```", "{\"t\":\"code\",\"lang\":\"c\",\"s\":\"int a;\\n\\nb\"}");
	assert_blocks("    x", "{\"t\":\"code\",\"lang\":\"\",\"s\":\"x\"}");
	assert_blocks("> q\n>\n> r", "{\"t\":\"quote\",\"b\":[{\"t\":\"p\",\"c\":[\"q\"]},{\"t\":\"p\",\"c\":[\"r\"]}]}");
	assert_blocks("|a|b|c|d|\n|:--|:-:|--:|---|\n|1|**2**| |4|",
	    "{\"t\":\"table\",\"align\":[\"l\",\"c\",\"r\",\"\"],\"head\":[[\"a\"],[\"b\"],[\"c\"],[\"d\"]],"
	    "\"rows\":[[[\"1\"],[{\"t\":\"b\",\"c\":[\"2\"]}],[],[\"4\"]]]}");
	assert_blocks("---", "{\"t\":\"hr\"}");
}

static void line_end__is_a_space_for_eddy_and_a_break_for_people(void **state)
{
	(void)state;
	assert_blocks("a\nb", "{\"t\":\"p\",\"c\":[\"a b\"]}");
	assert_blocks_as("a\nb", true, "{\"t\":\"p\",\"c\":[\"a\",{\"t\":\"br\"},\"b\"]}");
}

static void links__go__only_where_the_tree_allows(void **state)
{
	(void)state;
	assert_blocks("[a](javascript:alert(1)) <b onclick=x>", "{\"t\":\"p\",\"c\":[\"a <b onclick=x>\"]}");
	assert_blocks("[a](JaVaScRiPt:x) [b](data:text/html,x) [c](vbscript:x)", "{\"t\":\"p\",\"c\":[\"a b c\"]}");
}

static void target__defined_in_another_piece__is_found(void **state)
{
	(void)state;
	static const char link[] = "{\"t\":\"a\",\"href\":\"https://e.org/1\",\"c\":[\"x\"]}";
	struct buf want = BUF_INIT;
	buf_addf(&want, "{\"t\":\"p\",\"c\":[%s]},{\"t\":\"p\",\"c\":[\"z\"]}", link);
	assert_blocks("[x][1]\n\nz\n\n[1]: https://e.org/1\n", want.p);
	buf_reset(&want);
	buf_addf(&want, "{\"t\":\"p\",\"c\":[\"z\"]},{\"t\":\"p\",\"c\":[%s]}", link);
	assert_blocks("[1]: https://e.org/1\n\nz\n\n[x][1]", want.p);
	buf_done(&want);
}

static void check_json(const struct buf *b)
{
	struct buf list = BUF_INIT;
	json_error_t why;
	buf_addf(&list, "[%s]", b->p);
	json_t *v = json_loadb(list.p, list.len, JSON_REJECT_DUPLICATES, &why);
	if (v == NULL)
		fail_msg("%s in %s", why.text, list.p);
	json_decref(v);
	buf_done(&list);
}

/* Grows ${text} at random places as a client would see it and checks every promise on the way. */
static void grow_and_check(const char *text, size_t n, uint64_t *seed, bool targets)
{
	struct blocks *b = blocks_new();
	char *shown[4096] = { 0 };
	size_t len = 0, final = 0, at = 0;
	while (at < n) {
		size_t from = 0;
		at += 1 + rnd(seed, n > 400 ? 60 : 7);
		at = at > n ? n : at;
		while (at < n && ((unsigned char)text[at] & 0xc0) == 0x80)
			at++;
		bool changed = blocks_grow(b, text, at, &from);
		assert_true(from >= final); /* what was finished never changes */
		assert_true(blocks_final(b) >= final && blocks_final(b) <= blocks_count(b));
		final = blocks_final(b);
		if (!changed) {
			assert_int_equal(from, len);
			assert_int_equal(blocks_count(b), len);
			continue;
		}
		assert_true(from <= len);
		for (; len > from; len--)
			free(shown[len - 1]);
		assert_true(blocks_count(b) < 4096);
		for (size_t i = from; i < blocks_count(b); i++) {
			struct buf all = BUF_INIT, rest = BUF_INIT;
			buf_reserve(&all, 1);
			buf_reserve(&rest, 1);
			blocks_put(b, i, &all);
			blocks_put(b, i + 1, &rest);
			shown[len++] = strndup(all.p, all.len - rest.len - (rest.len > 0));
			buf_done(&all);
			buf_done(&rest);
		}
	}
	/* A client that followed the parts shows the whole. */
	struct buf followed = BUF_INIT, whole = BUF_INIT, own = BUF_INIT;
	buf_reserve(&followed, 1);
	buf_reserve(&whole, 1);
	buf_reserve(&own, 1);
	for (size_t i = 0; i < len; i++) {
		buf_addf(&followed, "%s%s", i > 0 ? "," : "", shown[i]);
		free(shown[i]);
	}
	blocks_put(b, 0, &own);
	blocks_write(text, n, false, &whole);
	assert_string_equal(followed.p, own.p);
	if (!targets)
		assert_string_equal(own.p, whole.p);
	check_json(&whole);
	buf_done(&followed);
	buf_done(&whole);
	buf_done(&own);
	blocks_free(b);
}

static void finished_blocks__never_change__over_random_texts(void **state)
{
	(void)state;
	uint64_t seed = 7;
	for (int i = 0; i < 3000; i++) {
		struct buf md = BUF_INIT;
		buf_reserve(&md, 1);
		random_markdown(&seed, 1 + rnd(&seed, 120), &md);
		grow_and_check(md.p, md.len, &seed, strstr(md.p, "]:") != NULL);
		buf_done(&md);
	}
}

static const char *const answers[] = {
	("# Plan\n\nFirst a *word*, then:\n\n1. one\n\n   more of one\n\n2. two\n   ```c\n   int x;\n\n   int y;\n   ```\n3. three\n\nDone.\n\n"
	 "```\nfree\n\nstanding\n```\n\n> quoted\n\n> again\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nlast"),
	"- a\n\n- b\n\n  c\n\nd\n\n- e\n- f\n\n---\n\ng\n===\n\nh",
	"- ```\n  in\n\n  side\n  ```\n\nout\n\n~~~py\n```\n\n~~~\n\nend",
	"    code\n\n    more code\n\ntext\n\n\tcode\n\n* x\n\n      y\n\nz",
	"para\n- list\n\n- same list\n\n1) other\n\n2) goes on\n\nend",
	"````md\n```\n\ninner\n```\n\nstill\n````\n\nafter\n\n```js\nnever closed\n\n# not a heading\n",
};

static size_t whole_blocks(const char *md, size_t n)
{
	struct doc *d = doc_parse(md, n);
	size_t len = 0;
	for (const struct doc_node *c = doc_root(d)->first; c != NULL; c = c->next)
		len++;
	doc_free(d);
	return len;
}

static void pieces__say__what_the_whole_document_says(void **state)
{
	(void)state;
	uint64_t seed = 3;
	for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
		size_t n = strlen(answers[i]), from;
		for (size_t cut = 1; cut <= n; cut++) {
			struct blocks *b = blocks_new();
			(void)blocks_grow(b, answers[i], cut, &from);
			if (blocks_count(b) != whole_blocks(answers[i], cut))
				fail_msg("%zu blocks, not %zu, in: %.*s", blocks_count(b), whole_blocks(answers[i], cut), (int)cut,
				    answers[i]);
			blocks_free(b);
		}
		for (int k = 0; k < 50; k++)
			grow_and_check(answers[i], n, &seed, false);
	}
}

static void long_answer__is_read_again__only_at_its_end(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	for (int i = 0; i < 2000; i++)
		buf_addf(&md, "Paragraph %d has **some** words.\n\n", i);
	struct blocks *b = blocks_new();
	size_t from;
	for (size_t at = 100; at < md.len; at += 100) {
		assert_true(blocks_grow(b, md.p, at, &from));
		assert_true(blocks_tail(b) < 300);
		assert_true(blocks_count(b) - from < 8);
	}
	blocks_free(b);
	buf_done(&md);
}

static void blocks__of_texts_made_to_explode__stay_bounded(void **state)
{
	(void)state;
	static const char *const seeds[] = { "|", "> ", "- ", "[a]", "*", "`", "\n\n[x][1]", "![", "~~", "|-" };
	struct buf md = BUF_INIT, out = BUF_INIT;
	for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
		buf_reset(&md);
		buf_reset(&out);
		buf_addf(&md, "[1]: https://e.org/");
		for (int k = 0; k < 900; k++)
			buf_add_char(&md, 'x');
		while (md.len < 120000)
			buf_add_str(&md, seeds[i]);
		blocks_write(md.p, md.len, false, &out);
		assert_true(out.len < 1500000);
		check_json(&out);
	}
	/* Many tables, each of a few bytes per cell row and hundreds of columns. */
	buf_reset(&md);
	buf_reset(&out);
	while (md.len < 120000) {
		for (int k = 0; k < 300; k++)
			buf_add_str(&md, "|a");
		buf_add_char(&md, '\n');
		for (int k = 0; k < 300; k++)
			buf_add_str(&md, "|---");
		for (int k = 0; k < 60; k++)
			buf_add_str(&md, "\n|");
		buf_add_str(&md, "\n\ntext\n\n");
	}
	blocks_write(md.p, md.len, false, &out);
	assert_true(out.len < 1500000);
	check_json(&out);
	buf_done(&md);
	buf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks__have__a_form_for_every_node),
		cmocka_unit_test(line_end__is_a_space_for_eddy_and_a_break_for_people),
		cmocka_unit_test(links__go__only_where_the_tree_allows),
		cmocka_unit_test(target__defined_in_another_piece__is_found),
		cmocka_unit_test(finished_blocks__never_change__over_random_texts),
		cmocka_unit_test(pieces__say__what_the_whole_document_says),
		cmocka_unit_test(long_answer__is_read_again__only_at_its_end),
		cmocka_unit_test(blocks__of_texts_made_to_explode__stay_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
