/* The engine against a real database, with a scripted model and a noting adapter: promises P1, P2, P5 and P7 from the inside. */
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

static struct fixture *plain(void)
{
	return fixture_new(&(struct fixture_options){ 0 });
}

/* Nothing is left over, in memory or in the database. */
static void assert_settled(struct fixture *f)
{
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(db_settles(3000));
}

static void accept__answers__once_and_settles(void **state)
{
	(void)state;
	struct fixture *f = plain();
	assert_true(fixture_say(f, "U1", "t1", "1.1", "hi, what broke?"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_string_equal(fixture_reply(f, 0)->text, "re: hi, what broke?");
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages"), 2);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit"), 1);
	fixture_free(f);
}

/* Who asked, for whom it was done, what it cost and where it went: linked, and known outside the database. */
static void audit__of_an_answer__is_linked_and_pointed_at(void **state)
{
	(void)state;
	char path[300], line[600];
	const char *dir = test_dir();
	struct fixture *f = fixture_new(&(struct fixture_options){ .data_dir = dir });
	assert_true(fixture_say(f, "U1", "t1", "1.1", "hi, what broke?"));
	assert_true(fixture_say(f, "U1", "t2", "1.2", "and where?"));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_settled(f);
	assert_true(db_comes_true("SELECT count(*)::int / 2 FROM eddy.audit_chain", 30000));
	assert_int_equal(
	    db_count(
	        "SELECT count(*) FROM eddy.audit a JOIN eddy.runs r ON r.ws = a.ws AND r.id = a.subject JOIN eddy.audit_people p"
	        " ON p.ws = a.ws AND p.tag = a.actor AND p.person_id = r.person_id WHERE a.verb = 'reply.written'"
	        " AND (a.facts->>'calls')::int = 1 AND a.facts->>'via' = 'test' AND a.facts->>'message' = r.message_id::text"
	        " AND a.facts ? 'audience' AND a.facts ? 'cost_micros' AND a.facts ? 'reply'"),
	    2);
	fixture_free(f); /* the last round writes a checkpoint */
	snprintf(path, sizeof path, "%s/audit.checkpoints", dir);
	FILE *points = fopen(path, "r");
	assert_non_null(points);
	bool found = false;
	while (fgets(line, sizeof line, points) != NULL)
		found |= strstr(line, "\"n\":2,") != NULL;
	fclose(points);
	assert_true(found);
}

static void accept__redelivered_five_times__is_answered_once(void **state)
{
	(void)state;
	struct fixture *f = plain();
	for (int i = 0; i < 5; i++)
		assert_true(fixture_say(f, "U1", "t1", "1.1", "only once"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	fixture_wait_replies(f, 2, 300);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 1);
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs"), 1);
	fixture_free(f);
}

static void thread__three_messages__are_answered_in_order(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "one"));
	assert_true(fixture_wait_calls(f, 1, 30000));
	assert_true(fixture_say(f, "U1", "t1", "1.2", "two"));
	assert_true(fixture_say(f, "U1", "t1", "1.3", "three"));
	usleep(50000);
	assert_int_equal(fixture_model_calls(f), 1); /* one at a time */
	fixture_release(f);
	assert_int_equal(fixture_wait_replies(f, 3, 30000), 3);
	assert_string_equal(fixture_reply(f, 0)->text, "hanging re: one");
	assert_string_equal(fixture_reply(f, 1)->text, "re: two");
	assert_string_equal(fixture_reply(f, 2)->text, "re: three");
	assert_true(fixture_reply(f, 0)->seq < fixture_reply(f, 1)->seq);
	assert_settled(f);
	fixture_free(f);
}

static void command__is_answered__without_a_model(void **state)
{
	(void)state;
	struct fixture *f = plain();
	static const char *const asked[] = { "help", "status", "who am i?", "what time is it?", "what can you do", "history" };
	for (size_t i = 0; i < sizeof(asked) / sizeof(asked[0]); i++) {
		char key[16];
		snprintf(key, sizeof(key), "1.%zu", i);
		assert_true(fixture_say(f, "U1", "t1", key, asked[i]));
		assert_int_equal(fixture_wait_replies(f, i + 1, 30000), i + 1);
		assert_true(strlen(fixture_reply(f, i)->text) > 10);
	}
	assert_int_equal(fixture_model_calls(f), 0);
	assert_settled(f);
	fixture_free(f);
}

static void model__busy_twice__is_asked_again(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_BUSY);
	fixture_script(f, SCRIPT_BUSY);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "hello there you"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_string_equal(fixture_reply(f, 0)->text, "re: hello there you");
	assert_int_equal(fixture_model_calls(f), 3);
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls"), 3);
	fixture_free(f);
}

static void model__cut_after_text__answers_once_into_the_same_message(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_CUT);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "tell me more"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_string_equal(fixture_reply(f, 0)->text, "re: tell me more");
	assert_int_equal(fixture_count(f, REPLY_RESET), 1);
	assert_int_equal(fixture_reply(f, 0)->attempt, 1);
	assert_settled(f);
	fixture_free(f);
}

static void model__refuses__the_floor_answers_and_says_so(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_REFUSED);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "where is the plan?"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_non_null(strstr(fixture_reply(f, 0)->text, "floor: where is the plan?"));
	assert_non_null(strstr(fixture_reply(f, 0)->text, "my own search"));
	assert_settled(f);
	fixture_free(f);
}

static void model__calls_a_tool__steps_are_stored(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_TOOL);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "look it up"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_string_equal(fixture_reply(f, 0)->text, "found: look it up");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.run_steps"), 2);
	assert_int_equal(fixture_count(f, REPLY_TOOL), 2);
	assert_settled(f);
	fixture_free(f);
}

static void edit__of_a_message_in_work__is_what_gets_answered(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "old words"));
	assert_true(fixture_wait_calls(f, 1, 30000));
	struct intent in = fixture_intent(INTENT_MESSAGE_EDITED, "e:1", "1.1", "new words");
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_string_equal(fixture_reply(f, 0)->text, "re: new words");
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE body = 'old words'"), 0);
	fixture_free(f);
}

static void delete__of_a_message_in_work__says_nothing_and_erases(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "secret words"));
	assert_true(fixture_wait_calls(f, 1, 30000));
	struct intent in = fixture_intent(INTENT_MESSAGE_DELETED, "x:1", "1.1", NULL);
	assert_true(fixture_do(f, &in, NULL));
	assert_settled(f);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 0);
	assert_int_equal(fixture_count(f, REPLY_ABANDON), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE body <> ''"), 0);
	fixture_free(f);
}

static void stop__ends_the_run_and_keeps_what_was_shown(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "a long story please"));
	assert_true(fixture_wait_calls(f, 1, 30000));
	usleep(20000);
	assert_true(fixture_say(f, "U1", "t1", "1.2", "stop"));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_non_null(strstr(fixture_reply(f, 0)->text, "hanging"));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state = 6"), 1);
	assert_settled(f);
	fixture_free(f);
}

static void delivery__fails_for_now__is_tried_again_and_looked_up(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_sent_results(f, ERR_RETRY);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "are you there now"));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_false(fixture_reply(f, 0)->maybe_sent);
	assert_true(fixture_reply(f, 1)->maybe_sent);
	assert_settled(f);
	assert_int_equal(db_count("SELECT attempts FROM eddy.outbox"), 2);
	fixture_free(f);
}

static void delivery__refused_for_good__is_kept_as_failed(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_sent_results(f, ERR_DENIED);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "are you there now"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.outbox WHERE state = 4 AND error = 'scripted'"), 1);
	fixture_free(f);
}

static void refused_row__is_kept_aside__others_of_the_batch_go_through(void **state)
{
	(void)state;
	struct fixture *f = plain();
	struct id other;
	assert_int_equal(engine_install(fixture_engine(f), "test", "T2", "Other", false, &other), ERR_NONE);
	struct intent bad = fixture_intent(INTENT_MESSAGE_POSTED, "m:bad", "9.9", "bad \xff bytes");
	struct accepted a = { 0 };
	assert_false(fixture_do(f, &bad, &a));
	assert_int_equal(a.result, ERR_INPUT);
	struct intent good = fixture_intent(INTENT_MESSAGE_POSTED, "m:good", "9.8", "good bytes");
	good.ws = other;
	assert_true(fixture_do(f, &good, NULL));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.inbox_rejected WHERE reason = '22021'"), 1);
	assert_settled(f);
	fixture_free(f);
}

static void database__goes_away__what_waits_is_stored_later(void **state)
{
	(void)state;
	struct fixture *f = plain();
	assert_true(fixture_say(f, "U1", "t1", "1.1", "before it goes"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(test_db_exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
	                         " AND pid <> pg_backend_pid()"));
	assert_true(fixture_say(f, "U1", "t1", "1.2", "after it went"));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_settled(f);
	fixture_free(f);
}

static void two_engines__lease_runs_out__the_other_answers_and_the_first_stays_silent(void **state)
{
	(void)state;
	/* The first never renews: as if it had been stopped with SIGSTOP. */
	struct fixture *a = fixture_new(&(struct fixture_options){ .lease_ms = 400, .heartbeat_ms = 60000, .scan_ms = 60000 });
	fixture_script(a, SCRIPT_HANG);
	assert_true(fixture_say(a, "U1", "t1", "1.1", "who answers me"));
	assert_true(fixture_wait_calls(a, 1, 30000));
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .lease_ms = 5000, .scan_ms = 100 });
	assert_int_equal(fixture_wait_replies(b, 1, 30000), 1);
	fixture_release(a);
	usleep(300000);
	assert_int_equal(fixture_count(a, REPLY_WHOLE), 0);
	assert_int_equal(fixture_count(b, REPLY_WHOLE), 1);
	assert_settled(b);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 2"), 1);
	assert_int_equal(db_count("SELECT attempt FROM eddy.runs"), 1);
	fixture_free(b);
	fixture_free(a);
}

static void two_engines__share_a_thread__each_message_once(void **state)
{
	(void)state;
	struct fixture *a = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100 });
	for (int i = 0; i < 40; i++) {
		char key[16], text[32];
		snprintf(key, sizeof(key), "1.%d", i);
		snprintf(text, sizeof(text), "message %d", i);
		assert_true(fixture_say(i % 2 ? a : b, "U1", i % 4 < 2 ? "t1" : "t2", key, text));
		assert_true(fixture_say(i % 2 ? b : a, "U1", i % 4 < 2 ? "t1" : "t2", key, text)); /* the retry on the other link */
	}
	for (int i = 0; i < 4500 && fixture_count(a, REPLY_WHOLE) + fixture_count(b, REPLY_WHOLE) < 40; i++)
		usleep(20000);
	assert_int_equal(fixture_count(a, REPLY_WHOLE) + fixture_count(b, REPLY_WHOLE), 40);
	assert_settled(a);
	assert_settled(b);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state = 3"), 40);
	fixture_free(b);
	fixture_free(a);
}

static void budget__spent__the_floor_answers(void **state)
{
	(void)state;
	/* Each call costs 1 USD, at most 2; the day has 4. */
	struct fixture *f =
	    fixture_new(&(struct fixture_options){ .cost_micros = 1000000, .settings = "model.daily_cap=4\0budget.run_cap=0\0" });
	for (int i = 0; i < 6; i++) {
		char key[16];
		snprintf(key, sizeof(key), "1.%d", i);
		assert_true(fixture_say(f, "U1", "t1", key, "spend it all"));
		assert_int_equal(fixture_wait_replies(f, (size_t)i + 1, 30000), i + 1);
	}
	assert_settled(f);
	assert_int_equal(fixture_model_calls(f), 3); /* the fourth could have cost more than was left */
	assert_int_equal(db_count("SELECT spent_micros FROM eddy.budget_days WHERE kind = 1"), 3000000);
	assert_non_null(strstr(fixture_reply(f, 5)->text, "budget"));
	fixture_free(f);
}

static bool say_in_channel(struct fixture *f, const char *person, const char *key, const char *root, const char *text, bool mention)
{
	char source[64];
	snprintf(source, sizeof(source), "m:C1:%s", key);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.source_key = source,
		.message_key = key,
		.thread_key = root,
		.person = { .external_id = person, .name = person },
		.place = { .external_id = "C1", .name = "general", .visibility = VIS_PUBLIC, .eddy_is_member = true },
		.text = text,
		.text_len = strlen(text),
		.mentions_us = mention,
		.is_thread_root = strcmp(key, root) == 0 };
	return fixture_do(f, &in, NULL);
}

static void channel__people_talk_to_each_other__stays_silent(void **state)
{
	(void)state;
	struct fixture *f = plain();
	assert_true(say_in_channel(f, "U1", "1.1", "1.1", "lunch anyone?", false));
	assert_true(say_in_channel(f, "U1", "2.1", "2.1", "what broke last night?", true));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(say_in_channel(f, "U1", "2.2", "2.1", "and before that?", false)); /* follow-up to Eddy */
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(say_in_channel(f, "U2", "2.3", "2.1", "thanks both", false)); /* after Eddy: still to Eddy */
	assert_int_equal(fixture_wait_replies(f, 3, 30000), 3);
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(say_in_channel(f, "U1", "2.4", "2.1", "I will fix it", false));
	assert_int_equal(fixture_wait_replies(f, 4, 30000), 4);
	fixture_script(f, SCRIPT_HANG);
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(say_in_channel(f, "U2", "2.5", "2.1", "quiet here", true));
	assert_int_equal(fixture_wait_replies(f, 5, 30000), 5);
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(say_in_channel(f, "U1", "2.6", "2.1", "nobody asked you", false));
	usleep(100000);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 5);
	assert_settled(f);
	fixture_free(f);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(accept__answers__once_and_settles),
		cmocka_unit_test(accept__redelivered_five_times__is_answered_once),
		cmocka_unit_test(audit__of_an_answer__is_linked_and_pointed_at),
		cmocka_unit_test(thread__three_messages__are_answered_in_order),
		cmocka_unit_test(command__is_answered__without_a_model),
		cmocka_unit_test(model__busy_twice__is_asked_again),
		cmocka_unit_test(model__cut_after_text__answers_once_into_the_same_message),
		cmocka_unit_test(model__refuses__the_floor_answers_and_says_so),
		cmocka_unit_test(model__calls_a_tool__steps_are_stored),
		cmocka_unit_test(edit__of_a_message_in_work__is_what_gets_answered),
		cmocka_unit_test(delete__of_a_message_in_work__says_nothing_and_erases),
		cmocka_unit_test(stop__ends_the_run_and_keeps_what_was_shown),
		cmocka_unit_test(delivery__fails_for_now__is_tried_again_and_looked_up),
		cmocka_unit_test(delivery__refused_for_good__is_kept_as_failed),
		cmocka_unit_test(refused_row__is_kept_aside__others_of_the_batch_go_through),
		cmocka_unit_test(database__goes_away__what_waits_is_stored_later),
		cmocka_unit_test(two_engines__lease_runs_out__the_other_answers_and_the_first_stays_silent),
		cmocka_unit_test(two_engines__share_a_thread__each_message_once),
		cmocka_unit_test(budget__spent__the_floor_answers),
		cmocka_unit_test(channel__people_talk_to_each_other__stays_silent),
	};
	return cmocka_run_group_tests_name("engine", tests, NULL, NULL);
}
