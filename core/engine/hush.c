/*
 * The sealed secrets of each workspace, for the filter (core/talk/never.h): opened one after the other, digested and overwritten.  Kept until somebody announces a change, or for a
 * minute; looked at once for each run, and asked of the database only when they are not there.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../store/seal.h"
#include "../talk/never.h"
#include "../teams/config_cache.h"
#include "engine_internal.h"

#define WORKSPACES_MAX 20000
#define WARM_MAX 1000

struct entry {
	struct never *never;
	unsigned generation;
	uint64_t until_ms;
};
struct hush {
	pthread_mutex_t mutex;
	struct map *entries;
	unsigned char *key; /* in locked memory; another one in each process */
};

struct hush *hush_new(void)
{
	struct hush *h = xcalloc(1, sizeof(*h));
	pthread_mutex_init(&h->mutex, NULL);
	h->entries = map_new();
	h->key = sodium_malloc(NEVER_KEY);
	if (h->key == NULL)
		abort();
	random_bytes(h->key, NEVER_KEY);
	return h;
}

static void free_entry(void *p)
{
	never_release(((struct entry *)p)->never);
	free(p);
}

void hush_free(struct hush *h)
{
	if (h == NULL)
		return;
	map_free(h->entries, free_entry);
	pthread_mutex_destroy(&h->mutex);
	sodium_free(h->key);
	free(h);
}

static struct never *look(struct engine *e, struct id ws, bool old_too)
{
	struct never *out = NULL;
	pthread_mutex_lock(&e->hush->mutex);
	const struct entry *x = map_get(e->hush->entries, ws.b, sizeof(ws.b));
	if (x != NULL && (old_too || (x->generation == config_cache_generation(e->configs) && x->until_ms > clock_ms())))
		out = never_keep(x->never);
	pthread_mutex_unlock(&e->hush->mutex);
	return out;
}

static void store(struct engine *e, struct id ws, struct never *v, unsigned generation)
{
	struct hush *h = e->hush;
	struct entry *x = xcalloc(1, sizeof(*x));
	*x = (struct entry){ never_keep(v), generation, clock_ms() + config_cache_lasts_ms(e->configs) };
	pthread_mutex_lock(&h->mutex);
	if (map_count(h->entries) >= WORKSPACES_MAX) {
		map_free(h->entries, free_entry);
		h->entries = map_new();
	}
	struct entry *was = map_put(h->entries, ws.b, sizeof(ws.b), x);
	pthread_mutex_unlock(&h->mutex);
	if (was != NULL)
		free_entry(was);
}

static void add(void *arg, const char *value, size_t n)
{
	never_add(arg, value, n);
}

static enum err load(struct engine *e, struct pg *pg, struct id ws, struct never *v)
{
	int lost = 0;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, secret_each(e->seal, pg, ws, add, v, &lost));
	if (err == ERR_NONE && lost > 0)
		log_warn("speak.secrets", LF_ID("ws", ws), LF_INT("lost", lost),
		    LF_STR("result", "these cannot be opened, so nobody knows what must not be said"));
	return err;
}

enum err hush_get(struct engine *e, struct pg *pg, struct id ws, struct never **out)
{
	*out = NULL;
	if (e->hush == NULL || (*out = look(e, ws, false)) != NULL)
		return ERR_NONE;
	unsigned generation = config_cache_generation(e->configs);
	struct never *v = never_new(e->hush->key);
	enum err err = load(e, pg, ws, v);
	if (err == ERR_NONE) {
		store(e, ws, v, generation);
		*out = v;
	} else {
		never_release(v);
	}
	return err;
}

struct never *hush_held(struct engine *e, struct id ws)
{
	return e->hush == NULL ? NULL : look(e, ws, true);
}

enum err hush_warm(struct engine *e)
{
	PGresult *r = NULL;
	if (e->hush == NULL)
		return ERR_NONE;
	enum err err = pg_query(e->side, "upkeep_tenants", NULL, &r);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r) && i < WARM_MAX; i++) {
		struct never *v = NULL;
		err = hush_get(e, e->side, pg_get_id(r, i, 0), &v);
		never_release(v);
	}
	PQclear(r);
	return err;
}
