/*
 * Asks that are too many (quota.h).  One that has to wait is stored with the moment from which it may begin, so it outlives a restart; a line of Eddy's in
 * its thread says so, once as long as anything of the thread waits.  One that is too much even for that gets a plain sentence, once a minute.  A program
 * that may ask gets neither: words that it would answer are what a loop is made of, also one that begins a new thread each time.
 */
#include <stdio.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../settings/settings.h"
#include "accept_internal.h"
#include "ask.h"
#include "quota.h"

#define REFUSE_AGAIN_US (60 * INT64_C(1000000))
/* A program asks ten times at once and then once a minute. */
static const struct bucket_rule bot_rule = { .every_us = 60 * INT64_C(1000000), .burst = 10 };

const struct pg_statement accept_limit_statements[] = {
	{ "accept_notice",
	    "WITH t AS (UPDATE threads SET seq = seq + 1, last_author = 2, taking_part = true, last_at = now() WHERE ws = $1 AND id = $3"
	    " AND NOT EXISTS (SELECT 1 FROM messages m WHERE m.ws = $1 AND m.id = $2) RETURNING seq, audience_id),"
	    " m AS (INSERT INTO messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id)"
	    " SELECT $1, $2, $3, t.seq, t.seq, 2, $4, t.audience_id FROM t RETURNING seq),"
	    " o AS (INSERT INTO outbox (ws, id, thread_id, message_id, adapter, origin, private_reply, state, sent_at)"
	    " SELECT $1, $5, $3, $2, $6, $7, $8, $9::int2, CASE WHEN $9::int2 = 3 THEN now() END FROM m RETURNING thread_id),"
	    " d AS (UPDATE dispatch SET pending = pending + 1 FROM o WHERE dispatch.ws = $1 AND dispatch.thread_id = o.thread_id AND $9::int2 <> 3)"
	    " SELECT seq FROM m" },
	{ NULL, NULL },
};

/* What works for somebody: answers of a model, and commands that read or write much.  Never what takes something back. */
static bool counts(const struct accept_op *a)
{
	enum command c = a->route.command;
	return a->in.person.is_bot || a->route.to == ROUTE_AGENT ||
	    (a->route.to == ROUTE_COMMAND && c >= CMD_FORK && c <= CMD_DECISIONS && c != CMD_FORGET && c != CMD_FORGET_ME &&
	        c != CMD_PRIVATE_ON);
}

static void rules_of(const struct accept_op *a, struct quota_rules *out)
{
	struct config *c = NULL;
	const struct settings *s = a->e->o.settings;
	config_cache_get(a->e->configs, NULL, a->in.ws, a->place, ID_NONE, &c);
#define LIMIT(key) (c != NULL ? config_int(c, key) : settings_int(s, key))
	int64_t queue = LIMIT("limits.queue");
	out->person = bucket_per_minute(LIMIT("limits.person"), queue);
	out->team = bucket_per_minute(LIMIT("limits.team"), queue);
	out->workspace = bucket_per_minute(LIMIT("limits.workspace"), queue);
#undef LIMIT
	config_release(c);
	if (a->in.person.is_bot)
		out->person = bot_rule;
}

static void ask(struct accept_op *a)
{
	struct engine *e = a->e;
	const struct quota_who who = { a->in.ws, budget_team_of(e->budget, a->place), a->person };
	struct quota_rules rules;
	int64_t now = (int64_t)clock_us();
	rules_of(a, &rules);
	a->limit = quota_ask(e->quota, &who, &rules, now, &a->wait_ms);
	if (a->limit == QUOTA_NOW)
		return;
	int64_t until = a->limit == QUOTA_LATER ? now + (int64_t)a->wait_ms * 1000 : now + REFUSE_AGAIN_US;
	struct id about = id_named(a->thread, 0, a->limit == QUOTA_LATER ? "later" : "full", a->limit == QUOTA_LATER ? 5 : 4);
	a->limit_said = quota_say(e->quota, about, now, until) && !a->in.person.is_bot;
	metric_add(a->limit == QUOTA_LATER ? e->m.held : e->m.refused, 1);
	log_info(a->limit == QUOTA_LATER ? "limit.held" : "limit.refused", LF_ID("ws", a->in.ws), LF_ID("person", a->person),
	    LF_ID("thread", a->thread), LF_INT("wait_ms", a->wait_ms), LF_STR("result", "ok"));
}

bool accept_limit(struct accept_op *a)
{
	if (!counts(a))
		return true;
	if (!a->limit_asked) /* once, however often its transaction is tried */
		ask(a);
	a->limit_asked = true;
	if (a->limit == QUOTA_LATER && a->in.delay_ms < a->wait_ms)
		a->in.delay_ms = a->wait_ms;
	if (a->limit == QUOTA_FULL)
		a->route = (struct route){ .to = a->limit_said ? ROUTE_COMMAND : ROUTE_STORE,
			.command = a->limit_said ? CMD_TOO_MUCH : CMD_NONE };
	return a->route.to != ROUTE_STORE;
}

static void on_notice(void *ctx, const PGresult *r)
{
	struct accept_op *a = ctx;
	a->notice_seq = PQntuples(r) == 1 ? pg_get_int8(r, 0, 0) : 0;
}

static size_t words(const struct accept_op *a, char *out, size_t n)
{
	int len =
	    snprintf(out, n, "That is a lot in a short time, so this has to wait a little: I start on it in about %u seconds.",
	        a->wait_ms / 1000 + 1);
	return (size_t)len;
}

static struct id delivery_of(const struct accept_op *a)
{
	return id_named(a->run, 0, "held", 4);
}

static bool is_pulled(const struct accept_op *a)
{
	const struct adapter_slot *s = engine_adapter(a->e, a->in.adapter, strlen(a->in.adapter));
	return s != NULL && (s->ops->caps & CAP_PULL) != 0;
}

void accept_send_notices(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct accept_op *a = accept_of(ops[i]);
		char text[200];
		if (!a->has_run || a->limit != QUOTA_LATER || !a->limit_said)
			continue;
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, a->in.ws);
		pg_arg_id(g, ask_said(delivery_of(a)));
		pg_arg_id(g, a->thread);
		pg_arg_text(g, text, words(a, text, sizeof text));
		pg_arg_id(g, delivery_of(a));
		pg_arg_str(g, a->in.adapter);
		pg_arg_bytes(g, a->in.origin, a->in.origin_len);
		pg_arg_bool(g, a->in.private_reply);
		pg_arg_int2(g, is_pulled(a) ? OUT_SENT : OUT_PENDING);
		writer_exec(tx, "accept_notice", on_notice, a);
	}
}

void accept_tell_notice(struct accept_op *a)
{
	char text[200];
	if (a->notice_seq == 0)
		return;
	transcripts_forget(a->e->transcripts, a->thread);
	if (!is_pulled(a))
		return;
	size_t n = words(a, text, sizeof text);
	engine_emit(a->e,
	    &(struct thread_event){ .kind = EVENT_MESSAGE,
	        .ws = a->in.ws,
	        .thread = a->thread,
	        .message = ask_said(delivery_of(a)),
	        .seq = a->notice_seq,
	        .rev = a->notice_seq,
	        .author_kind = AUTHOR_EDDY,
	        .author = "Eddy",
	        .text = text,
	        .text_len = n,
	        .at_ms = (int64_t)clock_wall_ms() });
}
