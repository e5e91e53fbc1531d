/* Money and tokens: several processes, several payers, and caps that no order of events may pass. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/agents/budget.h"
#include "../../../core/base/log.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define USD 1000000ll
#define TEAM "aaaaaaaa-0000-4000-8000-000000000001"
#define UNIT "aaaaaaaa-0000-4000-8000-000000000002"
#define PLACE "bbbbbbbb-0000-4000-8000-000000000001"
#define ADA "cccccccc-0000-4000-8000-000000000001"
#define ADA_BY_MAIL "cccccccc-0000-4000-8000-000000000002"

static const struct pg_statement *const tables[] = { budget_statements, budget_cap_statements, NULL };

static struct pg *connection(const char *url)
{
	struct pg *pg = NULL;
	char why[256];
	if (pg_open(&pg, url, tables, why, sizeof(why)) != ERR_NONE)
		fail_msg("%s", why);
	return pg;
}

struct told {
	int n;
	int percent[16];
	enum budget_period period[16];
	enum budget_kind kind[16];
};

static enum err tell(void *arg, struct pg *pg, struct budget_level *l, int *reached)
{
	struct told *t = arg;
	(void)pg;
	assert_true(t->n < 16);
	t->kind[t->n] = l->cap.kind;
	t->period[t->n] = l->cap.period;
	t->percent[t->n++] = l->percent;
	*reached = 1;
	return ERR_NONE;
}

static void after(void *arg, struct budget_level *l, bool committed)
{
	(void)arg;
	(void)l;
	assert_true(committed);
}

static struct budget *with_cap(int64_t micros, struct id process, struct told *told)
{
	return budget_new(&(struct budget_options){ .process = process,
	    .day = { micros, BUDGET_NO_CAP },
	    .month = { BUDGET_NO_CAP, BUDGET_NO_CAP },
	    .tell = told ? tell : NULL,
	    .told = told ? after : NULL,
	    .arg = told });
}

static struct id id_of(const char *text)
{
	struct id id;
	assert_true(id_parse(text, &id));
	return id;
}

static bool sql(const char *format, ...) __attribute__((format(printf, 1, 2)));
static bool sql(const char *format, ...)
{
	char text[2000];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	return test_db_exec(text);
}

/* What the transaction that stores an answer does. */
static void book(const struct budget_payer *who, struct id process, long long cost, long long tokens)
{
	struct budget_subject s[BUDGET_PAYERS_MAX];
	size_t n = budget_subjects(who, s);
	char w[ID_TEXT], p[ID_TEXT], x[ID_TEXT];
	id_format(who->ws, w);
	id_format(process, p);
	for (size_t i = 0; i < n; i++) {
		id_format(s[i].id, x);
		assert_true(sql(
		    "INSERT INTO eddy.budget_days (ws, kind, subject, day, spent_micros, input_tokens) VALUES ('%s', %d, '%s',"
		    " (now() AT TIME ZONE 'UTC')::date, %lld, %lld) ON CONFLICT (ws, kind, subject, day) DO UPDATE SET spent_micros ="
		    " budget_days.spent_micros + %lld, input_tokens = budget_days.input_tokens + %lld;"
		    "UPDATE eddy.budget_holds SET held_micros = greatest(0, held_micros - %lld), held_tokens = greatest(0, held_tokens - %lld)"
		    " WHERE ws = '%s' AND kind = %d AND subject = '%s' AND owner = '%s'",
		    w, (int)s[i].kind, x, cost, tokens, cost, tokens, cost, tokens, w, (int)s[i].kind, x, p));
	}
}

static enum budget_answer reserve(struct budget *b, struct pg *pg, struct id ws, int64_t micros)
{
	struct budget_refusal why;
	return budget_reserve(b, pg, &(struct budget_payer){ .ws = ws }, (struct budget_amount){ micros, 100 }, &why);
}

static void budget__two_processes_at_random__never_pass_the_cap(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = test_db_workspace("money");
	const struct budget_payer who = { .ws = ws };
	struct id process[2] = { id_new(), id_new() };
	struct pg *pg = connection(url);
	struct told told = { 0 };
	struct budget *b[2] = { with_cap(5 * USD, process[0], &told), with_cap(5 * USD, process[1], &told) };
	int64_t open[2][64], spent = 0, reserved = 0;
	size_t n[2] = { 0, 0 };
	bool refused = false;
	srand(7);
	for (int i = 0; i < 600; i++) {
		int p = rand() % 2;
		if (rand() % 2 && n[p] < 64) {
			int64_t want = 1000 + rand() % 150000;
			enum budget_answer a = reserve(b[p], pg, ws, want);
			assert_int_not_equal(a, BUDGET_AWAY);
			refused |= a == BUDGET_SPENT;
			if (a == BUDGET_OK) {
				open[p][n[p]++] = want;
				reserved += want;
			}
		} else if (n[p] > 0) {
			int64_t was = open[p][--n[p]], cost = rand() % (was + 1);
			budget_settle(b[p], &who, (struct budget_amount){ was, 100 }, (struct budget_amount){ cost, 10 });
			book(&who, process[p], cost, 10);
			reserved -= was;
			spent += cost;
		}
		assert_true(spent + reserved <= 5 * USD);
	}
	assert_true(refused);
	assert_true(spent > 4 * USD); /* and what was not spent can be */
	/* Each mark once, whoever of the two passes it. */
	assert_int_equal(reserve(b[0], pg, ws, 2 * USD), BUDGET_SPENT);
	assert_int_equal(told.n, 3);
	assert_int_equal(told.percent[0], 50);
	assert_int_equal(told.percent[1], 80);
	assert_int_equal(told.percent[2], 100);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.budget_told WHERE kind = 1 AND period = 1 AND reached = 1"), 3);
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
	struct budget *b = with_cap(5 * USD, id_new(), NULL);
	assert_true(test_db_exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
	                         " AND pid <> pg_backend_pid()"));
	assert_int_equal(reserve(b, pg, ws, USD), BUDGET_AWAY);
	budget_free(b);
	pg_close(pg);
}

static void budget__hold_has_ended__what_it_gave_is_not_given_back_to_the_next(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = test_db_workspace("money");
	struct pg *pg = connection(url);
	struct budget *b = with_cap(1 * USD, id_new(), NULL);
	assert_int_equal(reserve(b, pg, ws, 400000), BUDGET_OK);
	budget_settle(b, &(struct budget_payer){ .ws = ws }, (struct budget_amount){ 900000, 0 },
	    (struct budget_amount){ 0, 0 }); /* more than this hold has given out */
	assert_int_equal(reserve(b, pg, ws, 1000001), BUDGET_SPENT);
	assert_int_equal(reserve(b, pg, ws, 1000000), BUDGET_OK); /* 400,000 are held, the rest comes to them */
	assert_int_equal(reserve(b, pg, ws, 1), BUDGET_SPENT);
	budget_free(b);
	pg_close(pg);
}

static void budget__process_killed__its_hold_is_void_after_a_while_and_what_it_booked_counts(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = test_db_workspace("money"), dead = id_new();
	struct pg *pg = connection(url);
	struct budget *b = with_cap(1 * USD, dead, NULL);
	assert_int_equal(reserve(b, pg, ws, 600000), BUDGET_OK);
	book(&(struct budget_payer){ .ws = ws }, dead, 200000, 0);
	budget_free(b); /* nothing is given back, as by kill -9 */
	b = with_cap(1 * USD, id_new(), NULL);
	assert_int_equal(reserve(b, pg, ws, 500000), BUDGET_SPENT); /* 200,000 are spent, 400,000 held */
	assert_int_equal(reserve(b, pg, ws, 300000), BUDGET_OK);
	assert_true(test_db_exec("UPDATE eddy.budget_holds SET until = now() - interval '1 s' WHERE held_micros = 400000"));
	assert_int_equal(reserve(b, pg, ws, 499999), BUDGET_OK);
	assert_int_equal(reserve(b, pg, ws, 2), BUDGET_SPENT);
	budget_free(b);
	pg_close(pg);
}

/* A workspace with a team in a unit, a place of the team, and a person with two identities. */
static struct id tree(void)
{
	struct id ws = test_db_workspace("tree");
	char w[ID_TEXT];
	id_format(ws, w);
	assert_true(
	    sql("INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES ('%s', '" UNIT "', '%s', 2, 'unit', 'Unit'),"
	        " ('%s', '" TEAM "', '" UNIT "', 3, 'team', 'Team')",
	        w, w, w));
	assert_true(sql("INSERT INTO eddy.people (ws, id, name, user_id) VALUES ('%s', '" ADA
	                "', 'ada', NULL), ('%s', '" ADA_BY_MAIL "', 'ada', '" ADA "');"
	                "INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', '" PLACE "', 1, '" PLACE "');"
	                "INSERT INTO eddy.places (ws, id, adapter, external_id, visibility, member, audience_id, team_id) VALUES"
	                " ('%s', '" PLACE "', 'test', 'C1', 4, true, '" PLACE "', '" TEAM "')",
	    w, w, w, w));
	return ws;
}

static void cap(struct id ws, int kind, const char *subject, int period, const char *micros, const char *tokens)
{
	char w[ID_TEXT];
	id_format(ws, w);
	assert_true(sql(
	    "INSERT INTO eddy.budgets (ws, kind, subject, period, cap_micros, cap_tokens) VALUES ('%s', %d, '%s', %d, %s, %s)"
	    " ON CONFLICT (ws, kind, subject, period) DO UPDATE SET cap_micros = excluded.cap_micros, cap_tokens = excluded.cap_tokens",
	    w, kind, subject == NULL ? w : subject, period, micros, tokens));
}

static void payer__of_a_place_and_a_person__is_the_user_and_all_above_the_team(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = tree();
	struct pg *pg = connection(url);
	struct budget *b = with_cap(USD, id_new(), NULL);
	for (int i = 0; i < 2; i++) { /* asked and remembered */
		struct budget_payer p;
		assert_int_equal(budget_payer(b, pg, ws, id_of(ADA_BY_MAIL), id_of(PLACE), &p), ERR_NONE);
		assert_true(id_equal(p.user, id_of(ADA)));
		assert_int_equal(p.nodes_len, 2);
		assert_true(id_equal(p.nodes[0], id_of(TEAM)));
		assert_true(id_equal(p.nodes[1], id_of(UNIT)));
	}
	struct budget_payer p;
	assert_int_equal(budget_payer(b, pg, ws, ID_NONE, ID_NONE, &p), ERR_NONE);
	assert_int_equal(p.nodes_len, 0);
	assert_true(id_is_none(p.user));
	budget_free(b);
	pg_close(pg);
}

static void budget__each_payer__stops_the_call_and_says_which(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = tree();
	struct pg *pg = connection(url);
	struct told told = { 0 };
	struct budget *b = with_cap(10 * USD, id_new(), &told);
	struct budget_refusal why;
	struct budget_payer p;
	assert_int_equal(budget_payer(b, pg, ws, id_of(ADA), id_of(PLACE), &p), ERR_NONE);
	const struct budget_amount call = { 100000, 1000 };
	cap(ws, 2, TEAM, 2, "250000", "NULL");
	cap(ws, 2, UNIT, 1, "NULL", "3500");
	cap(ws, 3, NULL, 1, "10000000", "NULL");
	for (int i = 0; i < 2; i++)
		assert_int_equal(budget_reserve(b, pg, &p, call, &why), BUDGET_OK);
	assert_int_equal(budget_reserve(b, pg, &p, call, &why), BUDGET_SPENT);
	assert_int_equal(why.kind, BUDGET_NODE);
	assert_true(id_equal(why.subject, id_of(TEAM)));
	assert_int_equal(why.period, BUDGET_MONTH);
	assert_false(why.tokens);
	assert_int_equal(why.cap, 250000);
	cap(ws, 2, TEAM, 2, "9000000", "NULL");
	budget_changed(b, ws);
	assert_int_equal(budget_reserve(b, pg, &p, call, &why), BUDGET_SPENT); /* refused a moment ago, not asked again at once */
	budget_settle(b, &p, call, (struct budget_amount){ 50000, 500 });
	book(&p, id_new(), 50000, 500);
	assert_int_equal(budget_reserve(b, pg, &p, call, &why), BUDGET_OK);
	assert_int_equal(budget_reserve(b, pg, &p, call, &why), BUDGET_SPENT);
	assert_int_equal(why.kind, BUDGET_NODE);
	assert_true(id_equal(why.subject, id_of(UNIT)));
	assert_true(why.tokens);
	/* Each person: those without a row of their own. */
	cap(ws, 2, UNIT, 1, "9000000", "NULL");
	cap(ws, 3, NULL, 1, "260000", "NULL");
	budget_changed(b, ws);
	budget_settle(b, &p, call, (struct budget_amount){ 0, 0 });
	cap(ws, 3, ADA, 1, "0", "NULL");
	budget_changed(b, ws);
	struct budget *other = with_cap(10 * USD, id_new(), &told); /* remembers nothing */
	assert_int_equal(budget_reserve(other, pg, &p, call, &why), BUDGET_SPENT);
	assert_int_equal(why.kind, BUDGET_PERSON);
	assert_int_equal(why.cap, 0);
	/* Who had room before the one who had none has got it back. */
	assert_int_equal(budget_reserve(other, pg, &(struct budget_payer){ .ws = ws }, call, &why), BUDGET_OK);
	for (int i = 0; i < told.n; i++)
		assert_int_not_equal(told.kind[i], BUDGET_PERSON); /* a cap of nothing is no news */
	budget_free(other);
	budget_free(b);
	pg_close(pg);
}

static void budget__month__outlives_the_day(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = test_db_workspace("month");
	struct pg *pg = connection(url);
	char w[ID_TEXT];
	id_format(ws, w);
	assert_true(sql("INSERT INTO eddy.budget_days (ws, kind, subject, day, spent_micros) SELECT '%s', 1, '%s', d,"
	                " 400000 FROM unnest(ARRAY[date_trunc('month', now() AT TIME ZONE 'UTC')::date,"
	                " date_trunc('month', now() AT TIME ZONE 'UTC')::date - 1]) AS d",
	    w, w));
	cap(ws, 1, NULL, 2, "1000000", "NULL");
	struct budget *b = with_cap(5 * USD, id_new(), NULL);
	struct budget_refusal why;
	const struct budget_payer p = { .ws = ws };
	assert_int_equal(budget_reserve(b, pg, &p, (struct budget_amount){ 600001, 0 }, &why), BUDGET_SPENT);
	assert_int_equal(why.period, BUDGET_MONTH);
	assert_int_equal(budget_reserve(b, pg, &p, (struct budget_amount){ 600000, 0 }, &why), BUDGET_OK);
	/* What the settings allow a workspace is not widened by a row. */
	cap(ws, 1, NULL, 1, "9000000", "NULL");
	struct budget_rows *rows = NULL;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(budget_rows_load(pg, ws, &rows), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	struct budget_caps caps = budget_caps_of(rows, ws, (struct budget_subject){ BUDGET_WORKSPACE, ws },
	    &(struct budget_options){ .day = { 5 * USD, 77 }, .month = { BUDGET_NO_CAP, BUDGET_NO_CAP } });
	assert_int_equal(caps.period[BUDGET_DAY].micros, 5 * USD);
	assert_int_equal(caps.period[BUDGET_DAY].tokens, 77);
	assert_int_equal(caps.period[BUDGET_MONTH].micros, 1 * USD);
	budget_rows_free(rows);
	budget_free(b);
	pg_close(pg);
}

static void words__say_what_is_used_up_and_when_it_comes_back(void **state)
{
	(void)state;
	static const struct {
		struct budget_refusal r;
		const char *name, *words;
	} cases[] = {
		{ { BUDGET_WORKSPACE, BUDGET_DAY, false, ID_NONE, 5 * USD }, NULL,
		    "Today's budget of this workspace for the language model (5 USD) is used up; it comes back at midnight UTC, in 5 hours" },
		{ { BUDGET_NODE, BUDGET_MONTH, true, ID_NONE, 1234567 }, "Ops",
		    "This month's budget of the team Ops for the language model (1,234,567 tokens) is used up; it comes back on 1 December" },
		{ { BUDGET_PERSON, BUDGET_DAY, false, ID_NONE, 250000 }, NULL,
		    "Today's budget of yours for the language model (0.25 USD) is used up; it comes back at midnight UTC, in 5 hours" },
		{ { BUDGET_RUN, BUDGET_DAY, true, ID_NONE, 999 }, NULL,
		    "This question has reached what one answer may use of the language model (999 tokens); asked in smaller parts it may fit" },
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf b = BUF_INIT;
		budget_put_refusal(&b, &cases[i].r, cases[i].name, 1795287600000ull); /* 2026-11-21 19:00 UTC */
		assert_string_equal(b.p, cases[i].words);
		buf_done(&b);
	}
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(budget__two_processes_at_random__never_pass_the_cap),
		cmocka_unit_test(budget__database_gone__says_away),
		cmocka_unit_test(budget__hold_has_ended__what_it_gave_is_not_given_back_to_the_next),
		cmocka_unit_test(budget__process_killed__its_hold_is_void_after_a_while_and_what_it_booked_counts),
		cmocka_unit_test(payer__of_a_place_and_a_person__is_the_user_and_all_above_the_team),
		cmocka_unit_test(budget__each_payer__stops_the_call_and_says_which),
		cmocka_unit_test(budget__month__outlives_the_day),
		cmocka_unit_test(words__say_what_is_used_up_and_when_it_comes_back),
	};
	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
