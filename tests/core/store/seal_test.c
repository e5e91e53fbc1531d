/* Sealed secrets: what the database holds tells nothing, fits nowhere else, and outlives a change of the master key at any point. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../../core/base/buf.h"
#include "../../../core/store/seal.h"
#include "../../support/db.h"

#define WS "11111111-1111-4111-8111-111111111111"
#define OTHER "22222222-2222-4222-8222-222222222222"
#define CANARY "canary-value-of-a-secret-4711"
#define KEY_A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define KEY_B "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static const struct pg_statement *const tables[] = { secret_statements, NULL };
static struct pg *pg;
static struct seal *seal;
static const char *dir;
static char path[300];
static struct id ws, other;

static int set_up(void **state)
{
	(void)state;
	char why[600];
	dir = test_dir();
	snprintf(path, sizeof path, "%s/" SEAL_FILE, dir);
	return id_parse(WS, &ws) && id_parse(OTHER, &other) && pg_open(&pg, test_db_fresh(), tables, why, sizeof why) == ERR_NONE &&
	        test_db_exec("INSERT INTO eddy.workspaces (ws, name) VALUES ('" WS "', 'one'), ('" OTHER "', 'two')") &&
	        seal_open(&seal, dir, NULL, true, why, sizeof why) == ERR_NONE
	    ? 0
	    : -1;
}

static int tear_down(void **state)
{
	(void)state;
	pg_close(pg);
	seal_close(seal);
	return 0;
}

static enum err put(struct seal *s, struct id tenant, const char *name, const char *value)
{
	assert_int_equal(pg_begin(pg, tenant), ERR_NONE);
	return pg_end(pg, secret_put(s, pg, tenant, "own", name, value, strlen(value)));
}

static enum err got(struct seal *s, struct id tenant, const char *name, const char *value)
{
	struct buf out = BUF_INIT;
	assert_int_equal(pg_begin(pg, tenant), ERR_NONE);
	enum err e = secret_get(s, pg, tenant, "own", name, "test", &out);
	if (pg_end(pg, e) == ERR_NONE)
		assert_string_equal(out.p, value);
	secret_wipe(&out);
	return e;
}

static struct seal *again(const char *keys)
{
	char why[600];
	struct seal *s = NULL;
	assert_int_equal(seal_open(&s, dir, keys, false, why, sizeof why), ERR_NONE);
	return s;
}

static void value__put__comes_back_and_is_nowhere_in_the_database(void **state)
{
	(void)state;
	assert_int_equal(put(seal, ws, "a.token", CANARY), ERR_NONE);
	assert_int_equal(got(seal, ws, "a.token", CANARY), ERR_NONE);
	assert_string_equal(
	    test_db_value("SELECT count(*) FROM eddy.secrets s WHERE s::text LIKE '%canary%' OR encode(s.sealed, 'escape') LIKE"
	                  " '%canary%'"),
	    "0");
	assert_int_equal(put(seal, ws, "a.token", "another"), ERR_NONE);
	assert_int_equal(got(seal, ws, "a.token", "another"), ERR_NONE);
	assert_int_equal(got(seal, ws, "b.token", ""), ERR_INPUT);
	assert_int_equal(got(seal, other, "a.token", ""), ERR_INPUT);
}

static void value__same_twice__looks_different(void **state)
{
	(void)state;
	assert_int_equal(put(seal, ws, "a", CANARY), ERR_NONE);
	assert_int_equal(put(seal, ws, "b", CANARY), ERR_NONE);
	assert_string_equal(
	    test_db_value("SELECT count(DISTINCT sealed) || ' ' || count(DISTINCT nonce) FROM eddy.secrets"), "2 2");
}

static void value__put_elsewhere__does_not_open(void **state)
{
	(void)state;
	assert_int_equal(put(seal, ws, "a", CANARY), ERR_NONE);
	assert_int_equal(put(seal, ws, "b", "mine"), ERR_NONE);
	assert_int_equal(put(seal, other, "a", "theirs"), ERR_NONE);
	assert_true(
	    test_db_exec("UPDATE eddy.secrets t SET sealed = f.sealed, nonce = f.nonce FROM eddy.secrets f WHERE f.ws = '" WS
	                 "' AND f.name = 'a' AND (t.ws <> f.ws OR t.name <> 'a')"));
	assert_int_equal(got(seal, ws, "b", ""), ERR_DENIED);
	assert_int_equal(got(seal, other, "a", ""), ERR_DENIED);
	assert_int_equal(got(seal, ws, "a", CANARY), ERR_NONE);
	assert_true(test_db_exec("UPDATE eddy.secrets SET kind = 'email' WHERE ws = '" WS "' AND name = 'a';"
	                         "UPDATE eddy.secrets SET kind = 'own', name = 'c' WHERE kind = 'email'"));
	assert_int_equal(got(seal, ws, "c", ""), ERR_DENIED);
}

static void value__each_byte_changed__does_not_open(void **state)
{
	(void)state;
	assert_int_equal(put(seal, ws, "a", "0123456789"), ERR_NONE);
	for (int i = 0; i < 26; i++) {
		char sql[160];
		snprintf(sql, sizeof sql, "UPDATE eddy.secrets SET sealed = set_byte(sealed, %d, get_byte(sealed, %d) # 1)", i, i);
		assert_true(test_db_exec(sql));
		assert_int_equal(got(seal, ws, "a", ""), ERR_DENIED);
		assert_true(test_db_exec(sql));
	}
	assert_true(test_db_exec("UPDATE eddy.secrets SET nonce = set_byte(nonce, 3, get_byte(nonce, 3) # 1)"));
	assert_int_equal(got(seal, ws, "a", ""), ERR_DENIED);
}

static void name__that_cannot_be__is_refused(void **state)
{
	(void)state;
	char longer[SECRET_NAME_MAX + 2], *big = calloc(1, SECRET_MAX + 2);
	memset(longer, 'a', sizeof longer - 1);
	longer[sizeof longer - 1] = '\0';
	memset(big, 'x', SECRET_MAX + 1);
	assert_int_equal(put(seal, ws, "", "v"), ERR_INPUT);
	assert_int_equal(put(seal, ws, "A", "v"), ERR_INPUT);
	assert_int_equal(put(seal, ws, "a b", "v"), ERR_INPUT);
	assert_int_equal(put(seal, ws, longer, "v"), ERR_INPUT);
	assert_int_equal(put(seal, ws, "a", ""), ERR_INPUT);
	assert_int_equal(put(seal, ws, "a", big), ERR_INPUT);
	big[SECRET_MAX] = '\0';
	assert_int_equal(put(seal, ws, "a", big), ERR_NONE);
	assert_int_equal(got(seal, ws, "a", big), ERR_NONE);
	free(big);
}

/* Somebody else's database, or a lost file: said, not guessed. */
static void key__missing__is_denied(void **state)
{
	(void)state;
	struct seal *a = again(KEY_A), *b = again(KEY_B), *both = again(KEY_B "," KEY_A);
	assert_int_equal(put(a, ws, "a", CANARY), ERR_NONE);
	assert_int_equal(got(b, ws, "a", ""), ERR_DENIED);
	assert_int_equal(got(both, ws, "a", CANARY), ERR_NONE);
	seal_close(a);
	seal_close(b);
	seal_close(both);
}

static void keys__that_are_none__are_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "x", "0011", KEY_A "00",
		KEY_A ","
		      "zz",
		"," };
	char why[600];
	struct seal *s = NULL;
	struct stat st;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(seal_open(&s, dir, bad[i], false, why, sizeof why), ERR_INPUT);
		assert_null(strstr(why, "0011"));
	}
	assert_int_equal(seal_open(&s, "/nowhere", NULL, true, why, sizeof why), ERR_INPUT);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

/* A daemon has the file open since before; the command makes a new key and is stopped halfway. */
static void rotation__stopped_halfway__goes_on_while_a_daemon_works(void **state)
{
	(void)state;
	char why[600], name[20], first[SEAL_ID + 1], second[SEAL_ID + 1], sql[120];
	int n, lost;
	struct seal *daemon = again(NULL);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "s%d", i);
		assert_int_equal(put(daemon, ws, name, CANARY), ERR_NONE);
	}
	assert_int_equal(seal_keys(seal, first), 1);
	assert_int_equal(seal_new_key(seal, why, sizeof why), ERR_NONE);
	assert_int_equal(seal_keys(seal, second), 2);
	assert_string_not_equal(first, second);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(secret_renew(seal, pg, ws, 5, &n, &lost), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(n, 5);
	assert_int_equal(lost, 0);
	/* ... killed within the next piece: nothing of it is stored. */
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(secret_renew(seal, pg, ws, 5, &n, &lost), ERR_NONE);
	pg_rollback(pg);
	for (int i = 0; i < 20; i++) {
		snprintf(name, sizeof name, "s%d", i);
		assert_int_equal(got(daemon, ws, name, CANARY), ERR_NONE); /* under the old key or the new one */
	}
	assert_int_equal(put(daemon, ws, "s3", "changed meanwhile"), ERR_NONE); /* the daemon has learned of the new key */
	seal_close(seal);
	seal = again(NULL);
	for (n = 5; n > 0;) {
		assert_int_equal(pg_begin(pg, ws), ERR_NONE);
		assert_int_equal(secret_renew(seal, pg, ws, 5, &n, &lost), ERR_NONE);
		assert_int_equal(pg_commit(pg), ERR_NONE);
	}
	snprintf(sql, sizeof sql, "SELECT count(*) FROM eddy.secrets WHERE key_id = '%s'", second);
	assert_string_equal(test_db_value(sql), "20");
	assert_int_equal(got(daemon, ws, "s3", "changed meanwhile"), ERR_NONE);
	assert_int_equal(got(seal, ws, "s19", CANARY), ERR_NONE);
	seal_close(daemon);
}

/* One that no key opens does not keep the others from being sealed anew. */
static void rotation__value_without_a_key__is_counted(void **state)
{
	(void)state;
	int n, lost;
	struct seal *a = again(KEY_A), *b = again(KEY_B), *both = again(KEY_B "," KEY_A);
	assert_int_equal(put(seal, ws, "lost", CANARY), ERR_NONE);
	for (int i = 0; i < 5; i++)
		assert_int_equal(put(a, ws, (const char *[]){ "a", "b", "m", "x", "z" }[i], CANARY), ERR_NONE);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(secret_renew(both, pg, ws, 2, &n, &lost), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(n, 2);
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_equal(secret_renew(both, pg, ws, 50, &n, &lost), ERR_NONE);
	assert_int_equal(pg_commit(pg), ERR_NONE);
	assert_int_equal(n, 3);
	assert_int_equal(lost, 1);
	assert_int_equal(got(b, ws, "z", CANARY), ERR_NONE);
	seal_close(a);
	seal_close(b);
	seal_close(both);
}

/* ---- who reads ---- */

static const char *lines(const char *what)
{
	static char query[400];
	snprintf(query, sizeof query, "SELECT %s FROM eddy.audit WHERE verb = 'secret.read'", what);
	return test_db_value(query);
}

static enum err read_for(struct seal *s, struct id tenant, const char *name, const char *use)
{
	struct buf out = BUF_INIT;
	assert_int_equal(pg_begin(pg, tenant), ERR_NONE);
	enum err e = pg_end(pg, secret_get(s, pg, tenant, "own", name, use, &out));
	secret_wipe(&out);
	return e;
}

static void read__again_and_again__is_a_line_and_a_count(void **state)
{
	(void)state;
	assert_int_equal(put(seal, ws, "a.token", CANARY), ERR_NONE);
	for (int i = 0; i < 100; i++)
		assert_int_equal(read_for(seal, ws, "a.token", "adapter"), ERR_NONE);
	assert_string_equal(lines("count(*) || ' ' || min(facts ->> 'times') || ' ' || min(facts ->> 'for')"), "1 1 adapter");
	assert_int_equal(read_for(seal, ws, "a.token", "setting"), ERR_NONE);
	assert_int_equal(read_for(seal, ws, "no.such", "setting"), ERR_INPUT);
	assert_int_equal(read_for(seal, ws, "a.token", NULL), ERR_NONE);
	assert_string_equal(lines("count(*)"), "2");
	/* At the end what is not known yet, and nothing twice. */
	assert_int_equal(secret_reads_end(seal, pg), ERR_NONE);
	assert_int_equal(secret_reads_end(seal, pg), ERR_NONE);
	assert_string_equal(lines("count(*) || ' ' || max((facts ->> 'times')::int)"), "3 100");
	/* Another process counts for itself. */
	struct seal *s = again(NULL);
	assert_int_equal(read_for(s, ws, "a.token", "adapter"), ERR_NONE);
	assert_string_equal(lines("count(*) || ' ' || count(DISTINCT facts ->> 'process')"), "4 2");
	assert_string_equal(lines("count(*) FILTER (WHERE facts::text LIKE '%canary%')"), "0");
	seal_close(s);
}

static void read__of_a_persons_value__does_not_name_them(void **state)
{
	(void)state;
	assert_int_equal(put(seal, ws, OTHER ":tracker.example", CANARY), ERR_NONE);
	assert_int_equal(read_for(seal, ws, OTHER ":tracker.example", "ask_tracker"), ERR_NONE);
	assert_string_equal(lines("facts ->> 'name'"), "tracker.example");
}

static void read__of_more_than_are_counted__loses_no_first_line(void **state)
{
	(void)state;
	char name[40];
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "many.%d", i);
		assert_int_equal(put(seal, ws, name, CANARY), ERR_NONE);
		assert_int_equal(read_for(seal, ws, name, "adapter"), ERR_NONE);
	}
	assert_string_equal(lines("count(*)"), "300");
}

/* What cannot be noted is not handed out. */
static void read__that_cannot_be_noted__gives_nothing(void **state)
{
	(void)state;
	struct buf out = BUF_INIT;
	assert_int_equal(put(seal, ws, "a.token", CANARY), ERR_NONE);
	assert_true(test_db_exec("ALTER TABLE eddy.audit RENAME TO audit_away"));
	assert_int_equal(pg_begin(pg, ws), ERR_NONE);
	assert_int_not_equal(pg_end(pg, secret_get(seal, pg, ws, "own", "a.token", "adapter", &out)), ERR_NONE);
	assert_int_equal(out.len, 0);
	assert_true(test_db_exec("ALTER TABLE eddy.audit_away RENAME TO audit"));
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
int main(void)
{
	const struct CMUnitTest tests[] = {
		T(value__put__comes_back_and_is_nowhere_in_the_database),
		T(value__same_twice__looks_different),
		T(value__put_elsewhere__does_not_open),
		T(value__each_byte_changed__does_not_open),
		T(read__again_and_again__is_a_line_and_a_count),
		T(read__of_a_persons_value__does_not_name_them),
		T(read__of_more_than_are_counted__loses_no_first_line),
		T(read__that_cannot_be_noted__gives_nothing),
		T(name__that_cannot_be__is_refused),
		T(key__missing__is_denied),
		T(keys__that_are_none__are_refused),
		T(rotation__stopped_halfway__goes_on_while_a_daemon_works),
		T(rotation__value_without_a_key__is_counted),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
