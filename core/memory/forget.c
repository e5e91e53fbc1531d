/*
 * Erasing, piece by piece.
 *
 * What somebody wrote is easy to find: it is his.  What Eddy said with it is found in two ways.  Answers to him, and everything in places
 * that were his alone, go whole.  Elsewhere it is found by the words: those of the erased messages that nobody else uses in this
 * workspace, and that Eddy did not use before, can only come from there.  What Eddy said with such a word is erased where it may have read
 * the message (the same thread, a command, an answer made with tools), and anywhere when the word is one that nobody hits upon by chance
 * (with digits, an address, a very long one).  Of a resolution only the lines are cut that rest on what is gone or have such a word.
 *
 * Rows are locked in the order in which all do it: the erasure's own, side threads (forks), threads by their ids, then what is in them or rests
 * on them.  A piece that cannot keep to it is two pieces; where two transactions meet crosswise all the same, one of them is told to try again.
 *
 * The words lie in erasure_words while this lasts.  A person is gone through twice: once at once, and once more when the runs that were
 * open then, and the one that gives the receipt, are over; only then the names go, by which that answer still finds its way.
 */
#include "forget.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/buf.h"
#include "../base/mem.h"
#include "forget_piece.h"

#define ROWS FORGET_ROWS
#define WORDS 100 /* words looked up in one piece */
#define ECHOES 40 /* words searched for in one piece */
#define KINDS_MAX FORGET_KINDS_MAX
#define MESSAGES 500 /* messages emptied in one statement */

enum step {
	STEP_AGAIN = -1, /* after a restore */
	STEP_PREPARE,
	STEP_MESSAGES,
	STEP_RUNS,
	STEP_THINGS,
	STEP_INBOX,
	STEP_WORDS_EARLY,
	STEP_ECHOES_EARLY,
	STEP_TOOLS_EARLY,
	STEP_WAIT,
	STEP_MESSAGES_LATE,
	STEP_RUNS_LATE,
	STEP_WORDS, /* FORGET_STEP_WORDS */
	STEP_ECHOES,
	STEP_TOOLS,
	STEP_NAMES,
	STEP_END,
};
_Static_assert(STEP_WORDS == 11, "accept.c begins here");
_Static_assert(STEP_ECHOES == PIECE_STEP_RESTS && STEP_END == PIECE_STEP_END, "sweep.c goes on here");

/* ---- orders ---- */

static enum err exec(struct pg *pg, const char *statement, const struct pg_args *a, int *rows)
{
	PGresult *r = NULL;
	enum err e = pg_query(pg, statement, a, &r);
	if (e == ERR_NONE && rows != NULL)
		*rows += PQresultStatus(r) == PGRES_TUPLES_OK ? PQntuples(r) : 0;
	PQclear(r);
	return e;
}

enum err forget_person(struct pg *pg, const struct forget_order *o)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, o->ws);
	pg_arg_id(a, o->id);
	pg_arg_id(a, o->person);
	pg_arg_id(a, o->run);
	pg_arg_id(a, o->message);
	pg_arg_int2(a, (int16_t)o->asked);
	pg_arg_id(a, o->asked_by);
	enum err e = exec(pg, "forget_person", a, NULL);
	pg_args_free(a);
	return e;
}

static void arg_ids(struct pg_args *a, const struct id *ids, size_t n)
{
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < n; i++)
		pg_array_id(a, ids[i]);
	pg_array_end(a);
}

static enum err derived(struct pg *pg, struct id ws, const struct id *ids, size_t n, int *items)
{
	enum err e = ERR_NONE;
	struct pg_args *a = pg_args_new();
	for (const char *const *s = derived_gone; *s != NULL && e == ERR_NONE; s++) {
		PGresult *r = NULL;
		pg_args_reset(a);
		pg_arg_id(a, ws);
		arg_ids(a, ids, n);
		e = pg_query(pg, *s, a, &r);
		if (e == ERR_NONE && items != NULL && strcmp(*s, "derived_vectors") != 0)
			*items += atoi(PQcmdTuples(r));
		PQclear(r);
	}
	pg_args_free(a);
	return e;
}

struct id *piece_ids(const PGresult *r, size_t *n)
{
	*n = (size_t)PQntuples(r);
	struct id *ids = xcalloc(*n + 1, sizeof *ids);
	for (size_t i = 0; i < *n; i++)
		ids[i] = pg_get_id(r, (int)i, 0);
	return ids;
}

enum err forget_thread(struct pg *pg, struct id ws, struct id thread)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, id_new());
	pg_arg_id(a, thread);
	enum err e = exec(pg, "forget_thread", a, NULL);
	pg_args_reset(a);
	pg_arg_id(a, ws);
	pg_arg_id(a, thread);
	if (e == ERR_NONE)
		e = pg_query(pg, "forget_ids_of_thread", a, &r);
	if (e == ERR_NONE) {
		size_t n;
		struct id *ids = piece_ids(r, &n);
		e = derived(pg, ws, ids, n, NULL);
		free(ids);
	}
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err forget_tenants(struct pg *pg, void (*fn)(void *arg, struct id ws), void *arg)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	enum err e = pg_query(pg, "forget_tenants", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		fn(arg, pg_get_id(r, i, 0));
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err forget_open(struct pg *pg, struct id ws, struct id *out, size_t max, size_t *n)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	*n = 0;
	pg_arg_id(a, ws);
	pg_arg_int4(a, (int32_t)max);
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_end(pg, pg_query(pg, "forget_open", a, &r));
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && *n < max; i++)
		out[(*n)++] = pg_get_id(r, i, 0);
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err forget_read(struct pg *pg, struct id ws, struct id id, struct forget_counts *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	enum err e = pg_query(pg, "forget_read", a, &r);
	if (e == ERR_NONE && PQntuples(r) != 1)
		e = ERR_INPUT;
	if (e == ERR_NONE)
		*out = (struct forget_counts){ (int)pg_get_int8(r, 0, 0), (int)pg_get_int8(r, 0, 1), (int)pg_get_int8(r, 0, 2),
			(int)pg_get_int8(r, 0, 3), pg_get_bool(r, 0, 5), pg_get_bool(r, 0, 4) };
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err forget_same_user(struct pg *pg, struct id ws, struct id person, struct id *out, size_t max, size_t *n)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, person);
	enum err e = pg_query(pg, "forget_same_user", a, &r);
	*n = 0;
	for (int i = 0; e == ERR_NONE && i < PQntuples(r) && *n < max; i++)
		out[(*n)++] = pg_get_id(r, i, 0);
	PQclear(r);
	pg_args_free(a);
	return e;
}

enum err forget_receipts(struct pg *pg, struct id ws, struct id id, int32_t skip, int32_t max,
    void (*fn)(void *arg, const struct forget_receipt *r), void *arg)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	pg_arg_int4(a, skip);
	pg_arg_int4(a, max);
	enum err e = pg_query(pg, "forget_receipts", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++)
		fn(arg,
		    &(struct forget_receipt){ .id = pg_get_id(r, i, 0),
		        .kind = (int)pg_get_int8(r, i, 1),
		        .state = (int)pg_get_int8(r, i, 2),
		        .asked = (int)pg_get_int8(r, i, 3),
		        .asked_by = pg_get_id(r, i, 4),
		        .messages = (int)pg_get_int8(r, i, 5),
		        .answers = (int)pg_get_int8(r, i, 6),
		        .items = (int)pg_get_int8(r, i, 7),
		        .threads = (int)pg_get_int8(r, i, 8),
		        .counts = pg_get_str(r, i, 9),
		        .created_ms = pg_get_int8(r, i, 10),
		        .done_ms = pg_get_int8(r, i, 11),
		        .purged_ms = pg_get_int8(r, i, 12) });
	PQclear(r);
	pg_args_free(a);
	return e;
}

/* ---- one piece ---- */

struct pg_args *piece_args(const struct piece *p)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, p->ws);
	pg_arg_id(a, p->id);
	return a;
}

void piece_count(struct piece *p, const char *kind, int64_t n)
{
	for (size_t i = 0; i < KINDS_MAX && data_kinds[i].name != NULL; i++)
		if (strcmp(data_kinds[i].name, kind) == 0)
			p->values[i] += n;
}

static void count(struct piece *p, const char *kind, const PGresult *r)
{
	piece_count(p, kind, atoll(PQcmdTuples((PGresult *)(uintptr_t)r)));
}

enum err piece_take(struct piece *p, const struct taking *t, size_t n)
{
	enum err e = ERR_NONE;
	for (size_t i = 0; i < n && e == ERR_NONE; i++) {
		PGresult *r = NULL;
		struct pg_args *a = piece_args(p);
		e = pg_query(p->pg, t[i].statement, a, &r);
		if (e == ERR_NONE)
			count(p, t[i].kind, r);
		PQclear(r);
		pg_args_free(a);
	}
	return e;
}

enum err piece_plain(struct piece *p, const char *statement, int *rows)
{
	struct pg_args *a = piece_args(p);
	enum err e = exec(p->pg, statement, a, rows);
	pg_args_free(a);
	return e;
}

enum err piece_rows(struct piece *p, const char *statement, int64_t limit, PGresult **out)
{
	struct pg_args *a = piece_args(p);
	pg_arg_int8(a, limit);
	enum err e = pg_query(p->pg, statement, a, out);
	pg_args_free(a);
	return e;
}

static void keep(struct piece *p, PGresult *r)
{
	p->told = xrealloc(p->told, (p->told_len + 1) * sizeof *p->told);
	p->told[p->told_len++] = r;
}

static enum err lock_of(struct piece *p, const char *statement, const struct id *ids, size_t n)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, p->ws);
	arg_ids(a, ids, n);
	enum err e = exec(p->pg, statement, a, NULL);
	pg_args_free(a);
	return e;
}

enum err piece_empty(struct piece *p, const struct id *ids, size_t n, bool whose)
{
	enum err e = n > 0 ? lock_of(p, "forget_lock_threads", ids, n) : ERR_NONE;
	for (size_t at = 0; at < n && e == ERR_NONE; at += MESSAGES) {
		size_t k = n - at < MESSAGES ? n - at : MESSAGES;
		PGresult *r = NULL;
		struct pg_args *a = pg_args_new();
		e = derived(p->pg, p->ws, ids + at, k, &p->items);
		pg_arg_id(a, p->ws);
		arg_ids(a, ids + at, k);
		pg_arg_bool(a, whose);
		if (e == ERR_NONE)
			e = pg_query(p->pg, "forget_empty", a, &r);
		pg_args_free(a);
		if (e != ERR_NONE)
			break;
		for (int i = 0; i < PQntuples(r); i++) {
			if (pg_get_int8(r, i, 4) == 2)
				p->answers++;
			else
				p->messages++;
			bool new_thread = true;
			for (int j = 0; j < i && new_thread; j++)
				new_thread = !id_equal(pg_get_id(r, j, 0), pg_get_id(r, i, 0));
			p->threads += new_thread;
		}
		keep(p, r);
	}
	return e;
}

static enum err next_messages(struct piece *p)
{
	PGresult *r = NULL;
	enum err e = piece_rows(p, "forget_pick", ROWS, &r);
	if (e == ERR_NONE && PQntuples(r) > 0) {
		size_t n;
		struct id *ids = piece_ids(r, &n);
		struct pg_args *a = piece_args(p);
		arg_ids(a, ids, n);
		e = exec(p->pg, "forget_words_of", a, NULL);
		pg_args_free(a);
		if (e == ERR_NONE)
			e = piece_empty(p, ids, n, true);
		free(ids);
	}
	PQclear(r);
	return e;
}

static enum err go_on(struct piece *p)
{
	return piece_plain(p, "forget_step", NULL);
}

/* Before any of its words is dropped because others use it as well. */
static enum err repeats(struct piece *p)
{
	PGresult *r = NULL;
	struct pg_args *a = piece_args(p);
	enum err e = pg_query(p->pg, "forget_repeats", a, &r);
	pg_args_free(a);
	if (e == ERR_NONE && PQntuples(r) > 0) {
		size_t n;
		struct id *ids = piece_ids(r, &n);
		e = piece_empty(p, ids, n, false);
		free(ids);
	}
	PQclear(r);
	return e == ERR_NONE ? piece_plain(p, "forget_mark", NULL) : e;
}

static enum err next_words(struct piece *p)
{
	if (p->message && !p->has_cursor)
		return repeats(p);
	PGresult *r = NULL;
	enum err e = piece_rows(p, "forget_prune", WORDS, &r);
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = go_on(p);
	PQclear(r);
	return e;
}

static enum err with_words(struct piece *p, const char *statement, const PGresult *words, PGresult **out)
{
	struct pg_args *a = piece_args(p);
	pg_array_begin(a, PG_TEXT);
	for (int i = 0; i < PQntuples(words); i++)
		pg_array_str(a, pg_get_str(words, i, 0));
	pg_array_end(a);
	enum err e = pg_query(p->pg, statement, a, out);
	pg_args_free(a);
	return e;
}

/* What quotes a message that is gone: found by what it is about, whatever its words. */
static enum err quotes(struct piece *p)
{
	PGresult *r = NULL;
	enum err e = piece_plain(p, "forget_lock_forks", NULL);
	if (e == ERR_NONE)
		e = piece_plain(p, "forget_lock_of_forks", NULL);
	struct pg_args *a = piece_args(p);
	e = e == ERR_NONE ? pg_query(p->pg, "forget_quotes", a, &r) : e;
	pg_args_free(a);
	if (e == ERR_NONE && PQntuples(r) > 0) {
		size_t n;
		struct id *ids = piece_ids(r, &n);
		e = piece_empty(p, ids, n, false);
		free(ids);
	}
	PQclear(r);
	return e == ERR_NONE ? piece_plain(p, "forget_quoting", NULL) : e;
}

/* What Eddy said and noted with the next few words.  The resolutions are looked at even when no word is left. */
static enum err next_echoes(struct piece *p)
{
	static const char *const others[] = { "forget_summaries", "forget_items", "forget_topics", "forget_names_of_threads",
		"forget_bodies", "forget_reasons", "forget_searched" };
	PGresult *words = NULL, *r = NULL;
	enum err e = piece_rows(p, "forget_some_words", ECHOES, &words);
	bool none = e == ERR_NONE && PQntuples(words) == 0;
	/* In two transactions, so that neither takes rows of threads in two rounds: see the top. */
	if (e == ERR_NONE && (none ? p->has_cursor : !p->has_cursor)) {
		if (none)
			e = quotes(p);
		else if ((e = with_words(p, "forget_echoes", words, &r)) == ERR_NONE && PQntuples(r) > 0) {
			size_t n;
			struct id *ids = piece_ids(r, &n);
			e = piece_empty(p, ids, n, false);
			free(ids);
		}
		PQclear(r);
		PQclear(words);
		return e != ERR_NONE ? e : none ? go_on(p) : piece_plain(p, "forget_mark", NULL);
	}
	if (e == ERR_NONE)
		e = with_words(p, "forget_cut", words, &r);
	if (e == ERR_NONE) {
		p->items += PQntuples(r);
		keep(p, r);
	}
	for (size_t i = 0; i < sizeof others / sizeof *others && e == ERR_NONE && !none; i++) {
		r = NULL;
		e = with_words(p, others[i], words, &r);
		if (e == ERR_NONE && i < 2)
			p->items += PQntuples(r);
		PQclear(r);
	}
	PQclear(words);
	return e == ERR_NONE ? piece_plain(p, none ? "forget_mark" : "forget_unmark", NULL) : e;
}

enum err piece_next(struct piece *p, const char *statement, const char *kind)
{
	PGresult *r = NULL;
	enum err e = piece_rows(p, statement, ROWS, &r);
	if (e == ERR_NONE)
		count(p, kind, r);
	PQclear(r);
	return e;
}

static enum err things(struct piece *p)
{
	static const struct taking list[] = { { "forget_forks", "messages" }, { "forget_fork_titles", "messages" },
		{ "forget_titles", "messages" }, { "forget_resolutions", "memory" }, { "forget_authors", "memory" },
		{ "forget_notices", "addresses" }, { "forget_reactions", "messages" }, { "forget_budgets", "money" },
		{ "forget_feedback", "opinions" }, { "forget_calls", "work" }, { "forget_readers", "identity" },
		{ "forget_offers", "work" }, { "forget_relays", "addresses" }, { "forget_aliases", "addresses" },
		{ "forget_inbox_rejected", "addresses" }, { "forget_held_rows", "messages" } };
	enum err e = piece_take(p, list, sizeof list / sizeof *list);
	if (e == ERR_NONE)
		e = piece_plain(p, "forget_facts", &p->items);
	return e == ERR_NONE ? go_on(p) : e;
}

static enum err names(struct piece *p)
{
	/* The places before what says whose they are. */
	static const struct taking list[] = { { "forget_held_rows", "messages" }, { "forget_notices", "addresses" },
		{ "forget_readers", "identity" }, { "forget_places", "addresses" }, { "forget_fork_places", "addresses" },
		{ "forget_keys", "addresses" }, { "forget_only", "messages" }, { "forget_audiences", "identity" },
		{ "forget_sessions", "sessions" }, { "forget_passwords", "sessions" }, { "forget_codes", "sessions" },
		{ "forget_approvals", "work" }, { "forget_links", "identity" }, { "forget_api_keys", "sessions" },
		{ "forget_stops", "identity" }, { "forget_members", "identity" }, { "forget_preferences", "identity" },
		{ "forget_named", "identity" }, { "forget_settings", "identity" }, { "forget_holds", "identity" },
		{ "forget_audit_details", "audit" }, { "forget_audit_people", "audit" }, { "forget_identities", "identity" },
		{ "forget_people", "identity" },
		{ "forget_reader_changes", "identity" } /* last: what goes before it is noted there */ };
	enum err e = p->person ? piece_take(p, list, sizeof list / sizeof *list) : ERR_NONE;
	return e == ERR_NONE ? go_on(p) : e;
}

/* Threads whose titles are gone: where answers went, and go, has them as well. */
static void plain_origin(const struct piece *p, const PGresult *r, int row, int col, struct pg_args *to)
{
	char out[INTENT_ORIGIN_MAX];
	size_t n =
	    p->ends->plain(p->ends->arg, pg_get_str(r, row, 1), PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col), out);
	if (n > 0)
		pg_arg_bytes(to, out, n);
	else
		pg_arg_null(to);
}

static enum err origins(struct piece *p)
{
	if (p->ends->plain == NULL || p->ends->adapters_len == 0)
		return ERR_NONE;
	PGresult *r = NULL;
	struct pg_args *a = piece_args(p);
	pg_array_begin(a, PG_TEXT);
	for (size_t i = 0; i < p->ends->adapters_len; i++)
		pg_array_str(a, p->ends->adapters[i]);
	pg_array_end(a);
	enum err e = exec(p->pg, "forget_origins", a, NULL);
	if (e == ERR_NONE)
		e = pg_query(p->pg, "forget_fork_origins", a, &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		pg_args_reset(a);
		pg_arg_id(a, p->ws);
		pg_arg_id(a, pg_get_id(r, i, 0));
		plain_origin(p, r, i, 2, a);
		plain_origin(p, r, i, 3, a);
		e = exec(p->pg, "forget_fork_plain", a, NULL);
	}
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err end(struct piece *p)
{
	enum err first = origins(p);
	if (first != ERR_NONE)
		return first;
	struct pg_args *a = piece_args(p);
	pg_arg_id(a, id_named(p->id, 0, "erased", strlen("erased")));
	enum err e = exec(p->pg, "forget_audit", a, NULL);
	pg_args_free(a);
	return e == ERR_NONE ? piece_plain(p, "forget_end", NULL) : e;
}

/* What a backup has brought back: nobody goes on with it, and of messages what is elsewhere done where they are deleted. */
static enum err again(struct piece *p)
{
	PGresult *r = NULL;
	enum err e = piece_plain(p, "forget_again_runs", NULL);
	if (e == ERR_NONE)
		e = piece_plain(p, "forget_again_dispatch", NULL);
	struct pg_args *a = piece_args(p);
	if (e == ERR_NONE)
		e = pg_query(p->pg, "forget_again_ids", a, &r);
	if (e == ERR_NONE && PQntuples(r) > 0) {
		size_t n;
		struct id *ids = piece_ids(r, &n);
		arg_ids(a, ids, n);
		e = exec(p->pg, "forget_words_of", a, NULL);
		if (e == ERR_NONE)
			e = piece_empty(p, ids, n, false);
		free(ids);
	}
	PQclear(r);
	pg_args_free(a);
	if (e == ERR_NONE)
		e = piece_plain(p, "forget_again_title", NULL);
	return e == ERR_NONE ? piece_plain(p, "forget_again_step", NULL) : e;
}

static enum err work(struct piece *p, enum forget_state *state)
{
	int busy = 0;
	enum err e = ERR_NONE;
	bool took = true;
	*state = FORGET_MORE;
	if (p->kind == ERASED_WORKSPACE) {
		e = whole_piece(p, state, &took);
		if (e != ERR_NONE || !took)
			return e;
		*state = FORGET_DONE;
		return end(p);
	}
	if (p->kind == ERASED_SWEEP && p->step < STEP_WORDS)
		return sweep_piece(p, state);
	switch ((enum step)p->step) {
	case STEP_AGAIN:
		return again(p);
	case STEP_PREPARE:
		return piece_plain(p, "forget_prepare", NULL);
	case STEP_MESSAGES:
	case STEP_MESSAGES_LATE:
		return next_messages(p);
	case STEP_RUNS:
	case STEP_RUNS_LATE:
		return piece_next(p, "forget_runs", "work");
	case STEP_THINGS:
		return things(p);
	case STEP_INBOX:
		return piece_next(p, "forget_inbox", "addresses");
	case STEP_WORDS_EARLY:
	case STEP_WORDS:
		return next_words(p);
	case STEP_ECHOES_EARLY:
	case STEP_ECHOES:
		return next_echoes(p);
	case STEP_TOOLS_EARLY:
	case STEP_TOOLS:
		return piece_next(p, "forget_tools", "work");
	case STEP_WAIT:
		e = piece_plain(p, "forget_is_busy", &busy);
		if (e == ERR_NONE && busy == 0)
			return go_on(p);
		*state = FORGET_WAITS;
		return e;
	case STEP_NAMES:
		return names(p);
	case STEP_END:
		break;
	}
	*state = FORGET_DONE;
	if (p->kind == ERASED_SWEEP)
		e = sweep_end(p, &took);
	return e != ERR_NONE || !took ? e : end(p);
}

enum err piece_note(struct piece *p)
{
	if (p->noted || (p->ends->note == NULL && p->kind != ERASED_SWEEP))
		return ERR_NONE;
	enum err e = p->ends->note == NULL ? ERR_NONE : p->ends->note(p->ends->arg, &p->line);
	if (e == ERR_NONE)
		e = piece_plain(p, "forget_noted", NULL);
	p->noted = e == ERR_NONE;
	return e;
}

static enum err counted(struct piece *p)
{
	struct buf json = BUF_INIT;
	for (size_t i = 0; i < KINDS_MAX && data_kinds[i].name != NULL; i++)
		if (p->values[i] > 0)
			buf_addf(&json, "%s\"%s\":%lld", json.len > 0 ? "," : "{", data_kinds[i].name, (long long)p->values[i]);
	if (json.len == 0)
		return ERR_NONE;
	buf_add_char(&json, '}');
	struct pg_args *a = piece_args(p);
	pg_arg_str(a, json.p);
	enum err e = exec(p->pg, "forget_counts", a, NULL);
	pg_args_free(a);
	buf_done(&json);
	return e;
}

/*
 * Under a legal hold words go where they are seen, into what is held (hold.h), and everything else stays: of a person the steps that find words are
 * done, and all steps again when the hold has ended.
 */
static enum err under_hold(struct piece *p, enum forget_state *state)
{
	if (p->person ? p->step >= STEP_WAIT : p->step >= STEP_END) {
		*state = FORGET_HELD;
		return piece_plain(p, "forget_waits", NULL);
	}
	if (!p->person || p->step < STEP_RUNS || p->step > STEP_INBOX)
		return work(p, state);
	PGresult *r = NULL;
	struct pg_args *a = piece_args(p);
	*state = FORGET_MORE;
	pg_arg_int4(a, STEP_WORDS_EARLY);
	enum err e = pg_query(p->pg, "forget_hidden", a, &r);
	PQclear(r);
	pg_args_free(a);
	return e;
}

static enum err locked(struct piece *p, enum forget_state *state)
{
	struct pg_args *a = piece_args(p);
	PGresult *r = NULL;
	enum err e = pg_query(p->pg, "forget_lock", a, &r);
	pg_args_free(a);
	bool open = e == ERR_NONE && PQntuples(r) == 1 && pg_get_int8(r, 0, 2) == 1;
	if (open && pg_get_int8(r, 0, 0) == 4) {
		*state = FORGET_QUOTES;
		PQclear(r);
		return ERR_NONE;
	}
	if (open) {
		p->kind = (int)pg_get_int8(r, 0, 0);
		p->person = p->kind == ERASED_PERSON;
		p->message = p->kind == ERASED_MESSAGE;
		p->has_cursor = pg_get_bool(r, 0, 3);
		p->step = (int)pg_get_int8(r, 0, 1);
		p->noted = pg_get_bool(r, 0, 4);
		p->line =
		    (struct erased){ .kind = (enum erased_kind)p->kind, .ws = p->ws, .id = p->id, .subject = pg_get_id(r, 0, 5) };
		snprintf(p->line.at, sizeof p->line.at, "%s", pg_get_str(r, 0, 6));
		p->holds = pg_get_bool(r, 0, 9);
		p->kept = pg_get_bool(r, 0, 10);
		e = p->kind == ERASED_SWEEP ? ERR_NONE : piece_note(p); /* a sweep may find nothing to erase */
	}
	bool waits = e == ERR_NONE && !open && PQntuples(r) == 1 && pg_get_int8(r, 0, 2) == 3;
	PQclear(r);
	if (e != ERR_NONE || !open) {
		*state = waits ? FORGET_HELD : FORGET_DONE;
		return e;
	}
	e = p->kept && p->kind != ERASED_WORKSPACE ? under_hold(p, state) : work(p, state);
	if (e == ERR_NONE && p->messages + p->answers + p->items + p->threads > 0) {
		a = piece_args(p);
		pg_arg_int4(a, p->messages);
		pg_arg_int4(a, p->answers);
		pg_arg_int4(a, p->items);
		pg_arg_int4(a, p->threads);
		e = exec(p->pg, "forget_count", a, NULL);
		pg_args_free(a);
	}
	return e == ERR_NONE ? counted(p) : e;
}

enum err forget_work(struct pg *pg, struct id ws, struct id id, const struct forget_ends *ends, enum forget_state *state)
{
	struct piece p = { .pg = pg, .ws = ws, .id = id, .ends = ends };
	*state = FORGET_MORE;
	enum err e = pg_begin(pg, ws);
	if (e == ERR_NONE)
		e = pg_end(pg, locked(&p, state));
	if (e == ERR_INPUT && p.kind == ERASED_WORKSPACE)
		e = whole_back(pg, ws, id);
	if (e == ERR_NONE && p.kind == ERASED_WORKSPACE && ends->gone != NULL && (p.step <= 0 || *state == FORGET_DONE))
		ends->gone(ends->arg);
	for (size_t i = 0; i < p.told_len; i++) {
		const PGresult *r = p.told[i];
		for (int k = 0; e == ERR_NONE && ends->told != NULL && k < PQntuples(r); k++)
			ends->told(ends->arg,
			    &(struct forgotten){ .thread = pg_get_id(r, k, 0),
			        .message = pg_get_id(r, k, 1),
			        .seq = pg_get_int8(r, k, 2),
			        .rev = pg_get_int8(r, k, 3),
			        .cut = PQnfields(r) > 5,
			        .text = PQnfields(r) > 5 ? pg_get_str(r, k, 5) : NULL });
		PQclear(p.told[i]);
	}
	free(p.told);
	return e;
}
