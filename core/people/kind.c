/* One table: a kind that is added without saying what it may do may do nothing. */
#include "kind.h"

#include <stddef.h>

#define MAY(a) (1u << (a))

static const struct {
	const char *name;
	unsigned may;
} kinds[PERSON_KINDS] = {
	[PERSON_UNKNOWN] = { "not described yet", MAY(ACT_ASK) | MAY(ACT_LINK) },
	[PERSON_MEMBER] = { "member", MAY(ACT_ASK) | MAY(ACT_HEAR_WHY) | MAY(ACT_OPEN) | MAY(ACT_READ) | MAY(ACT_LINK) },
	[PERSON_GUEST] = { "guest", MAY(ACT_ASK) | MAY(ACT_LINK) },
	[PERSON_GUEST_ONE] = { "single-channel guest", MAY(ACT_ASK) | MAY(ACT_LINK) },
	[PERSON_STRANGER] = { "from another organisation", MAY(ACT_ASK) | MAY(ACT_LINK) },
	[PERSON_BOT] = { "bot", 0 },                          /* intent_person.may_ask: one that the operator has named may ask */
	[PERSON_SENDER] = { "unknown sender", MAY(ACT_ASK) }, /* adapters/email answers with its own words, or not at all */
	[PERSON_VISITOR] = { "visitor", MAY(ACT_ASK) },
};

const char *person_kind_name(enum person_kind k)
{
	return (size_t)k < PERSON_KINDS ? kinds[k].name : kinds[PERSON_UNKNOWN].name;
}

bool person_may(enum person_kind k, enum act a)
{
	return (size_t)k < PERSON_KINDS && (kinds[k].may & MAY(a)) != 0;
}
