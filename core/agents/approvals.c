/*
 * Approvals in the database.  The rules are one SQL function, asked under the row's lock; a trigger holds the row to its one way besides.  What is
 * done goes by what is stored and what was shown: nothing of an act is taken from whoever approves it.
 */
#include "approvals.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/encode.h"
#include "../base/json.h"
#include "../base/mem.h"
#include "../base/utf8.h"

#define STRING_OF(x) #x
#define STRING(x) STRING_OF(x)
#define DEST "(a.call::jsonb->'to')"

const struct pg_statement approval_write_statements[] = {
	{ "approval_ask",
	    "INSERT INTO approvals (ws, id, run_id, thread_id, step, tool, call, origin, digest, code_hash, code_seal, asker_id, approvers, reads,"
	    " untrusted, expires_at, state, automatic, decided_at) SELECT $1::uuid, $2::uuid, $3::uuid, t.id, $5::int4, $6::text, $7::text, $8::bytea,"
	    " $9::bytea, $10::bytea, $11::bytea, $12::uuid, $13::text[], (SELECT array_agg(DISTINCT x) FROM unnest($14::uuid[] || t.audience_id) x),"
	    " $15::int4, now() + $16::int4 * interval '1 hour', $17::int2, $17::int2 = 5, CASE WHEN $17::int2 = 5 THEN now() END"
	    " FROM threads t WHERE t.ws = $1 AND t.id = $4 ON CONFLICT DO NOTHING RETURNING id" },
	/* The conversation where it was asked hears what became of it: a run of CMD_DECIDED there, once for each name. */
	{ "approval_tell",
	    "WITH n AS (INSERT INTO runs (ws, id, thread_id, message_id, message_seq, person_id, kind, command, state, token, adapter, origin,"
	    " private_reply, about_id) SELECT r.ws, $3, r.thread_id, r.message_id, r.message_seq, r.person_id, 2, " STRING(
	        APPROVAL_TOLD) ", 1,"
	                       " (SELECT max(d.token) FROM (SELECT token FROM dispatch WHERE ws = $1 AND thread_id = r.thread_id UNION ALL SELECT 0) d), r.adapter,"
	                       " r.origin, r.private_reply, a.id FROM approvals a JOIN runs r ON r.ws = a.ws AND r.id = a.run_id WHERE a.ws = $1 AND a.id = $2"
	                       " ON CONFLICT DO NOTHING RETURNING thread_id), d AS (INSERT INTO dispatch (ws, thread_id, pending, due, token)"
	                       " SELECT $1, n.thread_id, 1, now(), 0 FROM n ON CONFLICT (ws, thread_id) DO UPDATE SET pending = dispatch.pending + 1, due = now(),"
	                       " look = dispatch.owner IS NOT NULL RETURNING 1) SELECT pg_notify('" APPROVAL_WORK "', '') FROM d" },
	{ "approval_audit",
	    "INSERT INTO audit (ws, id, verb, actor_id, subject, thread_id, facts) VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb)"
	    " ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

const struct pg_statement approval_statements[] = {
	{ "approval_may",
	    "SELECT may_write($1, $2::text::jsonb, $3), may_tell($1, $2::text::jsonb, (SELECT array_agg(x) FROM unnest($4::uuid[] || t.audience_id) x),"
	    " $5) FROM threads t WHERE t.ws = $6 AND t.id = $3" },
	{ "approval_trust",
	    "WITH th AS (SELECT t.id, t.place_id FROM threads t WHERE t.ws = $1 AND t.id = $2 UNION SELECT p.id, p.place_id FROM threads t JOIN forks f"
	    " ON f.ws = t.ws AND f.id = t.fork_id JOIN threads p ON p.ws = f.ws AND p.id = f.parent_id WHERE t.ws = $1 AND t.id = $2),"
	    " m AS (SELECT m.author_id, m.author_kind, m.files IS NOT NULL AS file FROM th JOIN messages m ON m.ws = $1 AND m.thread_id = th.id"
	    " WHERE m.author_kind IN (1, 4) AND m.state <> 2 AND (th.id <> $2 OR m.seq <= $3)),"
	    " who AS (SELECT m.author_id AS id FROM m UNION SELECT unnest($4::uuid[])),"
	    " bits AS (SELECT CASE WHEN p.id IS NULL THEN 64 ELSE"
	    " EXISTS (SELECT 1 FROM people x WHERE x.ws = $1 AND x.id IN (SELECT same_user(p.id)) AND x.guest)::int + 2 * p.bot::int"
	    " + 4 * (NOT EXISTS (SELECT 1 FROM identities i WHERE i.ws = $1 AND i.person_id = p.id AND i.verified >= 1))::int END AS b"
	    " FROM who LEFT JOIN people p ON p.ws = $1 AND p.id = who.id"
	    " UNION ALL SELECT CASE WHEN author_kind = 4 THEN 2 ELSE 0 END + CASE WHEN file THEN 8 ELSE 0 END FROM m"
	    " UNION ALL SELECT CASE WHEN p.visibility IN (1, 2, 4) THEN 0 ELSE 16 END FROM th JOIN places p ON p.ws = $1 AND p.id = th.place_id)"
	    " SELECT coalesce(bit_or(b), 64) FROM bits" },
	{ "approval_find",
	    "SELECT a.id, a.thread_id, coalesce(" DEST
	    "->>'name', ''), a.decided_in, a.state, a.tool, encode(a.digest, 'hex'), a.asker_id FROM approvals a"
	    " WHERE a.ws = $1 AND (a.id = $2 OR a.code_hash = $3) FOR UPDATE" },
	{ "approval_rule", "SELECT approval_refusal($1, $2, $3, $4, $5, $6, $7)" },
	{ "approval_state",
	    "UPDATE approvals SET state = $3::int2, decided_at = coalesce(decided_at, now()), decided_by = coalesce(decided_by, $4),"
	    " decided_in = coalesce(decided_in, $5) WHERE ws = $1 AND id = $2" },
	{ "approval_send",
	    "INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state) SELECT a.ws, a.id, a.thread_id,"
	    " a.call::jsonb->>'text', " DEST "->>'adapter', a.origin, 1 FROM approvals a WHERE a.ws = $1 AND a.id = $2" },
	/* The run goes on as another one, for what it has said so far is delivered under its own name. */
	{ "approval_go_on",
	    "INSERT INTO runs (ws, id, thread_id, message_id, message_seq, person_id, kind, command, state, token, adapter, origin, private_reply,"
	    " about_id, reads, untrusted, config_id) SELECT r.ws, $3, r.thread_id, r.message_id, r.message_seq, r.person_id, r.kind, r.command, 1,"
	    " coalesce((SELECT token FROM dispatch d WHERE d.ws = r.ws AND d.thread_id = r.thread_id), 0), r.adapter, r.origin, r.private_reply,"
	    " r.about_id, r.reads, r.untrusted, r.config_id FROM approvals a JOIN runs r ON r.ws = a.ws AND r.id = a.run_id WHERE a.ws = $1 AND a.id = $2" },
	{ "approval_steps",
	    "INSERT INTO run_steps (ws, run_id, n, kind, body) SELECT s.ws, $3, s.n, s.kind, CASE WHEN s.n = a.step THEN"
	    " jsonb_set(s.body, '{text}', to_jsonb($4::text)) ELSE s.body END FROM approvals a JOIN run_steps s ON s.ws = a.ws AND s.run_id = a.run_id"
	    " WHERE a.ws = $1 AND a.id = $2" },
	{ "approval_due",
	    "WITH d AS (INSERT INTO dispatch (ws, thread_id, pending, due, token) VALUES ($1, $2, $3, now(), 0)"
	    " ON CONFLICT (ws, thread_id) DO UPDATE SET pending = dispatch.pending + excluded.pending, due = now(),"
	    " look = dispatch.owner IS NOT NULL RETURNING 1) SELECT pg_notify('" APPROVAL_WORK "', '') FROM d" },
	{ "approval_list",
	    "SELECT a.id, a.tool, coalesce(" DEST "->>'name', ''), coalesce(" DEST
	    "->>'adapter', ''), coalesce(a.call::jsonb->>'text', ''),"
	    " encode(a.digest, 'hex'), coalesce(p.name, ''), a.created_at, a.expires_at FROM approvals a LEFT JOIN people p ON p.ws = a.ws AND"
	    " p.id = a.asker_id WHERE a.ws = $1 AND a.state = 1 AND a.expires_at > now() AND approval_refusal(a.id, $2, NULL, NULL, NULL, a.digest,"
	    " false) = 0 ORDER BY a.expires_at, a.id LIMIT 500" },
	{ "approval_expire",
	    "UPDATE approvals SET state = 4, decided_at = now() WHERE ws = $1 AND state = 1"
	    " AND (expires_at < now() + $2::int8 * interval '1 ms' OR approvers = '{}') RETURNING id, thread_id" },
	{ "approval_fate",
	    "SELECT a.state, coalesce(" DEST
	    "->>'name', ''), coalesce(p.name, ''), coalesce(o.state = 4, false), coalesce(o.error = 'readers', false),"
	    " a.approvers = '{}'"
	    " FROM approvals a LEFT JOIN people p ON p.ws = a.ws AND p.id = a.decided_by LEFT JOIN outbox o ON o.ws = a.ws AND o.id = a.id"
	    " WHERE a.ws = $1 AND a.id = $2" },
	{ NULL, NULL },
};

/* ---- codes ---- */

/* Letters and digits that are not mistaken for each other. */
static const char letters[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static void make_code(char code[APPROVAL_CODE])
{
	unsigned char raw[10];
	random_bytes(raw, sizeof raw);
	for (size_t i = 0, k = 0; i < sizeof raw; i++) {
		if (i == 5)
			code[k++] = '-';
		code[k++] = letters[raw[i] & 31];
	}
	code[APPROVAL_CODE - 1] = '\0';
}

/* As it is meant, however somebody has typed it: ten signs, or fewer, then it is none. */
static void plain_code(const char *s, size_t n, char out[APPROVAL_CODE])
{
	size_t k = 0;
	for (size_t i = 0; i < n && k < 10; i++) {
		char c = s[i] >= 'a' && s[i] <= 'z' ? (char)(s[i] - 32) : s[i];
		if (c == '-' || c == ' ')
			continue;
		out[k++] = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
	}
	out[k] = '\0';
}

/* ---- making ---- */

struct id approval_id(struct id run, int step)
{
	char name[32];
	int n = snprintf(name, sizeof name, "act %d", step);
	return id_named(run, 0, name, (size_t)n);
}

static json_t *dest_of(const struct tool_act *act)
{
	return json_pack("{s:s, s:s, s:s, s:s}", "kind", act->address ? "address" : "place", "adapter", act->adapter, "key",
	    act->key, "name", act->name);
}

void approval_make(struct approval *a)
{
	char run[ID_TEXT];
	json_t *args = NULL;
	(void)json_parse(a->act.args, strlen(a->act.args), SIZE_MAX, &args, NULL);
	json_t *o = json_pack("{s:o?, s:s, s:i, s:s, s:o, s:s}", "args", args, "run", id_format(a->run, run), "step", a->step,
	    "text", a->act.text, "to", dest_of(&a->act), "tool", a->tool);
	a->call = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(o);
	struct buf all = BUF_INIT;
	buf_add_str(&all, a->call);
	buf_add(&all, a->act.origin, a->act.origin_len);
	SHA256((const unsigned char *)all.p, all.len, a->digest);
	buf_done(&all);
	make_code(a->code);
}

void approval_done(struct approval *a)
{
	tool_act_done(&a->act);
	free(a->call);
	free(a->reads);
	a->call = NULL;
	a->reads = NULL;
}

static void put_reads(struct pg_args *g, const struct approval *a)
{
	pg_array_begin(g, PG_UUID);
	pg_array_id(g, a->audience);
	for (size_t i = 0; i < a->reads_len; i++)
		pg_array_id(g, a->reads[i]);
	pg_array_end(g);
}

static void put(struct pg_args *g, const struct approval *a, bool automatic)
{
	uint8_t hash[32], seal[32], both[10 + 32];
	char plain[APPROVAL_CODE];
	plain_code(a->code, strlen(a->code), plain);
	SHA256((const unsigned char *)plain, 10, hash);
	memcpy(both, plain, 10);
	memcpy(both + 10, a->digest, 32);
	SHA256(both, sizeof both, seal);
	pg_arg_id(g, a->ws);
	pg_arg_id(g, a->id);
	pg_arg_id(g, a->run);
	pg_arg_id(g, a->thread);
	pg_arg_int4(g, a->step);
	pg_arg_str(g, a->tool);
	pg_arg_str(g, a->call);
	pg_arg_bytes(g, a->act.origin, a->act.origin_len);
	pg_arg_bytes(g, a->digest, 32);
	if (automatic) {
		pg_arg_null(g);
		pg_arg_null(g);
	} else {
		pg_arg_bytes(g, hash, 32);
		pg_arg_bytes(g, seal, 32);
	}
	pg_arg_id(g, a->asker);
	pg_array_begin(g, PG_TEXT);
	for (size_t i = 0; i < a->approvers_len; i++)
		pg_array_str(g, a->approvers[i]);
	pg_array_end(g);
	put_reads(g, a);
	pg_arg_int4(g, (int32_t)a->untrusted);
	pg_arg_int4(g, a->hours);
	pg_arg_int2(g, automatic ? 5 : 1);
}

void approval_put(struct pg_args *g, const struct approval *a)
{
	put(g, a, false);
}

void approval_put_audit(struct pg_args *g, struct id ws, struct id entry, const char *verb, struct id actor, struct id subject,
    struct id thread, const char *facts)
{
	pg_arg_id(g, ws);
	pg_arg_id(g, entry);
	pg_arg_str(g, verb);
	pg_arg_id(g, actor);
	pg_arg_id(g, subject);
	pg_arg_id(g, thread);
	pg_arg_str(g, facts);
}

/* ---- in a worker's transaction ---- */

static enum err run(struct pg *pg, const char *statement, struct pg_args *g, int *rows)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, g, &r);
	if (rows != NULL)
		*rows = e == ERR_NONE ? PQntuples(r) : 0;
	PQclear(r);
	pg_args_free(g);
	return e;
}

static bool has(const struct approval *a, const char *who)
{
	for (size_t i = 0; i < a->approvers_len; i++)
		if (strcmp(a->approvers[i], who) == 0)
			return true;
	return false;
}

static enum err may(struct pg *pg, const struct approval *a, bool by_asker, int *rule)
{
	json_t *to = dest_of(&a->act);
	char *dest = json_dumps(to, JSON_COMPACT);
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(g, a->asker);
	pg_arg_str(g, dest);
	pg_arg_id(g, a->thread);
	put_reads(g, a);
	pg_arg_bool(g, by_asker);
	pg_arg_id(g, a->ws);
	enum err e = pg_query(pg, "approval_may", g, &r);
	*rule = -1;
	if (e == ERR_NONE && PQntuples(r) == 1) {
		*rule = (int)pg_get_int8(r, 0, 0);
		if (*rule == 0)
			*rule = (int)pg_get_int8(r, 0, 1);
	}
	PQclear(r);
	pg_args_free(g);
	free(dest);
	json_decref(to);
	return e;
}

enum err approval_possible(struct pg *pg, const struct approval *a, int *rule)
{
	return may(pg, a, has(a, "asker"), rule);
}

static enum err due(struct pg *pg, struct id ws, struct id thread, int n)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, ws);
	pg_arg_id(g, thread);
	pg_arg_int4(g, n);
	return run(pg, "approval_due", g, NULL);
}

static struct pg_args *args_of(struct id ws, struct id id)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, ws);
	pg_arg_id(g, id);
	return g;
}

static enum err audit(struct pg *pg, struct id ws, struct id entry, const char *verb, struct id actor, struct id subject,
    struct id thread, const char *facts)
{
	struct pg_args *g = pg_args_new();
	approval_put_audit(g, ws, entry, verb, actor, subject, thread, facts);
	return run(pg, "approval_audit", g, NULL);
}

enum err approval_automatic(struct pg *pg, const struct approval *a, int *rule)
{
	char facts[200], hex[65];
	int n = 0;
	enum err e = may(pg, a, false, rule);
	if (e != ERR_NONE || *rule != 0)
		return e;
	struct pg_args *g = pg_args_new();
	put(g, a, true);
	e = run(pg, "approval_ask", g, &n);
	if (e != ERR_NONE || n == 0)
		return e; /* it was done before a crash */
	hex_encode(hex, a->digest, 32);
	snprintf(facts, sizeof facts, "{\"tool\":\"%s\",\"digest\":\"%s\"}", a->tool, hex);
	e = run(pg, "approval_send", args_of(a->ws, a->id), NULL);
	if (e == ERR_NONE)
		e = due(pg, a->ws, a->thread, 1);
	if (e == ERR_NONE)
		e = audit(pg, a->ws, id_named(a->id, 0, "automatic", 9), "approval.automatic", ID_NONE, a->id, a->thread, facts);
	return e;
}

enum err approval_trust(
    struct pg *pg, struct id ws, struct id thread, int64_t upto, const struct id *authors, size_t n, unsigned *out)
{
	struct pg_args *g = args_of(ws, thread);
	PGresult *r = NULL;
	pg_arg_int8(g, upto);
	pg_array_begin(g, PG_UUID);
	for (size_t i = 0; i < n; i++)
		pg_array_id(g, authors[i]);
	pg_array_end(g);
	enum err e = pg_query(pg, "approval_trust", g, &r);
	*out = e == ERR_NONE && PQntuples(r) == 1 ? (unsigned)pg_get_int8(r, 0, 0) : ~0u;
	PQclear(r);
	pg_args_free(g);
	return e;
}

/* ---- deciding ---- */

/* Of the database's rules (approval_may). */
static const char *const rules[] = { [0] = "",
	[1] = "That was decided already, or taken back.",
	[2] = "That has waited too long: ask again.",
	[3] = "That is not what was shown: ask again.",
	[4] = "That is not what was shown: ask again.",
	[5] = "Only people decide that.",
	[6] = "Guests cannot decide that.",
	[7] = "I cannot tell who you are well enough for that.",
	[8] = "You are not one of those who may decide that.",
	[9] =
	    "You cannot read all that it is made of, so you cannot decide it from here; the conversation where it was asked is the place.",
	[10] = "Whoever asked has taken the question back.",
	[11] = "Who asks may not have me write elsewhere: that takes a member of the workspace.",
	[12] = "That address does not take mail from me.",
	[13] = "I am not in that place.",
	[14] = "Who reads along there I do not know, so I do not write there from here.",
	[15] = "Others read along there.",
	[16] =
	    ("Not all who would read it there may know what this conversation rests on. What you tell me directly, where nobody else reads, "
	     "you can have sent.") };

static bool is_known(int rule)
{
	return rule >= 0 && (size_t)rule < sizeof rules / sizeof *rules;
}

const char *approval_why(int rule)
{
	return is_known(rule) ? rules[rule] : "There is nothing of that name to decide.";
}

enum api_code approval_code(int rule)
{
	switch (rule) {
	case 1:
	case 2:
	case 10:
		return API_GONE;
	case 3:
	case 4:
		return API_CONFLICT;
	default:
		return is_known(rule) ? API_FORBIDDEN : API_NOT_FOUND;
	}
}

const char *approval_why_not(const struct approval_outcome *o)
{
	if (o->rule != 1)
		return approval_why(o->rule);
	return o->state == 5 ? "That was decided already: it was approved, and is done."
	    : o->state == 4  ? "That has waited too long: ask again."
	                     : "That was decided already: it was refused, and nothing was sent.";
}

struct found {
	struct id decided_in, asker;
	char tool[64], digest[65];
	bool there;
};

static enum err find(struct pg *pg, const struct approval_decision *d, struct found *f, struct approval_outcome *out)
{
	char plain[APPROVAL_CODE] = "";
	uint8_t hash[32];
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(g, d->ws);
	if (d->code != NULL) {
		plain_code(d->code, d->code_len, plain);
		SHA256((const unsigned char *)plain, strlen(plain), hash);
		pg_arg_null(g);
		pg_arg_bytes(g, hash, 32);
	} else {
		pg_arg_id(g, d->id);
		pg_arg_null(g);
	}
	enum err e = pg_query(pg, "approval_find", g, &r);
	pg_args_free(g);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		f->there = true;
		out->id = pg_get_id(r, 0, 0);
		out->thread = pg_get_id(r, 0, 1);
		snprintf(out->to, sizeof out->to, "%s", pg_get_str(r, 0, 2));
		f->decided_in = PQgetisnull(r, 0, 3) ? ID_NONE : pg_get_id(r, 0, 3);
		out->state = (int)pg_get_int8(r, 0, 4);
		f->asker = pg_get_id(r, 0, 7);
		snprintf(f->tool, sizeof f->tool, "%s", pg_get_str(r, 0, 5));
		snprintf(f->digest, sizeof f->digest, "%s", pg_get_str(r, 0, 6));
	}
	PQclear(r);
	return e;
}

static enum err ask_rule(struct pg *pg, const struct approval_decision *d, struct id id, int *rule)
{
	char plain[APPROVAL_CODE] = "";
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(g, id);
	pg_arg_id(g, d->person);
	pg_arg_str(g, d->through);
	pg_arg_id(g, d->at_thread);
	if (d->code != NULL) {
		plain_code(d->code, d->code_len, plain);
		pg_arg_str(g, plain);
	} else {
		pg_arg_null(g);
	}
	if (d->shown != NULL)
		pg_arg_bytes(g, d->shown, 32);
	else
		pg_arg_null(g);
	pg_arg_bool(g, d->grants);
	enum err e = pg_query(pg, "approval_rule", g, &r);
	*rule = e == ERR_NONE && PQntuples(r) == 1 && !PQgetisnull(r, 0, 0) ? (int)pg_get_int8(r, 0, 0) : -1;
	PQclear(r);
	pg_args_free(g);
	return e;
}

void approval_put_tell(struct pg_args *g, struct id ws, struct id id, const char *what)
{
	pg_arg_id(g, ws);
	pg_arg_id(g, id);
	pg_arg_id(g, id_named(id, 0, what, strlen(what)));
}

static enum err tell(struct pg *pg, struct id ws, struct id id)
{
	struct pg_args *g = pg_args_new();
	approval_put_tell(g, ws, id, "told");
	return run(pg, "approval_tell", g, NULL);
}

/* Is the decision's own answer read by whoever asked, where it was asked? */
static bool is_heard(const struct approval_decision *d, const struct found *f, const struct approval_outcome *o)
{
	return id_equal(d->at_thread, o->thread) && (!d->alone || id_equal(d->person, f->asker));
}

static enum err expired(struct pg *pg, struct id ws, struct id id, struct id thread)
{
	return audit(pg, ws, id_named(id, 0, "expired", 7), "approval.expired", ID_NONE, id, thread, "{}");
}

static enum err set_state(struct pg *pg, const struct approval_decision *d, struct id id, int state)
{
	struct pg_args *g = args_of(d->ws, id);
	pg_arg_int2(g, (int16_t)state);
	pg_arg_id(g, state == 4 ? ID_NONE : d->person);
	pg_arg_id(g, state == 4 ? ID_NONE : d->in);
	return run(pg, "approval_state", g, NULL);
}

/* The act and what comes of it, in the transaction that makes the approval used. */
static enum err carry_out(struct pg *pg, const struct approval_decision *d, const struct approval_outcome *o)
{
	char told[300];
	int n = 0;
	struct id next = id_named(o->id, 0, "goes on", 7);
	snprintf(told, sizeof told,
	    "{\"approved\":true,\"note\":\"A person has approved it. It is on its way and cannot be called back.\"}");
	enum err e = run(pg, "approval_send", args_of(d->ws, o->id), NULL);
	struct pg_args *g = args_of(d->ws, o->id);
	pg_arg_id(g, next);
	if (e == ERR_NONE)
		e = run(pg, "approval_go_on", g, NULL);
	else
		pg_args_free(g);
	if (e != ERR_NONE)
		return e;
	g = args_of(d->ws, o->id);
	pg_arg_id(g, next);
	pg_arg_str(g, told);
	if ((e = run(pg, "approval_steps", g, &n)) != ERR_NONE)
		return e;
	return due(pg, d->ws, o->thread, 2);
}

enum err approval_decide(struct pg *pg, const struct approval_decision *d, struct approval_outcome *out)
{
	struct found f = { 0 };
	char facts[300];
	memset(out, 0, sizeof *out);
	enum err e = find(pg, d, &f, out);
	if (e == ERR_NONE && f.there && !id_is_none(f.decided_in) && id_equal(f.decided_in, d->in))
		return ERR_NONE; /* the same decision, made again after a crash */
	out->rule = -1;
	if (e == ERR_NONE && f.there)
		e = ask_rule(pg, d, out->id, &out->rule);
	if (e != ERR_NONE)
		return e;
	const char *verb = out->rule != 0 ? "approval.denied" : d->grants ? "approval.granted" : "approval.refused";
	snprintf(facts, sizeof facts, "{\"rule\":%d,\"wish\":\"%s\",\"via\":\"%s\",\"tool\":\"%s\",\"digest\":\"%s\"}", out->rule,
	    d->grants ? "grant" : "refuse", d->through != NULL ? d->through : "api", f.tool, f.digest);
	e = audit(pg, d->ws, id_named(d->in, 0, "approval", 8), verb, d->person, f.there ? out->id : ID_NONE,
	    f.there ? out->thread : d->at_thread, facts);
	if (e == ERR_NONE && out->rule == 2 && out->state == 1) {
		e = set_state(pg, d, out->id, 4);
		if (e == ERR_NONE)
			e = expired(pg, d->ws, out->id, out->thread);
		if (e == ERR_NONE && !is_heard(d, &f, out))
			e = tell(pg, d->ws, out->id);
	}
	if (e != ERR_NONE || out->rule != 0)
		return e;
	e = set_state(pg, d, out->id, d->grants ? 2 : 3);
	if (e == ERR_NONE && !d->grants && !is_heard(d, &f, out))
		e = tell(pg, d->ws, out->id);
	if (e == ERR_NONE && d->grants)
		e = carry_out(pg, d, out);
	if (e == ERR_NONE && d->grants)
		e = set_state(pg, d, out->id, 5);
	return e;
}

enum err approval_fate(struct pg *pg, struct id ws, struct id id, struct approval_fate *out)
{
	PGresult *r = NULL;
	struct pg_args *g = args_of(ws, id);
	enum err e = pg_query(pg, "approval_fate", g, &r);
	pg_args_free(g);
	memset(out, 0, sizeof *out);
	if (e == ERR_NONE && PQntuples(r) == 1) {
		out->state = (int)pg_get_int8(r, 0, 0);
		snprintf(out->to, sizeof out->to, "%s", pg_get_str(r, 0, 1));
		snprintf(out->by, sizeof out->by, "%s", pg_get_str(r, 0, 2));
		out->lost = pg_get_bool(r, 0, 3);
		out->withheld = pg_get_bool(r, 0, 4);
		out->nobody = pg_get_bool(r, 0, 5);
	}
	PQclear(r);
	return e;
}

/* ---- lists ---- */

enum err approval_list(struct pg *pg, struct id ws, struct id person, json_t *out)
{
	PGresult *r = NULL;
	struct pg_args *g = args_of(ws, person);
	enum err e = pg_query(pg, "approval_list", g, &r);
	pg_args_free(g);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		char id[ID_TEXT];
		json_array_append_new(out,
		    json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I}", "id", id_format(pg_get_id(r, i, 0), id), "tool",
		        pg_get_str(r, i, 1), "to", pg_get_str(r, i, 2), "adapter", pg_get_str(r, i, 3), "text", pg_get_str(r, i, 4),
		        "digest", pg_get_str(r, i, 5), "asker", pg_get_str(r, i, 6), "asked_ms",
		        (json_int_t)pg_get_time_ms(r, i, 7), "expires_ms", (json_int_t)pg_get_time_ms(r, i, 8)));
	}
	PQclear(r);
	return e;
}

enum err approval_expire(struct pg *pg, struct id ws, uint64_t ahead_ms, int *n)
{
	struct pg_args *g = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(g, ws);
	pg_arg_int8(g, (int64_t)ahead_ms);
	enum err e = pg_query(pg, "approval_expire", g, &r);
	pg_args_free(g);
	*n = e == ERR_NONE ? PQntuples(r) : 0;
	for (int i = 0; i < *n && e == ERR_NONE; i++) {
		e = expired(pg, ws, pg_get_id(r, i, 0), pg_get_id(r, i, 1));
		if (e == ERR_NONE)
			e = tell(pg, ws, pg_get_id(r, i, 0));
	}
	PQclear(r);
	return e;
}
