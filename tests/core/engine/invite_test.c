/* Invitations: who may send one, how many letters come of it, whom the link lets in, and when it is void. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "../../../core/api/serve.h"
#include "../../../core/base/json.h"
#include "../../../core/base/log.h"
#include "../../../core/engine/engine_internal.h"
#include "../../../core/people/session.h"
#include "../../support/db.h"
#include "../../support/engine_fixture.h"

#define MAIL "ana@example.org"
static struct fixture *f;

static enum err post_send(struct adapter *a, const struct reply *r)
{
	(void)a, (void)r;
	return ERR_NONE; /* nobody says what became of it: what is looked at is the outbox */
}

static void post_describe(struct adapter *a, char *out, size_t n)
{
	(void)a;
	snprintf(out, n, "a post office");
}

static size_t post_origin(
    struct adapter *a, struct id ws, const char *address, bool invited, char out[INTENT_ORIGIN_MAX], char person[PLACE_KEY_MAX])
{
	(void)a, (void)ws;
	if (strchr(address, '@') == NULL || !invited)
		return 0;
	snprintf(person, PLACE_KEY_MAX, "%s", address);
	for (char *c = person; *c != '\0'; c++)
		*c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
	return (size_t)snprintf(out, INTENT_ORIGIN_MAX, "letter to %s", person);
}

static void with_post(void *arg, struct engine *e)
{
	static const struct adapter_ops ops = {
		.name = "post", .caps = CAP_THREAD, .send = post_send, .describe = post_describe, .origin_login = post_origin
	};
	(void)arg;
	engine_add_adapter(e, &ops, NULL);
}

static void talk(const char *who, size_t n)
{
	char key[16];
	snprintf(key, sizeof key, "0.%zu", n);
	assert_true(fixture_say_in(f, who, VIS_DIRECT, who, who, key, "hello", true));
	assert_int_equal(fixture_wait_replies(f, n, 30000), n);
}

/* An admin, a viewer, and a team. */
static void world(bool post)
{
	f = fixture_new(&(struct fixture_options){ .before_start = post ? with_post : NULL });
	talk("boss", 1);
	talk("guest", 2);
	assert_true(fixture_wait_idle(f, 20000));
	assert_true(test_db_exec(
	    "UPDATE eddy.identities SET verified = 1;"
	    "INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT ws, ws, id, CASE name WHEN 'boss' THEN 3 ELSE 1 END FROM eddy.people"
	    " WHERE name IN ('boss', 'guest');"
	    "UPDATE eddy.people SET name = 'Boss [x](https://evil.example) *B*' WHERE name = 'boss';"
	    "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) SELECT ws, 'aaaaaaaa-0000-4000-8000-000000000001', ws, 3,"
	    " 'payments', 'Payments' FROM eddy.nodes WHERE kind = 1"));
}

static int down(void **state)
{
	(void)state;
	fixture_free(f);
	f = NULL;
	return 0;
}

static struct problem problem;
/* ${sent}: 1 a letter, 0 none, -1 refused */
static enum api_code call(const char *who, const char *procedure, const char *args, int *sent)
{
	struct api_reply got;
	json_t *in = json_loads(args, 0, NULL);
	assert_non_null(in);
	const struct api_request q = { .ws = fixture_ws(f),
		.adapter = "test",
		.person = who,
		.via = "web",
		.procedure = procedure,
		.args = in,
		.id = id_new() };
	engine_call(fixture_engine(f), &q, &got);
	problem = got.problem;
	if (sent != NULL)
		*sent = got.code != API_OK ? -1 : json_is_true(json_object_get(got.out, "sent"));
	json_decref(got.out);
	json_decref(in);
	return got.code;
}

static enum api_code invite(const char *who, const char *more, int *sent)
{
	char args[300];
	snprintf(args, sizeof args, "{\"person\":\"" MAIL "\"%s}", more);
	return call(who, "member.invite", args, sent);
}

static long letters(void)
{
	return db_count("SELECT count(*) FROM eddy.outbox WHERE adapter = 'post' AND origin = 'letter to " MAIL "'");
}

/* What the newest letter's link is good for. */
static enum err log_in(struct session *s)
{
	struct id letter;
	char code[SESSION_CODE], refresh[SESSION_SECRET];
	assert_true(id_parse(test_db_value("SELECT letter FROM eddy.login_codes ORDER BY created_at DESC LIMIT 1"), &letter));
	assert_int_equal(engine_login_link(fixture_engine(f), fixture_ws(f), letter, code), ERR_NONE);
	return engine_login(fixture_engine(f), fixture_ws(f), code, id_new(), NULL, s, refresh);
}

static void invitation__gives_the_role_and_one_letter_that_logs_in_once(void **state)
{
	(void)state;
	int sent;
	struct session s;
	world(true);
	assert_int_equal(invite("boss", ",\"team\":\"payments\"", &sent), API_OK);
	assert_int_equal(sent, 1);
	assert_int_equal(letters(), 1);
	assert_string_equal(test_db_value("SELECT body FROM eddy.outbox WHERE adapter = 'post'"),
	    "Boss x https evil example B has invited you to Payments on Eddy, with the role member. Eddy is an AI teammate: it answers questions and "
	    "takes work on, in the places where people talk. The link logs you in; it works once, within 7 days.");
	assert_int_equal(
	    db_count(
	        "SELECT count(*) FROM eddy.members m JOIN eddy.identities i ON i.person_id = m.person_id JOIN eddy.nodes n"
	        " ON n.id = m.node_id WHERE m.role = 2 AND n.slug = 'payments' AND i.adapter = 'post' AND i.external_id = '" MAIL
	        "'"),
	    1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.login_codes WHERE expires_at = created_at + interval '168 hours'"), 1);
	assert_int_equal(
	    db_count(
	        "SELECT count(*) FROM eddy.audit a JOIN eddy.audit_people ap ON ap.tag = a.actor JOIN eddy.people p ON p.id = ap.person_id"
	        " JOIN eddy.audit_people wp ON wp.tag = a.about JOIN eddy.people w ON w.id = wp.person_id"
	        " JOIN eddy.audit_details d ON d.entry_id = a.id"
	        " WHERE a.verb = 'member.invite' AND p.name LIKE 'Boss%' AND w.name = '" MAIL
	        "' AND d.detail::text LIKE '%member%'"),
	    1);
	assert_int_equal(invite("boss", ",\"team\":\"payments\"", &sent), API_OK);
	assert_int_equal(sent, 0);
	assert_int_equal(
	    call("boss", "member.invite", "{\"person\":\"post:Ana@Example.ORG\",\"team\":\"payments\"}", &sent), API_OK);
	assert_int_equal(sent, 0);
	assert_int_equal(letters(), 1);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.people WHERE name = '" MAIL "'"), 1);
	assert_int_equal(log_in(&s), ERR_NONE);
	assert_int_equal(log_in(&s), ERR_DENIED);
	/* a day later it may be another one */
	assert_true(test_db_exec("UPDATE eddy.login_codes SET created_at = created_at - interval '25 hours'"));
	assert_int_equal(invite("boss", ",\"team\":\"payments\"", &sent), API_OK);
	assert_int_equal(sent, 1);
}

static void invitation__that_nobody_may_send__leaves_nothing(void **state)
{
	(void)state;
	int sent;
	world(true);
	assert_int_equal(invite("guest", "", &sent), API_FORBIDDEN);
	assert_int_equal(invite("boss", ",\"role\":\"owner\"", &sent), API_FORBIDDEN);
	assert_int_equal(invite("boss", ",\"role\":\"none\"", &sent), API_INVALID);
	assert_int_equal(call("boss", "member.invite", "{\"person\":\"nobody\"}", &sent), API_NOT_FOUND);
	/* known, and not by mail */
	assert_int_equal(call("boss", "member.invite", "{\"person\":\"test:guest\"}", &sent), API_INVALID);
	assert_non_null(strstr(problem.detail, "no mail address"));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.identities WHERE adapter = 'post'"), 0);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.members"), 2);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.login_codes"), 0);
	assert_int_equal(letters(), 0);
	/* nobody is made less than they are */
	assert_int_equal(invite("boss", ",\"role\":\"admin\"", &sent), API_OK);
	assert_int_equal(invite("boss", ",\"role\":\"member\"", &sent), API_CONFLICT);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.members WHERE role = 3"), 2);
}

static void invitation__of_somebody_who_was_removed__is_void_for_good(void **state)
{
	(void)state;
	int sent;
	struct session s;
	world(true);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(invite("boss", "", &sent), API_OK);
		assert_int_equal(sent, 1);
		assert_int_equal(call("boss", "member.remove", "{\"person\":\"post:" MAIL "\"}", NULL), API_OK);
		assert_int_equal(log_in(&s), ERR_DENIED);
	}
	assert_int_equal(call("boss", "member.put", "{\"person\":\"post:" MAIL "\",\"role\":\"member\"}", NULL), API_OK);
	assert_int_equal(log_in(&s), ERR_DENIED);
	/* the brake of the letters holds for these too, and then the role is not given either */
	assert_int_equal(call("boss", "member.remove", "{\"person\":\"post:" MAIL "\"}", NULL), API_OK);
	assert_int_equal(invite("boss", "", &sent), API_LIMITED);
	assert_int_equal(letters(), 3);
	assert_int_equal(db_count("SELECT count(*) FROM eddy.members"), 2);
}

static void invitation__without_mail__says_what_is_missing(void **state)
{
	(void)state;
	int sent;
	world(false);
	assert_int_equal(invite("boss", "", &sent), API_INVALID);
	assert_non_null(strstr(problem.detail, "no mail is set up here"));
	assert_int_equal(db_count("SELECT count(*) FROM eddy.members"), 2);
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(invitation__gives_the_role_and_one_letter_that_logs_in_once, down),
		cmocka_unit_test_teardown(invitation__that_nobody_may_send__leaves_nothing, down),
		cmocka_unit_test_teardown(invitation__of_somebody_who_was_removed__is_void_for_good, down),
		cmocka_unit_test_teardown(invitation__without_mail__says_what_is_missing, down),
	};
	return cmocka_run_group_tests_name("invite", tests, NULL, NULL);
}
