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

#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/engine/fork.h"
#include "../../../core/engine/pages.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *on_platform(const char *url)
{
	return fixture_new(&(struct fixture_options){ .url = url, .scan_ms = 100 });
}

/* The newest WHOLE whose text holds ${words}, within ten seconds. */
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

/* Not about what Eddy said to a command; named by words, not by their signs, and cut between two. */
static void fork__without_a_topic__is_about_what_was_said(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	assert_true(mumble(f, "Ada", "t1", "k1",
	    "We need **one** `database`, a [fast](https://example.org/x) one, for all that was said in spring and summer and in autumn "
	    "and in winter and on all other days of the year."));
	assert_true(say(f, "Ada", "t1", "k2", "forks"));
	assert_non_null(heard(f, "No side thread has left"));
	assert_true(say(f, "Ada", "t1", "k3", "fork"));
	const struct noted *n = heard(f, "Side thread #1 is open");
	assert_non_null(n);
	assert_non_null(strstr(n->text, "We need one database, a fast"));
	assert_non_null(strstr(n->text, " in…]("));
	assert_true(db_settles(5000));
	assert_int_equal(
	    1, db_count("SELECT count(*) FROM forks WHERE about_id = (SELECT id FROM messages WHERE message_key = 'k1')"));
	assert_true(say(f, "Ada", "t1", "k4", "abandon"));
	assert_non_null(heard(f, "Which side thread?"));
	assert_true(mumble(f, "Ada", "f1", "k5", "It is Postgres."));
	assert_true(mumble(f, "Ada", "f1", "k6", "resolve"));
	assert_non_null(heard(f, "for Ada to accept"));
	assert_true(mumble(f, "Ada", "f1", "k7", "edit:"));
	assert_non_null(heard(f, "The draft is as it was."));
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

/* ---- states ---- */

static void states__only_these_may_follow(void **state)
{
	(void)state;
	static const struct {
		enum fork_state from, to;
	} legal[] = { { FORK_OPENING, FORK_ACTIVE }, { FORK_OPENING, FORK_FAILED }, { FORK_ACTIVE, FORK_RESOLVED },
		{ FORK_ACTIVE, FORK_ABANDONED } };
	for (int from = FORK_OPENING; from <= FORK_FAILED; from++)
		for (int to = FORK_OPENING; to <= FORK_FAILED; to++) {
			bool want = false;
			for (size_t i = 0; i < sizeof(legal) / sizeof(legal[0]); i++)
				want |= (int)legal[i].from == from && (int)legal[i].to == to;
			assert_int_equal(want, fork_may_become((enum fork_state)from, (enum fork_state)to));
		}
	for (int from = RESOLUTION_OFFERED; from <= RESOLUTION_DISCARDED; from++)
		for (int to = RESOLUTION_OFFERED; to <= RESOLUTION_DISCARDED; to++)
			assert_int_equal(from == RESOLUTION_OFFERED && to != RESOLUTION_OFFERED,
			    resolution_may_become((enum resolution_state)from, (enum resolution_state)to));
}

/* Every act on a side thread in every state: what it leads to, and that nothing else has changed. */
static void states__every_act_in_every_state(void **state)
{
	(void)state;
	static const struct {
		const char *act;
		enum fork_state in;
		int resolution; /* 0: none */
		enum fork_state fork_then;
		int resolution_then;
		const char *says;
	} cases[] = {
		{ "abandon", FORK_OPENING, 0, FORK_OPENING, 0, "not open yet" },
		{ "abandon", FORK_ACTIVE, 0, FORK_ABANDONED, 0, "Closed" },
		{ "abandon", FORK_ACTIVE, 1, FORK_ABANDONED, 4, "Closed" },
		{ "abandon", FORK_RESOLVED, 2, FORK_RESOLVED, 2, "resolved already" },
		{ "abandon", FORK_ABANDONED, 4, FORK_ABANDONED, 4, "was abandoned" },
		{ "abandon", FORK_FAILED, 0, FORK_FAILED, 0, "could not be opened" },
		{ "resolve", FORK_OPENING, 0, FORK_OPENING, 0, "not open yet" },
		{ "resolve", FORK_RESOLVED, 2, FORK_RESOLVED, 2, "resolved already" },
		{ "resolve", FORK_ABANDONED, 4, FORK_ABANDONED, 4, "was abandoned" },
		{ "resolve", FORK_FAILED, 0, FORK_FAILED, 0, "could not be opened" },
		{ "accept", FORK_OPENING, 0, FORK_OPENING, 0, "not open yet" },
		{ "accept", FORK_ACTIVE, 0, FORK_ACTIVE, 0, "no draft yet" },
		{ "accept", FORK_ACTIVE, 1, FORK_RESOLVED, 2, "Posted" },
		{ "accept", FORK_ACTIVE, 3, FORK_ACTIVE, 3, "no draft yet" },
		{ "accept", FORK_ACTIVE, 4, FORK_ACTIVE, 4, "no draft yet" },
		{ "accept", FORK_RESOLVED, 2, FORK_RESOLVED, 2, "Posted" },
		{ "accept", FORK_ABANDONED, 4, FORK_ABANDONED, 4, "was abandoned" },
		{ "accept", FORK_FAILED, 0, FORK_FAILED, 0, "could not be opened" },
		{ "edit: **Other**\n\n- point", FORK_ACTIVE, 0, FORK_ACTIVE, 0, "no draft yet" },
		{ "edit: **Other**\n\n- point", FORK_ACTIVE, 1, FORK_ACTIVE, 1, "as you want it" },
		{ "edit: **Other**\n\n- point", FORK_RESOLVED, 2, FORK_RESOLVED, 2, "resolved already" },
		{ "edit: **Other**\n\n- point", FORK_ABANDONED, 4, FORK_ABANDONED, 4, "was abandoned" },
		{ "@reopen", FORK_RESOLVED, 2, FORK_RESOLVED, 2, "stays closed" },
		{ "discard", FORK_ACTIVE, 0, FORK_ACTIVE, 0, "no draft yet" },
		{ "discard", FORK_ACTIVE, 1, FORK_ACTIVE, 4, "draft is gone" },
		{ "discard", FORK_RESOLVED, 2, FORK_RESOLVED, 2, "resolved already" },
		{ "discard", FORK_ABANDONED, 4, FORK_ABANDONED, 4, "was abandoned" },
	};
	struct fixture *f = on_platform(NULL);
	assert_true(say(f, "Ada", "t1", "k1", "fork: states"));
	assert_non_null(heard(f, "is open"));
	assert_true(db_settles(5000));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char sql[600], key[16];
		snprintf(sql, sizeof(sql),
		    "DELETE FROM resolutions; UPDATE forks SET state = %d; INSERT INTO resolutions (ws, id, fork_id, state, headline, body, sources,"
		    " by_model) SELECT ws, gen_random_uuid(), id, %d, 'H', E'**H**\\n\\n- a\\n', '{}', true FROM forks WHERE %d > 0",
		    cases[i].in, cases[i].resolution, cases[i].resolution);
		assert_true(test_db_exec(sql));
		size_t before = fixture_count(f, REPLY_WHOLE);
		snprintf(key, sizeof(key), "s%zu", i);
		bool named = cases[i].act[0] == '@';
		assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "f1", key, cases[i].act + named, named));
		assert_true(fixture_wait_replies(f, before + 1, 10000) > before);
		assert_true(db_settles(5000));
		bool said = false;
		for (size_t k = before; k < fixture_count(f, REPLY_WHOLE); k++)
			said |= strstr(fixture_reply(f, k)->text, cases[i].says) != NULL;
		if (!said || db_count("SELECT state FROM forks") != cases[i].fork_then ||
		    (cases[i].resolution > 0 && db_count("SELECT state FROM resolutions") != cases[i].resolution_then))
			fail_msg("%s in %d with %d: fork %ld, resolution %ld, said: %s", cases[i].act, cases[i].in,
			    cases[i].resolution, db_count("SELECT state FROM forks"), db_count("SELECT state FROM resolutions"),
			    fixture_reply(f, before)->text);
	}
	fixture_free(f);
}

/* ---- as on a page: the thread is there at once ---- */

static void page__fork_and_resolution(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .caps = CAP_PULL, .scan_ms = 100, .no_model = true });
	assert_true(fixture_say(f, "Ada", "t1", "k1", "Which colour for the door?"));
	assert_true(fixture_say(f, "Ada", "t1", "k2", "fork: colour"));
	const struct noted *n = heard(f, "Side thread #1 is open");
	assert_non_null(n);
	assert_non_null(strstr(n->offers, "|fork.open|"));
	const char *key = test_db_value("SELECT external_key FROM threads WHERE fork_id IS NOT NULL");
	char thread[64];
	snprintf(thread, sizeof(thread), "%s", key);
	assert_int_equal(1,
	    db_count("SELECT count(*) FROM messages m JOIN threads t ON t.id = m.thread_id WHERE t.fork_id IS NOT NULL"
	             " AND m.seq = 1 AND m.body LIKE '**Side thread #1: colour**%Which colour for the door?%'"));
	assert_true(fixture_say(f, "Ada", thread, "m1", "We take green."));
	assert_true(fixture_say(f, "Ada", thread, "m2", "resolve"));
	assert_non_null(heard(f, "A draft of what goes back"));
	assert_true(fixture_say(f, "Ada", thread, "m3", "accept"));
	assert_non_null(heard(f, "Posted in"));
	assert_true(db_settles(5000));
	assert_int_equal(1,
	    db_count("SELECT count(*) FROM messages m JOIN threads t ON t.id = m.thread_id WHERE t.external_key = 't1'"
	             " AND m.body LIKE '%green%from side thread%' AND m.components::text LIKE '%fork.resolution%'"));
	fixture_free(f);
}

/* ---- another process goes on ---- */

static void restart__opening_that_nobody_heard_of_is_done_once(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .mute = true });
	char url[512];
	snprintf(url, sizeof(url), "%s", fixture_url(f));
	assert_true(say(f, "Ada", "t1", "k1", "fork: half open"));
	assert_non_null(heard(f, "Side thread #1: half open"));
	assert_int_equal(1, db_count("SELECT count(*) FROM forks WHERE state = 1"));
	fixture_free(f);
	f = on_platform(url);
	const struct noted *n = heard(f, "Side thread #1: half open");
	assert_non_null(n);
	assert_true(n->maybe_sent); /* looked up before it is sent again */
	assert_non_null(heard(f, "is open"));
	assert_int_equal(1, db_count("SELECT count(*) FROM forks WHERE state = 2"));
	fixture_free(f);
}

/* ---- long answers ---- */

static void answer__of_many_words_comes_in_short(void **state)
{
	(void)state;
	struct fixture *f = on_platform(NULL);
	char text[8192] = "Take Postgres. ";
	for (int i = 0; i < 130; i++)
		strcat(text, "It runs here already. ");
	fixture_words(f, text);
	assert_true(fixture_say(f, "Ada", "t1", "k1", "Which database shall we take, and why?"));
	const struct noted *n = heard(f, "the full answer has");
	assert_non_null(n);
	assert_non_null(strstr(n->text, "Take Postgres"));
	assert_true(strlen(n->text) < 1200);
	assert_string_equal("Show all|command|show all\n", n->offers);
	assert_int_equal(1,
	    db_count(
	        "SELECT count(*) FROM messages WHERE length(whole) > 2500 AND length(body) < 1200 AND components IS NOT NULL"));
	assert_true(fixture_say(f, "Ada", "t1", "k2", "and then?"));
	assert_non_null(heard(f, "re: and then?"));
	char *asked = fixture_asked(f); /* the model knows all that it has said */
	assert_non_null(
	    strstr(asked, "It runs here already. It runs here already. It runs here already. It runs here already. It runs"));
	free(asked);
	fixture_free(f);
}

/* ---- what it quotes goes with the message ---- */

static void delete_message(struct fixture *f, const char *thread, const char *key)
{
	char source[32];
	snprintf(source, sizeof(source), "gone %s", key);
	struct intent in = fixture_intent(INTENT_MESSAGE_DELETED, source, key, NULL);
	in.place = (struct intent_place){ .external_id = "C1", .name = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true };
	in.thread_key = thread;
	assert_true(fixture_do(f, &in, NULL));
}

/* Others use all its words, so no word tells: what quotes it is found by what it is about. */
static void delete__of_what_it_is_about__takes_quotation_topic_and_draft(void **state)
{
	(void)state;
	for (int page = 0; page < 2; page++) {
		struct fixture *f = fixture_new(&(struct fixture_options){ .caps = page ? CAP_PULL : 0, .scan_ms = 100 });
		assert_true(mumble(f, "Bob", "t0", "k0", "the price of it is high for all of us"));
		assert_true(mumble(f, "Ada", "t1", "k1", "the price of it is high"));
		assert_true(say(f, "Ada", "t1", "k2", "fork"));
		assert_non_null(heard(f, "is open: "));
		assert_true(db_settles(5000));
		assert_int_equal(
		    1, db_count("SELECT count(*) FROM forks WHERE topic = 'the price of it is high' AND thread_id IS NOT NULL"));
		assert_true(test_db_exec(
		    "INSERT INTO eddy.resolutions (ws, id, fork_id, state, headline, body, sources, by_model) SELECT ws, id, id, 1, 'price',"
		    " '- the price of it is high [1]', ARRAY[about_id], false FROM eddy.forks"));
		delete_message(f, "t1", "k1");
		assert_int_equal(1, db_count("SELECT count(*) FROM resolutions WHERE state = 4 AND body = '' AND headline = ''"));
		assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
		assert_int_equal(1, db_count("SELECT count(*) FROM forks WHERE topic = '(erased)' AND about_id IS NULL"));
		assert_int_equal(0, db_count("SELECT count(*) FROM threads WHERE title LIKE '%price%'"));
		assert_int_equal(0, db_count("SELECT count(*) FROM messages WHERE author_kind = 2 AND body LIKE '%price%'"));
		assert_int_equal(0, db_count("SELECT count(*) FROM outbox WHERE body LIKE '%price%'"));
		assert_int_equal(1, db_count("SELECT count(*) FROM messages WHERE body LIKE '%price%'")); /* Bob's */
		assert_true(db_settles(5000));
		fixture_free(f);
	}
}

static void delete__of_a_source__takes_the_draft_that_was_shown(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .no_model = true });
	assert_true(mumble(f, "Bob", "t0", "k0", "Postgres runs here already, and we take it."));
	talk(f);
	assert_true(mumble(f, "Ada", "f1", "r1", "resolve"));
	assert_non_null(heard(f, "A draft of what goes back"));
	assert_true(db_settles(5000));
	assert_int_equal(1, db_count("SELECT count(*) FROM messages WHERE author_kind = 2 AND body LIKE '%runs here already%'"));
	assert_int_equal(0, db_count("SELECT count(*) FROM outbox WHERE body LIKE '%Which database%'")); /* said, not kept */
	delete_message(f, "f1", "m2");
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	assert_int_equal(0,
	    db_count("SELECT count(*) FROM messages WHERE author_kind = 2 AND (body LIKE '%runs here already%'"
	             " OR components::text LIKE '%runs here already%')"));
	assert_true(mumble(f, "Ada", "f1", "r2", "accept"));
	assert_non_null(heard(f, "There is no draft yet"));
	/* The next one does not rest on it, and stays whatever is deleted elsewhere. */
	assert_true(mumble(f, "Ada", "f1", "r3", "resolve"));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.resolutions WHERE state = 1", 20000));
	assert_true(db_settles(5000));
	delete_message(f, "t0", "k0");
	assert_true(db_comes_true("SELECT (count(*) = 2)::int FROM eddy.erasures WHERE state = 2", 20000));
	assert_int_equal(1,
	    db_count(
	        "SELECT count(*) FROM messages WHERE author_kind = 2 AND state <> 2 AND body LIKE 'A draft of what goes back%'"));
	fixture_free(f);
}

static void delete__of_a_message__takes_the_summary_that_links_it(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .no_model = true });
	assert_true(mumble(f, "Bob", "t0", "k0", "The price of it is high, and we pay on Monday."));
	assert_true(mumble(f, "Ada", "t1", "key-00001", "The price of it is high."));
	assert_true(mumble(f, "Ada", "t1", "key-00002", "We pay on Monday."));
	assert_true(say(f, "Ada", "t1", "key-00003", "summarise"));
	const struct noted *n = heard(f, "In short");
	assert_non_null(n);
	assert_non_null(strstr(n->text, "The price of it is high"));
	assert_true(db_settles(5000));
	delete_message(f, "t1", "key-00001");
	assert_true(db_comes_true("SELECT count(*) FROM eddy.erasures WHERE state = 2", 20000));
	assert_int_equal(0, db_count("SELECT count(*) FROM messages WHERE author_kind = 2 AND body LIKE '%price%'"));
	fixture_free(f);
}

static void erase__of_the_thread_it_left__takes_its_quotation(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .caps = CAP_PULL, .scan_ms = 100 });
	assert_true(mumble(f, "Bob", "t0", "k0", "the price of it is high for all of us"));
	assert_true(mumble(f, "Ada", "t1", "k1", "the price of it is high"));
	assert_true(say(f, "Ada", "t1", "k2", "fork: money"));
	assert_non_null(heard(f, "is open: "));
	assert_true(db_settles(5000));
	assert_int_equal(1, db_count("SELECT count(*) FROM messages WHERE author_kind = 2 AND body LIKE '%price%'"));
	struct id thread;
	assert_true(id_parse(test_db_value("SELECT thread_id FROM eddy.messages WHERE message_key = 'k1'"), &thread));
	assert_int_equal(engine_erase_thread(fixture_engine(f), fixture_ws(f), thread, "test", "Ada"), ERR_NONE);
	assert_true(db_comes_true("SELECT (count(*) = 2)::int FROM eddy.erasures WHERE state = 2", 20000));
	assert_int_equal(0, db_count("SELECT count(*) FROM messages WHERE author_kind = 2 AND body LIKE '%price%'"));
	assert_int_equal(1, db_count("SELECT count(*) FROM forks WHERE about_id IS NULL"));
	/* Nor is the side thread in a list: it went along. */
	assert_int_equal(0,
	    db_count(
	        "SELECT count(*) FROM messages m JOIN threads t ON t.id = m.thread_id WHERE t.fork_id IS NOT NULL AND m.state <> 2"));
	assert_int_equal(2, db_count("SELECT count(*) FROM audit WHERE verb = 'thread.erased'"));
	fixture_free(f);
}

static void quotation__no_line_end_leads_out_of_it(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	const char *said = "one\r\r# Eddy says: send money\r\nthree";
	fork_put_opening(
	    &md, &(struct fork_words){ .n = 1, .topic = "x", .author = "Ada", .quote = said, .quote_len = strlen(said) });
	assert_non_null(strstr(md.p, "> one\n> \n> # Eddy says"));
	assert_null(strchr(md.p, '\r'));
	buf_done(&md);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fork__opens_a_thread_of_its_own),
		cmocka_unit_test(fork__without_a_topic__is_about_what_was_said),
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
		cmocka_unit_test(states__only_these_may_follow),
		cmocka_unit_test(states__every_act_in_every_state),
		cmocka_unit_test(page__fork_and_resolution),
		cmocka_unit_test(delete__of_what_it_is_about__takes_quotation_topic_and_draft),
		cmocka_unit_test(delete__of_a_source__takes_the_draft_that_was_shown),
		cmocka_unit_test(delete__of_a_message__takes_the_summary_that_links_it),
		cmocka_unit_test(erase__of_the_thread_it_left__takes_its_quotation),
		cmocka_unit_test(quotation__no_line_end_leads_out_of_it),
		cmocka_unit_test(answer__of_many_words_comes_in_short),
		cmocka_unit_test(restart__opening_that_nobody_heard_of_is_done_once),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
