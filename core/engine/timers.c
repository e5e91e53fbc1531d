/*
 * The clock's thread: a binary heap of one-shot timers.  Functions called here only hand work on (a job, an operation).
 */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "engine_internal.h"

struct timer {
	uint64_t at_ms;
	void (*fn)(void *arg);
	void *arg;
	bool owned; /* freed with the timers when the time never comes */
};
struct timers {
	pthread_mutex_t mutex;
	pthread_cond_t cond;
	pthread_t thread;
	struct timer *heap;
	size_t len, cap;
	bool stopping, running;
};

struct timers *timers_new(void)
{
	struct timers *t = xcalloc(1, sizeof(*t));
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&t->mutex, NULL);
	pthread_cond_init(&t->cond, &attr);
	pthread_condattr_destroy(&attr);
	return t;
}

static void swap(struct timer *a, struct timer *b)
{
	struct timer x = *a;
	*a = *b;
	*b = x;
}

static void push(struct timers *t, struct timer x)
{
	if (t->len == t->cap) {
		t->cap = t->cap ? t->cap * 2 : 64;
		t->heap = xrealloc(t->heap, t->cap * sizeof(*t->heap));
	}
	size_t i = t->len++;
	t->heap[i] = x;
	for (; i > 0 && t->heap[i].at_ms < t->heap[(i - 1) / 2].at_ms; i = (i - 1) / 2)
		swap(&t->heap[i], &t->heap[(i - 1) / 2]);
}

static struct timer pop(struct timers *t)
{
	struct timer x = t->heap[0];
	t->heap[0] = t->heap[--t->len];
	for (size_t i = 0;;) {
		size_t least = i, l = 2 * i + 1, r = l + 1;
		if (l < t->len && t->heap[l].at_ms < t->heap[least].at_ms)
			least = l;
		if (r < t->len && t->heap[r].at_ms < t->heap[least].at_ms)
			least = r;
		if (least == i)
			break;
		swap(&t->heap[i], &t->heap[least]);
		i = least;
	}
	return x;
}

static void *timers_main(void *arg)
{
	struct timers *t = arg;
	pthread_mutex_lock(&t->mutex);
	while (!t->stopping) {
		if (t->len == 0) {
			pthread_cond_wait(&t->cond, &t->mutex);
			continue;
		}
		uint64_t now = clock_ms(), at = t->heap[0].at_ms;
		if (at > now) {
			struct timespec until = { .tv_sec = (time_t)(at / 1000), .tv_nsec = (long)(at % 1000) * 1000000 };
			pthread_cond_timedwait(&t->cond, &t->mutex, &until);
			continue;
		}
		struct timer x = pop(t);
		pthread_mutex_unlock(&t->mutex);
		x.fn(x.arg);
		pthread_mutex_lock(&t->mutex);
	}
	pthread_mutex_unlock(&t->mutex);
	return NULL;
}

void timers_start(struct timers *t)
{
	t->running = pthread_create(&t->thread, NULL, timers_main, t) == 0;
	if (t->running)
		pthread_setname_np(t->thread, "clock");
}

void timers_stop(struct timers *t)
{
	pthread_mutex_lock(&t->mutex);
	t->stopping = true;
	pthread_mutex_unlock(&t->mutex);
	pthread_cond_signal(&t->cond);
	if (t->running)
		pthread_join(t->thread, NULL);
	t->running = false;
}

void timers_free(struct timers *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->len; i++)
		if (t->heap[i].owned)
			free(t->heap[i].arg);
	pthread_mutex_destroy(&t->mutex);
	pthread_cond_destroy(&t->cond);
	free(t->heap);
	free(t);
}

static void after(struct timers *t, uint64_t ms, void (*fn)(void *arg), void *arg, bool owned)
{
	pthread_mutex_lock(&t->mutex);
	bool first = t->len == 0 || t->heap[0].at_ms > clock_ms() + ms;
	push(t, (struct timer){ clock_ms() + ms, fn, arg, owned });
	pthread_mutex_unlock(&t->mutex);
	if (first)
		pthread_cond_signal(&t->cond);
}

void timers_after(struct timers *t, uint64_t ms, void (*fn)(void *arg), void *arg)
{
	after(t, ms, fn, arg, false);
}

void timers_after_owned(struct timers *t, uint64_t ms, void (*fn)(void *arg), void *arg)
{
	after(t, ms, fn, arg, true);
}
