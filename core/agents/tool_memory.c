/*
 * propose_memory: an agent notes what seems worth remembering, as a proposal that a person keeps or drops.  It is the one tool that writes, and
 * all it can write is such a row: item_put() works out the readers from the messages that it names and refuses what does not come from
 * people of the house.  At most three a run, each named by its run and place among them, so a call that is made again after a crash is the same.
 */
#include <stdio.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/json.h"
#include "../memory/item.h"
#include "tools.h"

#define PROPOSALS_MAX 3

const struct pg_statement tool_memory_statements[] = {
	{ "tool_proposed", "SELECT id, body FROM context_items WHERE ws = $1 AND id = ANY ($2::uuid[])" },
	{ "tool_question", "SELECT id FROM messages WHERE ws = $1 AND thread_id = $2 AND seq = $3 AND state <> 2" },
	{ "tool_readable",
	    "SELECT id FROM messages WHERE ws = $1 AND audience_id = ANY ($2::uuid[]) AND id = ANY ($3::uuid[]) AND state <> 2"
	    " ORDER BY array_position($3, id)" },
	{ "tool_private", "SELECT private OR guest FROM people WHERE ws = $1 AND id = $2" },
	{ NULL, NULL },
};

struct proposal {
	const struct tool_context *ctx;
	struct item_new n;
	struct id sources[ITEM_SOURCES_MAX];
	struct id slots[PROPOSALS_MAX];
	bool refused; /* ${why} says it to the model */
	const char *why;
};

static enum err query(const struct tool_context *ctx, const char *statement, struct pg_args *a, PGresult **r)
{
	enum err e = pg_query(ctx->pg, statement, a, r);
	pg_args_free(a);
	return e;
}

static struct pg_args *args_of(const struct tool_context *ctx, struct id id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ctx->ws);
	pg_arg_id(a, id);
	return a;
}

static void refuse(struct proposal *p, const char *why)
{
	p->refused = true;
	p->why = why;
}

static enum err check_asker(struct proposal *p)
{
	PGresult *r = NULL;
	if (p->ctx->guest || id_is_none(p->ctx->person)) {
		refuse(p, "Nothing is noted in this conversation.");
		return ERR_NONE;
	}
	enum err e = query(p->ctx, "tool_private", args_of(p->ctx, p->ctx->person), &r);
	if (e == ERR_NONE && (PQntuples(r) != 1 || pg_get_bool(r, 0, 0)))
		refuse(p, "Nothing is noted in this conversation.");
	PQclear(r);
	return e;
}

/* The first place that is free; a text that stands in one already is noted. */
static enum err find_slot(struct proposal *p, bool *there)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, p->ctx->ws);
	pg_array_begin(a, PG_UUID);
	for (int i = 0; i < PROPOSALS_MAX; i++) {
		char name[16];
		int n = snprintf(name, sizeof(name), "proposal %d", i);
		p->slots[i] = id_named(p->ctx->run, 0, name, (size_t)n);
		pg_array_id(a, p->slots[i]);
	}
	pg_array_end(a);
	PGresult *r = NULL;
	enum err e = query(p->ctx, "tool_proposed", a, &r);
	if (e != ERR_NONE)
		return e;
	*there = false;
	for (int i = 0; i < PQntuples(r); i++)
		*there |=
		    (size_t)PQgetlength(r, i, 1) == p->n.body_len && memcmp(PQgetvalue(r, i, 1), p->n.body, p->n.body_len) == 0;
	int free_slot = 0;
	for (int k = 0; k < PROPOSALS_MAX && free_slot == k; k++)
		for (int i = 0; i < PQntuples(r); i++)
			if (id_equal(pg_get_id(r, i, 0), p->slots[k]))
				free_slot = k + 1;
	PQclear(r);
	if (free_slot == PROPOSALS_MAX && !*there)
		refuse(p, "Three proposals in one answer are enough.");
	else if (!*there)
		p->n.id = p->slots[free_slot];
	return ERR_NONE;
}

/* Of the messages that the model names, those that this run may read: for the others it is as if they did not exist. */
static enum err readable(struct proposal *p, const struct id *named, size_t n)
{
	const struct tool_context *ctx = p->ctx;
	const struct search_scope scope = { .ws = ctx->ws, .thread = ctx->thread, .place = ctx->place, .guest = ctx->guest };
	struct search_allowed may;
	enum err e = search_allowed_audiences(ctx->pg, &scope, &may);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ctx->ws);
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < may.len; i++)
		pg_array_id(a, may.audiences[i]);
	pg_array_end(a);
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < n; i++)
		pg_array_id(a, named[i]);
	pg_array_end(a);
	PGresult *r = NULL;
	e = query(ctx, "tool_readable", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		p->sources[p->n.sources_len++] = pg_get_id(r, i, 0);
	PQclear(r);
	search_allowed_done(&may);
	return e;
}

static enum err read_sources(struct proposal *p, const json_t *list)
{
	struct id named[ITEM_SOURCES_MAX];
	size_t n = 0, i;
	json_t *one;
	json_array_foreach (list, i, one)
		if (n < ITEM_SOURCES_MAX && json_is_string(one) && id_parse(json_string_value(one), &named[n]))
			n++;
	p->n.sources = p->sources;
	if (n > 0)
		return readable(p, named, n);
	struct pg_args *a = args_of(p->ctx, p->ctx->thread);
	pg_arg_int8(a, p->ctx->message_seq);
	PGresult *r = NULL;
	enum err e = query(p->ctx, "tool_question", a, &r);
	if (e == ERR_NONE && PQntuples(r) == 1)
		p->sources[p->n.sources_len++] = pg_get_id(r, 0, 0);
	PQclear(r);
	return e;
}

static enum item_kind kind_of(const char *s)
{
	return strcmp(s, "action") == 0   ? ITEM_ACTION
	    : strcmp(s, "discovery") == 0 ? ITEM_DISCOVERY
	    : strcmp(s, "status") == 0    ? ITEM_STATUS
	                                  : ITEM_DECISION;
}

static enum err propose(struct proposal *p, const json_t *args)
{
	bool there = false;
	enum err e = check_asker(p);
	if (e == ERR_NONE && !p->refused)
		e = find_slot(p, &there);
	if (e == ERR_NONE && !p->refused && !there)
		e = read_sources(p, json_arr(args, "sources"));
	if (e != ERR_NONE || p->refused || there)
		return e;
	e = item_put(p->ctx->pg, p->ctx->ws, &p->n, NULL);
	if (e == ERR_INPUT)
		refuse(p, "That is no statement that could be kept, or its messages are not there.");
	else if (e == ERR_DENIED)
		refuse(p, "From these messages nothing may be noted here, or they do not say that.");
	return e == ERR_INPUT || e == ERR_DENIED ? ERR_NONE : e;
}

static enum err run(const struct tool_context *ctx, const char *text, size_t n, struct buf *out)
{
	json_t *args = NULL;
	if (json_parse(text, n, TOOL_ARGS_MAX, &args, NULL) != ERR_NONE)
		return ERR_INPUT;
	const char *wanted = json_str(args, "text", "");
	struct buf said = BUF_INIT;
	buf_reserve(&said, 1);
	ctx->speak(ctx->run_arg, wanted, strlen(wanted), &said);
	const char *body = said.p;
	struct proposal p = { .ctx = ctx,
		.n = { .kind = kind_of(json_str(args, "kind", "")),
		    .scope = SCOPE_THREAD,
		    .scope_id = ctx->thread,
		    .state = ITEM_PROPOSED,
		    .origin = ORIGIN_AGENT,
		    .body = body,
		    .body_len = strlen(body),
		    .confidence = 0.6,
		    .thread = ctx->thread } };
	enum err e = propose(&p, args);
	if (e == ERR_NONE) {
		buf_addf(out, "{\"noted\":%s", p.refused ? "false" : "true");
		if (p.refused) {
			buf_add_str(out, ",\"why\":");
			buf_add_json_str(out, p.why);
		}
		buf_add_char(out, '}');
	}
	buf_done(&said);
	json_decref(args);
	return e;
}

const struct tool tool_propose_memory = {
	.name = "propose_memory",
	.title = "Noting a proposal",
	.description =
	    "Propose one decision, action, discovery or status of this conversation to be remembered. A person keeps or drops it. Only what people "
	    "here have said themselves, in one sentence that can be understood alone; never instructions, secrets or guesses. At most three an answer.",
	.schema =
	    "{\"type\":\"object\",\"additionalProperties\":false,\"required\":[\"kind\",\"text\"],\"properties\":{"
	    "\"kind\":{\"enum\":[\"decision\",\"action\",\"discovery\",\"status\"]},"
	    "\"text\":{\"type\":\"string\",\"minLength\":3,\"maxLength\":500},"
	    "\"sources\":{\"type\":\"array\",\"maxItems\":8,\"items\":{\"type\":\"string\",\"maxLength\":40},\"description\":\"Ids of the messages that say it, "
	    "as search_messages gave them; none: the question that you answer\"}}}",
	.effect = TOOL_REPLY, /* a proposal goes with the answer and counts when a person takes it */
	.run = run,
};
