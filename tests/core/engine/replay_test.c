/* What a model was asked, built again: the same while nothing has changed, and said to be another when something has. */
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
#include "../../../core/base/metric.h"
#include "../../../core/engine/replay.h"
#include "../../../core/settings/settings.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static bool heard(struct fixture *f, const char *words)
{
	for (uint64_t until = clock_ms() + 90000; clock_ms() < until; usleep(3000)) {
		for (size_t i = fixture_count(f, REPLY_WHOLE); i-- > 0;) {
			const struct noted *n = fixture_reply(f, i);
			if (n != NULL && strstr(n->text, words) != NULL)
				return true;
		}
	}
	return false;
}

static bool say(struct fixture *f, const char *person, const char *thread, const char *key, const char *text)
{
	return fixture_say_in(f, "C1", VIS_PUBLIC, person, thread, key, text, true);
}

static bool mumble(struct fixture *f, const char *person, const char *thread, const char *key, const char *text)
{
	return fixture_say_in(f, "C1", VIS_PUBLIC, person, thread, key, text, false);
}

/* The run that answered the message ${key}. */
static struct id run_of(const char *key)
{
	struct id id = ID_NONE;
	char sql[200];
	snprintf(
	    sql, sizeof(sql), "SELECT r.id FROM runs r JOIN messages m ON m.id = r.message_id WHERE m.message_key = '%s'", key);
	const char *v = test_db_value(sql);
	return v != NULL && id_parse(v, &id) ? id : ID_NONE;
}

/* As `eddy prompt show` does it: with an engine of its own. */
static enum err replay(struct fixture *f, const char *key, struct buf *out, char why[300])
{
	const struct setting *const tables[] = { core_settings, NULL };
	struct settings *s = settings_new(tables);
	struct metrics *metrics = metrics_new();
	struct engine *e = NULL;
	struct buf problems = BUF_INIT;
	char *none[] = { NULL };
	assert_int_equal(settings_load(s, NULL, none, none, &problems), ERR_NONE);
	buf_done(&problems);
	const struct engine_options o = { .settings = s, .metrics = metrics, .database_url = fixture_url(f) };
	assert_int_equal(engine_open(&e, &o, why, 300), ERR_NONE);
	buf_reset(out);
	enum err err = engine_replay(e, run_of(key), out, why, 300);
	engine_free(e);
	metrics_free(metrics);
	settings_free(s);
	return err;
}

#define SAME "This is what the model saw.\n"

static void replay__answer__is_the_same(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	struct buf out = BUF_INIT;
	char why[300];
	assert_true(mumble(f, "Ada", "t1", "k1", "The falcon is green."));
	assert_true(say(f, "Bob", "t1", "k2", "which colour?"));
	assert_true(heard(f, "re: Bob: which colour?"));
	assert_true(say(f, "Ada", "t1", "k3", "are you sure?"));
	assert_true(heard(f, "re: Ada: are you sure?"));
	assert_true(db_settles(5000));
	const char *const keys[] = { "k2", "k3" };
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(replay(f, keys[i], &out, why), ERR_NONE);
		if (strstr(out.p, SAME) == NULL)
			fail_msg("%s", out.p);
		assert_non_null(strstr(out.p, "an answer for "));
		assert_non_null(strstr(out.p, "=== system ===\nYou are Eddy"));
		assert_non_null(strstr(out.p, "=== user ===\nAda: The falcon is green.\n"));
		assert_non_null(strstr(out.p, "=== tool search_messages ===\n"));
		assert_int_equal(i == 1, strstr(out.p, "=== assistant ===\nre: Bob: which colour?\n") != NULL);
	}
	/* Edited: its text is another, and the rest stays as it was. */
	struct intent in = { .kind = INTENT_MESSAGE_EDITED,
		.source_key = "e:1",
		.message_key = "k1",
		.thread_key = "t1",
		.person = { .external_id = "Ada" },
		.place = { .external_id = "C1", .name = "C1", .visibility = VIS_PUBLIC, .eddy_is_member = true },
		.text = "The falcon is red.",
		.text_len = 18 };
	assert_true(fixture_do(f, &in, NULL));
	assert_int_equal(replay(f, "k2", &out, why), ERR_NONE);
	assert_non_null(strstr(out.p, "THIS IS NOT WHAT THE MODEL SAW"));
	assert_non_null(strstr(out.p, "since then a message or a tool has changed"));
	assert_null(strstr(out.p, "green"));
	buf_done(&out);
	fixture_free(f);
}

static void replay__tools__are_told_again(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	struct buf out = BUF_INIT;
	char why[300];
	fixture_script(f, SCRIPT_TOOL);
	assert_true(say(f, "Bob", "t1", "k1", "find the falcon"));
	assert_true(heard(f, "found: "));
	assert_true(db_settles(5000));
	assert_int_equal(replay(f, "k1", &out, why), ERR_NONE);
	if (strstr(out.p, SAME) == NULL)
		fail_msg("%s", out.p);
	assert_non_null(strstr(out.p, "=== tool call search_messages ===\n"));
	assert_non_null(strstr(out.p, "=== tool result ===\n"));
	buf_done(&out);
	fixture_free(f);
}

static void replay__tasks__are_made_again(void **state)
{
	(void)state;
	static const char draft[] =
	    "{\"headline\":\"H\",\"points\":[{\"text\":\"a\",\"sources\":[1]},{\"text\":\"b\",\"sources\":[2]}]}";
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	struct buf out = BUF_INIT;
	char why[300];
	assert_true(mumble(f, "Ada", "t1", "k1", "Which port?"));
	assert_true(say(f, "Ada", "t1", "k2", "fork: port"));
	assert_true(heard(f, "is open"));
	assert_true(mumble(f, "Bob", "f1", "m1", "@Ada we take port 9090."));
	assert_true(db_settles(5000));
	fixture_words(f, "- Port 9090. [1]");
	assert_true(mumble(f, "Ada", "f1", "m2", "summarise"));
	assert_true(heard(f, "Port 9090. [[1]]"));
	fixture_words(f, draft);
	assert_true(mumble(f, "Ada", "f1", "m3", "resolve"));
	assert_true(heard(f, "**H**"));
	assert_true(mumble(f, "Ada", "f1", "m4", "accept"));
	assert_true(db_comes_true("SELECT count(*) FROM resolutions WHERE state = 2", 10000));
	assert_true(db_settles(5000));
	/* Both, although the summary is kept and the side thread is closed by now. */
	assert_int_equal(replay(f, "m2", &out, why), ERR_NONE);
	if (strstr(out.p, SAME) == NULL)
		fail_msg("%s", out.p);
	assert_non_null(strstr(out.p, "`summarise` for Ada"));
	assert_non_null(strstr(out.p, "<message>\n@Ada we take port 9090.\n</message>"));
	if (replay(f, "m3", &out, why) != ERR_NONE)
		fail_msg("%s", why);
	if (strstr(out.p, SAME) == NULL)
		fail_msg("%s", out.p);
	assert_non_null(strstr(out.p, "Topic of the side thread, in the words of who asked for it: \"port\""));
	buf_done(&out);
	fixture_free(f);
}

static void replay__long_thread__is_the_same(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	struct buf out = BUF_INIT;
	char why[300], key[16], text[80];
	for (int i = 0; i < 55; i++) {
		snprintf(key, sizeof(key), "m%d", i);
		snprintf(text, sizeof(text), "we measured %d boxes on Monday", i);
		assert_true(mumble(f, i % 2 ? "Ada" : "Bob", "t1", key, text));
	}
	assert_true(say(f, "Cleo", "t1", "q1", "what now?"));
	assert_true(heard(f, "re: Cleo: what now?"));
	assert_true(say(f, "Cleo", "t1", "q2", "and now?"));
	assert_true(heard(f, "re: Cleo: and now?"));
	assert_true(db_settles(5000));
	const char *const keys[] = { "q1", "q2" };
	for (size_t i = 0; i < 2; i++) {
		assert_int_equal(replay(f, keys[i], &out, why), ERR_NONE);
		assert_non_null(strstr(out.p, "<earlier>\n- "));
		if (strstr(out.p, SAME) == NULL)
			fail_msg("%s", out.p);
	}
	buf_done(&out);
	fixture_free(f);
}

static void replay__what_is_remembered__is_told_again(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	struct buf out = BUF_INIT;
	char why[300];
	assert_true(say(f, "Ada", "t1", "k1", "remember: the falcon is green"));
	assert_true(heard(f, "Noted for everybody"));
	assert_true(say(f, "Bob", "t2", "k2", "which colour has the falcon?"));
	assert_true(heard(f, "re: which colour"));
	assert_true(db_settles(5000));
	assert_int_equal(replay(f, "k2", &out, why), ERR_NONE);
	if (strstr(out.p, SAME) == NULL)
		fail_msg("%s", out.p);
	assert_non_null(strstr(out.p, "What is remembered\n"));
	assert_non_null(strstr(out.p, "Ada: the falcon is green\n"));
	/* Forgotten: it can't be seen here either. */
	assert_true(say(f, "Ada", "t1", "k3", "forget that"));
	assert_true(heard(f, "Forgotten, for good"));
	assert_true(db_settles(5000));
	assert_int_equal(replay(f, "k2", &out, why), ERR_NONE);
	assert_non_null(strstr(out.p, "THIS IS NOT WHAT THE MODEL SAW"));
	assert_null(strstr(out.p, "green"));
	buf_done(&out);
	fixture_free(f);
}

static void replay__what_asked_no_model__says_so(void **state)
{
	(void)state;
	struct fixture *f = fixture_new(&(struct fixture_options){ .scan_ms = 100 });
	struct buf out = BUF_INIT;
	char why[300];
	assert_true(say(f, "Ada", "t1", "k1", "help"));
	assert_true(db_settles(5000));
	assert_int_equal(replay(f, "k1", &out, why), ERR_INPUT);
	assert_string_equal(why, "this run has not asked a model");
	assert_int_equal(replay(f, "nothing", &out, why), ERR_INPUT);
	assert_string_equal(why, "there is no such run");
	buf_done(&out);
	fixture_free(f);
}

static void prompt_digest__sees__every_part(void **state)
{
	(void)state;
	uint8_t a[PROMPT_DIGEST], b[PROMPT_DIGEST];
	struct model_message m[2] = { { .role = ROLE_USER, .text = "ab", .text_len = 2 },
		{ .role = ROLE_ASSISTANT, .text = "c", .text_len = 1 } };
	struct model_tool t = { "t", "d", "{}" };
	struct model_request q = { .system = "s", .system_len = 1, .messages = m, .messages_len = 2, .tools = &t, .tools_len = 1 };
	prompt_digest(&q, a);
	prompt_digest(&q, b);
	assert_memory_equal(a, b, PROMPT_DIGEST);
	m[0].text = "a";
	m[0].text_len = 1;
	m[1].text = "bc";
	m[1].text_len = 2;
	prompt_digest(&q, b);
	assert_memory_equal(a, b, 8);
	assert_memory_not_equal(a + 8, b + 8, 8);
	q.system = "S";
	prompt_digest(&q, b);
	assert_memory_not_equal(a, b, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(replay__answer__is_the_same),
		cmocka_unit_test(replay__tools__are_told_again),
		cmocka_unit_test(replay__tasks__are_made_again),
		cmocka_unit_test(replay__long_thread__is_the_same),
		cmocka_unit_test(replay__what_is_remembered__is_told_again),
		cmocka_unit_test(replay__what_asked_no_model__says_so),
		cmocka_unit_test(prompt_digest__sees__every_part),
	};
	return cmocka_run_group_tests_name("replay", tests, NULL, NULL);
}
