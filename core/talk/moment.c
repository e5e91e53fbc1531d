/* Days as people and models write them. */
#include "moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/tz.h"

bool moment_read(const char *tz, uint64_t wall_ms, const char *s, int64_t *ms)
{
	struct tz_time t;
	tz_local(tz, wall_ms, &t);
	int y, mo, d, h = 0, mi = 0, used = 0;
	if (sscanf(s, "%4d-%2d-%2d%n", &y, &mo, &d, &used) == 3 && used >= 8) {
		if (mo < 1 || mo > 12 || d < 1 || d > 31 || y < 1970 || y > 9999)
			return false;
		if (s[used] == 'T' || s[used] == ' ') {
			int more = 0;
			if (sscanf(s + used + 1, "%2d:%2d%n", &h, &mi, &more) != 2 || h < 0 || h > 23 || mi < 0 || mi > 59)
				return false;
		} else if (s[used] != '\0') {
			return false;
		}
		*ms = tz_midnight_ms(tz, y, mo, d) + (h * 60 + mi) * 60000ll;
		return true;
	}
	char *end;
	unsigned long n = strtoul(s, &end, 10);
	if (end != s && n <= 100000 && (strcmp(end, "d") == 0 || strcmp(end, "h") == 0)) {
		*ms = (int64_t)wall_ms - (int64_t)n * (*end == 'd' ? 86400000ll : 3600000ll);
		return true;
	}
	int monday = t.day - (t.weekday + 6) % 7;
	int month = t.month, day;
	if (strcasecmp(s, "today") == 0)
		day = t.day;
	else if (strcasecmp(s, "yesterday") == 0)
		day = t.day - 1;
	else if (strcasecmp(s, "tomorrow") == 0)
		day = t.day + 1;
	else if (strcasecmp(s, "this week") == 0)
		day = monday;
	else if (strcasecmp(s, "last week") == 0)
		day = monday - 7;
	else if (strcasecmp(s, "this month") == 0)
		day = 1;
	else if (strcasecmp(s, "last month") == 0)
		day = 1;
	else {
		int w = 0;
		while (w < 7 && strncasecmp(s, tz_weekday(w), strlen(tz_weekday(w))) != 0)
			w++;
		const char *rest = w < 7 ? s + strlen(tz_weekday(w)) : s;
		bool after = strcmp(rest, "+1") == 0;
		if (w == 7 || (*rest != '\0' && !after))
			return false;
		day = t.day - (t.weekday - w + 7) % 7 + after;
	}
	if (strcasecmp(s, "last month") == 0)
		month--;
	*ms = tz_midnight_ms(tz, t.year, month, day);
	return true;
}
