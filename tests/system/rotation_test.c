/*
 * A new master key while Eddy serves and others store and read secrets: the command is killed at each of its steps, run again, run twice at once; at no
 * moment is there a value that does not open, and in the end none needs an older key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../core/base/buf.h"
#include "../../core/store/seal.h"
#include "harness.h"

enum { VALUES = 230, LOADERS = 3 }; /* more than four transactions of the command */

static const struct pg_statement *const tables[] = { secret_statements, NULL };
static struct {
	struct id ws;
	char url[600];
	atomic_bool stop;
	atomic_int stored, read, wrong;
} w;

struct hand {
	struct pg *pg;
	struct seal *seal;
	int number;
};

static void hand_open(struct hand *h)
{
	char why[600] = "";
	if (pg_open(&h->pg, w.url, tables, why, sizeof why) != ERR_NONE ||
	    seal_open(&h->seal, rig.d[0].dir, NULL, false, why, sizeof why) != ERR_NONE)
		rig_fail(&rig, "%s", why);
}

static void hand_close(struct hand *h)
{
	pg_close(h->pg);
	seal_close(h->seal);
}

static void value_of(int i, char out[60])
{
	snprintf(out, 60, "value %d of somebody", i);
}

static enum err store(struct hand *h, int i)
{
	char name[40], value[60];
	snprintf(name, sizeof name, "v%d", i);
	value_of(i, value);
	enum err e = pg_begin(h->pg, w.ws);
	return e == ERR_NONE ? pg_end(h->pg, secret_put(h->seal, h->pg, w.ws, "own", name, value, strlen(value))) : e;
}

static bool opens(struct hand *h, int i)
{
	char name[40], value[60];
	struct buf out = BUF_INIT;
	snprintf(name, sizeof name, "v%d", i);
	value_of(i, value);
	assert_int_equal(pg_begin(h->pg, w.ws), ERR_NONE);
	enum err e = pg_end(h->pg, secret_get(h->seal, h->pg, w.ws, "own", name, NULL, &out));
	bool ok = e == ERR_NONE && out.len == strlen(value) && memcmp(out.p, value, out.len) == 0;
	secret_wipe(&out);
	return ok;
}

/* A process of its own, as far as keys go: stores and reads without end. */
static void *load(void *arg)
{
	struct hand *h = arg;
	for (unsigned i = (unsigned)h->number; !atomic_load(&w.stop); i = i * 1103515245u + 12345u) {
		int one = (int)(i >> 8 & 0xffff) % VALUES;
		if (i >> 24 & 1) {
			if (store(h, one) == ERR_NONE)
				atomic_fetch_add(&w.stored, 1);
		} else if (opens(h, one)) {
			atomic_fetch_add(&w.read, 1);
		} else {
			atomic_fetch_add(&w.wrong, 1);
		}
		usleep(500);
	}
	return NULL;
}

static int rotate(const char *fault, char **out)
{
	size_t n;
	char env[100];
	snprintf(env, sizeof env, "EDDY_FAULT=%s", fault != NULL ? fault : "");
	rig_env(&rig, env);
	int status = rig_eddy(&rig, 0, (const char *const[]){ "secret", "rotate", NULL }, NULL, out, &n);
	rig_env(&rig, "EDDY_FAULT=");
	return status;
}

static void all_open(struct hand *h, const char *when)
{
	for (int i = 0; i < VALUES; i++)
		if (!opens(h, i))
			rig_fail(&rig, "%s: value %d does not open", when, i);
}

static size_t keys_in_file(char first[2 * SEAL_KEY + 2])
{
	char path[400], line[200];
	size_t n = 0;
	snprintf(path, sizeof path, "%s/" SEAL_FILE, rig.d[0].dir);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof line, f) != NULL)
		if (n++ == 0)
			snprintf(first, 2 * SEAL_KEY + 2, "%.64s\n", line);
	fclose(f);
	return n;
}

static int old_values(struct hand *h)
{
	char id[SEAL_ID + 1], query[200];
	seal_keys(h->seal, id);
	snprintf(query, sizeof query, "SELECT count(*) FROM secrets WHERE key_id <> '%s'", id);
	return (int)rig_sql(&rig, query);
}

static bool unfinished_file(void)
{
	char path[400];
	snprintf(path, sizeof path, "%s/" SEAL_FILE ".new", rig.d[0].dir);
	return access(path, F_OK) == 0;
}

static void begin(struct hand *hands, pthread_t *threads)
{
	rig_env(&rig, "EDDY_MASTER_KEY="); /* the key is a file, as it is by itself */
	rig_serve(&rig, 0, NULL);
	assert_true(
	    id_parse(rig_sql_text(&rig, "SELECT ws FROM installs WHERE adapter = 'local' AND external_id = 'default'"), &w.ws));
	snprintf(
	    w.url, sizeof w.url, "%s%coptions=-csearch_path%%3Deddy", rig.database, strchr(rig.database, '?') != NULL ? '&' : '?');
	atomic_store(&w.stop, false);
	for (int i = 0; i <= LOADERS; i++) {
		hands[i].number = i + 1;
		hand_open(&hands[i]);
	}
	for (int i = 0; i < VALUES; i++)
		assert_int_equal(store(&hands[0], i), ERR_NONE);
	for (int i = 1; i <= LOADERS; i++)
		pthread_create(&threads[i], NULL, load, &hands[i]);
}

static void end(struct hand *hands, pthread_t *threads)
{
	atomic_store(&w.stop, true);
	for (int i = 1; i <= LOADERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i <= LOADERS; i++)
		hand_close(&hands[i]);
	print_message("# %d stored and %d read meanwhile\n", atomic_load(&w.stored), atomic_load(&w.read));
	assert_int_equal(atomic_load(&w.wrong), 0);
}

static void rotation__killed_at_each_step__loses_nothing_and_goes_on(void **state)
{
	(void)state;
	static const char *const steps[] = { "seal.key_written=kill", "seal.key_there=kill", "rotate.value=kill@1",
		"rotate.value=kill@75", "rotate.before_commit=kill@3", "rotate.after_commit=kill@2", "rotate.value=kill@130" };
	struct hand hands[LOADERS + 1];
	pthread_t threads[LOADERS + 1];
	char *out = NULL, first[2 * SEAL_KEY + 2];
	begin(hands, threads);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		int status = rotate(steps[i], &out);
		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
			rig_fail(&rig, "%s: was not killed: %s", steps[i], out);
		free(out);
		all_open(&hands[0], steps[i]);
		rig_say(&rig, "C1", NULL, (int)i + 1, "are you well?");
		status = rotate(NULL, &out);
		if (status != 0)
			rig_fail(&rig, "after %s: %s", steps[i], out);
		free(out);
		all_open(&hands[0], "afterwards");
		if (unfinished_file())
			rig_fail(&rig, "after %s: keys in a file that nobody uses", steps[i]);
	}
	rig_wait_answers(&rig, 1, (int)(sizeof steps / sizeof *steps), 60000);
	atomic_store(&w.stop, true);
	assert_int_equal(rotate(NULL, &out), 0);
	assert_non_null(strstr(out, "Nothing here needs an older key"));
	free(out);
	assert_int_equal(old_values(&hands[0]), 0);
	/* The older ones can go: what runs, and what begins, opens everything with the newest. */
	char path[400];
	assert_true(keys_in_file(first) > 2);
	snprintf(path, sizeof path, "%s/" SEAL_FILE, rig.d[0].dir);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs(first, f);
	fclose(f);
	all_open(&hands[0], "without the older keys");
	rig_kill(&rig, 0);
	rig_serve(&rig, 0, NULL);
	struct hand fresh;
	hand_open(&fresh);
	all_open(&fresh, "without the older keys, begun anew");
	hand_close(&fresh);
	end(hands, threads);
}

static void rotation__by_many_at_once__keeps_every_key_that_anything_needs(void **state)
{
	(void)state;
	struct hand hands[LOADERS + 1];
	pthread_t threads[LOADERS + 1];
	char first[2 * SEAL_KEY + 2], *out = NULL;
	enum { AT_ONCE = 3, ROUNDS = 2 };
	begin(hands, threads);
	size_t before = keys_in_file(first), made = 0;
	for (int round = 0; round < ROUNDS; round++) {
		pid_t pids[AT_ONCE];
		/* Each waits between reading the keys and writing them. */
		for (int i = 0; i < AT_ONCE; i++)
			if ((pids[i] = fork()) == 0) {
				char *said = NULL;
				_exit(rotate("seal.key_written=sleep:300", &said) == 0 ? 0 : 1);
			}
		for (int i = 0; i < AT_ONCE; i++) {
			int status = -1;
			assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
			assert_int_equal(status, 0);
		}
		all_open(&hands[0], "after many at once");
	}
	made = keys_in_file(first) - before;
	if (made < ROUNDS || made > ROUNDS * AT_ONCE)
		rig_fail(&rig, "%zu keys were made", made);
	atomic_store(&w.stop, true);
	assert_int_equal(rotate(NULL, &out), 0);
	free(out);
	assert_int_equal(old_values(&hands[0]), 0);
	end(hands, threads);
}

/* Somebody chose the key before the new one came, and commits after all else was sealed anew. */
static void rotation__while_somebody_stores__waits_for_them(void **state)
{
	(void)state;
	struct hand hands[LOADERS + 1];
	pthread_t threads[LOADERS + 1];
	begin(hands, threads);
	atomic_store(&w.stop, true);
	struct hand slow;
	hand_open(&slow);
	assert_int_equal(pg_begin(slow.pg, w.ws), ERR_NONE);
	assert_int_equal(secret_put(slow.seal, slow.pg, w.ws, "own", "late", "a late value", 12), ERR_NONE);
	char *said = NULL;
	pid_t pid = fork();
	if (pid == 0)
		_exit(rotate(NULL, &said) == 0 ? 0 : 1);
	rig_wait(&rig, 20000, "the command to wait",
	    rig_sql(&rig, "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = 'ExclusiveLock'") >
	        0);
	assert_int_equal(pg_end(slow.pg, ERR_NONE), ERR_NONE);
	int status = -1;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(old_values(&hands[0]), 0);
	hand_close(&slow);
	end(hands, threads);
}

/* ---- what the doctor sees of it ---- */

static void doctor_says(const char *words)
{
	char *out = NULL;
	size_t n;
	rig_eddy(&rig, 0, (const char *const[]){ "doctor", NULL }, NULL, &out, &n);
	if (strstr(out, words) == NULL)
		rig_fail(&rig, "doctor does not say \"%s\": %s", words, out);
	free(out);
}

static void doctor__says_of_keys_and_values__what_to_mend(void **state)
{
	(void)state;
	struct hand hands[LOADERS + 1];
	pthread_t threads[LOADERS + 1];
	char path[400], away[420], *out = NULL, room[40];
	begin(hands, threads);
	atomic_store(&w.stop, true);
	for (int i = 1; i <= LOADERS; i++)
		pthread_join(threads[i], NULL);
	snprintf(path, sizeof path, "%s/" SEAL_FILE, rig.d[0].dir);
	doctor_says("all can be opened; 1 master key, changed 0 days ago");
	snprintf(room, sizeof room, "%lld", (long long)rig_sql(&rig, "SELECT count(*) FROM secrets"));
	doctor_says(room);
	assert_int_equal(chmod(path, 0644), 0);
	doctor_says("BAD  secrets   others can read");
	assert_int_equal(chmod(path, 0600), 0);
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 65534, (gid_t)-1), 0);
		doctor_says("belongs to another user (65534) than the data folder (0)");
		assert_int_equal(chown(path, 0, (gid_t)-1), 0);
	}
	rotate("rotate.after_commit=kill@2", &out);
	free(out);
	doctor_says("are under an older key: a rotation was not finished, run `eddy secret rotate`");
	assert_int_equal(rotate(NULL, &out), 0);
	free(out);
	doctor_says("2 master keys, changed 0 days ago");
	/* A key that is gone: which values are lost is said. */
	snprintf(away, sizeof away, "%s.away", path);
	assert_int_equal(rename(path, away), 0);
	FILE *f = fopen(path, "we");
	assert_non_null(f);
	fputs("00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n", f);
	fclose(f);
	chmod(path, 0600);
	doctor_says("values cannot be opened: ");
	doctor_says("own/v0 (key ");
	assert_int_equal(rename(away, path), 0);
	doctor_says("ok   secrets ");
	for (int i = 0; i <= LOADERS; i++)
		hand_close(&hands[i]);
}

static void doctor__says_of_limits__who_is_held_back(void **state)
{
	(void)state;
	rig_env(&rig, "EDDY_LIMITS_PERSON=4");
	rig_serve(&rig, 0, NULL);
	doctor_says(
	    "ok   limits    a minute: 4 questions a person, 1000000 a team, 1000000 the workspace, 60 more may wait; nobody waits");
	for (int i = 1; i <= 8; i++)
		rig_say(&rig, "C1", NULL, i, "one more");
	rig_wait(&rig, 20000, "somebody to wait",
	    rig_sql(&rig, "SELECT count(*) FROM runs WHERE state <= 2 AND due > now() + interval '5 s'") > 0);
	doctor_says(" waiting until ");
}

int main(void)
{
	rig_filter();
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
		    rotation__killed_at_each_step__loses_nothing_and_goes_on, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    rotation__by_many_at_once__keeps_every_key_that_anything_needs, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(rotation__while_somebody_stores__waits_for_them, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(doctor__says_of_keys_and_values__what_to_mend, rig_set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(doctor__says_of_limits__who_is_held_back, rig_set_up, rig_tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
