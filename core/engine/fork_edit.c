/*
 * A message that side threads are about was edited: what quotes it follows.  The edit leaves an order in the table of erasures, in its own
 * transaction; this carries it out in one more, so a crash costs nothing.  What a platform or a mailbox shows of the old words stays there.
 */
#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"
#include "fork.h"

const struct pg_statement fork_edit_statements[] = {
	{ "requote_order", "SELECT subject FROM erasures WHERE ws = $1 AND id = $2 AND kind = 4 AND state = 1 FOR UPDATE" },
	/* In the order in which all take them. */
	{ "requote_lock",
	    "SELECT t.id FROM threads t WHERE t.ws = $1 AND t.id IN (SELECT x FROM forks k, unnest(ARRAY[k.parent_id, k.thread_id]) AS x"
	    " WHERE k.ws = $1 AND k.about_id = $2) ORDER BY t.id FOR UPDATE" },
	{ "requote_forks",
	    "SELECT k.id, k.n, k.topic, k.quotes, k.parent_id, k.thread_id, m.body FROM forks k JOIN messages m ON m.ws = k.ws AND m.id = k.about_id"
	    " AND m.state <> 2 WHERE k.ws = $1 AND k.about_id = $2 AND k.topic <> '(erased)' ORDER BY k.id FOR UPDATE OF k" },
	{ "requote_topic", /* $3 before, $4 now; a title that somebody gave it stays */
	    "WITH t AS (UPDATE threads SET title = $4 FROM forks k WHERE k.ws = $1 AND k.id = $2 AND threads.ws = $1 AND threads.id = k.thread_id"
	    " AND title = $3), p AS (UPDATE places SET name = $4 FROM forks k JOIN threads h ON h.ws = k.ws AND h.id = k.thread_id"
	    " WHERE k.ws = $1 AND k.id = $2 AND places.ws = $1 AND places.id = h.place_id AND places.name = $3)"
	    " UPDATE forks SET topic = $4 WHERE ws = $1 AND id = $2" },
	/* Its first message, where it is stored, and what the thread that it left was told. */
	{ "requote_messages",
	    "SELECT m.id, m.body, true FROM outbox o JOIN messages m ON m.ws = o.ws AND m.id = o.message_id AND m.state <> 2 WHERE o.ws = $1"
	    " AND o.id = $2 UNION ALL SELECT m.id, m.body, false FROM messages m WHERE m.ws = $1 AND m.thread_id = $3 AND m.author_kind = 2"
	    " AND m.state <> 2 AND m.body LIKE 'Side thread #' || $4::int4 || ' is open: %'" },
	{ "requote_message", /* $2 the message, $3 its text, $4 the topic on what opens it */
	    "WITH t AS (UPDATE threads SET seq = threads.seq + 1 FROM messages m WHERE m.ws = $1 AND m.id = $2 AND threads.ws = $1"
	    " AND threads.id = m.thread_id RETURNING threads.id, threads.seq),"
	    " v AS (DELETE FROM embeddings WHERE ws = $1 AND message_id = $2)"
	    " UPDATE messages m SET body = $3, state = 1, rev = t.seq, components = (SELECT jsonb_agg(CASE WHEN c->>'action' = 'fork.open'"
	    " THEN jsonb_set(c, '{label}', to_jsonb($4::text)) ELSE c END) FROM jsonb_array_elements(m.components) AS c) FROM t"
	    " WHERE m.ws = $1 AND m.id = $2 RETURNING m.thread_id, m.id, m.seq, m.rev, m.body" },
	{ "requote_done", "DELETE FROM erasures WHERE ws = $1 AND id = $2" },
	{ NULL, NULL },
};

struct requoting {
	struct engine *e;
	struct pg *pg;
	struct id ws;
	PGresult **told, *forks; /* to tell of after COMMIT */
	size_t told_len;
};

static enum err query(struct requoting *x, const char *statement, struct pg_args *g, PGresult **out)
{
	PGresult *r = NULL;
	enum err e = pg_query(x->pg, statement, g, &r);
	pg_args_free(g);
	if (out != NULL)
		*out = r;
	else
		PQclear(r);
	return e;
}

static struct pg_args *args_of(const struct requoting *x, struct id id)
{
	struct pg_args *g = pg_args_new();
	pg_arg_id(g, x->ws);
	pg_arg_id(g, id);
	return g;
}

void fork_say_topic(struct engine *e, struct id ws, struct buf *topic)
{
	struct buf said = BUF_INIT;
	speak_over(e, ws, topic);
	fork_put_topic(&said, topic->p, topic->len);
	buf_done(topic);
	if (said.len == 0)
		buf_add_str(&said, "aside");
	*topic = said;
}

static enum err rewrite(struct requoting *x, const PGresult *r, int row, const struct fork_words *w)
{
	struct buf md = BUF_INIT;
	const char *body = pg_get_str(r, row, 1);
	if (pg_get_bool(r, row, 2))
		fork_put_requoted(&md, body, w);
	else
		fork_put_reopened(&md, body, w);
	speak_over(x->e, x->ws, &md);
	enum err e = ERR_NONE;
	if (md.len != strlen(body) || memcmp(md.p, body, md.len) != 0) {
		struct pg_args *g = args_of(x, pg_get_id(r, row, 0));
		PGresult *done = NULL;
		pg_arg_text(g, md.p, md.len);
		pg_arg_str(g, w->topic);
		e = query(x, "requote_message", g, &done);
		x->told = xrealloc(x->told, (x->told_len + 1) * sizeof(*x->told));
		x->told[x->told_len++] = done;
	}
	buf_done(&md);
	return e;
}

static enum err follow(struct requoting *x, int row)
{
	const PGresult *f = x->forks;
	struct id fork = pg_get_id(f, row, 0);
	struct buf topic = BUF_INIT, body = BUF_INIT;
	buf_reserve(&body, 1);
	speak_whole(x->e, x->ws, pg_get_str(f, row, 6), (size_t)PQgetlength(f, row, 6), &body);
	const char *was = pg_get_str(f, row, 2);
	enum err e = ERR_NONE;
	struct fork_words w = { .n = (int)pg_get_int8(f, row, 1), .topic = was, .quote = body.p, .quote_len = body.len };
	if (pg_get_bool(f, row, 3)) {
		fork_put_topic_of(&topic, w.quote, w.quote_len);
		fork_say_topic(x->e, x->ws, &topic);
		w.topic = topic.p;
		struct pg_args *g = args_of(x, fork);
		pg_arg_str(g, was);
		pg_arg_str(g, w.topic);
		e = query(x, "requote_topic", g, NULL);
	}
	PGresult *r = NULL;
	struct pg_args *g = args_of(x, fork);
	pg_arg_id(g, pg_get_id(f, row, 4));
	pg_arg_int4(g, w.n);
	e = e == ERR_NONE ? query(x, "requote_messages", g, &r) : (pg_args_free(g), e);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		e = rewrite(x, r, i, &w);
	PQclear(r);
	buf_done(&topic);
	buf_done(&body);
	return e;
}

static enum err carry_out(struct requoting *x, struct id order)
{
	PGresult *r = NULL;
	enum err e = query(x, "requote_order", args_of(x, order), &r);
	bool there = e == ERR_NONE && PQntuples(r) == 1;
	struct id message = there ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	r = NULL;
	if (!there)
		return e;
	e = query(x, "requote_forks", args_of(x, message), &x->forks);
	if (e == ERR_NONE)
		e = query(x, "requote_lock", args_of(x, message), &r);
	PQclear(r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(x->forks); i++)
		e = follow(x, i);
	return e == ERR_NONE ? query(x, "requote_done", args_of(x, order), NULL) : e;
}

enum err fork_requote(struct engine *e, struct pg *pg, struct id ws, struct id order, const struct forget_ends *ends)
{
	struct requoting x = { .e = e, .pg = pg, .ws = ws };
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = pg_end(pg, carry_out(&x, order));
	for (size_t i = 0; i < x.told_len; i++) {
		const PGresult *r = x.told[i];
		if (err == ERR_NONE && PQntuples(r) == 1)
			ends->told(ends->arg,
			    &(struct forgotten){ .thread = pg_get_id(r, 0, 0),
			        .message = pg_get_id(r, 0, 1),
			        .seq = pg_get_int8(r, 0, 2),
			        .rev = pg_get_int8(r, 0, 3),
			        .cut = true,
			        .text = pg_get_str(r, 0, 4) });
		PQclear(x.told[i]);
	}
	for (int i = 0; err == ERR_NONE && i < PQntuples(x.forks); i++)
		if (!PQgetisnull(x.forks, i, 5))
			engine_tell_thread(e, ws, pg_get_id(x.forks, i, 5), CHANGE_UPDATED);
	PQclear(x.forks);
	free(x.told);
	return err;
}
