/*
 * One test for each row.  A table's mark is the number of its rows and the sum of their hashes, so that a row that was only changed counts as well.  The page
 * has a section for each program between two comments; what stands around them is written by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attacks.h"

#include "../../core/base/buf.h"

#define PAGE "docs/attacks.md"

static const char *section_name;
static const struct attack *rows;
static size_t rows_len;
static attacks_sql ask_sql;
static void (*wait_settled)(void);

/* ---- what must not change ---- */
static void take_marks(const struct attack *a, struct buf *out)
{
	char word[64], query[300];
	int used = 0;
	buf_reset(out);
	buf_reserve(out, 1);
	for (const char *p = a->unchanged; sscanf(p, " %63[a-z_]%n", word, &used) == 1; p += used) {
		snprintf(query, sizeof query,
		    "SELECT count(*) || ' rows, ' || coalesce(sum(hashtextextended(t::text, 0)), 0) FROM eddy.%s t", word);
		buf_addf(out, "%s: %s\n", word, ask_sql(query));
	}
}

static void attack__is_refused(void **state)
{
	const struct attack *a = *state;
	struct buf before = BUF_INIT, after = BUF_INIT;
	if (wait_settled != NULL)
		wait_settled();
	take_marks(a, &before);
	a->run(a);
	if (wait_settled != NULL)
		wait_settled();
	take_marks(a, &after);
	if (strcmp(before.p, after.p) != 0)
		fail_msg("it was refused, and has changed something:\n%sbecame\n%s", before.p, after.p);
	buf_done(&before);
	buf_done(&after);
}

/* ---- the page ---- */
static void add_cell(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '|')
			buf_add_char(out, '\\');
		buf_add_char(out, *text);
	}
}

static void write_section(struct buf *out)
{
	buf_add_str(out, "\n| | attack | what comes of it | unchanged |\n|---|---|---|---|\n");
	for (size_t i = 0; i < rows_len; i++) {
		buf_addf(out, "| %zu | ", i + 1);
		add_cell(out, rows[i].name);
		buf_add_str(out, " | ");
		add_cell(out, rows[i].refusal);
		buf_add_str(out, " | ");
		add_cell(out, rows[i].unchanged);
		buf_add_str(out, " |\n");
	}
	buf_add_str(out, "\n");
}

static bool read_page(struct buf *out)
{
	char block[4096];
	FILE *f = fopen(PAGE, "re");
	if (f == NULL)
		return false;
	for (size_t n; (n = fread(block, 1, sizeof block, f)) > 0;)
		buf_add(out, block, n);
	fclose(f);
	buf_reserve(out, 1);
	return true;
}

static void page__says__what_is_tried(void **state)
{
	(void)state;
	struct buf page = BUF_INIT, wanted = BUF_INIT, all = BUF_INIT;
	char begin[80], end[80];
	if (!read_page(&page))
		fail_msg("no " PAGE " below this folder");
	snprintf(begin, sizeof begin, "<!-- begin %s -->\n", section_name);
	snprintf(end, sizeof end, "<!-- end %s -->\n", section_name);
	char *from = strstr(page.p, begin), *to = strstr(page.p, end);
	if (from == NULL || to == NULL || to < from)
		fail_msg(PAGE " has no section %s", section_name);
	from += strlen(begin);
	write_section(&wanted);
	bool same = (size_t)(to - from) == wanted.len && memcmp(from, wanted.p, wanted.len) == 0;
	if (!same && getenv("EDDY_WRITE") != NULL) {
		buf_add(&all, page.p, (size_t)(from - page.p));
		buf_add(&all, wanted.p, wanted.len);
		buf_add_str(&all, to);
		FILE *f = fopen(PAGE, "we");
		if (f == NULL || fwrite(all.p, 1, all.len, f) != all.len || fclose(f) != 0)
			fail_msg(PAGE " cannot be written");
	} else if (!same) {
		fail_msg(PAGE " does not say what is tried here: EDDY_WRITE=1 writes it");
	}
	buf_done(&page);
	buf_done(&wanted);
	buf_done(&all);
}

int attacks_run(const char *section, const struct attack *list, size_t n, attacks_sql sql, void (*settle)(void),
    CMFixtureFunction up, CMFixtureFunction down)
{
	struct CMUnitTest *tests = calloc(n + 1, sizeof *tests);
	char group[80];
	if (tests == NULL)
		return 1;
	section_name = section;
	rows = list;
	rows_len = n;
	ask_sql = sql;
	wait_settled = settle;
	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){
			.name = list[i].name, .test_func = attack__is_refused, .initial_state = (void *)(uintptr_t)&list[i]
		};
	tests[n] = (struct CMUnitTest){ .name = "page__says__what_is_tried", .test_func = page__says__what_is_tried };
	snprintf(group, sizeof group, "attacks: %s", section);
	const char *only = getenv("EDDY_TEST_ONLY");
	if (only != NULL && only[0] != '\0')
		cmocka_set_test_filter(only);
	int failed = _cmocka_run_group_tests(group, tests, n + 1, up, down);
	free(tests);
	return failed;
}
