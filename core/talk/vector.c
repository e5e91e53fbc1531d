/*
 * The dot product is kept in eight sums, so that the compiler can use vector registers without being allowed to reorder float arithmetic.
 */
#include "vector.h"

#include <math.h>
#include <string.h>

#define SUMS 8

float vector_dot(const float *a, const float *b, size_t dims)
{
	float sums[SUMS] = { 0 };
	size_t i = 0;
	for (; i + SUMS <= dims; i += SUMS)
		for (size_t k = 0; k < SUMS; k++)
			sums[k] += a[i + k] * b[i + k];
	float rest = 0;
	for (; i < dims; i++)
		rest += a[i] * b[i];
	for (size_t k = 0; k < SUMS; k++)
		rest += sums[k];
	return rest;
}

bool vector_unit(float *v, size_t dims)
{
	double sum = 0;
	for (size_t i = 0; i < dims; i++)
		sum += (double)v[i] * (double)v[i];
	if (!isfinite(sum) || sum <= 0)
		return false;
	double length = sqrt(sum);
	for (size_t i = 0; i < dims; i++)
		v[i] = (float)((double)v[i] / length);
	return true;
}

void vector_put(const float *v, size_t dims, unsigned char *out)
{
	for (size_t i = 0; i < dims; i++) {
		uint32_t bits;
		memcpy(&bits, &v[i], sizeof bits);
		for (size_t k = 0; k < 4; k++)
			out[4 * i + k] = (unsigned char)(bits >> (8 * k));
	}
}

bool vector_get(const unsigned char *p, size_t n, float *out, size_t dims)
{
	if (n != 4 * dims)
		return false;
	for (size_t i = 0; i < dims; i++) {
		uint32_t bits =
		    (uint32_t)p[4 * i] | (uint32_t)p[4 * i + 1] << 8 | (uint32_t)p[4 * i + 2] << 16 | (uint32_t)p[4 * i + 3] << 24;
		memcpy(&out[i], &bits, sizeof bits);
		if (!isfinite(out[i]))
			return false;
	}
	return true;
}

double rank_worth(size_t place)
{
	return 1.0 / (RANK_FUSION + (double)place);
}

void rank_places(const float *scores, size_t n, size_t *places)
{
	for (size_t i = 0; i < n; i++)
		places[i] = i > 0 && scores[i] >= scores[i - 1] ? places[i - 1] : i + 1;
}
