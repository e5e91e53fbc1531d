/*
 * Talking to a person: a page ("test") and people in a place of another adapter ("people"), which tells when it is told to what has become
 * of what it was given.  Nothing is lost and nothing doubled, whatever comes between.
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
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../../core/base/mem.h"
#include "../../../core/engine/pages.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

/* ---- the people's side ---- */

#define GOT_MAX 256
struct got {
	struct id ws, delivery;
	char *text, to[64];
	bool maybe_sent, told;
};
struct adapter {
	struct engine *e;
	struct adapter_ops ops;
	pthread_mutex_t mutex;
	struct got got[GOT_MAX];
	size_t len;
	bool mute, away; /* away: no origin can be made */
	enum err result;
};

static void tell(struct adapter *a, size_t i)
{
	char ref[32];
	snprintf(ref, sizeof ref, "root-%zu", i);
	a->got[i].told = true;
	engine_sent(a->e,
	    &(struct sent){ .ws = a->got[i].ws,
	        .delivery = a->got[i].delivery,
	        .result = a->result,
	        .external_ref = a->result == ERR_NONE ? ref : NULL,
	        .why = a->result == ERR_NONE ? NULL : "scripted" });
}

static enum err people_send(struct adapter *a, const struct reply *r)
{
	if (r->kind != REPLY_WHOLE)
		return ERR_NONE;
	pthread_mutex_lock(&a->mutex);
	size_t i = a->len++;
	a->got[i] = (struct got){
		.ws = r->ws, .delivery = r->delivery, .text = xstrndup(r->text, r->text_len), .maybe_sent = r->maybe_sent
	};
	snprintf(a->got[i].to, sizeof a->got[i].to, "%.*s", (int)r->origin_len, (const char *)r->origin);
	if (!a->mute)
		tell(a, i);
	pthread_mutex_unlock(&a->mutex);
	return ERR_NONE;
}

static size_t people_origin(struct adapter *a, struct id ws, const char *place, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	(void)ws;
	(void)subject;
	return a->away ? 0 : (size_t)snprintf(out, INTENT_ORIGIN_MAX, "%s/", place);
}

static size_t people_within(struct adapter *a, const void *origin, size_t n, const char *thread, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "%.*s%s", (int)n, (const char *)origin, thread);
}

static size_t got(struct adapter *a)
{
	pthread_mutex_lock(&a->mutex);
	size_t n = a->len;
	pthread_mutex_unlock(&a->mutex);
	return n;
}

static bool wait_got(struct adapter *a, size_t n)
{
	for (uint64_t until = clock_ms() + 90000; got(a) < n && clock_ms() < until;)
		usleep(2000);
	return got(a) == n;
}

/* What was held back is told now. */
static void unmute(struct adapter *a)
{
	pthread_mutex_lock(&a->mutex);
	a->mute = false;
	for (size_t i = 0; i < a->len; i++)
		if (!a->got[i].told)
			tell(a, i);
	pthread_mutex_unlock(&a->mutex);
}

/* ---- both ---- */

struct both {
	struct fixture *f;
	struct adapter people;
};

static void before_start(void *arg, struct engine *e)
{
	struct adapter *a = arg;
	a->e = e;
	a->ops = (struct adapter_ops){ .name = "people",
		.caps = CAP_THREAD,
		.send = people_send,
		.origin_for = people_origin,
		.origin_within = people_within };
	engine_add_adapter(e, &a->ops, a);
	engine_offer_people(e, "test", "people", "C9");
}

/* Leases of two seconds where one process is to take over from another; where both only work, ones that outlast a machine that stands still. */
enum { SHORT_MS = 2000, LONG_MS = 60000 };

static struct both *both_for(const char *url, uint32_t lease_ms)
{
	struct both *b = xcalloc(1, sizeof *b);
	pthread_mutex_init(&b->people.mutex, NULL);
	b->f = fixture_new(&(struct fixture_options){ .url = url,
	    .caps = CAP_PULL,
	    .before_start = before_start,
	    .before_arg = &b->people,
	    .scan_ms = 100,
	    .heartbeat_ms = 300,
	    .lease_ms = lease_ms });
	return b;
}

static struct both *both_at(const char *url)
{
	return both_for(url, SHORT_MS);
}

static struct both *both(void)
{
	return both_at(NULL);
}

static void both_done(struct both *b)
{
	fixture_free(b->f);
	for (size_t i = 0; i < b->people.len; i++)
		free(b->people.got[i].text);
	pthread_mutex_destroy(&b->people.mutex);
	free(b);
}

static void page_says(struct both *b, const char *key, const char *text)
{
	assert_true(fixture_say(b->f, "U1", "t1", key, text));
}

static struct intent said(const char *person, const char *key, const char *text)
{
	static char source[64];
	snprintf(source, sizeof source, "m:C9:%s:%s", key, text);
	return (struct intent){ .kind = INTENT_MESSAGE_POSTED,
		.adapter = "people",
		.source_key = source,
		.message_key = key,
		.thread_key = "root-0",
		.person = { .external_id = person, .name = person },
		.place = { .external_id = "C9", .name = "support", .visibility = VIS_PUBLIC, .eddy_is_member = true },
		.text = text,
		.text_len = strlen(text),
		.origin = "C9/root-0",
		.origin_len = 9 };
}

struct waiter {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	bool done;
};

static void on_accepted(void *arg, const struct accepted *a)
{
	struct waiter *w = arg;
	assert_int_equal(a->result, ERR_NONE);
	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->cond);
	pthread_mutex_unlock(&w->mutex);
}

static void people_do(struct both *b, struct intent in)
{
	struct waiter w = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false };
	in.ws = fixture_ws(b->f);
	in.received_ms = clock_wall_ms();
	assert_true(engine_accept(fixture_engine(b->f), &in, on_accepted, &w));
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.cond, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
}

#define PAGE \
	" FROM eddy.messages m JOIN eddy.threads t ON t.id = m.thread_id JOIN eddy.places p ON p.id = t.place_id WHERE p.adapter = 'test'"

static void assert_page_gets(const char *body, int times)
{
	char sql[600];
	snprintf(sql, sizeof sql, "SELECT (count(*) = %d)::int" PAGE " AND m.body = '%s' AND m.state <> 2", times, body);
	if (!db_comes_true(sql, 20000))
		fail_msg("the page has not got \"%s\" %d times", body, times);
}

static long relay_state(void)
{
	return db_count("SELECT state FROM eddy.relays ORDER BY created_at DESC LIMIT 1");
}

/* Asked and open. */
static struct both *talking_for(uint32_t lease_ms)
{
	struct both *b = both_for(NULL, lease_ms);
	page_says(b, "1", "do you ship to Norway?");
	assert_true(db_comes_true("SELECT count(*)" PAGE " AND m.author_kind = 2", 20000));
	page_says(b, "2", "Talk to a person, please!");
	assert_true(wait_got(&b->people, 1));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.relays WHERE state = 2", 20000));
	assert_true(db_settles(20000));
	return b;
}

static struct both *talking(void)
{
	return talking_for(SHORT_MS);
}

/* ---- tests ---- */

static void ask__brings_the_people_a_thread_with_what_was_said(void **state)
{
	(void)state;
	struct both *b = talking();
	const struct got *g = &b->people.got[0];
	assert_string_equal(g->to, "C9/");
	assert_false(g->maybe_sent);
	assert_non_null(strstr(g->text, "**U1** would like to talk to a person"));
	assert_non_null(strstr(g->text, "> **U1:** do you ship to Norway?"));
	assert_non_null(strstr(g->text, "> **Eddy:** re: do you ship to Norway?"));
	assert_null(strstr(g->text, "Talk to a person"));
	assert_int_equal(db_count("SELECT count(*)" PAGE " AND m.author_kind = 2 AND m.body LIKE 'I have asked the team%'"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.threads WHERE relay = 1"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.threads WHERE relay = 2 AND external_key = 'root-0'"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.outbox WHERE body <> ''"), 0); /* no copy of the words is kept */
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'relay.asked'"), 1);
	both_done(b);
}

static void words__go_both_ways_in_order_and_eddy_keeps_silent(void **state)
{
	(void)state;
	struct both *b = talking();
	size_t calls = fixture_model_calls(b->f);
	for (int i = 0; i < 8; i++) {
		char key[16], text[32];
		snprintf(key, sizeof key, "3.%d", i);
		snprintf(text, sizeof text, "visitor %d", i);
		page_says(b, key, text);
		snprintf(text, sizeof text, "team %d", i);
		people_do(b, said("P1", key, text));
	}
	assert_true(wait_got(&b->people, 9));
	for (int i = 0; i < 8; i++) {
		char text[64];
		snprintf(text, sizeof text, "**U1:** visitor %d", i);
		assert_string_equal(b->people.got[i + 1].text, text);
		assert_string_equal(b->people.got[i + 1].to, "C9/root-0");
		snprintf(text, sizeof text, "team %d", i);
		assert_page_gets(text, 1);
	}
	assert_true(db_settles(20000));
	assert_int_equal(db_count("SELECT count(*)" PAGE " AND m.body LIKE 'team %' AND m.message_key IS NOT NULL"), 0);
	assert_int_equal(
	    db_count("SELECT count(*)" PAGE " AND m.body LIKE 'team %' AND m.author_id = (SELECT id FROM eddy.people WHERE"
	             " name = 'P1') AND m.author_kind = 1"),
	    8);
	/* In the order in which they were said. */
	assert_int_equal(db_count("SELECT count(*) FROM (SELECT body, lag(body) OVER (ORDER BY seq) AS before FROM (SELECT m.*" PAGE
	                          " AND m.body LIKE 'team %') z) y WHERE before > body"),
	    0);
	/* Named after the message, wherever it is passed on from. */
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.outbox WHERE passes = 1 AND id = encode(set_byte(uuid_send(message_id), 15,"
	             " get_byte(uuid_send(message_id), 15) # 1), 'hex')::uuid"),
	    16);
	assert_int_equal(fixture_model_calls(b->f), calls);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE kind = 1"), 1);
	both_done(b);
}

static void done__said_to_eddy_by_the_people__gives_it_back(void **state)
{
	(void)state;
	struct both *b = talking();
	people_do(b, said("P1", "4.1", "we ship there"));
	struct intent in = said("P1", "4.2", "done");
	in.mentions_us = true;
	people_do(b, in);
	assert_true(wait_got(&b->people, 2)); /* the answer to "done" */
	assert_non_null(strstr(b->people.got[1].text, "mine again"));
	assert_page_gets("we ship there", 1);
	assert_page_gets("**P1** has given the conversation back to me. How can I help?", 1);
	assert_page_gets("done", 0);
	assert_true(db_settles(20000));
	assert_int_equal(relay_state(), 3);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.threads WHERE relay <> 0"), 0);
	page_says(b, "5", "and to Iceland?");
	assert_page_gets("re: U1: and to Iceland?", 1);
	/* What the people write now stays with them, and "done" is a word again. */
	people_do(b, said("P1", "4.3", "lunch?"));
	assert_true(db_settles(20000));
	assert_page_gets("lunch?", 0);
	/* Another wish makes another thread. */
	page_says(b, "6", "talk to a person");
	assert_true(db_comes_true("SELECT count(*) FROM eddy.relays WHERE state = 2", 20000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.relays"), 2);
	both_done(b);
}

static void back_to_eddy__said_at_the_page__ends_it_too(void **state)
{
	(void)state;
	struct both *b = talking();
	page_says(b, "3", "thanks, done");
	page_says(b, "4", "back to Eddy");
	assert_true(wait_got(&b->people, 3));
	assert_string_equal(b->people.got[1].text, "**U1:** thanks, done"); /* no command there */
	assert_non_null(strstr(b->people.got[2].text, "**U1** has gone back to Eddy"));
	assert_page_gets("I''m back. What can I do for you?", 1);
	assert_int_equal(relay_state(), 3);
	people_do(b, said("P1", "5.1", "too late"));
	assert_true(db_settles(20000));
	assert_page_gets("too late", 0);
	both_done(b);
}

static void mention__among_the_people__is_answered_there_and_not_passed_on(void **state)
{
	(void)state;
	struct both *b = talking();
	struct intent in = said("P1", "3.1", "what do you know?");
	in.mentions_us = true;
	people_do(b, in);
	assert_true(wait_got(&b->people, 2));
	assert_string_equal(b->people.got[1].text, "re: what do you know?");
	people_do(b, said("P1", "3.2", "aha"));
	assert_page_gets("aha", 1);
	assert_page_gets("what do you know?", 0);
	assert_int_equal(got(&b->people), 2);
	both_done(b);
}

static void words__before_the_people_can_see_it__are_passed_on_then(void **state)
{
	(void)state;
	struct both *b = both();
	b->people.mute = true;
	page_says(b, "1", "talk to a person");
	page_says(b, "2", "are you there?");
	assert_true(wait_got(&b->people, 1));
	page_says(b, "3", "hello?");
	page_says(b, "4", "talk to a person"); /* impatient: told that they are asked */
	assert_page_gets("I have asked the team already; their answers appear here.", 1);
	/* Quicker than we are told that it is visible. */
	people_do(b, said("P1", "9.1", "yes, here"));
	assert_int_equal(got(&b->people), 1);
	unmute(&b->people);
	assert_true(wait_got(&b->people, 4));
	assert_string_equal(b->people.got[1].text, "**U1:** are you there?");
	assert_string_equal(b->people.got[2].text, "**U1:** hello?");
	assert_string_equal(b->people.got[3].text, "**U1:** talk to a person");
	assert_page_gets("yes, here", 1);
	assert_true(db_settles(20000));
	assert_int_equal(got(&b->people), 4);
	assert_int_equal(fixture_model_calls(b->f), 0);
	both_done(b);
}

/* Everything in one batch: each is judged after those before it. */
static void batch__that_asks_and_goes_on__silences_eddy_for_what_follows(void **state)
{
	(void)state;
	struct both *b = both();
	static const char *const texts[] = { "talk to a person", "one", "two", "back to eddy", "three" };
	for (int i = 0; i < 5; i++) {
		char key[8], source[16];
		snprintf(key, sizeof key, "%d", i);
		snprintf(source, sizeof source, "b:%d", i);
		struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, source, key, texts[i]);
		in.ws = fixture_ws(b->f);
		in.adapter = "test";
		in.origin = "o";
		in.origin_len = 1;
		assert_true(engine_accept(fixture_engine(b->f), &in, NULL, NULL));
	}
	assert_page_gets("re: three", 1);
	assert_true(db_settles(20000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE kind = 1"), 1);
	assert_int_equal(relay_state(), 3);
	both_done(b);
}

static void edit__at_the_page__is_a_new_line_for_the_people(void **state)
{
	(void)state;
	struct both *b = talking();
	page_says(b, "3", "my number is 12");
	assert_true(wait_got(&b->people, 2));
	assert_true(db_settles(20000));
	struct intent in = fixture_intent(INTENT_MESSAGE_EDITED, "e1", "3", "my number is 13");
	assert_true(fixture_do(b->f, &in, NULL));
	assert_true(wait_got(&b->people, 3));
	assert_string_equal(b->people.got[2].text, "**U1** (edited)**:** my number is 13");
	in = fixture_intent(INTENT_MESSAGE_EDITED, "e2", "1", "do you ship to Sweden?"); /* from before they were asked */
	assert_true(fixture_do(b->f, &in, NULL));
	assert_true(db_settles(20000));
	assert_int_equal(got(&b->people), 3);
	both_done(b);
}

static void edit_and_deletion__among_the_people__happen_at_the_page_too(void **state)
{
	(void)state;
	struct both *b = talking();
	people_do(b, said("P1", "3.1", "it costs 10"));
	assert_page_gets("it costs 10", 1);
	struct intent in = said("P1", "3.1", "it costs 12");
	in.kind = INTENT_MESSAGE_EDITED;
	in.source_key = "e:1";
	people_do(b, in);
	assert_page_gets("it costs 12", 1);
	assert_page_gets("it costs 10", 0);
	in.kind = INTENT_MESSAGE_DELETED;
	in.source_key = "d:1";
	in.person = (struct intent_person){ 0 };
	people_do(b, in);
	assert_page_gets("it costs 12", 0);
	assert_int_equal(db_count("SELECT count(*)" PAGE " AND m.state = 2 AND m.body = ''"), 1);
	assert_true(db_settles(20000));
	both_done(b);
}

static void guest__among_the_people__is_not_passed_on(void **state)
{
	(void)state;
	struct both *b = talking();
	struct intent in = said("P2", "3.1", "I am a guest");
	in.person.is_guest = true;
	people_do(b, in);
	in = said("P3", "3.2", "who am I");
	in.person.is_undescribed = true;
	people_do(b, in);
	assert_page_gets("who am I", 0);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.outbox WHERE passes IS NOT NULL AND state = 2", 20000)); /* it waits */
	assert_true(engine_learn_person(
	    fixture_engine(b->f), fixture_ws(b->f), "people", &(struct intent_person){ .external_id = "P3", .name = "Grace" }));
	assert_page_gets("who am I", 1);
	assert_page_gets("I am a guest", 0);
	assert_true(db_settles(20000));
	both_done(b);
}

static void member__who_is_never_described__is_told_that_nobody_saw_it(void **state)
{
	(void)state;
	struct both *b = talking();
	struct intent in = said("P3", "3.2", "who am I");
	in.person.is_undescribed = true;
	people_do(b, in);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.outbox WHERE passes IS NOT NULL AND state = 2", 20000));
	engine_drain(fixture_engine(b->f), 0);
	assert_true(test_db_exec("UPDATE eddy.outbox SET attempts = 8 WHERE passes IS NOT NULL")); /* minutes later */
	struct both *c = both_at(fixture_url(b->f));
	assert_true(wait_got(&c->people, 1));
	assert_non_null(strstr(c->people.got[0].text, "could not be shown on the page"));
	assert_string_equal(c->people.got[0].to, "C9/root-0");
	assert_true(db_settles(20000));
	assert_page_gets("who am I", 0);
	both_done(c);
	both_done(b);
}

static void same_event__twice__is_passed_on_once(void **state)
{
	(void)state;
	struct both *b = talking();
	for (int i = 0; i < 3; i++) {
		people_do(b, said("P1", "3.1", "once"));
		page_says(b, "3", "once too");
	}
	assert_page_gets("once", 1);
	assert_true(wait_got(&b->people, 2));
	assert_true(db_settles(20000));
	assert_int_equal(got(&b->people), 2);
	both_done(b);
}

static void people__cannot_be_reached__and_eddy_is_there_again(void **state)
{
	(void)state;
	struct both *b = both();
	b->people.away = true;
	page_says(b, "1", "talk to a person");
	assert_true(db_comes_true("SELECT count(*)" PAGE " AND m.body LIKE 'I can''t reach the team%'", 20000));
	assert_int_equal(relay_state(), 3);
	page_says(b, "2", "then you");
	assert_page_gets("re: then you", 1);
	b->people.away = false;
	b->people.result = ERR_DENIED;
	page_says(b, "3", "talk to a person");
	assert_true(
	    db_comes_true("SELECT count(*)" PAGE " AND m.author_kind = 2 AND m.body LIKE 'I could not reach the team%'", 20000));
	assert_int_equal(relay_state(), 3);
	page_says(b, "4", "you again");
	assert_page_gets("re: you again", 1);
	assert_true(db_settles(20000));
	both_done(b);
}

static void words__that_the_people_cannot_get__are_said_to_be_lost(void **state)
{
	(void)state;
	struct both *b = talking();
	b->people.result = ERR_DENIED;
	page_says(b, "3", "hear me");
	assert_page_gets("Your last message could not be delivered to the team. Say `back to Eddy` if you want me again.", 1);
	b->people.result = ERR_NONE;
	page_says(b, "4", "and now?");
	assert_true(wait_got(&b->people, 3));
	assert_string_equal(b->people.got[2].text, "**U1:** and now?");
	assert_true(db_settles(20000));
	both_done(b);
}

static void ended__before_the_people_can_see_it__is_said_in_their_thread(void **state)
{
	(void)state;
	struct both *b = both();
	b->people.mute = true;
	page_says(b, "1", "talk to a person");
	assert_true(wait_got(&b->people, 1));
	page_says(b, "2", "back to eddy");
	unmute(&b->people);
	assert_true(wait_got(&b->people, 2));
	assert_string_equal(b->people.got[1].to, "C9/root-0");
	assert_non_null(strstr(b->people.got[1].text, "gone back to Eddy"));
	assert_true(db_settles(20000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.threads WHERE relay <> 0"), 0);
	both_done(b);
}

static void erased__at_the_page__is_closed_for_the_people(void **state)
{
	(void)state;
	struct both *b = talking();
	people_do(b, said("P1", "3.1", "a secret"));
	assert_page_gets("a secret", 1);
	assert_true(db_settles(20000));
	struct id thread;
	assert_true(id_parse(test_db_value("SELECT id FROM eddy.threads WHERE relay = 1"), &thread));
	assert_int_equal(engine_erase_thread(fixture_engine(b->f), fixture_ws(b->f), thread, "test", "U1"), ERR_NONE);
	assert_true(wait_got(&b->people, 2));
	assert_non_null(strstr(b->people.got[1].text, "erased"));
	assert_string_equal(b->people.got[1].to, "C9/root-0");
	people_do(b, said("P1", "3.2", "too late"));
	assert_true(db_settles(20000));
	assert_page_gets("too late", 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.threads WHERE relay <> 0"), 0);
	both_done(b);
}

static void erased__before_the_notice_leaves__shows_the_people_nothing(void **state)
{
	(void)state;
	struct both *b = both();
	page_says(b, "1", "my password is hunter2");
	assert_page_gets("re: my password is hunter2", 1);
	b->people.result = ERR_RETRY;
	page_says(b, "2", "talk to a person");
	assert_true(wait_got(&b->people, 1)); /* and is refused for now */
	engine_drain(fixture_engine(b->f), 0);
	struct id thread;
	assert_true(id_parse(test_db_value("SELECT id FROM eddy.threads WHERE relay = 1"), &thread));
	assert_true(test_db_exec("UPDATE eddy.outbox SET due = now() + interval '2 s' WHERE state = 1"));
	struct both *c = both_at(fixture_url(b->f));
	assert_int_equal(engine_erase_thread(fixture_engine(c->f), fixture_ws(c->f), thread, "test", "U1"), ERR_NONE);
	assert_true(db_settles(20000));
	for (size_t i = 0; i < got(&c->people); i++)
		assert_null(strstr(c->people.got[i].text, "hunter2"));
	both_done(c);
	both_done(b);
}

static void wish__where_it_is_not_offered__is_a_question_like_others(void **state)
{
	(void)state;
	struct both *b = both();
	struct intent in = said("P1", "1.1", "talk to a person");
	in.mentions_us = true;
	people_do(b, in);
	assert_true(wait_got(&b->people, 1));
	assert_string_equal(b->people.got[0].text, "re: talk to a person");
	in = said("P1", "1.2", "done");
	in.mentions_us = true;
	people_do(b, in);
	assert_true(wait_got(&b->people, 2));
	assert_string_equal(b->people.got[1].text, "re: done");
	in = fixture_intent(INTENT_MESSAGE_POSTED, "g1", "1", "talk to a person");
	in.place.visibility = VIS_PRIVATE; /* several people on one page */
	in.mentions_us = true;
	assert_true(fixture_do(b->f, &in, NULL));
	assert_page_gets("re: talk to a person", 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.relays"), 0);
	both_done(b);
}

/* The process ends while ${at} was given out and nothing was heard of it; the next one gives it out again, as one to be looked up. */
static void next_process_delivers(bool opening)
{
	struct both *b = opening ? both() : talking();
	size_t before = got(&b->people);
	b->people.mute = true;
	page_says(b, "11", opening ? "talk to a person" : "are you there?");
	assert_true(wait_got(&b->people, before + 1));
	page_says(b, "12", "hello?");
	people_do(b, said("P1", "9.1", "here"));
	engine_drain(fixture_engine(b->f), 0);
	struct both *c = both_at(fixture_url(b->f));
	assert_true(wait_got(&c->people, 2));
	assert_true(id_equal(c->people.got[0].delivery, b->people.got[before].delivery));
	assert_true(c->people.got[0].maybe_sent);
	assert_string_equal(c->people.got[0].text, b->people.got[before].text);
	assert_string_equal(c->people.got[1].text, "**U1:** hello?");
	assert_false(c->people.got[1].maybe_sent);
	assert_page_gets("here", 1);
	assert_true(db_settles(20000));
	assert_int_equal(got(&c->people), 2);
	both_done(c);
	both_done(b);
}

static void process__ends_while_the_notice_is_out__and_the_next_goes_on(void **state)
{
	(void)state;
	next_process_delivers(true);
}

static void process__ends_while_words_are_out__and_the_next_goes_on(void **state)
{
	(void)state;
	next_process_delivers(false);
}

static void page_words__marked_as_sending_by_a_dead_process__are_there_once(void **state)
{
	(void)state;
	struct both *b = talking();
	people_do(b, said("P1", "3.1", "once"));
	assert_page_gets("once", 1);
	assert_true(db_settles(20000));
	long seq = db_count("SELECT seq FROM eddy.threads WHERE relay = 1");
	/* As if it had died after the page had it and before that was written down. */
	assert_true(test_db_exec("UPDATE eddy.outbox SET state = 2 WHERE adapter = 'relay'"));
	assert_true(
	    test_db_exec("UPDATE eddy.dispatch SET pending = 1, due = now() WHERE thread_id = (SELECT thread_id FROM eddy.outbox"
	                 " WHERE adapter = 'relay')"));
	assert_true(db_settles(20000));
	assert_page_gets("once", 1);
	assert_int_equal(db_count("SELECT state FROM eddy.outbox WHERE adapter = 'relay'"), 3);
	assert_int_equal(db_count("SELECT seq FROM eddy.threads WHERE relay = 1"), seq); /* it was not even numbered again */
	both_done(b);
}

static void two_processes__page_at_one_people_at_the_other__pass_everything_on(void **state)
{
	(void)state;
	struct both *a = talking_for(LONG_MS), *b = both_for(fixture_url(a->f), LONG_MS);
	for (int i = 0; i < 20; i++) {
		char key[16], text[32];
		snprintf(key, sizeof key, "5.%d", i);
		snprintf(text, sizeof text, "visitor %d", i);
		page_says(i % 2 ? a : b, key, text);
		snprintf(text, sizeof text, "team %d", i);
		people_do(i % 3 ? a : b, said("P1", key, text));
	}
	for (int i = 0; i < 20; i++) {
		char text[32];
		snprintf(text, sizeof text, "team %d", i);
		assert_page_gets(text, 1);
	}
	assert_true(db_settles(30000));
	assert_int_equal(got(&a->people) - 1 + got(&b->people), 20);
	both_done(b);
	both_done(a);
}

/* Everything at once, from both ends and at both processes, which take the same rows from either side. */
static void two_processes__at_once__lose_and_double_nothing(void **state)
{
	(void)state;
	enum { EACH = 60 };
	struct both *a = talking_for(LONG_MS), *b = both_for(fixture_url(a->f), LONG_MS);
	for (int i = 0; i < EACH; i++) {
		char key[16], source[32], text[32];
		snprintf(key, sizeof key, "6.%d", i);
		snprintf(source, sizeof source, "w:%d", i);
		snprintf(text, sizeof text, "visitor %d.", i);
		struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, source, key, text);
		in.ws = fixture_ws(a->f);
		in.adapter = "test";
		in.origin = "o";
		in.origin_len = 1;
		assert_true(engine_accept(fixture_engine(i % 2 ? a->f : b->f), &in, NULL, NULL));
		snprintf(text, sizeof text, "team %d.", i);
		in = said("P1", key, text);
		in.ws = fixture_ws(a->f);
		assert_true(engine_accept(fixture_engine(i % 2 ? b->f : a->f), &in, NULL, NULL));
	}
	assert_true(db_comes_true("SELECT (count(*) = 60)::int" PAGE " AND m.body LIKE 'team %.'", 60000));
	assert_true(db_comes_true(
	    "SELECT (count(*) = 60)::int FROM eddy.outbox WHERE adapter = 'people' AND passes = 1 AND state = 3", 60000));
	assert_true(db_settles(30000));
	assert_int_equal(got(&a->people) - 1 + got(&b->people), EACH);
	assert_int_equal(db_count("SELECT count(DISTINCT m.body)" PAGE " AND m.body LIKE 'team %.'"), EACH);
	both_done(b);
	both_done(a);
}

static void on_active(void *arg, const struct active_thread *t)
{
	assert_string_equal(t->place_key, "C9");
	assert_string_equal(t->thread_key, "root-0");
	++*(int *)arg;
}

/* Eddy was not asked there, yet what is said there after a gap has to be heard. */
static void peoples_thread__is_read_back_after_a_gap(void **state)
{
	(void)state;
	struct both *b = talking();
	int n = 0;
	assert_int_equal(engine_active_threads(fixture_engine(b->f), fixture_ws(b->f), "people", 0, 10, on_active, &n), ERR_NONE);
	assert_int_equal(n, 1);
	both_done(b);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ask__brings_the_people_a_thread_with_what_was_said),
		cmocka_unit_test(words__go_both_ways_in_order_and_eddy_keeps_silent),
		cmocka_unit_test(done__said_to_eddy_by_the_people__gives_it_back),
		cmocka_unit_test(back_to_eddy__said_at_the_page__ends_it_too),
		cmocka_unit_test(mention__among_the_people__is_answered_there_and_not_passed_on),
		cmocka_unit_test(words__before_the_people_can_see_it__are_passed_on_then),
		cmocka_unit_test(batch__that_asks_and_goes_on__silences_eddy_for_what_follows),
		cmocka_unit_test(edit__at_the_page__is_a_new_line_for_the_people),
		cmocka_unit_test(edit_and_deletion__among_the_people__happen_at_the_page_too),
		cmocka_unit_test(guest__among_the_people__is_not_passed_on),
		cmocka_unit_test(member__who_is_never_described__is_told_that_nobody_saw_it),
		cmocka_unit_test(same_event__twice__is_passed_on_once),
		cmocka_unit_test(people__cannot_be_reached__and_eddy_is_there_again),
		cmocka_unit_test(words__that_the_people_cannot_get__are_said_to_be_lost),
		cmocka_unit_test(ended__before_the_people_can_see_it__is_said_in_their_thread),
		cmocka_unit_test(erased__at_the_page__is_closed_for_the_people),
		cmocka_unit_test(erased__before_the_notice_leaves__shows_the_people_nothing),
		cmocka_unit_test(wish__where_it_is_not_offered__is_a_question_like_others),
		cmocka_unit_test(process__ends_while_the_notice_is_out__and_the_next_goes_on),
		cmocka_unit_test(process__ends_while_words_are_out__and_the_next_goes_on),
		cmocka_unit_test(page_words__marked_as_sending_by_a_dead_process__are_there_once),
		cmocka_unit_test(two_processes__page_at_one_people_at_the_other__pass_everything_on),
		cmocka_unit_test(two_processes__at_once__lose_and_double_nothing),
		cmocka_unit_test(peoples_thread__is_read_back_after_a_gap),
	};
	if (getenv("EDDY_TEST_ONLY") != NULL)
		cmocka_set_test_filter(getenv("EDDY_TEST_ONLY"));
	return cmocka_run_group_tests_name("conversations with people", tests, NULL, NULL);
}
