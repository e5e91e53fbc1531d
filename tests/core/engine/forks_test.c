/*
 * Side threads between a scripted model and an adapter that notes what it is told: opening, listing, closing, and what comes back.  As a
 * platform names threads ("beside" is answered with a key), and as a page does (CAP_PULL).
 */
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
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *on_platform(const char *url)
{
	return fixture_new(&(struct fixture_options){ .url = url, .scan_ms = 100 });
}

/* The newest WHOLE whose text holds ${words}, within ten seconds. */
static const struct noted *heard(struct fixture *f, const char *words)
{
	for (uint64_t until = clock_ms() + 10000; clock_ms() < until; usleep(3000)) {
		for (size_t i = fixture_count(f, REPLY_WHOLE); i-- > 0;) {
			const struct noted *n = fixture_reply(f, i);
			if (n != NULL && strstr(n->text, words) != NULL)
				return n;
		}
	}
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		print_message("reply %zu to %s: %s\n", i, fixture_reply(f, i)->to, fixture_reply(f, i)->text);
	return NULL;
}

static size_t times(struct fixture *f, const char *words)
{
	size_t n = 0;
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		n += strstr(fixture_reply(f, i)->text, words) != NULL;
	return n;
}

static bool say(struct fixture *f, const char *person, const char *thread, const char *key, const char *text)
{
	return fixture_say_in(f, "C1", VIS_PUBLIC, person, thread, key, text, true);
}

static bool mumble(struct fixture *f, const char *person, const char *thread, const char *key, const char *text)
{
	return fixture_say_in(f, "C1", VIS_PUBLIC, person, thread, key, text, false);
}

static void fork__opens_a_thread_of_its_own(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	assert_true(mumble(f, "Ada", "t1", "k1", "We need a database. Which one?"));
	assert_true(say(f, "Ada", "t1", "k2", "fork: which database?"));
	const struct noted *opening = heard(f, "Side thread #1: which database?");
	assert_non_null(opening);
	assert_string_equal(opening->to, "beside");
	assert_non_null(strstr(opening->text, "> We need a database. Which one?"));
	const struct noted *link = heard(f, "Side thread #1 is open");
	assert_non_null(link);
	assert_string_equal(link->to, "origin");
	assert_non_null(strstr(link->text, "f1"));
	assert_true(db_settles(5000));
	assert_int_equal(1,
	    db_count(
	        "SELECT count(*) FROM forks f JOIN threads t ON t.id = f.thread_id WHERE f.state = 2 AND t.external_key = 'f1'"
	        " AND t.fork_id = f.id AND t.title = 'which database?' AND f.about_id = (SELECT id FROM messages WHERE message_key = 'k1')"));
	fixture_free(f);
}

static void fork__answers_in_it_like_anywhere_and_knows_what_it_is_about(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	assert_true(mumble(f, "Ada", "t1", "k1", "The green falcon needs a home."));
	assert_true(say(f, "Ada", "t1", "k2", "fork where shall it live"));
	assert_non_null(heard(f, "is open"));
	assert_true(mumble(f, "Ada", "f1", "k3", "what about the tower?"));
	const struct noted *n = heard(f, "re: what about the tower?");
	assert_non_null(n);
	char *asked = fixture_asked(f);
	assert_non_null(strstr(asked, "green falcon"));
	assert_non_null(strstr(asked, "where shall it live"));
	assert_non_null(strstr(asked, "at this message of Ada:\n"));
	free(asked);
	fixture_free(f);
}

static void fork__is_refused_in_a_fork(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	assert_true(say(f, "Ada", "t1", "k1", "fork: one"));
	assert_non_null(heard(f, "is open"));
	assert_true(say(f, "Ada", "f1", "k2", "fork: two"));
	assert_non_null(heard(f, "don't branch again"));
	assert_int_equal(1, db_count("SELECT count(*) FROM forks"));
	fixture_free(f);
}

static void fork__sixth_offers_a_list(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	char key[16], text[32], open[64];
	for (int i = 1; i <= 5; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		snprintf(text, sizeof(text), "fork: topic %d", i);
		snprintf(open, sizeof(open), "Side thread #%d is open", i);
		assert_true(say(f, "Ada", "t1", key, text));
		assert_non_null(heard(f, open));
	}
	assert_true(say(f, "Bob", "t1", "k6", "fork: one too many"));
	const struct noted *n = heard(f, "Which one can be closed?");
	assert_non_null(n);
	assert_non_null(strstr(n->offers, "Abandon #1|command|abandon #1"));
	assert_non_null(strstr(n->text, "topic 5"));
	assert_true(say(f, "Bob", "t1", "k7", "abandon #2"));
	assert_non_null(heard(f, "#2 is closed"));
	assert_true(say(f, "Bob", "t1", "k8", "fork: now"));
	assert_non_null(heard(f, "Side thread #6 is open"));
	assert_int_equal(1, db_count("SELECT count(*) FROM forks WHERE state = 4"));
	fixture_free(f);
}

static void fork__that_cannot_open_is_told(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	assert_true(say(f, "Ada", "t1", "k1", "fork: nowhere"));
	assert_non_null(heard(f, "can't open a side thread here"));
	fixture_sent_results(f, ERR_DENIED);
	assert_true(say(f, "Ada", "t1", "k2", "fork: refused"));
	assert_non_null(heard(f, "could not open side thread #1"));
	assert_int_equal(1, db_count("SELECT count(*) FROM forks WHERE state = 5"));
	fixture_free(f);
}

static void list__names_state_and_creator(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	assert_true(say(f, "Ada", "t1", "k0", "forks"));
	assert_non_null(heard(f, "No side thread has left"));
	assert_true(say(f, "Ada", "t1", "k1", "fork: *stars* and stripes"));
	assert_non_null(heard(f, "is open"));
	assert_true(say(f, "Bob", "t1", "k2", "forks"));
	const struct noted *n = heard(f, "asked for by Ada");
	assert_non_null(n);
	assert_non_null(strstr(n->text, "\\*stars\\*"));
	assert_non_null(strstr(n->text, "active"));
	fixture_free(f);
}

static void abandon__is_silent_in_the_parent(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	assert_true(say(f, "Ada", "t1", "k1", "fork: idle talk"));
	assert_non_null(heard(f, "is open"));
	size_t before =
	    (size_t)db_count("SELECT count(*) FROM messages m JOIN threads t ON t.id = m.thread_id WHERE t.external_key = 't1'");
	assert_true(mumble(f, "Ada", "f1", "k2", "abandon"));
	const struct noted *n = heard(f, "Nothing of this goes back");
	assert_non_null(n);
	assert_string_equal(n->to, "origin");
	assert_true(db_settles(5000));
	assert_int_equal(
	    before, db_count("SELECT count(*) FROM messages m JOIN threads t ON t.id = m.thread_id WHERE t.external_key = 't1'"));
	assert_int_equal(
	    1, db_count("SELECT count(*) FROM forks f JOIN threads t ON t.id = f.thread_id WHERE f.state = 4 AND t.state = 3"));
	assert_true(mumble(f, "Ada", "f1", "k3", "abandon"));
	assert_non_null(heard(f, "was abandoned"));
	fixture_free(f);
}

static const char draft[] =
    "{\"headline\":\"Postgres it is\",\"points\":[{\"text\":\"SQLite was too small\",\"sources\":[2]},"
    "{\"text\":\"Postgres runs already\",\"sources\":[3]},{\"text\":\"nobody said this\",\"sources\":[99]},"
    "{\"text\":\"Backups are there\",\"sources\":[4]}],\"decisions\":[{\"text\":\"We take Postgres\",\"sources\":[5]}],"
    "\"open_questions\":[],\"deferred\":[]}";

/* A side thread f1 of t1 with five messages of Ada and Bob, one of them a correction. */
static void talk(struct fixture *f)
{
	assert_true(mumble(f, "Ada", "t1", "k1", "Which database?"));
	assert_true(say(f, "Ada", "t1", "k2", "fork: database"));
	assert_non_null(heard(f, "is open"));
	assert_true(mumble(f, "Bob", "f1", "m1", "SQLite is too small for this."));
	assert_true(mumble(f, "Ada", "f1", "m2", "Postgres runs here already."));
	assert_true(mumble(f, "Bob", "f1", "m3", "We decided on MySQL then."));
	assert_true(mumble(f, "Ada", "f1", "m4", "Backups are there too."));
	assert_true(mumble(f, "Bob", "f1", "m5", "Correction: we take Postgres."));
	assert_true(db_settles(8000));
}

static void resolve__drafts_edits_and_posts_once(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	talk(f);
	fixture_words(f, draft);
	assert_true(mumble(f, "Bob", "f1", "r1", "resolve"));
	const struct noted *n = heard(f, "Postgres it is");
	assert_non_null(n);
	assert_null(strstr(n->text, "nobody said this"));
	assert_non_null(strstr(n->offers, "Accept|command|accept"));
	assert_true(mumble(f, "Bob", "f1", "r2", "accept"));
	assert_non_null(heard(f, "Only Ada decides"));
	assert_true(mumble(f, "Ada", "f1", "r3",
	    "edit:\n**Postgres, for good**\n\n- SQLite was too small [2]\n- Postgres runs already [3]\n- Backups are there "
	    "[4]\n\n**Decisions**\n\n- We take Postgres 15 [5]"));
	assert_non_null(heard(f, "as you want it"));
	assert_true(mumble(f, "Ada", "f1", "r4", "accept"));
	assert_non_null(heard(f, "Posted in"));
	assert_non_null(heard(f, "from side thread"));
	assert_true(mumble(f, "Ada", "f1", "r5", "accept"));
	assert_true(db_settles(8000));
	assert_int_equal(1, times(f, "from side thread"));
	n = heard(f, "from side thread");
	assert_string_equal("origin", n->to);
	assert_non_null(strstr(n->text, "Postgres, for good"));
	assert_null(strstr(n->text, "Postgres it is"));
	assert_int_equal(
	    1, db_count("SELECT count(*) FROM forks f JOIN threads t ON t.id = f.thread_id WHERE f.state = 3 AND t.state = 2"));
	assert_int_equal(
	    1, db_count("SELECT count(*) FROM context_items WHERE kind = 2 AND state = 2 AND body LIKE '%Postgres 15%'"));
	assert_int_equal(1,
	    db_count(
	        "SELECT count(*) FROM resolutions r JOIN messages m ON m.id = r.message_id JOIN threads t ON t.id = m.thread_id"
	        " WHERE r.state = 2 AND r.edited AND t.external_key = 't1'"));
	fixture_free(f);
}

static void resolve__without_a_model_takes_words(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .no_model = true });
	talk(f);
	assert_true(mumble(f, "Ada", "f1", "r1", "resolve"));
	const struct noted *n = heard(f, "no model is connected");
	assert_non_null(n);
	assert_non_null(strstr(n->text, "Postgres"));
	assert_null(strstr(n->text, "MySQL"));
	fixture_free(f);
}

static void resolve__nonsense_of_the_model_is_asked_again_then_done_without(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	talk(f);
	fixture_words(f, "I'd rather talk about the weather.");
	fixture_words(f, "{\"headline\":\"no points\",\"points\":[]}");
	assert_true(mumble(f, "Ada", "f1", "r1", "resolve"));
	assert_non_null(heard(f, "gave no usable answer"));
	fixture_free(f);
}

static void resolve__of_nothing_says_so(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	assert_true(say(f, "Ada", "t1", "k1", "fork: empty"));
	assert_non_null(heard(f, "is open"));
	assert_true(mumble(f, "Ada", "f1", "k2", "resolve"));
	assert_non_null(heard(f, "Nothing was said in it yet"));
	assert_true(mumble(f, "Ada", "f1", "k3", "accept"));
	assert_non_null(heard(f, "There is no draft yet"));
	fixture_free(f);
}

static void resolve__from_the_parent_drafts_in_the_fork(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	talk(f);
	fixture_words(f, draft);
	assert_true(say(f, "Ada", "t1", "k9", "resolve #1"));
	assert_non_null(heard(f, "The draft is in"));
	const struct noted *n = heard(f, "A draft of what goes back");
	assert_non_null(n);
	assert_string_equal("within:f1", n->to);
	assert_non_null(strstr(n->offers, "Accept"));
	assert_true(mumble(f, "Ada", "f1", "r1", "discard"));
	assert_non_null(heard(f, "The draft is gone"));
	assert_int_equal(1, db_count("SELECT count(*) FROM resolutions WHERE state = 4"));
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fork__opens_a_thread_of_its_own),
		cmocka_unit_test(fork__answers_in_it_like_anywhere_and_knows_what_it_is_about),
		cmocka_unit_test(fork__is_refused_in_a_fork),
		cmocka_unit_test(fork__sixth_offers_a_list),
		cmocka_unit_test(fork__that_cannot_open_is_told),
		cmocka_unit_test(list__names_state_and_creator),
		cmocka_unit_test(abandon__is_silent_in_the_parent),
		cmocka_unit_test(resolve__drafts_edits_and_posts_once),
		cmocka_unit_test(resolve__without_a_model_takes_words),
		cmocka_unit_test(resolve__nonsense_of_the_model_is_asked_again_then_done_without),
		cmocka_unit_test(resolve__of_nothing_says_so),
		cmocka_unit_test(resolve__from_the_parent_drafts_in_the_fork),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
