/* What goes beside a batch: never before what came first, and never on a session that has outlived that of the batches. */
#include "../../../core/store/writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/log.h"
#include "../../../core/base/mem.h"
#include "../../support/db.h"

static const struct pg_statement statements[] = {
	{ "say_pid", "SELECT pg_backend_pid()" },
	{ "say_slowly", "SELECT pg_backend_pid() FROM pg_sleep(0.4)" },
	{ "say_nonsense", "SELECT 1 / (pg_backend_pid() - pg_backend_pid())" },
	{ "say_goodbye", "SELECT pg_terminate_backend(pg_backend_pid())" },
	{ NULL, NULL },
};
static const struct pg_statement *const tables[] = { statements, NULL };

enum { SAID_MAX = 40 };
static struct writer *writer;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char told[SAID_MAX + 1]; /* the names, in the order of done() */
static int pids[128];           /* of a name: the session that has committed it */

struct said {
	struct write_op op; /* first */
	char name;
	const char *once, *statement; /* at the first try, if it is given, and then */
	int tries;
	const char *calls; /* puts these, as put() takes them, when it is tried the second time */
};

static void put(const char *tenant_and_name, const char *once, const char *statement, const char *calls);

static void on_pid(void *ctx, const PGresult *r)
{
	pids[(unsigned char)((struct said *)ctx)->name] = (int)pg_get_int8(r, 0, 0);
}

static void say(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct said *s = (struct said *)ops[i];
		for (const char *c = s->calls; c != NULL && s->tries == 2 && *c != '\0'; c += 2)
			put(c, NULL, "say_pid", NULL);
		bool once = s->tries == 1 && s->once != NULL;
		writer_args(tx);
		writer_exec(tx, once ? s->once : s->statement, once ? NULL : on_pid, s);
	}
}

static void again(struct write_op *op)
{
	((struct said *)op)->tries++;
}

static void done(struct write_op *op, enum err e)
{
	(void)e;
	pthread_mutex_lock(&mutex);
	size_t n = strlen(told);
	if (n < SAID_MAX)
		told[n] = ((struct said *)op)->name;
	pthread_mutex_unlock(&mutex);
	free(op);
}

static const struct write_kind kind = { .name = "say", .round = { say }, .done = done, .reset = again };

/* "Ax": x of tenant A; "-x": of none. */
static void put(const char *tenant_and_name, const char *once, const char *statement, const char *calls)
{
	struct said *s = xcalloc(1, sizeof *s);
	s->op.kind = &kind;
	s->op.ws = tenant_and_name[0] == '-' ? ID_NONE : (struct id){ { (uint8_t)tenant_and_name[0] } };
	s->name = tenant_and_name[1];
	s->once = once;
	s->statement = statement;
	s->calls = calls;
	writer_put(writer, &s->op);
}

/* Waits until ${n} are done; their names. */
static const char *told_of(size_t n)
{
	static char out[SAID_MAX + 1];
	for (uint64_t until = clock_ms() + 20000; clock_ms() < until; usleep(2000)) {
		pthread_mutex_lock(&mutex);
		memcpy(out, told, sizeof out);
		pthread_mutex_unlock(&mutex);
		if (strlen(out) >= n)
			break;
	}
	return out;
}

static uint64_t beside(void)
{
	struct writer_stats s;
	writer_stats(writer, &s);
	return s.beside;
}

/* Two tenants have been there, so there is a second session as soon as they are done. */
static int make(void **state)
{
	char why[256];
	(void)state;
	memset(told, 0, sizeof told);
	if (writer_open(&writer, &(struct writer_options){ .url = test_db_fresh(), .statements = tables }, why, sizeof why) !=
	    ERR_NONE)
		return -1;
	put("A1", NULL, "say_pid", NULL);
	put("B2", NULL, "say_pid", NULL);
	return writer_start(writer) == ERR_NONE && strcmp(told_of(2), "12") == 0 ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	writer_stop(writer, 5000);
	writer_free(writer);
	return 0;
}

static void replay__one_by_one__keeps_the_order_of_a_workspace(void **state)
{
	(void)state;
	put("-g", NULL, "say_slowly", NULL); /* while it is at work the next batch collects */
	usleep(100000);
	put("Aa", NULL, "say_nonsense", NULL); /* the whole batch is refused for it */
	put("Bb", NULL, "say_slowly", "CdDe"); /* when it is tried alone there comes d of C, which has c in the batch, and e */
	put("Cc", NULL, "say_pid", NULL);
	assert_string_equal(told_of(8), "12gaebcd");
	assert_int_equal(beside(), 1); /* who has nothing in what is left of the batch need not wait */
	assert_int_equal(pids['c'], pids['b']);
	assert_int_equal(pids['d'], pids['b']);
	assert_int_not_equal(pids['e'], pids['b']);
}

static void second_session__when_that_of_the_batches_is_lost__goes_with_it(void **state)
{
	(void)state;
	put("Aa", "say_nonsense", "say_slowly", "Bb");
	assert_string_equal(told_of(4), "12ba");
	put("Ac", "say_goodbye", "say_pid", NULL);
	assert_string_equal(told_of(5), "12bac");
	put("Ad", "say_nonsense", "say_slowly", "Be");
	assert_string_equal(told_of(7), "12baced");
	assert_int_equal(beside(), 2);
	assert_int_not_equal(pids['d'], pids['a']);
	assert_int_not_equal(pids['e'], pids['b']); /* a new one, too */
}

int main(void)
{
	log_set_level(LOG_ERROR);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(replay__one_by_one__keeps_the_order_of_a_workspace, make, drop),
		cmocka_unit_test_setup_teardown(second_session__when_that_of_the_batches_is_lost__goes_with_it, make, drop),
	};
	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
