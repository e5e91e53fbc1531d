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

#include "../../../core/base/buf.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds__every_column__is_listed),
		cmocka_unit_test(kinds__every_listed_column__is_there),
		cmocka_unit_test(kinds__a_person_is_erased__no_column_holds_anything),
	};
	return cmocka_run_group_tests(tests, set_up, NULL);
}
