#ifndef EDDY_TEST_PATIENCE_H
#define EDDY_TEST_PATIENCE_H

#include <stdint.h>

/**
 * What must come is waited for, however busy the machine is: a wait of two seconds or more becomes one of a minute and a half.  Shorter ones are
 * those in which nothing is to come.
 */
static inline uint32_t patience_ms(uint32_t ms)
{
	enum { SHORT_MS = 2000, PATIENT_MS = 90000 };
	return ms >= SHORT_MS && ms < PATIENT_MS ? PATIENT_MS : ms;
}

#endif
