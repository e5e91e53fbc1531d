/* Calls that name themselves, against a real database. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/api/once.h"
#include "../../../core/base/json.h"
#include "../../support/db.h"

static const struct pg_statement *const tables[] = { once_statements, NULL };
static struct pg *pg, *other;
static struct id ws, ana, ben;

static int set_up(void **state)
{
	(void)state;
	char why[200];
	const char *url = test_db_fresh();
	if (pg_open(&pg, url, tables, why, sizeof why) != ERR_NONE || pg_open(&other, url, tables, why, sizeof why) != ERR_NONE)
		return -1;
	ws = test_db_workspace("one");
	ana = id_new();
	ben = id_new();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	pg_close(other);
	return 0;
}

static enum once begin(struct pg *p, struct id caller, const char *key, const char *name, const char *args, json_t **answer)
{
	json_t *in = NULL;
	enum once what;
	assert_int_equal(json_parse(args, strlen(args), 1000, &in, NULL), ERR_NONE);
	assert_int_equal(once_begin(p, ws, caller, key, name, in, id_new(), &what, answer), ERR_NONE);
	json_decref(in);
	return what;
}

/* One whole call: what it was, and its answer (the first one's is ${n}). */
static enum once call(struct id caller, const char *key, const char *name, const char *args, int n, int *answered)
{
	json_t *answer = NULL;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	enum once what = begin(pg, caller, key, name, args, &answer);
	if (what == ONCE_NEW) {
		answer = json_pack("{s:i}", "n", n);
		assert_int_equal(once_keep(pg, ws, caller, key, answer), ERR_NONE);
	}
	assert_int_equal(pg_commit(pg), ERR_NONE);
	*answered = (int)json_int(answer, "n", -1);
	json_decref(answer);
	return what;
}

static void once__gives__the_same_answer_for_the_same_call(void **state)
{
	(void)state;
	int n;
	assert_int_equal(call(ana, "k1", "a.b", "{\"x\":1,\"y\":2}", 10, &n), ONCE_NEW);
	assert_int_equal(call(ana, "k1", "a.b", "{\"y\":2, \"x\":1}", 11, &n), ONCE_AGAIN);
	assert_int_equal(n, 10);
	/* Another call, or another caller. */
	assert_int_equal(call(ana, "k1", "a.b", "{\"x\":1,\"y\":3}", 12, &n), ONCE_OTHER);
	assert_int_equal(call(ana, "k1", "a.c", "{\"x\":1,\"y\":2}", 12, &n), ONCE_OTHER);
	assert_int_equal(call(ben, "k1", "a.c", "{\"x\":1,\"y\":2}", 13, &n), ONCE_NEW);
	assert_int_equal(n, 13);
	assert_int_equal(call(ana, "k2", "a.b", "{\"x\":1,\"y\":2}", 14, &n), ONCE_NEW);
}

static void once__leaves__nothing_of_a_call_that_failed(void **state)
{
	(void)state;
	json_t *answer = NULL;
	int n;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(begin(pg, ana, "failed", "a.b", "{}", &answer), ONCE_NEW);
	pg_rollback(pg);
	assert_int_equal(call(ana, "failed", "a.c", "{}", 20, &n), ONCE_NEW);
}

static void once__keeps__no_secret(void **state)
{
	(void)state;
	json_t *answer = NULL;
	for (int i = 0; i < 2; i++) {
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		assert_int_equal(begin(pg, ana, "secret", "a.b", "{}", &answer), i == 0 ? ONCE_NEW : ONCE_AGAIN);
		assert_null(answer);
		assert_int_equal(pg_commit(pg), ERR_NONE);
	}
}

static void once__frees__a_key_after_a_day_and_cleans_up(void **state)
{
	(void)state;
	int n;
	assert_int_equal(call(ana, "old", "a.b", "{}", 30, &n), ONCE_NEW);
	assert_true(test_db_exec("UPDATE eddy.api_answers SET made_at = now() - interval '25 hours'"));
	assert_int_equal(call(ana, "old", "a.c", "{}", 31, &n), ONCE_NEW);
	assert_int_equal(call(ana, "old", "a.c", "{}", 32, &n), ONCE_AGAIN);
	assert_int_equal(n, 31);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(once_expire(pg, ws, 100), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.api_answers"), "1");
}

static void once__takes__visible_characters_as_keys(void **state)
{
	(void)state;
	char longest[ONCE_KEY_MAX + 2];
	memset(longest, 'k', sizeof longest);
	longest[ONCE_KEY_MAX + 1] = '\0';
	assert_false(once_key_valid(longest));
	longest[ONCE_KEY_MAX] = '\0';
	assert_true(once_key_valid(longest));
	assert_true(once_key_valid("\"8e03978e-40d5-43dd-bc93-6894a57f9324\""));
	assert_false(once_key_valid(""));
	assert_false(once_key_valid("a b"));
	assert_false(once_key_valid("\xc3\xa4"));
	assert_false(once_key_valid("a\tb"));
}

static void *second(void *arg)
{
	json_t *answer = NULL;
	int *n = arg;
	if (pg_begin(other, ws) != ERR_NONE)
		return NULL;
	enum once what;
	json_t *in = json_object();
	if (once_begin(other, ws, ana, "both", "a.b", in, id_new(), &what, &answer) == ERR_NONE && what == ONCE_AGAIN)
		*n = (int)json_int(answer, "n", -1);
	json_decref(in);
	json_decref(answer);
	pg_commit(other);
	return NULL;
}

static void once__of_two_at_a_time__runs_one(void **state)
{
	(void)state;
	pthread_t t;
	json_t *answer = NULL;
	int n = 0;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(begin(pg, ana, "both", "a.b", "{}", &answer), ONCE_NEW);
	assert_int_equal(pthread_create(&t, NULL, second, &n), 0);
	usleep(200000); /* the other one waits for us by now; if not, it comes later and must see the same */
	answer = json_pack("{s:i}", "n", 40);
	assert_int_equal(once_keep(pg, ws, ana, "both", answer), ERR_NONE);
	json_decref(answer);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	pthread_join(t, NULL);
	assert_int_equal(n, 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(once__gives__the_same_answer_for_the_same_call),
		cmocka_unit_test(once__leaves__nothing_of_a_call_that_failed),
		cmocka_unit_test(once__keeps__no_secret),
		cmocka_unit_test(once__frees__a_key_after_a_day_and_cleans_up),
		cmocka_unit_test(once__takes__visible_characters_as_keys),
		cmocka_unit_test(once__of_two_at_a_time__runs_one),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
