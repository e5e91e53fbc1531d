/*
 * The two ways of a conversation with people.
 *
 * To the people goes a notice through their adapter; what it says is made from the message when it is taken up, so no copy of anybody's
 * words waits anywhere, and what was erased meanwhile is not said.  To the page goes an intent of the engine's own: adapter "relay"
 * hands it to accept, whose inbox knows a second copy of the same delivery, and calls the delivery sent after COMMIT.  The page reads
 * its stored thread, so an answer that comes while nobody looks waits there.  An adapter that can reach somebody who has left (mail)
 * would get its notice here: in line_accepted(), for a page that nobody has open, as a delivery to what its origin_for() gives.
 *
 * The origin of such a delivery is what is to be done (a byte), the message at the page and the person (ids), the person's name, then
 * relays.page_origin: adapter, place and thread; strings end with NUL.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "context.h"
#include "relay.h"

#define LINES_MAX 10

/* ---- found in the database ---- */

static void page_origin(struct run *r, int passes, struct id message, struct id person, const char *name)
{
	struct buf b = BUF_INIT;
	buf_add_char(&b, (char)passes);
	buf_add(&b, passes == PASSES_NOTHING ? r->id.b : relay_twin(message).b, sizeof(message.b));
	buf_add(&b, person.b, sizeof(person.b));
	buf_add(&b, name ? name : "", name ? strlen(name) + 1 : 1);
	buf_add(&b, r->origin, r->origin_len);
	free(r->origin);
	r->origin = buf_detach(&b, &r->origin_len);
}

void relay_load(struct run *r, const PGresult *res, int row, char **text, size_t *n)
{
	int passes = PQgetisnull(res, row, 13) ? PASSES_NOTHING : (int)pg_get_int8(res, row, 13);
	bool deleted = passes != PASSES_NOTHING && pg_get_int8(res, row, 14) == 2;
	struct id message = r->reply_message, person = PQgetisnull(res, row, 15) ? ID_NONE : pg_get_id(res, row, 15);
	const char *name = pg_get_str(res, row, 16), *files = pg_get_str(res, row, 17);
	struct buf b = BUF_INIT;
	r->notice = true;
	r->reply_message = ID_NONE; /* it is a message of another thread */
	r->reply_seq = 0;
	bool to_page = strcmp(r->via->ops->name, RELAY_ADAPTER) == 0;
	if (to_page) {
		page_origin(r, passes, message, person, name);
		r->maybe_sent = false; /* its inbox knows; what is marked first is also asked whose words they are */
	}
	if (passes == PASSES_NOTHING && *n > 0)
		return;
	if (passes == PASSES_NOTHING) {
		buf_add_str(&b, to_page ? "" : relay_words_erased); /* its words are gone with the thread's */
	} else if (!to_page) {
		relay_put_passed(&b, name, passes, deleted, *text, *n, files);
	} else if (!deleted) {
		buf_add(&b, *text, *n);
		if (files != NULL) {
			buf_add_str(&b, *n > 0 ? "\n\n_(with " : "_(");
			command_put_name(&b, files);
			buf_add_str(&b, ")_");
		}
	}
	free(*text);
	speak_over(r->e, r->ws, &b); /* what visitors and colleagues say to each other is carried by Eddy */
	*text = buf_detach(&b, n);
}

void relay_gone(struct run *r, bool all)
{
	buf_reset(&r->answer);
	if (strcmp(r->via->ops->name, RELAY_ADAPTER) != 0)
		buf_add_str(&r->answer, all ? relay_words_erased : "_(deleted)_"); /* the page has nothing to hear of it */
}

/* ---- to the page ---- */

struct line {
	struct engine *e;
	struct id ws, delivery;
};

static void line_accepted(void *arg, const struct accepted *a)
{
	struct line *l = arg;
	engine_sent(l->e,
	    &(struct sent){
	        .ws = l->ws, .delivery = l->delivery, .result = a->result, .why = a->result == ERR_NONE ? NULL : "not_stored" });
	free(l);
}

/* The next string of an origin; NULL: it ends before. */
static const char *next_string(const char **at, const char *end)
{
	const char *s = *at, *nul = s < end ? memchr(s, 0, (size_t)(end - s)) : NULL;
	if (nul != NULL)
		*at = nul + 1;
	return nul != NULL ? s : NULL;
}

static enum err relay_send(struct adapter *a, const struct reply *r)
{
	struct engine *e = (struct engine *)(void *)a;
	if (r->kind != REPLY_WHOLE)
		return ERR_NONE;
	const char *at = r->origin, *end = at + r->origin_len;
	struct relayed who;
	if (r->origin_len < 1 + sizeof(who))
		return ERR_INPUT;
	int passes = *at++;
	memcpy(who.message.b, at, sizeof(who.message.b));
	memcpy(who.person.b, at + sizeof(who.message.b), sizeof(who.person.b));
	at += sizeof(who.message.b) + sizeof(who.person.b);
	const char *name = next_string(&at, end), *adapter = next_string(&at, end), *place = next_string(&at, end),
	           *thread = next_string(&at, end);
	if (name == NULL || adapter == NULL || place == NULL || thread == NULL)
		return ERR_INPUT;
	struct line *l = xmalloc(sizeof(*l));
	*l = (struct line){ e, r->ws, r->delivery };
	if (r->text_len == 0 && passes != PASSES_DELETION) { /* taken back before it was passed on */
		line_accepted(l, &(struct accepted){ .result = ERR_NONE });
		return ERR_NONE;
	}
	char id[ID_TEXT], source[ID_TEXT + 8];
	snprintf(source, sizeof(source), RELAY_ADAPTER ":%s", id_format(r->delivery, id));
	struct intent in = {
		.kind = passes == PASSES_EDIT   ? INTENT_MESSAGE_EDITED
		    : passes == PASSES_DELETION ? INTENT_MESSAGE_DELETED
		                                : INTENT_MESSAGE_POSTED,
		.ws = r->ws,
		.adapter = adapter,
		.source_key = source,
		.thread_key = thread,
		.person = { .name = name[0] ? name : NULL },
		.place = { .external_id = place, .visibility = VIS_DIRECT, .eddy_is_member = true },
		.text = r->text,
		.text_len = r->text_len,
		.verified = VERIFIED_PLATFORM,
		.received_ms = clock_wall_ms(),
	};
	if (accept_relayed(e, &in, &who, line_accepted, l))
		return ERR_NONE;
	free(l);
	return ERR_RETRY;
}

void relay_init(struct engine *e)
{
	e->relay_ops = (struct adapter_ops){ .name = RELAY_ADAPTER, .send = relay_send };
	engine_add_adapter(e, &e->relay_ops, (struct adapter *)(void *)e);
}

/* ---- the wish ---- */

const struct pg_statement relay_read_statements[] = {
	{ "relay_open_one", "SELECT id, state, adapter, place_key FROM relays WHERE ws = $1 AND thread_id = $2 AND state < 3" },
	{ "relay_lines",
	    "SELECT m.author_kind, p.name, m.body, count(*) OVER () FROM messages m LEFT JOIN people p ON p.ws = m.ws AND p.id = m.author_id"
	    " WHERE m.ws = $1 AND m.thread_id = $2 AND m.seq < $3 AND m.state <> 2 ORDER BY m.seq DESC LIMIT $4" },
	{ "relay_erase",
	    "WITH r AS (UPDATE relays SET state = 3, closed_at = now(), closed_by = asked_by WHERE ws = $1 AND thread_id = $2 AND state < 3"
	    " RETURNING thread_id, peer_thread_id, adapter, peer_origin),"
	    " t AS (UPDATE threads SET relay = 0 FROM r WHERE threads.ws = $1 AND threads.id IN (r.thread_id, r.peer_thread_id)),"
	    " o AS (INSERT INTO outbox (ws, id, thread_id, body, adapter, origin, state, turn) SELECT $1, $3, r.thread_id, $4, r.adapter,"
	    " r.peer_origin, 1, t.seq FROM r JOIN threads t ON t.ws = $1 AND t.id = r.thread_id WHERE r.peer_thread_id IS NOT NULL"
	    " RETURNING thread_id)" RELAY_COUNT_DUE("o") },
	{ NULL, NULL },
};

static void drop_ask(struct relay_ask *ask)
{
	if (ask != NULL)
		buf_done(&ask->text);
	free(ask);
}

/* What has become of the wish; with a way to the people ${ask} has their origin. */
static enum err ask_state(struct run *r, struct pg *pg, struct relay_ask *ask, enum handover_outcome *out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->thread);
	PGresult *res = NULL;
	enum err e = pg_query(pg, "relay_open_one", a, &res);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	if (PQntuples(res) == 0) {
		*out = HANDOVER_NOT_OFFERED;
	} else if (!id_equal(pg_get_id(res, 0, 0), relay_id(r->id))) {
		*out = pg_get_int8(res, 0, 1) == 2 ? HANDOVER_OPEN : HANDOVER_WAITING;
	} else {
		const char *name = pg_get_str(res, 0, 2);
		const struct adapter_slot *to = engine_adapter(r->e, name, strlen(name));
		if (to != NULL && to->ops->origin_for != NULL)
			ask->origin_len = to->ops->origin_for(to->a, r->ws, pg_get_str(res, 0, 3), NULL, ask->origin);
		*out = ask->origin_len > 0 ? HANDOVER_ASKED : HANDOVER_UNREACHABLE;
		if (*out == HANDOVER_UNREACHABLE)
			log_warn("relay.ask", LF_ID("run", r->id), LF_STR("adapter", name), LF_STR("result", "unreachable"));
	}
	PQclear(res);
	return ERR_NONE;
}

static enum err ask_words(struct run *r, struct pg *pg, struct buf *text)
{
	struct person_card card;
	enum err e = context_card(r->e, pg, r->ws, r->person, &card);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, r->ws);
	pg_arg_id(a, r->thread);
	pg_arg_int8(a, r->message_seq);
	pg_arg_int8(a, LINES_MAX);
	PGresult *res = NULL;
	e = pg_query(pg, "relay_lines", a, &res);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	struct relay_line lines[LINES_MAX];
	int n = PQntuples(res);
	for (int i = 0; i < n; i++)
		lines[n - 1 - i] = (struct relay_line){ .author_kind = (int)pg_get_int8(res, i, 0),
			.name = pg_get_str(res, i, 1),
			.text = PQgetvalue(res, i, 2),
			.text_len = (size_t)PQgetlength(res, i, 2) };
	relay_put_notice(text, card.name, r->via->ops->name, lines, (size_t)n, n > 0 ? pg_get_int8(res, 0, 3) : 0);
	speak_over(r->e, r->ws, text);
	PQclear(res);
	return ERR_NONE;
}

enum err relay_ask(struct run *r, struct pg *pg, enum handover_outcome *out)
{
	struct relay_ask *ask = xcalloc(1, sizeof(*ask));
	drop_ask(r->ask); /* of an earlier beginning */
	r->ask = NULL;
	enum err e = pg_begin(pg, r->ws);
	if (e == ERR_NONE)
		e = ask_state(r, pg, ask, out);
	if (e == ERR_NONE && *out == HANDOVER_ASKED)
		e = ask_words(r, pg, &ask->text);
	e = pg_end(pg, e);
	if (e == ERR_NONE && *out == HANDOVER_ASKED)
		r->ask = ask;
	else
		drop_ask(ask);
	return e;
}

enum err relay_erase(struct pg *pg, struct id ws, struct id thread)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	pg_arg_id(a, id_new());
	pg_arg_str(a, relay_words_erased);
	enum err e = pg_query(pg, "relay_erase", a, &r);
	PQclear(r);
	pg_args_free(a);
	return e;
}
