/* Reading back after a gap: what is asked of Slack and in which order, and what is handed in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "../../../adapters/slack/catchup.h"
#include "../../../adapters/slack/inlet.h"
#include "../../../adapters/slack/slack_internal.h"
#include "../../../core/engine/engine.h"
#include "neighbours.h"

static char us[] = "UEDDY", team[] = "T1";
static struct slack_self self = { .user_id = us, .team_id = team };
static struct slack s;
static struct slack_catchup *c;
static struct active_thread active[200];
static size_t active_len;
static int64_t asked_since;
static enum err database;
static char handed[4000]; /* "channel type ts thread text", a line each */
static int room;          /* what the engine's queue still takes; -1: all */

bool engine_submit(struct engine *e, void (*fn)(void *arg), void *arg)
{
	(void)e;
	return near_put(&near_workers, fn, arg);
}
enum err engine_active_threads(struct engine *e, struct id ws, const char *adapter, int64_t since_ms, int limit,
    void (*fn)(void *arg, const struct active_thread *t), void *arg)
{
	(void)e;
	(void)ws;
	(void)limit; /* more than asked for, to see that it is bounded */
	assert_string_equal(adapter, "slack");
	asked_since = since_ms;
	for (size_t i = 0; i < active_len; i++)
		fn(arg, &active[i]);
	return database;
}
bool inlet_late(struct slack_inlet *in, const struct slack_event *ev)
{
	(void)in;
	if (room == 0)
		return false;
	room -= room > 0;
	size_t at = strlen(handed);
	snprintf(handed + at, sizeof(handed) - at, "%s %s %s %s %s%s\n", ev->channel, ev->channel_type, ev->msg.ts,
	    ev->msg.thread_ts ? ev->msg.thread_ts : "-", ev->msg.text ? ev->msg.text : "-", ev->ext_shared ? " shared" : "");
	return true;
}

/* The gap began at this wall-clock time: 1760000940.000 less a minute of margin is 1760000880. */
#define SINCE 1760000940000u

static int begin(void **state)
{
	(void)state;
	s = (struct slack){ 0 };
	atomic_store(&s.self, &self);
	c = catchup_new(&s);
	active_len = 0;
	handed[0] = '\0';
	database = ERR_NONE;
	room = -1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	near_run();
	atomic_store(&s.stopping, true);
	while (near_calls_len)
		near_fail(SLACK_NOT_SENT, "stopping");
	near_end();
	catchup_free(c);
	return 0;
}

static void thread_is_active(const char *place, const char *thread, enum visibility v)
{
	active[active_len++] = (struct active_thread){ .place_key = place, .thread_key = thread, .visibility = v };
}

static void gap__is_read_back__in_active_threads_and_direct_messages(void **state)
{
	(void)state;
	thread_is_active("C1", "1760000000.000100", VIS_PUBLIC);
	thread_is_active("D1", "1760000000.000200", VIS_DIRECT);
	thread_is_active("C1", "1760000000.000100", VIS_PUBLIC); /* once is enough */
	thread_is_active("C2", "command:UANNA", VIS_PUBLIC);     /* no thread that Slack knows */
	catchup_run(c, SINCE);
	near_run();
	assert_int_equal(asked_since, (int64_t)SINCE - 7 * 86400000);
	assert_string_equal(near_waits(), "users.conversations types=im&limit=100&");
	near_answer("{\"channels\":[{\"id\":\"D2\"},{\"id\":\"D1\"},{\"noid\":1},5]}");
	assert_string_equal(
	    near_waits(), "conversations.replies channel=C1&ts=1760000000.000100&oldest=1760000880.000000&limit=100&");
	/* Newest first, as Slack gives it; one at the edge, a system message, and things that are no messages. */
	near_answer(
	    "{\"messages\":[{\"type\":\"message\",\"user\":\"U1\",\"ts\":\"1760000990.000002\",\"thread_ts\":\"1760000000.000100\","
	    "\"text\":\"later\"},{\"type\":\"message\",\"user\":\"U1\",\"ts\":\"1760000990.000001\",\"thread_ts\":"
	    "\"1760000000.000100\",\"text\":\"sooner\"},{\"type\":\"message\",\"user\":\"U1\",\"ts\":\"1760000000.000100\",\"text\":"
	    "\"the root, from before\"},7,\"x\",null,{},{\"ts\":\"nonsense\",\"text\":\"bad\"}]}");
	assert_string_equal(handed,
	    "C1 channel 1760000990.000001 1760000000.000100 sooner\n"
	    "C1 channel 1760000990.000002 1760000000.000100 later\n");
	assert_string_equal(near_waits(), "conversations.history channel=D1&oldest=1760000880.000000&limit=100&");
	near_answer("{\"messages\":[]}");
	assert_non_null(strstr(near_waits(), "conversations.replies channel=D1&ts=1760000000.000200&"));
	near_answer("{}");
	assert_string_equal(near_waits(), "conversations.history channel=D2&oldest=1760000880.000000&limit=100&");
	handed[0] = '\0';
	near_answer("{\"messages\":[{\"type\":\"message\",\"user\":\"U1\",\"ts\":\"1760000990.000009\",\"text\":\"psst\"}]}");
	assert_string_equal(handed, "D2 im 1760000990.000009 - psst\n");
	assert_int_equal(near_calls_len, 0);
}

static void pages__are_followed__up_to_three(void **state)
{
	(void)state;
	thread_is_active("C1", "1760000000.000100", VIS_EXTERNAL);
	thread_is_active("G2", "1760000000.000300", VIS_PRIVATE);
	catchup_run(c, SINCE);
	near_run();
	near_fail(SLACK_REFUSED, "missing_scope"); /* the list of direct messages: not without the rest */
	for (int i = 0; i < 3; i++) {
		assert_non_null(strstr(near_waits(), "conversations.replies channel=C1&"));
		assert_true((strstr(near_waits(), "cursor=next&") != NULL) == (i > 0));
		near_answer(
		    "{\"has_more\":true,\"response_metadata\":{\"next_cursor\":\"next\"},\"messages\":[{\"type\":\"message\",\"user\":\"U1\","
		    "\"ts\":\"1760000990.000001\",\"text\":\"hi\"}]}");
	}
	assert_non_null(strstr(handed, "C1 channel 1760000990.000001 - hi shared\n"));
	assert_non_null(strstr(near_waits(), "conversations.replies channel=G2&"));
	assert_null(strstr(near_waits(), "cursor"));
	/* has_more without a cursor, a cursor without has_more: the end. */
	near_answer("{\"has_more\":true,\"messages\":[]}");
	assert_int_equal(near_calls_len, 0);
}

static void place__that_slack_refuses__does_not_stop_the_rest(void **state)
{
	(void)state;
	thread_is_active("C1", "1760000000.000100", VIS_PUBLIC);
	thread_is_active("C2", "1760000000.000100", VIS_PUBLIC);
	catchup_run(c, SINCE);
	near_run();
	near_answer("{\"channels\":[]}");
	near_fail(SLACK_REFUSED, "not_in_channel");
	assert_non_null(strstr(near_waits(), "channel=C2&"));
	near_answer("{\"messages\":{\"no\":\"list\"}}");
	assert_int_equal(near_calls_len, 0);
}

static void full_queue__is_waited_for__and_nothing_is_lost(void **state)
{
	(void)state;
	catchup_run(c, SINCE);
	near_run();
	near_answer("{\"channels\":[{\"id\":\"D1\"}]}");
	room = 1;
	near_answer("{\"messages\":[{\"type\":\"message\",\"user\":\"U1\",\"ts\":\"1760000990.000001\",\"text\":\"a\"},"
	            "{\"type\":\"message\",\"user\":\"U1\",\"ts\":\"1760000990.000002\",\"text\":\"b\\u00e4\"}]}");
	assert_string_equal(handed, "D1 im 1760000990.000001 - a\n");
	near_pass(200);
	near_pass(200);
	assert_string_equal(handed, "D1 im 1760000990.000001 - a\n");
	room = -1;
	near_pass(200);
	assert_string_equal(handed, "D1 im 1760000990.000001 - a\nD1 im 1760000990.000002 - b\xc3\xa4\n");
	assert_null(near_timers);
}

static void second_gap__waits_for_the_first__and_begins_at_the_earliest(void **state)
{
	(void)state;
	catchup_run(c, SINCE);
	catchup_run(c, SINCE - 10000);
	catchup_run(c, SINCE - 20000);
	catchup_run(c, SINCE + 5000);
	near_run();
	assert_int_equal(near_calls_len, 1);
	near_answer("{\"channels\":[]}");
	assert_int_equal(asked_since, (int64_t)SINCE - 20000 - 7 * 86400000);
	near_answer("{\"channels\":[{\"id\":\"D1\"}]}");
	assert_string_equal(near_waits(), "conversations.history channel=D1&oldest=1760000860.000000&limit=100&");
	near_answer("{}");
	assert_int_equal(near_calls_len, 0); /* and then it is over */
}

static void work__is_bounded(void **state)
{
	(void)state;
	static char names[200][8];
	for (int i = 0; i < 200; i++) {
		snprintf(names[i], sizeof(names[i]), "C%d", i);
		thread_is_active(names[i], "1760000000.000100", VIS_PUBLIC);
	}
	catchup_run(c, SINCE);
	near_run();
	struct buf list = BUF_INIT;
	buf_add_str(&list, "{\"channels\":[{\"id\":\"D0\"}");
	for (int i = 1; i < 100; i++)
		buf_addf(&list, ",{\"id\":\"D%d\"}", i);
	buf_add_str(&list, "]}");
	near_answer(list.p);
	buf_done(&list);
	int calls = 0;
	for (; near_calls_len; calls++)
		near_answer("{}");
	assert_int_equal(calls, 120);
}

static void read_back__does_without__a_database_a_worker_or_the_api(void **state)
{
	(void)state;
	database = ERR_RETRY; /* direct messages only */
	catchup_run(c, SINCE);
	near_run();
	assert_string_equal(near_waits(), "users.conversations types=im&limit=100&");
	near_refuses = true;
	near_answer("{\"channels\":[{\"id\":\"D1\"}]}"); /* the next call is refused: it ends … */
	near_refuses = false;
	assert_int_equal(near_calls_len, 0);
	near_workers.full = true;
	catchup_run(c, SINCE); /* … is skipped … */
	near_run();
	assert_int_equal(near_calls_len, 0);
	near_workers.full = false;
	catchup_run(c, SINCE); /* … and can be had again */
	near_run();
	assert_int_equal(near_calls_len, 1);
}

static void read_back__ends__with_the_adapter(void **state)
{
	(void)state;
	catchup_run(c, SINCE);
	near_run();
	atomic_store(&s.stopping, true);
	near_answer("{\"channels\":[{\"id\":\"D1\"}]}");
	assert_int_equal(near_calls_len, 0);
	atomic_store(&s.stopping, false);
	thread_is_active("C1", "1760000000.000100", VIS_PUBLIC);
	catchup_run(c, SINCE);
	near_loop.full = true; /* the loop ends while a worker is at it */
	near_run();
	near_loop.full = false;
	assert_int_equal(near_calls_len, 0);
}

static void read_back__held_by_a_full_queue__is_let_go_of_at_the_end(void **state)
{
	(void)state;
	catchup_run(c, SINCE);
	near_run();
	near_answer("{\"channels\":[{\"id\":\"D1\"}]}");
	room = 0;
	near_answer("{\"messages\":[{\"type\":\"message\",\"user\":\"U1\",\"ts\":\"1760000990.000001\",\"text\":\"a\"}]}");
	assert_string_equal(handed, "");
	assert_non_null(near_timers);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, begin, end)
	const struct CMUnitTest tests[] = {
		T(gap__is_read_back__in_active_threads_and_direct_messages),
		T(pages__are_followed__up_to_three),
		T(place__that_slack_refuses__does_not_stop_the_rest),
		T(full_queue__is_waited_for__and_nothing_is_lost),
		T(second_gap__waits_for_the_first__and_begins_at_the_earliest),
		T(work__is_bounded),
		T(read_back__does_without__a_database_a_worker_or_the_api),
		T(read_back__ends__with_the_adapter),
		T(read_back__held_by_a_full_queue__is_let_go_of_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
