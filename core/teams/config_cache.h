#ifndef EDDY_TEAMS_CONFIG_CACHE_H
#define EDDY_TEAMS_CONFIG_CACHE_H

#include <jansson.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "../base/err.h"
#include "../base/id.h"
#include "../store/pg.h"

/*
 * The settings that hold in a place, in memory: what a run begins with and keeps.  Never changed after it was made, shared, counted.
 */
struct config {
	struct id id; /* made from the content; names a row of config_snapshots */
	struct id team;
	const json_t *values;
	const char **languages; /* search.languages */
	size_t languages_len;
	atomic_uint uses;
};
/** What an older version has stored may lack a key: then its default. */
int64_t config_int(const struct config *c, const char *key);
bool config_bool(const struct config *c, const char *key);
const char *config_str(const struct config *c, const char *key); /* never NULL */
const json_t *config_map(const struct config *c, const char *key);
struct config *config_keep(struct config *c);
void config_release(struct config *c); /* NULL is fine */

extern const struct pg_statement config_cache_statements[];
struct config_cache;
/** A connection of its own to ${url} hears of changes (NULL: it does not, and what it has is looked up again after a second). */
struct config_cache *config_cache_new(void);
void config_cache_listen(struct config_cache *c, const char *url);
void config_cache_free(struct config_cache *c);
/**
 * What holds in ${place} (none: in the organisation) for ${person} (none: nobody in particular).  ${pg} is in a transaction of ${ws}; NULL: only
 * from memory, ${out} is NULL if it is not there.  ${out} is the caller's to release.
 */
enum err config_cache_get(
    struct config_cache *c, struct pg *pg, struct id ws, struct id place, struct id person, struct config **out);
/** What holds at ${node}, for nobody in particular. */
enum err config_cache_node(struct config_cache *c, struct pg *pg, struct id ws, struct id node, struct config **out);
/** Has any layer of ${ws} that people share ever said something about ${key}?  Inside a transaction of ${ws}. */
enum err config_said(struct pg *pg, struct id ws, const char *key, bool *out);
enum config_cap {
	CAP_UNKNOWN, /* not in memory: config_cache_learn_cap() */
	CAP_NONE,    /* nobody has said anything */
	CAP_SET,
};
/** How many answers the team of ${place} may have in the making (limits.concurrent), and whether it has processes of its own (runtime.mode); from memory. */
struct config_turn {
	struct id team;
	int64_t most;
	bool dedicated;
};
enum config_cap config_cache_cap(struct config_cache *c, struct id ws, struct id place, struct config_turn *out);
/** Inside a transaction of ${ws}. */
enum err config_cache_learn_cap(struct config_cache *c, struct pg *pg, struct id ws, struct id place);
/** What else is kept until a change is announced: a number that each announcement raises, and how long to believe it, in milliseconds. */
unsigned config_cache_generation(const struct config_cache *c);
unsigned config_cache_lasts_ms(const struct config_cache *c);
/** What ${run} began with, if that was stored; else ${out} is NULL.  Inside a transaction of ${ws}. */
enum err config_of_run(struct pg *pg, struct id ws, struct id run, struct config **out);

#endif
