/*
 * Erasing a whole workspace: nothing of it is left in a plain dump, whatever the column; nothing of another is touched; a kill costs a piece; a hold refuses; what was put
 * back from a backup goes again; what comes afterwards finds nothing.
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
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../core/audit/chain.h"
#include "../../../core/audit/verify.h"
#include "../../../core/base/buf.h"
#include "../../../core/memory/erased.h"
#include "../../../core/memory/retention.h"
#include "../../../core/memory/sweep.h"
#include "../../../core/memory/whole.h"
#include "../../../core/store/kinds.h"
#include "../../../core/teams/config_store.h"
#include "../../support/every_row.h"
#include "planted.h"

static const char words[] = /* clang-format keeps its hands off an included string */
#include "whole_planted.h"
    ;
#define STAYS "audit audit_chain audit_seals erasures installs "

static const struct pg_statement *const tables[] = { forget_statements, sweep_statements, retention_statements, config_statements,
	derived_statements, again_statements, whole_statements, hold_statements, chain_statements, verify_statements, NULL };

static const char *url, *dir;
static struct id gone, other;
static char gone_text[ID_TEXT], other_text[ID_TEXT];
static struct pg *pg;

static struct pg *connect_to(const char *to)
{
	struct pg *p = NULL;
	char why[300];
	if (pg_open(&p, to, tables, why, sizeof why) != ERR_NONE)
		fail_msg("%s", why);
	return p;
}

/* $W: the workspace */
static const char *with(const char *sql, const char *ws)
{
	static struct buf b = BUF_INIT;
	buf_reset(&b);
	for (const char *p = sql; *p != '\0'; p++) {
		if (p[0] == '$' && p[1] == 'W') {
			buf_addf(&b, "'%s'", ws);
			p++;
		} else
			buf_add_char(&b, *p);
	}
	return b.p;
}

static const char *ask(const char *sql, const char *ws)
{
	const char *v = test_db_value(with(sql, ws));
	return v == NULL ? "" : v;
}

static void run(const char *sql, const char *ws)
{
	assert_true(test_db_exec(with(sql, ws)));
}

/* Two workspaces with a row in every table; in one a canary in every column that takes one. */
static void fill(struct id ws)
{
	dir = test_dir();
	url = test_db_fresh();
	other = test_db_workspace("other");
	id_format(other, other_text);
	gone = ws;
	id_format(gone, gone_text);
	run("INSERT INTO eddy.workspaces (ws, name) VALUES ($W, 'w');"
	    "INSERT INTO eddy.installs (adapter, external_id, ws, name, granted) VALUES ('slack', 'TCANARY', $W, 'canary inc', true)",
	    gone_text);
	assert_true(test_db_exec(hints));
	assert_true(test_db_exec(generator));
	assert_true(test_db_exec(words));
	plant(gone_text);
	assert_true(holding("messages", "body") >= 3);
	run("SELECT public.fill($W)", gone_text);
	run("SELECT public.fill($W)", other_text);
	run("DELETE FROM eddy.installs WHERE ws = $W AND external_id <> 'TCANARY'", gone_text);
	/* Erasures of the generator are none of these. */
	run("UPDATE eddy.erasures SET kind = 3, state = 1; UPDATE eddy.holds SET ended_at = now(); UPDATE eddy.runs SET state = 1",
	    "");
	assert_true(atoi(ask("SELECT public.tell($W)", gone_text)) >= 80);
	run("UPDATE eddy.installs SET external_id = 'TCANARY', adapter = 'slack', granted = true WHERE ws = $W;"
	    "UPDATE eddy.erasures SET subject = NULL, asked_by = (SELECT id FROM eddy.people WHERE ws = $W LIMIT 1) WHERE ws = $W",
	    gone_text);
	pg = connect_to(url);
}

static int set_up(void **state)
{
	(void)state;
	fill(id_new());
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

/* Lines of a plain dump that have what was planted, in letters or as bytes. */
static int in_dump(void)
{
	const char *bin = getenv("EDDY_TEST_PG_BIN");
	char command[600];
	char *line = NULL;
	size_t room = 0;
	int n = 0, lines = 0;
	snprintf(command, sizeof command, "%s/pg_dump '%s'", bin != NULL ? bin : "/usr/lib/postgresql/15/bin", test_db_admin());
	FILE *f = popen(command, "re");
	assert_non_null(f);
	while (getline(&line, &room, f) > 0) {
		lines++;
		/* public.tell() itself stands in the dump */
		bool has = strcasestr(line, "canary") != NULL || strstr(line, "63616e617279") != NULL ||
		    strstr(line, PERSON) != NULL || strstr(line, "cacacaca-") != NULL;
		if (has && strstr(line, "EXECUTE format") == NULL && strstr(line, "WHEN '") == NULL &&
		    strstr(line, "BEGIN FOR c IN") == NULL) {
			n++;
			if (n < 10)
				fprintf(stderr, "in the dump: %.300s", line);
		}
	}
	free(line);
	assert_int_equal(pclose(f), 0);
	assert_true(lines > 500);
	return n;
}

static enum err into_dir(void *arg, const struct erased *line)
{
	return erased_note(arg, line);
}

static enum err order(enum whole_answer *answer, struct id *erasure)
{
	struct whole_order o = { .ws = gone, .name = "TCANARY", .asked = FORGET_ASKED_OPERATOR };
	enum err e = whole_order(pg, &o);
	*answer = o.answer;
	*erasure = o.erasure;
	return e;
}

static int heard;

static void on_gone(void *arg)
{
	(void)arg;
	heard++;
}

static enum forget_state work(struct pg *p, struct id erasure, int pieces)
{
	enum forget_state s = FORGET_LATER;
	struct forget_ends ends = { .note = into_dir, .gone = on_gone, .arg = (void *)(uintptr_t)dir };
	for (int i = 0; i < pieces && (s == FORGET_LATER || s == FORGET_MORE); i++)
		assert_int_equal(forget_work(p, gone, erasure, &ends, &s), ERR_NONE);
	return s;
}

static char receipt[4000];
static struct forget_receipt got;

static void take(void *arg, const struct forget_receipt *r)
{
	snprintf(receipt, sizeof receipt, "%s", r->counts);
	got = *r;
	++*(int *)arg;
}

static void sum(void *arg, const char *kind, int64_t rows)
{
	(void)kind;
	*(int64_t *)arg += rows;
}

static void whole__two_workspaces__one_goes_and_the_other_stays_as_it_is(void **state)
{
	(void)state;
	enum whole_answer answer;
	struct id erasure;
	struct audit_sealed sealed = { 0 };
	struct audit_verdict verdict;
	int n = 0;
	int64_t rows = 0;
	assert_true(in_dump() > 80);
	/* The generator's entries of the log are no chain; these are. */
	run("DELETE FROM eddy.audit_chain; DELETE FROM eddy.audit_seals; DELETE FROM eddy.audit_details; DELETE FROM eddy.audit_people; DELETE FROM eddy.audit;"
	    "INSERT INTO eddy.audit (ws, id, verb, actor_id, detail) SELECT $W, gen_random_uuid(), 'test', id, '{\"a\": \"canary\"}' FROM eddy.people WHERE ws = $W",
	    gone_text);
	run("DELETE FROM eddy.audit_chain WHERE ws = $W", other_text);
	assert_int_equal(audit_seal(pg, gone, &sealed), ERR_NONE);
	free(sealed.links);
	assert_true(sealed.n >= 3);
	char *before = strdup(ask("SELECT public.rows_of($W)", other_text));
	assert_int_equal(pg_begin(pg, gone), ERR_NONE);
	assert_int_equal(pg_end(pg, whole_count(pg, gone, sum, &rows)), ERR_NONE);
	assert_true(rows > 80);

	heard = 0;
	assert_int_equal(order(&answer, &erasure), ERR_NONE);
	assert_int_equal(answer, WHOLE_ORDERED);
	assert_string_equal(ask("SELECT count(*) FROM eddy.installs WHERE external_id = 'TCANARY'", ""), "0");
	assert_int_equal(work(pg, erasure, 10000), FORGET_DONE);
	assert_int_equal(heard, 2);
	assert_string_equal(ask("SELECT public.left_of($W)", gone_text), STAYS);
	assert_int_equal(in_dump(), 0);
	assert_string_equal(ask("SELECT public.rows_of($W)", other_text), before);
	free(before);

	/* The log is whole, the ledger has it, and the receipt counts what went. */
	assert_int_equal(audit_seal(pg, gone, &sealed), ERR_NONE);
	free(sealed.links);
	assert_int_equal(pg_begin(pg, gone), ERR_NONE);
	assert_int_equal(pg_end(pg, audit_verify(pg, gone, NULL, NULL, NULL, &verdict)), ERR_NONE);
	assert_int_equal(verdict.findings, 0);
	assert_true(verdict.entries >= 4 && verdict.erased >= 3);
	assert_int_equal(whole_receipts(pg, erasure, take, &n), ERR_NONE);
	assert_int_equal(n, 1);
	assert_int_equal(got.kind, ERASED_WORKSPACE);
	assert_int_equal(got.state, 2);
	int64_t counted = 0;
	for (const char *p = receipt; (p = strstr(p, ": ")) != NULL; p += 2)
		counted += atoll(p + 2);
	assert_int_equal(counted, rows);
	assert_true(got.messages >= 5 && got.threads >= 2);
	assert_int_equal(order(&answer, &erasure), ERR_NONE);
	assert_int_equal(answer, WHOLE_GONE);
}

static void whole__whoever_has_not_heard_of_it__can_write_nothing(void **state)
{
	(void)state;
	enum whole_answer answer;
	struct id erasure;
	/* Before it is ordered nothing of these can be deleted at all. */
	char sql[200];
	snprintf(sql, sizeof sql,
	    "SET ROLE eddy_test_eddy; SET app.ws = '%.36s'; DELETE FROM eddy.messages; RESET ROLE; RESET app.ws", gone_text);
	char *messages = strdup(ask("SELECT count(*) FROM eddy.messages WHERE ws = $W", gone_text));
	assert_true(test_db_exec(sql));
	assert_string_equal(ask("SELECT count(*) FROM eddy.messages WHERE ws = $W", gone_text), messages);
	free(messages);
	assert_int_equal(order(&answer, &erasure), ERR_NONE);
	assert_int_equal(work(pg, erasure, 30), FORGET_LATER);
	/* In the middle: it goes with the rest. */
	run("INSERT INTO eddy.people (ws, id, name) VALUES ($W, gen_random_uuid(), 'canary late'); INSERT INTO eddy.sessions (ws, id, subject, name, refresh_hash, expires_at)"
	    " VALUES ($W, gen_random_uuid(), 'canary', 'canary', '\\x00', now())",
	    gone_text);
	assert_int_equal(work(pg, erasure, 10000), FORGET_DONE);
	assert_string_equal(ask("SELECT public.left_of($W)", gone_text), STAYS);
	assert_int_equal(in_dump(), 0);
	/* Afterwards: the keys refuse it. */
	static const char *const late[] = { "INSERT INTO eddy.people (ws, id, name) VALUES ($W, gen_random_uuid(), 'canary')",
		"INSERT INTO eddy.sessions (ws, id, subject, name, refresh_hash, expires_at) VALUES ($W, gen_random_uuid(), 'canary', 'canary', '\\x00', now())",
		"INSERT INTO eddy.nodes (ws, id, kind, slug, name) VALUES ($W, gen_random_uuid(), 1, 'canary', 'canary')",
		"INSERT INTO eddy.secrets (ws, kind, name, key_id, nonce, sealed) VALUES ($W, 'own', 'canary', 'xxxxxxxxxxxxxxxx', decode(repeat('01', 24), 'hex'), decode(repeat('01', 17), 'hex'))",
		"INSERT INTO eddy.threads (ws, id, place_id, external_key, audience_id, seq, taking_part, last_author) VALUES ($W, gen_random_uuid(), gen_random_uuid(), 'canary', gen_random_uuid(), 1, true, 1)",
		"INSERT INTO eddy.holds (ws, id, kind, subjects, reason) VALUES ($W, gen_random_uuid(), 4, '{}', 'canary')" };
	for (size_t i = 0; i < sizeof late / sizeof *late; i++) {
		assert_false(test_db_exec(with(late[i], gone_text)));
	}
	bool ended = false;
	assert_int_equal(pg_begin(pg, gone), ERR_NONE);
	assert_int_equal(pg_end(pg, whole_ended(pg, gone, &ended)), ERR_NONE);
	assert_true(ended);
}

/* Pieces until ${sql} gives ${value}; refused ones are done again. */
static void until(struct id erasure, const char *sql, const char *value)
{
	struct forget_ends ends = { .note = into_dir, .arg = (void *)(uintptr_t)dir };
	enum forget_state s = FORGET_LATER;
	for (int i = 0; i < 10000 && strcmp(ask(sql, gone_text), value) != 0; i++) {
		enum err e = forget_work(pg, gone, erasure, &ends, &s);
		assert_true(e == ERR_NONE || e == ERR_RETRY);
	}
	assert_string_equal(ask(sql, gone_text), value);
}

static void whole__something_is_written_to_what_was_cleared__it_begins_again(void **state)
{
	(void)state;
	enum whole_answer answer;
	struct id erasure;
	assert_int_equal(order(&answer, &erasure), ERR_NONE);
	/* After the messages, before the threads that they would be in; more than one piece of them. */
	until(erasure,
	    "SELECT (step > 1 AND NOT EXISTS (SELECT 1 FROM eddy.messages WHERE ws = $W))::text FROM eddy.erasures WHERE ws = $W AND kind = 6",
	    "true");
	assert_int_equal(work(pg, erasure, 1), FORGET_LATER);
	run("INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id) SELECT t.ws, gen_random_uuid(), t.id, n + 1000000, n, 1, 'canary',"
	    " t.audience_id FROM (SELECT * FROM eddy.threads WHERE ws = $W LIMIT 1) t, generate_series(1, 1200) n",
	    gone_text);
	assert_string_equal(ask("SELECT count(*) FROM eddy.messages WHERE ws = $W", gone_text), "1200");
	until(erasure, "SELECT state FROM eddy.erasures WHERE ws = $W AND kind = 6", "2");
	assert_string_equal(ask("SELECT public.left_of($W)", gone_text), STAYS);
	assert_int_equal(in_dump(), 0);
}

static void whole__killed_at_any_moment__is_finished_by_the_next(void **state)
{
	(void)state;
	enum whole_answer answer;
	struct id erasure;
	int64_t rows = 0;
	int n = 0, killed = 0;
	run("UPDATE eddy.erasures SET state = 2 WHERE ws = $W", gone_text);
	run("UPDATE eddy.erasures SET state = 2 WHERE ws = $W", other_text);
	assert_int_equal(pg_begin(pg, gone), ERR_NONE);
	assert_int_equal(pg_end(pg, whole_count(pg, gone, sum, &rows)), ERR_NONE);
	char *before = strdup(ask("SELECT public.rows_of($W)", other_text));
	assert_int_equal(order(&answer, &erasure), ERR_NONE);
	for (int step = 0; step < 60; step += 6) {
		char sql[200];
		int status = -1;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct pg *own = NULL;
			char why[300];
			enum forget_state s = FORGET_LATER;
			struct forget_ends ends = { .note = into_dir, .arg = (void *)(uintptr_t)dir };
			if (pg_open(&own, url, tables, why, sizeof why) == ERR_NONE)
				while (s == FORGET_LATER && forget_work(own, gone, erasure, &ends, &s) == ERR_NONE)
					;
			_exit(0);
		}
		snprintf(sql, sizeof sql, "SELECT 1 FROM eddy.erasures WHERE kind = 6 AND (step >= %d OR state = 2)", step);
		while (test_db_value(sql) == NULL && waitpid(pid, &status, WNOHANG) == 0)
			;
		if (status == -1) {
			kill(pid, SIGKILL);
			assert_int_equal(waitpid(pid, NULL, 0), pid);
			killed++;
		}
	}
	assert_true(killed >= 5);
	/* Asked for again, it is the same one. */
	struct id again = ID_NONE;
	struct whole found[4];
	size_t k = 0;
	assert_int_equal(order(&answer, &again), ERR_NONE);
	assert_true(answer == WHOLE_AT_WORK ? id_equal(again, erasure) : answer == WHOLE_GONE);
	assert_int_equal(whole_find(pg, "TCANARY", found, 4, &k), ERR_NONE);
	assert_true(answer == WHOLE_GONE || (k == 1 && id_equal(found[0].erasure, erasure)));
	assert_int_equal(work(pg, erasure, 10000), FORGET_DONE);
	assert_string_equal(ask("SELECT public.left_of($W)", gone_text), STAYS);
	assert_string_equal(ask("SELECT public.rows_of($W)", other_text), before);
	assert_int_equal(in_dump(), 0);
	free(before);
	/* A piece that was killed is counted once. */
	assert_int_equal(whole_receipts(pg, erasure, take, &n), ERR_NONE);
	int64_t counted = 0;
	for (const char *p = receipt; (p = strstr(p, ": ")) != NULL; p += 2)
		counted += atoll(p + 2);
	assert_int_equal(counted, rows);
	assert_string_equal(ask("SELECT count(*) FROM eddy.audit WHERE verb = 'workspace.erased'", ""), "1");
}

static void whole__a_hold_on_anything_there__refuses_it(void **state)
{
	(void)state;
	struct id erasure;
	for (int kind = 1; kind <= 4; kind++) {
		char sql[300];
		enum whole_answer answer;
		run("DELETE FROM eddy.holds WHERE ws = $W", gone_text);
		snprintf(sql, sizeof sql,
		    "INSERT INTO eddy.holds (ws, id, kind, subjects, reason) VALUES ($W, gen_random_uuid(), %d, ARRAY[gen_random_uuid()], 'Case 17')",
		    kind);
		run(sql, gone_text);
		assert_int_equal(order(&answer, &erasure), ERR_NONE);
		assert_int_equal(answer, WHOLE_HELD);
	}
	assert_string_equal(ask("SELECT count(*) FROM eddy.erasures WHERE kind = 6", ""), "0");
	assert_string_equal(ask("SELECT count(*) FROM eddy.installs WHERE external_id = 'TCANARY'", ""), "1");
	run("UPDATE eddy.holds SET ended_at = now() WHERE ws = $W", gone_text);
	enum whole_answer answer;
	assert_int_equal(order(&answer, &erasure), ERR_NONE);
	assert_int_equal(answer, WHOLE_ORDERED);
	/* And one that comes later is not placed. */
	struct hold h = { .id = id_new(), .kind = HOLD_WORKSPACE, .subjects = &gone, .subjects_len = 1, .reason = "late" };
	assert_int_equal(pg_begin(pg, gone), ERR_NONE);
	assert_int_equal(pg_end(pg, hold_place(pg, gone, &h)), ERR_DENIED);
}

static void whole__home__is_refused(void **state)
{
	(void)state;
	enum whole_answer answer;
	struct id erasure;
	run("UPDATE eddy.installs SET adapter = 'local', external_id = 'default' WHERE ws = $W", gone_text);
	assert_int_equal(order(&answer, &erasure), ERR_NONE);
	assert_int_equal(answer, WHOLE_HOME);
}

static struct whole_order due;

static void on_due(void *arg, const struct whole_order *o)
{
	++*(int *)arg;
	due = *o;
}

static struct whole_waiting waiting;

static void on_waiting(void *arg, const struct whole_waiting *w)
{
	++*(int *)arg;
	waiting = *w;
}

static void whole__app_taken_away__goes_after_the_grace_alone(void **state)
{
	(void)state;
	int n = 0;
	run("UPDATE eddy.installs SET removed_at = now(), erase_at = now() + interval '2 hours' WHERE ws = $W", gone_text);
	assert_int_equal(whole_due(pg, 3600000, on_due, &n), ERR_NONE);
	assert_int_equal(n, 0);
	assert_int_equal(whole_report(pg, on_waiting, &n), ERR_NONE);
	assert_int_equal(n, 1);
	assert_false(waiting.at_work || waiting.held);
	/* It is added again while somebody looks at what is due. */
	struct whole_order o = { .ws = gone, .name = "TCANARY", .asked = FORGET_ASKED_TIME, .ahead_ms = 3 * 3600000 };
	run("UPDATE eddy.installs SET removed_at = NULL, erase_at = NULL WHERE ws = $W", gone_text);
	assert_int_equal(whole_order(pg, &o), ERR_NONE);
	assert_int_equal(o.answer, WHOLE_NOT_DUE);
	n = 0;
	assert_int_equal(whole_due(pg, 3 * 3600000, on_due, &n), ERR_NONE);
	assert_int_equal(n, 0);
	/* A hold keeps it, and then nothing does. */
	run("UPDATE eddy.installs SET removed_at = now(), erase_at = now() - interval '1 hour' WHERE ws = $W;"
	    "UPDATE eddy.holds SET ended_at = NULL WHERE ws = $W",
	    gone_text);
	assert_int_equal(whole_due(pg, 0, on_due, &n), ERR_NONE);
	assert_int_equal(due.answer, WHOLE_HELD);
	n = 0;
	assert_int_equal(whole_report(pg, on_waiting, &n), ERR_NONE);
	assert_true(n == 1 && waiting.held);
	run("UPDATE eddy.holds SET ended_at = now() WHERE ws = $W", gone_text);
	n = 0;
	assert_int_equal(whole_due(pg, 0, on_due, &n), ERR_NONE);
	assert_int_equal(n, 1);
	assert_int_equal(due.answer, WHOLE_ORDERED);
	n = 0;
	assert_int_equal(whole_report(pg, on_waiting, &n), ERR_NONE);
	assert_true(n == 1 && waiting.at_work);
	assert_int_equal(work(pg, due.erasure, 10000), FORGET_DONE);
	assert_int_equal(in_dump(), 0);
	n = 0;
	assert_int_equal(whole_report(pg, on_waiting, &n), ERR_NONE);
	assert_int_equal(n, 0);
}

static void whole__a_backup_from_before_is_put_back__it_goes_again(void **state)
{
	(void)state;
	enum whole_answer answer;
	struct id erasure, was = gone;
	struct again_result done;
	struct forget_ends ends = { .note = NULL };
	const char *ledger = dir;
	assert_int_equal(order(&answer, &erasure), ERR_NONE);
	assert_int_equal(work(pg, erasure, 10000), FORGET_DONE);
	assert_int_equal(erased_again(pg, ledger, &ends, &done), ERR_NONE);
	assert_int_equal(done.missing + done.done, 0);
	pg_close(pg);

	fill(was); /* as it was */
	run("UPDATE eddy.erasures SET state = 2, noted_at = NULL WHERE ws = $W", gone_text);
	run("UPDATE eddy.erasures SET state = 2, noted_at = NULL WHERE ws = $W", other_text);
	char *before = strdup(ask("SELECT public.rows_of($W)", other_text));
	/* A hold that stood then keeps it. */
	run("UPDATE eddy.holds SET ended_at = NULL WHERE ws = $W", gone_text);
	assert_int_equal(erased_again(pg, ledger, &ends, &done), ERR_NONE);
	assert_int_equal(done.missing, 1);
	assert_int_equal(done.done, 0);
	assert_true(in_dump() > 80);
	run("UPDATE eddy.holds SET ended_at = now() WHERE ws = $W; UPDATE eddy.erasures SET state = 1 WHERE ws = $W AND state = 3",
	    gone_text);
	assert_int_equal(erased_again(pg, ledger, &ends, &done), ERR_NONE);
	assert_int_equal(done.done, 1);
	assert_string_equal(ask("SELECT public.left_of($W)", gone_text), STAYS);
	assert_int_equal(in_dump(), 0);
	assert_string_equal(ask("SELECT public.rows_of($W)", other_text), before);
	free(before);
	assert_int_equal(erased_again(pg, ledger, &ends, &done), ERR_NONE);
	assert_int_equal(done.missing + done.done, 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(whole__two_workspaces__one_goes_and_the_other_stays_as_it_is),
		T(whole__whoever_has_not_heard_of_it__can_write_nothing),
		T(whole__something_is_written_to_what_was_cleared__it_begins_again),
		T(whole__killed_at_any_moment__is_finished_by_the_next),
		T(whole__a_hold_on_anything_there__refuses_it),
		T(whole__home__is_refused),
		T(whole__app_taken_away__goes_after_the_grace_alone),
		T(whole__a_backup_from_before_is_put_back__it_goes_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
