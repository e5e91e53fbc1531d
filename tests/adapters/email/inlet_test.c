/*
 * What is made of a mail: whose thread it joins, who it is from, what is done with it and what is remembered.  The mails come as a mailbox
 * hands them over, the engine and its database are real, the model and the way out are not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/email/box.h"
#include "../../../adapters/email/compose.h"
#include "../../../core/base/mem.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct {
	struct fixture *f;
	struct settings *settings;
	struct metrics *metrics;
	struct adapter *adapter;
	struct email_box *box;
	struct mailbox_port port;
	uint32_t uid;
} t;

static void begin(const char *const *more)
{
	static const struct setting *const tables[] = { core_settings, email_settings, NULL };
	static char *const none[] = { NULL };
	static const char *const always[] = { "email.address=eddy@example.org", "email.imap=imap://127.0.0.1:1",
		"email.smtp=smtp://127.0.0.1:1", "email.plaintext=true", "email.password=x", "email.authserv=mx.example.org",
		"email.members=@example.org" };
	char *overrides[32];
	size_t n = 0;
	struct buf problems = BUF_INIT;
	char why[300] = "";
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		overrides[n++] = (char *)(uintptr_t)always[i];
	for (; more != NULL && *more != NULL; more++)
		overrides[n++] = (char *)(uintptr_t)*more;
	overrides[n] = NULL;
	t.f = fixture_new(&(struct fixture_options){ .adapter = "email", .caps = CAP_THREAD, .scan_ms = 200 });
	t.settings = settings_new(tables);
	if (settings_load(t.settings, "/dev/null", none, overrides, &problems) != ERR_NONE)
		fail_msg("%s", problems.p);
	buf_done(&problems);
	t.metrics = metrics_new();
	const struct email_options o = { .settings = t.settings, .metrics = t.metrics, .engine = fixture_engine(t.f) };
	if (email_open(&t.adapter, &o, why, sizeof(why)) != ERR_NONE)
		fail_msg("%s", why);
	t.box = ((struct email *)(void *)t.adapter)->boxes[0];
	t.port = inlet_port(t.box);
	t.uid = 0;
}

static int set_up(void **state)
{
	(void)state;
	begin(NULL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_free(t.f);
	email_free(t.adapter);
	metrics_free(t.metrics);
	settings_free(t.settings);
	return 0;
}

/* ---- handing over ---- */

struct outcome {
	pthread_mutex_t lock;
	pthread_cond_t cond;
	bool done;
	enum err e;
};

static void on_done(void *arg, enum err e)
{
	struct outcome *o = arg;
	pthread_mutex_lock(&o->lock);
	o->done = true;
	o->e = e;
	pthread_cond_signal(&o->cond);
	pthread_mutex_unlock(&o->lock);
}

static void settle(struct outcome *o)
{
	pthread_mutex_lock(&o->lock);
	while (!o->done)
		pthread_cond_wait(&o->cond, &o->lock);
	pthread_mutex_unlock(&o->lock);
}

static void hand_over(const char *raw, struct outcome *o)
{
	struct imap_mail m = { .uid = ++t.uid, .size = strlen(raw) };
	pthread_mutex_init(&o->lock, NULL);
	pthread_cond_init(&o->cond, NULL);
	o->done = false;
	buf_add_str(&m.raw, raw);
	t.port.take(t.port.arg, 7, &m, on_done, o);
	buf_done(&m.raw);
}

static enum err take(const char *raw)
{
	struct outcome o;
	hand_over(raw, &o);
	settle(&o);
	return o.e;
}

/* A mail of ${from}; ${more}: further header lines, each with CR LF.  Proved when ${proved}. */
static const char *mail(const char *from, bool proved, const char *id, const char *subject, const char *more, const char *text)
{
	static char out[8192];
	const char *domain = strrchr(from, '@');
	char result[300] = "";
	if (proved)
		snprintf(result, sizeof(result), "Authentication-Results: mx.example.org; dmarc=pass header.from=%.*s\r\n",
		    domain != NULL ? (int)strcspn(domain + 1, ">") : 0, domain != NULL ? domain + 1 : "");
	snprintf(out, sizeof(out),
	    "%sReceived: from out.example by mx.example.org; Sat, 21 Nov 2026 10:00:00 +0000\r\nFrom: %s\r\nDate: Sat, 21 Nov 2026 10:00:00 "
	    "+0000\r\nMessage-ID: <%s>\r\nSubject: %s\r\n%s%s\r\n%s\r\n",
	    result, from, id, subject,
	    strstr(more, "To:") == more || strstr(more, "\nTo:") != NULL ? "" : "To: eddy@example.org\r\n", more, text);
	return out;
}

static size_t answered(size_t n)
{
	return fixture_wait_replies(t.f, n, 5000);
}

static void nothing_is_said(size_t before)
{
	assert_true(fixture_wait_idle(t.f, 5000));
	assert_int_equal(fixture_wait_replies(t.f, before + 1, 200), before);
}

static long threads(void)
{
	return db_count("SELECT count(*) FROM eddy.threads");
}

static void cursor_is(uint32_t uid)
{
	uint32_t validity, at;
	assert_int_equal(t.port.cursor(t.port.arg, &validity, &at), ERR_NONE);
	assert_int_equal(validity, 7);
	assert_int_equal(at, uid);
}

/* Message-ID of the i-th answer, as its receiver sees it. */
static const char *answer_id(size_t i)
{
	static char id[330];
	compose_message_id(fixture_reply(t.f, i)->run, "example.org", id);
	return id;
}

static const char *header(const char *name, const char *id)
{
	static char out[2][512];
	static int k;
	k = !k;
	snprintf(out[k], sizeof(out[k]), "%s: <%s>\r\n", name, id);
	return out[k];
}

/* ---- tests ---- */

static void inlet__question__is_stored_answered_and_moves_the_cursor(void **state)
{
	(void)state;
	assert_int_equal(take(mail("Ada <ada@example.org>", true, "1@a", "Boats", "", "How many are there?")), ERR_NONE);
	assert_int_equal(answered(1), 1);
	assert_string_equal(fixture_reply(t.f, 0)->text, "re: Boats\n\nHow many are there?");
	cursor_is(1);
	assert_string_equal(test_db_value("SELECT title FROM eddy.threads"), "Boats");
	assert_string_equal(test_db_value("SELECT external_id || ' ' || verified FROM eddy.identities WHERE adapter = 'email'"),
	    "ada@example.org 2");
	assert_string_equal(test_db_value("SELECT guest::text FROM eddy.people WHERE name = 'Ada'"), "false");
	assert_int_equal(db_count("SELECT visibility FROM eddy.places WHERE adapter = 'email'"), VIS_DIRECT);
	/* The same mail, under another UID: a copy, or a mailbox that was numbered anew. */
	assert_int_equal(take(mail("Ada <ada@example.org>", true, "1@a", "Boats", "", "How many are there?")), ERR_NONE);
	nothing_is_said(1);
	cursor_is(2);
	/* Another mail that only bears its id. */
	assert_int_equal(take(mail("Ada <ada@example.org>", true, "1@a", "Boats", "", "And how many were there?")), ERR_NONE);
	assert_int_equal(answered(2), 2);
}

static void inlet__reply__joins_its_thread_by_each_of_the_ids(void **state)
{
	(void)state;
	char token[EMAIL_TOKEN], to[200];
	take(mail("ada@example.org", true, "1@a", "Boats", "", "How many?"));
	assert_int_equal(answered(1), 1);
	take(mail("ada@example.org", true, "2@a", "Re: Boats", header("In-Reply-To", answer_id(0)), "And ships?"));
	take(mail("ada@example.org", true, "3@a", "Something else", header("References", "1@a"), "And rafts?"));
	email_token_make(t.box->secret, TOKEN_THREAD, fixture_reply(t.f, 0)->thread, token);
	snprintf(to, sizeof(to), "To: Eddy <EDDY+%s@example.org>\r\n", token);
	take(mail("Ada@Example.org", true, "4@a", "Re: Boats", to, "And canoes?"));
	assert_int_equal(answered(4), 4);
	assert_int_equal(threads(), 1);
	assert_string_equal(fixture_reply(t.f, 3)->text, "re: And canoes?"); /* the subject is said once */
	take(mail("ada@example.org", true, "5@a", "Boats", "", "A new question under an old name"));
	assert_int_equal(answered(5), 5);
	assert_int_equal(threads(), 2);
}

/* Ids are no secret: who was forwarded a mail, token and all, gets nothing of its thread. */
static void inlet__forwarded__opens_no_thread(void **state)
{
	(void)state;
	char token[EMAIL_TOKEN], more[1000];
	take(mail("ada@example.org", true, "1@a", "Salaries", "", "What does Bob get?"));
	assert_int_equal(answered(1), 1);
	email_token_make(t.box->secret, TOKEN_THREAD, fixture_reply(t.f, 0)->thread, token);
	snprintf(more, sizeof(more), "To: eddy+%s@example.org\r\nIn-Reply-To: <%s>\r\nReferences: <1@a> <%s>\r\n", token,
	    answer_id(0), answer_id(0));
	take(mail("bob@example.org", true, "2@b", "Re: Salaries", more, "And Ada?"));
	take(mail("ada@example.org", false, "3@x", "Re: Salaries", more, "It is me, really"));
	assert_int_equal(answered(2), 2);
	assert_false(id_equal(fixture_reply(t.f, 1)->thread, fixture_reply(t.f, 0)->thread));
	assert_int_equal(threads(), 2);
	nothing_is_said(2); /* to the one whom nothing proves */
	/* Whom Ada puts on copy herself may speak there. */
	snprintf(more, sizeof(more), "References: <1@a>\r\nCc: Cy <cy@example.org>\r\n");
	take(mail("ada@example.org", true, "4@a", "Re: Salaries", more, "Cy knows. Eddy, do you?"));
	assert_int_equal(
	    db_count("SELECT visibility FROM eddy.places WHERE name = 'Salaries' ORDER BY created_at LIMIT 1"), VIS_PRIVATE);
	take(mail("cy@example.org", true, "5@c", "Re: Salaries", header("References", "4@a"), "I do. Eddy?"));
	assert_int_equal(answered(4), 4);
	assert_true(id_equal(fixture_reply(t.f, 3)->thread, fixture_reply(t.f, 0)->thread));
}

static void inlet__outsider__is_a_guest(void **state)
{
	(void)state;
	take(mail("eve@elsewhere.example", true, "1@e", "Hello", "", "Who are you?"));
	assert_int_equal(answered(1), 1);
	assert_string_equal(test_db_value("SELECT guest::text FROM eddy.people WHERE name = 'eve@elsewhere.example'"), "true");
}

/* What only members may read stays out of a thread that somebody else reads too, whoever is on copy this time. */
static void inlet__outsider__on_copy_once_keeps_it_external(void **state)
{
	(void)state;
	take(mail("ada@example.org", true, "1@a", "Boats", "Cc: eve@elsewhere.example\r\n", "How many?"));
	assert_int_equal(answered(1), 1);
	assert_int_equal(db_count("SELECT visibility FROM eddy.places WHERE adapter = 'email'"), VIS_EXTERNAL);
	take(mail("ada@example.org", true, "2@a", "Re: Boats", header("References", "1@a"), "And where?"));
	assert_int_equal(answered(2), 2);
	assert_int_equal(threads(), 1);
	assert_int_equal(db_count("SELECT visibility FROM eddy.places WHERE adapter = 'email'"), VIS_EXTERNAL);
}

static void inlet__strangers__get_what_the_settings_say(void **state)
{
	(void)state;
	take(mail("ada@example.org", false, "1@x", "Hello", "", "I am Ada"));
	nothing_is_said(0);
	cursor_is(1);
	assert_int_equal(threads(), 0);
	assert_int_equal(metric_value(t.box->taken[EMAIL_DO_SHUT_OUT]), 1);
	tear_down(NULL);
	begin((const char *const[]){ "email.strangers=text", "email.text=Write from a server that signs its mail.", NULL });
	take(mail("ada@example.org", false, "1@x", "Hello", "", "I am Ada"));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.runs WHERE command = 17", 5000));
	assert_int_equal(fixture_model_calls(t.f), 0);
	tear_down(NULL);
	begin((const char *const[]){ "email.strangers=agent", NULL });
	take(mail("ada@example.org", false, "1@x", "Hello", "", "I am Ada"));
	assert_int_equal(answered(1), 1);
	assert_string_equal(test_db_value("SELECT external_id || ' ' || verified FROM eddy.identities WHERE adapter = 'email'"),
	    "?ada@example.org 0");
	take(mail("ada@example.org", true, "2@a", "Re: Hello", header("References", "1@x"), "I am the one"));
	assert_int_equal(answered(2), 2);
	assert_int_equal(threads(), 2);
	for (int i = 0; i < 6; i++) { /* five an hour, one was given */
		char id[20];
		snprintf(id, sizeof(id), "%d@x", 10 + i);
		take(mail("ada@example.org", false, id, "Re: Hello", header("References", "1@x"), "Again"));
	}
	assert_true(fixture_wait_idle(t.f, 5000));
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.runs r JOIN eddy.threads t ON t.id = r.thread_id WHERE r.adapter = 'email'"
	             " AND t.id = (SELECT thread_id FROM eddy.messages ORDER BY created_at LIMIT 1)"),
	    5);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE body = 'Again'"), 6); /* kept all the same */
}

static void inlet__too_many__are_delayed_with_one_word(void **state)
{
	(void)state;
	tear_down(NULL);
	begin((const char *const[]){ "email.answers_per_hour=3", NULL });
	take(mail("ada@example.org", true, "0@a", "Boats", "", "How many?"));
	for (int i = 1; i < 6; i++) {
		char id[20];
		assert_true(answered((size_t)(i < 3 ? i : 3)) >= (size_t)(i < 3 ? i : 3));
		snprintf(id, sizeof(id), "%d@a", i);
		take(mail("ada@example.org", true, id, "Re: Boats", header("References", "0@a"), "And now?"));
	}
	assert_true(db_comes_true("SELECT (count(*) = 3)::int FROM eddy.runs WHERE due > now() + interval '50 min'", 5000));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.outbox WHERE run_id IS NULL AND state = 3", 5000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.outbox WHERE run_id IS NULL"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state = 3"), 3);
}

static void inlet__too_many__new_threads_of_an_outsider_get_one_word(void **state)
{
	(void)state;
	tear_down(NULL);
	begin((const char *const[]){ "email.answers_per_hour=1", NULL });
	for (int i = 0; i < 8; i++) {
		char id[20], subject[20];
		snprintf(id, sizeof(id), "%d@b", i);
		snprintf(subject, sizeof(subject), "Boat %d", i);
		take(mail("bob@elsewhere.example", true, id, subject, "", "How many?"));
		if (i < 4)
			assert_true(answered((size_t)i + 1) > (size_t)i);
	}
	assert_true(db_comes_true("SELECT (count(*) = 4)::int FROM eddy.runs WHERE due > now() + interval '50 min'", 5000));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.outbox WHERE run_id IS NULL AND state = 3", 5000));
	assert_true(fixture_wait_idle(t.f, 5000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.outbox WHERE run_id IS NULL"), 1);
}

/* One mail to Eddy and to a list that Eddy is on: it comes twice, and one of the two is for Eddy. */
static void inlet__copy_of_a_list__hides_no_mail(void **state)
{
	(void)state;
#define RAW(list) \
	"Authentication-Results: mx.example.org; dmarc=pass header.from=example.org\r\nReceived: from out.example by mx.example.org; x\r\n" list \
	"From: ada@example.org\r\nMessage-ID: <1@a>\r\nTo: eddy@example.org, team@lists.example\r\nSubject: Boats\r\n\r\nHow many?\r\n"
	take(RAW("List-Id: <team.lists.example>\r\nPrecedence: list\r\n"));
	nothing_is_said(0);
	take(RAW(""));
	assert_int_equal(answered(1), 1);
	take(RAW(""));
	nothing_is_said(1);
}

static void inlet__stopped__by_an_operator_is_passed_over(void **state)
{
	(void)state;
	tear_down(NULL);
	begin((const char *const[]){ "email.strangers=agent", NULL });
	assert_int_equal(
	    engine_stop_put(fixture_engine(t.f), t.box->ws, "email", "eve@evil.example", STOP_OPERATOR, "by hand"), ERR_NONE);
	take(mail("Eve@evil.example", true, "1@e", "Boats", "", "How many?"));
	take(mail("eve@evil.example", false, "2@e", "More boats", "", "How many?"));
	nothing_is_said(0);
	assert_int_equal(threads(), 0);
	take(mail("mel@evil.example", false, "3@e", "Boats", "", "How many?"));
	assert_int_equal(answered(1), 1);
}

static void inlet__automatic__is_passed_over(void **state)
{
	(void)state;
	static const char *const signs[] = { "Auto-Submitted: auto-replied\r\n", "List-Id: <boats.example.org>\r\n",
		"Precedence: bulk\r\n", "Return-Path: <>\r\n" };
	for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
		char id[20];
		snprintf(id, sizeof(id), "%zu@a", i);
		assert_int_equal(take(mail("ada@example.org", true, id, "Boats", signs[i], "I am away")), ERR_NONE);
		cursor_is((uint32_t)i + 1);
	}
	char own[330];
	compose_message_id(id_new(), "example.org", own);
	assert_int_equal(
	    take(mail("eddy@example.org", true, own, "Re: Boats", "To: ada@example.org\r\n", "My own words")), ERR_NONE);
	assert_int_equal(take(mail("A <a@x.example>, B <b@x.example>", true, "n@a", "Boats", "", "We are two")), ERR_NONE);
	nothing_is_said(0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages"), 0);
	cursor_is(6);
}

static void inlet__unreadable__is_set_aside(void **state)
{
	(void)state;
	assert_int_equal(take("this is no mail at all"), ERR_INPUT);
	cursor_is(1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.inbox_rejected WHERE adapter = 'email'"), 1);
	take(mail("ada@example.org", true, "1@a", "Boats", "", "Still there?"));
	assert_int_equal(answered(1), 1);
}

static const char bounce[] =
    "Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.example.org\r\nTo: eddy@example.org\r\nDate: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
    "Message-ID: <bounce-%d@mx>\r\nSubject: Undelivered Mail\r\nMIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nIt did not arrive.\r\n"
    "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\nFinal-Recipient: rfc822; %s\r\n"
    "Action: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 no such user\r\n\r\n--b\r\nContent-Type: message/rfc822-headers\r\n\r\n"
    "Message-ID: <%s>\r\n\r\n--b--\r\n";

static int stop_of(const char *address)
{
	int kind = -1;
	assert_int_equal(engine_stop_get(fixture_engine(t.f), t.box->ws, "email", address, &kind), ERR_NONE);
	return kind;
}

static void inlet__bounce__stops_only_whom_we_wrote_to(void **state)
{
	(void)state;
	char raw[2048];
	take(mail("ada@example.org", true, "1@a", "Boats", "", "How many?"));
	assert_int_equal(answered(1), 1);
	snprintf(raw, sizeof(raw), bounce, 1, "bob@example.org", answer_id(0)); /* not one of those who got it */
	assert_int_equal(take(raw), ERR_NONE);
	snprintf(raw, sizeof(raw), bounce, 2, "ada@example.org", "made-up@example.org"); /* not a mail of ours */
	assert_int_equal(take(raw), ERR_NONE);
	assert_int_equal(stop_of("ada@example.org"), 0);
	assert_int_equal(stop_of("bob@example.org"), 0);
	snprintf(raw, sizeof(raw), bounce, 3, "Ada@example.org", answer_id(0));
	assert_int_equal(take(raw), ERR_NONE);
	assert_int_equal(stop_of("ada@example.org"), STOP_UNDELIVERABLE);
	nothing_is_said(1);
	take(mail(
	    "ada@example.org", true, "2@a", "Re: Boats", header("References", "1@a"), "I am back")); /* who writes has a mailbox */
	assert_int_equal(answered(2), 2);
	assert_int_equal(stop_of("ada@example.org"), 0);
	assert_int_equal(
	    engine_stop_put(fixture_engine(t.f), t.box->ws, "email", "ada@example.org", STOP_COMPLAINT, "abuse"), ERR_NONE);
	take(mail("ada@example.org", true, "3@a", "Re: Boats", header("References", "1@a"), "Hello?"));
	nothing_is_said(2);
}

/* An answer to somebody whom nothing proves, and whose address turns out to be nobody's. */
static void inlet__bounce__of_an_answer_to_a_stranger_counts(void **state)
{
	(void)state;
	char raw[2048];
	tear_down(NULL);
	begin((const char *const[]){ "email.strangers=agent", NULL });
	take(mail("eve@elsewhere.example", false, "1@e", "Hello", "", "Who are you?"));
	assert_int_equal(answered(1), 1);
	snprintf(raw, sizeof(raw), bounce, 1, "eve@elsewhere.example", answer_id(0));
	assert_int_equal(take(raw), ERR_NONE);
	assert_int_equal(stop_of("eve@elsewhere.example"), STOP_UNDELIVERABLE);
}

static void inlet__number__presses_what_was_offered(void **state)
{
	(void)state;
	for (int i = 0; i < 12; i++)
		fixture_script(t.f, SCRIPT_REFUSED);
	take(mail("ada@example.org", true, "1@a", "Boats", "", "1"));
	assert_int_equal(answered(1), 1); /* a number that answers nothing is a text */
	take(mail("ada@example.org", true, "2@a", "Re: Boats", header("References", "1@a"), "7"));
	assert_int_equal(answered(2), 2);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 1 AND body = '7'"), 1);
	assert_true(test_db_exec("UPDATE eddy.runs SET state = 5")); /* as if it had failed: asking again is offered */
	take(mail("ada@example.org", true, "3@a", "Re: Boats", header("References", "1@a"), "1."));
	assert_int_equal(answered(3), 3);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 1 AND body LIKE '1.%'"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE answered_by IS NOT NULL"), 1);
}

/* What refers to a mail that is not committed yet waits for it. */
static void inlet__burst__stays_together(void **state)
{
	(void)state;
	enum { N = 20 };
	struct outcome o[N];
	for (int i = 0; i < N; i++) {
		char id[20], before[20];
		snprintf(id, sizeof(id), "%d@a", i);
		snprintf(before, sizeof(before), "%d@a", i - 1);
		hand_over(mail("ada@example.org", true, id, "Boats", i > 0 ? header("In-Reply-To", before) : "", "More"), &o[i]);
	}
	for (int i = 0; i < N; i++) {
		settle(&o[i]);
		assert_int_equal(o[i].e, ERR_NONE);
	}
	assert_int_equal(threads(), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 1"), N);
	cursor_is(N);
}

static void inlet__copy__answers_only_when_named(void **state)
{
	(void)state;
	const char *const more = "To: bob@example.org\r\nCc: eddy@example.org\r\n";
	take(mail("ada@example.org", true, "1@a", "Boats", more, "Bob, how many?"));
	nothing_is_said(0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages"), 1); /* heard */
	take(mail("bob@example.org", true, "2@b", "Re: Boats",
	    "To: ada@example.org\r\nCc: eddy@example.org\r\nReferences: <1@a>\r\n", "@Eddy, you?"));
	assert_int_equal(answered(1), 1);
	assert_int_equal(threads(), 1);
	take(mail("ada@example.org", true, "3@a", "Re: Boats", /* to Bob, after Eddy's words */
	    "To: bob@example.org\r\nCc: eddy@example.org\r\nReferences: <1@a>\r\n", "Are you sure?"));
	nothing_is_said(1);
}

static void inlet__quiet__holds_until_named(void **state)
{
	(void)state;
	take(mail("ada@example.org", true, "1@a", "Boats", "", "How many?"));
	assert_int_equal(answered(1), 1);
	take(mail("ada@example.org", true, "2@a", "Re: Boats", header("References", "1@a"), "be quiet"));
	assert_int_equal(answered(2), 2);
	take(mail("ada@example.org", true, "3@a", "Re: Boats", header("References", "1@a"), "Bob, what do you say?"));
	nothing_is_said(2);
	take(mail("ada@example.org", true, "4@a", "Re: Boats", header("References", "1@a"), "Eddy, and you?"));
	assert_int_equal(answered(3), 3);
	take(mail("ada@example.org", true, "5@a", "Re: Boats", header("References", "1@a"), "come back"));
	assert_int_equal(answered(4), 4);
	take(mail("ada@example.org", true, "6@a", "Re: Boats", header("References", "1@a"), "How many now?"));
	assert_int_equal(answered(5), 5);
}

/* ---- side threads, and what one person alone is told ---- */

static void inlet__side_thread__is_its_readers(void **state)
{
	(void)state;
	take(mail("ada@example.org", true, "1@a", "Boats", "Cc: bob@example.org\r\n", "How many?"));
	assert_int_equal(answered(1), 1);
	/* As the core stores it: the opening is a delivery of the parent's, and has a place and a thread once it is out. */
	struct id fork = id_new(), place, thread;
	char id[ID_TEXT], place_key[200], opening[330], sql[2000], token[EMAIL_TOKEN], to[200], ids[2][ID_TEXT];
	compose_message_id(fork, "example.org", opening);
	email_beside_place("eddy@example.org", fork, place_key, sizeof(place_key));
	place = engine_place_id(t.box->ws, "email", place_key);
	thread = engine_thread_id(place, opening);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO eddy.forks (ws, id, parent_id, n, topic, state, adapter, place_key, parent_origin) SELECT t.ws, '%s', t.id, 1,"
	    " 'Which colour?', 1, 'email', '%s', '' FROM eddy.threads t; INSERT INTO eddy.outbox (ws, id, thread_id, body, adapter, origin, state)"
	    " SELECT t.ws, '%s', t.id, 'opening', 'email', '', 3 FROM eddy.threads t",
	    id_format(fork, id), place_key, id);
	assert_true(test_db_exec(sql));
	/* Not known to be out: what answers to it finds neither the side thread nor its parent. */
	take(mail("ada@example.org", true, "2@a", "Re: Which colour?", header("In-Reply-To", opening), "Too early"));
	assert_int_equal(answered(2), 2);
	assert_int_equal(threads(), 2);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO eddy.audiences (ws, id, kind, subject) SELECT ws, '%s', 1, '%s' FROM eddy.forks;"
	    " INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id) SELECT ws, '%s', 'email', '%s',"
	    " topic, 2, true, '%s' FROM eddy.forks; INSERT INTO eddy.place_people (ws, place_id, external_id) SELECT ws, '%s', a FROM eddy.forks,"
	    " unnest('{ada@example.org,bob@example.org}'::text[]) a;",
	    id_format(place, ids[0]), ids[0], ids[0], place_key, ids[0], ids[0]);
	assert_true(test_db_exec(sql));
	snprintf(sql, sizeof(sql),
	    "INSERT INTO eddy.threads (ws, id, place_id, external_key, title, seq, taking_part, last_author, audience_id, fork_id) SELECT ws,"
	    " '%s', '%s', '%s', topic, 0, true, 2, '%s', id FROM eddy.forks; UPDATE eddy.forks SET state = 2, thread_id = '%s'",
	    id_format(thread, ids[1]), ids[0], opening, ids[0], ids[1]);
	assert_true(test_db_exec(sql));
	take(mail("bob@example.org", true, "3@b", "Re: Which colour?", header("In-Reply-To", opening), "Red, I think. Eddy?"));
	assert_int_equal(answered(3), 3);
	assert_true(id_equal(fixture_reply(t.f, 2)->thread, thread));
	email_token_make(t.box->secret, TOKEN_THREAD, thread, token);
	snprintf(to, sizeof(to), "To: eddy+%s@example.org\r\n", token);
	take(mail("ada@example.org", true, "4@a", "Re: Which colour?", to, "Blue"));
	assert_int_equal(answered(4), 4);
	assert_true(id_equal(fixture_reply(t.f, 3)->thread, thread));
	snprintf(to + strlen(to), sizeof(to) - strlen(to), "%s", header("In-Reply-To", opening));
	take(mail("mel@example.org", true, "5@m", "Re: Which colour?", to, "What is this about?")); /* reads neither */
	assert_int_equal(answered(5), 5);
	assert_false(id_equal(fixture_reply(t.f, 4)->thread, thread));
	assert_int_equal(threads(), 4);
}

/* A private answer is answered to privately; who is not the one it is for finds nothing there. */
static void inlet__private__stays_private(void **state)
{
	(void)state;
	char token[EMAIL_TOKEN], to[200], place[500], key[100], more[400];
	struct accepted a;
	struct id thread;
	take(mail("ada@example.org", true, "1@a", "Boats", "Cc: bob@example.org\r\n", "How many?"));
	assert_int_equal(answered(1), 1);
	snprintf(place, sizeof(place), "%s", test_db_value("SELECT external_id FROM eddy.places WHERE adapter = 'email'"));
	snprintf(key, sizeof(key), "%s", test_db_value("SELECT external_key FROM eddy.threads"));
	struct intent in = { .kind = INTENT_COMMAND_GIVEN,
		.ws = t.box->ws,
		.adapter = "email",
		.source_key = "p1",
		.thread_key = key,
		.person = { .external_id = "ada@example.org" },
		.place = { .external_id = place, .visibility = VIS_PRIVATE, .eddy_is_member = true },
		.text = "What was it?",
		.text_len = 12,
		.private_reply = true,
		.verified = VERIFIED_PLATFORM };
	assert_true(fixture_do(t.f, &in, &a));
	assert_int_equal(answered(2), 2);
	assert_true(fixture_reply(t.f, 1)->one_person_only);
	thread = fixture_reply(t.f, 1)->thread;
	assert_false(id_equal(thread, fixture_reply(t.f, 0)->thread));
	email_token_make(t.box->secret, TOKEN_THREAD, thread, token);
	snprintf(to, sizeof(to), "To: eddy+%s@example.org\r\n", token);
	take(mail("ada@example.org", true, "2@a", "Re: Boats", to, "And then?"));
	assert_int_equal(answered(3), 3);
	assert_true(id_equal(fixture_reply(t.f, 2)->thread, thread));
	assert_true(fixture_reply(t.f, 2)->one_person_only);
	/* Neither Reply-To nor those on copy get what is for the sender alone. */
	snprintf(more, sizeof(more), "%sCc: bob@example.org\r\nReply-To: team@example.org\r\n", to);
	take(mail("ada@example.org", true, "4@a", "Re: Boats", more, "And before that?"));
	assert_int_equal(answered(4), 4);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE private_reply AND adapter = 'email'"), 3);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE private_reply AND (position('team@'::bytea IN origin) > 0"
	                          " OR position('bob@'::bytea IN origin) > 0)"),
	    0);
	take(mail("bob@example.org", true, "3@b", "Re: Boats", to, "What did she ask?"));
	assert_int_equal(answered(5), 5);
	assert_false(id_equal(fixture_reply(t.f, 4)->thread, thread));
	assert_false(fixture_reply(t.f, 4)->one_person_only);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.threads"), 3); /* Bob's mail begins one of his own */
}

static void inlet__duty__and_cursor_are_the_stores(void **state)
{
	(void)state;
	uint32_t validity = 9, uid = 9;
	assert_int_equal(t.port.cursor(t.port.arg, &validity, &uid), ERR_NONE);
	assert_int_equal(validity, 0);
	assert_true(t.port.hold(t.port.arg, 30000));
	assert_true(t.port.hold(t.port.arg, 30000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.duties WHERE name = 'mailbox:eddy@example.org'"), 1);
	t.port.leave(t.port.arg);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.duties"), 0);
	assert_int_equal(t.port.set_cursor(t.port.arg, 7, 40), ERR_NONE);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.adapter_notes WHERE value = '7:40'", 2000));
	cursor_is(40);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(inlet__question__is_stored_answered_and_moves_the_cursor),
		TEST(inlet__reply__joins_its_thread_by_each_of_the_ids),
		TEST(inlet__forwarded__opens_no_thread),
		TEST(inlet__outsider__is_a_guest),
		TEST(inlet__outsider__on_copy_once_keeps_it_external),
		TEST(inlet__strangers__get_what_the_settings_say),
		TEST(inlet__too_many__are_delayed_with_one_word),
		TEST(inlet__too_many__new_threads_of_an_outsider_get_one_word),
		TEST(inlet__copy_of_a_list__hides_no_mail),
		TEST(inlet__stopped__by_an_operator_is_passed_over),
		TEST(inlet__automatic__is_passed_over),
		TEST(inlet__unreadable__is_set_aside),
		TEST(inlet__bounce__stops_only_whom_we_wrote_to),
		TEST(inlet__bounce__of_an_answer_to_a_stranger_counts),
		TEST(inlet__number__presses_what_was_offered),
		TEST(inlet__burst__stays_together),
		TEST(inlet__copy__answers_only_when_named),
		TEST(inlet__quiet__holds_until_named),
		TEST(inlet__side_thread__is_its_readers),
		TEST(inlet__private__stays_private),
		TEST(inlet__duty__and_cursor_are_the_stores),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
