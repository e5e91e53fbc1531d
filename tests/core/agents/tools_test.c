/* The two built-in tools against a stored conversation, and the reading policy against a small model of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/agents/tools.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"
#include "../../../core/talk/search.h"
#include "../../support/db.h"
#include "../../support/talk.h"

#define NOW 1782921900000ll /* Wednesday 2026-07-01 16:05 UTC */
#define DAY 86400000ll

static struct pg *pg;
static struct id ws, ana, ben, general, secret, thread, side, hit, newest;
static const struct pg_statement *const tables[] = { search_statements, recall_statements, NULL };

static int setup(void **state)
{
	(void)state;
	char why[200];
	const char *url = test_db_fresh();
	if (pg_open(&pg, url, tables, why, sizeof why) != ERR_NONE) {
		print_error("%s\n", why);
		return -1;
	}
	ws = test_db_workspace("acme");
	ana = talk_person(ws, "Ana Lima");
	ben = talk_person(ws, "Ben Okoro");
	general = talk_place(ws, "general", VIS_PUBLIC, true);
	secret = talk_place(ws, "secret", VIS_PRIVATE, true);
	thread = talk_thread(ws, general);
	side = talk_thread(ws, general);
	struct id hidden = talk_thread(ws, secret);
	talk_message(ws, hidden, ben, NOW - DAY, "the falcon price is 90 coins", NULL);
	hit = talk_message(ws, side, ben, NOW - 2 * DAY, "Falcon ships on 14 March, see https://plan.test/falcon", NULL);
	talk_message(ws, side, ana, NOW - 2 * DAY + 1000, "great, thanks \"Ben\" <b>", NULL);
	newest = talk_message(
	    ws, side, ana, NOW - DAY / 2, "falcon needs a new name", "[{\"name\":\"names.txt\",\"mime\":\"text/plain\"}]");
	talk_delete(talk_message(ws, side, ana, NOW - DAY / 3, "falcon was a typo", NULL));
	talk_message(ws, thread, ana, NOW - 1000, "who knows falcon?", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static struct tool_context context(void)
{
	return (struct tool_context){ .pg = pg,
		.ws = ws,
		.thread = thread,
		.place = general,
		.person = ana,
		.message_seq = 1,
		.wall_ms = NOW,
		.permalink = talk_permalink };
}

/* Runs a tool in a transaction; the result as JSON, the caller's. */
static json_t *ask(const struct tool_context *c, const char *tool, const char *args)
{
	struct buf out = BUF_INIT;
	json_t *root = NULL;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	enum err e = tool_run(tool_find(tool), c, args, strlen(args), &out);
	if (e != ERR_NONE)
		fail_msg("%s %s: %s %s", tool, args, err_name(e), out.p);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_true(out.len <= TOOL_RESULT_MAX);
	assert_int_equal(json_parse(out.p, out.len, TOOL_RESULT_MAX, &root, NULL), ERR_NONE);
	buf_done(&out);
	return root;
}

static const char *nth(const json_t *root, size_t i, const char *key)
{
	return json_str(json_array_get(json_arr(root, "messages"), i), key, NULL);
}

static void expect_count(const struct tool_context *c, const char *args, size_t want)
{
	json_t *r = ask(c, "search_messages", args);
	if (json_array_size(json_arr(r, "messages")) != want)
		fail_msg("%s: %zu messages, not %zu", args, json_array_size(json_arr(r, "messages")), want);
	json_decref(r);
}

static void search__finds__words_with_link_and_author(void **state)
{
	(void)state;
	struct tool_context c = context();
	json_t *r = ask(&c, "search_messages", "{\"query\":\"falcon march\"}");
	assert_int_equal(json_int(r, "found", -1), 1);
	assert_string_equal(nth(r, 0, "author"), "Ben Okoro");
	assert_string_equal(nth(r, 0, "place"), "general");
	assert_string_equal(nth(r, 0, "at"), "2026-06-29 16:05");
	assert_string_equal(nth(r, 0, "link"), talk_link(hit));
	assert_string_equal(nth(r, 0, "quote"), "Falcon ships on 14 March, see https://plan.test/falcon");
	assert_false(json_bool(r, "loose", false));
	json_decref(r);
}

/* A question as one number: 1 is what the words of the test mean. */
static bool ask_vector(void *arg, struct id in, const char *words, struct recall_question *out)
{
	(void)arg;
	assert_true(id_equal(in, ws));
	if (strcmp(words, "raptor") != 0)
		return false;
	float *v = calloc(2, sizeof *v);
	v[0] = 1;
	*out = (struct recall_question){ "m", v, 2, 0.25f };
	return true;
}

static void search__finds__what_is_near(void **state)
{
	(void)state;
	struct tool_context c = context();
	char text[ID_TEXT], sql[400];
	expect_count(&c, "{\"query\":\"raptor\"}", 0);
	c.question = ask_vector;
	expect_count(&c, "{\"query\":\"raptor\"}", 0);
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.embeddings SELECT ws, id, 'm', 2, '\\x0000803f00000000', audience_id, thread_id, created_at FROM eddy.messages"
	    " WHERE id = '%s'",
	    id_format(hit, text));
	assert_true(test_db_exec(sql));
	json_t *r = ask(&c, "search_messages", "{\"query\":\"raptor\"}");
	assert_int_equal(json_int(r, "found", -1), 1);
	assert_string_equal(nth(r, 0, "link"), talk_link(hit));
	json_decref(r);
	expect_count(&c, "{\"query\":\"raptor\",\"exact\":true}", 0);
	expect_count(&c, "{\"query\":\"raptor\",\"order\":\"newest\"}", 0);
	assert_true(test_db_exec("DELETE FROM eddy.embeddings"));
}

static void search__filters__each_way(void **state)
{
	(void)state;
	struct tool_context c = context();
	expect_count(&c, "{\"query\":\"falcon\"}", 2); /* not the secret, not the deleted, not the question itself */
	expect_count(&c, "{\"query\":\"falcon\",\"from\":\"ben\"}", 1);
	expect_count(&c, "{\"query\":\"falcon\",\"from\":\"me\"}", 1);
	expect_count(&c, "{\"query\":\"falcon\",\"from\":\"nobody\"}", 0);
	expect_count(&c, "{\"query\":\"falcon\",\"from\":\"eddy\"}", 0);
	expect_count(&c, "{\"query\":\"falcon\",\"in\":\"#general\"}", 2);
	expect_count(&c, "{\"query\":\"falcon\",\"in\":\"here\"}", 2);
	expect_count(&c, "{\"query\":\"falcon\",\"in\":\"secret\"}", 0);
	expect_count(&c, "{\"query\":\"falcon\",\"in\":\"thread\"}", 0);
	expect_count(&c, "{\"query\":\"falcon\",\"after\":\"yesterday\"}", 1);
	expect_count(&c, "{\"query\":\"falcon\",\"before\":\"2026-06-30\"}", 1);
	expect_count(&c, "{\"query\":\"falcon\",\"after\":\"monday\",\"before\":\"monday+1\"}", 1);
	expect_count(&c, "{\"query\":\"falcon\",\"has\":\"link\"}", 1);
	expect_count(&c, "{\"query\":\"falcon\",\"has\":\"number\"}", 1);
	expect_count(&c, "{\"query\":\"falcon\",\"has\":\"file\"}", 1);
	expect_count(&c, "{\"has\":\"file\"}", 1);
	expect_count(&c, "{}", 3);
	expect_count(&c, "{\"order\":\"oldest\",\"limit\":1}", 1);
	expect_count(&c, "{\"query\":\"falcon -march\"}", 1);
	expect_count(&c, "{\"query\":\"\\\"new name\\\"\"}", 1);
	expect_count(&c, "{\"query\":\"rocket falcon\",\"exact\":true}", 0);
	json_t *r = ask(&c, "search_messages", "{\"query\":\"rockets falcons\"}");
	assert_true(json_bool(r, "loose", false));
	assert_int_equal(json_array_size(json_arr(r, "messages")), 2);
	json_decref(r);
	r = ask(&c, "search_messages", "{\"query\":\"falcon\",\"order\":\"newest\"}");
	assert_string_equal(nth(r, 0, "link"), talk_link(newest));
	json_decref(r);
	r = ask(&c, "search_messages", "{\"query\":\"falcon\",\"order\":\"oldest\"}");
	assert_string_equal(nth(r, 0, "link"), talk_link(hit));
	json_decref(r);
}

static void search__leaves_out__the_question_and_what_follows(void **state)
{
	(void)state;
	struct tool_context c = context();
	c.message_seq = 0;
	expect_count(&c, "{\"query\":\"falcon\"}", 3);
	c.message_seq = 1;
	expect_count(&c, "{\"query\":\"falcon\"}", 2);
}

static void search__refuses__bad_arguments(void **state)
{
	(void)state;
	static const char *const bad[] = { "[]", "{\"query\":1}", "{\"limit\":0}", "{\"limit\":51}", "{\"order\":\"random\"}",
		"{\"ws\":\"x\"}", "nonsense", "{\"after\":\"once\"}", "{\"before\":\"2026-13-01\"}",
		"{\"query\":\"a\",\"query\":\"b\"}" };
	struct tool_context c = context();
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct buf out = BUF_INIT;
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		if (tool_run(&tool_search_messages, &c, bad[i], strlen(bad[i]), &out) != ERR_INPUT || out.len == 0)
			fail_msg("%s was taken: %s", bad[i], out.p);
		pg_rollback(pg);
		buf_done(&out);
	}
}

static void search__caps__its_result(void **state)
{
	(void)state;
	struct tool_context c = context();
	struct id place = talk_place(ws, "noise", VIS_PUBLIC, true), long_thread = talk_thread(ws, place);
	char text[6000];
	memset(text, '"', sizeof text); /* doubled by JSON */
	memcpy(text, "walrus ", 7);
	text[sizeof text - 1] = '\0';
	for (int i = 0; i < 60; i++)
		talk_message(ws, long_thread, ben, NOW - DAY + i, text, NULL);
	json_t *r = ask(&c, "search_messages", "{\"query\":\"walrus\",\"limit\":50}");
	assert_int_equal(json_int(r, "found", 0), 60);
	assert_in_range(json_array_size(json_arr(r, "messages")), 10, 50);
	json_decref(r);
}

static void read__gives__neighbours_in_order(void **state)
{
	(void)state;
	char args[200], id[ID_TEXT];
	struct tool_context c = context();
	snprintf(args, sizeof args, "{\"id\":\"%s\",\"around\":1}", id_format(hit, id));
	json_t *r = ask(&c, "read_message", args);
	assert_int_equal(json_array_size(json_arr(r, "messages")), 2);
	assert_non_null(json_obj(json_array_get(json_arr(r, "messages"), 0), "this"));
	assert_string_equal(nth(r, 1, "quote"), "great, thanks \"Ben\" <b>");
	json_decref(r);
	snprintf(args, sizeof args, "{\"link\":\"%s\",\"around\":0}", talk_link(hit));
	r = ask(&c, "read_message", args);
	assert_int_equal(json_int(r, "found", 0), 1);
	json_decref(r);
}

static void read__understands__links_with_the_moment_as_one_number(void **state)
{
	(void)state;
	struct tool_context c = context();
	char digits[40], key[ID_TEXT], args[400], id[ID_TEXT];
	size_t n = 0;
	for (const char *k = talk_key(hit); *k != '\0' && n < sizeof digits - 1; k++) {
		if (*k != '.')
			digits[n++] = *k;
	}
	digits[n] = '\0';
	char place[ID_TEXT], q[200];
	snprintf(q, sizeof q, "SELECT external_id FROM eddy.places WHERE id = '%s'", id_format(general, id));
	snprintf(place, sizeof place, "%s", test_db_value(q));
	snprintf(args, sizeof args, "{\"link\":\"https://acme.chat.test/archives/%s/p%s?thread_ts=T%s&cid=%s\",\"around\":0}",
	    place, digits, id_format(side, key), place);
	json_t *r = ask(&c, "read_message", args);
	assert_int_equal(json_int(r, "found", 0), 1);
	json_t *this = json_obj(json_array_get(json_arr(r, "messages"), 0), "this");
	assert_string_equal(json_str(this, "id", ""), id_format(hit, id));
	json_decref(r);
	r = ask(&c, "read_message", "{\"link\":\"https://acme.chat.test/archives/C0/p1760000100000100\"}");
	assert_int_equal(json_int(r, "found", -1), 0);
	json_decref(r);
}

static void read__looks_the_same__for_missing_and_forbidden(void **state)
{
	(void)state;
	struct tool_context c = context();
	struct id hidden = talk_message(ws, talk_thread(ws, secret), ben, NOW, "hush", NULL);
	struct id gone = talk_message(ws, side, ben, NOW, "gone", NULL);
	talk_delete(gone);
	struct id ids[] = { hidden, gone, id_new() };
	char *first = NULL;
	for (int i = 0; i < 3; i++) {
		char args[200], id[ID_TEXT];
		snprintf(args, sizeof args, "{\"id\":\"%s\"}", id_format(ids[i], id));
		json_t *r = ask(&c, "read_message", args);
		char *text = json_dumps(r, JSON_SORT_KEYS);
		assert_int_equal(json_int(r, "found", -1), 0);
		if (first == NULL)
			first = strdup(text);
		assert_string_equal(text, first);
		free(text);
		json_decref(r);
	}
	free(first);
	struct buf link = BUF_INIT;
	buf_addf(&link, "{\"link\":\"%s\"}", talk_link(hidden));
	json_t *r = ask(&c, "read_message", link.p);
	assert_int_equal(json_int(r, "found", -1), 0);
	json_decref(r);
	buf_done(&link);
}

/* ---- the policy against a model of it ---- */
#define PLACES 14
#define THREADS 40
#define MESSAGES 160
#define ASKS 2000

struct world {
	enum visibility visibility[PLACES];
	bool member[PLACES];
	struct id place[PLACES], thread[THREADS], message[MESSAGES];
	int thread_place[THREADS], thread_reader[THREADS] /* -1: all of the place */, message_thread[MESSAGES],
	    message_seq[MESSAGES], message_word[MESSAGES];
	bool deleted[MESSAGES];
};

static bool may_read(const struct world *w, int m, int asking, bool guest, int64_t before_seq)
{
	int thread_at = w->message_thread[m], own = w->thread_place[asking], place = w->thread_place[thread_at];
	if (w->deleted[m] || (thread_at == asking && before_seq > 0 && w->message_seq[m] >= before_seq))
		return false;
	if (guest)
		return thread_at == asking;
	if (w->thread_reader[thread_at] != -1)
		return place == own && w->thread_reader[thread_at] == w->thread_reader[asking];
	if (place == own)
		return true;
	if (w->visibility[own] == VIS_EXTERNAL || w->visibility[own] == VIS_UNKNOWN)
		return false;
	return w->visibility[place] == VIS_PUBLIC && w->member[place];
}

static unsigned seed_state = 20260701;
static int dice(int n)
{
	seed_state = seed_state * 1103515245u + 12345u;
	return (int)((seed_state >> 16) % (unsigned)n);
}

struct seen {
	struct world *w;
	bool got[MESSAGES];
	int strangers;
};

static void note(void *arg, const struct found_message *m)
{
	struct seen *s = arg;
	for (int i = 0; i < MESSAGES; i++) {
		if (id_equal(s->w->message[i], m->id)) {
			s->got[i] = true;
			return;
		}
	}
	s->strangers++;
}

static void policy__equals__its_model(void **state)
{
	(void)state;
	static const char *const word[] = { "amber", "birch", "cedar" };
	static struct world w;
	const char *url = test_db_fresh();
	char why[200];
	struct pg *p;
	assert_int_equal(pg_open(&p, url, tables, why, sizeof why), ERR_NONE);
	struct id mine = test_db_workspace("mine"), other = test_db_workspace("other");
	struct id person = talk_person(mine, "Zoe");
	const struct id readers[] = { person, talk_person(mine, "Yan") };
	struct id stranger = talk_person(other, "Zoe"), foreign = talk_thread(other, talk_place(other, "open", VIS_PUBLIC, true));
	for (int i = 0; i < 3; i++)
		talk_message(other, foreign, stranger, NOW, word[i], NULL);
	for (int i = 0; i < PLACES; i++) {
		w.visibility[i] = (enum visibility)dice(5);
		w.member[i] = dice(3) > 0;
		w.place[i] = talk_place(mine, "place", w.visibility[i], w.member[i]);
	}
	int seqs[THREADS] = { 0 };
	for (int i = 0; i < THREADS; i++) {
		w.thread_place[i] = dice(PLACES);
		w.thread_reader[i] = dice(3) == 0 ? dice(2) : -1;
		struct id place = w.place[w.thread_place[i]];
		w.thread[i] = w.thread_reader[i] == -1 ? talk_thread(mine, place)
		                                       : talk_private_thread(mine, place, readers[w.thread_reader[i]]);
	}
	for (int i = 0; i < MESSAGES; i++) {
		w.message_thread[i] = dice(THREADS);
		w.message_word[i] = dice(3);
		w.message[i] = talk_message(mine, w.thread[w.message_thread[i]], person, NOW + i, word[w.message_word[i]], NULL);
		w.message_seq[i] = ++seqs[w.message_thread[i]];
		w.deleted[i] = dice(8) == 0;
		if (w.deleted[i])
			talk_delete(w.message[i]);
	}
	int differences = 0, found = 0;
	for (int n = 0; n < ASKS; n++) {
		int asking = dice(THREADS), kind = dice(4), wanted = dice(3), target = dice(MESSAGES);
		bool guest = dice(4) == 0;
		struct search_scope scope = { .ws = mine, .thread = w.thread[asking], .guest = guest, .before_seq = dice(4) };
		/* What the caller believes about the place must not matter. */
		scope.place = w.place[dice(PLACES)];
		struct search_allowed allowed;
		struct seen seen = { .w = &w };
		assert_int_equal(pg_begin(p, mine), ERR_NONE);
		assert_int_equal(search_allowed_audiences(p, &scope, &allowed), ERR_NONE);
		struct search_query q = {
			.limit = 50, .text = kind == 0 ? word[wanted] : NULL, .in = kind == 2 ? "thread" : NULL, .from = "zoe"
		};
		q.order = (enum search_order)dice(3);
		if (kind == 3)
			assert_int_equal(search_read(p, &allowed, w.message[target], 0, note, &seen), ERR_NONE);
		else
			assert_int_equal(search_messages(p, &allowed, &q, note, &seen, NULL), ERR_NONE);
		assert_int_equal(pg_commit(p), ERR_NONE);
		int total = 0, got = 0;
		for (int i = 0; i < MESSAGES; i++) {
			bool want = may_read(&w, i, asking, guest, scope.before_seq);
			want = want && (kind != 0 || w.message_word[i] == wanted) && (kind != 2 || w.message_thread[i] == asking) &&
			    (kind != 3 || i == target);
			total += want;
			got += seen.got[i];
			differences += seen.got[i] && !want;
		}
		differences += got != (total > 50 ? 50 : total); /* a page holds 50 */
		differences += seen.strangers;
		found += got;
		search_allowed_done(&allowed);
	}
	print_message("policy: %d asks, %d messages shown, %d differences\n", ASKS, found, differences);
	assert_int_equal(differences, 0);
	assert_true(found > 5000);
	pg_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(search__finds__words_with_link_and_author),
		cmocka_unit_test(search__filters__each_way),
		cmocka_unit_test(search__leaves_out__the_question_and_what_follows),
		cmocka_unit_test(search__refuses__bad_arguments),
		cmocka_unit_test(search__finds__what_is_near),
		cmocka_unit_test(search__caps__its_result),
		cmocka_unit_test(read__gives__neighbours_in_order),
		cmocka_unit_test(read__understands__links_with_the_moment_as_one_number),
		cmocka_unit_test(read__looks_the_same__for_missing_and_forbidden),
		cmocka_unit_test(policy__equals__its_model),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
