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
#include "../../../core/audit/chain.h"
#include "../../../core/audit/verify.h"
#include "../../../core/base/clock.h"
#include "../../../core/base/json.h"
#include "../../../core/engine/engine_internal.h"
#include "../../../core/store/listen.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"
#include "../../support/leaks.h"

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

/* Nobody looks for work by the clock: whatever is done at once was woken for. */
enum { NEVER_MS = 3600000 };

static int set_up(void **state)
{
	(void)state;
	replies = 0;
	f = fixture_new(
	    &(struct fixture_options){ .scan_ms = NEVER_MS, .before_start = add_mail, .settings = "engine.upkeep=1h\0" });
	return 0;
}

static int set_up_tidy(void **state)
{
	(void)state;
	replies = 0;
	f = fixture_new(
	    &(struct fixture_options){ .scan_ms = NEVER_MS, .before_start = add_mail, .settings = "engine.upkeep=100ms\0" });
	return 0;
}

static int set_up_clock(void **state)
{
	(void)state;
	replies = 0;
	f = fixture_new(&(struct fixture_options){ .scan_ms = 200, .before_start = add_mail, .settings = "engine.upkeep=1h\0" });
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

/* How many replies say so. */
static int said(const char *words)
{
	int n = 0;
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		n += strstr(fixture_reply(f, i)->text, words) != NULL;
	return n;
}

/* Something is said that nobody waits for; all that was said meanwhile is passed over. */
static void hear(const char *words)
{
	uint64_t until = clock_ms() + 30000;
	while (said(words) == 0 && clock_ms() < until)
		fixture_wait_replies(f, fixture_count(f, REPLY_WHOLE) + 1, 100);
	if (said(words) == 0)
		fail_msg("nobody says \"%s\"", words);
	assert_true(db_settles(30000));
	replies = fixture_count(f, REPLY_WHOLE);
}

/* How many replies went to ${to}. */
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
	assert_int_equal(said("It is said."), 1);
	char *asked = fixture_asked(f);
	assert_non_null(strstr(asked, "\"approved\":true"));
	free(asked);
	say_has(tell("general", VIS_PUBLIC, "Ana", false, code), "decided already: it was approved, and is done");
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
	say_has(tell("general", VIS_PUBLIC, "Ana", false, yes), "decided already: it was refused");
	assert_true(db_settles(20000));
	assert_int_equal(said("nothing goes to"), 1); /* where it was asked it is said by the answer, and not a second time */
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
	say_has(tell("general", VIS_PUBLIC, "Ana", false, yes), "waited too long");
	say_has(tell("general", VIS_PUBLIC, "Ana", false, yes), "waited too long");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE state = 4"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.expired'"), 1);
	assert_true(db_settles(20000));
	assert_int_equal(said("in time"), 0);
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

/* ---- what becomes of it is said where it was asked ---- */

static json_t *only(const char *who, json_t **list)
{
	*list = ask_api(who, "approval.list", json_object());
	assert_int_equal(json_array_size(json_arr(*list, "approvals")), 1);
	return json_array_get(json_arr(*list, "approvals"), 0);
}

static void api_refuses(void)
{
	json_t *list, *one = only("Ana", &list);
	request = id_new();
	for (int i = 0; i < 2; i++) { /* the second as if the answer to the first was lost */
		json_t *no = decision("Ana", one, "refuse", json_str(one, "digest", ""));
		assert_true(json_is_true(json_object_get(no, "done")));
		json_decref(no);
	}
	request = ID_NONE;
	json_decref(list);
}

static void refuse__elsewhere__is_said_once_where_it_was_asked(void **state)
{
	(void)state;
	ask();
	api_refuses();
	hear("Refused by Ana: nothing goes to **\\#random**.");
	assert_int_equal(said("Refused by Ana"), 1);
	assert_int_equal(went("to:random"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE command = 57 AND state = 3"), 1);
	/* In another conversation, by the words: there too is an answer. */
	call("#random", "Another one.");
	char no[64];
	snprintf(no, sizeof no, "%s", pressed(tell("general", VIS_PUBLIC, "Ana", false, "again"), 1));
	tell("D1", VIS_DIRECT, "Ana", false, no);
	hear("Refused: nothing goes to **\\#random**.");
	assert_int_equal(said("Refused by Ana"), 2);
}

static void refuse__of_what_was_asked_in_a_deleted_message__is_said_nowhere(void **state)
{
	(void)state;
	ask();
	assert_true(test_db_exec("UPDATE eddy.messages SET state = 2, body = '' WHERE body LIKE 'tell random%'"));
	api_refuses();
	assert_true(db_comes_true("SELECT count(*) FROM eddy.runs WHERE command = 57 AND state > 2", 30000));
	assert_true(db_settles(30000));
	assert_int_equal(said("Refused by"), 0);
}

static void wait_over(void)
{
	assert_true(test_db_exec("ALTER TABLE eddy.approvals DISABLE TRIGGER approval_one_way;"
	                         " UPDATE eddy.approvals SET expires_at = now() - interval '1 s';"
	                         " ALTER TABLE eddy.approvals ENABLE TRIGGER approval_one_way"));
}

static void expire__unseen__is_said_once_and_nothing_is_left(void **state)
{
	(void)state;
	ask();
	char yes[64];
	snprintf(yes, sizeof yes, "%s", pressed(fixture_reply(f, replies - 1), 0));
	wait_over();
	hear("Nobody has approved it in time: nothing goes to **\\#random**. Ask again");
	say_has(tell("general", VIS_PUBLIC, "Ana", false, yes), "waited too long");
	assert_int_equal(said("in time"), 1);
	assert_int_equal(went("to:random"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE state = 4"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.expired'"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.runs WHERE state <= 2"), 0);
}

static void expire__noticed_elsewhere__is_said_where_it_was_asked(void **state)
{
	(void)state;
	char yes[64];
	snprintf(yes, sizeof yes, "%s", pressed(ask(), 0));
	wait_over();
	tell("D1", VIS_DIRECT, "Ana", false, yes);
	hear("in time");
	assert_int_equal(said("waited too long"), 1);
	assert_int_equal(said("in time"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.expired'"), 1);
}

/* ---- what was approved and does not arrive ---- */

static void api_grants(void)
{
	json_t *list, *one = only("Ana", &list);
	json_t *yes = decision("Ana", one, "grant", json_str(one, "digest", ""));
	assert_true(json_is_true(json_object_get(yes, "done")));
	json_decref(yes);
	json_decref(list);
}

/* What is announced may get lost: then it is done later, by whoever looks by the clock, and once. */
static void approve__announced_to_nobody__leaves_by_the_clock(void **state)
{
	(void)state;
	ask();
	assert_true(db_settles(30000));
	struct engine *e = fixture_engine(f);
	listener_free(e->work);
	e->work = NULL;
	fixture_words(f, "It is said.");
	api_grants();
	hear("It is said.");
	assert_true(db_settles(30000));
	assert_int_equal(went("to:random"), 1);
}

static void approve__refused_by_the_platform__is_said(void **state)
{
	(void)state;
	ask();
	assert_true(db_settles(30000));
	fixture_denies(f, "to:random"); /* what else is said meanwhile may come before it */
	fixture_words(f, "It is said.");
	api_grants();
	hear("What was to be sent could not be delivered: nothing went to **\\#random**.");
	assert_int_equal(said("could not be delivered"), 1);
	assert_int_equal(went("to:random"), 1); /* it was tried */
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.outbox o JOIN eddy.approvals a ON a.id = o.id WHERE o.state = 4 AND o.body = ''"),
	    1);
}

/* Between the decision and the act the place becomes another one: the same transaction is as close as it gets. */
static void approve__the_readers_change_before_it_leaves__is_withheld_and_said(void **state)
{
	(void)state;
	ask();
	assert_true(test_db_exec("CREATE FUNCTION eddy.closes() RETURNS trigger LANGUAGE plpgsql SET search_path = eddy, pg_temp AS"
	                         " $$BEGIN UPDATE places SET visibility = 3 WHERE external_id = 'random'; RETURN NULL; END$$;"
	                         " CREATE TRIGGER closes AFTER UPDATE ON eddy.approvals FOR EACH ROW WHEN (NEW.state = 5)"
	                         " EXECUTE FUNCTION eddy.closes()"));
	fixture_words(f, "It is said.");
	api_grants();
	hear("who reads there has changed meanwhile: nothing went to **\\#random**.");
	assert_int_equal(went("to:random"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.outbox WHERE state = 4 AND error = 'readers' AND body = ''"), 1);
}

/* What was decided leaves although the conversation is at work on something else. */
static void approve__while_another_answer_is_made__leaves_at_once(void **state)
{
	(void)state;
	ask();
	assert_true(db_settles(30000));
	size_t calls = fixture_model_calls(f);
	fixture_script(f, SCRIPT_HANG);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.source_key = "long",
		.message_key = "long",
		.thread_key = "t-general",
		.person = { .external_id = "Ana", .name = "Ana" },
		.place = { .external_id = "general", .name = "general", .visibility = VIS_PUBLIC, .eddy_is_member = true },
		.text = "something that takes long",
		.text_len = 25,
		.mentions_us = true,
		.verified = VERIFIED_PLATFORM };
	assert_true(fixture_do(f, &in, NULL));
	assert_true(fixture_wait_calls(f, calls + 1, 30000));
	api_grants();
	for (uint64_t until = clock_ms() + 30000; went("to:random") == 0 && clock_ms() < until;)
		fixture_wait_replies(f, fixture_count(f, REPLY_WHOLE) + 1, 100);
	assert_int_equal(went("to:random"), 1);
	assert_int_equal(said("hanging"), 0); /* the other one still thinks */
	fixture_release(f);
	assert_true(db_settles(30000));
	assert_int_equal(went("to:random"), 1);
}

/* ---- whose it is ---- */

static void export__of_who_asked_and_who_decided__has_it(void **state)
{
	(void)state;
	ask();
	fixture_words(f, "It is said.");
	api_grants();
	hear("It is said.");
	const struct noted *mine = tell("D1", VIS_DIRECT, "Ana", false, "export my data");
	say_has(mine, "\"asked_to_send\": [");
	say_has(mine, "The **release** is out.");
	say_has(mine, "\"state\": \"approved\"");
	say_has(mine, "\"to\": \"#random\"");
	if (strstr(strstr(mine->text, "\"decided_about\""), "#random") == NULL)
		fail_msg("%s", mine->text);
	const struct noted *bens = tell("D2", VIS_DIRECT, "Ben", false, "export my data");
	say_has(bens, "\"asked_to_send\": [");
	assert_null(strstr(bens->text, "release"));
	assert_null(strstr(bens->text, "send_message"));
}

/* ---- without asking ---- */

/* Before anybody has spoken, so that no older settings are in memory. */
static void set_to(const char *setting, const char *value)
{
	char ws[ID_TEXT], sql[500];
	id_format(fixture_ws(f), ws);
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.people (ws, id, name) VALUES ('%s', '01930f3e-2c00-7000-8000-0000000000aa', 'Olga');"
	    " INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('%s', '%s', '01930f3e-2c00-7000-8000-0000000000aa', 4)",
	    ws, ws, ws);
	assert_true(test_db_exec(sql));
	json_decref(ask_api("Olga", "config.set", json_pack("{s:{s:[s]}}", "set", setting, value)));
}

static void automatic__a_named_place_and_words_of_the_house__goes_unasked(void **state)
{
	(void)state;
	set_to("approvals.automatic", "test:random");
	tell("random", VIS_PUBLIC, "Ben", false, "hello");
	tell("other", VIS_PUBLIC, "Ben", false, "hello");
	call("#random", "The build is green.");
	fixture_words(f, "It is on its way.");
	tell("general", VIS_PUBLIC, "Ana", false, "tell random that the build is green");
	hear("It is on its way.");
	assert_int_equal(went("to:random"), 1);
	assert_int_equal(said("May I send"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE state = 5 AND automatic AND decided_by IS NULL"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'approval.automatic'"), 1);
	/* Not to a place that is not named, */
	call("#other", "The build is green.");
	say_has(tell("general", VIS_PUBLIC, "Ana", false, "tell other"), "May I send this to \\#other");
	/* nor what not all there may read, */
	call("#random", "The salaries are these.");
	fixture_words(f, "I may not.");
	say_has(tell("board", VIS_PRIVATE, "Ana", false, "tell random"), "I may not.");
	/* nor what somebody who is no member has had a hand in. */
	tell("general", VIS_PUBLIC, "Gus", true, "and say that I was here");
	call("#random", "Gus was here.");
	const struct noted *card = tell("general", VIS_PUBLIC, "Ana", false, "tell random who was here");
	say_has(card, "May I send this to \\#random");
	say_has(card, "Words of a guest went into this");
	assert_int_equal(went("to:random"), 1);
}

/* ---- who is forgotten ---- */

static void no_fault(void *arg, const struct audit_finding *x)
{
	(void)arg;
	fail_msg("the audit log: %s", x->text);
}

static void check_audit(void)
{
	static const struct pg_statement *const tables[] = { verify_statements, chain_statements, NULL };
	struct audit_verdict v;
	struct pg *pg;
	char why[200];
	assert_true(db_comes_true("SELECT (count(*) = 0)::int FROM eddy.audit a WHERE NOT EXISTS (SELECT 1 FROM eddy.audit_chain c"
	                          " WHERE c.entry_id = a.id)",
	    30000));
	assert_int_equal(pg_open(&pg, fixture_url(f), tables, why, sizeof why), ERR_NONE);
	assert_int_equal(pg_begin(pg, fixture_ws(f)), ERR_NONE);
	assert_int_equal(audit_verify(pg, fixture_ws(f), NULL, no_fault, NULL, &v), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_true(v.entries > 0);
	pg_close(pg);
}

/* Asks for ${text} to be said in "random"; how it is approved. */
static const char *ask_as(const char *who, const char *place, const char *text)
{
	static char yes[64];
	call("#random", text);
	const struct noted *card = tell(place, VIS_PUBLIC, who, false, "please tell random");
	say_has(card, "May I send this to");
	snprintf(yes, sizeof yes, "%s", pressed(card, 0));
	return yes;
}

/* Zora alone decides in this team: of what she has asked nothing is left, of what she has decided that it was, and what waits for her is over. */
static void forget__of_who_asks_and_decides__leaves_nothing_and_tells_who_waits(void **state)
{
	(void)state;
	set_to("approvals.approvers", "test:Zora99");
	tell("random", VIS_PUBLIC, "Ben", false, "hello");
	tell("random", VIS_PUBLIC, "Zora99", false, "hello");
	say_has(tell("own", VIS_PUBLIC, "Zora99", false, ask_as("Zora99", "own", "The quagga77 are here.")), "Approved");
	hear("quagga77");
	ask_as("Zora99", "own2", "The okapi88 wait.");
	char yes[64];
	snprintf(yes, sizeof yes, "%s", ask_as("Ana", "general", "The build is green."));
	say_has(tell("general", VIS_PUBLIC, "Zora99", false, yes), "Approved");
	assert_true(db_settles(30000));
	replies = fixture_count(f, REPLY_WHOLE);
	snprintf(yes, sizeof yes, "%s", ask_as("Ana", "general2", "The build is red."));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals"), 4);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE state = 1"), 2);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE decided_by IS NOT NULL"), 2);
	assert_string_not_equal(leaks("quagga77"), "");
	assert_string_not_equal(leaks("okapi88"), "");
	tell("D9", VIS_DIRECT, "Zora99", false, "forget me");
	tell("D9", VIS_DIRECT, "Zora99", false, "forget me yes");
	assert_true(db_comes_true("SELECT (count(*) > 0)::int FROM eddy.erasures WHERE state = 2 AND kind = 3", 60000));
	hear("Nobody is left who may approve it: nothing goes to **\\#random**");
	assert_string_equal(leaks("quagga77"), "");
	assert_string_equal(leaks("okapi88"), "");
	assert_string_equal(leaks("Zora99"), "");
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals"), 2);
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.approvals WHERE state = 5 AND decided_by IS NULL AND call LIKE '%green%'"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.approvals WHERE state = 4 AND call LIKE '%red%'"), 1);
	assert_int_equal(said("Nobody is left"), 1);
	say_has(tell("general2", VIS_PUBLIC, "Ana", false, yes), "waited too long");
	assert_int_equal(said("The okapi88 wait."), 1); /* the question */
	assert_int_equal(said("The build is red."), 1);
	check_audit();
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
		cmocka_unit_test_setup_teardown(refuse__elsewhere__is_said_once_where_it_was_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(refuse__of_what_was_asked_in_a_deleted_message__is_said_nowhere, set_up, tear_down),
		cmocka_unit_test_setup_teardown(expire__unseen__is_said_once_and_nothing_is_left, set_up_tidy, tear_down),
		cmocka_unit_test_setup_teardown(expire__noticed_elsewhere__is_said_where_it_was_asked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(approve__announced_to_nobody__leaves_by_the_clock, set_up_clock, tear_down),
		cmocka_unit_test_setup_teardown(approve__refused_by_the_platform__is_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    approve__the_readers_change_before_it_leaves__is_withheld_and_said, set_up, tear_down),
		cmocka_unit_test_setup_teardown(export__of_who_asked_and_who_decided__has_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(approve__while_another_answer_is_made__leaves_at_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(automatic__a_named_place_and_words_of_the_house__goes_unasked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
		    forget__of_who_asks_and_decides__leaves_nothing_and_tells_who_waits, set_up_tidy, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
