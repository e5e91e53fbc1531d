/* Money: several processes and a day's cap that no order of events may pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "../../../core/agents/budget.h"
#include "../../support/db.h"

#define USD 1000000ll

static const struct pg_statement *const tables[] = { budget_statements, NULL };

static struct pg *connection(const char *url)
{
	struct pg *pg = NULL;
	char why[256];
	if (pg_open(&pg, url, tables, why, sizeof(why)) != ERR_NONE)
		fail_msg("%s", why);
	return pg;
}

/* What the transaction that stores an answer does. */
static void book(struct id ws, struct id process, long long cost)
{
	char w[ID_TEXT], p[ID_TEXT], sql[512];
	id_format(ws, w);
	id_format(process, p);
	snprintf(sql, sizeof(sql),
	    "UPDATE eddy.budget_days SET spent_micros = spent_micros + %lld WHERE ws = '%s';"
	    "UPDATE eddy.budget_holds SET held_micros = greatest(0, held_micros - %lld) WHERE ws = '%s' AND owner = '%s'",
	    cost, w, cost, w, p);
	assert_true(test_db_exec(sql));
}

static void budget__two_processes_at_random__never_pass_the_cap(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = test_db_workspace("money");
	struct id process[2] = { id_new(), id_new() };
	struct pg *pg = connection(url);
	struct budget *b[2] = { budget_new(5 * USD, process[0]), budget_new(5 * USD, process[1]) };
	int64_t open[2][64], spent = 0, reserved = 0;
	size_t n[2] = { 0, 0 };
	bool refused = false;
	srand(7);
	for (int i = 0; i < 600; i++) {
		int p = rand() % 2;
		if (rand() % 2 && n[p] < 64) {
			int64_t want = 1000 + rand() % 150000;
			enum budget_answer a = budget_reserve(b[p], pg, ws, want);
			assert_int_not_equal(a, BUDGET_AWAY);
			refused |= a == BUDGET_SPENT;
			if (a == BUDGET_OK) {
				open[p][n[p]++] = want;
				reserved += want;
			}
		} else if (n[p] > 0) {
			int64_t was = open[p][--n[p]], cost = rand() % (was + 1);
			budget_settle(b[p], ws, was, cost);
			book(ws, process[p], cost);
			reserved -= was;
			spent += cost;
		}
		assert_true(spent + reserved <= 5 * USD);
	}
	assert_true(refused);
	assert_true(spent > 4 * USD); /* and what was not spent can be */
	budget_free(b[0]);
	budget_free(b[1]);
	pg_close(pg);
}

static void budget__database_gone__says_away(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = test_db_workspace("money");
	struct pg *pg = connection(url);
	struct budget *b = budget_new(5 * USD, id_new());
	assert_true(test_db_exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
	                         " AND pid <> pg_backend_pid()"));
	assert_int_equal(budget_reserve(b, pg, ws, USD), BUDGET_AWAY);
	budget_free(b);
	pg_close(pg);
}

static void budget__hold_has_ended__what_it_gave_is_not_given_back_to_the_next(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = test_db_workspace("money");
	struct pg *pg = connection(url);
	struct budget *b = budget_new(1 * USD, id_new());
	assert_int_equal(budget_reserve(b, pg, ws, 400000), BUDGET_OK);
	budget_settle(b, ws, 900000, 0); /* more than this hold has given out */
	assert_int_equal(budget_reserve(b, pg, ws, 1000001), BUDGET_SPENT);
	assert_int_equal(budget_reserve(b, pg, ws, 1000000), BUDGET_SPENT); /* 400,000 are held and enough for themselves only */
	assert_int_equal(budget_reserve(b, pg, ws, 400000), BUDGET_OK);
	assert_int_equal(budget_reserve(b, pg, ws, 600000), BUDGET_OK);
	assert_int_equal(budget_reserve(b, pg, ws, 1), BUDGET_SPENT);
	budget_free(b);
	pg_close(pg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget__two_processes_at_random__never_pass_the_cap),
		cmocka_unit_test(budget__database_gone__says_away),
		cmocka_unit_test(budget__hold_has_ended__what_it_gave_is_not_given_back_to_the_next),
	};
	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
