/*
 * What procedures ask of the database: how often a call waits for it, and with how many statements.  What was seen is printed, and more than the table
 * says fails: somebody's time goes there, and so does what 50 of them wait for each other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "../../../core/api/serve.h"
#include "../../../core/base/json.h"
#include "../../../core/store/trip.h"
#include "../../support/db.h"
#include "../../support/sql.h"

#define TEAM "aaaaaaaa-0000-4000-8000-000000000002"
#define ANA "dddddddd-0000-4000-8000-000000000001"
#define PLACE "bbbbbbbb-0000-4000-8000-000000000001"
#define THREAD "cccccccc-0000-4000-8000-000000000001"

static struct pg *pg;
static struct id ws;
static char ws_text[ID_TEXT];

static int set_up(void **state)
{
	(void)state;
	char why[200];
	static const struct pg_statement *tables[40];
	size_t n = 0;
	while (api_tables[n] != NULL && n < 38) {
		tables[n] = api_tables[n];
		n++;
	}
	tables[n] = serve_statements;
	if (pg_open(&pg, test_db_fresh(), tables, why, sizeof why) != ERR_NONE) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	ws = test_db_workspace("one");
	id_format(ws, ws_text);
	run("INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES ('%s', '" TEAM "', '%s', 3, 'team', 'Team');"
	    "INSERT INTO eddy.people (ws, id, name) VALUES ('%s', '" ANA "', 'Ana');"
	    "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('%s', 'web', 'ana', '" ANA "', 1);"
	    "INSERT INTO eddy.members (ws, node_id, person_id, role) VALUES ('%s', '%s', '" ANA "', 4);"
	    "INSERT INTO eddy.audiences (ws, id, kind, subject) VALUES ('%s', '" PLACE "', 1, '" PLACE "');"
	    "INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id, team_id) VALUES ('%s', '" PLACE
	    "', 'web', 'p', 'place', 4, true, '" PLACE "', '" TEAM "');",
	    ws_text, ws_text, ws_text, ws_text, ws_text, ws_text, ws_text, ws_text);
	run("INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, only_person, several, audience_id)"
	    " VALUES ('%s', '" THREAD "', '" PLACE "', 't', 1, true, 1, '" ANA "', false, '" PLACE "');"
	    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, message_key, author_id, author_kind, body, audience_id)"
	    " VALUES ('%s', gen_random_uuid(), '" THREAD "', 1, 1, 'k1', '" ANA "', 1, 'which port has the ledger', '" PLACE "')",
	    ws_text, ws_text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static struct pg_spent spent_by(const char *name, const json_t *args, enum api_code *code)
{
	struct api_reply got;
	struct pg_spent before = pg_spent(pg), after;
	const struct api_request q = {
		.ws = ws, .adapter = "web", .person = "ana", .via = "web", .procedure = name, .args = args, .id = id_new()
	};
	api_serve(NULL, pg, &q, &got);
	json_decref(got.out);
	after = pg_spent(pg);
	*code = got.code;
	return (struct pg_spent){ after.trips - before.trips, after.statements - before.statements };
}

static json_t *args_of(const struct api_proc *p, bool team)
{
	json_t *in = json_loads(p->in, 0, NULL), *args = json_loads(p->example, 0, NULL);
	static const char *const threads[] = { "thread.get", "thread.rename", "thread.archive", "thread.reopen" };
	for (size_t i = 0; i < sizeof threads / sizeof *threads; i++)
		if (strcmp(p->name, threads[i]) == 0)
			json_object_set_new(args, "id", json_string(THREAD));
	if (json_object_get(args, "thread") != NULL)
		json_object_set_new(args, "thread", json_string(THREAD));
	json_object_del(args, "team");
	if (team && json_object_get(json_obj(in, "properties"), "team") != NULL)
		json_object_set_new(args, "team", json_string(TEAM));
	json_decref(in);
	return args;
}

/* The most that a call may take; "team" is one question more. */
struct bound {
	const char *name;
	unsigned trips, statements;
};
static const struct bound bounds[] = {
	{ "session.get", 1, 4 },
	{ "audit.list", 2, 5 },
	{ "audit.verify", 4, 7 },
	{ "audit.export", 2, 5 },
	{ "authority.replay", 4, 7 },
	{ "key.issue", 7, 9 },
	{ "key.list", 2, 5 },
	{ "key.revoke", 3, 5 },
	{ "search.messages", 8, 11 },
	{ "memory.list", 4, 7 },
	{ "memory.forget", 5, 7 },
	{ "thread.list", 2, 6 },
	{ "thread.get", 2, 5 },
	{ "thread.rename", 7, 9 },
	{ "thread.archive", 7, 9 },
	{ "thread.reopen", 7, 9 },
	{ "fork.list", 2, 6 },
	{ "message.list", 2, 5 },
	{ "org.list", 2, 5 },
	{ "org.get", 2, 5 },
	{ "org.create", 8, 10 },
	{ "org.update", 7, 9 },
	{ "org.archive", 3, 5 },
	{ "place.list", 2, 5 },
	{ "place.assign", 4, 6 },
	{ "member.list", 2, 5 },
	{ "member.put", 3, 5 },
	{ "member.invite", 2, 5 },
	{ "member.remove", 3, 5 },
	{ "route.put", 9, 11 },
	{ "route.remove", 8, 10 },
	{ "route.list", 2, 5 },
	{ "route.lookup", 3, 6 },
	{ "config.get", 3, 6 },
	{ "config.effective", 2, 5 },
	{ "config.set", 11, 13 },
	{ "config.validate", 6, 9 },
	{ "config.history", 4, 7 },
	{ "config.diff", 8, 10 },
	{ "config.restore", 15, 17 },
	{ "config.schema", 1, 4 },
	{ "change.list", 2, 5 },
	{ "change.approve", 5, 7 },
	{ "change.reject", 5, 7 },
	/* What depends on the agent is looked at in the whole tree, as for a setting. */
	{ "agent.create", 11, 13 },
	{ "preference.get", 2, 5 },
	{ "preference.set", 8, 10 },
	/* A team is set up and given up in steps, each of which asks for what is there. */
	{ "team.plan", 30, 32 },
	{ "team.provision", 32, 34 },
	{ "team.deprovision", 110, 120 },
	{ "budget.list", 2, 8 },
	{ "budget.get", 2, 5 },
	{ "budget.set", 7, 9 },
	{ "usage.get", 2, 5 },
	{ "usage.mine", 2, 5 },
	/* What holds in each team that has places. */
	{ "retention.get", 8, 11 },
	{ "hold.add", 8, 12 },
	{ "hold.end", 8, 12 },
};

/* What has no line of its own, and so was not thought about. */
static const struct bound reads = { NULL, 3, 6 }, writes = { NULL, 8, 10 };

static const struct bound *bound_of(const struct api_proc *p)
{
	for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++)
		if (strcmp(bounds[i].name, p->name) == 0)
			return &bounds[i];
	return p->effect == API_READ ? &reads : &writes;
}

static void procedures__ask_the_database__no_more_than_they_may(void **state)
{
	(void)state;
	unsigned wrong = 0;
	printf("%-24s %6s %10s\n", "procedure", "trips", "statements");
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++)
			for (int team = 0; team < 2; team++) {
				const struct bound *b = bound_of(p);
				enum api_code code;
				json_t *args = args_of(p, team > 0);
				bool named = json_object_get(args, "team") != NULL;
				struct pg_spent s = { 0 };
				if (team == 0 || named)
					s = spent_by(p->name, args, &code);
				json_decref(args);
				if (team > 0 && !named)
					continue;
				bool fine = s.trips <= b->trips + (unsigned)team && s.statements <= b->statements + (unsigned)team;
				printf("%-24s %6llu %10llu%s %s%s\n", p->name, (unsigned long long)s.trips,
				    (unsigned long long)s.statements, team > 0 ? " with a team" : "", problem_name(code),
				    fine ? "" : "  <- too many");
				wrong += !fine;
			}
	assert_int_equal(wrong, 0);
}

/* What a person sees first, and most often. */
static void reading__waits_for_the_database__twice_at_most(void **state)
{
	(void)state;
	static const struct {
		const char *name, *args;
		unsigned trips;
	} calls[] = { { "session.get", "{}", 1 }, { "thread.list", "{}", 2 }, { "thread.get", "{\"id\":\"" THREAD "\"}", 2 },
		{ "message.list", "{\"thread\":\"" THREAD "\"}", 2 }, { "fork.list", "{}", 2 }, { "member.list", "{}", 2 },
		{ "org.list", "{}", 2 }, { "route.list", "{}", 2 }, { "config.effective", "{}", 2 }, { "budget.list", "{}", 2 } };
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
		enum api_code code;
		json_t *args = json_loads(calls[i].args, 0, NULL);
		struct pg_spent s = spent_by(calls[i].name, args, &code);
		json_decref(args);
		if (code != API_OK || s.trips > calls[i].trips)
			fail_msg("%s: %s, %llu", calls[i].name, problem_name(code), (unsigned long long)s.trips);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(procedures__ask_the_database__no_more_than_they_may),
		cmocka_unit_test(reading__waits_for_the_database__twice_at_most),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
