/* Budgets at work: who pays is booked as the run goes, a run has a cap of its own, and admins hear of it in time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/log.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static size_t said(struct fixture *f, const char *words)
{
	size_t n = 0;
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		n += strstr(fixture_reply(f, i)->text, words) != NULL;
	return n;
}

static void run__over_its_own_cap__is_answered_without_the_model_and_says_so(void **state)
{
	(void)state;
	/* A call costs 1 USD, at most 2, and one answer may cost 2: no second try after a first one that was paid for. */
	struct fixture *f = fixture_new(&(struct fixture_options){ .cost_micros = 1000000, .settings = "budget.run_cap=2\0" });
	fixture_script(f, SCRIPT_BUSY);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "what is it"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_int_equal(fixture_model_calls(f), 1);
	assert_non_null(strstr(fixture_reply(f, 0)->text, "what one answer may use of the language model (2 USD)"));
	assert_non_null(strstr(fixture_reply(f, 0)->text, "floor: "));
	assert_true(fixture_say(f, "U1", "t1", "1.2", "and the next one"));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_string_equal(fixture_reply(f, 1)->text, "re: and the next one");
	fixture_free(f);
}

static void calls__of_a_run_that_goes_on__are_booked_for_all_who_pay(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .cost_micros = 250000 });
	fixture_script(f, SCRIPT_TOOL);
	fixture_after_tool(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "look it up"));
	assert_true(fixture_wait_calls(f, 2, 30000));
	/* The first call is booked before the second has ended: a crash would not forget it. */
	assert_true(
	    db_comes_true("SELECT count(*) FROM eddy.budget_days WHERE kind = 1 AND spent_micros = 250000 AND calls = 1", 20000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.budget_days WHERE kind = 3 AND spent_micros = 250000"
	                          " AND input_tokens = 100 AND output_tokens = 10"),
	    1);
	fixture_release(f);
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(
	    db_comes_true("SELECT count(*) FROM eddy.budget_days WHERE kind = 1 AND spent_micros = 500000 AND calls = 2", 20000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls"), 2);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.budget_days"), 2);
	fixture_free(f);
}

static void team__used_up__others_go_on(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .cost_micros = 1000000, .settings = "model.daily_cap=100\0" });
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "U1", "t1", "1.1", "first", true));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(fixture_wait_idle(f, 20000));
	assert_true(test_db_exec(
	    "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) SELECT ws,"
	    " 'aaaaaaaa-0000-4000-8000-000000000001', ws, 3, 'ops', 'Ops & *Co*' FROM eddy.nodes WHERE kind = 1;"
	    "UPDATE eddy.places SET team_id = 'aaaaaaaa-0000-4000-8000-000000000001' WHERE external_id = 'C1';"
	    "INSERT INTO eddy.budgets (ws, kind, subject, period, cap_micros) SELECT ws, 2, id, 2, 1500000 FROM eddy.nodes"
	    " WHERE kind = 3"));
	char *url = strdup(fixture_url(f));
	fixture_free(f);
	f = fixture_new(&(struct fixture_options){ .url = url, .cost_micros = 1000000, .settings = "model.daily_cap=100\0" });
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "U1", "t1", "1.2", "second", true));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_non_null(strstr(fixture_reply(f, 0)->text, "This month's budget of the team Ops"));
	assert_non_null(strstr(fixture_reply(f, 0)->text, "(1.50 USD) is used up; it comes back on 1 "));
	assert_true(fixture_say_in(f, "C2", VIS_PUBLIC, "U1", "t2", "2.1", "third", true));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_string_equal(fixture_reply(f, 1)->text, "re: third");
	fixture_free(f);
	free(url);
}

static void admins__hear__at_half_and_when_it_is_used_up_once_each(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .cost_micros = 1000000, .settings = "model.daily_cap=4\0" });
	/* An admin has talked to Eddy before; somebody else spends. */
	assert_true(fixture_say_in(f, "own", VIS_DIRECT, "boss", "own", "0.1", "what was it again", true));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(test_db_exec(
	    "INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT ws, ws, id, 3 FROM eddy.people WHERE name = 'boss'"));
	for (int i = 0; i < 5; i++) {
		char key[16];
		snprintf(key, sizeof key, "1.%d", i);
		assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "U1", "t1", key, "spend it", true));
		assert_true(fixture_wait_idle(f, 20000));
	}
	for (int i = 0; i < 300 && (said(f, "has used 50 %") == 0 || said(f, "has used up") == 0); i++)
		usleep(50000);
	assert_true(fixture_wait_idle(f, 20000));
	assert_int_equal(
	    said(f, "This workspace has used 50 % of what it may spend on the language model today: 2 USD of 4 USD"), 1);
	assert_int_equal(said(f, "This workspace has used up what it may spend on the language model today: 3 USD of 4 USD"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.budget_told WHERE reached = 1"), 2);
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.messages m JOIN eddy.threads t ON t.id = m.thread_id JOIN eddy.places p"
	             " ON p.id = t.place_id WHERE m.body LIKE 'This workspace has used%' AND p.external_id = 'own'"),
	    2);
	assert_int_equal(
	    said(f, "Today's budget of this workspace for the language model (4 USD) is used up; it comes back at midnight UTC"),
	    3);
	fixture_free(f);
}

static void tool__the_same_call_three_times_in_a_row__is_stopped(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .cost_micros = 1000 });
	fixture_script(f, SCRIPT_LOOP);
	fixture_after_tool(f, SCRIPT_LOOP);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "look it up"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_int_equal(fixture_model_calls(f), 3);
	assert_non_null(strstr(fixture_reply(f, 0)->text, "My language model went round in circles"));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.budget_days WHERE kind = 1 AND spent_micros = 3000", 20000));
	fixture_free(f);
}

/* Two of us in one channel, each a bot to the other: neither answers the other, whatever it says. */
static void bots__even_when_they_name_us__are_heard_and_not_answered(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	for (int i = 0; i < 5; i++) {
		char source[32], key[16];
		snprintf(source, sizeof source, "m:C1:%d", i);
		snprintf(key, sizeof key, "1.%d", i);
		struct intent in = { .kind = INTENT_MESSAGE_POSTED,
			.source_key = source,
			.message_key = key,
			.thread_key = "1.0",
			.person = { .external_id = "B1", .name = "another Eddy", .is_bot = true },
			.place = { .external_id = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true },
			.text = "what did we decide?",
			.text_len = 19,
			.mentions_us = true };
		struct accepted a;
		assert_true(fixture_do(f, &in, &a));
		assert_true(id_is_none(a.run));
	}
	assert_int_equal(fixture_model_calls(f), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 4"), 5);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "U1", "1.0", "2.1", "and you?", true)); /* a person is answered, once */
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(fixture_wait_idle(f, 20000));
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 1);
	fixture_free(f);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run__over_its_own_cap__is_answered_without_the_model_and_says_so),
		cmocka_unit_test(calls__of_a_run_that_goes_on__are_booked_for_all_who_pay),
		cmocka_unit_test(team__used_up__others_go_on),
		cmocka_unit_test(tool__the_same_call_three_times_in_a_row__is_stopped),
		cmocka_unit_test(bots__even_when_they_name_us__are_heard_and_not_answered),
		cmocka_unit_test(admins__hear__at_half_and_when_it_is_used_up_once_each),
	};
	return cmocka_run_group_tests_name("money", tests, NULL, NULL);
}
