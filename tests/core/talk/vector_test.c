/* Vectors: length, product, the form they are stored in, and lists merged by rank. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../core/base/clock.h"
#include "../../../core/talk/vector.h"

static bool near(float a, float b)
{
	return fabsf(a - b) < 1e-5f;
}

static void vector__product__of_all_sizes(void **state)
{
	(void)state;
	float a[40], b[40];
	for (size_t n = 0; n <= 40; n++) {
		double want = 0;
		for (size_t i = 0; i < n; i++) {
			a[i] = (float)(i + 1) / 8;
			b[i] = i % 3 == 0 ? -1.5f : 0.25f * (float)i;
			want += (double)a[i] * (double)b[i];
		}
		assert_true(fabs((double)vector_dot(a, b, n) - want) < 1e-3);
	}
}

static void vector__unit__or_refused(void **state)
{
	(void)state;
	float v[3] = { 3, 0, -4 };
	assert_true(vector_unit(v, 3));
	assert_true(near(v[0], 0.6f) && near(v[1], 0) && near(v[2], -0.8f));
	assert_true(near(vector_dot(v, v, 3), 1));
	float huge[2] = { 3e38f, 3e38f };
	assert_true(vector_unit(huge, 2));
	assert_true(near(huge[0], (float)M_SQRT1_2));
	float zero[2] = { 0, 0 }, nan[2] = { 1, NAN }, inf[2] = { INFINITY, 1 };
	assert_false(vector_unit(zero, 2));
	assert_false(vector_unit(nan, 2));
	assert_false(vector_unit(inf, 2));
	assert_true(near(nan[0], 1));
}

static void vector__stored__comes_back(void **state)
{
	(void)state;
	float v[3] = { 1, -0.15625f, 1.17e-38f }, back[3];
	unsigned char bytes[12];
	static const unsigned char one[4] = { 0, 0, 0x80, 0x3f };
	vector_put(v, 3, bytes);
	assert_memory_equal(bytes, one, 4); /* little endian */
	assert_true(vector_get(bytes, 12, back, 3));
	assert_memory_equal(v, back, sizeof v);
	assert_false(vector_get(bytes, 11, back, 3));
	assert_false(vector_get(bytes, 12, back, 4));
	assert_false(vector_get(bytes, 0, back, 3));
	bytes[10] = 0xc0;
	bytes[11] = 0x7f; /* a NaN */
	assert_false(vector_get(bytes, 12, back, 3));
}

static void rank__merges__with_ties(void **state)
{
	(void)state;
	float scores[6] = { 0.9f, 0.5f, 0.5f, 0.5f, 0.2f, 0.2f };
	size_t places[6];
	static const size_t want[6] = { 1, 2, 2, 2, 5, 5 };
	rank_places(scores, 6, places);
	assert_memory_equal(places, want, sizeof want);
	rank_places(scores, 0, places);
	assert_true(fabs(rank_worth(1) - 1.0 / 61) < 1e-12);
	/* In both lists, however far down in one, is better than the best of one. */
	assert_true(rank_worth(1) + rank_worth(50) > rank_worth(1));
	assert_true(rank_worth(2) + rank_worth(2) > rank_worth(1));
	assert_true(rank_worth(100) > 0);
}

static void vector__product__takes_microseconds(void **state)
{
	(void)state;
	enum { DIMS = 1536, MANY = 1000, ROUNDS = 10 };
	float *v = malloc(sizeof *v * DIMS * MANY), sum = 0;
	for (size_t i = 0; i < DIMS * MANY; i++)
		v[i] = (float)(i % 97) / 97;
	uint64_t begun = clock_us();
	for (int k = 0; k < ROUNDS; k++)
		for (size_t i = 0; i < MANY; i++)
			sum += vector_dot(v, v + i * DIMS, DIMS);
	print_message("%llu us for 1000 products of 1536 (%g)\n", (unsigned long long)(clock_us() - begun) / ROUNDS, (double)sum);
	free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(vector__product__of_all_sizes),
		cmocka_unit_test(vector__unit__or_refused),
		cmocka_unit_test(vector__stored__comes_back),
		cmocka_unit_test(rank__merges__with_ties),
		cmocka_unit_test(vector__product__takes_microseconds),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
