/*
 * Two Eddys, each with a database of its own, side by side in one channel of Slack and in each other's mailbox: whoever begins, and whatever they are made
 * to say, they stop at once, and the log says why.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/json.h"
#include "people.h"
#include "post.h"

#define TEAM "C0TEAM"
#define FIRST "U0EDDY"
#define SECOND "U0SECOND"
enum { WAIT_MS = 60000 };

static struct rig other; /* the second Eddy */

/* Lines of a daemon's log that have both words in them. */
static int logged(const struct rig *r, const char *event, const char *why)
{
	char line[4000];
	int n = 0;
	FILE *f = fopen(r->d[0].log, "r");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		n += strstr(line, event) != NULL && strstr(line, why) != NULL;
	if (f != NULL)
		fclose(f);
	return n;
}

static void both_settle(void)
{
	rig_settle(&rig, WAIT_MS);
	rig_settle(&other, WAIT_MS);
}

/* ---- Slack ---- */
static int slack_up(void **state)
{
	(void)state;
	rig_open(&rig, NULL, NULL);
	rig_open(&other, NULL, NULL);
	fake_end(&other.slack);
	other.slack = rig.slack; /* one workspace, two apps */
	rig_env(&other, "EDDY_SLACK_APP_TOKEN=xapp-fake-second");
	rig_env(&other, "EDDY_SLACK_BOT_TOKEN=xoxb-fake-second");
	fake_tell(&rig.slack, "options", "{s:b}", "chatter", 1);
	fake_tell(&rig.slack, "channel", "{s:s, s:s}", "id", TEAM, "name", "team");
	fake_tell(&rig.slack, "user", "{s:s, s:s, s:s}", "id", "U0ADA", "name", "Ada", "real_name", "Ada");
	fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "", "answer", "Over to you", "times", -1);
	fake_tell(&other.model, "script", "{s:s, s:s, s:i}", "match", "", "answer", "And back", "times", -1);
	return 0;
}

static int slack_down(void **state)
{
	memset(&other.slack, 0, sizeof other.slack); /* the first one's to end */
	rig_close(&other);
	return rig_tear_down(state);
}

static size_t links(void)
{
	json_t *s = fake_control(&rig.slack, "state", NULL);
	size_t n = json_array_size(json_object_get(s, "links"));
	json_decref(s);
	return n;
}

static void both_serve(void)
{
	rig_serve(&rig, 0, NULL);
	rig_serve(&other, 0, NULL);
	rig_wait(&rig, WAIT_MS, "both links", links() == 2);
}

/* Answers in the databases, whatever became of them on the way. */
static int answers(struct rig *r)
{
	return (int)rig_sql(r, "SELECT count(*) FROM messages WHERE author_kind = 2");
}

static void eddys__do_not_hear_each_other__unless_told_to(void **state)
{
	char root[40];
	(void)state;
	both_serve();
	people_say(TEAM, NULL, "U0ADA", "ask <@" SECOND "> what is new", true, root);
	rig_wait(
	    &rig, WAIT_MS, "two answers", people_see(TEAM, root, "Over to you") == 1 && people_see(TEAM, root, "And back") == 1);
	rig_wait(&rig, WAIT_MS, "the reason in both logs",
	    logged(&rig, "bot.unheard", "not in slack.bots") == 1 && logged(&other, "bot.unheard", "not in slack.bots") == 1);
	both_settle();
	assert_int_equal(people_see(TEAM, NULL, "Over to you"), 1);
	assert_int_equal(people_see(TEAM, NULL, "And back"), 1);
	assert_int_equal(answers(&rig) + answers(&other), 2);
	people_check();
}

/* Each may ask the other, and each answer names the other: there is nothing that would end it but the rule. */
static void eddys__answer_each_other_once__where_each_may_ask(void **state)
{
	static const char why[] = "a program was answered here";
	char root[40];
	(void)state;
	rig_env(&rig, "EDDY_SLACK_BOTS=A0SECOND");
	rig_env(&other, "EDDY_SLACK_BOTS=A0FAKE");
	both_serve();
	people_say(TEAM, NULL, "U0ADA", "what is new?", true, root);
	rig_wait(&rig, WAIT_MS, "the reason in a log", logged(&rig, "bot.unheard", why) + logged(&other, "bot.unheard", why) > 0);
	both_settle();
	/* The first: to Ada, and once to the second.  The second: once to the first. */
	assert_in_range(people_see(TEAM, NULL, "Over to you"), 1, 2);
	assert_int_equal(people_see(TEAM, NULL, "And back"), 1);
	int before = answers(&rig) + answers(&other);
	sleep_ms(1500);
	both_settle();
	assert_int_equal(answers(&rig) + answers(&other), before);
	/* A person's word, and it may go once around again. */
	people_say(TEAM, root, "U0ADA", "and the weather?", true, NULL);
	rig_wait(&rig, WAIT_MS, "an answer", answers(&rig) + answers(&other) > before);
	rig_wait(&rig, WAIT_MS, "the reason again", logged(&rig, "bot.unheard", why) + logged(&other, "bot.unheard", why) > 1);
	both_settle();
	assert_in_range(answers(&rig) + answers(&other), before + 2, before + 3);
	people_check();
}

/* A program that answers beside the thread begins a new one each time: its own turns are counted by the clock. */
static void program_that_begins_new_threads__is_refused__without_a_word(void **state)
{
	enum { TIMES = 30 };
	(void)state;
	rig_env(&rig, "EDDY_SLACK_BOTS=A0OTHER");
	rig_serve(&rig, 0, NULL);
	for (int i = 0; i < TIMES; i++) {
		json_t *said = fake_control(&rig.slack, "say", "{s:s, s:s, s:s, s:b}", "channel", TEAM, "user", "U0OTHER", "text",
		    "<@" FIRST "> your turn", "quiet", 1);
		const char *ts = json_str(said, "ts", "");
		json_t *e = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "type", "app_mention", "channel", TEAM, "user",
		    "U0OTHER", "bot_id", "B0OTHER", "app_id", "A0OTHER", "ts", ts, "text", "<@" FIRST "> your turn");
		fake_tell(&rig.slack, "event", "{s:o, s:s, s:s}", "event", e, "channel", TEAM, "ts", ts);
		json_decref(said);
	}
	rig_wait(&rig, WAIT_MS, "all of them", rig_sql(&rig, "SELECT count(*) FROM messages WHERE author_kind = 4") == TIMES);
	rig_settle(&rig, WAIT_MS);
	assert_in_range(people_see(TEAM, NULL, "Over to you"), 1, 12);
	assert_int_equal(people_see(TEAM, NULL, "Over to you"), answers(&rig));
	assert_int_equal(logged(&rig, "limit.refused", ""), TIMES - answers(&rig));
	people_check();
}

/* ---- mail ---- */
static char other_address[80], other_env[4][400];

static int mail_up(void **state)
{
	static int number;
	post_set_up(state);
	if (!post_there)
		return 0;
	snprintf(other_address, sizeof other_address, "eddie%d@test.example", ++number);
	mail_rig_add_user(&post, other_address, "plum");
	rig_open(&other, NULL, NULL);
	snprintf(other_env[0], sizeof other_env[0], "EDDY_EMAIL_ADDRESS=%s", other_address);
	snprintf(other_env[1], sizeof other_env[1], "EDDY_EMAIL_IMAP=imaps://127.0.0.1:%d", post.imaps_port);
	snprintf(other_env[2], sizeof other_env[2], "EDDY_EMAIL_SMTP=smtp://127.0.0.1:%d", post.submission_port);
	snprintf(other_env[3], sizeof other_env[3], "EDDY_NET_CA_FILE=%s", post.ca);
	for (int i = 0; i < 4; i++)
		rig_env(&other, other_env[i]);
	rig_env(&other, "EDDY_EMAIL_PASSWORD=plum");
	rig_env(&other, "EDDY_EMAIL_AUTHSERV=" MAIL_RIG_HOST);
	rig_env(&other, "EDDY_EMAIL_MEMBERS=@test.example");
	rig_env(&other, "EDDY_EMAIL_FROM_START=true");
	rig_env(&other, "EDDY_EMAIL_PER_MINUTE=100000");
	return 0;
}

static int mail_down(void **state)
{
	if (post_there)
		rig_close(&other);
	return post_tear_down(state);
}

/* Ann asks ${to}, and has the answer sent to ${back}: whoever can write as a member can set two on each other. */
static void ann_sets(const char *to, const char *back, const char *id)
{
	char more[200];
	snprintf(more, sizeof more, "Reply-To: %s\r\n", back);
	post_write(post_ann, "apple",
	    &(struct letter){ .from = post_ann,
	        .to = to,
	        .subject = "Please agree",
	        .id = id,
	        .more = more,
	        .text = "Please discuss this with each other until you agree. #1" });
}

/* Each answers Ann's mail, to the other; what they get from each other they pass over. */
static void they_stop(void)
{
	rig_serve(&rig, 0, NULL);
	rig_serve(&other, 0, NULL);
	ann_sets(post_eddy, other_address, "one@test.example");
	ann_sets(other_address, post_eddy, "two@test.example");
	free(post_awaits(post_eddy, 2));
	free(post_awaits(other_address, 2));
	rig_wait(&rig, POST_ANSWER_MS, "a mail passed over by each",
	    logged(&rig, "email.passed_over", "autoresponse") == 1 && logged(&other, "email.passed_over", "autoresponse") == 1);
	both_settle();
	sleep_ms(1500);
	both_settle();
	assert_int_equal(answers(&rig), 1);
	assert_int_equal(answers(&other), 1);
	assert_int_equal(mail_rig_count(&post, post_eddy, NULL), 2);
	assert_int_equal(mail_rig_count(&post, other_address, NULL), 2);
}

static void eddys_by_mail__stop_at_once__for_they_say_that_they_are_programs(void **state)
{
	(void)state;
	post_needs_servers();
	they_stop();
}

static void eddys_by_mail__stop_at_once__by_their_marks_alone(void **state)
{
	(void)state;
	post_needs_servers();
	rig_env(&rig, "EDDY_EMAIL_AUTO_SUBMITTED=false");
	rig_env(&other, "EDDY_EMAIL_AUTO_SUBMITTED=false");
	they_stop();
}

int main(void)
{
	rig_filter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(eddys__do_not_hear_each_other__unless_told_to, slack_up, slack_down),
		cmocka_unit_test_setup_teardown(eddys__answer_each_other_once__where_each_may_ask, slack_up, slack_down),
		cmocka_unit_test_setup_teardown(program_that_begins_new_threads__is_refused__without_a_word, slack_up, slack_down),
		cmocka_unit_test_setup_teardown(
		    eddys_by_mail__stop_at_once__for_they_say_that_they_are_programs, mail_up, mail_down),
		cmocka_unit_test_setup_teardown(eddys_by_mail__stop_at_once__by_their_marks_alone, mail_up, mail_down),
	};
	return cmocka_run_group_tests(tests, post_up, post_down);
}
