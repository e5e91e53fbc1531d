/* `eddy replay authority` as scripts use it: what it ends with, and what it says of a difference that was planted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "../../core/base/json.h"
#include "harness.h"

/* `eddy replay authority ${words}` ends with ${code} and says ${says}.  What it said (static). */
static const char *replay(const char *words, int code, const char *says)
{
	static char *out;
	const char *args[12] = { "replay", "authority" };
	char room[300];
	size_t n = 2, len;
	snprintf(room, sizeof room, "%s", words);
	for (char *rest = room, *one; (one = strsep(&rest, " ")) != NULL && n < 11;)
		if (*one != '\0')
			args[n++] = one;
	free(out);
	out = NULL;
	int status = rig_eddy(&rig, 0, args, NULL, &out, &len);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != code || strstr(out, says) == NULL)
		rig_fail(&rig, "replay authority %s ends with %d instead of %d and \"%s\": %s", words, WEXITSTATUS(status), code,
		    says, out);
	return out;
}

static void change(const char *query)
{
	rig_sql_text(&rig, query);
}

/* The counts of --json, after all of it was read as JSON. */
static void assert_json(int code, int differences, int readers, int rule)
{
	json_t *o = json_loads(replay("--json", code, "\"complete\":true"), 0, NULL);
	assert_non_null(o);
	assert_int_equal(json_array_size(json_arr(o, "differences")), differences);
	assert_int_equal(json_int(o, "by_readers", -1), readers);
	assert_int_equal(json_int(o, "by_rule", -1), rule);
	assert_int_equal(json_int(o, "answers", -1), 2);
	json_decref(o);
}

#define OF_OTHERS "'99999999-0000-4000-8000-000000000001'"
#define PLACE "'99999999-0000-4000-8000-000000000002'"

static void replay__ends__as_its_help_says(void **state)
{
	(void)state;
	char words[120], *said;
	rig_serve(&rig, 0, NULL);
	rig_say(&rig, "C1", NULL, 1, "what can you do?");
	rig_say(&rig, "C1", NULL, 2, "and what else?");
	rig_wait_answers(&rig, 1, 2, 60000);
	rig_settle(&rig, 20000);
	/* 0: the rule says what it said. */
	replay("", 0, "different                 0");
	assert_json(0, 0, 0, 0);
	replay("--since yesterday --limit 1", 0, "runs looked at              1");
	/* 2: not understood; 1: it could not be done; 3: settings. */
	replay("--limit 0", 2, "--limit is a number from 1 on");
	replay("--limit many", 2, "--limit is a number from 1 on");
	replay("now", 2, "try: eddy");
	replay("--wherever", 2, "try: eddy");
	replay("--since whenever", 1, "A moment looks like");
	replay("--run this", 1, "run");
	replay("--run 99999999-0000-4000-8000-00000000000x", 1, "A run is named by its id.");
	replay("-s database.url=postgresql://127.0.0.1:1/eddy", 1, "");
	replay("-s web.connections=many", 3, "web.connections");
	said = strdup(replay("--person slack:UNOBODY", 1, "Nobody is known by that name"));
	*strstr(said, "request") = '\0';
	/* Of another workspace: as if it were nobody. */
	change("INSERT INTO workspaces (ws, name) VALUES ('11111111-1111-4111-8111-111111111111', 'two')");
	change(
	    "INSERT INTO people (ws, id, name) VALUES ('11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222', 'Ann')");
	replay("--person 22222222-2222-4222-8222-222222222222", 1, said);
	free(said);
	/* 5: an answer rests on a private place, against the rule of any day. */
	change("INSERT INTO audiences (ws, id, kind, subject) SELECT ws, " OF_OTHERS ", 1, " PLACE " FROM places LIMIT 1");
	change("INSERT INTO places (ws, id, adapter, external_id, name, visibility, member, audience_id) SELECT ws, " PLACE
	       ", 'slack', 'CBOARD', 'board', 2, true, " OF_OTHERS " FROM places LIMIT 1");
	change("UPDATE runs SET reads = ARRAY[" OF_OTHERS
	       "::uuid], finished_at = clock_timestamp() WHERE id = (SELECT max(id::text)::uuid FROM runs"
	       " WHERE state = 3)");
	replay("", 5, "because   THE RULE: of the readers of then it says today \"left out\"");
	replay("", 5, "read may not   board (private): that place is private");
	assert_json(5, 1, 0, 1);
	snprintf(words, sizeof words, "--run %s", rig_sql_text(&rig, "SELECT id FROM runs WHERE reads IS NOT NULL"));
	replay(words, 5, "the rule                1");
	snprintf(words, sizeof words, "--run %s", rig_sql_text(&rig, "SELECT id FROM runs WHERE reads IS NULL AND state = 3"));
	replay(words, 0, "different                 0");
	/* It was open when the answer was given, and was closed since. */
	change("UPDATE places SET visibility = 4 WHERE external_id = 'CBOARD'");
	change("UPDATE runs SET finished_at = clock_timestamp() WHERE reads IS NOT NULL");
	assert_json(0, 0, 0, 0);
	change("UPDATE places SET visibility = 2 WHERE external_id = 'CBOARD'");
	replay("", 5, "because   the readers have changed since");
	assert_json(5, 1, 1, 0);
	/* Nothing of the world of then stays, and each look is in the audit log. */
	assert_int_equal(rig_sql(&rig, "SELECT visibility FROM places WHERE external_id = 'CBOARD'"), 2);
	assert_int_equal(rig_sql(&rig, "SELECT count(*) FROM reader_changes WHERE subject = " PLACE), 2);
	assert_true(rig_sql(&rig, "SELECT count(*) FROM audit WHERE verb = 'authority.replay'") >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replay__ends__as_its_help_says, rig_set_up, rig_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
