#include "ends.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "api.h"

void api_ends(const struct api_proc *p, struct api_ends *out)
{
	/* Not by strftime(): these words are the same in every language. */
	static const char *const days[] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
	static const char *const months[] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
	struct tm t;
	*out = (struct api_ends){ .since = "" };
	if (p == NULL || p->ends_s == 0)
		return;
	time_t until = (time_t)p->ends_s;
	snprintf(out->since, sizeof out->since, "@%" PRId64, p->since_s);
	if (gmtime_r(&until, &t) != NULL)
		snprintf(out->until, sizeof out->until, "%s, %02u %s %04u %02u:%02u:%02u GMT", days[t.tm_wday % 7],
		    (unsigned)t.tm_mday % 32, months[t.tm_mon % 12], (unsigned)(t.tm_year + 1900) % 10000, (unsigned)t.tm_hour % 24,
		    (unsigned)t.tm_min % 60, (unsigned)t.tm_sec % 61);
}
