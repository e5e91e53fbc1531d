/*
 * Agents that ask each other (docs/adr/105-sub-agents.md), with a model that plays all of them: what each is told, what comes back, and every way in which a conversation inside a run
 * can end.
 */
#include "sub_play.h"

/* ---- a question, a task, its answer ---- */

static const char *plain(const char *who, size_t results, const char *last, const struct model_request *r)
{
	(void)r;
	if (strcmp(who, "BOOKS") == 0)
		return results == 0 ? "CALL search_messages {\"query\":\"ledger\"}" : "Port 9090.";
	return results == 0 ? "CALL ask_books {\"task\":\"Which port has the ledger?\"}" : say("They say: %s", last);
}

static void sub__is_asked__and_its_last_words_are_the_result(void **state)
{
	(void)state;
	struct fixture *f = begin(plain, NULL);
	assert_string_equal(answer(f, "where does the ledger live"), "They say: <answer>\nPort 9090.\n</answer>\n");
	settled(f);
	assert_string_equal(stage.log.p, "EDDY/0 - 2048\nBOOKS/0 small 500\nBOOKS/1 small 500\nEDDY/1 - 2048\n");
	assert_string_equal(stage.tools.p,
	    "EDDY: search_messages ask_books\nBOOKS: search_messages read_message\nBOOKS: search_messages read_message\n"
	    "EDDY: search_messages ask_books\n");
	assert_string_equal(stage.first.p, "Which port has the ledger?");
	assert_true(in(&stage.told, "Eddy answers the one named above and has given you a part of the work"));
	/* one run: its steps with their depth, its calls, what it did */
	assert_string_equal(
	    test_db_value(
	        "SELECT string_agg(kind || coalesce(body->>'depth', '-') || coalesce(body->>'by_agent', ''), ' ' ORDER BY n)"
	        " FROM eddy.run_steps"),
	    "2- 21 31 3-true");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls"), 4);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs"), 1);
	assert_string_equal(test_db_value("SELECT facts->>'tools' FROM eddy.audit WHERE verb = 'reply.written'"),
	    "[\"ask_books\", \"search_messages\"]");
	/* a search and a question are shown, from begin to end; the words of the other are not */
	assert_int_equal(fixture_count(f, REPLY_TOOL), 4);
	fixture_free(f);
}

static const char *at_once(const char *who, size_t results, const char *last, const struct model_request *r)
{
	(void)r;
	if (strcmp(who, "BOOKS") == 0)
		return say("I was asked: %.*s", (int)r->messages[0].text_len, r->messages[0].text);
	if (results == 0)
		return "CALL ask_books {\"task\":\"one\"}\nCALL search_messages {\"query\":\"x\"}\nCALL ask_books {\"task\":\"two\"}";
	size_t n = 0;
	static char all[2000];
	all[0] = '\0';
	for (size_t i = 0; i < r->messages_len; i++)
		if (r->messages[i].role == ROLE_TOOL_RESULT)
			n += (size_t)snprintf(all + n, sizeof all - n, "%s=%.*s|", r->messages[i].tool_id,
			    (int)r->messages[i].text_len, r->messages[i].text);
	(void)last;
	return all;
}

static void sub__several_calls_of_a_turn__are_done_in_their_order(void **state)
{
	(void)state;
	struct fixture *f = begin(at_once, NULL);
	const char *said = answer(f, "go");
	has(said, "call_1=<answer>\nI was asked: one\n</answer>");
	has(said, "|call_2={");
	has(said, "|call_3=<answer>\nI was asked: two\n</answer>");
	settled(f);
	assert_string_equal(stage.log.p, "EDDY/0 - 2048\nBOOKS/0 small 500\nBOOKS/0 small 500\nEDDY/3 - 2048\n");
	fixture_free(f);
}

static const char *wrong(const char *who, size_t results, const char *last, const struct model_request *r)
{
	(void)who;
	(void)r;
	static const char *const calls[] = { "CALL ask_books {}", "CALL ask_books {\"task\":\"\"}",
		"CALL ask_books {\"task\":\"x\",\"who\":\"y\"}", "CALL ask_books []", "CALL ask_nobody {\"task\":\"x\"}" };
	static char all[2000];
	if (results == 0)
		all[0] = '\0';
	snprintf(all + strlen(all), sizeof all - strlen(all), "%s|", last);
	return results < 5 ? calls[results] : all;
}

static void sub__bad_arguments__are_told_and_nobody_is_asked(void **state)
{
	(void)state;
	struct fixture *f = begin(wrong, "max_turns = 20");
	const char *said = answer(f, "go");
	has(said, "do not fit: ");
	has(said, "There is no such tool.");
	settled(f);
	assert_false(in(&stage.log, "BOOKS"));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.run_steps WHERE body->>'failed' = 'true'"), 5);
	fixture_free(f);
}

/* ---- limits ---- */

/* Each asks the next as long as it may. */
static const char *deeper(const char *who, size_t results, const char *last, const struct model_request *r)
{
	static int n;
	(void)who;
	for (size_t i = 0; i < r->tools_len && results == 0; i++)
		if (strncmp(r->tools[i].name, "ask_", 4) == 0)
			return say("CALL %s {\"task\":\"level %d\"}", r->tools[i].name, ++n);
	return results == 0 ? "bottom" : say("up %s", last);
}

static void sub__that_asks_itself_by_its_row__comes_to_an_end(void **state)
{
	(void)state;
	struct fixture *f = begin(deeper, "sub_agents = '{eddy}', max_turns = 40");
	const char *said = answer(f, "go");
	has(said, "up <answer>\nup <");
	has(said, "bottom");
	settled(f);
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.model_calls"), 7); /* the run's own and three inside each other, down and up */
	assert_int_equal(db_count("SELECT max((body->>'depth')::int) FROM eddy.run_steps"), 2);
	fixture_free(f);
}

static const char *again(const char *who, size_t results, const char *last, const struct model_request *r)
{
	(void)last;
	(void)r;
	if (strcmp(who, "BOOKS") == 0)
		return results == 0 ? "CALL search_messages {\"query\":\"x\"}" : "Nothing.";
	return "CALL ask_books {\"task\":\"the same\"}";
}

static void sub__the_same_task_three_times_in_a_row__ends_it(void **state)
{
	(void)state;
	struct fixture *f = begin(again, "max_turns = 40");
	has(answer(f, "go"), "went round in circles");
	settled(f);
	assert_string_equal(stage.log.p,
	    "EDDY/0 - 2048\nBOOKS/0 small 500\nBOOKS/1 small 500\nEDDY/1 - 2048\nBOOKS/0 small 500\nBOOKS/1 small 500\nEDDY/2 - 2048\n");
	fixture_free(f);
}

static const char *through(const char *who, size_t results, const char *last, const struct model_request *r)
{
	(void)who;
	(void)r;
	return results == 0 ? "CALL ask_eddy {\"task\":\"the same\"}" : say("up %s", last);
}

static void sub__the_same_task_through_three_agents__ends_the_last(void **state)
{
	(void)state;
	struct fixture *f = begin(through, "sub_agents = '{eddy}', max_turns = 40");
	has(answer(f, "go"), "up <answer>\nup It went round in circles.");
	settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls"), 5);
	fixture_free(f);
}

/* Searches for ever, whatever is offered. */
static const char *restless(const char *who, size_t results, const char *last, const struct model_request *r)
{
	static int n;
	(void)r;
	if (strcmp(who, "BOOKS") == 0)
		return say("CALL search_messages {\"query\":\"w%d\"}", ++n);
	return results == 0 ? "CALL ask_books {\"task\":\"x\"}" : say("They say: %s", last);
}

static void sub__that_uses_up_its_turns__is_ended_and_the_other_goes_on(void **state)
{
	(void)state;
	struct fixture *f = begin(restless, "max_turns = 20");
	has(answer(f, "go"), "They say: It came to no end");
	settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls"), 7); /* 4 turns, and one that was told to stop calling */
	assert_true(in(&stage.tools, "BOOKS:\n"));
	fixture_free(f);
}

/* Asks with another task each time. */
static const char *curious(const char *who, size_t results, const char *last, const struct model_request *r)
{
	static int n;
	(void)last;
	if (strcmp(who, "BOOKS") == 0)
		return "Hm.";
	if (r->tools_len == 0)
		return say("enough after %zu", results);
	n++;
	return say(
	    "CALL ask_books {\"task\":\"a%d\"}\nCALL ask_books {\"task\":\"b%d\"}\nCALL ask_books {\"task\":\"c%d\"}", n, n, n);
}

static void sub__calls__count_for_the_agent_that_answers(void **state)
{
	(void)state;
	struct fixture *f = begin(curious, "max_turns = 5");
	has(answer(f, "go"), "enough after 6");
	settled(f);
	/* three asked and a turn: four; one more: five; the others of that turn are refused */
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls WHERE model = 'fake-1'"), 7);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.run_steps WHERE body->>'text' LIKE 'No calls are left%'"), 2);
	fixture_free(f);
}

/* ---- failing ---- */

static const char *failing;
static const char *fails(const char *who, size_t results, const char *last, const struct model_request *r)
{
	(void)r;
	if (strcmp(who, "BOOKS") == 0)
		return failing;
	return results == 0 ? "CALL ask_books {\"task\":\"x\"}" : say("They say: %s", last);
}

static void sub__that_fails_alone__is_a_failed_result(void **state)
{
	(void)state;
	static const struct {
		const char *how, *says;
	} cases[] = { { "REFUSE", "They say: Its language model refuses to work." }, { "EMPTY", "They say: It said nothing." } };
	struct fixture *f = begin(fails, NULL);
	for (size_t i = 0; i < 2; i++) {
		failing = cases[i].how;
		assert_string_equal(answer(f, "go"), cases[i].says);
		settled(f);
	}
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.run_steps WHERE body->>'by_agent' = 'true' AND body->>'failed' = 'true'"), 2);
	fixture_free(f);
}

static void sub__over_the_cap_of_the_run__the_floor_answers_and_says_so(void **state)
{
	(void)state;
	/* A call costs 1 USD, at most 2; an answer may cost 3: the third call, inside, is one too many. */
	struct fixture *f = open_stage(plain, (struct fixture_options){ .cost_micros = 1000000, .settings = "budget.run_cap=3\0" });
	agent(BOOKS);
	eddy(NULL);
	const char *said = answer(f, "where does the ledger live");
	has(said, "what one answer may use of the language model (3 USD)");
	has(said, "floor: ");
	settled(f);
	assert_string_equal(stage.log.p, "EDDY/0 - 2048\nBOOKS/0 small 500\n");
	/* both are booked, for all who pay */
	assert_int_equal(db_count("SELECT sum(cost_micros)::int8 FROM eddy.model_calls"), 2000000);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.budget_days WHERE kind IN (1, 3) AND spent_micros = 2000000"), 2);
	fixture_free(f);
}

/* ---- ending from outside ---- */

static atomic_bool hang;
static const char *hangs(const char *who, size_t results, const char *last, const struct model_request *r)
{
	if (strcmp(who, "BOOKS") == 0 && results == 1 && atomic_load(&hang))
		return "HANG";
	return plain(who, results, last, r);
}

static bool hanging(void)
{
	for (int i = 0; i < 9000; i++, usleep(10000))
		if (in(&stage.log, "BOOKS/1"))
			return true;
	return false;
}

static void sub__stop__ends_what_is_inside(void **state)
{
	(void)state;
	atomic_store(&hang, true);
	struct fixture *f = begin(hangs, NULL);
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "s1", "where does the ledger live", true));
	assert_true(hanging());
	assert_true(fixture_say_in(f, "C1", VIS_PUBLIC, "Ada", "t1", "s2", "stop", true));
	settled(f);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state = 6 AND kind = 1"), 1);
	assert_string_equal(stage.log.p, "EDDY/0 - 2048\nBOOKS/0 small 500\nBOOKS/1 small 500\n");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.model_calls"), 3); /* what was cut has cost as well */
	fixture_free(f);
}

static void sub__edit__begins_anew_from_the_outside(void **state)
{
	(void)state;
	atomic_store(&hang, true);
	struct fixture *f = begin(hangs, NULL);
	assert_true(fixture_say(f, "U1", "t1", "1.1", "old words"));
	assert_true(hanging());
	atomic_store(&hang, false);
	struct intent edit = fixture_intent(INTENT_MESSAGE_EDITED, "e:1", "1.1", "new words");
	assert_true(fixture_do(f, &edit, NULL));
	assert_true(fixture_wait_replies(f, 1, 90000) == 1);
	has(fixture_reply(f, 0)->text, "Port 9090.");
	settled(f);
	assert_string_equal(stage.log.p,
	    "EDDY/0 - 2048\nBOOKS/0 small 500\nBOOKS/1 small 500\nEDDY/0 - 2048\nBOOKS/0 small 500\nBOOKS/1 small 500\nEDDY/1 - 2048\n");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.run_steps"), 4);
	fixture_free(f);
}

/* The first process is frozen inside; another takes over. */
static struct fixture *taken_over(struct fixture **frozen)
{
	atomic_store(&hang, true);
	*frozen = open_stage(hangs, (struct fixture_options){ .lease_ms = 400, .heartbeat_ms = 60000, .scan_ms = 60000 });
	agent(BOOKS);
	eddy(NULL);
	assert_true(fixture_say_in(*frozen, "C1", VIS_PUBLIC, "Ada", "t1", "r1", "where does the ledger live", true));
	assert_true(hanging());
	atomic_store(&hang, false);
	assert_true(db_comes_true("SELECT (count(*) = 3)::int FROM eddy.run_steps", 20000));
	pthread_mutex_lock(&stage.mutex);
	buf_reset(&stage.log);
	pthread_mutex_unlock(&stage.mutex);
	return *frozen;
}

static void sub__process_dies_inside__another_goes_on_there(void **state)
{
	(void)state;
	struct fixture *a, *b;
	taken_over(&a);
	b = fixture_new(&(struct fixture_options){
	    .url = fixture_url(a), .lease_ms = 20000, .scan_ms = 100, .words_of = words_of, .on_call = on_call });
	assert_true(fixture_wait_replies(b, 1, 90000) == 1);
	assert_string_equal(fixture_reply(b, 0)->text, "They say: <answer>\nPort 9090.\n</answer>\n");
	fixture_release(a);
	settled(b);
	/* neither what Eddy asked nor the search was done again */
	assert_string_equal(stage.log.p, "BOOKS/1 small 500\nEDDY/1 - 2048\n");
	assert_int_equal(fixture_count(a, REPLY_WHOLE), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE author_kind = 2"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.run_steps"), 4);
	fixture_free(b);
	fixture_free(a);
}

static void sub__switched_off_while_it_is_asked__is_a_failed_result(void **state)
{
	(void)state;
	struct fixture *a, *b;
	taken_over(&a);
	assert_true(test_db_exec("UPDATE eddy.agents SET active = false WHERE slug = 'books'"));
	b = fixture_new(&(struct fixture_options){
	    .url = fixture_url(a), .lease_ms = 20000, .scan_ms = 100, .words_of = words_of, .on_call = on_call });
	assert_true(fixture_wait_replies(b, 1, 90000) == 1);
	assert_string_equal(fixture_reply(b, 0)->text, "They say: It is not there any more.");
	fixture_release(a);
	settled(b);
	assert_true(in(&stage.tools, "EDDY: search_messages\n")); /* and it is not offered */
	fixture_free(b);
	fixture_free(a);
}

/* ---- what is not offered ---- */

static void sub__without_a_model__nobody_is_offered(void **state)
{
	(void)state;
	struct fixture *f = open_stage(deeper, (struct fixture_options){ .no_model = true });
	agent(BOOKS);
	eddy("tools = '{search_messages,read_message}'");
	assert_string_equal(answer(f, "go"), "bottom");
	settled(f);
	assert_string_equal(stage.tools.p, "EDDY: search_messages read_message\n");
	fixture_free(f);
}

static void sub__off_or_unknown_or_named_like_a_tool__is_not_offered(void **state)
{
	(void)state;
	struct fixture *f = begin(deeper, "sub_agents = '{off,nobody,tracker,books,a b,a_b}'");
	agent("'off', 'Off', NULL, NULL, 'You are OFF.', '{}', 500, 4, '{}'");
	agent("'tracker', 'Tracker', NULL, NULL, 'You are TRACKER.', '{}', 500, 4, '{}'");
	agent("'a b', 'A', NULL, NULL, 'You are A.', '{}', 500, 4, '{}'");
	agent("'a_b', 'B', NULL, NULL, 'You are B.', '{}', 500, 4, '{}'");
	assert_true(test_db_exec("UPDATE eddy.agents SET active = false WHERE slug = 'off'"));
	answer(f, "go");
	settled(f);
	has(stage.tools.p, "EDDY: search_messages ask_books ask_a_b\n");
	fixture_free(f);
}

/* ---- afterwards ---- */

static void sub__a_run_with_one__is_built_again_as_it_was(void **state)
{
	(void)state;
	struct fixture *f = begin(plain, NULL);
	struct buf out = BUF_INIT, problems = BUF_INIT;
	char why[300] = "", *none[] = { NULL };
	struct id run;
	answer(f, "where does the ledger live");
	settled(f);
	assert_true(id_parse(test_db_value("SELECT id FROM eddy.runs"), &run));
	const struct setting *const tables[] = { core_settings, NULL };
	struct settings *s = settings_new(tables);
	struct metrics *metrics = metrics_new();
	struct engine *e = NULL;
	assert_int_equal(settings_load(s, NULL, none, none, &problems), ERR_NONE);
	const struct engine_options o = { .settings = s, .metrics = metrics, .database_url = fixture_url(f) };
	assert_int_equal(engine_open(&e, &o, why, 300), ERR_NONE);
	assert_int_equal(engine_replay(e, run, &out, why, 300), ERR_NONE);
	has(out.p, "This is what the model saw.\n");
	has(out.p, "=== tool result ===\n<answer>\nPort 9090.");
	has(out.p, "=== tool ask_books ===\nAsk Books, another agent");
	has_not(out.p, "=== tool call search_messages ===");
	engine_free(e);
	metrics_free(metrics);
	settings_free(s);
	buf_done(&out);
	buf_done(&problems);
	fixture_free(f);
}

/* ---- a model that is away for a moment ---- */

static const char *stumbles(const char *who, size_t results, const char *last, const struct model_request *r)
{
	static int n;
	if (strcmp(who, "BOOKS") == 0 && results == 1 && n++ < 2)
		return "BUSY";
	return plain(who, results, last, r);
}

static void sub__model_is_busy__is_asked_again_inside(void **state)
{
	(void)state;
	struct fixture *f = begin(stumbles, NULL);
	assert_string_equal(answer(f, "where does the ledger live"), "They say: <answer>\nPort 9090.\n</answer>\n");
	settled(f);
	assert_string_equal(stage.log.p,
	    "EDDY/0 - 2048\nBOOKS/0 small 500\nBOOKS/1 small 500\nBOOKS/1 small 500\nBOOKS/1 small 500\nEDDY/1 - 2048\n");
	fixture_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sub__is_asked__and_its_last_words_are_the_result),
		cmocka_unit_test(sub__several_calls_of_a_turn__are_done_in_their_order),
		cmocka_unit_test(sub__bad_arguments__are_told_and_nobody_is_asked),
		cmocka_unit_test(sub__that_asks_itself_by_its_row__comes_to_an_end),
		cmocka_unit_test(sub__the_same_task_three_times_in_a_row__ends_it),
		cmocka_unit_test(sub__the_same_task_through_three_agents__ends_the_last),
		cmocka_unit_test(sub__that_uses_up_its_turns__is_ended_and_the_other_goes_on),
		cmocka_unit_test(sub__calls__count_for_the_agent_that_answers),
		cmocka_unit_test(sub__that_fails_alone__is_a_failed_result),
		cmocka_unit_test(sub__over_the_cap_of_the_run__the_floor_answers_and_says_so),
		cmocka_unit_test(sub__stop__ends_what_is_inside),
		cmocka_unit_test(sub__edit__begins_anew_from_the_outside),
		cmocka_unit_test(sub__process_dies_inside__another_goes_on_there),
		cmocka_unit_test(sub__switched_off_while_it_is_asked__is_a_failed_result),
		cmocka_unit_test(sub__without_a_model__nobody_is_offered),
		cmocka_unit_test(sub__off_or_unknown_or_named_like_a_tool__is_not_offered),
		cmocka_unit_test(sub__a_run_with_one__is_built_again_as_it_was),
		cmocka_unit_test(sub__model_is_busy__is_asked_again_inside),
	};
	return end_stage(cmocka_run_group_tests(tests, NULL, NULL));
}
