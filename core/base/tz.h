#ifndef EDDY_BASE_TZ_H
#define EDDY_BASE_TZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the clock on the wall shows in a zone.  Reads the system's tzdata by itself, because localtime_r() knows only one zone
 * per process; zones are read once and kept.  Any thread.
 */
struct tz_time {
	int year, month, day; /* month and day from 1 */
	int hour, minute, second;
	int weekday;  /* 0 Sunday .. 6 Saturday */
	int offset_s; /* east of UTC, daylight saving included */
	bool dst;
	char abbreviation[8]; /* "CEST" */
};
/** ${wall_ms} in zone ${name} ("Europe/Berlin"; NULL: UTC).  False when the zone is not known: ${out} is then UTC. */
bool tz_local(const char *name, uint64_t wall_ms, struct tz_time *out);
/** Unix milliseconds of midnight on that calendar day in the zone; ${day} may overflow its month (0, 32: the days around it). */
int64_t tz_midnight_ms(const char *name, int year, int month, int day);
/** True if ${name} is a zone of this system. */
bool tz_known(const char *name);
const char *tz_weekday(int weekday); /* "Sunday" */
const char *tz_month(int month);     /* "January" for 1 */

#endif
