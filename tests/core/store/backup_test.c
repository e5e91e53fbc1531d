/*
 * Backup and restore of the private cluster: a round trip, and every file or moment in which restore must touch
 * nothing.
 */
#include "../../../core/store/backup.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/store/admin.h"
#include "../../support/db.h"

static const char *dir;  /* has data */
static const char *dir2; /* starts empty */
static char file[256];

static const char data[] =
    "INSERT INTO eddy.workspaces (ws, name) VALUES ('11111111-1111-4111-8111-111111111111', 'acme');"
    "INSERT INTO eddy.people (ws, id, name) SELECT ws, gen_random_uuid(), 'Ada' FROM eddy.workspaces;"
    "INSERT INTO eddy.audiences (ws, id, kind, subject) SELECT ws, ws, 1, ws FROM eddy.workspaces;"
    "INSERT INTO eddy.places (ws, id, adapter, external_id, visibility, member, audience_id) SELECT ws, ws, 'test', "
    "'C1', 4, true, ws "
    "FROM eddy.workspaces;"
    "INSERT INTO eddy.threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id) SELECT ws, "
    "ws, ws, '1', 3, true, 1, "
    "ws FROM eddy.workspaces;"
    "INSERT INTO eddy.messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id) SELECT ws, "
    "gen_random_uuid(), ws, n, n, 1, "
    "'größe ' || n, ws FROM eddy.workspaces, generate_series(1, 300) n";
static const char fingerprint[] = "SELECT md5(string_agg(m::text, ',' ORDER BY id)) || count(*) FROM eddy.messages m";

static bool exec(struct store *s, const char *sql, char out[128])
{
	struct admin a;
	char why[300] = "";
	PGresult *r = NULL;
	enum err e = admin_open(&a, store_admin_url(s), why, sizeof(why));
	if (e == ERR_NONE && out) {
		if ((e = admin_query(&a, sql, 0, NULL, &r, why, sizeof(why))) == ERR_NONE) {
			snprintf(out, 128, "%s", PQgetvalue(r, 0, 0));
			PQclear(r);
		}
	} else if (e == ERR_NONE) {
		e = admin_exec(&a, sql, why, sizeof(why));
	}
	if (e != ERR_NONE)
		print_error("%s\n", why);
	admin_close(&a);
	return e == ERR_NONE;
}

static struct store *open_store(const char *d)
{
	struct store *s = NULL;
	char why[512] = "";
	if (store_open(&s, &(struct store_options){ .data_dir = d }, why, sizeof(why)) != ERR_NONE)
		print_error("%s\n", why);
	return s;
}

static enum err restore(const char *d, const char *path, bool replace, char why[512])
{
	struct buf out = BUF_INIT;
	*why = '\0';
	enum err e = backup_restore(&(struct store_options){ .data_dir = d }, path, replace, &out, why, 512);
	buf_done(&out);
	return e;
}

static void backup_restore__round_trip__keeps_every_row(void **state)
{
	(void)state;
	char before[128];
	char after[128];
	char why[512] = "";
	struct buf out = BUF_INIT;
	struct stat st;
	struct store_options from = { .data_dir = dir };
	struct store_options to = { .data_dir = dir2 };
	struct store *s = open_store(dir);
	assert_non_null(s);
	assert_true(exec(s, data, NULL));
	assert_true(exec(s, fingerprint, before));
	assert_int_equal(backup_write(&from, file, &out, why, sizeof(why)), ERR_NONE); /* while it is in use */
	store_close(s);
	assert_int_equal(stat(file, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);

	buf_reset(&out);
	enum err e = backup_restore(&to, file, false, &out, why, sizeof(why));
	if (e != ERR_NONE)
		print_error("%s\n", why);
	assert_int_equal(e, ERR_NONE);
	assert_non_null(strstr(out.p, "1 workspaces, 1 threads, 300 messages"));
	s = open_store(dir2);
	assert_non_null(s);
	assert_true(exec(s, fingerprint, after));
	assert_string_equal(after, before);
	/* Row security came along. */
	struct admin a;
	PGresult *r = NULL;
	assert_int_equal(admin_open(&a, store_url(s), why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_query(&a, "SELECT count(*) FROM eddy.messages", 0, NULL, &r, why, sizeof(why)), ERR_NONE);
	assert_string_equal(PQgetvalue(r, 0, 0), "0");
	PQclear(r);
	assert_int_equal(
	    admin_exec(&a, "BEGIN; SELECT set_config('app.ws', '11111111-1111-4111-8111-111111111111', true)", why, sizeof(why)),
	    ERR_NONE);
	assert_int_equal(
	    admin_query(&a,
	        "SELECT total FROM eddy.search_messages('grosse & 7', 'grosse & 7', "
	        "ARRAY['11111111-1111-4111-8111-111111111111']::uuid[], false, NULL, NULL, '{1,2,3,4}', 0, NULL, NULL, "
	        "NULL, 0, 0, 5, 0)",
	        0, NULL, &r, why, sizeof(why)),
	    ERR_NONE);
	assert_string_equal(PQgetvalue(r, 0, 0), "1");
	PQclear(r);
	admin_close(&a);
	store_close(s);
	buf_done(&out);
}

static void backup_write__refuses__to_overwrite(void **state)
{
	(void)state;
	char why[512] = "";
	struct buf out = BUF_INIT;
	assert_int_equal(backup_write(&(struct store_options){ .data_dir = dir }, file, &out, why, sizeof(why)), ERR_INPUT);
	assert_non_null(strstr(why, "is there already"));
	assert_int_equal(
	    backup_write(&(struct store_options){ .data_dir = dir }, "/nowhere/at/all", &out, why, sizeof(why)), ERR_INPUT);
	assert_int_equal(
	    backup_write(&(struct store_options){ .data_dir = dir, .url = "x" }, "/tmp/x", &out, why, sizeof(why)), ERR_INPUT);
	assert_non_null(strstr(why, "of your own"));
	buf_done(&out);
}

static void backup_write__changes_nothing__of_an_older_schema(void **state)
{
	(void)state;
	char why[512] = "";
	char path[300];
	char level[128];
	struct buf out = BUF_INIT;
	snprintf(path, sizeof(path), "%s.before", file);
	struct store *s = open_store(dir);
	/* As if this program were newer than the schema: what an upgrade looks like before its first start. */
	assert_true(exec(s,
	    "ALTER TABLE eddy.schema_migrations RENAME COLUMN version TO was; ALTER TABLE eddy.schema_migrations ADD "
	    "COLUMN "
	    "version integer NOT NULL DEFAULT 0",
	    NULL));
	assert_int_equal(backup_write(&(struct store_options){ .data_dir = dir }, path, &out, why, sizeof(why)), ERR_NONE);
	assert_non_null(strstr(out.p, "schema 0"));
	assert_true(exec(s, "SELECT max(version) FROM eddy.schema_migrations", level));
	assert_string_equal(level, "0");
	assert_true(exec(s,
	    "ALTER TABLE eddy.schema_migrations DROP COLUMN version; ALTER TABLE eddy.schema_migrations RENAME COLUMN "
	    "was TO "
	    "version",
	    NULL));
	store_close(s);
	unlink(path);
	buf_done(&out);
}

static void backup_write__without_database__says_so(void **state)
{
	(void)state;
	char why[512] = "";
	char path[300];
	struct stat st;
	struct buf out = BUF_INIT;
	const char *empty = test_dir();
	snprintf(path, sizeof(path), "%s.none", file);
	assert_int_equal(backup_write(&(struct store_options){ .data_dir = empty }, path, &out, why, sizeof(why)), ERR_INPUT);
	assert_non_null(strstr(why, "nothing to back up"));
	assert_int_equal(stat(path, &st), -1);
	snprintf(path, sizeof(path), "%s.none.part", file);
	assert_int_equal(stat(path, &st), -1);
	buf_done(&out);
}

static void backup_restore__refuses__while_another_eddy_runs(void **state)
{
	(void)state;
	char why[512];
	struct store *s = open_store(dir2);
	assert_int_equal(restore(dir2, file, true, why), ERR_DENIED);
	assert_non_null(strstr(why, "stop it first"));
	store_close(s);
}

static void migrate_down__refuses__while_another_eddy_runs(void **state)
{
	(void)state;
	char why[512];
	struct buf out = BUF_INIT;
	struct store *running = NULL;
	const struct store_options o = { .data_dir = dir };
	assert_int_equal(store_open(&running, &o, why, sizeof(why)), ERR_NONE);
	assert_int_equal(store_migrate(&o, STORE_DOWN, 1, &out, why, sizeof(why)), ERR_DENIED);
	assert_non_null(strstr(why, "another eddy"));
	store_close(running);
	buf_done(&out);
}

static void backup_restore__asks__before_replacing_data(void **state)
{
	(void)state;
	char why[512];
	char rows[128];
	struct store *s = open_store(dir2);
	assert_true(exec(s, "DELETE FROM eddy.messages WHERE seq > 10", NULL));
	store_close(s);
	assert_int_equal(restore(dir2, file, false, why), ERR_DENIED);
	assert_non_null(strstr(why, "--replace"));
	s = open_store(dir2);
	assert_true(exec(s, "SELECT count(*) FROM eddy.messages", rows));
	assert_string_equal(rows, "10");
	store_close(s);
	assert_int_equal(restore(dir2, file, true, why), ERR_NONE);
	s = open_store(dir2);
	assert_true(exec(s, "SELECT count(*) FROM eddy.messages", rows));
	assert_string_equal(rows, "300");
	assert_true(exec(s, "SELECT count(*) FROM pg_database WHERE datname LIKE 'eddy%'", rows));
	assert_string_equal(rows, "1");
	store_close(s);
}

/* A copy of the backup with one change. */
static void damaged_copy(const char *path, off_t cut, off_t flip)
{
	char cmd[700];
	snprintf(cmd, sizeof(cmd), "cp '%s' '%s'", file, path);
	assert_int_equal(system(cmd), 0);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	if (cut)
		assert_int_equal(truncate(path, st.st_size - cut), 0);
	if (flip) {
		int fd = open(path, O_RDWR);
		char c;
		assert_true(fd >= 0);
		assert_int_equal(pread(fd, &c, 1, flip), 1);
		c = (char)(c ^ 1);
		assert_int_equal(pwrite(fd, &c, 1, flip), 1);
		close(fd);
	}
}

static void backup_restore__refuses__damaged_files(void **state)
{
	(void)state;
	static const struct {
		off_t cut, flip;
		const char *word;
	} cases[] = { { 1, 0, "cut off" }, { 500, 0, "cut off" }, { 0, 2000, "damaged" }, { 0, 2, "not a backup" } };
	char path[300];
	char why[512];
	char rows[128];
	snprintf(path, sizeof(path), "%s.bad", file);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		damaged_copy(path, cases[i].cut, cases[i].flip);
		assert_int_equal(restore(dir2, path, true, why), ERR_INPUT);
		if (!strstr(why, cases[i].word))
			print_error("%s\n", why);
		assert_non_null(strstr(why, cases[i].word));
		unlink(path);
	}
	assert_int_equal(restore(dir2, "/dev/null", true, why), ERR_INPUT);
	assert_int_equal(restore(dir2, "/nowhere", true, why), ERR_INPUT);
	struct store *s = open_store(dir2);
	assert_true(exec(s, "SELECT count(*) FROM eddy.messages", rows));
	assert_string_equal(rows, "300");
	store_close(s);
}

static void backup_restore__refuses__newer_schema_and_keeps_old_data(void **state)
{
	(void)state;
	char why[512] = "";
	char path[300];
	char rows[128];
	struct buf out = BUF_INIT;
	struct store *s = open_store(dir);
	snprintf(path, sizeof(path), "%s.newer", file);
	assert_true(exec(s, "INSERT INTO eddy.schema_migrations (version, name, digest) VALUES (900, 'future', '')", NULL));
	/*
	 * The schema is only looked at when Eddy starts, so another backup of the same database can still be made by
	 * hand.
	 */
	char cmd[4096];
	snprintf(cmd, sizeof(cmd),
	    "p=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -1); $p/pg_dump -Fc \"%s\" >'%s' && { printf "
	    "EDDYBAK1; "
	    "openssl dgst -sha256 -binary '%s'; } >'%s.t' && cat '%s.t' >>'%s'; rm -f '%s.t'",
	    store_admin_url(s), path, path, path, path, path, path);
	assert_int_equal(system(cmd), 0);
	assert_true(exec(s, "DELETE FROM eddy.schema_migrations WHERE version = 900", NULL));
	store_close(s);
	assert_int_equal(restore(dir2, path, true, why), ERR_INPUT);
	assert_non_null(strstr(why, "is at step 900"));
	unlink(path);
	s = open_store(dir2);
	assert_true(exec(s, "SELECT count(*) FROM eddy.messages", rows));
	assert_string_equal(rows, "300");
	assert_true(exec(s, "SELECT count(*) FROM pg_database WHERE datname LIKE 'eddy%'", rows));
	assert_string_equal(rows, "1");
	store_close(s);
	buf_done(&out);
}

static int setup(void **state)
{
	(void)state;
	dir = test_dir();
	dir2 = test_dir();
	snprintf(file, sizeof(file), "%s/monday.eddy", test_dir());
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backup_restore__round_trip__keeps_every_row),
		cmocka_unit_test(backup_write__refuses__to_overwrite),
		cmocka_unit_test(backup_write__changes_nothing__of_an_older_schema),
		cmocka_unit_test(backup_write__without_database__says_so),
		cmocka_unit_test(backup_restore__refuses__while_another_eddy_runs),
		cmocka_unit_test(migrate_down__refuses__while_another_eddy_runs),
		cmocka_unit_test(backup_restore__asks__before_replacing_data),
		cmocka_unit_test(backup_restore__refuses__damaged_files),
		cmocka_unit_test(backup_restore__refuses__newer_schema_and_keeps_old_data),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
