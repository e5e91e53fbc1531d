/*
 * What is remembered, as people meet it on Slack: a message is pinned by its shortcut, something is said to be remembered, a proposal is found
 * and kept with a button, one of it is forgotten; the daemon is killed at each of these steps, and the story ends as if it never had been: each
 * item is there once, with its source, the forgotten one is not, and everything is said once.
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

#define TEAM "C0TEAM"
enum { STEP_MS = 120000, QUIET_MS = 3000 };

static char root[40], fact[40];

static int set_up(void **state)
{
	(void)state;
	static const char *const slack[] = { "--retry0_ms=700", "--retry1_ms=1500", "--retry2_ms=4000", NULL };
	rig_open(&rig, slack, NULL);
	rig_env(&rig, "EDDY_SLACK_LIMITS=adaptive");
	fake_tell(&rig.slack, "channel", "{s:s, s:s}", "id", TEAM, "name", "team");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0ADA", "name", "Ada");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0BOB", "name", "Bob");
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "", "answer",
	    "{\"decisions\":[{\"text\":\"The release goes out on Friday\",\"sources\":[2]}],\"actions\":[]}", "times", -1);
	return 0;
}

/* ---- steps: what is done, and how one sees that it is ---- */

static void do_pin(void)
{
	people_point(TEAM, fact, "eddy_pin", "U0ADA");
}

static bool pin_done(void)
{
	return people_see(TEAM, root, "Pinned for everybody") >= 1;
}

static void do_remember(void)
{
	people_say(TEAM, root, "U0ADA", "remember: the staging host is called oak", true, NULL);
}

static bool remember_done(void)
{
	return people_see(TEAM, root, "Noted for everybody") >= 1;
}

static void do_propose(void)
{
	people_say(TEAM, root, "U0ADA", "what did we decide here?", true, NULL);
}

static bool propose_done(void)
{
	return people_see(TEAM, root, "The release goes out on Friday") >= 1;
}

static char keep_label[40];

static void do_keep(void)
{
	people_press(TEAM, root, keep_label, "U0ADA");
}

static bool keep_done(void)
{
	return people_see(TEAM, root, "Kept (#") >= 1;
}

static char forget_words[40];

static void do_forget(void)
{
	people_say(TEAM, root, "U0ADA", forget_words, true, NULL);
}

static bool forget_done(void)
{
	return people_see(TEAM, root, "Forgotten, for good") >= 1;
}

static bool quiet(void)
{
	return rig_sql(&rig,
	           "SELECT (SELECT count(*) FROM runs WHERE state <= 2) + (SELECT count(*) FROM outbox WHERE state <= 2)") == 0;
}

/* ${fault}: the daemon is started anew with it, and after its death without.  A press that was not acknowledged is done again. */
static void step(const char *fault, void (*act)(void), bool (*done)(void), const char *what)
{
	if (fault != NULL) {
		rig_settle(&rig, STEP_MS);
		rig_kill(&rig, 0);
		rig_serve(&rig, 0, fault);
	}
	people_event[0] = '\0';
	act();
	int64_t until = now_ms() + rig_patience(STEP_MS), dead_ms = 0;
	while (!done() || !quiet()) {
		if (!rig_lives(&rig, 0)) {
			rig_serve(&rig, 0, NULL);
			dead_ms = now_ms();
		}
		if (dead_ms != 0 && !done() && now_ms() > dead_ms + QUIET_MS && *people_event != '\0' &&
		    !people_acked(people_event)) {
			act();
			dead_ms = 0;
		}
		if (now_ms() > until)
			rig_fail(&rig, "waited in vain for %s", what);
		sleep_ms(50);
	}
}

static int64_t number_of(const char *body, int state)
{
	char query[160];
	snprintf(query, sizeof query, "SELECT coalesce(max(number), 0) FROM context_items WHERE body LIKE '%%%s%%' AND state = %d",
	    body, state);
	return rig_sql(&rig, query);
}

static void check_end(void)
{
	rig_settle(&rig, STEP_MS);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM context_items"), 2);
	assert_int_equal(
	    rig_sql(&rig, "SELECT count(*) FROM context_items WHERE state = 2 AND origin = 3 AND body LIKE '%Fridays%'"), 1);
	assert_int_equal(
	    rig_sql(&rig, "SELECT count(*) FROM context_items WHERE state = 2 AND origin = 2 AND body LIKE '%release%'"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM context_items WHERE body LIKE '%oak%'"), 0);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM context_items i WHERE NOT EXISTS (SELECT 1 FROM context_sources s JOIN messages m ON m.ws = s.ws"
	        " AND m.id = s.message_id AND m.state <> 2 WHERE s.ws = i.ws AND s.item_id = i.id)"),
	    0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM offers WHERE state = 1"), 0);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'memory.forget'"), 1);
	/* Said once, but for what was pressed a second time. */
	assert_int_equal(people_see(TEAM, root, "Noted for everybody"), 1);
	assert_int_equal(people_see(TEAM, root, "Forgotten, for good"), 1);
	assert_int_equal(people_see(TEAM, root, "The release goes out on Friday"), 1);
	assert_true(people_see(TEAM, root, "Pinned for everybody") >= 1);
	assert_true(people_see(TEAM, root, "Kept (#") >= 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM dispatch WHERE pending <> 0"), 0);
	people_check();
}

static void story(const char *fault)
{
	rig_serve(&rig, 0, NULL);
	people_say(TEAM, NULL, "U0ADA", "Let us plan the release.", false, root);
	people_say(TEAM, root, "U0BOB", "We ship on *Fridays* only, so the release goes out on Friday.", false, fact);
	rig_wait(&rig, STEP_MS, "two messages", rig_sql(&rig, "SELECT count(*) FROM messages") == 2);
	step(fault, do_pin, pin_done, "the pin");
	step(fault, do_remember, remember_done, "the note");
	step(fault, do_propose, propose_done, "the proposal");
	rig_settle(&rig, STEP_MS);
	snprintf(keep_label, sizeof keep_label, "Keep #%d", (int)number_of("The release", 1));
	step(fault, do_keep, keep_done, "the confirmation");
	snprintf(forget_words, sizeof forget_words, "forget #%d", (int)number_of("oak", 2));
	step(fault, do_forget, forget_done, "the end of it");
	check_end();
}

static void memory__a_story__ends_with_what_was_kept(void **state)
{
	(void)state;
	story(NULL);
	assert_int_equal(people_see(TEAM, root, "Pinned for everybody"), 1);
	assert_int_equal(people_see(TEAM, root, "Kept (#"), 1);
	people_say(TEAM, root, "U0BOB", "what do you remember?", true, NULL);
	rig_wait(&rig, STEP_MS, "the list", people_see(TEAM, root, "**decision**") + people_see(TEAM, root, "*decision*") >= 1);
}

#define DIES(point, name) \
	static void name(void **state) \
	{ \
		(void)state; \
		story(point); \
	}
DIES("accept.before_commit=kill@1", kill__before_a_step_is_stored__ends_the_same)
DIES("accept.after_commit=kill@1", kill__after_a_step_is_stored__ends_the_same)
DIES("ask.done=kill@1", kill__when_a_command_has_done_its_work__ends_the_same)
DIES("post.before=kill@1", kill__before_the_answer_is_posted__ends_the_same)
DIES("post.after=kill@1", kill__after_the_answer_is_posted__ends_the_same)
DIES("sent.before_commit=kill@1", kill__before_a_post_is_noted__ends_the_same)

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory__a_story__ends_with_what_was_kept),
		TEST(kill__before_a_step_is_stored__ends_the_same),
		TEST(kill__after_a_step_is_stored__ends_the_same),
		TEST(kill__when_a_command_has_done_its_work__ends_the_same),
		TEST(kill__before_the_answer_is_posted__ends_the_same),
		TEST(kill__after_the_answer_is_posted__ends_the_same),
		TEST(kill__before_a_post_is_noted__ends_the_same),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
