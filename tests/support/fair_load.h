#ifndef EDDY_TEST_FAIR_LOAD_H
#define EDDY_TEST_FAIR_LOAD_H

#include "engine_fixture.h"

/* A quiet workspace that asks now and then, and another that floods the same engine. */
struct fair_load;
struct fair_load *fair_load_new(uint32_t model_ms, const char *settings);
void fair_load_free(struct fair_load *l);
/** Both ask for ${ms} at these rates, each time in a new thread; waits for the quiet one's answers.  Its p95 in milliseconds; -1: not all came. */
double fair_load_p95(struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms);
/** The same, with what each of the quiet one's questions took, in milliseconds; how many came, at most ${room}; 0: not all came. */
size_t fair_load_times(struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms, double *out, size_t room);
/** The value that 95 of a hundred are not above; sorts. */
double fair_p95(double *times, size_t n);
/** How many of the flood were answered by now, and how many were taken of those that were asked. */
long fair_load_flooded(struct fair_load *l);
long fair_load_taken(struct fair_load *l);
/** Waits until what was taken of the flood is answered, so that the quiet one is alone again.  False: not within ${ms}. */
bool fair_load_drain(struct fair_load *l, uint32_t ms);

#endif
