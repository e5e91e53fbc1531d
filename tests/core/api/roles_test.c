/*
 * Every kind of caller against every procedure.  What must come out is computed from tests/golden/api/v1.json, not from the table that is
 * tested; a procedure that is not in there fails.  Each goes the whole way from an identity, or from the text of a key, to the answer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../core/agents/schema.h"
#include "../../../core/api/serve.h"
#include "../../../core/base/json.h"
#include "../../../core/base/mem.h"
#include "../../../core/people/keys.h"
#include "../../support/db.h"

#define GOLDEN "tests/golden/api/v1.json"
#define TEAM "aaaaaaaa-0000-4000-8000-000000000002"

static struct pg *pg;
static struct id ws;
static json_t *golden;

static const struct who {
	const char *what, *adapter, *id;
	enum role role;
} people[] = {
	{ "the terminal", "web", "local", ROLE_OWNER },
	{ "an owner", "test", "owner", ROLE_OWNER },
	{ "an admin", "test", "admin", ROLE_ADMIN },
	{ "a member", "test", "member", ROLE_MEMBER },
	{ "a viewer", "test", "viewer", ROLE_VIEWER },
	{ "a guest", "test", "guest", ROLE_VIEWER },
	{ "a bot", "test", "bot", ROLE_NONE },
	{ "an unknown sender", "test", "stranger", ROLE_NONE },
	{ "one whose role was taken away", "test", "none", ROLE_NONE },
};

static void person(const char *id, const char *role, bool guest, bool bot, int verified)
{
	char sql[900], given[240] = "";
	if (role != NULL)
		snprintf(given, sizeof given,
		    "INSERT INTO eddy.members (ws, node_id, person_id, role) SELECT (SELECT ws FROM w), (SELECT ws FROM w), p.id, %s FROM p",
		    role);
	snprintf(sql, sizeof sql,
	    "WITH w AS (SELECT ws FROM eddy.installs WHERE adapter = 'test'), p AS (INSERT INTO eddy.people (ws, id, name, guest, bot) SELECT ws,"
	    " gen_random_uuid(), '%s', %s, %s FROM w RETURNING id), i AS (INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified)"
	    " SELECT (SELECT ws FROM w), 'test', '%s', p.id, %d FROM p) %s",
	    id, guest ? "true" : "false", bot ? "true" : "false", id, verified, role != NULL ? given : "SELECT 1");
	assert_true(test_db_exec(sql));
}

static int set_up(void **state)
{
	(void)state;
	char why[200], sql[400], text[ID_TEXT];
	static const struct pg_statement *tables[40];
	size_t n = 0;
	while (api_tables[n] != NULL && n < 38) {
		tables[n] = api_tables[n];
		n++;
	}
	tables[n] = serve_statements;
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE)
		return -1;
	ws = test_db_workspace("one");
	snprintf(sql, sizeof sql,
	    "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES ('%s', '" TEAM "', '%s', 3, 'team', 'Team')",
	    id_format(ws, text), id_format(ws, text));
	assert_true(test_db_exec(sql));
	person("owner", "4", false, false, 2);
	person("admin", "3", false, false, 2);
	person("member", NULL, false, false, 2);
	person("viewer", "1", false, false, 2);
	person("guest", NULL, true, false, 2);
	person("bot", NULL, false, true, 2);
	person("stranger", NULL, false, false, 0);
	person("none", "0", false, false, 2);
	golden = json_load_file(GOLDEN, 0, NULL);
	return golden != NULL ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	json_decref(golden);
	pg_close(pg);
	return 0;
}

static const json_t *promise(const struct api_proc *p)
{
	const json_t *o = json_object_get(golden, p->name);
	if (o == NULL)
		fail_msg("%s is not in " GOLDEN, p->name);
	return o;
}

/* The code, and API_OK only with an answer that fits what was promised.  Examples name teams of their own: here it is ${team}. */
static enum api_code call_at(const struct api_request *q, const struct api_proc *p, const char *team)
{
	struct api_request r = *q;
	struct api_reply got;
	char why[200] = "";
	json_t *args = json_loads(p->example, 0, NULL), *out = json_loads(p->out, 0, NULL);
	if (json_object_get(args, "team") != NULL)
		json_object_set_new(args, "team", json_string(team));
	if (strcmp(p->name, "key.issue") == 0) { /* no key gives what it does not have */
		json_object_set_new(args, "role", json_string("viewer"));
		json_object_set_new(args, "scopes", json_pack("[s]", "keys"));
	}
	r.procedure = p->name;
	r.args = args;
	r.id = id_new();
	api_serve(NULL, pg, &r, &got);
	if (got.code == API_OK && !schema_check(out, got.out, why))
		fail_msg("%s: its answer is not what was promised: %s", p->name, why);
	if (got.code == API_BROKEN)
		fail_msg("%s: broken", p->name);
	json_decref(got.out);
	json_decref(args);
	json_decref(out);
	/* It may have been given up by this very call. */
	if (got.code == API_OK && p->effect == API_WRITE)
		assert_true(test_db_exec("UPDATE eddy.nodes SET archived_at = NULL, slug = 'team' WHERE id = '" TEAM "'"));
	return got.code;
}

static enum api_code call(const struct api_request *q, const struct api_proc *p)
{
	return call_at(q, p, TEAM);
}

/* Refused for want of a role or scope; what else may come of an example depends on what is there. */
static enum api_code expected(const json_t *o, enum role role, unsigned scopes)
{
	enum role needed;
	unsigned wants = (unsigned)json_int(o, "scopes", 0);
	if (!role_from_name(json_str(o, "role", ""), &needed))
		return API_OK; /* open */
	if (role == ROLE_NONE)
		return API_NOT_FOUND;
	return role < needed || (scopes & wants) != wants ? API_FORBIDDEN : API_OK;
}

static void check(const char *who, const struct api_proc *p, enum api_code want, enum api_code got)
{
	bool refused = got == API_FORBIDDEN || got == API_UNAUTHENTICATED;
	if (want == API_OK ? refused : got != want && !(p->needs_engine && got == API_UNAVAILABLE))
		fail_msg("%s calls %s: %s instead of %s", who, p->name, problem_name(got), problem_name(want));
}

#define EACH_PROCEDURE(p) \
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++) \
		for (const struct api_proc *p = *g; p->name != NULL; p++)

static void people__of_every_role__get_what_the_procedure_says(void **state)
{
	(void)state;
	int n = 0;
	for (size_t i = sizeof people / sizeof *people;
	     i-- > 0;) /* whoever may least comes first: nobody undoes what the next one needs */
		EACH_PROCEDURE(p)
		{
			const struct who *w = &people[i];
			const struct api_request q = { .ws = ws,
				.adapter = w->adapter,
				.person = w->id,
				.name = strcmp(w->id, "local") == 0 ? "you" : NULL,
				.via = "web" };
			check(w->what, p, expected(promise(p), w->role, SCOPE_ALL), call(&q, p));
			n++;
		}
	assert_true(n >= 9 * 10);
}

static void nobody__is__unauthenticated_everywhere(void **state)
{
	(void)state;
	static const struct api_request nobodies[] = { { .via = "web" }, { .via = "web", .adapter = "web", .person = "never seen" },
		{ .secret = "eddy_00000000-0000-4000-8000-000000000001_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" },
		{ .secret = "" } };
	for (size_t i = 0; i < sizeof nobodies / sizeof *nobodies; i++)
		EACH_PROCEDURE(p)
		{
			struct api_request q = nobodies[i];
			q.ws = ws;
			enum api_code got = call(&q, p);
			bool open = strcmp(json_str(promise(p), "role", ""), "open") == 0;
			if (open && q.secret == NULL ? got == API_UNAUTHENTICATED : got != API_UNAUTHENTICATED)
				fail_msg("nobody calls %s: %s", p->name, problem_name(got));
		}
}

/* The text of a new key, made as the owner. */
static void issue(const char *team, const char *role, unsigned scopes, char text[KEY_TEXT])
{
	struct api_reply got;
	json_t *list = json_array(), *args = json_pack("{s:s, s:s, s:o}", "name", "k", "role", role, "scopes", list);
	if (team != NULL)
		json_object_set_new(args, "team", json_string(team));
	for (unsigned bit = 1; bit <= SCOPE_ALL; bit <<= 1)
		if (scopes & bit)
			json_array_append_new(list, json_string(scope_name(bit)));
	const struct api_request q = {
		.ws = ws, .adapter = "test", .person = "owner", .via = "web", .procedure = "key.issue", .args = args, .id = id_new()
	};
	api_serve(NULL, pg, &q, &got);
	assert_int_equal(got.code, API_OK);
	snprintf(text, KEY_TEXT, "%s", json_str(got.out, "key", ""));
	json_decref(got.out);
	json_decref(args);
}

static void keys__with_and_without_their_scope__get_what_the_procedure_says(void **state)
{
	(void)state;
	static const struct {
		const char *role;
		enum role is;
	} roles[] = { { "viewer", ROLE_VIEWER }, { "member", ROLE_MEMBER }, { "admin", ROLE_ADMIN } };
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
		for (unsigned bit = 1; bit <= SCOPE_ALL + 1u; bit <<= 1) {
			unsigned scopes = bit > SCOPE_ALL ? SCOPE_ALL : bit;
			char text[KEY_TEXT], who[80];
			issue(NULL, roles[i].role, scopes, text);
			snprintf(who, sizeof who, "a key of role %s with scopes %u", roles[i].role, scopes);
			EACH_PROCEDURE(p)
			{
				const struct api_request q = { .secret = text, .via = "web" };
				check(who, p, expected(promise(p), roles[i].is, scopes), call(&q, p));
			}
		}
}

static void keys__of_a_team__reach_nothing_of_the_organisation(void **state)
{
	(void)state;
	char text[KEY_TEXT];
	issue("team", "admin", SCOPE_ALL, text);
	EACH_PROCEDURE(p)
	{
		const struct api_request q = { .secret = text, .via = "web" };
		enum api_code got = call_at(&q, p, "org");
		if (!p->open && got != API_NOT_FOUND && !(p->needs_engine && got == API_UNAVAILABLE))
			fail_msg("a team's key calls %s: %s", p->name, problem_name(got));
	}
}

static void person__who_comes_for_the_first_time__is_made_known_once(void **state)
{
	(void)state;
	const struct api_request q = { .ws = ws, .adapter = "web", .person = "as:ana", .name = "Ana", .via = "web" };
	const struct api_proc *p = api_find("session.get");
	assert_int_equal(call(&q, p), API_OK);
	assert_int_equal(call(&q, p), API_OK);
	assert_string_equal(test_db_value("SELECT count(*) || ' ' || min(name) FROM eddy.people WHERE name = 'Ana'"), "1 Ana");
	assert_string_equal(test_db_value("SELECT verified FROM eddy.identities WHERE external_id = 'as:ana'"), "1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(people__of_every_role__get_what_the_procedure_says),
		cmocka_unit_test(nobody__is__unauthenticated_everywhere),
		cmocka_unit_test(keys__with_and_without_their_scope__get_what_the_procedure_says),
		cmocka_unit_test(keys__of_a_team__reach_nothing_of_the_organisation),
		cmocka_unit_test(person__who_comes_for_the_first_time__is_made_known_once),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
