/* One row of the table places says it; what became shared since is closed by a trigger (migration 032), whoever notices it. */
#include "place.h"

#include <stdio.h>
#include <string.h>

#include "../base/json.h"
#include "refuse.h"

const struct pg_statement place_statements[] = {
	{ "place_find", "SELECT id FROM places WHERE ws = $1 AND (id = $4 OR (adapter = $2 AND external_id = $3)) LIMIT 1" },
	{ "place_allow",
	    "UPDATE places p SET allowed_at = now() FROM (SELECT id, allowed_at IS NOT NULL AS was FROM places WHERE ws = $1 AND id = $2"
	    " FOR UPDATE) o WHERE p.ws = $1 AND p.id = o.id AND p.visibility = 3 RETURNING o.was" },
	{ "place_deny",
	    "UPDATE places p SET allowed_at = NULL FROM (SELECT id, allowed_at IS NULL AS was FROM places WHERE ws = $1 AND id = $2"
	    " FOR UPDATE) o WHERE p.ws = $1 AND p.id = o.id AND p.visibility = 3 RETURNING o.was" },
	/* A conversation by mail is opened by the member who writes to Eddy in it: docs/adr/095-shared-places.md. */
	{ "place_shared",
	    "SELECT p.id, p.adapter, p.external_id, p.name, n.slug, p.allowed_at IS NOT NULL, to_char(p.allowed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI')"
	    " FROM places p JOIN nodes n ON n.ws = p.ws AND n.id = coalesce(p.team_id, p.ws)"
	    " WHERE p.ws = $1 AND p.visibility = 3 AND p.member AND p.adapter <> 'email' ORDER BY p.adapter, p.name, p.external_id LIMIT 5000" },
	{ NULL, NULL },
};

enum err place_find(struct pg *pg, struct id ws, const char *name, struct id *place, struct problem *why)
{
	const char *colon = strchr(name, ':');
	struct id id = ID_NONE;
	char adapter[64] = "";
	PGresult *r = NULL;
	if (!id_parse(name, &id) && (colon == NULL || (size_t)(colon - name) >= sizeof adapter))
		return team_refuse(
		    why, API_NOT_FOUND, "place", "There is no such place, or not for you. It is ADAPTER:KEY or a place's id.");
	if (colon != NULL)
		memcpy(adapter, name, (size_t)(colon - name));
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, adapter);
	pg_arg_str(a, colon == NULL ? "" : colon + 1);
	pg_arg_id(a, id);
	enum err e = pg_ask(pg, "place_find", a, &r);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1;
	*place = there ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	return there ? ERR_NONE
	             : team_refuse(why, API_NOT_FOUND, "place",
	                   "There is no such place, or not for you. It is ADAPTER:KEY or a place's id.");
}

enum err place_set_allowed(struct pg *pg, struct id ws, struct id place, bool allow, bool *changed, struct problem *why)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, place);
	enum err e = pg_ask(pg, allow ? "place_allow" : "place_deny", a, &r);
	if (e != ERR_NONE)
		return e;
	bool shared = PQntuples(r) == 1;
	*changed = shared && !pg_get_bool(r, 0, 0);
	PQclear(r);
	return shared
	    ? ERR_NONE
	    : team_refuse(why, API_INVALID, "place", "Nobody from outside reads there: there is nothing to allow or to deny.");
}

static void put(json_t *o, const char *name, const PGresult *r, int row, int col)
{
	if (!PQgetisnull(r, row, col))
		json_object_set_new(o, name, json_stringn(PQgetvalue(r, row, col), (size_t)PQgetlength(r, row, col)));
}

enum err place_shared(struct pg *pg, struct id ws, json_t **out)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	enum err e = pg_ask(pg, "place_shared", a, &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		char id[ID_TEXT];
		json_t *o = json_pack(
		    "{s:s, s:s}", "id", id_format(pg_get_id(r, i, 0), id), "state", pg_get_bool(r, i, 5) ? "open" : "closed");
		put(o, "adapter", r, i, 1);
		put(o, "key", r, i, 2);
		put(o, "name", r, i, 3);
		put(o, "team", r, i, 4);
		put(o, "since", r, i, 6);
		json_array_append_new(*out, o);
	}
	PQclear(r);
	return ERR_NONE;
}
