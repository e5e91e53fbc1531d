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
	{ "config_snapshot", "INSERT INTO config_snapshots (ws, id, doc) VALUES ($1, $2, $3::text::jsonb) ON CONFLICT DO NOTHING" },
	{ "config_run",
	    "SELECT c.id, c.doc::text FROM runs r JOIN config_snapshots c ON c.ws = r.ws AND c.id = r.config_id WHERE r.ws = $1 AND r.id = $2" },
	{ NULL, NULL },
};

struct entry {
	struct config *config;
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
	return json_int(c->values, key, 0);
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

struct key {
	struct id ws, place;
};

static struct config *look(struct config_cache *c, const struct key *k)
{
	struct config *out = NULL;
	pthread_mutex_lock(&c->mutex);
	const struct entry *x = map_get(c->places, k, sizeof *k);
	if (x != NULL && x->generation == atomic_load(&c->generation) && x->until_ms > clock_ms())
		out = config_keep(x->config);
	pthread_mutex_unlock(&c->mutex);
	return out;
}

static void store(struct config_cache *c, const struct key *k, struct config *config, unsigned generation)
{
	struct entry *x = xcalloc(1, sizeof *x);
	*x = (struct entry){ config_keep(config), generation, clock_ms() + (listener_live(c->listener) ? KEPT_MS : DEAF_MS) };
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

static enum err team_of(struct pg *pg, const struct key *k, struct id *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, k->ws);
	pg_arg_id(a, k->place);
	enum err e = team_ask(pg, "config_team", a, &r);
	if (e == ERR_NONE)
		*out = pg_get_id(r, 0, 0);
	PQclear(r);
	return e;
}

static enum err load(struct pg *pg, const struct key *k, struct config **out)
{
	json_t *merged = NULL;
	const struct id team = k->place;
	enum err e = config_effective(pg, k->ws, team, ID_NONE, &merged);
	if (e != ERR_NONE)
		return e;
	json_t *values = json_incref(json_object_get(merged, "values"));
	char *text = json_dumps(values, JSON_COMPACT | JSON_SORT_KEYS);
	struct id id = id_named(k->ws, 0, text, strlen(text));
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, k->ws);
	pg_arg_id(a, id);
	pg_arg_str(a, text);
	e = team_ask(pg, "config_snapshot", a, NULL);
	free(text);
	json_decref(merged);
	if (e == ERR_NONE)
		*out = make(id, team, values);
	else
		json_decref(values);
	return e;
}

enum err config_cache_get(struct config_cache *c, struct pg *pg, struct id ws, struct id place, struct config **out)
{
	const struct key k = { ws, place };
	unsigned generation = atomic_load(&c->generation);
	*out = look(c, &k);
	if (*out != NULL || pg == NULL)
		return ERR_NONE;
	struct key team = k; /* under its own id, for all places of it */
	enum err e = team_of(pg, &k, &team.place);
	if (e == ERR_NONE && (*out = look(c, &team)) == NULL) {
		e = load(pg, &team, out);
		if (e == ERR_NONE)
			store(c, &team, *out, generation);
	}
	if (e == ERR_NONE)
		store(c, &k, *out, generation);
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
	enum err e = team_ask(pg, "config_run", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		const char *text = pg_get_str(r, 0, 1);
		if (json_parse(text, strlen(text), 1u << 20, &values, NULL) == ERR_NONE)
			*out = make(pg_get_id(r, 0, 0), ID_NONE, values);
	}
	PQclear(r);
	return e;
}
