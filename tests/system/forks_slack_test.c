/*
 * Side threads as people meet them on Slack: one is opened by words and one by a shortcut, five messages with a correction are said in it,
 * its draft is edited in a form and accepted with a button, and the thread that it left shows the edited text once.  Then the same
 * while the daemon is killed at each step.  A person whose press was not acknowledged sees that, and presses again.
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
#define HEADLINE "We take Postgres"
#define EDITED "We take Postgres, from May on"
enum { STEP_MS = 120000, QUIET_MS = 3000 };

static char root[40], side[40]; /* ts of both threads */
static char draft_json[] =
    "{\"headline\":\"" HEADLINE
    "\",\"points\":[{\"text\":\"Postgres runs here already\",\"sources\":[1]},{\"text\":\"MySQL would need a new backup "
    "job\",\"sources\":[2]},{\"text\":\"Moving takes three days\",\"sources\":[3]}],\"decisions\":[{\"text\":\"Postgres, not "
    "MySQL\",\"sources\":[5]}],\"open_questions\":[],\"deferred\":[]}";

static int set_up(void **state)
{
	(void)state;
	static const char *const slack[] = { "--retry0_ms=700", "--retry1_ms=1500", "--retry2_ms=4000", NULL };
	rig_open(&rig, slack, NULL);
	rig_env(&rig, "EDDY_SLACK_LIMITS=adaptive");
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "", "answer", draft_json, "times", -1);
	fake_tell(&rig.slack, "channel", "{s:s, s:s}", "id", TEAM, "name", "team");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0ADA", "name", "Ada");
	fake_tell(&rig.slack, "user", "{s:s, s:s}", "id", "U0BOB", "name", "Bob");
	return 0;
}

static const char *fork_ts(int n)
{
	char query[160];
	snprintf(query, sizeof query,
	    "SELECT t.external_key FROM forks f JOIN threads t ON t.ws = f.ws AND t.id = f.thread_id WHERE f.n = %d AND f.state >= 2",
	    n);
	return rig_sql_text(&rig, query);
}

static int buttons(const char *thread)
{
	return people_see(TEAM, thread, "\"type\":\"actions\"");
}

/* ---- steps: what is done, and how one sees that it is ---- */

static void do_fork(void)
{
	people_say(TEAM, root, "U0ADA", "fork: which database", true, NULL);
}

static bool fork_done(void)
{
	return *fork_ts(1) != '\0' && people_see(TEAM, root, "Side thread #1 is open") >= 1;
}

static void do_resolve(void)
{
	people_say(TEAM, side, "U0ADA", "resolve", false, NULL);
}

static bool resolve_done(void)
{
	return people_see(TEAM, side, "A draft of what goes back") >= 1;
}

static void do_edit(void)
{
	people_submit(
	    "**" EDITED "**\n\n- Postgres runs here already [2]\n- Moving takes three days [4]\n- Nothing else changes\n\n"
	    "**Decisions**\n\n- Postgres, not MySQL [6]");
}

static bool edit_done(void)
{
	return people_see(TEAM, side, "The draft as you want it") >= 1;
}

static void do_accept(void)
{
	people_press(TEAM, side, "Accept", "U0ADA");
}

static bool accept_done(void)
{
	return people_see(TEAM, root, EDITED) >= 1 && people_see(TEAM, side, "Posted in") >= 1;
}

/* ${fault}: the daemon is started anew with it, and after its death without. */
static void step(const char *fault, void (*act)(void), bool (*done)(void), const char *what)
{
	if (fault != NULL) {
		rig_settle(&rig, STEP_MS);
		rig_kill(&rig, 0);
		rig_serve(&rig, 0, fault);
	}
	people_event[0] = '\0';
	act();
	int64_t until = now_ms() + STEP_MS, dead_ms = 0;
	bool armed = fault != NULL;
	while (!done()) {
		if (!rig_lives(&rig, 0)) {
			armed = false;
			rig_serve(&rig, 0, NULL);
			dead_ms = now_ms();
		}
		if (dead_ms != 0 && now_ms() > dead_ms + QUIET_MS && *people_event != '\0' && !people_acked(people_event)) {
			act();
			dead_ms = 0;
		}
		if (now_ms() > until)
			rig_fail(&rig, "waited in vain for %s", what);
		sleep_ms(50);
	}
	/* It may die yet, of what is noted after the act. */
	for (;; sleep_ms(50)) {
		if (!rig_lives(&rig, 0)) {
			armed = false;
			rig_serve(&rig, 0, NULL);
		}
		if (rig_sql(&rig,
		        "SELECT (SELECT count(*) FROM runs WHERE state <= 2) + (SELECT count(*) FROM outbox WHERE state <= 2)") ==
		    0)
			break;
		if (now_ms() > until)
			rig_fail(&rig, "something of %s is left", what);
	}
	if (armed) { /* what it would die of is stored a moment before: the next step shall not meet its death */
		rig_kill(&rig, 0);
		rig_serve(&rig, 0, NULL);
	}
}

static void begin(void)
{
	people_say(TEAM, NULL, "U0ADA", "Which database do we take?", false, root);
	people_say(TEAM, root, "U0BOB", "MySQL or Postgres?", false, NULL);
	rig_wait(&rig, STEP_MS, "two messages", rig_sql(&rig, "SELECT count(*) FROM messages") == 2);
}

static void discuss(void)
{
	snprintf(side, sizeof side, "%s", fork_ts(1));
	people_say(TEAM, side, "U0ADA", "<@U0BOB> Postgres runs here already.", false, NULL);
	people_say(TEAM, side, "U0BOB", "<@U0ADA> MySQL would need a new backup job.", false, NULL);
	people_say(TEAM, side, "U0ADA", "<@U0BOB> Moving takes three days.", false, NULL);
	people_say(TEAM, side, "U0BOB", "<@U0ADA> We decided: MySQL.", false, NULL);
	people_say(TEAM, side, "U0ADA", "<@U0BOB> Correction: Postgres, not MySQL.", false, NULL);
	rig_wait(&rig, STEP_MS, "five messages",
	    rig_sql(&rig,
	        "SELECT count(*) FROM messages m JOIN forks f ON f.ws = m.ws AND f.thread_id = m.thread_id WHERE m.author_kind = 1") >=
	        5);
}

static void open_editor(void)
{
	int had = people_forms();
	people_press(TEAM, side, "Edit", "U0ADA");
	rig_wait(&rig, STEP_MS, "the form", people_forms() == had + 1);
	char *text = people_form_field("initial_value");
	assert_int_equal(strncmp(text, "**" HEADLINE "**\n\n- Postgres runs here already [1]", 40), 0);
	assert_null(strstr(text, "](http"));
	free(text);
}

static void check_links(void)
{
	char link[120];
	snprintf(link, sizeof link, "archives/" TEAM "/p%.*s%s", (int)strcspn(side, "."), side, strchr(side, '.') + 1);
	assert_int_equal(people_see(TEAM, root, link), 2); /* that it is open, and what came back */
	snprintf(link, sizeof link, "archives/" TEAM "/p%.*s%s", (int)strcspn(root, "."), root, strchr(root, '.') + 1);
	assert_true(people_see(TEAM, side, link) >= 1);
}

static void check_end(void)
{
	rig_settle(&rig, STEP_MS);
	assert_int_equal(people_see(TEAM, "", "Side thread #1: which database"), 1);
	assert_int_equal(people_see(TEAM, root, "Side thread #1 is open"), 1);
	assert_int_equal(people_see(TEAM, side, "A draft of what goes back"), 1);
	assert_int_equal(people_see(TEAM, side, "The draft as you want it"), 1);
	assert_int_equal(people_see(TEAM, root, EDITED), 1);
	assert_int_equal(people_see(TEAM, root, "MySQL would need"), 0); /* it was edited away */
	assert_true(people_see(TEAM, side, "Posted in") >= 1);           /* once for each press */
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM forks"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT state FROM forks"), 3);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM resolutions WHERE state = 2"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM dispatch WHERE pending <> 0"), 0);
	check_links();
	people_check();
}

static void story(const char *fault)
{
	rig_serve(&rig, 0, NULL);
	begin();
	step(fault, do_fork, fork_done, "the side thread");
	discuss();
	step(fault, do_resolve, resolve_done, "the draft");
	rig_settle(&rig, STEP_MS);
	open_editor();
	step(fault, do_edit, edit_done, "the edited draft");
	rig_settle(&rig, STEP_MS);
	step(fault, do_accept, accept_done, "the resolution");
	check_end();
}

static void forks__a_question__comes_back_as_it_was_edited(void **state)
{
	(void)state;
	story(NULL);
	/* What cannot be pressed any more is no button any more: only the link under what came back is left. */
	rig_wait(&rig, STEP_MS, "the buttons to go", buttons(side) == 0);
	assert_int_equal(people_see(TEAM, side, "A draft of what goes back"), 1);
	assert_int_equal(buttons(root), 1);
	/* Somebody who answers under it speaks there, and nobody else hears it. */
	people_say(TEAM, side, "U0ADA", "forks", true, NULL);
	rig_wait(&rig, STEP_MS, "an answer in the side thread", people_see(TEAM, side, "This is side thread") == 1);
}

#define DIES(point, name) \
	static void name(void **state) \
	{ \
		(void)state; \
		story(point); \
	}
DIES("accept.before_commit=kill@1", kill__before_a_step_is_stored__ends_the_same)
DIES("accept.after_commit=kill@1", kill__after_a_step_is_stored__ends_the_same)
DIES("ack.before=kill@1", kill__before_the_acknowledgement__ends_the_same)
DIES("model.end=kill@1", kill__when_a_command_has_done_its_work__ends_the_same)
DIES("post.before=kill@1", kill__before_the_first_post__ends_the_same)
DIES("post.after=kill@1", kill__after_the_first_post__ends_the_same)
DIES("post.after=kill@2", kill__after_the_second_post__ends_the_same)
DIES("sent.before_commit=kill@1", kill__before_a_post_is_noted__ends_the_same)
DIES("sent.after_commit=kill@1", kill__after_a_post_is_noted__ends_the_same)

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, rig_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(forks__a_question__comes_back_as_it_was_edited),
		TEST(kill__before_a_step_is_stored__ends_the_same),
		TEST(kill__after_a_step_is_stored__ends_the_same),
		TEST(kill__before_the_acknowledgement__ends_the_same),
		TEST(kill__when_a_command_has_done_its_work__ends_the_same),
		TEST(kill__before_the_first_post__ends_the_same),
		TEST(kill__after_the_first_post__ends_the_same),
		TEST(kill__after_the_second_post__ends_the_same),
		TEST(kill__before_a_post_is_noted__ends_the_same),
		TEST(kill__after_a_post_is_noted__ends_the_same),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
