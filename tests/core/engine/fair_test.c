/* Nobody waits behind the backlog of somebody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../../core/base/mem.h"
#include "../../../core/engine/engine_internal.h"
#include "../../../core/store/admin.h"
#include "../../support/db.h"
#include "../../support/fair_load.h"

static void flood__of_one_workspace__leaves_another_its_pace(void **state)
{
	(void)state;
	/* 20 slots for calls of 200 ms: room for 100/s.  First come, first served would make the quiet one wait for seconds. */
	struct fair_load *l = fair_load_new(200, "runs.max=20\0");
	fair_load_p95(l, 10, 0, 500);
	double alone = fair_load_p95(l, 10, 0, 1500);
	double beside = fair_load_p95(l, 10, 400, 3000);
	print_message("p95 alone %.1f ms, beside the flood %.1f ms\n", alone, beside);
	assert_true(alone > 0 && beside > 0);
	assert_true(fair_load_flooded(l) > 0);
	assert_true(beside < 3 * alone + 200); /* some 9 times without turns; the machine may be busy */
	fair_load_free(l);
}

/* ---- a batch that does not come to its end ---- */

enum { CROWD = 200 };

/* Two workspaces, each with an answered thread, and a session that can hold rows of theirs. */
struct stuck {
	struct fixture *f;
	struct id busy, quiet;
	struct admin locks;
	atomic_int stored;
	/* those who ask again after each answer */
	struct id crowd[CROWD];
	atomic_bool again;
	atomic_long round[CROWD];
};

static void on_whole(void *arg, const struct reply *r);

static int make(void **state, bool quick)
{
	struct stuck *s = xcalloc(1, sizeof *s);
	char why[200];
	s->f = fixture_new(&(struct fixture_options){ .caps = CAP_EDIT, .on_whole = on_whole, .arg = s, .quick = quick });
	s->quiet = fixture_ws(s->f);
	assert_int_equal(engine_install(fixture_engine(s->f), "test", "T-BUSY", "busy", false, &s->busy), ERR_NONE);
	struct intent a = fixture_intent(INTENT_MESSAGE_POSTED, "m:b1", "b1", "hello"), b = a;
	a.ws = s->busy;
	assert_true(fixture_do(s->f, &a, NULL));
	assert_true(fixture_do(s->f, &b, NULL));
	assert_true(db_comes_true("SELECT (count(*) = 2)::int FROM eddy.messages WHERE author_kind = 2", 10000));
	assert_true(fixture_wait_idle(s->f, 10000));
	assert_int_equal(admin_open(&s->locks, test_db_admin(), why, sizeof why), ERR_NONE);
	*state = s;
	return 0;
}

static int make_stuck(void **state)
{
	return make(state, false);
}

static int make_crowd(void **state)
{
	return make(state, true);
}

static int drop_stuck(void **state)
{
	struct stuck *s = *state;
	admin_close(&s->locks);
	fixture_free(s->f);
	free(s);
	return 0;
}

static void on_stored(void *arg, const struct accepted *a)
{
	struct stuck *s = arg;
	if (a->result == ERR_NONE)
		atomic_fetch_add(&s->stored, 1);
}

static void ask(struct stuck *s, struct id ws, const char *key)
{
	char source[32];
	snprintf(source, sizeof source, "m:%s", key);
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, source, key, key);
	in.ws = ws;
	in.adapter = "test";
	in.origin = "origin";
	in.origin_len = 6;
	assert_true(engine_accept(fixture_engine(s->f), &in, on_stored, s));
}

static void ask_of_crowd(struct stuck *s, int i)
{
	char key[32];
	snprintf(key, sizeof key, "c%d.%ld", i, atomic_fetch_add(&s->round[i], 1));
	ask(s, s->crowd[i], key);
}

static void on_whole(void *arg, const struct reply *r)
{
	struct stuck *s = arg;
	for (int i = 0; i < CROWD && atomic_load(&s->again); i++)
		if (id_equal(s->crowd[i], r->ws))
			ask_of_crowd(s, i);
}

static void hold(struct stuck *s, struct id ws)
{
	char sql[200], text[ID_TEXT], why[200];
	snprintf(sql, sizeof sql, "BEGIN; SELECT id FROM eddy.threads WHERE ws = '%s' FOR UPDATE", id_format(ws, text));
	assert_int_equal(admin_exec(&s->locks, sql, why, sizeof why), ERR_NONE);
}

static void let_go(struct stuck *s)
{
	char why[200];
	assert_int_equal(admin_exec(&s->locks, "COMMIT", why, sizeof why), ERR_NONE);
}

static bool somebody_waits(void)
{
	return db_comes_true(
	    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'", 10000);
}

static struct writer_stats stats(struct stuck *s)
{
	struct writer_stats x;
	writer_stats(fixture_engine(s->f)->writer, &x);
	return x;
}

/* The answers so far to what was asked in ${ws}. */
static long answers(struct id ws)
{
	char sql[200], text[ID_TEXT];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM eddy.messages WHERE ws = '%s' AND author_kind = 2", id_format(ws, text));
	return db_count(sql);
}

static void batch__that_does_not_end__holds_up_no_other_workspace(void **state)
{
	struct stuck *s = *state;
	char key[16];
	hold(s, s->busy);
	ask(s, s->busy, "b2");
	assert_true(somebody_waits());
	for (int i = 0; i < 50; i++) { /* and a backlog behind it */
		snprintf(key, sizeof key, "b%d", 3 + i);
		ask(s, s->busy, key);
	}
	ask(s, s->quiet, "q2");
	/* Stored, answered and delivered while the batch waits. */
	assert_int_equal(fixture_wait_replies(s->f, 3, 20000), 3);
	assert_int_equal(atomic_load(&s->stored), 1);
	assert_int_equal(answers(s->quiet), 2);
	assert_int_equal(answers(s->busy), 1);
	assert_true(stats(s).beside >= 2);
	let_go(s);
	assert_true(fixture_wait_idle(s->f, 20000));
	assert_int_equal(atomic_load(&s->stored), 52);
	assert_int_equal(answers(s->quiet), 2);
}

static void beside__who_come_again_and_again__do_not_hold_up_the_batch(void **state)
{
	struct stuck *s = *state;
	for (int i = 0; i < CROWD; i++) {
		char name[16];
		snprintf(name, sizeof name, "T-C%d", i);
		assert_int_equal(engine_install(fixture_engine(s->f), "test", name, name, false, &s->crowd[i]), ERR_NONE);
	}
	hold(s, s->busy);
	ask(s, s->busy, "b2");
	assert_true(somebody_waits());
	atomic_store(&s->again, true);
	for (int i = 0; i < CROWD; i++)
		ask_of_crowd(s, i);
	uint64_t until = clock_ms() + 20000;
	while (stats(s).beside < 600 && clock_ms() < until)
		usleep(2000);
	assert_true(stats(s).beside >= 600); /* they have gone beside it, and come again */
	let_go(s);
	while (answers(s->busy) < 2 && clock_ms() < until + 20000)
		usleep(10000);
	bool answered = answers(s->busy) == 2;
	atomic_store(&s->again, false);
	assert_true(answered); /* while they still came */
	assert_true(fixture_wait_idle(s->f, 20000));
}

static void beside__what_fails_there__is_done_in_a_batch_and_once(void **state)
{
	struct stuck *s = *state;
	struct writer_stats before = stats(s);
	hold(s, s->busy);
	ask(s, s->busy, "b2");
	assert_true(somebody_waits());
	hold(s, s->quiet);
	ask(s, s->quiet, "q2");
	for (int i = 0; i < 9000 && stats(s).replays == before.replays; i++)
		usleep(10000);
	assert_true(stats(s).replays > before.replays); /* it did not wait there for long */
	assert_int_equal(atomic_load(&s->stored), 0);
	let_go(s);
	assert_int_equal(fixture_wait_replies(s->f, 4, 20000), 4);
	assert_true(fixture_wait_idle(s->f, 20000));
	assert_int_equal(atomic_load(&s->stored), 2);
	assert_int_equal(answers(s->busy), 2);
	assert_int_equal(answers(s->quiet), 2);
}

static void beside__whose_session_is_gone__loses_nothing(void **state)
{
	struct stuck *s = *state;
	hold(s, s->busy);
	ask(s, s->busy, "b2");
	assert_true(somebody_waits());
	/* All of Eddy's sessions but the one that waits. */
	assert_true(test_db_exec(
	    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle'"
	    " AND usename LIKE '%_eddy'"));
	ask(s, s->quiet, "q2");
	usleep(300000);
	let_go(s);
	assert_int_equal(fixture_wait_replies(s->f, 4, 20000), 4);
	assert_true(fixture_wait_idle(s->f, 20000));
	assert_int_equal(atomic_load(&s->stored), 2);
	assert_int_equal(answers(s->busy), 2);
	assert_int_equal(answers(s->quiet), 2);
	assert_true(writer_connected(fixture_engine(s->f)->writer));
}

static void delivery__beside_a_batch_that_does_not_end__waits_and_does_not_ask_all_the_time(void **state)
{
	struct stuck *s = *state;
	hold(s, s->busy);
	ask(s, s->busy, "b2");
	assert_true(somebody_waits());
	while (engine_certain(fixture_engine(s->f))) /* until the session of the batches proves nothing any more */
		usleep(20000);
	ask(s, s->quiet, "q2");
	for (int i = 0; i < 1000 && answers(s->quiet) < 2; i++)
		usleep(10000);
	assert_int_equal(answers(s->quiet), 2); /* stored, but somebody else may have its thread by now */
	usleep(200000);
	uint64_t before = stats(s).beside;
	usleep(2000000);
	assert_in_range(stats(s).beside - before, 1, 20);
	let_go(s);
	assert_int_equal(fixture_wait_replies(s->f, 4, 20000), 4);
	assert_true(fixture_wait_idle(s->f, 20000));
	assert_int_equal(atomic_load(&s->stored), 2);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flood__of_one_workspace__leaves_another_its_pace),
		cmocka_unit_test_setup_teardown(batch__that_does_not_end__holds_up_no_other_workspace, make_stuck, drop_stuck),
		cmocka_unit_test_setup_teardown(beside__who_come_again_and_again__do_not_hold_up_the_batch, make_crowd, drop_stuck),
		cmocka_unit_test_setup_teardown(beside__what_fails_there__is_done_in_a_batch_and_once, make_stuck, drop_stuck),
		cmocka_unit_test_setup_teardown(beside__whose_session_is_gone__loses_nothing, make_stuck, drop_stuck),
		cmocka_unit_test_setup_teardown(
		    delivery__beside_a_batch_that_does_not_end__waits_and_does_not_ask_all_the_time, make_stuck, drop_stuck),
	};
	return cmocka_run_group_tests_name("fair", tests, NULL, NULL);
}
