#include "call_rules.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/json.h"
#include "../base/map.h"
#include "../base/mem.h"
#include "../teams/config_store.h"

#define ENTRIES_MAX 20000 /* then it starts anew */

static const char *const keys[] = { "limits.person_calls", "limits.team_calls", "limits.workspace_calls" };
enum { KEYS = sizeof keys / sizeof *keys };

/* Of a node, or with none of the workspace: whether anybody has said anything. */
struct where {
	struct id ws, node;
};
struct entry {
	int64_t most[KEYS];
	bool said;
	unsigned generation;
	uint64_t until_ms;
};
struct call_rules {
	pthread_mutex_t mutex;
	struct map *entries;
};

struct call_rules *call_rules_new(void)
{
	struct call_rules *c = xcalloc(1, sizeof *c);
	pthread_mutex_init(&c->mutex, NULL);
	c->entries = map_new();
	return c;
}

void call_rules_free(struct call_rules *c)
{
	if (c == NULL)
		return;
	map_free(c->entries, free);
	pthread_mutex_destroy(&c->mutex);
	free(c);
}

static bool look(struct call_rules *c, const struct config_cache *changes, const struct where *k, struct entry *out)
{
	pthread_mutex_lock(&c->mutex);
	const struct entry *x = map_get(c->entries, k, sizeof *k);
	bool there = x != NULL && x->generation == config_cache_generation(changes) && x->until_ms > clock_ms();
	if (there)
		*out = *x;
	pthread_mutex_unlock(&c->mutex);
	return there;
}

static void keep(struct call_rules *c, const struct config_cache *changes, const struct where *k, const struct entry *what)
{
	struct entry *x = xmalloc(sizeof *x);
	*x = *what;
	x->until_ms = clock_ms() + config_cache_lasts_ms(changes);
	pthread_mutex_lock(&c->mutex);
	if (map_count(c->entries) >= ENTRIES_MAX) {
		map_free(c->entries, free);
		c->entries = map_new();
	}
	free(map_put(c->entries, k, sizeof *k, x));
	pthread_mutex_unlock(&c->mutex);
}

static enum err ask_said(struct pg *pg, struct id ws, bool *said)
{
	enum err e = ERR_NONE;
	*said = false;
	for (int i = 0; i < KEYS && e == ERR_NONE && !*said; i++)
		e = config_said(pg, ws, keys[i], said);
	return e;
}

static enum err ask_node(struct pg *pg, const struct where *k, struct entry *out)
{
	json_t *merged = NULL;
	enum err e = config_effective(pg, k->ws, k->node, ID_NONE, &merged);
	const json_t *values = json_object_get(merged, "values");
	for (int i = 0; i < KEYS && e == ERR_NONE; i++)
		out->most[i] = json_int(values, keys[i], out->most[i]);
	json_decref(merged);
	return e;
}

struct quota_rules call_rules_of(
    struct call_rules *c, const struct config_cache *changes, struct pg *pg, struct id ws, struct id node, const struct settings *s)
{
	const struct where all = { ws, ID_NONE }, here = { ws, node };
	/* Read before the rows are: what changes meanwhile makes it old. */
	struct entry x, plain = { .generation = config_cache_generation(changes) };
	enum err e = ERR_NONE;
	for (int i = 0; i < KEYS; i++)
		plain.most[i] = settings_int(s, keys[i]);
	if (!look(c, changes, &all, &x)) {
		x = plain;
		e = ask_said(pg, ws, &x.said);
		if (e == ERR_NONE)
			keep(c, changes, &all, &x);
	}
	if (e == ERR_NONE && x.said && !look(c, changes, &here, &x)) {
		x = plain;
		e = ask_node(pg, &here, &x);
		if (e == ERR_NONE)
			keep(c, changes, &here, &x);
	}
	const struct entry *holds = e == ERR_NONE ? &x : &plain;
	return (struct quota_rules){ bucket_per_minute(holds->most[0], 0), bucket_per_minute(holds->most[1], 0),
		bucket_per_minute(holds->most[2], 0) };
}
