#include "admins.h"

#include <stdlib.h>
#include <string.h>

#include "../base/mem.h"
#include "ask.h"

#define ADMINS_MAX 20

const struct pg_statement admins_statements[] = {
	/*
	 * Where admins at the node ${2} or above it, and ${4} as long as that is a member there, are spoken to alone: each one's newest conversation, with an
	 * origin in it to answer to.  Linked accounts are one person, who hears it once.
	 */
	{ "admins_where",
	    "WITH RECURSIVE up AS (SELECT ws, id, parent_id, 1 AS depth FROM nodes WHERE ws = $1 AND id = $2 UNION ALL SELECT n.ws, n.id,"
	    " n.parent_id, up.depth + 1 FROM up JOIN nodes n ON n.ws = up.ws AND n.id = up.parent_id WHERE up.depth < 32),"
	    " a AS (SELECT m.person_id AS id FROM up JOIN members m ON m.ws = up.ws AND m.node_id = up.id WHERE m.role >= 3 UNION"
	    " SELECT i.person_id FROM identities i WHERE i.ws = $1 AND i.adapter = 'web' AND i.external_id = 'local' UNION"
	    " SELECT $4::uuid WHERE $4::uuid IS NOT NULL AND role_at($4::uuid, $2) >= 2),"
	    " u AS (SELECT DISTINCT coalesce(p.user_id, p.id) AS id FROM a JOIN people p ON p.ws = $1 AND p.id = a.id),"
	    " who AS (SELECT u.id AS admin, p.id FROM u JOIN people p ON p.ws = $1 AND (p.id = u.id OR p.user_id = u.id) WHERE NOT p.bot)"
	    " SELECT DISTINCT ON (who.admin) t.id, r.adapter, r.origin FROM who JOIN threads t ON t.ws = $1 AND t.only_person = who.id"
	    " AND NOT t.several AND t.relay = 0 AND NOT t.quiet AND t.fork_id IS NULL"
	    " JOIN places pl ON pl.ws = t.ws AND pl.id = t.place_id AND pl.visibility = 1"
	    " JOIN LATERAL (SELECT x.adapter, x.origin FROM runs x WHERE x.ws = t.ws AND x.thread_id = t.id AND x.origin <> ''"
	    " ORDER BY x.id DESC LIMIT 1) r ON true"
	    " WHERE (SELECT count(*) FROM place_people pp WHERE pp.ws = pl.ws AND pp.place_id = pl.id) <= 1"
	    " ORDER BY who.admin, t.last_at DESC LIMIT $3::int4" },
	{ NULL, NULL },
};

struct admins_word {
	struct run as; /* nobody has asked; ask_say() looks at the tenant alone */
	struct ask ask;
};

struct admins_word *admins_word(struct engine *e, struct pg *pg, struct id ws)
{
	struct admins_word *w = xcalloc(1, sizeof *w);
	w->as.e = w->ask.e = e;
	w->as.ws = ws;
	w->ask.pg = pg;
	w->ask.r = &w->as;
	return w;
}

enum err admins_tell(
    struct admins_word *w, struct id node, struct id also, const char *name, const char *md, size_t n, int *reached)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, w->as.ws);
	pg_arg_id(a, node);
	pg_arg_int4(a, ADMINS_MAX);
	pg_arg_id(a, also);
	enum err err = pg_query(w->ask.pg, "admins_where", a, &r);
	pg_args_free(a);
	for (int i = 0; err == ERR_NONE && i < PQntuples(r); i++) {
		struct id thread = pg_get_id(r, i, 0);
		struct ask_saying s = { .id = id_named(thread, 0, name, strlen(name)),
			.thread = thread,
			.adapter = pg_get_str(r, i, 1),
			.origin = PQgetvalue(r, i, 2),
			.origin_len = (size_t)PQgetlength(r, i, 2),
			.text = md,
			.text_len = n };
		err = ask_say(&w->ask, &s);
		*reached += err == ERR_NONE;
	}
	PQclear(r);
	return err;
}

void admins_told(struct admins_word *w, bool committed)
{
	if (w == NULL)
		return;
	ask_tell(&w->ask, committed);
	if (committed && w->ask.more_work)
		claim_now(w->as.e);
	free(w);
}
