/*
 * The list of what columns hold (core/store/kinds.h) against the database: nothing unlisted, nothing listed that is gone, and nothing of a
 * person left in any column after the person is erased.  A column that this program does not plant fails as well: whoever adds one, plants it.
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
#include "../../../core/base/buf.h"
#include "../../../core/memory/export.h"
#include "../../../core/memory/forget.h"
#include "../../../core/memory/retention.h"
#include "../../../core/memory/sweep.h"
#include "../../../core/memory/whole.h"
#include "../../../core/store/kinds.h"
#include "../../../core/teams/config_store.h"
#include "../../support/db.h"
#include "planted.h"

static struct id ws;
static char ws_text[ID_TEXT];

static bool listed(const char *names, const char *name)
{
	size_t n = strlen(name);
	for (const char *p = names; (p = strstr(p, name)) != NULL; p += n)
		if ((p == names || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

static const struct data_table *table_of(const char *name, size_t n)
{
	for (const struct data_table *t = data_tables; t->name != NULL; t++)
		if (strlen(t->name) == n && memcmp(t->name, name, n) == 0)
			return t;
	return NULL;
}

static bool knows(const struct data_table *t, const char *column)
{
	if (listed(t->operational, column))
		return true;
	for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++)
		if (strcmp(c->name, column) == 0)
			return true;
	return false;
}

static int set_up(void **state)
{
	(void)state;
	test_db_fresh();
	ws = test_db_workspace("w");
	id_format(ws, ws_text);
	return 0;
}

/* The i-th row of names, from 1; the caller's. */
static char *name_of(const char *from, int i)
{
	char sql[600];
	snprintf(sql, sizeof sql, "SELECT name FROM (%s) x ORDER BY name LIMIT 1 OFFSET %d", from, i - 1);
	const char *name = test_db_value(sql);
	return name == NULL ? NULL : strdup(name);
}

static void kinds__every_column__is_listed(void **state)
{
	(void)state;
	int missing = 0, columns = 0;
	char *table, *column;
	for (int i = 1;
	     (table = name_of("SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'eddy'::regnamespace AND relkind IN"
	                      " ('r', 'p')",
	          i)) != NULL;
	     i++) {
		char from[200];
		const struct data_table *t = table_of(table, strlen(table));
		snprintf(from, sizeof from,
		    "SELECT attname::text AS name FROM pg_attribute WHERE attrelid = 'eddy.%s'::regclass AND attnum > 0 AND NOT attisdropped",
		    table);
		for (int k = 1; (column = name_of(from, k)) != NULL; k++) {
			if (t == NULL || !knows(t, column)) {
				fprintf(stderr, "%s.%s is in no list: say in core/store/kinds.c what it holds\n", table, column);
				missing++;
			}
			columns++;
			free(column);
		}
		free(table);
	}
	assert_int_equal(missing, 0);
	assert_true(columns > 300);
}

static bool is_column(const char *table, const char *column)
{
	char sql[400];
	snprintf(sql, sizeof sql,
	    "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass('eddy.%s') AND attname = '%s' AND attnum > 0 AND NOT attisdropped",
	    table, column);
	return test_db_value(sql) != NULL;
}

static void kinds__every_listed_column__is_there(void **state)
{
	(void)state;
	int gone = 0;
	for (const struct data_table *t = data_tables; t->name != NULL; t++) {
		char *copy = strdup(t->operational), *save = NULL;
		if (t[1].name != NULL && strcmp(t->name, t[1].name) >= 0)
			fail_msg("%s stands before %s", t->name, t[1].name);
		for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
			if (!is_column(t->name, word)) {
				fprintf(stderr, "%s.%s is listed and there is no such column\n", t->name, word);
				gone++;
			}
		free(copy);
		for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++) {
			bool kind = false;
			for (const struct data_kind *k = data_kinds; k->name != NULL; k++)
				kind |= strcmp(k->name, c->kind) == 0;
			if (!is_column(t->name, c->name) || !kind || listed(t->operational, c->name)) {
				fprintf(stderr, "%s.%s is listed and there is no such column or kind, or it is listed twice\n",
				    t->name, c->name);
				gone++;
			}
		}
	}
	assert_int_equal(gone, 0);
}

/* ---- canaries ---- */

static void erase(const char *url)
{
	static const struct pg_statement *const tables[] = { forget_statements, sweep_statements, whole_statements,
		retention_statements, config_statements, derived_statements, NULL };
	struct pg *pg = NULL;
	char why[300];
	struct forget_order o = { .ws = ws, .id = id_new() };
	struct forget_ends ends = { .told = NULL };
	enum forget_state state = FORGET_MORE;
	assert_true(id_parse(PERSON, &o.person));
	if (pg_open(&pg, url, tables, why, sizeof why) != ERR_NONE)
		fail_msg("%s", why);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_end(pg, forget_person(pg, &o)), ERR_NONE);
	for (int i = 0; i < 1000 && state == FORGET_MORE; i++)
		assert_int_equal(forget_work(pg, ws, o.id, &ends, &state), ERR_NONE);
	assert_int_equal(state, FORGET_DONE);
	pg_close(pg);
}

static void kinds__a_person_is_erased__no_column_holds_anything(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	int bad = 0;
	ws = test_db_workspace("w");
	id_format(ws, ws_text);
	plant(ws_text);
	for (const struct data_table *t = data_tables; t->name != NULL; t++)
		for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++)
			if (c->class != DATA_SECRET && c->way != DATA_NEVER && c->way != DATA_WORK &&
			    holding(t->name, c->name) < 1) {
				fprintf(
				    stderr, "%s.%s holds nothing of the person: plant it in kinds_planted.h\n", t->name, c->name);
				bad++;
			}
	assert_int_equal(bad, 0);
	erase(url);
	for (const struct data_table *t = data_tables; t->name != NULL; t++) {
		char *copy = strdup(t->operational), *save = NULL;
		for (char *word = strtok_r(copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save))
			if (holding(t->name, word) != 0) {
				fprintf(
				    stderr, "%s.%s holds something of the person and is listed as operational\n", t->name, word);
				bad++;
			}
		free(copy);
		for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++)
			if (c->way != DATA_STAYS && holding(t->name, c->name) != 0) {
				fprintf(stderr, "%s.%s still holds something of the person\n", t->name, c->name);
				bad++;
			}
	}
	assert_int_equal(bad, 0);
	/* What is another's is still there. */
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.messages WHERE body = 'what somebody else says'"), "1");
	assert_string_equal(test_db_value("SELECT name FROM eddy.people WHERE id = '" OTHER "'"), "Ben");
}

/* ---- the copy that somebody gets ---- */

/* Every table with something of a person: where the copy has it, or NULL and why it has not. */
static const struct {
	const char *table, *key, *why;
} copied[] = {
	{ "aliases", NULL, "names that a platform gives to messages" },
	{ "api_answers", NULL, "what programs have been told, for a day" },
	{ "api_keys", "api_keys", NULL },
	{ "approvals", "asked_to_send", NULL },
	{ "audiences", NULL, "who reads along, by ids" },
	{ "audit", NULL, "entries that have to stay as they are" },
	{ "audit_details", NULL, "of the audit log" },
	{ "audit_people", NULL, "of the audit log" },
	{ "budget_days", "used_of_the_model", NULL },
	{ "budget_holds", NULL, "what calls at work may cost" },
	{ "budget_told", NULL, "that a cap was told of" },
	{ "budgets", "budgets", NULL },
	{ "config_snapshots", NULL, "settings of teams" },
	{ "context_items", "remembered", NULL },
	{ "embeddings", NULL, "numbers, made of messages" },
	{ "erasure_words", NULL, "while an erasure is at work" },
	{ "erasures", NULL, "while an erasure is at work" },
	{ "feedback", "opinions", NULL },
	{ "forks", "side_threads", NULL },
	{ "held_rows", NULL, "under a legal hold, which nobody looks into" },
	{ "holds", NULL, "legal duties; who is covered is not told why" },
	{ "identities", "identities", NULL },
	{ "inbox", NULL, "what was taken in, by digests and names of platforms" },
	{ "inbox_rejected", NULL, "what could not be taken in" },
	{ "link_codes", NULL, "minutes old" },
	{ "link_tries", NULL, "counts of tries" },
	{ "login_codes", NULL, "minutes old" },
	{ "members", NULL, "roles in teams" },
	{ "messages", "messages", NULL },
	{ "node_configs", NULL, "settings; who wrote them stands in their history" },
	{ "offers", NULL, "questions that wait for minutes" },
	{ "outbox", NULL, "on its way" },
	{ "passwords", "passwords", NULL },
	{ "pending_changes", NULL, "settings that wait for a second person" },
	{ "people", "person", NULL },
	{ "place_people", "reads_along_in", NULL },
	{ "places", NULL, "names of places, with the messages in them" },
	{ "provision_steps", NULL, "the making of teams" },
	{ "provisions", NULL, "the making of teams" },
	{ "reactions", "reactions", NULL },
	{ "reader_changes", NULL, "who could read where, for the replay of answers" },
	{ "relays", NULL, "on its way between two places" },
	{ "resolutions", NULL, "what others said as well" },
	{ "run_steps", NULL, "what a model was told by tools" },
	{ "runs", "questions_to_eddy", NULL },
	{ "sessions", "log_ins", NULL },
	{ "stops", NULL, "addresses that want no mail" },
	{ "summaries", NULL, "what others said as well" },
	{ "threads", NULL, "titles, with the messages in them" },
};

static bool is_of_people(const struct data_table *t)
{
	for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++)
		if (c->class != DATA_SECRET)
			return true;
	return false;
}

static void kinds__a_copy__has_every_table_or_a_reason(void **state)
{
	static const struct pg_statement *const tables[] = { export_statements, NULL };
	const size_t len = sizeof copied / sizeof *copied;
	const char *url = test_db_fresh();
	struct buf json = BUF_INIT;
	struct pg *pg = NULL;
	struct id person;
	char why[300];
	long left = 0;
	int bad = 0;
	(void)state;
	ws = test_db_workspace("w");
	id_format(ws, ws_text);
	plant(ws_text);
	assert_true(test_db_exec(
	    "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) SELECT ws, 'web', external_id, person_id, 1"
	    " FROM eddy.identities WHERE external_id = 'canaryuser'")); /* a page's, as sessions have them */
	assert_true(id_parse(PERSON, &person));
	if (pg_open(&pg, url, tables, why, sizeof why) != ERR_NONE)
		fail_msg("%s", why);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(export_person(pg, ws, person, NULL, 0, &json, &left), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	pg_close(pg);
	json_t *copy = NULL;
	assert_int_equal(json_parse(json.p, json.len, 1u << 20, &copy, NULL), ERR_NONE);
	for (const struct data_table *t = data_tables; t->name != NULL; t++) {
		size_t i = 0;
		while (i < len && strcmp(copied[i].table, t->name) != 0)
			i++;
		if (is_of_people(t) != (i < len)) {
			fprintf(
			    stderr, "%s: say in kinds_test.c what a copy of somebody's data has of it, or why nothing\n", t->name);
			bad++;
		}
	}
	for (size_t i = 0; i < len; i++) {
		const json_t *x = copied[i].key != NULL ? json_object_get(copy, copied[i].key) : NULL;
		if (copied[i].key != NULL &&
		    (x == NULL || (json_is_array(x) && json_array_size(x) == 0) ||
		        (json_is_integer(x) && json_integer_value(x) == 0))) {
			fprintf(stderr, "%s: the copy has no %s\n", copied[i].table, copied[i].key);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
	json_decref(copy);
	buf_done(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds__every_column__is_listed),
		cmocka_unit_test(kinds__every_listed_column__is_there),
		cmocka_unit_test(kinds__a_person_is_erased__no_column_holds_anything),
		cmocka_unit_test(kinds__a_copy__has_every_table_or_a_reason),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
