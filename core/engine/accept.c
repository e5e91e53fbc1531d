/*
 * accept: what somebody did becomes durable.  One operation per intent; all intents of a tenant in a batch share the same few
 * statements over arrays:
 *
 *   round 1   places and people that are new or changed (rare); the inbox, which tells what is new and what is a redelivery
 *   round 2   the threads of new messages: their next sequence numbers, and what routing needs to know
 *   between   the router decides each new message (pure, no database)
 *   round 3   messages; dispatch, which takes the thread's lease when it is free; runs
 *
 * No statement joins two of its own inputs: the arrays are matched here, by binary search, where it is linear in the batch.
 *
 * After COMMIT the edge is told, live views get their event, and runs whose lease is ours enter their lane.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/fault.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../memory/forget.h"
#include "../people/directory.h"
#include "accept_internal.h"
#include "upkeep.h"

/* ---- statements ---- */

/* Of the place p, in one number for one look: accept_place_facts(). */
#define PLACE_FACTS "p.visibility + 16 * p.quiet::int + 32 * (p.allowed_at IS NOT NULL)::int"

const struct pg_statement accept_statements[] = {
	{ "accept_audiences",
	    "INSERT INTO audiences (ws, id, kind, subject) SELECT $1::uuid, id, 1, id FROM unnest($2::uuid[]) AS id ON CONFLICT DO NOTHING" },
	{ "accept_private",
	    "INSERT INTO audiences (ws, id, kind, subject) SELECT $1::uuid, s.id, 2, s.person"
	    " FROM unnest($2::uuid[], $3::uuid[]) AS s(id, person) ON CONFLICT DO NOTHING" },
	{ "accept_greet", "UPDATE places SET greeted_at = now() WHERE ws = $1 AND id = $2 AND greeted_at IS NULL RETURNING id" },
	{ "accept_places",
	    "INSERT INTO places (ws, id, adapter, external_id, name, visibility, member, audience_id)"
	    " SELECT $1::uuid, s.id, s.adapter, s.external_id, s.name, s.visibility, s.member, s.id"
	    " FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int2[], $7::bool[])"
	    " AS s(id, adapter, external_id, name, visibility, member)"
	    " ON CONFLICT (ws, id) DO UPDATE SET name = coalesce(excluded.name, places.name), member = excluded.member,"
	    " visibility = CASE WHEN excluded.visibility <> 0 THEN excluded.visibility ELSE places.visibility END" },
	{ "accept_people",
	    "INSERT INTO people (ws, id, name, tz, guest, bot, kind) SELECT $1::uuid, s.id, s.name, s.tz, s.guest, s.bot, s.kind"
	    " FROM unnest($2::uuid[], $3::text[], $4::text[], $5::bool[], $6::bool[], $8::int2[]) AS s(id, name, tz, guest, bot, kind)"
	    " ON CONFLICT (ws, id) DO UPDATE SET name = coalesce(excluded.name, people.name), tz = coalesce(excluded.tz, people.tz),"
	    " kind = coalesce(nullif(excluded.kind, 0), people.kind),"
	    " guest = people.guest OR (excluded.guest AND excluded.id <> ALL (array_remove($7::uuid[], NULL)))" }, /* $7: guests for want of a description */
	{ "accept_identities",
	    "INSERT INTO identities (ws, adapter, external_id, person_id, verified) SELECT $1::uuid, s.adapter, s.external_id, s.id, s.verified"
	    " FROM unnest($2::text[], $3::text[], $4::uuid[], $5::int2[]) AS s(adapter, external_id, id, verified)"
	    " ON CONFLICT (ws, adapter, external_id) DO UPDATE SET verified = greatest(identities.verified, excluded.verified)"
	    " RETURNING person_id, (SELECT p.user_id IS NOT NULL OR EXISTS (SELECT 1 FROM people o WHERE o.ws = $1 AND o.user_id = p.id)"
	    " FROM people p WHERE p.ws = $1 AND p.id = identities.person_id)" },
	{ "accept_inbox",
	    "INSERT INTO inbox (ws, id, kind, adapter, source_key) SELECT $1::uuid, s.id, s.kind, s.adapter, s.source_key"
	    " FROM unnest($2::uuid[], $3::int2[], $4::text[], $5::text[]) AS s(id, kind, adapter, source_key)"
	    " ON CONFLICT DO NOTHING RETURNING id" },
	{ "accept_threads",
	    "INSERT INTO threads (ws, id, place_id, external_key, seq, taking_part, last_author, only_person, several, audience_id, human_seq)"
	    " SELECT $1::uuid, s.id, s.place_id, s.external_key, s.n, s.taking_part, 1, s.person, s.several, s.audience_id, s.human"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::int8[], $6::bool[], $7::uuid[], $8::bool[], $9::uuid[], $10::int8[])"
	    " AS s(id, place_id, external_key, n, taking_part, person, several, audience_id, human)"
	    " ON CONFLICT (ws, id) DO UPDATE SET seq = threads.seq + excluded.seq, last_at = now(),"
	    " state = CASE threads.state WHEN 3 THEN 1 ELSE threads.state END, prev_author = threads.last_author, last_author = 1, taking_part = threads.taking_part OR excluded.taking_part,"
	    " human_seq = coalesce(threads.seq + nullif(excluded.human_seq, 0), threads.human_seq),"
	    " only_person = coalesce(threads.only_person, excluded.only_person),"
	    " several = threads.several OR excluded.several OR coalesce(threads.only_person <> excluded.only_person, false)"
	    " RETURNING id, seq, taking_part, quiet, prev_author, several, relay,"
	    " (SELECT " PLACE_FACTS " FROM places p WHERE p.ws = threads.ws AND p.id = threads.place_id), fork_id, human_seq" },
	{ "accept_messages",
	    "INSERT INTO messages (ws, id, thread_id, seq, rev, message_key, author_id, author_kind, body, files, audience_id)"
	    " SELECT $1::uuid, s.id, s.thread_id, s.seq, s.seq, s.message_key, s.author_id, s.author_kind, s.body, s.files::jsonb, s.audience_id"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::int8[], $5::text[], $6::uuid[], $7::int2[], $8::text[], $9::text[], $10::uuid[])"
	    " AS s(id, thread_id, seq, message_key, author_id, author_kind, body, files, audience_id)"
	    " ON CONFLICT (ws, id) DO NOTHING" },
	{ "accept_dispatch",
	    "INSERT INTO dispatch (ws, thread_id, pending, due, owner, token, lease_until)"
	    " SELECT $1::uuid, s.thread_id, s.n, now(), $4::uuid, 1, now() + $5::int8 * interval '1 ms'"
	    " FROM unnest($2::uuid[], $3::int4[]) AS s(thread_id, n)"
	    " ON CONFLICT (ws, thread_id) DO UPDATE SET pending = dispatch.pending + excluded.pending, due = now(),"
	    " owner = CASE WHEN dispatch.owner IS NULL AND dispatch.pending = 0 THEN excluded.owner ELSE dispatch.owner END,"
	    " token = dispatch.token + (dispatch.owner IS NULL AND dispatch.pending = 0)::int,"
	    " lease_until = CASE WHEN dispatch.owner IS NULL AND dispatch.pending = 0 THEN excluded.lease_until ELSE dispatch.lease_until END"
	    " RETURNING thread_id, owner, token" },
	{ "accept_runs",
	    "INSERT INTO runs (ws, id, thread_id, message_id, message_seq, person_id, kind, command, state, token, adapter, origin,"
	    " private_reply, due, about_id) SELECT $1::uuid, s.id, s.thread_id, s.message_id, s.seq, s.person_id, s.kind, s.command, 1,"
	    " (SELECT token FROM dispatch d WHERE d.ws = $1 AND d.thread_id = s.thread_id), s.adapter, s.origin, s.private_reply,"
	    " CASE WHEN s.delay > 0 THEN now() + s.delay * interval '1 ms' END, s.about_id"
	    " FROM unnest($2::uuid[], $3::uuid[], $4::uuid[], $5::int8[], $6::uuid[], $7::int2[], $8::int2[], $9::text[], $10::bytea[],"
	    " $11::bool[], $12::int8[], $13::uuid[]) AS s(id, thread_id, message_id, seq, person_id, kind, command, adapter, origin,"
	    " private_reply, delay, about_id)" },
	{ "accept_notes",
	    "INSERT INTO adapter_notes (ws, adapter, key, value) SELECT $1::uuid, s.adapter, s.key, s.value"
	    " FROM unnest($2::text[], $3::text[], $4::text[]) AS s(adapter, key, value)"
	    " ON CONFLICT (ws, adapter, key) DO UPDATE SET value = excluded.value, changed_at = now()" },
	{ "accept_title", "UPDATE threads SET title = $3 WHERE ws = $1 AND id = $2 AND title IS NULL" },
	{ "accept_aliases",
	    "INSERT INTO aliases (ws, id, thread_id) SELECT $1::uuid, s.id, $2::uuid FROM unnest($3::uuid[]) AS s(id) ON CONFLICT DO NOTHING" },
	{ "accept_readers",
	    "INSERT INTO place_people (ws, place_id, external_id) SELECT $1::uuid, $2::uuid, s.name FROM unnest($3::text[]) AS s(name)"
	    " ON CONFLICT DO NOTHING" },
	{ "accept_quiet_thread", "UPDATE threads SET quiet = $3 WHERE ws = $1 AND id = $2" },
	{ "accept_quiet_place", "UPDATE places SET quiet = $3 WHERE ws = $1 AND id = $2" },
	{ "accept_edit",
	    /* The words of what is deleted are kept until nothing of them is left elsewhere (core/memory/forget.c). */
	    "WITH e AS (INSERT INTO erasures (ws, id, kind, subject, step, since, messages, threads) SELECT ws, id, 1, id, " FORGET_STEP_WORDS
	    ", created_at, 1, 1 FROM messages WHERE ws = $1 AND id = $2 AND state <> 2 AND $4 ON CONFLICT DO NOTHING RETURNING id),"
	    " w AS (INSERT INTO erasure_words (ws, erasure_id, word) SELECT DISTINCT $1::uuid, e.id, x.word FROM e JOIN messages o ON o.ws = $1"
	    " AND o.id = e.id, unnest(tsvector_to_array(o.search || " FORGET_FILE_WORDS(
	        "o") ")) AS x (word)),"
	             " t AS (UPDATE threads SET seq = seq + 1 WHERE ws = $1 AND id = (SELECT thread_id FROM messages"
	             " WHERE ws = $1 AND id = $2 AND state <> 2 AND (body <> $3 OR $4)) RETURNING id, seq),"
	             " m AS (UPDATE messages SET body = CASE WHEN $4 THEN '' ELSE $3 END, files = CASE WHEN $4 THEN NULL ELSE files END,"
	             " components = CASE WHEN $4 THEN NULL ELSE components END, whole = CASE WHEN $4 THEN NULL ELSE whole END,"
	             " state = CASE WHEN $4 THEN 2 ELSE 1 END, rev = t.seq FROM t WHERE messages.ws = $1 AND messages.id = $2"
	             " RETURNING messages.thread_id, messages.seq, t.seq AS rev)"
	             " SELECT m.thread_id, m.seq, m.rev, (SELECT id FROM runs WHERE ws = $1 AND message_id = $2 AND thread_id = m.thread_id"
	             " AND state <= 2 LIMIT 1), th.taking_part, th.quiet, th.last_author, th.several, " PLACE_FACTS ","
	             " CASE WHEN $5 THEN EXISTS (SELECT 1 FROM runs WHERE ws = $1 AND thread_id = m.thread_id AND message_id = $2) ELSE true END,"
	             " th.relay, th.fork_id, th.human_seq"
	             " FROM m JOIN threads th ON th.ws = $1 AND th.id = m.thread_id JOIN places p ON p.ws = $1 AND p.id = th.place_id" },
	{ "accept_delete_steps",
	    "DELETE FROM run_steps WHERE ws = $1 AND run_id IN (SELECT id FROM runs WHERE ws = $1 AND thread_id = $3 AND message_id = $2"
	    " AND state <= 2 UNION ALL SELECT r.id FROM messages m JOIN runs r ON r.ws = m.ws AND r.id = m.run_id"
	    " WHERE m.ws = $1 AND m.thread_id = $3 AND m.run_id IS NOT NULL AND r.message_id = $2)" },
	{ "accept_reaction",
	    "INSERT INTO reactions (ws, message_id, person_id, name) SELECT $1::uuid, m.id, $3::uuid, $4::text FROM messages m WHERE m.ws = $1 AND m.id ="
	    " (SELECT coalesce((SELECT message_id FROM outbox WHERE ws = $1 AND thread_id = $5 AND external_ref = $6 LIMIT 1), $2))"
	    " ON CONFLICT DO NOTHING" },
	{ "accept_unreaction", "DELETE FROM reactions WHERE ws = $1 AND message_id = $2 AND person_id = $3 AND name = $4" },
	{ "accept_uninstalled", "UPDATE installs SET removed_at = now() WHERE ws = $1 AND adapter = $2" },
	/* Once for each failed run, whoever presses first; from the place it belongs to; what was private stays between the same two. */
	{ "accept_retry",
	    "UPDATE runs r SET answered_by = $3 FROM threads t, messages m WHERE r.ws = $1 AND r.id = $2 AND r.state IN (5, 7)"
	    " AND r.answered_by IS NULL AND t.ws = r.ws AND t.id = r.thread_id AND t.place_id = $4"
	    " AND m.ws = r.ws AND m.id = r.message_id AND m.state <> 2 AND (NOT r.private_reply OR r.person_id = $5)"
	    " AND NOT ($6 AND EXISTS (SELECT 1 FROM places p WHERE p.ws = r.ws AND p.id = $4 AND p.visibility = 3 AND p.allowed_at IS NULL))"
	    " RETURNING r.thread_id, r.message_id, r.message_seq, m.audience_id, r.private_reply, m.rev, t.fork_id" },
	/* The thread is another process's: mark it, and what is to be stopped. */
	{ "accept_look", "UPDATE dispatch SET look = true WHERE ws = $1 AND thread_id = $2 AND owner <> $3" },
	{ "accept_stop",
	    "WITH d AS (UPDATE dispatch SET look = true WHERE ws = $1 AND thread_id = $2 AND owner IS DISTINCT FROM $3 AND pending > 0"
	    " RETURNING thread_id)"
	    " UPDATE runs SET stop_asked = true FROM d WHERE runs.ws = $1 AND runs.id = (SELECT id FROM runs r WHERE r.ws = $1"
	    " AND r.thread_id = $2 AND r.state <= 2 AND r.kind = 1 ORDER BY r.message_seq, r.id LIMIT 1)" },
	/* What an earlier try of this operation has stored, when the answer to its COMMIT was lost. */
	{ "accept_found",
	    "SELECT m.seq, m.rev, (SELECT r.id FROM runs r WHERE r.ws = $1 AND r.thread_id = $3 AND r.message_id = $2 LIMIT 1)"
	    " FROM messages m WHERE m.ws = $1 AND m.id = $2 AND m.thread_id = $3" },
	{ "accept_reject",
	    "INSERT INTO inbox_rejected (ws, id, kind, adapter, source_key, reason) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING" },
	{ NULL, NULL },
};

/* ---- the operation ---- */

static void reset(struct write_op *op)
{
	struct accept_op *a = accept_of(op);
	a->fresh = a->greet = a->edit_is_new = a->deferred = a->passed = false;
	a->has_run = false;
	a->ours = false;
	a->run = ID_NONE;
	a->stopped_run = ID_NONE;
	a->seq = a->rev = a->message_rev = a->notice_seq = 0;
	a->found = false;
	a->tries++;
}

/* ---- what is not a new message ---- */

static void on_edit(void *ctx, const PGresult *r)
{
	struct accept_op *a = ctx;
	if (PQntuples(r) == 0)
		return;
	a->thread = pg_get_id(r, 0, 0);
	a->seq = pg_get_int8(r, 0, 1);
	a->rev = pg_get_int8(r, 0, 2);
	if (!PQgetisnull(r, 0, 3))
		a->stopped_run = pg_get_id(r, 0, 3);
	a->facts = (struct route_facts){
		.taking_part = pg_get_bool(r, 0, 4),
		.thread_quiet = pg_get_bool(r, 0, 5),
		.last_author = (int)pg_get_int8(r, 0, 6),
		.several = pg_get_bool(r, 0, 7),
		.relay = (enum relay_side)pg_get_int8(r, 0, 10),
		.is_fork = !PQgetisnull(r, 0, 11),
	};
	accept_place_facts(a, pg_get_int8(r, 0, 8));
	accept_since_human(a, pg_get_int8(r, 0, 12));
	a->fork = a->facts.is_fork ? pg_get_id(r, 0, 11) : ID_NONE;
	a->message_rev = a->rev;
	a->edit_is_new = a->in.kind == INTENT_MESSAGE_EDITED && !pg_get_bool(r, 0, 9);
}

static void on_retry(void *ctx, const PGresult *r)
{
	struct accept_op *a = ctx;
	if (PQntuples(r) == 0)
		return;
	a->thread = pg_get_id(r, 0, 0);
	a->message = pg_get_id(r, 0, 1);
	a->seq = pg_get_int8(r, 0, 2);
	a->audience = pg_get_id(r, 0, 3);
	a->in.private_reply = pg_get_bool(r, 0, 4);
	a->message_rev = pg_get_int8(r, 0, 5);
	a->fork = PQgetisnull(r, 0, 6) ? ID_NONE : pg_get_id(r, 0, 6);
	a->rev = -1; /* found */
}

static void send_other_first(struct writer_tx *tx, struct accept_op *a)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	struct id run;
	if (a->in.kind == INTENT_ACTION_PRESSED && a->in.action != NULL && strcmp(a->in.action, "run.retry") == 0 &&
	    a->in.text_len == ID_TEXT - 1 && id_parse(a->in.text, &run)) {
		pg_arg_id(g, run);
		a->run = id_new();
		pg_arg_id(g, a->run);
		pg_arg_id(g, a->place);
		pg_arg_id(g, a->person);
		pg_arg_bool(g, accept_shares(a));
		writer_exec(tx, "accept_retry", on_retry, a);
		return;
	}
	if (a->in.kind != INTENT_MESSAGE_EDITED && a->in.kind != INTENT_MESSAGE_DELETED)
		return;
	pg_arg_id(g, a->message);
	pg_arg_text(g, a->in.text ? a->in.text : "", a->in.text_len);
	pg_arg_bool(g, a->in.kind == INTENT_MESSAGE_DELETED);
	pg_arg_bool(g, a->in.mentions_us); /* only then it matters whether a run was made before: finding out is not cheap */
	writer_exec(tx, "accept_edit", on_edit, a);
}

static void on_derived(void *ctx, const PGresult *r)
{
	struct accept_op *a = ctx;
	a->quoted |= PQntuples(r) > 0;
}

/* What rests on the message: summaries, items, drafts. */
static void send_derived(struct writer_tx *tx, struct accept_op *a)
{
	const char *const *names = a->in.kind == INTENT_MESSAGE_DELETED ? derived_gone : derived_edited;
	for (; *names != NULL; names++) {
		struct pg_args *g = writer_args(tx);
		pg_arg_id(g, a->in.ws);
		pg_array_begin(g, PG_UUID);
		pg_array_id(g, a->message);
		pg_array_end(g);
		writer_exec(tx, *names, on_derived, a);
	}
}

static void send_other(struct writer_tx *tx, struct accept_op *a)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	switch (a->in.kind) {
	case INTENT_MESSAGE_EDITED:
	case INTENT_MESSAGE_DELETED:
		if (a->rev == 0)
			break;            /* nothing has changed */
		pg_arg_id(g, a->message); /* what a run has worked out from the old text is void */
		pg_arg_id(g, a->thread);
		writer_exec(tx, "accept_delete_steps", NULL, NULL);
		send_derived(tx, a);
		if (!id_is_none(a->stopped_run)) {
			g = writer_args(tx);
			pg_arg_id(g, a->in.ws);
			pg_arg_id(g, a->thread);
			pg_arg_id(g, a->e->process);
			writer_exec(tx, "accept_look", NULL, NULL);
		}
		break;
	case INTENT_RUN_STOPPED:
		accept_send_stop(tx, a->e, a->in.ws, a->thread);
		break;
	case INTENT_REACTION_ADDED:
		pg_arg_id(g, a->message);
		pg_arg_id(g, a->person);
		pg_arg_text(g, a->in.text, a->in.text_len);
		pg_arg_id(g, a->thread);
		pg_arg_str(g, a->in.message_key);
		writer_exec(tx, "accept_reaction", NULL, NULL);
		break;
	case INTENT_REACTION_REMOVED:
		pg_arg_id(g, a->message);
		pg_arg_id(g, a->person);
		pg_arg_text(g, a->in.text, a->in.text_len);
		writer_exec(tx, "accept_unreaction", NULL, NULL);
		break;
	case INTENT_UNINSTALLED:
		pg_arg_str(g, a->in.adapter);
		writer_exec(tx, "accept_uninstalled", NULL, NULL);
		break;
	default:
		break; /* the place or person was stored in the first half */
	}
}

void accept_send_stop(struct writer_tx *tx, struct engine *e, struct id ws, struct id thread)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ws);
	pg_arg_id(g, thread);
	pg_arg_id(g, e->process);
	writer_exec(tx, "accept_stop", NULL, NULL);
}

static void on_found(void *ctx, const PGresult *r)
{
	struct accept_op *a = ctx;
	if (PQntuples(r) == 0)
		return;
	a->found = true;
	a->seq = pg_get_int8(r, 0, 0);
	a->rev = pg_get_int8(r, 0, 1);
	a->run = pg_get_id(r, 0, 2);
}

static void send_found(struct writer_tx *tx, struct accept_op *a)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	pg_arg_id(g, a->message);
	pg_arg_id(g, a->thread);
	writer_exec(tx, "accept_found", on_found, a);
}

static void send_quiet(struct writer_tx *tx, const struct accept_op *a)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	pg_arg_id(g, a->in.is_thread_root ? a->place : a->thread);
	pg_arg_bool(g, a->route.command == CMD_QUIET);
	writer_exec(tx, a->in.is_thread_root ? "accept_quiet_place" : "accept_quiet_thread", NULL, NULL);
}

static void first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	/* A change of a message that is stored by this very batch must see it: it comes again in the next. */
	for (size_t i = 0; i < n; i++) {
		struct accept_op *a = accept_of(ops[i]);
		if (a->in.kind != INTENT_MESSAGE_EDITED && a->in.kind != INTENT_MESSAGE_DELETED)
			continue;
		for (size_t k = 0; k < i && !a->deferred; k++) {
			const struct accept_op *b = accept_of(ops[k]);
			a->deferred = id_equal(b->message, a->message) && (accept_is_post(&b->in) || b->deferred);
		}
	}
	accept_learn(tx, ops, n);
	accept_send_inbox(tx, ops, n);
	accept_send_notes(tx, ops, n);
}

static void on_greet(void *ctx, const PGresult *r)
{
	((struct accept_op *)ctx)->greet = PQntuples(r) == 1;
}

static void second(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	accept_send_threads(tx, ops, n);
	for (size_t i = 0; i < n; i++) {
		struct accept_op *a = accept_of(ops[i]);
		if (!a->fresh) {
			if (a->tries > 1 && accept_is_post(&a->in))
				send_found(tx, a);
			continue;
		}
		if (!accept_is_post(&a->in)) {
			send_other_first(tx, a);
		} else if (a->in.kind == INTENT_PLACE_JOINED) {
			struct pg_args *g = writer_args(tx);
			pg_arg_id(g, a->in.ws);
			pg_arg_id(g, a->place);
			writer_exec(tx, "accept_greet", on_greet, a);
		}
	}
}

/* What has changed for those that came after ${ops[i]} into the same thread. */
static void tell_later(struct write_op **ops, size_t n, size_t i, enum relay_side relay)
{
	for (size_t k = i + 1; k < n; k++)
		if (id_equal(accept_of(ops[k])->thread, accept_of(ops[i])->thread))
			accept_of(ops[k])->facts.relay = relay;
}

/* Everything is passed on before anything is closed: what came first is heard first. */
static void relay_rows(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (relay_passes_on(accept_of(ops[i])))
			relay_send_pass(tx, accept_of(ops[i]));
	for (size_t i = 0; i < n; i++) {
		struct accept_op *a = accept_of(ops[i]);
		if (a->has_run && (a->route.command == CMD_HAND_BACK || a->route.command == CMD_DONE))
			relay_send_close(tx, a);
	}
}

/* That a program is no longer answered has to be found by whoever wonders why. */
static void tell_loop(const struct accept_op *a)
{
	if (route_is_loop(&a->in, &a->facts))
		log_info("bot.unheard", LF_ID("ws", a->in.ws), LF_ID("person", a->person), LF_ID("thread", a->thread),
		    LF_STR("why", "a program was answered here, and no person has spoken since"), LF_STR("result", "ignored"));
}

static void third(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	bool people = false;
	size_t posts = 0, runs = 0;
	uint64_t wall = clock_wall_ms();
	for (size_t i = 0; i < n; i++) {
		struct accept_op *a = accept_of(ops[i]);
		if (!a->fresh)
			continue;
		if (!accept_is_post(&a->in)) {
			bool again = a->rev == -1; /* "try again" on a run that failed */
			people |= a->facts.relay != RELAY_NONE;
			if (again)
				a->route = (struct route){ .to = ROUTE_AGENT };
			else if (a->edit_is_new && a->in.mentions_us) /* named only after the fact: asked now */
				a->route = route_message(&a->in, &a->facts, wall);
			else
				send_other(tx, a);
			if ((again || (a->edit_is_new && a->in.mentions_us && a->route.to != ROUTE_STORE)) && accept_limit(a)) {
				if (!again)
					a->run = id_new();
				a->has_run = true;
				runs++;
			} else {
				a->run = ID_NONE;
			}
			continue;
		}
		posts++;
		accept_send_names(tx, a);
		if (a->route.to != ROUTE_STORE || a->facts.visibility == VIS_UNKNOWN)
			a->facts.visibility = a->facts.visibility == VIS_UNKNOWN ? a->in.place.visibility : a->facts.visibility;
		a->facts.offers_people = relay_offered(a);
		static const struct route kept = { .to = ROUTE_STORE };
		a->route = a->relayed ? kept : route_message(&a->in, &a->facts, wall);
		people |= a->facts.relay != RELAY_NONE;
		tell_loop(a);
		if (a->route.to == ROUTE_STORE || (a->in.kind == INTENT_PLACE_JOINED && !a->greet) || !accept_limit(a))
			continue;
		a->run = id_new();
		a->has_run = true;
		runs++;
		if (a->route.command == CMD_QUIET || a->route.command == CMD_COME_BACK)
			send_quiet(tx, a);
		if (a->route.command == CMD_STOP)
			accept_send_stop(tx, a->e, a->in.ws, a->thread);
		if (a->route.command == CMD_HANDOVER && a->facts.relay == RELAY_NONE) {
			relay_send_ask(tx, a);
			tell_later(ops, n, i, RELAY_PAGE);
		}
		if (a->route.command == CMD_HAND_BACK || a->route.command == CMD_DONE)
			tell_later(ops, n, i, RELAY_NONE);
	}
	if (posts)
		accept_send_messages(tx, ops, n);
	if (runs)
		accept_send_runs(tx, ops, n);
	if (runs)
		accept_send_notices(tx, ops, n);
	if (people)
		relay_rows(tx, ops, n);
}

static void reject(struct writer_tx *tx, struct write_op *op, const char *sqlstate)
{
	struct accept_op *a = accept_of(op);
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	pg_arg_id(g, a->inbox);
	pg_arg_int2(g, (int16_t)a->in.kind);
	pg_arg_str(g, a->in.adapter);
	pg_arg_str(g, a->in.source_key);
	pg_arg_str(g, sqlstate);
	writer_exec(tx, "accept_reject", NULL, NULL);
	accept_send_notes(tx, &op, 1);
}

static void leave(struct engine *e, struct id ws)
{
	atomic_fetch_sub(&e->accepting_of[ws.b[15]], 1);
	atomic_fetch_sub(&e->accepting, 1);
}

/* ---- after COMMIT ---- */

static void emit_post(struct accept_op *a)
{
	if (a->e->on_event == NULL)
		return;
	struct person_card card;
	if (!directory_card(a->e->directory, a->person, &card))
		snprintf(card.name, sizeof(card.name), "%s",
		    a->in.person.name                     ? a->in.person.name
		        : accept_author(a) == AUTHOR_EDDY ? "Eddy"
		                                          : "");
	engine_emit(a->e,
	    &(struct thread_event){
	        .kind = EVENT_MESSAGE,
	        .ws = a->in.ws,
	        .thread = a->thread,
	        .message = a->message,
	        .run = a->run,
	        .seq = a->seq,
	        .rev = a->rev,
	        .author_kind = (int)accept_author(a),
	        .author = card.name,
	        .text = a->in.text,
	        .text_len = a->in.text_len,
	        .client_key = a->in.message_key,
	        .at_ms = (int64_t)clock_wall_ms(),
	    });
	if (a->has_run)
		engine_emit(a->e,
		    &(struct thread_event){ .kind = EVENT_RUN,
		        .ws = a->in.ws,
		        .thread = a->thread,
		        .message = a->message,
		        .run = a->run,
		        .run_state = "queued",
		        .at_ms = (int64_t)clock_wall_ms() });
}

static void queue_run(struct accept_op *a)
{
	if (!a->has_run || !a->ours)
		return;
	struct engine *e = a->e;
	if (a->in.delay_ms > 0) { /* the lease came with it; what is due later is found by whoever looks then */
		claim_load(e, a->in.ws, a->thread);
		return;
	}
	struct lane *l = lane_find(e, a->thread);
	if (l == NULL || l->token != a->token)
		l = lane_open(e, a->in.ws, a->thread, a->token);
	const struct adapter_slot *via = engine_adapter(e, a->in.adapter, strlen(a->in.adapter));
	if (via == NULL)
		return;
	struct run *r = run_new(e, a->in.ws, a->run, via, a->in.origin, a->in.origin_len);
	r->thread = a->thread;
	r->place = a->place;
	r->audience = a->audience;
	r->message = a->message;
	r->person = a->person;
	r->message_seq = a->seq;
	r->message_rev = a->message_rev ? a->message_rev : a->seq;
	r->kind = a->route.to == ROUTE_COMMAND ? RUN_COMMAND : RUN_AGENT;
	r->command = a->route.command;
	r->private_reply = a->in.private_reply;
	r->about = a->about;
	r->fork = a->fork;
	r->accepted_us = a->at_us;
	if (a->route.command == CMD_STOP)
		lane_stop(e, a->thread, STOP_BY_PERSON);
	lane_push(l, r);
}

static void after_other(struct accept_op *a)
{
	struct engine *e = a->e;
	bool deleted = a->in.kind == INTENT_MESSAGE_DELETED;
	switch (a->in.kind) {
	case INTENT_MESSAGE_EDITED:
	case INTENT_MESSAGE_DELETED:
		if (a->rev == 0)
			return;
		transcripts_forget(e->transcripts, a->thread);
		if (deleted || a->quoted)
			upkeep_soon(e);
		engine_emit(e,
		    &(struct thread_event){ .kind = deleted ? EVENT_DELETED : EVENT_EDITED,
		        .ws = a->in.ws,
		        .thread = a->thread,
		        .message = a->message,
		        .seq = a->seq,
		        .rev = a->rev,
		        .author_kind = AUTHOR_PERSON,
		        .author = a->in.person.name,
		        .client_key = a->in.message_key,
		        .text = deleted ? "" : a->in.text,
		        .text_len = deleted ? 0 : a->in.text_len,
		        .at_ms = (int64_t)clock_wall_ms() });
		if (!id_is_none(a->stopped_run)) {
			struct run *r = map_get(e->runs, a->stopped_run.b, sizeof(a->stopped_run.b));
			if (r != NULL) {
				r->message_rev = a->rev;
				lane_message_changed(r, deleted);
			}
		}
		break;
	case INTENT_RUN_STOPPED:
		lane_stop(e, a->thread, STOP_BY_PERSON);
		break;
	default:
		break;
	}
}

static void done(struct write_op *op, enum err result)
{
	struct accept_op *a = accept_of(op);
	struct engine *e = a->e;
	if (result == ERR_NONE && a->deferred) {
		writer_put(e->writer, op);
		return;
	}
	if (!id_is_none(a->run))
		log_debug("intent.accepted", LF_ID("run", a->run), LF_ID("thread", a->thread), LF_INT("seq", a->seq),
		    LF_STR("result",
		        result != ERR_NONE ? err_name(result)
		            : a->fresh     ? "ok"
		                           : "duplicate"));
	if (result == ERR_NONE && a->fresh) {
		if (!id_is_none(a->place) && a->in.place.external_id != NULL)
			directory_put_place(e->directory, a->place, &a->in.place);
		if (!id_is_none(a->identity))
			directory_put_person(e->directory, a->identity, a->person, &a->in.person);
		if (a->linked)
			directory_put_linked(e->directory, a->person);
		if (accept_is_post(&a->in)) {
			transcripts_append(
			    e->transcripts, a->thread, a->seq, accept_author(a), a->person, a->in.text, a->in.text_len);
			emit_post(a);
		} else {
			after_other(a);
		}
		accept_tell_notice(a);
		queue_run(a);
		if (a->passed)
			claim_load(e, a->in.ws, a->thread);
	} else if (result == ERR_NONE && a->found) {
		/* Ours after all; what there is to do in its thread may be known to nobody but the database. */
		a->fresh = true;
		transcripts_forget(e->transcripts, a->thread);
		emit_post(a);
		claim_load(e, a->in.ws, a->thread);
	}
	metric_add(result == ERR_NONE ? a->fresh ? e->m.accepted : e->m.duplicates : e->m.rejected, 1);
	metric_observe_ms(e->m.accept_ms, (double)(clock_us() - a->at_us) / 1000.0);
	fault_point("ack.before");
	if (a->done != NULL)
		a->done(a->arg,
		    &(struct accepted){ .result = result == ERR_BROKEN ? ERR_INPUT : result,
		        .duplicate = !a->fresh,
		        .ws = a->in.ws,
		        .thread = a->thread,
		        .message = a->message,
		        .run = a->run,
		        .seq = a->seq });
	fault_point("ack.after");
	leave(e, op->ws);
	free(a->memory);
	free(a);
}

static const struct write_kind accept_kind = {
	.name = "accept",
	.rank = 1,
	.round = { first, second, third },
	.reject = reject,
	.done = done,
	.reset = reset,
};

/* ---- what is larger than intent.h allows, or unreadable to the edge ---- */

static void refused_first(struct writer_tx *tx, struct write_op **ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		reject(tx, ops[i], accept_of(ops[i])->in.text);
}

static void refused_done(struct write_op *op, enum err result)
{
	struct accept_op *a = accept_of(op);
	struct engine *e = a->e;
	metric_add(e->m.rejected, 1);
	log_warn("accept.refused", LF_STR("adapter", a->in.adapter), LF_STR("why", a->in.text),
	    LF_STR("result", result == ERR_RETRY ? "retry" : "input"));
	if (a->done != NULL)
		a->done(a->arg, &(struct accepted){ .result = result == ERR_RETRY ? ERR_RETRY : ERR_INPUT, .ws = a->in.ws });
	leave(e, op->ws);
	free(a->memory);
	free(a);
}

static const struct write_kind refused_kind = { .name = "refuse", .rank = 1, .round = { refused_first }, .done = refused_done };

/* ---- the call ---- */

/* A button that gives a command: its presser says so in the thread of the button. */
static void press_is_command(struct intent *in)
{
	if (in->kind != INTENT_ACTION_PRESSED || in->action == NULL || in->text_len == 0)
		return;
	bool alone = strcmp(in->action, ACTION_COMMAND_PRIVATE) == 0;
	if (!alone && strcmp(in->action, ACTION_COMMAND) != 0)
		return;
	in->kind = INTENT_COMMAND_GIVEN;
	in->is_command = true;
	in->private_reply |= alone;
	in->message_key = NULL; /* that of the message with the button */
	in->by_habit = in->late = in->edge_answers = in->no_answer = false;
}

static bool enter(struct engine *e, struct id ws)
{
	bool full = atomic_fetch_add(&e->accepting, 1) >= ACCEPT_MAX;
	if ((atomic_fetch_add(&e->accepting_of[ws.b[15]], 1) < SHARE(ACCEPT_MAX)) && !full)
		return true;
	leave(e, ws);
	return false;
}

static bool take(struct engine *e, const struct intent *from, const struct relayed *relayed, engine_accepted_fn fn, void *arg)
{
	if (from->source_key == NULL || from->adapter == NULL || !atomic_load(&e->started))
		return false;
	bool too_large = from->text_len > INTENT_TEXT_MAX || from->origin_len > INTENT_ORIGIN_MAX ||
	    from->files_len > INTENT_FILES_MAX || from->aliases_len > INTENT_ALIASES_MAX || from->readers_len > INTENT_READERS_MAX;
	bool refused = too_large || from->kind == INTENT_UNREADABLE;
	if (from->note_key != NULL && strlen(from->note_value) > INTENT_NOTE_MAX)
		return false;
	/* Of what is too large only its name is kept: sent again it would be no smaller, so the edge is to acknowledge it. */
	struct intent bare = { .kind = from->kind,
		.ws = from->ws,
		.adapter = from->adapter,
		.source_key = from->source_key,
		.platform_ms = from->platform_ms,
		.text = "too_large",
		.text_len = strlen("too_large"),
		.note_key = from->note_key,
		.note_value = from->note_value };
	from = too_large ? &bare : from;
	if (!enter(e, from->ws))
		return false;
	struct accept_op *a = xcalloc(1, sizeof(*a));
	a->op.kind = refused ? &refused_kind : &accept_kind;
	a->op.ws = from->ws;
	a->e = e;
	a->done = fn;
	a->arg = arg;
	a->at_us = clock_us();
	a->memory = intent_copy(&a->in, from);
	press_is_command(&a->in);
	struct buf name = BUF_INIT;
	buf_addf(&name, "inbox\n%s\n%s", a->in.adapter, a->in.source_key);
	a->inbox = id_named(a->in.ws, a->in.platform_ms, name.p, name.len);
	buf_done(&name);
	if (refused) {
		writer_put(e->writer, &a->op);
		return true;
	}
	if (a->in.place.external_id != NULL) {
		a->place = engine_place_id(a->in.ws, a->in.adapter, a->in.place.external_id);
		a->thread = engine_thread_id(a->place, a->in.thread_key);
		if (relayed != NULL)
			a->message = relayed->message;
		else if (a->in.kind == INTENT_MESSAGE_DELETED && !id_is_none(a->in.about_id))
			a->message = a->in.about_id;
		else if (a->in.message_key != NULL)
			a->message = engine_message_id(a->place, a->in.platform_ms, a->in.message_key);
		else
			a->message = a->inbox;
		a->about = a->in.about_id;
		if (a->in.about_key != NULL)
			a->about = engine_message_id(a->place, a->in.about_ms, a->in.about_key);
	}
	if (a->in.person.external_id != NULL) {
		a->identity = identity_id(a->in.ws, a->in.adapter, a->in.person.external_id);
		if (!directory_person(e->directory, a->identity, &a->person))
			a->person = a->identity;
	}
	if (relayed != NULL) {
		a->relayed = true;
		a->person = relayed->person;
	}
	a->audience = a->place;
	if (a->in.private_reply && !id_is_none(a->person)) {
		char both[ID_TEXT];
		a->audience = id_named(a->place, 0, id_format(a->person, both), ID_TEXT - 1);
		a->thread =
		    engine_thread_id(a->audience, a->in.thread_key); /* what one person alone may read is a thread of its own */
	}
	a->addressed = route_is_addressed(&a->in, a->in.place.visibility);
	writer_put(e->writer, &a->op);
	return true;
}

bool engine_accept(struct engine *e, const struct intent *in, engine_accepted_fn fn, void *arg)
{
	return take(e, in, NULL, fn, arg);
}

bool accept_relayed(struct engine *e, const struct intent *in, const struct relayed *r, engine_accepted_fn fn, void *arg)
{
	return take(e, in, r, fn, arg);
}
