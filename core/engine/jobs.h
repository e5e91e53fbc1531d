#ifndef EDDY_ENGINE_JOBS_H
#define EDDY_ENGINE_JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "../base/id.h"

struct pg;

/* What waits for a worker, a turn for each workspace after the other.  Bounded; any thread. */
struct jobs;
struct job {
	void (*fn)(void *arg, struct pg *pg);
	void *arg;
};
struct jobs *jobs_new(size_t capacity);
void jobs_free(struct jobs *j); /* NULL is fine; what is left is dropped */
/** ${ws} none: nobody's in particular.  False: full or closed. */
bool jobs_put(struct jobs *j, struct id ws, struct job job);
/** Takes up to ${max}, waits for the first; 0: closed and empty. */
size_t jobs_take(struct jobs *j, struct job *out, size_t max);
void jobs_close(struct jobs *j); /* puts fail from now on, waiters return; what is in it can still be taken */
bool jobs_closed(struct jobs *j);
size_t jobs_length(struct jobs *j);

#endif
