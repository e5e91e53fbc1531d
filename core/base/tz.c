/*
 * A reader for TZif files (RFC 8536), version 2 and later: 64-bit transitions, then the rule in the footer for all time after the
 * last of them.  Zones are parsed once into a table that only grows (there are about 600 names) and is never given back, so a
 * pointer found under the lock stays good without it.  Calendar arithmetic is the proleptic Gregorian one in 64 bits.
 */
#include "tz.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "map.h"
#include "mem.h"

#define ZONE_FILE_MAX (128u * 1024u)
#define ZONES_MAX 1000
#define DAY_S 86400

/* One half of a rule such as "CET-1CEST,M3.5.0,M10.5.0/3". */
struct rule_date {
	char kind; /* 'M', 'J' or 'N' (zero-based day) */
	int month, week, day;
	int seconds;
};
struct zone_type {
	int32_t offset_s;
	bool dst;
	char abbreviation[8];
};
struct zone {
	size_t times_len, types_len;
	int64_t *times;
	uint8_t *indexes;
	struct zone_type *types;
	bool has_rule, rule_dst;
	struct zone_type standard, summer;
	struct rule_date start, end;
};

static pthread_mutex_t zones_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct map *zones;

static const char *const weekday_names[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
static const char *const month_names[] = { "January", "February", "March", "April", "May", "June", "July", "August", "September",
	"October", "November", "December" };

const char *tz_weekday(int weekday)
{
	return weekday_names[(weekday % 7 + 7) % 7];
}

const char *tz_month(int month)
{
	return month_names[((month - 1) % 12 + 12) % 12];
}

/* Days since 1970-01-01 of a calendar day, and back. */
static int64_t days_from_civil(int64_t y, int m, int d)
{
	y -= m <= 2;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

static void civil_from_days(int64_t z, int *year, int *month, int *day)
{
	z += 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static bool is_leap(int y)
{
	return y % 4 == 0 && (y % 100 != 0 || y % 400 == 0);
}

static int64_t get_be(const uint8_t *p, int n)
{
	uint64_t v = (p[0] & 0x80) ? ~0ull : 0;
	for (int i = 0; i < n; i++)
		v = v << 8 | p[i];
	return (int64_t)v;
}

/* ---- the footer's rule ---- */
static bool rule_name(const char **s, char out[8])
{
	size_t n = 0;
	bool quoted = **s == '<';
	if (quoted)
		(*s)++;
	for (;; (*s)++) {
		char c = **s;
		bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		bool ok = letter || (quoted && (c == '+' || c == '-' || (c >= '0' && c <= '9')));
		if (!ok)
			break;
		if (n < 7)
			out[n++] = c;
	}
	out[n] = '\0';
	if (quoted) {
		if (**s != '>')
			return false;
		(*s)++;
	}
	return n > 0;
}

static bool rule_number(const char **s, int max, int *out)
{
	if (**s < '0' || **s > '9')
		return false;
	int v = 0;
	while (**s >= '0' && **s <= '9') {
		v = v * 10 + (**s - '0');
		if (v > max)
			return false;
		(*s)++;
	}
	*out = v;
	return true;
}

static bool rule_hms(const char **s, int *out)
{
	int sign = 1, h = 0, m = 0, sec = 0;
	if (**s == '-' || **s == '+') {
		sign = **s == '-' ? -1 : 1;
		(*s)++;
	}
	if (!rule_number(s, 167, &h))
		return false;
	if (**s == ':') {
		(*s)++;
		if (!rule_number(s, 59, &m))
			return false;
		if (**s == ':') {
			(*s)++;
			if (!rule_number(s, 59, &sec))
				return false;
		}
	}
	*out = sign * (h * 3600 + m * 60 + sec);
	return true;
}

static bool rule_day(const char **s, struct rule_date *d)
{
	if (**s != ',')
		return false;
	(*s)++;
	d->seconds = 7200;
	if (**s == 'M') {
		(*s)++;
		d->kind = 'M';
		if (!rule_number(s, 12, &d->month) || *(*s)++ != '.' || !rule_number(s, 5, &d->week) || *(*s)++ != '.' ||
		    !rule_number(s, 6, &d->day) || d->month < 1 || d->week < 1)
			return false;
	} else {
		d->kind = **s == 'J' ? 'J' : 'N';
		if (**s == 'J')
			(*s)++;
		if (!rule_number(s, 365, &d->day))
			return false;
	}
	if (**s == '/') {
		(*s)++;
		return rule_hms(s, &d->seconds);
	}
	return true;
}

static bool rule_parse(const char *s, struct zone *z)
{
	int offset;
	if (!rule_name(&s, z->standard.abbreviation) || !rule_hms(&s, &offset))
		return false;
	z->standard.offset_s = -offset;
	if (*s == '\0')
		return true;
	if (!rule_name(&s, z->summer.abbreviation))
		return false;
	z->summer.offset_s = z->standard.offset_s + 3600;
	if (*s != ',' && *s != '\0') {
		if (!rule_hms(&s, &offset))
			return false;
		z->summer.offset_s = -offset;
	}
	z->summer.dst = true;
	z->rule_dst = rule_day(&s, &z->start) && rule_day(&s, &z->end) && *s == '\0';
	return z->rule_dst;
}

/* Seconds from the year's first midnight (local) to the change. */
static int64_t rule_at(const struct rule_date *d, int year)
{
	int64_t jan1 = days_from_civil(year, 1, 1);
	int64_t day;
	if (d->kind == 'J') {
		day = d->day - 1 + (is_leap(year) && d->day >= 60);
	} else if (d->kind == 'N') {
		day = d->day;
	} else {
		int64_t first = days_from_civil(year, d->month, 1);
		int64_t next = d->month == 12 ? days_from_civil(year + 1, 1, 1) : days_from_civil(year, d->month + 1, 1);
		int weekday = (int)(((first + 4) % 7 + 7) % 7);
		day = first + (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
		if (day >= next)
			day -= 7;
		day -= jan1;
	}
	return day * DAY_S + d->seconds;
}

static const struct zone_type *rule_type(const struct zone *z, int64_t t)
{
	if (!z->rule_dst)
		return &z->standard;
	int64_t local = t + z->standard.offset_s;
	int year, month, day;
	civil_from_days(local >= 0 ? local / DAY_S : (local - DAY_S + 1) / DAY_S, &year, &month, &day);
	int64_t base = days_from_civil(year, 1, 1) * DAY_S;
	int64_t start = base + rule_at(&z->start, year) - z->standard.offset_s;
	int64_t end = base + rule_at(&z->end, year) - z->summer.offset_s;
	bool summer = start < end ? t >= start && t < end : t >= start || t < end;
	return summer ? &z->summer : &z->standard;
}

/* ---- the file ---- */
struct counts {
	size_t utc, std, leap, times, types, chars;
};

static bool header_read(const uint8_t *p, size_t n, struct counts *c)
{
	if (n < 44 || memcmp(p, "TZif", 4) != 0 || p[4] < '2')
		return false;
	size_t v[6];
	for (int i = 0; i < 6; i++) {
		int64_t x = get_be(p + 20 + i * 4, 4);
		if (x < 0 || x > (int64_t)ZONE_FILE_MAX)
			return false;
		v[i] = (size_t)x;
	}
	*c = (struct counts){ v[0], v[1], v[2], v[3], v[4], v[5] };
	return true;
}

static void zone_free(struct zone *z)
{
	if (z == NULL)
		return;
	free(z->times);
	free(z->indexes);
	free(z->types);
	free(z);
}

static struct zone *zone_parse(const uint8_t *p, size_t n)
{
	struct counts c;
	if (!header_read(p, n, &c))
		return NULL;
	size_t first = 44 + c.times * 5 + c.types * 6 + c.chars + c.leap * 8 + c.std + c.utc;
	if (first > n || !header_read(p + first, n - first, &c))
		return NULL;
	p += first + 44;
	n -= first + 44;
	size_t block = c.times * 9 + c.types * 6 + c.chars + c.leap * 12 + c.std + c.utc;
	if (block > n || c.types == 0 || c.types > 256)
		return NULL;
	const uint8_t *indexes = p + c.times * 8, *types = indexes + c.times, *chars = types + c.types * 6;
	struct zone *z = xcalloc(1, sizeof *z);
	z->times_len = c.times;
	z->types_len = c.types;
	z->times = xcalloc(c.times + 1, sizeof *z->times);
	z->indexes = xcalloc(c.times + 1, 1);
	z->types = xcalloc(c.types, sizeof *z->types);
	for (size_t i = 0; i < c.times; i++) {
		z->times[i] = get_be(p + i * 8, 8);
		z->indexes[i] = indexes[i];
		if (indexes[i] >= c.types || (i > 0 && z->times[i] <= z->times[i - 1]))
			goto bad;
	}
	for (size_t i = 0; i < c.types; i++) {
		const uint8_t *t = types + i * 6;
		z->types[i].offset_s = (int32_t)get_be(t, 4);
		z->types[i].dst = t[4] != 0;
		if (t[5] >= c.chars || z->types[i].offset_s < -DAY_S || z->types[i].offset_s > DAY_S)
			goto bad;
		for (size_t k = 0; k < 7 && t[5] + k < c.chars && chars[t[5] + k] != '\0'; k++)
			z->types[i].abbreviation[k] = (char)chars[t[5] + k];
	}
	size_t left = n - block;
	char footer[96];
	if (left >= 2 && left - 2 < sizeof footer && p[block] == '\n' && p[n - 1] == '\n') {
		memcpy(footer, p + block + 1, left - 2);
		footer[left - 2] = '\0';
		z->has_rule = rule_parse(footer, z);
	}
	return z;
bad:
	zone_free(z);
	return NULL;
}

static bool name_is_safe(const char *name, size_t n)
{
	if (n == 0 || n > 64 || name[0] == '/' || name[0] == '.')
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = name[i];
		bool ok = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '+' ||
		    c == '-' || c == '/';
		if (!ok)
			return false;
	}
	return true;
}

static struct zone *zone_load(const char *name)
{
	char path[128] = "/usr/share/zoneinfo/";
	strncat(path, name, 80);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return NULL;
	struct stat st;
	struct zone *z = NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= (off_t)ZONE_FILE_MAX) {
		size_t n = (size_t)st.st_size;
		uint8_t *p = xmalloc(n);
		if (read(fd, p, n) == (ssize_t)n)
			z = zone_parse(p, n);
		free(p);
	}
	close(fd);
	return z;
}

static const struct zone *zone_find(const char *name)
{
	size_t n = name == NULL ? 0 : strlen(name);
	if (!name_is_safe(name, n))
		return NULL;
	pthread_mutex_lock(&zones_mutex);
	if (zones == NULL)
		zones = map_new();
	struct zone *z = map_get(zones, name, n);
	if (z == NULL && map_count(zones) < ZONES_MAX && (z = zone_load(name)) != NULL)
		map_put(zones, name, n, z);
	pthread_mutex_unlock(&zones_mutex);
	return z;
}

static const struct zone_type *zone_type_at(const struct zone *z, int64_t t)
{
	size_t low = 0, high = z->times_len;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (z->times[mid] <= t)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == z->times_len && z->has_rule)
		return rule_type(z, t);
	if (low == 0) {
		for (size_t i = 0; i < z->types_len; i++) {
			if (!z->types[i].dst)
				return &z->types[i];
		}
		return &z->types[0];
	}
	return &z->types[z->indexes[low - 1]];
}

bool tz_known(const char *name)
{
	return zone_find(name) != NULL;
}

bool tz_local(const char *name, uint64_t wall_ms, struct tz_time *out)
{
	static const struct zone_type utc = { 0, false, "UTC" };
	const struct zone *z = zone_find(name);
	int64_t t = (int64_t)(wall_ms / 1000);
	const struct zone_type *type = z != NULL ? zone_type_at(z, t) : &utc;
	int64_t local = t + type->offset_s;
	int64_t days = local >= 0 ? local / DAY_S : (local - DAY_S + 1) / DAY_S;
	int rest = (int)(local - days * DAY_S);
	memset(out, 0, sizeof *out);
	civil_from_days(days, &out->year, &out->month, &out->day);
	out->hour = rest / 3600;
	out->minute = rest / 60 % 60;
	out->second = rest % 60;
	out->weekday = (int)(((days + 4) % 7 + 7) % 7);
	out->offset_s = type->offset_s;
	out->dst = type->dst;
	memcpy(out->abbreviation, type->abbreviation, sizeof out->abbreviation);
	return z != NULL;
}

int64_t tz_midnight_ms(const char *name, int year, int month, int day)
{
	int m = month - 1;
	year += m >= 0 ? m / 12 : (m - 11) / 12;
	m = (m % 12 + 12) % 12;
	int64_t naive = (days_from_civil(year, m + 1, 1) + day - 1) * DAY_S;
	const struct zone *z = zone_find(name);
	if (z == NULL)
		return naive * 1000;
	/* The offset that holds at the guess may not hold at the answer: a change may lie between them. */
	int64_t t = naive - zone_type_at(z, naive)->offset_s;
	int64_t again = naive - zone_type_at(z, t)->offset_s;
	return again * 1000;
}
