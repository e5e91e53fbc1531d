/*
 * Reading a thread for a summary, and keeping what came out.  Commands and their answers are left out by their runs; what Eddy says of its own
 * accord has no run, and of that only resolutions count, found through the side threads of this thread.
 *
 * A summary must not outlive what it knows: an edit or a deletion takes the thread's next number and removes the stored summary.  One that is
 * just being stored is held against that number under a lock on the thread's row, so either it sees the change or the change sees it.
 */
#include "said.h"

#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "digest_internal.h"
#include "transcript.h"

#define LINES_MAX 12

const struct pg_statement said_statements[] = {
	{ "said_thread",
	    "SELECT t.seq, p.adapter, p.external_id, t.external_key, t.title FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " WHERE t.ws = $1 AND t.id = $2" },
	{ "said_load",
	    "WITH back AS MATERIALIZED (SELECT x.message_id, x.id, x.body FROM forks f JOIN resolutions x ON x.ws = f.ws AND x.fork_id = f.id"
	    " WHERE f.ws = $1 AND f.parent_id = $2 AND x.state = 2)"
	    " SELECT * FROM (SELECT m.id, m.seq, m.created_at, m.author_kind, p.name, left(coalesce(b.body, m.body), 8000),"
	    " coalesce(m.message_key, split_part(o.external_ref, ',', 1), m.id::text), m.author_id, b.id IS NOT NULL, coalesce(p.private, false)"
	    " FROM messages m LEFT JOIN people p ON p.ws = m.ws AND p.id = m.author_id LEFT JOIN runs r ON r.ws = m.ws AND r.id = m.run_id"
	    " LEFT JOIN back b ON b.message_id = m.id LEFT JOIN outbox o ON o.ws = m.ws AND o.id = CASE WHEN m.run_id IS NOT NULL THEN m.run_id ELSE b.id END"
	    " WHERE m.ws = $1 AND m.thread_id = $2 AND m.seq > $3 AND m.seq < $4 AND m.state <> 2 AND m.body <> '' AND m.author_kind <> 3"
	    " AND m.audience_id = (SELECT audience_id FROM threads WHERE ws = $1 AND id = $2)"
	    " AND ($5::uuid IS NULL OR m.author_id IS DISTINCT FROM $5)"
	    " AND (m.author_kind <> 2 OR b.id IS NOT NULL OR m.run_id IS NOT NULL AND r.kind IS DISTINCT FROM 2 AND r.builtin IS NOT TRUE)"
	    " AND NOT EXISTS (SELECT 1 FROM runs c WHERE c.ws = m.ws AND c.thread_id = m.thread_id AND c.message_id = m.id AND c.kind = 2)"
	    " ORDER BY m.seq DESC LIMIT $6) x ORDER BY 2" },
	{ "summary_get", "SELECT body, upto_seq, by_model, created_at FROM summaries WHERE ws = $1 AND thread_id = $2" },
	{ "summary_lock", "SELECT 1 FROM threads WHERE ws = $1 AND id = $2 FOR SHARE" },
	{ "summary_put",
	    "INSERT INTO summaries AS s (ws, thread_id, upto_seq, body, by_model)"
	    " SELECT $1, $2, $3, $4, $5 WHERE NOT EXISTS (SELECT 1 FROM messages WHERE ws = $1 AND thread_id = $2 AND rev > seq AND rev > $6)"
	    " ON CONFLICT (ws, thread_id) DO UPDATE SET upto_seq = excluded.upto_seq, body = excluded.body, by_model = excluded.by_model,"
	    " created_at = now() WHERE s.upto_seq <= excluded.upto_seq" },
	{ NULL, NULL },
};

static struct pg_args *of_thread(struct id ws, struct id thread)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	return a;
}

static void read_row(const PGresult *r, int row, struct digest_message *m, struct said_key *k)
{
	bool eddy = pg_get_int8(r, row, 3) == AUTHOR_EDDY;
	const char *name = pg_get_str(r, row, 4);
	*m = (struct digest_message){ .id = pg_get_id(r, row, 0),
		.seq = pg_get_int8(r, row, 1),
		.at_ms = pg_get_time_ms(r, row, 2),
		.author = eddy     ? "Eddy"
		    : name != NULL ? name
		                   : "somebody",
		.by_eddy = eddy && !pg_get_bool(r, row, 8), /* a resolution is what people made of it */
		.text = PQgetvalue(r, row, 5),
		.text_len = (size_t)PQgetlength(r, row, 5) };
	*k = (struct said_key){ .message = PQgetvalue(r, row, 6),
		.author = PQgetisnull(r, row, 7) ? ID_NONE : pg_get_id(r, row, 7) };
}

enum err said_load(struct pg *pg, struct id ws, struct id thread, int64_t after, int64_t before, struct id but, struct said *out)
{
	PGresult *head = NULL, *r = NULL;
	memset(out, 0, sizeof(*out));
	enum err e = pg_ask(pg, "said_thread", of_thread(ws, thread), &head); /* first: what comes later has a higher number */
	struct pg_args *a = of_thread(ws, thread);
	pg_arg_int8(a, after);
	pg_arg_int8(a, before);
	pg_arg_id(a, but);
	pg_arg_int8(a, SAID_MAX + 1);
	if (e == ERR_NONE)
		e = pg_ask(pg, "said_load", a, &r);
	else
		pg_args_free(a);
	if (e != ERR_NONE || PQntuples(head) == 0) {
		PQclear(head);
		PQclear(r);
		return e;
	}
	int n = PQntuples(r), from = n > SAID_MAX ? n - SAID_MAX : 0;
	out->res = r;
	out->more = from > 0;
	out->list = xcalloc((size_t)n + 1, sizeof(*out->list));
	out->keys = xcalloc((size_t)n + 1, sizeof(*out->keys));
	for (int i = from; i < n; i++, out->len++) {
		read_row(r, i, &out->list[out->len], &out->keys[out->len]);
		out->discreet |= pg_get_bool(r, i, 9);
	}
	out->newest = pg_get_int8(head, 0, 0);
	out->adapter = pg_get_str(head, 0, 1);
	out->place_key = pg_get_str(head, 0, 2);
	out->thread_key = pg_get_str(head, 0, 3);
	out->title = pg_get_str(head, 0, 4);
	out->head = head;
	return ERR_NONE;
}

void said_done(struct said *s)
{
	free(s->list);
	free(s->keys);
	PQclear(s->res);
	PQclear(s->head);
	memset(s, 0, sizeof(*s));
}

enum err summary_get(struct pg *pg, struct id ws, struct id thread, struct summary *out)
{
	memset(out, 0, sizeof(*out));
	enum err e = pg_ask(pg, "summary_get", of_thread(ws, thread), &out->res);
	if (e != ERR_NONE || PQntuples(out->res) == 0)
		return e;
	out->body = PQgetvalue(out->res, 0, 0);
	out->body_len = (size_t)PQgetlength(out->res, 0, 0);
	out->upto = pg_get_int8(out->res, 0, 1);
	out->by_model = pg_get_bool(out->res, 0, 2);
	out->at_ms = pg_get_time_ms(out->res, 0, 3);
	return ERR_NONE;
}

void summary_done(struct summary *s)
{
	PQclear(s->res);
	memset(s, 0, sizeof(*s));
}

enum err summary_put(struct pg *pg, struct id ws, struct id thread, const struct said *s, const char *body, size_t n, bool by_model)
{
	if (s->len == 0 || s->discreet)
		return ERR_NONE;
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "summary_lock", of_thread(ws, thread), &r);
	PQclear(r);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = of_thread(ws, thread);
	pg_arg_int8(a, s->list[s->len - 1].seq);
	pg_arg_text(a, body, n);
	pg_arg_bool(a, by_model);
	pg_arg_int8(a, s->newest);
	r = NULL;
	e = pg_ask(pg, "summary_put", a, &r);
	PQclear(r);
	return e;
}

/* Lines of Markdown, each without the numbers at its end, while they fit. */
static void add_lines(struct buf *out, const char *s, size_t n, size_t max)
{
	for (const char *p = s, *end = s + n; p < end;) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t k = (size_t)((stop != NULL ? stop : end) - p), before = out->len;
		buf_add_str(out, "- ");
		if (digest_add_text(out, p, k, RESOLUTION_LINE_MAX, 0, NULL) == 0)
			buf_truncate(out, before);
		else
			buf_add_char(out, '\n');
		if (out->len > max) {
			buf_truncate(out, before);
			return;
		}
		p += k + (stop != NULL);
	}
}

enum err thread_digest(struct pg *pg, struct id ws, struct id thread, int64_t before, size_t max_bytes, struct buf *out)
{
	struct summary kept = { 0 };
	struct said s = { 0 };
	struct buf part = BUF_INIT;
	size_t start = out->len;
	enum err e = summary_get(pg, ws, thread, &kept);
	bool usable = e == ERR_NONE && kept.body != NULL && kept.upto < before;
	if (e == ERR_NONE)
		e = said_load(pg, ws, thread, usable ? kept.upto : 0, before, ID_NONE, &s);
	if (e == ERR_NONE) {
		/* What came later is closer to what is talked about: it gets its half first. */
		size_t lines = max_bytes / 160 < LINES_MAX ? max_bytes / 160 : LINES_MAX;
		if (s.len > 0)
			digest_extract(s.list, s.len, usable ? (lines + 1) / 2 : lines, &part);
		if (usable)
			add_lines(out, kept.body, kept.body_len, start + (part.len > 0 ? max_bytes / 2 : max_bytes));
		if (part.len > 0)
			add_lines(out, part.p, part.len, start + max_bytes);
	}
	buf_done(&part);
	said_done(&s);
	summary_done(&kept);
	return e;
}
