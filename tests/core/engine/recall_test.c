/* Semantic recall in the engine: what it finds that words miss, who may see it, what goes, and that nothing needs it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/mem.h"
#include "../../../core/engine/pages.h"
#include "../../../core/engine/vectors.h"
#include "../../../core/talk/find.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

/* A model to which some words mean the same: a number for each meaning, and one for everything else. */
struct brain {
	atomic_int calls, texts;
	atomic_bool away;
	atomic_bool picky; /* does not take a text with "poison" in it */
};

static enum err embed(void *arg, const char *const *texts, size_t n, float **vectors, size_t *dims)
{
	static const char *const meanings[][4] = { { "car", "automobile", "sedan", NULL }, { "wage", "salary", "pay", NULL } };
	struct brain *b = arg;
	b->calls++;
	*vectors = NULL;
	if (b->away)
		return ERR_RETRY;
	for (size_t i = 0; i < n && b->picky; i++)
		if (strstr(texts[i], "poison") != NULL)
			return ERR_INPUT;
	b->texts += (int)n;
	*dims = 4;
	*vectors = xcalloc(n * 4, sizeof **vectors);
	for (size_t i = 0; i < n; i++) {
		float *v = *vectors + 4 * i;
		bool any = false;
		for (size_t k = 0; k < 2 && !any; k++)
			for (size_t w = 0; meanings[k][w] != NULL && !any; w++)
				if ((any = strcasestr(texts[i], meanings[k][w]) != NULL))
					v[k] = 1;
		if (!any)
			v[2] = 1;
	}
	return ERR_NONE;
}

static const char on[] = "recall.model=fake-embed\0engine.upkeep=1h\0";

static struct fixture *begin(struct brain *b)
{
	struct fixture *f =
	    fixture_new(&(struct fixture_options){ .scan_ms = 100, .settings = on, .embed = embed, .embed_arg = b });
	assert_non_null(fixture_engine(f)->vectors);
	return f;
}

static void work(struct fixture *f)
{
	struct pg *pg = engine_pg(fixture_engine(f));
	enum err e = vectors_round(fixture_engine(f), pg);
	engine_pg_done(fixture_engine(f), pg);
	assert_int_equal(e, ERR_NONE);
}

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

/* The next search is a message of its own. */
static void search(struct fixture *f, const char *place, enum visibility v, const char *person, const char *text)
{
	static int n;
	char thread[20], key[20];
	snprintf(thread, sizeof thread, "search%d", n);
	snprintf(key, sizeof key, "s%d", n++);
	assert_true(fixture_say_in(f, place, v, person, thread, key, text, true));
}

static void recall__finds__what_says_it_in_other_words(void **state)
{
	(void)state;
	struct brain b = { .calls = 0 };
	struct fixture *f = begin(&b);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "My car has a flat tyre.", false));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t2", "k2", "The automobile is in the yard.", false));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t3", "k3", "The salary is due.", false));
	work(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings WHERE dims = 4 AND octet_length(v) = 16"), 3);
	int calls = b.calls;
	work(f); /* nothing is missing */
	assert_int_equal(b.calls, calls);
	search(f, "C1", VIS_PUBLIC, "Bob", "search car");
	const struct noted *n = heard(f, "2 matches for **car**");
	const char *first = strstr(n->text, "flat tyre"), *second = strstr(n->text, "The automobile");
	assert_true(first != NULL && second != NULL && first < second); /* the one with the word is in both lists */
	assert_null(strstr(n->text, "salary"));
	search(f, "C1", VIS_PUBLIC, "Bob", "search sedan from:ada");
	n = heard(f, "2 matches for **sedan from:ada**");
	search(f, "C1", VIS_PUBLIC, "Bob", "search sedan from:bob");
	heard(f, "sedan from:bob");
	assert_null(strstr(fixture_reply(f, fixture_count(f, REPLY_WHOLE) - 1)->text, "automobile"));
	search(f, "C1", VIS_PUBLIC, "Bob", "search sedan before:2020-01-01");
	n = heard(f, "sedan before:2020");
	assert_null(strstr(n->text, "yard"));
	calls = b.calls;
	search(f, "C1", VIS_PUBLIC, "Bob", "search \"sedan\"");
	n = heard(f, "\"sedan\"");
	assert_null(strstr(n->text, "yard"));
	search(f, "C1", VIS_PUBLIC, "Bob", "search sedan -yard");
	n = heard(f, "sedan -yard");
	assert_null(strstr(n->text, "automobile"));
	assert_int_equal(b.calls, calls);
	assert_int_equal(db_count("SELECT spent_micros FROM eddy.budget_days WHERE kind = 1"), 0);
	assert_true(db_count("SELECT calls FROM eddy.budget_days WHERE kind = 1") >= 3);
	fixture_free(f);
}

static void recall__keeps__to_who_may_read(void **state)
{
	(void)state;
	struct brain b = { .calls = 0 };
	struct fixture *f = begin(&b);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "The open automobile.", false));
	assert_true(fixture_say_in(f, "C2", VIS_PRIVATE, "Ada", "t2", "k2", "canary-private automobile", false));
	assert_true(fixture_say_in(f, "D1", VIS_DIRECT, "Ada", "t3", "k3", "canary-direct automobile", false));
	assert_true(fixture_say_in(f, "X1", VIS_EXTERNAL, "Ada", "t4", "k4", "canary-shared automobile", false));
	work(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings"), 4);
	search(f, "C1", VIS_PUBLIC, "Bob", "search sedan");
	const struct noted *n = heard(f, "1 match for **sedan**");
	assert_null(strstr(n->text, "canary"));
	search(f, "C2", VIS_PRIVATE, "Bob", "search sedan order:best"); /* its own place and the public one */
	n = heard(f, "canary-private");
	assert_null(strstr(n->text, "canary-direct"));
	assert_null(strstr(n->text, "canary-shared"));
	search(f, "X1", VIS_EXTERNAL, "Bob", "search wages");
	search(f, "X1", VIS_EXTERNAL, "Bob", "search sedan in:here");
	n = heard(f, "canary-shared");
	assert_null(strstr(n->text, "canary-private"));
	assert_null(strstr(n->text, "canary-direct"));
	assert_null(strstr(n->text, "open automobile"));
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		if (strncmp(fixture_reply(f, i)->text, "re: ", 4) != 0) /* the answer to that very message, where it was said */
			assert_null(strstr(fixture_reply(f, i)->text, "canary-direct"));
	fixture_free(f);
}

static void change(struct intent *in, const char *thread)
{
	in->thread_key = thread;
	in->place = (struct intent_place){ .external_id = "C1", .name = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true };
}

static void recall__forgets__with_the_message(void **state)
{
	(void)state;
	struct brain b = { .calls = 0 };
	struct fixture *f = begin(&b);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "The blue automobile.", false));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t2", "k2", "The red automobile.", false));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Eve", "t3", "k3", "The quiet automobile.", false));
	assert_true(test_db_exec(
	    "UPDATE eddy.people SET private = true WHERE id = (SELECT author_id FROM eddy.messages WHERE body LIKE '%quiet%')"));
	work(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings"), 2); /* not of one in private mode */
	struct intent in = fixture_intent(INTENT_MESSAGE_DELETED, "del-1", "k1", "");
	change(&in, "t1");
	assert_true(fixture_do(f, &in, NULL));
	in = fixture_intent(INTENT_MESSAGE_EDITED, "edit-1", "k2", "The red salary.");
	change(&in, "t2");
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings"), 0);
	work(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings"), 1);
	search(f, "C1", VIS_PUBLIC, "Bob", "search wage");
	heard(f, "The red salary");
	fixture_free(f);
}

static void recall__lets_go__of_one_bad_text_and_waits_when_all_fails(void **state)
{
	(void)state;
	struct brain b = { .picky = true };
	struct fixture *f = begin(&b);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "A poison automobile.", false));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t2", "k2", "A good automobile.", false));
	work(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings WHERE dims = 4"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings WHERE dims = 0 AND v = ''"), 1);
	search(f, "C1", VIS_PUBLIC, "Bob", "search sedan");
	heard(f, "1 match for **sedan**");
	b.away = true;
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t3", "k3", "An automobile on the moon.", false));
	struct pg *pg = engine_pg(fixture_engine(f));
	assert_int_equal(vectors_round(fixture_engine(f), pg), ERR_RETRY);
	int calls = b.calls;
	assert_int_equal(vectors_round(fixture_engine(f), pg), ERR_NONE); /* waits */
	engine_pg_done(fixture_engine(f), pg);
	assert_int_equal(b.calls, calls);
	search(f, "C1", VIS_PUBLIC, "Bob", "search moon"); /* full text alone */
	heard(f, "1 match for **moon**");
	assert_int_equal(b.calls, calls + 1);
	search(f, "C1", VIS_PUBLIC, "Bob", "search moon automobile"); /* and nobody waits for it again */
	heard(f, "1 match for **moon automobile**");
	assert_int_equal(b.calls, calls + 1);
	fixture_free(f);
}

static void recall__pages__without_repeating(void **state)
{
	(void)state;
	struct brain b = { .calls = 0 };
	struct fixture *f = begin(&b);
	char key[16], text[60];
	for (int i = 0; i < 20; i++) {
		snprintf(key, sizeof key, "k%d", i);
		snprintf(text, sizeof text, i % 2 ? "number%02d automobile" : "number%02d car", i);
		assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", key, key, text, false));
	}
	work(f);
	for (int page = 1; page <= 3; page++) {
		snprintf(text, sizeof text, "search car page:%d", page);
		search(f, "C1", VIS_PUBLIC, "Bob", text);
		assert_int_equal(fixture_wait_replies(f, (size_t)page, 10000), (size_t)page);
	}
	assert_int_equal(b.texts, 21); /* the words once for all pages */
	for (int i = 0; i < 20; i++) {
		int times = 0;
		snprintf(text, sizeof text, "number%02d", i);
		for (size_t k = 0; k < 3; k++)
			times += strstr(fixture_reply(f, k)->text, text) != NULL;
		if (times != 1)
			fail_msg("%s is there %d times", text, times);
	}
	fixture_free(f);
}

static void recall__is_off__by_default(void **state)
{
	(void)state;
	struct brain b = { .calls = 0 };
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .embed = embed, .embed_arg = &b });
	assert_null(fixture_engine(f)->vectors);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "The automobile.", false));
	work(f);
	search(f, "C1", VIS_PUBLIC, "Bob", "search car");
	heard(f, "car");
	assert_int_equal(b.calls, 0);
	fixture_free(f);
}

/* What a person has said before private mode has vectors no longer, nor what was answered to that person. */
static void recall__of_somebody__ends_with_private_mode(void **state)
{
	(void)state;
	struct brain b = { .calls = 0 };
	struct fixture *f = begin(&b);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "The blue automobile.", true));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Bob", "t2", "k2", "The red automobile.", true));
	assert_int_equal(fixture_wait_replies(f, 2, 10000), 2);
	assert_true(db_settles(10000));
	work(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings"), 4);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t3", "k3", "private mode on", true));
	heard(f, "Private mode is on");
	assert_true(db_settles(10000));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings"), 2);
	work(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.embeddings"), 2);
	assert_int_equal(
	    db_count(
	        "SELECT count(*) FROM eddy.embeddings e JOIN eddy.threads t ON t.id = e.thread_id WHERE t.external_key = 't2'"),
	    2);
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recall__finds__what_says_it_in_other_words),
		cmocka_unit_test(recall__keeps__to_who_may_read),
		cmocka_unit_test(recall__forgets__with_the_message),
		cmocka_unit_test(recall__of_somebody__ends_with_private_mode),
		cmocka_unit_test(recall__lets_go__of_one_bad_text_and_waits_when_all_fails),
		cmocka_unit_test(recall__pages__without_repeating),
		cmocka_unit_test(recall__is_off__by_default),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
