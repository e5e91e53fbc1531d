/* The one list of what can go wrong: every code has a name, a status and a sentence that somebody understands, and the page for developers knows them all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/api/problem.h"
#include "../../../core/base/json.h"

#define REQUEST "01a1fd77-c6f6-7000-b0e0-4694f88ab75c"

static void codes__are__complete_and_apart(void **state)
{
	(void)state;
	for (enum api_code c = API_INVALID; c < API_CODES; c++) {
		const char *name = problem_name(c);
		if (name == NULL || name[0] == '\0' || name[strspn(name, "abcdefghijklmnopqrstuvwxyz_")] != '\0')
			fail_msg("code %d has no name", (int)c);
		if (problem_status(c) < 400 || problem_status(c) > 599 || strlen(problem_title(c)) < 4)
			fail_msg("%s: no status or title", name);
		for (enum api_code d = API_OK; d < c; d++)
			if (strcmp(problem_name(d), name) == 0 || problem_status(d) == problem_status(c))
				fail_msg("%s: like another", name);
	}
	/* What is no code is our fault. */
	assert_int_equal(problem_status(API_CODES), 500);
}

/* In Slack, in a mail and in the terminal: a sentence, and behind it what support needs. */
static void codes__in_words__are_a_sentence_with_the_request(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	for (enum api_code c = API_INVALID; c < API_CODES; c++) {
		char tail[120];
		buf_reset(&b);
		problem_words(&(struct problem){ .code = c }, REQUEST, &b);
		snprintf(tail, sizeof tail, " (%s, request " REQUEST ")", problem_name(c));
		size_t n = strlen(tail);
		if (b.len <= n + 10 || strcmp(b.p + b.len - n, tail) != 0)
			fail_msg("%s: %s", problem_name(c), b.p);
		b.p[b.len - n] = '\0';
		size_t len = strlen(b.p);
		if (b.p[0] < 'A' || b.p[0] > 'Z' || b.p[len - 1] != '.' || strchr(b.p, '_') != NULL)
			fail_msg("%s is not how people speak: %s", problem_name(c), b.p);
	}
	buf_reset(&b);
	problem_words(&(struct problem){ .code = API_LIMITED, .retry_after_s = 7 }, REQUEST, &b);
	assert_non_null(strstr(b.p, " Try again in 7 s."));
	buf_reset(&b);
	problem_words(&(struct problem){ .code = API_FORBIDDEN, .detail = "This takes the role admin." }, REQUEST, &b);
	assert_string_equal(b.p, "This takes the role admin. (forbidden, request " REQUEST ")");
	buf_done(&b);
}

static void codes__for_machines__say_the_same(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	for (enum api_code c = API_INVALID; c < API_CODES; c++) {
		struct problem p = { .code = c, .field = "a\"b", .retry_after_s = 3, .detail = "Says \"this\"\n." };
		json_t *o = NULL;
		buf_reset(&b);
		problem_json(&p, REQUEST, &b);
		assert_int_equal(json_parse(b.p, b.len, 4096, &o, NULL), ERR_NONE);
		assert_int_equal(json_object_size(o), 8);
		assert_string_equal(json_str(o, "code", ""), problem_name(c));
		assert_string_equal(json_str(o, "title", ""), problem_title(c));
		assert_int_equal(json_int(o, "status", 0), problem_status(c));
		assert_string_equal(json_str(o, "detail", ""), p.detail);
		assert_string_equal(json_str(o, "field", ""), p.field);
		assert_string_equal(json_str(o, "request_id", ""), REQUEST);
		assert_int_equal(json_int(o, "retry_after", 0), 3);
		json_decref(o);
	}
	buf_done(&b);
}

static void page_for_developers__knows__every_code(void **state)
{
	(void)state;
	char row[120];
	struct buf b = BUF_INIT;
	FILE *f = fopen("docs/api.md", "re");
	assert_non_null(f);
	for (int c; (c = fgetc(f)) != EOF;)
		buf_add_char(&b, (char)c);
	fclose(f);
	for (enum api_code c = API_INVALID; c < API_CODES; c++) {
		snprintf(row, sizeof row, "\n| `%s` | %d |", problem_name(c), problem_status(c));
		if (strstr(b.p, row) == NULL)
			fail_msg("docs/api.md has no line %s", row + 1);
	}
	buf_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(codes__are__complete_and_apart),
		cmocka_unit_test(codes__in_words__are_a_sentence_with_the_request),
		cmocka_unit_test(codes__for_machines__say_the_same),
		cmocka_unit_test(page_for_developers__knows__every_code),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
