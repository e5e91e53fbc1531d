/* Canonical answers and the frame of tool calls: reading what they need, in one tenant transaction. */
#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/mem.h"
#include "../base/utf8.h"
#include "../settings/settings.h"
#include "ask.h"
#include "context.h"
#include "vectors.h"

#define HISTORY_ROWS 30

const struct pg_statement answer_statements[] = {
	{ "answer_thread",
	    "SELECT t.seq, t.taking_part, t.quiet OR p.quiet FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " WHERE t.ws = $1 AND t.id = $2" },
	{ "answer_history",
	    "SELECT r.created_at, p.name, r.state, r.command, c.model, c.total_ms, c.input, c.output, c.cost, s.tools, count(*) OVER ()"
	    " FROM runs r LEFT JOIN people p ON p.ws = r.ws AND p.id = r.person_id"
	    " LEFT JOIN LATERAL (SELECT max(model) AS model, sum(total_ms)::int8 AS total_ms, sum(input_tokens)::int8 AS input,"
	    " sum(output_tokens)::int8 AS output, sum(cost_micros)::int8 AS cost FROM model_calls m WHERE m.ws = r.ws AND m.run_id = r.id)"
	    " c ON true"
	    " LEFT JOIN LATERAL (SELECT string_agg(name || CASE WHEN n > 1 THEN ' ×' || n ELSE '' END, ', ') AS tools FROM"
	    " (SELECT body->>'name' AS name, count(*) AS n FROM run_steps x WHERE x.ws = r.ws AND x.run_id = r.id AND x.kind = 2"
	    " GROUP BY 1) y) s ON true"
	    " WHERE r.ws = $1 AND r.thread_id = $2 AND r.id <> $3 ORDER BY r.created_at DESC LIMIT $4" },
	/* What the asker has said here before, newest first; $4 is the greeting itself. */
	{ "answer_before",
	    "SELECT m.created_at, r.kind = 1 AND r.state = 3, m.body, (SELECT private FROM people WHERE ws = $1 AND id = $3)"
	    " FROM (SELECT id FROM threads WHERE ws = $1 AND place_id = $2 ORDER BY created_at DESC, id DESC LIMIT 30) t"
	    " CROSS JOIN LATERAL (SELECT id, created_at, body FROM messages WHERE ws = $1 AND thread_id = t.id AND author_id = $3 AND id <> $4"
	    " AND state <> 2 ORDER BY seq DESC LIMIT 10) m LEFT JOIN runs r ON r.ws = $1 AND r.thread_id = t.id AND r.message_id = m.id"
	    " ORDER BY m.created_at DESC LIMIT 40" },
	{ NULL, NULL },
};

struct facts {
	struct command_facts f;
	struct person_card card;
	char place[128], status[2048], model[256];
	struct buf adapters, linked;
	struct history_row rows[HISTORY_ROWS];
	PGresult *history, *before;
	char last_asked[120];
};

static const char *state_word(int64_t state)
{
	static const char *const words[] = { "", "waiting", "working", "answered", "joined into the next answer", "failed",
		"stopped", "given up" };
	return state >= 0 && state <= 7 ? words[state] : "";
}

static enum err read_history(struct run *r, struct pg *pg, struct facts *x)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->thread);
	pg_arg_id(a, r->id);
	pg_arg_int8(a, HISTORY_ROWS);
	enum err e = pg_query(pg, "answer_history", a, &x->history);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	PGresult *h = x->history;
	int n = PQntuples(h);
	for (int i = 0; i < n; i++) {
		int from = n - 1 - i; /* oldest first */
		x->rows[i] = (struct history_row){
			.at_ms = pg_get_time_ms(h, from, 0),
			.asker = pg_get_str(h, from, 1),
			.what = state_word(pg_get_int8(h, from, 2)),
			.command = (enum command)pg_get_int8(h, from, 3),
			.model = pg_get_str(h, from, 4),
			.tools = pg_get_str(h, from, 9),
			.total_ms = PQgetisnull(h, from, 5) ? 0 : (uint32_t)pg_get_int8(h, from, 5),
			.input_tokens = PQgetisnull(h, from, 6) ? 0 : pg_get_int8(h, from, 6),
			.output_tokens = PQgetisnull(h, from, 7) ? 0 : pg_get_int8(h, from, 7),
			.cost_micros = PQgetisnull(h, from, 8) ? 0 : pg_get_int8(h, from, 8),
		};
		x->f.history_total = pg_get_int8(h, from, 10);
	}
	x->f.history = x->rows;
	x->f.history_len = (size_t)n;
	return ERR_NONE;
}

static enum err read_thread(struct run *r, struct pg *pg, struct facts *x)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->thread);
	PGresult *res = NULL;
	enum err e = pg_query(pg, "answer_thread", a, &res);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(res) == 1) {
		x->f.messages = pg_get_int8(res, 0, 0);
		x->f.taking_part = pg_get_bool(res, 0, 1);
		x->f.quiet = pg_get_bool(res, 0, 2);
	}
	PQclear(res);
	return ERR_NONE;
}

static enum err read_before(struct run *r, struct pg *pg, struct facts *x)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->place);
	pg_arg_id(a, r->person);
	pg_arg_id(a, r->message);
	enum err e = pg_query(pg, "answer_before", a, &x->before);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	int n = PQntuples(x->before);
	int64_t now = (int64_t)clock_wall_ms();
	x->f.gap_known = true;
	x->f.gap_ms = n > 0 ? now - pg_get_time_ms(x->before, 0, 0) : 0;
	if (n > 0 && x->f.gap_ms < 1)
		x->f.gap_ms = 1;
	/* What went wrong is not brought up again; in private mode nothing is. */
	for (int i = 0; i < n && x->f.last_asked == NULL; i++) {
		if (PQgetisnull(x->before, i, 1) || !pg_get_bool(x->before, i, 1) || pg_get_bool(x->before, i, 3))
			continue;
		const char *body = pg_get_str(x->before, i, 2);
		size_t len = strlen(body), keep = utf8_clip(body, len, sizeof(x->last_asked) - 4);
		memcpy(x->last_asked, body, keep);
		memcpy(x->last_asked + keep, keep < len ? "…" : "", keep < len ? 4 : 1);
		x->f.last_asked = x->last_asked;
	}
	return ERR_NONE;
}

/* The other identities of the asker, for nobody else's eyes. */
static enum err read_linked(struct run *r, struct pg *pg, struct facts *x)
{
	struct link_person all[LINK_PERSONS];
	size_t n = 0;
	bool alone = false;
	enum err e = ask_alone(pg, r->ws, r->thread, r->person, &alone);
	if (e == ERR_NONE && alone)
		e = link_list(pg, r->ws, r->person, all, &n);
	for (size_t i = 0; i < n; i++) {
		if (id_equal(all[i].id, r->person))
			continue;
		buf_add_str(&x->linked, "- ");
		ask_put_person(&x->linked, &all[i]);
		buf_add_char(&x->linked, '\n');
	}
	if (x->linked.len > 0)
		buf_add_str(&x->linked, "\n`unlink` takes this account out.");
	return e;
}

static enum err read_facts(struct run *r, struct pg *pg, struct facts *x)
{
	enum err e = pg_begin(pg, r->ws);
	if (e == ERR_NONE)
		e = context_card(r->e, pg, r->ws, r->person, &x->card);
	if (e == ERR_NONE)
		e = context_place(r->e, pg, r->ws, r->place, x->place, sizeof(x->place), &x->f.visibility);
	if (e == ERR_NONE)
		e = read_thread(r, pg, x);
	if (e == ERR_NONE && r->command == CMD_WHOAMI && x->card.linked)
		e = read_linked(r, pg, x);
	if (e == ERR_NONE && r->command == CMD_HISTORY)
		e = read_history(r, pg, x);
	if (e == ERR_NONE && r->command == CMD_GREETING && x->f.visibility == VIS_DIRECT && !r->private_reply)
		e = read_before(r, pg, x);
	return pg_end(pg, e);
}

static bool needs_reading(enum command c)
{
	return c != CMD_DATE && c != CMD_TIME && c != CMD_HELP && c != CMD_CAPABILITIES && c != CMD_INTRODUCE &&
	    c != CMD_PLACE_CLOSED && c != CMD_TOO_MUCH;
}

enum err answer_command(struct run *r, struct pg *pg)
{
	struct engine *e = r->e;
	if (r->command == CMD_EDGE) {
		enum api_code refused =
		    r->via->ops->words == NULL ? API_OK : r->via->ops->words(r->via->a, r->origin, r->origin_len, &r->answer);
		if (refused != API_OK)
			run_refuse(r, refused);
		return ERR_NONE;
	}
	struct facts *x = xcalloc(1, sizeof(*x));
	enum err err = ERR_NONE;
	if (!needs_reading(r->command) && directory_card(e->directory, r->person, &x->card) && !x->card.linked)
		directory_place_name(e->directory, r->place, x->place, sizeof(x->place), &x->f.visibility);
	else
		err = read_facts(r, pg, x);
	if (err == ERR_NONE && r->command == CMD_HANDOVER)
		err = relay_ask(r, pg, &x->f.handover);
	if (err == ERR_NONE) {
		engine_status(e, x->status, sizeof(x->status));
		e->model->ops->describe(e->model, x->model, sizeof(x->model));
		for (size_t i = 0; i < e->adapters_len; i++) {
			char line[256] = "";
			if (e->adapters[i].ops->describe == NULL)
				continue; /* the engine itself */
			e->adapters[i].ops->describe(e->adapters[i].a, line, sizeof(line));
			buf_addf(&x->adapters, "%s: %s\n", e->adapters[i].ops->name, line);
		}
		struct command_facts *f = &x->f;
		f->agent = "Eddy";
		f->person = x->card.name[0] ? x->card.name : NULL;
		f->tz = x->card.tz[0] ? x->card.tz : NULL;
		f->wall_ms = clock_wall_ms();
		f->adapter = r->via->ops->name;
		f->place = x->place[0] ? x->place : NULL;
		f->workspace = settings_str(e->o.settings, "workspace.name");
		f->is_guest = x->card.guest;
		f->mention_needed = f->visibility != VIS_DIRECT;
		f->is_page = e->people_for != NULL && strcmp(f->adapter, e->people_for) == 0;
		f->offers_people = f->is_page && f->visibility == VIS_DIRECT;
		f->was_running = r->command == CMD_STOP && r->message_seq > 1;
		f->model = x->model;
		f->has_model = strncmp(x->model, "builtin", 7) != 0;
		f->status = x->status;
		f->adapters = x->adapters.p;
		f->linked = x->linked.len > 0 ? x->linked.p : NULL;
		command_answer(r->command, f, &r->answer);
		enum api_code refused = command_refuses(r->command, f);
		if (refused != API_OK)
			run_refuse(r, refused);
	}
	buf_done(&x->adapters);
	buf_done(&x->linked);
	PQclear(x->history);
	PQclear(x->before);
	free(x);
	return err;
}

struct link_arg {
	struct engine *e;
};

static bool permalink(
    void *arg, const char *adapter, const char *place_key, const char *thread_key, const char *message_key, char *out, size_t n)
{
	const struct run *r = arg;
	const struct adapter_slot *s = engine_adapter(r->e, adapter, strlen(adapter));
	return s != NULL && s->ops->permalink != NULL && s->ops->permalink(s->a, r->ws, place_key, thread_key, message_key, out, n);
}

static bool question(void *arg, struct id ws, const char *words, struct recall_question *out)
{
	return vectors_asked(((const struct run *)arg)->e, ws, words, out);
}

static void speak(void *arg, const char *text, size_t n, struct buf *out)
{
	speak_elsewhere(arg, text, n, out);
}

#define STARTING_MS 20000 /* a run that a crash has interrupted goes on before its platforms are connected again */

static size_t origin_for(void *arg, const char *adapter, const char *key, const char *subject, char out[INTENT_ORIGIN_MAX])
{
	struct run *r = arg;
	const struct adapter_slot *s = engine_adapter(r->e, adapter, strlen(adapter));
	return s != NULL && s->ops->origin_for != NULL ? s->ops->origin_for(s->a, r->ws, key, subject, out) : 0;
}

enum err answer_tool_context(struct run *r, struct pg *pg, struct answer_place *out)
{
	struct person_card card;
	enum err e = context_card(r->e, pg, r->ws, r->person, &card);
	if (e != ERR_NONE)
		return e;
	memcpy(out->tz, card.tz, sizeof(out->tz));
	out->ctx = (struct tool_context){
		.pg = pg,
		.ws = r->ws,
		.thread = r->thread,
		.place = r->place,
		.person = r->person,
		.run = r->id,
		.guest = card.guest,
		.reads = &r->reads,
		.message_seq = r->message_seq,
		.permalink = permalink,
		.permalink_arg = r,
		.question = r->e->vectors != NULL ? question : NULL,
		.heard = &r->heard,
		.speak = speak,
		.origin_for = origin_for,
		.starting = clock_ms() - r->e->started_ms < STARTING_MS,
		.run_arg = r,
		.wall_ms = clock_wall_ms(),
		.tz = out->tz[0] ? out->tz : NULL,
	};
	if ((e = run_config(r, pg)) != ERR_NONE)
		return e;
	out->ctx.languages = r->config->languages;
	out->ctx.languages_len = r->config->languages_len;
	return ERR_NONE;
}

void answer_place_done(struct answer_place *p)
{
	memset(p, 0, sizeof(*p));
}
