/*
 * The ledger of erasures: what it keeps, and that a database which is put back from before does not bring back what was erased, however often
 * the replay is killed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../core/base/buf.h"
#include "../../../core/memory/erased.h"
#include "../../../core/memory/forget.h"
#include "../../../core/memory/retention.h"
#include "../../../core/memory/sweep.h"
#include "../../../core/memory/whole.h"
#include "../../../core/store/kinds.h"
#include "../../../core/teams/config_store.h"
#include "../../support/db.h"
#include "planted.h"

#define ANOTHER_MESSAGE "cccccccc-0000-7000-8000-000000000123" /* what somebody else says */

static const struct pg_statement *const tables[] = { forget_statements, sweep_statements, whole_statements, retention_statements,
	config_statements, derived_statements, again_statements, NULL };

struct seen {
	struct erased lines[20];
	int n;
};

static void see(void *arg, const struct erased *line)
{
	struct seen *s = arg;
	if (s->n < 20)
		s->lines[s->n] = *line;
	s->n++;
}

static struct erased a_line(enum erased_kind kind)
{
	return (struct erased){
		.kind = kind, .ws = id_new(), .id = id_new(), .subject = id_new(), .at = "2026-11-21T18:05:00.000001Z"
	};
}

static void append(const char *dir, const char *text)
{
	char path[400];
	snprintf(path, sizeof path, "%s/" ERASED_FILE, dir);
	FILE *f = fopen(path, "ae");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void note__lines__come_back_in_their_order(void **state)
{
	(void)state;
	const char *dir = test_dir();
	struct seen s = { .n = 0 };
	struct stat st;
	char path[400];
	int torn = 0;
	assert_int_equal(erased_read(dir, 0, see, &s, &torn), ERR_INPUT);
	struct erased a = a_line(ERASED_PERSON), b = a_line(ERASED_MESSAGE);
	assert_int_equal(erased_note(dir, &a), ERR_NONE);
	assert_int_equal(erased_note_backup(dir), ERR_NONE);
	append(dir, "{\"kind\":3,\"ws\":\""); /* the machine went down */
	assert_int_equal(erased_note(dir, &b), ERR_NONE);
	assert_int_equal(erased_read(dir, 0, see, &s, &torn), ERR_NONE);
	assert_int_equal(s.n, 3);
	assert_int_equal(torn, 1);
	assert_true(id_equal(s.lines[0].subject, a.subject) && id_equal(s.lines[0].id, a.id) && id_equal(s.lines[0].ws, a.ws));
	assert_string_equal(s.lines[0].at, a.at);
	assert_int_equal(s.lines[1].kind, ERASED_BACKUP);
	assert_true(id_equal(s.lines[2].id, b.id));
	snprintf(path, sizeof path, "%s/" ERASED_FILE, dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	/* The end alone. */
	s.n = 0;
	assert_int_equal(erased_read(dir, 300, see, &s, &torn), ERR_NONE);
	assert_int_equal(s.n, 1);
	assert_true(id_equal(s.lines[0].id, b.id));
}

static void read__a_line_that_was_changed__counts_as_torn(void **state)
{
	(void)state;
	const char *dir = test_dir();
	struct seen s = { .n = 0 };
	struct erased a = a_line(ERASED_PERSON);
	char path[400], text[600];
	int torn = 0;
	assert_int_equal(erased_note(dir, &a), ERR_NONE);
	snprintf(path, sizeof path, "%s/" ERASED_FILE, dir);
	FILE *f = fopen(path, "r+e");
	assert_non_null(fgets(text, sizeof text, f));
	char *kind = strstr(text, "\"kind\":3");
	assert_non_null(kind);
	fseek(f, kind - text + 7, SEEK_SET);
	fputc('1', f);
	fclose(f);
	assert_int_equal(erased_read(dir, 0, see, &s, &torn), ERR_NONE);
	assert_int_equal(s.n, 0);
	assert_int_equal(torn, 1);
}

/* ---- erasing with it ---- */

static enum err into_dir(void *arg, const struct erased *line)
{
	return erased_note(arg, line);
}

static enum err nowhere(void *arg, const struct erased *line)
{
	(void)line;
	++*(int *)arg;
	return ERR_BROKEN;
}

static struct pg *connect_to(const char *url)
{
	struct pg *pg = NULL;
	char why[300];
	if (pg_open(&pg, url, tables, why, sizeof why) != ERR_NONE)
		fail_msg("%s", why);
	return pg;
}

static struct id order_of(struct pg *pg, struct id ws)
{
	struct forget_order o = { .ws = ws, .id = id_new(), .asked = FORGET_ASKED_OPERATOR };
	assert_true(id_parse(PERSON, &o.person));
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_end(pg, forget_person(pg, &o)), ERR_NONE);
	return o.id;
}

static long holding_in_all(void)
{
	long n = 0;
	for (const struct data_table *t = data_tables; t->name != NULL; t++)
		for (const struct data_column *c = t->columns; c != NULL && c->name != NULL; c++)
			if (c->way != DATA_STAYS && holding(t->name, c->name) != 0) {
				fprintf(stderr, "%s.%s holds something of the person\n", t->name, c->name);
				n++;
			}
	return n;
}

struct receipt {
	struct forget_receipt r;
	char counts[400];
	int n;
};

static void take_receipt(void *arg, const struct forget_receipt *r)
{
	struct receipt *x = arg;
	x->r = *r;
	snprintf(x->counts, sizeof x->counts, "%s", r->counts);
	x->n++;
}

static struct receipt receipt_of(struct pg *pg, struct id ws, struct id id)
{
	struct receipt x = { .n = 0 };
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(pg_end(pg, forget_receipts(pg, ws, id, 0, 10, take_receipt, &x)), ERR_NONE);
	return x;
}

static void erase__without_a_ledger__erases_nothing(void **state)
{
	(void)state;
	const char *url = test_db_fresh();
	struct id ws = test_db_workspace("w");
	char text[ID_TEXT];
	int asked = 0;
	enum forget_state done;
	struct forget_ends ends = { .note = nowhere, .arg = &asked };
	plant(id_format(ws, text));
	struct pg *pg = connect_to(url);
	struct id id = order_of(pg, ws);
	assert_int_equal(forget_work(pg, ws, id, &ends, &done), ERR_BROKEN);
	assert_int_equal(forget_work(pg, ws, id, &ends, &done), ERR_BROKEN);
	assert_int_equal(asked, 2);
	assert_int_equal(holding("messages", "body"), 3);
	assert_int_equal(receipt_of(pg, ws, id).r.state, 1);
	pg_close(pg);
}

/* The same database as it was before the erasure, in the same workspace. */
static const char *put_back(const char *ws)
{
	char sql[400];
	const char *url = test_db_fresh();
	snprintf(sql, sizeof sql,
	    "INSERT INTO workspaces (ws, name) VALUES ('%s', 'w'); INSERT INTO installs (adapter, external_id, ws, name) VALUES ('test', 'x', '%s', 'w')",
	    ws, ws);
	assert_true(test_db_exec(sql));
	plant(ws);
	/* The backup was made while the person was being answered. */
	assert_true(test_db_exec(
	    "UPDATE eddy.runs SET state = 2, created_at = now() - interval '1 hour'; UPDATE eddy.outbox SET state = 1, created_at = now() - interval '1 hour';"
	    " UPDATE eddy.messages SET created_at = now() - interval '1 hour'"));
	assert_true(test_db_exec(
	    "INSERT INTO eddy.dispatch (ws, thread_id, pending, due, token) SELECT ws, thread_id, 2, now(), 1 FROM eddy.runs"));
	return url;
}

static void again__after_a_restore__nothing_of_the_person_is_left(void **state)
{
	(void)state;
	const char *dir = test_dir(), *url = test_db_fresh();
	struct id ws = test_db_workspace("w");
	char text[ID_TEXT];
	struct again_result done;
	enum forget_state at = FORGET_MORE;
	struct forget_ends ends = { .note = into_dir, .arg = (void *)(uintptr_t)dir }, again = { .note = NULL };
	plant(id_format(ws, text));
	struct pg *pg = connect_to(url);
	struct id id = order_of(pg, ws);
	while (at == FORGET_MORE)
		assert_int_equal(forget_work(pg, ws, id, &ends, &at), ERR_NONE);
	assert_int_equal(at, FORGET_DONE);
	assert_int_equal(holding_in_all(), 0);
	/* The receipt says how much of what, and not what. */
	struct receipt r = receipt_of(pg, ws, id);
	assert_int_equal(r.n, 1);
	assert_int_equal(r.r.state, 2);
	assert_int_equal(r.r.asked, FORGET_ASKED_OPERATOR);
	assert_true(r.r.messages >= 2 && r.r.done_ms >= r.r.created_ms);
	for (const struct data_kind *k = data_kinds; k->name != NULL; k++)
		if (strcmp(k->name, "secrets") != 0 && strcmp(k->name, "erasures") != 0 && strcmp(k->name, "settings") != 0 &&
		    strstr(r.counts, k->name) == NULL)
			fail_msg("the receipt does not count \"%s\": %s", k->name, r.counts);
	/* Nothing is missing: nothing is done. */
	assert_int_equal(erased_again(pg, dir, &again, &done), ERR_NONE);
	assert_int_equal(done.missing + done.done, 0);
	pg_close(pg);

	pg = connect_to(put_back(text));
	struct erased message = { .kind = ERASED_MESSAGE, .ws = ws, .id = id_new(), .at = "2126-11-21T18:05:00Z" };
	assert_true(id_parse(ANOTHER_MESSAGE, &message.subject));
	assert_int_equal(erased_note(dir, &message), ERR_NONE);
	struct erased elsewhere = a_line(ERASED_PERSON); /* a workspace that the backup does not have */
	assert_int_equal(erased_note(dir, &elsewhere), ERR_NONE);
	assert_int_equal(erased_again(pg, dir, &again, &done), ERR_NONE);
	assert_int_equal(done.missing, 2);
	assert_int_equal(done.done, 2);
	assert_int_equal(holding_in_all(), 0);
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.messages WHERE body = 'what somebody else says'"), "0");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.runs WHERE state <= 2"), "0");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.outbox WHERE state <= 2"), "0");
	assert_string_equal(test_db_value("SELECT sum(pending) FROM eddy.dispatch"), "0");
	assert_int_equal(receipt_of(pg, ws, id).r.asked, FORGET_ASKED_AGAIN);
	assert_int_equal(erased_again(pg, dir, &again, &done), ERR_NONE);
	assert_int_equal(done.missing + done.done, 0);

	/* What doctor looks at. */
	struct erased_report report;
	assert_int_equal(erased_report(pg, dir, &report), ERR_NONE);
	assert_true(report.there);
	assert_int_equal(report.lacking, 0);
	assert_int_equal(report.lines, 3);
	assert_int_equal(erased_report(pg, test_dir(), &report), ERR_NONE);
	assert_false(report.there);
	assert_true(report.lacking > 0);
	pg_close(pg);
}

static void again__killed_at_any_moment__is_finished_by_the_next(void **state)
{
	(void)state;
	const char *dir = test_dir();
	struct id ws = id_new();
	struct erased line = { .kind = ERASED_PERSON, .ws = ws, .id = id_new(), .at = "2126-11-21T18:05:00Z" };
	struct erased thread = { .kind = ERASED_THREAD, .ws = ws, .id = id_new(), .at = "2126-11-21T18:05:00Z" };
	char text[ID_TEXT];
	struct forget_ends ends = { .note = NULL };
	struct again_result done;
	assert_true(id_parse(PERSON, &line.subject));
	assert_true(id_parse("cccccccc-0000-7000-8000-000000000107", &thread.subject));
	const char *url = put_back(id_format(ws, text));
	assert_int_equal(erased_note(dir, &thread), ERR_NONE);
	assert_int_equal(erased_note(dir, &line), ERR_NONE);
	for (int step = -1; step < 14; step += 3) {
		char sql[200];
		int status = -1;
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (pid == 0) {
			struct pg *pg = NULL;
			char why[300];
			if (pg_open(&pg, url, tables, why, sizeof why) == ERR_NONE)
				(void)erased_again(pg, dir, &ends, &done);
			_exit(0);
		}
		/* As soon as it is so far. */
		snprintf(sql, sizeof sql, "SELECT 1 FROM eddy.erasures WHERE kind = 3 AND (step >= %d OR state = 2)", step);
		while (test_db_value(sql) == NULL && waitpid(pid, &status, WNOHANG) == 0)
			;
		if (status == -1) {
			kill(pid, SIGKILL);
			assert_int_equal(waitpid(pid, NULL, 0), pid);
		}
	}
	struct pg *pg = connect_to(url);
	assert_int_equal(erased_again(pg, dir, &ends, &done), ERR_NONE);
	assert_int_equal(holding_in_all(), 0);
	assert_string_equal(
	    test_db_value(
	        "SELECT count(*) FROM eddy.messages WHERE thread_id = 'cccccccc-0000-7000-8000-000000000107' AND body <> ''"),
	    "0");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.erasures WHERE asked = 4 AND state = 2"), "2");
	assert_string_equal(test_db_value("SELECT count(*) FROM eddy.audit WHERE verb = 'person.forgotten'"), "1");
	pg_close(pg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(note__lines__come_back_in_their_order),
		cmocka_unit_test(read__a_line_that_was_changed__counts_as_torn),
		cmocka_unit_test(erase__without_a_ledger__erases_nothing),
		cmocka_unit_test(again__after_a_restore__nothing_of_the_person_is_left),
		cmocka_unit_test(again__killed_at_any_moment__is_finished_by_the_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
