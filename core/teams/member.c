/*
 * Every change holds the lock of the tree, asks for the giver's role once more under it, and looks afterwards whether an owner is left: two
 * owners who take each other's role at the same time leave one.
 */
#include "member.h"

#include <string.h>

#include "node.h"
#include "refuse.h"

const struct pg_statement member_statements[] = {
	{ "member_find",
	    "SELECT coalesce(p.user_id, p.id), u.bot FROM people p JOIN people u ON u.ws = p.ws AND u.id = CASE WHEN p.user_id IS NOT NULL"
	    " THEN p.user_id ELSE p.id END WHERE p.ws = $1 AND p.id = (SELECT coalesce((SELECT i.person_id FROM identities i WHERE i.ws = $1"
	    " AND i.adapter = $2 AND i.external_id = $3), $4::uuid))" },
	{ "member_role",
	    "SELECT coalesce((SELECT role FROM members WHERE ws = $1 AND node_id = $2 AND person_id = $3), -1::int2), role_at($3, $2)" },
	{ "member_put",
	    "INSERT INTO members (ws, node_id, person_id, role) VALUES ($1, $2, $3, $4) ON CONFLICT (ws, node_id, person_id)"
	    " DO UPDATE SET role = excluded.role" },
	{ "member_remove", "DELETE FROM members WHERE ws = $1 AND node_id = $2 AND person_id = $3" },
	{ "member_owned", /* somebody who was made an owner, or who is one because they sit at the terminal */
	    "SELECT EXISTS (SELECT 1 FROM members WHERE ws = $1 AND node_id = $1 AND role = 4) OR EXISTS (SELECT 1 FROM identities i"
	    " WHERE i.ws = $1 AND i.adapter = 'web' AND i.external_id = 'local' AND role_at(i.person_id, $1) = 4)" },
	{ "member_list",
	    "WITH RECURSIVE up AS (SELECT ws, id, parent_id, slug, 1 AS depth FROM nodes WHERE ws = $1 AND id = $2 UNION ALL"
	    " SELECT n.ws, n.id, n.parent_id, n.slug, up.depth + 1 FROM up JOIN nodes n ON n.ws = up.ws AND n.id = up.parent_id"
	    " WHERE up.depth < 32)"
	    " SELECT m.person_id, p.name, m.role, up.slug, (SELECT string_agg(i.adapter || ':' || i.external_id, ' ' ORDER BY i.adapter, i.external_id)"
	    " FROM identities i WHERE i.ws = $1 AND (i.person_id = m.person_id OR i.person_id IN (SELECT l.id FROM people l WHERE l.ws = $1"
	    " AND l.user_id = m.person_id)))"
	    " FROM up JOIN members m ON m.ws = up.ws AND m.node_id = up.id JOIN people p ON p.ws = m.ws AND p.id = m.person_id"
	    " ORDER BY m.role DESC, up.depth, p.name, m.person_id LIMIT 1000" },
	{ NULL, NULL },
};

enum err member_find(struct pg *pg, struct id ws, const char *name, struct id *user, struct problem *why)
{
	struct id id = ID_NONE;
	const char *colon = strchr(name, ':');
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	if (colon == NULL)
		id_parse(name, &id);
	pg_arg_id(a, ws);
	pg_arg_text(a, colon == NULL ? "" : name, colon == NULL ? 0 : (size_t)(colon - name));
	pg_arg_str(a, colon == NULL ? "" : colon + 1);
	pg_arg_id(a, id);
	enum err e = pg_ask(pg, "member_find", a, &r);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1, bot = there && pg_get_bool(r, 0, 1);
	*user = there ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	if (!there)
		return team_refuse(
		    why, API_NOT_FOUND, "person", "Nobody is known by that name; it is ADAPTER:ID or a person's id.");
	return bot ? team_refuse(why, API_INVALID, "person", "That is a program; programs have keys, not roles.") : ERR_NONE;
}

static struct pg_args *which(struct id ws, struct id node, struct id user)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	pg_arg_id(a, user);
	return a;
}

struct standing {
	int given;      /* there; -1: nothing */
	enum role role; /* in all */
};

static enum err standing(struct pg *pg, struct id ws, struct id node, struct id user, struct standing *out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "member_role", which(ws, node, user), &r);
	if (e == ERR_NONE)
		*out = (struct standing){ (int)pg_get_int8(r, 0, 0), (enum role)pg_get_int8(r, 0, 1) };
	PQclear(r);
	return e;
}

static enum err owned(struct pg *pg, struct id ws, bool *out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	enum err e = pg_ask(pg, "member_owned", a, &r);
	*out = e == ERR_NONE && pg_get_bool(r, 0, 0);
	PQclear(r);
	return e;
}

static enum err above(struct problem *why, enum role own)
{
	return team_refuse(
	    why, API_FORBIDDEN, "role", "Nobody gives or takes a role above their own, which is %s.", role_name(own));
}

/* ${role} -1: takes away what was given. */
static enum err change(struct pg *pg, const struct caller *by, struct id node, struct id user, int role, struct problem *why)
{
	enum role own = ROLE_NONE;
	struct standing was = { 0 }, is = { 0 };
	bool before = false, after = false;
	enum err e = node_lock(pg, by->ws);
	if (e == ERR_NONE)
		e = authority_at(pg, by, node, &own);
	if (e == ERR_NONE)
		e = standing(pg, by->ws, node, user, &was);
	if (e == ERR_NONE)
		e = owned(pg, by->ws, &before);
	if (e != ERR_NONE)
		return e;
	if (own < ROLE_ADMIN)
		return team_refuse(why, API_FORBIDDEN, "", "This takes the role admin.");
	if (role > (int)own || was.role > own)
		return above(why, own);
	if (role < 0 && was.given < 0)
		return team_refuse(why, API_NOT_FOUND, "person", "Nothing was given to them there.");
	struct pg_args *a = which(by->ws, node, user);
	if (role >= 0)
		pg_arg_int2(a, (int16_t)role);
	e = pg_ask(pg, role >= 0 ? "member_put" : "member_remove", a, NULL);
	if (e == ERR_NONE)
		e = standing(pg, by->ws, node, user, &is);
	if (e == ERR_NONE)
		e = owned(pg, by->ws, &after);
	if (e == ERR_NONE && is.role > own) /* what the platform implies holds again, and is more */
		return above(why, own);
	if (e == ERR_NONE && before && !after)
		return team_refuse(
		    why, API_CONFLICT, "role", "That would leave the organisation without an owner. Make somebody else one first.");
	return e;
}

enum err member_put(struct pg *pg, const struct caller *by, struct id node, struct id user, enum role role, struct problem *why)
{
	return change(pg, by, node, user, (int)role, why);
}

enum err member_remove(struct pg *pg, const struct caller *by, struct id node, struct id user, struct problem *why)
{
	return change(pg, by, node, user, -1, why);
}

enum err member_list(struct pg *pg, struct id ws, struct id node, json_t **out)
{
	struct pg_args *a = pg_args_new();
	PGresult *r = NULL;
	pg_arg_id(a, ws);
	pg_arg_id(a, node);
	enum err e = pg_ask(pg, "member_list", a, &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		char text[ID_TEXT];
		const char *name = pg_get_str(r, i, 1), *known = pg_get_str(r, i, 4);
		json_array_append_new(*out,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "person", id_format(pg_get_id(r, i, 0), text), "name",
		        name == NULL ? "" : name, "role", role_name((enum role)pg_get_int8(r, i, 2)), "at", pg_get_str(r, i, 3),
		        "known_as", known == NULL ? "" : known));
	}
	PQclear(r);
	return ERR_NONE;
}
