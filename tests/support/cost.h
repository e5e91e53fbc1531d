#ifndef EDDY_TEST_COST_H
#define EDDY_TEST_COST_H

#include <stddef.h>
#include <stdint.h>

/** CPU time of this thread, in microseconds. */
int64_t cost_cpu_us(void);
/**
 * Fails the test when ${run} grows faster than the size it is given: ${run}(arg, n / 4) and ${run}(arg, n) are timed in turn, best
 * of several.  A linear step costs four times as much, a quadratic one sixteen times; more than eleven times fails.  So does a step
 * that takes more than ten seconds of CPU time for ${n} (of which there should be enough for some milliseconds); a step too short
 * to be measured passes.  The last call is always one with ${n}.
 */
void cost_assert_linear(const char *what, void (*run)(void *arg, size_t n), void *arg, size_t n);

#endif
