/* The search command in the engine: who asks where, what is said, what can be pressed, and what only the asker hears. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../../core/engine/pages.h"
#include "../../../core/talk/find.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static const struct noted *heard(struct fixture *f, const char *words)
{
	for (uint64_t until = clock_ms() + 90000; clock_ms() < until; usleep(3000)) {
		for (size_t i = fixture_count(f, REPLY_WHOLE); i-- > 0;) {
			const struct noted *n = fixture_reply(f, i);
			if (n != NULL && strstr(n->text, words) != NULL)
				return n;
		}
	}
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		print_message("reply %zu: %s\n", i, fixture_reply(f, i)->text);
	fail_msg("nobody said: %s", words);
	return NULL;
}

/* What the newest answer offers to press, as it is stored. */
static const char *offered(void)
{
	return test_db_value(
	    "SELECT components::text FROM eddy.messages WHERE author_kind = 2 AND components IS NOT NULL ORDER BY created_at DESC, seq DESC LIMIT 1");
}

static void search__answers__in_a_public_channel_and_offers_the_rest_alone(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "The deadlines are on Friday.", false));
	assert_true(fixture_say_in(f, "C2", VIS_PRIVATE, "Ada", "t2", "k2", "The secret deadline is on Monday.", false));
	assert_true(fixture_say_in(f, "D1", VIS_DIRECT, "Ada", "t3", "k3", "thanks for the deadline of my own", false));
	assert_true(fixture_say_in(f, "D2", VIS_DIRECT, "Bob", "t4", "k4", "Bob's deadline", false));
	assert_true(test_db_exec("UPDATE eddy.identities SET verified = 2"));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t5", "k5", "search deadline", true));
	const struct noted *n = heard(f, "1 match for **deadline**");
	assert_non_null(strstr(n->text, "The **deadlines** are on Friday"));
	assert_null(strstr(n->text, "secret"));
	assert_null(strstr(n->text, "my own"));
	assert_non_null(strstr(n->text, "only you can read"));
	assert_true(db_settles(5000));
	const char *press = offered();
	assert_non_null(press);
	assert_non_null(strstr(press, "command.private"));
	assert_non_null(strstr(press, "search deadline"));
	/* The same, in her own direct place: what is hers is there, what is others' is not. */
	assert_true(fixture_say_in(f, "D1", VIS_DIRECT, "Ada", "t6", "k6", "search deadline from:me", true));
	n = heard(f, "2 matches for **deadline from:me**");
	assert_non_null(strstr(n->text, "my own"));
	assert_null(strstr(n->text, "secret"));
	/* And in his. */
	assert_true(fixture_say_in(f, "D2", VIS_DIRECT, "Bob", "t7", "k7", "search deadline order:oldest", true));
	n = heard(f, "2 matches for **deadline order:oldest**");
	assert_non_null(strstr(n->text, "Bob's"));
	assert_null(strstr(n->text, "my own"));
	fixture_free(f);
}

static void search__goes_on__by_a_button_that_is_a_command(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	char key[16], text[60];
	for (int i = 0; i < 11; i++) {
		snprintf(key, sizeof key, "k%d", i);
		snprintf(text, sizeof text, "a walrus, number %d", i);
		assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", key, text, false));
	}
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Bob", "t2", "q1", "search walrus", true));
	heard(f, "11 matches for **walrus**, here 1 to 8:");
	assert_true(db_settles(5000));
	assert_non_null(strstr(offered(), "\"search walrus page:2\""));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Bob", "t2", "q2", "search walrus page:2", true));
	heard(f, "here 9 to 11:");
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Bob", "t2", "q3", "search walrus colour:grey", true));
	heard(f, "I know no filter `colour:`");
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Bob", "t2", "q4", "search narwhal", true));
	heard(f, "I found nothing for **narwhal**");
	assert_int_equal(fixture_model_calls(f), 0);
	fixture_free(f);
}

/* ---- what a page asks ---- */
struct heard_hits {
	size_t n;
	char text[200];
};
static void take(void *arg, const struct find_hit *h, const char *link)
{
	struct heard_hits *to = arg;
	(void)link;
	to->n++;
	snprintf(to->text, sizeof to->text, "%s", h->text);
}

static void engine_search__shows_a_page__what_its_person_may_read(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	struct id ws = fixture_ws(f);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "an open okapi", false));
	assert_true(fixture_say_in(f, "P:Ada", VIS_DIRECT, "Ada", "t2", "k2", "Ada's okapi", false));
	assert_true(fixture_say_in(f, "P:Bob", VIS_DIRECT, "Bob", "t3", "k3", "Bob's okapi", false));
	assert_true(test_db_exec("UPDATE eddy.identities SET verified = 1"));
	const struct id ada = engine_place_id(ws, "test", "P:Ada"), bob = engine_place_id(ws, "test", "P:Bob"),
	                nobody = engine_place_id(ws, "test", "P:Eve");
	const struct {
		struct id place;
		const char *person, *text;
		struct id thread;
		bool guest;
		size_t want;
	} cases[] = {
		{ ada, "Ada", "okap", ID_NONE, false, 2 },
		{ bob, "Bob", "okap", ID_NONE, false, 2 },
		{ nobody, "Eve", "okap", ID_NONE, false, 1 }, /* has never written: the house's open channels */
		{ ada, "Ada", "okapi from:me", engine_thread_id(ada, "t2"), false, 2 },
		{ ada, "Ada", "okapi in:thread", engine_thread_id(ada, "t2"), false, 1 },
		{ bob, "Bob", "okapi", engine_thread_id(bob, "t3"), true, 1 }, /* a guest: that thread alone */
		{ bob, "Bob", "okapi", engine_thread_id(bob, "new"), true, 0 },
		{ ada, "Ada", "okapi before:never", ID_NONE, false, 0 },
	};
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct heard_hits got = { 0 };
		struct page_found found;
		enum err e = engine_search(fixture_engine(f),
		    &(struct page_search){ .ws = ws,
		        .place = cases[i].place,
		        .thread = cases[i].thread,
		        .adapter = "test",
		        .person = cases[i].person,
		        .guest = cases[i].guest,
		        .text = cases[i].text,
		        .prefix = true,
		        .page = 1,
		        .limit = 10 },
		    take, &got, &found);
		if (e != ERR_NONE || got.n != cases[i].want || found.total != (int64_t)cases[i].want)
			fail_msg("case %zu: %s, %zu hits (%s) of %lld, not %zu: %s", i, err_name(e), got.n, got.text,
			    (long long)found.total, cases[i].want, found.note);
		if (strstr(cases[i].text, "never") != NULL &&
		    (strstr(found.note, "before:never. I know") == NULL || strchr(found.note, '`') != NULL))
			fail_msg("a note is a plain sentence: %s", found.note);
	}
	struct page_found found;
	assert_int_equal(ERR_DENIED,
	    engine_search(fixture_engine(f),
	        &(struct page_search){ .ws = ws,
	            .place = bob,
	            .adapter = "test",
	            .person = "Bob",
	            .guest = true,
	            .text = "okapi",
	            .page = 1,
	            .limit = 10 },
	        take, &(struct heard_hits){ 0 }, &found));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search__answers__in_a_public_channel_and_offers_the_rest_alone),
		cmocka_unit_test(search__goes_on__by_a_button_that_is_a_command),
		cmocka_unit_test(engine_search__shows_a_page__what_its_person_may_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
