/*
 * Roles are asked of the database each time (role_at() of migration 015), not kept: taking one away holds from the next call on.
 */
#include "authority.h"

#include <string.h>

static const char *const names[] = { "none", "viewer", "member", "admin", "owner" };

const struct pg_statement authority_statements[] = {
	{ "authority_of", "SELECT coalesce(p.user_id, p.id), role_at(p.id, $1::uuid) FROM people p WHERE p.ws = $1 AND p.id = $2" },
	{ "authority_at", "SELECT role_at($1, $2)" },
	{ "authority_within", /* is ${1} at or below ${2} */
	    "WITH RECURSIVE up AS (SELECT ws, id, parent_id, 1 AS depth FROM nodes WHERE ws = $3 AND id = $1 AND archived_at IS NULL UNION ALL"
	    " SELECT n.ws, n.id, n.parent_id, up.depth + 1 FROM up JOIN nodes n ON n.ws = up.ws AND n.id = up.parent_id WHERE up.depth < 32)"
	    " SELECT 1 FROM up WHERE id = $2" },
	{ "authority_node",
	    "SELECT id FROM nodes WHERE ws = $1 AND archived_at IS NULL AND (CASE WHEN $2::text = '' THEN id = $1 ELSE slug = $2 OR id::text = lower($2) END)"
	    " ORDER BY slug = $2 DESC LIMIT 1" },
	{ "authority_there", /* node ${2}; the role there of person ${3}, NULL: none is asked for; is it at or below ${4} */
	    "WITH n AS MATERIALIZED (SELECT id FROM nodes WHERE ws = $1 AND archived_at IS NULL"
	    " AND (CASE WHEN $2::text = '' THEN id = $1 ELSE slug = $2 OR id::text = lower($2) END) ORDER BY slug = $2 DESC LIMIT 1)"
	    " SELECT n.id, CASE WHEN $3::uuid IS NOT NULL THEN role_at($3, n.id) END, $4::uuid IS NULL OR EXISTS ("
	    "WITH RECURSIVE up AS (SELECT x.id, x.parent_id, 1 AS depth FROM nodes x WHERE x.ws = $1 AND x.id = n.id AND x.archived_at IS NULL"
	    " UNION ALL SELECT x.id, x.parent_id, up.depth + 1 FROM up JOIN nodes x ON x.ws = $1 AND x.id = up.parent_id WHERE up.depth < 32)"
	    " SELECT 1 FROM up WHERE up.id = $4) FROM n" },
	{ NULL, NULL },
};

const char *role_name(enum role r)
{
	return (size_t)r < sizeof names / sizeof *names ? names[r] : "none";
}

bool role_from_name(const char *name, enum role *out)
{
	for (size_t i = 0; name != NULL && i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], name) == 0) {
			*out = (enum role)i;
			return true;
		}
	return false;
}

/* One row of at most two columns about ${ids}; ${out} stays NULL when there is none. */
static enum err ask(struct pg *pg, const char *statement, const struct id *ids, size_t n, PGresult **out)
{
	struct pg_args *a = pg_args_new();
	for (size_t i = 0; i < n; i++)
		pg_arg_id(a, ids[i]);
	enum err e = pg_query(pg, statement, a, out);
	pg_args_free(a);
	if (e == ERR_NONE && PQntuples(*out) == 0) {
		PQclear(*out);
		*out = NULL;
	}
	return e;
}

enum err authority_of(struct pg *pg, struct id ws, struct id person, const char *via, struct caller *out)
{
	PGresult *r = NULL;
	memset(out, 0, sizeof *out);
	out->via = via;
	enum err e = ask(pg, "authority_of", (struct id[]){ ws, person }, 2, &r);
	if (e != ERR_NONE)
		return e;
	if (r == NULL)
		return ERR_DENIED;
	out->ws = ws;
	out->person = person;
	out->user = pg_get_id(r, 0, 0);
	out->role = (enum role)pg_get_int8(r, 0, 1);
	out->scopes = SCOPE_ALL;
	PQclear(r);
	return ERR_NONE;
}

enum err authority_at(struct pg *pg, const struct caller *c, struct id node, enum role *out)
{
	bool of_key = !id_is_none(c->key);
	PGresult *r = NULL;
	enum role role = ROLE_OWNER;
	enum err e = ERR_NONE;
	*out = ROLE_NONE;
	if (of_key) {
		e = ask(pg, "authority_within", (struct id[]){ node, id_is_none(c->node) ? c->ws : c->node, c->ws }, 3, &r);
		role = r != NULL ? c->role : ROLE_NONE;
		PQclear(r);
		r = NULL;
	}
	/* A person's key never does more than its person there. */
	if (e == ERR_NONE && (!of_key || !id_is_none(c->person))) {
		e = ask(pg, "authority_at", (struct id[]){ c->person, node }, 2, &r);
		enum role of_person = r != NULL ? (enum role)pg_get_int8(r, 0, 0) : ROLE_NONE;
		role = of_person < role ? of_person : role;
		PQclear(r);
	}
	if (e == ERR_NONE)
		*out = role;
	return e;
}

enum err authority_node(struct pg *pg, struct id ws, const char *name, struct id *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_str(a, name == NULL ? "" : name);
	enum err e = pg_query(pg, "authority_node", a, &r);
	pg_args_free(a);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1;
	*out = there ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	return there ? ERR_NONE : ERR_INPUT;
}

enum err authority_there(struct pg *pg, const struct caller *c, const char *name, struct id *node, enum role *out)
{
	bool of_key = !id_is_none(c->key);
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, c->ws);
	pg_arg_str(a, name == NULL ? "" : name);
	pg_arg_id(a, c->person);
	pg_arg_id(a, !of_key ? ID_NONE : id_is_none(c->node) ? c->ws : c->node);
	enum err e = pg_query(pg, "authority_there", a, &r);
	pg_args_free(a);
	*out = ROLE_NONE;
	if (e == ERR_NONE && PQntuples(r) == 0)
		e = ERR_INPUT;
	if (e == ERR_NONE) {
		enum role of_person = (enum role)pg_get_int8(r, 0, 1), role = of_key ? c->role : of_person;
		*node = pg_get_id(r, 0, 0);
		/* A person's key never does more than its person there. */
		if (of_key && !id_is_none(c->person) && of_person < role)
			role = of_person;
		*out = pg_get_bool(r, 0, 2) ? role : ROLE_NONE;
	}
	PQclear(r);
	return e;
}
