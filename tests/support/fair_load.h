#ifndef EDDY_TEST_FAIR_LOAD_H
#define EDDY_TEST_FAIR_LOAD_H

#include "engine_fixture.h"

/* A quiet workspace that asks now and then, and another that floods the same engine. */
struct fair_load;
struct fair_load *fair_load_new(uint32_t model_ms, const char *settings);
void fair_load_free(struct fair_load *l);
/** Both ask for ${ms} at these rates, each time in a new thread; waits for the quiet one's answers.  Its p95 in milliseconds; -1: not all came. */
double fair_load_p95(struct fair_load *l, unsigned quiet_per_s, unsigned flood_per_s, uint32_t ms);
/** How many of the flood were answered by now. */
long fair_load_flooded(struct fair_load *l);

#endif
