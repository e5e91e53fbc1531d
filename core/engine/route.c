/*
 * The router.  Everything it looks at is in the intent and in a handful of facts that the accepting transaction has read anyway,
 * so a message is routed inside the writer's batch at the price of a few comparisons.
 */
#include "route.h"

#include "../talk/transcript.h"
#include "ask.h"

/* A message found after a gap this long is asked about instead of answered out of the blue. */
#define LATE_ASK_MS (30 * 60 * 1000ull)

bool route_is_addressed(const struct intent *in, enum visibility visibility)
{
	return in->mentions_us || in->is_command || visibility == VIS_DIRECT || in->kind == INTENT_COMMAND_GIVEN;
}

/* In a thread with Eddy and one person everything is meant for Eddy; among several people only what follows Eddy's own words. */
static bool is_follow_up(const struct intent *in, const struct route_facts *f)
{
	if (!f->taking_part || in->is_thread_root || in->mentions_others)
		return false;
	return !f->several || f->last_author == AUTHOR_EDDY;
}

/* Where people have the conversation Eddy hears only what is meant for it: on their side its name, on the other the wish to end this. */
static bool is_for_people(const struct intent *in, const struct route_facts *f, struct route *out)
{
	enum command c = command_recognise(in->text, in->text_len);
	bool ends = c == CMD_HAND_BACK || (c == CMD_DONE && f->relay == RELAY_PEOPLE);
	if (f->relay == RELAY_PEOPLE && !in->mentions_us && !in->is_command)
		*out = (struct route){ .to = ROUTE_STORE, .pass_on = true };
	else if (ends || (f->relay == RELAY_PAGE && c == CMD_HANDOVER))
		*out = (struct route){ .to = ROUTE_COMMAND, .command = c };
	else if (f->relay == RELAY_PAGE)
		*out = (struct route){ .to = ROUTE_STORE, .pass_on = true };
	else
		return false;
	return true;
}

bool route_is_loop(const struct intent *in, const struct route_facts *f)
{
	return in->person.is_bot && in->person.may_ask && in->mentions_us && f->since_human > ROUTE_BOT_MESSAGES;
}

/* One that may ask has to name Eddy. */
static bool is_bot_heard(const struct intent *in, const struct route_facts *f)
{
	return in->person.may_ask && in->mentions_us && !route_is_loop(in, f);
}

/* To outsiders Eddy is not there. */
static struct route in_closed(const struct intent *in, const struct route_facts *f)
{
	enum command c = command_recognise(in->text, in->text_len);
	bool opens = c == CMD_PLACE_ALLOW || c == CMD_PLACE_DENY;
	if (!route_is_addressed(in, f->visibility) || in->late || in->person.is_guest ||
	    !person_may(intent_kind(&in->person), opens ? ACT_OPEN : ACT_HEAR_WHY))
		return (struct route){ .to = ROUTE_STORE };
	return (struct route){ .to = ROUTE_COMMAND, .command = opens ? c : CMD_PLACE_CLOSED };
}

struct route route_message(const struct intent *in, const struct route_facts *f, uint64_t wall_ms)
{
	const struct route store = { .to = ROUTE_STORE };
	struct route people;
	if (in->kind == INTENT_PLACE_JOINED)
		return f->closed ? store : (struct route){ .to = ROUTE_COMMAND, .command = CMD_INTRODUCE };
	if (in->no_answer || (in->person.is_bot && !is_bot_heard(in, f)))
		return store;
	if (f->closed)
		return in_closed(in, f);
	if (in->edge_answers)
		return (struct route){ .to = ROUTE_COMMAND, .command = CMD_EDGE };
	if (f->relay != RELAY_NONE && is_for_people(in, f, &people))
		return people;
	struct command_call call;
	enum command c = command_parse(in->text, in->text_len, f->is_fork, &call) ? call.command : CMD_NONE;
	bool addressed = route_is_addressed(in, f->visibility) || (f->is_fork && command_is_for_fork(c));
	bool quiet = f->thread_quiet || f->place_quiet;
	if (quiet && in->by_habit && c != CMD_COME_BACK)
		return store;
	if (!addressed && (quiet || !is_follow_up(in, f)))
		return store;
	if (c == CMD_HAND_BACK || c == CMD_DONE || (c == CMD_HANDOVER && !f->offers_people))
		c = CMD_NONE; /* words like others here */
	if (c == CMD_NONE && in->text_len == 0 && in->files_len == 0)
		c = CMD_HELP; /* a bare mention */
	if (c >= CMD_FORK && ask_find(c) == NULL)
		c = CMD_NONE;
	if (c == CMD_STOP && !addressed && f->last_author != AUTHOR_EDDY)
		return store;
	if (c != CMD_NONE)
		return (struct route){ .to = ROUTE_COMMAND, .command = c };
	if (in->late && in->platform_ms != 0 && wall_ms > in->platform_ms + LATE_ASK_MS)
		return (struct route){ .to = ROUTE_COMMAND, .command = CMD_LATE };
	return (struct route){ .to = ROUTE_AGENT };
}
