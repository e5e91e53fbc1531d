/*
 * Handing a thread over is one statement, on the row that says who owns it: killed before its COMMIT the thread is ours and is found again
 * when our lease ends, killed after it it is theirs.  What the row says only sends the thread the shorter way: any change of settings, tree or places
 * wipes it (config_notify), and whoever has the thread then looks again.
 *
 * A process for one team holds an advisory lock named after the team, so that `eddy doctor` and runtime.list know whether there is one.
 */
#include "pool.h"

#include <stdlib.h>
#include <string.h>

#include "../agents/approvals.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "engine_internal.h"

const struct pg_statement pool_statements[] = {
	{ "pool_hand_over",
	    "WITH d AS (UPDATE dispatch SET owner = NULL, lease_until = NULL, due = now(), pool = $5 WHERE ws = $1 AND thread_id = $2"
	    " AND owner = $3 AND token = $4 RETURNING 1) SELECT pg_notify('" APPROVAL_WORK "', '') FROM d" },
	/* Once in a session; said again at every look, because a session may be another one by then. */
	{ "pool_here",
	    "SELECT pg_try_advisory_lock_shared(k) FROM unnest($1::int8[]) k WHERE NOT EXISTS (SELECT 1 FROM pg_locks l"
	    " WHERE l.locktype = 'advisory' AND l.pid = pg_backend_pid() AND l.classid = ((k >> 32) & 4294967295)::oid"
	    " AND l.objid = (k & 4294967295)::oid AND l.objsubid = 1)" },
	{ NULL, NULL },
};

const struct pg_statement pool_read_statements[] = {
	{ "pool_tenants", "SELECT DISTINCT ws FROM installs ORDER BY ws" },
	{ "pool_team", "SELECT id FROM nodes WHERE ws = $1 AND archived_at IS NULL AND (slug = $2 OR id::text = $2)" },
	{ NULL, NULL },
};

struct pool {
	char *name;
	pthread_mutex_t mutex;
	struct id team; /* none: nobody's */
	bool told;      /* that there is none */
};

struct pool *pool_new(const char *name)
{
	if (name == NULL || name[0] == '\0')
		return NULL;
	struct pool *p = xcalloc(1, sizeof *p);
	p->name = xstrdup(name);
	pthread_mutex_init(&p->mutex, NULL);
	return p;
}

void pool_free(struct pool *p)
{
	if (p == NULL)
		return;
	pthread_mutex_destroy(&p->mutex);
	free(p->name);
	free(p);
}

/* ---- which team that is ---- */

/* One more in ${n} for each that is called so. */
static enum err look_in(struct pg *pg, struct id ws, const char *name, struct id *out, size_t *n)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	enum err e = pg_begin(pg, ws);
	pg_arg_id(a, ws);
	pg_arg_str(a, name);
	if (e == ERR_NONE)
		e = pg_end(pg, pg_query(pg, "pool_team", a, &r));
	pg_args_free(a);
	if (e == ERR_NONE && PQntuples(r) > 0) {
		*out = pg_get_id(r, 0, 0);
		++*n;
	}
	PQclear(r);
	return e;
}

void pool_look(struct engine *e, struct pg *pg)
{
	struct pool *p = e->pool;
	struct id team = ID_NONE;
	size_t n = 0;
	PGresult *all = NULL;
	if (p == NULL)
		return;
	enum err err = pg_query(pg, "pool_tenants", NULL, &all);
	for (int i = 0; err == ERR_NONE && i < PQntuples(all); i++)
		err = look_in(pg, pg_get_id(all, i, 0), p->name, &team, &n);
	PQclear(all);
	if (err != ERR_NONE) {
		log_warn("pool.look", LF_STR("result", err_name(err))); /* what was known stays */
		return;
	}
	if (n > 1) /* two tenants do not share a process that one of them asked for */
		team = ID_NONE;
	pthread_mutex_lock(&p->mutex);
	bool other = !id_equal(team, p->team), first = !p->told;
	p->team = team;
	p->told = true;
	pthread_mutex_unlock(&p->mutex);
	if (id_is_none(team) && (first || other))
		log_warn("pool.look",
		    LF_STR("result",
		        n == 0
		            ? "no team has the name that runtime.team says: this process answers nobody"
		            : "several workspaces have a team of that name: this process answers nobody until runtime.team has the id of one"));
	else if (other)
		log_info("pool.look", LF_ID("team", team), LF_STR("result", "ok"));
	if (other)
		claim_now(e);
}

static void look_job(void *arg, struct pg *pg)
{
	pool_look(arg, pg);
}

void pool_look_soon(struct engine *e)
{
	if (e->pool != NULL)
		engine_job(e, look_job, e);
}

/* ---- whose a thread is ---- */

bool pool_is_ours(struct engine *e, struct id team)
{
	struct pool *p = e->pool;
	if (p == NULL)
		return id_is_none(team);
	pthread_mutex_lock(&p->mutex);
	bool ours = !id_is_none(team) && id_equal(p->team, team);
	pthread_mutex_unlock(&p->mutex);
	return ours;
}

void pool_arg(struct engine *e, struct pg_args *g)
{
	struct pool *p = e->pool;
	if (p == NULL) {
		pg_arg_null(g);
		return;
	}
	pg_array_begin(g, PG_UUID);
	pthread_mutex_lock(&p->mutex);
	if (!id_is_none(p->team))
		pg_array_id(g, p->team);
	pthread_mutex_unlock(&p->mutex);
	pg_array_end(g);
}

void pool_here(struct engine *e, struct writer_tx *tx)
{
	struct pool *p = e->pool;
	if (p == NULL)
		return;
	struct pg_args *g = writer_args(tx);
	pg_array_begin(g, PG_INT8);
	pthread_mutex_lock(&p->mutex);
	if (!id_is_none(p->team))
		pg_array_int8(g, process_lock_key(p->team));
	pthread_mutex_unlock(&p->mutex);
	pg_array_end(g);
	writer_exec(tx, "pool_here", NULL, NULL);
}

/* ---- giving a thread away ---- */

struct move_op {
	struct write_op op;
	struct engine *e;
	struct id thread, pool;
	int64_t token;
};

static void move_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct move_op *x = (const struct move_op *)ops[i];
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, x->op.ws);
		pg_arg_id(g, x->thread);
		pg_arg_id(g, x->e->process);
		pg_arg_int8(g, x->token);
		pg_arg_id(g, x->pool);
		writer_exec(tx, "pool_hand_over", NULL, NULL);
	}
}

static void move_done(struct write_op *op, enum err result)
{
	struct move_op *x = (struct move_op *)op;
	struct lane *l = lane_find(x->e, x->thread);
	if (result != ERR_NONE && result != ERR_RETRY)
		log_warn("pool.hand_over", LF_ID("thread", x->thread), LF_STR("result", err_name(result)));
	if (l != NULL && l->token == x->token && result != ERR_RETRY) /* ERR_RETRY: we stop */
		lane_moved(x->e, l, result == ERR_NONE);
	free(x);
}

static const struct write_kind move_kind = { .name = "move", .rank = 21, .round = { move_first }, .done = move_done };

void pool_hand_over(struct engine *e, struct lane *l, struct id team)
{
	struct move_op *x = xcalloc(1, sizeof *x);
	*x = (struct move_op){
		.op = { .kind = &move_kind, .ws = l->ws }, .e = e, .thread = l->thread, .pool = team, .token = l->token
	};
	writer_put(e->writer, &x->op);
}
