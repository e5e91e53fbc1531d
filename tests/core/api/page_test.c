/* Pages of a list: each row once, whatever comes and goes meanwhile, and no cursor but ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../core/api/page.h"
#include "../../../core/base/json.h"

/* {"rows":["a", …]} */
static json_t *rows(const char *letters)
{
	json_t *list = json_array();
	for (; *letters != '\0'; letters++)
		json_array_append_new(list, json_pack("{s:s#}", "name", letters, 1));
	return json_pack("{s:o}", "rows", list);
}

/* The page of ${letters} that ${cursor} ("": the first) leads to; ${cursor} is replaced, "" at the end. */
static const char *page(const char *letters, int limit, char cursor[65])
{
	static char got[64];
	json_t *out = rows(letters), *in = json_pack("{s:i}", "limit", limit), *row;
	size_t i, n = 0;
	if (cursor[0] != '\0')
		json_object_set_new(in, "cursor", json_string(cursor));
	assert_true(page_cut(out, "rows", in));
	json_array_foreach (json_arr(out, "rows"), i, row)
		got[n++] = json_str(row, "name", "?")[0];
	got[n] = '\0';
	snprintf(cursor, 65, "%s", json_str(out, "cursor", ""));
	json_decref(out);
	json_decref(in);
	return got;
}

static void pages__have__each_row_once(void **state)
{
	(void)state;
	for (int limit = 1; limit <= 9; limit++) {
		char cursor[65] = "", all[16] = "";
		int n = 0;
		do {
			strcat(all, page("abcdefgh", limit, cursor));
			n++;
		} while (cursor[0] != '\0' && n < 20);
		assert_string_equal(all, "abcdefgh");
		assert_int_equal(n, (8 + limit - 1) / limit);
	}
	char cursor[65] = "";
	assert_string_equal(page("", 3, cursor), "");
	assert_string_equal(cursor, "");
}

static void pages__go_on__where_the_last_row_is_by_now(void **state)
{
	(void)state;
	char first[65] = "", cursor[65];
	assert_string_equal(page("abcdef", 2, first), "ab");
	static const struct {
		const char *now, *next;
	} cases[] = { { "xyabcdef", "cd" }, { "bcdef", "cd" }, { "abXcdef", "Xc" },
		{ "acdef", "de" }, /* the row itself is gone: as many as there were */
		{ "b", "" }, { "", "" } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		strcpy(cursor, first);
		assert_string_equal(page(cases[i].now, 2, cursor), cases[i].next);
	}
}

static void cursors__that_are_not_ours__are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "1", "-", "0-0123456789abcdef", "1-0123456789abcde", "1-0123456789abcdef0",
		"1-0123456789ABCDEF", "-1-0123456789abcdef", "99999999-0123456789abcdef", "1 0123456789abcdef",
		"1-0123456789abcdeg" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_t *out = rows("abc"), *in = json_pack("{s:s}", "cursor", bad[i]);
		int first;
		if (page_cut(out, "rows", in) || page_begin(in, &first))
			fail_msg("%s", bad[i]);
		json_decref(out);
		json_decref(in);
	}
	static const char *const numbers[] = { "", "-1", "1x", " 1", "9999999999999999999" };
	int64_t n;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		assert_false(page_number(numbers[i], &n));
	assert_true(page_number("42", &n));
	assert_int_equal(n, 42);
}

static void pages__that_are_fetched__end_with_a_cursor_behind_them(void **state)
{
	(void)state;
	json_t *out = rows("cde"), *in;
	int first;
	page_end(out, "rows", 2, 2);
	assert_int_equal(json_array_size(json_arr(out, "rows")), 2);
	in = json_pack("{s:s}", "cursor", json_str(out, "cursor", ""));
	assert_true(page_begin(in, &first));
	assert_int_equal(first, 4);
	json_decref(in);
	json_decref(out);
	out = rows("ef");
	page_end(out, "rows", 4, 2);
	assert_null(json_object_get(out, "cursor"));
	json_decref(out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pages__have__each_row_once),
		cmocka_unit_test(pages__go_on__where_the_last_row_is_by_now),
		cmocka_unit_test(cursors__that_are_not_ours__are_refused),
		cmocka_unit_test(pages__that_are_fetched__end_with_a_cursor_behind_them),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
