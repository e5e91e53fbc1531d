/*
 * A workspace is cleared table by table, what points before what is pointed at, some thousand rows a piece.  The last piece goes through all tables
 * once more and takes the row in workspaces: the foreign keys of every table refuse that while anything is left, and refuse whatever a process that has not
 * heard of it would still write afterwards.  What stays is named at the end of the list.
 */
#include "whole.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../people/session.h"
#include "forget_piece.h"

#define CHANNEL "eddy_installs" /* as in core/engine/installs.c: processes look at what is different */
#define PIECE 5000              /* rows of one table */
#define PIECE_MESSAGES 500 /* for each the server looks for runs and deliveries of it, through what is left of the deleted ones */

/* In this order.  Who gets in goes first; kind: as receipts count it. */
static const struct {
	const char *table, *kind;
} tables[] = { { "dispatch", "work" }, { "sessions", "sessions" }, { "login_codes", "sessions" }, { "link_codes", "sessions" },
	{ "link_tries", "sessions" }, { "password_tries", "sessions" }, { "passwords", "sessions" }, { "api_keys", "sessions" },
	{ "secrets", "secrets" }, { "grant_states", "secrets" }, { "members", "identity" }, { "erasure_words", "erasures" },
	{ "held_rows", "messages" }, { "embeddings", "memory" }, { "summaries", "memory" }, { "context_sources", "memory" },
	{ "context_items", "memory" }, { "resolutions", "memory" }, { "feedback", "opinions" }, { "reactions", "messages" },
	{ "offers", "work" }, { "approvals", "work" }, { "run_steps", "work" }, { "model_calls", "money" },
	{ "outbox", "messages" }, { "runs", "work" }, { "api_answers", "work" }, { "relays", "addresses" },
	{ "aliases", "addresses" }, { "messages", "messages" }, { "forks", "messages" }, { "threads", "messages" },
	{ "inbox", "addresses" }, { "inbox_rejected", "addresses" }, { "place_people", "identity" }, { "routes", "settings" },
	{ "places", "addresses" }, { "audiences", "identity" }, { "provision_steps", "settings" }, { "provisions", "settings" },
	{ "pending_changes", "settings" }, { "node_configs", "settings" }, { "config_snapshots", "settings" },
	{ "holds", "identity" }, { "budgets", "money" }, { "budget_told", "money" }, { "budget_days", "money" },
	{ "budget_holds", "money" }, { "stops", "identity" }, { "identities", "identity" }, { "reader_changes", "identity" },
	{ "audit_details", "audit" }, { "audit_people", "audit" }, { "adapter_notes", "settings" }, { "agents", "settings" },
	{ "duties", "settings" }, { "nodes", "settings" }, { "people", "identity" } };
#define TABLES (sizeof tables / sizeof *tables)
/*
 * Stay: audit, audit_chain and audit_seals (ids, and what is linked), erasures (numbers), installs (a row that says that the tenant is gone).
 */

enum { WHOLE_AGAIN = -1, WHOLE_BEGIN, WHOLE_TABLES, WHOLE_END = WHOLE_TABLES + (int)TABLES };

#define MS(at) "(extract(epoch FROM " at ") * 1000)::int8"

const struct pg_statement whole_statements[] = {
	{ "whole_find",
	    "SELECT ws, adapter, external_id, coalesce(name, ''), EXISTS (SELECT 1 FROM installs h WHERE h.ws = i.ws AND h.adapter = 'local') FROM installs i"
	    " WHERE adapter <> 'erased' AND (external_id = $1 OR ws::text = $1 OR name = $1) ORDER BY adapter, external_id" },
	{ "whole_tenants", "SELECT DISTINCT ws FROM installs WHERE adapter = 'erased' ORDER BY ws" },
	{ "whole_named", /* $2 NULL: by whatever name */
	    "SELECT id, coalesce(plan ->> 'name', ''), " MS(
	        "created_at") " FROM erasures WHERE ws = $1 AND kind = 6 AND state <> 2 AND ($2::text IS NULL OR plan ->> 'name' = $2 OR ws::text = $2)" },
	{ "whole_rows", "SELECT workspace_rows($1, $2::text)" },
	/* Whoever writes the first row of something there holds the row, too: after this nobody does. */
	{ "whole_lock",
	    "SELECT EXISTS (SELECT 1 FROM installs WHERE ws = $1 AND adapter = 'local') FROM workspaces WHERE ws = $1 FOR UPDATE" },
	{ "whole_holds",
	    "SELECT id, kind, count(*) OVER () FROM holds WHERE ws = $1 AND ended_at IS NULL ORDER BY placed_at, id LIMIT 1" },
	{ "whole_open", "SELECT id FROM erasures WHERE ws = $1 AND kind = 6 ORDER BY state, created_at LIMIT 1" },
	{ "whole_is_due",
	    "SELECT 1 FROM installs WHERE ws = $1 AND adapter <> 'erased' AND erase_at <= now() + $2::int8 * interval '1 ms' FOR UPDATE" },
	{ "whole_put",
	    "INSERT INTO erasures (ws, id, kind, subject, asked, plan) VALUES ($1, $2, 6, $1, $3, jsonb_build_object('name', $4::text))" },
	{ "whole_detach",
	    "UPDATE installs SET adapter = 'erased', external_id = ws || ':' || substr(gen_random_uuid()::text, 1, 8), name = NULL, granted = false, org = false,"
	    " scopes = NULL, removed_at = coalesce(removed_at, now()), removed_why = 'erased', erase_at = NULL, changed_at = clock_timestamp()"
	    " WHERE ws = $1 AND adapter <> 'erased'" },
	{ "whole_tell", "SELECT pg_notify('" CHANNEL "', '')" },
	{ "whole_tell_sessions", "SELECT pg_notify('" SESSION_CHANNEL "', '')" },
	{ "whole_waiting",
	    "SELECT ws, external_id, coalesce(name, ''), " MS(
	        "erase_at") " FROM installs WHERE erase_at IS NOT NULL AND adapter <> 'erased' AND ($1::int8 IS NULL OR erase_at <= now() + $1 * interval '1 ms')"
	                    " ORDER BY erase_at, ws" },
	/* A piece: $1 ws, $2 the erasure. */
	{ "whole_kept", /* what a backup has brought back with a hold that stood then */
	    "SELECT 1 FROM erasures e WHERE e.ws = $1 AND e.id = $2 AND e.asked = 4 AND EXISTS (SELECT 1 FROM holds h WHERE h.ws = $1 AND h.ended_at IS NULL)" },
	{ "whole_runs", /* nobody goes on with them: a run is written by who has the token of its thread */
	    "WITH r AS (UPDATE runs SET state = 5, stop_asked = true, error = 'erased', finished_at = now() WHERE ws = $1 AND state <= 2),"
	    " o AS (UPDATE outbox SET state = 4, body = NULL, error = 'erased' WHERE ws = $1 AND state <= 2)"
	    " UPDATE dispatch SET pending = 0, owner = NULL, lease_until = NULL, token = token + 1 WHERE ws = $1 AND (pending > 0 OR owner IS NOT NULL)"
	    " AND $2::uuid IS NOT NULL" },
	{ "whole_step", "UPDATE erasures SET step = $3::int4, cursor = NULL WHERE ws = $1 AND id = $2 AND state = 1" },
	{ "whole_clear", "SELECT workspace_clear($1, $2::text, $3::int4)" },
	{ "whole_others", /* what else was being erased there is gone as well; receipts name nobody */
	    "WITH d AS (DELETE FROM erasures WHERE ws = $1 AND kind = 4) UPDATE erasures SET state = 2, done_at = coalesce(done_at, now()), names = NULL, places = NULL,"
	    " cursor = NULL, plan = NULL, walked = NULL, asked_by = NULL, subject = CASE WHEN kind = 3 THEN NULL ELSE subject END WHERE ws = $1 AND id <> $2"
	    " AND kind <> 4 AND (state <> 2 OR asked_by IS NOT NULL)" },
	/* Beginning something there. */
	{ "whole_share", "SELECT 1 FROM workspaces WHERE ws = $1 FOR KEY SHARE" },
	{ "whole_ended", "SELECT 1 FROM erasures WHERE ws = $1 AND kind = 6 LIMIT 1" },
	{ NULL, NULL },
};

static struct pg_args *of(struct id ws)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	return a;
}

/* ---- finding ---- */

static enum err tenants(struct pg *pg, PGresult **out)
{
	return pg_ask(pg, "whole_tenants", pg_args_new(), out);
}

static enum err named(struct pg *pg, struct id ws, const char *name, PGresult **out)
{
	struct pg_args *a = of(ws);
	pg_arg_str(a, name);
	enum err e = pg_begin(pg, ws);
	if (e != ERR_NONE) {
		pg_args_free(a);
		return e;
	}
	return pg_end(pg, pg_ask(pg, "whole_named", a, out));
}

enum err whole_find(struct pg *pg, const char *name, struct whole *out, size_t max, size_t *n)
{
	PGresult *r = NULL;
	*n = 0;
	enum err e = tenants(pg, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && *n < max; i++) {
		PGresult *open = NULL;
		struct id ws = pg_get_id(r, i, 0);
		e = named(pg, ws, name, &open);
		if (e == ERR_NONE && PQntuples(open) > 0) {
			struct whole *w = &out[(*n)++];
			*w = (struct whole){ .ws = ws, .erasure = pg_get_id(open, 0, 0) };
			snprintf(w->key, sizeof w->key, "%s", pg_get_str(open, 0, 1));
		}
		PQclear(open);
	}
	PQclear(r);
	r = NULL;
	if (e == ERR_NONE) {
		struct pg_args *a = pg_args_new();
		pg_arg_str(a, name);
		e = pg_ask(pg, "whole_find", a, &r);
	}
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && *n < max; i++) {
		struct whole *w = &out[*n];
		struct id ws = pg_get_id(r, i, 0);
		bool seen = false;
		for (size_t k = 0; k < *n; k++)
			seen |= id_equal(out[k].ws, ws);
		if (seen)
			continue;
		*w = (struct whole){ .ws = ws, .home = pg_get_bool(r, i, 4) };
		snprintf(w->adapter, sizeof w->adapter, "%s", pg_get_str(r, i, 1));
		snprintf(w->key, sizeof w->key, "%s", pg_get_str(r, i, 2));
		snprintf(w->name, sizeof w->name, "%s", pg_get_str(r, i, 3));
		(*n)++;
	}
	PQclear(r);
	return e;
}

enum err whole_count(struct pg *pg, struct id ws, void (*fn)(void *arg, const char *kind, int64_t rows), void *arg)
{
	int64_t rows[FORGET_KINDS_MAX] = { 0 };
	enum err e = ERR_NONE;
	for (size_t i = 0; i < TABLES && e == ERR_NONE; i++) {
		PGresult *r = NULL;
		struct pg_args *a = of(ws);
		pg_arg_str(a, tables[i].table);
		e = pg_ask(pg, "whole_rows", a, &r);
		for (size_t k = 0; e == ERR_NONE && k < FORGET_KINDS_MAX && data_kinds[k].name != NULL; k++)
			if (strcmp(data_kinds[k].name, tables[i].kind) == 0)
				rows[k] += pg_get_int8(r, 0, 0);
		PQclear(r);
	}
	for (size_t k = 0; e == ERR_NONE && k < FORGET_KINDS_MAX && data_kinds[k].name != NULL; k++)
		fn(arg, data_kinds[k].name, rows[k]);
	return e;
}

/* ---- ordering ---- */

static enum err order(struct pg *pg, struct whole_order *o)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "whole_lock", of(o->ws), &r);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1, home = there && pg_get_bool(r, 0, 0);
	PQclear(r);
	o->answer = home ? WHOLE_HOME : WHOLE_GONE;
	if (home || !there)
		return ERR_NONE;
	if ((e = pg_ask(pg, "whole_open", of(o->ws), &r)) != ERR_NONE)
		return e;
	bool at_work = PQntuples(r) > 0;
	o->erasure = at_work ? pg_get_id(r, 0, 0) : id_new();
	PQclear(r);
	o->answer = WHOLE_AT_WORK;
	if (at_work)
		return ERR_NONE;
	if (o->asked == FORGET_ASKED_TIME) {
		struct pg_args *a = of(o->ws);
		pg_arg_int8(a, (int64_t)o->ahead_ms);
		if ((e = pg_ask(pg, "whole_is_due", a, &r)) != ERR_NONE)
			return e;
		bool due = PQntuples(r) > 0;
		PQclear(r);
		o->answer = WHOLE_NOT_DUE;
		if (!due)
			return ERR_NONE;
	}
	if ((e = pg_ask(pg, "whole_holds", of(o->ws), &r)) != ERR_NONE)
		return e;
	o->holds = PQntuples(r) > 0 ? (int)pg_get_int8(r, 0, 2) : 0;
	if (o->holds > 0) {
		o->hold = pg_get_id(r, 0, 0);
		o->held = (enum hold_kind)pg_get_int8(r, 0, 1);
	}
	PQclear(r);
	o->answer = o->holds > 0 ? WHOLE_HELD : WHOLE_ORDERED;
	if (o->holds > 0 || o->dry)
		return ERR_NONE;
	struct pg_args *a = of(o->ws);
	pg_arg_id(a, o->erasure);
	pg_arg_int2(a, (int16_t)o->asked);
	pg_arg_str(a, o->name);
	e = pg_ask(pg, "whole_put", a, NULL);
	if (e == ERR_NONE)
		e = pg_ask(pg, "whole_detach", of(o->ws), NULL);
	if (e == ERR_NONE)
		e = pg_ask(pg, "whole_tell", pg_args_new(), NULL);
	return e;
}

enum err whole_order(struct pg *pg, struct whole_order *o)
{
	enum err e = pg_begin(pg, o->ws);
	return e != ERR_NONE ? e : pg_end(pg, order(pg, o));
}

enum err whole_due(struct pg *pg, uint64_t ahead_ms, void (*fn)(void *arg, const struct whole_order *o), void *arg)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_int8(a, (int64_t)ahead_ms);
	enum err e = pg_ask(pg, "whole_waiting", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct whole_order o = {
			.ws = pg_get_id(r, i, 0), .name = pg_get_str(r, i, 1), .asked = FORGET_ASKED_TIME, .ahead_ms = ahead_ms
		};
		e = whole_order(pg, &o);
		if (e == ERR_NONE)
			fn(arg, &o);
	}
	PQclear(r);
	return e;
}

enum err whole_ended(struct pg *pg, struct id ws, bool *ended)
{
	PGresult *r = NULL;
	/* Two statements: what was committed while we waited for the lock is to be seen. */
	enum err e = pg_ask(pg, "whole_share", of(ws), NULL);
	if (e == ERR_NONE)
		e = pg_ask(pg, "whole_ended", of(ws), &r);
	*ended = e == ERR_NONE && PQntuples(r) > 0;
	PQclear(r);
	return e;
}

/* ---- one piece ---- */

static enum err to_step(struct piece *p, int step)
{
	struct pg_args *a = piece_args(p);
	pg_arg_int4(a, step);
	return pg_ask(p->pg, "whole_step", a, NULL);
}

static enum err clear(struct piece *p, const char *table, int32_t most, int64_t *n)
{
	PGresult *r = NULL;
	struct pg_args *a = of(p->ws);
	pg_arg_str(a, table);
	pg_arg_int4(a, most);
	enum err e = pg_ask(p->pg, "whole_clear", a, &r);
	*n = e == ERR_NONE ? pg_get_int8(r, 0, 0) : 0;
	PQclear(r);
	return e;
}

static enum err clear_counted(struct piece *p, size_t i, int64_t *n)
{
	enum err e = clear(p, tables[i].table, strcmp(tables[i].table, "messages") == 0 ? PIECE_MESSAGES : PIECE, n);
	if (e != ERR_NONE)
		return e;
	piece_count(p, tables[i].kind, *n);
	if (strcmp(tables[i].table, "messages") == 0)
		p->messages += (int)*n;
	else if (strcmp(tables[i].table, "context_items") == 0)
		p->items += (int)*n;
	else if (strcmp(tables[i].table, "threads") == 0)
		p->threads += (int)*n;
	else if (strcmp(tables[i].table, "sessions") == 0 && *n > 0)
		e = pg_ask(p->pg, "whole_tell_sessions", pg_args_new(), NULL);
	return e;
}

static enum err begin(struct piece *p, enum forget_state *state)
{
	int kept = 0;
	enum err e = piece_plain(p, "whole_kept", &kept);
	if (e == ERR_NONE && kept > 0) {
		*state = FORGET_HELD;
		return piece_plain(p, "forget_waits", NULL);
	}
	if (e == ERR_NONE)
		e = pg_ask(p->pg, "whole_detach", of(p->ws), NULL);
	if (e == ERR_NONE)
		e = piece_plain(p, "whole_runs", NULL);
	if (e == ERR_NONE)
		e = pg_ask(p->pg, "whole_tell", pg_args_new(), NULL);
	return e == ERR_NONE ? to_step(p, WHOLE_TABLES) : e;
}

/*
 * Whoever had not heard of it has written since: until nothing is found.  One table a piece, from the first on, so that what points goes before what is
 * pointed at however much there is.
 */
static enum err end(struct piece *p, bool *over)
{
	int64_t n = 0;
	enum err e = ERR_NONE;
	for (size_t i = 0; i < TABLES && e == ERR_NONE && n == 0; i++)
		e = clear_counted(p, i, &n);
	*over = e == ERR_NONE && n == 0;
	if (!*over)
		return e;
	e = clear(p, "workspaces", 1, &n);
	return e == ERR_NONE ? piece_plain(p, "whole_others", NULL) : e;
}

enum err whole_piece(struct piece *p, enum forget_state *state, bool *over)
{
	int64_t n = 0;
	*state = FORGET_LATER;
	*over = false;
	if (p->step <= WHOLE_BEGIN)
		return begin(p, state);
	if (p->step >= WHOLE_END)
		return end(p, over);
	enum err e = clear_counted(p, (size_t)(p->step - WHOLE_TABLES), &n);
	return e != ERR_NONE || n > 0 ? e : to_step(p, p->step + 1);
}

enum err whole_back(struct pg *pg, struct id ws, struct id id)
{
	struct piece p = { .pg = pg, .ws = ws, .id = id };
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_end(pg, to_step(&p, WHOLE_TABLES));
	return e == ERR_NONE ? ERR_RETRY : e;
}

/* ---- for people ---- */

enum err whole_report(struct pg *pg, void (*fn)(void *arg, const struct whole_waiting *w), void *arg)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_null(a);
	enum err e = pg_ask(pg, "whole_waiting", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		PGresult *held = NULL;
		struct whole_waiting w = { .ws = pg_get_id(r, i, 0),
			.key = pg_get_str(r, i, 1),
			.name = pg_get_str(r, i, 2),
			.at_ms = pg_get_int8(r, i, 3) };
		e = pg_begin(pg, w.ws);
		if (e == ERR_NONE)
			e = pg_end(pg, pg_ask(pg, "whole_holds", of(w.ws), &held));
		w.held = e == ERR_NONE && PQntuples(held) > 0;
		PQclear(held);
		if (e == ERR_NONE)
			fn(arg, &w);
	}
	PQclear(r);
	r = NULL;
	if (e == ERR_NONE)
		e = tenants(pg, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		PGresult *open = NULL;
		struct whole_waiting w = { .ws = pg_get_id(r, i, 0), .at_work = true };
		e = named(pg, w.ws, NULL, &open);
		if (e == ERR_NONE && PQntuples(open) > 0) {
			w.key = pg_get_str(open, 0, 1);
			w.name = "";
			w.at_ms = pg_get_int8(open, 0, 2);
			fn(arg, &w);
		}
		PQclear(open);
	}
	PQclear(r);
	return e;
}

struct receipts {
	void (*fn)(void *arg, const struct forget_receipt *r);
	void *arg;
	bool one;
};

static void on_receipt(void *arg, const struct forget_receipt *r)
{
	struct receipts *x = arg;
	if (x->one || r->kind == ERASED_WORKSPACE)
		x->fn(x->arg, r);
}

enum err whole_receipts(struct pg *pg, struct id id, void (*fn)(void *arg, const struct forget_receipt *r), void *arg)
{
	struct receipts x = { fn, arg, !id_is_none(id) };
	PGresult *r = NULL;
	enum err e = tenants(pg, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id ws = pg_get_id(r, i, 0), open = ID_NONE;
		PGresult *one = NULL;
		if ((e = pg_begin(pg, ws)) != ERR_NONE)
			break;
		e = x.one ? ERR_NONE : pg_ask(pg, "whole_open", of(ws), &one);
		if (one != NULL && PQntuples(one) > 0)
			open = pg_get_id(one, 0, 0);
		PQclear(one);
		if (e == ERR_NONE && (x.one || !id_is_none(open)))
			e = forget_receipts(pg, ws, x.one ? id : open, 0, 1, on_receipt, &x);
		e = pg_end(pg, e);
	}
	PQclear(r);
	return e;
}
