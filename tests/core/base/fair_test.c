/* Turns: between groups, inside them, and what leaves before its turn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/fair.h"

struct thing {
	struct fair_item item; /* first */
	char name;
};

static struct id id_of(char c)
{
	struct id id = { { (uint8_t)c } };
	return id;
}

static void put(struct fair *f, struct thing *t, const char *path, char name)
{
	struct id ids[FAIR_DEPTH];
	size_t n = strlen(path);
	for (size_t i = 0; i < n; i++)
		ids[i] = id_of(path[i]);
	t->name = name;
	fair_put(f, ids, n, &t->item);
}

static void take_all(struct fair *f, const char *expected)
{
	char got[32] = "";
	struct fair_item *x;
	for (size_t i = 0; (x = fair_take(f)) != NULL; i++)
		got[i] = ((struct thing *)x)->name;
	assert_string_equal(got, expected);
	assert_int_equal(fair_count(f), 0);
}

static void fair__one_with_many__the_others_come_in_between(void **state)
{
	(void)state;
	struct fair *f = fair_new();
	struct thing t[8];
	for (int i = 0; i < 5; i++)
		put(f, &t[i], "A", (char)('1' + i));
	put(f, &t[5], "B", 'x');
	put(f, &t[6], "C", 'y');
	put(f, &t[7], "B", 'z');
	assert_int_equal(fair_count(f), 8);
	take_all(f, "1xy2z345");
	fair_free(f);
}

static void fair__levels__take_turns_each_for_itself(void **state)
{
	(void)state;
	struct fair *f = fair_new();
	struct thing t[6];
	put(f, &t[0], "AXp", '1');
	put(f, &t[1], "AXp", '2');
	put(f, &t[2], "AXq", '3');
	put(f, &t[3], "AYp", '4');
	put(f, &t[4], "BXp", '5');
	put(f, &t[5], "BXp", '6');
	take_all(f, "154632");
	fair_free(f);
}

static void fair__removed__nobody_is_forgotten(void **state)
{
	(void)state;
	struct fair *f = fair_new();
	struct thing t[4];
	put(f, &t[0], "A", '1');
	put(f, &t[1], "A", '2');
	put(f, &t[2], "B", '3');
	put(f, &t[3], "C", '4');
	fair_remove(f, &t[2].item);
	fair_remove(f, &t[2].item); /* it does not wait: nothing */
	fair_remove(f, &t[1].item);
	put(f, &t[1], "A", '5');
	take_all(f, "145");
	put(f, &t[0], "A", '1');
	fair_remove(f, &t[0].item);
	assert_null(fair_take(f));
	fair_free(f);
}

static bool is_b(void *arg, size_t level, struct id id)
{
	(void)arg;
	return level > 0 || id.b[0] == 'B';
}

static bool not_y(void *arg, size_t level, struct id id)
{
	(void)arg;
	return level != 1 || id.b[0] != 'y';
}

/* A team that may not keeps neither the others of its workspace nor other workspaces waiting. */
static void fair__a_second_level_may_not__its_neighbours_go_on(void **state)
{
	(void)state;
	struct fair *f = fair_new();
	struct thing t[5];
	put(f, &t[0], "AyP", '1');
	put(f, &t[1], "AyQ", '2');
	put(f, &t[2], "AxP", '3');
	put(f, &t[3], "ByP", '4');
	put(f, &t[4], "BxP", '5');
	assert_ptr_equal(fair_take_if(f, not_y, NULL), &t[2].item);
	assert_ptr_equal(fair_take_if(f, not_y, NULL), &t[4].item);
	assert_null(fair_take_if(f, not_y, NULL));
	assert_int_equal(fair_count(f), 3);
	take_all(f, "142");
	fair_free(f);
}

static void fair__some_may_not__they_wait_on(void **state)
{
	(void)state;
	struct fair *f = fair_new();
	struct thing t[3];
	put(f, &t[0], "A", '1');
	put(f, &t[1], "B", '2');
	put(f, &t[2], "C", '3');
	assert_ptr_equal(fair_take_if(f, is_b, NULL), &t[1].item);
	assert_null(fair_take_if(f, is_b, NULL));
	assert_int_equal(fair_count(f), 2);
	take_all(f, "31");
	assert_null(fair_take_if(f, is_b, NULL));
	fair_free(f);
}

static void fair__at_random__gives_back_all_and_never_more_than_one_turn_ahead(void **state)
{
	(void)state;
	struct fair *f = fair_new();
	struct thing *t = calloc(2000, sizeof *t);
	srand(3);
	for (int i = 0; i < 2000; i++) {
		char path[3] = { (char)('A' + rand() % 5), (char)('a' + rand() % 3), 0 };
		put(f, &t[i], path, path[0]);
	}
	size_t n = 0, of[5] = { 0 };
	for (struct fair_item *x; n < 1000 && (x = fair_take(f)) != NULL; n++)
		of[((struct thing *)x)->name - 'A']++;
	for (int i = 0; i < 5; i++)
		assert_int_equal(of[i], 200);
	for (int i = 0; i < 2000; i++)
		fair_remove(f, &t[i].item);
	assert_int_equal(fair_count(f), 0);
	free(t);
	fair_free(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fair__one_with_many__the_others_come_in_between),
		cmocka_unit_test(fair__levels__take_turns_each_for_itself),
		cmocka_unit_test(fair__removed__nobody_is_forgotten),
		cmocka_unit_test(fair__some_may_not__they_wait_on),
		cmocka_unit_test(fair__a_second_level_may_not__its_neighbours_go_on),
		cmocka_unit_test(fair__at_random__gives_back_all_and_never_more_than_one_turn_ahead),
	};
	return cmocka_run_group_tests_name("fair", tests, NULL, NULL);
}
