/*
 * The builtin provider as a run drives it: start, tool calls through the real tools on a real database, the answer.  Each row is a
 * question somebody could ask, the kind it must be read as and the message whose link the answer must hold.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../adapters/model/builtin.h"
#include "../../../adapters/model/builtin_internal.h"
#include "../../../adapters/net/http.h"
#include "../../../core/agents/tools.h"
#include "../../../core/base/buf.h"
#include "../../../core/talk/doc.h"
#include "../../../core/talk/search.h"
#include "../../support/db.h"
#include "../../support/talk.h"

#define NOW 1782921900000ll /* Wednesday 2026-07-01 16:05 UTC */
#define HOUR 3600000ll
#define DAY (24 * HOUR)

static const struct pg_statement *const tables[] = { search_statements, NULL };
static struct pg *pg;
static struct http *http;
static struct model *model;
static struct id ws, ana, ben, chloe, thread, deadline, shipped, decision, budget, first, latest, linked, filed, open_question,
    ben_last, mine, today, said, reason, start_of_thread, secret, monday, german;

static int setup(void **state)
{
	(void)state;
	char why[200];
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE || http_new(&http, NULL, NULL) != ERR_NONE) {
		print_error("%s\n", why);
		return -1;
	}
	model = builtin_open(http);
	ws = test_db_workspace("acme");
	ana = talk_person(ws, "Ana Lima");
	ben = talk_person(ws, "Ben Okoro");
	chloe = talk_person(ws, "Chloé Martin");
	struct id general = talk_place(ws, "general", VIS_PUBLIC, true), ops = talk_place(ws, "ops", VIS_PUBLIC, true);
	struct id hidden = talk_place(ws, "board", VIS_PRIVATE, true);
	struct id a = talk_thread(ws, general), b = talk_thread(ws, general), c = talk_thread(ws, ops), d = talk_thread(ws, ops),
	          e = talk_thread(ws, general), h = talk_thread(ws, hidden);
	first = talk_message(ws, a, chloe, NOW - 90 * DAY, "Idea: a falcon project for the new billing screen", NULL);
	deadline = talk_message(ws, a, ben, NOW - 60 * DAY, "The falcon deadline is 14 March", NULL);
	decision = talk_message(ws, a, ana, NOW - 50 * DAY, "We decided to write the parser in C", NULL);
	reason =
	    talk_message(ws, a, ben, NOW - 49 * DAY, "We moved the database to Frankfurt because the latency was too high", NULL);
	budget = talk_message(ws, b, chloe, NOW - 40 * DAY, "The budget for travel is 4200 euros", NULL);
	linked = talk_message(ws, b, ben, NOW - 30 * DAY, "Onboarding guide: https://wiki.test/onboarding_guide", NULL);
	filed = talk_message(ws, b, ana, NOW - 29 * DAY, "The contract as discussed",
	    "[{\"name\":\"contract_v2.pdf\",\"mime\":\"application/pdf\"}]");
	shipped = talk_message(ws, c, chloe, NOW - 20 * DAY, "We shipped version 2.4 on 11 June", NULL);
	talk_message(ws, c, ana, NOW - 20 * DAY + HOUR, "Lovely work everyone", NULL);
	said = talk_message(
	    ws, c, ben, NOW - 12 * DAY, "The coffee machine is a *menace* <to> society [really](https://evil.test)", NULL);
	open_question = talk_message(ws, d, chloe, NOW - 8 * DAY, "Does anybody have the zebra printer manual?", NULL);
	monday = talk_message(ws, e, chloe, NOW - 2 * DAY, "The elevator inspection went fine", NULL);
	mine = talk_message(ws, e, ana, NOW - 7 * DAY, "I think the logo should be green", NULL);
	german = talk_message(ws, e, chloe, NOW - 6 * DAY, "Der Umzug nach Köln ist am 3. August", NULL);
	latest = talk_message(ws, e, chloe, NOW - 5 * DAY, "News on falcon: the design is approved", NULL);
	ben_last = talk_message(ws, e, ben, NOW - 1 * DAY, "Taking Friday off", NULL);
	today = talk_message(ws, e, chloe, NOW - 2 * HOUR, "Lunch is served", NULL);
	secret = talk_message(ws, h, ben, NOW - 3 * DAY, "The merger with Globex is on; falcon gets cancelled", NULL);
	talk_delete(talk_message(ws, e, ben, NOW - 3 * DAY, "platypus budget is 7", NULL));
	thread = talk_thread(ws, general);
	start_of_thread = talk_message(ws, thread, ana, NOW - 3 * HOUR, "Let us plan the summer party", NULL);
	talk_message(ws, thread, chloe, NOW - 3 * HOUR + 1000, "Count me in", NULL);
	talk_message(ws, thread, ana, NOW, "the question", NULL);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	http_stop(http);
	builtin_close(model);
	http_free(http);
	pg_close(pg);
	return 0;
}

/* ---- a run in small ---- */
struct turn {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	struct buf text, args;
	char tool[40], id[40];
	bool over;
	enum model_event_kind last;
	enum model_stop stop;
};

static void on_event(void *arg, const struct model_event *ev)
{
	struct turn *t = arg;
	pthread_mutex_lock(&t->mutex);
	if (ev->kind == MODEL_TEXT) {
		buf_add(&t->text, ev->text, ev->text_len);
	} else if (ev->kind == MODEL_TOOL_CALL) {
		buf_add(&t->args, ev->text, ev->text_len);
		snprintf(t->tool, sizeof t->tool, "%s", ev->tool_name);
		snprintf(t->id, sizeof t->id, "%s", ev->tool_id);
	} else {
		assert_false(t->over);
		t->over = true;
		t->last = ev->kind;
		t->stop = ev->stop;
		assert_string_equal(ev->usage.provider, "builtin");
		pthread_cond_signal(&t->cond);
	}
	pthread_mutex_unlock(&t->mutex);
}

static void turn_run(struct turn *t, const struct model_message *messages, size_t n)
{
	static const struct model_tool offered[] = { { "search_messages", "", "{}" }, { "read_message", "", "{}" } };
	struct model_request r = {
		.ws = ws, .messages = messages, .messages_len = n, .tools = offered, .tools_len = 2, .max_tokens = 500
	};
	*t = (struct turn){ .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	assert_non_null(model->ops->start(model, &r, on_event, t));
	pthread_mutex_lock(&t->mutex);
	while (!t->over)
		pthread_cond_wait(&t->cond, &t->mutex);
	pthread_mutex_unlock(&t->mutex);
}

/* Asks and answers tool calls until there is text; ${out} is the answer, returns the number of tool calls. */
static int ask(const char *question, const char *before, struct buf *out)
{
	struct model_message m[12] = { 0 };
	struct buf kept[12] = { 0 };
	size_t n = 0, k = 0;
	int calls = 0;
	if (before != NULL)
		m[n++] = (struct model_message){ .role = ROLE_ASSISTANT, .text = before, .text_len = strlen(before) };
	m[n++] = (struct model_message){ .role = ROLE_USER, .text = question, .text_len = strlen(question) };
	struct tool_context c = {
		.pg = pg, .ws = ws, .thread = thread, .person = ana, .message_seq = 3, .wall_ms = NOW, .permalink = talk_permalink
	};
	static char ids[6][40];
	for (int turns = 0; turns < 6; turns++) {
		struct turn t;
		turn_run(&t, m, n);
		assert_int_equal(t.last, MODEL_STOP);
		if (t.stop == STOP_END) {
			buf_reset(out);
			buf_add(out, t.text.p, t.text.len);
			buf_done(&t.text);
			break;
		}
		assert_int_equal(t.stop, STOP_TOOLS);
		calls++;
		snprintf(ids[turns], sizeof ids[turns], "%s", t.id);
		struct buf *args = &kept[k++], *result = &kept[k++];
		*args = t.args;
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		enum err e = tool_run(tool_find(t.tool), &c, args->p, args->len, result);
		if (e != ERR_NONE)
			fail_msg("%s: %s(%s) gives %s", question, t.tool, args->p, result->p);
		assert_int_equal(pg_commit(pg), ERR_NONE);
		m[n++] = (struct model_message){
			.role = ROLE_TOOL_CALL, .text = args->p, .text_len = args->len, .tool_name = t.tool, .tool_id = ids[turns]
		};
		m[n++] = (struct model_message){
			.role = ROLE_TOOL_RESULT, .text = result->p, .text_len = result->len, .tool_id = ids[turns]
		};
		m[n - 2].tool_name = "search_messages";
	}
	for (size_t i = 0; i < k; i++)
		buf_done(&kept[i]);
	return calls;
}

struct row {
	const char *question;
	enum ask_kind kind;
	const struct id *want; /* NULL: nothing is to be found */
};
static const struct row rows[] = {
	{ "Who said the falcon deadline is 14 March?", ASK_WHO_SAID, &deadline },
	{ "who mentioned the coffee machine", ASK_WHO_SAID, &said },
	{ "Hey Eddy, who wrote \"shipped version 2.4\"?", ASK_WHO_SAID, &shipped },
	{ "who said anything about unicorns", ASK_WHO_SAID, NULL },
	{ "who said purple rhinoceros?", ASK_WHO_SAID, NULL },
	{ "Who talked about falcon?", ASK_WHO_TALKED, &latest },
	{ "who knows about onboarding?", ASK_WHO_TALKED, &linked },
	{ "Who asked about the zebra printer?", ASK_WHO_ASKED, &open_question },
	{ "when did we ship version 2.4?", ASK_WHEN, &shipped },
	{ "When is the falcon deadline?", ASK_WHEN, &deadline },
	{ "when was the giraffe delivered?", ASK_WHEN, NULL },
	{ "Why did we move the database to Frankfurt?", ASK_WHY, &reason },
	{ "why is the moon cheese", ASK_WHY, NULL },
	{ "Where did we talk about the coffee machine?", ASK_WHERE, &said },
	{ "in which channel was version 2.4 discussed?", ASK_WHERE, &shipped },
	{ "where was the walrus discussed", ASK_WHERE, NULL },
	{ "What did we decide about the parser?", ASK_DECIDED, &decision },
	{ "what was decided on the parser?", ASK_DECIDED, &decision },
	{ "what is the decision on unicorns?", ASK_DECIDED, NULL },
	{ "What did Ben say about the deadline?", ASK_SAID_ABOUT, &deadline },
	{ "what did Chloé Martin say about the budget", ASK_SAID_ABOUT, &budget },
	{ "What did Ben say about penguins?", ASK_SAID_ABOUT, NULL },
	{ "what did Zacharias say about falcon?", ASK_SAID_ABOUT, NULL },
	{ "messages from Ben about Frankfurt", ASK_SAID_ABOUT, &reason },
	{ "When did Ben mention Frankfurt?", ASK_SAID_WHEN, &reason },
	{ "when did chloé say about the elevator", ASK_SAID_WHEN, &monday },
	{ "Did Ben say anything about Frankfurt?", ASK_DID_PERSON, &reason },
	{ "has Ben mentioned anything about giraffes?", ASK_DID_PERSON, NULL },
	{ "What did I say about the logo?", ASK_I_SAID, &mine },
	{ "what did I say about giraffes?", ASK_I_SAID, NULL },
	{ "What did you say about the logo?", ASK_YOU_SAID, NULL },
	{ "What is the last message of Ben?", ASK_LAST_OF, &ben_last },
	{ "last message from Ben", ASK_LAST_OF, &ben_last },
	{ "what did Ben say last?", ASK_LAST_OF, &ben_last },
	{ "last message from Nadine", ASK_LAST_OF, NULL },
	{ "When did Ben last write?", ASK_LAST_SEEN, &ben_last },
	{ "when was Ben last here", ASK_LAST_SEEN, &ben_last },
	{ "When was falcon first mentioned?", ASK_FIRST, &first },
	{ "first mention of falcon", ASK_FIRST, &first },
	{ "who first mentioned falcon?", ASK_FIRST, &first },
	{ "first mention of giraffes", ASK_FIRST, NULL },
	{ "What's the latest on falcon?", ASK_LATEST, &latest },
	{ "any updates on falcon?", ASK_LATEST, &latest },
	{ "what's new with falcon", ASK_LATEST, &latest },
	{ "any news about giraffes?", ASK_LATEST, NULL },
	{ "How many messages about falcon?", ASK_COUNT, &latest },
	{ "how often was falcon mentioned?", ASK_COUNT, &latest },
	{ "how many messages about giraffes are there", ASK_COUNT, NULL },
	{ "Which links were shared about onboarding?", ASK_LINKS, &linked },
	{ "show me the links about onboarding", ASK_LINKS, &linked },
	{ "links about giraffes", ASK_LINKS, NULL },
	{ "Which files were shared about the contract?", ASK_FILES, &filed },
	{ "show me all files", ASK_FILES, &filed },
	{ "files about giraffes", ASK_FILES, NULL },
	{ "What is the budget for travel?", ASK_NUMBERS, &budget },
	{ "which numbers were mentioned with travel?", ASK_NUMBERS, &budget },
	{ "which numbers were mentioned with giraffes?", ASK_NUMBERS, NULL },
	{ "What happened today?", ASK_HAPPENED, &today },
	{ "what happened yesterday?", ASK_HAPPENED, &ben_last },
	{ "what happened on Monday?", ASK_HAPPENED, &monday },
	{ "what did I miss this week?", ASK_HAPPENED, &monday },
	{ "what was discussed last week?", ASK_HAPPENED, &mine },
	{ "what happened on Sunday?", ASK_HAPPENED, NULL },
	{ "Which questions are still unanswered?", ASK_UNANSWERED, &open_question },
	{ "questions without an answer about the printer", ASK_UNANSWERED, &open_question },
	{ "open questions about giraffes", ASK_UNANSWERED, NULL },
	{ "Did anyone mention the elevator?", ASK_DID_ANYONE, &monday },
	{ "is there anything about the elevator inspection?", ASK_DID_ANYONE, &monday },
	{ "have we talked about giraffes?", ASK_DID_ANYONE, NULL },
	{ "Show me the message about the coffee machine", ASK_SHOW, &said },
	{ "search for elevator inspection", ASK_SHOW, &monday },
	{ "find \"green\"", ASK_SHOW, &mine },
	{ "search for giraffes", ASK_SHOW, NULL },
	{ "What was said before the coffee machine?", ASK_AROUND, &said },
	{ "show me the context of elevator inspection", ASK_AROUND, &monday },
	{ "what was said after giraffes?", ASK_AROUND, NULL },
	{ "who is taking part in this thread?", ASK_PARTICIPANTS, &start_of_thread },
	{ "who wrote in this thread", ASK_PARTICIPANTS, &start_of_thread },
	{ "What is this thread about?", ASK_THREAD_START, &start_of_thread },
	{ "what happened with the parser?", ASK_HAPPENED, &decision },
	{ "what was said about version 2.4 in #ops?", ASK_SHOW, &shipped },
	{ "who talked about falcon in the ops channel?", ASK_WHO_TALKED, NULL },
	{ "What did Ben say about falcon last month?", ASK_SAID_ABOUT, NULL },
	{ "Globex merger", ASK_WORDS, NULL },
	{ "what did Ben say about the merger?", ASK_SAID_ABOUT, NULL },
	{ "platypus budget", ASK_WORDS, &budget },
	{ "the elevator inspection", ASK_WORDS, &monday },
	{ "Ana Lima: who said the falcon deadline is 14 March?", ASK_WHO_SAID, &deadline },
	{ "Can you tell me who said the coffee machine is a menace, please?", ASK_WHO_SAID, &said },
	/* German, French, Spanish */
	{ "Wer hat gesagt, dass der Umzug nach Köln im August ist?", ASK_WHO_SAID, &german },
	{ "Wann ist der Umzug nach Köln?", ASK_WHEN, &german },
	{ "Was hat Ben über Frankfurt gesagt?", ASK_SAID_ABOUT, &reason },
	{ "Wer hat über falcon gesprochen?", ASK_WHO_TALKED, &latest },
	{ "Letzte Nachricht von Ben", ASK_LAST_OF, &ben_last },
	{ "Wie viele Nachrichten gibt es über falcon?", ASK_COUNT, &latest },
	{ "Was ist gestern passiert?", ASK_HAPPENED, &ben_last },
	{ "Wo wurde über falcon gesprochen?", ASK_WHERE, &latest },
	{ "Qui a parlé de falcon ?", ASK_WHO_TALKED, &latest },
	{ "Qui a dit coffee machine ?", ASK_WHO_SAID, &said },
	{ "Qu'est-ce que Ben a dit sur Frankfurt ?", ASK_SAID_ABOUT, &reason },
	{ "Dernier message de Ben", ASK_LAST_OF, &ben_last },
	{ "Que s'est-il passé hier ?", ASK_HAPPENED, &ben_last },
	{ "¿Quién dijo coffee machine?", ASK_WHO_SAID, &said },
	{ "¿Qué dijo Ben sobre Frankfurt?", ASK_SAID_ABOUT, &reason },
	{ "Último mensaje de Ben", ASK_LAST_OF, &ben_last },
	{ "¿Qué pasó ayer?", ASK_HAPPENED, &ben_last },
	{ "¿Cuántos mensajes hay sobre falcon?", ASK_COUNT, &latest },
};

static void builtin__answers__each_kind_with_its_link(void **state)
{
	(void)state;
	int wrong = 0;
	bool kinds[ASK_KINDS] = { false };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct ask a;
		struct buf md = BUF_INIT;
		builtin_ask(rows[i].question, strlen(rows[i].question), &a);
		if (a.kind != rows[i].kind) {
			print_error("\"%s\" is read as kind %d, not %d (topic \"%s\", person \"%s\")\n", rows[i].question,
			    (int)a.kind, (int)rows[i].kind, a.topic, a.person);
			wrong++;
		}
		ask(rows[i].question, NULL, &md);
		bool none = strstr(md.p, "Nothing found") != NULL;
		const char *link = rows[i].want != NULL ? talk_link(*rows[i].want) : NULL;
		if (rows[i].want == NULL ? !none : none || strstr(md.p, link) == NULL) {
			print_error("\"%s\" (query \"%s\", person \"%s\", in \"%s\", after \"%s\"): expected %s, got:\n%s\n\n",
			    rows[i].question, a.query, a.person, a.place, a.after, link != NULL ? link : "nothing", md.p);
			wrong++;
		}
		if (strstr(md.p, "Globex with") != NULL || strstr(md.p, "platypus budget is") != NULL) {
			print_error("\"%s\" leaks: %s\n", rows[i].question, md.p);
			wrong++;
		}
		kinds[rows[i].kind] = true;
		buf_done(&md);
	}
	int count = 0;
	for (int k = 0; k < ASK_KINDS; k++)
		count += kinds[k];
	assert_int_equal(wrong, 0);
	assert_true(count >= 27);
}

static void builtin__quotes__without_markup(void **state)
{
	(void)state;
	struct buf md = BUF_INIT;
	ask("who mentioned the coffee machine", NULL, &md);
	struct doc *d = doc_parse(md.p, md.len);
	struct buf text = BUF_INIT;
	doc_write_text(d, &text);
	assert_non_null(strstr(text.p, "a *menace* <to> society [really](https://evil.test)"));
	assert_non_null(strstr(md.p, "\\[really\\]"));
	doc_free(d);
	buf_done(&text);
	buf_done(&md);
}

static void builtin__introduces_itself__once(void **state)
{
	(void)state;
	struct buf md = BUF_INIT, again = BUF_INIT;
	ask("who mentioned the coffee machine", NULL, &md);
	assert_non_null(strstr(md.p, BUILTIN_SIGNATURE));
	ask("who mentioned the coffee machine", md.p, &again);
	assert_null(strstr(again.p, BUILTIN_SIGNATURE));
	buf_done(&md);
	buf_done(&again);
}

static void builtin__says_what_it_can__without_words(void **state)
{
	(void)state;
	static const char *const empty[] = { "?", "", "and you?", "🙂" };
	for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
		struct buf md = BUF_INIT;
		assert_int_equal(ask(empty[i], NULL, &md), 0);
		assert_non_null(strstr(md.p, "No model is connected"));
		buf_done(&md);
	}
}

static void builtin__answers_at_once__without_tools(void **state)
{
	(void)state;
	struct model_message m = { .role = ROLE_USER, .text = "who said falcon", .text_len = 15 };
	struct model_request r = { .ws = ws, .messages = &m, .messages_len = 1 };
	struct turn t = { .mutex = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER };
	assert_non_null(model->ops->start(model, &r, on_event, &t));
	pthread_mutex_lock(&t.mutex);
	while (!t.over)
		pthread_cond_wait(&t.cond, &t.mutex);
	pthread_mutex_unlock(&t.mutex);
	assert_int_equal(t.stop, STOP_END);
	assert_non_null(strstr(t.text.p, "No model is connected"));
	buf_done(&t.text);
}

static void builtin__survives__odd_results(void **state)
{
	(void)state;
	static const char *const odd[] = { "failed", "", "[]", "{}", "{\"messages\":[1,null,{}]}",
		"{\"found\":1,\"messages\":[{\"quote\":7}]}", "{\"messages\":[{\"this\":{}}]}" };
	for (int kind = 0; kind < ASK_KINDS; kind++) {
		for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
			struct ask a = { .kind = (enum ask_kind)kind, .topic = "x", .query = "x" };
			struct buf md = BUF_INIT, args = BUF_INIT;
			builtin_next(&a, &odd[i], 1, &args);
			builtin_say(&a, &odd[i], 1, &md);
			assert_true(md.len > 0);
			buf_done(&md);
			buf_done(&args);
		}
	}
}

static void builtin_ask__is_bounded__on_long_texts(void **state)
{
	(void)state;
	char *text = malloc(20000);
	for (int i = 0; i < 20000; i++)
		text[i] = i % 4 == 3 ? ' ' : "who"[i % 4];
	struct ask a;
	builtin_ask(text, 20000, &a);
	memset(text, '\xc3', 20000);
	builtin_ask(text, 20000, &a);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(builtin__answers__each_kind_with_its_link),
		cmocka_unit_test(builtin__quotes__without_markup),
		cmocka_unit_test(builtin__introduces_itself__once),
		cmocka_unit_test(builtin__says_what_it_can__without_words),
		cmocka_unit_test(builtin__answers_at_once__without_tools),
		cmocka_unit_test(builtin__survives__odd_results),
		cmocka_unit_test(builtin_ask__is_bounded__on_long_texts),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
