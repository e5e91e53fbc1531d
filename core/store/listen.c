/*
 * Waits in poll() for the server or for the end.  A connection that has said nothing for a while is asked, so that a dead one is noticed; a
 * lost one is opened again after a second.
 */
#include "listen.h"

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "../base/log.h"
#include "../base/mem.h"
#include "pg.h"

#define LOOK_MS 30000
#define AGAIN_MS 1000

struct listener {
	char *url, *channel;
	void (*heard)(void *arg);
	void *arg;
	int stop; /* eventfd */
	atomic_bool live, stopping;
	pthread_t thread;
	bool running;
};

static bool ok(PGresult *r)
{
	bool done = PQresultStatus(r) == PGRES_COMMAND_OK || PQresultStatus(r) == PGRES_TUPLES_OK;
	PQclear(r);
	return done;
}

/* Until the connection is lost or it is time to end. */
static void hear(struct listener *l, PGconn *c)
{
	while (!atomic_load(&l->stopping)) {
		struct pollfd fds[] = { { .fd = PQsocket(c), .events = POLLIN }, { .fd = l->stop, .events = POLLIN } };
		int n = poll(fds, 2, LOOK_MS);
		if (n == 0 && !ok(PQexec(c, "SELECT 1")))
			return;
		if (n > 0 && (fds[0].revents != 0) && !PQconsumeInput(c))
			return;
		bool news = false;
		PGnotify *one;
		while ((one = PQnotifies(c)) != NULL) {
			news = true;
			PQfreemem(one);
		}
		if (news)
			l->heard(l->arg);
	}
}

static void *listen_main(void *arg)
{
	struct listener *l = arg;
	char why[256], sql[80];
	snprintf(sql, sizeof(sql), "LISTEN %s", l->channel);
	while (!atomic_load(&l->stopping)) {
		struct pg *pg = NULL;
		if (pg_open(&pg, l->url, NULL, why, sizeof(why)) == ERR_NONE && ok(PQexec(pg_conn(pg), sql))) {
			atomic_store(&l->live, true);
			l->heard(l->arg);
			hear(l, pg_conn(pg));
			atomic_store(&l->live, false);
			l->heard(l->arg);
		}
		pg_close(pg);
		struct pollfd end = { .fd = l->stop, .events = POLLIN };
		if (!atomic_load(&l->stopping))
			poll(&end, 1, AGAIN_MS);
	}
	return NULL;
}

struct listener *listener_new(const char *url, const char *channel, void (*heard)(void *arg), void *arg)
{
	struct listener *l = xcalloc(1, sizeof(*l));
	l->url = xstrdup(url);
	l->channel = xstrdup(channel);
	l->heard = heard;
	l->arg = arg;
	l->stop = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->running = l->stop >= 0 && pthread_create(&l->thread, NULL, listen_main, l) == 0;
	if (l->running)
		pthread_setname_np(l->thread, "listener");
	else
		log_warn("listen.start", LF_STR("result", "changes are seen a little later"));
	return l;
}

bool listener_live(const struct listener *l)
{
	return l != NULL && atomic_load(&l->live);
}

void listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	atomic_store(&l->stopping, true);
	if (l->running) {
		const uint64_t one = 1;
		if (write(l->stop, &one, sizeof(one)) != (ssize_t)sizeof(one))
			log_warn("listen.stop", LF_STR("result", "waits"));
		pthread_join(l->thread, NULL);
	}
	if (l->stop >= 0)
		close(l->stop);
	explicit_bzero(l->url, strlen(l->url)); /* it may hold a password */
	free(l->url);
	free(l->channel);
	free(l);
}
