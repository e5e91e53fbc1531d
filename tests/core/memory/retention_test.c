/*
 * What is kept for a time goes when that is over, and nothing else: by team, in pieces, through the machinery of erasures; unset, nothing goes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/json.h"
#include "../../../core/memory/erased.h"
#include "../../../core/memory/forget.h"
#include "../../../core/memory/retention.h"
#include "../../../core/memory/sweep.h"
#include "../../../core/memory/whole.h"
#include "../../../core/teams/config_store.h"
#include "../../support/db.h"
#include "../../support/sql.h"

#define HOUR_MS UINT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define TEAM "aaaaaaaa-0000-7000-8000-000000000002"

static const struct pg_statement *const tables[] = { forget_statements, sweep_statements, whole_statements, retention_statements,
	derived_statements, config_statements, NULL };
static struct pg *pg;
static struct id ws;
static char ws_text[ID_TEXT], url[300];

/* Ids of runs and deliveries begin with the time. */
#define OLD_ID(days, n) \
	"(lpad(to_hex((extract(epoch FROM now() - interval '" days " days') * 1000)::int8), 12, '0') || '7000800000000000000" n \
	"')::uuid"

static int set_up(void **state)
{
	(void)state;
	char why[200];
	snprintf(url, sizeof url, "%s", test_db_fresh());
	ws = test_db_workspace("w");
	id_format(ws, ws_text);
	assert_int_equal(pg_open(&pg, url, tables, why, sizeof why), ERR_NONE);
	run("INSERT INTO eddy.nodes (ws, id, kind, slug, name) VALUES ('%s', '%s', 1, 'org', 'Org') ON CONFLICT DO NOTHING;"
	    "INSERT INTO eddy.nodes (ws, id, parent_id, kind, slug, name) VALUES ('%s', '" TEAM "', '%s', 3, 'team', 'Team')",
	    ws_text, ws_text, ws_text, ws_text);
	/* Two places, one of the team, each with a thread that has an old message, its answer, and a new one. */
	run("CREATE TEMP TABLE p AS SELECT md5('place ' || n)::uuid AS place, md5('thread ' || n)::uuid AS thread, n FROM generate_series(1, 2) n;"
	    "INSERT INTO eddy.people (ws, id, name) VALUES ('%s', md5('ana')::uuid, 'Ana');"
	    "INSERT INTO eddy.audiences (ws, id, kind, subject) SELECT '%s', place, 1, place FROM p;"
	    "INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id, team_id) SELECT '%s', place, 'test',"
	    " 'C' || n, 'place', 4, true, place, CASE WHEN n = 2 THEN '" TEAM "'::uuid END FROM p;"
	    "INSERT INTO eddy.threads (ws, id, place_id, external_key, title, seq, taking_part, last_author, audience_id, created_at, last_at)"
	    " SELECT '%s', thread, place, 't' || n, 'old title', 3, true, 1, place, now() - interval '100 days', now() FROM p;"
	    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, message_key, author_id, author_kind, body, files, audience_id, created_at)"
	    " SELECT '%s', md5('m ' || n || s)::uuid, thread, s, s, CASE WHEN s <> 2 THEN 'k' || n || s END, CASE WHEN s <> 2 THEN md5('ana')::uuid"
	    " END, CASE WHEN s = 2 THEN 2 ELSE 1 END, CASE WHEN s < 3 THEN 'longago ' ELSE 'recently ' END || n, CASE WHEN s = 1 THEN"
	    " '[{\"name\": \"longago.txt\"}]'::jsonb END, place, now() - CASE WHEN s < 3 THEN interval '100 days' ELSE interval '1 hour' END"
	    " FROM p, generate_series(1, 3) s;",
	    ws_text, ws_text, ws_text, ws_text, ws_text);
	run("INSERT INTO eddy.runs (ws, id, thread_id, message_id, message_seq, person_id, kind, state, token, adapter, origin, created_at) SELECT"
	    " '%s', " OLD_ID("100",
	        "0") ", md5('thread 2')::uuid, md5('m 21')::uuid, 1, md5('ana')::uuid, 1, 3, 1, 'test', 'longago',"
	             " now() - interval '100 days';"
	             "INSERT INTO eddy.run_steps (ws, run_id, n, kind, body) SELECT ws, id, 1, 1, '{\"was\": \"longago\"}' FROM eddy.runs;"
	             "INSERT INTO eddy.outbox (ws, id, run_id, thread_id, body, adapter, origin, state, created_at) SELECT ws, id, id, thread_id, 'longago',"
	             " 'test', 'longago', 3, created_at FROM eddy.runs;"
	             "INSERT INTO eddy.summaries (ws, thread_id, upto_seq, body, by_model) VALUES ('%s', md5('thread 2')::uuid, 2, 'of longago', true);"
	             "INSERT INTO eddy.context_items (ws, id, kind, scope, state, origin, body, audience_id) VALUES ('%s', md5('item')::uuid, 2, 5, 2, 3,"
	             " 'longago it was', md5('place 2')::uuid);"
	             "INSERT INTO eddy.context_sources (ws, item_id, message_id) VALUES ('%s', md5('item')::uuid, md5('m 21')::uuid);"
	             "INSERT INTO eddy.embeddings (ws, message_id, model, dims, v, audience_id, thread_id, created_at) SELECT ws, id, 'm', 1, '\\x00000000',"
	             " audience_id, thread_id, created_at FROM eddy.messages",
	    ws_text, ws_text, ws_text, ws_text);
	run("INSERT INTO eddy.sessions (ws, id, subject, name, refresh_hash, expires_at, ended_at) VALUES"
	    " ('%s', md5('s1')::uuid, 'ana', 'Ana', sha256('1'), now() + interval '9 days', now() - interval '40 days'),"
	    " ('%s', md5('s2')::uuid, 'ana', 'Ana', sha256('2'), now() + interval '9 days', NULL);"
	    "INSERT INTO eddy.audit (ws, id, verb, detail) VALUES ('%s', md5('a1')::uuid, 'test.old', '{\"who\": \"ana\"}'),"
	    " ('%s', md5('a2')::uuid, 'test.new', '{\"who\": \"ana\"}');"
	    "UPDATE eddy.audit_details SET at = now() - interval '400 days' WHERE entry_id = md5('a1')::uuid;"
	    "INSERT INTO eddy.provisions (ws, id, kind, state, slug, node_id, parent_id, digest, created_at, ended_at) VALUES ('%s', md5('v')::uuid, 1,"
	    " 3, 'team', '" TEAM "', '%s', sha256('d'), now() - interval '90 days', now() - interval '90 days');"
	    "INSERT INTO eddy.provision_steps (ws, provision_id, n, verb, what, args) VALUES ('%s', md5('v')::uuid, 1, 'team', 'make it', '{}');"
	    "INSERT INTO eddy.model_calls (ws, id, run_id, provider, model, input_tokens, output_tokens, cost_micros, total_ms, result, created_at)"
	    " SELECT ws, md5('c' || n)::uuid, id, 'p', 'm', 1, 1, 1, 1, 'ok', now() - n * interval '50 days' FROM eddy.runs, generate_series(0, 2) n;"
	    "INSERT INTO eddy.budget_days (ws, kind, subject, day, spent_micros, calls, input_tokens, output_tokens) SELECT '%s', 1, '%s',"
	    " current_date - n * 50, 1, 1, 1, 1 FROM generate_series(0, 2) n",
	    ws_text, ws_text, ws_text, ws_text, ws_text, ws_text, ws_text, ws_text, ws_text);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

static void keep(const char *node, int layer, const char *set)
{
	run("INSERT INTO eddy.node_configs (ws, layer, subject, version, doc, diff) VALUES ('%s', %d, '%s', (SELECT count(*) + 1 FROM"
	    " eddy.node_configs), '{\"set\": {%s}}', '[]')",
	    ws_text, layer, node, set);
}

struct noted {
	int n;
	struct erased last;
};

static enum err note(void *arg, const struct erased *line)
{
	struct noted *x = arg;
	x->n++;
	x->last = *line;
	return ERR_NONE;
}

/* Order a sweep and do it; how many pieces it took, 0: none was due. */
static int sweep(uint64_t ahead_ms, struct noted *noted)
{
	bool ordered = false;
	int pieces = 0;
	struct id id;
	size_t n = 0;
	struct forget_ends ends = { .note = note, .arg = noted };
	assert_int_equal(retention_order(pg, ws, ahead_ms, &ordered), ERR_NONE);
	assert_int_equal(forget_open(pg, ws, &id, 1, &n), ERR_NONE);
	assert_int_equal(n, ordered);
	for (enum forget_state state = FORGET_LATER; ordered && state != FORGET_DONE; pieces++)
		assert_int_equal(forget_work(pg, ws, id, &ends, &state), ERR_NONE);
	return pieces;
}

static void sweep__nothing_is_set__nothing_goes(void **state)
{
	(void)state;
	struct noted noted = { 0 };
	char *before = strdup(test_db_value("SELECT string_agg(x::text, '|' ORDER BY id) FROM eddy.messages x"));
	assert_int_equal(sweep(0, &noted), 0);
	assert_int_equal(sweep(400 * DAY_MS, &noted), 0);
	assert_string_equal(test_db_value("SELECT string_agg(x::text, '|' ORDER BY id) FROM eddy.messages x"), before);
	free(before);
	assert_int_equal(number("SELECT count(*) FROM eddy.erasures"), 0);
	assert_int_equal(noted.n, 0);
}

static void sweep__a_team_keeps_for_a_time__takes_what_is_older_there_alone(void **state)
{
	(void)state;
	struct noted noted = { 0 };
	keep(TEAM, 5, "\"retention.messages\": 30");
	assert_true(sweep(0, &noted) > 3);
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.messages WHERE body = '' AND state = 2 AND files IS NULL AND author_id IS NULL"), 2);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE 'longago 1'"), 2);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE 'recently%'"), 2);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE search @@ 'longago'::tsquery"), 2);
	assert_int_equal(number("SELECT count(*) FROM eddy.summaries") + number("SELECT count(*) FROM eddy.context_items") +
	        number("SELECT count(*) FROM eddy.run_steps"),
	    0);
	assert_int_equal(number("SELECT count(*) FROM eddy.embeddings"), 4);
	assert_int_equal(number("SELECT count(*) FROM eddy.runs WHERE person_id IS NULL AND origin = ''"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.outbox WHERE body IS NULL AND origin = ''"), 1);
	/* Each tells: the receipt, the ledger, the audit log. */
	assert_int_equal(
	    number("SELECT count(*) FROM eddy.erasures WHERE kind = 5 AND state = 2 AND asked = 5 AND messages = 1 AND answers = 1"
	           " AND plan IS NULL"),
	    1);
	assert_int_equal(noted.n, 1);
	assert_int_equal(noted.last.kind, ERASED_SWEEP);
	assert_int_equal(number("SELECT count(*) FROM eddy.audit WHERE verb = 'retention.swept'"), 1);
	/* Again within the day: nothing is due. A day later there is nothing left, and no receipt of nothing. */
	assert_int_equal(sweep(2 * HOUR_MS, &noted), 0);
	assert_true(sweep(25 * HOUR_MS, &noted) > 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.erasures"), 1);
	assert_int_equal(noted.n, 1);
	/* Where the rest gets old, it goes as well. */
	assert_true(sweep(40 * DAY_MS, &noted) > 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body = 'recently 2'"), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body <> ''"), 3);
}

static void sweep__a_shorter_time_is_set__is_swept_within_the_hour(void **state)
{
	(void)state;
	struct noted noted = { 0 };
	keep(ws_text, 3, "\"retention.messages\": 365");
	assert_true(sweep(0, &noted) > 0);
	assert_int_equal(noted.n, 0);
	keep(ws_text, 3, "\"retention.messages\": 90");
	assert_int_equal(sweep(HOUR_MS / 2, &noted), 0);
	assert_true(sweep(2 * HOUR_MS, &noted) > 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE 'longago%'"), 0);
}

static void sweep__work_and_the_workspaces_own__goes_each_by_its_key(void **state)
{
	(void)state;
	struct noted noted = { 0 };
	keep(ws_text, 3,
	    "\"retention.work\": 60, \"retention.sessions\": 30, \"retention.audit\": 365, \"retention.provisions\": 60, \"retention.usage\": 10");
	assert_true(sweep(0, &noted) > 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.run_steps"), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.runs WHERE person_id IS NOT NULL"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body <> ''"), 6);
	assert_int_equal(number("SELECT count(*) FROM eddy.sessions"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.audit_details WHERE entry_id IN (md5('a1')::uuid, md5('a2')::uuid)"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.audit WHERE verb = 'test.old'"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.provisions") + number("SELECT count(*) FROM eddy.provision_steps"), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.model_calls"), 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.budget_days"), 2); /* what a month's budget looks back at stays */
	assert_non_null(strstr(test_db_value("SELECT counts::text FROM eddy.erasures"), "sessions"));
}

static void sweep__many_rows__goes_in_pieces_and_goes_on_where_it_was(void **state)
{
	(void)state;
	struct noted noted = { 0 };
	run("INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id, created_at) SELECT '%s', md5('many ' || n)::uuid,"
	    " md5('thread 1')::uuid, 10 + n, 10 + n, 1, 'longago', md5('place 1')::uuid, now() - interval '90 days' + n / 100 * interval '1 s'"
	    " FROM generate_series(1, 5000) n",
	    ws_text);
	keep(ws_text, 3, "\"retention.messages\": 30");
	bool ordered = false;
	struct id id;
	size_t n = 0;
	struct forget_ends ends = { .note = note, .arg = &noted };
	enum forget_state s = FORGET_LATER;
	assert_int_equal(retention_order(pg, ws, 0, &ordered), ERR_NONE);
	assert_int_equal(forget_open(pg, ws, &id, 1, &n), ERR_NONE);
	long left = 5004, before = left;
	for (int i = 0; s != FORGET_DONE; i++) {
		char why[200];
		assert_int_equal(forget_work(pg, ws, id, &ends, &s), ERR_NONE);
		left = number("SELECT count(*) FROM eddy.messages WHERE body LIKE 'longago%'");
		assert_in_range(before - left, 0, 2200);
		before = left;
		pg_close(pg); /* as if killed between two pieces */
		assert_int_equal(pg_open(&pg, url, tables, why, sizeof why), ERR_NONE);
		assert_true(i < 100);
	}
	assert_int_equal(left, 0);
	assert_int_equal(number("SELECT messages FROM eddy.erasures"), 5002);
	assert_int_equal(noted.n, 1);
}

static enum err cannot(void *arg, const struct erased *line)
{
	(void)arg;
	(void)line;
	return ERR_BROKEN;
}

static void sweep__the_ledger_cannot_be_written__takes_nothing(void **state)
{
	(void)state;
	bool ordered = false;
	struct id id;
	size_t n = 0;
	struct forget_ends ends = { .note = cannot };
	enum forget_state s = FORGET_LATER;
	keep(ws_text, 3, "\"retention.messages\": 30, \"retention.sessions\": 10");
	assert_int_equal(retention_order(pg, ws, 0, &ordered), ERR_NONE);
	assert_int_equal(forget_open(pg, ws, &id, 1, &n), ERR_NONE);
	enum err e = ERR_NONE;
	for (int i = 0; i < 20 && s != FORGET_DONE && e == ERR_NONE; i++)
		e = forget_work(pg, ws, id, &ends, &s);
	assert_int_equal(e, ERR_BROKEN);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE 'longago%'"), 4);
	assert_int_equal(number("SELECT count(*) FROM eddy.sessions"), 2);
}

static void again__a_database_from_before__is_swept_by_the_ledger(void **state)
{
	(void)state;
	struct again_result done;
	struct forget_ends ends = { .note = NULL };
	const char *dir = test_dir();
	static const struct pg_statement *const with[] = { forget_statements, sweep_statements, whole_statements,
		retention_statements, derived_statements, config_statements, again_statements, NULL };
	char why[200];
	keep(ws_text, 3, "\"retention.messages\": 30");
	struct erased line = { .kind = ERASED_SWEEP, .ws = ws, .id = id_new(), .subject = ws };
	snprintf(line.at, sizeof line.at, "%s",
	    test_db_value("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"));
	assert_int_equal(erased_note(dir, &line), ERR_NONE);
	pg_close(pg);
	assert_int_equal(pg_open(&pg, url, with, why, sizeof why), ERR_NONE);
	assert_int_equal(erased_again(pg, dir, &ends, &done), ERR_NONE);
	assert_int_equal(done.done, 1);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE 'longago%'"), 0);
	assert_int_equal(number("SELECT count(*) FROM eddy.messages WHERE body LIKE 'recently%'"), 2);
	assert_int_equal(erased_again(pg, dir, &ends, &done), ERR_NONE);
	assert_int_equal(done.missing, 0);
}

static void count__before_a_sweep__says_what_it_takes(void **state)
{
	(void)state;
	json_t *plan = NULL;
	struct retention_next n = { 0 };
	keep(TEAM, 5, "\"retention.messages\": 30");
	keep(ws_text, 3, "\"retention.sessions\": 30, \"retention.usage\": 90");
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	const char *now = test_db_value("SELECT (extract(epoch FROM now()) * 1000)::int8");
	assert_int_equal(retention_plan(pg, ws, atoll(now), &plan), ERR_NONE);
	assert_int_equal(retention_count(pg, ws, plan, &n), ERR_NONE);
	assert_int_equal(pg_end(pg, ERR_NONE), ERR_NONE);
	json_decref(plan);
	assert_int_equal(n.messages, 2);
	assert_int_equal(n.runs, 1);
	assert_int_equal(n.sessions, 1);
	assert_int_equal(n.details, 0);
	assert_int_equal(n.calls, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(sweep__nothing_is_set__nothing_goes),
		T(sweep__a_team_keeps_for_a_time__takes_what_is_older_there_alone),
		T(sweep__a_shorter_time_is_set__is_swept_within_the_hour),
		T(sweep__work_and_the_workspaces_own__goes_each_by_its_key),
		T(sweep__many_rows__goes_in_pieces_and_goes_on_where_it_was),
		T(sweep__the_ledger_cannot_be_written__takes_nothing),
		T(again__a_database_from_before__is_swept_by_the_ledger),
		T(count__before_a_sweep__says_what_it_takes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
