/*
 * Deleting, editing, forgetting: what is left of a word that was planted, in every column of every table.  The fake model repeats what it
 * is told, so what Eddy says has the word as well.
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

#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"
#include "../../../core/engine/upkeep.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"
#include "../../support/leaks.h"

static struct fixture *f;

static bool settles_to(const char *word, const char *want)
{
	char sql[300];
	leaks(word);
	snprintf(sql, sizeof sql, "SELECT (public.leaks('%s') = '%s')::int", word, want);
	return db_comes_true(sql, 20000);
}

static int set_up(void **state)
{
	(void)state;
	f = fixture_new(&(struct fixture_options){ .scan_ms = 200, .settings = "engine.upkeep=500ms\0" });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_free(f);
	f = NULL;
	return 0;
}

static void says(const char *person, const char *name, const char *place, enum visibility v, const char *thread, const char *key,
    const char *text, bool to_eddy)
{
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, key, key, text);
	struct accepted out;
	in.person = (struct intent_person){ .external_id = person, .name = name };
	in.place = (struct intent_place){ .external_id = place, .name = place, .visibility = v, .eddy_is_member = true };
	in.thread_key = thread;
	in.mentions_us = to_eddy;
	assert_true(fixture_do(f, &in, &out));
	assert_int_equal(out.result, ERR_NONE);
}

static void change(enum intent_kind kind, const char *place, const char *thread, const char *key, const char *text)
{
	static int n;
	char source[40];
	snprintf(source, sizeof source, "change %d", n++);
	struct intent in = fixture_intent(kind, source, key, text);
	struct accepted out;
	in.place = (struct intent_place){ .external_id = place, .name = place, .visibility = VIS_PUBLIC, .eddy_is_member = true };
	in.thread_key = thread;
	assert_true(fixture_do(f, &in, &out));
	assert_int_equal(out.result, ERR_NONE);
}

static long number(const char *sql)
{
	return db_count(sql);
}

/* ---- deleting ---- */

static void delete__a_message__takes_what_came_from_it(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "the tender is zanzibar77 and hush", true);
	says("U2", "Ben", "C1", VIS_PUBLIC, "t1", "m2", "what is the tender again?", true);
	says("U2", "Ben", "C2", VIS_PUBLIC, "t2", "m3", "unrelated tender words", true);
	assert_int_equal(fixture_wait_replies(f, 3, 20000), 3);
	assert_true(db_settles(20000));
	/* Derived by hand: a summary, an item with no other source and one with another, a draft. */
	assert_true(test_db_exec(
	    "INSERT INTO eddy.summaries (ws, thread_id, upto_seq, body, by_model) SELECT ws, thread_id, 2, 'about zanzibar77', true FROM eddy.messages"
	    " WHERE message_key = 'm1';"
	    "INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id) SELECT ws, id, 2, 5, 2, 3, 'zanzibar77 it is',"
	    " audience_id FROM eddy.messages WHERE message_key IN ('m1');"
	    "INSERT INTO eddy.context_sources SELECT ws, id, id FROM eddy.messages WHERE message_key = 'm1';"
	    "INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id) SELECT ws, id, 2, 5, 2, 3, 'what Ben said',"
	    " audience_id FROM eddy.messages WHERE message_key IN ('m2');"
	    "INSERT INTO eddy.context_sources SELECT ws, (SELECT id FROM eddy.messages WHERE message_key = 'm2'), id FROM eddy.messages"
	    " WHERE message_key IN ('m1', 'm2')"));
	assert_string_not_equal(leaks("zanzibar77"), "");
	change(INTENT_MESSAGE_DELETED, "C1", "t1", "m1", NULL);
	assert_true(settles_to("zanzibar77", ""));
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body <> '' AND author_kind = 1"), 2);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE '%unrelated%' AND author_kind = 2"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.context_items"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.summaries"), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.erasures WHERE state = 2 AND messages = 1 AND answers >= 1"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.erasure_words"), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.audit WHERE verb = 'message.erased'"), 1);
}

/* Words that others use as well do not tell where an answer came from. */
static void delete__words_that_others_use__leave_answers_alone(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "budget meeting tomorrow", true);
	says("U2", "Ben", "C1", VIS_PUBLIC, "t1", "m2", "the budget meeting was moved to tomorrow", false);
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	assert_true(db_settles(20000));
	change(INTENT_MESSAGE_DELETED, "C1", "t1", "m1", NULL);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE author_kind = 2 AND state = 0"), 1);
	assert_int_equal(number("SELECT answers FROM eddy.erasures"), 0);
}

/* An agent that looked it up said it again elsewhere; each word of it is somebody else's, too. */
static void delete__of_what_an_agent_has_looked_up__takes_its_answer_elsewhere(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "deploy costs forty guilders", false);
	says("U2", "Ben", "C1", VIS_PUBLIC, "t3", "m2", "guilders are coins", false);
	says("U2", "Ben", "C1", VIS_PUBLIC, "t4", "m3", "forty people know what it costs", false);
	fixture_script(f, SCRIPT_TOOL);
	fixture_after_tool(f, SCRIPT_ANSWER);
	says("U2", "Ben", "C2", VIS_PUBLIC, "t2", "m4", "what does it cost to deploy?", true);
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	says("U2", "Ben", "C2", VIS_PUBLIC, "t5", "m5", "and who pays?", true);
	assert_int_equal(fixture_wait_replies(f, 2, 20000), 2);
	assert_true(db_settles(20000));
	assert_true(test_db_exec("UPDATE eddy.messages SET body = 'It costs forty guilders to deploy.' WHERE author_kind = 2"));
	change(INTENT_MESSAGE_DELETED, "C1", "t1", "m1", NULL);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.messages m JOIN eddy.threads t ON t.id = m.thread_id AND t.external_key = 't2'"
	           " WHERE author_kind = 2 AND m.state = 2 AND body = ''"),
	    1);
	/* The other one has read nothing: people say so, too. */
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE author_kind = 2 AND state = 0"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE author_kind = 1 AND body <> ''"), 4);
}

/* ---- side threads ---- */

static void opens(size_t replies, const char *topic)
{
	char sql[200];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM eddy.forks WHERE state = 2 AND topic LIKE '%s%%'", topic);
	assert_true(fixture_wait_replies(f, replies, 20000) >= replies);
	assert_true(db_comes_true(sql, 20000));
	assert_true(db_settles(20000));
}

/* The subject of a mail is in where its answers go. */
static void delete__of_what_a_side_thread_is_about__takes_its_subject(void **state)
{
	(void)state;
	fixture_free(f);
	f = fixture_new(&(struct fixture_options){ .scan_ms = 200, .settings = "engine.upkeep=500ms\0", .words_in_origins = true });
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "the tender is tasmania and hush", false);
	says("U2", "Ben", "C1", VIS_PUBLIC, "t1", "m2", "fork", true);
	opens(2, "the tender is tasmania");
	says("U2", "Ben", "C1", VIS_PUBLIC, "f1", "m3", "what about it?", true);
	assert_true(fixture_wait_replies(f, 3, 20000) >= 3);
	assert_true(db_settles(20000));
	assert_true(test_db_exec("UPDATE eddy.threads SET title = 'kept' WHERE external_key = 't1'"));
	assert_int_equal(number("SELECT count(*) FROM eddy.outbox o JOIN eddy.forks k ON k.id = o.id WHERE o.origin <> ''"), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.forks WHERE convert_from(origin, 'UTF8') = 'within:f1'"), 1);
	change(INTENT_MESSAGE_DELETED, "C1", "t1", "m1", NULL);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.forks WHERE topic = '(erased)' AND convert_from(origin, 'UTF8') = 'plain'"
	           " AND convert_from(parent_origin, 'UTF8') LIKE 'origin%'"),
	    1);
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.runs r JOIN eddy.threads t ON t.id = r.thread_id WHERE t.external_key = 'f1'"
	           " AND r.origin <> ''"),
	    0);
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.runs r JOIN eddy.threads t ON t.id = r.thread_id WHERE t.external_key = 't1'"
	           " AND r.origin = ''"),
	    0);
}

/* The new text counts in what the side thread is called and quotes, wherever that is stored. */
static void edit__of_what_a_side_thread_is_about__is_followed(void **state)
{
	(void)state;
	for (int live = 0; live < 2; live++) {
		fixture_free(f);
		f = fixture_new(&(struct fixture_options){
		    .scan_ms = 200, .settings = "engine.upkeep=500ms\0", .caps = live ? CAP_STREAM | CAP_STATUS | CAP_PULL : 0 });
		says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "the tender is zealand", false);
		says("U2", "Ben", "C1", VIS_PUBLIC, "t1", "m2", "fork", true);
		assert_true(
		    db_comes_true("SELECT count(*) FROM eddy.forks WHERE state = 2 AND topic = 'the tender is zealand'", 20000));
		says("U2", "Ben", "C1", VIS_PUBLIC, "t1", "m3", "fork: a name of its own",
		    true); /* about the same, or what follows it */
		assert_true(db_comes_true("SELECT (count(*) = 2)::int FROM eddy.forks WHERE state = 2", 20000));
		assert_true(db_settles(20000));
		assert_int_equal(
		    number(
		        "SELECT count(*) FROM eddy.forks k JOIN eddy.messages m ON m.id = k.about_id WHERE m.message_key = 'm1'"),
		    2);
		change(INTENT_MESSAGE_EDITED, "C1", "t1", "m1", "the tender is *tonga*\nand more");
		assert_true(db_comes_true("SELECT count(*) FROM eddy.forks WHERE topic = 'the tender is tonga and more'", 20000));
		assert_string_equal(leaks("zealand"), "");
		assert_int_equal(number("SELECT count(*) FROM eddy.erasures"), 0);
		assert_int_equal(number("SELECT count(*) FROM eddy.threads WHERE title = 'the tender is tonga and more'"), 1);
		assert_int_equal(number("SELECT count(*) FROM eddy.forks WHERE topic = 'a name of its own'"), 1);
		assert_int_equal(
		    number("SELECT count(*) FROM eddy.messages m JOIN eddy.threads t ON t.id = m.thread_id WHERE t.fork_id IS NULL"
		           " AND m.state = 1 AND m.body LIKE 'Side thread #1 is open: [the tender is tonga and more](https://%)'"),
		    1);
		if (!live)
			continue;
		assert_int_equal(
		    number(
		        "SELECT count(*) FROM eddy.messages WHERE components @> '[{\"label\":\"the tender is tonga and more\"}]'"),
		    1);
		assert_int_equal(
		    number(
		        "SELECT count(*) FROM eddy.messages m JOIN eddy.threads t ON t.id = m.thread_id WHERE t.fork_id IS NOT NULL"
		        " AND m.state = 1 AND m.body LIKE E'**Side thread #_: %**\\n\\n> the tender is *tonga*\\n> and more\\n\\n– Ana%'"
		        " AND m.body LIKE '%Work it out here.%' AND m.rev > m.seq"),
		    2);
	}
}

/* Asked for in a side thread that is resolved: about its last word, which goes like any other. */
static void delete__of_the_last_word_of_a_resolved_side_thread__takes_what_quotes_it(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "fork: one thing", true);
	opens(2, "one thing");
	says("U1", "Ana", "C1", VIS_PUBLIC, "f1", "m2", "it is kamchatka and hush", false);
	assert_true(test_db_exec("UPDATE eddy.forks SET state = 3"));
	says("U1", "Ana", "C1", VIS_PUBLIC, "f1", "m3", "fork", true);
	opens(4, "it is kamchatka");
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.forks k JOIN eddy.messages m ON m.id = k.about_id AND m.message_key = 'm2'"
	           " JOIN eddy.threads t ON t.id = k.parent_id AND t.external_key = 't1'"),
	    1);
	change(INTENT_MESSAGE_DELETED, "C1", "f1", "m2", NULL);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	assert_string_equal(leaks("kamchatka"), "");
	assert_int_equal(number("SELECT count(*) FROM eddy.forks WHERE topic = '(erased)' AND about_id IS NULL"), 1);
}

static void delete__of_a_source__cuts_its_lines_from_an_accepted_resolution(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "it costs quuxly the shade", false);
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m2", "and we buy it", false);
	says("U1", "Ana", "C1", VIS_PUBLIC, "t0", "p1", "parent", true);
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	assert_true(db_settles(20000));
	assert_true(test_db_exec(
	    "INSERT INTO eddy.forks (ws, id, parent_id, n, topic, state, adapter, place_key, parent_origin, thread_id) SELECT c.ws, c.id, p.thread_id,"
	    " 1, 'price', 3, 'test', 'C1', '', c.thread_id FROM eddy.messages c, eddy.messages p WHERE c.message_key = 'm1' AND p.message_key = 'p1';"
	    "UPDATE eddy.threads SET fork_id = f.id FROM eddy.forks f WHERE f.thread_id = threads.id;"
	    "INSERT INTO eddy.resolutions (ws, id, fork_id, state, headline, body, sources, by_model, message_id) SELECT f.ws, f.id, f.id, 2,"
	    " 'Price', E'**Price**\\n\\n- It has a price [1]\\n- We buy it [2]\\n- Both [1] [2]', ARRAY(SELECT id FROM eddy.messages"
	    " WHERE message_key IN ('m1', 'm2') ORDER BY message_key), false, a.id FROM eddy.forks f, eddy.messages a WHERE a.author_kind = 2;"
	    "UPDATE eddy.messages SET body = (SELECT body FROM eddy.resolutions) || E'\\n- by quuxly' WHERE author_kind = 2"));
	change(INTENT_MESSAGE_DELETED, "C1", "t1", "m1", NULL);
	assert_true(settles_to("quuxly", ""));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	assert_string_equal(test_db_value("SELECT body FROM eddy.resolutions"), "**Price**\n\n- We buy it [2]\n- Both [1] [2]");
	assert_string_equal(
	    test_db_value("SELECT body FROM eddy.messages WHERE author_kind = 2"), "**Price**\n\n- We buy it [2]\n- Both [1] [2]");
	assert_int_equal(number("SELECT state FROM eddy.messages WHERE author_kind = 2"), 1);
}

/* ---- editing ---- */

static void edit__a_message__makes_its_new_text_count(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "we meet at noon", false);
	assert_true(test_db_exec(
	    "INSERT INTO eddy.summaries (ws, thread_id, upto_seq, body, by_model) SELECT ws, thread_id, 1, 'noon', true FROM eddy.messages;"
	    "INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id) SELECT m.ws, gen_random_uuid(), 4, 5, s.state,"
	    " s.origin, 'we meet at noon', audience_id FROM eddy.messages m, (VALUES (2, 3), (2, 2), (1, 2), (2, 4), (2, 1)) AS s (state, origin);"
	    "INSERT INTO eddy.context_sources SELECT i.ws, i.id, m.id FROM eddy.context_items i, eddy.messages m"));
	change(INTENT_MESSAGE_EDITED, "C1", "t1", "m1", "we meet at one");
	assert_int_equal(number("SELECT count(*) FROM eddy.summaries"), 0);
	assert_string_equal(
	    test_db_value(
	        "SELECT string_agg(origin || ' ' || state || ' ' || body, '; ' ORDER BY origin, state) FROM eddy.context_items"),
	    "1 2 we meet at noon; 2 1 we meet at noon; 3 2 we meet at one; 4 1 we meet at noon");
	assert_int_equal(number("SELECT count(*) FROM eddy.erasures"), 0);
}

/* ---- forgetting ---- */

/* As the writer does with an edit: the thread first, then what rests on its messages.  Nobody is to be told that he stands in the way. */
static void *holds(void *arg)
{
	*(bool *)arg =
	    test_db_exec("BEGIN; SELECT 1 FROM eddy.threads WHERE external_key = 't1' FOR UPDATE; SELECT pg_sleep(2);"
	                 " UPDATE eddy.context_items SET confidence = 0.5; UPDATE eddy.summaries SET by_model = false; COMMIT");
	return NULL;
}

static void delete__of_a_thread_somebody_writes_in__waits_before_it_holds_anything(void **state)
{
	(void)state;
	bool done = false;
	pthread_t other;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "the tender is zanzibar and hush", false);
	says("U1", "Ana", "D1", VIS_DIRECT, "t2", "m2", "forget me", true);
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	assert_true(db_settles(20000));
	assert_true(test_db_exec(
	    "INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id) SELECT ws, id, 2, 5, 2, 3, 'it is',"
	    " audience_id FROM eddy.messages WHERE message_key = 'm1';"
	    "INSERT INTO eddy.context_sources SELECT ws, id, id FROM eddy.messages WHERE message_key = 'm1';"
	    "INSERT INTO eddy.summaries (ws, thread_id, upto_seq, body, by_model) SELECT ws, thread_id, 1, 'it', true FROM eddy.messages"
	    " WHERE message_key = 'm1'"));
	pthread_create(&other, NULL, holds, &done);
	assert_true(db_comes_true(
	    "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(2)%' AND wait_event = 'PgSleep'", 5000));
	says("U1", "Ana", "D1", VIS_DIRECT, "t2", "m3", "forget me yes", true);
	pthread_join(other, NULL);
	assert_true(done);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	assert_string_equal(leaks("zanzibar"), "");
	assert_int_equal(number("SELECT count(*) FROM eddy.context_items"), 0);
}

static void forget_me__without_a_yes__erases_nothing(void **state)
{
	(void)state;
	says("U1", "Ana", "D1", VIS_DIRECT, "t1", "m1", "hello there kestrel99", true);
	says("U1", "Ana", "D1", VIS_DIRECT, "t1", "m2", "forget me", true);
	assert_int_equal(fixture_wait_replies(f, 2, 20000), 2);
	assert_non_null(strstr(fixture_reply(f, 1)->text, "forget me yes"));
	/* Somebody else's yes is not hers. */
	says("U2", "Ben", "C1", VIS_PUBLIC, "t2", "m3", "forget me yes", true);
	assert_int_equal(fixture_wait_replies(f, 3, 20000), 3);
	assert_non_null(strstr(fixture_reply(f, 2)->text, "Shall I forget you?"));
	/* Nor is one that comes too late. */
	assert_true(test_db_exec("UPDATE eddy.offers SET until = now() - interval '1 s'"));
	assert_int_equal(number("SELECT count(*) FROM eddy.offers"), 2);
	says("U1", "Ana", "D1", VIS_DIRECT, "t1", "m4", "forget me yes", true);
	assert_true(db_settles(20000));
	assert_non_null(strstr(fixture_reply(f, 3)->text, "Shall I forget you?"));
	assert_int_equal(number("SELECT count(*) FROM eddy.erasures"), 0);
	assert_string_not_equal(leaks("kestrel99"), "");
}

static void forget_me__with_a_yes__leaves_nothing_in_any_table(void **state)
{
	(void)state;
	says("U1canary", "Ana Canaryname", "D1canary", VIS_DIRECT, "t1canary", "m1canary", "my number is canarysecret", true);
	says("U1canary", "Ana Canaryname", "C1", VIS_PUBLIC, "t2", "m2canary", "in public I say canarypublic", true);
	says("U2", "Ben", "C1", VIS_PUBLIC, "t2", "m3", "and I say something else", true);
	assert_int_equal(fixture_wait_replies(f, 3, 20000), 3);
	says("U1canary", "Ana Canaryname", "D1canary", VIS_DIRECT, "t1canary", "m4canary", "rename: canarytitle", true);
	says("U1canary", "Ana Canaryname", "D1canary", VIS_DIRECT, "t1canary", "m5canary", "search canarywords", true);
	says("U2", "Ben", "C2", VIS_PUBLIC, "t3", "m6", "search canarypublic", true); /* another's words stay */
	says("U2", "Ben", "C2", VIS_PUBLIC, "t4", "m7", "what did Ana say in public?", true);
	assert_true(fixture_wait_replies(f, 6, 20000) >= 6);
	assert_true(db_settles(20000));
	assert_true(test_db_exec(
	    "INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id, about_id, attribute) SELECT m.ws, gen_random_uuid(),"
	    " 7, 5, 2, 2, 'canaryfact', audience_id, author_id, 'home' FROM eddy.messages m WHERE message_key = 'm1canary';"
	    "INSERT INTO eddy.sessions (ws, id, subject, name, refresh_hash, expires_at) SELECT ws, gen_random_uuid(), 'U1canary', 'Canaryname', '',"
	    " now() FROM eddy.workspaces LIMIT 1;"
	    "INSERT INTO eddy.place_people (ws, place_id, external_id) SELECT ws, id, 'U1canary' FROM eddy.places LIMIT 1"));
	size_t before = fixture_count(f, REPLY_WHOLE);
	says("U1canary", "Ana Canaryname", "D1canary", VIS_DIRECT, "t1canary", "m8canary", "forget me", true);
	assert_true(fixture_wait_replies(f, before + 1, 20000) > before);
	says("U1canary", "Ana Canaryname", "D1canary", VIS_DIRECT, "t1canary", "m9canary", "forget me yes", true);
	assert_true(fixture_wait_replies(f, before + 2, 20000) > before + 1);
	assert_non_null(strstr(fixture_reply(f, before + 1)->text, "I have forgotten you. Erased: "));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	/* Ben has typed one of the words himself. */
	assert_string_equal(leaks("canarysecret"), "");
	assert_string_equal(leaks("canaryname"), "");
	assert_string_equal(leaks("canarytitle"), "");
	assert_string_equal(leaks("canarywords"), "");
	assert_string_equal(leaks("canaryfact"), "");
	assert_string_equal(leaks("U1canary"), "");
	assert_string_equal(leaks("D1canary"), "");
	assert_string_equal(leaks("t1canary"), "");
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE author_kind = 1 AND body <> ''"), 3);
	assert_int_equal(number("SELECT count(*) FROM eddy.identities"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.audit WHERE verb = 'person.forgotten'"), 1);
	/* Their entries are there, and nobody can tell whose they were. */
	assert_true(
	    number("SELECT count(*) FROM eddy.audit a WHERE a.actor IS NOT NULL AND NOT EXISTS (SELECT 1 FROM eddy.audit_people p"
	           " WHERE p.ws = a.ws AND p.tag = a.actor)") > 0);
	/* The receipt is what is left of that conversation. */
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE 'I have forgotten you.%'"), 1);
	/* Somebody new. */
	says("U1canary", "Somebody", "D1canary", VIS_DIRECT, "t1canary", "m10", "who am I?", true);
	assert_true(fixture_wait_replies(f, before + 3, 20000) > before + 2);
	assert_int_equal(number("SELECT count(*) FROM eddy.identities"), 2);
	assert_int_equal(number("SELECT count(*) FROM eddy.people WHERE name = 'Somebody'"), 1);
	assert_true(db_settles(20000));
}

static void export__of_ones_own_data__is_given_in_private_only(void **state)
{
	(void)state;
	says("U1", "Ana \"A\" Ruiz", "C1", VIS_PUBLIC, "t1", "m1", "in public ``` I say this", false);
	says("U2", "Ben", "C1", VIS_PUBLIC, "t1", "m2", "bens words", false);
	says("U1", "Ana \"A\" Ruiz", "C1", VIS_PUBLIC, "t2", "m3", "export my data", true);
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	assert_non_null(strstr(fixture_reply(f, 0)->text, "Write `export my data` to me directly"));
	/* What others have noted about her: in public, and where she may not read. */
	says("U2", "Ben", "P1", VIS_PRIVATE, "t9", "m9", "among us", false);
	assert_true(test_db_exec(
	    "INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id, about_id, attribute) SELECT x.ws, gen_random_uuid(),"
	    " 7, 5, 1, 4, x.body, x.audience_id, a.author_id, 'home' FROM (SELECT ws, body || ' noted' AS body, audience_id FROM eddy.messages"
	    " WHERE message_key IN ('m2', 'm9')) x, (SELECT author_id FROM eddy.messages WHERE message_key = 'm1') a"));
	says("U1", "Ana \"A\" Ruiz", "D1", VIS_DIRECT, "t3", "m4", "export my data", true);
	assert_int_equal(fixture_wait_replies(f, 2, 20000), 2);
	assert_non_null(strstr(fixture_reply(f, 1)->text, "bens words noted"));
	assert_null(strstr(fixture_reply(f, 1)->text, "among us"));
	const char *said = fixture_reply(f, 1)->text, *json = strstr(said, "```json\n");
	assert_non_null(json);
	json += strlen("```json\n");
	const char *end = strstr(json, "\n```");
	assert_non_null(end);
	assert_string_equal(end, "\n```"); /* the text could not end the block */
	json_t *root = NULL;
	assert_int_equal(json_parse(json, (size_t)(end - json), 1u << 20, &root, NULL), ERR_NONE);
	assert_string_equal(json_str(json_obj(root, "person"), "name", ""), "Ana \"A\" Ruiz");
	assert_int_equal(json_array_size(json_object_get(root, "messages")), 3);
	assert_string_equal(json_str(json_array_get(json_object_get(root, "messages"), 2), "text", ""), "in public ``` I say this");
	assert_int_equal(json_array_size(json_object_get(root, "identities")), 1);
	assert_int_equal(json_int(root, "messages_left_out", -1), 0);
	assert_int_equal(json_array_size(json_object_get(root, "remembered")), 1);
	json_decref(root);
	/* A place of two, in a thread where only one has written so far. */
	says("U2", "Ben", "D2", VIS_DIRECT, "t4", "m5", "hello", true);
	says("U1", "Ana", "D2", VIS_DIRECT, "t5", "m6", "export my data", true);
	assert_int_equal(fixture_wait_replies(f, 4, 20000), 4);
	assert_true(db_settles(20000));
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE '%```json%'"), 1);
}

/* ---- upkeep ---- */

static void upkeep__after_the_idle_days__archives(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "something", false);
	assert_int_equal(upkeep_round(fixture_engine(f), 29ull * 86400000, true), ERR_NONE);
	assert_int_equal(number("SELECT state FROM eddy.threads"), 1);
	assert_int_equal(upkeep_round(fixture_engine(f), 31ull * 86400000, true), ERR_NONE);
	assert_int_equal(number("SELECT state FROM eddy.threads"), 3);
	assert_int_equal(number("SELECT count(*) FROM eddy.audit WHERE verb = 'thread.idle'"), 1);
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m2", "again", false);
	assert_int_equal(number("SELECT state FROM eddy.threads"), 1);
}

/* What fails in one workspace, each time, does not keep the others from theirs. */
static void upkeep__that_fails_in_one_workspace__goes_on_in_the_others(void **state)
{
	(void)state;
#define FIRST "00000000-0000-4000-8000-000000000001"
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "something", false);
	assert_true(test_db_exec(
	    "INSERT INTO eddy.workspaces (ws, name) VALUES ('" FIRST "', 'first');"
	    "INSERT INTO eddy.installs (adapter, external_id, ws) VALUES ('test', 'first', '" FIRST "');"
	    "INSERT INTO eddy.api_answers (ws, caller_id, key_hash, digest, request_id, made_at) VALUES ('" FIRST
	    "', gen_random_uuid(), sha256('k'), sha256('d'), gen_random_uuid(), '2020-01-01');"
	    "CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$;"
	    "CREATE TRIGGER refuse BEFORE DELETE ON eddy.api_answers FOR EACH ROW EXECUTE FUNCTION public.refuse()"));
	assert_int_equal(number("SELECT count(*) FROM eddy.threads WHERE ws > '" FIRST "'"), 1); /* its turn comes later */
	assert_int_not_equal(upkeep_round(fixture_engine(f), 31ull * 86400000, true), ERR_NONE);
	assert_int_equal(number("SELECT state FROM eddy.threads"), 3);
}

static void upkeep__a_silent_thread__is_offered_a_summary_once(void **state)
{
	(void)state;
	const uint64_t later = 49ull * 3600000;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "which database?", true);
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	assert_true(db_settles(20000));
	assert_int_equal(upkeep_round(fixture_engine(f), later, true), ERR_NONE); /* nobody has asked for it here */
	assert_int_equal(number("SELECT count(*) FROM eddy.offers"), 0);
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m2", "offer summaries here", true);
	assert_int_equal(fixture_wait_replies(f, 2, 20000), 2);
	assert_true(db_settles(20000));
	assert_int_equal(upkeep_round(fixture_engine(f), later - 2ull * 3600000, true), ERR_NONE); /* not silent long enough */
	assert_int_equal(number("SELECT count(*) FROM eddy.offers"), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(upkeep_round(fixture_engine(f), later * (uint64_t)(i + 1), true), ERR_NONE);
	assert_int_equal(fixture_wait_replies(f, 3, 20000), 3);
	assert_string_equal(fixture_reply(f, 2)->text, "This thread has been silent for two days. Shall I sum it up?");
	assert_true(db_settles(20000));
	assert_int_equal(number("SELECT count(*) FROM eddy.offers WHERE kind = 1 AND state = 1"), 1);
	/* When somebody has written, silence begins anew. */
	says("U2", "Ben", "C1", VIS_PUBLIC, "t1", "m3", "still thinking", false);
	assert_int_equal(upkeep_round(fixture_engine(f), later, true), ERR_NONE);
	assert_int_equal(number("SELECT count(*) FROM eddy.offers"), 2);
	assert_true(db_settles(20000));
	says("U2", "Ben", "C1", VIS_PUBLIC, "t1", "m4", "mark as resolved", true);
	assert_true(db_settles(20000));
	assert_int_equal(number("SELECT state FROM eddy.threads"), 2);
	assert_int_equal(upkeep_round(fixture_engine(f), later, true), ERR_NONE);
	assert_int_equal(number("SELECT count(*) FROM eddy.offers"), 2);
}

static void upkeep__removes__offers_that_ended_long_ago(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "something", false);
	assert_true(test_db_exec(
	    "INSERT INTO eddy.offers (ws, id, kind, thread_id, state, until, created_at, closed_at) SELECT ws, gen_random_uuid(), 1, id, x.state,"
	    " now() + interval '1 day', now() - interval '90 days', now() - x.days * interval '1 day' FROM eddy.threads, (VALUES (2, 31), (3, 31),"
	    " (4, 31), (2, 29), (1, NULL)) AS x (state, days)"));
	assert_int_equal(upkeep_round(fixture_engine(f), 0, true), ERR_NONE);
	assert_string_equal(test_db_value("SELECT string_agg(state::text, ' ' ORDER BY state) FROM eddy.offers"), "1 2");
}

static void commands__about_threads__say_what_they_did(void **state)
{
	(void)state;
	static const char *const talk[][2] = {
		{ "archive", "Archived:" },
		{ "mark as resolved", "Marked as resolved." },
		{ "reopen", "Open again." },
		{ "rename: Plans for 2027", "**Plans for 2027**" },
		{ "threads", "**#1** [Plans for 2027](https://test.example/D1/m0), just now" },
		{ "open #1", "**Plans for 2027**, active, just now" },
		{ "open #7", "I find no such thread" },
		{ "threads archived", "No thread is archived here." },
	};
	for (size_t i = 0; i < sizeof talk / sizeof *talk; i++) {
		char key[20];
		snprintf(key, sizeof key, "m%zu", i);
		says("U1", "Ana", "D1", VIS_DIRECT, "t1", key, talk[i][0], true);
		assert_int_equal(fixture_wait_replies(f, i + 1, 20000), i + 1);
		if (strstr(fixture_reply(f, i)->text, talk[i][1]) == NULL)
			fail_msg("%s: %s", talk[i][0], fixture_reply(f, i)->text);
	}
	assert_true(db_settles(20000));
}

/* What one person said in private there is not brought up before everybody. */
static void upkeep__a_private_thread__is_not_offered_a_summary(void **state)
{
	(void)state;
	struct intent in = fixture_intent(INTENT_COMMAND_GIVEN, "m1", "m1", "what did we say about salaries?");
	in.person = (struct intent_person){ .external_id = "U1", .name = "Ana" };
	in.place = (struct intent_place){ .external_id = "C1", .name = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true };
	in.thread_key = "t1";
	in.is_command = in.private_reply = in.mentions_us = true;
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	assert_true(db_settles(20000));
	in = fixture_intent(INTENT_COMMAND_GIVEN, "m2", "m2", "offer summaries here");
	in.person = (struct intent_person){ .external_id = "U1", .name = "Ana" };
	in.place = (struct intent_place){ .external_id = "C1", .name = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true };
	in.thread_key = "t1";
	in.is_command = in.private_reply = in.mentions_us = true;
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(fixture_wait_replies(f, 2, 20000), 2);
	assert_non_null(strstr(fixture_reply(f, 1)->text, "where they see it"));
	assert_true(test_db_exec("UPDATE eddy.places SET sum_up = true"));
	assert_true(db_settles(20000));
	assert_int_equal(upkeep_round(fixture_engine(f), 49ull * 3600000, true), ERR_NONE);
	assert_int_equal(number("SELECT count(*) FROM eddy.offers"), 0);
	assert_true(db_settles(20000));
}

/* A guest reads and writes in a thread of the house; what becomes of it is not for a guest to say. */
static void threads__of_the_house__are_not_a_guests(void **state)
{
	(void)state;
	static const char *const words[] = { "archive", "mark as resolved", "rename: mine", "offer summaries here" };
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m0", "which database?", true);
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		char key[8];
		snprintf(key, sizeof key, "g%zu", i);
		struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, key, key, words[i]);
		in.person = (struct intent_person){ .external_id = "U9", .name = "Gus", .is_guest = true };
		in.place =
		    (struct intent_place){ .external_id = "C1", .name = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true };
		in.thread_key = "t1";
		in.mentions_us = true;
		assert_true(fixture_do(f, &in, NULL));
		assert_int_equal(fixture_wait_replies(f, i + 2, 20000), i + 2);
		assert_non_null(strstr(fixture_reply(f, i + 1)->text, "for members of the workspace"));
	}
	assert_int_equal(number("SELECT count(*) FROM eddy.threads WHERE state = 1 AND title IS DISTINCT FROM 'mine'"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.places WHERE sum_up"), 0);
	assert_true(db_settles(20000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
/* The answer is true: it is hidden, it waits, and it is done by itself. */
static void forget__under_a_legal_hold__is_hidden_and_done_when_it_ends(void **state)
{
	(void)state;
	says("U1", "Ana", "C1", VIS_PUBLIC, "t1", "m1", "the tender is zanzibar77 and hush", true);
	assert_int_equal(fixture_wait_replies(f, 1, 20000), 1);
	says("U1", "Ana", "D1", VIS_DIRECT, "t2", "m2", "forget me", true);
	assert_int_equal(fixture_wait_replies(f, 2, 20000), 2);
	assert_true(db_settles(20000));
	assert_true(test_db_exec(
	    "INSERT INTO eddy.holds (ws, id, kind, subjects, reason) SELECT ws, gen_random_uuid(), 1, ARRAY[person_id],"
	    " 'because of case 17' FROM eddy.identities WHERE external_id = 'U1'"));
	says("U1", "Ana", "D1", VIS_DIRECT, "t2", "m3", "forget me yes", true);
	assert_int_equal(fixture_wait_replies(f, 3, 20000), 3);
	const char *answer = fixture_reply(f, 2)->text;
	assert_non_null(strstr(answer, "hidden"));
	assert_non_null(strstr(answer, "legal duty"));
	assert_null(strstr(answer, "case 17"));
	assert_null(strstr(answer, "I have forgotten you"));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 3", 20000));
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.messages WHERE body LIKE '%zanzibar77%' OR whole LIKE '%zanzibar77%'"), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE search @@ 'zanzibar77'::tsquery"), 0);
	assert_true(number("SELECT count(*) FROM eddy.held_rows WHERE content->>'body' LIKE '%zanzibar77%'") >= 2);
	assert_true(test_db_exec("UPDATE eddy.holds SET ended_at = now()"));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2 AND kind = 3", 30000));
	assert_string_equal(leaks("zanzibar77"), "");
	assert_string_equal(leaks("case 17"), "");
	assert_int_equal(number("SELECT count(*) FROM eddy.identities"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(delete__a_message__takes_what_came_from_it),
		TEST(delete__words_that_others_use__leave_answers_alone),
		TEST(delete__of_what_an_agent_has_looked_up__takes_its_answer_elsewhere),
		TEST(delete__of_what_a_side_thread_is_about__takes_its_subject),
		TEST(edit__of_what_a_side_thread_is_about__is_followed),
		TEST(delete__of_the_last_word_of_a_resolved_side_thread__takes_what_quotes_it),
		TEST(delete__of_a_source__cuts_its_lines_from_an_accepted_resolution),
		TEST(edit__a_message__makes_its_new_text_count),
		TEST(delete__of_a_thread_somebody_writes_in__waits_before_it_holds_anything),
		TEST(forget_me__without_a_yes__erases_nothing),
		TEST(forget_me__with_a_yes__leaves_nothing_in_any_table),
		TEST(export__of_ones_own_data__is_given_in_private_only),
		TEST(upkeep__after_the_idle_days__archives),
		TEST(upkeep__that_fails_in_one_workspace__goes_on_in_the_others),
		TEST(upkeep__a_silent_thread__is_offered_a_summary_once),
		TEST(upkeep__removes__offers_that_ended_long_ago),
		TEST(upkeep__a_private_thread__is_not_offered_a_summary),
		TEST(threads__of_the_house__are_not_a_guests),
		TEST(commands__about_threads__say_what_they_did),
		TEST(forget__under_a_legal_hold__is_hidden_and_done_when_it_ends),
	};
	if (getenv("EDDY_TEST_ONLY") != NULL)
		cmocka_set_test_filter(getenv("EDDY_TEST_ONLY"));
	return cmocka_run_group_tests(tests, NULL, NULL);
}
