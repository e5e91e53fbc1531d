/* Splitting a document: every part within its limit, nothing lost, structure carried on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/utf8.h"
#include "../../../core/talk/doc_split.h"
#include "doc_random.h"

struct split {
	struct doc **parts;
	size_t n;
	struct buf md[64]; /* canonical Markdown of the first parts */
};

static struct split split(const struct buf *md, size_t units)
{
	struct split s = { 0 };
	struct doc *d = doc_parse(md->p, md->len);
	s.parts = doc_split(d, units, &s.n);
	doc_free(d);
	assert_true(s.n >= 1);
	for (size_t i = 0; i < s.n; i++) {
		struct buf b = BUF_INIT;
		doc_write_markdown(s.parts[i], &b);
		size_t used = utf8_utf16_len(b.p, b.len), limit = units < DOC_SPLIT_MIN ? DOC_SPLIT_MIN : units;
		if (used > limit)
			fail_msg("part %zu of %zu takes %zu, at most %zu:\n%s", i + 1, s.n, used, limit, b.p);
		assert_true(utf8_valid(b.p, b.len));
		assert_true(s.n == 1 || doc_root(s.parts[i])->first);
		if (i < 64)
			s.md[i] = b;
		else
			buf_done(&b);
	}
	return s;
}

static void split_done(struct split *s)
{
	doc_parts_free(s->parts, s->n);
	for (size_t i = 0; i < 64; i++)
		buf_done(&s->md[i]);
}

/* What a reader reads: no blanks, no marks of structure, which parts may repeat or drop. */
static void letters(const struct doc *d, struct buf *out)
{
	struct buf text = BUF_INIT;
	doc_write_text(d, &text);
	for (size_t i = 0; i < text.len; i++) {
		if (!strchr(" \n\t>|-", text.p[i]))
			buf_add_char(out, text.p[i]);
	}
	buf_done(&text);
}

static void doc_split__loses__nothing_of_random_documents(void **state)
{
	(void)state;
	size_t rounds = getenv("EDDY_TEST_LONG") ? 5000 : 300;
	for (uint64_t i = 1; i <= rounds; i++) {
		uint64_t seed = i * 104729;
		size_t pieces = 50 + rnd(&seed, 1500), limit = 256 + rnd(&seed, 3000);
		struct buf md = BUF_INIT, whole = BUF_INIT, parts = BUF_INIT;
		buf_reset(&whole);
		buf_reset(&parts);
		random_markdown(&seed, pieces, &md);
		if (rnd(&seed, 3) == 0) {
			for (uint32_t j = rnd(&seed, 4000); j; j--)
				buf_add_char(&md, "abc`_*"[rnd(&seed, 6)]);
		}
		struct doc *d = doc_parse(md.p, md.len);
		letters(d, &whole);
		doc_free(d);
		struct split s = split(&md, limit);
		for (size_t k = 0; k < s.n; k++)
			letters(s.parts[k], &parts);
		/* Headers and markers may come again, so: everything is there, in order. */
		size_t found = 0;
		for (size_t k = 0; k < parts.len && found < whole.len; k++)
			found += parts.p[k] == whole.p[found];
		if (found < whole.len)
			fail_msg("round %d: lost from \"%.80s\"", (int)i, whole.p + found);
		split_done(&s);
		buf_done(&md);
		buf_done(&whole);
		buf_done(&parts);
	}
}

static void doc_split__keeps__a_short_document_whole(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	buf_add_str(&md, "# A\n\n- b\n- c\n\n```x\ny\n```\n");
	struct split s = split(&md, 1000);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.md[0].p, md.p);
	split_done(&s);
	buf_reset(&md);
	s = split(&md, 1000);
	assert_int_equal(s.n, 1);
	assert_string_equal(s.md[0].p, "");
	split_done(&s);
	buf_done(&md);
}

static void doc_split__cuts__plain_text_between_words_and_fills_parts(void **state)
{
	(void)state;
	struct buf md = BUF_INIT, joined = BUF_INIT;
	for (int i = 0; i < 2000; i++)
		buf_addf(&md, "%sword%d", i ? " " : "", i);
	struct split s = split(&md, 1000);
	assert_true(s.n <= md.len / 850 + 1);
	for (size_t i = 0; i < s.n; i++) {
		buf_add(&joined, s.md[i].p, s.md[i].len - 1);
		buf_add_str(&joined, i + 1 < s.n ? " " : "");
	}
	assert_string_equal(joined.p, md.p);
	split_done(&s);
	buf_done(&md);
	buf_done(&joined);
}

static void doc_split__carries_on__code_with_its_language(void **state)
{
	(void)state;
	struct buf md = BUF_INIT, joined = BUF_INIT;
	buf_add_str(&md, "```python\n");
	for (int i = 0; i < 200; i++)
		buf_addf(&joined, "\tprint(%d)\n", i);
	buf_add(&md, joined.p, joined.len);
	buf_add_str(&md, "```\n");
	struct split s = split(&md, 500);
	assert_true(s.n > 4);
	struct buf again = BUF_INIT;
	for (size_t i = 0; i < s.n; i++) {
		const struct doc_node *code = doc_root(s.parts[i])->first;
		assert_int_equal(code->type, DOC_CODE);
		assert_string_equal(code->info, "python");
		buf_addf(&again, "%s\n", code->text);
	}
	assert_string_equal(again.p, joined.p);
	split_done(&s);
	buf_done(&md);
	buf_done(&joined);
	buf_done(&again);
}

static void doc_split__repeats__the_header_row_of_a_table(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	buf_add_str(&md, "intro\n\n| name | value |\n| --- | --: |\n");
	for (int i = 0; i < 100; i++)
		buf_addf(&md, "| row%d | %d |\n", i, i);
	struct split s = split(&md, 400);
	int row = 0;
	for (size_t i = 0; i < s.n; i++) {
		const struct doc_node *table = doc_root(s.parts[i])->last;
		assert_int_equal(table->type, DOC_TABLE);
		assert_true(table->first->header);
		assert_string_equal(table->first->first->first->text, "name");
		for (const struct doc_node *r = table->first->next; r; r = r->next, row++)
			assert_int_equal(atoi(r->last->first->text), row);
	}
	assert_int_equal(row, 100);
	split_done(&s);
	buf_done(&md);
}

static void doc_split__keeps__numbers_of_a_long_list(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	for (int i = 1; i <= 60; i++)
		buf_addf(&md, "%d. item number %d with some words\n", i, i);
	struct split s = split(&md, 300);
	assert_true(s.n > 3);
	int number = 1;
	for (size_t i = 0; i < s.n; i++) {
		const struct doc_node *list = doc_root(s.parts[i])->first;
		assert_true(list->ordered);
		assert_int_equal(list->level, number);
		for (const struct doc_node *item = list->first; item; item = item->next)
			number++;
	}
	assert_int_equal(number, 61);
	split_done(&s);
	buf_done(&md);
}

static void doc_split__never_cuts__links(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	for (int i = 0; i < 100; i++)
		buf_addf(&md, "see [the page number %d](https://example.org/a/rather/long/path/%d) and ", i, i);
	struct split s = split(&md, 300);
	int seen = 0;
	for (size_t i = 0; i < s.n; i++) {
		for (const struct doc_node *c = doc_root(s.parts[i])->first->first; c; c = c->next) {
			if (c->type != DOC_LINK)
				continue;
			char want[64];
			snprintf(want, sizeof want, "the page number %d", seen++);
			assert_string_equal(c->first->text, want);
		}
	}
	assert_int_equal(seen, 100);
	split_done(&s);
	buf_done(&md);
}

static void doc_split__cuts__a_giant_word_between_characters(void **state)
{
	(void)state;
	/* A family of four is 25 bytes and 11 units, and one character to the reader. */
	static const char family[] = "\U0001F468\u200d\U0001F469\u200d\U0001F467\u200d\U0001F466";
	struct buf md = BUF_INIT;
	for (int i = 0; i < 100; i++)
		buf_add_str(&md, family);
	struct split s = split(&md, 256);
	assert_true(s.n >= 5);
	size_t total = 0;
	for (size_t i = 0; i < s.n; i++) {
		size_t n = s.md[i].len - 1;
		assert_int_equal(n % (sizeof family - 1), 0);
		total += n;
	}
	assert_int_equal(total, md.len);
	split_done(&s);
	buf_done(&md);
}

static void doc_split__survives__deep_structure_and_tiny_limits(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	for (int i = 0; i < 8; i++)
		buf_addf(&md, "%*s- level %d with a few words that need some room in the part\n", i * 2, "", i);
	for (int i = 0; i < 18; i++)
		buf_add_str(&md, "> ");
	for (int i = 0; i < 300; i++)
		buf_add_str(&md, "word ");
	struct split s = split(&md, 10);
	assert_true(s.n > 5);
	split_done(&s);
	buf_done(&md);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(doc_split__loses__nothing_of_random_documents),
		cmocka_unit_test(doc_split__keeps__a_short_document_whole),
		cmocka_unit_test(doc_split__cuts__plain_text_between_words_and_fills_parts),
		cmocka_unit_test(doc_split__carries_on__code_with_its_language),
		cmocka_unit_test(doc_split__repeats__the_header_row_of_a_table),
		cmocka_unit_test(doc_split__keeps__numbers_of_a_long_list),
		cmocka_unit_test(doc_split__never_cuts__links),
		cmocka_unit_test(doc_split__cuts__a_giant_word_between_characters),
		cmocka_unit_test(doc_split__survives__deep_structure_and_tiny_limits),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
