/*
 * Frames that are no good, on the real link: each is outlived on the same daemon, and the next good message is answered once.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness.h"

static void tell_raw(const char *text, int repeat, const char *tail, bool binary)
{
	fake_tell(&rig.slack, "raw", "{s:s, s:i, s:s, s:b}", "text", text, "repeat", repeat, "tail", tail, "binary", (int)binary);
}

#define ENVELOPE(id, payload) \
	"{\"type\":\"events_api\",\"envelope_id\":\"" id "\",\"accepts_response_payload\":false,\"payload\":" payload "}"
#define EVENT(event) \
	"{\"type\":\"event_callback\",\"team_id\":\"T1\",\"event_id\":\"Ev1\",\"event_time\":1700000000,\"event\":" event "}"

/* The envelopes made here are not the fake's: it may complain of their acknowledgements, once each, and of nothing else. */
static void check_violations(void)
{
	json_t *o = fake_control(&rig.slack, "journal", NULL), *e;
	size_t i;
	int acks = 0;
	json_array_foreach (json_object_get(o, "entries"), i, e) {
		const char *what = json_string_value(json_object_get(e, "violation"));
		if (what == NULL)
			continue;
		if (strcmp(what, "ack_unknown") != 0)
			rig_fail(&rig, "the fake Slack complains of %s", what);
		acks++;
	}
	assert_in_range(acks, 7, 11); /* a bad event that has an id is acknowledged, or Slack would send it again and again */
	json_decref(o);
}

static void frames__that_are_no_good__are_outlived(void **state)
{
	(void)state;
	static const struct {
		const char *name, *text, *tail;
		int repeat;
		bool binary;
	} bad[] = {
		{ "not JSON", "this is not JSON at all", "", 1, false },
		{ "half an object", "{\"type\":\"events_api\",\"envelope_id\":\"", "", 1, false },
		{ "nothing", "", "", 1, false },
		{ "a number", "42", "", 1, false },
		{ "null", "null", "", 1, false },
		{ "an array", "[[],{}]", "", 1, false },
		{ "binary", "\x01\x02{}", "", 1, true },
		{ "no type", "{\"envelope_id\":\"e1\"}", "", 1, false },
		{ "an unknown type", "{\"type\":\"surprise\",\"envelope_id\":\"e2\",\"payload\":{}}", "", 1, false },
		{ "duplicate keys",
		    "{\"type\":\"hello\",\"type\":\"events_api\",\"envelope_id\":\"e3\",\"envelope_id\":\"e4\",\"payload\":{},\"payload\":null}",
		    "", 1, false },
		{ "a null payload", ENVELOPE("e5", "null"), "", 1, false },
		{ "no payload", "{\"type\":\"events_api\",\"envelope_id\":\"e6\"}", "", 1, false },
		{ "numbers for strings", "{\"type\":7,\"envelope_id\":8,\"payload\":9}", "", 1, false },
		{ "a number for the event", ENVELOPE("e7", EVENT("5")), "", 1, false },
		{ "numbers inside the event",
		    ENVELOPE(
		        "e8", EVENT("{\"type\":\"message\",\"channel\":1,\"user\":2,\"ts\":3.5,\"text\":4,\"channel_type\":[]}")),
		    "", 1, false },
		{ "nulls inside the event",
		    ENVELOPE("e9", EVENT("{\"type\":\"app_mention\",\"channel\":null,\"user\":null,\"ts\":null,\"text\":null}")),
		    "", 1, false },
		{ "a wild time stamp",
		    ENVELOPE("e10",
		        EVENT(
		            "{\"type\":\"message\",\"channel\":\"D1\",\"user\":\"U1\",\"ts\":\"99999999999999999999.1\",\"text\":\"x\",\"channel_type\":\"im\"}")),
		    "", 1, false },
		{ "a block that is a string",
		    ENVELOPE("e11",
		        EVENT(
		            "{\"type\":\"message\",\"channel\":\"C1\",\"user\":\"U1\",\"ts\":\"1700000000.000001\",\"blocks\":\"x\",\"files\":{},\"edited\":1}")),
		    "", 1, false },
		{ "nested 10^5 deep", "[", "", 100000, false },
		{ "nested 10^5 deep in objects", "{\"a\":", "", 100000, false },
		{ "5 MB", "0123456789abcdef0123456789abcdef0123456789abcdef01", "", 100000, false },
	};
	rig_serve(&rig, 0, NULL);
	pid_t pid = rig.d[0].pid;
	int n = 0;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		print_message("# %s\n", bad[i].name);
		tell_raw(bad[i].text, bad[i].repeat, bad[i].tail, bad[i].binary);
		char channel[16];
		snprintf(channel, sizeof channel, "C%d", ++n);
		rig_say(&rig, channel, NULL, n, "after a bad frame");
		rig_wait_answers(&rig, n, n, 10000);
		if (!rig_lives(&rig, 0) || rig.d[0].pid != pid)
			rig_fail(&rig, "the daemon died of: %s", bad[i].name);
	}
	rig_settle(&rig, 10000);
	for (int i = 1; i <= n; i++)
		assert_int_equal(rig_answers(&rig, NULL, NULL, i), 1);
	check_violations();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(frames__that_are_no_good__are_outlived, rig_set_up, rig_tear_down),
	};
	rig_filter();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
