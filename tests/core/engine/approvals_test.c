/*
 * Acts that wait for a person, through a whole engine: a model that calls send_message, people who approve and refuse, and those who try what
 * they may not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/api/api.h"
#include "../../../core/base/json.h"
#include "../../../core/engine/engine.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *f;
static size_t replies;
static int counter;

static size_t to_mail(struct adapter *a, struct id ws, const char *place, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	(void)ws;
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "mail:%s:%s", place, subject);
}

static size_t within(struct adapter *a, const void *origin, size_t n, const char *key, char out[INTENT_ORIGIN_MAX])
{
	(void)a;
	(void)origin;
	(void)n;
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "%s", key);
}

static enum err swallow(struct adapter *a, const struct reply *r)
{
	(void)a;
	(void)r;
	return ERR_NONE;
}

static void describe(struct adapter *a, char *out, size_t n)
{
	(void)a;
	snprintf(out, n, "mail");
}

static const struct adapter_ops mail = {
	.name = "email", .send = swallow, .describe = describe, .origin_for = to_mail, .origin_within = within
};

static void add_mail(void *arg, struct engine *e)
{
	(void)arg;
	engine_add_adapter(e, &mail, NULL);
}

static int set_up(void **state)
{
	(void)state;
	replies = 0;
	f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .before_start = add_mail, .settings = "engine.upkeep=500ms\0" });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_free(f);
	f = NULL;
	return 0;
}

/* Waits for one more reply. */
static const struct noted *next(void)
{
	if (fixture_wait_replies(f, replies + 1, 30000) <= replies)
		fail_msg("no answer");
	return fixture_reply(f, replies++);
}

static const struct noted *tell(const char *place, enum visibility v, const char *person, bool guest, const char *text)
{
	char key[40], thread[40];
	snprintf(key, sizeof key, "k%d", counter++);
	snprintf(thread, sizeof thread, "t-%s", place);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.source_key = key,
		.message_key = key,
		.thread_key = thread,
		.person = { .external_id = person, .name = person, .is_guest = guest },
		.place = { .external_id = place, .name = place, .visibility = v, .eddy_is_member = true },
		.text = text,
		.text_len = strlen(text),
		.mentions_us = true,
		.verified = VERIFIED_PLATFORM };
	assert_true(fixture_do(f, &in, NULL));
	return next();
}

static void call(const char *to, const char *text)
{
	char words[600];
	snprintf(words, sizeof words, "CALL send_message {\"to\":\"%s\",\"text\":\"%s\"}", to, text);
	fixture_words(f, words);
}

/* The n-th command of the buttons of ${r}. */
static char *pressed(const struct noted *r, int n)
{
	static char out[2][64];
	const char *p = r->offers;
	for (; n > 0 && p != NULL; n--)
		p = strchr(p, '\n') + 1;
	const char *at = p != NULL ? strstr(p, "|command|") : NULL;
	if (at == NULL)
		fail_msg("no button: %s / %s", r->text, r->offers);
	static int turn;
	turn ^= 1;
	snprintf(out[turn], sizeof out[turn], "%.*s", (int)strcspn(at + 9, "\n"), at + 9);
	return out[turn];
}

static void say_has(const struct noted *r, const char *words)
{
	if (strstr(r->text, words) == NULL)
		fail_msg("\"%s\" is not in: %s", words, r->text);
}

/* Among the replies from the ${from}th on, how many went to ${to}. */
static int went(const char *to)
{
	int n = 0;
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		n += strcmp(fixture_reply(f, i)->to, to) == 0;
	return n;
}

/* Ana asks in the public channel "general" for something to be said in "random"; what is asked. */
static const struct noted *ask(void)
{
	tell("random", VIS_PUBLIC, "Ben", false, "hello");
	call("#random", "The **release** is out.");
	return tell("general", VIS_PUBLIC, "Ana", false, "tell random that the release is out");
}

static void approve__the_asker__sends_once_and_the_run_goes_on(void **state)
{
	(void)state;
	const struct noted *card = ask();
	say_has(card, "May I send this to \\#random");
	say_has(card, "> The **release** is out.");
	assert_int_equal(went("to:random"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state <= 2"), 0); /* it waits and holds nothing */
	assert_true(db_settles(20000));
	char code[64];
	snprintf(code, sizeof code, "%s", pressed(card, 0));
	fixture_words(f, "It is said.");
	say_has(tell("general", VIS_PUBLIC, "Ana", false, code), "Approved: it goes to **\\#random** now.");
	next();
	next();
	assert_int_equal(went("to:random"), 1);
	assert_true(db_settles(20000));
	bool said = false;
	for (size_t i = replies - 2; i < replies; i++)
		said |= strstr(fixture_reply(f, i)->text, "It is said.") != NULL;
	assert_true(said);
	char *asked = fixture_asked(f);
	assert_non_null(strstr(asked, "\"approved\":true"));
	free(asked);
	say_has(tell("general", VIS_PUBLIC, "Ana", false, code), "decided already");
	assert_int_equal(went("to:random"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE state = 5 AND decided_by IS NOT NULL"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.asked'"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.granted'"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.denied'"), 1);
}

static void refuse__the_asker__nothing_is_sent(void **state)
{
	(void)state;
	const struct noted *card = ask();
	char yes[64], no[64];
	snprintf(yes, sizeof yes, "%s", pressed(card, 0));
	snprintf(no, sizeof no, "%s", pressed(card, 1));
	say_has(tell("general", VIS_PUBLIC, "Ana", false, no), "nothing goes to");
	say_has(tell("general", VIS_PUBLIC, "Ana", false, yes), "decided already");
	assert_true(db_settles(20000));
	assert_int_equal(went("to:random"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE state = 3"), 1);
}

static void approve__others_and_wrong_codes__are_refused(void **state)
{
	(void)state;
	const struct noted *card = ask();
	char yes[64];
	snprintf(yes, sizeof yes, "%s", pressed(card, 0));
	say_has(tell("general", VIS_PUBLIC, "Ben", false, yes), "not one of those");
	say_has(tell("general", VIS_PUBLIC, "Gus", true, yes), "Guests cannot");
	say_has(tell("general", VIS_PUBLIC, "Ana", false, "approve ABCDE-FGHJK"), "nothing of that name");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.denied'"), 3);
	assert_true(test_db_exec("UPDATE eddy.people SET bot = true WHERE name = 'Ana'"));
	say_has(tell("general", VIS_PUBLIC, "Ana", false, yes), "Only people");
	assert_true(test_db_exec("UPDATE eddy.people SET bot = false WHERE name = 'Ana'"));
	assert_int_equal(went("to:random"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE state = 1"), 1);
}

static void approve__late_or_altered__is_refused(void **state)
{
	(void)state;
	char yes[64];
	snprintf(yes, sizeof yes, "%s", pressed(ask(), 0));
	assert_false(test_db_exec("UPDATE eddy.approvals SET call = replace(call, 'release', 'secret')")); /* the row says no */
	assert_true(test_db_exec("ALTER TABLE eddy.approvals DISABLE TRIGGER approval_one_way;"
	                         " UPDATE eddy.approvals SET call = replace(call, 'release', 'secret');"
	                         " ALTER TABLE eddy.approvals ENABLE TRIGGER approval_one_way"));
	say_has(tell("general", VIS_PUBLIC, "Ana", false, yes), "not what was shown");
	assert_true(test_db_exec("ALTER TABLE eddy.approvals DISABLE TRIGGER approval_one_way;"
	                         " UPDATE eddy.approvals SET digest = sha256(convert_to(call, 'UTF8') || origin);"
	                         " ALTER TABLE eddy.approvals ENABLE TRIGGER approval_one_way"));
	say_has(tell("general", VIS_PUBLIC, "Ana", false, yes), "not what was shown"); /* the code is for the other content */
	call("#random", "Once more.");
	snprintf(yes, sizeof yes, "%s", pressed(tell("general", VIS_PUBLIC, "Ana", false, "again"), 0));
	assert_true(test_db_exec("ALTER TABLE eddy.approvals DISABLE TRIGGER approval_one_way;"
	                         " UPDATE eddy.approvals SET expires_at = now() - interval '1 s';"
	                         " ALTER TABLE eddy.approvals ENABLE TRIGGER approval_one_way"));
	const struct noted *late = tell("general", VIS_PUBLIC, "Ana", false, yes);
	if (strstr(late->text, "waited too long") == NULL &&
	    strstr(late->text, "decided already") == NULL) /* upkeep may have been first */
		fail_msg("%s", late->text);
	assert_true(db_comes_true("SELECT (count(*) = 2)::int FROM eddy.approvals WHERE state = 4", 20000));
	assert_int_equal(went("to:random"), 0);
}

/* What the API says to ${name} of a call, as the person called ${who}; the caller's. */
static struct id request; /* names the next calls; none: each has a name of its own */
static json_t *ask_api(const char *who, const char *name, json_t *args)
{
	char why[200], query[120];
	struct pg *pg = NULL;
	struct caller by;
	struct id person;
	struct problem problem;
	json_t *out = NULL;
	snprintf(query, sizeof query, "SELECT id FROM eddy.people WHERE name = '%s'", who);
	assert_true(id_parse(test_db_value(query), &person));
	assert_int_equal(pg_open(&pg, fixture_url(f), api_tables, why, sizeof why), ERR_NONE);
	assert_int_equal(pg_begin(pg, fixture_ws(f)), ERR_NONE);
	assert_int_equal(authority_of(pg, fixture_ws(f), person, "web", &by), ERR_NONE);
	assert_int_equal(pg_end(pg, ERR_NONE), ERR_NONE);
	api_run(NULL, pg, &by, name, args, id_is_none(request) ? id_new() : request, &out, &problem);
	json_decref(args);
	pg_close(pg);
	if (out == NULL)
		fail_msg("%s: %s", name, problem.detail);
	return out;
}

static json_t *decision(const char *who, const json_t *one, const char *what, const char *digest)
{
	return ask_api(who, "approval.decide",
	    json_pack("{s:s, s:s, s:s}", "id", json_str(one, "id", ""), "decision", what, "digest", digest));
}

static void api__lists_and_decides__what_was_shown(void **state)
{
	(void)state;
	ask();
	json_t *none = ask_api("Ben", "approval.list", json_object()), *mine = ask_api("Ana", "approval.list", json_object());
	assert_int_equal(json_array_size(json_arr(none, "approvals")), 0);
	assert_int_equal(json_array_size(json_arr(mine, "approvals")), 1);
	const json_t *one = json_array_get(json_arr(mine, "approvals"), 0);
	assert_string_equal(json_str(one, "text", ""), "The **release** is out.");
	assert_string_equal(json_str(one, "to", ""), "#random");
	char wrong[65];
	snprintf(wrong, sizeof wrong, "%s", json_str(one, "digest", ""));
	wrong[0] = wrong[0] == '0' ? '1' : '0';
	json_t *other = decision("Ana", one, "grant", wrong), *ben = decision("Ben", one, "grant", json_str(one, "digest", ""));
	assert_true(json_is_false(json_object_get(other, "done")));
	assert_non_null(strstr(json_str(other, "why", ""), "not what was shown"));
	assert_true(json_is_false(json_object_get(ben, "done")));
	assert_int_equal(went("to:random"), 0);
	request = id_new();
	json_t *yes = decision("Ana", one, "grant", json_str(one, "digest", ""));
	json_t *same = decision("Ana", one, "grant", json_str(one, "digest", "")); /* as if its answer was lost in a crash */
	request = ID_NONE;
	assert_true(json_is_true(json_object_get(yes, "done")));
	assert_true(json_is_true(json_object_get(same, "done")));
	next();
	next();
	assert_int_equal(went("to:random"), 1);
	json_t *again = decision("Ana", one, "refuse", json_str(one, "digest", ""));
	assert_true(json_is_false(json_object_get(again, "done")));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.denied'"), 3);
	json_t *all[] = { none, mine, other, ben, yes, same, again };
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		json_decref(all[i]);
}

static void call__what_not_all_there_may_know__is_not_even_asked(void **state)
{
	(void)state;
	tell("random", VIS_PUBLIC, "Ben", false, "hello");
	call("#random", "The salaries are these.");
	fixture_words(f, "I may not.");
	say_has(tell("board", VIS_PRIVATE, "Ana", false, "tell random"), "I may not.");
	char *asked = fixture_asked(f);
	assert_non_null(strstr(asked, "Not all who would read it"));
	free(asked);
	call("#board", "hi"); /* a private place that is not this conversation's is as one that is not there */
	fixture_words(f, "There is none.");
	say_has(tell("general", VIS_PUBLIC, "Ana", false, "tell board"), "There is none.");
	call("#random", "hi");
	fixture_words(f, "A guest may not.");
	say_has(tell("general", VIS_PUBLIC, "Gus", true, "tell random"), "A guest may not.");
	call("eve@example.net", "What general talks about.");
	fixture_words(f, "Not by mail.");
	say_has(tell("general", VIS_PUBLIC, "Ana", false, "mail eve"), "Not by mail.");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals"), 0);
}

static void call__told_directly__may_go_anywhere_with_consent(void **state)
{
	(void)state;
	tell("random", VIS_PUBLIC, "Ben", false, "hello");
	call("eve@example.net", "I come later.");
	const struct noted *card = tell("D1", VIS_DIRECT, "Ana", false, "mail eve that I come later");
	say_has(card, "May I send this to eve@example.net");
	char yes[64];
	snprintf(yes, sizeof yes, "%s", pressed(card, 0));
	say_has(tell("D2", VIS_DIRECT, "Ben", false, yes), "not one of those");
	say_has(tell("D1", VIS_DIRECT, "Ana", false, yes), "Approved");
	next();
	assert_true(db_comes_true(
	    "SELECT count(*) FROM eddy.outbox WHERE adapter = 'email' AND origin LIKE 'mail:eve@example.net:%'", 20000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(approve__the_asker__sends_once_and_the_run_goes_on, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuse__the_asker__nothing_is_sent, set_up, tear_down),
		cmocka_unit_test_setup_teardown(approve__others_and_wrong_codes__are_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(api__lists_and_decides__what_was_shown, set_up, tear_down),
		cmocka_unit_test_setup_teardown(approve__late_or_altered__is_refused, set_up, tear_down),
		cmocka_unit_test_setup_teardown(call__what_not_all_there_may_know__is_not_even_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(call__told_directly__may_go_anywhere_with_consent, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
