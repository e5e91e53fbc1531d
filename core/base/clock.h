#ifndef EDDY_BASE_CLOCK_H
#define EDDY_BASE_CLOCK_H

#include <stdint.h>

/* Only these read the machine's clock.  Logic takes now_ms as a parameter, so tests own the time. */
uint64_t clock_ms(void);      /* monotonic milliseconds */
uint64_t clock_us(void);      /* monotonic microseconds */
uint64_t clock_wall_ms(void); /* Unix time in milliseconds */

#endif
