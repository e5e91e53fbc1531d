/*
 * Conversations with people.  Somebody on a page asks for a person; from then on Eddy keeps silent there, and what is said goes to a place
 * where people are, as a thread of theirs, and back.  The two threads keep their own messages; a relay joins them:
 *
 *   asked    the transaction that stores the wish makes the relay and silences Eddy
 *   notice   the transaction that stores the answer to it makes the first notice: a delivery without a run, to a new thread
 *   open     the transaction that hears that it is visible names the people's thread and passes on what was said meanwhile at either end
 *   closed   the transaction that stores the word for it, at either end
 *
 * What is passed on is a row of the outbox that names the message, made in the transaction that stores the message, so it is delivered as
 * surely as an answer is.  Its id follows from the message's, so the same message is never passed on twice.  It is counted and ordered in
 * the thread that it comes from.  The way to the people is their adapter; the way to the page is the engine itself (relay_line.c).
 *
 * Who writes into a thread holds the row of the thread, then that of the relay: a message either finds the relay open or is there
 * for the one who opens it to find, and closing waits for those before it.
 */
#include <stdlib.h>
#include <string.h>

#include "../people/directory.h"
#include "accept_internal.h"
#include "relay.h"

/* Counts what ${rows} (thread_id) has put into the outbox and takes the thread's lease when it is free. */
#define COUNT_PENDING(rows, owner, lease) \
	" INSERT INTO dispatch (ws, thread_id, pending, due, owner, token, lease_until)" \
	" SELECT $1, x.thread_id, x.n, now(), " owner ", 1, now() + " lease "::int8 * interval '1 ms'" \
	" FROM (SELECT thread_id, count(*)::int4 AS n FROM " rows " GROUP BY 1) x" \
	" ON CONFLICT (ws, thread_id) DO UPDATE SET pending = dispatch.pending + excluded.pending, due = now()," \
	" owner = CASE WHEN dispatch.owner IS NULL AND dispatch.pending = 0 THEN excluded.owner ELSE dispatch.owner END," \
	" token = dispatch.token + (dispatch.owner IS NULL AND dispatch.pending = 0)::int," \
	" lease_until = CASE WHEN dispatch.owner IS NULL AND dispatch.pending = 0 THEN excluded.lease_until ELSE dispatch.lease_until END" \
	" RETURNING thread_id"
/* relay_twin() */
#define TWIN(id) "encode(set_byte(uuid_send(" id "), 15, get_byte(uuid_send(" id "), 15) # 1), 'hex')::uuid"

const struct pg_statement relay_statements[] = {
	{ "relay_ask",
	    "WITH t AS (UPDATE threads SET relay = 1 WHERE ws = $1 AND id = $3),"
	    " a AS (INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id) VALUES ($1, $9, $6, 'relay.asked', $2, $3))"
	    " INSERT INTO relays (ws, id, thread_id, from_seq, page_origin, asked_by, adapter, place_key, state)"
	    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1) ON CONFLICT DO NOTHING" },
	{ "relay_pass_to_people",
	    "WITH r AS (SELECT adapter, peer_origin FROM relays WHERE ws = $1 AND thread_id = $2 AND state = 2 AND from_seq < $5 FOR SHARE),"
	    " o AS (INSERT INTO outbox (ws, id, thread_id, message_id, adapter, origin, state, turn, passes)"
	    " SELECT $1, $3, $2, $4, r.adapter, r.peer_origin, 1, $6, $7 FROM r ON CONFLICT DO NOTHING RETURNING thread_id)" COUNT_PENDING(
	        "o", "$8::uuid", "$9") },
	{ "relay_pass_to_page",
	    "WITH r AS (SELECT page_origin FROM relays WHERE ws = $1 AND peer_thread_id = $2 AND state = 2 AND $5::int8 > 0 FOR SHARE),"
	    " o AS (INSERT INTO outbox (ws, id, thread_id, message_id, adapter, origin, state, turn, passes)"
	    " SELECT $1, $3, $2, $4, '" RELAY_ADAPTER
	    "', r.page_origin, 1, $6, $7 FROM r ON CONFLICT DO NOTHING RETURNING thread_id)" COUNT_PENDING("o", "$8::uuid", "$9") },
	{ "relay_close_threads",
	    "UPDATE threads SET relay = 0 FROM relays r WHERE r.ws = $1 AND (r.thread_id = $2 OR r.peer_thread_id = $2) AND r.state < 3"
	    " AND threads.ws = $1 AND threads.id IN (r.thread_id, r.peer_thread_id)" },
	/* The other end gets a line, after all that was passed on before. */
	{ "relay_close",
	    "WITH r AS (UPDATE relays SET state = 3, closed_at = now(), closed_by = $3 WHERE ws = $1 AND (thread_id = $2 OR"
	    " peer_thread_id = $2) AND state < 3 RETURNING id, thread_id, peer_thread_id, adapter, peer_origin, page_origin),"
	    " a AS (INSERT INTO audit (ws, id, actor_id, verb, subject, thread_id) SELECT $1, $10, $3, 'relay.closed', r.id, r.thread_id"
	    " FROM r), o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state, turn)"
	    " SELECT $1, $4, $2, CASE WHEN r.thread_id = $2 THEN $5 ELSE $6 END,"
	    " CASE WHEN r.thread_id = $2 THEN r.adapter ELSE '" RELAY_ADAPTER "' END,"
	    " CASE WHEN r.thread_id = $2 THEN r.peer_origin ELSE r.page_origin END, 1, $7 FROM r WHERE r.peer_thread_id IS NOT NULL"
	    " RETURNING thread_id)" COUNT_PENDING("o", "$8::uuid", "$9") },
	{ "relay_notice",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state, turn)"
	    " SELECT $1, id, thread_id, $3, adapter, $4, 1, from_seq FROM relays WHERE ws = $1 AND id = $2 AND state = 1"
	    " ON CONFLICT DO NOTHING RETURNING thread_id)"
	    " UPDATE dispatch SET pending = pending + 1 FROM o WHERE dispatch.ws = $1 AND dispatch.thread_id = o.thread_id" },
	{ "relay_void_thread",
	    "UPDATE threads SET relay = 0 FROM relays r WHERE r.ws = $1 AND r.id = $2 AND r.state = 1 AND threads.ws = $1"
	    " AND threads.id = r.thread_id" },
	{ "relay_void", "UPDATE relays SET state = 3, closed_at = now() WHERE ws = $1 AND id = $2 AND state = 1" },
	/* ---- what the end of a notice leads to ---- */
	{ "relay_look",
	    "SELECT r.state, r.adapter, r.place_key, o.origin FROM relays r JOIN outbox o ON o.ws = r.ws AND o.id = r.id"
	    " WHERE r.ws = $1 AND r.id = $2 FOR UPDATE OF r" },
	{ "relay_audience", "INSERT INTO audiences (ws, id, kind, subject) VALUES ($1, $2, 1, $2) ON CONFLICT DO NOTHING" },
	{ "relay_place",
	    "INSERT INTO places (ws, id, adapter, external_id, visibility, member, audience_id) VALUES ($1, $2, $3, $4, 0, true, $2)"
	    " ON CONFLICT DO NOTHING" },
	{ "relay_thread",
	    "INSERT INTO threads (ws, id, place_id, external_key, seq, taking_part, last_author, audience_id, relay)"
	    " VALUES ($1, $2, $3, $4, 0, false, 2, $3, 2) ON CONFLICT (ws, id) DO UPDATE SET relay = 2" },
	{ "relay_open",
	    "UPDATE relays SET state = 2, opened_at = now(), thread_key = $3, peer_thread_id = $4, peer_origin = $5"
	    " WHERE ws = $1 AND id = $2" },
	{ "relay_backlog_to_people",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, message_id, adapter, origin, state, turn, passes)"
	    " SELECT $1, " TWIN(
	        "m.id") ", m.thread_id, m.id, r.adapter, r.peer_origin, 1, m.seq, 1 FROM relays r JOIN messages m"
	                " ON m.ws = r.ws AND m.thread_id = r.thread_id AND m.seq > r.from_seq AND m.author_kind = 1 AND m.state <> 2"
	                " WHERE r.ws = $1 AND r.id = $2 ON CONFLICT DO NOTHING RETURNING thread_id)" RELAY_COUNT_DUE("o") },
	{ "relay_backlog_to_page",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, message_id, adapter, origin, state, turn, passes)"
	    " SELECT $1, " TWIN(
	        "m.id") ", m.thread_id, m.id, '" RELAY_ADAPTER "', r.page_origin, 1, m.seq, 1 FROM relays r JOIN messages m"
	                " ON m.ws = r.ws AND m.thread_id = r.peer_thread_id AND m.author_kind = 1 AND m.state <> 2"
	                " WHERE r.ws = $1 AND r.id = $2 ON CONFLICT DO NOTHING RETURNING thread_id)" RELAY_COUNT_DUE("o") },
	{ "relay_too_late",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state, turn)"
	    " SELECT $1, $3, thread_id, $4, adapter, $5, 1, from_seq FROM relays WHERE ws = $1 AND id = $2 RETURNING thread_id)" RELAY_COUNT_DUE(
	        "o") },
	{ "relay_unopened",
	    "WITH r AS (UPDATE relays SET state = 3, closed_at = now() WHERE ws = $1 AND id = $2 AND state = 1"
	    " RETURNING thread_id, page_origin, from_seq), o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state, turn)"
	    " SELECT $1, $3, r.thread_id, $4, '" RELAY_ADAPTER
	    "', r.page_origin, 1, r.from_seq FROM r RETURNING thread_id)" RELAY_COUNT_DUE("o") },
	{ "relay_unshown",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state, turn)"
	    " SELECT $1, $3, r.peer_thread_id, $4, r.adapter, r.peer_origin, 1, x.turn FROM relays r JOIN outbox x ON x.ws = r.ws"
	    " AND x.id = $5 AND x.adapter = '" RELAY_ADAPTER
	    "' AND x.passes = 1 WHERE r.ws = $1 AND r.peer_thread_id = $2 AND r.state = 2"
	    " RETURNING thread_id)" RELAY_COUNT_DUE("o") },
	{ "relay_undelivered",
	    "WITH o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state, turn)"
	    " SELECT $1, $3, r.thread_id, $4, '" RELAY_ADAPTER
	    "', r.page_origin, 1, x.turn FROM relays r JOIN outbox x ON x.ws = r.ws"
	    " AND x.id = $5 AND x.adapter = r.adapter AND x.passes IS NOT NULL WHERE r.ws = $1 AND r.thread_id = $2 AND r.state = 2"
	    " RETURNING thread_id)" RELAY_COUNT_DUE("o") },
	{ NULL, NULL },
};

struct id relay_id(struct id run)
{
	return id_named(run, 0, "relay", 5);
}

struct id relay_twin(struct id message)
{
	message.b[15] ^= 1;
	return message;
}

/* ---- in the transaction that stores a message ---- */

bool relay_offered(const struct accept_op *a)
{
	const struct engine *e = a->e;
	return e->people_for != NULL && strcmp(e->people_for, a->in.adapter) == 0 && a->in.place.visibility == VIS_DIRECT &&
	    !a->in.private_reply && !id_is_none(a->person) && a->in.thread_key != NULL;
}

void relay_send_ask(struct writer_tx *tx, struct accept_op *a)
{
	struct buf page = BUF_INIT;
	const char *const names[] = { a->in.adapter, a->in.place.external_id, a->in.thread_key };
	for (size_t i = 0; i < 3; i++)
		buf_add(&page, names[i], strlen(names[i]) + 1);
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	pg_arg_id(g, relay_id(a->run));
	pg_arg_id(g, a->thread);
	pg_arg_int8(g, a->seq);
	pg_arg_bytes(g, page.p, page.len);
	pg_arg_id(g, a->person);
	pg_arg_str(g, a->e->people_at);
	pg_arg_str(g, a->e->people_place);
	pg_arg_id(g, id_new());
	writer_exec(tx, "relay_ask", NULL, NULL);
	buf_done(&page);
}

bool relay_passes_on(const struct accept_op *a)
{
	if (!a->fresh || a->relayed || a->facts.relay == RELAY_NONE)
		return false;
	bool guest = a->facts.relay == RELAY_PEOPLE && (a->in.person.is_guest || a->in.person.is_bot);
	switch (a->in.kind) {
	case INTENT_MESSAGE_POSTED:
		return a->route.pass_on && !guest;
	case INTENT_MESSAGE_EDITED:
		return a->rev > 0 && !guest && !a->in.mentions_us;
	case INTENT_MESSAGE_DELETED: /* what people have taken back goes from the page; what they were shown stays with them */
		return a->rev > 0 && a->facts.relay == RELAY_PEOPLE;
	default:
		return false;
	}
}

static void on_passed(void *ctx, const PGresult *r)
{
	struct accept_op *a = ctx;
	a->passed |= PQntuples(r) > 0;
}

static void put_lease(struct pg_args *g, const struct engine *e, struct id ws)
{
	if (atomic_load(&e->draining) || lanes_full(e, ws))
		pg_arg_null(g);
	else
		pg_arg_id(g, e->process);
	pg_arg_int8(g, e->o.lease_ms);
}

void relay_send_pass(struct writer_tx *tx, struct accept_op *a)
{
	bool post = a->in.kind == INTENT_MESSAGE_POSTED;
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	pg_arg_id(g, a->thread);
	pg_arg_id(g, post ? relay_twin(a->message) : id_named(a->inbox, 0, "relay", 5));
	pg_arg_id(g, a->message);
	pg_arg_int8(g, a->seq);
	pg_arg_int8(g, a->rev);
	pg_arg_int2(g, post ? PASSES_POST : a->in.kind == INTENT_MESSAGE_EDITED ? PASSES_EDIT : PASSES_DELETION);
	put_lease(g, a->e, a->in.ws);
	writer_exec(tx, a->facts.relay == RELAY_PAGE ? "relay_pass_to_people" : "relay_pass_to_page", on_passed, a);
}

void relay_send_close(struct writer_tx *tx, struct accept_op *a)
{
	struct buf people = BUF_INIT, page = BUF_INIT;
	struct person_card card;
	const char *name = directory_card(a->e->directory, a->person, &card) && card.name[0] ? card.name : a->in.person.name;
	relay_put_closed(&people, &page, name);
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	pg_arg_id(g, a->thread);
	writer_exec(tx, "relay_close_threads", NULL, NULL);
	g = writer_args(tx);
	pg_arg_id(g, a->in.ws);
	pg_arg_id(g, a->thread);
	pg_arg_id(g, a->person);
	pg_arg_id(g, id_named(a->inbox, 0, "close", 5));
	pg_arg_text(g, people.p, people.len);
	pg_arg_text(g, page.p, page.len);
	pg_arg_int8(g, a->rev);
	put_lease(g, a->e, a->in.ws);
	pg_arg_id(g, id_new());
	writer_exec(tx, "relay_close", on_passed, a);
	buf_done(&people);
	buf_done(&page);
}

/* ---- in the transaction that stores the answer to the wish ---- */

void relay_send_asked(struct writer_tx *tx, struct run *r)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, r->ws);
	pg_arg_id(g, relay_id(r->id));
	if (r->ask != NULL && r->outcome == RUN_ANSWERED) {
		pg_arg_text(g, r->ask->text.p, r->ask->text.len);
		pg_arg_bytes(g, r->ask->origin, r->ask->origin_len);
		writer_exec(tx, "relay_notice", NULL, NULL);
		return;
	}
	/* Nobody will be asked: it is Eddy's conversation as before. */
	writer_exec(tx, "relay_void_thread", NULL, NULL);
	g = writer_args(tx);
	pg_arg_id(g, r->ws);
	pg_arg_id(g, relay_id(r->id));
	writer_exec(tx, "relay_void", NULL, NULL);
}

/* ---- in the transaction that hears of a notice's end ---- */

struct look {
	struct writer_tx *tx;
	struct relay_end *x;
};

static const char *keep(struct writer_tx *tx, const char *s)
{
	char *to = writer_alloc(tx, strlen(s) + 1);
	strcpy(to, s);
	return to;
}

static void on_look(void *ctx, const PGresult *r)
{
	struct look *l = ctx;
	if (PQntuples(r) == 0)
		return;
	l->x->opening = true;
	l->x->state = (int)pg_get_int8(r, 0, 0);
	l->x->adapter = keep(l->tx, pg_get_str(r, 0, 1));
	l->x->place_key = keep(l->tx, pg_get_str(r, 0, 2));
	size_t n = (size_t)PQgetlength(r, 0, 3);
	if (n <= sizeof(l->x->origin))
		memcpy(l->x->origin, PQgetvalue(r, 0, 3), l->x->origin_len = n);
}

void relay_send_look(struct writer_tx *tx, struct relay_end *x)
{
	struct look *l = writer_alloc(tx, sizeof(*l));
	*l = (struct look){ tx, x };
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, x->ws);
	pg_arg_id(g, x->delivery);
	writer_exec(tx, "relay_look", on_look, l);
}

static struct pg_args *with_delivery(struct writer_tx *tx, const struct relay_end *x)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, x->ws);
	pg_arg_id(g, x->delivery);
	return g;
}

/* The people can see it: from now on the two threads belong together. */
static void opened(struct writer_tx *tx, const struct relay_end *x, const char *key, const char *origin, size_t origin_len)
{
	struct id place = engine_place_id(x->ws, x->adapter, x->place_key), thread = engine_thread_id(place, key);
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, x->ws);
	pg_arg_id(g, place);
	writer_exec(tx, "relay_audience", NULL, NULL);
	g = writer_args(tx);
	pg_arg_id(g, x->ws);
	pg_arg_id(g, place);
	pg_arg_str(g, x->adapter);
	pg_arg_str(g, x->place_key);
	writer_exec(tx, "relay_place", NULL, NULL);
	g = writer_args(tx);
	pg_arg_id(g, x->ws);
	pg_arg_id(g, thread);
	pg_arg_id(g, place);
	pg_arg_str(g, key);
	writer_exec(tx, "relay_thread", NULL, NULL);
	g = with_delivery(tx, x);
	pg_arg_str(g, key);
	pg_arg_id(g, thread);
	pg_arg_bytes(g, origin, origin_len);
	writer_exec(tx, "relay_open", NULL, NULL);
	with_delivery(tx, x);
	writer_exec(tx, "relay_backlog_to_people", NULL, NULL);
	with_delivery(tx, x);
	writer_exec(tx, "relay_backlog_to_page", NULL, NULL);
}

static void lost(struct writer_tx *tx, const struct relay_end *x, const char *statement, const char *words)
{
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, x->ws);
	pg_arg_id(g, x->thread);
	pg_arg_id(g, id_named(x->delivery, 0, "lost", 4));
	pg_arg_str(g, words);
	pg_arg_id(g, x->delivery);
	writer_exec(tx, statement, NULL, NULL);
}

void relay_send_ended(struct writer_tx *tx, struct relay_end *x)
{
	char key[256], origin[INTENT_ORIGIN_MAX];
	size_t origin_len = 0, n = x->ref != NULL ? strcspn(x->ref, ",") : 0;
	struct pg_args *g;
	x->more = true;
	if (x->opening && x->sent && n > 0 && n < sizeof(key)) {
		memcpy(key, x->ref, n);
		key[n] = '\0';
		const struct adapter_slot *via = engine_adapter(x->e, x->adapter, strlen(x->adapter));
		if (via != NULL && via->ops->origin_within != NULL)
			origin_len = via->ops->origin_within(via->a, x->origin, x->origin_len, key, origin);
	}
	if (origin_len > 0 && x->state == 1) {
		opened(tx, x, key, origin, origin_len);
	} else if (origin_len > 0) {
		g = with_delivery(tx, x);
		pg_arg_id(g, id_named(x->delivery, 0, "late", 4));
		pg_arg_str(g, relay_words_gone);
		pg_arg_bytes(g, origin, origin_len);
		writer_exec(tx, "relay_too_late", NULL, NULL);
	} else if (x->opening) {
		with_delivery(tx, x);
		writer_exec(tx, "relay_void_thread", NULL, NULL);
		g = with_delivery(tx, x);
		pg_arg_id(g, id_named(x->delivery, 0, "unopened", 8));
		pg_arg_str(g, relay_words_unopened);
		writer_exec(tx, "relay_unopened", NULL, NULL);
	} else if (!x->sent) {
		lost(tx, x, "relay_undelivered", relay_words_undelivered); /* one of the two: where it came from hears of it */
		lost(tx, x, "relay_unshown", relay_words_unshown);
	} else {
		x->more = false;
	}
}
