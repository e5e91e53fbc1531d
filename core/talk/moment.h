#ifndef EDDY_TALK_MOMENT_H
#define EDDY_TALK_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/**
 * A moment in zone ${tz} (NULL: UTC) as Unix milliseconds: 2026-07-01, 2026-07-01T18:05, today, yesterday, tomorrow, this week, last
 * week, this month, last month, monday (the last one, today included), monday+1 (the day after it), 3h, 7d.  False: none of these.
 */
bool moment_read(const char *tz, uint64_t wall_ms, const char *s, int64_t *ms);

#endif
