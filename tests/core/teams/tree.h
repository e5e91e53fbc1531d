#ifndef EDDY_TESTS_CORE_TEAMS_TREE_H
#define EDDY_TESTS_CORE_TEAMS_TREE_H

/* A workspace with some people and places, and calls by them; included once per program, after cmocka. */
#include <stdio.h>
#include <string.h>

#include "../../../core/api/api.h"
#include "../../../core/base/json.h"
#include "../../support/db.h"

#define WS "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define P "00000000-0000-4000-8000-00000000000"
enum { TERMINAL = 1, ANA, BEN, ROBOT, GUEST };
static struct pg *pg;
static struct id ws;

static struct id id_of(const char *text)
{
	struct id id;
	assert_true(id_parse(text, &id));
	return id;
}

static int fresh(void **state)
{
	(void)state;
	char why[200];
	ws = id_of(WS);
	pg_close(pg);
	if (pg_open(&pg, test_db_fresh(), api_tables, why, sizeof why) != ERR_NONE)
		return -1;
	return test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one'), ('" OTHER "', 'two')") &&
	        test_db_exec(
	            "INSERT INTO eddy.people (ws, id, name, guest, bot) VALUES ('" WS "', '" P "1', 'terminal', false, false),"
	            " ('" WS "', '" P "2', 'Ana', false, false), ('" WS "', '" P "3', 'Ben', false, false),"
	            " ('" WS "', '" P "4', 'robot', false, true), ('" WS "', '" P "5', 'guest', true, false),"
	            " ('" OTHER "', '" P "6', 'else', false, false)") &&
	        test_db_exec("INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES"
	                     " ('" WS "', 'web', 'local', '" P "1', 1), ('" WS "', 'slack', 'U2', '" P "2', 2),"
	                     " ('" WS "', 'slack', 'U3', '" P "3', 2), ('" WS "', 'slack', 'B4', '" P "4', 2),"
	                     " ('" WS "', 'slack', 'U5', '" P "5', 2), ('" OTHER "', 'slack', 'U6', '" P "6', 2)") &&
	        test_db_exec("INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('" WS "', '" P "a', 1, '" P "a')") &&
	        test_db_exec("INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id) VALUES"
	                     " ('" WS "', '" P "a', 'slack', 'C1', 'general', 4, true, '" P "a'),"
	                     " ('" WS "', '" P "b', 'slack', 'C2', 'plans', 2, true, '" P "a'),"
	                     " ('" WS "', '" P "c', 'slack', 'D3', NULL, 1, true, '" P "a')")
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static struct caller who(struct pg *with, int person)
{
	char text[64];
	struct caller c;
	snprintf(text, sizeof text, P "%d", person);
	assert_int_equal(pg_begin(with, ws), ERR_NONE);
	assert_int_equal(authority_of(with, ws, id_of(text), "cli", &c), ERR_NONE);
	assert_int_equal(pg_commit(with), ERR_NONE);
	return c;
}

/* The code; ${out} (may be NULL): the caller's. */
static enum api_code run(struct pg *with, int person, struct id request, const char *name, json_t **out, const char *args)
{
	struct caller by = who(with, person);
	json_t *in = NULL, *result = NULL;
	struct problem p;
	char why[160];
	if (json_parse(args, strlen(args), 10000, &in, why) != ERR_NONE)
		fail_msg("%s: %s", args, why);
	enum api_code code = api_run(NULL, with, &by, name, in, request, &result, &p);
	assert_true(code == API_OK || p.detail[0] != '\0' || code == API_BROKEN || code == API_UNAVAILABLE);
	json_decref(in);
	if (out != NULL)
		*out = result;
	else
		json_decref(result);
	return code;
}

static void expect(enum api_code code, int person, const char *name, const char *args)
{
	enum api_code got = run(pg, person, id_new(), name, NULL, args);
	if (got != code)
		fail_msg("%s %s by %d: %s, not %s", name, args, person, problem_name(got), problem_name(code));
}

#endif
