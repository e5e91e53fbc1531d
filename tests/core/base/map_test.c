/* The hash table against a plain array that does the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/map.h"

static void map_put__replaces__and_remove_gives_back(void **state)
{
	(void)state;
	struct map *m = map_new();
	int a, b;
	assert_null(map_put(m, "key", 3, &a));
	assert_ptr_equal(map_put(m, "key", 3, &b), &a);
	assert_ptr_equal(map_get(m, "key", 3), &b);
	assert_null(map_get(m, "ke", 2));
	assert_null(map_put(m, "", 0, &a));
	assert_ptr_equal(map_get(m, "", 0), &a);
	assert_int_equal(map_count(m), 2);
	assert_ptr_equal(map_remove(m, "key", 3), &b);
	assert_null(map_remove(m, "key", 3));
	assert_int_equal(map_count(m), 1);
	map_free(m, NULL);
	map_free(NULL, free);
}

static void count_value(const void *key, size_t n, void *value, void *arg)
{
	(void)key;
	(void)n;
	(void)value;
	++*(size_t *)arg;
}

static void map__agrees_with__an_array_through_random_changes(void **state)
{
	(void)state;
	enum { KEYS = 500 };
	static char values[KEYS];
	void *plain[KEYS] = { NULL };
	struct map *m = map_new();
	uint64_t seed = 42;
	size_t count = 0;
	for (int step = 0; step < 200000; step++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		size_t k = (seed >> 33) % KEYS;
		char key[64];
		/* Short keys lie in the slot, long ones do not. */
		size_t n = (size_t)snprintf(key, sizeof key, k % 2 ? "%zu" : "a key that is longer than sixteen bytes %zu", k);
		switch ((seed >> 20) % 3) {
		case 0:
			assert_ptr_equal(map_put(m, key, n, &values[k]), plain[k]);
			count += plain[k] == NULL;
			plain[k] = &values[k];
			break;
		case 1:
			assert_ptr_equal(map_remove(m, key, n), plain[k]);
			count -= plain[k] != NULL;
			plain[k] = NULL;
			break;
		default:
			assert_ptr_equal(map_get(m, key, n), plain[k]);
		}
		assert_int_equal(map_count(m), count);
	}
	size_t seen = 0;
	map_each(m, count_value, &seen);
	assert_int_equal(seen, count);
	map_free(m, NULL);
}

static void map_free__frees__values_on_request(void **state)
{
	(void)state;
	struct map *m = map_new();
	for (int i = 0; i < 100; i++)
		map_put(m, &i, sizeof i, malloc(10));
	map_free(m, free);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(map_put__replaces__and_remove_gives_back),
		cmocka_unit_test(map__agrees_with__an_array_through_random_changes),
		cmocka_unit_test(map_free__frees__values_on_request),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
