#ifndef EDDY_ENGINE_ROUTE_H
#define EDDY_ENGINE_ROUTE_H

#include <stdbool.h>

#include "command.h"
#include "intent.h"

/* What the database says about the thread a message arrived in, before this message. */
struct route_facts {
	bool taking_part; /* Eddy was asked here, or has answered */
	bool thread_quiet;
	bool place_quiet;
	int last_author; /* enum author_kind of the message before this one, 0: none */
	bool several;    /* more than one person has written here, this message's author included */
	enum visibility visibility;
};

enum route_to {
	ROUTE_STORE,   /* remember it, say nothing */
	ROUTE_COMMAND, /* a canonical answer, no model */
	ROUTE_AGENT,   /* work for an agent */
};
struct route {
	enum route_to to;
	enum command command;
};

/** True if the message is addressed to Eddy by itself, whatever the thread looks like.  Pure. */
bool route_is_addressed(const struct intent *in, enum visibility visibility);
/**
 * Decide what a message is, without a model and without the database.  Pure; the order is: not ours → store; command → canonical; quiet and not
 * mentioned → store; addressed → agent; follow-up in a thread Eddy takes part in → agent; else store.
 */
struct route route_message(const struct intent *in, const struct route_facts *f, uint64_t wall_ms);

#endif
