/*
 * Further ways that people go with side threads on Slack: by a shortcut on any message, in direct messages and groups, too many at once, the
 * wrong person, giving up without a word; and what happens when messages and channels go away meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"
#include "people.h"
#include "../../core/base/json.h"

#define TEAM "C0TEAM"
enum { WAIT_MS = 60000 };

static char root[40];

static int set_up(void **state)
{
	(void)state;
	static const char *const slack[] = { "--retry0_ms=700", "--retry1_ms=1500", "--retry2_ms=4000", NULL };
	rig_open(&rig, slack, NULL);
	rig_env(&rig, "EDDY_SLACK_LIMITS=adaptive");
	rig_env(&rig, "EDDY_SLACK_STREAM=off");
	fake_tell(&rig.slack, "channel", "{s:s, s:s}", "id", TEAM, "name", "team");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0ADA", "name", "Ada");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0BOB", "name", "Bob");
	rig_serve(&rig, 0, NULL);
	return 0;
}

static void begin(const char *channel)
{
	people_say(channel, NULL, "U0ADA", "Which database do we take?", false, root);
	rig_wait(&rig, WAIT_MS, "the first message", rig_sql(&rig, "SELECT count(*) FROM messages") >= 1);
}

/* The thread of side thread ${n}, once it is open. */
static void side_thread(int n, char ts[40])
{
	char query[200];
	snprintf(query, sizeof query,
	    "SELECT t.external_key FROM forks f JOIN threads t ON t.ws = f.ws AND t.id = f.thread_id WHERE f.n = %d", n);
	rig_wait(&rig, WAIT_MS, "the side thread", *rig_sql_text(&rig, query) != '\0');
	snprintf(ts, 40, "%s", rig_sql_text(&rig, query));
}

static void open_forms(int n)
{
	rig_wait(&rig, WAIT_MS, "the form", people_forms() == n);
}

/* ---- the shortcut ---- */

static void shortcut__on_any_message__asks_for_the_topic_and_forks(void **state)
{
	(void)state;
	char side[40];
	begin(TEAM);
	/* Written where Eddy did not hear it. */
	json_t *o = fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:s, s:b, s:b}", "channel", TEAM, "thread_ts", root, "user",
	    "U0BOB", "text", "Who *pays* for it &amp; when?", "mention", 0, "quiet", 1);
	people_point(TEAM, json_str(o, "ts", ""), "eddy_fork", "U0ADA");
	json_decref(o);
	open_forms(1);
	char *text = people_form_field("initial_value");
	assert_string_equal(text, "Who pays for it & when?");
	free(text);
	/* Nothing in it: said beside the field, and nothing has begun. */
	people_submit("   ");
	rig_wait(&rig, WAIT_MS, "the acknowledgement", people_acked(people_event));
	text = people_answer();
	assert_non_null(strstr(text, "Please say in a few words"));
	free(text);
	people_submit("who pays");
	side_thread(1, side);
	rig_wait(&rig, WAIT_MS, "the link", people_see(TEAM, root, "Side thread #1 is open") == 1);
	assert_int_equal(people_see(TEAM, "", "Side thread #1: who pays"), 1);
	assert_int_equal(people_see(TEAM, "", "Who _pays_ for it &amp; when?"), 1); /* what it is about, quoted */
	assert_int_equal(rig_sql(&rig,
	                     "SELECT count(*) FROM forks f JOIN messages m ON m.ws = f.ws AND m.id = f.about_id JOIN people p"
	                     " ON p.ws = m.ws AND p.id = m.author_id WHERE m.body LIKE 'Who %pays%' AND p.name = 'Bob'"),
	    1);
	/* The same form sent once more is the same wish. */
	people_submit("who pays");
	rig_wait(&rig, WAIT_MS, "the acknowledgement", people_acked(people_event));
	/* On what Eddy said itself. */
	people_say(TEAM, root, "U0ADA", "hello", true, NULL);
	rig_wait(&rig, WAIT_MS, "a greeting", rig_sql(&rig, "SELECT count(*) FROM runs WHERE command = 11 AND state = 3") == 1);
	rig_settle(&rig, WAIT_MS);
	snprintf(side, sizeof side, "%s",
	    rig_sql_text(
	        &rig, "SELECT o.external_ref FROM outbox o JOIN runs r ON r.ws = o.ws AND r.id = o.run_id WHERE r.command = 11"));
	people_point(TEAM, side, "eddy_fork", "U0BOB");
	open_forms(2);
	people_submit("manners");
	side_thread(2, side);
	assert_int_equal(rig_sql(&rig,
	                     "SELECT count(*) FROM forks f JOIN messages m ON m.ws = f.ws AND m.id = f.about_id JOIN runs r ON"
	                     " r.ws = m.ws AND r.id = m.run_id WHERE f.n = 2 AND r.command = 11"),
	    1);
	rig_settle(&rig, WAIT_MS);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM forks"), 2);
	people_check();
}

static void shortcut__where_eddy_is_not__is_told_to_one_person(void **state)
{
	(void)state;
	fake_tell(&rig.slack, "channel", "{s:s, s:s, s:b}", "id", "C0ELSE", "name", "else", "member", 0);
	json_t *o = fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:b, s:b}", "channel", "C0ELSE", "user", "U0BOB", "text",
	    "between us", "mention", 0, "quiet", 1);
	static const char *const shortcuts[] = { "eddy_fork", "eddy_pin" };
	for (int i = 0; i < 2; i++) {
		people_point("C0ELSE", json_str(o, "ts", ""), shortcuts[i], "U0ADA");
		rig_wait(&rig, WAIT_MS, "the word to Ada", people_see_alone("I am not in this conversation") == i + 1);
	}
	json_decref(o);
	assert_int_equal(people_forms(), 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages"), 0); /* not a word is kept */
	people_check();
}

static void slash_command__fork__says_where_it_belongs(void **state)
{
	(void)state;
	json_decref(
	    fake_control(&rig.slack, "slash", "{s:s, s:s, s:s}", "channel", TEAM, "user", "U0ADA", "text", "fork which database"));
	rig_wait(&rig, WAIT_MS, "the answer", people_see_alone("in that thread") == 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM forks"), 0);
	assert_int_equal(people_see(TEAM, NULL, ""), 0);
	people_check();
}

/* ---- places ---- */

static void in_place(const char *channel)
{
	char side[40];
	begin(channel);
	bool dm = *channel == 'D';
	people_say(channel, root, "U0ADA", "fork: the other thing", !dm, NULL);
	side_thread(1, side);
	rig_wait(&rig, WAIT_MS, "the link", people_see(channel, root, "Side thread #1 is open") == 1);
	assert_int_equal(people_see(channel, "", "Side thread #1: the other thing"), 1);
	people_say(channel, side, "U0ADA", "We take the cheap one. That is decided.", false, NULL);
	rig_wait(&rig, WAIT_MS, "the message in its thread",
	    rig_sql(&rig,
	        "SELECT count(*) FROM messages m JOIN forks f ON f.ws = m.ws AND f.thread_id = m.thread_id WHERE m.body LIKE 'We take%'") ==
	        1);
	rig_settle(&rig, WAIT_MS);
	people_say(channel, side, "U0ADA", "resolve", false, NULL);
	rig_wait(&rig, WAIT_MS, "the draft", people_see(channel, side, "A draft of what goes back") == 1);
	rig_settle(&rig, WAIT_MS);
	people_press(channel, side, "Accept", "U0ADA");
	people_press(channel, side, "Accept", "U0ADA"); /* a double click */
	rig_wait(&rig, WAIT_MS, "what comes back", people_see(channel, root, "from side thread") == 1);
	/* Whoever reads one reads the other, and nobody else. */
	assert_int_equal(rig_sql(&rig, "SELECT count(DISTINCT m.audience_id) FROM messages m"), 1);
	rig_settle(&rig, WAIT_MS);
	assert_int_equal(people_see(channel, root, "from side thread"), 1);
	people_check();
}

static void fork__in_a_direct_message__is_another_message_there(void **state)
{
	(void)state;
	in_place("D0ADA");
}

static void fork__in_a_group__stays_in_the_group(void **state)
{
	(void)state;
	fake_tell(&rig.slack, "channel", "{s:s, s:s, s:b}", "id", "G0GROUP", "type", "mpim", "private", 1);
	in_place("G0GROUP");
}

/* Slack has posted it and does not say so: the channel is looked through before anything is posted again. */
static void fork__opening_whose_answer_is_lost__is_there_once(void **state)
{
	(void)state;
	static const char *const faults[] = { "lost_after", "500_after" };
	char side[40], text[40];
	begin(TEAM);
	for (int n = 1; n <= 2; n++) {
		rig_settle(&rig, WAIT_MS);
		fake_tell(&rig.slack, "fault", "{s:s, s:s, s:i}", "method", "chat.postMessage", "do", faults[n - 1], "times", 1);
		snprintf(text, sizeof text, "fork: question %d", n);
		people_say(TEAM, root, "U0ADA", text, true, NULL);
		side_thread(n, side);
		snprintf(text, sizeof text, "Side thread #%d: question %d", n, n);
		rig_settle(&rig, WAIT_MS);
		assert_int_equal(people_see(TEAM, "", text), 1);
		snprintf(text, sizeof text, "Side thread #%d is open", n);
		assert_int_equal(people_see(TEAM, root, text), 1);
	}
	people_check();
}

/* ---- who and how many ---- */

static void sixth_fork__gets_a_list__and_abandoning_is_silent(void **state)
{
	(void)state;
	char side[40], text[40];
	begin(TEAM);
	for (int n = 1; n <= 5; n++) {
		snprintf(text, sizeof text, "fork: question %d", n);
		people_say(TEAM, root, "U0ADA", text, true, NULL);
		side_thread(n, side);
	}
	people_say(TEAM, root, "U0ADA", "fork: one too many", true, NULL);
	rig_wait(&rig, WAIT_MS, "the list", people_see(TEAM, root, "as many as there may be") == 1);
	assert_int_equal(people_see(TEAM, root, "\"text\":\"Abandon #5\""), 1);
	rig_settle(&rig, WAIT_MS);
	people_press(TEAM, root, "Abandon #2", "U0BOB");
	rig_wait(&rig, WAIT_MS, "the word about it", people_see(TEAM, root, "#2 is closed") == 1);
	/* Said in the side thread itself, nobody in the parent hears of it. */
	side_thread(3, side);
	rig_settle(&rig, WAIT_MS);
	int before = people_see(TEAM, root, "");
	people_say(TEAM, side, "U0ADA", "abandon", false, NULL);
	rig_wait(&rig, WAIT_MS, "the end", people_see(TEAM, side, "Nothing of this goes back") == 1);
	rig_settle(&rig, WAIT_MS);
	assert_int_equal(people_see(TEAM, root, ""), before);
	people_say(TEAM, root, "U0ADA", "fork: there is room", true, NULL);
	side_thread(6, side);
	/* A double click, as two presses. */
	people_press(TEAM, root, "Abandon #4", "U0ADA");
	people_press(TEAM, root, "Abandon #4", "U0ADA");
	rig_wait(&rig, WAIT_MS, "both answers",
	    people_see(TEAM, root, "#4 is closed") + people_see(TEAM, root, "#4 was abandoned") == 2);
	rig_settle(&rig, WAIT_MS);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM forks WHERE state = 4"), 3);
	people_check();
}

static void draft__pressed_by_another__waits_for_its_creator(void **state)
{
	(void)state;
	char side[40];
	begin(TEAM);
	people_say(TEAM, root, "U0ADA", "fork: which", true, NULL);
	side_thread(1, side);
	people_say(TEAM, side, "U0BOB", "We decided to take Postgres.", false, NULL);
	rig_wait(&rig, WAIT_MS, "the message", rig_sql(&rig, "SELECT count(*) FROM messages WHERE body LIKE 'We decided%'") == 1);
	rig_settle(&rig, WAIT_MS);
	people_say(TEAM, side, "U0BOB", "resolve", false, NULL);
	rig_wait(&rig, WAIT_MS, "the draft", people_see(TEAM, side, "A draft of what goes back") == 1);
	rig_settle(&rig, WAIT_MS);
	people_press(TEAM, side, "Accept", "U0BOB");
	rig_wait(&rig, WAIT_MS, "the refusal", people_see(TEAM, side, "decides on this draft") == 1);
	rig_settle(&rig, WAIT_MS);
	sleep_ms(300);
	assert_int_equal(people_see(TEAM, side, "\"type\":\"actions\""), 1); /* it can still be pressed */
	assert_int_equal(people_see(TEAM, root, "from side thread"), 0);
	people_press(TEAM, side, "Discard", "U0ADA");
	rig_wait(&rig, WAIT_MS, "no button", people_see(TEAM, side, "\"type\":\"actions\"") == 0);
	people_say(TEAM, side, "U0ADA", "resolve", false, NULL);
	rig_wait(&rig, WAIT_MS, "another draft", people_see(TEAM, side, "A draft of what goes back") == 2);
	rig_settle(&rig, WAIT_MS);
	people_say(TEAM, side, "U0ADA", "accept", false, NULL); /* typed is as good as pressed */
	rig_wait(&rig, WAIT_MS, "what comes back", people_see(TEAM, root, "from side thread") == 1);
	rig_wait(&rig, WAIT_MS, "no button", people_see(TEAM, side, "\"type\":\"actions\"") == 0);
	people_check();
}

/* ---- what goes away ---- */

static void gone__messages_of_a_side_thread__do_not_stop_it(void **state)
{
	(void)state;
	char side[40], said[40];
	begin(TEAM);
	people_say(TEAM, root, "U0ADA", "fork: which", true, NULL);
	side_thread(1, side);
	people_say(TEAM, side, "U0BOB", "We decided to take Postgres.", false, NULL);
	people_say(TEAM, side, "U0BOB", "Canary has to go.", false, said);
	rig_wait(&rig, WAIT_MS, "the messages", rig_sql(&rig, "SELECT count(*) FROM messages WHERE body LIKE 'Canary%'") == 1);
	rig_settle(&rig, WAIT_MS);
	/* The first message of the side thread, by an admin; a message by its author; the channel gets another name. */
	fake_tell(&rig.slack, "delete", "{s:s, s:s}", "channel", TEAM, "ts", side);
	fake_tell(&rig.slack, "delete", "{s:s, s:s}", "channel", TEAM, "ts", said);
	fake_tell(&rig.slack, "event", "{s:{s:s, s:{s:s, s:s}, s:s}, s:s}", "event", "type", "channel_rename", "channel", "id",
	    TEAM, "name", "team-two", "event_ts", "1760000000.000900", "channel", TEAM);
	rig_wait(&rig, WAIT_MS, "the deletion", rig_sql(&rig, "SELECT count(*) FROM messages WHERE body LIKE 'Canary%'") == 0);
	people_say(TEAM, side, "U0ADA", "resolve", false, NULL);
	rig_wait(&rig, WAIT_MS, "the draft", people_see(TEAM, side, "A draft of what goes back") == 1);
	assert_int_equal(people_see(TEAM, side, "Canary"), 0);
	rig_settle(&rig, WAIT_MS);
	people_press(TEAM, side, "Accept", "U0ADA");
	rig_wait(&rig, WAIT_MS, "what comes back", people_see(TEAM, root, "from side thread") == 1);
	people_check();
}

static void gone__words_of_eddys_own__are_forgotten_too(void **state)
{
	(void)state;
	char said[40];
	begin(TEAM);
	people_say(TEAM, root, "U0ADA", "help", true, NULL);
	rig_wait(&rig, WAIT_MS, "the help", rig_sql(&rig, "SELECT count(*) FROM outbox WHERE state = 3") == 1);
	rig_settle(&rig, WAIT_MS);
	snprintf(said, sizeof said, "%s", rig_sql_text(&rig, "SELECT external_ref FROM outbox"));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 2 AND state <> 2"), 1);
	fake_tell(&rig.slack, "delete", "{s:s, s:s}", "channel", TEAM, "ts", said);
	rig_wait(&rig, WAIT_MS, "it to be forgotten",
	    rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 2 AND state = 2 AND body = ''") == 1);
	people_check();
}

static void gone__the_channel__ends_what_was_to_be_opened(void **state)
{
	(void)state;
	begin(TEAM);
	fake_tell(&rig.slack, "channel", "{s:s, s:b}", "id", TEAM, "archived", 1);
	people_say(TEAM, root, "U0ADA", "fork: too late", true, NULL);
	rig_wait(&rig, WAIT_MS, "the end of it", rig_sql(&rig, "SELECT count(*) FROM forks WHERE state = 5") == 1);
	rig_settle(&rig, WAIT_MS);
	fake_tell(&rig.slack, "channel", "{s:s, s:b}", "id", TEAM, "archived", 0);
	people_say(TEAM, root, "U0ADA", "forks", true, NULL);
	rig_wait(&rig, WAIT_MS, "an answer", people_see(TEAM, root, "No side thread has left this thread") == 1);
	people_check();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(shortcut__on_any_message__asks_for_the_topic_and_forks),
		TEST(shortcut__where_eddy_is_not__is_told_to_one_person),
		TEST(slash_command__fork__says_where_it_belongs),
		TEST(fork__in_a_direct_message__is_another_message_there),
		TEST(fork__in_a_group__stays_in_the_group),
		TEST(fork__opening_whose_answer_is_lost__is_there_once),
		TEST(sixth_fork__gets_a_list__and_abandoning_is_silent),
		TEST(draft__pressed_by_another__waits_for_its_creator),
		TEST(gone__messages_of_a_side_thread__do_not_stop_it),
		TEST(gone__words_of_eddys_own__are_forgotten_too),
		TEST(gone__the_channel__ends_what_was_to_be_opened),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
