/*
 * The housekeeping of the engine.  A timer hands a round to a worker; a round goes through the workspaces and does at most so much in each,
 * each statement in a transaction of its own, so that nobody waits for it.  That only one process does what says something to people is a
 * duty (edges.c), and what it says has an id made from the thread and its last message: said twice it is said once.
 */
#include "upkeep.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../api/once.h"
#include "../agents/approvals.h"
#include "../base/clock.h"
#include "../base/log.h"
#include "../base/mem.h"
#include "../memory/erased.h"
#include "../memory/hold.h"
#include "../memory/item.h"
#include "../memory/offers.h"
#include "../memory/retention.h"
#include "../memory/whole.h"
#include "../people/directory.h"
#include "../people/passwords.h"
#include "../settings/settings.h"
#include "../talk/thread.h"
#include "../teams/config.h"
#include "../teams/provision.h"
#include "ask.h"
#include "fork.h"
#include "key_ends.h"
#include "pages.h"
#include "vectors.h"

#define ARCHIVE_MAX 500 /* in one workspace and round */
#define EXPIRE_MAX 500
#define OFFERS_MAX 20
#define ERASURES_MAX 50
#define SOON_MS 300
#define TRIES 3       /* of a piece of an erasure */
#define SWEEP_MS 5000 /* of a sweep at a time: whoever asked to be forgotten goes before it */
#define AGAIN_MS 1000
#define AGAIN_MAX 30

/* $2: how much later than now it is, in milliseconds */
#define NOW "(now() + $2::int8 * interval '1 ms')"

const struct pg_statement upkeep_statements[] = {
	{ "upkeep_tenants", "SELECT DISTINCT ws FROM installs WHERE adapter <> 'erased' ORDER BY ws" },
	{ "upkeep_logs",
	    "SELECT DISTINCT ws FROM installs ORDER BY ws" }, /* with an audit log: those that were erased have one, too */
	{ "upkeep_teams", "SELECT id FROM nodes WHERE ws = $1 AND archived_at IS NULL AND parent_id IS NOT NULL" },
	{ "upkeep_archive",
	    "UPDATE threads SET state = 3 WHERE ws = $1 AND id IN (SELECT t.id FROM threads t WHERE t.ws = $1 AND t.state <> 3 AND t.relay = 0"
	    " AND t.last_at < " NOW
	    " - $3::int8 * interval '1 day' AND NOT EXISTS (SELECT 1 FROM forks k WHERE k.ws = t.ws AND k.state <= 2"
	    " AND (k.parent_id = t.id OR k.id = t.fork_id)) ORDER BY t.last_at LIMIT $4::int4 FOR UPDATE SKIP LOCKED) RETURNING id" },
	/* The same where teams differ: $5 and $6 say how, $7 is what holds for all others and $3 the shortest of them all. */
	{ "upkeep_archive_teams",
	    "UPDATE threads SET state = 3 WHERE ws = $1 AND id IN (SELECT t.id FROM threads t JOIN places p ON p.ws = t.ws AND p.id = t.place_id"
	    " LEFT JOIN unnest($5::uuid[], $6::int8[]) AS x(team, days) ON x.team = p.team_id WHERE t.ws = $1 AND t.state <> 3 AND t.relay = 0"
	    " AND t.last_at < " NOW " - $3::int8 * interval '1 day' AND t.last_at < " NOW
	    " - CASE WHEN x.days IS NULL THEN $7::int8 ELSE x.days END"
	    " * interval '1 day' AND NOT EXISTS (SELECT 1 FROM forks k WHERE k.ws = t.ws AND k.state <= 2 AND (k.parent_id = t.id OR"
	    " k.id = t.fork_id)) ORDER BY t.last_at LIMIT $4::int4 FOR UPDATE OF t SKIP LOCKED) RETURNING id" },
	{ "upkeep_archived",
	    "INSERT INTO audit (ws, id, verb, subject, thread_id) SELECT $1::uuid, x.entry, 'thread.idle', x.id, x.id FROM unnest($2::uuid[],"
	    " $3::uuid[]) AS x (entry, id)" },
	/* Side threads that nobody could open: the delivery has failed, or was never made. */
	{ "upkeep_forks",
	    "UPDATE forks k SET state = 5, closed_at = now() WHERE k.ws = $1 AND k.state = 1 AND k.created_at < " NOW
	    " - interval '1 hour'"
	    " AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.ws = $1 AND o.id = k.id AND o.state <= 3)" },
	/* Silent threads with an origin in them to answer to: that of their newest run.  What one person alone reads is not brought up before all. */
	{ "upkeep_silent",
	    "SELECT t.id, t.seq, r.adapter, r.origin FROM places p JOIN threads t ON t.ws = p.ws AND t.place_id = p.id"
	    " JOIN LATERAL (SELECT x.adapter, x.origin FROM runs x WHERE x.ws = t.ws AND x.thread_id = t.id AND x.origin <> '' AND x.state > 2"
	    " ORDER BY x.id DESC LIMIT 1) r ON true"
	    " WHERE p.ws = $1 AND p.sum_up AND p.member AND NOT p.quiet AND t.state = 1 AND t.taking_part AND NOT t.quiet AND t.relay = 0"
	    " AND t.audience_id = p.audience_id AND (p.team_id IS NULL OR p.team_id <> ALL ($5::uuid[]))"
	    " AND t.last_at < " NOW " - $3::int8 * interval '1 hour' AND t.last_at > " NOW
	    " - $3::int8 * interval '1 hour' - interval '14 days'"
	    " AND EXISTS (SELECT 1 FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id AND m.author_kind = 1 AND m.state <> 2)"
	    " AND NOT EXISTS (SELECT 1 FROM offers o WHERE o.ws = t.ws AND o.thread_id = t.id AND o.kind = 1 AND NOT EXISTS (SELECT 1"
	    " FROM messages m WHERE m.ws = t.ws AND m.thread_id = t.id AND m.author_kind = 1 AND m.created_at > o.created_at))"
	    " ORDER BY t.last_at LIMIT $4::int4" },
	{ NULL, NULL },
};

/* ---- erasing ---- */

struct erasing {
	struct engine *e;
	struct id ws;
};

static void erased(void *arg, const struct forgotten *f)
{
	struct erasing *x = arg;
	transcripts_forget(x->e->transcripts, f->thread);
	engine_emit(x->e,
	    &(struct thread_event){ .kind = f->cut ? EVENT_EDITED : EVENT_DELETED,
	        .ws = x->ws,
	        .thread = f->thread,
	        .message = f->message,
	        .seq = f->seq,
	        .rev = f->rev,
	        .author_kind = AUTHOR_EDDY,
	        .author = f->cut ? "Eddy" : "",
	        .text = f->cut ? f->text : "",
	        .text_len = f->cut ? strlen(f->text) : 0,
	        .at_ms = (int64_t)clock_wall_ms() });
}

static size_t plain(void *arg, const char *adapter, const void *origin, size_t n, char out[INTENT_ORIGIN_MAX])
{
	const struct erasing *x = arg;
	const struct adapter_slot *s = engine_adapter(x->e, adapter, strlen(adapter));
	return s != NULL && s->ops->origin_plain != NULL ? s->ops->origin_plain(s->a, origin, n, out) : 0;
}

static void gone(void *arg)
{
	const struct erasing *x = arg;
	transcripts_clear(x->e->transcripts);
	directory_clear(x->e->directory);
}

static enum err note(void *arg, const struct erased *line)
{
	const struct erasing *x = arg;
	return x->e->o.data_dir == NULL ? ERR_NONE : erased_note(x->e->o.data_dir, line);
}

static void with_adapters(struct engine *e, struct forget_ends *ends)
{
	for (size_t i = 0; i < e->adapters_len && ends->adapters_len < sizeof ends->adapters / sizeof *ends->adapters; i++)
		if (e->adapters[i].ops->origin_plain != NULL)
			ends->adapters[ends->adapters_len++] = e->adapters[i].ops->name;
}

enum err upkeep_again(struct engine *e)
{
	struct erasing x = { e, ID_NONE };
	struct forget_ends ends = { .plain = plain, .arg = &x };
	struct again_result done;
	if (e->o.data_dir == NULL)
		return ERR_NONE;
	with_adapters(e, &ends);
	struct pg *pg = engine_pg(e);
	enum err err = erased_again(pg, e->o.data_dir, &ends, &done);
	engine_pg_done(e, pg);
	if (err != ERR_NONE)
		log_error("erase.again", LF_STR("why", "what was erased since this backup is not erased again yet"),
		    LF_STR("result", err_name(err)));
	return err;
}

enum err upkeep_erase(struct engine *e, struct pg *pg, struct id ws, struct id erasure, enum forget_state *state)
{
	struct erasing x = { e, ws };
	struct forget_ends ends = { .note = note, .told = erased, .gone = gone, .plain = plain, .arg = &x };
	with_adapters(e, &ends);
	enum err err;
	uint64_t begun = clock_ms();
	*state = FORGET_MORE;
	int tries = 0;
	do {
		err = forget_work(pg, ws, erasure, &ends, state);
		tries = err == ERR_RETRY ? tries + 1 : 0; /* somebody held what we wanted, and wanted what we held */
	} while ((err == ERR_NONE && (*state == FORGET_MORE || (*state == FORGET_LATER && clock_ms() - begun < SWEEP_MS))) ||
	    (err == ERR_RETRY && tries < TRIES));
	if (err == ERR_NONE && *state == FORGET_QUOTES) {
		*state = FORGET_DONE;
		return fork_requote(e, pg, ws, erasure, &ends);
	}
	directory_clear(e->directory);
	if (err != ERR_NONE || *state == FORGET_DONE || *state == FORGET_HELD)
		log_info("erase", LF_ID("erasure", erasure), LF_INT("ms", clock_ms() - begun),
		    LF_STR("result",
		        err != ERR_NONE             ? err_name(err)
		            : *state == FORGET_HELD ? "held"
		                                    : "ok"));
	return err;
}

struct tenants {
	struct id *ids;
	size_t len, cap;
};

static void add_tenant(void *arg, struct id ws)
{
	struct tenants *t = arg;
	if (t->len == t->cap) {
		t->cap = t->cap ? 2 * t->cap : 16;
		t->ids = xrealloc(t->ids, t->cap * sizeof *t->ids);
	}
	t->ids[t->len++] = ws;
}

/* What another process has erased is forgotten here, too: the caches start anew while there is something to erase. */
/*
 * What fails at one tenant is said, and the others have their turn all the same: an erasure that somebody waits for must not hang on another's.
 * ${all} keeps the last failure.  False: the database is away, and the round ends.
 */
static bool goes_on(struct pg *pg, struct id ws, enum err one, enum err *all)
{
	if (one == ERR_NONE)
		return true;
	log_warn("upkeep", LF_ID("ws", ws), LF_STR("result", err_name(one)));
	*all = one;
	return pg_alive(pg);
}

static enum err erase_all(struct engine *e, struct pg *pg, bool *waits)
{
	struct tenants t = { 0 };
	enum err err = forget_tenants(pg, add_tenant, &t);
	if (t.len > 0)
		directory_clear(e->directory);
	bool on = err == ERR_NONE;
	for (size_t i = 0; on && i < t.len; i++) {
		struct id open[ERASURES_MAX];
		size_t n = 0;
		on = goes_on(pg, t.ids[i], forget_open(pg, t.ids[i], open, ERASURES_MAX, &n), &err);
		for (size_t k = 0; on && k < n && !atomic_load(&e->draining); k++) {
			enum forget_state state = FORGET_DONE;
			on = goes_on(pg, t.ids[i], upkeep_erase(e, pg, t.ids[i], open[k], &state), &err);
			*waits |= state == FORGET_WAITS || state == FORGET_LATER;
		}
	}
	free(t.ids);
	return err;
}

/* ---- what one process does for all ---- */

static enum err undelivered_forks(struct pg *pg, struct id ws, uint64_t ahead_ms, PGresult **out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int8(a, (int64_t)ahead_ms);
	enum err err = pg_query(pg, "upkeep_forks", a, out);
	pg_args_free(a);
	return err;
}

/* What the settings of a workspace say about one key, and the teams that differ from it. */
struct by_team {
	int64_t all, least;
	struct id *teams;
	int64_t *values;
	size_t len;
};

static void by_team_done(struct by_team *t)
{
	free(t->teams);
	free(t->values);
}

static enum err value_at(struct engine *e, struct pg *pg, struct id ws, struct id node, const char *key, int64_t *out)
{
	struct config *c = NULL;
	enum err err = config_cache_node(e->configs, pg, ws, node, &c);
	if (err == ERR_NONE)
		*out = config_key(key)->type == CONFIG_BOOL ? config_bool(c, key) : config_int(c, key);
	config_release(c);
	return err;
}

/* Inside a transaction of ${ws}. */
static enum err by_team(struct engine *e, struct pg *pg, struct id ws, const char *key, struct by_team *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *teams = NULL;
	bool said = false; /* else the teams need not be looked at one by one */
	enum err err = value_at(e, pg, ws, ws, key, &out->all);
	out->least = out->all;
	if (err == ERR_NONE)
		err = config_said(pg, ws, key, &said);
	pg_arg_id(a, ws);
	if (err == ERR_NONE && said)
		err = pg_query(pg, "upkeep_teams", a, &teams);
	size_t n = teams != NULL ? (size_t)PQntuples(teams) : 0;
	out->teams = xcalloc(n + 1, sizeof *out->teams);
	out->values = xcalloc(n + 1, sizeof *out->values);
	for (size_t i = 0; i < n && err == ERR_NONE; i++) {
		struct id team = pg_get_id(teams, (int)i, 0);
		int64_t v = out->all;
		err = value_at(e, pg, ws, team, key, &v);
		if (v == out->all)
			continue;
		out->least = v < out->least ? v : out->least;
		out->teams[out->len] = team;
		out->values[out->len++] = v;
	}
	PQclear(teams);
	pg_args_free(a);
	return err;
}

static enum err archive_rows(struct pg *pg, struct id ws, uint64_t ahead_ms, const struct by_team *days, PGresult **out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int8(a, (int64_t)ahead_ms);
	pg_arg_int8(a, days->least);
	pg_arg_int4(a, ARCHIVE_MAX);
	if (days->len > 0) {
		pg_array_begin(a, PG_UUID);
		for (size_t i = 0; i < days->len; i++)
			pg_array_id(a, days->teams[i]);
		pg_array_end(a);
		pg_array_begin(a, PG_INT8);
		for (size_t i = 0; i < days->len; i++)
			pg_array_int8(a, days->values[i]);
		pg_array_end(a);
		pg_arg_int8(a, days->all);
	}
	enum err err = pg_query(pg, days->len > 0 ? "upkeep_archive_teams" : "upkeep_archive", a, out);
	pg_args_free(a);
	return err;
}

static enum err archive(struct engine *e, struct pg *pg, struct id ws, uint64_t ahead_ms)
{
	struct by_team days = { 0 };
	PGresult *r = NULL, *entries = NULL;
	struct pg_args *a = pg_args_new();
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = by_team(e, pg, ws, "threads.archive_days", &days);
	if (err == ERR_NONE && days.least < config_key("threads.archive_days")->max)
		err = archive_rows(pg, ws, ahead_ms, &days, &r);
	if (err == ERR_NONE && PQntuples(r) > 0) {
		pg_arg_id(a, ws);
		pg_array_begin(a, PG_UUID);
		for (int i = 0; i < PQntuples(r); i++)
			pg_array_id(a, id_new());
		pg_array_end(a);
		pg_array_begin(a, PG_UUID);
		for (int i = 0; i < PQntuples(r); i++)
			pg_array_id(a, pg_get_id(r, i, 0));
		pg_array_end(a);
		err = pg_query(pg, "upkeep_archived", a, &entries);
	}
	err = pg_end(pg, err);
	by_team_done(&days);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++)
		engine_tell_thread(e, ws, pg_get_id(r, i, 0), CHANGE_UPDATED);
	PQclear(r);
	PQclear(entries);
	pg_args_free(a);
	return err;
}

static enum err expire(struct pg *pg, struct id ws, uint64_t ahead_ms)
{
	int64_t gone = 0;
	PGresult *r = NULL;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = offers_expire(pg, ws, EXPIRE_MAX, &gone);
	if (err == ERR_NONE)
		err = offers_tidy(pg, ws, EXPIRE_MAX, &gone);
	if (err == ERR_NONE)
		err = item_expire(pg, ws, EXPIRE_MAX, &gone);
	if (err == ERR_NONE)
		err = once_expire(pg, ws, EXPIRE_MAX);
	if (err == ERR_NONE)
		err = password_tries_tidy(pg, ws, EXPIRE_MAX);
	if (err == ERR_NONE)
		err = undelivered_forks(pg, ws, ahead_ms, &r);
	PQclear(r);
	return pg_end(pg, err);
}

/* "two days", "36 hours" */
static void silence(char *out, size_t n, int64_t hours)
{
	static const char *const few[] = { "a", "one", "two", "three", "four", "five", "six", "seven" };
	if (hours == 1)
		snprintf(out, n, "an hour");
	else if (hours == 24)
		snprintf(out, n, "a day");
	else if (hours % 24 == 0 && hours / 24 <= 7)
		snprintf(out, n, "%s days", few[hours / 24]);
	else if (hours % 24 == 0)
		snprintf(out, n, "%lld days", (long long)(hours / 24));
	else
		snprintf(out, n, "%lld hours", (long long)hours);
}

static enum err offer(struct engine *e, struct pg *pg, struct id ws, const PGresult *r, int i, int64_t hours)
{
	static const struct component buttons[] = {
		{ .kind = COMPONENT_BUTTON,
		    .action = ACTION_COMMAND,
		    .value = "summarise",
		    .label = "Sum it up",
		    .style = BUTTON_PRIMARY },
		{ .kind = COMPONENT_BUTTON, .action = ACTION_COMMAND, .value = "mark as resolved", .label = "Mark as resolved" },
		{ .kind = COMPONENT_BUTTON,
		    .action = ACTION_COMMAND,
		    .value = "stop offering summaries",
		    .label = "Don't offer this here" },
	};
	struct id thread = pg_get_id(r, i, 0);
	char name[40], text[160], span[40];
	snprintf(name, sizeof name, "silence %lld", (long long)pg_get_int8(r, i, 1));
	silence(span, sizeof span, hours);
	snprintf(text, sizeof text, "This thread has been silent for %s. Shall I sum it up?", span);
	struct id id = id_named(thread, 0, name, strlen(name));
	struct run as = {
		.e = e, .ws = ws, .id = id, .thread = thread
	}; /* nobody has asked; ask_say() looks at the tenant alone */
	struct ask a = { .e = e, .pg = pg, .r = &as };
	struct offer_new o = { .id = id, .kind = OFFER_SUM_UP, .thread = thread, .hours = 7 * 24 };
	struct ask_saying s = { .id = id,
		.thread = thread,
		.adapter = pg_get_str(r, i, 2),
		.origin = PQgetvalue(r, i, 3),
		.origin_len = (size_t)PQgetlength(r, i, 3),
		.text = text,
		.text_len = strlen(text),
		.components = buttons,
		.components_len = sizeof buttons / sizeof *buttons };
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = offers_open(pg, ws, &o);
	if (err == ERR_NONE)
		err = ask_say(&a, &s);
	err = pg_end(pg, err);
	ask_tell(&a, err == ERR_NONE);
	if (err == ERR_NONE && a.more_work)
		claim_now(e);
	return err;
}

/* Where the organisation allows it, those that differ are those that do not. */
static enum err silent_rows(struct pg *pg, struct id ws, uint64_t ahead_ms, int64_t hours, const struct by_team *on, PGresult **out)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_int8(a, (int64_t)ahead_ms);
	pg_arg_int8(a, hours);
	pg_arg_int4(a, OFFERS_MAX);
	pg_array_begin(a, PG_UUID);
	for (size_t i = 0; i < on->len; i++)
		pg_array_id(a, on->teams[i]);
	pg_array_end(a);
	enum err err = pg_query(pg, "upkeep_silent", a, out);
	pg_args_free(a);
	return err;
}

static enum err offers(struct engine *e, struct pg *pg, struct id ws, uint64_t ahead_ms)
{
	int64_t hours = settings_int(e->o.settings, "threads.offer_hours");
	struct by_team on = { 0 };
	PGresult *r = NULL;
	enum err err = pg_begin(pg, ws);
	if (err == ERR_NONE)
		err = by_team(e, pg, ws, "threads.offers", &on);
	if (err == ERR_NONE && on.all)
		err = silent_rows(pg, ws, ahead_ms, hours, &on, &r);
	err = pg_end(pg, err);
	by_team_done(&on);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++)
		err = offer(e, pg, ws, r, i, hours);
	PQclear(r);
	return err;
}

static enum err erase_thread(void *arg, struct id ws, struct id thread)
{
	return engine_erase_thread(arg, ws, thread, "", "");
}

/* Teams whose setting up or giving up a crash has interrupted. */
static enum err provisions(struct engine *e, struct pg *pg, struct id ws)
{
	return provision_resume(pg, ws, &(struct provision_with){ .erase = erase_thread, .arg = e });
}

static enum err approvals(struct pg *pg, struct id ws, uint64_t ahead_ms)
{
	int n = 0;
	enum err err = pg_begin(pg, ws);
	return err != ERR_NONE ? err : pg_end(pg, approval_expire(pg, ws, ahead_ms, &n));
}

/* What was kept long enough. */
static enum err retention(struct engine *e, struct pg *pg, struct id ws, uint64_t ahead_ms)
{
	bool ordered;
	enum err err = retention_order(pg, ws, ahead_ms, &ordered);
	if (err == ERR_NONE && ordered)
		upkeep_soon(e);
	return err;
}

/* What no legal hold covers any more. */
static enum err release(struct engine *e, struct pg *pg, struct id ws)
{
	bool woken;
	enum err err = hold_release(pg, ws, &woken);
	if (err == ERR_NONE && woken)
		upkeep_soon(e);
	return err;
}

static void on_due(void *arg, const struct whole_order *o)
{
	struct engine *e = arg;
	if (o->answer == WHOLE_ORDERED)
		upkeep_soon(e);
	if (o->answer == WHOLE_ORDERED || o->answer == WHOLE_HELD)
		log_info("erase.workspace", LF_ID("ws", o->ws), LF_STR("why", "the app was taken away there"),
		    LF_STR("result", o->answer == WHOLE_HELD ? "held" : "ordered"));
}

static enum err tidy(struct engine *e, struct pg *pg, struct id ws, uint64_t ahead_ms)
{
	enum err err = archive(e, pg, ws, ahead_ms);
	if (err == ERR_NONE)
		err = expire(pg, ws, ahead_ms);
	if (err == ERR_NONE)
		err = offers(e, pg, ws, ahead_ms);
	if (err == ERR_NONE)
		err = key_ends_round(e, pg, ws, ahead_ms);
	if (err == ERR_NONE)
		err = provisions(e, pg, ws);
	if (err == ERR_NONE)
		err = approvals(pg, ws, ahead_ms);
	if (err == ERR_NONE)
		err = retention(e, pg, ws, ahead_ms);
	return err == ERR_NONE ? release(e, pg, ws) : err;
}

static enum err tidy_all(struct engine *e, struct pg *pg, uint64_t ahead_ms)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	enum err err = whole_due(pg, ahead_ms, on_due, e);
	if (err == ERR_NONE)
		err = pg_query(pg, "upkeep_tenants", a, &r);
	pg_args_free(a);
	bool on = err == ERR_NONE;
	for (int i = 0; on && i < PQntuples(r) && !atomic_load(&e->draining); i++) {
		struct id ws = pg_get_id(r, i, 0);
		on = goes_on(pg, ws, tidy(e, pg, ws, ahead_ms), &err);
	}
	PQclear(r);
	return err;
}

static enum err round_of(struct engine *e, uint64_t ahead_ms, bool all, bool *waits)
{
	pthread_mutex_lock(&e->upkeep_mutex);
	struct pg *pg = engine_pg(e);
	enum err err = erase_all(e, pg, waits);
	enum err tidied = all && pg_alive(pg) ? tidy_all(e, pg, ahead_ms) : ERR_NONE;
	err = err == ERR_NONE ? tidied : err;
	engine_pg_done(e, pg);
	pthread_mutex_unlock(&e->upkeep_mutex);
	if (err != ERR_NONE)
		log_warn("upkeep", LF_STR("result", err_name(err)));
	return err;
}

enum err upkeep_round(struct engine *e, uint64_t ahead_ms, bool all)
{
	bool waits = false;
	return round_of(e, ahead_ms, all, &waits);
}

/* ---- the clock ---- */

static void on_time(void *arg, struct pg *pg)
{
	struct engine *e = arg;
	int64_t every = settings_int(e->o.settings, "engine.upkeep");
	bool mine = engine_duty(e, e->default_ws, "engine", "upkeep", (uint32_t)(every * 3 / 2)) == ERR_NONE;
	upkeep_round(e, 0, mine);
	if (mine)
		vectors_round(e, pg);
}

static void due(void *arg)
{
	struct engine *e = arg;
	if (!atomic_load(&e->draining))
		engine_job(e, on_time, e);
	timers_after(e->timers, (uint64_t)settings_int(e->o.settings, "engine.upkeep"), due, e);
}

static void arm(struct engine *e, uint64_t ms);

static void on_soon(void *arg, struct pg *pg)
{
	struct engine *e = arg;
	bool waits = false;
	(void)pg;
	atomic_store(&e->upkeep_soon, false);
	round_of(e, 0, false, &waits);
	if (waits && atomic_fetch_sub(&e->upkeep_again, 1) > 1)
		arm(e, AGAIN_MS);
}

static void soon_due(void *arg)
{
	struct engine *e = arg;
	if (atomic_load(&e->draining) || !engine_job(e, on_soon, e))
		atomic_store(&e->upkeep_soon, false); /* the next round finds it */
}

static void arm(struct engine *e, uint64_t ms)
{
	if (!atomic_exchange(&e->upkeep_soon, true))
		timers_after(e->timers, ms, soon_due, e);
}

void upkeep_soon(struct engine *e)
{
	atomic_store(&e->upkeep_again, AGAIN_MAX);
	arm(e, SOON_MS);
}

void engine_erase_soon(struct engine *e)
{
	upkeep_soon(e);
}

void upkeep_start(struct engine *e)
{
	timers_after(e->timers, (uint64_t)settings_int(e->o.settings, "engine.upkeep"), due, e);
}
