/*
 * An act that waits for a person, as people meet it on Slack: Ada asks for something to be said in another channel, the question comes with its buttons, Bob
 * presses in vain, Ada presses, it is said there once, and a second press says that it is done.  Then it is refused, and nobody decides in time.
 * At last the daemon is killed at each step of the way, and the story ends as if it never had been.
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
#define NEWS "C0NEWS"
#define WORDS "release is out"
enum { STEP_MS = 120000, QUIET_MS = 2500 };

static char root[40];
static int deaths;

static int set_up(void **state)
{
	(void)state;
	static const char *const slack[] = { "--retry0_ms=700", "--retry1_ms=1500", "--retry2_ms=4000", NULL };
	deaths = 0;
	rig_open(&rig, slack, NULL);
	rig_env(&rig, "EDDY_SLACK_LIMITS=adaptive");
	rig_env(&rig, "EDDY_ENGINE_UPKEEP=300ms");
	fake_tell(&rig.slack, "channel", "{s:s, s:s}", "id", TEAM, "name", "team");
	fake_tell(&rig.slack, "channel", "{s:s, s:s}", "id", NEWS, "name", "news");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0ADA", "name", "Ada");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0BOB", "name", "Bob");
	fake_tell(&rig.model, "script", "{s:s, s:i, s:s, s:{s:s, s:s}}", "match", "tell the others", "times", -1, "tool",
	    "send_message", "arguments", "to", "#news", "text", "The *" WORDS "*.");
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "", "answer", "They know it.", "times", -1);
	return 0;
}

/* ---- steps: what is done, and how one sees that it is ---- */

static void do_ask(void)
{
	people_say(TEAM, NULL, "U0ADA", "tell the others about the release", true, root);
}

static bool ask_done(void)
{
	return people_see(TEAM, root, "May I send this to") >= 1;
}

static void do_wrong(void)
{
	people_press(TEAM, root, "Send it", "U0BOB");
}

static bool wrong_done(void)
{
	return people_see(TEAM, root, "not one of those who may decide") >= 1;
}

static void do_grant(void)
{
	people_press(TEAM, root, "Send it", "U0ADA");
}

static bool grant_done(void)
{
	return people_see(NEWS, NULL, WORDS) >= 1 && people_see(TEAM, root, "Approved: it goes to") >= 1 &&
	    people_see(TEAM, root, "They know it.") >= 1;
}

static bool again_done(void)
{
	return people_see(TEAM, root, "decided already: it was approved, and is done") >= 1;
}

static void do_refuse(void)
{
	people_press(TEAM, root, "Don't send", "U0ADA");
}

static bool refuse_done(void)
{
	return people_see(TEAM, root, "Refused: nothing goes to") >= 1;
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
	int before = deaths;
	while (!done() || !quiet()) {
		if (!rig_lives(&rig, 0)) {
			rig_serve(&rig, 0, NULL);
			dead_ms = now_ms();
			deaths++;
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
	if (fault == NULL || deaths > before)
		return;
	/* What it dies of is stored a moment before. */
	rig_wait(&rig, STEP_MS, "its death", !rig_lives(&rig, 0));
	rig_serve(&rig, 0, NULL);
	deaths++;
}

static void begin(void)
{
	rig_serve(&rig, 0, NULL);
	people_say(NEWS, NULL, "U0BOB", "good morning", false, NULL);
	rig_wait(&rig, STEP_MS, "the channel to be known",
	    rig_sql(&rig, "SELECT count(*) FROM places WHERE name = 'news' AND member AND visibility = 4") == 1);
}

static void check_end(int sent)
{
	rig_settle(&rig, STEP_MS);
	assert_int_equal(people_see(NEWS, NULL, WORDS), sent);
	assert_int_equal(people_see(NEWS, NULL, ""), sent);
	assert_int_equal(people_see(TEAM, root, "May I send this to"), 1);
	assert_int_equal(people_see(TEAM, root, "They know it."), sent);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM approvals"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'approval.asked'"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'approval.granted'"), sent);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM dispatch WHERE pending <> 0"), 0);
	people_check();
}

static void story(const char *on_ask, const char *on_grant)
{
	begin();
	step(on_ask, do_ask, ask_done, "the question");
	assert_int_equal(people_see(NEWS, NULL, WORDS), 0);
	step(NULL, do_wrong, wrong_done, "Bob's refusal");
	assert_int_equal(people_see(NEWS, NULL, WORDS), 0);
	step(on_grant, do_grant, grant_done, "what was approved");
	step(NULL, do_grant, again_done, "that it is done already");
	check_end(1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM approvals WHERE state = 5"), 1);
}

static void slack__asked_and_approved__is_said_once(void **state)
{
	(void)state;
	story(NULL, NULL);
	assert_int_equal(people_see(TEAM, root, "not one of those"), 1);
	assert_int_equal(people_see(TEAM, root, "Approved: it goes to"), 1);
	assert_int_equal(people_see(TEAM, root, "decided already"), 1);
}

static void slack__refused__is_said_nowhere(void **state)
{
	(void)state;
	begin();
	step(NULL, do_ask, ask_done, "the question");
	step(NULL, do_refuse, refuse_done, "that it is refused");
	check_end(0);
	people_press(TEAM, root, "Send it", "U0ADA");
	rig_wait(&rig, STEP_MS, "that it was refused", people_see(TEAM, root, "decided already: it was refused") == 1);
	check_end(0);
}

static void nobody_decides(void)
{
	rig_sql_text(&rig, "SELECT set_config('session_replication_role', 'replica', false)");
	assert_int_equal(rig_sql(&rig,
	                     "WITH x AS (UPDATE approvals SET expires_at = now() - interval '1 s' WHERE state = 1 RETURNING 1)"
	                     " SELECT count(*) FROM x"),
	    1);
	rig_sql_text(&rig, "SELECT set_config('session_replication_role', 'origin', false)");
}

static bool over_is_said(void)
{
	return people_see(TEAM, root, "Nobody has approved it in time") >= 1;
}

static void slack__not_decided_in_time__is_heard_once(const char *fault)
{
	begin();
	step(NULL, do_ask, ask_done, "the question");
	step(fault, nobody_decides, over_is_said, "that it is over");
	check_end(0);
	assert_int_equal(people_see(TEAM, root, "in time"), 1);
	people_press(TEAM, root, "Send it", "U0ADA");
	rig_wait(&rig, STEP_MS, "that it is over", people_see(TEAM, root, "waited too long") == 1);
	check_end(0);
	assert_int_equal(people_see(TEAM, root, "in time"), 1);
}

static void expire__unseen__is_heard_once(void **state)
{
	(void)state;
	slack__not_decided_in_time__is_heard_once(NULL);
}

static void expire__killed_after_it_is_said__is_heard_once(void **state)
{
	(void)state;
	slack__not_decided_in_time__is_heard_once("post.after=kill@1");
}

#define DIES(on_ask, on_grant, name) \
	static void name(void **state) \
	{ \
		(void)state; \
		story(on_ask, on_grant); \
	}
DIES("accept.before_commit=kill@1", "accept.before_commit=kill@1", kill__before_a_step_is_stored__ends_the_same)
DIES("accept.after_commit=kill@1", "accept.after_commit=kill@1", kill__after_a_step_is_stored__ends_the_same)
DIES("model.end=kill@1", "ask.done=kill@1", kill__when_it_is_granted_and_nobody_knows__ends_the_same)
DIES("finish.before_commit=kill@1", "finish.before_commit=kill@1", kill__before_the_answer_is_stored__ends_the_same)
DIES("post.before=kill@1", "model.end=kill@1", kill__before_a_post_or_going_on__ends_the_same)
DIES("post.after=kill@1", "post.before=kill@2", kill__before_the_act_leaves__ends_the_same)
DIES(NULL, "post.after=kill@2", kill__after_the_act_has_left__ends_the_same)
DIES("sent.before_commit=kill@1", "sent.before_commit=kill@1", kill__before_the_act_is_noted__ends_the_same)
DIES(NULL, "sent.after_commit=kill@1", kill__after_the_act_is_noted__ends_the_same)

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(slack__asked_and_approved__is_said_once),
		TEST(slack__refused__is_said_nowhere),
		TEST(expire__unseen__is_heard_once),
		TEST(expire__killed_after_it_is_said__is_heard_once),
		TEST(kill__before_a_step_is_stored__ends_the_same),
		TEST(kill__after_a_step_is_stored__ends_the_same),
		TEST(kill__when_it_is_granted_and_nobody_knows__ends_the_same),
		TEST(kill__before_the_answer_is_stored__ends_the_same),
		TEST(kill__before_a_post_or_going_on__ends_the_same),
		TEST(kill__before_the_act_leaves__ends_the_same),
		TEST(kill__after_the_act_has_left__ends_the_same),
		TEST(kill__before_the_act_is_noted__ends_the_same),
		TEST(kill__after_the_act_is_noted__ends_the_same),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
