/* Summaries, catching up and full texts, with a scripted model and without one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *start(bool no_model)
{
	return fixture_new(&(struct fixture_options){ .scan_ms = 100, .no_model = no_model });
}

/* The newest WHOLE whose text holds ${words}, within ten seconds. */
static const char *heard(struct fixture *f, const char *words)
{
	for (uint64_t until = clock_ms() + 90000; clock_ms() < until; usleep(3000)) {
		for (size_t i = fixture_count(f, REPLY_WHOLE); i-- > 0;) {
			const struct noted *n = fixture_reply(f, i);
			if (n != NULL && strstr(n->text, words) != NULL)
				return n->text;
		}
	}
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		print_message("reply %zu: %s\n", i, fixture_reply(f, i)->text);
	return NULL;
}

static bool say(struct fixture *f, const char *person, const char *thread, const char *key, const char *text)
{
	return fixture_say_in(f, "C1", VIS_PUBLIC, person, thread, key, text, true);
}

static bool mumble(struct fixture *f, const char *person, const char *thread, const char *key, const char *text)
{
	return fixture_say_in(f, "C1", VIS_PUBLIC, person, thread, key, text, false);
}

static void talk(struct fixture *f)
{
	assert_true(mumble(f, "Ada", "t1", "k1", "We decided to move the ledger to port 8080."));
	assert_true(mumble(f, "Bob", "t1", "k2", "thanks!"));
	assert_true(mumble(f, "Bob", "t1", "k3", "The proxy has taken port 8080 since March."));
	assert_true(mumble(f, "Ada", "t1", "k4", "Actually, make it port 9090."));
}

static void summarise__without_a_model__is_word_for_word(void **state)
{
	(void)state;
	struct fixture *f = start(true);
	assert_true(say(f, "Ada", "t0", "k0", "summarise"));
	assert_non_null(heard(f, "nothing to sum up"));
	talk(f);
	assert_true(say(f, "Cleo", "t1", "k5", "summarise"));
	const char *s = heard(f, "In short, 4 messages (No model is connected, so these are sentences taken word for word):\n\n");
	assert_non_null(s);
	assert_non_null(strstr(s, "- Ada: Actually, make it port 9090. [[4]](https://"));
	assert_non_null(strstr(s, "- Bob: The proxy has taken port 8080 since March. [[3]](https://"));
	assert_null(strstr(s, "We decided")); /* a later correction wins */
	assert_null(strstr(s, "thanks"));
	assert_true(db_settles(5000));
	assert_int_equal(1, db_count("SELECT count(*) FROM summaries WHERE NOT by_model AND upto_seq = 4"));
	assert_int_equal(0, fixture_model_calls(f));
	fixture_free(f);
}

static void summarise__by_a_model__is_checked_and_kept(void **state)
{
	(void)state;
	struct fixture *f = start(false);
	talk(f);
	fixture_words(
	    f, "Here you are:\n- Decided: the ledger goes to port 9090. [4] [3]\n- Nobody said this. [17]\n- Nor this.\n");
	assert_true(say(f, "Cleo", "t1", "k5", "summarise"));
	const char *s = heard(f, "In short, 4 messages:\n\n- Decided: the ledger goes to port 9090. [[3]](https://");
	assert_non_null(s);
	assert_null(strstr(s, "Nobody"));
	assert_null(strstr(s, "Nor this"));
	char *asked = fixture_asked(f);
	assert_non_null(strstr(asked, "[3] Bob ("));
	assert_non_null(strstr(asked, "<message>\nActually, make it port 9090.\n</message>"));
	assert_null(strstr(asked, "summarise\n</message>"));
	free(asked);
	assert_true(db_settles(5000));
	assert_int_equal(1, fixture_model_calls(f));
	/* Nothing was added but commands: from the store. */
	assert_true(say(f, "Bob", "t1", "k6", "summary"));
	assert_non_null(heard(f, "nothing was added since:\n\n- Decided: the ledger goes to port 9090. [[3]](https://"));
	assert_int_equal(1, fixture_model_calls(f));
	/* Something was: anew. */
	assert_true(say(f, "Bob", "t1", "k7", "The firewall is open for 9090."));
	assert_non_null(heard(f, "re: Bob: The firewall is open"));
	fixture_words(f, "- The firewall lets it through. [5]");
	assert_true(say(f, "Bob", "t1", "k8", "tldr"));
	assert_non_null(heard(f, "In short, 6 messages:\n\n- The firewall lets it through. [[5]](https://"));
	assert_true(db_settles(5000));
	assert_int_equal(1, db_count("SELECT count(*) FROM summaries WHERE by_model AND upto_seq > 8"));
	fixture_free(f);
}

static void summarise__what_is_no_summary__is_done_without(void **state)
{
	(void)state;
	struct fixture *f = start(false);
	talk(f);
	fixture_words(f, "I would rather not.");
	fixture_words(f, "- A line. [99]");
	assert_true(say(f, "Cleo", "t1", "k5", "summarise"));
	assert_non_null(heard(
	    f, "In short, 4 messages (My language model gave no usable answer, so these are sentences taken word for word):"));
	assert_int_equal(2, fixture_model_calls(f));
	fixture_free(f);
}

/* Before the model answers one message is taken back: its numbers mean something else now, and what it says of that message is not shown. */
static void summarise__deleted_meanwhile__is_not_shown(void **state)
{
	(void)state;
	struct fixture *f = start(false);
	talk(f);
	assert_true(mumble(f, "Ada", "t1", "k4b", "The password is canary-7731."));
	fixture_script(f, SCRIPT_HANG);
	assert_true(say(f, "Cleo", "t1", "k5", "summarise"));
	assert_true(fixture_wait_calls(f, 1, 10000));
	struct intent in = { .kind = INTENT_MESSAGE_DELETED,
		.source_key = "d:1",
		.message_key = "k4b",
		.thread_key = "t1",
		.person = { .external_id = "Ada" },
		.place = { .external_id = "C1", .name = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true } };
	assert_true(fixture_do(f, &in, NULL));
	fixture_words(f, "- Ada told the password. [4]");
	fixture_release(f);
	assert_non_null(heard(f, "so these are sentences taken word for word"));
	assert_true(db_settles(5000));
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		assert_null(strstr(fixture_reply(f, i)->text, "password"));
	assert_int_equal(0, db_count("SELECT count(*) FROM summaries WHERE body LIKE '%password%' OR body LIKE '%canary%'"));
	fixture_free(f);
}

static void summarise__private_mode__keeps_nothing(void **state)
{
	(void)state;
	struct fixture *f = start(true);
	talk(f);
	db_count("WITH u AS (UPDATE people SET private = true WHERE name = 'Bob' RETURNING 1) SELECT count(*) FROM u");
	assert_true(say(f, "Cleo", "t1", "k5", "summarise"));
	assert_non_null(heard(f, "In short, 4 messages"));
	assert_true(db_settles(5000));
	assert_int_equal(0, db_count("SELECT count(*) FROM summaries"));
	fixture_free(f);
}

static void catch_up__in_a_thread__is_since_my_last_message(void **state)
{
	(void)state;
	struct fixture *f = start(true);
	talk(f);
	assert_true(say(f, "Ada", "t1", "k5", "catch me up"));
	assert_non_null(heard(f, "You have missed nothing: nobody else has written since your last message ("));
	assert_true(say(f, "Bob", "t1", "k6", "catch me up"));
	const char *s = heard(f, "1 message since your last message (");
	assert_non_null(s);
	assert_non_null(strstr(s, "- Ada: Actually, make it port 9090. [[1]](https://"));
	assert_null(strstr(s, "8080"));
	assert_true(say(f, "Cleo", "t1", "k7", "what did I miss?"));
	assert_non_null(heard(f, "4 messages in this thread ("));
	fixture_free(f);
}

static void catch_up__in_a_direct_conversation__is_over_public_places(void **state)
{
	(void)state;
	struct fixture *f = start(true);
	assert_true(fixture_say(f, "Cleo", "dm", "d0", "catch me up"));
	assert_non_null(heard(f, "You have missed nothing: nobody else has written in the last seven days where I may read."));
	talk(f);
	assert_true(fixture_say_in(f, "C9", VIS_PRIVATE, "Ada", "p1", "s1", "The secret plan is called canary-4410.", false));
	assert_true(fixture_say_in(f, "C2", VIS_PUBLIC, "Bob", "t2", "k9", "The new coffee machine arrives on Monday.", false));
	assert_true(fixture_say(f, "Cleo", "dm", "d1", "catch me up"));
	const char *s = heard(f, "5 messages in the last seven days (No model is connected");
	assert_non_null(s);
	const char *c2 = strstr(s, "**C2**, 1 message\n\n- Bob: The new coffee machine arrives on Monday. [[1]](https://");
	const char *c1 = strstr(s, "**C1**, 4 messages\n\n");
	assert_non_null(c2);
	assert_non_null(c1);
	assert_true(c2 < c1); /* the newest first */
	assert_non_null(strstr(c1, "- Ada: Actually, make it port 9090."));
	assert_null(strstr(s, "canary"));
	assert_true(fixture_say_in(f, "C2", VIS_PUBLIC, "Cleo", "t2", "k10", "Great.", false));
	assert_true(fixture_say(f, "Cleo", "dm", "d2", "catch me up"));
	assert_non_null(heard(f, "You have missed nothing: nobody else has written since you last wrote elsewhere ("));
	fixture_free(f);
}

static void catch_up__by_a_model__names_places(void **state)
{
	(void)state;
	struct fixture *f = start(false);
	talk(f);
	fixture_words(f, "- Ada moved the ledger to port 9090. [4]");
	assert_true(fixture_say(f, "Cleo", "dm", "d1", "catch me up"));
	assert_non_null(heard(f, "4 messages in the last seven days:\n\n- Ada moved the ledger to port 9090. [[4]](https://"));
	char *asked = fixture_asked(f);
	assert_non_null(strstr(asked, "[4] Ada in C1 ("));
	free(asked);
	fixture_free(f);
}

static void whole__shows_the_newest_folded_answer(void **state)
{
	(void)state;
	struct fixture *f = start(false);
	assert_true(say(f, "Ada", "t1", "k1", "show all"));
	assert_non_null(heard(f, "no answer in this thread that I have shortened"));
	assert_true(say(f, "Ada", "t1", "k2", "what now?"));
	assert_non_null(heard(f, "re: what now?"));
	assert_true(db_settles(5000));
	assert_int_equal(1,
	    db_count("WITH u AS (UPDATE messages SET whole = 'All of it, **every** word.' WHERE author_kind = 2 AND body LIKE"
	             " 're:%' RETURNING 1) SELECT count(*) FROM u"));
	assert_true(say(f, "Bob", "t1", "k3", "show all"));
	assert_non_null(heard(f, "All of it, **every** word."));
	assert_true(say(f, "Bob", "t2", "k4", "show all"));
	assert_true(db_settles(5000));
	assert_int_equal(2, db_count("SELECT count(*) FROM messages WHERE body LIKE 'There is no answer in this thread%'"));
	fixture_free(f);
}

/* A thread longer than what a model is told: what lay before stands in short in the prompt, and goes with a deletion. */
static void long_thread__is_told_in_short(void **state)
{
	(void)state;
	struct fixture *f = start(false);
	char key[16], text[80];
	assert_true(mumble(f, "Ada", "t1", "s0", "We decided on 12 servers in the canary-9001 building."));
	assert_true(mumble(f, "Bob", "t1", "s1", "The contract ends on 30 June because the owner sells it."));
	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "m%d", i);
		snprintf(text, sizeof(text), "message number %d of many", i);
		assert_true(mumble(f, i % 2 ? "Ada" : "Bob", "t1", key, text));
	}
	assert_true(say(f, "Cleo", "t1", "q1", "what now?"));
	assert_true(fixture_wait_calls(f, 1, 10000));
	char *asked = fixture_asked(f);
	assert_non_null(strstr(asked, "<earlier>\n- "));
	assert_non_null(strstr(asked, "- Ada: We decided on 12 servers in the canary-9001 building.\n"));
	assert_non_null(strstr(asked, "- Bob: The contract ends on 30 June because the owner sells it.\n"));
	free(asked);
	assert_non_null(heard(f, "re: Cleo: what now?"));
	struct intent in = { .kind = INTENT_MESSAGE_DELETED,
		.source_key = "d:1",
		.message_key = "s0",
		.thread_key = "t1",
		.person = { .external_id = "Ada" },
		.place = { .external_id = "C1", .name = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true } };
	assert_true(fixture_do(f, &in, NULL));
	assert_true(say(f, "Cleo", "t1", "q2", "and now?"));
	assert_non_null(heard(f, "re: Cleo: and now?"));
	asked = fixture_asked(f);
	assert_non_null(strstr(asked, "The contract ends on 30 June"));
	assert_null(strstr(asked, "canary"));
	free(asked);
	/* A short thread has none. */
	assert_true(say(f, "Cleo", "t2", "q3", "hello there, which servers?"));
	assert_non_null(heard(f, "re: hello there, which servers?"));
	asked = fixture_asked(f);
	assert_null(strstr(asked, "<earlier>"));
	free(asked);
	fixture_free(f);
}

static void summarise__after_a_crash__is_said_once(void **state)
{
	(void)state;
	struct fixture *f = start(true);
	talk(f);
	const char *url = fixture_url(f);
	fixture_script(f, SCRIPT_HANG);
	assert_true(say(f, "Cleo", "t1", "k5", "summarise"));
	assert_non_null(heard(f, "In short, 4 messages"));
	assert_true(db_settles(5000));
	char *again = strdup(url);
	/* As if its end had not been stored: the run is open, its answer and the summary are there or not. */
	fixture_free(f);
	for (int with = 0; with < 2; with++) {
		assert_true(test_db_exec("DELETE FROM outbox WHERE run_id IN (SELECT id FROM runs WHERE kind = 2);"
		                         "DELETE FROM messages WHERE run_id IN (SELECT id FROM runs WHERE kind = 2);"
		                         "UPDATE runs SET state = 1, finished_at = NULL WHERE kind = 2;"
		                         "UPDATE dispatch SET pending = 1, due = now(), owner = NULL, lease_until = NULL"
		                         " WHERE thread_id IN (SELECT thread_id FROM runs WHERE kind = 2)"));
		if (with == 1)
			assert_true(test_db_exec("DELETE FROM summaries"));
		f = fixture_new(&(struct fixture_options){ .url = again, .scan_ms = 100, .no_model = true });
		/* Stored before: from there, and it is the same; else anew. */
		const char *s = heard(f, with == 0 ? "nothing was added since:" : "In short, 4 messages");
		assert_non_null(s);
		assert_non_null(strstr(s, "- Ada: Actually, make it port 9090. [[4]](https://"));
		assert_true(db_settles(5000));
		assert_int_equal(1, fixture_count(f, REPLY_WHOLE));
		assert_int_equal(1, db_count("SELECT count(*) FROM summaries"));
		fixture_free(f);
	}
	free(again);
}

/* Where outsiders read along nothing comes from elsewhere, for guests neither. */
static void catch_up__of_guests_and_shared_channels__stays_in_the_thread(void **state)
{
	(void)state;
	struct fixture *f = start(true);
	assert_true(fixture_say_in(f, "C2", VIS_PUBLIC, "Bob", "t9", "e1", "The canary-5150 sings on Monday at 9.", false));
	assert_true(fixture_say_in(f, "X1", VIS_EXTERNAL, "Ada", "x1", "x1", "We ship 40 boxes on Friday.", false));
	assert_true(fixture_say_in(f, "X1", VIS_EXTERNAL, "Cleo", "x1", "x2", "catch me up", true));
	const char *s = heard(f, "1 message in this thread (");
	assert_non_null(s);
	assert_non_null(strstr(s, "40 boxes"));
	assert_true(fixture_say_in(f, "X1", VIS_EXTERNAL, "Cleo", "x1", "x3", "summarise", true));
	assert_non_null(heard(f, "In short, 1 message ("));
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, "g:1", "g1", "catch me up");
	in.person.external_id = "Guest";
	in.person.is_guest = true;
	in.thread_key = "g";
	assert_true(fixture_do(f, &in, NULL));
	assert_non_null(heard(f, "You have missed nothing"));
	assert_true(db_settles(5000));
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		assert_null(strstr(fixture_reply(f, i)->text, "canary"));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(summarise__without_a_model__is_word_for_word),
		cmocka_unit_test(summarise__by_a_model__is_checked_and_kept),
		cmocka_unit_test(summarise__what_is_no_summary__is_done_without),
		cmocka_unit_test(summarise__deleted_meanwhile__is_not_shown),
		cmocka_unit_test(summarise__private_mode__keeps_nothing),
		cmocka_unit_test(catch_up__in_a_thread__is_since_my_last_message),
		cmocka_unit_test(catch_up__in_a_direct_conversation__is_over_public_places),
		cmocka_unit_test(catch_up__by_a_model__names_places),
		cmocka_unit_test(long_thread__is_told_in_short),
		cmocka_unit_test(summarise__after_a_crash__is_said_once),
		cmocka_unit_test(catch_up__of_guests_and_shared_channels__stays_in_the_thread),
		cmocka_unit_test(whole__shows_the_newest_folded_answer),
	};
	return cmocka_run_group_tests_name("digest", tests, NULL, NULL);
}
