/*
 * A ring under one mutex.  Consumers that sleep are counted, so a put costs a system call only when somebody sleeps; the wake
 * function runs only on the step from empty to one, which is what lets a loop thread take a whole batch per wake-up.
 */
#include "queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "mem.h"

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	void (*wake)(void *);
	void *wake_arg;
	size_t first, count, capacity;
	size_t waiting; /* threads inside pthread_cond_*wait */
	bool closed;
	void *items[];
};

struct queue *queue_new(size_t capacity, void (*wake)(void *), void *wake_arg)
{
	if (!capacity)
		capacity = 1;
	struct queue *q = xcalloc(1, sizeof *q + capacity * sizeof q->items[0]);
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, &attr);
	pthread_condattr_destroy(&attr);
	q->capacity = capacity;
	q->wake = wake;
	q->wake_arg = wake_arg;
	return q;
}

void queue_free(struct queue *q)
{
	if (!q)
		return;
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

bool queue_put(struct queue *q, void *item)
{
	pthread_mutex_lock(&q->lock);
	if (q->closed || q->count == q->capacity) {
		pthread_mutex_unlock(&q->lock);
		return false;
	}
	size_t at = q->first + q->count;
	q->items[at < q->capacity ? at : at - q->capacity] = item;
	bool was_empty = q->count++ == 0;
	if (q->waiting)
		pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
	if (was_empty && q->wake)
		q->wake(q->wake_arg);
	return true;
}

static struct timespec deadline_in(uint32_t wait_ms)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += wait_ms / 1000;
	t.tv_nsec += (long)(wait_ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return t;
}

size_t queue_take(struct queue *q, void **items, size_t max, uint32_t wait_ms)
{
	pthread_mutex_lock(&q->lock);
	if (!q->count && wait_ms && !q->closed) {
		struct timespec deadline = deadline_in(wait_ms);
		int e = 0;
		q->waiting++;
		while (!q->count && !q->closed && e != ETIMEDOUT)
			e = wait_ms == UINT32_MAX ? pthread_cond_wait(&q->filled, &q->lock)
			                          : pthread_cond_timedwait(&q->filled, &q->lock, &deadline);
		q->waiting--;
	}
	size_t n = q->count < max ? q->count : max;
	for (size_t i = 0; i < n; i++) {
		items[i] = q->items[q->first];
		if (++q->first == q->capacity)
			q->first = 0;
	}
	q->count -= n;
	pthread_mutex_unlock(&q->lock);
	return n;
}

void queue_close(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

bool queue_closed(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	bool closed = q->closed;
	pthread_mutex_unlock(&q->lock);
	return closed;
}

size_t queue_length(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	size_t n = q->count;
	pthread_mutex_unlock(&q->lock);
	return n;
}
