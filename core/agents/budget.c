/*
 * Holds.  The row of the day is locked while a hold is taken, so the sum of what was spent and of all live holds never passes the
 * cap, whatever number of processes asks.  A hold that was not renewed is void; so is what the process believes to have left
 * of it.
 */
#include "budget.h"

#include <pthread.h>
#include <stdlib.h>

#include "../base/clock.h"
#include "../base/map.h"
#include "../base/mem.h"

#define HOLD_MS (10 * 60 * 1000ull)
#define DAY_MS (24 * 60 * 60 * 1000ull)
#define PARTS 50 /* a hold is at least this part of the cap */

struct purse {
	int64_t left, out; /* out: reserved from the present hold and not settled yet */
	uint64_t until_ms, day;
	pthread_mutex_t refill; /* one refill at a time for a workspace */
};
struct budget {
	pthread_mutex_t mutex;
	struct map *purses;
	int64_t cap;
	struct id process;
};

const struct pg_statement budget_statements[] = {
	{ "budget_lock",
	    "INSERT INTO budget_days (ws, day) VALUES ($1, (now() AT TIME ZONE 'UTC')::date)"
	    " ON CONFLICT (ws, day) DO UPDATE SET calls = budget_days.calls RETURNING spent_micros" },
	{ "budget_held",
	    "SELECT coalesce(sum(held_micros), 0)::int8 FROM budget_holds WHERE ws = $1 AND day = (now() AT TIME ZONE 'UTC')::date"
	    " AND until > now() AND owner <> $2" },
	{ "budget_hold",
	    "INSERT INTO budget_holds (ws, day, owner, held_micros, until) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, $2, $3,"
	    " now() + $4::int8 * interval '1 ms') ON CONFLICT (ws, day, owner) DO UPDATE SET"
	    " held_micros = CASE WHEN budget_holds.until > now() THEN budget_holds.held_micros ELSE 0 END + excluded.held_micros,"
	    " until = excluded.until RETURNING held_micros" },
	{ "budget_mine",
	    "SELECT coalesce(sum(held_micros), 0)::int8 FROM budget_holds WHERE ws = $1 AND day = (now() AT TIME ZONE 'UTC')::date"
	    " AND until > now() AND owner = $2" },
	{ NULL, NULL },
};

struct budget *budget_new(int64_t daily_cap_micros, struct id process)
{
	struct budget *b = xcalloc(1, sizeof(*b));
	pthread_mutex_init(&b->mutex, NULL);
	b->purses = map_new();
	b->cap = daily_cap_micros;
	b->process = process;
	return b;
}

static void purse_free(void *p)
{
	struct purse *u = p;
	pthread_mutex_destroy(&u->refill);
	free(u);
}

void budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	map_free(b->purses, purse_free);
	pthread_mutex_destroy(&b->mutex);
	free(b);
}

static struct purse *purse(struct budget *b, struct id ws)
{
	struct purse *u = map_get(b->purses, ws.b, sizeof(ws.b));
	if (u == NULL) {
		u = xcalloc(1, sizeof(*u));
		pthread_mutex_init(&u->refill, NULL);
		map_put(b->purses, ws.b, sizeof(ws.b), u);
	}
	return u;
}

static bool take(struct budget *b, struct purse *u, int64_t micros)
{
	pthread_mutex_lock(&b->mutex);
	bool ok = u->day == clock_wall_ms() / DAY_MS && u->until_ms > clock_ms() && u->left >= micros;
	if (ok) {
		u->left -= micros;
		u->out += micros;
	}
	pthread_mutex_unlock(&b->mutex);
	return ok;
}

static enum err number(struct pg *pg, const char *statement, struct pg_args *a, int64_t *out)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	if (e == ERR_NONE && PQntuples(r) == 1)
		*out = pg_get_int8(r, 0, 0);
	if (e == ERR_NONE)
		PQclear(r);
	return e;
}

/* Inside a tenant transaction: how much may be added to our hold, at least ${want}; 0: the cap is reached. */
static enum err extend(struct budget *b, struct pg *pg, struct id ws, int64_t want, int64_t *added)
{
	struct pg_args *a = pg_args_new();
	int64_t spent = 0, others = 0, mine = 0, held = 0;
	pg_arg_id(a, ws);
	enum err e = number(pg, "budget_lock", a, &spent);
	pg_arg_id(a, b->process);
	if (e == ERR_NONE)
		e = number(pg, "budget_held", a, &others);
	if (e == ERR_NONE)
		e = number(pg, "budget_mine", a, &mine);
	*added = 0;
	int64_t room = b->cap - spent - others - mine;
	int64_t part = b->cap / PARTS > want ? b->cap / PARTS : want;
	if (e == ERR_NONE && room >= want) {
		*added = room < part ? room : part;
		pg_arg_int8(a, *added);
		pg_arg_int8(a, (int64_t)HOLD_MS);
		e = number(pg, "budget_hold", a, &held);
	}
	pg_args_free(a);
	return e;
}

enum budget_answer budget_reserve(struct budget *b, struct pg *pg, struct id ws, int64_t micros)
{
	if (micros <= 0)
		return BUDGET_OK;
	pthread_mutex_lock(&b->mutex);
	struct purse *u = purse(b, ws);
	pthread_mutex_unlock(&b->mutex);
	if (take(b, u, micros))
		return BUDGET_OK;
	pthread_mutex_lock(&u->refill);
	enum budget_answer answer = BUDGET_OK;
	if (!take(b, u, micros)) {
		int64_t added = 0;
		uint64_t asked = clock_ms();
		enum err e = pg_begin(pg, ws);
		if (e == ERR_NONE)
			e = extend(b, pg, ws, micros, &added);
		e = pg_end(pg, e);
		if (e != ERR_NONE) {
			answer = BUDGET_AWAY;
		} else if (added == 0) {
			answer = BUDGET_SPENT;
		} else {
			pthread_mutex_lock(&b->mutex);
			if (u->day != clock_wall_ms() / DAY_MS || u->until_ms <= asked)
				u->left = u->out = 0;
			u->left += added - micros;
			u->out += micros;
			u->day = clock_wall_ms() / DAY_MS;
			u->until_ms = asked + HOLD_MS - 30000; /* well before the database's own end of it */
			pthread_mutex_unlock(&b->mutex);
		}
	}
	pthread_mutex_unlock(&u->refill);
	return answer;
}

void budget_settle(struct budget *b, struct id ws, int64_t reserved, int64_t spent)
{
	if (reserved <= 0)
		return;
	pthread_mutex_lock(&b->mutex);
	struct purse *u = purse(b, ws);
	/* What was reserved from yesterday's hold, or from one that has ended, is not given back to today's. */
	int64_t back = reserved < u->out ? reserved : u->out;
	u->out -= back;
	u->left += back - spent;
	pthread_mutex_unlock(&b->mutex);
}
