#ifndef EDDY_ENGINE_ROUTE_H
#define EDDY_ENGINE_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "intent.h"

/* Which end of a conversation with people a thread is (threads.relay). */
enum relay_side {
	RELAY_NONE = 0,
	RELAY_PAGE = 1,   /* somebody here asked for a person: Eddy keeps silent */
	RELAY_PEOPLE = 2, /* people answer such a thread from here */
};

/* What the database says about the thread a message arrived in, before this message. */
struct route_facts {
	bool taking_part; /* Eddy was asked here, or has answered */
	bool thread_quiet;
	bool place_quiet;
	int last_author; /* enum author_kind of the message before this one, 0: none */
	bool several;    /* more than one person has written here, this message's author included */
	bool is_fork;    /* a side thread */
	enum visibility visibility;
	enum relay_side relay;
	bool offers_people;  /* here one may ask for a person */
	bool closed;         /* outsiders read along, and no admin has said yes to that */
	int64_t since_human; /* messages since the last one by a person, this one included; 0: it is by one */
};

enum route_to {
	ROUTE_STORE,   /* remember it, say nothing */
	ROUTE_COMMAND, /* a canonical answer, no model */
	ROUTE_AGENT,   /* work for an agent */
};
struct route {
	enum route_to to;
	enum command command;
	bool pass_on; /* to the other end of the conversation with people */
};

/*
 * Up to here a bot that may ask is heard: right after a person's words, or after Eddy's answer to those.  Its next message follows Eddy's answer to
 * itself, and two programs that answer each other have no end.
 */
#define ROUTE_BOT_MESSAGES 2

/** True for a bot that may ask, names Eddy, and is not heard because no person has spoken since Eddy has answered a program.  Pure. */
bool route_is_loop(const struct intent *in, const struct route_facts *f);
/** True if the message is addressed to Eddy by itself, whatever the thread looks like.  Pure. */
bool route_is_addressed(const struct intent *in, enum visibility visibility);
/**
 * Decide what a message is, without a model and without the database.  Pure; the order is: a bot → store, but one that may
 * ask and was not answered since a person last spoke; a closed place → one sentence to a member who speaks to Eddy; a conversation with
 * people → to its other end; not ours → store; command → canonical; quiet and not
 * mentioned → store; addressed → agent; follow-up in a thread Eddy takes part in → agent; else store.
 */
struct route route_message(const struct intent *in, const struct route_facts *f, uint64_t wall_ms);

#endif
