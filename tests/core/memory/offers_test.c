/* Offers with the real database: every transition, who may answer, what time does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../../../core/memory/offers.h"
#include "../../support/db.h"

static const struct pg_statement *const tables[] = { offers_statements, NULL };
static struct pg *pg;
static struct id ws, thread, ann, bob;

static int setup(void **state)
{
	(void)state;
	char why[256], w[ID_TEXT], t[ID_TEXT], sql[900];
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE)
		return -1;
	ws = test_db_workspace("a");
	thread = id_new();
	ann = id_new();
	bob = id_new();
	id_format(ws, w);
	id_format(thread, t);
	snprintf(sql, sizeof(sql),
	    "INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', '%s', 1, '%s');"
	    "INSERT INTO eddy.places (ws, id, adapter, external_id, visibility, member, audience_id) VALUES ('%s', '%s', 'test', 'c', 4, true, '%s');"
	    "INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id) VALUES ('%s', '%s', '%s', 't', 0, "
	    "true, 1, '%s')",
	    w, t, t, w, t, t, w, t, t, t);
	return test_db_exec(sql) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static struct id make(struct id person, struct id subject, enum offer_state s)
{
	struct offer_new o = {
		.id = id_new(), .kind = OFFER_REPLACE, .thread = thread, .person = person, .subject = subject, .hours = 24
	};
	char i[ID_TEXT], sql[200];
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(offers_open(pg, ws, &o), ERR_NONE);
	assert_int_equal(offers_open(pg, ws, &o), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	snprintf(sql, sizeof(sql), "UPDATE eddy.offers SET state = %d WHERE id = '%s'", (int)s, id_format(o.id, i));
	assert_true(test_db_exec(sql));
	return o.id;
}

static int state_of(struct id id)
{
	char i[ID_TEXT], sql[200];
	snprintf(sql, sizeof(sql), "SELECT state FROM eddy.offers WHERE id = '%s'", id_format(id, i));
	return atoi(test_db_value(sql));
}

static enum err close_it(struct id subject, struct id person, enum offer_act act)
{
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	enum err e = offers_close(pg, ws, OFFER_REPLACE, thread, subject, person, act);
	assert_int_equal(pg_end(pg, e), e);
	return e;
}

static void state__every_transition__only_from_open(void **state)
{
	(void)state;
	for (enum offer_state from = OFFER_OPEN; from <= OFFER_EXPIRED; from++)
		for (enum offer_act act = OFFER_ACCEPT; act <= OFFER_EXPIRE; act++) {
			static const enum offer_state after[] = { OFFER_ACCEPTED, OFFER_DECLINED, OFFER_EXPIRED };
			enum offer_state to = 0;
			bool legal = from == OFFER_OPEN;
			assert_int_equal(offer_next(from, act, &to), legal);
			assert_int_equal(to, legal ? after[act] : 0);
			struct id subject = id_new(), offer = make(ann, subject, from);
			assert_int_equal(close_it(subject, ann, act), legal ? ERR_NONE : ERR_INPUT);
			assert_int_equal(state_of(offer), legal ? after[act] : from);
			assert_int_equal(close_it(subject, ann, act), ERR_INPUT); /* once */
		}
}

static void answer__of_somebody_else__is_refused(void **state)
{
	(void)state;
	struct id subject = id_new(), offer = make(ann, subject, OFFER_OPEN);
	assert_int_equal(close_it(subject, bob, OFFER_ACCEPT), ERR_DENIED);
	assert_int_equal(state_of(offer), OFFER_OPEN);
	struct id anybody = make(ID_NONE, ID_NONE, OFFER_OPEN);
	assert_int_equal(close_it(ID_NONE, bob, OFFER_DECLINE), ERR_NONE);
	assert_int_equal(state_of(anybody), OFFER_DECLINED);
	assert_int_equal(close_it(id_new(), bob, OFFER_DECLINE), ERR_INPUT);
}

static void time__over__expires(void **state)
{
	(void)state;
	struct id subject = id_new(), offer = make(ann, subject, OFFER_OPEN);
	assert_true(test_db_exec("UPDATE eddy.offers SET until = now() - interval '1 s' WHERE state = 1"));
	assert_int_equal(close_it(subject, ann, OFFER_ACCEPT), ERR_INPUT); /* too late, also before the clock has looked */
	int64_t gone = 0;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(offers_expire(pg, ws, 100, &gone), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_true(gone >= 1);
	assert_int_equal(state_of(offer), OFFER_EXPIRED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(state__every_transition__only_from_open),
		cmocka_unit_test(answer__of_somebody_else__is_refused),
		cmocka_unit_test(time__over__expires),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
