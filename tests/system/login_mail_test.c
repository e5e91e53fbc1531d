/*
 * A log-in by a link that comes by mail, through real mail servers: who gets one, what it is good for, and what nobody learns by asking.
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

#define PUBLIC "https://eddy.test.example"
static const char ours[] = "Origin: " PUBLIC "\r\nX-Eddy: 1\r\nContent-Type: application/json\r\n";

/* The status; ${text}: what came back, the caller's. */
static int post_json(const char *path, const char *body, char **text)
{
	return http_do(rig.d[0].port, "POST", path, ours, body, strlen(body), 20000, text);
}

static int ask_for(const char *address, char **text)
{
	char body[400];
	snprintf(body, sizeof body, "{\"address\":\"%s\"}", address);
	return post_json("/api/login/mail", body, text);
}

/* The code in a mail, as it is posted. */
static void code_of(const char *mail, char *out, size_t n)
{
	const char *words = post_words(mail), *at = strstr(words, PUBLIC "/#mail=");
	if (at == NULL)
		rig_fail(&rig, "no link in: %s", words);
	snprintf(out, n, "{\"code\":\"%.43s\"}", at + strlen(PUBLIC "/#mail="));
}

/* Ann writes to Eddy: from now on she is known. */
static void meet_ann(void)
{
	rig_env(&rig, "EDDY_WEB_PUBLIC_URL=" PUBLIC);
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q1@test.example", "Do you know me? #1");
	free(post_awaits(post_ann, 1));
	rig_settle(&rig, 20000);
}

static void link__to_a_known_address__logs_in_once(void **state)
{
	(void)state;
	post_needs_servers();
	char *text = NULL, code[100], query[300];
	meet_ann();
	char upper[80];
	for (size_t i = 0; i < sizeof upper; i++)
		upper[i] = (char)(post_ann[i] >= 'a' && post_ann[i] <= 'c' ? post_ann[i] - 32 : post_ann[i]);
	assert_int_equal(ask_for(upper, &text), 200);
	assert_string_equal(text, "{}\n");
	free(text);
	char *mail = post_awaits(post_ann, 2);
	assert_string_equal(post_field(mail, "Subject"), "Log in to Eddy");
	assert_string_equal(post_field(mail, "Auto-Submitted"), "auto-generated");
	assert_string_equal(post_field(mail, "List-Unsubscribe"), "");
	code_of(mail, code, sizeof code);
	/* What the mail says stands nowhere in the database. */
	snprintf(query, sizeof query,
	    "SELECT (SELECT count(*) FROM outbox o WHERE o::text LIKE '%%%.43s%%') + (SELECT count(*) FROM login_codes c WHERE c::text LIKE '%%%.43s%%')",
	    code + 9, code + 9);
	assert_int_equal(rig_sql(&rig, query), 0);
	assert_int_equal(post_json("/api/login", code, &text), 200);
	json_t *o = json_loads(text, 0, NULL);
	assert_int_equal(strlen(json_string_value(json_object_get(o, "token"))), 64);
	assert_int_equal(strncmp(json_string_value(json_object_get(json_object_get(o, "person"), "id")), "id:", 3), 0);
	json_decref(o);
	free(text);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM people p JOIN identities i ON i.ws = p.ws AND i.person_id = p.user_id WHERE i.adapter = 'email'"),
	    1);
	/* Once. */
	assert_int_equal(post_json("/api/login", code, &text), 401);
	o = json_loads(text, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(o, "code")), "unauthenticated");
	snprintf(query, sizeof query, "SELECT count(*) FROM audit WHERE id = '%s' AND verb = 'login.refused'",
	    json_string_value(json_object_get(o, "request_id")));
	assert_int_equal(rig_sql(&rig, query), 1);
	json_decref(o);
	free(text);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'login.letter'"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'login.done'"), 1);
	free(mail);
}

static void link__to_an_address_that_is_not_known__is_answered_alike_and_not_sent(void **state)
{
	(void)state;
	post_needs_servers();
	char *known = NULL, *unknown = NULL, *wrong = NULL;
	meet_ann();
	assert_int_equal(ask_for(post_bob, &unknown), 200);
	assert_int_equal(ask_for("no address", &wrong), 200);
	assert_int_equal(ask_for(post_ann, &known), 200);
	assert_string_equal(known, unknown);
	assert_string_equal(known, wrong);
	free(post_awaits(post_ann, 2));
	rig_settle(&rig, 20000);
	assert_int_equal(mail_rig_count(&post, post_bob, NULL), 0);
	assert_int_equal(
	    rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'login.refused' AND facts ->> 'why' = 'unknown'"), 1);
	/* Neither the log nor the audit log has the address. */
	char query[200];
	snprintf(
	    query, sizeof query, "SELECT count(*) FROM audit WHERE verb LIKE 'login%%' AND audit::text LIKE '%%%s%%'", post_bob);
	assert_int_equal(rig_sql(&rig, query), 0);
	free(known);
	free(unknown);
	free(wrong);
}

static void link__asked_for_again_and_again__is_limited(void **state)
{
	(void)state;
	post_needs_servers();
	char *text = NULL;
	meet_ann();
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask_for(post_ann, &text), 200);
		free(text);
	}
	assert_int_equal(ask_for(post_ann, &text), 429);
	assert_non_null(strstr(text, "rate_limited"));
	free(text);
	assert_int_equal(ask_for("another@test.example", &text), 200);
	free(text);
}

/* Killed where it hurts most: the letter is sent by the next process, and is the same. */
static void link__of_a_process_that_dies__comes_from_the_next_one(void **state)
{
	(void)state;
	post_needs_servers();
	char *text = NULL, code[100];
	meet_ann();
	mail_rig_exim_stop(&post);
	assert_int_equal(ask_for(post_ann, &text), 200);
	free(text);
	rig_wait(&rig, 20000, "the letter", rig_sql(&rig, "SELECT count(*) FROM login_codes WHERE letter IS NOT NULL") == 1);
	rig_kill(&rig, 0);
	mail_rig_exim_start(&post);
	rig_serve(&rig, 0, NULL);
	char *mail = mail_rig_wait(&post, post_ann, NULL, 2, 150000);
	assert_non_null(mail);
	code_of(mail, code, sizeof code);
	assert_int_equal(post_json("/api/login", code, &text), 200);
	free(text);
	free(mail);
}

/* Through the daemon, with what the terminal has of it. */
static const char *invite(const char *who)
{
	static char said[400];
	char *out = NULL;
	size_t n = 0;
	int status = rig_eddy(&rig, 0, (const char *const[]){ "team", "invite", who, "viewer", NULL }, NULL, &out, &n);
	if (status != 0)
		rig_fail(&rig, "eddy team invite ended with %d: %.*s", status, (int)n, out == NULL ? "" : out);
	snprintf(said, sizeof said, "%.*s", (int)n, out);
	free(out);
	return said;
}

static void invitation__lets_in_whom_nobody_knew_and_is_one_mail(void **state)
{
	(void)state;
	post_needs_servers();
	char *text = NULL, code[100];
	rig_env(&rig, "EDDY_WEB_PUBLIC_URL=" PUBLIC);
	rig_serve(&rig, 0, NULL);
	assert_non_null(strstr(invite(post_bob), "on its way"));
	char *mail = post_awaits(post_bob, 1);
	assert_string_equal(post_field(mail, "Subject"), "Your invitation to Eddy");
	assert_string_equal(post_field(mail, "Auto-Submitted"), "auto-generated");
	assert_non_null(strstr(post_words(mail), " has invited you to "));
	assert_non_null(strstr(post_words(mail), "has invited this address"));
	assert_null(strstr(post_words(mail), "log-in form"));
	code_of(mail, code, sizeof code);
	assert_non_null(strstr(invite(post_bob), "no second mail"));
	assert_int_equal(post_json("/api/login", code, &text), 200);
	free(text);
	assert_int_equal(post_json("/api/login", code, &text), 401);
	free(text);
	rig_settle(&rig, 20000);
	assert_int_equal(mail_rig_count(&post, post_bob, NULL), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'member.invite'"), 2);
	free(mail);
}

int main(void)
{
#define one(t) cmocka_unit_test_setup_teardown(t, post_set_up, post_tear_down)
	const struct CMUnitTest tests[] = {
		one(link__to_a_known_address__logs_in_once),
		one(link__to_an_address_that_is_not_known__is_answered_alike_and_not_sent),
		one(link__asked_for_again_and_again__is_limited),
		one(link__of_a_process_that_dies__comes_from_the_next_one),
		one(invitation__lets_in_whom_nobody_knew_and_is_one_mail),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, post_up, post_down);
}
