/*
 * Holds.  Who takes one has the payer's lock, so the sum of what was spent and of all live holds never passes a cap, whatever number of processes
 * asks.  A hold counts against the day and the month alike and is not bound to either: at midnight what is held yet is taken from the
 * new day.  A hold that was not renewed is void.  Calls are reserved from it for half its time only, then it is renewed first, so that they
 * have ended before it does.
 *
 * What is known without asking: the caps of a workspace for two seconds, who pays for a place and for a person for thirty, and for one second
 * that an amount was refused.
 */
#include "budget.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/map.h"
#include "../base/mem.h"

#define HOLD_MS (10 * 60 * 1000ull)
#define USE_MS (HOLD_MS / 2) /* calls are reserved from a hold for so long; the rest of its time is theirs to end in */
#define PARTS 50             /* a hold is at least this part of the cap */
#define REFILLS 5            /* in a row for one call */
#define CAPS_MS 2000
#define PAYER_MS 30000
#define REFUSED_MS 1000
#define ENTRIES_MAX 20000 /* of each map; then it starts anew */

struct purse {
	struct budget_amount left, out; /* out: reserved from the present hold and not settled yet */
	uint64_t until_ms;
	struct budget_amount refused; /* so much, or more, was refused … */
	uint64_t refused_until_ms;    /* … until then */
	struct budget_refusal why;
	int level[3];           /* of the last notice, by enum budget_period … */
	char since[3][11];      /* … and when that period has begun */
	int users;              /* threads that hold a pointer to it */
	pthread_mutex_t refill; /* one refill at a time */
};
struct caps_entry {
	struct budget_rows *rows;
	uint64_t until_ms;
};
struct place_entry {
	struct id nodes[BUDGET_NODES_MAX];
	size_t nodes_len;
	uint64_t until_ms;
};
struct person_entry {
	struct id user;
	uint64_t until_ms;
};
struct budget {
	pthread_mutex_t mutex;
	struct map *purses, *caps, *places, *people;
	struct budget_options o;
};

const struct pg_statement budget_statements[] = {
	{ "budget_lock", "SELECT pg_advisory_xact_lock(hashtextextended('budget ' || $1::uuid || $2::int2 || $3::uuid, 0))" },
	{ "budget_hold",
	    "WITH old AS (DELETE FROM budget_holds WHERE ws = $1 AND kind = $2 AND subject = $3 AND owner <> $4"
	    " AND until < now() - interval '1 day')"
	    " INSERT INTO budget_holds (ws, kind, subject, owner, held_micros, held_tokens, until) VALUES ($1, $2, $3, $4, $5, $6,"
	    " now() + $7::int8 * interval '1 ms') ON CONFLICT (ws, kind, subject, owner) DO UPDATE SET"
	    " held_micros = CASE WHEN budget_holds.until > now() THEN budget_holds.held_micros ELSE 0 END + excluded.held_micros,"
	    " held_tokens = CASE WHEN budget_holds.until > now() THEN budget_holds.held_tokens ELSE 0 END + excluded.held_tokens,"
	    " until = excluded.until" },
	{ "budget_tell",
	    "INSERT INTO budget_told (ws, kind, subject, period, since, level, reached) SELECT $1, $2, $3, $4::int2, $5::text::date, $6::int2, 0"
	    " WHERE NOT EXISTS (SELECT 1 FROM budget_told WHERE ws = $1 AND kind = $2 AND subject = $3 AND period = $4 AND since = $5::text::date"
	    " AND level >= $6) ON CONFLICT DO NOTHING RETURNING 1" },
	{ "budget_reached",
	    "UPDATE budget_told SET reached = $7::int4 WHERE ws = $1 AND kind = $2 AND subject = $3 AND period = $4 AND since = $5::text::date"
	    " AND level = $6" },
	/* The user behind a person, and the nodes above a place, nearest first. */
	{ "budget_payer",
	    "WITH RECURSIVE up AS (SELECT n.ws, n.id, n.parent_id, 1 AS depth FROM places p JOIN nodes n ON n.ws = p.ws AND n.id = p.team_id"
	    " WHERE p.ws = $1 AND p.id = $2 UNION ALL SELECT n.ws, n.id, n.parent_id, up.depth + 1 FROM up JOIN nodes n ON n.ws = up.ws"
	    " AND n.id = up.parent_id WHERE up.depth < 32)"
	    " SELECT u.id, up.id FROM (SELECT coalesce((SELECT coalesce(p.user_id, p.id) FROM people p WHERE p.ws = $1 AND p.id = $3), $3) AS id) u"
	    " LEFT JOIN up ON up.id <> $1 ORDER BY up.depth" },
	{ NULL, NULL },
};

struct budget *budget_new(const struct budget_options *o)
{
	struct budget *b = xcalloc(1, sizeof(*b));
	pthread_mutex_init(&b->mutex, NULL);
	b->purses = map_new();
	b->caps = map_new();
	b->places = map_new();
	b->people = map_new();
	b->o = *o;
	return b;
}

static void purse_free(void *p)
{
	struct purse *u = p;
	pthread_mutex_destroy(&u->refill);
	free(u);
}

static void caps_free(void *p)
{
	struct caps_entry *c = p;
	budget_rows_free(c->rows);
	free(c);
}

void budget_free(struct budget *b)
{
	if (b == NULL)
		return;
	map_free(b->purses, purse_free);
	map_free(b->caps, caps_free);
	map_free(b->places, free);
	map_free(b->people, free);
	pthread_mutex_destroy(&b->mutex);
	free(b);
}

/* ---- what is remembered ---- */

static void make_room(struct map **m, void (*free_value)(void *))
{
	if (map_count(*m) < ENTRIES_MAX)
		return;
	map_free(*m, free_value);
	*m = map_new();
}

#define PURSE_KEY 33
struct list {
	char (*keys)[PURSE_KEY];
	size_t len;
	uint64_t now;
};

static void find_idle(const void *key, size_t n, void *value, void *arg)
{
	const struct purse *u = value;
	struct list *x = arg;
	if (u->users == 0 && u->out.micros == 0 && u->out.tokens == 0 && u->until_ms <= x->now && u->refused_until_ms <= x->now)
		memcpy(x->keys[x->len++], key, n);
}

static void drop_idle_purses(struct budget *b)
{
	struct list x = { .keys = xcalloc(map_count(b->purses) + 1, sizeof *x.keys), .now = clock_ms() };
	map_each(b->purses, find_idle, &x);
	for (size_t i = 0; i < x.len; i++)
		purse_free(map_remove(b->purses, x.keys[i], sizeof x.keys[i]));
	free(x.keys);
}

/* Under the mutex. */
static struct purse *purse(struct budget *b, struct id ws, struct budget_subject s)
{
	char key[PURSE_KEY];
	memcpy(key, ws.b, 16);
	key[16] = (char)s.kind;
	memcpy(key + 17, s.id.b, 16);
	struct purse *u = map_get(b->purses, key, sizeof key);
	if (u == NULL) {
		if (map_count(b->purses) >= ENTRIES_MAX)
			drop_idle_purses(b);
		u = xcalloc(1, sizeof(*u));
		pthread_mutex_init(&u->refill, NULL);
		map_put(b->purses, key, sizeof key, u);
	}
	return u;
}

enum err budget_payer(struct budget *b, struct pg *pg, struct id ws, struct id person, struct id place, struct budget_payer *out)
{
	*out = (struct budget_payer){ .ws = ws };
	uint64_t now = clock_ms();
	pthread_mutex_lock(&b->mutex);
	const struct place_entry *x = id_is_none(place) ? NULL : map_get(b->places, place.b, sizeof(place.b));
	const struct person_entry *u = id_is_none(person) ? NULL : map_get(b->people, person.b, sizeof(person.b));
	bool known =
	    (id_is_none(place) || (x != NULL && x->until_ms > now)) && (id_is_none(person) || (u != NULL && u->until_ms > now));
	if (known && x != NULL) {
		memcpy(out->nodes, x->nodes, sizeof out->nodes);
		out->nodes_len = x->nodes_len;
	}
	if (known && u != NULL)
		out->user = u->user;
	pthread_mutex_unlock(&b->mutex);
	if (known)
		return ERR_NONE;
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, place);
	pg_arg_id(a, person);
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_end(pg, pg_query(pg, "budget_payer", a, &r));
	pg_args_free(a);
	if (e != ERR_NONE) {
		PQclear(r);
		return e;
	}
	out->user = PQgetisnull(r, 0, 0) ? ID_NONE : pg_get_id(r, 0, 0);
	for (int i = 0; i < PQntuples(r) && out->nodes_len < BUDGET_NODES_MAX; i++)
		if (!PQgetisnull(r, i, 1))
			out->nodes[out->nodes_len++] = pg_get_id(r, i, 1);
	PQclear(r);
	pthread_mutex_lock(&b->mutex);
	if (!id_is_none(place)) {
		make_room(&b->places, free);
		struct place_entry *new = xcalloc(1, sizeof *new);
		memcpy(new->nodes, out->nodes, sizeof new->nodes);
		new->nodes_len = out->nodes_len;
		new->until_ms = now + PAYER_MS;
		free(map_put(b->places, place.b, sizeof(place.b), new));
	}
	if (!id_is_none(person)) {
		make_room(&b->people, free);
		struct person_entry *new = xcalloc(1, sizeof *new);
		*new = (struct person_entry){ out->user, now + PAYER_MS };
		free(map_put(b->people, person.b, sizeof(person.b), new));
	}
	pthread_mutex_unlock(&b->mutex);
	return ERR_NONE;
}

struct id budget_team_of(struct budget *b, struct id place)
{
	pthread_mutex_lock(&b->mutex);
	const struct place_entry *x = map_get(b->places, place.b, sizeof(place.b));
	struct id team = x != NULL && x->nodes_len > 0 ? x->nodes[0] : ID_NONE;
	pthread_mutex_unlock(&b->mutex);
	return team;
}

/* The caps of all who pay. */
static enum err caps_of(
    struct budget *b, struct pg *pg, struct id ws, const struct budget_subject *s, size_t n, struct budget_caps *out)
{
	uint64_t now = clock_ms();
	enum err e = ERR_NONE;
	pthread_mutex_lock(&b->mutex);
	struct caps_entry *x = map_get(b->caps, ws.b, sizeof(ws.b));
	if (x == NULL || x->until_ms <= now) {
		pthread_mutex_unlock(&b->mutex);
		struct budget_rows *rows = NULL;
		e = pg_begin(pg, ws);
		if (e == ERR_NONE)
			e = pg_end(pg, budget_rows_load(pg, ws, &rows));
		if (e != ERR_NONE) {
			budget_rows_free(rows);
			return e;
		}
		pthread_mutex_lock(&b->mutex);
		make_room(&b->caps, caps_free);
		struct caps_entry *new = xcalloc(1, sizeof *new), *old;
		*new = (struct caps_entry){ rows, now + CAPS_MS };
		if ((old = map_put(b->caps, ws.b, sizeof(ws.b), new)) != NULL)
			caps_free(old);
		x = new;
	}
	for (size_t i = 0; i < n; i++)
		out[i] = budget_caps_of(x->rows, ws, s[i], &b->o);
	pthread_mutex_unlock(&b->mutex);
	return e;
}

void budget_changed(struct budget *b, struct id ws)
{
	pthread_mutex_lock(&b->mutex);
	struct caps_entry *x = map_remove(b->caps, ws.b, sizeof(ws.b));
	if (x != NULL)
		caps_free(x);
	pthread_mutex_unlock(&b->mutex);
}

/* ---- reserving ---- */

static int64_t tighter(int64_t cap, int64_t own)
{
	return own <= 0 || (cap >= 0 && cap < own) ? cap : own;
}

static void tighten(struct budget_caps *c, const struct budget_amount own[3])
{
	for (enum budget_period p = BUDGET_DAY; p <= BUDGET_MONTH; p++) {
		c->period[p].micros = tighter(c->period[p].micros, own[p].micros);
		c->period[p].tokens = tighter(c->period[p].tokens, own[p].tokens);
	}
}

/* What of ${want} is limited at all: the rest is not held. */
static struct budget_amount limited(const struct budget_caps *c, struct budget_amount want)
{
	bool micros = c->period[BUDGET_DAY].micros >= 0 || c->period[BUDGET_MONTH].micros >= 0;
	bool tokens = c->period[BUDGET_DAY].tokens >= 0 || c->period[BUDGET_MONTH].tokens >= 0;
	return (struct budget_amount){ micros ? want.micros : 0, tokens ? want.tokens : 0 };
}

static bool is_nothing(struct budget_amount a)
{
	return a.micros <= 0 && a.tokens <= 0;
}

/* Under the mutex. */
static bool take(struct purse *u, struct budget_amount want)
{
	if (u->until_ms <= clock_ms() || (want.micros > 0 && u->left.micros < want.micros) ||
	    (want.tokens > 0 && u->left.tokens < want.tokens))
		return false;
	u->left.micros -= want.micros;
	u->left.tokens -= want.tokens;
	u->out.micros += want.micros;
	u->out.tokens += want.tokens;
	return true;
}

/*
 * How much is to be added to our hold in one dimension, of which ${have} is left, so that ${want} fits; as much more as makes it a part worth
 * having.  -1: ${period} has no room for it.
 */
static int64_t room_for(
    const struct budget_caps *c, const struct budget_use *u, bool tokens, int64_t have, int64_t want, enum budget_period *period)
{
	int64_t room = INT64_MAX, part = INT64_MAX, need = want - have;
	if (want <= 0 || need <= 0)
		return 0;
	for (enum budget_period p = BUDGET_DAY; p <= BUDGET_MONTH; p++) {
		int64_t cap = tokens ? c->period[p].tokens : c->period[p].micros;
		if (cap < 0)
			continue;
		int64_t here = cap -
		    (tokens ? u->spent[p].tokens + u->others.tokens + u->mine.tokens
		            : u->spent[p].micros + u->others.micros + u->mine.micros);
		if (here < need)
			*period = p; /* the month's comes back later, so it is the one to name */
		room = here < room ? here : room;
		part = cap / PARTS < part ? cap / PARTS : part;
	}
	if (room < need)
		return -1;
	int64_t add = part - have > need ? part - have : need;
	return room < add ? room : add;
}

static int level_of(int64_t used, int64_t cap)
{
	if (cap <= 0)
		return 0; /* nothing was to be spent: no news */
	return used >= cap ? 100 : used >= cap - cap / 5 ? 80 : used >= cap / 2 ? 50 : 0;
}

struct refill {
	struct budget *b;
	struct id ws;
	struct budget_subject s;
	struct budget_caps caps;
	struct budget_use use;
	struct budget_amount have, want, added;
	struct budget_refusal why;
	bool refused, used_up; /* used_up: what is held by others changes nothing about it */
	struct budget_level levels[2];
	int reached[2];
	size_t levels_len;
};

static void arg_subject(struct pg_args *a, const struct refill *x)
{
	pg_args_reset(a);
	pg_arg_id(a, x->ws);
	pg_arg_int2(a, (int16_t)x->s.kind);
	pg_arg_id(a, x->s.id);
}

static enum err tell(struct refill *x, struct pg *pg, struct pg_args *a, struct budget_level *l)
{
	PGresult *r = NULL;
	arg_subject(a, x);
	pg_arg_int2(a, (int16_t)l->cap.period);
	pg_arg_str(a, l->since);
	pg_arg_int2(a, (int16_t)l->percent);
	enum err e = pg_query(pg, "budget_tell", a, &r);
	bool first = e == ERR_NONE && PQntuples(r) == 1;
	PQclear(r);
	if (!first)
		return e;
	int reached = 0;
	if (x->b->o.tell != NULL)
		e = x->b->o.tell(x->b->o.arg, pg, l, &reached);
	if (e == ERR_NONE && reached > 0) {
		r = NULL;
		pg_arg_int4(a, reached);
		e = pg_query(pg, "budget_reached", a, &r);
		PQclear(r);
	}
	x->reached[x->levels_len] = reached;
	x->levels[x->levels_len++] = *l; /* also when it failed: told() hears of it */
	return e;
}

/* The highest mark that each period has passed, unless it was told; ${u}: what this process remembers of that. */
static enum err tell_levels(struct refill *x, struct purse *u, struct pg *pg, struct pg_args *a)
{
	enum err e = ERR_NONE;
	for (enum budget_period p = BUDGET_DAY; p <= BUDGET_MONTH && e == ERR_NONE; p++) {
		struct budget_level l = { .ws = x->ws,
			.cap = { x->s.kind, p, false, x->s.id, x->caps.period[p].micros },
			.used = x->use.spent[p].micros };
		l.percent = level_of(l.used, l.cap.cap);
		int by_tokens = level_of(x->use.spent[p].tokens, x->caps.period[p].tokens);
		if (by_tokens > l.percent) {
			l.percent = by_tokens;
			l.used = x->use.spent[p].tokens;
			l.cap.tokens = true;
			l.cap.cap = x->caps.period[p].tokens;
		}
		if (x->used_up && x->why.period == p && x->why.cap > 0) {
			l.cap = x->why;
			l.used = x->why.tokens ? x->use.spent[p].tokens : x->use.spent[p].micros;
			l.percent = 100;
		} else if (l.percent == 100) {
			l.percent = 80; /* nobody was refused yet */
		}
		memcpy(l.since, x->use.since[p], sizeof l.since);
		bool new_period = strcmp(u->since[p], l.since) != 0;
		if (l.percent > 0 && (new_period || l.percent > u->level[p]))
			e = tell(x, pg, a, &l);
		if (e == ERR_NONE) {
			u->level[p] = new_period || l.percent > u->level[p] ? l.percent : u->level[p];
			memcpy(u->since[p], l.since, sizeof l.since);
		}
	}
	return e;
}

/* Inside a tenant transaction. */
static enum err extend(struct refill *x, struct purse *u, struct pg *pg)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	arg_subject(a, x);
	enum err e = pg_query(pg, "budget_lock", a, &r);
	PQclear(r);
	if (e == ERR_NONE)
		e = budget_use(pg, x->ws, x->s, x->b->o.process, &x->use);
	if (e == ERR_NONE) {
		enum budget_period period = BUDGET_DAY;
		if (!x->use.holds) /* ours has ended */
			x->have = (struct budget_amount){ 0, 0 };
		x->added.micros = room_for(&x->caps, &x->use, false, x->have.micros, x->want.micros, &period);
		x->added.tokens =
		    x->added.micros < 0 ? 0 : room_for(&x->caps, &x->use, true, x->have.tokens, x->want.tokens, &period);
		x->refused = x->added.micros < 0 || x->added.tokens < 0;
		bool tokens = x->added.tokens < 0;
		x->why = (struct budget_refusal){ x->s.kind, period, tokens, x->s.id,
			tokens ? x->caps.period[period].tokens : x->caps.period[period].micros };
		x->used_up = x->refused &&
		    (tokens ? x->use.spent[period].tokens + x->want.tokens : x->use.spent[period].micros + x->want.micros) >
		        x->why.cap;
	}
	if (e == ERR_NONE && !x->refused) {
		arg_subject(a, x);
		pg_arg_id(a, x->b->o.process);
		pg_arg_int8(a, x->added.micros);
		pg_arg_int8(a, x->added.tokens);
		pg_arg_int8(a, (int64_t)HOLD_MS);
		r = NULL;
		e = pg_query(pg, "budget_hold", a, &r);
		PQclear(r);
	}
	if (e == ERR_NONE)
		e = tell_levels(x, u, pg, a);
	pg_args_free(a);
	return e;
}

static enum budget_answer refill(struct budget *b, struct pg *pg, struct purse *u, struct refill *x)
{
	uint64_t asked = clock_ms();
	int level[3];
	memcpy(level, u->level, sizeof level);
	pthread_mutex_lock(&b->mutex);
	x->have = u->left;
	pthread_mutex_unlock(&b->mutex);
	enum err e = pg_begin(pg, x->ws);
	if (e == ERR_NONE)
		e = pg_end(pg, extend(x, u, pg));
	for (size_t i = 0; i < x->levels_len && b->o.tell != NULL; i++)
		b->o.told(b->o.arg, &x->levels[i], e == ERR_NONE);
	if (e != ERR_NONE) {
		memcpy(u->level, level, sizeof level);
		return BUDGET_AWAY;
	}
	for (size_t i = 0; i < x->levels_len; i++) {
		char subject[ID_TEXT];
		id_format(x->levels[i].cap.subject, subject);
		log_warn("budget.level", LF_ID("ws", x->ws), LF_INT("kind", x->s.kind), LF_STR("subject", subject),
		    LF_STR("period", x->levels[i].cap.period == BUDGET_DAY ? "day" : "month"),
		    LF_INT("percent", x->levels[i].percent), LF_INT("told", x->reached[i]),
		    LF_STR("result", x->levels[i].percent == 100 ? "used up" : "goes on"));
	}
	pthread_mutex_lock(&b->mutex);
	if (x->refused) {
		u->refused = x->want;
		u->refused_until_ms = clock_ms() + REFUSED_MS;
		u->why = x->why;
	} else {
		if (!x->use.holds)
			u->left = u->out = (struct budget_amount){ 0, 0 };
		u->left.micros += x->added.micros;
		u->left.tokens += x->added.tokens;
		u->until_ms = asked + USE_MS;
	}
	pthread_mutex_unlock(&b->mutex);
	return x->refused ? BUDGET_SPENT : BUDGET_OK;
}

/* Under the mutex: nothing has changed since this much was refused. */
static bool is_refused(const struct purse *u, struct budget_amount want)
{
	return u->refused_until_ms > clock_ms() && want.micros >= u->refused.micros && want.tokens >= u->refused.tokens;
}

static enum budget_answer reserve_of(struct budget *b, struct pg *pg, struct id ws, struct budget_subject s,
    const struct budget_caps *caps, struct budget_amount want, struct budget_refusal *why)
{
	want = limited(caps, want);
	if (is_nothing(want))
		return BUDGET_OK;
	pthread_mutex_lock(&b->mutex);
	struct purse *u = purse(b, ws, s);
	bool done = take(u, want), refused = !done && is_refused(u, want);
	if (refused)
		*why = u->why;
	u->users++;
	pthread_mutex_unlock(&b->mutex);
	enum budget_answer answer = refused ? BUDGET_SPENT : BUDGET_OK;
	if (!done && !refused) {
		pthread_mutex_lock(&u->refill);
		for (int i = 0; !done && answer == BUDGET_OK; i++) { /* others may take meanwhile what was left */
			pthread_mutex_lock(&b->mutex);
			done = take(u, want);
			pthread_mutex_unlock(&b->mutex);
			struct refill x = { .b = b, .ws = ws, .s = s, .caps = *caps, .want = want };
			if (!done)
				answer = i < REFILLS ? refill(b, pg, u, &x) : BUDGET_AWAY;
			if (answer == BUDGET_SPENT)
				*why = x.why;
		}
		pthread_mutex_unlock(&u->refill);
	}
	pthread_mutex_lock(&b->mutex);
	u->users--;
	pthread_mutex_unlock(&b->mutex);
	return answer;
}

static void settle_of(
    struct budget *b, struct id ws, struct budget_subject s, struct budget_amount reserved, struct budget_amount spent)
{
	struct purse *u = purse(b, ws, s);
	if (u->out.micros == 0 && u->out.tokens == 0)
		return; /* it was not limited, or its hold has ended */
	/* What was reserved from an earlier hold is not given back to this one. */
	int64_t micros = reserved.micros < u->out.micros ? reserved.micros : u->out.micros;
	int64_t tokens = reserved.tokens < u->out.tokens ? reserved.tokens : u->out.tokens;
	u->out.micros -= micros;
	u->out.tokens -= tokens;
	u->left.micros += micros - (micros > 0 ? spent.micros : 0);
	u->left.tokens += tokens - (tokens > 0 ? spent.tokens : 0);
	u->refused_until_ms = 0;
}

enum budget_answer budget_reserve(
    struct budget *b, struct pg *pg, const struct budget_payer *p, struct budget_amount want, struct budget_refusal *why)
{
	struct budget_subject s[BUDGET_PAYERS_MAX];
	struct budget_caps caps[BUDGET_PAYERS_MAX];
	size_t n = budget_subjects(p, s);
	if (is_nothing(want))
		return BUDGET_OK;
	if (caps_of(b, pg, p->ws, s, n, caps) != ERR_NONE)
		return BUDGET_AWAY;
	for (size_t k = 0; k < n; k++) {
		if (s[k].kind == BUDGET_PERSON)
			tighten(&caps[k], p->person_cap);
		else if (s[k].kind == BUDGET_NODE && id_equal(s[k].id, p->nodes[0]))
			tighten(&caps[k], p->team_cap);
	}
	enum budget_answer answer = BUDGET_OK;
	size_t i = 0;
	for (; i < n && answer == BUDGET_OK; i++)
		answer = reserve_of(b, pg, p->ws, s[i], &caps[i], want, why);
	if (answer != BUDGET_OK) { /* those who had room get it back */
		pthread_mutex_lock(&b->mutex);
		for (size_t k = 0; k + 1 < i; k++)
			settle_of(b, p->ws, s[k], limited(&caps[k], want), (struct budget_amount){ 0, 0 });
		pthread_mutex_unlock(&b->mutex);
	}
	return answer;
}

void budget_settle(struct budget *b, const struct budget_payer *p, struct budget_amount reserved, struct budget_amount spent)
{
	struct budget_subject s[BUDGET_PAYERS_MAX];
	if (is_nothing(reserved))
		return;
	size_t n = budget_subjects(p, s);
	pthread_mutex_lock(&b->mutex);
	for (size_t i = 0; i < n; i++)
		settle_of(b, p->ws, s[i], reserved, spent);
	pthread_mutex_unlock(&b->mutex);
}
