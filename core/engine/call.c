/* Calls of the API, for adapters and the terminal: core/api/serve.h on a connection of the engine's. */
#include "../api/serve.h"
#include "../base/clock.h"
#include "../settings/settings.h"
#include "engine_internal.h"
#include "quota.h"

/* A person is who they are whatever they come with; a team is the one that is meant, or a key's. */
static bool take_room(void *arg, const struct caller *by, struct id node, uint32_t *wait_ms)
{
	struct engine *e = arg;
	const struct settings *s = e->o.settings;
	const struct quota_who who = { by->ws,
		!id_is_none(by->node)        ? by->node
		    : id_equal(node, by->ws) ? ID_NONE
		                             : node,
		by->user };
	const struct quota_rules rules = { bucket_per_minute(settings_int(s, "limits.person_calls"), 0),
		bucket_per_minute(settings_int(s, "limits.team_calls"), 0),
		bucket_per_minute(settings_int(s, "limits.workspace_calls"), 0) };
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
