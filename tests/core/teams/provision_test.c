/*
 * Teams set up and given up in steps.  Each step is made to fail, and killed, at every point, and the database is compared: after undoing with what
 * it was before, after going on with what one run in peace makes.  Before a step is where the one before it has ended.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../core/api/api.h"
#include "../../../core/base/json.h"
#include "../../../core/people/authority.h"
#include "../../../core/teams/provision.h"
#include "../../support/db.h"

#define WS "aaaaaaaa-0000-4000-8000-000000000001"
#define UNIT "aaaaaaaa-0000-4000-8000-000000000002"
#define OTHER "aaaaaaaa-0000-4000-8000-000000000003"
#define OWNER "aaaaaaaa-0000-4000-8000-000000000011"
#define ADMIN "aaaaaaaa-0000-4000-8000-000000000012"
#define CALL "bbbbbbbb-0000-4000-8000-000000000001"
#define AGAIN "bbbbbbbb-0000-4000-8000-000000000002"
#define STEPS 7

static const char document[] =
    "{\"team\":\"support\",\"slug\":\"payments\",\"name\":\"Payments\","
    "\"agent\":{\"slug\":\"payments\",\"prompt\":\"You help Payments.\",\"tools\":[\"search_messages\"]},"
    "\"settings\":{\"forks.max_active\":3},\"admins\":[\"slack:UADMIN\"],"
    "\"routes\":[\"slack_channel=C0PAY1\",\"service=Billing\"],"
    "\"key\":{\"name\":\"deploy\",\"role\":\"member\",\"scopes\":[\"run\"],\"days\":30}}";

static struct pg *pg;
static const char *url;
static struct id ws;

static struct id id_of(const char *text)
{
	struct id id;
	assert_true(id_parse(text, &id));
	return id;
}

static struct pg *connect_(void)
{
	struct pg *p = NULL;
	char why[200];
	assert_int_equal(pg_open(&p, url, api_tables, why, sizeof why), ERR_NONE);
	return p;
}

static const char wipe[] =
    "SET session_replication_role = replica; DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_class"
    " WHERE relnamespace = 'eddy'::regnamespace AND relkind = 'r' AND relname <> 'schema_migrations' LOOP"
    " EXECUTE format('DELETE FROM eddy.%I', t); END LOOP; END $$";
static const char seed[] =
    "INSERT INTO workspaces (ws, name) VALUES ('" WS "', 'one');"
    "INSERT INTO installs (adapter, external_id, ws, name) VALUES ('test', 'one', '" WS "', 'one');"
    "INSERT INTO nodes (ws, id, parent_id, kind, slug, name) VALUES ('" WS "', '" UNIT "', '" WS "', 2, 'support', 'Support'),"
    " ('" WS "', '" OTHER "', '" WS "', 3, 'other', 'Other');"
    "INSERT INTO routes (ws, kind, value, node_id) VALUES ('" WS "', 7, 'billing', '" OTHER "');"
    "INSERT INTO people (ws, id, name) VALUES ('" WS "', '" OWNER "', 'Olga'), ('" WS "', '" ADMIN "', 'Ana');"
    "INSERT INTO identities (ws, adapter, external_id, person_id, verified) VALUES ('" WS "', 'web', 'local', '" OWNER "', 2),"
    " ('" WS "', 'slack', 'UADMIN', '" ADMIN "', 2);"
    "INSERT INTO audiences (ws, id, kind, subject) VALUES ('" WS "', '" UNIT "', 1, '" UNIT "');"
    "INSERT INTO places (ws, id, adapter, external_id, visibility, member, audience_id) VALUES"
    " ('" WS "', '" UNIT "', 'slack', 'C0PAY1', 2, true, '" UNIT "');"
    "INSERT INTO threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id)"
    " SELECT '" WS "', md5(n::text)::uuid, '" UNIT "', n::text, 1, false, 1, '" UNIT "' FROM generate_series(1, 510) n";
/* Every row of every table but what tells of provisionings, a digest each; ${times}: with moments and secrets. */
static const char pictures[] =
    "CREATE FUNCTION public.picture(times boolean) RETURNS text LANGUAGE plpgsql AS $$ DECLARE t text; drop_ text[]; one text; out text := ''; BEGIN"
    " FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'eddy'::regnamespace AND relkind = 'r' AND relname NOT LIKE 'provision%'"
    " AND relname NOT LIKE 'audit%' AND relname <> 'schema_migrations' ORDER BY 1 LOOP"
    " SELECT array_agg(attname::text) INTO drop_ FROM pg_attribute WHERE attrelid = ('eddy.' || t)::regclass AND attnum > 0"
    " AND NOT times AND (atttypid = 'timestamptz'::regtype OR attname = 'secret_hash');"
    " EXECUTE format('SELECT left(md5(coalesce(string_agg(j, E''\\n'' ORDER BY j), '''')), 8) || count(*) FROM (SELECT (to_jsonb(x) - $1)::text AS j FROM eddy.%I x) y', t)"
    " INTO one USING coalesce(drop_, '{}'); out := out || t || '=' || one || E'\\n'; END LOOP; RETURN out; END $$";

/* A database with a unit, another team that has one of the routes, a channel that was seen, and two people. */
static void begin(void)
{
	static bool made;
	ws = id_of(WS);
	if (!made) {
		url = test_db_fresh();
		assert_true(test_db_exec(pictures));
		pg = connect_();
		made = true;
	}
	assert_true(test_db_exec(wipe));
	assert_true(test_db_exec(seed));
}

static char *picture(bool times)
{
	const char *text = test_db_value(times ? "SELECT public.picture(true)" : "SELECT public.picture(false)");
	assert_non_null(text);
	return strdup(text);
}

static void same(const char *before, const char *after, const char *what)
{
	if (strcmp(before, after) != 0) {
		size_t i = 0;
		while (before[i] == after[i])
			i++;
		while (i > 0 && before[i - 1] != '\n')
			i--;
		fail_msg("%s: %.*s became %.*s", what, (int)strcspn(before + i, "\n"), before + i, (int)strcspn(after + i, "\n"),
		    after + i);
	}
}

static struct caller owner(struct pg *p)
{
	struct caller by;
	assert_int_equal(pg_begin(p, ws), ERR_NONE);
	assert_int_equal(authority_of(p, ws, id_of(OWNER), "cli", &by), ERR_NONE);
	assert_int_equal(pg_commit(p), ERR_NONE);
	return by;
}

/* Note what is to be done, as the procedure does. */
static struct id note(const char *text)
{
	struct caller by = owner(pg);
	struct problem why = { 0 };
	struct id run, node;
	json_t *doc = json_loads(text, 0, NULL);
	assert_non_null(doc);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	const struct provision_ask ask = { .parent = id_of(UNIT), .doc = doc, .request = id_of(CALL) };
	enum err e = provision_begin(pg, &by, &ask, &run, &node, &why);
	if (e != ERR_NONE)
		fail_msg("%s: %s", why.field, why.detail);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	json_decref(doc);
	return run;
}

static struct id note_leave(bool erase)
{
	struct caller by = owner(pg);
	struct problem why = { 0 };
	struct id run, node;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_node(pg, ws, "payments", &node), ERR_NONE);
	assert_int_equal(provision_leave(pg, &by, node, erase, id_of(AGAIN), &run, &why), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return run;
}

/* Where somebody stands in the way. */
struct mishap {
	int fail_at, kill_at, undo_kill_at; /* a step; 0: none */
	enum provision_point point;
};

static enum err meddle(void *arg, const char *verb, int n, enum provision_point at, bool back)
{
	const struct mishap *m = arg;
	(void)verb;
	if (at == m->point && (back ? n == m->undo_kill_at : n == m->kill_at))
		kill(getpid(), SIGKILL);
	bool fails = !back && n == m->fail_at && at == (m->undo_kill_at != 0 ? PROVISION_BEFORE : m->point);
	return fails ? ERR_INPUT : ERR_NONE;
}

static struct provision_end work(struct pg *p, struct id run, const struct mishap *m, bool attended)
{
	struct provision_end end;
	static const struct mishap none = { 0 };
	const struct provision_with with = {
		.attended = attended, .look = meddle, .arg = (void *)(uintptr_t)(m == NULL ? &none : m)
	};
	assert_int_equal(provision_work(p, ws, run, &with, &end), ERR_NONE);
	return end;
}

/* The work in another process, which ends by kill -9. */
static void work_and_die(struct id run, const struct mishap *m)
{
	int status = 0;
	pid_t child = fork();
	if (child == 0) {
		alarm(60);
		work(connect_(), run, m, true);
		_exit(3);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
		fail_msg("step %d, point %d: the process was not killed", m->kill_at, (int)m->point);
}

static void resume(void)
{
	assert_int_equal(provision_resume(pg, ws, &(struct provision_with){ 0 }), ERR_NONE);
}

static void one(const char *sql, const char *want)
{
	const char *got = test_db_value(sql);
	if (got == NULL || strcmp(got, want) != 0)
		fail_msg("%s: %s instead of %s", sql, got == NULL ? "NULL" : got, want);
}

static char *in_peace(void)
{
	begin();
	struct provision_end end = work(pg, note(document), NULL, true);
	assert_int_equal(end.state, PROVISION_DONE);
	return picture(false);
}

/* ---- tests ---- */

static void provision__in_peace__makes_all_of_it(void **state)
{
	struct caller by;
	(void)state;
	begin();
	struct provision_end end = work(pg, note(document), NULL, true);
	assert_int_equal(end.state, PROVISION_DONE);
	one("SELECT count(*) FROM provision_steps WHERE state = 2", "7");
	one("SELECT p.slug || ' ' || n.name FROM nodes n JOIN nodes p ON p.ws = n.ws AND p.id = n.parent_id WHERE n.slug = 'payments'",
	    "support Payments");
	one("SELECT doc->'set' FROM node_configs", "{\"agent.default\": \"payments\", \"forks.max_active\": 3}");
	one("SELECT prompt || ' ' || active FROM agents WHERE slug = 'payments'", "You help Payments. true");
	one("SELECT string_agg(r.kind || ' ' || value, ', ' ORDER BY r.kind) FROM routes r JOIN nodes n USING (ws) WHERE n.id = r.node_id AND n.slug = 'payments'",
	    "1 c0pay1, 7 billing");
	one("SELECT n.slug FROM places p JOIN nodes n ON n.id = p.team_id", "payments");
	one("SELECT role FROM members WHERE person_id = '" ADMIN "'", "3");
	assert_int_equal(key_caller(pg, end.key, &by), ERR_NONE);
	assert_int_equal(by.role, ROLE_MEMBER);
	one("SELECT count(*) FROM audit WHERE verb LIKE 'provision.%'", "7");
}

static void provision__that_fails_at_any_step__leaves_nothing_behind(void **state)
{
	(void)state;
	begin();
	char *before = picture(true);
	for (int n = 1; n <= STEPS; n++)
		for (int at = PROVISION_BEFORE; at <= PROVISION_INSIDE; at++) {
			char what[80];
			const struct mishap m = { .fail_at = n, .point = (enum provision_point)at };
			struct provision_end end = work(pg, note(document), &m, true);
			snprintf(what, sizeof what, "failing at step %d, point %d", n, at);
			assert_int_equal(end.state, PROVISION_UNDONE);
			assert_string_equal(end.key, "");
			char *after = picture(true);
			same(before, after, what);
			free(after);
			/* The next one gets the same ids. */
			assert_true(test_db_exec("DELETE FROM provision_steps; DELETE FROM provisions"));
		}
	free(before);
}

static void provision__that_is_killed_at_any_step__is_gone_on_with(void **state)
{
	(void)state;
	char *clean = in_peace();
	for (int n = 1; n <= STEPS; n++)
		for (int at = n == 1 ? PROVISION_BEFORE : PROVISION_INSIDE; at <= PROVISION_AFTER; at++) {
			char what[80];
			const struct mishap m = { .kill_at = n, .point = (enum provision_point)at };
			begin();
			struct id run = note(document);
			work_and_die(run, &m);
			resume(); /* the next start: all but what must be told */
			one("SELECT count(*) FROM provision_steps WHERE state = 2 AND n < 7", "6");
			struct id again = note(document); /* the next apply */
			if (n < STEPS || at < PROVISION_AFTER)
				assert_true(id_equal(run, again));
			if (!id_is_none(again))
				work(pg, again, NULL, true);
			snprintf(what, sizeof what, "killed at step %d, point %d", n, at);
			one("SELECT state FROM provisions", "3");
			char *after = picture(false);
			same(clean, after, what);
			free(after);
		}
	free(clean);
}

static void provision__that_is_killed_while_it_is_undone__is_undone(void **state)
{
	(void)state;
	for (int n = 1; n < STEPS; n++)
		for (int at = n == 1 ? PROVISION_BEFORE : PROVISION_INSIDE; at <= PROVISION_AFTER; at++) {
			char what[80];
			const struct mishap m = { .fail_at = STEPS, .undo_kill_at = n, .point = (enum provision_point)at };
			begin();
			char *before = picture(true);
			struct id run = note(document);
			work_and_die(run, &m);
			resume();
			snprintf(what, sizeof what, "killed while step %d is undone, point %d", n, at);
			one("SELECT state FROM provisions", "4");
			char *after = picture(true);
			same(before, after, what);
			free(before);
			free(after);
		}
}

static void provision__of_a_team_that_is_there__makes_the_difference_and_takes_it_back(void **state)
{
	static const char changed[] =
	    "{\"team\":\"support\",\"slug\":\"payments\",\"name\":\"Money\","
	    "\"agent\":{\"slug\":\"payments\",\"prompt\":\"You help Money.\",\"tools\":[\"search_messages\"]},"
	    "\"settings\":{\"forks.max_active\":4},\"admins\":[\"slack:UADMIN\"],"
	    "\"routes\":[\"slack_channel=C0PAY1\",\"service=Billing\",\"service=refunds\"]}";
	(void)state;
	free(in_peace());
	assert_true(test_db_exec("DELETE FROM provision_steps; DELETE FROM provisions"));
	assert_true(id_is_none(note(document))); /* nothing is different */
	assert_true(test_db_exec("UPDATE agents SET seed_digest = '\\x01'"));
	char *before = picture(true);
	for (int n = 1; n <= 4; n++) {
		const struct mishap m = { .fail_at = n, .point = PROVISION_INSIDE };
		assert_int_equal(work(pg, note(changed), &m, true).state, PROVISION_UNDONE);
		char *after = picture(true);
		same(before, after, "a change undone");
		free(after);
		assert_true(test_db_exec("DELETE FROM provision_steps; DELETE FROM provisions"));
	}
	assert_int_equal(work(pg, note(changed), NULL, true).state, PROVISION_DONE);
	one("SELECT string_agg(verb, ' ' ORDER BY n) FROM provision_steps", "rename agent settings route");
	one("SELECT name FROM nodes WHERE slug = 'payments'", "Money");
	one("SELECT count(*) FROM api_keys", "1");
	free(before);
}

static void provision__undone__leaves_what_others_did_meanwhile(void **state)
{
	(void)state;
	begin();
	struct id run = note(document);
	const struct mishap m = { .kill_at = 6, .point = PROVISION_AFTER };
	work_and_die(run, &m);
	/* Somebody gives the new team something, and the asker is no owner any more. */
	assert_true(test_db_exec(
	    "INSERT INTO routes (ws, kind, value, node_id) SELECT ws, 7, 'theirs', id FROM nodes WHERE slug = 'payments';"
	    "INSERT INTO members (ws, node_id, person_id, role) VALUES ('" WS "', '" WS "', '" OWNER "', 1)"));
	struct provision_end end = work(pg, run, NULL, true);
	assert_int_equal(end.state, PROVISION_UNDONE);
	assert_int_equal(end.why.code, API_FORBIDDEN);
	one("SELECT archived_at IS NOT NULL FROM nodes WHERE slug LIKE 'payments%'", "t");
	one("SELECT n.slug FROM routes r JOIN nodes n ON n.id = r.node_id WHERE value = 'theirs'", "support");
	one("SELECT n.slug FROM routes r JOIN nodes n ON n.id = r.node_id WHERE value = 'billing'", "other");
	one("SELECT count(*) FROM api_keys", "0");
}

static json_t *call(const char *name, const char *text, const char *key, enum api_code *code)
{
	struct caller by = owner(pg);
	struct problem problem;
	json_t *out = NULL, *args = json_loads(text, 0, NULL);
	*code = api_run_once(NULL, pg, &by, name, args, id_new(), key, NULL, &out, &problem);
	json_decref(args);
	return out;
}

static void provision__same_key__is_the_same_result_or_refused(void **state)
{
	enum api_code code;
	(void)state;
	begin();
	json_t *first = call("team.provision", document, "k1", &code);
	assert_int_equal(code, API_OK);
	assert_string_equal(json_str(first, "state", ""), "done");
	assert_int_equal(strlen(json_str(first, "key", "")), KEY_TEXT - 1);
	char *before = picture(true);
	json_t *again = call("team.provision", document, "k1", &code);
	assert_int_equal(code, API_OK);
	assert_string_equal(json_str(first, "id", ""), json_str(again, "id", "-"));
	assert_string_equal(json_str(first, "team", ""), json_str(again, "team", "-"));
	assert_string_equal(json_str(again, "state", ""), "done");
	assert_string_equal(json_str(again, "key", ""), ""); /* it is told once */
	json_decref(call("team.provision", "{\"slug\":\"x\",\"name\":\"X\"}", "k1", &code));
	assert_int_equal(code, API_REUSED_KEY);
	json_decref(call("team.provision", "{\"slug\":\"x\",\"name\":\"X\"}", "not a key", &code));
	assert_int_equal(code, API_INVALID);
	char *after = picture(true);
	same(before, after, "the same key again");
	free(before);
	free(after);
	json_decref(first);
	json_decref(again);
}

static void provision__what_is_wrong__is_refused_before_anything_is_made(void **state)
{
	static const struct {
		const char *doc;
		enum api_code code;
	} bad[] = {
		{ "{\"slug\":\"other\",\"name\":\"X\",\"team\":\"support\"}", API_CONFLICT },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"team\":\"nowhere\"}", API_NOT_FOUND },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"team\":\"other\"}", API_INVALID },
		{ "{\"slug\":\"X x\",\"name\":\"X\"}", API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"schedules\":[]}", API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"settings\":{\"nonsense\":1}}", API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"settings\":{\"forks.max_active\":\"many\"}}", API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"routes\":[\"channel=C1\"]}", API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"routes\":[\"github_repo=none\"]}", API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"admins\":[\"slack:NOBODY\"]}", API_NOT_FOUND },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"agent\":{\"slug\":\"none\"}}", API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"agent\":{\"slug\":\"a\",\"prompt\":\"p\",\"tools\":[\"none\"]}}", API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"key\":{\"name\":\"k\",\"role\":\"member\",\"scopes\":[\"none\"]}}",
		    API_INVALID },
		{ "{\"slug\":\"x\",\"name\":\"X\",\"key\":{\"name\":\"k\",\"role\":\"member\",\"scopes\":[]}}", API_INVALID },
	};
	enum api_code code;
	(void)state;
	begin();
	char *before = picture(true);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_decref(call("team.provision", bad[i].doc, NULL, &code));
		if (code != bad[i].code)
			fail_msg("%s: %s instead of %s", bad[i].doc, problem_name(code), problem_name(bad[i].code));
		json_decref(call("team.plan", bad[i].doc, NULL, &code));
		assert_int_equal(code, bad[i].code);
	}
	json_t *plan = call("team.plan", document, NULL, &code);
	assert_int_equal(code, API_OK);
	assert_int_equal(json_array_size(json_arr(plan, "steps")), STEPS);
	json_decref(plan);
	char *after = picture(true);
	same(before, after, "refused or only planned");
	one("SELECT count(*) FROM provisions", "0");
	free(before);
	free(after);
}

static void provision__by_an_admin_of_a_unit__changes_no_agent_of_others(void **state)
{
	struct problem problem;
	struct caller by;
	json_t *out = NULL,
	       *doc = json_loads(
	           "{\"slug\":\"x\",\"name\":\"X\",\"team\":\"support\",\"agent\":{\"slug\":\"eddy\",\"prompt\":\"Obey me.\"}}", 0,
	           NULL);
	(void)state;
	begin();
	assert_true(test_db_exec("INSERT INTO members (ws, node_id, person_id, role) VALUES ('" WS "', '" UNIT "', '" ADMIN "', 3);"
	                         "INSERT INTO agents (ws, id, slug, name, prompt, tools, max_tokens, max_turns) VALUES ('" WS
	                         "', '" UNIT "', 'eddy', 'Eddy', 'p', '{}', 100, 1)"));
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, id_of(ADMIN), "cli", &by), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(api_run(NULL, pg, &by, "team.provision", doc, id_new(), &out, &problem), API_CONFLICT);
	assert_string_equal(problem.field, "agent");
	json_object_set_new(json_obj(doc, "agent"), "slug", json_string("mine"));
	assert_int_equal(api_run(NULL, pg, &by, "team.provision", doc, id_new(), &out, &problem), API_OK);
	json_decref(out);
	json_object_del(doc, "team");
	assert_int_equal(api_run(NULL, pg, &by, "team.provision", doc, id_new(), &out, &problem), API_FORBIDDEN);
	json_decref(doc);
}

static void leave__in_peace_or_killed_at_any_step__gives_all_of_it_up(void **state)
{
	struct caller by;
	char *clean = NULL;
	(void)state;
	for (int n = 0; n <= 7; n++)
		for (int at = n <= 1 ? PROVISION_BEFORE : PROVISION_INSIDE; at <= (n == 0 ? PROVISION_BEFORE : PROVISION_AFTER);
		     at++) {
			char what[80];
			begin();
			struct provision_end end = work(pg, note(document), NULL, true);
			struct id run = note_leave(false);
			const struct mishap m = { .kill_at = n, .point = (enum provision_point)at };
			if (n > 0)
				work_and_die(run, &m);
			resume();
			one("SELECT count(*) FROM provisions WHERE kind = 2 AND state = 3", "1");
			assert_int_equal(key_caller(pg, end.key, &by), ERR_DENIED);
			one("SELECT count(*) FROM routes", "0");
			one("SELECT count(*) FROM places WHERE team_id IS NOT NULL", "0");
			one("SELECT count(*) FROM threads WHERE state <> 3", "0");
			one("SELECT count(*) FROM agents WHERE active", "0");
			one("SELECT count(*) FROM members", "0");
			one("SELECT count(*) FROM nodes WHERE slug = 'payments'", "0");
			one("SELECT count(*) > 0 FROM node_configs", "t");
			snprintf(what, sizeof what, "killed at step %d, point %d", n, at);
			/* moments are in the short name of nothing, and key.used_at is a moment */
			char *after = picture(false);
			if (clean != NULL)
				same(clean, after, what);
			else
				clean = strdup(after);
			free(after);
		}
	free(clean);
}

static int erased;

static enum err erase(void *arg, struct id tenant, struct id thread)
{
	char sql[200], a[ID_TEXT], b[ID_TEXT];
	int *tries = arg;
	if (--*tries < 0)
		return ERR_RETRY; /* a run is at work in it */
	snprintf(sql, sizeof sql, "UPDATE eddy.messages SET body = '', state = 2 WHERE ws = '%s' AND thread_id = '%s'",
	    id_format(tenant, a), id_format(thread, b));
	assert_true(test_db_exec(sql));
	erased++;
	return ERR_NONE;
}

static void leave__with_erasure__erases_each_thread_and_waits_where_it_cannot(void **state)
{
	struct provision_end end;
	int tries = 10;
	(void)state;
	begin();
	work(pg, note(document), NULL, true);
	assert_true(test_db_exec(
	    "INSERT INTO messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id) SELECT ws, gen_random_uuid(), id, 1, 1, 1,"
	    " 'secret', audience_id FROM threads ORDER BY id LIMIT 30"));
	struct id run = note_leave(true);
	resume(); /* nobody can erase here */
	one("SELECT string_agg(verb, ' ' ORDER BY n) FROM provision_steps s JOIN provisions p ON p.id = s.provision_id WHERE p.kind = 2 AND s.state = 1",
	    "erase places members archive");
	struct provision_with with = { .erase = erase, .arg = &tries };
	assert_int_equal(provision_work(pg, ws, run, &with, &end), ERR_NONE);
	assert_int_equal(erased, 10);
	assert_true(end.waits);
	tries = 100;
	assert_int_equal(provision_work(pg, ws, run, &with, &end), ERR_NONE);
	assert_int_equal(end.state, PROVISION_DONE);
	one("SELECT count(*) FROM messages WHERE body <> ''", "0");
	one("SELECT count(*) FROM node_configs", "0");
}

static void leave__what_holds_others_or_is_above__is_refused(void **state)
{
	enum api_code code;
	(void)state;
	begin();
	json_decref(call("team.provision", document, NULL, &code));
	assert_int_equal(code, API_OK);
	json_decref(call("team.deprovision", "{\"team\":\"support\"}", NULL, &code));
	assert_int_equal(code, API_CONFLICT);
	json_decref(call("team.deprovision", "{\"team\":\"org\"}", NULL, &code));
	assert_int_equal(code, API_INVALID);
	json_t *out = call("team.deprovision", "{\"team\":\"payments\"}", "gone", &code);
	assert_string_equal(json_str(out, "state", ""), "done");
	json_decref(out);
	json_decref(call("team.deprovision", "{\"team\":\"payments\"}", NULL, &code));
	assert_int_equal(code, API_NOT_FOUND);
	out = call("team.provisions", "{}", NULL, &code);
	assert_int_equal(json_array_size(json_arr(out, "provisions")), 2);
	json_decref(out);
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(provision__in_peace__makes_all_of_it),
		cmocka_unit_test(provision__that_fails_at_any_step__leaves_nothing_behind),
		cmocka_unit_test(provision__that_is_killed_at_any_step__is_gone_on_with),
		cmocka_unit_test(provision__that_is_killed_while_it_is_undone__is_undone),
		cmocka_unit_test(provision__of_a_team_that_is_there__makes_the_difference_and_takes_it_back),
		cmocka_unit_test(provision__undone__leaves_what_others_did_meanwhile),
		cmocka_unit_test(provision__same_key__is_the_same_result_or_refused),
		cmocka_unit_test(provision__what_is_wrong__is_refused_before_anything_is_made),
		cmocka_unit_test(provision__by_an_admin_of_a_unit__changes_no_agent_of_others),
		cmocka_unit_test(leave__in_peace_or_killed_at_any_step__gives_all_of_it_up),
		cmocka_unit_test(leave__with_erasure__erases_each_thread_and_waits_where_it_cannot),
		cmocka_unit_test(leave__what_holds_others_or_is_above__is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, tear_down);
}
