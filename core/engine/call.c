/* Calls of the API, for adapters and the terminal: core/api/serve.h on a connection of the engine's. */
#include "../api/serve.h"
#include "engine_internal.h"

void engine_call(struct engine *e, const struct api_request *q, struct api_reply *out)
{
	struct pg *pg = engine_pg(e);
	api_serve(atomic_load(&e->started) ? e : NULL, pg, q, out);
	engine_pg_done(e, pg);
}
