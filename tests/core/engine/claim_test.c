/* Looking for work that nobody has: what one look costs does not grow with how much there is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/engine/engine_internal.h"
#include "../../support/db.h"

#define LOADED "00000000-0000-4000-8000-000000000001" /* the workspace with the backlog */
#define OURS "'00000000-0000-4000-8000-0000000000bb'"

static int setup(void **state)
{
	(void)state;
	test_db_fresh();
	return 0;
}

/* claim_due as a process would send it, its window beginning at the id ${from}. */
static void claim(const char *from, struct buf *sql)
{
	const char *const args[] = { OURS "::uuid", "60000::int8", "200::int8", from, "1000::int8", "NULL" };
	const struct pg_statement *s = claim_statements;
	while (strcmp(s->name, "claim_due") != 0)
		s++;
	for (const char *p = s->sql; *p != '\0'; p++) {
		if (*p == '$' && p[1] >= '1' && p[1] <= '6')
			buf_add_str(sql, args[*++p - '1']);
		else
			buf_add_char(sql, *p);
	}
}

/* Pages that one look touches, without keeping what it has claimed. */
static long touched(void)
{
	struct buf sql = BUF_INIT;
	long pages = -1;
	buf_add_str(&sql, "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF, FORMAT JSON) ");
	claim("'80000000-0000-4000-8000-000000000000'::uuid", &sql);
	const char *plan = test_db_value(sql.p), *at = plan == NULL ? NULL : strstr(plan, "\"Shared Hit Blocks\": ");
	if (at != NULL)
		pages = strtol(at + strlen("\"Shared Hit Blocks\": "), NULL, 10);
	buf_done(&sql);
	return pages;
}

static void fill(int rows)
{
	char sql[1200];
	snprintf(sql, sizeof sql,
	    "TRUNCATE dispatch; SELECT setseed(0.5);"
	    " INSERT INTO dispatch (ws, thread_id, pending, due, token) SELECT '" LOADED
	    "', gen_random_uuid(), 1, now() - i * interval '1 ms', 1 FROM generate_series(1, %d) i;"
	    " INSERT INTO dispatch (ws, thread_id, pending, due, token) SELECT ('00000000-0000-4000-8000-0000000001' || w)::uuid,"
	    " gen_random_uuid(), 1, now(), 1 FROM generate_series(10, 29) w, generate_series(1, 3);",
	    rows);
	assert_true(test_db_exec(sql));
	assert_true(test_db_exec("ANALYZE dispatch"));
}

static void claim_due__touches_as_much__with_fifty_times_the_backlog(void **state)
{
	(void)state;
	fill(2000);
	touched();
	long little = touched();
	fill(100000);
	touched();
	long much = touched();
	print_message("pages: %ld with 2,000 rows due, %ld with 100,000\n", little, much);
	assert_true(little > 0 && much > 0);
	assert_true(much < 12000); /* without a bound half a million */
	assert_true(much < 3 * little);
}

static void claim_due__takes_of_all__whoever_has_the_backlog(void **state)
{
	(void)state;
	fill(5000);
	static const char *const from[] = { "'00000000-0000-0000-0000-000000000000'::uuid",
		"'7fffffff-0000-4000-8000-000000000000'::uuid", "'ffffffff-ffff-ffff-ffff-ffffffffffff'::uuid" };
	for (int round = 0; round < 3; round++) {
		struct buf sql = BUF_INIT;
		claim(from[round], &sql);
		assert_true(test_db_exec(sql.p));
		buf_done(&sql);
		/* All 60 of the others in the first look, and the rest of its room for the long one. */
		assert_string_equal(
		    test_db_value("SELECT count(*) FROM dispatch WHERE owner IS NOT NULL AND ws <> '" LOADED "'"), "60");
		char want[20];
		snprintf(want, sizeof want, "%d", 140 + 200 * round);
		assert_string_equal(
		    test_db_value("SELECT count(*) FROM dispatch WHERE owner IS NOT NULL AND ws = '" LOADED "'"), want);
	}
	/* To the last one, wherever it begins. */
	assert_true(test_db_exec(
	    "DELETE FROM dispatch WHERE owner IS NULL AND thread_id NOT IN (SELECT thread_id FROM dispatch WHERE owner IS NULL LIMIT 150)"));
	struct buf sql = BUF_INIT;
	claim(from[1], &sql);
	assert_true(test_db_exec(sql.p));
	buf_done(&sql);
	assert_string_equal(test_db_value("SELECT count(*) FROM dispatch WHERE owner IS NULL"), "0");
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(claim_due__touches_as_much__with_fifty_times_the_backlog),
		cmocka_unit_test(claim_due__takes_of_all__whoever_has_the_backlog) };
	return cmocka_run_group_tests_name("claim", tests, setup, NULL);
}
