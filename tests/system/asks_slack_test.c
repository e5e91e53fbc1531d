/*
 * Searching, remembering and long answers as people meet them on Slack: pages with buttons, what is shown to one person alone, the shortcut
 * that pins, the rest of an answer on demand.
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
#include "../../core/base/buf.h"
#include "../../core/base/json.h"

#define TEAM "C0TEAM"
enum { WAIT_MS = 90000 };

static char root[40];

static int set_up(void **state)
{
	(void)state;
	rig_open(&rig, NULL, NULL);
	rig_env(&rig, "EDDY_SLACK_LIMITS=adaptive");
	fake_tell(&rig.slack, "channel", "{s:s, s:s}", "id", TEAM, "name", "team");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0ADA", "name", "Ada");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0BOB", "name", "Bob");
	rig_serve(&rig, 0, NULL);
	return 0;
}

/* For whoever looks at what these messages look like. */
static void show(const char *what)
{
	if (getenv("EDDY_TEST_SHOW") == NULL)
		return;
	print_message("---- %s\n%s\n%s\n", what,
	    rig_sql_text(&rig, "SELECT body FROM messages WHERE author_kind = 2 ORDER BY created_at DESC LIMIT 1"),
	    rig_sql_text(&rig, "SELECT components::text FROM messages WHERE author_kind = 2 ORDER BY created_at DESC LIMIT 1"));
}

static void search__a_page__leads_on_and_shows_more_to_one_alone(void **state)
{
	(void)state;
	char text[80];
	people_say(TEAM, NULL, "U0ADA", "Let us plan.", false, root);
	for (int i = 1; i <= 12; i++) {
		snprintf(text, sizeof text, "The budget of *week %d* is set &amp; done", i);
		people_say(TEAM, root, i % 2 ? "U0ADA" : "U0BOB", text, false, NULL);
	}
	rig_wait(&rig, WAIT_MS, "the messages", rig_sql(&rig, "SELECT count(*) FROM messages") == 13);
	json_decref(fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:b}", "channel", "D0ADA", "user", "U0ADA", "text",
	    "help with my secret budget", "mention", 0));
	rig_wait(&rig, WAIT_MS, "the messages", rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 1") == 14);
	rig_settle(&rig, WAIT_MS);
	people_say(TEAM, root, "U0ADA", "search budget order:newest", true, NULL);
	rig_wait(&rig, WAIT_MS, "a page", people_see(TEAM, root, "\"text\":\"Next page\"") == 1);
	rig_settle(&rig, WAIT_MS);
	show("search");
	assert_true(people_see(TEAM, root, "archives/" TEAM "/p") >= 1); /* links lead there */
	assert_int_equal(people_see(TEAM, NULL, "secret"), 0);
	int before = people_see(TEAM, NULL, "");
	people_press(TEAM, root, "Next page", "U0ADA");
	rig_wait(&rig, WAIT_MS, "the next page", people_see(TEAM, NULL, "") == before + 1);
	rig_settle(&rig, WAIT_MS);
	show("the next page");
	people_press(TEAM, root, "Show it to me alone", "U0ADA");
	rig_wait(&rig, WAIT_MS, "what Ada alone may see", people_see_alone("secret") == 1);
	rig_settle(&rig, WAIT_MS);
	show("alone");
	assert_int_equal(people_see(TEAM, NULL, "secret"), 0);
	assert_int_equal(people_see(TEAM, NULL, ""), before + 1);
	/* Bob presses the same button, and sees nothing of Ada's. */
	people_press(TEAM, root, "Show it to me alone", "U0BOB");
	rig_wait(&rig, WAIT_MS, "what Bob may see", people_see_alone("\"user\":\"U0BOB\"") == 1);
	assert_int_equal(people_see_alone("secret"), 1);
	/* By the slash command. */
	json_decref(
	    fake_control(&rig.slack, "slash", "{s:s, s:s, s:s}", "channel", TEAM, "user", "U0ADA", "text", "search secret budget"));
	rig_wait(&rig, WAIT_MS, "what the slash command finds", people_see_alone("response_type") >= 1);
	assert_int_equal(people_see(TEAM, NULL, "secret"), 0);
	people_check();
}

static void private_answer__where_eddy_may_not_whisper__goes_to_the_conversation(void **state)
{
	(void)state;
	people_say(TEAM, NULL, "U0ADA", "The budget is set.", false, root);
	json_decref(fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:b}", "channel", "D0ADA", "user", "U0ADA", "text",
	    "help with the secret budget", "mention", 0));
	rig_wait(&rig, WAIT_MS, "the messages", rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 1") == 2);
	rig_settle(&rig, WAIT_MS);
	people_say(TEAM, root, "U0ADA", "search budget order:newest", true, NULL);
	rig_wait(&rig, WAIT_MS, "the offer", people_see(TEAM, root, "Show it to me alone") == 1);
	rig_settle(&rig, WAIT_MS);
	fake_tell(
	    &rig.slack, "fault", "{s:s, s:s, s:s}", "method", "chat.postEphemeral", "do", "error", "error", "user_not_in_channel");
	people_press(TEAM, root, "Show it to me alone", "U0ADA");
	rig_wait(&rig, WAIT_MS, "the answer in the conversation", people_see("U0ADA", NULL, "secret") == 1);
	assert_int_equal(people_see(TEAM, NULL, "secret"), 0);
	rig_settle(&rig, WAIT_MS);
	people_check();
}

static void memory__pinned_and_said__is_listed_and_forgotten(void **state)
{
	(void)state;
	char fact[40];
	people_say(TEAM, NULL, "U0ADA", "Let us plan.", false, root);
	people_say(TEAM, root, "U0BOB", "We ship on *Fridays* only.", false, fact);
	rig_wait(&rig, WAIT_MS, "the messages", rig_sql(&rig, "SELECT count(*) FROM messages") == 2);
	people_point(TEAM, fact, "eddy_pin", "U0ADA");
	rig_wait(&rig, WAIT_MS, "the pin", people_see(TEAM, root, "Pinned") == 1);
	rig_settle(&rig, WAIT_MS);
	show("pin");
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM context_items WHERE body LIKE '%Fridays%'"), 1);
	assert_int_equal(rig_sql(&rig,
	                     "SELECT count(*) FROM context_sources s JOIN messages m ON m.ws = s.ws AND m.id = s.message_id WHERE"
	                     " m.body LIKE '%Fridays%'"),
	    1);
	people_say(TEAM, root, "U0ADA", "remember: the staging host is called oak", true, NULL);
	rig_wait(&rig, WAIT_MS, "the note", people_see(TEAM, root, "Noted") == 1);
	people_say(TEAM, root, "U0ADA", "what do you remember?", true, NULL);
	rig_wait(&rig, WAIT_MS, "the list", people_see(TEAM, root, "oak") == 1 && people_see(TEAM, root, "Fridays") >= 1);
	rig_settle(&rig, WAIT_MS);
	show("recall");
	people_say(TEAM, root, "U0ADA", "forget that", true, NULL);
	rig_settle(&rig, WAIT_MS);
	people_check();
}

static void long_answer__goes_out_in_short__and_whole_on_demand(void **state)
{
	(void)state;
	struct buf answer = BUF_INIT;
	buf_add_str(&answer, "# How to move the database\n\nMoving takes three steps and a quiet evening.\n\n");
	for (int i = 1; i <= 70; i++)
		buf_addf(&answer, "Step %d of the plan copies table number %d and compares its rows afterwards. ", i, i);
	buf_add_str(&answer, "\n\nThe canary sentence stands at the end.");
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "", "answer", answer.p, "times", -1);
	fake_tell(&rig.model, "options", "{s:i}", "pace_ms", 10);
	buf_done(&answer);
	people_say(TEAM, NULL, "U0ADA", "how do we move the database?", true, root);
	rig_wait(&rig, WAIT_MS, "the short form", people_see(TEAM, root, "\"text\":\"Show all\"") == 1);
	rig_settle(&rig, WAIT_MS);
	show("folded");
	assert_int_equal(people_see(TEAM, root, "Step 40 of"), 0);
	assert_int_equal(people_see(TEAM, root, ""), 1);
	people_press(TEAM, root, "Show all", "U0BOB");
	rig_wait(&rig, WAIT_MS, "all of it", people_see(TEAM, root, "Step 70 of") == 1);
	rig_settle(&rig, WAIT_MS);
	people_check();
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(search__a_page__leads_on_and_shows_more_to_one_alone),
		TEST(private_answer__where_eddy_may_not_whisper__goes_to_the_conversation),
		TEST(memory__pinned_and_said__is_listed_and_forgotten),
		TEST(long_answer__goes_out_in_short__and_whole_on_demand),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
