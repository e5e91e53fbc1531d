/*
 * A call is shared by the request that waits for it and the guest that answers it, from whatever thread: whoever is last frees it, so that a client that
 * goes away takes nothing from under the guest.
 */
#include "guest.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/buf.h"
#include "../../core/base/mem.h"
#include "loop.h"

#define GUESTS_MAX 16

struct guests {
	struct loop *loop;
	struct guest list[GUESTS_MAX];
	size_t len;
};
struct guest_call {
	_Atomic int refs;
	struct guests *guests;
	const struct guest *guest;
	char address[64];
	char *headers[GUEST_VALUES], *params[GUEST_VALUES];
	struct buf body;
	bool served, answered;
	void (*done)(void *arg);
	void *arg;
	/* the reply; the guest's until it is posted, then the loop's */
	struct guest_reply reply;
	char *type, *location, *cookie, *text;
};

struct guests *guests_new(struct loop *loop)
{
	struct guests *g = xcalloc(1, sizeof *g);
	g->loop = loop;
	return g;
}

void guests_free(struct guests *g)
{
	free(g);
}

void guests_add(struct guests *g, const struct guest *guest)
{
	if (g->len == GUESTS_MAX)
		abort();
	g->list[g->len++] = *guest;
}

const struct guest *guests_find(const struct guests *g, const char *path)
{
	for (size_t i = 0; g != NULL && i < g->len; i++)
		if (strcmp(g->list[i].path, path) == 0)
			return &g->list[i];
	return NULL;
}

struct guest_call *guest_call_new(struct guests *g, const struct guest *guest, const char *address)
{
	struct guest_call *c = xcalloc(1, sizeof *c);
	atomic_store(&c->refs, 1);
	c->guests = g;
	c->guest = guest;
	memcpy(c->address, address, strnlen(address, sizeof c->address - 1));
	return c;
}

static void wipe(char *s)
{
	if (s != NULL)
		explicit_bzero(s, strlen(s));
	free(s);
}

static void unref(struct guest_call *c)
{
	if (atomic_fetch_sub(&c->refs, 1) != 1)
		return;
	for (int i = 0; i < GUEST_VALUES; i++) {
		wipe(c->headers[i]);
		wipe(c->params[i]);
	}
	if (c->body.p != NULL)
		explicit_bzero(c->body.p, c->body.len);
	buf_done(&c->body);
	free(c->type);
	wipe(c->location);
	wipe(c->cookie);
	free(c->text);
	free(c);
}

void guest_call_header(struct guest_call *c, int i, const char *value)
{
	c->headers[i] = xstrdup(value);
}

void guest_call_param(struct guest_call *c, int i, const char *value)
{
	c->params[i] = xstrdup(value);
}

bool guest_call_body(struct guest_call *c, const void *p, size_t n)
{
	if (n > c->guest->body_max - c->body.len)
		return false;
	buf_add(&c->body, p, n);
	return true;
}

void guest_call_serve(struct guest_call *c, void (*done)(void *arg), void *arg)
{
	if (c->served)
		return; /* the server may tell of the end of an empty body as well */
	c->served = true;
	c->done = done;
	c->arg = arg;
	buf_add(&c->body, "", 1);
	struct guest_request q = { .address = c->address, .body = c->body.p, .body_len = c->body.len - 1 };
	for (int i = 0; i < GUEST_VALUES; i++) {
		q.headers[i] = c->headers[i];
		q.params[i] = c->params[i];
	}
	atomic_fetch_add(&c->refs, 1);
	c->guest->serve(c->guest->arg, &q, c);
}

static void on_loop(void *arg)
{
	struct guest_call *c = arg;
	c->answered = true;
	if (c->done != NULL)
		c->done(c->arg);
	unref(c);
}

void guest_answer(struct guest_call *c, const struct guest_reply *r)
{
	c->reply = *r;
	c->reply.type = c->type = xstrdup(r->type);
	c->reply.location = c->location = xstrdup(r->location);
	c->reply.cookie = c->cookie = xstrdup(r->cookie);
	c->reply.body = c->text = xstrndup(r->body != NULL ? r->body : "", r->body_len);
	if (!loop_post(c->guests->loop, on_loop, c))
		unref(c);
}

const struct guest_reply *guest_call_reply(const struct guest_call *c)
{
	return c->answered ? &c->reply : NULL;
}

void guest_call_left(struct guest_call *c)
{
	if (c == NULL)
		return;
	c->done = NULL;
	unref(c);
}
