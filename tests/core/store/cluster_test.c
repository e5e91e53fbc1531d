/* The private cluster: made once, shared, adopted, stopped by the last; as root and as an ordinary user. */
#include "../../../core/store/cluster.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../core/base/buf.h"
#include "../../../core/base/clock.h"
#include "../../../core/store/admin.h"
#include "../../../core/store/cluster_files.h"
#include "../../../core/store/store.h"
#include "../../support/db.h"

static const char *dir; /* one cluster for most tests: making one takes a second */

static pid_t server_pid(const char *data_dir)
{
	char path[256];
	struct cluster_pid p;
	snprintf(path, sizeof(path), "%s/pg", data_dir);
	return cluster_read_pid(path, &p) ? p.pid : 0;
}

static struct cluster *start(const char *data_dir)
{
	struct cluster *c = NULL;
	char why[512] = "";
	if (cluster_start(&c, data_dir, why, sizeof(why)) != ERR_NONE)
		fprintf(stderr, "cluster_start: %s\n", why);
	return c;
}

static bool answers(struct cluster *c)
{
	struct buf url = BUF_INIT;
	struct admin a;
	char why[256];
	cluster_url(c, "postgres", NULL, &url);
	bool ok = admin_open(&a, url.p, why, sizeof(why)) == ERR_NONE;
	if (ok)
		ok = admin_check_server(&a, why, sizeof(why)) == ERR_NONE;
	admin_close(&a);
	buf_done(&url);
	return ok;
}

/* Run ${fn} in a process of its own; its exit code. */
static int in_child(int (*fn)(void *), void *arg)
{
	pid_t pid = fork();
	if (pid == 0)
		_exit(fn(arg));
	int st = 0;
	waitpid(pid, &st, 0);
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

static void cluster_start__makes__private_server(void **state)
{
	(void)state;
	struct cluster *c = start(dir);
	struct stat st;
	char path[256];
	assert_non_null(c);
	assert_true(answers(c));
	snprintf(path, sizeof(path), "%s/pg", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	snprintf(path, sizeof(path), "%s/run", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 077, 0);
	/* A terminal's Ctrl-C must not reach it. */
	assert_int_not_equal(getsid(server_pid(dir)), getsid(0));
	cluster_stop(c);
	assert_int_equal(server_pid(dir), 0);
}

static void cluster_stop__leaves__server_to_other_users(void **state)
{
	(void)state;
	struct cluster *one = start(dir);
	assert_non_null(one);
	assert_false(cluster_shared(one));
	pid_t pid = server_pid(dir);
	struct cluster *two = start(dir);
	assert_non_null(two);
	assert_true(cluster_shared(one));
	assert_true(cluster_shared(two));
	cluster_stop(one);
	assert_int_equal(server_pid(dir), pid);
	assert_true(answers(two));
	assert_false(cluster_shared(two));
	cluster_stop(two);
	assert_int_equal(server_pid(dir), 0);
}

static int start_and_die(void *arg)
{
	return start(arg) ? 0 : 1; /* no cluster_stop(): as if killed */
}

static void cluster_start__adopts__server_of_killed_process(void **state)
{
	(void)state;
	assert_int_equal(in_child(start_and_die, (void *)(uintptr_t)dir), 0);
	pid_t pid = server_pid(dir);
	assert_true(pid > 0);
	struct cluster *c = start(dir);
	assert_non_null(c);
	assert_int_equal(server_pid(dir), pid);
	assert_true(answers(c));
	cluster_stop(c);
	assert_int_equal(server_pid(dir), 0);
}

static void cluster_start__recovers__killed_server(void **state)
{
	(void)state;
	struct cluster *c = start(dir);
	assert_non_null(c);
	pid_t pid = server_pid(dir);
	kill(pid, SIGKILL);
	cluster_stop(c);
	c = start(dir);
	assert_non_null(c);
	assert_int_not_equal(server_pid(dir), pid);
	assert_true(answers(c));
	cluster_stop(c);
}

static void cluster_start__ignores__pid_file_of_another_process(void **state)
{
	(void)state;
	char path[256];
	snprintf(path, sizeof(path), "%s/pg/postmaster.pid", dir);
	/*
	 * A live process that is no server; as root one of user postgres, which Postgres itself would take for a
	 * server.
	 */
	pid_t other = fork();
	if (other == 0) {
		struct passwd *pw = getpwnam("postgres");
		if (geteuid() == 0 && pw && setuid(pw->pw_uid) != 0)
			_exit(1);
		sleep(120);
		_exit(0);
	}
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fprintf(f, "%d\n%s/pg\n1700000000\n5432\n/nowhere\n\n\nready   \n", (int)other, dir);
	fclose(f);
	struct cluster *c = start(dir);
	assert_non_null(c);
	assert_true(answers(c));
	cluster_stop(c);
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
}

static void write_version(const char *text)
{
	char path[256];
	snprintf(path, sizeof(path), "%s/pg/PG_VERSION", dir);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void cluster_start__explains__other_major_version(void **state)
{
	(void)state;
	struct cluster *c = NULL;
	char why[512] = "";
	int major = 0;
	char bin[256];
	char keep[16];
	assert_true(cluster_find_bin(0, bin, sizeof(bin), &major));
	write_version("9\n");
	assert_int_equal(cluster_start(&c, dir, why, sizeof(why)), ERR_BROKEN);
	assert_non_null(strstr(why, "PostgreSQL 9"));
	assert_non_null(strstr(why, "postgresql-9"));
	assert_null(c);
	snprintf(keep, sizeof(keep), "%d\n", major);
	write_version(keep);
}

static void cluster_start__explains__broken_settings(void **state)
{
	(void)state;
	struct cluster *c = NULL;
	char why[512] = "";
	char path[256];
	snprintf(path, sizeof(path), "%s/pg/postgresql.auto.conf", dir);
	FILE *f = fopen(path, "a");
	assert_non_null(f);
	fputs("shared_buffers = 'a lot'\n", f);
	fclose(f);
	assert_int_equal(cluster_start(&c, dir, why, sizeof(why)), ERR_BROKEN);
	assert_non_null(strstr(why, "server.log"));
	assert_null(c);
	assert_int_equal(truncate(path, 0), 0);
	c = start(dir);
	assert_non_null(c);
	cluster_stop(c);
}

static void store_open__refuses__private_server_without_fsync(void **state)
{
	(void)state;
	struct store *s = NULL;
	char why[512] = "";
	char path[256];
	snprintf(path, sizeof(path), "%s/pg/postgresql.auto.conf", dir);
	const char *const off[] = { "fsync", "full_page_writes", "synchronous_commit" };
	for (size_t i = 0; i < 3; i++) {
		FILE *f = fopen(path, "w");
		assert_non_null(f);
		fprintf(f, "%s = off\n", off[i]);
		fclose(f);
		assert_int_equal(store_open(&s, &(struct store_options){ .data_dir = dir }, why, sizeof(why)), ERR_INPUT);
		assert_non_null(strstr(why, off[i]));
		assert_non_null(strstr(why, "= on"));
		assert_null(s);
	}
	assert_int_equal(truncate(path, 0), 0);
	assert_int_equal(server_pid(dir), 0);
}

static void store_open__is_quick__when_all_is_there(void **state)
{
	(void)state;
	struct store *first = NULL;
	struct store *s = NULL;
	char why[512] = "";
	struct store_options o = { .data_dir = dir };
	assert_int_equal(store_open(&first, &o, why, sizeof(why)), ERR_NONE);
	assert_non_null(strstr(store_describe(first), "private cluster"));
	assert_null(store_note(first));
	uint64_t t0 = clock_us();
	assert_int_equal(store_open(&s, &o, why, sizeof(why)), ERR_NONE);
	uint64_t took = clock_us() - t0;
	print_message("store_open with everything there: %.1f ms\n", (double)took / 1000);
	assert_true(took < 30000000);
	struct store *empty = NULL;
	struct store_options unset = { .data_dir = dir, .url = "", .admin_url = "" };
	assert_int_equal(store_open(&empty, &unset, why, sizeof(why)), ERR_NONE);
	assert_string_equal(store_url(empty), store_url(first));
	store_close(empty);
	assert_string_equal(store_url(s), store_url(first));
	store_close(s);
	store_close(first);
	assert_int_equal(server_pid(dir), 0);
	t0 = clock_us();
	assert_int_equal(store_open(&s, &o, why, sizeof(why)), ERR_NONE);
	print_message("store_open with the server stopped: %.1f ms\n", (double)(clock_us() - t0) / 1000);
	store_close(s);
}

static void store_watch__revives__killed_server_at_same_address(void **state)
{
	(void)state;
	struct store *s = NULL;
	struct admin a = { 0 };
	char why[512] = "";
	assert_int_equal(store_open(&s, &(struct store_options){ .data_dir = dir }, why, sizeof(why)), ERR_NONE);
	store_watch(s, NULL);
	pid_t pid = server_pid(dir);
	assert_int_equal(kill(pid, SIGKILL), 0);
	uint64_t end = clock_ms() + 90000;
	bool back = false;
	while (!back && clock_ms() < end) {
		struct timespec t = { .tv_nsec = 50000000 };
		nanosleep(&t, NULL);
		back = server_pid(dir) != pid && admin_open(&a, store_url(s), why, sizeof(why)) == ERR_NONE;
		admin_close(&a);
	}
	assert_true(back);
	store_close(s);
	assert_int_equal(server_pid(dir), 0);
}

static void store_watch__merges__search_index(void **state)
{
	(void)state;
	struct store *s = NULL;
	struct admin a = { 0 };
	char why[512] = "";
	PGresult *r = NULL;
	assert_int_equal(store_open(&s, &(struct store_options){ .data_dir = dir }, why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_open(&a, store_admin_url(s), why, sizeof(why)), ERR_NONE);
	assert_int_equal(admin_exec(&a,
	                     "BEGIN; SET LOCAL session_replication_role = replica; INSERT INTO eddy.messages (ws, id, "
	                     "thread_id, seq, rev, "
	                     "author_kind, body, audience_id) SELECT gen_random_uuid(), gen_random_uuid(), "
	                     "gen_random_uuid(), n, n, 1, "
	                     "'words of ' || n, gen_random_uuid() FROM generate_series(1, 200) n; COMMIT; "
	                     "CREATE EXTENSION IF NOT EXISTS pgstattuple",
	                     why, sizeof(why)),
	    ERR_NONE);
	static const char pending[] = "SELECT pending_pages FROM pgstatginindex('eddy.messages_search')";
	assert_int_equal(admin_query(&a, pending, 0, NULL, &r, why, sizeof(why)), ERR_NONE);
	assert_true(atoi(PQgetvalue(r, 0, 0)) > 0);
	PQclear(r);
	store_watch(s, NULL);
	int pages = 1;
	for (uint64_t end = clock_ms() + 90000; pages > 0 && clock_ms() < end;) {
		struct timespec t = { .tv_nsec = 50000000 };
		nanosleep(&t, NULL);
		assert_int_equal(admin_query(&a, pending, 0, NULL, &r, why, sizeof(why)), ERR_NONE);
		pages = atoi(PQgetvalue(r, 0, 0));
		PQclear(r);
	}
	assert_int_equal(pages, 0);
	assert_int_equal(admin_exec(&a, "TRUNCATE eddy.messages CASCADE", why, sizeof(why)), ERR_NONE);
	admin_close(&a);
	store_close(s);
}

static void cluster_start__is_not_stopped__by_shell_in_data_folder(void **state)
{
	(void)state;
	char path[256];
	snprintf(path, sizeof(path), "%s/pg", dir);
	pid_t shell = fork();
	if (shell == 0) {
		if (chdir(path) == 0)
			sleep(120);
		_exit(0);
	}
	uint64_t t0 = clock_ms();
	struct cluster *c = start(dir);
	kill(shell, SIGKILL);
	waitpid(shell, NULL, 0);
	assert_non_null(c);
	assert_true(clock_ms() - t0 < 110000);
	cluster_stop(c);
}

static void store_open__makes_new_password__when_file_is_lost(void **state)
{
	(void)state;
	struct store *s = NULL;
	struct admin a;
	char why[512] = "";
	char path[256];
	struct stat st;
	struct store_options o = { .data_dir = dir };
	snprintf(path, sizeof(path), "%s/eddy_eddy.password", dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(store_open(&s, &o, why, sizeof(why)), ERR_NONE);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(admin_open(&a, store_url(s), why, sizeof(why)), ERR_NONE);
	assert_string_equal(a.user, "eddy_eddy");
	admin_close(&a);
	store_close(s);
}

static void cluster_start__finds_room__for_socket_of_long_path(void **state)
{
	(void)state;
	char longer[256];
	char name[100];
	memset(name, 'x', 90);
	name[90] = '\0';
	snprintf(longer, sizeof(longer), "%s/%s", test_dir(), name);
	struct cluster *c = start(longer);
	assert_non_null(c);
	assert_true(answers(c));
	struct buf url = BUF_INIT;
	cluster_url(c, "postgres", NULL, &url);
	assert_null(strstr(url.p, name));
	buf_done(&url);
	cluster_stop(c);
}

/* Drop to an ordinary user for good; only in a child. */
static bool become_nobody(void)
{
	struct passwd *pw = getpwnam("nobody");
	return pw && setgroups(0, NULL) == 0 && setgid(pw->pw_gid) == 0 && setuid(pw->pw_uid) == 0;
}

static int use_as_nobody(void *arg)
{
	if (geteuid() == 0 && !become_nobody())
		return 2;
	struct cluster *c = start(arg);
	if (!c)
		return 3;
	int rc = answers(c) && !cluster_user(c) ? 0 : 4;
	cluster_stop(c);
	return rc ? rc : server_pid(arg) == 0 ? 0 : 5;
}

static void cluster_start__works__as_ordinary_user(void **state)
{
	(void)state;
	const char *d = test_dir();
	struct passwd *pw = getpwnam("nobody");
	if (geteuid() == 0)
		assert_int_equal(chown(d, pw->pw_uid, pw->pw_gid), 0);
	assert_int_equal(in_child(use_as_nobody, (void *)(uintptr_t)d), 0);
}

static int refused_as_nobody(void *arg)
{
	struct cluster *c = NULL;
	char why[512] = "";
	if (!become_nobody())
		return 2;
	if (cluster_start(&c, arg, why, sizeof(why)) != ERR_BROKEN)
		return 3;
	return strstr(why, "another user") ? 0 : 4;
}

static void cluster_start__refuses__folder_of_another_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(in_child(refused_as_nobody, (void *)(uintptr_t)dir), 0);

	/* And the other way round: root does not run a server on an ordinary user's data. */
	struct passwd *pw = getpwnam("nobody");
	const char *d = test_dir();
	char path[256];
	char why[512] = "";
	struct cluster *c = NULL;
	snprintf(path, sizeof(path), "%s/pg", d);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(chown(path, pw->pw_uid, pw->pw_gid), 0);
	assert_int_equal(cluster_start(&c, d, why, sizeof(why)), ERR_BROKEN);
	assert_non_null(strstr(why, "belongs to user nobody"));
}

static int start_use_stop(void *arg)
{
	struct cluster *c = start(arg);
	if (!c)
		return 1;
	bool ok = answers(c);
	struct timespec t = { .tv_nsec = 50000000 };
	nanosleep(&t, NULL);
	cluster_stop(c);
	return ok ? 0 : 2;
}

static void cluster_start__makes_one_server__for_many_at_once(void **state)
{
	(void)state;
	const char *d = test_dir();
	pid_t pids[4];
	for (size_t i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(start_use_stop((void *)(uintptr_t)d));
	}
	for (size_t i = 0; i < 4; i++) {
		int st = 0;
		waitpid(pids[i], &st, 0);
		assert_true(WIFEXITED(st));
		assert_int_equal(WEXITSTATUS(st), 0);
	}
	assert_int_equal(server_pid(d), 0);
}

static void store_open__makes_one_database__for_many_at_once(void **state)
{
	(void)state;
	const char *d = test_dir();
	struct cluster *c = start(d); /* the server is there: what all of them make at once is the database */
	pid_t pids[4];
	for (size_t i = 0; i < 4; i++) {
		pids[i] = fork();
		if (pids[i] == 0) {
			struct store *s = NULL;
			char why[512] = "";
			bool ok = store_open(&s, &(struct store_options){ .data_dir = d }, why, sizeof(why)) == ERR_NONE;
			if (ok)
				store_close(s);
			else
				fprintf(stderr, "store_open: %s\n", why);
			_exit(ok ? 0 : 1);
		}
	}
	for (size_t i = 0; i < 4; i++) {
		int st = 0;
		waitpid(pids[i], &st, 0);
		assert_true(WIFEXITED(st));
		assert_int_equal(WEXITSTATUS(st), 0);
	}
	cluster_stop(c);
	assert_int_equal(server_pid(d), 0);
}

static void cluster_log__is_bounded__at_start(void **state)
{
	(void)state;
	char path[256];
	char old[256];
	struct stat st;
	snprintf(path, sizeof(path), "%s/pg/server.log", dir);
	snprintf(old, sizeof(old), "%s/pg/server.log.1", dir);
	assert_int_equal(truncate(path, 5 << 20), 0);
	struct cluster *c = start(dir);
	assert_non_null(c);
	assert_int_equal(stat(path, &st), 0);
	assert_true(st.st_size < 1 << 20);
	assert_int_equal(stat(old, &st), 0);
	cluster_stop(c);
}

static int setup(void **state)
{
	(void)state;
	dir = test_dir();
	return chmod(dir, 0700); /* as something else of Eddy may have left it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cluster_start__makes__private_server),
		cmocka_unit_test(cluster_stop__leaves__server_to_other_users),
		cmocka_unit_test(cluster_start__adopts__server_of_killed_process),
		cmocka_unit_test(cluster_start__recovers__killed_server),
		cmocka_unit_test(cluster_start__ignores__pid_file_of_another_process),
		cmocka_unit_test(cluster_start__explains__other_major_version),
		cmocka_unit_test(cluster_start__explains__broken_settings),
		cmocka_unit_test(store_open__is_quick__when_all_is_there),
		cmocka_unit_test(store_watch__revives__killed_server_at_same_address),
		cmocka_unit_test(store_watch__merges__search_index),
		cmocka_unit_test(cluster_start__is_not_stopped__by_shell_in_data_folder),
		cmocka_unit_test(store_open__makes_new_password__when_file_is_lost),
		cmocka_unit_test(store_open__refuses__private_server_without_fsync),
		cmocka_unit_test(cluster_log__is_bounded__at_start),
		cmocka_unit_test(cluster_start__finds_room__for_socket_of_long_path),
		cmocka_unit_test(cluster_start__works__as_ordinary_user),
		cmocka_unit_test(cluster_start__refuses__folder_of_another_user),
		cmocka_unit_test(cluster_start__makes_one_server__for_many_at_once),
		cmocka_unit_test(store_open__makes_one_database__for_many_at_once),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
