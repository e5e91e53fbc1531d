/*
 * Who is who, and places that outsiders read, through a whole engine: every kind of person does everything once, and what comes of it is what the
 * table of core/people/kind.c says; a shared place is silent until an admin has said yes, and again when that is taken back or it is shared anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/log.h"
#include "../../../core/engine/engine_internal.h"
#include "../../../core/engine/route.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *f;
static int counter;
static char said[40000];

static int set_up(void **state)
{
	(void)state;
	counter = 0;
	f = fixture_new(&(struct fixture_options){
	    .scan_ms = 100, .caps = CAP_STREAM | CAP_STATUS | CAP_SHARED, .settings = "engine.upkeep=500ms\0" });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_free(f);
	f = NULL;
	return 0;
}

struct who {
	const char *id;
	enum person_kind kind;
	bool undescribed, may_ask;
	enum verified verified;
};
static const struct who ana = { "U1", PERSON_MEMBER, false, false, VERIFIED_PLATFORM };
static const struct who eve = { "U8", PERSON_STRANGER, false, false, VERIFIED_PLATFORM };
static const struct who beep = { "B1", PERSON_BOT, false, true, VERIFIED_PLATFORM };

static void fill(struct intent *in, const struct who *w, const char *place, enum visibility v, const char *key)
{
	in->person = (struct intent_person){ .external_id = w->id,
		.name = w->id,
		.kind = w->kind,
		.is_bot = w->kind == PERSON_BOT,
		.is_guest = w->kind > PERSON_MEMBER,
		.may_ask = w->may_ask,
		.is_undescribed = w->undescribed };
	in->place = (struct intent_place){ .external_id = place, .name = place, .visibility = v, .eddy_is_member = true };
	in->thread_key = in->thread_key == NULL || strcmp(in->thread_key, "t1") == 0 ? key : in->thread_key;
	in->mentions_us = true;
	in->verified = w->verified;
}

/* What Eddy answers; "" is silence. */
static const char *says(const struct who *w, const char *place, enum visibility v, const char *thread, const char *text)
{
	static char key[40];
	char sql[600];
	snprintf(key, sizeof key, "k%d", counter++);
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, key, key, text);
	in.thread_key = thread;
	fill(&in, w, place, v, key);
	assert_true(fixture_do(f, &in, NULL));
	assert_true(db_settles(20000));
	snprintf(sql, sizeof sql,
	    "SELECT m.body FROM eddy.messages m JOIN eddy.runs r ON r.id = m.run_id JOIN eddy.messages q ON q.id = r.message_id"
	    " WHERE m.author_kind = 2 AND q.message_key = '%s' ORDER BY m.created_at DESC LIMIT 1",
	    key);
	const char *body = test_db_value(sql);
	snprintf(said, sizeof said, "%s", body == NULL ? "" : body);
	return said;
}

static void make_admin(const struct who *w)
{
	char sql[400];
	snprintf(sql, sizeof sql,
	    "INSERT INTO members (ws, node_id, person_id, role) SELECT i.ws, i.ws, i.person_id, 3 FROM identities i WHERE i.external_id = '%s'"
	    " ON CONFLICT DO NOTHING",
	    w->id);
	assert_true(test_db_exec(sql));
}

static bool is_open(const char *place)
{
	char sql[200];
	snprintf(sql, sizeof sql, "SELECT allowed_at IS NOT NULL FROM places WHERE external_id = '%s'", place);
	const char *v = test_db_value(sql);
	return v != NULL && v[0] == 't';
}

#define SENTENCE "People from outside read this"

static bool does(const struct who *w, enum act a)
{
	char place[20];
	snprintf(place, sizeof place, "X%d", (int)w->kind);
	switch (a) {
	case ACT_ASK:
		return says(w, "C1", VIS_PUBLIC, NULL, "how is the weather?")[0] != '\0';
	case ACT_HEAR_WHY:
		return strstr(says(w, place, VIS_EXTERNAL, NULL, "how is the weather?"), SENTENCE) != NULL;
	case ACT_OPEN:
		make_admin(w);
		says(w, place, VIS_EXTERNAL, NULL, "allow here");
		return is_open(place);
	case ACT_READ:
		return strstr(says(w, "C1", VIS_PUBLIC, NULL, "search zirconium"), "marigold") != NULL;
	case ACT_LINK:
		return strstr(says(w, place + 1, VIS_DIRECT, "own", "link"), "Your code is") != NULL;
	}
	return false;
}

static void every_kind__does_everything__as_the_table_says(void **state)
{
	(void)state;
	static const struct who all[] = { { "U20", PERSON_UNKNOWN, true, false, VERIFIED_PLATFORM },
		{ "U21", PERSON_MEMBER, false, false, VERIFIED_PLATFORM }, { "U22", PERSON_GUEST, false, false, VERIFIED_PLATFORM },
		{ "U23", PERSON_GUEST_ONE, false, false, VERIFIED_PLATFORM },
		{ "U24", PERSON_STRANGER, false, false, VERIFIED_PLATFORM }, { "U25", PERSON_BOT, false, false, VERIFIED_PLATFORM },
		{ "U26", PERSON_SENDER, false, false, VERIFIED_NONE }, { "U27", PERSON_VISITOR, false, false, VERIFIED_NONE } };
	assert_int_equal(sizeof all / sizeof *all, PERSON_KINDS);
	says(&ana, "C2", VIS_PUBLIC, NULL, "the zirconium goes to marigold street");
	for (int k = 0; k < PERSON_KINDS; k++)
		for (int a = 0; a < ACTS; a++)
			if (does(&all[k], (enum act)a) != person_may((enum person_kind)k, (enum act)a))
				fail_msg("%s, act %d: should be %d, Eddy says: %s", person_kind_name((enum person_kind)k), a,
				    person_may((enum person_kind)k, (enum act)a), said);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.people p JOIN eddy.identities i ON i.person_id = p.id"
	                          " WHERE i.external_id LIKE 'U2_' AND p.kind = right(i.external_id, 1)::int"),
	    PERSON_KINDS);
}

static void shared_place__is_silent__until_an_admin_says_yes(void **state)
{
	(void)state;
	assert_string_equal(says(&eve, "X1", VIS_EXTERNAL, NULL, "Eddy, who are you?"), "");
	assert_string_equal(says(&eve, "X1", VIS_EXTERNAL, NULL, "help"), "");
	assert_string_equal(says(&eve, "X1", VIS_EXTERNAL, NULL, "allow here"), "");
	assert_non_null(strstr(says(&ana, "X1", VIS_EXTERNAL, NULL, "Eddy, who are you?"), SENTENCE));
	assert_non_null(strstr(says(&ana, "X1", VIS_EXTERNAL, NULL, "allow here"), "Only an admin"));
	assert_false(is_open("X1"));
	make_admin(&ana);
	assert_non_null(strstr(says(&ana, "X1", VIS_EXTERNAL, NULL, "@eddy allow here, please"), "I answer here"));
	assert_true(is_open("X1"));
	assert_string_equal(says(&eve, "X1", VIS_EXTERNAL, NULL, "and now?"), "re: and now?");
	assert_string_equal(says(&ana, "X1", VIS_EXTERNAL, NULL, "and I?"), "re: and I?");
	/* Not by somebody from outside, whatever role they were given. */
	make_admin(&eve);
	assert_non_null(strstr(says(&eve, "X1", VIS_EXTERNAL, NULL, "deny here"), "Only an admin"));
	assert_non_null(strstr(says(&ana, "X1", VIS_EXTERNAL, NULL, "deny here"), "I say nothing here"));
	assert_string_equal(says(&eve, "X1", VIS_EXTERNAL, NULL, "still there?"), "");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb IN ('place.allow', 'place.deny')"), 2);
	/* Nothing was asked of a model in what was silent. */
	assert_int_equal(fixture_model_calls(f), 2);
	/* There is nothing to allow where nobody from outside reads. */
	assert_non_null(strstr(says(&ana, "C1", VIS_PUBLIC, NULL, "allow here"), "Nobody from outside"));
}

static void place_that_becomes_shared__is_closed__again(void **state)
{
	(void)state;
	says(&ana, "C5", VIS_PUBLIC, NULL, "hello to all");
	make_admin(&ana);
	assert_string_equal(says(&ana, "C5", VIS_PUBLIC, NULL, "one"), "re: one");
	assert_non_null(strstr(says(&ana, "C5", VIS_EXTERNAL, NULL, "two"), SENTENCE));
	says(&ana, "C5", VIS_EXTERNAL, NULL, "allow here");
	assert_string_equal(says(&eve, "C5", VIS_EXTERNAL, NULL, "three"), "re: three");
	assert_string_equal(says(&ana, "C5", VIS_PUBLIC, NULL, "four"), "re: four");
	assert_string_equal(says(&eve, "C5", VIS_EXTERNAL, NULL, "five"), "");
	/* The adapter learns it between messages. */
	says(&ana, "C5", VIS_EXTERNAL, NULL, "allow here");
	assert_true(is_open("C5"));
	assert_true(engine_learn_place(fixture_engine(f), fixture_ws(f), "test",
	    &(struct intent_place){ .external_id = "C5", .name = "C5", .visibility = VIS_PRIVATE, .eddy_is_member = true }));
	assert_true(engine_learn_place(fixture_engine(f), fixture_ws(f), "test",
	    &(struct intent_place){ .external_id = "C5", .name = "C5", .visibility = VIS_EXTERNAL, .eddy_is_member = true }));
	assert_true(db_comes_true(
	    "SELECT count(*) FROM eddy.places WHERE external_id = 'C5' AND allowed_at IS NULL AND visibility = 3", 10000));
	assert_string_equal(says(&eve, "C5", VIS_EXTERNAL, NULL, "six"), "");
}

static void shared_place__hears_nothing_else__while_it_is_closed(void **state)
{
	(void)state;
	/* Being added, a name that is added by an edit, a command from a button, "try again". */
	struct intent in = fixture_intent(INTENT_PLACE_JOINED, "j1", NULL, "");
	fill(&in, &eve, "X2", VIS_EXTERNAL, "j1");
	assert_true(fixture_do(f, &in, NULL));
	in = fixture_intent(INTENT_MESSAGE_POSTED, "e1", "e1", "lunch?");
	fill(&in, &eve, "X2", VIS_EXTERNAL, "e1");
	in.mentions_us = false;
	assert_true(fixture_do(f, &in, NULL));
	in = fixture_intent(INTENT_MESSAGE_EDITED, "e1b", "e1", "lunch, Eddy?");
	fill(&in, &eve, "X2", VIS_EXTERNAL, "e1");
	assert_true(fixture_do(f, &in, NULL));
	in = fixture_intent(INTENT_ACTION_PRESSED, "p1", "e1", "help");
	fill(&in, &eve, "X2", VIS_EXTERNAL, "e1");
	in.action = ACTION_COMMAND;
	assert_true(fixture_do(f, &in, NULL));
	assert_true(db_settles(20000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs"), 0);
	/* A run of when it was open cannot be tried again. */
	says(&ana, "X2", VIS_EXTERNAL, NULL, "hm");
	make_admin(&ana);
	says(&ana, "X2", VIS_EXTERNAL, NULL, "allow here");
	says(&ana, "X2", VIS_EXTERNAL, NULL, "an answer, please");
	assert_true(test_db_exec("UPDATE runs SET state = 5 WHERE kind = 1"));
	says(&ana, "X2", VIS_EXTERNAL, NULL, "deny here");
	long before = db_count("SELECT count(*) FROM eddy.runs");
	char run[64];
	snprintf(run, sizeof run, "%s", test_db_value("SELECT id FROM runs WHERE kind = 1 LIMIT 1"));
	in = fixture_intent(INTENT_ACTION_PRESSED, "p2", "x", run);
	fill(&in, &ana, "X2", VIS_EXTERNAL, "x");
	in.action = "run.retry";
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs"), before);
}

static void bot_that_may_ask__is_heard__only_where_people_take_part(void **state)
{
	(void)state;
	int answers = 0;
	for (int i = 0; i < 20; i++)
		answers += says(&beep, "C1", VIS_PUBLIC, "loop", "your turn, Eddy")[0] != '\0';
	assert_int_equal(answers, 1);
	assert_string_equal(says(&ana, "C1", VIS_PUBLIC, "loop", "go on"), "re: U1: go on");
	assert_true(says(&beep, "C1", VIS_PUBLIC, "loop", "thanks")[0] != '\0');
	assert_string_equal(says(&beep, "C1", VIS_PUBLIC, "loop", "you are welcome"), "");
	/* The others never. */
	struct who other = beep;
	other.id = "B2";
	other.may_ask = false;
	assert_string_equal(says(&other, "C1", VIS_PUBLIC, "loop", "and me?"), "");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 4"), 23);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_kind__does_everything__as_the_table_says, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shared_place__is_silent__until_an_admin_says_yes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(place_that_becomes_shared__is_closed__again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(shared_place__hears_nothing_else__while_it_is_closed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bot_that_may_ask__is_heard__only_where_people_take_part, set_up, tear_down),
	};
	return cmocka_run_group_tests_name("kinds", tests, NULL, NULL);
}
