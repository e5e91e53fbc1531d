/*
 * A ring of places.  They are given back in order only, so what is handed in never runs further ahead of the oldest open mail than the ring is
 * long, however slow that one is.
 */
#include "mail_window.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "../../core/base/mem.h"

struct place {
	struct mail_window *w;
	uint32_t uid;
	bool done;
	enum err e;
};
struct mail_window {
	pthread_mutex_t mtx;
	pthread_cond_t cond;
	bool owned, poked;
	size_t max, first, len, waiting;
	struct place places[];
};

struct mail_window *mail_window_new(size_t max)
{
	struct mail_window *w = xcalloc(1, sizeof *w + max * sizeof w->places[0]);
	pthread_condattr_t a;
	w->max = max;
	w->owned = true;
	pthread_mutex_init(&w->mtx, NULL);
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(&w->cond, &a);
	pthread_condattr_destroy(&a);
	return w;
}

/* Unlocks; frees when nobody is left who knows of it. */
static void leave(struct mail_window *w)
{
	bool last = !w->owned && w->waiting == 0;
	pthread_mutex_unlock(&w->mtx);
	if (!last)
		return;
	pthread_cond_destroy(&w->cond);
	pthread_mutex_destroy(&w->mtx);
	free(w);
}

void mail_window_free(struct mail_window *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->mtx);
	w->owned = false;
	leave(w);
}

void *mail_window_put(struct mail_window *w, uint32_t uid)
{
	struct place *p = NULL;
	pthread_mutex_lock(&w->mtx);
	if (w->len < w->max) {
		p = &w->places[(w->first + w->len++) % w->max];
		*p = (struct place){ .w = w, .uid = uid };
		w->waiting++;
	}
	pthread_mutex_unlock(&w->mtx);
	return p;
}

void mail_window_done(void *place, enum err e)
{
	struct place *p = place;
	struct mail_window *w = p->w;
	pthread_mutex_lock(&w->mtx);
	p->done = true;
	p->e = e;
	w->waiting--;
	w->poked = true;
	pthread_cond_broadcast(&w->cond);
	leave(w);
}

bool mail_window_full(struct mail_window *w)
{
	pthread_mutex_lock(&w->mtx);
	bool full = w->len == w->max;
	pthread_mutex_unlock(&w->mtx);
	return full;
}

size_t mail_window_waiting(struct mail_window *w)
{
	pthread_mutex_lock(&w->mtx);
	size_t n = w->waiting;
	pthread_mutex_unlock(&w->mtx);
	return n;
}

static bool stored(enum err e)
{
	return e == ERR_NONE || e == ERR_INPUT;
}

bool mail_window_take(struct mail_window *w, bool any, uint32_t *uid, enum err *e)
{
	pthread_mutex_lock(&w->mtx);
	const struct place *p = &w->places[w->first];
	bool ok = w->len > 0 && p->done && (any || stored(p->e));
	if (ok) {
		*uid = p->uid;
		*e = p->e;
		w->first = (w->first + 1) % w->max;
		w->len--;
	}
	pthread_mutex_unlock(&w->mtx);
	return ok;
}

bool mail_window_refused(struct mail_window *w)
{
	pthread_mutex_lock(&w->mtx);
	bool refused = false;
	for (size_t k = 0; k < w->len; k++) {
		const struct place *p = &w->places[(w->first + k) % w->max];
		refused = refused || (p->done && !stored(p->e));
	}
	pthread_mutex_unlock(&w->mtx);
	return refused;
}

void mail_window_sleep(struct mail_window *w, uint32_t ms)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += (long)(ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&w->mtx);
	while (!w->poked && pthread_cond_timedwait(&w->cond, &w->mtx, &until) != ETIMEDOUT)
		;
	w->poked = false;
	pthread_mutex_unlock(&w->mtx);
}

void mail_window_poke(struct mail_window *w)
{
	pthread_mutex_lock(&w->mtx);
	w->poked = true;
	pthread_cond_broadcast(&w->cond);
	pthread_mutex_unlock(&w->mtx);
}
