/*
 * An act that waits for a person, by mail and through real servers: Ann writes that Eve should be told, the question comes back, Bob tries its code from his own
 * mailbox in vain, Ann answers with the line that it names, Eve has one mail, and a second answer hears that it is done; also when it is refused, when
 * nobody decides in time, and when the daemon is killed on the way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "post.h"

#define WORDS "the boat leaves at nine"

static char eve[80], yes[60], no[60];

static int set_up(void **state)
{
	int bad = post_set_up(state);
	char to[100];
	snprintf(eve, sizeof eve, "eve%s", post_ann + 3);
	snprintf(to, sizeof to, "%s", eve);
	if (post_there) {
		rig_env(&rig, "EDDY_EMAIL_COPY=append"); /* so that a mail whose fate is unknown is found */
		mail_rig_add_user(&post, eve, "plum");
		fake_tell(&rig.model, "script", "{s:s, s:i, s:s, s:{s:s, s:s, s:s}}", "match", "Please tell Eve", "times", -1,
		    "tool", "send_message", "arguments", "to", to, "subject", "The boat", "text", "I hear that " WORDS ".");
		fake_tell(&rig.model, "script", "{s:s, s:s, s:i}", "match", "", "answer", "She knows it.", "times", -1);
	}
	return bad;
}

/* How many mails of ${who} hold ${words}. */
static int has(const char *who, const char *words)
{
	int n = 0;
	for (size_t i = 0, all = mail_rig_count(&post, who, NULL); i < all; i++) {
		char *mail = mail_rig_mail(&post, who, NULL, i);
		n += mail != NULL && strstr(post_words(mail), words) != NULL;
		free(mail);
	}
	return n;
}

/* Until ${who} has a mail with ${words}; the daemon may die on the way, and is started again. */
static char *awaits(const char *who, const char *words)
{
	for (int64_t until = now_ms() + POST_ANSWER_MS; now_ms() < until; sleep_ms(100)) {
		if (!rig_lives(&rig, 0))
			rig_serve(&rig, 0, NULL);
		for (size_t i = mail_rig_count(&post, who, NULL); i > 0; i--) {
			char *mail = mail_rig_mail(&post, who, NULL, i - 1);
			if (mail != NULL && strstr(post_words(mail), words) != NULL)
				return mail;
			free(mail);
		}
	}
	for (size_t i = 0, all = mail_rig_count(&post, who, NULL); i < all; i++) {
		char *mail = mail_rig_mail(&post, who, NULL, i);
		print_error("# %s has: %.600s\n", who, post_words(mail));
		free(mail);
	}
	rig_fail(&rig, "%s has no mail with \"%s\"", who, words);
}

/* The question, and the lines that it names; the caller's. */
static char *ask(void)
{
	post_ann_writes("boat@test.example", "Please tell Eve when the boat leaves.");
	char *card = awaits(post_ann, "May I send this to");
	const char *at = strstr(post_words(card), "approve ");
	assert_non_null(at);
	snprintf(yes, sizeof yes, "%.19s", at);
	snprintf(no, sizeof no, "refuse %.11s", at + 8);
	assert_int_equal(has(eve, WORDS), 0);
	return card;
}

static void check_end(int sent)
{
	rig_settle(&rig, POST_ANSWER_MS);
	assert_int_equal(has(eve, WORDS), sent);
	assert_int_equal(mail_rig_count(&post, eve, NULL), sent);
	assert_int_equal(has(post_ann, "She knows it."), sent);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM approvals"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'approval.granted'"), sent);
}

static void story(const char *fault)
{
	post_needs_servers();
	rig_serve(&rig, 0, NULL);
	char *card = ask();
	post_write(post_bob, "cherry",
	    &(struct letter){ .from = post_bob, .to = post_eddy, .subject = "Hi", .id = "bob@test.example", .text = yes });
	free(awaits(post_bob, "not one of those"));
	assert_int_equal(mail_rig_count(&post, eve, NULL), 0);
	if (fault != NULL) {
		rig_settle(&rig, POST_ANSWER_MS);
		rig_kill(&rig, 0);
		rig_serve(&rig, 0, fault);
	}
	post_reply(post_ann, "apple", card, "yes@test.example", yes);
	char *told = awaits(eve, WORDS);
	assert_string_equal(post_field(told, "Subject"), "The boat");
	free(told);
	free(awaits(post_ann, "She knows it."));
	free(awaits(post_ann, "Approved: it goes to"));
	if (fault != NULL) {
		rig_settle(&rig, POST_ANSWER_MS);
		if (rig_lives(&rig, 0))
			rig_kill(&rig, 0);
		rig_serve(&rig, 0, NULL);
	}
	post_reply(post_ann, "apple", card, "yes2@test.example", yes);
	free(awaits(post_ann, "decided already: it was approved, and is done"));
	check_end(1);
	free(card);
}

static void mail__asked_and_approved__is_sent_once(void **state)
{
	(void)state;
	story(NULL);
}

static void mail__refused__is_not_sent(void **state)
{
	(void)state;
	post_needs_servers();
	rig_serve(&rig, 0, NULL);
	char *card = ask();
	post_reply(post_ann, "apple", card, "no@test.example", no);
	free(awaits(post_ann, "Refused: nothing goes to"));
	check_end(0);
	free(card);
}

/* Nobody answers, and the time is over; whoever answers then hears that, and why, and where it is in the log. */
static void mail__not_decided_in_time__is_heard_once_and_a_late_answer_is_refused(void **state)
{
	(void)state;
	post_needs_servers();
	rig_serve(&rig, 0, NULL);
	char *card = ask();
	rig_settle(&rig, POST_ANSWER_MS);
	rig_sql_text(&rig, "SELECT set_config('session_replication_role', 'replica', false)");
	assert_int_equal(rig_sql(&rig,
	                     "WITH x AS (UPDATE approvals SET expires_at = now() - interval '1 s' WHERE state = 1 RETURNING 1)"
	                     " SELECT count(*) FROM x"),
	    1);
	rig_sql_text(&rig, "SELECT set_config('session_replication_role', 'origin', false)");
	char *over = awaits(post_ann, "Nobody has approved it in time: nothing goes to");
	assert_non_null(post_field(over, "In-Reply-To"));
	free(over);
	post_reply(post_ann, "apple", card, "late@test.example", yes);
	char *late = awaits(post_ann, "That has waited too long: ask again.");
	assert_non_null(strstr(post_words(late), "(gone, ref "));
	free(late);
	check_end(0);
	assert_int_equal(has(post_ann, "in time"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM approvals WHERE state = 4 AND decided_by IS NULL"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'approval.expired'"), 1);
	free(card);
}

/* Whoever comes after a death waits for the mailbox to be free: each of these takes a minute. */
#define DIES(point, always, name) \
	static void name(void **state) \
	{ \
		(void)state; \
		if (!(always) && getenv("EDDY_TEST_LONG") == NULL) { \
			print_message("# skipped: EDDY_TEST_LONG is not set\n"); \
			skip(); \
		} \
		story(point); \
	}
DIES("ask.done=kill@1", false, kill__when_it_is_granted_and_nobody_knows__ends_the_same)
DIES("post.before=kill@2", false, kill__before_the_act_leaves__ends_the_same)
DIES("post.after=kill@2", true, kill__after_the_act_has_left__ends_the_same)

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, post_tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(mail__asked_and_approved__is_sent_once),
		TEST(mail__refused__is_not_sent),
		TEST(mail__not_decided_in_time__is_heard_once_and_a_late_answer_is_refused),
		TEST(kill__when_it_is_granted_and_nobody_knows__ends_the_same),
		TEST(kill__before_the_act_leaves__ends_the_same),
		TEST(kill__after_the_act_has_left__ends_the_same),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, post_up, post_down);
}
