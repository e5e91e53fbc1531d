/* Ids: order, form, and that named ones can be computed again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../../core/base/clock.h"
#include "../../../core/base/id.h"

#define PER_THREAD 20000
#define THREADS 4

static void id_new__sorts__by_creation_even_within_a_millisecond(void **state)
{
	(void)state;
	struct id last = id_new();
	uint64_t before = clock_wall_ms();
	for (int i = 0; i < 100000; i++) {
		struct id id = id_new();
		if (id_compare(last, id) >= 0)
			fail_msg("id %d does not sort behind the one before", i);
		last = id;
	}
	struct id id = id_new();
	uint64_t ms = 0;
	for (size_t i = 0; i < 6; i++)
		ms = ms << 8 | id.b[i];
	assert_true(ms >= before && ms <= clock_wall_ms() + 1000);
	assert_int_equal(id.b[6] >> 4, 7);
	assert_int_equal(id.b[8] >> 6, 2);
}

static void *make_ids(void *arg)
{
	struct id *ids = arg;
	for (size_t i = 0; i < PER_THREAD; i++)
		ids[i] = id_new();
	return NULL;
}

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

static void id_new__never_repeats__across_threads(void **state)
{
	(void)state;
	struct id *ids = calloc(THREADS * PER_THREAD, sizeof *ids);
	pthread_t threads[THREADS];
	for (size_t i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, make_ids, ids + i * PER_THREAD);
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		for (size_t k = 1; k < PER_THREAD; k++)
			assert_true(id_compare(ids[i * PER_THREAD + k - 1], ids[i * PER_THREAD + k]) < 0);
	}
	qsort(ids, THREADS * PER_THREAD, sizeof *ids, by_id);
	/* The time and counter alone are unique too. */
	for (size_t i = 1; i < THREADS * PER_THREAD; i++)
		assert_true(memcmp(ids[i - 1].b, ids[i].b, 8) != 0);
	free(ids);
}

static void id_new__differs__in_a_forked_child(void **state)
{
	(void)state;
	id_new();
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	if (child == 0) {
		struct id id = id_new();
		_exit(write(pipes[1], id.b, sizeof id.b) != sizeof id.b);
	}
	struct id ours = id_new(), theirs;
	assert_int_equal(read(pipes[0], theirs.b, sizeof theirs.b), sizeof theirs.b);
	waitpid(child, NULL, 0);
	assert_memory_not_equal(ours.b + 8, theirs.b + 8, 8);
	close(pipes[0]);
	close(pipes[1]);
}

static void id_named__is__the_same_for_the_same_parts(void **state)
{
	(void)state;
	char text[ID_TEXT];
	struct id space = ID_NONE, other = id_new();
	/* SHA-256 over 16 zero bytes and "name", computed elsewhere. */
	assert_string_equal(id_format(id_named(space, 0, "name", 4), text), "19cb8a66-55ba-874a-93f9-9a9c595723db");
	assert_string_equal(
	    id_format(id_named(space, UINT64_C(0x0123456789ab), "name", 4), text), "01234567-89ab-874a-93f9-9a9c595723db");
	assert_true(id_equal(id_named(other, 7, "x", 1), id_named(other, 7, "x", 1)));
	assert_false(id_equal(id_named(other, 7, "x", 1), id_named(other, 8, "x", 1)));
	assert_false(id_equal(id_named(other, 7, "x", 1), id_named(other, 7, "y", 1)));
	assert_false(id_equal(id_named(other, 7, "x", 1), id_named(space, 7, "x", 1)));
	assert_true(id_compare(id_named(space, 7, "z", 1), id_named(space, 8, "a", 1)) < 0);
}

static void id_parse__takes__only_the_canonical_form(void **state)
{
	(void)state;
	struct id id = id_new(), back;
	char text[ID_TEXT];
	assert_true(id_parse(id_format(id, text), &back));
	assert_true(id_equal(id, back));
	assert_true(id_parse("0189C2A0-7B1E-7ABC-8DEF-0123456789AB", &back));
	static const char *const bad[] = { "", "0189c2a0", "0189c2a0-7b1e-7abc-8def-0123456789a",
		"0189c2a0-7b1e-7abc-8def-0123456789abc", "0189c2a07b1e7abc8def0123456789ab", "0189c2a0-7b1e-7abc-8def-0123456789ag",
		"{189c2a0-7b1e-7abc-8def-0123456789ab", "0189c2a0_7b1e-7abc-8def-0123456789ab" };
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(id_parse(bad[i], &back));
	assert_true(id_is_none(ID_NONE));
	assert_false(id_is_none(id));
}

static void random_bytes__fills__all_of_it(void **state)
{
	(void)state;
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };
	random_bytes(a, sizeof a);
	random_bytes(b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	assert_memory_not_equal(a + 990, (uint8_t[10]){ 0 }, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(id_new__sorts__by_creation_even_within_a_millisecond),
		cmocka_unit_test(id_new__never_repeats__across_threads),
		cmocka_unit_test(id_new__differs__in_a_forked_child),
		cmocka_unit_test(id_named__is__the_same_for_the_same_parts),
		cmocka_unit_test(id_parse__takes__only_the_canonical_form),
		cmocka_unit_test(random_bytes__fills__all_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
