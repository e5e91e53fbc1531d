/* Asks that wait are runs with a moment to come, so the database knows them, whichever process took them in. */
#include "held.h"

#include "refuse.h"

const struct pg_statement held_statements[] = {
	{ "held_list",
	    "SELECT h.person_id, p.name, h.n, to_char(h.until AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM (SELECT o.person_id, count(*) AS n,"
	    " max(o.due) AS until FROM dispatch d, LATERAL (SELECT r.person_id, r.due FROM runs r WHERE r.ws = $1 AND r.thread_id = d.thread_id"
	    " AND r.state <= 2 AND r.due > now() LIMIT 1000) o" /* the limit has the threads come first */
	    " WHERE d.ws = $1 AND d.pending > 0 GROUP BY o.person_id ORDER BY count(*) DESC LIMIT 50) h"
	    " LEFT JOIN people p ON p.ws = $1 AND p.id = h.person_id ORDER BY h.n DESC" },
	{ NULL, NULL },
};

enum err held_list(struct pg *pg, struct id ws, json_t **out)
{
	PGresult *r = NULL;
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	enum err e = pg_ask(pg, "held_list", a, &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		char id[ID_TEXT] = "";
		if (!PQgetisnull(r, i, 0))
			id_format(pg_get_id(r, i, 0), id);
		const char *name = PQgetisnull(r, i, 1) ? "" : pg_get_str(r, i, 1);
		json_array_append_new(*out,
		    json_pack("{s:s, s:s, s:I, s:s}", "person", id, "name", name, "waiting", (json_int_t)pg_get_int8(r, i, 2),
		        "until", pg_get_str(r, i, 3)));
	}
	PQclear(r);
	return ERR_NONE;
}
