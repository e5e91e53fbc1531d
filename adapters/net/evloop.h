#ifndef EDDY_NET_EVLOOP_H
#define EDDY_NET_EVLOOP_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct metric;
struct metrics;

/*
 * What the loop thread and the http thread have in common: a libuv loop with posts from other threads, timers and a measure of
 * its own lag.  Internal to adapters/net.
 */
struct evloop_post {
	void (*fn)(void *arg);
	void *arg;
};
struct evtimer {
	uv_timer_t uv;
	struct evloop *e;
	void (*fn)(void *arg);
	void *arg;
	struct evtimer *prev, *next;
};
struct evloop {
	uv_loop_t uv;
	uv_async_t wake;
	uv_timer_t lag_timer;
	uint64_t lag_due;
	struct metric *lag;
	struct evtimer *timers;
	void (*settle)(void *arg); /* by evloop_settle(): after each burst of posts and each timer; may be NULL */
	void *settle_arg;
	pthread_mutex_t mtx; /* guards the next five */
	struct evloop_post *posts;
	size_t len, cap;
	bool closed, stop;
	struct evloop_post *spare; /* loop thread only */
	size_t spare_cap;
};

/** ${name} goes into the lag metric's label and the thread's name.  Any thread; before the loop runs. */
void evloop_init(struct evloop *e, struct metrics *ms, const char *name);
/** The calling thread owns the loop from now on. */
void evloop_enter(struct evloop *e);
/** Runs until evloop_stop(); then no post is taken any more and those taken have run.  Call on the owning thread. */
void evloop_run(struct evloop *e);
/** Runs, without our own handles, until what others are closing is closed; at most ${ms}. */
void evloop_drain(struct evloop *e, uint64_t ms);
/** Closes what is left and the loop; posts are refused from now on.  On the owning thread, after evloop_run(). */
void evloop_close(struct evloop *e);
void evloop_done(struct evloop *e); /* frees the rest, after evloop_close() */
/** Calls ${settle} and runs posts until there are none: whoever sets ${settle} ends each own libuv callback with this. */
void evloop_settle(struct evloop *e);
bool evloop_post(struct evloop *e, void (*fn)(void *arg), void *arg);
void evloop_stop(struct evloop *e); /* any thread */
bool evloop_is_current(const struct evloop *e);
struct evtimer *evtimer_new(struct evloop *e, uint64_t after_ms, uint64_t every_ms, void (*fn)(void *arg), void *arg);
void evtimer_stop(struct evtimer *t);
/**
 * Makes room for ${want} descriptors as far as the system lets us, and caps the soft limit there: libwebsockets sizes its tables
 * by the limit, which in containers can be a million.
 */
void evloop_fit_descriptors(void);

#endif
