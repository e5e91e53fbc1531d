/* Calls of the API, for adapters and the terminal: core/api/serve.h on a connection of the engine's. */
#include "../api/serve.h"
#include "../base/clock.h"
#include "call_rules.h"
#include "engine_internal.h"

/* A person is who they are whatever they come with; a team is the one that is meant, else a key's. */
static bool take_room(void *arg, struct pg *pg, const struct caller *by, struct id node, uint32_t *wait_ms)
{
	struct engine *e = arg;
	struct id team = id_equal(node, by->ws) ? by->node : node;
	const struct quota_who who = { by->ws, team, by->user };
	const struct quota_rules rules =
	    call_rules_of(e->call_rules, e->configs, pg, by->ws, id_is_none(team) ? by->ws : team, e->o.settings);
	pthread_mutex_lock(&e->calls_mutex);
	bool room = quota_take(e->calls, &who, &rules, (int64_t)clock_us(), wait_ms);
	pthread_mutex_unlock(&e->calls_mutex);
	return room;
}

void engine_call(struct engine *e, const struct api_request *q, struct api_reply *out)
{
	const struct api_room room = { take_room, e };
	struct api_request limited = *q;
	limited.room = &room;
	struct pg *pg = engine_pg(e);
	api_serve(atomic_load(&e->started) ? e : NULL, pg, &limited, out);
	engine_pg_done(e, pg);
}
