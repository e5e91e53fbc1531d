/* What pages, read-backs and adapters ask of the engine: threads by revision, active threads, notes, installs, what was learned. */
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
#include "../../../core/base/log.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

/* A page's own copy of a thread, kept right by what engine_read_thread() gives. */
struct page {
	struct stored_message m[64];
	char text[64][64];
	size_t len, given;
	int64_t at;
};

static void take(void *arg, const struct stored_message *m)
{
	struct page *p = arg;
	size_t i = 0;
	while (i < p->len && !id_equal(p->m[i].id, m->id))
		i++;
	p->len += i == p->len;
	p->m[i] = *m;
	snprintf(p->text[i], sizeof(p->text[i]), "%s", m->deleted ? "(deleted)" : m->text);
	p->given++;
	assert_true(m->rev > p->at);
}

static void catch_up(struct fixture *f, struct id thread, struct page *p, int limit)
{
	for (;;) {
		int64_t last = -1;
		p->given = 0;
		assert_int_equal(
		    engine_read_thread(fixture_engine(f), fixture_ws(f), thread, p->at, limit, take, p, &last), ERR_NONE);
		assert_true(last >= p->at);
		p->at = last;
		if (p->given < (size_t)limit)
			return;
	}
}

static void read_thread__in_pages_with_changes__ends_with_the_whole_thread(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	struct id thread = engine_thread_id(engine_place_id(fixture_ws(f), "test", "D1"), "t1");
	struct page fast = { 0 }, slow = { 0 };
	catch_up(f, thread, &fast, 3);
	assert_int_equal(fast.len, 0);
	for (int i = 0; i < 9; i++) {
		char key[16], text[32];
		snprintf(key, sizeof(key), "1.%d", i);
		snprintf(text, sizeof(text), "question %d", i);
		assert_true(fixture_say(f, "U1", "t1", key, text));
		assert_int_equal(fixture_wait_replies(f, (size_t)i + 1, 30000), i + 1);
		catch_up(f, thread, &fast, 1 + i % 3);
	}
	assert_true(fixture_wait_idle(f, 30000));
	struct intent e1 = fixture_intent(INTENT_MESSAGE_EDITED, "e1", "1.2", "question 2, better"),
	              e2 = fixture_intent(INTENT_MESSAGE_DELETED, "e2", "1.3", NULL),
	              e3 = fixture_intent(INTENT_MESSAGE_EDITED, "e3", "1.2", "question 2, best");
	assert_true(fixture_do(f, &e1, NULL));
	catch_up(f, thread, &fast, 2);
	assert_true(fixture_do(f, &e2, NULL));
	assert_true(fixture_do(f, &e3, NULL));
	catch_up(f, thread, &fast, 1);
	catch_up(f, thread, &slow, 4);
	assert_int_equal(fast.len, 18);
	assert_int_equal(slow.len, 18);
	assert_int_equal(fast.at, slow.at);
	for (size_t i = 0; i < 18; i++) {
		size_t k = 0;
		while (k < 18 && !id_equal(fast.m[i].id, slow.m[k].id))
			k++;
		assert_true(k < 18);
		assert_string_equal(fast.text[i], slow.text[k]);
		assert_int_equal(fast.m[i].deleted, slow.m[k].deleted);
	}
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE body = 'question 2, best'"), 1);
	fixture_free(f);
}

static void last_key(void *arg, const struct active_thread *t)
{
	char *out = arg;
	size_t n = strlen(out);
	snprintf(out + n, 256 - n, "%s/%s:%s ", t->place_key, t->thread_key, t->last_message_key ? t->last_message_key : "");
}

static void active_threads__are_those_eddy_takes_part_in__newest_first(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	assert_true(fixture_say(f, "U1", "t1", "1.1", "one"));
	assert_true(fixture_say(f, "U1", "t2", "2.1", "two"));
	struct intent aside = fixture_intent(INTENT_MESSAGE_POSTED, "m:c", "3.1", "lunch?");
	aside.place = (struct intent_place){ .external_id = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true };
	assert_true(fixture_do(f, &aside, NULL));
	assert_int_equal(fixture_wait_replies(f, 2, 30000), 2);
	assert_true(fixture_wait_idle(f, 30000));
	assert_true(fixture_say(f, "U1", "t1", "1.2", "one more"));
	assert_int_equal(fixture_wait_replies(f, 3, 30000), 3);
	char out[256] = "";
	assert_int_equal(engine_active_threads(fixture_engine(f), fixture_ws(f), "test", 0, 10, last_key, out), ERR_NONE);
	assert_string_equal(out, "D1/t1:1.2 D1/t2:2.1 ");
	out[0] = 0;
	assert_int_equal(
	    engine_active_threads(fixture_engine(f), fixture_ws(f), "test", (int64_t)clock_wall_ms() + 60000, 10, last_key, out),
	    ERR_NONE);
	assert_string_equal(out, "");
	fixture_free(f);
}

static void notes_and_what_was_learned__are_there_afterwards(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	struct engine *e = fixture_engine(f);
	char *v = NULL;
	assert_int_equal(engine_note_get(e, fixture_ws(f), "test", "cursor", &v), ERR_NONE);
	assert_null(v);
	assert_true(engine_note_put(e, fixture_ws(f), "test", "cursor", "one"));
	assert_true(engine_note_put(e, fixture_ws(f), "test", "cursor", "two"));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.adapter_notes WHERE value = 'two'", 30000));
	assert_int_equal(engine_note_get(e, fixture_ws(f), "test", "cursor", &v), ERR_NONE);
	assert_string_equal(v, "two");
	free(v);
	struct intent_person p = { .external_id = "U7", .name = "Grace", .tz = "Europe/Berlin", .is_guest = true };
	struct intent_place c = { .external_id = "C7", .name = "plans", .visibility = VIS_PUBLIC, .eddy_is_member = true };
	assert_true(engine_learn_person(e, fixture_ws(f), "test", &p));
	assert_true(engine_learn_place(e, fixture_ws(f), "test", &c));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.people WHERE name = 'Grace' AND guest", 30000));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.places WHERE name = 'plans' AND visibility = 4 AND member", 30000));
	c = (struct intent_place){ .external_id = "C7", .visibility = VIS_PRIVATE, .eddy_is_member = true }; /* made private */
	assert_true(engine_learn_place(e, fixture_ws(f), "test", &c));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.places WHERE name = 'plans' AND visibility = 2", 30000));
	/* A message in which the edge does not know the kind of place opens nothing. */
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, "m:7", "7.1", "hello all");
	in.place = (struct intent_place){ .external_id = "C7", .visibility = VIS_UNKNOWN, .eddy_is_member = true };
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(db_count("SELECT visibility FROM eddy.places WHERE name = 'plans'"), 2);
	/* Nor does one that says nothing of guests make a guest a member. */
	in = fixture_intent(INTENT_MESSAGE_POSTED, "m:8", "8.1", "hello again");
	in.person = (struct intent_person){ .external_id = "U7" };
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.people WHERE name = 'Grace' AND guest"), 1);
	fixture_free(f);
}

/* Asks for what Eddy can do in a thread of its own; the answer tells a guest of the limits.  The ${n}-th reply of ${f}. */
static bool helped_as_guest(struct fixture *f, struct intent_person p, const char *key, size_t n)
{
	struct intent in = fixture_intent(INTENT_MESSAGE_POSTED, key, key, "what can you do");
	in.thread_key = key;
	in.person = p;
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(fixture_wait_replies(f, n, 30000), n);
	return strstr(fixture_reply(f, n - 1)->text, "For guests I read this thread only") != NULL;
}

static void person__not_described_yet__is_a_guest_until_it_is(void **state)
{
	(void)state;
	const struct intent_person who = { .external_id = "U8", .name = "Ada", .is_undescribed = true };
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	assert_true(helped_as_guest(f, who, "g1", 1));
	assert_true(helped_as_guest(f, who, "g2", 2));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.people WHERE name = 'Ada' AND guest"), 1);
	/* Described: a member, at once and in the next process, which has not heard of it yet. */
	assert_true(engine_learn_person(
	    fixture_engine(f), fixture_ws(f), "test", &(struct intent_person){ .external_id = "U8", .name = "Ada" }));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.people WHERE name = 'Ada' AND NOT guest", 30000));
	assert_false(helped_as_guest(f, (struct intent_person){ .external_id = "U8", .name = "Ada" }, "g3", 3));
	assert_true(fixture_wait_idle(f, 30000));
	struct fixture *next = fixture_new(&(struct fixture_options){ .url = fixture_url(f) });
	assert_false(helped_as_guest(next, who, "g4", 1));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.people WHERE name = 'Ada' AND NOT guest"), 1);
	/* A guest by description stays one, described again or not. */
	assert_true(engine_learn_person(fixture_engine(next), fixture_ws(next), "test",
	    &(struct intent_person){ .external_id = "U8", .name = "Ada", .is_guest = true }));
	assert_true(db_comes_true("SELECT count(*) FROM eddy.people WHERE name = 'Ada' AND guest", 30000));
	assert_true(helped_as_guest(next, who, "g5", 2));
	fixture_free(next);
	fixture_free(f);
}

static void install__twice__is_the_same_tenant_and_uninstalling_is_noted(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ 0 });
	struct engine *e = fixture_engine(f);
	struct id a, b, c;
	assert_false(engine_workspace(e, "test", "T9", &c));
	assert_int_equal(engine_install(e, "test", "T9", "Nine", false, &a), ERR_NONE);
	assert_int_equal(engine_install(e, "test", "T9", NULL, false, &b), ERR_NONE);
	assert_true(engine_workspace(e, "test", "T9", &c));
	assert_true(id_equal(a, b) && id_equal(b, c));
	assert_false(id_equal(a, fixture_ws(f)));
	struct intent gone = { .kind = INTENT_UNINSTALLED, .ws = a, .source_key = "u:1" };
	assert_true(fixture_do(f, &gone, NULL));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.installs WHERE removed_at IS NOT NULL AND external_id = 'T9'"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.installs WHERE removed_at IS NOT NULL"), 1);
	assert_int_equal(engine_install(e, "test", "T9", "Nine", false, &b), ERR_NONE);
	assert_true(id_equal(a, b));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.installs WHERE removed_at IS NOT NULL"), 0);
	fixture_free(f);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(read_thread__in_pages_with_changes__ends_with_the_whole_thread),
		cmocka_unit_test(active_threads__are_those_eddy_takes_part_in__newest_first),
		cmocka_unit_test(notes_and_what_was_learned__are_there_afterwards),
		cmocka_unit_test(person__not_described_yet__is_a_guest_until_it_is),
		cmocka_unit_test(install__twice__is_the_same_tenant_and_uninstalling_is_noted),
	};
	return cmocka_run_group_tests_name("views", tests, NULL, NULL);
}
