/*
 * Two accounts that become one user, through a whole engine: what each of them has said in private bears a canary, and after every step it is
 * asked for from everywhere.  A link opens what is the user's own, to the user, where nobody else reads along; taking it back closes that at once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/engine/engine_internal.h"
#include "../../../core/people/directory.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

static struct fixture *f;
static int counter;
static char said[40000];

static enum err swallow(struct adapter *a, const struct reply *r)
{
	(void)a;
	(void)r;
	return ERR_NONE;
}

static void describe(struct adapter *a, char *out, size_t n)
{
	(void)a;
	snprintf(out, n, "here");
}

static const struct adapter_ops ops[] = { { .name = "email", .caps = CAP_PULL, .send = swallow, .describe = describe },
	{ .name = "slack", .caps = CAP_PULL, .send = swallow, .describe = describe } };

static void add_adapters(void *arg, struct engine *e)
{
	(void)arg;
	for (int i = 0; i < 2; i++)
		engine_add_adapter(e, &ops[i], NULL);
}

static int set_up(void **state)
{
	(void)state;
	counter = 0;
	f = fixture_new(
	    &(struct fixture_options){ .scan_ms = 100, .before_start = add_adapters, .settings = "engine.upkeep=500ms\0" });
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	fixture_free(f);
	f = NULL;
	return 0;
}

struct who {
	const char *adapter, *id, *name;
	bool guest, stranger;
};
static const struct who ana = { "slack", "U1", "Ana", false, false },
                        ana_mail = { "email", "ana@example.org", "Ana R", false, false },
                        ben = { "slack", "U2", "Ben", false, false }, gus = { "slack", "U9", "Gus", true, false },
                        gus_mail = { "email", "gus@example.org", "Gus", false, false },
                        stranger = { "email", "who@example.net", "Who", false, true };

struct where {
	const char *place;
	enum visibility visibility;
	bool private_reply;
};
static const struct where dm = { "own", VIS_DIRECT, false }, channel = { "C1", VIS_PUBLIC, false },
                          pair = { "D12", VIS_DIRECT, false }, slash = { "C1", VIS_PUBLIC, true };

/* What Eddy answers; "" to what is merely said. */
static const char *says(const struct who *w, const struct where *at, const char *text)
{
	char key[40], place[80], sql[700];
	struct accepted out;
	snprintf(key, sizeof key, "k%d", counter++);
	snprintf(place, sizeof place, "%s%s%s", at->place, at == &dm ? "-" : "", at == &dm ? w->id : "");
	struct intent in = fixture_intent(at->private_reply ? INTENT_COMMAND_GIVEN : INTENT_MESSAGE_POSTED, key, key, text);
	in.adapter = w->adapter;
	in.person = (struct intent_person){ .external_id = w->id, .name = w->name, .is_guest = w->guest };
	in.place =
	    (struct intent_place){ .external_id = place, .name = place, .visibility = at->visibility, .eddy_is_member = true };
	in.thread_key = place;
	in.mentions_us = true;
	in.private_reply = at->private_reply;
	in.is_command = at->private_reply;
	in.verified = w->stranger ? VERIFIED_NONE : VERIFIED_PLATFORM;
	assert_true(fixture_do(f, &in, &out));
	assert_true(db_settles(20000));
	snprintf(sql, sizeof sql,
	    "SELECT m.body FROM eddy.messages m JOIN eddy.runs r ON r.id = m.run_id JOIN eddy.messages q ON q.id = r.message_id"
	    " WHERE m.author_kind = 2 AND q.message_key = '%s' ORDER BY m.created_at DESC LIMIT 1",
	    key);
	const char *v = test_db_value(sql);
	snprintf(said, sizeof said, "%s", v == NULL ? "" : v);
	return said;
}

static bool finds(const struct who *w, const struct where *at, const char *word, const char *canary)
{
	char text[80];
	snprintf(text, sizeof text, "search %s", word);
	return strstr(says(w, at, text), canary) != NULL;
}

/* The code that ${w} gets. */
static const char *code_of(const struct who *w)
{
	static char code[12];
	const char *at = strstr(says(w, &dm, "link"), "Your code is `");
	assert_non_null(at);
	snprintf(code, sizeof code, "%.11s", at + 14);
	return code;
}

static void link_them(const struct who *a, const struct who *b)
{
	char text[40];
	snprintf(text, sizeof text, "link %s yes", code_of(a));
	assert_non_null(strstr(says(b, &dm, text), "one user now"));
}

static void the_world(void)
{
	says(&ana, &dm, "the plum is redalpha");
	says(&ana, &slash, "remember: the cherry is redbravo");
	says(&ana_mail, &dm, "the quince is redcharlie");
	says(&ben, &dm, "the damson is reddelta");
	says(&ben, &pair, "the medlar is redecho");
	says(&ana, &pair, "the sloe is redfoxtrot");
	says(&ben, &channel, "the apple is redgolf");
}

static void link__opens__what_is_ones_own_and_nothing_else(void **state)
{
	(void)state;
	char text[40];
	the_world();
	assert_true(finds(&ana, &dm, "plum", "redalpha"));
	assert_false(finds(&ana_mail, &dm, "plum", "redalpha"));
	assert_false(finds(&ana, &dm, "quince", "redcharlie"));
	snprintf(text, sizeof text, "link %s", code_of(&ana));
	/* naming it asks first, by name, and links nobody yet */
	says(&ana_mail, &dm, text);
	assert_non_null(strstr(said, "**Ana** through slack"));
	assert_non_null(strstr(said, "Is that **you**?"));
	assert_false(finds(&ana_mail, &dm, "plum", "redalpha"));
	strcat(text, " yes");
	assert_non_null(strstr(says(&ana_mail, &dm, text), "one user now"));
	/* what is hers, to her, from either side */
	assert_true(finds(&ana_mail, &dm, "plum", "redalpha"));
	assert_true(finds(&ana, &dm, "quince", "redcharlie"));
	assert_true(finds(&ana, &slash, "quince", "redcharlie"));
	/* not what is another's, nor what she read together with another */
	const struct who *both[] = { &ana, &ana_mail };
	for (int i = 0; i < 2; i++) {
		assert_false(finds(both[i], &dm, "damson", "reddelta"));
		assert_true(finds(both[i], &dm, "apple", "redgolf"));
	}
	assert_false(finds(&ana_mail, &dm, "medlar", "redecho"));
	assert_false(finds(&ana_mail, &dm, "sloe", "redfoxtrot"));
	/* not where others read along */
	assert_false(finds(&ana, &channel, "plum", "redalpha"));
	assert_false(finds(&ana, &channel, "quince", "redcharlie"));
	assert_false(finds(&ana, &pair, "quince", "redcharlie"));
	/* and to nobody else */
	assert_false(finds(&ben, &dm, "plum", "redalpha"));
	assert_false(finds(&ben, &dm, "quince", "redcharlie"));
	assert_false(finds(&ben, &slash, "quince", "redcharlie"));
	/* at once closed again, from either side */
	assert_non_null(strstr(says(&ana, &dm, "unlink"), "stands alone again"));
	assert_false(finds(&ana_mail, &dm, "plum", "redalpha"));
	assert_false(finds(&ana, &dm, "quince", "redcharlie"));
	assert_false(finds(&ana, &slash, "quince", "redcharlie"));
	assert_true(finds(&ana, &dm, "plum", "redalpha"));
	assert_true(finds(&ana_mail, &dm, "quince", "redcharlie"));
	assert_non_null(strstr(says(&ana, &dm, "unlink"), "not linked"));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'user.link'"), 2);
	assert_int_equal(db_count("SELECT count(DISTINCT actor) FROM eddy.audit WHERE verb = 'user.unlink'"), 2);
}

static void who_am_i__names__the_others_in_private_only(void **state)
{
	(void)state;
	says(&ben, &pair, "hello");
	assert_null(strstr(says(&ana, &dm, "who am I"), "one user"));
	link_them(&ana, &ana_mail);
	assert_non_null(strstr(says(&ana, &dm, "who am I"), "ana@example.org"));
	assert_non_null(strstr(says(&ana_mail, &dm, "who am I"), "**Ana** through slack"));
	assert_null(strstr(says(&ana, &channel, "who am I"), "ana@example.org"));
	assert_null(strstr(says(&ana, &pair, "who am I"), "ana@example.org"));
	says(&ana, &dm, "unlink");
	assert_null(strstr(says(&ana, &dm, "who am I"), "ana@example.org"));
}

static void code__named_before_others__is_void(void **state)
{
	(void)state;
	char text[40];
	assert_null(strstr(says(&ana, &channel, "link"), "Your code"));
	says(&ben, &pair, "hello");
	assert_null(strstr(says(&ana, &pair, "link"), "Your code"));
	snprintf(text, sizeof text, "link %s yes", code_of(&ana_mail));
	assert_non_null(strstr(says(&ana, &channel, text), "void"));
	assert_non_null(strstr(says(&ana, &dm, text), "wrong, used"));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.people WHERE user_id IS NOT NULL"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.audit WHERE verb = 'user.link_refused'"), 1);
}

static void stranger__gets__no_code(void **state)
{
	(void)state;
	char text[40];
	says(&stranger, &dm, "link");
	assert_null(strstr(said, "Your code"));
	snprintf(text, sizeof text, "link %s yes", code_of(&ana));
	assert_null(strstr(says(&stranger, &dm, text), "one user now"));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.people WHERE user_id IS NOT NULL"), 0);
}

static void guest__linked__reads_no_more_than_a_guest_on_either_side(void **state)
{
	(void)state;
	says(&ben, &channel, "the apple is redgolf");
	says(&gus, &dm, "hello there");
	assert_true(finds(&gus_mail, &dm, "apple", "redgolf"));
	assert_false(finds(&gus, &dm, "apple", "redgolf"));
	link_them(&gus, &gus_mail);
	assert_false(finds(&gus_mail, &dm, "apple", "redgolf"));
	assert_false(finds(&gus, &dm, "apple", "redgolf"));
	/* nor when this process has just been started and knows nobody */
	directory_clear(fixture_engine(f)->directory);
	assert_false(finds(&gus_mail, &dm, "apple", "redgolf"));
	directory_clear(fixture_engine(f)->directory);
	assert_false(finds(&gus, &dm, "apple", "redgolf"));
	assert_non_null(strstr(says(&gus_mail, &dm, "who am I"), "a guest"));
	says(&gus_mail, &dm, "unlink");
	assert_true(finds(&gus_mail, &dm, "apple", "redgolf"));
	assert_false(finds(&gus, &dm, "apple", "redgolf"));
}

static void private_mode_and_export__are_those_of_the_user(void **state)
{
	(void)state;
	says(&ana, &dm, "the plum is redalpha");
	says(&ana_mail, &dm, "the quince is redcharlie");
	assert_null(strstr(says(&ana_mail, &dm, "export my data"), "redalpha"));
	link_them(&ana, &ana_mail);
	says(&ana_mail, &dm, "export my data");
	assert_non_null(strstr(said, "redalpha"));
	assert_non_null(strstr(said, "redcharlie"));
	assert_non_null(strstr(said, "U1"));
	assert_null(strstr(says(&ana, &channel, "export my data"), "redalpha"));
	says(&ana_mail, &dm, "private mode on");
	assert_non_null(strstr(says(&ana, &dm, "remember: the fig is blue"), "private mode on"));
	says(&ana, &dm, "private mode off");
	assert_non_null(strstr(says(&ana_mail, &dm, "remember: the fig is blue"), "Noted"));
}

static void forget_me__forgets__every_account_of_the_user(void **state)
{
	(void)state;
	says(&ben, &channel, "the apple is redgolf");
	says(&ana, &dm, "the plum is redalpha");
	says(&ana_mail, &dm, "the quince is redcharlie");
	link_them(&ana, &ana_mail);
	/* a key of hers, and one that she has made for her team */
	assert_true(test_db_exec(
	    "INSERT INTO eddy.api_keys (ws, id, name, node_id, person_id, role, scopes, issued_by, expires_at) SELECT i.ws,"
	    " gen_random_uuid(), x.name, i.ws, CASE WHEN x.name = 'hers' THEN i.person_id END, 2, 8, i.person_id, now() + interval '9 days'"
	    " FROM eddy.identities i, (VALUES ('hers'), ('ours')) AS x (name) WHERE i.external_id = 'ana@example.org'"));
	assert_non_null(strstr(says(&ana, &dm, "export my data"), "\"hers\""));
	assert_non_null(strstr(says(&ana, &dm, "forget me"), "all your linked accounts"));
	says(&ana, &dm, "forget me yes");
	assert_true(db_comes_true("SELECT (count(*) = 2)::int FROM eddy.erasures WHERE state = 2", 30000));
	assert_int_equal(
	    db_count("SELECT count(*) FROM eddy.messages WHERE body LIKE '%redalpha%' OR body LIKE '%redcharlie%'"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.messages WHERE body LIKE '%redgolf%' AND author_kind = 1"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.people WHERE user_id IS NOT NULL"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.link_codes"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.api_keys WHERE name = '(erased)' AND revoked_at IS NOT NULL"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.api_keys WHERE name = 'ours' AND revoked_at IS NULL"), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.api_keys WHERE person_id IS NOT NULL OR issued_by IS NOT NULL"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.identities WHERE external_id IN ('U1', 'ana@example.org')"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.identities WHERE external_id = 'U2'"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(link__opens__what_is_ones_own_and_nothing_else),
		TEST(who_am_i__names__the_others_in_private_only),
		TEST(code__named_before_others__is_void),
		TEST(stranger__gets__no_code),
		TEST(guest__linked__reads_no_more_than_a_guest_on_either_side),
		TEST(private_mode_and_export__are_those_of_the_user),
		TEST(forget_me__forgets__every_account_of_the_user),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
