/*
 * What comes back from a side thread: a draft from its messages, by the model or word for word without one; its creator changes or accepts
 * it; then it is posted in the thread that it left.  Each step is one transaction, and its rows take their ids from the run that made
 * the draft: whatever dies in between, the next try finds what is done and goes on.
 *
 * The draft is Markdown (talk/resolution.h).  Its [n] name messages by their place in resolutions.sources, so they survive editing.
 */
#include <stdlib.h>
#include <string.h>

#include "../agents/task_prompt.h"
#include "../base/mem.h"
#include "../memory/item.h"
#include "../talk/resolution.h"
#include "resolve.h"

#define MESSAGES_MAX 200
#define DRAFT_TOKENS 1500
#define BUTTON_VALUE_MAX 1900

/* What people said in it: not what they told Eddy to do, not what Eddy said about the side thread itself. */
#define SAID \
	" FROM messages m LEFT JOIN people p ON p.ws = m.ws AND p.id = m.author_id LEFT JOIN runs r ON r.ws = m.ws AND r.id = m.run_id" \
	" LEFT JOIN outbox o ON o.ws = m.ws AND o.id = m.run_id"
#define COUNTS \
	" AND m.state <> 2 AND m.body <> '' AND NOT (m.author_kind = 2 AND (m.run_id IS NULL OR r.kind = 2 OR r.builtin)) AND m.author_kind <> 3" \
	" AND NOT EXISTS (SELECT 1 FROM runs c WHERE c.ws = m.ws AND c.thread_id = m.thread_id AND c.message_id = m.id AND c.kind = 2)"
#define COLUMNS \
	"m.id, m.seq, m.created_at, m.author_kind, p.name, coalesce(m.whole, m.body)," \
	" coalesce(m.message_key, split_part(o.external_ref, ',', 1), m.id::text)"

const struct pg_statement ask_resolve_statements[] = {
	{ "resolve_messages",
	    "SELECT * FROM (SELECT " COLUMNS SAID
	    " WHERE m.ws = $1 AND m.thread_id = $2 AND m.audience_id = (SELECT audience_id FROM threads"
	    " WHERE ws = $1 AND id = $2) AND ($4::int8 = 0 OR m.created_at < to_timestamp($4 / 1000.0))" COUNTS
	    " ORDER BY m.seq DESC LIMIT $3) x ORDER BY 2" },
	{ "resolve_about",
	    "SELECT " COLUMNS SAID " WHERE m.ws = $1 AND m.id = $2 AND m.thread_id = $3 AND m.state <> 2 AND m.body <> ''" },
	{ "resolve_by_ids",
	    "SELECT m.id, m.seq, m.created_at, m.author_kind, p.name, ''::text, coalesce(m.message_key, split_part(o.external_ref, ',', 1),"
	    " m.id::text), m.thread_id, array_position($2::uuid[], m.id)" SAID
	    " WHERE m.ws = $1 AND m.id = ANY ($2) AND m.state <> 2"
	    " ORDER BY 9" },
	{ "resolve_replace",
	    "UPDATE resolutions SET state = 3, closed_at = now() WHERE ws = $1 AND fork_id = $2 AND state = 1 AND id <> $3" },
	{ "resolve_put",
	    "INSERT INTO resolutions (ws, id, fork_id, state, headline, body, sources, by_model) VALUES ($1, $2, $3, 1, $4, $5, $6, $7)"
	    " ON CONFLICT (ws, id) DO NOTHING" },
	{ "resolve_mute", "UPDATE messages SET components = NULL WHERE ws = $1 AND thread_id = $2 AND components IS NOT NULL" },
	{ "resolve_offered",
	    "SELECT id, headline, body, sources, by_model, state, message_id FROM resolutions WHERE ws = $1 AND fork_id = $2"
	    " AND state IN (1, 2) ORDER BY state DESC, created_at DESC LIMIT 1 FOR UPDATE" },
	{ "resolve_edit",
	    "UPDATE resolutions SET headline = $3, body = $4, edited = true WHERE ws = $1 AND id = $2 AND state = 1" },
	{ "resolve_accept",
	    "UPDATE resolutions SET state = 2, message_id = $3, closed_at = now(), closed_by = $4 WHERE ws = $1 AND id = $2 AND state = 1" },
	/* In the order in which the writer takes them. */
	{ "resolve_lock", "SELECT 1 FROM threads WHERE ws = $1 AND id = ANY ($2::uuid[]) ORDER BY id FOR UPDATE" },
	{ "resolve_discard",
	    "UPDATE resolutions SET state = 4, closed_at = now(), closed_by = $3 WHERE ws = $1 AND id = $2 AND state = 1 RETURNING id" },
	{ NULL, NULL },
};

/* ---- messages ---- */

struct messages {
	struct digest_message *list;
	size_t len;
	PGresult *res[2];
	char (*links)[512];
};

static void messages_done(struct messages *m)
{
	free(m->list);
	free(m->links);
	PQclear(m->res[0]);
	PQclear(m->res[1]);
	memset(m, 0, sizeof(*m));
}

static void read_message(
    const struct ask *a, const struct fork_row *f, const PGresult *r, int row, bool parent, struct messages *to)
{
	size_t i = to->len++;
	bool eddy = pg_get_int8(r, row, 3) == AUTHOR_EDDY;
	const char *name = pg_get_str(r, row, 4);
	bool linked = ask_permalink(a, f->adapter, parent ? f->parent_place_key : f->place_key,
	    parent ? f->parent_key : f->thread_key, PQgetvalue(r, row, 6), to->links[i], sizeof(to->links[i]));
	to->list[i] = (struct digest_message){ .id = pg_get_id(r, row, 0),
		.seq = pg_get_int8(r, row, 1),
		.at_ms = pg_get_time_ms(r, row, 2),
		.author = eddy     ? "Eddy"
		    : name != NULL ? name
		                   : "somebody",
		.by_eddy = eddy,
		.text = PQgetvalue(r, row, 5),
		.text_len = (size_t)PQgetlength(r, row, 5),
		.link = linked ? to->links[i] : NULL };
}

static void reserve_messages(struct messages *m, size_t n)
{
	m->list = xcalloc(n + 1, sizeof(*m->list));
	m->links = xcalloc(n + 1, sizeof(*m->links));
}

/* What it was about, then what was said in it. */
static enum err load_messages(struct ask *a, const struct fork_row *f, struct messages *out)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, f->about);
	pg_arg_id(g, f->parent);
	enum err e = ask_query(a, "resolve_about", g, &out->res[0]);
	pg_args_reset(g);
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, f->thread);
	pg_arg_int8(g, MESSAGES_MAX);
	pg_arg_int8(g, a->again ? (int64_t)a->wall_ms + 1 : 0); /* what has come since was not told */
	if (e == ERR_NONE)
		e = ask_query(a, "resolve_messages", g, &out->res[1]);
	pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	reserve_messages(out, (size_t)(PQntuples(out->res[0]) + PQntuples(out->res[1])));
	for (int part = 0; part < 2; part++)
		for (int i = 0; i < PQntuples(out->res[part]); i++)
			read_message(a, f, out->res[part], i, part == 0, out);
	return ERR_NONE;
}

/* The messages of a stored draft in the order of its [n]; those that are gone have no link and no author. */
static enum err load_sources(struct ask *a, const struct fork_row *f, const struct id *ids, size_t n, struct messages *out)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < n; i++)
		pg_array_id(g, ids[i]);
	pg_array_end(g);
	enum err e = ask_query(a, "resolve_by_ids", g, &out->res[0]);
	pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	reserve_messages(out, n);
	int row = 0;
	for (size_t i = 0; i < n; i++) {
		bool there = row < PQntuples(out->res[0]) && pg_get_int8(out->res[0], row, 8) == (int64_t)i + 1;
		if (there) {
			read_message(a, f, out->res[0], row, !id_equal(pg_get_id(out->res[0], row, 7), f->thread), out);
			row++;
		} else {
			out->list[out->len++] = (struct digest_message){ .id = ids[i], .author = "", .text = "" };
		}
	}
	return ERR_NONE;
}

/* Before anything that is in them, as the writer does when a message of theirs is edited. */
static enum err lock_threads(struct ask *a, const struct fork_row *f)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_array_begin(g, PG_UUID);
	pg_array_id(g, f->thread);
	pg_array_id(g, f->parent);
	pg_array_end(g);
	enum err e = ask_query(a, "resolve_lock", g, NULL);
	pg_args_free(g);
	return e;
}

/* ---- the draft ---- */

static struct id draft_id(const struct ask *a)
{
	return id_named(a->r->id, 0, "resolution", 10);
}

static void add_draft_buttons(const char *markdown, struct component out[3])
{
	out[0] = (struct component){
		.kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "accept", .label = "Accept", .style = BUTTON_PRIMARY
	};
	out[1] = (struct component){ .kind = COMPONENT_BUTTON,
		.action = "fork.edit",
		.value = strlen(markdown) <= BUTTON_VALUE_MAX ? markdown : "",
		.label = "Edit",
		.fallback = "Say `edit:` and, from the next line on, the text as you want it." };
	out[2] = (struct component){
		.kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "discard", .label = "Discard", .style = BUTTON_PLAIN
	};
}

static void put_intro(struct ask *a, const struct fork_row *f, bool by_model, bool edited, struct buf *md)
{
	buf_add_str(md, edited ? "The draft as you want it, " : "A draft of what goes back");
	if (!edited && f->creator_name != NULL && !id_is_none(f->creator)) {
		buf_add_str(md, ", for ");
		command_put_name(md, f->creator_name);
	}
	buf_add_str(md, edited ? "to accept" : " to accept, edit or discard");
	if (!by_model && !edited) {
		if (a->why_no_model != NULL)
			buf_addf(md, " (%s, so it is taken word for word from what was said)", a->why_no_model);
		else
			buf_add_str(md, " (no model is connected, so it is taken word for word from what was said)");
	}
	buf_add_str(md, ":\n\n");
}

/* Shows the draft where the side thread is; from elsewhere the answer says that it is there. */
static enum err show_draft(
    struct ask *a, const struct fork_row *f, const struct resolution *r, const struct messages *m, bool by_model, bool edited)
{
	struct buf plain = BUF_INIT, md = BUF_INIT;
	struct component buttons[3];
	enum err e = ERR_NONE;
	resolution_render(r, NULL, m->len, &plain);
	put_intro(a, f, by_model, edited, &md);
	resolution_render(r, m->list, m->len, &md);
	add_draft_buttons(plain.p != NULL ? plain.p : "", buttons);
	if (id_equal(f->thread, a->r->thread)) {
		buf_add(a->md, md.p, md.len);
		for (size_t i = 0; i < 3; i++)
			ask_component(a, &buttons[i]);
	} else {
		e = ask_say(a,
		    &(struct ask_saying){ .id = id_named(a->r->id, 0, "draft", 5),
		        .thread = f->thread,
		        .adapter = f->adapter,
		        .origin = f->origin,
		        .origin_len = f->origin_len,
		        .text = md.p,
		        .text_len = md.len,
		        .components = buttons,
		        .components_len = 3 });
		buf_add_str(a->md, "The draft is in ");
		fork_put_name(a, f, a->md);
		buf_add_char(a->md, '.');
	}
	buf_done(&plain);
	buf_done(&md);
	return e;
}

static void by_model_said(void *arg, const char *text, size_t n, struct buf *out)
{
	speak_elsewhere(((const struct ask *)arg)->r, text, n, out);
}

static void by_people_said(void *arg, const char *text, size_t n, struct buf *out)
{
	const struct ask *a = arg;
	speak_whole(a->e, a->r->ws, text, n, out);
}

static enum err store_draft(
    struct ask *a, const struct fork_row *f, const struct resolution *r, const struct messages *m, bool by_model)
{
	struct buf body = BUF_INIT;
	resolution_render(r, NULL, m->len, &body);
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, f->id);
	pg_arg_id(g, draft_id(a));
	enum err e = ask_query(a, "resolve_replace", g, NULL);
	pg_args_reset(g);
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, f->thread);
	if (e == ERR_NONE)
		e = ask_query(a, "resolve_mute", g, NULL); /* the buttons of an earlier draft */
	pg_args_reset(g);
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, draft_id(a));
	pg_arg_id(g, f->id);
	pg_arg_str(g, r->headline);
	pg_arg_text(g, body.p, body.len);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < m->len; i++)
		pg_array_id(g, m->list[i].id);
	pg_array_end(g);
	pg_arg_bool(g, by_model);
	if (e == ERR_NONE)
		e = ask_query(a, "resolve_put", g, NULL);
	pg_args_free(g);
	buf_done(&body);
	return e;
}

/* True when the side thread may be resolved now; else the answer says why not. */
static bool is_resolvable(struct ask *a, const struct fork_row *f)
{
	if (f->res == NULL || a->again)
		return f->res != NULL;
	if (f->state != FORK_ACTIVE)
		fork_say_state(a, f);
	return f->state == FORK_ACTIVE;
}

enum err resolve_answer(struct ask *a)
{
	struct fork_row f = { 0 };
	struct messages m = { 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = fork_meant(a, &f);
	bool ok = e == ERR_NONE && is_resolvable(a, &f);
	if (ok)
		e = load_messages(a, &f, &m);
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && ok && PQntuples(m.res[1]) == 0) {
		buf_add_str(a->md, "Nothing was said in it yet, so there is nothing to bring back. `abandon");
		if (id_is_none(a->r->fork))
			buf_addf(a->md, " #%d", f.n);
		buf_add_str(a->md, "` closes it.");
	} else if (e == ERR_NONE && ok) {
		a->task.name = "resolution";
		a->task.max_tokens = DRAFT_TOKENS;
		a->task.status = "is drafting what goes back…";
		task_prompt(TASK_RESOLUTION,
		    &(struct task_facts){ .topic = f.topic,
		        .asker = a->card.name[0] ? a->card.name : NULL,
		        .tz = a->card.tz[0] ? a->card.tz : NULL,
		        .wall_ms = a->wall_ms,
		        .messages = m.list,
		        .messages_len = m.len },
		    &a->task.system, &a->task.input);
	}
	messages_done(&m);
	fork_row_done(&f);
	return e;
}

enum err resolve_complete(struct ask *a, const char *said, size_t n)
{
	struct fork_row f = { 0 };
	struct messages m = { 0 };
	struct resolution r = { 0 };
	char why[200];
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = fork_meant(a, &f);
	bool ok = e == ERR_NONE && is_resolvable(a, &f);
	if (ok)
		e = lock_threads(a, &f);
	if (ok && e == ERR_NONE)
		e = load_messages(a, &f, &m);
	if (ok && e == ERR_NONE) {
		if (said != NULL && (!ask_is_same(a, m.list, m.len) || !resolution_parse(said, n, m.len, &r, why)))
			e = ERR_INPUT;
		else if (said == NULL)
			resolution_extract(f.topic, m.list, m.len, &r);
		if (e == ERR_NONE)
			resolution_say(&r, said != NULL ? by_model_said : by_people_said, a);
		if (e == ERR_NONE)
			e = store_draft(a, &f, &r, &m, said != NULL);
		if (e == ERR_NONE)
			e = show_draft(a, &f, &r, &m, said != NULL, false);
	}
	e = pg_end(a->pg, e);
	resolution_done(&r);
	messages_done(&m);
	fork_row_done(&f);
	return e;
}

/* ---- what its creator does with it ---- */

struct draft {
	struct fork_row f;
	PGresult *res;
	struct id id;
	struct id *sources;
	size_t sources_len;
	const char *body;
	size_t body_len;
	bool by_model;
	enum resolution_state state;
};

static void draft_done(struct draft *d)
{
	PQclear(d->res);
	free(d->sources);
	fork_row_done(&d->f);
}

/* A uuid[] in binary form: dimensions, flags, type, length and lower bound, then length and bytes of each. */
static void read_sources(const PGresult *r, int col, struct draft *d)
{
	const unsigned char *p = (const unsigned char *)PQgetvalue(r, 0, col);
	size_t n = (size_t)PQgetlength(r, 0, col), at = 20;
	d->sources = xcalloc(n / 20 + 1, sizeof(*d->sources));
	for (; at + 20 <= n; at += 20)
		memcpy(d->sources[d->sources_len++].b, p + at + 4, sizeof(d->sources->b));
}

/* The draft that this command is about; d->id none: there is none for this person, and the answer says so. */
static enum err find_draft(struct ask *a, struct draft *d)
{
	enum err e = fork_meant(a, &d->f);
	if (e != ERR_NONE || d->f.res == NULL)
		return e;
	if (!id_is_none(d->f.creator) && !id_equal(d->f.creator, a->r->person)) {
		buf_add_str(a->md, "Only ");
		command_put_name(a->md, d->f.creator_name != NULL ? d->f.creator_name : "who asked for this side thread");
		ask_refuse(a, API_FORBIDDEN, " decides on this draft.");
		return ERR_NONE;
	}
	if (id_is_none(d->f.creator) && a->card.guest) { /* who asked for it was forgotten: then any member decides */
		ask_refuse(a, API_FORBIDDEN, "Only members may decide on what somebody else has begun.");
		return ERR_NONE;
	}
	if ((e = lock_threads(a, &d->f)) != ERR_NONE)
		return e;
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, d->f.id);
	e = ask_query(a, "resolve_offered", g, &d->res);
	pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(d->res) == 0) {
		if (d->f.state == FORK_ACTIVE)
			ask_refuse(a, API_NOT_FOUND, "There is no draft yet: `resolve` makes one.");
		else
			fork_say_state(a, &d->f);
		return ERR_NONE;
	}
	d->id = pg_get_id(d->res, 0, 0);
	d->body = PQgetvalue(d->res, 0, 2);
	d->body_len = (size_t)PQgetlength(d->res, 0, 2);
	read_sources(d->res, 3, d);
	d->by_model = pg_get_bool(d->res, 0, 4);
	d->state = (enum resolution_state)pg_get_int8(d->res, 0, 5);
	return ERR_NONE;
}

static void say_posted(struct ask *a, const struct fork_row *f)
{
	char link[1024];
	bool linked = fork_parent_link(a, f, link, sizeof(link));
	if (linked)
		buf_addf(a->md, "Posted in [the thread it comes from](%s).", link);
	else
		buf_add_str(a->md, "Posted in the thread it comes from.");
	buf_add_str(a->md, " This one stays readable and can be found.");
}

static enum err post(struct ask *a, struct draft *d, const struct resolution *r, const struct messages *m)
{
	struct buf md = BUF_INIT;
	char link[1024];
	bool linked = fork_link(a, &d->f, link, sizeof(link));
	resolution_render(r, m->list, m->len, &md);
	buf_addf(&md, "\n\n– from side thread ");
	fork_put_name(a, &d->f, &md);
	resolution_put_sources(r, m->list, m->len, &md);
	struct buf label = BUF_INIT;
	buf_addf(&label, "Side thread #%d", d->f.n);
	const struct component open = { .kind = COMPONENT_LINK, .action = "fork.resolution", .value = link, .label = label.p };
	enum err e = ask_say(a,
	    &(struct ask_saying){ .id = d->id,
	        .thread = d->f.parent,
	        .adapter = d->f.adapter,
	        .origin = d->f.parent_origin,
	        .origin_len = d->f.parent_origin_len,
	        .text = md.p,
	        .text_len = md.len,
	        .components = linked ? &open : NULL,
	        .components_len = linked ? 1 : 0 });
	buf_done(&md);
	buf_done(&label);
	return e;
}

static enum err mark_accepted(struct ask *a, const struct draft *d)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, d->id);
	pg_arg_id(g, ask_said(d->id));
	pg_arg_id(g, a->r->person);
	enum err e = ask_query(a, "resolve_accept", g, NULL);
	pg_args_reset(g);
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, d->f.thread);
	if (e == ERR_NONE)
		e = ask_query(a, "resolve_mute", g, NULL);
	pg_args_free(g);
	return e;
}

static enum err accept_draft(struct ask *a, struct draft *d)
{
	struct resolution r = { 0 };
	struct messages m = { 0 };
	char why[200];
	enum err e = load_sources(a, &d->f, d->sources, d->sources_len, &m);
	if (e == ERR_NONE && !resolution_read(d->body, d->body_len, d->sources_len, &r, why))
		e = ERR_BROKEN; /* it was read before it was stored */
	if (e == ERR_NONE)
		e = mark_accepted(a, d);
	if (e == ERR_NONE)
		e = fork_end(a, &d->f, FORK_RESOLVED);
	if (e == ERR_NONE)
		e = post(a, d, &r, &m);
	if (e == ERR_NONE)
		e = memory_put_decisions(a->pg,
		    &(struct item_decisions){ .ws = a->r->ws,
		        .resolution = d->id,
		        .parent = d->f.parent,
		        .person = a->r->person,
		        .message = ask_said(d->id),
		        .lines = &r,
		        .sources = d->sources,
		        .sources_len = d->sources_len });
	if (e == ERR_NONE)
		e = fork_audit(a, "fork.resolved", d->f.id, d->f.parent);
	resolution_done(&r);
	messages_done(&m);
	return e;
}

enum err accept_answer(struct ask *a)
{
	struct draft d = { 0 };
	bool done = false;
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = find_draft(a, &d);
	if (e == ERR_NONE && !id_is_none(d.id)) {
		done = resolution_may_become(d.state, RESOLUTION_ACCEPTED) && fork_may_become(d.f.state, FORK_RESOLVED);
		if (done)
			e = accept_draft(a, &d);
		if (d.state == RESOLUTION_ACCEPTED || done)
			say_posted(a, &d.f);
		else
			fork_say_state(a, &d.f);
	}
	e = pg_end(a->pg, e);
	if (e == ERR_NONE && done)
		engine_tell_thread(a->e, a->r->ws, d.f.thread, CHANGE_FORK_RESOLVED);
	draft_done(&d);
	return e;
}

static enum err change_draft(struct ask *a, struct draft *d)
{
	struct resolution r = { 0 };
	struct messages m = { 0 };
	struct buf body = BUF_INIT;
	char why[200];
	if (a->arg_len == 0) {
		buf_add_str(a->md,
		    "Say `edit:` and on the next lines the whole draft as you want it: the headline, then points with a hyphen before each, "
		    "and `**Decisions**` above what was decided. The draft is as it was.");
		return ERR_NONE;
	}
	if (!resolution_read(a->arg, a->arg_len, d->sources_len, &r, why)) {
		buf_addf(a->md, "I left the draft as it was: %s", why);
		return ERR_NONE;
	}
	enum err e = load_sources(a, &d->f, d->sources, d->sources_len, &m);
	resolution_say(&r, by_people_said, a);
	resolution_render(&r, NULL, m.len, &body);
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, d->f.thread);
	if (e == ERR_NONE)
		e = ask_query(a, "resolve_mute", g, NULL);
	pg_args_reset(g);
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, d->id);
	pg_arg_str(g, r.headline);
	pg_arg_text(g, body.p, body.len);
	if (e == ERR_NONE)
		e = ask_query(a, "resolve_edit", g, NULL);
	if (e == ERR_NONE)
		e = show_draft(a, &d->f, &r, &m, d->by_model, true);
	pg_args_free(g);
	resolution_done(&r);
	messages_done(&m);
	buf_done(&body);
	return e;
}

enum err edit_answer(struct ask *a)
{
	struct draft d = { 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = find_draft(a, &d);
	if (e == ERR_NONE && !id_is_none(d.id)) {
		if (d.state == RESOLUTION_OFFERED && d.f.state == FORK_ACTIVE)
			e = change_draft(a, &d);
		else
			fork_say_state(a, &d.f);
	}
	e = pg_end(a->pg, e);
	draft_done(&d);
	return e;
}

enum err discard_answer(struct ask *a)
{
	struct draft d = { 0 };
	enum err e = pg_begin(a->pg, a->r->ws);
	if (e == ERR_NONE)
		e = find_draft(a, &d);
	if (e == ERR_NONE && !id_is_none(d.id) && !resolution_may_become(d.state, RESOLUTION_DISCARDED)) {
		fork_say_state(a, &d.f);
	} else if (e == ERR_NONE && !id_is_none(d.id)) {
		struct pg_args *g = pg_args_new();
		pg_arg_id(g, a->r->ws);
		pg_arg_id(g, d.id);
		pg_arg_id(g, a->r->person);
		e = ask_query(a, "resolve_discard", g, NULL);
		pg_args_reset(g);
		pg_arg_id(g, a->r->ws);
		pg_arg_id(g, d.f.thread);
		if (e == ERR_NONE)
			e = ask_query(a, "resolve_mute", g, NULL);
		pg_args_free(g);
		buf_add_str(a->md, "The draft is gone. Go on here; `resolve` makes a new one.");
	}
	e = pg_end(a->pg, e);
	draft_done(&d);
	return e;
}
