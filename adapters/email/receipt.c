/*
 * A list of what is waited for, on the http thread alone: posts from other threads carry a copy.  There are as many entries as runs of mails are open, which
 * is few; a list is enough.
 */
#include "receipt.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "../../core/base/mem.h"
#include "../../core/engine/intent.h"
#include "../net/http.h"

struct wait {
	struct waits *all;
	struct wait *next;
	struct wait_for what;
	struct http_timer *timer;
	bool over; /* a post that ends it */
	char origin[INTENT_ORIGIN_MAX];
};
struct waits {
	struct http *http;
	uint32_t after_ms;
	void (*late)(void *arg, const struct wait_for *w);
	void *arg;
	struct wait *first;
};

static struct wait **find(struct waits *w, struct id run)
{
	struct wait **p = &w->first;
	while (*p != NULL && !id_equal((*p)->what.run, run))
		p = &(*p)->next;
	return p;
}

static void on_late(void *arg)
{
	struct wait *x = arg;
	x->all->late(x->all->arg, &x->what);
	http_timer_stop(x->timer); /* stays in the list: it is said once */
	x->timer = NULL;
}

static void on_post(void *arg)
{
	struct wait *x = arg;
	struct waits *w = x->all;
	struct wait **p = find(w, x->what.run);
	if (x->over && *p != NULL) {
		struct wait *old = *p;
		*p = old->next;
		if (old->timer != NULL)
			http_timer_stop(old->timer);
		free(old);
	} else if (!x->over && *p == NULL) {
		x->next = w->first;
		w->first = x;
		x->timer = http_timer_new(w->http, w->after_ms, 0, on_late, x);
		return;
	}
	free(x);
}

static void post(struct waits *w, const struct wait_for *what, bool over)
{
	struct wait *x = xcalloc(1, sizeof(*x));
	x->all = w;
	x->what = *what;
	x->over = over;
	if (what->origin_len > 0 && what->origin_len <= sizeof(x->origin))
		memcpy(x->origin, what->origin, what->origin_len);
	x->what.origin = x->origin;
	if (!http_post(w->http, on_post, x))
		free(x);
}

struct waits *waits_new(struct http *h, uint32_t after_ms, void (*late)(void *arg, const struct wait_for *w), void *arg)
{
	struct waits *w = xcalloc(1, sizeof(*w));
	*w = (struct waits){ .http = h, .after_ms = after_ms, .late = late, .arg = arg };
	return w;
}

void waits_begin(struct waits *w, const struct wait_for *what)
{
	post(w, what, false);
}

void waits_end(struct waits *w, struct id run)
{
	post(w, &(struct wait_for){ .run = run }, true);
}

void waits_free(struct waits *w)
{
	while (w != NULL && w->first != NULL) { /* its timer went with the http thread */
		struct wait *x = w->first;
		w->first = x->next;
		free(x);
	}
	free(w);
}
