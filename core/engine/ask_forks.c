/*
 * Side threads as people ask for them: opening one, listing them, closing one without a word.  What comes back from one is in ask_resolve.c.
 *
 * Opening takes two steps where the platform names the new thread: the row and the delivery of its first message are stored here; the
 * thread is made when that message is visible (fork.c).  On a page the thread is there at once.
 */
#include <string.h>

#include "../base/utf8.h"
#include "../settings/settings.h"
#include "../talk/thread.h"
#include "fork.h"
#include "resolve.h"

const struct pg_statement ask_forks_statements[] = {
	{ "fork_lock",
	    "SELECT t.external_key, p.external_id, p.id FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " WHERE t.ws = $1 AND t.id = $2 FOR UPDATE OF t" },
	{ "fork_count",
	    "SELECT count(*) FILTER (WHERE state <= 2), coalesce(max(n), 0)::int8 FROM forks WHERE ws = $1 AND parent_id = $2" },
	/*
	 * The message pointed at, else what was said before the command, else the command's own words.  What Eddy answered to commands or found
	 * without a model is only meant when it is pointed at.
	 */
	{ "fork_about",
	    "SELECT m.id, m.body, p.name, m.author_kind, m.message_key FROM messages m LEFT JOIN people p ON p.ws = m.ws AND p.id = m.author_id"
	    " LEFT JOIN runs r ON r.ws = m.ws AND r.id = m.run_id"
	    " WHERE m.ws = $1 AND m.thread_id = $2 AND m.state <> 2 AND m.audience_id = $6 AND (m.id = $3 OR m.seq < $4 OR m.id = $5)"
	    " AND NOT (m.author_kind = 2 AND (m.run_id IS NULL OR (m.id IS DISTINCT FROM $3"
	    " AND coalesce(r.kind = 2 OR r.builtin, false)))) AND NOT EXISTS (SELECT 1 FROM runs c WHERE c.ws = m.ws AND c.thread_id = m.thread_id"
	    " AND c.message_id = m.id AND c.kind = 2 AND m.id <> $5)"
	    " ORDER BY m.id = $3 DESC, m.id = $5, m.seq DESC LIMIT 1" },
	{ "fork_put",
	    "INSERT INTO forks (ws, id, parent_id, n, about_id, topic, state, created_by, adapter, place_key, parent_origin, origin, thread_id,"
	    " opened_at, quotes) VALUES ($1, $2, $3, $4, $5, $6, $7::int2, $8, $9, $10, $11, $12, $13, CASE WHEN $7::int2 = 2 THEN now() END,"
	    " $14)" },
	{ "fork_delivery",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state) VALUES ($1, $2, $3, $4, $5, $6, 1)"
	    " RETURNING thread_id) INSERT INTO dispatch (ws, thread_id, pending, due, token) SELECT $1, thread_id, 1, now(), 0 FROM o"
	    " ON CONFLICT (ws, thread_id) DO UPDATE SET pending = dispatch.pending + 1, due = now()" },
	{ "fork_live",
	    "INSERT INTO threads (ws, id, place_id, external_key, title, seq, taking_part, last_author, only_person, audience_id, fork_id)"
	    " SELECT $1, $2, p.id, $3, $4, 0, true, 2, $5, t.audience_id, $6 FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " WHERE t.ws = $1 AND t.id = $7 ON CONFLICT (ws, id) DO NOTHING" },
	{ "fork_audit",
	    "INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING" },
	{ "fork_close", "UPDATE forks SET state = $3, closed_at = now(), closed_by = $4 WHERE ws = $1 AND id = $2" },
	{ "fork_close_thread", "UPDATE threads SET state = $3 WHERE ws = $1 AND id = $2" },
	{ "fork_drop_drafts",
	    "UPDATE resolutions SET state = 4, closed_at = now(), closed_by = $3 WHERE ws = $1 AND fork_id = $2 AND state = 1" },
	{ "fork_headlines",
	    "SELECT fork_id, headline FROM resolutions WHERE ws = $1 AND fork_id = ANY ($2::uuid[]) AND state = 2" },
	{ NULL, NULL },
};

static struct pg_args *args_of(const struct ask *a, struct id id)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, id);
	return g;
}

static enum err run_args(struct ask *a, const char *statement, struct pg_args *g, PGresult **out)
{
	enum err e = ask_query(a, statement, g, out);
	pg_args_free(g);
	return e;
}

enum err fork_audit(struct ask *a, const char *verb, struct id fork, struct id thread)
{
	struct pg_args *g = args_of(a, id_named(a->r->id, 0, verb, strlen(verb)));
	pg_arg_id(g, a->r->person);
	pg_arg_str(g, verb);
	pg_arg_id(g, fork);
	pg_arg_id(g, thread);
	return run_args(a, "fork_audit", g, NULL);
}

enum err fork_end(struct ask *a, const struct fork_row *f, enum fork_state to)
{
	struct pg_args *g = args_of(a, f->id);
	pg_arg_int2(g, (int16_t)to);
	pg_arg_id(g, a->r->person);
	enum err e = run_args(a, "fork_close", g, NULL);
	if (e == ERR_NONE && !id_is_none(f->thread)) {
		g = args_of(a, f->thread);
		pg_arg_int2(g, to == FORK_RESOLVED ? THREAD_RESOLVED : THREAD_ARCHIVED);
		e = run_args(a, "fork_close_thread", g, NULL);
	}
	return e;
}

/* ---- fork ---- */

struct opening {
	struct ask *a;
	struct id id, parent, about;
	int n;
	PGresult *lock, *about_row;
	struct buf topic, text, body; /* ${body}: of the message that it is about, as it may be said */
	bool quotes;                  /* the topic is the words of the message that it is about */
	const char *parent_origin;
	size_t parent_origin_len;
	struct fork_row was; /* the side thread that this one is asked for in: its parent is the new one's */
	char origin[INTENT_ORIGIN_MAX], place_key[PLACE_KEY_MAX], thread_key[PLACE_KEY_MAX];
	size_t origin_len;
	struct id thread; /* of a live view: made at once */
};

/* Which thread it leaves.  False: the answer says why none. */
static enum err find_parent(struct opening *o, bool *ok)
{
	struct ask *a = o->a;
	struct run *r = a->r;
	enum err e = ERR_NONE;
	o->parent = r->thread;
	o->parent_origin = r->origin;
	o->parent_origin_len = r->origin_len;
	*ok = false;
	if (r->private_reply) {
		ask_refuse(a, API_FORBIDDEN,
		    "A side thread is for everybody who reads the thread that it leaves: please say `fork` in that thread.");
		return ERR_NONE;
	}
	if (!id_is_none(r->fork)) {
		e = fork_load(a, r->fork, &o->was);
		if (e != ERR_NONE || o->was.res == NULL)
			return e;
		if (o->was.state == FORK_ACTIVE || o->was.state == FORK_OPENING) {
			buf_add_str(a->md,
			    "This is a side thread already, and they don't branch again. `resolve` it first, or say `fork` in the thread it comes "
			    "from.");
			return ERR_NONE;
		}
		o->parent = o->was.parent; /* what comes after a resolution is beside it */
		o->parent_origin = o->was.parent_origin;
		o->parent_origin_len = o->was.parent_origin_len;
	}
	e = run_args(a, "fork_lock", args_of(a, o->parent), &o->lock);
	*ok = e == ERR_NONE && PQntuples(o->lock) == 1;
	return e;
}

struct list {
	struct ask *a;
	bool buttons;
	PGresult *headlines;
	int shown, limit;
};

static void list_one(void *arg, struct fork_row *f)
{
	struct list *l = arg;
	bool open = f->state == FORK_ACTIVE || f->state == FORK_OPENING;
	if ((l->buttons && !open) || f->state == FORK_FAILED)
		return;
	struct buf *md = l->a->md;
	buf_add_str(md, "- ");
	fork_put_name(l->a, f, md);
	buf_addf(md, " – %s", fork_state_word(f->state));
	for (int i = 0; i < PQntuples(l->headlines); i++) {
		const char *headline = PQgetvalue(l->headlines, i, 1);
		if (!id_equal(pg_get_id(l->headlines, i, 0), f->id) || strcmp(headline, f->topic) == 0)
			continue;
		buf_add_str(md, ": ");
		command_put_name(md, headline);
	}
	if (f->creator_name != NULL) {
		buf_add_str(md, ", asked for by ");
		command_put_name(md, f->creator_name);
	}
	buf_add_char(md, '\n');
	l->shown++;
	if (open && l->buttons && l->shown <= 10) {
		char label[48], command[32];
		snprintf(label, sizeof(label), "Resolve #%d", f->n);
		snprintf(command, sizeof(command), "resolve #%d", f->n);
		ask_button(l->a, label, command, BUTTON_PLAIN);
		snprintf(label, sizeof(label), "Abandon #%d", f->n);
		snprintf(command, sizeof(command), "abandon #%d", f->n);
		ask_button(l->a, label, command, BUTTON_DANGER);
	}
}

struct ids {
	struct pg_args *g;
};

static void add_id(void *arg, struct fork_row *f)
{
	pg_array_id(((struct ids *)arg)->g, f->id);
}

static enum err list_forks(struct ask *a, struct id parent, bool buttons, int *shown)
{
	struct list l = { .a = a, .buttons = buttons };
	struct ids ids = { pg_args_new() };
	pg_arg_id(ids.g, a->r->ws);
	pg_array_begin(ids.g, PG_UUID);
	enum err e = fork_each(a, parent, add_id, &ids);
	pg_array_end(ids.g);
	if (e == ERR_NONE)
		e = ask_query(a, "fork_headlines", ids.g, &l.headlines);
	pg_args_free(ids.g);
	if (e == ERR_NONE)
		e = fork_each(a, parent, list_one, &l);
	PQclear(l.headlines);
	*shown = l.shown;
	return e;
}

static enum err find_about(struct opening *o)
{
	struct ask *a = o->a;
	struct run *r = a->r;
	struct pg_args *g = args_of(a, r->thread);
	pg_arg_id(g, r->about);
	pg_arg_int8(g, r->message_seq);
	pg_arg_id(g, r->message);
	pg_arg_id(g, r->audience);
	enum err e = run_args(a, "fork_about", g, &o->about_row);
	if (e != ERR_NONE || PQntuples(o->about_row) == 0)
		return e;
	o->about = pg_get_id(o->about_row, 0, 0); /* asked for in a resolved side thread: its last word */
	/* Before anything is cut off, because half a secret is none that could be known. */
	if (a->arg_len > 0) {
		struct buf said = BUF_INIT;
		size_t line = strcspn(a->arg, "\n");
		speak_whole(a->e, r->ws, a->arg, line < a->arg_len ? line : a->arg_len, &said);
		fork_put_topic(&o->topic, said.p != NULL ? said.p : "", said.len);
		buf_done(&said);
	}
	speak_whole(a->e, r->ws, PQgetvalue(o->about_row, 0, 1), (size_t)PQgetlength(o->about_row, 0, 1), &o->body);
	o->quotes = o->topic.len == 0;
	if (o->topic.len == 0)
		fork_put_topic_of(&o->topic, o->body.p != NULL ? o->body.p : "", o->body.len);
	fork_say_topic(a->e, r->ws, &o->topic);
	return ERR_NONE;
}

static void write_opening(struct opening *o)
{
	struct ask *a = o->a;
	bool about = o->about_row != NULL && PQntuples(o->about_row) == 1;
	bool own = about && id_equal(pg_get_id(o->about_row, 0, 0), a->r->message);
	bool here = id_equal(o->parent, a->r->thread); /* not asked for in a side thread that was beside it */
	const char *key =
	    about && here && !PQgetisnull(o->about_row, 0, 4) ? PQgetvalue(o->about_row, 0, 4) : PQgetvalue(o->lock, 0, 0);
	char link[1024];
	bool linked =
	    ask_permalink(a, a->r->via->ops->name, PQgetvalue(o->lock, 0, 1), PQgetvalue(o->lock, 0, 0), key, link, sizeof(link));
	struct fork_words w = {
		.n = o->n, .topic = o->topic.p, .creator = a->card.name[0] ? a->card.name : NULL, .link = linked ? link : NULL
	};
	if (about && !own) {
		bool eddy = pg_get_int8(o->about_row, 0, 3) == AUTHOR_EDDY;
		w.author = eddy ? "Eddy" : pg_get_str(o->about_row, 0, 2);
		w.quote = o->body.p;
		w.quote_len = o->body.len;
	}
	fork_put_opening(&o->text, &w);
	speak_over(a->e, a->r->ws, &o->text);
}

static enum err put_fork(struct opening *o)
{
	struct ask *a = o->a;
	bool live = o->thread_key[0] != '\0';
	const char *place = o->place_key[0] != '\0' ? o->place_key : PQgetvalue(o->lock, 0, 1);
	o->thread = live ? engine_thread_id(engine_place_id(a->r->ws, a->r->via->ops->name, place), o->thread_key) : ID_NONE;
	struct pg_args *g = args_of(a, o->id);
	pg_arg_id(g, o->parent);
	pg_arg_int4(g, o->n);
	pg_arg_id(g, o->about);
	pg_arg_str(g, o->topic.p);
	pg_arg_int2(g, live ? FORK_ACTIVE : FORK_OPENING);
	pg_arg_id(g, a->r->person);
	pg_arg_str(g, a->r->via->ops->name);
	pg_arg_str(g, place);
	pg_arg_bytes(g, o->parent_origin, o->parent_origin_len);
	if (live)
		pg_arg_bytes(g, o->origin, o->origin_len);
	else
		pg_arg_null(g);
	pg_arg_id(g, o->thread);
	pg_arg_bool(g, o->quotes);
	return run_args(a, "fork_put", g, NULL);
}

static enum err deliver_opening(struct opening *o)
{
	struct ask *a = o->a;
	struct pg_args *g = args_of(a, o->id);
	pg_arg_id(g, o->parent);
	pg_arg_text(g, o->text.p, o->text.len);
	pg_arg_str(g, a->r->via->ops->name);
	pg_arg_bytes(g, o->origin, o->origin_len);
	a->more_work = true;
	return run_args(a, "fork_delivery", g, NULL);
}

static enum err make_live(struct opening *o)
{
	struct ask *a = o->a;
	struct pg_args *g = args_of(a, o->thread);
	pg_arg_str(g, o->thread_key);
	pg_arg_str(g, o->topic.p);
	pg_arg_id(g, a->r->person);
	pg_arg_id(g, o->id);
	pg_arg_id(g, o->parent);
	enum err e = run_args(a, "fork_live", g, NULL);
	if (e == ERR_NONE)
		e = ask_say(a,
		    &(struct ask_saying){ .id = o->id,
		        .thread = o->thread,
		        .adapter = a->r->via->ops->name,
		        .origin = o->origin,
		        .origin_len = o->origin_len,
		        .text = o->text.p,
		        .text_len = o->text.len });
	return e;
}

/* Of a live view: what is said where it was asked for. */
static void say_opened(struct ask *a, const struct fork_row *f)
{
	char link[1024];
	bool linked = fork_link(a, f, link, sizeof(link));
	fork_put_opened(a->md, f->n, f->topic, linked ? link : NULL);
	if (linked)
		ask_component(
		    a, &(struct component){ .kind = COMPONENT_LINK, .action = "fork.open", .value = link, .label = f->topic });
}

static enum err open_new(struct opening *o)
{
	struct ask *a = o->a;
	PGresult *count = NULL;
	int shown = 0, limit;
	enum err e = run_config(a->r, a->pg);
	if (e == ERR_NONE)
		e = run_args(a, "fork_count", args_of(a, o->parent), &count);
	if (e != ERR_NONE)
		return e;
	int64_t open = pg_get_int8(count, 0, 0);
	limit = (int)config_int(a->r->config, "forks.max_active");
	o->n = (int)pg_get_int8(count, 0, 1) + 1;
	PQclear(count);
	if (open >= limit) {
		buf_addf(a->md, "%d side thread%s open here, which is as many as there may be. Which one can be closed?\n\n", limit,
		    limit == 1 ? " is" : "s are");
		return list_forks(a, o->parent, true, &shown);
	}
	if ((e = find_about(o)) != ERR_NONE)
		return e;
	const struct adapter_ops *ops = a->r->via->ops;
	if (ops->origin_beside != NULL)
		o->origin_len = ops->origin_beside(a->r->via->a, a->r->ws, o->parent_origin, o->parent_origin_len, o->id,
		    o->topic.p != NULL ? o->topic.p : "", o->origin, o->place_key, o->thread_key);
	if (o->origin_len == 0 || o->about_row == NULL) {
		ask_refuse(a, API_UNAVAILABLE, "I can't open a side thread here.");
		return ERR_NONE;
	}
	write_opening(o);
	e = put_fork(o);
	if (e == ERR_NONE)
		e = fork_audit(a, "fork.asked", o->id, o->parent);
	if (e == ERR_NONE)
		e = o->thread_key[0] != '\0' ? make_live(o) : deliver_opening(o);
	return e;
}

static enum err answer_fork(struct ask *a)
{
	struct opening o = { .a = a, .id = id_named(a->r->id, 0, "fork", 4) };
	struct fork_row made = { 0 };
	bool ok = false;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = fork_load(a, o.id, &made); /* asked for before a crash */
	bool fresh = e == ERR_NONE && made.res == NULL;
	if (fresh) {
		e = find_parent(&o, &ok);
		if (e == ERR_NONE && ok)
			e = open_new(&o);
		if (e == ERR_NONE)
			e = fork_load(a, o.id, &made);
	}
	/* Where the platform names it, its parent hears of it once it is there: nothing is said here. */
	if (e == ERR_NONE && made.res != NULL && !id_is_none(made.thread) && (a->r->via->ops->caps & CAP_PULL) != 0)
		say_opened(a, &made);
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && fresh && made.res != NULL && !id_is_none(made.thread))
		engine_tell_thread(a->e, a->r->ws, made.thread, CHANGE_FORK_CREATED);
	fork_row_done(&made);
	fork_row_done(&o.was);
	PQclear(o.lock);
	PQclear(o.about_row);
	buf_done(&o.topic);
	buf_done(&o.text);
	buf_done(&o.body);
	return e;
}

/* ---- forks ---- */

static enum err answer_forks(struct ask *a)
{
	struct fork_row f = { 0 };
	int shown = 0;
	struct id parent = a->r->thread;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE && !id_is_none(a->r->fork)) {
		e = fork_load(a, a->r->fork, &f);
		if (e == ERR_NONE && f.res != NULL) {
			char link[1024];
			buf_add_str(a->md, "This is side thread ");
			fork_put_name(a, &f, a->md);
			buf_addf(a->md, ", %s", fork_state_word(f.state));
			if (fork_parent_link(a, &f, link, sizeof(link)))
				buf_addf(a->md, ", of [this thread](%s)", link);
			buf_add_char(a->md, '.');
		}
	} else if (e == ERR_NONE) {
		e = list_forks(a, parent, false, &shown);
		if (e == ERR_NONE && shown == 0)
			buf_add_str(a->md, "No side thread has left this thread. `fork` and a topic opens one.");
	}
	e = pg_end(a->pg, e);
	fork_row_done(&f);
	return e;
}

/* ---- abandon ---- */

static void say_closed(struct ask *a, const struct fork_row *f)
{
	buf_addf(a->md, "Side thread #%d ", f->n);
	switch (f->state) {
	case FORK_OPENING:
		buf_add_str(a->md, "is not open yet.");
		break;
	case FORK_RESOLVED:
		buf_add_str(a->md, "is resolved already.");
		break;
	case FORK_ABANDONED:
		buf_add_str(a->md, "was abandoned.");
		break;
	case FORK_FAILED:
		buf_add_str(a->md, "could not be opened.");
		break;
	case FORK_ACTIVE:
		buf_add_str(a->md, "is active.");
		break;
	}
}

void fork_say_state(struct ask *a, const struct fork_row *f)
{
	say_closed(a, f);
}

static enum err answer_abandon(struct ask *a)
{
	struct fork_row f = { 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = fork_meant(a, &f);
	bool done = false;
	if (e == ERR_NONE && f.res != NULL) {
		if (a->card.guest && !id_equal(f.creator, a->r->person)) {
			ask_refuse(a, API_FORBIDDEN, "Only members may close what somebody else has begun.");
		} else if (!fork_may_become(f.state, FORK_ABANDONED)) {
			say_closed(a, &f);
		} else {
			e = fork_end(a, &f, FORK_ABANDONED);
			struct pg_args *g = args_of(a, f.id);
			pg_arg_id(g, a->r->person);
			e = e == ERR_NONE ? run_args(a, "fork_drop_drafts", g, NULL) : (pg_args_free(g), e);
			if (e == ERR_NONE)
				e = fork_audit(a, "fork.abandoned", f.id, f.parent);
			done = e == ERR_NONE;
			if (!id_is_none(a->r->fork))
				buf_add_str(a->md, "Closed. Nothing of this goes back; it stays readable and can be found.");
			else
				buf_addf(a->md, "Side thread #%d is closed; nothing of it comes back here.", f.n);
		}
	}
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && done)
		engine_tell_thread(a->e, a->r->ws, f.thread, CHANGE_FORK_ABANDONED);
	fork_row_done(&f);
	return e;
}

const struct ask_handler ask_forks[] = {
	{ CMD_FORK, answer_fork, NULL },
	{ CMD_FORKS, answer_forks, NULL },
	{ CMD_ABANDON, answer_abandon, NULL },
	{ CMD_RESOLVE, resolve_answer, resolve_complete },
	{ CMD_ACCEPT, accept_answer, NULL },
	{ CMD_EDIT, edit_answer, NULL },
	{ CMD_DISCARD, discard_answer, NULL },
	{ CMD_NONE, NULL, NULL },
};
