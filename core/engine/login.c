/* Log-ins of pages, for adapters: core/people/session.h on a connection of the engine's. */
#include "../people/session.h"
#include "engine_internal.h"

enum err engine_login_code(struct engine *e, struct id ws, const char *subject, const char *name, char *code)
{
	struct pg *pg = engine_pg(e);
	enum err err = session_code(pg, ws, subject, name, code);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_login(struct engine *e, struct id ws, const char *code, struct session *out, char *refresh)
{
	struct pg *pg = engine_pg(e);
	enum err err = session_begin(pg, ws, code, out, refresh);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_login_refresh(struct engine *e, struct id ws, const char *refresh, struct session *out, char *next)
{
	struct pg *pg = engine_pg(e);
	enum err err = session_refresh(pg, ws, refresh, out, next);
	engine_pg_done(e, pg);
	return err;
}

enum err engine_logout(
    struct engine *e, struct id ws, const char *refresh, bool everywhere, void (*ended)(void *arg, struct id session), void *arg)
{
	struct pg *pg = engine_pg(e);
	enum err err = session_end(pg, ws, refresh, everywhere, ended, arg);
	engine_pg_done(e, pg);
	return err;
}
