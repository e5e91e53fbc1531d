/*
 * A lane is a thread of conversation whose lease this process holds: runs wait in it in order, one works at a time, so
 * answers of one thread never overtake each other.  All of this belongs to the writer's thread.
 */
#include <stdlib.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "ask.h"
#include "engine_internal.h"
#include "pool.h"

struct lane *lane_find(struct engine *e, struct id thread)
{
	return map_get(e->lanes, thread.b, sizeof(thread.b));
}

/* How much of what all share a workspace has. */
struct lane_count {
	size_t lanes, active;
};

static struct lane_count *count_of(struct engine *e, struct id ws)
{
	struct lane_count *n = map_get(e->lanes_of_ws, ws.b, sizeof(ws.b));
	if (n == NULL) {
		n = xcalloc(1, sizeof *n);
		map_put(e->lanes_of_ws, ws.b, sizeof(ws.b), n);
	}
	return n;
}

bool lanes_full(const struct engine *e, struct id ws)
{
	const struct lane_count *n = map_get(e->lanes_of_ws, ws.b, sizeof(ws.b));
	return map_count(e->lanes) >= LANES_MAX || (n != NULL && n->lanes >= SHARE(LANES_MAX));
}

struct lane *lane_open(struct engine *e, struct id ws, struct id thread, int64_t token)
{
	struct lane *l = lane_find(e, thread);
	if (l == NULL) {
		l = xcalloc(1, sizeof(*l));
		l->ws = ws;
		l->thread = thread;
		l->tail = &l->head;
		map_put(e->lanes, thread.b, sizeof(thread.b), l);
		count_of(e, ws)->lanes++;
		if (id_is_none(e->only_ws))
			e->only_ws = ws;
		e->several_ws |= !id_equal(e->only_ws, ws);
		atomic_store_explicit(&e->lanes_count, map_count(e->lanes), memory_order_relaxed);
	}
	l->token = token;
	l->renewed_ms = clock_ms();
	l->generation = e->generation;
	return l;
}

/* ---- limits.concurrent ---- */

struct team_count {
	size_t active, most;
};

static struct team_count *team_of(const struct engine *e, struct id team)
{
	return map_get(e->teams, team.b, sizeof(team.b));
}

/* What a worker finds out for a lane before it begins. */
struct cap_op {
	struct write_op op;
	struct engine *e;
	struct id thread, place;
};

static void begin_next(struct engine *e, struct lane *l);

static void cap_done(struct write_op *op, enum err result)
{
	struct cap_op *x = (struct cap_op *)op;
	struct lane *l = lane_find(x->e, x->thread);
	if (l != NULL) {
		l->asking = false;
		l->asked = true;         /* whatever has come of it: nobody waits for a database that does not answer twice */
		if (result != ERR_RETRY) /* we stop */
			begin_next(x->e, l);
	}
	free(x);
}

static const struct write_kind cap_kind = { .name = "cap", .rank = 22, .done = cap_done };

static void cap_job(void *arg, struct pg *pg)
{
	struct cap_op *x = arg;
	struct config_turn ignored;
	if (config_cache_cap(x->e->configs, x->op.ws, x->place, &ignored) != CAP_UNKNOWN) { /* another lane has asked */
		writer_put(x->e->writer, &x->op);
		return;
	}
	enum err e = pg_begin(pg, x->op.ws);
	if (e == ERR_NONE)
		e = pg_end(pg, config_cache_learn_cap(x->e->configs, pg, x->op.ws, x->place));
	if (e != ERR_NONE)
		log_warn("lane.cap", LF_ID("thread", x->thread), LF_STR("result", err_name(e)));
	writer_put(x->e->writer, &x->op);
}

/* What is answered from rows alone is done before anybody could wait for it. */
static bool counts(const struct run *r)
{
	return r->kind == RUN_AGENT || ask_needs_model(r->command);
}

/*
 * False: not known yet, a worker sees to it.  ${team} none: there is no limit for what is next in ${l}.  ${pool}: the team whose processes answer it;
 * none: all do.
 */
static bool cap_known(struct engine *e, struct lane *l, struct id *team, struct id *pool)
{
	struct config_turn turn = { .most = 0 };
	*team = *pool = ID_NONE;
	if (!counts(l->head))
		return true;
	enum config_cap cap = config_cache_cap(e->configs, l->ws, l->head->place, &turn);
	int64_t most = turn.most;
	if (cap == CAP_UNKNOWN && !l->asked) {
		struct cap_op *x = xcalloc(1, sizeof *x);
		*x = (struct cap_op){
			.op = { .kind = &cap_kind, .ws = l->ws }, .e = e, .thread = l->thread, .place = l->head->place
		};
		l->asking = engine_job_of(e, l->ws, cap_job, x);
		if (!l->asking)
			free(x);
		return !l->asking;
	}
	l->asked = false;
	*team = cap == CAP_SET ? turn.team : ID_NONE;
	*pool = cap == CAP_SET && turn.dedicated ? turn.team : ID_NONE;
	struct team_count *n = cap == CAP_SET ? team_of(e, *team) : NULL;
	if (n != NULL)
		n->most = (size_t)most;
	else if (cap == CAP_SET && (size_t)most >= e->active_max)
		*team = ID_NONE; /* as good as none: nothing is counted */
	else if (cap == CAP_SET) {
		n = xcalloc(1, sizeof *n);
		n->most = (size_t)most;
		map_put(e->teams, team->b, sizeof(team->b), n);
	}
	return true;
}

static bool team_has_room(const struct engine *e, struct id team)
{
	const struct team_count *n = team_of(e, team);
	return n == NULL || n->active < n->most;
}

static void team_less(struct engine *e, struct id team)
{
	struct team_count *n = team_of(e, team);
	if (n != NULL && --n->active == 0)
		free(map_remove(e->teams, team.b, sizeof(team.b)));
}

/* ---- turns ---- */

/* Workspaces take turns, teams in a workspace, persons in a team. */
static void wait_for_slot(struct engine *e, struct lane *l, struct id team)
{
	const struct id path[] = { l->ws, id_is_none(team) ? budget_team_of(e->budget, l->head->place) : team, l->head->person };
	if (!id_is_none(team) && !team_has_room(e, team))
		run_waits(l->head, team_of(e, team)->most);
	fair_put(e->waiting, path, 3, &l->wait);
}

static void unwait(struct engine *e, struct lane *l)
{
	fair_remove(e->waiting, &l->wait);
}

/*
 * Calls that began together end together, so who finds every slot taken may wait for as long as a call takes, turn or not.  A workspace that
 * shares this process with others leaves a quarter of the slots to them.
 */
static bool has_slot(const struct engine *e, struct id ws)
{
	const struct lane_count *n = map_get(e->lanes_of_ws, ws.b, sizeof(ws.b));
	return !e->several_ws || e->active_max < 4 || n == NULL || n->active < SHARE(e->active_max);
}

static bool may_begin(void *arg, size_t level, struct id id)
{
	return level == 0 ? has_slot(arg, id) : level > 1 || team_has_room(arg, id);
}

static void begin_next(struct engine *e, struct lane *l)
{
	struct id team, pool;
	if (l->active != NULL || l->head == NULL || l->wait.in != NULL || l->asking || l->moving || !cap_known(e, l, &team, &pool))
		return;
	if (counts(l->head) && !l->stays && !pool_is_ours(e, pool)) {
		l->moving = true;
		pool_hand_over(e, l, pool);
		return;
	}
	if (e->active >= e->active_max || !has_slot(e, l->ws) || (!id_is_none(team) && !team_has_room(e, team))) {
		wait_for_slot(e, l, team);
		return;
	}
	l->team = team;
	if (!id_is_none(team))
		team_of(e, team)->active++;
	struct run *r = l->head;
	l->head = r->next;
	if (l->head == NULL)
		l->tail = &l->head;
	r->next = NULL;
	l->active = r;
	e->active++;
	count_of(e, l->ws)->active++;
	atomic_store_explicit(&e->active_count, e->active, memory_order_relaxed);
	engine_emit(e,
	    &(struct thread_event){ .kind = EVENT_RUN,
	        .ws = r->ws,
	        .thread = r->thread,
	        .message = r->message,
	        .run = r->id,
	        .run_state = "running",
	        .at_ms = (int64_t)clock_wall_ms() });
	run_begin(r);
}

static void slot_free(struct engine *e, struct lane *l)
{
	struct fair_item *x;
	e->active--;
	count_of(e, l->ws)->active--; /* its lane is still there */
	if (!id_is_none(l->team))
		team_less(e, l->team);
	l->team = ID_NONE;
	atomic_store_explicit(&e->active_count, e->active, memory_order_relaxed);
	while (e->active < e->active_max && (x = fair_take_if(e->waiting, may_begin, e)) != NULL)
		begin_next(e, (struct lane *)(void *)((char *)x - offsetof(struct lane, wait)));
}

void lane_push(struct lane *l, struct run *r)
{
	struct engine *e = r->e;
	r->lane = l;
	r->token = l->token;
	r->next = NULL;
	*l->tail = r;
	l->tail = &r->next;
	map_put(e->runs, r->id.b, sizeof(r->id.b), r);
	atomic_store_explicit(&e->runs_count, map_count(e->runs), memory_order_relaxed);
	begin_next(e, l);
}

static void forget_run(struct engine *e, struct run *r)
{
	/* A run that was taken from us may be here a second time, begun anew. */
	if (map_get(e->runs, r->id.b, sizeof(r->id.b)) == r)
		map_remove(e->runs, r->id.b, sizeof(r->id.b));
	atomic_store_explicit(&e->runs_count, map_count(e->runs), memory_order_relaxed);
	run_free(r);
}

void lane_close(struct engine *e, struct lane *l)
{
	unwait(e, l);
	map_remove(e->lanes, l->thread.b, sizeof(l->thread.b));
	struct lane_count *n = count_of(e, l->ws);
	if (--n->lanes == 0)
		free(map_remove(e->lanes_of_ws, l->ws.b, sizeof(l->ws.b)));
	atomic_store_explicit(&e->lanes_count, map_count(e->lanes), memory_order_relaxed);
	free(l);
}

void lane_run_finished(struct engine *e, struct run *r)
{
	struct lane *l = r->lane;
	if (l != NULL && l->active == r) {
		l->active = NULL;
		slot_free(e, l);
	}
	/* What this run has answered too needs no run of its own any more. */
	for (size_t i = 0; l != NULL && i < r->merged_len; i++) {
		for (struct run **p = &l->head; *p != NULL; p = &(*p)->next) {
			struct run *m = *p;
			if (!id_equal(m->id, r->merged[i]))
				continue;
			*p = m->next;
			if (l->tail == &m->next)
				l->tail = p;
			forget_run(e, m);
			break;
		}
	}
	if (r->delivering && l != NULL)
		l->delivering++;
	else
		forget_run(e, r); /* without a lane: what becomes of the delivery is seen to by the row alone */
	if (l != NULL)
		begin_next(e, l);
}

void lane_settle(struct engine *e, struct id thread, int64_t pending)
{
	struct lane *l = lane_find(e, thread);
	if (l == NULL)
		return;
	if (pending <= 0 && l->active == NULL && l->head == NULL && l->delivering == 0)
		lane_close(e, l);
	else if (pending > 0 && l->active == NULL && l->head == NULL && l->delivering == 0)
		claim_load(e, l->ws, l->thread); /* another process has added work to a thread that is ours */
}

struct of_lane {
	struct lane *lane;
	struct run *runs; /* those in delivery, linked */
};

static void find_delivering(const void *key, size_t n, void *value, void *arg)
{
	(void)key;
	(void)n;
	struct run *r = value;
	struct of_lane *x = arg;
	if (r->lane != x->lane || !r->delivering)
		return;
	r->next = x->runs;
	x->runs = r;
}

static void leave(struct engine *e, struct lane *l);

/* The lease is somebody else's now: nothing of this lane may have any further effect. */
void lane_lost(struct engine *e, struct lane *l)
{
	log_warn("lane.lost", LF_ID("ws", l->ws), LF_ID("thread", l->thread), LF_STR("result", "stopped"));
	metric_add(e->m.lost, 1);
	leave(e, l);
}

void lane_moved(struct engine *e, struct lane *l, bool gone)
{
	l->moving = false;
	if (gone) {
		leave(e, l);
		return;
	}
	l->stays = true;
	begin_next(e, l);
}

static void leave(struct engine *e, struct lane *l)
{
	while (l->head != NULL) {
		struct run *r = l->head;
		l->head = r->next;
		forget_run(e, r);
	}
	struct of_lane in_delivery = { .lane = l };
	if (l->delivering > 0)
		map_each(e->runs, find_delivering, &in_delivery);
	while (in_delivery.runs != NULL) { /* nobody else holds these; their outcome needs only the row */
		struct run *r = in_delivery.runs;
		in_delivery.runs = r->next;
		forget_run(e, r);
	}
	struct run *r = l->active;
	if (r != NULL) { /* whoever works on it brings it to its end; the table is free for the same run, begun anew */
		r->lane = NULL;
		if (!atomic_load(&e->draining)) /* else nothing is begun anew, and who works on it may be gone already */
			map_remove(e->runs, r->id.b, sizeof(r->id.b));
		atomic_store_explicit(&e->runs_count, map_count(e->runs), memory_order_relaxed);
		run_request_stop(r, STOP_LOST);
		l->active = NULL;
		slot_free(e, l);
	}
	lane_close(e, l);
}

void lane_stop(struct engine *e, struct id thread, enum stop_reason why)
{
	struct lane *l = lane_find(e, thread);
	if (l != NULL && l->active != NULL)
		run_request_stop(l->active, why);
}

void lane_message_changed(struct run *r, bool deleted)
{
	run_request_stop(r, deleted ? STOP_DELETED : STOP_EDITED);
	/* The run that answers it too has read the old text: it starts over. */
	if (r->taken_in && r->lane != NULL && r->lane->active != NULL && r->lane->active != r)
		run_request_stop(r->lane->active, STOP_EDITED);
}

static void free_lane(void *l)
{
	free(l);
}

static void free_run(void *r)
{
	run_free(r);
}

void lanes_free(struct engine *e)
{
	fair_free(e->waiting);
	map_free(e->lanes_of_ws, free);
	map_free(e->teams, free);
	map_free(e->runs, free_run);
	map_free(e->lanes, free_lane);
	e->runs = e->lanes = NULL;
}
