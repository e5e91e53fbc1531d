/* Long answers in short: what counts as a word, what becomes a point, and that growing and finishing agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/utf8.h"
#include "../../../core/talk/fold.h"

static size_t words_of(const char *md)
{
	size_t n = strlen(md);
	for (size_t w = 0; w < 2000; w++) {
		struct fold_count c = FOLD_COUNT_INIT;
		if (fold_feed(&c, md, n, w) == n)
			return w;
	}
	return 2000;
}

static void fold__counts__words(void **state)
{
	(void)state;
	static const struct {
		const char *md;
		size_t words;
	} cases[] = {
		{ "", 0 },
		{ "one", 1 },
		{ " one,  two\n- three\t4 ", 4 },
		{ "it's well-known — really", 3 },
		{ "größe äh", 2 },
		{ "before\n```c\nint a = 1;\n```\nafter", 2 },
		{ "before\n~~~\nx y\n~~~\nafter all", 3 },
		{ "`code span` counts", 3 },
		{ "| a | b |\n|---|---|\n| c | d |\n\nend", 1 },
		{ "今日は晴れです", 4 },
		{ "** -- !!", 0 },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		if (words_of(cases[i].md) != cases[i].words)
			fail_msg("\"%s\" has %zu words, not %zu", cases[i].md, words_of(cases[i].md), cases[i].words);
	}
}

static void fold_feed__in_pieces__is_the_same(void **state)
{
	(void)state;
	const char *md = "One two ```x``` three.\n```\nnot these words\n```\nfour fünf 六七 eight\n| no | no |\nnine ten eleven";
	size_t n = strlen(md);
	for (size_t limit = 0; limit < 14; limit++) {
		struct fold_count whole = FOLD_COUNT_INIT;
		size_t cut = fold_feed(&whole, md, n, limit);
		for (size_t piece = 1; piece < 9; piece++) {
			struct fold_count c = FOLD_COUNT_INIT;
			size_t shown = 0;
			for (size_t at = 0; at < n; at += piece) {
				size_t k = at + piece < n ? piece : n - at, room = fold_feed(&c, md + at, k, limit);
				shown += room;
				if (room < k) {
					assert_int_equal(fold_feed(&c, "more words", 10, limit), 0);
					break;
				}
			}
			assert_int_equal(shown, cut);
		}
		assert_int_equal(utf8_clip(md, n, cut), cut);
	}
}

static void fold_answer__short_ones__stay(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	assert_false(fold_answer("one two three", 13, 3, &b));
	assert_false(fold_answer("one two three", 13, 0, &b));
	assert_false(fold_answer("", 0, 1, &b));
	assert_true(fold_answer("one two three", 13, 2, &b));
	assert_string_equal(b.p, "**one two three**\n\n*In short; the full answer has 3 words.*\n");
	buf_done(&b);
}

static void fold_answer__headings__are_points(void **state)
{
	(void)state;
	const char *md =
	    "# Moving the ledger to Postgres\n\nIt can be done in a week.\n\n## Why\n\nMySQL lacks row security. More words here.\n\n"
	    "## How\n1. Copy the data with [the tool](https://x.example/t). Then wait.\n2. Switch.\n\n**Cost:**\n\n```sh\nrm -rf /tmp/x\n```\nAbout 3 days.\n\n## Risk\n";
	struct buf b = BUF_INIT;
	assert_true(fold_answer(md, strlen(md), 10, &b));
	assert_string_equal(b.p,
	    "**Moving the ledger to Postgres**\n\n"
	    "- **Why**: MySQL lacks row security.\n"
	    "- **How**: Copy the data with [the tool](https://x.example/t).\n"
	    "- **Cost**: About 3 days.\n"
	    "- Risk\n"
	    "\n*In short; the full answer has 37 words.*\n");
	buf_done(&b);
}

static void fold_answer__many_headings__first_and_last(void **state)
{
	(void)state;
	struct buf md = BUF_INIT, b = BUF_INIT;
	for (int i = 0; i < 23; i++)
		buf_addf(&md, "## Part %d\n\nText number %d stands here.\n\n", i, i);
	assert_true(fold_answer(md.p, md.len, 20, &b));
	assert_memory_equal(b.p, "**Part 0**\n\n- **Part 1**: ", 26);
	assert_non_null(strstr(b.p, "- **Part 22**: Text number 22 stands here.\n"));
	size_t points = 0;
	for (const char *p = b.p; (p = strstr(p, "\n- ")) != NULL; p++)
		points++;
	assert_int_equal(points, 5);
	buf_done(&md);
	buf_done(&b);
}

static void fold_answer__without_headings__takes_sentences(void **state)
{
	(void)state;
	const char *md =
	    "Yes, **Postgres** fits better here. It has what we need.\n\nThe ledger has 4 tables and 2,000,000 rows. Fine.\n\n"
	    "There are things to know:\n- The copy takes 3 hours because of the indexes.\n- A window on Sunday works.\n\nWell.\n\nIn the end the team decides.";
	struct buf b = BUF_INIT;
	assert_true(fold_answer(md, strlen(md), 10, &b));
	assert_memory_equal(b.p, "**Yes, Postgres fits better here.**\n\n- ", 39);
	assert_non_null(strstr(b.p, "\n- The ledger has 4 tables and 2,000,000 rows.\n"));
	assert_non_null(strstr(b.p, "\n- The copy takes 3 hours because of the indexes.\n"));
	assert_null(strstr(b.p, "- Yes"));
	buf_done(&b);
}

static void fold_answer__any_bytes__keep_the_limits(void **state)
{
	(void)state;
	static const char *const words[] = { "# ", "## ", "**", "a", "word ", ". ", "\n", "\n\n", "- ", "```\n", "| x |\n", "größe",
		"決定。", "> q\n", ":", "1. ", "x?", "[1] " };
	uint32_t seed = 3;
	struct buf md = BUF_INIT, b = BUF_INIT;
	for (int round = 0; round < 500; round++) {
		buf_reset(&md);
		buf_reset(&b);
		for (int k = 0; k < 200; k++) {
			seed = seed * 1664525 + 1013904223;
			buf_add_str(&md, words[(seed >> 16) % (sizeof(words) / sizeof(words[0]))]);
		}
		if (!fold_answer(md.p, md.len, 5, &b))
			continue;
		assert_true(utf8_valid(b.p, b.len));
		size_t points = 0;
		for (const char *p = b.p; (p = strstr(p, "\n- ")) != NULL; p++)
			points++;
		assert_true(points <= FOLD_POINTS_MAX);
	}
	buf_done(&md);
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fold__counts__words),
		cmocka_unit_test(fold_feed__in_pieces__is_the_same),
		cmocka_unit_test(fold_answer__short_ones__stay),
		cmocka_unit_test(fold_answer__headings__are_points),
		cmocka_unit_test(fold_answer__many_headings__first_and_last),
		cmocka_unit_test(fold_answer__without_headings__takes_sentences),
		cmocka_unit_test(fold_answer__any_bytes__keep_the_limits),
	};
	return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
