/* Where a message goes while people have a conversation: one row of a table for each case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "../../../core/engine/route.h"

struct row {
	enum relay_side relay;
	const char *text;
	bool mentions_us, is_bot;
	enum route_to to;
	enum command command;
	bool pass_on;
};

static const struct row rows[] = {
	/* the page: silence, but for the wish to end it */
	{ RELAY_PAGE, "hello?", false, false, ROUTE_STORE, CMD_NONE, true },
	{ RELAY_PAGE, "help", false, false, ROUTE_STORE, CMD_NONE, true },
	{ RELAY_PAGE, "eddy, what time is it", true, false, ROUTE_STORE, CMD_NONE, true },
	{ RELAY_PAGE, "done", false, false, ROUTE_STORE, CMD_NONE, true },
	{ RELAY_PAGE, "back to eddy", false, false, ROUTE_COMMAND, CMD_HAND_BACK, false },
	{ RELAY_PAGE, "talk to a person", false, false, ROUTE_COMMAND, CMD_HANDOVER, false },
	/* the people: everything goes to the page but what names Eddy */
	{ RELAY_PEOPLE, "hello!", false, false, ROUTE_STORE, CMD_NONE, true },
	{ RELAY_PEOPLE, "done", false, false, ROUTE_STORE, CMD_NONE, true },
	{ RELAY_PEOPLE, "help", false, false, ROUTE_STORE, CMD_NONE, true },
	{ RELAY_PEOPLE, "done", true, false, ROUTE_COMMAND, CMD_DONE, false },
	{ RELAY_PEOPLE, "hand back", true, false, ROUTE_COMMAND, CMD_HAND_BACK, false },
	{ RELAY_PEOPLE, "help", true, false, ROUTE_COMMAND, CMD_HELP, false },
	{ RELAY_PEOPLE, "what is their plan?", true, false, ROUTE_AGENT, CMD_NONE, false },
	{ RELAY_PEOPLE, "beep", false, true, ROUTE_STORE, CMD_NONE, false },
	/* elsewhere these are words like others */
	{ RELAY_NONE, "done", true, false, ROUTE_AGENT, CMD_NONE, false },
	{ RELAY_NONE, "back to eddy", true, false, ROUTE_AGENT, CMD_NONE, false },
	{ RELAY_NONE, "talk to a person", true, false, ROUTE_AGENT, CMD_NONE, false },
	{ RELAY_NONE, "hello everybody out there", false, false, ROUTE_STORE, CMD_NONE, false },
};

static struct route routed(const struct row *r, bool offers)
{
	struct intent in = { .kind = INTENT_MESSAGE_POSTED,
		.text = r->text,
		.text_len = strlen(r->text),
		.mentions_us = r->mentions_us,
		.person = { .external_id = "U1", .is_bot = r->is_bot } };
	struct route_facts f = { .visibility = r->relay == RELAY_PAGE ? VIS_DIRECT : VIS_PUBLIC,
		.taking_part = true,
		.several = true,
		.relay = r->relay,
		.offers_people = offers };
	return route_message(&in, &f, 0);
}

static void route_message__while_people_have_it__goes_to_the_other_end(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *r = &rows[i];
		struct route got = routed(r, false);
		if (got.to != r->to || got.command != r->command || got.pass_on != r->pass_on)
			fail_msg("row %zu (\"%s\"): %d, %s, %d", i, r->text, (int)got.to, command_name(got.command), got.pass_on);
	}
}

static void route_message__wish_for_a_person__counts_where_it_is_offered(void **state)
{
	(void)state;
	const struct row wish = { .text = "talk to a person", .mentions_us = true };
	assert_int_equal(routed(&wish, true).to, ROUTE_COMMAND);
	assert_int_equal(routed(&wish, true).command, CMD_HANDOVER);
	assert_int_equal(routed(&wish, false).to, ROUTE_AGENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(route_message__while_people_have_it__goes_to_the_other_end),
		cmocka_unit_test(route_message__wish_for_a_person__counts_where_it_is_offered),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
