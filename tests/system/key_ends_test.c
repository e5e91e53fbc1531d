/* API keys near their end and beyond it, at the real port and in the terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "harness.h"

static int set_up(void **state)
{
	(void)state;
	rig_open(&rig, NULL, NULL);
	rig_serve(&rig, 0, NULL);
	return 0;
}

static void issue(const char *name, const char *days, char key[100])
{
	char *out = NULL;
	size_t n;
	if (rig_eddy(&rig, 0, (const char *const[]){ "key", "issue", "--days", days, name, "viewer", "config:read", NULL }, NULL,
	        &out, &n) != 0 ||
	    strstr(out, "eddy_") == NULL)
		rig_fail(&rig, "eddy key issue: %s", out);
	snprintf(key, 100, "%.81s", strstr(out, "eddy_"));
	free(out);
}

/* What the answer to a call with it says, headers and all (the caller's). */
static char *call(const char *key, int wanted)
{
	char headers[300], *got = NULL;
	snprintf(headers, sizeof headers, "Authorization: Bearer %s\r\nContent-Type: application/json\r\n", key);
	int status = http_do(rig.d[0].port, "POST", "/api/v1/session.get", headers, "{}", 2, 10000, &got);
	if (status != wanted)
		rig_fail(&rig, "%d: %s", status, got);
	return got;
}

static void doctor__lists__keys_that_end_within_a_week(void **state)
{
	(void)state;
	char key[100], *out = NULL, beginning[80];
	size_t n;
	rig_eddy(&rig, 0, (const char *const[]){ "doctor", NULL }, NULL, &out, &n);
	if (strstr(out, "ok   keys      none ends within 7 days") == NULL)
		rig_fail(&rig, "doctor: %s", out);
	free(out);
	issue("a long one", "30", key);
	issue("a short one", "3", key);
	out = NULL;
	rig_eddy(&rig, 0, (const char *const[]){ "doctor", NULL }, NULL, &out, &n);
	snprintf(beginning, sizeof beginning, "a short one (%.17s…, of org) on 20", key);
	const char *line = strstr(out, "ok   keys      end within 7 days: ");
	if (line == NULL || strstr(line, beginning) == NULL || strstr(line, ", last used never: make new ones") == NULL ||
	    strstr(out, "a long one") != NULL || strstr(out, key + 38) != NULL)
		rig_fail(&rig, "doctor does not say \"%s\": %s", beginning, out);
	free(out);
}

static void key__expired__is_refused_with_its_reason_to_who_has_its_secret(void **state)
{
	(void)state;
	char key[100], *got;
	issue("a program", "9", key);
	free(call(key, 200));
	rig_sql(&rig, "UPDATE api_keys SET expires_at = '2026-02-03 04:05:06Z' RETURNING 1");
	got = call(key, 401);
	if (strstr(got, "\"code\":\"unauthenticated\"") == NULL || strstr(got, "\"status\":401") == NULL ||
	    strstr(got, "\"detail\":\"This API key has expired: it ended on 3 February 2026 at 04:05 UTC. ") == NULL)
		rig_fail(&rig, "expired: %s", got);
	free(got);
	key[80] = key[80] == 'A' ? 'B' : 'A';
	got = call(key, 401);
	if (strstr(got, "\"detail\":\"Please log in first.\"") == NULL || strstr(got, "xpired") != NULL)
		rig_fail(&rig, "another secret: %s", got);
	free(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(doctor__lists__keys_that_end_within_a_week, set_up, rig_tear_down),
		cmocka_unit_test_setup_teardown(
		    key__expired__is_refused_with_its_reason_to_who_has_its_secret, set_up, rig_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
