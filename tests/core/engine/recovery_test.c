/*
 * What the engine does when things cross each other: changes of messages in work, work that moves between processes, rows
 * that do not fit what memory believes, and a stop in the middle.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
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

/* ---- what is handed in while the writer is held lands in one batch ---- */

static void hold(void *arg, const struct accepted *a)
{
	(void)a;
	atomic_store((atomic_int *)arg, 1);
	usleep(150000);
}

static void note(void *arg, const struct accepted *a)
{
	*(struct accepted *)arg = *a;
}

static void hold_writer(struct fixture *f)
{
	static atomic_int held;
	atomic_store(&held, 0);
	struct intent in = fixture_intent(INTENT_THREAD_OPENED, "hold", NULL, NULL);
	in.ws = fixture_ws(f);
	in.adapter = "test";
	assert_true(engine_accept(fixture_engine(f), &in, hold, &held));
	while (!atomic_load(&held))
		usleep(1000);
}

static void put(struct fixture *f, struct id ws, struct intent in, struct accepted *out)
{
	in.ws = ws;
	in.adapter = "test";
	in.origin = "origin";
	in.origin_len = 6;
	assert_true(engine_accept(fixture_engine(f), &in, note, out));
}

static void edit__in_the_batch_of_its_message__is_what_gets_answered(void **state)
{
	(void)state;
	struct fixture *f = plain();
	struct accepted a[2] = { 0 };
	hold_writer(f);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_POSTED, "m1", "1.1", "first words"), &a[0]);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_EDITED, "e1", "1.1", "second words"), &a[1]);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.messages WHERE body = 'second words'", 3000));
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.inbox WHERE source_key IN ('m1', 'e1')"), 2);
	fixture_free(f);
}

static void delete__in_the_batch_of_its_message__erases_it(void **state)
{
	(void)state;
	struct fixture *f = plain();
	struct accepted a[3] = { 0 };
	hold_writer(f);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_POSTED, "m1", "1.1", "secret words"), &a[0]);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_EDITED, "e1", "1.1", "more secret words"), &a[1]);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_DELETED, "d1", "1.1", NULL), &a[2]);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.messages WHERE state = 2", 3000));
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 1 AND body <> ''"), 0);
	fixture_free(f);
}

static void refused_row__in_one_batch_with_other_tenants__only_it_is_kept_aside(void **state)
{
	(void)state;
	struct fixture *f = plain();
	struct id other;
	assert_int_equal(engine_install(fixture_engine(f), "test", "T2", "Other", false, &other), ERR_NONE);
	struct accepted a[5] = { 0 };
	hold_writer(f);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_POSTED, "m1", "1.1", "one is fine"), &a[0]);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_POSTED, "m2", "1.2", "bad \xff bytes"), &a[1]);
	put(f, other, fixture_intent(INTENT_MESSAGE_POSTED, "m3", "1.3", "three is fine"), &a[2]);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_POSTED, "m4", "1.4", "four is fine"), &a[3]);
	put(f, other, fixture_intent(INTENT_MESSAGE_POSTED, "m5", "1.5", "five is fine"), &a[4]);
	assert_int_equal(fixture_wait_replies(f, 4, 30000), 4);
	assert_settled(f);
	for (int i = 0; i < 5; i++)
		assert_int_equal(a[i].result, i == 1 ? ERR_INPUT : ERR_NONE);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.inbox_rejected"), 1);
	fixture_free(f);
}

static void intent__larger_than_allowed__is_refused_as_bad_input_once(void **state)
{
	(void)state;
	struct fixture *f = plain();
	char *text = malloc(INTENT_TEXT_MAX + 2);
	assert_non_null(text);
	memset(text, 'x', INTENT_TEXT_MAX + 1);
	text[INTENT_TEXT_MAX + 1] = 0;
	struct accepted a = { 0 };
	for (int i = 0; i < 2; i++) { /* sent again, it is refused again, and kept aside once */
		struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, "m:big", "1.1", text);
		in.text_len = INTENT_TEXT_MAX + 1;
		assert_false(fixture_do(f, &in, &a));
		assert_int_equal(a.result, ERR_INPUT);
	}
	static const char origin[INTENT_ORIGIN_MAX + 1];
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, "m:origin", "1.2", "hello");
	in.origin = origin;
	in.origin_len = sizeof(origin);
	assert_false(fixture_do(f, &in, &a));
	assert_int_equal(a.result, ERR_INPUT);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.inbox_rejected WHERE reason = 'too_large'"), 2);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages"), 0);
	assert_true(fixture_say(f, "U1", "t1", "1.3", "still there?"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	fixture_free(f);
	free(text);
}

/* ---- changes in every state ---- */

static void edit_then_delete__before_it_starts_over__says_nothing(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "secret words"));
	assert_true(fixture_wait_calls(f, 1, 30000));
	struct accepted a[2] = { 0 };
	hold_writer(f);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_EDITED, "e1", "1.1", "other words"), &a[0]);
	put(f, fixture_ws(f), fixture_intent(INTENT_MESSAGE_DELETED, "d1", "1.1", NULL), &a[1]);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.messages WHERE state = 2", 3000));
	assert_settled(f);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 0);
	fixture_free(f);
}

static void edit__without_a_change__keeps_the_steps(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_TOOL);
	fixture_after_tool(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "same words"));
	assert_true(fixture_wait_calls(f, 2, 30000));
	struct intent in = fixture_intent(INTENT_MESSAGE_EDITED, "e1", "1.1", "same words"); /* a link got its preview */
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.run_steps"), 2);
	fixture_release(f);
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_settled(f);
	fixture_free(f);
}

/* A run hangs, a second message waits behind it, and a tool call lets the second join the first. */
static struct fixture *joined(void)
{
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_HANG);
	fixture_after_tool(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "one"));
	assert_true(fixture_wait_calls(f, 1, 30000));
	assert_true(fixture_say(f, "U1", "t1", "1.2", "two"));
	usleep(20000);
	fixture_release_as(f, SCRIPT_TOOL);
	assert_true(fixture_wait_calls(f, 2, 30000));
	usleep(20000);
	fixture_after_tool(f, SCRIPT_TOOL);
	return f;
}

static void merge__at_a_tool_boundary__is_marked_as_answered_by_the_run(void **state)
{
	(void)state;
	struct fixture *f = joined();
	fixture_release(f);
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_settled(f);
	assert_non_null(strstr(fixture_reply(f, 0)->text, "found: two"));
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 1);
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.runs a JOIN eddy.runs b ON b.answered_by = a.id WHERE a.state = 3 AND b.state = 4"),
	    1);
	fixture_free(f);
}

static void merge__the_first_message_is_deleted__the_second_gets_its_own_answer(void **state)
{
	(void)state;
	struct fixture *f = joined();
	struct intent in = fixture_intent(INTENT_MESSAGE_DELETED, "d1", "1.1", NULL);
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_settled(f);
	assert_string_equal(fixture_reply(f, 0)->text, "re: two");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state = 4"), 0);
	fixture_free(f);
}

static void merge__the_second_message_is_edited__the_answer_has_read_the_new_words(void **state)
{
	(void)state;
	struct fixture *f = joined();
	struct intent in = fixture_intent(INTENT_MESSAGE_EDITED, "e1", "1.2", "two and a half");
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_settled(f);
	assert_non_null(strstr(fixture_reply(f, 0)->text, "two and a half"));
	fixture_free(f);
}

static void stop__ends_a_joined_run__both_messages_are_done_with(void **state)
{
	(void)state;
	struct fixture *f = joined();
	struct intent in = fixture_intent(INTENT_RUN_STOPPED, "s1", NULL, NULL);
	assert_true(fixture_do(f, &in, NULL));
	assert_settled(f);
	fixture_free(f);
}

/* ---- try again ---- */

static const char *failed_run(struct fixture *f)
{
	static char id[64];
	assert_true(test_db_exec("UPDATE eddy.runs SET state = 5"));
	snprintf(id, sizeof(id), "%s", test_db_value("SELECT id FROM eddy.runs ORDER BY created_at LIMIT 1"));
	(void)f;
	return id;
}

static struct intent press(const char *source, const char *run)
{
	struct intent in = fixture_intent(INTENT_ACTION_PRESSED, source, "9.9", run);
	in.action = "run.retry";
	return in;
}

static void retry__pressed_twice_at_once_and_again_later__runs_once(void **state)
{
	(void)state;
	struct fixture *f = plain();
	assert_true(fixture_say(f, "U1", "t1", "1.1", "try me"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_settled(f);
	const char *run = failed_run(f);
	struct accepted a[2] = { 0 };
	hold_writer(f);
	put(f, fixture_ws(f), press("a1", run), &a[0]);
	put(f, fixture_ws(f), press("a2", run), &a[1]);
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	struct intent later = press("a3", run);
	assert_true(fixture_do(f, &later, NULL));
	assert_settled(f);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 2);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs"), 2);
	fixture_free(f);
}

static void retry__from_another_place_or_of_another_persons_private_answer__does_nothing(void **state)
{
	(void)state;
	struct fixture *f = plain();
	struct intent ask = fixture_intent(INTENT_COMMAND_GIVEN, "c1", NULL, "what broke in private");
	ask.private_reply = true;
	assert_true(fixture_do(f, &ask, NULL));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_settled(f);
	const char *run = failed_run(f);
	struct intent elsewhere = press("a1", run);
	elsewhere.place = (struct intent_place){ .external_id = "C9", .visibility = VIS_PUBLIC, .eddy_is_member = true };
	assert_true(fixture_do(f, &elsewhere, NULL));
	struct intent other = press("a2", run);
	other.person.external_id = "U2";
	assert_true(fixture_do(f, &other, NULL));
	assert_settled(f);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 1);
	struct intent own = press("a3", run);
	assert_true(fixture_do(f, &own, NULL));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_true(fixture_reply(f, 1)->one_person_only);
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(DISTINCT audience_id) FROM eddy.messages"), 1);
	fixture_free(f);
}

static void private__question_in_a_shared_thread__is_not_in_the_others_context(void **state)
{
	(void)state;
	struct fixture *f = plain();
	assert_true(fixture_say(f, "U1", "t1", "1.1", "one for all"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	struct intent ask = fixture_intent(INTENT_COMMAND_GIVEN, "c1", NULL, "for my eyes");
	ask.private_reply = true;
	assert_true(fixture_do(f, &ask, NULL));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_settled(f);
	/* A transcript is read by thread: nothing private may be in one that others read. */
	assert_int_equal(
	    db_count(
	        "SELECT count(*) FROM (SELECT thread_id FROM eddy.messages GROUP BY 1 HAVING count(DISTINCT audience_id) > 1) x"),
	    0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.threads"), 2);
	fixture_free(f);
}

static void answer__that_the_database_refuses__ends_in_a_plain_error(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_script(f, SCRIPT_BYTES);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "say something odd"));
	assert_true(fixture_say(f, "U1", "t1", "1.2", "and something good"));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_true(fixture_reply(f, 0)->failed);
	assert_string_equal(fixture_reply(f, 1)->text, "re: and something good");
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls"), 2);
	fixture_free(f);
}

/* ---- work that moves ---- */

/* An engine that never renews, as if it had been stopped: what it has is the next one's in half a second. */
static struct fixture *sleeper(bool mute)
{
	return fixture_new(&(struct fixture_options){ .lease_ms = 400, .heartbeat_ms = 60000, .scan_ms = 60000, .mute = mute });
}

static void claim__of_a_delivery_that_was_told_to_wait__waits_for_the_rest(void **state)
{
	(void)state;
	struct fixture *a = sleeper(true);
	assert_true(fixture_say(a, "U1", "t1", "1.1", "slow down"));
	assert_int_equal(fixture_wait_replies(a, 1, 30000), 1);
	uint64_t t0 = clock_ms();
	engine_held(fixture_engine(a), fixture_ws(a), fixture_reply(a, 0)->run, 6000);
	while (db_count("SELECT count(*) FROM eddy.outbox WHERE due > now()") != 1 && clock_ms() < t0 + 5000)
		usleep(10000);
	/* Given back as the process ends, which knows of no time of its own: the later of the two counts. */
	engine_sent(fixture_engine(a),
	    &(struct sent){ .ws = fixture_ws(a), .delivery = fixture_reply(a, 0)->run, .result = ERR_RETRY, .why = "stopping" });
	while (db_count("SELECT count(*) FROM eddy.outbox WHERE state = 1") != 1 && clock_ms() < t0 + 5000)
		usleep(10000);
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100 });
	while (db_count("SELECT count(*) FROM eddy.dispatch WHERE token = 2") != 1 && clock_ms() < t0 + 5500)
		usleep(10000);
	assert_int_equal(fixture_wait_replies(b, 1, 40000), 1);
	assert_true(clock_ms() - t0 >= 5900);
	assert_string_equal(fixture_reply(b, 0)->text, "re: slow down");
	assert_settled(b);
	fixture_free(b);
	fixture_free(a);
}

static void claim__fifth_attempt_broke_too__is_parked_with_a_plain_error(void **state)
{
	(void)state;
	struct fixture *a = sleeper(false);
	fixture_script(a, SCRIPT_HANG);
	assert_true(fixture_say(a, "U1", "t1", "1.1", "poison"));
	assert_true(fixture_wait_calls(a, 1, 30000));
	assert_true(fixture_say(a, "U1", "t1", "1.2", "innocent"));
	assert_true(test_db_exec("UPDATE eddy.runs SET attempt = 5 WHERE message_seq = 1"));
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100 });
	assert_int_equal(fixture_wait_replies(b, 2, 30000), 2);
	assert_true(fixture_reply(b, 0)->failed);
	assert_string_equal(fixture_reply(b, 1)->text, "re: innocent");
	assert_settled(b);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state = 7"), 1);
	assert_int_equal(db_count("SELECT attempt FROM eddy.runs WHERE message_seq = 2"), 0);
	fixture_free(b);
	fixture_free(a);
}

static void claim__of_a_run_with_steps__goes_on_from_them(void **state)
{
	(void)state;
	struct fixture *a = sleeper(false);
	fixture_script(a, SCRIPT_TOOL);
	fixture_after_tool(a, SCRIPT_HANG);
	assert_true(fixture_say(a, "U1", "t1", "1.1", "look it up"));
	assert_true(fixture_wait_calls(a, 2, 30000));
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100 });
	assert_int_equal(fixture_wait_replies(b, 1, 30000), 1);
	assert_string_equal(fixture_reply(b, 0)->text, "found: look it up");
	assert_int_equal(fixture_model_calls(b), 1);
	assert_settled(b);
	fixture_free(b);
	fixture_free(a);
}

static void drain__with_work_in_flight__is_quick_and_the_next_goes_on(void **state)
{
	(void)state;
	struct fixture *a = plain();
	fixture_script(a, SCRIPT_TOOL);
	fixture_after_tool(a, SCRIPT_HANG);
	assert_true(fixture_say(a, "U1", "t1", "1.1", "look it up"));
	assert_true(fixture_wait_calls(a, 2, 30000));
	assert_true(fixture_say(a, "U1", "t1", "1.2", "and this"));
	uint64_t t0 = clock_ms();
	engine_drain(fixture_engine(a), 200);
	assert_true(clock_ms() - t0 < 15000);
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100 });
	assert_int_equal(fixture_wait_replies(b, 2, 30000), 2);
	assert_string_equal(fixture_reply(b, 0)->text, "found: look it up");
	assert_string_equal(fixture_reply(b, 1)->text, "re: and this");
	assert_int_equal(fixture_count(a, REPLY_WHOLE), 0);
	assert_settled(b);
	fixture_free(b);
	fixture_free(a);
}

static void claim__own_lease_had_run_out__starts_over_and_answers_once(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .lease_ms = 2500, .heartbeat_ms = 60000, .scan_ms = 200 });
	fixture_script(f, SCRIPT_HANG);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "are you awake"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_string_equal(fixture_reply(f, 0)->text, "re: are you awake");
	assert_settled(f);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 1);
	fixture_free(f);
}

static void claim__work_of_an_adapter_that_is_not_here__is_left_for_others(void **state)
{
	(void)state;
	struct fixture *a = sleeper(false);
	fixture_script(a, SCRIPT_HANG);
	assert_true(fixture_say(a, "U1", "t1", "1.1", "not for the other"));
	assert_true(fixture_wait_calls(a, 1, 30000));
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100, .adapter = "other" });
	assert_true(db_comes_true("SELECT (owner IS NULL AND pending = 1 AND token > 1)::int FROM eddy.dispatch", 5000));
	assert_int_equal(db_count("SELECT attempt FROM eddy.runs"), 0);
	assert_true(test_db_exec("UPDATE eddy.dispatch SET due = now()"));
	fixture_free(b);
	struct fixture *c = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100 });
	assert_true(test_db_exec("UPDATE eddy.dispatch SET due = now()"));
	assert_int_equal(fixture_wait_replies(c, 1, 30000), 1);
	assert_settled(c);
	fixture_free(c);
	fixture_free(a);
}

static void claim__counts_more_than_is_open__is_put_right(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	assert_true(fixture_say(f, "U1", "t1", "1.1", "count me"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_settled(f);
	assert_true(test_db_exec("UPDATE eddy.dispatch SET pending = 3, due = now()"));
	assert_settled(f);
	assert_true(fixture_say(f, "U1", "t1", "1.2", "count me too"));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_settled(f);
	fixture_free(f);
}

/* ---- deliveries and streams ---- */

static void on_go(void *arg, bool go)
{
	atomic_store((atomic_int *)arg, go ? 1 : 2);
}

static int may_open(struct fixture *f, struct id run)
{
	atomic_int go = 0;
	engine_stream_opening(fixture_engine(f), fixture_ws(f), run, on_go, &go);
	while (atomic_load(&go) == 0)
		usleep(1000);
	return atomic_load(&go);
}

static void stream__opened_then_the_process_is_gone__is_completed_in_place(void **state)
{
	(void)state;
	struct fixture *a = sleeper(true);
	fixture_script(a, SCRIPT_HANG);
	assert_true(fixture_say(a, "U1", "t1", "1.1", "stream to me"));
	assert_true(fixture_wait_calls(a, 1, 30000));
	struct id run;
	assert_true(id_parse(test_db_value("SELECT id FROM eddy.runs"), &run));
	assert_int_equal(may_open(a, run), 1);
	engine_stream_opened(fixture_engine(a), fixture_ws(a), run, "ts-9");
	fixture_release(a);
	assert_int_equal(fixture_wait_replies(a, 1, 30000), 1);
	assert_int_equal(may_open(a, run), 2); /* it is answered: nothing may be opened any more */
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100 });
	assert_int_equal(fixture_wait_replies(b, 1, 30000), 1);
	assert_string_equal(fixture_reply(b, 0)->ref, "ts-9");
	assert_true(fixture_reply(b, 0)->maybe_sent);
	assert_settled(b);
	/* The first wakes up and says that it was posted: known already. */
	engine_sent(fixture_engine(a), &(struct sent){ .ws = fixture_ws(a), .delivery = run, .external_ref = "ts-9" });
	usleep(100000);
	assert_int_equal(db_count("SELECT pending FROM eddy.dispatch"), 0);
	fixture_free(b);
	fixture_free(a);
}

static void delivery__waits_and_the_row_says_sending__is_still_sent_again(void **state)
{
	(void)state;
	struct fixture *f = plain();
	fixture_sent_results(f, ERR_RETRY);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "are you there now"));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.outbox WHERE state = 1", 3000));
	assert_true(test_db_exec("UPDATE eddy.outbox SET state = 2")); /* as after a COMMIT whose outcome was lost */
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_settled(f);
	fixture_free(f);
}

/* Found as waiting and posted: a crash right after must find it as sending, or it is posted once more without a look. */
static void delivery__found_waiting__says_sending_before_it_leaves(void **state)
{
	(void)state;
	struct fixture *a = sleeper(true);
	assert_true(fixture_say(a, "U1", "t1", "1.1", "wait for it"));
	assert_int_equal(fixture_wait_replies(a, 1, 30000), 1);
	assert_true(test_db_exec("UPDATE eddy.outbox SET state = 1"));
	struct fixture *b = fixture_new(&(struct fixture_options){ .url = fixture_url(a), .scan_ms = 100, .mute = true });
	assert_int_equal(fixture_wait_replies(b, 1, 30000), 1);
	assert_int_equal(db_count("SELECT state FROM eddy.outbox"), 2);
	fixture_free(b);
	fixture_free(a);
}

static void lanes__more_than_may_work_at_once__wait_and_all_are_answered(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .settings = "runs.max=2\0" });
	for (int i = 0; i < 4; i++)
		fixture_script(f, SCRIPT_HANG);
	for (int i = 0; i < 12; i++) {
		char key[16], thread[16];
		snprintf(key, sizeof(key), "1.%d", i);
		snprintf(thread, sizeof(thread), "t%d", i % 6);
		assert_true(fixture_say(f, "U1", thread, key, "in my turn please"));
		if (i < 2) /* these two work: who asks first whether teams have caps might be overtaken */
			assert_true(fixture_wait_calls(f, (size_t)i + 1, 30000));
	}
	usleep(50000);
	assert_int_equal(fixture_model_calls(f), 2);
	/* One that waits for its turn is deleted; one that works is stopped: both give way. */
	struct intent d = fixture_intent(INTENT_MESSAGE_DELETED, "d1", "1.5", NULL),
	              s = fixture_intent(INTENT_RUN_STOPPED, "s1", NULL, NULL);
	s.thread_key = "t0";
	assert_true(fixture_do(f, &d, NULL));
	assert_true(fixture_do(f, &s, NULL));
	assert_true(fixture_wait_calls(f, 3, 30000));
	uint64_t until = clock_ms() + 90000;
	while (fixture_count(f, REPLY_WHOLE) < 11 && clock_ms() < until) {
		fixture_release(f);
		usleep(10000);
	}
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 11); /* ten answers and what the stopped one had shown */
	assert_settled(f);
	fixture_free(f);
}

static void delivery__platforms_words_cannot_be_stored__the_outcome_is(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .mute = true });
	assert_true(fixture_say(f, "U1", "t1", "1.1", "are you there now"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	engine_sent(
	    fixture_engine(f), &(struct sent){ .ws = fixture_ws(f), .delivery = fixture_reply(f, 0)->run, .external_ref = "\xff" });
	assert_settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.outbox WHERE state = 3"), 1);
	fixture_free(f);
}

/* ---- the database, again and again ---- */

static void database__cut_all_the_time__each_message_is_answered_once(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .lease_ms = 1500, .heartbeat_ms = 300, .scan_ms = 200 });
	static const enum script mix[] = { SCRIPT_ANSWER, SCRIPT_TOOL, SCRIPT_CUT, SCRIPT_TOOL, SCRIPT_BUSY };
	for (int i = 0; i < 40; i++)
		fixture_script(f, mix[i % 5]);
	fixture_sent_results(f, ERR_RETRY);
	static struct accepted a[60];
	memset(a, 0, sizeof(a));
	for (int i = 0; i < 60; i++) {
		char key[16], source[16], thread[16], text[32];
		snprintf(key, sizeof(key), "1.%d", i);
		snprintf(source, sizeof(source), "m%d", i);
		snprintf(thread, sizeof(thread), "t%d", i % 7);
		snprintf(text, sizeof(text), "message %d", i);
		struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, source, key, text);
		in.thread_key = thread;
		put(f, fixture_ws(f), in, &a[i]);
		if (i % 4 == 0)
			assert_true(
			    test_db_exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
			                 " AND pid <> pg_backend_pid()"));
		usleep(30000);
	}
	assert_true(db_comes_true("SELECT (count(*) = 60)::int FROM eddy.runs WHERE state IN (3, 4)", 30000));
	assert_true(db_comes_true("SELECT (count(*) = 0)::int FROM eddy.outbox WHERE state <= 2", 10000));
	assert_settled(f);
	for (int i = 0; i < 60; i++)
		assert_int_equal(a[i].result, ERR_NONE);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state = 4 AND answered_by IS NULL"), 0);
	assert_int_equal(
	    db_count(
	        "SELECT count(*) FROM eddy.runs r WHERE state = 3 AND 1 <> (SELECT count(*) FROM eddy.messages m WHERE m.run_id = r.id)"),
	    0);
	/* Sent again only as something to be looked up first. */
	size_t n = fixture_count(f, REPLY_WHOLE);
	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++)
			if (id_equal(fixture_reply(f, i)->run, fixture_reply(f, k)->run))
				assert_true(fixture_reply(f, k)->maybe_sent);
	assert_int_equal(
	    db_count("SELECT count(*) FROM (SELECT run_id FROM eddy.model_calls GROUP BY run_id, id HAVING count(*) > 1) x"), 0);
	fixture_free(f);
}

/* ---- money ---- */

static void budget__calls_that_ended__hold_only_what_they_cost(void **state)
{
	(void)state;
	/* A call costs 1 USD, at most 2, and the day has 4: three tries fit only if those that ended give back what they did not use. */
	struct fixture *f =
	    fixture_new(&(struct fixture_options){ .cost_micros = 1000000, .settings = "model.daily_cap=4\0budget.run_cap=0\0" });
	fixture_script(f, SCRIPT_BUSY);
	fixture_script(f, SCRIPT_BUSY);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "spend it well"));
	assert_int_equal(fixture_wait_replies(f, 1, 30000), 1);
	assert_string_equal(fixture_reply(f, 0)->text, "re: spend it well");
	assert_settled(f);
	assert_int_equal(db_count("SELECT spent_micros FROM eddy.budget_days WHERE kind = 1"), 3000000);
	fixture_free(f);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edit__in_the_batch_of_its_message__is_what_gets_answered),
		cmocka_unit_test(delete__in_the_batch_of_its_message__erases_it),
		cmocka_unit_test(refused_row__in_one_batch_with_other_tenants__only_it_is_kept_aside),
		cmocka_unit_test(intent__larger_than_allowed__is_refused_as_bad_input_once),
		cmocka_unit_test(edit_then_delete__before_it_starts_over__says_nothing),
		cmocka_unit_test(edit__without_a_change__keeps_the_steps),
		cmocka_unit_test(merge__at_a_tool_boundary__is_marked_as_answered_by_the_run),
		cmocka_unit_test(merge__the_first_message_is_deleted__the_second_gets_its_own_answer),
		cmocka_unit_test(merge__the_second_message_is_edited__the_answer_has_read_the_new_words),
		cmocka_unit_test(stop__ends_a_joined_run__both_messages_are_done_with),
		cmocka_unit_test(retry__pressed_twice_at_once_and_again_later__runs_once),
		cmocka_unit_test(retry__from_another_place_or_of_another_persons_private_answer__does_nothing),
		cmocka_unit_test(private__question_in_a_shared_thread__is_not_in_the_others_context),
		cmocka_unit_test(answer__that_the_database_refuses__ends_in_a_plain_error),
		cmocka_unit_test(lanes__more_than_may_work_at_once__wait_and_all_are_answered),
		cmocka_unit_test(delivery__platforms_words_cannot_be_stored__the_outcome_is),
		cmocka_unit_test(database__cut_all_the_time__each_message_is_answered_once),
		cmocka_unit_test(claim__of_a_delivery_that_was_told_to_wait__waits_for_the_rest),
		cmocka_unit_test(claim__fifth_attempt_broke_too__is_parked_with_a_plain_error),
		cmocka_unit_test(claim__of_a_run_with_steps__goes_on_from_them),
		cmocka_unit_test(drain__with_work_in_flight__is_quick_and_the_next_goes_on),
		cmocka_unit_test(claim__own_lease_had_run_out__starts_over_and_answers_once),
		cmocka_unit_test(claim__work_of_an_adapter_that_is_not_here__is_left_for_others),
		cmocka_unit_test(claim__counts_more_than_is_open__is_put_right),
		cmocka_unit_test(stream__opened_then_the_process_is_gone__is_completed_in_place),
		cmocka_unit_test(delivery__waits_and_the_row_says_sending__is_still_sent_again),
		cmocka_unit_test(delivery__found_waiting__says_sending_before_it_leaves),
		cmocka_unit_test(budget__calls_that_ended__hold_only_what_they_cost),
	};
	return cmocka_run_group_tests_name("engine under crossings", tests, NULL, NULL);
}
