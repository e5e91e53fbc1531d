/*
 * Mail under trouble: processes are killed, the database and mail servers go away, mails are broken or bounce.  No question stays
 * without its answer, and none gets two that are not the same mail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "post.h"

/* ---- trouble ---- */

/* Without what a border writes on top. */
static const char *own_part(const char *mail)
{
	const char *p = strstr(mail, "\nFrom: ");
	return p != NULL ? p : mail;
}

static void killed(const char *fault, const char *copy, size_t most)
{
	rig_env(&rig, copy);
	rig_spawn(&rig, 0, fault);
	post_ann_writes("q1@test.example", "Will I hear from you? #1");
	int status = rig_wait_end(&rig, 0, POST_ANSWER_MS);
	assert_true(WIFSIGNALED(status));
	rig_sql(&rig, "DELETE FROM duties"); /* the takeover has a test of its own */
	rig_serve(&rig, 0, NULL);
	char *answer = post_awaits(post_ann, 1);
	rig_wait(&rig, 90000, "the delivery to be known as sent",
	    rig_sql(&rig, "SELECT count(*) FROM outbox WHERE state = 3 AND adapter = 'email'") == 1);
	rig_settle(&rig, 30000);
	sleep_ms(500); /* for a second one on its way through Exim */
	size_t n = mail_rig_count(&post, post_ann, NULL);
	print_message("# %s with %s: %zu mail(s)\n", fault, copy, n);
	if (n < 1 || n > most)
		rig_fail(&rig, "%zu mails, not up to %zu", n, most);
	for (size_t i = 1; i < n; i++) {
		char *again = mail_rig_mail(&post, post_ann, NULL, i);
		assert_string_equal(post_field(again, "Message-ID"), post_field(answer, "Message-ID"));
		assert_string_equal(own_part(again), own_part(answer));
		free(again);
	}
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages"), 2);
	free(answer);
}

static void killed__after_the_mail_was_accepted__it_is_found_in_sent(void **state)
{
	(void)state;
	post_needs_servers();
	killed("post.after=kill@1", "EDDY_EMAIL_COPY=append", 1);
}

static void killed__after_the_mail_was_accepted__the_same_bytes_at_worst(void **state)
{
	(void)state;
	post_needs_servers();
	killed("post.after=kill@1", "EDDY_EMAIL_COPY=none", 2);
}

static void killed__before_the_mail_is_taken__it_is_read_again(void **state)
{
	(void)state;
	post_needs_servers();
	killed("email.before_take=kill@1", "EDDY_EMAIL_COPY=append", 1);
}

static void killed__before_the_mail_is_marked__it_is_not_answered_twice(void **state)
{
	(void)state;
	post_needs_servers();
	killed("email.before_mark=kill@1", "EDDY_EMAIL_COPY=append", 1);
}

static void database__away__mails_wait_for_it(void **state)
{
	(void)state;
	post_needs_servers();
	rig_own_postgres(&rig);
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q1@test.example", "before #1");
	free(post_awaits(post_ann, 1));
	rig_postgres_stop(&rig);
	post_ann_writes("q2@test.example", "while it is away #2");
	sleep_ms(2500);
	assert_true(rig_lives(&rig, 0));
	rig_postgres_start(&rig);
	char *answer = post_awaits(post_ann, 2);
	assert_non_null(strstr(post_words(answer), "#2"));
	free(answer);
	rig_settle(&rig, 30000);
	assert_int_equal(mail_rig_count(&post, post_ann, NULL), 2);
}

static void process__killed__the_other_takes_the_mailbox_over(void **state)
{
	(void)state;
	post_needs_servers();
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q1@test.example", "to the first #1");
	free(post_awaits(post_ann, 1));
	rig_serve(&rig, 1, NULL);
	rig_kill(&rig, 0);
	int64_t t0 = now_ms();
	post_ann_writes("q2@test.example", "to the second #2");
	rig_wait(&rig, 90000, "the other process to answer", mail_rig_count(&post, post_ann, NULL) == 2);
	print_message("# taken over after %.1f s\n", (double)(now_ms() - t0) / 1000);
	rig_settle(&rig, 30000);
	assert_int_equal(mail_rig_count(&post, post_ann, NULL), 2);
}

static void mail__that_is_none__is_set_aside_and_stops_nothing(void **state)
{
	(void)state;
	post_needs_servers();
	char *much = malloc(2000001);
	assert_non_null(much);
	memset(much, 'x', 2000000);
	much[2000000] = '\0';
	mail_rig_drop(&post, post_eddy, "\r\n\r\n", 4);
	mail_rig_drop(&post, post_eddy, much, 2000000);
	free(much);
	post_ann_writes("q1@test.example", "after the bad ones #1");
	rig_serve(&rig, 0, NULL);
	free(post_awaits(post_ann, 1));
	rig_settle(&rig, 10000);
	assert_true(rig_sql(&rig, "SELECT count(*) FROM inbox_rejected WHERE adapter = 'email'") >= 1);
	int64_t rejected = rig_sql(&rig, "SELECT count(*) FROM inbox_rejected");
	rig_signal(&rig, 0, SIGTERM);
	rig_wait_end(&rig, 0, 20000);
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q2@test.example", "and again #2");
	free(post_awaits(post_ann, 2));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM inbox_rejected"), rejected);
}

static void bounce__of_an_answer__ends_mail_to_that_address(void **state)
{
	(void)state;
	post_needs_servers();
	rig_serve(&rig, 0, NULL);
	post_write(post_ann, "apple",
	    &(struct letter){ .from = post_ann,
	        .to = post_eddy,
	        .cc = "gone@test.example",
	        .subject = "All",
	        .id = "q1@test.example",
	        .text = "hello both #1" });
	char *first = post_awaits(post_ann, 1);
	assert_non_null(strstr(post_field(first, "Cc"), "gone@test.example"));
	rig_wait(&rig, POST_ANSWER_MS, "the bounce to be understood",
	    rig_sql(&rig, "SELECT count(*) FROM stops WHERE external_id = 'gone@test.example'") == 1);
	post_write(post_ann, "apple",
	    &(struct letter){ .from = post_ann,
	        .to = post_eddy,
	        .cc = "gone@test.example",
	        .subject = "All",
	        .id = "q2@test.example",
	        .text = "hello again #2" });
	char *second = post_awaits(post_ann, 2);
	rig_settle(&rig, 10000);
	/* Named on copy as before, and not sent to: no second bounce comes. */
	sleep_ms(1500);
	assert_int_equal(mail_rig_count(&post, post_eddy, NULL), 3);
	free(first);
	free(second);
}

static void sending__refused_or_away__answers_wait(void **state)
{
	(void)state;
	post_needs_servers();
	mail_rig_refuse(&post, post_ann, "451 4.7.1 try again later");
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q1@test.example", "patience #1");
	sleep_ms(2000);
	assert_int_equal(mail_rig_count(&post, post_ann, NULL), 0);
	mail_rig_refuse(&post, NULL, NULL);
	mail_rig_exim_stop(&post);
	mail_rig_kick(&post, post_eddy); /* and the line to the mailbox breaks */
	static const char format[] =
	    "Authentication-Results: " MAIL_RIG_HOST "; dmarc=pass header.from=test.example\r\nReceived: by " MAIL_RIG_HOST
	    "; Fri, 20 Nov 2026 10:00:00 +0100\r\nFrom: %s\r\nTo: %s\r\nSubject: two\r\n"
	    "Message-ID: <q2@test.example>\r\n\r\nmore patience #2\r\n";
	char raw[1000];
	int n = snprintf(raw, sizeof raw, format, post_bob, post_eddy);
	mail_rig_drop(&post, post_eddy, raw, (size_t)n);
	rig_wait(&rig, POST_ANSWER_MS, "the second answer to be written", rig_sql(&rig, "SELECT count(*) FROM messages") == 4);
	sleep_ms(1000);
	mail_rig_exim_start(&post);
	char *answer = mail_rig_wait(&post, post_bob, NULL, 1, 150000), *other = mail_rig_wait(&post, post_ann, NULL, 1, 150000);
	if (answer == NULL || other == NULL)
		rig_fail(&rig, "an answer was lost");
	rig_settle(&rig, 60000);
	assert_int_equal(mail_rig_count(&post, post_ann, NULL), 1);
	assert_int_equal(mail_rig_count(&post, post_bob, NULL), 1);
	free(answer);
	free(other);
}

int main(void)
{
#define one(t) cmocka_unit_test_setup_teardown(t, post_set_up, post_tear_down)
	const struct CMUnitTest tests[] = {
		one(killed__after_the_mail_was_accepted__it_is_found_in_sent),
		one(killed__after_the_mail_was_accepted__the_same_bytes_at_worst),
		one(killed__before_the_mail_is_taken__it_is_read_again),
		one(killed__before_the_mail_is_marked__it_is_not_answered_twice),
		one(database__away__mails_wait_for_it),
		one(process__killed__the_other_takes_the_mailbox_over),
		one(mail__that_is_none__is_set_aside_and_stops_nothing),
		one(bounce__of_an_answer__ends_mail_to_that_address),
		one(sending__refused_or_away__answers_wait),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, post_up, post_down);
}
