/*
 * What is kept how long.  A team's settings are asked for each team that has places, so what is found is a moment for each team; the sweep that is
 * ordered finds out the same again when it begins, from the same moment.  That it was looked at is a note of the workspace with what held
 * then: an hour later it is looked at again, and a sweep is ordered when the last is a day old or something else holds.
 */
#include "retention.h"

#include <stdlib.h>
#include <string.h>

#include "../base/json.h"
#include "../teams/config_store.h"

#define DAY_MS INT64_C(86400000)

#define UNTIL(x) "to_timestamp((" x ")::float8 / 1000)"
#define PLAN "q AS MATERIALIZED (SELECT $2::text::jsonb AS plan)"
#define OF_TEAM(what, team) UNTIL("q.plan -> '" what "' ->> coalesce(" team ", $1)::text")
#define AT(what) UNTIL("q.plan ->> '" what "'")

const struct pg_statement retention_statements[] = {
	{ "upkeep_retention_tenants", "SELECT DISTINCT ws FROM installs WHERE removed_at IS NULL ORDER BY ws" },
	{ "upkeep_retention_teams", "SELECT DISTINCT coalesce(team_id, $1) FROM places WHERE ws = $1 ORDER BY 1" },
	{ "upkeep_retention_look", /* $2 later than now, in milliseconds; gives whether it is time */
	    "SELECT 1 FROM adapter_notes WHERE ws = $1 AND adapter = 'eddy' AND key = 'retention' AND changed_at > now() + $2::int8 * interval '1 ms'"
	    " - interval '1 hour'" },
	{ "upkeep_retention_note", /* $2 later than now, $3 what holds; gives what held before */
	    "WITH b AS (SELECT value FROM adapter_notes WHERE ws = $1 AND adapter = 'eddy' AND key = 'retention'), n AS (INSERT INTO adapter_notes"
	    " (ws, adapter, key, value, changed_at) VALUES ($1, 'eddy', 'retention', $3, now() + $2::int8 * interval '1 ms') ON CONFLICT"
	    " (ws, adapter, key) DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at) SELECT value FROM b" },
	{ "upkeep_retention_open", "SELECT 1 FROM erasures WHERE ws = $1 AND kind = 5 AND state = 1 LIMIT 1" },
	{ "upkeep_retention_swept",
	    "SELECT 1 FROM adapter_notes WHERE ws = $1 AND adapter = 'eddy' AND key = 'retention.swept' AND changed_at > now() + $2::int8 *"
	    " interval '1 ms' - interval '24 hours'" },
	{ "upkeep_retention_order", /* $2 later than now, $3 its id */
	    "WITH n AS (INSERT INTO adapter_notes (ws, adapter, key, value, changed_at) VALUES ($1, 'eddy', 'retention.swept', '', now() + $2::int8 *"
	    " interval '1 ms') ON CONFLICT (ws, adapter, key) DO UPDATE SET changed_at = excluded.changed_at)"
	    " INSERT INTO erasures (ws, id, kind, subject, asked, created_at, since) VALUES ($1, $3, 5, $1, 5, now() + $2::int8 * interval '1 ms',"
	    " now() + $2::int8 * interval '1 ms')" },
	{ "upkeep_retention_count",
	    "WITH " PLAN ", m AS MATERIALIZED (SELECT m.thread_id, m.created_at FROM messages m, q WHERE m.ws = $1 AND m.state <> 2"
	    " AND m.created_at <= " AT(
	        "messages_until") "), r AS MATERIALIZED (SELECT r.thread_id, r.created_at FROM runs r, q WHERE r.ws = $1"
	                          " AND r.state > 2 AND r.created_at <= " AT(
	                              "work_until") " AND (r.person_id IS NOT NULL OR EXISTS (SELECT 1 FROM run_steps s WHERE s.ws = $1"
	                                            " AND s.run_id = r.id))), w AS MATERIALIZED (SELECT t.id, p.team_id FROM threads t JOIN places p ON p.ws = $1 AND p.id = t.place_id"
	                                            " WHERE t.ws = $1) SELECT (SELECT count(*) FROM m JOIN w ON w.id = m.thread_id, q WHERE m.created_at <= " OF_TEAM(
	                                                "messages",
	                                                "w.team_id") "),"
	                                                             " (SELECT count(*) FROM r JOIN w ON w.id = r.thread_id, q WHERE r.created_at <= " OF_TEAM(
	                                                                 "work",
	                                                                 "w.team_id") "),"
	                                                                              " (SELECT count(*) FROM sessions s, q WHERE s.ws = $1 AND least(s.ended_at, s.expires_at) <= " AT(
	                                                                                  "sessions") ")"
	                                                                                              " + (SELECT count(*) FROM login_codes s, q WHERE s.ws = $1 AND least(s.used_at, s.expires_at) <= " AT(
	                                                                                                  "sessions") ")"
	                                                                                                              " + (SELECT count(*) FROM link_codes s, q WHERE s.ws = $1 AND least(s.used_at, s.expires_at) <= " AT(
	                                                                                                                  "sessions") "),"
	                                                                                                                              " (SELECT count(*) FROM audit_details d, q WHERE d.ws = $1 AND d.at <= " AT(
	                                                                                                                                  "audit") "),"
	                                                                                                                                           " (SELECT count(*) FROM provisions v, q WHERE v.ws = $1 AND v.state > 2 AND v.ended_at <= " AT(
	                                                                                                                                               "provisions") "),"
	                                                                                                                                                             " (SELECT count(*) FROM model_calls c, q WHERE c.ws = $1 AND c.created_at <= " AT(
	                                                                                                                                                                 "usage") ")" },
	{ "upkeep_retention_state",
	    "SELECT (SELECT changed_at FROM adapter_notes WHERE ws = $1 AND adapter = 'eddy' AND key = 'retention'), (SELECT changed_at FROM"
	    " adapter_notes WHERE ws = $1 AND adapter = 'eddy' AND key = 'retention.swept'), (SELECT max(done_at) FROM erasures WHERE ws = $1"
	    " AND kind = 5), x.id, x.created_at FROM (SELECT 1) o LEFT JOIN LATERAL (SELECT id, created_at FROM erasures WHERE ws = $1 AND kind = 5"
	    " AND state = 1 ORDER BY created_at LIMIT 1) x ON true" },
	{ NULL, NULL },
};

static enum err one(struct pg *pg, const char *statement, struct pg_args *a, PGresult **out)
{
	enum err e = pg_query(pg, statement, a, out);
	pg_args_free(a);
	return e;
}

static struct pg_args *of(struct id ws)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	return a;
}

/* ---- what holds ---- */

static void put_later(json_t *plan, const char *key, const char *until, const char *team, int64_t days, int64_t now_ms)
{
	int64_t at = now_ms - days * DAY_MS;
	json_t *map = json_object_get(plan, key);
	if (map == NULL)
		json_object_set_new(plan, key, map = json_object());
	json_object_set_new(map, team, json_integer(at));
	if (at > json_int(plan, until, INT64_MIN))
		json_object_set_new(plan, until, json_integer(at));
}

static void put_team(json_t *plan, struct id team, const json_t *values, int64_t now_ms)
{
	char text[ID_TEXT];
	int64_t messages = json_int(values, "retention.messages", 0), work = json_int(values, "retention.work", 0);
	id_format(team, text);
	if (work == 0 || (messages != 0 && messages < work))
		work = messages;
	if (messages > 0)
		put_later(plan, "messages", "messages_until", text, messages, now_ms);
	if (work > 0)
		put_later(plan, "work", "work_until", text, work, now_ms);
}

static void put_workspace(json_t *plan, const json_t *values, int64_t now_ms)
{
	static const char *const keys[][2] = { { "retention.sessions", "sessions" }, { "retention.audit", "audit" },
		{ "retention.provisions", "provisions" }, { "retention.usage", "usage" } };
	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		int64_t days = json_int(values, keys[i][0], 0);
		if (days > 0)
			json_object_set_new(plan, keys[i][1], json_integer(now_ms - days * DAY_MS));
	}
}

enum err retention_plan(struct pg *pg, struct id ws, int64_t now_ms, json_t **out)
{
	PGresult *r = NULL;
	json_t *plan = json_object(), *merged = NULL;
	enum err e = one(pg, "upkeep_retention_teams", of(ws), &r);
	if (e == ERR_NONE)
		e = config_effective(pg, ws, ws, ID_NONE, &merged);
	if (e == ERR_NONE)
		put_workspace(plan, json_object_get(merged, "values"), now_ms);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id team = pg_get_id(r, i, 0);
		json_t *own = NULL;
		if (!id_equal(team, ws))
			e = config_effective(pg, ws, team, ID_NONE, &own);
		if (e == ERR_NONE)
			put_team(plan, team, json_object_get(own != NULL ? own : merged, "values"), now_ms);
		json_decref(own);
	}
	json_decref(merged);
	PQclear(r);
	if (e == ERR_NONE)
		*out = plan;
	else
		json_decref(plan);
	return e;
}

/* ---- when ---- */

static enum err is_time(struct pg *pg, struct id ws, uint64_t ahead_ms, json_t *days, bool *sweep)
{
	PGresult *r = NULL, *before = NULL, *open = NULL;
	char *text = json_dumps(days, JSON_COMPACT | JSON_SORT_KEYS);
	struct pg_args *a = of(ws), *b = of(ws);
	pg_arg_int8(a, (int64_t)ahead_ms);
	pg_arg_str(a, text);
	pg_arg_int8(b, (int64_t)ahead_ms);
	enum err e = one(pg, "upkeep_retention_note", a, &before);
	if (e == ERR_NONE)
		e = one(pg, "upkeep_retention_swept", b, &r);
	else
		pg_args_free(b);
	if (e == ERR_NONE)
		e = one(pg, "upkeep_retention_open", of(ws), &open);
	if (e == ERR_NONE) {
		bool same = PQntuples(before) > 0 && strcmp(pg_get_str(before, 0, 0), text) == 0;
		*sweep = json_object_size(days) > 0 && PQntuples(open) == 0 && (PQntuples(r) == 0 || !same);
	}
	PQclear(r);
	PQclear(before);
	PQclear(open);
	free(text);
	return e;
}

static enum err due(struct pg *pg, struct id ws, uint64_t ahead_ms, bool *ordered)
{
	PGresult *r = NULL;
	json_t *days = NULL;
	bool sweep = false;
	struct pg_args *a = of(ws);
	pg_arg_int8(a, (int64_t)ahead_ms);
	enum err e = one(pg, "upkeep_retention_look", a, &r);
	bool looked = e == ERR_NONE && PQntuples(r) > 0;
	PQclear(r);
	if (e != ERR_NONE || looked)
		return e;
	e = retention_plan(pg, ws, 0, &days); /* moments counted from 0: the same days give the same */
	if (e == ERR_NONE)
		e = is_time(pg, ws, ahead_ms, days, &sweep);
	json_decref(days);
	if (e != ERR_NONE || !sweep)
		return e;
	a = of(ws);
	r = NULL;
	pg_arg_int8(a, (int64_t)ahead_ms);
	pg_arg_id(a, id_new());
	e = one(pg, "upkeep_retention_order", a, &r);
	PQclear(r);
	*ordered = e == ERR_NONE;
	return e;
}

enum err retention_order(struct pg *pg, struct id ws, uint64_t ahead_ms, bool *ordered)
{
	*ordered = false;
	enum err e = pg_begin(pg, ws);
	return e != ERR_NONE ? e : pg_end(pg, due(pg, ws, ahead_ms, ordered));
}

/* ---- what people are shown ---- */

enum err retention_count(struct pg *pg, struct id ws, const json_t *plan, struct retention_next *out)
{
	PGresult *r = NULL;
	char *text = json_dumps(plan, JSON_COMPACT);
	struct pg_args *a = of(ws);
	pg_arg_str(a, text);
	enum err e = one(pg, "upkeep_retention_count", a, &r);
	if (e == ERR_NONE)
		*out = (struct retention_next){ pg_get_int8(r, 0, 0), pg_get_int8(r, 0, 1), pg_get_int8(r, 0, 2),
			pg_get_int8(r, 0, 3), pg_get_int8(r, 0, 4), pg_get_int8(r, 0, 5) };
	PQclear(r);
	free(text);
	return e;
}

static int64_t when(const PGresult *r, int col)
{
	return PQgetisnull(r, 0, col) ? 0 : pg_get_time_ms(r, 0, col);
}

enum err retention_state(struct pg *pg, struct id ws, struct retention_state *out)
{
	PGresult *r = NULL;
	enum err e = one(pg, "upkeep_retention_state", of(ws), &r);
	if (e == ERR_NONE)
		*out = (struct retention_state){ .looked_ms = when(r, 0),
			.begun_ms = when(r, 1),
			.done_ms = when(r, 2),
			.at_work = pg_get_id(r, 0, 3),
			.at_work_ms = when(r, 4) };
	PQclear(r);
	return e;
}

enum err retention_report(struct pg *pg, struct retention_report *out)
{
	PGresult *r = NULL;
	*out = (struct retention_report){ .looked_ms = INT64_MAX };
	enum err e = one(pg, "upkeep_retention_tenants", pg_args_new(), &r);
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		struct id ws = pg_get_id(r, i, 0);
		struct retention_state s = { 0 };
		e = pg_begin(pg, ws);
		if (e == ERR_NONE)
			e = pg_end(pg, retention_state(pg, ws, &s));
		out->workspaces++;
		out->looked_ms = s.looked_ms < out->looked_ms ? s.looked_ms : out->looked_ms;
		out->begun_ms = s.begun_ms > out->begun_ms ? s.begun_ms : out->begun_ms;
		if (!id_is_none(s.at_work)) {
			out->sweeping++;
			out->oldest_ms = out->oldest_ms == 0 || s.at_work_ms < out->oldest_ms ? s.at_work_ms : out->oldest_ms;
		}
	}
	PQclear(r);
	return e;
}
