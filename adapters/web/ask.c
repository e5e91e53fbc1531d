/*
 * What a page asks about its conversations: their list, what Eddy did in one, an opinion, erasing one.  Each question is a small object that goes
 * to a worker with everything it needs and comes back through the letter box with its answer, ready to be sent.  The thread is always one in the
 * asker's own place, so there is nothing to ask about somebody else's.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/base/mem.h"
#include "../../core/engine/pages.h"
#include "../../core/talk/find.h"
#include "state.h"

#define HISTORY_RUNS 100

struct ask {
	struct web *web;
	uint64_t conn;
	enum web_verb verb;
	struct id ws, place, thread, named;
	char key[ID_TEXT], person[WEB_PERSON_MAX + 1], client_id[WEB_CLIENT_ID_MAX + 1];
	int64_t before, limit;
	struct id of, only;
	char of_key[ID_TEXT], only_key[ID_TEXT];
	int which;
	int opinion;
	char *reason;
	/* a search */
	bool guest, prefix;
	int64_t n, page;
	char tz[65];
	char *text;
	struct page_found total;
	/* on the worker */
	enum err result;
	struct buf items;
	int64_t found;
};

void ask_free(struct ask *a)
{
	if (a == NULL)
		return;
	free(a->reason);
	free(a->text);
	buf_done(&a->items);
	free(a);
}

static void take_thread(void *arg, const struct listed_thread *t)
{
	struct ask *a = arg;
	struct id id;
	if (a->found++ == a->limit || !id_parse(t->key, &id)) /* one more than asked for: there is more */
		return;
	if (a->items.len > 0)
		buf_add_char(&a->items, ',');
	web_put_listed(&a->items, NULL, t);
}

static void take_run(void *arg, const struct past_run *r)
{
	struct ask *a = arg;
	if (a->items.len > 0)
		buf_add_char(&a->items, ',');
	web_put_past_run(&a->items, r);
}

static void take_hit(void *arg, const struct find_hit *h, const char *link)
{
	struct ask *a = arg;
	bool own = h->adapter != NULL && strcmp(h->adapter, web_ops.name) == 0 && id_equal(h->place, a->place);
	if (a->items.len > 0)
		buf_add_char(&a->items, ',');
	web_put_hit(&a->items, h, own ? h->thread_key : NULL, link);
}

static enum err search(struct ask *a, struct engine *e)
{
	return engine_search(e,
	    &(struct page_search){ .ws = a->ws,
	        .place = a->place,
	        .thread = a->thread,
	        .adapter = web_ops.name,
	        .person = a->person,
	        .tz = a->tz[0] == '\0' ? NULL : a->tz,
	        .guest = a->guest,
	        .text = a->text,
	        .prefix = a->prefix,
	        .page = (int)a->page,
	        .limit = (int)a->limit },
	    take_hit, a, &a->total);
}

static void work(void *arg)
{
	struct ask *a = arg;
	struct engine *e = a->web->engine;
	buf_reserve(&a->items, 1);
	switch (a->verb) {
	case WEB_THREADS:
		a->result = engine_list_threads(e, a->ws,
		    &(struct list_query){ .place = a->place,
		        .of = a->of,
		        .only = a->only,
		        .which = a->which,
		        .before_ms = a->before,
		        .before = a->named,
		        .limit = (int)a->limit + 1 },
		    take_thread, a);
		break;
	case WEB_SEARCH:
		a->result = search(a, e);
		break;
	case WEB_HISTORY:
		a->result = engine_run_history(e, a->ws, a->thread, HISTORY_RUNS, take_run, a);
		break;
	case WEB_FEEDBACK:
		a->result = engine_give_opinion(e,
		    &(struct opinion){ .ws = a->ws,
		        .thread = a->thread,
		        .message = a->named,
		        .adapter = web_ops.name,
		        .person = a->person,
		        .value = a->opinion,
		        .reason = a->reason });
		break;
	default:
		a->result = engine_erase_thread(e, a->ws, a->thread, web_ops.name, a->person);
		if (a->result == ERR_INPUT) /* nothing was ever said there */
			a->result = ERR_NONE;
		break;
	}
	mail_asked(a->web, a);
}

void ask_put(struct conn *c, const struct web_command *cmd, struct id place, struct id thread)
{
	struct web *w = c->web;
	struct ask *a = xcalloc(1, sizeof *a);
	bool room = c->asking++ < WEB_ASKING_MAX;
	a->web = w;
	a->conn = c->id;
	a->verb = cmd->verb;
	a->ws = w->ws;
	a->place = place;
	a->thread = thread;
	a->named = cmd->verb == WEB_THREADS ? thread : cmd->named;
	memcpy(a->key, cmd->thread, sizeof a->key);
	strcpy(a->person, c->person->id);
	if (cmd->client_id != NULL)
		strcpy(a->client_id, cmd->client_id);
	a->before = cmd->before;
	a->limit = cmd->limit;
	a->which = cmd->which;
	memcpy(a->of_key, cmd->of, sizeof a->of_key);
	if (cmd->of[0] != '\0')
		a->of = engine_thread_id(place, cmd->of);
	memcpy(a->only_key, cmd->only, sizeof a->only_key);
	if (cmd->only[0] != '\0')
		a->only = engine_thread_id(place, cmd->only);
	a->opinion = cmd->opinion;
	a->reason = cmd->reason == NULL ? NULL : xstrdup(cmd->reason);
	if (cmd->verb == WEB_SEARCH) {
		a->text = xstrdup(cmd->text);
		a->prefix = cmd->prefix;
		a->n = cmd->n;
		a->page = cmd->page;
		a->guest = c->login != NULL && c->login->guest;
		snprintf(a->tz, sizeof a->tz, "%s", c->tz);
	}
	if (cmd->verb == WEB_FORGET && room)
		engine_stop_run(w->engine, w->ws, thread);
	if (!room || !engine_submit(w->engine, work, a)) {
		a->result = ERR_RETRY;
		ask_answered(w, a);
	}
}

void ask_answered(struct web *w, struct ask *a)
{
	struct conn *c = map_get(w->by_id, &a->conn, sizeof a->conn);
	struct buf b = BUF_INIT;
	if (c != NULL)
		c->asking--;
	if (c != NULL && c->dead)
		c = NULL;
	if (a->result != ERR_NONE) {
		bool later = a->result == ERR_RETRY;
		struct web_fault f = { .code = later ? "busy" : "refused" };
		strcpy(f.message, later ? "not done yet: ask again" : "there is no such message of Eddy in this thread");
		strcpy(f.client_id, a->client_id);
		if (c != NULL)
			conn_fault(c, &f, later ? 500 : 0);
		ask_free(a);
		return;
	}
	switch (a->verb) {
	case WEB_THREADS:
		web_put_threads(&b, &a->items, a->found > a->limit, a->which, a->of_key, a->only_key);
		break;
	case WEB_SEARCH:
		web_put_found(&b, a->n, &a->items, &a->total);
		break;
	case WEB_HISTORY:
		web_put_history(&b, a->key, &a->items);
		break;
	default:
		web_put_accepted(&b, a->client_id, a->key, a->named, ID_NONE, 0, false);
		break;
	}
	if (c != NULL)
		conn_push_buf(c, &b);
	buf_done(&b);
	if (a->verb == WEB_FORGET)
		hub_erased(w, a->person, a->thread, a->key);
	ask_free(a);
}
