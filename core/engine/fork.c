/*
 * Side threads in the writer's transactions.  A side thread is opened by a delivery without a run, counted in its parent's thread (its id is the
 * side thread's).  The transaction that hears that it is visible makes its thread, with the readers of its parent, and lets the parent
 * hear of it; where it could not be opened the parent hears of that.  What people ask for is in ask_forks.c; live views, whose threads
 * need no delivery to be, are served there too.
 */
#include "fork.h"

#include <string.h>

#include "../base/mem.h"
#include "../settings/settings.h"
#include "ask.h"

const struct pg_statement fork_statements[] = {
	{ "fork_look",
	    "SELECT f.parent_id, f.n, f.topic, f.adapter, f.place_key, f.parent_origin, o.origin, t.place_id FROM forks f"
	    " JOIN outbox o ON o.ws = f.ws AND o.id = f.id JOIN threads t ON t.ws = f.ws AND t.id = f.parent_id"
	    " WHERE f.ws = $1 AND f.id = $2 AND f.state = 1 FOR UPDATE OF f" },
	/* Another place (a mail thread is one): the same readers, for as long as nobody joins either. */
	{ "fork_audience", "INSERT INTO audiences (ws, id, kind, subject) VALUES ($1, $2, 1, $2) ON CONFLICT DO NOTHING" },
	{ "fork_place",
	    "INSERT INTO places (ws, id, adapter, external_id, name, visibility, member, audience_id)"
	    " SELECT $1, $2, $3, $4, $6, visibility, true, $2 FROM places WHERE ws = $1 AND id = $5 ON CONFLICT DO NOTHING" },
	{ "fork_readers",
	    "INSERT INTO place_people (ws, place_id, external_id) SELECT $1, $2, external_id FROM place_people WHERE ws = $1 AND place_id = $3"
	    " ON CONFLICT DO NOTHING" },
	{ "fork_thread",
	    "INSERT INTO threads (ws, id, place_id, external_key, title, seq, taking_part, last_author, only_person, audience_id, fork_id)"
	    " SELECT $1, $2, $3, $4, f.topic, 0, true, 2, f.created_by, p.audience_id, f.id FROM forks f, places p WHERE f.ws = $1"
	    " AND f.id = $5 AND p.ws = $1 AND p.id = $3"
	    " ON CONFLICT (ws, id) DO UPDATE SET fork_id = excluded.fork_id, title = excluded.title, taking_part = true, quiet = false" },
	/* What it was opened with quotes a message, as the subject of a mail does, and has been said: neither is kept. */
	{ "fork_open",
	    "WITH o AS (UPDATE outbox SET body = NULL, origin = '' WHERE ws = $1 AND id = $2)"
	    " UPDATE forks SET state = 2, opened_at = now(), thread_id = $3, origin = $4 WHERE ws = $1 AND id = $2" },
	{ "fork_fail",
	    "WITH o AS (UPDATE outbox SET body = NULL, origin = '' WHERE ws = $1 AND id = $2)"
	    " UPDATE forks SET state = 5, closed_at = now() WHERE ws = $1 AND id = $2" },
	{ "fork_say",
	    "WITH t AS (UPDATE threads SET seq = seq + 1, last_author = 2, last_at = now() WHERE ws = $1 AND id = $3 RETURNING seq, audience_id),"
	    " m AS (INSERT INTO messages (ws, id, thread_id, seq, rev, author_kind, body, audience_id)"
	    " SELECT $1, $2, $3, t.seq, t.seq, 2, $4, t.audience_id FROM t RETURNING seq),"
	    " o AS (INSERT INTO outbox (ws, id, thread_id, message_id, adapter, origin, state) SELECT $1, $5, $3, $2, $6, $7, 1 FROM m"
	    " RETURNING thread_id)"
	    " UPDATE dispatch SET pending = pending + 1, due = now() FROM o WHERE dispatch.ws = $1 AND dispatch.thread_id = o.thread_id" },
	{ NULL, NULL },
};

struct fork_end {
	struct writer_tx *tx;
	struct engine *e;
	struct id ws, id, parent, parent_place;
	bool found;
	int n;
	const char *topic, *adapter, *place_key;
	char origin[INTENT_ORIGIN_MAX], parent_origin[INTENT_ORIGIN_MAX];
	size_t origin_len, parent_origin_len;
};

static const char *keep(struct writer_tx *tx, const char *s)
{
	char *to = writer_alloc(tx, strlen(s) + 1);
	return strcpy(to, s);
}

static size_t keep_bytes(char out[INTENT_ORIGIN_MAX], const PGresult *r, int col)
{
	size_t n = (size_t)PQgetlength(r, 0, col);
	if (n > INTENT_ORIGIN_MAX)
		return 0;
	memcpy(out, PQgetvalue(r, 0, col), n);
	return n;
}

static void on_look(void *ctx, const PGresult *r)
{
	struct fork_end *x = ctx;
	if (PQntuples(r) == 0)
		return;
	x->found = true;
	x->parent = pg_get_id(r, 0, 0);
	x->n = (int)pg_get_int8(r, 0, 1);
	x->topic = keep(x->tx, pg_get_str(r, 0, 2));
	x->adapter = keep(x->tx, pg_get_str(r, 0, 3));
	x->place_key = keep(x->tx, pg_get_str(r, 0, 4));
	x->parent_origin_len = keep_bytes(x->parent_origin, r, 5);
	x->origin_len = keep_bytes(x->origin, r, 6);
	x->parent_place = pg_get_id(r, 0, 7);
}

struct fork_end *fork_send_look(struct writer_tx *tx, struct engine *e, struct id ws, struct id delivery)
{
	struct fork_end *x = writer_alloc(tx, sizeof(*x));
	*x = (struct fork_end){ .tx = tx, .e = e, .ws = ws, .id = delivery };
	struct pg_args *g = writer_args(tx);
	pg_arg_id(g, ws);
	pg_arg_id(g, delivery);
	writer_exec(tx, "fork_look", on_look, x);
	return x;
}

static struct pg_args *args_of(const struct fork_end *x, struct id first)
{
	struct pg_args *g = writer_args(x->tx);
	pg_arg_id(g, x->ws);
	pg_arg_id(g, first);
	return g;
}

static void open_it(struct fork_end *x, struct id place, struct id thread, const char *key, const char *origin, size_t origin_len)
{
	struct pg_args *g;
	if (!id_equal(place, x->parent_place)) {
		args_of(x, place);
		writer_exec(x->tx, "fork_audience", NULL, NULL);
		g = args_of(x, place);
		pg_arg_str(g, x->adapter);
		pg_arg_str(g, x->place_key);
		pg_arg_id(g, x->parent_place);
		pg_arg_str(g, x->topic);
		writer_exec(x->tx, "fork_place", NULL, NULL);
		g = args_of(x, place);
		pg_arg_id(g, x->parent_place);
		writer_exec(x->tx, "fork_readers", NULL, NULL);
	}
	g = args_of(x, thread);
	pg_arg_id(g, place);
	pg_arg_str(g, key);
	pg_arg_id(g, x->id);
	writer_exec(x->tx, "fork_thread", NULL, NULL);
	g = args_of(x, x->id);
	pg_arg_id(g, thread);
	pg_arg_bytes(g, origin, origin_len);
	writer_exec(x->tx, "fork_open", NULL, NULL);
}

bool fork_send_ended(struct writer_tx *tx, struct fork_end *x, bool sent, const char *ref)
{
	if (!x->found)
		return false;
	char key[PLACE_KEY_MAX], origin[INTENT_ORIGIN_MAX], link[1024];
	size_t origin_len = 0, n = ref != NULL ? strcspn(ref, ",") : 0;
	const struct adapter_slot *via = engine_adapter(x->e, x->adapter, strlen(x->adapter));
	struct buf md = BUF_INIT;
	if (sent && n > 0 && n < sizeof(key) && via != NULL && via->ops->origin_within != NULL) {
		memcpy(key, ref, n);
		key[n] = '\0';
		origin_len = via->ops->origin_within(via->a, x->origin, x->origin_len, key, origin);
	}
	if (origin_len > 0) {
		struct id place = engine_place_id(x->ws, x->adapter, x->place_key);
		bool linked =
		    via->ops->permalink != NULL && via->ops->permalink(via->a, x->ws, x->place_key, key, key, link, sizeof(link));
		open_it(x, place, engine_thread_id(place, key), key, origin, origin_len);
		fork_put_opened(&md, x->n, x->topic, linked ? link : NULL);
	} else {
		args_of(x, x->id);
		writer_exec(tx, "fork_fail", NULL, NULL);
		fork_put_unopened(&md, x->n, x->topic);
	}
	speak_over(x->e, x->ws, &md);
	struct id delivery = id_named(x->id, 0, "opened", 6);
	struct pg_args *g = args_of(x, ask_said(delivery));
	pg_arg_id(g, x->parent);
	pg_arg_text(g, md.p, md.len);
	pg_arg_id(g, delivery);
	pg_arg_str(g, x->adapter);
	pg_arg_bytes(g, x->parent_origin, x->parent_origin_len);
	writer_exec(tx, "fork_say", NULL, NULL);
	buf_done(&md);
	return true;
}
