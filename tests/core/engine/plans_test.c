/*
 * No statement of the engine reads a whole workspace to find a few rows.  Row security lets only leakproof conditions reach an index
 * (https://www.postgresql.org/docs/15/rules-privileges.html), and one coalesce() in a join is enough for a plan that reads every message,
 * run or outbox row there is.  Here each statement is planned, for any parameters, over tables that are full and analysed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "../../../core/base/buf.h"
#include "../../../core/engine/engine_internal.h"
#include "../../../core/store/pg.h"
#include "../../support/db.h"

/* Tables that grow with what is said; the others of a workspace are small. */
static const char *const growing[] = { "messages", "runs", "outbox", "inbox", "audit", "model_calls", "embeddings", "threads",
	"people", "identities", "context_items", "context_sources", "dispatch", "forks", "resolutions" };

/* Those that are to read all of it; a name that ends in "_" stands for all that begin so. */
static const char *const wide[] = {
	"forget_", "erase_", "export_", "upkeep_",        /* what people are told takes a while, and what runs in quiet hours */
	"chain_all", "verify_unlinked", "recall_orphans", /* the same */
	"search_people", "memory_person", "member_list", "tool_send_person", /* people by (a part of) their name */
	"item_newest", "item_words", "inject_has",             /* items are few: a person or a model made each for a reason */
	"recall_ids", "memory_set_private",                    /* vectors have no index: each in scope is compared */
	"provision_unmake_agent", "provision_archive_threads", /* a team that is not made after all, or given up */
	"claim_forget_idle",                                   /* threads of the last hour, of all workspaces, once a minute */
	"held_list",                                           /* those, when an operator asks who waits */
	"whole_runs",                                          /* once, when a whole workspace is erased */
};

static bool is_wide(const char *name)
{
	for (size_t i = 0; i < sizeof(wide) / sizeof(*wide); i++) {
		size_t n = strlen(wide[i]);
		if (wide[i][n - 1] == '_' ? strncmp(wide[i], name, n) == 0 : strcmp(wide[i], name) == 0)
			return true;
	}
	return false;
}

static const char filling[] =
    "SET session_replication_role = replica;" /* no foreign keys: these rows are for the planner's eyes only */
    "CREATE TEMP TABLE w AS SELECT ws FROM eddy.workspaces;"
    "CREATE TEMP TABLE r AS SELECT ws, n, md5(ws::text || n)::uuid AS id, md5(ws::text || n % 500)::uuid AS thread,"
    " md5(ws::text || n % 300)::uuid AS person, md5(ws::text || n % 50)::uuid AS reader FROM w, generate_series(1, 3000) n;"
    "INSERT INTO eddy.people (ws, id, name) SELECT ws, id, 'p' || n FROM r WHERE n <= 3000;"
    "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) SELECT ws, 'test', 'U' || n, id, 1 FROM r WHERE n <= 3000;"
    "INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id)"
    " SELECT ws, id, reader, 'k' || n, 9, true, 1, reader FROM r;"
    "INSERT INTO eddy.dispatch (ws, thread_id, pending, due, token) SELECT ws, id, (n % 100 = 0)::int, now(), 1 FROM r;"
    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, message_key, author_id, author_kind, body, run_id, audience_id)"
    " SELECT ws, id, thread, n, n, 'm' || n, person, 1 + n % 2, 'words of message ' || n, CASE WHEN n % 2 = 1 THEN id END, reader FROM r;"
    "INSERT INTO eddy.runs (ws, id, thread_id, message_id, message_seq, person_id, kind, state, token, adapter, origin, finished_at)"
    " SELECT ws, id, thread, id, n, person, 1, CASE WHEN n % 500 = 0 THEN 1 ELSE 3 END, 1, 'test', 'o', now() FROM r;"
    "INSERT INTO eddy.outbox (ws, id, run_id, thread_id, adapter, origin, state) SELECT ws, id, id, thread, 'test', 'o',"
    " CASE WHEN n % 500 = 0 THEN 1 ELSE 3 END FROM r;"
    "INSERT INTO eddy.inbox (ws, id, kind, adapter, source_key) SELECT ws, id, 1, 'test', 's' || n FROM r;"
    "INSERT INTO eddy.audit (ws, id, verb, subject, thread_id) SELECT ws, id, 'run.end', id, thread FROM r;"
    "INSERT INTO eddy.model_calls (ws, id, run_id, provider, model, input_tokens, output_tokens, cost_micros, total_ms, result)"
    " SELECT ws, id, id, 'p', 'm', 1, 1, 1, 1, 'ok' FROM r;"
    "INSERT INTO eddy.embeddings (ws, message_id, model, dims, v, audience_id, thread_id, created_at)"
    " SELECT ws, id, 'm', 4, '\\x00000000', reader, thread, now() FROM r;"
    "INSERT INTO eddy.context_items (ws, id, kind, scope, scope_id, state, origin, body, audience_id, number)"
    " SELECT ws, id, 1, 2, thread, 2, 1, 'item ' || n, reader, n FROM r;"
    "INSERT INTO eddy.context_sources (ws, item_id, message_id) SELECT ws, id, id FROM r;"
    "INSERT INTO eddy.forks (ws, id, parent_id, n, topic, state, adapter, place_key, parent_origin, thread_id)"
    " SELECT ws, id, thread, n, 'topic ' || n, 3, 'test', 'p', 'o', id FROM r;"
    "INSERT INTO eddy.resolutions (ws, id, fork_id, state, headline, body, sources, by_model, message_id)"
    " SELECT ws, id, id, 2, 'headline', 'body', '{}', false, id FROM r;"
    "ANALYZE;";

static bool listed(const char *const *list, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(list[i], name) == 0)
			return true;
	}
	return false;
}

/* "(ws = $1)", with or without an alias, and no other column. */
static bool tenant_only(const char *condition)
{
	return condition == NULL || (strstr(condition, "ws = ") != NULL && strstr(condition, " AND ") == NULL);
}

static const char *text(const json_t *node, const char *key)
{
	const char *s = json_string_value(json_object_get(node, key));
	return s != NULL ? s : "";
}

/* Whether this node or one below it reads all rows of a tenant in a growing table; ${bounded}: something above stops it early. */
static const char *reads_all(const json_t *node, const char *table, bool bounded)
{
	const char *kind = text(node, "Node Type");
	if (*text(node, "Relation Name") != '\0')
		table = text(node, "Relation Name");
	if (strcmp(kind, "Limit") == 0)
		bounded = true;
	else if (strstr(kind, "Sort") != NULL || strcmp(kind, "Aggregate") == 0 || strstr(kind, "Hash") != NULL)
		bounded = false;
	bool hot = listed(growing, sizeof(growing) / sizeof(*growing), table);
	bool scan = strcmp(kind, "Seq Scan") == 0 || strstr(kind, "Index") != NULL;
	if (hot && scan && !bounded) {
		const char *index = text(node, "Index Name");
		char sql[256];
		snprintf(
		    sql, sizeof(sql), "SELECT indpred IS NOT NULL FROM pg_index WHERE indexrelid = 'eddy.%s'::regclass", index);
		const char *partial = *index != '\0' ? test_db_value(sql) : NULL;
		if ((partial == NULL || *partial != 't') && tenant_only(json_string_value(json_object_get(node, "Index Cond"))))
			return table;
	}
	size_t i;
	const json_t *child;
	json_array_foreach (json_object_get(node, "Plans"), i, child) {
		const char *found = reads_all(child, table, bounded);
		if (found != NULL)
			return found;
	}
	return NULL;
}

static bool plannable(const char *sql)
{
	static const char *const verbs[] = { "SELECT", "INSERT", "UPDATE", "DELETE", "WITH" };
	for (size_t i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (strncmp(sql, verbs[i], strlen(verbs[i])) == 0)
			return true;
	}
	return false;
}

/* The table that the statement would read all of, NULL: none. */
static char *judge(PGconn *c, const struct pg_statement *s)
{
	PGresult *d = PQdescribePrepared(c, s->name);
	struct buf sql = BUF_INIT;
	buf_addf(&sql, "EXPLAIN (FORMAT JSON, COSTS off) EXECUTE %s", s->name);
	for (int i = 0; i < PQnparams(d); i++)
		buf_addf(&sql, "%sNULL", i == 0 ? "(" : ", ");
	if (PQnparams(d) > 0)
		buf_add_char(&sql, ')');
	PQclear(d);
	PGresult *r = PQexec(c, sql.p);
	if (PQresultStatus(r) != PGRES_TUPLES_OK)
		fail_msg("%s: %s", s->name, PQerrorMessage(c));
	json_t *plan = json_loads(PQgetvalue(r, 0, 0), 0, NULL);
	assert_non_null(plan);
	const char *table = reads_all(json_object_get(json_array_get(plan, 0), "Plan"), "", false);
	char *found = table != NULL ? strdup(table) : NULL;
	json_decref(plan);
	PQclear(r);
	buf_done(&sql);
	return found;
}

static int check_all(const char *url, const struct pg_statement *const *tables)
{
	char why[256] = "";
	struct pg *pg = NULL;
	if (pg_open(&pg, url, tables, why, sizeof(why)) != ERR_NONE)
		fail_msg("%s", why);
	struct id ws;
	assert_true(id_parse(test_db_value("SELECT min(ws::text) FROM eddy.workspaces"), &ws));
	PGconn *c = pg_conn(pg);
	PQclear(PQexec(c, "SET plan_cache_mode = force_generic_plan"));
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	int bad = 0;
	for (; *tables != NULL; tables++) {
		for (const struct pg_statement *s = *tables; s->name != NULL; s++) {
			char *table = plannable(s->sql) ? judge(c, s) : NULL;
			if (table != NULL && !is_wide(s->name) && ++bad)
				print_error("%s reads every row of %s in the workspace\n", s->name, table);
			free(table);
		}
	}
	pg_rollback(pg);
	pg_close(pg);
	return bad;
}

static void plans__every_statement_of_the_workers__reads_by_key(void **state)
{
	assert_int_equal(check_all(*state, engine_tables(false)), 0);
}

static void plans__every_statement_of_the_writer__reads_by_key(void **state)
{
	assert_int_equal(check_all(*state, engine_tables(true)), 0);
}

/* The test itself: the condition that row security keeps from the index is seen, and the one that is let through is not. */
static void plans__a_join_on_coalesce__is_seen(void **state)
{
	static const struct pg_statement leaky[] = {
		{ "plan_leaky",
		    "SELECT o.id FROM runs r LEFT JOIN outbox o ON o.ws = r.ws AND o.id = coalesce(r.answered_by, r.id)"
		    " WHERE r.ws = $1 AND r.id = $2" },
		{ NULL, NULL }
	};
	static const struct pg_statement tight[] = {
		{ "plan_tight",
		    "SELECT o.id FROM runs r LEFT JOIN outbox o ON o.ws = r.ws AND"
		    " o.id = CASE WHEN r.answered_by IS NOT NULL THEN r.answered_by ELSE r.id END WHERE r.ws = $1 AND r.id = $2" },
		{ NULL, NULL }
	};
	assert_int_equal(check_all(*state, (const struct pg_statement *const[]){ leaky, NULL }), 1);
	assert_int_equal(check_all(*state, (const struct pg_statement *const[]){ tight, NULL }), 0);
}

static int fill(void **state)
{
	const char *url = test_db_fresh();
	test_db_workspace("A");
	test_db_workspace("B");
	test_db_workspace("C");
	*state = (void *)(uintptr_t)url;
	return test_db_exec(filling) ? 0 : -1;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans__a_join_on_coalesce__is_seen),
		cmocka_unit_test(plans__every_statement_of_the_workers__reads_by_key),
		cmocka_unit_test(plans__every_statement_of_the_writer__reads_by_key),
	};
	return cmocka_run_group_tests(tests, fill, NULL);
}
