/*
 * What the engine offers to edges that have no platform behind them: notes that move with what they speak of, threads found by names, runs
 * that wait, words of the edge's own, notices, duties, stops.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/buf.h"
#include "../../../core/engine/engine.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *f;

static int set_up(void **state)
{
	(void)state;
	f = fixture_new(&(struct fixture_options){ .scan_ms = 200 });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_free(f);
	f = NULL;
	return 0;
}

static struct engine *engine(void)
{
	return fixture_engine(f);
}

static char *note(const char *key)
{
	char *value = NULL;
	assert_int_equal(engine_note_get(engine(), fixture_ws(f), "test", key, &value), ERR_NONE);
	return value;
}

static void note_is(const char *key, const char *want)
{
	char *value = note(key);
	if (want == NULL)
		assert_null(value);
	else
		assert_string_equal(value, want);
	free(value);
}

static struct intent mail(const char *source, const char *key, const char *text)
{
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, source, key, text);
	return in;
}

static void edges__note__moves_with_every_outcome(void **state)
{
	(void)state;
	struct accepted a;
	struct intent in = mail("m1", "k1", "hello");
	in.note_key = "cursor";
	in.note_value = "7:1";
	assert_true(fixture_do(f, &in, &a));
	note_is("cursor", "7:1");
	in.note_value = "7:2"; /* the same mail once more */
	assert_true(fixture_do(f, &in, &a));
	assert_true(a.duplicate);
	note_is("cursor", "7:2");
	struct intent over = { .kind = INTENT_PASSED_OVER, .source_key = "m3", .note_key = "cursor", .note_value = "7:3" };
	assert_true(fixture_do(f, &over, &a));
	assert_int_equal(a.result, ERR_NONE);
	note_is("cursor", "7:3");
	struct intent bad = { .kind = INTENT_UNREADABLE,
		.source_key = "m4",
		.text = "no header",
		.text_len = 9,
		.note_key = "cursor",
		.note_value = "7:4" };
	fixture_do(f, &bad, &a);
	assert_int_equal(a.result, ERR_INPUT);
	note_is("cursor", "7:4");
	assert_string_equal(test_db_value("SELECT reason FROM eddy.inbox_rejected WHERE source_key = 'm4'"), "no header");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 1"), 1);
}

static void edges__thread__is_found_by_alias_delivery_and_id(void **state)
{
	(void)state;
	const char *const aliases[] = { "a@example.org", "b@example.org" }, *const readers[] = { "ada@example.org" };
	struct accepted a;
	struct intent in = mail("m1", "k1", "hello");
	in.aliases = aliases;
	in.aliases_len = 2;
	in.readers = readers;
	in.readers_len = 1;
	in.title = "A question";
	assert_true(fixture_do(f, &in, &a));
	assert_int_equal(fixture_wait_replies(f, 1, 5000), 1);
	struct found_thread t;
	const struct thread_name by_alias = { .alias = "b@example.org" }, by_delivery = { .delivery = fixture_reply(f, 0)->run },
	                         by_id = { .thread = a.thread }, unknown = { .alias = "c@example.org" };
	const struct thread_name *const each[] = { &by_alias, &by_delivery, &by_id };
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(engine_find_thread(engine(), fixture_ws(f), "test", each[i], 1, "ada@example.org", &t), ERR_NONE);
		assert_true(id_equal(t.thread, a.thread));
		assert_true(t.is_reader);
		assert_string_equal(t.thread_key, in.thread_key);
	}
	assert_int_equal(engine_find_thread(engine(), fixture_ws(f), "test", &by_alias, 1, "eve@example.org", &t), ERR_NONE);
	assert_false(t.is_reader);
	assert_int_equal(engine_find_thread(engine(), fixture_ws(f), "test", &unknown, 1, "ada@example.org", &t), ERR_INPUT);
	assert_int_equal(engine_find_thread(engine(), fixture_ws(f), "other", &by_alias, 1, "ada@example.org", &t), ERR_INPUT);
	assert_string_equal(test_db_value("SELECT title FROM eddy.threads"), "A question");
}

/* Of several threads that the names mean, the reader's own counts before a nearer one of somebody else. */
static void edges__thread__of_the_reader_goes_first(void **state)
{
	(void)state;
	const char *const ada[] = { "ada@example.org" }, *const eve[] = { "eve@example.org" }, *const x[] = { "x" },
	                  *const y[] = { "y" };
	struct accepted a, b;
	struct intent in = mail("m1", "k1", "of ada");
	in.thread_key = "one";
	in.place.external_id = "P1";
	in.aliases = x, in.aliases_len = 1;
	in.readers = ada, in.readers_len = 1;
	assert_true(fixture_do(f, &in, &a));
	in = mail("m2", "k2", "of eve");
	in.thread_key = "two";
	in.place.external_id = "P2";
	in.aliases = y, in.aliases_len = 1;
	in.readers = eve, in.readers_len = 1;
	assert_true(fixture_do(f, &in, &b));
	const struct thread_name names[] = { { .alias = "x" }, { .alias = "y" } };
	struct found_thread t;
	assert_int_equal(engine_find_thread(engine(), fixture_ws(f), "test", names, 2, "eve@example.org", &t), ERR_NONE);
	assert_true(id_equal(t.thread, b.thread));
	assert_string_equal(t.place_key, "P2");
	/* An alias belongs to whom it was given first. */
	in = mail("m3", "k3", "mine too");
	in.thread_key = "two";
	in.place.external_id = "P2";
	in.aliases = x, in.aliases_len = 1;
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(engine_find_thread(engine(), fixture_ws(f), "test", names, 1, "ada@example.org", &t), ERR_NONE);
	assert_true(id_equal(t.thread, a.thread));
}

static void edges__delay__is_waited_for(void **state)
{
	(void)state;
	struct accepted a;
	struct intent in = mail("m1", "k1", "slowly");
	in.delay_ms = 3600000;
	assert_true(fixture_do(f, &in, &a));
	assert_false(id_is_none(a.run));
	assert_int_equal(fixture_wait_replies(f, 1, 700), 0);
	/* What comes after it and need not wait does not. */
	in = mail("m2", "k2", "at once");
	assert_true(fixture_do(f, &in, &a));
	assert_int_equal(fixture_wait_replies(f, 1, 5000), 1);
	assert_true(test_db_exec("UPDATE eddy.runs SET due = now() WHERE due IS NOT NULL;"
	                         " UPDATE eddy.dispatch SET due = now() WHERE pending > 0"));
	assert_int_equal(fixture_wait_replies(f, 2, 8000), 2);
	assert_true(db_settles(5000));
}

static void edges__no_answer__keeps_the_message(void **state)
{
	(void)state;
	struct accepted a;
	struct intent in = mail("m1", "k1", "help");
	in.no_answer = true;
	assert_true(fixture_do(f, &in, &a));
	assert_true(id_is_none(a.run));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages"), 1);
	int64_t in_thread, of_person;
	assert_int_equal(
	    engine_recent_runs(engine(), fixture_ws(f), "test", a.thread, in.person.external_id, 3600000, &in_thread, &of_person),
	    ERR_NONE);
	assert_int_equal(in_thread, 0);
	in = mail("m2", "k2", "hello");
	assert_true(fixture_do(f, &in, &a));
	assert_int_equal(
	    engine_recent_runs(engine(), fixture_ws(f), "test", a.thread, in.person.external_id, 3600000, &in_thread, &of_person),
	    ERR_NONE);
	assert_int_equal(in_thread, 1);
	assert_int_equal(of_person, 1);
}

static void edges__notice__is_said_once(void **state)
{
	(void)state;
	struct accepted a;
	struct intent in = mail("m1", "k1", "hello");
	assert_true(fixture_do(f, &in, &a));
	assert_int_equal(fixture_wait_replies(f, 1, 5000), 1);
	for (int i = 0; i < 3; i++)
		assert_true(engine_notice(
		    engine(), fixture_ws(f), "test", a.thread, ID_NONE, "receipt:1", "Still at it.", in.origin, in.origin_len));
	assert_int_equal(fixture_wait_replies(f, 2, 5000), 2);
	assert_string_equal(fixture_reply(f, 1)->text, "Still at it.");
	/* Nobody waits any more for the run that this one speaks of. */
	assert_true(
	    engine_notice(engine(), fixture_ws(f), "test", a.thread, a.run, "receipt:2", "Still at it.", in.origin, in.origin_len));
	assert_int_equal(fixture_wait_replies(f, 3, 700), 2);
	assert_true(db_settles(5000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.outbox WHERE run_id IS NULL"), 1);
}

static void edges__duty__has_one_owner(void **state)
{
	(void)state;
	struct id ws = fixture_ws(f);
	assert_int_equal(engine_duty(engine(), ws, "test", "box", 60000), ERR_NONE);
	assert_int_equal(engine_duty(engine(), ws, "test", "box", 60000), ERR_NONE);
	struct fixture *other = fixture_new(&(struct fixture_options){ .url = fixture_url(f) });
	assert_int_equal(engine_duty(fixture_engine(other), ws, "test", "box", 60000), ERR_DENIED);
	engine_duty_leave(fixture_engine(other), ws, "test", "box"); /* not theirs to leave */
	assert_int_equal(engine_duty(fixture_engine(other), ws, "test", "box", 60000), ERR_DENIED);
	assert_int_equal(engine_duty(engine(), ws, "test", "box", 1), ERR_NONE);
	assert_true(db_comes_true("SELECT count(*) FROM eddy.duties WHERE until < now()", 2000));
	assert_int_equal(engine_duty(fixture_engine(other), ws, "test", "box", 60000), ERR_NONE);
	assert_int_equal(engine_duty(engine(), ws, "test", "box", 60000), ERR_DENIED);
	engine_duty_leave(fixture_engine(other), ws, "test", "box");
	assert_int_equal(engine_duty(engine(), ws, "test", "box", 60000), ERR_NONE);
	fixture_free(other);
}

static void add_row(void *arg, const struct stop_row *row)
{
	buf_addf(arg, "%s %d %s\n", row->external_id, (int)row->kind, row->detail);
}

static void edges__stop__the_gravest_reason_stays(void **state)
{
	(void)state;
	struct id ws = fixture_ws(f);
	int kind = -1;
	assert_int_equal(engine_stop_get(engine(), ws, "test", "a@example.org", &kind), ERR_NONE);
	assert_int_equal(kind, 0);
	assert_int_equal(engine_stop_put(engine(), ws, "test", "a@example.org", STOP_COMPLAINT, "abuse"), ERR_NONE);
	assert_int_equal(engine_stop_put(engine(), ws, "test", "a@example.org", STOP_UNDELIVERABLE, "5.1.1"), ERR_NONE);
	assert_int_equal(engine_stop_get(engine(), ws, "test", "a@example.org", &kind), ERR_NONE);
	assert_int_equal(kind, STOP_COMPLAINT);
	struct buf list = BUF_INIT;
	assert_int_equal(engine_stops(engine(), ws, "test", add_row, &list), ERR_NONE);
	assert_string_equal(list.p, "a@example.org 2 abuse\n");
	buf_done(&list);
	assert_int_equal(engine_stop_lift(engine(), ws, "test", "a@example.org", STOP_UNDELIVERABLE), ERR_INPUT);
	assert_int_equal(engine_stop_lift(engine(), ws, "test", "a@example.org", 0), ERR_NONE);
	assert_int_equal(engine_stop_get(engine(), ws, "test", "a@example.org", &kind), ERR_NONE);
	assert_int_equal(kind, 0);
}

static void edges__unsubscribe__by_a_link_of_ours_only(void **state)
{
	(void)state;
	struct id ws = fixture_ws(f);
	struct intent in = mail("m1", "k1", "hello");
	in.place.external_id = "ada@example.org";
	char other[UNSUBSCRIBE_TOKEN];
	char token[UNSUBSCRIBE_TOKEN];
	int kind = -1;
	assert_int_equal(engine_unsubscribe_token(engine(), ws, engine_place_id(ws, "test", "ada@example.org"), token), ERR_NONE);
	assert_int_equal(engine_unsubscribe(engine(), token), ERR_INPUT); /* there is no such place yet */
	assert_true(fixture_do(f, &in, NULL));
	for (size_t i = 0; token[i] != '\0'; i++) {
		char was = token[i];
		token[i] = was == 'A' ? 'B' : 'A';
		assert_int_equal(engine_unsubscribe(engine(), token), ERR_INPUT);
		token[i] = was;
	}
	assert_int_equal(engine_unsubscribe(engine(), ""), ERR_INPUT);
	memset(other, 'A', strlen(token)); /* no workspace at all */
	other[strlen(token)] = '\0';
	assert_int_equal(engine_unsubscribe(engine(), other), ERR_INPUT);
	assert_int_equal(engine_stop_get(engine(), ws, "test", "ada@example.org", &kind), ERR_NONE);
	assert_int_equal(kind, 0);
	assert_int_equal(engine_unsubscribe(engine(), token), ERR_NONE);
	assert_int_equal(engine_unsubscribe(engine(), token), ERR_NONE);
	assert_int_equal(engine_stop_get(engine(), ws, "test", "ada@example.org", &kind), ERR_NONE);
	assert_int_equal(kind, STOP_UNSUBSCRIBED);
}

static void edges__secret__stays_the_same(void **state)
{
	(void)state;
	unsigned char a[32], b[32], c[32];
	assert_int_equal(engine_secret(engine(), fixture_ws(f), "test", "token", a), ERR_NONE);
	assert_int_equal(engine_secret(engine(), fixture_ws(f), "test", "token", b), ERR_NONE);
	assert_int_equal(engine_secret(engine(), fixture_ws(f), "test", "other", c), ERR_NONE);
	assert_memory_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, c, sizeof(a));
}

/* What an older version has left in plain text: the same value, sealed when the daemon starts, and the plain one is gone. */
static void leave_notes(void *arg, struct engine *e)
{
	(void)arg;
	(void)e;
	assert_true(test_db_exec(
	    "INSERT INTO eddy.adapter_notes (ws, adapter, key, value) SELECT ws, 'test', 'secret:token', repeat('ab', 32)"
	    " FROM eddy.workspaces; INSERT INTO eddy.adapter_notes (ws, adapter, key, value) SELECT ws, 'test', 'cursor', '7'"
	    " FROM eddy.workspaces"));
}

static void edges__secret_in_plain_text__is_sealed_at_the_start(void **state)
{
	(void)state;
	unsigned char got[32], want[32];
	memset(want, 0xab, sizeof(want));
	fixture_free(f);
	f = fixture_new(&(struct fixture_options){ .before_start = leave_notes });
	assert_int_equal(db_count("SELECT count(*) FROM eddy.adapter_notes WHERE value LIKE '%abab%'"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.adapter_notes WHERE key = 'cursor'"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.secrets WHERE kind = 'test' AND name = 'token'"), 1);
	assert_int_equal(engine_secret(engine(), fixture_ws(f), "test", "token", got), ERR_NONE);
	assert_memory_equal(got, want, sizeof(got));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(edges__note__moves_with_every_outcome),
		TEST(edges__thread__is_found_by_alias_delivery_and_id),
		TEST(edges__thread__of_the_reader_goes_first),
		TEST(edges__delay__is_waited_for),
		TEST(edges__no_answer__keeps_the_message),
		TEST(edges__notice__is_said_once),
		TEST(edges__duty__has_one_owner),
		TEST(edges__stop__the_gravest_reason_stays),
		TEST(edges__unsubscribe__by_a_link_of_ours_only),
		TEST(edges__secret__stays_the_same),
		TEST(edges__secret_in_plain_text__is_sealed_at_the_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
