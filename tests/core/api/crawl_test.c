/*
 * Every procedure from one workspace to another: its owner names every id of the other one, in every argument that takes a text.  What comes
 * back is what a random id gets, to the letter and with as many statements, and nothing of the other workspace changes.  The same for a member who names what
 * others have in their own workspace.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/api/api.h"
#include "../../../core/base/buf.h"
#include "../../../core/base/json.h"
#include "../../../core/base/mem.h"
#include "../../support/db.h"
#include "../../support/every_row.h"

#define A "aaaaaaaa-0000-4000-8000-00000000000a"
#define B "bbbbbbbb-0000-4000-8000-00000000000b"
#define OWNER "bbbbbbbb-0000-4000-8000-0000000000b1"
#define RANDOM "cccccccc-1111-4222-8333-444444444444"
#define IDS_MAX 120

static struct pg *pg;
static struct caller by;
static char *ids[IDS_MAX];
static size_t ids_n;
/* Names of the other workspace's things that are no ids, and of the same form such as nobody has. */
static const char *const names[][2] = { { "only-a", "none-a" }, { "slack:CONLYA1", "slack:CNONEA1" },
	{ "slack:UONLYA1", "slack:UNONEA1" }, { "github_repo=only/a", "github_repo=none/a" } };

static const char others[] =
    "UPDATE eddy.nodes SET slug = 'only-a' WHERE ws = '" A "' AND parent_id IS NOT NULL;"
    "UPDATE eddy.places SET adapter = 'slack', external_id = 'CONLYA1' WHERE ws = '" A "';"
    "UPDATE eddy.identities SET adapter = 'slack', external_id = 'UONLYA1' WHERE ws = '" A "';"
    "INSERT INTO eddy.routes (ws, kind, value, node_id) SELECT ws, 6, 'only/a', id FROM eddy.nodes WHERE slug = 'only-a'";
/* The own workspace, as if nobody had written anything in it. */
static const char own[] =
    "SET session_replication_role = replica; DO $$ DECLARE t text; BEGIN FOR t IN SELECT relname FROM pg_class WHERE relnamespace = 'eddy'::regnamespace"
    " AND relkind = 'r' AND relname <> 'schema_migrations' LOOP EXECUTE format('DELETE FROM eddy.%I WHERE ws = $1', t) USING '" B
    "'::uuid; END LOOP; END $$;"
    "SET session_replication_role = origin; INSERT INTO eddy.workspaces (ws, name) VALUES ('" B "', 'b');"
    "INSERT INTO eddy.people (ws, id, name) VALUES ('" B "', '" OWNER "', 'Olga');"
    "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('" B "', 'web', 'local', '" OWNER "', 2)";
/* Every id in every table of A. */
static const char collector[] =
    "CREATE FUNCTION public.ids_of(w uuid) RETURNS text LANGUAGE plpgsql AS $$ DECLARE x record; one text; out text := ''; BEGIN"
    " FOR x IN SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relnamespace = 'eddy'::regnamespace"
    "  AND c.relkind = 'r' AND c.relname <> 'schema_migrations' AND a.attnum > 0 AND a.atttypid = 'uuid'::regtype ORDER BY 1, 2 LOOP"
    "  EXECUTE format('SELECT %I::text FROM eddy.%I WHERE ws = $1 LIMIT 1', x.attname, x.relname) INTO one USING w;"
    "  IF one IS NOT NULL AND strpos(out, one) = 0 AND (x.attname = 'id' OR x.attname = 'ws') THEN out := out || one || ' '; END IF; END LOOP; RETURN out; END $$";

static int set_up(void **state)
{
	(void)state;
	char why[200], list[8000];
	if (pg_open(&pg, test_db_fresh(), api_tables, why, sizeof why) != ERR_NONE || !test_db_exec(hints) ||
	    !test_db_exec(generator) || !test_db_exec(collector) ||
	    !test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" A "', 'a')") ||
	    !test_db_exec("SELECT public.fill('" A "')") || !test_db_exec(others) || !test_db_exec(own))
		return -1;
	snprintf(list, sizeof list, "%s", test_db_value("SELECT public.ids_of('" A "')"));
	for (char *s = strtok(list, " "); s != NULL && ids_n < IDS_MAX; s = strtok(NULL, " "))
		ids[ids_n++] = xstrdup(s);
	struct id ws, person;
	id_parse(B, &ws);
	id_parse(OWNER, &person);
	return pg_begin(pg, ws) == ERR_NONE && authority_of(pg, ws, person, "web", &by) == ERR_NONE && pg_commit(pg) == ERR_NONE &&
	        by.role == ROLE_OWNER
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	for (size_t i = 0; i < ids_n; i++)
		free(ids[i]);
	return 0;
}

/* ---- one call ---- */

struct answer {
	enum api_code code;
	struct buf body; /* without what was asked for */
	int statements;
};

static void mask(struct buf *b, const char *what)
{
	for (char *at; (at = strstr(b->p, what)) != NULL;)
		memset(at, '*', strlen(what));
}

static int executes(const char *trace)
{
	int n = 0;
	for (const char *s = trace; (s = strstr(s, "\tExecute\t")) != NULL; s++)
		n++;
	return n - (strstr(trace, "\"pg_replan\"") != NULL); /* now and then, whatever is asked */
}

static void call(const struct api_proc *p, const char *property, bool list, const char *value, struct answer *a)
{
	struct problem problem;
	json_t *out = NULL, *args = json_loads(p->example, 0, NULL);
	char *trace = NULL;
	size_t trace_n = 0;
	FILE *f = open_memstream(&trace, &trace_n);
	json_object_del(args, "team"); /* of the example: it is not there */
	json_object_set_new(args, property, list ? json_pack("[s]", value) : json_string(value));
	assert_int_equal(pg_begin(pg, by.ws), ERR_NONE); /* what the call before has left to be read */
	assert_int_equal(pg_commit(pg), ERR_NONE);
	PQtrace(pg_conn(pg), f);
	PQsetTraceFlags(pg_conn(pg), PQTRACE_SUPPRESS_TIMESTAMPS);
	a->code = api_run(NULL, pg, &by, p->name, args, id_new(), &out, &problem);
	PQuntrace(pg_conn(pg));
	fclose(f);
	a->statements = executes(trace);
	a->body = (struct buf)BUF_INIT;
	if (a->code != API_OK) {
		problem_json(&problem, "r", &a->body);
	} else {
		char *text = json_dumps(out, 0);
		buf_add_str(&a->body, text);
		free(text);
	}
	mask(&a->body, value);
	free(trace);
	json_decref(out);
	json_decref(args);
}

static int calls;

static void compare(const struct api_proc *p, const char *property, bool list, const char *real, const struct answer *random)
{
	struct answer got;
	call(p, property, list, real, &got);
	calls++;
	if (got.code != random->code)
		fail_msg("%s %s=%s: %s instead of %s", p->name, property, real, problem_name(got.code), problem_name(random->code));
	if (got.code == API_OK && (strstr(got.body.p, A) != NULL || strstr(got.body.p, "needle") != NULL))
		fail_msg("%s %s=%s: %s", p->name, property, real, got.body.p);
	if (got.code != API_OK && strcmp(got.body.p, random->body.p) != 0)
		fail_msg("%s %s=%s: %s instead of %s", p->name, property, real, got.body.p, random->body.p);
	if (got.code != API_OK && got.statements != random->statements)
		fail_msg("%s %s=%s: %d statements instead of %d", p->name, property, real, got.statements, random->statements);
	buf_done(&got.body);
}

static void crawl(const struct api_proc *p, const char *property, bool list)
{
	struct answer random;
	call(p, property, list, RANDOM, &random);
	/* A text that may be anything: what was written goes again, or it would be found by its name. */
	bool free_text = random.code == API_OK && p->effect == API_WRITE;
	for (size_t i = 0; i < (free_text ? 2 : ids_n); i++) {
		if (free_text)
			assert_true(test_db_exec(own));
		compare(p, property, list, ids[i], &random);
	}
	buf_done(&random.body);
	for (size_t i = 0; i < (free_text ? 1 : sizeof names / sizeof *names); i++) {
		if (free_text)
			assert_true(test_db_exec(own));
		call(p, property, list, names[i][1], &random);
		if (free_text)
			assert_true(test_db_exec(own));
		compare(p, property, list, names[i][0], &random);
		buf_done(&random.body);
	}
	if (free_text)
		assert_true(test_db_exec(own));
}

/* Whether an argument takes a text, or a list of texts; not one of few words. */
static bool takes_text(const json_t *schema, bool *list)
{
	const json_t *items = json_obj(schema, "items");
	*list = items != NULL;
	const json_t *s = items != NULL ? items : schema;
	return strcmp(json_str(s, "type", ""), "string") == 0 && json_object_get(s, "enum") == NULL;
}

static void procedures__with_ids_of_another_workspace__answer_as_to_random_ones(void **state)
{
	(void)state;
	char *before = xstrdup(test_db_value("SELECT public.rows_of('" A "')"));
	int procedures = 0;
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++) {
			json_t *in = json_loads(p->in, 0, NULL), *schema;
			const char *property;
			procedures++;
			json_object_foreach (json_obj(in, "properties"), property, schema) {
				bool list;
				if (takes_text(schema, &list))
					crawl(p, property, list);
			}
			json_decref(in);
		}
	assert_true(procedures > 30 && calls > 1000);
	char *after = xstrdup(test_db_value("SELECT public.rows_of('" A "')"));
	if (strcmp(before, after) != 0)
		fail_msg("before: %s\nafter: %s", before, after);
	free(before);
	free(after);
}

/* ---- in one's own workspace ---- */

#define C "dddddddd-0000-4000-8000-00000000000d"
#define MEMBER "dddddddd-0000-4000-8000-0000000000d1"

/* Somebody new there, with nothing of their own, where each table has a row of others'. */
static void make_member(void)
{
	struct id ws, person;
	assert_true(test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" C "', 'c')"));
	assert_true(test_db_exec("SELECT public.fill('" C "')"));
	assert_true(test_db_exec("INSERT INTO eddy.people (ws, id, name) VALUES ('" C "', '" MEMBER "', 'Mia');"
	                         "INSERT INTO eddy.identities (ws, adapter, external_id, person_id, verified) VALUES ('" C
	                         "', 'test', 'mia', '" MEMBER "', 2)"));
	id_parse(C, &ws);
	id_parse(MEMBER, &person);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(authority_of(pg, ws, person, "web", &by), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(by.role, ROLE_MEMBER);
}

static void compare_all(const struct api_proc *p, const char *property, bool list, const char *all)
{
	struct answer random, got;
	char *copy = xstrdup(all), *rest = copy;
	call(p, property, list, RANDOM, &random);
	/* A text that may be anything: nothing is looked for. */
	bool free_text = random.code == API_OK && p->effect == API_WRITE;
	for (char *one; !free_text && (one = strsep(&rest, " ")) != NULL;) {
		if (*one == '\0')
			continue;
		call(p, property, list, one, &got);
		calls++;
		if (got.code != random.code || strcmp(got.body.p, random.body.p) != 0 || got.statements != random.statements)
			fail_msg("%s %s=%s: %s after %d statements: %s, instead of %s after %d: %s", p->name, property, one,
			    problem_name(got.code), got.statements, got.body.p, problem_name(random.code), random.statements,
			    random.body.p);
		buf_done(&got.body);
	}
	buf_done(&random.body);
	free(copy);
}

static void procedures__of_a_member_with_ids_of_others__answer_as_to_random_ones(void **state)
{
	(void)state;
	calls = 0;
	make_member();
	char *all = xstrdup(test_db_value("SELECT public.ids_of('" C "')"));
	for (const struct api_proc *const *g = api_groups; *g != NULL; g++)
		for (const struct api_proc *p = *g; p->name != NULL; p++) {
			json_t *in = json_loads(p->in, 0, NULL), *schema;
			const char *property;
			json_object_foreach (json_obj(in, "properties"), property, schema) {
				bool list;
				/* Units and teams are no secret among members: org.list names them. */
				if (takes_text(schema, &list) && strcmp(property, "team") != 0)
					compare_all(p, property, list, all);
			}
			json_decref(in);
		}
	assert_true(calls > 500);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(procedures__with_ids_of_another_workspace__answer_as_to_random_ones),
		cmocka_unit_test(procedures__of_a_member_with_ids_of_others__answer_as_to_random_ones),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
