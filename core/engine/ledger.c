/* When the audit log is linked (core/audit has the how).  What is known between the rounds is only how far each workspace was and when to look again. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#include "../audit/checkpoint.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../settings/settings.h"

#define ROUND_MS 1000
#define IDLE_MS 8000
#define POINT_MS 50000 /* with the longest pause this stays below the minute that was promised */
#define DUTY_MS 5000
#define BATCHES 10 /* in one workspace and round */

struct shelf {
	struct id ws;
	uint64_t next_ms, pause_ms;
	int64_t point_n;
	uint64_t point_ms;
};
struct ledger {
	pthread_mutex_t mutex;      /* one round at a time */
	struct checkpoints *points; /* NULL: there is no data folder (tests) */
	struct map *shelves;
	atomic_bool mine;
};

enum err ledger_open(struct engine *e)
{
	char why[512] = "";
	struct ledger *l = xcalloc(1, sizeof *l);
	pthread_mutex_init(&l->mutex, NULL);
	l->shelves = map_new();
	e->ledger = l;
	if (e->o.data_dir == NULL)
		return ERR_NONE;
	enum err err = checkpoints_open(&l->points, e->o.data_dir, settings_str(e->o.settings, "audit.key"), true, why, sizeof why);
	if (err != ERR_NONE)
		log_error("audit.open", LF_STR("why", why), LF_STR("result", err_name(err)));
	return err;
}

void ledger_free(struct ledger *l)
{
	if (l == NULL)
		return;
	checkpoints_close(l->points);
	map_free(l->shelves, free);
	pthread_mutex_destroy(&l->mutex);
	free(l);
}

/* ---- a round ---- */

struct points {
	struct checkpoint *v;
	size_t len, cap;
};

static void point(struct points *p, struct id ws, int64_t n, const uint8_t h[CHAIN_HASH])
{
	if (p->len == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 16;
		p->v = xrealloc(p->v, p->cap * sizeof *p->v);
	}
	p->v[p->len] = (struct checkpoint){ .kind = CHECKPOINT_LINK, .ws = ws, .n = n };
	memcpy(p->v[p->len++].h, h, CHAIN_HASH);
}

static enum err link_all(struct pg *pg, struct shelf *s, bool force, struct points *out)
{
	struct audit_sealed x = { .more = true };
	enum err err = ERR_NONE;
	int64_t from = -1;
	for (int i = 0; i < BATCHES && x.more && err == ERR_NONE; i++) {
		err = audit_seal(pg, s->ws, &x);
		for (size_t k = 0; k < x.links_len; k++)
			point(out, s->ws, x.links[k].n, x.links[k].h);
		if (x.links_len > 0) {
			s->point_n = x.links[x.links_len - 1].n;
			s->point_ms = clock_ms();
		}
		free(x.links);
		if (from < 0)
			from = x.from;
	}
	if (err != ERR_NONE)
		return err;
	s->pause_ms = x.n > from ? ROUND_MS : s->pause_ms * 2 < IDLE_MS ? s->pause_ms * 2 : IDLE_MS;
	s->next_ms = clock_ms() + (x.more ? 0 : s->pause_ms);
	if (x.n > s->point_n && (force || s->point_ms == 0 || clock_ms() - s->point_ms >= POINT_MS)) {
		point(out, s->ws, x.n, x.h);
		s->point_n = x.n;
		s->point_ms = clock_ms();
	}
	return ERR_NONE;
}

static struct shelf *shelf_of(struct ledger *l, struct id ws)
{
	struct shelf *s = map_get(l->shelves, ws.b, sizeof ws.b);
	if (s == NULL) {
		s = xcalloc(1, sizeof *s);
		s->ws = ws;
		s->pause_ms = ROUND_MS;
		map_put(l->shelves, ws.b, sizeof ws.b, s);
	}
	return s;
}

enum err ledger_round(struct engine *e, struct pg *pg, bool force)
{
	struct ledger *l = e->ledger;
	struct points points = { 0 };
	PGresult *r = NULL;
	pthread_mutex_lock(&l->mutex);
	enum err err = pg_query(pg, "upkeep_logs", NULL, &r);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++) {
		struct shelf *s = shelf_of(l, pg_get_id(r, i, 0));
		if (force || clock_ms() >= s->next_ms)
			err = link_all(pg, s, force, &points);
	}
	PQclear(r);
	/* Also after an error: what was linked before it is committed. */
	if (l->points != NULL)
		(void)checkpoints_add(l->points, points.v, points.len);
	free(points.v);
	pthread_mutex_unlock(&l->mutex);
	if (err != ERR_NONE && err != ERR_RETRY)
		log_warn("audit.link", LF_STR("result", err_name(err)));
	return err;
}

/* ---- the clock ---- */

static void due(void *arg);

static void on_time(void *arg, struct pg *pg)
{
	struct engine *e = arg;
	bool mine = engine_duty(e, e->default_ws, "engine", "audit", DUTY_MS) == ERR_NONE;
	atomic_store(&e->ledger->mine, mine);
	if (mine)
		ledger_round(e, pg, false);
	timers_after(e->timers, ROUND_MS, due, e);
}

static void due(void *arg)
{
	struct engine *e = arg;
	if (!atomic_load(&e->draining) && !engine_job(e, on_time, e))
		timers_after(e->timers, ROUND_MS, due, e);
}

void ledger_start(struct engine *e)
{
	timers_after(e->timers, ROUND_MS, due, e);
}

void ledger_last(struct engine *e)
{
	/* Also one that ends before its first round: else its entries would wait for the next start. */
	if (!atomic_load(&e->ledger->mine) && engine_duty(e, e->default_ws, "engine", "audit", DUTY_MS) != ERR_NONE)
		return;
	struct pg *pg = engine_pg(e);
	ledger_round(e, pg, true);
	engine_pg_done(e, pg);
	engine_duty_leave(e, e->default_ws, "engine", "audit");
}
