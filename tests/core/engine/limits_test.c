/* Who asks much waits and hears so once; who asks too much is declined; nobody else notices; what waits outlives the process. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "../../../core/api/serve.h"
#include "../../../core/base/log.h"
#include "../../../core/engine/engine_internal.h"
#include "../../../core/engine/quota.h"
#include "../../../core/teams/held.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define S INT64_C(1000000)

static struct id number(uint8_t n)
{
	struct id id = { .b = { n } };
	return id;
}

static void quota__has_room__with_all_three(void **state)
{
	(void)state;
	struct quota *q = quota_new(0);
	const struct quota_rules r = { bucket_per_minute(4, 1), bucket_per_minute(6, 1), bucket_per_minute(8, 0) };
	uint32_t wait = 0;
	int64_t now = 1000 * S;
	const struct quota_who ana = { number(1), number(2), number(3) }, ben = { number(1), number(2), number(4) },
	                       eve = { number(1), ID_NONE, number(5) }, far = { number(9), number(10), number(11) };
	for (int i = 0; i < 4; i++)
		assert_int_equal(quota_ask(q, &ana, &r, now, &wait), QUOTA_NOW);
	assert_int_equal(quota_ask(q, &ana, &r, now, &wait), QUOTA_LATER);
	assert_int_equal(wait, 15000);
	assert_int_equal(quota_ask(q, &ana, &r, now, &wait), QUOTA_FULL);
	assert_int_equal(quota_ask(q, &ben, &r, now, &wait), QUOTA_NOW); /* the sixth of the team */
	assert_int_equal(quota_ask(q, &ben, &r, now, &wait), QUOTA_LATER);
	assert_int_equal(wait, 10000);
	assert_int_equal(quota_ask(q, &ben, &r, now, &wait), QUOTA_FULL);
	assert_int_equal(quota_ask(q, &eve, &r, now, &wait), QUOTA_NOW); /* the eighth of the workspace */
	assert_int_equal(quota_ask(q, &eve, &r, now, &wait), QUOTA_FULL);
	assert_int_equal(quota_ask(q, &far, &r, now, &wait), QUOTA_NOW);
	assert_int_equal(quota_ask(q, &ana, &r, now + 60 * S, &wait), QUOTA_NOW);
	quota_free(q);
}

static void quota__of_a_new_process__is_a_quarter_full(void **state)
{
	(void)state;
	struct quota *q = quota_new(1000 * S);
	const struct quota_rules r = { bucket_per_minute(40, 0), { 0 }, { 0 } };
	const struct quota_who ana = { number(1), number(2), number(3) };
	uint32_t wait;
	int given = 0;
	while (quota_ask(q, &ana, &r, 1000 * S, &wait) == QUOTA_NOW)
		given++;
	assert_int_equal(given, 10);
	quota_free(q);
}

static void quota__of_many__stays_small(void **state)
{
	(void)state;
	struct quota *q = quota_new(0);
	const struct quota_rules r = { bucket_per_minute(4, 0), { 0 }, { 0 } };
	uint32_t wait;
	struct quota_who who = { 0 };
	for (uint32_t i = 1; i <= 200000; i++) {
		memcpy(who.person.b, &i, sizeof i);
		assert_int_equal(quota_ask(q, &who, &r, 1000 * S + i, &wait), QUOTA_NOW);
	}
	quota_free(q);
}

static long notices(void)
{
	return db_count(
	    "SELECT count(*) FROM eddy.messages WHERE author_kind = 2 AND run_id IS NULL AND body LIKE '%has to wait%'");
}

static void ask__beyond_the_limit__waits_and_is_answered(void **state)
{
	(void)state;
	struct fixture *f =
	    fixture_new(&(struct fixture_options){ .scan_ms = 100, .settings = "limits.person=8\0limits.queue=1\0" });
	char key[20];
	/* Two at once, one that waits for some seconds, three that are too many. */
	for (int i = 0; i < 6; i++) {
		snprintf(key, sizeof key, "a%d", i);
		assert_true(fixture_say(f, "U1", i < 1 ? key : "flood", key, "a question"));
	}
	assert_int_equal(notices(), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE kind = 1 AND due > created_at"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE kind = 2 AND command = 56"), 1); /* said once */
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 1"), 6);       /* nothing is lost */
	struct pg *pg = NULL;
	char why[200];
	json_t *held = NULL;
	static const struct pg_statement *const tables[] = { held_statements, NULL };
	assert_int_equal(pg_open(&pg, fixture_url(f), tables, why, sizeof why), ERR_NONE);
	assert_int_equal(pg_begin(pg, fixture_ws(f)), ERR_NONE);
	assert_int_equal(held_list(pg, fixture_ws(f), &held), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(json_array_size(held), 1);
	assert_int_equal(json_integer_value(json_object_get(json_array_get(held, 0), "waiting")), 1);
	json_decref(held);
	pg_close(pg);
	/* Somebody else is answered at once, and what takes nothing is not counted. */
	assert_true(fixture_say(f, "U2", "other", "b1", "a question"));
	assert_true(fixture_say(f, "U1", "cmd", "b2", "what time is it?"));
	assert_true(db_comes_true("SELECT (count(*) = 2)::int FROM eddy.runs r JOIN eddy.messages m ON m.id = r.message_id"
	                          " WHERE m.message_key IN ('b1', 'b2') AND r.state = 3",
	    20000));
	assert_true(db_settles(60000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE kind = 1 AND due IS NOT NULL AND state IN (3, 4)"), 1);
	assert_int_equal(notices(), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.outbox WHERE run_id IS NULL AND state = 3"), 1);
	fixture_free(f);
}

static void quota_take__has_room__with_all_three_or_takes_nothing(void **state)
{
	(void)state;
	struct quota *q = quota_new(0);
	const struct quota_rules r = { bucket_per_minute(4, 0), bucket_per_minute(6, 0), bucket_per_minute(8, 0) };
	uint32_t wait = 0;
	int64_t now = 1000 * S;
	const struct quota_who ana = { number(1), number(2), number(3) }, ben = { number(1), number(2), number(4) },
	                       eve = { number(1), ID_NONE, number(5) };
	for (int i = 0; i < 4; i++)
		assert_true(quota_take(q, &ana, &r, now, &wait));
	for (int i = 0; i < 3; i++) { /* who tries in vain has not to wait any longer for it */
		assert_false(quota_take(q, &ana, &r, now, &wait));
		assert_int_equal(wait, 15000);
	}
	assert_true(quota_take(q, &ben, &r, now, &wait));
	assert_true(quota_take(q, &ben, &r, now, &wait));
	assert_false(quota_take(q, &ben, &r, now, &wait)); /* the team */
	assert_int_equal(wait, 10000);
	assert_true(quota_take(q, &eve, &r, now, &wait));
	assert_true(quota_take(q, &eve, &r, now, &wait));
	assert_false(quota_take(q, &eve, &r, now, &wait)); /* the workspace */
	assert_int_equal(wait, 7500);
	assert_true(quota_take(q, &ana, &r, now + 15 * S, &wait));
	quota_free(q);
}

static enum api_code call_of(struct fixture *f, const char *person, struct api_reply *reply)
{
	struct api_request q = { .ws = fixture_ws(f),
		.adapter = "web",
		.person = person,
		.name = person,
		.via = "web",
		.procedure = "preference.get",
		.id = id_new() };
	engine_call(fixture_engine(f), &q, reply);
	json_decref(reply->out);
	return reply->code;
}

/* A new process has a quarter: 2 of 8. */
static void calls__beyond_the_limit__are_refused_and_say_when(void **state)
{
	(void)state;
	struct api_reply reply;
	struct fixture *f = fixture_new(&(struct fixture_options){ .settings = "limits.person_calls=8\0" });
	assert_int_equal(call_of(f, "U1", &reply), API_OK);
	assert_int_equal(call_of(f, "U1", &reply), API_OK);
	assert_int_equal(call_of(f, "U1", &reply), API_LIMITED);
	assert_in_range(reply.problem.retry_after_s, 1, 8);
	assert_int_equal(call_of(f, "U2", &reply), API_OK);
	fixture_free(f);
	f = fixture_new(&(struct fixture_options){ .settings = "limits.workspace_calls=8\0" });
	assert_int_equal(call_of(f, "U1", &reply), API_OK);
	assert_int_equal(call_of(f, "U2", &reply), API_OK);
	assert_int_equal(call_of(f, "U3", &reply), API_LIMITED);
	fixture_free(f);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = { cmocka_unit_test(quota__has_room__with_all_three),
		cmocka_unit_test(quota__of_a_new_process__is_a_quarter_full), cmocka_unit_test(quota__of_many__stays_small),
		cmocka_unit_test(quota_take__has_room__with_all_three_or_takes_nothing),
		cmocka_unit_test(calls__beyond_the_limit__are_refused_and_say_when),
		cmocka_unit_test(ask__beyond_the_limit__waits_and_is_answered) };
	return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
