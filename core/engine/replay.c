/*
 * Building a prompt again: the same code as when it was made (context.c, or the handler of a command), with the moment of then, with the messages
 * that were told then and the items of memory that the run has noted.  Nothing is locked or written for an answer; a handler's first half only
 * reads, and may lock a row for the time of its transaction.
 */
#include "replay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "../base/tz.h"
#include "ask.h"
#include "context.h"

const struct pg_statement replay_statements[] = {
	{ "replay_tenants", "SELECT DISTINCT ws FROM installs" },
	{ "replay_run",
	    "SELECT r.thread_id, r.message_id, r.message_seq, r.person_id, r.kind, r.command, r.adapter, r.private_reply, r.about_id,"
	    " r.created_at, t.place_id, t.audience_id, t.fork_id, m.provider, m.model, m.prompt_at, m.prompt_from, m.prompt_upto,"
	    " m.prompt_digest, p.name, m.id, coalesce(m.prompt_earlier, 0) FROM runs r JOIN threads t ON t.ws = r.ws AND t.id = r.thread_id"
	    " LEFT JOIN people p ON p.ws = r.ws AND p.id = r.person_id"
	    " LEFT JOIN LATERAL (SELECT * FROM model_calls c WHERE c.ws = r.ws AND c.run_id = r.id ORDER BY c.id DESC LIMIT 1) m ON true"
	    " WHERE r.ws = $1 AND r.id = $2" },
	{ NULL, NULL },
};

/* ---- the run ---- */

static enum err find(struct engine *e, struct id run, struct id *ws, PGresult **out)
{
	struct pg *pg = e->side;
	PGresult *tenants = NULL;
	struct pg_args *g = pg_args_new();
	enum err err = pg_query(pg, "replay_tenants", g, &tenants);
	pg_args_free(g);
	for (int i = 0; err == ERR_NONE && *out == NULL && i < PQntuples(tenants); i++) {
		PGresult *r = NULL;
		*ws = pg_get_id(tenants, i, 0);
		g = pg_args_new();
		pg_arg_id(g, *ws);
		pg_arg_id(g, run);
		err = pg_begin(pg, *ws);
		if (err == ERR_NONE)
			err = pg_end(pg, pg_query(pg, "replay_run", g, &r));
		pg_args_free(g);
		if (err == ERR_NONE && PQntuples(r) == 1)
			*out = r;
		else
			PQclear(r);
	}
	PQclear(tenants);
	return err;
}

static struct id id_at(const PGresult *r, int col)
{
	return PQgetisnull(r, 0, col) ? ID_NONE : pg_get_id(r, 0, col);
}

static struct run *make_run(
    struct engine *e, struct id ws, struct id id, const PGresult *res, const struct adapter_slot *via, const struct replay *replay)
{
	struct run *r = run_new(e, ws, id, via, "", 0);
	r->thread = id_at(res, 0);
	r->message = id_at(res, 1);
	r->message_seq = pg_get_int8(res, 0, 2);
	r->person = id_at(res, 3);
	r->kind = (enum run_kind)pg_get_int8(res, 0, 4);
	r->command = (enum command)pg_get_int8(res, 0, 5);
	r->private_reply = pg_get_bool(res, 0, 7);
	r->about = id_at(res, 8);
	r->place = id_at(res, 10);
	r->audience = id_at(res, 11);
	r->fork = id_at(res, 12);
	r->resumed = true; /* what tools have said stands in the table */
	r->replay = replay;
	return r;
}

struct rebuilt {
	struct context c; /* of an answer */
	struct model_message ask;
	struct model_request q;
	bool has_context;
};

static enum err rebuild_answer(struct run *r, struct rebuilt *b)
{
	enum err e = context_build(r, r->e->side, &b->c);
	if (e != ERR_NONE)
		return e;
	b->has_context = true;
	b->q = (struct model_request){ .system = b->c.system.p,
		.system_len = b->c.system.len,
		.messages = b->c.messages,
		.messages_len = b->c.messages_len,
		.tools = b->c.tools,
		.tools_len = b->c.tools_len };
	return ERR_NONE;
}

static enum err rebuild_task(struct run *r, struct rebuilt *b, char *why, size_t why_n)
{
	const struct ask_handler *h = ask_find(r->command);
	if (h == NULL || ask_begin(r, r->e->side, h) != ASK_MODEL) {
		snprintf(
		    why, why_n, "it cannot be built again: what `%s` was about is no longer as it was", command_name(r->command));
		return ERR_INPUT;
	}
	b->ask = (struct model_message){ .role = ROLE_USER, .text = r->task->input.p, .text_len = r->task->input.len };
	b->q = (struct model_request){
		.system = r->task->system.p, .system_len = r->task->system.len, .messages = &b->ask, .messages_len = 1
	};
	return ERR_NONE;
}

static void put_head(
    const struct run *r, const PGresult *res, const uint8_t now[PROMPT_DIGEST], const uint8_t *then, struct buf *out)
{
	char id[ID_TEXT];
	struct tz_time t;
	tz_local(NULL, (uint64_t)r->replay->mark.at_ms, &t);
	buf_addf(out, "run %s, ", id_format(r->id, id));
	if (r->kind == RUN_COMMAND)
		buf_addf(out, "`%s`", command_name(r->command));
	else
		buf_add_str(out, "an answer");
	const char *who = pg_get_str(res, 0, 19);
	buf_addf(out, " for %s, asked of %s (%s), %04d-%02d-%02d %02d:%02d:%02d UTC\n", who != NULL ? who : "somebody",
	    pg_get_str(res, 0, 14), pg_get_str(res, 0, 13), t.year, t.month, t.day, t.hour, t.minute, t.second);
	bool system = memcmp(now, then, PROMPT_DIGEST / 2) == 0;
	bool rest = memcmp(now + PROMPT_DIGEST / 2, then + PROMPT_DIGEST / 2, PROMPT_DIGEST / 2) == 0;
	if (system && rest)
		buf_add_str(out, "This is what the model saw.\n\n");
	else
		buf_addf(out,
		    "THIS IS NOT WHAT THE MODEL SAW, but what it would be asked from the rows of now: since then %s changed (edited, erased,\n"
		    "renamed, summed up anew, or another version of this program).\n\n",
		    system     ? "a message or a tool has"
		        : rest ? "something in the system prompt has"
		               : "both system prompt and messages have");
}

static bool rebuild(struct run *r, const PGresult *res, struct rebuilt *b, struct buf *out, enum err *e, char *why, size_t why_n)
{
	uint8_t now[PROMPT_DIGEST];
	const uint8_t *then = (const uint8_t *)PQgetvalue(res, 0, 18);
	*e = r->kind == RUN_COMMAND ? rebuild_task(r, b, why, why_n) : rebuild_answer(r, b);
	if (*e != ERR_NONE)
		return false;
	prompt_digest(&b->q, now);
	buf_reset(out);
	put_head(r, res, now, then, out);
	prompt_write(&b->q, out);
	return memcmp(now, then, PROMPT_DIGEST) == 0;
}

enum err engine_replay(struct engine *e, struct id run, struct buf *out, char *why, size_t why_n)
{
	PGresult *res = NULL;
	struct id ws = ID_NONE;
	snprintf(why, why_n, "the database does not answer");
	enum err err = find(e, run, &ws, &res);
	if (err == ERR_NONE && res == NULL) {
		snprintf(why, why_n, "there is no such run");
		return ERR_INPUT;
	}
	if (err != ERR_NONE)
		return err;
	if (PQgetisnull(res, 0, 20) || PQgetisnull(res, 0, 18) || PQgetlength(res, 0, 18) != PROMPT_DIGEST) {
		snprintf(why, why_n,
		    PQgetisnull(res, 0, 20) ? "this run has not asked a model"
		                            : "this run was asked before this program kept what that takes");
		PQclear(res);
		return ERR_INPUT;
	}
	const struct adapter_ops ops = { .name = PQgetvalue(res, 0, 6) };
	const struct adapter_slot via = { &ops, NULL };
	struct replay replay = { .mark = { .at_ms = pg_get_time_ms(res, 0, 15),
		                     .from = pg_get_int8(res, 0, 16),
		                     .upto = pg_get_int8(res, 0, 17),
		                     .earlier = pg_get_int8(res, 0, 21) } };
	replay.builtin = strcmp(pg_get_str(res, 0, 13), "builtin") == 0;
	/* Whether memory was told is not kept: it is what fits. */
	for (int without = 0; without < 2; without++) {
		struct rebuilt b = { 0 };
		struct buf text = BUF_INIT;
		replay.without_memory = without != 0;
		struct run *r = make_run(e, ws, run, res, &via, &replay);
		bool same = rebuild(r, res, &b, &text, &err, why, why_n);
		if (same || without == 0) {
			buf_reset(out);
			buf_add(out, text.p, text.len);
		}
		if (b.has_context)
			context_done(&b.c);
		buf_done(&text);
		run_free(r);
		if (same || err != ERR_NONE)
			break;
	}
	PQclear(res);
	return err;
}
