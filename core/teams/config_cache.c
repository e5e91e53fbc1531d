/*
 * A table of places under one mutex.  A generation, raised by every announcement, makes all of it old at once: changes are rare, and reading
 * anew costs a query per place and two per team in use.  What was read while an announcement came in carries the generation from before, so it is old too.
 */
#include "config_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/json.h"
#include "../base/map.h"
#include "../base/mem.h"
#include "../store/listen.h"
#include "config_store.h"
#include "refuse.h"

#define PLACES_MAX 20000
#define KEPT_MS 60000 /* while changes are heard of */
#define DEAF_MS 1000

const struct pg_statement config_cache_statements[] = {
	{ "config_team", /* of a place; of what was archived: the organisation */
	    "SELECT coalesce((SELECT n.id FROM places p JOIN nodes n ON n.ws = p.ws AND n.id = p.team_id WHERE p.ws = $1 AND p.id = $2"
	    " AND n.archived_at IS NULL), $1::uuid)" },
	{ "config_said",
	    "SELECT EXISTS (SELECT 1 FROM node_configs WHERE ws = $1 AND layer < 6 AND (doc->'set' ? $2 OR doc->'bounds' ? $2))" },
	{ "config_person", /* whose preferences count, and whether there are any */
	    "SELECT u.id, EXISTS (SELECT 1 FROM node_configs c WHERE c.ws = $1 AND c.layer = 6 AND c.subject = u.id) FROM (SELECT coalesce((SELECT"
	    " coalesce(p.user_id, p.id) FROM people p WHERE p.ws = $1 AND p.id = $2), $2) AS id) u" },
	{ "config_snapshot", "INSERT INTO config_snapshots (ws, id, doc) VALUES ($1, $2, $3::text::jsonb) ON CONFLICT DO NOTHING" },
	{ "config_run",
	    "SELECT c.id, c.doc::text FROM runs r JOIN config_snapshots c ON c.ws = r.ws AND c.id = r.config_id WHERE r.ws = $1 AND r.id = $2" },
	{ NULL, NULL },
};

struct entry {
	struct config *config; /* NULL: ${user} is what was asked for */
	struct id user;        /* whose preferences count; none: there are none */
	bool capped;           /* of a workspace: somebody has said limits.concurrent or runtime.mode */
	unsigned generation;
	uint64_t until_ms;
};
struct config_cache {
	pthread_mutex_t mutex;
	struct map *places;
	atomic_uint generation;
	struct listener *listener;
};

/* ---- one ---- */

/* Takes ${values}. */
static struct config *make(struct id id, struct id team, json_t *values)
{
	struct config *c = xcalloc(1, sizeof *c);
	const json_t *languages = json_object_get(values, "search.languages");
	c->id = id;
	c->team = team;
	c->values = values;
	c->languages_len = json_array_size(languages);
	c->languages = xcalloc(c->languages_len + 1, sizeof *c->languages);
	for (size_t i = 0; i < c->languages_len; i++)
		c->languages[i] = json_string_value(json_array_get(languages, i));
	atomic_store(&c->uses, 1);
	return c;
}

struct config *config_keep(struct config *c)
{
	if (c != NULL)
		atomic_fetch_add(&c->uses, 1);
	return c;
}

void config_release(struct config *c)
{
	if (c == NULL || atomic_fetch_sub(&c->uses, 1) != 1)
		return;
	json_decref((json_t *)(uintptr_t)c->values);
	free(c->languages);
	free(c);
}

int64_t config_int(const struct config *c, const char *key)
{
	const json_t *v = json_object_get(c->values, key);
	const struct config_key *k = v == NULL ? config_key(key) : NULL;
	return k != NULL ? strtoll(k->fallback, NULL, 10) : json_integer_value(v);
}

bool config_bool(const struct config *c, const char *key)
{
	const json_t *v = json_object_get(c->values, key);
	const struct config_key *k = v == NULL ? config_key(key) : NULL;
	return k != NULL ? strcmp(k->fallback, "true") == 0 : json_is_true(v);
}

const char *config_str(const struct config *c, const char *key)
{
	return json_str(c->values, key, "");
}

const json_t *config_map(const struct config *c, const char *key)
{
	return json_object_get(c->values, key);
}

/* ---- all ---- */

struct config_cache *config_cache_new(void)
{
	struct config_cache *c = xcalloc(1, sizeof *c);
	pthread_mutex_init(&c->mutex, NULL);
	c->places = map_new();
	return c;
}

static void heard(void *arg)
{
	atomic_fetch_add(&((struct config_cache *)arg)->generation, 1);
}

void config_cache_listen(struct config_cache *c, const char *url)
{
	if (c->listener == NULL)
		c->listener = listener_new(url, "eddy_config", heard, c);
}

unsigned config_cache_generation(const struct config_cache *c)
{
	return atomic_load(&c->generation);
}

unsigned config_cache_lasts_ms(const struct config_cache *c)
{
	return listener_live(c->listener) ? KEPT_MS : DEAF_MS;
}

static void free_entry(void *p)
{
	config_release(((struct entry *)p)->config);
	free(p);
}

void config_cache_free(struct config_cache *c)
{
	if (c == NULL)
		return;
	listener_free(c->listener);
	map_free(c->places, free_entry);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

/* A place, a node, or with ${person} a node as somebody sees it; ${node} ANYWHERE: who somebody is. */
struct key {
	struct id ws, node, person;
};
static const struct id ANYWHERE = { .b = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	                                0xff } };

/* Under the mutex; NULL: not there, or not as it is now. */
static const struct entry *current(struct config_cache *c, const struct key *k)
{
	const struct entry *x = map_get(c->places, k, sizeof *k);
	return x != NULL && x->generation == atomic_load(&c->generation) && x->until_ms > clock_ms() ? x : NULL;
}

static bool look(struct config_cache *c, const struct key *k, struct config **config, struct id *user)
{
	pthread_mutex_lock(&c->mutex);
	const struct entry *x = current(c, k);
	if (x != NULL && config != NULL)
		*config = config_keep(x->config);
	if (x != NULL && user != NULL)
		*user = x->user;
	pthread_mutex_unlock(&c->mutex);
	return x != NULL;
}

static void store(struct config_cache *c, const struct key *k, const struct entry *what, unsigned generation)
{
	struct entry *x = xcalloc(1, sizeof *x);
	*x = *what;
	config_keep(x->config);
	x->generation = generation;
	x->until_ms = clock_ms() + config_cache_lasts_ms(c);
	pthread_mutex_lock(&c->mutex);
	if (map_count(c->places) >= PLACES_MAX) {
		map_free(c->places, free_entry);
		c->places = map_new();
	}
	struct entry *was = map_put(c->places, k, sizeof *k, x);
	pthread_mutex_unlock(&c->mutex);
	if (was != NULL)
		free_entry(was);
}

static enum err ask(struct pg *pg, const char *statement, struct id ws, struct id subject, PGresult **out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, subject);
	return pg_ask(pg, statement, a, out);
}

static enum err load(struct pg *pg, const struct key *k, struct config **out)
{
	json_t *merged = NULL;
	enum err e = config_effective(pg, k->ws, k->node, k->person, &merged);
	if (e != ERR_NONE)
		return e;
	json_t *values = json_incref(json_object_get(merged, "values"));
	char *text = json_dumps(values, JSON_COMPACT | JSON_SORT_KEYS);
	struct id id = id_named(k->ws, 0, text, strlen(text));
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, k->ws);
	pg_arg_id(a, id);
	pg_arg_str(a, text);
	e = pg_ask(pg, "config_snapshot", a, NULL);
	free(text);
	json_decref(merged);
	if (e == ERR_NONE)
		*out = make(id, k->node, values);
	else
		json_decref(values);
	return e;
}

static enum err of_node(struct config_cache *c, struct pg *pg, const struct key *k, struct config **out)
{
	unsigned generation = atomic_load(&c->generation);
	*out = NULL;
	if (look(c, k, out, NULL) || pg == NULL)
		return ERR_NONE;
	enum err e = load(pg, k, out);
	if (e == ERR_NONE)
		store(c, k, &(struct entry){ .config = *out }, generation);
	return e;
}

enum err config_cache_node(struct config_cache *c, struct pg *pg, struct id ws, struct id node, struct config **out)
{
	return of_node(c, pg, &(struct key){ ws, node, ID_NONE }, out);
}

static enum err of_place(struct config_cache *c, struct pg *pg, struct id ws, struct id place, struct config **out)
{
	const struct key k = { ws, place, ID_NONE };
	unsigned generation = atomic_load(&c->generation);
	PGresult *r = NULL;
	*out = NULL;
	if (look(c, &k, out, NULL) || pg == NULL)
		return ERR_NONE;
	enum err e = ask(pg, "config_team", ws, place, &r);
	if (e == ERR_NONE) /* under the team's own id, for all places of it */
		e = config_cache_node(c, pg, ws, pg_get_id(r, 0, 0), out);
	PQclear(r);
	if (e == ERR_NONE)
		store(c, &k, &(struct entry){ .config = *out }, generation);
	return e;
}

/* ${known} false: not in memory, and there is no ${pg}. */
static enum err user_of(struct config_cache *c, struct pg *pg, struct id ws, struct id person, struct id *user, bool *known)
{
	const struct key k = { ws, ANYWHERE, person };
	unsigned generation = atomic_load(&c->generation);
	PGresult *r = NULL;
	*known = look(c, &k, NULL, user);
	if (*known || pg == NULL)
		return ERR_NONE;
	enum err e = ask(pg, "config_person", ws, person, &r);
	if (e == ERR_NONE) {
		*user = pg_get_bool(r, 0, 1) ? pg_get_id(r, 0, 0) : ID_NONE;
		*known = true;
		store(c, &k, &(struct entry){ .user = *user }, generation);
	}
	PQclear(r);
	return e;
}

enum err config_cache_get(
    struct config_cache *c, struct pg *pg, struct id ws, struct id place, struct id person, struct config **out)
{
	struct id user = ID_NONE;
	bool known = true;
	*out = NULL;
	enum err e = id_is_none(person) ? ERR_NONE : user_of(c, pg, ws, person, &user, &known);
	if (e != ERR_NONE || !known || (e = of_place(c, pg, ws, place, out)) != ERR_NONE || *out == NULL || id_is_none(user))
		return e;
	struct config *team = *out; /* most people have no preferences: then it is the team's */
	e = of_node(c, pg, &(struct key){ ws, team->team, user }, out);
	config_release(team);
	return e;
}

/* ---- how many at a time ---- */

#define CAP_KEY "limits.concurrent"
#define MODE_KEY "runtime.mode"

enum err config_said(struct pg *pg, struct id ws, const char *key, bool *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_str(a, key);
	enum err e = pg_ask(pg, "config_said", a, &r);
	*out = e == ERR_NONE && pg_get_bool(r, 0, 0);
	PQclear(r);
	return e;
}

enum config_cap config_cache_cap(struct config_cache *c, struct id ws, struct id place, struct config_turn *out)
{
	enum config_cap cap = CAP_UNKNOWN;
	pthread_mutex_lock(&c->mutex);
	struct entry *all = map_get(c->places, &(struct key){ ws, ANYWHERE, ID_NONE }, sizeof(struct key));
	if (all != NULL && all->generation != atomic_load(&c->generation))
		all = NULL;
	if (all != NULL && all->until_ms <= clock_ms()) { /* one looks again, the others go on meanwhile */
		all->until_ms = clock_ms() + DEAF_MS;
		all = NULL;
	}
	const struct entry *x = all != NULL && all->capped ? current(c, &(struct key){ ws, place, ID_NONE }) : NULL;
	if (all != NULL && !all->capped) {
		cap = CAP_NONE;
	} else if (x != NULL) {
		cap = CAP_SET;
		*out = (struct config_turn){ x->config->team, config_int(x->config, CAP_KEY),
			strcmp(config_str(x->config, MODE_KEY), "dedicated") == 0 };
	}
	pthread_mutex_unlock(&c->mutex);
	return cap;
}

enum err config_cache_learn_cap(struct config_cache *c, struct pg *pg, struct id ws, struct id place)
{
	unsigned generation = atomic_load(&c->generation);
	bool capped = false;
	struct config *config = NULL;
	enum err e = config_said(pg, ws, CAP_KEY, &capped);
	if (e == ERR_NONE && !capped)
		e = config_said(pg, ws, MODE_KEY, &capped);
	if (e == ERR_NONE && capped)
		e = of_place(c, pg, ws, place, &config);
	config_release(config);
	if (e == ERR_NONE)
		store(c, &(struct key){ ws, ANYWHERE, ID_NONE }, &(struct entry){ .capped = capped }, generation);
	return e;
}

enum err config_of_run(struct pg *pg, struct id ws, struct id run, struct config **out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	json_t *values = NULL;
	*out = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, run);
	enum err e = pg_ask(pg, "config_run", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		const char *text = pg_get_str(r, 0, 1);
		if (json_parse(text, strlen(text), 1u << 20, &values, NULL) == ERR_NONE)
			*out = make(pg_get_id(r, 0, 0), ID_NONE, values);
	}
	PQclear(r);
	return e;
}
