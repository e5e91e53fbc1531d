/* The zone reader against the C library, which reads the same files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "../../../core/base/tz.h"

static const char *const names[] = { "Europe/Berlin", "America/New_York", "Asia/Tokyo", "Asia/Kolkata", "Australia/Lord_Howe",
	"America/Sao_Paulo", "Africa/Casablanca", "Pacific/Chatham", "UTC", "America/St_Johns", "Europe/Dublin", "Asia/Kathmandu",
	"Pacific/Apia", "Antarctica/Troll", "America/Nuuk" };

static void tz_local__agrees__with_the_c_library(void **state)
{
	(void)state;
	size_t checked = 0;
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		if (!tz_known(names[i])) {
			print_message("[  SKIPPED ] zone %s is not installed\n", names[i]);
			continue;
		}
		setenv("TZ", names[i], 1);
		tzset();
		/* Every 61 hours and a bit from 1970 to 2100: past the last stored change as well. */
		for (time_t t = 0; t < 4102444800; t += 219607) {
			struct tm tm;
			struct tz_time got;
			localtime_r(&t, &tm);
			assert_true(tz_local(names[i], (uint64_t)t * 1000, &got));
			if (got.offset_s != tm.tm_gmtoff || got.hour != tm.tm_hour || got.day != tm.tm_mday ||
			    got.month != tm.tm_mon + 1 || got.year != tm.tm_year + 1900 || got.minute != tm.tm_min ||
			    got.second != tm.tm_sec || got.weekday != tm.tm_wday || strcmp(got.abbreviation, tm.tm_zone) != 0)
				fail_msg("%s at %lld: %d-%d-%d %d:%d %s", names[i], (long long)t, got.year, got.month, got.day,
				    got.hour, got.minute, got.abbreviation);
			checked++;
		}
	}
	assert_true(checked > 18000);
}

static void tz_local__is_utc__for_an_unknown_zone(void **state)
{
	(void)state;
	static const char *const bad[] = { "Nowhere/City", "../../../etc/passwd", "/etc/localtime", "", "Europe", "Europe/Berlin\n",
		".", "posix/../UTC", NULL };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct tz_time t;
		assert_false(tz_local(bad[i], 1735689600000ull, &t));
		assert_int_equal(t.year, 2025);
		assert_int_equal(t.hour, 0);
		assert_int_equal(t.weekday, 3);
		assert_string_equal(t.abbreviation, "UTC");
	}
}

static void tz_midnight__is_local_midnight__on_every_day(void **state)
{
	(void)state;
	for (size_t i = 0; i < 5; i++) {
		for (int day = 1; day <= 366; day++) {
			int64_t ms = tz_midnight_ms(names[i], 2026, 1, day);
			struct tz_time t;
			tz_local(names[i], (uint64_t)ms, &t);
			if (t.hour != 0 || t.minute != 0)
				fail_msg("%s day %d: %02d:%02d", names[i], day, t.hour, t.minute);
		}
	}
	assert_int_equal(tz_midnight_ms(NULL, 2026, 1, 0), tz_midnight_ms(NULL, 2025, 12, 31));
	assert_int_equal(tz_midnight_ms(NULL, 2026, 13, 1), tz_midnight_ms(NULL, 2027, 1, 1));
	assert_int_equal(tz_midnight_ms(NULL, 2026, 0, 1), tz_midnight_ms(NULL, 2025, 12, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tz_local__agrees__with_the_c_library),
		cmocka_unit_test(tz_local__is_utc__for_an_unknown_zone),
		cmocka_unit_test(tz_midnight__is_local_midnight__on_every_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
