/*
 * Posts are two arrays that swap: producers append under a short lock, the loop takes all of them at once, so a burst costs one
 * wake-up.  A post to an empty array wakes the loop, later ones ride along.  On stop the array is closed first and what it holds
 * still runs, so nothing that was accepted is dropped.
 */
#include "evloop.h"

#include <stdlib.h>
#include <sys/resource.h>

#include "../../core/base/buf.h"
#include "../../core/base/clock.h"
#include "../../core/base/mem.h"
#include "../../core/base/metric.h"

#define LAG_EVERY_MS 1000u
#define KEEP_POSTS 1024u
#define SETTLE_ROUNDS 8
#define DESCRIPTORS 16384u

static _Thread_local const struct evloop *current;

static void run_posts(struct evloop *e)
{
	pthread_mutex_lock(&e->mtx);
	struct evloop_post *list = e->posts;
	size_t n = e->len, cap = e->cap;
	e->posts = e->spare;
	e->cap = e->spare_cap;
	e->len = 0;
	pthread_mutex_unlock(&e->mtx);
	e->spare = NULL;
	e->spare_cap = 0;
	for (size_t i = 0; i < n; i++)
		list[i].fn(list[i].arg);
	if (cap > KEEP_POSTS || e->spare) {
		free(list);
		return;
	}
	e->spare = list;
	e->spare_cap = cap;
}

static void on_wake(uv_async_t *a)
{
	struct evloop *e = a->data;
	run_posts(e);
	evloop_settle(e);
	pthread_mutex_lock(&e->mtx);
	bool stop = e->stop;
	pthread_mutex_unlock(&e->mtx);
	if (stop)
		uv_stop(&e->uv);
}

void evloop_settle(struct evloop *e)
{
	if (!e->settle)
		return;
	for (int i = 0; i < SETTLE_ROUNDS; i++) {
		e->settle(e->settle_arg);
		pthread_mutex_lock(&e->mtx);
		size_t left = e->len;
		pthread_mutex_unlock(&e->mtx);
		if (left == 0)
			return;
		run_posts(e);
	}
	uv_async_send(&e->wake); /* sockets and timers get their turn first */
}

static void on_lag(uv_timer_t *t)
{
	struct evloop *e = t->data;
	uint64_t now = clock_us();
	metric_observe_ms(e->lag, now > e->lag_due ? (double)(now - e->lag_due) / 1000.0 : 0.0);
	e->lag_due = now + LAG_EVERY_MS * 1000u;
	uv_timer_start(t, on_lag, LAG_EVERY_MS, 0);
}

void evloop_init(struct evloop *e, struct metrics *ms, const char *name)
{
	*e = (struct evloop){ 0 };
	pthread_mutex_init(&e->mtx, NULL);
	if (uv_loop_init(&e->uv) != 0 || uv_async_init(&e->uv, &e->wake, on_wake) != 0)
		abort(); /* out of descriptors before anything was opened */
	e->wake.data = e;
	uv_timer_init(&e->uv, &e->lag_timer);
	e->lag_timer.data = e;
	if (ms) {
		struct buf label = BUF_INIT;
		buf_addf(&label, "thread=\"%s\"", name);
		e->lag = metric_duration(ms, "eddy_loop_lag_seconds", label.p, "How late the event loops run their timers.");
		buf_done(&label);
	}
}

void evloop_enter(struct evloop *e)
{
	current = e;
}

void evloop_run(struct evloop *e)
{
	if (e->lag) {
		uv_update_time(&e->uv);
		e->lag_due = clock_us() + LAG_EVERY_MS * 1000u;
		uv_timer_start(&e->lag_timer, on_lag, LAG_EVERY_MS, 0);
	}
	uv_run(&e->uv, UV_RUN_DEFAULT);
	pthread_mutex_lock(&e->mtx);
	e->closed = true;
	size_t left = e->len;
	pthread_mutex_unlock(&e->mtx);
	if (left)
		run_posts(e);
}

void evloop_drain(struct evloop *e, uint64_t ms)
{
	uv_unref((uv_handle_t *)&e->wake);
	uv_unref((uv_handle_t *)&e->lag_timer);
	for (struct evtimer *t = e->timers; t; t = t->next)
		uv_unref((uv_handle_t *)&t->uv);
	uint64_t end = clock_ms() + ms;
	while (uv_run(&e->uv, UV_RUN_NOWAIT) != 0 && clock_ms() < end)
		uv_sleep(1);
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h))
		uv_close(h, NULL);
}

static void free_timer(uv_handle_t *h)
{
	free(h->data);
}

void evloop_close(struct evloop *e)
{
	pthread_mutex_lock(&e->mtx);
	e->closed = true;
	pthread_mutex_unlock(&e->mtx);
	while (e->timers)
		evtimer_stop(e->timers);
	uv_walk(&e->uv, close_handle, NULL);
	uv_run(&e->uv, UV_RUN_DEFAULT);
	uv_loop_close(&e->uv);
	current = NULL;
}

void evloop_done(struct evloop *e)
{
	free(e->posts);
	free(e->spare);
	pthread_mutex_destroy(&e->mtx);
}

bool evloop_post(struct evloop *e, void (*fn)(void *arg), void *arg)
{
	pthread_mutex_lock(&e->mtx);
	bool ok = !e->closed, first = e->len == 0;
	if (ok) {
		if (e->len == e->cap) {
			e->cap = e->cap ? e->cap * 2 : 64;
			e->posts = xrealloc(e->posts, e->cap * sizeof *e->posts);
		}
		e->posts[e->len++] = (struct evloop_post){ fn, arg };
	}
	if (ok && first && !(e->settle && current == e)) /* its own posts are found by evloop_settle() */
		uv_async_send(&e->wake);                 /* under the lock: the handle lives while the array is open */
	pthread_mutex_unlock(&e->mtx);
	return ok;
}

void evloop_stop(struct evloop *e)
{
	pthread_mutex_lock(&e->mtx);
	e->stop = true;
	e->closed = true;
	pthread_mutex_unlock(&e->mtx);
	uv_async_send(&e->wake);
}

bool evloop_is_current(const struct evloop *e)
{
	return current == e;
}

static void on_timer(uv_timer_t *u)
{
	struct evtimer *t = u->data;
	struct evloop *e = t->e;
	t->fn(t->arg); /* may stop and so free ${t} */
	evloop_settle(e);
}

struct evtimer *evtimer_new(struct evloop *e, uint64_t after_ms, uint64_t every_ms, void (*fn)(void *arg), void *arg)
{
	struct evtimer *t = xcalloc(1, sizeof *t);
	t->e = e;
	t->fn = fn;
	t->arg = arg;
	t->next = e->timers;
	if (t->next)
		t->next->prev = t;
	e->timers = t;
	uv_timer_init(&e->uv, &t->uv);
	t->uv.data = t;
	uv_update_time(&e->uv);
	uv_timer_start(&t->uv, on_timer, after_ms, every_ms);
	return t;
}

void evtimer_stop(struct evtimer *t)
{
	if (!t)
		return;
	if (t->prev)
		t->prev->next = t->next;
	else
		t->e->timers = t->next;
	if (t->next)
		t->next->prev = t->prev;
	uv_close((uv_handle_t *)&t->uv, free_timer);
}

void evloop_fit_descriptors(void)
{
	struct rlimit r;
	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == DESCRIPTORS)
		return;
	r.rlim_cur = r.rlim_max == RLIM_INFINITY || r.rlim_max > DESCRIPTORS ? DESCRIPTORS : r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r);
}
