/* What was erased is in no file of the private cluster: tables, indexes, statistics, write-ahead log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/store/admin.h"
#include "../../../core/store/cluster.h"
#include "../../../core/store/purge.h"
#include "../../../core/store/store.h"
#include "../../support/db.h"

#define WORD "canary7f3a91"

static int files_with, files_seen;
static char where[400];

static int look(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)ftw;
	if (type != FTW_F || st->st_size == 0)
		return 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	size_t n = (size_t)st->st_size;
	char *p = mmap(NULL, n, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return 0;
	files_seen++;
	if (memmem(p, n, WORD, strlen(WORD)) != NULL) {
		files_with++;
		snprintf(where, sizeof where, "%s", path);
	}
	munmap(p, n);
	return 0;
}

/* Files under ${dir} that hold the word. */
static int holders(const char *dir)
{
	files_with = files_seen = 0;
	where[0] = '\0';
	nftw(dir, look, 20, FTW_PHYS);
	assert_true(files_seen > 100);
	return files_with;
}

static void sql(struct admin *a, const char *text)
{
	char why[300] = "";
	if (admin_exec(a, text, why, sizeof why) != ERR_NONE)
		fail_msg("%s: %s", text, why);
}

/* Messages ${from} to ${to}, for figures: EDDY_TEST_ROWS. */
static void rows(struct admin *a, int from, int to)
{
	char text[500];
	snprintf(text, sizeof text,
	    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id) SELECT ws, gen_random_uuid(), ws, n, n, 1,"
	    " (SELECT string_agg('w' || (n::int8 * k * 7919) %% 20011, ' ') FROM generate_series(1, 30) k), ws FROM eddy.workspaces,"
	    " generate_series(%d + 1, %d) n",
	    from, to);
	sql(a, text);
}

static const struct purge_options any_hour = { .rewrite_bytes = 1 << 30, .quiet_from = 0, .quiet_to = 0 };

static void purge_run__after_an_erasure__leaves_it_in_no_file(void **state)
{
	(void)state;
	char why[300] = "", count[40];
	const char *dir = test_dir();
	struct store *s = NULL;
	struct admin a;
	struct purge_result done;
	struct store_options o = { .data_dir = dir };
	assert_int_equal(store_open(&s, &o, why, sizeof why), ERR_NONE);
	assert_int_equal(admin_open(&a, store_admin_url(s), why, sizeof why), ERR_NONE);
	sql(&a,
	    "INSERT INTO eddy.workspaces (ws, name) VALUES ('10000000-0000-7000-8000-000000000000', 'w');"
	    "INSERT INTO eddy.audiences SELECT ws, ws, 1, ws FROM eddy.workspaces;"
	    "INSERT INTO eddy.places (ws, id, adapter, external_id, name, visibility, member, audience_id) SELECT ws, ws, 'test', '" WORD
	    "', '" WORD "', 1, true, ws FROM eddy.workspaces;"
	    "INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id, title) SELECT ws, ws, ws, 'k', 0, true, 1,"
	    " ws, '" WORD "' FROM eddy.workspaces;"
	    "INSERT INTO eddy.people (ws, id, name) SELECT ws, gen_random_uuid(), '" WORD
	    "' FROM eddy.workspaces, generate_series(1, 50);"
	    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id) SELECT ws, gen_random_uuid(), ws, n, n, 1,"
	    " repeat('word ' || n || ' ', 40) || CASE WHEN n % 10 = 0 THEN '" WORD
	    "' ELSE '' END, ws FROM eddy.workspaces, generate_series(1, 3000) n;"
	    "ANALYZE eddy.people; ANALYZE eddy.places; ANALYZE eddy.messages; CHECKPOINT");
	rows(&a, 3000, atoi(getenv("EDDY_TEST_ROWS") ? getenv("EDDY_TEST_ROWS") : "3000"));
	assert_true(holders(dir) > 3);
	/* What an erasure does, and what happens before anybody clears up. */
	sql(&a,
	    "UPDATE eddy.messages SET body = '' WHERE body LIKE '%" WORD
	    "%'; UPDATE eddy.places SET name = NULL, external_id = 'x';"
	    "UPDATE eddy.threads SET title = NULL; UPDATE eddy.people SET name = NULL;"
	    "INSERT INTO eddy.erasures (ws, id, kind, state, done_at) SELECT ws, ws, 3, 2, now() FROM eddy.workspaces; CHECKPOINT");
	assert_true(holders(dir) > 3);
	/* Only large tables wait for their hour, and the erasure with them. */
	int hour = (int)(clock_wall_ms() / 3600000 % 24);
	struct purge_options other = { .rewrite_bytes = 65536, .quiet_from = (hour + 2) % 24, .quiet_to = (hour + 3) % 24 };
	assert_int_equal(purge_run(store_admin_url(s), &other, &done, why, sizeof why), ERR_NONE);
	assert_true(done.postponed > 0);
	PGresult *r = NULL;
	assert_int_equal(
	    admin_query(&a, "SELECT count(*) FROM eddy.erasures WHERE purged_at IS NULL", 0, NULL, &r, why, sizeof why), ERR_NONE);
	snprintf(count, sizeof count, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	assert_string_equal(count, "1");
	assert_true(holders(dir) > 0);
	if (purge_run(store_admin_url(s), &any_hour, &done, why, sizeof why) != ERR_NONE)
		fail_msg("%s", why);
	assert_int_equal(done.postponed, 0);
	print_message("%d tables, %lld MB, in %llu ms; longest lock %llu ms\n", done.tables, (long long)done.bytes >> 20,
	    (unsigned long long)done.ms, (unsigned long long)done.longest_ms);
	assert_int_equal(holders(dir), 0);
	r = NULL;
	assert_int_equal(
	    admin_query(&a, "SELECT count(*) FROM eddy.erasures WHERE purged_at IS NULL", 0, NULL, &r, why, sizeof why), ERR_NONE);
	snprintf(count, sizeof count, "%s", PQgetvalue(r, 0, 0));
	PQclear(r);
	assert_string_equal(count, "0");
	r = NULL;
	assert_int_equal(admin_query(&a, "SHOW wal_recycle", 0, NULL, &r, why, sizeof why), ERR_NONE);
	PQclear(r);
	admin_close(&a);
	store_close(s);
	assert_int_equal(holders(dir), 0);
}

static void purge_run__while_somebody_reads_an_old_state__comes_again(void **state)
{
	(void)state;
	char why[300] = "";
	const char *dir = test_dir();
	struct store *s = NULL;
	struct admin a, b;
	struct purge_result done;
	struct store_options o = { .data_dir = dir };
	assert_int_equal(store_open(&s, &o, why, sizeof why), ERR_NONE);
	assert_int_equal(admin_open(&a, store_admin_url(s), why, sizeof why), ERR_NONE);
	assert_int_equal(admin_open(&b, store_admin_url(s), why, sizeof why), ERR_NONE);
	sql(&a, "BEGIN ISOLATION LEVEL REPEATABLE READ");
	sql(&a, "SELECT count(*) FROM eddy.messages");
	/* Not waited for in vain: twenty seconds would be long for a test, a lock says the same. */
	sql(&b, "SELECT pg_advisory_lock(1162101849, 5)");
	assert_int_equal(purge_run(store_admin_url(s), &any_hour, &done, why, sizeof why), ERR_RETRY);
	assert_non_null(strstr(why, "another process"));
	sql(&b, "SELECT pg_advisory_unlock(1162101849, 5)");
	admin_close(&b);
	sql(&a, "ROLLBACK");
	assert_int_equal(purge_run(store_admin_url(s), &any_hour, &done, why, sizeof why), ERR_NONE);
	admin_close(&a);
	store_close(s);
}

static void purge_hours__any__are_read(void **state)
{
	(void)state;
	int from = -1, to = -1;
	assert_true(purge_hours("2-5", &from, &to));
	assert_int_equal(from, 2);
	assert_int_equal(to, 5);
	assert_false(purge_hours("2", &from, &to));
	assert_false(purge_hours("2-25", &from, &to));
	assert_false(purge_hours("2-5h", &from, &to));
	assert_false(purge_hours(NULL, &from, &to));
	struct purge_options night = { .quiet_from = 22, .quiet_to = 5 }, day = { .quiet_from = 9, .quiet_to = 17 };
	assert_true(
	    purge_is_quiet(&night, 23) && purge_is_quiet(&night, 4) && !purge_is_quiet(&night, 5) && !purge_is_quiet(&night, 12));
	assert_true(purge_is_quiet(&day, 9) && !purge_is_quiet(&day, 17));
	assert_true(purge_is_quiet(&any_hour, 12));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(purge_hours__any__are_read),
		cmocka_unit_test(purge_run__after_an_erasure__leaves_it_in_no_file),
		cmocka_unit_test(purge_run__while_somebody_reads_an_old_state__comes_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
