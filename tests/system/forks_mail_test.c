/*
 * A side thread by mail, through real servers, as two people see it in their mailboxes: it is asked for in a line, has a subject of its own, is worked
 * out between them, drafted, edited and accepted by mail, and comes back to the conversation that it left, once; also when the daemon is killed
 * at every step.
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
#include <strings.h>
#include <sys/wait.h>

#include "post.h"

#define TITLE "Planning May"
#define TOPIC "Which database?"
#define SIDE TOPIC " (aside from: " TITLE ")"
#define EDITED "Postgres, and nothing else"

/* ---- the people's mail programs ---- */

static char eve[80];
static int mails; /* written by people */

static int set_up(void **state)
{
	int bad = post_set_up(state);
	snprintf(eve, sizeof eve, "eve%s", post_ann + 3);
	mails = 0;
	if (post_there)
		mail_rig_add_user(&post, eve, "plum");
	return bad;
}

static const char *password_of(const char *who)
{
	return strcmp(who, post_ann) == 0 ? "apple" : strcmp(who, post_bob) == 0 ? "cherry" : "plum";
}

static const char *next_id(void)
{
	static char id[100];
	snprintf(id, sizeof id, "m%d.%s", ++mails, post_ann);
	return id;
}

static void bare(const char *address, char out[300])
{
	const char *lt = strchr(address, '<');
	snprintf(out, 300, "%s", lt != NULL ? lt + 1 : address);
	out[strcspn(out, ">")] = '\0';
}

static char *body_of(const char *mail, const char *text, bool quoted)
{
	struct {
		char *p;
		size_t n;
	} b;
	FILE *f = open_memstream(&b.p, &b.n);
	assert_non_null(f);
	fputs(text, f);
	if (quoted) {
		fprintf(f, "\n\nOn Fri, 20 Nov 2026 at 10:00, Eddy <%s> wrote:\n", post_eddy);
		for (const char *p = post_words(mail); *p != '\0';) {
			size_t n = strcspn(p, "\n");
			fprintf(f, ">%s%.*s\n", n > 0 ? " " : "", (int)n, p);
			p += n + (p[n] == '\n');
		}
	}
	fclose(f);
	return b.p;
}

/* ${who} answers ${mail} of Eddy's, to all that it went to; Eddy is on copy only where ${to} is somebody else. */
static void answer(const char *who, const char *mail, const char *to, const char *text)
{
	char eddys[300], *raw, *body = body_of(mail, text, true), references[4400];
	bare(post_field(mail, "Reply-To"), eddys);
	snprintf(references, sizeof references, "%s %s", post_field(mail, "References"), post_field(mail, "Message-ID"));
	if (asprintf(&raw,
	        "From: %s <%s>\r\nTo: %s\r\n%s%s%sSubject: Re: %s\r\nMessage-ID: <%s>\r\nIn-Reply-To: %s\r\nReferences: %s\r\nDate: Fri, 20 "
	        "Nov 2026 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n",
	        strcmp(who, post_ann) == 0       ? "Ann"
	            : strcmp(who, post_bob) == 0 ? "Bob"
	                                         : "Eve",
	        who, to != NULL ? to : eddys, to != NULL ? "Cc: " : "", to != NULL ? eddys : "", to != NULL ? "\r\n" : "",
	        post_field(mail, "Subject"), next_id(), post_field(mail, "Message-ID"), references, body) < 0)
		abort();
	if (mail_rig_send(&post, who, password_of(who), who, eddys, raw) != 250)
		rig_fail(&rig, "%s could not write", who);
	free(raw);
	free(body);
}

/* The newest mail in ${who}'s mailbox whose subject is ${subject} and whose words hold ${words}, after ${ms} at most; the caller's. */
static char *finds(const char *who, const char *subject, const char *words)
{
	for (int64_t until = now_ms() + POST_ANSWER_MS; now_ms() < until; sleep_ms(50))
		for (size_t i = mail_rig_count(&post, who, NULL); i > 0; i--) {
			char *mail = mail_rig_mail(&post, who, NULL, i - 1);
			if (mail == NULL)
				continue;
			json_t *o = post_shown(mail);
			bool found = strcmp(json_string_value(json_object_get(o, "subject")), subject) == 0 &&
			    strstr(post_words(mail), words) != NULL;
			json_decref(o);
			if (found)
				return mail;
			free(mail);
		}
	for (size_t i = 0; i < mail_rig_count(&post, who, NULL); i++) {
		char *mail = mail_rig_mail(&post, who, NULL, i);
		print_error("# %zu: %s\n%.400s\n", i, post_field(mail, "Subject"), post_words(mail));
		free(mail);
	}
	rig_fail(&rig, "%s has no mail \"%s\" with \"%s\"", who, subject, words);
}

static int count_with(const char *who, const char *subject, const char *words)
{
	int n = 0;
	for (size_t i = mail_rig_count(&post, who, NULL); i > 0; i--) {
		char *mail = mail_rig_mail(&post, who, NULL, i - 1);
		json_t *o = post_shown(mail);
		n += strcmp(json_string_value(json_object_get(o, "subject")), subject) == 0 &&
		    strstr(post_words(mail), words) != NULL;
		json_decref(o);
		free(mail);
	}
	return n;
}

/* ---- the daemon, which may die ---- */

static bool deadly;

static void goes_on(void)
{
	rig_sql(&rig, "DELETE FROM duties"); /* the takeover has a test of its own (mail_trouble_test.c) */
	rig_serve(&rig, 0, NULL);
}

/* The next thing that happens meets a daemon that will die at ${point}. */
static void arm(const char *point)
{
	if (!deadly)
		return;
	char fault[80];
	rig_signal(&rig, 0, SIGTERM);
	rig_wait_end(&rig, 0, 20000);
	rig_sql(&rig, "DELETE FROM duties");
	snprintf(fault, sizeof fault, "%s=kill@1", point);
	rig_serve(&rig, 0, fault);
}

static void died(void)
{
	if (!deadly)
		return;
	int status = rig_wait_end(&rig, 0, POST_ANSWER_MS);
	assert_true(WIFSIGNALED(status));
	goes_on();
}

/* ---- the story ---- */

static char *opening; /* as Ann has it */

static void begins(void)
{
	free(opening);
	opening = NULL;
	rig_env(&rig, "EDDY_EMAIL_COPY=append"); /* so that a mail whose fate is unknown is found */
	rig_serve(&rig, 0, NULL);
	char *raw;
	if (asprintf(&raw,
	        "From: Ann <%s>\r\nTo: Eddy <%s>\r\nCc: Bob <%s>\r\nSubject: " TITLE
	        "\r\nMessage-ID: <%s>\r\nDate: Fri, 20 Nov 2026 09:00:00 +0100\r\n"
	        "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nWe move the orders in May. #1\r\n",
	        post_ann, post_eddy, post_bob, next_id()) < 0)
		abort();
	assert_int_equal(mail_rig_send(&post, post_ann, "apple", post_ann, post_eddy, raw), 250);
	free(raw);
	free(finds(post_bob, "Re: " TITLE, "#1"));
}

static void forks(const char *point)
{
	char *first = finds(post_ann, "Re: " TITLE, "#1"), to[300];
	arm(point);
	/* To Eddy, and to Bob: the side thread is for both. */
	snprintf(to, sizeof to, "%s, %s", post_eddy, post_bob);
	char eddys[300], *raw;
	bare(post_field(first, "Reply-To"), eddys);
	if (asprintf(&raw,
	        "From: Ann <%s>\r\nTo: %s, %s\r\nSubject: Re: " TITLE
	        "\r\nMessage-ID: <%s>\r\nIn-Reply-To: %s\r\nDate: Fri, 20 Nov 2026 10:00:00 "
	        "+0100\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHi Eddy,\r\n\r\nfork: " TOPIC
	        "\r\n\r\nThanks\r\nAnn\r\n",
	        post_ann, eddys, post_bob, next_id(), post_field(first, "Message-ID")) < 0)
		abort();
	assert_int_equal(mail_rig_send(&post, post_ann, "apple", post_ann, eddys, raw), 250);
	free(raw);
	free(first);
	died();
	opening = finds(post_ann, SIDE, TOPIC);
	free(finds(post_bob, SIDE, TOPIC));
	free(finds(post_ann, "Re: " TITLE, "Side thread #1 is open"));
	assert_string_equal(post_field(opening, "In-Reply-To"), "");
	assert_string_equal(post_field(opening, "References"), "");
	assert_string_equal(post_field(opening, "Auto-Submitted"), "auto-generated");
	assert_non_null(strstr(opening, "this is a side thread of it"));
	assert_int_equal(rig_sql(&rig, "SELECT state FROM forks"), 2);
	assert_int_equal(count_with(post_ann, SIDE, TOPIC), 1);
}

static void talks(void)
{
	static const char *const said[] = { "The orders are 40 GB of documents.",
		"We take MySQL for the orders, it is what we know.",
		"Correction: we take Postgres for the orders, because of the documents.", "Bob writes the migration until Friday.",
		"The reports stay where they are for now." };
	for (size_t i = 0; i < 5; i++) {
		answer(i % 2 ? post_bob : post_ann, opening, i % 2 ? post_ann : post_bob, said[i]);
		rig_wait(&rig, POST_ANSWER_MS, "a mail to be heard",
		    rig_sql(&rig,
		        "SELECT count(*) FROM messages m JOIN threads t ON t.id = m.thread_id WHERE t.fork_id IS NOT NULL"
		        " AND m.author_kind = 1") == (int64_t)i + 1);
	}
}

static char *drafts(const char *point)
{
	arm(point);
	answer(post_ann, opening, NULL, "resolve\n\nThanks");
	died();
	char *draft = finds(post_ann, "Re: " SIDE, "A draft of what goes back");
	assert_non_null(strstr(post_words(draft), "Postgres"));
	assert_null(strstr(post_words(draft), "We take MySQL"));
	assert_non_null(strstr(post_words(draft), "1. Accept"));
	assert_non_null(strstr(post_words(draft), "answer with edit:"));
	return draft;
}

static char *edits(const char *point, const char *draft)
{
	arm(point);
	answer(post_ann, draft, NULL,
	    "edit:\n\n**" EDITED
	    "**\n\n- The orders are documents, and Postgres keeps them.\n- Bob writes the migration until Friday.\n"
	    "- The reports stay.\n\n**Decisions**\n\n- We take Postgres.\n");
	died();
	return finds(post_ann, "Re: " SIDE, EDITED);
}

static void accepts(const char *point, const char *draft)
{
	arm(point);
	answer(post_ann, draft, NULL, "Accept.\n\nBest regards\nAnn");
	died();
	free(finds(post_ann, "Re: " TITLE, EDITED));
	free(finds(post_bob, "Re: " TITLE, EDITED));
	free(finds(post_ann, "Re: " SIDE, "Posted in the thread it comes from"));
}

static void ended(void)
{
	rig_settle(&rig, 60000);
	sleep_ms(500); /* for a second one on its way through Exim */
	assert_int_equal(count_with(post_ann, "Re: " TITLE, EDITED), 1);
	assert_int_equal(count_with(post_bob, "Re: " TITLE, EDITED), 1);
	assert_int_equal(count_with(post_ann, "Re: " TITLE, "Side thread #1 is open"), 1);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM messages m JOIN threads t ON t.id = m.thread_id WHERE t.fork_id IS NULL AND m.body LIKE '%" EDITED
	        "%'"),
	    1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM resolutions WHERE state = 2"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM forks"), 1);
	assert_int_equal(rig_sql(&rig, "SELECT state FROM forks"), 3);
	char *back = finds(post_bob, "Re: " TITLE, EDITED);
	assert_non_null(strstr(post_words(back), TOPIC)); /* where it comes from */
	assert_null(strstr(post_words(back), "MySQL"));
	free(back);
}

/* Side thread and conversation are two places by mail: each finds what was said in it. */
static void finds_again(void)
{
	char *back = finds(post_bob, "Re: " TITLE, EDITED);
	answer(post_bob, back, NULL, "Eddy, search Postgres");
	free(back);
	free(finds(post_bob, "Re: " TITLE, "Resolution: " EDITED));
	answer(post_bob, opening, NULL, "search database");
	free(finds(post_bob, "Re: " SIDE, "Fork (resolved): "));
}

/* The subjects that Ann has given stand in where answers go; Bob, who answered under them, stays. */
static void forgets(void)
{
	static const char subjects[] =
	    "SELECT count(*) FROM (SELECT origin FROM runs UNION ALL SELECT origin FROM outbox UNION ALL SELECT origin FROM forks"
	    " UNION ALL SELECT parent_origin FROM forks) x WHERE position('Planning' in x.origin) > 0 OR position('Which' in x.origin) > 0";
	assert_true(rig_sql(&rig, subjects) > 0);
	post_write(post_ann, "apple",
	    &(struct letter){ .from = post_ann, .to = post_eddy, .subject = "Goodbye", .id = next_id(), .text = "forget me" });
	char *asks = finds(post_ann, "Re: Goodbye", "Shall I forget you?");
	answer(post_ann, asks, NULL, "forget me yes");
	free(asks);
	free(finds(post_ann, "Re: Goodbye", "I have forgotten you"));
	rig_wait(&rig, POST_ANSWER_MS, "Ann to be forgotten",
	    rig_sql(&rig, "SELECT count(*) FROM erasures WHERE kind = 3 AND state = 2") == 1);
	assert_int_equal(rig_sql(&rig, subjects), 0);
	assert_int_equal(
	    rig_sql(&rig, "SELECT count(*) FROM forks WHERE topic = '(erased)' AND origin <> '' AND parent_origin <> ''"), 1);
}

static void side_thread__from_fork_to_acceptance__comes_back_once(void **state)
{
	(void)state;
	post_needs_servers();
	deadly = false;
	begins();
	forks(NULL);
	talks();
	char *draft = drafts(NULL), *edited = edits(NULL, draft);
	accepts(NULL, edited);
	ended();
	finds_again();
	forgets();
	free(draft);
	free(edited);
}

/* Each story dies at another point of each step. */
static void story_with_deaths(const char *const points[4])
{
	deadly = true;
	begins();
	forks(points[0]);
	talks();
	char *draft = drafts(points[1]), *edited = edits(points[2], draft);
	accepts(points[3], edited);
	ended();
	free(draft);
	free(edited);
}

static void side_thread__killed_at_each_step__ends_right(void **state)
{
	(void)state;
	post_needs_servers();
	story_with_deaths((const char *const[]){ "post.after", "post.before", "email.before_mark", "post.after" });
}

static void side_thread__killed_elsewhere_at_each_step__ends_right(void **state)
{
	(void)state;
	post_needs_servers();
	if (rig_rounds(2) < 2) {
		print_message("# skipped: EDDY_TEST_LONG is not set\n");
		skip();
	}
	story_with_deaths((const char *const[]){ "email.before_mark", "post.after", "email.before_take", "post.before" });
}

/* Bob reads along and does not decide; Eve, to whom somebody forwarded it, is not there at all. */
static void side_thread__of_others__is_not_theirs_to_accept(void **state)
{
	(void)state;
	post_needs_servers();
	deadly = false;
	begins();
	forks(NULL);
	talks();
	char *draft = drafts(NULL);
	answer(post_bob, opening, NULL, "accept");
	free(finds(post_bob, "Re: " SIDE, "decides on this draft"));
	answer(eve, draft, NULL, "accept");
	rig_wait(&rig, POST_ANSWER_MS, "Eve's mail to be taken",
	    rig_sql(&rig, "SELECT count(*) FROM identities WHERE external_id LIKE 'eve%'") == 1);
	rig_settle(&rig, 30000);
	answer(eve, draft, NULL, "1");
	answer(eve, opening, NULL, "What is this about?");
	free(post_awaits(eve, 3)); /* each begins a conversation of her own */
	rig_settle(&rig, 30000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM resolutions WHERE state = 2"), 0);
	assert_int_equal(rig_sql(&rig, "SELECT state FROM forks"), 2);
	for (size_t i = 0; i < mail_rig_count(&post, eve, NULL); i++) {
		char *mail = mail_rig_mail(&post, eve, NULL, i);
		assert_null(strstr(post_words(mail), "Postgres"));
		free(mail);
	}
	/* By number, as her mail program offers it. */
	answer(post_ann, draft, NULL, "1");
	char *back = finds(post_bob, "Re: " TITLE, "Postgres");
	assert_non_null(strstr(post_words(back), "] Ann, 20")); /* whose words it rests on: there are no links between mails */
	free(back);
	rig_settle(&rig, 30000);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM resolutions WHERE state = 2"), 1);
	free(draft);
}

static void side_thread__abandoned__says_nothing_to_anybody(void **state)
{
	(void)state;
	post_needs_servers();
	deadly = false;
	begins();
	forks(NULL);
	talks();
	rig_settle(&rig, 30000);
	size_t before = mail_rig_count(&post, post_bob, NULL);
	answer(post_ann, opening, NULL, "abandon");
	free(finds(post_ann, "Re: " SIDE, "Nothing of this goes back"));
	rig_settle(&rig, 30000);
	sleep_ms(500);
	assert_int_equal(mail_rig_count(&post, post_bob, NULL), before);
	assert_int_equal(rig_sql(&rig, "SELECT state FROM forks"), 4);
}

/* ---- what one person alone may read ---- */

static int mails_with(const char *who, const char *words)
{
	int n = 0;
	for (size_t i = 0; i < mail_rig_count(&post, who, NULL); i++) {
		char *mail = mail_rig_mail(&post, who, NULL, i);
		n += mail != NULL && strstr(post_words(mail), words) != NULL;
		free(mail);
	}
	return n;
}

static void search__of_what_is_ones_own__is_shown_to_nobody_else(void **state)
{
	(void)state;
	post_needs_servers();
	deadly = false;
	begins();
	post_write(post_ann, "apple",
	    &(struct letter){ .from = post_ann,
	        .to = post_eddy,
	        .subject = "My plans",
	        .id = next_id(),
	        .text = "The walrus costs 7000 a month. #5" });
	free(finds(post_ann, "Re: My plans", "#5"));
	char *shared = finds(post_ann, "Re: " TITLE, "#1"), text[300];
	/* To all who read along: nothing of it, but the offer. */
	snprintf(text, sizeof text, "Eddy <%s>, Bob <%s>", post_eddy, post_bob);
	answer(post_ann, shared, text, "Eddy, search walrus");
	char *offered = finds(post_ann, "Re: " TITLE, "Show it to me alone");
	free(finds(post_bob, "Re: " TITLE, "Show it to me alone"));
	assert_null(strstr(post_words(offered), "7000"));
	answer(post_ann, offered, post_bob, "1");
	char *alone = finds(post_ann, "Re: " TITLE, "7000");
	assert_string_equal(post_field(alone, "Cc"), "");
	assert_non_null(strstr(post_words(alone), "My plans")); /* its subject says where it stands */
	/* What is answered to that stays between the two, whoever is put on copy. */
	answer(post_ann, alone, NULL, "catch me up");
	rig_settle(&rig, 30000);
	answer(post_bob, offered, NULL, "1");
	free(finds(post_bob, "Re: " TITLE, "nothing for"));
	rig_settle(&rig, 30000);
	assert_int_equal(mails_with(post_bob, "7000"), 0);
	assert_int_equal(mails_with(post_bob, "walrus costs"), 0);
	assert_int_equal(
	    rig_sql(&rig,
	        "SELECT count(*) FROM messages m JOIN audiences a ON a.ws = m.ws AND a.id = m.audience_id WHERE a.kind = 1 AND"
	        " m.author_kind = 2 AND m.body LIKE '%7000%'"),
	    0);
	free(shared);
	free(offered);
	free(alone);
}

int main(void)
{
#define one(t) cmocka_unit_test_setup_teardown(t, set_up, post_tear_down)
	const struct CMUnitTest tests[] = {
		one(side_thread__from_fork_to_acceptance__comes_back_once),
		one(side_thread__killed_at_each_step__ends_right),
		one(side_thread__killed_elsewhere_at_each_step__ends_right),
		one(side_thread__of_others__is_not_theirs_to_accept),
		one(side_thread__abandoned__says_nothing_to_anybody),
		one(search__of_what_is_ones_own__is_shown_to_nobody_else),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, post_up, post_down);
}
