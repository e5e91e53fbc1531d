/*
 * The letter box of the web adapter.  The engine speaks from its writer, its workers and the http thread; every word is copied into one
 * list under one lock, and the loop thread is woken once for all that has gathered.  One list for all kinds keeps their order: a growing
 * answer's last part comes before the message that closes it.  Threads that nobody looks at cost one look into an atomic counter.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/base/mem.h"
#include "../../core/talk/transcript.h"
#include "../net/loop.h"
#include "state.h"

#define MAIL_BYTES_MAX (32u * 1024u * 1024u)

enum mail_kind { MAIL_EVENT, MAIL_REPLY, MAIL_ACCEPTED, MAIL_LOADED, MAIL_ASKED, MAIL_NEWS };
struct mail {
	struct mail *next;
	enum mail_kind kind;
	size_t bytes;
	struct web_event event;       /* EVENT: its text in data */
	struct web_frame *frame;      /* EVENT; REPLY: its components */
	struct web_frame *components; /* EVENT: what goes with it, or NULL */
	struct reply reply;           /* REPLY: pointers into data */
	struct acceptance *to;        /* ACCEPTED */
	struct accepted accepted;
	struct load *load; /* LOADED */
	struct ask *ask;   /* ASKED */
	struct news *news; /* NEWS */
	char data[];
};

static void mail_free(struct mail *m)
{
	if (m->frame != NULL)
		frame_unref(m->frame);
	if (m->components != NULL)
		frame_unref(m->components);
	free(m->to);
	load_free(m->load);
	ask_free(m->ask);
	news_free(m->news);
	free(m);
}

static void tell_accepted(struct web *w, const struct mail *m)
{
	struct conn *c = map_get(w->by_id, &m->to->conn, sizeof m->to->conn);
	if (c == NULL || c->dead)
		return;
	const struct accepted *a = &m->accepted;
	if (a->result == ERR_NONE) {
		struct buf b = BUF_INIT;
		web_put_accepted(&b, m->to->client_id, m->to->thread, a->message, a->run, a->seq, a->duplicate);
		conn_push_buf(c, &b);
		buf_done(&b);
		return;
	}
	struct web_fault f = { .code = "busy" };
	bool later = a->result == ERR_RETRY;
	if (!later)
		f.code = "refused";
	strcpy(f.message, later ? "not stored yet: send it again with the same client_id" : "this message cannot be stored");
	strcpy(f.client_id, m->to->client_id);
	conn_fault(c, &f, later ? 1000 : 0);
}

static void deliver(void *arg)
{
	struct web *w = arg;
	pthread_mutex_lock(&w->lock);
	struct mail *m = w->mail;
	bool missed = w->mail_missed;
	w->mail = NULL;
	w->mail_tail = &w->mail;
	w->mail_bytes = 0;
	w->mail_posted = w->mail_missed = false;
	pthread_mutex_unlock(&w->lock);
	while (m != NULL) {
		struct mail *next = m->next;
		switch (m->kind) {
		case MAIL_EVENT:
			hub_event(w, &m->event);
			break;
		case MAIL_REPLY:
			hub_reply(w, &m->reply, m->frame);
			break;
		case MAIL_ACCEPTED:
			tell_accepted(w, m);
			break;
		case MAIL_LOADED:
			hub_loaded(w, m->load);
			m->load = NULL;
			break;
		case MAIL_ASKED:
			ask_answered(w, m->ask);
			m->ask = NULL;
			break;
		case MAIL_NEWS:
			news_tell(w, m->news);
			m->news = NULL;
			break;
		}
		mail_free(m);
		m = next;
	}
	if (missed)
		hub_reload(w);
	hub_flush(w);
}

/* Takes ${m}.  ${must}: may not be refused for want of room (there are never more of these than requests). */
static bool put(struct web *w, struct mail *m, bool must)
{
	bool post = false;
	pthread_mutex_lock(&w->lock);
	bool room = must || w->mail_bytes + m->bytes <= MAIL_BYTES_MAX;
	if (room) {
		*w->mail_tail = m;
		w->mail_tail = &m->next;
		w->mail_bytes += m->bytes;
	} else {
		w->mail_missed = true;
	}
	if (!w->mail_posted)
		w->mail_posted = post = true;
	pthread_mutex_unlock(&w->lock);
	if (!room)
		mail_free(m);
	/* When the loop stops nobody is left to be told; what is in the list is freed with the adapter. */
	if (post)
		(void)loop_post(w->loop, deliver, w);
	return room;
}

void mail_event(void *web, const struct thread_event *ev)
{
	struct web *w = web;
	if (ev->kind == EVENT_THREAD) {
		news_event(w, ev);
		return;
	}
	if (atomic_load_explicit(&w->watched_len, memory_order_acquire) == 0)
		return;
	char key[ID_TEXT];
	pthread_mutex_lock(&w->lock);
	const char *found = map_get(w->watched, &ev->thread, sizeof ev->thread);
	if (found != NULL)
		strcpy(key, found);
	pthread_mutex_unlock(&w->lock);
	if (found == NULL)
		return;
	struct buf b = BUF_INIT;
	if (ev->kind == EVENT_RUN) {
		web_put_run(&b, key, ev->run, ev->run_state);
	} else {
		struct web_message m = {
			.type = ev->kind == EVENT_MESSAGE ? "message"
			    : ev->kind == EVENT_EDITED    ? "edited"
			                                  : "deleted",
			.id = ev->message,
			.run = ev->run,
			.seq = ev->seq,
			.rev = ev->rev,
			.at_ms = ev->at_ms,
			.author_kind = ev->author_kind,
			.author = ev->author,
			.key = ev->client_key,
			.text = ev->text,
			.text_len = ev->text_len,
			.edited = ev->kind == EVENT_EDITED,
		};
		web_put_message(&b, key, &m);
	}
	size_t text = ev->kind == EVENT_RUN || ev->text == NULL ? 0 : ev->text_len;
	struct mail *m = xcalloc(1, sizeof *m + text + 1);
	m->kind = MAIL_EVENT;
	m->frame = frame_new(&b);
	m->bytes = sizeof *m + b.len + text;
	if (ev->components_len > 0) {
		buf_reset(&b);
		web_put_components(&b, key, ev->run, ev->message, ev->components, ev->components_len);
		m->components = frame_new(&b);
		m->bytes += b.len;
	}
	if (text > 0)
		memcpy(m->data, ev->text, text);
	m->event = (struct web_event){
		.thread = ev->thread,
		.run = ev->run,
		.rev = ev->rev,
		.seq = ev->seq,
		.at_ms = ev->at_ms,
		.ephemeral = ev->kind == EVENT_RUN,
		.closes = ev->kind == EVENT_MESSAGE && !id_is_none(ev->run) && ev->author_kind == AUTHOR_EDDY,
		.lines = ev->author_kind == AUTHOR_PERSON,
		.text = ev->kind == EVENT_RUN ? NULL : m->data,
		.text_len = text,
		.frame = m->frame,
		.components = m->components,
	};
	buf_done(&b);
	(void)put(w, m, false);
}

enum err mail_reply(struct adapter *a, const struct reply *r)
{
	struct web *w = (struct web *)(void *)a;
	size_t step = r->step_id == NULL ? 0 : strlen(r->step_id) + 1;
	size_t text = r->kind == REPLY_WHOLE ? 0 : r->text_len; /* the message itself comes as a durable event */
	size_t origin = r->origin_len < ID_TEXT ? r->origin_len : 0;
	struct mail *m = xcalloc(1, sizeof *m + text + 1 + step + origin + 1);
	m->kind = MAIL_REPLY;
	m->bytes = sizeof *m + text + step + origin;
	m->reply = *r;
	m->reply.components = NULL;
	m->reply.components_len = 0;
	m->reply.external_ref = NULL;
	char *p = m->data;
	if (text > 0)
		memcpy(p, r->text, text);
	m->reply.text = p;
	m->reply.text_len = text;
	p += text + 1;
	m->reply.step_id = step == 0 ? NULL : memcpy(p, r->step_id, step);
	p += step;
	if (origin > 0)
		memcpy(p, r->origin, origin);
	m->reply.origin = p;
	m->reply.origin_len = origin;
	/* A message that is stored with its components has brought them already, as a durable event. */
	if (r->components_len > 0 && origin == ID_TEXT - 1 && (r->kind != REPLY_WHOLE || r->failed)) {
		struct buf b = BUF_INIT;
		web_put_components(&b, p, r->run, r->message, r->components, r->components_len);
		m->frame = frame_new(&b);
		m->bytes += b.len;
		buf_done(&b);
	}
	return put(w, m, r->kind == REPLY_WHOLE || r->kind == REPLY_ABANDON) ? ERR_NONE : ERR_RETRY;
}

void mail_accepted(void *acceptance, const struct accepted *a)
{
	struct acceptance *to = acceptance;
	struct mail *m = xcalloc(1, sizeof *m);
	m->kind = MAIL_ACCEPTED;
	m->to = to;
	m->accepted = *a;
	m->bytes = sizeof *m + sizeof *to;
	(void)put(to->web, m, true);
}

void mail_loaded(struct web *w, struct load *l)
{
	struct mail *m = xcalloc(1, sizeof *m);
	m->kind = MAIL_LOADED;
	m->load = l;
	(void)put(w, m, true);
}

void mail_asked(struct web *w, struct ask *a)
{
	struct mail *m = xcalloc(1, sizeof *m);
	m->kind = MAIL_ASKED;
	m->ask = a;
	(void)put(w, m, true);
}

void mail_news(struct web *w, struct news *n)
{
	struct mail *m = xcalloc(1, sizeof *m);
	m->kind = MAIL_NEWS;
	m->news = n;
	(void)put(w, m, true);
}

void mail_watch(struct web *w, struct id thread, const char *key, bool on)
{
	pthread_mutex_lock(&w->lock);
	free(on ? map_put(w->watched, &thread, sizeof thread, xstrdup(key)) : map_remove(w->watched, &thread, sizeof thread));
	atomic_store_explicit(&w->watched_len, (int)map_count(w->watched), memory_order_release);
	pthread_mutex_unlock(&w->lock);
}

void mail_discard(struct web *w)
{
	for (struct mail *m = w->mail, *next; m != NULL; m = next) {
		next = m->next;
		mail_free(m);
	}
	w->mail = NULL;
	w->mail_tail = &w->mail;
}
