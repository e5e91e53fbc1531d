/* A process for one team holds an advisory lock named after it (core/engine/pool.c): its number is the second half of the team's id. */
#include "dedicated.h"

#include <string.h>

#include "../base/json.h"
#include "config_cache.h"
#include "config_store.h"
#include "refuse.h"

const struct pg_statement dedicated_statements[] = {
	/* Where somebody says so, and what is below: only there is it worth asking what holds. */
	{ "dedicated_nodes",
	    "WITH RECURSIVE said AS (SELECT DISTINCT c.subject FROM node_configs c WHERE c.ws = $1 AND c.layer BETWEEN 2 AND 5"
	    " AND c.doc->'set' ? 'runtime.mode'), down AS (SELECT n.id, n.slug, n.name, 1 AS depth FROM nodes n JOIN said s ON s.subject = n.id"
	    " WHERE n.ws = $1 AND n.archived_at IS NULL UNION SELECT n.id, n.slug, n.name, d.depth + 1 FROM down d JOIN nodes n ON n.ws = $1"
	    " AND n.parent_id = d.id AND n.archived_at IS NULL WHERE d.depth < 32) SELECT x.id, x.slug, x.name,"
	    " EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.database = (SELECT oid FROM pg_database"
	    " WHERE datname = current_database()) AND l.classid = ('x' || substr(x.id::text, 20, 4) || substr(x.id::text, 25, 4))::bit(32)::int8::oid"
	    " AND l.objid = ('x' || substr(x.id::text, 29, 8))::bit(32)::int8::oid AND l.objsubid = 1),"
	    " (SELECT count(*) FROM dispatch d WHERE d.ws = $1 AND d.pending > 0 AND d.pool = x.id AND d.owner IS NULL)"
	    " FROM (SELECT DISTINCT id, slug, name FROM down) x ORDER BY x.slug" },
	{ NULL, NULL },
};

enum err dedicated_list(struct pg *pg, struct id ws, json_t **out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	enum err e = pg_ask(pg, "dedicated_nodes", a, &r);
	json_t *list = json_array();
	for (int i = 0; e == ERR_NONE && i < PQntuples(r); i++) {
		json_t *merged = NULL;
		e = config_effective(pg, ws, pg_get_id(r, i, 0), ID_NONE, &merged);
		if (e == ERR_NONE && strcmp(json_str(json_object_get(merged, "values"), "runtime.mode", ""), "dedicated") == 0)
			json_array_append_new(list,
			    json_pack("{s:s, s:s, s:b, s:I}", "team", pg_get_str(r, i, 1), "name", pg_get_str(r, i, 2), "served",
			        (int)pg_get_bool(r, i, 3), "waiting", (json_int_t)pg_get_int8(r, i, 4)));
		json_decref(merged);
	}
	PQclear(r);
	if (e != ERR_NONE) {
		json_decref(list);
		return e;
	}
	*out = list;
	return ERR_NONE;
}
