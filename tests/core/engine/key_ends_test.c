/* API keys that end soon: who hears of it, when, and how often, with the clock moved. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../../core/base/log.h"
#include "../../../core/engine/upkeep.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define DAY_MS UINT64_C(86400000)
#define KEY1 "01a1fec9-38b8-7000-9bc5-10164d908cfd"
#define KEY2 "01a1fec9-38b8-7000-9bc5-10164d908cfe"

/* Messages of Eddy with ${words} in the private place ${place}. */
static long heard(const char *place, const char *words)
{
	char sql[600];
	snprintf(sql, sizeof sql,
	    "SELECT count(*) FROM eddy.messages m JOIN eddy.threads t ON t.id = m.thread_id JOIN eddy.places p ON p.id = t.place_id"
	    " WHERE m.author_kind = 2 AND strpos(m.body, '%s') > 0 AND p.external_id = '%s'",
	    words, place);
	return db_count(sql);
}

static void talk(struct fixture *f, const char *who, size_t n)
{
	char key[16];
	snprintf(key, sizeof key, "0.%zu", n);
	assert_true(fixture_say_in(f, who, VIS_DIRECT, who, who, key, "what was it again", true));
	assert_int_equal(fixture_wait_replies(f, n, 30000), n);
}

/* An admin of the workspace, the maker of the keys, somebody else; each has talked to Eddy alone. */
static struct fixture *world(void)
{
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	talk(f, "boss", 1);
	talk(f, "maker", 2);
	talk(f, "other", 3);
	assert_true(fixture_wait_idle(f, 20000));
	assert_true(test_db_exec(
	    "UPDATE eddy.identities SET verified = 1;"
	    "INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT ws, ws, id, 3 FROM eddy.people WHERE name = 'boss';"
	    "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) SELECT ws, 'aaaaaaaa-0000-4000-8000-000000000001', ws, 3,"
	    " 'payments', 'Payments' FROM eddy.nodes WHERE kind = 1;"
	    "INSERT INTO eddy.api_keys (ws, id, name, node_id, role, scopes, issued_by, expires_at, used_at) SELECT ws, '" KEY1
	    "', 'deploy *bot*', 'aaaaaaaa-0000-4000-8000-000000000001', 2, 40, id, now() + interval '30 days', '2026-02-03 04:05Z'"
	    " FROM eddy.people WHERE name = 'maker'"));
	return f;
}

static _Atomic long behind_s; /* this process's clock */

int clock_gettime(clockid_t which, struct timespec *t)
{
	int r = (int)syscall(SYS_clock_gettime, which, t);
	if (r == 0 && which == CLOCK_REALTIME)
		t->tv_sec -= atomic_load(&behind_s);
	return r;
}

static void look(struct fixture *f, double days)
{
	assert_int_equal(upkeep_round(fixture_engine(f), (uint64_t)(days * (double)DAY_MS), true), ERR_NONE);
	assert_true(fixture_wait_idle(f, 20000));
}

static void key__that_ends__is_told_to_admins_and_its_maker_a_week_and_a_day_before(void **state)
{
	(void)state;
	struct fixture *f = world();
	look(f, 22.9);
	assert_int_equal(heard("boss", "API key"), 0);
	look(f, 23.01);
	look(f, 23.02);
	assert_int_equal(heard("boss", "API key"), 1);
	assert_int_equal(heard("boss", "The API key **deploy \\*bot\\*** (`eddy_01a1fec938b8…`, of `payments`) ends on "), 1);
	assert_int_equal(heard("boss", " UTC, in 7 days. It was last used on 3 February 2026."), 1);
	assert_int_equal(
	    heard("boss",
	        "`eddy key issue NAME member run,talk:read payments`, give it to the program, and then revoke this one: "
	        "`eddy key revoke " KEY1 "`."),
	    1);
	assert_int_equal(heard("maker", "The API key **deploy"), 1);
	assert_int_equal(heard("other", "API key"), 0);
	look(f, 28.9);
	assert_int_equal(heard("boss", "API key"), 1);
	/* a restart in between */
	char *url = strdup(fixture_url(f));
	fixture_free(f);
	f = fixture_new(&(struct fixture_options){ .url = url });
	look(f, 23.03);
	look(f, 28.99);
	assert_int_equal(heard("boss", "API key"), 1);
	look(f, 29.05);
	look(f, 29.06);
	assert_int_equal(heard("boss", " UTC, in 23 hours. "), 1);
	assert_int_equal(heard("boss", "API key"), 2);
	assert_int_equal(heard("maker", "API key"), 2);
	look(f, 31);
	assert_int_equal(heard("boss", "API key"), 2);
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.messages WHERE body LIKE '%10164d908cfd_%' AND body LIKE '%eddy_%_%_%\\_%'"), 0);
	fixture_free(f);
	free(url);
}

static void process__whose_clock_is_slow__says_both(void **state)
{
	(void)state;
	struct fixture *f = world();
	look(f, 23.1);
	assert_int_equal(heard("boss", "API key"), 1);
	/* a day and an hour are left by its clock, and less than a day by the database's, which counts */
	atomic_store(&behind_s, 2 * 3600);
	enum err e = upkeep_round(fixture_engine(f), (uint64_t)(29.04 * (double)DAY_MS), true);
	atomic_store(&behind_s, 0);
	assert_int_equal(e, ERR_NONE);
	assert_true(fixture_wait_idle(f, 20000));
	assert_int_equal(heard("boss", "API key"), 2);
	look(f, 29.5);
	assert_int_equal(heard("boss", "API key"), 2);
	fixture_free(f);
}

static void maker__who_is_no_member_any_more__hears_nothing(void **state)
{
	(void)state;
	struct fixture *f = world();
	assert_true(test_db_exec(
	    "INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT ws, ws, id, 0 FROM eddy.people WHERE name = 'maker'"));
	assert_true(test_db_exec("UPDATE eddy.api_keys SET used_at = NULL, person_id = issued_by"));
	look(f, 23.01);
	assert_int_equal(heard("maker", "API key"), 0);
	assert_int_equal(heard("boss", "It was never used."), 1);
	assert_int_equal(heard("boss", "`eddy key issue --own NAME member"), 1);
	fixture_free(f);
}

static void admin_with_two_accounts__hears_it_once(void **state)
{
	(void)state;
	struct fixture *f = world();
	/* the maker is the admin's other account, and both have roles */
	assert_true(test_db_exec(
	    "UPDATE eddy.people SET user_id = (SELECT id FROM eddy.people WHERE name = 'boss') WHERE name = 'maker';"
	    "INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT ws, ws, id, 4 FROM eddy.people WHERE name = 'maker'"));
	look(f, 23.01);
	assert_int_equal(heard("boss", "API key") + heard("maker", "API key"), 1);
	fixture_free(f);
}

struct side {
	pthread_t thread;
	struct fixture *f;
};

static void *rounds(void *arg)
{
	struct side *s = arg;
	for (int i = 0; i < 5; i++)
		(void)upkeep_round(fixture_engine(s->f), 23 * DAY_MS + DAY_MS / 10, true);
	return NULL;
}

static void two_processes__at_once__say_it_once(void **state)
{
	(void)state;
	struct side sides[2] = { { .f = world() } };
	char *url = strdup(fixture_url(sides[0].f));
	assert_true(test_db_exec("INSERT INTO eddy.api_keys (ws, id, name, node_id, role, scopes, expires_at) SELECT ws,"
	                         " gen_random_uuid(), 'number ' || n, ws, 1, 8, now() + interval '30 days' FROM eddy.nodes,"
	                         " generate_series(1, 30) n WHERE kind = 1"));
	sides[1].f = fixture_new(&(struct fixture_options){ .url = url });
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&sides[i].thread, NULL, rounds, &sides[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(sides[i].thread, NULL);
	assert_int_equal(heard("boss", "API key"), 31);
	assert_int_equal(heard("maker", "API key"), 1);
	assert_int_equal(db_count("SELECT count(DISTINCT body) FROM eddy.messages WHERE body LIKE 'The API key%'"), 31);
	for (int i = 0; i < 2; i++)
		fixture_free(sides[i].f);
	free(url);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(key__that_ends__is_told_to_admins_and_its_maker_a_week_and_a_day_before),
		cmocka_unit_test(process__whose_clock_is_slow__says_both),
		cmocka_unit_test(maker__who_is_no_member_any_more__hears_nothing),
		cmocka_unit_test(admin_with_two_accounts__hears_it_once),
		cmocka_unit_test(two_processes__at_once__say_it_once),
	};
	return cmocka_run_group_tests_name("key_ends", tests, NULL, NULL);
}
