/*
 * The router.  Everything it looks at is in the intent and in a handful of facts that the accepting transaction has read anyway,
 * so a message is routed inside the writer's batch at the price of a few comparisons.
 */
#include "route.h"

#include "../talk/transcript.h"

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

struct route route_message(const struct intent *in, const struct route_facts *f, uint64_t wall_ms)
{
	const struct route store = { ROUTE_STORE, CMD_NONE };
	if (in->kind == INTENT_PLACE_JOINED)
		return (struct route){ ROUTE_COMMAND, CMD_INTRODUCE };
	if (in->person.is_bot)
		return store;
	bool addressed = route_is_addressed(in, f->visibility);
	bool quiet = f->thread_quiet || f->place_quiet;
	if (!addressed && (quiet || !is_follow_up(in, f)))
		return store;
	enum command c = command_recognise(in->text, in->text_len);
	if (c == CMD_NONE && in->text_len == 0 && in->files_len == 0)
		c = CMD_HELP; /* a bare mention */
	if (c == CMD_STOP && !addressed && f->last_author != AUTHOR_EDDY)
		return store;
	if (c != CMD_NONE)
		return (struct route){ ROUTE_COMMAND, c };
	if (in->late && in->platform_ms != 0 && wall_ms > in->platform_ms + LATE_ASK_MS)
		return (struct route){ ROUTE_COMMAND, CMD_LATE };
	return (struct route){ ROUTE_AGENT, CMD_NONE };
}
