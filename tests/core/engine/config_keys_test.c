/* Keys of the layers where they take effect: what a team or a person says holds for them and for nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/api/api.h"
#include "../../../core/api/serve.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/json.h"
#include "../../../core/engine/upkeep.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define OWNER "00000000-0000-4000-8000-000000000001"
#define WAIT_MS 60000

static struct pg *pg;

static struct caller caller_of(struct fixture *f, const char *id)
{
	struct caller c;
	struct id person;
	assert_true(id_parse(id, &person));
	assert_int_equal(pg_begin(pg, fixture_ws(f)), ERR_NONE);
	assert_int_equal(authority_of(pg, fixture_ws(f), person, "cli", &c), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return c;
}

static enum api_code call_as(struct fixture *f, const char *id, const char *name, const char *args)
{
	json_t *in = NULL, *out = NULL;
	struct problem p = { 0 };
	struct caller c = caller_of(f, id);
	assert_int_equal(json_parse(args, strlen(args), 10000, &in, NULL), ERR_NONE);
	enum api_code code = api_run(NULL, pg, &c, name, in, id_new(), &out, &p);
	json_decref(in);
	json_decref(out);
	return code;
}

static void call(struct fixture *f, const char *name, const char *args)
{
	assert_int_equal(call_as(f, OWNER, name, args), API_OK);
}

/* As who said the message ${key}. */
static enum api_code prefer(struct fixture *f, const char *key, const char *args)
{
	char sql[300], id[ID_TEXT];
	snprintf(sql, sizeof sql, "SELECT author_id FROM eddy.messages WHERE message_key = '%s'", key);
	const char *value = test_db_value(sql);
	assert_non_null(value);
	snprintf(id, sizeof id, "%s", value != NULL ? value : "");
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT ws, ws, id, 1 FROM eddy.people WHERE id = '%s'"
	    " ON CONFLICT DO NOTHING",
	    id);
	assert_true(test_db_exec(sql));
	return call_as(f, id, "preference.set", args);
}

static struct fixture *begin(struct fixture_options o)
{
	char why[200], sql[500], ws[ID_TEXT];
	o.scan_ms = 100;
	struct fixture *f = fixture_new(&o);
	id_format(fixture_ws(f), ws);
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.people (ws, id) VALUES ('%s', '" OWNER "'); INSERT INTO eddy.members (ws, node_id, person_id, role)"
	    " VALUES ('%s', '%s', '" OWNER "', 4)",
	    ws, ws, ws);
	assert_true(test_db_exec(sql));
	assert_int_equal(pg_open(&pg, fixture_url(f), api_tables, why, sizeof why), ERR_NONE);
	return f;
}

static void end(struct fixture *f)
{
	pg_close(pg);
	fixture_free(f);
}

/* What ${person} is answered to a new question in ${place}, in a thread of its own. */
static const struct noted *answer(struct fixture *f, const char *place, const char *person)
{
	static int n;
	char key[20], text[40];
	size_t before = fixture_count(f, REPLY_WHOLE);
	snprintf(key, sizeof key, "q%d", ++n);
	snprintf(text, sizeof text, "question %d.", n);
	assert_true(fixture_say_in(f, place, VIS_PUBLIC, person, key, key, text, true));
	assert_true(fixture_wait_replies(f, before + 1, WAIT_MS) > before);
	assert_true(fixture_wait_idle(f, WAIT_MS));
	return fixture_reply(f, before);
}

/* The first one that ${is}: a change is seen within two seconds, and a slow machine's. */
static const struct noted *answer_that(
    struct fixture *f, const char *place, const char *person, bool (*is)(const struct noted *, const void *), const void *arg)
{
	for (uint64_t until = clock_ms() + WAIT_MS; clock_ms() < until;) {
		const struct noted *n = answer(f, place, person);
		if (is(n, arg))
			return n;
		usleep(100000); /* far from limits.person */
	}
	fail_msg("nothing like this was answered: %s", arg != NULL ? (const char *)arg : "");
	return NULL;
}

static bool has(const struct noted *n, const void *words)
{
	return strstr(n->text, words) != NULL;
}

/* ---- what the model is told ---- */

static atomic_int told;

static enum script note_temperature(void *arg, const struct model_request *r, bool floor)
{
	(void)arg;
	if (!floor)
		atomic_store(&told, r->temperature);
	return SCRIPT_ANSWER;
}

static bool is_told(const struct noted *n, const void *arg)
{
	(void)n;
	return atomic_load(&told) == atoi(arg);
}

static void temperature__of_a_team__is_for_its_models(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ .on_call = note_temperature });
	answer(f, "C1", "Ada");
	assert_int_equal(atomic_load(&told), 0);
	call(f, "org.create", "{\"name\":\"pay\"}");
	call(f, "place.assign", "{\"place\":\"test:C1\",\"team\":\"pay\"}");
	call(f, "config.set", "{\"team\":\"pay\",\"set\":{\"agent.temperature\":30}}");
	answer_that(f, "C1", "Ada", is_told, "31");
	answer(f, "C2", "Ada");
	assert_int_equal(atomic_load(&told), 0);
	call(f, "config.set", "{\"bounds\":{\"agent.temperature\":{\"max\":20}}}"); /* then 30 is out of the bounds */
	answer_that(f, "C1", "Ada", is_told, "21");
	assert_int_equal(call_as(f, OWNER, "config.set", "{\"team\":\"pay\",\"set\":{\"agent.temperature\":31}}"), API_INVALID);
	end(f);
}

/* ---- what the answer looks like ---- */

static char *long_words(void *arg, const struct model_request *r)
{
	struct buf b = BUF_INIT;
	(void)arg, (void)r;
	buf_add_str(&b, "The plan is good.\n\n");
	for (int i = 0; i < 20; i++)
		buf_addf(&b, "Sentence number %d says one thing more about the plan and why.\n\n", i);
	return buf_detach(&b, NULL);
}

static bool is_folded(const struct noted *n, const void *arg)
{
	return (strstr(n->offers, "show all") != NULL) == (arg != NULL);
}

static void fold__of_a_person__is_for_whom_they_ask(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ .words_of = long_words });
	assert_true(is_folded(answer(f, "C1", "Ada"), NULL));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t", "ada", "and more?", true));
	assert_true(fixture_wait_idle(f, WAIT_MS));
	assert_int_equal(prefer(f, "ada", "{\"set\":{\"answers.fold_words\":50}}"), API_OK);
	answer_that(f, "C1", "Ada", is_folded, "folded");
	assert_true(is_folded(answer(f, "C1", "Ben"), NULL));
	call(f, "config.set", "{\"bounds\":{\"answers.fold_words\":{\"min\":400}}}");
	answer_that(f, "C1", "Ada", is_folded, NULL);
	assert_int_equal(prefer(f, "ada", "{\"set\":{\"answers.fold_words\":60}}"), API_INVALID);
	end(f);
}

/* ---- money: a call costs 1 USD ---- */

static long spent(const char *of)
{
	char sql[300];
	snprintf(sql, sizeof sql, "SELECT coalesce(sum(spent_micros), 0) / 10000 FROM eddy.budget_days WHERE %s", of);
	return db_count(sql);
}

static void budget__of_a_person__is_theirs_alone_and_only_tightens(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ .cost_micros = 1000000, .settings = "model.daily_cap=1000\0" });
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t", "ada", "what is it?", true));
	assert_true(fixture_wait_replies(f, 1, WAIT_MS) == 1 && fixture_wait_idle(f, WAIT_MS));
	call(f, "config.set", "{\"set\":{\"budget.person_month_cents\":100000}}");
	assert_int_equal(prefer(f, "ada", "{\"set\":{\"budget.person_month_cents\":100001}}"), API_INVALID);
	assert_int_equal(prefer(f, "ada", "{\"set\":{\"budget.person_day_cents\":3000}}"), API_OK);
	answer_that(f, "C1", "Ada", has, "Today's budget of yours for the language model (30 USD) is used up");
	assert_in_range(spent("kind = 3"), 100, 3000);
	assert_true(has(answer(f, "C1", "Ben"), "re: "));
	/* A team may not say what people may spend elsewhere. */
	assert_int_equal(call_as(f, OWNER, "org.create", "{\"name\":\"pay\"}"), API_OK);
	assert_int_equal(
	    call_as(f, OWNER, "config.set", "{\"team\":\"pay\",\"set\":{\"budget.person_day_cents\":100}}"), API_INVALID);
	end(f);
}

static void budget__of_a_team__is_for_its_places(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ .cost_micros = 1000000, .settings = "model.daily_cap=1000\0" });
	call(f, "org.create", "{\"name\":\"pay\"}");
	call(f, "config.set", "{\"team\":\"pay\",\"set\":{\"budget.team_day_tokens\":20000,\"budget.team_month_cents\":900}}");
	assert_true(
	    fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t", "k", "hello all", false)); /* who pays is known for half a minute */
	call(f, "place.assign", "{\"place\":\"test:C1\",\"team\":\"pay\"}");
	assert_true(has(answer(f, "C2", "Ada"), "re: "));
	answer_that(f, "C1", "Ada", has, "budget of the team pay for the language model");
	assert_in_range(spent("kind = 2"), 0, 900);
	assert_true(has(answer(f, "C2", "Ada"), "re: "));
	end(f);
}

static void budget__of_a_run__is_the_lowest_that_anybody_says(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ .cost_micros = 1000000 });
	call(f, "config.set", "{\"set\":{\"budget.run_cents\":90}}");
	answer_that(f, "C1", "Ada", has, "what one answer may use of the language model (0.90 USD)");
	assert_int_equal(call_as(f, OWNER, "preference.set", "{\"set\":{\"budget.run_cents\":91}}"), API_INVALID);
	assert_int_equal(call_as(f, OWNER, "preference.set", "{\"set\":{\"budget.run_cents\":89}}"), API_OK);
	call(f, "config.set", "{\"unset\":[\"budget.run_cents\"],\"set\":{\"budget.run_tokens\":50}}");
	answer_that(f, "C1", "Ada", has, "what one answer may use of the language model (50 tokens)");
	call(f, "config.restore", "{\"version\":1}");
	answer_that(f, "C1", "Ada", has, "(0.90 USD)");
	end(f);
}

/* ---- threads ---- */

#define DAY 86400000ull

static void archive_days__of_a_team__are_for_its_places(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ 0 });
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "k1", "something", false));
	assert_true(fixture_say_in(f, "C2", VIS_PUBLIC, "Ada", "t2", "k2", "something", false));
	assert_true(fixture_say_in(f, "C3", VIS_PUBLIC, "Ada", "t3", "k3", "something", false));
	call(f, "org.create", "{\"name\":\"pay\"}");
	call(f, "org.create", "{\"name\":\"law\"}");
	call(f, "place.assign", "{\"place\":\"test:C1\",\"team\":\"pay\"}");
	call(f, "place.assign", "{\"place\":\"test:C3\",\"team\":\"law\"}");
	call(f, "config.set", "{\"team\":\"pay\",\"set\":{\"threads.archive_days\":5}}");
	call(f, "config.set", "{\"team\":\"law\",\"set\":{\"threads.archive_days\":36500}}"); /* never */
#define ARCHIVED \
	"SELECT count(*) FROM eddy.threads t JOIN eddy.places p ON p.id = t.place_id WHERE t.state = 3 AND p.external_id = "
	assert_int_equal(upkeep_round(fixture_engine(f), 4 * DAY, true), ERR_NONE);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.threads WHERE state = 3"), 0);
	for (uint64_t until = clock_ms() + WAIT_MS; db_count(ARCHIVED "'C1'") == 0 && clock_ms() < until; usleep(100000))
		assert_int_equal(upkeep_round(fixture_engine(f), 6 * DAY, true), ERR_NONE);
	assert_int_equal(db_count(ARCHIVED "'C1'"), 1);
	assert_int_equal(db_count(ARCHIVED "'C2'"), 0);
	assert_int_equal(upkeep_round(fixture_engine(f), 31 * DAY, true), ERR_NONE);
	assert_int_equal(db_count(ARCHIVED "'C2'"), 1); /* threads.archive_days of eddy.yaml */
	assert_int_equal(db_count(ARCHIVED "'C3'"), 0);
	call(f, "config.set", "{\"bounds\":{\"threads.archive_days\":{\"max\":90}}}");
	assert_int_equal(call_as(f, OWNER, "config.set", "{\"team\":\"law\",\"set\":{\"threads.archive_days\":91}}"), API_INVALID);
	for (uint64_t until = clock_ms() + WAIT_MS; db_count(ARCHIVED "'C3'") == 0 && clock_ms() < until; usleep(100000))
		assert_int_equal(upkeep_round(fixture_engine(f), 91 * DAY, true), ERR_NONE);
	assert_int_equal(db_count(ARCHIVED "'C3'"), 1);
	end(f);
}

static void offers__switched_off__are_not_made_there(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ 0 });
	call(f, "org.create", "{\"name\":\"pay\"}");
	answer(f, "C1", "Ada");
	call(f, "place.assign", "{\"place\":\"test:C1\",\"team\":\"pay\"}");
	call(f, "config.set", "{\"team\":\"pay\",\"set\":{\"threads.offers\":false}}");
	for (int i = 0; i < 2; i++) {
		char place[8], thread[8], key[8];
		snprintf(place, sizeof place, "C%d", i + 1);
		snprintf(thread, sizeof thread, "o%d", i);
		snprintf(key, sizeof key, "s%d", i);
		assert_true(fixture_say_in(f, place, VIS_PUBLIC, "Ada", thread, key, "which database?", true));
		assert_true(fixture_wait_idle(f, WAIT_MS));
		size_t n = fixture_count(f, REPLY_WHOLE);
		bool off;
		uint64_t until = clock_ms() + WAIT_MS;
		do { /* a change is seen within two seconds */
			usleep(100000);
			snprintf(key, sizeof key, "o%zu", n);
			assert_true(fixture_say_in(f, place, VIS_PUBLIC, "Ada", thread, key, "offer summaries here", true));
			assert_true(fixture_wait_replies(f, n + 1, WAIT_MS) > n);
			off = strstr(fixture_reply(f, n++)->text, "switched off") != NULL;
		} while (off != (i == 0) && clock_ms() < until);
		assert_int_equal(off, i == 0);
	}
	assert_true(db_settles(30000));
	assert_int_equal(upkeep_round(fixture_engine(f), 49ull * 3600000, true), ERR_NONE);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.offers o JOIN eddy.threads t ON t.id = o.thread_id JOIN eddy.places p"
	                          " ON p.id = t.place_id WHERE p.external_id = 'C2'"),
	    1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.offers"), 1);
	call(f, "config.set", "{\"set\":{\"threads.offers\":false}}");
	assert_int_equal(call_as(f, OWNER, "config.set", "{\"team\":\"pay\",\"set\":{\"threads.offers\":true}}"), API_INVALID);
	end(f);
}

/* ---- how many at a time ---- */

static enum script hang(void *arg, const struct model_request *r, bool floor)
{
	(void)arg, (void)r, (void)floor;
	return SCRIPT_HANG;
}

static void wait_status(struct fixture *f, size_t n)
{
	for (uint64_t until = clock_ms() + WAIT_MS; fixture_count(f, REPLY_STATUS) < n && clock_ms() < until;)
		usleep(5000);
	assert_int_equal(fixture_count(f, REPLY_STATUS), n);
}

static void concurrent__of_a_team__others_wait_and_hear_so(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ 0 });
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t", "k", "hello all", false));
	call(f, "org.create", "{\"name\":\"pay\"}");
	call(f, "place.assign", "{\"place\":\"test:C1\",\"team\":\"pay\"}");
	call(f, "config.set", "{\"team\":\"pay\",\"set\":{\"limits.concurrent\":2}}");
	assert_int_equal(call_as(f, OWNER, "config.set", "{\"team\":\"pay\",\"set\":{\"limits.concurrent\":0}}"), API_INVALID);
	char *url = strdup(fixture_url(f));
	fixture_free(f);
	/* A process that has just begun and knows nothing yet. */
	f = fixture_new(&(struct fixture_options){ .url = url, .scan_ms = 100, .on_call = hang });
	for (int i = 0; i < 5; i++) {
		char key[8];
		snprintf(key, sizeof key, "c%d", i);
		assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, i == 4 ? "Ben" : "Ada", key, key, "a question", true));
	}
	assert_true(fixture_wait_calls(f, 2, WAIT_MS));
	wait_status(f, 5); /* two are thinking, three are told to wait */
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "h", "h", "help", true)); /* takes no model */
	assert_true(fixture_say_in(f, "C2", VIS_PUBLIC, "Ada", "o", "o", "another team's question", true));
	assert_true(fixture_wait_calls(f, 3, WAIT_MS));
	assert_int_equal(fixture_wait_replies(f, 1, WAIT_MS), 1);
	assert_int_equal(fixture_model_calls(f), 3);
	for (uint64_t until = clock_ms() + WAIT_MS; fixture_count(f, REPLY_WHOLE) < 7 && clock_ms() < until; usleep(5000))
		fixture_release(f);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), 7);
	assert_true(fixture_wait_idle(f, WAIT_MS));
	assert_int_equal(fixture_model_calls(f), 6);
	end(f);
	free(url);
}

/* A flood of commands that have a model sum something up has no more at a time than questions have. */
static void concurrent__of_a_team__counts_what_commands_ask_a_model(void **state)
{
	(void)state;
	static const char *const commands[] = { "summarise", "catch me up", "summarise", "summarise", "summarise", "a question" };
	enum { FLOOD = sizeof commands / sizeof *commands };
	struct fixture *f = begin((struct fixture_options){ 0 });
	for (int i = 0; i < FLOOD; i++) {
		char thread[8], key[16];
		snprintf(thread, sizeof thread, "c%d", i);
		for (int m = 0; m < 4; m++) {
			snprintf(key, sizeof key, "c%d.%d", i, m);
			assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, m % 2 ? "Ben" : "Cy", thread, key,
			    "we might take the other database instead", false));
		}
	}
	call(f, "org.create", "{\"name\":\"pay\"}");
	call(f, "place.assign", "{\"place\":\"test:C1\",\"team\":\"pay\"}");
	call(f, "config.set", "{\"team\":\"pay\",\"set\":{\"limits.concurrent\":2}}");
	char *url = strdup(fixture_url(f));
	fixture_free(f);
	f = fixture_new(&(struct fixture_options){ .url = url, .scan_ms = 100, .on_call = hang });
	for (int i = 0; i < FLOOD; i++) {
		char thread[8], key[16];
		snprintf(thread, sizeof thread, "c%d", i);
		snprintf(key, sizeof key, "c%d.9", i);
		assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", thread, key, commands[i], true));
	}
	assert_true(fixture_wait_calls(f, 2, WAIT_MS));
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "h", "h", "threads", true)); /* asks no model */
	assert_int_equal(fixture_wait_replies(f, 1, WAIT_MS), 1);
	assert_int_equal(fixture_model_calls(f), 2);
	for (uint64_t until = clock_ms() + WAIT_MS; fixture_count(f, REPLY_WHOLE) < FLOOD + 1 && clock_ms() < until; usleep(5000))
		fixture_release(f);
	assert_int_equal(fixture_count(f, REPLY_WHOLE), FLOOD + 1);
	assert_true(fixture_wait_idle(f, WAIT_MS));
	assert_true(fixture_model_calls(f) >= FLOOD);
	end(f);
	free(url);
}

/* ---- calls of the API ---- */

/* A call of ${person} from a page about ${team}. */
static enum api_code page_call(struct fixture *f, const char *person, const char *team)
{
	struct api_reply reply;
	json_t *args = json_pack("{s:s}", "team", team);
	struct api_request q = { .ws = fixture_ws(f),
		.adapter = "web",
		.person = person,
		.name = person,
		.via = "web",
		.procedure = "org.get",
		.args = args,
		.id = id_new() };
	engine_call(fixture_engine(f), &q, &reply);
	json_decref(reply.out);
	json_decref(args);
	return reply.code;
}

/* Whether calls a moment apart are refused at some time, after a change that is seen within two seconds, and a slow machine's. */
static bool limited(struct fixture *f, const char *person, const char *team, uint32_t ms)
{
	for (uint64_t until = clock_ms() + ms; clock_ms() < until; usleep(20000)) {
		enum api_code code = page_call(f, person, team);
		if (code == API_LIMITED)
			return true;
		assert_int_equal(code, API_OK);
	}
	return false;
}

static void calls__of_a_layer__hold_within_two_seconds_and_only_tighten(void **state)
{
	(void)state;
	struct fixture *f = begin((struct fixture_options){ .settings = "limits.team_calls=5000\0" });
	uint64_t began;
	call(f, "org.create", "{\"name\":\"pay\"}");
	call(f, "org.create", "{\"name\":\"side\"}");
	assert_false(limited(f, "U1", "pay", 300));
	call(f, "config.set", "{\"team\":\"pay\",\"set\":{\"limits.person_calls\":4}}");
	began = clock_ms();
	assert_true(limited(f, "U1", "pay", WAIT_MS));
	assert_true(clock_ms() - began < 20000);             /* 20 ms here */
	assert_false(limited(f, "U1", "side", 300));         /* another team's */
	assert_int_equal(page_call(f, "U2", "pay"), API_OK); /* somebody else: one of four is there at once */
	/* a layer below cannot say more than those above it, and gets what they say later */
	assert_int_equal(call_as(f, OWNER, "config.set", "{\"team\":\"side\",\"set\":{\"limits.team_calls\":5001}}"), API_INVALID);
	call(f, "config.set", "{\"team\":\"side\",\"set\":{\"limits.team_calls\":4000}}");
	call(f, "config.set", "{\"set\":{\"limits.team_calls\":8}}");
	assert_true(limited(f, "U3", "side", WAIT_MS));
	call(f, "config.set", "{\"unset\":[\"limits.team_calls\"]}");
	for (uint64_t until = clock_ms() + WAIT_MS; page_call(f, "U3", "side") != API_OK && clock_ms() < until;)
		usleep(20000);
	assert_false(limited(f, "U3", "side", 300));
	assert_int_equal(
	    call_as(f, OWNER, "config.set", "{\"team\":\"side\",\"set\":{\"limits.workspace_calls\":8}}"), API_INVALID);
	assert_int_equal(call_as(f, OWNER, "config.set", "{\"team\":\"side\",\"set\":{\"limits.person_calls\":0}}"), API_INVALID);
	call(f, "config.set", "{\"set\":{\"limits.workspace_calls\":8}}");
	assert_true(limited(f, "U4", "side", WAIT_MS));
	end(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(temperature__of_a_team__is_for_its_models),
		cmocka_unit_test(fold__of_a_person__is_for_whom_they_ask),
		cmocka_unit_test(budget__of_a_person__is_theirs_alone_and_only_tightens),
		cmocka_unit_test(budget__of_a_team__is_for_its_places),
		cmocka_unit_test(budget__of_a_run__is_the_lowest_that_anybody_says),
		cmocka_unit_test(concurrent__of_a_team__others_wait_and_hear_so),
		cmocka_unit_test(concurrent__of_a_team__counts_what_commands_ask_a_model),
		cmocka_unit_test(calls__of_a_layer__hold_within_two_seconds_and_only_tighten),
		cmocka_unit_test(archive_days__of_a_team__are_for_its_places),
		cmocka_unit_test(offers__switched_off__are_not_made_there),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
