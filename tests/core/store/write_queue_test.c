/* Who is in the next batch, who may go beside it, and that nobody is left out for ever. */
#include "../../../core/store/write_queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../core/base/mem.h"

struct thing {
	struct write_op op; /* first */
	char name;
};
struct shelf {
	struct write_queue *q;
	struct thing things[600];
	size_t n;
	struct write_op *ops[600];
};

static int make_shelf(void **state)
{
	struct shelf *s = xcalloc(1, sizeof(*s));
	s->q = write_queue_new();
	*state = s;
	return 0;
}

static int drop_shelf(void **state)
{
	struct shelf *s = *state;
	write_queue_free(s->q);
	free(s);
	return 0;
}

/* '-': of no tenant. */
static void put(struct shelf *s, char tenant, const char *names)
{
	for (; *names != '\0'; names++) {
		struct thing *t = &s->things[s->n];
		t->name = *names;
		t->op.order = s->n++;
		t->op.ws = tenant == '-' ? ID_NONE : (struct id){ { (uint8_t)tenant } };
		write_queue_put(s->q, &t->op);
	}
}

static const char *names(struct write_op *const *ops, size_t n)
{
	static char out[64];
	for (size_t i = 0; i < n && i < sizeof out - 1; i++)
		out[i] = ((const struct thing *)ops[i])->name;
	out[n < sizeof out ? n : sizeof out - 1] = '\0';
	return out;
}

static const char *pick(struct shelf *s, bool beside, size_t max)
{
	return names(s->ops, write_queue_pick(s->q, beside, s->ops, max));
}

static const char *pick_beside(struct shelf *s, const char *running, size_t max)
{
	struct thing at[16] = { 0 };
	struct write_op *ops[16];
	size_t n = strlen(running);
	for (size_t i = 0; i < n; i++) {
		at[i].op.ws = running[i] == '-' ? ID_NONE : (struct id){ { (uint8_t)running[i] } };
		ops[i] = &at[i].op;
	}
	return names(s->ops, write_queue_pick_beside(s->q, ops, n, s->ops, max));
}

static void pick__of_a_backlog__takes_tenants_by_turns(void **state)
{
	struct shelf *s = *state;
	put(s, 'A', "123456");
	put(s, 'B', "x");
	put(s, 'C', "yz");
	assert_string_equal(pick(s, false, 5), "1xy2z");
	assert_string_equal(pick(s, false, 100), "3456");
	assert_string_equal(pick(s, false, 100), "");
	assert_int_equal(write_queue_count(s->q), 0);
}

static void pick__where_others_may_go_beside__takes_only_who_has_many(void **state)
{
	struct shelf *s = *state;
	put(s, 'A', "1234");
	put(s, 'B', "x");
	assert_string_equal(pick(s, true, 100), "1234");
	assert_string_equal(pick_beside(s, "A", 16), "x");
	/* When nobody has many, one batch for all costs less. */
	put(s, 'A', "12");
	put(s, 'B', "xy");
	assert_string_equal(pick(s, true, 100), "1x2y");
}

static void few__beside_a_long_queue__are_more(void **state)
{
	struct shelf *s = *state;
	put(s, 'A', "123456789012");
	put(s, 'B', "xyz");
	put(s, 'C', "cdef");
	assert_string_equal(pick(s, true, 12), "1c2d3e4f5678");
	assert_string_equal(pick_beside(s, "AAAACCC", 16), ""); /* beside a short batch they are many */
	assert_string_equal(pick_beside(s, "AAAAACCCCCDD", 16), "xyz");
}

static void few__beside_more_than_a_batch__are_those_who_may_go_beside_the_batch(void **state)
{
	struct shelf *s = *state;
	put(s, 'A', "1234567890123456");
	put(s, 'B', "xyz");
	/* A quarter of what A has, but not of a batch: left out of it, B could not go beside it either. */
	assert_string_equal(pick(s, true, 8), "1x2y3z45");
}

static void pick__with_something_of_nobody__lets_it_go_with_those_who_have_few_and_not_twice(void **state)
{
	struct shelf *s = *state;
	put(s, 'A', "123");
	put(s, 'B', "x");
	put(s, '-', "n");
	assert_string_equal(pick(s, true, 100), "xn");
	put(s, '-', "m");
	put(s, 'B', "y");
	assert_string_equal(pick(s, true, 100), "123");
	assert_string_equal(pick(s, true, 100), "my");
}

static void pick_beside__leaves__who_is_in_the_batch_who_has_many_and_what_is_nobodys(void **state)
{
	struct shelf *s = *state;
	put(s, 'A', "1");
	put(s, 'B', "xyz");
	put(s, 'C', "cd");
	put(s, 'D', "e");
	put(s, '-', "n");
	assert_string_equal(pick_beside(s, "A", 2), "ce");
	assert_string_equal(pick_beside(s, "A", 16), "d");
	assert_string_equal(pick_beside(s, "A", 16), "");
	put(s, 'D', "f");
	assert_string_equal(pick_beside(s, "-A", 16), ""); /* that one may touch rows of all */
	assert_string_equal(pick_beside(s, "", 16), "");   /* there is none */
	assert_int_equal(write_queue_count(s->q), 6);
}

static void crowd__of_those_who_have_many__is_one_batch_that_nobody_goes_beside(void **state)
{
	struct shelf *s = *state;
	for (char c = 'A'; c <= 'E'; c++)
		put(s, c, "123");
	put(s, 'Q', "q");
	assert_string_equal(pick(s, true, 6), "11111q"); /* left out, it would have to wait for ever */
	assert_string_equal(pick(s, true, 100), "2222233333");
	put(s, 'Q', "r");
	assert_string_equal(pick_beside(s, "ABCDE", 16), "");
	assert_string_equal(pick_beside(s, "ABCD", 16), "r");
}

static void put_back__keeps_the_order__and_lets_it_go_only_in_a_batch(void **state)
{
	struct shelf *s = *state;
	struct write_op *ops[3];
	put(s, 'B', "12");
	put(s, 'C', "c");
	assert_int_equal(
	    write_queue_pick_beside(s->q, (struct write_op *[]){ &(struct write_op){ .ws = { { 'A' } } } }, 1, ops, 3), 3);
	put(s, 'B', "3");
	write_queue_put_back(s->q, (struct write_op *[]){ ops[1], ops[2], ops[0] }, 3);
	assert_string_equal(pick_beside(s, "A", 16), "");
	assert_string_equal(pick(s, true, 1), "1"); /* as if it had many: nothing else would ever take it */
	assert_string_equal(pick(s, true, 100), "c23");
	put(s, 'B', "4");
	assert_string_equal(pick_beside(s, "A", 16), "4");
}

static void take__gives_everything__to_the_last(void **state)
{
	struct shelf *s = *state;
	put(s, 'A', "12");
	put(s, '-', "n");
	size_t n = 0;
	while (write_queue_take(s->q) != NULL)
		n++;
	assert_int_equal(n, 3);
	assert_int_equal(write_queue_count(s->q), 0);
}

static void pick__again_and_again_with_a_flood__leaves_nobody_out(void **state)
{
	struct shelf *s = *state;
	size_t flood = 0, few = 0, nobodys = 0;
	for (int i = 0; i < 60; i++) { /* everything comes again and again */
		put(s, 'A', "aaaaa");
		put(s, 'B', "b");
		put(s, '-', "n");
		for (const char *p = pick(s, true, 8); *p != '\0'; p++) {
			flood += *p == 'a';
			few += *p == 'b';
			nobodys += *p == 'n';
		}
		for (const char *p = pick_beside(s, "A", 8); *p != '\0'; p++)
			few += *p == 'b';
	}
	assert_in_range(flood, 200, 300);
	assert_in_range(few, 58, 60);
	assert_in_range(nobodys, 58, 60);
}

int main(void)
{
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, make_shelf, drop_shelf)
	const struct CMUnitTest tests[] = {
		TEST(pick__of_a_backlog__takes_tenants_by_turns),
		TEST(pick__where_others_may_go_beside__takes_only_who_has_many),
		TEST(few__beside_a_long_queue__are_more),
		TEST(few__beside_more_than_a_batch__are_those_who_may_go_beside_the_batch),
		TEST(pick__with_something_of_nobody__lets_it_go_with_those_who_have_few_and_not_twice),
		TEST(pick_beside__leaves__who_is_in_the_batch_who_has_many_and_what_is_nobodys),
		TEST(crowd__of_those_who_have_many__is_one_batch_that_nobody_goes_beside),
		TEST(put_back__keeps_the_order__and_lets_it_go_only_in_a_batch),
		TEST(take__gives_everything__to_the_last),
		TEST(pick__again_and_again_with_a_flood__leaves_nobody_out),
	};
	return cmocka_run_group_tests_name("write_queue", tests, NULL, NULL);
}
