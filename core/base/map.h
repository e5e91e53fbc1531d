#ifndef EDDY_BASE_MAP_H
#define EDDY_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

/*
 * A hash table from byte strings (or struct id) to pointers.  Copies keys, never owns values.  One thread, or under the
 * caller's lock.  Keys are hashed with a per-process random seed, so outside strings cannot be chosen to collide.
 */
struct map;
struct map *map_new(void);
void map_free(struct map *m, void (*free_value)(void *)); /* NULL is fine, free_value may be NULL */
void *map_get(const struct map *m, const void *key, size_t n);
void *map_put(struct map *m, const void *key, size_t n, void *value); /* the value that was there, or NULL */
void *map_remove(struct map *m, const void *key, size_t n);           /* the value that was there, or NULL */
size_t map_count(const struct map *m);
/** Calls ${fn} for each entry; ${fn} must not change the map. */
void map_each(const struct map *m, void (*fn)(const void *key, size_t n, void *value, void *arg), void *arg);

#endif
