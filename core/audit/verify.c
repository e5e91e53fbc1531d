/*
 * Walks the chain from its beginning, page by page.  After a fault it goes on from the hash that is stored, so that one changed entry is one
 * finding and not as many as come after it.
 */
#include "verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"

#define PAGE 1000

const struct pg_statement verify_statements[] = {
	/* The digest of the detail is computed by the server, which has its exact text. */
	{ "verify_page",
	    "SELECT c.n, c.entry_id, c.digest, c.h, d.entry_id IS NOT NULL, coalesce(sha256(d.salt || convert_to(d.detail::text, 'UTF8'))"
	    " IS DISTINCT FROM a.detail_digest AND d.entry_id IS NOT NULL, false), " CHAIN_COLUMNS
	    " FROM audit_chain c LEFT JOIN audit a ON a.ws = c.ws AND a.id = c.entry_id"
	    " LEFT JOIN audit_details d ON d.ws = c.ws AND d.entry_id = c.entry_id WHERE c.ws = $1 AND c.n > $2 ORDER BY c.n LIMIT $3" },
	{ "verify_people",
	    "SELECT person_id FROM audit_people WHERE ws = $1 AND sha256(salt || uuid_send(person_id)) <> tag ORDER BY person_id LIMIT 1000" },
	{ "verify_unlinked",
	    "WITH u AS MATERIALIZED (SELECT a.id, a.at FROM audit a WHERE a.ws = $1"
	    " AND NOT EXISTS (SELECT 1 FROM audit_chain c WHERE c.ws = $1 AND c.entry_id = a.id)),"
	    " l AS (SELECT a.at FROM audit_chain c JOIN audit a ON a.ws = c.ws AND a.id = c.entry_id WHERE c.ws = $1 ORDER BY c.n DESC LIMIT 1)"
	    " SELECT (SELECT count(*) FROM u), u.id FROM (SELECT 1) one LEFT JOIN u ON u.at < (SELECT at FROM l) - interval '10 minutes'"
	    " ORDER BY u.at LIMIT 1000" },
	{ NULL, NULL },
};

const char *audit_fault_name(enum audit_fault f)
{
	static const char *const names[] = { "entry_changed", "entry_removed", "link_removed", "link_changed", "tail_cut",
		"rewritten", "checkpoint_forged", "detail_changed", "person_changed", "not_linked" };
	return names[f];
}

struct walk {
	struct pg *pg;
	struct id ws;
	void (*found)(void *arg, const struct audit_finding *f);
	void *arg;
	struct audit_verdict *v;
	struct checkpoint *points; /* by their number */
	size_t points_len, points_cap, at;
};

static void find(struct walk *w, enum audit_fault fault, int64_t n, struct id entry, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void find(struct walk *w, enum audit_fault fault, int64_t n, struct id entry, const char *format, ...)
{
	struct audit_finding f = { .fault = fault, .n = n, .entry = entry };
	va_list ap;
	va_start(ap, format);
	vsnprintf(f.text, sizeof f.text, format, ap);
	va_end(ap);
	if (w->v->findings++ < AUDIT_FINDINGS_MAX && w->found != NULL)
		w->found(w->arg, &f);
}

/* ---- checkpoints ---- */

static void take_point(void *arg, const struct checkpoint *line)
{
	struct walk *w = arg;
	if (line->forged) {
		find(w, FAULT_CHECKPOINT_FORGED, line->n, ID_NONE,
		    "line %d of " CHECKPOINT_FILE " (%s, link %lld) is not sealed with our key", line->line, line->at,
		    (long long)line->n);
		return;
	}
	if (line->kind == CHECKPOINT_RESTORED) {
		size_t kept = 0;
		for (size_t i = 0; i < w->points_len; i++)
			if (w->points[i].n <= line->n)
				w->points[kept++] = w->points[i];
		w->v->superseded += (int64_t)(w->points_len - kept);
		w->points_len = kept;
	}
	if (line->n == 0)
		return;
	if (w->points_len == w->points_cap) {
		w->points_cap = w->points_cap ? 2 * w->points_cap : 64;
		w->points = xrealloc(w->points, w->points_cap * sizeof *w->points);
	}
	w->points[w->points_len++] = *line;
}

static int by_number(const void *a, const void *b)
{
	int64_t x = ((const struct checkpoint *)a)->n, y = ((const struct checkpoint *)b)->n;
	return (x > y) - (x < y);
}

/* All checkpoints up to link ${n}, whose hash is ${h}. */
static void compare(struct walk *w, int64_t n, const uint8_t *h)
{
	for (; w->at < w->points_len && w->points[w->at].n <= n; w->at++) {
		const struct checkpoint *p = &w->points[w->at];
		if (p->n == n && memcmp(p->h, h, CHAIN_HASH) == 0) {
			w->v->checkpoints++;
			w->v->checkpoint = n;
		} else if (p->n == n) {
			find(w, FAULT_REWRITTEN, n, ID_NONE,
			    "link %lld is not the one that the checkpoint of %s has seen (line %d)", (long long)n, p->at, p->line);
		} /* else: that link is missing, which was said */
	}
}

/* ---- links ---- */

static void look(struct walk *w, const PGresult *r, int i, struct buf *payload)
{
	struct audit_verdict *v = w->v;
	int64_t n = pg_get_int8(r, i, 0);
	struct id entry = pg_get_id(r, i, 1);
	const uint8_t *digest = (const uint8_t *)PQgetvalue(r, i, 2), *h = (const uint8_t *)PQgetvalue(r, i, 3);
	uint8_t real[CHAIN_HASH], follows[CHAIN_HASH];
	char id[ID_TEXT];
	id_format(entry, id);
	v->entries++;
	bool gap = n != v->last + 1;
	if (gap)
		find(w, FAULT_LINK_REMOVED, v->last + 1, ID_NONE, "links %lld to %lld are missing", (long long)v->last + 1,
		    (long long)n - 1);
	memcpy(follows, v->h, CHAIN_HASH);
	v->last = n;
	memcpy(v->h, h, CHAIN_HASH);
	if (PQgetisnull(r, i, 6)) {
		find(w, FAULT_ENTRY_REMOVED, n, entry, "entry %s at link %lld is gone from this workspace", id, (long long)n);
	} else {
		buf_reset(payload);
		chain_payload(w->ws, r, i, 6, payload);
		chain_digest(payload->p, payload->len, real);
		chain_link(follows, (uint64_t)n, payload->p, payload->len);
		if (memcmp(real, digest, CHAIN_HASH) != 0)
			find(w, FAULT_ENTRY_CHANGED, n, entry, "entry %s (%s) at link %lld was changed", id, pg_get_str(r, i, 7),
			    (long long)n);
		else if (!gap && memcmp(follows, h, CHAIN_HASH) != 0)
			find(w, FAULT_LINK_CHANGED, n, entry, "link %lld (entry %s) does not follow from the one before",
			    (long long)n, id);
		if (pg_get_bool(r, i, 4))
			v->details++;
		else if (!PQgetisnull(r, i, 6 + 6))
			v->erased++;
		if (pg_get_bool(r, i, 5))
			find(
			    w, FAULT_DETAIL_CHANGED, n, entry, "the detail of entry %s at link %lld was changed", id, (long long)n);
	}
	compare(w, n, h);
}

static enum err walk_chain(struct walk *w)
{
	struct buf payload = BUF_INIT;
	enum err e = ERR_NONE;
	int n = PAGE;
	while (e == ERR_NONE && n == PAGE) {
		PGresult *r = NULL;
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, w->ws);
		pg_arg_int8(a, w->v->last);
		pg_arg_int8(a, PAGE);
		e = pg_query(w->pg, "verify_page", a, &r);
		pg_args_free(a);
		n = e == ERR_NONE ? PQntuples(r) : 0;
		for (int i = 0; i < n; i++)
			look(w, r, i, &payload);
		PQclear(r);
	}
	buf_done(&payload);
	return e;
}

static enum err query(struct walk *w, const char *statement, PGresult **r)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, w->ws);
	enum err e = pg_query(w->pg, statement, a, r);
	pg_args_free(a);
	return e;
}

/* What is wrong beside the chain: tags, and entries that it has passed over. */
static enum err beside(struct walk *w)
{
	PGresult *people = NULL, *left = NULL;
	char id[ID_TEXT];
	enum err e = query(w, "verify_people", &people);
	for (int i = 0; e == ERR_NONE && i < PQntuples(people); i++)
		find(w, FAULT_PERSON_CHANGED, 0, ID_NONE, "a tag was given to person %s that was made for another",
		    id_format(pg_get_id(people, i, 0), id));
	if (e == ERR_NONE)
		e = query(w, "verify_unlinked", &left);
	for (int i = 0; e == ERR_NONE && i < PQntuples(left); i++) {
		w->v->unlinked = pg_get_int8(left, i, 0);
		if (!PQgetisnull(left, i, 1))
			find(w, FAULT_NOT_LINKED, 0, pg_get_id(left, i, 1),
			    "entry %s was passed over: later ones are linked, it is not", id_format(pg_get_id(left, i, 1), id));
	}
	PQclear(people);
	PQclear(left);
	return e;
}

enum err audit_verify(struct pg *pg, struct id ws, struct checkpoints *c, void (*found)(void *arg, const struct audit_finding *f),
    void *arg, struct audit_verdict *out)
{
	*out = (struct audit_verdict){ 0 };
	struct walk w = { .pg = pg, .ws = ws, .found = found, .arg = arg, .v = out };
	/* First the file: what it knows of is in the database by then. */
	enum err e = c == NULL ? ERR_NONE : checkpoints_read(c, ws, take_point, &w, &out->torn);
	if (w.points_len > 0)
		qsort(w.points, w.points_len, sizeof *w.points, by_number);
	if (e == ERR_NONE)
		e = walk_chain(&w);
	if (e == ERR_NONE && w.at < w.points_len) {
		const struct checkpoint *p = &w.points[w.points_len - 1];
		find(&w, FAULT_TAIL_CUT, out->last, ID_NONE,
		    "the chain ends at link %lld, but it went to link %lld by the checkpoint of %s", (long long)out->last,
		    (long long)p->n, p->at);
	}
	if (e == ERR_NONE)
		e = beside(&w);
	free(w.points);
	return e;
}
