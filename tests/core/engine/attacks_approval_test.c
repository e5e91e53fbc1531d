/*
 * Forged consent: acts wait for Ana, and others, machines and late or altered questions try to have them done.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/attacks.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *f;
static size_t replies;
static int counter;
enum { WAITS, REFUSED, LATE, ALTERED, CARDS };
static char codes[CARDS][64];

static const struct noted *tell(const char *place, const char *person, bool guest, enum verified how, const char *text)
{
	char key[40], thread[40];
	snprintf(key, sizeof key, "k%d", counter++);
	snprintf(thread, sizeof thread, "t-%s", place);
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.source_key = key,
		.message_key = key,
		.thread_key = thread,
		.person = { .external_id = person, .name = person, .is_guest = guest },
		.place = { .external_id = place, .name = place, .visibility = VIS_PUBLIC, .eddy_is_member = true },
		.text = text,
		.text_len = strlen(text),
		.mentions_us = true,
		.verified = how };
	assert_true(fixture_do(f, &in, NULL));
	if (fixture_wait_replies(f, replies + 1, 30000) <= replies)
		fail_msg("no answer to %s", text);
	return fixture_reply(f, replies++);
}

/* A question to Ana; the words of its button for yes or, with ${no}, for no. */
static void ask(const char *text, char code[64], char no[64])
{
	char words[300];
	snprintf(words, sizeof words, "CALL send_message {\"to\":\"#random\",\"text\":\"%s\"}", text);
	fixture_words(f, words);
	const struct noted *card = tell("general", "Ana", false, VERIFIED_PLATFORM, text);
	const char *yes = strstr(card->offers, "|command|"), *other = yes != NULL ? strstr(yes + 9, "|command|") : NULL;
	if (other == NULL)
		fail_msg("no question: %s", card->text);
	snprintf(code, 64, "%.*s", (int)strcspn(yes + 9, "\n"), yes + 9);
	if (no != NULL)
		snprintf(no, 64, "%.*s", (int)strcspn(other + 9, "\n"), other + 9);
}

#define NOTHING "nothing is sent"
static void expect(const struct attack *a, const struct noted *said)
{
	if (strcmp(a->refusal, NOTHING) != 0 && strstr(said->text, a->refusal) == NULL)
		fail_msg("wanted \"%s\", got: %s", a->refusal, said->text);
	for (size_t i = 0; i < fixture_count(f, REPLY_WHOLE); i++)
		if (strcmp(fixture_reply(f, i)->to, "to:random") == 0)
			fail_msg("it was sent");
}

/* with: who says it, which question's code (or the words). */
static void by(const struct attack *a)
{
	const char *words = a->with[1][0] >= '0' && a->with[1][0] <= '9' ? codes[atoi(a->with[1])] : a->with[1];
	expect(a, tell("general", a->with[0], strcmp(a->with[0], "Gus") == 0, VERIFIED_PLATFORM, words));
}

static void by_a_bot(const struct attack *a)
{
	assert_true(test_db_exec("UPDATE eddy.people SET bot = true WHERE name = 'Ana'"));
	const struct noted *said = tell("general", "Ana", false, VERIFIED_PLATFORM, codes[WAITS]);
	assert_true(test_db_exec("UPDATE eddy.people SET bot = false WHERE name = 'Ana'"));
	expect(a, said);
}

#define KEPT "approvals context_items members api_keys"
static const struct attack attacks[] = {
	{ "approval: by another person", "not one of those", KEPT, by, { "Ben", "0" } },
	{ "approval: by a guest", "Guests cannot", KEPT, by, { "Gus", "0" } },
	{ "approval: by a bot", "Only people", KEPT, by_a_bot, { NULL } },
	{ "approval: a code guessed", "nothing of that name", KEPT, by, { "Ana", "approve ABCDE-FGHJK" } },
	{ "approval: a code guessed by another", "nothing of that name", KEPT, by, { "Ben", "approve AAAAA-AAAAA" } },
	{ "approval: SQL for a code", NOTHING, KEPT, by, { "Ben", "approve ' OR '1'='1" } },
	{ "approval: after it was refused", "decided already", KEPT, by, { "Ana", "1" } },
	{ "approval: too late", "waited too long", KEPT, by, { "Ana", "2" } },
	{ "approval: the arguments were altered since they were shown", "not what was shown", KEPT, by, { "Ana", "3" } },
	{ "approval: altered, and by another", "not what was shown", KEPT, by, { "Ben", "3" } },
};

static const char *value(const char *query)
{
	const char *text = test_db_value(query);
	return text != NULL ? text : "";
}

static void settle(void)
{
	assert_true(db_settles(30000));
}

#define CHANGE(set) \
	"ALTER TABLE eddy.approvals DISABLE TRIGGER approval_one_way; UPDATE eddy.approvals SET " set \
	"; ALTER TABLE eddy.approvals ENABLE TRIGGER approval_one_way"

static int up(void **state)
{
	char no[64];
	(void)state;
	f = fixture_new(&(struct fixture_options){ .scan_ms = 100, .settings = "engine.upkeep=500ms\0" });
	tell("random", "Ben", false, VERIFIED_PLATFORM, "hello");
	tell("general", "Ben", false, VERIFIED_PLATFORM, "hello");
	tell("general", "Gus", true, VERIFIED_PLATFORM, "hello");
	ask("The late one.", codes[LATE], NULL);
	assert_true(test_db_exec(CHANGE("expires_at = now() - interval '1 s'")));
	assert_true(db_comes_true("SELECT (count(*) = 1)::int FROM eddy.approvals WHERE state = 4", 30000));
	assert_true(fixture_wait_replies(f, replies + 1, 30000) > replies); /* that it is over */
	replies++;
	ask("The altered one.", codes[ALTERED], NULL);
	assert_true(test_db_exec(CHANGE("call = replace(call, 'altered', 'secret') WHERE state = 1")));
	ask("The refused one.", codes[REFUSED], no);
	tell("general", "Ana", false, VERIFIED_PLATFORM, no);
	ask("The one that waits.", codes[WAITS], NULL);
	settle();
	return 0;
}

static int down(void **state)
{
	(void)state;
	fixture_free(f);
	return 0;
}

int main(void)
{
	return attacks_run("approvals", attacks, sizeof attacks / sizeof *attacks, value, settle, up, down);
}
