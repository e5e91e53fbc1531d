/*
 * What happened to a thread itself: renamed, archived, forked, resolved.  The engine only says which thread; a worker reads how it stands
 * now and whose it is, and the loop thread tells all pages of that person.  A page that misses it asks for its list again when it comes back.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/base/mem.h"
#include "../../core/engine/pages.h"
#include "state.h"

struct news {
	struct web *web;
	struct id ws, thread;
	enum thread_event_change change;
	char person[WEB_PERSON_MAX + 1];
	struct buf frame;
};

void news_free(struct news *n)
{
	if (n == NULL)
		return;
	buf_done(&n->frame);
	free(n);
}

static void take(void *arg, const struct listed_thread *t)
{
	static const char *const types[] = { [CHANGE_UPDATED] = "thread.updated",
		[CHANGE_FORK_CREATED] = "fork.created",
		[CHANGE_FORK_RESOLVED] = "fork.resolved",
		[CHANGE_FORK_ABANDONED] = "fork.abandoned" };
	struct news *n = arg;
	size_t prefix = strlen(WEB_PLACE);
	struct id key;
	if (strcmp(t->adapter, web_ops.name) != 0 || strncmp(t->place, WEB_PLACE, prefix) != 0 ||
	    strlen(t->place) - prefix > WEB_PERSON_MAX || !id_parse(t->key, &key))
		return;
	strcpy(n->person, t->place + prefix);
	web_put_listed(&n->frame, types[n->change], t);
}

static void work(void *arg)
{
	struct news *n = arg;
	if (engine_show_thread(n->web->engine, n->ws, n->thread, take, n) == ERR_NONE && n->frame.len > 0)
		mail_news(n->web, n);
	else
		news_free(n);
}

void news_event(struct web *w, const struct thread_event *ev)
{
	if (atomic_load(&w->listing) == 0)
		return;
	struct news *n = xcalloc(1, sizeof *n);
	n->web = w;
	n->ws = ev->ws;
	n->thread = ev->thread;
	n->change = ev->change;
	if (!engine_submit(w->engine, work, n))
		news_free(n);
}

void news_tell(struct web *w, struct news *n)
{
	hub_news(w, n->person, &n->frame);
	news_free(n);
}
