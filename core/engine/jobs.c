/* A fair queue under one mutex.  Nodes are kept for the next job, so that a job costs no allocation. */
#include "jobs.h"

#include <pthread.h>
#include <stdlib.h>

#include "../base/fair.h"
#include "../base/mem.h"

#define SPARE_MAX 1024

struct node {
	struct fair_item item; /* first */
	struct job job;
};
struct jobs {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct fair *fair;
	struct fair_item *spare;
	size_t capacity, spares, waiting;
	bool closed;
};

struct jobs *jobs_new(size_t capacity)
{
	struct jobs *j = xcalloc(1, sizeof *j);
	pthread_mutex_init(&j->lock, NULL);
	pthread_cond_init(&j->filled, NULL);
	j->fair = fair_new();
	j->capacity = capacity;
	return j;
}

void jobs_free(struct jobs *j)
{
	struct fair_item *x;
	if (j == NULL)
		return;
	while ((x = fair_take(j->fair)) != NULL)
		free(x);
	while ((x = j->spare) != NULL) {
		j->spare = x->next;
		free(x);
	}
	fair_free(j->fair);
	pthread_cond_destroy(&j->filled);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

bool jobs_put(struct jobs *j, struct id ws, struct job job)
{
	pthread_mutex_lock(&j->lock);
	bool fits = !j->closed && fair_count(j->fair) < j->capacity;
	if (fits) {
		struct fair_item *x = j->spare;
		if (x != NULL) {
			j->spare = x->next;
			j->spares--;
		} else {
			x = xmalloc(sizeof(struct node));
		}
		((struct node *)x)->job = job;
		fair_put(j->fair, &ws, 1, x);
	}
	bool wake = fits && j->waiting > 0;
	pthread_mutex_unlock(&j->lock);
	if (wake)
		pthread_cond_signal(&j->filled);
	return fits;
}

size_t jobs_take(struct jobs *j, struct job *out, size_t max)
{
	size_t n = 0;
	pthread_mutex_lock(&j->lock);
	while (fair_count(j->fair) == 0 && !j->closed) {
		j->waiting++;
		pthread_cond_wait(&j->filled, &j->lock);
		j->waiting--;
	}
	for (struct fair_item *x; n < max && (x = fair_take(j->fair)) != NULL; n++) {
		out[n] = ((struct node *)x)->job;
		if (j->spares >= SPARE_MAX) {
			free(x);
			continue;
		}
		x->next = j->spare;
		j->spare = x;
		j->spares++;
	}
	pthread_mutex_unlock(&j->lock);
	return n;
}

void jobs_close(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	j->closed = true;
	pthread_mutex_unlock(&j->lock);
	pthread_cond_broadcast(&j->filled);
}

bool jobs_closed(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	bool closed = j->closed;
	pthread_mutex_unlock(&j->lock);
	return closed;
}

size_t jobs_length(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	size_t n = fair_count(j->fair);
	pthread_mutex_unlock(&j->lock);
	return n;
}
