#ifndef EDDY_TALK_VECTOR_H
#define EDDY_TALK_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Vectors of texts, as models make them, and lists that are merged by rank.  Pure; any thread. */
#define VECTOR_DIMS_MAX 8192

/** Make it as long as 1.  False: a number in it is not finite, or all are 0; then it is not changed. */
bool vector_unit(float *v, size_t dims);
float vector_dot(const float *a, const float *b, size_t dims);
/** As it is stored: 4 ${dims} bytes, little endian. */
void vector_put(const float *v, size_t dims, unsigned char *out);
/** False: ${n} is not the size of a vector of ${dims}, or a number in it is not finite. */
bool vector_get(const unsigned char *p, size_t n, float *out, size_t dims);

/* What place n (from 1) in a list is worth in the merged one: reciprocal rank fusion with the customary constant. */
#define RANK_FUSION 60.0
double rank_worth(size_t place);
/** Places of ${n} scores in falling order: those that are equal share the first of their places. */
void rank_places(const float *scores, size_t n, size_t *places);

#endif
