/* `allow here` and `deny here`: an admin lets Eddy answer in a place that outsiders read, or no more. */
#include "ask.h"

#include <string.h>

#include "../people/authority.h"
#include "../teams/place.h"
#include "command.h"

static enum err audit(struct ask *a, const char *verb)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, id_named(a->r->id, 0, verb, strlen(verb)));
	pg_arg_id(g, a->r->person);
	pg_arg_str(g, verb);
	pg_arg_id(g, a->r->place);
	pg_arg_id(g, a->r->thread);
	enum err e = ask_query(a, "ask_people_audit", g, NULL);
	pg_args_free(g);
	return e;
}

static enum err inside(struct ask *a, bool allow)
{
	struct caller by = { 0 };
	struct problem why = { 0 };
	bool changed = false;
	enum err e = a->card.guest ? ERR_DENIED : authority_of(a->pg, a->r->ws, a->r->person, "chat", &by);
	if (e == ERR_DENIED || (e == ERR_NONE && by.role < ROLE_ADMIN)) {
		ask_refuse(a, API_FORBIDDEN,
		    allow ? "Only an admin of this workspace can allow that."
		          : "Only an admin of this workspace can take that back.");
		return ERR_NONE;
	}
	if (e == ERR_NONE)
		e = place_set_allowed(a->pg, a->r->ws, a->r->place, allow, &changed, &why);
	if (e == ERR_INPUT) {
		ask_refuse(a, API_CONFLICT, "Nobody from outside reads here, so there is nothing to allow or to deny.");
		return ERR_NONE;
	}
	if (e == ERR_NONE && changed)
		e = audit(a, allow ? "place.allow" : "place.deny");
	if (e == ERR_NONE)
		buf_add_str(a->md,
		    allow
		        ? "All right: I answer here, to everybody who reads along, and read nothing but this conversation. `deny here` ends it."
		        : "All right: from now on I say nothing here. `allow here` has me back.");
	return e;
}

static enum err set(struct ask *a, bool allow)
{
	enum err e = pg_begin(a->pg, a->r->ws);
	return e == ERR_NONE ? pg_end(a->pg, inside(a, allow)) : e;
}

static enum err say_allow(struct ask *a)
{
	return set(a, true);
}

static enum err say_deny(struct ask *a)
{
	return set(a, false);
}

const struct ask_handler ask_place[] = {
	{ CMD_PLACE_ALLOW, say_allow, NULL },
	{ CMD_PLACE_DENY, say_deny, NULL },
	{ CMD_NONE, NULL, NULL },
};
