/*
 * Conversations by mail, through real servers: what people see of Eddy in their mailboxes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "post.h"
#include "../adapters/web/ws_client.c"

/* ---- conversations ---- */

static void check_thread(const char *answer, const char *question_id, const char *subject)
{
	char id[300];
	json_t *o = post_shown(answer);
	snprintf(id, sizeof id, "<%s>", question_id);
	assert_string_equal(post_field(answer, "In-Reply-To"), id);
	const char *references = post_field(answer, "References");
	size_t n = strlen(references);
	assert_true(n >= strlen(id) && strcmp(references + n - strlen(id), id) == 0);
	assert_string_equal(json_string_value(json_object_get(o, "subject")), subject);
	assert_null(strstr(answer, "wrote:"));
	assert_non_null(strstr(post_field(answer, "From"), post_eddy));
	assert_non_null(strstr(post_field(answer, "To"), post_ann));
	json_decref(o);
}

static void mail__back_and_forth__is_one_conversation(void **state)
{
	(void)state;
	post_needs_servers();
	rig_serve(&rig, 0, NULL);
	post_write(post_ann, "apple",
	    &(struct letter){ .from = post_ann,
	        .to = post_eddy,
	        .subject = "Die Planung für Mai",
	        .id = "q1@test.example",
	        .text = "Wer kommt? #1" });
	char *first = post_awaits(post_ann, 1);
	check_thread(first, "q1@test.example", "Re: Die Planung für Mai");
	assert_non_null(strstr(post_words(first), "#1"));
	post_reply(post_ann, "apple", first, "q2@test.example", "And who does not? #2");
	char *second = post_awaits(post_ann, 2);
	check_thread(second, "q2@test.example", "Re: Die Planung für Mai");
	assert_non_null(strstr(post_words(second), "#2"));
	assert_null(strstr(post_words(second), "#1"));
	assert_non_null(strstr(post_field(second, "References"), post_field(first, "Message-ID")));
	/* the third answers by References alone, as a program does that drops In-Reply-To and the tag of the address */
	char references[4200];
	snprintf(references, sizeof references, "%s %s", post_field(second, "References"), post_field(second, "Message-ID"));
	post_write(post_ann, "apple",
	    &(struct letter){ .from = post_ann,
	        .to = post_eddy,
	        .subject = "AW: Die Planung",
	        .id = "q3@test.example",
	        .references = references,
	        .text = "Thanks. #3" });
	char *third = post_awaits(post_ann, 3);
	check_thread(third, "q3@test.example", "Re: Die Planung");
	rig_settle(&rig, 10000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM threads"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM messages"), 6);
	assert_int_equal(mail_rig_count(&post, post_ann, NULL), 3);
	assert_int_equal(mail_rig_count(&post, post_eddy, "Sent"), 3);
	/* the model was asked with each question once, and never with a quoted history */
	json_t *requests = fake_control(&rig.model, "requests", NULL);
	char *last = json_dumps(json_array_get(requests, json_array_size(requests) - 1), JSON_COMPACT);
	assert_null(strstr(last, "20 Nov 2026 at 10:00"));
	assert_non_null(strstr(last, "And who does not?"));
	free(last);
	json_decref(requests);
	free(first);
	free(second);
	free(third);
}

static void mail__with_choices__is_answered_by_number(void **state)
{
	(void)state;
	post_needs_servers();
	fake_tell(&rig.model, "script", "{s:s, s:i, s:i}", "match", "#1", "status", 400, "times", 1);
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q1@test.example", "Does it work? #1");
	char *failed = post_awaits(post_ann, 1);
	assert_non_null(strstr(failed, "1. "));
	post_reply(post_ann, "apple", failed, "q2@test.example", "1");
	char *answer = post_awaits(post_ann, 2);
	assert_non_null(strstr(post_words(answer), "#1"));
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM threads"), 1);
	free(failed);
	free(answer);
}

static void mail__that_is_automatic__is_met_with_silence(void **state)
{
	(void)state;
	post_needs_servers();
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q1@test.example", "Are you there? #1");
	char *answer = post_awaits(post_ann, 1);
	static const char *const marks[] = { "Auto-Submitted: auto-replied (vacation)\r\n", "List-Id: <all.test.example>\r\n",
		"Precedence: bulk\r\n", "X-Autoreply: yes\r\n" };
	char id[60];
	for (size_t i = 0; i < 4; i++) {
		snprintf(id, sizeof id, "auto%zu@test.example", i);
		post_write(post_ann, "apple",
		    &(struct letter){ .from = post_ann,
		        .to = post_eddy,
		        .subject = "Re: q1",
		        .id = id,
		        .in_reply_to = post_field(answer, "Message-ID"),
		        .more = marks[i],
		        .text = "I am away." });
	}
	mail_rig_drop(&post, post_eddy, answer, strlen(answer)); /* our own mail comes back */
	rig_wait(&rig, POST_ANSWER_MS, "five mails to be passed over", post_passed_over() == 5);
	rig_settle(&rig, 10000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM runs"), 1);
	assert_int_equal(mail_rig_count(&post, post_ann, NULL), 1);
	free(answer);
}

/* Bob writes from outside: nothing proves him. */
static void stranger(const char *setting, const char *text, bool agent)
{
	rig_env(&rig, setting);
	rig_env(&rig, "EDDY_EMAIL_TEXT=Please use the form.");
	rig_serve(&rig, 0, NULL);
	post_write(NULL, NULL,
	    &(struct letter){
	        .from = post_bob, .to = post_eddy, .subject = "Hi", .id = "b1@test.example", .text = "Let me in #1" });
	if (text == NULL) {
		rig_wait(&rig, POST_ANSWER_MS, "the mail to be passed over", post_passed_over() == 1);
		rig_settle(&rig, 10000);
		assert_int_equal(mail_rig_count(&post, post_bob, NULL), 0);
		return;
	}
	char *answer = post_awaits(post_bob, 1);
	assert_non_null(strstr(post_words(answer), text));
	json_t *o = fake_control(&rig.model, "state", NULL);
	assert_int_equal(json_integer_value(json_object_get(o, "calls")) > 0, agent);
	json_decref(o);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM stops"), 0);
	free(answer);
}

static void stranger__by_default__gets_nothing(void **state)
{
	(void)state;
	post_needs_servers();
	stranger("EDDY_EMAIL_STRANGERS=ignore", NULL, false);
}

static void stranger__if_so_set__gets_the_text(void **state)
{
	(void)state;
	post_needs_servers();
	stranger("EDDY_EMAIL_STRANGERS=text", "Please use the form.", false);
}

static void stranger__if_so_set__gets_an_answer(void **state)
{
	(void)state;
	post_needs_servers();
	stranger("EDDY_EMAIL_STRANGERS=agent", "#1", true);
}

static void answer__that_takes_long__is_announced_once(void **state)
{
	(void)state;
	post_needs_servers();
	fake_tell(&rig.model, "options", "{s:i}", "first_ms", 5000);
	rig_env(&rig, "EDDY_EMAIL_RECEIPT=1s");
	rig_serve(&rig, 0, NULL);
	post_ann_writes("q1@test.example", "Think hard #1");
	char *receipt = post_awaits(post_ann, 1), *answer = post_awaits(post_ann, 2);
	assert_string_equal(post_field(receipt, "Auto-Submitted"), "auto-generated");
	assert_null(strstr(post_words(receipt), "#1"));
	assert_string_equal(post_field(receipt, "In-Reply-To"), "<q1@test.example>");
	assert_string_equal(post_field(answer, "In-Reply-To"), "<q1@test.example>");
	assert_non_null(strstr(post_words(answer), "#1"));
	rig_settle(&rig, 10000);
	sleep_ms(1500);
	assert_int_equal(mail_rig_count(&post, post_ann, NULL), 2);
	free(receipt);
	free(answer);
}

/* ---- a page, and a person behind an address ---- */

#define THREAD "11111111-2222-4333-8444-555555555555"
static struct ws page;

static void page_enter(void)
{
	char token[80];
	rig_local_token(&rig, 0, token);
	assert_true(ws_open(&page, rig.d[0].port, "Sec-WebSocket-Protocol: eddy.v1\r\n"));
	ws_say(&page, "{\"type\":\"hello\",\"token\":\"%s\"}", token);
	const char *type = ws_hear(&page, 10000);
	assert_non_null(type);
	assert_string_equal(type, "welcome");
	ws_say(&page, "{\"type\":\"subscribe\",\"thread\":\"" THREAD "\",\"after\":0}");
}

static void page_says(const char *type, const char *id, const char *text)
{
	ws_say(&page, "{\"type\":\"%s\",\"thread\":\"" THREAD "\",\"client_id\":\"%s\"%s%s%s}", type, id,
	    text != NULL ? ",\"text\":\"" : "", text != NULL ? text : "", text != NULL ? "\"" : "");
	for (const char *t; (t = ws_hear(&page, 10000)) != NULL;)
		if (strcmp(t, "accepted") == 0)
			return;
	rig_fail(&rig, "the page could not say %s", id);
}

static void handover__to_an_address__goes_both_ways_and_can_be_stopped(void **state)
{
	(void)state;
	post_needs_servers();
	snprintf(post_env[4], sizeof post_env[4], "EDDY_WEB_WIDGET_HANDOVER=email:%s", post_bob);
	rig_env(&rig, post_env[4]);
	rig_serve(&rig, 0, NULL);
	page_enter();
	page_says("send", "c1", "do you ship to Norway? #1");
	rig_settle(&rig, 20000);
	page_says("handover", "h1", NULL);
	char *first = post_awaits(post_bob, 1);
	assert_non_null(strstr(post_words(first), "Norway"));
	post_reply(post_bob, "cherry", first, "b1@test.example", "Yes, in three days.");
	rig_wait(&rig, POST_ANSWER_MS, "the words of the person on the page",
	    rig_sql(&rig, "SELECT count(*) FROM messages WHERE body LIKE '%in three days%'") >= 2);
	page_says("send", "c2", "wonderful");
	char *second = post_awaits(post_bob, 2);
	assert_non_null(strstr(post_words(second), "wonderful"));
	assert_string_equal(post_field(second, "In-Reply-To"), post_field(first, "Message-ID"));
	post_reply(post_bob, "cherry", second, "b2@test.example", "Eddy: done");
	rig_wait(&rig, POST_ANSWER_MS, "the end of it", rig_sql(&rig, "SELECT state FROM relays") == 3);
	rig_settle(&rig, 20000);

	char address[500];
	const char *to = strstr(post_field(first, "List-Unsubscribe"), "<mailto:");
	assert_non_null(to);
	size_t n = 0;
	for (to += strlen("<mailto:"); *to != '?' && *to != '>' && *to != '\0' && n < sizeof address - 1; to++) {
		bool plus = strncasecmp(to, "%2B", 3) == 0;
		address[n++] = plus ? '+' : *to;
		to += plus ? 2 : 0;
	}
	address[n] = '\0';
	post_write(post_bob, "cherry",
	    &(struct letter){ .from = post_bob, .to = address, .subject = "unsubscribe", .id = "b3@test.example", .text = "" });
	rig_wait(&rig, POST_ANSWER_MS, "the address to be stopped", rig_sql(&rig, "SELECT count(*) FROM stops") == 1);
	size_t before = mail_rig_count(&post, post_bob, NULL);
	page_says("handover", "h2", NULL);
	rig_settle(&rig, 20000);
	sleep_ms(1000);
	assert_int_equal(mail_rig_count(&post, post_bob, NULL), before);
	ws_done(&page);
	free(first);
	free(second);
}

/* What `eddy doctor` says with ${password} (static). */
static const char *doctor(const char *password)
{
	static char text[20000];
	char command[3000];
	const char *build = getenv("EDDY_BUILD");
	snprintf(command, sizeof command,
	    "env -i PATH=/usr/bin:/bin EDDY_DATABASE_ADMIN_URL='%s' EDDY_DATA_DIR='%s/doctor' EDDY_MODEL_PROVIDER=builtin EDDY_EMAIL_PASSWORD=%s "
	    "EDDY_EMAIL_AUTHSERV=mx.other.example '%s' '%s' '%s' '%s' %s/eddy doctor 2>&1",
	    rig.database, rig.dir, password, post_env[0], post_env[1], post_env[2], post_env[3], build != NULL ? build : "build");
	FILE *f = popen(command, "r");
	assert_non_null(f);
	size_t n = fread(text, 1, sizeof text - 1, f);
	text[n] = '\0';
	pclose(f);
	return text;
}

static void doctor__looks_at_the_mailbox__and_tells_what_to_mend(void **state)
{
	(void)state;
	post_needs_servers();
	post_ann_writes("q1@test.example", "a mail");
	free(mail_rig_wait(&post, post_eddy, NULL, 1, POST_ANSWER_MS));
	static const char *const said[] = { "reading: logged in at 127.0.0.1", "INBOX holds 1 mails", "(IDLE)",
		"there it says mx.test.example", "sending: logged in at 127.0.0.1", "_dmarc.test.example" };
	const char *text = doctor("pear");
	for (size_t i = 0; i < sizeof said / sizeof *said; i++)
		if (strstr(text, said[i]) == NULL)
			rig_fail(&rig, "doctor does not say \"%s\": %s", said[i], text);
	text = doctor("wrong");
	if (strstr(text, "log-in refused") == NULL || strstr(text, "pear") != NULL)
		rig_fail(&rig, "doctor: %s", text);
	assert_int_equal(mail_rig_count(&post, post_ann, NULL), 0);
}

int main(void)
{
#define one(t) cmocka_unit_test_setup_teardown(t, post_set_up, post_tear_down)
	const struct CMUnitTest tests[] = {
		one(mail__back_and_forth__is_one_conversation),
		one(mail__with_choices__is_answered_by_number),
		one(mail__that_is_automatic__is_met_with_silence),
		one(stranger__by_default__gets_nothing),
		one(stranger__if_so_set__gets_the_text),
		one(stranger__if_so_set__gets_an_answer),
		one(answer__that_takes_long__is_announced_once),
		one(handover__to_an_address__goes_both_ways_and_can_be_stopped),
		one(doctor__looks_at_the_mailbox__and_tells_what_to_mend),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, post_up, post_down);
}
