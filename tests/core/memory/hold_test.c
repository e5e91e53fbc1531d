/*
 * While a legal hold stands nothing that it covers goes for good, whichever way it is erased, and nobody sees it any more; when it ends what
 * waited for it is done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/memory/forget.h"
#include "../../../core/memory/hold.h"
#include "../../../core/memory/retention.h"
#include "../../../core/memory/sweep.h"
#include "../../../core/memory/whole.h"
#include "../../../core/store/kinds.h"
#include "../../../core/teams/config_store.h"
#include "../../support/db.h"
#include "../../support/sql.h"
#include "planted.h"

static const struct pg_statement *const tables[] = { forget_statements, sweep_statements, whole_statements, retention_statements,
	derived_statements, config_statements, hold_statements, NULL };
static struct pg *pg;
static struct id ws;
static char ws_text[ID_TEXT];

static struct id id_of(const char *text)
{
	struct id id;
	assert_true(id_parse(text, &id));
	return id;
}

/* Somebody with something everywhere (planted.h): in a direct thread and in a public one. */
static int set_up(void **state)
{
	(void)state;
	char why[200];
	const char *url = test_db_fresh();
	ws = test_db_workspace("w");
	id_format(ws, ws_text);
	plant(ws_text);
	run("DELETE FROM eddy.holds; DELETE FROM eddy.held_rows");
	return pg_open(&pg, url, tables, why, sizeof why) == ERR_NONE ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static struct id place_hold(enum hold_kind kind, struct id of)
{
	struct hold h = { .id = id_new(), .kind = kind, .subjects = &of, .subjects_len = 1, .reason = "Case 17" };
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_end(pg, hold_place(pg, ws, &h)), ERR_NONE);
	return h.id;
}

static enum err end_hold(struct id id, struct id by, bool two, bool *ended)
{
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	enum err e = hold_end(pg, ws, id, by, two, ended);
	pg_end(pg, e);
	return e;
}

static enum forget_state work(struct id erasure)
{
	struct forget_ends ends = { .told = NULL };
	enum forget_state s = FORGET_MORE;
	for (int i = 0; i < 500 && (s == FORGET_MORE || s == FORGET_LATER); i++)
		assert_int_equal(forget_work(pg, ws, erasure, &ends, &s), ERR_NONE);
	return s;
}

static struct id forget(struct id person)
{
	struct forget_order o = { .ws = ws, .id = id_new(), .person = person };
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_end(pg, forget_person(pg, &o)), ERR_NONE);
	return o.id;
}

static bool release(void)
{
	bool woken;
	assert_int_equal(hold_release(pg, ws, &woken), ERR_NONE);
	return woken;
}

/* Values with a mark of the person, in all tables but what is held and the hold itself. */
static long marks(void)
{
	long n = 0;
	for (const struct data_table *t = data_tables; t->name != NULL; t++)
		for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++)
			if (c->way != DATA_STAYS && strcmp(t->name, "held_rows") != 0 && strcmp(t->name, "holds") != 0)
				n += holding(t->name, c->name);
	return n;
}

static void hold__on_a_person__hides_and_keeps_until_it_ends(void **state)
{
	(void)state;
	struct id person = id_of(PERSON), hold = place_hold(HOLD_PERSON, person), erasure = forget(person);
	long bodies = number("SELECT count(*) FROM eddy.messages WHERE body ~ 'canary'");
	assert_true(bodies >= 3);
	assert_int_equal(work(erasure), FORGET_HELD);
	/* Nobody sees it ... */
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.messages WHERE body ~ 'canary' OR search::text ~ 'canary' OR files::text ~ 'canary'"),
	    0);
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.summaries WHERE body ~ 'canary'") + number("SELECT count(*) FROM eddy.embeddings"),
	    0);
	/* ... and it is all there. */
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.held_rows WHERE of_table = 'messages' AND content->>'body' ~ 'canary'"), bodies);
	assert_int_equal(number("SELECT count(*) FROM eddy.identities WHERE external_id = 'canaryuser'"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.people WHERE name = 'Canaryname'"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.runs WHERE person_id = '" PERSON "'"), 1);
	/* It waits, however often it is asked. */
	assert_int_equal(work(erasure), FORGET_HELD);
	assert_false(release());
	assert_int_equal(number("SELECT count(*) FROM eddy.erasures WHERE state = 3"), 1);
	struct forget_counts c;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_end(pg, forget_read(pg, ws, erasure, &c)), ERR_NONE);
	assert_true(c.held && c.messages > 0);
	/* It goes on by itself. */
	bool ended = false;
	assert_int_equal(end_hold(hold, ID_NONE, false, &ended), ERR_NONE);
	assert_true(ended && release());
	assert_int_equal(number("SELECT count(*) FROM eddy.held_rows"), 0);
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.holds WHERE released_at IS NULL"), 1); /* somebody may still be writing */
	run("UPDATE eddy.holds SET ended_at = now() - interval '1 hour'");
	assert_false(release());
	assert_int_equal(number("SELECT count(*) FROM eddy.holds WHERE released_at IS NULL"), 0);
	assert_int_equal(work(erasure), FORGET_DONE);
	assert_int_equal(marks(), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.holds WHERE reason = '' AND subjects = '{}'"), 1);
}

/* Each kind of words by itself, however it is taken away. */
static void hold__on_everything__keeps_each_kind_of_words(void **state)
{
	(void)state;
	static const struct {
		const char *table, *gone;
	} kinds[] = {
		{ "messages", "UPDATE eddy.messages SET body = '', state = 2 WHERE state <> 2" },
		{ "resolutions", "UPDATE eddy.resolutions SET body = '', headline = ''" },
		{ "run_steps", "DELETE FROM eddy.run_steps" },
		{ "feedback", "DELETE FROM eddy.feedback" },
		{ "context_items", "DELETE FROM eddy.context_items" },
	};
	char query[200];
	run("DELETE FROM eddy.context_sources"); /* or an item is kept by its source */
	place_hold(HOLD_WORKSPACE, ws);
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		snprintf(query, sizeof query, "SELECT count(*) FROM eddy.%s %s", kinds[i].table, i == 0 ? "WHERE state <> 2" : "");
		long n = number(query);
		if (n == 0)
			fail_msg("there is nothing in %s", kinds[i].table);
		run("%s", kinds[i].gone);
		snprintf(query, sizeof query, "SELECT count(DISTINCT content) FROM eddy.held_rows WHERE of_table = '%s'",
		    kinds[i].table);
		if (number(query) != n)
			fail_msg("%ld of %ld rows of %s are kept", number(query), n, kinds[i].table);
	}
}

static void hold__on_somebody_else__changes_nothing(void **state)
{
	(void)state;
	place_hold(HOLD_PERSON, id_of(OTHER));
	struct id erasure = forget(id_of(PERSON));
	assert_int_equal(work(erasure), FORGET_DONE);
	assert_int_equal(marks(), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.held_rows WHERE content::text ~ 'canary'"), 0);
}

/* A message, its thread, its place, everything: by whom and how it is taken away does not matter. */
static void hold__on_a_thread_a_place_or_all__keeps_what_is_deleted_or_edited_there(void **state)
{
	(void)state;
	static const char gone[] = "UPDATE eddy.messages SET body = '', files = NULL, state = 2 WHERE id = '%s'";
	struct id thread = id_of(test_db_value("SELECT thread_id FROM eddy.messages WHERE body ~ 'canarypublic'"));
	struct id place = id_of(test_db_value(
	    "SELECT place_id FROM eddy.threads t JOIN eddy.messages m ON m.thread_id = t.id WHERE body ~ 'canarypublic'"));
	char message[ID_TEXT], other[ID_TEXT];
	snprintf(message, sizeof message, "%s", test_db_value("SELECT id FROM eddy.messages WHERE body ~ 'canarypublic'"));
	snprintf(other, sizeof other, "%s", test_db_value("SELECT id FROM eddy.messages WHERE body = 'I say canarybody'"));
	const struct {
		enum hold_kind kind;
		struct id of;
		bool elsewhere;
	} cases[] = { { HOLD_THREAD, thread, false }, { HOLD_PLACE, place, false }, { HOLD_WORKSPACE, ws, true } };
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct id hold = place_hold(cases[i].kind, cases[i].of);
		bool ended;
		run("BEGIN; UPDATE eddy.messages SET body = 'edited' WHERE id = '%s'; COMMIT", message);
		assert_int_equal(number("SELECT count(*) FROM eddy.held_rows WHERE content->>'body' ~ 'canarypublic'"), 1);
		run(gone, message);
		run(gone, other);
		assert_int_equal(number("SELECT count(*) FROM eddy.held_rows WHERE content->>'body' = 'edited'"), 1);
		assert_int_equal(
		    number("SELECT count(*) FROM eddy.held_rows WHERE content->>'body' = 'I say canarybody'"), cases[i].elsewhere);
		assert_false(release());
		assert_int_equal(number("SELECT count(*) FROM eddy.held_rows"), 2 + cases[i].elsewhere);
		assert_int_equal(end_hold(hold, ID_NONE, false, &ended), ERR_NONE);
		release();
		assert_int_equal(number("SELECT count(*) FROM eddy.held_rows"), 0);
		run("UPDATE eddy.messages SET body = 'in public canarypublic', state = 0 WHERE id = '%s';"
		    "UPDATE eddy.messages SET body = 'I say canarybody', state = 0 WHERE id = '%s'",
		    message, other);
	}
}

/* What is not covered goes at once; what was made of what is covered is kept with it. */
static void hold__on_one_thread__somebody_is_erased_but_for_that(void **state)
{
	(void)state;
	bool ended;
	struct id thread = id_of(test_db_value("SELECT thread_id FROM eddy.messages WHERE body ~ 'canarypublic'"));
	run("INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id) SELECT ws, md5('made')::uuid, 2, 5, 2, 3,"
	    " 'made of canarypublic', audience_id FROM eddy.messages WHERE body ~ 'canarypublic';"
	    "INSERT INTO eddy.context_sources (ws, item_id, message_id) SELECT ws, md5('made')::uuid, id FROM eddy.messages WHERE body ~ 'canarypublic'");
	struct id hold = place_hold(HOLD_THREAD, thread), erasure = forget(id_of(PERSON));
	assert_int_equal(work(erasure), FORGET_HELD);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body ~ 'canary'"), 0);
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.held_rows WHERE content->>'body' ~ 'canarypublic' AND of_table = 'messages'"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.held_rows WHERE content->>'body' = 'made of canarypublic'"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.held_rows WHERE content->>'body' = 'I say canarybody'"), 0);
	assert_int_equal(end_hold(hold, ID_NONE, false, &ended), ERR_NONE);
	assert_true(release());
	assert_int_equal(work(erasure), FORGET_DONE);
	assert_int_equal(marks(), 0);
}

static void hold__two_of_them__both_have_to_end(void **state)
{
	(void)state;
	struct id person = id_of(PERSON), first = place_hold(HOLD_PERSON, person), second = place_hold(HOLD_WORKSPACE, ws);
	bool ended;
	struct id erasure = forget(person);
	assert_int_equal(work(erasure), FORGET_HELD);
	assert_int_equal(end_hold(first, ID_NONE, false, &ended), ERR_NONE);
	assert_false(release());
	assert_true(number("SELECT count(*) FROM eddy.held_rows") > 0);
	assert_int_equal(end_hold(second, ID_NONE, false, &ended), ERR_NONE);
	assert_true(release());
	assert_int_equal(work(erasure), FORGET_DONE);
	assert_int_equal(marks(), 0);
}

static void hold__a_sweep_comes_by__hides_and_keeps_too(void **state)
{
	(void)state;
	bool ordered = false, ended;
	struct id hold = place_hold(HOLD_PERSON, id_of(PERSON)), open[2];
	size_t n = 0;
	run("UPDATE eddy.messages SET created_at = now() - interval '100 days';"
	    "INSERT INTO eddy.node_configs (ws, layer, subject, version, doc, diff) VALUES ('%s', 3, '%s', 9, '{\"set\": {\"retention.messages\": 30,"
	    " \"retention.sessions\": 1}}', '[]'); UPDATE eddy.sessions SET ended_at = now() - interval '9 days'; UPDATE eddy.erasures SET state = 2",
	    ws_text, ws_text);
	assert_int_equal(retention_order(pg, ws, 0, &ordered), ERR_NONE);
	assert_true(ordered);
	assert_int_equal(forget_open(pg, ws, open, 2, &n), ERR_NONE);
	assert_int_equal(n, 1);
	assert_int_equal(work(open[0]), FORGET_HELD);
	assert_string_equal(
	    test_db_value("SELECT coalesce(string_agg(to_jsonb(m)::text, ';'), '') FROM eddy.messages m WHERE state <> 2"), "");
	assert_true(number("SELECT count(*) FROM eddy.held_rows WHERE content->>'body' ~ 'canary'") >= 3);
	assert_int_equal(
	    number(
	        "SELECT count(*) FROM eddy.held_rows WHERE of_table = 'messages' AND content->>'body' = 'what somebody else says'"),
	    0);
	assert_true(number("SELECT count(*) FROM eddy.sessions WHERE subject = 'canaryuser'") > 0);
	/* The next sweep does not wait for this one. */
	assert_int_equal(retention_order(pg, ws, 25 * UINT64_C(3600000), &ordered), ERR_NONE);
	assert_true(ordered);
	assert_int_equal(end_hold(hold, ID_NONE, false, &ended), ERR_NONE);
	assert_true(release());
	assert_int_equal(work(open[0]), FORGET_DONE);
	assert_int_equal(number("SELECT count(*) FROM eddy.held_rows"), 0);
}

static void hold__that_takes_two_to_end__is_not_ended_by_one(void **state)
{
	(void)state;
	struct id hold = place_hold(HOLD_WORKSPACE, ws);
	bool ended = true;
	assert_int_equal(end_hold(hold, ID_NONE, true, &ended), ERR_DENIED); /* the terminal is nobody in particular */
	assert_int_equal(end_hold(hold, id_of(PERSON), true, &ended), ERR_NONE);
	assert_false(ended);
	assert_int_equal(end_hold(hold, id_of(PERSON), true, &ended), ERR_DENIED);
	assert_int_equal(number("SELECT count(*) FROM eddy.holds WHERE ended_at IS NULL"), 1);
	assert_int_equal(end_hold(hold, id_of(OTHER), true, &ended), ERR_NONE);
	assert_true(ended);
	assert_int_equal(end_hold(hold, id_of(OTHER), true, &ended), ERR_INPUT);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(hold__on_a_person__hides_and_keeps_until_it_ends),
		T(hold__on_everything__keeps_each_kind_of_words),
		T(hold__on_somebody_else__changes_nothing),
		T(hold__on_a_thread_a_place_or_all__keeps_what_is_deleted_or_edited_there),
		T(hold__on_one_thread__somebody_is_erased_but_for_that),
		T(hold__two_of_them__both_have_to_end),
		T(hold__a_sweep_comes_by__hides_and_keeps_too),
		T(hold__that_takes_two_to_end__is_not_ended_by_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
