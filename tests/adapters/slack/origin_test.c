/* Origins that nothing came in with: a new thread in a channel, and the thread once it has begun. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "../../../adapters/slack/origin.h"
#include "../../../adapters/slack/slack_internal.h"
#include "../../../core/base/clock.h"

static struct id ws, other;
static struct slack_self self = { .team_id = (char *)(uintptr_t) "T1" };
static struct slack slack;
static struct slack_app app = { .all = &slack, .home = &slack };

static struct adapter *adapter(bool known)
{
	ws = id_new();
	other = id_new();
	self.ws = ws;
	atomic_store(&slack.self, known ? &self : NULL);
	return (struct adapter *)(void *)&app;
}

static void origin_for__a_channel__is_a_new_thread_from_now_on(void **state)
{
	(void)state;
	char out[INTENT_ORIGIN_MAX];
	struct origin o;
	size_t n = slack_ops.origin_for(adapter(true), ws, "C1", NULL, out);
	assert_true(origin_unpack(out, n, &o));
	assert_int_equal(o.surface, ORIGIN_CHANNEL);
	assert_string_equal(o.team, "T1");
	assert_string_equal(o.channel, "C1");
	assert_string_equal(o.thread_ts, "");
	/* A look-up begins a little before now, so what was posted by a clock behind ours is found. */
	long long from = atoll(o.message_ts), now = (long long)(clock_wall_ms() / 1000);
	assert_true(from < now - 60 && from > now - 3600);
}

static void origin_for__before_the_log_in_or_in_another_workspace__is_none(void **state)
{
	(void)state;
	char out[INTENT_ORIGIN_MAX];
	assert_int_equal(slack_ops.origin_for(adapter(false), ws, "C1", NULL, out), 0);
	assert_int_equal(slack_ops.origin_for(adapter(true), other, "C1", NULL, out), 0);
	assert_int_equal(slack_ops.origin_for(adapter(true), ws, "", NULL, out), 0);
}

static void origin_within__a_thread_that_has_begun__needs_no_log_in(void **state)
{
	(void)state;
	char root[INTENT_ORIGIN_MAX], out[INTENT_ORIGIN_MAX];
	struct origin o;
	size_t n = slack_ops.origin_for(adapter(true), ws, "C1", NULL, root);
	struct adapter *a = adapter(false);
	n = slack_ops.origin_within(a, root, n, "1760000000.000100", out);
	assert_true(origin_unpack(out, n, &o));
	assert_string_equal(o.channel, "C1");
	assert_string_equal(o.thread_ts, "1760000000.000100");
	assert_string_equal(o.message_ts, "1760000000.000100");
	assert_int_equal(slack_ops.origin_within(a, root, 3, "1760000000.000100", out), 0);
	assert_int_equal(slack_ops.origin_within(a, out, n, "no ts", root), 0);
}

static void origin_beside__a_thread__begins_at_the_top_of_its_channel(void **state)
{
	(void)state;
	static const enum origin_surface surfaces[] = { ORIGIN_CHANNEL, ORIGIN_DM };
	for (size_t i = 0; i < 2; i++) {
		struct origin from = { .surface = surfaces[i],
			.team = "T1",
			.channel = "C1",
			.thread_ts = "1760000000.000100",
			.message_ts = "1760000000.000300",
			.user = "U1",
			.user_team = "T2" },
		              o;
		char asked[INTENT_ORIGIN_MAX], out[INTENT_ORIGIN_MAX], place[PLACE_KEY_MAX], thread[PLACE_KEY_MAX] = "x";
		size_t n = origin_pack(&from, asked);
		n = slack_ops.origin_beside(adapter(false), ws, asked, n, ws, "topic", out, place, thread);
		assert_true(origin_unpack(out, n, &o));
		assert_string_equal(place, "C1");
		assert_string_equal(thread, "");
		assert_string_equal(o.channel, "C1");
		assert_string_equal(o.thread_ts, "");
		assert_string_equal(o.user, "U1");
		assert_string_equal(o.user_team, "T2");
		assert_int_equal(o.surface, surfaces[i]);
		long long since = atoll(o.message_ts), now = (long long)(clock_wall_ms() / 1000);
		assert_true(since < now - 60 && since > now - 3600);
		n = slack_ops.origin_within(adapter(false), out, n, "1760000100.000100", asked);
		assert_true(origin_unpack(asked, n, &o));
		assert_string_equal(o.thread_ts, "1760000100.000100");
		assert_int_equal(o.surface, surfaces[i]);
	}
}

static void origin_beside__what_one_person_sees__is_not_possible(void **state)
{
	(void)state;
	struct origin from = { .surface = ORIGIN_COMMAND, .team = "T1", .channel = "C1", .user = "U1" };
	char asked[INTENT_ORIGIN_MAX], out[INTENT_ORIGIN_MAX], place[PLACE_KEY_MAX], thread[PLACE_KEY_MAX];
	size_t n = origin_pack(&from, asked);
	assert_int_equal(slack_ops.origin_beside(adapter(true), ws, asked, n, ws, "t", out, place, thread), 0);
	from.surface = ORIGIN_ASSISTANT;
	n = origin_pack(&from, asked);
	assert_int_equal(slack_ops.origin_beside(adapter(true), ws, asked, n, ws, "t", out, place, thread), 0);
	assert_int_equal(slack_ops.origin_beside(adapter(true), ws, "junk", 4, ws, "t", out, place, thread), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(origin_for__a_channel__is_a_new_thread_from_now_on),
		cmocka_unit_test(origin_for__before_the_log_in_or_in_another_workspace__is_none),
		cmocka_unit_test(origin_within__a_thread_that_has_begun__needs_no_log_in),
		cmocka_unit_test(origin_beside__a_thread__begins_at_the_top_of_its_channel),
		cmocka_unit_test(origin_beside__what_one_person_sees__is_not_possible),
	};
	return cmocka_run_group_tests_name("origins", tests, NULL, NULL);
}
