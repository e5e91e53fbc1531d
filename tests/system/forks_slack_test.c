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
#include "../../core/base/json.h"

#define TEAM "C0TEAM"
#define HEADLINE "We take Postgres"
#define EDITED "We take Postgres, from May on"
enum { STEP_MS = 60000, QUIET_MS = 3000 };

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

/* ---- what people do and see ---- */

static void say(const char *channel, const char *thread, const char *user, const char *text, bool mention, char ts[40])
{
	json_t *o = thread != NULL ? fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:s, s:b}", "channel", channel, "thread_ts",
	                                 thread, "user", user, "text", text, "mention", mention)
	                           : fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:b}", "channel", channel, "user", user,
	                                 "text", text, "mention", mention);
	if (ts != NULL)
		snprintf(ts, 40, "%s", json_str(o, "ts", ""));
	json_decref(o);
}

static json_t *messages(const char *channel, const char *thread)
{
	return thread != NULL ? fake_control(&rig.slack, "messages", "{s:s, s:s}", "channel", channel, "thread_ts", thread)
	                      : fake_control(&rig.slack, "messages", "{s:s}", "channel", channel);
}

/* Messages of Eddy that show ${text}: in the thread, at the top of the channel (thread ""), anywhere (NULL). */
static int shows(const char *channel, const char *thread, const char *text)
{
	bool top = thread != NULL && *thread == '\0';
	json_t *all = messages(channel, top ? NULL : thread), *m;
	size_t i;
	int n = 0;
	json_array_foreach (all, i, m) {
		bool in = !top || *json_str(m, "thread_ts", "") == '\0' ||
		    strcmp(json_str(m, "thread_ts", ""), json_str(m, "ts", "")) == 0;
		if (!json_bool(m, "bot", false) || json_bool(m, "deleted", false) || !in)
			continue;
		char *blocks = json_dumps(json_object_get(m, "blocks"), JSON_ENCODE_ANY | JSON_COMPACT);
		n += strstr(json_str(m, "text", ""), text) != NULL || (blocks != NULL && strstr(blocks, text) != NULL);
		free(blocks);
	}
	json_decref(all);
	return n;
}

/* Messages in the thread that can be pressed. */
static int buttons(const char *thread)
{
	return shows(TEAM, thread, "\"type\":\"actions\"");
}

static const char *fork_ts(int n)
{
	char query[160];
	snprintf(query, sizeof query,
	    "SELECT t.external_key FROM forks f JOIN threads t ON t.ws = f.ws AND t.id = f.thread_id WHERE f.n = %d AND f.state >= 2",
	    n);
	return rig_sql_text(&rig, query);
}

static bool acked(const char *event)
{
	json_t *state = fake_control(&rig.slack, "state", NULL), *e;
	size_t i;
	bool yes = false;
	json_array_foreach (json_object_get(state, "events"), i, e)
		yes |= strcmp(json_str(e, "id", ""), event) == 0 && json_bool(e, "acked", false);
	json_decref(state);
	return yes;
}

/* ---- steps: what is done, and how one sees that it is ---- */

static char last_event[40]; /* of a press: Slack does not send it again */

static void press_as(const char *label, const char *thread, const char *user)
{
	json_t *o = fake_control(
	    &rig.slack, "press", "{s:s, s:s, s:s, s:s}", "channel", TEAM, "thread_ts", thread, "label", label, "user", user);
	if (!json_bool(o, "ok", false))
		rig_fail(&rig, "nobody can press %s", label);
	snprintf(last_event, sizeof last_event, "%s", json_str(o, "event_id", ""));
	json_decref(o);
}

static void submit(const char *value)
{
	json_t *o = fake_control(&rig.slack, "submit", "{s:s, s:s}", "value", value, "user", "U0ADA");
	assert_true(json_bool(o, "ok", false));
	snprintf(last_event, sizeof last_event, "%s", json_str(o, "event_id", ""));
	json_decref(o);
}

static int modals(void)
{
	json_t *state = fake_control(&rig.slack, "state", NULL);
	int n = (int)json_array_size(json_object_get(state, "modals"));
	json_decref(state);
	return n;
}

static char *modal_field(const char *name)
{
	json_t *state = fake_control(&rig.slack, "state", NULL), *list = json_object_get(state, "modals");
	const json_t *view = json_array_get(list, json_array_size(list) - 1);
	const json_t *element = json_object_get(json_array_get(json_object_get(view, "blocks"), 0), "element");
	char *out = strdup(json_str(element, name, json_str(view, name, "")));
	json_decref(state);
	return out;
}

static void do_fork(void)
{
	say(TEAM, root, "U0ADA", "fork: which database", true, NULL);
}

static bool fork_done(void)
{
	return *fork_ts(1) != '\0' && shows(TEAM, root, "Side thread #1 is open") >= 1;
}

static void do_resolve(void)
{
	say(TEAM, side, "U0ADA", "resolve", false, NULL);
}

static bool resolve_done(void)
{
	return shows(TEAM, side, "A draft of what goes back") >= 1;
}

static void do_edit(void)
{
	submit("**" EDITED "**\n\n- Postgres runs here already [2]\n- Moving takes three days [4]\n- Nothing else changes\n\n"
	       "**Decisions**\n\n- Postgres, not MySQL [6]");
}

static bool edit_done(void)
{
	return shows(TEAM, side, "The draft as you want it") >= 1;
}

static void do_accept(void)
{
	press_as("Accept", side, "U0ADA");
}

static bool accept_done(void)
{
	return shows(TEAM, root, EDITED) >= 1 && shows(TEAM, side, "Posted in") >= 1;
}

/* ${fault}: the daemon is started anew with it, and after its death without. */
static void step(const char *fault, void (*act)(void), bool (*done)(void), const char *what)
{
	if (fault != NULL) {
		rig_settle(&rig, STEP_MS);
		rig_kill(&rig, 0);
		rig_serve(&rig, 0, fault);
	}
	last_event[0] = '\0';
	act();
	int64_t until = now_ms() + STEP_MS, dead_ms = 0;
	while (!done()) {
		if (!rig_lives(&rig, 0)) {
			rig_serve(&rig, 0, NULL);
			dead_ms = now_ms();
		}
		if (dead_ms != 0 && now_ms() > dead_ms + QUIET_MS && *last_event != '\0' && !acked(last_event)) {
			act();
			dead_ms = 0;
		}
		if (now_ms() > until)
			rig_fail(&rig, "waited in vain for %s", what);
		sleep_ms(50);
	}
	/* It may die yet, of what is noted after the act. */
	for (;; sleep_ms(50)) {
		if (!rig_lives(&rig, 0))
			rig_serve(&rig, 0, NULL);
		if (rig_sql(&rig,
		        "SELECT (SELECT count(*) FROM runs WHERE state <= 2) + (SELECT count(*) FROM outbox WHERE state <= 2)") ==
		    0)
			break;
		if (now_ms() > until)
			rig_fail(&rig, "something of %s is left", what);
	}
}

static void begin(void)
{
	say(TEAM, NULL, "U0ADA", "Which database do we take?", false, root);
	say(TEAM, root, "U0BOB", "MySQL or Postgres?", false, NULL);
	rig_wait(&rig, STEP_MS, "two messages", rig_sql(&rig, "SELECT count(*) FROM messages") == 2);
}

static void discuss(void)
{
	snprintf(side, sizeof side, "%s", fork_ts(1));
	say(TEAM, side, "U0ADA", "<@U0BOB> Postgres runs here already.", false, NULL);
	say(TEAM, side, "U0BOB", "<@U0ADA> MySQL would need a new backup job.", false, NULL);
	say(TEAM, side, "U0ADA", "<@U0BOB> Moving takes three days.", false, NULL);
	say(TEAM, side, "U0BOB", "<@U0ADA> We decided: MySQL.", false, NULL);
	say(TEAM, side, "U0ADA", "<@U0BOB> Correction: Postgres, not MySQL.", false, NULL);
	rig_wait(&rig, STEP_MS, "five messages",
	    rig_sql(&rig,
	        "SELECT count(*) FROM messages m JOIN forks f ON f.ws = m.ws AND f.thread_id = m.thread_id WHERE m.author_kind = 1") >=
	        5);
}

static void open_editor(void)
{
	int had = modals();
	press_as("Edit", side, "U0ADA");
	rig_wait(&rig, STEP_MS, "the form", modals() == had + 1);
	char *text = modal_field("initial_value");
	assert_int_equal(strncmp(text, "**" HEADLINE "**\n\n- Postgres runs here already [1]", 40), 0);
	assert_null(strstr(text, "](http"));
	free(text);
}

static void check_links(void)
{
	char link[120];
	snprintf(link, sizeof link, "archives/" TEAM "/p%.*s%s", (int)strcspn(side, "."), side, strchr(side, '.') + 1);
	assert_int_equal(shows(TEAM, root, link), 2); /* that it is open, and what came back */
	snprintf(link, sizeof link, "archives/" TEAM "/p%.*s%s", (int)strcspn(root, "."), root, strchr(root, '.') + 1);
	assert_true(shows(TEAM, side, link) >= 1);
}

static void check_end(void)
{
	rig_settle(&rig, STEP_MS);
	assert_int_equal(shows(TEAM, "", "Side thread #1: which database"), 1);
	assert_int_equal(shows(TEAM, root, "Side thread #1 is open"), 1);
	assert_int_equal(shows(TEAM, side, "A draft of what goes back"), 1);
	assert_int_equal(shows(TEAM, side, "The draft as you want it"), 1);
	assert_int_equal(shows(TEAM, root, EDITED), 1);
	assert_int_equal(shows(TEAM, root, "MySQL would need"), 0); /* it was edited away */
	assert_int_equal(shows(TEAM, side, "Posted in"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM forks"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT state FROM forks"), 3);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM resolutions WHERE state = 2"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM dispatch WHERE pending <> 0"), 0);
	check_links();
	json_t *state = fake_control(&rig.slack, "state", NULL);
	char *wrong = json_dumps(json_object_get(state, "violations"), JSON_COMPACT);
	if (strcmp(wrong, "[]") != 0)
		rig_fail(&rig, "the fake Slack complains: %s", wrong);
	free(wrong);
	json_decref(state);
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
	assert_int_equal(shows(TEAM, side, "A draft of what goes back"), 1);
	assert_int_equal(buttons(root), 1);
	/* Somebody who answers under it speaks there, and nobody else hears it. */
	say(TEAM, side, "U0ADA", "forks", true, NULL);
	rig_wait(&rig, STEP_MS, "an answer in the side thread", shows(TEAM, side, "This is side thread") == 1);
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
