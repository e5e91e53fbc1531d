/*
 * Commands that a worker runs: finding the handler, what handlers share, and the way through a model and back (run.c has the model's side).
 */
#include "ask.h"

#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/fault.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "context.h"
#include "offer.h"

const struct pg_statement ask_statements[] = {
	{ "ask_message", "SELECT body, state = 1 FROM messages WHERE ws = $1 AND id = $2 AND state <> 2" },
	/* Something of Eddy's own in a thread: message, delivery and the work to deliver it, once.  $9: 1 pending, 3 delivered by COMMIT. */
	{ "ask_say",
	    "WITH t AS (UPDATE threads SET seq = seq + 1, last_author = 2, taking_part = true, last_at = now() WHERE ws = $1 AND id = $3"
	    " AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.ws = $1 AND m.id = $2) RETURNING seq, audience_id),"
	    " m AS (INSERT INTO messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id, components)"
	    " SELECT $1, $2, $3, t.seq, t.seq, 2, $4, t.audience_id, $5::text::jsonb FROM t RETURNING seq),"
	    " o AS (INSERT INTO outbox (ws, id, thread_id, message_id, adapter, origin, state, sent_at)"
	    " SELECT $1, $6, $3, $2, $7, $8, $9::int2, CASE WHEN $9::int2 = 3 THEN now() END FROM m RETURNING thread_id),"
	    " d AS (INSERT INTO dispatch (ws, thread_id, pending, due, token) SELECT $1, o.thread_id, 1, now(), 0 FROM o WHERE $9::int2 <> 3"
	    " ON CONFLICT (ws, thread_id) DO UPDATE SET pending = dispatch.pending + 1, due = now())"
	    " SELECT seq FROM m" },
	{ NULL, NULL },
};

static const struct ask_handler *const groups[] = { ask_forks, ask_threads, ask_digest, ask_search, ask_memory, ask_forget,
	ask_people, ask_place, ask_approvals };

const struct ask_handler *ask_find(enum command c)
{
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		for (const struct ask_handler *h = groups[i]; h->command != CMD_NONE; h++)
			if (h->command == c)
				return h;
	return NULL;
}

bool ask_needs_model(enum command c)
{
	const struct ask_handler *h = ask_find(c);
	return h != NULL && h->complete != NULL;
}

/* ---- what handlers use ---- */

static void add_component(struct ask *a, struct component c)
{
	struct run *r = a->r;
	struct component *own = offer_copy(&c, 1);
	speak_components(a->e, r->ws, own, 1);
	r->components = xrealloc(r->components, (r->components_len + 1) * sizeof(*r->components));
	r->components[r->components_len++] = own[0];
	free(own);
}

void ask_button(struct ask *a, const char *label, const char *command, int style)
{
	add_component(a,
	    (struct component){
	        .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = command, .label = label, .style = style });
}

void ask_button_private(struct ask *a, const char *label, const char *command, int style)
{
	add_component(a,
	    (struct component){
	        .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND_PRIVATE, .value = command, .label = label, .style = style });
}

void ask_component(struct ask *a, const struct component *c)
{
	add_component(a, *c);
}

void ask_link(struct ask *a, const char *label, const char *url)
{
	add_component(a, (struct component){ .kind = COMPONENT_LINK, .action = "link", .value = url, .label = label });
}

bool ask_is_me(const struct ask *a, struct id person)
{
	for (size_t i = 0; i < a->others_len; i++)
		if (id_equal(a->others[i], person))
			return true;
	return id_equal(a->r->person, person);
}

bool ask_permalink(const struct ask *a, const char *adapter, const char *place_key, const char *thread_key, const char *message_key,
    char *out, size_t n)
{
	const struct adapter_slot *s = engine_adapter(a->e, adapter, strlen(adapter));
	return s != NULL && s->ops->permalink != NULL &&
	    s->ops->permalink(s->a, a->r->ws, place_key, thread_key, message_key, out, n);
}

enum err ask_query(struct ask *a, const char *statement, const struct pg_args *args, PGresult **out)
{
	PGresult *r = NULL;
	enum err e = pg_query(a->pg, statement, args, &r);
	if (e == ERR_NONE && out != NULL)
		*out = r;
	else
		PQclear(r);
	return e;
}

void ask_refuse(struct ask *a, enum api_code code, const char *words)
{
	if (words != NULL)
		buf_add_str(a->md, words);
	a->r->refused = code;
}

struct id ask_said(struct id delivery)
{
	return id_named(delivery, 0, "said", 4);
}

/* ---- saying something where nobody has asked ---- */

/* What was said to a live view's thread is told once the handler's transactions are committed. */
struct ask_event {
	struct ask_event *next;
	struct thread_event ev;
	struct component *components;
	char *text;
};

static void later(struct ask *a, struct id thread, struct id message, int64_t seq, const struct ask_saying *s)
{
	struct ask_event *x = xcalloc(1, sizeof(*x));
	x->text = xstrndup(s->text, s->text_len);
	x->components = s->components_len > 0 ? offer_copy(s->components, s->components_len) : NULL;
	x->ev = (struct thread_event){ .kind = EVENT_MESSAGE,
		.ws = a->r->ws,
		.thread = thread,
		.message = message,
		.seq = seq,
		.rev = seq,
		.author_kind = AUTHOR_EDDY,
		.author = "Eddy",
		.text = x->text,
		.text_len = s->text_len,
		.components = x->components,
		.components_len = s->components_len,
		.at_ms = (int64_t)clock_wall_ms() };
	x->next = a->events;
	a->events = x;
}

void ask_tell(struct ask *a, bool committed)
{
	struct ask_event *oldest_first = NULL;
	while (a->events != NULL) {
		struct ask_event *x = a->events;
		a->events = x->next;
		x->next = oldest_first;
		oldest_first = x;
	}
	while (oldest_first != NULL) {
		struct ask_event *x = oldest_first;
		oldest_first = x->next;
		if (committed)
			engine_emit(a->e, &x->ev);
		if (x->components != NULL)
			offer_free(x->components, x->ev.components_len);
		free(x->text);
		free(x);
	}
}

enum err ask_say(struct ask *a, const struct ask_saying *s)
{
	const struct adapter_slot *via = engine_adapter(a->e, s->adapter, strlen(s->adapter));
	bool pulled = via != NULL && (via->ops->caps & CAP_PULL) != 0;
	struct buf json = BUF_INIT;
	struct id message = ask_said(s->id);
	struct buf text = BUF_INIT;
	buf_reserve(&text, 1);
	speak_whole(a->e, a->r->ws, s->text, s->text_len, &text);
	struct component *offered = offer_copy(s->components, s->components_len);
	speak_components(a->e, a->r->ws, offered, s->components_len);
	if (s->components_len > 0)
		offer_write(&json, offered, s->components_len);
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, a->r->ws);
	pg_arg_id(g, message);
	pg_arg_id(g, s->thread);
	pg_arg_text(g, text.p, text.len);
	if (json.len > 0)
		pg_arg_text(g, json.p, json.len);
	else
		pg_arg_null(g);
	pg_arg_id(g, s->id);
	pg_arg_str(g, s->adapter);
	pg_arg_bytes(g, s->origin, s->origin_len);
	pg_arg_int2(g, pulled ? OUT_SENT : OUT_PENDING);
	PGresult *r = NULL;
	enum err e = ask_query(a, "ask_say", g, &r);
	pg_args_free(g);
	buf_done(&json);
	if (e == ERR_NONE && PQntuples(r) == 1 && pulled) {
		struct ask_saying said = *s;
		said.text = text.p;
		said.text_len = text.len;
		said.components = offered;
		later(a, s->thread, message, pg_get_int8(r, 0, 0), &said);
	}
	buf_done(&text);
	offer_free(offered, s->components_len);
	if (e != ERR_NONE)
		return e;
	a->more_work |= !pulled;
	PQclear(r);
	return ERR_NONE;
}

/* ---- the way of a command ---- */

/*
 * Whether the message still says what was asked for.  One that was edited into something else, or deleted, is not half obeyed: without its
 * words `forget #12345` would mean the last thing that was noted.
 */
static bool is_taken_back(const struct ask *a, bool understood)
{
	if (understood || a->again || (a->r->command == CMD_DECIDED && a->message != NULL))
		return false;
	return a->message == NULL || pg_get_bool(a->message, 0, 1);
}

static enum err load_others(struct ask *a)
{
	struct link_person all[LINK_PERSONS];
	size_t n = 0;
	enum err e = a->card.linked ? link_list(a->pg, a->r->ws, a->r->person, all, &n) : ERR_NONE;
	for (size_t i = 0; i < n; i++)
		if (!id_equal(all[i].id, a->r->person))
			a->others[a->others_len++] = all[i].id;
	return e;
}

/* ${gone}: nothing is to be done; the answer says so, unless there is nobody left to hear it. */
static enum err ask_open(struct ask *a, struct run *r, struct pg *pg, bool *gone)
{
	*a = (struct ask){ .e = r->e,
		.r = r,
		.pg = pg,
		.again = r->replay != NULL,
		.wall_ms = r->replay != NULL ? (uint64_t)r->replay->mark.at_ms : clock_wall_ms(),
		.md = &r->answer,
		.arg = "",
		.text = "" };
	struct pg_args *g = pg_args_new();
	PGresult *res = NULL;
	pg_arg_id(g, r->ws);
	pg_arg_id(g, r->message);
	enum err e = pg_begin(pg, r->ws);
	if (e == ERR_NONE)
		e = context_card(r->e, pg, r->ws, r->person, &a->card);
	if (e == ERR_NONE)
		e = load_others(a);
	if (e == ERR_NONE)
		e = context_place(r->e, pg, r->ws, r->place, a->place, sizeof(a->place), &a->visibility);
	if (e == ERR_NONE)
		e = pg_query(pg, "ask_message", g, &res);
	e = pg_end(pg, e);
	pg_args_free(g);
	bool understood = false;
	if (e == ERR_NONE && PQntuples(res) == 1) {
		a->message = res;
		a->text = PQgetvalue(res, 0, 0);
		a->text_len = (size_t)PQgetlength(res, 0, 0);
		struct command_call call;
		if (command_parse(a->text, a->text_len, !id_is_none(r->fork), &call) && call.command == r->command) {
			a->arg = call.arg;
			a->arg_len = call.arg_len;
			understood = true;
		}
	} else {
		PQclear(res);
	}
	*gone = e == ERR_NONE && is_taken_back(a, understood);
	if (*gone && a->message != NULL)
		buf_add_str(a->md, "You have changed that message meanwhile, so I left it at that.");
	return e;
}

static void forget_components(struct run *r)
{
	offer_free(r->components, r->components_len);
	r->components = NULL;
	r->components_len = 0;
}

static enum ask_step ask_close(struct ask *a, enum err e)
{
	if (e == ERR_NONE)
		fault_point("ask.done"); /* what it has stored is there, that it was done is not */
	if (a->pg != NULL && e != ERR_NONE)
		pg_rollback(a->pg);
	ask_tell(a, e == ERR_NONE);
	if (e == ERR_NONE && a->more_work)
		claim_now(a->e);
	if (e == ERR_NONE && a->r->refused != API_OK && a->md->len > 0)
		run_refuse(a->r, a->r->refused);
	PQclear(a->message);
	if (e == ERR_NONE)
		return ASK_DONE;
	buf_reset(&a->r->answer);
	forget_components(a->r);
	return e == ERR_RETRY ? ASK_AWAY : e == ERR_INPUT ? ASK_UNFIT : ASK_BROKEN;
}

enum ask_step ask_begin(struct run *r, struct pg *pg, const struct ask_handler *h)
{
	struct ask a;
	bool gone = false;
	buf_reset(&r->answer);
	forget_components(r);
	r->refused = API_OK;
	enum err e = ask_open(&a, r, pg, &gone);
	if (e == ERR_NONE && !gone)
		e = h->answer(&a);
	if (e == ERR_NONE && a.task.name != NULL && h->complete != NULL) {
		ask_task_free(r->task);
		r->task = xmalloc(sizeof(*r->task));
		*r->task = a.task;
		r->mark = (struct prompt_mark){ .at_ms = (int64_t)a.wall_ms };
		ask_close(&a, ERR_NONE);
		return ASK_MODEL;
	}
	buf_done(&a.task.system);
	buf_done(&a.task.input);
	enum ask_step step = ask_close(&a, e);
	return step == ASK_UNFIT ? ASK_BROKEN : step;
}

enum ask_step ask_complete(struct run *r, struct pg *pg, const struct ask_handler *h, bool words)
{
	struct ask a;
	bool gone = false;
	buf_reset(&r->answer);
	forget_components(r);
	r->refused = API_OK;
	enum err e = ask_open(&a, r, pg, &gone);
	a.why_no_model = r->floor_why;
	if (e == ERR_NONE && !gone)
		e = h->complete(&a, words ? (r->said.p ? r->said.p : "") : NULL, words ? r->said.len : 0);
	return ask_close(&a, e);
}

void ask_task_free(struct ask_task *t)
{
	if (t == NULL)
		return;
	buf_done(&t->system);
	buf_done(&t->input);
	free(t);
}
