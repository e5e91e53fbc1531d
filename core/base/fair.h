#ifndef EDDY_BASE_FAIR_H
#define EDDY_BASE_FAIR_H

#include <stdbool.h>
#include <stddef.h>

#include "id.h"

/*
 * Taking turns.  What waits belongs to somebody, by a path: a workspace, a team in it, a person in that.  On each level whoever has something
 * waiting gets a turn after the other; inside the last level first come is first served.  So a thousand things of one do not stand before the
 * one thing of another.  One thread, or under the caller's lock.
 */
struct fair;
struct fair_group;
#define FAIR_DEPTH 3
/* Embedded in what waits. */
struct fair_item {
	struct fair_item *next;
	struct fair_group *in; /* NULL: it does not wait */
};
struct fair *fair_new(void);
void fair_free(struct fair *f); /* NULL is fine; what waits is the caller's */
/** ${path}: 1 to FAIR_DEPTH ids, "none" among them. */
void fair_put(struct fair *f, const struct id *path, size_t depth, struct fair_item *x);
struct fair_item *fair_take(struct fair *f); /* NULL: nothing waits */
/** The same of those who ${may} have a turn now: it is asked of each id of a path that comes into question, ${level} 0 first. */
struct fair_item *fair_take_if(struct fair *f, bool (*may)(void *arg, size_t level, struct id id), void *arg);
void fair_remove(struct fair *f, struct fair_item *x);
size_t fair_count(const struct fair *f);

#endif
