/*
 * The tree is small and changes seldom, so all changes of a workspace's tree wait for each other: each locks the organisation's row, and what
 * it then reads (READ COMMITTED: every statement sees what was committed before it) cannot change under it.  Walks are capped, so that even a
 * cycle, which the lock prevents, would end.
 */
#include "node.h"

#include <stdio.h>
#include <string.h>

#include "../base/utf8.h"
#include "config_store.h"
#include "refuse.h"
#include "route.h"

#define WALK "32" /* more than NODE_DEPTH_MAX */
#define UP \
	"WITH RECURSIVE up AS (SELECT ws, id, parent_id, slug, kind, 1 AS depth FROM nodes WHERE ws = $1 AND id = $2 AND archived_at IS NULL" \
	" UNION ALL SELECT n.ws, n.id, n.parent_id, n.slug, n.kind, up.depth + 1 FROM up JOIN nodes n ON n.ws = up.ws AND n.id = up.parent_id" \
	" WHERE up.depth < " WALK ")"
#define DOWN \
	"WITH RECURSIVE down AS (SELECT ws, id, parent_id, slug, name, kind, 1 AS depth, ARRAY[lower(name), slug] AS at FROM nodes" \
	" WHERE ws = $1 AND id = $2 AND archived_at IS NULL UNION ALL SELECT n.ws, n.id, n.parent_id, n.slug, n.name, n.kind, down.depth + 1," \
	" down.at || lower(n.name) || n.slug FROM down JOIN nodes n ON n.ws = down.ws AND n.parent_id = down.id AND n.archived_at IS NULL" \
	" WHERE down.depth < " WALK ")"

const struct pg_statement node_statements[] = {
	/* Not FOR UPDATE: rows that refer to the organisation may be made meanwhile. */
	{ "node_lock", "SELECT 1 FROM nodes WHERE ws = $1 AND id = $1 FOR NO KEY UPDATE" },
	{ "node_standing", /* depth from the top, height with itself, and what it is */
	    UP
	    " SELECT (SELECT max(depth) FROM up), (WITH RECURSIVE down AS (SELECT $2::uuid AS id, 1 AS depth UNION ALL SELECT n.id, down.depth + 1"
	    " FROM down JOIN nodes n ON n.ws = $1 AND n.parent_id = down.id AND n.archived_at IS NULL WHERE down.depth < " WALK ")"
	    " SELECT max(depth) FROM down), up.kind, up.parent_id, up.slug, (SELECT count(*) FROM nodes WHERE ws = $1) FROM up WHERE id = $2" },
	{ "node_within", UP " SELECT 1 FROM up WHERE id = $3" },
	{ "node_taken", "SELECT 1 FROM nodes WHERE ws = $1 AND slug = $2 AND id <> $3" },
	{ "node_insert",
	    "INSERT INTO nodes (ws, id, parent_id, kind, slug, name) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (ws, id) DO NOTHING" },
	{ "node_rename", "UPDATE nodes SET name = coalesce($3, name), slug = coalesce($4, slug) WHERE ws = $1 AND id = $2" },
	{ "node_move", "UPDATE nodes SET parent_id = $3 WHERE ws = $1 AND id = $2" },
	{ "node_owns",
	    "SELECT (SELECT count(*) FROM places WHERE ws = $1 AND team_id = $2), (SELECT count(*) FROM nodes WHERE ws = $1 AND parent_id = $2"
	    " AND archived_at IS NULL), (SELECT count(*) FROM routes WHERE ws = $1 AND node_id = $2)" },
	{ "node_hand_routes", "UPDATE routes SET node_id = $3 WHERE ws = $1 AND node_id = $2" },
	{ "node_hand_places", "UPDATE places SET team_id = nullif($3::uuid, $1) WHERE ws = $1 AND team_id = $2" },
	{ "node_hand_nodes", "UPDATE nodes SET parent_id = $3 WHERE ws = $1 AND parent_id = $2 AND archived_at IS NULL" },
	{ "node_archive",
	    "UPDATE nodes SET archived_at = now(), slug = left(slug, 50) || '-' || left(replace(id::text, '-', ''), 12) WHERE ws = $1 AND id = $2" },
	{ "node_get",
	    UP " SELECT n.id, n.slug, n.name, n.kind, n.parent_id, (SELECT string_agg(slug, '/' ORDER BY depth DESC) FROM up),"
	       " (SELECT count(*) FROM places p WHERE p.ws = $1 AND coalesce(p.team_id, $1) = n.id),"
	       " (SELECT count(*) FROM members m WHERE m.ws = $1 AND m.node_id = n.id),"
	       " (SELECT count(*) FROM nodes c WHERE c.ws = $1 AND c.parent_id = n.id AND c.archived_at IS NULL)"
	       " FROM nodes n WHERE n.ws = $1 AND n.id = $2 AND n.archived_at IS NULL" },
	{ "node_list",
	    DOWN
	    " SELECT d.id, d.slug, d.name, d.kind, d.parent_id, d.depth, coalesce(p.n, 0), coalesce(m.n, 0) FROM down d"
	    " LEFT JOIN (SELECT coalesce(team_id, $1) AS id, count(*) AS n FROM places WHERE ws = $1 GROUP BY 1) p ON p.id = d.id"
	    " LEFT JOIN (SELECT node_id AS id, count(*) AS n FROM members WHERE ws = $1 GROUP BY 1) m ON m.id = d.id ORDER BY d.at" },
	{ "node_place",
	    "SELECT id, coalesce(team_id, $1), visibility FROM places WHERE ws = $1 AND (id = $4 OR (adapter = $2 AND external_id = $3)) LIMIT 1"
	    " FOR NO KEY UPDATE" },
	{ "node_assign", "UPDATE places SET team_id = nullif($3::uuid, $1) WHERE ws = $1 AND id = $2" },
	{ "node_places",
	    DOWN
	    " SELECT p.id, p.adapter, p.external_id, p.name, d.slug FROM places p JOIN down d ON d.id = coalesce(p.team_id, $1)"
	    " WHERE p.ws = $1 AND p.visibility <> 1 AND p.external_id NOT LIKE 'forgotten:%' ORDER BY d.at, p.adapter, p.name, p.external_id"
	    " LIMIT 5000" },
	{ NULL, NULL },
};

static struct pg_args *args(struct id ws, struct id id)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_id(a, id);
	return a;
}

const char *node_kind_name(enum node_kind k)
{
	static const char *const names[] = { "", "organisation", "unit", "team" };
	return k >= NODE_ORGANISATION && k <= NODE_TEAM ? names[k] : "";
}

enum err node_lock(struct pg *pg, struct id ws)
{
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	return pg_ask(pg, "node_lock", a, NULL);
}

struct standing {
	int64_t depth, height, count;
	enum node_kind kind;
	struct id parent;
};

/* ERR_INPUT: there is no such node, or it was archived. */
static enum err stand(struct pg *pg, struct id ws, struct id node, struct standing *out, struct problem *why)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "node_standing", args(ws, node), &r);
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1;
	if (there)
		*out = (struct standing){ pg_get_int8(r, 0, 0), pg_get_int8(r, 0, 1), pg_get_int8(r, 0, 5),
			(enum node_kind)pg_get_int8(r, 0, 2), pg_get_id(r, 0, 3) };
	PQclear(r);
	return there ? ERR_NONE : team_refuse(why, API_NOT_FOUND, "team", "There is no such team, or not for you.");
}

static enum err exists(struct pg *pg, const char *statement, struct pg_args *a, bool *out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, statement, a, &r);
	*out = e == ERR_NONE && PQntuples(r) > 0;
	PQclear(r);
	return e;
}

/* ---- names ---- */

static bool slug_valid(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");
	return n > 0 && n <= NODE_SLUG_MAX && s[n] == '\0' && s[0] != '-';
}

static void slug_of(const char *name, char out[NODE_SLUG_MAX + 1])
{
	size_t n = 0;
	for (const char *s = name; *s != '\0' && n < NODE_SLUG_MAX; s++) {
		char c = *s >= 'A' && *s <= 'Z' ? (char)(*s + ('a' - 'A')) : *s;
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			out[n++] = c;
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
}

static bool name_valid(const char *s)
{
	size_t n = strlen(s), i = 0, characters = 0;
	uint32_t c;
	while (i < n) {
		size_t step = utf8_decode(s + i, n - i, &c);
		if (step == 0 || c < ' ' || c == 0x7f)
			return false;
		i += step;
		characters++;
	}
	return n > 0 && characters <= 200 && s[0] != ' ' && s[n - 1] != ' ';
}

static enum err name_fits(const char *name, struct problem *why)
{
	return name_valid(name)
	    ? ERR_NONE
	    : team_refuse(why, API_INVALID, "name", "A name has 1 to 200 characters on one line, without blanks around it.");
}

/* Under the lock, so that no other can take it meanwhile. */
static enum err slug_fits(struct pg *pg, struct id ws, struct id node, const char *slug, struct problem *why)
{
	bool taken;
	if (!slug_valid(slug))
		return team_refuse(why, API_INVALID, "slug",
		    "A short name has 1 to 63 of a-z, 0-9 and hyphens, and does not begin with a hyphen.");
	struct pg_args *a = pg_args_new();
	pg_arg_id(a, ws);
	pg_arg_str(a, slug);
	pg_arg_id(a, node);
	enum err e = exists(pg, "node_taken", a, &taken);
	if (e == ERR_NONE && taken)
		return team_refuse(why, API_CONFLICT, "slug", "The short name %s is taken.", slug);
	return e;
}

/* ---- making and changing ---- */

/* May something of ${height} levels stand in ${parent}? */
static enum err may_hold(struct pg *pg, struct id ws, struct id parent, int64_t height, struct problem *why)
{
	struct standing p;
	enum err e = stand(pg, ws, parent, &p, why);
	if (e != ERR_NONE)
		return e;
	if (p.kind == NODE_TEAM)
		return team_refuse(why, API_INVALID, "parent", "A team holds no others: make a unit for them.");
	if (p.depth + height > NODE_DEPTH_MAX)
		return team_refuse(
		    why, API_INVALID, "parent", "That would be deeper than %d levels, the organisation counted.", NODE_DEPTH_MAX);
	if (p.count >= NODE_COUNT_MAX)
		return team_refuse(why, API_INVALID, "parent", "An organisation holds at most %d units and teams.", NODE_COUNT_MAX);
	return ERR_NONE;
}

enum err node_create(struct pg *pg, struct id ws, const struct node_new *n, struct problem *why)
{
	char made[NODE_SLUG_MAX + 1];
	const char *slug = n->slug;
	if (slug == NULL || slug[0] == '\0') {
		slug_of(n->name, made);
		slug = made;
		if (made[0] == '\0')
			return team_refuse(
			    why, API_INVALID, "slug", "Say a short name (a-z, 0-9, hyphens): none can be made from this name.");
	}
	enum err e = name_fits(n->name, why);
	if (e == ERR_NONE)
		e = node_lock(pg, ws);
	if (e == ERR_NONE)
		e = may_hold(pg, ws, n->parent, 1, why);
	if (e == ERR_NONE)
		e = slug_fits(pg, ws, n->id, slug, why);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = args(ws, n->id);
	pg_arg_id(a, n->parent);
	pg_arg_int2(a, (int16_t)n->kind);
	pg_arg_str(a, slug);
	pg_arg_str(a, n->name);
	return pg_ask(pg, "node_insert", a, NULL);
}

enum err node_rename(struct pg *pg, struct id ws, struct id node, const char *name, const char *slug, struct problem *why)
{
	struct standing at;
	enum err e = name == NULL ? ERR_NONE : name_fits(name, why);
	if (e == ERR_NONE)
		e = node_lock(pg, ws);
	if (e == ERR_NONE)
		e = stand(pg, ws, node, &at, why);
	if (e == ERR_NONE && slug != NULL)
		e = slug_fits(pg, ws, node, slug, why);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = args(ws, node);
	pg_arg_str(a, name);
	pg_arg_str(a, slug);
	return pg_ask(pg, "node_rename", a, NULL);
}

/* Under the lock; what somebody does not administer is not there for them. */
static enum err administers(struct pg *pg, const struct caller *by, struct id node, const char *field, struct problem *why)
{
	enum role role;
	enum err e = authority_at(pg, by, node, &role);
	if (e != ERR_NONE || role >= ROLE_ADMIN)
		return e;
	return role == ROLE_NONE ? team_refuse(why, API_NOT_FOUND, field, "There is no such team, or not for you.")
	                         : team_refuse(why, API_FORBIDDEN, field, "This takes the role admin there.");
}

static enum err not_within(struct pg *pg, struct id ws, struct id inner, struct id outer, struct problem *why)
{
	bool within;
	struct pg_args *a = args(ws, inner);
	pg_arg_id(a, outer);
	enum err e = exists(pg, "node_within", a, &within);
	if (e == ERR_NONE && within)
		return team_refuse(why, API_INVALID, "parent", "That is itself, or below it.");
	return e;
}

enum err node_move(struct pg *pg, const struct caller *by, struct id node, struct id parent, struct problem *why)
{
	struct standing at;
	enum err e = node_lock(pg, by->ws);
	if (e == ERR_NONE)
		e = stand(pg, by->ws, node, &at, why);
	if (e != ERR_NONE)
		return e;
	if (at.kind == NODE_ORGANISATION)
		return team_refuse(why, API_INVALID, "parent", "The organisation stays where it is.");
	e = administers(pg, by, at.parent, "team", why);
	if (e == ERR_NONE)
		e = administers(pg, by, parent, "parent", why);
	if (e == ERR_NONE)
		e = not_within(pg, by->ws, parent, node, why);
	if (e == ERR_NONE && !id_equal(at.parent, parent))
		e = may_hold(pg, by->ws, parent, at.height, why);
	if (e != ERR_NONE)
		return e;
	struct pg_args *a = args(by->ws, node);
	pg_arg_id(a, parent);
	e = pg_ask(pg, "node_move", a, NULL);
	return e == ERR_NONE ? config_changed(pg) : e;
}

static enum err hand_over(struct pg *pg, const char *statement, struct id ws, struct id node, struct id heir)
{
	struct pg_args *a = args(ws, node);
	pg_arg_id(a, heir);
	return pg_ask(pg, statement, a, NULL);
}

/* What ${node} owns goes to ${heir}. */
static enum err inherit(
    struct pg *pg, const struct caller *by, struct id node, struct id heir, const struct standing *at, struct problem *why)
{
	enum err e = administers(pg, by, heir, "move_to", why);
	if (e == ERR_NONE)
		e = not_within(pg, by->ws, heir, node, why);
	if (e == ERR_NONE && at->height > 1)
		e = may_hold(pg, by->ws, heir, at->height - 1, why);
	if (e == ERR_NONE)
		e = hand_over(pg, "node_hand_places", by->ws, node, heir);
	if (e == ERR_NONE)
		e = hand_over(pg, "node_hand_routes", by->ws, node, heir);
	return e != ERR_NONE ? e : hand_over(pg, "node_hand_nodes", by->ws, node, heir);
}

static enum err owns_nothing(struct pg *pg, struct id ws, struct id node, struct problem *why)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "node_owns", args(ws, node), &r);
	if (e != ERR_NONE)
		return e;
	int64_t places = pg_get_int8(r, 0, 0), nodes = pg_get_int8(r, 0, 1), routes = pg_get_int8(r, 0, 2);
	PQclear(r);
	if (places + nodes + routes == 0)
		return ERR_NONE;
	return team_refuse(why, API_CONFLICT, "team",
	    "It still owns %lld place%s, %lld route%s and %lld unit%s or team%s. Say with move_to who gets them.",
	    (long long)places, places == 1 ? "" : "s", (long long)routes, routes == 1 ? "" : "s", (long long)nodes,
	    nodes == 1 ? "" : "s", nodes == 1 ? "" : "s");
}

enum err node_archive(struct pg *pg, const struct caller *by, struct id node, struct id heir, struct problem *why)
{
	struct standing at;
	enum err e = node_lock(pg, by->ws);
	if (e == ERR_NONE)
		e = stand(pg, by->ws, node, &at, why);
	if (e != ERR_NONE)
		return e;
	if (at.kind == NODE_ORGANISATION)
		return team_refuse(why, API_INVALID, "team", "The organisation cannot be archived.");
	e = administers(pg, by, at.parent, "team", why);
	if (e == ERR_NONE && !id_is_none(heir))
		e = inherit(pg, by, node, heir, &at, why);
	if (e == ERR_NONE)
		e = owns_nothing(pg, by->ws, node, why);
	if (e == ERR_NONE)
		e = pg_ask(pg, "node_archive", args(by->ws, node), NULL);
	return e == ERR_NONE ? config_changed(pg) : e;
}

/* ---- reading ---- */

static json_t *describe(const PGresult *r, int row)
{
	char id[ID_TEXT], parent[ID_TEXT];
	json_t *o = json_pack("{s:s, s:s, s:s, s:s}", "id", id_format(pg_get_id(r, row, 0), id), "slug", pg_get_str(r, row, 1),
	    "name", pg_get_str(r, row, 2), "kind", node_kind_name((enum node_kind)pg_get_int8(r, row, 3)));
	if (!PQgetisnull(r, row, 4))
		json_object_set_new(o, "parent", json_string(id_format(pg_get_id(r, row, 4), parent)));
	return o;
}

enum err node_get(struct pg *pg, struct id ws, struct id node, json_t **out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "node_get", args(ws, node), &r);
	if (e == ERR_NONE && PQntuples(r) != 1)
		e = ERR_DENIED;
	if (e == ERR_NONE) {
		*out = describe(r, 0);
		json_object_set_new(*out, "path", json_string(pg_get_str(r, 0, 5)));
		json_object_set_new(*out, "places", json_integer(pg_get_int8(r, 0, 6)));
		json_object_set_new(*out, "members", json_integer(pg_get_int8(r, 0, 7)));
		json_object_set_new(*out, "children", json_integer(pg_get_int8(r, 0, 8)));
	}
	PQclear(r);
	return e;
}

enum err node_list(struct pg *pg, struct id ws, struct id node, json_t **out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "node_list", args(ws, node), &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		json_t *o = describe(r, i);
		json_object_set_new(o, "depth", json_integer(pg_get_int8(r, i, 5)));
		json_object_set_new(o, "places", json_integer(pg_get_int8(r, i, 6)));
		json_object_set_new(o, "members", json_integer(pg_get_int8(r, i, 7)));
		json_array_append_new(*out, o);
	}
	PQclear(r);
	return ERR_NONE;
}

/* ---- places ---- */

enum err node_assign(
    struct pg *pg, const struct caller *by, const char *name, struct id team, struct id *place, struct problem *why)
{
	static const char nowhere[] = "There is no such place, or not for you. It is ADAPTER:KEY or a place's id.";
	const char *colon = strchr(name, ':');
	struct id id = ID_NONE;
	PGresult *r = NULL;
	enum role role = ROLE_NONE;
	if (colon == NULL)
		id_parse(name, &id);
	enum err e = node_lock(pg, by->ws);
	if (e == ERR_NONE) {
		struct pg_args *a = pg_args_new();
		pg_arg_id(a, by->ws);
		pg_arg_text(a, colon == NULL ? "" : name, colon == NULL ? 0 : (size_t)(colon - name));
		pg_arg_str(a, colon == NULL ? "" : colon + 1);
		pg_arg_id(a, id);
		e = pg_ask(pg, "node_place", a, &r);
	}
	if (e != ERR_NONE)
		return e;
	bool there = PQntuples(r) == 1, own = there && pg_get_int8(r, 0, 2) == 1;
	struct id owner = there ? pg_get_id(r, 0, 1) : ID_NONE;
	*place = there ? pg_get_id(r, 0, 0) : ID_NONE;
	PQclear(r);
	if (there)
		e = authority_at(pg, by, owner, &role);
	if (e != ERR_NONE)
		return e;
	if (!there || role < ROLE_ADMIN)
		return team_refuse(why, API_NOT_FOUND, "place", nowhere);
	if (own)
		return team_refuse(why, API_INVALID, "place", "A conversation with one person belongs to them, not to a team.");
	if ((e = administers(pg, by, team, "team", why)) != ERR_NONE)
		return e;
	struct pg_args *a = args(by->ws, *place);
	pg_arg_id(a, team);
	e = pg_ask(pg, "node_assign", a, NULL);
	if (e == ERR_NONE)
		e = route_follow(pg, by->ws, *place, team);
	return e == ERR_NONE ? config_changed(pg) : e;
}

enum err node_places(struct pg *pg, struct id ws, struct id node, json_t **out)
{
	PGresult *r = NULL;
	enum err e = pg_ask(pg, "node_places", args(ws, node), &r);
	if (e != ERR_NONE)
		return e;
	*out = json_array();
	for (int i = 0; i < PQntuples(r); i++) {
		char id[ID_TEXT];
		const char *name = pg_get_str(r, i, 3);
		json_array_append_new(*out,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", id_format(pg_get_id(r, i, 0), id), "adapter", pg_get_str(r, i, 1),
		        "key", pg_get_str(r, i, 2), "name", name == NULL ? "" : name, "team", pg_get_str(r, i, 4)));
	}
	PQclear(r);
	return ERR_NONE;
}
