/*
 * What was said, in short: summaries, catching up, and the full text of a long answer.
 *
 * A model is asked with messages that have numbers, and answers with lines that name them; its lines are held against the same messages once
 * more (digest_check), so what rests on none is not shown.  The messages are read twice, before and after the model.  Where they are no longer
 * the same (one was edited or deleted meanwhile) its numbers mean something else, and its words are not taken.  Everything ends before the
 * message that asked, so what arrives in between changes nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "../agents/task_prompt.h"
#include "../base/mem.h"
#include "../base/tz.h"
#include "../talk/said.h"
#include "../talk/search.h"
#include "ask.h"
#include "command.h"

#define LINES_MAX 8
#define CATCH_UP_MAX 50 /* messages over all threads */
#define CATCH_UP_THREADS 6
#define CATCH_UP_LINES 3 /* of one thread, without a model */
#define ANSWER_TOKENS 1200
#define WEEK_MS ((int64_t)7 * 86400 * 1000)

const struct pg_statement ask_digest_statements[] = {
	{ "digest_last_here",
	    "SELECT seq, created_at FROM messages WHERE ws = $1 AND thread_id = $2 AND author_id = $3 AND seq < $4 AND state <> 2"
	    " ORDER BY seq DESC LIMIT 1" },
	{ "digest_last_elsewhere",
	    "SELECT created_at FROM messages WHERE ws = $1 AND author_id = $2 AND thread_id <> $3 AND state <> 2"
	    " AND created_at > now() - interval '14 days' ORDER BY created_at DESC LIMIT 1" },
	{ "digest_asked_at", "SELECT created_at FROM messages WHERE ws = $1 AND id = $2" },
	{ "digest_whole",
	    "SELECT m.whole FROM messages m JOIN threads t ON t.ws = m.ws AND t.id = m.thread_id WHERE m.ws = $1 AND m.thread_id = $2"
	    " AND m.whole IS NOT NULL AND m.author_kind = 2 AND m.state <> 2 AND m.audience_id = t.audience_id AND (m.seq < $3 OR m.id = $4)"
	    " ORDER BY m.id = $4 DESC, m.seq DESC LIMIT 1" },
	{ NULL, NULL },
};

/* ---- what both have ---- */

/* Messages with their links, in the order of their numbers. */
struct material {
	struct digest_message *list;
	char (*links)[512];
	size_t len;
	struct said said; /* of one thread; else: */
	char **texts;     /* copies of what the rows of a search said */
	size_t texts_len;
	struct group {
		const char *place;
		size_t from, len;
	} groups[CATCH_UP_MAX];
	size_t groups_len;
	int64_t since_ms; /* when the asker was last here; 0: not known */
	bool capped;
};

static void material_done(struct material *m)
{
	free(m->list == m->said.list ? NULL : m->list);
	free(m->links);
	said_done(&m->said);
	for (size_t i = 0; i < m->texts_len; i++)
		free(m->texts[i]);
	free(m->texts);
	memset(m, 0, sizeof(*m));
}

static void link_thread(struct ask *a, struct material *m)
{
	struct said *s = &m->said;
	m->list = s->list;
	m->len = s->len;
	m->links = xcalloc(s->len + 1, sizeof(*m->links));
	for (size_t i = 0; i < s->len; i++) {
		if (ask_permalink(a, s->adapter, s->place_key, s->thread_key, s->keys[i].message, m->links[i], sizeof(m->links[i])))
			m->list[i].link = m->links[i];
	}
}

static void put_moment(const struct ask *a, int64_t at_ms, struct buf *md)
{
	struct tz_time t;
	bool known = tz_local(a->card.tz[0] ? a->card.tz : NULL, at_ms > 0 ? (uint64_t)at_ms : 0, &t);
	buf_addf(
	    md, "%d %s %d, %02d:%02d%s", t.day, tz_month(t.month), t.year, t.hour, t.minute, known && a->card.tz[0] ? "" : " UTC");
}

/* How it is told that no model has written it. */
static void put_floor(const struct ask *a, struct buf *md)
{
	buf_addf(md, "%s, so these are sentences taken word for word",
	    a->why_no_model != NULL ? a->why_no_model : "No model is connected");
}

static bool has_model(const struct ask *a)
{
	char described[128];
	struct model *m = a->e->model;
	m->ops->describe(m, described, sizeof(described));
	return strncmp(described, "builtin", 7) != 0;
}

static void make_task(struct ask *a, const char *name, const struct material *m, const char *before)
{
	const struct task_facts f = { .topic = m->said.title,
		.before = before,
		.place = a->place,
		.asker = a->card.name,
		.tz = a->card.tz[0] ? a->card.tz : NULL,
		.wall_ms = a->wall_ms,
		.since_ms = m->since_ms,
		.messages = m->list,
		.messages_len = m->len };
	a->task.name = name;
	a->task.max_tokens = ANSWER_TOKENS;
	a->task.status = "is reading…";
	task_prompt(name, &f, &a->task.system, &a->task.input);
}

bool ask_is_same(const struct ask *a, const struct digest_message *m, size_t n)
{
	struct buf now = BUF_INIT;
	const struct buf *then = &a->r->task->input;
	digest_transcript(m, n, TASK_ROOM, &now);
	while (now.len > 0 && now.p[now.len - 1] == '\n')
		buf_truncate(&now, now.len - 1);
	bool any = now.len > 0;
	buf_add_str(&now, "\n\n"); /* all of them: in a template an empty line follows the last, inside the list none does */
	bool same = any && then->len > 0 && memmem(then->p, then->len, now.p, now.len) != NULL;
	buf_done(&now);
	return same;
}

/* ---- summarise ---- */

static enum err load_thread(struct ask *a, int64_t after, struct id but, struct material *m)
{
	enum err e = said_load(a->pg, a->r->ws, a->r->thread, after, a->r->message_seq, but, &m->said);
	if (e == ERR_NONE)
		link_thread(a, m);
	return e;
}

/* Up to date: nothing that counts was said after it. */
static bool is_fresh(const struct summary *kept, const struct material *m)
{
	return kept->body != NULL && (m->len == 0 || m->list[m->len - 1].seq <= kept->upto);
}

static void put_kept(struct ask *a, const struct summary *kept)
{
	buf_add_str(a->md, "In short, as of ");
	put_moment(a, kept->at_ms, a->md);
	if (!kept->by_model) {
		buf_add_str(a->md, " (");
		put_floor(a, a->md);
		buf_add_char(a->md, ')');
	}
	buf_add_str(a->md, "; nothing was added since:\n\n");
	buf_add(a->md, kept->body, kept->body_len);
}

static enum err summarise_answer(struct ask *a)
{
	struct material m = { 0 };
	struct summary kept = { 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = summary_get(a->pg, a->r->ws, a->r->thread, &kept);
	if (e == ERR_NONE)
		e = load_thread(a, 0, ID_NONE, &m);
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && m.len == 0) {
		buf_add_str(a->md, "There is nothing to sum up here yet: I read what was said in this thread before you asked.");
	} else if (e == ERR_NONE && !a->again && is_fresh(&kept, &m) && (kept.by_model || !has_model(a))) {
		put_kept(a, &kept);
	} else if (e == ERR_NONE) {
		/* Of a thread too long to be read whole the last summary tells the beginning. */
		bool older = m.said.more && kept.body != NULL && kept.upto < a->r->message_seq;
		make_task(a, TASK_SUMMARY, &m, older ? kept.body : NULL);
	}
	summary_done(&kept);
	material_done(&m);
	return e;
}

static enum err summarise_complete(struct ask *a, const char *said, size_t n)
{
	struct material m = { 0 };
	struct buf body = BUF_INIT;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = load_thread(a, 0, ID_NONE, &m);
	if (e == ERR_NONE && said != NULL &&
	    (!ask_is_same(a, m.list, m.len) || digest_check(said, n, m.list, m.len, LINES_MAX, &body) == 0))
		e = ERR_INPUT;
	if (e == ERR_NONE && said == NULL)
		digest_extract(m.list, m.len, LINES_MAX, &body);
	if (e == ERR_NONE && body.len > 0)
		e = summary_put(a->pg, a->r->ws, a->r->thread, &m.said, body.p, body.len, said != NULL);
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && body.len > 0) {
		buf_addf(a->md, "In short, %s%zu message%s", m.said.more ? "the last " : "", m.len, m.len == 1 ? "" : "s");
		if (said == NULL) {
			buf_add_str(a->md, " (");
			put_floor(a, a->md);
			buf_add_char(a->md, ')');
		}
		buf_add_str(a->md, ":\n\n");
		buf_add(a->md, body.p, body.len);
	} else if (e == ERR_NONE) {
		buf_add_str(a->md, "There is nothing left here to sum up.");
	}
	buf_done(&body);
	material_done(&m);
	return e;
}

/* ---- catch up ---- */

struct finding {
	struct ask *a;
	struct material *m;
	struct found {
		struct digest_message m;
		struct id thread;
		const char *place;
		char link[512];
		size_t nth; /* of its thread among those found */
	} found[CATCH_UP_MAX];
	size_t len, threads;
	struct id seen[CATCH_UP_MAX];
};

static const char *keep_text(struct material *m, const char *s)
{
	m->texts = xrealloc(m->texts, (m->texts_len + 1) * sizeof(*m->texts));
	m->texts[m->texts_len] = xstrdup(s);
	return m->texts[m->texts_len++];
}

/* Newest first. */
static void on_found(void *arg, const struct found_message *f)
{
	struct finding *x = arg;
	struct ask *a = x->a;
	if (x->len == CATCH_UP_MAX || id_equal(f->thread, a->r->thread) || id_equal(f->author, a->r->person))
		return;
	struct found *to = &x->found[x->len++];
	*to = (struct found){ .thread = f->thread };
	to->place = f->place_name != NULL ? keep_text(x->m, f->place_name) : NULL;
	to->m = (struct digest_message){ .id = f->id,
		.seq = f->seq,
		.at_ms = f->at_ms,
		.author = keep_text(x->m, f->author_name != NULL ? f->author_name : "somebody"),
		.text = keep_text(x->m, f->text),
		.text_len = strlen(f->text) };
	if (!ask_permalink(a, f->adapter, f->place_key, f->thread_key, f->message_key, to->link, sizeof(to->link)))
		to->link[0] = '\0';
}

/* Thread by thread, the one with the newest message first; inside each in the order in which things were said. */
static void group(struct finding *x)
{
	struct material *m = x->m;
	m->list = xcalloc(x->len + 1, sizeof(*m->list));
	m->links = xcalloc(x->len + 1, sizeof(*m->links));
	for (size_t i = 0; i < x->len; i++) {
		struct found *f = &x->found[i];
		while (f->nth < x->threads && !id_equal(x->seen[f->nth], f->thread))
			f->nth++;
		if (f->nth == x->threads)
			x->seen[x->threads++] = f->thread;
	}
	for (size_t t = 0; t < x->threads; t++) {
		struct group *g = &m->groups[m->groups_len++];
		*g = (struct group){ .from = m->len };
		for (size_t i = x->len; i-- > 0;) {
			struct found *f = &x->found[i];
			if (f->nth != t)
				continue;
			if (g->place == NULL)
				g->place = f->place;
			f->m.place = f->place;
			memcpy(m->links[m->len], f->link, sizeof(f->link));
			m->list[m->len] = f->m;
			m->list[m->len].link = f->link[0] ? m->links[m->len] : NULL;
			m->len++;
			g->len++;
		}
	}
}

static enum err one_time(struct ask *a, const char *statement, struct pg_args *g, int col, int64_t *ms, int64_t *seq)
{
	PGresult *r = NULL;
	enum err e = ask_query(a, statement, g, &r);
	pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(r) == 1) {
		*ms = pg_get_time_ms(r, 0, col);
		if (seq != NULL)
			*seq = pg_get_int8(r, 0, 0);
	}
	PQclear(r);
	return ERR_NONE;
}

static struct pg_args *args_of(const struct ask *a, struct id id)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, id);
	return g;
}

/* In a direct conversation: what was said where both may read, in all of it. */
static enum err load_everywhere(struct ask *a, struct material *m)
{
	struct run *r = a->r;
	int64_t asked = 0, last = 0;
	struct pg_args *g = args_of(a, r->person);
	pg_arg_id(g, r->thread);
	enum err e = one_time(a, "digest_last_elsewhere", g, 0, &last, NULL);
	if (e == ERR_NONE)
		e = one_time(a, "digest_asked_at", args_of(a, r->message), 0, &asked, NULL);
	if (e != ERR_NONE)
		return e;
	if (asked == 0)
		asked = (int64_t)a->wall_ms;
	m->since_ms = last;
	struct search_allowed may = { 0 };
	const struct search_scope scope = {
		.ws = r->ws, .thread = r->thread, .place = r->place, .guest = a->card.guest, .reads = &r->reads
	};
	e = search_allowed_audiences(a->pg, &scope, &may);
	if (e != ERR_NONE)
		return e;
	struct finding *x = xcalloc(1, sizeof(*x));
	x->a = a;
	x->m = m;
	const struct search_query q = { .me = r->person,
		.after_ms = last > 0 ? last : asked - WEEK_MS,
		.before_ms = asked + 1, /* what is stored is finer than a millisecond */
		.order = SEARCH_NEWEST,
		.limit = CATCH_UP_MAX };
	struct search_totals totals = { 0 };
	e = search_messages(a->pg, &may, &q, on_found, x, &totals);
	if (e == ERR_NONE)
		group(x);
	m->capped = totals.matches > CATCH_UP_MAX || totals.capped;
	search_allowed_done(&may);
	free(x);
	return e;
}

static enum err load_missed(struct ask *a, struct material *m)
{
	if (a->visibility == VIS_DIRECT)
		return load_everywhere(a, m);
	int64_t seq = 0;
	struct pg_args *g = args_of(a, a->r->thread);
	pg_arg_id(g, a->r->person);
	pg_arg_int8(g, a->r->message_seq);
	enum err e = id_is_none(a->r->person) ? ERR_NONE : one_time(a, "digest_last_here", g, 1, &m->since_ms, &seq);
	if (e == ERR_NONE)
		e = load_thread(a, seq, a->r->person, m);
	return e;
}

static void put_since(struct ask *a, const struct material *m)
{
	bool direct = a->visibility == VIS_DIRECT;
	if (m->since_ms > 0) {
		buf_add_str(a->md, direct ? "since you last wrote elsewhere (" : "since your last message (");
		put_moment(a, m->since_ms, a->md);
		buf_add_char(a->md, ')');
	} else {
		buf_add_str(a->md, direct ? "in the last seven days" : "in this thread");
	}
}

static enum err catch_up_answer(struct ask *a)
{
	struct material m = { 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = load_missed(a, &m);
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && m.len == 0) {
		buf_add_str(a->md, "You have missed nothing: nobody else has written ");
		put_since(a, &m);
		buf_add_str(a->md, a->visibility == VIS_DIRECT ? " where I may read.\n" : ".\n");
	} else if (e == ERR_NONE) {
		make_task(a, TASK_CATCH_UP, &m, NULL);
	}
	material_done(&m);
	return e;
}

static void extract_groups(const struct material *m, struct buf *md)
{
	for (size_t i = 0; i < m->groups_len && i < CATCH_UP_THREADS; i++) {
		const struct group *g = &m->groups[i];
		buf_addf(md, "%s**", i > 0 ? "\n" : "");
		if (g->place != NULL)
			command_put_name(md, g->place);
		else
			buf_add_str(md, "A conversation");
		buf_addf(md, "**, %zu message%s\n\n", g->len, g->len == 1 ? "" : "s");
		digest_extract(m->list + g->from, g->len, CATCH_UP_LINES, md);
	}
	if (m->groups_len > CATCH_UP_THREADS)
		buf_addf(md, "\nAnd %zu more conversations.\n", m->groups_len - CATCH_UP_THREADS);
}

static enum err catch_up_complete(struct ask *a, const char *said, size_t n)
{
	struct material m = { 0 };
	struct buf body = BUF_INIT;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = load_missed(a, &m);
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && said != NULL &&
	    (!ask_is_same(a, m.list, m.len) || digest_check(said, n, m.list, m.len, LINES_MAX, &body) == 0))
		e = ERR_INPUT;
	if (e == ERR_NONE && said == NULL && m.groups_len > 0)
		extract_groups(&m, &body);
	else if (e == ERR_NONE && said == NULL)
		digest_extract(m.list, m.len, LINES_MAX, &body);
	if (e == ERR_NONE) {
		buf_addf(a->md, "%s%zu message%s ", m.capped || m.said.more ? "The last " : "", m.len, m.len == 1 ? "" : "s");
		put_since(a, &m);
		if (said == NULL) {
			buf_add_str(a->md, " (");
			put_floor(a, a->md);
			buf_add_char(a->md, ')');
		}
		buf_add_str(a->md, ":\n\n");
		buf_add(a->md, body.p, body.len);
	}
	buf_done(&body);
	material_done(&m);
	return e;
}

/* ---- the full text of a long answer ---- */

static enum err whole_answer(struct ask *a)
{
	PGresult *r = NULL;
	struct pg_args *g = args_of(a, a->r->thread);
	pg_arg_int8(g, a->r->message_seq);
	pg_arg_id(g, a->r->about);
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = ask_query(a, "digest_whole", g, &r);
	e = pg_end(a->pg, e);
	pg_args_free(g);
	if (e == ERR_NONE && PQntuples(r) == 1)
		buf_add(a->md, PQgetvalue(r, 0, 0), (size_t)PQgetlength(r, 0, 0));
	else if (e == ERR_NONE)
		buf_add_str(a->md, "There is no answer in this thread that I have shortened: what you see is all of it.");
	PQclear(r);
	return e;
}

const struct ask_handler ask_digest[] = {
	{ CMD_SUMMARISE, summarise_answer, summarise_complete },
	{ CMD_CATCH_UP, catch_up_answer, catch_up_complete },
	{ CMD_WHOLE, whole_answer, NULL },
	{ CMD_NONE, NULL, NULL },
};
