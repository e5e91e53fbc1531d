/*
 * libcurl says which sockets it wants watched (SOCKETFUNCTION) and when it wants to be called (TIMERFUNCTION).  It asks for a
 * socket at each transfer's start and gives it up at each end; taking that literally costs two epoll_ctl per request.  Sockets that
 * we opened for curl (OPENSOCKETFUNCTION) therefore stay registered for reading until they close; an event that nobody waits for,
 * the peer closing an idle connection, takes the socket out until curl asks again.  Sockets that curl makes for itself (its
 * resolver) are followed literally, because curl closes those without telling; so it does with sockets that never got connected (7.88), which
 * is why a number is only taken to be the same socket once curl has wanted to read from it.
 */
#include "mux.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../core/base/mem.h"

struct mux_socket {
	uv_poll_t poll;
	struct mux *x;
	curl_socket_t fd;
	int want, armed; /* UV_READABLE | UV_WRITABLE: what curl waits for, what libuv watches */
	bool ours, connected;
};

static void report(struct mux *x)
{
	CURLMsg *m;
	int left;
	while ((m = curl_multi_info_read(x->m, &left))) {
		if (m->msg != CURLMSG_DONE)
			continue;
		CURL *easy = m->easy_handle;
		CURLcode code = m->data.result;
		x->done(x->done_arg, easy, code);
	}
}

static void act(struct mux *x, curl_socket_t fd, int events)
{
	int running;
	curl_multi_socket_action(x->m, fd, events, &running);
	report(x);
}

static void on_socket(uv_poll_t *p, int status, int events)
{
	struct mux_socket *s = p->data;
	struct mux *x = s->x;
	if (s->want == 0) {
		uv_poll_stop(p);
		s->armed = 0;
		return;
	}
	int flags = status < 0 ? CURL_CSELECT_ERR : 0;
	if (events & UV_READABLE)
		flags |= CURL_CSELECT_IN;
	if (events & UV_WRITABLE)
		flags |= CURL_CSELECT_OUT;
	act(x, s->fd, flags);
	evloop_settle(x->e);
}

static void on_timer(uv_timer_t *t)
{
	struct mux *x = t->data;
	x->due = false;
	act(x, CURL_SOCKET_TIMEOUT, 0);
	evloop_settle(x->e);
}

static int set_timer(CURLM *m, long ms, void *arg)
{
	struct mux *x = arg;
	(void)m;
	x->due = ms == 0;
	if (ms <= 0) {
		uv_timer_stop(&x->timer);
		if (ms == 0)
			uv_timer_start(&x->timer, on_timer, 0, 0); /* should nobody kick */
		return 0;
	}
	uv_update_time(&x->e->uv);
	uv_timer_start(&x->timer, on_timer, (uint64_t)ms, 0);
	return 0;
}

static struct mux_socket *find_or_make(struct mux *x, curl_socket_t fd)
{
	size_t i = (size_t)fd;
	if (i >= x->sockets_len) {
		size_t n = x->sockets_len ? x->sockets_len : 64;
		while (n <= i)
			n *= 2;
		x->sockets = xrealloc(x->sockets, n * sizeof(struct mux_socket *));
		memset(x->sockets + x->sockets_len, 0, (n - x->sockets_len) * sizeof(struct mux_socket *));
		x->sockets_len = n;
	}
	struct mux_socket *s = x->sockets[i];
	if (s)
		return s;
	s = xcalloc(1, sizeof *s);
	s->x = x;
	s->fd = fd;
	if (uv_poll_init(&x->e->uv, &s->poll, fd) != 0) {
		free(s);
		return NULL;
	}
	s->poll.data = s;
	x->sockets[i] = s;
	return s;
}

static void free_socket(uv_handle_t *h)
{
	free(h->data);
}

static void drop(struct mux *x, curl_socket_t fd)
{
	struct mux_socket *s = (size_t)fd < x->sockets_len ? x->sockets[fd] : NULL;
	if (!s)
		return;
	x->sockets[fd] = NULL;
	uv_close((uv_handle_t *)&s->poll, free_socket);
}

static int watch(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct mux *x = arg;
	(void)easy;
	(void)socket_arg;
	int want = what == CURL_POLL_IN ? UV_READABLE
	    : what == CURL_POLL_OUT     ? UV_WRITABLE
	    : what == CURL_POLL_INOUT   ? UV_READABLE | UV_WRITABLE
	                                : 0;
	struct mux_socket *s = (size_t)fd < x->sockets_len ? x->sockets[fd] : NULL;
	if (!s && want == 0)
		return 0;
	if (!s && !(s = find_or_make(x, fd)))
		return -1;
	s->want = want;
	s->connected |= (want & UV_READABLE) != 0;
	if (want == 0 && !(s->ours && s->connected)) {
		drop(x, fd);
		return 0;
	}
	if (want != 0 && want != s->armed) {
		uv_poll_start(&s->poll, want, on_socket);
		s->armed = want;
	}
	return 0;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
	struct mux *x = arg;
	(void)purpose;
	int fd = socket(a->family, a->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	drop(x, fd); /* a number that the kernel has just given out: what stands there is closed */
	struct mux_socket *s = find_or_make(x, fd);
	if (!s) {
		close(fd);
		return CURL_SOCKET_BAD;
	}
	s->ours = true;
	return fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
	drop(arg, fd);
	return close(fd);
}

static void make_multi(struct mux *x)
{
	x->m = curl_multi_init();
	if (!x->m)
		abort();
	curl_multi_setopt(x->m, CURLMOPT_SOCKETFUNCTION, watch);
	curl_multi_setopt(x->m, CURLMOPT_SOCKETDATA, x);
	curl_multi_setopt(x->m, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(x->m, CURLMOPT_TIMERDATA, x);
	curl_multi_setopt(x->m, CURLMOPT_MAXCONNECTS, x->connects);
	curl_multi_setopt(x->m, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
}

void mux_init(struct mux *x, struct evloop *e, long connects, void (*done)(void *arg, CURL *easy, CURLcode code), void *arg)
{
	*x = (struct mux){ .e = e, .connects = connects, .done = done, .done_arg = arg };
	uv_timer_init(&e->uv, &x->timer);
	x->timer.data = x;
	make_multi(x);
}

void mux_prepare(struct mux *x, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, x);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, x);
}

bool mux_add(struct mux *x, CURL *easy)
{
	return curl_multi_add_handle(x->m, easy) == CURLM_OK;
}

void mux_remove(struct mux *x, CURL *easy)
{
	curl_multi_remove_handle(x->m, easy);
}

bool mux_kick(struct mux *x)
{
	if (!x->due)
		return false;
	x->due = false;
	act(x, CURL_SOCKET_TIMEOUT, 0);
	return true;
}

/* Before curl closes its sockets, some of them without telling: a number that is closed may be another thread's already. */
static void drop_all(struct mux *x)
{
	for (size_t i = 0; i < x->sockets_len; i++)
		drop(x, (curl_socket_t)i);
}

void mux_forget(struct mux *x)
{
	drop_all(x);
	curl_multi_cleanup(x->m);
	uv_timer_stop(&x->timer);
	x->due = false;
	make_multi(x);
}

void mux_done(struct mux *x)
{
	drop_all(x);
	curl_multi_cleanup(x->m);
	uv_close((uv_handle_t *)&x->timer, NULL);
	drop_all(x); /* what the clean-up asked to watch */
	free(x->sockets);
}
