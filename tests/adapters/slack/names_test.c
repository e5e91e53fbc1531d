/* Who and where: what is asked, how often, and what the core is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../../adapters/slack/names.h"
#include "../../../adapters/slack/slack_internal.h"
#include "../../../core/engine/engine.h"
#include "neighbours.h"

static char us[] = "UEDDY", team[] = "T1";
static struct slack_self self = { .user_id = us, .team_id = team };
static struct slack s;
static struct slack_names *n;
static char told[2000]; /* what the core was told, a line each */
static bool core_full;

bool engine_learn_person(struct engine *e, struct id ws, const char *adapter, const struct intent_person *p)
{
	(void)e;
	(void)ws;
	assert_string_equal(adapter, "slack");
	if (core_full)
		return false;
	size_t at = strlen(told);
	snprintf(told + at, sizeof(told) - at, "%s %s %s%s%s\n", p->external_id, p->name ? p->name : "-", p->tz ? p->tz : "-",
	    p->is_bot ? " bot" : "", p->is_guest ? " guest" : "");
	return true;
}

bool engine_learn_place(struct engine *e, struct id ws, const char *adapter, const struct intent_place *p)
{
	(void)e;
	(void)ws;
	(void)adapter;
	if (core_full)
		return false;
	size_t at = strlen(told);
	snprintf(told + at, sizeof(told) - at, "%s %s %d%s\n", p->external_id, p->name ? p->name : "-", (int)p->visibility,
	    p->eddy_is_member ? " member" : "");
	return true;
}

static int begin(void **state)
{
	(void)state;
	s = (struct slack){ .api = (struct slack_api *)&s };
	self.org_install = false;
	atomic_store(&s.self, &self);
	n = names_new(&s);
	told[0] = '\0';
	core_full = false;
	return 0;
}

static int end(void **state)
{
	(void)state;
	near_run();
	while (near_calls_len) /* so that nothing leaks */
		near_fail(SLACK_NOT_SENT, "stopping");
	near_end();
	names_free(n);
	return 0;
}

#define USER(id, more) "{\"user\":{\"id\":\"" id "\",\"profile\":{\"display_name\":\"Anna\"},\"tz\":\"Europe/Paris\"" more "}}"

/* Asks for ${id} and answers with ${json}; gives what is known then. */
static const struct known_person *person_of(const char *id, const char *json)
{
	assert_null(names_person(n, id));
	near_answer(json);
	return names_person(n, id);
}

static void person__is_asked_for__once_and_told_to_the_core(void **state)
{
	(void)state;
	assert_null(names_person(n, "UANNA"));
	assert_null(names_person(n, "UANNA"));
	assert_int_equal(near_calls_len, 1);
	assert_string_equal(near_waits(), "users.info user=UANNA&");
	near_answer(USER("UANNA", ",\"team_id\":\"T1\""));
	const struct known_person *p = names_person(n, "UANNA");
	assert_non_null(p);
	assert_string_equal(p->name, "Anna");
	assert_string_equal(p->tz, "Europe/Paris");
	assert_false(p->is_guest || p->is_bot);
	assert_string_equal(told, "UANNA Anna Europe/Paris\n");
	assert_int_equal(near_calls_len, 0);
}

static void person__of_another_team__is_a_guest(void **state)
{
	(void)state;
	assert_true(person_of("U1", USER("U1", ",\"team_id\":\"T2\""))->is_guest);
	assert_string_equal(told, "U1 Anna Europe/Paris guest\n");
	/* Within a grid all are of one company, and so they are with an org-wide install. */
	assert_false(person_of("U2", USER("U2", ",\"team_id\":\"T2\",\"enterprise_user\":{\"id\":\"U2\"}"))->is_guest);
	self.org_install = true;
	assert_false(person_of("U3", USER("U3", ",\"team_id\":\"T2\""))->is_guest);
	self.org_install = false;
	assert_false(person_of("W4", USER("W4", ""))->is_guest); /* Slack named no team */
}

static void person__that_slack_restricts__is_a_guest(void **state)
{
	(void)state;
	static const struct {
		const char *id, *user;
		enum person_kind kind;
	} all[] = { { "U1", USER("U1", ",\"team_id\":\"T1\",\"is_restricted\":true"), PERSON_GUEST },
		{ "U2", USER("U2", ",\"team_id\":\"T1\",\"is_restricted\":true,\"is_ultra_restricted\":true"), PERSON_GUEST_ONE },
		{ "U3", USER("U3", ",\"is_stranger\":true"), PERSON_STRANGER },
		{ "U6", USER("U6", ",\"team_id\":\"T1\""), PERSON_MEMBER },
		{ "U7", USER("U7", ",\"team_id\":\"T1\",\"is_bot\":true"), PERSON_BOT } };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		const struct known_person *p = person_of(all[i].id, all[i].user);
		assert_int_equal(p->kind, all[i].kind);
		assert_int_equal(p->is_guest, all[i].kind != PERSON_MEMBER);
	}
	assert_true(person_of("U4", USER("U4", ",\"is_bot\":true"))->is_bot);
	assert_true(person_of("U5", USER("U5", ",\"is_workflow_bot\":true"))->is_bot);
}

static void name__is_taken__from_where_there_is_one(void **state)
{
	(void)state;
	assert_string_equal(
	    person_of("U1", "{\"user\":{\"id\":\"U1\",\"profile\":{\"display_name\":\"\",\"real_name\":\"R\"}}}")->name, "R");
	assert_string_equal(person_of("U2", "{\"user\":{\"id\":\"U2\",\"real_name\":\"Q\",\"name\":\"q\"}}")->name, "Q");
	assert_string_equal(person_of("U3", "{\"user\":{\"id\":\"U3\",\"name\":\"q\"}}")->name, "q");
	assert_null(person_of("U4", "{\"user\":{\"id\":\"U4\",\"name\":7,\"profile\":[],\"tz\":false}}")->name);
}

static void answer__without_sense__changes_nothing(void **state)
{
	(void)state;
	static const char *const bad[] = { "{}", "{\"user\":null}", "{\"user\":[1]}", "{\"user\":{}}", "{\"user\":{\"id\":5}}",
		"{\"channel\":{}}" };
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		char id[8];
		snprintf(id, sizeof(id), "U%zu", i);
		assert_null(person_of(id, bad[i]));
	}
	assert_string_equal(told, "");
	assert_null(names_person(n, "BBOT")); /* a bot without a user is not asked for */
	assert_null(names_person(n, ""));
	assert_int_equal(near_calls_len, 0);
}

static void question__that_failed__is_asked_again_after_a_while(void **state)
{
	(void)state;
	assert_null(names_person(n, "U1"));
	near_fail(SLACK_REFUSED, "user_not_found");
	assert_null(names_person(n, "U1"));
	near_pass(599000);
	assert_null(names_person(n, "U1"));
	assert_int_equal(near_calls_len, 0);
	near_pass(2000);
	assert_null(names_person(n, "U1"));
	assert_int_equal(near_calls_len, 1);
	near_answer(USER("U1", ""));
	/* What is known is asked again after a day, or when Slack says that it changed, and serves in the meantime. */
	near_pass(86000000);
	assert_non_null(names_person(n, "U1"));
	assert_int_equal(near_calls_len, 0);
	near_pass(500000);
	assert_non_null(names_person(n, "U1"));
	assert_int_equal(near_calls_len, 1);
	near_answer(USER("U1", ",\"is_restricted\":true"));
	assert_true(names_person(n, "U1")->is_guest);
	names_forget_person(n, "U1");
	names_forget_person(n, "UNOBODY");
	assert_non_null(names_person(n, "U1"));
	assert_int_equal(near_calls_len, 1);
	near_answer(USER("U1", ",\"is_restricted\":true"));
	assert_string_equal(told, "U1 Anna Europe/Paris\nU1 Anna Europe/Paris guest\n"); /* the same again is not told again */
}

static void question__that_cannot_be_queued__is_asked_at_the_next_message(void **state)
{
	(void)state;
	near_refuses = true;
	assert_null(names_person(n, "U1"));
	near_refuses = false;
	assert_null(names_person(n, "U1"));
	assert_int_equal(near_calls_len, 1);
	atomic_store(&s.stopping, true);
	assert_null(names_person(n, "U2"));
	assert_int_equal(near_calls_len, 1);
}

static void questions__are_bounded(void **state)
{
	(void)state;
	char id[16];
	for (int i = 0; i < 600; i++) {
		snprintf(id, sizeof(id), "U%d", i);
		assert_null(names_person(n, id));
	}
	assert_int_equal(near_calls_len, 500);
	near_fail(SLACK_NOT_SENT, "connect");
	assert_null(names_person(n, "U599"));
	assert_int_equal(near_calls_len, 500); /* one went, one came */
}

static void fact__that_the_core_did_not_take__is_asked_for_again(void **state)
{
	(void)state;
	core_full = true;
	assert_null(person_of("U1", USER("U1", ",\"team_id\":\"T2\"")));
	assert_int_equal(near_calls_len, 1); /* at once, by the next message */
	core_full = false;
	near_answer(USER("U1", ",\"team_id\":\"T2\""));
	assert_string_equal(told, "U1 Anna Europe/Paris guest\n");
	assert_non_null(names_person(n, "U1"));
	/* The same for places. */
	core_full = true;
	told[0] = '\0';
	assert_null(names_place(n, "C1"));
	near_answer("{\"channel\":{\"id\":\"C1\",\"name\":\"ops\",\"is_channel\":true,\"is_member\":true}}");
	core_full = false;
	(void)names_place(n, "C1");
	assert_int_equal(near_calls_len, 1);
	near_answer("{\"channel\":{\"id\":\"C1\",\"name\":\"ops\",\"is_channel\":true,\"is_member\":true}}");
	char line[40];
	snprintf(line, sizeof(line), "C1 ops %d member\n", (int)VIS_PUBLIC);
	assert_string_equal(told, line);
}

static enum visibility place_of(const char *id, const char *more)
{
	char json[300];
	assert_null(names_place(n, id));
	snprintf(json, sizeof(json), "{\"channel\":{\"id\":\"%s\",\"name\":\"x\",%s}}", id, more);
	near_answer(json);
	return names_place(n, id)->visibility;
}

static void place__is_as_open__as_slack_says_and_never_more(void **state)
{
	(void)state;
	assert_int_equal(place_of("C1", "\"is_channel\":true"), VIS_PUBLIC);
	assert_int_equal(place_of("C2", "\"is_channel\":true,\"is_private\":true"), VIS_PRIVATE);
	assert_int_equal(place_of("C3", "\"is_mpim\":true"), VIS_PRIVATE);
	assert_int_equal(place_of("G4", "\"is_group\":true"), VIS_PRIVATE);
	assert_int_equal(place_of("C5", "\"is_channel\":true,\"is_ext_shared\":true"), VIS_EXTERNAL);
	assert_int_equal(place_of("C6", "\"is_channel\":true,\"is_private\":true,\"is_pending_ext_shared\":true"), VIS_EXTERNAL);
	assert_int_equal(place_of("C7", "\"is_channel\":true,\"is_org_shared\":true"), VIS_EXTERNAL);
	assert_int_equal(place_of("C8", "\"is_im\":true"), VIS_DIRECT);
	assert_null(names_place(n, "C8")->name);
	assert_int_equal(place_of("C9", "\"is_channel\":\"yes\""), VIS_UNKNOWN);
	names_forget_place(n, "C1");
	assert_int_equal(place_of("C1", "\"is_private\":true"), VIS_PRIVATE);
	assert_null(names_place(n, "D1")); /* a direct message needs no question */
	assert_int_equal(near_calls_len, 0);
}

static void warm_up__reads__a_few_pages_of_each(void **state)
{
	(void)state;
	names_warm(n);
	assert_non_null(strstr(near_waits(), "users.conversations limit=200&types="));
	assert_null(strstr(near_waits(), "cursor"));
	near_answer("{\"channels\":[{\"id\":\"C1\",\"name\":\"ops\",\"is_channel\":true},{\"id\":\"\"},7],"
	            "\"response_metadata\":{\"next_cursor\":\"more\"}}");
	assert_true(names_place(n, "C1")->member);
	assert_non_null(strstr(near_waits(), "cursor=more&"));
	near_fail(SLACK_REFUSED, "missing_scope");
	for (int page = 0; page < 5; page++) {
		assert_non_null(strstr(near_waits(), "users.list "));
		near_answer(
		    "{\"members\":[{\"id\":\"U1\",\"name\":\"anna\",\"team_id\":\"T2\"}],\"response_metadata\":{\"next_cursor\":\"x\"}}");
	}
	assert_int_equal(near_calls_len, 0); /* and no more than that */
	assert_true(names_person(n, "U1")->is_guest);
	assert_string_equal(names_person(n, "U1")->name, "anna");
}

static void answer__after_the_loop_has_ended__is_dropped(void **state)
{
	(void)state;
	assert_null(names_person(n, "U1"));
	near_loop.full = true;
	near_answer(USER("U1", ""));
	near_loop.full = false;
	assert_null(names_person(n, "U1"));
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		T(person__is_asked_for__once_and_told_to_the_core),
		T(person__of_another_team__is_a_guest),
		T(person__that_slack_restricts__is_a_guest),
		T(name__is_taken__from_where_there_is_one),
		T(answer__without_sense__changes_nothing),
		T(question__that_failed__is_asked_again_after_a_while),
		T(question__that_cannot_be_queued__is_asked_at_the_next_message),
		T(questions__are_bounded),
		T(fact__that_the_core_did_not_take__is_asked_for_again),
		T(place__is_as_open__as_slack_says_and_never_more),
		T(warm_up__reads__a_few_pages_of_each),
		T(answer__after_the_loop_has_ended__is_dropped),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
