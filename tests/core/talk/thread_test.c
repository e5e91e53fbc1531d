/* Threads as people handle them, with the real database: which state may follow which, lists and their pages, numbers, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/talk/thread.h"
#include "../../support/db.h"

static const struct pg_statement *const tables[] = { thread_statements, search_statements, NULL };
static struct pg *pg;
static struct id ws;

/* Ids of the fixture end in what they are numbered with. */
static struct id id_of(char kind, int n)
{
	char s[ID_TEXT];
	struct id id;
	snprintf(s, sizeof s, "%c0000000-0000-7000-8000-%012d", kind, n);
	assert_true(id_parse(s, &id));
	return id;
}

static void __attribute__((format(printf, 1, 2))) sql(const char *format, ...)
{
	char text[4000];
	va_list ap;
	va_start(ap, format);
	vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	assert_true(test_db_exec(text));
}

static void place(int n, const char *key, int visibility)
{
	char w[ID_TEXT], p[ID_TEXT];
	id_format(ws, w);
	id_format(id_of('a', n), p);
	sql("INSERT INTO eddy.audiences VALUES ('%s', '%s', 1, '%s'); INSERT INTO eddy.places (ws, id, adapter, external_id, visibility, member,"
	    " audience_id) VALUES ('%s', '%s', 'test', '%s', %d, true, '%s')",
	    w, p, p, w, p, key, visibility, p);
}

/* Thread ${n} of place ${at}, begun ${age} seconds ago, with one message "${text}" (NULL: none). */
static void thread(int n, int at, int audience, int age, const char *text)
{
	char w[ID_TEXT], t[ID_TEXT], p[ID_TEXT], a[ID_TEXT], m[ID_TEXT];
	id_format(ws, w);
	id_format(id_of('b', n), t);
	id_format(id_of('a', at), p);
	id_format(id_of('a', audience), a);
	id_format(id_of('c', n), m);
	sql("INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id, created_at, last_at)"
	    " VALUES ('%s', '%s', '%s', 'k%d', 1, true, 1, '%s', now() - %d * interval '1 s', now() - %d * interval '1 s')",
	    w, t, p, n, a, age, age);
	if (text != NULL)
		sql("INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, message_key, author_kind, body, audience_id)"
		    " VALUES ('%s', '%s', '%s', 1, 1, 'm%d', 1, '%s', '%s')",
		    w, m, t, n, text, a);
}

static int setup(void **state)
{
	char why[256] = "";
	(void)state;
	const char *url = test_db_fresh();
	if (pg_open(&pg, url, tables, why, sizeof why) != ERR_NONE) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	ws = test_db_workspace("a");
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	pg_close(pg);
	return 0;
}

/* ---- what was seen ---- */

struct seen {
	char text[4000];
	struct thread_cursor last;
	int rows;
};

static void see(void *arg, const struct thread_row *t)
{
	struct seen *s = arg;
	size_t n = strlen(s->text);
	snprintf(s->text + n, sizeof s->text - n, "%s#%d %s%s%s", n ? "; " : "", (int)t->n, t->title,
	    t->state == THREAD_ACTIVE ? "" : " ", t->state == THREAD_ACTIVE ? "" : thread_state_word(t->state));
	s->last = t->cursor;
	s->rows++;
}

static struct search_allowed allowed_in(int n, bool guest)
{
	struct search_allowed a;
	struct search_scope scope = { .ws = ws, .thread = id_of('b', n), .guest = guest };
	assert_int_equal(search_allowed_audiences(pg, &scope, &a), ERR_NONE);
	return a;
}

static void list(int from, bool guest, struct thread_query q, struct seen *s, bool *more)
{
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	struct search_allowed a = allowed_in(from, guest);
	assert_int_equal(thread_list(pg, &a, &q, see, s, more), ERR_NONE);
	search_allowed_done(&a);
	assert_int_equal(pg_commit(pg), ERR_NONE);
}

static const char *listed(int from, unsigned states)
{
	static struct seen s;
	bool more;
	s = (struct seen){ 0 };
	list(from, false, (struct thread_query){ .states = states, .limit = 50 }, &s, &more);
	return s.text;
}

static const char *found(int from, int64_t n, const char *title)
{
	static struct seen s;
	s = (struct seen){ 0 };
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	struct search_allowed a = allowed_in(from, false);
	assert_int_equal(
	    title != NULL ? thread_called(pg, &a, title, strlen(title), see, &s) : thread_numbered(pg, &a, n, see, &s), ERR_NONE);
	search_allowed_done(&a);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	return s.text;
}

/* ---- states ---- */

static void states__every_pair__follow_the_table(void **state)
{
	(void)state;
	static const struct {
		enum thread_state from;
		enum thread_act act;
		int to; /* 0: illegal */
	} all[] = {
		{ THREAD_ACTIVE, THREAD_SETTLE, THREAD_RESOLVED },
		{ THREAD_ACTIVE, THREAD_ARCHIVE, THREAD_ARCHIVED },
		{ THREAD_ACTIVE, THREAD_REOPEN, 0 },
		{ THREAD_ACTIVE, THREAD_MESSAGE, THREAD_ACTIVE },
		{ THREAD_ACTIVE, THREAD_IDLE, THREAD_ARCHIVED },
		{ THREAD_RESOLVED, THREAD_SETTLE, 0 },
		{ THREAD_RESOLVED, THREAD_ARCHIVE, THREAD_ARCHIVED },
		{ THREAD_RESOLVED, THREAD_REOPEN, THREAD_ACTIVE },
		{ THREAD_RESOLVED, THREAD_MESSAGE, THREAD_RESOLVED },
		{ THREAD_RESOLVED, THREAD_IDLE, THREAD_ARCHIVED },
		{ THREAD_ARCHIVED, THREAD_SETTLE, 0 },
		{ THREAD_ARCHIVED, THREAD_ARCHIVE, 0 },
		{ THREAD_ARCHIVED, THREAD_REOPEN, THREAD_ACTIVE },
		{ THREAD_ARCHIVED, THREAD_MESSAGE, THREAD_ACTIVE },
		{ THREAD_ARCHIVED, THREAD_IDLE, 0 },
	};
	assert_int_equal(sizeof all / sizeof *all, 3 * THREAD_ACTS);
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		enum thread_state to = 0;
		const char *why = NULL;
		bool ok = thread_step(all[i].from, all[i].act, &to, &why);
		assert_int_equal(ok, all[i].to != 0);
		assert_int_equal(to, all[i].to);
		if (!ok) {
			assert_non_null(why);
			assert_int_equal(why[strlen(why) - 1], '.');
		}
	}
	enum thread_state to;
	assert_false(thread_step((enum thread_state)0, THREAD_REOPEN, &to, NULL));
	assert_false(thread_step(THREAD_ACTIVE, THREAD_ACTS, &to, NULL));
}

/* The same table, through the database: legal ones are stored with an entry in the audit log, illegal ones change nothing. */
static void change__every_pair__stores_legal_ones_only(void **state)
{
	(void)state;
	place(30, "states", 4);
	thread(300, 30, 30, 10, "states");
	for (int from = THREAD_ACTIVE; from <= THREAD_ARCHIVED; from++)
		for (int act = THREAD_SETTLE; act < THREAD_ACTS; act++) {
			if (act == THREAD_MESSAGE)
				continue; /* accept.c */
			char t[ID_TEXT], q[300];
			sql("UPDATE eddy.threads SET state = %d WHERE id = '%s'", from, id_format(id_of('b', 300), t));
			enum thread_state want = (enum thread_state)from, was, is;
			const char *why = NULL;
			bool legal = thread_step((enum thread_state)from, (enum thread_act)act, &want, NULL);
			struct thread_change c = { .ws = ws, .thread = id_of('b', 300), .person = ID_NONE, .key = id_new() };
			for (int round = 0; round < 2; round++) { /* the second time is after a crash */
				assert_int_equal(pg_begin(pg, ws), ERR_NONE);
				enum err e = thread_change(pg, &c, (enum thread_act)act, &was, &is, &why);
				assert_int_equal(pg_commit(pg), ERR_NONE);
				assert_int_equal(e, legal ? ERR_NONE : ERR_DENIED);
				if (legal) {
					assert_int_equal(was, from);
					assert_int_equal(is, want);
				} else {
					assert_non_null(why);
				}
			}
			snprintf(q, sizeof q, "SELECT state FROM eddy.threads WHERE id = '%s'", t);
			assert_int_equal(atoi(test_db_value(q)), want);
			char k[ID_TEXT];
			id_format(id_named(c.key, 0, "thread.change", 13), k);
			snprintf(q, sizeof q, "SELECT count(*) FROM eddy.audit WHERE id = '%s'", k);
			assert_int_equal(atoi(test_db_value(q)), legal);
		}
}

static void change__of_an_open_side_thread__cannot_settle_it(void **state)
{
	(void)state;
	place(31, "forks", 4);
	thread(310, 31, 31, 20, "parent");
	thread(311, 31, 31, 10, "side");
	char w[ID_TEXT], f[ID_TEXT], p[ID_TEXT], t[ID_TEXT];
	id_format(ws, w);
	id_format(id_of('d', 1), f);
	id_format(id_of('b', 310), p);
	id_format(id_of('b', 311), t);
	sql("INSERT INTO eddy.forks (ws, id, parent_id, n, topic, state, adapter, place_key, parent_origin, thread_id) VALUES ('%s', '%s', '%s',"
	    " 7, 'side', 2, 'test', 'forks', '', '%s'); UPDATE eddy.threads SET fork_id = '%s' WHERE id = '%s'",
	    w, f, p, t, f, t);
	struct thread_change c = { .ws = ws, .thread = id_of('b', 311), .key = id_new() };
	enum thread_state from, to;
	const char *why = NULL;
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(thread_change(pg, &c, THREAD_SETTLE, &from, &to, &why), ERR_DENIED);
	assert_non_null(strstr(why, "`resolve`"));
	struct search_allowed a = allowed_in(310, false);
	struct seen s = { 0 };
	assert_int_equal(thread_of_fork(pg, &a, id_of('b', 310), 7, see, &s), ERR_NONE);
	assert_string_equal(s.text, "#0 side");
	assert_int_equal(thread_of_fork(pg, &a, id_of('b', 310), 8, see, &s), ERR_NONE);
	assert_int_equal(s.rows, 1);
	search_allowed_done(&a);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_string_equal(listed(310, 0), "#2 side; #1 parent");
}

/* ---- lists ---- */

static void list__in_a_channel__shows_what_all_there_may_read(void **state)
{
	(void)state;
	char t[ID_TEXT];
	place(1, "C1", 4);
	place(2, "C2", 4);
	place(3, "just for one", 1);
	thread(1, 1, 1, 100, "first  words\nof it");
	thread(2, 1, 3, 90, "a secret answer"); /* in the place, for one person alone */
	thread(3, 1, 1, 80, "second");
	thread(4, 2, 2, 70, "elsewhere");
	thread(5, 1, 1, 60, NULL); /* nothing is left of it, its number stays */
	thread(6, 1, 1, 50, "third");
	sql("UPDATE eddy.threads SET state = 3, title = 'Named' WHERE id = '%s'", id_format(id_of('b', 6), t));
	sql("UPDATE eddy.threads SET state = 2 WHERE id = '%s'", id_format(id_of('b', 3), t));
	assert_string_equal(listed(1, 0), "#2 second resolved; #1 first words of it");
	assert_string_equal(listed(1, THREADS_ARCHIVED), "#4 Named archived");
	assert_string_equal(listed(1, THREADS_RESOLVED), "#2 second resolved");
	assert_string_equal(listed(1, THREADS_ALL), "#4 Named archived; #2 second resolved; #1 first words of it");
	assert_string_equal(listed(4, 0), "#1 elsewhere");
	/* Asked in the thread for one person alone, that one is there too. */
	assert_string_equal(listed(2, 0), "#3 second resolved; #2 a secret answer; #1 first words of it");
	/* Found as they are listed. */
	assert_string_equal(found(1, 4, NULL), "#4 Named archived");
	assert_string_equal(found(1, 3, NULL), ""); /* the empty one */
	assert_string_equal(found(1, 5, NULL), "");
	assert_string_equal(found(1, 0, NULL), "");
	assert_string_equal(found(1, 0, "named"), "#0 Named archived");
	assert_string_equal(found(1, 0, "secret"), "");
	assert_string_equal(found(1, 0, "elsewhere"), "");
	/* A guest sees the one thread. */
	struct seen s = { 0 };
	bool more;
	list(3, true, (struct thread_query){ .limit = 10 }, &s, &more);
	assert_string_equal(s.text, "#1 second resolved");
}

static void list__mine__shows_only_where_one_has_written(void **state)
{
	(void)state;
	char t[ID_TEXT], who[ID_TEXT];
	place(5, "C5", 4);
	thread(50, 5, 5, 20, "mine");
	thread(51, 5, 5, 10, "not mine");
	sql("UPDATE eddy.messages SET author_id = '%s' WHERE thread_id = '%s'", id_format(id_of('e', 1), who),
	    id_format(id_of('b', 50), t));
	struct seen s = { 0 };
	bool more;
	list(51, false, (struct thread_query){ .limit = 10, .author = id_of('e', 1) }, &s, &more);
	assert_string_equal(s.text, "#1 mine");
}

static void list__in_a_direct_place__shows_all_with_just_the_same_people(void **state)
{
	(void)state;
	char w[ID_TEXT], p[ID_TEXT];
	id_format(ws, w);
	for (int i = 10; i <= 13; i++) {
		char key[20];
		snprintf(key, sizeof key, "mail/%d", i);
		place(i, key, 1);
		thread(100 + i, i, i, 100 - i, key);
		id_format(id_of('a', i), p);
		sql("INSERT INTO eddy.place_people (ws, place_id, external_id) VALUES ('%s', '%s', 'ana')", w, p);
	}
	sql("INSERT INTO eddy.place_people (ws, place_id, external_id) VALUES ('%s', '%s', 'ben')", w,
	    id_format(id_of('a', 12), p));
	sql("UPDATE eddy.places SET visibility = 3 WHERE id = '%s'", id_format(id_of('a', 13), p));
	assert_string_equal(listed(110, 0), "#2 mail/11; #1 mail/10");
	assert_string_equal(listed(112, 0), "#1 mail/12");
	assert_string_equal(listed(113, 0), "#1 mail/13");
	struct seen s = { 0 };
	bool more;
	list(110, true, (struct thread_query){ .limit = 10 }, &s, &more);
	assert_string_equal(s.text, "#1 mail/10");
}

static void list__same_moment__pages_without_a_gap_or_a_repeat(void **state)
{
	(void)state;
	place(20, "C20", 4);
	for (int i = 0; i < 23; i++)
		thread(2000 + i, 20, 20, 0, "x");
	sql("UPDATE eddy.threads SET created_at = timestamptz '2026-01-01 00:00:00.123456Z' WHERE external_key LIKE 'k20__' AND external_key <> 'k2022'");
	struct thread_query q = { .limit = 5 };
	int next = 23;
	bool more = true;
	for (int page = 0; more; page++) {
		struct seen s = { 0 };
		list(2000, false, q, &s, &more);
		assert_int_equal(s.rows, page < 4 ? 5 : 3);
		int n = 0;
		for (const char *at = strchr(s.text, '#'); at != NULL; at = strchr(at + 1, '#'), n++)
			assert_int_equal(atoi(at + 1), next--);
		assert_int_equal(n, s.rows);
		char text[THREAD_CURSOR];
		thread_cursor_write(&s.last, text);
		assert_true(thread_cursor_read(text, strlen(text), &q.before));
		assert_memory_equal(&q.before, &s.last, sizeof s.last);
	}
	assert_int_equal(next, 0);
}

static void cursor__malformed__is_refused(void **state)
{
	(void)state;
	struct thread_cursor c;
	assert_false(thread_cursor_read("", 0, &c));
	assert_false(thread_cursor_read("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", 32, &c)); /* no moment */
	assert_false(thread_cursor_read("________________________________", 32, &c)); /* beyond all time */
	assert_false(thread_cursor_read("AAAAAAAAAAAAAAAAAAAA AAAAAAAAAAA", 32, &c));
}

/* ---- names ---- */

static void rename__one_line__is_the_title_from_then_on(void **state)
{
	(void)state;
	char long_title[500], w[300];
	const char *why = NULL;
	place(40, "C40", 4);
	thread(400, 40, 40, 10, "how it began");
	struct thread_change c = { .ws = ws, .thread = id_of('b', 400), .key = id_new() };
	memset(long_title, 'x', 121);
	long_title[121] = '\0';
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(thread_rename(pg, &c, long_title, 121, &why), ERR_DENIED);
	assert_non_null(strstr(why, "120"));
	assert_int_equal(thread_rename(pg, &c, " \n ", 3, &why), ERR_DENIED);
	assert_int_equal(thread_rename(pg, &c, "Budget\n 2027 ", 13, &why), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_string_equal(listed(400, 0), "#1 Budget 2027");
	snprintf(w, sizeof w, "%s", found(400, 0, "budget"));
	assert_string_equal(w, "#0 Budget 2027");
	c.thread = id_of('b', 999);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(thread_rename(pg, &c, "x", 1, &why), ERR_INPUT);
	pg_rollback(pg);
}

static void age__any__is_said_in_words(void **state)
{
	(void)state;
	static const struct {
		int64_t ago_ms;
		const char *said;
	} rows[] = { { -5000, "just now" }, { 59999, "just now" }, { 60000, "1 minute ago" }, { 3599999, "59 minutes ago" },
		{ 3600000, "1 hour ago" }, { 47 * 3600000LL, "47 hours ago" }, { 49 * 3600000LL, "2 days ago" },
		{ 20 * 86400000LL, "2026-11-01" } };
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct buf b = BUF_INIT;
		int64_t now = 1795262400000; /* 2026-11-21 12:00 UTC */
		thread_age(&b, now - rows[i].ago_ms, now);
		assert_string_equal(b.p, rows[i].said);
		buf_done(&b);
	}
}

static struct seen lines_seen;

static void see_line(void *arg, const struct found_message *m)
{
	(void)arg;
	strncat(lines_seen.text, m->text, 100);
	lines_seen.rows++;
}

static void lines__of_a_thread__are_only_what_may_be_read(void **state)
{
	(void)state;
	place(60, "C60", 2);
	place(61, "C61", 2);
	thread(600, 60, 60, 10, "readable");
	thread(601, 61, 61, 10, "not from there");
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	struct search_allowed a = allowed_in(600, false);
	lines_seen = (struct seen){ 0 };
	assert_int_equal(thread_last_lines(pg, &a, id_of('b', 600), 5, see_line, NULL), ERR_NONE);
	assert_string_equal(lines_seen.text, "readable");
	assert_int_equal(thread_last_lines(pg, &a, id_of('b', 601), 5, see_line, NULL), ERR_NONE);
	assert_int_equal(lines_seen.rows, 1);
	search_allowed_done(&a);
	assert_int_equal(pg_commit(pg), ERR_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states__every_pair__follow_the_table),
		cmocka_unit_test(change__every_pair__stores_legal_ones_only),
		cmocka_unit_test(change__of_an_open_side_thread__cannot_settle_it),
		cmocka_unit_test(list__in_a_channel__shows_what_all_there_may_read),
		cmocka_unit_test(list__mine__shows_only_where_one_has_written),
		cmocka_unit_test(list__in_a_direct_place__shows_all_with_just_the_same_people),
		cmocka_unit_test(list__same_moment__pages_without_a_gap_or_a_repeat),
		cmocka_unit_test(cursor__malformed__is_refused),
		cmocka_unit_test(rename__one_line__is_the_title_from_then_on),
		cmocka_unit_test(age__any__is_said_in_words),
		cmocka_unit_test(lines__of_a_thread__are_only_what_may_be_read),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
